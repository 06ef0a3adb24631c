/*
 * The executor room on a scripted sandbox: outcomes, order, retries, cancelling, and taking up what
 * was left.
 *
 * The sandbox reads the variant's file work.txt, as the host sees it, and does what its first line
 * says.
 */
#include "support/store.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "aire/confirm.h"

static const char manifest[] =
    "{\"aire\": 1, \"name\": \"toy\", \"goal\": \"g\", \"files\": {\"editable\": [\"work.txt\"]},"
    " \"build\": {\"command\": [\"build\"]}, \"run\": {\"command\": [\"run\"]},"
    " \"evaluate\": {\"command\": [\"evaluate\"]}, \"outputs\": [{\"path\": \"value\", \"max_mb\": "
    "1}],"
    " \"metric\": {\"name\": \"score\", \"direction\": \"maximize\", \"stage\": \"evaluate\","
    "   \"trust\": \"evaluated\", \"valid\": [0, 100]}}";

/* What the scripted sandbox has seen, and how it is told to fail. */
typedef struct script {
    atomic_int runs;        /* commands of the run stage */
    atomic_int fail_setups; /* so many further commands fail to be set up */
    atomic_bool waiting;    /* "wait" has begun */
    atomic_bool hold;       /* "wait" waits while it is set */
    char order[1024];       /* values in the order of their runs */
    atomic_int gpu_runs[8]; /* runs that had a device */
    atomic_int gpu_in_use[8];
    atomic_bool shared_gpu; /* two runs had the same at once */
    pthread_mutex_t lock;
} script;

static script fake;
static aire_env *env;
static aire_store *store;
static aire_sandbox *sandbox;

static const char *host_path(const aire_command *command, const char *target)
{
    for (size_t i = 0; i < command->mount_count; i++)
        if (!strcmp(command->mounts[i].target, target))
            return command->mounts[i].source;
    return NULL;
}

static void put(const char *directory, const char *name, const char *text)
{
    char full[512];
    snprintf(full, sizeof full, "%s/%s", directory, name);
    FILE *file = fopen(full, "we");
    fputs(text, file);
    fclose(file);
}

static void fake_run(const aire_command *command, const char *word, aire_exit *ended)
{
    const char *out = host_path(command, "/out"), *workspace = host_path(command, "/workspace");
    char full[512];
    snprintf(full, sizeof full, "%s/value", out);
    atomic_fetch_add(&fake.runs, 1);
    pthread_mutex_lock(&fake.lock);
    snprintf(fake.order + strlen(fake.order), sizeof fake.order - strlen(fake.order), "%s ", word);
    pthread_mutex_unlock(&fake.lock);
    if (!strcmp(word, "crash"))
        ended->code = 3;
    else if (!strcmp(word, "segv"))
        ended->code = -1, ended->signal = SIGSEGV;
    else if (!strncmp(word, "limit", 5))
        ended->code = -1, ended->limit = atoi(word + 5);
    else if (!strcmp(word, "link"))
        assert_int_equal(symlink("/etc/passwd", full), 0);
    else if (!strcmp(word, "large"))
        assert_int_equal(truncate((put(out, "value", ""), full), 3 << 20), 0);
    else if (!strcmp(word, "edit"))
        put(workspace, "aire.json", "{}");
    else if (strcmp(word, "nothing"))
        put(out, "value", word);
}

static void fake_evaluate(const aire_command *command, const char *word, aire_exit *ended)
{
    char value[64] = "", full[512], text[128];
    snprintf(full, sizeof full, "%s/value", host_path(command, "/out"));
    FILE *file = fopen(full, "re");
    assert_non_null(file);
    assert_non_null(fgets(value, sizeof value, file));
    fclose(file);
    if (!strcmp(value, "leak"))
        snprintf(text, sizeof text,
                 "{\"violation\": {\"cause\": \"future_leak\", \"detail\": \"d\"}}");
    else if (!strcmp(value, "silent"))
        text[0] = '\0';
    else
        snprintf(text, sizeof text, "{\"metrics\": {\"score\": %d}}", atoi(value));
    ended->code = strcmp(value, "broken") ? 0 : 1;
    file = fopen(command->report_path, "we");
    fputs(text, file);
    fclose(file);
}

static void use_gpus(const aire_command *command)
{
    for (size_t i = 0; i < command->gpu_count; i++)
        if (atomic_fetch_add(&fake.gpu_in_use[command->gpus[i]], 1) > 0)
            atomic_store(&fake.shared_gpu, true);
    if (command->gpu_count > 0)
        usleep(2000);
    for (size_t i = 0; i < command->gpu_count; i++) {
        atomic_fetch_add(&fake.gpu_runs[command->gpus[i]], 1);
        atomic_fetch_sub(&fake.gpu_in_use[command->gpus[i]], 1);
    }
}

static void report_curve(const aire_command *command, const char *word, aire_exit *ended)
{
    char line[80];
    assert_non_null(command->observe);
    for (int step = 1; step <= 10 && !ended->limit; step++) {
        int length = snprintf(line, sizeof line, "{\"step\": %d, \"loss\": %s}\n", step, word + 5);
        if (command->observe(AIRE_OBSERVE_STREAM, line, (size_t)length, command->observe_user_data))
            ended->limit = AIRE_EXIT_LIMIT_STOPPED;
    }
    command->observe(AIRE_OBSERVE_OUTPUT, word, strlen(word), command->observe_user_data);
    put(host_path(command, "/out"), "value", word + 5);
}

static aire_status fake_sandbox(const aire_command *command, aire_cancel *cancel, aire_exit *ended,
                                void *unused)
{
    char word[64] = "", full[512];
    if (atomic_load(&fake.fail_setups) > 0) {
        atomic_fetch_sub(&fake.fail_setups, 1);
        return aire_error_set(AIRE_SANDBOX, 0, "no namespaces today");
    }
    close(open(command->log_path, O_WRONLY | O_CREAT | O_TRUNC, 0644));
    if (!strcmp(command->argv[0], "evaluate")) {
        fake_evaluate(command, word, ended);
        return AIRE_OK;
    }
    snprintf(full, sizeof full, "%s/work.txt", host_path(command, "/workspace"));
    FILE *file = fopen(full, "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%63s", word), 1);
    fclose(file);
    if (!strcmp(command->argv[0], "build")) {
        ended->code = strcmp(word, "nobuild") ? 0 : 1;
        return AIRE_OK;
    }
    while (!strcmp(word, "wait") && atomic_load(&fake.hold)) {
        if (aire_cancel_fired(cancel))
            return aire_error_set(AIRE_CANCELLED, 0, NULL);
        atomic_store(&fake.waiting, true);
        usleep(1000);
    }
    use_gpus(command);
    if (!strncmp(word, "curve", 5))
        report_curve(command, word, ended);
    else
        fake_run(command, word, ended);
    return AIRE_OK;
}

static int begin(void **state)
{
    static const aire_sandbox_ops ops = {sizeof ops, 0, fake_sandbox, NULL};
    char directory[256];
    memset(&fake, 0, sizeof fake);
    pthread_mutex_init(&fake.lock, NULL);
    if (setup(state) != 0)
        return -1;
    snprintf(directory, sizeof directory, "%s", at("env"));
    assert_int_equal(aire__fs_mkdirs(ctx, directory, 0755), AIRE_OK);
    put(directory, "aire.json", manifest);
    put(directory, "work.txt", "5\n");
    assert_int_equal(aire_env_open(ctx, directory, NULL, &env), AIRE_OK);
    assert_int_equal(aire_sandbox_new_from_ops(ctx, &ops, NULL, &sandbox), AIRE_OK);
    store = open_store(0);
    return 0;
}

static int end(void **state)
{
    aire_store_unref(store);
    aire_sandbox_unref(sandbox);
    aire_env_unref(env);
    return teardown(state);
}

static aire_executor *new_executor(int32_t workers, aire_model *implementer)
{
    aire_executor_options options = AIRE_EXECUTOR_OPTIONS_INIT;
    aire_executor *executor;
    options.workers = workers;
    options.implementer = implementer;
    if (aire_executor_new(ctx, env, sandbox, store, &options, &executor) != AIRE_OK)
        fail_msg("%s", aire_error_message(aire_last_error()));
    return executor;
}

/* An idea whose patch makes work.txt hold a word; NULL: without a patch. */
static aire_idea *idea_for(const char *word)
{
    aire_idea_options options = AIRE_IDEA_OPTIONS_INIT;
    aire_patch *patch = NULL;
    aire_idea *idea;
    char text[200];
    if (word) {
        snprintf(text, sizeof text, "--- work.txt\n+++ work.txt\n@@ -1 +1 @@\n-5\n+%s\n", word);
        assert_int_equal(aire_patch_new(ctx, AIRE_PATCH_UNIFIED, text, strlen(text), &patch),
                         AIRE_OK);
    }
    options.text = "an idea";
    options.patch = patch;
    assert_int_equal(aire_idea_new(ctx, &options, &idea), AIRE_OK);
    aire_patch_unref(patch);
    return idea;
}

static int64_t submit_word(aire_executor *executor, const char *word, int32_t priority)
{
    aire_submit_options options = AIRE_SUBMIT_OPTIONS_INIT;
    aire_idea *idea = idea_for(word);
    int64_t run = 0;
    options.priority = priority;
    assert_int_equal(aire_executor_submit(executor, idea, &options, &run), AIRE_OK);
    aire_idea_unref(idea);
    return run;
}

static aire_result *next(aire_executor *executor)
{
    aire_result *result = NULL;
    aire_status status = aire_executor_next(executor, 20000, &result);
    if (status != AIRE_OK)
        fail_msg("%s: %s", aire_status_name(status), aire_error_message(aire_last_error()));
    return result;
}

static void expect(aire_executor *executor, int32_t outcome, int32_t stage, int32_t cause)
{
    aire_result *result = next(executor);
    double reward;
    if (aire_result_outcome(result) != outcome || aire_result_stage(result) != stage ||
        aire_result_cause(result) != cause)
        fail_msg("%s at %s: %s: %s", aire_outcome_name(aire_result_outcome(result)),
                 aire_stage_name(aire_result_stage(result)),
                 aire_cause_name(aire_result_cause(result)), aire_result_detail(result));
    assert_int_equal(aire_result_reward(result, &reward) == AIRE_OK, outcome == AIRE_OUTCOME_OK);
    assert_true(outcome == AIRE_OUTCOME_OK || *aire_result_detail(result));
    tell(store, aire_result_run_id(result), true);
    aire_result_unref(result);
}

static void test_executor__every_end_has_its_outcome(void **state)
{
    static const struct {
        const char *word;
        int32_t outcome, stage, cause;
    } rows[] = {
        {"7", AIRE_OUTCOME_OK, AIRE_STAGE_EVALUATE, AIRE_CAUSE_NONE},
        {"5", AIRE_OUTCOME_NO_CHANGE, AIRE_STAGE_IMPLEMENT, AIRE_CAUSE_SAME_AS_BASELINE},
        {"7", AIRE_OUTCOME_NO_CHANGE, AIRE_STAGE_IMPLEMENT, AIRE_CAUSE_SAME_AS_EARLIER},
        {NULL, AIRE_OUTCOME_PATCH_FAILED, AIRE_STAGE_IMPLEMENT, AIRE_CAUSE_NO_PATCH},
        {"nobuild", AIRE_OUTCOME_BUILD_FAILED, AIRE_STAGE_BUILD, AIRE_CAUSE_EXIT_CODE},
        {"crash", AIRE_OUTCOME_CRASHED, AIRE_STAGE_RUN, AIRE_CAUSE_EXIT_CODE},
        {"segv", AIRE_OUTCOME_CRASHED, AIRE_STAGE_RUN, AIRE_CAUSE_SIGNAL},
        {"limit1", AIRE_OUTCOME_TIMEOUT, AIRE_STAGE_RUN, AIRE_CAUSE_WALL_LIMIT},
        {"limit2", AIRE_OUTCOME_LIMIT, AIRE_STAGE_RUN, AIRE_CAUSE_CPU_LIMIT},
        {"limit3", AIRE_OUTCOME_OUT_OF_MEMORY, AIRE_STAGE_RUN, AIRE_CAUSE_MEMORY_LIMIT},
        {"limit4", AIRE_OUTCOME_LIMIT, AIRE_STAGE_RUN, AIRE_CAUSE_PROCESS_LIMIT},
        {"limit5", AIRE_OUTCOME_LIMIT, AIRE_STAGE_RUN, AIRE_CAUSE_FILE_SIZE_LIMIT},
        {"limit6", AIRE_OUTCOME_LIMIT, AIRE_STAGE_RUN, AIRE_CAUSE_DISK_LIMIT},
        {"limit7", AIRE_OUTCOME_LIMIT, AIRE_STAGE_RUN, AIRE_CAUSE_OPEN_FILES_LIMIT},
        {"limit8", AIRE_OUTCOME_LIMIT, AIRE_STAGE_RUN, AIRE_CAUSE_LOG_LIMIT},
        {"edit", AIRE_OUTCOME_VIOLATION, AIRE_STAGE_RUN, AIRE_CAUSE_PROTECTED_CHANGED},
        {"nothing", AIRE_OUTCOME_NO_METRIC, AIRE_STAGE_RUN, AIRE_CAUSE_OUTPUT_MISSING},
        {"link", AIRE_OUTCOME_VIOLATION, AIRE_STAGE_RUN, AIRE_CAUSE_OUTPUT_KIND},
        {"large", AIRE_OUTCOME_LIMIT, AIRE_STAGE_RUN, AIRE_CAUSE_OUTPUT_LIMIT},
        {"leak", AIRE_OUTCOME_VIOLATION, AIRE_STAGE_EVALUATE, AIRE_CAUSE_FUTURE_LEAK},
        {"broken", AIRE_OUTCOME_NO_METRIC, AIRE_STAGE_EVALUATE, AIRE_CAUSE_EVALUATOR},
        {"silent", AIRE_OUTCOME_NO_METRIC, AIRE_STAGE_EVALUATE, AIRE_CAUSE_METRIC_MISSING},
        {"1000", AIRE_OUTCOME_VIOLATION, AIRE_STAGE_EVALUATE, AIRE_CAUSE_METRIC_RANGE},
    };
    aire_executor *executor = new_executor(1, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        submit_word(executor, rows[i].word, 0);
        expect(executor, rows[i].outcome, rows[i].stage, rows[i].cause);
    }
    aire_executor_unref(executor);
}

static void test_executor__says_when_nothing_is_left(void **state)
{
    aire_executor *executor = new_executor(1, NULL);
    aire_result *result = NULL;
    struct pollfd fd = {aire_executor_fd(executor), POLLIN, 0};
    assert_int_equal(aire_executor_next(executor, -1, &result), AIRE_EMPTY);
    assert_int_equal(poll(&fd, 1, 0), 0);
    atomic_store(&fake.hold, true);
    submit_word(executor, "wait", 0);
    assert_int_equal(aire_executor_next(executor, 0, &result), AIRE_TIMEOUT);
    assert_int_equal(aire_executor_next(executor, 30, &result), AIRE_TIMEOUT);
    assert_int_equal(aire_executor_pending(executor), 1);
    assert_int_equal(aire_executor_wait(executor, 30, NULL), AIRE_TIMEOUT);
    atomic_store(&fake.hold, false);
    assert_int_equal(poll(&fd, 1, 20000), 1);
    aire_result_unref(next(executor));
    assert_int_equal(aire_executor_wait(executor, 20000, NULL), AIRE_OK);
    assert_int_equal(aire_executor_next(executor, -1, &result), AIRE_EMPTY);
    aire_executor_unref(executor);
}

static void test_executor__refuses_what_is_wrong(void **state)
{
    aire_executor *executor = new_executor(1, NULL), *other = executor;
    aire_submit_options options = AIRE_SUBMIT_OPTIONS_INIT;
    aire_executor_options bad = AIRE_EXECUTOR_OPTIONS_INIT;
    options.kind = AIRE_RUN_CONFIRM;
    assert_int_equal(aire_executor_submit(executor, NULL, &options, NULL), AIRE_INVALID);
    aire_idea *idea = idea_for("7");
    options.kind = AIRE_RUN_BASELINE;
    assert_int_equal(aire_executor_submit(executor, idea, &options, NULL), AIRE_INVALID);
    aire_idea_unref(idea);
    assert_int_equal(aire_executor_cancel(executor, 99), AIRE_NOT_FOUND);
    aire_executor_unref(executor);
    bad.workers = -1;
    assert_int_equal(aire_executor_new(ctx, env, sandbox, store, &bad, &other), AIRE_INVALID);
    assert_null(other);
    assert_int_equal(aire_executor_new(ctx, env, sandbox, NULL, NULL, &other), AIRE_INVALID);
    aire_executor_unref(NULL);
}

static void test_executor__urgent_runs_come_first(void **state)
{
    aire_executor *executor = new_executor(1, NULL);
    atomic_store(&fake.hold, true);
    submit_word(executor, "wait", 0);
    while (!atomic_load(&fake.waiting)) /* the only worker has it, and the others queue behind */
        usleep(1000);
    submit_word(executor, "11", 0);
    submit_word(executor, "12", 5);
    submit_word(executor, "13", 5);
    submit_word(executor, "14", -1);
    atomic_store(&fake.hold, false);
    for (int i = 0; i < 5; i++)
        aire_result_unref(next(executor));
    aire_executor_unref(executor);
    assert_non_null(strstr(fake.order, "12 13 11 14"));
}

static void test_executor__submitting_again_adds_nothing(void **state)
{
    aire_executor *executor = new_executor(2, NULL);
    aire_submit_options options = AIRE_SUBMIT_OPTIONS_INIT;
    int64_t first, second, third;
    options.seed = 9;
    assert_int_equal(aire_executor_submit(executor, NULL, &options, &first), AIRE_OK);
    assert_int_equal(aire_executor_submit(executor, NULL, &options, &second), AIRE_OK);
    options.seed = 10;
    assert_int_equal(aire_executor_submit(executor, NULL, &options, &third), AIRE_OK);
    assert_int_equal(first, second);
    assert_int_not_equal(first, third);
    for (int i = 0; i < 2; i++)
        expect(executor, AIRE_OUTCOME_OK, AIRE_STAGE_EVALUATE, AIRE_CAUSE_NONE);
    aire_result *result;
    assert_int_equal(aire_executor_next(executor, -1, &result), AIRE_EMPTY);
    aire_executor_unref(executor);
}

static void test_executor__infrastructure_is_tried_again(void **state)
{
    aire_executor *executor = new_executor(1, NULL);
    atomic_store(&fake.fail_setups, 2);
    submit_word(executor, "7", 0);
    aire_result *result = next(executor);
    assert_int_equal(aire_result_outcome(result), AIRE_OUTCOME_OK);
    assert_int_equal(aire_result_attempts(result), 3);
    aire_result_unref(result);
    atomic_store(&fake.fail_setups, 3);
    submit_word(executor, "8", 0);
    result = next(executor);
    assert_int_equal(aire_result_outcome(result), AIRE_OUTCOME_INFRA_FAILED);
    assert_int_equal(aire_result_cause(result), AIRE_CAUSE_SANDBOX);
    assert_non_null(strstr(aire_result_detail(result), "no namespaces today"));
    aire_result_unref(result);
    aire_executor_unref(executor);
}

static void test_executor__cancels_queued_and_running(void **state)
{
    aire_executor *executor = new_executor(1, NULL);
    atomic_store(&fake.hold, true);
    int64_t running = submit_word(executor, "wait", 0), queued = submit_word(executor, "8", 0);
    assert_int_equal(aire_executor_cancel(executor, queued), AIRE_OK);
    aire_result *result = next(executor);
    assert_int_equal(aire_result_run_id(result), queued);
    assert_int_equal(aire_result_outcome(result), AIRE_OUTCOME_CANCELLED);
    aire_result_unref(result);
    submit_word(executor, "9", 0);
    assert_int_equal(aire_executor_cancel(executor, 0), AIRE_OK);
    for (int i = 0; i < 2; i++) {
        result = next(executor);
        assert_int_equal(aire_result_outcome(result), AIRE_OUTCOME_CANCELLED);
        aire_result_unref(result);
    }
    assert_int_equal(aire_executor_cancel(executor, running), AIRE_NOT_FOUND);
    aire_executor_unref(executor);
}

/* A run that is being cancelled while a worker looks for one: each ends once, one way or the other.
 */
static void test_executor__cancels_beside_busy_workers(void **state)
{
    enum { ROUNDS = 100 };
    aire_executor *executor = new_executor(2, NULL);
    bool over[2 * ROUNDS + 2] = {false};
    for (int i = 0; i < ROUNDS; i++) {
        char word[8];
        snprintf(word, sizeof word, "%d", 10 + i % 90);
        submit_word(executor, word, 0);
        aire_status status = aire_executor_cancel(executor, submit_word(executor, "8", 0));
        assert_true(status == AIRE_OK || status == AIRE_NOT_FOUND);
    }
    for (int i = 0; i < 2 * ROUNDS; i++) {
        aire_result *result = next(executor);
        int64_t run = aire_result_run_id(result);
        assert_true(run >= 1 && run <= 2 * ROUNDS && !over[run]);
        over[run] = true;
        aire_result_unref(result);
    }
    assert_int_equal(aire_executor_pending(executor), 0);
    aire_executor_unref(executor);
}

static void count_stage(const aire_progress *progress, void *data)
{
    int *stages = data;
    stages[progress->stage]++;
}

static void test_executor__tells_of_stages(void **state)
{
    aire_executor_options options = AIRE_EXECUTOR_OPTIONS_INIT;
    aire_executor *executor;
    int stages[5] = {0};
    options.progress = count_stage;
    options.progress_user_data = stages;
    options.workers = 1;
    assert_int_equal(aire_executor_new(ctx, env, sandbox, store, &options, &executor), AIRE_OK);
    submit_word(executor, "7", 0);
    assert_int_equal(aire_executor_wait(executor, 20000, NULL), AIRE_OK);
    assert_int_equal(stages[AIRE_STAGE_RUN], 0); /* only inside next */
    aire_result_unref(next(executor));
    for (int stage = AIRE_STAGE_IMPLEMENT; stage <= AIRE_STAGE_EVALUATE; stage++)
        assert_int_equal(stages[stage], 1);
    aire_executor_unref(executor);
}

static void test_executor__many_runs_each_once(void **state)
{
    enum { RUNS = 200 };
    bool seen[RUNS + 1] = {false};
    aire_executor *executor = new_executor(4, NULL);
    aire_submit_options options = AIRE_SUBMIT_OPTIONS_INIT;
    for (int i = 1; i <= RUNS; i++) {
        options.seed = (uint64_t)i;
        assert_int_equal(aire_executor_submit(executor, NULL, &options, NULL), AIRE_OK);
    }
    for (int i = 0; i < RUNS; i++) {
        aire_result *result = next(executor);
        assert_int_equal(aire_result_outcome(result), AIRE_OUTCOME_OK);
        assert_false(seen[aire_result_seed(result)]);
        seen[aire_result_seed(result)] = true;
        aire_result_unref(result);
    }
    aire_executor_unref(executor);
    assert_int_equal(atomic_load(&fake.runs), RUNS);
    assert_false(aire__fs_exists(at("s.db.work")));
}

static void test_executor__takes_up_what_was_left(void **state)
{
    aire_executor *executor = new_executor(1, NULL);
    atomic_store(&fake.hold, true);
    int64_t told = submit_word(executor, "7", 0);
    aire_result *result = next(executor);
    bool first;
    assert_int_equal(aire__store_tell(store, told, NULL, &first), AIRE_OK);
    aire_result_unref(result);
    int64_t untold = submit_word(executor, "8", 0);
    assert_int_equal(aire_executor_wait(executor, 20000, NULL), AIRE_OK);
    int64_t waiting = submit_word(executor, "wait", 0);
    submit_word(executor, "7", -1); /* the same as an earlier one, also after the restart */
    aire_executor_unref(executor);

    atomic_store(&fake.hold, false);
    executor = new_executor(1, NULL);
    result = next(executor);
    assert_int_equal(aire_result_run_id(result), untold);
    aire_result_unref(result);
    result = next(executor);
    assert_int_equal(aire_result_run_id(result), waiting);
    assert_int_equal(aire_result_outcome(result), AIRE_OUTCOME_OK);
    aire_result_unref(result);
    expect(executor, AIRE_OUTCOME_NO_CHANGE, AIRE_STAGE_IMPLEMENT, AIRE_CAUSE_SAME_AS_EARLIER);
    assert_int_equal(aire_executor_next(executor, -1, &result), AIRE_EMPTY);
    aire_executor_unref(executor);
}

/* ---- the Implementer ---- */

static const char *const *answers;
static char asked[64]; /* the beginning of the last request */

static aire_status scripted_model(const aire_request *request, aire_cancel *cancel,
                                  aire_answer **out, void *unused)
{
    aire_answer_options options = AIRE_ANSWER_OPTIONS_INIT;
    snprintf(asked, sizeof asked, "%s", request->messages[0].text);
    if (!*answers)
        return aire_error_set(AIRE_NET, 0, "the line is dead");
    options.text = *answers++;
    return aire_answer_new(ctx, &options, out);
}

static void expect_implemented(const char *const *given, int32_t outcome, int32_t cause)
{
    static const aire_model_ops ops = {sizeof ops, 0, scripted_model, NULL};
    aire_model *model;
    answers = given;
    assert_int_equal(aire_model_new_from_ops(ctx, "scripted", &ops, NULL, &model), AIRE_OK);
    aire_executor *executor = new_executor(1, model);
    submit_word(executor, NULL, 0);
    expect(executor, outcome,
           outcome == AIRE_OUTCOME_OK ? AIRE_STAGE_EVALUATE : AIRE_STAGE_IMPLEMENT, cause);
    assert_null(*answers); /* all were asked for, and no more */
    aire_executor_unref(executor);
    aire_model_unref(model);
}

static void test_implementer__is_told_why_and_tries_again(void **state)
{
    static const char good[] = "```diff\n--- work.txt\n+++ work.txt\n@@ -1 +1 @@\n-5\n+77\n```\n";
    static const char bad[] = "```diff\n--- work.txt\n+++ work.txt\n@@ -1 +1 @@\n-6\n+78\n```\n";
    static const char *const revised[] = {"I would raise it.", bad, good, NULL};
    static const char *const hopeless[] = {bad, bad, bad, NULL};
    static const char *const dead[] = {NULL};
    expect_implemented(revised, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE);
    expect_implemented(hopeless, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_CONTEXT);
    expect_implemented(dead, AIRE_OUTCOME_MODEL_FAILED, AIRE_CAUSE_MODEL);
}

/* A template of the host's own is what the implementer is asked by. */
static void test_implementer__is_asked_by_a_template(void **state)
{
    char directory[] = "/tmp/aire-prompts-XXXXXX", file[64];
    static const char mine[] = "Mine.\n{{problem}}\n{{code}}\n{{idea}}\n", wrong[] = "{{idea}}";
    aire_executor_options options = AIRE_EXECUTOR_OPTIONS_INIT;
    aire_executor *executor;
    assert_non_null(mkdtemp(directory));
    snprintf(file, sizeof file, "%s/implement.txt", directory);
    assert_int_equal(aire__fs_write(ctx, file, wrong, strlen(wrong), 0600), AIRE_OK);
    options.workers = 1;
    options.template_dir = directory;
    assert_int_equal(aire_executor_new(ctx, env, sandbox, store, &options, &executor), AIRE_FORMAT);
    assert_null(executor);
    assert_int_equal(aire__fs_write(ctx, file, mine, strlen(mine), 0600), AIRE_OK);
    static const aire_model_ops ops = {sizeof ops, 0, scripted_model, NULL};
    static const char *const none[] = {NULL};
    answers = none;
    assert_int_equal(aire_model_new_from_ops(ctx, "scripted", &ops, NULL, &options.implementer),
                     AIRE_OK);
    assert_int_equal(aire_executor_new(ctx, env, sandbox, store, &options, &executor), AIRE_OK);
    submit_word(executor, NULL, 0);
    expect(executor, AIRE_OUTCOME_MODEL_FAILED, AIRE_STAGE_IMPLEMENT, AIRE_CAUSE_MODEL);
    assert_memory_equal(asked, "Mine.\n## Goal\n", 14);
    aire_executor_unref(executor);
    aire_model_unref(options.implementer);
    assert_int_equal(aire__fs_remove_tree(ctx, directory), AIRE_OK);
}

static aire_status make_executor(aire_executor **out)
{
    aire_executor_options options = AIRE_EXECUTOR_OPTIONS_INIT;
    options.workers = 1;
    return aire_executor_new(ctx, env, sandbox, store, &options, out);
}

/* A run that takes long keeps its worker, and no other. */
static void test_executor__goes_on_beside_a_slow_run(void **state)
{
    aire_executor *executor = new_executor(2, NULL);
    atomic_store(&fake.hold, true);
    submit_word(executor, "wait", 0);
    for (int i = 0; i < 10; i++) {
        char word[8];
        snprintf(word, sizeof word, "%d", 10 + i);
        submit_word(executor, word, 0);
    }
    for (int i = 0; i < 10; i++)
        expect(executor, AIRE_OUTCOME_OK, AIRE_STAGE_EVALUATE, AIRE_CAUSE_NONE);
    assert_int_equal(aire_executor_pending(executor), 1);
    atomic_store(&fake.hold, false);
    aire_result_unref(next(executor));
    aire_executor_unref(executor);
}

/* ---- confirmation ---- */

/* Submit an idea and take its result. */
static aire_result *result_of(aire_executor *executor, const char *word)
{
    submit_word(executor, word, 0);
    aire_result *result = next(executor);
    tell(store, aire_result_run_id(result), true);
    return result;
}

static void test_confirm__compares_on_fresh_seeds(void **state)
{
    static const uint64_t seeds[] = {101, 102, 103};
    aire_confirmation c = {.struct_size = sizeof c};
    aire_executor *executor = new_executor(2, NULL);
    aire_result *good = result_of(executor, "9"), *other = result_of(executor, "70");
    aire_idea *idea = aire_result_idea(good);
    assert_int_equal(aire_store_best_confirmed(store, 1, &c), AIRE_EMPTY);
    assert_int_equal(aire_store_confirmation(store, aire_idea_id(idea), &c), AIRE_EMPTY);
    for (int again = 0; again < 2; again++) /* the second time it adds nothing */
        assert_int_equal(aire_executor_confirm(executor, idea, seeds, 3), AIRE_OK);
    assert_true(aire_executor_pending(executor) <= 6);
    for (int i = 0; i < 6; i++)
        expect(executor, AIRE_OUTCOME_OK, AIRE_STAGE_EVALUATE, AIRE_CAUSE_NONE);
    assert_int_equal(aire_executor_pending(executor), 0);
    assert_int_equal(aire_store_confirmation(store, aire_idea_id(idea), &c), AIRE_OK);
    assert_int_equal(c.idea.count, 3);
    assert_int_equal(c.baseline.count, 3);
    assert_int_equal(c.failures, 0);
    assert_true(c.idea.mean == 9 && c.baseline.mean == 5 && c.gain == 4);
    assert_true(c.p > 0.049 && c.p < 0.051); /* one order in twenty */
    /* The other one looked better, but nobody confirmed it. */
    assert_int_equal(aire_store_best_confirmed(store, 3, &c), AIRE_OK);
    assert_int_equal(c.idea_id, aire_idea_id(idea));
    assert_int_equal(aire_store_best_confirmed(store, 4, &c), AIRE_EMPTY);
    aire_result_unref(good);
    aire_result_unref(other);
    aire_executor_unref(executor);
}

static void test_confirm__failures_count(void **state)
{
    static const uint64_t seeds[] = {101, 102};
    aire_confirmation c = {.struct_size = sizeof c};
    aire_executor *executor = new_executor(1, NULL);
    aire_result *result = result_of(executor, "9");
    aire_idea *idea = aire_result_idea(result);
    assert_int_equal(aire_executor_confirm(executor, idea, seeds, 1), AIRE_OK);
    aire_result_unref(next(executor));
    aire_result_unref(next(executor));
    atomic_store(&fake.fail_setups, 100);
    assert_int_equal(aire_executor_confirm(executor, idea, seeds + 1, 1), AIRE_OK);
    aire_result_unref(next(executor));
    aire_result_unref(next(executor));
    assert_int_equal(aire_store_confirmation(store, aire_idea_id(idea), &c), AIRE_OK);
    assert_int_equal(c.failures, 1);
    assert_int_equal(c.idea.count, 1);
    assert_int_equal(aire_store_best_confirmed(store, 1, &c), AIRE_EMPTY);
    aire_result_unref(result);
    aire_executor_unref(executor);
}

static void test_confirm__refuses_what_is_wrong(void **state)
{
    static const uint64_t seeds[] = {101, 0};
    aire_confirmation c = {.struct_size = sizeof c};
    aire_executor *executor = new_executor(1, NULL);
    aire_idea *idea = idea_for("9");
    assert_int_equal(aire_executor_confirm(executor, idea, seeds, 1), AIRE_INVALID);
    aire_idea_unref(idea);
    aire_result *result = result_of(executor, "9");
    assert_int_equal(aire_executor_confirm(executor, aire_result_idea(result), seeds, 2),
                     AIRE_INVALID);
    assert_int_equal(aire_executor_confirm(executor, aire_result_idea(result), seeds, 0),
                     AIRE_INVALID);
    assert_int_equal(aire_executor_pending(executor), 0);
    assert_int_equal(aire_store_confirmation(store, 0, &c), AIRE_INVALID);
    assert_int_equal(aire_store_best_confirmed(store, 0, &c), AIRE_INVALID);
    aire_result_unref(result);
    aire_executor_unref(executor);
}

/* ---- leases ---- */

/* Another manifest: the run stage has more members. */
static void change_run(const char *members, const char *more)
{
    char text[2000], directory[256];
    const char *run = strstr(manifest, "[\"run\"]") + strlen("[\"run\"]");
    snprintf(directory, sizeof directory, "%s", at("env"));
    snprintf(text, sizeof text, "%.*s%s%.*s%s}", (int)(run - manifest), manifest, members,
             (int)(strlen(run) - 1), run, more);
    put(directory, "aire.json", text);
    aire_env_unref(env);
    env = NULL;
    if (aire_env_open(ctx, directory, NULL, &env) != AIRE_OK)
        fail_msg("%s", aire_error_message(aire_last_error()));
}

/* Each run has a device of its own, and no more run at once than there are devices. */
static void test_executor__leases_gpus(void **state)
{
    static const int32_t gpus[] = {3, 5};
    aire_executor_options options = AIRE_EXECUTOR_OPTIONS_INIT;
    aire_executor *executor;
    change_run(", \"gpus\": 1", "");
    options.workers = 4;
    options.gpus = gpus;
    options.gpu_count = 2;
    assert_int_equal(aire_executor_new(ctx, env, sandbox, store, &options, &executor), AIRE_OK);
    for (int i = 0; i < 20; i++) {
        char word[8];
        snprintf(word, sizeof word, "%d", 10 + i);
        submit_word(executor, word, 0);
    }
    for (int i = 0; i < 20; i++)
        expect(executor, AIRE_OUTCOME_OK, AIRE_STAGE_EVALUATE, AIRE_CAUSE_NONE);
    aire_executor_unref(executor);
    assert_int_equal(atomic_load(&fake.gpu_runs[3]) + atomic_load(&fake.gpu_runs[5]), 20);
    assert_true(atomic_load(&fake.gpu_runs[3]) > 0 && atomic_load(&fake.gpu_runs[5]) > 0);
    assert_false(atomic_load(&fake.shared_gpu));
}

static void test_executor__says_what_there_is_too_little_of(void **state)
{
    static const int32_t gpus[] = {0, 0};
    aire_executor_options options = AIRE_EXECUTOR_OPTIONS_INIT;
    aire_executor *executor;
    change_run(", \"gpus\": 2, \"memory_mb\": 100", "");
    options.gpus = gpus;
    options.gpu_count = 1;
    assert_int_equal(aire_executor_new(ctx, env, sandbox, store, &options, &executor), AIRE_LIMIT);
    assert_non_null(strstr(aire_error_message(aire_last_error()), "'toy'"));
    assert_non_null(strstr(aire_error_message(aire_last_error()), "2 GPUs, and 1"));
    options.gpu_count = 2; /* the same one twice */
    assert_int_equal(aire_executor_new(ctx, env, sandbox, store, &options, &executor),
                     AIRE_INVALID);
}

/* ---- the stream ---- */

typedef struct seen {
    int metrics;
    aire_progress last;
    int64_t run;
    int32_t stage;
    char output[16];
} seen;

static void see_metric(const aire_progress *progress, void *data)
{
    seen *s = data;
    if (progress->event != AIRE_PROGRESS_METRIC)
        return;
    s->metrics++;
    s->last = *progress;
}

static void see_output(int64_t run_id, int32_t stage, const char *text, size_t length, void *data)
{
    seen *s = data;
    s->run = run_id;
    s->stage = stage;
    snprintf(s->output, sizeof s->output, "%.*s", (int)length, text);
}

/* Ten values came before anybody asked: the newest is told. */
static void test_executor__tells_of_metrics_and_output(void **state)
{
    aire_executor_options options = AIRE_EXECUTOR_OPTIONS_INIT;
    aire_executor *executor;
    seen s = {0};
    change_run("", ", \"stream\": {\"metric\": \"loss\", \"direction\": \"minimize\"}");
    options.workers = 1;
    options.progress = see_metric;
    options.output = see_output;
    options.progress_user_data = options.output_user_data = &s;
    assert_int_equal(aire_executor_new(ctx, env, sandbox, store, &options, &executor), AIRE_OK);
    int64_t run = submit_word(executor, "curve7", 0);
    assert_int_equal(aire_executor_wait(executor, 20000, NULL), AIRE_OK);
    assert_int_equal(s.metrics, 0); /* only inside next */
    aire_result_unref(next(executor));
    assert_int_equal(s.metrics, 1);
    assert_int_equal(s.last.run_id, run);
    assert_int_equal(s.last.stage, AIRE_STAGE_RUN);
    assert_true(s.last.step == 10 && s.last.value == 7);
    assert_int_equal(s.run, run);
    assert_int_equal(s.stage, AIRE_STAGE_RUN);
    assert_string_equal(s.output, "curve7");
    aire_executor_unref(executor);
}

/* "curveN" reports N at ten steps; it has ended early, without reward, if it is among the worse. */
static void test_executor__stops_hopeless_runs(void **state)
{
    aire_executor *executor;
    change_run("", ", \"stream\": {\"metric\": \"loss\", \"direction\": \"minimize\","
                   " \"stop\": {\"rule\": \"median\", \"min_step\": 3, \"min_runs\": 2}}");
    executor = new_executor(1, NULL);
    submit_word(executor, "curve2", 0);
    expect(executor, AIRE_OUTCOME_OK, AIRE_STAGE_EVALUATE, AIRE_CAUSE_NONE);
    submit_word(executor, "curve8", 0); /* with one run there is no median yet */
    expect(executor, AIRE_OUTCOME_OK, AIRE_STAGE_EVALUATE, AIRE_CAUSE_NONE);
    submit_word(executor, "curve9", 0);
    aire_result *result = next(executor);
    assert_int_equal(aire_result_outcome(result), AIRE_OUTCOME_STOPPED_EARLY);
    assert_int_equal(aire_result_cause(result), AIRE_CAUSE_EARLY_STOP);
    assert_int_equal(aire_result_metric_count(result), 2);
    assert_string_equal(aire_result_metric(result, 0)->name, "loss");
    assert_true(aire_result_metric(result, 0)->value == 9);
    assert_true(aire_result_metric(result, 1)->value == 3); /* as soon as it was allowed */
    aire_result_unref(result);
    submit_word(executor, "curve1", 0);
    expect(executor, AIRE_OUTCOME_OK, AIRE_STAGE_EVALUATE, AIRE_CAUSE_NONE);
    aire_executor_unref(executor);
}

static void test_executor__fails_cleanly_without_memory(void **state)
{
    aire_executor *executor;
    assert_int_equal(make_executor(&executor), AIRE_OK); /* ties the store to the environment */
    aire_executor_unref(executor);
    OOM_LOOP(&memory, make_executor(&executor), aire_executor_unref(executor));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_executor__every_end_has_its_outcome),
        TEST(test_executor__says_when_nothing_is_left),
        TEST(test_executor__refuses_what_is_wrong),
        TEST(test_executor__urgent_runs_come_first),
        TEST(test_executor__submitting_again_adds_nothing),
        TEST(test_executor__infrastructure_is_tried_again),
        TEST(test_executor__cancels_queued_and_running),
        TEST(test_executor__cancels_beside_busy_workers),
        TEST(test_executor__tells_of_stages),
        TEST(test_executor__many_runs_each_once),
        TEST(test_executor__takes_up_what_was_left),
        TEST(test_implementer__is_told_why_and_tries_again),
        TEST(test_implementer__is_asked_by_a_template),
        TEST(test_executor__goes_on_beside_a_slow_run),
        TEST(test_confirm__compares_on_fresh_seeds),
        TEST(test_confirm__failures_count),
        TEST(test_confirm__refuses_what_is_wrong),
        TEST(test_executor__leases_gpus),
        TEST(test_executor__says_what_there_is_too_little_of),
        TEST(test_executor__tells_of_metrics_and_output),
        TEST(test_executor__stops_hopeless_runs),
        TEST(test_executor__fails_cleanly_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
