/* A reader of the YAML that configurations are written in: indentation decides, line by line. */
#include "env/yaml.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/str.h"
#include "env/reader.h"

#define VALUE_MAX ((size_t)1 << 20)
enum { ITEMS_MAX = 1024 };

/* A place in the text: a line, and where its content begins. */
typedef struct line {
    const char *start;
    size_t indent, length; /* length without the newline */
    size_t number;
} line;

static aire_status complain(const aire_yaml *yaml, const line *at, const char *what)
{
    return aire__fail(AIRE_FORMAT, "%s: line %zu: %s", yaml->what, at->number, what);
}

static line line_at(const char *start, size_t number)
{
    line l = {.start = start, .number = number, .length = strcspn(start, "\n")};
    if (l.length && start[l.length - 1] == '\r')
        l.length--;
    while (l.indent < l.length && start[l.indent] == ' ')
        l.indent++;
    return l;
}

static bool next_line(line *l)
{
    const char *newline = strchr(l->start, '\n');
    if (!newline)
        return false;
    *l = line_at(newline + 1, l->number + 1);
    return *l->start != '\0' || newline[1] != '\0';
}

static bool is_blank(const line *l)
{
    for (size_t i = l->indent; i < l->length; i++)
        if (l->start[i] != ' ' && l->start[i] != '\t')
            return false;
    return true;
}

static bool is_passed_over(const line *l)
{
    return is_blank(l) || l->start[l->indent] == '#';
}

/* The value of `key` if the line is its; NULL if not. */
static const char *value_of(const line *l, const char *key)
{
    const char *at = l->start + l->indent, *end = l->start + l->length;
    size_t length = strlen(key);
    char quote = at < end && (*at == '"' || *at == '\'') ? *at : '\0';
    at += quote != '\0';
    if ((size_t)(end - at) < length || memcmp(at, key, length) != 0)
        return NULL;
    at += length;
    if (quote && (at == end || *at++ != quote))
        return NULL;
    if (at == end || *at != ':' || (at + 1 < end && at[1] != ' ' && at[1] != '\t'))
        return NULL;
    return at + 1;
}

/* Find a key among the lines from `l` on that are indented as the first of them. */
static const char *find_key(line *l, size_t above, const char *key)
{
    bool known = false;
    size_t indent = 0;
    for (bool more = true; more; more = next_line(l)) {
        if (is_passed_over(l))
            continue;
        if (known && l->indent < indent)
            return NULL;
        if (!known && above != SIZE_MAX && l->indent <= above)
            return NULL;
        indent = known ? indent : l->indent;
        known = true;
        const char *value = l->indent == indent ? value_of(l, key) : NULL;
        if (value)
            return value;
    }
    return NULL;
}

/* ---- scalars ---- */

static const char *skip_space(const char *at)
{
    return at + strspn(at, " \t\r");
}

/* A line's end inside quotes: one space, or as many newlines as there are empty lines. */
static const char *fold(const char *at, aire_buf *out)
{
    size_t newlines = 0;
    while (out->length && strchr(" \t", out->data[out->length - 1]))
        out->data[--out->length] = '\0';
    while (*at && strchr(" \t\r\n", *at))
        newlines += *at++ == '\n';
    if (newlines == 1)
        aire__buf_puts(out, " ");
    for (; newlines > 1; newlines--)
        aire__buf_puts(out, "\n");
    return at;
}

static void put_character(aire_buf *out, unsigned code)
{
    char bytes[4];
    size_t n = 0;
    if (code >= 0xd800 && code < 0xe000)
        code = 0xfffd; /* half of a pair of UTF-16 */
    if (code < 0x80) {
        bytes[n++] = (char)code;
    } else if (code < 0x800) {
        bytes[n++] = (char)(0xc0 | code >> 6);
    } else {
        bytes[n++] = (char)(0xe0 | code >> 12);
        bytes[n++] = (char)(0x80 | (code >> 6 & 0x3f));
    }
    if (code >= 0x80)
        bytes[n++] = (char)(0x80 | (code & 0x3f));
    if (code)
        aire__buf_append(out, bytes, n);
}

/* What follows a backslash; returns the place after it. */
static const char *escape(const char *at, aire_buf *out)
{
    static const char names[] = "ntr0\"\\/", values[] = "\n\t\r \"\\/";
    const char *name = *at ? strchr(names, *at) : NULL;
    unsigned code = 0;
    int used = 0;
    if (*at == '\n')
        return skip_space(at + 1);
    if (name) {
        aire__buf_append(out, &values[name - names], 1);
        return at + 1;
    }
    if ((*at == 'u' && sscanf(at + 1, "%4x%n", &code, &used) == 1) ||
        (*at == 'x' && sscanf(at + 1, "%2x%n", &code, &used) == 1)) {
        put_character(out, code);
        return at + 1 + used;
    }
    aire__buf_puts(out, "\\");
    return at;
}

/* A text in quotes; returns the place after the closing one, NULL if there is none. */
static const char *read_quoted(const char *at, aire_buf *out)
{
    char quote = *at++;
    while (*at) {
        if (*at == quote && quote == '\'' && at[1] == '\'') {
            aire__buf_puts(out, "'");
            at += 2;
        } else if (*at == quote) {
            return at + 1;
        } else if (*at == '\\' && quote == '"') {
            at = escape(at + 1, out);
        } else if (*at == '\n') {
            at = fold(at, out);
        } else {
            aire__buf_append(out, at++, 1);
        }
    }
    return NULL;
}

/* Length of a plain text without its comment and the space around. */
static size_t plain_length(const char *at, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (at[i] == '#' && (i == 0 || at[i - 1] == ' ' || at[i - 1] == '\t'))
            length = i;
    while (length && strchr(" \t\r", at[length - 1]))
        length--;
    return length;
}

/* ---- keys in sections ---- */

/* Whether what stands behind a section's name leaves room for keys below it. */
static bool opens_block(const line *l, const char *value)
{
    static const char *const words[] = {"", "~", "null", "{}"};
    value = skip_space(value);
    size_t length = plain_length(value, (size_t)(l->start + l->length - value));
    if (length && *value == '&') /* a name for it, which may be passed over */
        return !memchr(value, ' ', length);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == length && !memcmp(value, words[i], length))
            return true;
    return false;
}

/* What a section without the key may have that is another way of saying it. */
static aire_status check_rest(const aire_yaml *yaml, const line *first, size_t above, line *l)
{
    *l = *first;
    if (find_key(l, above, "<<"))
        return complain(yaml, l, "keys that are merged by << are not read; write them out");
    *l = *first;
    while (is_passed_over(l) && next_line(l))
        ;
    return l->indent < l->length && l->start[l->indent] == '\t'
               ? complain(yaml, l, "a tab where YAML wants spaces")
               : AIRE_OK;
}

static aire_status find_in_section(const aire_yaml *yaml, const char *head, const char *key,
                                   line *l, const char **value)
{
    size_t above = l->indent;
    if (!opens_block(l, head))
        return complain(yaml, l, "expected keys below, one a line; other forms are not read");
    if (!next_line(l))
        return AIRE_OK;
    line first = *l;
    *value = find_key(l, above, key);
    return *value ? AIRE_OK : check_rest(yaml, &first, above, l);
}

/* *value is NULL where the key is not. */
static aire_status find(const aire_yaml *yaml, const char *section, const char *key, line *l,
                        const char **value)
{
    const char *text = yaml->text;
    *value = NULL;
    *l = line_at(aire__starts_with(text, "\xef\xbb\xbf") ? text + 3 : text, 1);
    while (is_passed_over(l) && next_line(l))
        ;
    if (l->start[l->indent] == '{')
        return complain(yaml, l, "expected keys, one a line; JSON's form is not read");
    const char *head = find_key(l, SIZE_MAX, section ? section : key);
    if (!section || !head) {
        *value = head;
        return AIRE_OK;
    }
    return find_in_section(yaml, head, key, l, value);
}

/* ---- texts ---- */

/* A plain text goes on in the lines below that are indented more than its key. */
static void read_plain(line l, const char *value, aire_buf *out)
{
    size_t indent = l.indent, empty = 0;
    value = skip_space(value);
    const char *end = l.start + l.length;
    aire__buf_append(out, value, value < end ? plain_length(value, (size_t)(end - value)) : 0);
    while (next_line(&l)) {
        const char *at = l.start + l.indent;
        if (is_blank(&l)) {
            empty++;
            continue;
        }
        if (l.indent <= indent || *at == '#')
            break;
        if (out->length)
            aire__buf_puts(out, empty ? "\n" : " ");
        aire__buf_append(out, at, plain_length(at, l.length - l.indent));
        empty = 0;
    }
}

/* Put the line break before a block's line: `>` joins lines that are not indented further. */
static void put_break(aire_buf *out, bool folds, bool deeper, size_t empty)
{
    if (!out->length)
        return;
    if (!folds || deeper || empty == 0)
        aire__buf_puts(out, folds && !deeper ? " " : "\n");
    for (; empty > 0; empty--)
        aire__buf_puts(out, "\n");
}

static void read_block(line l, const char *value, aire_buf *out)
{
    bool folds = *value == '>';
    size_t above = l.indent, indent = 0, empty = 0;
    size_t digit = strcspn(value, "123456789\n");
    if (digit < 3 && value[digit] != '\n' && value[digit])
        indent = above + (size_t)(value[digit] - '0');
    while (next_line(&l)) {
        if (is_blank(&l)) {
            empty++;
            continue;
        }
        if (l.indent <= above)
            break;
        indent = indent ? indent : l.indent;
        size_t from = l.indent < indent ? l.indent : indent;
        put_break(out, folds, l.indent > indent, empty);
        aire__buf_append(out, l.start + from, l.length - from);
        empty = 0;
    }
}

static bool is_null(const aire_buf *text)
{
    return text->length == 0 || !strcmp(text->data, "~") || !strcmp(text->data, "null");
}

aire_status aire__yaml_text(const aire_yaml *yaml, const char *section, const char *key, char **out)
{
    line l;
    const char *value;
    aire_buf text;
    *out = NULL;
    aire_status status = find(yaml, section, key, &l, &value);
    if (!value)
        return status;
    value = skip_space(value);
    aire__buf_init(&text, yaml->ctx, VALUE_MAX);
    bool quoted = *value == '"' || *value == '\'';
    if (*value && strchr("&*!{[", *value))
        status = complain(yaml, &l, "expected text, without anchors, tags and brackets");
    else if (quoted && !read_quoted(value, &text))
        status = complain(yaml, &l, "a quote that is not closed");
    else if (*value == '|' || *value == '>')
        read_block(l, value, &text);
    else if (!quoted)
        read_plain(l, value, &text);
    if (status == AIRE_OK && (quoted || !is_null(&text)))
        return aire__buf_take(&text, out, NULL);
    status = status == AIRE_OK ? aire__buf_status(&text) : status;
    aire__buf_free(&text);
    return status;
}

/* ---- lists ---- */

typedef struct list {
    const aire_yaml *yaml;
    char **items;
    size_t count, capacity;
} list;

/* Takes the text over. */
static aire_status add_item(list *items, const line *at, aire_buf *text)
{
    aire_ctx *ctx = items->yaml->ctx;
    aire_status status = AIRE_OK;
    if (items->count == ITEMS_MAX)
        status = complain(items->yaml, at, "too many items");
    else if (!aire__grow(ctx, &items->items, &items->capacity, items->count + 2,
                         sizeof *items->items))
        status = aire__fail_nomem();
    if (status != AIRE_OK) {
        aire__buf_free(text);
        return status;
    }
    status = aire__buf_take(text, &items->items[items->count], NULL);
    items->count += status == AIRE_OK;
    items->items[items->count] = NULL;
    return status;
}

/* One item, up to a comma, a bracket or the line's end; *at is then there. */
static aire_status read_item(list *items, const line *l, const char **at, const char *stops)
{
    aire_buf text;
    aire__buf_init(&text, items->yaml->ctx, VALUE_MAX);
    if (**at == '"' || **at == '\'') {
        *at = read_quoted(*at, &text);
        if (!*at) {
            aire__buf_free(&text);
            return complain(items->yaml, l, "a quote that is not closed");
        }
    } else {
        size_t length = strcspn(*at, stops);
        aire__buf_append(&text, *at, plain_length(*at, length));
        *at += length;
    }
    return add_item(items, l, &text);
}

static aire_status read_brackets(list *items, const line *l, const char *at)
{
    aire_status status = AIRE_OK;
    for (at++; status == AIRE_OK;) {
        at += strspn(at, " \t\r\n,");
        if (*at == ']')
            return AIRE_OK;
        if (!*at || strchr("[{&*!", *at))
            return complain(items->yaml, l, "expected texts between [ and ]");
        status = read_item(items, l, &at, ",]\n");
    }
    return status;
}

static aire_status read_dashes(list *items, line l)
{
    size_t above = l.indent;
    aire_status status = AIRE_OK;
    while (status == AIRE_OK && next_line(&l)) {
        const char *at = l.start + l.indent;
        if (is_passed_over(&l))
            continue;
        if (l.indent < above || *at != '-' || (at[1] != ' ' && at[1] != '\t'))
            break;
        at = skip_space(at + 1);
        status = *at && strchr("[{&*!|>", *at) ? complain(items->yaml, &l, "expected text")
                                               : read_item(items, &l, &at, "\n");
    }
    return status;
}

aire_status aire__yaml_list(const aire_yaml *yaml, const char *section, const char *key,
                            char ***out)
{
    line l;
    const char *value;
    list items = {.yaml = yaml};
    *out = NULL;
    aire_status status = find(yaml, section, key, &l, &value);
    if (!value)
        return status;
    value = skip_space(value);
    size_t length = plain_length(value, strcspn(value, "\n"));
    if (*value == '[')
        status = read_brackets(&items, &l, value);
    else if (length == 0)
        status = read_dashes(&items, l);
    else if (length != 1 || *value != '~')
        status = complain(yaml, &l, "expected a list");
    if (status == AIRE_OK && !items.items && *value == '[') {
        items.items = aire__calloc(yaml->ctx, 1, sizeof *items.items);
        status = items.items ? AIRE_OK : aire__fail_nomem();
    }
    if (status == AIRE_OK)
        *out = items.items;
    else
        aire__texts_free(yaml->ctx, items.items);
    return status;
}
