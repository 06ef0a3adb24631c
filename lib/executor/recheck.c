/*
 * What becomes of a result that is not plausible: a re-run on a fresh seed, at once, on the lease
 * that the run has. A process that dies meanwhile leaves the run unfinished, so that it is run
 * again, and finds its re-run in the store.
 */
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "base/rng.h"
#include "executor/local.h"
#include "executor/measures.h"

/* ---- what it is compared with ---- */

typedef struct compared {
    aire_measured *baselines, *others;
    size_t baseline_count, other_count;
} compared;

static aire_status read_compared(aire_local *l, const aire_try *t, compared *c)
{
    aire_status status =
        aire__measures_read(l, AIRE_RUN_BASELINE, 0, NULL, &c->baselines, &c->baseline_count);
    if (status == AIRE_OK)
        status = aire__measures_read(l, 0, aire_idea_id(t->run->idea), t->variant, &c->others,
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

static bool is_known_seed(const aire_try *t, uint64_t seed)
{
    const aire_env *env = t->shop->env;
    bool known = seed == 0 || seed == t->run->seed || seed == env->seed;
    for (size_t i = 0; i < env->baseline_seed_count; i++)
        known = known || seed == env->baseline_seeds[i];
    return known;
}

/* Of the run and its files, and none that the run or the baseline had. Nothing shows what it is
 * for: a variant that knows its seed, and guesses at the number of its run, lacks that of the
 * context. */
static uint64_t fresh_seed(const aire_try *t)
{
    aire_rng rng;
    uint64_t seed;
    aire__rng_init(&rng, aire_ctx_seed(t->shop->ctx), t->variant, (uint64_t)t->run->id);
    do {
        seed = aire__rng_below(&rng, 1000000);
    } while (is_known_seed(t, seed));
    return seed;
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
                      .cpu_ms = t->cpu_ms,
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

/* The worse of both counts: a variant that knows its usual seed has nothing of it. */
static aire_status settle_cleared(aire_try *t, const aire_suspicion *suspicion,
                                  const aire_result *again, const aire_measured *measured)
{
    double reward;
    aire_status status = aire_result_reward(again, &reward);
    if (status == AIRE_OK && reward < t->ending.verdict.reward)
        status = aire__take_metrics(t, again);
    if (status != AIRE_OK)
        return status;
    return aire__settle(t, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE,
                        "looked %s: %s; cleared by run %lld on seed %llu, which came to %.9g: the "
                        "worse of both counts",
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
    if (outcome != AIRE_OUTCOME_OK || !aire__measure_result(t->shop->env, again, &measured))
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
                        .cpu_s = aire__cpu_of(t->ending.usage, t->ending.usage_count)};
    aire_suspicion suspicion;
    compared c = {0};
    if (t->ending.outcome != AIRE_OUTCOME_OK || !t->run->idea || !has_rules(env) ||
        !aire__find_metric(env, verdict->metrics, verdict->metric_count, &it.metric))
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
