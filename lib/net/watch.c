/* Cancel tokens watched by epoll, each once however many wait for it. */
#include "net/watch.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>

static aire_waiter **bucket_of(aire_watch *watch, int fd)
{
    return &watch->buckets[(unsigned)fd % AIRE_WATCH_BUCKETS];
}

aire_waiter *aire__watch_find(const aire_watch *watch, int fd)
{
    aire_waiter *waiter = watch->buckets[(unsigned)fd % AIRE_WATCH_BUCKETS];
    while (waiter && aire_cancel_fd(waiter->token) != fd)
        waiter = waiter->chain;
    return waiter;
}

/* The place in the bucket that points to this leader. */
static aire_waiter **place_of(aire_watch *watch, const aire_waiter *leader)
{
    aire_waiter **place = bucket_of(watch, aire_cancel_fd(leader->token));
    while (*place != leader)
        place = &(*place)->chain;
    return place;
}

static int lead(aire_watch *watch, aire_waiter *waiter, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = watch->mark | (uint64_t)fd};
    if (epoll_ctl(watch->epoll, EPOLL_CTL_ADD, fd, &event))
        return errno;
    aire_waiter **bucket = bucket_of(watch, fd);
    waiter->next = waiter->prev = waiter;
    waiter->chain = *bucket;
    *bucket = waiter;
    waiter->leads = waiter->waits = true;
    return 0;
}

int aire__watch_add(aire_watch *watch, aire_waiter *waiter)
{
    if (!waiter->token)
        return 0;
    int fd = aire_cancel_fd(waiter->token);
    aire_waiter *leader = aire__watch_find(watch, fd);
    if (!leader)
        return lead(watch, waiter, fd);
    waiter->next = leader;
    waiter->prev = leader->prev;
    leader->prev->next = waiter;
    leader->prev = waiter;
    waiter->waits = true;
    return 0;
}

void aire__watch_remove(aire_watch *watch, aire_waiter *waiter)
{
    if (!waiter->waits)
        return;
    bool alone = waiter->next == waiter;
    if (waiter->leads) {
        aire_waiter **place = place_of(watch, waiter);
        *place = alone ? waiter->chain : waiter->next;
        if (!alone) {
            waiter->next->leads = true;
            waiter->next->chain = waiter->chain;
        }
    }
    if (alone)
        epoll_ctl(watch->epoll, EPOLL_CTL_DEL, aire_cancel_fd(waiter->token), NULL);
    waiter->next->prev = waiter->prev;
    waiter->prev->next = waiter->next;
    waiter->waits = waiter->leads = false;
}
