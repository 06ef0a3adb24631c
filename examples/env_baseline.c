/* aire-env: the unpatched environment, on a few seeds. */
#include <stdlib.h>
#include <string.h>

#include "env.h"

enum { TAIL_LINES = 12 };

/* The last lines of a log. */
static void print_tail(const char *log)
{
    const char *at = log + strlen(log);
    for (int lines = 0; at > log && lines <= TAIL_LINES; at--)
        lines += at[-1] == '\n';
    at += at > log;
    host_print(at, strlen(at), "    | ");
}

static void print_usage(const aire_result *result)
{
    for (size_t i = 0; i < aire_result_usage_count(result); i++) {
        const aire_usage *u = aire_result_usage(result, i);
        printf("%s %s %.2f s, %lld MB", i ? "," : "", aire_stage_name(u->stage),
               (double)u->wall_ms / 1000, (long long)(u->max_rss_bytes >> 20));
    }
}

static void take_result(const aire_env *env, const aire_result *result, baseline *b)
{
    const char *wanted = aire_env_metric(env);
    double value = 0;
    bool found = host_metric(result, wanted, &value);
    printf("seed %llu: ", (unsigned long long)aire_result_seed(result));
    if (aire_result_outcome(result) == AIRE_OUTCOME_OK && found) {
        printf("%s = %.6g;", wanted, value);
        print_usage(result);
        putchar('\n');
        b->metrics[b->count++] = value;
        b->wall_s += host_seconds(result);
        return;
    }
    b->failures++;
    printf("%s at %s: %s\n", aire_outcome_name(aire_result_outcome(result)),
           aire_stage_name(aire_result_stage(result)), aire_cause_name(aire_result_cause(result)));
    host_print(aire_result_detail(result), strlen(aire_result_detail(result)), "    ");
    print_tail(aire_result_log_tail(result));
    tool_hint(env, aire_result_log_tail(result));
}

static aire_status run_all(const tool *t, aire_executor *executor, const aire_env *env, baseline *b)
{
    aire_submit_options options = AIRE_SUBMIT_OPTIONS_INIT;
    aire_status status = AIRE_OK;
    for (long seed = 1; seed <= tool_number(t, "seeds") && status == AIRE_OK; seed++) {
        options.seed = (uint64_t)seed;
        status = aire_executor_submit(executor, NULL, &options, NULL);
    }
    while (status == AIRE_OK || status == AIRE_TIMEOUT) {
        aire_result *result = NULL;
        status = tool_next(executor, &result);
        if (status == AIRE_OK)
            take_result(env, result, b);
        aire_result_unref(result);
    }
    return status == AIRE_EMPTY ? AIRE_OK : status;
}

/* In a store of its own, which nobody needs afterwards. */
static aire_status run_in(const tool *t, aire_ctx *ctx, aire_env *env, const char *directory,
                          baseline *b)
{
    char path[TOOL_PATH + 16];
    aire_executor_options options = AIRE_EXECUTOR_OPTIONS_INIT;
    aire_sandbox *sandbox = NULL;
    aire_store *store = NULL;
    aire_executor *executor = NULL;
    snprintf(path, sizeof path, "%s/check.aire", directory);
    options.workers = (int32_t)tool_number(t, "workers");
    aire_status status = tool_make_sandbox(t, ctx, &sandbox);
    if (status == AIRE_OK)
        status = aire_store_open(ctx, path, NULL, &store);
    if (status == AIRE_OK)
        status = aire_executor_new(ctx, env, sandbox, store, &options, &executor);
    if (status == AIRE_OK)
        status = run_all(t, executor, env, b);
    aire_executor_unref(executor);
    aire_store_unref(store);
    aire_sandbox_unref(sandbox);
    return status;
}

int baseline_run(const tool *t, aire_ctx *ctx, aire_env *env, baseline *out)
{
    char directory[TOOL_PATH];
    *out = (baseline){.metrics = calloc((size_t)tool_number(t, "seeds") + 1, sizeof(double))};
    if (!out->metrics || !tool_make_directory(t, directory))
        return TOOL_FAILED;
    aire_status status = run_in(t, ctx, env, directory, out);
    tool_remove_directory(directory);
    if (out->count)
        out->wall_s /= (double)out->count;
    if (status == AIRE_OK && tool_interrupted())
        return TOOL_INTERRUPTED;
    return status == AIRE_OK ? TOOL_OK : tool_complain(t, "running the baseline");
}

void baseline_free(baseline *b)
{
    free(b->metrics);
    *b = (baseline){0};
}
