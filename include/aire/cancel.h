/**
 * @file cancel.h
 * Cancel tokens: one thread, or a signal handler, asks others to stop.
 */
#ifndef AIRE_CANCEL_H
#define AIRE_CANCEL_H

#include "aire/context.h"

AIRE_BEGIN_DECLS

/** A cancel token. Reference counted; thread-safe. Once fired it stays fired. */
typedef struct aire_cancel aire_cancel;

/**
 * Make a token.
 *
 * @param[out] out owned by caller, release with aire_cancel_unref; NULL on failure
 * @return AIRE_OK, AIRE_NOMEM, AIRE_IO (no descriptor left)
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_cancel_new(aire_ctx *ctx, aire_cancel **out);

/** Take a reference; returns @p cancel. @since 0.1 */
AIRE_API aire_cancel *aire_cancel_ref(aire_cancel *cancel);

/** Drop a reference; NULL is allowed. @since 0.1 */
AIRE_API void aire_cancel_unref(aire_cancel *cancel);

/**
 * Fire the token: every operation that was given it ends with AIRE_CANCELLED soon, unless it had
 * finished already. Async-signal-safe; firing twice is the same as once. @since 0.1
 */
AIRE_API void aire_cancel_fire(aire_cancel *cancel);

/** Whether the token has been fired; 0 for NULL. Async-signal-safe. @since 0.1 */
AIRE_API int32_t aire_cancel_fired(const aire_cancel *cancel);

/** A descriptor that polls readable once the token is fired. Borrowed: never read or close it. @since 0.1 */
AIRE_API int32_t aire_cancel_fd(const aire_cancel *cancel);

AIRE_END_DECLS

#endif
