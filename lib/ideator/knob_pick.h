/* Which knobs to turn, for each kind of plan. */
#ifndef AIRE_IDEATOR_KNOB_PICK_H
#define AIRE_IDEATOR_KNOB_PICK_H

#include "base/rng.h"
#include "ideator/settings.h"

/* A setting that was tried, or is to be avoided. */
typedef struct aire_trial {
    const aire_turn *turns;
    int64_t idea_id;
    bool is_parent; /* with a reward, so that it can be built on */
    double reward;
} aire_trial;

/* What a pick starts from. */
typedef struct aire_knob_pool {
    const aire_env *env;
    size_t max_changes;
    const aire_trial *trials;
    size_t trial_count;
} aire_knob_pool;

/* Where a setting came from. */
typedef struct aire_pick {
    const char *how;              /* in words */
    const aire_trial *parents[2]; /* NULL where there is none */
} aire_pick;

/*
 * Fill `turns` by the kind of plan (AIRE_PLAN_*); `order` is scratch of knob_count places. The
 * setting may be one that was tried already: the caller looks, and picks again.
 */
void aire__knob_pick(const aire_knob_pool *pool, int32_t kind, aire_rng *rng, size_t *order,
                     aire_turn *turns, aire_pick *out);

#endif
