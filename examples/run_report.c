/* aire-run: what became of the idea, stage by stage. */
#include <stdlib.h>
#include <string.h>

#include "run.h"

/* ---- what stages write ---- */

void run_logs_init(run_logs *logs)
{
    memset(logs, 0, sizeof *logs);
    pthread_mutex_init(&logs->lock, NULL);
}

void run_logs_free(run_logs *logs)
{
    for (int i = 0; i < RUN_STAGES; i++)
        free(logs->stages[i].text);
    pthread_mutex_destroy(&logs->lock);
}

/* Keep the end: what is new pushes out what is oldest. */
static void keep(run_logs *logs, int32_t stage, const char *data, size_t length)
{
    char *text = logs->stages[stage].text;
    size_t have = logs->stages[stage].length;
    if (!text && !(text = logs->stages[stage].text = malloc(RUN_LOG_MAX)))
        return;
    if (length > RUN_LOG_MAX) {
        data += length - RUN_LOG_MAX;
        length = RUN_LOG_MAX;
    }
    size_t drop = have + length > RUN_LOG_MAX ? have + length - RUN_LOG_MAX : 0;
    logs->stages[stage].cut |= drop > 0;
    memmove(text, text + drop, have - drop);
    memcpy(text + have - drop, data, length);
    logs->stages[stage].length = have - drop + length;
}

void run_logs_take(int64_t run_id, int32_t stage, const char *data, size_t length, void *user_data)
{
    run_logs *logs = user_data;
    pthread_mutex_lock(&logs->lock);
    if ((logs->run_id == 0 || run_id == logs->run_id) && stage >= 0 && stage < RUN_STAGES)
        keep(logs, stage, data, length);
    pthread_mutex_unlock(&logs->lock);
}

static void print_logs(run_logs *logs)
{
    pthread_mutex_lock(&logs->lock);
    for (int32_t stage = 0; stage < RUN_STAGES; stage++) {
        size_t length = logs->stages[stage].length;
        if (length == 0)
            continue;
        tool_heading("what %s wrote%s", aire_stage_name(stage),
                     logs->stages[stage].cut ? " (the end of it)" : "");
        host_print(logs->stages[stage].text, length, NULL);
    }
    pthread_mutex_unlock(&logs->lock);
}

/* ---- the result ---- */

static void print_patch(aire_ctx *ctx, const aire_env *env, aire_store *store,
                        const aire_result *result)
{
    aire_patch *patch = aire_result_patch(result);
    if (patch) {
        tool_heading("the patch, as it was placed");
        print_placement(ctx, env, store, result);
        tool_print(aire_patch_text(patch));
    } else if (aire_result_stage(result) == AIRE_STAGE_IMPLEMENT) {
        tool_heading("the patch is refused");
        tool_print(aire_result_detail(result));
    }
}

static void print_usage(const aire_result *result)
{
    for (size_t i = 0; i < aire_result_usage_count(result); i++) {
        const aire_usage *u = aire_result_usage(result, i);
        printf("%-9s %8.2f s, processor %.2f s, memory %lld MB\n", aire_stage_name(u->stage),
               (double)u->wall_ms / 1000, (double)(u->user_ms + u->system_ms) / 1000,
               (long long)(u->max_rss_bytes >> 20));
    }
}

static void print_verdict(const aire_env *env, const aire_result *result)
{
    double reward;
    for (size_t i = 0; i < aire_result_metric_count(result); i++) {
        const aire_metric *metric = aire_result_metric(result, i);
        printf("%s = %.6g%s\n", metric->name, metric->value,
               strcmp(metric->name, aire_env_metric(env)) ? "" : "   (the metric)");
    }
    if (aire_result_reward(result, &reward) == AIRE_OK)
        printf("reward = %.6g (%s)\n", reward, aire_trust_name(aire_result_trust(result)));
    else
        puts("no reward");
}

void report_result(aire_ctx *ctx, const aire_env *env, aire_store *store, const aire_result *result,
                   run_logs *logs)
{
    int32_t outcome = aire_result_outcome(result);
    print_patch(ctx, env, store, result);
    print_logs(logs);
    tool_heading("result: %s", aire_outcome_name(outcome));
    if (outcome != AIRE_OUTCOME_OK)
        printf("stage %s, cause %s, code %d\n", aire_stage_name(aire_result_stage(result)),
               aire_cause_name(aire_result_cause(result)), (int)aire_result_code(result));
    if (*aire_result_detail(result) && aire_result_stage(result) != AIRE_STAGE_IMPLEMENT)
        tool_print(aire_result_detail(result));
    print_usage(result);
    print_verdict(env, result);
}

int code_of(const aire_result *result)
{
    if (aire_result_outcome(result) == AIRE_OUTCOME_OK)
        return TOOL_OK;
    if (aire_result_outcome(result) == AIRE_OUTCOME_CANCELLED)
        return TOOL_INTERRUPTED;
    if (aire_result_outcome(result) == AIRE_OUTCOME_INFRA_FAILED)
        return TOOL_FAILED;
    if (aire_result_outcome(result) == AIRE_OUTCOME_NO_METRIC ||
        aire_result_outcome(result) == AIRE_OUTCOME_SUSPECT)
        return RUN_NO_METRIC;
    switch (aire_result_stage(result)) {
    case AIRE_STAGE_NONE:
    case AIRE_STAGE_IMPLEMENT:
        return RUN_NO_PATCH;
    case AIRE_STAGE_BUILD:
        return RUN_BUILD;
    case AIRE_STAGE_SMOKE:
    case AIRE_STAGE_RUN:
        return RUN_RUN;
    default:
        return RUN_NO_METRIC;
    }
}
