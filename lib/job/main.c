/*
 * aire-job: one run, inside a job of a cluster. See executor/slurm.h for its directory.
 *
 * It builds, runs and evaluates as the local executor does, in a directory of the node's own, and
 * writes the result whole or not at all.
 */
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aire/error.h"
#include "base/fail.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"
#include "executor/schedule.h"
#include "executor/slurm.h"

typedef struct job {
    aire_ctx *ctx;
    char *directory;
    char *text; /* of the specification */
    json_t *spec;
    aire_workshop shop;
    aire_run run;
    int32_t gpus[AIRE_GPUS_MAX];
} job;

/* Slurm asks a job to end before it kills it: time to take away what lies on the node. */
static aire_cancel *told_to_end;

static void on_signal(int number)
{
    aire_cancel_fire(told_to_end);
}

static aire_status heed_signals(aire_ctx *ctx)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    aire_status status = aire_cancel_new(ctx, &told_to_end);
    if (status == AIRE_OK &&
        (sigaction(SIGTERM, &action, NULL) != 0 || sigaction(SIGINT, &action, NULL) != 0))
        status = aire__fail(AIRE_INTERNAL, "signals cannot be handled");
    return status;
}

static const char *text_of(const job *j, const char *key)
{
    const char *text = json_string_value(json_object_get(j->spec, key));
    return text ? text : "";
}

static aire_status read_file(const job *j, const char *name, char **out, size_t *length)
{
    char *path = aire__path_join(j->ctx, j->directory, name);
    aire_status status =
        path ? aire__fs_read(j->ctx, path, AIRE_JOB_FILE_MAX, out, length) : aire__fail_nomem();
    aire_free(j->ctx, path);
    return status;
}

/* ---- the workshop ---- */

static aire_status open_env(job *j)
{
    aire_env_options options = AIRE_ENV_OPTIONS_INIT;
    const json_t *list = json_object_get(j->spec, "variables");
    const char *variables[1 + 256] = {NULL};
    for (size_t i = 0; i < json_array_size(list) && i < 256; i++)
        variables[i] = json_string_value(json_array_get(list, i));
    options.variables = variables;
    options.adapter = *text_of(j, "adapter") ? text_of(j, "adapter") : NULL;
    aire_status status = aire_env_open(j->ctx, text_of(j, "environment"), &options, &j->shop.env);
    if (status == AIRE_OK && strcmp(j->shop.env->hash, text_of(j, "hash")))
        status = aire__fail(AIRE_STATE,
                            "the environment '%s' has changed since the run was "
                            "submitted, or this node sees another one",
                            text_of(j, "environment"));
    return status;
}

static aire_status open_workshop(job *j)
{
    aire_sandbox_options options = AIRE_SANDBOX_OPTIONS_INIT;
    const char *scratch = getenv("TMPDIR");
    options.worker_path = text_of(j, "worker");
    j->shop.ctx = j->ctx;
    j->shop.how.skips_smoke = json_is_true(json_object_get(j->spec, "skip_smoke"));
    aire_status status = open_env(j);
    if (status == AIRE_OK)
        status = aire_sandbox_new(j->ctx, &options, &j->shop.sandbox);
    if (status == AIRE_OK)
        status = aire__workshop_sources(&j->shop);
    char *prefix = aire__asprintf(j->ctx, "%s/aire-job-", scratch ? scratch : "/tmp");
    if (status == AIRE_OK)
        status =
            prefix ? aire__fs_make_temp_dir(j->ctx, prefix, &j->shop.work_dir) : aire__fail_nomem();
    aire_free(j->ctx, prefix);
    return status;
}

static void close_workshop(job *j)
{
    if (j->shop.work_dir)
        aire__fs_remove_tree(j->ctx, j->shop.work_dir);
    aire_free(j->ctx, j->shop.work_dir);
    aire_free(j->ctx, j->shop.sources);
    aire_sandbox_unref(j->shop.sandbox);
    aire_env_unref(j->shop.env);
}

/* ---- the run ---- */

/* The devices that Slurm gave this job, by their numbers on the node. To guess them would be to use
 * those of another job. */
static aire_status find_gpus(job *j)
{
    const int32_t need = aire__needs_of(j->shop.env).gpus;
    const char *list = getenv("SLURM_JOB_GPUS");
    if (need == 0)
        return AIRE_OK;
    if (!list)
        list = getenv("CUDA_VISIBLE_DEVICES");
    if (aire__slurm_parse_gpus(list, j->gpus, AIRE_GPUS_MAX) >= need)
        return AIRE_OK;
    return aire__fail(AIRE_SANDBOX,
                      "the environment wants %d GPUs, and Slurm gave this job '%s': gres.conf of "
                      "the node must name their files (Name=gpu File=/dev/nvidia[0-7])",
                      (int)need, list ? list : "");
}

static aire_status apply_patch(job *j, aire_try *t)
{
    char *diff = NULL;
    size_t length = 0;
    aire_patch *patch = NULL;
    aire_status status = read_file(j, AIRE_JOB_PATCH, &diff, &length);
    if (status == AIRE_OK && length > 0) {
        status = aire_patch_new(j->ctx, AIRE_PATCH_UNIFIED, diff, length, &patch);
        if (status == AIRE_OK)
            status = aire__apply_to_env(&j->shop, patch, &t->patched);
        if (status == AIRE_OK && t->patched.outcome != AIRE_OUTCOME_OK)
            status = aire__fail(AIRE_INTERNAL, "the variant's patch does not apply: %s",
                                t->patched.message);
    }
    aire_patch_unref(patch);
    aire_free(j->ctx, diff);
    if (status != AIRE_OK)
        return status;
    aire__variant_hash(j->shop.env, &t->patched, t->variant);
    return strcmp(t->variant, text_of(j, "variant"))
               ? aire__fail(AIRE_INTERNAL, "the variant came out differently on this node")
               : AIRE_OK;
}

static aire_status perform(job *j, char **out)
{
    aire_result *result = NULL;
    aire_try t = {
        .shop = &j->shop, .run = &j->run, .attempt = 1, .gpus = j->gpus, .cancel = told_to_end};
    aire_status status = apply_patch(j, &t);
    if (status == AIRE_OK)
        status = aire__stages_run(&t);
    if (status == AIRE_OK)
        status = aire__try_result(&t, &result);
    if (status == AIRE_OK)
        status = aire_result_to_json(result, out);
    aire_result_unref(result);
    aire__try_clear(&t);
    return status;
}

/* ---- the directory ---- */

/* That of an array's task is a link, which is there only until somebody else has the run. */
static aire_status find_directory(job *j, const char *given)
{
    aire_status status = aire__fs_real_path(j->ctx, given, &j->directory);
    return status == AIRE_OK ? status : aire__fail_prefix(status, "no run for this job");
}

static aire_status read_spec(job *j)
{
    size_t length;
    aire_status status = read_file(j, AIRE_JOB_SPEC, &j->text, &length);
    if (status == AIRE_OK)
        status = aire__json_load(j->text, length, AIRE_JOB_SPEC, &j->spec);
    j->run =
        (aire_run){.id = json_integer_value(json_object_get(j->spec, "run")),
                   .kind = AIRE_RUN_BASELINE, /* whose idea it is, is none of the job's business */
                   .seed = strtoull(text_of(j, "seed"), NULL, 10)};
    return status;
}

/* Whether the directory is still this job's: the run may have been given up meanwhile, and another
 * version of it been submitted. */
static aire_status check_directory(const job *j)
{
    char *text = NULL;
    size_t length;
    aire_status status = read_file(j, AIRE_JOB_SPEC, &text, &length);
    if (status == AIRE_OK && (!j->text || strcmp(text, j->text)))
        status = aire__fail(AIRE_STATE, "'%s' is no longer this job's", j->directory);
    aire_free(j->ctx, text);
    return status;
}

static aire_status write_result(const job *j, const char *text)
{
    aire_status status = check_directory(j);
    if (status != AIRE_OK)
        return status;
    char *path = aire__path_join(j->ctx, j->directory, AIRE_JOB_RESULT);
    status = path ? aire__fs_write(j->ctx, path, text, strlen(text), 0600) : aire__fail_nomem();
    aire_free(j->ctx, path);
    return status;
}

/* A failure that is not the idea's is told as such. */
static aire_status write_failure(const job *j)
{
    json_t *failure = json_pack("{s:s}", "infrastructure", aire_error_message(aire_last_error()));
    char *text = failure ? json_dumps(failure, 0) : NULL;
    aire_status status = text ? write_result(j, text) : AIRE_NOMEM;
    free(text);
    json_decref(failure);
    return status;
}

int main(int argc, char **argv)
{
    job j = {.directory = NULL};
    char *text = NULL;
    if (argc != 2) {
        fputs("usage: aire-job DIRECTORY\nStarted by libaire inside a job of a cluster.\n", stderr);
        return 2;
    }
    if (aire_ctx_new(NULL, &j.ctx) != AIRE_OK)
        return 1;
    aire_status status = find_directory(&j, argv[1]);
    if (status == AIRE_OK)
        status = heed_signals(j.ctx);
    if (status == AIRE_OK)
        status = read_spec(&j);
    if (status == AIRE_OK)
        status = open_workshop(&j);
    if (status == AIRE_OK)
        status = find_gpus(&j);
    if (status == AIRE_OK)
        status = perform(&j, &text);
    if (status == AIRE_OK)
        status = write_result(&j, text);
    if (status != AIRE_OK)
        fprintf(stderr, "aire-job: %s\n", aire_error_message(aire_last_error()));
    if (status != AIRE_OK && j.directory && !aire_cancel_fired(told_to_end))
        status = write_failure(&j);
    aire_free(j.ctx, text);
    close_workshop(&j);
    json_decref(j.spec);
    aire_free(j.ctx, j.text);
    aire_free(j.ctx, j.directory);
    aire_cancel_unref(told_to_end);
    aire_ctx_unref(j.ctx);
    return status == AIRE_OK ? 0 : 1;
}
