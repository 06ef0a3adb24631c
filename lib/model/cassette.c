/* Cassettes. */
#include "model/cassette.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/str.h"

/* Sets a member while nothing has failed. */
static void put(json_t *object, const char *key, json_t *value, aire_status *status)
{
    if (*status == AIRE_OK)
        *status = aire__json_set(object, key, value);
    else
        json_decref(value);
}

static json_t *messages_json(aire_ctx *ctx, const aire_request *request)
{
    json_t *list = json_array();
    aire_status status = list ? AIRE_OK : AIRE_NOMEM;
    for (size_t i = 0; status == AIRE_OK && i < request->message_count; i++) {
        json_t *message = json_object();
        if (!message || json_array_append_new(list, message) != 0) {
            status = AIRE_NOMEM;
            break;
        }
        put(message, "role", json_string(request->messages[i].role), &status);
        put(message, "text", aire__json_text(ctx, request->messages[i].text), &status);
    }
    if (status == AIRE_OK)
        return list;
    json_decref(list);
    return NULL;
}

static json_t *stop_json(aire_ctx *ctx, const char *const *stop)
{
    json_t *list = json_array();
    for (; list && *stop; stop++)
        if (json_array_append_new(list, aire__json_text(ctx, *stop)) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static aire_status fill_neutral(aire_ctx *ctx, json_t *root, const aire_request *request)
{
    aire_status status = AIRE_OK;
    char seed[32];
    put(root, "messages", messages_json(ctx, request), &status);
    if (request->max_tokens)
        put(root, "max_tokens", json_integer(request->max_tokens), &status);
    if (!isnan(request->temperature))
        put(root, "temperature", json_real(request->temperature), &status);
    if (request->top_p > 0)
        put(root, "top_p", json_real(request->top_p), &status);
    if (request->thinking_tokens)
        put(root, "thinking_tokens", json_integer(request->thinking_tokens), &status);
    if (request->effort)
        put(root, "effort", aire__json_text(ctx, request->effort), &status);
    if (request->schema)
        put(root, "schema", aire__json_text(ctx, request->schema), &status);
    if (request->stop && *request->stop)
        put(root, "stop", stop_json(ctx, request->stop), &status);
    if (request->seed) {
        /* As text: not every reader of JSON has 64 bits. */
        snprintf(seed, sizeof seed, "%" PRIu64, request->seed);
        put(root, "seed", json_string(seed), &status);
    }
    return status;
}

aire_status aire__cassette_neutral(aire_ctx *ctx, const aire_request *request, json_t **out,
                                   char hash[AIRE_SHA256_HEX])
{
    char *text = NULL;
    json_t *root = json_object();
    aire_status status = root ? fill_neutral(ctx, root, request) : aire__fail_nomem();
    if (status == AIRE_OK)
        status = aire__json_dump(ctx, root, &text);
    if (status != AIRE_OK) {
        json_decref(root);
        return status;
    }
    aire_sha256 sum;
    aire__sha256_init(&sum);
    aire__sha256_update(&sum, text, strlen(text));
    aire__sha256_hex(&sum, hash);
    aire_free(ctx, text);
    *out = root;
    return AIRE_OK;
}

aire_status aire__cassette_begin(aire_ctx *ctx, const aire_request *request, json_t **out)
{
    char hash[AIRE_SHA256_HEX];
    json_t *neutral = NULL, *line = NULL;
    aire_status status = aire__cassette_neutral(ctx, request, &neutral, hash);
    if (status != AIRE_OK)
        return status;
    line = json_object();
    if (!line)
        status = aire__fail_nomem();
    put(line, "hash", json_string(hash), &status);
    if (request->purpose)
        put(line, "purpose", aire__json_text(ctx, request->purpose), &status);
    put(line, "request", neutral, &status);
    if (status != AIRE_OK) {
        json_decref(line);
        return status;
    }
    *out = line;
    return AIRE_OK;
}

/* The whole numbers of an answer, and the texts; what is 0 or empty is absent. */
typedef struct number_field {
    const char *key;
    size_t offset;
} number_field;

static const number_field NUMBERS[] = {
    {"input_tokens", offsetof(aire_answer_options, input_tokens)},
    {"output_tokens", offsetof(aire_answer_options, output_tokens)},
    {"cached_tokens", offsetof(aire_answer_options, cached_tokens)},
    {"thinking_tokens", offsetof(aire_answer_options, thinking_tokens)},
    {"latency_ms", offsetof(aire_answer_options, latency_ms)},
    {"first_ms", offsetof(aire_answer_options, first_ms)},
    {NULL, 0},
};

static const number_field TEXTS[] = {
    {"thinking", offsetof(aire_answer_options, thinking)},
    {"finish", offsetof(aire_answer_options, finish)},
    {"request_id", offsetof(aire_answer_options, request_id)},
    {"model", offsetof(aire_answer_options, model)},
    {NULL, 0},
};

static json_t *answer_json(const aire_answer *answer)
{
    const aire_answer_options *a = aire_answer_get(answer);
    json_t *object = json_object();
    aire_status status = object ? AIRE_OK : AIRE_NOMEM;
    put(object, "text", json_string(a->text), &status);
    for (const number_field *f = TEXTS; f->key; f++) {
        const char *text;
        memcpy(&text, (const char *)a + f->offset, sizeof text);
        if (*text)
            put(object, f->key, json_string(text), &status);
    }
    for (const number_field *f = NUMBERS; f->key; f++) {
        int64_t number;
        memcpy(&number, (const char *)a + f->offset, sizeof number);
        if (number)
            put(object, f->key, json_integer(number), &status);
    }
    if (a->attempts)
        put(object, "attempts", json_integer(a->attempts), &status);
    if (a->cost >= 0 && isfinite(a->cost))
        put(object, "cost", json_real(a->cost), &status);
    if (status == AIRE_OK)
        return object;
    json_decref(object);
    return NULL;
}

aire_status aire__cassette_end(aire_ctx *ctx, json_t *line, aire_status ended,
                               const aire_answer *answer, int32_t code, const char *detail,
                               char **out)
{
    aire_status status = AIRE_OK;
    if (ended == AIRE_OK) {
        put(line, "answer", answer_json(answer), &status);
    } else {
        put(line, "status", json_string(aire_status_name(ended)), &status);
        if (code)
            put(line, "code", json_integer(code), &status);
        put(line, "detail", aire__json_text(ctx, detail), &status);
    }
    char *text = NULL;
    if (status == AIRE_OK)
        status = aire__json_dump(ctx, line, &text);
    if (status != AIRE_OK)
        return status;
    *out = aire__asprintf(ctx, "%s\n", text);
    aire_free(ctx, text);
    return *out ? AIRE_OK : aire__fail_nomem();
}

/* An answer of a recording is an object; one written by hand is its text, with the rest beside it.
 */
static aire_status read_answer(aire_ctx *ctx, const json_t *root, aire_answer **out)
{
    aire_answer_options fields = AIRE_ANSWER_OPTIONS_INIT;
    const json_t *object = json_object_get(root, "answer");
    bool recorded = json_is_object(object);
    int64_t attempts = 0;
    if (!recorded)
        object = root;
    aire_status status =
        aire__json_get_string(object, "answer", recorded ? "text" : "answer", &fields.text);
    for (const number_field *f = TEXTS; status == AIRE_OK && f->key; f++) {
        const char *text = NULL;
        status = aire__json_get_string(object, "answer", f->key, &text);
        memcpy((char *)&fields + f->offset, &text, sizeof text);
    }
    for (const number_field *f = NUMBERS; status == AIRE_OK && f->key; f++) {
        int64_t number = 0;
        status = aire__json_get_int(object, "answer", f->key, &number);
        if (status == AIRE_OK && number < 0)
            return aire__fail(AIRE_FORMAT, "\"%s\" is negative", f->key);
        memcpy((char *)&fields + f->offset, &number, sizeof number);
    }
    if (status == AIRE_OK)
        status = aire__json_get_int(object, "answer", "attempts", &attempts);
    if (status == AIRE_OK)
        status = aire__json_get_number(object, "answer", "cost", &fields.cost);
    if (status != AIRE_OK)
        return status;
    if (!fields.text)
        return aire__fail(AIRE_FORMAT, "\"%s\" is missing", recorded ? "text" : "answer");
    if (attempts < 0 || attempts > INT32_MAX)
        return aire__fail(AIRE_FORMAT, "\"attempts\" is %" PRId64, attempts);
    fields.attempts = (int32_t)attempts;
    return aire_answer_new(ctx, &fields, out);
}

static bool status_by_name(const char *name, aire_status *out)
{
#define AIRE_STATUS_NAME_(label, value, message)                                                   \
    if (strcmp(name, "AIRE_" #label) == 0) {                                                       \
        *out = (value);                                                                            \
        return true;                                                                               \
    }
    AIRE_STATUS_MAP(AIRE_STATUS_NAME_)
#undef AIRE_STATUS_NAME_
    return false;
}

static aire_status read_failure(aire_ctx *ctx, const json_t *root, aire_take *take)
{
    const char *name = NULL, *detail = NULL;
    int64_t code = 0;
    aire_status status = aire__json_get_string(root, "failure", "status", &name);
    if (status == AIRE_OK)
        status = aire__json_get_string(root, "failure", "detail", &detail);
    if (status == AIRE_OK)
        status = aire__json_get_int(root, "failure", "code", &code);
    if (status != AIRE_OK)
        return status;
    if (!name || !status_by_name(name, &take->status) || take->status >= 0)
        return aire__fail(AIRE_FORMAT, "\"status\": expected the name of a failure");
    if (code < INT32_MIN || code > INT32_MAX)
        return aire__fail(AIRE_FORMAT, "\"code\" is too large");
    take->code = (int32_t)code;
    take->detail = aire__strdup(ctx, detail);
    return take->detail ? AIRE_OK : aire__fail_nomem();
}

static aire_status read_take(aire_ctx *ctx, const json_t *root, aire_take *take)
{
    const char *hash = NULL;
    if (!json_is_object(root))
        return aire__fail(AIRE_FORMAT, "expected an object with an \"answer\"");
    aire_status status = aire__json_get_string(root, "line", "hash", &hash);
    if (status != AIRE_OK)
        return status;
    if (hash && (strlen(hash) != AIRE_SHA256_HEX - 1 ||
                 strspn(hash, "0123456789abcdef") != AIRE_SHA256_HEX - 1))
        return aire__fail(AIRE_FORMAT, "\"hash\": expected 64 hexadecimal digits");
    snprintf(take->hash, sizeof take->hash, "%s", hash ? hash : "");
    if (json_object_get(root, "status") && !json_object_get(root, "answer"))
        return read_failure(ctx, root, take);
    return read_answer(ctx, root, &take->answer);
}

aire_status aire__cassette_read(aire_ctx *ctx, const char *line, size_t length, aire_take *out)
{
    json_t *root = NULL;
    aire_take take = {.status = AIRE_OK};
    aire_status status = aire__json_load(line, length, "answer", &root);
    if (status != AIRE_OK)
        return status;
    status = read_take(ctx, root, &take);
    json_decref(root);
    if (status == AIRE_OK)
        *out = take;
    else
        aire__cassette_free_take(ctx, &take);
    return status;
}

void aire__cassette_free_take(aire_ctx *ctx, aire_take *take)
{
    aire_answer_unref(take->answer);
    aire_free(ctx, take->detail);
}
