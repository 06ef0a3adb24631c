/* Requests: checked, and as JSON. */
#include "model/request.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "base/options.h"
#include "base/str.h"
#include "model/client.h"

static aire_status check_message(const aire_message *message, size_t index)
{
    if (!message->role || !message->text)
        return aire__fail(AIRE_INVALID, "request: messages[%zu] has no role or no text", index);
    if (strcmp(message->role, "system") != 0 && strcmp(message->role, "user") != 0 &&
        strcmp(message->role, "assistant") != 0)
        return aire__fail(AIRE_INVALID,
                          "request: messages[%zu]: the role is \"%s\", expected \"system\", "
                          "\"user\" or \"assistant\"",
                          index, message->role);
    return AIRE_OK;
}

aire_status aire__request_take(const aire_request *given, aire_request *ours)
{
    if (!given)
        return aire__fail(AIRE_INVALID, "request must not be NULL");
    aire_status status =
        aire__options_take(given, ours, sizeof *ours, sizeof *ours, "aire_request");
    if (status != AIRE_OK)
        return status;
    if (!ours->messages || ours->message_count == 0)
        return aire__fail(AIRE_INVALID, "request: there is no message");
    if (ours->max_tokens < 0)
        return aire__fail(AIRE_INVALID, "request: max_tokens is %d, expected 0 or more",
                          (int)ours->max_tokens);
    if (ours->temperature < 0 || isinf(ours->temperature))
        return aire__fail(AIRE_INVALID, "request: temperature must be 0 or more, or NaN");
    if (!(ours->top_p >= 0 && ours->top_p <= 1))
        return aire__fail(AIRE_INVALID, "request: top_p must be from 0 to 1");
    if (ours->thinking_tokens < -1)
        return aire__fail(AIRE_INVALID, "request: thinking_tokens is %d, expected -1 or more",
                          (int)ours->thinking_tokens);
    for (size_t i = 0; status == AIRE_OK && i < ours->message_count; i++)
        status = check_message(&ours->messages[i], i);
    return status;
}

static aire_status add_message(aire_ctx *ctx, json_t *messages, const aire_message *message)
{
    json_t *object = json_object();
    if (!object || json_array_append_new(messages, object) != 0)
        return aire__fail_nomem();
    aire_status status = aire__json_set(object, "role", json_string(message->role));
    if (status == AIRE_OK)
        status = aire__json_set(object, "content", aire__json_text(ctx, message->text));
    return status;
}

static aire_status fill(aire_ctx *ctx, json_t *root, const aire_request *request, const char *model)
{
    aire_status status = AIRE_OK;
    if (model)
        status = aire__json_set(root, "model", aire__json_text(ctx, model));
    json_t *messages = json_array();
    if (status == AIRE_OK)
        status = aire__json_set(root, "messages", messages);
    else
        json_decref(messages);
    for (size_t i = 0; status == AIRE_OK && i < request->message_count; i++)
        status = add_message(ctx, messages, &request->messages[i]);
    if (status == AIRE_OK && request->max_tokens > 0)
        status = aire__json_set(root, "max_tokens", json_integer(request->max_tokens));
    if (status == AIRE_OK && !isnan(request->temperature))
        status = aire__json_set(root, "temperature", json_real(request->temperature));
    /* Providers differ in the width of a seed; 31 bits are understood by all. */
    uint64_t seed = (request->seed ^ request->seed >> 31) & 0x7fffffff;
    if (status == AIRE_OK && request->seed)
        status = aire__json_set(root, "seed", json_integer((json_int_t)seed));
    return status;
}

aire_status aire__request_to_json(aire_ctx *ctx, const aire_request *request, const char *model,
                                  char **out)
{
    json_t *root = json_object();
    aire_status status = root ? fill(ctx, root, request, model) : aire__fail_nomem();
    if (status == AIRE_OK)
        status = aire__json_dump(ctx, root, out);
    json_decref(root);
    return status;
}

/* ---- copies ---- */

/* The copies' pointers are our own, and only const for those who read them. */
static void free_text(aire_ctx *ctx, const char *text)
{
    aire_free(ctx, (void *)(uintptr_t)text);
}

static bool copy_text(aire_ctx *ctx, const char *text, const char **out)
{
    *out = text ? aire__strdup(ctx, text) : NULL;
    return *out || !text;
}

static bool copy_messages(aire_ctx *ctx, const aire_request *request, aire_request *out)
{
    aire_message *messages = aire__calloc(ctx, request->message_count, sizeof *messages);
    bool good = messages != NULL;
    out->messages = messages;
    out->message_count = good ? request->message_count : 0;
    for (size_t i = 0; i < out->message_count && good; i++)
        good = copy_text(ctx, request->messages[i].role, &messages[i].role) &&
               copy_text(ctx, request->messages[i].text, &messages[i].text);
    return good;
}

static bool copy_stops(aire_ctx *ctx, const aire_request *request, aire_request *out)
{
    size_t count = 0;
    while (request->stop && request->stop[count])
        count++;
    const char **stops = count ? aire__calloc(ctx, count + 1, sizeof *stops) : NULL;
    bool good = stops || count == 0;
    out->stop = stops;
    for (size_t i = 0; i < count && good; i++)
        good = copy_text(ctx, request->stop[i], &stops[i]);
    return good;
}

aire_status aire__request_copy(aire_ctx *ctx, const aire_request *request, aire_request *out)
{
    *out = *request;
    out->messages = NULL;
    out->message_count = 0;
    out->purpose = out->effort = out->schema = NULL;
    out->stop = NULL;
    out->delta = NULL;
    bool good = copy_messages(ctx, request, out) && copy_stops(ctx, request, out) &&
                copy_text(ctx, request->purpose, &out->purpose) &&
                copy_text(ctx, request->effort, &out->effort) &&
                copy_text(ctx, request->schema, &out->schema);
    return good ? AIRE_OK : aire__fail_nomem();
}

void aire__request_free_copy(aire_ctx *ctx, aire_request *copy)
{
    for (size_t i = 0; i < copy->message_count; i++) {
        free_text(ctx, copy->messages[i].role);
        free_text(ctx, copy->messages[i].text);
    }
    for (size_t i = 0; copy->stop && copy->stop[i]; i++)
        free_text(ctx, copy->stop[i]);
    aire_free(ctx, (void *)(uintptr_t)copy->messages);
    aire_free(ctx, (void *)(uintptr_t)copy->stop);
    free_text(ctx, copy->purpose);
    free_text(ctx, copy->effort);
    free_text(ctx, copy->schema);
}
