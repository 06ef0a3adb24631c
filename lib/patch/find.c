/* Places where a side of a hunk stands line by line. */
#include <string.h>

#include "patch/place.h"

void aire__side_make(const aire_edits *edits, const aire_hunk *hunk, char left_out, size_t *at,
                     uint64_t *keys, aire_side *out)
{
    const aire_hunk_line *lines = edits->lines + hunk->first;
    *out = (aire_side){.lines = lines, .at = at, .keys = keys};
    for (size_t i = 0; i < hunk->count; i++) {
        if (lines[i].op == left_out)
            continue;
        at[out->count] = i;
        keys[out->count++] = aire__fold_key(&lines[i].line);
    }
    out->core_end = out->count;
    while (out->core < out->count && keys[out->core] == AIRE_KEY_BLANK &&
           lines[at[out->core]].op == ' ')
        out->core++;
    while (out->core_end > out->core && keys[out->core_end - 1] == AIRE_KEY_BLANK &&
           lines[at[out->core_end - 1]].op == ' ')
        out->core_end--;
}

/* The line of the core that stands in the fewest places: their number. */
static size_t rarest_line(const aire_text *text, const aire_side *side, size_t *first,
                          size_t *depth)
{
    size_t best = SIZE_MAX, start;
    for (size_t k = side->core; k < side->core_end && best > 1; k++) {
        size_t count = aire__text_find(text, side->keys[k], &start);
        if (count < best) {
            best = count;
            *first = start;
            *depth = k - side->core;
        }
    }
    return best;
}

static bool same_trimmed(const aire_line *a, const aire_line *b)
{
    size_t n = a->length, m = b->length;
    while (n && (a->text[n - 1] == ' ' || a->text[n - 1] == '\t'))
        n--;
    while (m && (b->text[m - 1] == ' ' || b->text[m - 1] == '\t'))
        m--;
    return n == m && memcmp(a->text, b->text, n) == 0;
}

static int line_grade(const aire_line *wanted, const aire_line *there)
{
    return aire__line_equal(wanted, there) ? 0 : same_trimmed(wanted, there) ? 1 : 2;
}

/* The worst grade of the core's lines at `at`; -1 if it does not fit. */
static int fit_grade(aire_text *text, const aire_side *side, size_t at)
{
    size_t length = side->core_end - side->core;
    int grade = 0;
    if (at > text->lines.count || text->lines.count - at < length)
        return -1;
    for (size_t k = 0; k < length; k++) {
        if (text->keys[at + k] != side->keys[side->core + k]) {
            text->effort += k + 1;
            return -1;
        }
    }
    for (size_t k = 0; k < length; k++) {
        int one =
            line_grade(&aire__side_line(side, side->core + k)->line, &text->lines.items[at + k]);
        grade = one > grade ? one : grade;
    }
    text->effort += length;
    return grade;
}

size_t aire__find_contiguous(aire_text *text, const aire_side *side, size_t *places, int *grade,
                             bool *more)
{
    size_t first = SIZE_MAX, depth = 0, count = 0;
    *more = false;
    *grade = 3;
    if (side->core == side->core_end || rarest_line(text, side, &first, &depth) == 0)
        return 0;
    for (size_t line = first; line != SIZE_MAX; line = aire__text_next(text, line)) {
        if (!aire__text_spend(text, 1)) { /* whether it is the only place, nobody knows */
            *more = true;
            break;
        }
        int fit = line < depth ? -1 : fit_grade(text, side, line - depth);
        if (fit < 0 || fit > *grade || (fit == *grade && count == AIRE_PLACES_MAX)) {
            *more = *more || (fit == *grade && fit >= 0);
            continue;
        }
        if (fit < *grade) {
            *grade = fit;
            count = 0;
            *more = false;
        }
        places[count++] = line - depth;
    }
    return count;
}
