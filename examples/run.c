/*
 * aire-run: one idea from words to reward, showing each stage, to debug an environment with.
 *
 * The executor does all the work, as in a search; this program shows what goes in and out: requests
 * to the model and its answers, the patch as it was placed or why it was refused, what the stages
 * write, and the result. Only the public headers are used.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "run.h"

static tool_option options[] = {
    {"idea", "TEXT", "the idea in words; without it: the unpatched environment", NULL, false},
    {"changes", "TEXT", "what to change in the code, in words", NULL, false},
    {"patch", "FILE", "the patch, in any form that a model may answer with; - is the input", NULL,
     false},
    {"model", "SPEC",
     "writes the patch, such as anthropic:claude-sonnet-4-5, chat:MODEL@URL, replay:FILE", NULL,
     false},
    {"seed", "N", "seed of the run; 0: the manifest's", "0", true},
    {"baseline", NULL, "run the unpatched environment on the same seed first, and compare", NULL,
     false},
    {"store", "FILE", "keep everything in this store, also of a search; else it is thrown away",
     NULL, false},
    {"keep", NULL, "keep the directories of the run, and say where they are", NULL, false},
    {"templates", "DIR", "prompts that replace the built-in ones", NULL, false},
    {"worker", "PATH", "the program aire-worker, where libaire is not installed", NULL, false},
    {"log", "LEVEL", "0 nothing, 1 errors, 2 warnings, 3 information, 4 everything", "2", true},
    {NULL, NULL, NULL, NULL, false},
};

static const char usage[] =
    "aire-run: one idea from words to reward, showing each stage.\n"
    "\n"
    "usage: aire-run DIR --idea TEXT --model SPEC [options]     a model writes the patch\n"
    "       aire-run DIR --idea TEXT --patch FILE [options]     the patch is there\n"
    "       aire-run DIR [options]                              the unpatched environment\n";

static const char notes[] = "\n"
                            "exit codes: 0 there is a reward; 1 something else went wrong; 2 wrong "
                            "usage; 3 no environment, or a\n"
                            "            mistake in its manifest; 4 no patch, or one that is "
                            "refused or changes nothing; 5 the build\n"
                            "            failed; 6 the run crashed or met a limit; 7 there is no "
                            "metric that counts; 130 interrupted\n";

/* Everything that a run is made of. */
typedef struct one_run {
    const tool *t;
    aire_ctx *ctx;
    aire_env *env;
    aire_store *store;
    aire_sandbox *sandbox;
    aire_model *model; /* nullable */
    aire_executor *executor;
    aire_idea *idea; /* NULL: the unpatched environment */
    run_logs logs;
    char directory[TOOL_PATH]; /* "" if --store names the place */
} one_run;

/* ---- what goes in ---- */

enum { PATCH_MAX = 64 << 20 };

/* All of it; NULL with errno if that cannot be had. */
static char *read_stream(FILE *file, size_t *length)
{
    char *text = NULL, chunk[1 << 16];
    FILE *to = open_memstream(&text, length);
    size_t total = 0;
    for (size_t n; to && total <= PATCH_MAX && (n = fread(chunk, 1, sizeof chunk, file)) > 0;)
        total += fwrite(chunk, 1, n, to);
    int error = !to ? errno : ferror(file) ? errno : total > PATCH_MAX ? EFBIG : 0;
    if (to && fclose(to) != 0)
        error = errno;
    if (!error)
        return text;
    free(text);
    errno = error;
    return NULL;
}

static aire_status cannot_read(const char *path)
{
    char message[TOOL_PATH + 64];
    int error = errno;
    snprintf(message, sizeof message, "cannot read '%s': %s", path, strerror(error));
    return aire_error_set(AIRE_IO, error, message);
}

static aire_status read_patch(one_run *r, const char *path, aire_patch **out)
{
    bool is_input = !strcmp(path, "-");
    FILE *file = is_input ? stdin : fopen(path, "re");
    size_t length = 0;
    char *text = file ? read_stream(file, &length) : NULL;
    aire_status status = text ? AIRE_OK : cannot_read(path);
    if (file && !is_input)
        fclose(file);
    if (status != AIRE_OK)
        return status;
    tool_heading("the patch, as it was given");
    tool_print(text);
    status = aire_patch_new(r->ctx, AIRE_PATCH_ANSWER, text, length, out);
    free(text);
    return status;
}

static aire_status make_idea(one_run *r)
{
    aire_idea_options given = AIRE_IDEA_OPTIONS_INIT;
    const char *text = tool_text(r->t, "idea"), *patch = tool_text(r->t, "patch");
    aire_status status = AIRE_OK;
    if (!text && !patch)
        return AIRE_OK;
    given.text = text ? text : "a patch without words";
    given.changes = tool_text(r->t, "changes");
    given.origin = "aire-run";
    tool_heading("the idea");
    tool_print(given.text);
    if (given.changes)
        tool_print(given.changes);
    if (patch)
        status = read_patch(r, patch, &given.patch);
    if (status == AIRE_OK)
        status = aire_idea_new(r->ctx, &given, &r->idea);
    aire_patch_unref(given.patch);
    return status;
}

static aire_status make_model(one_run *r)
{
    const char *spec = tool_text(r->t, "model");
    aire_model *plain = NULL;
    if (!spec)
        return AIRE_OK;
    aire_status status = tool_make_model(r->ctx, spec, &plain);
    if (status == AIRE_OK)
        status = run_model_new(r->ctx, plain, &r->model);
    aire_model_unref(plain);
    return status;
}

static aire_status open_store(one_run *r)
{
    char path[TOOL_PATH + 16];
    const char *given = tool_text(r->t, "store");
    if (!given && !tool_make_directory(r->t, r->directory))
        return aire_error_set(AIRE_IO, errno, "there is no place for a store");
    snprintf(path, sizeof path, "%s/run.aire", r->directory);
    return aire_store_open(r->ctx, given ? given : path, NULL, &r->store);
}

/* The stages as they begin, for whoever waits. */
static void show_progress(const aire_progress *progress, void *user_data)
{
    if (progress->event == AIRE_PROGRESS_STAGE)
        fprintf(stderr, "run %lld: %s ...\n", (long long)progress->run_id,
                aire_stage_name(progress->stage));
}

static aire_status make_executor(one_run *r)
{
    aire_executor_options given = AIRE_EXECUTOR_OPTIONS_INIT;
    given.workers = 1;
    given.implementer = r->model;
    given.progress = show_progress;
    given.keep_workspaces = tool_text(r->t, "keep") != NULL;
    given.output = run_logs_take;
    given.output_user_data = &r->logs;
    given.template_dir = tool_text(r->t, "templates");
    aire_status status = tool_make_sandbox(r->t, r->ctx, &r->sandbox);
    if (status == AIRE_OK)
        status = aire_executor_new(r->ctx, r->env, r->sandbox, r->store, &given, &r->executor);
    if (status == AIRE_OK) /* the store is known to be of this environment */
        status = aire_store_set_note(r->store, METRIC_NOTE, aire_env_metric(r->env));
    return status;
}

/* ---- the run ---- */

/* The result of a run; others that the store has left are passed over. */
static aire_status wait_for(one_run *r, int64_t run_id, aire_result **out)
{
    for (;;) {
        aire_status status = tool_next(r->executor, out);
        if (status == AIRE_TIMEOUT)
            continue;
        if (status != AIRE_OK || aire_result_run_id(*out) == run_id)
            return status;
        aire_result_unref(*out);
        *out = NULL;
    }
}

static aire_status run_one(one_run *r, aire_idea *idea, aire_result **out)
{
    aire_submit_options given = AIRE_SUBMIT_OPTIONS_INIT;
    int64_t run_id = 0;
    given.seed = (uint64_t)tool_number(r->t, "seed");
    aire_status status = aire_executor_submit(r->executor, idea, &given, &run_id);
    if (status == AIRE_OK)
        status = wait_for(r, run_id, out);
    /* What is in the store already is not run again: its result is read. */
    if (status == AIRE_EMPTY) {
        aire_store_query query = AIRE_STORE_QUERY_INIT;
        aire_results *results = NULL;
        query.run_id = run_id;
        status = aire_store_results(r->store, &query, &results);
        if (status == AIRE_OK)
            *out = aire_result_ref(aire_results_get(results, 0));
        aire_results_unref(results);
    }
    return status == AIRE_OK && !*out ? aire_error_set(AIRE_INTERNAL, 0, "the run has no result")
                                      : status;
}

static void compare(const aire_result *baseline, const aire_result *result)
{
    double before, after;
    tool_heading("against the baseline on the same seed");
    if (aire_result_reward(baseline, &before) != AIRE_OK)
        printf("the baseline has no reward: %s at %s\n",
               aire_outcome_name(aire_result_outcome(baseline)),
               aire_stage_name(aire_result_stage(baseline)));
    else if (aire_result_reward(result, &after) != AIRE_OK)
        printf("the baseline has reward %.6g\n", before);
    else
        printf("reward %.6g, baseline %.6g: %+.6g (one run each: aire-env check tells the noise)\n",
               after, before, after - before);
}

static int run_all(one_run *r)
{
    aire_result *baseline = NULL, *result = NULL;
    aire_status status = AIRE_OK;
    r->logs.run_id = -1; /* the baseline's log is not shown */
    if (tool_text(r->t, "baseline") && r->idea)
        status = run_one(r, NULL, &baseline);
    r->logs.run_id = 0;
    if (status == AIRE_OK)
        status = run_one(r, r->idea, &result);
    int code = status == AIRE_OK ? code_of(result) : tool_complain(r->t, "running");
    if (result) {
        report_result(r->ctx, r->env, r->store, result, &r->logs);
        if (code != TOOL_OK)
            tool_hint(r->env, aire_result_log_tail(result));
        if (baseline)
            compare(baseline, result);
        if (tool_text(r->t, "keep"))
            printf("\nkept in %s.work/run-%lld-*\n", aire_store_path(r->store),
                   (long long)aire_result_run_id(result));
    }
    aire_result_unref(baseline);
    aire_result_unref(result);
    return code;
}

static int make_and_run(one_run *r)
{
    tool_heading("the environment %s: %s%s%s", aire_env_name(r->env), aire_env_path(r->env),
                 *aire_env_adapter(r->env) ? ", read by the adapter " : "",
                 aire_env_adapter(r->env));
    if (make_idea(r) != AIRE_OK)
        return tool_complain(r->t, "idea");
    if (r->idea && !aire_idea_patch(r->idea) && !tool_text(r->t, "model"))
        return tool_wrong(r->t, "an idea needs --patch, or --model to write one", "--idea");
    if (make_model(r) != AIRE_OK)
        return tool_complain(r->t, "model");
    if (open_store(r) != AIRE_OK)
        return tool_complain(r->t, "store");
    if (make_executor(r) != AIRE_OK)
        return tool_complain(r->t, "executor");
    fflush(stdout);
    return run_all(r);
}

static void finish(one_run *r)
{
    aire_executor_unref(r->executor); /* first: it ends what runs */
    aire_idea_unref(r->idea);
    aire_model_unref(r->model);
    aire_sandbox_unref(r->sandbox);
    aire_store_unref(r->store);
    aire_env_unref(r->env);
    run_logs_free(&r->logs);
    if (!tool_text(r->t, "keep"))
        tool_remove_directory(r->directory);
    aire_ctx_unref(r->ctx);
}

int main(int argc, char **argv)
{
    tool t = {.name = "aire-run", .usage = usage, .notes = notes, .options = options};
    one_run r = {.t = &t};
    bool done;
    int code = tool_parse(&t, argc, argv, &done);
    if (code == TOOL_OK && !done && t.word_count != 1)
        code = tool_wrong(&t, "one directory is needed", t.word_count ? t.words[1] : "nothing");
    if (code != TOOL_OK || done)
        return code;
    if (tool_start(&t, &r.ctx) != AIRE_OK)
        return tool_complain(&t, "start");
    tool_catch_interrupts();
    run_logs_init(&r.logs);
    if (tool_open_env(&t, r.ctx, t.words[0], &r.env) == AIRE_OK) {
        code = make_and_run(&r);
    } else {
        tool_complain(&t, "environment");
        code = TOOL_NO_ENVIRONMENT;
    }
    finish(&r);
    return code;
}
