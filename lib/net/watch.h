/*
 * Cancel tokens watched by epoll, each once however many wait for it. Made of those who wait:
 * nothing is allocated. They are found by the token's descriptor, which is what epoll tells.
 */
#ifndef AIRE_NET_WATCH_H
#define AIRE_NET_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "aire/cancel.h"

typedef struct aire_waiter {
    aire_cancel *token; /* borrowed; NULL: waits for none */
    bool waits;
    bool leads;                      /* is the one of its ring that the bucket knows */
    struct aire_waiter *next, *prev; /* ring of those who wait for this token */
    struct aire_waiter *chain;       /* next leader of the bucket */
} aire_waiter;

enum { AIRE_WATCH_BUCKETS = 256 };

typedef struct aire_watch {
    int epoll;
    uint64_t mark; /* epoll's data for a token is its descriptor with these bits */
    aire_waiter *buckets[AIRE_WATCH_BUCKETS];
} aire_watch;

/* Begin to wait for waiter->token. 0, or errno of epoll. */
int aire__watch_add(aire_watch *watch, aire_waiter *waiter);

/* Nothing happens to one that does not wait. The token must still be open. */
void aire__watch_remove(aire_watch *watch, aire_waiter *waiter);

/* One who waits for the token with this descriptor, or NULL. */
aire_waiter *aire__watch_find(const aire_watch *watch, int fd);

#endif
