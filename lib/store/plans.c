/* Plans, in and out of the store. */
#include <string.h>

#include "base/fail.h"
#include "base/str.h"
#include "store/read.h"

/* The order of AIRE_SQL_PLAN_COLUMNS_. */
enum plan_column {
    COLUMN_ID,
    COLUMN_KIND,
    COLUMN_EPOCH,
    COLUMN_COUNT,
    COLUMN_SUBMITTED,
    COLUMN_CLOSED
};

static void plan_of_row(aire_query *query, aire_plan_options *options)
{
    options->id = aire__query_int(query, COLUMN_ID);
    options->kind = aire__query_int32(query, COLUMN_KIND);
    options->epoch = aire__query_int32(query, COLUMN_EPOCH);
    options->count = aire__query_int32(query, COLUMN_COUNT);
}

aire_status aire__read_plan(aire_store *store, int64_t id, aire_plan **out)
{
    aire_query query;
    aire_plan_options options = AIRE_PLAN_OPTIONS_INIT;

    *out = NULL;
    if (id == 0)
        return AIRE_OK;
    aire__query_begin(&query, store, AIRE_SQL_PLAN);
    aire__query_put_int(&query, id);
    if (aire__query_next(&query))
        plan_of_row(&query, &options);
    aire_status status = aire__query_end(&query);
    if (status != AIRE_OK)
        return status;
    if (options.id == 0)
        return aire__fail(AIRE_CORRUPT, "store '%s': plan %lld is not there", store->path,
                          (long long)id);
    return aire__read_refused(store, aire_plan_new(store->ctx, &options, out), "plan", id);
}

/* ---- writing ---- */

static aire_status add_parent(aire_store *store, int64_t plan_id, size_t ordinal, int64_t run_id)
{
    aire_query query;

    aire__query_begin(&query, store, AIRE_SQL_ADD_PLAN_PARENT);
    aire__query_put_int(&query, plan_id);
    aire__query_put_int(&query, (int64_t)ordinal);
    aire__query_put_int(&query, run_id);
    return aire__query_run(&query);
}

/* As many ideas of the list as follow one another by number, from `first` on, in one row; *next is
 * the first behind them. */
static aire_status add_avoided(aire_store *store, int64_t plan_id, const aire_plan_options *options,
                               size_t first, size_t *next)
{
    aire_query query;
    int64_t from = aire_idea_id(options->avoid[first]);
    size_t count = 1;

    while (first + count < options->avoid_count &&
           aire_idea_id(options->avoid[first + count]) == from + (int64_t)count)
        count++;
    *next = first + count;
    aire__query_begin(&query, store, AIRE_SQL_ADD_PLAN_AVOID);
    aire__query_put_int(&query, plan_id);
    aire__query_put_int(&query, (int64_t)first);
    aire__query_put_int(&query, from);
    if (count > 1)
        aire__query_put_int(&query, from + (int64_t)count - 1);
    else
        aire__query_put_null(&query);
    return aire__query_run(&query);
}

static aire_status add_plan(aire_store *store, const aire_plan_options *options, int64_t *id)
{
    aire_query query;

    aire__query_begin(&query, store, AIRE_SQL_ADD_PLAN);
    aire__query_put_int(&query, options->kind);
    aire__query_put_int(&query, options->epoch);
    aire__query_put_int(&query, options->count);
    aire__query_put_int(&query, aire_ctx_unix_ms(store->ctx));
    aire_status status = aire__query_get_int(&query, id);
    for (size_t i = 0; status == AIRE_OK && i < options->parent_count; i++)
        status = add_parent(store, *id, i, aire_result_run_id(options->parents[i]));
    for (size_t i = 0; status == AIRE_OK && i < options->avoid_count;)
        status = add_avoided(store, *id, options, i, &i);
    if (status != AIRE_OK)
        return status;
    aire__query_begin(&query, store, AIRE_SQL_CLOSE_OTHER_PLANS);
    aire__query_put_int(&query, *id);
    return aire__query_run(&query);
}

aire_status aire__store_add_plan(aire_store *store, const aire_plan_options *options,
                                 aire_plan **out)
{
    aire_plan_options numbered = *options;
    aire_plan *plan = NULL;

    *out = NULL;
    aire_status status = aire__write_begin(store, AIRE_WRITE_PLAN);
    if (status == AIRE_OK) { /* made once without its number, so that what is wrong is not stored */
        numbered.id = 0;
        status = aire_plan_new(store->ctx, &numbered, &plan);
        aire_plan_unref(plan);
        plan = NULL;
    }
    if (status == AIRE_OK)
        status = add_plan(store, options, &numbered.id);
    if (status == AIRE_OK)
        status = aire_plan_new(store->ctx, &numbered, &plan);
    status = aire__write_end(store, status);
    if (status == AIRE_OK)
        *out = plan;
    else
        aire_plan_unref(plan);
    return status;
}

aire_status aire__store_close_plan(aire_store *store, int64_t plan_id)
{
    aire_query query;
    int64_t id;

    aire_status status = aire__write_begin(store, AIRE_WRITE_CLOSE);
    if (status == AIRE_OK) {
        aire__query_begin(&query, store, AIRE_SQL_CLOSE_PLAN);
        aire__query_put_int(&query, plan_id);
        status = aire__query_get_int(&query, &id);
        if (status == AIRE_EMPTY)
            status = aire__fail(AIRE_NOT_FOUND, "store '%s': there is no plan %lld", store->path,
                                (long long)plan_id);
    }
    return aire__write_end(store, status);
}

/* ---- the newest plan ---- */

/* The numbers that a plan's parents or ideas to avoid have; *out is from aire_alloc. */
static aire_status read_members(aire_store *store, aire_sql sql, int64_t plan_id, int64_t **out,
                                size_t *count)
{
    aire_query query;
    size_t capacity = 0;

    aire__query_begin(&query, store, sql);
    aire__query_put_int(&query, plan_id);
    while (aire__query_next(&query)) {
        if (!aire__grow(store->ctx, out, &capacity, *count + 1, sizeof(**out))) {
            query.status = aire__fail_nomem();
            break;
        }
        (*out)[(*count)++] = aire__query_int(&query, 0);
    }
    return aire__query_end(&query);
}

static aire_status read_full_plan(aire_store *store, aire_plan_options *options, aire_plan **out)
{
    aire_ctx *ctx = store->ctx;
    int64_t *run_ids = NULL, *idea_ids = NULL;
    size_t run_count = 0, idea_count = 0;
    aire_result **parents = NULL;
    aire_idea **avoid = NULL;

    aire_status status =
        read_members(store, AIRE_SQL_PLAN_PARENTS, options->id, &run_ids, &run_count);
    if (status == AIRE_OK)
        status = read_members(store, AIRE_SQL_PLAN_AVOID, options->id, &idea_ids, &idea_count);
    if (status == AIRE_OK) {
        parents = aire__calloc(ctx, run_count, sizeof(*parents));
        avoid = aire__calloc(ctx, idea_count, sizeof(*avoid));
        if (!parents || !avoid)
            status = aire__fail_nomem();
    }
    for (size_t i = 0; status == AIRE_OK && i < run_count; i++)
        status = aire__read_result(store, run_ids[i], &parents[i]);
    for (size_t i = 0; status == AIRE_OK && i < idea_count; i++)
        status = aire__read_idea(store, idea_ids[i], &avoid[i]);
    if (status == AIRE_OK) {
        options->parents = parents;
        options->parent_count = run_count;
        options->avoid = avoid;
        options->avoid_count = idea_count;
        status = aire__read_refused(store, aire_plan_new(ctx, options, out), "plan", options->id);
    }
    for (size_t i = 0; parents && i < run_count; i++)
        aire_result_unref(parents[i]);
    for (size_t i = 0; avoid && i < idea_count; i++)
        aire_idea_unref(avoid[i]);
    aire_free(ctx, parents);
    aire_free(ctx, avoid);
    aire_free(ctx, run_ids);
    aire_free(ctx, idea_ids);
    return status;
}

aire_status aire__store_last_plan(aire_store *store, aire_plan **out, size_t *submitted,
                                  bool *closed)
{
    aire_query query;
    aire_plan_options options = AIRE_PLAN_OPTIONS_INIT;
    int64_t count = 0;
    bool is_closed = false;

    *out = NULL;
    aire_status status = aire__read_begin(store);
    if (status == AIRE_OK) {
        aire__query_begin(&query, store, AIRE_SQL_LAST_PLAN);
        if (aire__query_next(&query)) {
            plan_of_row(&query, &options);
            count = aire__query_int(&query, COLUMN_SUBMITTED);
            is_closed = aire__query_int(&query, COLUMN_CLOSED) != 0;
        }
        status = aire__query_end(&query);
    }
    if (status == AIRE_OK)
        status = options.id == 0 ? AIRE_EMPTY : read_full_plan(store, &options, out);
    if (status == AIRE_OK) {
        *submitted = (size_t)count;
        *closed = is_closed;
    }
    return aire__read_end(store, status);
}

aire_status aire__store_has_open_plan(aire_store *store, bool *is_open)
{
    aire_query query;
    int64_t id;

    aire_status status = aire__read_begin(store);
    if (status == AIRE_OK) {
        aire__query_begin(&query, store, AIRE_SQL_OPEN_PLAN);
        status = aire__query_get_int(&query, &id);
        *is_open = status == AIRE_OK;
        status = status == AIRE_EMPTY ? AIRE_OK : status;
    }
    return aire__read_end(store, status);
}

aire_status aire__store_epoch(aire_store *store, int32_t epoch, int64_t *ideas, int64_t *untold)
{
    aire_query query;
    int64_t idea_count = 0;
    int64_t untold_count = 0;

    aire_status status = aire__read_begin(store);
    if (status == AIRE_OK) {
        aire__query_begin(&query, store, AIRE_SQL_EPOCH_IDEAS);
        aire__query_put_int(&query, epoch);
        status = aire__query_get_int(&query, &idea_count);
    }
    if (status == AIRE_OK) {
        aire__query_begin(&query, store, AIRE_SQL_EPOCH_UNTOLD);
        aire__query_put_int(&query, epoch);
        status = aire__query_get_int(&query, &untold_count);
    }
    if (status == AIRE_OK) {
        *ideas = idea_count;
        *untold = untold_count;
    }
    return aire__read_end(store, status);
}
