/*
 * Anthropic: the Messages API.
 *
 * Requests, answers and usage: https://platform.claude.com/docs/en/api/messages
 * Streams: https://platform.claude.com/docs/en/build-with-claude/streaming
 * Thinking by a budget and its constraints, and adaptive thinking by an effort:
 * https://platform.claude.com/docs/en/build-with-claude/extended-thinking and .../adaptive-thinking
 * Schemas: https://platform.claude.com/docs/en/build-with-claude/structured-outputs
 * Errors: https://platform.claude.com/docs/en/api/errors
 */
#include <string.h>

#include "model/form.h"
#include "model/provider.h"

static aire_status anthropic_url(aire_ctx *ctx, const char *base, const char *model, bool stream,
                                 char **out)
{
    return aire__form_url(ctx, base, "messages", out);
}

/* A budget where one is asked for; else an effort makes the model decide itself. */
static void set_thinking(aire_form *f)
{
    int32_t budget = f->request->thinking_tokens;
    bool adaptive = budget == 0 && f->request->effort;
    if (budget == 0 && !adaptive)
        return;
    json_t *thinking = aire__form_object(f, f->root, "thinking");
    aire__form_text(f, thinking, "type",
                    adaptive     ? "adaptive"
                    : budget > 0 ? "enabled"
                                 : "disabled");
    if (adaptive) /* newer models leave the thinking out unless asked */
        aire__form_text(f, thinking, "display", "summarized");
    if (budget > 0)
        aire__form_set(f, thinking, "budget_tokens", json_integer(budget));
    if (budget >= 0)
        aire__form_check_thinking(f, budget);
}

static void set_output(aire_form *f)
{
    const aire_request *request = f->request;
    if (!request->effort && !request->schema)
        return;
    json_t *config = aire__form_object(f, f->root, "output_config");
    if (request->effort && strcmp(request->effort, "minimal") == 0)
        aire__form_refuse(f, "effort is \"minimal\", expected \"low\", \"medium\" or \"high\"");
    if (request->effort)
        aire__form_text(f, config, "effort", request->effort);
    if (!request->schema)
        return;
    json_t *format = aire__form_object(f, config, "format");
    aire__form_text(f, format, "type", "json_schema");
    aire__form_set(f, format, "schema", aire__form_schema(f));
}

static aire_status anthropic_write(aire_ctx *ctx, const aire_request *request, const char *model,
                                   bool stream, char **out)
{
    aire_form f;
    aire__form_init(&f, ctx, aire__anthropic.name, request);
    aire__form_text(&f, f.root, "model", model);
    aire__form_set(&f, f.root, "max_tokens", json_integer(aire__form_claude_tokens(request)));
    json_t *system = aire__form_system(&f);
    if (system)
        aire__form_set(&f, f.root, "system", system);
    aire__form_turns(&f, aire__form_array(&f, f.root, "messages"), "assistant", aire__form_content);
    aire__form_temperature(&f, f.root, "temperature");
    aire__form_top_p(&f, f.root, "top_p");
    aire__form_stop(&f, f.root, "stop_sequences");
    set_thinking(&f);
    set_output(&f);
    if (stream)
        aire__form_set(&f, f.root, "stream", json_true());
    return aire__form_dump(&f, out);
}

static aire_status report(aire_reading *r, const json_t *error)
{
    static const char *const keys[] = {"type", NULL};
    return aire__reading_error_value(r, error, keys);
}

static void finish(aire_reading *r, const json_t *reason)
{
    static const aire_word words[] = {
        {"end_turn", "stop"},     {"stop_sequence", "stop"},
        {"max_tokens", "length"}, {"model_context_window_exceeded", "length"},
        {"refusal", "refusal"},   {NULL, NULL}};
    aire__reading_finish(r, json_string_value(reason), words);
}

static void grow(int64_t *count, int64_t now)
{
    if (now > *count)
        *count = now;
}

/* A stream tells counts twice, the second time perhaps without those that did not change. */
static void read_usage(aire_reading *r, const json_t *usage)
{
    int64_t cached = aire__reading_count(usage, "cache_read_input_tokens");
    const json_t *details = json_object_get(usage, "output_tokens_details");
    grow(&r->input_tokens, aire__reading_count(usage, "input_tokens") + cached +
                               aire__reading_count(usage, "cache_creation_input_tokens"));
    grow(&r->cached_tokens, cached);
    grow(&r->output_tokens, aire__reading_count(usage, "output_tokens"));
    grow(&r->thinking_tokens, aire__reading_count(details, "thinking_tokens"));
}

/* A block, or what is new in one: both have their text under the kind's own name. */
static void read_block(aire_reading *r, const json_t *block)
{
    aire__reading_add_value(r, AIRE_DELTA_TEXT, json_object_get(block, "text"));
    aire__reading_add_value(r, AIRE_DELTA_THINKING, json_object_get(block, "thinking"));
}

static aire_status anthropic_read(aire_reading *r, const json_t *root)
{
    const json_t *content = json_object_get(root, "content"), *block;
    const json_t *error = json_object_get(root, "error");
    size_t i;
    if (error && !json_is_null(error))
        return report(r, error);
    if (!json_is_array(content))
        return aire__reading_missing(r, "content", root);
    if (!json_is_string(json_object_get(root, "stop_reason")))
        return aire__reading_missing(r, "stop_reason", root);
    json_array_foreach(content, i, block) read_block(r, block);
    finish(r, json_object_get(root, "stop_reason"));
    read_usage(r, json_object_get(root, "usage"));
    aire__reading_id(r, json_object_get(root, "id"));
    aire__reading_end(r);
    r->complete = true;
    return aire__reading_status(r);
}

static aire_status read_start(aire_reading *r, const json_t *data)
{
    const json_t *message = json_object_get(data, "message");
    if (!json_is_object(message))
        return aire__reading_missing(r, "message", data);
    aire__reading_id(r, json_object_get(message, "id"));
    read_usage(r, json_object_get(message, "usage"));
    return AIRE_OK;
}

static aire_status read_block_start(aire_reading *r, const json_t *data)
{
    const json_t *block = json_object_get(data, "content_block");
    if (!json_is_object(block))
        return aire__reading_missing(r, "content_block", data);
    read_block(r, block);
    return AIRE_OK;
}

static aire_status read_delta(aire_reading *r, const json_t *data)
{
    const json_t *delta = json_object_get(data, "delta");
    if (!json_is_object(delta))
        return aire__reading_missing(r, "delta", data);
    read_block(r, delta);
    return AIRE_OK;
}

static aire_status read_message_delta(aire_reading *r, const json_t *data)
{
    finish(r, json_object_get(json_object_get(data, "delta"), "stop_reason"));
    read_usage(r, json_object_get(data, "usage"));
    return AIRE_OK;
}

static aire_status read_stop(aire_reading *r, const json_t *data)
{
    if (!r->finish[0])
        return aire__reading_missing(r, "stop_reason", data);
    aire__reading_end(r);
    r->complete = true;
    return AIRE_OK;
}

static aire_status read_error(aire_reading *r, const json_t *data)
{
    return report(r, json_object_get(data, "error"));
}

static aire_status anthropic_read_event(aire_reading *r, const char *type, const json_t *data)
{
    static const struct {
        const char *type;
        aire_status (*read)(aire_reading *r, const json_t *data);
    } events[] = {{"message_start", read_start},       {"content_block_start", read_block_start},
                  {"content_block_delta", read_delta}, {"message_delta", read_message_delta},
                  {"message_stop", read_stop},         {"error", read_error}};
    const char *own = json_string_value(json_object_get(data, "type"));
    aire_status status = AIRE_OK;
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        if (strcmp(events[i].type, own ? own : type) == 0)
            status = events[i].read(r, data);
    return status == AIRE_OK ? aire__reading_status(r) : status;
}

static const char *const headers[] = {"anthropic-version: 2023-06-01", NULL};

const aire_provider aire__anthropic = {
    .name = "anthropic",
    .base = "https://api.anthropic.com/v1",
    .key_header = "x-api-key",
    .key_variable = "ANTHROPIC_API_KEY",
    .headers = headers,
    .request_id_header = "request-id",
    .streams = true,
    .url = anthropic_url,
    .write = anthropic_write,
    .read = anthropic_read,
    .read_event = anthropic_read_event,
};
