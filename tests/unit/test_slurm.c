/*
 * What Slurm's commands say, as it comes, and the backend on commands that are scripts: what the
 * real ones do is for the integration test.
 */
#include "support/store.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "executor/slurm.h"

enum { RUNS_MAX = 12 };

static aire_workshop shop;
static aire_slurm *slurm;

static const aire_slurm_id none = {0, AIRE_SLURM_ALONE};

/* ---- reading what is printed ---- */

static bool parse(const char *text, aire_slurm_line *line, char name[64])
{
    if (!aire__slurm_parse_line(text, strlen(text), line))
        return false;
    snprintf(name, 64, "%.*s", (int)line->name_length, line->name);
    return true;
}

static void test_slurm__reads_a_line_of_squeue(void **state)
{
    static const struct {
        const char *line, *word, *name, *reason;
        int64_t number;
        int32_t task;
        aire_slurm_state state;
    } rows[] = {
        {"12|PENDING|aire-1-2|Resources", "PENDING", "aire-1-2", "Resources", 12, -1,
         AIRE_SLURM_WAITING},
        {"13|RUNNING|a|b|None", "RUNNING", "a", "b", 13, -1, AIRE_SLURM_RUNNING},
        {"14|COMPLETING||", "COMPLETING", "", "", 14, -1, AIRE_SLURM_RUNNING},
        {"15|OUT_OF_MEMORY|x y|OutOfMemory", "OUT_OF_MEMORY", "x y", "OutOfMemory", 15, -1,
         AIRE_SLURM_OVER},
        {"16_0|NODE_FAIL|n|NodeDown", "NODE_FAIL", "n", "NodeDown", 16, 0, AIRE_SLURM_OVER},
        {"16_63|PENDING|n|ReqNodeNotAvail, UnavailableNodes:n[1-2]", "PENDING", "n",
         "ReqNodeNotAvail", 16, 63, AIRE_SLURM_WAITING},
        /* one that a later version has is not taken for an end */
        {"17|SPECIAL_EXIT|n|", "SPECIAL_EXIT", "n", "", 17, -1, AIRE_SLURM_WAITING},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        aire_slurm_line line;
        char name[64];
        assert_true(parse(rows[i].line, &line, name));
        assert_int_equal(line.id.number, rows[i].number);
        assert_int_equal(line.id.task, rows[i].task);
        assert_int_equal(line.state, rows[i].state);
        assert_string_equal(line.seen.word, rows[i].word);
        assert_string_equal(line.seen.reason, rows[i].reason);
        assert_string_equal(name, rows[i].name);
    }
}

static void test_slurm__leaves_out_what_is_no_job(void **state)
{
    static const char *const lines[] = {"",
                                        "squeue: error: Unable to contact slurm controller",
                                        "12",
                                        "12|RUNNING",
                                        "12|RUNNING|x",
                                        "|RUNNING|x|",
                                        "12||x|",
                                        "12_|RUNNING|x|",
                                        "_3|RUNNING|x|",
                                        "12_[0-3]|PENDING|x|",
                                        "12+1|RUNNING|x|",
                                        "-1|RUNNING|x|",
                                        "0|RUNNING|x|",
                                        "99999999999999999999999|RUNNING|x|",
                                        "12_99999999999|RUNNING|x|",
                                        "12|ASTATETHATISMUCHLONGERTHANANY|x|"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        aire_slurm_line line;
        char name[64];
        if (parse(lines[i], &line, name))
            fail_msg("%s", lines[i]);
    }
}

static void test_slurm__writes_numbers_as_slurm_does(void **state)
{
    static const char *const texts[] = {"12", "12_0", "922337203685477579_63"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        aire_slurm_id id;
        char text[AIRE_SLURM_ID_TEXT];
        assert_true(aire__slurm_id_parse(texts[i], strlen(texts[i]), &id));
        aire__slurm_id_format(id, text);
        assert_string_equal(text, texts[i]);
    }
}

static void test_slurm__reads_a_line_of_sacct(void **state)
{
    static const char text[] = "sacct: note\n"
                               "7_1|COMPLETED|0:0\n"
                               "7_[3-5]|PENDING|0:0\n"
                               "7|CANCELLED by 1000|0:15\n"
                               "7_2|OUT_OF_MEMORY|0:125\n"
                               "8||0:0\n"
                               "9|TIMEOUT|0:0";
    static const struct {
        aire_slurm_id id;
        const char *word, *code; /* NULL: nothing is known */
    } rows[] = {
        {{7, -1}, "CANCELLED", "0:15"},
        {{7, 1}, "COMPLETED", "0:0"},
        {{7, 2}, "OUT_OF_MEMORY", "0:125"},
        {{9, -1}, "TIMEOUT", "0:0"},
        {{7, 3}, NULL, NULL},
        {{8, -1}, NULL, NULL},
        {{70, -1}, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char word[24], code[24];
        bool found = aire__slurm_parse_account(text, rows[i].id, word, code);
        assert_int_equal(found, rows[i].word != NULL);
        if (found) {
            assert_string_equal(word, rows[i].word);
            assert_string_equal(code, rows[i].code);
        }
    }
}

static void test_slurm__knows_what_passes(void **state)
{
    static const struct {
        const char *reason;
        aire_slurm_wait wait;
    } rows[] = {
        {"", AIRE_SLURM_PASSES},
        {"None", AIRE_SLURM_PASSES},
        {"Resources", AIRE_SLURM_PASSES},
        {"Priority", AIRE_SLURM_PASSES},
        {"Dependency", AIRE_SLURM_PASSES},
        {"BeginTime", AIRE_SLURM_PASSES},
        {"JobArrayTaskLimit", AIRE_SLURM_PASSES},
        {"AssocMaxJobsLimit", AIRE_SLURM_LIMITED},
        {"AssocGrpCpuLimit", AIRE_SLURM_LIMITED},
        {"QOSMaxCpuPerUserLimit", AIRE_SLURM_LIMITED},
        {"ReqNodeNotAvail", AIRE_SLURM_HELD},
        {"PartitionConfig", AIRE_SLURM_HELD},
        {"JobHeldUser", AIRE_SLURM_HELD},
        {"JobHeldAdmin", AIRE_SLURM_HELD},
        {"launch failed requeued held", AIRE_SLURM_HELD},
        {"BadConstraints", AIRE_SLURM_NEVER},
        {"PartitionNodeLimit", AIRE_SLURM_NEVER},
        {"PartitionTimeLimit", AIRE_SLURM_NEVER},
        {"AssocMaxWallDurationPerJobLimit", AIRE_SLURM_NEVER},
        {"QOSMaxCpuPerJobLimit", AIRE_SLURM_NEVER},
        {"InvalidQOS", AIRE_SLURM_NEVER},
        {"InvalidAccount", AIRE_SLURM_NEVER},
        {"DependencyNeverSatisfied", AIRE_SLURM_NEVER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *advice;
        if (aire__slurm_wait_of(rows[i].reason, &advice) != rows[i].wait)
            fail_msg("%s", rows[i].reason);
        assert_int_equal(advice != NULL, rows[i].wait != AIRE_SLURM_PASSES);
    }
}

static void test_slurm__reads_a_field_of_scontrol(void **state)
{
    static const char text[] = "JobId=3 JobName=x JobState=NODE_FAIL Reason=NodeDown "
                               "DerivedExitCode=1:0 ExitCode=4:0 NodeList=n[1-2]\n";
    char out[12];
    assert_true(aire__slurm_field(text, "JobState", out, sizeof out));
    assert_string_equal(out, "NODE_FAIL");
    assert_true(aire__slurm_field(text, "ExitCode", out, sizeof out));
    assert_string_equal(out, "4:0");
    assert_true(aire__slurm_field(text, "NodeList", out, sizeof out));
    assert_string_equal(out, "n[1-2]");
    assert_true(aire__slurm_field("A=0123456789abcdef", "A", out, sizeof out));
    assert_string_equal(out, "0123456789a");
    assert_true(aire__slurm_field("A=", "A", out, sizeof out));
    assert_string_equal(out, "");
    assert_false(aire__slurm_field(text, "State", out, sizeof out));
    assert_false(aire__slurm_field("", "A", out, sizeof out));
}

static void test_slurm__reads_numbers_of_devices(void **state)
{
    int32_t gpus[4];
    assert_int_equal(aire__slurm_parse_gpus("3", gpus, 4), 1);
    assert_int_equal(gpus[0], 3);
    assert_int_equal(aire__slurm_parse_gpus("1,4-5,7", gpus, 4), 4);
    assert_int_equal(gpus[0], 1);
    assert_int_equal(gpus[1], 4);
    assert_int_equal(gpus[2], 5);
    assert_int_equal(gpus[3], 7);
    assert_int_equal(aire__slurm_parse_gpus("0-1023", gpus, 4), 4);
    assert_int_equal(aire__slurm_parse_gpus("", gpus, 4), 0);
    assert_int_equal(aire__slurm_parse_gpus(NULL, gpus, 4), 0);
    /* what is no number is not guessed */
    static const char *const lists[] = {"GPU-5f3a", "0,",     ",0",     "0,,1",
                                        "2-1",      "-1",     "0 1",    "0-",
                                        "1x",       "0-1024", "(null)", "99999999999999999999"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (aire__slurm_parse_gpus(lists[i], gpus, 4) != -1)
            fail_msg("%s", lists[i]);
}

/* ---- commands ---- */

/* Write a command; in its text "@" stands for the test's directory. */
static void script(const char *name, const char *text)
{
    char file[200];
    snprintf(file, sizeof file, "%s/bin/%s", root, name);
    FILE *out = fopen(file, "we");
    assert_non_null(out);
    fputs("#!/bin/sh\n", out);
    for (; *text; text++)
        if (*text == '@')
            fputs(root, out);
        else
            fputc(*text, out);
    assert_int_equal(fchmod(fileno(out), 0700), 0);
    fclose(out);
}

/* Lines of a file below the test's directory that have a part in them. */
static int count_lines(const char *name, const char *part)
{
    char line[4096];
    int count = 0;
    FILE *file = fopen(at(name), "re");
    while (file && fgets(line, sizeof line, file))
        count += strstr(line, part) != NULL;
    if (file)
        fclose(file);
    return count;
}

static aire_slurm_queue *new_queue(void)
{
    aire_slurm_options options = AIRE_SLURM_OPTIONS_INIT;
    aire_slurm_queue *queue;
    char bin[128];
    snprintf(bin, sizeof bin, "%s/bin", root);
    assert_int_equal(aire__fs_mkdirs(ctx, bin, 0700), AIRE_OK);
    options.bin_dir = bin;
    assert_int_equal(aire__slurm_queue_new(ctx, &options, &queue), AIRE_OK);
    return queue;
}

/* Commands that are not there, or say something else, are failures with a text. */
static void test_slurm__says_what_the_cluster_said(void **state)
{
    static const char *const nothing[] = {NULL}, *const argv[] = {"/bin/true", NULL};
    aire_slurm_queue *queue = new_queue();
    int64_t number;
    aire_slurm_id id;
    aire_slurm_seen seen;
    assert_int_equal(aire__slurm_submit(queue, nothing, argv, 0, -1, &number), AIRE_SANDBOX);
    assert_message("not found");
    assert_int_equal(aire__slurm_state(queue, (aire_slurm_id){1, AIRE_SLURM_ALONE}, 0, &seen),
                     AIRE_SLURM_UNKNOWN);
    assert_string_equal(seen.word, "");
    assert_false(aire__slurm_find(queue, "x", AIRE_SLURM_ALONE, 0, &id));
    const char *const quoted[] = {"/bin/it's", NULL};
    assert_int_equal(aire__slurm_submit(queue, nothing, quoted, 0, -1, &number), AIRE_INVALID);
    aire__slurm_queue_free(queue);
}

static void test_slurm__finds_tasks_of_arrays(void **state)
{
    static const struct {
        const char *name;
        int32_t task;
        aire_slurm_id id;
    } rows[] = {
        {"a", AIRE_SLURM_ALONE, {3, AIRE_SLURM_ALONE}},
        {"a", 0, none},
        {"b", AIRE_SLURM_ALONE, none},
        {"b", 0, none}, /* it is over */
        {"b", 1, {4, 1}},
        {"b", 2, {4, 2}},
        {"b", 3, none},
        {"b", AIRE_SLURM_ANY, {4, 0}}, /* over or not */
        {"a", AIRE_SLURM_ANY, none},
        {"bb", 1, none},
    };
    aire_slurm_queue *queue = new_queue();
    aire_slurm_seen seen;
    script("squeue", "echo '2|FAILED|a|NonZeroExitCode'; echo '3|RUNNING|a|None'\n"
                     "echo '4_0|COMPLETED|b|None'; echo '4_1|RUNNING|b|None'\n"
                     "echo '4_2|PENDING|b|Priority'");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        aire_slurm_id id;
        assert_true(aire__slurm_find(queue, rows[i].name, rows[i].task, 0, &id));
        if (id.number != rows[i].id.number || id.task != rows[i].id.task)
            fail_msg("%s %d: %d_%d", rows[i].name, rows[i].task, (int)id.number, id.task);
    }
    assert_int_equal(aire__slurm_state(queue, (aire_slurm_id){4, 2}, 0, &seen), AIRE_SLURM_WAITING);
    assert_string_equal(seen.reason, "Priority");
    assert_int_equal(aire__slurm_state(queue, (aire_slurm_id){4, AIRE_SLURM_ALONE}, 0, &seen),
                     AIRE_SLURM_GONE);
    aire__slurm_queue_free(queue);
}

/* ---- accounting ---- */

static const char forgotten[] =
    "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1";

static void assert_explained(aire_slurm_queue *queue, aire_slurm_id id, aire_slurm_state expected,
                             const char *word, const char *part)
{
    char found[24], why[AIRE_SLURM_WHY];
    assert_int_equal(aire__slurm_explain(queue, id, found, why), expected);
    assert_string_equal(found, word);
    if (!strstr(why, part))
        fail_msg("\"%s\" is not in \"%s\"", part, why);
}

static void test_slurm__asks_the_accounting_of_what_is_forgotten(void **state)
{
    aire_slurm_queue *queue = new_queue();
    script("scontrol", forgotten);
    script("sacct", "echo \"$*\" >> @/asked\n"
                    "case $1 in\n"
                    "--jobs=5) echo '5|NODE_FAIL|1:0';;\n"
                    "--jobs=6_2) printf '6_1|TIMEOUT|0:0\\n6_2|CANCELLED by 0|0:15\\n';;\n"
                    "--jobs=7) echo '7|RUNNING|0:0';;\n"
                    "--jobs=9) echo 'sacct: error: Problem talking to the database'; exit 1;;\n"
                    "esac");
    assert_explained(queue, (aire_slurm_id){5, AIRE_SLURM_ALONE}, AIRE_SLURM_OVER, "NODE_FAIL",
                     "state NODE_FAIL, exit code 1:0");
    assert_explained(queue, (aire_slurm_id){6, 2}, AIRE_SLURM_OVER, "CANCELLED",
                     "state CANCELLED, exit code 0:15");
    /* the controller would know of it: nothing is waited for */
    assert_explained(queue, (aire_slurm_id){7, AIRE_SLURM_ALONE}, AIRE_SLURM_GONE, "RUNNING",
                     "state RUNNING");
    assert_explained(queue, (aire_slurm_id){8, AIRE_SLURM_ALONE}, AIRE_SLURM_GONE, "", "");
    /* one that does not answer today is asked again */
    assert_explained(queue, (aire_slurm_id){9, AIRE_SLURM_ALONE}, AIRE_SLURM_GONE, "", "");
    assert_explained(queue, (aire_slurm_id){9, AIRE_SLURM_ALONE}, AIRE_SLURM_GONE, "", "");
    assert_int_equal(count_lines("asked", "--parsable2 --noheader -X"), 6);
    aire__slurm_queue_free(queue);
}

/* What the controller knows is not asked of the accounting. */
static void test_slurm__believes_the_controller(void **state)
{
    aire_slurm_queue *queue = new_queue();
    script("scontrol", "echo 'JobId=5 JobState=FAILED Reason=NonZeroExitCode ExitCode=1:0'");
    script("sacct", "echo asked >> @/asked; echo '5|COMPLETED|0:0'");
    assert_explained(queue, (aire_slurm_id){5, AIRE_SLURM_ALONE}, AIRE_SLURM_OVER, "FAILED",
                     "reason NonZeroExitCode");
    assert_int_equal(count_lines("asked", ""), 0);
    aire__slurm_queue_free(queue);
}

static void test_slurm__an_accounting_that_is_off_is_asked_once(void **state)
{
    aire_slurm_queue *queue = new_queue();
    script("scontrol", forgotten);
    script("sacct", "echo asked >> @/asked\n"
                    "echo 'Slurm accounting storage is disabled' >&2; exit 1");
    for (int i = 0; i < 3; i++)
        assert_explained(queue, (aire_slurm_id){5, AIRE_SLURM_ALONE}, AIRE_SLURM_GONE, "", "");
    assert_int_equal(count_lines("asked", ""), 1);
    aire__slurm_queue_free(queue);
}

static void test_slurm__an_accounting_that_is_not_there_is_asked_once(void **state)
{
    aire_slurm_queue *queue = new_queue();
    script("scontrol", forgotten);
    assert_explained(queue, (aire_slurm_id){5, AIRE_SLURM_ALONE}, AIRE_SLURM_GONE, "", "");
    script("sacct", "echo '5|TIMEOUT|0:0'");
    assert_explained(queue, (aire_slurm_id){5, AIRE_SLURM_ALONE}, AIRE_SLURM_GONE, "", "");
    aire__slurm_queue_free(queue);
}

/* ---- a cluster of scripts ---- */

/* It runs what it is given at once. Beside it lie the files: calls (of sbatch), executions (of
 * runs), cancelled (by scancel), and jobs/ID, the lines of squeue. */
static const char sbatch[] =
    "echo \"$*\" >> @/calls\n"
    "number=$(wc -l < @/calls); tasks=\n"
    "for word; do case $word in\n"
    "--array=0-*) tasks=$(seq 0 ${word#--array=0-});;\n"
    "--job-name=*) name=${word#--job-name=};;\n"
    "--wrap=*) wrap=${word#--wrap=};;\n"
    "esac; done\n"
    "sleep 0.3\n"
    "if test -e @/refuse && test -n \"$tasks\"; then\n"
    "    echo \"sbatch: error: Batch job submission failed: $(cat @/refuse)\"; exit 1\n"
    "fi\n"
    "say() { echo \"$1|$2|$name|$3\" > @/jobs/.$1; mv @/jobs/.$1 @/jobs/$1; }\n"
    "start() {\n"
    "    if test -e @/reason; then say $1 PENDING \"$(cat @/reason)\"; return; fi\n"
    "    say $1 RUNNING None\n"
    "    { SLURM_ARRAY_TASK_ID=$2 sh -c \"$wrap\" && say $1 COMPLETED None ||\n"
    "      say $1 FAILED NonZeroExitCode; } < /dev/null > /dev/null 2>&1 3>&- &\n"
    "}\n"
    "if test -z \"$tasks\"; then start $number; fi\n"
    "for task in $tasks; do start ${number}_$task $task; done\n"
    "echo $number";

/* In place of aire-job: the run's number is its reward. */
static const char job[] =
    "directory=$(realpath \"$1\") && test -e $directory/job.json || exit 1\n"
    "run=${directory##*/run-}\n"
    "echo \"<$run>\" >> @/executions\n"
    "test -e @/slow && sleep 2\n"
    "echo '{\"run\": '$run', \"kind\": \"baseline\", \"outcome\": \"ok\", \"stage\": '"
    "'\"evaluate\", \"trust\": \"evaluated\", \"reward\": '$run'}' > $directory/.result\n"
    "mv $directory/.result $directory/result.json";

static void put(const char *name, const char *text)
{
    FILE *file = fopen(at(name), "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int begin_cluster(void **state)
{
    static const char manifest[] =
        "{\"aire\": 1, \"name\": \"toy\", \"goal\": \"g\", \"files\": {\"editable\": "
        "[\"work.txt\"]}, \"run\": {\"command\": [\"run\"]}, \"metric\": {\"name\": \"score\", "
        "\"direction\": \"maximize\", \"stage\": \"run\", \"trust\": \"self_reported\"}}";
    char bin[128];
    if (setup(state) != 0)
        return -1;
    snprintf(bin, sizeof bin, "%s/bin", root);
    assert_int_equal(aire__fs_mkdirs(ctx, bin, 0700), AIRE_OK);
    assert_int_equal(aire__fs_mkdirs(ctx, at("env"), 0755), AIRE_OK);
    assert_int_equal(aire__fs_mkdirs(ctx, at("jobs"), 0755), AIRE_OK);
    put("env/aire.json", manifest);
    put("env/work.txt", "5\n");
    script("sbatch", sbatch);
    script("squeue", "cat @/jobs/* 2> /dev/null || true");
    script("scontrol", forgotten);
    script("scancel", "echo $1 >> @/cancelled\n"
                      "echo \"$1|CANCELLED|x|None\" > @/jobs/.$1; mv @/jobs/.$1 @/jobs/$1");
    script("aire-job", job);
    shop = (aire_workshop){.ctx = ctx};
    if (aire_env_open(ctx, at("env"), NULL, &shop.env) != AIRE_OK)
        fail_msg("%s", aire_error_message(aire_last_error()));
    return 0;
}

static int end_cluster(void **state)
{
    aire_env_unref(shop.env);
    return teardown(state);
}

static void take_options(aire_slurm_options *options)
{
    static char bin[128], directory[128], program[160];
    snprintf(bin, sizeof bin, "%s/bin", root);
    snprintf(directory, sizeof directory, "%s/shared", root);
    snprintf(program, sizeof program, "%s/bin/aire-job", root);
    *options = (aire_slurm_options)AIRE_SLURM_OPTIONS_INIT;
    options->poll_ms = 50;
    options->directory = directory;
    options->bin_dir = bin;
    options->job_path = program;
    options->worker_path = "/bin/true";
}

static void connect(void)
{
    aire_slurm_options options;
    take_options(&options);
    if (aire__slurm_new(&shop, &options, "test", &slurm) != AIRE_OK)
        fail_msg("%s", aire_error_message(aire_last_error()));
}

/* One run, in a thread of its own. */
typedef struct runner {
    pthread_t thread;
    aire_run run;
    aire_try t;
    aire_status status;
    char message[AIRE_ERROR_MESSAGE_MAX];
} runner;

static runner runners[RUNS_MAX];

static void *run_one(void *data)
{
    runner *r = data;
    r->status = aire__slurm_run(&r->t, slurm);
    snprintf(r->message, sizeof r->message, "%s", aire_error_message(aire_last_error()));
    return NULL;
}

/* Runs 1 to `count` at once, until all have come to an end. */
static void run_all(int count)
{
    for (int i = 0; i < count; i++) {
        runner *r = &runners[i];
        r->run = (aire_run){.id = i + 1, .kind = AIRE_RUN_BASELINE, .seed = 7};
        r->t = (aire_try){.shop = &shop, .run = &r->run, .attempt = 1};
        aire__variant_hash(shop.env, &r->t.patched, r->t.variant);
    }
    for (int i = 0; i < count; i++)
        assert_int_equal(pthread_create(&runners[i].thread, NULL, run_one, &runners[i]), 0);
    for (int i = 0; i < count; i++)
        pthread_join(runners[i].thread, NULL);
}

static void assert_all_well(int count)
{
    for (int i = 0; i < count; i++) {
        char name[32];
        if (runners[i].status != AIRE_OK)
            fail_msg("run %d: %s", i + 1, runners[i].message);
        assert_int_equal(runners[i].t.ending.outcome, AIRE_OUTCOME_OK);
        assert_true(runners[i].t.ending.verdict.reward == i + 1);
        snprintf(name, sizeof name, "<%d>", i + 1);
        assert_int_equal(count_lines("executions", name), 1);
        aire__try_clear(&runners[i].t);
    }
}

static int count_entries(const char *name, const char *prefix)
{
    int count = 0;
    DIR *dir = opendir(at(name));
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        count += !strncmp(entry->d_name, prefix, strlen(prefix));
    if (dir)
        closedir(dir);
    return count;
}

/* Jobs and tasks that sbatch was called for. */
static int count_submitted(void)
{
    char line[4096];
    int count = 0;
    FILE *file = fopen(at("calls"), "re");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        const char *array = strstr(line, "--array=0-");
        count += array ? atoi(array + strlen("--array=0-")) + 1 : 1;
    }
    fclose(file);
    return count;
}

static void test_slurm__what_is_ready_goes_together(void **state)
{
    connect();
    run_all(RUNS_MAX);
    assert_all_well(RUNS_MAX);
    /* the first alone, at once; the others while it was under way */
    assert_true(count_lines("calls", "") <= 4);
    assert_int_equal(count_lines("calls", "--array=0-"), count_lines("calls", "") - 1);
    assert_true(count_entries("shared/test", "array-") > 0);
    for (int i = 0; i < RUNS_MAX; i++)
        aire__slurm_kept(slurm, i + 1);
    assert_int_equal(count_entries("shared/test", "run-"), 0);
    assert_int_equal(count_entries("shared/test", "array-"), 0);
    aire__slurm_free(slurm);
}

static void test_slurm__a_run_alone_is_no_array(void **state)
{
    connect();
    run_all(1);
    assert_all_well(1);
    assert_int_equal(count_lines("calls", ""), 1);
    assert_int_equal(count_lines("calls", "--array"), 0);
    aire__slurm_free(slurm);
}

static void test_slurm__an_array_that_is_refused_is_submitted_singly(void **state)
{
    put("refuse", "Job violates accounting/QOS policy");
    connect();
    run_all(4);
    assert_all_well(4);
    assert_int_equal(count_lines("calls", "--array"), 1);
    assert_int_equal(count_lines("calls", ""), 5);
    assert_int_equal(count_entries("shared/test", "array-"), 0);
    aire__slurm_free(slurm);
}

/* A cluster whose MaxArraySize is small is asked for less and less. */
static void test_slurm__arrays_become_as_small_as_the_cluster_wants(void **state)
{
    put("refuse", "Invalid job array specification");
    connect();
    run_all(RUNS_MAX);
    assert_all_well(RUNS_MAX);
    int refused = count_lines("calls", "--array");
    assert_true(refused >= 1 && refused <= 4);
    assert_int_equal(count_lines("calls", ""), RUNS_MAX + refused);
    aire__slurm_free(slurm);
}

/* A controller that is killed while its array runs; the next one takes the tasks up. */
static void test_slurm__tasks_of_an_array_are_taken_up(void **state)
{
    enum { COUNT = 6 };
    put("slow", "");
    pid_t pid = fork();
    if (pid == 0) {
        connect();
        run_all(COUNT);
        _exit(0);
    }
    for (int i = 0; i < 500 && count_lines("executions", "") < COUNT; i++)
        usleep(20000);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_int_equal(count_lines("executions", ""), COUNT);
    int calls = count_lines("calls", "");
    assert_true(count_lines("calls", "--array") > 0);
    connect();
    run_all(COUNT);
    assert_all_well(COUNT);
    assert_int_equal(count_lines("calls", ""), calls);
    aire__slurm_free(slurm);
}

/* sbatch outlives its controller, and submits its array when the next one has already begun. */
static void test_slurm__an_array_on_its_way_is_taken_up(void **state)
{
    enum { COUNT = 6 };
    pid_t pid = fork();
    if (pid == 0) {
        connect();
        run_all(COUNT);
        _exit(0);
    }
    for (int i = 0; i < 500 && count_lines("calls", "--array") == 0; i++)
        usleep(10000);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_true(count_lines("executions", "") < COUNT);
    connect();
    run_all(COUNT);
    assert_all_well(COUNT);
    assert_int_equal(count_submitted(), COUNT);
    aire__slurm_free(slurm);
}

/* Without its link it does not know what to do, whoever has the run by now. */
static void test_slurm__a_task_that_comes_too_late_does_nothing(void **state)
{
    enum { COUNT = 3 };
    static const char *const names[] = {"1", "2", "3"};
    char runs[COUNT][160], directory[128], array[32], command[400];
    const char *paths[COUNT];
    aire_slurm_place place;
    snprintf(directory, sizeof directory, "%s/shared/test", root);
    for (int i = 0; i < COUNT; i++) {
        snprintf(runs[i], sizeof runs[i], "%s/run-%s", directory, names[i]);
        paths[i] = runs[i];
        assert_int_equal(aire__fs_mkdirs(ctx, runs[i], 0700), AIRE_OK);
        snprintf(command, sizeof command, "shared/test/run-%s/job.json", names[i]);
        put(command, "{}");
    }
    assert_int_equal(aire__slurm_array_make(ctx, directory, paths, COUNT, array), AIRE_OK);
    aire__slurm_place_read(ctx, runs[1], &place);
    assert_string_equal(place.array, array);
    assert_int_equal(place.task, 1);
    aire__slurm_place_leave(ctx, directory, runs[1]);
    for (int i = 0; i < COUNT; i++) {
        snprintf(command, sizeof command, "%s/bin/aire-job %s/%s/%d", root, directory, array, i);
        assert_int_equal(system(command) == 0, i != 1);
        aire__slurm_directory_remove(ctx, directory, runs[i]);
    }
    assert_int_equal(count_lines("executions", "<2>"), 0);
    assert_int_equal(count_entries("shared/test", "array-"), 0);
}

/* ---- jobs that wait ---- */

static void test_slurm__a_job_that_can_never_begin_is_ended(void **state)
{
    put("reason", "BadConstraints");
    connect();
    run_all(1);
    assert_int_equal(runners[0].status, AIRE_SANDBOX); /* which is never the idea's fault */
    if (!strstr(runners[0].message, "job 1 can never begin: BadConstraints; ask for less"))
        fail_msg("%s", runners[0].message);
    assert_int_equal(count_lines("cancelled", "1"), 1);
    aire__try_clear(&runners[0].t);
    aire__slurm_free(slurm);
}

static void *begin_it(void *line)
{
    usleep(1500000); /* longer than one that can never begin is waited for */
    put("jobs/.1", line);
    char from[256];
    snprintf(from, sizeof from, "%s", at("jobs/.1"));
    rename(from, at("jobs/1"));
    usleep(200000);
    put("shared/test/run-1/.result",
        "{\"run\": 1, \"kind\": \"baseline\", \"outcome\": \"ok\","
        " \"stage\": \"evaluate\", \"trust\": \"evaluated\", \"reward\": 1}");
    snprintf(from, sizeof from, "%s", at("shared/test/run-1/.result"));
    rename(from, at("shared/test/run-1/result.json"));
    return NULL;
}

static atomic_int warnings;

static void count_warnings(int32_t level, const char *component, const char *message, void *part)
{
    if (level == AIRE_LOG_WARNING && strstr(message, part))
        atomic_fetch_add(&warnings, 1);
}

/* Somebody may release it. */
static void test_slurm__a_job_that_is_held_is_told_once_and_waited_for(void **state)
{
    static char line[] = "1|RUNNING|aire-test-1|None\n", part[] = "JobHeldUser";
    aire_ctx_options options = AIRE_CTX_OPTIONS_INIT;
    pthread_t thread;
    options.log = count_warnings;
    options.log_user_data = part;
    options.log_level = AIRE_LOG_WARNING;
    aire_env_unref(shop.env);
    assert_int_equal(aire_ctx_new(&options, &shop.ctx), AIRE_OK);
    assert_int_equal(aire_env_open(shop.ctx, at("env"), NULL, &shop.env), AIRE_OK);
    atomic_store(&warnings, 0);
    put("reason", part);
    connect();
    assert_int_equal(pthread_create(&thread, NULL, begin_it, line), 0);
    run_all(1);
    pthread_join(thread, NULL);
    assert_int_equal(runners[0].status, AIRE_OK);
    assert_int_equal(atomic_load(&warnings), 1);
    assert_int_equal(count_lines("cancelled", ""), 0);
    aire__try_clear(&runners[0].t);
    aire__slurm_free(slurm);
    aire_ctx_unref(shop.ctx); /* the environment has one, too */
    shop.ctx = ctx;
}

/* ---- what is left ---- */

static void make_run(int id, const char *file)
{
    char name[96];
    snprintf(name, sizeof name, "shared/test/run-%d", id);
    assert_int_equal(aire__fs_mkdirs(ctx, at(name), 0700), AIRE_OK);
    snprintf(name, sizeof name, "shared/test/run-%d/%s", id, file);
    put(name, "");
}

static bool has_run(int id)
{
    char name[96];
    snprintf(name, sizeof name, "shared/test/run-%d", id);
    return aire__fs_is_dir(at(name));
}

static void test_slurm__keeps_the_newest_failures(void **state)
{
    connect();
    for (int i = 1; i <= AIRE_SLURM_KEPT + 5; i++) {
        make_run(i, "slurm.out");
        usleep(2000); /* the clock of a file system is coarse */
        aire__slurm_failed(slurm, i);
    }
    for (int i = 1; i <= AIRE_SLURM_KEPT + 5; i++)
        assert_int_equal(has_run(i), i > 5);
    /* one that did not come so far has nothing to be read */
    aire__slurm_failed(slurm, 99);
    assert_false(has_run(99));
    /* and one that ended well after all is gone */
    aire__slurm_kept(slurm, 10);
    assert_false(has_run(10));
    aire__slurm_free(slurm);
}

static void test_slurm__sweeps_what_nobody_waits_for(void **state)
{
    const aire_run unfinished = {.id = 3};
    char target[256];
    connect();
    make_run(1, "result.json"); /* told, but its controller died before it could remove it */
    make_run(2, "failed");
    make_run(3, "result.json"); /* to be taken up */
    make_run(4, "job.json");    /* perhaps a job still has it */
    assert_int_equal(aire__fs_mkdirs(ctx, at("shared/test/array-abcdef"), 0700), AIRE_OK);
    snprintf(target, sizeof target, "%s", at("shared/test/array-abcdef/0"));
    assert_int_equal(symlink("../run-1", target), 0);
    assert_int_equal(aire__fs_mkdirs(ctx, at("shared/test/array-ghijkl"), 0700), AIRE_OK);
    snprintf(target, sizeof target, "%s", at("shared/test/array-ghijkl/0"));
    assert_int_equal(symlink("../run-3", target), 0);
    put("shared/test/run-3/job.array", "array-ghijkl 0\n");
    aire__slurm_sweep(slurm, &unfinished, 1);
    assert_false(has_run(1));
    assert_true(has_run(2) && has_run(3) && has_run(4));
    assert_false(aire__fs_is_dir(at("shared/test/array-abcdef")));
    assert_true(aire__fs_exists(at("shared/test/array-ghijkl/0")));
    aire__slurm_sweep(slurm, NULL, 0);
    assert_false(has_run(3));
    assert_int_equal(count_entries("shared/test", "array-"), 0);
    aire__slurm_free(slurm);
}

/* ---- an executor without a sandbox ---- */

static void test_slurm__an_executor_needs_no_sandbox_of_its_own(void **state)
{
    aire_executor_options options = AIRE_EXECUTOR_OPTIONS_INIT;
    aire_slurm_options cluster;
    aire_executor *executor;
    aire_result *result;
    double reward;
    aire_store *store = open_store(0);
    options.workers = 4;
    assert_int_equal(aire_executor_new(ctx, shop.env, NULL, store, &options, &executor),
                     AIRE_INVALID);
    assert_message("sandbox must not be NULL");
    assert_int_equal(aire_executor_new(ctx, shop.env, NULL, store, NULL, &executor), AIRE_INVALID);
    take_options(&cluster);
    options.slurm = &cluster;
    if (aire_executor_new(ctx, shop.env, NULL, store, &options, &executor) != AIRE_OK)
        fail_msg("%s", aire_error_message(aire_last_error()));
    assert_int_equal(aire_executor_submit(executor, NULL, NULL, NULL), AIRE_OK);
    assert_int_equal(aire_executor_next(executor, 60000, &result), AIRE_OK);
    assert_int_equal(aire_result_outcome(result), AIRE_OUTCOME_OK);
    assert_int_equal(aire_result_reward(result, &reward), AIRE_OK);
    assert_true(reward == 1);
    aire_result_unref(result);
    aire_executor_unref(executor);
    aire_store_unref(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slurm__reads_a_line_of_squeue),
        cmocka_unit_test(test_slurm__leaves_out_what_is_no_job),
        cmocka_unit_test(test_slurm__writes_numbers_as_slurm_does),
        cmocka_unit_test(test_slurm__reads_a_line_of_sacct),
        cmocka_unit_test(test_slurm__knows_what_passes),
        cmocka_unit_test(test_slurm__reads_a_field_of_scontrol),
        cmocka_unit_test(test_slurm__reads_numbers_of_devices),
        cmocka_unit_test_setup_teardown(test_slurm__says_what_the_cluster_said, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slurm__finds_tasks_of_arrays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slurm__asks_the_accounting_of_what_is_forgotten, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_slurm__believes_the_controller, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slurm__an_accounting_that_is_off_is_asked_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_slurm__an_accounting_that_is_not_there_is_asked_once,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_slurm__what_is_ready_goes_together, begin_cluster,
                                        end_cluster),
        cmocka_unit_test_setup_teardown(test_slurm__a_run_alone_is_no_array, begin_cluster,
                                        end_cluster),
        cmocka_unit_test_setup_teardown(test_slurm__an_array_that_is_refused_is_submitted_singly,
                                        begin_cluster, end_cluster),
        cmocka_unit_test_setup_teardown(test_slurm__arrays_become_as_small_as_the_cluster_wants,
                                        begin_cluster, end_cluster),
        cmocka_unit_test_setup_teardown(test_slurm__tasks_of_an_array_are_taken_up, begin_cluster,
                                        end_cluster),
        cmocka_unit_test_setup_teardown(test_slurm__an_array_on_its_way_is_taken_up, begin_cluster,
                                        end_cluster),
        cmocka_unit_test_setup_teardown(test_slurm__a_task_that_comes_too_late_does_nothing,
                                        begin_cluster, end_cluster),
        cmocka_unit_test_setup_teardown(test_slurm__a_job_that_can_never_begin_is_ended,
                                        begin_cluster, end_cluster),
        cmocka_unit_test_setup_teardown(test_slurm__a_job_that_is_held_is_told_once_and_waited_for,
                                        begin_cluster, end_cluster),
        cmocka_unit_test_setup_teardown(test_slurm__keeps_the_newest_failures, begin_cluster,
                                        end_cluster),
        cmocka_unit_test_setup_teardown(test_slurm__sweeps_what_nobody_waits_for, begin_cluster,
                                        end_cluster),
        cmocka_unit_test_setup_teardown(test_slurm__an_executor_needs_no_sandbox_of_its_own,
                                        begin_cluster, end_cluster),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
