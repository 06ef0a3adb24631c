/*
 * Hunks in another form: parts of one whose context leaves out lines, and whole lines for a piece
 * of one.
 */
#include <string.h>

#include "base/fail.h"
#include "patch/marks.h"
#include "patch/target.h"

enum { ELISIONS_MAX = 64 }; /* each is looked for in all of the text, and parts a hunk */

/* ---- "..." ---- */

static bool in_text(const aire_text *text, const aire_line *line)
{
    for (size_t i = 0; i < text->lines.count; i++)
        if (aire__fold_equal(&text->lines.items[i], line))
            return true;
    return false;
}

static bool is_gap(const aire_text *text, const aire_hunk_line *line)
{
    return line->op == ' ' && aire__is_elision(&line->line) && !in_text(text, &line->line);
}

static void count_part(const aire_edits *edits, aire_hunk *part)
{
    part->old_lines = part->changes = 0;
    for (size_t i = 0; i < part->count; i++) {
        char op = edits->lines[part->first + i].op;
        part->old_lines += op != '+';
        part->changes += op != ' ';
    }
}

/* One more hunk of the target, that no file edit counts among its own. */
static aire_status add_part(aire_ctx *ctx, aire_edits *edits, aire_target *target, aire_hunk part,
                            size_t from, size_t to)
{
    part.first += from;
    part.count = to - from;
    part.counted = false;
    part.numbered = part.numbered && from == 0;
    count_part(edits, &part);
    if (part.changes == 0)
        return AIRE_OK;
    if (!aire__grow(ctx, &edits->hunks, &edits->hunk_capacity, edits->hunk_count + 1,
                    sizeof *edits->hunks))
        return aire__fail_nomem();
    edits->hunks[edits->hunk_count] = part;
    return aire__target_add_hunk(ctx, target, edits->hunk_count++);
}

static size_t count_elisions(const aire_edits *edits, const aire_hunk *hunk)
{
    size_t count = 0;
    for (size_t i = 0; i < hunk->count; i++)
        count += edits->lines[hunk->first + i].op == ' ' &&
                 aire__is_elision(&edits->lines[hunk->first + i].line);
    return count;
}

aire_status aire__target_split(aire_ctx *ctx, aire_edits *edits, const aire_text *text,
                               aire_target *target)
{
    size_t count = target->hunk_count;
    size_t *hunks = target->hunks;
    aire_status status = AIRE_OK;
    size_t elisions = 0;
    for (size_t i = 0; i < count; i++)
        elisions += count_elisions(edits, &edits->hunks[hunks[i]]);
    if (elisions == 0 || elisions > ELISIONS_MAX)
        return AIRE_OK;
    target->hunks = NULL;
    target->hunk_count = target->hunk_capacity = 0;
    for (size_t i = 0; i < count && status == AIRE_OK; i++) {
        const aire_hunk whole = edits->hunks[hunks[i]];
        size_t from = 0, parts = 0;
        bool elides = count_elisions(edits, &whole) > 0;
        for (size_t k = 0; elides && k < whole.count && status == AIRE_OK; k++) {
            if (!is_gap(text, &edits->lines[whole.first + k]))
                continue;
            status = add_part(ctx, edits, target, whole, from, k);
            from = k + 1;
            parts++;
        }
        if (status == AIRE_OK && parts > 0)
            status = add_part(ctx, edits, target, whole, from, whole.count);
        else if (status == AIRE_OK)
            status = aire__target_add_hunk(ctx, target, hunks[i]);
    }
    aire_free(ctx, hunks);
    return status;
}

/* ---- parts that stand apart ---- */

typedef struct parting {
    aire_edits *edits;
    aire_text *text;
    const aire_side *side; /* the hunk's old lines */
    aire_hunk hunk;
    size_t *ends; /* of the parts: lines of the hunk */
    size_t count;
} parting;

/* The old line after the first run of changes from old line `k` on, with one kept line behind. */
static size_t first_change_end(const parting *p, size_t k, size_t from)
{
    const aire_hunk_line *lines = p->edits->lines + p->hunk.first;
    size_t line = from;
    while (line < p->hunk.count && lines[line].op == ' ')
        line++;
    while (line < p->hunk.count && lines[line].op != ' ')
        line++;
    while (k < p->side->count && p->side->at[k] < line)
        k++;
    return k < p->side->count ? k + 1 : k;
}

/* How far the old lines from `k` on stand together in the text, at the only place where those up to
 * the first change do; `k` if there is none. */
static size_t reach(const parting *p, size_t k, size_t from, size_t after, size_t *end)
{
    aire_side part = *p->side;
    size_t places[AIRE_PLACES_MAX];
    int grade;
    bool more;
    part.core = k;
    part.core_end = first_change_end(p, k, from);
    if (aire__find_contiguous(p->text, &part, places, &grade, &more) != 1 || more ||
        places[0] < after)
        return k;
    size_t line = places[0] + (part.core_end - k), next = part.core_end;
    while (next < p->side->count && line < p->text->lines.count &&
           p->side->keys[next] == p->text->keys[line]) {
        next++;
        line++;
    }
    *end = line;
    return next;
}

/* Find where the hunk falls apart: between two kept lines that tell something. */
static bool find_parts(parting *p)
{
    size_t k = 0, from = 0, after = 0;
    while (k < p->side->count) {
        size_t next = reach(p, k, from, after, &after);
        if (next == k)
            return false;
        if (next == p->side->count) {
            p->ends[p->count++] = p->hunk.count;
            return p->count > 1;
        }
        size_t line = p->side->at[next];
        const aire_hunk_line *lines = p->edits->lines + p->hunk.first;
        if (next < k + 2 || lines[line].op != ' ' || lines[line - 1].op != ' ')
            return false;
        p->ends[p->count++] = line;
        k = next;
        from = line;
    }
    return false;
}

static aire_status part_hunk(aire_ctx *ctx, aire_edits *edits, aire_text *text,
                             const aire_side *side, size_t hunk, aire_target *target, bool *done)
{
    parting p = {.edits = edits, .text = text, .side = side, .hunk = edits->hunks[hunk]};
    aire_status status = AIRE_OK;
    p.ends = aire__calloc(ctx, p.hunk.count + 1, sizeof *p.ends);
    if (!p.ends)
        return aire__fail_nomem();
    *done = find_parts(&p);
    for (size_t i = 0, from = 0; *done && i < p.count && status == AIRE_OK; from = p.ends[i++])
        status = add_part(ctx, edits, target, p.hunk, from, p.ends[i]);
    aire_free(ctx, p.ends);
    return status;
}

/* ---- a piece of a line ---- */

enum { PIECE_MIN = 4 };

/* One side of a hunk as a text. */
static void join(const aire_edits *edits, const aire_hunk *hunk, char left_out, aire_buf *to)
{
    for (size_t i = 0; i < hunk->count; i++) {
        const aire_hunk_line *line = &edits->lines[hunk->first + i];
        if (line->op == left_out)
            continue;
        if (to->data)
            aire__buf_puts(to, "\n");
        aire__buf_append(to, line->line.text, line->line.length);
    }
}

static bool is_white(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* White space that both texts have in front or behind says nothing of the piece. */
static void trim_both(aire_span *a, aire_span *b)
{
    while (a->length && b->length && is_white(*a->text) && *a->text == *b->text) {
        *a = (aire_span){a->text + 1, a->length - 1};
        *b = (aire_span){b->text + 1, b->length - 1};
    }
    while (a->length && b->length && is_white(a->text[a->length - 1]) &&
           a->text[a->length - 1] == b->text[b->length - 1]) {
        a->length--;
        b->length--;
    }
}

/* Letters of words, and what holds parts of a name or a number together. */
static bool is_wordy(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '.' || (unsigned char)c >= 0x80;
}

/* Whether something ends between two characters: no word, number or sign of several characters goes
 * through. */
static bool is_border(char before, char after)
{
    const char *signs = "=<>!+-*/&|";
    if (is_wordy(before) && is_wordy(after))
        return false;
    return !(before && after && strchr(signs, before) && strchr(signs, after));
}

/* Whether a piece ends where more has to follow: in brackets, or with a sign. */
static bool is_unfinished(aire_span piece)
{
    long depth = 0;
    for (size_t i = 0; i < piece.length; i++)
        depth += (strchr("([{", piece.text[i]) != NULL) - (strchr(")]}", piece.text[i]) != NULL);
    return depth != 0 || strchr("([{,=<>+-*/&|.\\", piece.text[piece.length - 1]) != NULL;
}

/* Whether what follows a statement in its line leaves it the statement that it is. */
static bool is_tail(aire_span rest)
{
    rest = aire__span_trim(rest);
    return rest.length == 0 || strchr("#;,)]}", *rest.text) ||
           (rest.length > 1 && rest.text[0] == '/' && (rest.text[1] == '/' || rest.text[1] == '*'));
}

static bool is_assignment(aire_span piece)
{
    for (size_t i = 0; i < piece.length && piece.text[i] != '(' && piece.text[i] != '['; i++)
        if (piece.text[i] == '=' && (i + 1 == piece.length || piece.text[i + 1] != '='))
            return true;
    return false;
}

/*
 * Whether a piece of the text may be meant: `head` and `rest` are what its first and last line have
 * beside it. It begins and ends between words. A statement is none that only begins like it, nor
 * one in a comment.
 */
static bool is_fit_piece(aire_span head, aire_span piece, aire_span rest)
{
    aire_span bare = aire__span_trim(head);
    bool lines = memchr(piece.text, '\n', piece.length) != NULL;
    char last = piece.text[piece.length - 1];
    if (head.length && (!is_border(head.text[head.length - 1], *piece.text) ||
                        (head.length > 1 && head.text[head.length - 1] == '-' &&
                         (is_wordy(head.text[head.length - 2]) || head.text[0] == '-'))))
        return false;
    if (rest.length && (!is_border(last, *rest.text) ||
                        (rest.length > 1 && *rest.text == '-' && is_wordy(rest.text[1]))))
        return false;
    bool comment =
        bare.length &&
        (*bare.text == '#' || *bare.text == '*' ||
         (bare.length > 1 && bare.text[0] == '/' && (bare.text[1] == '/' || bare.text[1] == '*')));
    if (bare.length && (lines || (comment && is_assignment(piece))))
        return false;
    bool statement = bare.length == 0 || is_assignment(piece);
    return !statement || is_tail(rest) || is_unfinished(piece);
}

/* The only place of a piece in a text; NULL if there is none, or another. */
static const char *find_only(const char *text, size_t length, aire_span piece)
{
    const char *found = memmem(text, length, piece.text, piece.length);
    if (!found)
        return NULL;
    size_t left = length - (size_t)(found - text) - 1;
    return memmem(found + 1, left, piece.text, piece.length) ? NULL : found;
}

static size_t line_of(const aire_lines *lines, const char *at)
{
    size_t low = 0, high = lines->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (lines->items[middle].text <= at)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Lines [from, to] of the text with a piece of them replaced, as a hunk. */
static aire_status add_piece(aire_ctx *ctx, aire_edits *edits, const aire_text *text, size_t hunk,
                             size_t from, size_t to, char *made, aire_target *target)
{
    aire_hunk whole = edits->hunks[hunk];
    aire_lines lines;
    if (!aire__edits_own(edits, made))
        return aire__fail_nomem();
    aire_status status = aire__lines_split(ctx, made, strlen(made), &lines);
    if (status != AIRE_OK)
        return status;
    if (!aire__grow(ctx, &edits->hunks, &edits->hunk_capacity, edits->hunk_count + 1,
                    sizeof *edits->hunks))
        status = aire__fail_nomem();
    if (status == AIRE_OK) {
        whole.first = edits->line_count;
        whole.numbered = whole.counted = false;
        whole.count = whole.old_lines = whole.changes = 0;
        edits->hunks[edits->hunk_count++] = whole;
        status = aire__target_add_hunk(ctx, target, edits->hunk_count - 1);
    }
    for (size_t i = from; i <= to && status == AIRE_OK; i++)
        status = aire__edits_add_line(edits, '-', &text->lines.items[i], false);
    for (size_t i = 0; i < lines.count && status == AIRE_OK; i++)
        status = aire__edits_add_line(edits, '+', &lines.items[i], false);
    aire__lines_free(ctx, &lines);
    return status;
}

static aire_status replace_piece(aire_ctx *ctx, aire_edits *edits, const aire_text *text,
                                 size_t hunk, aire_span old_piece, aire_span new_piece,
                                 aire_target *target, bool *done)
{
    const aire_lines *lines = &text->lines;
    const char *begin = lines->items[0].text;
    const aire_line *last = &lines->items[lines->count - 1];
    const char *at = find_only(begin, (size_t)(last->text - begin) + last->length, old_piece);
    if (!at)
        return AIRE_OK;
    size_t from = line_of(lines, at), to = line_of(lines, at + old_piece.length - 1);
    const char *after = at + old_piece.length;
    const aire_line *end = &lines->items[to];
    aire_span head = {lines->items[from].text, (size_t)(at - lines->items[from].text)};
    aire_span rest = {
        after, end->text + end->length > after ? (size_t)(end->text + end->length - after) : 0};
    aire_buf made;
    if (!is_fit_piece(head, old_piece, rest))
        return AIRE_OK;
    char *taken;
    aire__buf_init(&made, ctx, SIZE_MAX / 4);
    aire__buf_append(&made, head.text, head.length);
    aire__buf_append(&made, new_piece.text, new_piece.length);
    aire__buf_append(&made, rest.text, rest.length);
    aire_status status = aire__buf_take(&made, &taken, NULL);
    if (status == AIRE_OK)
        status = add_piece(ctx, edits, text, hunk, from, to, taken, target);
    *done = status == AIRE_OK;
    return status;
}

/* A block whose first text is a piece of the file, but not of whole lines. */
static aire_status piece_hunk(aire_ctx *ctx, aire_edits *edits, const aire_text *text, size_t hunk,
                              aire_target *target, bool *done)
{
    aire_buf before, after;
    aire__buf_init(&before, ctx, SIZE_MAX / 4);
    aire__buf_init(&after, ctx, SIZE_MAX / 4);
    join(edits, &edits->hunks[hunk], '+', &before);
    join(edits, &edits->hunks[hunk], '-', &after);
    aire_status status = aire__buf_status(&before);
    if (status == AIRE_OK)
        status = aire__buf_status(&after);
    aire_span old_piece = {before.data, before.length}, new_piece = {after.data, after.length};
    if (status == AIRE_OK && before.data && text->lines.count > 0) {
        trim_both(&old_piece, &new_piece);
        if (old_piece.length >= PIECE_MIN && aire__span_trim(new_piece).length > 0)
            status = replace_piece(ctx, edits, text, hunk, old_piece, new_piece, target, done);
    }
    aire__buf_free(&before);
    aire__buf_free(&after);
    return status;
}

/* ---- the whole ---- */

aire_status aire__target_recast(aire_ctx *ctx, aire_edits *edits, aire_text *text,
                                const aire_placing *placing, aire_target *target)
{
    aire_status status = AIRE_OK;
    size_t *hunks = target->hunks;
    target->hunks = NULL;
    target->hunk_count = target->hunk_capacity = 0;
    for (size_t i = 0; i < placing->count && status == AIRE_OK; i++) {
        aire_place_state state = placing->places[i].state;
        bool done = false;
        bool fuzzy = state == AIRE_PLACE_FOUND && placing->places[i].how == AIRE_PLACED_FUZZY;
        if (state == AIRE_PLACE_NONE || state == AIRE_PLACE_DOUBTFUL || fuzzy)
            status = part_hunk(ctx, edits, text, &placing->sides[i], hunks[i], target, &done);
        if (status == AIRE_OK && !done && edits->hunks[hunks[i]].form == AIRE_HUNK_BLOCK &&
            (state == AIRE_PLACE_NONE || state == AIRE_PLACE_DOUBTFUL))
            status = piece_hunk(ctx, edits, text, hunks[i], target, &done);
        if (status == AIRE_OK && !done)
            status = aire__target_add_hunk(ctx, target, hunks[i]);
    }
    aire_free(ctx, hunks);
    return status;
}
