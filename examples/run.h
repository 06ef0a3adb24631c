/* aire-run: what its files share. */
#ifndef EXAMPLES_RUN_H
#define EXAMPLES_RUN_H

#include <pthread.h>

#include "tool.h"

/* Exit codes beyond those of all tools: how far the idea came. */
enum {
    RUN_NO_PATCH = 4, /* none, or one that does not apply or is refused */
    RUN_BUILD = 5,
    RUN_RUN = 6,      /* crashed, or met a limit */
    RUN_NO_METRIC = 7 /* ran, but has no value that counts */
};

enum { RUN_STAGES = 8, RUN_LOG_MAX = 1 << 16 };

/* What stages write, the end of it; filled on the executor's threads. */
typedef struct run_logs {
    pthread_mutex_t lock;
    int64_t run_id; /* whose */
    struct {
        char *text; /* RUN_LOG_MAX bytes; NULL: nothing was written */
        size_t length;
        bool cut;
    } stages[RUN_STAGES]; /* by AIRE_STAGE_* */
} run_logs;

void run_logs_init(run_logs *logs);
void run_logs_free(run_logs *logs);
void run_logs_take(int64_t run_id, int32_t stage, const char *data, size_t length, void *logs);

/* A model that shows what it is asked and what it answers, and asks `model`: run_model.c. */
aire_status run_model_new(aire_ctx *ctx, aire_model *model, aire_model **out);

/* Where each change of the patch was placed: run_placement.c. */
void print_placement(aire_ctx *ctx, const aire_env *env, aire_store *store,
                     const aire_result *result);

/* The patch as it was applied or refused, the logs of the stages, the result: run_report.c. */
void report_result(aire_ctx *ctx, const aire_env *env, aire_store *store, const aire_result *result,
                   run_logs *logs);

/* The exit code that says how far it came. */
int code_of(const aire_result *result);

#endif
