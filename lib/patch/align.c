/*
 * Aligning a hunk's lines with a text where some are missing, added or slightly changed: places
 * that its rare lines vote for, and in each of them the alignment of the highest score, by dynamic
 * programming in a band.
 */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/str.h"
#include "patch/place.h"

enum {
    COMMON_LINE =
        64, /* a line that stands in more places tells nothing about where a hunk belongs */
    VOTES_MAX = 4096,
    TRIED_MAX = 6, /* at least; more where others have nearly as many votes */
    TRIED_LIMIT = 32,
    LINES_MAX = 4000,
    SLIP_MAX = 3, /* characters that are wrong by a slip */
    SLACK_MIN = 6,
    SLACK_MAX = 48
};

#define KEPT_GONE 0.5  /* of its weight: a kept line that the text does not have */
#define EXTRA_LINE 0.4 /* a line of the text that the hunk does not have */
#define OTHER_LINE 0.5 /* a kept line that is much like it, but another */
#define BLANK_GAP 0.02
#define KEPT_LIKE 0.6 /* likeness of lines that may be the same */
#define REMOVED_LIKE 0.8
#define CLOSE_LIKE 0.9
#define NEVER (-1e9)

typedef enum step { STEP_START, STEP_MATCH, STEP_GONE, STEP_EXTRA } step;

typedef struct band {
    aire_text *text;
    const aire_side *side;
    long low;     /* line of the text less line of the side, at the band's beginning */
    size_t width; /* of the band */
    double *score, *before;
    uint8_t *steps;      /* (count + 1) rows */
    bool nearest;        /* removed lines may be missing, too */
    const size_t *taken; /* matches of lines beside changes that may not be made again; or NULL */
} band;

typedef struct cluster {
    long low, high;
    size_t votes;
} cluster;

/* ---- votes ---- */

static int compare_longs(const void *a, const void *b)
{
    long x = *(const long *)a, y = *(const long *)b;
    return x < y ? -1 : x > y;
}

/* Each line of the side votes for where the side's first line would stand. */
static size_t collect_votes(const aire_text *text, const aire_side *side, long *votes)
{
    size_t count = 0;
    for (size_t k = 0; k < side->count; k++) {
        size_t line;
        if (side->keys[k] == AIRE_KEY_BLANK ||
            aire__text_find(text, side->keys[k], &line) > COMMON_LINE)
            continue;
        for (; line != SIZE_MAX && count < VOTES_MAX; line = aire__text_next(text, line))
            votes[count++] = (long)line - (long)k;
    }
    qsort(votes, count, sizeof *votes, compare_longs);
    return count;
}

static int compare_clusters(const void *a, const void *b)
{
    const cluster *x = a, *y = b;
    if (x->votes != y->votes)
        return x->votes > y->votes ? -1 : 1;
    return x->low < y->low ? -1 : x->low > y->low;
}

/* Votes that lie close together are for one place. The best come first. */
static size_t group_votes(const long *votes, size_t count, long slack, cluster *groups)
{
    size_t made = 0;
    for (size_t i = 0; i < count; i++) {
        cluster *last = made ? &groups[made - 1] : NULL;
        if (last && votes[i] - last->low <= slack) {
            last->high = votes[i];
            last->votes++;
        } else {
            groups[made++] = (cluster){votes[i], votes[i], 1};
        }
    }
    qsort(groups, made, sizeof *groups, compare_clusters);
    return made;
}

/* ---- one band ---- */

/* Whether an old line is removed, or stands beside a change. */
static bool is_at_change(const aire_side *side, size_t i)
{
    size_t at = side->at[i];
    if (aire__side_line(side, i)->op == '-')
        return true;
    bool above = i > 0 ? side->at[i - 1] + 1 != at : at > 0;
    bool below = i + 1 < side->count && side->at[i + 1] != at + 1;
    return above || below || (i > 0 && aire__side_line(side, i - 1)->op == '-') ||
           (i + 1 < side->count && aire__side_line(side, i + 1)->op == '-');
}

static double match_score(band *b, size_t i, size_t line)
{
    if (b->taken && b->taken[i] == line && is_at_change(b->side, i))
        return NEVER;
    const aire_hunk_line *wanted = aire__side_line(b->side, i);
    const aire_line *there = &b->text->lines.items[line];
    double weight = aire__line_weight(&wanted->line);
    if (b->side->keys[i] == b->text->keys[line])
        return aire__line_equal(&wanted->line, there) ? weight : 0.97 * weight;
    if (b->side->keys[i] == AIRE_KEY_BLANK || b->text->keys[line] == AIRE_KEY_BLANK)
        return NEVER;
    b->text->effort += 64;
    size_t edits;
    double likeness = aire__fold_likeness(&wanted->line, there, &edits);
    if (wanted->op == '-')
        return likeness >= REMOVED_LIKE && edits <= SLIP_MAX &&
                       aire__same_digits(&wanted->line, there)
                   ? weight * (2 * likeness - 1)
                   : NEVER;
    if (likeness < KEPT_LIKE)
        return NEVER;
    /* A word or number in the place of another is another line, but for comments, which are told
     * again. */
    bool slip = edits <= SLIP_MAX && aire__same_digits(&wanted->line, there);
    return slip || aire__line_is_comment(there) ? weight * (2 * likeness - 1.1)
                                                : -OTHER_LINE * weight;
}

static double gone_cost(const band *b, size_t i)
{
    const aire_hunk_line *line = aire__side_line(b->side, i);
    if (line->op == '-' && !b->nearest)
        return -NEVER;
    if (b->side->keys[i] == AIRE_KEY_BLANK)
        return BLANK_GAP;
    return KEPT_GONE * aire__line_weight(&line->line) * (line->loose ? 0.6 : 1);
}

static double extra_cost(const band *b, size_t line)
{
    return b->text->keys[line] == AIRE_KEY_BLANK
               ? BLANK_GAP
               : EXTRA_LINE * aire__line_weight(&b->text->lines.items[line]);
}

/* Row `i` is about the side's first i lines; column c about the text's lines before i + low + c. */
static void fill_row(band *b, size_t i)
{
    uint8_t *steps = b->steps + i * b->width;
    double *swap = b->before;
    b->before = b->score;
    b->score = swap;
    for (size_t c = 0; c < b->width; c++) {
        long line = (long)i + b->low + (long)c; /* the next of the text */
        double best = NEVER;
        step how = STEP_START;
        if (line < 0 || (size_t)line > b->text->lines.count) {
            b->score[c] = NEVER;
            continue;
        }
        if (i == 0) {
            b->score[c] = 0;
            continue;
        }
        if (line > 0 && b->before[c] > NEVER / 2) {
            best = b->before[c] + match_score(b, i - 1, (size_t)line - 1);
            how = STEP_MATCH;
        }
        if (c + 1 < b->width && b->before[c + 1] - gone_cost(b, i - 1) > best) {
            best = b->before[c + 1] - gone_cost(b, i - 1);
            how = STEP_GONE;
        }
        if (i < b->side->count && c > 0 && line > 0 &&
            b->score[c - 1] - extra_cost(b, (size_t)line - 1) > best) {
            best = b->score[c - 1] - extra_cost(b, (size_t)line - 1);
            how = STEP_EXTRA;
        }
        b->score[c] = best < NEVER / 2 ? NEVER : best;
        steps[c] = (uint8_t)how;
    }
}

static void trace_back(const band *b, size_t c, size_t *map)
{
    for (size_t i = b->side->count; i > 0;) {
        switch ((step)b->steps[i * b->width + c]) {
        case STEP_MATCH:
            map[i - 1] = (size_t)((long)i + b->low + (long)c - 1);
            i--;
            break;
        case STEP_GONE:
            map[i - 1] = SIZE_MAX;
            i--;
            c++;
            break;
        case STEP_EXTRA:
            c--;
            break;
        default:
            return;
        }
    }
}

/* The best alignment whose band is the cluster and some lines around it. */
static double align_in(band *b, const cluster *at, long slack, size_t *map)
{
    b->low = at->low - slack;
    b->width = (size_t)(at->high - at->low + 2 * slack + 1);
    for (size_t i = 0; i <= b->side->count; i++)
        fill_row(b, i);
    b->text->effort += b->width * b->side->count;
    size_t best = 0;
    for (size_t c = 1; c < b->width; c++)
        if (b->score[c] > b->score[best])
            best = c;
    if (b->score[best] <= 0)
        return 0;
    trace_back(b, best, map);
    return b->score[best];
}

/* ---- the whole ---- */

static void measure(const aire_text *text, const aire_side *side, const size_t *map,
                    aire_alignment *out)
{
    out->first = SIZE_MAX;
    out->last = out->exact = 0;
    for (size_t k = 0; k < side->count; k++) {
        if (map[k] == SIZE_MAX)
            continue;
        out->first = out->first == SIZE_MAX ? map[k] : out->first;
        out->last = map[k] + 1;
        const aire_line *there = &text->lines.items[map[k]];
        out->exact +=
            side->keys[k] != AIRE_KEY_BLANK && aire__line_weight(there) >= 0.7 &&
            (side->keys[k] == text->keys[map[k]] ||
             aire__fold_likeness(&aire__side_line(side, k)->line, there, NULL) >= CLOSE_LIKE);
    }
}

/* The score of the best alignment in the cluster that changes other lines. */
static double align_otherwise(band *b, const cluster *at, long slack, const size_t *best,
                              size_t *map)
{
    b->taken = best;
    double score = align_in(b, at, slack, map);
    b->taken = NULL;
    return score;
}

static void keep_best(const aire_text *text, const aire_side *side, const size_t *map, double score,
                      size_t *best_map, aire_alignment *out)
{
    aire_alignment one = {0};
    measure(text, side, map, &one);
    bool same = out->score > 0 && one.first < out->last && out->first < one.last;
    if (score > out->score) {
        out->second = same || out->score < out->second ? out->second : out->score;
        out->score = score;
        out->first = one.first;
        out->last = one.last;
        out->exact = one.exact;
        memcpy(best_map, map, side->count * sizeof *map);
    } else if (!same && score > out->second) {
        out->second = score;
    }
}

/* How many of the groups may hold the best place. */
static size_t count_likely(const cluster *groups, size_t count)
{
    size_t likely = 0;
    while (likely < count && (likely < TRIED_MAX || 4 * groups[likely].votes >= 3 * groups->votes))
        likely++;
    return likely;
}

static void try_clusters(band *b, const cluster *groups, size_t count, long slack, size_t *map,
                         size_t *best_map, aire_alignment *out)
{
    size_t likely = count_likely(groups, count);
    size_t tried = likely < TRIED_LIMIT ? likely : TRIED_LIMIT;
    for (size_t i = 0; i < tried; i++) {
        if (!aire__text_spend(b->text, 1))
            return;
        for (size_t k = 0; k < b->side->count; k++)
            map[k] = SIZE_MAX;
        double score = align_in(b, &groups[i], slack, map);
        if (score > 0)
            keep_best(b->text, b->side, map, score, best_map, out);
    }
    for (size_t i = 0; i < tried && out->score > 0 && !b->nearest; i++) {
        if (!aire__text_spend(b->text, 1))
            return;
        double score = align_otherwise(b, &groups[i], slack, best_map, map);
        out->second = score > out->second ? score : out->second;
    }
    if (tried < likely) /* which of so many is the best, nobody knows */
        out->second = out->score;
}

bool aire__align(aire_text *text, const aire_side *side, long hint, bool nearest, size_t *map,
                 aire_alignment *out, aire_status *status)
{
    aire_ctx *ctx = text->ctx;
    band b = {.text = text, .side = side, .nearest = nearest};
    long slack = SLACK_MIN + (long)side->count / 8;
    slack = slack < SLACK_MAX ? slack : SLACK_MAX;
    size_t width = 3 * (size_t)slack + 2;
    *out = (aire_alignment){0};
    *status = AIRE_OK;
    if (side->count == 0 || side->count > LINES_MAX || text->lines.count == 0)
        return false;
    long *votes = aire__calloc(ctx, VOTES_MAX + 1, sizeof *votes);
    cluster *groups = aire__calloc(ctx, VOTES_MAX + 1, sizeof *groups);
    size_t *one = aire__calloc(ctx, side->count, sizeof *one);
    b.score = aire__calloc(ctx, width, sizeof *b.score);
    b.before = aire__calloc(ctx, width, sizeof *b.before);
    b.steps = aire__calloc(ctx, (side->count + 1) * width, 1);
    if (votes && groups && one && b.score && b.before && b.steps) {
        size_t count = collect_votes(text, side, votes);
        if (hint >= 0 && count == 0)
            votes[count++] = hint;
        size_t made = group_votes(votes, count, slack, groups);
        for (size_t k = 0; k < side->count; k++)
            out->weight += aire__line_weight(&aire__side_line(side, k)->line);
        try_clusters(&b, groups, made, slack, one, map, out);
    } else {
        *status = aire__fail_nomem();
    }
    void *blocks[] = {votes, groups, one, b.score, b.before, b.steps};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        aire_free(ctx, blocks[i]);
    return out->score > 0;
}
