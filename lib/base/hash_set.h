/* Sets of byte strings, of which only a 64-bit hash is kept (FNV-1a): for comparing texts. */
#ifndef AIRE_BASE_HASH_SET_H
#define AIRE_BASE_HASH_SET_H

#include <stdbool.h>

#include "aire/context.h"

typedef struct aire_hash_set {
    aire_ctx *ctx; /* borrowed */
    uint64_t *values;
    size_t count, capacity;
} aire_hash_set;

/* A set starts as {.ctx = ctx}. False when there is no memory. */
bool aire__hash_set_add(aire_hash_set *set, const void *data, size_t length);

/* Put it in order, once all is added; what follows needs that. */
void aire__hash_set_seal(aire_hash_set *set);
bool aire__hash_set_has(const aire_hash_set *set, const void *data, size_t length);
size_t aire__hash_set_common(const aire_hash_set *a, const aire_hash_set *b);

void aire__hash_set_free(aire_hash_set *set);

#endif
