/*
 * The evolutionary search of arXiv 2601.14525, section 4.
 *
 * The schedule is fixed by the options: plan number p of the store belongs to an epoch and is of a
 * kind. What is sampled for it depends on results of past epochs alone, and on a generator made
 * from (seed, p): so neither the order in which results of an epoch arrive nor a restart changes a
 * decision.
 */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/options.h"
#include "base/rng.h"
#include "base/str.h"
#include "searcher/searcher.h"
#include "store/store.h"

typedef struct evolution {
    aire_ctx *ctx;     /* borrowed from the handle */
    aire_store *store; /* borrowed from the handle */
    int32_t epochs, epoch_size, batch, exploit_sample, explore_sample;
    uint64_t seed;
    aire_result **told; /* of kind IDEA, by idea; references */
    size_t told_count, told_capacity;
    double baseline_sum;
    size_t baseline_count;
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

/* ---- samples ---- */

static int32_t epoch_of(const aire_result *result)
{
    aire_plan *plan = aire_result_plan(result);
    return plan ? aire_plan_epoch(plan) : -1; /* an idea of the host's own belongs to the past */
}

static bool beats_baseline(const evolution *s, const aire_result *result)
{
    double reward;
    if (aire_result_reward(result, &reward) != AIRE_OK)
        return false;
    return s->baseline_count == 0 || reward > s->baseline_sum / (double)s->baseline_count;
}

/* A uniform sample of past results; *parents from aire_alloc, borrowed entries. */
static aire_status sample(const evolution *s, const slot *at, int64_t plan, bool exploits,
                          aire_result ***parents, size_t *count)
{
    size_t wanted = (size_t)(exploits ? s->exploit_sample : s->explore_sample), n = 0;
    aire_result **pool = aire__calloc(s->ctx, s->told_count + 1, sizeof(aire_result *));
    aire_result **chosen = aire__calloc(s->ctx, s->told_count + 1, sizeof(aire_result *));
    size_t *order = aire__calloc(s->ctx, s->told_count + 1, sizeof *order);
    aire_status status = pool && chosen && order ? AIRE_OK : aire__fail_nomem();
    for (size_t i = 0; status == AIRE_OK && i < s->told_count; i++)
        if (epoch_of(s->told[i]) < at->epoch && (!exploits || beats_baseline(s, s->told[i])))
            pool[n++] = s->told[i];
    if (status == AIRE_OK) {
        aire_rng rng;
        aire__rng_init(&rng, s->seed, "evolution", (uint64_t)plan);
        *count = wanted < n ? wanted : n;
        aire__rng_sample(&rng, order, n, *count);
        for (size_t i = 0; i < *count; i++)
            chosen[i] = pool[order[i]];
        *parents = chosen;
    } else {
        aire_free(s->ctx, chosen);
    }
    aire_free(s->ctx, pool);
    aire_free(s->ctx, order);
    return status;
}

/* The plan for a slot. Nothing to exploit: explore; nothing to explore: fresh. */
static aire_status make_plan(evolution *s, const slot *at, int64_t plan, aire_plan **out)
{
    aire_plan_options options = AIRE_PLAN_OPTIONS_INIT;
    aire_result **parents = NULL;
    aire_idea **avoid = NULL;
    aire_status status = AIRE_OK;
    options.kind = at->epoch == 0 ? AIRE_PLAN_FRESH
                   : at->exploits ? AIRE_PLAN_EXPLOIT
                                  : AIRE_PLAN_EXPLORE;
    if (options.kind == AIRE_PLAN_EXPLOIT) {
        status = sample(s, at, plan, true, &parents, &options.parent_count);
        if (status == AIRE_OK && options.parent_count == 0) {
            aire_free(s->ctx, parents);
            parents = NULL;
            options.kind = AIRE_PLAN_EXPLORE;
        }
    }
    if (status == AIRE_OK && options.kind == AIRE_PLAN_EXPLORE) {
        status = sample(s, at, plan, false, &parents, &options.parent_count);
        if (status == AIRE_OK && options.parent_count == 0)
            options.kind = AIRE_PLAN_FRESH;
    }
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

/* ---- ask and tell ---- */

static aire_status ask(aire_plan **out, void *user_data)
{
    evolution *s = user_data;
    slot at;
    int64_t plan, ideas, untold = 0;
    aire_status status = aire__searcher_plans(s->store, &plan);
    if (status != AIRE_OK)
        return status;
    if (!find_slot(s, plan, &at))
        return AIRE_DONE;
    if (at.epoch > 0)
        status = aire__store_epoch(s->store, at.epoch - 1, &ideas, &untold);
    if (status != AIRE_OK || untold > 0)
        return status != AIRE_OK ? status : AIRE_EMPTY;
    return make_plan(s, &at, plan, out);
}

/* Kept by idea, so that the order of the tells does not show. */
static aire_status keep(evolution *s, aire_result *result)
{
    if (!aire__grow(s->ctx, &s->told, &s->told_capacity, s->told_count + 1, sizeof(aire_result *)))
        return aire__fail_nomem();
    size_t at = s->told_count++;
    int64_t id = aire_idea_id(aire_result_idea(result));
    for (; at > 0 && aire_idea_id(aire_result_idea(s->told[at - 1])) > id; at--)
        s->told[at] = s->told[at - 1];
    s->told[at] = aire_result_ref(result);
    return AIRE_OK;
}

static aire_status tell(aire_result *result, void *user_data)
{
    evolution *s = user_data;
    double reward;
    if (aire_result_kind(result) == AIRE_RUN_IDEA && aire_result_idea(result))
        return keep(s, result);
    if (aire_result_kind(result) == AIRE_RUN_BASELINE &&
        aire_result_reward(result, &reward) == AIRE_OK) {
        s->baseline_sum += reward;
        s->baseline_count++;
    }
    return AIRE_OK;
}

static void destroy(void *user_data)
{
    evolution *s = user_data;
    for (size_t i = 0; i < s->told_count; i++)
        aire_result_unref(s->told[i]);
    aire_free(s->ctx, s->told);
    aire_free(s->ctx, s);
}

/* ---- making it ---- */

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
