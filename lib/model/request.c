/* Requests, checked where they come in. */
#include "model/request.h"

#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "base/options.h"

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
