/*
 * The smoke run's places: a copy of the built workspace and an output directory of its own, so that
 * nothing of it, and no work done in it, is there when the run begins.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/fs.h"
#include "base/str.h"
#include "executor/job.h"

/* A link stays a link, wherever it leads: it is followed in the sandbox alone. */
static aire_status copy_link(const aire_try *t, const char *path, const char *to)
{
    char target[PATH_MAX];
    char *from = aire__asprintf(t->shop->ctx, "%s/workspace/%s", t->directory, path);
    if (!from)
        return aire__fail_nomem();
    ssize_t length = readlink(from, target, sizeof target - 1);
    if (length >= 0)
        target[length] = '\0';
    aire_status status = AIRE_OK;
    if (length < 0 || symlink(target, to) != 0)
        status = aire__fail_errno(AIRE_IO, errno, "cannot copy the link '%s'", from);
    aire_free(t->shop->ctx, from);
    return status;
}

static aire_status copy_file(const aire_try *t, const char *path, mode_t mode, const char *to)
{
    int fd = aire__workspace_open(t, "workspace", path, O_RDONLY);
    if (fd < 0)
        return aire__fail_errno(AIRE_IO, errno, "cannot open '%s' of the workspace", path);
    aire_status status = aire__fs_copy_open(fd, to, (mode & 0777) | 0600);
    close(fd);
    return status;
}

/* Pipes, sockets and devices are left out. A directory is made even where nothing is in it yet. */
static aire_status copy_entry(const char *relative, mode_t mode, off_t size, void *data)
{
    const aire_try *t = data;
    char *to = NULL;
    if (!S_ISREG(mode) && !S_ISLNK(mode) && !S_ISDIR(mode))
        return AIRE_OK;
    aire_status status = aire__workspace_place(t, "smoke", relative, &to);
    if (status == AIRE_OK)
        status = S_ISDIR(mode)   ? aire__fs_mkdirs(t->shop->ctx, to, 0755)
                 : S_ISLNK(mode) ? copy_link(t, relative, to)
                                 : copy_file(t, relative, mode, to);
    aire_free(t->shop->ctx, to);
    (void)size;
    return status;
}

aire_status aire__smoke_make(aire_try *t)
{
    char *workspace = aire__try_path(t, "workspace");
    if (!workspace)
        return aire__fail_nomem();
    aire_status status = aire__workspace_make_directory(t, "smoke");
    if (status == AIRE_OK)
        status = aire__workspace_make_directory(t, "smoke-out");
    if (status == AIRE_OK)
        status = aire__fs_walk(t->shop->ctx, workspace, copy_entry, t);
    aire_free(t->shop->ctx, workspace);
    return status;
}

aire_status aire__smoke_remove(aire_try *t)
{
    static const char *const names[] = {"smoke", "smoke-out"};
    aire_status status = AIRE_OK;
    for (size_t i = 0; status == AIRE_OK && i < sizeof names / sizeof *names; i++) {
        char *path = aire__try_path(t, names[i]);
        status = path ? aire__fs_remove_tree(t->shop->ctx, path) : aire__fail_nomem();
        aire_free(t->shop->ctx, path);
    }
    return status;
}
