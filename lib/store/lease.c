#include "store/lease.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/fs.h"
#include "base/str.h"

/* Bytes of the lock file: the first is the lease, the second is held by who replaces the file. */
#define LEASE_BYTE 0
#define REPLACE_BYTE 1

/* Files that vanish or are replaced while we look: each try means that somebody else got ahead. */
#define TRIES 100

/* What tells a process from every other one, and from a later one of the same number. */
typedef struct holder {
    int pid;
    uint64_t start; /* of the process, in the kernel's clock ticks; 0 if unknown */
    uint64_t space; /* pid namespace; 0 if unknown */
    char boot[64];  /* of the machine; "-" if unknown */
    int64_t since_ms;
    char host[AIRE_LEASE_HOST_MAX + 1];
} holder;

void aire__lease_host(char *host, size_t size)
{
    memset(host, 0, size);
    if (gethostname(host, size - 1) != 0 || host[0] == '\0')
        snprintf(host, size, "?");
}

/* The start of a small file; "" if there is none. */
static void read_small(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? aire__read_full(fd, text, size - 1) : 0;

    text[length > 0 ? length : 0] = '\0';
    if (fd >= 0)
        close(fd);
}

/* When a process started; 0 if it is not there, or if there is no /proc. */
static uint64_t start_of(int pid)
{
    char path[64];
    char text[1024];
    uint64_t start = 0;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    read_small(path, text, sizeof(text));
    /* pid (name) state ...: the name may hold anything, the start is the 20th field after it */
    const char *field = strrchr(text, ')');
    for (int i = 0; field && i < 20; i++) {
        field = strchr(field, ' ');
        field = field ? field + 1 : NULL;
    }
    if (!field || sscanf(field, "%" SCNu64, &start) != 1)
        return 0;
    return start;
}

static void describe_self(aire_ctx *ctx, holder *self)
{
    struct stat info;

    memset(self, 0, sizeof(*self));
    self->pid = (int)getpid();
    self->start = start_of(self->pid);
    self->space = stat("/proc/self/ns/pid", &info) == 0 ? (uint64_t)info.st_ino : 0;
    read_small("/proc/sys/kernel/random/boot_id", self->boot, sizeof(self->boot));
    self->boot[strcspn(self->boot, " \n")] = '\0';
    if (self->boot[0] == '\0')
        memcpy(self->boot, "-", 2);
    self->since_ms = aire_ctx_unix_ms(ctx);
    aire__lease_host(self->host, sizeof(self->host));
}

static bool write_holder(int fd, const holder *self)
{
    char text[512];
    int length =
        snprintf(text, sizeof(text),
                 "pid %d start %" PRIu64 " space %" PRIu64 " boot %s since %" PRId64 " host %s\n",
                 self->pid, self->start, self->space, self->boot, self->since_ms, self->host);

    return ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)length, 0) == (ssize_t)length;
}

static bool read_holder(int fd, holder *other)
{
    char text[512];
    ssize_t length = pread(fd, text, sizeof(text) - 1, 0);

    memset(other, 0, sizeof(*other));
    if (length <= 0)
        return false;
    text[length] = '\0';
    return sscanf(text,
                  "pid %d start %" SCNu64 " space %" SCNu64 " boot %63s since %" SCNd64
                  " host %64[^\n]",
                  &other->pid, &other->start, &other->space, other->boot, &other->since_ms,
                  other->host) == 6;
}

/* True only if the holder was a process of this machine and namespace, and is no more. */
static bool is_gone(const holder *other, const holder *self)
{
    if (other->start == 0 || self->start == 0 || other->space == 0 || other->boot[0] == '-')
        return false;
    if (other->space != self->space || strcmp(other->boot, self->boot) != 0 ||
        strcmp(other->host, self->host) != 0)
        return false;
    return start_of(other->pid) != other->start;
}

static bool try_lock(int fd, off_t byte)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

    return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

/* Whether the path still leads to the file that we have open. */
static bool is_same_file(int fd, const char *path)
{
    struct stat ours;
    struct stat theirs;

    return fstat(fd, &ours) == 0 && lstat(path, &theirs) == 0 && ours.st_ino == theirs.st_ino &&
           ours.st_dev == theirs.st_dev;
}

static aire_status busy(const char *file, bool known, const holder *other, const holder *self)
{
    time_t seconds = (time_t)(other->since_ms / 1000);
    struct tm utc;
    char since[32];

    if (!known || !gmtime_r(&seconds, &utc))
        return aire__fail(AIRE_BUSY, "store '%s': held by another process", file);
    strftime(since, sizeof(since), "%Y-%m-%d %H:%M:%S", &utc);
    if (other->pid == self->pid && other->start == self->start && other->space == self->space)
        return aire__fail(AIRE_BUSY, "store '%s': this process (%d) has it open for writing", file,
                          other->pid);
    return aire__fail(AIRE_BUSY,
                      "store '%s': held by process %d on %s since %s UTC; one controller writes to "
                      "a store at a time (others may open it read-only)",
                      file, other->pid, other->host, since);
}

/* What is known once a lock file is open: AIRE_OK: it is ours; AIRE_EMPTY: look again. */
static aire_status try_file(const char *file, const char *path, int fd, const holder *self)
{
    holder other;

    if (try_lock(fd, LEASE_BYTE)) {
        if (!is_same_file(fd, path)) /* its last holder has removed it meanwhile */
            return AIRE_EMPTY;
        if (!write_holder(fd, self))
            return aire__fail_errno(AIRE_IO, errno, "store '%s': cannot write '%s'", file, path);
        return AIRE_OK;
    }
    if (errno != EAGAIN && errno != EACCES)
        return aire__fail_errno(AIRE_IO, errno, "store '%s': cannot lock '%s'", file, path);

    bool known = read_holder(fd, &other);
    if (!known || !is_gone(&other, self))
        return busy(file, known, &other, self);
    if (try_lock(fd, REPLACE_BYTE) && is_same_file(fd, path))
        unlink(path);
    return AIRE_EMPTY;
}

aire_status aire__lease_take(aire_ctx *ctx, const char *file, aire_lease *lease)
{
    holder self;
    aire_status status = AIRE_EMPTY;
    char *path = aire__asprintf(ctx, "%s-lock", file);

    if (!path)
        return aire__fail_nomem();
    describe_self(ctx, &self);
    for (int i = 0; i < TRIES && status == AIRE_EMPTY; i++) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (fd < 0) {
            status = aire__fail_errno(AIRE_IO, errno, "store '%s': cannot open '%s' for writing",
                                      file, path);
            break;
        }
        status = try_file(file, path, fd, &self);
        if (status == AIRE_OK) {
            lease->fd = fd;
            lease->path = path;
            return AIRE_OK;
        }
        close(fd);
    }
    aire_free(ctx, path);
    if (status == AIRE_EMPTY)
        return aire__fail(AIRE_BUSY, "store '%s': its lock file changes hands all the time", file);
    return status;
}

void aire__lease_forget(aire_ctx *ctx, aire_lease *lease)
{
    if (lease->fd < 0)
        return;
    close(lease->fd);
    aire_free(ctx, lease->path);
    *lease = (aire_lease)AIRE_LEASE_NONE;
}

void aire__lease_release(aire_ctx *ctx, aire_lease *lease)
{
    /* removed while it is still locked, so that nobody's lock is on a file that is about to vanish
     */
    if (lease->fd >= 0 && is_same_file(lease->fd, lease->path))
        unlink(lease->path);
    aire__lease_forget(ctx, lease);
}
