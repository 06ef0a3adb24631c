/* Starting supervisors, ahead or at once. None is a child of this process (base/process.h). */
#include "sandbox/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/fs.h"
#include "sandbox/engine.h"
#include "sandbox/spec.h"

enum { FD_COUNT = 6, END_MS = 10000 };

static aire_origin origin_here(void)
{
    aire_origin here;
    memset(&here, 0, sizeof here); /* the gaps as well: origins are compared as bytes */
    here.host = getpid();
    here.user = geteuid();
    here.group = getegid();
    sched_getaffinity(0, sizeof here.cpus, &here.cpus);
    return here;
}

/* ---- starting ---- */

/* Descriptors for a worker; each is kept or the failure is told. */
typedef struct fd_list {
    aire_fd_map maps[FD_COUNT];
    size_t count;
} fd_list;

static aire_status keep(fd_list *list, int fd, int to, const char *what)
{
    if (fd < 0)
        return aire__fail_errno(AIRE_SANDBOX, errno, "cannot open %s", what);
    list->maps[list->count++] = (aire_fd_map){fd, to};
    return AIRE_OK;
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

/* What bubblewrap reads to the end, so that each needs its own. */
static aire_status keep_files(fd_list *list, const aire_engine *engine)
{
    if (engine->kind == AIRE_SANDBOX_NONE)
        return AIRE_OK;
    aire_status status = keep(list, data_fd("seccomp", engine->filter, engine->filter_length),
                              AIRE_WORKER_SECCOMP, "the filter");
    if (status == AIRE_OK)
        status = keep(list, text_fd("passwd", "user:x:1000:1000::/workspace:/bin/sh\n"),
                      AIRE_WORKER_PASSWD, "passwd");
    if (status == AIRE_OK)
        status = keep(list, text_fd("group", "user:x:1000:\n"), AIRE_WORKER_GROUP, "group");
    return status;
}

/* Our ends stay in `s`. */
static aire_status keep_pipes(fd_list *list, aire_supervisor *s)
{
    int control[2], report[2];
    /* A socket: a byte to a worker that is gone must not end the host with SIGPIPE. */
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) != 0)
        return aire__fail_errno(AIRE_SANDBOX, errno, "cannot make a pair of sockets");
    s->control = control[1];
    aire_status status = keep(list, control[0], AIRE_WORKER_CONTROL, "the control socket");
    if (status == AIRE_OK && pipe2(report, O_CLOEXEC) != 0)
        return aire__fail_errno(AIRE_SANDBOX, errno, "cannot make a pipe");
    s->report = report[0];
    status = keep(list, report[1], AIRE_WORKER_REPORT, "the report pipe");
    if (status == AIRE_OK)
        status = keep(list, (int)syscall(SYS_pidfd_open, getpid(), 0), AIRE_WORKER_HOST,
                      "the host's pidfd");
    return status;
}

/* Let go of it; what waits for a command or has not ended ends. */
static void drop(aire_supervisor *s)
{
    bool ours = s->origin.host == getpid();
    if (s->control >= 0 && ours)
        shutdown(s->control, SHUT_RDWR); /* a child that the host forked may hold it as well */
    if (s->control >= 0)
        close(s->control);
    if (s->report >= 0)
        close(s->report);
    s->control = s->report = -1;
}

static void drop_process(aire_supervisor *s)
{
    if (s->worker.pidfd >= 0)
        close(s->worker.pidfd);
    s->worker = (aire_process)AIRE_PROCESS_NONE;
}

static aire_status start(const aire_engine *engine, aire_supervisor *out)
{
    const char *argv[] = {engine->worker, AIRE_WORKER_PROTOCOL, engine->groups.memory,
                          engine->groups.pids, engine->groups.cpu, NULL};
    const char *env[] = {NULL};
    fd_list list = {.count = 0};
    *out = (aire_supervisor)AIRE_SUPERVISOR_NONE;
    out->origin = origin_here();
    aire_status status = keep_files(&list, engine);
    if (status == AIRE_OK)
        status = keep_pipes(&list, out);
    if (status == AIRE_OK) {
        status =
            aire__process_start(engine->worker, argv, env, list.maps, list.count, &out->worker);
        if (status == AIRE_NOT_FOUND || status == AIRE_IO)
            status = AIRE_SANDBOX;
    }
    for (size_t i = 0; i < list.count; i++)
        close(list.maps[i].from);
    if (status != AIRE_OK)
        drop(out);
    return status;
}

/* ---- those that wait ---- */

void aire__supervisors_init(aire_supervisors *all)
{
    *all = (aire_supervisors){.count = 0};
    pthread_mutex_init(&all->lock, NULL);
}

void aire__supervisors_free(aire_supervisors *all)
{
    for (size_t i = 0; i < all->count; i++)
        drop(&all->ahead[i]);
    for (size_t i = 0; i < all->count; i++) {
        if (all->ahead[i].origin.host == getpid() &&
            aire__process_wait(&all->ahead[i].worker, END_MS) == AIRE_OK)
            continue;
        drop_process(&all->ahead[i]);
    }
    pthread_mutex_destroy(&all->lock);
}

/* One of those that wait, if it is from here; others are of no use to anybody any more. */
static bool take(aire_supervisors *all, aire_supervisor *out)
{
    aire_origin here = origin_here();
    aire_supervisor strange[AIRE_SUPERVISORS_AHEAD];
    size_t strangers = 0;
    bool found = false;
    pthread_mutex_lock(&all->lock);
    while (all->count > 0 && !found) {
        *out = all->ahead[--all->count];
        found = memcmp(&out->origin, &here, sizeof here) == 0;
        if (!found)
            strange[strangers++] = *out;
    }
    pthread_mutex_unlock(&all->lock);
    for (size_t i = 0; i < strangers; i++) {
        drop(&strange[i]);
        drop_process(&strange[i]);
    }
    return found;
}

static void count_running(aire_supervisors *all, int more)
{
    pthread_mutex_lock(&all->lock);
    all->running += (size_t)more;
    pthread_mutex_unlock(&all->lock);
}

void aire__supervisor_ahead(aire_engine *engine)
{
    aire_supervisors *all = &engine->supervisors;
    aire_supervisor next;
    pthread_mutex_lock(&all->lock);
    size_t there = all->count + all->starting;
    bool wanted = there < all->running && there < AIRE_SUPERVISORS_AHEAD;
    if (wanted)
        all->starting++;
    pthread_mutex_unlock(&all->lock);
    if (!wanted)
        return;
    bool started = start(engine, &next) == AIRE_OK;
    pthread_mutex_lock(&all->lock);
    all->starting--;
    if (started)
        all->ahead[all->count++] = next;
    pthread_mutex_unlock(&all->lock);
}

/* ---- giving it its command ---- */

static bool send_command(const aire_supervisor *s, const int *sent, size_t count)
{
    return aire__fds_send(s->control, AIRE_WORKER_BEGIN, sent, count);
}

aire_status aire__supervisor_begin(aire_engine *engine, const int *sent, size_t sent_count,
                                   aire_supervisor *out)
{
    if (take(&engine->supervisors, out)) {
        if (send_command(out, sent, sent_count)) {
            count_running(&engine->supervisors, 1);
            return AIRE_OK;
        }
        drop(out); /* somebody has ended it */
        drop_process(out);
    }
    aire_status status = start(engine, out);
    if (status != AIRE_OK)
        return status;
    count_running(&engine->supervisors, 1);
    if (send_command(out, sent, sent_count))
        return AIRE_OK;
    status = aire__fail_errno(AIRE_SANDBOX, errno, "the worker takes no command");
    aire__supervisor_close(engine, out);
    return status;
}

void aire__supervisor_close(aire_engine *engine, aire_supervisor *s)
{
    count_running(&engine->supervisors, -1);
    drop(s);
    drop_process(s);
}
