/* aire-env: what its files share. */
#ifndef EXAMPLES_ENV_H
#define EXAMPLES_ENV_H

#include "tool.h"

/* The baseline on a few seeds: env_baseline.c. */
typedef struct baseline {
    double *metrics;
    size_t count; /* of those that have a metric */
    size_t failures;
    double wall_s; /* of the runs that ended well, on average */
} baseline;

/* Run it, show each run. TOOL_OK, TOOL_FAILED if it could not be run, or TOOL_INTERRUPTED; a run
 * that fails is counted. */
int baseline_run(const tool *t, aire_ctx *ctx, aire_env *env, baseline *out);
void baseline_free(baseline *b);

/* The requests that a model would get: env_prompts.c. */
typedef struct prompts {
    char *ideas, *patch;
} prompts;

aire_status prompts_make(const tool *t, aire_ctx *ctx, const aire_env *env, prompts *out);
void prompts_free(aire_ctx *ctx, prompts *p);

/* What an epoch of the search costs: time of the runs, tokens, dollars. */
void estimate_epoch(const tool *t, aire_ctx *ctx, const prompts *p, const baseline *b);

/* Write the environment as a directory with an aire.json: env_init.c. */
int environment_write(const tool *t, const aire_env *env, const char *path);

#endif
