/*
 * Remote models as a whole: many requests at once, streams that fail in the midst, budgets, rates,
 * breakers, keys that are asked for; against a server on loopback (fake_chat.py).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aire/embedding.h"
#include "aire/error.h"
#include "aire/model.h"
#include "base/thread.h"
#include "support/failing.h"

#define KEY "sk-remote-0123456789abcdef"

static failing memory;
static aire_ctx *ctx;
static pid_t server;
static FILE *server_output;
static int port;

static int setup(void **state)
{
    char script[4096];
    const char *tests = getenv("AIRE_TESTS");
    int fds[2];
    ctx = failing_ctx(&memory, 1);
    snprintf(script, sizeof script, "%s/fake_chat.py", tests ? tests : "tests");
    if (pipe(fds) != 0 || (server = fork()) < 0)
        return -1;
    if (server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(fds[1], 1);
        close(fds[0]);
        close(fds[1]);
        execlp("python3", "python3", script, KEY, (char *)NULL);
        _exit(127);
    }
    close(fds[1]);
    server_output = fdopen(fds[0], "r");
    return fscanf(server_output, "%d", &port) == 1 ? 0 : -1;
}

static int teardown(void **state)
{
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    fclose(server_output);
    aire_ctx_unref(ctx);
    return failing_settles(&memory, 0) ? 0 : -1;
}

static aire_model *chat(const char *mode, const aire_model_options *options)
{
    char spec[256];
    aire_model *model = NULL;
    snprintf(spec, sizeof spec, "chat:m@http://127.0.0.1:%d/%s/v1", port, mode);
    assert_int_equal(aire_model_new(ctx, spec, options, &model), AIRE_OK);
    return model;
}

static const aire_message hello[] = {{"user", "hello"}};

static aire_request request(void)
{
    return (aire_request){.struct_size = sizeof(aire_request),
                          .max_tokens = 100,
                          .messages = hello,
                          .message_count = 1,
                          .temperature = NAN};
}

static int64_t now_ms(void)
{
    return aire__monotonic_ns() / 1000000;
}

/* ---- requests that nobody waits for ---- */

typedef struct ends {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int good, failed;
    aire_status last_failure;
    char detail[AIRE_ERROR_MESSAGE_MAX];
    char text[256];
    int32_t attempts;
} ends;

#define ENDS                                                                                       \
    {                                                                                              \
        .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER                     \
    }

static void take_end(aire_status status, aire_answer *answer, void *data)
{
    ends *e = data;
    pthread_mutex_lock(&e->lock);
    if (status == AIRE_OK) {
        e->good++;
        snprintf(e->text, sizeof e->text, "%s", aire_answer_get(answer)->text);
        e->attempts = aire_answer_get(answer)->attempts;
    } else {
        e->failed++;
        e->last_failure = status;
        snprintf(e->detail, sizeof e->detail, "%s", aire_error_message(aire_last_error()));
    }
    pthread_cond_signal(&e->changed);
    pthread_mutex_unlock(&e->lock);
}

static void await_ends(ends *e, int count)
{
    pthread_mutex_lock(&e->lock);
    while (e->good + e->failed < count)
        pthread_cond_wait(&e->changed, &e->lock);
    pthread_mutex_unlock(&e->lock);
}

static void begin(aire_model *model, aire_cancel *cancel, ends *e)
{
    aire_request r = request();
    assert_int_equal(aire_model_start(model, &r, cancel, take_end, e), AIRE_OK);
}

static void test_remote__many_at_once_are_each_told_once(void **state)
{
    enum { EACH = 40 };
    static const char *const modes[] = {"ok", "words", "slow", "down", "badjson", "reset"};
    aire_model_options options = AIRE_MODEL_OPTIONS_INIT;
    aire_model *models[6];
    ends each[6];
    options.max_attempts = 1;
    for (int i = 0; i < 6; i++) {
        each[i] = (ends)ENDS;
        models[i] = chat(modes[i], &options);
    }
    for (int k = 0; k < EACH; k++)
        for (int i = 0; i < 6; i++)
            if (i < 3 || k < 4) /* fewer than a breaker bears with */
                begin(models[i], NULL, &each[i]);
    for (int i = 0; i < 6; i++) {
        await_ends(&each[i], i < 3 ? EACH : 4);
        assert_int_equal(each[i].good, i < 3 ? EACH : 0);
        aire_model_unref(models[i]);
    }
    assert_string_equal(each[0].text, "hello");
    assert_string_equal(each[1].text, "hello w\xc3\xb6rld");
    assert_int_equal(each[3].last_failure, AIRE_NET);
    assert_non_null(strstr(each[3].detail, "HTTP status 500"));
    assert_int_equal(each[4].last_failure, AIRE_PROTOCOL);
}

static void test_remote__a_started_one_is_cancelled_at_once(void **state)
{
    aire_model_options options = AIRE_MODEL_OPTIONS_INIT;
    aire_spending spent = {.struct_size = sizeof spent};
    assert_int_equal(aire_budget_new(ctx, NULL, &options.budget), AIRE_OK);
    aire_model *model = chat("slowwords", &options);
    aire_cancel *cancel;
    ends e = ENDS;
    assert_int_equal(aire_cancel_new(ctx, &cancel), AIRE_OK);
    for (int i = 0; i < 20; i++)
        begin(model, cancel, &e);
    usleep(300000);
    int64_t from = now_ms();
    aire_cancel_fire(cancel);
    await_ends(&e, 20);
    assert_true(now_ms() - from < 100);
    assert_int_equal(e.failed, 20);
    assert_int_equal(e.last_failure, AIRE_CANCELLED);
    /* they had been sent, and are billed as is estimated */
    assert_int_equal(aire_budget_spending(options.budget, &spent), AIRE_OK);
    assert_int_equal(spent.calls, 20);
    assert_int_equal(spent.flying_calls, 0);
    assert_true(spent.input_tokens >= 20 && spent.input_tokens < 20 * 200);
    assert_true(spent.output_tokens >= 20 && spent.output_tokens < 20 * 100);
    /* one that was not sent costs nothing */
    aire_request r = request();
    assert_int_equal(aire_model_start(model, &r, cancel, take_end, &e), AIRE_CANCELLED);
    assert_int_equal(aire_budget_spending(options.budget, &spent), AIRE_OK);
    assert_int_equal(spent.calls, 20);
    aire_cancel_unref(cancel);
    aire_model_unref(model);
    aire_budget_unref(options.budget);
}

/* The end is told to somebody who lets go of the model there. */
typedef struct owner {
    aire_model *model;
    atomic_bool gone;
} owner;

static void let_go(aire_status status, aire_answer *answer, void *data)
{
    owner *o = data;
    aire_model_unref(o->model);
    atomic_store(&o->gone, true);
}

static void test_remote__the_one_who_is_told_may_let_go(void **state)
{
    owner o = {.model = chat("ok", NULL)};
    aire_request r = request();
    assert_int_equal(aire_model_start(o.model, &r, NULL, let_go, &o), AIRE_OK);
    for (int i = 0; i < 2000 && !atomic_load(&o.gone); i++)
        usleep(1000);
    assert_true(atomic_load(&o.gone));
}

/* ---- streams ---- */

typedef struct heard {
    char text[256];
    int restarts;
} heard;

static void hear(int32_t kind, const char *text, size_t length, void *data)
{
    heard *h = data;
    size_t at = strlen(h->text);
    if (kind == 0) {
        h->restarts++;
        h->text[0] = '\0';
    } else if (kind == AIRE_DELTA_TEXT) {
        snprintf(h->text + at, sizeof h->text - at, "%.*s", (int)length, text);
    }
}

static void expect_stream(const char *mode, int restarts)
{
    aire_model_options options = AIRE_MODEL_OPTIONS_INIT;
    aire_answer *answer = NULL;
    heard h = {"", 0};
    options.stall_ms = 500;
    aire_model *model = chat(mode, &options);
    aire_request r = request();
    r.delta = hear;
    r.delta_user_data = &h;
    if (aire_model_complete(model, &r, NULL, &answer) != AIRE_OK)
        fail_msg("%s: %s", mode, aire_error_message(aire_last_error()));
    const aire_answer_options *said = aire_answer_get(answer);
    assert_string_equal(said->text, "hello w\xc3\xb6rld");
    assert_string_equal(h.text, said->text);
    assert_int_equal(h.restarts, restarts);
    assert_int_equal(said->attempts, restarts + 1);
    assert_string_equal(said->finish, "stop");
    assert_string_equal(said->request_id, "req-9");
    assert_int_equal(said->input_tokens, 11);
    assert_int_equal(said->output_tokens, 7);
    assert_true(said->cost < 0); /* nobody knows what this model costs */
    aire_answer_unref(answer);
    aire_model_unref(model);
}

static void test_remote__streams_are_told_piece_by_piece(void **state)
{
    expect_stream("words", 0);
}

static void test_remote__broken_streams_are_asked_again(void **state)
{
    expect_stream("cutwords", 1);
    expect_stream("errorwords", 1);
    expect_stream("stallwords", 1);
}

/* ---- money and rates ---- */

static void test_remote__a_budget_is_kept(void **state)
{
    aire_budget_options limits = AIRE_BUDGET_OPTIONS_INIT;
    aire_model_options options = AIRE_MODEL_OPTIONS_INIT;
    aire_spending spent = {.struct_size = sizeof spent};
    aire_request r = request();
    ends e = ENDS;
    limits.calls = 10;
    assert_int_equal(aire_budget_new(ctx, &limits, &options.budget), AIRE_OK);
    aire_model *model = chat("slow", &options);
    int refused = 0;
    for (int i = 0; i < 30; i++) {
        aire_status status = aire_model_start(model, &r, NULL, take_end, &e);
        assert_true(status == AIRE_OK || status == AIRE_LIMIT);
        refused += status == AIRE_LIMIT;
    }
    assert_int_equal(refused, 20);
    await_ends(&e, 10); /* what was paid for is told */
    assert_int_equal(e.good, 10);
    assert_int_equal(aire_budget_spending(options.budget, &spent), AIRE_OK);
    assert_int_equal(spent.calls, 10);
    assert_int_equal(spent.flying_calls, 0);
    assert_int_equal(spent.output_tokens, 70);
    aire_answer *answer;
    assert_int_equal(aire_model_complete(model, &r, NULL, &answer), AIRE_LIMIT);
    aire_model_unref(model);
    aire_budget_unref(options.budget);
}

/* A stream breaks off after its usage was told: both tries are paid for. */
static void test_remote__a_budget_counts_tries_in_vain(void **state)
{
    aire_model_options options = AIRE_MODEL_OPTIONS_INIT;
    aire_spending spent = {.struct_size = sizeof spent};
    aire_request r = request();
    aire_answer *answer = NULL;
    assert_int_equal(aire_budget_new(ctx, NULL, &options.budget), AIRE_OK);
    aire_model *model = chat("paidwords", &options);
    assert_int_equal(aire_model_complete(model, &r, NULL, &answer), AIRE_OK);
    assert_int_equal(aire_answer_get(answer)->attempts, 2);
    assert_int_equal(aire_answer_get(answer)->output_tokens, 7);
    assert_int_equal(aire_budget_spending(options.budget, &spent), AIRE_OK);
    assert_int_equal(spent.calls, 1);
    assert_int_equal(spent.input_tokens, 22);
    assert_int_equal(spent.output_tokens, 14);
    assert_int_equal(spent.flying_tokens, 0);
    aire_answer_unref(answer);
    aire_model_unref(model);
    aire_budget_unref(options.budget);
}

static void test_remote__a_budget_in_dollars_needs_a_price(void **state)
{
    aire_budget_options limits = AIRE_BUDGET_OPTIONS_INIT;
    aire_model_options options = AIRE_MODEL_OPTIONS_INIT;
    aire_model *model;
    limits.dollars = 1;
    assert_int_equal(aire_budget_new(ctx, &limits, &options.budget), AIRE_OK);
    assert_int_equal(
        aire_model_new(ctx, "chat:nobody-knows@http://127.0.0.1:1/v1", &options, &model),
        AIRE_INVALID);
    aire_budget_unref(options.budget);
}

/* Ten go at once, the others one a second. */
static void test_remote__requests_a_minute_are_limited(void **state)
{
    aire_model_options options = AIRE_MODEL_OPTIONS_INIT;
    ends e = ENDS;
    options.requests_per_minute = 60;
    aire_model *model = chat("ok", &options);
    int64_t from = now_ms();
    for (int i = 0; i < 12; i++)
        begin(model, NULL, &e);
    await_ends(&e, 10);
    assert_true(now_ms() - from < 900);
    await_ends(&e, 12);
    assert_true(now_ms() - from >= 1800);
    assert_int_equal(e.good, 12);
    aire_model_unref(model);
}

/* What waits at the gate can be cancelled, and has its time limit. */
static void test_remote__who_waits_to_be_sent_may_give_up(void **state)
{
    aire_model_options options = AIRE_MODEL_OPTIONS_INIT;
    aire_cancel *cancel;
    ends first = ENDS, late = ENDS, cancelled = ENDS;
    options.requests_per_minute = 6; /* a burst of one */
    options.timeout_ms = 700;
    assert_int_equal(aire_cancel_new(ctx, &cancel), AIRE_OK);
    aire_model *model = chat("ok", &options);
    begin(model, NULL, &first);
    await_ends(&first, 1);
    begin(model, NULL, &late);
    begin(model, cancel, &cancelled);
    usleep(100000);
    int64_t from = now_ms();
    aire_cancel_fire(cancel);
    await_ends(&cancelled, 1);
    assert_true(now_ms() - from < 100);
    assert_int_equal(cancelled.last_failure, AIRE_CANCELLED);
    await_ends(&late, 1);
    assert_int_equal(late.last_failure, AIRE_TIMEOUT);
    aire_cancel_unref(cancel);
    aire_model_unref(model);
}

static void fire(int32_t kind, const char *text, size_t length, void *data)
{
    aire_cancel_fire(data);
}

/* The end of one makes the gate look at those that wait: each is told of its own failure. */
static void test_remote__failures_are_not_mixed_up(void **state)
{
    for (int round = 0; round < 5; round++) {
        aire_model_options options = AIRE_MODEL_OPTIONS_INIT;
        aire_cancel *cancel;
        ends first = ENDS, cancelled = ENDS;
        options.requests_per_minute = 6; /* a burst of one */
        options.max_attempts = 1;
        assert_int_equal(aire_cancel_new(ctx, &cancel), AIRE_OK);
        aire_model *model = chat("failwords", &options);
        aire_request r = request();
        r.delta = fire;
        r.delta_user_data = cancel;
        assert_int_equal(aire_model_start(model, &r, NULL, take_end, &first), AIRE_OK);
        begin(model, cancel, &cancelled);
        await_ends(&first, 1);
        await_ends(&cancelled, 1);
        assert_int_equal(cancelled.last_failure, AIRE_CANCELLED);
        assert_int_equal(first.last_failure, AIRE_PROTOCOL);
        assert_non_null(strstr(first.detail, "bad luck"));
        aire_cancel_unref(cancel);
        aire_model_unref(model);
    }
}

static void note(int32_t kind, const char *text, size_t length, void *data)
{
    atomic_store((atomic_bool *)data, true);
}

static void hold_up(int32_t kind, const char *text, size_t length, void *data)
{
    if (!atomic_exchange((atomic_bool *)data, true))
        usleep(600000);
}

static void await_note(atomic_bool *noted)
{
    for (int i = 0; i < 5000 && !atomic_load(noted); i++)
        usleep(1000);
    assert_true(atomic_load(noted));
}

/* While a host holds up the net's thread a stream fails, and then is cancelled: whichever is told,
 * it is told with its own words. */
static void test_remote__fails_or_is_cancelled(void **state)
{
    atomic_bool began = false, holds = false;
    aire_cancel *cancel;
    ends failing_one = ENDS, other = ENDS;
    assert_int_equal(aire_cancel_new(ctx, &cancel), AIRE_OK);
    aire_model *fails = chat("failslowly", NULL), *words = chat("words", NULL);
    aire_request r = request();
    r.delta = note;
    r.delta_user_data = &began;
    assert_int_equal(aire_model_start(fails, &r, cancel, take_end, &failing_one), AIRE_OK);
    await_note(&began);
    r.delta = hold_up;
    r.delta_user_data = &holds;
    assert_int_equal(aire_model_start(words, &r, NULL, take_end, &other), AIRE_OK);
    await_note(&holds);
    usleep(400000);
    aire_cancel_fire(cancel);
    await_ends(&failing_one, 1);
    await_ends(&other, 1);
    assert_int_equal(other.good, 1);
    if (strstr(failing_one.detail, "bad luck"))
        assert_int_equal(failing_one.last_failure, AIRE_PROTOCOL);
    else
        assert_int_equal(failing_one.last_failure, AIRE_CANCELLED);
    aire_cancel_unref(cancel);
    aire_model_unref(fails);
    aire_model_unref(words);
}

/* An endpoint that fails again and again is left alone: the sixth is not sent. */
static void test_remote__a_dead_endpoint_is_left_alone(void **state)
{
    aire_model_options options = AIRE_MODEL_OPTIONS_INIT;
    ends dead = ENDS, waiting = ENDS;
    char line[64];
    options.max_attempts = 1;
    options.timeout_ms = 600;
    aire_model *model = chat("down.breaker", &options);
    for (int i = 0; i < 5; i++) {
        begin(model, NULL, &dead);
        await_ends(&dead, i + 1);
    }
    assert_int_equal(dead.last_failure, AIRE_NET);
    begin(model, NULL, &waiting);
    await_ends(&waiting, 1);
    assert_int_equal(waiting.last_failure, AIRE_TIMEOUT);
    aire_model_unref(model);
    model = chat("ok.after", NULL); /* what the server saw before this one */
    begin(model, NULL, &dead);
    await_ends(&dead, 6);
    int seen = 0;
    while (fgets(line, sizeof line, server_output) && !strstr(line, "ok.after"))
        seen += strstr(line, "down.breaker") != NULL;
    assert_int_equal(seen, 5);
    aire_model_unref(model);
}

/* Requests whose time passes while they wait for a descriptor say nothing of their endpoint: the next
 * one goes at once. */
static void test_remote__waiting_for_a_turn_is_no_failure(void **state)
{
    enum { HOGS = 64, LATE = 6 }; /* more than a breaker bears with */
    aire_model_options options = AIRE_MODEL_OPTIONS_INIT;
    ends hogs = ENDS, late = ENDS;
    struct rlimit before, few;
    aire_cancel *cancel;
    aire_ctx *shared = ctx; /* its net may have counted descriptors before they became few */
    assert_int_equal(aire_ctx_new(NULL, &ctx), AIRE_OK);
    getrlimit(RLIMIT_NOFILE, &before);
    few = before;
    few.rlim_cur = HOGS;
    setrlimit(RLIMIT_NOFILE, &few);
    options.max_attempts = 1;
    aire_model *never = chat("never", &options);
    options.timeout_ms = 500; /* less than an open breaker's pause */
    aire_model *model = chat("ok", &options);
    assert_int_equal(aire_cancel_new(ctx, &cancel), AIRE_OK);
    for (int i = 0; i < HOGS; i++)
        begin(never, cancel, &hogs);
    for (int i = 0; i < LATE; i++)
        begin(model, NULL, &late);
    await_ends(&late, LATE);
    assert_int_equal(late.failed, LATE);
    assert_non_null(strstr(late.detail, "waited for its turn"));
    aire_cancel_fire(cancel);
    await_ends(&hogs, HOGS);
    begin(model, NULL, &late);
    await_ends(&late, LATE + 1);
    if (late.good == 0)
        print_message("# %s\n", late.detail);
    assert_int_equal(late.good, 1);
    setrlimit(RLIMIT_NOFILE, &before);
    aire_cancel_unref(cancel);
    aire_model_unref(never);
    aire_model_unref(model);
    aire_ctx_unref(ctx);
    ctx = shared;
}

/* ---- keys ---- */

static aire_status give_key(char *key, size_t size, void *data)
{
    int *calls = data;
    snprintf(key, size, "%s", ++*calls == 2 ? "bad key" : KEY);
    return AIRE_OK;
}

static void test_remote__keys_are_asked_for(void **state)
{
    aire_model_options options = AIRE_MODEL_OPTIONS_INIT;
    aire_answer *answer;
    int calls = 0;
    options.key = give_key;
    options.key_user_data = &calls;
    aire_model *model = chat("echo", &options);
    aire_request r = request();
    assert_int_equal(aire_model_complete(model, &r, NULL, &answer), AIRE_OK);
    assert_string_equal(aire_answer_get(answer)->thinking, "key");
    aire_answer_unref(answer);
    assert_int_equal(aire_model_complete(model, &r, NULL, &answer), AIRE_INVALID); /* a blank */
    assert_null(strstr(aire_error_message(aire_last_error()), "bad key"));
    assert_int_equal(calls, 2);
    aire_model_unref(model);
}

static void test_model__knows_the_variables_of_keys(void **state)
{
    assert_string_equal(aire_model_key_variable("anthropic:m"), "ANTHROPIC_API_KEY");
    assert_string_equal(aire_model_key_variable("openai:m"), "OPENAI_API_KEY");
    assert_null(aire_model_key_variable("replay:f"));
    assert_null(aire_model_key_variable("nonsense"));
    assert_null(aire_model_key_variable(NULL));
}

/* ---- models of the host ---- */

static aire_status host_complete(const aire_request *r, aire_cancel *cancel, aire_answer **out,
                                 void *data)
{
    aire_answer_options fields = AIRE_ANSWER_OPTIONS_INIT;
    if (strcmp(r->messages[0].text, "hello") != 0 || strcmp(r->stop[0], "end") != 0)
        return aire_error_set(AIRE_INVALID, 3, "not as it was asked");
    fields.text = "of the host";
    return aire_answer_new(ctx, &fields, out);
}

static void test_remote__a_hosts_model_is_asked_on_a_thread(void **state)
{
    aire_model_ops ops = {sizeof ops, 0, host_complete, NULL};
    aire_model *model;
    ends e = ENDS;
    assert_int_equal(aire_model_new_from_ops(ctx, "mine", &ops, NULL, &model), AIRE_OK);
    for (int i = 0; i < 20; i++) {
        char text[] = "hello", stop[] = "end"; /* gone when the answer comes */
        const char *stops[] = {stop, NULL};
        aire_message message = {"user", text};
        aire_request r = request();
        r.messages = &message;
        r.stop = stops;
        assert_int_equal(aire_model_start(model, &r, NULL, take_end, &e), AIRE_OK);
        memset(text, 'x', sizeof text - 1);
        memset(stop, 'x', sizeof stop - 1);
    }
    await_ends(&e, 20);
    assert_int_equal(e.good, 20);
    assert_string_equal(e.text, "of the host");
    aire_model_unref(model);
}

/* ---- embeddings ---- */

static aire_embedder *embedder(const char *mode)
{
    char spec[256];
    aire_embedder *made = NULL;
    snprintf(spec, sizeof spec, "chat:m@http://127.0.0.1:%d/%s/v1", port, mode);
    assert_int_equal(aire_embedder_new(ctx, spec, NULL, &made), AIRE_OK);
    return made;
}

static void test_embedder__gives_vectors_in_order(void **state)
{
    static const char *const texts[] = {"aab", "ccc", "b", "aabaab"};
    aire_embedder *e = embedder("embedflaky");
    float *v = NULL;
    size_t dimension = 0;
    assert_int_equal(aire_embedder_embed(e, texts, 4, NULL, &v, &dimension), AIRE_OK);
    assert_int_equal(dimension, 3);
    assert_true(v[0] == 2 && v[1] == 1 && v[2] == 0);
    assert_true(v[3] == 0 && v[5] == 3 && v[7] == 1);
    assert_true(fabs(aire_embedding_cosine(v, v + 9, 3) - 1) < 1e-9);
    assert_true(aire_embedding_cosine(v, v + 3, 3) == 0);
    assert_true(aire_embedding_cosine(v, (float[]){0, 0, 0}, 3) == 0);
    aire_free(ctx, v);
    assert_int_equal(aire_embedder_embed(e, texts, 0, NULL, &v, &dimension), AIRE_INVALID);
    aire_embedder_unref(e);
}

/* What a parser of JSON quotes may be the key. */
static void test_embedder__quotes_no_key(void **state)
{
    static const char *const texts[] = {"a"};
    aire_model_options options = AIRE_MODEL_OPTIONS_INIT;
    aire_embedder *e;
    char spec[256];
    float *v;
    size_t dimension;
    options.api_key = "sk-0123456789abcd";
    snprintf(spec, sizeof spec, "chat:m@http://127.0.0.1:%d/embedleak/v1", port);
    assert_int_equal(aire_embedder_new(ctx, spec, &options, &e), AIRE_OK);
    assert_int_equal(aire_embedder_embed(e, texts, 1, NULL, &v, &dimension), AIRE_PROTOCOL);
    assert_null(strstr(aire_error_message(aire_last_error()), "0123456789"));
    assert_non_null(strstr(aire_error_message(aire_last_error()), "is not JSON"));
    aire_embedder_unref(e);
}

static void test_embedder__fails_as_models_do(void **state)
{
    static const char *const texts[] = {"a"};
    aire_cancel *cancel;
    float *v;
    size_t dimension;
    aire_embedder *e = embedder("unknown");
    assert_int_equal(aire_embedder_embed(e, texts, 1, NULL, &v, &dimension), AIRE_PROTOCOL);
    assert_non_null(strstr(aire_error_message(aire_last_error()), "no model of that name"));
    assert_null(v);
    assert_int_equal(aire_cancel_new(ctx, &cancel), AIRE_OK);
    aire_cancel_fire(cancel);
    assert_int_equal(aire_embedder_embed(e, texts, 1, cancel, &v, &dimension), AIRE_CANCELLED);
    aire_cancel_unref(cancel);
    aire_embedder_unref(e);
    assert_int_equal(aire_embedder_new(ctx, "anthropic:m", NULL, &e), AIRE_UNSUPPORTED);
    assert_int_equal(aire_embedder_new(ctx, "nonsense", NULL, &e), AIRE_INVALID);
}

/* ---- memory ---- */

static aire_status embed_once(aire_embedder *e)
{
    static const char *const texts[] = {"a", "b"};
    float *v;
    size_t dimension;
    aire_status status = aire_embedder_embed(e, texts, 2, NULL, &v, &dimension);
    if (status == AIRE_OK)
        aire_free(ctx, v);
    return status;
}

static void test_embedder__survives_want_of_memory(void **state)
{
    aire_embedder *e = embedder("embed");
    long long idle = atomic_load(&memory.live);
    assert_int_equal(embed_once(e), AIRE_OK);
    assert_true(failing_settles(&memory, idle)); /* or the loop would count what goes soon */
    OOM_LOOP(&memory, embed_once(e), (void)0);
    aire_embedder_unref(e);
}

static aire_status start_and_wait(aire_model *model)
{
    ends e = ENDS;
    aire_request r = request();
    r.purpose = "ideas";
    aire_status status = aire_model_start(model, &r, NULL, take_end, &e);
    if (status != AIRE_OK)
        return status;
    await_ends(&e, 1);
    return e.good ? AIRE_OK : e.last_failure;
}

static void test_remote__a_start_survives_want_of_memory(void **state)
{
    aire_model_options options = AIRE_MODEL_OPTIONS_INIT;
    options.max_attempts = 1;
    options.requests_per_minute = 100000;
    aire_model *model = chat("words", &options);
    long long idle = atomic_load(&memory.live);
    assert_int_equal(start_and_wait(model), AIRE_OK);
    assert_true(failing_settles(&memory, idle));
    OOM_LOOP(&memory, start_and_wait(model), (void)0);
    aire_model_unref(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_remote__many_at_once_are_each_told_once),
        cmocka_unit_test(test_remote__a_started_one_is_cancelled_at_once),
        cmocka_unit_test(test_remote__the_one_who_is_told_may_let_go),
        cmocka_unit_test(test_remote__streams_are_told_piece_by_piece),
        cmocka_unit_test(test_remote__broken_streams_are_asked_again),
        cmocka_unit_test(test_remote__a_budget_is_kept),
        cmocka_unit_test(test_remote__a_budget_counts_tries_in_vain),
        cmocka_unit_test(test_remote__a_budget_in_dollars_needs_a_price),
        cmocka_unit_test(test_remote__requests_a_minute_are_limited),
        cmocka_unit_test(test_remote__who_waits_to_be_sent_may_give_up),
        cmocka_unit_test(test_remote__failures_are_not_mixed_up),
        cmocka_unit_test(test_remote__fails_or_is_cancelled),
        cmocka_unit_test(test_remote__a_dead_endpoint_is_left_alone),
        cmocka_unit_test(test_remote__waiting_for_a_turn_is_no_failure),
        cmocka_unit_test(test_remote__keys_are_asked_for),
        cmocka_unit_test(test_model__knows_the_variables_of_keys),
        cmocka_unit_test(test_remote__a_hosts_model_is_asked_on_a_thread),
        cmocka_unit_test(test_embedder__gives_vectors_in_order),
        cmocka_unit_test(test_embedder__quotes_no_key),
        cmocka_unit_test(test_embedder__fails_as_models_do),
        cmocka_unit_test(test_embedder__survives_want_of_memory),
        cmocka_unit_test(test_remote__a_start_survives_want_of_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
