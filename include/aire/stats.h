/**
 * @file stats.h
 * Statistics of rewards: is an idea better than the baseline, or lucky?
 */
#ifndef AIRE_STATS_H
#define AIRE_STATS_H

#include "aire/status.h"

AIRE_BEGIN_DECLS

/** A sample's summary. */
typedef struct aire_summary {
    uint32_t struct_size; /**< sizeof(aire_summary), set by the caller */
    uint32_t reserved;    /**< 0 */
    size_t count;
    double mean;
    double deviation;     /**< standard deviation with n - 1; 0 below two values */
    double min;
    double max;
} aire_summary;

/**
 * Summarise a sample. @p summary is written only on success.
 * @return AIRE_OK, AIRE_EMPTY (no values), AIRE_INVALID (a value is not finite, or the spread would
 *         not be), AIRE_ABI
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_stats_summary(const double *values, size_t count,
                                                   aire_summary *summary);

/**
 * One-sided Mann-Whitney rank test: how likely values of @p a are to lie this much above those of
 * @p b by chance. Exact (all orders counted, ties by mid-ranks) while the two samples have at most
 * 20 values together, else the normal approximation with tie correction.
 *
 * @param[out] p between 0 and 1; written only on success
 * @return AIRE_OK, AIRE_EMPTY (an empty sample), AIRE_INVALID (a value is not finite)
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_stats_rank_test(const double *a, size_t a_count,
                                                     const double *b, size_t b_count, double *p);

AIRE_END_DECLS

#endif
