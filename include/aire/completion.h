/**
 * @file completion.h
 * Completion: how many ideas became a run that ended well, and what the others failed of, by the
 * model that wrote their patches and by kind of idea (as Figure and text of arXiv 2601.14525 report).
 */
#ifndef AIRE_COMPLETION_H
#define AIRE_COMPLETION_H

#include "aire/store.h"

AIRE_BEGIN_DECLS

/** So many ideas' runs with one end. */
typedef struct aire_completion {
    uint32_t struct_size; /**< sizeof(aire_completion) */
    /** AIRE_IDEA_*: as whoever proposed the ideas said, else by their patches; 0: nobody said, and there
     *  is no patch that applied */
    int32_t kind;
    int32_t outcome;      /**< AIRE_OUTCOME_* */
    int32_t stage;        /**< AIRE_STAGE_* */
    int32_t cause;        /**< AIRE_CAUSE_* */
    int32_t reserved;     /**< 0 */
    /** That wrote the patches; of ideas that brought theirs, and of runs that came in a bundle, which
     *  has no drafts, who proposed them. Borrowed from the list */
    const char *model;
    int64_t runs;         /**< how many */
    int64_t drafts;       /**< answers and requests that these took, checks included (draft.h) */
    /** Of the drafts, as far as it is known; so are the next two. What was cancelled because another
     *  candidate was first is billed, and not known: budgets have its estimate (budget.h) */
    int64_t input_tokens;
    int64_t output_tokens;
    double cost;          /**< in US dollars */
} aire_completion;

/** An immutable list. Reference counted; share freely. */
typedef struct aire_completions aire_completions;

/**
 * Count the finished runs of ideas (confirmations and baselines are none), by model, kind of idea,
 * outcome, stage and cause, in this order.
 *
 * @param[out] out owned by caller, release with aire_completions_unref; empty if there are none
 * @return AIRE_OK, AIRE_INVALID, AIRE_IO, AIRE_CORRUPT, AIRE_NOMEM
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_store_completion(aire_store *store, aire_completions **out);

/** Take a reference; returns @p completions. @since 0.1 */
AIRE_API aire_completions *aire_completions_ref(aire_completions *completions);
/** Drop a reference; NULL is allowed. @since 0.1 */
AIRE_API void aire_completions_unref(aire_completions *completions);
/** Number of rows. @since 0.1 */
AIRE_API size_t aire_completions_count(const aire_completions *completions);
/** Row @p index, borrowed, until the list is released; NULL out of range. @since 0.1 */
AIRE_API const aire_completion *aire_completions_get(const aire_completions *completions,
                                                     size_t index);

/**
 * What an outcome says of an idea's completion: 1: its code ran as it should (it was measured, or
 * stopped because others were better); 0: it did not; -1: it is no answer (cancelled by the host, or
 * failed for want of infrastructure), and counts on neither side. @since 0.1
 */
AIRE_API int32_t aire_outcome_completes(int32_t outcome);

/**
 * The same of a row: -1, too, where the model could not be asked (cause MODEL: its provider failed, or
 * its budget was used), which says nothing of the ideas. @since 0.1
 */
AIRE_API int32_t aire_completion_completes(const aire_completion *row);

AIRE_END_DECLS

#endif
