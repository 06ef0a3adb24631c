/* The context: allocator, logger, clock, seed, and the sink for model calls. */
#include "aire/context.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aire/error.h"
#include "base/options.h"
#include "base/ref.h"

struct aire_ctx {
    aire_refcount refs;
    aire_allocator allocator;
    int32_t log_level;
    aire_log_fn log;
    void *log_user_data;
    aire_clock_fn monotonic_ns;
    aire_clock_fn unix_ms;
    void *clock_user_data;
    uint64_t seed;
    pthread_mutex_t sink_lock; /* held while inside the sink, so that it can be taken away safely */
    aire_call_sink sink;
    void *sink_user_data;
};

static void *system_alloc(size_t size, void *user_data)
{
    return malloc(size);
}

static void *system_resize(void *ptr, size_t size, void *user_data)
{
    return realloc(ptr, size);
}

static void system_release(void *ptr, void *user_data)
{
    free(ptr);
}

static const aire_allocator system_allocator = {
    sizeof(aire_allocator), 0, system_alloc, system_resize, system_release, NULL};

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t system_monotonic_ns(void *user_data)
{
    return read_clock(CLOCK_MONOTONIC);
}

static int64_t system_unix_ms(void *user_data)
{
    return read_clock(CLOCK_REALTIME) / 1000000;
}

aire_status aire_ctx_options_init(aire_ctx_options *options, size_t size)
{
    return aire__options_init(options, size, sizeof(aire_ctx_options), sizeof(aire_ctx_options),
                              "aire_ctx_options");
}

static aire_status take_allocator(const aire_allocator *given, aire_allocator *allocator)
{
    if (!given) {
        *allocator = system_allocator;
        return AIRE_OK;
    }
    aire_status status = aire__options_take(given, allocator, sizeof *allocator, sizeof *allocator,
                                            "aire_allocator");
    if (status != AIRE_OK)
        return status;
    if (!allocator->alloc || !allocator->resize || !allocator->release)
        return aire_error_set(AIRE_INVALID, 0,
                              "aire_allocator: alloc, resize and release must all be set");
    return AIRE_OK;
}

aire_status aire_ctx_new(const aire_ctx_options *options, aire_ctx **out)
{
    if (!out)
        return aire_error_set(AIRE_INVALID, 0, "aire_ctx_new: out is NULL");
    *out = NULL;

    aire_ctx_options given;
    aire_allocator allocator;
    aire_status status =
        aire__options_take(options, &given, sizeof given, sizeof given, "aire_ctx_options");
    if (status == AIRE_OK)
        status = take_allocator(given.allocator, &allocator);
    if (status != AIRE_OK)
        return status;

    aire_ctx *ctx = allocator.alloc(sizeof *ctx, allocator.user_data);
    if (!ctx)
        return aire_error_set(AIRE_NOMEM, 0, NULL);
    *ctx = (aire_ctx){
        .allocator = allocator,
        .log_level = given.log ? given.log_level : AIRE_LOG_NONE,
        .log = given.log,
        .log_user_data = given.log_user_data,
        .monotonic_ns = given.monotonic_ns ? given.monotonic_ns : system_monotonic_ns,
        .unix_ms = given.unix_ms ? given.unix_ms : system_unix_ms,
        .clock_user_data = given.clock_user_data,
        .seed = given.seed,
    };
    aire__ref_init(&ctx->refs);
    pthread_mutex_init(&ctx->sink_lock, NULL);
    *out = ctx;
    return AIRE_OK;
}

aire_ctx *aire_ctx_ref(aire_ctx *ctx)
{
    if (ctx)
        aire__ref_take(&ctx->refs);
    return ctx;
}

void aire_ctx_unref(aire_ctx *ctx)
{
    if (!ctx || !aire__ref_drop(&ctx->refs))
        return;
    pthread_mutex_destroy(&ctx->sink_lock);
    aire_allocator allocator = ctx->allocator;
    allocator.release(ctx, allocator.user_data);
}

void *aire_alloc(aire_ctx *ctx, size_t size)
{
    return ctx->allocator.alloc(size ? size : 1, ctx->allocator.user_data);
}

void *aire_realloc(aire_ctx *ctx, void *ptr, size_t size)
{
    if (!ptr)
        return aire_alloc(ctx, size);
    return ctx->allocator.resize(ptr, size ? size : 1, ctx->allocator.user_data);
}

void aire_free(aire_ctx *ctx, void *ptr)
{
    if (ptr)
        ctx->allocator.release(ptr, ctx->allocator.user_data);
}

int64_t aire_ctx_monotonic_ns(aire_ctx *ctx)
{
    return ctx->monotonic_ns(ctx->clock_user_data);
}

int64_t aire_ctx_unix_ms(aire_ctx *ctx)
{
    return ctx->unix_ms(ctx->clock_user_data);
}

uint64_t aire_ctx_seed(const aire_ctx *ctx)
{
    return ctx->seed;
}

int32_t aire_log_enabled(aire_ctx *ctx, int32_t level)
{
    return level > AIRE_LOG_NONE && level <= ctx->log_level;
}

void aire_log(aire_ctx *ctx, int32_t level, const char *component, const char *message)
{
    if (aire_log_enabled(ctx, level))
        ctx->log(level, component, message, ctx->log_user_data);
}

void aire_ctx_set_call_sink(aire_ctx *ctx, aire_call_sink sink, void *user_data)
{
    pthread_mutex_lock(&ctx->sink_lock);
    ctx->sink = sink;
    ctx->sink_user_data = user_data;
    pthread_mutex_unlock(&ctx->sink_lock);
}

void aire_ctx_tell_call(aire_ctx *ctx, const aire_model_call *call)
{
    aire_status status = AIRE_OK;
    pthread_mutex_lock(&ctx->sink_lock);
    if (ctx->sink)
        status = ctx->sink(call, ctx->sink_user_data);
    pthread_mutex_unlock(&ctx->sink_lock);
    if (status != AIRE_OK)
        aire_log(ctx, AIRE_LOG_ERROR, "model", "a finished model call could not be recorded");
}
