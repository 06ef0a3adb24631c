/* Spellings of models. */
#include "model/spelling.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/str.h"

#define SPELLINGS                                                                                  \
    "chat:MODEL@URL (such as chat:qwen3-8b@http://127.0.0.1:8080/v1), anthropic:MODEL, "           \
    "openai:MODEL, gemini:MODEL, bedrock:REGION/MODEL, each also with @URL of another endpoint, "  \
    "or replay:FILE"

/* Shown up to the URL only, in which there may be a password. */
static aire_status unknown(const char *spec)
{
    return aire__fail(AIRE_INVALID, "model \"%.*s\": expected " SPELLINGS, (int)strcspn(spec, "@"),
                      spec);
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
        return bad_url(url, "it must end before the path of the request (such as "
                            "\"/chat/completions\"), without \"?\" or \"#\"");
    return AIRE_OK;
}

/* Where "@URL" begins; NULL if there is none. */
static const char *find_url(const char *text)
{
    const char *plain = strstr(text, "@http://"), *safe = strstr(text, "@https://");
    if (!plain || (safe && safe < plain))
        return safe;
    return plain;
}

/* Bedrock's models are reached in a region: "REGION/MODEL". Gives the length of the region, 0 if it
 * is none. */
static size_t region_length(const char *text)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return text[length] == '/' ? length : 0;
}

static char *base_of(aire_ctx *ctx, const aire_provider *provider, const char *url,
                     const char *region, size_t region_size)
{
    if (!url && !provider->base)
        return aire__asprintf(ctx, "https://bedrock-runtime.%.*s.amazonaws.com", (int)region_size,
                              region);
    const char *base = url ? url : provider->base;
    size_t length = strlen(base);
    while (length > 0 && base[length - 1] == '/')
        length--;
    return aire__strndup(ctx, base, length);
}

static aire_status read_rest(aire_ctx *ctx, const char *spec, const char *rest,
                             const aire_provider *provider, aire_spelling *out)
{
    const char *url = find_url(rest), *model = rest;
    bool regional = provider == &aire__bedrock;
    size_t region = regional ? region_length(rest) : 0;
    model += region ? region + 1 : 0;
    size_t length = url && url >= model ? (size_t)(url - model) : strlen(model);
    if (length == 0 || (regional && !region) || (!url && !provider->base && !regional))
        return unknown(spec);
    aire_status status = url ? check_url(url + 1) : AIRE_OK;
    if (status != AIRE_OK)
        return status;
    *out = (aire_spelling){
        .ctx = ctx,
        .provider = provider,
        .model = aire__strndup(ctx, model, length),
        .base = base_of(ctx, provider, url ? url + 1 : NULL, rest, region),
    };
    if (out->model && out->base)
        return AIRE_OK;
    aire__spelling_free(out);
    return aire__fail_nomem();
}

aire_status aire__spelling_parse(aire_ctx *ctx, const char *spec, aire_spelling *out)
{
    static const char replay[] = "replay:";
    const char *colon = strchr(spec, ':');
    const aire_provider *provider =
        colon ? aire__provider_find(spec, (size_t)(colon - spec)) : NULL;
    if (provider)
        return read_rest(ctx, spec, colon + 1, provider, out);
    if (!aire__starts_with(spec, replay))
        return unknown(spec);
    char *file = aire__strdup(ctx, spec + strlen(replay));
    if (!file)
        return aire__fail_nomem();
    *out = (aire_spelling){.ctx = ctx, .model = file};
    return AIRE_OK;
}

void aire__spelling_free(aire_spelling *spelling)
{
    aire_free(spelling->ctx, spelling->model);
    aire_free(spelling->ctx, spelling->base);
    *spelling = (aire_spelling){0};
}

void aire__url_host(const char *url, char *host, size_t size)
{
    const char *begin = strstr(url, "://");
    begin = begin ? begin + 3 : url;
    snprintf(host, size, "%.*s", (int)strcspn(begin, ":/"), begin);
}
