/* Specifications: which client a spelling names. */
#include "aire/model.h"

#include <string.h>

#include "base/fail.h"
#include "base/options.h"
#include "model/client.h"
#include "model/remote.h"
#include "model/spelling.h"

enum { TIMEOUT_MS = 600000, STALL_MS = 300000, MAX_ATTEMPTS = 5 };

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
    if (length == 0 || length > AIRE_KEY_MAX)
        return aire__fail(AIRE_INVALID,
                          "aire_model_options: api_key has %zu bytes, expected 1 to %d, or NULL "
                          "for no key",
                          length, (int)AIRE_KEY_MAX);
    for (; *key; key++)
        if ((unsigned char)*key <= ' ' || *key == 0x7f)
            return aire__fail(AIRE_INVALID, "aire_model_options: api_key holds white space or a "
                                            "control character");
    return AIRE_OK;
}

aire_status aire__client_options_take(const aire_model_options *given, aire_client_options *out)
{
    aire_model_options ours;
    aire_status status =
        aire__options_take(given, &ours, sizeof ours, sizeof ours, "aire_model_options");
    if (status != AIRE_OK)
        return status;
    if (ours.timeout_ms < 0 || ours.max_attempts < 0 || ours.stall_ms < 0 ||
        ours.requests_per_minute < 0 || ours.tokens_per_minute < 0 || ours.reserved)
        return aire__fail(AIRE_INVALID,
                          "aire_model_options: times, attempts and limits must not be "
                          "negative, reserved must be 0");
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
                              .proxy = ours.proxy,
                              .limits = {.requests_per_minute = ours.requests_per_minute,
                                         .tokens_per_minute = ours.tokens_per_minute},
                              .budget = ours.budget,
                              .prices_path = ours.prices_path};
    return aire__key_check(ours.api_key);
}

static aire_status open_client(aire_ctx *ctx, const char *spec, const aire_client_options *options,
                               aire_client *client, void **self)
{
    aire_spelling spelling;
    aire_status status = aire__spelling_parse(ctx, spec, &spelling);
    if (status != AIRE_OK)
        return status;
    if (!spelling.provider)
        status = aire__replay_client_new(ctx, spelling.model, client, self);
    else
        status = aire__remote_client_new(
            ctx, &(aire_place){spelling.provider, spelling.model, spelling.base}, options, client,
            self);
    aire__spelling_free(&spelling);
    return status;
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
    aire_status status = aire__client_options_take(options, &ours);
    if (status == AIRE_OK)
        status = open_client(ctx, spec, &ours, &client, &self);
    if (status != AIRE_OK)
        return status;
    status = aire__model_new(ctx, spec, &client, self, out);
    if (status != AIRE_OK)
        client.destroy(self);
    return status;
}

const char *aire_model_key_variable(const char *spec)
{
    size_t length = spec ? strcspn(spec, ":") : 0;
    const aire_provider *provider = length ? aire__provider_find(spec, length) : NULL;
    return provider ? provider->key_variable : NULL;
}
