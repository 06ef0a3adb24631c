/* Files of JSON lines. */
#include "model/lines.h"

#include <string.h>

#include "base/fail.h"
#include "base/fs.h"


static size_t skip_blank(const char *line, size_t length)
{
    size_t i = 0;
    while (i < length && strchr(" \t\r", line[i]) && line[i])
        i++;
    return i;
}

aire_status aire__lines_read(aire_ctx *ctx, const char *path, aire_line_visit visit, void *data)
{
    char *text;
    size_t length;
    aire_status status = aire__fs_read(ctx, path, AIRE_LINES_MAX, &text, &length);
    if (status != AIRE_OK)
        return status;
    const char *at = text, *end = text + length;
    for (int number = 1; status == AIRE_OK && at < end; number++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t line_length = (size_t)((newline ? newline : end) - at);
        if (skip_blank(at, line_length) < line_length) {
            status = visit(at, line_length, data);
            if (status == AIRE_FORMAT)
                aire__fail_prefix(status, "%s, line %d", path, number);
        }
        at = newline ? newline + 1 : end;
    }
    aire_free(ctx, text);
    return status;
}
