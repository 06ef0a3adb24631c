/* Results, out of the store. */
#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/options.h"
#include "base/str.h"
#include "record/results.h"
#include "store/read.h"

/* The order of AIRE_SQL_RESULTS_. */
enum result_column {
    COLUMN_RUN,
    COLUMN_KIND,
    COLUMN_SEED,
    COLUMN_IDEA,
    COLUMN_OUTCOME,
    COLUMN_STAGE,
    COLUMN_CAUSE,
    COLUMN_CODE,
    COLUMN_DETAIL,
    COLUMN_TRUST,
    COLUMN_ATTEMPTS,
    COLUMN_REWARD,
    COLUMN_VARIANT,
    COLUMN_LOG_TAIL,
    COLUMN_PATCH
};

/* What a result's options borrow while it is made. */
typedef struct parts {
    aire_metric *metrics;
    char **names; /* of the metrics */
    size_t metric_count;
    aire_usage *usage;
    size_t usage_count;
    aire_patch *patch;
    aire_idea *idea;
} parts;

static void parts_free(aire_ctx *ctx, parts *held)
{
    for (size_t i = 0; i < held->metric_count; i++)
        aire_free(ctx, held->names[i]);
    aire_free(ctx, held->names);
    aire_free(ctx, held->metrics);
    aire_free(ctx, held->usage);
    aire_patch_unref(held->patch);
    aire_idea_unref(held->idea);
}

static aire_status read_metrics(aire_store *store, int64_t run_id, parts *held)
{
    aire_query query;
    aire_ctx *ctx = store->ctx;
    size_t capacity = 0;
    size_t name_capacity = 0;

    aire__query_begin(&query, store, AIRE_SQL_METRICS);
    aire__query_put_int(&query, run_id);
    while (aire__query_next(&query)) {
        size_t count = held->metric_count;
        const char *text = aire__query_text(&query, 0);
        if (query.status != AIRE_OK)
            break;
        char *name = aire__strdup(ctx, text);
        if (!name ||
            !aire__grow(ctx, &held->names, &name_capacity, count + 1, sizeof(*held->names)) ||
            !aire__grow(ctx, &held->metrics, &capacity, count + 1, sizeof(*held->metrics))) {
            aire_free(ctx, name);
            query.status = aire__fail_nomem();
            break;
        }
        held->names[count] = name;
        held->metrics[count] = (aire_metric){name, aire__query_real(&query, 1)};
        held->metric_count++;
    }
    return aire__query_end(&query);
}

static aire_status read_usage(aire_store *store, int64_t run_id, parts *held)
{
    aire_query query;
    size_t capacity = 0;

    aire__query_begin(&query, store, AIRE_SQL_USAGE);
    aire__query_put_int(&query, run_id);
    while (aire__query_next(&query)) {
        if (!aire__grow(store->ctx, &held->usage, &capacity, held->usage_count + 1,
                        sizeof(*held->usage))) {
            query.status = aire__fail_nomem();
            break;
        }
        held->usage[held->usage_count++] =
            (aire_usage){.struct_size = sizeof(aire_usage),
                         .stage = aire__query_int32(&query, 0),
                         .wall_ms = aire__query_int(&query, 1),
                         .user_ms = aire__query_int(&query, 2),
                         .system_ms = aire__query_int(&query, 3),
                         .max_rss_bytes = aire__query_int(&query, 4),
                         .io_read_bytes = aire__query_int(&query, 5),
                         .io_write_bytes = aire__query_int(&query, 6),
                         .gpu_memory_bytes = aire__query_int(&query, 7),
                         .gpu_ms = aire__query_int(&query, 8)};
    }
    return aire__query_end(&query);
}

static aire_status read_parts(aire_query *query, int64_t run_id, parts *held)
{
    aire_status status = aire__read_patch(query, COLUMN_PATCH, &held->patch);
    if (status == AIRE_OK)
        status = read_metrics(query->store, run_id, held);
    if (status == AIRE_OK)
        status = read_usage(query->store, run_id, held);
    if (status == AIRE_OK && !aire__query_is_null(query, COLUMN_IDEA))
        status = aire__read_idea(query->store, aire__query_int(query, COLUMN_IDEA), &held->idea);
    return status;
}

static void plain_of_row(aire_query *query, aire_result_options *options)
{
    options->run_id = aire__query_int(query, COLUMN_RUN);
    options->kind = aire__query_int32(query, COLUMN_KIND);
    options->seed = (uint64_t)aire__query_int(query, COLUMN_SEED);
    options->outcome = aire__query_int32(query, COLUMN_OUTCOME);
    options->stage = aire__query_int32(query, COLUMN_STAGE);
    options->cause = aire__query_int32(query, COLUMN_CAUSE);
    options->code = aire__query_int32(query, COLUMN_CODE);
    options->detail = aire__query_text(query, COLUMN_DETAIL);
    options->trust = aire__query_int32(query, COLUMN_TRUST);
    options->attempts = aire__query_int32(query, COLUMN_ATTEMPTS);
    options->reward = aire__query_real(query, COLUMN_REWARD);
    options->variant = aire__query_text(query, COLUMN_VARIANT);
    options->log_tail = aire__query_text(query, COLUMN_LOG_TAIL);
}

static aire_status result_of_row(aire_query *query, aire_result **out)
{
    aire_ctx *ctx = query->store->ctx;
    aire_result_options options = AIRE_RESULT_OPTIONS_INIT;
    parts held = {0};

    plain_of_row(query, &options);
    aire_status status = query->status;
    if (status == AIRE_OK)
        status = read_parts(query, options.run_id, &held);
    if (status == AIRE_OK) {
        options.idea = held.idea;
        options.metrics = held.metrics;
        options.metric_count = held.metric_count;
        options.usage = held.usage;
        options.usage_count = held.usage_count;
        options.patch = held.patch;
        status = aire_result_new(ctx, &options, out);
    }
    parts_free(ctx, &held);
    return aire__read_refused(query->store, status, "run", options.run_id);
}

aire_status aire__read_result(aire_store *store, int64_t run_id, aire_result **out)
{
    aire_query query;
    aire_status status = AIRE_OK;

    *out = NULL;
    aire__query_begin(&query, store, AIRE_SQL_RESULT);
    aire__query_put_int(&query, run_id);
    if (aire__query_next(&query))
        status = result_of_row(&query, out);
    else if (query.status == AIRE_OK)
        status = aire__fail(AIRE_CORRUPT, "store '%s': the result of run %lld is not there",
                            store->path, (long long)run_id);
    aire_status ended = aire__query_end(&query);
    return status != AIRE_OK ? status : ended;
}

aire_status aire__read_results(aire_store *store, aire_query *query, aire_results **out)
{
    aire_ctx *ctx = store->ctx;
    aire_result **results = NULL;
    size_t count = 0;
    size_t capacity = 0;
    aire_status status = AIRE_OK;

    while (status == AIRE_OK && aire__query_next(query)) {
        if (!aire__grow(ctx, &results, &capacity, count + 1, sizeof(*results)))
            status = aire__fail_nomem();
        else
            status = result_of_row(query, &results[count]);
        if (status == AIRE_OK)
            count++;
    }
    aire_status ended = aire__query_end(query);
    if (status == AIRE_OK)
        status = ended;
    if (status == AIRE_OK)
        status = aire__results_new(ctx, results, count, out);
    for (size_t i = 0; i < count; i++)
        aire_result_unref(results[i]);
    aire_free(ctx, results);
    return status;
}

static aire_status read_fixed(aire_store *store, aire_sql sql, aire_results **out)
{
    aire_query query;

    *out = NULL;
    aire_status status = aire__read_begin(store);
    if (status == AIRE_OK) {
        aire__query_begin(&query, store, sql);
        status = aire__read_results(store, &query, out);
    }
    return aire__read_end(store, status);
}

aire_status aire__store_result(aire_store *store, int64_t run_id, aire_result **out)
{
    *out = NULL;
    aire_status status = aire__read_begin(store);
    if (status == AIRE_OK)
        status = aire__read_result(store, run_id, out);
    return aire__read_end(store, status);
}

aire_status aire__store_untold(aire_store *store, aire_results **out)
{
    return read_fixed(store, AIRE_SQL_UNTOLD, out);
}

aire_status aire__store_told(aire_store *store, aire_results **out)
{
    return read_fixed(store, AIRE_SQL_TOLD, out);
}

/* ---- queries of a host ---- */

static aire_status check_query(const aire_store_query *query)
{
    if (query->order != AIRE_ORDER_RUN && query->order != AIRE_ORDER_REWARD)
        return aire__fail(AIRE_INVALID, "store: unknown order %d", (int)query->order);
    if (query->kind < 0 || query->idea_id < 0 || query->run_id < 0 || query->plan_id < 0 ||
        query->limit < 0 || query->offset < 0 || query->reserved != 0)
        return aire__fail(AIRE_INVALID, "store: a field of the query is negative, or reserved is "
                                        "not 0");
    return AIRE_OK;
}

/* All that varies are numbers and fixed words. */
static void write_query(aire_buf *sql, const aire_store_query *query)
{
    bool by_reward = query->order == AIRE_ORDER_REWARD;

    aire__buf_puts(sql, AIRE_SQL_RESULTS_ " WHERE 1");
    if (by_reward)
        aire__buf_puts(sql, " AND reward IS NOT NULL");
    if (query->kind)
        aire__buf_printf(sql, " AND results.kind = %d", (int)query->kind);
    if (query->run_id)
        aire__buf_printf(sql, " AND results.run_id = %" PRId64, query->run_id);
    if (query->idea_id)
        aire__buf_printf(sql, " AND runs.idea_id = %" PRId64, query->idea_id);
    if (query->plan_id)
        aire__buf_printf(sql,
                         " AND runs.idea_id IN (SELECT id FROM ideas WHERE plan_id = %" PRId64 ")",
                         query->plan_id);
    aire__buf_puts(sql, by_reward ? " ORDER BY reward DESC, results.run_id"
                                  : " ORDER BY results.run_id");
    aire__buf_printf(sql, " LIMIT %" PRId64 " OFFSET %" PRId64,
                     query->limit ? query->limit : INT64_C(-1), query->offset);
}

aire_status aire_store_results(aire_store *store, const aire_store_query *query, aire_results **out)
{
    aire_store_query given;
    aire_query running;
    aire_buf sql;

    if (!out)
        return aire__fail(AIRE_INVALID, "store: out is NULL");
    *out = NULL;
    if (!store)
        return aire__fail(AIRE_INVALID, "store: store is NULL");
    aire_status status =
        aire__options_take(query, &given, sizeof(given), sizeof(given), "aire_store_query");
    if (status == AIRE_OK)
        status = check_query(&given);
    if (status != AIRE_OK)
        return status;

    aire__buf_init(&sql, store->ctx, 4096);
    write_query(&sql, &given);
    status = aire__buf_status(&sql);
    if (status == AIRE_OK) {
        status = aire__read_begin(store);
        if (status == AIRE_OK) {
            aire__query_begin_text(&running, store, sql.data);
            status = aire__read_results(store, &running, out);
        }
        status = aire__read_end(store, status);
    }
    aire__buf_free(&sql);
    return status;
}
