/*
 * Processes that the host does not see.
 *
 * A process is started by a child that lives for a moment, sends no SIGCHLD and is waited for here
 * (clone without an exit signal): what remains is no child of the host at all. Its waitpid(-1)
 * never returns it, ignoring SIGCHLD changes nothing, and it is held by a pidfd, so that its number
 * is never confused with another process. Its exit status is not known: it has to report over a
 * pipe.
 */
#ifndef AIRE_BASE_PROCESS_H
#define AIRE_BASE_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

#include "aire/context.h"

typedef struct aire_process {
    pid_t pid;
    int pidfd; /* -1 when there is no process */
} aire_process;

#define AIRE_PROCESS_NONE                                                                          \
    {                                                                                              \
        0, -1                                                                                      \
    }

/* Descriptor `from` of this process becomes `to` in the new one. */
typedef struct aire_fd_map {
    int from;
    int to;
} aire_fd_map;

/*
 * Start `path` with `argv` and `env` (both end in NULL). The process has the mapped descriptors
 * (each `to` distinct) and no other; unmapped 0, 1 and 2 are /dev/null. Signals are unblocked and
 * at their defaults, its session is its own. AIRE_NOT_FOUND, AIRE_IO, AIRE_NOMEM.
 */
aire_status aire__process_start(const char *path, const char *const *argv, const char *const *env,
                                const aire_fd_map *fds, size_t fd_count, aire_process *out);

/* Signal through the pidfd; nothing happens to a process that has ended. */
void aire__process_signal(const aire_process *process, int signal);

/* Wait for the end (timeout_ms < 0: without limit) and close. AIRE_TIMEOUT leaves it open. */
aire_status aire__process_wait(aire_process *process, int timeout_ms);

#endif
