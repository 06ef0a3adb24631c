/*
 * Providers: what goes over the wire, byte for byte, and what is read from answers, whole and
 * streamed.
 *
 * tests/data/model/PROVIDER-NAME.json: a request, as {"url", "headers", "body"}; with
 * AIRE_GOLDEN=write they are written anew. PROVIDER-answer-NAME.json and .sse: the same answer in
 * one piece and as a stream.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aire/error.h"
#include "base/fs.h"
#include "base/str.h"
#include "model/provider.h"
#include "model/request.h"
#include "support/failing.h"

#define KEY "sk-test-0123456789/abcdefghijk"
#define WHERE "POST http://h/v1"
#define COUNT(rows) (sizeof rows / sizeof *rows)
#define THINKING "Let me see: \xc3\xa9 is one letter."
#define TEXT "The answer is \"42\" \xf0\x9f\x98\x80\n"

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

static const aire_provider *provider_of(const char *name)
{
    const aire_provider *provider = aire__provider_find(name, strlen(name));
    assert_non_null(provider);
    return provider;
}

/* Requests. */

static const aire_message plain[] = {{"user", "Name a \"letter\": \xc3\xa9 or e\n"}};
static const aire_message turns[] = {{"system", "Be brief."},
                                     {"user", "One?"},
                                     {"assistant", "Two."},
                                     {"system", "Be kind."},
                                     {"user", "Three?"}};
static const char *const stops[] = {"END", "\n\n", NULL};
#define SCHEMA                                                                                     \
    "{\"type\": \"object\", \"properties\": {\"z\": {\"type\": \"integer\"}, \"a\": {\"type\": "   \
    "\"string\"}}, \"required\": [\"z\", \"a\"], \"additionalProperties\": false}"

#define REQUEST(rows)                                                                              \
    .struct_size = sizeof(aire_request), .messages = rows, .message_count = COUNT(rows)

static const struct {
    const char *name;
    bool stream;
    aire_request request;
} requests[] = {
    {"plain", false, {REQUEST(plain), .temperature = NAN}},
    {"stream", true, {REQUEST(plain), .temperature = NAN}},
    {"turns", true, {REQUEST(turns), .temperature = 0.5, .top_p = 0.25, .max_tokens = 50}},
    {"thinking", false, {REQUEST(plain), .temperature = NAN, .thinking_tokens = 2048}},
    {"silent", false, {REQUEST(plain), .temperature = NAN, .thinking_tokens = -1}},
    {"effort", true, {REQUEST(plain), .temperature = NAN, .effort = "low"}},
    {"schema", false, {REQUEST(plain), .temperature = 0, .schema = SCHEMA}},
    {"stop", false, {REQUEST(plain), .temperature = NAN, .stop = stops}},
    {"seed", false, {REQUEST(plain), .temperature = 1, .seed = 0x8000000000000007}},
};

static const struct {
    const char *provider, *base, *model;
    const char *refused[4]; /* requests that it cannot do */
} wires[] = {
    {"anthropic", "https://api.anthropic.com/v1", "claude-m-1", {NULL}},
    {"openai", "https://api.openai.com/v1", "gpt-m-1", {"stop"}},
    {"chat", "http://127.0.0.1:8080/v1", "org/m:1", {NULL}},
    {"gemini", "https://generativelanguage.googleapis.com/v1beta", "gemini-m 1", {NULL}},
    {"bedrock",
     "https://bedrock-runtime.us-east-1.amazonaws.com",
     "us.anthropic.m-1-v1:0",
     {"stream", "turns", "effort"}},
};

static void append_headers(aire_buf *buf, const aire_provider *provider)
{
    char *key;
    aire__buf_puts(buf, "\"headers\":[\"Content-Type: application/json\"");
    for (const char *const *line = provider->headers; line && *line; line++)
        aire__buf_printf(buf, ",\"%s\"", *line);
    assert_int_equal(aire__provider_key_line(ctx, provider, "KEY", &key), AIRE_OK);
    aire__buf_printf(buf, ",\"%s\"],\n", key);
    aire_free(ctx, key);
}

/* What goes over the wire; a failure of the provider comes back. */
static aire_status wire(size_t w, size_t q, char **out)
{
    const aire_provider *provider = provider_of(wires[w].provider);
    char *url = NULL, *body = NULL;
    aire_buf buf;
    aire_status status =
        provider->write(ctx, &requests[q].request, wires[w].model, requests[q].stream, &body);
    if (status != AIRE_OK)
        return status;
    assert_int_equal(provider->url(ctx, wires[w].base, wires[w].model, requests[q].stream, &url),
                     AIRE_OK);
    aire__buf_init(&buf, ctx, 1 << 20);
    aire__buf_printf(&buf, "{\"url\":\"%s\",\n", url);
    append_headers(&buf, provider);
    aire__buf_printf(&buf, "\"body\":%s}\n", body);
    aire_free(ctx, url);
    aire_free(ctx, body);
    return aire__buf_take(&buf, out, NULL);
}

static const char *data_path(const char *provider, const char *name, const char *ending)
{
    static char path[4096];
    const char *tests = getenv("AIRE_TESTS");
    snprintf(path, sizeof path, "%s/data/model/%s-%s.%s", tests ? tests : "tests", provider, name,
             ending);
    return path;
}

static char *read_data(const char *provider, const char *name, const char *ending, size_t *length)
{
    char *text;
    const char *path = data_path(provider, name, ending);
    if (aire__fs_read(ctx, path, 1 << 20, &text, length) != AIRE_OK)
        fail_msg("%s", message());
    return text;
}

static bool refuses(size_t w, const char *name)
{
    for (size_t i = 0; i < COUNT(wires[w].refused) && wires[w].refused[i]; i++)
        if (strcmp(wires[w].refused[i], name) == 0)
            return true;
    return false;
}

static void compare_with_golden(size_t w, const char *name, const char *got)
{
    size_t length;
    const char *mode = getenv("AIRE_GOLDEN");
    if (mode && strcmp(mode, "write") == 0)
        assert_int_equal(
            aire__fs_write(ctx, data_path(wires[w].provider, name, "json"), got, strlen(got), 0644),
            AIRE_OK);
    char *wanted = read_data(wires[w].provider, name, "json", &length);
    if (strcmp(wanted, got) != 0)
        fail_msg("%s-%s:\n%s\ninstead of\n%s", wires[w].provider, name, got, wanted);
    aire_free(ctx, wanted);
}

static void test_write__is_what_the_golden_files_hold(void **state)
{
    for (size_t w = 0; w < COUNT(wires); w++)
        for (size_t q = 0; q < COUNT(requests); q++) {
            char *got = NULL;
            aire_status status = wire(w, q, &got);
            if (status != (refuses(w, requests[q].name) ? AIRE_UNSUPPORTED : AIRE_OK))
                fail_msg("%s-%s: %d %s", wires[w].provider, requests[q].name, (int)status,
                         message());
            if (status == AIRE_OK)
                compare_with_golden(w, requests[q].name, got);
            else
                assert_memory_equal(message(), wires[w].provider, strlen(wires[w].provider));
            aire_free(ctx, got);
        }
}

static void test_write__refuses_what_a_provider_cannot_do(void **state)
{
    static const aire_message system[] = {{"system", "Be brief."}};
    static const struct {
        const char *provider;
        aire_request request;
        const char *words;
    } cases[] = {
        {"anthropic", {REQUEST(plain), .temperature = 0.5, .thinking_tokens = 2048}, "temperature"},
        {"anthropic", {REQUEST(plain), .temperature = 0.5, .effort = "low"}, "temperature"},
        {"anthropic",
         {REQUEST(plain), .temperature = 1, .top_p = 0.9, .thinking_tokens = 2048},
         "top_p"},
        {"anthropic", {REQUEST(plain), .temperature = 1, .thinking_tokens = 9}, "1024 or more"},
        {"anthropic",
         {REQUEST(plain), .temperature = 1, .max_tokens = 2048, .thinking_tokens = 2048},
         "more than the 2048 of thinking_tokens"},
        {"anthropic", {REQUEST(plain), .temperature = 1, .effort = "minimal"}, "minimal"},
        {"anthropic", {REQUEST(system), .temperature = 1}, "a message of a user"},
        {"openai", {REQUEST(system), .temperature = 1}, "a message of a user"},
        {"openai", {REQUEST(plain), .temperature = 1, .stop = stops}, "stop"},
        {"gemini",
         {REQUEST(plain), .temperature = 1, .effort = "low", .thinking_tokens = 1},
         "not both"},
        {"bedrock", {REQUEST(plain), .temperature = 0, .thinking_tokens = 2048}, "temperature"},
        {"bedrock", {REQUEST(plain), .temperature = 1, .effort = "low"}, "thinking_tokens"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *body = NULL;
        assert_int_equal(
            provider_of(cases[i].provider)->write(ctx, &cases[i].request, "m", false, &body),
            AIRE_UNSUPPORTED);
        assert_null(body);
        if (!strstr(message(), cases[i].words))
            fail_msg("case %zu: %s", i, message());
    }
}

static void test_write__names_what_is_wrong_with_a_schema(void **state)
{
    static const struct {
        const char *schema, *words;
    } cases[] = {{"{\"type\": ", "request: schema: line 1"}, {"[]", "expected a JSON object"}};
    for (size_t w = 0; w < COUNT(wires); w++)
        for (size_t i = 0; i < COUNT(cases); i++) {
            char *body = NULL;
            aire_request request = {REQUEST(plain), .schema = cases[i].schema};
            assert_int_equal(
                provider_of(wires[w].provider)->write(ctx, &request, "m", false, &body),
                AIRE_INVALID);
            assert_non_null(strstr(message(), cases[i].words));
        }
}

static void test_write__survives_want_of_memory(void **state)
{
    for (size_t w = 0; w < COUNT(wires); w++) {
        const aire_provider *provider = provider_of(wires[w].provider);
        aire_request request = {REQUEST(turns), .temperature = 1, .schema = SCHEMA};
        char *out;
        OOM_LOOP(&memory, provider->write(ctx, &request, "m", false, &out), aire_free(ctx, out));
        OOM_LOOP(&memory, provider->url(ctx, "http://h", "a b", true, &out), aire_free(ctx, out));
        OOM_LOOP(&memory, aire__provider_key_line(ctx, provider, KEY, &out), aire_free(ctx, out));
    }
}

static void test_request__is_checked(void **state)
{
    static const char *const many[] = {"a", "b", "c", "d", "e", NULL}, *const empty[] = {"", NULL};
    static const struct {
        aire_request request;
        const char *words;
    } cases[] = {
        {{REQUEST(plain), .effort = "much"}, "effort is \"much\""},
        {{REQUEST(plain), .effort = "low", .thinking_tokens = -1}, "no thinking"},
        {{REQUEST(plain), .stop = many}, "more than 4 stop texts"},
        {{REQUEST(plain), .stop = empty}, "stop[0] is empty"},
        {{REQUEST(plain), .reserved = 1}, "reserved"},
    };
    aire_request ours;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(aire__request_take(&cases[i].request, &ours), AIRE_INVALID);
        if (!strstr(message(), cases[i].words))
            fail_msg("case %zu: %s", i, message());
    }
    assert_int_equal(aire__request_take(&requests[7].request, &ours), AIRE_OK);
}

/* Answers. What the host was told, begun anew where it was told so. */
typedef struct heard {
    char text[4096], thinking[4096];
    int pieces;
} heard;

static void hear(int32_t kind, const char *text, size_t length, void *user_data)
{
    heard *h = user_data;
    char *to = kind == AIRE_DELTA_THINKING ? h->thinking : h->text;
    assert_true(aire__utf8_valid(text, length));
    if (kind == 0) {
        assert_int_equal(length, 0);
        *h = (heard){.pieces = 0};
        return;
    }
    size_t used = strlen(to);
    assert_true(length > 0 && used + length < sizeof h->text);
    memcpy(to + used, text, length);
    to[used + length] = '\0';
    h->pieces++;
}

static void listen(aire_reading *r, heard *h)
{
    aire_request request = {.delta = hear, .delta_user_data = h};
    *h = (heard){.pieces = 0};
    aire__reading_init(r, ctx, WHERE, &request);
    r->secret = KEY;
}

static void assert_heard(const aire_reading *r, const heard *h)
{
    assert_string_equal(h->text, r->text.data ? r->text.data : "");
    assert_string_equal(h->thinking, r->thinking.data ? r->thinking.data : "");
}

/* A stream as its file has it: lines "event: TYPE" and "data: JSON", and empty lines. */
static aire_status feed(const aire_provider *provider, aire_reading *r, const char *text)
{
    char type[64] = "message";
    aire_status status = AIRE_OK;
    while (*text && status == AIRE_OK) {
        size_t length = strcspn(text, "\n");
        if (aire__starts_with(text, "event: "))
            snprintf(type, sizeof type, "%.*s", (int)length - 7, text + 7);
        if (aire__starts_with(text, "data: "))
            status = aire__provider_read_event(provider, r, type, text + 6, length - 6);
        if (length == 0)
            snprintf(type, sizeof type, "message");
        text += length + (text[length] == '\n');
    }
    return status;
}

typedef struct expected {
    const char *provider, *name;
    const char *text, *thinking, *finish, *id;
    int64_t input, cached, output, thought;
} expected;

#define FULL 33, 20, 44, 30
static const expected answers[] = {
    {"anthropic", "answer-text", TEXT, THINKING, "stop", "msg_01", FULL},
    {"anthropic", "answer-refusal", "I can", "", "refusal", "msg_02", 5, 0, 7, 0},
    {"anthropic", "answer-length", "One, two", "", "length", "msg_02", 5, 0, 7, 0},
    {"openai", "answer-text", TEXT, THINKING "\n\nSo: fine.", "stop", "resp_01", FULL},
    {"openai", "answer-refusal", "I can't.", "", "refusal", "resp_01", FULL},
    {"openai", "answer-length", "One, two", "", "length", "resp_01", FULL},
    {"openai", "answer-filter", "", "", "refusal", "resp_01", FULL},
    {"chat", "answer-text", TEXT, THINKING, "stop", "c-1", FULL},
    {"chat", "answer-openrouter", TEXT, THINKING, "stop", "c-1", FULL},
    {"chat", "answer-think", TEXT, THINKING, "stop", "c-1", FULL},
    {"chat", "answer-unopened", TEXT, THINKING, "stop", "c-1", FULL},
    {"chat", "answer-refusal", "I can't.", "", "refusal", "c-1", FULL},
    {"chat", "answer-filter", "I", "", "refusal", "c-1", FULL},
    {"chat", "answer-length", "", "One, two", "length", "c-1", 5, 2, 7, 0},
    {"gemini", "answer-text", TEXT, THINKING, "stop", "g-1", FULL},
    {"gemini", "answer-refusal", "", "", "refusal", "g-1", 5, 0, 0, 0},
    {"gemini", "answer-length", "One, two", "", "length", "g-1", 5, 0, 7, 0},
    {"gemini", "answer-blocked", "", "", "refusal", "g-1", 5, 0, 0, 0},
    {"bedrock", "answer-text", TEXT, THINKING, "stop", "", 33, 20, 44, 0},
    {"bedrock", "answer-refusal", "Blocked.", "", "refusal", "", 5, 0, 7, 0},
    {"bedrock", "answer-length", "One, two", "", "length", "", 5, 0, 7, 0},
};

static void assert_answer(const aire_reading *r, const expected *e)
{
    aire_answer_options got = AIRE_ANSWER_OPTIONS_INIT;
    aire__reading_answer(r, &got);
    if (strcmp(got.text, e->text) != 0 || strcmp(got.thinking, e->thinking) != 0)
        fail_msg("%s-%s: text \"%s\", thinking \"%s\"", e->provider, e->name, got.text,
                 got.thinking);
    assert_string_equal(got.finish, e->finish);
    assert_string_equal(got.request_id, e->id);
    assert_int_equal(got.input_tokens, e->input);
    assert_int_equal(got.cached_tokens, e->cached);
    assert_int_equal(got.output_tokens, e->output);
    assert_int_equal(got.thinking_tokens, e->thought);
    assert_true(r->whole && r->complete && !r->transient);
}

static void test_read__a_whole_answer(void **state)
{
    for (size_t i = 0; i < COUNT(answers); i++) {
        const expected *e = &answers[i];
        size_t length;
        heard h;
        aire_reading r;
        char *body = read_data(e->provider, e->name, "json", &length);
        listen(&r, &h);
        if (aire__provider_read(provider_of(e->provider), &r, body, length) != AIRE_OK)
            fail_msg("%s-%s: %s", e->provider, e->name, message());
        assert_answer(&r, e);
        assert_heard(&r, &h);
        aire__reading_free(&r);
        aire_free(ctx, body);
    }
}

/* The same reading comes of the stream; also after another try that got half of it. */
static void test_read__a_stream_gives_the_same(void **state)
{
    for (size_t i = 0; i < COUNT(answers); i++) {
        const expected *e = &answers[i];
        const aire_provider *provider = provider_of(e->provider);
        size_t length;
        heard h;
        aire_reading r;
        if (!provider->streams)
            continue;
        char *text = read_data(e->provider, e->name, "sse", &length);
        listen(&r, &h);
        for (int try = 0; try < 2; try++) {
            char *half = aire__strndup(ctx, text, length / 2), *last = strrchr(half, '\n');
            half[last ? last - half + 1 : 0] = '\0';
            assert_int_equal(feed(provider, &r, half), AIRE_OK);
            aire_free(ctx, half);
            aire__reading_restart(&r);
            assert_false(r.whole || r.complete);
        }
        if (feed(provider, &r, text) != AIRE_OK)
            fail_msg("%s-%s: %s", e->provider, e->name, message());
        assert_answer(&r, e);
        assert_heard(&r, &h);
        aire__reading_free(&r);
        aire_free(ctx, text);
    }
}

/* A stream that ends after any of its events was cut, unless the answer was whole. */
static void test_read__a_cut_stream_is_not_whole(void **state)
{
    for (size_t i = 0; i < COUNT(answers); i++) {
        const expected *e = &answers[i];
        const aire_provider *provider = provider_of(e->provider);
        size_t length;
        if (!provider->streams)
            continue;
        char *text = read_data(e->provider, e->name, "sse", &length);
        for (size_t cut = length; cut > 0; cut--) {
            if (text[cut] != '\n' || text[cut - 1] != '\n')
                continue;
            aire_reading r;
            aire__reading_init(&r, ctx, WHERE, NULL);
            text[cut] = '\0';
            assert_int_equal(feed(provider, &r, text), AIRE_OK);
            assert_true(!r.whole || r.finish[0]);
            assert_true(r.whole || !r.complete);
            if (cut < length - 1 && strcmp(e->provider, "chat") != 0)
                assert_false(r.whole);
            aire__reading_free(&r);
        }
        aire_free(ctx, text);
    }
}

/* Events with a text in two pieces. */
static const struct {
    const char *provider, *text, *thinking, *end;
} pieces[] = {
    {"anthropic",
     "{\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"%.*s\"}}",
     "{\"type\":\"content_block_delta\",\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"%.*s"
     "\"}}",
     "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n"
     "data: {\"type\":\"message_stop\"}\n"},
    {"openai", "{\"type\":\"response.output_text.delta\",\"delta\":\"%.*s\"}",
     "{\"type\":\"response.reasoning_text.delta\",\"delta\":\"%.*s\"}",
     "data: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\",\"output\":[]}}"
     "\n"},
    {"chat", "{\"choices\":[{\"delta\":{\"content\":\"%.*s\"}}]}",
     "{\"choices\":[{\"delta\":{\"reasoning_content\":\"%.*s\"}}]}",
     "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\ndata: [DONE]\n"},
    {"gemini", "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"%.*s\"}]}}]}",
     "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"%.*s\",\"thought\":true}]}}]}",
     "data: {\"candidates\":[{\"finishReason\":\"STOP\"}]}\n"},
};

static void feed_piece(const aire_provider *provider, aire_reading *r, const char *format,
                       const char *text, size_t length)
{
    char event[512];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    int size = snprintf(event, sizeof event, format, (int)length, text);
#pragma GCC diagnostic pop
    assert_int_equal(aire__provider_read_event(provider, r, "message", event, (size_t)size),
                     AIRE_OK);
}

static void feed_cut(const aire_provider *provider, aire_reading *r, const char *format,
                     const char *text, size_t cut)
{
    if (cut > strlen(text))
        cut = strlen(text);
    while (cut > 0 && ((unsigned char)text[cut] & 0xc0) == 0x80)
        cut--;
    feed_piece(provider, r, format, text, cut);
    feed_piece(provider, r, format, text + cut, strlen(text) - cut);
}

static void test_read__every_cut_gives_the_same(void **state)
{
    static const char thinking[] = "hm <think> \xc3\xa9</thin", text[] = "a </think> \xe2\x82\xac.";
    for (size_t i = 0; i < COUNT(pieces); i++)
        for (size_t cut = 0; cut < sizeof thinking + 2; cut++) {
            const aire_provider *provider = provider_of(pieces[i].provider);
            heard h;
            aire_reading r;
            listen(&r, &h);
            feed_cut(provider, &r, pieces[i].thinking, thinking, cut);
            feed_cut(provider, &r, pieces[i].text, text, cut);
            assert_int_equal(feed(provider, &r, pieces[i].end), AIRE_OK);
            assert_true(r.complete);
            assert_string_equal(r.thinking.data, thinking);
            assert_string_equal(r.text.data, text);
            assert_string_equal(r.finish, "stop");
            assert_heard(&r, &h);
            aire__reading_free(&r);
        }
}

static void test_think__finds_tags_at_every_cut(void **state)
{
    static const struct {
        const char *content, *thinking, *text;
    } cases[] = {
        {" \\n<think>hm</think>\\n\\nyes", "hm", "yes"},
        {"<think>h<m</thin></think>yes", "h<m</thin>", "yes"},
        {"<think>never closed</thi", "never closed</thi", ""},
        {"unopened</think>\\nyes</think>", "unopened", "yes</think>"},
        {"  plain <think>text</think", "", "  plain <think>text</think"},
        {"<thinking>text", "", "<thinking>text"},
        {"<thi", "", "<thi"},
        {" ", "", " "},
        {"", "", ""},
        {"<think></think>", "", ""},
        {"a\\u0000b", "",
         "a\xef\xbf\xbd"
         "b"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t cut = 0; cut <= strlen(cases[i].content); cut++) {
            const char *back = cut ? strchr("n0\\u", cases[i].content[cut]) : NULL;
            if (back && strchr(cases[i].content, '\\'))
                continue; /* no cut inside an escape */
            heard h;
            aire_reading r;
            listen(&r, &h);
            feed_cut(&aire__chat, &r, pieces[2].text, cases[i].content, cut);
            assert_int_equal(feed(&aire__chat, &r, pieces[2].end), AIRE_OK);
            assert_string_equal(r.text.data ? r.text.data : "", cases[i].text);
            assert_string_equal(r.thinking.data ? r.thinking.data : "", cases[i].thinking);
            assert_heard(&r, &h);
            aire__reading_free(&r);
        }
}

static void test_reading__cuts_between_characters(void **state)
{
    static const struct {
        const char *bytes, *text;
    } cases[] = {
        {"e\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80.", "e\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80."},
        {"a\xff\xc3", "a\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xf0\x9f\x98x", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        heard h;
        aire_reading r;
        listen(&r, &h);
        for (const char *at = cases[i].bytes; *at; at++) {
            aire__reading_add_bytes(&r, AIRE_DELTA_TEXT, at, 1);
            aire__reading_add_bytes(&r, AIRE_DELTA_THINKING, at, 1);
        }
        aire__reading_add_bytes(&r, AIRE_DELTA_TEXT, "", 0);
        aire__reading_end(&r);
        aire__reading_end(&r);
        assert_string_equal(r.text.data, cases[i].text);
        assert_string_equal(r.thinking.data, cases[i].text);
        assert_heard(&r, &h);
        aire__reading_free(&r);
    }
}

static void test_reading__tells_pieces_without_the_key(void **state)
{
    static const struct {
        const char *said, *heard;
    } cases[] = {
        {"My key is " KEY ", " KEY " too", "My key is ******************************, "
                                           "****************************** too"},
        {"it is sk-test-0123456789", "it is ******************"}, /* it ended in the middle */
        {"sk-test-012 and s", "sk-test-012 and s"},
        {"s" KEY "k", "s******************************k"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t cut = 1; cut < strlen(cases[i].said); cut++) {
            heard h;
            aire_reading r;
            listen(&r, &h);
            aire__reading_add_bytes(&r, AIRE_DELTA_TEXT, cases[i].said, cut);
            assert_null(strstr(h.text, KEY));
            aire__reading_add(&r, AIRE_DELTA_TEXT, cases[i].said + cut);
            aire__reading_end(&r);
            assert_string_equal(h.text, cases[i].heard);
            assert_heard(&r, &h);
            aire__reading_free(&r);
        }
}

/* A model may leave out how the key begins, or ends: what was told of it before it was long enough
 * to be known is less than 8 bytes. */
static void test_reading__tells_pieces_without_parts_of_the_key(void **state)
{
    static const char said[] = "It is 0123456789/abcdefghijk, or test-0123456789/abc";
    size_t whole = strlen(said);
    for (size_t piece = 1; piece < 40; piece++) {
        heard h;
        aire_reading r;
        listen(&r, &h);
        for (size_t at = 0; at < whole; at += piece)
            aire__reading_add_bytes(&r, AIRE_DELTA_TEXT, said + at,
                                    piece < whole - at ? piece : whole - at);
        aire__reading_end(&r);
        assert_int_equal(strlen(h.text), whole);
        for (size_t at = 0; at + 8 <= strlen(KEY); at++) {
            char part[9] = "";
            memcpy(part, KEY + at, 8);
            if (strstr(h.text, part))
                fail_msg("in pieces of %zu bytes: %s", piece, h.text);
        }
        aire__reading_free(&r);
    }
}

static void test_read__names_what_is_missing(void **state)
{
    static const struct {
        const char *provider, *body, *words;
    } cases[] = {
        {"anthropic", "{}", "\"content\""},
        {"anthropic", "{\"content\": []}", "\"stop_reason\""},
        {"openai", "{}", "\"status\""},
        {"openai", "{\"status\": \"completed\"}", "\"output\""},
        {"openai", "{\"status\": \"completed\", \"output\": [1, {}]}", "output[].content[].text"},
        {"chat", "{\"message\": \"away, key " KEY "\"}", "\"choices\"; it says: away, key ***"},
        {"chat", "{\"choices\": []}", "\"choices\""},
        {"chat", "{\"choices\": [{}]}", "\"choices[0].message\""},
        {"chat", "{\"choices\": [{\"message\": {}}]}", "\"choices[0].message.content\""},
        {"gemini", "{}", "\"candidates\""},
        {"gemini", "{\"candidates\": [{}]}", "\"candidates[0].finishReason\""},
        {"bedrock", "{\"Message\": \"no\"}", "\"output.message.content\"; it says: no"},
        {"bedrock", "{\"output\": {\"message\": {\"content\": []}}}", "\"stopReason\""},
        {"chat", "[]", "the answer is not a JSON object"},
        {"chat", "{\"key\": \"" KEY, "the answer is not JSON: line 1, column"},
        {"chat", "{\"a\": \"\\ud83\"}", "the answer is not JSON: line 1, column"},
        {"chat", "{\"a\": \"\\ud83d\" \\", "the answer is not JSON: line 1, column"},
        {"chat", "{\"a\": \"\xff\"}", "the answer is not JSON: line 1, column"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        aire_reading r;
        aire__reading_init(&r, ctx, WHERE, NULL);
        r.secret = KEY;
        assert_int_equal(aire__provider_read(provider_of(cases[i].provider), &r, cases[i].body,
                                             strlen(cases[i].body)),
                         AIRE_PROTOCOL);
        assert_false(r.whole || r.transient);
        if (!strstr(message(), cases[i].words) || !aire__starts_with(message(), WHERE ": "))
            fail_msg("case %zu: %s", i, message());
        assert_null(strstr(message(), "0123456789"));
        aire__reading_free(&r);
    }
}

/* A pair whose halves come in two events, halves alone, and what only looks like one. */
static void test_read__bears_halves_of_surrogate_pairs(void **state)
{
    static const struct {
        const char *escaped, *text;
    } cases[] = {
        {"a\\ud83d", "a\xef\xbf\xbd"},
        {"\\uDE00b", "\xef\xbf\xbd"
                     "b"},
        {"\\ud83d\\ude00 \\ud83d\\ud83d\\ude00", "\xf0\x9f\x98\x80 \xef\xbf\xbd\xf0\x9f\x98\x80"},
        {"\\\\ud83d \\ude00", "\\ud83d \xef\xbf\xbd"},
        {"\\ud83d\\\\ude00", "\xef\xbf\xbd\\ude00"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        aire_reading r;
        char event[256];
        aire__reading_init(&r, ctx, WHERE, NULL);
        int length = snprintf(event, sizeof event,
                              "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%s\"}}]}",
                              cases[i].escaped);
        assert_int_equal(
            aire__provider_read_event(provider_of("chat"), &r, "", event, (size_t)length), AIRE_OK);
        assert_string_equal(r.text.data, cases[i].text);
        aire__reading_free(&r);
    }
}

static void test_read__reports_errors_in_streams_and_answers(void **state)
{
    static const struct {
        const char *provider, *data;
        aire_status status;
        const char *words;
    } cases[] = {
        {"anthropic",
         "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Over\\nload\"}"
         "}",
         AIRE_NET, "overloaded_error: Over load"},
        {"anthropic", "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\"}}",
         AIRE_RATE_LIMITED, "rate_limit_error"},
        {"anthropic", "{\"type\":\"error\",\"error\":{\"type\":\"authentication_error\"}}",
         AIRE_AUTH, "authentication_error"},
        {"anthropic", "{\"type\":\"error\"}", AIRE_PROTOCOL, "the provider reports: error"},
        {"anthropic", "{\"type\":\"message_start\"}", AIRE_PROTOCOL, "\"message\""},
        {"anthropic", "{\"type\":\"content_block_start\"}", AIRE_PROTOCOL, "\"content_block\""},
        {"anthropic", "{\"type\":\"content_block_delta\"}", AIRE_PROTOCOL, "\"delta\""},
        {"anthropic", "{\"type\":\"message_stop\"}", AIRE_PROTOCOL, "\"stop_reason\""},
        {"openai", "{\"type\":\"error\",\"code\":\"server_error\",\"message\":\"oops\"}", AIRE_NET,
         "server_error: oops"},
        {"openai",
         "{\"type\":\"error\",\"error\":{\"code\":\"invalid_prompt\",\"message\":\"bad\"}}",
         AIRE_PROTOCOL, "invalid_prompt: bad"},
        {"openai",
         "{\"type\":\"response.failed\",\"response\":{\"status\":\"failed\",\"error\":{\"code\":"
         "\"rate_limit_exceeded\",\"message\":\"slow down, " KEY "\"}}}",
         AIRE_RATE_LIMITED, "rate_limit_exceeded: slow down, ***"},
        {"openai", "{\"type\":\"response.failed\",\"response\":{\"status\":\"failed\"}}",
         AIRE_PROTOCOL, "the provider reports"},
        {"openai", "{\"type\":\"response.completed\"}", AIRE_PROTOCOL, "\"response\""},
        {"chat", "{\"error\":{\"message\":\"busy\",\"code\":503}}", AIRE_NET, "503: busy"},
        {"chat", "{\"error\":{\"message\":\"slow\",\"code\":\"429\"}}", AIRE_RATE_LIMITED, "slow"},
        {"chat", "{\"error\":\"model gone\"}", AIRE_PROTOCOL, "model gone"},
        {"chat", "{\"object\":\"error\",\"message\":\"too long\",\"code\":400}", AIRE_PROTOCOL,
         "400: too long"},
        {"gemini",
         "{\"error\":{\"code\":429,\"message\":\"quota\",\"status\":\"RESOURCE_EXHAUSTED\"}}",
         AIRE_RATE_LIMITED, "RESOURCE_EXHAUSTED: quota"},
        {"gemini", "{\"error\":{\"code\":403,\"message\":\"no\"}}", AIRE_AUTH, "403: no"},
        {"bedrock", "{}", AIRE_UNSUPPORTED, "in one piece"},
        {"chat", "{\"choices\"", AIRE_PROTOCOL, "an event is not JSON: line 1"},
        {"chat", "1", AIRE_PROTOCOL, "an event is not JSON"},
        {"gemini", "[]", AIRE_PROTOCOL, "an event is not a JSON object"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        aire_reading r;
        aire__reading_init(&r, ctx, WHERE, NULL);
        r.secret = KEY;
        assert_int_equal(aire__provider_read_event(provider_of(cases[i].provider), &r, "message",
                                                   cases[i].data, strlen(cases[i].data)),
                         cases[i].status);
        assert_false(r.whole);
        assert_int_equal(r.transient,
                         cases[i].status == AIRE_NET || cases[i].status == AIRE_RATE_LIMITED);
        if (!strstr(message(), cases[i].words))
            fail_msg("case %zu: %s", i, message());
        assert_null(strstr(message(), "0123456789"));
        aire__reading_free(&r);
    }
}

/* Thinking may be all that a server gives, and an unknown word of an end stays. */
static void test_read__takes_what_is_odd(void **state)
{
    static const expected cases[] = {
        {"chat", "{\"choices\":[{\"message\":{\"reasoning\":\"hm\"}}]}", "", "hm", "", "", 0, 0, 0,
         0},
        {"chat", "{\"choices\":[{\"message\":{\"reasoning_content\":\"\",\"reasoning\":\"hm\"}}]}",
         "", "hm", "", "", 0, 0, 0, 0},
        {"chat",
         "{\"choices\":[{\"message\":{\"content\":\"a\"},\"finish_reason\":\"tool_calls\"}]}", "a",
         "", "tool_calls", "", 0, 0, 0, 0},
        {"chat",
         "{\"choices\":[{\"message\":{\"content\":[{\"text\":\"a\"},{\"t\":1},{\"text\":\"b\"}]}}],"
         "\"usage\":{\"prompt_tokens\":-1,\"completion_tokens\":\"9\"}}",
         "ab", "", "", "", 0, 0, 0, 0},
        {"anthropic", "{\"content\":[],\"stop_reason\":\"pause_turn\",\"id\":7}", "", "",
         "pause_turn", "", 0, 0, 0, 0},
        {"anthropic",
         "{\"content\":[],\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":"
         "9223372036854775807,\"cache_read_input_tokens\":9223372036854775807}}",
         "", "", "stop", "", (int64_t)1 << 54, (int64_t)1 << 53, 0, 0},
        {"gemini", "{\"candidates\":[{\"finishReason\":\"MALFORMED_FUNCTION_CALL\"}]}", "", "",
         "MALFORMED_FUNCTION_CALL", "", 0, 0, 0, 0},
        {"openai",
         "{\"status\":\"incomplete\",\"output\":[{\"type\":\"reasoning\",\"content\":[{\"text\":"
         "\"hm\"}]}]}",
         "", "hm", "incomplete", "", 0, 0, 0, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        heard h;
        aire_reading r;
        listen(&r, &h);
        if (aire__provider_read(provider_of(cases[i].provider), &r, cases[i].name,
                                strlen(cases[i].name)) != AIRE_OK)
            fail_msg("case %zu: %s", i, message());
        assert_answer(&r, &cases[i]);
        assert_heard(&r, &h);
        aire__reading_free(&r);
    }
}

static void test_read__long_words_are_cut(void **state)
{
    char word[300] = "";
    aire_reading r;
    aire__reading_init(&r, ctx, WHERE, NULL);
    for (size_t i = 0; i + 2 < sizeof word; i += 2)
        memcpy(word + i, "\xc3\xa9", 2);
    aire__reading_finish(&r, word, NULL);
    assert_int_equal(strlen(r.finish), 62);
    json_t *id = json_string(word);
    aire__reading_id(&r, id);
    assert_int_equal(strlen(r.id), 126);
    aire__reading_finish(&r, "refusal", NULL);
    aire__reading_finish(&r, "stop", NULL);
    assert_string_equal(r.finish, "refusal");
    json_decref(id);
    aire__reading_free(&r);
}

/* A fresh reading of an answer; kept on success. */
static aire_status read_once(const expected *e, const char *body, bool stream, aire_reading *r)
{
    const aire_provider *provider = provider_of(e->provider);
    aire__reading_init(r, ctx, WHERE, NULL);
    aire_status status =
        stream ? feed(provider, r, body) : aire__provider_read(provider, r, body, strlen(body));
    if (status != AIRE_OK)
        aire__reading_free(r);
    return status;
}

static void test_read__survives_want_of_memory(void **state)
{
    for (size_t i = 0; i < COUNT(answers); i++)
        for (int stream = 0; stream < 2; stream++) {
            const expected *e = &answers[i];
            size_t length;
            aire_reading r;
            if (stream && !provider_of(e->provider)->streams)
                continue;
            char *body = read_data(e->provider, e->name, stream ? "sse" : "json", &length);
            OOM_LOOP(&memory, read_once(e, body, stream, &r), aire__reading_free(&r));
            aire_free(ctx, body);
        }
}

/* jansson's memory, which is not the context's. */
static failing json_memory;

static void *json_take(size_t size)
{
    return failing_alloc(size, &json_memory);
}

static void json_give(void *ptr)
{
    if (ptr)
        failing_release(ptr, &json_memory);
}

/* Run with ever later failures of jansson until it gets through; true if it did. */
static bool starve_json(long long k, size_t w, const expected *e, const char *body)
{
    aire_request request = {REQUEST(turns), .temperature = 1, .seed = 5, .schema = SCHEMA};
    char *out = NULL;
    aire_reading r;
    long long live = atomic_load(&memory.live);
    atomic_store(&json_memory.countdown, k);
    aire_status status = e ? read_once(e, body, false, &r)
                           : provider_of(wires[w].provider)->write(ctx, &request, "m", false, &out);
    atomic_store(&json_memory.countdown, -1);
    if (e && status == AIRE_OK)
        aire__reading_free(&r);
    aire_free(ctx, out);
    assert_int_equal(atomic_load(&json_memory.live), 0);
    assert_int_equal(atomic_load(&memory.live), live);
    return status == AIRE_OK;
}

static void test_json__want_of_memory_is_told(void **state)
{
    json_malloc_t take;
    json_free_t give;
    json_get_alloc_funcs(&take, &give);
    atomic_init(&json_memory.countdown, -1);
    atomic_init(&json_memory.live, 0);
    json_set_alloc_funcs(json_take, json_give);
    for (size_t w = 0; w < COUNT(wires); w++)
        for (long long k = 0; !starve_json(k, w, NULL, NULL); k++)
            assert_true(k < 10000);
    for (size_t i = 0; i < COUNT(answers); i++) {
        size_t length;
        char *body = read_data(answers[i].provider, answers[i].name, "json", &length);
        for (long long k = 0; !starve_json(k, 0, &answers[i], body); k++)
            assert_true(k < 10000);
        aire_free(ctx, body);
    }
    json_set_alloc_funcs(take, give);
}

static aire_status report_once(void)
{
    aire_reading r;
    aire__reading_init(&r, ctx, WHERE, NULL);
    aire_status status = aire__reading_error(&r, "api_error", "oops");
    aire__reading_free(&r);
    return status == AIRE_NET ? AIRE_OK : status;
}

static void test_error__survives_want_of_memory(void **state)
{
    char *said;
    OOM_LOOP(&memory, report_once(), (void)0);
    OOM_LOOP(&memory, aire__provider_error_text(ctx, "{\"error\": \"x\"}", 14, KEY, &said),
             aire_free(ctx, said));
}

static void test_error__finds_what_is_said(void **state)
{
    static const struct {
        const char *body, *said;
    } cases[] = {
        {"{\"error\": {\"message\": \"one\\ntwo\"}}", "one two"},
        {"{\"type\": \"error\", \"error\": {\"type\": \"x\", \"message\": \"m\"}}", "m"},
        {"[{\"error\": {\"code\": 400, \"message\": \"in an array\"}}]", "in an array"},
        {"{\"error\": \"text\"}", "text"},
        {"{\"message\": \"bare\"}", "bare"},
        {"{\"Message\": \"Bare\"}", "Bare"},
        {"{\"detail\": \"d " KEY "\"}", "d ******************************"},
        {"<html>\xff</html>", "<html>\xef\xbf\xbd</html>"},
        {"", ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *said;
        assert_int_equal(
            aire__provider_error_text(ctx, cases[i].body, strlen(cases[i].body), KEY, &said),
            AIRE_OK);
        assert_string_equal(said, cases[i].said);
        aire_free(ctx, said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write__is_what_the_golden_files_hold),
        cmocka_unit_test(test_write__refuses_what_a_provider_cannot_do),
        cmocka_unit_test(test_write__names_what_is_wrong_with_a_schema),
        cmocka_unit_test(test_write__survives_want_of_memory),
        cmocka_unit_test(test_request__is_checked),
        cmocka_unit_test(test_read__a_whole_answer),
        cmocka_unit_test(test_read__a_stream_gives_the_same),
        cmocka_unit_test(test_read__a_cut_stream_is_not_whole),
        cmocka_unit_test(test_read__every_cut_gives_the_same),
        cmocka_unit_test(test_think__finds_tags_at_every_cut),
        cmocka_unit_test(test_reading__cuts_between_characters),
        cmocka_unit_test(test_reading__tells_pieces_without_the_key),
        cmocka_unit_test(test_reading__tells_pieces_without_parts_of_the_key),
        cmocka_unit_test(test_read__names_what_is_missing),
        cmocka_unit_test(test_read__bears_halves_of_surrogate_pairs),
        cmocka_unit_test(test_read__reports_errors_in_streams_and_answers),
        cmocka_unit_test(test_read__takes_what_is_odd),
        cmocka_unit_test(test_read__long_words_are_cut),
        cmocka_unit_test(test_read__survives_want_of_memory),
        cmocka_unit_test(test_json__want_of_memory_is_told),
        cmocka_unit_test(test_error__survives_want_of_memory),
        cmocka_unit_test(test_error__finds_what_is_said),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
