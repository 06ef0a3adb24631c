/* Setting the thread's error detail, with a formatted message. */
#ifndef AIRE_BASE_FAIL_H
#define AIRE_BASE_FAIL_H

#include "aire/context.h"
#include "aire/error.h"

/* Each returns the status that it was given, so that a failure is one line: return aire__fail(...).
 */
aire_status aire__fail(aire_status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* As aire__fail, with ": <text of errno>" appended and the errno kept as the error's code. */
aire_status aire__fail_errno(aire_status status, int errnum, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As aire__fail, with a code (such as an HTTP status) that is not an errno. */
aire_status aire__fail_code(aire_status status, int32_t code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* AIRE_NOMEM with its standard message. */
aire_status aire__fail_nomem(void);

/* Put context in front of the message that is there: "<format>: <message>". */
aire_status aire__fail_prefix(aire_status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A log line, formatted only if somebody listens. */
void aire__logf(aire_ctx *ctx, int32_t level, const char *component, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
