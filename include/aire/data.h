/**
 * @file data.h
 * Training data: shards of tokens in the `.bin` format of FineWeb and llm.c, and a loader.
 *
 * A shard is 256 little-endian 32-bit integers (20240520, version 1, number of tokens, zeros) and
 * then the tokens, 16 bits each.
 */
#ifndef AIRE_DATA_H
#define AIRE_DATA_H

#include "aire/context.h"

AIRE_BEGIN_DECLS

/** A shard being written. One thread at a time. */
typedef struct aire_shard_writer aire_shard_writer;

/**
 * Begin a shard. It takes its name when it is finished; until then nothing is there.
 *
 * @param[out] out owned by caller, ended with aire_shard_writer_finish or aire_shard_writer_drop
 * @return AIRE_OK, AIRE_IO, AIRE_NOMEM
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_shard_writer_new(aire_ctx *ctx, const char *path,
                                                      aire_shard_writer **out);

/** Append tokens. AIRE_OK, AIRE_IO, AIRE_LIMIT (2^31 - 1 tokens). @since 0.1 */
AIRE_API AIRE_CHECK aire_status aire_shard_writer_append(aire_shard_writer *writer,
                                                         const uint16_t *tokens, size_t count);

/** Complete the shard and put it in its place; the writer is gone, also on failure. AIRE_OK,
 * AIRE_IO. @since 0.1 */
AIRE_API AIRE_CHECK aire_status aire_shard_writer_finish(aire_shard_writer *writer);

/** Give the shard up; NULL is allowed. @since 0.1 */
AIRE_API void aire_shard_writer_drop(aire_shard_writer *writer);

/** A loader of batches from shards. One thread at a time. */
typedef struct aire_loader aire_loader;

/** Options of aire_loader_new. */
typedef struct aire_loader_options {
    uint32_t struct_size; /**< sizeof(aire_loader_options) */
    int32_t rank;         /**< this process among `world`, from 0 */
    int32_t world;        /**< processes that share the data; 0: 1 */
    int32_t batch;        /**< sequences of a batch, B; required */
    int32_t length;       /**< tokens of a sequence, T; required */
    int32_t vocabulary;   /**< tokens must be below it; 0: 65536 */
} aire_loader_options;

/** Default options. */
#define AIRE_LOADER_OPTIONS_INIT                                                                   \
    {                                                                                              \
        sizeof(aire_loader_options), 0, 0, 0, 0, 0                                                 \
    }

/** Set @p options of @p size bytes to the defaults; AIRE_ABI if @p size is unknown. @since 0.1 */
AIRE_API aire_status aire_loader_options_init(aire_loader_options *options, size_t size);

/**
 * Open all shards that a pattern names, in the order of their names, as one stream.
 *
 * The reading is that of the DistributedDataLoader of modded-nanogpt: process `rank` begins at
 * rank * B * T of the first shard; after each batch all go on by world * B * T, and to the next
 * shard (after the last the first) where less than world * B * T + 1 tokens are left.
 *
 * @param pattern path whose last part may hold * and ?, such as /data/train_*.bin
 * @param[out] out owned by caller, release with aire_loader_free; NULL on failure
 * @return AIRE_OK, AIRE_NOT_FOUND (no such shard), AIRE_FORMAT (a malformed shard, or one too short
 *         for a batch: which, and why), AIRE_INVALID, AIRE_IO, AIRE_NOMEM, AIRE_ABI
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_loader_new(aire_ctx *ctx, const char *pattern,
                                                const aire_loader_options *options,
                                                aire_loader **out);

/** Release; NULL is allowed. @since 0.1 */
AIRE_API void aire_loader_free(aire_loader *loader);

/**
 * The next batch: target i is the token after input i.
 *
 * @param inputs  [B, T], written
 * @param targets [B, T], written
 * @return AIRE_OK, AIRE_FORMAT (a token outside the vocabulary)
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_loader_next(aire_loader *loader, int32_t *inputs,
                                                 int32_t *targets);

/** Tokens in all shards. @since 0.1 */
AIRE_API int64_t aire_loader_tokens(const aire_loader *loader);

/** Where the next batch begins: shard and token, for a checkpoint. @since 0.1 */
AIRE_API void aire_loader_tell(const aire_loader *loader, int64_t *shard, int64_t *token);

/** Go on at such a place. AIRE_OK, AIRE_INVALID. @since 0.1 */
AIRE_API AIRE_CHECK aire_status aire_loader_seek(aire_loader *loader, int64_t shard, int64_t token);

AIRE_END_DECLS

#endif
