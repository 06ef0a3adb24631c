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
    LOOK_MS = 25,   /* between looks at memory and processes */
    DISK_EVERY = 10 /* looks between looks at the disk */
};

typedef struct supervision {
    spec spec;
    log_pump log;
    int inner; /* tells that the command began, and how it ended */
    pid_t child;
    bool began, ended;
    int status;     /* of the command, once ended */
    int limit;      /* AIRE_EXIT_LIMIT_* that ended it */
    bool abandoned; /* cancelled, or the host is gone */
    int64_t start_ms, wall_ms, max_resident, disk_before;
} supervision;

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- starting ---- */

/* In the child: the program with its descriptors. */
static void become(const supervision *s, int log_end, int inner_end)
{
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

static bool start(supervision *s)
{
    int log[2], inner[2];
    /* Numbers above all that are agreed on, so that none is in the way. */
    if (pipe2(log, O_CLOEXEC) != 0 || pipe2(inner, O_CLOEXEC) != 0)
        return false;
    int log_in = fcntl(log[0], F_DUPFD_CLOEXEC, 20), log_out = fcntl(log[1], F_DUPFD_CLOEXEC, 20);
    int inner_in = fcntl(inner[0], F_DUPFD_CLOEXEC, 20),
        inner_out = fcntl(inner[1], F_DUPFD_CLOEXEC, 20);
    int used[] = {log[0], log[1], inner[0], inner[1]};
    for (size_t i = 0; i < sizeof used / sizeof *used; i++)
        close(used[i]);
    if (inner_out < 0 || !log_open(&s->log, log_in, AIRE_WORKER_LOG, s->spec.log_bytes))
        return false;
    s->disk_before = disk_used(s->spec.writable);
    s->start_ms = now_ms();
    s->inner = inner_in;
    s->child = fork();
    if (s->child == 0)
        become(s, log_out, inner_out);
    close(log_out);
    close(inner_out);
    return s->child > 0;
}

/* ---- watching ---- */

static void look_at_memory(supervision *s)
{
    const int allowed = s->spec.processes + 3; /* bubblewrap and the inner half are ours */
    tree_sample sample = tree_look(allowed);
    if (sample.resident > s->max_resident)
        s->max_resident = sample.resident;
    /* The plain sum counts shared pages more than once: before it ends a run, they are divided. */
    if (sample.processes > allowed)
        s->limit = AIRE_EXIT_LIMIT_PROCESSES;
    else if (sample.resident > s->spec.memory_bytes && tree_proportional() > s->spec.memory_bytes)
        s->limit = AIRE_EXIT_LIMIT_MEMORY;
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
        if (s->began)
            return;
    } else if (aire__read_full(s->inner, &s->status, sizeof s->status) == sizeof s->status) {
        s->ended = true;
    }
    close(s->inner);
    s->inner = -1;
}

/* Watch until the command has ended, a limit is reached, or nobody wants it any more. */
static void watch(supervision *s)
{
    bool log_open_still = true;
    int64_t next_look = s->start_ms + 5; /* short runs are looked at once, at least */
    for (int looks = 0; !s->ended && !s->limit && !s->abandoned && s->inner >= 0;) {
        int64_t now = now_ms(), deadline = s->start_ms + s->spec.wall_ms;
        struct pollfd fds[] = {{s->inner, POLLIN, 0},
                               {log_open_still ? s->log.in : -1, POLLIN, 0},
                               {AIRE_WORKER_CONTROL, POLLIN, 0},
                               {AIRE_WORKER_HOST, POLLIN, 0}};
        int64_t until = next_look < deadline ? next_look : deadline;
        if (poll(fds, 4, until > now ? (int)(until - now) : 0) < 0 && errno != EINTR)
            return;
        if (fds[2].revents || fds[3].revents)
            s->abandoned = true;
        if (fds[1].revents)
            log_open_still = log_take(&s->log);
        if (fds[0].revents)
            take_inner(s);
        now = now_ms();
        if (!s->ended && now >= deadline)
            s->limit = AIRE_EXIT_LIMIT_WALL;
        if (!s->ended && !s->limit && now >= next_look) {
            look_at_memory(s);
            if (++looks % DISK_EVERY == 0 && !s->limit)
                look_at_disk(s);
            next_look = now_ms() + LOOK_MS;
        }
    }
}

/* ---- the report ---- */

/* A signal that a limit of the kernel sent is that limit. */
static void interpret(supervision *s, int *code, int *number)
{
    *code = -1;
    *number = 0;
    if (!s->ended) {
        *number = s->limit ? SIGKILL : 0;
    } else if (WIFEXITED(s->status)) {
        *code = WEXITSTATUS(s->status);
    } else {
        *number = WTERMSIG(s->status);
        if (*number == SIGXCPU)
            s->limit = AIRE_EXIT_LIMIT_CPU;
        else if (*number == SIGXFSZ)
            s->limit = AIRE_EXIT_LIMIT_FILE_SIZE;
    }
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

static void report_end(supervision *s)
{
    struct rusage used;
    int code, number;
    interpret(s, &code, &number);
    getrusage(RUSAGE_CHILDREN, &used); /* everything below has been waited for */
    int64_t largest = (int64_t)used.ru_maxrss << 10;
    json_t *report = json_pack("{s:i, s:i, s:i, s:I, s:I, s:I, s:I, s:I}", "code", code, "signal",
                               number, "limit", s->limit, "wall_ms", (json_int_t)s->wall_ms,
                               "user_ms", (json_int_t)milliseconds(used.ru_utime), "system_ms",
                               (json_int_t)milliseconds(used.ru_stime), "max_rss_bytes",
                               (json_int_t)(largest > s->max_resident ? largest : s->max_resident),
                               "log_bytes", (json_int_t)s->log.written);
    send_report(report);
    json_decref(report);
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
    s.wall_ms = now_ms() - s.start_ms;
    tree_kill();
    while (log_take(&s.log) && s.log.in >= 0) { /* nobody writes any more: to the end */
        struct pollfd fd = {s.log.in, POLLIN, 0};
        if (poll(&fd, 1, 0) <= 0)
            break;
    }
    if (!s.limit && s.ended)
        look_at_disk(&s);
    log_close(&s.log);
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
