/* What a chat endpoint sends back. */
#include "model/chat_answer.h"

#include <string.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/json.h"
#include "base/str.h"
#include "net/redact.h"
#include "record/record.h"

enum {
    SAID_MAX = 400,   /* bytes of a server's message that are shown */
    SAID_READ = 8192, /* bytes of it that are looked at */
};
#define TEXT_MAX ((size_t)16 << 20)

/* The message in an error's JSON, wherever this server puts it; NULL if it is not there. */
static const char *find_message(const json_t *root)
{
    const json_t *error = json_object_get(root, "error");
    const json_t *places[] = {json_object_get(error, "message"), error,
                              json_object_get(root, "message"), json_object_get(root, "detail")};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (json_is_string(places[i]))
            return json_string_value(places[i]);
    return NULL;
}

/* A copy on one line, as UTF-8, without the key, and not too long. */
static char *tame(aire_ctx *ctx, const char *text, size_t length, const char *api_key)
{
    char *start = aire__strndup(ctx, text, length < SAID_READ ? length : SAID_READ);
    char *said = start ? aire__record_text(ctx, start) : NULL;
    aire_free(ctx, start);
    if (!said)
        return NULL;
    aire__redact_parts(said, api_key);
    for (char *at = said; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = ' ';
    said[aire__utf8_cut(said, strlen(said), SAID_MAX)] = '\0';
    return said;
}

aire_status aire__chat_error_text(aire_ctx *ctx, const char *body, size_t length,
                                  const char *api_key, char **out)
{
    json_error_t ignored;
    json_t *root = json_loadb(body, length, 0, &ignored);
    const char *message = find_message(root);
    char *said =
        message ? tame(ctx, message, strlen(message), api_key) : tame(ctx, body, length, api_key);
    json_decref(root);
    if (!said)
        return aire__fail_nomem();
    *out = said;
    return AIRE_OK;
}

/* A message's content: a string, or parts of which those with a text count. */
static void read_content(aire_buf *buf, const json_t *content)
{
    if (json_is_string(content))
        aire__buf_puts(buf, json_string_value(content));
    size_t i;
    const json_t *part;
    json_array_foreach(content, i, part)
    {
        const json_t *text = json_object_get(part, "text");
        if (json_is_string(text))
            aire__buf_puts(buf, json_string_value(text));
    }
}

/*
 * Some servers leave the thinking in the content: "<think>...</think>answer", or, where the opening
 * tag was part of the prompt, "...</think>answer". Cuts the content in place.
 */
static void split_thinking(char *content, const char **thinking, const char **text)
{
    char *start = content + strspn(content, " \t\r\n");
    bool opened = aire__starts_with(start, "<think>");
    if (opened)
        start += strlen("<think>");
    char *end = strstr(start, "</think>");
    if (!end && !opened)
        return;
    *thinking = start;
    *text = end ? end + strlen("</think>") : start + strlen(start);
    *text += strspn(*text, "\r\n");
    if (end)
        *end = '\0';
}

static const json_t *first_string(const json_t *object, const char *const *keys)
{
    for (; *keys; keys++) {
        const json_t *value = json_object_get(object, *keys);
        if (json_is_string(value))
            return value;
    }
    return NULL;
}

static int64_t token_count(const json_t *usage, const char *key)
{
    json_int_t count = json_integer_value(json_object_get(usage, key));
    return count > 0 ? count : 0;
}

static aire_status missing(aire_ctx *ctx, const char *what, const json_t *root, const char *url,
                           const char *api_key)
{
    const char *message = find_message(root);
    char *said = message ? tame(ctx, message, strlen(message), api_key) : NULL;
    if (message && !said)
        return aire__fail_nomem();
    aire_status status = aire__fail(AIRE_PROTOCOL, "POST %s: the answer has no \"%s\"%s%s", url,
                                    what, said ? "; it says: " : "", said ? said : "");
    aire_free(ctx, said);
    return status;
}

/* Find the parts that an answer must have. */
static aire_status find_parts(aire_ctx *ctx, const json_t *root, const char *url,
                              const char *api_key, const json_t **choice, const json_t **content,
                              const json_t **thinking)
{
    static const char *const thinking_keys[] = {"reasoning_content", "reasoning", NULL};
    static const char *const content_keys[] = {"refusal", "content", NULL};
    const json_t *choices = json_object_get(root, "choices");
    if (!json_is_array(choices) || json_array_size(choices) == 0)
        return missing(ctx, "choices", root, url, api_key);
    *choice = json_array_get(choices, 0);
    const json_t *message = json_object_get(*choice, "message");
    if (!json_is_object(message))
        return missing(ctx, "choices[0].message", root, url, api_key);
    *thinking = first_string(message, thinking_keys);
    *content = first_string(message, content_keys);
    if (!*content && json_is_array(json_object_get(message, "content")))
        *content = json_object_get(message, "content");
    if (!*content && !*thinking)
        return missing(ctx, "choices[0].message.content", root, url, api_key);
    return AIRE_OK;
}

static aire_status read_completion(aire_ctx *ctx, const json_t *root, const char *url,
                                   const char *api_key, aire_answer **out)
{
    const json_t *choice = NULL, *content = NULL, *reasoning = NULL;
    aire_status status = find_parts(ctx, root, url, api_key, &choice, &content, &reasoning);
    if (status != AIRE_OK)
        return status;
    aire_buf text, thinking;
    aire__buf_init(&text, ctx, TEXT_MAX);
    aire__buf_init(&thinking, ctx, TEXT_MAX);
    aire__buf_puts(&text, ""); /* so that there are strings, if empty ones */
    aire__buf_puts(&thinking, "");
    read_content(&text, content);
    read_content(&thinking, reasoning);
    status = aire__buf_status(&text);
    if (status == AIRE_OK)
        status = aire__buf_status(&thinking);
    if (status == AIRE_OK) {
        const json_t *usage = json_object_get(root, "usage");
        aire_answer_options fields = AIRE_ANSWER_OPTIONS_INIT;
        aire__redact(text.data, text.length, api_key);
        aire__redact(thinking.data, thinking.length, api_key);
        fields.text = text.data;
        fields.thinking = thinking.data;
        if (!reasoning)
            split_thinking(text.data, &fields.thinking, &fields.text);
        fields.finish = json_string_value(json_object_get(choice, "finish_reason"));
        fields.input_tokens = token_count(usage, "prompt_tokens");
        fields.output_tokens = token_count(usage, "completion_tokens");
        status = aire_answer_new(ctx, &fields, out);
    }
    aire__buf_free(&text);
    aire__buf_free(&thinking);
    return status;
}

aire_status aire__chat_answer_parse(aire_ctx *ctx, const char *body, size_t length, const char *url,
                                    const char *api_key, aire_answer **out)
{
    json_error_t error;
    json_t *root = json_loadb(body, length, 0, &error);
    if (!root && json_error_code(&error) == json_error_out_of_memory)
        return aire__fail_nomem();
    if (!root) {
        aire__redact_parts(error.text, api_key); /* it quotes the answer */
        return aire__fail(AIRE_PROTOCOL, "POST %s: the answer is not JSON: line %d, column %d: %s",
                          url, error.line, error.column, error.text);
    }
    aire_status status;
    if (json_is_object(root))
        status = read_completion(ctx, root, url, api_key, out);
    else
        status = aire__fail(AIRE_PROTOCOL, "POST %s: the answer is not a JSON object", url);
    json_decref(root);
    return status;
}
