/* Why a hunk was refused. */
#include "patch/explain.h"

#include "base/str.h"

enum { SHOWN_LINES = 12, SHOWN_WIDTH = 160, BEFORE = 3 };

static int shown(const aire_line *line)
{
    return (int)aire__utf8_cut(line->text, line->length, SHOWN_WIDTH);
}

static const aire_hunk *hunk_of(const aire_placing *p, size_t i)
{
    return &p->edits->hunks[p->hunks[i]];
}

static const char *kind_of(const aire_hunk *hunk)
{
    return hunk->form == AIRE_HUNK_BLOCK ? "block" : "hunk";
}

static void name_hunk(const aire_placing *p, size_t i, const char *path, aire_buf *message)
{
    const aire_hunk *hunk = hunk_of(p, i);
    aire__buf_printf(message, "%s, %s %zu of %zu (", path, kind_of(hunk), hunk->number,
                     p->edits->files[hunk->file].hunk_count);
    if (hunk->numbered && hunk->form == AIRE_HUNK_DIFF)
        aire__buf_printf(message, "@@ -%zu,%zu @@, ", hunk->old_start, hunk->old_count);
    aire__buf_printf(message, "line %zu of the patch) ", hunk->patch_line);
}

static void show_lines(const aire_text *text, size_t from, size_t count, aire_buf *message)
{
    for (size_t line = from; line < text->lines.count && line < from + count; line++)
        aire__buf_printf(message, "%6zu| %.*s\n", line + 1, shown(&text->lines.items[line]),
                         text->lines.items[line].text);
}

static bool same_but_blanks(const aire_line *a, const aire_line *b)
{
    size_t i = 0, k = 0;
    for (;;) {
        while (i < a->length && (a->text[i] == ' ' || a->text[i] == '\t'))
            i++;
        while (k < b->length && (b->text[k] == ' ' || b->text[k] == '\t'))
            k++;
        if (i == a->length || k == b->length)
            return i == a->length && k == b->length;
        if (a->text[i++] != b->text[k++])
            return false;
    }
}

/* One line that the hunk has otherwise than the file's line `at`. */
static void show_difference(const aire_text *text, const char *kind, const aire_line *wanted,
                            size_t at, aire_buf *message)
{
    aire__buf_printf(message, "The %s expects `%.*s` where the file ", kind, shown(wanted),
                     wanted->text);
    if (at >= text->lines.count) {
        aire__buf_puts(message, "has ended. ");
        return;
    }
    const aire_line *there = &text->lines.items[at];
    aire__buf_printf(message, "has `%.*s` (line %zu)%s. ", shown(there), there->text, at + 1,
                     same_but_blanks(wanted, there) ? "; only blanks and tabs differ" : "");
}

/* The first old line from `k` on that is not in the file as it is written, or side->count. */
static size_t first_wrong(const aire_placing *p, size_t i)
{
    const aire_side *side = &p->sides[i];
    size_t wrong = side->count;
    for (size_t k = side->count; k-- > 0;) {
        size_t line = p->places[i].map[k];
        const aire_hunk_line *wanted = aire__side_line(side, k);
        if (line != SIZE_MAX ? side->keys[k] == p->text->keys[line]
                             : side->keys[k] == AIRE_KEY_BLANK)
            continue;
        if (wrong == side->count || wanted->op == '-' || line == SIZE_MAX)
            wrong = k;
    }
    return wrong;
}

/* The file's line at which an old line should stand, by the ones before it. */
static size_t expected_line(const aire_placing *p, size_t i, size_t k)
{
    const size_t *map = p->places[i].map;
    if (map[k] != SIZE_MAX)
        return map[k];
    for (size_t n = k; n-- > 0;)
        if (map[n] != SIZE_MAX)
            return map[n] + (k - n);
    for (size_t n = k + 1; n < p->sides[i].count; n++)
        if (map[n] != SIZE_MAX)
            return map[n] > n - k ? map[n] - (n - k) : 0;
    return 0;
}

static void show_nearest(const aire_placing *p, size_t i, aire_buf *message)
{
    const aire_hunk *hunk = hunk_of(p, i);
    const aire_place *place = &p->places[i];
    bool known = place->state == AIRE_PLACE_DOUBTFUL;
    size_t at = known ? place->first : hunk->numbered && hunk->old_start ? hunk->old_start - 1 : 0;
    size_t wrong = known ? first_wrong(p, i) : 0;
    if (at >= p->text->lines.count)
        at = p->text->lines.count - 1;
    size_t expected = known && wrong < p->sides[i].count ? expected_line(p, i, wrong) : at;
    size_t from = expected > at + SHOWN_LINES / 2 ? expected - SHOWN_LINES / 2 : at;
    from = from > BEFORE && known ? from - (from == at ? 0 : BEFORE) : from;
    aire__buf_puts(message, known ? "The nearest text in the file is:\n"
                                  : "Nothing in the file is like it; the file has there:\n");
    show_lines(p->text, from, SHOWN_LINES, message);
    if (wrong < p->sides[i].count)
        show_difference(p->text, kind_of(hunk), &aire__side_line(&p->sides[i], wrong)->line,
                        expected, message);
    aire__buf_printf(message,
                     "Send the %s again, with context and removed lines copied exactly from the "
                     "file.",
                     kind_of(hunk));
}

static void explain_missing(const aire_placing *p, size_t i, aire_buf *message)
{
    aire__buf_puts(message, "does not fit. ");
    if (p->text->lines.count == 0) {
        aire__buf_puts(message, hunk_of(p, i)->form == AIRE_HUNK_BLOCK
                                    ? "The file is empty or new: the text to search for must be "
                                      "empty, too."
                                    : "The file is empty or new: all lines of the hunk must begin "
                                      "with '+'.");
        return;
    }
    show_nearest(p, i, message);
}

static void explain_ambiguous(const aire_placing *p, size_t i, aire_buf *message)
{
    enum { AROUND = 3 };
    const aire_hunk *hunk = hunk_of(p, i);
    const aire_place *place = &p->places[i];
    aire__buf_printf(message, "fits in several places, such as at line %zu:\n", place->first + 1);
    show_lines(p->text, place->first, AROUND, message);
    aire__buf_printf(message, "and at line %zu:\n", place->other + 1);
    show_lines(p->text, place->other, AROUND, message);
    aire__buf_printf(message,
                     "Send the %s again with more of the lines around it, so that only one "
                     "place is like it%s.",
                     kind_of(hunk),
                     hunk->form == AIRE_HUNK_BLOCK ? "" : ", and with the right line numbers");
}

void aire__explain_place(const aire_placing *p, size_t i, const char *path, aire_buf *message)
{
    name_hunk(p, i, path, message);
    switch (p->places[i].state) {
    case AIRE_PLACE_AMBIGUOUS:
        explain_ambiguous(p, i, message);
        break;
    case AIRE_PLACE_BARE:
        if (p->text->lines.count > 0)
            aire__buf_puts(message, "only adds lines, and nothing shows where they belong: send it "
                                    "again with the lines before and after as context.");
        else
            explain_missing(p, i, message);
        break;
    default:
        explain_missing(p, i, message);
    }
}

void aire__explain_conflict(const aire_placing *p, const aire_conflict *conflict, const char *path,
                            aire_buf *message)
{
    enum { AROUND = 4 };
    size_t from = conflict->line > AROUND / 2 ? conflict->line - AROUND / 2 : 0;
    name_hunk(p, conflict->hunk, path, message);
    if (conflict->kind == AIRE_CONFLICT_ELIDED) {
        aire__buf_puts(message,
                       "adds a line that only stands for others, such as '...': send all of "
                       "the lines that are to be there.");
        return;
    }
    static const char *const what[] = {
        [AIRE_CONFLICT_OVERLAP] = "changes the same place as another one",
        [AIRE_CONFLICT_UNCLEAR] = "adds lines, but does not show between which ones",
        [AIRE_CONFLICT_INDENT] =
            "has its lines indented otherwise than the file, and does not show "
            "how far added ones are meant to be"};
    aire__buf_printf(message, "%s, at line %zu:\n", what[conflict->kind], conflict->line + 1);
    show_lines(p->text, from, AROUND + 1, message);
    aire__buf_puts(message,
                   conflict->kind == AIRE_CONFLICT_OVERLAP
                       ? "Send one change for each place: those that overlap as one."
                       : "Send it again with the lines before and after copied exactly from "
                         "the file.");
}
