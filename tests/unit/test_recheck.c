/*
 * What is not plausible is run again, and a model is served pass by pass: the executor on a
 * scripted sandbox, and the rules as functions of values.
 *
 * The variant's file work.txt holds "VALUE SPREAD CPU_MS": on its run, the metric is VALUE plus
 * SPREAD times (seed % 1000), and CPU_MS is used. A letter behind changes what a re-run does.
 */
#include "support/store.h"

#include <fcntl.h>
#include <math.h>
#include <stdatomic.h>

#include "aire/aire.h"
#include "executor/local.h"
#include "executor/plausible.h"

#define MANIFEST(more)                                                                             \
    "{\"aire\": 1, \"name\": \"toy\", \"goal\": \"g\", \"files\": {\"editable\": [\"work.txt\"], " \
    "\"max_kb\": 1},"                                                                              \
    " \"run\": {\"command\": [\"run\"], \"cpu_s\": 60}, \"evaluate\": {\"command\": "              \
    "[\"evaluate\"]},"                                                                             \
    " \"outputs\": [{\"path\": \"value\", \"max_mb\": 1}], " more                                  \
    " \"metric\": {\"name\": \"score\", \"direction\": \"maximize\", \"stage\": \"evaluate\","     \
    "   \"trust\": \"evaluated\", \"valid\": [0, 1000]}}"

static const char rules[] =
    MANIFEST("\"budget\": {\"cpu_ratio\": 5}, \"plausible\": {\"min_cpu_s\": 0.5, "
             "\"min_cpu_share\": 0.25, \"max_gain\": 100,"
             " \"seeds_differ\": true},");
static const char serving[] =
    MANIFEST("\"predict\": {\"command\": [\"predict\"], \"passes\": 4, \"answer_mb\": 1},");

static aire_env *env;
static aire_store *store;
static aire_sandbox *sandbox;
static atomic_int runs, predictions, setups_to_fail, granted_ms;
static char order[64]; /* of the passes that were predicted */

/* ---- the scripted sandbox ---- */

static const aire_mount *mount_at(const aire_command *command, const char *target)
{
    for (size_t i = 0; i < command->mount_count; i++)
        if (!strcmp(command->mounts[i].target, target))
            return &command->mounts[i];
    return NULL;
}

static const char *variable(const aire_command *command, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; command->env[i]; i++)
        if (!strncmp(command->env[i], name, length) && command->env[i][length] == '=')
            return command->env[i] + length + 1;
    return NULL;
}

static FILE *open_in(const char *directory, const char *name, const char *mode)
{
    char full[512];
    snprintf(full, sizeof full, "%s%s%s", directory, *name ? "/" : "", name);
    return fopen(full, mode);
}

static void put(const char *directory, const char *name, const char *text)
{
    FILE *file = open_in(directory, name, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void get(const char *directory, const char *name, char *text, int size)
{
    FILE *file = open_in(directory, name, "re");
    assert_non_null(file);
    if (!fgets(text, size, file))
        *text = '\0';
    fclose(file);
}

static void fake_run(const aire_command *command, aire_exit *ended)
{
    double value, spread;
    char word[80], text[80], kind = ' ';
    int cpu;
    uint64_t seed = strtoull(variable(command, "AIRE_SEED"), NULL, 10);
    get(mount_at(command, "/workspace")->source, "work.txt", word, sizeof word);
    assert_true(sscanf(word, "%lf %lf %d %c", &value, &spread, &cpu, &kind) >= 3);
    bool again = seed > 3;    /* the others are the manifest's and the baseline's */
    if (again && kind == 'l') /* it was luck */
        value = 10;
    if (again && kind == 'g') /* a moment in which the clock was wrong */
        cpu = 2000;
    if (again && kind == 'c')
        ended->code = 3;
    atomic_fetch_add(&runs, 1);
    atomic_store(&granted_ms, command->limits->cpu_ms);
    snprintf(text, sizeof text, "%.6f %c", value + spread * (double)(seed % 1000),
             again ? kind : ' ');
    put(mount_at(command, "/out")->source, "value", text);
    ended->user_ms = cpu;
}

static void report_value(const aire_command *command)
{
    char text[80], kind = ' ', report[160];
    double value;
    get(mount_at(command, "/out")->source, "value", text, sizeof text);
    assert_true(sscanf(text, "%lf %c", &value, &kind) >= 1);
    if (kind == 'v')
        snprintf(report, sizeof report, "{\"violation\": {\"cause\": \"future_leak\"}}");
    else
        snprintf(report, sizeof report, "{\"metrics\": {\"score\": %.6f}}", value);
    put(command->report_path, "", report);
}

static void fake_pose(const aire_command *command)
{
    const char *passes = mount_at(command, "/passes")->source;
    char word[80];
    get(mount_at(command, "/out")->source, "value", word, sizeof word);
    assert_int_equal(mount_at(command, "/passes")->flags, AIRE_MOUNT_WRITABLE);
    put(mount_at(command, "/workspace")->source, "secret", "kept");
    int count = atoi(word); /* the metric says how many */
    for (int i = 0; i < count; i++) {
        char name[8] = {(char)('a' + i), '\0'};
        put(passes, name, name);
    }
    if (count == 99)
        put(command->report_path, "", "{\"refused\": {\"detail\": \"nothing to ask\"}}");
}

static void fake_judge(const aire_command *command)
{
    char text[80];
    int count = 0;
    assert_int_equal(mount_at(command, "/passes")->flags, 0);
    assert_int_equal(mount_at(command, "/answers")->flags, 0);
    get(mount_at(command, "/workspace")->source, "secret", text, sizeof text);
    assert_string_equal(text, "kept");
    for (char name[2] = "a"; *name < 'e'; ++*name) {
        FILE *file = open_in(mount_at(command, "/answers")->source, name, "re");
        if (!file)
            break;
        assert_non_null(fgets(text, sizeof text, file));
        assert_int_equal(text[0], *name); /* each answer is to its own pass */
        fclose(file);
        count++;
    }
    snprintf(text, sizeof text, "{\"metrics\": {\"score\": %d}}", count);
    put(command->report_path, "", text);
}

/* What a model's sandbox is made of. */
static void check_served(const aire_command *command)
{
    assert_int_equal(mount_at(command, "/workspace")->flags, 0);
    assert_int_equal(mount_at(command, "/out")->flags, 0);
    assert_int_equal(mount_at(command, "/pass")->flags, 0);
    assert_int_equal(mount_at(command, "/answer")->flags, AIRE_MOUNT_WRITABLE);
    assert_null(mount_at(command, "/passes"));
    assert_null(mount_at(command, "/answers"));
    assert_null(variable(command, "AIRE_SEED"));
    assert_null(command->report_path);
    assert_string_equal(variable(command, "AIRE_INPUT"), "/pass");
    assert_string_equal(variable(command, "AIRE_ANSWER"), "/answer/answer");
}

static void fake_predict(const aire_command *command, aire_exit *ended)
{
    char word[80], pass[8], full[512];
    const char *answer = mount_at(command, "/answer")->source;
    check_served(command);
    get(mount_at(command, "/workspace")->source, "work.txt", word, sizeof word);
    get(mount_at(command, "/pass")->source, "", pass, sizeof pass);
    strncat(order, pass, sizeof order - strlen(order) - 1);
    atomic_fetch_add(&predictions, 1);
    snprintf(full, sizeof full, "%s/answer", answer);
    if (strchr(word, 'c'))
        ended->code = 5;
    else if (strchr(word, 'l'))
        assert_int_equal(symlink("/etc/passwd", full), 0);
    else if (strchr(word, 'b'))
        assert_int_equal(truncate((put(answer, "answer", ""), full), 2 << 20), 0);
    else if (!strchr(word, 'n'))
        put(answer, "answer", pass);
}

static aire_status fake_sandbox(const aire_command *command, aire_cancel *cancel, aire_exit *ended,
                                void *unused)
{
    const char *phase = variable(command, "AIRE_PHASE");
    int after = atomic_load(&setups_to_fail);
    if (after > 0 && atomic_fetch_sub(&setups_to_fail, 1) == 1)
        return aire_error_set(AIRE_SANDBOX, 0, "no namespaces today");
    close(open(command->log_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (command->report_path)
        put(command->report_path, "", "");
    if (!strcmp(command->argv[0], "run"))
        fake_run(command, ended);
    else if (!strcmp(command->argv[0], "predict"))
        fake_predict(command, ended);
    else if (!phase)
        report_value(command);
    else if (!strcmp(phase, "pose"))
        fake_pose(command);
    else
        fake_judge(command);
    return AIRE_OK;
}

static int begin_with(void **state, const char *manifest)
{
    static const aire_sandbox_ops ops = {sizeof ops, 0, fake_sandbox, NULL};
    char directory[256];
    atomic_store(&runs, 0);
    atomic_store(&predictions, 0);
    *order = '\0';
    if (setup(state) != 0)
        return -1;
    snprintf(directory, sizeof directory, "%s", at("env"));
    assert_int_equal(aire__fs_mkdirs(ctx, directory, 0755), AIRE_OK);
    put(directory, "aire.json", manifest);
    put(directory, "work.txt", "10 0.01 1000\n");
    assert_int_equal(aire_env_open(ctx, directory, NULL, &env), AIRE_OK);
    assert_int_equal(aire_sandbox_new_from_ops(ctx, &ops, NULL, &sandbox), AIRE_OK);
    store = open_store(0);
    return 0;
}

static int begin(void **state)
{
    return begin_with(state, rules);
}

static int begin_serving(void **state)
{
    return begin_with(state, serving);
}

static int end(void **state)
{
    aire_store_unref(store);
    aire_sandbox_unref(sandbox);
    aire_env_unref(env);
    return teardown(state);
}

static aire_executor *new_executor(void)
{
    aire_executor_options options = AIRE_EXECUTOR_OPTIONS_INIT;
    aire_executor *executor;
    options.workers = 1;
    if (aire_executor_new(ctx, env, sandbox, store, &options, &executor) != AIRE_OK)
        fail_msg("%s", aire_error_message(aire_last_error()));
    return executor;
}

static aire_result *next(aire_executor *executor)
{
    aire_result *result = NULL;
    if (aire_executor_next(executor, 20000, &result) != AIRE_OK)
        fail_msg("%s", aire_error_message(aire_last_error()));
    tell(store, aire_result_run_id(result), true);
    return result;
}

static void submit_word(aire_executor *executor, const char *word)
{
    char text[1400];
    aire_patch *patch;
    aire_idea *idea;
    aire_idea_options options = AIRE_IDEA_OPTIONS_INIT;
    snprintf(text, sizeof text, "--- work.txt\n+++ work.txt\n@@ -1 +1 @@\n-10 0.01 1000\n+%s\n",
             word);
    assert_int_equal(aire_patch_new(ctx, AIRE_PATCH_UNIFIED, text, strlen(text), &patch), AIRE_OK);
    options.text = "an idea";
    options.patch = patch;
    assert_int_equal(aire_idea_new(ctx, &options, &idea), AIRE_OK);
    assert_int_equal(aire_executor_submit(executor, idea, NULL, NULL), AIRE_OK);
    aire_idea_unref(idea);
    aire_patch_unref(patch);
}

static aire_result *result_of(aire_executor *executor, const char *word)
{
    submit_word(executor, word);
    return next(executor);
}

static void expect_end(const aire_result *result, int32_t outcome, int32_t cause)
{
    double reward;
    if (aire_result_outcome(result) != outcome || aire_result_cause(result) != cause)
        fail_msg("%s: %s: %s", aire_outcome_name(aire_result_outcome(result)),
                 aire_cause_name(aire_result_cause(result)), aire_result_detail(result));
    assert_int_equal(aire_result_reward(result, &reward) == AIRE_OK, outcome == AIRE_OUTCOME_OK);
}

static void expect(aire_executor *executor, const char *word, int32_t outcome, int32_t cause)
{
    aire_result *result = result_of(executor, word);
    expect_end(result, outcome, cause);
    aire_result_unref(result);
}

static void run_baselines(aire_executor *executor)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        aire_submit_options options = AIRE_SUBMIT_OPTIONS_INIT;
        options.seed = seed;
        assert_int_equal(aire_executor_submit(executor, NULL, &options, NULL), AIRE_OK);
        aire_result_unref(next(executor));
    }
}

static size_t count_rechecks(void)
{
    aire_store_query query = AIRE_STORE_QUERY_INIT;
    aire_results *results;
    query.kind = AIRE_RUN_RECHECK;
    assert_int_equal(aire_store_results(store, &query, &results), AIRE_OK);
    size_t count = aire_results_count(results);
    aire_results_unref(results);
    return count;
}

/* ---- rules as values ---- */

static void test_plausible__judges_by_the_manifest(void **state)
{
    static const aire_measured baselines[] = {{1, 10, 1.0}, {2, 12, 9.0}, {3, 14, 2.0}};
    const aire_measures all = {baselines, 3}, none = {NULL, 0};
    static const struct {
        aire_measured it;
        int32_t with, without; /* a baseline */
    } rows[] = {
        {{9, 50, 1.0}, AIRE_CAUSE_NONE, AIRE_CAUSE_NONE},
        {{9, 50, 0.4999}, AIRE_CAUSE_TOO_FAST, AIRE_CAUSE_TOO_FAST},
        {{9, 50, 0.5}, AIRE_CAUSE_NONE, AIRE_CAUSE_NONE}, /* a quarter of the median, 2 s */
        {{9, 112, 1.0}, AIRE_CAUSE_NONE, AIRE_CAUSE_NONE},
        {{9, 112.001, 1.0}, AIRE_CAUSE_TOO_GOOD, AIRE_CAUSE_NONE},
        {{9, 12, 1.0}, AIRE_CAUSE_SAME_ON_SEEDS, AIRE_CAUSE_NONE},
        {{2, 12, 1.0}, AIRE_CAUSE_NONE, AIRE_CAUSE_NONE}, /* the same seed: the same work */
    };
    aire_suspicion s;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        aire__plausible_judge(env, &rows[i].it, all, none, &s);
        assert_int_equal(s.cause, rows[i].with);
        assert_int_equal(*s.text != '\0', s.cause != AIRE_CAUSE_NONE);
        aire__plausible_judge(env, &rows[i].it, none, none, &s);
        assert_int_equal(s.cause, rows[i].without);
    }
    const aire_measured other = {4, 50, 1.0};
    aire__plausible_judge(env, &rows[0].it, all, (aire_measures){&other, 1}, &s);
    assert_int_equal(s.cause, AIRE_CAUSE_SAME_ON_SEEDS);
    assert_non_null(strstr(s.text, "seed 4"));
}

static void test_plausible__is_cleared_by_what_it_is_about(void **state)
{
    static const aire_measured baselines[] = {{1, 10, 2.0}};
    const aire_measures all = {baselines, 1};
    static const struct {
        int32_t cause;
        aire_measured it, again;
        int32_t left;
    } rows[] = {
        {AIRE_CAUSE_TOO_GOOD, {1, 210, 2}, {9, 110, 2}, AIRE_CAUSE_NONE},
        {AIRE_CAUSE_TOO_GOOD, {1, 210, 2}, {9, 109, 2}, AIRE_CAUSE_TOO_GOOD},
        {AIRE_CAUSE_TOO_GOOD, {1, 210, 2}, {9, 210, 2}, AIRE_CAUSE_SAME_ON_SEEDS},
        {AIRE_CAUSE_TOO_GOOD, {1, 210, 2}, {9, 200, .1}, AIRE_CAUSE_TOO_FAST},
        {AIRE_CAUSE_SAME_ON_SEEDS, {1, 20, 2}, {9, 21, .1}, AIRE_CAUSE_TOO_FAST},
        {AIRE_CAUSE_TOO_FAST, {1, 20, .1}, {9, 21, .1}, AIRE_CAUSE_TOO_FAST},
        {AIRE_CAUSE_TOO_FAST, {1, 20, .1}, {9, 21, .6}, AIRE_CAUSE_NONE},
        {AIRE_CAUSE_SAME_ON_SEEDS, {1, 20, 2}, {9, 20, 2}, AIRE_CAUSE_SAME_ON_SEEDS},
        {AIRE_CAUSE_SAME_ON_SEEDS, {1, 20, 2}, {9, 21, 2}, AIRE_CAUSE_NONE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        aire_suspicion s = {.cause = rows[i].cause, .text = "as it was"};
        bool cleared = aire__plausible_clears(env, &rows[i].it, &rows[i].again, all, &s);
        assert_int_equal(cleared, rows[i].left == AIRE_CAUSE_NONE);
        assert_int_equal(s.cause, cleared ? rows[i].cause : rows[i].left);
        assert_int_equal(strcmp(s.text, "as it was") == 0, cleared);
    }
}

/* ---- through the executor ---- */

static void test_recheck__leaves_the_plausible_alone(void **state)
{
    aire_executor *executor = new_executor();
    run_baselines(executor);
    expect(executor, "30 0.01 1000", AIRE_OUTCOME_OK, AIRE_CAUSE_NONE);
    assert_int_equal(count_rechecks(), 0);
    assert_int_equal(atomic_load(&runs), 4);
    aire_executor_unref(executor);
}

/* A variant that does well on the seed that ideas are run on, and honestly else, has the value of
 * the fresh one. */
static void test_recheck__counts_the_worse_of_both(void **state)
{
    double reward;
    aire_executor *executor = new_executor();
    run_baselines(executor);
    aire_result *result = result_of(executor, "300 -0.1 1000");
    expect_end(result, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE);
    assert_int_equal(aire_result_reward(result, &reward), AIRE_OK);
    assert_true(reward < 299.9 && reward > 200);
    assert_true(aire_result_metric(result, 0)->value == reward);
    assert_int_equal(aire_result_metric_count(result), 1);
    aire_result_unref(result);
    result = result_of(executor, "300 0.1 1000");
    assert_int_equal(aire_result_reward(result, &reward), AIRE_OK);
    assert_true(reward == 300.1);
    aire_result_unref(result);
    aire_executor_unref(executor);
}

static void test_recheck__confirms_or_refutes(void **state)
{
    static const struct {
        const char *word;
        int32_t outcome, cause;
    } rows[] = {
        {"300 0.01 1000", AIRE_OUTCOME_OK, AIRE_CAUSE_NONE}, /* it is there again */
        {"300 0.01 1000 l", AIRE_OUTCOME_SUSPECT, AIRE_CAUSE_TOO_GOOD},
        {"300 0 1000", AIRE_OUTCOME_SUSPECT, AIRE_CAUSE_SAME_ON_SEEDS},
        {"300 0.01 1000 v", AIRE_OUTCOME_VIOLATION, AIRE_CAUSE_FUTURE_LEAK},
        {"300 0.01 1000 c", AIRE_OUTCOME_SUSPECT, AIRE_CAUSE_TOO_GOOD},
        {"20 0.01 1", AIRE_OUTCOME_SUSPECT, AIRE_CAUSE_TOO_FAST},
        {"20 0.01 1 g", AIRE_OUTCOME_OK, AIRE_CAUSE_NONE},
    };
    enum { ROWS = sizeof rows / sizeof *rows };
    aire_executor *executor = new_executor();
    run_baselines(executor);
    for (size_t i = 0; i < ROWS; i++) {
        aire_result *result = result_of(executor, rows[i].word);
        expect_end(result, rows[i].outcome, rows[i].cause);
        assert_int_equal(aire_result_kind(result), AIRE_RUN_IDEA);
        assert_true(aire_result_metric_count(result) > 0);
        assert_non_null(strstr(aire_result_detail(result), "run ")); /* names its evidence */
        aire_result_unref(result);
        assert_int_equal(count_rechecks(), i + 1); /* one re-run, and no more */
    }
    assert_int_equal(atomic_load(&runs), 3 + 2 * ROWS);
    aire_executor_unref(executor);
}

/* A searcher, a resumed executor and the counts see one run. */
static void test_recheck__is_told_to_nobody(void **state)
{
    aire_result *none = NULL;
    aire_store_counts counts = {.struct_size = sizeof counts};
    aire_executor *executor = new_executor();
    run_baselines(executor);
    expect(executor, "300 0.01 1000", AIRE_OUTCOME_OK, AIRE_CAUSE_NONE);
    aire_executor_unref(executor);
    executor = new_executor();
    assert_int_equal(aire_executor_next(executor, 0, &none), AIRE_EMPTY);
    assert_int_equal(aire_store_count(store, &counts), AIRE_OK);
    assert_int_equal(counts.runs_waiting, 0);
    assert_int_equal(counts.runs_finished, 4);
    assert_int_equal(counts.runs_told, 4);
    aire_executor_unref(executor);
}

/* Whatever happens between the first run and the verdict, it is one result and one re-run. */
static void test_recheck__is_found_again(void **state)
{
    aire_executor *executor = new_executor();
    run_baselines(executor);
    for (int setup_of = 1; setup_of <= 4; setup_of++) { /* run, evaluate, and both again */
        char word[40];
        atomic_store(&setups_to_fail, setup_of);
        snprintf(word, sizeof word, "30%d 0.01 1000", setup_of);
        expect(executor, word, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE);
        assert_int_equal(count_rechecks(), setup_of);
    }
    aire_executor_unref(executor);
}

/* ---- what a run may use and bring ---- */

static void test_budget__is_what_the_baseline_used(void **state)
{
    aire_executor *executor = new_executor();
    expect(executor, "30 0.01 1001", AIRE_OUTCOME_OK, AIRE_CAUSE_NONE);
    assert_int_equal(atomic_load(&granted_ms), 60000); /* nothing to compare with */
    run_baselines(executor);
    assert_int_equal(atomic_load(&granted_ms), 60000);
    expect(executor, "30 0.01 1000", AIRE_OUTCOME_OK, AIRE_CAUSE_NONE);
    assert_int_equal(atomic_load(&granted_ms), 5000);
    expect(executor, "300 0.01 1000", AIRE_OUTCOME_OK, AIRE_CAUSE_NONE);
    assert_int_equal(atomic_load(&granted_ms), 5000); /* so has the re-run */
    aire_executor_unref(executor);
}

static void test_variant__may_bring_so_much(void **state)
{
    char word[1200];
    aire_executor *executor = new_executor();
    snprintf(word, sizeof word, "30 0.01 1000 %01010d", 0); /* with its newline 1024 bytes */
    expect(executor, word, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE);
    snprintf(word, sizeof word, "30 0.01 1000 %01011d", 0);
    expect(executor, word, AIRE_OUTCOME_VIOLATION, AIRE_CAUSE_VARIANT_SIZE);
    aire_executor_unref(executor);
}

/* ---- passes ---- */

static void test_predict__answers_pass_by_pass(void **state)
{
    aire_executor *executor = new_executor();
    aire_result *result = result_of(executor, "4 0 1");
    double reward;
    expect_end(result, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE);
    assert_int_equal(aire_result_reward(result, &reward), AIRE_OK);
    assert_true(reward == 4);
    assert_int_equal(atomic_load(&predictions), 4);
    assert_int_equal(aire_result_usage_count(result), 3); /* one a stage */
    assert_int_equal(aire_result_stage(result), AIRE_STAGE_EVALUATE);
    aire_result_unref(result);
    aire_executor_unref(executor);
}

static void test_predict__comes_in_an_order_that_nobody_knows(void **state)
{
    aire_executor *executor = new_executor();
    char first[8] = "";
    bool differs = false;
    for (int i = 0; i < 40 && !differs; i++) { /* the same each time: 24 to the power of -39 */
        char word[16];
        *order = '\0';
        snprintf(word, sizeof word, "4 0 %d", i);
        expect(executor, word, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE);
        if (i == 0)
            snprintf(first, sizeof first, "%.7s", order);
        differs = strcmp(first, order) != 0;
    }
    assert_true(differs);
    aire_executor_unref(executor);
}

static void test_predict__has_its_ends(void **state)
{
    static const struct {
        const char *word;
        int32_t outcome, stage, cause;
    } rows[] = {
        {"3 0 1 c", AIRE_OUTCOME_CRASHED, AIRE_STAGE_PREDICT, AIRE_CAUSE_EXIT_CODE},
        {"3 0 1 l", AIRE_OUTCOME_VIOLATION, AIRE_STAGE_PREDICT, AIRE_CAUSE_OUTPUT_KIND},
        {"3 0 1 b", AIRE_OUTCOME_LIMIT, AIRE_STAGE_PREDICT, AIRE_CAUSE_OUTPUT_LIMIT},
        {"3 0 1 n", AIRE_OUTCOME_NO_METRIC, AIRE_STAGE_PREDICT, AIRE_CAUSE_OUTPUT_MISSING},
        {"0 0 1", AIRE_OUTCOME_NO_METRIC, AIRE_STAGE_EVALUATE, AIRE_CAUSE_EVALUATOR},
        {"5 0 1", AIRE_OUTCOME_NO_METRIC, AIRE_STAGE_EVALUATE, AIRE_CAUSE_EVALUATOR},
        {"99 0 1", AIRE_OUTCOME_NO_METRIC, AIRE_STAGE_EVALUATE, AIRE_CAUSE_EVALUATOR},
    };
    aire_executor *executor = new_executor();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        aire_result *result = result_of(executor, rows[i].word);
        expect_end(result, rows[i].outcome, rows[i].cause);
        assert_int_equal(aire_result_stage(result), rows[i].stage);
        aire_result_unref(result);
    }
    aire_executor_unref(executor);
}

/* ---- want of memory ---- */

/* A try at files with another work.txt, in a workshop without an executor. */
static aire_try try_with(aire_workshop *shop, const aire_run *run, aire_patch_edit *edit,
                         const char *word)
{
    *shop = (aire_workshop){.ctx = ctx, .env = env, .sandbox = sandbox, .work_dir = root};
    *edit = (aire_patch_edit){.path = (char *)(uintptr_t) "work.txt",
                              .data = (char *)(uintptr_t)word,
                              .length = strlen(word)};
    return (aire_try){
        .shop = shop, .run = run, .attempt = 1, .patched = {.edits = edit, .edit_count = 1}};
}

static aire_status serve_once(void)
{
    aire_workshop shop;
    aire_patch_edit edit;
    const aire_run run = {.id = 7, .kind = AIRE_RUN_BASELINE, .seed = 1};
    aire_try t = try_with(&shop, &run, &edit, "3 0 1\n");
    aire_status status = aire__stages_run(&t);
    if (status == AIRE_OK)
        assert_int_equal(t.ending.outcome, AIRE_OUTCOME_OK);
    aire__try_clear(&t);
    return status;
}

static void test_predict__survives_want_of_memory(void **state)
{
    OOM_LOOP(&memory, serve_once(), (void)0);
}

static aire_status recheck_once(const aire_run *run)
{
    static const char report[] = "{\"metrics\": {\"score\": 300}}";
    aire_local local = {.store = store};
    aire_patch_edit edit;
    aire_try t = try_with(&local.shop, run, &edit, "20 0.01 1 g\n");
    aire_status status = aire__env_judge_report(env, report, strlen(report), &t.ending.verdict);
    t.ending.trust = AIRE_TRUST_EVALUATED;
    if (status == AIRE_OK)
        status = aire__recheck(&local, &t);
    if (status == AIRE_OK) { /* it had used no time, and then it had */
        assert_int_equal(t.ending.outcome, AIRE_OUTCOME_OK);
        assert_true(t.ending.verdict.reward > 20 && t.ending.verdict.reward < 31);
    }
    aire__try_clear(&t);
    return status;
}

static void test_recheck__survives_want_of_memory(void **state)
{
    aire_idea_options options = AIRE_IDEA_OPTIONS_INIT;
    aire_idea *idea;
    aire_run run;
    bool is_new;
    options.text = "an idea";
    assert_int_equal(aire_idea_new(ctx, &options, &idea), AIRE_OK);
    assert_int_equal(aire__store_submit(store, idea, AIRE_RUN_IDEA, 1, 0, &run, &is_new), AIRE_OK);
    assert_int_equal(recheck_once(&run), AIRE_OK); /* the store has its statements */
    OOM_LOOP(&memory, recheck_once(&run), (void)0);
    assert_int_equal(count_rechecks(), 1);
    run.id++; /* another one, whose re-run is yet to be made */
    OOM_LOOP(&memory, recheck_once(&run), (void)0);
    assert_int_equal(count_rechecks(), 2);
    run.id--;
    aire__run_clear(&run);
    aire_idea_unref(idea);
}

#define WITH_RULES(name) cmocka_unit_test_setup_teardown(name, begin, end)
#define SERVING(name) cmocka_unit_test_setup_teardown(name, begin_serving, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RULES(test_plausible__judges_by_the_manifest),
        WITH_RULES(test_plausible__is_cleared_by_what_it_is_about),
        WITH_RULES(test_recheck__leaves_the_plausible_alone),
        WITH_RULES(test_recheck__confirms_or_refutes),
        WITH_RULES(test_recheck__counts_the_worse_of_both),
        WITH_RULES(test_recheck__is_told_to_nobody),
        WITH_RULES(test_recheck__is_found_again),
        WITH_RULES(test_budget__is_what_the_baseline_used),
        WITH_RULES(test_variant__may_bring_so_much),
        WITH_RULES(test_recheck__survives_want_of_memory),
        SERVING(test_predict__survives_want_of_memory),
        SERVING(test_predict__answers_pass_by_pass),
        SERVING(test_predict__comes_in_an_order_that_nobody_knows),
        SERVING(test_predict__has_its_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
