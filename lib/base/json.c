/* JSON on jansson. */
#include "base/json.h"

#include <string.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/str.h"

/* Larger than anything that the library writes or accepts. */
#define JSON_MAX ((size_t)256 << 20)

static int append_chunk(const char *data, size_t length, void *buf)
{
    aire__buf_append(buf, data, length);
    return ((aire_buf *)buf)->status == AIRE_OK ? 0 : -1;
}

static aire_status dump(aire_ctx *ctx, const json_t *value, size_t layout, char **out)
{
    aire_buf buf;
    aire__buf_init(&buf, ctx, JSON_MAX);
    int failed = json_dump_callback(value, append_chunk, &buf,
                                    layout | JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
    if (failed && buf.status == AIRE_OK)
        buf.status = AIRE_NOMEM;
    return aire__buf_take(&buf, out, NULL);
}

aire_status aire__json_dump(aire_ctx *ctx, const json_t *value, char **out)
{
    return dump(ctx, value, JSON_COMPACT, out);
}

aire_status aire__json_dump_lines(aire_ctx *ctx, const json_t *value, char **out)
{
    return dump(ctx, value, JSON_INDENT(2), out);
}

aire_status aire__json_load(const char *text, size_t length, const char *what, json_t **out)
{
    json_error_t error;
    json_t *value = json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!value) {
        if (json_error_code(&error) == json_error_out_of_memory)
            return aire__fail_nomem();
        return aire__fail(AIRE_FORMAT, "%s: line %d, column %d: %s", what, error.line, error.column,
                          error.text);
    }
    *out = value;
    return AIRE_OK;
}

aire_status aire__json_set(json_t *object, const char *key, json_t *value)
{
    if (!value || json_object_set_new(object, key, value) != 0)
        return aire__fail_nomem();
    return AIRE_OK;
}

json_t *aire__json_text(aire_ctx *ctx, const char *text)
{
    size_t length = strlen(text);
    if (aire__utf8_valid(text, length))
        return json_stringn_nocheck(text, length);
    aire_buf buf;
    aire__buf_init(&buf, ctx, JSON_MAX);
    for (size_t i = 0; i < length;) {
        size_t count = 1;
        while (count < 4 && i + count < length && !aire__utf8_valid(text + i, count))
            count++;
        if (aire__utf8_valid(text + i, count)) {
            aire__buf_append(&buf, text + i, count);
            i += count;
        } else {
            aire__buf_puts(&buf, "\xef\xbf\xbd");
            i++;
        }
    }
    json_t *value =
        aire__buf_status(&buf) == AIRE_OK ? json_stringn_nocheck(buf.data, buf.length) : NULL;
    aire__buf_free(&buf);
    return value;
}

static aire_status wrong_type(const char *what, const char *key, const char *expected)
{
    return aire__fail(AIRE_FORMAT, "%s: \"%s\": expected %s", what, key, expected);
}

aire_status aire__json_get_string(const json_t *object, const char *what, const char *key,
                                  const char **out)
{
    const json_t *value = json_object_get(object, key);
    if (!value)
        return AIRE_OK;
    if (!json_is_string(value))
        return wrong_type(what, key, "a string");
    if (strlen(json_string_value(value)) != json_string_length(value))
        return wrong_type(what, key, "a string without NUL characters");
    *out = json_string_value(value);
    return AIRE_OK;
}

aire_status aire__json_get_int(const json_t *object, const char *what, const char *key,
                               int64_t *out)
{
    const json_t *value = json_object_get(object, key);
    if (!value)
        return AIRE_OK;
    if (!json_is_integer(value))
        return wrong_type(what, key, "an integer");
    *out = json_integer_value(value);
    return AIRE_OK;
}

aire_status aire__json_get_number(const json_t *object, const char *what, const char *key,
                                  double *out)
{
    const json_t *value = json_object_get(object, key);
    if (!value)
        return AIRE_OK;
    if (!json_is_number(value))
        return wrong_type(what, key, "a number");
    *out = json_number_value(value);
    return AIRE_OK;
}
