/* Turning knobs in the code: where each is, which exclude each other, and the patch of a setting.
 */
#ifndef AIRE_IDEATOR_KNOB_EDIT_H
#define AIRE_IDEATOR_KNOB_EDIT_H

#include "base/rng.h"
#include "ideator/settings.h"

/* A piece of a baseline file, and what replaces it. */
typedef struct aire_knob_edit {
    const aire_env_file *file;
    size_t offset, length;
    const char *text; /* NULL: the number in `number` */
    char number[AIRE_NUMBER_MAX];
} aire_knob_edit;

typedef struct aire_knob_edits {
    aire_ctx *ctx; /* borrowed */
    aire_knob_edit *edits;
    size_t count, capacity;
} aire_knob_edits;

void aire__knob_edits_free(aire_knob_edits *edits);

/*
 * The edits of a setting. Knobs that would change the same piece of a file exclude each other: one
 * of them, drawn at random, stays turned, and the others are turned back in `turns`. AIRE_OK,
 * AIRE_NOMEM, AIRE_FORMAT (a place that the environment does not have exactly once).
 */
aire_status aire__knob_edits_of(aire_ctx *ctx, const aire_env *env, aire_rng *rng, aire_turn *turns,
                                aire_knob_edits *out);

/* Those edits as a unified diff. *out is from aire_alloc, owned by caller. */
aire_status aire__knob_diff(aire_knob_edits *edits, const aire_env *env, char **out);

/* Whether each place that a knob turns is there: AIRE_OK, AIRE_FORMAT naming the knob, or
 * AIRE_UNSUPPORTED if there is none. */
aire_status aire__knobs_check(aire_ctx *ctx, const aire_env *env);

#endif
