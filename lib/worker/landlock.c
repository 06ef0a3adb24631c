/*
 * A Landlock domain: a second lock behind the mounts. Whatever a mistake in them would open, only
 * the given places can be written to.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worker/worker.h"

/* Rights that came after the first version, with the version that has them; system headers may be
 * older than the kernel. */
enum {
    READING =
        LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
    OF_FILES = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE |
               LANDLOCK_ACCESS_FS_WRITE_FILE | 1 << 14 | 1 << 15,
    FIRST = (1 << 13) - 1,
    REFER = 1 << 13,
    TRUNCATE = 1 << 14,
    IOCTL_DEV = 1 << 15
};

static uint64_t rights(long version)
{
    uint64_t all = FIRST;
    if (version >= 2)
        all |= REFER;
    if (version >= 3)
        all |= TRUNCATE;
    if (version >= 5)
        all |= IOCTL_DEV;
    return all;
}

static bool allow(int rules, const char *place, uint64_t access)
{
    struct stat info;
    int fd = open(place, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT; /* an optional mount that was left out */
    struct landlock_path_beneath_attr rule = {.parent_fd = fd, .allowed_access = access};
    if (fstat(fd, &info) == 0 && !S_ISDIR(info.st_mode))
        rule.allowed_access &= OF_FILES;
    bool good = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
    close(fd);
    return good;
}

bool landlock_guard(char *const *places, size_t count)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1)
        return false;
    struct landlock_ruleset_attr attr = {.handled_access_fs = rights(version)};
    int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr.handled_access_fs, 0);
    bool good = rules >= 0 && allow(rules, "/", READING);
    for (size_t i = 0; i < count && good; i++)
        good = allow(rules, places[i], rights(version));
    good = good && syscall(SYS_landlock_restrict_self, rules, 0) == 0;
    if (rules >= 0)
        close(rules);
    return good;
}
