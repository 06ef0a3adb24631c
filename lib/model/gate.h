/*
 * The gate of an endpoint: which of the requests that want to go may go now, by the limits per
 * minute (limiter.h) and by the breaker (breaker.h). On the net's thread alone, without a lock.
 *
 * Those that wait are looked at often enough that a fired token or a deadline is seen in time.
 */
#ifndef AIRE_MODEL_GATE_H
#define AIRE_MODEL_GATE_H

#include "model/breaker.h"
#include "model/limiter.h"
#include "net/net.h"

typedef struct aire_gate aire_gate;
typedef struct aire_visitor aire_visitor;

/* A request at the gate; part of the caller's own record of it, which outlives its visit. */
struct aire_visitor {
    aire_ticket ticket;  /* first */
    aire_cancel *cancel; /* nullable; borrowed; so is the rest, set by the caller */
    int64_t deadline_ns;
    /* Told once: AIRE_OK, it may go, and aire__gate_leave must follow; or AIRE_CANCELLED or
     * AIRE_TIMEOUT, with the error detail. May be told before aire__gate_enter returns. */
    void (*told)(aire_visitor *visitor, aire_status status);

    uint32_t pass;
    aire_visitor *next, *previous; /* of those that wait */
};

/* `net` is borrowed. AIRE_OK, AIRE_NOMEM. */
aire_status aire__gate_new(aire_ctx *ctx, aire_net *net, const aire_rates_per_minute *limits,
                           aire_gate **out);

/* Nobody is at the gate any more. From any thread. */
void aire__gate_free(aire_gate *gate);

/* Also in a forked child: it has the limits for itself, and nobody of the parent's. */
void aire__gate_enter(aire_gate *gate, aire_visitor *visitor, uint64_t caller, int64_t tokens);

/* Its try has ended: what that says of the endpoint, the tokens that it used (negative: unknown),
 * and until when the server asks for peace (0: it does not). */
void aire__gate_leave(aire_gate *gate, aire_visitor *visitor, aire_verdict verdict, int64_t used,
                      int64_t peace_ns);

#endif
