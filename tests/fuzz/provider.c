/*
 * What providers send: whole answers, events, and the bodies of errors. The first byte of an input
 * says whose they are, and how it is read: '0' to '4' as a whole answer, 'a' to 'e' as a stream of
 * which each line is the data of an event, 'v' as vectors.
 */
#include <string.h>

#include "base/str.h"
#include "fuzz/fuzz.h"
#include "model/embeddings.h"
#include "model/provider.h"

static const aire_provider *const providers[] = {&aire__anthropic, &aire__openai, &aire__chat,
                                                 &aire__gemini, &aire__bedrock};
enum { PROVIDERS = sizeof providers / sizeof *providers, VECTORS = 2 };

static aire_buf told[2]; /* text and thinking, as the host hears them; of another context */

static void hear(int32_t kind, const char *text, size_t length, void *user_data)
{
    FUZZ_NEED(aire__utf8_valid(text, length) && !memchr(text, '\0', length));
    if (kind == 0) {
        aire__buf_clear(&told[0]);
        aire__buf_clear(&told[1]);
    } else {
        FUZZ_NEED(length > 0);
        aire__buf_append(&told[kind == AIRE_DELTA_THINKING], text, length);
    }
}

/* While an answer has not ended, what may be the beginning of the key is not told. */
static bool was_told(const aire_buf *all, const aire_buf *heard, bool whole)
{
    return (whole ? heard->length == all->length : heard->length <= all->length) &&
           (heard->length == 0 || memcmp(all->data, heard->data, heard->length) == 0);
}

static void check_reading(const aire_reading *r, aire_status status, bool starved)
{
    aire_answer_options got = AIRE_ANSWER_OPTIONS_INIT;
    FUZZ_NEED(status != AIRE_NOMEM || starved);
    FUZZ_NEED(!r->complete || r->whole);
    FUZZ_NEED(
        status == AIRE_NOMEM || status == AIRE_LIMIT ||
        (was_told(&r->text, &told[0], r->whole) && was_told(&r->thinking, &told[1], r->whole)));
    aire__reading_answer(r, &got);
    FUZZ_NEED(strlen(got.text) == r->text.length && strlen(got.thinking) == r->thinking.length);
    FUZZ_NEED(aire__utf8_valid(got.finish, strlen(got.finish)));
    FUZZ_NEED(aire__utf8_valid(got.request_id, strlen(got.request_id)));
    FUZZ_NEED(got.input_tokens >= 0 && got.output_tokens >= 0 && got.cached_tokens >= 0 &&
              got.thinking_tokens >= 0);
}

static aire_status read_stream(const aire_provider *provider, aire_reading *r, const char *text,
                               size_t size)
{
    aire_status status = AIRE_OK;
    for (const char *end = text + size; text < end && status == AIRE_OK && !r->complete;) {
        const char *line = memchr(text, '\n', (size_t)(end - text));
        size_t length = (size_t)((line ? line : end) - text);
        status = aire__provider_read_event(provider, r, "message", text, length);
        text += length + 1;
    }
    return status;
}

static void read_answer(const aire_provider *provider, const char *text, size_t size, bool stream,
                        bool starved)
{
    aire_reading r;
    aire_request request = {.delta = hear};
    hear(0, "", 0, NULL);
    aire__reading_init(&r, fuzz_ctx, "POST x", &request);
    r.secret = "sk-0123456789abcdef";
    aire_status status = stream ? read_stream(provider, &r, text, size)
                                : aire__provider_read(provider, &r, text, size);
    if (r.whole)
        aire__reading_end(&r);
    check_reading(&r, status, starved);
    aire__reading_free(&r);
}

static void read_vectors(const char *text, size_t size, bool starved)
{
    json_error_t ignored;
    aire_embeddings e;
    json_t *root = json_loadb(text, size, 0, &ignored);
    aire_status status = aire__embeddings_read(fuzz_ctx, "POST x", root, VECTORS, &e);
    FUZZ_NEED(status != AIRE_NOMEM || starved);
    if (status == AIRE_OK) {
        FUZZ_NEED(e.values && e.count == VECTORS && e.dimension > 0);
        aire__embeddings_free(&e);
    }
    json_decref(root);
}

static void read_error(const char *text, size_t size, bool starved)
{
    char *said;
    aire_status status =
        aire__provider_error_text(fuzz_ctx, text, size, "sk-0123456789abcdef", &said);
    FUZZ_NEED(status == AIRE_OK || (starved && status == AIRE_NOMEM));
    if (status != AIRE_OK)
        return;
    FUZZ_NEED(aire__utf8_valid(said, strlen(said)) && !strchr(said, '\n') && strlen(said) <= 400);
    aire_free(fuzz_ctx, said);
}

static void read_input(const uint8_t *data, size_t size, bool starved)
{
    if (size == 0)
        return;
    const char *text = (const char *)data + 1;
    if (data[0] >= '0' && data[0] < '0' + PROVIDERS)
        read_answer(providers[data[0] - '0'], text, size - 1, false, starved);
    else if (data[0] >= 'a' && data[0] < 'a' + PROVIDERS)
        read_answer(providers[data[0] - 'a'], text, size - 1, true, starved);
    else if (data[0] == 'v')
        read_vectors(text, size - 1, starved);
    read_error(text, size - 1, starved);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static aire_ctx *plain;
    if (fuzz_begins() && aire_ctx_new(NULL, &plain) == AIRE_OK)
        for (size_t i = 0; i < 2; i++)
            aire__buf_init(&told[i], plain, (size_t)64 << 20);
    fuzz_twice(data, size, read_input);
    return 0;
}
