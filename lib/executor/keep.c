/*
 * What is kept of a try:
 *
 *     keep/variant/...    the files that its build found, as they were patched
 *     keep/outputs/...    the declared outputs: as they were evaluated, else as the run left them
 *     keep/logs/...       of each stage; the stream; the evaluation's report
 *
 * The variant is written anew from what the library itself holds, and not taken from the workspace:
 * that has been in the hands of the run, and is not what was tried any more.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/fs.h"
#include "base/str.h"
#include "executor/job.h"

enum { BLOCK = 4096, MODE_KEPT = 0755 };
#define LOG_MAX ((int64_t)64 << 20)

/* ---- moving files ---- */

/* The directory that holds a path below a directory of the try. -1 with errno. */
static int open_parent(const aire_try *t, const char *directory, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *parent =
        aire__strndup(t->shop->ctx, slash ? path : ".", slash ? (size_t)(slash - path) : 1);
    int fd = parent ? aire__workspace_open(t, directory, parent, O_PATH | O_DIRECTORY) : -1;
    aire_free(t->shop->ctx, parent);
    return fd;
}

/* Whether it is a plain file of at most `max` bytes; it then has no rights but plain ones. Nothing
 * else is opened: to open a device may do something. */
static bool make_plain(int parent, const char *name, int64_t max)
{
    struct stat info;
    if (fstatat(parent, name, &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(info.st_mode) ||
        info.st_size > max)
        return false;
    int fd = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    bool plain = fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) &&
                 fchmod(fd, (info.st_mode & MODE_KEPT) | 0600) == 0;
    if (fd >= 0)
        close(fd);
    return plain;
}

static aire_status make_parents(aire_ctx *ctx, char *path)
{
    char *slash = strrchr(path, '/');
    *slash = '\0';
    aire_status status = aire__fs_mkdirs(ctx, path, 0755);
    *slash = '/';
    return status;
}

/* Move a plain file to a part. What is none, or is not there, stays where it is. */
static aire_status take(const aire_try *t, const char *directory, const char *path,
                        const char *part, int64_t max)
{
    aire_ctx *ctx = t->shop->ctx;
    aire_status status = AIRE_OK;
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    int parent = open_parent(t, directory, path);
    if (parent < 0)
        return AIRE_OK;
    if (make_plain(parent, name, max)) {
        char *to = aire__asprintf(ctx, "%s/keep/%s/%s", t->directory, part, path);
        status = to ? make_parents(ctx, to) : aire__fail_nomem();
        if (status == AIRE_OK && renameat(parent, name, AT_FDCWD, to) != 0)
            status = aire__fail_errno(AIRE_IO, errno, "cannot move '%s' to '%s'", path, to);
        aire_free(ctx, to);
    }
    close(parent);
    return status;
}

/* ---- the parts ---- */

static bool is_wanted(const aire_try *t, uint32_t part)
{
    return (t->shop->env->retention.keep & part) != 0;
}

static aire_status gather_variant(const aire_try *t)
{
    char *path = aire__try_path(t, "keep/variant");
    /* what an earlier process may have begun */
    aire_status status = path ? aire__fs_remove_tree(t->shop->ctx, path) : aire__fail_nomem();
    aire_free(t->shop->ctx, path);
    return status == AIRE_OK ? aire__workspace_fill(t, "keep/variant", true, false) : status;
}

/* What was evaluated is what the reward is of; where it did not come to that, the run's own. */
static aire_status gather_outputs(const aire_try *t)
{
    const aire_env *env = t->shop->env;
    aire_status status = AIRE_OK;
    for (size_t i = 0; status == AIRE_OK && i < env->output_count; i++) {
        const aire_env_output *output = &env->outputs[i];
        char *kept = aire__asprintf(t->shop->ctx, "%s/keep/outputs/%s", t->directory, output->path);
        if (!kept)
            return aire__fail_nomem();
        status = take(t, "handed", output->path, "outputs", output->max_bytes);
        if (status == AIRE_OK && !aire__fs_exists(kept))
            status = take(t, "out", output->path, "outputs", output->max_bytes);
        aire_free(t->shop->ctx, kept);
    }
    return status;
}

static aire_status gather_logs(const aire_try *t)
{
    aire_status status = AIRE_OK;
    for (int stage = AIRE_STAGE_BUILD; status == AIRE_OK && stage < AIRE_ENV_STAGES; stage++) {
        char name[32];
        snprintf(name, sizeof name, "%s.log", aire_stage_name(stage));
        status = take(t, ".", name, "logs", INT64_MAX); /* the sandbox has bounded it */
    }
    if (status == AIRE_OK)
        status = take(t, ".", "report.json", "logs", LOG_MAX);
    if (status == AIRE_OK)
        status = take(t, "out", strrchr(AIRE_ENV_STREAM, '/') + 1, "logs", LOG_MAX);
    return status;
}

/* ---- how much it is ---- */

/* Not less than it takes: a file has whole blocks and its own entry, and one with holes is counted
 * as if it had none. */
static aire_status add_size(const char *relative, mode_t mode, off_t size, void *data)
{
    int64_t *bytes = data;
    int64_t blocks = (S_ISREG(mode) && size > 0 ? (int64_t)size : 0) / BLOCK + 1;
    bool fits = blocks <= (INT64_MAX - *bytes) / BLOCK;
    *bytes = fits ? *bytes + blocks * BLOCK : INT64_MAX;
    return AIRE_OK;
}

aire_status aire__keep_size(aire_ctx *ctx, const char *directory, int64_t *bytes)
{
    *bytes = 0;
    aire_status status = aire__fs_walk(ctx, directory, add_size, bytes);
    return status == AIRE_NOT_FOUND ? AIRE_OK : status;
}

aire_status aire__keep_gather(aire_try *t, int64_t *bytes)
{
    aire_status status = AIRE_OK;
    *bytes = 0;
    if (is_wanted(t, AIRE_KEEP_VARIANT))
        status = gather_variant(t);
    if (status == AIRE_OK && is_wanted(t, AIRE_KEEP_OUTPUTS))
        status = gather_outputs(t);
    if (status == AIRE_OK && is_wanted(t, AIRE_KEEP_LOGS))
        status = gather_logs(t);
    char *path = status == AIRE_OK ? aire__try_path(t, "keep") : NULL;
    if (status == AIRE_OK)
        status = path ? aire__keep_size(t->shop->ctx, path, bytes) : aire__fail_nomem();
    aire_free(t->shop->ctx, path);
    return status;
}
