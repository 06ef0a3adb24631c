/* How a command's end becomes an outcome. */
#include <stdarg.h>
#include <string.h>

#include "base/fail.h"
#include "base/str.h"
#include "executor/job.h"

aire_status aire__settle(aire_try *t, int32_t outcome, int32_t cause, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *detail = aire__vasprintf(t->shop->ctx, format, args);
    va_end(args);
    if (!detail)
        return aire__fail_nomem();
    aire_free(t->shop->ctx, t->ending.detail);
    t->ending.detail = detail;
    t->ending.outcome = outcome;
    t->ending.cause = cause;
    return AIRE_OK;
}

/* Limits, whatever the stage. */
static aire_status settle_limit(aire_try *t, int32_t limit)
{
    static const struct {
        int32_t limit, outcome, cause;
        const char *text;
    } rows[] = {
        {AIRE_EXIT_LIMIT_WALL, AIRE_OUTCOME_TIMEOUT, AIRE_CAUSE_WALL_LIMIT, "its time limit"},
        {AIRE_EXIT_LIMIT_CPU, AIRE_OUTCOME_LIMIT, AIRE_CAUSE_CPU_LIMIT,
         "its limit of processor time"},
        {AIRE_EXIT_LIMIT_MEMORY, AIRE_OUTCOME_OUT_OF_MEMORY, AIRE_CAUSE_MEMORY_LIMIT,
         "its memory limit"},
        {AIRE_EXIT_LIMIT_PROCESSES, AIRE_OUTCOME_LIMIT, AIRE_CAUSE_PROCESS_LIMIT,
         "its limit of processes"},
        {AIRE_EXIT_LIMIT_FILE_SIZE, AIRE_OUTCOME_LIMIT, AIRE_CAUSE_FILE_SIZE_LIMIT,
         "its limit of file size"},
        {AIRE_EXIT_LIMIT_DISK, AIRE_OUTCOME_LIMIT, AIRE_CAUSE_DISK_LIMIT,
         "its limit of disk space"},
        {AIRE_EXIT_LIMIT_OPEN_FILES, AIRE_OUTCOME_LIMIT, AIRE_CAUSE_OPEN_FILES_LIMIT,
         "its limit of open files"},
        {AIRE_EXIT_LIMIT_OUTPUT, AIRE_OUTCOME_LIMIT, AIRE_CAUSE_LOG_LIMIT, "its limit of output"},
        {AIRE_EXIT_LIMIT_STOPPED, AIRE_OUTCOME_STOPPED_EARLY, AIRE_CAUSE_EARLY_STOP,
         "the point where it was hopeless"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].limit == limit)
            return aire__settle(t, rows[i].outcome, rows[i].cause, "the %s stage reached %s",
                                aire_stage_name(t->ending.stage), rows[i].text);
    return aire__settle(t, AIRE_OUTCOME_LIMIT, AIRE_CAUSE_NONE, "the %s stage reached a limit",
                        aire_stage_name(t->ending.stage));
}

aire_status aire__settle_exit(aire_try *t, const aire_exit *ended)
{
    int32_t stage = t->ending.stage;
    int32_t outcome = stage == AIRE_STAGE_BUILD ? AIRE_OUTCOME_BUILD_FAILED : AIRE_OUTCOME_CRASHED;
    if (ended->limit)
        return settle_limit(t, ended->limit);
    t->ending.code = ended->signal ? ended->signal : ended->code;
    if (!ended->signal && ended->code == 0)
        return AIRE_OK;
    if (stage == AIRE_STAGE_EVALUATE) /* the variant's data broke the evaluator, or the evaluator is
                                         broken */
        return aire__settle(t, AIRE_OUTCOME_NO_METRIC, AIRE_CAUSE_EVALUATOR,
                            "the evaluation ended with %s %d",
                            ended->signal ? "signal" : "exit code", t->ending.code);
    if (ended->signal)
        return aire__settle(t, outcome, AIRE_CAUSE_SIGNAL,
                            "the %s stage was ended by signal %d (%s)", aire_stage_name(stage),
                            ended->signal, strsignal(ended->signal));
    return aire__settle(t, outcome, AIRE_CAUSE_EXIT_CODE, "the %s stage ended with exit code %d",
                        aire_stage_name(stage), ended->code);
}

/* The metrics of a result, copied; the reward is 0 where it has none. */
static aire_status copy_metrics(aire_ctx *ctx, const aire_result *result, aire_env_verdict *verdict)
{
    size_t count = aire_result_metric_count(result);
    if (aire_result_reward(result, &verdict->reward) != AIRE_OK)
        verdict->reward = 0;
    verdict->metrics = aire__calloc(ctx, count + 1, sizeof *verdict->metrics);
    verdict->detail = aire__strdup(ctx, "");
    if (!verdict->metrics || !verdict->detail)
        return aire__fail_nomem();
    for (size_t i = 0; i < count; i++) {
        const aire_metric *metric = aire_result_metric(result, i);
        char *name = aire__strdup(ctx, metric->name);
        if (!name)
            return aire__fail_nomem();
        verdict->metrics[verdict->metric_count++] = (aire_metric){name, metric->value};
    }
    return AIRE_OK;
}

aire_status aire__take_metrics(aire_try *t, const aire_result *result)
{
    aire_env_verdict verdict = {.outcome = t->ending.verdict.outcome};
    aire_status status = copy_metrics(t->shop->ctx, result, &verdict);
    if (status != AIRE_OK) {
        aire__env_verdict_free(t->shop->env, &verdict);
        return status;
    }
    aire__env_verdict_free(t->shop->env, &t->ending.verdict);
    t->ending.verdict = verdict;
    return AIRE_OK;
}

aire_status aire__try_result(const aire_try *t, aire_result **out)
{
    aire_result_options o = AIRE_RESULT_OPTIONS_INIT;
    aire_patch *patch = NULL;
    aire_status status = AIRE_OK;
    if (t->patched.diff && *t->patched.diff)
        status = aire_patch_new(t->shop->ctx, AIRE_PATCH_UNIFIED, t->patched.diff,
                                strlen(t->patched.diff), &patch);
    if (status != AIRE_OK)
        return status;
    o.kind = t->run->kind;
    o.run_id = t->run->id;
    o.seed = t->run->seed;
    o.idea = t->run->idea;
    o.outcome = t->ending.outcome;
    o.stage = t->ending.stage;
    o.cause = t->ending.cause;
    o.code = t->ending.code;
    o.detail = t->ending.detail;
    o.trust = t->ending.trust;
    o.attempts = t->attempt;
    o.reward = t->ending.verdict.reward;
    o.metrics = t->ending.verdict.metrics;
    o.metric_count = t->ending.verdict.metric_count;
    o.usage = t->ending.usage;
    o.usage_count = t->ending.usage_count;
    o.patch = patch;
    o.variant = t->variant;
    o.log_tail = t->ending.log_tail;
    status = aire_result_new(t->shop->ctx, &o, out);
    aire_patch_unref(patch);
    return status;
}

void aire__ending_clear(aire_try *t)
{
    aire_ctx *ctx = t->shop->ctx;
    aire__env_verdict_free(t->shop->env, &t->ending.verdict);
    aire_free(ctx, t->ending.detail);
    aire_free(ctx, t->ending.log_tail);
    t->ending = (aire_ending){.outcome = AIRE_OUTCOME_OK};
}

void aire__try_clear(aire_try *t)
{
    aire__workspace_remove(t);
    aire__ending_clear(t);
    if (t->patched.ctx)
        aire__patched_free(&t->patched);
}
