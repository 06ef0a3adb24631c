/*
 * What the fuzz targets share. A target is one file with LLVMFuzzerTestOneInput; driver.c feeds it,
 * or libFuzzer does.
 *
 * Each input is used twice: with memory, and with an allocator that fails somewhere, which depends
 * on the input alone. Either way nothing may stay allocated, JSON values included.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "support/failing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold; else the process ends, and the driver keeps the input. */
#define FUZZ_NEED(condition)                                                                       \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);         \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static failing fuzz_memory;
static aire_ctx *fuzz_ctx;

/* Counted, but always granted: jansson does not always say that it was memory that it lacked. */
static inline void *fuzz_json_alloc(size_t size)
{
    void *ptr = malloc(size);
    if (ptr)
        atomic_fetch_add(&fuzz_memory.live, 1);
    return ptr;
}

static inline void fuzz_json_free(void *ptr)
{
    if (ptr)
        failing_release(ptr, &fuzz_memory);
}

/* Whether this is the first call: then the target sets up what it needs besides the context. */
static inline bool fuzz_begins(void)
{
    if (fuzz_ctx)
        return false;
    fuzz_ctx = failing_ctx(&fuzz_memory, 0);
    json_set_alloc_funcs(fuzz_json_alloc, fuzz_json_free);
    return true;
}

static inline uint64_t fuzz_hash(const uint8_t *data, size_t size)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ data[i]) * 1099511628211u;
    return hash ^ hash >> 29;
}

/* `body` is told whether the allocator may fail; all that it allocates it must free. */
static inline void fuzz_twice(const uint8_t *data, size_t size,
                              void (*body)(const uint8_t *data, size_t size, bool starved))
{
    const long long plenty = LLONG_MAX;
    long long before = atomic_load(&fuzz_memory.live);
    atomic_store(&fuzz_memory.countdown, plenty);
    body(data, size, false);
    uint64_t used = (uint64_t)(plenty - atomic_load(&fuzz_memory.countdown));
    FUZZ_NEED(atomic_load(&fuzz_memory.live) == before);
    atomic_store(&fuzz_memory.countdown, (long long)(fuzz_hash(data, size) % (used + 1)));
    body(data, size, true);
    atomic_store(&fuzz_memory.countdown, -1);
    FUZZ_NEED(atomic_load(&fuzz_memory.live) == before);
}

#endif
