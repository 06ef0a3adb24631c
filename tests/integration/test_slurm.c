/*
 * One run at a time through the Slurm backend, on a cluster that slurm_test.py has started.
 *
 * usage: test_slurm ENVIRONMENT GPU_ENVIRONMENT DIRECTORY; the second wants a GPU; SLURM_CONF,
 * AIRE_JOB and AIRE_WORKER are set.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aire/cancel.h"
#include "aire/error.h"
#include "base/fs.h"
#include "executor/slurm.h"

enum { PARTS = 600, TOGETHER = 8 };

static const char *environment, *gpu_environment, *root;
static const char *bin_dir;  /* NULL: Slurm's own */
static const char *one_more; /* argument of sbatch; nullable */
static char counted[PARTS];  /* aire-job, behind a script that writes down what it is started for */
static aire_workshop shop;
static aire_run run;
static aire_try t;
static aire_slurm *slurm;
static bool began; /* the job that is to be cancelled */

/* ---- the parts ---- */

static int set_up(void **state)
{
    aire_sandbox_options sandbox = AIRE_SANDBOX_OPTIONS_INIT;
    char work[PARTS];
    sandbox.worker_path = getenv("AIRE_WORKER");
    snprintf(work, sizeof work, "%s/work", root);
    assert_int_equal(aire_ctx_new(NULL, &shop.ctx), AIRE_OK);
    assert_int_equal(aire_env_open(shop.ctx, environment, NULL, &shop.env), AIRE_OK);
    assert_int_equal(aire_sandbox_new(shop.ctx, &sandbox, &shop.sandbox), AIRE_OK);
    assert_int_equal(aire__workshop_sources(&shop), AIRE_OK);
    assert_int_equal(aire__fs_mkdirs(shop.ctx, work, 0700), AIRE_OK);
    shop.work_dir = strdup(work);
    return 0;
}

static int take_down(void **state)
{
    aire_free(shop.ctx, shop.sources);
    aire_sandbox_unref(shop.sandbox);
    aire_env_unref(shop.env);
    aire_ctx_unref(shop.ctx);
    free(shop.work_dir);
    return 0;
}

/* A try at run `id`, whose patch puts a line of shell into params.sh. */
static void prepare(aire_run *r, aire_try *one, int64_t id, const char *line)
{
    char diff[400];
    aire_patch *patch;
    *r = (aire_run){.id = id, .kind = AIRE_RUN_BASELINE, .seed = 7};
    *one = (aire_try){.shop = &shop, .run = r, .attempt = 1};
    if (line) {
        snprintf(
            diff, sizeof diff,
            "--- a/params.sh\n+++ b/params.sh\n@@ -2,3 +2,4 @@\n x=10\n+%s\n y=-5\n halve=no\n",
            line);
        assert_int_equal(aire_patch_new(shop.ctx, AIRE_PATCH_UNIFIED, diff, strlen(diff), &patch),
                         AIRE_OK);
        assert_int_equal(aire__apply_to_env(&shop, patch, &one->patched), AIRE_OK);
        assert_int_equal(one->patched.outcome, AIRE_OUTCOME_OK);
        aire_patch_unref(patch);
    }
    aire__variant_hash(shop.env, &one->patched, one->variant);
}

static void begin(int64_t id, const char *line)
{
    prepare(&run, &t, id, line);
}

static void connect(void)
{
    static char scratch[PARTS];
    const char *const arguments[] = {scratch, one_more, NULL};
    char jobs[PARTS];
    aire_slurm_options options = AIRE_SLURM_OPTIONS_INIT;
    snprintf(jobs, sizeof jobs, "%s/jobs", root);
    snprintf(scratch, sizeof scratch, "--export=ALL,TMPDIR=%s/node", root);
    options.poll_ms = 100;
    options.directory = jobs;
    options.bin_dir = bin_dir;
    options.conf_path = getenv("SLURM_CONF");
    options.arguments = arguments;
    options.job_path = counted;
    options.worker_path = getenv("AIRE_WORKER");
    assert_int_equal(aire__slurm_new(&shop, &options, "test", &slurm), AIRE_OK);
}

static void disconnect(void)
{
    aire__try_clear(&t);
    aire__slurm_free(slurm);
}

static void assert_run(aire_status expected)
{
    aire_status status = aire__slurm_run(&t, slurm);
    if (status != expected)
        fail_msg("%s: %s", aire_status_name(status), aire_error_message(aire_last_error()));
}

/* ---- what there is to see ---- */

/* Jobs of run `id` that are in a state ("" for any), as the cluster says. */
static int count_jobs(int64_t id, const char *wanted)
{
    char line[400], expected[200];
    int count = 0;
    FILE *squeue = popen("squeue --noheader --states=all --format='%j %T'", "r");
    assert_non_null(squeue);
    snprintf(expected, sizeof expected, "aire-test-%lld ", (long long)id);
    while (fgets(line, sizeof line, squeue))
        count += !strncmp(line, expected, strlen(expected)) && strstr(line, wanted);
    assert_int_equal(pclose(squeue), 0);
    return count;
}

static void await_jobs(int64_t id, const char *wanted, int count)
{
    for (int i = 0; i < 300; i++) {
        if (count_jobs(id, wanted) == count)
            return;
        usleep(100000);
    }
    fail_msg("run %lld has %d jobs that are %s, and not %d", (long long)id, count_jobs(id, wanted),
             wanted, count);
}

static int count_entries(const char *name)
{
    char path[PARTS];
    int count = 0;
    snprintf(path, sizeof path, "%s/%s", root, name);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static bool has_directory(int64_t id)
{
    char path[PARTS];
    snprintf(path, sizeof path, "%s/jobs/test/run-%lld", root, (long long)id);
    return aire__fs_exists(path);
}

/* How the same run ends here. */
static void assert_as_here(int64_t id, const char *line)
{
    aire_ending there = t.ending;
    memset(&t.ending, 0, sizeof t.ending);
    aire__try_clear(&t);
    begin(id, line);
    assert_int_equal(aire__stages_run(&t), AIRE_OK);
    assert_int_equal(there.outcome, t.ending.outcome);
    assert_int_equal(there.stage, t.ending.stage);
    assert_int_equal(there.cause, t.ending.cause);
    assert_int_equal(there.code, t.ending.code);
    assert_int_equal(there.trust, t.ending.trust);
    assert_int_equal(there.usage_count, t.ending.usage_count);
    assert_string_equal(there.detail, t.ending.detail);
    assert_string_equal(there.log_tail, t.ending.log_tail);
    assert_int_equal(there.verdict.metric_count, t.ending.verdict.metric_count);
    for (size_t i = 0; i < there.verdict.metric_count; i++) {
        assert_string_equal(there.verdict.metrics[i].name, t.ending.verdict.metrics[i].name);
        assert_true(there.verdict.metrics[i].value == t.ending.verdict.metrics[i].value);
    }
    assert_true(there.verdict.reward == t.ending.verdict.reward);
    aire__env_verdict_free(shop.env, &there.verdict);
    aire_free(shop.ctx, there.detail);
    aire_free(shop.ctx, there.log_tail);
}

/* ---- tests ---- */

static void test_slurm__a_variant_is_measured_as_here(void **state)
{
    connect();
    begin(1, "x=3");
    assert_run(AIRE_OK);
    assert_int_equal(t.ending.outcome, AIRE_OUTCOME_OK);
    assert_int_equal(t.ending.verdict.metric_count, 1);
    assert_as_here(1, "x=3");
    disconnect();
    await_jobs(1, "COMPLETED", 1);
    assert_int_equal(count_entries("node"), 0);
}

static void test_slurm__a_variant_that_crashes_has_crashed(void **state)
{
    connect();
    begin(2, "echo about to fail; exit 7");
    assert_run(AIRE_OK);
    assert_int_equal(t.ending.outcome, AIRE_OUTCOME_CRASHED);
    assert_int_equal(t.ending.code, 7);
    assert_non_null(strstr(t.ending.log_tail, "about to fail"));
    assert_as_here(2, "echo about to fail; exit 7");
    disconnect();
}

/* Slurm calls a job running before it has begun; what it makes on the node is the sign. */
static void *fire_when_begun(void *token)
{
    for (int i = 0; i < 600 && count_entries("node") == 0; i++)
        usleep(20000);
    usleep(300000); /* inside the sandbox */
    began = count_entries("node") > 0;
    aire_cancel_fire(token);
    return NULL;
}

static void test_slurm__a_cancelled_run_leaves_no_job(void **state)
{
    pthread_t thread;
    connect();
    begin(3, "sleep 8");
    assert_int_equal(aire_cancel_new(shop.ctx, &t.cancel), AIRE_OK);
    assert_int_equal(pthread_create(&thread, NULL, fire_when_begun, t.cancel), 0);
    assert_run(AIRE_CANCELLED);
    pthread_join(thread, NULL);
    assert_true(began);
    await_jobs(3, "CANCELLED", 1);
    assert_false(has_directory(3));
    /* what it had on the node goes with it */
    for (int i = 0; i < 50 && count_entries("node") > 0; i++)
        usleep(100000);
    assert_int_equal(count_entries("node"), 0);
    aire_cancel_unref(t.cancel);
    disconnect();
}

static void *end_from_outside(void *unused)
{
    for (int i = 0; i < 300 && count_jobs(4, "RUNNING") == 0; i++)
        usleep(50000);
    return system("scancel --name=aire-test-4") == 0 ? NULL : &root;
}

static void test_slurm__a_job_that_was_ended_from_outside_is_not_the_ideas_fault(void **state)
{
    pthread_t thread;
    void *failed;
    connect();
    begin(4, "sleep 8");
    assert_int_equal(pthread_create(&thread, NULL, end_from_outside, NULL), 0);
    assert_run(AIRE_NOT_FOUND); /* which the executor calls "worker lost" */
    pthread_join(thread, &failed);
    assert_null(failed);
    assert_int_equal(t.ending.outcome, AIRE_OUTCOME_OK); /* nothing was settled */
    const char *message = aire_error_message(aire_last_error());
    assert_non_null(strstr(message, "state CANCELLED"));
    assert_non_null(strstr(message, "slurm.out"));
    assert_true(has_directory(4)); /* to be read */
    aire__try_clear(&t);
    /* and another try submits it again */
    begin(4, "x=4");
    assert_run(AIRE_OK);
    assert_int_equal(t.ending.outcome, AIRE_OUTCOME_OK);
    assert_int_equal(count_jobs(4, ""), 2);
    disconnect();
}

static void test_slurm__a_job_that_is_refused_says_why(void **state)
{
    aire_slurm_options options = AIRE_SLURM_OPTIONS_INIT;
    char jobs[PARTS];
    snprintf(jobs, sizeof jobs, "%s/jobs", root);
    options.directory = jobs;
    options.poll_ms = 100;
    options.partition = "nowhere";
    options.conf_path = getenv("SLURM_CONF");
    options.job_path = getenv("AIRE_JOB");
    options.worker_path = getenv("AIRE_WORKER");
    assert_int_equal(aire__slurm_new(&shop, &options, "test", &slurm), AIRE_OK);
    begin(5, NULL);
    assert_run(AIRE_SANDBOX);
    assert_non_null(strstr(aire_error_message(aire_last_error()), "invalid partition"));
    disconnect();
}

/* A cluster that counts devices and does not say which: none is guessed. */
static void test_slurm__a_device_that_has_no_number_is_not_guessed(void **state)
{
    aire_env *before = shop.env;
    assert_int_equal(aire_env_open(shop.ctx, gpu_environment, NULL, &shop.env), AIRE_OK);
    connect();
    begin(12, NULL);
    assert_run(AIRE_SANDBOX);
    assert_non_null(strstr(aire_error_message(aire_last_error()), "gres.conf"));
    await_jobs(12, "COMPLETED", 1);
    disconnect();
    aire_env_unref(shop.env);
    shop.env = before;
}

/* A node reads the directory by the same adapter, with the same variables. */
static void test_slurm__a_directory_of_another_system_is_read_there_as_here(void **state)
{
    static const char *const variables[] = {"CPUS=1", "MEMORY_MB=512", NULL};
    aire_env *before = shop.env;
    aire_env_options options = AIRE_ENV_OPTIONS_INIT;
    char path[PARTS];
    snprintf(path, sizeof path, "%s/../../../tests/data/openevolve/minimise", environment);
    options.adapter = "auto";
    options.variables = variables;
    assert_int_equal(aire_env_open(shop.ctx, path, &options, &shop.env), AIRE_OK);
    connect();
    begin(13, NULL);
    assert_run(AIRE_OK);
    if (t.ending.outcome != AIRE_OUTCOME_OK)
        fail_msg("%s", t.ending.detail);
    assert_int_equal(t.ending.trust, AIRE_TRUST_SELF_REPORTED);
    assert_string_equal(t.ending.verdict.metrics[0].name, "combined_score");
    disconnect();
    aire_env_unref(shop.env);
    shop.env = before;
}

/* A controller that is killed: another process, which may have come as far as `ready` says. */
static void kill_controller(int64_t id, const char *line, bool (*ready)(int64_t id))
{
    pid_t pid = fork();
    if (pid == 0) {
        connect();
        begin(id, line);
        _exit(aire__slurm_run(&t, slurm) == AIRE_OK ? 0 : 1);
    }
    bool done = false;
    for (int i = 0; i < 600 && !(done = ready(id)); i++)
        usleep(20000);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_true(done);
}

static bool is_running(int64_t id)
{
    return count_jobs(id, "RUNNING") == 1;
}

static bool has_spec(int64_t id)
{
    char path[PARTS];
    snprintf(path, sizeof path, "%s/jobs/test/run-%lld/" AIRE_JOB_SPEC, root, (long long)id);
    usleep(300000); /* then sbatch has begun, too */
    return aire__fs_exists(path);
}

static void assert_taken_up(int64_t id, const char *line)
{
    connect();
    begin(id, line);
    assert_run(AIRE_OK);
    assert_int_equal(t.ending.outcome, AIRE_OUTCOME_OK);
    assert_int_equal(count_jobs(id, ""), 1);
    disconnect();
}

static void test_slurm__a_live_job_is_taken_up(void **state)
{
    kill_controller(6, "sleep 3", is_running);
    assert_taken_up(6, "sleep 3");
}

/* sbatch outlives its controller, and submits when the next one has already begun. */
static void test_slurm__a_submission_on_its_way_is_taken_up(void **state)
{
    char directory[PARTS], path[PARTS + 10];
    snprintf(directory, sizeof directory, "%s/bin", root);
    assert_int_equal(mkdir(directory, 0700), 0);
    snprintf(path, sizeof path, "%s/sbatch", directory);
    FILE *script = fopen(path, "w");
    fputs("#!/bin/sh\nsleep 2\nexec /usr/bin/sbatch \"$@\"\n", script);
    fchmod(fileno(script), 0700);
    fclose(script);
    static const char *const others[] = {"squeue", "scancel", "scontrol"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char target[64];
        snprintf(path, sizeof path, "%s/%s", directory, others[i]);
        snprintf(target, sizeof target, "/usr/bin/%s", others[i]);
        assert_int_equal(symlink(target, path), 0);
    }
    bin_dir = directory;
    kill_controller(7, "x=7", has_spec);
    bin_dir = NULL;
    assert_int_equal(count_jobs(7, ""), 0);
    assert_taken_up(7, "x=7");
    usleep(3000000); /* by now the first sbatch has come to its end, whatever became of it */
    assert_int_equal(count_jobs(7, ""), 1);
}

/* The result was taken from the directory, and nobody has kept it yet. */
static void test_slurm__a_result_that_was_not_kept_is_taken_again(void **state)
{
    pid_t pid = fork();
    if (pid == 0) {
        connect();
        begin(8, "x=8");
        _exit(aire__slurm_run(&t, slurm) == AIRE_OK ? 0 : 1);
    }
    int status;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    assert_true(has_directory(8));
    assert_taken_up(8, "x=8");
}

static void test_slurm__a_result_stays_until_it_is_kept(void **state)
{
    connect();
    begin(9, NULL);
    assert_run(AIRE_OK);
    assert_true(has_directory(9));
    aire__slurm_kept(slurm, 9);
    assert_false(has_directory(9));
    disconnect();
}

/* Another version of a run, whose job still lives, neither counts nor gets in the way. */
static void test_slurm__another_version_of_a_run_is_ended(void **state)
{
    kill_controller(11, "sleep 8", is_running);
    connect();
    begin(11, "x=11");
    assert_run(AIRE_OK);
    assert_as_here(11, "x=11");
    disconnect();
    await_jobs(11, "CANCELLED", 1);
    await_jobs(11, "COMPLETED", 1);
}

/* ---- arrays ---- */

static struct member {
    pthread_t thread;
    aire_run run;
    aire_try t;
    aire_status status;
    char line[40], message[AIRE_ERROR_MESSAGE_MAX];
} members[TOGETHER];

static void *run_member(void *data)
{
    struct member *m = data;
    m->status = aire__slurm_run(&m->t, slurm);
    snprintf(m->message, sizeof m->message, "%s", aire_error_message(aire_last_error()));
    return NULL;
}

static aire_cancel *last_cancel; /* for the last of them; nullable */

/* Runs from `first` on, at once; each has a value of its own, after a command. */
static void start_together(int first, int count, const char *before)
{
    for (int i = 0; i < count; i++) {
        struct member *m = &members[i];
        snprintf(m->line, sizeof m->line, "%sx=%d", before, i);
        prepare(&m->run, &m->t, first + i, m->line);
    }
    members[count - 1].t.cancel = last_cancel;
    for (int i = 0; i < count; i++)
        assert_int_equal(pthread_create(&members[i].thread, NULL, run_member, &members[i]), 0);
}

static void join_together(int count)
{
    for (int i = 0; i < count; i++)
        pthread_join(members[i].thread, NULL);
}

/* What a shell says, a number. */
static int ask(const char *format, ...)
{
    char command[PARTS + 300];
    int number = -1;
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    FILE *shell = popen(command, "r");
    assert_non_null(shell);
    assert_int_equal(fscanf(shell, "%d", &number), 1);
    pclose(shell);
    return number;
}

static int count_executions(int id)
{
    return ask("grep -c 'run-%d$' %s/executions", id, root);
}

/* Of all there ever were: jobs, each task of an array counted, and what sbatch was called for. */
static int count_all_jobs(void)
{
    return ask("squeue --array --noheader --states=all --format=%%i | wc -l");
}

static int count_submissions(void)
{
    return ask("squeue --array --noheader --states=all --format=%%F | sort -u | wc -l");
}

static void assert_all_as_here(int first, int count)
{
    for (int i = 0; i < count; i++) {
        if (members[i].status != AIRE_OK)
            fail_msg("run %d: %s", first + i, members[i].message);
        assert_int_equal(count_executions(first + i), 1);
        t = members[i].t;
        assert_as_here(first + i, members[i].line);
        aire__try_clear(&t);
    }
}

static void test_slurm__runs_that_are_ready_together_are_one_array(void **state)
{
    int jobs = count_all_jobs(), submissions = count_submissions();
    connect();
    start_together(20, TOGETHER, "");
    join_together(TOGETHER);
    assert_all_as_here(20, TOGETHER);
    assert_int_equal(count_all_jobs() - jobs, TOGETHER);
    assert_true(count_submissions() - submissions <= TOGETHER / 2);
    for (int i = 0; i < TOGETHER; i++)
        aire__slurm_kept(slurm, 20 + i);
    assert_int_equal(ask("ls -d %s/jobs/test/array-* 2> /dev/null | wc -l", root), 0);
    aire__slurm_free(slurm);
}

/* More tasks than the node has room for: some run, and some wait, when their controller dies. */
static void test_slurm__an_array_of_a_killed_controller_is_taken_up(void **state)
{
    int jobs = count_all_jobs();
    pid_t pid = fork();
    if (pid == 0) {
        connect();
        start_together(40, TOGETHER, "sleep 3; ");
        join_together(TOGETHER);
        _exit(0);
    }
    for (int i = 0; i < 600 && (count_all_jobs() - jobs < TOGETHER ||
                                ask("grep -c 'run-4' %s/executions", root) == 0);
         i++)
        usleep(50000);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_int_equal(count_all_jobs() - jobs, TOGETHER);
    assert_true(ask("grep -c 'run-4' %s/executions", root) < TOGETHER);
    connect();
    start_together(40, TOGETHER, "sleep 3; ");
    join_together(TOGETHER);
    assert_all_as_here(40, TOGETHER);
    assert_int_equal(count_all_jobs() - jobs, TOGETHER);
    aire__slurm_free(slurm);
}

static void test_slurm__one_task_is_cancelled_alone(void **state)
{
    enum { COUNT = 4, LAST = COUNT - 1 };
    aire_cancel *cancel;
    connect();
    assert_int_equal(aire_cancel_new(shop.ctx, &cancel), AIRE_OK);
    last_cancel = cancel;
    start_together(60, COUNT, "sleep 4; ");
    last_cancel = NULL;
    for (int i = 0; i < 300 && count_executions(60 + LAST) == 0; i++)
        usleep(50000);
    aire_cancel_fire(cancel);
    join_together(COUNT);
    assert_int_equal(members[LAST].status, AIRE_CANCELLED);
    assert_false(has_directory(60 + LAST));
    aire__try_clear(&members[LAST].t);
    assert_all_as_here(60, LAST);
    aire_cancel_unref(cancel);
    aire__slurm_free(slurm);
}

/* ---- jobs that wait ---- */

static void test_slurm__a_job_that_can_never_begin_is_ended(void **state)
{
    static char dependency[80];
    snprintf(dependency, sizeof dependency, "--dependency=afternotok:%d",
             ask("squeue --noheader --states=COMPLETED --name=aire-test-1 --format=%%A"));
    one_more = dependency;
    connect();
    one_more = NULL;
    begin(70, NULL);
    assert_run(AIRE_SANDBOX);
    assert_non_null(
        strstr(aire_error_message(aire_last_error()), "can never begin: DependencyNeverSatisfied"));
    assert_true(has_directory(70));
    disconnect();
    await_jobs(70, "CANCELLED", 1);
}

static void *release(void *unused)
{
    usleep(3000000); /* longer than one that can never begin is waited for */
    return (void *)(intptr_t)ask("scontrol release jobname=aire-test-71; echo $?");
}

static void test_slurm__a_job_that_is_held_is_waited_for(void **state)
{
    pthread_t thread;
    void *failed;
    one_more = "--hold";
    connect();
    one_more = NULL;
    begin(71, "x=71");
    assert_int_equal(pthread_create(&thread, NULL, release, NULL), 0);
    assert_run(AIRE_OK);
    pthread_join(thread, &failed);
    assert_null(failed);
    assert_as_here(71, "x=71");
    disconnect();
}

static bool write_counted(void)
{
    snprintf(counted, sizeof counted, "%s/aire-job", root);
    FILE *script = fopen(counted, "w");
    if (!script)
        return false;
    fprintf(script, "#!/bin/sh\nrealpath \"$1\" >> %s/executions\nexec %s \"$@\"\n", root,
            getenv("AIRE_JOB"));
    fchmod(fileno(script), 0700);
    return fclose(script) == 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slurm__a_variant_is_measured_as_here),
        cmocka_unit_test(test_slurm__a_variant_that_crashes_has_crashed),
        cmocka_unit_test(test_slurm__a_cancelled_run_leaves_no_job),
        cmocka_unit_test(test_slurm__a_job_that_was_ended_from_outside_is_not_the_ideas_fault),
        cmocka_unit_test(test_slurm__a_job_that_is_refused_says_why),
        cmocka_unit_test(test_slurm__a_directory_of_another_system_is_read_there_as_here),
        cmocka_unit_test(test_slurm__a_device_that_has_no_number_is_not_guessed),
        cmocka_unit_test(test_slurm__a_live_job_is_taken_up),
        cmocka_unit_test(test_slurm__a_submission_on_its_way_is_taken_up),
        cmocka_unit_test(test_slurm__a_result_that_was_not_kept_is_taken_again),
        cmocka_unit_test(test_slurm__a_result_stays_until_it_is_kept),
        cmocka_unit_test(test_slurm__another_version_of_a_run_is_ended),
        cmocka_unit_test(test_slurm__runs_that_are_ready_together_are_one_array),
        cmocka_unit_test(test_slurm__an_array_of_a_killed_controller_is_taken_up),
        cmocka_unit_test(test_slurm__one_task_is_cancelled_alone),
        cmocka_unit_test(test_slurm__a_job_that_can_never_begin_is_ended),
        cmocka_unit_test(test_slurm__a_job_that_is_held_is_waited_for),
    };
    char node[PARTS];
    if (argc != 4)
        return 2;
    environment = argv[1];
    gpu_environment = argv[2];
    root = argv[3];
    snprintf(node, sizeof node, "%s/node", root);
    if (mkdir(node, 0700) != 0 || !write_counted())
        return 2;
    return cmocka_run_group_tests(tests, set_up, take_down);
}
