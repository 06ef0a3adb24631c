/* Unified diffs: files by their headers, and their hunks. */
#include "patch/read.h"

#include <string.h>

#include "base/fail.h"
#include "base/str.h"

/* What the lines above hunks say of a file. */
typedef struct head {
    aire_span old_name, new_name; /* of "---" and "+++", or else of "diff --git" */
    aire_span git_old, git_new, from, to;
    bool has_old, has_new, is_rename, creates, deletes, crlf;
    bool open; /* its file edit is there */
    size_t line;
} head;

static bool begins_at(const aire_reader *r, size_t at, const char *prefix)
{
    aire_line line = aire__reader_line(r, at);
    return at < r->end && aire__line_begins(&line, prefix);
}

/* ---- names ---- */

/* "a/x.c<tab>date" or "\"a/x.c\"" or "a/x.c (old)". */
static aire_span take_name(const aire_line *line, size_t skip)
{
    aire_span name = {line->text + skip, line->length - skip};
    const char *tab = memchr(name.text, '\t', name.length);
    if (tab && tab > name.text)
        name.length = (size_t)(tab - name.text);
    name = aire__span_trim(name);
    for (size_t i = 1; i + 1 < name.length; i++)
        if (name.text[i] == ' ' && name.text[i + 1] == '(')
            name.length = i;
    if (name.length >= 2 && strchr("\"'`", *name.text) && name.text[name.length - 1] == *name.text)
        name = (aire_span){name.text + 1, name.length - 2};
    return name;
}

static bool span_is(aire_span span, const char *text)
{
    return span.length == strlen(text) && memcmp(span.text, text, span.length) == 0;
}

static bool is_absent(aire_span name)
{
    return span_is(name, "/dev/null") || span_is(name, "dev/null") || span_is(name, "null");
}

static bool same_span(aire_span a, aire_span b)
{
    return a.length == b.length && memcmp(a.text, b.text, a.length) == 0;
}

/* Whether what follows "--- " or "+++ " may be a name. */
static bool is_name(const aire_line *line)
{
    aire_span name = take_name(line, 4), path;
    bool strong;
    return name.length > 0 &&
           (is_absent(name) || (aire__find_path(name, &path, &strong) && strong));
}

/* "diff --git a/x b/x": the second begins at the " b/" that gives two like names, else the last. */
static void take_git_names(const aire_line *line, head *h)
{
    aire_span all = aire__span_trim((aire_span){line->text + 11, line->length - 11});
    size_t split = 0;
    for (size_t i = 0; i + 1 < all.length; i++) {
        if (all.text[i] != ' ')
            continue;
        aire_span x = {all.text, i}, y = {all.text + i + 1, all.length - i - 1};
        split = i;
        if (x.length == y.length && x.length > 2 && x.text[1] == '/' &&
            memcmp(x.text + 1, y.text + 1, x.length - 1) == 0)
            break;
    }
    if (split == 0)
        return;
    h->git_old = (aire_span){all.text, split};
    h->git_new = (aire_span){all.text + split + 1, all.length - split - 1};
}

/* ---- where things begin ---- */

static bool hunk_follows(const aire_reader *r, size_t at)
{
    while (at < r->end && begins_at(r, at, "\r"))
        at++;
    return begins_at(r, at, "@@");
}

/* Whether the header of a file stands at a line: of two lines, or of one where the other was lost.
 */
static bool names_file(const aire_reader *r, size_t at)
{
    aire_line line = aire__reader_line(r, at);
    if (begins_at(r, at, "diff --git "))
        return true;
    if (aire__line_begins(&line, "--- ") && take_name(&line, 4).length > 0)
        return begins_at(r, at + 1, "+++ ") || (hunk_follows(r, at + 1) && is_name(&line));
    return aire__line_begins(&line, "+++ ") && hunk_follows(r, at + 1) && is_name(&line);
}

static bool is_op(const aire_line *line)
{
    return line->length > 0 && strchr("+- ", *line->text) != NULL;
}

bool aire__diff_begins(const aire_reader *r, size_t at)
{
    aire_reader view = *r;
    aire_hunk hunk = {0};
    view.dedent = aire__line_indent(&r->lines->items[at]);
    aire_line line = aire__reader_line(&view, at), next = aire__reader_line(&view, at + 1);
    if (names_file(&view, at))
        return true;
    if (!aire__read_hunk_header(&line, &hunk))
        return false;
    return hunk.numbered || r->fenced || is_op(&next);
}

/* ---- headers of hunks ---- */

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

static const char *skip_blanks(const char *text, const char *end)
{
    while (text < end && (*text == ' ' || *text == '\t'))
        text++;
    return text;
}

/* "-12,3 +12,4": past it, or NULL. */
static const char *take_numbers(const char *text, const char *end, aire_hunk *hunk)
{
    aire_hunk numbers = {0};
    size_t new_start; /* follows from the old one */
    text = skip_blanks(text, end);
    if (text == end || *text++ != '-')
        return NULL;
    text = take_range(text, end, &numbers.old_start, &numbers.old_count);
    if (!text)
        return NULL;
    text = skip_blanks(text, end);
    if (text == end || *text++ != '+')
        return NULL;
    text = take_range(text, end, &new_start, &numbers.new_count);
    if (!text)
        return NULL;
    hunk->numbered = true;
    hunk->old_start = numbers.old_start;
    hunk->old_count = numbers.old_count;
    hunk->new_count = numbers.new_count;
    return text;
}

bool aire__read_hunk_header(const aire_line *line, aire_hunk *hunk)
{
    const char *text = line->text + 2, *end = line->text + line->length;
    if (!aire__line_begins(line, "@@"))
        return false;
    const char *after = take_numbers(text, end, hunk);
    aire_span rest =
        aire__span_trim((aire_span){after ? after : text, (size_t)(end - (after ? after : text))});
    while (rest.length >= 2 && memcmp(rest.text, "@@", 2) == 0)
        rest = aire__span_trim((aire_span){rest.text + 2, rest.length - 2});
    while (rest.length >= 2 && memcmp(rest.text + rest.length - 2, "@@", 2) == 0)
        rest = aire__span_trim((aire_span){rest.text, rest.length - 2});
    aire_line section = {rest.text, rest.length, rest.length};
    bool says = rest.length > 1 && !aire__is_elision(&section);
    hunk->section = rest.text;
    hunk->section_length = says ? rest.length : 0;
    return true;
}

/* ---- bodies of hunks ---- */

/* Whether a patch made by mail ends here: "-- " and a version. */
static bool is_signature(const aire_reader *r, size_t at)
{
    aire_line line = aire__reader_line(r, at), next = aire__reader_line(r, at + 1);
    aire_span span = aire__span_trim((aire_span){line.text, line.length});
    return span_is(span, "--") && next.length > 0 && *next.text >= '0' && *next.text <= '9';
}

static bool is_ended(const aire_reader *r, size_t at)
{
    aire_line line = aire__reader_line(r, at);
    aire_span rest;
    aire_mark mark = r->answer ? aire__mark_of(&line, &rest) : AIRE_MARK_NONE;
    return at >= r->end || mark == AIRE_MARK_SEARCH || mark >= AIRE_MARK_BEGIN ||
           begins_at(r, at, "@@") || begins_at(r, at, "diff ") || names_file(r, at) ||
           is_signature(r, at);
}

/* Prose after a diff may begin like a removed line. */
static bool is_bullet(const aire_line *line)
{
    return line->length > 2 && *line->text == '-' && line->text[1] == ' ' && line->text[2] != ' ';
}

/* Whether a hunk may end before a line, as its counts say it does. */
static bool may_end(const aire_reader *r, size_t at)
{
    size_t next = at;
    aire_line line = aire__reader_line(r, next);
    while (next < r->end && aire__line_is_blank(&line))
        line = aire__reader_line(r, ++next);
    if (is_ended(r, next) || begins_at(r, next, "\\"))
        return true;
    return !r->fenced && ((!is_op(&line) && *line.text != '\t') || (next > at && is_bullet(&line)));
}

/* The line after the hunk's body, if it is as its header says: r->end + 1 if it is not. */
static size_t counted_end(const aire_reader *r, const aire_hunk *hunk)
{
    size_t old_left = hunk->old_count, new_left = hunk->new_count, at = r->at;
    while (old_left || new_left) {
        aire_line line = aire__reader_line(r, at);
        char op = line.length && !aire__line_begins(&line, "\xc2\xa0") ? *line.text : ' ';
        if (at >= r->end || !strchr("+- \\", op))
            return r->end + 1;
        if ((op == '+' && !new_left) || (op == '-' && !old_left) ||
            (op == ' ' && (!old_left || !new_left)))
            return r->end + 1;
        old_left -= op == '-' || op == ' ';
        new_left -= op == '+' || op == ' ';
        at++;
    }
    at += begins_at(r, at, "\\");
    return may_end(r, at) ? at : r->end + 1;
}

/* Whether a line without a mark belongs to the hunk: always in a fence; in prose only if more of
 * the hunk follows. */
static bool belongs(const aire_reader *r, size_t at)
{
    enum { AHEAD = 6 };
    if (r->fenced)
        return true;
    for (size_t i = at + 1; i < at + AHEAD && i < r->end; i++) {
        aire_line line = aire__reader_line(r, i);
        if (is_ended(r, i))
            return begins_at(r, i, "@@");
        if (line.length && (*line.text == '+' || *line.text == '-') && !is_bullet(&line))
            return true;
        if (line.length && *line.text == ' ')
            return true;
    }
    return false;
}

static aire_status add_body_line(aire_reader *r)
{
    aire_edits *edits = r->edits;
    aire_hunk *hunk = &edits->hunks[edits->hunk_count - 1];
    aire_line line = aire__reader_line(r, r->at++);
    if (aire__line_begins(&line, "\\")) {
        if (hunk->count > 0)
            edits->lines[edits->line_count - 1].no_newline = true;
        return AIRE_OK;
    }
    bool marked = is_op(&line), wide = aire__line_begins(&line, "\xc2\xa0");
    char op = marked ? *line.text : ' ';
    if (wide) {
        aire_line text = {line.text + 2, line.length - 2, line.full - 2};
        return aire__edits_add_line(edits, ' ', &text, false);
    }
    aire_line text = {line.text + marked, line.length - marked, line.full - marked};
    return aire__edits_add_line(edits, op, &text, !marked && line.length > 0);
}

/* Empty lines at the end are no context: they stand between the hunk and what follows. */
static void drop_trailing_blanks(aire_edits *edits)
{
    aire_hunk *hunk = &edits->hunks[edits->hunk_count - 1];
    while (hunk->count > 0) {
        const aire_hunk_line *last = &edits->lines[edits->line_count - 1];
        if (last->op != ' ' || last->line.length > 0)
            return;
        edits->line_count--;
        hunk->count--;
        hunk->old_lines--;
    }
}

static bool is_number_mark(char c)
{
    return c == '|' || c == ':';
}

/* "  12| code": the number, and where the code begins; 0 if the line is not numbered so. */
static size_t take_line_number(const aire_line *line, size_t *code)
{
    size_t at = aire__line_indent(line), number = 0, digits = 0;
    while (at + digits < line->length && digits < 8 && line->text[at + digits] >= '0' &&
           line->text[at + digits] <= '9')
        number = number * 10 + (size_t)(line->text[at + digits++] - '0');
    at += digits;
    if (digits == 0)
        return 0;
    if (at < line->length && line->text[at] == ' ' && at + 1 < line->length &&
        is_number_mark(line->text[at + 1]))
        at++;
    if (at == line->length || !is_number_mark(line->text[at]))
        return 0;
    at++;
    *code = at + (at < line->length && line->text[at] == ' ');
    return number;
}

/* Numbers that were copied from a listing, if the hunk's old lines have them throughout. */
void aire__hunk_strip_numbers(aire_edits *edits)
{
    aire_hunk *hunk = &edits->hunks[edits->hunk_count - 1];
    aire_hunk_line *lines = edits->lines + hunk->first;
    size_t last = 0, first = 0, before = 0, code;
    for (size_t i = 0; i < hunk->count; i++) {
        if (lines[i].op == '+' || aire__line_is_blank(&lines[i].line)) {
            before += lines[i].op != '+' && !first;
            continue;
        }
        size_t number = take_line_number(&lines[i].line, &code);
        if (number == 0 || number <= last)
            return;
        first = first ? first : number;
        last = number;
    }
    if (first == 0)
        return;
    for (size_t i = 0; i < hunk->count; i++) {
        aire_line *line = &lines[i].line;
        if (take_line_number(line, &code) > 0)
            *line = (aire_line){line->text + code, line->length - code, line->full - code};
    }
    hunk->numbered = true;
    hunk->counted = false;
    hunk->old_start = first > before ? first - before : 1;
}

void aire__whole_strip_numbers(aire_edits *edits, const aire_hunk *hunk)
{
    aire_hunk_line *lines = edits->lines + hunk->first;
    size_t last = 0, code = 0;
    for (size_t i = 0; i < hunk->count; i++) {
        size_t number = take_line_number(&lines[i].line, &code);
        bool bar = number && memchr(lines[i].line.text, '|', code);
        if (aire__line_is_blank(&lines[i].line) ? last : !bar || (last && number != last + 1))
            return;
        last = number;
    }
    for (size_t i = 0; i < hunk->count && last > 1; i++) {
        aire_line *line = &lines[i].line;
        if (take_line_number(line, &code) > 0)
            *line = (aire_line){line->text + code, line->length - code, line->full - code};
    }
}

/* Whether the header says that nothing is removed, where the lines that begin with '-' are items of
 * a list: what was lost is the blank in front of kept ones. */
static bool removes_items(const aire_edits *edits)
{
    const aire_hunk *hunk = &edits->hunks[edits->hunk_count - 1];
    size_t removed = 0, added = 0;
    for (size_t i = 0; i < hunk->count; i++) {
        const aire_hunk_line *line = &edits->lines[hunk->first + i];
        bool item = line->line.length > 1 && line->line.text[0] == ' ' && line->line.text[1] != ' ';
        if (line->op == '-' && !item)
            return false;
        removed += line->op == '-';
        added += line->op == '+';
    }
    return hunk->numbered && !hunk->counted && removed > 0 && hunk->old_count == hunk->old_lines &&
           hunk->new_count == hunk->old_lines + added;
}

static bool text_ends(const aire_reader *r)
{
    return r->at >= r->lines->count && !(r->fenced && r->closed);
}

static bool last_line_is_open(const aire_reader *r)
{
    const aire_line *last = &r->lines->items[r->lines->count - 1];
    return last->full == last->length;
}

/* Kept lines at the beginning and the end of the last hunk. */
static void count_context(const aire_edits *edits, size_t *before, size_t *after)
{
    const aire_hunk *hunk = &edits->hunks[edits->hunk_count - 1];
    const aire_hunk_line *lines = edits->lines + hunk->first;
    *before = *after = 0;
    while (*before < hunk->count && lines[*before].op == ' ')
        ++*before;
    while (*after < hunk->count && lines[hunk->count - 1 - *after].op == ' ')
        ++*after;
}

/* Whether the text ends within the last hunk: what is missing cannot be known. */
static bool is_cut(const aire_reader *r)
{
    enum { USUAL_CONTEXT = 3 };
    const aire_hunk *hunk = &r->edits->hunks[r->edits->hunk_count - 1];
    size_t before, after;
    count_context(r->edits, &before, &after);
    if (!text_ends(r))
        return false;
    if (hunk->counted)
        return r->fenced && last_line_is_open(r) && after == 0;
    if (hunk->count == 0)
        return true;
    size_t new_lines = 0;
    for (size_t i = 0; i < hunk->count; i++) {
        const aire_hunk_line *line = &r->edits->lines[hunk->first + i];
        new_lines += line->op != '-';
        if (line->op == ' ' && aire__is_elision(&line->line) && !r->fenced)
            return false; /* it leaves out lines that its header counts */
    }
    bool promises =
        hunk->numbered && hunk->old_count > hunk->old_lines && hunk->new_count > new_lines;
    if (after >= USUAL_CONTEXT) /* a line that is cut there does no harm */
        return promises && (r->fenced || last_line_is_open(r));
    if (r->fenced || last_line_is_open(r))
        return true;
    if (!hunk->numbered || hunk->old_count < hunk->old_lines || hunk->new_count < new_lines)
        return false;
    size_t old_missing = hunk->old_count - hunk->old_lines;
    size_t new_missing = hunk->new_count - new_lines;
    if (after == 0)
        return before > 0 && old_missing + new_missing > 0;
    return old_missing == new_missing && after + old_missing <= USUAL_CONTEXT;
}

aire_status aire__read_hunk_body(aire_reader *r, const aire_hunk *hunk)
{
    aire_hunk opened = *hunk;
    size_t end = hunk->numbered ? counted_end(r, hunk) : r->end + 1;
    opened.counted = end <= r->end;
    aire_status status = aire__edits_add_hunk(r->edits, &opened);
    while (status == AIRE_OK && r->at < r->end) {
        aire_line line = aire__reader_line(r, r->at);
        if (opened.counted ? r->at >= end : is_ended(r, r->at))
            break;
        bool marked = is_op(&line) || aire__line_begins(&line, "\\");
        if (!opened.counted && !marked && !belongs(r, r->at))
            break;
        status = add_body_line(r);
    }
    if (status != AIRE_OK)
        return status;
    if (!opened.counted)
        drop_trailing_blanks(r->edits);
    aire__hunk_strip_numbers(r->edits);
    if (r->answer && removes_items(r->edits))
        return aire__reader_complain(
            r, hunk->patch_line - 1,
            "its numbers say that no line is removed, but lines begin with '-': if they are items "
            "of a list that stays, put a blank in front of each");
    if (is_cut(r))
        status = aire__reader_complain(
            r, r->lines->count - 1,
            "the patch ends inside a hunk: it was cut off, or the counts of the hunk's header are "
            "wrong. Send it again, whole, in a fence that is closed");
    return status;
}

static aire_status read_hunk(aire_reader *r)
{
    aire_hunk hunk = {.form = AIRE_HUNK_DIFF, .patch_line = r->at + 1};
    aire_line line = aire__reader_line(r, r->at);
    bool headed = aire__read_hunk_header(&line, &hunk);
    r->at += headed;
    aire_status status = aire__read_hunk_body(r, &hunk);
    if (status != AIRE_OK || r->edits->hunks[r->edits->hunk_count - 1].count > 0)
        return status;
    if (headed)
        return aire__reader_complain(r, r->at ? r->at - 1 : 0, "no lines follow the hunk's header");
    aire__edits_drop_hunk(r->edits);
    return AIRE_OK;
}

/* ---- files ---- */

static char *copy_span(const aire_reader *r, aire_span span)
{
    return aire__strndup(r->edits->ctx, span.text, span.length);
}

static bool begins_with(aire_span span, char letter)
{
    return span.length > 2 && span.text[0] == letter && span.text[1] == '/';
}

static aire_span without_prefix(aire_span span)
{
    bool has = begins_with(span, 'a') || begins_with(span, 'b');
    return has ? (aire_span){span.text + 2, span.length - 2} : span;
}

/* The two names of a head; those of "---" and "+++" come first. */
static void settle_names(head *h)
{
    if (!h->has_old && h->git_old.length)
        h->old_name = h->git_old;
    if (!h->has_new && h->git_new.length)
        h->new_name = h->git_new;
    if (!h->old_name.length)
        h->old_name = h->new_name;
    if (!h->new_name.length)
        h->new_name = h->old_name;
}

static bool ends_in_return(const aire_reader *r, size_t at)
{
    return at < r->lines->count && r->lines->items[at].full == r->lines->items[at].length + 2;
}

static aire_status open_file(aire_reader *r, head *h)
{
    aire_file_edit file = {.patch_line = h->line + 1, .in_code = r->in_code};
    aire_ctx *ctx = r->edits->ctx;
    settle_names(h);
    /* Without a header, the line that begins the hunk tells, or the one before. */
    file.crlf =
        h->crlf || (!h->has_old && !h->has_new &&
                    ends_in_return(r, begins_at(r, r->at, "@@") || !r->at ? r->at : r->at - 1));
    bool no_old = is_absent(h->old_name), no_new = is_absent(h->new_name), full = true;
    aire_span path = no_new ? h->old_name : h->new_name, other = no_old ? path : h->old_name;
    if (no_old && no_new)
        return aire__reader_complain(r, h->line, "both files are /dev/null");
    file.creates = no_old || (h->creates && !no_new);
    file.deletes = no_new || (h->deletes && !no_old);
    file.prefixed =
        (no_old || begins_with(h->old_name, 'a')) && (no_new || begins_with(h->new_name, 'b'));
    if (h->is_rename && h->from.length && h->to.length) {
        file.path = copy_span(r, h->from);
        file.new_path = copy_span(r, h->to);
        full = file.path && file.new_path;
        file.prefixed = false;
    } else if (path.length) {
        file.path = copy_span(r, path);
        full = file.path != NULL;
        if (full && !no_new && !same_span(without_prefix(path), without_prefix(other)))
            full = (file.other = copy_span(r, other)) != NULL;
    } else if (r->hint) {
        file.path = aire__strdup(ctx, r->hint);
        file.guessed = true;
        file.unclear = r->hint_unclear && !r->hint_strong;
        full = file.path != NULL;
        r->hint_used = true;
    } else {
        file.guessed = true;
    }
    aire_status status = full ? aire__edits_add_file(r->edits, &file) : aire__fail_nomem();
    if (status != AIRE_OK) {
        aire_free(ctx, file.path);
        aire_free(ctx, file.new_path);
        aire_free(ctx, file.other);
    }
    h->open = status == AIRE_OK;
    return status;
}

/* A file may be made, removed or renamed without a hunk. */
static aire_status close_head(aire_reader *r, head *h, size_t line)
{
    bool had_hunks = h->open;
    bool said = h->old_name.length || h->new_name.length || h->git_new.length || h->is_rename;
    aire_status status = said && !h->open ? open_file(r, h) : AIRE_OK;
    if (status == AIRE_OK && said && !had_hunks && r->answer && is_absent(h->old_name) &&
        !h->creates)
        status = aire__reader_complain(r, h->line, "no hunk follows: what is in the new file?");
    *h = (head){.line = line};
    return status;
}

static bool passed_over(const aire_line *line)
{
    static const char *const git[] = {
        "diff ",   "index ", "old mode ", "new mode ", "similarity index ", "dissimilarity index ",
        "Index: ", "=====",  "From ",     "-- "};
    for (size_t i = 0; i < sizeof git / sizeof *git; i++)
        if (aire__line_begins(line, git[i]))
            return true;
    return aire__line_is_blank(line);
}

static aire_status read_name(aire_reader *r, head *h, const aire_line *line)
{
    bool old = *line->text == '-';
    aire_status status = AIRE_OK;
    if (h->open || (old ? h->has_old : h->has_new))
        status = close_head(r, h, r->at);
    *(old ? &h->old_name : &h->new_name) = take_name(line, 4);
    *(old ? &h->has_old : &h->has_new) = true;
    h->crlf = h->crlf || line->full == line->length + 2;
    h->line = r->at++;
    return status;
}

/* A line of git's above "---"; false if it is none. */
static bool read_git_line(aire_reader *r, head *h, const aire_line *line, aire_status *status)
{
    if (aire__line_begins(line, "diff --git ")) {
        *status = close_head(r, h, r->at);
        take_git_names(line, h);
        h->crlf = line->full == line->length + 2;
    } else if (aire__line_begins(line, "new file mode")) {
        h->creates = true;
    } else if (aire__line_begins(line, "deleted file mode")) {
        h->deletes = true;
    } else if (aire__line_begins(line, "rename from ")) {
        h->from = take_name(line, 12);
        h->is_rename = true;
    } else if (aire__line_begins(line, "rename to ")) {
        h->to = take_name(line, 10);
        h->is_rename = true;
    } else if (aire__line_begins(line, "copy from ") || aire__line_begins(line, "copy to ")) {
        *status = aire__reader_complain(r, r->at, "copying is not supported: make a new file");
    } else if (aire__line_begins(line, "GIT binary patch") ||
               aire__line_begins(line, "Binary files ")) {
        *status = aire__reader_complain(r, r->at, "binary patches are not supported");
    } else {
        return false;
    }
    r->at++;
    return true;
}

static aire_status read_line(aire_reader *r, head *h, bool *done)
{
    aire_line line = aire__reader_line(r, r->at);
    aire_status status = AIRE_OK;
    aire_span rest;
    bool headed = (h->has_old || h->has_new || h->git_new.length) && !h->open;
    aire_mark mark = r->answer ? aire__mark_of(&line, &rest) : AIRE_MARK_NONE;
    if (mark == AIRE_MARK_SEARCH || mark >= AIRE_MARK_BEGIN) {
        *done = true;
    } else if (names_file(r, r->at) && !aire__line_begins(&line, "diff --git ")) {
        status = read_name(r, h, &line);
    } else if (h->has_old && !h->has_new && !h->open && aire__line_begins(&line, "+++ ")) {
        status = read_name(r, h, &line);
    } else if (aire__line_begins(&line, "@@") || (is_op(&line) && (headed || r->fenced))) {
        if (!h->open)
            status = open_file(r, h);
        if (status == AIRE_OK && !r->edits->complaint)
            status = read_hunk(r);
    } else if (read_git_line(r, h, &line, &status)) {
        return status;
    } else if (passed_over(&line) || r->fenced) {
        r->at++;
    } else {
        *done = true;
    }
    return status;
}

aire_status aire__read_diff(aire_reader *r)
{
    head h = {.line = r->at};
    bool done = false;
    aire_status status = AIRE_OK;
    r->dedent = aire__line_indent(&r->lines->items[r->at]);
    while (status == AIRE_OK && !done && aire__reader_more(r)) {
        size_t before = r->at;
        status = read_line(r, &h, &done);
        r->at += !done && r->at == before; /* no line of a patch: it is passed over */
    }
    bool named = h.has_old || h.has_new || h.git_new.length;
    bool by_program = !r->answer && (is_absent(h.old_name) || is_absent(h.new_name));
    bool bare = !h.open && named && !h.is_rename && !h.creates && !h.deletes && !by_program;
    if (status == AIRE_OK && bare && text_ends(r) && r->edits->file_count > 0)
        status = aire__reader_complain(r, h.line,
                                       "the patch ends after the header of a file: it was cut off. "
                                       "Send it again, whole");
    if (status == AIRE_OK && !r->edits->complaint)
        status = close_head(r, &h, r->at);
    return status;
}
