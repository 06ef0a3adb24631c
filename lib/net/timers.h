/*
 * Timers in a pairing heap (Fredman et al. 1986) made of the timers themselves: nothing is
 * allocated, so setting one cannot fail. Adding is O(1), removing O(log n) amortised.
 */
#ifndef AIRE_NET_TIMERS_H
#define AIRE_NET_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct aire_timer {
    int64_t when;  /* of aire__monotonic_ns */
    uint64_t turn; /* of those of the same time the one that was set first comes first */
    bool set;
    struct aire_timer *child, *sibling;
    struct aire_timer *before; /* the sibling before, or the parent */
    void (*fire)(struct aire_timer *timer);
} aire_timer;

typedef struct aire_timers {
    aire_timer *first; /* the earliest; NULL if there is none */
    uint64_t turns;    /* given so far */
} aire_timers;

/* Set a timer, also anew; `fire` and all other members stay as they are. */
void aire__timer_set(aire_timers *timers, aire_timer *timer, int64_t when);

/* Nothing happens to one that is not set. */
void aire__timer_unset(aire_timers *timers, aire_timer *timer);

#endif
