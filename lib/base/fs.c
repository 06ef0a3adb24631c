/* Files and directories. */
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/str.h"

static aire_status fail_path(int errnum, const char *doing, const char *path)
{
    aire_status status = errnum == ENOENT || errnum == ENOTDIR ? AIRE_NOT_FOUND
                         : errnum == ENOMEM                    ? AIRE_NOMEM
                                                               : AIRE_IO;
    return aire__fail_errno(status, errnum, "cannot %s '%s'", doing, path);
}

/* Read what is there until the end: files of /proc and files that grow do not know their size. */
static aire_status read_open_file(aire_ctx *ctx, int fd, const char *path, size_t max, char **out,
                                  size_t *length)
{
    aire_buf buf;
    char chunk[16384];
    ssize_t count;
    aire__buf_init(&buf, ctx, max);
    while ((count = aire__read_full(fd, chunk, sizeof chunk)) > 0)
        aire__buf_append(&buf, chunk, (size_t)count);
    if (count < 0) {
        int errnum = errno;
        aire__buf_free(&buf);
        return fail_path(errnum, "read", path);
    }
    if (buf.status == AIRE_LIMIT) {
        aire__buf_free(&buf);
        return aire__fail(AIRE_LIMIT, "'%s' is larger than %zu bytes", path, max);
    }
    return aire__buf_take(&buf, out, length);
}

aire_status aire__fs_read(aire_ctx *ctx, const char *path, size_t max, char **out, size_t *length)
{
    *out = NULL;
    /* Not blocking, so that a fifo in place of the file cannot hold us. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return fail_path(errno, "open", path);
    struct stat info;
    aire_status status;
    if (fstat(fd, &info) != 0)
        status = fail_path(errno, "look at", path);
    else if (!S_ISREG(info.st_mode))
        status = aire__fail(AIRE_IO, "'%s' is not a regular file", path);
    else
        status = read_open_file(ctx, fd, path, max, out, length);
    close(fd);
    return status;
}

/* The directory's entry, too, has to reach the disk, or a crash could undo the rename. */
static int sync_parent(const char *path)
{
    char parent[4096];
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    if (length >= sizeof parent)
        return ENAMETOOLONG;
    memcpy(parent, path, length);
    parent[length] = '\0';
    int fd = open(!slash ? "." : length == 0 ? "/" : parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int errnum = fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
    close(fd);
    return errnum;
}

static int write_temp(int fd, const void *data, size_t length, mode_t mode)
{
    int errnum = aire__write_all(fd, data, length);
    if (!errnum && fchmod(fd, mode) != 0)
        errnum = errno;
    if (!errnum && fsync(fd) != 0)
        errnum = errno;
    if (close(fd) != 0 && !errnum)
        errnum = errno;
    return errnum;
}

aire_status aire__fs_write(aire_ctx *ctx, const char *path, const void *data, size_t length,
                           mode_t mode)
{
    char *temp = aire__asprintf(ctx, "%s.XXXXXX", path);
    if (!temp)
        return aire__fail_nomem();
    int fd = mkostemp(temp, O_CLOEXEC);
    int errnum = fd < 0 ? errno : write_temp(fd, data, length, mode);
    if (!errnum && rename(temp, path) != 0)
        errnum = errno;
    if (errnum && fd >= 0)
        unlink(temp);
    if (!errnum)
        errnum = sync_parent(path);
    aire_free(ctx, temp);
    return errnum ? fail_path(errnum, "write", path) : AIRE_OK;
}

aire_status aire__fs_mkdirs(aire_ctx *ctx, const char *path, mode_t mode)
{
    if ((mkdir(path, mode) == 0 || errno == EEXIST) && aire__fs_is_dir(path))
        return AIRE_OK; /* the most often */
    char *copy = aire__strdup(ctx, path);
    if (!copy)
        return aire__fail_nomem();
    int errnum = 0;
    for (char *slash = copy + 1; !errnum && *copy; slash++) {
        if (*slash != '/' && *slash != '\0')
            continue;
        char kept = *slash;
        *slash = '\0';
        if (mkdir(copy, mode) != 0 && errno != EEXIST)
            errnum = errno;
        *slash = kept;
        if (kept == '\0')
            break;
    }
    if (!errnum && !aire__fs_is_dir(copy))
        errnum = ENOTDIR;
    aire_free(ctx, copy);
    return errnum ? fail_path(errnum, "make directory", path) : AIRE_OK;
}

static int copy_by_hand(int from, int to)
{
    char chunk[65536];
    ssize_t count;
    while ((count = aire__read_full(from, chunk, sizeof chunk)) > 0) {
        int errnum = aire__write_all(to, chunk, (size_t)count);
        if (errnum)
            return errnum;
    }
    return count < 0 ? errno : 0;
}

static int copy_contents(int from, int to)
{
    if (ioctl(to, FICLONE, from) == 0)
        return 0;
    for (;;) {
        ssize_t count = copy_file_range(from, NULL, to, NULL, (size_t)1 << 30, 0);
        if (count == 0)
            return 0;
        if (count < 0 && errno == EINTR)
            continue;
        if (count <
            0) /* not on these file systems: both offsets stand where the copy has to go on */
            return copy_by_hand(from, to);
    }
}

aire_status aire__fs_copy_open(int from, const char *to, mode_t mode)
{
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    if (out < 0)
        return fail_path(errno, "write", to);
    int errnum = copy_contents(from, out);
    if (!errnum && fchmod(out, mode) != 0)
        errnum = errno;
    if (close(out) != 0 && !errnum)
        errnum = errno;
    return errnum ? fail_path(errnum, "copy to", to) : AIRE_OK;
}

aire_status aire__fs_copy_file(aire_ctx *ctx, const char *from, const char *to, mode_t mode)
{
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (in < 0)
        return fail_path(errno, "open", from);
    aire_status status = aire__fs_copy_open(in, to, mode);
    close(in);
    return status;
}

bool aire__fs_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

bool aire__fs_is_dir(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

aire_status aire__fs_real_path(aire_ctx *ctx, const char *path, char **out)
{
    *out = NULL;
    char *real = realpath(path, NULL);
    if (!real)
        return fail_path(errno, "find", path);
    char *copy = aire__strdup(ctx, real);
    (free)(real); /* realpath allocates with malloc */
    if (!copy)
        return aire__fail_nomem();
    *out = copy;
    return AIRE_OK;
}

aire_status aire__fs_make_temp_dir(aire_ctx *ctx, const char *prefix, char **out)
{
    *out = NULL;
    char *path = aire__asprintf(ctx, "%sXXXXXX", prefix);
    if (!path)
        return aire__fail_nomem();
    if (!mkdtemp(path)) {
        aire_status status = fail_path(errno, "make directory", path);
        aire_free(ctx, path);
        return status;
    }
    *out = path;
    return AIRE_OK;
}
