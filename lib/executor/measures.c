#include "executor/measures.h"

#include <string.h>

#include "base/fail.h"
#include "base/str.h"

double aire__cpu_of(const aire_usage *usage, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (usage[i].stage == AIRE_STAGE_RUN)
            return (double)(usage[i].user_ms + usage[i].system_ms) / 1000;
    return 0;
}

bool aire__find_metric(const aire_env *env, const aire_metric *metrics, size_t count, double *out)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(metrics[i].name, env->metric.name)) {
            *out = metrics[i].value;
            return true;
        }
    return false;
}

bool aire__measure_result(const aire_env *env, const aire_result *result, aire_measured *out)
{
    size_t metrics = aire_result_metric_count(result), usage = aire_result_usage_count(result);
    out->seed = aire_result_seed(result);
    out->cpu_s = usage ? aire__cpu_of(aire_result_usage(result, 0), usage) : 0;
    return metrics && aire__find_metric(env, aire_result_metric(result, 0), metrics, &out->metric);
}

aire_status aire__measures_read(aire_local *l, int32_t kind, int64_t idea_id, const char *variant,
                                aire_measured **out, size_t *count)
{
    aire_store_query query = AIRE_STORE_QUERY_INIT;
    aire_results *results = NULL;
    query.kind = kind;
    query.idea_id = idea_id;
    aire_status status = aire_store_results(l->store, &query, &results);
    if (status != AIRE_OK)
        return status;
    size_t all = aire_results_count(results);
    aire_measured *items = aire__calloc(l->shop.ctx, all + 1, sizeof *items);
    *count = 0;
    for (size_t i = 0; items && i < all; i++) {
        const aire_result *result = aire_results_get(results, i);
        bool counts = kind != AIRE_RUN_BASELINE || aire_result_outcome(result) == AIRE_OUTCOME_OK;
        if (counts && (!variant || !strcmp(aire_result_variant(result), variant)) &&
            aire__measure_result(l->shop.env, result, &items[*count]))
            ++*count;
    }
    aire_results_unref(results);
    *out = items;
    return items ? AIRE_OK : aire__fail_nomem();
}

aire_status aire__grant_cpu(aire_local *l, aire_try *t)
{
    enum { LEAST_MS = 1000 };
    aire_measured *items = NULL;
    size_t count = 0;
    const double ratio = l->shop.env->cpu_ratio;
    if (ratio <= 0)
        return AIRE_OK;
    aire_status status = aire__measures_read(l, AIRE_RUN_BASELINE, 0, NULL, &items, &count);
    double cpu_ms =
        1000 * ratio *
        (status == AIRE_OK ? aire__plausible_median_cpu((aire_measures){items, count}) : 0);
    if (status == AIRE_OK && count > 0 && cpu_ms < 1e15)
        t->cpu_ms = cpu_ms < LEAST_MS ? LEAST_MS : (int64_t)cpu_ms;
    aire_free(l->shop.ctx, items);
    return status;
}
