/* What runs came to and used, out of results and the store: what other runs are compared with. */
#ifndef AIRE_EXECUTOR_MEASURES_H
#define AIRE_EXECUTOR_MEASURES_H

#include "executor/local.h"
#include "executor/plausible.h"

/* Processor time of the run stage, seconds; 0 if there was none. */
double aire__cpu_of(const aire_usage *usage, size_t count);

/* The manifest's metric among those of a result. */
bool aire__find_metric(const aire_env *env, const aire_metric *metrics, size_t count, double *out);

/* What a result says of its run; false if it has not the manifest's metric. */
bool aire__measure_result(const aire_env *env, const aire_result *result, aire_measured *out);

/* The finished runs that have the metric, those of the baseline only if they are good; `kind` 0 and
 * `variant` NULL: any. *out from aire_alloc. */
aire_status aire__measures_read(aire_local *l, int32_t kind, int64_t idea_id, const char *variant,
                                aire_measured **out, size_t *count);

/* Set t->cpu_ms by the manifest's budget and what the baseline has used so far. */
aire_status aire__grant_cpu(aire_local *l, aire_try *t);

#endif
