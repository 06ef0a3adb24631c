/*
 * Providers: how a request is written for one, and how its answer is read. Pure: no I/O, so that
 * what goes over the wire is a golden file of the tests.
 *
 * A provider writes the neutral request in its own form, and reads answers that came in one piece
 * or as server-sent events into a reading. It ignores fields that it does not know, and names those
 * that are missing. A request is one that aire__request_take has let through.
 */
#ifndef AIRE_MODEL_PROVIDER_H
#define AIRE_MODEL_PROVIDER_H

#include <stdbool.h>

#include "aire/model.h"
#include "base/buf.h"
#include "base/json.h"

/* An answer in the making. Its texts are UTF-8 without NUL at any time. */
typedef struct aire_reading {
    aire_ctx *ctx;
    const char *where; /* for messages: "POST URL" */
    /* Starred out of messages, and of what the host is told; NULL for none. Set after the init. */
    const char *secret;
    aire_buf text, thinking;
    char finish[64]; /* one of aire_answer_options.finish; "" while unknown */
    int64_t input_tokens, output_tokens, cached_tokens, thinking_tokens; /* as for an answer */
    char id[128];   /* the answer's own number, where no header has one */
    bool whole;     /* the answer has ended; counts of tokens may follow, but a stream that ends
                     * here was not cut */
    bool complete;  /* the provider has said that nothing more comes; so `whole` is set, too */
    bool transient; /* of a failure: another try may fare better */
    aire_delta_fn delta; /* nullable */
    void *delta_user_data;

    char cut[2][4]; /* characters of text and of thinking that have begun */
    size_t told[2]; /* bytes of both that the host was told */
    aire_buf held;  /* of think.c: what may be part of a tag */
    int32_t tags;   /* of think.c: where in the text */
} aire_reading;

/* `where` is borrowed; of the request (NULL: none) only the delta function is kept. */
void aire__reading_init(aire_reading *r, aire_ctx *ctx, const char *where,
                        const aire_request *request);
void aire__reading_free(aire_reading *r);

/* Begin anew, for another try; the host is told. */
void aire__reading_restart(aire_reading *r);

/* Add a piece, and tell the host; a character may be cut between two pieces of a kind, and what is
 * no UTF-8 becomes U+FFFD. `kind`: AIRE_DELTA_*. */
void aire__reading_add(aire_reading *r, int32_t kind, const char *text);
void aire__reading_add_bytes(aire_reading *r, int32_t kind, const char *bytes, size_t length);

/* As above, for a JSON value; nothing if it is no string. */
void aire__reading_add_value(aire_reading *r, int32_t kind, const json_t *value);

/* A new part of the thinking begins: an empty line stands between two. */
void aire__reading_part(aire_reading *r);

/* What was thought to be text is thinking; the host is told anew. */
void aire__reading_rethink(aire_reading *r);

/* The answer has ended: add what was held back, and set `whole`. Once more does nothing. */
void aire__reading_end(aire_reading *r);

/* AIRE_OK, or what the texts could not hold: AIRE_NOMEM, AIRE_LIMIT. */
aire_status aire__reading_status(const aire_reading *r);

/* Set the finish from a provider's word (NULL: leave it), by a table that ends in NULL; other words
 * stay. A refusal stays a refusal. */
typedef struct aire_word {
    const char *theirs, *ours;
} aire_word;
void aire__reading_finish(aire_reading *r, const char *word, const aire_word *table);

/* Keep the answer's number, a string. */
void aire__reading_id(aire_reading *r, const json_t *id);

/* A count of tokens: 0 if it is missing, no integer or negative; at most 2^53. */
int64_t aire__reading_count(const json_t *usage, const char *key);

/* Set the answer's texts, finish, counts and number; borrowed from the reading. */
void aire__reading_answer(const aire_reading *r, aire_answer_options *fields);

/* A part that must be there is not: AIRE_PROTOCOL, naming it, with what the provider says. */
aire_status aire__reading_missing(const aire_reading *r, const char *what, const json_t *root);

/* An error that a provider reports in an answer or in the middle of a stream. AIRE_RATE_LIMITED,
 * AIRE_NET (both transient), AIRE_AUTH or AIRE_PROTOCOL, by its kind ("rate_limit_error",
 * "overloaded_error", an HTTP status, ...). Both are nullable. */
aire_status aire__reading_error(aire_reading *r, const char *kind, const char *message);

/* As above, for a JSON value: an object that has "message", and its kind under one of `keys` (ends
 * in NULL), or the message itself. */
aire_status aire__reading_error_value(aire_reading *r, const json_t *error,
                                      const char *const *keys);

typedef struct aire_provider {
    const char *name; /* in spellings: "anthropic" */

    /* URL that requests begin with, unless another is named; NULL: the spelling says it. */
    const char *base;
    const char *key_header;        /* such as "x-api-key"; NULL: "Authorization: Bearer" */
    const char *key_variable;      /* that drivers read the key from; NULL: none of its own */
    const char *const *headers;    /* always sent, "Name: value", ends in NULL; nullable */
    const char *request_id_header; /* of answers; nullable */
    bool streams;                  /* answers as server-sent events can be asked for */

    /* The URL to POST to, from aire_alloc; `model` is percent-encoded where it goes into a path. */
    aire_status (*url)(aire_ctx *ctx, const char *base, const char *model, bool stream, char **out);

    /* The body, as JSON with a fixed order of keys: the same request gives the same bytes.
     * What the provider cannot do is AIRE_UNSUPPORTED with a detail that says so; AIRE_INVALID is a
     * schema that is none. */
    aire_status (*write)(aire_ctx *ctx, const aire_request *request, const char *model, bool stream,
                         char **out);

    /* Read an answer that came in one piece (an object). AIRE_OK, or as for an event. */
    aire_status (*read)(aire_reading *r, const json_t *root);

    /* Read one event; `data` is the object in it, NULL for "[DONE]". Sets r->whole and r->complete.
     * AIRE_OK, AIRE_PROTOCOL, AIRE_NOMEM, AIRE_LIMIT, or what aire__reading_error gives. */
    aire_status (*read_event)(aire_reading *r, const char *type, const json_t *data);
} aire_provider;

extern const aire_provider aire__anthropic, aire__openai, aire__chat, aire__gemini, aire__bedrock;

/* The provider of a name; NULL if there is none. */
const aire_provider *aire__provider_find(const char *name, size_t length);

/* The header line that carries a key, "Name: value", from aire_alloc; it is a secret. */
aire_status aire__provider_key_line(aire_ctx *ctx, const aire_provider *provider, const char *key,
                                    char **out);

/* A JSON object that a provider sent; AIRE_PROTOCOL, with a message that quotes nothing of it. */
aire_status aire__provider_load(aire_ctx *ctx, const char *where, const char *what,
                                const char *text, size_t length, json_t **out);

/* Read the bytes of a whole answer, or the data of an event: JSON, or AIRE_PROTOCOL that says where
 * it is none. */
aire_status aire__provider_read(const aire_provider *provider, aire_reading *r, const char *body,
                                size_t length);
aire_status aire__provider_read_event(const aire_provider *provider, aire_reading *r,
                                      const char *type, const char *data, size_t length);

/* What a provider says in the body of an HTTP error, on one line and not too long, from aire_alloc;
 * "" if it says nothing. The secret (NULL: none) and its parts are starred out. */
aire_status aire__provider_error_text(aire_ctx *ctx, const char *body, size_t length,
                                      const char *secret, char **out);

#endif
