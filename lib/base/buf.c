/* Growing byte buffers with a maximum. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"

void aire__buf_init(aire_buf *buf, aire_ctx *ctx, size_t max)
{
    *buf = (aire_buf){.ctx = ctx, .max = max, .status = AIRE_OK};
}

void aire__buf_free(aire_buf *buf)
{
    aire_free(buf->ctx, buf->data);
    aire__buf_init(buf, buf->ctx, buf->max);
}

void aire__buf_clear(aire_buf *buf)
{
    buf->length = 0;
    buf->status = AIRE_OK;
    if (buf->data)
        buf->data[0] = '\0';
}

/* Make room for `more` bytes and the final NUL. */
static aire_status reserve(aire_buf *buf, size_t more)
{
    if (buf->status != AIRE_OK)
        return buf->status;
    if (more > buf->max || buf->length > buf->max - more)
        return buf->status = AIRE_LIMIT;
    size_t needed = buf->length + more + 1;
    if (needed <= buf->capacity)
        return AIRE_OK;
    size_t capacity = buf->capacity ? buf->capacity : 64;
    while (capacity < needed)
        capacity += capacity / 2 + 64;
    char *data = aire_realloc(buf->ctx, buf->data, capacity);
    if (!data)
        return buf->status = AIRE_NOMEM;
    buf->data = data;
    buf->capacity = capacity;
    return AIRE_OK;
}

void aire__buf_append(aire_buf *buf, const void *data, size_t length)
{
    if (reserve(buf, length) != AIRE_OK)
        return;
    if (length)
        memcpy(buf->data + buf->length, data, length);
    buf->length += length;
    buf->data[buf->length] = '\0';
}

void aire__buf_puts(aire_buf *buf, const char *text)
{
    aire__buf_append(buf, text, strlen(text));
}

void aire__buf_printf(aire_buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    if (length < 0)
        buf->status = AIRE_INTERNAL;
    else if (reserve(buf, (size_t)length) == AIRE_OK) {
        vsnprintf(buf->data + buf->length, (size_t)length + 1, format, again);
        buf->length += (size_t)length;
    }
    va_end(again);
    va_end(args);
}

aire_status aire__buf_status(const aire_buf *buf)
{
    if (buf->status == AIRE_LIMIT)
        return aire__fail(AIRE_LIMIT, "text longer than its limit of %zu bytes", buf->max);
    return buf->status == AIRE_OK ? AIRE_OK : aire_error_set(buf->status, 0, NULL);
}

aire_status aire__buf_take(aire_buf *buf, char **out, size_t *length)
{
    aire__buf_append(buf, "", 0); /* an empty buffer, too, hands over a string */
    aire_status status = aire__buf_status(buf);
    if (status != AIRE_OK) {
        aire__buf_free(buf);
        return status;
    }
    *out = buf->data;
    if (length)
        *length = buf->length;
    aire__buf_init(buf, buf->ctx, buf->max);
    return AIRE_OK;
}
