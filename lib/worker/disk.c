/* How much the writable directories hold. */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/worker.h"

enum { DEPTH_MAX = 64, ENTRIES_MAX = 200000 };

static int64_t below(int parent, const char *name, dev_t device, int depth, int *budget)
{
    struct stat info;
    int64_t bytes = 0;
    int fd = depth < DEPTH_MAX
                 ? openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                 : -1;
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return 0;
    }
    for (struct dirent *entry; *budget > 0 && (entry = readdir(dir)); --*budget) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
            fstatat(fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0 || info.st_dev != device)
            continue;
        bytes += (int64_t)info.st_blocks * 512;
        if (S_ISDIR(info.st_mode))
            bytes += below(fd, entry->d_name, device, depth + 1, budget);
    }
    closedir(dir);
    return bytes;
}

int64_t disk_used(char *const *directories)
{
    int64_t bytes = 0;
    int budget = ENTRIES_MAX;
    for (size_t i = 0; directories[i]; i++) {
        struct stat info;
        if (stat(directories[i], &info) == 0)
            bytes += S_ISDIR(info.st_mode)
                         ? below(AT_FDCWD, directories[i], info.st_dev, 0, &budget)
                         : (int64_t)info.st_blocks * 512;
    }
    return bytes;
}
