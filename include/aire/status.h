/**
 * @file status.h
 * The status codes that every fallible function returns.
 *
 * AIRE_OK is 0, failures are negative, and the two positive codes (AIRE_DONE and AIRE_EMPTY) are
 * ordinary answers rather than failures. A value, once given, is never reused.
 */
#ifndef AIRE_STATUS_H
#define AIRE_STATUS_H

#include "aire/api.h"

AIRE_BEGIN_DECLS

/** What a fallible function returns; one of the AIRE_* codes below. */
typedef int32_t aire_status;

/** The one list of status codes: X(NAME, value, message). */
#define AIRE_STATUS_MAP(X)                                                                         \
    X(EMPTY, 2, "nothing there now")                                                               \
    X(DONE, 1, "nothing more will come")                                                           \
    X(OK, 0, "success")                                                                            \
    X(NOMEM, -1, "out of memory")                                                                  \
    X(INVALID, -2, "invalid argument")                                                             \
    X(STATE, -3, "not allowed in this state")                                                      \
    X(NOT_FOUND, -4, "not found")                                                                  \
    X(EXISTS, -5, "already exists")                                                                \
    X(IO, -6, "input or output failed")                                                            \
    X(NET, -7, "network failed")                                                                   \
    X(PROTOCOL, -8, "the other side sent something unexpected")                                    \
    X(AUTH, -9, "authentication failed")                                                           \
    X(RATE_LIMITED, -10, "rate limited")                                                           \
    X(TIMEOUT, -11, "timed out")                                                                   \
    X(CANCELLED, -12, "cancelled")                                                                 \
    X(SANDBOX, -13, "the sandbox could not be set up")                                             \
    X(CHILD_FAILED, -14, "a child process failed")                                                 \
    X(LIMIT, -15, "a limit was reached")                                                           \
    X(UNSUPPORTED, -16, "not supported here")                                                      \
    X(ABI, -17, "header and library disagree")                                                     \
    X(CALLBACK, -18, "a callback failed")                                                          \
    X(INTERNAL, -19, "internal error")                                                             \
    X(BUSY, -20, "held by someone else")                                                           \
    X(CORRUPT, -21, "stored data is damaged")                                                      \
    X(FORMAT, -22, "malformed input")                                                              \
    X(REFUSED, -23, "refused by the rules of the environment")

#define AIRE_STATUS_ENUM_(name, value, message) AIRE_##name = value,
enum { AIRE_STATUS_MAP(AIRE_STATUS_ENUM_) };
#undef AIRE_STATUS_ENUM_

/**
 * Symbolic name of a status, such as "AIRE_NOMEM"; "AIRE_?" for an unknown value.
 * Static storage, thread-safe. @since 0.1
 */
AIRE_API const char *aire_status_name(aire_status status);

/** One-line English description of a status. Static storage, thread-safe. @since 0.1 */
AIRE_API const char *aire_status_message(aire_status status);

AIRE_END_DECLS

#endif
