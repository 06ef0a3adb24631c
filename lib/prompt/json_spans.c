/* JSON as models write it. */
#include "prompt/json_spans.h"

#include <stdbool.h>
#include <string.h>

#include "base/fail.h"
#include "base/str.h"

enum { DEPTH_MAX = 64 };

typedef struct scan {
    aire_json_spans *out;
    const char *open[DEPTH_MAX]; /* where each bracket that is not closed stands */
    size_t depth;
} scan;

/* A string from its opening quote: its last character, or NULL if the text ends before. */
static const char *string_end(const char *at)
{
    for (at++; *at; at++) {
        if (*at == '\\' && at[1])
            at++;
        else if (*at == '"')
            return at;
    }
    return NULL;
}

/* Keep a span, in place of those that are inside it. */
static bool keep(aire_json_spans *out, const char *start, const char *end)
{
    while (out->count && out->spans[out->count - 1].start > start)
        out->count--;
    if (!aire__grow(out->ctx, &out->spans, &out->capacity, out->count + 1, sizeof *out->spans))
        return false;
    out->spans[out->count++] = (aire_json_span){start, end};
    return true;
}

/* Past one character of JSON; false when there is no memory. A bracket that closes another kind
 * shows that this is prose: all that was open is forgotten. */
static bool step(scan *s, const char **at)
{
    const char c = **at;
    if (c == '"') {
        const char *end = string_end(*at);
        *at = end ? end : *at + strlen(*at) - 1;
    } else if (c == '{' || c == '[') {
        if (s->depth == DEPTH_MAX)
            s->depth = 0;
        else
            s->open[s->depth++] = *at;
    } else if (c == '}' || c == ']') {
        const char *start = s->depth ? s->open[s->depth - 1] : NULL;
        if (start && *start == (c == '}' ? '{' : '[')) {
            s->depth--;
            ++*at;
            return keep(s->out, start, *at);
        }
        s->depth = 0;
    }
    ++*at;
    return true;
}

aire_status aire__json_spans_find(aire_ctx *ctx, const char *text, aire_json_spans *out)
{
    scan s = {.out = out};
    bool at_line_start = true;
    *out = (aire_json_spans){.ctx = ctx};
    for (const char *at = text; *at;) {
        bool may_begin = at_line_start && (*at == '{' || *at == '[');
        at_line_start = *at == '\n' || (at_line_start && strchr(" \t", *at));
        if (s.depth == 0 && !may_begin)
            at++;
        else if (!step(&s, &at)) {
            aire__json_spans_free(out);
            return aire__fail_nomem();
        }
    }
    for (size_t i = s.depth; i > 0 && !out->open; i--)
        if (*s.open[i - 1] == '{')
            out->open = s.open[i - 1];
    return AIRE_OK;
}

void aire__json_spans_free(aire_json_spans *spans)
{
    aire_free(spans->ctx, spans->spans);
    *spans = (aire_json_spans){.ctx = spans->ctx};
}

static void mend_in_string(aire_buf *out, const char **at)
{
    static const char *const names[] = {
        ['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f", ['\r'] = "\\r"};
    unsigned char c = (unsigned char)**at;
    if (c == '\\' && strchr("\"\\/bfnrtu", (*at)[1])) {
        aire__buf_append(out, *at, 2);
        ++*at;
    } else if (c == '\\')
        aire__buf_puts(out, "\\\\");
    else if (c < ' ')
        aire__buf_puts(out, c < sizeof names / sizeof *names && names[c] ? names[c] : " ");
    else
        aire__buf_append(out, *at, 1);
}

static bool is_last_comma(const char *at, const char *end)
{
    for (at++; at < end && strchr(" \t\r\n", *at); at++) {
    }
    return at < end && (*at == '}' || *at == ']');
}

void aire__json_mend(aire_buf *out, const aire_json_span *span)
{
    bool in_string = false;
    for (const char *at = span->start; at < span->end; at++) {
        if (*at == '"')
            in_string = !in_string;
        if (in_string && *at != '"')
            mend_in_string(out, &at);
        else if (*at != ',' || !is_last_comma(at, span->end))
            aire__buf_append(out, at, 1);
    }
}
