/*
 * The evolutionary search of arXiv 2601.14525, section 4.
 *
 * The schedule is fixed by the options: plan number p of the store belongs to an epoch and is of a
 * kind. What is sampled for it depends on a generator made from (seed, p), and on results that are
 * all told before an epoch begins, taken in the order of their numbers: so neither the order in
 * which results arrive nor a restart changes a decision.
 */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/options.h"
#include "base/str.h"
#include "searcher/past.h"
#include "searcher/searcher.h"
#include "store/store.h"

typedef struct evolution {
    aire_ctx *ctx;     /* borrowed from the handle */
    aire_store *store; /* borrowed from the handle */
    int32_t epochs, epoch_size, batch, exploit_sample, explore_sample;
    uint64_t seed;
    aire_past past;
} evolution;

aire_status aire_searcher_evolution_options_init(aire_searcher_evolution_options *options,
                                                 size_t size)
{
    return aire__options_init(options, size, sizeof *options, sizeof *options,
                              "aire_searcher_evolution_options");
}

/* ---- the schedule ---- */

/* Plans of an epoch that exploit: the share grows by a tenth every second epoch, from a half to
 * four fifths. */
static int32_t exploit_plans(const evolution *s, int32_t epoch)
{
    if (epoch == 0)
        return 0;
    int32_t tenths = 5 + epoch / 2 < 8 ? 5 + epoch / 2 : 8;
    return (int32_t)((int64_t)s->epoch_size * tenths / 10) / s->batch;
}

/* Both parts are whole batches: where the batch does not divide them, the epoch has fewer ideas, as
 * in the paper. */
static int32_t epoch_plans(const evolution *s, int32_t epoch)
{
    int32_t exploit = exploit_plans(s, epoch);
    return exploit + (s->epoch_size - exploit * s->batch) / s->batch;
}

typedef struct slot {
    int32_t epoch;
    int32_t place; /* in the epoch, from 0 */
    bool exploits;
} slot;

/* Where plan number `plan` (from 0) belongs; false beyond the last. */
static bool find_slot(const evolution *s, int64_t plan, slot *out)
{
    for (int32_t epoch = 0; epoch < s->epochs; epoch++) {
        int32_t plans = epoch_plans(s, epoch);
        if (plan < plans) {
            *out = (slot){epoch, (int32_t)plan, plan < exploit_plans(s, epoch)};
            return true;
        }
        plan -= plans;
    }
    return false;
}

/* ---- what was told ---- */

/* A result that the store does not have says nothing, as a plan could not name it. An idea that
 * answers no plan of the store is the host's own, of no epoch, as it is when it is recalled. */
static aire_status tell(aire_result *result, void *user_data)
{
    evolution *s = user_data;
    aire_idea *idea = aire_result_idea(result);
    aire_plan *plan = aire_result_plan(result);
    bool is_own = !plan || aire_plan_id(plan) == 0;
    aire_told facts = {.run_id = aire_result_run_id(result),
                       .kind = aire_result_kind(result),
                       .epoch = is_own ? -1 : aire_plan_epoch(plan),
                       .idea_id = idea ? aire_idea_id(idea) : 0};
    if (aire_result_reward(result, &facts.reward) != AIRE_OK)
        facts.reward = NAN;
    return facts.run_id > 0 ? aire__past_add(&s->past, &facts, result) : AIRE_OK;
}

static aire_status recall(const aire_told *facts, void *user_data)
{
    evolution *s = user_data;
    return aire__past_add(&s->past, facts, NULL);
}

/* ---- plans ---- */

static aire_status sample(evolution *s, const slot *at, int64_t plan, int32_t kind,
                          aire_result ***parents, size_t *count)
{
    int32_t wanted = kind == AIRE_PLAN_EXPLOIT ? s->exploit_sample : s->explore_sample;
    aire_rng rng;
    aire__rng_init(&rng, s->seed, "evolution", (uint64_t)plan);
    return aire__past_sample(&s->past, at->epoch, kind, &rng, (size_t)wanted, parents, count);
}

/* The kind of the plan, and its parents. Nothing to exploit: explore; nothing to explore: fresh. */
static aire_status choose_parents(evolution *s, const slot *at, int64_t plan, int32_t *kind,
                                  aire_result ***parents, size_t *count)
{
    aire_status status = AIRE_OK;
    *count = 0;
    *kind = at->epoch == 0 ? AIRE_PLAN_FRESH : at->exploits ? AIRE_PLAN_EXPLOIT : AIRE_PLAN_EXPLORE;
    if (*kind == AIRE_PLAN_EXPLOIT) {
        status = sample(s, at, plan, *kind, parents, count);
        if (status == AIRE_OK && *count == 0)
            *kind = AIRE_PLAN_EXPLORE;
    }
    if (status == AIRE_OK && *kind == AIRE_PLAN_EXPLORE) {
        status = sample(s, at, plan, *kind, parents, count);
        if (status == AIRE_OK && *count == 0)
            *kind = AIRE_PLAN_FRESH;
    }
    return status;
}

static aire_status make_plan(evolution *s, const slot *at, int64_t plan, aire_plan **out)
{
    aire_plan_options options = AIRE_PLAN_OPTIONS_INIT;
    aire_result **parents = NULL;
    aire_idea **avoid = NULL;
    aire_status status =
        choose_parents(s, at, plan, &options.kind, &parents, &options.parent_count);
    /* The plans of this epoch before this one are the newest in the store. */
    if (status == AIRE_OK)
        status = aire__searcher_ideas(s->ctx, s->store, plan - at->place + 1, plan, &avoid,
                                      &options.avoid_count);
    options.epoch = at->epoch;
    options.count = s->batch;
    options.parents = parents;
    options.avoid = avoid;
    if (status == AIRE_OK)
        status = aire_plan_new(s->ctx, &options, out);
    aire__ideas_drop(s->ctx, avoid, options.avoid_count);
    aire_free(s->ctx, parents);
    return status;
}

/* ---- the barrier ---- */

/* Whether an epoch has to wait for a run: for all but its own ideas and confirming runs. */
static bool is_awaited(int32_t kind, const aire_idea *idea, int32_t epoch)
{
    aire_plan *plan = idea ? aire_idea_plan(idea) : NULL;
    return kind != AIRE_RUN_CONFIRM &&
           !(kind == AIRE_RUN_IDEA && plan && aire_plan_epoch(plan) == epoch);
}

static aire_status look_for_awaited(const evolution *s, int32_t epoch, bool *found)
{
    aire_run *runs = NULL;
    aire_results *untold = NULL;
    size_t count = 0;
    *found = false;
    /* In this order: a run that finishes in between is seen twice, not missed. */
    aire_status status = aire__store_unfinished(s->store, &runs, &count);
    if (status == AIRE_OK)
        status = aire__store_untold(s->store, &untold);
    for (size_t i = 0; i < count; i++) {
        *found |= is_awaited(runs[i].kind, runs[i].idea, epoch);
        aire__run_clear(&runs[i]);
    }
    for (size_t i = 0; status == AIRE_OK && i < aire_results_count(untold); i++) {
        aire_result *result = aire_results_get(untold, i);
        *found |= is_awaited(aire_result_kind(result), aire_result_idea(result), epoch);
    }
    aire_results_unref(untold);
    aire_free(s->ctx, runs);
    return status;
}

/* Whether all that an epoch decides on was told. Counting answers, unless others run as well. */
static aire_status is_settled(const evolution *s, int32_t epoch, const aire_store_counts *counts,
                              bool *settled)
{
    int64_t ideas, ours, all = counts->runs_waiting + counts->runs_finished - counts->runs_told;
    bool awaited = false;
    aire_status status = aire__store_epoch(s->store, epoch, &ideas, &ours);
    if (status == AIRE_OK && all != ours)
        status = look_for_awaited(s, epoch, &awaited);
    *settled = !awaited;
    return status;
}

static aire_status ask(aire_plan **out, void *user_data)
{
    evolution *s = user_data;
    aire_store_counts counts = {.struct_size = sizeof counts};
    slot at;
    bool settled = true;
    aire_status status = aire_store_count(s->store, &counts);
    if (status != AIRE_OK)
        return status;
    if (!find_slot(s, counts.plans, &at))
        return AIRE_DONE;
    if (at.epoch > 0)
        status = is_settled(s, at.epoch, &counts, &settled);
    if (status != AIRE_OK)
        return status;
    return settled ? make_plan(s, &at, counts.plans, out) : AIRE_EMPTY;
}

/* ---- making it ---- */

static void destroy(void *user_data)
{
    evolution *s = user_data;
    aire__past_clear(&s->past);
    aire_free(s->ctx, s);
}

static int32_t or_default(int32_t value, int32_t otherwise)
{
    return value ? value : otherwise;
}

static aire_status check(const aire_searcher_evolution_options *o)
{
    const struct {
        const char *name;
        int32_t value;
    } rows[] = {{"epochs", o->epochs},
                {"epoch_size", o->epoch_size},
                {"batch", o->batch},
                {"exploit_sample", o->exploit_sample},
                {"explore_sample", o->explore_sample}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].value < 0)
            return aire__fail(AIRE_INVALID, "evolution: %s is %d, expected 0 (the default) or more",
                              rows[i].name, rows[i].value);
    return AIRE_OK;
}

aire_status aire_searcher_evolution_new(aire_ctx *ctx, aire_store *store,
                                        const aire_searcher_evolution_options *options,
                                        aire_searcher **out)
{
    static const aire_searcher_ops ops = {sizeof ops, 0, ask, tell, NULL, NULL, NULL, destroy};
    aire_searcher_evolution_options given;
    if (!ctx || !store || !out)
        return aire__fail(AIRE_INVALID,
                          "aire_searcher_evolution_new: ctx, store and out must not be NULL");
    *out = NULL;
    aire_status status = aire__options_take(options, &given, sizeof given, sizeof given,
                                            "aire_searcher_evolution_options");
    if (status == AIRE_OK)
        status = check(&given);
    if (status != AIRE_OK)
        return status;
    evolution *s = aire__calloc(ctx, 1, sizeof *s);
    if (!s)
        return aire__fail_nomem();
    s->ctx = ctx;
    s->store = store;
    aire__past_init(&s->past, ctx, store);
    s->epochs = or_default(given.epochs, 10);
    s->epoch_size = or_default(given.epoch_size, 80);
    s->batch = or_default(given.batch, 10);
    if (s->batch > s->epoch_size)
        s->batch = s->epoch_size;
    s->exploit_sample = or_default(given.exploit_sample, 100);
    s->explore_sample = or_default(given.explore_sample, 100);
    s->seed = given.seed ? given.seed : aire_ctx_seed(ctx);
    char *text = aire__asprintf(
        ctx, "epochs=%d epoch_size=%d batch=%d exploit_sample=%d explore_sample=%d seed=%llu",
        s->epochs, s->epoch_size, s->batch, s->exploit_sample, s->explore_sample,
        (unsigned long long)s->seed);
    status = text ? aire__searcher_make(ctx, store, "evolution", text, &ops, recall, s, out)
                  : aire__fail_nomem();
    aire_free(ctx, text);
    if (status != AIRE_OK)
        destroy(s);
    return status;
}
