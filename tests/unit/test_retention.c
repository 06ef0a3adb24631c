/*
 * Retention: the decision on values, and the executor that keeps files by it, on a scripted
 * sandbox.
 *
 * The sandbox reads the variant's file work.txt: "7" hands over the value 7, "7-300" also a model
 * of 300 KiB, "crash" ends with a failure, "wait" waits to be cancelled, "hostile" leaves a trap.
 */
#include "support/child.h"

#include <dirent.h>
#include <stdatomic.h>

#include "aire/executor.h"
#include "base/rng.h"
#include "executor/keeper.h"
#include "executor/retention.h"

/* ---- the decision ---- */

static const aire_env_retention two_and_two = {true, 2, 2, AIRE_KEEP_LOGS, 100};

/* What stays of runs, by their numbers. */
static void assert_stay(const aire_env_retention *rule, const aire_kept *given, size_t count,
                        const char *expected)
{
    aire_kept runs[16];
    char seen[128] = "";
    memcpy(runs, given, count * sizeof *runs);
    aire__retention_decide(rule, runs, count);
    for (int64_t id = 0; id < 100; id++)
        for (size_t i = 0; i < count; i++)
            if (runs[i].run_id == id && !runs[i].goes)
                snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s%d", *seen ? " " : "",
                         (int)id);
    assert_string_equal(seen, expected);
}

static void test_retention__best_and_newest_stay(void **state)
{
    const aire_kept runs[] = {
        {1, 1, 0.5, AIRE_KEPT_RANKED, false, false}, {2, 1, 0.9, AIRE_KEPT_RANKED, false, false},
        {3, 1, 0.5, AIRE_KEPT_RANKED, false, false}, {4, 1, 0, AIRE_KEPT_FAILED, false, false},
        {5, 1, 0, AIRE_KEPT_FAILED, false, false},   {6, 1, 0, AIRE_KEPT_FAILED, false, false},
        {7, 1, 9, AIRE_KEPT_OTHER, false, false}};
    aire_env_retention none = two_and_two;
    assert_stay(&two_and_two, runs, 7, "1 2 5 6"); /* of equal rewards the earlier run */
    none.best = none.failed = 0;
    assert_stay(&none, runs, 7, "");
    assert_stay(&none, runs, 0, "");
}

static void test_retention__pinned_take_no_place(void **state)
{
    const aire_kept runs[] = {
        {1, 1, 0.9, AIRE_KEPT_RANKED, true, false},  {2, 1, 0.8, AIRE_KEPT_RANKED, false, false},
        {3, 1, 0.7, AIRE_KEPT_RANKED, false, false}, {4, 1, 0.6, AIRE_KEPT_RANKED, false, false},
        {5, 1, 0, AIRE_KEPT_FAILED, true, false},    {6, 1, 0, AIRE_KEPT_OTHER, true, false}};
    assert_stay(&two_and_two, runs, 6, "1 2 3 5 6");
}

static void test_retention__size_takes_the_least_first(void **state)
{
    aire_kept runs[] = {{1, 40, 0.5, AIRE_KEPT_RANKED, false, false},
                        {2, 40, 0.9, AIRE_KEPT_RANKED, false, false},
                        {3, 20, 0, AIRE_KEPT_FAILED, false, false},
                        {4, 20, 0, AIRE_KEPT_FAILED, false, false},
                        {5, 1, 0, AIRE_KEPT_OTHER, true, false}};
    assert_stay(&two_and_two, runs, 4, "1 2 4"); /* to the byte */
    assert_stay(&two_and_two, runs, 5, "1 2 5");
    runs[4].bytes = 50; /* what is pinned counts */
    assert_stay(&two_and_two, runs, 5, "2 5");
    runs[4].bytes = 500; /* more than there is: nothing else */
    assert_stay(&two_and_two, runs, 5, "5");
    runs[4].bytes = INT64_MAX;
    assert_stay(&two_and_two, runs, 5, "5");
    runs[4].bytes = 1;
    runs[1].bytes = 101; /* what can never fit costs nobody a place */
    assert_stay(&two_and_two, runs, 5, "1 3 4 5");
}

static void test_retention__ends_have_their_class(void **state)
{
    assert_int_equal(aire__retention_class(AIRE_RUN_IDEA, AIRE_OUTCOME_OK), AIRE_KEPT_RANKED);
    assert_int_equal(aire__retention_class(AIRE_RUN_BASELINE, AIRE_OUTCOME_OK), AIRE_KEPT_RANKED);
    assert_int_equal(aire__retention_class(AIRE_RUN_CONFIRM, AIRE_OUTCOME_OK), AIRE_KEPT_OTHER);
    assert_int_equal(aire__retention_class(AIRE_RUN_IDEA, AIRE_OUTCOME_TIMEOUT), AIRE_KEPT_FAILED);
    assert_int_equal(aire__retention_class(AIRE_RUN_CONFIRM, AIRE_OUTCOME_CRASHED),
                     AIRE_KEPT_FAILED);
    assert_int_equal(aire__retention_class(AIRE_RUN_IDEA, AIRE_OUTCOME_CANCELLED), AIRE_KEPT_OTHER);
}

static bool is_better(const aire_kept *a, const aire_kept *b)
{
    if (a->class != b->class)
        return a->class < b->class;
    if (a->class == AIRE_KEPT_RANKED && a->reward != b->reward)
        return a->reward > b->reward;
    return a->class == AIRE_KEPT_RANKED ? a->run_id < b->run_id : a->run_id > b->run_id;
}

/* What must hold of every decision. */
static void check_decision(const aire_env_retention *rule, const aire_kept *runs, size_t count)
{
    int64_t bytes = 0, pinned = 0;
    int32_t places[3] = {0};
    for (size_t i = 0; i < count; i++) {
        assert_false(runs[i].pinned && runs[i].goes);
        pinned += runs[i].pinned ? runs[i].bytes : 0;
        bytes += runs[i].goes ? 0 : runs[i].bytes;
        places[runs[i].class] += !runs[i].goes && !runs[i].pinned;
    }
    assert_true(places[AIRE_KEPT_RANKED] <= rule->best);
    assert_true(places[AIRE_KEPT_FAILED] <= rule->failed);
    assert_int_equal(places[AIRE_KEPT_OTHER], 0);
    assert_true(bytes <= rule->max_bytes || bytes == pinned);
    /* One goes only where its betters have all places, or leave no room for it. */
    for (size_t i = 0; i < count; i++) {
        int64_t room = rule->max_bytes - pinned;
        int32_t left = runs[i].class == AIRE_KEPT_RANKED ? rule->best : rule->failed;
        if (!runs[i].goes || runs[i].class == AIRE_KEPT_OTHER)
            continue;
        for (size_t j = 0; j < count; j++) {
            bool before = !runs[j].goes && !runs[j].pinned && is_better(&runs[j], &runs[i]);
            room -= before ? runs[j].bytes : 0;
            left -= before && runs[j].class == runs[i].class;
        }
        assert_true(left == 0 || runs[i].bytes > room);
    }
}

/* A life: runs end one by one, pins come and go, and what has gone is gone. */
static void live(uint64_t round)
{
    enum { STEPS = 40, MAX = 64 };
    aire_rng rng;
    aire_kept runs[MAX];
    size_t count = 0;
    aire__rng_init(&rng, 1, "retention", round);
    const aire_env_retention rule = {true, (int32_t)aire__rng_below(&rng, 5),
                                     (int32_t)aire__rng_below(&rng, 5), AIRE_KEEP_LOGS,
                                     1 + (int64_t)aire__rng_below(&rng, 60)};
    for (int64_t step = 1; step <= STEPS; step++) {
        runs[count++] = (aire_kept){.run_id = step * 7 % (STEPS + 1), /* not in order */
                                    .bytes = 1 + (int64_t)aire__rng_below(&rng, 20),
                                    .reward = (double)aire__rng_below(&rng, 6),
                                    .class = (aire_kept_class)aire__rng_below(&rng, 3)};
        aire_kept *any = &runs[aire__rng_below(&rng, count)];
        any->pinned = aire__rng_below(&rng, 4) == 0;
        aire__retention_decide(&rule, runs, count);
        check_decision(&rule, runs, count);
        size_t left = 0;
        for (size_t i = 0; i < count; i++)
            if (!runs[i].goes)
                runs[left++] = runs[i];
        count = left;
        aire__retention_decide(&rule, runs, count); /* asked again, nothing more goes */
        for (size_t i = 0; i < count; i++)
            assert_false(runs[i].goes);
    }
}

static void test_retention__holds_for_random_lives(void **state)
{
    for (uint64_t round = 0; round < 5000; round++)
        live(round);
}

/* ---- the executor ---- */

static const char manifest[] =
    "{\"aire\": 1, \"name\": \"toy\", \"goal\": \"g\", \"files\": {\"editable\": [\"work.txt\"],"
    "   \"hidden\": [\"secret.txt\"]},"
    " \"build\": {\"command\": [\"build\"]}, \"run\": {\"command\": [\"run\"]},"
    " \"evaluate\": {\"command\": [\"evaluate\"]},"
    " \"outputs\": [{\"path\": \"value\"}, {\"path\": \"model\", \"required\": false},"
    "   {\"path\": \"pipe\", \"required\": false}, {\"path\": \"shut/x\", \"required\": false},"
    "   {\"path\": \"link/x\", \"required\": false}, {\"path\": \"sub/x\", \"required\": false}],"
    " \"metric\": {\"name\": \"score\", \"direction\": \"maximize\", \"stage\": \"evaluate\","
    "   \"trust\": \"evaluated\"}";

static aire_env *env;
static aire_store *store;
static aire_sandbox *sandbox;
static atomic_bool waiting;
static atomic_int warnings;

static const char *host_path(const aire_command *command, const char *target)
{
    for (size_t i = 0; i < command->mount_count; i++)
        if (!strcmp(command->mounts[i].target, target))
            return command->mounts[i].source;
    return NULL;
}

static const char *in(const char *directory, const char *name)
{
    static _Thread_local char full[2][512];
    static _Thread_local int turn;
    turn = !turn;
    snprintf(full[turn], sizeof full[turn], "%s/%s", directory, name);
    return full[turn];
}

static void put(const char *directory, const char *name, const char *text)
{
    FILE *file = fopen(in(directory, name), "we");
    fputs(text, file);
    fclose(file);
}

/* What a run can leave behind to hurt whoever keeps it. */
static void leave_traps(const char *workspace, const char *out)
{
    put(out, "value", "trap");
    chmod(in(out, "value"), 06777);
    assert_int_equal(symlink(at("precious"), in(out, "model")), 0);
    assert_int_equal(mkfifo(in(out, "pipe"), 0666), 0);
    assert_int_equal(symlink(root, in(out, "link")), 0); /* link/x would be a file of the host */
    assert_int_equal(mkdir(in(out, "shut"), 0755), 0);
    put(out, "shut/x", "x");
    chmod(in(out, "shut"), 0);
    assert_int_equal(mkdir(in(out, "sub"), 0755), 0);
    assert_int_equal(link(in(out, "value"), in(out, "sub/x")), 0);
    assert_int_equal(symlink("/dev/zero", in(out, "stream.jsonl")), 0);
    put(workspace, "\x01\xff\n", "odd");
    assert_int_equal(symlink("/", in(workspace, "host")), 0);
    assert_int_equal(mkdir(in(workspace, "deep"), 0755), 0);
    char path_of[400] = "deep";
    for (int i = 0; i < 100; i++) {
        snprintf(path_of + strlen(path_of), sizeof path_of - strlen(path_of), "/d");
        assert_int_equal(mkdir(in(workspace, path_of), 0755), 0);
    }
    chmod(in(workspace, "deep"), 0);
}

static void fake_run(const aire_command *command, const char *word, aire_exit *ended)
{
    const char *out = host_path(command, "/out");
    char value[64];
    int size = 0;
    if (!strcmp(word, "hostile"))
        leave_traps(host_path(command, "/workspace"), out);
    else if (sscanf(word, "%63[0-9]-%d", value, &size) >= 1)
        put(out, "value", value);
    if (!strcmp(word, "hostile") || !strcmp(word, "crash"))
        ended->code = 3;
    if (size > 0) {
        put(out, "model", "m");
        assert_int_equal(truncate(in(out, "model"), size << 10), 0);
    }
}

static aire_status fake_evaluate(const aire_command *command)
{
    char value[64] = "", text[128];
    FILE *file = fopen(in(host_path(command, "/out"), "value"), "re");
    assert_non_null(file);
    assert_non_null(fgets(value, sizeof value, file));
    fclose(file);
    snprintf(text, sizeof text, "{\"metrics\": {\"score\": %d}}", atoi(value));
    file = fopen(command->report_path, "we");
    fputs(text, file);
    fclose(file);
    return AIRE_OK;
}

static aire_status fake_sandbox(const aire_command *command, aire_cancel *cancel, aire_exit *ended,
                                void *unused)
{
    char word[64] = "";
    FILE *log = fopen(command->log_path, "we");
    fprintf(log, "log of %s", command->argv[0]);
    fclose(log);
    if (!strcmp(command->argv[0], "evaluate"))
        return fake_evaluate(command);
    FILE *file = fopen(in(host_path(command, "/workspace"), "work.txt"), "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%63s", word), 1);
    fclose(file);
    if (!strcmp(command->argv[0], "build")) {
        put(host_path(command, "/workspace"), "product", "p");
        return AIRE_OK;
    }
    while (!strcmp(word, "wait")) {
        if (aire_cancel_fired(cancel))
            return aire_error_set(AIRE_CANCELLED, 0, NULL);
        atomic_store(&waiting, true);
        usleep(1000);
    }
    fake_run(command, word, ended);
    return AIRE_OK;
}

/* An environment with this retention ("" for none), and the store. */
static void open_toy(const char *retention)
{
    char text[2000];
    snprintf(text, sizeof text, "%s%s%s}", manifest, *retention ? ", \"retention\": " : "",
             retention);
    put(at("env"), "aire.json", text);
    if (aire_env_open(ctx, at("env"), NULL, &env) != AIRE_OK)
        fail_msg("%s", aire_error_message(aire_last_error()));
    store = open_store(0);
}

static int begin(void **state)
{
    static const aire_sandbox_ops ops = {sizeof ops, 0, fake_sandbox, NULL};
    if (setup(state) != 0)
        return -1;
    env = NULL;
    store = NULL;
    atomic_store(&waiting, false);
    atomic_store(&warnings, 0);
    assert_int_equal(aire__fs_mkdirs(ctx, at("env"), 0755), AIRE_OK);
    put(at("env"), "work.txt", "5\n");
    put(at("env"), "secret.txt", "s\n");
    put(root, "precious", "host");
    put(root, "x", "host");
    assert_int_equal(aire_sandbox_new_from_ops(ctx, &ops, NULL, &sandbox), AIRE_OK);
    return 0;
}

static int end(void **state)
{
    aire_store_unref(store);
    aire_sandbox_unref(sandbox);
    aire_env_unref(env);
    return teardown(state);
}

static aire_status make_executor(int32_t workers, int32_t keep_workspaces, aire_executor **out)
{
    aire_executor_options options = AIRE_EXECUTOR_OPTIONS_INIT;
    options.workers = workers;
    options.keep_workspaces = keep_workspaces;
    return aire_executor_new(ctx, env, sandbox, store, &options, out);
}

static aire_executor *new_executor(int32_t workers)
{
    aire_executor *executor;
    if (make_executor(workers, 0, &executor) != AIRE_OK)
        fail_msg("%s", aire_error_message(aire_last_error()));
    return executor;
}

static int64_t submit_word(aire_executor *executor, const char *word)
{
    aire_idea_options options = AIRE_IDEA_OPTIONS_INIT;
    aire_idea *idea;
    char text[200];
    int64_t run = 0;
    snprintf(text, sizeof text, "--- work.txt\n+++ work.txt\n@@ -1 +1 @@\n-5\n+%s\n", word);
    assert_int_equal(aire_patch_new(ctx, AIRE_PATCH_UNIFIED, text, strlen(text), &options.patch),
                     AIRE_OK);
    options.text = "an idea";
    assert_int_equal(aire_idea_new(ctx, &options, &idea), AIRE_OK);
    assert_int_equal(aire_executor_submit(executor, idea, NULL, &run), AIRE_OK);
    aire_patch_unref(options.patch);
    aire_idea_unref(idea);
    return run;
}

static void take_result(aire_executor *executor, int32_t outcome)
{
    aire_result *result = NULL;
    aire_status status = aire_executor_next(executor, 20000, &result);
    if (status != AIRE_OK)
        fail_msg("%s: %s", aire_status_name(status), aire_error_message(aire_last_error()));
    assert_int_equal(aire_result_outcome(result), outcome);
    tell(store, aire_result_run_id(result), true);
    aire_result_unref(result);
}

/* Run one after the other. */
static void run_words(aire_executor *executor, const char *const *words)
{
    for (; *words; words++) {
        bool good = **words >= '0' && **words <= '9';
        submit_word(executor, *words);
        take_result(executor, good ? AIRE_OUTCOME_OK : AIRE_OUTCOME_CRASHED);
    }
}

#define RUN(executor, ...) run_words(executor, (const char *const[]){__VA_ARGS__, NULL})

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* All names in a directory, in order; "" if it is not there. */
static void assert_names(const char *directory, const char *expected)
{
    char names[64][64], seen[1024] = "";
    size_t count = 0;
    DIR *dir = opendir(at(directory));
    for (struct dirent *entry; dir && count < 64 && (entry = readdir(dir));)
        if (entry->d_name[0] != '.')
            snprintf(names[count++], sizeof names[0], "%.60s", entry->d_name);
    if (dir)
        closedir(dir);
    qsort(names, count, sizeof names[0], by_name);
    for (size_t i = 0; i < count; i++)
        snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s%s", i ? " " : "", names[i]);
    assert_string_equal(seen, expected);
}

static void assert_text(const char *name, const char *expected)
{
    char *text;
    size_t length;
    if (aire__fs_read(ctx, at(name), 1 << 20, &text, &length) != AIRE_OK)
        fail_msg("%s", aire_error_message(aire_last_error()));
    assert_string_equal(text, expected);
    aire_free(ctx, text);
}

static void make_directory(const char *name)
{
    assert_int_equal(aire__fs_mkdirs(ctx, at(name), 0755), AIRE_OK);
}

static void test_keeper__keeps_nothing_unless_asked(void **state)
{
    open_toy("");
    aire_executor *executor = new_executor(1);
    RUN(executor, "7", "crash");
    aire_executor_unref(executor);
    assert_false(aire__fs_exists(at("s.db.work")));
}

static void test_keeper__keeps_the_best(void **state)
{
    open_toy("{\"best\": 2}");
    aire_executor *executor = new_executor(1);
    RUN(executor, "7", "9", "crash", "8", "6", "08"); /* the last is as good as the fourth */
    assert_names("s.db.work", "kept");
    assert_names("s.db.work/kept", "run-2 run-4");
    assert_names("s.db.work/kept/run-2", "logs outputs variant");
    assert_names("s.db.work/kept/run-2/logs", "build.log evaluate.log report.json run.log");
    assert_text("s.db.work/kept/run-2/logs/run.log", "log of run");
    assert_names("s.db.work/kept/run-2/outputs", "value");
    assert_text("s.db.work/kept/run-2/outputs/value", "9");
    /* as the build found it: with what is protected, without what is hidden or was built */
    assert_names("s.db.work/kept/run-2/variant", "aire.json work.txt");
    assert_text("s.db.work/kept/run-2/variant/work.txt", "9\n");
    aire_executor_unref(executor);
    assert_names("s.db.work/kept", "run-2 run-4");
    assert_int_equal(scalar(store, "SELECT count(*) FROM results"), 6); /* never the record */
}

static void test_keeper__keeps_the_newest_failures(void **state)
{
    open_toy("{\"failed\": 2, \"keep\": [\"logs\"]}");
    aire_executor *executor = new_executor(1);
    RUN(executor, "crash", "7", "crash ", "crash  ");
    assert_names("s.db.work/kept", "run-3 run-4");
    assert_names("s.db.work/kept/run-4", "logs");
    assert_names("s.db.work/kept/run-4/logs", "build.log run.log");
    int64_t cancelled = submit_word(executor, "wait");
    while (!atomic_load(&waiting))
        usleep(1000);
    assert_int_equal(aire_executor_cancel(executor, cancelled), AIRE_OK);
    take_result(executor, AIRE_OUTCOME_CANCELLED);
    assert_names("s.db.work/kept", "run-3 run-4");
    aire_executor_unref(executor);
}

static void test_keeper__keeps_to_its_size(void **state)
{
    open_toy("{\"best\": 9, \"failed\": 9, \"max_mb\": 1, \"keep\": [\"outputs\", \"logs\"]}");
    aire_executor *executor = new_executor(1);
    RUN(executor, "crash", "7-300", "8-300", "9-300");
    assert_names("s.db.work/kept", "run-1 run-2 run-3 run-4");
    RUN(executor, "10-100"); /* beside it the worst has no room, but the small crash has */
    assert_names("s.db.work/kept", "run-1 run-3 run-4 run-5");
    RUN(executor, "11-230"); /* now it has none */
    assert_names("s.db.work/kept", "run-3 run-4 run-5 run-6");
    RUN(executor, "99-1024"); /* does not fit in any case */
    assert_names("s.db.work/kept", "run-3 run-4 run-5 run-6");
    aire_executor_unref(executor);
}

static void test_keeper__pinned_runs_stay(void **state)
{
    open_toy("{\"best\": 1}");
    aire_executor *executor = new_executor(1);
    RUN(executor, "7");
    assert_int_equal(aire_store_pin(store, 1, 1), AIRE_OK);
    RUN(executor, "8", "9");
    assert_names("s.db.work/kept", "run-1 run-3");
    aire_executor_unref(executor);
    executor = new_executor(1);
    assert_names("s.db.work/kept", "run-1 run-3");
    assert_int_equal(aire_store_pin(store, 1, 0), AIRE_OK);
    RUN(executor, "6"); /* itself of no interest */
    assert_names("s.db.work/kept", "run-3");
    /* A pin that is there before the run ends. */
    int64_t run = submit_word(executor, "wait");
    assert_int_equal(aire_store_pin(store, run, 1), AIRE_OK);
    while (!atomic_load(&waiting))
        usleep(1000);
    assert_int_equal(aire_executor_cancel(executor, run), AIRE_OK);
    take_result(executor, AIRE_OUTCOME_CANCELLED);
    assert_names("s.db.work/kept", "run-3 run-5");
    /* And one that is taken off while no executor is there. */
    aire_executor_unref(executor);
    assert_int_equal(aire_store_pin(store, run, 0), AIRE_OK);
    aire_executor_unref(new_executor(1));
    assert_names("s.db.work/kept", "run-3");
}

static void test_keeper__tidies_what_an_earlier_process_left(void **state)
{
    static const char *const leftovers[] = {"kept/gone-5/logs", "kept/new-6/logs", "kept/run-99/x",
                                            "run-77-1/workspace", "gone-3-1/out"};
    open_toy("{\"best\": 2}");
    aire_executor *executor = new_executor(1);
    RUN(executor, "7", "8");
    aire_executor_unref(executor);
    for (size_t i = 0; i < sizeof leftovers / sizeof *leftovers; i++)
        make_directory(in("s.db.work", leftovers[i]));
    assert_int_equal(aire__fs_remove_tree(ctx, at("s.db.work/kept/run-2")), AIRE_OK); /* by hand */
    executor = new_executor(1);
    assert_names("s.db.work", "kept");
    assert_names("s.db.work/kept", "run-1");
    assert_int_equal(aire__fs_remove_tree(ctx, at("s.db.work/kept/run-1")), AIRE_OK);
    RUN(executor, "6", "5 "); /* the places of those are free again */
    assert_names("s.db.work/kept", "run-3 run-4");
    aire_executor_unref(executor);
}

static void test_keeper__is_not_hurt_by_what_a_run_left(void **state)
{
    struct stat info;
    open_toy("{\"failed\": 1}");
    aire_executor *executor = new_executor(1);
    RUN(executor, "hostile");
    aire_executor_unref(executor);
    assert_names("s.db.work", "kept");
    /* Who may read everything has also what lay in the shut directory. */
    assert_names("s.db.work/kept/run-1/outputs", geteuid() == 0 ? "shut sub value" : "sub value");
    assert_text("s.db.work/kept/run-1/outputs/value", "trap");
    assert_int_equal(lstat(at("s.db.work/kept/run-1/outputs/value"), &info), 0);
    assert_int_equal(info.st_mode, S_IFREG | 0755);
    assert_names("s.db.work/kept/run-1/logs", "build.log run.log");
    assert_names("s.db.work/kept/run-1/variant", "aire.json work.txt");
    assert_text("precious", "host");
    assert_text("x", "host");
}

static void test_keeper__many_workers_keep_the_same(void **state)
{
    enum { RUNS = 100 };
    open_toy("{\"best\": 3, \"keep\": [\"outputs\"]}");
    aire_executor *executor = new_executor(4);
    for (int i = 0; i < RUNS; i++) {
        char word[16];
        snprintf(word, sizeof word, "%d", 10 + i * 37 % RUNS);
        submit_word(executor, word);
    }
    for (int i = 0; i < RUNS; i++)
        take_result(executor, AIRE_OUTCOME_OK);
    aire_executor_unref(executor);
    assert_names("s.db.work", "kept");
    DIR *dir = opendir(at("s.db.work/kept"));
    int count = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        char name[128];
        if (entry->d_name[0] == '.')
            continue;
        int64_t run = atoll(entry->d_name + strlen("run-"));
        snprintf(name, sizeof name, "%d", (int)(10 + (run - 1) * 37 % RUNS));
        assert_true(atoi(name) >= 10 + RUNS - 3);
        count++;
    }
    closedir(dir);
    assert_int_equal(count, 3);
}

/* ---- kills and failures ---- */

static const char *fatal_point;

static void die_at(const char *point, void *unused)
{
    if (!strcmp(point, fatal_point))
        kill(getpid(), SIGKILL);
}

static int run_and_die(int from_parent, int to_parent)
{
    aire_executor *executor;
    aire__store_set_fault(store, die_at, NULL);
    if (make_executor(1, 0, &executor) != AIRE_OK)
        return 1;
    submit_word(executor, "9-20");
    return aire_executor_wait(executor, 20000, NULL) == AIRE_OK ? 0 : 2;
}

static int open_and_die(int from_parent, int to_parent)
{
    open_toy("{\"best\": 2}");
    return run_and_die(from_parent, to_parent);
}

static void die(const char *point)
{
    fatal_point = point;
    child victim = start_child(open_and_die);
    assert_true(WIFSIGNALED(end_child(&victim)));
    open_toy("{\"best\": 2}");
}

static void assert_whole(const char *work)
{
    char name[200];
    assert_names(work, "kept");
    snprintf(name, sizeof name, "%s/kept/run-1", work);
    assert_names(name, "logs outputs variant");
    assert_names(in(name, "outputs"), "model value");
    assert_names(in(name, "logs"), "build.log evaluate.log report.json run.log");
    assert_text(in(name, "variant/work.txt"), "9-20\n");
}

/* Killed before the result was durable, the run is run again; killed after that, its files are
 * kept by the next executor. */
static void test_keeper__a_kill_loses_no_files(void **state)
{
    die("finish.commit");
    assert_names("s.db.work", "run-1-1");
    aire_executor *executor = new_executor(1);
    take_result(executor, AIRE_OUTCOME_OK);
    aire_executor_unref(executor);
    assert_whole("s.db.work");
}

static void test_keeper__a_kill_between_durable_and_kept(void **state)
{
    die("finish.after");
    assert_names("s.db.work", "run-1-1");
    aire_executor *executor = new_executor(1);
    assert_whole("s.db.work");
    take_result(executor, AIRE_OUTCOME_OK);
    aire_executor_unref(executor);
    assert_whole("s.db.work");
}

/* Killed in the middle of putting them together. */
static void test_keeper__goes_on_with_half_of_it(void **state)
{
    die("finish.after");
    make_directory("s.db.work/run-1-1/keep/outputs");
    make_directory("s.db.work/run-1-1/keep/variant");
    put(at("s.db.work/run-1-1/keep/variant"), "work.txt", "9");
    assert_int_equal(rename(in(root, "s.db.work/run-1-1/handed/value"),
                            in(root, "s.db.work/run-1-1/keep/outputs/value")),
                     0);
    aire_executor_unref(new_executor(1));
    assert_whole("s.db.work");
}

/* A try of another attempt than the one that the result is of has files of no result. */
static void test_keeper__other_attempts_are_not_kept(void **state)
{
    die("finish.after");
    assert_int_equal(rename(in(root, "s.db.work/run-1-1"), in(root, "s.db.work/run-1-2")), 0);
    aire_executor_unref(new_executor(1));
    assert_false(aire__fs_exists(at("s.db.work")));
}

static void count_warnings(int32_t level, const char *component, const char *message, void *unused)
{
    atomic_fetch_add(&warnings, level == AIRE_LOG_WARNING && strstr(message, "run 1:") != NULL);
}

/* What cannot be kept costs nobody a result. */
static void test_keeper__a_failure_is_a_warning(void **state)
{
    aire_ctx_options options = AIRE_CTX_OPTIONS_INIT;
    aire_ctx *plain = ctx;
    options.log = count_warnings;
    options.log_level = AIRE_LOG_WARNING;
    assert_int_equal(aire_ctx_new(&options, &ctx), AIRE_OK);
    open_toy("{\"best\": 2}");
    aire_executor *executor = new_executor(1);
    put(at("s.db.work"), "kept", "in the way");
    RUN(executor, "7", "8");
    assert_int_equal(atomic_load(&warnings), 1);
    assert_names("s.db.work", "kept");
    unlink(at("s.db.work/kept"));
    RUN(executor, "6");
    assert_names("s.db.work/kept", "run-3");
    aire_executor_unref(executor);
    aire_store_unref(store);
    aire_env_unref(env);
    aire_ctx_unref(ctx);
    store = NULL;
    env = NULL;
    ctx = plain;
}

/* Where kept is a link to another file system, files are copied. */
static void test_keeper__keeps_on_another_device(void **state)
{
    char other[] = "/dev/shm/aire-kept-XXXXXX";
    open_toy("{\"best\": 1}");
    if (!mkdtemp(other)) /* a machine without */
        skip();
    make_directory("s.db.work");
    assert_int_equal(symlink(other, at("s.db.work/kept")), 0);
    aire_executor *executor = new_executor(1);
    RUN(executor, "8-20", "9-20", "7");
    aire_executor_unref(executor);
    assert_names("s.db.work", "kept");
    assert_names("s.db.work/kept", "run-2");
    assert_names("s.db.work/kept/run-2/outputs", "model value");
    assert_text("s.db.work/kept/run-2/variant/work.txt", "9-20\n");
    assert_int_equal(aire__fs_remove_tree(ctx, other), AIRE_OK);
}

/* Whole workspaces are asked for: retention has no say, and the next executor leaves them, too. */
static void test_keeper__leaves_kept_workspaces_alone(void **state)
{
    aire_executor *executor;
    open_toy("{\"best\": 1}");
    assert_int_equal(make_executor(1, 1, &executor), AIRE_OK);
    RUN(executor, "8", "9");
    aire_executor_unref(executor);
    assert_int_equal(make_executor(1, 1, &executor), AIRE_OK);
    aire_executor_unref(executor);
    assert_names("s.db.work", "run-1-1 run-2-1");
    assert_names("s.db.work/run-1-1",
                 "build.log evaluate.log handed judge out report.json run.log workspace");
    aire_executor_unref(new_executor(1)); /* asked for no more */
    assert_names("s.db.work", "kept");
    assert_names("s.db.work/kept", "run-2");
}

static void test_keeper__fails_cleanly_without_memory(void **state)
{
    aire_executor *executor;
    open_toy("{\"best\": 2}");
    executor = new_executor(1);
    RUN(executor, "8", "9");
    aire_executor_unref(executor);
    OOM_LOOP(&memory, make_executor(1, 0, &executor), aire_executor_unref(executor));
    assert_names("s.db.work/kept", "run-1 run-2");
}

/* Without memory at any moment nothing is lost, and the next time goes on where it was. */
static void test_keeper__keeps_with_interruptions(void **state)
{
    aire_executor *executor;
    aire_keeper *keeper;
    open_toy("{\"best\": 1}");
    assert_int_equal(make_executor(1, 1, &executor), AIRE_OK);
    RUN(executor, "9-20");
    aire_executor_unref(executor);
    char work[256];
    snprintf(work, sizeof work, "%s", at("s.db.work"));
    aire_workshop shop = {.ctx = ctx, .env = env, .work_dir = work};
    assert_int_equal(aire__workshop_sources(&shop), AIRE_OK);
    assert_int_equal(aire__keeper_new(&shop, store, &keeper), AIRE_OK);
    long long rounds = 0;
    for (; !aire__fs_exists(at("s.db.work/kept/run-1")); rounds++) {
        atomic_store(&memory.countdown, rounds);
        aire__keeper_rescue(keeper, 1, 1);
        atomic_store(&memory.countdown, -1);
    }
    assert_true(rounds > 20);
    aire__keeper_free(keeper);
    aire_free(ctx, shop.sources);
    assert_int_equal(aire__fs_remove_tree(ctx, at("s.db.work/run-1-1")), AIRE_OK);
    assert_whole("s.db.work");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retention__best_and_newest_stay),
        cmocka_unit_test(test_retention__pinned_take_no_place),
        cmocka_unit_test(test_retention__size_takes_the_least_first),
        cmocka_unit_test(test_retention__ends_have_their_class),
        cmocka_unit_test(test_retention__holds_for_random_lives),
        TEST(test_keeper__keeps_nothing_unless_asked),
        TEST(test_keeper__keeps_the_best),
        TEST(test_keeper__keeps_the_newest_failures),
        TEST(test_keeper__keeps_to_its_size),
        TEST(test_keeper__pinned_runs_stay),
        TEST(test_keeper__tidies_what_an_earlier_process_left),
        TEST(test_keeper__is_not_hurt_by_what_a_run_left),
        TEST(test_keeper__many_workers_keep_the_same),
        TEST(test_keeper__a_kill_loses_no_files),
        TEST(test_keeper__a_kill_between_durable_and_kept),
        TEST(test_keeper__goes_on_with_half_of_it),
        TEST(test_keeper__other_attempts_are_not_kept),
        TEST(test_keeper__a_failure_is_a_warning),
        TEST(test_keeper__keeps_on_another_device),
        TEST(test_keeper__leaves_kept_workspaces_alone),
        TEST(test_keeper__fails_cleanly_without_memory),
        TEST(test_keeper__keeps_with_interruptions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
