/**
 * @file idea.h
 * Ideas: proposals in natural language, with where they came from.
 */
#ifndef AIRE_IDEA_H
#define AIRE_IDEA_H

#include "aire/patch.h"
#include "aire/plan.h"

AIRE_BEGIN_DECLS

/** What an idea changes: X(NAME, value, word). Values are stored, and never reused; 0: not said. */
#define AIRE_IDEA_KIND_MAP(X)                                                                      \
    X(HYPERPARAMETER, 1, "hyper-parameter") /* constants alone */                                  \
    X(ALGORITHMIC, 2, "algorithmic")        /* anything else */

#define AIRE_IDEA_KIND_ENUM_(name, value, word) AIRE_IDEA_##name = value,
enum { AIRE_IDEA_KIND_MAP(AIRE_IDEA_KIND_ENUM_) };
#undef AIRE_IDEA_KIND_ENUM_

/** What an idea is made of. All strings are UTF-8, borrowed for the call and copied. */
typedef struct aire_idea_options {
    uint32_t struct_size;     /**< sizeof(aire_idea_options) */
    int32_t ordinal;          /**< place among the ideas of its plan, from 0 */
    int64_t id;               /**< number in the store, from 1; 0 while it is in none */
    aire_plan *plan;          /**< plan it answers; reference taken; NULL for a host's own idea */
    const char *title;        /**< one line; NULL: taken from the start of the text */
    const char *text;         /**< the proposal; required, not empty */
    const char *changes;      /**< what to change in the code, in words; NULL for none */
    const char *reasoning;    /**< the model's thinking; NULL for none */
    const char *origin;       /**< who proposed it, such as "knobs" or a model; NULL: "host" */
    const int64_t *parents;   /**< idea ids that it builds on; copied */
    size_t parent_count;
    aire_patch *patch;        /**< reference taken; NULL: the executor's Implementer writes one */
    int32_t kind;             /**< AIRE_IDEA_*, as whoever proposed it says; 0: nobody said */
    int32_t reserved;         /**< must be 0 */
} aire_idea_options;

/** Default options. */
#define AIRE_IDEA_OPTIONS_INIT                                                                     \
    { sizeof(aire_idea_options), 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, 0, 0 }

/** Set @p options of @p size bytes to the defaults; AIRE_ABI if @p size is unknown. @since 0.1 */
AIRE_API aire_status aire_idea_options_init(aire_idea_options *options, size_t size);

/**
 * Make an idea.
 *
 * @param[out] out owned by caller, release with aire_idea_unref; NULL on failure
 * @return AIRE_OK, AIRE_INVALID (no text, not UTF-8, negative ordinal), AIRE_LIMIT (a string over
 *         1 MiB), AIRE_NOMEM, AIRE_ABI
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_idea_new(aire_ctx *ctx, const aire_idea_options *options,
                                              aire_idea **out);

/** Take a reference; returns @p idea. An idea is immutable (share freely). @since 0.1 */
AIRE_API aire_idea *aire_idea_ref(aire_idea *idea);
/** Drop a reference; NULL is allowed. @since 0.1 */
AIRE_API void aire_idea_unref(aire_idea *idea);

/** Number in the store, from 1; 0 while it is in none. @since 0.1 */
AIRE_API int64_t aire_idea_id(const aire_idea *idea);
/** Place among the ideas of its plan, from 0. @since 0.1 */
AIRE_API int32_t aire_idea_ordinal(const aire_idea *idea);
/** The plan it answers, borrowed; NULL for none. @since 0.1 */
AIRE_API aire_plan *aire_idea_plan(const aire_idea *idea);
/** Title, one line. Borrowed, until the idea is released; so are the strings below. @since 0.1 */
AIRE_API const char *aire_idea_title(const aire_idea *idea);
/** The proposal. @since 0.1 */
AIRE_API const char *aire_idea_text(const aire_idea *idea);
/** What to change in the code, in words; "" for nothing said. @since 0.1 */
AIRE_API const char *aire_idea_changes(const aire_idea *idea);
/** The model's thinking; "" for none. @since 0.1 */
AIRE_API const char *aire_idea_reasoning(const aire_idea *idea);
/** Who proposed it. @since 0.1 */
AIRE_API const char *aire_idea_origin(const aire_idea *idea);
/** Number of parent ideas. @since 0.1 */
AIRE_API size_t aire_idea_parent_count(const aire_idea *idea);
/** Id of parent @p index; 0 out of range. @since 0.1 */
AIRE_API int64_t aire_idea_parent(const aire_idea *idea, size_t index);
/** The patch that came with it, borrowed; NULL for none. @since 0.1 */
AIRE_API aire_patch *aire_idea_patch(const aire_idea *idea);

/** AIRE_IDEA_*, as whoever proposed it said; 0: nobody said. @since 0.1 */
AIRE_API int32_t aire_idea_kind(const aire_idea *idea);
/** Word for a kind of idea, such as "algorithmic"; "?" if unknown. Static storage. @since 0.1 */
AIRE_API const char *aire_idea_kind_name(int32_t kind);

/**
 * The idea as a JSON object: id, ordinal, plan (id), title, text, changes, reasoning, origin, kind
 * (word or null), parents (ids), patch ({format, text} or null).
 *
 * @param[out] out owned by caller, free with aire_free
 * @return AIRE_OK, AIRE_NOMEM
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_idea_to_json(const aire_idea *idea, char **out);

/**
 * Make an idea from such an object; its plan is not restored. Unknown members are ignored.
 *
 * @param json   need not end in NUL
 * @param length of @p json in bytes
 * @param[out] out owned by caller, release with aire_idea_unref; NULL on failure
 * @return AIRE_OK, AIRE_FORMAT (with line and column, or the member that is wrong), AIRE_NOMEM
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_idea_from_json(aire_ctx *ctx, const char *json, size_t length,
                                                    aire_idea **out);

/** An immutable list of ideas. Reference counted; share freely. */
typedef struct aire_ideas aire_ideas;

/**
 * Make a list.
 *
 * @param ideas  references taken
 * @param count  may be 0
 * @param[out] out owned by caller, release with aire_ideas_unref; NULL on failure
 * @return AIRE_OK, AIRE_NOMEM
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_ideas_new(aire_ctx *ctx, aire_idea *const *ideas, size_t count,
                                               aire_ideas **out);
/** Take a reference; returns @p ideas. @since 0.1 */
AIRE_API aire_ideas *aire_ideas_ref(aire_ideas *ideas);
/** Drop a reference; NULL is allowed. @since 0.1 */
AIRE_API void aire_ideas_unref(aire_ideas *ideas);
/** Number of ideas in the list. @since 0.1 */
AIRE_API size_t aire_ideas_count(const aire_ideas *ideas);
/** Idea @p index, borrowed; NULL out of range. @since 0.1 */
AIRE_API aire_idea *aire_ideas_get(const aire_ideas *ideas, size_t index);

AIRE_END_DECLS

#endif
