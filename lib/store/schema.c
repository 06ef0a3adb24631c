#include "store/schema.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/fail.h"
#include "store/db.h"

const char *aire__sql_text(aire_sql sql)
{
#define TEXT_(name, text) text,
    static const char *const texts[] = {AIRE_SQL_MAP(TEXT_)};
#undef TEXT_
    return texts[sql];
}

/* clang-format off */

/*
 * Version 1. Times are milliseconds since 1970; seeds are 64 bits, kept as SQLite's signed
 * integers.
 *
 * runs.state: 0 queued, 1 running, 2 finished (then there is a result). runs.told: number of the
 * tell, from 1 without gaps. runs.epoch and results.kind repeat what the plan and the run say, so
 * that one index answers. The numbers in conditions are AIRE_RUN_IDEA (1) and the outcomes
 * NO_CHANGE (1), CANCELLED (13) and INFRA_FAILED (14).
 */
static const char version_1[] =
    "CREATE TABLE lease ("
    " id INTEGER PRIMARY KEY CHECK (id = 1),"
    " fence INTEGER NOT NULL,"
    " pid INTEGER NOT NULL,"
    " host TEXT NOT NULL,"
    " since_ms INTEGER NOT NULL) STRICT;"

    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"

    "CREATE TABLE plans ("
    " id INTEGER PRIMARY KEY,"
    " kind INTEGER NOT NULL,"
    " epoch INTEGER NOT NULL,"
    " count INTEGER NOT NULL,"
    " submitted INTEGER NOT NULL DEFAULT 0,"
    " closed INTEGER NOT NULL DEFAULT 0,"
    " made_ms INTEGER NOT NULL) STRICT;"
    "CREATE INDEX plans_epoch ON plans (epoch, submitted);"
    "CREATE INDEX plans_open ON plans (id) WHERE closed = 0;"

    "CREATE TABLE ideas ("
    " id INTEGER PRIMARY KEY,"
    " plan_id INTEGER REFERENCES plans (id),"
    " ordinal INTEGER NOT NULL,"
    " title TEXT NOT NULL,"
    " text TEXT NOT NULL,"
    " changes TEXT NOT NULL,"
    " reasoning TEXT NOT NULL,"
    " origin TEXT NOT NULL,"
    " patch_format INTEGER,"
    " patch BLOB,"
    " made_ms INTEGER NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX ideas_place ON ideas (plan_id, ordinal) WHERE plan_id IS NOT NULL;"

    "CREATE TABLE idea_parents ("
    " idea_id INTEGER NOT NULL REFERENCES ideas (id),"
    " ordinal INTEGER NOT NULL,"
    " parent_id INTEGER NOT NULL,"
    " PRIMARY KEY (idea_id, ordinal)) STRICT, WITHOUT ROWID;"

    "CREATE TABLE runs ("
    " id INTEGER PRIMARY KEY,"
    " kind INTEGER NOT NULL,"
    " idea_id INTEGER REFERENCES ideas (id),"
    " epoch INTEGER,"
    " seed INTEGER NOT NULL,"
    " priority INTEGER NOT NULL,"
    " state INTEGER NOT NULL DEFAULT 0,"
    " attempts INTEGER NOT NULL DEFAULT 0,"
    " told INTEGER,"
    " submitted_ms INTEGER NOT NULL,"
    " began_ms INTEGER,"
    " finished_ms INTEGER) STRICT;"
    "CREATE UNIQUE INDEX runs_of_idea ON runs (idea_id) WHERE kind = 1;"
    "CREATE UNIQUE INDEX runs_of_seed ON runs (kind, ifnull(idea_id, 0), seed) WHERE kind <> 1;"
    "CREATE INDEX runs_by_idea ON runs (idea_id);"
    "CREATE INDEX runs_unfinished ON runs (id) WHERE state < 2;"
    "CREATE UNIQUE INDEX runs_told ON runs (told) WHERE told IS NOT NULL;"
    "CREATE INDEX runs_untold ON runs (state) WHERE told IS NULL;"
    "CREATE INDEX runs_untold_of_epoch ON runs (epoch) WHERE kind = 1 AND told IS NULL;"

    "CREATE TABLE results ("
    " seq INTEGER PRIMARY KEY," /* order of finishing */
    " run_id INTEGER NOT NULL UNIQUE REFERENCES runs (id),"
    " kind INTEGER NOT NULL,"
    " outcome INTEGER NOT NULL,"
    " stage INTEGER NOT NULL,"
    " cause INTEGER NOT NULL,"
    " code INTEGER NOT NULL,"
    " trust INTEGER NOT NULL,"
    " attempts INTEGER NOT NULL,"
    " reward REAL,"
    " variant TEXT NOT NULL,"
    " detail TEXT NOT NULL,"
    " log_tail TEXT NOT NULL,"
    " patch_format INTEGER,"
    " patch BLOB,"
    " CHECK ((outcome = 0) = (reward IS NOT NULL))) STRICT;"
    "CREATE INDEX results_by_reward ON results (reward DESC, run_id) WHERE reward IS NOT NULL;"
    "CREATE INDEX results_by_kind ON results (kind, reward DESC, run_id)"
    " WHERE reward IS NOT NULL;"
    "CREATE INDEX results_by_variant ON results (variant, run_id)"
    " WHERE kind = 1 AND variant <> '' AND outcome NOT IN (1, 13, 14);"

    "CREATE TABLE metrics ("
    " run_id INTEGER NOT NULL REFERENCES results (run_id),"
    " ordinal INTEGER NOT NULL,"
    " name TEXT NOT NULL,"
    " value REAL NOT NULL,"
    " PRIMARY KEY (run_id, ordinal)) STRICT, WITHOUT ROWID;"

    "CREATE TABLE usage ("
    " run_id INTEGER NOT NULL REFERENCES results (run_id),"
    " ordinal INTEGER NOT NULL,"
    " stage INTEGER NOT NULL,"
    " wall_ms INTEGER NOT NULL,"
    " user_ms INTEGER NOT NULL,"
    " system_ms INTEGER NOT NULL,"
    " max_rss_bytes INTEGER NOT NULL,"
    " PRIMARY KEY (run_id, ordinal)) STRICT, WITHOUT ROWID;"

    "CREATE TABLE plan_parents ("
    " plan_id INTEGER NOT NULL REFERENCES plans (id),"
    " ordinal INTEGER NOT NULL,"
    " run_id INTEGER NOT NULL REFERENCES results (run_id),"
    " PRIMARY KEY (plan_id, ordinal)) STRICT, WITHOUT ROWID;"

    "CREATE TABLE plan_avoid ("
    " plan_id INTEGER NOT NULL REFERENCES plans (id),"
    " ordinal INTEGER NOT NULL,"
    " idea_id INTEGER NOT NULL REFERENCES ideas (id),"
    " PRIMARY KEY (plan_id, ordinal)) STRICT, WITHOUT ROWID;"

    /* plan and idea are not enforced: what was paid for is kept, whatever it says that it served */
    "CREATE TABLE model_calls ("
    " id INTEGER PRIMARY KEY,"
    " at_ms INTEGER NOT NULL,"
    " plan_id INTEGER,"
    " idea_id INTEGER,"
    " status INTEGER NOT NULL,"
    " purpose TEXT NOT NULL,"
    " model TEXT NOT NULL,"
    " input_tokens INTEGER NOT NULL,"
    " output_tokens INTEGER NOT NULL,"
    " latency_ms INTEGER NOT NULL,"
    " attempts INTEGER NOT NULL,"
    " request TEXT NOT NULL,"
    " answer TEXT NOT NULL,"
    " detail TEXT NOT NULL) STRICT;"
    "CREATE INDEX model_calls_tokens ON model_calls (input_tokens, output_tokens);"

    "CREATE TABLE events ("
    " id INTEGER PRIMARY KEY,"
    " at_ms INTEGER NOT NULL,"
    " type TEXT NOT NULL,"
    " run_id INTEGER,"
    " text TEXT NOT NULL) STRICT;";

/*
 * Version 2: more of what a stage used, runs to keep, and what the model calls come to, so that
 * counting does not read them all. Nothing else needs a table: rows are numbered from 1 without
 * gaps and never deleted, so the highest number says how many there are.
 */
static const char version_2[] =
    "ALTER TABLE usage ADD COLUMN io_read_bytes INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE usage ADD COLUMN io_write_bytes INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE usage ADD COLUMN gpu_memory_bytes INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE usage ADD COLUMN gpu_ms INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE pins (run_id INTEGER PRIMARY KEY REFERENCES runs (id)) STRICT;"
    "CREATE TABLE model_totals ("
    " id INTEGER PRIMARY KEY CHECK (id = 1),"
    " input_tokens INTEGER NOT NULL,"
    " output_tokens INTEGER NOT NULL) STRICT;"
    "INSERT INTO model_totals SELECT 1, ifnull(sum(input_tokens), 0), ifnull(sum(output_tokens), 0)"
    " FROM model_calls;"
    "DROP INDEX model_calls_tokens;";

/* Version 3: what models answered when they were to write a patch, kinds of ideas, and runs of ideas
 * to avoid (from idea_id to last_id; NULL: the one alone): a plan that avoids all before it is a row. */
static const char version_3[] =
    "ALTER TABLE plan_avoid ADD COLUMN last_id INTEGER REFERENCES ideas (id);"
    "ALTER TABLE ideas ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE drafts ("
    " run_id INTEGER NOT NULL REFERENCES runs (id),"
    " number INTEGER NOT NULL,"
    " at_ms INTEGER NOT NULL,"
    " kind INTEGER NOT NULL,"
    " repair INTEGER NOT NULL,"
    " candidate INTEGER NOT NULL,"
    " round INTEGER NOT NULL,"
    " chosen INTEGER NOT NULL DEFAULT 0,"
    " outcome INTEGER NOT NULL,"
    " cause INTEGER NOT NULL,"
    " model TEXT NOT NULL,"
    " sent TEXT NOT NULL,"
    " answer TEXT NOT NULL,"
    " patch TEXT NOT NULL,"
    " message TEXT NOT NULL,"
    " input_tokens INTEGER NOT NULL,"
    " output_tokens INTEGER NOT NULL,"
    " latency_ms INTEGER NOT NULL,"
    " cost REAL) STRICT;"
    "CREATE UNIQUE INDEX drafts_of_run ON drafts (run_id, number);";

/* clang-format on */

/* migrations[v] makes version v + 1 out of version v. A released one is never changed. */
static const char *const migrations[] = {version_1, version_2, version_3};
#define NEWEST ((int64_t)(sizeof(migrations) / sizeof(migrations[0])))

/* Every table, and the version that brought it. */
static const struct {
    int64_t since;
    const char *name;
} tables[] = {{1, "lease"},       {1, "meta"},         {1, "notes"},        {1, "plans"},
              {1, "ideas"},       {1, "idea_parents"}, {1, "runs"},         {1, "results"},
              {1, "metrics"},     {1, "usage"},        {1, "plan_parents"}, {1, "plan_avoid"},
              {1, "model_calls"}, {1, "events"},       {2, "pins"},         {2, "model_totals"},
              {3, "drafts"}};

static aire_status check_table(aire_store *store, const char *name)
{
    aire_query query;
    int64_t found;

    aire__query_begin_text(&query, store,
                           "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?");
    aire__query_put_text(&query, name);
    aire_status status = aire__query_get_int(&query, &found);
    if (status == AIRE_EMPTY)
        return aire__fail(AIRE_CORRUPT, "store '%s': its table \"%s\" is missing", store->path,
                          name);
    return status;
}

static aire_status check_tables(aire_store *store, int64_t version)
{
    aire_status status = AIRE_OK;
    for (size_t i = 0; status == AIRE_OK && i < sizeof tables / sizeof *tables; i++)
        if (tables[i].since <= version)
            status = check_table(store, tables[i].name);
    return status;
}

static aire_status read_number(aire_store *store, const char *sql, int64_t *out)
{
    aire_query query;
    aire__query_begin_text(&query, store, sql);
    return aire__query_get_int(&query, out);
}

aire_status aire__schema_check(aire_store *store, int64_t *version)
{
    int64_t application = 0;
    int64_t objects = 0;

    aire_status status = read_number(store, "PRAGMA application_id", &application);
    if (status == AIRE_OK)
        status = read_number(store, "PRAGMA user_version", version);
    if (status == AIRE_OK)
        status = read_number(store, "SELECT count(*) FROM sqlite_schema", &objects);
    if (status != AIRE_OK)
        return status;

    bool blank = application == 0 && *version == 0 && objects == 0;
    if (blank && !store->read_only)
        return AIRE_OK;
    if (application != AIRE_STORE_APPLICATION_ID)
        return aire__fail(AIRE_FORMAT, "'%s' is not a store: %s", store->path,
                          blank ? "it is empty" : "it is another program's database");
    if (*version > NEWEST)
        return aire__fail(AIRE_UNSUPPORTED,
                          "store '%s': made by a newer version of libaire (its schema is %" PRId64
                          ", the newest known here is %" PRId64 ")",
                          store->path, *version, NEWEST);
    if (*version < 1)
        return aire__fail(AIRE_CORRUPT, "store '%s': impossible schema version %" PRId64,
                          store->path, *version);
    if (*version < NEWEST && store->read_only)
        return aire__fail(AIRE_UNSUPPORTED,
                          "store '%s': made by an older version of libaire; open it once for "
                          "writing to bring it up to date",
                          store->path);
    return check_tables(store, *version);
}

aire_status aire__schema_migrate(aire_store *store, int64_t version)
{
    char pragmas[96];
    aire_status status = AIRE_OK;

    if (version == NEWEST)
        return AIRE_OK;
    for (int64_t v = version; v < NEWEST && status == AIRE_OK; v++)
        status = aire__db_exec(store, migrations[v]);
    if (status != AIRE_OK)
        return status;
    snprintf(pragmas, sizeof(pragmas), "PRAGMA application_id = %d; PRAGMA user_version = %" PRId64,
             AIRE_STORE_APPLICATION_ID, NEWEST);
    return aire__db_exec(store, pragmas);
}
