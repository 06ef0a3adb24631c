/* Added lines in the style of the file. */
#include "patch/restyle.h"

#include <string.h>

#include "patch/marks.h"

enum { UNIT_DEFAULT = 4, SCANNED_LINES = 2000 };

/* ---- habits ---- */

static bool has_raw_special(const aire_line *line)
{
    char plain;
    for (size_t i = 0; i < line->length; i++) {
        char c = line->text[i];
        if (c == '<' || c == '>' ||
            (c == '&' && !aire__entity(line->text + i, line->text + line->length, &plain)))
            return true;
    }
    return false;
}

static bool has_entity(const aire_line *line)
{
    char plain;
    for (size_t i = 0; i < line->length; i++)
        if (line->text[i] == '&' && aire__entity(line->text + i, line->text + line->length, &plain))
            return true;
    return false;
}

/* Whether a typographic character for `plain` is in it. */
static bool has_typographic(const aire_line *line, char plain)
{
    char stands_for;
    const char *end = line->text + line->length;
    for (const char *at = line->text; at < end; at++)
        if ((unsigned char)*at >= 0x80 && aire__typographic(at, end, &stands_for) &&
            (stands_for == plain || (plain == '"' && stands_for == '\'')))
            return true;
    return false;
}

static bool has_char(const aire_line *line, char c)
{
    return memchr(line->text, c, line->length) != NULL;
}

typedef struct evidence {
    bool entities, plain_specials; /* seen in lines that match */
    bool dashes, plain_dashes;
    bool quotes, plain_quotes;
    size_t blanks, tabs; /* in front of lines that have the one for the other */
} evidence;

static void compare_indents(const aire_line *wanted, const aire_line *there, evidence *e)
{
    size_t n = aire__line_indent(wanted), m = aire__line_indent(there);
    bool blanks = n > 0 && !memchr(wanted->text, '\t', n);
    bool tabs = m > 0 && !memchr(there->text, ' ', m);
    if (blanks && tabs && n % m == 0 && (!e->tabs || n / m > 1)) {
        e->blanks = n;
        e->tabs = m;
    }
}

/* A line of the patch, and the file's line that it was matched with. */
static void gather(const aire_line *wanted, const aire_line *there, evidence *e)
{
    if (aire__line_equal(wanted, there)) {
        e->plain_specials = e->plain_specials || has_raw_special(wanted);
        e->plain_dashes = e->plain_dashes || has_char(wanted, '-');
        e->plain_quotes = e->plain_quotes || has_char(wanted, '"') || has_char(wanted, '\'');
        return;
    }
    e->entities = e->entities || (has_entity(wanted) && !has_entity(there));
    e->dashes = e->dashes || (has_typographic(wanted, '-') && !has_typographic(there, '-'));
    e->quotes = e->quotes || (has_typographic(wanted, '"') && !has_typographic(there, '"'));
    compare_indents(wanted, there, e);
}

/* Whether all indented lines of a text are so by tabs. */
static bool is_tabbed(const aire_text *text)
{
    bool any = false;
    for (size_t i = 0; i < text->lines.count && i < SCANNED_LINES; i++) {
        const aire_line *line = &text->lines.items[i];
        if (aire__line_indent(line) == 0 || aire__line_is_blank(line))
            continue;
        if (*line->text != '\t')
            return false;
        any = true;
    }
    return any;
}

static size_t common_divisor(size_t a, size_t b)
{
    while (b > 0) {
        size_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* What only the patch's own lines and the file as a whole can tell. */
static void look_around(const aire_placing *p, aire_habits *h, const evidence *e)
{
    bool special = e->plain_specials, entity = false, tab = false, quotes = false;
    size_t unit = 0;
    for (size_t i = 0; i < p->count; i++) {
        const aire_hunk *hunk = &p->edits->hunks[p->hunks[i]];
        for (size_t k = 0; k < hunk->count; k++) {
            const aire_line *line = &p->edits->lines[hunk->first + k].line;
            size_t indent = aire__line_indent(line);
            special = special || has_raw_special(line);
            entity = entity || has_entity(line);
            quotes = quotes || has_typographic(line, '"');
            tab = tab || memchr(line->text, '\t', indent);
            unit = common_divisor(unit, indent);
        }
    }
    for (size_t i = 0; (entity || quotes) && i < p->text->lines.count; i++) {
        entity = entity && !has_entity(&p->text->lines.items[i]);
        quotes = quotes && !has_typographic(&p->text->lines.items[i], '"');
    }
    h->entities = h->entities || (entity && !special);
    h->quotes = h->quotes || (quotes && !e->plain_quotes);
    if (!h->to_tabs && !tab && is_tabbed(p->text)) {
        h->to_tabs = true;
        h->unit = unit == 2 || unit == 8 ? unit : UNIT_DEFAULT;
    }
}

aire_habits aire__habits_of(const aire_placing *p)
{
    evidence e = {0};
    for (size_t i = 0; i < p->count; i++) {
        const aire_side *side = &p->sides[i];
        if (p->places[i].state != AIRE_PLACE_FOUND)
            continue;
        for (size_t k = 0; k < side->count; k++)
            if (p->places[i].map[k] != SIZE_MAX)
                gather(&aire__side_line(side, k)->line, &p->text->lines.items[p->places[i].map[k]],
                       &e);
    }
    aire_habits h = {.entities = e.entities && !e.plain_specials,
                     .dashes = e.dashes && !e.plain_dashes,
                     .quotes = e.quotes,
                     .to_tabs = e.tabs > 0,
                     .unit = e.tabs ? e.blanks / e.tabs : UNIT_DEFAULT};
    look_around(p, &h, &e);
    return h;
}

/* ---- indentation ---- */

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

/* A kept line of a diff may have lost the blank in front of it, or have one too many: that says
 * nothing of the others. */
static bool is_slip(const pair *q)
{
    size_t n = q->wanted.length, m = q->there.length, shorter = n < m ? n : m;
    return (n + 1 == m || m + 1 == n) && memcmp(q->wanted.text, q->there.text, shorter) == 0 &&
           !memchr(q->wanted.text, '\t', n) && !memchr(q->there.text, '\t', m);
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

static bool is_shifted(const aire_placing *p, size_t i, bool removed)
{
    bool diff = p->edits->hunks[p->hunks[i]].form == AIRE_HUNK_DIFF;
    for (size_t k = 0; k < p->sides[i].count; k++) {
        if (!counts(p, i, k, removed))
            continue;
        pair q = pair_of(p, i, k);
        if (!same_span(q.wanted, q.there) && !(diff && !removed && is_slip(&q)))
            return true;
    }
    return false;
}

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

static size_t width(aire_span indent, size_t unit)
{
    size_t width = 0;
    for (size_t i = 0; i < indent.length; i++)
        width = indent.text[i] == '\t' ? (width / unit + 1) * unit : width + 1;
    return width;
}

static void write_blanks(aire_buf *to, size_t count, size_t unit, bool tabs)
{
    for (; tabs && count >= unit; count -= unit)
        aire__buf_puts(to, "\t");
    for (; count > 0; count--)
        aire__buf_puts(to, " ");
}

/* The blanks of an added line, moved as the lines around it are. */
static void write_moved(const pair *q, aire_span indent, const aire_habits *h, aire_buf *to)
{
    bool tabs = h->to_tabs || memchr(q->there.text, '\t', q->there.length);
    size_t unit = h->unit ? h->unit : UNIT_DEFAULT;
    size_t from = width(q->wanted, unit), own = width(indent, unit), there = width(q->there, unit);
    if (own >= from) {
        aire__buf_append(to, q->there.text, q->there.length);
        write_blanks(to, own - from, unit, tabs);
    } else {
        size_t less = from - own;
        write_blanks(to, there > less ? there - less : 0, unit, tabs);
    }
}

static void write_indent(const aire_restyling *r, size_t before, aire_span indent, aire_buf *to)
{
    const aire_habits *h = r->habits;
    pair q;
    if (r->shifted && nearest_pair(r, before, indent, &q))
        write_moved(&q, indent, h, to);
    else if (h->to_tabs && indent.length && !memchr(indent.text, '\t', indent.length))
        write_blanks(to, indent.length, h->unit, true);
    else
        aire__buf_append(to, indent.text, indent.length);
}

aire_restyling aire__restyling(const aire_placing *p, size_t hunk, const aire_habits *habits)
{
    aire_restyling r = {p, hunk, habits, has_removed(p, hunk), false};
    r.shifted = is_shifted(p, hunk, r.removed);
    return r;
}

/* ---- characters ---- */

static void write_plain(aire_span rest, const aire_habits *h, aire_buf *to)
{
    const char *at = rest.text, *end = at + rest.length, *done = at;
    while (at < end) {
        char plain = 0;
        size_t length = h->entities && *at == '&' ? aire__entity(at, end, &plain) : 0;
        if (!length && (unsigned char)*at >= 0x80) {
            length = aire__typographic(at, end, &plain);
            if (plain == '-' ? !h->dashes : !(h->quotes || h->dashes))
                length = 0;
        }
        if (!length) {
            at++;
            continue;
        }
        aire__buf_append(to, done, (size_t)(at - done));
        aire__buf_append(to, &plain, plain != 0);
        at += length;
        done = at;
    }
    aire__buf_append(to, done, (size_t)(end - done));
}

void aire__restyle(const aire_restyling *r, size_t before, const aire_line *text, aire_buf *to)
{
    if (aire__line_is_blank(text)) {
        aire__buf_append(to, text->text, text->length);
        return;
    }
    aire_span indent = {text->text, aire__line_indent(text)};
    write_indent(r, before, indent, to);
    write_plain((aire_span){text->text + indent.length, text->length - indent.length}, r->habits,
                to);
}
