/* Requests, checked where they come in. */
#include "model/request.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/fail.h"
#include "base/options.h"
#include "base/str.h"

enum { STOP_MAX = 4 };

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

static aire_status check_effort(const aire_request *request)
{
    static const char *const efforts[] = {"minimal", "low", "medium", "high"};
    if (!request->effort)
        return AIRE_OK;
    if (request->thinking_tokens < 0)
        return aire__fail(AIRE_INVALID, "request: effort with thinking_tokens of -1, no thinking");
    for (size_t i = 0; i < sizeof efforts / sizeof *efforts; i++)
        if (strcmp(request->effort, efforts[i]) == 0)
            return AIRE_OK;
    return aire__fail(AIRE_INVALID,
                      "request: effort is \"%s\", expected \"minimal\", \"low\", \"medium\" or "
                      "\"high\"",
                      request->effort);
}

static aire_status check_stop(const char *const *stop)
{
    for (size_t i = 0; stop && stop[i]; i++) {
        if (i == STOP_MAX)
            return aire__fail(AIRE_INVALID, "request: there are more than %d stop texts",
                              (int)STOP_MAX);
        if (!*stop[i])
            return aire__fail(AIRE_INVALID, "request: stop[%zu] is empty", i);
    }
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
    if (ours->reserved)
        return aire__fail(AIRE_INVALID, "request: reserved must be 0");
    status = check_effort(ours);
    if (status == AIRE_OK)
        status = check_stop(ours->stop);
    for (size_t i = 0; status == AIRE_OK && i < ours->message_count; i++)
        status = check_message(&ours->messages[i], i);
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
