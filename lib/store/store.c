/* The store as a handle: what it holds as a whole. Opening is in open.c. */
#include "store/store.h"

#include <string.h>

#include "base/fail.h"
#include "base/options.h"
#include "base/str.h"
#include "store/db.h"
#include "store/read.h"
#include "store/steps.h"

aire_status aire_store_options_init(aire_store_options *options, size_t size)
{
    return aire__options_init(options, size, sizeof(*options), sizeof(*options),
                              "aire_store_options");
}

aire_store *aire_store_ref(aire_store *store)
{
    if (store)
        aire__ref_take(&store->refs);
    return store;
}

const char *aire_store_path(const aire_store *store)
{
    return store->path;
}

aire_ctx *aire__store_ctx(const aire_store *store)
{
    return store->ctx;
}

bool aire__store_is_read_only(const aire_store *store)
{
    return store->read_only;
}

/* ---- named texts ---- */

/* *out is from aire_alloc; AIRE_EMPTY if there is none. */
static aire_status get_text(aire_store *store, aire_sql sql, const char *name, char **out)
{
    aire_query query;
    char *copy = NULL;

    aire__query_begin(&query, store, sql);
    aire__query_put_text(&query, name);
    bool found = aire__query_next(&query);
    if (found) {
        const char *text = aire__query_text(&query, 0);
        if (query.status == AIRE_OK) {
            copy = aire__strdup(store->ctx, text);
            if (!copy)
                query.status = aire__fail_nomem();
        }
    }
    aire_status status = aire__query_end(&query);
    if (status != AIRE_OK) {
        aire_free(store->ctx, copy);
        return status;
    }
    *out = copy;
    return found ? AIRE_OK : AIRE_EMPTY;
}

static aire_status set_text(aire_store *store, aire_sql sql, const char *name, const char *value)
{
    aire_query query;

    aire__query_begin(&query, store, sql);
    aire__query_put_text(&query, name);
    aire__query_put_text(&query, value);
    return aire__query_run(&query);
}

aire_status aire__step_get_meta(aire_store *store, const char *name, char **out)
{
    return get_text(store, AIRE_SQL_META, name, out);
}

aire_status aire__step_set_meta(aire_store *store, const char *name, const char *value)
{
    return set_text(store, AIRE_SQL_SET_META, name, value);
}

aire_status aire__store_read_text(aire_store *store, aire_sql sql, const char *name, char **out)
{
    *out = NULL;
    aire_status status = aire__read_begin(store);
    if (status == AIRE_OK)
        status = get_text(store, sql, name, out);
    return aire__read_end(store, status);
}

aire_status aire_store_get_note(aire_store *store, const char *name, char **out)
{
    if (!out)
        return aire__fail(AIRE_INVALID, "store: out is NULL");
    *out = NULL;
    if (!store || !name)
        return aire__fail(AIRE_INVALID, "store: %s is NULL", !store ? "store" : "name");
    aire_status status = aire__store_read_text(store, AIRE_SQL_NOTE, name, out);
    if (status == AIRE_EMPTY)
        return aire__fail(AIRE_NOT_FOUND, "store '%s': there is no note \"%.64s\"", store->path,
                          name);
    return status;
}

aire_status aire_store_set_note(aire_store *store, const char *name, const char *value)
{
    if (!store || !name || !value)
        return aire__fail(AIRE_INVALID, "store: %s is NULL",
                          !store  ? "store"
                          : !name ? "name"
                                  : "value");
    if (!aire__utf8_valid(name, strlen(name)) || !aire__utf8_valid(value, strlen(value)))
        return aire__fail(AIRE_INVALID, "store: the note is not UTF-8");
    aire_status status = aire__write_begin(store, AIRE_WRITE_NOTE);
    if (status == AIRE_OK)
        status = set_text(store, AIRE_SQL_SET_NOTE, name, value);
    return aire__write_end(store, status);
}

/* ---- what the store is tied to ---- */

/* Tie a named value to the store, or compare it with what is there; *was is from aire_alloc, NULL
 * if it is new. */
static aire_status bind_value(aire_store *store, const char *name, const char *value, char **was)
{
    aire_status status = get_text(store, AIRE_SQL_META, name, was);
    if (status == AIRE_EMPTY)
        return set_text(store, AIRE_SQL_SET_META, name, value);
    return status;
}

aire_status aire__store_bind_env(aire_store *store, const char *name, const char *hash)
{
    char *was_name = NULL;
    char *was_hash = NULL;

    aire_status status = aire__write_begin(store, AIRE_WRITE_BIND);
    if (status == AIRE_OK)
        status = bind_value(store, "env.hash", hash, &was_hash);
    if (status == AIRE_OK)
        status = bind_value(store, "env.name", name, &was_name);
    if (status == AIRE_OK && was_hash && strcmp(was_hash, hash) != 0)
        status =
            aire__fail(AIRE_STATE,
                       "store '%s': its results are of environment \"%s\" with hash %.12s, not "
                       "of \"%s\" with hash %.12s; use a new store for a changed environment",
                       store->path, was_name ? was_name : "?", was_hash, name, hash);
    status = aire__write_end(store, status);
    aire_free(store->ctx, was_name);
    aire_free(store->ctx, was_hash);
    return status;
}

aire_status aire__store_bind_search(aire_store *store, const char *name, const char *options)
{
    char *was_name = NULL;
    char *was_options = NULL;

    aire_status status = aire__write_begin(store, AIRE_WRITE_BIND);
    if (status == AIRE_OK)
        status = bind_value(store, "search.name", name, &was_name);
    if (status == AIRE_OK)
        status = bind_value(store, "search.options", options, &was_options);
    if (status == AIRE_OK && was_name && was_options &&
        (strcmp(was_name, name) != 0 || strcmp(was_options, options) != 0))
        status = aire__fail(AIRE_STATE,
                            "store '%s': it holds a search \"%s\" with %s, not \"%s\" with %s",
                            store->path, was_name, was_options, name, options);
    status = aire__write_end(store, status);
    aire_free(store->ctx, was_name);
    aire_free(store->ctx, was_options);
    return status;
}

/* ---- counts ---- */

aire_status aire_store_count(aire_store *store, aire_store_counts *counts)
{
    aire_query query;
    aire_store_counts ours = {.struct_size = sizeof(ours)};

    if (!store || !counts)
        return aire__fail(AIRE_INVALID, "store: %s is NULL", !store ? "store" : "counts");
    aire_status status = aire__read_begin(store);
    if (status == AIRE_OK) {
        aire__query_begin(&query, store, AIRE_SQL_COUNTS);
        if (aire__query_next(&query)) {
            ours.plans = aire__query_int(&query, 0);
            ours.ideas = aire__query_int(&query, 1);
            ours.runs_waiting = aire__query_int(&query, 2);
            ours.runs_finished = aire__query_int(&query, 3);
            ours.runs_told = aire__query_int(&query, 4);
            ours.model_calls = aire__query_int(&query, 5);
            ours.input_tokens = aire__query_int(&query, 6);
            ours.output_tokens = aire__query_int(&query, 7);
        } else if (query.status == AIRE_OK) {
            query.status =
                aire__fail(AIRE_CORRUPT, "store '%s': its totals are missing", store->path);
        }
        status = aire__query_end(&query);
    }
    status = aire__read_end(store, status);
    if (status != AIRE_OK)
        return status;
    return aire__options_give(&ours, counts, sizeof(ours), sizeof(ours), "aire_store_counts");
}
