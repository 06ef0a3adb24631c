/**
 * @file ensemble.h
 * Ensembles: a model made of models, which are asked by weight or by what has come of their answers.
 *
 * An answer says which member gave it (aire_answer_options.model), and so does the record of the
 * call, whose model is the member's name: that is how a reward finds its member, by
 * aire_model_feedback, also after a restart and for each of the several ideas of one answer. Numbers
 * of calls or ideas are not remembered, and nothing is saved: a host that resumes a search tells again
 * the rewards that its store knows.
 */
#ifndef AIRE_ENSEMBLE_H
#define AIRE_ENSEMBLE_H

#include "aire/model.h"

AIRE_BEGIN_DECLS

/** How an ensemble chooses. */
enum {
    /** By weight: a function of the seed and the number of the call. */
    AIRE_ENSEMBLE_WEIGHTED = 0,
    /**
     * By reward and cost (AsymmetricUCB): members that were never asked go first; then the best one
     * with probability 0.8, else another. Only rewards above what had to be beaten count, failures
     * count as 0, calls under way count as calls, and late rewards weigh more than early ones. What
     * says nothing of the member (cancelled, no memory, no budget or too long a request) counts as
     * nothing: it may be chosen again at once.
     */
    AIRE_ENSEMBLE_BANDIT = 1
};

/** Options of aire_ensemble_new. */
typedef struct aire_ensemble_options {
    uint32_t struct_size;       /**< sizeof(aire_ensemble_options) */
    int32_t rule;               /**< AIRE_ENSEMBLE_*; default weighted */
    aire_model *const *models;  /**< members, whose names must differ; references taken; required */
    size_t model_count;         /**< 1 to 1,000 */
    const double *weights;      /**< weighted: one for each member, 0 or more; copied; NULL: equal */
    uint64_t seed;              /**< 0: the context's */
    double cost_weight;         /**< bandit: from 0 (only rewards) to 1 (only cost); negative: 0; 0: 0.5 */
    double exploration;         /**< bandit: above 0, larger tries more; 0: 1 */
    const char *name;           /**< copied; NULL: "ensemble" */
} aire_ensemble_options;

/** Default options. */
#define AIRE_ENSEMBLE_OPTIONS_INIT                                                                 \
    { sizeof(aire_ensemble_options), 0, NULL, 0, NULL, 0, 0, 0, NULL }

/** Set @p options of @p size bytes to the defaults; AIRE_ABI if @p size is unknown. @since 0.1 */
AIRE_API aire_status aire_ensemble_options_init(aire_ensemble_options *options, size_t size);

/**
 * Make an ensemble. Each request goes to one member, whose answer or failure it is; many may be under
 * way at once. With the same seed, the same calls and the same feedback in the same order, the same
 * members are chosen. Members may be ensembles themselves; feedback finds those inside.
 *
 * @param options required
 * @param[out] out owned by caller, release with aire_model_unref; NULL on failure
 * @return AIRE_OK, AIRE_INVALID, AIRE_NOMEM, AIRE_ABI
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_ensemble_new(aire_ctx *ctx,
                                                  const aire_ensemble_options *options,
                                                  aire_model **out);

AIRE_END_DECLS

#endif
