/* The settings that a plan knows of, and those that are proposed for it. */
#ifndef AIRE_IDEATOR_KNOB_TRIALS_H
#define AIRE_IDEATOR_KNOB_TRIALS_H

#include "ideator/knob_pick.h"

typedef struct aire_trials {
    aire_ctx *ctx;       /* borrowed */
    const aire_env *env; /* borrowed */
    aire_turn *turns;    /* one setting for each trial, then those of the ideas that are made */
    aire_trial *trials;  /* parents, ideas to avoid, ideas made */
    size_t count;
} aire_trials;

/* Take up those of a plan's parents and ideas to avoid whose settings can be read, with room for as
 * many more as it wants. Free with aire__trials_free, also on failure. AIRE_OK, AIRE_NOMEM. */
aire_status aire__trials_open(aire_trials *trials, aire_ctx *ctx, const aire_env *env,
                              const aire_plan *plan);
void aire__trials_free(aire_trials *trials);

/* Where the next setting is written; aire__trials_keep makes it a trial. */
aire_turn *aire__trials_next(const aire_trials *trials);
void aire__trials_keep(aire_trials *trials);

/* Whether the next setting turns anything, and is none of those before. */
bool aire__trials_is_new(const aire_trials *trials);

#endif
