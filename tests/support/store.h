/*
 * A store in a directory of its own, and makers of what goes into it.
 *
 * For cmocka programs that test the store's room; each test has a fresh context, directory and
 * path.
 */
#ifndef TESTS_SUPPORT_STORE_H
#define TESTS_SUPPORT_STORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aire/error.h"
#include "aire/model_call.h"
#include "base/fs.h"
#include "store/fault.h"
#include "store/internal.h"
#include "store/store.h"
#include "support/failing.h"

static failing memory;
static aire_ctx *ctx;
static char root[64];
static char path[128];

static inline int setup(void **state)
{
    const char *tmp = getenv("TMPDIR");
    ctx = failing_ctx(&memory, 7);
    snprintf(root, sizeof(root), "%.40s/aire-store-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(root))
        return -1;
    snprintf(path, sizeof(path), "%s/s.db", root);
    return 0;
}

static inline int teardown(void **state)
{
    assert_int_equal(aire__fs_remove_tree(ctx, root), AIRE_OK);
    assert_int_equal(atomic_load(&memory.live), 1); /* the context itself */
    aire_ctx_unref(ctx);
    return 0;
}

static inline const char *at(const char *name)
{
    static char full[256];
    snprintf(full, sizeof(full), "%s/%s", root, name);
    return full;
}

static inline void assert_message(const char *part)
{
    const char *message = aire_error_message(aire_last_error());
    if (!strstr(message, part))
        fail_msg("\"%s\" is not in \"%s\"", part, message);
}

/* ---- makers ---- */

static inline aire_status try_open(uint32_t flags, aire_store **out)
{
    aire_store_options options = AIRE_STORE_OPTIONS_INIT;
    options.flags = flags;
    return aire_store_open(ctx, path, &options, out);
}

/* A store as version 1 made it. */
static inline void make_old_store(void)
{
    char script[512];
    size_t length;
    char *sql;
    sqlite3 *db;
    snprintf(script, sizeof script, "%s/data/store-v1.sql", getenv("AIRE_TESTS"));
    assert_int_equal(aire__fs_read(ctx, script, 1 << 20, &sql, &length), AIRE_OK);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    aire_free(ctx, sql);
}

/* The store's file and what stands beside it. */
static inline void remove_store(void)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-lock"};
    for (size_t i = 0; i < 4; i++) {
        char name[160];
        snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
        unlink(name);
    }
}

static inline aire_store *open_store(uint32_t flags)
{
    aire_store *store = NULL;
    if (try_open(flags, &store) != AIRE_OK)
        fail_msg("%s", aire_error_message(aire_last_error()));
    return store;
}

static inline aire_plan *add_plan(aire_store *store, int32_t epoch)
{
    aire_plan_options options = AIRE_PLAN_OPTIONS_INIT;
    aire_plan *plan = NULL;
    options.kind = AIRE_PLAN_FRESH;
    options.epoch = epoch;
    options.count = 10;
    assert_int_equal(aire__store_add_plan(store, &options, &plan), AIRE_OK);
    return plan;
}

static inline aire_status make_idea(aire_plan *plan, int32_t ordinal, aire_idea **out)
{
    aire_idea_options options = AIRE_IDEA_OPTIONS_INIT;
    options.ordinal = ordinal;
    options.plan = plan;
    options.text = "Warm up longer";
    return aire_idea_new(ctx, &options, out);
}

static inline aire_idea *new_idea(aire_plan *plan, int32_t ordinal)
{
    aire_idea *idea = NULL;
    assert_int_equal(make_idea(plan, ordinal, &idea), AIRE_OK);
    return idea;
}

/* Submit a new idea; its run, to be cleared. */
static inline aire_run submit(aire_store *store, aire_plan *plan, int32_t ordinal)
{
    aire_idea *idea = new_idea(plan, ordinal);
    aire_run run;
    bool is_new = false;
    assert_int_equal(aire__store_submit(store, idea, AIRE_RUN_IDEA, 5, 0, &run, &is_new), AIRE_OK);
    assert_true(is_new);
    aire_idea_unref(idea);
    return run;
}

static const aire_metric one_metric[] = {{"loss", 0.5}};

static inline aire_result_options options_for(const aire_run *run, int32_t outcome, double reward)
{
    aire_result_options options = AIRE_RESULT_OPTIONS_INIT;
    options.kind = run->kind;
    options.run_id = run->id;
    options.seed = run->seed;
    options.idea = run->idea;
    options.outcome = outcome;
    options.reward = reward;
    options.trust = AIRE_TRUST_EVALUATED;
    options.metrics = one_metric;
    options.metric_count = 1;
    return options;
}

static inline aire_status try_finish(aire_store *store, const aire_result_options *options)
{
    aire_result *result = NULL;
    aire_status status = aire_result_new(ctx, options, &result);
    if (status == AIRE_OK)
        status = aire__store_finish(store, result);
    aire_result_unref(result);
    return status;
}

static inline void finish(aire_store *store, const aire_run *run, int32_t outcome, double reward)
{
    aire_result_options options = options_for(run, outcome, reward);
    assert_int_equal(try_finish(store, &options), AIRE_OK);
}

static inline void tell(aire_store *store, int64_t run_id, bool expected_first)
{
    bool first = !expected_first;
    assert_int_equal(aire__store_tell(store, run_id, "state", &first), AIRE_OK);
    assert_int_equal(first, expected_first);
}

static inline int64_t scalar(aire_store *store, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_prepare_v2(store->db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return value;
}

static inline void write_file(const char *name, const void *data, size_t length)
{
    assert_int_equal(aire__fs_write(ctx, name, data, length, 0644), AIRE_OK);
}

static inline off_t size_of(const char *name)
{
    struct stat info;
    assert_int_equal(stat(name, &info), 0);
    return info.st_size;
}

static inline void fill(int32_t runs)
{
    aire_store *store = open_store(0);
    aire_plan *plan = add_plan(store, 0);
    for (int32_t i = 0; i < runs; i++) {
        aire_run run = submit(store, plan, i);
        finish(store, &run, AIRE_OUTCOME_OK, i);
        aire__run_clear(&run);
    }
    aire_plan_unref(plan);
    aire_store_unref(store);
}

static inline void assert_query(aire_store *store, const aire_store_query *query,
                                const char *expected)
{
    aire_results *results = NULL;
    char seen[256] = "";
    assert_int_equal(aire_store_results(store, query, &results), AIRE_OK);
    for (size_t i = 0; i < aire_results_count(results); i++)
        snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%s%d", i ? " " : "",
                 (int)aire_result_run_id(aire_results_get(results, i)));
    aire_results_unref(results);
    assert_string_equal(seen, expected);
}

static inline aire_model_call *new_call(int64_t tokens)
{
    aire_model_call_options options = AIRE_MODEL_CALL_OPTIONS_INIT;
    aire_model_call *call = NULL;
    options.model = "openai:x";
    options.purpose = "ideas";
    options.request = "{}";
    options.input_tokens = tokens;
    options.output_tokens = 2 * tokens;
    options.plan_id = 44; /* of no plan that is here: kept all the same */
    assert_int_equal(aire_model_call_new(ctx, &options, &call), AIRE_OK);
    return call;
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
