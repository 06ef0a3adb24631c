/**
 * @file draft.h
 * Drafts: every answer with which a model tried to turn an idea into a patch, and what came of it.
 *
 * An executor's Implementer writes them (executor.h): for each idea some candidates, each revised
 * when it is refused, and repaired when it does not build. A draft is durable before it is used, so
 * that what was paid for is not asked for again: a run that is taken up goes on with its drafts.
 */
#ifndef AIRE_DRAFT_H
#define AIRE_DRAFT_H

#include "aire/store.h"

AIRE_BEGIN_DECLS

/** What a draft is: X(NAME, value, word). Values are stored, and never reused. */
#define AIRE_DRAFT_MAP(X)                                                                          \
    X(PATCH, 1, "patch")       /* the first answer of a candidate */                              \
    X(REVISION, 2, "revision") /* after a patch was refused */                                     \
    X(REPAIR, 3, "repair")     /* after the patched code failed: the first answer to that */       \
    X(CHECK, 4, "check")       /* no patch: what another model says of one */

#define AIRE_DRAFT_ENUM_(name, value, word) AIRE_DRAFT_##name = value,
enum { AIRE_DRAFT_MAP(AIRE_DRAFT_ENUM_) };
#undef AIRE_DRAFT_ENUM_

/** One draft. Strings are UTF-8, never NULL, and borrowed from their list. */
typedef struct aire_draft {
    uint32_t struct_size; /**< sizeof(aire_draft) */
    int32_t kind;         /**< AIRE_DRAFT_* */
    int64_t run_id;
    int32_t number;       /**< of the run's drafts, from 1, in the order in which they came */
    int32_t repair;       /**< 0: the idea's patch is being written; from 1: its repairs */
    int32_t candidate;    /**< from 0 */
    int32_t round;        /**< 0: the candidate's first answer; from 1: its revisions */
    int32_t chosen;       /**< 1: of all candidates this one went on */
    /** What came of it: OK if the patch applied (or passed the check), else as a result's; of one that
     *  went on and was repaired, how its run ended */
    int32_t outcome;
    int32_t cause;        /**< AIRE_CAUSE_* */
    int32_t reserved;     /**< 0 */
    const char *model;    /**< that answered, or was asked */
    const char *sent;     /**< what was sent back to the model: a refusal, lines of a log; "" at first */
    const char *answer;   /**< as the model gave it; "" if it gave none */
    const char *patch;    /**< as it was applied, a minimal unified diff; "" if it did not apply */
    const char *message;  /**< why the outcome is not OK, for people and for the model; "" if it is */
    int64_t input_tokens; /**< 0 if unknown; so is the next */
    int64_t output_tokens;
    int64_t latency_ms;
    /** In US dollars; negative if unknown, as of a request that was cancelled: its provider bills it and
     *  says nothing; a budget counts an estimate (budget.h) */
    double cost;
} aire_draft;

/** An immutable list of drafts. Reference counted; share freely. */
typedef struct aire_drafts aire_drafts;

/**
 * Read the drafts of a run, in the order in which they came. A request that was cancelled because
 * another candidate was first stands there too, without an answer.
 *
 * @param[out] out owned by caller, release with aire_drafts_unref; empty if there are none
 * @return AIRE_OK, AIRE_INVALID, AIRE_IO, AIRE_CORRUPT, AIRE_NOMEM
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_store_drafts(aire_store *store, int64_t run_id,
                                                  aire_drafts **out);

/** Take a reference; returns @p drafts. @since 0.1 */
AIRE_API aire_drafts *aire_drafts_ref(aire_drafts *drafts);
/** Drop a reference; NULL is allowed. @since 0.1 */
AIRE_API void aire_drafts_unref(aire_drafts *drafts);
/** Number of drafts in the list. @since 0.1 */
AIRE_API size_t aire_drafts_count(const aire_drafts *drafts);
/** Draft @p index, borrowed, until the list is released; NULL out of range. @since 0.1 */
AIRE_API const aire_draft *aire_drafts_get(const aire_drafts *drafts, size_t index);

/** Word for a kind of draft; "?" if unknown. Static storage. @since 0.1 */
AIRE_API const char *aire_draft_kind_name(int32_t kind);

AIRE_END_DECLS

#endif
