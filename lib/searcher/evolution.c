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

#include "aire/stats.h"
#include "base/fail.h"
#include "base/options.h"
#include "base/rng.h"
#include "base/str.h"
#include "searcher/searcher.h"
#include "store/store.h"

/* Results that were told, in the order of their numbers; references. */
typedef struct told_list {
    aire_result **items;
    size_t count, capacity;
} told_list;

typedef struct evolution {
    aire_ctx *ctx;     /* borrowed from the handle */
    aire_store *store; /* borrowed from the handle */
    int32_t epochs, epoch_size, batch, exploit_sample, explore_sample;
    uint64_t seed;
    told_list ideas;     /* failures included */
    told_list baselines; /* those with a reward */
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

static int64_t number_of(const aire_result *result)
{
    aire_idea *idea = aire_result_idea(result);
    return idea ? aire_idea_id(idea) : aire_result_run_id(result);
}

/* By number, so that the order of the tells does not show. The store has one run of kind IDEA for
 * an idea, so none comes twice. */
static aire_status keep(evolution *s, told_list *list, aire_result *result)
{
    if (!aire__grow(s->ctx, &list->items, &list->capacity, list->count + 1, sizeof(aire_result *)))
        return aire__fail_nomem();
    size_t at = list->count++;
    for (; at > 0 && number_of(list->items[at - 1]) > number_of(result); at--)
        list->items[at] = list->items[at - 1];
    list->items[at] = aire_result_ref(result);
    return AIRE_OK;
}

/* Confirming runs say how sure a reward is, not which ideas there are: they change nothing; nor
 * does what is not in the store, as a plan could not name it. */
static aire_status tell(aire_result *result, void *user_data)
{
    evolution *s = user_data;
    double reward;
    if (aire_result_run_id(result) <= 0 || number_of(result) <= 0)
        return AIRE_OK;
    if (aire_result_kind(result) == AIRE_RUN_IDEA && aire_result_idea(result))
        return keep(s, &s->ideas, result);
    if (aire_result_kind(result) == AIRE_RUN_BASELINE &&
        aire_result_reward(result, &reward) == AIRE_OK)
        return keep(s, &s->baselines, result);
    return AIRE_OK;
}

static void drop_list(aire_ctx *ctx, told_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        aire_result_unref(list->items[i]);
    aire_free(ctx, list->items);
}

/* The mean reward of the baseline; without one, less than any reward. */
static aire_status mean_baseline(const evolution *s, double *mean)
{
    aire_summary summary = {.struct_size = sizeof summary};
    double *rewards = aire__calloc(s->ctx, s->baselines.count + 1, sizeof *rewards);
    aire_status status = rewards ? AIRE_OK : aire__fail_nomem();
    for (size_t i = 0; status == AIRE_OK && i < s->baselines.count; i++)
        status = aire_result_reward(s->baselines.items[i], &rewards[i]);
    if (status == AIRE_OK)
        status = aire_stats_summary(rewards, s->baselines.count, &summary);
    *mean = status == AIRE_OK ? summary.mean : -INFINITY;
    aire_free(s->ctx, rewards);
    return status == AIRE_EMPTY ? AIRE_OK : status;
}

/* ---- samples ---- */

static int32_t epoch_of(const aire_result *result)
{
    aire_plan *plan = aire_result_plan(result);
    return plan ? aire_plan_epoch(plan) : -1; /* an idea of the host's own belongs to the past */
}

/* The past results that a kind of plan may show; `pool` has room for all. */
static aire_status make_pool(const evolution *s, int32_t epoch, int32_t kind, aire_result **pool,
                             size_t *count)
{
    double reward, least = -INFINITY;
    aire_status status = kind == AIRE_PLAN_EXPLOIT ? mean_baseline(s, &least) : AIRE_OK;
    *count = 0;
    for (size_t i = 0; status == AIRE_OK && i < s->ideas.count; i++) {
        aire_result *result = s->ideas.items[i];
        bool fits = kind == AIRE_PLAN_EXPLORE ||
                    (aire_result_reward(result, &reward) == AIRE_OK && reward > least);
        if (fits && epoch_of(result) < epoch)
            pool[(*count)++] = result;
    }
    return status;
}

/* A uniform sample of such results, without replacement; *parents from aire_alloc, borrowed
 * entries. */
static aire_status sample(const evolution *s, int32_t epoch, int64_t plan, int32_t kind,
                          aire_result ***parents, size_t *count)
{
    size_t all = s->ideas.count + 1, n = 0;
    size_t wanted = (size_t)(kind == AIRE_PLAN_EXPLOIT ? s->exploit_sample : s->explore_sample);
    aire_result **pool = aire__calloc(s->ctx, all, sizeof(aire_result *));
    aire_result **chosen = aire__calloc(s->ctx, all, sizeof(aire_result *));
    size_t *order = aire__calloc(s->ctx, all, sizeof *order);
    aire_status status = pool && chosen && order ? AIRE_OK : aire__fail_nomem();
    if (status == AIRE_OK)
        status = make_pool(s, epoch, kind, pool, &n);
    if (status == AIRE_OK) {
        aire_rng rng;
        aire__rng_init(&rng, s->seed, "evolution", (uint64_t)plan);
        *count = wanted < n ? wanted : n;
        aire__rng_sample(&rng, order, n, *count);
        for (size_t i = 0; i < *count; i++)
            chosen[i] = pool[order[i]];
    }
    if (status == AIRE_OK && *count > 0)
        *parents = chosen;
    else
        aire_free(s->ctx, chosen);
    aire_free(s->ctx, pool);
    aire_free(s->ctx, order);
    return status;
}

/* ---- plans ---- */

/* The kind of the plan, and its parents. Nothing to exploit: explore; nothing to explore: fresh. */
static aire_status choose_parents(const evolution *s, const slot *at, int64_t plan, int32_t *kind,
                                  aire_result ***parents, size_t *count)
{
    aire_status status = AIRE_OK;
    *count = 0;
    *kind = at->epoch == 0 ? AIRE_PLAN_FRESH : at->exploits ? AIRE_PLAN_EXPLOIT : AIRE_PLAN_EXPLORE;
    if (*kind == AIRE_PLAN_EXPLOIT) {
        status = sample(s, at->epoch, plan, *kind, parents, count);
        if (status == AIRE_OK && *count == 0)
            *kind = AIRE_PLAN_EXPLORE;
    }
    if (status == AIRE_OK && *kind == AIRE_PLAN_EXPLORE) {
        status = sample(s, at->epoch, plan, *kind, parents, count);
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
    drop_list(s->ctx, &s->ideas);
    drop_list(s->ctx, &s->baselines);
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
    status = text ? aire__searcher_make(ctx, store, "evolution", text, &ops, s, out)
                  : aire__fail_nomem();
    aire_free(ctx, text);
    if (status != AIRE_OK)
        destroy(s);
    return status;
}
