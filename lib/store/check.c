/* Whether a store is whole: what SQLite knows of its file, and what we know of our records. */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "store/db.h"

/* Each finds what must not be: the first row is told with its words. */
static const struct {
    const char *sql, *what;
} invariants[] = {
    {"SELECT id FROM runs WHERE state = 2 AND id NOT IN (SELECT run_id FROM results) LIMIT 1",
     "has finished without a result"},
    {"SELECT run_id FROM results JOIN runs ON runs.id = run_id WHERE state <> 2 LIMIT 1",
     "has a result, and has not finished"},
    {"SELECT run_id FROM results JOIN runs ON runs.id = run_id WHERE results.kind <> runs.kind"
     " LIMIT 1",
     "is of another kind than its result"},
    {"SELECT run_id FROM results WHERE (outcome = 0) <> (reward IS NOT NULL) LIMIT 1",
     "has a reward and has failed, or the other way round"},
    {"SELECT id FROM runs WHERE told IS NOT NULL AND state <> 2 LIMIT 1",
     "was told to the searcher before it had finished"},
    {"SELECT max(told) FROM runs HAVING max(told) <> count(told)",
     "is the number of the last tell, and some before it are missing"},
};

/* The one row of a check of SQLite's says "ok"; a foreign key that is broken is a row. */
static aire_status ask_sqlite(aire_store *store, const char *pragma, bool says_ok)
{
    aire_query query;
    char found[200] = "";
    aire__query_begin_text(&query, store, pragma);
    if (aire__query_next(&query)) {
        const char *text = aire__query_text(&query, 0);
        snprintf(found, sizeof found, "%s", text ? text : "?");
    }
    aire_status status = aire__query_end(&query);
    if (status != AIRE_OK)
        return status;
    if (says_ok ? strcmp(found, "ok") != 0 : *found != '\0')
        return aire__fail(AIRE_CORRUPT, "store '%s': it is damaged: %s%s", store->path,
                          says_ok ? "" : "a broken reference in the table ", found);
    return AIRE_OK;
}

static aire_status check_invariant(aire_store *store, const char *sql, const char *what)
{
    aire_query query;
    int64_t number = 0;
    aire__query_begin_text(&query, store, sql);
    aire_status status = aire__query_get_int(&query, &number);
    if (status == AIRE_EMPTY)
        return AIRE_OK;
    return status != AIRE_OK ? status
                             : aire__fail(AIRE_CORRUPT, "store '%s': run %lld %s", store->path,
                                          (long long)number, what);
}

aire_status aire_store_check(aire_store *store)
{
    if (!store)
        return aire__fail(AIRE_INVALID, "aire_store_check: store must not be NULL");
    aire_status status = aire__read_begin(store);
    if (status == AIRE_OK)
        status = ask_sqlite(store, "PRAGMA integrity_check(1)", true);
    for (size_t i = 0; i < sizeof invariants / sizeof *invariants && status == AIRE_OK; i++)
        status = check_invariant(store, invariants[i].sql, invariants[i].what);
    if (status == AIRE_OK)
        status = ask_sqlite(store, "PRAGMA foreign_key_check", false);
    return aire__read_end(store, status);
}
