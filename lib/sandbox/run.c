/*
 * One command from the library's side: start the worker, wait for its report, pass a cancellation
 * on.
 *
 * The worker is no child of this process (base/process.h) and tells everything over a pipe. When
 * this process dies, the worker notices by a pidfd and ends the command; when the worker dies, the
 * kernel ends the command.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/fs.h"
#include "base/process.h"
#include "base/str.h"
#include "sandbox/engine.h"
#include "sandbox/observe.h"
#include "sandbox/spec.h"

enum {
    FD_COUNT = 10,
    REPORT_MAX = 64 << 10,
    GPU_LOOK_MS = 250,
    KILL_GRACE_MS =
        10000 /* the worker needs milliseconds; a machine under memory pressure may need more */
};

/* What one run holds open. */
typedef struct running {
    const aire_engine *engine;
    aire_fd_map fds[FD_COUNT]; /* the worker's; closed here once it is started */
    size_t fd_count;
    int control; /* our end of the control pipe */
    int report;  /* our end of the report pipe */
    aire_observer observer;
    aire_gpu_watch *gpus;
    aire_process worker;
} running;

static aire_status keep(running *r, int fd, int to, const char *what)
{
    if (fd < 0)
        return aire__fail_errno(errno == EMFILE || errno == ENFILE ? AIRE_SANDBOX : AIRE_IO, errno,
                                "cannot open %s", what);
    r->fds[r->fd_count++] = (aire_fd_map){fd, to};
    return AIRE_OK;
}

static void close_worker_ends(running *r)
{
    for (size_t i = 0; i < r->fd_count; i++)
        close(r->fds[i].from);
    r->fd_count = 0;
}

static int data_fd(const char *name, const char *data, size_t length)
{
    int fd = memfd_create(name, MFD_CLOEXEC);
    if (fd >= 0 && (aire__write_all(fd, data, length) || lseek(fd, 0, SEEK_SET) < 0)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static int text_fd(const char *name, const char *text)
{
    return data_fd(name, text, strlen(text));
}

/* ---- the specification ---- */

static json_t *writable_places(const aire_command *command)
{
    json_t *places = json_array();
    for (size_t i = 0; i < command->mount_count && places; i++)
        if ((command->mounts[i].flags & AIRE_MOUNT_WRITABLE) &&
            json_array_append_new(places, json_string(command->mounts[i].source)) != 0) {
            json_decref(places);
            return NULL;
        }
    return places;
}

/* Bubblewrap is started with nothing of the host's environment; a bare command gets its own. */
static json_t *environment(const aire_engine *engine, const aire_command *command)
{
    json_t *env = json_array();
    bool bare = engine->kind == AIRE_SANDBOX_NONE;
    int failed = !env;
    for (size_t i = 0; bare && command->env && command->env[i] && !failed; i++)
        failed = json_array_append_new(env, json_string(command->env[i]));
    if (bare && command->report_path && !failed)
        failed =
            json_array_append_new(env, json_sprintf("AIRE_REPORT_FD=%d", AIRE_WORKER_REPORT_FILE));
    if (failed) {
        json_decref(env);
        return NULL;
    }
    return env;
}

static aire_status make_spec(running *r, const aire_command *command, const aire_limits *limits,
                             json_t *argv, char **out)
{
    json_t *spec = json_pack("{s:O, s:o, s:o, s:s, s:s, s:s, s:b, s:b}", "argv", argv, "env",
                             environment(r->engine, command), "writable", writable_places(command),
                             "cwd", command->cwd ? command->cwd : "/", "cgroup", r->engine->cgroup,
                             "stream", command->stream_path ? command->stream_path : "", "report",
                             command->report_path != NULL, "live", command->observe != NULL);
    const struct {
        const char *key;
        int64_t value;
    } rows[] = {{"protocol", AIRE_WORKER_PROTOCOL},
                {"wall_ms", limits->wall_ms},
                {"cpu_ms", limits->cpu_ms},
                {"memory_bytes", limits->memory_bytes},
                {"disk_bytes", limits->disk_bytes},
                {"log_bytes", limits->log_bytes},
                {"output_bytes", limits->output_bytes},
                {"processes", limits->processes},
                {"open_files", limits->open_files}};
    int failed = !spec;
    for (size_t i = 0; i < sizeof rows / sizeof *rows && !failed; i++)
        failed = json_object_set_new(spec, rows[i].key, json_integer(rows[i].value));
    if (failed) {
        json_decref(spec);
        return aire__fail_nomem();
    }
    aire_status status = aire__json_dump(r->engine->ctx, spec, out);
    json_decref(spec);
    return status;
}

static aire_status open_spec(running *r, const aire_command *command)
{
    json_t *argv;
    char *spec = NULL;
    aire_limits limits = aire__limits_filled(command->limits);
    aire_status status = aire__engine_argv(r->engine, command, &limits, &argv);
    if (status != AIRE_OK)
        return status;
    status = make_spec(r, command, &limits, argv, &spec);
    json_decref(argv);
    if (status == AIRE_OK)
        status = keep(r, text_fd("aire-spec", spec), AIRE_WORKER_SPEC, "the specification");
    aire_free(r->engine->ctx, spec);
    return status;
}

/* ---- descriptors ---- */

static aire_status open_files(running *r, const aire_command *command)
{
    const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
    const char *log = command->log_path ? command->log_path : "/dev/null";
    aire_status status = keep(r, open(log, flags, 0644), AIRE_WORKER_LOG, log);
    if (status == AIRE_OK && command->report_path)
        status = keep(r, open(command->report_path, flags, 0644), AIRE_WORKER_REPORT_FILE,
                      command->report_path);
    return status;
}

static aire_status open_filter(running *r)
{
    if (r->engine->kind == AIRE_SANDBOX_NONE)
        return AIRE_OK;
    aire_status status = keep(r, data_fd("seccomp", r->engine->filter, r->engine->filter_length),
                              AIRE_WORKER_SECCOMP, "the filter");
    if (status == AIRE_OK)
        status = keep(r, text_fd("passwd", "user:x:1000:1000::/workspace:/bin/sh\n"),
                      AIRE_WORKER_PASSWD, "passwd");
    if (status == AIRE_OK)
        status = keep(r, text_fd("group", "user:x:1000:\n"), AIRE_WORKER_GROUP, "group");
    return status;
}

static aire_status open_pipes(running *r)
{
    int control[2], report[2];
    /* A socket: a byte to a worker that is gone must not end the host with SIGPIPE. */
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) != 0)
        return aire__fail_errno(AIRE_SANDBOX, errno, "cannot make a pair of sockets");
    r->control = control[1];
    aire_status status = keep(r, control[0], AIRE_WORKER_CONTROL, "the control pipe");
    if (status == AIRE_OK && pipe2(report, O_CLOEXEC) != 0)
        return aire__fail_errno(AIRE_SANDBOX, errno, "cannot make a pipe");
    r->report = report[0];
    status = keep(r, report[1], AIRE_WORKER_REPORT, "the report pipe");
    if (status == AIRE_OK)
        status = keep(r, (int)syscall(SYS_pidfd_open, getpid(), 0), AIRE_WORKER_HOST,
                      "the host's pidfd");
    return status;
}

static aire_status open_live(running *r, const aire_command *command)
{
    int live[2];
    if (!command->observe)
        return AIRE_OK;
    if (pipe2(live, O_CLOEXEC | O_NONBLOCK) != 0)
        return aire__fail_errno(AIRE_SANDBOX, errno, "cannot make a pipe");
    r->observer.fn = command->observe;
    r->observer.user_data = command->observe_user_data;
    r->observer.fd = live[0];
    return keep(r, live[1], AIRE_WORKER_LIVE, "the live pipe");
}

/* ---- the report ---- */

/* Tell the observer what came; when it has had enough, the worker is told so, once. */
static void observe(running *r)
{
    bool had_stopped = r->observer.stopped;
    if (!aire__observer_take(&r->observer)) {
        close(r->observer.fd);
        r->observer.fd = -1;
    }
    if (r->observer.stopped && !had_stopped && r->control >= 0)
        send(r->control, &(char){AIRE_WORKER_STOP}, 1, MSG_NOSIGNAL);
}

static void pass_cancel_on(running *r, bool *cancelled)
{
    *cancelled = true;
    close(r->control);
    r->control = -1;
}

/* Read to the end of the report pipe; a fired token is passed on once. */
static aire_status read_report(running *r, aire_cancel *cancel, aire_buf *text, bool *cancelled)
{
    for (;;) {
        struct pollfd fds[3] = {{r->report, POLLIN, 0},
                                {*cancelled ? -1 : aire_cancel_fd(cancel), POLLIN, 0},
                                {r->observer.fd, POLLIN, 0}};
        int ready = poll(fds, 3, *cancelled ? KILL_GRACE_MS : r->gpus ? GPU_LOOK_MS : -1);
        aire__gpu_watch_look(r->gpus);
        if ((ready < 0 && errno == EINTR) || (ready == 0 && !*cancelled))
            continue;
        if (ready == 0)
            return aire__fail(AIRE_SANDBOX, "the worker (process %d) does not end",
                              (int)r->worker.pid);
        if (fds[1].revents)
            pass_cancel_on(r, cancelled);
        if (fds[2].revents)
            observe(r);
        if (fds[0].revents) {
            char chunk[4096];
            ssize_t count = read(r->report, chunk, sizeof chunk);
            if (count <= 0)
                break;
            aire__buf_append(text, chunk, (size_t)count);
        }
    }
    if (r->observer.fd >= 0)
        observe(r); /* the rest, which was written before the report */
    return AIRE_OK;
}

static aire_status parse_report(const char *text, size_t length, aire_exit *exit,
                                uint32_t *supports)
{
    json_t *report;
    const char *setup = NULL;
    int64_t code = 0, signal = 0, limit = 0, guards = 0;
    if (length == 0)
        return aire__fail(AIRE_SANDBOX, "the worker ended without a report");
    aire_status status = aire__json_load(text, length, "worker's report", &report);
    if (status != AIRE_OK)
        return status == AIRE_NOMEM ? status : AIRE_SANDBOX;
    const struct {
        const char *key;
        int64_t *out;
    } rows[] = {{"code", &code},
                {"signal", &signal},
                {"limit", &limit},
                {"wall_ms", &exit->wall_ms},
                {"user_ms", &exit->user_ms},
                {"system_ms", &exit->system_ms},
                {"max_rss_bytes", &exit->max_rss_bytes},
                {"log_bytes", &exit->log_bytes},
                {"end_ms", &exit->end_ms},
                {"io_read_bytes", &exit->io_read_bytes},
                {"io_write_bytes", &exit->io_write_bytes},
                {"supports", &guards}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows && status == AIRE_OK; i++)
        status = aire__json_get_int(report, "worker's report", rows[i].key, rows[i].out);
    if (status == AIRE_OK)
        status = aire__json_get_string(report, "worker's report", "setup", &setup);
    if (status == AIRE_OK && setup)
        status = aire__fail(AIRE_SANDBOX, "the sandbox could not be set up: %s", setup);
    exit->code = (int32_t)code;
    exit->signal = (int32_t)signal;
    exit->limit = (int32_t)limit;
    if (supports)
        *supports = (uint32_t)guards;
    json_decref(report);
    return status;
}

static aire_status finish(running *r, aire_cancel *cancel, aire_exit *exit, uint32_t *supports)
{
    aire_buf text;
    bool cancelled = false;
    aire__buf_init(&text, r->engine->ctx, REPORT_MAX);
    aire_status status = read_report(r, cancel, &text, &cancelled);
    if (status != AIRE_OK)
        aire__process_signal(&r->worker, 9); /* the kernel ends what it supervised */
    aire_status ended = aire__process_wait(&r->worker, KILL_GRACE_MS);
    if (status == AIRE_OK)
        status = ended == AIRE_OK ? aire__buf_status(&text) : AIRE_SANDBOX;
    if (status == AIRE_OK && cancelled)
        status = aire__fail(AIRE_CANCELLED, "the command was cancelled");
    if (status == AIRE_OK)
        status = parse_report(text.data ? text.data : "", text.length, exit, supports);
    aire__buf_free(&text);
    return status;
}

aire_status aire__engine_run(const aire_engine *engine, const aire_command *command,
                             aire_cancel *cancel, aire_exit *exit, uint32_t *supports)
{
    running r = {.engine = engine,
                 .control = -1,
                 .report = -1,
                 .observer.fd = -1,
                 .worker = AIRE_PROCESS_NONE};
    const char *argv[] = {engine->worker, NULL}, *env[] = {NULL};
    aire_status status = open_spec(&r, command);
    if (status == AIRE_OK)
        status = open_files(&r, command);
    if (status == AIRE_OK)
        status = open_filter(&r);
    if (status == AIRE_OK)
        status = open_pipes(&r);
    if (status == AIRE_OK)
        status = open_live(&r, command);
    if (status == AIRE_OK) {
        status = aire__process_start(engine->worker, argv, env, r.fds, r.fd_count, &r.worker);
        if (status == AIRE_NOT_FOUND || status == AIRE_IO)
            status = AIRE_SANDBOX;
    }
    close_worker_ends(&r);
    if (status == AIRE_OK)
        r.gpus = aire__gpu_watch_open(engine->ctx, command->gpus, command->gpu_count);
    if (status == AIRE_OK)
        status = finish(&r, cancel, exit, supports);
    aire__gpu_watch_close(r.gpus, exit);
    if (r.control >= 0)
        close(r.control);
    if (r.report >= 0)
        close(r.report);
    if (r.observer.fd >= 0)
        close(r.observer.fd);
    return status;
}
