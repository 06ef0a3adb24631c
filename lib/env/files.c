/* The files of an environment, in memory, with their roles. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fail.h"
#include "base/fs.h"
#include "base/str.h"
#include "env/blocks.h"
#include "env/manifest.h"

#define FILES_MAX 4096
#define BYTES_MAX ((size_t)64 << 20)

static bool matches_any(char **globs, const char *path)
{
    for (size_t i = 0; globs && globs[i]; i++)
        if (aire__glob_match(globs[i], path))
            return true;
    return false;
}

/* Whether a directory or file named ".git" is on the way: it belongs to nobody's experiment. */
static bool is_of_git(const char *path)
{
    for (const char *name = path;; name++) {
        size_t length = strcspn(name, "/");
        if (length == 4 && !memcmp(name, ".git", 4))
            return true;
        name += length;
        if (!*name)
            return false;
    }
}

/* What must not be touched or seen wins over what may. */
int32_t aire__env_role(const aire_env *env, const char *path)
{
    static const int32_t order[] = {AIRE_FILE_HIDDEN, AIRE_FILE_RESERVED, AIRE_FILE_PROTECTED,
                                    AIRE_FILE_EDITABLE};
    if (!strcmp(path, "aire.json") || !aire__path_is_clean(path))
        return AIRE_FILE_PROTECTED;
    if (is_of_git(path) || matches_any(env->globs[0], path))
        return 0;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (matches_any(env->globs[order[i]], path))
            return order[i];
    return AIRE_FILE_PROTECTED;
}

/* Where its user says so. */
static const char *where_to_ignore(const aire_env *env)
{
    return env->adapter ? "the adapter's variable IGNORE, such as IGNORE=data/**,*.bin"
                        : "files.ignore";
}

typedef struct reading {
    aire_env *env;
    size_t capacity, bytes;
} reading;

static aire_status read_file(reading *r, aire_env_file *file, const char *full)
{
    aire_status status =
        aire__fs_read(r->env->ctx, full, BYTES_MAX - r->bytes, &file->data, &file->length);
    if (status == AIRE_LIMIT)
        return aire__fail(
            AIRE_LIMIT,
            "%s: the files of the environment hold more than %zu MiB; large data belongs in a "
            "\"data\" directory, named in %s if it lies here",
            r->env->path, BYTES_MAX >> 20, where_to_ignore(r->env));
    if (status != AIRE_OK)
        return status;
    r->bytes += file->length;
    file->is_text =
        !memchr(file->data, '\0', file->length) && aire__utf8_valid(file->data, file->length);
    return AIRE_OK;
}

/* One more file, so far without content. */
static aire_status add_file(reading *r, const char *path, mode_t mode, aire_env_file **out)
{
    aire_env *env = r->env;
    if (env->file_count == FILES_MAX)
        return aire__fail(AIRE_LIMIT, "%s: more than %d files; name those that do not belong in %s",
                          env->path, FILES_MAX, where_to_ignore(env));
    if (!aire__grow(env->ctx, &env->files, &r->capacity, env->file_count + 1, sizeof *env->files))
        return aire__fail_nomem();
    aire_env_file *file = &env->files[env->file_count];
    *file = (aire_env_file){.path = aire__strdup(env->ctx, path),
                            .role = aire__env_role(env, path),
                            .mode = mode & 0777};
    if (!file->path)
        return aire__fail_nomem();
    env->file_count++;
    *out = file;
    return AIRE_OK;
}

/* How many bytes of a name can be shown to people and models: all, or up to a control character or
 * what is not UTF-8. */
static size_t plain_length(const char *path)
{
    size_t length = 0;
    while ((unsigned char)path[length] >= ' ' && path[length] != 0x7f)
        length++;
    while (length && !aire__utf8_valid(path, length))
        length--;
    return length;
}

static aire_status visit(const char *path, mode_t mode, off_t size, void *data)
{
    reading *r = data;
    aire_env *env = r->env;
    aire_env_file *file;
    if (S_ISDIR(mode) || aire__env_role(env, path) == 0)
        return AIRE_OK;
    size_t plain = plain_length(path);
    if (path[plain])
        return aire__fail(AIRE_FORMAT,
                          "%s: the name of a file that begins with '%.*s' is not plain text in "
                          "UTF-8; rename it, or name it in %s",
                          env->path, (int)plain, path, where_to_ignore(env));
    if (!S_ISREG(mode))
        return aire__fail(AIRE_FORMAT,
                          "%s: '%s' is %s, expected a plain file; remove it, or name it in %s",
                          env->path, path, S_ISLNK(mode) ? "a symbolic link" : "a special file",
                          where_to_ignore(env));
    aire_status status = add_file(r, path, mode, &file);
    if (status != AIRE_OK)
        return status;
    char *full = aire__path_join(env->ctx, env->path, path);
    status = full ? read_file(r, file, full) : aire__fail_nomem();
    aire_free(env->ctx, full);
    return status;
}

/* The files that an adapter brings. */
static aire_status add_adapted(reading *r, const aire_adapted *adapted)
{
    aire_status status = AIRE_OK;
    for (size_t i = 0; adapted && i < adapted->file_count && status == AIRE_OK; i++) {
        const aire_adapted_file *given = &adapted->files[i];
        aire_env_file *file;
        for (size_t k = 0; k < r->env->file_count; k++)
            if (!strcmp(r->env->files[k].path, given->path))
                return aire__fail(AIRE_EXISTS, "%s: '%s' is a name that the adapter needs",
                                  r->env->path, given->path);
        status = add_file(r, given->path, given->mode, &file);
        if (status != AIRE_OK)
            return status;
        file->length = strlen(given->data);
        file->is_text = true;
        file->data = aire__strndup(r->env->ctx, given->data, file->length);
        status = file->data ? AIRE_OK : aire__fail_nomem();
    }
    return status;
}

static int compare_files(const void *a, const void *b)
{
    return strcmp(((const aire_env_file *)a)->path, ((const aire_env_file *)b)->path);
}

/* A glob that names no file is a slip of the pen, and for hidden files a dangerous one. */
static aire_status check_glob(const aire_env *env, const aire_node *top, const char *key,
                              int32_t role, const char *glob)
{
    const char *other = NULL; /* a file that it names, but another list keeps from being editable */
    for (size_t i = 0; i < env->file_count; i++) {
        const aire_env_file *file = &env->files[i];
        if (!aire__glob_match(glob, file->path))
            continue;
        if (role != AIRE_FILE_EDITABLE || file->role == AIRE_FILE_EDITABLE)
            return AIRE_OK;
        other = file->path;
    }
    if (other)
        return aire__node_complain(top, key,
                                   "\"%s\" matches only files that are not editable, as "
                                   "'%s', which is %s",
                                   glob, other, aire_file_role_name(aire__env_role(env, other)));
    return aire__node_complain(top, key, "\"%s\" matches no file", glob);
}

static aire_status check_globs(const aire_env *env, const aire_node *top)
{
    static const char *const keys[] = {NULL, "files.editable", "files.protected", "files.reserved",
                                       "files.hidden"};
    for (int role = AIRE_FILE_EDITABLE; role <= AIRE_FILE_HIDDEN; role++)
        for (size_t i = 0; env->globs[role][i]; i++) {
            aire_status status = check_glob(env, top, keys[role], role, env->globs[role][i]);
            if (status != AIRE_OK)
                return status;
        }
    if (!env->globs[AIRE_FILE_EDITABLE][0])
        return aire__node_complain(top, keys[AIRE_FILE_EDITABLE],
                                   "found an empty array, expected what a patch may touch");
    return AIRE_OK;
}

static aire_status check_blocks(const aire_env *env, const aire_node *top)
{
    char *message = NULL;
    aire_status status = aire__blocks_check_files(env, &message);
    if (status == AIRE_OK && message)
        status = aire__node_complain(top, "files.blocks", "%s", message);
    aire_free(env->ctx, message);
    return status;
}

aire_status aire__env_read_files(aire_env *env, const aire_node *top, const aire_adapted *adapted)
{
    reading r = {.env = env};
    aire_status status = aire__fs_walk(env->ctx, env->path, visit, &r);
    if (status == AIRE_OK)
        status = add_adapted(&r, adapted);
    if (status != AIRE_OK)
        return status;
    if (env->file_count)
        qsort(env->files, env->file_count, sizeof *env->files, compare_files);
    status = check_globs(env, top);
    return status == AIRE_OK ? check_blocks(env, top) : status;
}

static int compare_path(const void *key, const void *item)
{
    return strcmp(key, ((const aire_env_file *)item)->path);
}

const aire_env_file *aire__env_file(const aire_env *env, const char *path)
{
    if (env->file_count == 0)
        return NULL;
    return bsearch(path, env->files, env->file_count, sizeof *env->files, compare_path);
}

void aire__env_files_free(aire_env *env)
{
    for (size_t i = 0; i < env->file_count; i++) {
        aire_free(env->ctx, env->files[i].path);
        aire_free(env->ctx, env->files[i].data);
    }
    aire_free(env->ctx, env->files);
    for (int role = 0; role < 5; role++)
        aire__texts_free(env->ctx, env->globs[role]);
}
