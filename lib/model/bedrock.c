/*
 * Amazon Bedrock: Converse, with a key as bearer token, answered in one piece.
 *
 * Requests, answers, reasons of an end and counts:
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
 * Keys: https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-use.html
 * Thinking:
 * https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html
 * Schemas: https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html
 *
 * Thinking is a field of the model's own, here in the form of Claude's models. Streams are a binary
 * format of Amazon's, and not read. There is no seed, which is left out, and no effort that all
 * models share, which is refused.
 */
#include <string.h>

#include "base/fail.h"
#include "base/str.h"
#include "model/form.h"
#include "model/provider.h"

static aire_status bedrock_url(aire_ctx *ctx, const char *base, const char *model, bool stream,
                               char **out)
{
    char *escaped = aire__form_escape(ctx, model);
    char *path = escaped ? aire__asprintf(ctx, "model/%s/converse", escaped) : NULL;
    aire_status status = path ? aire__form_url(ctx, base, path, out) : aire__fail_nomem();
    aire_free(ctx, escaped);
    aire_free(ctx, path);
    return status;
}

static void fill_content(aire_form *f, json_t *item, const char *text)
{
    aire__form_text(f, aire__form_item(f, aire__form_array(f, item, "content")), "text", text);
}

static void set_system(aire_form *f)
{
    json_t *system = aire__form_system(f);
    if (system)
        aire__form_set(f, aire__form_item(f, aire__form_array(f, f->root, "system")), "text",
                       system);
}

static void set_config(aire_form *f)
{
    json_t *config = json_object();
    if (f->request->thinking_tokens > 0)
        aire__form_set(f, config, "maxTokens", json_integer(aire__form_claude_tokens(f->request)));
    else
        aire__form_max_tokens(f, config, "maxTokens");
    aire__form_temperature(f, config, "temperature");
    aire__form_top_p(f, config, "topP");
    aire__form_stop(f, config, "stopSequences");
    if (json_object_size(config) > 0)
        aire__form_set(f, f->root, "inferenceConfig", json_incref(config));
    json_decref(config);
}

static void set_thinking(aire_form *f)
{
    int32_t budget = f->request->thinking_tokens;
    if (f->request->effort)
        aire__form_refuse(f, "effort is spelt by each model in its own way; use thinking_tokens");
    if (budget == 0)
        return;
    json_t *fields = aire__form_object(f, f->root, "additionalModelRequestFields");
    json_t *thinking = aire__form_object(f, fields, "thinking");
    aire__form_text(f, thinking, "type", budget > 0 ? "enabled" : "disabled");
    if (budget < 0)
        return;
    aire__form_set(f, thinking, "budget_tokens", json_integer(budget));
    aire__form_check_thinking(f, budget);
}

/* The schema is text there. */
static void set_format(aire_form *f)
{
    json_t *schema = f->request->schema ? aire__form_schema(f) : NULL;
    if (!schema)
        return;
    char *text = NULL;
    f->status = aire__json_dump(f->ctx, schema, &text);
    json_t *config = aire__form_object(f, f->root, "outputConfig");
    json_t *format = aire__form_object(f, config, "textFormat");
    aire__form_text(f, format, "type", "json_schema");
    json_t *structure = aire__form_object(f, format, "structure");
    json_t *definition = aire__form_object(f, structure, "jsonSchema");
    aire__form_text(f, definition, "schema", text);
    aire__form_text(f, definition, "name", "answer");
    aire_free(f->ctx, text);
    json_decref(schema);
}

static aire_status bedrock_write(aire_ctx *ctx, const aire_request *request, const char *model,
                                 bool stream, char **out)
{
    aire_form f;
    aire__form_init(&f, ctx, aire__bedrock.name, request);
    set_system(&f);
    aire__form_turns(&f, aire__form_array(&f, f.root, "messages"), "assistant", fill_content);
    set_config(&f);
    set_thinking(&f);
    set_format(&f);
    if (stream)
        aire__form_refuse(&f, "answers come in one piece");
    return aire__form_dump(&f, out);
}

/* What was read from the cache or written to it is counted apart. */
static void read_usage(aire_reading *r, const json_t *usage)
{
    r->cached_tokens = aire__reading_count(usage, "cacheReadInputTokens");
    r->input_tokens = aire__reading_count(usage, "inputTokens") + r->cached_tokens +
                      aire__reading_count(usage, "cacheWriteInputTokens");
    r->output_tokens = aire__reading_count(usage, "outputTokens");
}

static aire_status bedrock_read(aire_reading *r, const json_t *root)
{
    static const aire_word words[] = {{"end_turn", "stop"},
                                      {"stop_sequence", "stop"},
                                      {"max_tokens", "length"},
                                      {"model_context_window_exceeded", "length"},
                                      {"guardrail_intervened", "refusal"},
                                      {"content_filtered", "refusal"},
                                      {"refusal", "refusal"},
                                      {NULL, NULL}};
    const json_t *message = json_object_get(json_object_get(root, "output"), "message");
    const json_t *content = json_object_get(message, "content"), *block;
    const json_t *reason = json_object_get(root, "stopReason");
    size_t i;
    if (!json_is_array(content))
        return aire__reading_missing(r, "output.message.content", root);
    if (!json_is_string(reason))
        return aire__reading_missing(r, "stopReason", root);
    json_array_foreach(content, i, block)
    {
        const json_t *thinking =
            json_object_get(json_object_get(block, "reasoningContent"), "reasoningText");
        aire__reading_add_value(r, AIRE_DELTA_THINKING, json_object_get(thinking, "text"));
        aire__reading_add_value(r, AIRE_DELTA_TEXT, json_object_get(block, "text"));
    }
    aire__reading_finish(r, json_string_value(reason), words);
    read_usage(r, json_object_get(root, "usage"));
    aire__reading_end(r);
    r->complete = true;
    return aire__reading_status(r);
}

static aire_status bedrock_read_event(aire_reading *r, const char *type, const json_t *data)
{
    return aire__fail(AIRE_UNSUPPORTED, "%s: answers of bedrock come in one piece", r->where);
}

const aire_provider aire__bedrock = {
    .name = "bedrock",
    .key_variable = "AWS_BEARER_TOKEN_BEDROCK",
    .request_id_header = "x-amzn-requestid",
    .url = bedrock_url,
    .write = bedrock_write,
    .read = bedrock_read,
    .read_event = bedrock_read_event,
};
