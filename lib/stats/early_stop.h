/*
 * Early stopping: whether a run, from the metric that it has reported so far, is hopeless.
 *
 * Median rule (Golovin et al. 2017, section 3.2): at step s a run is stopped if its best value so
 * far is strictly worse than the median, over the complete curves that have begun by s, of the
 * average of their values up to s.
 *
 * ASHA, stopping variant (Li et al. 2020): rungs stand at min_step * eta^k. The first value that a
 * run reports at or after a rung is recorded there (when it passes several at once, at the last of
 * them), and the run goes on only if it is among the best 1/eta of all values recorded there.
 *
 * No I/O and no clock: what is said depends on the reports and their order alone.
 */
#ifndef AIRE_STATS_EARLY_STOP_H
#define AIRE_STATS_EARLY_STOP_H

#include <stdbool.h>
#include <stdint.h>

#include "aire/context.h"

typedef enum aire_stop_rule {
    AIRE_STOP_NEVER = 0,
    AIRE_STOP_MEDIAN = 1,
    AIRE_STOP_ASHA = 2
} aire_stop_rule;

typedef struct aire_stop_options {
    aire_stop_rule rule;
    bool minimize;
    double min_step;  /* nothing is stopped before it, in the unit of the steps; ASHA's first rung,
                         where 0 means 1 */
    int32_t min_runs; /* median: complete curves to compare with; ASHA: values at a rung, the run's
                         own among them; with fewer nothing is stopped. 0: 5 */
    double eta;       /* ASHA: one of eta goes on; > 1; 0: 3 */
} aire_stop_options;

/* Keeps the curves of one executor's runs; not thread-safe. */
typedef struct aire_stopper aire_stopper;

/* *out is owned by caller, free with aire__stopper_free. AIRE_OK, AIRE_INVALID, AIRE_NOMEM. */
aire_status aire__stopper_new(aire_ctx *ctx, const aire_stop_options *options, aire_stopper **out);
void aire__stopper_free(aire_stopper *s);

/*
 * A run reports a value at a step. *stop: the run is hopeless, and stays so. A value that is not
 * finite counts as the worst there is. A step that is not after the run's last one, or not finite,
 * is ignored. AIRE_OK, AIRE_NOMEM (the report is as if it had not been made).
 */
aire_status aire__stopper_report(aire_stopper *s, int64_t run, double step, double value,
                                 bool *stop);

/*
 * A run has ended; only the curves of complete ones inform the median, the latest 1024 of them (or
 * min_runs, if that is more). A later report of the same number begins a new curve. A run that is
 * not known is ignored.
 */
void aire__stopper_finish(aire_stopper *s, int64_t run, bool complete);

#endif
