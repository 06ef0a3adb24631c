/* Server-sent events, read as their bytes come. */
#include "net/sse.h"

#include <stdint.h>
#include <string.h>

#include "base/fail.h"

enum { FIELD_ROOM = 16 }; /* of a line: the field's name, a colon and a space beside its value */

void aire__sse_init(aire_sse *sse, aire_ctx *ctx, size_t max, aire_sse_event event, void *user_data)
{
    *sse = (aire_sse){.event = event, .user_data = user_data};
    aire__buf_init(&sse->data, ctx, max);
    aire__buf_init(&sse->line, ctx, max < SIZE_MAX - FIELD_ROOM ? max + FIELD_ROOM : max);
}

void aire__sse_free(aire_sse *sse)
{
    aire__buf_free(&sse->line);
    aire__buf_free(&sse->data);
}

static aire_status too_long(const aire_sse *sse)
{
    return aire__fail(AIRE_PROTOCOL, "an event of the stream is longer than %zu bytes",
                      sse->data.max);
}

static aire_status buf_failed(const aire_sse *sse, const aire_buf *buf)
{
    return buf->status == AIRE_LIMIT ? too_long(sse) : aire__buf_status(buf);
}

static aire_status add_data(aire_sse *sse, const char *value, size_t length)
{
    if (sse->has_data)
        aire__buf_append(&sse->data, "\n", 1);
    aire__buf_append(&sse->data, value, length);
    sse->has_data = true;
    return buf_failed(sse, &sse->data);
}

static void set_type(aire_sse *sse, const char *value, size_t length)
{
    if (length >= sizeof sse->type)
        length = sizeof sse->type - 1;
    memcpy(sse->type, value, length);
    sse->type[length] = '\0';
}

/* An empty line: the event is whole. One without any data line is none. */
static aire_status dispatch(aire_sse *sse)
{
    bool more = true;
    if (sse->has_data)
        more = sse->event(sse->type[0] ? sse->type : "message", sse->data.data, sse->data.length,
                          sse->user_data);
    aire__buf_clear(&sse->data);
    sse->has_data = false;
    sse->type[0] = '\0';
    return more ? AIRE_OK : AIRE_DONE;
}

static bool is_field(const char *line, size_t name_length, const char *name)
{
    return name_length == strlen(name) && memcmp(line, name, name_length) == 0;
}

static aire_status read_line(aire_sse *sse, const char *line, size_t length)
{
    if (length > sse->line.max) /* as if it had come in pieces */
        return too_long(sse);
    if (!sse->begun && length >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
        line += 3;
        length -= 3;
    }
    sse->begun = true;
    if (length == 0)
        return dispatch(sse);
    const char *colon = memchr(line, ':', length);
    size_t name_length = colon ? (size_t)(colon - line) : length;
    const char *value = colon ? colon + 1 : line + length;
    if (value < line + length && *value == ' ')
        value++;
    size_t value_length = (size_t)(line + length - value);
    if (is_field(line, name_length, "data"))
        return add_data(sse, value, value_length);
    if (is_field(line, name_length, "event"))
        set_type(sse, value, value_length);
    return AIRE_OK;
}

/* The line ends here: read it from the piece, or together with what came before. */
static aire_status end_line(aire_sse *sse, const char *bytes, size_t length)
{
    if (sse->line.length == 0)
        return read_line(sse, bytes, length);
    aire__buf_append(&sse->line, bytes, length);
    aire_status status = buf_failed(sse, &sse->line);
    if (status == AIRE_OK)
        status = read_line(sse, sse->line.data, sse->line.length);
    aire__buf_clear(&sse->line);
    return status;
}

/* Length of the line up to its end, or all bytes if it does not end here. */
static size_t line_length(const char *bytes, size_t length)
{
    const char *lf = memchr(bytes, '\n', length);
    size_t until = lf ? (size_t)(lf - bytes) : length;
    const char *cr = memchr(bytes, '\r', until);
    return cr ? (size_t)(cr - bytes) : until;
}

aire_status aire__sse_read(aire_sse *sse, const char *bytes, size_t length)
{
    const char *end = bytes + length;
    while (bytes < end) {
        if (sse->skip_lf && *bytes == '\n')
            bytes++;
        sse->skip_lf = false;
        size_t line = line_length(bytes, (size_t)(end - bytes));
        if (bytes + line == end) {
            aire__buf_append(&sse->line, bytes, line);
            return buf_failed(sse, &sse->line);
        }
        sse->skip_lf = bytes[line] == '\r';
        aire_status status = end_line(sse, bytes, line);
        if (status != AIRE_OK)
            return status;
        bytes += line + 1;
    }
    return AIRE_OK;
}
