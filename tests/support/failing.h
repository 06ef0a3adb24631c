/*
 * A context whose allocator fails at the k-th allocation, and counts what is live.
 *
 * OOM_LOOP runs a body for k = 0, 1, 2, ... until it gets through: every failure on the way must be
 * AIRE_NOMEM, and nothing may stay allocated.
 */
#ifndef TESTS_SUPPORT_FAILING_H
#define TESTS_SUPPORT_FAILING_H

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "aire/context.h"

typedef struct failing {
    atomic_llong countdown; /* allocations that still succeed; negative: all do */
    atomic_llong live;      /* blocks that are allocated now */
} failing;

static inline int failing_spends(failing *f)
{
    long long left = atomic_load(&f->countdown);
    if (left < 0)
        return 1;
    if (left == 0)
        return 0;
    atomic_store(&f->countdown, left - 1);
    return 1;
}

static inline void *failing_alloc(size_t size, void *user_data)
{
    failing *f = user_data;
    void *ptr = failing_spends(f) ? malloc(size) : NULL;
    if (ptr)
        atomic_fetch_add(&f->live, 1);
    return ptr;
}

static inline void *failing_resize(void *ptr, size_t size, void *user_data)
{
    return failing_spends(user_data) ? realloc(ptr, size) : NULL;
}

static inline void failing_release(void *ptr, void *user_data)
{
    failing *f = user_data;
    atomic_fetch_sub(&f->live, 1);
    free(ptr);
}

/* A context on `f`; its own making always succeeds. */
static inline aire_ctx *failing_ctx(failing *f, uint64_t seed)
{
    aire_allocator allocator = {sizeof allocator, 0, failing_alloc, failing_resize,
                                failing_release,  f};
    aire_ctx_options options = AIRE_CTX_OPTIONS_INIT;
    aire_ctx *ctx = NULL;
    options.allocator = &allocator;
    options.seed = seed;
    atomic_init(&f->countdown, -1);
    atomic_init(&f->live, 0);
    if (aire_ctx_new(&options, &ctx) != AIRE_OK)
        abort();
    return ctx;
}

/* Whether so many blocks are live, at the latest soon: a thread that told of an end may still be
 * clearing up. */
static inline int failing_settles(failing *f, long long live)
{
    for (int round = 0; round < 2000 && atomic_load(&f->live) != live; round++)
        usleep(1000);
    return atomic_load(&f->live) == live;
}

/*
 * Run `call` (an expression of aire_status) with ever later failures until it is AIRE_OK; needs
 * <cmocka.h>. `undo` cleans up after the success. At most 100,000 rounds.
 */
#define OOM_LOOP(f, call, undo)                                                                    \
    do {                                                                                           \
        long long oom_before = atomic_load(&(f)->live);                                            \
        for (long long oom_k = 0;; oom_k++) {                                                      \
            assert_true(oom_k < 100000);                                                           \
            atomic_store(&(f)->countdown, oom_k);                                                  \
            aire_status oom_status = (call);                                                       \
            atomic_store(&(f)->countdown, -1);                                                     \
            if (oom_status == AIRE_OK) {                                                           \
                undo;                                                                              \
                assert_true(failing_settles(f, oom_before));                                       \
                break;                                                                             \
            }                                                                                      \
            assert_int_equal(oom_status, AIRE_NOMEM);                                              \
            assert_true(failing_settles(f, oom_before));                                           \
        }                                                                                          \
    } while (0)

#endif
