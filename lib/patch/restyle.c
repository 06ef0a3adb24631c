/* Added lines in the style of the file. */
#include "patch/restyle.h"

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
    write_plain((aire_span){text->text + indent.length, text->length - indent.length}, r->habits,
                to);
}
