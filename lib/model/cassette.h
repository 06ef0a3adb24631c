/*
 * Cassettes: the lines of a recording, written and read.
 *
 * A request's hash is the SHA-256 of its neutral form: one JSON object with members in a fixed
 * order, in which what the request leaves to the provider is absent, so that a new member changes
 * no old hash. It holds what can change the answer. Purpose, plan and idea say what a call is for
 * and are not in it; nor is the model, so that a cassette can stand in for any.
 */
#ifndef AIRE_MODEL_CASSETTE_H
#define AIRE_MODEL_CASSETTE_H

#include "aire/model.h"
#include "base/hash.h"
#include "base/json.h"

/* The neutral form, owned by caller, and its hash. */
aire_status aire__cassette_neutral(aire_ctx *ctx, const aire_request *request, json_t **out,
                                   char hash[AIRE_SHA256_HEX]);

/* A line as far as it is known before the answer: {"hash", "purpose", "request"}. */
aire_status aire__cassette_begin(aire_ctx *ctx, const aire_request *request, json_t **out);

/* Complete it with an answer, or a failure with its code and detail, and write it as text that ends
 * in a newline. *out is from aire_alloc. */
aire_status aire__cassette_end(aire_ctx *ctx, json_t *line, aire_status ended,
                               const aire_answer *answer, int32_t code, const char *detail,
                               char **out);

/* What a line holds: an answer, or a failure. */
typedef struct aire_take {
    char hash[AIRE_SHA256_HEX]; /* "" for a line without: it fits any request */
    aire_answer *answer;        /* NULL for a failure */
    aire_status status;
    int32_t code;
    char *detail;
} aire_take;

aire_status aire__cassette_read(aire_ctx *ctx, const char *line, size_t length, aire_take *out);
void aire__cassette_free_take(aire_ctx *ctx, aire_take *take);

#endif
