/* Specifications: which client a spelling names. */
#include "aire/model.h"

#include <string.h>

#include "base/fail.h"
#include "base/options.h"
#include "base/str.h"
#include "model/client.h"

enum { TIMEOUT_MS = 600000, STALL_MS = 300000, MAX_ATTEMPTS = 5, KEY_MAX = 8192 };

aire_status aire_model_options_init(aire_model_options *options, size_t size)
{
    return aire__options_init(options, size, sizeof *options, sizeof *options,
                              "aire_model_options");
}

aire_status aire__key_check(const char *key)
{
    if (!key)
        return AIRE_OK;
    size_t length = strlen(key);
    if (length == 0 || length > KEY_MAX)
        return aire__fail(AIRE_INVALID,
                          "aire_model_options: api_key has %zu bytes, expected 1 to %d, or NULL "
                          "for no key",
                          length, (int)KEY_MAX);
    for (; *key; key++)
        if ((unsigned char)*key <= ' ' || *key == 0x7f)
            return aire__fail(AIRE_INVALID, "aire_model_options: api_key holds white space or a "
                                            "control character");
    return AIRE_OK;
}

static aire_status take_options(const aire_model_options *given, aire_client_options *out)
{
    aire_model_options ours;
    aire_status status =
        aire__options_take(given, &ours, sizeof ours, sizeof ours, "aire_model_options");
    if (status != AIRE_OK)
        return status;
    if (ours.timeout_ms < 0 || ours.max_attempts < 0 || ours.stall_ms < 0)
        return aire__fail(AIRE_INVALID, "aire_model_options: timeout_ms, stall_ms and max_attempts "
                                        "must not be negative");
    if (ours.api_key && ours.key)
        return aire__fail(AIRE_INVALID, "aire_model_options: api_key and key are both set");
    *out =
        (aire_client_options){.timeout_ms = ours.timeout_ms ? ours.timeout_ms : TIMEOUT_MS,
                              .stall_ms = ours.stall_ms ? ours.stall_ms : STALL_MS,
                              .max_attempts = ours.max_attempts ? ours.max_attempts : MAX_ATTEMPTS,
                              .api_key = ours.api_key,
                              .key = ours.key,
                              .key_user_data = ours.key_user_data,
                              .ca_file = ours.ca_file,
                              .proxy = ours.proxy};
    return aire__key_check(ours.api_key);
}

static aire_status bad_url(const char *url, const char *why)
{
    return aire__fail(AIRE_INVALID, "model endpoint \"%s\": %s", url, why);
}

static aire_status check_url(const char *url)
{
    const char *host = strstr(url, "://") + 3;
    /* Not shown: what stands before the @ may be a password. */
    if (memchr(host, '@', strcspn(host, "/")))
        return aire__fail(AIRE_INVALID, "model endpoint: an URL with user information in it; pass "
                                        "secrets as api_key");
    if (*host == '\0' || *host == '/' || *host == ':')
        return bad_url(url, "there is no host in it");
    for (const char *at = url; *at; at++)
        if ((unsigned char)*at <= ' ' || *at == 0x7f)
            return bad_url(url, "it holds white space or a control character");
    if (strpbrk(url, "?#"))
        return bad_url(url, "it must end before \"/chat/completions\", without \"?\" or \"#\"");
    return AIRE_OK;
}

/* "MODEL@URL" */
static aire_status open_chat(aire_ctx *ctx, const char *rest, const aire_client_options *options,
                             aire_client *client, void **self)
{
    const char *at = strstr(rest, "@http://");
    if (!at)
        at = strstr(rest, "@https://");
    if (!at || at == rest)
        return aire__fail(AIRE_INVALID,
                          "model \"chat:%s\": expected chat:MODEL@URL, such as "
                          "chat:qwen3-8b@http://127.0.0.1:8080/v1",
                          rest);
    aire_status status = check_url(at + 1);
    if (status != AIRE_OK)
        return status;
    char *model = aire__strndup(ctx, rest, (size_t)(at - rest));
    if (!model)
        return aire__fail_nomem();
    status = aire__chat_client_new(ctx, model, at + 1, options, client, self);
    aire_free(ctx, model);
    return status;
}

static aire_status open_client(aire_ctx *ctx, const char *spec, const aire_client_options *options,
                               aire_client *client, void **self)
{
    if (aire__starts_with(spec, "chat:"))
        return open_chat(ctx, spec + strlen("chat:"), options, client, self);
    if (aire__starts_with(spec, "replay:"))
        return aire__replay_client_new(ctx, spec + strlen("replay:"), client, self);
    return aire__fail(AIRE_INVALID,
                      "model \"%s\": expected chat:MODEL@URL (such as "
                      "chat:qwen3-8b@http://127.0.0.1:8080/v1) or replay:FILE",
                      spec);
}

aire_status aire_model_new(aire_ctx *ctx, const char *spec, const aire_model_options *options,
                           aire_model **out)
{
    if (!ctx || !spec || !out)
        return aire__fail(AIRE_INVALID, "aire_model_new: ctx, spec and out must not be NULL");
    *out = NULL;
    aire_client_options ours;
    aire_client client;
    void *self;
    aire_status status = take_options(options, &ours);
    if (status == AIRE_OK)
        status = open_client(ctx, spec, &ours, &client, &self);
    if (status != AIRE_OK)
        return status;
    status = aire__model_new(ctx, spec, &client, self, out);
    if (status != AIRE_OK)
        client.destroy(self);
    return status;
}
