/* What providers say when something is wrong, wherever they put it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/str.h"
#include "model/provider.h"
#include "net/redact.h"
#include "record/record.h"

enum {
    SAID_MAX = 400,   /* bytes of a server's message that are shown */
    SAID_READ = 8192, /* bytes of it that are looked at */
};

/* The message in an error's JSON; NULL if it is not there. Gemini puts errors into arrays. */
static const char *find_message(const json_t *root)
{
    if (json_is_array(root))
        root = json_array_get(root, 0);
    const json_t *error = json_object_get(root, "error");
    const json_t *places[] = {json_object_get(error, "message"), error,
                              json_object_get(root, "message"), json_object_get(root, "Message"),
                              json_object_get(root, "detail")};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (json_is_string(places[i]))
            return json_string_value(places[i]);
    return NULL;
}

/* A copy on one line, as UTF-8, without the secret, and not too long. */
static char *tame(aire_ctx *ctx, const char *text, size_t length, const char *secret)
{
    char *start = aire__strndup(ctx, text, length < SAID_READ ? length : SAID_READ);
    char *said = start ? aire__record_text(ctx, start) : NULL;
    aire_free(ctx, start);
    if (!said)
        return NULL;
    aire__redact_parts(said, secret);
    for (char *at = said; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = ' ';
    said[aire__utf8_cut(said, strlen(said), SAID_MAX)] = '\0';
    return said;
}

aire_status aire__provider_error_text(aire_ctx *ctx, const char *body, size_t length,
                                      const char *secret, char **out)
{
    json_error_t ignored;
    json_t *root = json_loadb(body, length, 0, &ignored);
    const char *message = find_message(root);
    char *said =
        message ? tame(ctx, message, strlen(message), secret) : tame(ctx, body, length, secret);
    json_decref(root);
    if (!said)
        return aire__fail_nomem();
    *out = said;
    return AIRE_OK;
}

aire_status aire__reading_missing(const aire_reading *r, const char *what, const json_t *root)
{
    const char *message = find_message(root);
    char *said = message ? tame(r->ctx, message, strlen(message), r->secret) : NULL;
    if (message && !said)
        return aire__fail_nomem();
    aire_status status = aire__fail(AIRE_PROTOCOL, "%s: the answer has no \"%s\"%s%s", r->where,
                                    what, said ? "; it says: " : "", said ? said : "");
    aire_free(r->ctx, said);
    return status;
}

typedef struct kind_of_error {
    const char *kind;
    aire_status status;
} kind_of_error;

/* Words of all providers. What is not here is AIRE_PROTOCOL. */
static const kind_of_error kinds[] = {
    {"rate_limit_error", AIRE_RATE_LIMITED},
    {"rate_limit_exceeded", AIRE_RATE_LIMITED},
    {"too_many_requests", AIRE_RATE_LIMITED},
    {"RESOURCE_EXHAUSTED", AIRE_RATE_LIMITED},
    {"ThrottlingException", AIRE_RATE_LIMITED},
    {"overloaded_error", AIRE_NET},
    {"api_error", AIRE_NET},
    {"timeout_error", AIRE_NET},
    {"server_error", AIRE_NET},
    {"internal_error", AIRE_NET},
    {"internal_server_error", AIRE_NET},
    {"InternalServerError", AIRE_NET},
    {"service_unavailable", AIRE_NET},
    {"UNAVAILABLE", AIRE_NET},
    {"INTERNAL", AIRE_NET},
    {"DEADLINE_EXCEEDED", AIRE_NET},
    {"ABORTED", AIRE_NET},
    {"InternalServerException", AIRE_NET},
    {"ServiceUnavailableException", AIRE_NET},
    {"ModelTimeoutException", AIRE_NET},
    {"ModelNotReadyException", AIRE_NET},
    {"authentication_error", AIRE_AUTH},
    {"permission_error", AIRE_AUTH},
    {"invalid_api_key", AIRE_AUTH},
    {"UNAUTHENTICATED", AIRE_AUTH},
    {"PERMISSION_DENIED", AIRE_AUTH},
    {"AccessDeniedException", AIRE_AUTH},
};

static aire_status status_of_number(long number)
{
    if (number == 429)
        return AIRE_RATE_LIMITED;
    if (number == 401 || number == 403)
        return AIRE_AUTH;
    if (number == 408 || number == 409 || (number >= 500 && number <= 599))
        return AIRE_NET;
    return AIRE_PROTOCOL;
}

static aire_status status_of_kind(const char *kind)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].kind, kind) == 0)
            return kinds[i].status;
    return status_of_number(strtol(kind, NULL, 10));
}

aire_status aire__reading_error(aire_reading *r, const char *kind, const char *message)
{
    char *word = tame(r->ctx, kind ? kind : "error", strlen(kind ? kind : "error"), r->secret);
    char *said = tame(r->ctx, message ? message : "", message ? strlen(message) : 0, r->secret);
    aire_status status = AIRE_NOMEM;
    if (word && said) {
        status = status_of_kind(kind ? kind : "");
        r->transient = status == AIRE_RATE_LIMITED || status == AIRE_NET;
        aire__fail(status, "%s: the provider reports: %s%s%s", r->where, word, said[0] ? ": " : "",
                   said);
    } else {
        aire__fail_nomem();
    }
    aire_free(r->ctx, word);
    aire_free(r->ctx, said);
    return status;
}

aire_status aire__reading_error_value(aire_reading *r, const json_t *error, const char *const *keys)
{
    if (json_is_string(error))
        return aire__reading_error(r, NULL, json_string_value(error));
    const char *kind = NULL;
    char number[32];
    for (; !kind && *keys; keys++) {
        const json_t *value = json_object_get(error, *keys);
        if (json_is_integer(value))
            snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
        kind = json_is_integer(value) ? number : json_string_value(value);
    }
    return aire__reading_error(r, kind, json_string_value(json_object_get(error, "message")));
}
