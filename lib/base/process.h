/*
 * Child processes that the host cannot see.
 *
 * A child is made with no exit signal: no SIGCHLD reaches the host, its waitpid(-1) never returns
 * our child, and a host that ignores SIGCHLD does not take the exit status from us. It is held by a
 * pidfd, so its number is never confused with another process.
 */
#ifndef AIRE_BASE_PROCESS_H
#define AIRE_BASE_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

#include "aire/context.h"

typedef struct aire_process {
    pid_t pid;
    int pidfd; /* -1 when there is no child */
} aire_process;

#define AIRE_PROCESS_NONE                                                                          \
    {                                                                                              \
        0, -1                                                                                      \
    }

/* Descriptor `from` of this process becomes `to` in the child. */
typedef struct aire_fd_map {
    int from;
    int to;
} aire_fd_map;

/*
 * Start `path` with `argv` and `env` (both end in NULL). The child has the mapped descriptors (each
 * `to` distinct, from 0 up) and no other; unmapped 0, 1 and 2 are /dev/null. Signals are unblocked
 * and at their defaults, its session is its own. AIRE_NOT_FOUND, AIRE_IO.
 */
aire_status aire__process_start(aire_ctx *ctx, const char *path, const char *const *argv,
                                const char *const *env, const aire_fd_map *fds, size_t fd_count,
                                aire_process *out);

/* Signal through the pidfd; nothing happens to a process that has ended. */
void aire__process_signal(const aire_process *process, int signal);

/* Wait for the end (timeout_ms < 0: without limit) and close. AIRE_TIMEOUT leaves it open. *status
 * as waitpid's. */
aire_status aire__process_wait(aire_process *process, int timeout_ms, int *status);

#endif
