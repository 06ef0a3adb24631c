/*
 * Reading unified diffs, strictly: what a hunk's header says must be what its lines are. Lines that
 * git writes around the hunks (diff, index, mode) are passed over.
 */
#include "patch/parse.h"

#include <stdarg.h>
#include <string.h>

#include "base/fail.h"
#include "base/str.h"

enum { SHOWN_WIDTH = 100 };

typedef struct parser {
    aire_diff *diff;
    size_t at; /* next line of the text */
    char **complaint;
} parser;

static const aire_line *peek(const parser *p)
{
    return p->at < p->diff->text.count ? &p->diff->text.items[p->at] : NULL;
}

static aire_status complain(parser *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Describe what is wrong with the next line, and show it. */
static aire_status complain(parser *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = aire__vasprintf(p->diff->ctx, format, args);
    va_end(args);
    if (!text)
        return aire__fail_nomem();
    const aire_line *line = peek(p);
    if (line)
        *p->complaint = aire__asprintf(p->diff->ctx, "line %zu of the patch, `%.*s`: %s", p->at + 1,
                                       (int)aire__utf8_cut(line->text, line->length, SHOWN_WIDTH),
                                       line->text, text);
    else
        *p->complaint = aire__asprintf(p->diff->ctx, "the end of the patch: %s", text);
    aire_free(p->diff->ctx, text);
    return *p->complaint ? AIRE_FORMAT : aire__fail_nomem();
}

static bool begins(const aire_line *line, const char *prefix)
{
    size_t length = strlen(prefix);
    return line && line->length >= length && memcmp(line->text, prefix, length) == 0;
}

/* ---- file headers ---- */

/* "--- a/x.c<tab>date" -> "x.c"; *absent for /dev/null. NULL with *absent false: no memory. */
static char *take_path(parser *p, bool *absent)
{
    const aire_line *line = peek(p);
    const char *path = line->text + 4;
    size_t length = line->length - 4;
    const char *tab = memchr(path, '\t', length);
    if (tab)
        length = (size_t)(tab - path);
    while (length > 0 && path[length - 1] == ' ')
        length--;
    *absent = length == 9 && memcmp(path, "/dev/null", 9) == 0;
    if (length > 2 && (path[0] == 'a' || path[0] == 'b') && path[1] == '/') {
        path += 2;
        length -= 2;
    }
    return *absent ? NULL : aire__strndup(p->diff->ctx, path, length);
}

static aire_status take_paths(parser *p, aire_file_diff *file)
{
    aire_ctx *ctx = p->diff->ctx;
    bool no_old, no_new;
    file->crlf = peek(p)->full == peek(p)->length + 2;
    char *old_path = take_path(p, &no_old);
    p->at++;
    if (!begins(peek(p), "+++ ")) {
        aire_free(ctx, old_path);
        return complain(p, "expected '+++ PATH' after the line '--- PATH'");
    }
    char *new_path = take_path(p, &no_new);
    aire_status status = AIRE_OK;
    if ((!old_path && !no_old) || (!new_path && !no_new))
        status = aire__fail_nomem();
    else if (no_old && no_new)
        status = complain(p, "both files are /dev/null");
    else if (old_path && new_path && strcmp(old_path, new_path))
        status = complain(
            p, "'%s' becomes '%s': renaming is not supported; delete the one and make the other",
            old_path, new_path);
    if (status == AIRE_OK) {
        file->path = new_path ? new_path : old_path;
        file->creates = no_old;
        file->deletes = no_new;
        if (new_path)
            aire_free(ctx, old_path);
        p->at++;
        return AIRE_OK;
    }
    aire_free(ctx, old_path);
    aire_free(ctx, new_path);
    return status;
}

/* ---- hunks ---- */

/* "12,3" or "12" (count 1). */
static const char *take_range(const char *text, const char *end, size_t *start, size_t *count)
{
    size_t *values[2] = {start, count};
    *count = 1;
    for (int i = 0; i < 2; i++) {
        const char *digits = text;
        *values[i] = 0;
        for (; text < end && *text >= '0' && *text <= '9' && text - digits < 10; text++)
            *values[i] = *values[i] * 10 + (size_t)(*text - '0');
        if (text == digits)
            return NULL;
        if (text == end || *text != ',')
            break;
        text++;
    }
    return text;
}

static bool take_header(const aire_line *line, aire_hunk *hunk)
{
    const char *text = line->text + 4, *end = line->text + line->length;
    text = take_range(text, end, &hunk->old_start, &hunk->old_count);
    if (!text || end - text < 2 || text[0] != ' ' || text[1] != '+')
        return false;
    text = take_range(text + 2, end, &hunk->new_start, &hunk->new_count);
    return text && end - text >= 3 && memcmp(text, " @@", 3) == 0;
}

static aire_status add_line(parser *p, char op, const aire_line *line, size_t skip)
{
    aire_diff *d = p->diff;
    if (!aire__grow(d->ctx, &d->lines, &d->line_capacity, d->line_count + 1, sizeof *d->lines))
        return aire__fail_nomem();
    d->lines[d->line_count++] =
        (aire_hunk_line){op, {line->text + skip, line->length - skip, line->full - skip}, false};
    return AIRE_OK;
}

/* One line of a hunk's body; counts what is left of the old and the new side. */
static aire_status take_line(parser *p, size_t *old_left, size_t *new_left)
{
    const aire_line *line = peek(p);
    if (!line)
        return complain(p, "a hunk's header promises %zu old and %zu new lines more", *old_left,
                        *new_left);
    char op = line->length ? line->text[0] : ' '; /* an empty context line loses its blank easily */
    bool old_side = op == ' ' || op == '-', new_side = op == ' ' || op == '+';
    if (!old_side && !new_side)
        return complain(
            p,
            "expected a line that begins with ' ', '-' or '+'; by its header the hunk has %zu "
            "more old and %zu more new lines",
            *old_left, *new_left);
    if ((old_side && *old_left == 0) || (new_side && *new_left == 0))
        return complain(p, "the hunk's header promises fewer lines than follow: correct the counts "
                           "in @@ -start,old "
                           "+start,new @@");
    *old_left -= old_side;
    *new_left -= new_side;
    p->at++;
    return add_line(p, op, line, line->length ? 1 : 0);
}

/* "\ No newline at end of file": nothing of that side may follow in the hunk. */
static aire_status take_no_newline(parser *p, size_t old_left, size_t new_left)
{
    aire_hunk_line *last = &p->diff->lines[p->diff->line_count - 1];
    if (!begins(peek(p), "\\"))
        return AIRE_OK;
    if ((last->op != '+' && old_left > 0) || (last->op != '-' && new_left > 0))
        return complain(p, "this may only follow the last line of a file, but more lines follow");
    last->no_newline = true;
    p->at++;
    return AIRE_OK;
}

static aire_status take_hunk(parser *p)
{
    aire_diff *d = p->diff;
    aire_hunk hunk = {.first = d->line_count, .patch_line = p->at + 1};
    if (!take_header(peek(p), &hunk))
        return complain(p, "expected a hunk's header like '@@ -12,3 +12,4 @@'");
    if (!aire__grow(d->ctx, &d->hunks, &d->hunk_capacity, d->hunk_count + 1, sizeof *d->hunks))
        return aire__fail_nomem();
    p->at++;
    size_t old_left = hunk.old_count, new_left = hunk.new_count;
    aire_status status = AIRE_OK;
    while (status == AIRE_OK && (old_left || new_left)) {
        status = take_line(p, &old_left, &new_left);
        if (status == AIRE_OK)
            status = take_no_newline(p, old_left, new_left);
    }
    hunk.count = d->line_count - hunk.first;
    d->hunks[d->hunk_count++] = hunk;
    const aire_line *next = peek(p);
    bool goes_on = next && next->length && strchr(" +-", next->text[0]) && !begins(next, "--- ") &&
                   !begins(next, "-- ");
    if (status == AIRE_OK && goes_on)
        return complain(p,
                        "the hunk goes on after the %zu old and %zu new lines of its header: "
                        "correct the counts",
                        hunk.old_count, hunk.new_count);
    return status;
}

static aire_status take_file(parser *p)
{
    aire_diff *d = p->diff;
    if (!aire__grow(d->ctx, &d->files, &d->file_capacity, d->file_count + 1, sizeof *d->files))
        return aire__fail_nomem();
    aire_file_diff file = {.first_hunk = d->hunk_count};
    aire_status status = take_paths(p, &file);
    if (status != AIRE_OK)
        return status;
    d->files[d->file_count++] = file;
    while (status == AIRE_OK && begins(peek(p), "@@ -")) {
        status = take_hunk(p);
        d->files[d->file_count - 1].hunk_count = d->hunk_count - file.first_hunk;
    }
    if (status == AIRE_OK && d->hunk_count == file.first_hunk)
        return complain(p, "no hunk follows the header of '%s'", file.path);
    return status;
}

static bool passed_over(const aire_line *line)
{
    static const char *const git[] = {
        "diff ",     "index ", "new file mode ", "deleted file mode ", "old mode ",
        "new mode ", "-- ",    "From ",          "similarity index "};
    if (line->length == 0)
        return true;
    for (size_t i = 0; i < sizeof git / sizeof *git; i++)
        if (begins(line, git[i]))
            return true;
    return false;
}

/* Bytes of value 0 would end texts early, wherever they are handed on as strings. */
static aire_status check_text(parser *p, const char *text, size_t length)
{
    const char *zero = memchr(text, '\0', length);
    if (!zero)
        return AIRE_OK;
    while (p->diff->text.items[p->at].text + p->diff->text.items[p->at].full <= zero)
        p->at++;
    return complain(p, "a byte of value 0: only text can be patched");
}

aire_status aire__diff_parse(aire_ctx *ctx, const char *text, size_t length, aire_diff *out,
                             char **complaint)
{
    *out = (aire_diff){.ctx = ctx};
    *complaint = NULL;
    parser p = {.diff = out, .complaint = complaint};
    aire_status status = aire__lines_split(ctx, text, length, &out->text);
    if (status == AIRE_OK)
        status = check_text(&p, text, length);
    while (status == AIRE_OK && peek(&p)) {
        if (begins(peek(&p), "--- "))
            status = take_file(&p);
        else if (begins(peek(&p), "rename ") || begins(peek(&p), "copy "))
            status = complain(
                &p,
                "renaming and copying are not supported; delete the one file and make the other");
        else if (begins(peek(&p), "GIT binary patch") || begins(peek(&p), "Binary files "))
            status = complain(&p, "binary patches are not supported");
        else if (passed_over(peek(&p)))
            p.at++;
        else
            status = complain(
                &p,
                "expected '--- PATH', the header of a file: send a unified diff and nothing else");
    }
    if (status == AIRE_OK && out->file_count == 0)
        status =
            complain(&p, "there is no unified diff ('--- PATH', '+++ PATH', '@@ -a,b +c,d @@')");
    if (status != AIRE_OK)
        aire__diff_free(out);
    return status;
}

void aire__diff_free(aire_diff *diff)
{
    for (size_t i = 0; i < diff->file_count; i++)
        aire_free(diff->ctx, diff->files[i].path);
    aire_free(diff->ctx, diff->files);
    aire_free(diff->ctx, diff->hunks);
    aire_free(diff->ctx, diff->lines);
    aire__lines_free(diff->ctx, &diff->text);
    *diff = (aire_diff){.ctx = diff->ctx};
}
