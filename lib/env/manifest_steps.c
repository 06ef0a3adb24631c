/* The manifest's build, run, evaluate and predict. */
#include <string.h>

#include "base/fail.h"
#include "base/fs.h"
#include "base/str.h"
#include "env/manifest.h"

static const char *const step_names[] = {[AIRE_STAGE_BUILD] = "build",
                                         [AIRE_STAGE_RUN] = "run",
                                         [AIRE_STAGE_EVALUATE] = "evaluate",
                                         [AIRE_STAGE_SMOKE] = "smoke",
                                         [AIRE_STAGE_PREDICT] = "predict"};

/* {"/bin/sh", "-c", text}; takes the text over. */
static aire_status shell_command(aire_ctx *ctx, char *text, char ***out)
{
    char **words = aire__calloc(ctx, 4, sizeof *words);
    char *shell = aire__strdup(ctx, "/bin/sh"), *option = aire__strdup(ctx, "-c");
    if (!words || !shell || !option) {
        aire_free(ctx, words);
        aire_free(ctx, shell);
        aire_free(ctx, option);
        aire_free(ctx, text);
        return aire__fail_nomem();
    }
    words[0] = shell;
    words[1] = option;
    words[2] = text;
    *out = words;
    return AIRE_OK;
}

static aire_status expand_words(const aire_node *node, char **words)
{
    for (size_t i = 0; words[i]; i++) {
        char *expanded;
        aire_status status = aire__node_expand(node, "command", words[i], false, &expanded);
        if (status != AIRE_OK)
            return status;
        aire_free(node->reader->ctx, words[i]);
        words[i] = expanded;
    }
    return AIRE_OK;
}

static aire_status read_shell_command(const aire_node *node, aire_env_step *step)
{
    char *text = NULL, *expanded = NULL;
    aire_status status = aire__node_text(node, "command", true, &text);
    if (status == AIRE_OK)
        status = aire__node_expand(node, "command", text, true, &expanded);
    aire_free(node->reader->ctx, text);
    return status == AIRE_OK ? shell_command(node->reader->ctx, expanded, &step->argv) : status;
}

/* Text is a command for the shell; an array of words is the command itself. */
static aire_status read_command(const aire_node *node, aire_env_step *step)
{
    if (!json_is_array(json_object_get(node->json, "command")))
        return read_shell_command(node, step);
    aire_status status = aire__node_texts(node, "command", true, &step->argv);
    if (status == AIRE_OK && !step->argv[0])
        return aire__node_complain(node, "command", "found an empty array, expected a program");
    return status == AIRE_OK ? expand_words(node, step->argv) : status;
}

static aire_status read_vars(const aire_node *node, aire_env_step *step)
{
    aire_ctx *ctx = node->reader->ctx;
    aire_node env;
    bool present;
    aire_status status = aire__node_object(node, "env", false, &env, &present);
    if (status != AIRE_OK)
        return status;
    step->vars =
        aire__calloc(ctx, present ? json_object_size(env.json) + 1 : 1, sizeof *step->vars);
    if (!step->vars)
        return aire__fail_nomem();
    const char *name;
    json_t *value;
    size_t count = 0;
    if (present)
        json_object_foreach((json_t *)(uintptr_t)env.json, name, value)
        {
            if (!json_is_string(value))
                return aire__node_fail(&env, name, value, "text");
            if (!aire__is_variable_name(name))
                return aire__node_complain(&env, name,
                                           "not the name of a variable: letters, digits and _");
            if (aire__starts_with(name, "AIRE_"))
                return aire__node_complain(&env, name,
                                           "names that begin with AIRE_ are given by the library");
            step->vars[count] = aire__asprintf(ctx, "%s=%s", name, json_string_value(value));
            if (!step->vars[count++])
                return aire__fail_nomem();
        }
    return AIRE_OK;
}

/* Say how the data may be had, if the environment brings a program for it. */
static aire_status data_missing(const aire_node *node, const char *path)
{
    static const char *const programs[] = {"prepare.sh", "prepare.py", "prepare"};
    const char *directory = node->reader->directory;
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        char *program = aire__path_join(node->reader->ctx, directory, programs[i]);
        if (!program)
            return aire__fail_nomem();
        bool there = aire__fs_exists(program);
        aire_free(node->reader->ctx, program);
        if (there)
            return aire__fail(AIRE_NOT_FOUND,
                              "%s: %s.data: there is no directory '%s': prepare the data first, "
                              "with %s/%s",
                              node->reader->file, node->where, path, directory, programs[i]);
    }
    return aire__fail(AIRE_NOT_FOUND,
                      "%s: %s.data: there is no directory '%s': prepare the environment's data "
                      "first, or correct the path",
                      node->reader->file, node->where, path);
}

static aire_status read_data(const aire_node *node, aire_env_step *step)
{
    aire_ctx *ctx = node->reader->ctx;
    char *text = NULL, *expanded = NULL, *path = NULL;
    aire_status status = aire__node_text(node, "data", false, &text);
    if (status != AIRE_OK || !text)
        return status;
    status = aire__node_expand(node, "data", text, false, &expanded);
    aire_free(ctx, text);
    if (status != AIRE_OK)
        return status;
    path = *expanded == '/' ? aire__strdup(ctx, expanded)
                            : aire__path_join(ctx, node->reader->directory, expanded);
    if (!path)
        status = aire__fail_nomem();
    else if (!aire__fs_is_dir(path))
        status = data_missing(node, path);
    else
        status = aire__fs_real_path(ctx, path, &step->data);
    aire_free(ctx, path);
    aire_free(ctx, expanded);
    return status;
}

/* Each limit: its key, its range, the unit in the sandbox's, and where it goes. What is not said
 * stays as it is in `step`. */
static aire_status read_limits(const aire_node *node, aire_env_step *step)
{
    enum { DAY = 86400, TERABYTE_MB = 1 << 20 };
    const aire_limits *was = &step->limits;
    int64_t timeout = was->wall_ms ? was->wall_ms / 1000 : 600, cpu = was->cpu_ms / 1000,
            memory = was->memory_bytes >> 20, disk = was->disk_bytes >> 20,
            file = was->file_bytes >> 20, log = was->log_bytes >> 10, processes = was->processes,
            output = was->output_bytes >> 20, open_files = was->open_files,
            cpus = step->cpus ? step->cpus : 1, gpus = step->gpus;
    const struct {
        const char *key;
        int64_t min, max;
        int64_t *out;
    } rows[] = {
        {"timeout_s", 1, 30 * DAY, &timeout},
        {"cpu_s", 1, 30 * DAY, &cpu},
        {"memory_mb", 1, 64 * (int64_t)TERABYTE_MB, &memory},
        {"disk_mb", 1, 64 * (int64_t)TERABYTE_MB, &disk},
        {"file_mb", 1, 64 * (int64_t)TERABYTE_MB, &file},
        {"log_kb", 1, TERABYTE_MB, &log},
        {"output_mb", 1, TERABYTE_MB, &output},
        {"processes", 1, 1 << 20, &processes},
        {"open_files", 8, 1 << 20, &open_files},
        {"cpus", 1, 4096, &cpus},
        {"gpus", 0, 64, &gpus},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        aire_status status =
            aire__node_int(node, rows[i].key, rows[i].min, rows[i].max, rows[i].out);
        if (status != AIRE_OK)
            return status;
    }
    step->limits = (aire_limits){.struct_size = sizeof step->limits,
                                 .processes = (int32_t)processes,
                                 .wall_ms = timeout * 1000,
                                 .cpu_ms = cpu * 1000,
                                 .memory_bytes = memory << 20,
                                 .disk_bytes = disk << 20,
                                 .file_bytes = file << 20,
                                 .log_bytes = log << 10,
                                 .open_files = (int32_t)open_files,
                                 .output_bytes = output << 20};
    step->cpus = (int32_t)cpus;
    step->gpus = (int32_t)gpus;
    return AIRE_OK;
}

/* What every step may say. */
#define STEP_KEYS                                                                                  \
    "command", "timeout_s", "cpu_s", "cpus", "gpus", "memory_mb", "processes", "disk_mb",          \
        "file_mb", "log_kb", "output_mb", "open_files", "network", "env", "data"

/* What only one of the steps has. */
static aire_status read_own(const aire_node *node, int stage, aire_env_step *step)
{
    static const struct {
        const char *key;
        int stage;
    } own[] = {{"with_variant", AIRE_STAGE_EVALUATE},
               {"passes", AIRE_STAGE_PREDICT},
               {"answer_mb", AIRE_STAGE_PREDICT}};
    int64_t passes = 16, megabytes = 16;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (own[i].stage != stage && json_object_get(node->json, own[i].key))
            return aire__node_complain(node, own[i].key, "only %s has this",
                                       step_names[own[i].stage]);
    aire_status status = aire__node_bool(node, "with_variant", &step->with_variant);
    if (status == AIRE_OK)
        status = aire__node_int(node, "passes", 2, AIRE_ENV_PASSES_MAX, &passes);
    if (status == AIRE_OK)
        status = aire__node_int(node, "answer_mb", 1, 1 << 20, &megabytes);
    step->passes = (int32_t)passes;
    step->answer_bytes = megabytes << 20;
    return status;
}

static aire_status read_step(aire_env *env, const aire_node *top, int stage)
{
    static const char *const known[] = {STEP_KEYS, "with_variant", "passes", "answer_mb", NULL};
    aire_env_step *step = &env->steps[stage];
    aire_node node;
    aire_status status = aire__node_object(top, step_names[stage], false, &node, &step->present);
    if (status != AIRE_OK || !step->present)
        return status;
    status = aire__node_known(&node, known);
    if (status == AIRE_OK)
        status = read_command(&node, step);
    if (status == AIRE_OK)
        status = read_limits(&node, step);
    if (status == AIRE_OK)
        status = read_vars(&node, step);
    if (status == AIRE_OK)
        status = aire__node_bool(&node, "network", &step->network);
    if (status == AIRE_OK)
        status = read_own(&node, stage, step);
    return status == AIRE_OK ? read_data(&node, step) : status;
}

/* ---- the smoke run ---- */

static aire_status copy_texts(aire_ctx *ctx, char *const *from, char ***out)
{
    size_t count = 0;
    while (from[count])
        count++;
    *out = aire__calloc(ctx, count + 1, sizeof **out);
    for (size_t i = 0; *out && i < count; i++)
        if (!((*out)[i] = aire__strdup(ctx, from[i])))
            return aire__fail_nomem();
    return *out ? AIRE_OK : aire__fail_nomem();
}

static bool has_var(char *const *vars, const char *var)
{
    size_t length = strcspn(var, "=") + 1;
    for (; *vars; vars++)
        if (strncmp(*vars, var, length) == 0)
            return true;
    return false;
}

/* Its own variables, and those of the run that it does not set itself. */
static aire_status add_vars_of_run(aire_ctx *ctx, char *const *run, char ***vars)
{
    size_t count = 0, more = 0;
    while ((*vars)[count])
        count++;
    while (run[more])
        more++;
    char **all = aire__calloc(ctx, count + more + 1, sizeof *all);
    if (!all)
        return aire__fail_nomem();
    memcpy(all, *vars, count * sizeof *all);
    aire_free(ctx, *vars);
    *vars = all;
    for (; *run; run++)
        if (!has_var(all, *run) && !(all[count++] = aire__strdup(ctx, *run)))
            return aire__fail_nomem();
    return AIRE_OK;
}

/* What it does not say is as of the run, but for the time. Its budget is read with the run's. */
static aire_status read_smoke(aire_env *env, const aire_node *top)
{
    static const char *const known[] = {STEP_KEYS, "budget", NULL};
    enum { SMOKE_MS = 60000 };
    const aire_env_step *run = &env->steps[AIRE_STAGE_RUN];
    aire_env_step *step = &env->steps[AIRE_STAGE_SMOKE];
    aire_node node;
    aire_status status = aire__node_object(top, "smoke", false, &node, &step->present);
    if (status != AIRE_OK || !step->present)
        return status;
    step->limits = run->limits;
    step->limits.wall_ms = run->limits.wall_ms < SMOKE_MS ? run->limits.wall_ms : SMOKE_MS;
    step->cpus = run->cpus;
    step->gpus = run->gpus;
    step->network = run->network;
    status = aire__node_known(&node, known);
    if (status == AIRE_OK)
        status = json_object_get(node.json, "command")
                     ? read_command(&node, step)
                     : copy_texts(env->ctx, run->argv, &step->argv);
    if (status == AIRE_OK)
        status = read_limits(&node, step);
    if (status == AIRE_OK)
        status = read_vars(&node, step);
    if (status == AIRE_OK)
        status = add_vars_of_run(env->ctx, run->vars, &step->vars);
    if (status == AIRE_OK)
        status = aire__node_bool(&node, "network", &step->network);
    if (status == AIRE_OK)
        status = read_data(&node, step);
    if (status == AIRE_OK && !step->data && run->data &&
        !(step->data = aire__strdup(env->ctx, run->data)))
        status = aire__fail_nomem();
    return status;
}

/* The model answers to an evaluator that keeps the secret, and to nobody else. */
static aire_status check_predict(const aire_env *env, const aire_node *top)
{
    const aire_env_step *predict = &env->steps[AIRE_STAGE_PREDICT];
    if (!predict->present)
        return AIRE_OK;
    if (!env->steps[AIRE_STAGE_EVALUATE].present)
        return aire__node_complain(top, "predict",
                                   "needs an \"evaluate\" command, which says what "
                                   "is to be predicted and judges the answers");
    if (predict->network)
        return aire__node_complain(top, "predict.network",
                                   "a model that is judged has no network: what it answers could "
                                   "come from anywhere");
    return AIRE_OK;
}

aire_status aire__manifest_read_steps(aire_env *env, const aire_node *top)
{
    aire_status status = AIRE_OK;
    for (int stage = AIRE_STAGE_BUILD; stage < AIRE_ENV_STAGES && status == AIRE_OK; stage++)
        if (stage != AIRE_STAGE_SMOKE) /* which is read by those of run */
            status = read_step(env, top, stage);
    /* An evaluation that has the variant's files may do without a run. */
    if (status == AIRE_OK && !env->steps[AIRE_STAGE_RUN].present &&
        !env->steps[AIRE_STAGE_EVALUATE].with_variant)
        return aire__node_complain(top, "run",
                                   "missing; expected an object, as evaluate.with_variant is not "
                                   "true");
    if (status == AIRE_OK)
        status = read_smoke(env, top);
    return status == AIRE_OK ? check_predict(env, top) : status;
}

void aire__env_steps_free(aire_env *env)
{
    for (int stage = AIRE_STAGE_BUILD; stage < AIRE_ENV_STAGES; stage++) {
        aire__texts_free(env->ctx, env->steps[stage].argv);
        aire__texts_free(env->ctx, env->steps[stage].vars);
        aire_free(env->ctx, env->steps[stage].data);
    }
}
