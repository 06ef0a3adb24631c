/* Environments: opening, releasing, and what hosts may ask. */
#include "env/env.h"

#include <string.h>

#include "base/fail.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/options.h"
#include "base/str.h"
#include "env/manifest.h"

#define MANIFEST_MAX ((size_t)4 << 20)

aire_status aire_env_options_init(aire_env_options *options, size_t size)
{
    return aire__options_init(options, size, sizeof *options, sizeof *options, "aire_env_options");
}

static void env_free(aire_env *env)
{
    aire_ctx *ctx = env->ctx;
    aire__env_files_free(env);
    aire__env_steps_free(env);
    aire__env_knobs_free(env);
    aire__texts_free(ctx, env->budget_vars);
    aire__texts_free(ctx, env->smoke_budget_vars);
    aire__texts_free(ctx, env->variables);
    for (size_t i = 0; i < env->mount_count; i++) {
        aire_free(ctx, env->mounts[i].source);
        aire_free(ctx, env->mounts[i].target);
    }
    for (size_t i = 0; i < env->output_count; i++)
        aire_free(ctx, env->outputs[i].path);
    void *blocks[] = {env->path,           env->name,          env->goal,     env->rules,
                      env->hints,          env->mounts,        env->outputs,  env->metric.name,
                      env->metric.pattern, env->budget_text,   env->seed_var, env->stream.metric,
                      env->stream.step,    env->baseline_seeds};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        aire_free(ctx, blocks[i]);
    aire_free(ctx, env);
    aire_ctx_unref(ctx);
}

static void hash_files(aire_env *env)
{
    aire_sha256 hash;
    aire__sha256_init(&hash);
    for (size_t i = 0; i < env->file_count; i++) {
        const aire_env_file *file = &env->files[i];
        uint8_t traits[2] = {(uint8_t)file->role, (file->mode & 0111) != 0};
        aire__sha256_field(&hash, file->path, strlen(file->path));
        aire__sha256_field(&hash, traits, sizeof traits);
        aire__sha256_field(&hash, file->data, file->length);
    }
    aire__sha256_hex(&hash, env->hash);
}

static aire_status read_all(aire_env *env, const aire_reader *reader, const json_t *manifest)
{
    aire_node top = {.reader = reader, .json = manifest};
    aire_status status = aire__manifest_read(env, &top);
    if (status == AIRE_OK)
        status = aire__env_read_files(env, &top);
    if (status == AIRE_OK)
        status = aire__manifest_read_knobs(env, &top);
    if (status == AIRE_OK)
        hash_files(env);
    return status;
}

static aire_status read_manifest(aire_env *env, const char *const *variables)
{
    char *file = aire__path_join(env->ctx, env->path, "aire.json"), *text = NULL;
    json_t *manifest = NULL;
    size_t length;
    if (!file)
        return aire__fail_nomem();
    aire_reader reader = {env->ctx, file, env->path, variables};
    aire_status status = aire__fs_read(env->ctx, file, MANIFEST_MAX, &text, &length);
    if (status == AIRE_NOT_FOUND)
        status =
            aire__fail(AIRE_NOT_FOUND, "'%s' is no environment: it has no aire.json", env->path);
    else if (status == AIRE_OK)
        status = aire__json_load(text, length, file, &manifest);
    if (status == AIRE_OK)
        status = read_all(env, &reader, manifest);
    json_decref(manifest);
    aire_free(env->ctx, text);
    aire_free(env->ctx, file);
    return status;
}

static aire_status check_variables(const char *const *variables)
{
    for (size_t i = 0; variables && variables[i]; i++)
        if (!strchr(variables[i], '=') || variables[i][0] == '=')
            return aire__fail(AIRE_INVALID, "aire_env_open: the variable '%s' is not NAME=value",
                              variables[i]);
    return AIRE_OK;
}

static aire_status keep_variables(aire_env *env, const char *const *variables)
{
    size_t count = 0;
    while (variables && variables[count])
        count++;
    env->variables = aire__calloc(env->ctx, count + 1, sizeof *env->variables);
    if (!env->variables)
        return aire__fail_nomem();
    for (size_t i = 0; i < count; i++)
        if (!(env->variables[i] = aire__strdup(env->ctx, variables[i])))
            return aire__fail_nomem();
    return AIRE_OK;
}

aire_status aire_env_open(aire_ctx *ctx, const char *path, const aire_env_options *options,
                          aire_env **out)
{
    aire_env_options given;
    if (!ctx || !path || !out)
        return aire__fail(AIRE_INVALID, "aire_env_open: ctx, path and out must not be NULL");
    *out = NULL;
    aire_status status =
        aire__options_take(options, &given, sizeof given, sizeof given, "aire_env_options");
    if (status == AIRE_OK)
        status = check_variables(given.variables);
    if (status != AIRE_OK)
        return status;
    aire_env *env = aire__calloc(ctx, 1, sizeof *env);
    if (!env)
        return aire__fail_nomem();
    aire__ref_init(&env->refs);
    env->ctx = aire_ctx_ref(ctx);
    status = aire__fs_real_path(ctx, path, &env->path);
    if (status == AIRE_OK)
        status = keep_variables(env, given.variables);
    if (status == AIRE_OK)
        status = read_manifest(env, given.variables);
    if (status != AIRE_OK) {
        env_free(env);
        return status;
    }
    *out = env;
    return AIRE_OK;
}

aire_env *aire_env_ref(aire_env *env)
{
    if (env)
        aire__ref_take(&env->refs);
    return env;
}

void aire_env_unref(aire_env *env)
{
    if (env && aire__ref_drop(&env->refs))
        env_free(env);
}

const char *aire_env_name(const aire_env *env)
{
    return env->name;
}

const char *aire_env_path(const aire_env *env)
{
    return env->path;
}

const char *aire_env_goal(const aire_env *env)
{
    return env->goal;
}

const char *aire_env_metric(const aire_env *env)
{
    return env->metric.name;
}

const char *aire_env_hash(const aire_env *env)
{
    return env->hash;
}

size_t aire_env_file_count(const aire_env *env)
{
    return env->file_count;
}

const char *aire_env_file_path(const aire_env *env, size_t index)
{
    return index < env->file_count ? env->files[index].path : NULL;
}

int32_t aire_env_file_role(const aire_env *env, size_t index)
{
    return index < env->file_count ? env->files[index].role : 0;
}

const char *aire_file_role_name(int32_t role)
{
    switch (role) {
#define WORD(name, value, word)                                                                    \
    case value:                                                                                    \
        return word;
        AIRE_FILE_ROLE_MAP(WORD)
#undef WORD
    default:
        return "?";
    }
}
