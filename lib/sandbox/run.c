/*
 * One command from the library's side: give it to a supervisor, wait for the report, pass a
 * cancellation on.
 *
 * When this process dies, the worker notices by a pidfd and ends the command; when the worker dies,
 * the kernel ends the command.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/fs.h"
#include "sandbox/engine.h"
#include "sandbox/observe.h"
#include "sandbox/spec.h"

enum {
    SPEC_MAX = 64 << 20,
    REPORT_MAX = 64 << 10,
    GPU_LOOK_MS = 250,
    KILL_GRACE_MS =
        10000 /* the worker needs milliseconds; a machine under memory pressure may need more */
};

/* What one run holds open. */
typedef struct running {
    aire_engine *engine;
    int sent[AIRE_FDS_MAX]; /* the worker's; closed here once it has them */
    size_t sent_count;
    aire_supervisor supervisor;
    bool cancelled; /* and the supervisor told so */
    aire_observer observer;
    aire_gpu_watch *gpus;
} running;

/* ---- what the worker gets ---- */

static aire_status keep(running *r, int fd, const char *what)
{
    if (fd < 0)
        return aire__fail_errno(errno == EMFILE || errno == ENFILE ? AIRE_SANDBOX : AIRE_IO, errno,
                                "cannot open %s", what);
    r->sent[r->sent_count++] = fd;
    return AIRE_OK;
}

static void close_sent(running *r)
{
    for (size_t i = 0; i < r->sent_count; i++)
        close(r->sent[i]);
    r->sent_count = 0;
}

static aire_status open_spec(running *r, const aire_command *command)
{
    aire_buf spec;
    aire__buf_init(&spec, r->engine->ctx, SPEC_MAX);
    aire_status status = aire__spec_make(&spec, r->engine, command);
    int fd = status == AIRE_OK ? memfd_create("aire-spec", MFD_CLOEXEC) : -1;
    if (status == AIRE_OK)
        status = keep(r, fd, "the specification");
    int errnum = status == AIRE_OK ? aire__write_all(fd, spec.data, spec.length) : 0;
    if (errnum)
        status = aire__fail_errno(AIRE_SANDBOX, errnum, "cannot write the specification");
    aire__buf_free(&spec);
    return status;
}

static aire_status open_files(running *r, const aire_command *command)
{
    const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
    const char *log = command->log_path ? command->log_path : "/dev/null";
    aire_status status = keep(r, open(log, flags, 0644), log);
    if (status == AIRE_OK && command->report_path)
        status = keep(r, open(command->report_path, flags, 0644), command->report_path);
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
    return keep(r, live[1], "the live pipe");
}

/* ---- waiting ---- */

/* Tell the observer what came; when it has had enough, the worker is told so, once. */
static void observe(running *r)
{
    bool had_stopped = r->observer.stopped;
    if (!aire__observer_take(&r->observer)) {
        close(r->observer.fd);
        r->observer.fd = -1;
    }
    if (r->observer.stopped && !had_stopped && !r->cancelled)
        send(r->supervisor.control, &(char){AIRE_WORKER_STOP}, 1, MSG_NOSIGNAL);
}

static void pass_cancel_on(running *r)
{
    r->cancelled = true;
    shutdown(r->supervisor.control, SHUT_RDWR);
}

/* Read to the end of the report pipe; a fired token is passed on once. */
static aire_status read_report(running *r, aire_cancel *cancel, aire_buf *text)
{
    for (;;) {
        struct pollfd fds[3] = {{r->supervisor.report, POLLIN, 0},
                                {r->cancelled ? -1 : aire_cancel_fd(cancel), POLLIN, 0},
                                {r->observer.fd, POLLIN, 0}};
        int ready = poll(fds, 3, r->cancelled ? KILL_GRACE_MS : r->gpus ? GPU_LOOK_MS : -1);
        aire__gpu_watch_look(r->gpus);
        if ((ready < 0 && errno == EINTR) || (ready == 0 && !r->cancelled))
            continue;
        if (ready == 0)
            return aire__fail(AIRE_SANDBOX, "the worker (process %d) does not end",
                              (int)r->supervisor.worker.pid);
        if (fds[1].revents)
            pass_cancel_on(r);
        if (fds[2].revents)
            observe(r);
        if (fds[0].revents) {
            char chunk[4096];
            ssize_t count = read(r->supervisor.report, chunk, sizeof chunk);
            if (count <= 0)
                break;
            aire__buf_append(text, chunk, (size_t)count);
        }
    }
    if (r->observer.fd >= 0)
        observe(r); /* the rest, which was written before the report */
    return AIRE_OK;
}

static aire_status finish(running *r, aire_cancel *cancel, aire_exit *exit, uint32_t *supports)
{
    aire_buf text;
    aire__buf_init(&text, r->engine->ctx, REPORT_MAX);
    aire_status status = read_report(r, cancel, &text);
    if (status != AIRE_OK)
        aire__process_signal(&r->supervisor.worker, 9); /* the kernel ends what it supervised */
    aire_status ended = aire__process_wait(&r->supervisor.worker, KILL_GRACE_MS);
    if (status == AIRE_OK)
        status = ended == AIRE_OK ? aire__buf_status(&text) : AIRE_SANDBOX;
    if (status == AIRE_OK && r->cancelled)
        status = aire__fail(AIRE_CANCELLED, "the command was cancelled");
    if (status == AIRE_OK)
        status = aire__report_parse(text.data, text.length, exit, supports);
    aire__buf_free(&text);
    return status;
}

static aire_status give(running *r, const aire_command *command)
{
    aire_status status = open_spec(r, command);
    if (status == AIRE_OK)
        status = open_files(r, command);
    if (status == AIRE_OK)
        status = open_live(r, command);
    if (status == AIRE_OK)
        status = aire__supervisor_begin(r->engine, r->sent, r->sent_count, &r->supervisor);
    close_sent(r);
    return status;
}

aire_status aire__engine_run(aire_engine *engine, const aire_command *command, aire_cancel *cancel,
                             aire_exit *exit, uint32_t *supports)
{
    running r = {.engine = engine, .observer.fd = -1};
    aire_status status = give(&r, command);
    if (status == AIRE_OK) {
        aire__supervisor_ahead(engine);
        r.gpus = aire__gpu_watch_open(engine->ctx, command->gpus, command->gpu_count);
        status = finish(&r, cancel, exit, supports);
        aire__gpu_watch_close(r.gpus, exit);
        aire__supervisor_close(engine, &r.supervisor);
    }
    if (r.observer.fd >= 0)
        close(r.observer.fd);
    return status;
}
