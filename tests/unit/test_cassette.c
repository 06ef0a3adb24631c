/* Recording and replaying. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "aire/error.h"
#include "aire/model.h"
#include "base/fs.h"
#include "model/cassette.h"
#include "support/failing.h"

#define KEY "sk-cassette-0123456789abcdef"

static failing memory;
static aire_ctx *ctx;
static char root[64], path[128];

static const char *message(void)
{
    return aire_error_message(aire_last_error());
}

static aire_request request(const aire_message *messages, const char *purpose)
{
    aire_request r = {.struct_size = sizeof r,
                      .messages = messages,
                      .message_count = 1,
                      .temperature = NAN,
                      .purpose = purpose};
    return r;
}

/* A model of the host's that answers with what it is asked, a number that rises, and odd fields;
 * what begins with "fail" fails. */
typedef struct echo {
    atomic_int calls;
} echo;

static aire_status echo_complete(const aire_request *r, aire_cancel *cancel, aire_answer **out,
                                 void *user_data)
{
    echo *e = user_data;
    char text[256];
    int number = atomic_fetch_add(&e->calls, 1);
    aire_answer_options fields = AIRE_ANSWER_OPTIONS_INIT;
    const char *asked = r->messages[0].text;
    if (!strcmp(asked, "fail"))
        return aire_error_set(AIRE_RATE_LIMITED, 429, "slow down, \"please\"");
    if (!strcmp(asked, "cancel"))
        return aire_error_set(AIRE_CANCELLED, 0, "given up");
    if (!strcmp(asked, "pay"))
        return aire_error_set(AIRE_LIMIT, 0, "the budget is used");
    snprintf(text, sizeof text, "%s \xc3\xa9\t\"%d\"\n\x01", asked, number);
    fields.text = text;
    fields.thinking = "hm\n";
    fields.finish = "stop";
    fields.attempts = 3;
    fields.input_tokens = 1000 + number;
    fields.output_tokens = INT64_MAX;
    fields.cached_tokens = 7;
    fields.thinking_tokens = 8;
    fields.request_id = "req_1";
    fields.latency_ms = 1234;
    fields.first_ms = 56;
    fields.cost = 0.1 / 3;
    fields.model = "m";
    return aire_answer_new(ctx, &fields, out);
}

static aire_model *echo_model(echo *e)
{
    aire_model_ops ops = {.struct_size = sizeof ops, .complete = echo_complete};
    aire_model *model;
    atomic_init(&e->calls, 0);
    assert_int_equal(aire_model_new_from_ops(ctx, "host:echo", &ops, e, &model), AIRE_OK);
    return model;
}

static aire_model *recorder(echo *e)
{
    aire_model *inner = echo_model(e), *model;
    assert_int_equal(aire_model_new_recorder(ctx, inner, path, &model), AIRE_OK);
    assert_string_equal(aire_model_name(model), "host:echo");
    aire_model_unref(inner);
    return model;
}

static aire_model *replay(const char *how)
{
    char spec[160];
    aire_model *model;
    snprintf(spec, sizeof spec, "replay:%s%s", path, how);
    assert_int_equal(aire_model_new(ctx, spec, NULL, &model), AIRE_OK);
    return model;
}

static aire_status ask(aire_model *model, const char *text, aire_answer **out)
{
    const aire_message messages[] = {{"user", text}};
    aire_request r = request(messages, "ideas");
    return aire_model_complete(model, &r, NULL, out);
}

static char *contents(void)
{
    static char text[1 << 16];
    char *bytes;
    size_t length;
    assert_int_equal(aire__fs_read(ctx, path, sizeof text - 1, &bytes, &length), AIRE_OK);
    memcpy(text, bytes, length + 1);
    aire_free(ctx, bytes);
    return text;
}

static void write_cassette(const char *text)
{
    assert_int_equal(aire__fs_write(ctx, path, text, strlen(text), 0600), AIRE_OK);
}

static bool same_answer(const aire_answer *x, const aire_answer *y)
{
    const aire_answer_options *a = aire_answer_get(x), *b = aire_answer_get(y);
    return !strcmp(a->text, b->text) && !strcmp(a->thinking, b->thinking) &&
           !strcmp(a->finish, b->finish) && !strcmp(a->request_id, b->request_id) &&
           !strcmp(a->model, b->model) && a->attempts == b->attempts &&
           a->input_tokens == b->input_tokens && a->output_tokens == b->output_tokens &&
           a->cached_tokens == b->cached_tokens && a->thinking_tokens == b->thinking_tokens &&
           a->latency_ms == b->latency_ms && a->first_ms == b->first_ms && a->cost == b->cost;
}

static void expect(aire_model *model, const char *text, const aire_answer *wanted)
{
    aire_answer *answer;
    assert_int_equal(ask(model, text, &answer), AIRE_OK);
    assert_true(same_answer(answer, wanted));
    aire_answer_unref(answer);
}

static void test_cassette__plays_what_was_recorded(void **state)
{
    echo e;
    aire_model *model = recorder(&e);
    aire_answer *a[4];
    assert_int_equal(ask(model, "one", &a[0]), AIRE_OK);
    assert_int_equal(ask(model, "two", &a[1]), AIRE_OK);
    assert_int_equal(ask(model, "one", &a[2]), AIRE_OK);
    assert_int_equal(ask(model, "fail", &a[3]), AIRE_RATE_LIMITED);
    assert_string_equal(message(), "slow down, \"please\"");
    aire_model_unref(model);

    model = replay("");
    expect(model, "two", a[1]);
    expect(model, "one", a[0]); /* several answers to one request: in order */
    expect(model, "one", a[2]);
    assert_int_equal(ask(model, "fail", &a[3]), AIRE_RATE_LIMITED);
    assert_string_equal(message(), "slow down, \"please\"");
    assert_int_equal(aire_error_code(aire_last_error()), 429);
    assert_int_equal(ask(model, "one", &a[3]), AIRE_DONE);
    aire_model_unref(model);
    for (int i = 0; i < 3; i++)
        aire_answer_unref(a[i]);
}

static void test_cassette__names_a_request_that_is_not_there(void **state)
{
    echo e;
    aire_model *model = recorder(&e);
    aire_answer *a, *b, *c;
    assert_int_equal(ask(model, "one", &a), AIRE_OK);
    assert_int_equal(ask(model, "fail", &c), AIRE_RATE_LIMITED);
    assert_int_equal(ask(model, "two", &b), AIRE_OK);
    aire_model_unref(model);

    model = replay("");
    assert_int_equal(ask(model, "three", &c), AIRE_NOT_FOUND);
    assert_non_null(strstr(message(), "purpose \"ideas\""));
    assert_non_null(strstr(message(), "no answer to request "));
    aire_model_unref(model);

    model = replay("?lenient");
    expect(model, "two", b);
    expect(model, "three", a); /* the next that was not given; a failure is nobody else's */
    assert_int_equal(ask(model, "three", &c), AIRE_DONE);
    assert_int_equal(ask(model, "fail", &c), AIRE_RATE_LIMITED);
    aire_model_unref(model);
    aire_answer_unref(a);
    aire_answer_unref(b);
}

static void test_cassette__plain_lines_fit_any_request(void **state)
{
    echo e;
    aire_model *model = recorder(&e);
    aire_answer *a, *b;
    assert_int_equal(ask(model, "one", &a), AIRE_OK);
    aire_model_unref(model);
    char both[8192];
    snprintf(both, sizeof both,
             "{\"answer\": \"first\", \"cost\": 0.5}\n%s{\"answer\": \"second\"}", contents());
    write_cassette(both);
    model = replay("");
    assert_int_equal(ask(model, "x", &b), AIRE_OK);
    assert_string_equal(aire_answer_get(b)->text, "first");
    assert_true(aire_answer_get(b)->cost == 0.5);
    aire_answer_unref(b);
    expect(model, "one", a);
    assert_int_equal(ask(model, "one", &b), AIRE_OK);
    assert_string_equal(aire_answer_get(b)->text, "second");
    assert_true(aire_answer_get(b)->cost < 0);
    aire_answer_unref(b);
    assert_int_equal(ask(model, "x", &b), AIRE_NOT_FOUND);
    aire_model_unref(model);
    aire_answer_unref(a);
}

static void hash_of(const aire_request *r, char hash[AIRE_SHA256_HEX])
{
    json_t *neutral;
    assert_int_equal(aire__cassette_neutral(ctx, r, &neutral, hash), AIRE_OK);
    json_decref(neutral);
}

/* What is recorded today is found by later versions: this hash may never change. */
static void test_cassette__hash_is_of_what_matters(void **state)
{
    const aire_message hello[] = {{"user", "hello"}}, other[] = {{"system", "hello"}};
    const char *const stop[] = {"END", NULL}, *const none[] = {NULL};
    aire_request base = request(hello, NULL), r;
    char first[AIRE_SHA256_HEX], hash[AIRE_SHA256_HEX];
    hash_of(&base, first);
    assert_string_equal(first, "de41012ae824487e6a91eded556a3e58f9829474035f6bb9c2d1540925f28870");
    r = base;
    r.purpose = "patch";
    r.plan_id = 4;
    r.idea_id = 5;
    r.stop = none;
    hash_of(&r, hash);
    assert_string_equal(hash, first);
    aire_request changed[10];
    for (int i = 0; i < 10; i++)
        changed[i] = base;
    changed[0].messages = other;
    changed[1].max_tokens = 5;
    changed[2].temperature = 0;
    changed[3].top_p = 0.5;
    changed[4].seed = UINT64_MAX;
    changed[5].thinking_tokens = -1;
    changed[6].effort = "low";
    changed[7].schema = "{}";
    changed[8].stop = stop;
    changed[9].message_count = 0;
    char hashes[10][AIRE_SHA256_HEX];
    for (int i = 0; i < 10; i++) {
        hash_of(&changed[i], hashes[i]);
        assert_string_not_equal(hashes[i], first);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(hashes[i], hashes[j]);
    }
}

static void test_recorder__writes_whole_lines_without_keys(void **state)
{
    echo e;
    aire_model *model = recorder(&e);
    aire_answer *a;
    assert_int_equal(ask(model, "one", &a), AIRE_OK);
    /* It is there before the answer is told. */
    const char *text = contents();
    assert_non_null(strstr(text, "{\"hash\":\""));
    assert_non_null(strstr(text, "\"purpose\":\"ideas\""));
    assert_non_null(strstr(text, "\"messages\":[{\"role\":\"user\",\"text\":\"one\"}]"));
    assert_non_null(strstr(text, "\"text\":\"one "));
    assert_true(text[strlen(text) - 1] == '\n');
    assert_null(strstr(text, KEY));
    assert_null(strstr(text, "plan"));
    aire_answer_unref(a);
    assert_int_equal(ask(model, "cancel", &a), AIRE_CANCELLED);
    assert_string_equal(message(), "given up");
    assert_int_equal(ask(model, "pay", &a), AIRE_LIMIT);
    assert_null(strstr(contents(), "cancel")); /* neither is the model's word */
    assert_null(strstr(contents(), "the budget"));
    aire_model_unref(model);
}

static void test_recorder__appends_and_mends(void **state)
{
    echo e;
    aire_answer *a, *b;
    aire_model *model = recorder(&e);
    assert_int_equal(ask(model, "one", &a), AIRE_OK);
    aire_model_unref(model);
    /* A crash in the middle of the second line. */
    char torn[8192];
    snprintf(torn, sizeof torn, "%s{\"hash\":\"12", contents());
    write_cassette(torn);
    model = recorder(&e);
    assert_int_equal(ask(model, "two", &b), AIRE_OK);
    aire_model_unref(model);
    model = replay("");
    expect(model, "one", a);
    expect(model, "two", b);
    aire_model_unref(model);
    /* A line that a person wrote without a newline stays. */
    write_cassette("{\"answer\": \"mine\"}");
    model = recorder(&e);
    aire_answer_unref(b);
    assert_int_equal(ask(model, "three", &b), AIRE_OK);
    aire_model_unref(model);
    assert_non_null(strstr(contents(), "{\"answer\": \"mine\"}\n{\"hash\""));
    aire_answer_unref(a);
    aire_answer_unref(b);
}

/* A full disk: what was paid for is given, and the cassette has whole lines only. */
static void test_recorder__gives_the_answer_when_it_cannot_write(void **state)
{
    echo e;
    aire_answer *a;
    struct rlimit before, small;
    aire_model *model = recorder(&e);
    assert_int_equal(ask(model, "one", &a), AIRE_OK);
    aire_answer_unref(a);
    size_t length = strlen(contents());
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = length + 20;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    aire_status status = ask(model, "two", &a);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(status, AIRE_OK);
    aire_answer_unref(a);
    assert_int_equal(strlen(contents()), length);
    assert_int_equal(ask(model, "three", &a), AIRE_OK);
    aire_answer_unref(a);
    aire_model_unref(model);
    model = replay("");
    assert_int_equal(ask(model, "three", &a), AIRE_OK);
    aire_answer_unref(a);
    aire_model_unref(model);
}

/* Many threads at once, each with questions of its own and one that all ask. */

enum { THREADS = 8, QUESTIONS = 40 };

typedef struct asker {
    aire_model *model;
    int number;
    aire_answer *answers[QUESTIONS];
    int64_t shared; /* sum of the shared question's numbers */
    int failures;
} asker;

static void *ask_all(void *arg)
{
    asker *me = arg;
    for (int i = 0; i < QUESTIONS; i++) {
        char text[64];
        aire_answer *answer;
        snprintf(text, sizeof text, "%d/%d", me->number, i);
        me->failures += ask(me->model, text, &me->answers[i]) != AIRE_OK;
        if (ask(me->model, "all", &answer) != AIRE_OK) {
            me->failures++;
            continue;
        }
        me->shared += aire_answer_get(answer)->input_tokens;
        aire_answer_unref(answer);
    }
    return NULL;
}

static int64_t ask_in_threads(aire_model *model, asker *askers)
{
    pthread_t threads[THREADS];
    int64_t shared = 0;
    for (int i = 0; i < THREADS; i++) {
        askers[i] = (asker){.model = model, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, ask_all, &askers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(askers[i].failures, 0);
        shared += askers[i].shared;
    }
    return shared;
}

static void test_cassette__plays_the_same_from_many_threads(void **state)
{
    static asker recorded[THREADS], played[THREADS];
    echo e;
    aire_model *model = recorder(&e);
    int64_t shared = ask_in_threads(model, recorded);
    aire_model_unref(model);
    model = replay("");
    assert_int_equal(ask_in_threads(model, played), shared);
    aire_model_unref(model);
    for (int i = 0; i < THREADS; i++)
        for (int j = 0; j < QUESTIONS; j++) {
            assert_true(same_answer(recorded[i].answers[j], played[i].answers[j]));
            aire_answer_unref(recorded[i].answers[j]);
            aire_answer_unref(played[i].answers[j]);
        }
}

static void test_cassette__mistakes_are_named(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"{\"hash\": 1, \"answer\": \"\"}", "line 1"},
        {"{\"hash\": \"12\", \"answer\": \"\"}", "64 hexadecimal digits"},
        {"\n{\"answer\": {}}", "line 2: \"text\" is missing"},
        {"{\"answer\": {\"text\": 1}}", "expected a string"},
        {"{\"answer\": {\"text\": \"\", \"attempts\": 5000000000}}", "\"attempts\""},
        {"{\"answer\": {\"text\": \"\", \"latency_ms\": -1}}", "\"latency_ms\" is negative"},
        {"{\"status\": \"AIRE_OK\"}", "name of a failure"},
        {"{\"status\": \"AIRE_DONE\"}", "name of a failure"},
        {"{\"status\": \"NO\"}", "name of a failure"},
        {"{\"status\": \"AIRE_NET\", \"code\": 5000000000}", "\"code\""},
        {"{\"status\": \"AIRE_NET\", \"detail\": []}", "expected a string"},
    };
    char spec[160];
    aire_model *model;
    snprintf(spec, sizeof spec, "replay:%s", path);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_cassette(cases[i].text);
        assert_int_equal(aire_model_new(ctx, spec, NULL, &model), AIRE_FORMAT);
        if (!strstr(message(), cases[i].words))
            fail_msg("case %zu: %s", i, message());
    }
}

static aire_status record_one(aire_model *inner)
{
    aire_model *model;
    aire_answer *answer;
    aire_status status = aire_model_new_recorder(ctx, inner, path, &model);
    if (status != AIRE_OK)
        return status;
    status = ask(model, "one", &answer);
    aire_model_unref(model);
    if (status == AIRE_OK)
        aire_answer_unref(answer);
    return status;
}

static aire_status play_one(void)
{
    char spec[160];
    aire_model *model;
    aire_answer *answer;
    snprintf(spec, sizeof spec, "replay:%s", path);
    aire_status status = aire_model_new(ctx, spec, NULL, &model);
    if (status != AIRE_OK)
        return status;
    status = ask(model, "one", &answer);
    aire_model_unref(model);
    if (status == AIRE_OK)
        aire_answer_unref(answer);
    return status;
}

static void test_cassette__survives_any_failed_allocation(void **state)
{
    echo e;
    aire_model *inner = echo_model(&e);
    OOM_LOOP(&memory, record_one(inner), );
    write_cassette("");
    assert_int_equal(record_one(inner), AIRE_OK);
    OOM_LOOP(&memory, play_one(), );
    aire_model_unref(inner);
}

static void test_recorder__arguments(void **state)
{
    echo e;
    aire_model *inner = echo_model(&e), *model = NULL;
    assert_int_equal(aire_model_new_recorder(NULL, inner, path, &model), AIRE_INVALID);
    assert_int_equal(aire_model_new_recorder(ctx, NULL, path, &model), AIRE_INVALID);
    assert_null(model);
    assert_int_equal(aire_model_new_recorder(ctx, inner, NULL, &model), AIRE_INVALID);
    assert_int_equal(aire_model_new_recorder(ctx, inner, path, NULL), AIRE_INVALID);
    assert_int_equal(aire_model_new_recorder(ctx, inner, "/no/such/file", &model), AIRE_IO);
    assert_non_null(strstr(message(), "/no/such/file"));
    assert_int_equal(aire_model_feedback(inner, "host:echo", 1, 0), AIRE_OK);
    aire_model_unref(inner);
}

static int fresh(void **state)
{
    unlink(path);
    return 0;
}

static int set_up(void **state)
{
    ctx = failing_ctx(&memory, 1);
    strcpy(root, "/tmp/aire-cassette-XXXXXX");
    if (!mkdtemp(root))
        return -1;
    snprintf(path, sizeof path, "%s/c.jsonl", root);
    return 0;
}

static int tear_down(void **state)
{
    aire__fs_remove_tree(ctx, root);
    aire_ctx_unref(ctx);
    return atomic_load(&memory.live) == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_cassette__plays_what_was_recorded, fresh),
        cmocka_unit_test_setup(test_cassette__names_a_request_that_is_not_there, fresh),
        cmocka_unit_test_setup(test_cassette__plain_lines_fit_any_request, fresh),
        cmocka_unit_test_setup(test_cassette__hash_is_of_what_matters, fresh),
        cmocka_unit_test_setup(test_recorder__writes_whole_lines_without_keys, fresh),
        cmocka_unit_test_setup(test_recorder__appends_and_mends, fresh),
        cmocka_unit_test_setup(test_recorder__gives_the_answer_when_it_cannot_write, fresh),
        cmocka_unit_test_setup(test_cassette__plays_the_same_from_many_threads, fresh),
        cmocka_unit_test_setup(test_cassette__mistakes_are_named, fresh),
        cmocka_unit_test_setup(test_cassette__survives_any_failed_allocation, fresh),
        cmocka_unit_test_setup(test_recorder__arguments, fresh),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
