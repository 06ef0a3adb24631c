/*
 * Where the hunks of a file belong: by what their lines are. Numbers in headers, names of functions
 * and the order of hunks only decide among equals.
 */
#ifndef AIRE_PATCH_PLACE_H
#define AIRE_PATCH_PLACE_H

#include "aire/patch.h"
#include "patch/edits.h"
#include "patch/text.h"

/* The side of a hunk that a file should have: its kept and removed lines, or its kept and added
 * ones. */
typedef struct aire_side {
    const aire_hunk_line *lines; /* of the hunk */
    size_t *at;                  /* the side's lines among them */
    uint64_t *keys;
    size_t count;
    size_t core, core_end; /* without blank kept lines at both ends */
} aire_side;

typedef enum aire_place_state {
    AIRE_PLACE_NONE,      /* nowhere */
    AIRE_PLACE_AMBIGUOUS, /* in several places alike */
    AIRE_PLACE_DOUBTFUL,  /* one place is like it, but not enough, or another is, too */
    AIRE_PLACE_BARE,      /* it has no old lines to find */
    AIRE_PLACE_FOUND,
    AIRE_PLACE_PRESENT, /* what it would make is there already */
    AIRE_PLACE_NOTHING  /* it changes nothing, or is the same as one before it */
} aire_place_state;

typedef struct aire_place {
    aire_place_state state;
    int32_t how; /* AIRE_PLACED_* */
    double confidence;
    size_t *map;        /* the file's line for each old line of the hunk; SIZE_MAX: none */
    size_t first, last; /* file lines between which it stands: [first, last) */
    size_t other;       /* ambiguous: a second place */
} aire_place;

typedef struct aire_placing {
    aire_ctx *ctx;
    aire_text *text;
    const aire_edits *edits;
    const size_t *hunks; /* among those of the edits */
    size_t count;
    aire_side *sides;   /* old sides, by hunk */
    aire_place *places; /* by hunk */
    size_t *old_at, *map;
    uint64_t *old_keys;
    size_t *candidates; /* places where a hunk fits, of all hunks */
    size_t candidate_count, candidate_capacity;
    struct aire_choice *choices; /* by hunk */
    bool verbatim; /* right as it is, and nothing that a model has copied: no line is restyled */
    long *scratch; /* by hunk, and one more */
} aire_placing;

/*
 * Find the places of some hunks in a text. `sequel`: the text is what other hunks have made, so
 * that only exact places count. AIRE_OK (see the states), AIRE_NOMEM.
 */
aire_status aire__place_hunks(aire_ctx *ctx, aire_text *text, const aire_edits *edits,
                              const size_t *hunks, size_t count, bool sequel, aire_placing *out);
void aire__placing_free(aire_placing *placing);

/* A side of a hunk, in arrays that have room for its lines. */
void aire__side_make(const aire_edits *edits, const aire_hunk *hunk, char left_out, size_t *at,
                     uint64_t *keys, aire_side *out);
static inline const aire_hunk_line *aire__side_line(const aire_side *side, size_t k)
{
    return &side->lines[side->at[k]];
}

/* ---- for the parts of the room ---- */

enum { AIRE_PLACES_MAX = 64 };

/* Places where all of a side's core stands line by line, the whole in order; at most
 * AIRE_PLACES_MAX. Where lines are the same to the letter, those where they are not do not count;
 * *grade is 0 for such, 1 where white space at ends differs, 2 where more does. */
size_t aire__find_contiguous(aire_text *text, const aire_side *side, size_t *places, int *grade,
                             bool *more);

/* How a side aligns best with a text where lines may be missing, added or slightly changed. */
typedef struct aire_alignment {
    double score;  /* 1: all lines are there */
    double second; /* of the best other place */
    double weight; /* of all lines: what the scores are parts of */
    size_t exact;  /* lines of some weight that fold alike */
    size_t first, last;
} aire_alignment;

/* Writes the file's lines to `map`. `nearest`: only to show it; removed lines may be missing. False
 * if there is no place like it. AIRE_NOMEM is told by *status. */
bool aire__align(aire_text *text, const aire_side *side, long hint, bool nearest, size_t *map,
                 aire_alignment *out, aire_status *status);

#endif
