/**
 * @file embedding.h
 * Embeddings: texts as vectors, whose angle says how alike they mean.
 */
#ifndef AIRE_EMBEDDING_H
#define AIRE_EMBEDDING_H

#include "aire/model.h"

AIRE_BEGIN_DECLS

/** A client of an embedding model. Reference counted; thread-safe. */
typedef struct aire_embedder aire_embedder;

/**
 * Make a client of an OpenAI-compatible endpoint for embeddings. Requests are tried again as a model's
 * are; the limits per minute of the options hold, the budget does not count them.
 *
 * @param spec "chat:MODEL@URL" or "openai:MODEL"
 * @param options nullable: the defaults
 * @param[out] out owned by caller, release with aire_embedder_unref; NULL on failure
 * @return AIRE_OK, AIRE_INVALID, AIRE_UNSUPPORTED (another provider), AIRE_NET, AIRE_NOMEM, AIRE_ABI
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_embedder_new(aire_ctx *ctx, const char *spec,
                                                  const aire_model_options *options,
                                                  aire_embedder **out);
/** Take a reference; returns @p embedder. @since 0.1 */
AIRE_API aire_embedder *aire_embedder_ref(aire_embedder *embedder);
/** Drop a reference; NULL is allowed. @since 0.1 */
AIRE_API void aire_embedder_unref(aire_embedder *embedder);

/**
 * Embed texts, and wait.
 *
 * @param texts UTF-8, @p count of them, from 1
 * @param cancel nullable: a token that gives up waiting
 * @param[out] values vector i begins at i * *dimension; free with aire_free; NULL on failure
 * @param[out] dimension of each vector; written on success only
 * @return AIRE_OK, AIRE_NET, AIRE_TIMEOUT, AIRE_AUTH, AIRE_RATE_LIMITED, AIRE_PROTOCOL,
 *         AIRE_CANCELLED, AIRE_LIMIT (vectors are too long), AIRE_INVALID, AIRE_NOMEM, what the
 *         function for the key failed with
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_embedder_embed(aire_embedder *embedder,
                                                    const char *const *texts, size_t count,
                                                    aire_cancel *cancel, float **values,
                                                    size_t *dimension);

/** Cosine of the angle between two vectors, from -1 to 1; 0 if one of them is 0. @since 0.1 */
AIRE_API double aire_embedding_cosine(const float *a, const float *b, size_t dimension);

AIRE_END_DECLS

#endif
