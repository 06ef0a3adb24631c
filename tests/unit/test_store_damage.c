/* Stores that are damaged, whole or in part: a clear status, and never a crash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "support/store.h"

/* Change a closed store as another program would, without its rules. */
static void meddle(const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "PRAGMA foreign_keys = OFF;"
                                  "PRAGMA ignore_check_constraints = ON;"
                                  "PRAGMA writable_schema = ON;",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_close(db);
}

/* A file that a store leaves beside it only when its process is killed. */
static void leave(const char *suffix)
{
    char name[160];
    snprintf(name, sizeof name, "%s%s", path, suffix);
    write_file(name, "", 0);
}

typedef struct bytes {
    char *data;
    size_t length;
} bytes;

static bytes take(const char *name)
{
    bytes taken;
    assert_int_equal(aire__fs_read(ctx, name, 1 << 24, &taken.data, &taken.length), AIRE_OK);
    return taken;
}

static void overwrite(const char *name, off_t offset, const void *data, size_t length)
{
    int fd = open(name, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, data, length, offset), length);
    close(fd);
}

/* ---- records that do not agree ---- */

static void test_check__finds_what_does_not_agree(void **state)
{
    static const struct {
        const char *sql, *message;
    } rows[] = {
        {"UPDATE runs SET told = NULL WHERE told = 1",
         "the last tell has number 13 and some before it are missing"},
        {"UPDATE runs SET told = 0 WHERE told = 1", "the last tell has number 13"},
        {"UPDATE runs SET state = 1 WHERE id = 3", "run 3 has a result"},
        {"UPDATE runs SET idea_id = NULL WHERE id = 3", "run 3 is of a baseline"},
        {"UPDATE runs SET epoch = 7 WHERE id = 4", "run 4 is of another epoch"},
        {"UPDATE plans SET submitted = 4 WHERE id = 2", "plan 2 has another number of ideas"},
        {"DELETE FROM metrics; DELETE FROM usage; DELETE FROM results WHERE run_id = 2",
         "run 2 has finished without a result"},
        {"UPDATE results SET reward = NULL WHERE run_id = 4", "run 4 has a reward and has failed"},
        {"UPDATE results SET outcome = 5 WHERE run_id = 4", "run 4 has a reward and has failed"},
        {"UPDATE results SET kind = 3 WHERE run_id = 5", "another kind"},
        {"DELETE FROM ideas WHERE id = 12; UPDATE plans SET submitted = 2 WHERE id = 4",
         "refers to what is not there"},
        {"DELETE FROM plans WHERE id = 3", "the last plan has number 4 and some before it"},
        {"INSERT INTO ideas SELECT 14, NULL, ordinal, title, text, changes, reasoning, origin,"
         " NULL, NULL, 0, 0 FROM ideas WHERE id = 1",
         "the last idea has number 14"},
        {"INSERT INTO runs (id, kind, idea_id, seed, priority, submitted_ms)"
         " VALUES (20, 2, NULL, 2, 0, 0)",
         "the last run has number 20"},
        {"UPDATE results SET seq = 14 WHERE seq = 1", "the last result has number 14"},
        {"UPDATE model_totals SET input_tokens = 1", "what the model calls come to"},
        {"DELETE FROM model_totals", "what the model calls come to"},
        {"INSERT INTO drafts VALUES (3, 2, 0, 1, 0, 0, 0, 1, 0, 0, 'm', '', '', '', '', 0, 0, 0, "
         "0)",
         "run 3 lacks some of its drafts"},
        {"INSERT INTO drafts SELECT 3, value, 0, 1, 0, 0, 0, 1, 0, 0, 'm', '', '', '', '', 0, 0, "
         "0, 0"
         " FROM (SELECT 1 AS value UNION SELECT 2)",
         "run 3 has two drafts"},
        {"INSERT INTO metrics VALUES (99, 0, 'x', 1)", "the table \"metrics\" refers"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        make_old_store();
        aire_store *store = open_store(0);
        assert_int_equal(aire_store_check(store), AIRE_OK);
        aire_store_unref(store);
        meddle(rows[i].sql);
        store = open_store(0);
        assert_int_equal(aire_store_check(store), AIRE_CORRUPT);
        assert_message(rows[i].message);
        assert_int_equal(scalar(store, "PRAGMA ignore_check_constraints"), 0);
        aire_store_unref(store);
        store = open_store(AIRE_STORE_READ_ONLY);
        assert_int_equal(aire_store_check(store), AIRE_CORRUPT);
        aire_store_unref(store);
        remove_store();
    }
    assert_int_equal(aire_store_check(NULL), AIRE_INVALID);
}

/* A result that was taken away is missed by whoever reads it, too. */
static void test_read__says_which_result_is_not_there(void **state)
{
    aire_plan *plan = NULL;
    size_t submitted;
    bool closed;
    make_old_store();
    meddle("DELETE FROM results WHERE run_id = 7");
    aire_store *store = open_store(0);
    assert_int_equal(aire__store_last_plan(store, &plan, &submitted, &closed), AIRE_CORRUPT);
    assert_message("result of run 7 is not there");
    assert_int_equal(aire_store_check(store), AIRE_CORRUPT);
    assert_message("run 7 has finished without a result");
    aire_store_unref(store);
}

static void test_open__misses_each_table(void **state)
{
    static const char *const tables[] = {"lease",      "meta",         "notes",  "plans",
                                         "ideas",      "idea_parents", "runs",   "results",
                                         "pins",       "metrics",      "usage",  "plan_parents",
                                         "plan_avoid", "model_calls",  "events", "drafts"};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        aire_store *store = NULL;
        char sql[64], message[64];
        fill(2);
        snprintf(sql, sizeof sql, "DROP TABLE %s", tables[i]);
        meddle(sql);
        snprintf(message, sizeof message, "\"%s\" is missing", tables[i]);
        assert_int_equal(try_open(0, &store), AIRE_CORRUPT);
        assert_message(message);
        assert_int_equal(try_open(AIRE_STORE_READ_ONLY, &store), AIRE_CORRUPT);
        remove_store();
    }
}

/* Killed, and then damaged: the next one is told before it writes, and a reader may still look. */
static void test_open__checks_what_was_not_closed(void **state)
{
    static const char *const left[] = {"-wal", "-lock"};
    for (size_t i = 0; i < 2; i++) {
        aire_store *store = NULL;
        make_old_store();
        meddle("UPDATE runs SET told = NULL WHERE told = 1");
        aire_store_unref(open_store(0)); /* it was closed in order: nobody looks */
        bytes before = take(path);
        leave(left[i]);
        assert_int_equal(try_open(0, &store), AIRE_CORRUPT);
        assert_message("tell");
        assert_message("opened read-only");
        bytes after = take(path);
        assert_int_equal(after.length, before.length);
        assert_memory_equal(after.data, before.data, after.length);
        aire_free(ctx, before.data);
        aire_free(ctx, after.data);
        store = open_store(AIRE_STORE_READ_ONLY);
        aire_results *results = NULL;
        assert_int_equal(aire_store_results(store, NULL, &results), AIRE_OK);
        assert_int_equal(aire_results_count(results), 13);
        aire_results_unref(results);
        aire_store_unref(store);
        remove_store();
    }
}

/* ---- files that are damaged ---- */

static void test_open__says_when_the_file_was_cut(void **state)
{
    aire_store *store = NULL;
    fill(30);
    assert_int_equal(truncate(path, size_of(path) / 2 / 4096 * 4096), 0);
    assert_int_equal(try_open(0, &store), AIRE_CORRUPT);
    assert_int_equal(try_open(AIRE_STORE_READ_ONLY, &store), AIRE_CORRUPT);
    assert_int_equal(truncate(path, 60), 0);
    assert_int_equal(try_open(0, &store), AIRE_CORRUPT);
    assert_int_equal(truncate(path, 10), 0); /* nothing tells that it was a store */
    assert_int_equal(try_open(0, &store), AIRE_FORMAT);
    assert_int_equal(size_of(path), 10);
}

/* Open, read all and check; the first status that is not AIRE_OK. */
static aire_status use(uint32_t flags)
{
    aire_store *store = NULL;
    aire_results *results = NULL;
    aire_store_counts counts = {.struct_size = sizeof counts};
    aire_status status = try_open(flags, &store);
    if (status == AIRE_OK)
        status = aire_store_results(store, NULL, &results);
    if (status == AIRE_OK)
        status = aire_store_count(store, &counts);
    if (status == AIRE_OK)
        status = aire_store_check(store);
    if (status != AIRE_OK)
        assert_true(strlen(aire_error_message(aire_last_error())) > 20);
    aire_results_unref(results);
    aire_store_unref(store);
    return status;
}

/* Whatever page is overwritten: it is noticed, by a clear status. */
static void test_open__notices_noise_anywhere(void **state)
{
    static const unsigned char patterns[] = {0xa5, 0x00, 0xff};
    char noise[4096];
    fill(30);
    meddle("VACUUM"); /* what is in a page without a use is nobody's business */
    bytes good = take(path);
    for (size_t p = 0; p < sizeof patterns; p++) {
        memset(noise, patterns[p], sizeof noise);
        for (off_t offset = 0; offset < (off_t)good.length; offset += sizeof noise) {
            for (uint32_t flags = 0; flags <= AIRE_STORE_READ_ONLY; flags++) {
                write_file(path, good.data, good.length);
                overwrite(path, offset, noise, sizeof noise);
                aire_status status = use(flags);
                if (status != AIRE_CORRUPT && (status != AIRE_FORMAT || offset > 0))
                    fail_msg("%02x at %ld: %s", patterns[p], (long)offset,
                             aire_status_name(status));
            }
        }
    }
    aire_free(ctx, good.data);
}

/* A changed byte may be within a text, where nobody can know; else it is noticed. */
static void test_open__survives_changed_bytes(void **state)
{
    int noticed = 0;
    fill(10);
    bytes good = take(path);
    for (size_t i = 0; i < good.length; i += 401) {
        char byte = (char)(good.data[i] ^ 0x41);
        write_file(path, good.data, good.length);
        overwrite(path, (off_t)i, &byte, 1);
        leave("-lock");
        aire_status status = use(0);
        if (status != AIRE_OK)
            assert_true(status == AIRE_CORRUPT || status == AIRE_FORMAT ||
                        (i < 100 && status == AIRE_UNSUPPORTED));
        noticed += status != AIRE_OK;
    }
    assert_true(noticed > 5);
    aire_free(ctx, good.data);
}

/* ---- logs that are damaged ---- */

enum { RUNS = 10 };

/* A process that finishes runs and is killed: all is in its log. */
static void die_with_log(void)
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        aire_store *store = open_store(0);
        aire_plan *plan = add_plan(store, 0);
        for (int32_t i = 0; i < RUNS; i++) {
            aire_run run = submit(store, plan, i);
            finish(store, &run, AIRE_OUTCOME_OK, i);
            aire__run_clear(&run);
        }
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

/* The three files as the killed process left them. */
typedef struct remains {
    bytes file, log, memory;
} remains;

static const char *beside(const char *suffix)
{
    static char name[160];
    snprintf(name, sizeof name, "%s%s", path, suffix);
    return name;
}

static remains take_remains(void)
{
    remains taken;
    taken.file = take(path);
    taken.log = take(beside("-wal"));
    taken.memory = take(beside("-shm"));
    return taken;
}

static void put_remains(const remains *r)
{
    remove_store();
    write_file(path, r->file.data, r->file.length);
    write_file(beside("-wal"), r->log.data, r->log.length);
    write_file(beside("-shm"), r->memory.data, r->memory.length);
    leave("-lock");
}

static void free_remains(remains *r)
{
    aire_free(ctx, r->file.data);
    aire_free(ctx, r->log.data);
    aire_free(ctx, r->memory.data);
}

/* What can be read is a beginning of what was written; how many runs had finished. */
static int count_finished(void)
{
    aire_store *store = NULL;
    aire_store_counts counts = {.struct_size = sizeof counts};
    aire_status status = try_open(0, &store);
    if (status != AIRE_OK) {
        assert_true(status == AIRE_CORRUPT || status == AIRE_FORMAT);
        return -1;
    }
    assert_int_equal(aire_store_check(store), AIRE_OK);
    assert_int_equal(aire_store_count(store, &counts), AIRE_OK);
    assert_int_equal(scalar(store, "SELECT ifnull(max(run_id), 0) FROM results"),
                     counts.runs_finished);
    assert_in_range(counts.runs_waiting, 0, 1);
    aire_store_unref(store);
    return (int)counts.runs_finished;
}

static void test_log__damaged_somewhere_gives_what_came_before(void **state)
{
    char noise[16];
    int last = 0;
    memset(noise, 0x5a, sizeof noise);
    die_with_log();
    remains left = take_remains();
    assert_int_equal(count_finished(), RUNS);
    for (size_t i = 0; i + sizeof noise < left.log.length; i += 8219) {
        put_remains(&left);
        overwrite(beside("-wal"), (off_t)i, noise, sizeof noise);
        int finished = count_finished();
        assert_true(finished >= last); /* the later the damage, the more is left */
        last = finished;
    }
    assert_true(last >= RUNS - 1);
    free_remains(&left);
}

static void test_log__cut_anywhere_gives_what_came_before(void **state)
{
    int last = 0;
    die_with_log();
    remains left = take_remains();
    for (size_t length = 0; length <= left.log.length; length += 8161) {
        put_remains(&left);
        assert_int_equal(truncate(beside("-wal"), (off_t)length), 0);
        int finished = count_finished();
        assert_true(finished >= last);
        last = finished;
    }
    assert_true(last >= RUNS - 1);
    free_remains(&left);
}

static void test_log__its_shared_memory_is_not_needed(void **state)
{
    die_with_log();
    remains left = take_remains();
    memset(left.memory.data, 0x5a, left.memory.length);
    put_remains(&left);
    assert_int_equal(count_finished(), RUNS);
    put_remains(&left);
    assert_int_equal(unlink(beside("-shm")), 0);
    assert_int_equal(count_finished(), RUNS);
    free_remains(&left);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_check__finds_what_does_not_agree),
        STORE_TEST(test_read__says_which_result_is_not_there),
        STORE_TEST(test_open__misses_each_table),
        STORE_TEST(test_open__checks_what_was_not_closed),
        STORE_TEST(test_open__says_when_the_file_was_cut),
        STORE_TEST(test_open__notices_noise_anywhere),
        STORE_TEST(test_open__survives_changed_bytes),
        STORE_TEST(test_log__damaged_somewhere_gives_what_came_before),
        STORE_TEST(test_log__cut_anywhere_gives_what_came_before),
        STORE_TEST(test_log__its_shared_memory_is_not_needed),
    };
    return cmocka_run_group_tests_name("store_damage", tests, NULL, NULL);
}
