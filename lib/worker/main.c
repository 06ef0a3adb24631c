/*
 * aire-worker: supervises one sandboxed command.
 *
 * It starts bubblewrap (or the bare command), watches the clock, the memory, the number of
 * processes and the disk, keeps the log, and, when the command ends, reaches a limit, is cancelled
 * or loses its host, ends every process and then reports. See sandbox/spec.h for what it shares
 * with the library.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "sandbox/spec.h"
#include "worker/worker.h"

enum {
    FIRST_LOOK_MS = 10, /* most commands that end sooner are not worth a look */
    LOOK_MS = 25,       /* between looks at memory and processes */
    GRACE_MS = 20,      /* for what ends by itself */
    SELDOM = 10         /* looks between looks at the disk */
};

typedef struct supervision {
    spec spec;
    log_pump log;
    live_feed live;
    control_group group;
    tree_sample used; /* when it was last looked at */
    int inner;        /* tells that the command began, and how it ended */
    pid_t child;
    bool began, ended;
    bool files_full;   /* a process was seen with every descriptor that it may have */
    int status;        /* of the command, once ended */
    int code, signal;  /* the same, taken apart */
    int limit;         /* AIRE_EXIT_LIMIT_* that ended it */
    bool abandoned;    /* cancelled, or the host is gone */
    unsigned supports; /* AIRE_SUPPORTS_*: what guards the command */
    int64_t start_ms, wall_ms, end_ms, max_resident, disk_before;
} supervision;

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- starting ---- */

/* In the child: the program with its descriptors, when it has been put in its control group. */
static void become(const supervision *s, int log_end, int inner_end, const int go[2])
{
    char byte;
    close(go[1]); /* or the end of a worker that dies now would not be seen */
    if (read(go[0], &byte, 1) != 1)
        _exit(126);
    signal(SIGPIPE, SIG_DFL);
    dup2(log_end, STDOUT_FILENO);
    dup2(log_end, STDERR_FILENO);
    if (inner_end != AIRE_WORKER_INNER)
        dup2(inner_end, AIRE_WORKER_INNER);
    fcntl(AIRE_WORKER_INNER, F_SETFD, 0);
    if (!s->spec.report)
        close(AIRE_WORKER_REPORT_FILE);
    static const int ours[] = {AIRE_WORKER_CONTROL, AIRE_WORKER_REPORT, AIRE_WORKER_LOG,
                               AIRE_WORKER_HOST};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        close(ours[i]);
    syscall(SYS_close_range, AIRE_WORKER_INNER + 1, ~0u, 0);
    if (chdir(access(s->spec.cwd, X_OK) == 0 ? s->spec.cwd : "/") != 0)
        _exit(126);
    execve(s->spec.argv[0], s->spec.argv, s->spec.env);
    fprintf(stderr, "cannot start %s: %s\n", s->spec.argv[0], strerror(errno));
    _exit(127);
}

/* A pipe whose numbers are above all that are agreed on, so that none is in the way. */
static bool high_pipe(int ends[2])
{
    enum { HIGH = 20 };
    int low[2];
    if (pipe2(low, O_CLOEXEC) != 0)
        return false;
    for (int i = 0; i < 2; i++) {
        ends[i] = fcntl(low[i], F_DUPFD_CLOEXEC, HIGH);
        close(low[i]);
    }
    return ends[0] >= 0 && ends[1] >= 0;
}

static void make_group(supervision *s)
{
    enum { OURS = 2 }; /* bubblewrap and the inner half */
    cgroup_make(&s->group, s->spec.cgroup, s->spec.memory_bytes, s->spec.processes + OURS);
    cgroup_enter(&s->group, s->child);
    if (*s->group.memory)
        s->supports |= AIRE_SUPPORTS_MEMORY_GROUP;
    if (*s->group.pids)
        s->supports |= AIRE_SUPPORTS_PROCESS_GROUP;
}

static bool start(supervision *s)
{
    int log[2], inner[2], go[2];
    live_open(&s->live, s->spec.live ? AIRE_WORKER_LIVE : -1, s->spec.stream);
    if (!high_pipe(log) || !high_pipe(inner) || !high_pipe(go) ||
        !log_open(&s->log, log[0], AIRE_WORKER_LOG, s->spec.log_bytes, &s->live))
        return false;
    s->disk_before = disk_used(s->spec.writable);
    s->inner = inner[0];
    s->child = fork();
    if (s->child == 0)
        become(s, log[1], inner[1], go);
    close(log[1]);
    close(inner[1]);
    close(go[0]);
    if (s->child > 0)
        make_group(s);
    s->start_ms = now_ms();
    bool going = s->child > 0 && write(go[1], "+", 1) == 1;
    close(go[1]);
    return going;
}

/* ---- watching ---- */

static void look_at_memory(supervision *s, const tree_sample *sample)
{
    if (sample->resident > s->max_resident)
        s->max_resident = sample->resident;
    /* The plain sum counts shared pages more than once: before it ends a run, they are divided. */
    bool over = *s->group.memory ? cgroup_out_of_memory(&s->group)
                                 : sample->resident > s->spec.memory_bytes &&
                                       tree_proportional() > s->spec.memory_bytes;
    if (over)
        s->limit = AIRE_EXIT_LIMIT_MEMORY;
}

static void look_at_processes(supervision *s)
{
    const int allowed = (int)s->spec.processes + 3; /* bubblewrap and the inner half are ours */
    tree_sample sample = tree_look(allowed);
    look_at_memory(s, &sample);
    if (*s->group.pids ? cgroup_out_of_processes(&s->group) : sample.processes > allowed)
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

/* ---- the report ---- */

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

static void send_report(const json_t *report)
{
    char *text = report ? json_dumps(report, JSON_COMPACT) : NULL;
    if (text)
        aire__write_all(AIRE_WORKER_REPORT, text, strlen(text));
    free(text);
}

static void report_failure(const char *why, size_t length)
{
    while (length > 0 && strchr(" \n", why[length - 1]))
        length--;
    json_t *text = json_stringn(why, length);
    json_t *report = json_pack("{s:o}", "setup", text ? text : json_string("(unreadable)"));
    send_report(report);
    json_decref(report);
}

static int64_t milliseconds(struct timeval time)
{
    return (int64_t)time.tv_sec * 1000 + time.tv_usec / 1000;
}

static void report_end(const supervision *s)
{
    enum { BLOCK = 512 }; /* the unit of getrusage(2) */
    struct rusage used;
    /* What the end of its namespace killed was waited for by nobody: of that, the last look tells.
     */
    getrusage(RUSAGE_CHILDREN, &used);
    const struct {
        const char *key;
        int64_t value;
    } rows[] = {
        {"code", s->code},
        {"signal", s->signal},
        {"limit", s->limit},
        {"wall_ms", s->wall_ms},
        {"end_ms", s->end_ms},
        {"user_ms", larger(milliseconds(used.ru_utime), s->used.user_ms)},
        {"system_ms", larger(milliseconds(used.ru_stime), s->used.system_ms)},
        {"max_rss_bytes", larger((int64_t)used.ru_maxrss << 10, s->max_resident)},
        {"log_bytes", s->log.written},
        {"io_read_bytes", (int64_t)used.ru_inblock * BLOCK},
        {"io_write_bytes", (int64_t)used.ru_oublock * BLOCK},
        {"supports", s->supports},
    };
    json_t *report = json_object();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        json_object_set_new(report, rows[i].key, json_integer(rows[i].value));
    send_report(report);
    json_decref(report);
}

/* The end of bubblewrap, which comes with that of the namespace. */
static void await_child(const supervision *s, int patience_ms)
{
    int fd = (int)syscall(SYS_pidfd_open, s->child, 0);
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
    s->end_ms = now_ms() - verdict;
}

static int supervise(void)
{
    supervision s = {.inner = -1};
    const char *why = "cannot start a process";
    if (!spec_read(&s.spec, &why) || !start(&s)) {
        report_failure(why, strlen(why));
        return 1;
    }
    watch(&s);
    end(&s);
    while (log_take(&s.log) && s.log.in >= 0) { /* nobody writes any more: to the end */
        struct pollfd fd = {s.log.in, POLLIN, 0};
        if (poll(&fd, 1, 0) <= 0)
            break;
    }
    if (!s.limit && s.ended)
        look_at_disk(&s);
    log_close(&s.log);
    live_close(&s.live);
    interpret(&s);
    cgroup_remove(&s.group); /* before the report: when the library goes on, nothing is left */
    if (!s.began && !s.limit && !s.abandoned)
        report_failure(s.log.head, s.log.head_length);
    else
        report_end(&s);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], AIRE_WORKER_INNER_FLAG))
        return inner_main(argc - 2, argv + 2);
    if (fcntl(AIRE_WORKER_SPEC, F_GETFD) < 0 || fcntl(AIRE_WORKER_REPORT, F_GETFD) < 0) {
        fputs("aire-worker is started by libaire; it is of no use by itself.\n", stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_NAME, "aire-worker");
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    return supervise();
}
