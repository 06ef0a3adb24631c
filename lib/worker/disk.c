/*
 * How much the writable directories hold.
 *
 * What cannot be counted counts as more than any limit: else a program could put there what it
 * wants to hide.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/worker.h"

enum { DEPTH_MAX = 64, ENTRIES_MAX = 200000 };

#define TOO_MUCH ((int64_t)1 << 60)

/* Give back the rights to a directory that its owner took away; by a descriptor, since a live
 * program may put a link in its place. */
static void unlock(int parent, const char *name)
{
    char path[64];
    int fd = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (fd >= 0) {
        (void)!chmod(path, 0700); /* opening it again tells */
        close(fd);
    }
}

static DIR *open_directory(int parent, const char *name)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(parent, name, flags);
    if (fd < 0 && errno == EACCES) {
        unlock(parent, name);
        fd = openat(parent, name, flags);
    }
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir && fd >= 0)
        close(fd);
    return dir;
}

static int64_t below(int parent, const char *name, dev_t device, int depth, int *budget)
{
    struct stat info;
    int64_t bytes = 0;
    DIR *dir = depth < DEPTH_MAX ? open_directory(parent, name) : NULL;
    if (!dir) /* it may have gone meanwhile */
        return depth < DEPTH_MAX && errno == ENOENT ? 0 : TOO_MUCH;
    for (struct dirent *entry; bytes < TOO_MUCH && (entry = readdir(dir));) {
        if (--*budget < 0) {
            bytes = TOO_MUCH;
            break;
        }
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
            fstatat(dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
            info.st_dev != device)
            continue;
        bytes += (int64_t)info.st_blocks * 512;
        if (S_ISDIR(info.st_mode))
            bytes += below(dirfd(dir), entry->d_name, device, depth + 1, budget);
    }
    closedir(dir);
    return bytes < TOO_MUCH ? bytes : TOO_MUCH;
}

int64_t disk_used(char *const *directories)
{
    int64_t bytes = 0;
    int budget = ENTRIES_MAX;
    for (size_t i = 0; directories[i] && bytes < TOO_MUCH; i++) {
        struct stat info;
        if (stat(directories[i], &info) == 0)
            bytes += S_ISDIR(info.st_mode)
                         ? below(AT_FDCWD, directories[i], info.st_dev, 0, &budget)
                         : (int64_t)info.st_blocks * 512;
    }
    return bytes;
}
