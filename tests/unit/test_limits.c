/* Limits on the client's side, and circuit breakers, whose clocks are numbers here; and the gate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/rng.h"
#include "model/breaker.h"
#include "model/gate.h"
#include "model/limiter.h"
#include "support/failing.h"

#define SECOND INT64_C(1000000000)
#define MINUTE (60 * SECOND)

static void test_limiter__lets_a_burst_go_and_then_the_rate(void **state)
{
    aire_limiter l;
    aire_ticket tickets[20];
    int64_t wake;
    aire__limiter_init(&l, &(aire_rates_per_minute){.requests_per_minute = 60}, 5 * SECOND);
    for (int i = 0; i < 20; i++)
        aire__limiter_submit(&l, &tickets[i], 7, 0);
    for (int i = 0; i < 10; i++) /* a sixth of 60 */
        assert_ptr_equal(aire__limiter_take(&l, 5 * SECOND, &wake), &tickets[i]);
    assert_null(aire__limiter_take(&l, 5 * SECOND, &wake));
    assert_int_equal(wake, 6 * SECOND);
    for (int i = 10; i < 20; i++) {
        assert_null(aire__limiter_take(&l, wake - SECOND / 1000, &wake));
        int64_t now = wake;
        assert_ptr_equal(aire__limiter_take(&l, now, &wake), &tickets[i]);
        assert_null(aire__limiter_take(&l, now, &wake));
    }
    assert_int_equal(wake, INT64_MAX);
    assert_int_equal(l.waiting, 0);
}

static void test_limiter__without_limits_lets_all_go(void **state)
{
    aire_limiter l;
    aire_ticket tickets[5];
    int64_t wake;
    aire__limiter_init(&l, &(aire_rates_per_minute){0}, 0);
    for (int i = 0; i < 5; i++)
        aire__limiter_submit(&l, &tickets[i], 1, INT64_MAX);
    for (int i = 0; i < 5; i++)
        assert_ptr_equal(aire__limiter_take(&l, 0, &wake), &tickets[i]);
    assert_null(aire__limiter_take(&l, 0, &wake));
    assert_int_equal(wake, INT64_MAX);
}

static void test_limiter__a_large_request_goes_when_the_bucket_is_full(void **state)
{
    aire_limiter l;
    aire_ticket large, small;
    int64_t wake, now = 0;
    aire__limiter_init(&l, &(aire_rates_per_minute){.tokens_per_minute = 6000, .token_burst = 1000}, 0);
    aire__limiter_submit(&l, &large, 1, 5000);
    aire__limiter_submit(&l, &small, 2, 100);
    assert_ptr_equal(aire__limiter_take(&l, now, &wake), &large);
    /* 4000 in debt, 100 needed: 41 seconds. */
    assert_null(aire__limiter_take(&l, now, &wake));
    assert_int_equal(wake, 41 * SECOND);
    /* It turns out that it used 1000 only. */
    aire__limiter_settle(&l, &large, 1000, now);
    assert_null(aire__limiter_take(&l, now, &wake));
    assert_int_equal(wake, SECOND);
    assert_ptr_equal(aire__limiter_take(&l, wake, &wake), &small);
    /* Used more than expected: owed. */
    aire__limiter_settle(&l, &small, 700, SECOND);
    aire__limiter_submit(&l, &small, 2, 100);
    assert_null(aire__limiter_take(&l, SECOND, &wake));
    assert_int_equal(wake, 8 * SECOND);
}

static void test_limiter__holds_when_it_is_asked_to(void **state)
{
    aire_limiter l;
    aire_ticket t;
    int64_t wake;
    aire__limiter_init(&l, &(aire_rates_per_minute){0}, 0);
    aire__limiter_hold(&l, 10 * SECOND);
    aire__limiter_hold(&l, 3 * SECOND); /* the longer one counts */
    aire__limiter_submit(&l, &t, 1, 1);
    assert_null(aire__limiter_take(&l, SECOND, &wake));
    assert_int_equal(wake, 10 * SECOND);
    assert_ptr_equal(aire__limiter_take(&l, wake, &wake), &t);
}

static void test_limiter__takes_turns(void **state)
{
    enum { MANY = 60 };
    aire_limiter l;
    aire_ticket tickets[MANY];
    int64_t wake;
    static const int expected[] = {0, 50, 57, 1, 51, 58, 2, 52, 59, 3, 53, 4, 54};
    aire__limiter_init(&l, &(aire_rates_per_minute){0}, 0);
    for (int i = 0; i < MANY; i++)
        aire__limiter_submit(&l, &tickets[i], i < 50 ? 1 : i < 57 ? 2 : 3, 1);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_ptr_equal(aire__limiter_take(&l, 0, &wake), &tickets[expected[i]]);
}

static void test_limiter__withdraws_any_ticket(void **state)
{
    aire_limiter l;
    aire_ticket t[6];
    int64_t wake;
    aire__limiter_init(&l, &(aire_rates_per_minute){0}, 0);
    for (int i = 0; i < 6; i++)
        aire__limiter_submit(&l, &t[i], i < 4 ? 1 : 2, 1);
    aire__limiter_withdraw(&l, &t[0]); /* first */
    aire__limiter_withdraw(&l, &t[2]); /* between */
    aire__limiter_withdraw(&l, &t[3]); /* last */
    aire__limiter_withdraw(&l, &t[3]); /* again */
    assert_int_equal(l.waiting, 3);
    aire__limiter_submit(&l, &t[3], 1, 1);
    assert_ptr_equal(aire__limiter_take(&l, 0, &wake), &t[1]);
    aire__limiter_withdraw(&l, &t[1]); /* that went */
    assert_ptr_equal(aire__limiter_take(&l, 0, &wake), &t[4]);
    assert_ptr_equal(aire__limiter_take(&l, 0, &wake), &t[3]);
    aire__limiter_withdraw(&l, &t[5]); /* the only one */
    assert_null(aire__limiter_take(&l, 0, &wake));
    assert_int_equal(l.waiting, 0);
}

/* Random callers, sizes, arrivals and withdrawals on a clock that jumps: the limits over any
 * minute, the order within a caller, turns, and that waking is never in vain. */

enum { CALLERS = 5, TICKETS = 400 };

typedef struct gone {
    int64_t when, tokens;
} gone;

static void check_windows(const gone *log, int count, const aire_rates_per_minute *limits)
{
    for (int first = 0; first < count; first++) {
        int64_t requests = 0, tokens = 0;
        for (int i = first; i < count && log[i].when - log[first].when < MINUTE; i++) {
            requests++;
            tokens += log[i].tokens;
        }
        assert_true(requests <= limits->requests_per_minute + limits->request_burst);
        assert_true(tokens <= limits->tokens_per_minute + limits->token_burst);
    }
}

static void random_schedule(uint64_t seed)
{
    aire_rng rng;
    aire_limiter l;
    static aire_ticket tickets[TICKETS];
    static gone log[TICKETS];
    int next_of[CALLERS] = {0}, went = 0, withdrawn = 0, turns[CALLERS] = {0};
    int64_t now = 0, wake;
    aire__rng_init(&rng, seed, "limits", 0);
    aire_rates_per_minute limits = {.requests_per_minute = 1 + (int64_t)aire__rng_below(&rng, 300),
                          .tokens_per_minute = 1000 + (int64_t)aire__rng_below(&rng, 50000)};
    limits.request_burst = 1 + (int64_t)aire__rng_below(&rng, 20);
    limits.token_burst = 500 + (int64_t)aire__rng_below(&rng, 5000);
    aire__limiter_init(&l, &limits, now);
    /* Ticket i is the caller i % CALLERS's; all at once, so that everybody always waits. */
    for (int i = 0; i < TICKETS; i++)
        aire__limiter_submit(&l, &tickets[i], (uint64_t)(i % CALLERS),
                             (int64_t)aire__rng_below(&rng, (uint64_t)limits.token_burst));
    for (int i = 0; i < TICKETS / 20; i++) {
        aire_ticket *t = &tickets[aire__rng_below(&rng, TICKETS)];
        withdrawn += t->waits;
        aire__limiter_withdraw(&l, t);
    }
    while (l.waiting > 0) {
        aire_ticket *t = aire__limiter_take(&l, now, &wake);
        if (!t) {
            assert_true(wake > now);
            now = wake;
            t = aire__limiter_take(&l, now, &wake);
            assert_non_null(t);
        }
        int number = (int)(t - tickets), caller = (int)t->caller;
        assert_true(number >= next_of[caller]);
        next_of[caller] = number + 1;
        log[went++] = (gone){now, t->tokens};
        turns[caller]++;
        /* Callers who still wait are within one turn of each other, and ahead of nobody. */
        for (int a = 0; a < CALLERS; a++)
            for (int b = 0; b < CALLERS; b++) {
                int left = 0;
                for (int i = a; i < TICKETS; i += CALLERS)
                    left += tickets[i].waits;
                assert_true(!left || turns[b] - turns[a] <= 1);
            }
        aire__limiter_settle(&l, t, t->tokens, now);
        if (aire__rng_below(&rng, 10) == 0)
            now += (int64_t)aire__rng_below(&rng, 20 * (uint64_t)SECOND);
    }
    assert_int_equal(went + withdrawn, TICKETS);
    check_windows(log, went, &limits);
}

static void test_limiter__keeps_the_limits_over_any_minute(void **state)
{
    for (uint64_t seed = 1; seed <= 60; seed++)
        random_schedule(seed);
}

static void test_breaker__opens_and_closes(void **state)
{
    aire_breaker b;
    int64_t again, now = 100 * SECOND;
    aire__breaker_init(&b, 0, 0, 0);
    for (int i = 0; i < 4; i++) {
        uint32_t pass = aire__breaker_enter(&b, now, &again);
        assert_true(pass);
        aire__breaker_leave(&b, pass, AIRE_VERDICT_FAILED, now);
    }
    /* One that is answered begins the count anew. */
    aire__breaker_leave(&b, aire__breaker_enter(&b, now, &again), AIRE_VERDICT_ALIVE, now);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(b.state, AIRE_CLOSED);
        aire__breaker_leave(&b, aire__breaker_enter(&b, now, &again), AIRE_VERDICT_FAILED, now);
    }
    assert_int_equal(b.state, AIRE_OPEN);
    assert_int_equal(aire__breaker_enter(&b, now, &again), 0);
    assert_int_equal(again, now + SECOND);
    now = again;
    uint32_t probe = aire__breaker_enter(&b, now, &again);
    assert_true(probe);
    assert_int_equal(b.state, AIRE_HALF_OPEN);
    assert_int_equal(aire__breaker_enter(&b, now, &again), 0);
    assert_true(again > now);
    aire__breaker_leave(&b, probe, AIRE_VERDICT_ALIVE, now);
    assert_int_equal(b.state, AIRE_CLOSED);
    assert_true(aire__breaker_enter(&b, now, &again));
    assert_int_equal(again, now);
}

static void test_breaker__pauses_double_up_to_a_cap(void **state)
{
    aire_breaker b;
    int64_t again, now = 0;
    aire__breaker_init(&b, 1, 1000, 6000);
    static const int64_t pauses[] = {1, 2, 4, 6, 6, 6};
    for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++) {
        uint32_t pass = aire__breaker_enter(&b, now, &again);
        assert_true(pass);
        aire__breaker_leave(&b, pass, AIRE_VERDICT_FAILED, now);
        assert_int_equal(aire__breaker_enter(&b, now, &again), 0);
        assert_int_equal(again - now, pauses[i] * SECOND);
        assert_int_equal(aire__breaker_enter(&b, again - 1, &again), 0);
        now = again;
    }
    /* Closed again: the pauses begin anew. */
    aire__breaker_leave(&b, aire__breaker_enter(&b, now, &again), AIRE_VERDICT_ALIVE, now);
    aire__breaker_leave(&b, aire__breaker_enter(&b, now, &again), AIRE_VERDICT_FAILED, now);
    assert_int_equal(aire__breaker_enter(&b, now, &again), 0);
    assert_int_equal(again - now, SECOND);
}

static void test_breaker__a_probe_without_a_verdict_makes_room(void **state)
{
    aire_breaker b;
    int64_t again;
    aire__breaker_init(&b, 1, 1000, 6000);
    aire__breaker_leave(&b, aire__breaker_enter(&b, 0, &again), AIRE_VERDICT_FAILED, 0);
    uint32_t probe = aire__breaker_enter(&b, SECOND, &again);
    assert_int_equal(aire__breaker_enter(&b, SECOND, &again), 0);
    aire__breaker_leave(&b, probe, AIRE_VERDICT_NONE, SECOND);
    assert_true(aire__breaker_enter(&b, SECOND, &again));
    assert_int_equal(b.state, AIRE_HALF_OPEN);
}

static void test_breaker__late_ends_say_nothing(void **state)
{
    aire_breaker b;
    int64_t again;
    uint32_t early[10];
    aire__breaker_init(&b, 2, 1000, 6000);
    for (int i = 0; i < 10; i++)
        early[i] = aire__breaker_enter(&b, 0, &again);
    aire__breaker_leave(&b, early[0], AIRE_VERDICT_FAILED, 0);
    aire__breaker_leave(&b, early[1], AIRE_VERDICT_FAILED, 0);
    /* The others were asked before it opened: nothing doubles, nothing closes. */
    aire__breaker_leave(&b, early[2], AIRE_VERDICT_FAILED, 0);
    aire__breaker_leave(&b, early[3], AIRE_VERDICT_FAILED, 0);
    aire__breaker_leave(&b, early[4], AIRE_VERDICT_ALIVE, 0);
    assert_int_equal(aire__breaker_enter(&b, 0, &again), 0);
    assert_int_equal(again, SECOND);
    uint32_t probe = aire__breaker_enter(&b, SECOND, &again);
    aire__breaker_leave(&b, early[5], AIRE_VERDICT_FAILED, SECOND);
    aire__breaker_leave(&b, early[6], AIRE_VERDICT_NONE, SECOND);
    assert_int_equal(b.state, AIRE_HALF_OPEN);
    assert_int_equal(aire__breaker_enter(&b, SECOND, &again), 0); /* the probe is still out */
    aire__breaker_leave(&b, probe, AIRE_VERDICT_ALIVE, SECOND);
    aire__breaker_leave(&b, early[7], AIRE_VERDICT_FAILED, SECOND);
    aire__breaker_leave(&b, early[8], AIRE_VERDICT_FAILED, SECOND);
    assert_int_equal(b.state, AIRE_CLOSED);
}

/* ---- the gate ---- */

enum { VISITORS = 3 };

typedef struct crossing {
    aire_gate *gate;
    aire_visitor visitors[VISITORS];
    atomic_int went, sent_away;
} crossing;

static crossing *crossed; /* by the one test that uses it */

static void count_told(aire_visitor *visitor, aire_status status)
{
    atomic_fetch_add(status == AIRE_OK ? &crossed->went : &crossed->sent_away, 1);
}

/* One goes, one waits for 45 ms, one for longer; each token that the first turns out not to have used
 * makes that a millisecond less. */
static void crowd_the_gate(bool fired, void *data)
{
    static const int64_t tokens[VISITORS] = {1000, 45, 1000};
    crossing *c = data;
    for (int i = 0; i < VISITORS; i++)
        aire__gate_enter(c->gate, &c->visitors[i], 1, tokens[i]);
    for (int i = 0; i < 30; i++)
        aire__gate_leave(c->gate, &c->visitors[0], AIRE_VERDICT_ALIVE, 999, 0);
}

static void test_gate__timers_do_not_pile_up(void **state)
{
    const aire_rates_per_minute limits = {.tokens_per_minute = 60000, .token_burst = 1000};
    failing memory;
    aire_ctx *ctx = failing_ctx(&memory, 1);
    aire_net *net;
    aire_cancel *cancel;
    crossing c = {0};
    crossed = &c;
    assert_int_equal(aire_cancel_new(ctx, &cancel), AIRE_OK);
    assert_int_equal(aire__net_acquire(ctx, &net), AIRE_OK);
    assert_int_equal(aire__gate_new(ctx, net, &limits, &c.gate), AIRE_OK);
    for (int i = 0; i < VISITORS; i++)
        c.visitors[i] = (aire_visitor){
            .cancel = i == 2 ? cancel : NULL, .deadline_ns = INT64_MAX, .told = count_told};
    long long before = atomic_load(&memory.live);
    assert_int_equal(aire__net_at(net, 0, NULL, crowd_the_gate, &c), AIRE_OK);
    for (int i = 0; i < 5000 && atomic_load(&c.went) < 2; i++)
        usleep(1000);
    usleep(200000);
    assert_int_equal(atomic_load(&c.went), 2);
    assert_true(atomic_load(&memory.live) - before <= 4); /* a timer, and one that is being set */
    aire_cancel_fire(cancel);
    for (int i = 0; i < 5000 && atomic_load(&c.sent_away) < 1; i++)
        usleep(1000);
    assert_int_equal(atomic_load(&c.sent_away), 1);
    aire__net_release(net);
    aire__gate_free(c.gate);
    aire_cancel_unref(cancel);
    aire_ctx_unref(ctx);
    assert_true(failing_settles(&memory, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limiter__lets_a_burst_go_and_then_the_rate),
        cmocka_unit_test(test_limiter__without_limits_lets_all_go),
        cmocka_unit_test(test_limiter__a_large_request_goes_when_the_bucket_is_full),
        cmocka_unit_test(test_limiter__holds_when_it_is_asked_to),
        cmocka_unit_test(test_limiter__takes_turns),
        cmocka_unit_test(test_limiter__withdraws_any_ticket),
        cmocka_unit_test(test_limiter__keeps_the_limits_over_any_minute),
        cmocka_unit_test(test_breaker__opens_and_closes),
        cmocka_unit_test(test_breaker__pauses_double_up_to_a_cap),
        cmocka_unit_test(test_breaker__a_probe_without_a_verdict_makes_room),
        cmocka_unit_test(test_breaker__late_ends_say_nothing),
        cmocka_unit_test(test_gate__timers_do_not_pile_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
