/* Runs: submitted, and waiting to be run. */
#include <string.h>

#include "base/fail.h"
#include "base/str.h"
#include "store/read.h"
#include "store/steps.h"

void aire__run_clear(aire_run *run)
{
    aire_idea_unref(run->idea);
    memset(run, 0, sizeof(*run));
}

static aire_status add_idea(aire_store *store, aire_idea *idea, int64_t plan_id, int64_t *id)
{
    aire_query query;

    aire__query_begin(&query, store, AIRE_SQL_ADD_IDEA);
    aire__query_put_id(&query, plan_id);
    aire__query_put_int(&query, aire_idea_ordinal(idea));
    aire__query_put_text(&query, aire_idea_title(idea));
    aire__query_put_text(&query, aire_idea_text(idea));
    aire__query_put_text(&query, aire_idea_changes(idea));
    aire__query_put_text(&query, aire_idea_reasoning(idea));
    aire__query_put_text(&query, aire_idea_origin(idea));
    aire__put_patch(&query, aire_idea_patch(idea));
    aire__query_put_int(&query, aire_ctx_unix_ms(store->ctx));
    aire__query_put_int(&query, aire_idea_kind(idea));
    aire_status status = aire__query_get_int(&query, id);
    for (size_t i = 0; status == AIRE_OK && i < aire_idea_parent_count(idea); i++) {
        aire__query_begin(&query, store, AIRE_SQL_ADD_IDEA_PARENT);
        aire__query_put_int(&query, *id);
        aire__query_put_int(&query, (int64_t)i);
        aire__query_put_int(&query, aire_idea_parent(idea, i));
        status = aire__query_run(&query);
    }
    return status;
}

/* The number of an idea in the store, where it is added if it is new; 0 for no idea. */
static aire_status place_idea(aire_store *store, aire_idea *idea, int64_t *id)
{
    aire_query query;
    int64_t epoch;

    *id = idea ? aire_idea_id(idea) : 0;
    if (!idea || *id > 0)
        return AIRE_OK;
    int64_t plan_id = aire_idea_plan(idea) ? aire_plan_id(aire_idea_plan(idea)) : 0;
    if (plan_id == 0)
        return add_idea(store, idea, 0, id);

    aire__query_begin(&query, store, AIRE_SQL_IDEA_AT);
    aire__query_put_int(&query, plan_id);
    aire__query_put_int(&query, aire_idea_ordinal(idea));
    aire_status status = aire__query_get_int(&query, id);
    if (status != AIRE_EMPTY)
        return status;
    aire__query_begin(&query, store, AIRE_SQL_COUNT_SUBMITTED);
    aire__query_put_int(&query, plan_id);
    status = aire__query_get_int(&query, &epoch);
    if (status == AIRE_EMPTY)
        return aire__fail(AIRE_INVALID,
                          "store '%s': the idea answers plan %lld, which is not there", store->path,
                          (long long)plan_id);
    return status == AIRE_OK ? add_idea(store, idea, plan_id, id) : status;
}

static aire_status find_run(aire_store *store, int32_t kind, int64_t idea_id, uint64_t seed,
                            int64_t *id)
{
    aire_query query;

    if (kind == AIRE_RUN_IDEA) {
        aire__query_begin(&query, store, AIRE_SQL_RUN_OF_IDEA);
        aire__query_put_int(&query, idea_id);
    } else {
        aire__query_begin(&query, store, AIRE_SQL_RUN_OF_SEED);
        aire__query_put_int(&query, kind);
        aire__query_put_int(&query, idea_id);
        aire__query_put_int(&query, (int64_t)seed);
    }
    return aire__query_get_int(&query, id);
}

static aire_status add_run(aire_store *store, int32_t kind, int64_t idea_id, uint64_t seed,
                           int32_t priority, int64_t *id)
{
    aire_query query;
    int64_t epoch = 0;
    bool has_epoch = false;

    if (idea_id != 0) {
        aire__query_begin(&query, store, AIRE_SQL_IDEA_PLACE);
        aire__query_put_int(&query, idea_id);
        bool found = aire__query_next(&query);
        has_epoch = found && !aire__query_is_null(&query, 0);
        epoch = has_epoch ? aire__query_int(&query, 0) : 0;
        aire_status status = aire__query_end(&query);
        if (status != AIRE_OK)
            return status;
        if (!found)
            return aire__fail(AIRE_INVALID, "store '%s': there is no idea %lld", store->path,
                              (long long)idea_id);
    }
    aire__query_begin(&query, store, AIRE_SQL_ADD_RUN);
    aire__query_put_int(&query, kind);
    aire__query_put_id(&query, idea_id);
    if (has_epoch)
        aire__query_put_int(&query, epoch);
    else
        aire__query_put_null(&query);
    aire__query_put_int(&query, (int64_t)seed);
    aire__query_put_int(&query, priority);
    aire__query_put_int(&query, aire_ctx_unix_ms(store->ctx));
    return aire__query_get_int(&query, id);
}

/* The row that the query is at (AIRE_SQL_RUN_COLUMNS_), with its idea. */
static aire_status run_of_row(aire_query *query, aire_run *run)
{
    *run = (aire_run){.id = aire__query_int(query, 0),
                      .kind = aire__query_int32(query, 1),
                      .seed = (uint64_t)aire__query_int(query, 3),
                      .priority = aire__query_int32(query, 4),
                      .attempts = aire__query_int32(query, 5)};
    if (aire__query_is_null(query, 2))
        return AIRE_OK;
    return aire__read_idea(query->store, aire__query_int(query, 2), &run->idea);
}

static aire_status read_run(aire_store *store, int64_t id, aire_run *run)
{
    aire_query query;
    aire_status status = AIRE_OK;

    aire__query_begin(&query, store, AIRE_SQL_RUN);
    aire__query_put_int(&query, id);
    if (aire__query_next(&query))
        status = run_of_row(&query, run);
    aire_status ended = aire__query_end(&query);
    return status != AIRE_OK ? status : ended;
}

/* A host's plan without a number is not in the store: the run's idea keeps it all the same. */
static aire_status keep_plan(aire_store *store, aire_idea *given, aire_run *run)
{
    aire_plan *plan = given ? aire_idea_plan(given) : NULL;
    aire_idea *idea = NULL;

    if (!plan || aire_plan_id(plan) != 0)
        return AIRE_OK;
    aire_status status =
        aire__copy_idea(store->ctx, run->idea, aire_idea_id(run->idea), plan, &idea);
    if (status != AIRE_OK)
        return status;
    aire_idea_unref(run->idea);
    run->idea = idea;
    return AIRE_OK;
}

aire_status aire__step_submit(aire_store *store, aire_idea *idea, int32_t kind, uint64_t seed,
                              int32_t priority, aire_run *run, bool *is_new)
{
    int64_t idea_id;
    int64_t run_id = 0;

    aire_status status = place_idea(store, idea, &idea_id);
    if (status == AIRE_OK)
        status = find_run(store, kind, idea_id, seed, &run_id);
    *is_new = status == AIRE_EMPTY;
    if (*is_new)
        status = add_run(store, kind, idea_id, seed, priority, &run_id);
    if (status == AIRE_OK)
        status = read_run(store, run_id, run);
    if (status == AIRE_OK)
        status = keep_plan(store, idea, run);
    return status;
}

aire_status aire__store_submit(aire_store *store, aire_idea *idea, int32_t kind, uint64_t seed,
                               int32_t priority, aire_run *out, bool *is_new)
{
    aire_run run = {0};
    bool added = false;

    memset(out, 0, sizeof(*out));
    if ((kind == AIRE_RUN_BASELINE) != !idea)
        return aire__fail(AIRE_INVALID, "store: a run of kind \"%s\" %s an idea",
                          aire_run_kind_name(kind), idea ? "has not" : "needs");
    aire_status status = aire__write_begin(store, AIRE_WRITE_SUBMIT);
    if (status == AIRE_OK)
        status = aire__step_submit(store, idea, kind, seed, priority, &run, &added);
    status = aire__write_end(store, status);
    if (status != AIRE_OK) {
        aire__run_clear(&run);
        return status;
    }
    *out = run;
    *is_new = added;
    return AIRE_OK;
}

aire_status aire__store_unfinished(aire_store *store, aire_run **out, size_t *count)
{
    aire_query query;
    aire_run *runs = NULL;
    size_t length = 0;
    size_t capacity = 0;

    *out = NULL;
    *count = 0;
    aire_status status = aire__read_begin(store);
    if (status == AIRE_OK) {
        aire__query_begin(&query, store, AIRE_SQL_UNFINISHED);
        while (status == AIRE_OK && aire__query_next(&query)) {
            if (!aire__grow(store->ctx, &runs, &capacity, length + 1, sizeof(*runs)))
                status = aire__fail_nomem();
            else
                status = run_of_row(&query, &runs[length++]);
        }
        aire_status ended = aire__query_end(&query);
        status = status != AIRE_OK ? status : ended;
    }
    status = aire__read_end(store, status);
    if (status != AIRE_OK) {
        for (size_t i = 0; i < length; i++)
            aire__run_clear(&runs[i]);
        aire_free(store->ctx, runs);
        return status;
    }
    *out = runs;
    *count = length;
    return AIRE_OK;
}
