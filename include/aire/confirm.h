/**
 * @file confirm.h
 * Confirmation: is an idea better, or was it lucky? It is run again on fresh seeds, beside the
 * baseline, and both samples are compared.
 *
 * A search that tries many ideas picks the luckiest among the good: its reward is too high. Only
 * runs on seeds that played no part in the choice say what an idea is worth.
 */
#ifndef AIRE_CONFIRM_H
#define AIRE_CONFIRM_H

#include "aire/executor.h"
#include "aire/stats.h"

AIRE_BEGIN_DECLS

/**
 * Put the runs of a confirmation in the queue: for each seed the idea once more (AIRE_RUN_CONFIRM)
 * and the baseline, each at most once, whatever was submitted before.
 *
 * @param idea  with a number, as a result of the store names it
 * @param seeds fresh ones, from 1, which no run of the search had
 * @return AIRE_OK; AIRE_INVALID (no number, no seeds, a seed of 0); as aire_executor_submit, and
 *         what was submitted before a failure stays
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_executor_confirm(aire_executor *executor, aire_idea *idea,
                                                      const uint64_t *seeds, size_t count);

/** What is known of an idea from its confirming runs. */
typedef struct aire_confirmation {
    uint32_t struct_size;  /**< sizeof(aire_confirmation), set by the caller */
    uint32_t failures;     /**< confirming runs that ended without a reward */
    int64_t idea_id;
    aire_summary idea;     /**< rewards of the confirming runs; n is its count */
    aire_summary baseline; /**< rewards of the baseline on the same seeds; count 0 if there are none */
    double gain;           /**< difference of the means; NaN without a baseline */
    double p;              /**< one-sided rank test, aire_stats_rank_test; NaN without a baseline */
} aire_confirmation;

/**
 * Compare the confirming runs of an idea that have finished with the baseline's on the same seeds.
 *
 * @param[out] out written only on success
 * @return AIRE_OK; AIRE_EMPTY if the idea has no confirming run with a reward; AIRE_IO,
 *         AIRE_CORRUPT, AIRE_NOMEM, AIRE_ABI
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_store_confirmation(aire_store *store, int64_t idea_id,
                                                        aire_confirmation *out);

/**
 * The best confirmed idea: the highest mean of at least @p least confirming runs (from 1), none of
 * which failed.
 *
 * @param[out] out written only on success
 * @return AIRE_OK; AIRE_EMPTY if no idea is confirmed so; AIRE_INVALID; as aire_store_confirmation
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_store_best_confirmed(aire_store *store, int32_t least,
                                                          aire_confirmation *out);

AIRE_END_DECLS

#endif
