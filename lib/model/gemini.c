/*
 * Google: the Gemini API.
 *
 * Requests, answers, streams and reasons of an end: https://ai.google.dev/api/generate-content
 * Thinking, by a budget (2.5) or a level (3): https://ai.google.dev/gemini-api/docs/thinking
 * Schemas: https://ai.google.dev/gemini-api/docs/structured-output
 *
 * A stream is a row of answers of which each holds what is new; it has no last event but the one
 * with the reason of the end.
 */
#include <string.h>

#include "base/fail.h"
#include "base/str.h"
#include "model/form.h"
#include "model/provider.h"

static aire_status gemini_url(aire_ctx *ctx, const char *base, const char *model, bool stream,
                              char **out)
{
    char *escaped = aire__form_escape(ctx, model);
    char *path = escaped
                     ? aire__asprintf(ctx, "models/%s:%s", escaped,
                                      stream ? "streamGenerateContent?alt=sse" : "generateContent")
                     : NULL;
    aire_status status = path ? aire__form_url(ctx, base, path, out) : aire__fail_nomem();
    aire_free(ctx, escaped);
    aire_free(ctx, path);
    return status;
}

static void fill_parts(aire_form *f, json_t *item, const char *text)
{
    aire__form_text(f, aire__form_item(f, aire__form_array(f, item, "parts")), "text", text);
}

static void set_system(aire_form *f)
{
    json_t *system = aire__form_system(f);
    if (!system)
        return;
    json_t *instruction = aire__form_object(f, f->root, "systemInstruction");
    json_t *parts = aire__form_array(f, instruction, "parts");
    aire__form_set(f, aire__form_item(f, parts), "text", system);
}

static void set_thinking(aire_form *f, json_t *config)
{
    int32_t budget = f->request->thinking_tokens;
    const char *effort = f->request->effort;
    if (budget == 0 && !effort)
        return;
    if (budget != 0 && effort)
        aire__form_refuse(f, "takes either thinking_tokens or effort, not both");
    json_t *thinking = aire__form_object(f, config, "thinkingConfig");
    if (effort)
        aire__form_text(f, thinking, "thinkingLevel", effort);
    else
        aire__form_set(f, thinking, "thinkingBudget", json_integer(budget > 0 ? budget : 0));
    aire__form_set(f, thinking, "includeThoughts", json_boolean(budget >= 0));
}

static void set_config(aire_form *f)
{
    json_t *config = json_object();
    aire__form_max_tokens(f, config, "maxOutputTokens");
    aire__form_temperature(f, config, "temperature");
    aire__form_top_p(f, config, "topP");
    aire__form_seed(f, config, "seed");
    aire__form_stop(f, config, "stopSequences");
    if (f->request->schema) {
        aire__form_text(f, config, "responseMimeType", "application/json");
        aire__form_set(f, config, "responseJsonSchema", aire__form_schema(f));
    }
    set_thinking(f, config);
    if (json_object_size(config) > 0)
        aire__form_set(f, f->root, "generationConfig", json_incref(config));
    json_decref(config);
}

static aire_status gemini_write(aire_ctx *ctx, const aire_request *request, const char *model,
                                bool stream, char **out)
{
    aire_form f;
    aire__form_init(&f, ctx, aire__gemini.name, request);
    set_system(&f);
    aire__form_turns(&f, aire__form_array(&f, f.root, "contents"), "model", fill_parts);
    set_config(&f);
    return aire__form_dump(&f, out);
}

static void read_parts(aire_reading *r, const json_t *parts)
{
    size_t i;
    const json_t *part;
    json_array_foreach(parts, i, part)
    {
        bool thought = json_is_true(json_object_get(part, "thought"));
        aire__reading_add_value(r, thought ? AIRE_DELTA_THINKING : AIRE_DELTA_TEXT,
                                json_object_get(part, "text"));
    }
}

/* The counts of a stream are of all of it so far. What was thought is counted apart. */
static void read_usage(aire_reading *r, const json_t *usage)
{
    if (!json_is_object(usage))
        return;
    r->input_tokens = aire__reading_count(usage, "promptTokenCount");
    r->cached_tokens = aire__reading_count(usage, "cachedContentTokenCount");
    r->thinking_tokens = aire__reading_count(usage, "thoughtsTokenCount");
    r->output_tokens = aire__reading_count(usage, "candidatesTokenCount") + r->thinking_tokens;
}

static void finish(aire_reading *r, const char *reason)
{
    static const aire_word words[] = {
        {"STOP", "stop"},          {"MAX_TOKENS", "length"}, {"SAFETY", "refusal"},
        {"RECITATION", "refusal"}, {"BLOCKLIST", "refusal"}, {"PROHIBITED_CONTENT", "refusal"},
        {"SPII", "refusal"},       {"LANGUAGE", "refusal"},  {NULL, NULL}};
    aire__reading_finish(r, reason, words);
    aire__reading_end(r);
    r->complete = true;
}

/* What an answer and an event share: an error, counts, and a prompt that was refused. */
static aire_status read_around(aire_reading *r, const json_t *root)
{
    static const char *const keys[] = {"status", "code", NULL};
    const json_t *error = json_object_get(root, "error");
    if (error && !json_is_null(error))
        return aire__reading_error_value(r, error, keys);
    read_usage(r, json_object_get(root, "usageMetadata"));
    aire__reading_id(r, json_object_get(root, "responseId"));
    if (json_is_string(json_object_get(json_object_get(root, "promptFeedback"), "blockReason")))
        finish(r, "SAFETY");
    return AIRE_OK;
}

static aire_status gemini_read_event(aire_reading *r, const char *type, const json_t *data)
{
    aire_status status = read_around(r, data);
    if (status != AIRE_OK)
        return status;
    const json_t *candidate = json_array_get(json_object_get(data, "candidates"), 0);
    const char *reason = json_string_value(json_object_get(candidate, "finishReason"));
    read_parts(r, json_object_get(json_object_get(candidate, "content"), "parts"));
    if (reason)
        finish(r, reason);
    return aire__reading_status(r);
}

static aire_status gemini_read(aire_reading *r, const json_t *root)
{
    const json_t *candidates = json_object_get(root, "candidates");
    aire_status status = gemini_read_event(r, "", root);
    if (status != AIRE_OK || r->complete)
        return status;
    if (!json_is_array(candidates) || json_array_size(candidates) == 0)
        return aire__reading_missing(r, "candidates", root);
    return aire__reading_missing(r, "candidates[0].finishReason", root);
}

const aire_provider aire__gemini = {
    .name = "gemini",
    .base = "https://generativelanguage.googleapis.com/v1beta",
    .key_header = "x-goog-api-key",
    .key_variable = "GEMINI_API_KEY",
    .streams = true,
    .url = gemini_url,
    .write = gemini_write,
    .read = gemini_read,
    .read_event = gemini_read_event,
};
