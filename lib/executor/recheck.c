/*
 * What becomes of a result that is not plausible: a re-run on a fresh seed, at once, on the lease
 * that the run has. A process that dies meanwhile leaves the run unfinished, so that it is run
 * again, and finds its re-run in the store.
 */
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "base/rng.h"
#include "base/str.h"
#include "executor/local.h"
#include "executor/plausible.h"

/* ---- what was measured ---- */

static double cpu_of(const aire_usage *usage, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (usage[i].stage == AIRE_STAGE_RUN)
            return (double)(usage[i].user_ms + usage[i].system_ms) / 1000;
    return 0;
}

static bool find_metric(const aire_env *env, const aire_metric *metrics, size_t count, double *out)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(metrics[i].name, env->metric.name)) {
            *out = metrics[i].value;
            return true;
        }
    return false;
}

static bool measure_result(const aire_env *env, const aire_result *result, aire_measured *out)
{
    size_t metrics = aire_result_metric_count(result), usage = aire_result_usage_count(result);
    out->seed = aire_result_seed(result);
    out->cpu_s = usage ? cpu_of(aire_result_usage(result, 0), usage) : 0;
    return metrics && find_metric(env, aire_result_metric(result, 0), metrics, &out->metric);
}

/* The finished runs of the baseline, or of an idea, that have the metric; *out from aire_alloc. */
static aire_status read_measures(aire_local *l, int32_t kind, int64_t idea_id, const char *variant,
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
        if (counts && !strcmp(aire_result_variant(result), variant) &&
            measure_result(l->shop.env, result, &items[*count]))
            ++*count;
    }
    aire_results_unref(results);
    *out = items;
    return items ? AIRE_OK : aire__fail_nomem();
}

/* What a run is compared with. */
typedef struct compared {
    aire_measured *baselines, *others;
    size_t baseline_count, other_count;
} compared;

static aire_status read_compared(aire_local *l, const aire_try *t, compared *c)
{
    char baseline[65];
    const aire_patched none = {0};
    aire__variant_hash(l->shop.env, &none, baseline);
    aire_status status =
        read_measures(l, AIRE_RUN_BASELINE, 0, baseline, &c->baselines, &c->baseline_count);
    if (status == AIRE_OK)
        status = read_measures(l, 0, aire_idea_id(t->run->idea), t->variant, &c->others,
                               &c->other_count);
    return status;
}

/* ---- the re-run ---- */

/* Evidence, should the process die before there is a result. */
static void note(aire_local *l, const aire_try *t, const aire_measured *it,
                 const aire_suspicion *suspicion)
{
    json_t *evidence =
        json_pack("{s:s, s:s, s:f, s:f}", "cause", aire_cause_name(suspicion->cause), "detail",
                  suspicion->text, "metric", it->metric, "cpu_s", it->cpu_s);
    char *text = NULL;
    if (evidence && aire__json_dump(l->shop.ctx, evidence, &text) != AIRE_OK)
        text = NULL;
    aire__store_event(l->store, "suspect", t->run->id, text ? text : suspicion->text);
    aire_free(l->shop.ctx, text);
    json_decref(evidence);
}

/* Of the run, and none that it had or that a manifest names. */
static uint64_t fresh_seed(const aire_try *t)
{
    aire_rng rng;
    aire__rng_init(&rng, t->run->seed, "recheck", (uint64_t)t->run->id);
    return ((uint64_t)1 << 32) + (aire__rng_next(&rng) >> 32);
}

static aire_status perform(aire_local *l, aire_try *again, aire_result **out)
{
    aire_status status = aire__store_run_begins(l->store, again->run->id, again->attempt);
    if (status == AIRE_EXISTS)
        return aire__store_result(l->store, again->run->id, out);
    if (status == AIRE_OK)
        status = l->slurm ? aire__slurm_run(again, l->slurm) : aire__stages_run(again);
    if (status == AIRE_OK)
        status = aire__try_result(again, out);
    if (status == AIRE_OK)
        status = aire__store_finish(l->store, *out);
    if (status == AIRE_OK && l->slurm)
        aire__slurm_kept(l->slurm, again->run->id);
    return status;
}

/* Run the same files on another seed; *out is NULL unless AIRE_OK. */
static aire_status run_again(aire_local *l, aire_try *t, aire_result **out)
{
    aire_run run = {0};
    bool is_new;
    *out = NULL;
    aire_status status = aire__store_submit(l->store, t->run->idea, AIRE_RUN_RECHECK, fresh_seed(t),
                                            t->run->priority, &run, &is_new);
    if (status != AIRE_OK)
        return status;
    aire_try again = {.shop = t->shop,
                      .run = &run,
                      .attempt = run.attempts + 1,
                      .cancel = t->cancel,
                      .gpus = t->gpus,
                      .gpu_count = t->gpu_count,
                      .patched = t->patched,
                      .entered = t->entered,
                      .wrote = t->wrote,
                      .data = t->data};
    memcpy(again.variant, t->variant, sizeof again.variant);
    status = perform(l, &again, out);
    again.patched = (aire_patched){0}; /* the first try's */
    aire__try_clear(&again);
    aire__run_clear(&run);
    if (status != AIRE_OK) {
        aire_result_unref(*out);
        *out = NULL;
    }
    return status;
}

/* ---- the verdict ---- */

static aire_status settle_cleared(aire_try *t, const aire_suspicion *suspicion,
                                  const aire_result *again, const aire_measured *measured)
{
    return aire__settle(t, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE,
                        "looked %s: %s; cleared by run %lld on seed %llu, which came to %.9g",
                        aire_cause_name(suspicion->cause), suspicion->text,
                        (long long)aire_result_run_id(again), (unsigned long long)measured->seed,
                        measured->metric);
}

static aire_status decide(aire_try *t, const aire_measured *it, const compared *c,
                          aire_suspicion *suspicion, const aire_result *again)
{
    aire_measured measured;
    long long run = (long long)aire_result_run_id(again);
    int32_t outcome = aire_result_outcome(again);
    if (outcome == AIRE_OUTCOME_VIOLATION)
        return aire__settle(t, outcome, aire_result_cause(again),
                            "looked %s, and its re-run %lld is a violation: %s",
                            aire_cause_name(suspicion->cause), run, aire_result_detail(again));
    if (outcome != AIRE_OUTCOME_OK || !measure_result(t->shop->env, again, &measured))
        return aire__settle(t, AIRE_OUTCOME_SUSPECT, suspicion->cause,
                            "%s; its re-run %lld on another seed ended: %s, %s", suspicion->text,
                            run, aire_outcome_name(outcome), aire_result_detail(again));
    aire_suspicion left = *suspicion;
    if (aire__plausible_clears(t->shop->env, it, &measured,
                               (aire_measures){c->baselines, c->baseline_count}, &left))
        return settle_cleared(t, suspicion, again, &measured);
    return aire__settle(t, AIRE_OUTCOME_SUSPECT, left.cause, "%s (re-run %lld, on seed %llu)",
                        left.text, run, (unsigned long long)measured.seed);
}

static aire_status look_again(aire_local *l, aire_try *t, const aire_measured *it,
                              const compared *c, aire_suspicion *suspicion)
{
    aire_result *again = NULL;
    note(l, t, it, suspicion);
    aire__logf(l->shop.ctx, AIRE_LOG_INFO, "executor", "run %lld is suspect, and run again: %s",
               (long long)t->run->id, suspicion->text);
    aire_status status = run_again(l, t, &again);
    if (status == AIRE_OK)
        status = decide(t, it, c, suspicion, again);
    aire_result_unref(again);
    return status;
}

static bool has_rules(const aire_env *env)
{
    const aire_env_plausible *rule = &env->plausible;
    return rule->min_cpu_s > 0 || rule->min_cpu_share > 0 || rule->max_gain > 0 ||
           rule->seeds_differ;
}

aire_status aire__recheck(aire_local *l, aire_try *t)
{
    const aire_env *env = l->shop.env;
    const aire_env_verdict *verdict = &t->ending.verdict;
    aire_measured it = {.seed = t->run->seed,
                        .cpu_s = cpu_of(t->ending.usage, t->ending.usage_count)};
    aire_suspicion suspicion;
    compared c = {0};
    if (t->ending.outcome != AIRE_OUTCOME_OK || !t->run->idea || !has_rules(env) ||
        !find_metric(env, verdict->metrics, verdict->metric_count, &it.metric))
        return AIRE_OK;
    aire_status status = read_compared(l, t, &c);
    if (status == AIRE_OK)
        aire__plausible_judge(env, &it, (aire_measures){c.baselines, c.baseline_count},
                              (aire_measures){c.others, c.other_count}, &suspicion);
    if (status == AIRE_OK && suspicion.cause != AIRE_CAUSE_NONE)
        status = look_again(l, t, &it, &c, &suspicion);
    aire_free(l->shop.ctx, c.baselines);
    aire_free(l->shop.ctx, c.others);
    return status;
}
