/* Added lines in the style of the file. */
#include "patch/restyle.h"

#include <string.h>

#include "patch/marks.h"

enum { SEARCHED_LINES = 200 };

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

/* A line that a hunk removes and adds again is the file's own, as far as it can be. */
static const aire_line *moved_line(const aire_restyling *r, const aire_line *text)
{
    const aire_side *side = &r->placing->sides[r->hunk];
    if (!r->inexact || r->verdict == AIRE_INDENT_BY || side->count > SEARCHED_LINES)
        return NULL;
    for (size_t k = 0; k < side->count; k++) {
        size_t line = r->placing->places[r->hunk].map[k];
        if (line != SIZE_MAX && aire__side_line(side, k)->op == '-' &&
            aire__line_equal(&aire__side_line(side, k)->line, text))
            return &r->placing->text->lines.items[line];
    }
    return NULL;
}

static bool is_inexact(const aire_placing *p, size_t hunk)
{
    const aire_side *side = &p->sides[hunk];
    for (size_t k = 0; k < side->count; k++) {
        size_t line = p->places[hunk].map[k];
        if (line != SIZE_MAX && aire__side_line(side, k)->op == '-' &&
            !aire__line_equal(&aire__side_line(side, k)->line, &p->text->lines.items[line]))
            return true;
    }
    return false;
}

/* ---- a line that changes in a part of it ---- */

enum { MAPPED_MAX = 1024 };

/* One character of a line as it folds: its bytes, and what it stands for; 0 for white space. */
static size_t take_char(const char *at, const char *end, char *plain)
{
    size_t length = *at == '&' ? aire__entity(at, end, plain) : 0;
    if (!length && (unsigned char)*at >= 0x80)
        length = aire__typographic(at, end, plain);
    if (length)
        return length;
    *plain = *at == '\t' ? ' ' : *at;
    return 1;
}

static size_t skip_white(aire_span text, size_t at)
{
    while (at < text.length && (text.text[at] == ' ' || text.text[at] == '\t'))
        at++;
    return at;
}

/* Where each byte of a line of the patch is in the file's, which folds alike: map[length] is its
 * end. False if it does not, or is too long. */
static bool map_line(aire_span wanted, aire_span there, uint16_t *map)
{
    size_t i = 0, k = 0;
    if (wanted.length >= MAPPED_MAX || there.length >= MAPPED_MAX)
        return false;
    while (i < wanted.length || k < there.length) {
        char a = ' ', b = ' ';
        size_t white = skip_white(wanted, i), over = skip_white(there, k);
        for (; i < white; i++)
            map[i] = (uint16_t)(k < over ? k : over);
        k = over;
        if (i == wanted.length || k == there.length)
            break;
        size_t n = take_char(wanted.text + i, wanted.text + wanted.length, &a);
        size_t m = take_char(there.text + k, there.text + there.length, &b);
        if (a != b)
            return false;
        for (size_t end = i + n; i < end; i++)
            map[i] = (uint16_t)k;
        k += m;
    }
    map[wanted.length] = (uint16_t)there.length;
    return i == wanted.length && k == there.length;
}

static bool is_inside_character(aire_span text, size_t at)
{
    return at < text.length && ((unsigned char)text.text[at] & 0xc0) == 0x80;
}

/* What `made` has in common with `wanted` at both ends. */
static void common_ends(aire_span wanted, aire_span made, size_t *head, size_t *tail)
{
    size_t most = wanted.length < made.length ? wanted.length : made.length;
    *head = *tail = 0;
    while (*head < most && wanted.text[*head] == made.text[*head])
        ++*head;
    while (*head > 0 && (is_inside_character(wanted, *head) || is_inside_character(made, *head)))
        --*head;
    while (*tail < most - *head &&
           wanted.text[wanted.length - 1 - *tail] == made.text[made.length - 1 - *tail])
        ++*tail;
    while (*tail > 0 && (is_inside_character(wanted, wanted.length - *tail) ||
                         is_inside_character(made, made.length - *tail)))
        --*tail;
}

/* The old line that line `n` of a run takes the place of, without what is in front of it, as the
 * patch and as the file has it; false if they are the same. */
static bool find_replaced(const aire_restyling *r, const aire_run *run, size_t n, aire_span *wanted,
                          aire_span *there)
{
    if (!r->inexact || run->removed != run->count)
        return false;
    size_t line = r->placing->places[r->hunk].map[run->old + n];
    if (line == SIZE_MAX)
        return false;
    const aire_line *old = &aire__side_line(&r->placing->sides[r->hunk], run->old + n)->line;
    *wanted = aire__span_trim((aire_span){old->text, old->length});
    old = &r->placing->text->lines.items[line];
    *there = aire__span_trim((aire_span){old->text, old->length});
    return wanted->length != there->length || memcmp(wanted->text, there->text, there->length) != 0;
}

/* Write a line without what is in front: what the patch leaves of the old one is the file's. */
static void write_rest(const aire_restyling *r, const aire_run *run, size_t n, aire_span made,
                       aire_buf *to)
{
    aire_span wanted, there;
    uint16_t map[MAPPED_MAX];
    size_t head, tail;
    if (!find_replaced(r, run, n, &wanted, &there) || !map_line(wanted, there, map)) {
        write_plain(made, r->habits, to);
        return;
    }
    common_ends(wanted, made, &head, &tail);
    size_t from = map[head], end = map[wanted.length - tail];
    if (head + tail < 2 || from > end) {
        write_plain(made, r->habits, to);
        return;
    }
    aire__buf_append(to, there.text, from);
    write_plain((aire_span){made.text + head, made.length - head - tail}, r->habits, to);
    aire__buf_append(to, there.text + end, there.length - end);
}

aire_run aire__run_at(const aire_placing *p, size_t i, size_t line, size_t before)
{
    const aire_hunk *hunk = &p->edits->hunks[p->hunks[i]];
    const aire_hunk_line *lines = p->edits->lines + hunk->first;
    aire_run run = {.line = line, .before = before, .old = before};
    while (line + run.count < hunk->count && lines[line + run.count].op == '+')
        run.count++;
    while (run.removed < line && lines[line - run.removed - 1].op == '-')
        run.removed++;
    run.old -= run.removed;
    size_t next = line + run.count;
    for (; run.old == before && next < hunk->count && lines[next].op == '-'; next++)
        run.removed++;
    return run;
}

aire_restyling aire__restyling(const aire_placing *p, size_t hunk, const aire_habits *habits)
{
    aire_restyling r = {.placing = p, .hunk = hunk, .habits = habits};
    if (p->verbatim)
        return r;
    aire__indent_judge(&r);
    r.inexact = is_inexact(p, hunk);
    return r;
}

void aire__restyle(const aire_restyling *r, const aire_run *run, size_t n, aire_buf *to)
{
    const aire_hunk *hunk = &r->placing->edits->hunks[r->placing->hunks[r->hunk]];
    const aire_line *text = &r->placing->edits->lines[hunk->first + run->line + n].line;
    const aire_line *moved = aire__line_is_blank(text) ? NULL : moved_line(r, text);
    if (moved)
        text = moved;
    if (moved || r->placing->verbatim || aire__line_is_blank(text)) {
        aire__buf_append(to, text->text, text->length);
        return;
    }
    aire_span indent = {text->text, aire__line_indent(text)};
    aire__indent_write(r, run, n, indent, to);
    write_rest(r, run, n, (aire_span){text->text + indent.length, text->length - indent.length},
               to);
}
