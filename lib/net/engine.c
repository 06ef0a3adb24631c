/* The net's thread. */
#include "net/engine.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/str.h"
#include "base/thread.h"
#include "net/transfer.h"

enum {
    BATCH = 256,      /* events taken at once */
    FULL_BATCHES = 16 /* in a row, before timers come first */
};

/* What an event is about: the upper half of epoll's data; the lower is the descriptor. */
static const uint64_t ABOUT_WAKE = (uint64_t)1 << 32;
static const uint64_t ABOUT_TOKEN = (uint64_t)2 << 32;
static const uint64_t ABOUT_SOCKET = (uint64_t)3 << 32;

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_ready = CURLE_FAILED_INIT; /* written once, under curl_once */

/* Never undone: the host may use curl as well. */
static void start_curl(void)
{
    curl_ready = curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* Once a process, before anything else of curl. AIRE_OK, AIRE_NET. */
static aire_status ready_curl(void)
{
    pthread_once(&curl_once, start_curl);
    if (curl_ready == CURLE_OK)
        return AIRE_OK;
    return aire__fail(AIRE_NET, "libcurl could not start: %s", curl_easy_strerror(curl_ready));
}

/* curl wants to know when a socket can be read or written. */
static int watch_socket(CURL *easy, curl_socket_t socket, int what, void *user_data, void *known)
{
    aire_engine *engine = user_data;
    struct epoll_event event = {.data.u64 = ABOUT_SOCKET | (uint64_t)socket};
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(engine->epoll, EPOLL_CTL_DEL, socket, NULL);
        curl_multi_assign(engine->multi, socket, NULL);
        return 0;
    }
    if (what & CURL_POLL_IN)
        event.events |= EPOLLIN;
    if (what & CURL_POLL_OUT)
        event.events |= EPOLLOUT;
    int failed = epoll_ctl(engine->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, socket, &event);
    if (failed && errno == EEXIST)
        failed = epoll_ctl(engine->epoll, EPOLL_CTL_MOD, socket, &event);
    else if (failed && errno == ENOENT)
        failed = epoll_ctl(engine->epoll, EPOLL_CTL_ADD, socket, &event);
    if (!known)
        curl_multi_assign(engine->multi, socket, engine);
    return failed ? -1 : 0;
}

static int watch_time(CURLM *multi, long timeout_ms, void *user_data)
{
    aire_engine *engine = user_data;
    if (timeout_ms < 0)
        aire__timer_unset(&engine->timers, &engine->curl_timer);
    else
        aire__timer_set(&engine->timers, &engine->curl_timer,
                        aire__monotonic_ns() + (int64_t)timeout_ms * 1000000);
    return 0;
}

static aire_engine *engine_of_curl_timer(aire_timer *timer)
{
    return (aire_engine *)(void *)((char *)timer - offsetof(aire_engine, curl_timer));
}

static void tell_curl_time(aire_timer *timer)
{
    int running;
    curl_multi_socket_action(engine_of_curl_timer(timer)->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

static void tell_curl_socket(aire_engine *engine, int fd, uint32_t events)
{
    int what = 0, running;
    if (events & EPOLLIN)
        what |= CURL_CSELECT_IN;
    if (events & EPOLLOUT)
        what |= CURL_CSELECT_OUT;
    if (events & (EPOLLERR | EPOLLHUP)) /* what reading or writing will tell */
        what |= CURL_CSELECT_IN | CURL_CSELECT_OUT;
    curl_multi_socket_action(engine->multi, fd, what, &running);
}

static aire_task *task_of_waiter(aire_waiter *waiter)
{
    return (aire_task *)(void *)((char *)waiter - offsetof(aire_task, waiter));
}

static void tell_token(aire_engine *engine, int fd)
{
    aire_waiter *waiter;
    while ((waiter = aire__watch_find(&engine->watch, fd)) && aire_cancel_fired(waiter->token)) {
        aire_task *task = task_of_waiter(waiter);
        aire__watch_remove(&engine->watch, waiter);
        task->kind->fired(task);
    }
}

static void task_due(aire_timer *timer)
{
    aire_task *task = (aire_task *)(void *)((char *)timer - offsetof(aire_task, timer));
    task->kind->due(task);
}

void aire__task_set_timer(aire_task *task, int64_t when)
{
    if (when == INT64_MAX)
        aire__timer_unset(&task->engine->timers, &task->timer);
    else
        aire__timer_set(&task->engine->timers, &task->timer, when);
}

void aire__task_end(aire_task *task)
{
    aire_engine *engine = task->engine;
    aire__timer_unset(&engine->timers, &task->timer);
    aire__watch_remove(&engine->watch, &task->waiter);
    aire_cancel_unref(task->waiter.token);
    task->waiter.token = NULL;
    if (task->prev)
        task->prev->next = task->next;
    else
        engine->tasks = task->next;
    if (task->next)
        task->next->prev = task->prev;
}

void aire__engine_post(aire_engine *engine, aire_task *task)
{
    uint64_t one = 1;
    task->engine = engine;
    task->next = task->prev = NULL;
    pthread_mutex_lock(&engine->lock);
    bool first = !engine->inbox;
    *engine->inbox_end = task;
    engine->inbox_end = &task->next;
    if (first) { /* under the lock, so that the descriptor is there */
        ssize_t written = write(engine->wake, &one, sizeof one);
        (void)written;
    }
    pthread_mutex_unlock(&engine->lock);
}

static void begin(aire_engine *engine, aire_task *task)
{
    task->timer.fire = task_due;
    task->prev = NULL;
    task->next = engine->tasks;
    if (engine->tasks)
        engine->tasks->prev = task;
    engine->tasks = task;
    if (aire_cancel_fired(task->waiter.token)) {
        task->kind->fired(task);
        return;
    }
    /* Without memory for it in the kernel, a token is only seen when it has fired by now. */
    int error = aire__watch_add(&engine->watch, &task->waiter);
    if (error)
        aire__logf(engine->ctx, AIRE_LOG_WARNING, "net",
                   "a request cannot be cancelled: its token cannot be watched: %s",
                   strerror(error));
    task->kind->begin(task);
}

/* Begin what came; whether the net goes on. */
static bool read_inbox(aire_engine *engine)
{
    uint64_t count;
    pthread_mutex_lock(&engine->lock);
    aire_task *task = engine->inbox;
    engine->inbox = NULL;
    engine->inbox_end = &engine->inbox;
    ssize_t got = read(engine->wake, &count, sizeof count);
    (void)got;
    bool go_on = !engine->stopping;
    pthread_mutex_unlock(&engine->lock);
    while (task) {
        aire_task *next = task->next;
        begin(engine, task);
        task = next;
    }
    return go_on;
}

static int wait_ms(const aire_engine *engine)
{
    const aire_timer *first = engine->timers.first;
    if (!first)
        return -1;
    int64_t left = first->when - aire__monotonic_ns();
    if (left <= 0)
        return 0;
    left = (left + 999999) / 1000000;
    return left < INT_MAX ? (int)left : INT_MAX;
}

static void run_timers(aire_engine *engine)
{
    aire_timer *first;
    while ((first = engine->timers.first) && first->when <= engine->now) {
        aire__timer_unset(&engine->timers, first);
        first->fire(first);
    }
}

/* One round of events; whether the net goes on. */
static bool handle(aire_engine *engine, const struct epoll_event *events, int count)
{
    bool go_on = true, woken = false;
    for (int i = 0; i < count; i++) {
        uint64_t about = events[i].data.u64 & ~(uint64_t)UINT32_MAX;
        int fd = (int)(events[i].data.u64 & UINT32_MAX);
        if (about == ABOUT_SOCKET)
            tell_curl_socket(engine, fd, events[i].events);
        else if (about == ABOUT_TOKEN)
            tell_token(engine, fd);
        else
            woken = true;
    }
    if (woken)
        go_on = read_inbox(engine);
    return go_on;
}

static void tell_ended(aire_engine *engine)
{
    int left;
    const CURLMsg *message;
    while ((message = curl_multi_info_read(engine->multi, &left)))
        if (message->msg == CURLMSG_DONE)
            aire__transfer_over(message->easy_handle, message->data.result);
}

/* Whatever has come is read before a timer may say that nothing came, even if the whole process
 * stood still for a while. */
static void run(aire_engine *engine)
{
    struct epoll_event events[BATCH];
    bool go_on = true;
    int full = 0;
    while (go_on) {
        int count = epoll_wait(engine->epoll, events, BATCH, full ? 0 : wait_ms(engine));
        engine->now = aire__monotonic_ns();
        go_on = handle(engine, events, count);
        full = count == BATCH && full < FULL_BATCHES ? full + 1 : 0;
        if (!full)
            run_timers(engine);
        tell_ended(engine);
        aire__transfers_admit(engine);
    }
    do {
        while (engine->tasks)
            engine->tasks->kind->fired(engine->tasks);
        read_inbox(engine);
    } while (engine->tasks);
}

static void engine_free(aire_engine *engine)
{
    curl_multi_cleanup(engine->multi);
    if (engine->epoll >= 0)
        close(engine->epoll);
    if (engine->wake >= 0)
        close(engine->wake);
    pthread_mutex_destroy(&engine->lock);
    aire_free(engine->ctx, engine);
}

/* curl is closed here, too: with signals blocked, its last words to a server that is gone cannot
 * raise SIGPIPE in the host. */
static void *thread_main(void *arg)
{
    aire_engine *engine = arg;
    run(engine);
    curl_multi_cleanup(engine->multi);
    engine->multi = NULL;
    if (engine->left_alone) {
        aire_ctx *ctx = engine->ctx;
        engine_free(engine);
        aire_ctx_unref(ctx);
    }
    return NULL;
}

static bool set_multi_options(aire_engine *engine)
{
    CURLM *multi = engine->multi;
    bool ok = curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch_socket) == CURLM_OK;
    ok &= curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, engine) == CURLM_OK;
    ok &= curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, watch_time) == CURLM_OK;
    ok &= curl_multi_setopt(multi, CURLMOPT_TIMERDATA, engine) == CURLM_OK;
    ok &= curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX) == CURLM_OK;
    return ok;
}

static aire_status engine_open(aire_engine *engine)
{
    struct epoll_event event = {.events = EPOLLIN};
    aire_status status = ready_curl();
    if (status != AIRE_OK)
        return status;
    engine->epoll = epoll_create1(EPOLL_CLOEXEC);
    engine->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (engine->epoll < 0 || engine->wake < 0)
        return aire__fail_errno(AIRE_NET, errno, "no descriptor left for network requests");
    event.data.u64 = ABOUT_WAKE | (uint64_t)engine->wake;
    if (epoll_ctl(engine->epoll, EPOLL_CTL_ADD, engine->wake, &event))
        return aire__fail_errno(AIRE_NET, errno, "epoll_ctl");
    engine->watch.epoll = engine->epoll;
    engine->watch.mark = ABOUT_TOKEN;
    engine->multi = curl_multi_init();
    if (!engine->multi || !set_multi_options(engine))
        return aire__fail_nomem();
    aire__crowd_init(&engine->crowd, engine->ctx, engine->multi);
    return AIRE_OK;
}

aire_status aire__engine_start(aire_ctx *ctx, aire_engine **out)
{
    aire_engine *engine = aire__calloc(ctx, 1, sizeof *engine);
    if (!engine)
        return aire__fail_nomem();
    engine->ctx = ctx;
    engine->pid = getpid();
    engine->epoll = engine->wake = -1;
    engine->inbox_end = &engine->inbox;
    engine->curl_timer.fire = tell_curl_time;
    pthread_mutex_init(&engine->lock, NULL);
    aire_status status = engine_open(engine);
    if (status == AIRE_OK &&
        aire__thread_start(&engine->thread, "aire-net", thread_main, engine) != AIRE_OK)
        status = aire__fail_prefix(AIRE_NET, "network requests");
    if (status != AIRE_OK) {
        engine_free(engine);
        return status;
    }
    *out = engine;
    return AIRE_OK;
}

void aire__engine_stop(aire_engine *engine)
{
    uint64_t one = 1;
    pthread_mutex_lock(&engine->lock);
    engine->stopping = true;
    ssize_t written = write(engine->wake, &one, sizeof one);
    (void)written;
    pthread_mutex_unlock(&engine->lock);
    if (pthread_equal(pthread_self(), engine->thread)) { /* whoever is told last lets go here */
        engine->left_alone = true;
        aire_ctx_ref(engine->ctx);
        pthread_detach(engine->thread);
        return;
    }
    pthread_join(engine->thread, NULL);
    engine_free(engine);
}
