/* The text that hunks make of a file. */
#include "patch/splice.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/str.h"
#include "patch/marks.h"
#include "patch/restyle.h"

/* Lines that are put in front of a line of the file. */
typedef struct insertion {
    size_t gap;  /* that line; the number of lines for the end */
    size_t hunk; /* of the placing */
    size_t line; /* the first of its lines */
    size_t count;
    size_t before; /* old lines of the hunk in front of it */
    bool alone;    /* it takes the place of nothing */
} insertion;

typedef struct splicing {
    const aire_placing *p;
    aire_conflict *conflict;
    uint32_t *owner; /* by line of the file: the hunk that removes it, from 1 */
    insertion *insertions;
    size_t count, capacity;
    aire_habits habits;
    aire_restyling *styles; /* by hunk */
    size_t mark;            /* bytes of a byte order mark that the file begins with, and keeps */
} splicing;

static void object(splicing *s, aire_conflict_kind kind, size_t hunk, size_t line)
{
    if (s->conflict->kind == AIRE_CONFLICT_NONE)
        *s->conflict = (aire_conflict){kind, hunk, line};
}

/* ---- what each hunk does ---- */

static void remove_lines(splicing *s, size_t i)
{
    const aire_side *side = &s->p->sides[i];
    for (size_t k = 0; k < side->count; k++) {
        size_t line = s->p->places[i].map[k];
        if (aire__side_line(side, k)->op != '-' || line == SIZE_MAX)
            continue;
        if (s->owner[line])
            object(s, AIRE_CONFLICT_OVERLAP, i, line);
        s->owner[line] = (uint32_t)i + 1;
    }
}

static bool is_blank_between(const aire_text *text, size_t from, size_t to)
{
    for (; from < to; from++)
        if (!aire__line_is_blank(&text->lines.items[from]))
            return false;
    return true;
}

/* Blank lines of the file stand where lines are added, and the patch does not have them: whether
 * the added ones go in front of them or behind is seen from blank lines among those, or from how
 * far the lines on both sides are indented. */
static bool beside_blanks(const splicing *s, const insertion *in, size_t previous, size_t next,
                          size_t *gap)
{
    const aire_hunk *hunk = &s->p->edits->hunks[s->p->hunks[in->hunk]];
    const aire_hunk_line *lines = s->p->edits->lines + hunk->first + in->line;
    const aire_line *first = &lines[0].line, *last = &lines[in->count - 1].line;
    bool leads = aire__line_is_blank(first), trails = aire__line_is_blank(last);
    if (leads != trails) {
        *gap = leads ? previous + 1 : next;
        return true;
    }
    size_t above = aire__line_indent(&s->p->text->lines.items[previous]);
    size_t below = aire__line_indent(&s->p->text->lines.items[next]);
    size_t own = aire__line_indent(first), end = aire__line_indent(last);
    if (leads || above == below || (own == above) == (end == below))
        return false;
    *gap = own == above ? previous + 1 : next;
    return true;
}

/* Where lines are added that stand between old line `before` - 1 and `before` of their hunk. */
static bool find_gap(splicing *s, insertion *in)
{
    const aire_place *place = &s->p->places[in->hunk];
    const aire_side *side = &s->p->sides[in->hunk];
    size_t above = in->before, below = in->before;
    while (above > 0 && place->map[above - 1] == SIZE_MAX)
        above--;
    while (below < side->count && place->map[below] == SIZE_MAX)
        below++;
    if (above == 0 && below == side->count) {
        in->gap = 0;
        return s->p->text->lines.count == 0;
    }
    if (above == 0 || below == side->count) {
        in->gap = above ? place->map[above - 1] + 1 : place->map[below];
        return true;
    }
    size_t previous = place->map[above - 1], next = place->map[below];
    in->gap = next;
    if (next == previous + 1)
        return true;
    if (above == in->before && aire__side_line(side, above - 1)->op == '-') {
        in->gap = previous + 1;
        return true;
    }
    if (below == in->before && aire__side_line(side, below)->op == '-')
        return true;
    return is_blank_between(s->p->text, previous + 1, next) &&
           beside_blanks(s, in, previous, next, &in->gap);
}

/* Whether a line that the file does not have stands beside added ones: it may have been meant as
 * one. */
static bool beside_unknown(const splicing *s, const insertion *in)
{
    const aire_side *side = &s->p->sides[in->hunk];
    const size_t *map = s->p->places[in->hunk].map;
    return (in->before > 0 && map[in->before - 1] == SIZE_MAX &&
            !aire__line_is_blank(&aire__side_line(side, in->before - 1)->line)) ||
           (in->before < side->count && map[in->before] == SIZE_MAX &&
            !aire__line_is_blank(&aire__side_line(side, in->before)->line));
}

/* Whether a line stands for others, in a file that has no such line. */
static bool is_placeholder(const aire_text *text, const aire_line *line)
{
    aire_span bare = aire__span_trim((aire_span){line->text, line->length});
    if (!aire__is_elision(line) && !aire__is_worded_elision(line))
        return false;
    if (bare.length == 3 && memcmp(bare.text, "...", 3) == 0)
        return false; /* a statement of Python */
    for (size_t i = 0; i < text->lines.count; i++)
        if (aire__fold_equal(&text->lines.items[i], line))
            return false;
    return true;
}

static aire_status add_insertion(splicing *s, insertion *in)
{
    const aire_hunk *hunk = &s->p->edits->hunks[s->p->hunks[in->hunk]];
    const aire_hunk_line *lines = s->p->edits->lines + hunk->first;
    const aire_place *place = &s->p->places[in->hunk];
    for (size_t n = in->line; n < in->line + in->count; n++)
        if (is_placeholder(s->p->text, &lines[n].line))
            object(s, AIRE_CONFLICT_ELIDED, in->hunk, hunk->patch_line);
    in->alone = (in->line == 0 || lines[in->line - 1].op == ' ') &&
                (in->line + in->count == hunk->count || lines[in->line + in->count].op == ' ');
    if (!find_gap(s, in) || beside_unknown(s, in))
        object(s, AIRE_CONFLICT_UNCLEAR, in->hunk, place->first);
    if (!aire__grow(s->p->ctx, &s->insertions, &s->capacity, s->count + 1, sizeof *s->insertions))
        return aire__fail_nomem();
    s->insertions[s->count++] = *in;
    return AIRE_OK;
}

static aire_status insert_lines(splicing *s, size_t i)
{
    const aire_hunk *hunk = &s->p->edits->hunks[s->p->hunks[i]];
    const aire_hunk_line *lines = s->p->edits->lines + hunk->first;
    aire_status status = AIRE_OK;
    size_t before = 0;
    for (size_t n = 0, next; n < hunk->count && status == AIRE_OK; n = next) {
        for (next = n; next < hunk->count && lines[next].op == '+';)
            next++;
        if (next > n) {
            insertion in = {.hunk = i, .line = n, .count = next - n, .before = before};
            status = add_insertion(s, &in);
        } else {
            before++;
            next++;
        }
    }
    return status;
}

/* ---- all together ---- */

static int compare_insertions(const void *a, const void *b)
{
    const insertion *x = a, *y = b;
    if (x->gap != y->gap)
        return x->gap < y->gap ? -1 : 1;
    if (x->hunk != y->hunk)
        return x->hunk < y->hunk ? -1 : 1;
    return x->line < y->line ? -1 : x->line > y->line;
}

static void check_insertions(splicing *s)
{
    for (size_t n = 0; n < s->count; n++) {
        const insertion *in = &s->insertions[n], *last = n ? in - 1 : NULL;
        if (last && last->gap == in->gap && last->hunk != in->hunk && last->alone && in->alone)
            object(s, AIRE_CONFLICT_OVERLAP, in->hunk, in->gap);
        bool inside = in->gap > 0 && in->gap < s->p->text->lines.count;
        uint32_t above = inside ? s->owner[in->gap - 1] : 0, below = inside ? s->owner[in->gap] : 0;
        if (above && above == below && above != in->hunk + 1)
            object(s, AIRE_CONFLICT_OVERLAP, in->hunk, in->gap);
    }
}

static aire_status collect(splicing *s)
{
    aire_status status = AIRE_OK;
    for (size_t i = 0; i < s->p->count && status == AIRE_OK; i++) {
        if (s->p->places[i].state != AIRE_PLACE_FOUND)
            continue;
        remove_lines(s, i);
        status = insert_lines(s, i);
        s->styles[i] = aire__restyling(s->p, i, &s->habits);
        if (s->styles[i].verdict == AIRE_INDENT_UNCLEAR)
            object(s, AIRE_CONFLICT_INDENT, i, s->p->places[i].first);
    }
    if (s->count)
        qsort(s->insertions, s->count, sizeof *s->insertions, compare_insertions);
    check_insertions(s);
    return status;
}

/* ---- writing ---- */

static bool has_return(const aire_line *line)
{
    return line->full > line->length && line->text[line->length] == '\r';
}

/* Whether the patch itself says which lines end in "\r\n": it does if some of its lines do, and its
 * header does not. */
static bool says_line_ends(const aire_edits *edits, const aire_hunk *hunk)
{
    if (edits->files[hunk->file].crlf)
        return false;
    for (size_t i = 0; i < hunk->count; i++)
        if (has_return(&edits->lines[hunk->first + i].line))
            return true;
    return false;
}

const char *aire__line_end(const aire_lines *lines, size_t at)
{
    if (at >= lines->count && lines->count > 0)
        at = lines->count - 1;
    if (lines->count == 0)
        return "\n";
    if (lines->items[at].full == lines->items[at].length && at > 0)
        at--; /* the last line has no end of its own */
    return has_return(&lines->items[at]) ? "\r\n" : "\n";
}

static bool ends_open(const splicing *s, const aire_buf *to)
{
    return to->length > s->mark && to->data[to->length - 1] != '\n';
}

static bool says_newline(const aire_edits *edits, const aire_hunk *hunk)
{
    for (size_t i = 0; i < hunk->count; i++)
        if (edits->lines[hunk->first + i].no_newline)
            return true;
    return false;
}

/* Whether the last added line of the file has no end: as the patch says, or else as before. */
static bool is_last_open(const splicing *s, const insertion *in, const aire_hunk_line *line)
{
    const aire_lines *lines = &s->p->text->lines;
    const aire_hunk *hunk = &s->p->edits->hunks[s->p->hunks[in->hunk]];
    for (size_t at = in->gap; at < lines->count; at++)
        if (!s->owner[at])
            return false;
    if (line->no_newline || says_newline(s->p->edits, hunk) || lines->count == 0)
        return line->no_newline;
    return lines->items[lines->count - 1].full == lines->items[lines->count - 1].length;
}

/* The line of the file whose end the added line `n` of a run gets: the one that it takes the place
 * of. */
static size_t line_replaced(const splicing *s, const insertion *in, const aire_run *run, size_t n)
{
    if (run->removed == 0)
        return in->gap;
    size_t k = run->old + (n < run->removed ? n : run->removed - 1);
    size_t line = s->p->places[in->hunk].map[k];
    return line == SIZE_MAX ? in->gap : line;
}

static size_t byte_order_mark(const char *text, size_t length)
{
    const char mark[] = "\xEF\xBB\xBF";
    return length >= sizeof mark - 1 && !memcmp(text, mark, sizeof mark - 1) ? sizeof mark - 1 : 0;
}

/* Take a byte order mark away that is written at `begin`: the file's own stands before it. */
static void drop_mark(aire_buf *to, size_t begin)
{
    size_t mark = to->data ? byte_order_mark(to->data + begin, to->length - begin) : 0;
    if (mark == 0)
        return;
    memmove(to->data + begin, to->data + begin + mark, to->length - begin - mark);
    to->length -= mark;
}

static void write_insertion(const splicing *s, const insertion *in, const aire_restyling *style,
                            bool exact, bool last, aire_buf *to)
{
    const aire_hunk *hunk = &s->p->edits->hunks[s->p->hunks[in->hunk]];
    const aire_run run = aire__run_at(s->p, in->hunk, in->line, in->before);
    for (size_t n = 0; n < in->count; n++) {
        const aire_hunk_line *line = &s->p->edits->lines[hunk->first + in->line + n];
        const char *end = aire__line_end(&s->p->text->lines, line_replaced(s, in, &run, n));
        if (ends_open(s, to)) /* a last line without an end gets one before another follows */
            aire__buf_puts(to, end);
        size_t begin = to->length;
        aire__restyle(style, &run, n, to);
        if (s->mark && begin == s->mark)
            drop_mark(to, begin);
        if (exact && has_return(&line->line))
            aire__buf_puts(to, "\r");
        if (!(last && n + 1 == in->count && is_last_open(s, in, line)))
            aire__buf_puts(to, exact ? "\n" : end);
    }
}

static void write_kept(const splicing *s, size_t from, size_t to, aire_buf *buf)
{
    const aire_lines *lines = &s->p->text->lines;
    while (from < to) {
        size_t next = from;
        while (next < to && !s->owner[next])
            next++;
        size_t skipped = from == 0 ? s->mark : 0;
        if (next > from && ends_open(s, buf))
            aire__buf_puts(buf, aire__line_end(lines, from));
        if (next > from)
            aire__buf_append(buf, lines->items[from].text + skipped,
                             (size_t)(lines->items[next - 1].text - lines->items[from].text) +
                                 lines->items[next - 1].full - skipped);
        from = next + (next < to);
    }
}

/* Whether a block takes away the last line of a file that has no end: what is last then has none
 * either. */
static bool loses_open_end(const splicing *s)
{
    const aire_lines *lines = &s->p->text->lines;
    size_t last = lines->count - 1;
    if (lines->count == 0 || !s->owner[last] ||
        lines->items[last].full != lines->items[last].length)
        return false;
    const aire_hunk *hunk = &s->p->edits->hunks[s->p->hunks[s->owner[last] - 1]];
    return hunk->form == AIRE_HUNK_BLOCK &&
           (s->count == 0 || s->insertions[s->count - 1].gap < last);
}

static void drop_last_end(aire_buf *to)
{
    if (to->data && to->length && to->data[to->length - 1] == '\n')
        to->length--;
    if (to->data && to->length && to->data[to->length - 1] == '\r')
        to->length--;
}

static void write_all(splicing *s, aire_buf *to)
{
    bool exact = false;
    size_t done = 0, styled = SIZE_MAX;
    const aire_lines *lines = &s->p->text->lines;
    s->mark = lines->count && !s->p->verbatim
                  ? byte_order_mark(lines->items[0].text, lines->items[0].length)
                  : 0;
    if (s->mark)
        aire__buf_append(to, lines->items[0].text, s->mark);
    for (size_t n = 0; n < s->count; n++) {
        const insertion *in = &s->insertions[n];
        if (in->hunk != styled) {
            exact = says_line_ends(s->p->edits, &s->p->edits->hunks[s->p->hunks[in->hunk]]);
            styled = in->hunk;
        }
        write_kept(s, done, in->gap, to);
        write_insertion(s, in, &s->styles[in->hunk], exact, n + 1 == s->count, to);
        done = in->gap;
    }
    write_kept(s, done, lines->count, to);
    if (to->length == s->mark)
        to->length = 0;
    if (loses_open_end(s))
        drop_last_end(to);
}

aire_status aire__splice(const aire_placing *placing, aire_buf *to, aire_conflict *conflict)
{
    splicing s = {.p = placing, .conflict = conflict};
    *conflict = (aire_conflict){0};
    s.owner = aire__calloc(placing->ctx, placing->text->lines.count + 1, sizeof *s.owner);
    s.styles = aire__calloc(placing->ctx, placing->count + 1, sizeof *s.styles);
    if (!placing->verbatim)
        s.habits = aire__habits_of(placing);
    aire_status status = s.owner && s.styles ? collect(&s) : aire__fail_nomem();
    if (status == AIRE_OK && conflict->kind == AIRE_CONFLICT_NONE)
        write_all(&s, to);
    aire_free(placing->ctx, s.owner);
    aire_free(placing->ctx, s.insertions);
    aire_free(placing->ctx, s.styles);
    return status;
}
