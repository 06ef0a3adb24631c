/**
 * @file env.h
 * Environments: a directory with baseline code and a manifest, aire.json, that says what the
 * problem is, which files may be edited, how to build, run and evaluate, and what the reward is.
 */
#ifndef AIRE_ENV_H
#define AIRE_ENV_H

#include "aire/context.h"

AIRE_BEGIN_DECLS

/** An environment. Reference counted; immutable (share freely). */
typedef struct aire_env aire_env;

/** Roles of a file: X(NAME, value, word). */
#define AIRE_FILE_ROLE_MAP(X)                                                                      \
    X(EDITABLE, 1, "editable")   /* a patch may touch it */                                        \
    X(PROTECTED, 2, "protected") /* never patched; restored before evaluation */                   \
    X(RESERVED, 3, "reserved")   /* announced to the model, but not shown; never patched */        \
    X(HIDDEN, 4, "hidden")       /* never shown, and absent from build and run */

#define AIRE_FILE_ROLE_ENUM_(name, value, word) AIRE_FILE_##name = value,
enum { AIRE_FILE_ROLE_MAP(AIRE_FILE_ROLE_ENUM_) };
#undef AIRE_FILE_ROLE_ENUM_

/** Options of aire_env_open. */
typedef struct aire_env_options {
    uint32_t struct_size; /**< sizeof(aire_env_options) */
    uint32_t reserved;    /**< must be 0 */
    /** "NAME=value" strings that replace ${NAME} in mounts and commands; ends in NULL; nullable. */
    const char *const *variables;
    /** How the directory of another system is read: "openevolve", "autoresearch", "paper"; "auto":
     *  the one that fits, if there is no aire.json. Nullable: it has an aire.json. */
    const char *adapter;
} aire_env_options;

/** Default options. */
#define AIRE_ENV_OPTIONS_INIT                                                                      \
    { sizeof(aire_env_options), 0, NULL, NULL }

/** Set @p options of @p size bytes to the defaults; AIRE_ABI if @p size is unknown. @since 0.1 */
AIRE_API aire_status aire_env_options_init(aire_env_options *options, size_t size);

/**
 * Read and check the manifest of the environment in a directory, and its files.
 *
 * Every mistake is reported with the manifest's path, the key (as in `run.limits.wall_s`), what was
 * found and what was expected; a syntax error with line and column. Unknown keys are mistakes.
 * ${AIRE_ENV} is always known: the directory itself.
 *
 * With `adapter` the directory is one of another system, which stays as it is; the manifest is made
 * from it (aire_env_manifest shows it). `variables` then also say what an adapter cannot know:
 *
 *     PYTHON       the interpreter, such as /x/venv/bin/python, which is mounted with its packages;
 *                  else .venv/bin/python of the directory, else the system's python3
 *     DATA         a directory that is mounted read-only: as AIRE_DATA (openevolve), as
 *                  ~/.cache/autoresearch (autoresearch), or its files beside the scripts (paper)
 *     CACHE        a directory that is mounted read-only as ~/.cache (autoresearch, paper)
 *     IGNORE       globs between commas: files that do not belong, such as *.bin,*.ckpt
 *     TIMEOUT_S, CPUS, GPUS, MEMORY_MB   limits of the run or the evaluation
 *     STAGE_TIMEOUT_S                    of each stage of the evaluator (openevolve)
 *     BUDGET_S                           instead of prepare.py's TIME_BUDGET (autoresearch)
 *     METRIC, DIRECTION, PATTERN         what is read from the log (autoresearch, paper)
 *
 * The metric of such an environment is self_reported: the evaluated code runs beside its evaluator,
 * or writes the log that is read.
 *
 * @param path    directory that holds aire.json, or is one for the adapter
 * @param options nullable: no variables
 * @param[out] out owned by caller, release with aire_env_unref; NULL on failure
 * @return AIRE_OK, AIRE_NOT_FOUND, AIRE_FORMAT, AIRE_IO, AIRE_LIMIT (too many or too large files),
 *         AIRE_INVALID (no such adapter, a variable's value), AIRE_EXISTS (an adapter was named, and
 *         there is an aire.json), AIRE_UNSUPPORTED (an interpreter where sandboxes have something of
 *         their own), AIRE_NOMEM, AIRE_ABI
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_env_open(aire_ctx *ctx, const char *path,
                                              const aire_env_options *options, aire_env **out);

/** Take a reference; returns @p env. @since 0.1 */
AIRE_API aire_env *aire_env_ref(aire_env *env);
/** Drop a reference; NULL is allowed. @since 0.1 */
AIRE_API void aire_env_unref(aire_env *env);

/** Name in the manifest. Borrowed, until the environment is released; so are the strings below. @since 0.1 */
AIRE_API const char *aire_env_name(const aire_env *env);
/** Directory that it was opened from, absolute. @since 0.1 */
AIRE_API const char *aire_env_path(const aire_env *env);
/** Word of the adapter that made the manifest; "" if it has an aire.json. @since 0.1 */
AIRE_API const char *aire_env_adapter(const aire_env *env);
/** The manifest as JSON text: the aire.json, or what an adapter made. @since 0.1 */
AIRE_API const char *aire_env_manifest(const aire_env *env);
/** What is to be achieved, for the ideator. @since 0.1 */
AIRE_API const char *aire_env_goal(const aire_env *env);
/** Name of the metric that the reward is made from. @since 0.1 */
AIRE_API const char *aire_env_metric(const aire_env *env);
/** AIRE_TRUST_* of that metric: who measures it. @since 0.1 */
AIRE_API int32_t aire_env_trust(const aire_env *env);
/** Content hash of the manifest and all files, 64 hexadecimal digits. @since 0.1 */
AIRE_API const char *aire_env_hash(const aire_env *env);

/** Number of files, of all roles, in path order. @since 0.1 */
AIRE_API size_t aire_env_file_count(const aire_env *env);
/** Path of file @p index, relative to the directory; NULL out of range. @since 0.1 */
AIRE_API const char *aire_env_file_path(const aire_env *env, size_t index);
/** AIRE_FILE_* of file @p index; 0 out of range. @since 0.1 */
AIRE_API int32_t aire_env_file_role(const aire_env *env, size_t index);
/**
 * Content of file @p index, with a NUL behind it, and whether its owner may execute it. Borrowed, until
 * the environment is released.
 *
 * @param[out] length in bytes; nullable
 * @param[out] is_program 1 or 0; nullable
 * @return NULL out of range
 * @since 0.1
 */
AIRE_API const char *aire_env_file_data(const aire_env *env, size_t index, size_t *length,
                                        int32_t *is_program);
/**
 * Where an editable file may change: by its lines, as "4 to 9, after 20", if the manifest's
 * `files.blocks` stand in it; "" everywhere.
 *
 * @param[out] out owned by caller, free with aire_free
 * @return AIRE_OK, AIRE_INVALID (out of range), AIRE_NOMEM
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_env_file_regions(const aire_env *env, size_t index, char **out);
/** Word for a role; "?" if unknown. Static storage. @since 0.1 */
AIRE_API const char *aire_file_role_name(int32_t role);

/**
 * The reward that a value of the metric is worth, by the manifest's transform.
 *
 * @param[out] reward written only on success
 * @return AIRE_OK; AIRE_INVALID if @p value is not finite or its reward is not; AIRE_LIMIT if it is
 *         outside the manifest's valid range
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_env_reward(const aire_env *env, double value, double *reward);

AIRE_END_DECLS

#endif
