/* The net room: exchanges with a server that has every fault, timers, tokens, crowds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "aire/error.h"
#include "base/thread.h"
#include "net/crowd.h"
#include "net/net.h"
#include "net/sse.h"
#include "support/failing.h"
#include "support/fault_server.h"

#define SECRET "Authorization: Bearer sk-test-0123456789"
#define MEGABYTE ((size_t)1 << 20)

static failing memory;
static aire_ctx *ctx;
static aire_net *net;
static fault_server server;
static char logged[8192];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;

/* One exchange: how it is asked for, and what was told of it. */
typedef struct probe {
    aire_exchange asked;
    char url[256];
    char request[64];
    bool keeps_all; /* the body is taken out, as `taken` */
    bool ended;
    int ends;
    aire_status status;
    bool transient;
    aire_exchange_reply reply;
    char body[4096];
    char *taken;
    char message[AIRE_ERROR_MESSAGE_MAX];
    size_t bytes;     /* that the data function was given */
    size_t refuse_at; /* it refuses from there; 0: never */
    aire_sse sse;
    int events;
    bool end_seen;
} probe;

static void keep_log(int32_t level, const char *component, const char *message, void *user_data)
{
    pthread_mutex_lock(&lock);
    size_t length = strlen(logged);
    snprintf(logged + length, sizeof logged - length, "%s: %s\n", component, message);
    pthread_mutex_unlock(&lock);
}

static aire_ctx *make_ctx(void)
{
    aire_allocator allocator = {sizeof allocator, 0,      failing_alloc, failing_resize,
                                failing_release,  &memory};
    aire_ctx_options options = AIRE_CTX_OPTIONS_INIT;
    aire_ctx *made;
    options.allocator = &allocator;
    options.log = keep_log;
    options.log_level = AIRE_LOG_DEBUG;
    assert_int_equal(aire_ctx_new(&options, &made), AIRE_OK);
    return made;
}

static int setup(void **state)
{
    atomic_init(&memory.countdown, -1);
    ctx = make_ctx();
    if (aire__cond_init(&changed) || fault_server_start(&server))
        return -1;
    return aire__net_acquire(ctx, &net) == AIRE_OK ? 0 : -1;
}

static int teardown(void **state)
{
    aire__net_release(net);
    fault_server_end(&server);
    assert_int_equal(atomic_load(&memory.live), 1); /* the context itself */
    aire_ctx_unref(ctx);
    return 0;
}

static void on_done(aire_status status, bool transient, aire_exchange_reply *reply, void *user_data)
{
    probe *p = user_data;
    pthread_mutex_lock(&lock);
    p->ends++;
    p->status = status;
    p->transient = transient;
    p->reply = *reply;
    assert_int_equal(reply->body[reply->length], '\0');
    snprintf(p->message, sizeof p->message, "%s",
             status == AIRE_OK ? "" : aire_error_message(aire_last_error()));
    if (p->keeps_all && status == AIRE_OK) {
        p->taken = reply->body;
        reply->body = NULL;
    } else {
        size_t length = reply->length < sizeof p->body ? reply->length : sizeof p->body - 1;
        memcpy(p->body, reply->body, length);
        p->body[length] = '\0';
    }
    p->reply.body = NULL;
    p->ended = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static bool on_event(const char *type, const char *data, size_t length, void *user_data)
{
    probe *p = user_data;
    if (strcmp(data, "[DONE]") == 0)
        p->end_seen = true;
    else
        p->events++;
    return true;
}

static bool on_data(const char *bytes, size_t length, void *user_data)
{
    probe *p = user_data;
    p->bytes += length;
    if (p->refuse_at && p->bytes >= p->refuse_at) {
        aire_error_set(AIRE_FORMAT, 77, "that is enough");
        return false;
    }
    return aire__sse_read(&p->sse, bytes, length) == AIRE_OK;
}

static probe *probe_new(const char *mode, bool stream)
{
    probe *p = calloc(1, sizeof *p);
    snprintf(p->url, sizeof p->url, "http://127.0.0.1:%d/v1/%s", server.port, mode);
    aire__sse_init(&p->sse, ctx, MEGABYTE, on_event, p);
    p->asked = (aire_exchange){.url = p->url,
                               .secret_header = SECRET,
                               .request_id_header = "x-request-id",
                               .body = "{}",
                               .body_length = 2,
                               .wants_stream = stream,
                               .deadline_ns = aire__deadline_ns(120000),
                               .max_response = MEGABYTE,
                               .data = stream ? on_data : NULL,
                               .done = on_done,
                               .user_data = p};
    return p;
}

static void start(probe *p)
{
    assert_int_equal(aire__net_start(net, &p->asked), AIRE_OK);
}

static void await(probe *p)
{
    pthread_mutex_lock(&lock);
    while (!p->ended)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    assert_int_equal(p->ends, 1);
}

static void probe_free(probe *p)
{
    aire__sse_free(&p->sse);
    aire_free(ctx, p->taken);
    free(p);
}

/* Start, wait. */
static probe *ask(const char *mode, bool stream)
{
    probe *p = probe_new(mode, stream);
    start(p);
    await(p);
    return p;
}

static void sleep_ms(int ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL);
}

static int64_t ms_since(int64_t ns)
{
    return (aire__monotonic_ns() - ns) / 1000000;
}

static void test_net__sends_what_is_asked(void **state)
{
    const char *headers[] = {"X-First: 1", "X-Second: two", NULL};
    probe *p = probe_new("echo", false);
    p->asked.headers = headers;
    p->asked.body = "{\"model\": 1}";
    p->asked.body_length = strlen(p->asked.body);
    start(p);
    headers[0] = "X-First: changed";
    await(p);
    assert_int_equal(p->status, AIRE_OK);
    assert_int_equal(p->reply.status, 200);
    const char *lines[] = {"POST /v1/echo HTTP/1.1\r\n",
                           "\r\n" SECRET "\r\n",
                           "\r\nX-First: 1\r\n",
                           "\r\nX-Second: two\r\n",
                           "\r\nContent-Type: application/json\r\n",
                           "\r\nAccept: application/json\r\n",
                           "\r\nContent-Length: 12\r\n",
                           "\r\nUser-Agent: libaire\r\n",
                           "\r\n\r\n\n{\"model\": 1}"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_non_null(strstr(p->body, lines[i]));
    assert_null(strstr(p->body, "Expect"));
    assert_true(p->reply.first_ns > 0 && p->reply.end_ns >= p->reply.first_ns);
    probe_free(p);
}

static probe *probe_large(probe *p, const char *first_word)
{
    char *body = malloc(3 * MEGABYTE);
    memset(body, 'a', 3 * MEGABYTE);
    memcpy(body, first_word, strlen(first_word));
    p->asked.body = body;
    p->asked.body_length = 3 * MEGABYTE;
    start(p);
    free(body);
    await(p);
    return p;
}

static void test_net__large_requests(void **state)
{
    probe *p = probe_large(probe_new("length", false), "");
    assert_string_equal(p->body, "3145728");
    probe_free(p);
    p = probe_large(probe_new("toolarge", false), ""); /* answered before it was sent */
    assert_int_equal(p->status, AIRE_OK);
    assert_int_equal(p->reply.status, 413);
    probe_free(p);
}

static void test_net__streams(void **state)
{
    static const char *const modes[] = {"stream", "twice"};
    for (int i = 0; i < 2; i++) {
        probe *p = ask(modes[i], true);
        assert_int_equal(p->status, AIRE_OK);
        assert_true(p->reply.is_stream);
        assert_string_equal(p->reply.request_id, "req-7");
        assert_string_equal(p->body, "");
        assert_int_equal(p->events, i ? 40 : 20); /* what comes twice is told twice */
        assert_true(p->end_seen);
        probe_free(p);
    }
}

/* What each fault is told as. */
static const struct {
    const char *mode;
    bool stream;
    aire_status status;
    bool transient;
    int32_t http;
    const char *says; /* in the message, or in the body */
} FAULTS[] = {
    {"ok", false, AIRE_OK, false, 200, "{\"ok\": true}"},
    {"reset", false, AIRE_NET, true, 0, "reset"},
    {"resetmid", true, AIRE_NET, true, 200, "reset"},
    {"early", false, AIRE_NET, true, 0, "POST http"},
    {"cutstream", true, AIRE_NET, true, 200, "outstanding"},
    {"cutchunk", true, AIRE_NET, true, 200, "outstanding"},
    {"badchunk", true, AIRE_NET, true, 200, "POST http"},
    {"cutlength", false, AIRE_NET, true, 200, "bytes remaining"},
    {"untilclose", false, AIRE_OK, false, 200, "{\"ok\": true}"},
    {"slowhead", false, AIRE_OK, false, 200, "{}"},
    {"limited", false, AIRE_OK, false, 429, "slow down"},
    {"limiteddate", false, AIRE_OK, false, 429, ""},
    {"error", false, AIRE_OK, false, 500, "<html>oops"},
    {"error", true, AIRE_OK, false, 500, "<html>oops"},
    {"errorstream", true, AIRE_OK, false, 503, "data: no\n"},
    {"utf8", false, AIRE_OK, false, 200, "{\"text\": \"\xff\xfe\xc3(\"}"},
    {"type", false, AIRE_OK, false, 200, "portal"},
    {"redirect", false, AIRE_OK, false, 302, ""},
    {"continue", false, AIRE_OK, false, 200, "{\"ok\": true}"},
    {"nothttp", false, AIRE_PROTOCOL, false, 0, "POST http"},
};

static void test_net__faults(void **state)
{
    for (size_t i = 0; i < sizeof FAULTS / sizeof *FAULTS; i++) {
        probe *p = ask(FAULTS[i].mode, FAULTS[i].stream);
        if (p->status != FAULTS[i].status || p->transient != FAULTS[i].transient)
            print_message("# %s: %s, %d: %s\n", FAULTS[i].mode, aire_status_name(p->status),
                          p->transient, p->message);
        assert_int_equal(p->status, FAULTS[i].status);
        assert_int_equal(p->transient, FAULTS[i].transient);
        assert_int_equal(p->reply.status, FAULTS[i].http);
        assert_non_null(strstr(p->status == AIRE_OK ? p->body : p->message, FAULTS[i].says));
        assert_null(strstr(p->message, "sk-test"));
        if (strcmp(FAULTS[i].mode, "utf8") == 0)
            assert_int_equal(p->reply.length, 21); /* beyond the NUL */
        probe_free(p);
    }
    assert_null(strstr(logged, "sk-test"));
}

static void test_net__refused(void **state)
{
    probe *p = probe_new("ok", false);
    snprintf(p->url, sizeof p->url, "http://127.0.0.1:%d/v1/ok", server.deaf_port);
    start(p);
    await(p);
    assert_int_equal(p->status, AIRE_NET);
    assert_true(p->transient);
    assert_non_null(strstr(p->message, "refused"));
    assert_non_null(strstr(p->message, p->url));
    probe_free(p);
}

static void test_net__no_such_url(void **state)
{
    static const char *const urls[] = {
        "ftp://127.0.0.1/x", "file:///etc/passwd",      "nonsense",   "",
        "http://",           "http://127.0.0.1:99999/", "http://a b/"};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        probe *p = probe_new("ok", false);
        snprintf(p->url, sizeof p->url, "%s", urls[i]);
        start(p);
        await(p);
        assert_int_equal(p->status, AIRE_INVALID);
        assert_false(p->transient);
        probe_free(p);
    }
}

static void test_net__retry_after(void **state)
{
    probe *p = ask("limited", false);
    assert_int_equal(p->reply.retry_after_ms, 7000);
    probe_free(p);
    p = ask("limiteddate", false); /* whole seconds, and time(2) may lag the server's clock by a tick */
    assert_in_range(p->reply.retry_after_ms, 27000, 31000);
    probe_free(p);
    p = ask("limitednonsense", false);
    assert_int_equal(p->reply.retry_after_ms, 0);
    probe_free(p);
}

static void test_net__request_ids(void **state)
{
    probe *p = ask("continue", false); /* of the final answer */
    assert_string_equal(p->reply.request_id, "req-1");
    probe_free(p);
    p = ask("error", false);
    assert_int_equal(strlen(p->reply.request_id), 127);
    probe_free(p);
    p = ask("type", false);
    assert_string_equal(p->reply.request_id, "");
    assert_false(p->reply.is_stream);
    probe_free(p);
}

static void test_net__deadline(void **state)
{
    static const char *const modes[] = {"never", "headstall", "stall", "drip"};
    for (int i = 0; i < 4; i++) {
        probe *p = probe_new(modes[i], true);
        int64_t begun = aire__monotonic_ns();
        p->asked.deadline_ns = aire__deadline_ns(300);
        p->asked.stall_ms = 60000;
        start(p);
        await(p);
        assert_int_equal(p->status, AIRE_TIMEOUT);
        assert_true(p->transient);
        assert_in_range(ms_since(begun), 299, 1500);
        assert_non_null(strstr(p->message, "time limit"));
        probe_free(p);
    }
}

static void test_net__stall(void **state)
{
    static const char *const modes[] = {"never", "headstall", "stall"};
    for (int i = 0; i < 3; i++) {
        probe *p = probe_new(modes[i], true);
        int64_t begun = aire__monotonic_ns();
        p->asked.stall_ms = 300;
        start(p);
        await(p);
        assert_int_equal(p->status, AIRE_TIMEOUT);
        assert_true(p->transient);
        assert_int_equal(p->reply.status, i == 0 ? 0 : 200); /* as far as it came */
        assert_in_range(ms_since(begun), 299, 1500);
        assert_non_null(strstr(p->message, "nothing came for 300 ms"));
        probe_free(p);
    }
}

static void test_net__slow_is_no_stall(void **state)
{
    probe *p = probe_new("slowhead", false); /* 600 ms with something each 100 */
    p->asked.stall_ms = 400;
    start(p);
    await(p);
    assert_int_equal(p->status, AIRE_OK);
    probe_free(p);
}

static void test_net__data_may_refuse(void **state)
{
    probe *p = probe_new("drip", true);
    p->refuse_at = 40;
    start(p);
    await(p);
    assert_int_equal(p->status, AIRE_PROTOCOL);
    assert_false(p->transient);
    assert_string_equal(p->message, "that is enough");
    probe_free(p);
}

static void test_net__limits_the_body(void **state)
{
    probe *p = ask("huge", false);
    assert_int_equal(p->status, AIRE_PROTOCOL);
    assert_false(p->transient);
    assert_non_null(strstr(p->message, "longer than 1048576 bytes"));
    probe_free(p);
    p = probe_new("drip", true);
    p->asked.max_response = 50; /* also where it is not collected */
    start(p);
    await(p);
    assert_int_equal(p->status, AIRE_PROTOCOL);
    probe_free(p);
    p = ask("hugehead", false); /* curl has its own limit */
    assert_int_not_equal(p->status, AIRE_OK);
    probe_free(p);
}

static void test_net__takes_100_megabytes(void **state)
{
    probe *p = probe_new("huge", false);
    p->keeps_all = true;
    p->asked.max_response = 200 * MEGABYTE;
    start(p);
    await(p);
    assert_int_equal(p->status, AIRE_OK);
    assert_int_equal(p->reply.length, 100000000);
    assert_non_null(p->taken);
    assert_int_equal(strspn(p->taken, "a"), 100000000);
    probe_free(p);
}

enum { CANCELLED_AT_ONCE = 100 };

static void test_net__cancels_in_time(void **state)
{
    static const char *const modes[] = {"never", "stall", "drip", "headstall"};
    probe *probes[CANCELLED_AT_ONCE];
    aire_cancel *cancel;
    assert_int_equal(aire_cancel_new(ctx, &cancel), AIRE_OK);
    for (int i = 0; i < CANCELLED_AT_ONCE; i++) {
        probes[i] = probe_new(modes[i % 4], true);
        probes[i]->asked.cancel = cancel;
        start(probes[i]);
    }
    sleep_ms(300);
    int64_t fired = aire__monotonic_ns();
    aire_cancel_fire(cancel);
    for (int i = 0; i < CANCELLED_AT_ONCE; i++) {
        await(probes[i]);
        assert_int_equal(probes[i]->status, AIRE_CANCELLED);
        assert_false(probes[i]->transient);
    }
    assert_in_range(ms_since(fired), 0, 99);
    for (int i = 0; i < CANCELLED_AT_ONCE; i++)
        probe_free(probes[i]);
    probe *late = probe_new("ok", false); /* with a token that has fired before */
    late->asked.cancel = cancel;
    start(late);
    aire_cancel_unref(cancel); /* the exchange has its own reference */
    await(late);
    assert_int_equal(late->status, AIRE_CANCELLED);
    probe_free(late);
}

static void test_net__cancels_one_of_many_tokens(void **state)
{
    probe *probes[40];
    aire_cancel *tokens[20];
    for (int i = 0; i < 20; i++)
        assert_int_equal(aire_cancel_new(ctx, &tokens[i]), AIRE_OK);
    for (int i = 0; i < 40; i++) {
        probes[i] = probe_new(i % 3 ? "drip" : "never", true);
        probes[i]->asked.cancel = tokens[i / 2];
        start(probes[i]);
    }
    for (int i = 19; i >= 0; i--) {
        sleep_ms(5);
        aire_cancel_fire(tokens[i]);
        await(probes[2 * i]);
        await(probes[2 * i + 1]);
        if (i > 0)
            assert_false(probes[2 * i - 1]->ended);
        aire_cancel_unref(tokens[i]);
    }
    for (int i = 0; i < 40; i++) {
        assert_int_equal(probes[i]->status, AIRE_CANCELLED);
        probe_free(probes[i]);
    }
}

/* Good exchanges go on while others fail. */
static void test_net__faults_harm_no_neighbour(void **state)
{
    enum { GOOD = 200, BAD = 100 };
    const size_t kinds = sizeof FAULTS / sizeof *FAULTS;
    probe *good[GOOD], *bad[BAD];
    for (int i = 0; i < GOOD || i < BAD; i++) {
        if (i < GOOD)
            good[i] = probe_new(i % 2 ? "slow" : "stream", i % 2 == 0);
        if (i < GOOD)
            start(good[i]);
        if (i < BAD) {
            bad[i] = probe_new(FAULTS[(size_t)i % kinds].mode, FAULTS[(size_t)i % kinds].stream);
            start(bad[i]);
        }
    }
    for (int i = 0; i < BAD; i++) {
        await(bad[i]);
        assert_int_equal(bad[i]->status, FAULTS[(size_t)i % kinds].status);
        probe_free(bad[i]);
    }
    for (int i = 0; i < GOOD; i++) {
        await(good[i]);
        assert_int_equal(good[i]->status, AIRE_OK);
        assert_int_equal(good[i]->events, i % 2 ? 0 : 20);
        assert_true(i % 2 || good[i]->end_seen);
        probe_free(good[i]);
    }
}

/* An address where connecting never ends: somebody listens, with no room for one more. */
static int full_listener(int *port, int fillers[4])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 0), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    *port = ntohs(address.sin_port);
    for (int i = 0; i < 4; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        connect(fillers[i], (struct sockaddr *)&address, sizeof address);
    }
    return listener;
}

/* Nor does an address that swallows connections hold up the others. */
static void test_net__unreachable_harms_no_neighbour(void **state)
{
    enum { LOST = 300 };
    probe *lost[LOST];
    int port, fillers[4];
    int listener = full_listener(&port, fillers);
    for (int i = 0; i < LOST; i++) {
        lost[i] = probe_new("ok", false);
        snprintf(lost[i]->url, sizeof lost[i]->url, "http://127.0.0.1:%d/", port);
        lost[i]->asked.deadline_ns = aire__deadline_ns(1000);
        start(lost[i]);
    }
    int64_t begun = aire__monotonic_ns();
    for (int i = 0; i < 20; i++) {
        probe *p = ask("ok", false);
        assert_int_equal(p->status, AIRE_OK);
        probe_free(p);
    }
    assert_in_range(ms_since(begun), 0, 500);
    for (int i = 0; i < LOST; i++) {
        await(lost[i]);
        assert_int_equal(lost[i]->status, AIRE_TIMEOUT);
        probe_free(lost[i]);
    }
    for (int i = 0; i < 4; i++)
        close(fillers[i]);
    close(listener);
}

static void test_net__keeps_connections(void **state)
{
    probe *p = ask("connections", false);
    int before = atoi(p->body);
    probe_free(p);
    for (int i = 0; i < 20; i++)
        probe_free(ask("ok", false));
    p = ask("connections", false);
    assert_int_equal(atoi(p->body), before);
    probe_free(p);
}

/* A server that closes a connection that was to be kept is no failure. */
static void test_net__replaces_dead_connections(void **state)
{
    for (int i = 0; i < 20; i++) {
        probe *p = ask("once", false);
        assert_int_equal(p->status, AIRE_OK);
        probe_free(p);
    }
}

static void test_net__thousand_streams(void **state)
{
    enum { MANY = 1000 };
    probe **probes = calloc(MANY, sizeof *probes);
    for (int i = 0; i < MANY; i++) {
        probes[i] = probe_new("stream", true);
        start(probes[i]);
    }
    for (int i = 0; i < MANY; i++) {
        await(probes[i]);
        assert_int_equal(probes[i]->status, AIRE_OK);
        assert_int_equal(probes[i]->events, 20);
        assert_true(probes[i]->end_seen);
        probe_free(probes[i]);
    }
    free(probes);
}

/* With few descriptors, many exchanges wait for their turn, and it is said once. */
static void test_net__few_descriptors(void **state)
{
    enum { MANY = 300 };
    probe **probes = calloc(MANY, sizeof *probes);
    struct rlimit before, few;
    aire__net_release(net); /* whose idle connections are descriptors, too */
    getrlimit(RLIMIT_NOFILE, &before);
    few = before;
    few.rlim_cur = 64;
    setrlimit(RLIMIT_NOFILE, &few);
    logged[0] = '\0';
    assert_int_equal(aire__net_acquire(ctx, &net), AIRE_OK);
    for (int i = 0; i < MANY; i++) {
        probes[i] = probe_new("stream", true);
        start(probes[i]);
    }
    probe *late = probe_new("ok", false);
    late->asked.deadline_ns = aire__deadline_ns(150); /* runs while it waits */
    start(late);
    await(late);
    assert_int_equal(late->status, AIRE_TIMEOUT);
    assert_non_null(strstr(late->message, "waited for its turn"));
    assert_false(late->reply.began);
    probe_free(late);
    for (int i = 0; i < MANY; i++) {
        await(probes[i]);
        if (probes[i]->status != AIRE_OK)
            print_message("# %s\n", probes[i]->message);
        assert_int_equal(probes[i]->status, AIRE_OK);
        assert_int_equal(probes[i]->events, 20);
        assert_true(probes[i]->reply.began);
        probe_free(probes[i]);
    }
    free(probes);
    aire__net_release(net);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(aire__net_acquire(ctx, &net), AIRE_OK);
    const char *said = strstr(logged, "RLIMIT_NOFILE");
    assert_non_null(said);
    assert_null(strstr(said + 1, "RLIMIT_NOFILE"));
}

/* Whoever is held because too many connect goes in the end, also when those before it gave up while
 * they stood in line. */
static void test_crowd__forgets_nobody(void **state)
{
    enum { LIMIT = 150, MANY = 300, CONNECTING = 128 };
    aire_crowd crowd;
    aire_place *places = calloc(MANY, sizeof *places);
    CURLM *multi = curl_multi_init();
    int went = 0;
    aire__crowd_init(&crowd, ctx, multi);
    crowd.limit = LIMIT;
    crowd.counted_ns = 1; /* and is not found out again, as no time passes */
    for (int i = 0; i < MANY; i++)
        assert_int_equal(aire__crowd_join(&crowd, &places[i], "http://host/v1"), AIRE_OK);
    while (aire__crowd_next(&crowd, 1))
        went++;
    assert_int_equal(went, CONNECTING);
    for (int i = 0; i < MANY; i++)
        aire__crowd_connected(&crowd, &places[i]);
    while (aire__crowd_next(&crowd, 1))
        went++;
    assert_int_equal(went, LIMIT);
    for (int i = 0; i < MANY; i++)
        aire__crowd_connected(&crowd, &places[i]);
    for (int i = 0; i < MANY; i++) /* the line gives up, and who was under way is through */
        if (places[i].line == &crowd.line || places[i].under_way)
            aire__crowd_leave(&crowd, &places[i]);
    for (aire_place *place; (place = aire__crowd_next(&crowd, 1)); went++)
        aire__crowd_leave(&crowd, place);
    for (int i = 0; i < MANY; i++)
        assert_null(places[i].origin); /* it went, or gave up */
    assert_null(crowd.origins);
    curl_multi_cleanup(multi);
    free(places);
}

typedef struct alarm_log {
    int order[200];
    bool fired[200];
    int count;
} alarm_log;

static alarm_log alarms;

static void on_alarm(bool fired, void *user_data)
{
    pthread_mutex_lock(&lock);
    alarms.order[alarms.count] = (int)(intptr_t)user_data;
    alarms.fired[alarms.count++] = fired;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void await_alarms(int count)
{
    pthread_mutex_lock(&lock);
    while (alarms.count < count)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static void test_net__timers_in_order(void **state)
{
    alarms.count = 0;
    int64_t begun = aire__monotonic_ns();
    for (int i = 0; i < 200; i++) { /* not in the order of their times */
        int rank = i * 37 % 200;
        int64_t when = begun + 100000000 + (int64_t)rank * 500000;
        assert_int_equal(aire__net_at(net, when, NULL, on_alarm, (void *)(intptr_t)rank), AIRE_OK);
    }
    await_alarms(200);
    assert_in_range(ms_since(begun), 199, 1000);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(alarms.order[i], i);
        assert_false(alarms.fired[i]);
    }
}

/* So who asks first goes first. */
static void test_net__timers_of_one_time_in_turn(void **state)
{
    enum { MANY = 200 };
    int64_t when = aire__deadline_ns(50);
    alarms.count = 0;
    for (int i = 0; i < MANY; i++)
        assert_int_equal(aire__net_at(net, when, NULL, on_alarm, (void *)(intptr_t)i), AIRE_OK);
    await_alarms(MANY);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(alarms.order[i], i);
}

static void test_net__timers_end_with_their_token(void **state)
{
    aire_cancel *cancel;
    alarms.count = 0;
    assert_int_equal(aire_cancel_new(ctx, &cancel), AIRE_OK);
    for (int i = 0; i < 10; i++)
        assert_int_equal(aire__net_at(net, aire__deadline_ns(60000), cancel, on_alarm, NULL),
                         AIRE_OK);
    assert_int_equal(aire__net_at(net, 0, cancel, on_alarm, NULL), AIRE_OK);
    await_alarms(1);
    assert_false(alarms.fired[0]);
    int64_t fired = aire__monotonic_ns();
    aire_cancel_fire(cancel);
    aire_cancel_unref(cancel);
    await_alarms(11);
    assert_in_range(ms_since(fired), 0, 99);
    for (int i = 1; i < 11; i++)
        assert_true(alarms.fired[i]);
}

/* From the net's own thread, as whoever tries again does. */
static void start_again(bool fired, void *user_data)
{
    probe *p = user_data;
    assert_int_equal(aire__net_start(net, &p->asked), AIRE_OK);
}

static void test_net__starts_from_its_thread(void **state)
{
    probe *p = probe_new("ok", false);
    assert_int_equal(aire__net_at(net, aire__deadline_ns(20), NULL, start_again, p), AIRE_OK);
    await(p);
    assert_int_equal(p->status, AIRE_OK);
    probe_free(p);
}

static void test_net__one_for_each_context(void **state)
{
    aire_ctx *other = make_ctx();
    aire_net *first, *second, *third;
    assert_int_equal(aire__net_acquire(ctx, &first), AIRE_OK);
    assert_ptr_equal(first, net);
    aire__net_release(first);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(aire__net_acquire(other, &second), AIRE_OK);
        assert_int_equal(aire__net_acquire(other, &third), AIRE_OK);
        assert_ptr_not_equal(second, net);
        assert_ptr_equal(second, third);
        aire__net_release(second);
        aire__net_release(third);
    }
    aire_ctx_unref(other);
    aire__net_release(NULL);
}

static void test_net__released_with_idle_connections(void **state)
{
    aire_ctx *other = make_ctx();
    aire_net *kept = net;
    assert_int_equal(aire__net_acquire(other, &net), AIRE_OK);
    probe_free(ask("ok", false));
    probe_free(ask("resetmid", true));
    aire__net_release(net);
    net = kept;
    aire_ctx_unref(other);
}

static aire_ctx *oom_ctx;

static aire_status whole_exchange(const char *mode, bool stream)
{
    aire_net *kept = net;
    aire_status status = aire__net_acquire(oom_ctx, &net);
    if (status == AIRE_OK) {
        probe *p = probe_new(mode, stream);
        aire__sse_init(&p->sse, oom_ctx, MEGABYTE, on_event, p);
        status = aire__net_start(net, &p->asked);
        if (status == AIRE_OK) {
            await(p);
            status = p->status;
        }
        aire__net_release(net);
        probe_free(p);
    }
    net = kept;
    return status;
}

static void test_net__out_of_memory(void **state)
{
    oom_ctx = make_ctx();
    OOM_LOOP(&memory, whole_exchange("ok", false), (void)0);
    OOM_LOOP(&memory, whole_exchange("twice", true), (void)0);
    aire_ctx_unref(oom_ctx);
}

static void test_net__proxies(void **state)
{
    char proxy[64];
    probe *p = probe_new("echo", false);
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", server.port);
    snprintf(p->url, sizeof p->url, "http://models.invalid/v1/echo");
    p->asked.proxy = proxy;
    start(p);
    await(p);
    assert_int_equal(p->status, AIRE_OK);
    assert_non_null(strstr(p->body, "POST http://models.invalid/v1/echo HTTP/1.1\r\n"));
    probe_free(p);

    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", server.deaf_port);
    setenv("http_proxy", proxy, 1); /* of the environment: not for this machine */
    probe *own = ask("ok", false);
    assert_int_equal(own->status, AIRE_OK);
    p = probe_new("ok", false);
    snprintf(p->url, sizeof p->url, "http://models.invalid/v1/ok");
    start(p);
    await(p);
    assert_int_equal(p->status, AIRE_NET);
    probe *none = probe_new("ok", false); /* "": not even then */
    snprintf(none->url, sizeof none->url, "http://models.invalid/v1/ok");
    none->asked.proxy = "";
    start(none);
    await(none);
    assert_int_equal(none->status, AIRE_NET);
    assert_true(none->transient);
    assert_non_null(strstr(none->message, "resolve"));
    unsetenv("http_proxy");
    probe_free(own);
    probe_free(p);
    probe_free(none);
}

/* An exchange with HTTP/2 over TLS, where the request's body says the mode. */
static probe *probe_tls(const char *mode)
{
    probe *p = probe_new("", false);
    snprintf(p->url, sizeof p->url, "https://localhost:%d/v1", server.tls_port);
    snprintf(p->request, sizeof p->request, "%s", mode);
    p->asked.ca_file = server.certificate;
    p->asked.body = p->request;
    p->asked.body_length = strlen(mode);
    return p;
}

static probe *ask_tls(const char *mode)
{
    probe *p = probe_tls(mode);
    start(p);
    await(p);
    return p;
}

static void needs_tls(void)
{
    if (!server.tls_port) {
        print_message("# no openssl here\n");
        skip();
    }
}

static void test_net__verifies_certificates(void **state)
{
    needs_tls();
    probe *p = probe_tls("ok");
    p->asked.ca_file = NULL;
    start(p);
    await(p);
    assert_int_equal(p->status, AIRE_NET);
    assert_false(p->transient);
    assert_non_null(strstr(p->message, "certificate"));
    probe_free(p);
    p = ask_tls("ok");
    assert_int_equal(p->status, AIRE_OK);
    assert_string_equal(p->body, "{\"ok\": 2}");
    probe_free(p);
}

static void test_net__multiplexes(void **state)
{
    needs_tls();
    probe *probes[100];
    probe *p = ask_tls("connections");
    int before = atoi(p->body);
    probe_free(p);
    int64_t begun = aire__monotonic_ns();
    for (int i = 0; i < 100; i++)
        start(probes[i] = probe_tls("slow"));
    for (int i = 0; i < 100; i++) {
        await(probes[i]);
        assert_int_equal(probes[i]->status, AIRE_OK);
        probe_free(probes[i]);
    }
    assert_in_range(ms_since(begun), 199, 5000); /* one after the other they take 20 s */
    p = ask_tls("connections");
    assert_int_equal(atoi(p->body), before);
    probe_free(p);
}

static void test_net__large_requests_http2(void **state)
{
    needs_tls();
    probe *p = probe_large(probe_tls(""), "length ");
    assert_int_equal(p->status, AIRE_OK);
    assert_string_equal(p->body, "3145728");
    probe_free(p);
}

static void test_net__http2_faults(void **state)
{
    static const char *const modes[] = {"rst", "goaway", "goawaymid"};
    needs_tls();
    for (int i = 0; i < 3; i++) {
        probe *p = ask_tls(modes[i]);
        if (p->status != AIRE_NET || !p->transient)
            print_message("# %s: %d %s\n", modes[i], p->transient, p->message);
        assert_int_equal(p->status, AIRE_NET);
        assert_true(p->transient);
        probe_free(p);
        p = ask_tls("ok");
        assert_int_equal(p->status, AIRE_OK);
        probe_free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_net__sends_what_is_asked),
        cmocka_unit_test(test_net__large_requests),
        cmocka_unit_test(test_net__streams),
        cmocka_unit_test(test_net__faults),
        cmocka_unit_test(test_net__refused),
        cmocka_unit_test(test_net__no_such_url),
        cmocka_unit_test(test_net__retry_after),
        cmocka_unit_test(test_net__request_ids),
        cmocka_unit_test(test_net__deadline),
        cmocka_unit_test(test_net__stall),
        cmocka_unit_test(test_net__slow_is_no_stall),
        cmocka_unit_test(test_net__data_may_refuse),
        cmocka_unit_test(test_net__limits_the_body),
        cmocka_unit_test(test_net__takes_100_megabytes),
        cmocka_unit_test(test_net__cancels_in_time),
        cmocka_unit_test(test_net__cancels_one_of_many_tokens),
        cmocka_unit_test(test_net__faults_harm_no_neighbour),
        cmocka_unit_test(test_net__unreachable_harms_no_neighbour),
        cmocka_unit_test(test_net__keeps_connections),
        cmocka_unit_test(test_net__replaces_dead_connections),
        cmocka_unit_test(test_net__thousand_streams),
        cmocka_unit_test(test_net__few_descriptors),
        cmocka_unit_test(test_crowd__forgets_nobody),
        cmocka_unit_test(test_net__timers_in_order),
        cmocka_unit_test(test_net__timers_of_one_time_in_turn),
        cmocka_unit_test(test_net__timers_end_with_their_token),
        cmocka_unit_test(test_net__starts_from_its_thread),
        cmocka_unit_test(test_net__one_for_each_context),
        cmocka_unit_test(test_net__released_with_idle_connections),
        cmocka_unit_test(test_net__out_of_memory),
        cmocka_unit_test(test_net__proxies),
        cmocka_unit_test(test_net__verifies_certificates),
        cmocka_unit_test(test_net__multiplexes),
        cmocka_unit_test(test_net__large_requests_http2),
        cmocka_unit_test(test_net__http2_faults),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
