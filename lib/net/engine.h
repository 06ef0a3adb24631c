/*
 * The net's thread: one epoll for curl's sockets and for cancel tokens, one heap of timers.
 *
 * What it works on are tasks, which come over the inbox; everything else is touched by the thread
 * alone, without a lock. A task is begun, and then told of its time or of its token, whichever
 * comes; it ends itself. Transfers and alarms are tasks.
 */
#ifndef AIRE_NET_ENGINE_H
#define AIRE_NET_ENGINE_H

#include <curl/curl.h>
#include <pthread.h>
#include <sys/types.h>

#include "net/crowd.h"
#include "net/timers.h"
#include "net/watch.h"

typedef struct aire_engine aire_engine;
typedef struct aire_task aire_task;

typedef struct aire_task_kind {
    void (*begin)(aire_task *task);
    void (*due)(aire_task *task);   /* its timer */
    void (*fired)(aire_task *task); /* its token; or the net is stopped */
} aire_task_kind;

struct aire_task {
    const aire_task_kind *kind;
    aire_engine *engine;
    aire_task *next, *prev; /* in the inbox, then among all that live */
    aire_timer timer;
    aire_waiter waiter; /* its token: a reference, dropped by aire__task_end */
};

struct aire_engine {
    aire_ctx *ctx; /* borrowed */
    pid_t pid;
    pthread_t thread;
    int epoll, wake;
    CURLM *multi;
    int64_t now; /* when epoll last returned */
    aire_timers timers;
    aire_timer curl_timer;
    aire_watch watch;
    aire_task *tasks;
    aire_crowd crowd;

    pthread_mutex_t lock; /* of what follows */
    aire_task *inbox, **inbox_end;
    bool stopping;
    bool left_alone; /* by its own thread, which frees it */
};

/* AIRE_OK, AIRE_NET, AIRE_NOMEM. */
aire_status aire__engine_start(aire_ctx *ctx, aire_engine **out);

/* Join the thread; what still lives is told that its token fired. */
void aire__engine_stop(aire_engine *engine);

/* Hand a task to the thread. Cannot fail. */
void aire__engine_post(aire_engine *engine, aire_task *task);

/* On the thread: no timer, no token, not among the living. The memory is the caller's. */
void aire__task_end(aire_task *task);

/* Set, or set anew, the task's timer; INT64_MAX: never. */
void aire__task_set_timer(aire_task *task, int64_t when);

#endif
