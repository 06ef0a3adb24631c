/*
 * aire-worker: supervises one sandboxed command.
 *
 * It prepares, waits for its command, starts bubblewrap (or the bare command), watches the clock,
 * the memory, the number of processes and the disk, keeps the log, and, when the command ends,
 * reaches a limit, is cancelled or loses its host, ends every process and then reports. See
 * sandbox/spec.h for what it shares with the library.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "sandbox/spec.h"
#include "worker/worker.h"

enum {
    FIRST_LOOK_MS = 10, /* most commands that end sooner are not worth a look */
    LOOK_MS = 25,       /* between looks at memory and processes */
    GRACE_MS = 20,      /* for what ends by itself */
    SELDOM = 10         /* looks between looks at the disk */
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- starting ---- */

/* Wait for the command; the descriptors that come with it, 0 when nobody wants one any more. */
static int await_command(int *fds)
{
    struct pollfd ends[] = {{AIRE_WORKER_CONTROL, POLLIN, 0}, {AIRE_WORKER_HOST, POLLIN, 0}};
    while (poll(ends, 2, -1) < 0 && errno == EINTR)
        ;
    int count = ends[0].revents & POLLIN
                    ? aire__fds_receive(AIRE_WORKER_CONTROL, AIRE_WORKER_FIRST_FREE, fds)
                    : 0;
    return count > 0 ? count : 0;
}

static bool limit_group(supervision *s)
{
    enum { OURS = 2 }; /* bubblewrap and the inner half */
    int joined = launcher_joined(&s->launcher);
    if (joined < 0)
        return false;
    cgroup_limit(&s->group, (char)joined, s->spec.memory_bytes, s->spec.processes + OURS);
    if (s->group.memory.limits)
        s->supports |= AIRE_SUPPORTS_MEMORY_GROUP;
    if (s->group.pids.limits)
        s->supports |= AIRE_SUPPORTS_PROCESS_GROUP;
    return true;
}

/* The descriptors are the specification, the log, and those that the specification speaks of. */
static bool start(supervision *s, const int *fds, int count)
{
    const int report = 2, live = s->spec.report ? 3 : 2;
    if (count != 2 + s->spec.report + s->spec.live)
        return false;
    live_open(&s->live, s->spec.live ? fds[live] : -1, s->spec.stream);
    if (!log_open(&s->log, s->launcher.log, fds[1], s->spec.log_bytes, &s->live))
        return false;
    s->disk_before = disk_used(s->spec.writable);
    s->inner = s->launcher.inner;
    if (!limit_group(s))
        return false;
    int order[] = {fds[0], s->spec.report ? fds[report] : -1};
    s->start_ms = now_ms();
    bool going = launcher_go(&s->launcher, order, s->spec.report ? 2 : 1);
    close(fds[0]);
    if (s->spec.report)
        close(fds[report]);
    return going;
}

/* ---- watching ---- */

static void look_at_memory(supervision *s, const tree_sample *sample)
{
    if (sample->resident > s->max_resident)
        s->max_resident = sample->resident;
    /* The plain sum counts shared pages more than once: before it ends a run, they are divided. */
    bool over = s->group.memory.limits ? cgroup_out_of_memory(&s->group)
                                       : sample->resident > s->spec.memory_bytes &&
                                             tree_proportional() > s->spec.memory_bytes;
    if (over)
        s->limit = AIRE_EXIT_LIMIT_MEMORY;
}

/* Processes that were not waited for are in no sum of the tree's. */
static void count_cpu(const supervision *s, tree_sample *sample)
{
    int64_t user, system;
    if (!cgroup_cpu(&s->group, &user, &system) ||
        user + system <= sample->user_ms + sample->system_ms)
        return;
    sample->user_ms = user;
    sample->system_ms = system;
}

static void look_at_processes(supervision *s)
{
    const int allowed = (int)s->spec.processes + 3; /* bubblewrap and the inner half are ours */
    tree_sample sample = tree_look(allowed);
    count_cpu(s, &sample);
    look_at_memory(s, &sample);
    if (s->group.pids.limits ? cgroup_out_of_processes(&s->group) : sample.processes > allowed)
        s->limit = AIRE_EXIT_LIMIT_PROCESSES;
    s->used = sample;
    if (s->spec.cpu_ms > 0 && sample.user_ms + sample.system_ms > s->spec.cpu_ms)
        s->limit = AIRE_EXIT_LIMIT_CPU;
    if (sample.files >= s->spec.open_files)
        s->files_full = true;
}

static void look_at_disk(supervision *s)
{
    if (disk_used(s->spec.writable) - s->disk_before > s->spec.disk_bytes)
        s->limit = AIRE_EXIT_LIMIT_DISK;
}

static void take_inner(supervision *s)
{
    char byte;
    if (!s->began) {
        s->began = read(s->inner, &byte, 1) == 1;
        if (s->began && byte == AIRE_INNER_LANDLOCK)
            s->supports |= AIRE_SUPPORTS_LANDLOCK;
        if (s->began)
            return;
    } else if (aire__read_full(s->inner, &s->status, sizeof s->status) == sizeof s->status) {
        s->ended = true;
    }
    close(s->inner);
    s->inner = -1;
}

/* The library wants the command to end. */
static void take_control(supervision *s)
{
    char byte;
    if (read(AIRE_WORKER_CONTROL, &byte, 1) == 1 && byte == AIRE_WORKER_STOP)
        s->limit = AIRE_EXIT_LIMIT_STOPPED;
    else
        s->abandoned = true;
}

/* What is looked at from time to time; the disk, which is much to read, more seldom. */
static void look(supervision *s, int looks)
{
    look_at_processes(s);
    live_stream(&s->live);
    if (looks % SELDOM == 0 && !s->limit)
        look_at_disk(s);
}

/* Watch until the command has ended, a limit is reached, or nobody wants it any more. */
static void watch(supervision *s)
{
    bool log_open_still = true;
    int64_t next_look = s->start_ms + FIRST_LOOK_MS;
    for (int looks = 0; !s->ended && !s->limit && !s->abandoned && s->inner >= 0;) {
        int64_t now = now_ms(), deadline = s->start_ms + s->spec.wall_ms;
        struct pollfd fds[] = {{s->inner, POLLIN, 0},
                               {log_open_still ? s->log.in : -1, POLLIN, 0},
                               {AIRE_WORKER_CONTROL, POLLIN, 0},
                               {AIRE_WORKER_HOST, POLLIN, 0}};
        int64_t until = next_look < deadline ? next_look : deadline;
        if (poll(fds, 4, until > now ? (int)(until - now) : 0) < 0 && errno != EINTR)
            return;
        if (fds[2].revents)
            take_control(s);
        if (fds[3].revents)
            s->abandoned = true;
        if (fds[1].revents)
            log_open_still = log_take(&s->log);
        if (s->log.written > s->spec.output_bytes)
            s->limit = AIRE_EXIT_LIMIT_OUTPUT;
        if (fds[0].revents)
            take_inner(s);
        now = now_ms();
        if (!s->ended && !s->limit && now >= deadline)
            s->limit = AIRE_EXIT_LIMIT_WALL;
        if (!s->ended && !s->limit && now >= next_look) {
            look(s, ++looks);
            next_look = now_ms() + LOOK_MS;
        }
    }
}

/* ---- the verdict ---- */

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* A failure after a limit of the kernel was met is that limit's doing; who succeeds all the same
 * has coped with it. */
static int limit_of_kernel(const supervision *s)
{
    if (s->signal == SIGXCPU)
        return AIRE_EXIT_LIMIT_CPU;
    if (s->signal == SIGXFSZ)
        return AIRE_EXIT_LIMIT_FILE_SIZE;
    if (s->code == 0)
        return AIRE_EXIT_LIMIT_NONE;
    if (cgroup_out_of_memory(&s->group))
        return AIRE_EXIT_LIMIT_MEMORY;
    if (cgroup_out_of_processes(&s->group))
        return AIRE_EXIT_LIMIT_PROCESSES;
    return s->files_full ? AIRE_EXIT_LIMIT_OPEN_FILES : AIRE_EXIT_LIMIT_NONE;
}

static void interpret(supervision *s)
{
    s->code = -1;
    if (s->ended && WIFEXITED(s->status))
        s->code = WEXITSTATUS(s->status);
    else if (s->ended)
        s->signal = WTERMSIG(s->status);
    if (!s->limit && !s->abandoned)
        s->limit = limit_of_kernel(s);
    if (!s->ended && s->limit)
        s->signal = SIGKILL;
    /* The kernel ends it between two looks. */
    if (s->limit == AIRE_EXIT_LIMIT_MEMORY)
        s->max_resident = larger(s->max_resident, s->spec.memory_bytes);
}

/* The end of bubblewrap, which comes with that of the namespace. */
static void await_child(const supervision *s, int patience_ms)
{
    int fd = (int)syscall(SYS_pidfd_open, s->launcher.child, 0);
    struct pollfd ends = {fd, POLLIN, 0};
    if (fd >= 0)
        poll(&ends, 1, patience_ms);
    if (fd >= 0)
        close(fd);
}

/* Nothing of the command is left when this returns. */
static void end(supervision *s)
{
    int64_t verdict = now_ms();
    s->wall_ms = verdict - s->start_ms;
    if (s->ended) /* whatever is left ends with its namespace: no need to look for it */
        await_child(s, GRACE_MS);
    else
        s->used = tree_look((int)s->spec.processes);
    cgroup_kill(&s->group);
    tree_kill();
    count_cpu(s, &s->used);
    s->end_ms = now_ms() - verdict;
}

static void drain_log(supervision *s)
{
    while (log_take(&s->log) && s->log.in >= 0) { /* nobody writes any more: to the end */
        struct pollfd fd = {s->log.in, POLLIN, 0};
        if (poll(&fd, 1, 0) <= 0)
            break;
    }
}

static void supervise(supervision *s)
{
    watch(s);
    end(s);
    drain_log(s);
    if (!s->limit && s->ended)
        look_at_disk(s);
    log_close(&s->log);
    live_close(&s->live);
    interpret(s);
    cgroup_remove(&s->group); /* before the report: when the library goes on, nothing is left */
    if (!s->began && !s->limit && !s->abandoned)
        report_failure(s->log.head, s->log.head_length);
    else
        report_end(s);
}

static int fail(supervision *s, const char *why)
{
    tree_kill();
    cgroup_remove(&s->group);
    report_failure(why, strlen(why));
    return 1;
}

static int serve(char **groups)
{
    supervision s = {.inner = -1};
    int fds[AIRE_FDS_MAX];
    cgroup_make(&s.group, groups[0], groups[1], groups[2]);
    if (!launcher_make(&s.launcher, &s.group))
        return fail(&s, "cannot start a process");
    int count = await_command(fds);
    if (count == 0)
        return fail(&s, "no command came");
    if (!spec_read(&s.spec, fds[0]))
        return fail(&s, "the specification is damaged");
    if (!start(&s, fds, count))
        return fail(&s, "cannot start the command");
    supervise(&s);
    return 0;
}

int main(int argc, char **argv)
{
    static const char other[] =
        "this aire-worker belongs to another version of libaire than the library";
    if (argc > 1 && !strcmp(argv[1], AIRE_WORKER_INNER_FLAG))
        return inner_main(argc - 2, argv + 2);
    if (fcntl(AIRE_WORKER_CONTROL, F_GETFD) < 0 || fcntl(AIRE_WORKER_REPORT, F_GETFD) < 0) {
        fputs("aire-worker is started by libaire; it is of no use by itself.\n", stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    if (argc != 5 || strcmp(argv[1], AIRE_WORKER_PROTOCOL)) {
        report_failure(other, sizeof other - 1);
        return 1;
    }
    prctl(PR_SET_NAME, "aire-worker");
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    return chdir("/") == 0 ? serve(argv + 2) : 1; /* it may wait long: in nobody's way */
}
