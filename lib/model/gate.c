#include "model/gate.h"

#include <stdatomic.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/ref.h"
#include "base/str.h"
#include "base/thread.h"

#define LOOK_NS ((int64_t)50 * 1000000) /* between looks at those that wait */

struct aire_gate {
    aire_refcount refs; /* the owner, and each timer that is set */
    aire_ctx *ctx;      /* a reference: a timer may outlive the owner */
    aire_net *net;
    pid_t pid; /* of those that wait */
    aire_limiter limiter;
    aire_breaker breaker;
    aire_visitor *first; /* that wait */
    int64_t timer_ns;    /* the one that counts, the earliest; INT64_MAX: none */
    bool running;        /* on the stack: those who are told may come back */
};

aire_status aire__gate_new(aire_ctx *ctx, aire_net *net, const aire_rates_per_minute *limits,
                           aire_gate **out)
{
    aire_gate *gate = aire__calloc(ctx, 1, sizeof *gate);
    if (!gate)
        return aire__fail_nomem();
    aire__ref_init(&gate->refs);
    gate->ctx = aire_ctx_ref(ctx);
    gate->net = net;
    gate->pid = getpid();
    gate->timer_ns = INT64_MAX;
    aire__limiter_init(&gate->limiter, limits, aire__monotonic_ns());
    aire__breaker_init(&gate->breaker, 0, 0, 0);
    *out = gate;
    return AIRE_OK;
}

void aire__gate_free(aire_gate *gate)
{
    if (!gate || !aire__ref_drop(&gate->refs))
        return;
    aire_ctx *ctx = gate->ctx;
    aire_free(ctx, gate);
    aire_ctx_unref(ctx);
}

/* ---- those that wait ---- */

static void add(aire_gate *gate, aire_visitor *v)
{
    v->next = gate->first;
    v->previous = NULL;
    if (gate->first)
        gate->first->previous = v;
    gate->first = v;
}

static void take_out(aire_gate *gate, aire_visitor *v)
{
    *(v->previous ? &v->previous->next : &gate->first) = v->next;
    if (v->next)
        v->next->previous = v->previous;
}

static void send_away(aire_gate *gate, aire_visitor *v, aire_status status, const char *why)
{
    aire__limiter_withdraw(&gate->limiter, &v->ticket);
    take_out(gate, v);
    v->told(v, aire__fail(status, "%s", why));
}

/* Those that need not wait any longer. */
static void send_away_late(aire_gate *gate, int64_t now_ns)
{
    for (aire_visitor *v = gate->first, *next; v; v = next) {
        next = v->next;
        if (aire_cancel_fired(v->cancel))
            send_away(gate, v, AIRE_CANCELLED, "cancelled while it waited to be sent");
        else if (now_ns >= v->deadline_ns)
            send_away(gate, v, AIRE_TIMEOUT,
                      "the time limit came while it waited to be sent: the limits per minute, or "
                      "an endpoint that fails");
    }
}

/* The next that may go now; NULL: *wake_ns is when to ask again. */
static aire_visitor *next_to_go(aire_gate *gate, int64_t now_ns, int64_t *wake_ns)
{
    *wake_ns = INT64_MAX;
    uint32_t pass = gate->first ? aire__breaker_enter(&gate->breaker, now_ns, wake_ns) : 0;
    if (pass == 0)
        return NULL;
    aire_visitor *v = (aire_visitor *)aire__limiter_take(&gate->limiter, now_ns, wake_ns);
    if (v)
        v->pass = pass;
    else
        aire__breaker_leave(&gate->breaker, pass, AIRE_VERDICT_NONE, now_ns);
    return v;
}

static void run(aire_gate *gate);

typedef struct timer {
    aire_gate *gate; /* a reference */
    int64_t when_ns;
} timer;

static void timer_free(timer *t)
{
    aire_gate *gate = t->gate;
    aire_free(gate->ctx, t);
    aire__gate_free(gate);
}

/* One that an earlier one has replaced does nothing: else each would go on to set another, and
 * timers would pile up for as long as somebody waits. */
static void on_time(bool fired, void *user_data)
{
    timer *t = user_data;
    if (t->when_ns == t->gate->timer_ns) {
        t->gate->timer_ns = INT64_MAX;
        run(t->gate);
    }
    timer_free(t);
}

/* Without memory for a timer, the next that comes or leaves looks for all. */
static void set_timer(aire_gate *gate, int64_t when_ns)
{
    if (when_ns >= gate->timer_ns)
        return;
    timer *t = aire_alloc(gate->ctx, sizeof *t);
    if (!t)
        return;
    *t = (timer){gate, when_ns};
    aire__ref_take(&gate->refs);
    if (aire__net_at(gate->net, when_ns, NULL, on_time, t) == AIRE_OK)
        gate->timer_ns = when_ns;
    else
        timer_free(t);
}

static void run(aire_gate *gate)
{
    int64_t wake_ns = INT64_MAX;
    if (gate->running)
        return;
    aire__ref_take(&gate->refs); /* who is told may let go of the endpoint */
    gate->running = true;
    send_away_late(gate, aire__monotonic_ns());
    for (aire_visitor *v; (v = next_to_go(gate, aire__monotonic_ns(), &wake_ns));) {
        take_out(gate, v);
        v->told(v, AIRE_OK);
    }
    gate->running = false;
    if (gate->first) {
        int64_t look_ns = aire__monotonic_ns() + LOOK_NS;
        set_timer(gate, wake_ns < look_ns ? wake_ns : look_ns);
    }
    aire__gate_free(gate);
}

/* ---- coming and going ---- */

/* In a forked child: those that wait, the timer and the probe are the parent's, which sees to them;
 * here nobody would. */
static void begin_in_child(aire_gate *gate)
{
    gate->pid = getpid();
    gate->first = NULL;
    gate->timer_ns = INT64_MAX;
    gate->running = false;
    aire__limiter_forget(&gate->limiter);
    aire__breaker_init(&gate->breaker, 0, 0, 0);
}

void aire__gate_enter(aire_gate *gate, aire_visitor *v, uint64_t caller, int64_t tokens)
{
    if (gate->pid != getpid())
        begin_in_child(gate);
    v->pass = 0;
    add(gate, v);
    aire__limiter_submit(&gate->limiter, &v->ticket, caller, tokens);
    run(gate);
}

void aire__gate_leave(aire_gate *gate, aire_visitor *v, aire_verdict verdict, int64_t used,
                      int64_t peace_ns)
{
    int64_t now_ns = aire__monotonic_ns();
    aire__breaker_leave(&gate->breaker, v->pass, verdict, now_ns);
    if (used >= 0)
        aire__limiter_settle(&gate->limiter, &v->ticket, used, now_ns);
    if (peace_ns > 0)
        aire__limiter_hold(&gate->limiter, peace_ns);
    run(gate);
}
