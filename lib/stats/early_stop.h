/*
 * Whether a run is hopeless, by an intermediate metric: pure functions of the order of reports.
 *
 * Median rule: Golovin et al., "Google Vizier" (KDD 2017), section 3.2.2. A run is stopped at a
 * step if its best value so far is strictly worse than the median of the completed runs' averages
 * up to that step.
 *
 * ASHA: Li et al., "A System for Massively Parallel Hyperparameter Tuning" (arXiv 1810.05934), in
 * its variant that stops instead of promoting. Rungs are at min_step * eta^k; at each, a run goes
 * on only if it is among the best 1/eta of all values that were recorded there so far.
 */
#ifndef AIRE_STATS_EARLY_STOP_H
#define AIRE_STATS_EARLY_STOP_H

#include <stdbool.h>

#include "aire/context.h"

typedef enum aire_stop_rule {
    AIRE_STOP_NEVER = 0,
    AIRE_STOP_MEDIAN = 1,
    AIRE_STOP_ASHA = 2
} aire_stop_rule;

typedef struct aire_stop_options {
    aire_stop_rule rule;
    bool minimize;
    double min_step;  /* nothing is stopped before; above 0 */
    int32_t min_runs; /* to compare with, before anything is stopped; 0: 5 */
    double eta;       /* ASHA's reduction factor, above 1; 0: 3 */
} aire_stop_options;

/* The curves of one executor's runs. Not thread-safe. */
typedef struct aire_stopper aire_stopper;

/* AIRE_OK, AIRE_INVALID, AIRE_NOMEM. */
aire_status aire__stopper_new(aire_ctx *ctx, const aire_stop_options *options, aire_stopper **out);
void aire__stopper_free(aire_stopper *stopper);

/* A run reports a value. Steps grow; others are left out. A value that is not finite is the worst
 * there is. *stop: it is hopeless. AIRE_OK, AIRE_NOMEM. */
aire_status aire__stopper_report(aire_stopper *stopper, int64_t run, double step, double value,
                                 bool *stop);

/* A run has ended: the median is of those that were complete, and of no others. */
void aire__stopper_finish(aire_stopper *stopper, int64_t run, bool complete);

#endif
