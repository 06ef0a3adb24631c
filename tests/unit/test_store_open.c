/* Opening stores: what may be one, and how an older one becomes a newer one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <string.h>

#include "base/thread.h"
#include "support/store.h"

static void test_open__makes_a_store_and_opens_it_again(void **state)
{
    aire_store *store = open_store(0);
    assert_string_equal(aire_store_path(store), path);
    assert_ptr_equal(aire__store_ctx(store), ctx);
    assert_false(aire__store_is_read_only(store));
    assert_true(aire__fs_exists(at("s.db-lock")));
    assert_ptr_equal(aire_store_ref(store), store);
    aire_store_unref(store);
    assert_true(aire__fs_exists(at("s.db-lock")));
    aire_store_unref(store);
    assert_false(aire__fs_exists(at("s.db-lock")));
    assert_false(aire__fs_exists(at("s.db-wal")));
    aire_store_unref(NULL);

    store = open_store(AIRE_STORE_MUST_EXIST);
    assert_int_equal(scalar(store, "SELECT fence FROM lease"), 2);
    assert_int_equal(scalar(store, "PRAGMA application_id"), 0x61697265);
    assert_int_equal(scalar(store, "PRAGMA user_version"), 3);
    assert_int_equal(scalar(store, "PRAGMA foreign_keys"), 1);
    aire_store_unref(store);
}

static void test_open__refuses_wrong_arguments(void **state)
{
    aire_store *store = (aire_store *)1;
    aire_store_options options = AIRE_STORE_OPTIONS_INIT;
    assert_int_equal(aire_store_open(NULL, path, NULL, &store), AIRE_INVALID);
    assert_null(store);
    assert_int_equal(aire_store_open(ctx, NULL, NULL, &store), AIRE_INVALID);
    assert_int_equal(aire_store_open(ctx, "", NULL, &store), AIRE_INVALID);
    assert_int_equal(aire_store_open(ctx, path, NULL, NULL), AIRE_INVALID);
    assert_int_equal(try_open(4, &store), AIRE_INVALID);
    options.struct_size = 1;
    assert_int_equal(aire_store_open(ctx, path, &options, &store), AIRE_ABI);
    assert_false(aire__fs_exists(path));
}

static void test_open__says_what_is_not_there(void **state)
{
    aire_store *store = (aire_store *)1;
    assert_int_equal(try_open(AIRE_STORE_MUST_EXIST, &store), AIRE_NOT_FOUND);
    assert_null(store);
    assert_message("s.db");
    assert_int_equal(try_open(AIRE_STORE_READ_ONLY, &store), AIRE_NOT_FOUND);
    assert_int_equal(aire_store_open(ctx, at("no/such/s.db"), NULL, &store), AIRE_NOT_FOUND);
    assert_message("there is no directory");
    assert_int_equal(aire_store_open(ctx, at("x/"), NULL, &store), AIRE_NOT_FOUND);
    assert_false(aire__fs_exists(path));
    assert_false(aire__fs_exists(at("s.db-lock")));
}

static void test_open__refuses_what_is_not_a_store(void **state)
{
    static const char text[] = "These are my notes, which nobody may overwrite.\n";
    aire_store *store = NULL;
    assert_int_equal(aire_store_open(ctx, root, NULL, &store), AIRE_FORMAT);
    assert_message("directory");
    assert_int_equal(mkfifo(at("fifo"), 0600), 0);
    assert_int_equal(aire_store_open(ctx, at("fifo"), NULL, &store), AIRE_FORMAT);
    assert_message("regular file");

    char *after = NULL;
    size_t length;
    write_file(path, text, strlen(text));
    assert_int_equal(try_open(0, &store), AIRE_FORMAT);
    assert_int_equal(try_open(AIRE_STORE_READ_ONLY, &store), AIRE_FORMAT);
    assert_int_equal(aire__fs_read(ctx, path, 4096, &after, &length), AIRE_OK);
    assert_string_equal(after, text);
    aire_free(ctx, after);
    assert_false(aire__fs_exists(at("s.db-lock")));
}

static void make_foreign(const char *sql)
{
    sqlite3 *db = NULL;
    unlink(path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void test_open__leaves_another_programs_database_as_it_is(void **state)
{
    aire_store *store = NULL;
    char *before = NULL, *after = NULL;
    size_t before_length, after_length;
    make_foreign("CREATE TABLE mine (x)");
    assert_int_equal(aire__fs_read(ctx, path, 1 << 20, &before, &before_length), AIRE_OK);
    assert_int_equal(try_open(0, &store), AIRE_FORMAT);
    assert_message("another program");
    assert_int_equal(try_open(AIRE_STORE_READ_ONLY, &store), AIRE_FORMAT);
    assert_int_equal(aire__fs_read(ctx, path, 1 << 20, &after, &after_length), AIRE_OK);
    assert_int_equal(before_length, after_length);
    assert_memory_equal(before, after, before_length);
    aire_free(ctx, before);
    aire_free(ctx, after);
    make_foreign("PRAGMA application_id = 7");
    assert_int_equal(try_open(0, &store), AIRE_FORMAT);
}

static void test_open__takes_an_empty_file_only_for_writing(void **state)
{
    aire_store *store = NULL;
    write_file(path, "", 0);
    assert_int_equal(try_open(AIRE_STORE_READ_ONLY, &store), AIRE_FORMAT);
    assert_message("empty");
    assert_int_equal(try_open(AIRE_STORE_MUST_EXIST, &store), AIRE_FORMAT);
    aire_store_unref(open_store(0));
    aire_store_unref(open_store(AIRE_STORE_READ_ONLY));
}

static void test_open__refuses_a_newer_store(void **state)
{
    aire_store *store = open_store(0);
    assert_int_equal(sqlite3_exec(store->db, "PRAGMA user_version = 99", NULL, NULL, NULL),
                     SQLITE_OK);
    aire_store_unref(store);
    assert_int_equal(try_open(0, &store), AIRE_UNSUPPORTED);
    assert_message("99");
    assert_int_equal(try_open(AIRE_STORE_READ_ONLY, &store), AIRE_UNSUPPORTED);
}

/* The rows of a query, a line each. */
static char *rows_of(sqlite3 *db, const char *sql)
{
    char *text = NULL;
    size_t length = 0;
    sqlite3_stmt *stmt = NULL;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    while (sqlite3_step(stmt) == SQLITE_ROW)
        fprintf(out, "%s\n", sqlite3_column_text(stmt, 0));
    sqlite3_finalize(stmt);
    fclose(out);
    return text;
}

/* One query a table, of all columns that it has now; the lease is what opening changes. */
static const char columns_sql[] =
    "SELECT format('SELECT ''%s '' || %s FROM %s', t.name,"
    " group_concat('quote(' || c.name || ')', ' || '','' || '), t.name)"
    " FROM sqlite_schema t, pragma_table_info(t.name) c"
    " WHERE t.type = 'table' AND t.name <> 'lease' GROUP BY t.name ORDER BY t.name";

/* All that a store holds, by such queries. */
static char *contents(const char *queries)
{
    char *text = NULL;
    size_t length = 0;
    sqlite3 *db;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    for (const char *line = queries; *line != '\0'; line = strchr(line, '\n') + 1) {
        char sql[1024];
        snprintf(sql, sizeof sql, "%.*s", (int)strcspn(line, "\n"), line);
        char *rows = rows_of(db, sql);
        fputs(rows, out);
        free(rows);
    }
    sqlite3_close(db);
    fclose(out);
    return text;
}

static void expect_old_search(aire_store *store)
{
    aire_store_counts counts = {.struct_size = sizeof counts};
    aire_results *results = NULL;
    aire_plan *plan = NULL;
    size_t submitted;
    bool closed;
    double reward;
    assert_int_equal(aire_store_results(store, NULL, &results), AIRE_OK);
    assert_int_equal(aire_results_count(results), 13);
    const aire_usage *usage = aire_result_usage(aire_results_get(results, 0), 0);
    assert_int_equal(usage->wall_ms, 21);
    assert_int_equal(usage->max_rss_bytes, 3342336);
    assert_int_equal(usage->io_read_bytes + usage->io_write_bytes, 0);
    assert_int_equal(usage->gpu_memory_bytes + usage->gpu_ms, 0);
    assert_int_equal(aire_result_reward(aire_results_get(results, 3), &reward), AIRE_OK);
    assert_true(reward == -5);
    aire_results_unref(results);
    assert_int_equal(aire__store_last_plan(store, &plan, &submitted, &closed), AIRE_OK);
    assert_int_equal(aire_plan_id(plan), 4);
    assert_int_equal(aire_plan_parent_count(plan), 6);
    assert_int_equal(aire_plan_avoid_count(plan), 3);
    aire_plan_unref(plan);
    assert_int_equal(aire_store_count(store, &counts), AIRE_OK);
    assert_int_equal(counts.ideas, 12);
    assert_int_equal(counts.runs_told, 13);
    assert_int_equal(counts.model_calls, 1);
    assert_int_equal(counts.output_tokens, 7);
}

static void test_open__brings_version_1_up_to_date(void **state)
{
    aire_store *store = NULL;
    sqlite3 *db;
    make_old_store();
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "INSERT INTO model_calls VALUES"
                                  " (1, 2, 3, 4, 0, 'ideas', 'x', 5, 7, 8, 1, 'r', 'a', '');"
                                  "INSERT INTO notes VALUES ('how', 'by hand')",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    char *queries = rows_of(db, columns_sql);
    sqlite3_close(db);
    char *before = contents(queries);
    assert_true(strlen(before) > 10000);
    assert_int_equal(try_open(AIRE_STORE_READ_ONLY, &store), AIRE_UNSUPPORTED);
    assert_message("older version");
    assert_message("for writing");
    for (int again = 0; again < 2; again++) {
        store = open_store(0);
        assert_int_equal(scalar(store, "PRAGMA user_version"), 3);
        assert_int_equal(aire_store_check(store), AIRE_OK);
        expect_old_search(store);
        aire_store_unref(store);
        char *after = contents(queries);
        assert_string_equal(after, before);
        free(after);
    }
    store = open_store(AIRE_STORE_READ_ONLY);
    expect_old_search(store);
    aire_store_unref(store);
    free(before);
    free(queries);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_open__makes_a_store_and_opens_it_again),
        STORE_TEST(test_open__refuses_wrong_arguments),
        STORE_TEST(test_open__says_what_is_not_there),
        STORE_TEST(test_open__refuses_what_is_not_a_store),
        STORE_TEST(test_open__leaves_another_programs_database_as_it_is),
        STORE_TEST(test_open__takes_an_empty_file_only_for_writing),
        STORE_TEST(test_open__refuses_a_newer_store),
        STORE_TEST(test_open__brings_version_1_up_to_date),
    };
    return cmocka_run_group_tests_name("store_open", tests, NULL, NULL);
}
