/*
 * OpenAI: the Responses API.
 *
 * Requests and answers: https://platform.openai.com/docs/api-reference/responses/create
 * Streams: https://platform.openai.com/docs/api-reference/responses-streaming
 * Efforts and summaries: https://platform.openai.com/docs/guides/reasoning
 * Schemas: https://platform.openai.com/docs/guides/structured-outputs
 *
 * It has no seed and no budget for thinking, which are left out, and no stop texts, which are
 * refused. Nothing is stored there.
 */
#include <string.h>

#include "model/form.h"
#include "model/provider.h"

static aire_status openai_url(aire_ctx *ctx, const char *base, const char *model, bool stream,
                              char **out)
{
    return aire__form_url(ctx, base, "responses", out);
}

static void set_reasoning(aire_form *f)
{
    const char *effort = f->request->thinking_tokens < 0 ? "none" : f->request->effort;
    if (!effort)
        return;
    json_t *reasoning = aire__form_object(f, f->root, "reasoning");
    aire__form_text(f, reasoning, "effort", effort);
    if (f->request->thinking_tokens >= 0)
        aire__form_text(f, reasoning, "summary", "auto");
}

static void set_format(aire_form *f)
{
    if (!f->request->schema)
        return;
    json_t *text = aire__form_object(f, f->root, "text");
    json_t *format = aire__form_object(f, text, "format");
    aire__form_text(f, format, "type", "json_schema");
    aire__form_text(f, format, "name", "answer");
    aire__form_set(f, format, "schema", aire__form_schema(f));
    aire__form_set(f, format, "strict", json_true());
}

static aire_status openai_write(aire_ctx *ctx, const aire_request *request, const char *model,
                                bool stream, char **out)
{
    aire_form f;
    aire__form_init(&f, ctx, aire__openai.name, request);
    aire__form_text(&f, f.root, "model", model);
    json_t *system = aire__form_system(&f);
    if (system)
        aire__form_set(&f, f.root, "instructions", system);
    aire__form_turns(&f, aire__form_array(&f, f.root, "input"), "assistant", aire__form_content);
    aire__form_max_tokens(&f, f.root, "max_output_tokens");
    aire__form_temperature(&f, f.root, "temperature");
    aire__form_top_p(&f, f.root, "top_p");
    if (request->stop && request->stop[0])
        aire__form_refuse(&f, "the Responses API takes no stop texts");
    set_reasoning(&f);
    set_format(&f);
    aire__form_set(&f, f.root, "store", json_false());
    if (stream)
        aire__form_set(&f, f.root, "stream", json_true());
    return aire__form_dump(&f, out);
}

static aire_status report(aire_reading *r, const json_t *error)
{
    static const char *const keys[] = {"code", "type", NULL};
    return aire__reading_error_value(r, error, keys);
}

static void add_refusal(aire_reading *r, const json_t *refusal)
{
    aire__reading_add_value(r, AIRE_DELTA_TEXT, refusal);
    aire__reading_finish(r, "refusal", NULL);
}

static void read_message(aire_reading *r, const json_t *item)
{
    size_t i;
    const json_t *part;
    json_array_foreach(json_object_get(item, "content"), i, part)
    {
        aire__reading_add_value(r, AIRE_DELTA_TEXT, json_object_get(part, "text"));
        if (json_is_string(json_object_get(part, "refusal")))
            add_refusal(r, json_object_get(part, "refusal"));
    }
}

/* Summaries, or, of open models, the thinking itself. */
static void read_reasoning(aire_reading *r, const json_t *item)
{
    static const char *const keys[] = {"summary", "content"};
    size_t i;
    const json_t *part;
    for (size_t k = 0; k < 2; k++)
        json_array_foreach(json_object_get(item, keys[k]), i, part)
        {
            aire__reading_part(r);
            aire__reading_add_value(r, AIRE_DELTA_THINKING, json_object_get(part, "text"));
        }
}

static void read_output(aire_reading *r, const json_t *output)
{
    size_t i;
    const json_t *item;
    json_array_foreach(output, i, item)
    {
        const char *type = json_string_value(json_object_get(item, "type"));
        if (type && strcmp(type, "message") == 0)
            read_message(r, item);
        if (type && strcmp(type, "reasoning") == 0)
            read_reasoning(r, item);
    }
}

static void read_usage(aire_reading *r, const json_t *usage)
{
    r->input_tokens = aire__reading_count(usage, "input_tokens");
    r->output_tokens = aire__reading_count(usage, "output_tokens");
    r->cached_tokens =
        aire__reading_count(json_object_get(usage, "input_tokens_details"), "cached_tokens");
    r->thinking_tokens =
        aire__reading_count(json_object_get(usage, "output_tokens_details"), "reasoning_tokens");
}

/* All but the texts. The reason of an answer that is incomplete is its finish. */
static void read_end(aire_reading *r, const json_t *response, const char *status)
{
    static const aire_word words[] = {{"completed", "stop"},
                                      {"max_output_tokens", "length"},
                                      {"content_filter", "refusal"},
                                      {NULL, NULL}};
    const char *reason = json_string_value(
        json_object_get(json_object_get(response, "incomplete_details"), "reason"));
    aire__reading_finish(r, reason ? reason : status, words);
    read_usage(r, json_object_get(response, "usage"));
    aire__reading_id(r, json_object_get(response, "id"));
    aire__reading_end(r);
    r->complete = true;
}

static aire_status openai_read(aire_reading *r, const json_t *root)
{
    const json_t *error = json_object_get(root, "error"), *output = json_object_get(root, "output");
    const char *status = json_string_value(json_object_get(root, "status"));
    if (error && !json_is_null(error))
        return report(r, error);
    if (!status)
        return aire__reading_missing(r, "status", root);
    if (strcmp(status, "failed") == 0)
        return report(r, error);
    if (!json_is_array(output))
        return aire__reading_missing(r, "output", root);
    if (r->text.length == 0 && r->thinking.length == 0)
        read_output(r, output);
    aire_status kept = aire__reading_status(r);
    if (kept != AIRE_OK)
        return kept;
    if (strcmp(status, "completed") == 0 && r->text.length == 0 && !r->finish[0])
        return aire__reading_missing(r, "output[].content[].text", root);
    read_end(r, root, status);
    return AIRE_OK;
}

static aire_status read_text(aire_reading *r, const json_t *data)
{
    aire__reading_add_value(r, AIRE_DELTA_TEXT, json_object_get(data, "delta"));
    return AIRE_OK;
}

static aire_status read_refusal(aire_reading *r, const json_t *data)
{
    add_refusal(r, json_object_get(data, "delta"));
    return AIRE_OK;
}

static aire_status read_thinking(aire_reading *r, const json_t *data)
{
    aire__reading_add_value(r, AIRE_DELTA_THINKING, json_object_get(data, "delta"));
    return AIRE_OK;
}

static aire_status read_part(aire_reading *r, const json_t *data)
{
    const char *type = json_string_value(json_object_get(json_object_get(data, "part"), "type"));
    if (type && (strcmp(type, "summary_text") == 0 || strcmp(type, "reasoning_text") == 0))
        aire__reading_part(r);
    return AIRE_OK;
}

/* The last event holds the whole answer, too; its texts count only if they have not come. */
static aire_status read_last(aire_reading *r, const json_t *data)
{
    const json_t *response = json_object_get(data, "response");
    if (!json_is_object(response))
        return aire__reading_missing(r, "response", data);
    return openai_read(r, response);
}

/* The error is the event itself, or a member of it. */
static aire_status read_error(aire_reading *r, const json_t *data)
{
    static const char *const keys[] = {"code", NULL};
    const json_t *error = json_object_get(data, "error");
    return error ? report(r, error) : aire__reading_error_value(r, data, keys);
}

static aire_status openai_read_event(aire_reading *r, const char *type, const json_t *data)
{
    static const struct {
        const char *type;
        aire_status (*read)(aire_reading *r, const json_t *data);
    } events[] = {{"response.output_text.delta", read_text},
                  {"response.refusal.delta", read_refusal},
                  {"response.reasoning_summary_part.added", read_part},
                  {"response.reasoning_summary_text.delta", read_thinking},
                  {"response.content_part.added", read_part},
                  {"response.reasoning_text.delta", read_thinking},
                  {"response.completed", read_last},
                  {"response.incomplete", read_last},
                  {"response.failed", read_last},
                  {"error", read_error}};
    const char *own = json_string_value(json_object_get(data, "type"));
    aire_status status = AIRE_OK;
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        if (strcmp(events[i].type, own ? own : type) == 0)
            status = events[i].read(r, data);
    return status == AIRE_OK ? aire__reading_status(r) : status;
}

const aire_provider aire__openai = {
    .name = "openai",
    .base = "https://api.openai.com/v1",
    .key_variable = "OPENAI_API_KEY",
    .request_id_header = "x-request-id",
    .streams = true,
    .url = openai_url,
    .write = openai_write,
    .read = openai_read,
    .read_event = openai_read_event,
};
