#include "searcher/past.h"

#include <math.h>

#include "aire/stats.h"
#include "base/fail.h"
#include "base/str.h"

void aire__past_init(aire_past *past, aire_ctx *ctx, aire_store *store)
{
    *past = (aire_past){.ctx = ctx, .store = store};
}

static void clear_list(aire_ctx *ctx, aire_past_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        aire_result_unref(list->items[i]->result);
        aire_free(ctx, list->items[i]);
    }
    aire_free(ctx, list->items);
}

void aire__past_clear(aire_past *past)
{
    clear_list(past->ctx, &past->ideas);
    clear_list(past->ctx, &past->baselines);
    aire_free(past->ctx, past->exploit.items);
    aire_free(past->ctx, past->explore.items);
    aire_free(past->ctx, past->order);
}

/* ---- what was told ---- */

/* Into its place, *at. Results come nearly in order, so the way there is short. */
static aire_status keep(aire_past *past, aire_past_list *list, const aire_past_entry *entry,
                        size_t *at)
{
    if (!aire__grow(past->ctx, &list->items, &list->capacity, list->count + 1, sizeof *list->items))
        return aire__fail_nomem();
    aire_past_entry *kept = aire__memdup(past->ctx, entry, sizeof *entry);
    if (!kept)
        return aire__fail_nomem();
    size_t i = list->count++;
    for (; i > 0 && list->items[i - 1]->number > entry->number; i--)
        list->items[i] = list->items[i - 1];
    list->items[i] = kept;
    aire_result_ref(kept->result);
    *at = i;
    return AIRE_OK;
}

/* Ideas from place `at` on have moved, for one of this number. */
static void unsettle(aire_pool *pool, size_t at, int64_t number)
{
    if (at >= pool->settled)
        return;
    pool->settled = at;
    while (pool->kept > 0 && pool->items[pool->kept - 1]->number > number)
        pool->kept--;
}

static aire_status keep_idea(aire_past *past, const aire_past_entry *entry)
{
    size_t at;
    aire_status status = keep(past, &past->ideas, entry, &at);
    if (status != AIRE_OK)
        return status;
    unsettle(&past->exploit, at, entry->number);
    unsettle(&past->explore, at, entry->number);
    if (entry->epoch < past->epoch)
        past->exploit.made = past->explore.made = false;
    return AIRE_OK;
}

/* What is better than the baseline has to be found anew. */
static aire_status keep_baseline(aire_past *past, const aire_past_entry *entry)
{
    size_t at;
    aire_status status = keep(past, &past->baselines, entry, &at);
    if (status == AIRE_OK) {
        past->exploit.made = false;
        past->exploit.settled = past->exploit.kept = 0;
    }
    return status;
}

aire_status aire__past_add(aire_past *past, const aire_told *facts, aire_result *result)
{
    aire_past_entry entry = {.number = facts->idea_id ? facts->idea_id : facts->run_id,
                             .run_id = facts->run_id,
                             .epoch = facts->epoch,
                             .reward = facts->reward,
                             .result = result};
    if (facts->kind == AIRE_RUN_IDEA && facts->idea_id > 0)
        return keep_idea(past, &entry);
    if (facts->kind == AIRE_RUN_BASELINE && !isnan(facts->reward))
        return keep_baseline(past, &entry);
    return AIRE_OK;
}

/* ---- pools ---- */

/* The mean reward of the baseline; without one, less than any reward. */
static aire_status mean_baseline(const aire_past *past, double *mean)
{
    aire_summary summary = {.struct_size = sizeof summary};
    size_t count = past->baselines.count;
    double *rewards = aire__calloc(past->ctx, count + 1, sizeof *rewards);
    if (!rewards)
        return aire__fail_nomem();
    for (size_t i = 0; i < count; i++)
        rewards[i] = past->baselines.items[i]->reward;
    aire_status status = aire_stats_summary(rewards, count, &summary);
    *mean = status == AIRE_OK ? summary.mean : -INFINITY;
    aire_free(past->ctx, rewards);
    return status == AIRE_EMPTY ? AIRE_OK : status;
}

static bool push(aire_ctx *ctx, aire_pool *pool, aire_past_entry *entry)
{
    if (!aire__grow(ctx, &pool->items, &pool->capacity, pool->count + 1, sizeof *pool->items))
        return false;
    pool->items[pool->count++] = entry;
    return true;
}

static aire_status make_pool(const aire_past *past, int32_t kind, aire_pool *pool)
{
    double least = -INFINITY;
    aire_status status = kind == AIRE_PLAN_EXPLOIT ? mean_baseline(past, &least) : AIRE_OK;
    pool->count = pool->kept;
    for (size_t i = pool->settled; status == AIRE_OK && i < past->ideas.count; i++) {
        aire_past_entry *entry = past->ideas.items[i];
        bool is_past = entry->epoch < past->epoch;
        bool fits = kind == AIRE_PLAN_EXPLORE || entry->reward > least; /* no failure is */
        if (is_past && fits && !push(past->ctx, pool, entry))
            status = aire__fail_nomem();
        else if (is_past && pool->settled == i) {
            pool->settled = i + 1;
            pool->kept = pool->count;
        }
    }
    pool->made = status == AIRE_OK;
    return status;
}

static aire_status find_pool(aire_past *past, int32_t epoch, int32_t kind, aire_pool **out)
{
    if (past->epoch != epoch)
        past->exploit.made = past->explore.made = false;
    past->epoch = epoch;
    *out = kind == AIRE_PLAN_EXPLOIT ? &past->exploit : &past->explore;
    return (*out)->made ? AIRE_OK : make_pool(past, kind, *out);
}

/* ---- samples ---- */

static aire_status want_result(const aire_past *past, aire_past_entry *entry, aire_result **out)
{
    aire_status status = AIRE_OK;
    if (!entry->result)
        status = aire__store_result(past->store, entry->run_id, &entry->result);
    *out = entry->result;
    return status;
}

aire_status aire__past_sample(aire_past *past, int32_t epoch, int32_t kind, aire_rng *rng,
                              size_t wanted, aire_result ***out, size_t *count)
{
    aire_pool *pool;
    *out = NULL;
    *count = 0;
    aire_status status = find_pool(past, epoch, kind, &pool);
    if (status != AIRE_OK || pool->count == 0)
        return status;
    size_t drawn = wanted < pool->count ? wanted : pool->count;
    if (!aire__grow(past->ctx, &past->order, &past->order_capacity, pool->count,
                    sizeof *past->order))
        return aire__fail_nomem();
    aire_result **chosen = aire__calloc(past->ctx, drawn, sizeof(aire_result *));
    if (!chosen)
        return aire__fail_nomem();
    aire__rng_sample(rng, past->order, pool->count, drawn);
    for (size_t i = 0; status == AIRE_OK && i < drawn; i++)
        status = want_result(past, pool->items[past->order[i]], &chosen[i]);
    if (status != AIRE_OK) {
        aire_free(past->ctx, chosen);
        return status;
    }
    *out = chosen;
    *count = drawn;
    return AIRE_OK;
}
