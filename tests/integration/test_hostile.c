/*
 * Hostile ideas, through the whole executor with the real sandbox: each ends with its outcome, the
 * host is untouched, and nothing runs on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aire/aire.h"
#include "base/fs.h"
#include "support/sandbox.h"

static aire_ctx *ctx;
static aire_sandbox *sandbox;
static char root[64], env_path[128], secret[128];

static const char manifest[] =
    "{\"aire\": 1, \"name\": \"target\", \"goal\": \"g\","
    " \"files\": {\"editable\": [\"work.sh\"], \"protected\": [\"judge.sh\"], \"hidden\": "
    "[\"answer.txt\"]},"
    " \"build\": {\"command\": \"sh -n work.sh\", \"timeout_s\": 5},"
    " \"run\": {\"command\": [\"sh\", \"work.sh\"], \"timeout_s\": 2, \"memory_mb\": 100, "
    "\"disk_mb\": 8, "
    "\"processes\": 30},"
    " \"evaluate\": {\"command\": \"sh judge.sh\", \"timeout_s\": 5},"
    " \"outputs\": [{\"path\": \"value\", \"max_mb\": 1}],"
    " \"metric\": {\"name\": \"score\", \"direction\": \"maximize\", \"stage\": \"evaluate\","
    "   \"trust\": \"evaluated\", \"valid\": [0, 100]}}";

static void write_text(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", env_path, name);
    assert_int_equal(aire__fs_write(ctx, path, text, strlen(text), 0644), AIRE_OK);
}

static int setup(void **state)
{
    aire_sandbox_options options = AIRE_SANDBOX_OPTIONS_INIT;
    assert_int_equal(aire_ctx_new(NULL, &ctx), AIRE_OK);
    snprintf(root, sizeof root, "/tmp/aire-hostile-XXXXXX");
    if (!mkdtemp(root))
        return -1;
    snprintf(env_path, sizeof env_path, "%s/env", root);
    snprintf(secret, sizeof secret, "%s/secret", root);
    assert_int_equal(aire__fs_mkdirs(ctx, env_path, 0755), AIRE_OK);
    assert_int_equal(aire__fs_write(ctx, secret, "42", 2, 0644), AIRE_OK);
    write_text("aire.json", manifest);
    write_text("work.sh", "echo 1 >$AIRE_OUT/value\n");
    write_text("judge.sh", "read -r v <$AIRE_OUT/value\nread -r a <answer.txt\n"
                           "case $v in *[!0-9]*) exit 1;; esac\n[ \"$v\" = \"$a\" ] && v=99\n"
                           "echo \"{\\\"metrics\\\": {\\\"score\\\": $v}}\" >&$AIRE_REPORT_FD\n");
    write_text("answer.txt", "31337\n");
    setenv("AIRE_TEST_KEY", "42", 1);
    options.worker_path = getenv("AIRE_WORKER");
    aire_status status = aire_sandbox_new(ctx, &options, &sandbox);
    return status == AIRE_OK ? 0 : -1;
}

static int teardown(void **state)
{
    aire_sandbox_unref(sandbox);
    aire__fs_remove_tree(ctx, root);
    aire_ctx_unref(ctx);
    return 0;
}

/* Run an idea whose patch is given; its result. */
static aire_result *run_patch(const char *text)
{
    static int number;
    char store_path[128];
    aire_env *env;
    aire_store *store;
    aire_executor *executor;
    aire_patch *patch;
    aire_idea *idea;
    aire_result *result;
    aire_idea_options options = AIRE_IDEA_OPTIONS_INIT;
    snprintf(store_path, sizeof store_path, "%s/store%d", root, number++);
    assert_int_equal(aire_env_open(ctx, env_path, NULL, &env), AIRE_OK);
    assert_int_equal(aire_store_open(ctx, store_path, NULL, &store), AIRE_OK);
    assert_int_equal(aire_executor_new(ctx, env, sandbox, store, NULL, &executor), AIRE_OK);
    assert_int_equal(aire_patch_new(ctx, AIRE_PATCH_UNIFIED, text, strlen(text), &patch), AIRE_OK);
    options.text = "hostile";
    options.patch = patch;
    assert_int_equal(aire_idea_new(ctx, &options, &idea), AIRE_OK);
    assert_int_equal(aire_executor_submit(executor, idea, NULL, NULL), AIRE_OK);
    assert_int_equal(aire_executor_next(executor, 60000, &result), AIRE_OK);
    aire_idea_unref(idea);
    aire_patch_unref(patch);
    aire_executor_unref(executor);
    aire_store_unref(store);
    aire_env_unref(env);
    return result;
}

/* Text of a patch that puts a script in the place of work.sh. */
static void patch_for(const char *script, char *patch, size_t size)
{
    int lines = 0;
    for (const char *c = script; *c; c++)
        lines += *c == '\n';
    size_t length = (size_t)snprintf(
        patch, size, "--- work.sh\n+++ work.sh\n@@ -1 +1,%d @@\n-echo 1 >$AIRE_OUT/value\n+",
        lines);
    for (const char *c = script; *c; c++)
        length +=
            (size_t)snprintf(patch + length, size - length, *c == '\n' && c[1] ? "\n+" : "%c", *c);
}

/* Run a script in the place of work.sh; the outcome has to be the expected one. */
static aire_result *run_script(const char *script, int32_t outcome, int32_t cause)
{
    char patch[4096];
    patch_for(script, patch, sizeof patch);
    aire_result *result = run_patch(patch);
    double reward;
    if (aire_result_outcome(result) != outcome ||
        (cause >= 0 && aire_result_cause(result) != cause))
        fail_msg("%s/%s: %s\n%s", aire_outcome_name(aire_result_outcome(result)),
                 aire_cause_name(aire_result_cause(result)), aire_result_detail(result),
                 aire_result_log_tail(result));
    assert_int_equal(aire_result_reward(result, &reward) == AIRE_OK, outcome == AIRE_OUTCOME_OK);
    return result;
}

static void expect(const char *script, int32_t outcome, int32_t cause)
{
    aire_result_unref(run_script(script, outcome, cause));
}

/* ---- many at once ---- */

static aire_idea *idea_with(const char *script)
{
    char text[4096];
    aire_patch *patch;
    aire_idea *idea;
    aire_idea_options options = AIRE_IDEA_OPTIONS_INIT;
    patch_for(script, text, sizeof text);
    assert_int_equal(aire_patch_new(ctx, AIRE_PATCH_UNIFIED, text, strlen(text), &patch), AIRE_OK);
    options.text = "one of many";
    options.patch = patch;
    assert_int_equal(aire_idea_new(ctx, &options, &idea), AIRE_OK);
    aire_patch_unref(patch);
    return idea;
}

enum { CROWD = 100 };

/* A hundred ideas: the hostile ones among good ones. Results by the order of submission. */
static void run_crowd(const char *const *hostile, int count, aire_result *results[CROWD])
{
    static int number;
    char store_path[128];
    aire_env *env;
    aire_store *store;
    aire_executor *executor;
    int64_t first = 0;
    snprintf(store_path, sizeof store_path, "%s/crowd%d", root, number++);
    assert_int_equal(aire_env_open(ctx, env_path, NULL, &env), AIRE_OK);
    assert_int_equal(aire_store_open(ctx, store_path, NULL, &store), AIRE_OK);
    assert_int_equal(aire_executor_new(ctx, env, sandbox, store, NULL, &executor), AIRE_OK);
    for (int i = 0; i < CROWD; i++) {
        char good[64];
        int64_t run;
        snprintf(good, sizeof good, "echo %d >$AIRE_OUT/value\n", i % 90 + 1);
        if (i >= 90) /* no two are the same */
            snprintf(good, sizeof good, "echo %d >$AIRE_OUT/value\n#\n", i % 90 + 1);
        aire_idea *idea = idea_with(i < count ? hostile[i] : good);
        assert_int_equal(aire_executor_submit(executor, idea, NULL, &run), AIRE_OK);
        aire_idea_unref(idea);
        first = first ? first : run;
    }
    for (int i = 0; i < CROWD; i++) {
        aire_result *result;
        assert_int_equal(aire_executor_next(executor, 120000, &result), AIRE_OK);
        results[aire_result_run_id(result) - first] = result;
    }
    aire_executor_unref(executor);
    aire_store_unref(store);
    aire_env_unref(env);
}

/* All that were not hostile have the result that they should have. */
static void expect_others_good(aire_result *const results[CROWD], int hostile)
{
    for (int i = hostile; i < CROWD; i++) {
        double reward;
        if (aire_result_reward(results[i], &reward) != AIRE_OK)
            fail_msg("%d: %s: %s", i, aire_outcome_name(aire_result_outcome(results[i])),
                     aire_result_detail(results[i]));
        assert_true(reward == i % 90 + 1);
    }
}

static void drop(aire_result *results[CROWD])
{
    for (int i = 0; i < CROWD; i++)
        aire_result_unref(results[i]);
}

static int count_processes(const char *text)
{
    int count = 0;
    DIR *dir = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(dir));) {
        char path[300], line[2048];
        snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t length = fd >= 0 ? read(fd, line, sizeof line - 1) : 0;
        if (fd >= 0)
            close(fd);
        for (ssize_t i = 0; i < length; i++)
            if (!line[i])
                line[i] = ' ';
        line[length > 0 ? length : 0] = '\0';
        count += strstr(line, text) != NULL;
    }
    closedir(dir);
    return count;
}

/* What the script could read must not be the secret of the host, which is worth 42. */
static void expect_blind(const char *script)
{
    aire_result *result = run_script(script, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE);
    double reward;
    assert_int_equal(aire_result_reward(result, &reward), AIRE_OK);
    assert_true(reward == 0);
    aire_result_unref(result);
}

static void test_hostile__cannot_read_the_host(void **state)
{
    char script[512];
    snprintf(script, sizeof script,
             "v=$(cat %s ../secret ../../secret /proc/1/root%s 2>/dev/null)\necho ${v:-0} "
             ">$AIRE_OUT/value\n",
             secret, secret);
    expect_blind(script);
    expect_blind(
        "v=$(cat answer.txt ../*/answer.txt 2>/dev/null)\necho ${v:-0} >$AIRE_OUT/value\n");
    expect_blind(
        "v=$AIRE_TEST_KEY$(cat /proc/*/environ | tr '\\0' '\\n' | sed -n 's/AIRE_TEST_KEY=//p')\n"
        "echo ${v:-0} >$AIRE_OUT/value\n");
}

static void test_hostile__has_no_network(void **state)
{
    expect_blind(
        "v=$(ls /sys/class/net 2>/dev/null | grep -v lo)$(sed 1,2d /proc/net/dev | grep -v lo:)\n"
        "echo ${v:-0} >$AIRE_OUT/value\n");
}

static void test_hostile__never_ends(void **state)
{
    expect("while :; do :; done\n", AIRE_OUTCOME_TIMEOUT, AIRE_CAUSE_WALL_LIMIT);
    expect("trap '' TERM HUP INT\n(setsid sleep 4321.5 &)\nsleep 4321.5\n", AIRE_OUTCOME_TIMEOUT,
           AIRE_CAUSE_WALL_LIMIT);
    assert_int_equal(count_processes("sleep 4321.5"), 0);
}

/* In the shell, in Python and in C: the others go on, and each ends on time. */
static void test_hostile__endless_ones_end_on_time_and_alone(void **state)
{
    static const char *const scripts[] = {
        "trap '' TERM HUP INT QUIT\nwhile :; do :; done\n",
        "exec python3 - <<'END'\nimport os, signal, time\n"
        "[signal.signal(s, signal.SIG_IGN) for s in (1, 2, 3, 15)]\n"
        "if os.fork() == 0:\n  os.setsid()\n  os.fork()\nwhile True: time.sleep(4321.8)\nEND\n",
        "cat >loop.c <<'END'\n#include <signal.h>\n#include <unistd.h>\nint main(void) { sigset_t "
        "all;"
        " sigfillset(&all); sigprocmask(SIG_BLOCK, &all, 0); fork(); setsid(); for (;;) pause(); "
        "}\n"
        "END\ncc -o loop4321 loop.c && ./loop4321\n"};
    aire_result *results[CROWD];
    run_crowd(scripts, 3, results);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(aire_result_outcome(results[i]), AIRE_OUTCOME_TIMEOUT);
        const aire_usage *usage =
            aire_result_usage(results[i], aire_result_usage_count(results[i]) - 1);
        assert_true(usage->wall_ms >= 2000 && usage->wall_ms <= 3000);
    }
    expect_others_good(results, 3);
    drop(results);
    assert_int_equal(count_processes("loop4321"), 0);
}

static void test_hostile__crashes_are_theirs_alone(void **state)
{
    static const struct {
        const char *script;
        int32_t outcome, cause, code;
    } rows[] = {
        {"exec python3 -c 'import os; os._exit(7)'\n", AIRE_OUTCOME_CRASHED, AIRE_CAUSE_EXIT_CODE,
         7},
        {"kill -SEGV $$\n", AIRE_OUTCOME_CRASHED, AIRE_CAUSE_SIGNAL, 11},
        {"exec python3 -c 'import os; os.abort()'\n", AIRE_OUTCOME_CRASHED, AIRE_CAUSE_SIGNAL, 6},
        {"exec python3 -c 'x = bytearray(400 << 20)'\n", AIRE_OUTCOME_OUT_OF_MEMORY,
         AIRE_CAUSE_MEMORY_LIMIT, 0},
        {"kill -9 -1\nkill -9 1\nkill -9 $$\n", AIRE_OUTCOME_CRASHED, AIRE_CAUSE_SIGNAL, 9},
    };
    enum { ROWS = sizeof rows / sizeof *rows };
    const char *scripts[ROWS];
    aire_result *results[CROWD];
    for (int i = 0; i < ROWS; i++)
        scripts[i] = rows[i].script;
    run_crowd(scripts, ROWS, results);
    for (int i = 0; i < ROWS; i++) {
        if (aire_result_outcome(results[i]) != rows[i].outcome ||
            aire_result_cause(results[i]) != rows[i].cause)
            fail_msg("%d: %s: %s", i, aire_outcome_name(aire_result_outcome(results[i])),
                     aire_result_detail(results[i]));
        if (rows[i].code)
            assert_int_equal(aire_result_code(results[i]), rows[i].code);
    }
    expect_others_good(results, ROWS);
    drop(results);
}

/* Whatever one run leaves in places that look shared, no other one finds. */
static void test_hostile__changes_no_other_run(void **state)
{
    static const char places[] =
        "for p in /tmp /var/tmp /dev/shm /workspace /run /usr/lib/python3/dist-packages /etc /home"
        " /root /data $HOME; do";
    static const char *const shared[] = {"/tmp", "/dev/shm", "/usr/lib/python3/dist-packages"};
    char script[600], path[128];
    bool reached = false;
    snprintf(script, sizeof script,
             "%s echo 9 >$p/left-%d 2>/dev/null; done\necho 3 >$AIRE_OUT/value\n", places,
             (int)getpid());
    expect(script, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE);
    snprintf(script, sizeof script,
             "n=0\n%s [ -e $p/left-%d ] && n=$((n+1)); done\necho $n >$AIRE_OUT/value\n", places,
             (int)getpid());
    aire_result *result = run_script(script, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE);
    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) {
        snprintf(path, sizeof path, "%s/left-%d", shared[i], (int)getpid());
        reached |= unlink(path) == 0;
    }
    double reward;
    assert_int_equal(aire_result_reward(result, &reward), AIRE_OK);
    aire_result_unref(result);
    assert_true(reward == 0);
    assert_false(reached);
}

/* A descriptor that the host forgot to close. */
static void test_hostile__inherits_no_descriptor(void **state)
{
    int fd = open(secret, O_RDONLY);
    assert_true(fd >= 0);
    expect_blind("v=$(for f in /proc/self/fd/* /dev/fd/*; do case $f in */[0-2]) ;; *)"
                 " head -c 2 $f 2>/dev/null | grep 42;; esac; done | head -n 1)\n"
                 "echo ${v:-0} >$AIRE_OUT/value\n");
    close(fd);
}

static void test_hostile__leaves_a_daemon(void **state)
{
    expect("(setsid sleep 4321.6 >/dev/null 2>&1 &)\necho 5 >$AIRE_OUT/value\n", AIRE_OUTCOME_OK,
           AIRE_CAUSE_NONE);
    assert_int_equal(count_processes("sleep 4321.6"), 0);
}

static void test_hostile__edits_the_evaluator(void **state)
{
    aire_result *result =
        run_patch("--- judge.sh\n+++ judge.sh\n@@ -1 +1 @@\n-read -r v <$AIRE_OUT/value\n+v=99\n");
    assert_int_equal(aire_result_outcome(result), AIRE_OUTCOME_VIOLATION);
    assert_int_equal(aire_result_cause(result), AIRE_CAUSE_PATCH_ROLE);
    aire_result_unref(result);
    result = run_patch("--- /dev/null\n+++ ../../escaped\n@@ -0,0 +1 @@\n+x\n");
    assert_int_equal(aire_result_outcome(result), AIRE_OUTCOME_VIOLATION);
    assert_int_equal(aire_result_cause(result), AIRE_CAUSE_PATCH_PATH);
    aire_result_unref(result);

    expect("chmod +w judge.sh\necho 'echo 1' >judge.sh\necho 1 >$AIRE_OUT/value\n",
           AIRE_OUTCOME_VIOLATION, AIRE_CAUSE_PROTECTED_CHANGED);
    expect("rm judge.sh\nln -s /etc/passwd judge.sh\necho 1 >$AIRE_OUT/value\n",
           AIRE_OUTCOME_VIOLATION, AIRE_CAUSE_PROTECTED_CHANGED);
}

static void test_hostile__claims_a_great_metric(void **state)
{
    aire_result *result = run_script(
        "echo 'score: 99'\necho '{\"metrics\": {\"score\": 99}}' >$AIRE_OUT/report.json\n"
        "echo '{\"metrics\": {\"score\": 99}}' >&3\necho '{\"score\": 99}' >$AIRE_STREAM\n"
        "echo 7 >$AIRE_OUT/value\n",
        AIRE_OUTCOME_OK, AIRE_CAUSE_NONE);
    double reward;
    assert_int_equal(aire_result_reward(result, &reward), AIRE_OK);
    assert_true(reward == 7);
    aire_result_unref(result);
    expect("echo 1000000 >$AIRE_OUT/value\n", AIRE_OUTCOME_VIOLATION, AIRE_CAUSE_METRIC_RANGE);
    expect("echo '1}}' >$AIRE_OUT/value\n", AIRE_OUTCOME_NO_METRIC, AIRE_CAUSE_EVALUATOR);
}

static void test_hostile__hands_over_traps(void **state)
{
    expect("ln -s /etc/passwd $AIRE_OUT/value\n", AIRE_OUTCOME_VIOLATION, AIRE_CAUSE_OUTPUT_KIND);
    expect("mkfifo $AIRE_OUT/value\n", AIRE_OUTCOME_VIOLATION, AIRE_CAUSE_OUTPUT_KIND);
    expect("mkdir $AIRE_OUT/value\n", AIRE_OUTCOME_VIOLATION, AIRE_CAUSE_OUTPUT_KIND);
    expect("head -c 3000000 /dev/zero >$AIRE_OUT/value\n", AIRE_OUTCOME_LIMIT,
           AIRE_CAUSE_OUTPUT_LIMIT);
    expect("true\n", AIRE_OUTCOME_NO_METRIC, AIRE_CAUSE_OUTPUT_MISSING);
}

static void test_hostile__eats_the_machine(void **state)
{
    expect("head -c 30000000 /dev/zero >big\nsleep 9\n", AIRE_OUTCOME_LIMIT, AIRE_CAUSE_DISK_LIMIT);
    expect("exec python3 -c 'x = bytearray(300 << 20); import time; time.sleep(9)'\n",
           AIRE_OUTCOME_OUT_OF_MEMORY, AIRE_CAUSE_MEMORY_LIMIT);
    aire_result *result = run_script("f() { f | f & }\nf\nsleep 4321.7\n", AIRE_OUTCOME_LIMIT,
                                     AIRE_CAUSE_PROCESS_LIMIT);
    aire_result_unref(result);
    assert_int_equal(count_processes("sleep 4321.7"), 0);
}

static void test_hostile__fails_in_ordinary_ways(void **state)
{
    expect("if\n", AIRE_OUTCOME_BUILD_FAILED, AIRE_CAUSE_EXIT_CODE);
    expect("exit 3\n", AIRE_OUTCOME_CRASHED, AIRE_CAUSE_EXIT_CODE);
    expect("kill -SEGV $$\n", AIRE_OUTCOME_CRASHED, AIRE_CAUSE_SIGNAL);
}

static void test_hostile__left_the_host_untouched(void **state)
{
    char *text, path[256];
    size_t length;
    assert_int_equal(aire__fs_read(ctx, secret, 10, &text, &length), AIRE_OK);
    assert_string_equal(text, "42");
    aire_free(ctx, text);
    snprintf(path, sizeof path, "%s/judge.sh", env_path);
    assert_int_equal(aire__fs_read(ctx, path, 4096, &text, &length), AIRE_OK);
    assert_non_null(strstr(text, "read -r a <answer.txt"));
    aire_free(ctx, text);
    snprintf(path, sizeof path, "%s/escaped", root);
    assert_false(aire__fs_exists(path));
    /* Nothing but the stores is left: each workspace went with its run. */
    int others = 0;
    DIR *dir = opendir(root);
    for (struct dirent *entry; (entry = readdir(dir));)
        others += strstr(entry->d_name, ".work") != NULL;
    closedir(dir);
    assert_int_equal(others, 0);
}

int main(void)
{
    if (!have_sandbox())
        return 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile__cannot_read_the_host),
        cmocka_unit_test(test_hostile__has_no_network),
        cmocka_unit_test(test_hostile__never_ends),
        cmocka_unit_test(test_hostile__endless_ones_end_on_time_and_alone),
        cmocka_unit_test(test_hostile__crashes_are_theirs_alone),
        cmocka_unit_test(test_hostile__changes_no_other_run),
        cmocka_unit_test(test_hostile__inherits_no_descriptor),
        cmocka_unit_test(test_hostile__leaves_a_daemon),
        cmocka_unit_test(test_hostile__edits_the_evaluator),
        cmocka_unit_test(test_hostile__claims_a_great_metric),
        cmocka_unit_test(test_hostile__hands_over_traps),
        cmocka_unit_test(test_hostile__eats_the_machine),
        cmocka_unit_test(test_hostile__fails_in_ordinary_ways),
        cmocka_unit_test(test_hostile__left_the_host_untouched),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
