/* Reading a manifest: members of JSON objects with their checks and messages. */
#include "env/reader.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/str.h"

enum { FOUND_MAX = 80, TEXT_MAX = 1 << 20 };

/* ---- messages ---- */

/* What was found, short enough for a message. */
static void describe(const json_t *found, char out[FOUND_MAX])
{
    static const char *const names[] = {
        [JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array", [JSON_TRUE] = "true",
        [JSON_FALSE] = "false",      [JSON_NULL] = "null",
    };
    if (!found)
        snprintf(out, FOUND_MAX, "nothing");
    else if (json_is_string(found))
        snprintf(out, FOUND_MAX, "\"%.*s%s\"",
                 (int)aire__utf8_cut(json_string_value(found), json_string_length(found), 60),
                 json_string_value(found), json_string_length(found) > 60 ? "..." : "");
    else if (json_is_integer(found))
        snprintf(out, FOUND_MAX, "%lld", (long long)json_integer_value(found));
    else if (json_is_real(found))
        snprintf(out, FOUND_MAX, "%g", json_real_value(found));
    else
        snprintf(out, FOUND_MAX, "%s", names[json_typeof(found)]);
}

static void full_key(const aire_node *node, const char *key, char out[2 * AIRE_WHERE_MAX])
{
    const char *where = *node->where ? node->where : "";
    snprintf(out, 2 * AIRE_WHERE_MAX, "%s%s%s", where, *where && key ? "." : "",
             key      ? key
             : *where ? ""
                      : "top level");
}

aire_status aire__node_complain(const aire_node *node, const char *key, const char *message, ...)
{
    char text[640], name[2 * AIRE_WHERE_MAX];
    va_list args;
    va_start(args, message);
    vsnprintf(text, sizeof text, message, args);
    va_end(args);
    full_key(node, key, name);
    return aire__fail(AIRE_FORMAT, "%s: %s: %s", node->reader->file, name, text);
}

aire_status aire__node_fail(const aire_node *node, const char *key, const json_t *found,
                            const char *expected, ...)
{
    char text[400], seen[FOUND_MAX];
    va_list args;
    va_start(args, expected);
    vsnprintf(text, sizeof text, expected, args);
    va_end(args);
    describe(found, seen);
    return aire__node_complain(node, key, "found %s, expected %s", seen, text);
}

/* Levenshtein distance of short words; beyond 31 letters nothing is near. */
static size_t distance(const char *a, const char *b)
{
    size_t row[33], n = strlen(a), m = strlen(b);
    if (n > 31 || m > 31)
        return SIZE_MAX;
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            size_t shorter = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
            row[j] = change < shorter ? change : shorter;
        }
    }
    return row[m];
}

static aire_status unknown_key(const aire_node *node, const char *key, const char *const *known)
{
    const char *nearest = NULL;
    size_t least = 4; /* further away it is another word */
    for (size_t i = 0; known[i]; i++)
        if (distance(key, known[i]) < least) {
            least = distance(key, known[i]);
            nearest = known[i];
        }
    if (nearest)
        return aire__node_complain(node, key, "unknown key; did you mean \"%s\"?", nearest);
    char all[400] = "";
    for (size_t i = 0; known[i]; i++)
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i ? ", " : "", known[i]);
    return aire__node_complain(node, key, "unknown key; known here: %s", all);
}

aire_status aire__node_known(const aire_node *node, const char *const *known)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)node->json, key, value)
    {
        size_t i = 0;
        while (known[i] && strcmp(known[i], key))
            i++;
        if (!known[i])
            return unknown_key(node, key, known);
    }
    return AIRE_OK;
}

/* ---- structure ---- */

/* A member; AIRE_FORMAT if it is missing although required. */
static aire_status member(const aire_node *node, const char *key, bool required,
                          const char *expected, const json_t **out)
{
    *out = json_object_get(node->json, key);
    if (!*out && required)
        return aire__node_complain(node, key, "missing; expected %s", expected);
    return AIRE_OK;
}

aire_status aire__node_object(const aire_node *node, const char *key, bool required, aire_node *out,
                              bool *present)
{
    const json_t *value;
    aire_status status = member(node, key, required, "an object", &value);
    *present = status == AIRE_OK && value;
    if (!*present)
        return status;
    if (!json_is_object(value))
        return aire__node_fail(node, key, value, "an object");
    out->reader = node->reader;
    out->json = value;
    snprintf(out->where, sizeof out->where, "%.150s%s%.80s", node->where, *node->where ? "." : "",
             key);
    return AIRE_OK;
}

aire_status aire__node_array(const aire_node *node, const char *key, bool required, size_t max,
                             const json_t **out)
{
    aire_status status = member(node, key, required, "an array", out);
    if (status != AIRE_OK || !*out)
        return status;
    if (!json_is_array(*out))
        return aire__node_fail(node, key, *out, "an array");
    if (json_array_size(*out) > max)
        return aire__node_complain(node, key, "found %zu items, expected at most %zu",
                                   json_array_size(*out), max);
    return AIRE_OK;
}

aire_status aire__node_item(const aire_node *node, const char *key, const json_t *array,
                            size_t index, aire_node *out)
{
    const json_t *value = json_array_get(array, index);
    out->reader = node->reader;
    out->json = value;
    snprintf(out->where, sizeof out->where, "%.150s%s%.60s[%zu]", node->where,
             *node->where ? "." : "", key, index);
    return json_is_object(value) ? AIRE_OK : aire__node_fail(out, NULL, value, "an object");
}

/* ---- text ---- */

static aire_status copy_text(const aire_node *node, const char *key, const json_t *value,
                             const char *expected, char **out)
{
    if (!json_is_string(value) || json_string_length(value) == 0 ||
        json_string_length(value) > TEXT_MAX ||
        strlen(json_string_value(value)) != json_string_length(value))
        return aire__node_fail(node, key, value, "%s", expected);
    *out = aire__strdup(node->reader->ctx, json_string_value(value));
    return *out ? AIRE_OK : aire__fail_nomem();
}

aire_status aire__node_text(const aire_node *node, const char *key, bool required, char **out)
{
    const json_t *value;
    aire_status status = member(node, key, required, "text", &value);
    return status != AIRE_OK || !value ? status
                                       : copy_text(node, key, value, "text that is not empty", out);
}

aire_status aire__node_lines(const aire_node *node, const char *key, bool required, char **out)
{
    const json_t *value;
    aire_status status = member(node, key, required, "text, or an array of lines", &value);
    if (status == AIRE_OK && json_is_string(value))
        return copy_text(node, key, value, "text that is not empty", out);
    if (status == AIRE_OK && value && !json_is_array(value))
        return aire__node_fail(node, key, value, "text, or an array of lines");
    aire_buf buf;
    aire__buf_init(&buf, node->reader->ctx, TEXT_MAX);
    for (size_t i = 0; status == AIRE_OK && i < json_array_size(value); i++) {
        const json_t *line = json_array_get(value, i);
        if (!json_is_string(line))
            status = aire__node_fail(node, key, line, "lines of text");
        else
            aire__buf_printf(&buf, "%s%s", i ? "\n" : "", json_string_value(line));
    }
    if (status == AIRE_OK && required && buf.status == AIRE_OK && buf.length == 0)
        status = aire__node_complain(node, key, "found no text, expected some");
    if (status == AIRE_OK)
        return aire__buf_take(&buf, out, NULL);
    aire__buf_free(&buf);
    return status;
}

void aire__texts_free(aire_ctx *ctx, char **texts)
{
    for (size_t i = 0; texts && texts[i]; i++)
        aire_free(ctx, texts[i]);
    aire_free(ctx, texts);
}

aire_status aire__node_texts(const aire_node *node, const char *key, bool required, char ***out)
{
    const json_t *array;
    aire_status status = aire__node_array(node, key, required, 4096, &array);
    if (status != AIRE_OK)
        return status;
    size_t count = json_array_size(array);
    char **texts = aire__calloc(node->reader->ctx, count + 1, sizeof *texts);
    if (!texts)
        return aire__fail_nomem();
    for (size_t i = 0; i < count && status == AIRE_OK; i++)
        status = copy_text(node, key, json_array_get(array, i), "an array of texts", &texts[i]);
    if (status != AIRE_OK) {
        aire__texts_free(node->reader->ctx, texts);
        return status;
    }
    *out = texts;
    return AIRE_OK;
}

/* ---- numbers and words ---- */

bool aire__is_int(const json_t *value, int64_t min, int64_t max, int64_t *out)
{
    int64_t number = json_integer_value(value);
    if (json_is_real(value)) {
        double real = json_real_value(value);
        if (!(fabs(real) < 0x1p53) || real != floor(real))
            return false;
        number = (int64_t)real;
    } else if (!json_is_integer(value)) {
        return false;
    }
    if (number < min || number > max)
        return false;
    *out = number;
    return true;
}

aire_status aire__node_int(const aire_node *node, const char *key, int64_t min, int64_t max,
                           int64_t *out)
{
    const json_t *value = json_object_get(node->json, key);
    if (!value || aire__is_int(value, min, max, out))
        return AIRE_OK;
    if (max == INT64_MAX)
        return aire__node_fail(node, key, value, "an integer from %lld", (long long)min);
    return aire__node_fail(node, key, value, "an integer from %lld to %lld", (long long)min,
                           (long long)max);
}

aire_status aire__node_number(const aire_node *node, const char *key, double *out)
{
    const json_t *value = json_object_get(node->json, key);
    if (!value)
        return AIRE_OK;
    if (!json_is_number(value))
        return aire__node_fail(node, key, value, "a number");
    *out = json_number_value(value);
    return AIRE_OK;
}

aire_status aire__node_bool(const aire_node *node, const char *key, bool *out)
{
    const json_t *value = json_object_get(node->json, key);
    if (!value)
        return AIRE_OK;
    if (!json_is_boolean(value))
        return aire__node_fail(node, key, value, "true or false");
    *out = json_is_true(value);
    return AIRE_OK;
}

aire_status aire__node_word(const aire_node *node, const char *key, bool required,
                            const aire_word *words, int *out)
{
    char all[200] = "";
    const json_t *value;
    for (size_t i = 0; words[i].word; i++)
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s\"%s\"", i ? " or " : "",
                 words[i].word);
    aire_status status = member(node, key, required, all, &value);
    if (status != AIRE_OK || !value)
        return status;
    for (size_t i = 0; words[i].word; i++)
        if (json_is_string(value) && !strcmp(json_string_value(value), words[i].word)) {
            *out = words[i].value;
            return AIRE_OK;
        }
    return aire__node_fail(node, key, value, "%s", all);
}

/* ---- variables ---- */

static const char *find_variable(const aire_reader *reader, const char *name, size_t length)
{
    if (length == 8 && memcmp(name, "AIRE_ENV", 8) == 0)
        return reader->directory;
    for (size_t i = 0; reader->variables && reader->variables[i]; i++) {
        const char *pair = reader->variables[i];
        if (strncmp(pair, name, length) == 0 && pair[length] == '=')
            return pair + length + 1;
    }
    return NULL;
}

static aire_status unknown_variable(const aire_node *node, const char *key, const char *name,
                                    size_t length)
{
    char known[300] = "AIRE_ENV";
    for (size_t i = 0; node->reader->variables && node->reader->variables[i]; i++)
        snprintf(known + strlen(known), sizeof known - strlen(known), ", %.*s",
                 (int)strcspn(node->reader->variables[i], "="), node->reader->variables[i]);
    int shown = length < 60 ? (int)length : 60;
    return aire__node_complain(node, key,
                               "the variable ${%.*s} has no value; known are %s: give it when the "
                               "environment is opened (aire-evolve: --var %.*s=VALUE)",
                               shown, name, known, shown, name);
}

aire_status aire__node_expand(const aire_node *node, const char *key, const char *text, bool shell,
                              char **out)
{
    aire_buf buf;
    aire__buf_init(&buf, node->reader->ctx, TEXT_MAX);
    while (*text) {
        const char *start = strstr(text, "${"), *end = start ? strchr(start, '}') : NULL;
        if (!end) {
            aire__buf_puts(&buf, text);
            break;
        }
        size_t length = (size_t)(end - start) - 2;
        const char *value = find_variable(node->reader, start + 2, length);
        if (!value && !shell) {
            aire__buf_free(&buf);
            return unknown_variable(node, key, start + 2, length);
        }
        aire__buf_append(&buf, text, (size_t)(start - text));
        if (value)
            aire__buf_puts(&buf, value);
        else
            aire__buf_append(&buf, start, length + 3);
        text = end + 1;
    }
    return aire__buf_take(&buf, out, NULL);
}

bool aire__is_variable_name(const char *text)
{
    size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");
    return length > 0 && text[length] == '\0' && !(*text >= '0' && *text <= '9');
}
