/* What the providers have in common: their list, the line with the key, the JSON around answers. */
#include "model/provider.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/str.h"
#include "model/surrogates.h"

const aire_provider *aire__provider_find(const char *name, size_t length)
{
    static const aire_provider *const providers[] = {&aire__anthropic, &aire__openai, &aire__chat,
                                                     &aire__gemini, &aire__bedrock};
    for (size_t i = 0; i < sizeof providers / sizeof *providers; i++)
        if (strlen(providers[i]->name) == length && memcmp(providers[i]->name, name, length) == 0)
            return providers[i];
    return NULL;
}

aire_status aire__provider_key_line(aire_ctx *ctx, const aire_provider *provider, const char *key,
                                    char **out)
{
    char *line = provider->key_header ? aire__asprintf(ctx, "%s: %s", provider->key_header, key)
                                      : aire__asprintf(ctx, "Authorization: Bearer %s", key);
    if (!line)
        return aire__fail_nomem();
    *out = line;
    return AIRE_OK;
}

/* jansson's message without what it quotes, which may be anything. */
static aire_status no_json(const char *where, const char *what, json_error_t *error)
{
    if (json_error_code(error) == json_error_out_of_memory)
        return aire__fail_nomem();
    char *quoted = strstr(error->text, " near '");
    if (quoted)
        *quoted = '\0';
    return aire__fail(AIRE_PROTOCOL, "%s: %s is not JSON: line %d, column %d: %s", where, what,
                      error->line, error->column, error->text);
}

/* Once more, where halves of surrogate pairs are what made it unreadable. */
static aire_status load_mended(aire_ctx *ctx, const char *text, size_t length, json_error_t *error,
                               json_t **root)
{
    char *copy = aire__strndup(ctx, text, length);
    if (!copy)
        return aire__fail_nomem();
    if (aire__mend_surrogates(copy, length))
        *root = json_loadb(copy, length, JSON_ALLOW_NUL, error);
    aire_free(ctx, copy);
    return AIRE_OK;
}

aire_status aire__provider_load(aire_ctx *ctx, const char *where, const char *what,
                                const char *text, size_t length, json_t **out)
{
    json_error_t error;
    json_t *root = json_loadb(text, length, JSON_ALLOW_NUL, &error);
    if (!root && json_error_code(&error) == json_error_invalid_syntax) {
        aire_status status = load_mended(ctx, text, length, &error, &root);
        if (status != AIRE_OK)
            return status;
    }
    if (!root)
        return no_json(where, what, &error);
    if (!json_is_object(root)) {
        json_decref(root);
        return aire__fail(AIRE_PROTOCOL, "%s: %s is not a JSON object", where, what);
    }
    *out = root;
    return AIRE_OK;
}

aire_status aire__provider_read(const aire_provider *provider, aire_reading *r, const char *body,
                                size_t length)
{
    json_t *root;
    aire_status status = aire__provider_load(r->ctx, r->where, "the answer", body, length, &root);
    if (status != AIRE_OK)
        return status;
    status = provider->read(r, root);
    json_decref(root);
    return status;
}

aire_status aire__provider_read_event(const aire_provider *provider, aire_reading *r,
                                      const char *type, const char *data, size_t length)
{
    static const char done[] = "[DONE]";
    if (length == strlen(done) && memcmp(data, done, length) == 0)
        return provider->read_event(r, type, NULL);
    json_t *root;
    aire_status status = aire__provider_load(r->ctx, r->where, "an event", data, length, &root);
    if (status != AIRE_OK)
        return status;
    status = provider->read_event(r, type, root);
    json_decref(root);
    return status;
}
