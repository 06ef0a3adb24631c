/* The manifest's top level: texts, roles, mounts, outputs, budget, seeds. */
#include "env/manifest.h"

#include <string.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/fs.h"
#include "base/str.h"

enum { MOUNTS_MAX = 64, OUTPUTS_MAX = 256, SEEDS_MAX = 64 };

static aire_status read_texts(aire_env *env, const aire_node *top)
{
    int64_t version = 0;
    if (!json_object_get(top->json, "aire"))
        return aire__node_complain(top, "aire",
                                   "missing; expected 1, the version of the manifest's format");
    aire_status status = aire__node_int(top, "aire", 1, 1, &version);
    if (status == AIRE_OK)
        status = aire__node_text(top, "name", true, &env->name);
    if (status == AIRE_OK)
        status = aire__node_lines(top, "goal", true, &env->goal);
    if (status == AIRE_OK)
        status = aire__node_lines(top, "rules", false, &env->rules);
    if (status == AIRE_OK)
        status = aire__node_lines(top, "hints", false, &env->hints);
    return status;
}

static aire_status read_roles(aire_env *env, const aire_node *top)
{
    static const char *const known[] = {"ignore", "editable", "protected", "reserved",
                                        "hidden", "blocks",   "max_kb",    NULL};
    int64_t kilobytes = 0;
    aire_node files;
    bool present;
    aire_status status = aire__node_object(top, "files", true, &files, &present);
    if (status == AIRE_OK)
        status = aire__node_known(&files, known);
    for (int role = 0; role < 5 && status == AIRE_OK; role++)
        status =
            aire__node_texts(&files, known[role], role == AIRE_FILE_EDITABLE, &env->globs[role]);
    if (status == AIRE_OK)
        status = aire__node_int(&files, "max_kb", 1, 1 << 20, &kilobytes);
    env->max_bytes = kilobytes << 10;
    if (status == AIRE_OK && json_object_get(files.json, "blocks"))
        status = aire__node_texts(&files, "blocks", true, &env->block_marks);
    if (status == AIRE_OK && env->block_marks &&
        json_array_size(json_object_get(files.json, "blocks")) != 2)
        return aire__node_fail(&files, "blocks", json_object_get(files.json, "blocks"),
                               "two texts: the marks before and after what may change");
    return status;
}

/* ---- mounts ---- */

bool aire__mount_is_taken(const char *target)
{
    static const char *const places[] = {"/workspace", "/data",   "/out",     "/usr",   "/bin",
                                         "/sbin",      "/lib",    "/lib32",   "/lib64", "/libx32",
                                         "/etc",       "/dev",    "/proc",    "/tmp",   "/sys",
                                         "/run",       "/passes", "/answers", "/pass",  "/answer"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        size_t length = strlen(places[i]);
        if (strncmp(target, places[i], length) == 0 &&
            (target[length] == '\0' || target[length] == '/'))
            return true;
    }
    return false;
}

static aire_status read_stages(const aire_node *node, aire_env_mount *mount)
{
    static const aire_word stages[] = {{"build", AIRE_STAGE_BUILD},
                                       {"run", AIRE_STAGE_RUN},
                                       {"evaluate", AIRE_STAGE_EVALUATE},
                                       {"predict", AIRE_STAGE_PREDICT},
                                       {NULL, 0}};
    const json_t *array;
    aire_status status = aire__node_array(node, "stages", false, 4, &array);
    for (size_t s = 0; status == AIRE_OK && stages[s].word; s++)
        mount->stages[stages[s].value] = !array;
    for (size_t i = 0; status == AIRE_OK && i < json_array_size(array); i++) {
        const char *word = json_string_value(json_array_get(array, i));
        size_t s = 0;
        while (stages[s].word && (!word || strcmp(stages[s].word, word)))
            s++;
        if (!stages[s].word)
            return aire__node_fail(node, "stages", json_array_get(array, i),
                                   "\"build\", \"run\", \"predict\" or \"evaluate\"");
        mount->stages[stages[s].value] = true;
    }
    mount->stages[AIRE_STAGE_SMOKE] = mount->stages[AIRE_STAGE_RUN];
    return status;
}

/* A path of the manifest as an absolute one: variables replaced, relative to the environment's
 * directory. */
static aire_status resolve(const aire_node *node, const char *key, const char *text, char **out)
{
    char *expanded, *joined = NULL;
    aire_ctx *ctx = node->reader->ctx;
    aire_status status = aire__node_expand(node, key, text, false, &expanded);
    if (status != AIRE_OK)
        return status;
    joined = *expanded == '/' ? expanded : aire__path_join(ctx, node->reader->directory, expanded);
    if (!joined)
        status = aire__fail_nomem();
    else if (!aire__fs_exists(joined))
        status = aire__fail(AIRE_NOT_FOUND, "%s: %s.%s: there is no file or directory '%s'",
                            node->reader->file, node->where, key, joined);
    else
        status = aire__fs_real_path(ctx, joined, out);
    if (joined != expanded)
        aire_free(ctx, joined);
    aire_free(ctx, expanded);
    return status;
}

static aire_status read_mount(const aire_node *node, aire_env_mount *mount)
{
    static const char *const known[] = {"source", "target", "stages", NULL};
    char *source = NULL;
    aire_status status = aire__node_known(node, known);
    if (status == AIRE_OK)
        status = aire__node_text(node, "source", true, &source);
    if (status == AIRE_OK)
        status = resolve(node, "source", source, &mount->source);
    aire_free(node->reader->ctx, source);
    if (status == AIRE_OK)
        status = aire__node_text(node, "target", true, &mount->target);
    if (status == AIRE_OK && (mount->target[0] != '/' || !aire__path_is_clean(mount->target + 1)))
        return aire__node_fail(node, "target", json_object_get(node->json, "target"),
                               "an absolute path without '.', '..' or a final '/'");
    if (status == AIRE_OK && aire__mount_is_taken(mount->target))
        return aire__node_fail(node, "target", json_object_get(node->json, "target"),
                               "a place that the sandbox does not fill itself, such as /opt/NAME");
    return status == AIRE_OK ? read_stages(node, mount) : status;
}

static aire_status read_mounts(aire_env *env, const aire_node *top)
{
    const json_t *array;
    aire_status status = aire__node_array(top, "mounts", false, MOUNTS_MAX, &array);
    size_t count = json_array_size(array);
    if (status != AIRE_OK || count == 0)
        return status;
    env->mounts = aire__calloc(env->ctx, count, sizeof *env->mounts);
    if (!env->mounts)
        return aire__fail_nomem();
    for (size_t i = 0; i < count && status == AIRE_OK; i++) {
        aire_node node;
        status = aire__node_item(top, "mounts", array, i, &node);
        env->mount_count = i + 1;
        if (status == AIRE_OK)
            status = read_mount(&node, &env->mounts[i]);
        for (size_t k = 0; k < i && status == AIRE_OK; k++)
            if (!strcmp(env->mounts[k].target, env->mounts[i].target))
                status =
                    aire__node_complain(&node, "target", "mounts[%zu] has this target, too", k);
    }
    return status;
}

/* ---- outputs ---- */

static aire_status read_output(const aire_node *node, aire_env_output *output)
{
    static const char *const known[] = {"path", "max_mb", "required", NULL};
    int64_t megabytes = 64;
    output->required = true;
    aire_status status = aire__node_known(node, known);
    if (status == AIRE_OK)
        status = aire__node_text(node, "path", true, &output->path);
    if (status == AIRE_OK && !aire__path_is_clean(output->path))
        return aire__node_fail(node, "path", json_object_get(node->json, "path"),
                               "a path below AIRE_OUT: relative, without '.' or '..'");
    if (status == AIRE_OK)
        status = aire__node_int(node, "max_mb", 1, 1 << 20, &megabytes);
    if (status == AIRE_OK)
        status = aire__node_bool(node, "required", &output->required);
    output->max_bytes = megabytes << 20;
    return status;
}

static aire_status read_outputs(aire_env *env, const aire_node *top)
{
    const json_t *array;
    aire_status status = aire__node_array(top, "outputs", false, OUTPUTS_MAX, &array);
    size_t count = json_array_size(array);
    if (status != AIRE_OK || count == 0)
        return status;
    env->outputs = aire__calloc(env->ctx, count, sizeof *env->outputs);
    if (!env->outputs)
        return aire__fail_nomem();
    for (size_t i = 0; i < count && status == AIRE_OK; i++) {
        aire_node node;
        status = aire__node_item(top, "outputs", array, i, &node);
        env->output_count = i + 1;
        if (status == AIRE_OK)
            status = read_output(&node, &env->outputs[i]);
        for (size_t k = 0; k < i && status == AIRE_OK; k++)
            if (!strcmp(env->outputs[k].path, env->outputs[i].path))
                status = aire__node_complain(&node, "path", "outputs[%zu] has this path, too", k);
    }
    return status;
}

/* ---- budget and seeds ---- */

/* What the sandbox enforces of it. */
static aire_status read_cpu_ratio(aire_env *env, const aire_node *top, aire_buf *text)
{
    aire_node budget;
    bool present;
    aire_status status = aire__node_object(top, "budget", false, &budget, &present);
    const json_t *found =
        status == AIRE_OK && present ? json_object_get(budget.json, "cpu_ratio") : NULL;
    if (!found)
        return status;
    status = aire__node_number(&budget, "cpu_ratio", &env->cpu_ratio);
    if (status == AIRE_OK && !(env->cpu_ratio >= 1))
        return aire__node_fail(&budget, "cpu_ratio", found, "a number from 1");
    aire__buf_printf(text, "%s%g times the processor time of the baseline",
                     text->length ? ", " : "", env->cpu_ratio);
    return status;
}

/* The "budget" of an object, as variables and in words; *vars is NULL if it is not there. */
static aire_status read_budget_of(const aire_node *parent, char ***out, aire_buf *text)
{
    static const char *const known[] = {"tokens", "steps", "wall_s", "cpu_ratio", NULL};
    static const char *const vars[] = {"AIRE_BUDGET_TOKENS", "AIRE_BUDGET_STEPS",
                                       "AIRE_BUDGET_WALL_S"};
    static const char *const words[] = {"tokens", "steps", "s"};
    aire_ctx *ctx = parent->reader->ctx;
    aire_node budget;
    bool present;
    aire_status status = aire__node_object(parent, "budget", false, &budget, &present);
    if (status != AIRE_OK || !present)
        return status;
    *out = aire__calloc(ctx, 4, sizeof **out);
    if (!*out)
        return aire__fail_nomem();
    status = aire__node_known(&budget, known);
    for (size_t i = 0, count = 0; status == AIRE_OK && i < sizeof vars / sizeof *vars; i++) {
        int64_t value = -1;
        status = aire__node_int(&budget, known[i], 0, INT64_MAX, &value);
        if (status != AIRE_OK || value < 0)
            continue;
        aire__buf_printf(text, "%s%lld %s", count ? ", " : "", (long long)value, words[i]);
        (*out)[count] = aire__asprintf(ctx, "%s=%lld", vars[i], (long long)value);
        if (!(*out)[count++])
            status = aire__fail_nomem();
    }
    return status;
}

static aire_status read_budget(aire_env *env, const aire_node *top)
{
    aire_buf text;
    aire__buf_init(&text, env->ctx, 1024);
    aire_status status = read_budget_of(top, &env->budget_vars, &text);
    if (status == AIRE_OK && !env->budget_vars &&
        !(env->budget_vars = aire__calloc(env->ctx, 1, sizeof *env->budget_vars)))
        status = aire__fail_nomem();
    if (status == AIRE_OK)
        status = read_cpu_ratio(env, top, &text);
    if (status == AIRE_OK)
        return aire__buf_take(&text, &env->budget_text, NULL);
    aire__buf_free(&text);
    return status;
}

/* A smoke run may have a budget of its own. */
static aire_status read_smoke_budget(aire_env *env, const aire_node *top)
{
    aire_node smoke;
    bool present;
    aire_buf text;
    aire_status status = aire__node_object(top, "smoke", false, &smoke, &present);
    if (status != AIRE_OK || !present)
        return status;
    aire__buf_init(&text, env->ctx, 1024);
    status = read_budget_of(&smoke, &env->smoke_budget_vars, &text);
    aire__buf_free(&text);
    if (status == AIRE_OK && json_object_get(json_object_get(smoke.json, "budget"), "cpu_ratio"))
        return aire__node_complain(&smoke, "budget.cpu_ratio", "only the budget of a run has this");
    return status;
}

static aire_status read_baseline_seeds(aire_env *env, const aire_node *seed)
{
    const json_t *array;
    aire_status status = aire__node_array(seed, "baseline", false, SEEDS_MAX, &array);
    size_t count = json_array_size(array);
    if (status != AIRE_OK || count == 0)
        return status;
    env->baseline_seeds = aire__calloc(env->ctx, count, sizeof *env->baseline_seeds);
    if (!env->baseline_seeds)
        return aire__fail_nomem();
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_array_get(array, i);
        int64_t number;
        if (!aire__is_int(value, 1, INT64_MAX, &number))
            return aire__node_fail(seed, "baseline", value, "integers from 1");
        for (size_t k = 0; k < i; k++)
            if (env->baseline_seeds[k] == (uint64_t)number)
                return aire__node_complain(seed, "baseline", "found %lld twice", (long long)number);
        env->baseline_seeds[env->baseline_seed_count++] = (uint64_t)number;
    }
    return AIRE_OK;
}

static aire_status read_seed(aire_env *env, const aire_node *top)
{
    static const char *const known[] = {"default", "baseline", "env", NULL};
    aire_node seed;
    bool present;
    int64_t value = 1;
    aire_status status = aire__node_object(top, "seed", false, &seed, &present);
    if (status == AIRE_OK && present)
        status = aire__node_known(&seed, known);
    if (status == AIRE_OK && present)
        status = aire__node_int(&seed, "default", 1, INT64_MAX, &value);
    if (status == AIRE_OK && present)
        status = aire__node_text(&seed, "env", false, &env->seed_var);
    if (status == AIRE_OK && env->seed_var &&
        (!aire__is_variable_name(env->seed_var) || aire__starts_with(env->seed_var, "AIRE_")))
        return aire__node_fail(&seed, "env", json_object_get(seed.json, "env"),
                               "the name of a variable that does not begin with AIRE_");
    env->seed = (uint64_t)value;
    return status == AIRE_OK && present ? read_baseline_seeds(env, &seed) : status;
}

static aire_status read_stop(aire_env *env, const aire_node *stream)
{
    static const char *const known[] = {"rule", "min_step", "min_runs", "eta", NULL};
    static const aire_word rules[] = {
        {"median", AIRE_ENV_STOP_MEDIAN}, {"asha", AIRE_ENV_STOP_ASHA}, {NULL, 0}};
    aire_env_stream_rule *rule = &env->stream;
    aire_node stop;
    bool present;
    int word = AIRE_ENV_STOP_NEVER;
    int64_t runs = 5;
    rule->min_step = 1;
    rule->eta = 3;
    aire_status status = aire__node_object(stream, "stop", false, &stop, &present);
    if (status != AIRE_OK || !present)
        return status;
    status = aire__node_known(&stop, known);
    if (status == AIRE_OK)
        status = aire__node_word(&stop, "rule", true, rules, &word);
    if (status == AIRE_OK)
        status = aire__node_number(&stop, "min_step", &rule->min_step);
    if (status == AIRE_OK)
        status = aire__node_int(&stop, "min_runs", 2, 100000, &runs);
    if (status == AIRE_OK)
        status = aire__node_number(&stop, "eta", &rule->eta);
    if (status == AIRE_OK && rule->min_step <= 0)
        return aire__node_fail(&stop, "min_step", json_object_get(stop.json, "min_step"),
                               "a number above 0");
    if (status == AIRE_OK && rule->eta < 1.5)
        return aire__node_fail(&stop, "eta", json_object_get(stop.json, "eta"),
                               "a number from 1.5");
    rule->stop = (aire_env_stop)word;
    rule->min_runs = (int32_t)runs;
    return status;
}

/* Without a direction of its own the stream's metric has that of the manifest's. */
static aire_status read_stream(aire_env *env, const aire_node *top)
{
    static const char *const known[] = {"metric", "step", "direction", "stop", NULL};
    static const aire_word directions[] = {{"minimize", 1}, {"maximize", 0}, {NULL, 0}};
    aire_node stream;
    bool present;
    int minimize = env->metric.minimize;
    aire_status status = aire__node_object(top, "stream", false, &stream, &present);
    if (status != AIRE_OK || !present)
        return status;
    status = aire__node_known(&stream, known);
    if (status == AIRE_OK)
        status = aire__node_text(&stream, "metric", true, &env->stream.metric);
    if (status == AIRE_OK)
        status = aire__node_text(&stream, "step", false, &env->stream.step);
    if (status == AIRE_OK)
        status = aire__node_word(&stream, "direction", false, directions, &minimize);
    if (status == AIRE_OK && !env->stream.step &&
        !(env->stream.step = aire__strdup(env->ctx, "step")))
        return aire__fail_nomem();
    env->stream.minimize = minimize;
    return status == AIRE_OK ? read_stop(env, &stream) : status;
}

static aire_status read_rest(aire_env *env, const aire_node *top)
{
    int64_t priority = 0;
    aire_status status = aire__node_int(top, "priority", -1000, 1000, &priority);
    env->priority = (int32_t)priority;
    if (status == AIRE_OK)
        status = aire__manifest_read_plausible(env, top);
    return status == AIRE_OK ? aire__manifest_read_retention(env, top) : status;
}

aire_status aire__manifest_read(aire_env *env, const aire_node *top)
{
    static const char *const known[] = {
        "$schema", "aire",     "name",     "goal",      "rules",   "hints",     "files", "build",
        "run",     "smoke",    "evaluate", "mounts",    "outputs", "budget",    "seed",  "metric",
        "stream",  "priority", "knobs",    "retention", "predict", "plausible", NULL};
    static aire_status (*const parts[])(aire_env *, const aire_node *) = {
        read_texts,        read_roles,   aire__manifest_read_steps,
        read_mounts,       read_outputs, read_budget,
        read_smoke_budget, read_seed,    aire__manifest_read_metric,
        read_stream,       read_rest,
    };
    if (!json_is_object(top->json))
        return aire__node_fail(top, NULL, top->json, "an object");
    aire_status status = aire__node_known(top, known);
    for (size_t i = 0; i < sizeof parts / sizeof *parts && status == AIRE_OK; i++)
        status = parts[i](env, top);
    return status;
}
