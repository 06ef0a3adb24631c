/* Processes that the host does not see. */
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fail.h"

enum { STACK_BYTES = 256 << 10 };

/* The children never return, so a sanitizer would take their stack for a poisoned one the next
 * time. */
#define IN_CHILD __attribute__((no_sanitize("address", "thread")))

/* Shared with both short-lived children, which run in our memory. */
typedef struct start {
    const char *path;
    char *const *argv;
    char *const *env;
    const aire_fd_map *fds;
    size_t fd_count;
    char *inner_stack;
    int errnum;
    int pidfd;
    pid_t pid;
} start;

/* Put each descriptor in its place: by way of numbers above all of them, so that none is
 * overwritten early. */
IN_CHILD static int place_descriptors(const start *s)
{
    int high = 3, last = 2;
    int temp[32];
    bool taken[64] = {false};
    for (size_t i = 0; i < s->fd_count; i++) {
        if (s->fds[i].to >= high)
            high = s->fds[i].to + 1;
        taken[s->fds[i].to] = true;
    }
    for (size_t i = 0; i < s->fd_count; i++)
        if ((temp[i] = fcntl(s->fds[i].from, F_DUPFD_CLOEXEC, high)) < 0)
            return errno;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || (null = fcntl(null, F_DUPFD_CLOEXEC, high)) < 0)
        return errno;
    for (int fd = 0; fd <= 2; fd++)
        if (!taken[fd] && dup2(null, fd) < 0)
            return errno;
    for (size_t i = 0; i < s->fd_count; i++) {
        if (dup2(temp[i], s->fds[i].to) < 0)
            return errno;
        if (s->fds[i].to > last)
            last = s->fds[i].to;
    }
    for (int fd = 3; fd < last; fd++)
        if (!taken[fd])
            close(fd);
    return syscall(SYS_close_range, last + 1, ~0u, 0) == 0 ? 0 : errno;
}

/* The new process: only calls that are safe while it shares our memory. */
IN_CHILD static int inner(void *arg)
{
    start *s = arg;
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t none;
    for (int number = 1; number <= SIGRTMAX; number++)
        sigaction(number, &action, NULL); /* fails for those that cannot be changed */
    setsid();
    s->errnum = place_descriptors(s);
    if (s->errnum)
        _exit(127);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(s->path, s->argv, s->env);
    s->errnum = errno;
    _exit(127);
}

/* The child for a moment: shares our descriptors, so that the pidfd arrives in our table. */
IN_CHILD static int outer(void *arg)
{
    start *s = arg;
    s->pid =
        clone(inner, s->inner_stack, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, s, &s->pidfd);
    if (s->pid < 0)
        s->errnum = errno;
    _exit(0);
}

/* Run outer; signals are blocked meanwhile, as a handler of the host must not run in the children.
 */
static int run_outer(start *s, char *stack)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t child = clone(outer, stack, CLONE_VM | CLONE_VFORK | CLONE_FILES, s);
    int errnum = child < 0 ? errno : 0;
    if (child >= 0)
        while (waitpid(child, NULL, __WALL) < 0 && errno == EINTR)
            ;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return errnum;
}

aire_status aire__process_start(const char *path, const char *const *argv, const char *const *env,
                                const aire_fd_map *fds, size_t fd_count, aire_process *out)
{
    for (size_t i = 0; i < fd_count; i++)
        if (fd_count > 32 || fds[i].to < 0 || fds[i].to >= 64)
            return aire__fail(AIRE_INTERNAL, "descriptor %d cannot be passed on", fds[i].to);
    char *stacks = mmap(NULL, 2 * STACK_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stacks == MAP_FAILED)
        return aire__fail_nomem();
    start s = {.path = path,
               .argv = (char *const *)(uintptr_t)argv,
               .env = (char *const *)(uintptr_t)env,
               .fds = fds,
               .fd_count = fd_count,
               .inner_stack = stacks + STACK_BYTES,
               .pidfd = -1};
    int errnum = run_outer(&s, stacks + 2 * STACK_BYTES);
    munmap(stacks, 2 * STACK_BYTES);
    if (!errnum)
        errnum = s.errnum;
    if (errnum) {
        if (s.pidfd >= 0)
            close(s.pidfd);
        return aire__fail_errno(errnum == ENOENT ? AIRE_NOT_FOUND : AIRE_IO, errnum,
                                "cannot start '%s'", path);
    }
    *out = (aire_process){s.pid, s.pidfd};
    return AIRE_OK;
}

void aire__process_signal(const aire_process *process, int signal)
{
    if (process->pidfd >= 0)
        syscall(SYS_pidfd_send_signal, process->pidfd, signal, NULL, 0);
}

aire_status aire__process_wait(aire_process *process, int timeout_ms)
{
    struct pollfd fd = {process->pidfd, POLLIN, 0};
    int ready;
    do
        ready = poll(&fd, 1, timeout_ms);
    while (ready < 0 && errno == EINTR);
    if (ready == 0)
        return aire__fail(AIRE_TIMEOUT, "process %d has not ended", (int)process->pid);
    /* Where the host is the one to whom orphans go, it is waited for; otherwise there is nothing to
     * wait for. */
    waitid(P_PIDFD, (id_t)process->pidfd, &(siginfo_t){0}, WEXITED | WNOHANG);
    close(process->pidfd);
    *process = (aire_process)AIRE_PROCESS_NONE;
    return AIRE_OK;
}
