/* Nets and gates in a forked child, which has the parent's memory but not its thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <semaphore.h>
#include <string.h>

#include "aire/error.h"
#include "base/thread.h"
#include "model/gate.h"
#include "net/net.h"
#include "support/failing.h"
#include "support/fault_server.h"

static failing memory;
static aire_ctx *ctx;
static aire_net *net;
static fault_server server;

typedef struct outcome {
    sem_t ended;
    aire_status status;
    int32_t http;
} outcome;

static void on_done(aire_status status, bool transient, aire_exchange_reply *reply, void *user_data)
{
    outcome *o = user_data;
    o->status = status;
    o->http = reply->status;
    sem_post(&o->ended);
}

static bool ask(const char *mode)
{
    outcome o;
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/%s", server.port, mode);
    aire_exchange asked = {.url = url,
                           .body = "{}",
                           .body_length = 2,
                           .deadline_ns = aire__deadline_ns(30000),
                           .max_response = 1000,
                           .done = on_done,
                           .user_data = &o};
    sem_init(&o.ended, 0, 0);
    if (aire__net_start(net, &asked) != AIRE_OK)
        return false;
    while (sem_wait(&o.ended))
        ;
    sem_destroy(&o.ended);
    return o.status == AIRE_OK && o.http == 200;
}

static void on_never(aire_status status, bool transient, aire_exchange_reply *reply,
                     void *user_data)
{
    atomic_int *told = user_data;
    atomic_store(told, status);
}

/* What the child does with what it has inherited; its exit status. */
static int child(void)
{
    aire_net *again;
    if (!ask("ok") || !ask("ok"))
        return 1;
    if (aire__net_acquire(ctx, &again) != AIRE_OK || again != net)
        return 2;
    aire__net_release(again);
    aire__net_release(net); /* stops the child's thread, not the parent's */
    if (aire__net_acquire(ctx, &net) != AIRE_OK || !ask("ok"))
        return 3;
    aire__net_release(net);
    return 0;
}

/* A child that only inherited a net, and lets go of it. */
static int idle_child(void)
{
    aire__net_release(net);
    return 0;
}

static int in_child(int (*fn)(void))
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(fn());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void test_net__works_in_a_forked_child(void **state)
{
    atomic_int told = 99;
    char url[64];
    aire_cancel *cancel;
    assert_int_equal(aire_cancel_new(ctx, &cancel), AIRE_OK);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/never", server.port);
    aire_exchange under_way = {.url = url,
                               .deadline_ns = -1,
                               .max_response = 1000,
                               .cancel = cancel,
                               .done = on_never,
                               .user_data = &told};
    assert_true(ask("ok"));
    assert_int_equal(aire__net_start(net, &under_way), AIRE_OK);
    assert_int_equal(in_child(child), 0);
    assert_int_equal(in_child(idle_child), 0);
    assert_int_equal(atomic_load(&told), 99); /* the child has not ended it */
    assert_true(ask("ok"));
    aire_cancel_fire(cancel);
    aire_cancel_unref(cancel);
    aire__net_release(net); /* ends what is left */
    assert_int_equal(atomic_load(&told), AIRE_CANCELLED);
}

/* ---- gates ---- */

enum { WAITS, CHILDS, VISITORS };

static aire_gate *gate;
static aire_visitor visitors[VISITORS];
static atomic_int told_of[VISITORS];

static void on_told(aire_visitor *visitor, aire_status status)
{
    atomic_fetch_add(&told_of[visitor - visitors], status == AIRE_OK ? 1 : 100);
}

static void enter(bool fired, void *visitor)
{
    aire__gate_enter(gate, visitor, 1, 1);
}

static bool is_told(int which)
{
    for (int i = 0; i < 5000 && atomic_load(&told_of[which]) == 0; i++)
        usleep(1000);
    return atomic_load(&told_of[which]) == 1;
}

/* Its own request goes, and that of the parent, which the parent sends, does not go twice. */
static int child_at_the_gate(void)
{
    if (aire__net_at(net, 0, NULL, enter, &visitors[CHILDS]) != AIRE_OK)
        return 1;
    if (!is_told(CHILDS))
        return 2;
    return atomic_load(&told_of[WAITS]) == 0 ? 0 : 3;
}

static void test_gate__works_in_a_forked_child(void **state)
{
    const aire_rates_per_minute limits = {.requests_per_minute = 240, .request_burst = 1};
    assert_int_equal(aire__net_acquire(ctx, &net), AIRE_OK);
    assert_int_equal(aire__gate_new(ctx, net, &limits, &gate), AIRE_OK);
    for (int i = 0; i < VISITORS; i++)
        visitors[i] = (aire_visitor){.deadline_ns = INT64_MAX, .told = on_told};
    assert_int_equal(aire__net_at(net, 0, NULL, enter, &visitors[WAITS]), AIRE_OK);
    assert_true(is_told(WAITS));
    atomic_store(&told_of[WAITS], 0); /* the burst is used: it comes again and waits for 250 ms */
    assert_int_equal(aire__net_at(net, 0, NULL, enter, &visitors[WAITS]), AIRE_OK);
    usleep(20000);
    assert_int_equal(in_child(child_at_the_gate), 0);
    assert_true(is_told(WAITS));
    aire__net_release(net);
    aire__gate_free(gate);
}

static int setup(void **state)
{
    ctx = failing_ctx(&memory, 0);
    if (fault_server_start(&server))
        return -1;
    return aire__net_acquire(ctx, &net) == AIRE_OK ? 0 : -1;
}

static int teardown(void **state)
{
    fault_server_end(&server);
    assert_int_equal(atomic_load(&memory.live), 1); /* the context itself */
    aire_ctx_unref(ctx);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_net__works_in_a_forked_child),
        cmocka_unit_test(test_gate__works_in_a_forked_child),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
