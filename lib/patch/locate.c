/*
 * Where a hunk belongs in a file: at the line that it names if its context is there, else at the
 * only place where it is. An index of the file's lines by hash keeps the search for displaced hunks
 * from being quadratic.
 */
#include "patch/locate.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/str.h"

struct aire_line_entry {
    uint64_t hash;
    size_t line;
};

enum {
    COMMON_LINE =
        64, /* a line that stands in more places tells nothing about where a hunk belongs */
    VOTES_MAX = 4096,
    EFFORT_MAX = 1 << 26, /* hunks that only such a search would place are not found any more */
    SHOWN_LINES = 12,
    SHOWN_WIDTH = 160
};

/* Next line of the hunk's old side, from `i` on; hunk->count at the end. */
static size_t next_old(const aire_diff *diff, const aire_hunk *hunk, size_t i)
{
    while (i < hunk->count && diff->lines[hunk->first + i].op == '+')
        i++;
    return i;
}

/* The first `i` of the hunk whose line differs from the file's at `at`; *matched lines before it
 * agree. */
static size_t first_difference(const aire_located_file *file, const aire_diff *diff,
                               const aire_hunk *hunk, size_t at, size_t *matched)
{
    *matched = 0;
    size_t i = next_old(diff, hunk, 0);
    for (; i < hunk->count; i = next_old(diff, hunk, i + 1), ++*matched) {
        if (at + *matched >= file->lines.count ||
            !aire__line_equal(&file->lines.items[at + *matched],
                              &diff->lines[hunk->first + i].line))
            break;
    }
    return i;
}

static bool fits(const aire_located_file *file, const aire_diff *diff, const aire_hunk *hunk,
                 size_t at)
{
    size_t matched;
    return first_difference(file, diff, hunk, at, &matched) == hunk->count;
}

static int compare_entries(const void *a, const void *b)
{
    const struct aire_line_entry *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->line < y->line ? -1 : x->line > y->line;
}

static aire_status make_index(aire_located_file *file)
{
    size_t count = file->lines.count;
    if (file->index)
        return AIRE_OK;
    file->index = aire__calloc(file->ctx, count ? count : 1, sizeof *file->index);
    if (!file->index)
        return aire__fail_nomem();
    for (size_t i = 0; i < count; i++)
        file->index[i] = (struct aire_line_entry){aire__line_hash(&file->lines.items[i]), i};
    qsort(file->index, count, sizeof *file->index, compare_entries);
    return AIRE_OK;
}

/* The first entry from `low` on whose hash is `hash` or, if `beyond`, greater. */
static size_t find_bound(const aire_located_file *file, uint64_t hash, bool beyond, size_t low)
{
    size_t high = file->lines.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint64_t there = file->index[middle].hash;
        if (there < hash || (beyond && there == hash))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The entries of a hash: their number, and the first of them. */
static size_t find_entries(const aire_located_file *file, uint64_t hash, size_t *first)
{
    *first = find_bound(file, hash, false, 0);
    return find_bound(file, hash, true, *first) - *first;
}

/* The line of the old side that stands in the fewest places. */
static size_t rarest_line(const aire_located_file *file, const aire_diff *diff,
                          const aire_hunk *hunk, size_t *first, size_t *depth)
{
    size_t best = SIZE_MAX, position = 0;
    for (size_t i = next_old(diff, hunk, 0); i < hunk->count && best > 1;
         i = next_old(diff, hunk, i + 1), position++) {
        size_t start;
        size_t count =
            find_entries(file, aire__line_hash(&diff->lines[hunk->first + i].line), &start);
        if (count < best) {
            best = count;
            *first = start;
            *depth = position;
        }
    }
    return best;
}

static aire_status search(aire_located_file *file, const aire_diff *diff, const aire_hunk *hunk,
                          size_t from, aire_place *place, size_t *at)
{
    size_t first = 0, depth = 0;
    aire_status status = make_index(file);
    if (status != AIRE_OK)
        return status;
    size_t count = rarest_line(file, diff, hunk, &first, &depth);
    *place = AIRE_PLACE_NONE;
    for (size_t i = first; i < first + count; i++) {
        size_t line = file->index[i].line, matched;
        if (file->effort > EFFORT_MAX) { /* whether it is the only place, nobody knows */
            *place = AIRE_PLACE_NONE;
            break;
        }
        if (line < depth || line - depth < from)
            continue;
        bool differs = first_difference(file, diff, hunk, line - depth, &matched) < hunk->count;
        file->effort += 1 + matched;
        if (differs)
            continue;
        if (*place == AIRE_PLACE_FOUND) {
            *place = AIRE_PLACE_AMBIGUOUS;
            break;
        }
        *place = AIRE_PLACE_FOUND;
        *at = line - depth;
    }
    return AIRE_OK;
}

aire_status aire__locate(aire_located_file *file, const aire_diff *diff, const aire_hunk *hunk,
                         size_t from, long drift, aire_place *place, size_t *at)
{
    long wanted = (long)hunk->old_start - 1 + drift;
    *place = AIRE_PLACE_NONE;
    if (hunk->old_count == 0) {
        /* Without an old side nothing shows where it belongs, unless there is but one place. */
        if (file->lines.count == 0) {
            *place = AIRE_PLACE_FOUND;
            *at = 0;
        }
        return AIRE_OK;
    }
    bool possible = wanted >= 0 && (size_t)wanted < file->lines.count;
    if (possible && fits(file, diff, hunk, (size_t)wanted)) {
        *place = (size_t)wanted < from ? AIRE_PLACE_OVERLAP : AIRE_PLACE_FOUND;
        *at = (size_t)wanted;
        return AIRE_OK;
    }
    return search(file, diff, hunk, from, place, at);
}

/* ---- explaining ---- */

static int compare_votes(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return x < y ? -1 : x > y;
}

/* Each line of the hunk votes for where the hunk would begin; gives the place with most votes. */
static size_t nearest_place(const aire_located_file *file, const aire_diff *diff,
                            const aire_hunk *hunk)
{
    size_t *votes = aire__calloc(file->ctx, VOTES_MAX, sizeof *votes);
    size_t count = 0, position = 0, best = hunk->old_start ? hunk->old_start - 1 : 0, most = 0;
    if (!votes || !file->index) {
        aire_free(file->ctx, votes);
        return best;
    }
    for (size_t i = next_old(diff, hunk, 0); i < hunk->count;
         i = next_old(diff, hunk, i + 1), position++) {
        size_t first;
        size_t places =
            find_entries(file, aire__line_hash(&diff->lines[hunk->first + i].line), &first);
        for (size_t k = first; k < first + places && places <= COMMON_LINE && count < VOTES_MAX;
             k++)
            if (file->index[k].line >= position)
                votes[count++] = file->index[k].line - position;
    }
    qsort(votes, count, sizeof *votes, compare_votes);
    for (size_t i = 0, run = 1; i < count; i++, run++) {
        if (i > 0 && votes[i] != votes[i - 1])
            run = 1;
        if (run > most) {
            most = run;
            best = votes[i];
        }
    }
    aire_free(file->ctx, votes);
    return best;
}

static int shown(const aire_line *line)
{
    return (int)aire__utf8_cut(line->text, line->length, SHOWN_WIDTH);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool same_but_blanks(const aire_line *a, const aire_line *b)
{
    size_t i = 0, j = 0;
    for (;;) {
        while (i < a->length && is_blank(a->text[i]))
            i++;
        while (j < b->length && is_blank(b->text[j]))
            j++;
        if (i == a->length || j == b->length)
            return i == a->length && j == b->length;
        if (a->text[i++] != b->text[j++])
            return false;
    }
}

/* Line `i` of the hunk against line `line` of the file. */
static void explain_difference(const aire_located_file *file, const aire_line *wanted, size_t line,
                               aire_buf *message)
{
    aire__buf_printf(message, "The hunk expects `%.*s` where the file ", shown(wanted),
                     wanted->text);
    if (line >= file->lines.count) {
        aire__buf_puts(message, "has ended. ");
        return;
    }
    const aire_line *there = &file->lines.items[line];
    aire__buf_printf(message, "has `%.*s` (line %zu)%s. ", shown(there), there->text, line + 1,
                     same_but_blanks(wanted, there) ? "; only blanks and tabs differ" : "");
}

void aire__locate_explain(aire_located_file *file, const aire_diff *diff, const aire_hunk *hunk,
                          aire_buf *message)
{
    if (file->lines.count == 0) {
        aire__buf_puts(message, "The file is empty or new: all lines of the hunk must begin with "
                                "'+'.");
        return;
    }
    if (hunk->old_count == 0) {
        aire__buf_puts(message, "It only adds lines, and nothing shows where they belong: send it "
                                "again with the lines before and after as context.");
        return;
    }
    size_t at = nearest_place(file, diff, hunk), matched;
    if (at >= file->lines.count)
        at = file->lines.count - 1;
    size_t i = first_difference(file, diff, hunk, at, &matched);
    aire__buf_puts(message, "The nearest text in the file is:\n");
    size_t begin = at + (matched > SHOWN_LINES / 2 ? matched - SHOWN_LINES / 2 : 0);
    for (size_t line = begin;
         line < file->lines.count && line < begin + SHOWN_LINES && line < at + hunk->old_count + 2;
         line++)
        aire__buf_printf(message, "%6zu| %.*s\n", line + 1, shown(&file->lines.items[line]),
                         file->lines.items[line].text);
    if (i < hunk->count)
        explain_difference(file, &diff->lines[hunk->first + i].line, at + matched, message);
    aire__buf_puts(
        message,
        "Send the hunk again, with context and removed lines copied exactly from the file.");
}

void aire__located_file_free(aire_located_file *file)
{
    aire__lines_free(file->ctx, &file->lines);
    aire_free(file->ctx, file->index);
    file->index = NULL;
}
