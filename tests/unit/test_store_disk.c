/* The store on disks that fail, and with files that are taken away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "support/child.h"

/* ---- disks that fail ---- */

static void test_full__is_an_io_failure_that_leaves_no_trace(void **state)
{
    aire_store *store = open_store(0);
    char sql[64];
    snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %d",
             (int)scalar(store, "PRAGMA page_count"));
    assert_int_equal(sqlite3_exec(store->db, sql, NULL, NULL, NULL), SQLITE_OK);
    char *large = malloc(100001);
    memset(large, 'x', 100000);
    large[100000] = '\0';
    assert_int_equal(aire_store_set_note(store, "large", large), AIRE_IO);
    assert_message("full");
    char *text = NULL;
    assert_int_equal(aire_store_get_note(store, "large", &text), AIRE_NOT_FOUND);
    assert_int_equal(sqlite3_exec(store->db, "PRAGMA max_page_count = 100000", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(aire_store_set_note(store, "large", large), AIRE_OK);
    free(large);
    aire_store_unref(store);
    aire_store_unref(open_store(0));
}

static void limit_files(rlim_t size)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = size;
    setrlimit(RLIMIT_FSIZE, &limit);
}

/* Notes until a write fails, and then one that succeeds; the exit code is how many there are. */
static int fill_disk(int from_parent, int to_parent)
{
    aire_store *store = NULL;
    int notes = 0;
    char name[16], value[2001];
    memset(value, 'x', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    signal(SIGXFSZ, SIG_IGN);
    if (try_open(0, &store) != AIRE_OK)
        return 101;
    limit_files(200000);
    for (;;) {
        snprintf(name, sizeof(name), "n%d", notes);
        aire_status status = aire_store_set_note(store, name, value);
        if (status == AIRE_IO)
            break;
        if (status != AIRE_OK || ++notes > 90)
            return 102;
    }
    limit_files(RLIM_INFINITY);
    if (aire_store_set_note(store, "last", value) != AIRE_OK)
        return 103;
    aire_store_unref(store);
    return notes + 1;
}

static int open_on_full_disk(int from_parent, int to_parent)
{
    aire_store *store = NULL;
    signal(SIGXFSZ, SIG_IGN);
    limit_files(5000); /* the lock file fits, the tables do not */
    return try_open(0, &store) == AIRE_IO && !store ? 0 : 1;
}

static void test_disk__that_takes_no_more_is_an_io_failure(void **state)
{
    child process = start_child(open_on_full_disk);
    assert_int_equal(end_child(&process), 0);
    assert_false(aire__fs_exists(path));
    assert_false(aire__fs_exists(at("s.db-wal")));
    assert_false(aire__fs_exists(at("s.db-lock")));

    process = start_child(fill_disk);
    int status = end_child(&process);
    assert_true(WIFEXITED(status));
    assert_in_range(WEXITSTATUS(status), 5, 100);
    aire_store *store = open_store(0);
    assert_int_equal(scalar(store, "SELECT count(*) FROM notes"), WEXITSTATUS(status));
    aire_store_unref(store);
}

/* ---- files that are taken away ---- */

/* Nothing that is written from now on would be found again. */
static void assert_refuses_to_write(aire_store *store)
{
    aire_plan_options options = AIRE_PLAN_OPTIONS_INIT;
    aire_plan *plan = NULL;
    options.kind = AIRE_PLAN_FRESH;
    options.count = 1;
    assert_int_equal(aire_store_set_note(store, "a", "b"), AIRE_IO);
    assert_message("removed or replaced");
    assert_int_equal(aire__store_add_plan(store, &options, &plan), AIRE_IO);
    assert_null(plan);
    assert_int_equal(aire__store_run_begins(store, 1, 1), AIRE_IO);
}

static void test_file__removed_underneath_takes_no_writes(void **state)
{
    aire_store *store = open_store(0);
    aire_store *second = NULL;
    assert_int_equal(aire_store_set_note(store, "a", "before"), AIRE_OK);
    remove_store();
    assert_refuses_to_write(store);
    aire_store_unref(store);
    assert_int_equal(try_open(AIRE_STORE_MUST_EXIST, &second), AIRE_NOT_FOUND);
    assert_false(aire__fs_exists(path));
}

/* Whoever opens a new store at the place of a removed one is not harmed by the end of the old. */
static void test_file__made_anew_is_not_touched_by_its_predecessor(void **state)
{
    aire_store *store = open_store(0);
    assert_int_equal(aire_store_set_note(store, "a", "old"), AIRE_OK);
    remove_store();
    aire_store *second = open_store(0);
    assert_int_equal(aire_store_set_note(second, "a", "new"), AIRE_OK);
    assert_refuses_to_write(store);
    aire_store_unref(store);
    assert_true(aire__fs_exists(at("s.db-lock")));
    assert_true(aire__fs_exists(at("s.db-wal")));
    assert_int_equal(aire_store_set_note(second, "b", "newer"), AIRE_OK);
    aire_store_unref(second);
    second = open_store(0);
    char *text = NULL;
    assert_int_equal(aire_store_get_note(second, "a", &text), AIRE_OK);
    assert_string_equal(text, "new");
    aire_free(ctx, text);
    assert_int_equal(aire_store_check(second), AIRE_OK);
    aire_store_unref(second);
}

static void test_file__moved_away_takes_no_writes_until_it_is_back(void **state)
{
    char elsewhere[256];
    snprintf(elsewhere, sizeof elsewhere, "%s", at("elsewhere"));
    aire_store *store = open_store(0);
    assert_int_equal(rename(path, elsewhere), 0);
    assert_refuses_to_write(store);
    write_file(path, "another", 7);
    assert_refuses_to_write(store);
    assert_int_equal(rename(elsewhere, path), 0);
    assert_int_equal(aire_store_set_note(store, "a", "b"), AIRE_OK);
    aire_store_unref(store);
    aire_store_unref(open_store(0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_full__is_an_io_failure_that_leaves_no_trace),
        STORE_TEST(test_disk__that_takes_no_more_is_an_io_failure),
        STORE_TEST(test_file__removed_underneath_takes_no_writes),
        STORE_TEST(test_file__made_anew_is_not_touched_by_its_predecessor),
        STORE_TEST(test_file__moved_away_takes_no_writes_until_it_is_back),
    };
    return cmocka_run_group_tests_name("store_disk", tests, NULL, NULL);
}
