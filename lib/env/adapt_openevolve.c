/*
 * OpenEvolve's form: initial_program.*, or a directory initial_program, with lines
 * EVOLVE-BLOCK-START and EVOLVE-BLOCK-END around what may change, evaluator.py with evaluate(path)
 * or evaluate_stage1/2/3(path), config.yaml.
 *
 * The evaluator imports the program, so that the program's code runs beside it: the metric is
 * self-reported. What the evaluation runs is openevolve.py, which keeps the report's descriptor to
 * itself.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/str.h"
#include "env/adapt.h"
#include "env/reader.h"
#include "env/yaml.h"

#define PROGRAM "initial_program"
#define EVALUATOR "evaluator.py"
#define RUNNER "aire_openevolve.py"

enum { STAGES_MAX = 3 };

/* What config.yaml says, of which much is about other things. */
typedef struct config {
    char *goal;       /* NULL: none */
    char *thresholds; /* "0.5,0.75"; "" for no cascade */
    char *features;
    int64_t timeout_s; /* of each stage */
} config;

enum { NAME_SIZE = 256 };

/* initial_program.py, or the program in another language: the first one by name; or a directory of
 * that name. Allocates nothing, so that a directory is not taken for one of another kind where
 * memory is short. */
static bool find_program(const aire_adapting *a, char name[NAME_SIZE])
{
    DIR *directory = opendir(a->directory);
    *name = '\0';
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        if (aire__starts_with(entry->d_name, PROGRAM ".") &&
            !aire__ends_with(entry->d_name, ".pyc") && aire__adapting_has(a, entry->d_name) &&
            (!*name || strcmp(entry->d_name, name) < 0))
            snprintf(name, NAME_SIZE, "%s", entry->d_name);
    if (directory)
        closedir(directory);
    if (aire__adapting_has(a, PROGRAM ".py"))
        snprintf(name, NAME_SIZE, PROGRAM ".py");
    else if (!*name && aire__adapting_has_directory(a, PROGRAM))
        snprintf(name, NAME_SIZE, PROGRAM);
    return *name != '\0';
}

bool aire__is_openevolve(const aire_adapting *a)
{
    char program[NAME_SIZE];
    return aire__adapting_has(a, EVALUATOR) && find_program(a, program);
}

/* ---- config.yaml ---- */

/* A list as one word; *out stays as it is if there is none. Takes the list. */
static aire_status join(aire_ctx *ctx, char **list, char **out)
{
    aire_buf text;
    char *word = NULL;
    if (!list)
        return AIRE_OK;
    aire__buf_init(&text, ctx, 4096);
    for (size_t i = 0; list[i]; i++)
        aire__buf_printf(&text, "%s%s", i ? "," : "", list[i]);
    aire__texts_free(ctx, list);
    aire_status status = aire__buf_take(&text, &word, NULL);
    if (status != AIRE_OK)
        return status;
    aire_free(ctx, *out);
    *out = word;
    return AIRE_OK;
}

static aire_status read_timeout(const aire_yaml *yaml, config *c)
{
    char *text = NULL, *end;
    aire_status status = aire__yaml_text(yaml, "evaluator", "timeout", &text);
    if (status != AIRE_OK || !text)
        return status;
    double value = strtod(text, &end);
    if (*end || !(value >= 1 && value <= 86400))
        status = aire__fail(AIRE_FORMAT, "%s: evaluator.timeout: found '%.40s', expected seconds",
                            yaml->what, text);
    else
        c->timeout_s = (int64_t)value;
    aire_free(yaml->ctx, text);
    return status;
}

static aire_status read_cascade(const aire_yaml *yaml, config *c)
{
    char *wanted = NULL, **list = NULL, *end;
    aire_status status = aire__yaml_list(yaml, "evaluator", "cascade_thresholds", &list);
    for (size_t i = 0; status == AIRE_OK && list && list[i]; i++)
        if (strtod(list[i], &end), *end || end == list[i]) {
            status = aire__fail(AIRE_FORMAT,
                                "%s: evaluator.cascade_thresholds: found '%.40s', expected numbers",
                                yaml->what, list[i]);
            aire__texts_free(yaml->ctx, list);
        }
    if (status == AIRE_OK)
        status = join(yaml->ctx, list, &c->thresholds);
    if (status == AIRE_OK)
        status = aire__yaml_text(yaml, "evaluator", "cascade_evaluation", &wanted);
    if (status == AIRE_OK && wanted && !strchr("tTyY", *wanted))
        *c->thresholds = '\0';
    aire_free(yaml->ctx, wanted);
    return status;
}

static aire_status read_config_text(const aire_yaml *yaml, config *c)
{
    char **list = NULL;
    aire_status status = aire__yaml_text(yaml, "prompt", "system_message", &c->goal);
    if (status == AIRE_OK && !c->goal)
        status = aire__yaml_text(yaml, NULL, "system_message", &c->goal);
    if (c->goal && !c->goal[strspn(c->goal, " \t\r\n")]) {
        aire_free(yaml->ctx, c->goal);
        c->goal = NULL;
    }
    if (status == AIRE_OK)
        status = read_timeout(yaml, c);
    if (status == AIRE_OK)
        status = read_cascade(yaml, c);
    if (status == AIRE_OK)
        status = aire__yaml_list(yaml, "database", "feature_dimensions", &list);
    return status == AIRE_OK ? join(yaml->ctx, list, &c->features) : status;
}

static aire_status read_config(const aire_adapting *a, config *c)
{
    static const char *const names[] = {"config.yaml", "config.yml"};
    c->thresholds = aire__strdup(a->ctx, "0.5,0.75,0.9");
    c->features = aire__strdup(a->ctx, "complexity,diversity");
    c->timeout_s = 300;
    aire_status status = c->thresholds && c->features ? AIRE_OK : aire__fail_nomem();
    for (size_t i = 0; status == AIRE_OK && i < 2; i++) {
        char *text = NULL, *path = NULL;
        if (!aire__adapting_has(a, names[i]))
            continue;
        status = aire__adapting_read(a, names[i], &text);
        path = aire__path_join(a->ctx, a->directory, names[i]);
        if (status == AIRE_OK && !path)
            status = aire__fail_nomem();
        if (status == AIRE_OK)
            status = read_config_text(&(aire_yaml){a->ctx, path, text}, c);
        aire_free(a->ctx, path);
        aire_free(a->ctx, text);
        break;
    }
    return status;
}

static void config_free(const aire_adapting *a, config *c)
{
    aire_free(a->ctx, c->goal);
    aire_free(a->ctx, c->thresholds);
    aire_free(a->ctx, c->features);
}

/* ---- the manifest ---- */

/* A program with a slip of the pen need not be evaluated. */
static json_t *make_build(const char *python, const char *program, const char *search)
{
    static const char check[] =
        "import pathlib, sys\n"
        "top = pathlib.Path(sys.argv[1])\n"
        "for path in sorted(top.rglob('*.py')) if top.is_dir() else [top]:\n"
        "    compile(path.read_bytes(), str(path), 'exec')\n";
    return json_pack("{s:[s, s, s, s], s:i, s:{s:s, s:s}}", "command", python, "-c", check, program,
                     "timeout_s", 60, "env", "PYTHONDONTWRITEBYTECODE", "1", "PATH", search);
}

/* An option whose value is not empty: words of commands are not. 0, or not. */
static int add_option(json_t *words, const char *name, const char *value)
{
    if (!*value)
        return 0;
    return json_array_append_new(words, json_string(name)) != 0 ||
           json_array_append_new(words, json_string(value)) != 0;
}

static aire_status make_evaluate(const aire_adapting *a, const config *c, const char *python,
                                 const char *program, const char *search, json_t **out)
{
    char timeout[32];
    int64_t stage_s = c->timeout_s;
    aire_status status = aire__adapting_number(a, "STAGE_TIMEOUT_S", 1, 86400, &stage_s);
    if (status != AIRE_OK)
        return status;
    snprintf(timeout, sizeof timeout, "%lld", (long long)stage_s);
    json_t *step =
        json_pack("{s:[s, s, s, s, s, s], s:I, s:b, s:{s:s, s:s, s:s}}", "command", python, RUNNER,
                  program, EVALUATOR, "--timeout", timeout, "timeout_s",
                  (json_int_t)((STAGES_MAX + 1) * stage_s + 30), "with_variant", 1, "env",
                  "PYTHONDONTWRITEBYTECODE", "1", "PYTHONHASHSEED", "0", "PATH", search);
    if (!step)
        return aire__fail_nomem();
    *out = step;
    json_t *words = json_object_get(step, "command");
    if (add_option(words, "--thresholds", c->thresholds) != 0 ||
        add_option(words, "--features", c->features) != 0)
        return aire__fail_nomem();
    if (aire__adapting_variable(a, "DATA"))
        status = aire__json_set(step, "data", json_string("${DATA}"));
    return status == AIRE_OK ? aire__adapting_limits(a, step) : status;
}

/* The evaluator is shown where nothing else says what is wanted. */
static json_t *make_files(const aire_adapting *a, const config *c, const char *program)
{
    /* Also what other configurations there are, which have keys of models, and what was found. */
    static const char *const ignore[] = {"config*.yaml",
                                         "config*.yml",
                                         "openevolve_output/**",
                                         "openevolve_output*",
                                         "requirements.txt",
                                         "README.md",
                                         "*.png",
                                         "*.ipynb",
                                         NULL};
    return json_pack("{s:[s], s:[s], s:[s], s:o, s:[s, s]}", "editable",
                     strcmp(program, PROGRAM) ? program : PROGRAM "/**",
                     c->goal ? "reserved" : "protected", EVALUATOR, "hidden", RUNNER, "ignore",
                     aire__adapting_ignore(a, ignore), "blocks", "EVOLVE-BLOCK-START",
                     "EVOLVE-BLOCK-END");
}

static aire_status make_manifest(const aire_adapting *a, const config *c, const char *program)
{
    char *python = NULL, *search = NULL, *goal = NULL, *rule = NULL;
    json_t *mounts = json_array(), *evaluate = NULL;
    aire_status status =
        mounts ? aire__adapting_python(a, mounts, &python, &search) : aire__fail_nomem();
    if (status == AIRE_OK)
        status = make_evaluate(a, c, python, program, search, &evaluate);
    goal = aire__asprintf(a->ctx,
                          "%s%sImprove %s so that the score that %s gives it is as high as "
                          "possible.",
                          c->goal ? c->goal : "", c->goal ? "\n\n" : "", program, EVALUATOR);
    rule = aire__asprintf(a->ctx,
                          "Where %s has lines EVOLVE-BLOCK-START and EVOLVE-BLOCK-END, only what "
                          "stands between them may change.",
                          program);
    if (status == AIRE_OK && (!goal || !rule))
        status = aire__fail_nomem();
    if (status == AIRE_OK)
        a->out->manifest = json_pack(
            "{s:i, s:s, s:s, s:[s, s], s:o, s:O, s:O, s:{s:[i, i, i]}, s:{s:s, s:s, s:s, s:s}}",
            "aire", 1, "name", aire__adapting_name(a), "goal", goal, "rules", rule,
            "The functions that the evaluator calls keep their names and parameters.", "files",
            make_files(a, c, program), "mounts", mounts, "evaluate", evaluate, "seed", "baseline",
            1, 2, 3, "metric", "name", "combined_score", "direction", "maximize", "stage",
            "evaluate", "trust", "self_reported");
    if (status == AIRE_OK && !a->out->manifest)
        status = aire__fail_nomem();
    if (status == AIRE_OK && (aire__ends_with(program, ".py") || !strcmp(program, PROGRAM)))
        status = aire__json_set(a->out->manifest, "build", make_build(python, program, search));
    json_decref(evaluate);
    json_decref(mounts);
    aire_free(a->ctx, python);
    aire_free(a->ctx, search);
    aire_free(a->ctx, goal);
    aire_free(a->ctx, rule);
    return status;
}

aire_status aire__adapt_openevolve(const aire_adapting *a)
{
    config c = {0};
    char program[NAME_SIZE];
    if (!find_program(a, program))
        return aire__fail(AIRE_NOT_FOUND, "'%s' has no initial_program.*", a->directory);
    aire_status status = read_config(a, &c);
    if (status == AIRE_OK)
        status = make_manifest(a, &c, program);
    if (status == AIRE_OK)
        a->out->files[a->out->file_count++] =
            (aire_adapted_file){RUNNER, aire__openevolve_program, 0644};
    config_free(a, &c);
    return status;
}
