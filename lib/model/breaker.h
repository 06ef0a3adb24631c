/*
 * Circuit breakers: an endpoint that fails again and again is left alone for a while.
 *
 *   closed     everything goes; after so many transient failures in a row it opens
 *   open       nothing goes until the pause is over
 *   half-open  one request probes: if it is answered the breaker closes, else it opens again, for
 *              twice as long, up to a cap
 *
 * Each request is given a pass, and its end is told with it: an end of a request that began in an
 * earlier state says nothing about this one and is ignored. No clock and no lock: times are given.
 */
#ifndef AIRE_MODEL_BREAKER_H
#define AIRE_MODEL_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

typedef enum aire_breaker_state { AIRE_CLOSED, AIRE_OPEN, AIRE_HALF_OPEN } aire_breaker_state;

typedef struct aire_breaker {
    aire_breaker_state state;
    int32_t threshold, failures;
    int64_t first_pause_ns, max_pause_ns;
    int64_t pause_ns; /* the current or next one */
    int64_t until_ns; /* open: until then */
    bool probing;     /* half-open: the probe is under way */
    uint32_t pass;    /* of this state; never 0 */
} aire_breaker;

typedef enum aire_verdict {
    AIRE_VERDICT_ALIVE,  /* it answered, be it with a refusal */
    AIRE_VERDICT_FAILED, /* a failure that may pass */
    AIRE_VERDICT_NONE    /* not known: cancelled, or not sent */
} aire_verdict;

/* 0 for the defaults: 5 failures, 1,000 ms, 60,000 ms. */
void aire__breaker_init(aire_breaker *breaker, int32_t threshold, int64_t first_pause_ms,
                        int64_t max_pause_ms);

/* A pass if a request may go now, whose end must be told; 0 if not: *again_ns is when to ask again
 * (or sooner, when a request has ended). */
uint32_t aire__breaker_enter(aire_breaker *breaker, int64_t now_ns, int64_t *again_ns);

void aire__breaker_leave(aire_breaker *breaker, uint32_t pass, aire_verdict verdict,
                         int64_t now_ns);

#endif
