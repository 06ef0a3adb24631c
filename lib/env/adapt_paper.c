/*
 * The environments of "Towards Execution-Grounded Automated AI Research" (arXiv 2601.14525):
 * run_job.sh trains with train.py (nanoGPT; "val_loss:" in the log, lower is better) or with
 * grpo.py (GRPO; accuracy, higher is better). Both are read from the log, and so are the run's own
 * word.
 *
 * The scripts call `uv run`; a small program of that name, first in PATH, runs the command with the
 * packages of the interpreter that was given.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "env/adapt.h"

#define JOB "run_job.sh"
#define TOOLS "aire-tools"

static const struct {
    const char *program, *metric, *direction, *reduce, *goal;
    int timeout_s;
} kinds[] = {
    {"train.py", "val_loss", "minimize", "min",
     "Lower the validation loss that train.py reaches in its time.", 7200},
    {"grpo.py", "accuracy", "maximize", "max",
     "Raise the accuracy that training by grpo.py reaches in its time.", 3600},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

static size_t find_kind(const aire_adapting *a)
{
    size_t i = 0;
    while (i < KINDS && !aire__adapting_has(a, kinds[i].program))
        i++;
    return i;
}

bool aire__is_paper(const aire_adapting *a)
{
    return aire__adapting_has(a, JOB) && find_kind(a) < KINDS;
}

/* As many as the script starts processes for, else one where the program speaks of CUDA; the host
 * may say otherwise. */
static aire_status count_gpus(const aire_adapting *a, const char *program, int *out)
{
    static const char option[] = "--nproc_per_node=";
    char *script = NULL, *text = NULL;
    aire_status status = aire__adapting_read(a, JOB, &script);
    if (status == AIRE_OK)
        status = aire__adapting_read(a, program, &text);
    const char *found = status == AIRE_OK ? strstr(script, option) : NULL;
    long count = found ? strtol(found + sizeof option - 1, NULL, 10) : 1;
    *out = status == AIRE_OK && strstr(text, "cuda") && count > 0 && count <= 64 ? (int)count : 0;
    aire_free(a->ctx, script);
    aire_free(a->ctx, text);
    return status;
}

static json_t *make_run(const char *search, int timeout_s, int gpus, bool has_data)
{
    char path[8192];
    if (snprintf(path, sizeof path, "/workspace/" TOOLS ":%s", search) >= (int)sizeof path)
        return NULL;
    json_t *run = json_pack("{s:[s, s], s:i, s:i, s:{s:s, s:s, s:s}}", "command", "bash",
                            TOOLS "/run", "timeout_s", timeout_s, "gpus", gpus, "env", "PATH", path,
                            "WANDB_MODE", "offline", "PYTHONDONTWRITEBYTECODE", "1");
    if (run && has_data && json_object_set_new(run, "data", json_string("${DATA}")) != 0) {
        json_decref(run);
        return NULL;
    }
    return run;
}

static json_t *make_files(const aire_adapting *a, const char *program)
{
    static const char *const ignore[] = {"uv.lock", "logs/**", ".nfs*", "results.tsv", NULL};
    return json_pack("{s:[s], s:[s], s:[s], s:o}", "editable", program, "protected", JOB,
                     "reserved", TOOLS "/*", "ignore", aire__adapting_ignore(a, ignore));
}

aire_status aire__adapt_paper(const aire_adapting *a)
{
    size_t kind = find_kind(a);
    const char *program = kinds[kind].program;
    int gpus = 0;
    char *python = NULL, *search = NULL;
    json_t *mounts = json_array(), *run = NULL, *metric = NULL;
    aire_status status =
        mounts ? aire__adapting_python(a, mounts, &python, &search) : aire__fail_nomem();
    if (status == AIRE_OK)
        status = count_gpus(a, program, &gpus);
    if (status == AIRE_OK)
        run = make_run(search, kinds[kind].timeout_s, gpus,
                       aire__adapting_variable(a, "DATA") != NULL);
    if (status == AIRE_OK)
        status = run ? aire__adapting_limits(a, run) : aire__fail_nomem();
    if (status == AIRE_OK)
        status = aire__adapting_home(a, NULL, mounts, run);
    if (status == AIRE_OK)
        status = aire__adapting_metric(a, kinds[kind].metric, kinds[kind].direction,
                                       kinds[kind].reduce, "", &metric);
    if (status == AIRE_OK)
        a->out->manifest =
            json_pack("{s:i, s:s, s:s, s:[s], s:o, s:O, s:O, s:{s:[i, i, i]}, s:O}", "aire", 1,
                      "name", aire__adapting_name(a), "goal", kinds[kind].goal, "rules",
                      "How long a run takes, its data and its evaluation stay as they are.",
                      "files", make_files(a, program), "mounts", mounts, "run", run, "seed",
                      "baseline", 1, 2, 3, "metric", metric);
    a->out->files[a->out->file_count++] = (aire_adapted_file){TOOLS "/uv", aire__uv_program, 0755};
    a->out->files[a->out->file_count++] =
        (aire_adapted_file){TOOLS "/run", aire__paper_program, 0755};
    json_decref(metric);
    json_decref(run);
    json_decref(mounts);
    aire_free(a->ctx, python);
    aire_free(a->ctx, search);
    return status;
}
