/**
 * @file budget.h
 * Budgets: what calls to models may cost together, in dollars, tokens or calls.
 *
 * A call is let through while what was spent, what the calls under way are estimated to cost, and its
 * own estimate stay within every limit. So a budget is exceeded by no more than what was in flight
 * cost above its estimate; and what was paid for is kept and used: no answer is thrown away because
 * it turned out dearer.
 */
#ifndef AIRE_BUDGET_H
#define AIRE_BUDGET_H

#include "aire/context.h"

AIRE_BEGIN_DECLS

/** A budget. Reference counted; thread-safe; any number of models may share one. */
typedef struct aire_budget aire_budget;

/** Options of aire_budget_new: limits, each 0 for none. */
typedef struct aire_budget_options {
    uint32_t struct_size; /**< sizeof(aire_budget_options) */
    uint32_t reserved;    /**< must be 0 */
    /** US dollars, 0 or more. A model whose price is not known cannot have a budget with this limit:
     *  making it is AIRE_INVALID. Give it a price, or limit tokens. */
    double dollars;
    int64_t tokens;       /**< input and output together, 0 or more */
    int64_t calls;        /**< calls that were answered or are under way, 0 or more */
} aire_budget_options;

/** Default options: no limits, so that it only counts. */
#define AIRE_BUDGET_OPTIONS_INIT                                                                   \
    { sizeof(aire_budget_options), 0, 0, 0, 0 }

/** Set @p options of @p size bytes to the defaults; AIRE_ABI if @p size is unknown. @since 0.1 */
AIRE_API aire_status aire_budget_options_init(aire_budget_options *options, size_t size);

/**
 * Make a budget, of which nothing is spent.
 *
 * @param options nullable: the defaults
 * @param[out] out owned by caller, release with aire_budget_unref; NULL on failure
 * @return AIRE_OK, AIRE_INVALID (a limit is negative or not finite), AIRE_NOMEM, AIRE_ABI
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_budget_new(aire_ctx *ctx, const aire_budget_options *options,
                                                aire_budget **out);
/** Take a reference; returns @p budget. @since 0.1 */
AIRE_API aire_budget *aire_budget_ref(aire_budget *budget);
/** Drop a reference; NULL is allowed. @since 0.1 */
AIRE_API void aire_budget_unref(aire_budget *budget);

/** What has been spent of a budget, and what is under way. */
typedef struct aire_spending {
    uint32_t struct_size;  /**< sizeof(aire_spending), set by the caller */
    uint32_t reserved;     /**< 0 */
    double dollars;        /**< of ended calls; where a cost was not known, its estimate */
    int64_t input_tokens;  /**< of ended calls; where usage was not known, its estimate */
    int64_t output_tokens; /**< likewise, thinking included */
    int64_t calls;         /**< that have ended and were paid for */
    int64_t flying_calls;  /**< that are under way */
    int64_t flying_tokens; /**< estimate for those, input and output */
    double flying_dollars; /**< estimate for those */
} aire_spending;

/**
 * What has been spent so far, as of one moment. @p spending is written only on success.
 * @return AIRE_OK, AIRE_INVALID, AIRE_ABI
 * @since 0.1
 */
AIRE_API aire_status aire_budget_spending(aire_budget *budget, aire_spending *spending);

AIRE_END_DECLS

#endif
