/* The net and model rooms: requests to a fake endpoint on loopback, replays, models of the host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aire/error.h"
#include "aire/model.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/thread.h"
#include "model/provider.h"
#include "net/net.h"
#include "net/redact.h"
#include "net/retry.h"
#include "support/failing.h"

#define KEY "sk-test-0123456789/abcdefghijk"

static failing memory;
static aire_ctx *ctx;
static char root[64];
static pid_t server;
static FILE *server_output;
static int port;

/* What the logger and the call sink were last told. */
static char logged[8192];
static struct {
    int count;
    aire_status status;
    int32_t attempts;
    int64_t plan_id, idea_id, input_tokens, output_tokens;
    char purpose[32], model[256], request[4096], answer[4096], detail[AIRE_ERROR_MESSAGE_MAX];
} told;

static void keep_log(int32_t level, const char *component, const char *message, void *user_data)
{
    size_t length = strlen(logged);
    snprintf(logged + length, sizeof logged - length, "%s: %s\n", component, message);
}

static aire_status keep_call(const aire_model_call *call, void *user_data)
{
    const aire_model_call_options *c = aire_model_call_get(call);
    told.count++;
    told.status = c->status;
    told.attempts = c->attempts;
    told.plan_id = c->plan_id;
    told.idea_id = c->idea_id;
    told.input_tokens = c->input_tokens;
    told.output_tokens = c->output_tokens;
    snprintf(told.purpose, sizeof told.purpose, "%s", c->purpose);
    snprintf(told.model, sizeof told.model, "%s", c->model);
    snprintf(told.request, sizeof told.request, "%s", c->request);
    snprintf(told.answer, sizeof told.answer, "%s", c->answer);
    snprintf(told.detail, sizeof told.detail, "%s", c->detail);
    return AIRE_OK;
}

static void start_server(void)
{
    char script[4096];
    const char *tests = getenv("AIRE_TESTS");
    int fds[2];
    snprintf(script, sizeof script, "%s/fake_chat.py", tests ? tests : "tests");
    assert_int_equal(pipe(fds), 0);
    server = fork();
    assert_true(server >= 0);
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
    assert_int_equal(fscanf(server_output, "%d", &port), 1);
}

/* Wait until a request of this mode has reached the server. */
static void wait_for_request(const char *mode)
{
    char line[64], wanted[64];
    snprintf(wanted, sizeof wanted, "got %s\n", mode);
    do
        assert_non_null(fgets(line, sizeof line, server_output));
    while (strcmp(line, wanted) != 0);
}

static int setup(void **state)
{
    aire_allocator allocator = {sizeof allocator, 0,      failing_alloc, failing_resize,
                                failing_release,  &memory};
    aire_ctx_options options = AIRE_CTX_OPTIONS_INIT;
    options.allocator = &allocator;
    options.log = keep_log;
    options.log_level = AIRE_LOG_DEBUG;
    atomic_init(&memory.countdown, -1);
    if (aire_ctx_new(&options, &ctx) != AIRE_OK)
        return -1;
    aire_ctx_set_call_sink(ctx, keep_call, NULL);
    snprintf(root, sizeof root, "/tmp/aire-model-XXXXXX");
    if (!mkdtemp(root))
        return -1;
    start_server();
    return 0;
}

static int teardown(void **state)
{
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    fclose(server_output);
    assert_int_equal(aire__fs_remove_tree(ctx, root), AIRE_OK);
    assert_int_equal(atomic_load(&memory.live), 1); /* the context itself */
    aire_ctx_unref(ctx);
    return atomic_load(&memory.live) == 0 ? 0 : -1;
}

static int forget(void **state)
{
    memset(&told, 0, sizeof told);
    logged[0] = '\0';
    return 0;
}

static const char *message(void)
{
    return aire_error_message(aire_last_error());
}

static aire_model *chat(const char *mode, int32_t attempts, int32_t timeout_ms)
{
    char spec[256];
    aire_model_options options = AIRE_MODEL_OPTIONS_INIT;
    aire_model *model;
    snprintf(spec, sizeof spec, "chat:org/m-1@http://127.0.0.1:%d/%s/v1", port, mode);
    options.api_key = KEY;
    options.max_attempts = attempts;
    options.timeout_ms = timeout_ms;
    assert_int_equal(aire_model_new(ctx, spec, &options, &model), AIRE_OK);
    return model;
}

static aire_status ask_model(aire_model *model, aire_cancel *cancel, aire_answer **out)
{
    aire_message messages[] = {{"system", "be brief"}, {"user", "h\xc3\xa9llo \"you\""}};
    aire_request request = {.struct_size = sizeof request,
                            .max_tokens = 50,
                            .messages = messages,
                            .message_count = 2,
                            .temperature = 0.5,
                            .seed = 3,
                            .purpose = "ideas",
                            .plan_id = 4,
                            .idea_id = 5};
    return aire_model_complete(model, &request, cancel, out);
}

/* Ask in a mode; the answer's text is kept in told.answer. */
static aire_status ask(const char *mode, int32_t attempts, int32_t timeout_ms)
{
    aire_model *model = chat(mode, attempts, timeout_ms);
    aire_answer *answer = NULL;
    aire_status status = ask_model(model, NULL, &answer);
    assert_true((status == AIRE_OK) == (answer != NULL));
    aire_answer_unref(answer);
    aire_model_unref(model);
    return status;
}

static void test_chat__answers(void **state)
{
    aire_model *model = chat("ok", 1, 0);
    aire_answer *answer;
    assert_int_equal(ask_model(model, NULL, &answer), AIRE_OK);
    const aire_answer_options *said = aire_answer_get(answer);
    assert_string_equal(said->text, "hello");
    assert_string_equal(said->thinking, "let me see");
    assert_string_equal(said->finish, "stop");
    assert_int_equal(said->input_tokens, 11);
    assert_int_equal(said->output_tokens, 7);
    aire_answer_unref(answer);

    assert_int_equal(told.count, 1);
    assert_int_equal(told.status, AIRE_OK);
    assert_int_equal(told.attempts, 1);
    assert_int_equal(told.plan_id, 4);
    assert_int_equal(told.idea_id, 5);
    assert_int_equal(told.output_tokens, 7);
    assert_string_equal(told.purpose, "ideas");
    assert_string_equal(told.model, aire_model_name(model));
    assert_string_equal(told.answer, "hello");
    assert_string_equal(told.detail, "");
    aire_model_unref(model);
}

static void test_chat__sends_the_request_and_the_key(void **state)
{
    aire_model *model = chat("echo", 1, 0);
    aire_answer *answer;
    assert_int_equal(ask_model(model, NULL, &answer), AIRE_OK);
    const aire_answer_options *said = aire_answer_get(answer);
    assert_string_equal(said->text,
                        "{\"model\":\"org/m-1\",\"messages\":["
                        "{\"role\":\"system\",\"content\":\"be brief\"},"
                        "{\"role\":\"user\",\"content\":\"h\xc3\xa9llo \\\"you\\\"\"}],"
                        "\"max_tokens\":50,\"temperature\":0.5,\"seed\":3,\"stream\":true,"
                        "\"stream_options\":{\"include_usage\":true}}");
    assert_string_equal(said->thinking, "key");
    assert_string_equal(told.request, said->text);
    aire_answer_unref(answer);
    aire_model_unref(model);
}

static void test_chat__leaves_defaults_to_the_provider(void **state)
{
    aire_model *model = chat("echo", 1, 0);
    aire_message messages[] = {{"user", "\xff"}};
    aire_request request = {.struct_size = sizeof request,
                            .messages = messages,
                            .message_count = 1,
                            .temperature = NAN};
    aire_answer *answer;
    assert_int_equal(aire_model_complete(model, &request, NULL, &answer), AIRE_OK);
    assert_string_equal(
        aire_answer_get(answer)->text,
        "{\"model\":\"org/m-1\",\"messages\":[{\"role\":\"user\",\"content\":\"\xef\xbf\xbd\"}],"
        "\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
    aire_answer_unref(answer);
    aire_model_unref(model);
}

static void test_chat__finds_thinking_and_parts_in_the_content(void **state)
{
    assert_int_equal(ask("parts", 1, 0), AIRE_OK);
    assert_string_equal(told.answer, "hello");
    aire_model *model = chat("think", 1, 0);
    aire_answer *answer;
    assert_int_equal(ask_model(model, NULL, &answer), AIRE_OK);
    assert_string_equal(aire_answer_get(answer)->text, "hello");
    assert_string_equal(aire_answer_get(answer)->thinking, "\nhm\n");
    aire_answer_unref(answer);
    aire_model_unref(model);
}

static void test_chat__tries_again(void **state)
{
    static const char *const modes[] = {"flaky.1", "resetonce.1", "busy.1", "busydate.1"};
    for (size_t i = 0; i < 4; i++) {
        int64_t start = aire__monotonic_ns();
        assert_int_equal(ask(modes[i], 2, 0), AIRE_OK);
        /* A kept connection that was reset before anything came is asked again by curl itself. */
        if (i != 1) {
            assert_int_equal(told.attempts, 2);
            assert_non_null(strstr(logged, "attempt 2 of 2"));
        }
        if (i == 2) /* Retry-After: 1 */
            assert_true(aire__monotonic_ns() - start >= 1000000000);
        if (i == 3) /* a date that is at least one second away */
            assert_true(aire__monotonic_ns() - start >= 900000000);
        logged[0] = '\0';
    }
}

static void test_chat__gives_up(void **state)
{
    assert_int_equal(ask("down", 2, 0), AIRE_NET);
    assert_int_equal(told.attempts, 2);
    assert_int_equal(told.status, AIRE_NET);
    assert_int_equal(aire_error_code(aire_last_error()), 500);
    assert_non_null(strstr(message(), "gave up after 2 attempts"));
    assert_non_null(strstr(message(), "HTTP status 500"));
    assert_non_null(strstr(message(), "<html>  oops\xef\xbf\xbd</html>"));
    assert_string_equal(told.detail, message());

    assert_int_equal(ask("reset", 2, 0), AIRE_NET);
    assert_non_null(strstr(message(), "gave up after 2 attempts"));
    assert_int_equal(ask("silent", 1, 0), AIRE_NET);

    /* A wait that would not end in time is not begun. */
    assert_int_equal(ask("limited", 5, 60000), AIRE_RATE_LIMITED);
    assert_int_equal(told.attempts, 1);
    assert_non_null(strstr(message(), "asks to wait 86400 s"));
    assert_non_null(strstr(message(), "come tomorrow"));
}

static void test_chat__names_what_is_wrong_with_an_answer(void **state)
{
    static const struct {
        const char *mode;
        aire_status status;
        const char *words;
    } cases[] = {
        {"badjson", AIRE_PROTOCOL, "the answer is not JSON: line 1, column"},
        {"notobject", AIRE_PROTOCOL, "not a JSON object"},
        {"nochoices", AIRE_PROTOCOL, "no \"choices\"; it says: the upstream is away"},
        {"nocontent", AIRE_PROTOCOL, "no \"choices[0].message.content\""},
        {"truncated", AIRE_NET, "POST http://127.0.0.1:"},
        {"huge", AIRE_PROTOCOL, "longer than 16777216 bytes"},
        {"unknown", AIRE_PROTOCOL, "HTTP status 404: no model of that name"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(ask(cases[i].mode, 1, 0), cases[i].status);
        if (!strstr(message(), cases[i].words))
            fail_msg("%s: %s", cases[i].mode, message());
        assert_int_equal(told.status, cases[i].status);
    }
}

static void test_chat__never_shows_the_key(void **state)
{
    static const struct {
        const char *mode;
        aire_status status;
    } cases[] = {{"leak", AIRE_AUTH},         {"leakraw", AIRE_AUTH},  {"leakpart", AIRE_AUTH},
                 {"leakjson", AIRE_PROTOCOL}, {"leakanswer", AIRE_OK}, {"down", AIRE_NET}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(ask(cases[i].mode, 1, 0), cases[i].status);
        const char *places[] = {message(), told.detail, told.answer, told.request, logged};
        for (size_t j = 0; j < 5; j++) {
            assert_null(strstr(places[j], "0123456789"));
            assert_null(strstr(places[j], "sk-test-"));
            assert_null(strstr(places[j], "ghijk"));
        }
    }
    aire_model *model = chat("leakanswer", 1, 0);
    aire_answer *answer;
    assert_int_equal(ask_model(model, NULL, &answer), AIRE_OK);
    assert_null(strstr(aire_answer_get(answer)->thinking, KEY));
    assert_non_null(strstr(aire_answer_get(answer)->text, "your key is ****"));
    aire_answer_unref(answer);
    aire_model_unref(model);
}

static void test_chat__ends_at_its_time_limit(void **state)
{
    int64_t start = aire__monotonic_ns();
    assert_int_equal(ask("never", 5, 200), AIRE_TIMEOUT);
    assert_true(aire__monotonic_ns() - start < 1000000000);
    assert_int_equal(told.attempts, 1);
    assert_int_equal(ask("slow", 1, 5000), AIRE_OK);
}

typedef struct firing {
    aire_cancel *cancel;
    const char *mode;
    int64_t fired_ns;
} firing;

static void *fire_when_asked(void *arg)
{
    firing *f = arg;
    wait_for_request(f->mode);
    f->fired_ns = aire__monotonic_ns();
    aire_cancel_fire(f->cancel);
    return NULL;
}

/* While waiting for an answer, and while waiting to try again. */
static void test_chat__is_cancelled_at_once(void **state)
{
    static const char *const modes[] = {"never.cancel", "limited.cancel"};
    for (size_t i = 0; i < 2; i++) {
        firing f = {.mode = modes[i]};
        pthread_t thread;
        aire_model *model = chat(modes[i], 5, 1000000000);
        aire_answer *answer;
        assert_int_equal(aire_cancel_new(ctx, &f.cancel), AIRE_OK);
        assert_int_equal(aire__thread_start(&thread, "firing", fire_when_asked, &f), AIRE_OK);
        assert_int_equal(ask_model(model, f.cancel, &answer), AIRE_CANCELLED);
        pthread_join(thread, NULL);
        assert_true(aire__monotonic_ns() - f.fired_ns < 500000000);
        assert_null(answer);
        assert_int_equal(told.status, AIRE_CANCELLED);
        assert_int_equal(ask_model(model, f.cancel, &answer), AIRE_CANCELLED);
        aire_cancel_unref(f.cancel);
        aire_model_unref(model);
    }
}

static void test_chat__nobody_listens(void **state)
{
    aire_model *model;
    aire_answer *answer;
    aire_model_options options = AIRE_MODEL_OPTIONS_INIT;
    options.max_attempts = 1;
    assert_int_equal(aire_model_new(ctx, "chat:m@http://127.0.0.1:1/v1/", &options, &model),
                     AIRE_OK);
    assert_int_equal(ask_model(model, NULL, &answer), AIRE_NET);
    assert_non_null(strstr(message(), "http://127.0.0.1:1/v1/chat/completions"));
    aire_model_unref(model);
}

enum { ASKERS = 8 };

static void *ask_ok(void *model)
{
    aire_answer *answer = NULL;
    aire_status status = ask_model(model, NULL, &answer);
    bool good = status == AIRE_OK && strcmp(aire_answer_get(answer)->text, "hello") == 0;
    aire_answer_unref(answer);
    return good ? model : NULL;
}

static void test_chat__serves_many_threads(void **state)
{
    pthread_t threads[ASKERS];
    aire_model *model = chat("slow", 1, 0);
    int64_t start = aire__monotonic_ns();
    for (size_t i = 0; i < ASKERS; i++)
        assert_int_equal(aire__thread_start(&threads[i], "asker", ask_ok, model), AIRE_OK);
    for (size_t i = 0; i < ASKERS; i++) {
        void *good;
        pthread_join(threads[i], &good);
        assert_non_null(good);
    }
    assert_true(aire__monotonic_ns() - start < ASKERS * 300000000LL); /* not one after the other */
    assert_int_equal(told.count, ASKERS);
    aire_model_unref(model);
}

static void test_model__refuses_bad_specifications(void **state)
{
    static const struct {
        const char *spec, *words;
    } cases[] = {
        {"gpt", "expected chat:MODEL@URL"},
        {"chat:m", "expected chat:MODEL@URL"},
        {"chat:@http://h/v1", "expected chat:MODEL@URL"},
        {"chat:m@ftp://h/v1", "expected chat:MODEL@URL"},
        {"chat:m@http:///v1", "no host"},
        {"chat:m@http://user:hunter2@h/v1", "user information"},
        {"chat:m@http://h/v1?key=1", "must end before"},
        {"chat:m@http://h/v 1", "white space"},
    };
    aire_model *model;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(aire_model_new(ctx, cases[i].spec, NULL, &model), AIRE_INVALID);
        assert_null(model);
        assert_non_null(strstr(message(), cases[i].words));
        assert_null(strstr(message(), "hunter2"));
    }
    assert_int_equal(aire_model_new(ctx, "replay:/no/such/file", NULL, &model), AIRE_NOT_FOUND);
    assert_int_equal(aire_model_new(NULL, "gpt", NULL, &model), AIRE_INVALID);
    assert_int_equal(aire_model_new(ctx, "gpt", NULL, NULL), AIRE_INVALID);

    aire_model_options options = AIRE_MODEL_OPTIONS_INIT;
    options.api_key = "two\nlines";
    assert_int_equal(aire_model_new(ctx, "chat:m@http://h/v1", &options, &model), AIRE_INVALID);
    assert_null(strstr(message(), "lines"));
    options.api_key = NULL;
    options.timeout_ms = -1;
    assert_int_equal(aire_model_new(ctx, "chat:m@http://h/v1", &options, &model), AIRE_INVALID);
    aire_model_unref(NULL);
}

static void test_model__refuses_bad_requests(void **state)
{
    aire_model *model = chat("ok", 1, 0);
    aire_answer *answer;
    aire_message good = {"user", "hello"}, bad_role = {"wizard", "hello"}, no_text = {"user", NULL};
    aire_request base = {.struct_size = sizeof base, .messages = &good, .message_count = 1};
    aire_request cases[6] = {base, base, base, base, base, base};
    cases[0].message_count = 0;
    cases[1].messages = &bad_role;
    cases[2].messages = &no_text;
    cases[3].temperature = -1;
    cases[4].max_tokens = -1;
    cases[5].temperature = INFINITY;
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(aire_model_complete(model, &cases[i], NULL, &answer), AIRE_INVALID);
        assert_null(answer);
    }
    assert_int_equal(aire_model_complete(model, NULL, NULL, &answer), AIRE_INVALID);
    assert_int_equal(aire_model_complete(NULL, &base, NULL, &answer), AIRE_INVALID);
    base.struct_size = 3;
    assert_int_equal(aire_model_complete(model, &base, NULL, &answer), AIRE_ABI);
    assert_int_equal(told.count, 0);
    aire_model_unref(model);
}

static const char *write_lines(const char *text)
{
    static char spec[128];
    snprintf(spec, sizeof spec, "replay:%s/answers.jsonl", root);
    assert_int_equal(aire__fs_write(ctx, spec + strlen("replay:"), text, strlen(text), 0600),
                     AIRE_OK);
    return spec;
}

static void test_replay__gives_answers_in_order(void **state)
{
    aire_model *model;
    aire_answer *answer;
    const char *spec = write_lines("{\"answer\": \"one\", \"thinking\": \"t\", \"note\": 1}\n\n"
                                   "  {\"answer\": \"two\", \"output_tokens\": 9}");
    assert_int_equal(aire_model_new(ctx, spec, NULL, &model), AIRE_OK);
    assert_int_equal(ask_model(model, NULL, &answer), AIRE_OK);
    assert_string_equal(aire_answer_get(answer)->text, "one");
    assert_string_equal(aire_answer_get(answer)->thinking, "t");
    aire_answer_unref(answer);
    assert_int_equal(ask_model(model, NULL, &answer), AIRE_OK);
    assert_string_equal(aire_answer_get(answer)->text, "two");
    assert_int_equal(told.output_tokens, 9);
    assert_non_null(strstr(told.request, "\"messages\""));
    aire_answer_unref(answer);
    assert_int_equal(ask_model(model, NULL, &answer), AIRE_DONE);
    assert_null(answer);
    aire_model_unref(model);
}

static void test_replay__names_the_line_of_a_mistake(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"{\"answer\": \"x\"}\n\n{\"answer\": ", "answers.jsonl, line 3: answer: line 1"},
        {"{\"thinking\": \"x\"}", "line 1: \"answer\" is missing"},
        {"{\"answer\": 1}", "expected a string"},
        {"[]", "expected an object"},
        {"{\"answer\": \"\", \"input_tokens\": -1}", "negative"},
    };
    aire_model *model;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(aire_model_new(ctx, write_lines(cases[i].text), NULL, &model),
                         AIRE_FORMAT);
        if (!strstr(message(), cases[i].words))
            fail_msg("case %zu: %s", i, message());
    }
}

static aire_status host_complete(const aire_request *request, aire_cancel *cancel,
                                 aire_answer **out, void *user_data)
{
    aire_answer_options fields = AIRE_ANSWER_OPTIONS_INIT;
    int *what = user_data;
    fields.text = request->messages[request->message_count - 1].text;
    switch (*what) {
    case 0:
        return aire_answer_new(ctx, &fields, out);
    case 1:
        return AIRE_OK;
    case 2:
        return aire_error_set(AIRE_NET, 7, "cable cut");
    default:
        return AIRE_RATE_LIMITED;
    }
}

static void host_destroy(void *user_data)
{
    *(int *)user_data = -1;
}

static void test_host__model_is_asked_and_checked(void **state)
{
    aire_model_ops ops = {sizeof ops, 0, host_complete, host_destroy};
    aire_model *model;
    aire_answer *answer;
    int what = 0;
    assert_int_equal(aire_model_new_from_ops(ctx, "mine", &ops, &what, &model), AIRE_OK);
    assert_string_equal(aire_model_name(model), "mine");
    assert_int_equal(ask_model(model, NULL, &answer), AIRE_OK);
    assert_string_equal(aire_answer_get(answer)->text, "h\xc3\xa9llo \"you\"");
    aire_answer_unref(answer);
    what = 1;
    assert_int_equal(ask_model(model, NULL, &answer), AIRE_CALLBACK);
    what = 2;
    assert_int_equal(ask_model(model, NULL, &answer), AIRE_NET);
    assert_string_equal(message(), "cable cut");
    assert_int_equal(aire_error_code(aire_last_error()), 7);
    assert_string_equal(told.detail, "cable cut");
    what = 3;
    assert_int_equal(ask_model(model, NULL, &answer), AIRE_RATE_LIMITED);
    assert_non_null(strstr(message(), "rate limited"));
    assert_int_equal(told.count, 4);
    aire_model_unref(model);
    assert_int_equal(what, -1);

    ops.complete = NULL;
    assert_int_equal(aire_model_new_from_ops(ctx, "mine", &ops, &what, &model), AIRE_INVALID);
    assert_int_equal(what, -1);
}

static void test_model__constructors_survive_want_of_memory(void **state)
{
    aire_model *model;
    aire_answer *answer;
    aire_answer_options fields = AIRE_ANSWER_OPTIONS_INIT;
    aire_model_options options = AIRE_MODEL_OPTIONS_INIT;
    aire_model_ops ops = {sizeof ops, 0, host_complete, host_destroy};
    int what = 0;
    fields.text = "text";
    options.api_key = KEY;
    OOM_LOOP(&memory, aire_answer_new(ctx, &fields, &answer), aire_answer_unref(answer));
    OOM_LOOP(&memory, aire_model_new(ctx, "chat:m@http://127.0.0.1:1/v1", &options, &model),
             aire_model_unref(model));
    const char *spec = write_lines("{\"answer\": \"one\"}\n{\"answer\": \"two\"}\n");
    OOM_LOOP(&memory, aire_model_new(ctx, spec, NULL, &model), aire_model_unref(model));
    OOM_LOOP(&memory, aire_model_new_from_ops(ctx, "mine", &ops, &what, &model),
             aire_model_unref(model));
}

static void test_model__a_call_survives_want_of_memory(void **state)
{
    aire_model *model = chat("ok", 1, 0);
    aire_answer *answer;
    OOM_LOOP(&memory, ask_model(model, NULL, &answer), aire_answer_unref(answer));
    aire_model_unref(model);
    static const char leaky[] = "{\"error\": {\"message\": \"a message\"}}";
    char *said;
    OOM_LOOP(&memory, aire__provider_error_text(ctx, leaky, sizeof leaky - 1, KEY, &said),
             aire_free(ctx, said));
}

static void test_answer__refuses_bad_fields(void **state)
{
    aire_answer *answer;
    aire_answer_options fields = AIRE_ANSWER_OPTIONS_INIT;
    assert_int_equal(aire_answer_new(ctx, &fields, &answer), AIRE_INVALID);
    fields.text = "\xff";
    fields.output_tokens = -1;
    assert_int_equal(aire_answer_new(ctx, &fields, &answer), AIRE_INVALID);
    fields.output_tokens = 0;
    assert_int_equal(aire_answer_new(ctx, &fields, &answer), AIRE_OK);
    assert_string_equal(aire_answer_get(answer)->text, "\xef\xbf\xbd");
    assert_string_equal(aire_answer_get(answer)->finish, "");
    assert_ptr_equal(aire_answer_ref(answer), answer);
    aire_answer_unref(answer);
    aire_answer_unref(answer);
    aire_answer_unref(NULL);
}

static void test_retry__waits_grow_and_obey(void **state)
{
    aire_retry retry = {10, 500, 4000};
    assert_int_equal(aire__retry_wait_ms(&retry, 1, 0, 0.0), 0);
    assert_int_equal(aire__retry_wait_ms(&retry, 1, 0, 0.5), 250);
    assert_int_equal(aire__retry_wait_ms(&retry, 3, 0, 0.5), 1000);
    assert_int_equal(aire__retry_wait_ms(&retry, 60, 0, 0.5), 2000);
    assert_int_equal(aire__retry_wait_ms(&retry, 1, 7000, 0.0), 7000);
    assert_in_range(aire__retry_wait_ms(&retry, 1, 7000, 0.99), 7001, 7200);
    assert_true(aire__retry_http_status(408) && aire__retry_http_status(409) &&
                aire__retry_http_status(429) && aire__retry_http_status(500) &&
                aire__retry_http_status(529));
    assert_false(aire__retry_http_status(400) || aire__retry_http_status(404) ||
                 aire__retry_http_status(200));
}

static void test_redact__stars_out_the_secret_and_its_parts(void **state)
{
    static const struct {
        const char *text, *secret, *after;
    } cases[] = {
        {"key " KEY ".", KEY, "key ******************************."},
        {"key sk-test-0123****hijk", KEY, "key ********************"},
        {"key ...fghijk, not fghij", KEY, "key ...fghijk, not fghij"},
        {"key *jk, abcd*", KEY, "key *jk, *****"},
        {"abcdefgh", KEY, "********"},
        {"abcdefg", KEY, "abcdefg"},
        {"is none, nine", "none", "is ****, nine"},
        {"an ab", "ab", "an ab"},
        {"nothing", NULL, "nothing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128];
        snprintf(text, sizeof text, "%s", cases[i].text);
        aire__redact_parts(text, cases[i].secret);
        assert_string_equal(text, cases[i].after);
    }
    char text[] = KEY " and " KEY " and sk-test-0123", word[] = "none";
    aire__redact(text, strlen(text), KEY);
    assert_null(strstr(text, KEY));
    assert_non_null(strstr(text, "sk-test-0123"));
    aire__redact(word, strlen(word), "none");
    assert_string_equal(word, "none");
}

static void test_redact__finds_long_parts_at_every_place(void **state)
{
    size_t whole = strlen(KEY);
    for (size_t length = 15; length <= whole; length++)
        for (size_t start = 0; start + length <= whole; start++)
            for (size_t before = 0; before < 9; before++) {
                char text[128], expected[128];
                snprintf(text, sizeof text, "%.*s%.*s, sk-", (int)before, "========", (int)length,
                         KEY + start);
                snprintf(expected, sizeof expected, "%s", text);
                if (length >= 16)
                    memset(expected + before, '*', length);
                aire__redact(text, strlen(text), KEY);
                assert_string_equal(text, expected);
            }
    assert_int_equal(aire__redact_begun("a sk-", 5, KEY), 3);
    assert_int_equal(aire__redact_begun(KEY, whole, KEY), 0);
    assert_int_equal(aire__redact_begun("the test-0123", 13, KEY), 9);
    assert_int_equal(aire__redact_begun("est-012", 7, KEY), 0);
    assert_int_equal(aire__redact_begun(KEY + 3, whole - 3, KEY), 0);
    assert_int_equal(aire__redact_begun("sk-test", 7, "sk-test-0"), 0);
    assert_int_equal(aire__redact_begun("", 0, KEY), 0);
    assert_int_equal(aire__redact_begun("s", 1, NULL), 0);
}

static void test_net__knows_loopback(void **state)
{
    assert_true(aire__net_is_loopback("http://127.0.0.1:80/v1"));
    assert_true(aire__net_is_loopback("http://localhost/v1"));
    assert_true(aire__net_is_loopback("https://[::1]:8/v1"));
    assert_false(aire__net_is_loopback("http://localhost.example.org/v1"));
    assert_false(aire__net_is_loopback("http://10.0.0.1/127.0.0.1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_chat__answers, forget),
        cmocka_unit_test_setup(test_chat__sends_the_request_and_the_key, forget),
        cmocka_unit_test_setup(test_chat__leaves_defaults_to_the_provider, forget),
        cmocka_unit_test_setup(test_chat__finds_thinking_and_parts_in_the_content, forget),
        cmocka_unit_test_setup(test_chat__tries_again, forget),
        cmocka_unit_test_setup(test_chat__gives_up, forget),
        cmocka_unit_test_setup(test_chat__names_what_is_wrong_with_an_answer, forget),
        cmocka_unit_test_setup(test_chat__never_shows_the_key, forget),
        cmocka_unit_test_setup(test_chat__ends_at_its_time_limit, forget),
        cmocka_unit_test_setup(test_chat__is_cancelled_at_once, forget),
        cmocka_unit_test_setup(test_chat__nobody_listens, forget),
        cmocka_unit_test_setup(test_chat__serves_many_threads, forget),
        cmocka_unit_test_setup(test_model__refuses_bad_specifications, forget),
        cmocka_unit_test_setup(test_model__refuses_bad_requests, forget),
        cmocka_unit_test_setup(test_replay__gives_answers_in_order, forget),
        cmocka_unit_test_setup(test_replay__names_the_line_of_a_mistake, forget),
        cmocka_unit_test_setup(test_host__model_is_asked_and_checked, forget),
        cmocka_unit_test_setup(test_model__constructors_survive_want_of_memory, forget),
        cmocka_unit_test_setup(test_model__a_call_survives_want_of_memory, forget),
        cmocka_unit_test(test_answer__refuses_bad_fields),
        cmocka_unit_test(test_retry__waits_grow_and_obey),
        cmocka_unit_test(test_redact__stars_out_the_secret_and_its_parts),
        cmocka_unit_test(test_redact__finds_long_parts_at_every_place),
        cmocka_unit_test(test_net__knows_loopback),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
