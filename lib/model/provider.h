/*
 * Providers: how a request is written for one, and how its answer is read. Pure: no I/O, so that
 * what goes over the wire is a golden file of the tests.
 *
 * A provider writes the neutral request in its own form, and reads answers that came in one piece
 * or as server-sent events into a reading. It ignores fields that it does not know, and names those
 * that are missing.
 */
#ifndef AIRE_MODEL_PROVIDER_H
#define AIRE_MODEL_PROVIDER_H

#include <stdbool.h>

#include "aire/model.h"
#include "base/buf.h"
#include "base/json.h"

/* An answer in the making. */
typedef struct aire_reading {
    aire_ctx *ctx;
    const char *where; /* for messages: "POST URL" */
    aire_buf text, thinking;
    char finish[64]; /* one of aire_answer_options.finish; "" while unknown */
    int64_t input_tokens, output_tokens, cached_tokens, thinking_tokens; /* as for an answer */
    char id[128];  /* the answer's own number, where no header has one */
    bool complete; /* the provider has said that nothing more comes */
    bool transient; /* of a failure: another try may fare better */
    aire_delta_fn delta; /* nullable */
    void *delta_user_data;
} aire_reading;

void aire__reading_init(aire_reading *r, aire_ctx *ctx, const char *where,
                        const aire_request *request);
void aire__reading_free(aire_reading *r);

/* Begin anew, for another try; the host is told. */
void aire__reading_restart(aire_reading *r);

/* Add a piece, and tell the host. `kind`: AIRE_DELTA_*. */
void aire__reading_add(aire_reading *r, int32_t kind, const char *text);

/* Set the finish from a provider's word, by a table that ends in NULL; other words stay. */
typedef struct aire_word {
    const char *theirs, *ours;
} aire_word;
void aire__reading_finish(aire_reading *r, const char *word, const aire_word *table);

/* A part that must be there is not: AIRE_PROTOCOL, naming it, with what the provider says. */
aire_status aire__reading_missing(const aire_reading *r, const char *what, const json_t *root);

/* An error that a provider reports in the middle of a stream. AIRE_RATE_LIMITED, AIRE_NET (both
 * transient), AIRE_AUTH or AIRE_PROTOCOL, by its kind ("rate_limit_error", "overloaded_error", an
 * HTTP status, ...). */
aire_status aire__reading_error(aire_reading *r, const char *kind, const char *message);

typedef struct aire_provider {
    const char *name;          /* in spellings: "anthropic" */
    const char *base;          /* URL that requests begin with, unless another is named; NULL: must be named */
    const char *key_header;    /* such as "x-api-key"; NULL: "Authorization: Bearer" */
    const char *key_variable;  /* that drivers read the key from, such as ANTHROPIC_API_KEY */
    const char *const *headers;/* always sent, "Name: value", ends in NULL; nullable */
    const char *request_id_header; /* of answers; nullable */
    bool streams;              /* answers as server-sent events can be asked for */

    /* The URL to POST to, from aire_alloc; `model` is percent-encoded where it goes into a path. */
    aire_status (*url)(aire_ctx *ctx, const char *base, const char *model, bool stream, char **out);

    /* The body, as JSON with sorted or fixed order of keys: the same request gives the same bytes.
     * What the provider cannot do is AIRE_UNSUPPORTED with a detail that says so. */
    aire_status (*write)(aire_ctx *ctx, const aire_request *request, const char *model,
                         bool stream, char **out);

    /* Read an answer that came in one piece (an object). AIRE_OK, AIRE_PROTOCOL, ... */
    aire_status (*read)(aire_reading *r, const json_t *root);

    /* Read one event; `data` is the object in it, NULL for "[DONE]". Sets r->complete at the end. */
    aire_status (*read_event)(aire_reading *r, const char *type, const json_t *data);
} aire_provider;

extern const aire_provider aire__anthropic, aire__openai, aire__chat, aire__gemini, aire__bedrock;

/* What a provider says in the body of an HTTP error, on one line and not too long, from aire_alloc;
 * "" if it says nothing. */
aire_status aire__provider_error_text(aire_ctx *ctx, const char *body, size_t length, char **out);

#endif
