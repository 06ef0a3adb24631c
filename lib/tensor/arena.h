/* Laying buffers of known lifetimes out in one arena. */
#ifndef AIRE_TENSOR_ARENA_H
#define AIRE_TENSOR_ARENA_H

#include "aire/context.h"

/* Buffers begin at multiples of this. */
#define AIRE_ARENA_ALIGNMENT ((uint64_t)64)

typedef struct aire_span {
    int64_t first, last; /* steps in which it is used, both included */
    uint64_t bytes;
    uint64_t offset; /* set by aire__arena_lay_out */
} aire_span;

/*
 * Set the offsets so that no two spans that are in use in one step overlap; *bytes is the size of
 * the arena. Sorts the spans. Best fit, in order of the first step. AIRE_NOMEM.
 */
aire_status aire__arena_lay_out(aire_ctx *ctx, aire_span *const *spans, size_t count,
                                uint64_t *bytes);

#endif
