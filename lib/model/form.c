/* What the providers' requests have in common. */
#include "model/form.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "aire/error.h"
#include "base/fail.h"
#include "base/str.h"

#define TEXT_MAX ((size_t)256 << 20)
enum {
    CLAUDE_TOKENS = 8192, /* that all Claude models can give, and answers seldom need */
    CLAUDE_THINKING_MIN = 1024,
};

void aire__form_init(aire_form *f, aire_ctx *ctx, const char *provider, const aire_request *request)
{
    *f = (aire_form){.ctx = ctx, .provider = provider, .request = request, .root = json_object()};
    if (!f->root)
        f->status = aire__fail_nomem();
}

void aire__form_set(aire_form *f, json_t *object, const char *key, json_t *value)
{
    if (f->status != AIRE_OK)
        json_decref(value);
    else
        f->status = aire__json_set(object, key, value);
}

void aire__form_text(aire_form *f, json_t *object, const char *key, const char *text)
{
    if (f->status == AIRE_OK)
        aire__form_set(f, object, key, aire__json_text(f->ctx, text));
}

json_t *aire__form_object(aire_form *f, json_t *object, const char *key)
{
    json_t *value = json_object();
    aire__form_set(f, object, key, value);
    return f->status == AIRE_OK ? value : NULL;
}

json_t *aire__form_array(aire_form *f, json_t *object, const char *key)
{
    json_t *value = json_array();
    aire__form_set(f, object, key, value);
    return f->status == AIRE_OK ? value : NULL;
}

void aire__form_append(aire_form *f, json_t *array, json_t *value)
{
    if (f->status != AIRE_OK)
        json_decref(value);
    else if (!value || json_array_append_new(array, value) != 0)
        f->status = aire__fail_nomem();
}

json_t *aire__form_item(aire_form *f, json_t *array)
{
    json_t *value = json_object();
    aire__form_append(f, array, value);
    return f->status == AIRE_OK ? value : NULL;
}

static bool is_system(const aire_message *message)
{
    return strcmp(message->role, "system") == 0;
}

json_t *aire__form_system(aire_form *f)
{
    aire_buf buf;
    aire__buf_init(&buf, f->ctx, TEXT_MAX);
    for (size_t i = 0; i < f->request->message_count; i++) {
        const aire_message *message = &f->request->messages[i];
        if (is_system(message))
            aire__buf_printf(&buf, "%s%s", buf.length ? "\n\n" : "", message->text);
    }
    json_t *text = NULL;
    if (f->status == AIRE_OK)
        f->status = aire__buf_status(&buf);
    if (f->status == AIRE_OK && buf.length > 0) {
        text = aire__json_text(f->ctx, buf.data);
        if (!text)
            f->status = aire__fail_nomem();
    }
    aire__buf_free(&buf);
    return text;
}

void aire__form_turns(aire_form *f, json_t *array, const char *assistant,
                      void (*fill)(aire_form *f, json_t *item, const char *text))
{
    size_t count = 0;
    for (size_t i = 0; i < f->request->message_count; i++) {
        const aire_message *message = &f->request->messages[i];
        if (is_system(message))
            continue;
        bool user = strcmp(message->role, "user") == 0;
        json_t *item = aire__form_item(f, array);
        aire__form_text(f, item, "role", user ? "user" : assistant);
        fill(f, item, message->text);
        count++;
    }
    if (count == 0)
        aire__form_refuse(f, "a request needs a message of a user; there are system messages only");
}

void aire__form_content(aire_form *f, json_t *item, const char *text)
{
    aire__form_text(f, item, "content", text);
}

void aire__form_temperature(aire_form *f, json_t *object, const char *key)
{
    if (!isnan(f->request->temperature))
        aire__form_set(f, object, key, json_real(f->request->temperature));
}

void aire__form_top_p(aire_form *f, json_t *object, const char *key)
{
    if (f->request->top_p > 0)
        aire__form_set(f, object, key, json_real(f->request->top_p));
}

void aire__form_stop(aire_form *f, json_t *object, const char *key)
{
    const char *const *stop = f->request->stop;
    if (!stop || !*stop)
        return;
    json_t *array = aire__form_array(f, object, key);
    for (; *stop && f->status == AIRE_OK; stop++)
        aire__form_append(f, array, aire__json_text(f->ctx, *stop));
}

void aire__form_seed(aire_form *f, json_t *object, const char *key)
{
    uint64_t seed = f->request->seed;
    if (seed)
        aire__form_set(f, object, key,
                       json_integer((json_int_t)((seed ^ seed >> 31) & 0x7fffffff)));
}

void aire__form_max_tokens(aire_form *f, json_t *object, const char *key)
{
    if (f->request->max_tokens > 0)
        aire__form_set(f, object, key, json_integer(f->request->max_tokens));
}

json_t *aire__form_schema(aire_form *f)
{
    if (f->status != AIRE_OK)
        return NULL;
    json_t *schema = NULL;
    const char *text = f->request->schema;
    f->status = aire__json_load(text, strlen(text), "request: schema", &schema);
    if (f->status == AIRE_OK && !json_is_object(schema)) {
        json_decref(schema);
        f->status = aire__fail(AIRE_INVALID, "request: schema: expected a JSON object");
    }
    if (f->status == AIRE_FORMAT)
        f->status = aire__fail(AIRE_INVALID, "%s", aire_error_message(aire_last_error()));
    return f->status == AIRE_OK ? schema : NULL;
}

void aire__form_refuse(aire_form *f, const char *format, ...)
{
    if (f->status != AIRE_OK)
        return;
    va_list args;
    va_start(args, format);
    char *detail = aire__vasprintf(f->ctx, format, args);
    va_end(args);
    f->status =
        detail ? aire__fail(AIRE_UNSUPPORTED, "%s: %s", f->provider, detail) : aire__fail_nomem();
    aire_free(f->ctx, detail);
}

void aire__form_check_thinking(aire_form *f, int32_t budget)
{
    const aire_request *request = f->request;
    if (budget > 0 && budget < CLAUDE_THINKING_MIN)
        aire__form_refuse(f, "thinking_tokens is %d, expected %d or more", (int)budget,
                          (int)CLAUDE_THINKING_MIN);
    if (budget > 0 && request->max_tokens > 0 && request->max_tokens <= budget)
        aire__form_refuse(f, "max_tokens is %d, expected more than the %d of thinking_tokens",
                          (int)request->max_tokens, (int)budget);
    if (!isnan(request->temperature) && request->temperature != 1)
        aire__form_refuse(f, "with thinking, temperature can only be 1 or left to the provider");
    if (request->top_p > 0 && request->top_p < 0.95)
        aire__form_refuse(f, "with thinking, top_p can only be from 0.95 to 1, or left to the "
                             "provider");
}

int32_t aire__form_claude_tokens(const aire_request *request)
{
    int32_t budget = request->thinking_tokens > 0 ? request->thinking_tokens : 0;
    if (request->max_tokens > 0)
        return request->max_tokens;
    return budget < INT32_MAX - CLAUDE_TOKENS ? budget + CLAUDE_TOKENS : INT32_MAX;
}

aire_status aire__form_dump(aire_form *f, char **out)
{
    aire_status status = f->status;
    if (status == AIRE_OK)
        status = aire__json_dump(f->ctx, f->root, out);
    json_decref(f->root);
    f->root = NULL;
    return status;
}

char *aire__form_escape(aire_ctx *ctx, const char *text)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    size_t length = strlen(text);
    char *copy = aire__calloc(ctx, length + 1, 3), *to = copy;
    for (; copy && *text; text++)
        if (strchr(plain, *text))
            *to++ = *text;
        else
            to += snprintf(to, 4, "%%%02X", (unsigned)(unsigned char)*text);
    return copy;
}

aire_status aire__form_url(aire_ctx *ctx, const char *base, const char *path, char **out)
{
    char *url = aire__asprintf(ctx, "%s%s%s", base, aire__ends_with(base, "/") ? "" : "/", path);
    if (!url)
        return aire__fail_nomem();
    *out = url;
    return AIRE_OK;
}
