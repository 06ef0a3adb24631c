/* Environments: opening, releasing, and what hosts may ask. */
#include "env/env.h"

#include <string.h>

#include "base/fail.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/options.h"
#include "base/str.h"
#include "env/adapt.h"
#include "env/blocks.h"
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
    aire__texts_free(ctx, env->block_marks);
    for (size_t i = 0; i < env->mount_count; i++) {
        aire_free(ctx, env->mounts[i].source);
        aire_free(ctx, env->mounts[i].target);
    }
    for (size_t i = 0; i < env->output_count; i++)
        aire_free(ctx, env->outputs[i].path);
    void *blocks[] = {env->path,           env->name,           env->goal,     env->rules,
                      env->hints,          env->mounts,         env->outputs,  env->metric.name,
                      env->metric.pattern, env->budget_text,    env->seed_var, env->stream.metric,
                      env->stream.step,    env->baseline_seeds, env->manifest};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        aire_free(ctx, blocks[i]);
    aire_free(ctx, env);
    aire_ctx_unref(ctx);
}

static void hash_files(aire_env *env)
{
    aire_sha256 hash;
    aire__sha256_init(&hash);
    if (env->adapter) /* of others it is among the files */
        aire__sha256_field(&hash, env->manifest, strlen(env->manifest));
    for (size_t i = 0; i < env->file_count; i++) {
        const aire_env_file *file = &env->files[i];
        uint8_t traits[2] = {(uint8_t)file->role, (file->mode & 0111) != 0};
        aire__sha256_field(&hash, file->path, strlen(file->path));
        aire__sha256_field(&hash, traits, sizeof traits);
        aire__sha256_field(&hash, file->data, file->length);
    }
    aire__sha256_hex(&hash, env->hash);
}

static aire_status read_all(aire_env *env, const aire_reader *reader, const json_t *manifest,
                            const aire_adapted *adapted)
{
    aire_node top = {.reader = reader, .json = manifest};
    aire_status status = aire__manifest_read(env, &top);
    if (status == AIRE_OK)
        status = aire__env_read_files(env, &top, adapted);
    if (status == AIRE_OK)
        status = aire__manifest_read_knobs(env, &top);
    if (status == AIRE_OK)
        hash_files(env);
    return status;
}

/* The manifest of an aire.json. */
static aire_status read_manifest(aire_env *env, const char *const *variables)
{
    char *file = aire__path_join(env->ctx, env->path, "aire.json");
    json_t *manifest = NULL;
    size_t length;
    if (!file)
        return aire__fail_nomem();
    aire_reader reader = {env->ctx, file, env->path, variables};
    aire_status status = aire__fs_read(env->ctx, file, MANIFEST_MAX, &env->manifest, &length);
    if (status == AIRE_NOT_FOUND)
        status =
            aire__fail(AIRE_NOT_FOUND, "'%s' is no environment: it has no aire.json", env->path);
    else if (status == AIRE_OK)
        status = aire__json_load(env->manifest, length, file, &manifest);
    if (status == AIRE_OK)
        status = read_all(env, &reader, manifest, NULL);
    json_decref(manifest);
    aire_free(env->ctx, file);
    return status;
}

/* The manifest that an adapter makes. */
static aire_status make_manifest(aire_env *env, const char *word, const char *const *variables)
{
    aire_adapted adapted = {0};
    aire_status status = aire__adapt(env->ctx, env->path, word, variables, &env->adapter, &adapted);
    if (status != AIRE_OK)
        return status;
    char *what = aire__asprintf(env->ctx, "%s (by the adapter %s)", env->path, env->adapter);
    aire_reader reader = {env->ctx, what, env->path, variables};
    status = what ? aire__json_dump_lines(env->ctx, adapted.manifest, &env->manifest)
                  : aire__fail_nomem();
    if (status == AIRE_OK)
        status = read_all(env, &reader, adapted.manifest, &adapted);
    aire__adapted_clear(&adapted);
    aire_free(env->ctx, what);
    return status;
}

static aire_status has_manifest(const aire_env *env, bool *out)
{
    char *file = aire__path_join(env->ctx, env->path, "aire.json");
    if (!file)
        return aire__fail_nomem();
    *out = aire__fs_exists(file);
    aire_free(env->ctx, file);
    return AIRE_OK;
}

/* "auto" is for whatever it is; an adapter that was named must not pass over an aire.json. */
static aire_status read_or_make(aire_env *env, const aire_env_options *given)
{
    bool has = false;
    aire_status status = has_manifest(env, &has);
    if (status != AIRE_OK)
        return status;
    if (!given->adapter || (has && !strcmp(given->adapter, "auto")))
        return read_manifest(env, given->variables);
    if (has)
        return aire__fail(AIRE_EXISTS,
                          "'%s' has an aire.json: it is an environment already, and needs no "
                          "adapter",
                          env->path);
    return make_manifest(env, given->adapter, given->variables);
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
        status = read_or_make(env, &given);
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

const char *aire_env_adapter(const aire_env *env)
{
    return env->adapter ? env->adapter : "";
}

const char *aire_env_manifest(const aire_env *env)
{
    return env->manifest;
}

const char *aire_env_goal(const aire_env *env)
{
    return env->goal;
}

const char *aire_env_metric(const aire_env *env)
{
    return env->metric.name;
}

int32_t aire_env_trust(const aire_env *env)
{
    return env->metric.trust;
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

const char *aire_env_file_data(const aire_env *env, size_t index, size_t *length,
                               int32_t *is_program)
{
    if (index >= env->file_count)
        return NULL;
    if (length)
        *length = env->files[index].length;
    if (is_program)
        *is_program = (env->files[index].mode & 0100) != 0;
    return env->files[index].data;
}

aire_status aire_env_file_regions(const aire_env *env, size_t index, char **out)
{
    if (!env || !out || index >= env->file_count)
        return aire__fail(AIRE_INVALID, "aire_env_file_regions: there is no file %zu", index);
    return aire__blocks_list(env, &env->files[index], out);
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
