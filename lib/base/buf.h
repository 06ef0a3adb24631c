/*
 * Growing byte buffers with a maximum.
 *
 * A buffer remembers its first failure: appends after it do nothing, and aire__buf_status tells it
 * at the end, so that callers check once. The data always ends in a NUL that is not counted.
 */
#ifndef AIRE_BASE_BUF_H
#define AIRE_BASE_BUF_H

#include "aire/context.h"

typedef struct aire_buf {
    aire_ctx *ctx; /* borrowed */
    char *data;    /* NULL while nothing was appended */
    size_t length;
    size_t capacity;
    size_t max;
    aire_status status;
} aire_buf;

void aire__buf_init(aire_buf *buf, aire_ctx *ctx, size_t max);
void aire__buf_free(aire_buf *buf);
void aire__buf_clear(aire_buf *buf);
void aire__buf_append(aire_buf *buf, const void *data, size_t length);
void aire__buf_puts(aire_buf *buf, const char *text);
void aire__buf_printf(aire_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* AIRE_OK, or the first failure (AIRE_NOMEM, AIRE_LIMIT) with its detail set again. */
aire_status aire__buf_status(const aire_buf *buf);

/* Hand the data over (never NULL on success, NUL-terminated) and reset the buffer, also on failure.
 */
aire_status aire__buf_take(aire_buf *buf, char **out, size_t *length);

#endif
