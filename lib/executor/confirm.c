#include "aire/confirm.h"

#include <math.h>

#include "base/fail.h"
#include "base/options.h"
#include "base/str.h"
#include "store/store.h"

/* ---- asking for it ---- */

static aire_status submit(aire_executor *executor, aire_idea *idea, int32_t kind, uint64_t seed)
{
    aire_submit_options options = AIRE_SUBMIT_OPTIONS_INIT;
    options.kind = kind;
    options.seed = seed;
    return aire_executor_submit(executor, idea, &options, NULL);
}

aire_status aire_executor_confirm(aire_executor *executor, aire_idea *idea, const uint64_t *seeds,
                                  size_t count)
{
    if (!executor || !idea || !seeds || count == 0)
        return aire__fail(AIRE_INVALID,
                          "aire_executor_confirm: executor, idea and seeds must be given");
    if (aire_idea_id(idea) == 0)
        return aire__fail(AIRE_INVALID, "aire_executor_confirm: the idea has no number: take it "
                                        "from a result of the store");
    for (size_t i = 0; i < count; i++)
        if (seeds[i] == 0)
            return aire__fail(AIRE_INVALID, "aire_executor_confirm: seed %zu is 0", i);
    aire_status status = AIRE_OK;
    for (size_t i = 0; i < count && status == AIRE_OK; i++) {
        status = submit(executor, NULL, AIRE_RUN_BASELINE, seeds[i]);
        if (status == AIRE_OK)
            status = submit(executor, idea, AIRE_RUN_CONFIRM, seeds[i]);
    }
    return status;
}

/* ---- what came of it ---- */

static aire_status read_runs(aire_store *store, int32_t kind, int64_t idea_id, aire_results **out)
{
    aire_store_query query = AIRE_STORE_QUERY_INIT;
    query.kind = kind;
    query.idea_id = idea_id;
    return aire_store_results(store, &query, out);
}

static bool has_seed(const aire_results *runs, uint64_t seed)
{
    for (size_t i = 0; i < aire_results_count(runs); i++)
        if (aire_result_seed(aire_results_get(runs, i)) == seed)
            return true;
    return false;
}

/* The rewards of runs, of those whose seed is among others' if these are given. */
static size_t take_rewards(const aire_results *runs, const aire_results *seeds_of, double *rewards)
{
    size_t count = 0;
    for (size_t i = 0; i < aire_results_count(runs); i++) {
        const aire_result *run = aire_results_get(runs, i);
        if ((!seeds_of || has_seed(seeds_of, aire_result_seed(run))) &&
            aire_result_reward(run, &rewards[count]) == AIRE_OK)
            count++;
    }
    return count;
}

static aire_status compare(const double *idea, size_t n, const double *baseline, size_t m,
                           aire_confirmation *c)
{
    c->idea.struct_size = c->baseline.struct_size = sizeof(aire_summary);
    c->gain = c->p = NAN;
    aire_status status = aire_stats_summary(idea, n, &c->idea);
    if (status != AIRE_OK || m == 0)
        return status;
    status = aire_stats_summary(baseline, m, &c->baseline);
    if (status == AIRE_OK)
        status = aire_stats_rank_test(idea, n, baseline, m, &c->p);
    if (status == AIRE_OK)
        c->gain = c->idea.mean - c->baseline.mean;
    return status;
}

static aire_status confirm(aire_store *store, int64_t idea_id, const aire_results *baselines,
                           aire_confirmation *c)
{
    aire_ctx *ctx = aire__store_ctx(store);
    aire_results *runs = NULL;
    aire_status status = read_runs(store, AIRE_RUN_CONFIRM, idea_id, &runs);
    if (status != AIRE_OK)
        return status;
    size_t count = aire_results_count(runs), others = aire_results_count(baselines);
    double *rewards = aire__calloc(ctx, count + others + 1, sizeof *rewards);
    if (rewards) {
        size_t n = take_rewards(runs, NULL, rewards);
        size_t m = take_rewards(baselines, runs, rewards + n);
        *c = (aire_confirmation){
            .struct_size = sizeof *c, .idea_id = idea_id, .failures = (uint32_t)(count - n)};
        status = n > 0 ? compare(rewards, n, rewards + n, m, c) : AIRE_EMPTY;
    } else {
        status = aire__fail_nomem();
    }
    aire_free(ctx, rewards);
    aire_results_unref(runs);
    return status;
}

aire_status aire_store_confirmation(aire_store *store, int64_t idea_id, aire_confirmation *out)
{
    aire_results *baselines = NULL;
    aire_confirmation c;
    if (!store || !out || idea_id <= 0)
        return aire__fail(AIRE_INVALID,
                          "aire_store_confirmation: store, idea_id and out must be given");
    aire_status status = read_runs(store, AIRE_RUN_BASELINE, 0, &baselines);
    if (status == AIRE_OK)
        status = confirm(store, idea_id, baselines, &c);
    aire_results_unref(baselines);
    return status == AIRE_OK ? aire__options_give(&c, out, sizeof c, sizeof c, "aire_confirmation")
                             : status;
}

/* ---- the best ---- */

/* Whether an idea's runs come here for the first time. */
static bool is_first(const aire_results *runs, size_t index)
{
    int64_t idea = aire_idea_id(aire_result_idea(aire_results_get(runs, index)));
    for (size_t i = 0; i < index; i++)
        if (aire_idea_id(aire_result_idea(aire_results_get(runs, i))) == idea)
            return false;
    return true;
}

static aire_status find_best(aire_store *store, const aire_results *runs,
                             const aire_results *baselines, int32_t least, aire_confirmation *best)
{
    bool found = false;
    for (size_t i = 0; i < aire_results_count(runs); i++) {
        aire_confirmation c;
        if (!is_first(runs, i))
            continue;
        int64_t idea = aire_idea_id(aire_result_idea(aire_results_get(runs, i)));
        aire_status status = confirm(store, idea, baselines, &c);
        if (status == AIRE_EMPTY)
            continue;
        if (status != AIRE_OK)
            return status;
        if (c.failures == 0 && c.idea.count >= (size_t)least &&
            (!found || c.idea.mean > best->idea.mean)) {
            *best = c;
            found = true;
        }
    }
    return found ? AIRE_OK : AIRE_EMPTY;
}

aire_status aire_store_best_confirmed(aire_store *store, int32_t least, aire_confirmation *out)
{
    aire_results *runs = NULL, *baselines = NULL;
    aire_confirmation best;
    if (!store || !out || least < 1)
        return aire__fail(AIRE_INVALID, "aire_store_best_confirmed: store and out must be given, "
                                        "and least be 1 or more");
    aire_status status = read_runs(store, AIRE_RUN_CONFIRM, 0, &runs);
    if (status == AIRE_OK)
        status = read_runs(store, AIRE_RUN_BASELINE, 0, &baselines);
    if (status == AIRE_OK)
        status = find_best(store, runs, baselines, least, &best);
    aire_results_unref(runs);
    aire_results_unref(baselines);
    return status == AIRE_OK
               ? aire__options_give(&best, out, sizeof best, sizeof best, "aire_confirmation")
               : status;
}
