/*
 * What a search was told, and what an epoch may show of it: the pools that parents are drawn from.
 *
 * A pool is a function of what was told, taken in the order of the ideas' numbers, so that the
 * order of the tells does not show. It is kept from decision to decision, and from epoch to epoch
 * looks at what came since alone. Of results that were told before the search was taken up only the
 * facts are held; the rest is read when one is drawn.
 */
#ifndef AIRE_SEARCHER_PAST_H
#define AIRE_SEARCHER_PAST_H

#include "base/rng.h"
#include "store/store.h"

/* A result that was told. */
typedef struct aire_past_entry {
    int64_t number; /* of the idea, or of the baseline's run */
    int64_t run_id;
    int32_t epoch;       /* of the idea; -1 for one of the host's own */
    double reward;       /* NAN for a failure */
    aire_result *result; /* a reference; NULL until it is wanted */
} aire_past_entry;

/* In the order of their numbers. */
typedef struct aire_past_list {
    aire_past_entry **items;
    size_t count, capacity;
} aire_past_list;

typedef struct aire_pool {
    bool made;               /* for the epoch that is, from all that was told */
    aire_past_entry **items; /* borrowed */
    size_t count, capacity;
    size_t settled; /* so many of the first ideas are of past epochs, now and later */
    size_t kept;    /* and gave so many of the first items */
} aire_pool;

typedef struct aire_past {
    aire_ctx *ctx;            /* borrowed */
    aire_store *store;        /* borrowed */
    aire_past_list ideas;     /* failures included */
    aire_past_list baselines; /* those with a reward */
    int32_t epoch;            /* that the pools are of; it only grows */
    aire_pool exploit, explore;
    size_t *order; /* room to draw in */
    size_t order_capacity;
} aire_past;

void aire__past_init(aire_past *past, aire_ctx *ctx, aire_store *store);
void aire__past_clear(aire_past *past);

/*
 * Something was told: `result`, or NULL where the store has it. Confirming runs say how sure a
 * reward is, not which ideas there are: they change nothing. The store has one run of kind IDEA for
 * an idea, and tells are told once, so none comes twice.
 */
aire_status aire__past_add(aire_past *past, const aire_told *facts, aire_result *result);

/*
 * A uniform sample, without replacement, of at most `wanted` ideas that are older than the epoch:
 * to explore all of them, to exploit those strictly better than the mean of the baseline's rewards
 * (without one, those that have a reward). *out is from aire_alloc, its entries borrowed; NULL for
 * none.
 */
aire_status aire__past_sample(aire_past *past, int32_t epoch, int32_t kind, aire_rng *rng,
                              size_t wanted, aire_result ***out, size_t *count);

#endif
