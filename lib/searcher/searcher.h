/* Searchers, from the inside: what the built-in ones share with the handle around them. */
#ifndef AIRE_SEARCHER_SEARCHER_H
#define AIRE_SEARCHER_SEARCHER_H

#include "aire/searcher.h"
#include "store/store.h"

/* Learns of a result that was told before the search was taken up. */
typedef aire_status (*aire__recall_fn)(const aire_told *facts, void *user_data);

/*
 * Make the handle around a table of functions: ties the store to the search by its name and
 * options, numbers plans, and tells each result once. What was told before goes to `recall`; if
 * that is NULL, to `tell`, unless a state was loaded. `user_data` is taken over on success.
 */
aire_status aire__searcher_make(aire_ctx *ctx, aire_store *store, const char *name,
                                const char *options, const aire_searcher_ops *ops,
                                aire__recall_fn recall, void *user_data, aire_searcher **out);

/* How many plans there are in the store: the built-in searchers' place in their schedule. */
aire_status aire__searcher_plans(aire_store *store, int64_t *count);

/*
 * The ideas of plans `first` to `last` (numbers in the store, which are consecutive), for an avoid
 * list. *ideas is from aire_alloc, each a reference; freed by aire__ideas_drop.
 */
aire_status aire__searcher_ideas(aire_ctx *ctx, aire_store *store, int64_t first, int64_t last,
                                 aire_idea ***ideas, size_t *count);
void aire__ideas_drop(aire_ctx *ctx, aire_idea **ideas, size_t count);

#endif
