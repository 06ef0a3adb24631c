/* Ensembles: who is asked, and what is learned. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "aire/ensemble.h"
#include "aire/error.h"
#include "model/client.h"
#include "support/failing.h"

static failing memory;
static aire_ctx *ctx;

static const char *message(void)
{
    return aire_error_message(aire_last_error());
}

enum { MEMBERS = 3 };

/* Members of the host's: each counts its calls, answers with its name, costs what it costs. */
typedef struct member {
    const char *name;
    double cost;
    aire_status fails; /* AIRE_OK: it answers */
    atomic_int calls;
} member;

static member members[MEMBERS];
static aire_model *models[MEMBERS];

static aire_status member_complete(const aire_request *r, aire_cancel *cancel, aire_answer **out,
                                   void *user_data)
{
    member *m = user_data;
    aire_answer_options fields = AIRE_ANSWER_OPTIONS_INIT;
    atomic_fetch_add(&m->calls, 1);
    if (m->fails != AIRE_OK)
        return aire_error_set(m->fails, 5, "out of order");
    fields.text = m->name;
    fields.cost = m->cost;
    fields.thinking_tokens = 17;
    return aire_answer_new(ctx, &fields, out);
}

/* What the sink was last told. */
static char told_model[64];
static char told_request[256];
static aire_status told_status;

static aire_status keep_call(const aire_model_call *call, void *user_data)
{
    snprintf(told_model, sizeof told_model, "%s", aire_model_call_get(call)->model);
    snprintf(told_request, sizeof told_request, "%s", aire_model_call_get(call)->request);
    told_status = aire_model_call_get(call)->status;
    return AIRE_OK;
}

static aire_status ask(aire_model *model, aire_answer **out)
{
    const aire_message messages[] = {{"user", "hello"}};
    aire_request r = {
        .struct_size = sizeof r, .messages = messages, .message_count = 1, .temperature = NAN};
    return aire_model_complete(model, &r, NULL, out);
}

/* Ask, and say who answered. */
static int who(aire_model *model)
{
    aire_answer *answer;
    int found = -1;
    assert_int_equal(ask(model, &answer), AIRE_OK);
    const aire_answer_options *a = aire_answer_get(answer);
    assert_string_equal(a->text, a->model);
    assert_int_equal(a->thinking_tokens, 17);
    assert_string_equal(told_model, a->model);
    for (int i = 0; i < MEMBERS; i++)
        if (!strcmp(a->model, members[i].name))
            found = i;
    aire_answer_unref(answer);
    return found;
}

static aire_ensemble_options options_of(int32_t rule)
{
    aire_ensemble_options o = AIRE_ENSEMBLE_OPTIONS_INIT;
    o.rule = rule;
    o.models = models;
    o.model_count = MEMBERS;
    return o;
}

static aire_model *make(const aire_ensemble_options *options)
{
    aire_model *model;
    assert_int_equal(aire_ensemble_new(ctx, options, &model), AIRE_OK);
    return model;
}

static void test_ensemble__weights_decide(void **state)
{
    const double weights[MEMBERS] = {1, 0, 3};
    aire_ensemble_options o = options_of(AIRE_ENSEMBLE_WEIGHTED);
    int counts[MEMBERS] = {0};
    o.weights = weights;
    o.name = "mine";
    aire_model *model = make(&o);
    assert_string_equal(aire_model_name(model), "mine");
    for (int i = 0; i < 2000; i++)
        counts[who(model)]++;
    assert_int_equal(counts[1], 0);
    assert_true(abs(counts[0] - 500) < 80);
    aire_model_unref(model);
}

static void test_ensemble__choices_are_a_function_of_the_seed(void **state)
{
    aire_ensemble_options o = options_of(AIRE_ENSEMBLE_WEIGHTED);
    int differences = 0;
    aire_model *a = make(&o);
    aire_model *b = make(&o);
    o.seed = 77;
    aire_model *c = make(&o);
    for (int i = 0; i < 100; i++) {
        int first = who(a);
        assert_int_equal(first, who(b));
        differences += first != who(c);
    }
    assert_true(differences > 20);
    aire_model_unref(a);
    aire_model_unref(b);
    aire_model_unref(c);
}

static void test_ensemble__bandit_learns_from_feedback(void **state)
{
    aire_ensemble_options o = options_of(AIRE_ENSEMBLE_BANDIT);
    int counts[MEMBERS] = {0};
    aire_model *model = make(&o);
    for (int i = 0; i < MEMBERS; i++)
        assert_int_equal(who(model), i); /* unseen ones first */
    for (int i = 0; i < 300; i++) {
        int m = who(model);
        counts[m]++;
        assert_int_equal(aire_model_feedback(model, members[m].name, m == 1 ? 0.9 : 0.4, 0.5),
                         AIRE_OK);
    }
    assert_true(counts[1] > 180);
    aire_model_unref(model);
}

static void test_ensemble__bandit_prefers_the_cheaper_of_equals(void **state)
{
    aire_ensemble_options o = options_of(AIRE_ENSEMBLE_BANDIT);
    int counts[MEMBERS] = {0};
    members[0].cost = members[1].cost = 0.03;
    members[2].cost = 0.01;
    aire_model *model = make(&o);
    for (int i = 0; i < 200; i++) {
        int m = who(model);
        counts[m]++;
        aire_model_feedback(model, members[m].name, 1, 0.5);
    }
    assert_true(counts[2] > counts[0] && counts[2] > counts[1]);
    aire_model_unref(model);
}

static void test_ensemble__failures_are_told_and_learned(void **state)
{
    aire_ensemble_options o = options_of(AIRE_ENSEMBLE_BANDIT);
    aire_answer *answer;
    aire_model *model = make(&o);
    members[0].fails = AIRE_NET;
    assert_int_equal(ask(model, &answer), AIRE_NET);
    assert_null(answer);
    assert_string_equal(message(), "out of order");
    assert_string_equal(told_model, "host:a");
    assert_int_equal(told_status, AIRE_NET);
    assert_int_equal(who(model), 1); /* it counted as a pull */
    aire_model_unref(model);
    /* What is not the member's doing does not count. */
    members[0].fails = AIRE_LIMIT;
    model = make(&o);
    for (int i = 0; i < 3; i++)
        assert_int_equal(ask(model, &answer), AIRE_LIMIT);
    assert_int_equal(atomic_load(&members[0].calls), 4);
    aire_model_unref(model);
}

static void test_ensemble__feedback_finds_members_inside(void **state)
{
    aire_ensemble_options inner_options = options_of(AIRE_ENSEMBLE_BANDIT);
    inner_options.model_count = 2;
    aire_model *inner = make(&inner_options), *recorder;
    const char *path = "/tmp/aire-ensemble-test.jsonl";
    unlink(path);
    assert_int_equal(aire_model_new_recorder(ctx, inner, path, &recorder), AIRE_OK);
    aire_model *outside[] = {recorder, models[2]};
    aire_ensemble_options o = AIRE_ENSEMBLE_OPTIONS_INIT;
    o.rule = AIRE_ENSEMBLE_BANDIT;
    o.models = outside;
    o.model_count = 2;
    o.name = "outer";
    aire_model *outer = make(&o);
    assert_int_equal(who(outer), 0);
    assert_int_equal(who(outer), 2);
    assert_int_equal(aire_model_feedback(outer, "host:b", 1, 0), AIRE_OK);
    assert_int_equal(aire_model_feedback(outer, "host:c", NAN, NAN), AIRE_OK);
    assert_int_equal(aire_model_feedback(outer, "ensemble", 1, 0), AIRE_OK);
    assert_int_equal(aire_model_feedback(outer, "host:d", 1, 0), AIRE_NOT_FOUND);
    assert_non_null(strstr(message(), "outer has no member \"host:d\""));
    assert_int_equal(aire_model_feedback(outer, NULL, 1, 0), AIRE_INVALID);
    assert_int_equal(aire_model_feedback(NULL, "host:a", 1, 0), AIRE_INVALID);
    assert_int_equal(aire_model_feedback(models[0], "whoever", 1, 0), AIRE_OK);
    aire_model_unref(outer);
    aire_model_unref(recorder);
    aire_model_unref(inner);
    unlink(path);
}

static void keep_end(aire_status status, aire_answer *answer, void *user_data)
{
    assert_true((status == AIRE_OK) == (answer != NULL));
    atomic_store((atomic_int *)user_data, status == AIRE_OK ? 1 : status);
}

/* The request is gone when the members, which have no start of their own, have answered: the record
 * of the call has it all the same. */
static void test_ensemble__starts_and_records_calls(void **state)
{
    const aire_message messages[] = {{"user", "hello"}};
    aire_request r = {
        .struct_size = sizeof r, .messages = messages, .message_count = 1, .temperature = NAN};
    aire_ensemble_options o = options_of(AIRE_ENSEMBLE_WEIGHTED);
    aire_model *model = make(&o);
    for (int i = 0; i < 2; i++) {
        atomic_int ended = 0;
        for (int j = 0; j < MEMBERS; j++)
            members[j].fails = i ? AIRE_CALLBACK : AIRE_OK;
        assert_int_equal(aire_model_start(model, &r, NULL, keep_end, &ended), AIRE_OK);
        while (!atomic_load(&ended))
            usleep(1000);
        assert_int_equal(atomic_load(&ended), i ? AIRE_CALLBACK : 1);
        assert_int_equal(told_status, i ? AIRE_CALLBACK : AIRE_OK);
        assert_non_null(strstr(told_request, "hello"));
    }
    aire_model_unref(model);
}

static void *ask_many(void *arg)
{
    int failures = 0;
    for (int i = 0; i < 300; i++) {
        aire_answer *answer;
        if (ask(arg, &answer) != AIRE_OK) {
            failures++;
            continue;
        }
        failures += aire_model_feedback(arg, aire_answer_get(answer)->model, 1, 0) != AIRE_OK;
        aire_answer_unref(answer);
    }
    return failures ? arg : NULL;
}

static void test_ensemble__serves_many_threads(void **state)
{
    aire_ensemble_options o = options_of(AIRE_ENSEMBLE_BANDIT);
    aire_model *model = make(&o);
    pthread_t threads[8];
    int calls = 0;
    aire_ctx_set_call_sink(ctx, NULL, NULL);
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_many, model), 0);
    for (int i = 0; i < 8; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    for (int i = 0; i < MEMBERS; i++)
        calls += atomic_load(&members[i].calls);
    assert_int_equal(calls, 2400);
    aire_model_unref(model);
}

/* Members that nobody waits for: what is asked of them waits in a list until the test lets it end.
 */

enum { PENDING = 64 };

static struct {
    aire_client_done done;
    void *user_data;
} pending[PENDING];
static int pending_count, ended_count;
static aire_status refuses;

static aire_status later_complete(void *self, const aire_request *r, aire_cancel *cancel,
                                  aire_call_trace *trace, aire_answer **out)
{
    return aire_error_set(AIRE_INTERNAL, 0, "not asked like this");
}

static aire_status later_start(void *self, const aire_request *r, aire_cancel *cancel,
                               aire_client_done done, void *user_data)
{
    if (refuses != AIRE_OK)
        return aire_error_set(refuses, 0, "not today");
    pending[pending_count].done = done;
    pending[pending_count++].user_data = user_data;
    return AIRE_OK;
}

static void later_destroy(void *self) {}

static void end_one(int number, aire_status status)
{
    aire_answer_options fields = AIRE_ANSWER_OPTIONS_INIT;
    aire_call_trace trace = {.attempts = 2};
    aire_answer *answer = NULL;
    fields.text = "late";
    if (status == AIRE_OK)
        assert_int_equal(aire_answer_new(ctx, &fields, &answer), AIRE_OK);
    else
        aire_error_set(status, 9, "cut off");
    pending[number].done(status, answer, &trace, pending[number].user_data);
    aire_answer_unref(answer);
}

static void was_answered(aire_status status, aire_answer *answer, const aire_call_trace *trace,
                         void *user_data)
{
    const char *const *expected = user_data;
    ended_count++;
    assert_string_equal(trace->model, *expected);
    assert_int_equal(trace->attempts, 2);
    assert_true((status == AIRE_OK) == (answer != NULL));
    if (answer)
        assert_string_equal(aire_answer_get(answer)->model, *expected);
    else
        assert_string_equal(message(), "cut off");
}

static aire_status begin(aire_model *model, const char **expected)
{
    const aire_message messages[] = {{"user", "hello"}};
    aire_request r = {.struct_size = sizeof r, .messages = messages, .message_count = 1};
    return aire__model_begin(model, &r, NULL, was_answered, expected);
}

static void test_ensemble__serves_calls_that_nobody_waits_for(void **state)
{
    static const aire_client client = {
        .complete = later_complete, .destroy = later_destroy, .start = later_start};
    static const char *names[] = {"late:a", "late:b", "late:c"};
    const char *path = "/tmp/aire-ensemble-late.jsonl";
    aire_model *late[MEMBERS], *first;
    unlink(path);
    pending_count = ended_count = 0;
    for (int i = 0; i < MEMBERS; i++)
        assert_int_equal(aire__model_new(ctx, names[i], &client, NULL, &late[i]), AIRE_OK);
    assert_int_equal(aire_model_new_recorder(ctx, late[0], path, &first), AIRE_OK);
    aire_model *outside[MEMBERS] = {first, late[1], late[2]};
    aire_ensemble_options o = options_of(AIRE_ENSEMBLE_BANDIT);
    o.models = outside;
    aire_model *model = make(&o);
    refuses = AIRE_NOMEM;
    assert_int_equal(begin(model, &names[0]), AIRE_NOMEM);
    refuses = AIRE_OK;
    for (int i = 0; i < MEMBERS; i++) /* what there was no memory for was no pull */
        assert_int_equal(begin(model, &names[i]), AIRE_OK);
    assert_int_equal(pending_count, MEMBERS);
    end_one(2, AIRE_NET);
    end_one(0, AIRE_OK);
    end_one(1, AIRE_OK);
    assert_int_equal(ended_count, MEMBERS);
    aire_model_unref(model);

    model = make(&o);
    pending_count = 0;
    refuses = AIRE_AUTH; /* a failure of the first, so that the next one comes before it */
    assert_int_equal(begin(model, &names[0]), AIRE_AUTH);
    refuses = AIRE_OK;
    assert_int_equal(begin(model, &names[1]), AIRE_OK);
    end_one(0, AIRE_OK);
    aire_model_unref(model);
    aire_model_unref(first);
    for (int i = 0; i < MEMBERS; i++)
        aire_model_unref(late[i]);
    char spec[96];
    aire_answer *answer;
    snprintf(spec, sizeof spec, "replay:%s?lenient", path);
    assert_int_equal(aire_model_new(ctx, spec, NULL, &model), AIRE_OK);
    assert_int_equal(ask(model, &answer), AIRE_OK);
    assert_string_equal(aire_answer_get(answer)->text, "late");
    aire_answer_unref(answer);
    aire_model_unref(model);
    unlink(path);
}

static void test_ensemble__arguments(void **state)
{
    const double bad[][MEMBERS] = {{1, -1, 1}, {0, 0, 0}, {1, NAN, 1}, {INFINITY, 1, 1}};
    aire_ensemble_options good = options_of(AIRE_ENSEMBLE_WEIGHTED), o;
    aire_model *model = models[0], *twins[2] = {models[0], models[0]}, *hole[2] = {models[0], NULL};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        o = good;
        o.weights = bad[i];
        assert_int_equal(aire_ensemble_new(ctx, &o, &model), AIRE_INVALID);
        assert_null(model);
    }
    o.rule = AIRE_ENSEMBLE_BANDIT;
    assert_int_equal(aire_ensemble_new(ctx, &o, &model), AIRE_INVALID);
    o = good;
    o.rule = 2;
    assert_int_equal(aire_ensemble_new(ctx, &o, &model), AIRE_INVALID);
    o = good;
    o.model_count = 0;
    assert_int_equal(aire_ensemble_new(ctx, &o, &model), AIRE_INVALID);
    o.models = NULL;
    assert_int_equal(aire_ensemble_new(ctx, &o, &model), AIRE_INVALID);
    o = good;
    o.model_count = 2;
    o.models = hole;
    assert_int_equal(aire_ensemble_new(ctx, &o, &model), AIRE_INVALID);
    o.models = twins;
    assert_int_equal(aire_ensemble_new(ctx, &o, &model), AIRE_INVALID);
    assert_non_null(strstr(message(), "two models are called \"host:a\""));
    o = good;
    o.cost_weight = 1.5;
    assert_int_equal(aire_ensemble_new(ctx, &o, &model), AIRE_INVALID);
    o.cost_weight = NAN;
    assert_int_equal(aire_ensemble_new(ctx, &o, &model), AIRE_INVALID);
    o = good;
    o.exploration = -1;
    assert_int_equal(aire_ensemble_new(ctx, &o, &model), AIRE_INVALID);
    assert_int_equal(aire_ensemble_new(ctx, NULL, &model), AIRE_INVALID);
    assert_int_equal(aire_ensemble_new(NULL, &good, &model), AIRE_INVALID);
    assert_int_equal(aire_ensemble_new(ctx, &good, NULL), AIRE_INVALID);
    good.struct_size = 3;
    assert_int_equal(aire_ensemble_new(ctx, &good, &model), AIRE_ABI);
}

static aire_status make_and_ask(void)
{
    aire_ensemble_options o = options_of(AIRE_ENSEMBLE_BANDIT);
    aire_model *model;
    aire_answer *answer;
    aire_status status = aire_ensemble_new(ctx, &o, &model);
    if (status != AIRE_OK)
        return status;
    status = ask(model, &answer);
    if (status == AIRE_OK)
        status = aire_model_feedback(model, members[0].name, 1, 0);
    aire_answer_unref(answer);
    aire_model_unref(model);
    return status;
}

static void test_ensemble__survives_any_failed_allocation(void **state)
{
    OOM_LOOP(&memory, make_and_ask(), );
}

static int fresh(void **state)
{
    static const char *const names[MEMBERS] = {"host:a", "host:b", "host:c"};
    aire_model_ops ops = {.struct_size = sizeof ops, .complete = member_complete};
    for (int i = 0; i < MEMBERS; i++) {
        members[i].name = names[i];
        members[i].cost = -1;
        members[i].fails = AIRE_OK;
        atomic_init(&members[i].calls, 0);
        if (aire_model_new_from_ops(ctx, names[i], &ops, &members[i], &models[i]) != AIRE_OK)
            return -1;
    }
    aire_ctx_set_call_sink(ctx, keep_call, NULL);
    return 0;
}

static int clear(void **state)
{
    aire_ctx_set_call_sink(ctx, NULL, NULL);
    for (int i = 0; i < MEMBERS; i++)
        aire_model_unref(models[i]);
    return 0;
}

static int set_up(void **state)
{
    ctx = failing_ctx(&memory, 5);
    return 0;
}

static int tear_down(void **state)
{
    aire_ctx_unref(ctx);
    return atomic_load(&memory.live) == 0 ? 0 : -1;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ensemble__weights_decide),
        TEST(test_ensemble__choices_are_a_function_of_the_seed),
        TEST(test_ensemble__bandit_learns_from_feedback),
        TEST(test_ensemble__bandit_prefers_the_cheaper_of_equals),
        TEST(test_ensemble__failures_are_told_and_learned),
        TEST(test_ensemble__feedback_finds_members_inside),
        TEST(test_ensemble__starts_and_records_calls),
        TEST(test_ensemble__serves_many_threads),
        TEST(test_ensemble__serves_calls_that_nobody_waits_for),
        TEST(test_ensemble__arguments),
        TEST(test_ensemble__survives_any_failed_allocation),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
