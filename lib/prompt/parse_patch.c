/*
 * The unified diff in a model's answer.
 *
 * Fences first: every fenced block that holds a diff is taken, so that a patch may be spread over
 * one block a file. Without one, the lines that form a diff are picked from the prose. What is
 * inside is left as it is: to judge and to mend it is the business of the patch room.
 */
#include "prompt/implement.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/str.h"

typedef struct line {
    const char *start;
    size_t length; /* without the newline */
    const char *next;
} line;

static bool next_line(const char *at, line *out)
{
    if (!*at)
        return false;
    size_t length = strcspn(at, "\n");
    *out = (line){at, length, at + length + (at[length] == '\n')};
    return true;
}

static bool begins(const line *l, const char *prefix)
{
    size_t length = strlen(prefix);
    return l->length >= length && memcmp(l->start, prefix, length) == 0;
}

/* The number of marks that open or close a fence at this line (3 or more); 0 if it does not. */
static size_t fence_marks(const line *l)
{
    const char *at = l->start + strspn(l->start, " \t");
    size_t marks = strspn(at, "`");
    if (marks == 0)
        marks = strspn(at, "~");
    return marks >= 3 && at + marks <= l->start + l->length ? marks : 0;
}

/* "--- file" followed by "+++ file", or git's line above them. */
static bool starts_diff(const line *l)
{
    line second;
    if (begins(l, "diff --git "))
        return true;
    return begins(l, "--- ") && next_line(l->next, &second) && begins(&second, "+++ ");
}

static bool holds_diff(const char *from, const char *to)
{
    line l;
    for (const char *at = from; at < to && next_line(at, &l); at = l.next)
        if (starts_diff(&l))
            return true;
    return false;
}

static void take(aire_buf *out, const char *from, const char *to)
{
    aire__buf_append(out, from, (size_t)(to - from));
    if (to > from && to[-1] != '\n')
        aire__buf_puts(out, "\n");
}

static void take_fences(aire_buf *out, const char *answer)
{
    line l;
    for (const char *at = answer; next_line(at, &l);) {
        size_t marks = fence_marks(&l);
        at = l.next;
        if (!marks)
            continue;
        const char *from = at, *to = from + strlen(from); /* an open fence runs to the end */
        while (next_line(at, &l)) {
            at = l.next;
            const char *mark = l.start + strspn(l.start, " \t");
            if (fence_marks(&l) >= marks && strspn(mark, "`~ \t\r") >= strcspn(mark, "\n")) {
                to = l.start;
                break;
            }
        }
        if (holds_diff(from, to))
            take(out, from, to);
    }
}

/* Whether a line may stand inside a diff, of which the last line was a file name or in a hunk. */
static bool continues_diff(const line *l)
{
    static const char *const heads[] = {"index ",   "new file",    "deleted file",
                                        "old mode", "new mode",    "similarity ",
                                        "rename ",  "diff --git ", "\\ No newline"};
    if (l->length == 0 || strchr(" +-@\t\r", l->start[0]))
        return true;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (begins(l, heads[i]))
            return true;
    return false;
}

static void take_bare(aire_buf *out, const char *answer)
{
    line l;
    for (const char *at = answer; next_line(at, &l);) {
        if (!starts_diff(&l)) {
            at = l.next;
            continue;
        }
        const char *from = at, *to = at; /* empty lines at the end belong to the prose */
        while (next_line(at, &l) && continues_diff(&l)) {
            at = l.next;
            if (l.length > 0 && l.start[0] != '\r')
                to = at;
        }
        take(out, from, to);
    }
}

aire_status aire__prompt_parse_patch(aire_ctx *ctx, const char *answer, aire_patch **out)
{
    *out = NULL;
    aire_buf text;
    aire__buf_init(&text, ctx, AIRE_PATCH_TEXT_MAX);
    take_fences(&text, answer);
    if (text.length == 0)
        take_bare(&text, answer);
    aire_status status = aire__buf_status(&text);
    if (status == AIRE_OK && text.length == 0)
        status = aire__fail(AIRE_EMPTY,
                            "the answer holds no unified diff: no line that begins with \"--- \" "
                            "followed by one that begins with \"+++ \"");
    if (status == AIRE_OK)
        status = aire_patch_new(ctx, AIRE_PATCH_UNIFIED, text.data, text.length, out);
    aire__buf_free(&text);
    return status;
}
