/*
 * Embeddings: texts as vectors, from an OpenAI-compatible endpoint. Pure: no I/O.
 *
 * Requests and answers: https://platform.openai.com/docs/api-reference/embeddings
 */
#ifndef AIRE_MODEL_EMBEDDINGS_H
#define AIRE_MODEL_EMBEDDINGS_H

#include "base/json.h"

typedef struct aire_embeddings {
    aire_ctx *ctx; /* borrowed */
    float *values; /* vector i begins at values + i * dimension */
    size_t count, dimension;
    int64_t input_tokens; /* 0 if unknown */
} aire_embeddings;

/* "BASE/embeddings", from aire_alloc. */
aire_status aire__embeddings_url(aire_ctx *ctx, const char *base, char **out);

/* The body of a request; bytes that are not UTF-8 become U+FFFD. */
aire_status aire__embeddings_write(aire_ctx *ctx, const char *model, const char *const *texts,
                                   size_t count, char **out);

/*
 * Read an answer for `count` texts (1 or more), in the order of their index. `where` is for
 * messages. AIRE_PROTOCOL: a part is missing, or an index is or comes twice; a vector is empty, has
 * another dimension than the first, or holds what is no finite number. AIRE_LIMIT (more than 65,536
 * dimensions), AIRE_NOMEM. Release with aire__embeddings_free.
 */
aire_status aire__embeddings_read(aire_ctx *ctx, const char *where, const json_t *root,
                                  size_t count, aire_embeddings *out);
void aire__embeddings_free(aire_embeddings *embeddings);

#endif
