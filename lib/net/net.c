/* The net of a context: found or made, also in a forked child; and what may be asked of it. */
#include "net/net.h"

#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/str.h"
#include "net/engine.h"
#include "net/transfer.h"

struct aire_net {
    aire_net *next;
    aire_ctx *ctx; /* borrowed */
    size_t users;
    aire_engine *engine; /* of this process; changed under the lock */
};

typedef struct aire_alarm {
    aire_task task; /* first */
    int64_t when;
    aire_net_fn fn;
    void *user_data;
} aire_alarm;

/* All nets of the process. Identity belongs to contexts, which know nothing of this room. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;
static aire_net *nets;

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&lock);
}

static void watch_forks(void)
{
    pthread_atfork(before_fork, after_fork, after_fork);
}

/*
 * The engine of this process. A forked child has the parent's memory but not its thread, and must
 * not touch its connections: it leaves the parent's engine where it is and has one of its own.
 */
static aire_status engine_of(aire_net *net, aire_engine **out)
{
    aire_status status = AIRE_OK;
    pthread_mutex_lock(&lock);
    if (!net->engine || net->engine->pid != getpid())
        status = aire__engine_start(net->ctx, &net->engine);
    if (status == AIRE_OK)
        *out = net->engine;
    pthread_mutex_unlock(&lock);
    return status;
}

static aire_net **find(const aire_ctx *ctx)
{
    aire_net **place = &nets;
    while (*place && (*place)->ctx != ctx)
        place = &(*place)->next;
    return place;
}

static aire_net *find_or_make(aire_ctx *ctx)
{
    aire_net **place = find(ctx);
    if (!*place) {
        *place = aire__calloc(ctx, 1, sizeof **place);
        if (*place)
            (*place)->ctx = ctx;
    }
    if (*place)
        (*place)->users++;
    return *place;
}

aire_status aire__net_acquire(aire_ctx *ctx, aire_net **out)
{
    aire_engine *engine;
    pthread_once(&fork_once, watch_forks);
    pthread_mutex_lock(&lock);
    aire_net *net = find_or_make(ctx);
    pthread_mutex_unlock(&lock);
    if (!net)
        return aire__fail_nomem();
    aire_status status = engine_of(net, &engine);
    if (status == AIRE_OK)
        *out = net;
    else
        aire__net_release(net);
    return status;
}

void aire__net_release(aire_net *net)
{
    if (!net)
        return;
    pthread_mutex_lock(&lock);
    bool last = --net->users == 0;
    if (last)
        *find(net->ctx) = net->next;
    pthread_mutex_unlock(&lock);
    if (!last)
        return;
    if (net->engine && net->engine->pid == getpid())
        aire__engine_stop(net->engine);
    aire_free(net->ctx, net);
}

aire_status aire__net_start(aire_net *net, const aire_exchange *exchange)
{
    aire_engine *engine;
    aire_status status = engine_of(net, &engine);
    if (status != AIRE_OK)
        return status;
    aire_transfer *t = aire__transfer_new(net->ctx, exchange);
    if (!t)
        return aire__fail_nomem();
    aire__engine_post(engine, &t->task);
    return AIRE_OK;
}

static void alarm_begin(aire_task *task)
{
    aire__task_set_timer(task, ((aire_alarm *)task)->when);
}

static void alarm_end(aire_task *task, bool fired)
{
    aire_alarm *alarm = (aire_alarm *)task;
    aire_ctx *ctx = task->engine->ctx;
    aire__task_end(task);
    alarm->fn(fired, alarm->user_data);
    aire_free(ctx, alarm);
}

static void alarm_due(aire_task *task)
{
    alarm_end(task, false);
}

static void alarm_fired(aire_task *task)
{
    alarm_end(task, true);
}

static const aire_task_kind alarm_kind = {alarm_begin, alarm_due, alarm_fired};

aire_status aire__net_at(aire_net *net, int64_t when_ns, aire_cancel *cancel, aire_net_fn fn,
                         void *user_data)
{
    aire_engine *engine;
    aire_status status = engine_of(net, &engine);
    if (status != AIRE_OK)
        return status;
    aire_alarm *alarm = aire_alloc(net->ctx, sizeof *alarm);
    if (!alarm)
        return aire__fail_nomem();
    *alarm =
        (aire_alarm){.task.kind = &alarm_kind, .when = when_ns, .fn = fn, .user_data = user_data};
    alarm->task.waiter.token = aire_cancel_ref(cancel);
    aire__engine_post(engine, &alarm->task);
    return AIRE_OK;
}

bool aire__net_is_loopback(const char *url)
{
    CURLU *parts = curl_url();
    char *host = NULL;
    bool loopback = false;
    if (parts && !curl_url_set(parts, CURLUPART_URL, url, 0) &&
        !curl_url_get(parts, CURLUPART_HOST, &host, 0))
        loopback = strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
                   strcmp(host, "[::1]") == 0;
    curl_free(host);
    curl_url_cleanup(parts);
    return loopback;
}
