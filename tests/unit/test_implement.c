/*
 * The Implementer on scripted models and a scripted sandbox: candidates, revisions, the check,
 * repairs, and what is kept of them.
 *
 * An answer makes work.txt hold a word; the sandbox does what the word says.
 */
#include "support/store.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>

#include "aire/completion.h"
#include "aire/confirm.h"
#include "aire/draft.h"
#include "aire/executor.h"
#include "executor/job.h"

static const char manifest[] =
    "{\"aire\": 1, \"name\": \"toy\", \"goal\": \"g\", \"files\": {\"editable\": [\"work.txt\"]},"
    " \"build\": {\"command\": [\"build\"]}, \"run\": {\"command\": [\"run\"]},"
    " \"smoke\": {\"command\": [\"smoke\"], \"budget\": {\"steps\": 2}},"
    " \"metric\": {\"name\": \"score\", \"direction\": \"maximize\", \"stage\": \"run\","
    "   \"trust\": \"self_reported\", \"pattern\": \"score=\"}}";

/* ---- the sandbox ---- */

static struct {
    atomic_int stages[3]; /* commands of build, smoke and run */
    atomic_int fail_setups;
    atomic_bool hold, waiting;
    int64_t wall_ms; /* that a run takes */
} fake;

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

static void put(const char *full, const char *text)
{
    FILE *file = fopen(full, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void read_word(const aire_command *command, char word[64])
{
    char full[512];
    snprintf(full, sizeof full, "%s/work.txt", host_path(command, "/workspace"));
    FILE *file = fopen(full, "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%63s", word), 1);
    fclose(file);
}

static const char *value_of(const aire_command *command, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; command->env[i]; i++)
        if (!strncmp(command->env[i], name, length) && command->env[i][length] == '=')
            return command->env[i] + length + 1;
    return NULL;
}

/* A directory in which nothing is yet is built for both. */
static void build_place(const aire_command *command, bool builds)
{
    char full[512];
    const char *workspace = host_path(command, "/workspace");
    assert_non_null(workspace);
    snprintf(full, sizeof full, "%s/checkpoints", workspace);
    if (builds)
        mkdir(full, 0755);
    assert_int_equal(access(full, F_OK), 0);
}

/* What a smoke run leaves behind is not there for the run. */
static void leave_something(const aire_command *command, bool smokes)
{
    char full[512];
    const char *workspace = host_path(command, "/workspace");
    assert_non_null(workspace);
    snprintf(full, sizeof full, "%s/left", workspace);
    assert_int_equal(access(full, F_OK), -1);
    if (smokes)
        put(full, "work that was done ahead");
    const char *out = host_path(command, "/out");
    assert_non_null(out);
    snprintf(full, sizeof full, "%s/left", out);
    assert_int_equal(access(full, F_OK), -1);
    if (smokes)
        put(full, "so was this");
}

static aire_status fake_sandbox(const aire_command *command, aire_cancel *cancel, aire_exit *ended,
                                void *unused)
{
    static const char *const bad[] = {"nobuild", "nosmoke", "crash"};
    char word[64], text[128];
    int stage = !strcmp(command->argv[0], "build") ? 0 : !strcmp(command->argv[0], "smoke") ? 1 : 2;
    if (atomic_load(&fake.fail_setups) > 0) {
        atomic_fetch_sub(&fake.fail_setups, 1);
        return aire_error_set(AIRE_SANDBOX, 0, "no namespaces today");
    }
    read_word(command, word);
    atomic_fetch_add(&fake.stages[stage], 1);
    ended->code = !strcmp(word, bad[stage]);
    ended->wall_ms = fake.wall_ms;
    snprintf(text, sizeof text, stage < 2 ? "work.txt:1:1: error: '%s' is no word\n" : "score=%s\n",
             word);
    put(command->log_path, text);
    assert_int_equal(value_of(command, "AIRE_SMOKE") != NULL, stage == 1);
    assert_int_equal(value_of(command, "AIRE_BUDGET_STEPS") != NULL, stage == 1);
    build_place(command, stage == 0);
    if (stage > 0)
        leave_something(command, stage == 1);
    while (stage == 2 && !strcmp(word, "9") && atomic_load(&fake.hold)) {
        if (aire_cancel_fired(cancel))
            return aire_error_set(AIRE_CANCELLED, 0, NULL);
        atomic_store(&fake.waiting, true);
        usleep(1000);
    }
    return AIRE_OK;
}

static int begin(void **state)
{
    static const aire_sandbox_ops ops = {sizeof ops, 0, fake_sandbox, NULL};
    char directory[256], full[300];
    memset(&fake, 0, sizeof fake);
    if (setup(state) != 0)
        return -1;
    snprintf(directory, sizeof directory, "%s", at("env"));
    assert_int_equal(aire__fs_mkdirs(ctx, directory, 0755), AIRE_OK);
    snprintf(full, sizeof full, "%s/aire.json", directory);
    put(full, manifest);
    snprintf(full, sizeof full, "%s/work.txt", directory);
    put(full, "5\n");
    if (aire_env_open(ctx, directory, NULL, &env) != AIRE_OK)
        fail_msg("%s", aire_error_message(aire_last_error()));
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

/* ---- models ---- */

#define PATCH(from, to)                                                                            \
    "```diff\n--- work.txt\n+++ work.txt\n@@ -1 +1 @@\n-" from "\n+" to "\n```\n"
#define GOOD(word) PATCH("5", word)
#define BAD PATCH("6", "7")

/* A model that plays lines; all are given in order. */
static aire_model *replay(const char *const *answers)
{
    char full[256], spec[300];
    aire_model *model;
    static int number;
    snprintf(full, sizeof full, "%s/answers-%d.jsonl", root, number++);
    FILE *file = fopen(full, "we");
    for (; *answers; answers++) {
        fputs("{\"answer\": \"", file);
        for (const char *c = *answers; *c; c++)
            if (*c == '\n')
                fputs("\\n", file);
            else
                fputc(*c, file);
        fputs("\"}\n", file);
    }
    fclose(file);
    snprintf(spec, sizeof spec, "replay:%s", full);
    if (aire_model_new(ctx, spec, NULL, &model) != AIRE_OK)
        fail_msg("%s", aire_error_message(aire_last_error()));
    return model;
}

/* A model of which one call answers, and the others wait to be cancelled. */
typedef struct race {
    atomic_int calls, cancelled;
    int winner; /* which call answers, from 1; 0: none */
} race;

static aire_status run_race(const aire_request *request, aire_cancel *cancel, aire_answer **out,
                            void *user_data)
{
    race *r = user_data;
    int call = atomic_fetch_add(&r->calls, 1) + 1;
    aire_answer_options options = AIRE_ANSWER_OPTIONS_INIT;
    for (int ms = 0; call != r->winner && ms < 10000; ms++) {
        if (aire_cancel_fired(cancel)) {
            atomic_fetch_add(&r->cancelled, 1);
            return aire_error_set(AIRE_CANCELLED, 0, NULL);
        }
        usleep(1000);
    }
    while (atomic_load(&r->calls) < 4) /* all are under way */
        usleep(1000);
    options.text = GOOD("8");
    options.input_tokens = 11;
    options.output_tokens = 3;
    options.cost = 0.25;
    return aire_answer_new(ctx, &options, out);
}

static aire_model *racing(race *r)
{
    static const aire_model_ops ops = {sizeof ops, 0, run_race, NULL};
    aire_model *model;
    assert_int_equal(aire_model_new_from_ops(ctx, "racing", &ops, r, &model), AIRE_OK);
    return model;
}

/* ---- runs ---- */

static aire_executor_options options;

static aire_executor *new_executor(aire_model *implementer)
{
    aire_executor *executor;
    options.struct_size = sizeof options;
    options.workers = options.workers ? options.workers : 1;
    options.implementer = implementer;
    if (aire_executor_new(ctx, env, sandbox, store, &options, &executor) != AIRE_OK)
        fail_msg("%s", aire_error_message(aire_last_error()));
    return executor;
}

static int64_t submit_idea(aire_executor *executor)
{
    aire_idea_options idea_options = AIRE_IDEA_OPTIONS_INIT;
    aire_idea *idea;
    int64_t run = 0;
    idea_options.text = "an idea";
    assert_int_equal(aire_idea_new(ctx, &idea_options, &idea), AIRE_OK);
    assert_int_equal(aire_executor_submit(executor, idea, NULL, &run), AIRE_OK);
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

/* The next result has this end, and (unless it is negative) this reward. */
static void expect(aire_executor *executor, int32_t outcome, int32_t cause, double reward)
{
    aire_result *result = next(executor);
    double value = -1;
    bool first;
    if (aire_result_outcome(result) != outcome || aire_result_cause(result) != cause)
        fail_msg("%s: %s: %s", aire_outcome_name(aire_result_outcome(result)),
                 aire_cause_name(aire_result_cause(result)), aire_result_detail(result));
    assert_int_equal(aire_result_reward(result, &value) == AIRE_OK, reward >= 0);
    assert_true(reward < 0 || value == reward);
    assert_int_equal(aire__store_tell(store, aire_result_run_id(result), NULL, &first), AIRE_OK);
    aire_result_unref(result);
}

/* An idea that a model implements, by its answers. */
static int64_t implement(const char *const *answers, int32_t outcome, int32_t cause, double reward)
{
    aire_model *model = replay(answers);
    aire_executor *executor = new_executor(model);
    int64_t run = submit_idea(executor);
    expect(executor, outcome, cause, reward);
    aire_executor_unref(executor);
    aire_model_unref(model);
    return run;
}

/* "KIND REPAIR.CANDIDATE.ROUND* CAUSE" of each draft, "*" for those that were chosen. */
static void expect_drafts(int64_t run, const char *expected)
{
    aire_drafts *drafts;
    char text[2000] = "";
    assert_int_equal(aire_store_drafts(store, run, &drafts), AIRE_OK);
    for (size_t i = 0; i < aire_drafts_count(drafts); i++) {
        const aire_draft *d = aire_drafts_get(drafts, i);
        assert_int_equal(d->number, i + 1);
        assert_int_equal(d->run_id, run);
        assert_int_equal(*d->patch != '\0', d->outcome == AIRE_OUTCOME_OK
                                                ? d->kind != AIRE_DRAFT_CHECK
                                                : *d->patch != '\0');
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s %d.%d.%d%s %s",
                 i ? ", " : "", aire_draft_kind_name(d->kind), (int)d->repair, (int)d->candidate,
                 (int)d->round, d->chosen ? "*" : "", aire_cause_name(d->cause));
    }
    assert_string_equal(text, expected);
    aire_drafts_unref(drafts);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- candidates ---- */

static void test_candidates__the_first_that_applies_goes_on(void **state)
{
    race r = {.winner = 3};
    aire_drafts *drafts;
    aire_model *model = racing(&r);
    options = (aire_executor_options){.candidates = 4};
    aire_executor *executor = new_executor(model);
    int64_t begun = now_ms(), run = submit_idea(executor);
    expect(executor, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 8);
    assert_in_range(now_ms() - begun, 0, 5000);
    assert_int_equal(atomic_load(&r.calls), 4);
    assert_int_equal(atomic_load(&r.cancelled), 3);
    aire_executor_unref(executor);
    aire_model_unref(model);
    int chosen = 0, overtaken = 0;
    assert_int_equal(aire_store_drafts(store, run, &drafts), AIRE_OK);
    assert_int_equal(aire_drafts_count(drafts), 4);
    for (size_t i = 0; i < 4; i++) {
        const aire_draft *d = aire_drafts_get(drafts, i);
        chosen += d->chosen;
        overtaken += d->cause == AIRE_CAUSE_OVERTAKEN;
        assert_int_equal(d->input_tokens, d->chosen ? 11 : 0);
        assert_true(d->chosen ? d->cost == 0.25 : d->cost < 0);
        assert_string_equal(d->model, "racing");
    }
    assert_int_equal(chosen, 1);
    assert_int_equal(overtaken, 3);
    aire_drafts_unref(drafts);
    /* those that were cancelled are told to the record of calls, too */
    assert_int_equal(scalar(store, "SELECT count(*) FROM model_calls WHERE purpose = 'patch'"), 4);
}

/* Where answers come at once the clock decides nothing. */
static void test_candidates__a_replay_has_one_winner(void **state)
{
    static const char *const second[] = {BAD, GOOD("7"), GOOD("8"), NULL};
    static const char *const revised[] = {BAD, "no patch", BAD, BAD, GOOD("6"), GOOD("4"), NULL};
    static const char *const none[] = {BAD, "no", BAD, BAD, BAD, BAD, BAD, BAD, BAD, NULL};
    options = (aire_executor_options){.candidates = 3};
    expect_drafts(implement(second, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 7),
                  "patch 0.0.0 patch context, patch 0.1.0* none, patch 0.2.0 none");
    expect_drafts(implement(revised, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 6),
                  "patch 0.0.0 patch context, patch 0.1.0 model answer, patch 0.2.0 patch context, "
                  "revision 0.0.1 patch context, revision 0.1.1* none, revision 0.2.1 none");
    int64_t run = implement(none, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_CONTEXT, -1);
    assert_int_equal(scalar(store, "SELECT count(*) FROM drafts WHERE run_id = 3"), 9);
    assert_int_equal(run, 3);
}

/* Who pays for each answer asks for the next one only when the one before came to nothing. */
static void test_candidates__may_wait_for_one_another(void **state)
{
    static const char *const second[] = {BAD, BAD, GOOD("7"), GOOD("8"), NULL};
    static const char *const third[] = {BAD, BAD, BAD, BAD, GOOD("6"), NULL};
    static const char *const first[] = {GOOD("9"), GOOD("4"), NULL};
    options = (aire_executor_options){.candidates = 3, .revisions = 1, .candidates_at_once = 1};
    expect_drafts(implement(second, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 7),
                  "patch 0.0.0 patch context, revision 0.0.1 patch context, patch 0.1.0* none");
    expect_drafts(implement(first, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 9), "patch 0.0.0* none");
    assert_int_equal(scalar(store, "SELECT count(*) FROM model_calls"), 3 + 1);
    options.candidates_at_once = 2;
    expect_drafts(implement(third, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 6),
                  "patch 0.0.0 patch context, patch 0.1.0 patch context, "
                  "revision 0.0.1 patch context, revision 0.1.1 patch context, patch 0.2.0* none");
    options.candidates_at_once = 5; /* more than there are */
    static const char *const all[] = {BAD, GOOD("3"), BAD, NULL};
    expect_drafts(implement(all, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 3),
                  "patch 0.0.0 patch context, patch 0.1.0* none, patch 0.2.0 patch context");
}

static void test_candidates__a_dead_model_ends_one_of_them(void **state)
{
    static const char *const one[] = {GOOD("7"), NULL};
    static const char *const none[] = {NULL};
    options = (aire_executor_options){.candidates = 2};
    expect_drafts(implement(one, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 7),
                  "patch 0.0.0* none, patch 0.1.0 model");
    expect_drafts(implement(none, AIRE_OUTCOME_MODEL_FAILED, AIRE_CAUSE_MODEL, -1),
                  "patch 0.0.0 model, patch 0.1.0 model");
}

/* Says nothing at first, as a model that was cut off while it thought; a conversation in which
 * somebody says nothing is refused, as providers do. */
static aire_status shy_model(const aire_request *request, aire_cancel *cancel, aire_answer **out,
                             void *unused)
{
    aire_answer_options said = AIRE_ANSWER_OPTIONS_INIT;
    for (size_t i = 0; i < request->message_count; i++)
        if (!request->messages[i].text[strspn(request->messages[i].text, " \n")])
            return aire_error_set(AIRE_INVALID, 400, "messages must have non-empty content");
    said.text = request->message_count == 1   ? ""
                : request->message_count == 3 ? " \n\n"
                                              : GOOD("7");
    return aire_answer_new(ctx, &said, out);
}

static void test_candidates__that_say_nothing_are_asked_again(void **state)
{
    static const aire_model_ops ops = {sizeof ops, 0, shy_model, NULL};
    aire_model *model;
    assert_int_equal(aire_model_new_from_ops(ctx, "shy", &ops, NULL, &model), AIRE_OK);
    options = (aire_executor_options){.candidates = 1};
    aire_executor *executor = new_executor(model);
    int64_t run = submit_idea(executor);
    expect(executor, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 7);
    expect_drafts(run,
                  "patch 0.0.0 model answer, revision 0.0.1 model answer, revision 0.0.2* none");
    aire_executor_unref(executor);
    aire_model_unref(model);
}

static aire_status quitting_model(const aire_request *request, aire_cancel *cancel,
                                  aire_answer **out, void *unused)
{
    return aire_error_set(AIRE_CANCELLED, 0, "I have quit");
}

/* A run is cancelled by the host alone, whatever a model says. */
static void test_candidates__do_not_cancel_their_run(void **state)
{
    static const aire_model_ops ops = {sizeof ops, 0, quitting_model, NULL};
    static const char *const good[] = {GOOD("7"), NULL};
    aire_model *model;
    assert_int_equal(aire_model_new_from_ops(ctx, "quitting", &ops, NULL, &model), AIRE_OK);
    options = (aire_executor_options){.candidates = 2};
    aire_executor *executor = new_executor(model);
    submit_idea(executor);
    expect(executor, AIRE_OUTCOME_MODEL_FAILED, AIRE_CAUSE_MODEL, -1);
    aire_executor_unref(executor);
    options = (aire_executor_options){.checker = model};
    implement(good, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 7);
    options.checker = NULL;
    aire_model_unref(model);
}

static void test_candidates__are_revised_as_often_as_is_wanted(void **state)
{
    static const char *const five[] = {BAD, BAD, BAD, BAD, GOOD("7"), NULL};
    options = (aire_executor_options){.revisions = -1};
    implement(five, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_CONTEXT, -1);
    options.revisions = 3;
    implement(five, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_CONTEXT, -1);
    options.revisions = 8;
    implement(five, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 7);
    assert_int_equal(scalar(store, "SELECT count(*) FROM drafts"), 1 + 4 + 5);
}

static void test_candidates__end_with_their_run(void **state)
{
    race r = {.winner = 0};
    aire_model *model = racing(&r);
    options = (aire_executor_options){.candidates = 4};
    aire_executor *executor = new_executor(model);
    int64_t run = submit_idea(executor);
    while (atomic_load(&r.calls) < 4)
        usleep(1000);
    int64_t begun = now_ms();
    assert_int_equal(aire_executor_cancel(executor, run), AIRE_OK);
    expect(executor, AIRE_OUTCOME_CANCELLED, AIRE_CAUSE_USER, -1);
    assert_in_range(now_ms() - begun, 0, 2000);
    assert_int_equal(atomic_load(&r.cancelled), 4);
    aire_executor_unref(executor);
    aire_model_unref(model);
    expect_drafts(run, "");
}

static void test_options__of_the_implementer_are_checked(void **state)
{
    static const aire_executor_options wrong[] = {
        {.candidates = -1}, {.candidates = 65}, {.revisions = -2},
        {.revisions = 9},   {.repairs = 9},     {.repair_seconds = -2},
        {.skip_smoke = 2},  {.forms = 8},       {.candidates_at_once = -1}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        aire_executor_options given = wrong[i];
        aire_executor *executor = NULL;
        given.struct_size = sizeof given;
        assert_int_equal(aire_executor_new(ctx, env, sandbox, store, &given, &executor),
                         AIRE_INVALID);
        assert_null(executor);
    }
}

/* ---- what was paid for ---- */

static void test_drafts__are_not_paid_for_again(void **state)
{
    static const char *const once[] = {BAD, GOOD("7"), NULL};
    options = (aire_executor_options){.candidates = 1};
    atomic_store(&fake.fail_setups, 2); /* two further tries begin with the patch that is there */
    expect_drafts(implement(once, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 7),
                  "patch 0.0.0 patch context, revision 0.0.1* none");
    assert_int_equal(scalar(store, "SELECT count(*) FROM model_calls"), 2);
}

/* The controller ends between the answer and the result. */
static void test_drafts__are_used_by_the_next_controller(void **state)
{
    static const char *const once[] = {BAD, GOOD("9"), NULL}, *const none[] = {NULL};
    aire_model *model = replay(once), *dead = replay(none);
    options = (aire_executor_options){.candidates = 1};
    atomic_store(&fake.hold, true);
    aire_executor *executor = new_executor(model);
    int64_t run = submit_idea(executor);
    while (!atomic_load(&fake.waiting))
        usleep(1000);
    aire_executor_unref(executor);
    aire_store_unref(store);
    store = open_store(0);
    atomic_store(&fake.hold, false);
    executor = new_executor(dead);
    expect(executor, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 9);
    expect_drafts(run, "patch 0.0.0 patch context, revision 0.0.1* none");
    aire_executor_unref(executor);
    aire_model_unref(model);
    aire_model_unref(dead);
}

/* A model with a purse: what it says when, and how many answers are left to be paid. */
typedef struct purse {
    atomic_int left, paid;
    const char *first, *then; /* answers of a conversation: to its first request, and to others */
} purse;

static aire_status buy(const aire_request *request, aire_cancel *cancel, aire_answer **out,
                       void *user_data)
{
    purse *p = user_data;
    aire_answer_options said = AIRE_ANSWER_OPTIONS_INIT;
    if (atomic_fetch_sub(&p->left, 1) <= 0)
        return aire_error_set(AIRE_LIMIT, 0, "the budget is used");
    atomic_fetch_add(&p->paid, 1);
    said.text = request->message_count == 1 ? p->first : p->then;
    return aire_answer_new(ctx, &said, out);
}

static aire_model *buying(purse *p)
{
    static const aire_model_ops ops = {sizeof ops, 0, buy, NULL};
    aire_model *model;
    assert_int_equal(aire_model_new_from_ops(ctx, "buying", &ops, p, &model), AIRE_OK);
    return model;
}

static void expect_waiting(aire_executor *executor, int64_t waiting)
{
    aire_result *none = NULL;
    aire_store_counts counts = {.struct_size = sizeof counts};
    assert_int_equal(aire_executor_next(executor, 20000, &none), AIRE_EMPTY);
    assert_int_equal(aire_executor_pending(executor), 0);
    assert_int_equal(aire_store_count(store, &counts), AIRE_OK);
    assert_int_equal(counts.runs_waiting, waiting);
}

/* That the budget is used is no end: with another one the run goes on with what it has. */
static void test_budget__puts_off_what_has_no_patch(void **state)
{
    purse p = {.left = 2, .first = BAD, .then = GOOD("7")};
    aire_model *model = buying(&p);
    options = (aire_executor_options){.candidates = 2, .candidates_at_once = 1};
    aire_executor *executor = new_executor(model);
    int64_t first = submit_idea(executor);
    expect(executor, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 7);
    int64_t second = submit_idea(executor);
    expect_waiting(executor, 1);
    aire_executor_unref(executor);
    p = (purse){.left = 1, .first = BAD, .then = GOOD("8")};
    executor = new_executor(model);
    expect_waiting(executor, 1);
    expect_drafts(second, "patch 0.0.0 patch context");
    aire_executor_unref(executor);
    atomic_store(&p.left, 1); /* the answer that was paid for is not asked for again */
    executor = new_executor(model);
    expect(executor, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 8);
    expect_waiting(executor, 0);
    expect_drafts(first, "patch 0.0.0 patch context, revision 0.0.1* none");
    expect_drafts(second, "patch 0.0.0 patch context, revision 0.0.1* none");
    assert_int_equal(p.paid, 2);
    assert_int_equal(scalar(store, "SELECT count(*) FROM events WHERE type = 'budget'"), 2);
    aire_executor_unref(executor);
    aire_model_unref(model);
}

static void test_budget__puts_off_what_its_checker_gave_back(void **state)
{
    static const char *const no[] = {"VERDICT: no", NULL}, *const yes[] = {"Yes.", NULL};
    purse p = {.left = 1, .first = GOOD("6"), .then = GOOD("9")};
    aire_model *model = buying(&p), *first = replay(no), *second = replay(yes);
    options = (aire_executor_options){.checker = first};
    aire_executor *executor = new_executor(model);
    int64_t run = submit_idea(executor);
    expect_waiting(executor, 1);
    aire_executor_unref(executor);
    atomic_store(&p.left, 1);
    options.checker = second;
    executor = new_executor(model);
    expect(executor, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 9);
    expect_drafts(run, "patch 0.0.0 none, check 0.0.0 not the idea, revision 0.0.1* none, "
                       "check 0.0.1 none");
    options.checker = NULL;
    aire_executor_unref(executor);
    aire_model_unref(model);
    aire_model_unref(first);
    aire_model_unref(second);
}

/* A budget for one request at a time, as one is that estimates too much. */
static aire_status ask_alone(const aire_request *request, aire_cancel *cancel, aire_answer **out,
                             void *user_data)
{
    purse *p = user_data;
    aire_answer_options said = AIRE_ANSWER_OPTIONS_INIT;
    if (atomic_fetch_sub(&p->left, 1) <= 0) {
        atomic_fetch_add(&p->left, 1);
        return aire_error_set(AIRE_LIMIT, 0, "the rest is in flight");
    }
    usleep(300000);
    said.text = atomic_fetch_add(&p->paid, 1) ? p->then : p->first;
    atomic_fetch_add(&p->left, 1);
    return aire_answer_new(ctx, &said, out);
}

static void test_budget__waits_for_what_is_in_flight(void **state)
{
    static const aire_model_ops ops = {sizeof ops, 0, ask_alone, NULL};
    purse p = {.left = 1, .first = GOOD("7"), .then = GOOD("8")};
    aire_model *model;
    assert_int_equal(aire_model_new_from_ops(ctx, "alone", &ops, &p, &model), AIRE_OK);
    options = (aire_executor_options){.workers = 2};
    aire_executor *executor = new_executor(model);
    submit_idea(executor);
    submit_idea(executor);
    expect(executor, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 7);
    expect(executor, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 8);
    expect_waiting(executor, 0);
    aire_executor_unref(executor);
    aire_model_unref(model);
}

/* What has been paid for is used: a patch that is there runs, and a failure that cannot be repaired
 * any more is the end. */
static void test_budget__ends_nothing_that_has_a_patch(void **state)
{
    purse p = {.left = 1, .first = GOOD("7"), .then = NULL};
    aire_model *model = buying(&p);
    options = (aire_executor_options){.candidates = 3};
    aire_executor *executor = new_executor(model);
    int64_t run = submit_idea(executor);
    expect(executor, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 7);
    p = (purse){.left = 1, .first = GOOD("nobuild")};
    options.candidates = 1;
    submit_idea(executor);
    expect(executor, AIRE_OUTCOME_BUILD_FAILED, AIRE_CAUSE_EXIT_CODE, -1);
    expect_waiting(executor, 0);
    assert_int_equal(scalar(store, "SELECT count(*) FROM drafts WHERE run_id = 1"), 1);
    assert_int_equal(run, 1);
    aire_executor_unref(executor);
    aire_model_unref(model);
}

/* ---- killed at every point ---- */

static const char *kill_point;
static int kill_countdown;

static void kill_here(const char *point, void *unused)
{
    if (kill_point && !strcmp(point, kill_point) && --kill_countdown == 0)
        kill(getpid(), SIGKILL);
}

/* Each call leaves a line: what was paid. The first answer of a conversation does not apply. */
static aire_status paid_model(const aire_request *request, aire_cancel *cancel, aire_answer **out,
                              void *file)
{
    aire_answer_options said = AIRE_ANSWER_OPTIONS_INIT;
    FILE *paid = fopen(file, "ae");
    if (!paid)
        return aire_error_set(AIRE_IO, 0, "no file");
    fputs("paid\n", paid);
    fclose(paid);
    said.text = request->message_count == 1 ? BAD : GOOD("7");
    return aire_answer_new(ctx, &said, out);
}

/* A whole search of one idea, which can be killed anywhere and simply run again. */
static int controller(void)
{
    static const aire_model_ops ops = {sizeof ops, 0, paid_model, NULL};
    aire_idea_options idea_options = AIRE_IDEA_OPTIONS_INIT;
    aire_executor_options given = {.struct_size = sizeof given, .workers = 1};
    aire_executor *executor = NULL;
    aire_idea *idea = NULL;
    aire_result *result = NULL;
    aire_store_counts counts = {.struct_size = sizeof counts};
    char file[300];
    snprintf(file, sizeof file, "%s/paid", root);
    idea_options.text = "an idea";
    aire_status status = aire__store_open(ctx, path, NULL, kill_here, NULL, &store);
    if (status == AIRE_OK)
        status = aire_model_new_from_ops(ctx, "paid", &ops, file, &given.implementer);
    if (status == AIRE_OK)
        status = aire_executor_new(ctx, env, sandbox, store, &given, &executor);
    if (status == AIRE_OK)
        status = aire_store_count(store, &counts);
    if (status == AIRE_OK)
        status = aire_idea_new(ctx, &idea_options, &idea);
    if (status == AIRE_OK && counts.ideas == 0)
        status = aire_executor_submit(executor, idea, NULL, NULL);
    if (status == AIRE_OK)
        status = aire_executor_next(executor, 20000, &result);
    int code = status != AIRE_OK ? 1 : aire_result_outcome(result) != AIRE_OUTCOME_OK ? 2 : 0;
    _exit(code); /* all that counts is in the store */
}

static int run_controller(void)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        controller();
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static int count_paid(void)
{
    int lines = 0;
    FILE *paid = fopen(at("paid"), "re");
    for (int c; paid && (c = fgetc(paid)) != EOF;)
        lines += c == '\n';
    if (paid)
        fclose(paid);
    return lines;
}

static void test_drafts__survive_every_kill(void **state)
{
    static const struct {
        const char *point;
        int lost; /* answers that were paid for and are not kept */
    } rows[] = {{"draft.before", 1}, {"draft.commit", 1},  {"draft.after", 0},
                {"begin.after", 0},  {"finish.before", 0}, {"finish.commit", 0}};
    aire_store_unref(store);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int nth = 1; nth <= 3; nth++) {
            unlink(path);
            unlink(at("s.db-wal"));
            unlink(at("s.db-shm"));
            unlink(at("paid"));
            kill_point = rows[i].point;
            kill_countdown = nth;
            int killed = WIFSIGNALED(run_controller());
            kill_point = NULL;
            /* answers are the first two drafts that are written, to choose is the third */
            int lost = killed && nth <= 2 ? rows[i].lost : 0;
            assert_true(killed || rows[i].point[0] != 'd');
            assert_int_equal(run_controller(), 0);
            store = open_store(0);
            assert_int_equal(scalar(store, "SELECT count(*) FROM drafts"), 2);
            assert_int_equal(scalar(store, "SELECT sum(chosen) FROM drafts"), 1);
            assert_int_equal(scalar(store, "SELECT count(*) FROM results WHERE outcome = 0"), 1);
            assert_int_equal(count_paid(), 2 + lost);
            aire_store_unref(store);
        }
    store = open_store(0);
}

/* What confirms an idea runs the patch that its run had, and asks for no other. */
static void test_drafts__are_confirmed_as_they_are(void **state)
{
    static const char *const once[] = {GOOD("7"), NULL};
    static const uint64_t seeds[] = {21};
    aire_model *model = replay(once);
    options = (aire_executor_options){.candidates = 1};
    aire_executor *executor = new_executor(model);
    submit_idea(executor);
    aire_result *result = next(executor);
    assert_int_equal(aire_executor_confirm(executor, aire_result_idea(result), seeds, 1), AIRE_OK);
    aire_result_unref(result);
    expect(executor, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 5);
    expect(executor, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 7);
    aire_executor_unref(executor);
    aire_model_unref(model);
}

/* ---- the check ---- */

static int64_t checked(const char *const *answers, const char *const *verdicts, int32_t outcome,
                       int32_t cause, double reward)
{
    aire_model *checker = replay(verdicts);
    options = (aire_executor_options){.checker = checker};
    int64_t run = implement(answers, outcome, cause, reward);
    options.checker = NULL;
    aire_model_unref(checker);
    return run;
}

static void test_check__gives_a_patch_back_once(void **state)
{
    static const char *const two[] = {GOOD("7"), GOOD("8"), NULL};
    static const char *const three[] = {GOOD("1"), GOOD("2"), GOOD("3"), NULL};
    static const char *const broken[] = {GOOD("4"), BAD, NULL};
    static const char *const yes[] = {"VERDICT: yes\\nIt is.", NULL};
    static const char *const better[] = {"**Verdict:** no. It is too small.", "Yes.", NULL};
    static const char *const never[] = {"VERDICT: no\\nWrong.", "VERDICT: no\\nStill wrong.", NULL};
    static const char *const vague[] = {"Hard to say.", NULL};
    expect_drafts(checked(two, yes, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 7),
                  "patch 0.0.0* none, check 0.0.0 none");
    expect_drafts(checked(two, better, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 8),
                  "patch 0.0.0 none, check 0.0.0 not the idea, revision 0.0.1* none, "
                  "check 0.0.1 none");
    expect_drafts(checked(three, never, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_NOT_THE_IDEA, -1),
                  "patch 0.0.0 none, check 0.0.0 not the idea, revision 0.0.1 none, "
                  "check 0.0.1 not the idea");
    expect_drafts(checked(broken, never, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_CONTEXT, -1),
                  "patch 0.0.0 none, check 0.0.0 not the idea, revision 0.0.1 patch context");
    static const char *const six[] = {GOOD("6"), NULL}, *const dead[] = {NULL};
    expect_drafts(checked(six, vague, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 6),
                  "patch 0.0.0* none, check 0.0.0 none");
    static const char *const ten[] = {GOOD("10"), NULL};
    expect_drafts(checked(ten, dead, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 10), "patch 0.0.0* none");
}

/* ---- repairs ---- */

static void expect_sent(int64_t run, size_t index, const char *part)
{
    aire_drafts *drafts;
    assert_int_equal(aire_store_drafts(store, run, &drafts), AIRE_OK);
    const aire_draft *d = aire_drafts_get(drafts, index);
    assert_non_null(d);
    if (!strstr(d->sent, part))
        fail_msg("\"%s\" is not in \"%s\"", part, d->sent);
    aire_drafts_unref(drafts);
}

static void test_repair__what_does_not_build_goes_back(void **state)
{
    static const char *const once[] = {GOOD("nobuild"), GOOD("7"), NULL};
    static const char *const refused[] = {GOOD("nobuild"), BAD, GOOD("8"), NULL};
    static const char *const twice[] = {GOOD("nobuild"), GOOD("crash"), GOOD("6"), NULL};
    options = (aire_executor_options){.candidates = 1};
    int64_t run = implement(once, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 7);
    expect_drafts(run, "patch 0.0.0* exit code, repair 1.0.0* none");
    expect_sent(run, 0, "");
    expect_sent(run, 1, "the build stage ended with exit code 1");
    expect_sent(run, 1, "work.txt:1:1: error: 'nobuild' is no word\n");
    expect_drafts(implement(refused, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 8),
                  "patch 0.0.0* exit code, repair 1.0.0 patch context, revision 1.0.1* none");
    options.repairs = 2;
    expect_drafts(implement(twice, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 6),
                  "patch 0.0.0* exit code, repair 1.0.0* exit code, repair 2.0.0* none");
    assert_int_equal(scalar(store, "SELECT count(*) FROM model_calls WHERE purpose = 'repair'"), 4);
    /* the request has the patch, the files as it left them, and the lines of the log */
    assert_int_equal(scalar(store, "SELECT count(*) FROM model_calls WHERE purpose = 'repair'"
                                   " AND request LIKE '%+nobuild%' AND request LIKE"
                                   " '%1| nobuild%' AND request LIKE '%is no word%'"),
                     3);
}

static void test_repair__is_given_up_in_time(void **state)
{
    static const char *const two[] = {GOOD("nobuild"), GOOD("crash"), NULL};
    static const char *const same[] = {GOOD("nosmoke"), GOOD("nosmoke"), NULL};
    static const char *const dead[] = {GOOD("crash"), NULL};
    static const char *const never[] = {GOOD("nobuild"), NULL};
    options = (aire_executor_options){.candidates = 1};
    implement(two, AIRE_OUTCOME_CRASHED, AIRE_CAUSE_EXIT_CODE, -1);
    int64_t run = implement(same, AIRE_OUTCOME_CRASHED, AIRE_CAUSE_EXIT_CODE, -1);
    expect_drafts(run, "patch 0.0.0* exit code, repair 1.0.0 none"); /* nothing new to be run */
    /* the run before had the same files: nothing is run, and nothing repaired */
    expect_drafts(implement(dead, AIRE_OUTCOME_NO_CHANGE, AIRE_CAUSE_SAME_AS_EARLIER, -1),
                  "patch 0.0.0* none");
    options.repairs = -1;
    expect_drafts(implement(never, AIRE_OUTCOME_BUILD_FAILED, AIRE_CAUSE_EXIT_CODE, -1),
                  "patch 0.0.0* none");
}

static void test_repair__is_for_what_falls_over_at_once(void **state)
{
    static const char *const two[] = {GOOD("crash"), GOOD("7"), NULL};
    options = (aire_executor_options){.repair_seconds = 3};
    fake.wall_ms = 3001;
    expect_drafts(implement(two, AIRE_OUTCOME_CRASHED, AIRE_CAUSE_EXIT_CODE, -1),
                  "patch 0.0.0* none");
    aire_store_unref(store);
    unlink(path);
    store = open_store(0);
    fake.wall_ms = 3000;
    expect_drafts(implement(two, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 7),
                  "patch 0.0.0* exit code, repair 1.0.0* none");
    aire_store_unref(store);
    unlink(path);
    store = open_store(0);
    options.repair_seconds = -1;
    fake.wall_ms = 0;
    expect_drafts(implement(two, AIRE_OUTCOME_CRASHED, AIRE_CAUSE_EXIT_CODE, -1),
                  "patch 0.0.0* none");
}

/* Killed while the repaired code runs: all that was answered is there. */
static void test_repair__is_not_paid_for_again(void **state)
{
    static const char *const once[] = {GOOD("nobuild"), GOOD("9"), NULL}, *const none[] = {NULL};
    aire_model *model = replay(once), *dead = replay(none);
    options = (aire_executor_options){.candidates = 1};
    atomic_store(&fake.hold, true);
    aire_executor *executor = new_executor(model);
    int64_t run = submit_idea(executor);
    while (!atomic_load(&fake.waiting))
        usleep(1000);
    aire_executor_unref(executor);
    atomic_store(&fake.hold, false);
    executor = new_executor(dead);
    expect(executor, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 9);
    expect_drafts(run, "patch 0.0.0* exit code, repair 1.0.0* none");
    aire_executor_unref(executor);
    aire_model_unref(model);
    aire_model_unref(dead);
}

/* ---- the smoke run ---- */

static void test_smoke__comes_before_the_run(void **state)
{
    static const char *const bad[] = {GOOD("nosmoke"), NULL}, *const good[] = {GOOD("7"), NULL};
    bool first;
    options = (aire_executor_options){.repairs = -1};
    aire_model *model = replay(bad);
    aire_executor *executor = new_executor(model);
    submit_idea(executor);
    aire_result *result = next(executor);
    assert_int_equal(aire_result_outcome(result), AIRE_OUTCOME_CRASHED);
    assert_int_equal(aire_result_stage(result), AIRE_STAGE_SMOKE);
    assert_int_equal(aire_result_usage_count(result), 2);
    assert_string_equal(aire_stage_name(AIRE_STAGE_SMOKE), "smoke");
    assert_int_equal(aire__store_tell(store, aire_result_run_id(result), NULL, &first), AIRE_OK);
    aire_result_unref(result);
    aire_executor_unref(executor);
    aire_model_unref(model);
    assert_int_equal(atomic_load(&fake.stages[2]), 0); /* no run was spent */
    implement(good, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 7);
    assert_int_equal(atomic_load(&fake.stages[1]), 2);
    assert_int_equal(atomic_load(&fake.stages[2]), 1);
    options.skip_smoke = 1;
    static const char *const other[] = {GOOD("8"), NULL};
    implement(other, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 8);
    assert_int_equal(atomic_load(&fake.stages[1]), 2);
}

static void test_smoke__failures_are_repaired(void **state)
{
    static const char *const two[] = {GOOD("nosmoke"), GOOD("7"), NULL};
    options = (aire_executor_options){.candidates = 1};
    expect_drafts(implement(two, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 7),
                  "patch 0.0.0* exit code, repair 1.0.0* none");
    assert_int_equal(atomic_load(&fake.stages[2]), 1);
}

/* ---- completion ---- */

static void test_completion__is_counted_by_model_kind_and_cause(void **state)
{
    static const char *const good[] = {GOOD("7"), NULL}, *const bad[] = {BAD, BAD, BAD, NULL};
    static const char *const crash[] = {GOOD("crash"), NULL}, *const words[] = {GOOD("8 x"), NULL};
    aire_completions *rows = NULL;
    assert_int_equal(aire_store_completion(store, &rows), AIRE_OK);
    assert_int_equal(aire_completions_count(rows), 0);
    assert_null(aire_completions_get(rows, 0));
    aire_completions_unref(rows);
    options = (aire_executor_options){.repairs = -1};
    implement(good, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 7);
    implement(bad, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_CONTEXT, -1);
    implement(bad, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_CONTEXT, -1);
    implement(crash, AIRE_OUTCOME_CRASHED, AIRE_CAUSE_EXIT_CODE, -1);
    implement(words, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 8);
    assert_int_equal(aire_store_completion(store, &rows), AIRE_OK);
    int64_t runs = 0, drafts = 0;
    int turned = 0, failed = 0;
    for (size_t i = 0; i < aire_completions_count(rows); i++) {
        const aire_completion *row = aire_completions_get(rows, i);
        assert_memory_equal(row->model, "replay:", 7);
        runs += row->runs;
        drafts += row->drafts;
        turned += row->kind == AIRE_IDEA_HYPERPARAMETER;
        failed += row->cause == AIRE_CAUSE_PATCH_CONTEXT && row->kind == 0;
    }
    assert_int_equal(runs, 5);
    assert_int_equal(drafts, 1 + 3 + 3 + 1 + 1);
    assert_int_equal(turned, 1); /* 5 -> 7 */
    assert_int_equal(failed, 2); /* by two models */
    aire_completions_unref(aire_completions_ref(rows));
    aire_completions_unref(rows);
    assert_int_equal(aire_outcome_completes(AIRE_OUTCOME_OK), 1);
    assert_int_equal(aire_outcome_completes(AIRE_OUTCOME_BUILD_FAILED), 0);
    assert_int_equal(aire_outcome_completes(AIRE_OUTCOME_INFRA_FAILED), -1);
    assert_int_equal(aire_store_completion(NULL, &rows), AIRE_INVALID);
    assert_int_equal(aire_store_drafts(store, 0, (aire_drafts **)&rows), AIRE_INVALID);
}

/* Answers once, under another name than it is asked by, and is dead then. */
static aire_status dying_model(const aire_request *request, aire_cancel *cancel, aire_answer **out,
                               void *unused)
{
    aire_answer_options said = AIRE_ANSWER_OPTIONS_INIT;
    if (request->message_count > 1)
        return aire_error_set(AIRE_NET, 0, "nobody there");
    said.text = BAD;
    said.model = "member";
    return aire_answer_new(ctx, &said, out);
}

/* It is no idea's fault that a model cannot be asked; and who answered wrote the patch. */
static void test_completion__says_nothing_of_ideas_where_the_model_is_dead(void **state)
{
    static const aire_model_ops ops = {sizeof ops, 0, dying_model, NULL};
    aire_completions *rows = NULL;
    aire_model *model;
    assert_int_equal(aire_model_new_from_ops(ctx, "ensemble", &ops, NULL, &model), AIRE_OK);
    options = (aire_executor_options){.candidates = 1};
    aire_executor *executor = new_executor(model);
    submit_idea(executor);
    expect(executor, AIRE_OUTCOME_MODEL_FAILED, AIRE_CAUSE_MODEL, -1);
    assert_int_equal(aire_store_completion(store, &rows), AIRE_OK);
    assert_int_equal(aire_completions_count(rows), 1);
    const aire_completion *row = aire_completions_get(rows, 0);
    assert_string_equal(row->model, "member");
    assert_int_equal(row->drafts, 2);
    assert_int_equal(aire_completion_completes(row), -1);
    aire_completion refused = *row;
    refused.cause = AIRE_CAUSE_MODEL_ANSWER;
    assert_int_equal(aire_completion_completes(&refused), 0);
    aire_completions_unref(rows);
    aire_executor_unref(executor);
    aire_model_unref(model);
}

static aire_status read_all(aire_completions **rows)
{
    aire_drafts *drafts = NULL;
    aire_status status = aire_store_drafts(store, 1, &drafts);
    aire_drafts_unref(drafts);
    return status == AIRE_OK ? aire_store_completion(store, rows) : status;
}

static void test_completion__fails_cleanly_without_memory(void **state)
{
    static const char *const good[] = {BAD, GOOD("7"), NULL};
    aire_completions *rows = NULL;
    options = (aire_executor_options){.candidates = 1};
    implement(good, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, 7);
    OOM_LOOP(&memory, read_all(&rows), aire_completions_unref(rows));
}

/* ---- without memory ---- */

/* A model as replay() makes it; making it is not what is tried. */
static aire_model *make_model(const char *const *answers)
{
    long long left = atomic_load(&memory.countdown);
    atomic_store(&memory.countdown, -1);
    aire_model *model = replay(answers);
    atomic_store(&memory.countdown, left);
    return model;
}

/* Two candidates are refused, both revisions apply, the first is not the idea, the next one is. */
static aire_status have_patch(aire_workshop *shop)
{
    static const char *const written[] = {BAD, BAD, GOOD("7"), GOOD("8"), GOOD("9"), NULL};
    static const char *const checked[] = {"VERDICT: no", "Yes.", NULL};
    aire_idea_options idea_options = AIRE_IDEA_OPTIONS_INIT;
    aire_run run = {.id = 1, .kind = AIRE_RUN_IDEA, .seed = 3};
    aire_try t = {.shop = shop, .run = &run, .attempt = 1};
    idea_options.text = "an idea";
    shop->implementer = make_model(written);
    shop->checker = make_model(checked);
    aire_status status = aire_idea_new(ctx, &idea_options, &run.idea);
    if (status == AIRE_OK)
        status = aire__implement(&t);
    if (status == AIRE_OK) {
        assert_int_equal(t.ending.outcome, AIRE_OUTCOME_OK);
        assert_string_equal(t.patched.edits[0].data, "9\n");
    }
    aire__try_clear(&t);
    aire_idea_unref(run.idea);
    aire_model_unref(shop->implementer);
    aire_model_unref(shop->checker);
    return status;
}

static void test_implement__fails_cleanly_without_memory(void **state)
{
    aire_workshop shop = {
        .ctx = ctx,
        .env = env,
        .how = {.candidates = 2, .at_once = 2, .revisions = 2, .forms = AIRE_FORM_UNIFIED}};
    assert_int_equal(aire__workshop_sources(&shop), AIRE_OK);
    OOM_LOOP(&memory, have_patch(&shop), (void)0);
    aire_free(ctx, shop.sources);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_candidates__the_first_that_applies_goes_on),
        TEST(test_candidates__a_replay_has_one_winner),
        TEST(test_candidates__may_wait_for_one_another),
        TEST(test_candidates__a_dead_model_ends_one_of_them),
        TEST(test_candidates__that_say_nothing_are_asked_again),
        TEST(test_candidates__do_not_cancel_their_run),
        TEST(test_candidates__are_revised_as_often_as_is_wanted),
        TEST(test_candidates__end_with_their_run),
        TEST(test_options__of_the_implementer_are_checked),
        TEST(test_drafts__are_not_paid_for_again),
        TEST(test_drafts__are_used_by_the_next_controller),
        TEST(test_budget__puts_off_what_has_no_patch),
        TEST(test_budget__puts_off_what_its_checker_gave_back),
        TEST(test_budget__waits_for_what_is_in_flight),
        TEST(test_budget__ends_nothing_that_has_a_patch),
        TEST(test_drafts__survive_every_kill),
        TEST(test_drafts__are_confirmed_as_they_are),
        TEST(test_check__gives_a_patch_back_once),
        TEST(test_repair__what_does_not_build_goes_back),
        TEST(test_repair__is_given_up_in_time),
        TEST(test_repair__is_for_what_falls_over_at_once),
        TEST(test_repair__is_not_paid_for_again),
        TEST(test_smoke__comes_before_the_run),
        TEST(test_smoke__failures_are_repaired),
        TEST(test_implement__fails_cleanly_without_memory),
        TEST(test_completion__is_counted_by_model_kind_and_cause),
        TEST(test_completion__says_nothing_of_ideas_where_the_model_is_dead),
        TEST(test_completion__fails_cleanly_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
