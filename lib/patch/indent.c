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
        found.divisor = aire__common_divisor(found.divisor, there);
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

/* The least indentation of the hunk's old lines, as the patch has them. */
static long least_old(const aire_placing *p, size_t i, size_t unit)
{
    long least = LONG_MAX;
    for (size_t k = 0; k < p->sides[i].count; k++) {
        if (!counts(p, i, k, false))
            continue;
        long own = width(pair_of(p, i, k).wanted, unit);
        least = own < least ? own : least;
    }
    return least;
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
    if (all->shift == -1 && a.least == least_old(p, i, unit)) /* a blank behind each sign */
        return AIRE_INDENT_MOVED;
    return all->slips ? AIRE_INDENT_AS_IT_IS : AIRE_INDENT_UNCLEAR;
}

/* ---- added lines beside the old ones ---- */

static const aire_line *hunk_line(const aire_placing *p, size_t i, size_t n, char *op)
{
    const aire_hunk *hunk = &p->edits->hunks[p->hunks[i]];
    *op = p->edits->lines[hunk->first + n].op;
    return &p->edits->lines[hunk->first + n].line;
}

static aire_span indent_of(const aire_line *line)
{
    return (aire_span){line->text, aire__line_indent(line)};
}

static aire_span bare_of(const aire_line *line)
{
    return aire__span_trim((aire_span){line->text, line->length});
}

static bool opens(const aire_line *line)
{
    aire_span bare = bare_of(line);
    return bare.length && strchr(":{([", bare.text[bare.length - 1]);
}

static bool closes(const aire_line *line)
{
    static const char *const words[] = {"else", "elif", "except", "finally", "catch", "case"};
    aire_span bare = bare_of(line);
    if (bare.length && strchr("})]", *bare.text))
        return true;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t length = strlen(words[i]);
        if (bare.length >= length && memcmp(bare.text, words[i], length) == 0)
            return true;
    }
    return false;
}

/* Least widths in front of the lines of a hunk: as the patch has its old and new ones, and as the
 * file has the old ones. What C's preprocessor reads stands where it likes. */
typedef struct least {
    long old, there, made;
    size_t added;
} least;

static least least_of(const aire_placing *p, size_t i, bool removed, size_t unit)
{
    const aire_hunk *hunk = &p->edits->hunks[p->hunks[i]];
    bool block = hunk->form == AIRE_HUNK_BLOCK;
    least found = {LONG_MAX, LONG_MAX, LONG_MAX, 0};
    char op;
    for (size_t k = 0; k < p->sides[i].count; k++) {
        if (!counts(p, i, k, removed))
            continue;
        pair q = pair_of(p, i, k);
        long old = width(q.wanted, unit), there = width(q.there, unit);
        found.old = old < found.old ? old : found.old;
        found.there = there < found.there ? there : found.there;
    }
    for (size_t n = 0; n < hunk->count; n++) {
        const aire_line *line = hunk_line(p, i, n, &op);
        if (aire__line_is_blank(line) || *line->text == '#' || !(op == '+' || (block && op == ' ')))
            continue;
        long own = width(indent_of(line), unit);
        found.made = own < found.made ? own : found.made;
        found.added += op == '+';
    }
    return found;
}

/* Lines that are removed and added again tell how the added ones are moved: false if there are
 * none, or they do not agree. */
static bool twins_shift(const aire_placing *p, size_t i, size_t unit, long *shift, size_t *count)
{
    enum { TWINS_MAX = 200 };
    const aire_hunk *hunk = &p->edits->hunks[p->hunks[i]];
    size_t seen = 0;
    char op;
    *count = 0;
    if (hunk->count > TWINS_MAX)
        return false;
    for (size_t n = 0; n < hunk->count; n++) {
        const aire_line *line = hunk_line(p, i, n, &op);
        aire_span bare = bare_of(line);
        if (op != '+' || aire__line_weight(line) < 0.7)
            continue;
        for (size_t k = 0; k < p->sides[i].count; k++) {
            const aire_line *old = &aire__side_line(&p->sides[i], k)->line;
            if (!counts(p, i, k, true) || !same_span(bare, bare_of(old)))
                continue;
            long one = width(pair_of(p, i, k).there, unit) - width(indent_of(line), unit);
            if (seen++ && one != *shift)
                return false;
            *shift = one;
        }
    }
    *count = seen;
    return seen > 0;
}

static long indent_near(const aire_placing *p, size_t from, size_t unit)
{
    enum { AROUND = 50 };
    for (size_t n = 1; n < AROUND && n <= from; n++) {
        const aire_line *line = &p->text->lines.items[from - n];
        if (!aire__line_is_blank(line) && *line->text != '#')
            return width(indent_of(line), unit);
    }
    return 0;
}

/* Whether a block keeps lines that tell: its new text is then indented as its old one. */
static bool keeps_some(const aire_placing *p, size_t i)
{
    if (p->edits->hunks[p->hunks[i]].form != AIRE_HUNK_BLOCK)
        return false;
    for (size_t k = 0; k < p->sides[i].count; k++)
        if (aire__side_line(&p->sides[i], k)->op == ' ' && counts(p, i, k, false))
            return true;
    return false;
}

/* Whether the lines around a hunk are indented: they are inside something. A brace that closes it
 * may follow; *ends: nothing does. */
static bool is_within(const aire_placing *p, size_t i, size_t unit, bool *ends)
{
    enum { AROUND = 50 };
    const aire_lines *lines = &p->text->lines;
    const aire_place *place = &p->places[i];
    size_t at = place->last;
    if (indent_near(p, place->first, unit) == 0)
        return false;
    while (at < lines->count && at < place->last + AROUND && aire__line_is_blank(&lines->items[at]))
        at++;
    *ends = at >= lines->count;
    return *ends || aire__line_indent(&lines->items[at]) > 0 || closes(&lines->items[at]);
}

/* New lines without indentation in the midst of lines that have some: it got lost. */
static aire_indent_verdict judge_flat(aire_restyling *r, const least *l, size_t unit)
{
    const aire_placing *p = r->placing;
    bool ends = false;
    size_t count = 0;
    if (l->old == LONG_MAX || l->old == 0 || keeps_some(p, r->hunk) ||
        (l->made != 0 && l->made != LONG_MAX))
        return AIRE_INDENT_AS_IT_IS;
    bool twins = twins_shift(p, r->hunk, unit, &r->by, &count);
    if (l->added == 0 && !(twins && r->by == l->there))
        return AIRE_INDENT_AS_IT_IS;
    bool within = is_within(p, r->hunk, unit, &ends);
    if (!within || ends) /* or it is meant to stand outside */
        return twins && r->by > 0 && (ends || count > 1) ? AIRE_INDENT_UNCLEAR
                                                         : AIRE_INDENT_AS_IT_IS;
    if (twins)
        return r->by > 0 ? AIRE_INDENT_BY : AIRE_INDENT_UNCLEAR;
    char op = ' ';
    size_t n = 0;
    const aire_line *line = hunk_line(p, r->hunk, n, &op);
    while (op == '-' && n + 1 < p->edits->hunks[p->hunks[r->hunk]].count)
        line = hunk_line(p, r->hunk, ++n, &op);
    if (n == 0 || op != '+' || aire__line_indent(line) > 0 || !counts(p, r->hunk, 0, true) ||
        width(pair_of(p, r->hunk, 0).there, unit) != l->there)
        return AIRE_INDENT_UNCLEAR;
    r->by = l->there;
    return AIRE_INDENT_BY;
}

/* Whether each added line takes the place of one that begins like it, but a blank further. */
static bool are_blank_short(const aire_placing *p, size_t i)
{
    const aire_hunk *hunk = &p->edits->hunks[p->hunks[i]];
    size_t before = 0, seen = 0;
    char op;
    for (size_t n = 0; n < hunk->count;) {
        hunk_line(p, i, n, &op);
        if (op != '+') {
            before++;
            n++;
            continue;
        }
        aire_run run = aire__run_at(p, i, n, before);
        if (run.removed != run.count)
            return false;
        for (size_t k = 0; k < run.count; k++) {
            const aire_line *line = hunk_line(p, i, n + k, &op);
            const aire_line *old = &aire__side_line(&p->sides[i], run.old + k)->line;
            size_t own = aire__line_indent(line);
            if (aire__line_is_blank(line) || aire__line_indent(old) != own + 1 ||
                old->text[own] != ' ' || old->text[own + 1] != line->text[own] ||
                same_span(bare_of(old), bare_of(line)))
                return false;
            seen++;
        }
        n += run.count;
    }
    return seen > 0;
}

/* Whether the sign of all added lines has taken the place of a blank, where old ones have theirs.
 */
static bool is_blank_short(aire_restyling *r, const indents *all, size_t unit)
{
    const aire_placing *p = r->placing;
    size_t i = r->hunk;
    const aire_hunk *hunk = &p->edits->hunks[p->hunks[i]];
    size_t deep = 0;
    char op;
    if (hunk->form != AIRE_HUNK_DIFF)
        return false;
    r->by = are_blank_short(p, i);
    if (r->by || all->divisor < 2)
        return r->by;
    for (size_t n = 0; n < hunk->count; n++) {
        const aire_line *line = hunk_line(p, i, n, &op), *last = NULL;
        long own = width(indent_of(line), unit);
        if (op != '+' || aire__line_is_blank(line) || own == 0)
            continue;
        if ((own + 1) % all->divisor != 0 || memchr(line->text, '\t', aire__line_indent(line)))
            return false;
        if (deep++ == 0 && n > 0)
            last = hunk_line(p, i, n - 1, &op);
        if (last && last->length && op == ' ' && strchr(",([", last->text[last->length - 1]) &&
            width(indent_of(last), unit) != own + 1)
            return false; /* it goes on below the bracket */
        if (deep == 1 && distance_to(p, i, own + 1, unit) != 0)
            return false;
    }
    return deep > 0;
}

/* ---- lines of one indentation that the file has at several depths ---- */

/* The depths that lines of a run may have. */
typedef struct depths {
    size_t count; /* distinct ones */
    pair one;
} depths;

static void allow(depths *d, pair q)
{
    if (d->count == 0 || !same_span(d->one.there, q.there))
        d->count++;
    d->one = q;
}

/* What the neighbour of a run allows: the hunk's old line `k`, or the file's line `at` beyond. */
static void allow_neighbour(const aire_restyling *r, size_t k, size_t at, bool above, depths *d)
{
    const aire_placing *p = r->placing;
    bool inside = k < p->sides[r->hunk].count && p->places[r->hunk].map[k] != SIZE_MAX;
    if (!inside && at >= p->text->lines.count) {
        d->count += 2; /* nothing is known */
        return;
    }
    const aire_line *line = &p->text->lines.items[inside ? p->places[r->hunk].map[k] : at];
    if (aire__line_is_blank(line)) {
        d->count += 2;
        return;
    }
    if (above ? opens(line) : closes(line))
        return;
    allow(d, (pair){{"", 0}, indent_of(line)});
}

/* Where the file has lines of the same indentation at several depths, each added line stands where
 * the one that it replaces does, or where both its neighbours let it. */
static bool find_depth(const aire_restyling *r, const aire_run *run, size_t n, pair *out)
{
    const aire_placing *p = r->placing;
    depths d = {0};
    if (run->removed == run->count && counts(p, r->hunk, run->old + n, true)) {
        *out = pair_of(p, r->hunk, run->old + n);
        return true;
    }
    for (size_t k = run->old; k < run->old + run->removed; k++)
        if (counts(p, r->hunk, k, true))
            allow(&d, pair_of(p, r->hunk, k));
    if (run->count > run->removed) {
        const aire_place *place = &p->places[r->hunk];
        size_t after = run->old + run->removed;
        allow_neighbour(r, run->old - 1, place->first - 1, true, &d);
        allow_neighbour(r, after, place->last, false, &d);
    }
    *out = d.one;
    return d.count == 1;
}

/* The pair whose line is nearest to the added line that follows `before` old ones; one with the
 * same blanks in front before all others. *several: such are at several depths. */
static bool nearest_pair(const aire_restyling *r, size_t before, aire_span indent, pair *out,
                         bool *several)
{
    enum { AROUND = 100 };
    size_t best = SIZE_MAX, from = before > AROUND ? before - AROUND : 0;
    bool same = false;
    *several = false;
    for (size_t k = from; k < r->placing->sides[r->hunk].count && k < before + AROUND; k++) {
        if (!counts(r->placing, r->hunk, k, r->removed))
            continue;
        size_t away = k < before ? (before - k) * 2 : (k - before) * 2 + 1;
        pair q = pair_of(r->placing, r->hunk, k);
        bool equal = same_span(q.wanted, indent);
        *several = *several || (equal && same && !same_span(out->there, q.there));
        if ((equal && !same) || (equal == same && away < best)) {
            best = away;
            same = equal;
            *out = q;
        }
    }
    return best != SIZE_MAX;
}

/* The pair that tells of a line of a run; false if none does, and *clear is false if several do. */
static bool pair_for(const aire_restyling *r, const aire_run *run, size_t n, aire_span indent,
                     pair *out, bool *clear)
{
    bool several;
    *clear = true;
    if (!nearest_pair(r, run->before, indent, out, &several))
        return false;
    if (!several)
        return true;
    *clear = find_depth(r, run, n, out);
    out->wanted = indent;
    return *clear;
}

/* Whether a line of a run opens a block of Python, and the next is not in it. */
static bool is_block_lost(const aire_restyling *r, const aire_run *run, size_t n)
{
    static const char *const words[] = {"if ",   "for ", "while ", "def ",  "class ",  "else:",
                                        "elif ", "try:", "except", "with ", "finally:"};
    char op;
    if (n + 1 >= run->count)
        return false;
    const aire_line *line = hunk_line(r->placing, r->hunk, run->line + n, &op);
    const aire_line *next = hunk_line(r->placing, r->hunk, run->line + n + 1, &op);
    aire_span bare = bare_of(line);
    if (bare.length == 0 || bare.text[bare.length - 1] != ':' || aire__line_is_blank(next) ||
        aire__line_indent(next) > aire__line_indent(line))
        return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t length = strlen(words[i]);
        if (bare.length >= length && memcmp(bare.text, words[i], length) == 0)
            return true;
    }
    return false;
}

/* Whether it is clear where each added line is moved to. */
static bool moves_clearly(const aire_restyling *r, bool stripped)
{
    const aire_hunk *hunk = &r->placing->edits->hunks[r->placing->hunks[r->hunk]];
    size_t before = 0;
    char op;
    for (size_t n = 0; n < hunk->count;) {
        hunk_line(r->placing, r->hunk, n, &op);
        if (op != '+') {
            before++;
            n++;
            continue;
        }
        aire_run run = aire__run_at(r->placing, r->hunk, n, before);
        for (size_t k = 0; k < run.count; k++) {
            const aire_line *line = hunk_line(r->placing, r->hunk, n + k, &op);
            pair q;
            bool clear;
            if (aire__line_is_blank(line))
                continue;
            pair_for(r, &run, k, indent_of(line), &q, &clear);
            if (!clear || (stripped && is_block_lost(r, &run, k)))
                return false;
        }
        n += run.count;
    }
    return true;
}

/* Whether a line goes that has its like beside it, at another depth: which one is meant? */
static bool removes_either(const aire_placing *p, size_t i)
{
    const aire_side *side = &p->sides[i];
    for (size_t k = 1; k < side->count; k++) {
        bool one = aire__side_line(side, k)->op == '-' || aire__side_line(side, k - 1)->op == '-';
        if (one && aire__side_line(side, k)->op != aire__side_line(side, k - 1)->op &&
            side->keys[k] == side->keys[k - 1] && counts(p, i, k, false) &&
            counts(p, i, k - 1, false) &&
            !same_span(pair_of(p, i, k).there, pair_of(p, i, k - 1).there))
            return true;
    }
    return false;
}

/* Old lines without the file's indentation: the added ones have lost it with them, or not. */
static aire_indent_verdict judge_moved(const aire_restyling *r, const indents *all, const least *l)
{
    if (l->old == 0 && all->uniform && all->shift > 0 && l->added && l->made > 0) {
        if (l->made == l->there)
            return AIRE_INDENT_AS_IT_IS;
        if (all->shift > 1)
            return AIRE_INDENT_UNCLEAR;
    }
    return moves_clearly(r, all->stripped) &&
                   !(all->stripped && removes_either(r->placing, r->hunk))
               ? AIRE_INDENT_MOVED
               : AIRE_INDENT_UNCLEAR;
}

/*
 * Removed lines tell surely, and so do the two texts of a block. Kept lines of a diff do not: they
 * may have lost what added ones have kept, be it the blank that is their mark or all that is in
 * front.
 */
static aire_indent_verdict judge(aire_restyling *r)
{
    const aire_placing *p = r->placing;
    size_t i = r->hunk, unit = r->habits->unit;
    bool block = p->edits->hunks[p->hunks[i]].form == AIRE_HUNK_BLOCK;
    r->removed = !block && has_removed(p, i);
    indents all = compare_all(p, i, r->removed, unit);
    least l = least_of(p, i, r->removed, unit);
    added a;
    if (all.shifted == 0) {
        indents every = compare_all(p, i, false, unit);
        r->blank = every.shifted == 0 && is_blank_short(r, &every, unit);
        if (r->blank)
            return AIRE_INDENT_BY;
        l = least_of(p, i, false, unit);
        return judge_flat(r, &l, unit);
    }
    if (block && all.shifted == 1 && all.first && all.count > 1 && !all.stripped)
        return AIRE_INDENT_FIRST;
    if (block || r->removed)
        return judge_moved(r, &all, &l);
    if (all.uniform)
        return judge_shift(p, i, &all, unit);
    if (all.slips)
        return AIRE_INDENT_AS_IT_IS;
    if (all.stripped)
        return !look_at_added(p, i, &all, unit, &a) || a.least > 0 ? AIRE_INDENT_AS_IT_IS
                                                                   : AIRE_INDENT_UNCLEAR;
    return AIRE_INDENT_MOVED;
}

void aire__indent_judge(aire_restyling *r)
{
    r->verdict = judge(r);
}

/* ---- writing ---- */

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

/* Whether the file has tabs in front of the hunk's lines. */
static bool is_tabbed(const aire_restyling *r)
{
    for (size_t k = 0; k < r->placing->sides[r->hunk].count; k++)
        if (counts(r->placing, r->hunk, k, false) && has_tab(pair_of(r->placing, r->hunk, k).there))
            return true;
    return false;
}

/* The first line of a hunk, where it alone has lost what is in front. */
static bool is_first(const aire_restyling *r, const aire_run *run, size_t n, aire_span indent,
                     pair *out)
{
    if (n > 0 || run->old > 0 || run->removed == 0 || !counts(r->placing, r->hunk, 0, true))
        return false;
    *out = pair_of(r->placing, r->hunk, 0);
    return same_span(out->wanted, indent);
}

void aire__indent_write(const aire_restyling *r, const aire_run *run, size_t n, aire_span indent,
                        aire_buf *to)
{
    const aire_habits *h = r->habits;
    pair q;
    bool clear, moves = false;
    if (r->verdict == AIRE_INDENT_MOVED)
        moves = pair_for(r, run, n, indent, &q, &clear);
    else if (r->verdict == AIRE_INDENT_FIRST)
        moves = is_first(r, run, n, indent, &q);
    if (moves)
        write_moved(&q, indent, h, to);
    else if (r->blank && (indent.length > 0 || r->by > 0)) {
        aire__buf_puts(to, " ");
        aire__buf_append(to, indent.text, indent.length);
    } else if (r->verdict == AIRE_INDENT_BY && !r->blank)
        write_blanks(to, width(indent, h->unit) + r->by, h->unit, h->to_tabs || is_tabbed(r));
    else if ((h->to_tabs && !has_tab(indent)) || (h->from_tabs && has_tab(indent)))
        write_blanks(to, width(indent, h->unit), h->unit, h->to_tabs);
    else
        aire__buf_append(to, indent.text, indent.length);
}
