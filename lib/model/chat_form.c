/*
 * Chat completions, as many serve them: vLLM, llama.cpp, Ollama, DeepSeek, Together, OpenRouter.
 *
 * Requests, answers and streams: https://platform.openai.com/docs/api-reference/chat
 * Where they differ, in the thinking: "reasoning_content"
 * (https://api-docs.deepseek.com/guides/reasoning_model, also of vLLM and llama.cpp), "reasoning"
 * (https://openrouter.ai/docs/use-cases/reasoning-tokens, also of Ollama and newer vLLM:
 * https://docs.vllm.ai/en/latest/features/reasoning_outputs.html), or tags in the text (think.h).
 *
 * A budget for thinking has no common spelling, and is left out; no thinking is the effort "none".
 */
#include <stdio.h>
#include <string.h>

#include "model/client.h"
#include "model/form.h"
#include "model/provider.h"
#include "model/think.h"

static aire_status chat_url(aire_ctx *ctx, const char *base, const char *model, bool stream,
                            char **out)
{
    return aire__form_url(ctx, base, "chat/completions", out);
}

/* All messages where they stand, those of the system, too. */
static void set_messages(aire_form *f)
{
    json_t *messages = aire__form_array(f, f->root, "messages");
    for (size_t i = 0; i < f->request->message_count; i++) {
        json_t *item = aire__form_item(f, messages);
        aire__form_text(f, item, "role", f->request->messages[i].role);
        aire__form_text(f, item, "content", f->request->messages[i].text);
    }
}

static void set_format(aire_form *f)
{
    if (!f->request->schema)
        return;
    json_t *format = aire__form_object(f, f->root, "response_format");
    aire__form_text(f, format, "type", "json_schema");
    json_t *schema = aire__form_object(f, format, "json_schema");
    aire__form_text(f, schema, "name", "answer");
    aire__form_set(f, schema, "schema", aire__form_schema(f));
    aire__form_set(f, schema, "strict", json_true());
}

static void set_fields(aire_form *f)
{
    set_messages(f);
    aire__form_max_tokens(f, f->root, "max_tokens");
    aire__form_temperature(f, f->root, "temperature");
    aire__form_top_p(f, f->root, "top_p");
    aire__form_seed(f, f->root, "seed");
    aire__form_stop(f, f->root, "stop");
    if (f->request->thinking_tokens < 0)
        aire__form_text(f, f->root, "reasoning_effort", "none");
    else if (f->request->effort)
        aire__form_text(f, f->root, "reasoning_effort", f->request->effort);
    set_format(f);
}

static aire_status chat_write(aire_ctx *ctx, const aire_request *request, const char *model,
                              bool stream, char **out)
{
    aire_form f;
    aire__form_init(&f, ctx, aire__chat.name, request);
    aire__form_text(&f, f.root, "model", model);
    set_fields(&f);
    if (stream) {
        aire__form_set(&f, f.root, "stream", json_true());
        json_t *options = aire__form_object(&f, f.root, "stream_options");
        aire__form_set(&f, options, "include_usage", json_true());
    }
    return aire__form_dump(&f, out);
}

aire_status aire__request_to_json(aire_ctx *ctx, const aire_request *request, const char *model,
                                  char **out)
{
    aire_form f;
    aire__form_init(&f, ctx, aire__chat.name, request);
    if (model)
        aire__form_text(&f, f.root, "model", model);
    set_fields(&f);
    if (request->thinking_tokens > 0)
        aire__form_set(&f, f.root, "thinking_tokens", json_integer(request->thinking_tokens));
    return aire__form_dump(&f, out);
}

static aire_status report(aire_reading *r, const json_t *error)
{
    static const char *const keys[] = {"code", "type", NULL};
    return aire__reading_error_value(r, error, keys);
}

/* Some servers send it under both names, one of them empty. Whether there was a name. */
static bool add_thinking(aire_reading *r, const json_t *message)
{
    static const char *const keys[] = {"reasoning_content", "reasoning"};
    bool known = false, added = false;
    for (size_t i = 0; i < 2 && !added; i++) {
        const json_t *value = json_object_get(message, keys[i]);
        known = known || json_is_string(value);
        added = json_string_length(value) > 0;
        aire__reading_add_value(r, AIRE_DELTA_THINKING, value);
    }
    return known;
}

static void add_text(aire_reading *r, const json_t *text)
{
    if (json_is_string(text))
        aire__think_add(r, json_string_value(text), json_string_length(text));
}

/* A message's content: a string, or parts of which those with a text count. */
static bool add_content(aire_reading *r, const json_t *content)
{
    size_t i;
    const json_t *part;
    add_text(r, content);
    json_array_foreach(content, i, part) add_text(r, json_object_get(part, "text"));
    return json_is_string(content) || json_is_array(content);
}

/* A message, or what is new in one: both have the same members. False: nothing that is known. */
static bool add_message(aire_reading *r, const json_t *message)
{
    const json_t *refusal = json_object_get(message, "refusal");
    bool known = add_thinking(r, message);
    if (json_string_length(refusal) > 0) {
        aire__reading_add_value(r, AIRE_DELTA_TEXT, refusal);
        aire__reading_finish(r, "refusal", NULL);
        return true;
    }
    return add_content(r, json_object_get(message, "content")) || known;
}

static void read_usage(aire_reading *r, const json_t *usage)
{
    const json_t *input = json_object_get(usage, "prompt_tokens_details");
    const json_t *output = json_object_get(usage, "completion_tokens_details");
    r->input_tokens = aire__reading_count(usage, "prompt_tokens");
    r->output_tokens = aire__reading_count(usage, "completion_tokens");
    r->cached_tokens = aire__reading_count(input, "cached_tokens");
    if (!r->cached_tokens) /* DeepSeek's own name */
        r->cached_tokens = aire__reading_count(usage, "prompt_cache_hit_tokens");
    r->thinking_tokens = aire__reading_count(output, "reasoning_tokens");
}

static void finish(aire_reading *r, const json_t *choice)
{
    static const aire_word words[] = {
        {"content_filter", "refusal"}, {"eos", "stop"}, {"max_tokens", "length"}, {NULL, NULL}};
    const json_t *reason = json_object_get(choice, "finish_reason");
    aire__reading_finish(r, json_string_value(reason), words);
    if (json_is_string(reason))
        aire__reading_end(r);
}

static aire_status chat_read(aire_reading *r, const json_t *root)
{
    const json_t *choices = json_object_get(root, "choices"),
                 *error = json_object_get(root, "error");
    if (!json_is_array(choices) || json_array_size(choices) == 0) {
        if (json_is_object(error) && json_object_get(error, "code"))
            return report(r, error);
        return aire__reading_missing(r, "choices", root);
    }
    const json_t *choice = json_array_get(choices, 0);
    const json_t *message = json_object_get(choice, "message");
    if (!json_is_object(message))
        return aire__reading_missing(r, "choices[0].message", root);
    if (!add_message(r, message))
        return aire__reading_missing(r, "choices[0].message.content", root);
    finish(r, choice);
    read_usage(r, json_object_get(root, "usage"));
    aire__reading_id(r, json_object_get(root, "id"));
    aire__reading_end(r);
    r->complete = true;
    return aire__reading_status(r);
}

static aire_status read_done(aire_reading *r)
{
    aire__reading_end(r);
    r->complete = true;
    return aire__reading_status(r);
}

static aire_status chat_read_event(aire_reading *r, const char *type, const json_t *data)
{
    if (!data)
        return read_done(r);
    const json_t *error = json_object_get(data, "error"), *usage = json_object_get(data, "usage");
    if (error && !json_is_null(error))
        return report(r, error);
    /* Some servers send an error as it is, without a member around it. */
    if (!json_object_get(data, "choices") && json_is_string(json_object_get(data, "message")))
        return report(r, data);
    const json_t *choice = json_array_get(json_object_get(data, "choices"), 0);
    add_message(r, json_object_get(choice, "delta"));
    finish(r, choice);
    if (json_is_object(usage))
        read_usage(r, usage);
    aire__reading_id(r, json_object_get(data, "id"));
    return aire__reading_status(r);
}

const aire_provider aire__chat = {
    .name = "chat",
    .request_id_header = "x-request-id",
    .streams = true,
    .url = chat_url,
    .write = chat_write,
    .read = chat_read,
    .read_event = chat_read_event,
};
