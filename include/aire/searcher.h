/**
 * @file searcher.h
 * Searchers: they decide what to try next.
 *
 * A host asks for a plan, has it turned into ideas and run, and tells the results. All state is in
 * the store. Decisions are a function of the seed and the results told; a searcher made on a store
 * continues as if it had never stopped: a plan that was asked for, but whose ideas were not all
 * submitted, is given again.
 */
#ifndef AIRE_SEARCHER_H
#define AIRE_SEARCHER_H

#include "aire/result.h"
#include "aire/store.h"

AIRE_BEGIN_DECLS

/** A searcher. Reference counted; one thread at a time. */
typedef struct aire_searcher aire_searcher;

/** Options of aire_searcher_best_of_n_new. */
typedef struct aire_searcher_best_of_n_options {
    uint32_t struct_size; /**< sizeof(aire_searcher_best_of_n_options) */
    int32_t count;        /**< ideas in all, N; default 80 */
    int32_t batch;        /**< ideas a plan; default 10 */
    uint32_t reserved;    /**< must be 0 */
} aire_searcher_best_of_n_options;

/** Default options. */
#define AIRE_SEARCHER_BEST_OF_N_OPTIONS_INIT                                                       \
    { sizeof(aire_searcher_best_of_n_options), 0, 0, 0 }

/** Set @p options of @p size bytes to the defaults; AIRE_ABI if @p size is unknown. @since 0.1 */
AIRE_API aire_status aire_searcher_best_of_n_options_init(aire_searcher_best_of_n_options *options,
                                                          size_t size);

/**
 * Make the best-of-N searcher: fresh plans only, each avoiding the ideas before it.
 *
 * @param options nullable: the defaults
 * @param[out] out owned by caller, release with aire_searcher_unref; NULL on failure
 * @return AIRE_OK, AIRE_INVALID, AIRE_STATE (the store holds another search), AIRE_IO, AIRE_NOMEM,
 *         AIRE_ABI
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_searcher_best_of_n_new(
    aire_ctx *ctx, aire_store *store, const aire_searcher_best_of_n_options *options,
    aire_searcher **out);

/** Options of aire_searcher_evolution_new. */
typedef struct aire_searcher_evolution_options {
    uint32_t struct_size;   /**< sizeof(aire_searcher_evolution_options) */
    int32_t epochs;         /**< rounds, the first one included; default 10 */
    int32_t epoch_size;     /**< ideas an epoch, N; default 80 */
    int32_t batch;          /**< ideas a plan; default 10 */
    int32_t exploit_sample; /**< parents an exploit plan shows at most; default 100 */
    int32_t explore_sample; /**< parents an explore plan shows at most; default 100 */
    uint64_t seed;          /**< 0: the context's */
} aire_searcher_evolution_options;

/** Default options. */
#define AIRE_SEARCHER_EVOLUTION_OPTIONS_INIT                                                       \
    { sizeof(aire_searcher_evolution_options), 0, 0, 0, 0, 0, 0 }

/** Set @p options of @p size bytes to the defaults; AIRE_ABI if @p size is unknown. @since 0.1 */
AIRE_API aire_status aire_searcher_evolution_options_init(aire_searcher_evolution_options *options,
                                                          size_t size);

/**
 * Make the evolutionary searcher of arXiv 2601.14525, section 4. Epoch 0 asks for fresh ideas.
 * Epoch e asks for a share min(0.5 + 0.1 * floor(e / 2), 0.8) of its ideas to exploit (parents: a
 * uniform sample of the ideas strictly better than the mean of the baseline's rewards; all that have
 * a reward where the baseline has none), and for the rest to explore (parents: a uniform sample of
 * all, failures included). What finds nothing to exploit explores; what finds nothing to explore is
 * fresh. Each plan avoids the ideas of its epoch before it.
 *
 * Batches are whole, as in the paper: both shares are rounded down to whole batches, so an epoch has
 * fewer ideas than epoch_size where the batch does not divide them, and none that exploit where the
 * share is less than a batch. A batch larger than the epoch counts as the epoch.
 *
 * An epoch begins when the results of all ideas before it and of all baselines were told, and
 * decides on those alone: the order in which its own results arrive changes nothing. Confirming runs
 * are neither waited for nor counted.
 *
 * @param options nullable: the defaults
 * @param[out] out owned by caller, release with aire_searcher_unref; NULL on failure
 * @return AIRE_OK, AIRE_INVALID, AIRE_STATE (the store holds another search), AIRE_IO, AIRE_NOMEM,
 *         AIRE_ABI
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_searcher_evolution_new(
    aire_ctx *ctx, aire_store *store, const aire_searcher_evolution_options *options,
    aire_searcher **out);

/** A searcher of the host's own. Called on the thread that calls the searcher. */
typedef struct aire_searcher_ops {
    uint32_t struct_size; /**< sizeof(aire_searcher_ops) */
    uint32_t reserved;    /**< must be 0 */
    aire_status (*ask)(aire_plan **out, void *user_data);             /**< required */
    aire_status (*tell)(aire_result *result, void *user_data);        /**< required */
    aire_status (*abandon)(aire_plan *plan, void *user_data);         /**< optional */
    /** Write the state as text, owned by caller, from aire_alloc; optional. */
    aire_status (*save)(char **out, void *user_data);
    /** Take up a saved state; optional. */
    aire_status (*load)(const char *state, void *user_data);
    void (*destroy)(void *user_data);                                 /**< optional */
} aire_searcher_ops;

/**
 * Make a searcher from functions of the host. Its plans are numbered and kept in the store, each
 * tell is stored, and where there are `save` and `load` its state is kept beside every tell and
 * taken up again here. @p user_data is owned by the searcher on success.
 *
 * @param name copied; a store holds one search, known by its name
 * @param[out] out owned by caller, release with aire_searcher_unref; NULL on failure
 * @return AIRE_OK, AIRE_INVALID (a required function is missing), AIRE_STATE (the store holds
 *         another search), what `load` failed with, AIRE_IO, AIRE_NOMEM, AIRE_ABI
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_searcher_new_from_ops(aire_ctx *ctx, aire_store *store,
                                                           const char *name,
                                                           const aire_searcher_ops *ops,
                                                           void *user_data, aire_searcher **out);

/** Take a reference; returns @p searcher. @since 0.1 */
AIRE_API aire_searcher *aire_searcher_ref(aire_searcher *searcher);
/** Drop a reference; NULL is allowed. @since 0.1 */
AIRE_API void aire_searcher_unref(aire_searcher *searcher);

/**
 * What to try next. Asking again means that all ideas of the plan before have been submitted, and
 * closes it: even if they were fewer than wanted, no later process is asked for the rest.
 *
 * @param[out] out owned by caller, release with aire_plan_unref; NULL unless AIRE_OK
 * @return AIRE_OK; AIRE_EMPTY: tell more results first; AIRE_DONE: nothing more to try; AIRE_IO,
 *         AIRE_NOMEM
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_searcher_ask(aire_searcher *searcher, aire_plan **out);

/**
 * Tell a result; telling it again changes nothing, and a tell that failed may be repeated. Results
 * of baselines say what there is to beat: tell every result that an executor gives.
 *
 * @return AIRE_OK, AIRE_NOT_FOUND (a run that the store does not have), AIRE_IO, AIRE_BUSY (lease
 *         lost), AIRE_NOMEM
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_searcher_tell(aire_searcher *searcher, aire_result *result);

/** Give a plan up: no more ideas will be submitted for it. AIRE_OK, AIRE_IO. @since 0.1 */
AIRE_API AIRE_CHECK aire_status aire_searcher_abandon(aire_searcher *searcher, aire_plan *plan);

AIRE_END_DECLS

#endif
