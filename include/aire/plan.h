/**
 * @file plan.h
 * Plans: what a searcher asks an ideator for.
 */
#ifndef AIRE_PLAN_H
#define AIRE_PLAN_H

#include "aire/context.h"

AIRE_BEGIN_DECLS

typedef struct aire_idea aire_idea;
typedef struct aire_result aire_result;

/** A plan. Reference counted; immutable (share freely). */
typedef struct aire_plan aire_plan;

/** Kinds of plan: X(NAME, value, word). */
#define AIRE_PLAN_KIND_MAP(X)                                                                      \
    X(FRESH, 1, "fresh")         /* from the baseline alone */                                     \
    X(EXPLOIT, 2, "exploit")     /* combine and refine what beat the baseline */                   \
    X(EXPLORE, 3, "explore")     /* something unlike what was tried */                             \
    X(CROSSOVER, 4, "crossover") /* merge the parents */                                           \
    X(REPAIR, 5, "repair")       /* mend a parent that failed */

#define AIRE_PLAN_KIND_ENUM_(name, value, word) AIRE_PLAN_##name = value,
enum { AIRE_PLAN_KIND_MAP(AIRE_PLAN_KIND_ENUM_) };
#undef AIRE_PLAN_KIND_ENUM_

/** What a plan is made of. */
typedef struct aire_plan_options {
    uint32_t struct_size;              /**< sizeof(aire_plan_options) */
    int32_t kind;                      /**< AIRE_PLAN_*; required */
    int64_t id;                        /**< number in the store, from 1; 0 for none */
    int32_t epoch;                     /**< round of ask and tell, from 0 */
    int32_t count;                     /**< ideas wanted, from 1; required */
    aire_result *const *parents;       /**< results to build on; references taken */
    size_t parent_count;
    aire_idea *const *avoid;           /**< ideas not to propose again; references taken */
    size_t avoid_count;
} aire_plan_options;

/** Default options. */
#define AIRE_PLAN_OPTIONS_INIT                                                                     \
    { sizeof(aire_plan_options), 0, 0, 0, 0, NULL, 0, NULL, 0 }

/** Set @p options of @p size bytes to the defaults; AIRE_ABI if @p size is unknown. @since 0.1 */
AIRE_API aire_status aire_plan_options_init(aire_plan_options *options, size_t size);

/**
 * Make a plan; searchers do so in their ask.
 *
 * @param[out] out owned by caller, release with aire_plan_unref; NULL on failure
 * @return AIRE_OK, AIRE_INVALID (unknown kind, count below 1), AIRE_NOMEM, AIRE_ABI
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_plan_new(aire_ctx *ctx, const aire_plan_options *options,
                                              aire_plan **out);

/** Take a reference; returns @p plan. @since 0.1 */
AIRE_API aire_plan *aire_plan_ref(aire_plan *plan);
/** Drop a reference; NULL is allowed. @since 0.1 */
AIRE_API void aire_plan_unref(aire_plan *plan);

/** AIRE_PLAN_*. @since 0.1 */
AIRE_API int32_t aire_plan_kind(const aire_plan *plan);
/** Word for a kind, such as "exploit"; "?" if unknown. Static storage. @since 0.1 */
AIRE_API const char *aire_plan_kind_name(int32_t kind);
/** Number of the plan in its store, from 1; 0 if it is in none. @since 0.1 */
AIRE_API int64_t aire_plan_id(const aire_plan *plan);
/** Round of ask and tell, from 0. @since 0.1 */
AIRE_API int32_t aire_plan_epoch(const aire_plan *plan);
/** How many ideas are wanted. @since 0.1 */
AIRE_API int32_t aire_plan_count(const aire_plan *plan);
/** Number of parents. @since 0.1 */
AIRE_API size_t aire_plan_parent_count(const aire_plan *plan);
/** Parent @p index, borrowed; NULL out of range. @since 0.1 */
AIRE_API aire_result *aire_plan_parent(const aire_plan *plan, size_t index);
/** Number of ideas to avoid. @since 0.1 */
AIRE_API size_t aire_plan_avoid_count(const aire_plan *plan);
/** Idea @p index to avoid, borrowed; NULL out of range. @since 0.1 */
AIRE_API aire_idea *aire_plan_avoid(const aire_plan *plan, size_t index);

/**
 * The plan as a JSON object: id, kind, epoch, count, parents (run ids), avoid (idea ids).
 *
 * @param[out] out owned by caller, free with aire_free
 * @return AIRE_OK, AIRE_NOMEM
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_plan_to_json(const aire_plan *plan, char **out);

AIRE_END_DECLS

#endif
