/* Spellings of models, and embeddings: the rest of what a model's endpoint needs without I/O. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "aire/error.h"
#include "model/embeddings.h"
#include "model/spelling.h"
#include "support/failing.h"

#define COUNT(rows) (sizeof rows / sizeof *rows)

static failing memory;
static aire_ctx *ctx;

static int setup(void **state)
{
    ctx = failing_ctx(&memory, 0);
    return 0;
}

static int teardown(void **state)
{
    aire_ctx_unref(ctx);
    return atomic_load(&memory.live) == 0 ? 0 : -1;
}

static const char *message(void)
{
    return aire_error_message(aire_last_error());
}

static void test_spelling__names_provider_model_and_base(void **state)
{
    static const struct {
        const char *spec, *provider, *model, *base;
    } cases[] = {
        {"anthropic:claude-m", "anthropic", "claude-m", "https://api.anthropic.com/v1"},
        {"anthropic:m@http://127.0.0.1:1/v1/", "anthropic", "m", "http://127.0.0.1:1/v1"},
        {"openai:gpt-m", "openai", "gpt-m", "https://api.openai.com/v1"},
        {"openai:ft:m@b:c@https://h/v1", "openai", "ft:m@b:c", "https://h/v1"},
        {"gemini:g-m", "gemini", "g-m", "https://generativelanguage.googleapis.com/v1beta"},
        {"chat:org/m-1@http://127.0.0.1:8080/v1", "chat", "org/m-1", "http://127.0.0.1:8080/v1"},
        {"chat:My Model@https://[::1]:8/v1", "chat", "My Model", "https://[::1]:8/v1"},
        {"bedrock:us-east-1/a.m-1:0", "bedrock", "a.m-1:0",
         "https://bedrock-runtime.us-east-1.amazonaws.com"},
        {"bedrock:eu-west-2/arn:aws:bedrock:x:1:p/m", "bedrock", "arn:aws:bedrock:x:1:p/m",
         "https://bedrock-runtime.eu-west-2.amazonaws.com"},
        {"bedrock:x-1/m@http://h:1", "bedrock", "m", "http://h:1"},
        {"replay:a file@http://x", NULL, "a file@http://x", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        aire_spelling s;
        if (aire__spelling_parse(ctx, cases[i].spec, &s) != AIRE_OK)
            fail_msg("%s: %s", cases[i].spec, message());
        assert_string_equal(s.provider ? s.provider->name : "-",
                            cases[i].provider ? cases[i].provider : "-");
        assert_string_equal(s.model, cases[i].model);
        assert_string_equal(s.base ? s.base : "-", cases[i].base ? cases[i].base : "-");
        aire__spelling_free(&s);
    }
}

static void test_spelling__says_what_is_wrong(void **state)
{
    static const struct {
        const char *spec, *words;
    } cases[] = {
        {"", "or replay:FILE"},
        {"gpt", "model \"gpt\": expected chat:MODEL@URL"},
        {"Chat:m@http://h", "anthropic:MODEL"},
        {"chat:m", "chat:MODEL@URL"},
        {"anthropic:", "anthropic:MODEL"},
        {"openai:@http://h/v1", "openai:MODEL"},
        {"bedrock:m", "bedrock:REGION/MODEL"},
        {"bedrock:us/", "bedrock:REGION/MODEL"},
        {"bedrock:US EAST/m", "bedrock:REGION/MODEL"},
        {"bedrock:evil.example/m", "bedrock:REGION/MODEL"},
        {"gemini:@http://user:hunter2@h", "gemini:MODEL"},
        {"none:m@http://user:hunter2@h", "expected"},
        {"gemini:m@http://user:hunter2@h", "user information"},
        {"openai:m@http://", "no host"},
        {"openai:m@http://h/v1?k=1", "must end before"},
        {"openai:m@http://h/v1#k", "must end before"},
        {"openai:m@http://h\n/v1", "white space"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        aire_spelling s;
        assert_int_equal(aire__spelling_parse(ctx, cases[i].spec, &s), AIRE_INVALID);
        if (!strstr(message(), cases[i].words) || strstr(message(), "hunter2"))
            fail_msg("%s: %s", cases[i].spec, message());
    }
}

static void test_spelling__survives_want_of_memory(void **state)
{
    static const char *const specs[] = {"openai:m", "bedrock:a/b", "chat:m@http://h", "replay:f"};
    aire_spelling s;
    for (size_t i = 0; i < COUNT(specs); i++)
        OOM_LOOP(&memory, aire__spelling_parse(ctx, specs[i], &s), aire__spelling_free(&s));
}

static void test_embeddings__are_asked_for(void **state)
{
    static const char *const texts[] = {"one", "tw\xff"};
    char *out;
    assert_int_equal(aire__embeddings_url(ctx, "http://h/v1/", &out), AIRE_OK);
    assert_string_equal(out, "http://h/v1/embeddings");
    aire_free(ctx, out);
    assert_int_equal(aire__embeddings_write(ctx, "e-1", texts, 2, &out), AIRE_OK);
    assert_string_equal(out, "{\"model\":\"e-1\",\"input\":[\"one\",\"tw\xef\xbf\xbd\"],"
                             "\"encoding_format\":\"float\"}");
    aire_free(ctx, out);
    OOM_LOOP(&memory, aire__embeddings_write(ctx, "e-1", texts, 2, &out), aire_free(ctx, out));
}

static json_t *parse(const char *text)
{
    json_error_t error;
    json_t *root = json_loads(text, JSON_DECODE_ANY, &error);
    assert_non_null(root);
    return root;
}

static void test_embeddings__are_read_in_order(void **state)
{
    json_t *root =
        parse("{\"object\": \"list\", \"data\": [{\"index\": 1, \"embedding\": [3, 4.5]},"
              "{\"index\": 0, \"embedding\": [-1, 2e-3], \"novelty\": 1}],"
              "\"usage\": {\"prompt_tokens\": 7, \"total_tokens\": 7}}");
    aire_embeddings e;
    assert_int_equal(aire__embeddings_read(ctx, "POST x", root, 2, &e), AIRE_OK);
    static const float wanted[] = {-1.0f, 2e-3f, 3.0f, 4.5f};
    assert_int_equal(e.count, 2);
    assert_int_equal(e.dimension, 2);
    assert_int_equal(e.input_tokens, 7);
    assert_memory_equal(e.values, wanted, sizeof wanted);
    aire__embeddings_free(&e);
    aire__embeddings_free(&e);
    OOM_LOOP(&memory, aire__embeddings_read(ctx, "POST x", root, 2, &e), aire__embeddings_free(&e));
    json_decref(root);
}

static void test_embeddings__say_what_is_wrong(void **state)
{
    static const struct {
        const char *body, *words;
    } cases[] = {
        {"{}", "POST x: the answer has no \"data\""},
        {"[]", "no \"data\""},
        {"{\"data\": [{}]}", "1 vectors, expected 2"},
        {"{\"data\": [{}, {}]}", "no \"data[].index\""},
        {"{\"data\": [{\"index\": 0}, {}]}", "no \"data[].embedding\""},
        {"{\"data\": [{\"index\": 2, \"embedding\": [1]}, {}]}",
         "index 2, expected each of 0 to 1"},
        {"{\"data\": [{\"index\": -1, \"embedding\": [1]}, {}]}", "index -1"},
        {"{\"data\": [{\"index\": 0, \"embedding\": [1]}, {\"index\": 0, \"embedding\": [1]}]}",
         "index 0"},
        {"{\"data\": [{\"index\": 0, \"embedding\": []}, {}]}", "a vector has 0 numbers"},
        {"{\"data\": [{\"index\": 0, \"embedding\": [1]}, {\"index\": 1, \"embedding\": [1, 2]}]}",
         "a vector has 2 numbers, the first one has 1"},
        {"{\"data\": [{\"index\": 0, \"embedding\": [\"a\"]}, {}]}", "[0] is no finite number"},
        {"{\"data\": [{\"index\": 0, \"embedding\": [1, 1e300]}, {}]}", "[1] is no finite number"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        aire_embeddings e;
        json_t *root = parse(cases[i].body);
        assert_int_equal(aire__embeddings_read(ctx, "POST x", root, 2, &e), AIRE_PROTOCOL);
        if (!strstr(message(), cases[i].words))
            fail_msg("case %zu: %s", i, message());
        json_decref(root);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spelling__names_provider_model_and_base),
        cmocka_unit_test(test_spelling__says_what_is_wrong),
        cmocka_unit_test(test_spelling__survives_want_of_memory),
        cmocka_unit_test(test_embeddings__are_asked_for),
        cmocka_unit_test(test_embeddings__are_read_in_order),
        cmocka_unit_test(test_embeddings__say_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
