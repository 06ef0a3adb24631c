/* What the lines of a patch went through before they came here. */
#include <string.h>

#include "patch/marks.h"
#include "patch/restyle.h"

enum { UNIT_DEFAULT = 4, UNIT_MAX = 16, SCANNED_LINES = 5000 };

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
    size_t to_tabs, from_tabs; /* blanks for a tab, where one stands for the other; 0: nowhere */
} evidence;

/* "\t\t " as two tabs and a blank; false if they are mixed otherwise. */
static bool take_indent(const aire_line *line, size_t *tabs, size_t *blanks)
{
    size_t indent = aire__line_indent(line);
    *tabs = 0;
    while (*tabs < indent && line->text[*tabs] == '\t')
        ++*tabs;
    *blanks = indent - *tabs;
    return !memchr(line->text + *tabs, '\t', *blanks);
}

/* So many blanks for a tab, if one line has the ones where the other has the others; else 0. */
static size_t unit_of(const aire_line *tabbed, const aire_line *blank)
{
    size_t tabs, rest, none, blanks;
    if (!take_indent(tabbed, &tabs, &rest) || !take_indent(blank, &none, &blanks) || tabs == 0 ||
        none > 0 || blanks <= rest || (blanks - rest) % tabs)
        return 0;
    size_t unit = (blanks - rest) / tabs;
    return unit > 1 && unit <= UNIT_MAX ? unit : 0;
}

static void compare_indents(const aire_line *wanted, const aire_line *there, evidence *e)
{
    size_t to = unit_of(there, wanted), from = unit_of(wanted, there);
    e->to_tabs = e->to_tabs ? e->to_tabs : to;
    e->from_tabs = e->from_tabs ? e->from_tabs : from;
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

/* How lines are indented. */
typedef struct indenting {
    bool tabs, blanks; /* some begin with them */
    size_t unit;       /* the greatest common divisor of blanks */
} indenting;

static void look_at_indent(const aire_line *line, indenting *in)
{
    size_t indent = aire__line_indent(line);
    if (indent == 0 || indent == line->length)
        return;
    in->tabs = in->tabs || *line->text == '\t';
    in->blanks = in->blanks || *line->text == ' ';
    if (*line->text == ' ' && indent > 1) /* one blank stands before the star of a comment */
        in->unit = (size_t)aire__common_divisor((long)in->unit, (long)indent);
}

/* Where no line tells how tabs and blanks stand for each other, a file that has only the ones and a
 * patch that has only the others do. */
static void settle_tabs(aire_habits *h, const indenting *patch, const indenting *file)
{
    size_t unit = patch->tabs ? file->unit : patch->unit;
    if (h->to_tabs || h->from_tabs || patch->tabs == patch->blanks || file->tabs == file->blanks ||
        patch->tabs == file->tabs)
        return;
    h->to_tabs = file->tabs;
    h->from_tabs = file->blanks;
    h->unit = unit == 2 || unit == 4 || unit == 8 ? unit : UNIT_DEFAULT;
}

/* What only the patch's own lines and the file as a whole can tell. */
static void look_around(const aire_placing *p, aire_habits *h, const evidence *e)
{
    bool special = e->plain_specials, entity = false, quotes = false;
    indenting patch = {0}, file = {0};
    for (size_t i = 0; i < p->count; i++) {
        const aire_hunk *hunk = &p->edits->hunks[p->hunks[i]];
        for (size_t k = 0; k < hunk->count; k++) {
            const aire_line *line = &p->edits->lines[hunk->first + k].line;
            special = special || has_raw_special(line);
            entity = entity || has_entity(line);
            quotes = quotes || has_typographic(line, '"');
            look_at_indent(line, &patch);
        }
    }
    for (size_t i = 0; i < p->text->lines.count; i++) {
        const aire_line *line = &p->text->lines.items[i];
        entity = entity && !has_entity(line);
        quotes = quotes && !has_typographic(line, '"');
        if (i < SCANNED_LINES)
            look_at_indent(line, &file);
        else if (!entity && !quotes)
            break;
    }
    h->entities = h->entities || (entity && !special);
    h->quotes = h->quotes || (quotes && !e->plain_quotes);
    settle_tabs(h, &patch, &file);
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
                     .to_tabs = e.to_tabs > 0,
                     .from_tabs = !e.to_tabs && e.from_tabs > 0,
                     .unit = e.to_tabs     ? e.to_tabs
                             : e.from_tabs ? e.from_tabs
                                           : UNIT_DEFAULT};
    look_around(p, &h, &e);
    return h;
}
