/*
 * The launcher: a child that is made before the command is known, in its control group, and becomes
 * the command (or bubblewrap around it) when it is told to.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/io.h"
#include "sandbox/spec.h"
#include "worker/worker.h"

/* ---- in the child ---- */

static _Noreturn void become(const spec *s)
{
    if (!s->report)
        close(AIRE_WORKER_REPORT_FILE);
    signal(SIGPIPE, SIG_DFL);
    if (chdir(access(s->cwd, X_OK) == 0 ? s->cwd : "/") != 0)
        _exit(126);
    execve(s->argv[0], s->argv, s->env);
    fprintf(stderr, "cannot start %s: %s\n", s->argv[0], strerror(errno));
    _exit(127);
}

/* Wait for the order, and put all descriptors where bubblewrap and the command expect them. */
static _Noreturn void wait_for_order(const launcher *l, int order, char joined)
{
    static const int ours[] = {AIRE_WORKER_CONTROL, AIRE_WORKER_REPORT, AIRE_WORKER_HOST};
    int sent[AIRE_FDS_MAX];
    spec s;
    close(l->order); /* or the end of a worker that dies now would not be seen */
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        close(ours[i]);
    if (aire__write_all(order, &joined, 1) != 0)
        _exit(126);
    int count = aire__fds_receive(order, AIRE_WORKER_FIRST_FREE, sent);
    if (count < 1 || !spec_read(&s, sent[0]))
        _exit(126);
    dup2(l->log_end, STDOUT_FILENO);
    dup2(l->log_end, STDERR_FILENO);
    dup2(l->inner_end, AIRE_WORKER_INNER);
    if (s.report && count > 1)
        dup2(sent[1], AIRE_WORKER_REPORT_FILE);
    syscall(SYS_close_range, AIRE_WORKER_INNER + 1, ~0u, 0);
    become(&s);
}

/* ---- in the worker ---- */

/* Above all numbers that are agreed on, so that none is in the way. */
static bool lift(int ends[2])
{
    for (int i = 0; i < 2; i++) {
        int high = fcntl(ends[i], F_DUPFD_CLOEXEC, AIRE_WORKER_FIRST_FREE);
        close(ends[i]);
        ends[i] = high;
    }
    return ends[0] >= 0 && ends[1] >= 0;
}

bool launcher_make(launcher *l, control_group *g)
{
    int log[2], inner[2], order[2];
    if (pipe2(log, O_CLOEXEC) != 0 || !lift(log) || pipe2(inner, O_CLOEXEC) != 0 || !lift(inner) ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, order) != 0 || !lift(order))
        return false;
    *l = (launcher){log[0], inner[0], order[0], log[1], inner[1], -1};
    l->child = cgroup_fork(g);
    if (l->child == 0)
        wait_for_order(l, order[1], cgroup_joined(g));
    close(log[1]);
    close(inner[1]);
    close(order[1]);
    return l->child > 0;
}

int launcher_joined(const launcher *l)
{
    char joined;
    return aire__read_full(l->order, &joined, 1) == 1 ? joined : -1;
}

bool launcher_go(launcher *l, const int *fds, size_t count)
{
    bool good = aire__fds_send(l->order, AIRE_WORKER_BEGIN, fds, count);
    close(l->order);
    l->order = -1;
    return good;
}
