/*
 * An answer, line by line: fences, names of files, and what begins a patch of some form. The form's
 * own reader takes over from there.
 */
#include "patch/read.h"

#include <string.h>

#include "base/fail.h"
#include "base/str.h"
#include "patch/stubs.h"
#include "patch/thinking.h"

aire_line aire__reader_line(const aire_reader *r, size_t at)
{
    if (at >= r->end)
        return (aire_line){"", 0, 0};
    aire_line line = r->lines->items[at];
    size_t indent = aire__line_indent(&line);
    size_t skip = indent < r->dedent ? indent : r->dedent;
    return (aire_line){line.text + skip, line.length - skip, line.full - skip};
}

bool aire__reader_more(const aire_reader *r)
{
    return r->at < r->end && !r->edits->complaint;
}

aire_status aire__reader_complain(aire_reader *r, size_t at, const char *what)
{
    return aire__edits_complain(r->edits, at, "%s", what);
}

static aire_status set_hint(aire_reader *r, aire_span path, bool strong)
{
    char *hint = aire__strndup(r->edits->ctx, path.text, path.length);
    if (!hint)
        return aire__fail_nomem();
    aire_free(r->edits->ctx, r->hint);
    r->hint = hint;
    r->hint_strong = strong;
    r->hint_used = false;
    r->hint_unclear = false;
    return AIRE_OK;
}

static bool is_hint(const aire_reader *r, aire_span path)
{
    return r->hint && strlen(r->hint) == path.length && !memcmp(r->hint, path.text, path.length);
}

/* Prose that names a file beside others: a name that a line of its own gave stays, and of several
 * none is sure. */
static aire_status name_in_prose(aire_reader *r, aire_span line, aire_span path)
{
    bool fresh = r->hint && !r->hint_used, same = fresh && is_hint(r, path);
    bool several = aire__names_others(line, path) || (fresh && (!same || r->hint_unclear));
    aire_status status = AIRE_OK;
    if (!same && !(fresh && r->hint_strong))
        status = set_hint(r, path, false);
    r->hint_unclear = several;
    return status;
}

/* A line of prose may name the file of what follows; an older name is forgotten when another was
 * used meanwhile. */
static aire_status read_prose(aire_reader *r)
{
    const aire_line *line = &r->lines->items[r->at];
    aire_span path, span = {line->text, line->length};
    bool strong = false, named = aire__find_path(span, &path, &strong);
    aire__choice_look(&r->edits->said, line, r->at++, named && strong);
    if (!named)
        return AIRE_OK;
    size_t at = r->at - 1, before = r->hint_line;
    bool listed = strong && r->hint && !r->hint_used && before + 1 == at && !is_hint(r, path);
    aire_status status = strong ? set_hint(r, path, !listed) : name_in_prose(r, span, path);
    r->hint_line = at;
    r->hint_unclear = r->hint_unclear || listed; /* a list of files: which of them, nobody knows */
    return status;
}

/* ---- whole files ---- */

/* Whether a fence's word is the language of a name's ending. */
static bool is_language(aire_span info, const char *path)
{
    static const struct {
        const char *ending, *words;
    } table[] = {{".py", " python python3 py "},
                 {".c", " c "},
                 {".h", " c h cpp c++ "},
                 {".cc", " cpp c++ cc "},
                 {".cpp", " cpp c++ "},
                 {".cu", " cuda cu cpp c++ c "},
                 {".cuh", " cuda cpp c++ "},
                 {".sh", " sh bash shell "},
                 {".yaml", " yaml yml "},
                 {".yml", " yaml yml "},
                 {".json", " json "},
                 {".toml", " toml "},
                 {".md", " markdown md "},
                 {".txt", " text txt "},
                 {".js", " js javascript "},
                 {".ts", " ts typescript "},
                 {".rs", " rust rs "}};
    char word[16] = " ";
    size_t length = 0;
    while (length < info.length && length < sizeof word - 3 && info.text[length] != ' ')
        length++;
    memcpy(word + 1, info.text, length);
    memcpy(word + 1 + length, " ", 2);
    for (size_t i = 0; path && length > 0 && i < sizeof table / sizeof *table; i++)
        if (aire__ends_with(path, table[i].ending) && strstr(table[i].words, word))
            return true;
    return false;
}

static aire_status add_whole(aire_reader *r, size_t from, size_t to, bool closed, bool labelled,
                             aire_span info)
{
    aire_file_edit file = {.whole = true, .patch_line = from, .labelled = labelled};
    file.in_language = is_language(info, r->hint);
    file.open_ended = !closed;
    aire_hunk hunk = {.form = AIRE_HUNK_BLOCK, .patch_line = from};
    file.guessed = !r->hint || !r->hint_strong || r->hint_unclear;
    file.unclear = r->hint_unclear && !r->hint_strong;
    file.crlf = from > 0 && r->lines->items[from - 1].full == r->lines->items[from - 1].length + 2;
    if (r->hint && !(file.path = aire__strdup(r->edits->ctx, r->hint)))
        return aire__fail_nomem();
    r->hint_used = true;
    aire_status status = aire__edits_add_file(r->edits, &file);
    if (status != AIRE_OK) {
        aire_free(r->edits->ctx, file.path);
        return status;
    }
    status = aire__edits_add_hunk(r->edits, &hunk);
    for (size_t i = from; i < to && status == AIRE_OK; i++) {
        aire_line line = aire__reader_line(r, i);
        status = aire__edits_add_line(r->edits, '+', &line, false);
    }
    if (status == AIRE_OK)
        aire__whole_strip_numbers(r->edits, &r->edits->hunks[r->edits->hunk_count - 1]);
    return status;
}

/* The end of a fence: its closing line, or the end of the text. A fence inside, with a word behind
 * its marks, has an end of its own. */
static size_t find_close(const aire_reader *r, size_t from, size_t marks, size_t indent,
                         bool *closed)
{
    size_t depth = 0;
    *closed = true;
    for (size_t i = from; i < r->lines->count; i++) {
        const aire_line *line = &r->lines->items[i];
        aire_span info;
        if (aire__fence_closes(line, marks, indent)) {
            if (depth == 0)
                return i;
            depth--;
        } else if (aire__line_indent(line) <= indent && aire__fence_opens(line, &info) >= marks) {
            depth++;
        }
    }
    *closed = false;
    return r->lines->count;
}

/* ---- fences ---- */

static bool names_diff(aire_span info)
{
    return (info.length >= 4 && memcmp(info.text, "diff", 4) == 0) ||
           (info.length >= 5 && memcmp(info.text, "patch", 5) == 0) ||
           (info.length >= 5 && memcmp(info.text, "udiff", 5) == 0);
}

static bool has_changes(const aire_reader *r, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        const aire_line *line = &r->lines->items[i];
        size_t indent = aire__line_indent(line);
        if (indent < line->length && (line->text[indent] == '+' || line->text[indent] == '-'))
            return true;
    }
    return false;
}

/* Whether something in a fence begins a form that has a reader of its own. */
static bool holds_form(const aire_reader *r, size_t from, size_t to)
{
    aire_span rest;
    for (size_t i = from; i < to; i++) {
        aire_mark mark = aire__mark_of(&r->lines->items[i], &rest);
        if (mark == AIRE_MARK_SEARCH || mark >= AIRE_MARK_BEGIN || aire__diff_begins(r, i) ||
            aire__tags_begin(r, i))
            return true;
    }
    return false;
}

/* Whether such a form is the first thing in a fence, but for the name of a file. */
static bool begins_form(const aire_reader *r, size_t from, size_t to)
{
    aire_span path;
    bool strong;
    while (from < to && aire__line_is_blank(&r->lines->items[from]))
        from++;
    const aire_line *line = &r->lines->items[from];
    bool named =
        from < to && aire__find_path((aire_span){line->text, line->length}, &path, &strong);
    return from < to && holds_form(r, from, from + 1 + (named && strong && from + 1 < to));
}

static aire_status read_code(aire_reader *r, size_t from, size_t to, bool closed, aire_span info)
{
    aire_span path;
    bool labelled = from < to && aire__comment_names_path(&r->lines->items[from], &path);
    aire_status status = AIRE_OK;
    if (labelled && (!r->hint || r->hint_used || !r->hint_strong)) {
        status = set_hint(r, path, true);
    } else {
        labelled = false;
        if (r->hint_used) { /* the name belongs to what came before */
            aire_free(r->edits->ctx, r->hint);
            r->hint = NULL;
            r->hint_used = r->hint_unclear = false;
        }
    }
    size_t first = from;
    while (first < to && aire__line_is_blank(&r->lines->items[first]))
        first++;
    if (status != AIRE_OK || first == to)
        return status;
    return add_whole(r, from, to, closed, labelled, info);
}

static aire_status read_forms(aire_reader *r, bool fenced_diff);

static aire_status read_fence(aire_reader *r, size_t marks, aire_span info)
{
    aire_span path;
    bool strong, closed, diff = names_diff(info);
    size_t indent = aire__line_indent(&r->lines->items[r->at]), from = r->at + 1;
    aire_status status = AIRE_OK;
    if (aire__find_path(info, &path, &strong))
        status = set_hint(r, path, true);
    size_t to = find_close(r, from, marks, indent, &closed);
    if (status != AIRE_OK)
        return status;
    aire_reader inner = *r;
    inner.at = from;
    inner.end = to;
    inner.dedent = 0;
    inner.fenced = true;
    inner.closed = closed;
    bool forms = holds_form(&inner, from, to);
    inner.in_code = forms && !diff && !begins_form(&inner, from, to);
    if (forms || (diff && has_changes(r, from, to))) {
        status = read_forms(&inner, diff && !forms);
    } else if (!diff) {
        inner.dedent = indent;
        status = read_code(&inner, from, to, closed, info);
    }
    r->hint = inner.hint;
    r->hint_strong = inner.hint_strong;
    r->hint_used = inner.hint_used;
    r->hint_unclear = inner.hint_unclear;
    r->hint_line = inner.hint_line;
    aire__choice_form(&r->edits->said);
    size_t next = to + closed;
    r->at = inner.at > next ? inner.at : next;
    return status;
}

/* ---- the whole ---- */

static aire_status read_one(aire_reader *r)
{
    aire_span rest;
    size_t marks;
    aire_mark mark = r->answer ? aire__mark_of(&r->lines->items[r->at], &rest) : AIRE_MARK_NONE;
    bool diff = mark == AIRE_MARK_NONE && aire__diff_begins(r, r->at);
    bool tags = r->answer && mark == AIRE_MARK_NONE && !diff && aire__tags_begin(r, r->at);
    r->dedent = 0;
    if (mark == AIRE_MARK_SEARCH || mark >= AIRE_MARK_BEGIN || diff || tags) {
        aire_status status = tags                       ? aire__read_tags(r)
                             : diff                     ? aire__read_diff(r)
                             : mark == AIRE_MARK_SEARCH ? aire__read_block(r)
                                                        : aire__read_envelope(r);
        aire__choice_form(&r->edits->said);
        return status;
    }
    if (r->answer && !r->fenced && (marks = aire__fence_opens(&r->lines->items[r->at], &rest)) > 0)
        return read_fence(r, marks, rest);
    return read_prose(r);
}

/* `fenced_diff`: a fence said to hold a diff, with neither headers nor hunks. */
static aire_status read_forms(aire_reader *r, bool fenced_diff)
{
    aire_status status = AIRE_OK;
    if (fenced_diff)
        return aire__read_diff(r);
    while (status == AIRE_OK && aire__reader_more(r))
        status = read_one(r);
    return status;
}

/* Go to where the answer itself begins; what was only thought on the way to it is not meant. */
static aire_status skip_thinking(aire_reader *r, const char *text, size_t length)
{
    bool open;
    size_t begin = aire__thinking_end(text, length, &open);
    while (begin > 0 && r->at < r->end &&
           (size_t)(r->lines->items[r->at].text - text) + r->lines->items[r->at].full <= begin)
        r->at++;
    if (begin > 0 && r->at < r->end) {
        aire_line *line = &r->edits->text.items[r->at];
        size_t skip = begin - (size_t)(line->text - text);
        *line = (aire_line){line->text + skip, line->length - skip, line->full - skip};
    }
    if (!open)
        return AIRE_OK;
    r->edits->empty = true;
    return aire__edits_complain(r->edits, SIZE_MAX,
                                "it holds only thinking, whose end is not marked: send the patch "
                                "behind it");
}

/* Bytes of value 0 would end texts early, wherever they are handed on as strings. */
static aire_status check_text(aire_edits *edits, const char *text, size_t length)
{
    const char *zero = length ? memchr(text, '\0', length) : NULL;
    size_t at = 0;
    if (!zero)
        return AIRE_OK;
    while (edits->text.items[at].text + edits->text.items[at].full <= zero)
        at++;
    return aire__edits_complain(edits, at, "a byte of value 0: only text can be patched");
}

/* A header that nothing follows was written twice, or meant nothing. */
static void drop_empty(aire_edits *edits)
{
    size_t kept = 0;
    for (size_t i = 0; i < edits->file_count; i++) {
        aire_file_edit *file = &edits->files[i];
        if (!file->hunk_count && !file->new_path && !file->deletes && !file->creates) {
            aire_free(edits->ctx, file->path);
            aire_free(edits->ctx, file->other);
            continue;
        }
        for (size_t k = 0; k < file->hunk_count; k++)
            edits->hunks[file->first_hunk + k].file = kept;
        edits->files[kept++] = *file;
    }
    edits->file_count = kept;
}

/* Complain where nothing is left to be done. */
static aire_status check_found(aire_edits *edits)
{
    bool headers = edits->file_count > 0;
    drop_empty(edits);
    if (edits->file_count > 0)
        return AIRE_OK;
    if (headers)
        return aire__edits_complain(
            edits, SIZE_MAX,
            "no hunk follows the header of a file: send the lines to change "
            "below it, as '@@ -12,3 +12,4 @@' and lines that begin with "
            "' ', '-' or '+'");
    edits->empty = true;
    return aire__edits_complain(
        edits, SIZE_MAX,
        edits->answer ? "there is no patch in it: send a unified diff ('--- a/PATH', '+++ b/PATH', "
                        "'@@ -a,b +c,d @@') or search/replace blocks in a fence"
                      : "there is no unified diff ('--- PATH', '+++ PATH', '@@ -a,b +c,d @@')");
}

/* Complain of a comment that a hunk puts in the place of code, to stand for it. */
static aire_status check_stubs(aire_edits *edits)
{
    for (size_t i = 0; i < edits->hunk_count; i++) {
        size_t stub = edits->files[edits->hunks[i].file].whole
                          ? SIZE_MAX
                          : aire__stub_of(edits, &edits->hunks[i]);
        if (stub == SIZE_MAX)
            continue;
        aire_span line = aire__span_trim(
            (aire_span){edits->lines[stub].line.text, edits->lines[stub].line.length});
        return aire__edits_complain(edits, edits->hunks[i].patch_line - 1,
                                    "it takes lines away and puts `%.*s` there, which only stands "
                                    "for others: send all of the lines that are to be there",
                                    (int)line.length, line.text);
    }
    return AIRE_OK;
}

/* "12  -    old" or "[-old-]{+new+}": a change, in a form that is not read. */
static bool is_misread(const aire_line *line)
{
    aire_span span = aire__span_trim((aire_span){line->text, line->length});
    size_t at = 0;
    while (at < span.length && span.text[at] >= '0' && span.text[at] <= '9')
        at++;
    size_t digits = at;
    while (at < span.length && (span.text[at] == ' ' || span.text[at] == '\t'))
        at++;
    if (digits > 0 && at > digits && at < span.length && strchr("+-", span.text[at]))
        return true;
    for (size_t i = 0; i + 1 < span.length; i++)
        if (!memcmp(span.text + i, "{+", 2) || !memcmp(span.text + i, "-]", 2))
            return true;
    return false;
}

/* Complain of a hunk that changes nothing, for its changes are written otherwise. */
static aire_status check_signs(aire_edits *edits)
{
    for (size_t i = 0; i < edits->hunk_count; i++) {
        const aire_hunk *hunk = &edits->hunks[i];
        if (hunk->form != AIRE_HUNK_DIFF || hunk->changes > 0)
            continue;
        for (size_t k = 0; k < hunk->count; k++)
            if (is_misread(&edits->lines[hunk->first + k].line))
                return aire__edits_complain(
                    edits, hunk->patch_line - 1,
                    "no line below it is removed or added: each must begin with ' ', '-' or '+', "
                    "with no number before and no marks inside");
    }
    return AIRE_OK;
}

aire_status aire__edits_read(aire_ctx *ctx, const char *text, size_t length, bool answer,
                             aire_edits *out)
{
    *out = (aire_edits){.ctx = ctx, .answer = answer};
    aire_status status = aire__lines_split(ctx, text, length, &out->text);
    aire_reader r = {.edits = out, .lines = &out->text, .end = out->text.count, .answer = answer};
    if (status == AIRE_OK)
        status = check_text(out, text, length);
    if (status == AIRE_OK && answer)
        status = skip_thinking(&r, text, length);
    out->said.sentence = true;
    if (status == AIRE_OK)
        status = read_forms(&r, false);
    aire_free(ctx, r.hint);
    if (status == AIRE_OK && !out->complaint)
        status = check_found(out);
    if (status == AIRE_OK && !out->complaint && answer)
        status = check_stubs(out);
    if (status == AIRE_OK && !out->complaint && answer)
        status = check_signs(out);
    if (status != AIRE_OK)
        aire__edits_free(out);
    return status;
}
