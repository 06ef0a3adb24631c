/**
 * @file context.h
 * The context: allocator, logger, clock and seed that everything else is made from.
 *
 * The library has no global state. Objects of different contexts share nothing, and may be used in
 * different threads without any care.
 */
#ifndef AIRE_CONTEXT_H
#define AIRE_CONTEXT_H

#include "aire/status.h"

AIRE_BEGIN_DECLS

/** A context. Reference counted; thread-safe. */
typedef struct aire_ctx aire_ctx;

/** One call to a language model, as told to the call sink; see model_call.h. */
typedef struct aire_model_call aire_model_call;

/**
 * Where memory comes from. All three functions are called from any thread, at once, and must not
 * call back into the library. Blocks are aligned as malloc aligns them.
 */
typedef struct aire_allocator {
    uint32_t struct_size; /**< sizeof(aire_allocator) */
    uint32_t reserved;    /**< must be 0 */
    /** Allocate @p size bytes (never 0); NULL when there is no memory. */
    void *(*alloc)(size_t size, void *user_data);
    /** Resize @p ptr (never NULL) to @p size bytes (never 0); NULL leaves @p ptr as it was. */
    void *(*resize)(void *ptr, size_t size, void *user_data);
    /** Free @p ptr (never NULL). */
    void (*release)(void *ptr, void *user_data);
    void *user_data; /**< borrowed; must outlive the context */
} aire_allocator;

/** Log levels, most important first. */
enum {
    AIRE_LOG_NONE = 0,    /**< nothing at all */
    AIRE_LOG_ERROR = 1,   /**< something failed that no caller is told of */
    AIRE_LOG_WARNING = 2, /**< something works less well than it could */
    AIRE_LOG_INFO = 3,    /**< progress worth a line */
    AIRE_LOG_DEBUG = 4    /**< everything */
};

/**
 * Receives log lines. May be called on library threads, several at once; must not call back into
 * the library. @p component and @p message (UTF-8, no final newline) are borrowed for the call.
 */
typedef void (*aire_log_fn)(int32_t level, const char *component, const char *message,
                            void *user_data);

/** Returns a time; see aire_ctx_options. Called on any thread. */
typedef int64_t (*aire_clock_fn)(void *user_data);

/** Options of aire_ctx_new. All zero (but struct_size) means the defaults. */
typedef struct aire_ctx_options {
    uint32_t struct_size;            /**< sizeof(aire_ctx_options) */
    int32_t log_level;               /**< AIRE_LOG_*: the finest level passed on; default none */
    const aire_allocator *allocator; /**< copied; NULL for the C library's malloc */
    aire_log_fn log;                 /**< NULL: silent */
    void *log_user_data;             /**< borrowed; must outlive the context */
    aire_clock_fn monotonic_ns; /**< steady time in nanoseconds; NULL for the system's clock */
    aire_clock_fn unix_ms;      /**< wall-clock time, ms since 1970; NULL for the system's clock */
    void *clock_user_data;      /**< borrowed; must outlive the context */
    uint64_t seed;              /**< seed of every random decision; any value, default 0 */
} aire_ctx_options;

/** Default options. */
#define AIRE_CTX_OPTIONS_INIT                                                                      \
    { sizeof(aire_ctx_options), 0, NULL, NULL, NULL, NULL, NULL, NULL, 0 }

/** Set @p options of @p size bytes to the defaults; AIRE_ABI if @p size is unknown. @since 0.1 */
AIRE_API aire_status aire_ctx_options_init(aire_ctx_options *options, size_t size);

/**
 * Make a context.
 *
 * @param options nullable: the defaults
 * @param[out] out owned by caller, release with aire_ctx_unref; NULL on failure
 * @return AIRE_OK, AIRE_NOMEM, AIRE_INVALID (incomplete allocator), AIRE_ABI
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_ctx_new(const aire_ctx_options *options, aire_ctx **out);

/** Take a reference; returns @p ctx. @since 0.1 */
AIRE_API aire_ctx *aire_ctx_ref(aire_ctx *ctx);

/** Drop a reference; NULL is allowed. @since 0.1 */
AIRE_API void aire_ctx_unref(aire_ctx *ctx);

/** Allocate @p size bytes from the context's allocator; NULL when there is no memory. @since 0.1 */
AIRE_API AIRE_CHECK void *aire_alloc(aire_ctx *ctx, size_t size);

/** Resize a block (NULL allocates); NULL when there is no memory, @p ptr is then as it was. @since 0.1 */
AIRE_API AIRE_CHECK void *aire_realloc(aire_ctx *ctx, void *ptr, size_t size);

/** Free what a function documents as "owned by caller, free with aire_free"; NULL is allowed. @since 0.1 */
AIRE_API void aire_free(aire_ctx *ctx, void *ptr);

/** Steady time in nanoseconds, by the context's clock. @since 0.1 */
AIRE_API int64_t aire_ctx_monotonic_ns(aire_ctx *ctx);

/** Wall-clock time in milliseconds since 1970, by the context's clock. @since 0.1 */
AIRE_API int64_t aire_ctx_unix_ms(aire_ctx *ctx);

/** The seed that the context was made with. @since 0.1 */
AIRE_API uint64_t aire_ctx_seed(const aire_ctx *ctx);

/** Whether a line of @p level would reach the logger. @since 0.1 */
AIRE_API int32_t aire_log_enabled(aire_ctx *ctx, int32_t level);

/** Pass a line to the context's logger. @since 0.1 */
AIRE_API void aire_log(aire_ctx *ctx, int32_t level, const char *component, const char *message);

/**
 * Receives each finished language-model call, on the thread that made it; @p call is borrowed.
 * Its status is only logged: a call that was paid for is never undone.
 */
typedef aire_status (*aire_call_sink)(const aire_model_call *call, void *user_data);

/**
 * Set where finished language-model calls are told; NULL for nowhere. A store that is opened for
 * writing sets itself. Thread-safe; returns once no call is inside the former sink.
 * @since 0.1
 */
AIRE_API void aire_ctx_set_call_sink(aire_ctx *ctx, aire_call_sink sink, void *user_data);

/** Tell a finished call to the sink, if there is one; for hosts with models of their own. @since 0.1 */
AIRE_API void aire_ctx_tell_call(aire_ctx *ctx, const aire_model_call *call);

AIRE_END_DECLS

#endif
