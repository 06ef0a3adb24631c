/* Where the hunks of a file belong. */
#include "patch/place.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/str.h"
#include "patch/marks.h"

/* What the alignment of a hunk needs to be believed. */
#define SCORE_MIN 0.6    /* of the weight of its lines */
#define MARGIN_MIN 0.5   /* more than the second place has, in lines */
#define SCORE_THERE 0.45 /* where its header says */
#define MARGIN_THERE 0.5
#define MARGIN_PART 0.05 /* and as a part of all lines */

enum { EXACT_MIN = 2, SECTION_LINES = 2000 };

/* The places of one hunk that are left. */
typedef struct aire_choice {
    size_t first, count; /* among the placing's candidates */
    int grade;
    bool more; /* than could be kept */
} aire_choice;

static const aire_hunk *hunk_of(const aire_placing *p, size_t i)
{
    return &p->edits->hunks[p->hunks[i]];
}

static size_t *places_of(const aire_placing *p, size_t i)
{
    return p->candidates + p->choices[i].first;
}

/* ---- a place that is settled ---- */

/* The hunk's core begins at line `at` of the text; blank lines around it may be there or not. */
static void settle(aire_placing *p, size_t i, size_t at, int32_t how, double confidence)
{
    aire_place *place = &p->places[i];
    const aire_side *side = &p->sides[i];
    for (size_t k = 0; k < side->count; k++) {
        size_t line = at + k - side->core;
        bool there = at + k >= side->core && line < p->text->lines.count;
        bool inside = k >= side->core && k < side->core_end;
        place->map[k] =
            there && (inside || (p->text->keys ? p->text->keys[line] == AIRE_KEY_BLANK : true))
                ? line
                : SIZE_MAX;
    }
    /* A blank line beyond one that is not there is none of the hunk's. */
    for (size_t k = side->core; k-- > 0;)
        if (k + 1 < side->core && place->map[k + 1] == SIZE_MAX)
            place->map[k] = SIZE_MAX;
    for (size_t k = side->core_end; k < side->count; k++)
        if (k > side->core_end && place->map[k - 1] == SIZE_MAX)
            place->map[k] = SIZE_MAX;
    place->state = AIRE_PLACE_FOUND;
    place->how = how;
    place->confidence = confidence;
    place->first = at;
    place->last = at + (side->core_end - side->core);
}

static bool numbered_place(const aire_placing *p, size_t i, long shift, size_t *at)
{
    const aire_hunk *hunk = hunk_of(p, i);
    long wanted = (long)hunk->old_start - 1 + shift + (long)p->sides[i].core;
    if (!hunk->numbered || hunk->old_start == 0 || wanted < 0)
        return false;
    *at = (size_t)wanted;
    return true;
}

static void settle_found(aire_placing *p, size_t i, size_t at, bool tie)
{
    size_t header;
    int grade = p->choices[i].grade;
    bool there = numbered_place(p, i, 0, &header) && header == at;
    int32_t how = grade == 2                          ? AIRE_PLACED_WHITESPACE
                  : there || !hunk_of(p, i)->numbered ? AIRE_PLACED_EXACT
                                                      : AIRE_PLACED_MOVED;
    double confidence = grade == 0 ? 0.99 : grade == 1 ? 0.98 : 0.95;
    settle(p, i, at, how, tie ? confidence * 0.9 : confidence);
    p->choices[i].count = 1;
    *places_of(p, i) = at;
}

/* ---- a patch that is right as it is ---- */

static bool fits_strictly(const aire_placing *p, size_t i, size_t done, size_t *at)
{
    const aire_hunk *hunk = hunk_of(p, i);
    const aire_side *side = &p->sides[i];
    const aire_lines *lines = &p->text->lines;
    if (!hunk->numbered || !hunk->counted || hunk->form != AIRE_HUNK_DIFF)
        return false;
    *at = hunk->old_start ? hunk->old_start - 1 : 0;
    if (hunk->old_count == 0)
        return lines->count == 0;
    if (*at < done || *at > lines->count || lines->count - *at < side->count)
        return false;
    for (size_t k = 0; k < side->count; k++)
        if (!aire__line_equal(&aire__side_line(side, k)->line, &lines->items[*at + k]))
            return false;
    return true;
}

static bool place_strictly(aire_placing *p)
{
    size_t done = 0, at;
    for (size_t i = 0; i < p->count; i++) {
        if (!fits_strictly(p, i, done, &at))
            return false;
        done = at + p->sides[i].count;
    }
    for (size_t i = 0; i < p->count; i++) {
        const aire_hunk *hunk = hunk_of(p, i);
        p->sides[i].core = 0;
        p->sides[i].core_end = p->sides[i].count;
        settle(p, i, hunk->old_start ? hunk->old_start - 1 : 0, AIRE_PLACED_EXACT, 1);
    }
    return true;
}

/* ---- what lies open ---- */

/* Whether a short hunk, found elsewhere, begins where its header says as well: it may be meant
 * there, with a line lost from its context. */
static bool begins_at_header(const aire_placing *p, size_t i, size_t found, size_t *header)
{
    enum { SHORT = 3 };
    const aire_side *side = &p->sides[i];
    return side->core_end - side->core <= SHORT && numbered_place(p, i, 0, header) &&
           *header != found && *header < p->text->lines.count &&
           p->text->keys[*header] == side->keys[side->core] &&
           aire__line_weight(&p->text->lines.items[*header]) >= 0.7;
}

static aire_status find_choices(aire_placing *p, size_t i)
{
    aire_choice *choice = &p->choices[i];
    aire_place *place = &p->places[i];
    size_t places[AIRE_PLACES_MAX], header;
    choice->count =
        aire__find_contiguous(p->text, &p->sides[i], places, &choice->grade, &choice->more);
    choice->first = p->candidate_count;
    if (!aire__grow(p->ctx, &p->candidates, &p->candidate_capacity,
                    p->candidate_count + choice->count + 1, sizeof *p->candidates))
        return aire__fail_nomem();
    memcpy(p->candidates + choice->first, places, choice->count * sizeof *places);
    p->candidate_count += choice->count + 1;
    if (choice->count > 1 || choice->more) {
        place->state = AIRE_PLACE_AMBIGUOUS;
        place->first = places[0];
        place->other = choice->count > 1 ? places[1] : places[0];
        if (choice->more && numbered_place(p, i, 0, &header)) {
            /* Where its header says is looked at, wherever the others are. */
            aire_side *side = &p->sides[i];
            size_t length = side->core_end - side->core, k = 0;
            while (k < length && header + k < p->text->lines.count &&
                   aire__line_equal(&aire__side_line(side, side->core + k)->line,
                                    &p->text->lines.items[header + k]))
                k++;
            if (k == length)
                settle_found(p, i, header, true);
        }
    } else if (choice->count == 1 && begins_at_header(p, i, places[0], &header)) {
        place->state = AIRE_PLACE_AMBIGUOUS;
        place->first = places[0];
        place->other = header;
        choice->count = 0;
    } else if (choice->count == 1) {
        settle_found(p, i, places[0], false);
    } else {
        place->state = p->sides[i].core == p->sides[i].core_end ? AIRE_PLACE_BARE : AIRE_PLACE_NONE;
    }
    return AIRE_OK;
}

/* ---- hunks that were written twice ---- */

typedef struct copy {
    uint64_t hash;
    size_t hunk;
} copy;

static int compare_copies(const void *a, const void *b)
{
    const copy *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->hunk < y->hunk ? -1 : x->hunk > y->hunk;
}

static uint64_t hash_hunk(const aire_placing *p, size_t i)
{
    const aire_hunk *hunk = hunk_of(p, i);
    uint64_t hash = 0;
    for (size_t k = 0; k < hunk->count; k++) {
        const aire_hunk_line *line = &p->edits->lines[hunk->first + k];
        hash = (hash * 31 + (unsigned char)line->op) * 0x9e3779b97f4a7c15u +
               aire__line_hash(&line->line);
    }
    return hash;
}

static bool same_hunk(const aire_placing *p, size_t i, size_t k)
{
    const aire_hunk *x = hunk_of(p, i), *y = hunk_of(p, k);
    if (x->count != y->count)
        return false;
    for (size_t n = 0; n < x->count; n++) {
        const aire_hunk_line *a = &p->edits->lines[x->first + n],
                             *b = &p->edits->lines[y->first + n];
        if (a->op != b->op || !aire__line_equal(&a->line, &b->line))
            return false;
    }
    return true;
}

/* Copies of one hunk, in order: the same again, or one for each place where it fits. */
static void settle_copies(aire_placing *p, const copy *copies, size_t count)
{
    const aire_hunk *first = hunk_of(p, copies[0].hunk);
    aire_choice *choice = &p->choices[copies[0].hunk];
    bool apart = true, alike = true;
    for (size_t i = 1; i < count; i++) {
        const aire_hunk *hunk = hunk_of(p, copies[i].hunk);
        if (!same_hunk(p, copies[0].hunk, copies[i].hunk))
            return;
        alike = alike && hunk->numbered == first->numbered &&
                (!hunk->numbered || hunk->old_start == first->old_start);
        apart = apart &&
                (!hunk->numbered || hunk->old_start > hunk_of(p, copies[i - 1].hunk)->old_start);
    }
    if (choice->count <= 1 || (alike && first->numbered)) {
        for (size_t i = 1; i < count; i++)
            p->places[copies[i].hunk].state = AIRE_PLACE_NOTHING;
    } else if (apart && choice->count == count && !choice->more) {
        for (size_t i = 0; i < count; i++)
            settle_found(p, copies[i].hunk, places_of(p, copies[i].hunk)[i], true);
    }
}

static aire_status find_copies(aire_placing *p)
{
    copy *copies = aire__calloc(p->ctx, p->count + 1, sizeof *copies);
    if (!copies)
        return aire__fail_nomem();
    for (size_t i = 0; i < p->count; i++)
        copies[i] = (copy){hash_hunk(p, i), i};
    qsort(copies, p->count, sizeof *copies, compare_copies);
    for (size_t i = 0, next; i < p->count; i = next) {
        for (next = i + 1; next < p->count && copies[next].hash == copies[i].hash;)
            next++;
        if (next - i > 1)
            settle_copies(p, copies + i, next - i);
    }
    aire_free(p->ctx, copies);
    return AIRE_OK;
}

/* ---- choosing among equals ---- */

static bool is_open(const aire_placing *p, size_t i)
{
    return p->places[i].state == AIRE_PLACE_AMBIGUOUS;
}

static bool is_found(const aire_placing *p, size_t i)
{
    return p->places[i].state == AIRE_PLACE_FOUND;
}

/* How far a found hunk lies from where its header says. */
static bool shift_of(const aire_placing *p, size_t i, long *shift)
{
    size_t header;
    if (!is_found(p, i) || !numbered_place(p, i, 0, &header))
        return false;
    *shift = (long)p->places[i].first - (long)header;
    return true;
}

/* The only candidate that stands where the header says: as it is, or shifted like the found hunks
 * before and after it. */
static void choose_by_number(aire_placing *p, size_t i, const long *shifts, size_t shift_count)
{
    size_t header, hit = SIZE_MAX;
    for (size_t s = 0; s < shift_count; s++) {
        if (!numbered_place(p, i, shifts[s], &header))
            return;
        for (size_t k = 0; k < p->choices[i].count; k++) {
            if (places_of(p, i)[k] != header)
                continue;
            if (hit != SIZE_MAX && hit != header)
                return;
            hit = header;
        }
    }
    if (hit != SIZE_MAX)
        settle_found(p, i, hit, true);
}

static void choose_by_numbers(aire_placing *p)
{
    long *after = p->scratch; /* shift of the next found one */
    long before = 0, shift;
    bool has_before = false;
    const long none = LONG_MIN;
    after[p->count] = none;
    for (size_t i = p->count; i-- > 0;)
        after[i] = shift_of(p, i, &shift) ? shift : after[i + 1];
    for (size_t i = 0; i < p->count; i++) {
        if (is_open(p, i)) {
            long shifts[2];
            size_t count = 0;
            if (has_before)
                shifts[count++] = before;
            if (after[i + 1] != none)
                shifts[count++] = after[i + 1];
            if (count == 0)
                shifts[count++] = 0;
            choose_by_number(p, i, shifts, count);
        }
        if (shift_of(p, i, &shift)) {
            before = shift;
            has_before = true;
        }
    }
}

/* Whether the text's line `at` is below the header line `head`, inside what that opens. */
static bool is_inside(aire_text *text, size_t head, size_t at)
{
    size_t indent = aire__line_indent(&text->lines.items[head]);
    for (size_t line = head + 1; line < at; line++) {
        const aire_line *there = &text->lines.items[line];
        size_t own = aire__line_indent(there);
        if (!aire__text_spend(text, 1))
            return false;
        if (own < there->length && own <= indent && strchr("}){]#/*:", there->text[own]) == NULL)
            return false;
    }
    return true;
}

/* The last line before `at` that is the section's, if `at` is inside what it opens. */
static bool section_holds(aire_text *text, const aire_line *section, size_t at)
{
    for (size_t line = at + 1, seen = 0; line-- > 0 && seen < SECTION_LINES; seen++) {
        if (!aire__text_spend(text, 1))
            return false;
        if (aire__fold_begins(&text->lines.items[line], section))
            return line == at || is_inside(text, line, at);
    }
    return false;
}

static void choose_by_section(aire_placing *p, size_t i)
{
    const aire_hunk *hunk = hunk_of(p, i);
    aire_line section = {hunk->section, hunk->section_length, hunk->section_length};
    size_t hit = SIZE_MAX;
    if (section.length == 0 || p->choices[i].more || aire__line_is_blank(&section))
        return;
    for (size_t k = 0; k < p->choices[i].count; k++) {
        if (!section_holds(p->text, &section, places_of(p, i)[k]))
            continue;
        if (hit != SIZE_MAX)
            return;
        hit = places_of(p, i)[k];
    }
    if (hit != SIZE_MAX)
        settle_found(p, i, hit, true);
}

/* Whether the hunks stand in the patch as they do in the text, so far as that is known: by their
 * numbers, and by those that are found. `*sure` if numbers say so. */
static bool in_order(const aire_placing *p, bool *sure)
{
    size_t last = 0, number = 0, found = 0;
    *sure = true;
    for (size_t i = 0; i < p->count; i++) {
        const aire_hunk *hunk = hunk_of(p, i);
        if (p->places[i].state == AIRE_PLACE_NOTHING)
            continue;
        if (is_found(p, i)) {
            if (found++ && p->places[i].first <= last)
                return false;
            last = p->places[i].first;
        }
        *sure = *sure && hunk->numbered && hunk->old_start > number;
        if (hunk->numbered && hunk->old_start <= number)
            return false;
        number = hunk->numbered ? hunk->old_start : number;
    }
    return *sure || found >= 2;
}

/* The only candidate between the found hunks around it. */
static void choose_by_order(aire_placing *p)
{
    long *next = p->scratch; /* where the next found one begins */
    size_t before = 0;
    bool has_before = false, sure;
    if (!in_order(p, &sure))
        return;
    next[p->count] = LONG_MAX;
    for (size_t i = p->count; i-- > 0;)
        next[i] = is_found(p, i) ? (long)p->places[i].first : next[i + 1];
    for (size_t i = 0; i < p->count; i++) {
        size_t hit = SIZE_MAX, hits = 0;
        bool bounded = sure || (has_before && next[i + 1] != LONG_MAX);
        for (size_t k = 0; is_open(p, i) && bounded && k < p->choices[i].count; k++) {
            size_t at = places_of(p, i)[k];
            if ((has_before && at < before) || (long)at >= next[i + 1])
                continue;
            hit = at;
            hits++;
        }
        if (hits == 1 && !p->choices[i].more)
            settle_found(p, i, hit, true);
        if (is_found(p, i)) {
            before = p->places[i].last;
            has_before = true;
        }
    }
}

/* The first candidate beyond line `from`; SIZE_MAX if there is none. */
static size_t first_from(const aire_placing *p, size_t i, size_t from)
{
    for (size_t k = 0; k < p->choices[i].count; k++)
        if (places_of(p, i)[k] >= from)
            return places_of(p, i)[k];
    return SIZE_MAX;
}

static size_t last_before(const aire_placing *p, size_t i, size_t end)
{
    for (size_t k = p->choices[i].count; k-- > 0;)
        if (places_of(p, i)[k] < end)
            return places_of(p, i)[k];
    return SIZE_MAX;
}

/* Where all hunks can stand in order in one way only, they stand so. */
static void choose_together(aire_placing *p)
{
    bool sure;
    long *early = p->scratch;
    size_t from = 0, end = SIZE_MAX;
    if (!in_order(p, &sure) || !sure)
        return;
    for (size_t i = 0; i < p->count; i++) {
        size_t at = is_open(p, i) && !p->choices[i].more ? first_from(p, i, from) : SIZE_MAX;
        early[i] = at == SIZE_MAX ? -1 : (long)at;
        if (is_found(p, i))
            from = p->places[i].first + 1;
        else if (at != SIZE_MAX)
            from = at + 1;
    }
    for (size_t i = p->count; i-- > 0;) {
        size_t late = SIZE_MAX;
        if (is_open(p, i) && !p->choices[i].more)
            late = last_before(p, i, end);
        if (late != SIZE_MAX && (long)late == early[i])
            settle_found(p, i, late, true);
        if (is_found(p, i))
            end = p->places[i].first;
        else if (late != SIZE_MAX)
            end = late;
    }
}

/* ---- what stands nowhere line by line ---- */

/* Whether no other line around is as like a removed line as the one that it was matched with. */
static bool is_only_like(aire_placing *p, const aire_side *side, const aire_place *place, size_t k)
{
    enum { AROUND = 8 };
    const aire_line *wanted = &aire__side_line(side, k)->line;
    double likeness = aire__fold_likeness(wanted, &p->text->lines.items[place->map[k]], NULL);
    size_t from = place->first > AROUND ? place->first - AROUND : 0;
    for (size_t line = from; line < place->last + AROUND && line < p->text->lines.count; line++) {
        bool taken = false;
        for (size_t n = 0; n < side->count; n++)
            taken = taken || place->map[n] == line;
        if (!taken &&
            aire__fold_likeness(wanted, &p->text->lines.items[line], NULL) > likeness - 0.1)
            return false;
        p->text->effort += 64 + side->count;
    }
    return true;
}

static bool removed_lines_are_sure(aire_placing *p, size_t i)
{
    const aire_side *side = &p->sides[i];
    const aire_place *place = &p->places[i];
    for (size_t k = 0; k < side->count; k++) {
        if (aire__side_line(side, k)->op != '-')
            continue;
        if (place->map[k] == SIZE_MAX)
            return false;
        if (side->keys[k] != p->text->keys[place->map[k]] && !is_only_like(p, side, place, k))
            return false;
    }
    return true;
}

static bool tells(const aire_side *side, size_t k)
{
    return aire__line_weight(&aire__side_line(side, k)->line) >= 0.7;
}

/* Whether the text has a line of a side, but for a slip of one character; or a comment that is much
 * like it. */
static bool is_same_line(const aire_placing *p, size_t i, size_t k)
{
    size_t edits, line = p->places[i].map[k];
    if (line == SIZE_MAX)
        return false;
    if (p->text->keys[line] == p->sides[i].keys[k])
        return true;
    const aire_line *there = &p->text->lines.items[line];
    double likeness = aire__fold_likeness(&aire__side_line(&p->sides[i], k)->line, there, &edits);
    return likeness >= 0.9 && (edits <= 1 || aire__line_is_comment(there));
}

/* Whether kept lines [from, to) of a side are the text's: where several of them tell something, one
 * at least is the same. */
static bool are_backed(const aire_placing *p, size_t i, size_t from, size_t to)
{
    size_t telling = 0, same = 0;
    for (size_t k = from; k < to; k++) {
        telling += tells(&p->sides[i], k);
        same += tells(&p->sides[i], k) && is_same_line(p, i, k);
    }
    return telling < 2 || same > 0;
}

/* Whether lines of the text stand behind both what is kept in front of all changes and what is kept
 * after them: a place that is like it on one side only may be another. */
static bool is_backed(const aire_placing *p, size_t i)
{
    const aire_hunk *hunk = hunk_of(p, i);
    const aire_hunk_line *lines = p->edits->lines + hunk->first;
    size_t before = 0, after = 0;
    while (before < hunk->count && lines[before].op == ' ')
        before++;
    while (after < hunk->count && lines[hunk->count - 1 - after].op == ' ')
        after++;
    size_t count = p->sides[i].count;
    return are_backed(p, i, 0, before) && are_backed(p, i, count - after, count);
}

/* Whether old lines [from, to), of which some change, stand together in one place only. */
static bool is_only_part(aire_placing *p, size_t i, size_t from, size_t to)
{
    aire_side part = p->sides[i];
    size_t places[AIRE_PLACES_MAX];
    int grade;
    bool more, changes = false;
    size_t begin = from ? part.at[from] : 0;
    size_t end = to < part.count ? part.at[to] : hunk_of(p, i)->count;
    for (size_t n = begin; n < end; n++)
        changes = changes || part.lines[n].op != ' ';
    if (!changes)
        return true;
    part.core = from;
    part.core_end = to;
    return aire__find_contiguous(p->text, &part, places, &grade, &more) <= 1 && !more;
}

/* A hunk that leaves out some lines of the text is two: what each changes has to be clear. */
static bool parts_are_sure(aire_placing *p, size_t i)
{
    enum { GAP_MIN = 2 };
    const aire_side *side = &p->sides[i];
    const size_t *map = p->places[i].map;
    size_t from = 0;
    bool parted = false;
    for (size_t k = 1; k <= side->count; k++) {
        bool gap = false;
        if (k < side->count && map[k] != SIZE_MAX && map[k - 1] != SIZE_MAX) {
            size_t between = 0;
            for (size_t line = map[k - 1] + 1; line < map[k] && between < GAP_MIN; line++)
                between += p->text->keys[line] != AIRE_KEY_BLANK;
            gap = between >= GAP_MIN;
        }
        parted = parted || gap;
        if ((gap || (k == side->count && parted)) && !is_only_part(p, i, from, k))
            return false;
        from = gap ? k : from;
    }
    return true;
}

/* Whether an answer breaks off in the hunk's last line: what comes after it is not known. */
static bool is_cut(const aire_placing *p, size_t i)
{
    const aire_side *side = &p->sides[i];
    const aire_lines *answer = &p->edits->text;
    if (!p->edits->answer || side->count == 0 || answer->count == 0)
        return false;
    const aire_line *end = &answer->items[answer->count - 1];
    const aire_line *last = &aire__side_line(side, side->count - 1)->line;
    size_t line = p->places[i].map[side->count - 1];
    if (line == SIZE_MAX && side->count > 1 && p->places[i].map[side->count - 2] != SIZE_MAX)
        line = p->places[i].map[side->count - 2] + 1;
    if (end->full > end->length || last->text + last->length != end->text + end->length ||
        line >= p->text->lines.count)
        return false;
    const aire_line *there = &p->text->lines.items[line];
    return last->length > 0 && there->length > last->length && !aire__fold_equal(last, there) &&
           aire__fold_begins(there, last);
}

/* The place that a refusal shows. */
static aire_status find_nearest(aire_placing *p, size_t i)
{
    aire_place *place = &p->places[i];
    aire_alignment found;
    aire_status status;
    if (aire__align(p->text, &p->sides[i], -1, true, place->map, &found, &status)) {
        place->state = AIRE_PLACE_DOUBTFUL;
        place->first = found.first;
        place->last = found.last;
    }
    return status;
}

static aire_status place_loosely(aire_placing *p, size_t i)
{
    aire_place *place = &p->places[i];
    aire_alignment found;
    aire_status status;
    size_t header;
    long hint = numbered_place(p, i, 0, &header) ? (long)header : -1;
    if (!aire__align(p->text, &p->sides[i], hint, false, place->map, &found, &status))
        return status == AIRE_OK ? find_nearest(p, i) : status;
    place->first = found.first;
    place->last = found.last;
    place->state = AIRE_PLACE_DOUBTFUL;
    double margin = found.score - found.second;
    double needed =
        MARGIN_PART * found.weight > MARGIN_MIN ? MARGIN_PART * found.weight : MARGIN_MIN;
    bool believed = found.score >= SCORE_MIN * found.weight && margin >= needed &&
                    (found.exact >= EXACT_MIN || found.score >= 0.95 * found.weight);
    /* Where its header says, less will do. */
    if (found.first == (size_t)hint && found.score >= SCORE_THERE * found.weight &&
        margin >= MARGIN_THERE && found.exact > 0)
        believed = true;
    if (believed && removed_lines_are_sure(p, i) && is_backed(p, i) && parts_are_sure(p, i) &&
        !is_cut(p, i)) {
        place->state = AIRE_PLACE_FOUND;
        place->how = AIRE_PLACED_FUZZY;
        place->confidence = 0.9 * found.score / found.weight;
    }
    return AIRE_OK;
}

/* ---- what is there already ---- */

static bool adds_something(const aire_side *side)
{
    for (size_t k = 0; k < side->count; k++) {
        const aire_hunk_line *line = aire__side_line(side, k);
        if (line->op == '+' && aire__line_weight(&line->line) >= 0.7)
            return true;
    }
    return false;
}

/* Kept lines that tell something, in front of all changes and behind. */
static bool is_framed(const aire_hunk *hunk, const aire_side *side)
{
    return side->count >= 2 && side->lines[0].op == ' ' && side->lines[hunk->count - 1].op == ' ' &&
           aire__line_weight(&aire__side_line(side, 0)->line) >= 0.7 &&
           aire__line_weight(&aire__side_line(side, side->count - 1)->line) >= 0.7;
}

/* Whether the text has what the hunk would make of it; near where it was placed, if it was. */
static aire_status find_present(aire_placing *p, size_t i)
{
    const aire_hunk *hunk = hunk_of(p, i);
    aire_place *place = &p->places[i];
    size_t *at = aire__calloc(p->ctx, hunk->count + 1, sizeof *at), places[AIRE_PLACES_MAX];
    uint64_t *keys = aire__calloc(p->ctx, hunk->count + 1, sizeof *keys);
    aire_status status = at && keys ? AIRE_OK : aire__fail_nomem();
    if (status == AIRE_OK) {
        aire_side side;
        int grade;
        bool more, known = place->state == AIRE_PLACE_FOUND;
        aire__side_make(p->edits, hunk, '-', at, keys, &side);
        size_t count = aire__find_contiguous(p->text, &side, places, &grade, &more);
        size_t length = side.core_end - side.core;
        bool adds = adds_something(&side);
        bool tells = adds || (hunk->changes > 0 && is_framed(hunk, &side));
        for (size_t k = 0; k < count && tells; k++) {
            bool apart = places[k] >= place->last || places[k] + length <= place->first;
            if (known && apart && !(place->how == AIRE_PLACED_FUZZY && grade < 2 && adds))
                continue;
            place->state = AIRE_PLACE_PRESENT;
            place->how = AIRE_PLACED_PRESENT;
            place->confidence = 0.95;
            place->first = places[k];
            place->last = places[k] + length;
            break;
        }
    }
    aire_free(p->ctx, at);
    aire_free(p->ctx, keys);
    return status;
}

/* A hunk whose old lines end where it adds some would add them again if they follow already. */
static bool ends_open(const aire_placing *p, size_t i)
{
    const aire_hunk *hunk = hunk_of(p, i);
    const aire_hunk_line *lines = p->edits->lines + hunk->first;
    if (hunk->count == 0 || hunk->changes == 0 || hunk->old_lines + hunk->changes != hunk->count)
        return false;
    return lines[0].op == '+' || lines[hunk->count - 1].op == '+';
}

/* Make all lines of the hunks findable. */
static aire_status index_hunks(aire_placing *p)
{
    size_t count = 0;
    for (size_t i = 0; i < p->count; i++)
        count += hunk_of(p, i)->count;
    uint64_t *keys = aire__calloc(p->ctx, count + 1, sizeof *keys);
    if (!keys)
        return aire__fail_nomem();
    count = 0;
    for (size_t i = 0; i < p->count; i++)
        for (size_t n = 0; n < hunk_of(p, i)->count; n++)
            keys[count++] = aire__fold_key(&p->edits->lines[hunk_of(p, i)->first + n].line);
    aire_status status = aire__text_index(p->text, keys, count);
    aire_free(p->ctx, keys);
    return status;
}

/* Hunks at the very place that they name may still have been applied before. */
static aire_status find_repeated(aire_placing *p)
{
    aire_status status = AIRE_OK;
    for (size_t i = 0; i < p->count && status == AIRE_OK; i++) {
        if (!ends_open(p, i) || p->places[i].last >= p->text->lines.count)
            continue;
        if (!p->text->keys)
            status = index_hunks(p);
        if (status == AIRE_OK)
            status = find_present(p, i);
    }
    return status;
}

/* ---- the whole ---- */

static aire_status place_rest(aire_placing *p, bool sequel)
{
    aire_status status = AIRE_OK;
    for (size_t i = 0; i < p->count && status == AIRE_OK; i++) {
        aire_place *place = &p->places[i];
        if (place->state == AIRE_PLACE_NONE && !sequel)
            status = place_loosely(p, i);
        bool unsure = place->state == AIRE_PLACE_NONE || place->state == AIRE_PLACE_DOUBTFUL ||
                      (place->state == AIRE_PLACE_FOUND && place->how == AIRE_PLACED_FUZZY) ||
                      (place->state == AIRE_PLACE_FOUND && ends_open(p, i));
        if (status == AIRE_OK && unsure)
            status = find_present(p, i);
    }
    return status;
}

static aire_status place_freely(aire_placing *p, bool sequel)
{
    aire_status status = index_hunks(p);
    for (size_t i = 0; i < p->count && status == AIRE_OK; i++) {
        if (hunk_of(p, i)->changes == 0)
            p->places[i].state = AIRE_PLACE_NOTHING;
        else
            status = find_choices(p, i);
    }
    if (status == AIRE_OK)
        status = find_copies(p);
    if (status != AIRE_OK)
        return status;
    for (size_t i = 0; i < p->count; i++)
        if (is_open(p, i))
            choose_by_section(p, i);
    choose_by_numbers(p);
    choose_by_order(p);
    choose_together(p);
    return place_rest(p, sequel);
}

static aire_status prepare(aire_placing *p)
{
    size_t total = 0;
    for (size_t i = 0; i < p->count; i++)
        total += hunk_of(p, i)->old_lines;
    p->sides = aire__calloc(p->ctx, p->count + 1, sizeof *p->sides);
    p->places = aire__calloc(p->ctx, p->count + 1, sizeof *p->places);
    p->choices = aire__calloc(p->ctx, p->count + 1, sizeof *p->choices);
    p->old_at = aire__calloc(p->ctx, total + 1, sizeof *p->old_at);
    p->old_keys = aire__calloc(p->ctx, total + 1, sizeof *p->old_keys);
    p->map = aire__calloc(p->ctx, total + 1, sizeof *p->map);
    p->scratch = aire__calloc(p->ctx, p->count + 1, sizeof *p->scratch);
    if (!p->scratch || !p->sides || !p->places || !p->choices || !p->old_at || !p->old_keys ||
        !p->map)
        return aire__fail_nomem();
    total = 0;
    for (size_t i = 0; i < p->count; i++) {
        aire__side_make(p->edits, hunk_of(p, i), '+', p->old_at + total, p->old_keys + total,
                        &p->sides[i]);
        p->places[i].map = p->map + total;
        total += p->sides[i].count;
    }
    return AIRE_OK;
}

aire_status aire__place_hunks(aire_ctx *ctx, aire_text *text, const aire_edits *edits,
                              const size_t *hunks, size_t count, bool sequel, aire_placing *out)
{
    *out = (aire_placing){.ctx = ctx, .text = text, .edits = edits, .hunks = hunks, .count = count};
    aire_status status = prepare(out);
    bool strict = status == AIRE_OK && !sequel && place_strictly(out);
    out->verbatim = strict && !edits->answer;
    if (strict && edits->answer)
        status = find_repeated(out);
    if (status == AIRE_OK && !strict)
        status = place_freely(out, sequel);
    if (status != AIRE_OK)
        aire__placing_free(out);
    return status;
}

void aire__placing_free(aire_placing *p)
{
    void *blocks[] = {p->sides,   p->places,   p->choices, p->old_at,
                      p->scratch, p->old_keys, p->map,     p->candidates};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        aire_free(p->ctx, blocks[i]);
    *p = (aire_placing){.ctx = p->ctx};
}
