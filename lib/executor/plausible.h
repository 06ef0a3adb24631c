/*
 * Whether a metric is plausible, by the manifest's rules: a function of what was measured.
 *
 * What breaks a rule need not be wrong. So it is looked at again, on another seed: what cannot be
 * (too little work, no effect of the seed) has to be gone then, what is only surprising (a large
 * gain) has to be there again.
 */
#ifndef AIRE_EXECUTOR_PLAUSIBLE_H
#define AIRE_EXECUTOR_PLAUSIBLE_H

#include "env/env.h"

/* What one run came to. */
typedef struct aire_measured {
    uint64_t seed;
    double metric;
    double cpu_s; /* of its run stage */
} aire_measured;

typedef struct aire_measures {
    const aire_measured *items;
    size_t count;
} aire_measures;

typedef struct aire_suspicion {
    int32_t cause; /* AIRE_CAUSE_*; AIRE_CAUSE_NONE: there is none */
    char text[256];
} aire_suspicion;

/* The processor time that half of them need at most: a slow moment of the machine does not count. 0
 * for none. */
double aire__plausible_median_cpu(aire_measures m);

/* `others` are runs of the same variant. Rules that need a baseline say nothing without one. */
void aire__plausible_judge(const aire_env *env, const aire_measured *it, aire_measures baselines,
                           aire_measures others, aire_suspicion *out);

/* Whether a re-run on another seed clears a run of its suspicion; *out then is as it was, else it
 * says what is left of it. */
bool aire__plausible_clears(const aire_env *env, const aire_measured *it,
                            const aire_measured *again, aire_measures baselines,
                            aire_suspicion *out);

#endif
