/* Runs: begun, finished and told. */
#include <math.h>

#include "base/fail.h"
#include "base/str.h"
#include "store/read.h"
#include "store/steps.h"

/* ---- running ---- */

typedef struct run_state {
    int64_t state; /* 2: finished */
    int64_t kind;
    int64_t idea_id;
    bool told;
} run_state;

static aire_status read_state(aire_store *store, int64_t run_id, run_state *out)
{
    aire_query query;

    aire__query_begin(&query, store, AIRE_SQL_RUN_STATE);
    aire__query_put_int(&query, run_id);
    bool found = aire__query_next(&query);
    if (found) {
        *out = (run_state){aire__query_int(&query, 0), aire__query_int(&query, 1),
                           aire__query_int(&query, 2), !aire__query_is_null(&query, 3)};
    }
    aire_status status = aire__query_end(&query);
    if (status == AIRE_OK && !found)
        return aire__fail(AIRE_NOT_FOUND, "store '%s': there is no run %lld", store->path,
                          (long long)run_id);
    return status;
}

static aire_status begin_run(aire_store *store, int64_t run_id, int32_t attempt)
{
    aire_query query;
    run_state state;
    int64_t id;

    aire_status status = read_state(store, run_id, &state);
    if (status != AIRE_OK)
        return status;
    aire__query_begin(&query, store, AIRE_SQL_BEGIN_RUN);
    aire__query_put_int(&query, run_id);
    aire__query_put_int(&query, attempt);
    aire__query_put_int(&query, aire_ctx_unix_ms(store->ctx));
    status = aire__query_get_int(&query, &id);
    if (status == AIRE_EMPTY)
        return aire__fail(AIRE_EXISTS, "store '%s': run %lld has finished", store->path,
                          (long long)run_id);
    return status;
}

aire_status aire__store_run_begins(aire_store *store, int64_t run_id, int32_t attempt)
{
    aire_status status = aire__write_begin(store, AIRE_WRITE_BEGIN);
    if (status == AIRE_OK)
        status = begin_run(store, run_id, attempt);
    return aire__write_end(store, status);
}

/* ---- finishing ---- */

static aire_status add_result(aire_store *store, aire_result *result)
{
    aire_query query;
    double reward;

    aire__query_begin(&query, store, AIRE_SQL_ADD_RESULT);
    aire__query_put_int(&query, aire_result_run_id(result));
    aire__query_put_int(&query, aire_result_kind(result));
    aire__query_put_int(&query, aire_result_outcome(result));
    aire__query_put_int(&query, aire_result_stage(result));
    aire__query_put_int(&query, aire_result_cause(result));
    aire__query_put_int(&query, aire_result_code(result));
    aire__query_put_int(&query, aire_result_trust(result));
    aire__query_put_int(&query, aire_result_attempts(result));
    if (aire_result_reward(result, &reward) == AIRE_OK)
        aire__query_put_real(&query, reward);
    else
        aire__query_put_null(&query);
    aire__query_put_text(&query, aire_result_variant(result));
    aire__query_put_text(&query, aire_result_detail(result));
    aire__query_put_text(&query, aire_result_log_tail(result));
    aire__put_patch(&query, aire_result_patch(result));
    return aire__query_run(&query);
}

static aire_status add_metric(aire_store *store, aire_result *result, size_t index)
{
    aire_query query;
    const aire_metric *metric = aire_result_metric(result, index);

    aire__query_begin(&query, store, AIRE_SQL_ADD_METRIC);
    aire__query_put_int(&query, aire_result_run_id(result));
    aire__query_put_int(&query, (int64_t)index);
    aire__query_put_text(&query, metric->name);
    aire__query_put_real(&query, metric->value);
    return aire__query_run(&query);
}

static aire_status add_usage(aire_store *store, aire_result *result, size_t index)
{
    aire_query query;
    const aire_usage *usage = aire_result_usage(result, index);

    aire__query_begin(&query, store, AIRE_SQL_ADD_USAGE);
    aire__query_put_int(&query, aire_result_run_id(result));
    aire__query_put_int(&query, (int64_t)index);
    aire__query_put_int(&query, usage->stage);
    aire__query_put_int(&query, usage->wall_ms);
    aire__query_put_int(&query, usage->user_ms);
    aire__query_put_int(&query, usage->system_ms);
    aire__query_put_int(&query, usage->max_rss_bytes);
    aire__query_put_int(&query, usage->io_read_bytes);
    aire__query_put_int(&query, usage->io_write_bytes);
    aire__query_put_int(&query, usage->gpu_memory_bytes);
    aire__query_put_int(&query, usage->gpu_ms);
    return aire__query_run(&query);
}

aire_status aire__step_finish(aire_store *store, aire_result *result)
{
    aire_query query;
    run_state state;
    int64_t run_id = aire_result_run_id(result);
    const aire_idea *idea = aire_result_idea(result);

    aire_status status = read_state(store, run_id, &state);
    if (status != AIRE_OK)
        return status;
    if (state.state == 2)
        return aire__fail(AIRE_EXISTS, "store '%s': run %lld had finished before", store->path,
                          (long long)run_id);
    if (state.kind != aire_result_kind(result) || state.idea_id != (idea ? aire_idea_id(idea) : 0))
        return aire__fail(AIRE_INVALID, "store '%s': the result is not of run %lld's kind and idea",
                          store->path, (long long)run_id);
    status = add_result(store, result);
    for (size_t i = 0; status == AIRE_OK && i < aire_result_metric_count(result); i++)
        status = add_metric(store, result, i);
    for (size_t i = 0; status == AIRE_OK && i < aire_result_usage_count(result); i++)
        status = add_usage(store, result, i);
    if (status != AIRE_OK)
        return status;
    aire__query_begin(&query, store, AIRE_SQL_FINISH_RUN);
    aire__query_put_int(&query, run_id);
    aire__query_put_int(&query, aire_ctx_unix_ms(store->ctx));
    return aire__query_run(&query);
}

aire_status aire__store_finish(aire_store *store, aire_result *result)
{
    aire_status status = aire__write_begin(store, AIRE_WRITE_FINISH);
    if (status == AIRE_OK)
        status = aire__step_finish(store, result);
    return aire__write_end(store, status);
}

aire_status aire__store_find_variant(aire_store *store, const char *variant, int64_t *run_id)
{
    aire_query query;
    int64_t found = 0;

    aire_status status = aire__read_begin(store);
    if (status == AIRE_OK) {
        aire__query_begin(&query, store, AIRE_SQL_VARIANT);
        aire__query_put_text(&query, variant);
        status = aire__query_get_int(&query, &found);
        status = status == AIRE_EMPTY ? AIRE_OK : status;
    }
    if (status == AIRE_OK)
        *run_id = found;
    return aire__read_end(store, status);
}

aire_status aire__store_has_finished(aire_store *store, int64_t run_id, bool *finished)
{
    aire_query query;
    int64_t one;

    aire_status status = aire__read_begin(store);
    if (status == AIRE_OK) {
        aire__query_begin(&query, store, AIRE_SQL_HAS_FINISHED);
        aire__query_put_int(&query, run_id);
        status = aire__query_get_int(&query, &one);
        *finished = status == AIRE_OK;
        status = status == AIRE_EMPTY ? AIRE_OK : status;
    }
    return aire__read_end(store, status);
}

/* ---- telling ---- */

#define SEARCH_STATE "search.state"

static aire_status keep_state(aire_store *store, const char *state)
{
    aire_query query;

    aire__query_begin(&query, store, state ? AIRE_SQL_SET_META : AIRE_SQL_DROP_META);
    aire__query_put_text(&query, SEARCH_STATE);
    if (state)
        aire__query_put_text(&query, state);
    return aire__query_run(&query);
}

static aire_status tell(aire_store *store, int64_t run_id, const char *state, bool *first)
{
    aire_query query;
    run_state run;

    aire_status status = read_state(store, run_id, &run);
    if (status != AIRE_OK)
        return status;
    if (run.state != 2)
        return aire__fail(AIRE_STATE, "store '%s': run %lld has not finished", store->path,
                          (long long)run_id);
    *first = !run.told;
    if (run.told)
        return AIRE_OK;
    aire__query_begin(&query, store, AIRE_SQL_TELL_RUN);
    aire__query_put_int(&query, run_id);
    status = aire__query_run(&query);
    return status == AIRE_OK ? keep_state(store, state) : status;
}

aire_status aire__store_tell(aire_store *store, int64_t run_id, const char *state, bool *first)
{
    bool is_first = false;

    aire_status status = aire__write_begin(store, AIRE_WRITE_TELL);
    if (status == AIRE_OK)
        status = tell(store, run_id, state, &is_first);
    status = aire__write_end(store, status);
    if (status == AIRE_OK)
        *first = is_first;
    return status;
}

static aire_told facts_of_row(aire_query *query)
{
    return (aire_told){.run_id = aire__query_int(query, 0),
                       .kind = aire__query_int32(query, 1),
                       .epoch = aire__query_is_null(query, 2) ? -1 : aire__query_int32(query, 2),
                       .idea_id = aire__query_int(query, 3),
                       .reward = aire__query_is_null(query, 4) ? NAN : aire__query_real(query, 4)};
}

aire_status aire__store_told_facts(aire_store *store, aire_told **out, size_t *count)
{
    aire_query query;
    aire_told *all = NULL;
    size_t length = 0;
    size_t capacity = 0;

    aire_status status = aire__read_begin(store);
    if (status == AIRE_OK) {
        aire__query_begin(&query, store, AIRE_SQL_TOLD_FACTS);
        while (status == AIRE_OK && aire__query_next(&query)) {
            if (!aire__grow(store->ctx, &all, &capacity, length + 1, sizeof(*all)))
                status = aire__fail_nomem();
            else
                all[length++] = facts_of_row(&query);
        }
        aire_status ended = aire__query_end(&query);
        status = status != AIRE_OK ? status : ended;
    }
    status = aire__read_end(store, status);
    if (status != AIRE_OK) {
        aire_free(store->ctx, all);
        return status;
    }
    *out = all;
    *count = length;
    return AIRE_OK;
}

aire_status aire__store_search_state(aire_store *store, char **out)
{
    return aire__store_read_text(store, AIRE_SQL_META, SEARCH_STATE, out);
}
