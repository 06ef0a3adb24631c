#include "executor/log_lines.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/str.h"

enum {
    LOOK_MAX = 4 << 20, /* bytes of a log, at its end, that are looked at */
    LINE_MAX_ = 300,    /* bytes of a line that are shown */
    BEFORE = 1,         /* lines shown around an error */
    AFTER = 3,
    FRAMES = 14, /* lines of a traceback, the last ones */
    TAIL = 6,
    GAP = 6 /* bytes of "[...]\n" */
};

typedef struct line {
    const char *start;
    size_t length;
    bool wanted;
} line;

typedef struct lines {
    line *all;
    size_t count, capacity;
    size_t room; /* bytes that may still be taken */
} lines;

/* ---- what a line is ---- */

/* The place of a word at or behind `from`, whatever its case; NULL if it is not there. */
static const char *find(const line *l, const char *from, const char *word)
{
    const char *end = l->start + l->length;
    size_t length = strlen(word);
    for (; from + length <= end; from++)
        if (strncasecmp(from, word, length) == 0)
            return from;
    return NULL;
}

/* Whether "error" stands at a place as tools write it: "error:", "error[E0308]", "a.cu(3): error
 * :", "ValueError:"; not "errors: 0", "mean error 0.5", "terror: none". */
static bool is_complaint(const line *l, const char *at)
{
    const char *end = l->start + l->length, *after = at + 5;
    bool inside = at > l->start && (isalnum((unsigned char)at[-1]) || at[-1] == '_');
    while (after < end && *after == ' ')
        after++;
    return after < end && strchr(":[(", *after) && (!inside || *at == 'E');
}

/* A compiler's, linker's or program's complaint. */
static bool is_error(const line *l)
{
    static const char *const signs[] = {
        "undefined reference", "cannot find ",      "no such file",     "segmentation fault",
        "assertion",           "panicked at",       "addresssanitizer", "runtime error",
        "multiple definition", "command not found", "killed",           "out of memory",
        "permission denied",   "core dumped",       "fatal:",           "*** ["};
    for (const char *at = l->start; (at = find(l, at, "error")); at++)
        if (is_complaint(l, at))
            return true;
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (find(l, l->start, signs[i]))
            return true;
    return false;
}

static bool is_traceback(const line *l)
{
    return find(l, l->start, "Traceback (most recent call last)") != NULL;
}

static bool is_indented(const line *l)
{
    return l->length == 0 || l->start[0] == ' ' || l->start[0] == '\t';
}

/* ---- which lines are taken ---- */

static size_t shown(const line *l)
{
    return (l->length < LINE_MAX_ ? l->length : LINE_MAX_ + GAP) + 1;
}

/* Take a line if there is room for it and for a gap beside it. */
static bool want(lines *all, size_t i)
{
    line *l = &all->all[i];
    if (l->wanted)
        return true;
    size_t needed = shown(l) + GAP;
    if (needed > all->room)
        return false;
    all->room -= needed;
    l->wanted = true;
    return true;
}

/* The last traceback: its head, its innermost frames, and the exception behind them. */
static void want_traceback(lines *all)
{
    size_t head = all->count;
    for (size_t i = 0; i < all->count; i++)
        head = is_traceback(&all->all[i]) ? i : head;
    if (head == all->count)
        return;
    size_t end = head + 1;
    while (end < all->count && is_indented(&all->all[end]))
        end++;
    end += end < all->count; /* the exception */
    size_t first = end - head > FRAMES ? end - FRAMES : head;
    for (size_t i = end; i-- > first;) /* from the inside: where room is short, the outside goes */
        if (!want(all, i))
            return;
    want(all, head);
}

/* The first errors: those that follow are often of the same cause. */
static void want_errors(lines *all)
{
    size_t kept = all->room / 4; /* for the end of the log */
    for (size_t i = 0; i < all->count && all->room > kept; i++) {
        if (!is_error(&all->all[i]))
            continue;
        want(all, i);
        for (size_t j = i > BEFORE ? i - BEFORE : 0; j <= i + AFTER && j < all->count; j++)
            if (all->room > kept)
                want(all, j);
    }
}

static void want_tail(lines *all)
{
    for (size_t i = 0; i < TAIL && i < all->count; i++)
        if (!want(all, all->count - 1 - i))
            return;
}

/* ---- reading and writing ---- */

static aire_status split(aire_ctx *ctx, const char *log, size_t length, lines *out)
{
    const char *at = log, *end = log + length;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end;
        if (!aire__grow(ctx, &out->all, &out->capacity, out->count + 1, sizeof *out->all))
            return aire__fail_nomem();
        size_t bytes = (size_t)(stop - at);
        bytes -= bytes > 0 && at[bytes - 1] == '\r';
        out->all[out->count++] = (line){at, bytes, false};
        at = newline ? newline + 1 : end;
    }
    return AIRE_OK;
}

/* As text: what is no UTF-8, or a control, is "?". */
static void write_line(aire_buf *buf, const line *l)
{
    size_t cut = l->length > LINE_MAX_ ? LINE_MAX_ : l->length;
    if (aire__utf8_valid(l->start, l->length))
        cut = aire__utf8_cut(l->start, l->length, cut);
    bool valid = aire__utf8_valid(l->start, cut);
    for (size_t i = 0; i < cut; i++) {
        unsigned char c = (unsigned char)l->start[i];
        bool plain = (c >= 0x20 && c < 0x7f) || c == '\t' || (c >= 0x80 && valid);
        aire__buf_append(buf, plain ? l->start + i : "?", 1);
    }
    aire__buf_puts(buf, cut < l->length ? "[...]\n" : "\n");
}

static void write_lines(aire_buf *buf, const lines *all)
{
    bool gap = false;
    for (size_t i = 0; i < all->count; i++) {
        if (all->all[i].wanted && gap)
            aire__buf_puts(buf, "[...]\n");
        if (all->all[i].wanted)
            write_line(buf, &all->all[i]);
        gap = !all->all[i].wanted;
    }
}

aire_status aire__log_lines(aire_ctx *ctx, const char *log, size_t length, size_t max, char **out)
{
    lines all = {.room = max};
    aire_buf buf;
    if (length > LOOK_MAX) {
        log += length - LOOK_MAX;
        length = LOOK_MAX;
    }
    aire__buf_init(&buf, ctx, max);
    aire_status status = split(ctx, log, length, &all);
    if (status == AIRE_OK) {
        want_traceback(&all);
        want_errors(&all);
        want_tail(&all);
        write_lines(&buf, &all);
        status = aire__buf_take(&buf, out, NULL);
    }
    aire__buf_free(&buf);
    aire_free(ctx, all.all);
    return status;
}
