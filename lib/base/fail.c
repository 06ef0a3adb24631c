/* Formatted error details and log lines, in buffers on the stack. */
#include "base/fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static aire_status fail(aire_status status, int32_t code, const char *suffix, const char *format,
                        va_list args)
{
    char message[AIRE_ERROR_MESSAGE_MAX];
    int length = vsnprintf(message, sizeof message, format, args);
    if (length < 0)
        return aire_error_set(status, code, NULL);
    if (suffix && (size_t)length < sizeof message)
        snprintf(message + length, sizeof message - (size_t)length, ": %s", suffix);
    return aire_error_set(status, code, message);
}

aire_status aire__fail(aire_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fail(status, 0, NULL, format, args);
    va_end(args);
    return status;
}

aire_status aire__fail_errno(aire_status status, int errnum, const char *format, ...)
{
    char text[128];
    const char *reason = strerror_r(errnum, text, sizeof text);
    va_list args;
    va_start(args, format);
    fail(status, errnum, reason, format, args);
    va_end(args);
    return status;
}

aire_status aire__fail_code(aire_status status, int32_t code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fail(status, code, NULL, format, args);
    va_end(args);
    return status;
}

aire_status aire__fail_nomem(void)
{
    return aire_error_set(AIRE_NOMEM, 0, NULL);
}

aire_status aire__fail_prefix(aire_status status, const char *format, ...)
{
    const aire_error *error = aire_last_error();
    char before[AIRE_ERROR_MESSAGE_MAX - 2];
    snprintf(before, sizeof before, "%s", aire_error_message(error));
    va_list args;
    va_start(args, format);
    fail(status, aire_error_code(error), before, format, args);
    va_end(args);
    return status;
}

void aire__logf(aire_ctx *ctx, int32_t level, const char *component, const char *format, ...)
{
    if (!aire_log_enabled(ctx, level))
        return;
    char message[2048];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (length >= 0)
        aire_log(ctx, level, component, message);
}
