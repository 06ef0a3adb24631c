/*
 * autoresearch's form: train.py may change and prepare.py, which has data and evaluation, may not;
 * program.md says what is wanted; a run trains for the fixed time of prepare.py's TIME_BUDGET and
 * prints a summary with a line "val_bpb: NUMBER". That line is the run's own word.
 */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/str.h"
#include "env/adapt.h"

#define PROGRAM "train.py"
#define PREPARE "prepare.py"
#define INSTRUCTIONS "program.md"

enum { BUDGET_MAX = 30 * 86400 };

bool aire__is_autoresearch(const aire_adapting *a)
{
    return aire__adapting_has(a, PROGRAM) && aire__adapting_has(a, PREPARE) &&
           aire__adapting_has(a, INSTRUCTIONS);
}

/* What a line of the file assigns to a name, as in "NAME = ..." or "NAME: int = ..."; NULL if there
 * is none. */
static const char *assigned(const char *text, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = text; (at = strstr(at, name)); at += length) {
        const char *value = at + length + strspn(at + length, " ");
        if (*value == ':')
            value += strcspn(value, "=\n");
        if ((at == text || at[-1] == '\n') && *value == '=' && value[1] != '=')
            return value + 1 + strspn(value + 1, " ");
    }
    return NULL;
}

/* Seconds as whole numbers between signs of multiplication; 0 if it is anything else. */
static int64_t product_of(const char *text)
{
    int64_t product = 1;
    for (;; text++) {
        char *end;
        long long number = strtoll(text, &end, 10);
        if (end == text || number < 1 || number > BUDGET_MAX / product)
            return 0;
        product *= number;
        text = end + strspn(end, " \t\r");
        if (*text != '*')
            return *text && !strchr("\n#;", *text) ? 0 : product;
    }
}

/* The time that a run trains: of the host, else prepare.py's, else what autoresearch itself has. */
static aire_status find_budget(const aire_adapting *a, const char *prepare, int64_t *out)
{
    const char *text = assigned(prepare, "TIME_BUDGET");
    *out = text ? product_of(text) : 300;
    aire_status status = aire__adapting_number(a, "BUDGET_S", 1, BUDGET_MAX, out);
    if (status != AIRE_OK || *out)
        return status;
    return aire__fail(
        AIRE_FORMAT,
        "%s/" PREPARE ": TIME_BUDGET is %.*s, expected seconds as whole numbers, such "
        "as 5 * 60; else give them as the variable BUDGET_S",
        a->directory, (int)strcspn(text, "\r\n") > 60 ? 60 : (int)strcspn(text, "\r\n"), text);
}

/* One GPU, unless neither file speaks of CUDA; the host may say otherwise. */
static int gpus_of(const char *train, const char *prepare)
{
    return strstr(train, "cuda") || strstr(prepare, "cuda") ? 1 : 0;
}

static json_t *make_run(const char *python, const char *search, int64_t budget_s, int gpus)
{
    return json_pack("{s:[s, s, s], s:I, s:i, s:{s:s, s:s}}", "command", python, "-u", PROGRAM,
                     "timeout_s", (json_int_t)(2 * budget_s + 60), "gpus", gpus, "env", "PATH",
                     search, "PYTHONDONTWRITEBYTECODE", "1");
}

/* The instructions are for an agent with a repository of its own; said here is what differs. */
static json_t *make_goal(const aire_adapting *a, const char *instructions)
{
    static const char head[] =
        "Improve " PROGRAM " so that the metric that a run reports is as good as possible. What "
        "follows are the project's instructions, " INSTRUCTIONS ". They were written for an agent "
        "that runs experiments by itself; here each idea is one patch to " PROGRAM ", and running "
        "it, reading its result and keeping it are not your task.\n\n";
    char *text = aire__asprintf(a->ctx, "%s%s", head, instructions);
    json_t *goal = text ? json_string(text) : NULL;
    aire_free(a->ctx, text);
    return goal;
}

static json_t *make_files(const aire_adapting *a)
{
    static const char *const ignore[] = {INSTRUCTIONS,  "README.md", "*.png",   "*.ipynb",
                                         "results.tsv", "run.log",   "uv.lock", NULL};
    return json_pack("{s:[s], s:[s], s:o}", "editable", PROGRAM, "protected", PREPARE, "ignore",
                     aire__adapting_ignore(a, ignore));
}

static aire_status make_manifest(const aire_adapting *a, const char *train, const char *prepare,
                                 const char *instructions)
{
    char *python = NULL, *search = NULL;
    int64_t budget = 0;
    json_t *mounts = json_array(), *run = NULL, *metric = NULL;
    aire_status status =
        mounts ? aire__adapting_python(a, mounts, &python, &search) : aire__fail_nomem();
    if (status == AIRE_OK)
        status = find_budget(a, prepare, &budget);
    if (status == AIRE_OK)
        run = make_run(python, search, budget, gpus_of(train, prepare));
    if (status == AIRE_OK)
        status = run ? aire__adapting_limits(a, run) : aire__fail_nomem();
    if (status == AIRE_OK) /* the data are looked for below the home directory */
        status = aire__adapting_home(a, "autoresearch", mounts, run);
    if (status == AIRE_OK)
        status = aire__adapting_metric(a, "val_bpb", "minimize", "last", "^", &metric);
    if (status == AIRE_OK)
        a->out->manifest =
            json_pack("{s:i, s:s, s:o, s:[s], s:o, s:O, s:O, s:{s:I}, s:{s:[i, i, i]}, s:O}",
                      "aire", 1, "name", aire__adapting_name(a), "goal", make_goal(a, instructions),
                      "rules", "The time that training takes and the evaluation are " PREPARE "'s.",
                      "files", make_files(a), "mounts", mounts, "run", run, "budget", "wall_s",
                      (json_int_t)budget, "seed", "baseline", 1, 2, 3, "metric", metric);
    json_decref(metric);
    json_decref(run);
    json_decref(mounts);
    aire_free(a->ctx, python);
    aire_free(a->ctx, search);
    return status;
}

aire_status aire__adapt_autoresearch(const aire_adapting *a)
{
    static const char *const names[] = {PROGRAM, PREPARE, INSTRUCTIONS};
    char *texts[3] = {NULL};
    aire_status status = AIRE_OK;
    for (size_t i = 0; status == AIRE_OK && i < 3; i++)
        status = aire__adapting_read(a, names[i], &texts[i]);
    if (status == AIRE_OK)
        status = make_manifest(a, texts[0], texts[1], texts[2]);
    for (size_t i = 0; i < 3; i++)
        aire_free(a->ctx, texts[i]);
    return status;
}
