/**
 * @file error.h
 * The detail behind a failed call: what went wrong, where, and what to do about it.
 *
 * Each thread has one detail. It is set by a failing call, and stays valid until the next call into
 * the library on the same thread fails. It lives in static storage, so setting it never allocates.
 */
#ifndef AIRE_ERROR_H
#define AIRE_ERROR_H

#include "aire/status.h"

AIRE_BEGIN_DECLS

/** Longest message kept, in bytes, with its final NUL; a longer one is cut at a UTF-8 boundary. */
#define AIRE_ERROR_MESSAGE_MAX 1024

/** Detail of the last failure on this thread. Opaque, static storage, never freed. */
typedef struct aire_error aire_error;

/** Detail of the last failed call on this thread; never NULL. @since 0.1 */
AIRE_API const aire_error *aire_last_error(void);

/** Status of the failure; AIRE_OK if no call has failed on this thread. @since 0.1 */
AIRE_API aire_status aire_error_status(const aire_error *error);

/** Message in UTF-8; "" if there is none. Borrowed, until the next failure on this thread. @since 0.1 */
AIRE_API const char *aire_error_message(const aire_error *error);

/** The errno or HTTP status behind the failure; 0 if there is none. @since 0.1 */
AIRE_API int32_t aire_error_code(const aire_error *error);

/**
 * Set the detail of this thread, for host code that implements a vtable: call it before returning
 * @p status from the callback.
 *
 * @param status  the failure; AIRE_OK clears the detail
 * @param code    errno or HTTP status behind it, 0 for none
 * @param message copied; NULL or "" for the status's own message
 * @return @p status, so that a callback can `return aire_error_set(...)`
 * @since 0.1
 */
AIRE_API aire_status aire_error_set(aire_status status, int32_t code, const char *message);

AIRE_END_DECLS

#endif
