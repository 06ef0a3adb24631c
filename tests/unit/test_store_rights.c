/* The store on a disk that is full, and for users without rights: root alone can set that up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <grp.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>

#include "support/child.h"

/* ---- a disk that is really full ---- */

enum { RUNS_MAX = 200 };

static aire_status submit_and_finish(aire_store *store, int i, const char *log)
{
    aire_run run = {0};
    aire_idea *idea = NULL;
    bool is_new;
    aire_status status = make_idea(NULL, i, &idea);
    if (status == AIRE_OK)
        status = aire__store_submit(store, idea, AIRE_RUN_IDEA, 1, 0, &run, &is_new);
    if (status == AIRE_OK) {
        aire_result_options options = options_for(&run, AIRE_OUTCOME_OK, i);
        options.log_tail = log;
        status = try_finish(store, &options);
    }
    aire__run_clear(&run);
    aire_idea_unref(idea);
    return status;
}

static int complain(int code)
{
    fprintf(stderr, "%d: %s\n", code, aire_error_message(aire_last_error()));
    return code;
}

/* Whole records only, and as many as were written. */
static bool has_finished(aire_store *store, int64_t expected)
{
    aire_store_counts counts = {.struct_size = sizeof counts};
    return aire_store_check(store) == AIRE_OK && aire_store_count(store, &counts) == AIRE_OK &&
           counts.runs_finished == expected && counts.runs_waiting <= 1;
}

static int fill_small_disk(aire_store *store, const char *log, int64_t *finished)
{
    aire_status status = AIRE_OK;
    for (*finished = 0; status == AIRE_OK && *finished < RUNS_MAX; *finished += status == AIRE_OK)
        status = submit_and_finish(store, (int)*finished, log);
    if (status != AIRE_IO || *finished < 3)
        return complain(11);
    if (!strstr(aire_error_message(aire_last_error()), "full"))
        return complain(12);
    if (submit_and_finish(store, RUNS_MAX, log) != AIRE_IO || !has_finished(store, *finished))
        return complain(13);
    return 0;
}

/* The store alone on a disk of 400 KiB; a mount of our own, which ends with us. */
static int use_small_disk(int from_parent, int to_parent)
{
    static char log[6001];
    char disk[100];
    aire_store *store = NULL;
    int64_t finished = 0;
    snprintf(disk, sizeof disk, "%s", root);
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("store", disk, "tmpfs", 0, "size=400k") != 0)
        return complain(6);
    memset(log, 'x', sizeof log - 1);
    if (try_open(0, &store) != AIRE_OK)
        return complain(1);
    int code = fill_small_disk(store, log, &finished);
    aire_store_unref(store);
    if (code != 0)
        return code;
    if (try_open(AIRE_STORE_READ_ONLY, &store) != AIRE_OK || !has_finished(store, finished))
        return complain(2);
    aire_store_unref(store);
    if (mount("store", disk, "tmpfs", MS_REMOUNT, "size=4m") != 0)
        return complain(6);
    if (try_open(0, &store) != AIRE_OK)
        return complain(3);
    for (int i = 0; i < 20; i++)
        if (submit_and_finish(store, 2 * RUNS_MAX + i, log) != AIRE_OK)
            return complain(4);
    if (!has_finished(store, finished + 20))
        return complain(5);
    aire_store_unref(store);
    return 0;
}

static void test_disk__that_is_full_is_an_io_failure_until_there_is_room(void **state)
{
    child process = start_child(use_small_disk);
    int status = end_child(&process);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- rights ---- */

static bool become_nobody(void)
{
    return setgroups(0, NULL) == 0 && setgid(65534) == 0 && setuid(65534) == 0;
}

/* In a directory that may not be written: first with a store at rest, then beside its controller.
 */
static int read_as_nobody(int from_parent, int to_parent)
{
    aire_store *store = NULL;
    aire_results *results = NULL;
    char byte;
    if (!become_nobody())
        return 1;
    for (size_t expected = 1; expected <= 2; expected++) {
        if (read(from_parent, &byte, 1) != 1)
            return 2;
        if (try_open(0, &store) != AIRE_IO)
            return 3;
        if (try_open(AIRE_STORE_READ_ONLY, &store) != AIRE_OK) {
            fprintf(stderr, "%s\n", aire_error_message(aire_last_error()));
            return 4;
        }
        if (aire_store_results(store, NULL, &results) != AIRE_OK ||
            aire_results_count(results) != expected)
            return 5;
        aire_results_unref(results);
        aire_store_unref(store);
        if (write(to_parent, "x", 1) != 1)
            return 6;
    }
    return 0;
}

static void test_reader__needs_no_right_to_write(void **state)
{
    assert_int_equal(chmod(root, 0755), 0);
    child process = start_child(read_as_nobody);
    fill(1);
    notify(process.to);
    char byte;
    if (read(process.from, &byte, 1) == 1) {
        aire_store *store = open_store(0);
        aire_run run;
        bool is_new;
        assert_int_equal(aire__store_submit(store, NULL, AIRE_RUN_BASELINE, 1, 0, &run, &is_new),
                         AIRE_OK);
        finish(store, &run, AIRE_OUTCOME_OK, 1);
        notify(process.to);
        assert_int_equal(end_child(&process), 0);
        aire_store_unref(store);
    } else {
        assert_int_equal(end_child(&process), 0);
    }
}

static int write_as_nobody(int from_parent, int to_parent)
{
    aire_store *store = NULL;
    if (!become_nobody())
        return 1;
    if (try_open(0, &store) != AIRE_IO || store)
        return 2;
    if (!strstr(aire_error_message(aire_last_error()), "read-only"))
        return complain(3);
    if (try_open(AIRE_STORE_READ_ONLY, &store) != AIRE_OK)
        return complain(4);
    aire_store_unref(store);
    return 0;
}

/* In a directory where one may write, with a file where one may not. */
static void test_writer__needs_the_right_to_write_the_file(void **state)
{
    fill(1);
    assert_int_equal(chmod(root, 0777), 0);
    assert_int_equal(chmod(path, 0444), 0);
    child process = start_child(write_as_nobody);
    assert_int_equal(end_child(&process), 0);
    assert_false(aire__fs_exists(at("s.db-lock")));
    aire_store_unref(open_store(0));
}

static bool may_mount(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0);
    int status = 1;
    waitpid(pid, &status, 0);
    return status == 0;
}

int main(void)
{
    if (geteuid() != 0 || !may_mount()) {
        puts("1..0 # SKIP only root, with the right to mount, can set these up");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_disk__that_is_full_is_an_io_failure_until_there_is_room),
        STORE_TEST(test_reader__needs_no_right_to_write),
        STORE_TEST(test_writer__needs_the_right_to_write_the_file),
    };
    return cmocka_run_group_tests_name("store_rights", tests, NULL, NULL);
}
