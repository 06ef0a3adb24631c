/* The store beside other processes: leases, and kills at any moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <string.h>

#include "support/child.h"

static int hold_store(int from_parent, int to_parent)
{
    aire_store *store = NULL;
    char byte;
    if (try_open(0, &store) != AIRE_OK)
        return 1;
    if (write(to_parent, "x", 1) != 1 || read(from_parent, &byte, 1) != 1)
        return 2;
    aire_store_unref(store);
    return 0;
}

static void test_lease__second_one_is_told_who_holds_it(void **state)
{
    aire_store *store = (aire_store *)1;
    char pid[32];
    child holder = start_child(hold_store);
    await(holder.from);
    assert_int_equal(try_open(0, &store), AIRE_BUSY);
    assert_null(store);
    snprintf(pid, sizeof(pid), "process %d on ", (int)holder.pid);
    assert_message(pid);
    assert_message("UTC");
    store = open_store(AIRE_STORE_READ_ONLY); /* looking is allowed */
    aire_store_unref(store);
    notify(holder.to);
    assert_int_equal(end_child(&holder), 0);
    store = open_store(0);
    aire_store *second = NULL;
    assert_int_equal(try_open(0, &second), AIRE_BUSY);
    assert_message("this process");
    aire_store_unref(store);
    aire_store_unref(open_store(0));
}

static void test_lease__is_free_when_the_holder_was_killed(void **state)
{
    child holder = start_child(hold_store);
    await(holder.from);
    assert_int_equal(kill(holder.pid, SIGKILL), 0);
    assert_true(WIFSIGNALED(end_child(&holder)));
    assert_true(aire__fs_exists(at("s.db-lock")));
    aire_store *store = open_store(0);
    assert_int_equal(scalar(store, "SELECT fence FROM lease"), 2);
    assert_int_equal(scalar(store, "SELECT pid FROM lease"), getpid());
    aire_store_unref(store);
}

/* A process that holds the store forks, and its child lives on with a copy of the lock's
 * descriptor. */
static int hold_and_fork(int from_parent, int to_parent)
{
    aire_store *store = NULL;
    char byte;
    if (try_open(0, &store) != AIRE_OK)
        return 1;
    pid_t pid = fork();
    if (pid < 0)
        return 2;
    if (pid > 0) {
        kill(getpid(), SIGKILL);
        return 3;
    }
    if (write(to_parent, "x", 1) != 1)
        return 4;
    while (read(from_parent, &byte, 1) < 0)
        continue; /* until the test closes the pipe */
    return 0;
}

static void test_lease__is_taken_from_children_that_outlive_the_holder(void **state)
{
    aire_store *store = NULL;
    child holder = start_child(hold_and_fork);
    int status;
    await(holder.from);
    assert_int_equal(waitpid(holder.pid, &status, 0), holder.pid);
    assert_true(WIFSIGNALED(status));
    int fd = open(at("s.db-lock"), O_RDWR | O_CLOEXEC);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), -1); /* the child has it indeed */
    close(fd);
    store = open_store(0);
    assert_int_equal(scalar(store, "SELECT fence FROM lease"), 2);
    aire_store *second = NULL;
    assert_int_equal(try_open(0, &second), AIRE_BUSY);
    aire_store_unref(store);
    assert_false(aire__fs_exists(at("s.db-lock")));
    close(holder.to);
    close(holder.from);
}

static void test_lease__whoever_lost_it_writes_no_more(void **state)
{
    aire_store *stale = open_store(0);
    aire_plan *plan = add_plan(stale, 0);
    aire_run run = submit(stale, plan, 0);
    bool first;
    unlink(at("s.db-lock")); /* as a hand that wants to help may do */
    aire_store *store = open_store(0);
    aire_result_options options = options_for(&run, AIRE_OUTCOME_OK, 1);
    assert_int_equal(try_finish(stale, &options), AIRE_BUSY);
    assert_message("taken over");
    assert_int_equal(aire_store_set_note(stale, "a", "b"), AIRE_BUSY);
    assert_int_equal(aire__store_tell(stale, run.id, NULL, &first), AIRE_BUSY);
    assert_query(stale, NULL, "");
    finish(store, &run, AIRE_OUTCOME_OK, 2);
    aire__run_clear(&run);
    aire_plan_unref(plan);
    aire_store_unref(stale);
    assert_true(aire__fs_exists(at("s.db-lock"))); /* it is the other one's */
    aire_store_unref(store);
}

static aire_store *inherited;

static int use_inherited(int from_parent, int to_parent)
{
    aire_results *results = NULL;
    if (aire_store_set_note(inherited, "a", "child") != AIRE_STATE)
        return 1;
    if (aire_store_results(inherited, NULL, &results) != AIRE_STATE || results)
        return 2;
    if (!strstr(aire_error_message(aire_last_error()), "forked"))
        return 3;
    aire_store_unref(inherited);
    return 0;
}

static void test_fork__child_may_not_use_the_store_and_does_no_harm(void **state)
{
    aire_store *second = NULL;
    char *text = NULL;
    inherited = open_store(0);
    assert_int_equal(aire_store_set_note(inherited, "a", "parent"), AIRE_OK);
    child process = start_child(use_inherited);
    assert_int_equal(end_child(&process), 0);
    assert_int_equal(try_open(0, &second), AIRE_BUSY);
    assert_true(aire__fs_exists(at("s.db-lock")));
    assert_int_equal(aire_store_get_note(inherited, "a", &text), AIRE_OK);
    assert_string_equal(text, "parent");
    assert_int_equal(aire_store_set_note(inherited, "a", "again"), AIRE_OK);
    aire_free(ctx, text);
    aire_store_unref(inherited);
}

/* ---- killed at every point ---- */

static const char *kill_point;
static int kill_countdown;

static void kill_here(const char *point, void *user_data)
{
    if (kill_point && strcmp(point, kill_point) == 0 && --kill_countdown == 0)
        kill(getpid(), SIGKILL);
}

/* The newest plan, or the first one. */
static aire_status crash_plan(aire_store *store, aire_plan **plan)
{
    aire_plan_options options = AIRE_PLAN_OPTIONS_INIT;
    size_t submitted;
    bool closed;
    aire_status status = aire__store_last_plan(store, plan, &submitted, &closed);
    if (status != AIRE_EMPTY)
        return status;
    options.kind = AIRE_PLAN_FRESH;
    options.count = 3;
    return aire__store_add_plan(store, &options, plan);
}

static aire_status crash_submit(aire_store *store, aire_plan *plan)
{
    aire_run run;
    bool is_new;
    aire_status status = aire__store_submit(store, NULL, AIRE_RUN_BASELINE, 1, 0, &run, &is_new);
    for (int32_t i = 0; status == AIRE_OK && i < 3; i++) {
        aire_idea *idea = NULL;
        aire__run_clear(&run);
        status = make_idea(plan, i, &idea);
        if (status == AIRE_OK)
            status = aire__store_submit(store, idea, AIRE_RUN_IDEA, 1, 0, &run, &is_new);
        aire_idea_unref(idea);
    }
    aire__run_clear(&run);
    return status;
}

/* A draft of a run is paid for once: what is there is not asked for again. */
static aire_status crash_draft(aire_store *store, int64_t run_id)
{
    aire_drafts *known = NULL;
    int32_t number = 1;
    aire_draft draft = {.kind = AIRE_DRAFT_PATCH,
                        .run_id = run_id,
                        .model = "m",
                        .sent = "",
                        .answer = "an answer",
                        .patch = "",
                        .message = ""};
    aire_status status = aire_store_drafts(store, run_id, &known);
    if (status == AIRE_OK && aire_drafts_count(known) == 0)
        status = aire__store_add_draft(store, &draft, &number);
    if (status == AIRE_OK)
        status = aire__store_choose_draft(store, run_id, 0, number);
    aire_drafts_unref(known);
    return status;
}

static aire_status crash_run(aire_store *store)
{
    aire_run *runs = NULL;
    size_t count = 0;
    aire_status status = aire__store_unfinished(store, &runs, &count);
    for (size_t i = 0; i < count; i++) {
        aire_result_options options = options_for(&runs[i], AIRE_OUTCOME_OK, (double)runs[i].id);
        if (status == AIRE_OK)
            status = aire__store_run_begins(store, runs[i].id, runs[i].attempts + 1);
        if (status == AIRE_OK)
            status = crash_draft(store, runs[i].id);
        if (status == AIRE_OK)
            status = try_finish(store, &options);
        aire__run_clear(&runs[i]);
    }
    aire_free(ctx, runs);
    return status;
}

static aire_status crash_tell(aire_store *store)
{
    aire_results *results = NULL;
    aire_results *told = NULL;
    aire_status status = aire__store_untold(store, &results);
    if (status == AIRE_OK)
        status = aire__store_told(store, &told);
    for (size_t i = 0; status == AIRE_OK && i < aire_results_count(results); i++) {
        char word[16];
        bool first = false;
        snprintf(word, sizeof(word), "%zu", aire_results_count(told) + i + 1);
        status =
            aire__store_tell(store, aire_result_run_id(aire_results_get(results, i)), word, &first);
        if (!first)
            status = AIRE_INTERNAL;
    }
    aire_results_unref(told);
    aire_results_unref(results);
    return status;
}

/* A run of another store, to be taken over. */
static void make_bundle(void)
{
    char bundle[256];
    aire_store *store;
    snprintf(bundle, sizeof bundle, "%s", at("bundle"));
    assert_int_equal(aire_store_open(ctx, at("from.db"), NULL, &store), AIRE_OK);
    assert_int_equal(aire__store_bind_env(store, "env", "hash"), AIRE_OK);
    aire_plan *plan = add_plan(store, 0);
    aire_run run = submit(store, plan, 0);
    finish(store, &run, AIRE_OUTCOME_OK, 9);
    assert_int_equal(aire_store_export(store, run.id, bundle), AIRE_OK);
    aire__run_clear(&run);
    aire_plan_unref(plan);
    aire_store_unref(store);
}

/* A controller that can be killed anywhere and simply run again. */
static int controller(int from_parent, int to_parent)
{
    aire_store *store = NULL;
    aire_plan *plan = NULL;
    aire_model_call *call = new_call(1);
    aire_status status = aire__store_open(ctx, path, NULL, kill_here, NULL, &store);
    if (status == AIRE_OK)
        status = aire__store_bind_env(store, "env", "hash");
    if (status == AIRE_OK)
        status = crash_plan(store, &plan);
    if (status == AIRE_OK)
        status = crash_submit(store, plan);
    if (status == AIRE_OK)
        status = crash_run(store);
    if (status == AIRE_OK)
        status = aire_store_import(store, at("bundle"), NULL);
    if (status == AIRE_OK)
        status = crash_tell(store);
    if (status == AIRE_OK)
        status = aire__store_close_plan(store, 1);
    if (status == AIRE_OK)
        status = aire_store_set_note(store, "done", "yes");
    if (status == AIRE_OK)
        status = aire_store_pin(store, 1, 1);
    if (status == AIRE_OK) {
        aire_ctx_tell_call(ctx, call);
        aire__store_event(store, "end", 0, "x");
    }
    if (status != AIRE_OK)
        fprintf(stderr, "controller: %s\n", aire_error_message(aire_last_error()));
    aire_model_call_unref(call);
    aire_plan_unref(plan);
    aire_store_unref(store);
    return status == AIRE_OK ? 0 : 1;
}

static void assert_complete(void)
{
    aire_store *store = open_store(0);
    aire_results *told = NULL;
    char *text = NULL;
    assert_int_equal(scalar(store, "SELECT count(*) FROM plans"), 1);
    assert_int_equal(scalar(store, "SELECT submitted FROM plans"), 3);
    assert_int_equal(scalar(store, "SELECT count(*) FROM drafts"), 4);
    assert_int_equal(scalar(store, "SELECT sum(chosen) FROM drafts"), 4);
    assert_int_equal(scalar(store, "SELECT count(*) FROM ideas"), 4);
    assert_int_equal(scalar(store, "SELECT count(*) FROM runs"), 5);
    assert_int_equal(scalar(store, "SELECT count(*) FROM runs WHERE state = 2"), 5);
    assert_int_equal(scalar(store, "SELECT count(*) FROM results"), 5);
    assert_int_equal(scalar(store, "SELECT count(*) FROM metrics"), 5);
    assert_int_equal(scalar(store, "SELECT count(DISTINCT told) FROM runs"), 5);
    assert_int_equal(scalar(store, "SELECT max(told) FROM runs"), 5);
    assert_int_equal(aire__store_told(store, &told), AIRE_OK);
    assert_int_equal(aire_results_count(told), 5);
    aire_results_unref(told);
    assert_int_equal(aire__store_search_state(store, &text), AIRE_OK);
    assert_string_equal(text, "5");
    aire_free(ctx, text);
    assert_int_equal(scalar(store, "SELECT count(*) FROM pragma_integrity_check WHERE "
                                   "integrity_check = 'ok'"),
                     1);
    assert_int_equal(scalar(store, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
    aire_store_unref(store);
}

static void test_crash__at_every_point_loses_nothing_and_counts_nothing_twice(void **state)
{
    size_t points = 0;
    int kills = 0;
    make_bundle();
    for (const char *point; (point = aire__store_fault_point(points)) != NULL; points++) {
        for (int nth = 1; nth <= 2; nth++) {
            remove_store();
            kill_point = point;
            kill_countdown = nth;
            child process = start_child(controller);
            int status = end_child(&process);
            if (!WIFSIGNALED(status) && nth == 1)
                fail_msg("%s was not passed", point);
            kills += WIFSIGNALED(status);
            kill_point = NULL;
            process = start_child(controller);
            assert_int_equal(end_child(&process), 0);
            assert_complete();
        }
    }
    assert_int_equal(points, 42);
    assert_true(kills > 40);
    assert_null(aire__store_fault_point(points));
}

static void test_crash__twice_at_random_moments(void **state)
{
    unsigned moment = 1;
    make_bundle();
    for (int round = 0; round < 15; round++) {
        remove_store();
        for (int kills = 0; kills < 2; kills++) {
            child process = start_child(controller);
            moment = moment * 1103515245u + 12345u;
            usleep(moment / 65536 %
                   12000); /* a moment to be killed at, not something to wait for */
            kill(process.pid, SIGKILL);
            end_child(&process);
        }
        child process = start_child(controller);
        assert_int_equal(end_child(&process), 0);
        assert_complete();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_lease__second_one_is_told_who_holds_it),
        STORE_TEST(test_lease__is_free_when_the_holder_was_killed),
        STORE_TEST(test_lease__is_taken_from_children_that_outlive_the_holder),
        STORE_TEST(test_lease__whoever_lost_it_writes_no_more),
        STORE_TEST(test_fork__child_may_not_use_the_store_and_does_no_harm),
        STORE_TEST(test_crash__at_every_point_loses_nothing_and_counts_nothing_twice),
        STORE_TEST(test_crash__twice_at_random_moments),
    };
    return cmocka_run_group_tests_name("store_crash", tests, NULL, NULL);
}
