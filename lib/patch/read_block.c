/*
 * Search/replace blocks: two texts, and what is equal in both is kept. So a block becomes a hunk
 * that says nothing of where it stands.
 */
#include "patch/read.h"

#include <string.h>

#include "base/fail.h"
#include "base/str.h"

typedef struct block {
    size_t search, divider, end; /* lines: of the marks, and one past the second text */
    bool ended;                  /* the end was marked */
} block;

/* ---- the two texts ---- */

static bool is_blank_at(const aire_reader *r, size_t at)
{
    return aire__line_is_blank(&r->lines->items[at]);
}

/* Lines [*from, *to) without a fence around them. */
static void drop_fence(const aire_reader *r, size_t *from, size_t *to)
{
    aire_span info;
    aire_line first = aire__reader_line(r, *from);
    size_t marks;
    if (*from == *to || (marks = aire__fence_opens(&first, &info)) == 0)
        return;
    size_t last = *to;
    while (last > *from + 1 && aire__line_is_blank(&r->lines->items[last - 1]))
        last--;
    aire_line closing = aire__reader_line(r, last - 1);
    if (last > *from + 1 && aire__fence_closes(&closing, marks, SIZE_MAX)) {
        ++*from;
        *to = last - 1;
    }
}

/* Blank lines that both texts have at an end say nothing, and may not be in the file. */
static void drop_blank_ends(const aire_reader *r, size_t *from, size_t *to, size_t *new_from,
                            size_t *new_to)
{
    while (*to > *from + 1 && *new_to > *new_from + 1 && is_blank_at(r, *to - 1) &&
           is_blank_at(r, *new_to - 1)) {
        --*to;
        --*new_to;
    }
    while (*to > *from + 1 && *new_to > *new_from + 1 && is_blank_at(r, *from) &&
           is_blank_at(r, *new_from)) {
        ++*from;
        ++*new_from;
    }
}

/* Whether all lines that are not blank begin with a sign of a diff, or with a blank. */
static bool is_signed(const aire_lines *lines, char sign)
{
    size_t signs = 0;
    for (size_t i = 0; i < lines->count; i++) {
        const aire_line *line = &lines->items[i];
        if (line->length > 0 && *line->text != sign && *line->text != ' ')
            return false;
        signs += line->length > 0 && *line->text == sign;
    }
    return signs > 0;
}

static void drop_signs(aire_lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        aire_line *line = &lines->items[i];
        size_t sign = line->length > 0;
        *line = (aire_line){line->text + sign, line->length - sign, line->full - sign};
    }
}

static aire_status take_lines(const aire_reader *r, size_t from, size_t to, aire_lines *out)
{
    *out = (aire_lines){.count = to - from};
    out->items = aire__calloc(r->edits->ctx, to - from + 1, sizeof *out->items);
    if (!out->items)
        return aire__fail_nomem();
    for (size_t i = from; i < to; i++)
        out->items[i - from] = aire__reader_line(r, i);
    return AIRE_OK;
}

/* Removed lines before the added ones of the same place, as in a diff. */
static aire_status add_lines(aire_reader *r, const aire_lines *a, const aire_lines *b,
                             const bool *removed, const bool *added)
{
    aire_status status = AIRE_OK;
    size_t i = 0, k = 0;
    while (status == AIRE_OK && (i < a->count || k < b->count)) {
        if (i < a->count && removed[i]) {
            status = aire__edits_add_line(r->edits, '-', &a->items[i++], false);
        } else if (k < b->count && added[k]) {
            status = aire__edits_add_line(r->edits, '+', &b->items[k++], false);
        } else {
            status = aire__edits_add_line(r->edits, ' ', &a->items[i++], false);
            k++;
        }
    }
    return status;
}

static aire_status add_texts(aire_reader *r, const aire_lines *a, const aire_lines *b)
{
    bool *removed = NULL, *added = NULL;
    aire_status status = aire__lines_compare(r->edits->ctx, a, b, &removed, &added);
    if (status == AIRE_OK)
        status = add_lines(r, a, b, removed, added);
    aire_free(r->edits->ctx, removed);
    aire_free(r->edits->ctx, added);
    return status;
}

/* ---- where they end ---- */

/* One past the last line of [from, to) that is not blank; `from` if there is none. */
static size_t last_text(const aire_reader *r, size_t from, size_t to)
{
    while (to > from && is_blank_at(r, to - 1))
        to--;
    return to;
}

/* Whether both texts end in the same line: then nothing is missing from the second. */
static bool ends_alike(const aire_reader *r, const block *b, size_t to)
{
    size_t x = last_text(r, b->search + 1, b->divider), y = last_text(r, b->divider + 1, to);
    if (x == b->search + 1 || y == b->divider + 1)
        return false;
    aire_line old_last = aire__reader_line(r, x - 1), new_last = aire__reader_line(r, y - 1);
    return r->lines->items[y - 1].full > r->lines->items[y - 1].length &&
           aire__line_equal(&old_last, &new_last);
}

/* Without a mark at its end, a text ends with the fence, or before the next block and its file's
 * name. */
static size_t guess_end(const aire_reader *r, size_t from, size_t to)
{
    aire_span info, path;
    bool strong;
    for (size_t rounds = 0; rounds < 4; rounds++) {
        size_t last = last_text(r, from, to);
        if (last == from)
            break;
        const aire_line *line = &r->lines->items[last - 1];
        bool fence = aire__fence_opens(line, &info) > 0;
        bool name = to < r->end &&
                    aire__find_path((aire_span){line->text, line->length}, &path, &strong) &&
                    strong;
        if (!fence && !name)
            return last;
        to = last - 1;
    }
    return last_text(r, from, to);
}

/* Find the marks of the block that begins at r->at; what is wrong with it is complained of. */
static aire_status find_marks(aire_reader *r, block *b)
{
    aire_span rest;
    size_t dividers = 0, at;
    *b = (block){.search = r->at};
    for (at = r->at + 1; at < r->end; at++) {
        aire_mark mark = aire__mark_of(&r->lines->items[at], &rest);
        if (mark == AIRE_MARK_DIVIDER) {
            b->divider = dividers++ ? b->divider : at;
        } else if (mark == AIRE_MARK_REPLACE && dividers) {
            b->ended = true;
            break;
        } else if (mark == AIRE_MARK_SEARCH) {
            break;
        }
    }
    b->end = at;
    if (dividers == 0)
        return aire__reader_complain(r, r->at,
                                     "a search/replace block without its middle line '======='; if "
                                     "these are marks that the file itself has, send a unified "
                                     "diff instead");
    if (dividers > 1)
        return aire__reader_complain(
            r, r->at,
            "a search/replace block with more than one line '=======': which one parts the two "
            "texts, nobody knows; send a unified diff instead");
    return AIRE_OK;
}

static aire_status find_end(aire_reader *r, block *b)
{
    if (b->ended)
        return AIRE_OK;
    bool last = b->end >= r->end && r->end >= r->lines->count && !(r->fenced && r->closed);
    bool in_fence = r->fenced && r->closed && b->end >= r->end;
    size_t end = guess_end(r, b->divider + 1, b->end), search = b->divider;
    while (end < b->end && search > b->search + 1 && is_blank_at(r, end) &&
           is_blank_at(r, search - 1)) { /* blank lines at the end, as many as the first text has */
        end++;
        search--;
    }
    b->end = end;
    if (in_fence || (!last && r->fenced && b->end < r->end) || ends_alike(r, b, b->end))
        return AIRE_OK;
    return aire__reader_complain(
        r, b->search,
        last ? "the answer ends inside this block, before its last line '>>>>>>> REPLACE': it was "
               "cut off. Send it again, whole"
             : "this block has no last line '>>>>>>> REPLACE': where it ends, nobody knows");
}

/* ---- the block as a hunk ---- */

/* Blocks that follow each other for the same file are hunks of one edit. */
static bool goes_on(const aire_reader *r)
{
    if (r->edits->file_count == 0)
        return false;
    const aire_file_edit *last = &r->edits->files[r->edits->file_count - 1];
    const aire_said *said = &r->edits->said;
    if (last->whole || last->deletes || last->new_path || last->other || last->creates ||
        last->turn != said->turn || last->rival != said->rival || last->doubt != said->doubt)
        return false;
    return r->hint && r->hint_used ? last->path && !strcmp(last->path, r->hint)
                                   : !r->hint && !last->path;
}

static aire_status open_edit(aire_reader *r, const aire_block *b)
{
    aire_file_edit file = {.patch_line = b->search + 1,
                           .guessed = !r->hint || !r->hint_strong || r->hint_unclear,
                           .unclear = r->hint_unclear && !r->hint_strong};
    aire_span rest, path;
    bool strong;
    aire_ctx *ctx = r->edits->ctx;
    const aire_line *mark = &r->lines->items[b->search];
    aire__mark_of(mark, &rest);
    if (rest.length && aire__find_path(rest, &path, &strong) && strong) {
        char *hint = aire__strndup(ctx, path.text, path.length);
        if (!hint)
            return aire__fail_nomem();
        aire_free(ctx, r->hint);
        r->hint = hint;
        r->hint_strong = true;
        r->hint_used = r->hint_unclear = false;
        file.guessed = file.unclear = false;
    }
    file.crlf = mark->full == mark->length + 2;
    if (goes_on(r))
        return AIRE_OK;
    if (r->hint && !(file.path = aire__strdup(ctx, r->hint)))
        return aire__fail_nomem();
    r->hint_used = true;
    aire_status status = aire__edits_add_file(r->edits, &file);
    if (status != AIRE_OK)
        aire_free(ctx, file.path);
    return status;
}

aire_status aire__block_add(aire_reader *r, const aire_block *b)
{
    aire_hunk hunk = {.form = AIRE_HUNK_BLOCK, .patch_line = b->search + 1};
    size_t from = b->old_from, to = b->old_to, new_from = b->new_from, new_to = b->new_to;
    aire_lines old_lines = {0}, new_lines = {0};
    drop_fence(r, &from, &to);
    drop_fence(r, &new_from, &new_to);
    drop_blank_ends(r, &from, &to, &new_from, &new_to);
    aire_status status = open_edit(r, b);
    if (status == AIRE_OK)
        status = aire__edits_add_hunk(r->edits, &hunk);
    if (status == AIRE_OK)
        status = take_lines(r, from, to, &old_lines);
    if (status == AIRE_OK)
        status = take_lines(r, new_from, new_to, &new_lines);
    if (status == AIRE_OK && is_signed(&old_lines, '-') && is_signed(&new_lines, '+')) {
        drop_signs(&old_lines);
        drop_signs(&new_lines);
    }
    if (status == AIRE_OK)
        status = add_texts(r, &old_lines, &new_lines);
    aire__lines_free(r->edits->ctx, &old_lines);
    aire__lines_free(r->edits->ctx, &new_lines);
    if (status == AIRE_OK)
        aire__hunk_strip_numbers(r->edits);
    return status;
}

aire_status aire__read_block(aire_reader *r)
{
    block b;
    r->dedent = aire__line_indent(&r->lines->items[r->at]);
    aire_status status = find_marks(r, &b);
    if (status == AIRE_OK && !r->edits->complaint)
        status = find_end(r, &b);
    if (status == AIRE_OK && !r->edits->complaint)
        status = aire__block_add(
            r, &(aire_block){b.search, b.search + 1, b.divider, b.divider + 1, b.end});
    r->at = b.end + b.ended;
    return status;
}
