/*
 * The directories of a try:
 *
 *     run-ID-ATTEMPT/workspace     the variant, for build and run
 *     run-ID-ATTEMPT/out           what the run hands over
 *     run-ID-ATTEMPT/smoke, smoke-out  the same two for the smoke run (see smoke.c)
 *     run-ID-ATTEMPT/judge         the original files, for evaluate
 *     run-ID-ATTEMPT/handed        copies of the declared outputs, for evaluate and predict
 *     run-ID-ATTEMPT/passes        what the evaluator wants predicted (see passes.c)
 *     run-ID-ATTEMPT/served/N      one pass: its input, and what the variant's model answers
 *     run-ID-ATTEMPT/answers       copies of the answers, for evaluate
 *     run-ID-ATTEMPT/keep          what is kept of it, on its way to kept/run-ID (see keep.c)
 *
 * One that is to be removed is called gone-ID-ATTEMPT first, so that what is left of it after a
 * crash is not taken for a whole one.
 *
 * What a run leaves behind is hostile: it is opened beneath its directory, never through a link,
 * and only plain files are read.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/fs.h"
#include "base/str.h"
#include "executor/job.h"

char *aire__try_path(const aire_try *t, const char *name)
{
    return aire__path_join(t->shop->ctx, t->directory, name);
}

aire_status aire__workspace_make_directory(const aire_try *t, const char *name)
{
    char *path = aire__try_path(t, name);
    aire_status status = path ? aire__fs_mkdirs(t->shop->ctx, path, 0755) : aire__fail_nomem();
    aire_free(t->shop->ctx, path);
    return status;
}

aire_status aire__workspace_place(const aire_try *t, const char *directory, const char *path,
                                  char **out)
{
    char *full = aire__asprintf(t->shop->ctx, "%s/%s/%s", t->directory, directory, path);
    if (!full)
        return aire__fail_nomem();
    char *slash = strrchr(full, '/');
    *slash = '\0';
    aire_status status = aire__fs_mkdirs(t->shop->ctx, full, 0755);
    *slash = '/';
    if (status == AIRE_OK)
        *out = full;
    else
        aire_free(t->shop->ctx, full);
    return status;
}

/* Write a file below a directory of the try. No sync: a workspace does not outlive a crash. */
static aire_status write_file(const aire_try *t, const char *directory, const char *path,
                              const char *data, size_t length, mode_t mode)
{
    char *full = NULL;
    aire_status status = aire__workspace_place(t, directory, path, &full);
    if (status != AIRE_OK)
        return status;
    int fd = open(full, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    int errnum = fd < 0 ? errno : aire__write_all(fd, data, length);
    if (!errnum && fchmod(fd, mode) != 0)
        errnum = errno;
    if (fd >= 0 && close(fd) != 0 && !errnum)
        errnum = errno;
    if (errnum)
        status = aire__fail_errno(AIRE_IO, errnum, "cannot write '%s'", full);
    aire_free(t->shop->ctx, full);
    return status;
}

static const aire_patch_edit *find_edit(const aire_try *t, const char *path)
{
    for (size_t i = 0; i < t->patched.edit_count; i++)
        if (!strcmp(t->patched.edits[i].path, path))
            return &t->patched.edits[i];
    return NULL;
}

aire_status aire__workspace_fill(const aire_try *t, const char *directory, bool variant,
                                 bool hidden)
{
    const aire_env *env = t->shop->env;
    aire_status status = AIRE_OK;
    for (size_t i = 0; i < env->file_count && status == AIRE_OK; i++) {
        const aire_env_file *file = &env->files[i];
        const aire_patch_edit *edit = find_edit(t, file->path);
        bool wanted =
            file->role == AIRE_FILE_EDITABLE ? variant : file->role != AIRE_FILE_HIDDEN || hidden;
        if (!wanted || (edit && !edit->data))
            continue;
        status = write_file(t, directory, file->path, edit ? edit->data : file->data,
                            edit ? edit->length : file->length, (mode_t)(file->mode | 0600));
    }
    for (size_t i = 0; i < t->patched.edit_count && variant && status == AIRE_OK; i++) {
        const aire_patch_edit *edit = &t->patched.edits[i];
        if (edit->created && edit->data)
            status = write_file(t, directory, edit->path, edit->data, edit->length, 0644);
    }
    return status;
}

aire_status aire__workspace_check_size(aire_try *t)
{
    const aire_env *env = t->shop->env;
    size_t bytes = 0;
    if (env->max_bytes == 0 || t->patched.edit_count == 0)
        return AIRE_OK;
    for (size_t i = 0; i < env->file_count; i++)
        if (env->files[i].role == AIRE_FILE_EDITABLE && !find_edit(t, env->files[i].path))
            bytes += env->files[i].length;
    for (size_t i = 0; i < t->patched.edit_count; i++)
        bytes += t->patched.edits[i].data ? t->patched.edits[i].length : 0;
    if (bytes <= (size_t)env->max_bytes)
        return AIRE_OK;
    return aire__settle(
        t, AIRE_OUTCOME_VIOLATION, AIRE_CAUSE_VARIANT_SIZE,
        "the editable files have %zu bytes with the patch, at most %lld are allowed", bytes,
        (long long)env->max_bytes);
}

aire_status aire__workspace_make(aire_try *t)
{
    t->directory = aire__asprintf(t->shop->ctx, "%s/run-%lld-%d", t->shop->work_dir,
                                  (long long)t->run->id, t->attempt);
    if (!t->directory)
        return aire__fail_nomem();
    aire_status status = aire__fs_remove_tree(t->shop->ctx, t->directory);
    if (status == AIRE_OK)
        status = aire__workspace_make_directory(t, "workspace");
    if (status == AIRE_OK)
        status = aire__workspace_make_directory(t, "out");
    return status == AIRE_OK ? aire__workspace_fill(t, "workspace", true, false) : status;
}

/* ---- what a run left ---- */

int aire__workspace_open(const aire_try *t, const char *directory, const char *path, int flags)
{
    char *root = aire__try_path(t, directory);
    int dir = root ? open(root, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
    int errnum = root ? errno : ENOMEM;
    aire_free(t->shop->ctx, root);
    errno = errnum;
    if (dir < 0)
        return -1;
    struct open_how how = {.flags = (uint64_t)flags | O_CLOEXEC,
                           .resolve =
                               RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
    errnum = errno;
    close(dir);
    errno = errnum;
    return fd;
}

/* Whether opening failed for what the run left there, and not for want of something of ours. */
static bool is_of_the_run(int errnum)
{
    switch (errnum) {
    case EINVAL: /* not plain, as open_beneath says */
    case ELOOP:
    case EXDEV:
    case ENOTDIR:
    case ENXIO:
    case EACCES:
    case EPERM:
    case ENAMETOOLONG:
        return true;
    default:
        return false;
    }
}

static aire_status fail_open(const char *path, const char *place)
{
    return errno == ENOMEM
               ? aire__fail_nomem()
               : aire__fail_errno(AIRE_IO, errno, "cannot open '%s' in %s", path, place);
}

/* Open a plain file below a directory of the try. -1 with errno, also EINVAL (not plain). */
static int open_beneath(const aire_try *t, const char *directory, const char *path,
                        struct stat *info)
{
    int fd = aire__workspace_open(t, directory, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    int errnum = errno;
    if (fd >= 0 && (fstat(fd, info) != 0 || !S_ISREG(info->st_mode))) {
        close(fd);
        fd = -1;
        errnum = EINVAL;
    }
    errno = errnum;
    return fd;
}

static aire_status read_all(aire_ctx *ctx, int fd, size_t max, char **out, size_t *length)
{
    aire_buf buf;
    char chunk[16384];
    ssize_t count = 1;
    aire__buf_init(&buf, ctx, max);
    while (count > 0 && buf.length < max) {
        size_t want = max - buf.length < sizeof chunk ? max - buf.length : sizeof chunk;
        count = aire__read_full(fd, chunk, want);
        if (count > 0)
            aire__buf_append(&buf, chunk, (size_t)count);
    }
    return aire__buf_take(&buf, out, length);
}

aire_status aire__workspace_read(aire_try *t, const char *path, size_t max, char **out,
                                 size_t *length)
{
    struct stat info;
    int fd = open_beneath(t, "out", path, &info);
    if (fd < 0) {
        *out = aire__strdup(t->shop->ctx, "");
        *length = 0;
        return *out ? AIRE_OK : aire__fail_nomem();
    }
    aire_status status = read_all(t->shop->ctx, fd, max, out, length);
    close(fd);
    return status;
}

static aire_status compare(const aire_try *t, const aire_env_file *file, bool *same)
{
    struct stat info;
    char *data = NULL;
    size_t length = 0;
    int fd = open_beneath(t, "workspace", file->path, &info);
    *same = false;
    if (fd < 0)
        return errno == ENOENT || is_of_the_run(errno) ? AIRE_OK
                                                       : fail_open(file->path, "the workspace");
    aire_status status = AIRE_OK;
    if ((size_t)info.st_size == file->length)
        status = read_all(t->shop->ctx, fd, file->length + 1, &data, &length);
    *same = data && length == file->length && memcmp(data, file->data, length) == 0;
    close(fd);
    aire_free(t->shop->ctx, data);
    return status;
}

/* A stage may have taken away the rights to its own directories, which the next one is to enter. */
static aire_status give_rights_back(const aire_try *t, const char *name)
{
    char *path = aire__try_path(t, name);
    if (!path)
        return aire__fail_nomem();
    aire_status status = AIRE_OK;
    if (chmod(path, 0755) != 0)
        status = aire__fail_errno(AIRE_IO, errno, "cannot set the mode of '%s'", path);
    aire_free(t->shop->ctx, path);
    return status;
}

aire_status aire__workspace_check(aire_try *t)
{
    const aire_env *env = t->shop->env;
    aire_status status = give_rights_back(t, "workspace");
    if (status == AIRE_OK)
        status = give_rights_back(t, "out");
    for (size_t i = 0; i < env->file_count && status == AIRE_OK; i++) {
        const aire_env_file *file = &env->files[i];
        bool same = true;
        if (file->role == AIRE_FILE_PROTECTED || file->role == AIRE_FILE_RESERVED)
            status = compare(t, file, &same);
        if (status == AIRE_OK && !same)
            return aire__settle(t, AIRE_OUTCOME_VIOLATION, AIRE_CAUSE_PROTECTED_CHANGED,
                                "the %s file '%s' was changed or removed while the variant ran",
                                aire_file_role_name(file->role), file->path);
    }
    return status;
}

/* ---- handing over ---- */

/* A checkpoint may be larger than memory: it is copied from file to file. */
static aire_status copy_file(const aire_try *t, int fd, const char *directory, const char *path)
{
    char *full = NULL;
    aire_status status = aire__workspace_place(t, directory, path, &full);
    if (status != AIRE_OK)
        return status;
    status = aire__fs_copy_open(fd, full, 0644);
    aire_free(t->shop->ctx, full);
    return status;
}

aire_status aire__workspace_hand_over(aire_try *t, const aire_handing *h)
{
    struct stat info;
    int fd = open_beneath(t, h->from, h->path, &info);
    if (fd < 0 && errno == ENOENT && !h->required)
        return AIRE_OK;
    if (fd < 0 && errno == ENOENT)
        return aire__settle(t, AIRE_OUTCOME_NO_METRIC, AIRE_CAUSE_OUTPUT_MISSING,
                            "the %s stage finished without writing '%s' to %s",
                            aire_stage_name(t->ending.stage), h->path, h->place);
    if (fd < 0 && !is_of_the_run(errno))
        return fail_open(h->path, h->place);
    if (fd < 0 && errno == EACCES)
        return aire__settle(t, AIRE_OUTCOME_VIOLATION, AIRE_CAUSE_OUTPUT_KIND,
                            "'%s' in %s may not be read: its rights were taken away", h->path,
                            h->place);
    if (fd < 0)
        return aire__settle(t, AIRE_OUTCOME_VIOLATION, AIRE_CAUSE_OUTPUT_KIND,
                            "'%s' is not a plain file inside %s", h->path, h->place);
    if (info.st_size > h->max_bytes) {
        close(fd);
        return aire__settle(t, AIRE_OUTCOME_LIMIT, AIRE_CAUSE_OUTPUT_LIMIT,
                            "'%s' in %s has %lld bytes, at most %lld are allowed", h->path,
                            h->place, (long long)info.st_size, (long long)h->max_bytes);
    }
    aire_status status = copy_file(t, fd, h->to, h->name);
    close(fd);
    return status;
}

static aire_status hand_over_output(aire_try *t, const aire_env_output *output)
{
    return aire__workspace_hand_over(t, &(aire_handing){.from = "out",
                                                        .path = output->path,
                                                        .to = "handed",
                                                        .name = output->path,
                                                        .place = "AIRE_OUT",
                                                        .max_bytes = output->max_bytes,
                                                        .required = output->required});
}

aire_status aire__workspace_make_evaluation(aire_try *t)
{
    const aire_env *env = t->shop->env;
    aire_status status = aire__workspace_make_directory(t, "judge");
    if (status == AIRE_OK)
        status = aire__workspace_make_directory(t, "handed");
    for (size_t i = 0;
         i < env->output_count && status == AIRE_OK && t->ending.outcome == AIRE_OUTCOME_OK; i++)
        status = hand_over_output(t, &env->outputs[i]);
    if (status != AIRE_OK || t->ending.outcome != AIRE_OUTCOME_OK)
        return status;
    return aire__workspace_fill(t, "judge", env->steps[AIRE_STAGE_EVALUATE].with_variant, true);
}

aire_status aire__workspace_discard(const aire_workshop *shop, const char *path)
{
    const char *number = strchr(strrchr(path, '/'), '-') + 1; /* run-ID-ATTEMPT, gone-ID-ATTEMPT */
    char *gone = aire__asprintf(shop->ctx, "%s/gone-%s", shop->work_dir, number);
    bool renamed = gone && rename(path, gone) == 0;
    aire_status status = aire__fs_remove_tree(shop->ctx, renamed ? gone : path);
    aire_free(shop->ctx, gone);
    return status;
}

void aire__workspace_remove(aire_try *t)
{
    if (t->directory && !t->shop->keep_workspaces &&
        aire__workspace_discard(t->shop, t->directory) != AIRE_OK)
        aire_log(t->shop->ctx, AIRE_LOG_WARNING, "executor", aire_error_message(aire_last_error()));
    aire_free(t->shop->ctx, t->directory);
    t->directory = NULL;
}
