/*
 * Limits on the client's side: requests and tokens per minute, fair between callers.
 *
 * Two token buckets with a burst, and a queue of tickets for each caller; callers take turns, and
 * within a caller tickets go in order. Whose turn it is waits until its ticket can go, so a large
 * request is never overtaken for ever. In any minute no more is let through than the limits and one
 * burst; a request larger than the whole burst goes when the bucket is full, and its excess is paid
 * off before the next one.
 *
 * Tickets are the caller's memory; nothing is allocated. No clock and no lock: times are given, of
 * one steady clock, and the caller guards it. Callers are few (an ideator, a loop): they are found
 * by walking them.
 */
#ifndef AIRE_MODEL_LIMITER_H
#define AIRE_MODEL_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

typedef struct aire_ticket aire_ticket;

/* A request that waits. All fields are the limiter's. */
struct aire_ticket {
    uint64_t caller;
    int64_t tokens;
    bool waits;
    aire_ticket *next;                  /* of the same caller; NULL for the last */
    aire_ticket *last;                  /* of the caller; only its first ticket knows */
    aire_ticket *turn_next, *turn_prev; /* the ring of callers; only first tickets are in it */
};

typedef struct aire_bucket {
    double per_minute; /* 0: no limit */
    double burst;      /* its size */
    double level;      /* what may go now; negative: a debt */
} aire_bucket;

typedef struct aire_limiter {
    aire_bucket requests, tokens;
    int64_t now_ns;    /* the latest time seen */
    int64_t held_ns;   /* nothing goes before */
    aire_ticket *turn; /* whose turn it is; NULL: nobody waits */
    int64_t waiting;
} aire_limiter;

/* Limits per minute, 0 for none. A burst of 0 is a sixth of its limit (ten seconds' worth), and at
 * least 1. */
typedef struct aire_rates_per_minute {
    int64_t requests_per_minute, tokens_per_minute;
    int64_t request_burst, token_burst;
} aire_rates_per_minute;

void aire__limiter_init(aire_limiter *limiter, const aire_rates_per_minute *limits, int64_t now_ns);

/* Queue a ticket; `tokens` is what the request is expected to use, input and output. */
void aire__limiter_submit(aire_limiter *limiter, aire_ticket *ticket, uint64_t caller,
                          int64_t tokens);

/* The next ticket that may go now, or NULL; then *wake_ns is when to ask again (INT64_MAX: when one
 * is submitted). */
aire_ticket *aire__limiter_take(aire_limiter *limiter, int64_t now_ns, int64_t *wake_ns);

/* A ticket that went has used so many tokens: the difference to what was expected is given back or
 * owed. Not to be called for requests that were not sent to the end: what they used is not known.
 */
void aire__limiter_settle(aire_limiter *limiter, const aire_ticket *ticket, int64_t used,
                          int64_t now_ns);

/* Take a ticket out of the queue again; one that went is left alone. */
void aire__limiter_withdraw(aire_limiter *limiter, aire_ticket *ticket);

/* Nobody waits any more: the tickets are gone. */
void aire__limiter_forget(aire_limiter *limiter);

/* The server asks for peace until then (Retry-After): nothing goes before. */
void aire__limiter_hold(aire_limiter *limiter, int64_t until_ns);

#endif
