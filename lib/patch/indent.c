/* How far the added lines of a hunk are to be indented. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "patch/restyle.h"

typedef struct pair {
    aire_span wanted, there; /* what stands in front of a line of the patch, and of the file's */
} pair;

static pair pair_of(const aire_placing *p, size_t i, size_t k)
{
    const aire_line *wanted = &aire__side_line(&p->sides[i], k)->line;
    const aire_line *there = &p->text->lines.items[p->places[i].map[k]];
    return (pair){{wanted->text, aire__line_indent(wanted)},
                  {there->text, aire__line_indent(there)}};
}

static bool same_span(aire_span a, aire_span b)
{
    return a.length == b.length && memcmp(a.text, b.text, a.length) == 0;
}

static bool counts(const aire_placing *p, size_t i, size_t k, bool removed)
{
    const aire_hunk_line *line = aire__side_line(&p->sides[i], k);
    return p->places[i].map[k] != SIZE_MAX && (!removed || line->op == '-') &&
           !aire__line_is_blank(&line->line);
}

/* Removed lines tell most of how added ones are meant; kept ones do where there are none. */
static bool has_removed(const aire_placing *p, size_t i)
{
    for (size_t k = 0; k < p->sides[i].count; k++)
        if (counts(p, i, k, true))
            return true;
    return false;
}

static long width(aire_span indent, size_t unit)
{
    size_t width = 0;
    for (size_t i = 0; i < indent.length; i++)
        width = indent.text[i] == '\t' ? (width / unit + 1) * unit : width + 1;
    return (long)width;
}

/* ---- judging ---- */

/* How the lines of a hunk that the file has are indented, beside how the file has them. */
typedef struct indents {
    size_t count, shifted;
    bool first;    /* the first one is shifted */
    bool uniform;  /* all by as much */
    bool slips;    /* by one blank, or not */
    bool stripped; /* the patch has none at all */
    long shift;    /* of the first one */
    long divisor;  /* of what the file has */
} indents;

static long common_divisor(long a, long b)
{
    while (b > 0) {
        long rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static indents compare_all(const aire_placing *p, size_t i, bool removed, size_t unit)
{
    indents found = {.uniform = true, .slips = true, .stripped = true};
    for (size_t k = 0; k < p->sides[i].count; k++) {
        if (!counts(p, i, k, removed))
            continue;
        pair q = pair_of(p, i, k);
        long there = width(q.there, unit), shift = there - width(q.wanted, unit);
        if (found.count++ == 0) {
            found.first = shift != 0;
            found.shift = shift;
        }
        found.uniform = found.uniform && shift == found.shift;
        found.slips = found.slips && shift >= -1 && shift <= 1;
        found.stripped = found.stripped && q.wanted.length == 0;
        found.shifted += shift != 0;
        found.divisor = common_divisor(found.divisor, there);
    }
    return found;
}

/* What is told by the added lines themselves. */
typedef struct added {
    long least;            /* indentation */
    bool regular, shifted; /* multiples of the file's, as they are, and moved */
} added;

static bool look_at_added(const aire_placing *p, size_t i, const indents *all, size_t unit,
                          added *out)
{
    const aire_hunk *hunk = &p->edits->hunks[p->hunks[i]];
    *out = (added){LONG_MAX, true, true};
    for (size_t k = 0; k < hunk->count; k++) {
        const aire_hunk_line *line = &p->edits->lines[hunk->first + k];
        if (line->op != '+' || aire__line_is_blank(&line->line))
            continue;
        long own = width((aire_span){line->line.text, aire__line_indent(&line->line)}, unit);
        out->least = own < out->least ? own : out->least;
        if (all->divisor > 1) {
            out->regular = out->regular && own % all->divisor == 0;
            out->shifted = out->shifted && (own + all->shift) % all->divisor == 0;
        }
    }
    return out->least != LONG_MAX;
}

/* How far an indentation is from the nearest one that the file has around the hunk. */
static long distance_to(const aire_placing *p, size_t i, long indent, size_t unit)
{
    long best = LONG_MAX;
    for (size_t k = 0; k < p->sides[i].count; k++) {
        if (!counts(p, i, k, false))
            continue;
        long away = labs(width(pair_of(p, i, k).there, unit) - indent);
        best = away < best ? away : best;
    }
    return best;
}

/* All kept lines of a diff that only adds are shifted alike: the added ones with them, or not. */
static aire_indent_verdict judge_shift(const aire_placing *p, size_t i, const indents *all,
                                       size_t unit)
{
    added a;
    if (!look_at_added(p, i, all, unit, &a) || all->shift == 1) /* the blank that is the mark */
        return AIRE_INDENT_AS_IT_IS;
    if (a.least + all->shift < 0)
        return AIRE_INDENT_AS_IT_IS;
    if (all->shift != -1 && !all->stripped)
        return AIRE_INDENT_MOVED;
    if (a.regular != a.shifted)
        return a.shifted ? AIRE_INDENT_MOVED : AIRE_INDENT_AS_IT_IS;
    long as_it_is = distance_to(p, i, a.least, unit);
    long moved = distance_to(p, i, a.least + all->shift, unit);
    if (moved != as_it_is)
        return moved < as_it_is ? AIRE_INDENT_MOVED : AIRE_INDENT_AS_IT_IS;
    return all->slips ? AIRE_INDENT_AS_IT_IS : AIRE_INDENT_UNCLEAR;
}

/*
 * Removed lines tell surely, and so do the two texts of a block. Kept lines of a diff do not: they
 * may have lost what added ones have kept, be it the blank that is their mark or all that is in
 * front.
 */
aire_indent_verdict aire__indent_judge(const aire_placing *p, size_t i, const aire_habits *habits,
                                       bool *removed)
{
    bool block = p->edits->hunks[p->hunks[i]].form == AIRE_HUNK_BLOCK;
    *removed = !block && has_removed(p, i);
    indents all = compare_all(p, i, *removed, habits->unit);
    added a;
    if (all.shifted == 0)
        return AIRE_INDENT_AS_IT_IS;
    if (block && all.shifted == 1 && all.first && all.count > 1)
        return AIRE_INDENT_FIRST;
    if (block || *removed)
        return AIRE_INDENT_MOVED;
    if (all.uniform)
        return judge_shift(p, i, &all, habits->unit);
    if (all.slips)
        return AIRE_INDENT_AS_IT_IS;
    if (all.stripped)
        return !look_at_added(p, i, &all, habits->unit, &a) || a.least > 0 ? AIRE_INDENT_AS_IT_IS
                                                                           : AIRE_INDENT_UNCLEAR;
    return AIRE_INDENT_MOVED;
}

/* ---- writing ---- */

/* The pair whose line is nearest to the added line that follows `before` old ones; one with the
 * same blanks in front before all others. */
static bool nearest_pair(const aire_restyling *r, size_t before, aire_span indent, pair *out)
{
    enum { AROUND = 100 };
    size_t best = SIZE_MAX, from = before > AROUND ? before - AROUND : 0;
    bool same = false;
    for (size_t k = from; k < r->placing->sides[r->hunk].count && k < before + AROUND; k++) {
        if (!counts(r->placing, r->hunk, k, r->removed))
            continue;
        size_t away = k < before ? (before - k) * 2 : (k - before) * 2 + 1;
        pair q = pair_of(r->placing, r->hunk, k);
        bool equal = same_span(q.wanted, indent);
        if ((equal && !same) || (equal == same && away < best)) {
            best = away;
            same = equal;
            *out = q;
        }
    }
    return best != SIZE_MAX;
}

static bool has_tab(aire_span indent)
{
    return memchr(indent.text, '\t', indent.length) != NULL;
}

static void write_blanks(aire_buf *to, long count, size_t unit, bool tabs)
{
    for (; tabs && count >= (long)unit; count -= (long)unit)
        aire__buf_puts(to, "\t");
    for (; count > 0; count--)
        aire__buf_puts(to, " ");
}

/* The blanks of an added line, moved as the line of the pair is. */
static void write_moved(const pair *q, aire_span indent, const aire_habits *h, aire_buf *to)
{
    long more = width(indent, h->unit) - width(q->wanted, h->unit);
    if (more == 0)
        aire__buf_append(to, q->there.text, q->there.length);
    else
        write_blanks(to, width(q->there, h->unit) + more, h->unit, h->to_tabs || has_tab(q->there));
}

void aire__indent_write(const aire_restyling *r, size_t before, bool first, aire_span indent,
                        aire_buf *to)
{
    const aire_habits *h = r->habits;
    pair q;
    bool moves = r->verdict == AIRE_INDENT_MOVED || (r->verdict == AIRE_INDENT_FIRST && first);
    if (moves && nearest_pair(r, before, indent, &q))
        write_moved(&q, indent, h, to);
    else if ((h->to_tabs && !has_tab(indent)) || (h->from_tabs && has_tab(indent)))
        write_blanks(to, width(indent, h->unit), h->unit, h->to_tabs);
    else
        aire__buf_append(to, indent.text, indent.length);
}
