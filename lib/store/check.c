/* Whether a store is whole: what SQLite knows of its file, and what we know of our records. */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "store/db.h"
#include "store/schema.h"

/* What a user can do about it. */
#define ADVICE "; opened read-only it can still be looked at"

/* Rows are numbered from 1, and none is ever deleted: counting relies on it. */
#define NO_GAPS(table, number, what)                                                               \
    {                                                                                              \
        1, "SELECT max(" number ") FROM " table " HAVING max(" number ") <> count(*)",             \
            "the last " what " has number", "and some before it are missing"                       \
    }

/* Each finds what must not be: the first row, a number, is told between the words. */
static const struct {
    int64_t since; /* version of the schema */
    const char *sql, *before, *after;
} invariants[] = {
    {1, "SELECT id FROM runs WHERE state = 2 AND id NOT IN (SELECT run_id FROM results) LIMIT 1",
     "run", "has finished without a result"},
    {1, "SELECT run_id FROM results JOIN runs ON runs.id = run_id WHERE state <> 2 LIMIT 1", "run",
     "has a result, and has not finished"},
    NO_GAPS("plans", "id", "plan"),
    NO_GAPS("ideas", "id", "idea"),
    NO_GAPS("runs", "id", "run"),
    NO_GAPS("results", "seq", "result"),
    NO_GAPS("model_calls", "id", "model call"),
    {1,
     "SELECT run_id FROM results JOIN runs ON runs.id = run_id WHERE results.kind <> runs.kind"
     " LIMIT 1",
     "run", "is of another kind than its result"},
    {1, "SELECT id FROM runs WHERE (kind = 2) <> (idea_id IS NULL) LIMIT 1", "run",
     "is of a baseline and has an idea, or the other way round"},
    {1,
     "SELECT runs.id FROM runs JOIN ideas ON ideas.id = runs.idea_id"
     " LEFT JOIN plans ON plans.id = ideas.plan_id WHERE runs.epoch IS NOT plans.epoch LIMIT 1",
     "run", "is of another epoch than the plan of its idea"},
    {1, "SELECT run_id FROM results WHERE (outcome = 0) <> (reward IS NOT NULL) LIMIT 1", "run",
     "has a reward and has failed, or the other way round"},
    {1, "SELECT id FROM runs WHERE told IS NOT NULL AND state <> 2 LIMIT 1", "run",
     "was told to the searcher before it had finished"},
    {1, "SELECT max(told) FROM runs HAVING max(told) <> count(told) OR min(told) <> 1",
     "the last tell has number", "and some before it are missing"},
    {1,
     "SELECT id FROM plans WHERE submitted <> (SELECT count(*) FROM ideas WHERE plan_id = plans.id)"
     " LIMIT 1",
     "plan", "has another number of ideas than were submitted for it"},
    /* beyond 2^53 sums are not exact */
    {2,
     "SELECT id FROM model_totals t, (SELECT total(input_tokens) AS i, total(output_tokens) AS o"
     " FROM model_calls) WHERE i + o < 9e15 AND (t.input_tokens <> i OR t.output_tokens <> o)"
     " UNION ALL SELECT 0 WHERE (SELECT count(*) FROM model_totals) <> 1",
     "row", "of model_totals does not say what the model calls come to"},
    {3, "SELECT run_id FROM drafts GROUP BY run_id HAVING max(number) <> count(*) LIMIT 1", "run",
     "lacks some of its drafts"},
    {3, "SELECT run_id FROM drafts GROUP BY run_id, repair HAVING sum(chosen) > 1 LIMIT 1", "run",
     "has two drafts that were chosen at once"},
};

static aire_status check_invariant(aire_store *store, size_t index)
{
    aire_query query;
    int64_t number = 0;

    aire__query_begin_text(&query, store, invariants[index].sql);
    aire_status status = aire__query_get_int(&query, &number);
    if (status == AIRE_EMPTY)
        return AIRE_OK;
    if (status != AIRE_OK)
        return status;
    return aire__fail(AIRE_CORRUPT, "store '%s': %s %lld %s" ADVICE, store->path,
                      invariants[index].before, (long long)number, invariants[index].after);
}

static aire_status check_invariants(aire_store *store)
{
    int64_t version = 0;
    aire_status status = aire__schema_check(store, &version);
    for (size_t i = 0; status == AIRE_OK && i < sizeof invariants / sizeof *invariants; i++)
        if (invariants[i].since <= version)
            status = check_invariant(store, i);
    return status;
}

/* The first text that a check of SQLite's gives, on one line; "" for none. */
static aire_status first_text(aire_store *store, const char *pragma, char *found, size_t size)
{
    aire_query query;

    *found = '\0';
    aire__query_begin_text(&query, store, pragma);
    if (aire__query_next(&query)) {
        const char *text = aire__query_text(&query, 0);
        snprintf(found, size, "%s", text ? text : "?");
    }
    for (char *c = found; *c != '\0'; c++)
        *c = *c == '\n' ? ' ' : *c;
    return aire__query_end(&query);
}

/* Conditions of the tables are left to the invariants, which say of which record they are. */
static aire_status check_file(aire_store *store, const char *pragma)
{
    char found[256];

    aire_status status = aire__db_exec(store, "PRAGMA ignore_check_constraints = ON");
    if (status == AIRE_OK)
        status = first_text(store, pragma, found, sizeof found);
    sqlite3_exec(store->db, "PRAGMA ignore_check_constraints = OFF", NULL, NULL, NULL);
    if (status == AIRE_OK && strcmp(found, "ok") != 0)
        return aire__fail(AIRE_CORRUPT, "store '%s': its file is damaged: %s" ADVICE, store->path,
                          found);
    return status;
}

static aire_status check_references(aire_store *store)
{
    char table[64];

    aire_status status = first_text(store, "PRAGMA foreign_key_check", table, sizeof table);
    if (status == AIRE_OK && *table != '\0')
        return aire__fail(AIRE_CORRUPT,
                          "store '%s': the table \"%s\" refers to what is not there" ADVICE,
                          store->path, table);
    return status;
}

aire_status aire__store_check_quickly(aire_store *store)
{
    aire_status status = aire__read_begin(store);
    if (status == AIRE_OK)
        status = check_file(store, "PRAGMA quick_check(1)");
    if (status == AIRE_OK)
        status = check_invariants(store);
    return aire__read_end(store, status);
}

aire_status aire_store_check(aire_store *store)
{
    if (!store)
        return aire__fail(AIRE_INVALID, "aire_store_check: store must not be NULL");
    aire_status status = aire__read_begin(store);
    if (status == AIRE_OK)
        status = check_file(store, "PRAGMA integrity_check(1)");
    if (status == AIRE_OK)
        status = check_invariants(store);
    if (status == AIRE_OK)
        status = check_references(store);
    return aire__read_end(store, status);
}
