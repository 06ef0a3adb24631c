/* Ideas, out of the store and (in runs.c) into it. */
#include "base/fail.h"
#include "base/str.h"
#include "store/read.h"

/* The order of AIRE_SQL_IDEA_COLUMNS_. */
enum idea_column {
    COLUMN_ID,
    COLUMN_PLAN,
    COLUMN_ORDINAL,
    COLUMN_TITLE,
    COLUMN_TEXT,
    COLUMN_CHANGES,
    COLUMN_REASONING,
    COLUMN_ORIGIN,
    COLUMN_PATCH, /* two columns */
    COLUMN_KIND = COLUMN_PATCH + 2
};

aire_status aire__read_refused(aire_store *store, aire_status status, const char *what, int64_t id)
{
    if (status == AIRE_INVALID || status == AIRE_LIMIT)
        return aire__fail_prefix(AIRE_CORRUPT, "store '%s': %s %lld is damaged", store->path, what,
                                 (long long)id);
    return status;
}

void aire__put_patch(aire_query *query, aire_patch *patch)
{
    if (!patch) {
        aire__query_put_null(query);
        aire__query_put_null(query);
        return;
    }
    aire__query_put_int(query, aire_patch_format(patch));
    aire__query_put_blob(query, aire_patch_text(patch), aire_patch_length(patch));
}

aire_status aire__read_patch(aire_query *query, int column, aire_patch **out)
{
    size_t length;

    *out = NULL;
    if (aire__query_is_null(query, column))
        return AIRE_OK;
    const void *text = aire__query_blob(query, column + 1, &length);
    return aire_patch_new(query->store->ctx, aire__query_int32(query, column), text, length, out);
}

/* *out is from aire_alloc. */
static aire_status read_parents(aire_store *store, int64_t id, int64_t **out, size_t *count)
{
    aire_query query;
    size_t capacity = 0;

    *out = NULL;
    *count = 0;
    aire__query_begin(&query, store, AIRE_SQL_IDEA_PARENTS);
    aire__query_put_int(&query, id);
    while (aire__query_next(&query)) {
        if (!aire__grow(store->ctx, out, &capacity, *count + 1, sizeof(**out))) {
            query.status = aire__fail_nomem();
            break;
        }
        (*out)[(*count)++] = aire__query_int(&query, 0);
    }
    return aire__query_end(&query);
}

/* The row that the query is at, with a plan that is at hand already. */
static aire_status idea_of_row(aire_query *query, aire_plan *plan, aire_idea **out)
{
    aire_store *store = query->store;
    aire_idea_options options = AIRE_IDEA_OPTIONS_INIT;
    int64_t *parents = NULL;
    aire_patch *patch = NULL;

    options.id = aire__query_int(query, COLUMN_ID);
    options.ordinal = aire__query_int32(query, COLUMN_ORDINAL);
    options.plan = plan;
    options.title = aire__query_text(query, COLUMN_TITLE);
    options.text = aire__query_text(query, COLUMN_TEXT);
    options.changes = aire__query_text(query, COLUMN_CHANGES);
    options.reasoning = aire__query_text(query, COLUMN_REASONING);
    options.origin = aire__query_text(query, COLUMN_ORIGIN);
    options.kind = aire__query_int32(query, COLUMN_KIND);
    aire_status status = query->status;
    if (status == AIRE_OK)
        status = aire__read_patch(query, COLUMN_PATCH, &patch);
    if (status == AIRE_OK)
        status = read_parents(store, options.id, &parents, &options.parent_count);
    if (status == AIRE_OK) {
        options.parents = parents;
        options.patch = patch;
        status = aire_idea_new(store->ctx, &options, out);
    }
    aire_patch_unref(patch);
    aire_free(store->ctx, parents);
    return aire__read_refused(store, status, "idea", options.id);
}

aire_status aire__read_idea(aire_store *store, int64_t id, aire_idea **out)
{
    aire_query query;
    aire_plan *plan = NULL;
    aire_status status = AIRE_OK;

    *out = NULL;
    aire__query_begin(&query, store, AIRE_SQL_IDEA);
    aire__query_put_int(&query, id);
    if (aire__query_next(&query)) {
        status = aire__read_plan(store, aire__query_int(&query, COLUMN_PLAN), &plan);
        if (status == AIRE_OK)
            status = idea_of_row(&query, plan, out);
    } else if (query.status == AIRE_OK) {
        status = aire__fail(AIRE_CORRUPT, "store '%s': idea %lld is not there", store->path,
                            (long long)id);
    }
    aire_plan_unref(plan);
    aire_status ended = aire__query_end(&query);
    return status != AIRE_OK ? status : ended;
}

aire_status aire__copy_idea(aire_ctx *ctx, aire_idea *idea, int64_t id, aire_plan *plan,
                            aire_idea **out)
{
    aire_idea_options options = AIRE_IDEA_OPTIONS_INIT;
    size_t count = aire_idea_parent_count(idea);
    int64_t *parents = aire__calloc(ctx, count, sizeof(int64_t));

    if (!parents)
        return aire__fail_nomem();
    for (size_t i = 0; i < count; i++)
        parents[i] = aire_idea_parent(idea, i);
    options.id = id;
    options.ordinal = aire_idea_ordinal(idea);
    options.plan = plan;
    options.title = aire_idea_title(idea);
    options.text = aire_idea_text(idea);
    options.changes = aire_idea_changes(idea);
    options.reasoning = aire_idea_reasoning(idea);
    options.origin = aire_idea_origin(idea);
    options.kind = aire_idea_kind(idea);
    options.parents = parents;
    options.parent_count = count;
    options.patch = aire_idea_patch(idea);
    aire_status status = aire_idea_new(ctx, &options, out);
    aire_free(ctx, parents);
    return status;
}

/* Ideas of one plan follow each other: their plan is read once. */
static aire_status plan_for_row(aire_query *query, aire_plan **plan)
{
    int64_t id = aire__query_int(query, COLUMN_PLAN);

    if (id == (*plan ? aire_plan_id(*plan) : 0))
        return AIRE_OK;
    aire_plan_unref(*plan);
    return aire__read_plan(query->store, id, plan);
}

static aire_status read_all(aire_query *query, aire_ideas **out)
{
    aire_ctx *ctx = query->store->ctx;
    aire_idea **ideas = NULL;
    size_t count = 0;
    size_t capacity = 0;
    aire_plan *plan = NULL;
    aire_status status = AIRE_OK;

    while (status == AIRE_OK && aire__query_next(query)) {
        if (!aire__grow(ctx, &ideas, &capacity, count + 1, sizeof(*ideas)))
            status = aire__fail_nomem();
        if (status == AIRE_OK)
            status = plan_for_row(query, &plan);
        if (status == AIRE_OK)
            status = idea_of_row(query, plan, &ideas[count]);
        if (status == AIRE_OK)
            count++;
    }
    aire_status ended = aire__query_end(query);
    if (status == AIRE_OK)
        status = ended;
    if (status == AIRE_OK)
        status = aire_ideas_new(ctx, ideas, count, out);
    aire_plan_unref(plan);
    for (size_t i = 0; i < count; i++)
        aire_idea_unref(ideas[i]);
    aire_free(ctx, ideas);
    return status;
}

aire_status aire_store_ideas(aire_store *store, int64_t plan_id, aire_ideas **out)
{
    aire_query query;

    if (!out)
        return aire__fail(AIRE_INVALID, "store: out is NULL");
    *out = NULL;
    if (!store || plan_id < 0)
        return aire__fail(AIRE_INVALID, "store: %s", !store ? "store is NULL" : "negative plan id");
    aire_status status = aire__read_begin(store);
    if (status == AIRE_OK) {
        aire__query_begin(&query, store, plan_id ? AIRE_SQL_IDEAS_OF_PLAN : AIRE_SQL_IDEAS);
        if (plan_id)
            aire__query_put_int(&query, plan_id);
        status = read_all(&query, out);
    }
    return aire__read_end(store, status);
}

aire_status aire__store_ideas_after(aire_store *store, int64_t idea_id, aire_ideas **out)
{
    aire_query query;

    *out = NULL;
    aire_status status = aire__read_begin(store);
    if (status == AIRE_OK) {
        aire__query_begin(&query, store, AIRE_SQL_IDEAS_AFTER);
        aire__query_put_int(&query, idea_id);
        status = read_all(&query, out);
    }
    return aire__read_end(store, status);
}
