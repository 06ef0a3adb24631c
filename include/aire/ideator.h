/**
 * @file ideator.h
 * Ideators: they turn a plan into ideas.
 */
#ifndef AIRE_IDEATOR_H
#define AIRE_IDEATOR_H

#include "aire/env.h"
#include "aire/idea.h"
#include "aire/model.h"

AIRE_BEGIN_DECLS

/** An ideator. Reference counted; one thread at a time. */
typedef struct aire_ideator aire_ideator;

/** Options of aire_ideator_knobs_new. */
typedef struct aire_ideator_knobs_options {
    uint32_t struct_size; /**< sizeof(aire_ideator_knobs_options) */
    int32_t max_changes;  /**< knobs that a fresh idea may turn at once; default 3 */
    uint64_t seed;        /**< 0: the context's */
} aire_ideator_knobs_options;

/** Default options. */
#define AIRE_IDEATOR_KNOBS_OPTIONS_INIT                                                            \
    { sizeof(aire_ideator_knobs_options), 0, 0 }

/** Set @p options of @p size bytes to the defaults; AIRE_ABI if @p size is unknown. @since 0.1 */
AIRE_API aire_status aire_ideator_knobs_options_init(aire_ideator_knobs_options *options,
                                                     size_t size);

/**
 * Make an ideator that needs no model: it combines and perturbs the knobs (parameters and code
 * fragments) that the manifest declares, and writes both the idea in words and its patch.
 *
 * Its proposals are a function of its seed and the plan.
 *
 * @param options nullable: the defaults
 * @param[out] out owned by caller, release with aire_ideator_unref; NULL on failure
 * @return AIRE_OK, AIRE_UNSUPPORTED (the manifest declares no knobs), AIRE_NOMEM, AIRE_ABI
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_ideator_knobs_new(aire_ctx *ctx, aire_env *env,
                                                       const aire_ideator_knobs_options *options,
                                                       aire_ideator **out);

/** Options of aire_ideator_schema_new. */
typedef struct aire_ideator_schema_options {
    uint32_t struct_size;     /**< sizeof(aire_ideator_schema_options) */
    int32_t max_tokens;       /**< of one answer; default 2048 */
    double temperature;       /**< 0 takes the default, 1.0 */
    uint64_t seed;            /**< 0: the context's */
    const char *template_dir; /**< as in aire_ideator_chat_options: settings.txt */
    int64_t context_tokens;   /**< as in aire_ideator_chat_options */
} aire_ideator_schema_options;

/** Default options. */
#define AIRE_IDEATOR_SCHEMA_OPTIONS_INIT                                                           \
    { sizeof(aire_ideator_schema_options), 0, 0.0, 0, NULL, 0 }

/** Set @p options of @p size bytes to the defaults; AIRE_ABI if @p size is unknown. @since 0.1 */
AIRE_API aire_status aire_ideator_schema_options_init(aire_ideator_schema_options *options,
                                                      size_t size);

/**
 * Make an ideator that lets a model, which may be small, choose among the knobs that the manifest
 * declares. The request has a JSON schema of them (`schema` of aire_request), so that a model that
 * follows schemas can answer nothing else; the patches are those of aire_ideator_knobs_new.
 *
 * A value that is not allowed leaves its knob as it is; that is told to the log and is part of the
 * idea's reasoning. Settings that are none, or known to the plan, are dropped and told.
 *
 * @param options nullable: the defaults
 * @param[out] out owned by caller, release with aire_ideator_unref; NULL on failure
 * @return AIRE_OK, AIRE_UNSUPPORTED (the manifest declares no knobs), AIRE_INVALID, AIRE_NOT_FOUND,
 *         AIRE_FORMAT, AIRE_LIMIT (a template is too long), AIRE_IO, AIRE_NOMEM, AIRE_ABI
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_ideator_schema_new(aire_ctx *ctx, aire_env *env,
                                                        aire_model *model,
                                                        const aire_ideator_schema_options *options,
                                                        aire_ideator **out);

/** Options of aire_ideator_chat_new. */
typedef struct aire_ideator_chat_options {
    uint32_t struct_size;  /**< sizeof(aire_ideator_chat_options) */
    int32_t max_tokens;    /**< of one answer; default 8192 */
    double temperature;    /**< 0 takes the default, 1.0, as in the paper */
    uint64_t seed;         /**< sampling seed sent with requests; 0: the context's */
    /** Directory of templates NAME.txt that replace the built-in ones (share/aire/prompts has those):
     *  fresh, exploit, explore, crossover and repair, by the kind of plan; notes; settings.
     *  Read and checked when the ideator is made; copied; nullable: the built-in ones. */
    const char *template_dir;
    /** Tokens that the model's context has, for request and answer; a request is trimmed to fit, and
     *  says what is left out. They are estimated from bytes, by the family of the model. 0: requests
     *  of up to 256 KiB */
    int64_t context_tokens;
    int32_t notes_every; /**< results told between notes, see aire_ideator_chat_tell; 0: no notes */
    int32_t reserved;    /**< must be 0 */
} aire_ideator_chat_options;

/** Default options. */
#define AIRE_IDEATOR_CHAT_OPTIONS_INIT                                                             \
    { sizeof(aire_ideator_chat_options), 0, 0.0, 0, NULL, 0, 0, 0 }

/** Set @p options of @p size bytes to the defaults; AIRE_ABI if @p size is unknown. @since 0.1 */
AIRE_API aire_status aire_ideator_chat_options_init(aire_ideator_chat_options *options,
                                                    size_t size);

/**
 * Make an ideator that asks a language model, with the requests of "Towards Execution-Grounded
 * Automated AI Research" (arXiv 2601.14525, section 4): the code base with numbered lines, the
 * parents with their rewards, the ideas to avoid, and answers between [Experiment] and [End] tags.
 *
 * What does not fit into a request is left out in this order: logs of parents, ideas to avoid,
 * parents beyond a third of the request, protected files, editable files (the last that the
 * manifest names first), parents. Answers are read in whatever form they come: other decoration of
 * the tags, missing ones, JSON, numbered lists; what could not be read is counted in the log.
 *
 * @param options nullable: the defaults
 * @param[out] out owned by caller, release with aire_ideator_unref; NULL on failure
 * @return AIRE_OK, AIRE_INVALID, AIRE_NOT_FOUND (no templates in template_dir), AIRE_FORMAT (a
 *         template is wrong: file, line, what to do), AIRE_LIMIT (one is too long), AIRE_IO,
 *         AIRE_NOMEM, AIRE_ABI
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_ideator_chat_new(aire_ctx *ctx, aire_env *env,
                                                      aire_model *model,
                                                      const aire_ideator_chat_options *options,
                                                      aire_ideator **out);

/**
 * Tell a chat ideator of a result. After every `notes_every` results of ideas the model is asked to
 * write notes on them, which replace those before and are part of all later requests.
 *
 * The host keeps the notes, as with aire_store_set_note, and gives them back after a restart with
 * aire_ideator_chat_set_notes, telling again the results since then. If the model fails, the
 * results wait for the next call.
 *
 * @param ideator made by aire_ideator_chat_new
 * @param cancel  nullable: a token that gives up waiting
 * @param[out] notes new ones, owned by caller, free with aire_free; NULL if none were due, and on
 *             failure
 * @return AIRE_OK, AIRE_INVALID (another kind of ideator), AIRE_EMPTY (nothing in the answer), what
 *         the model failed with, AIRE_NOMEM
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_ideator_chat_tell(aire_ideator *ideator, aire_result *result,
                                                       aire_cancel *cancel, char **notes);

/**
 * Set the notes that requests show. @p notes is copied; "" for none.
 * @return AIRE_OK, AIRE_INVALID (another kind of ideator), AIRE_NOMEM
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_ideator_chat_set_notes(aire_ideator *ideator,
                                                            const char *notes);

/** Options of aire_ideator_supplied_new. */
typedef struct aire_ideator_supplied_options {
    uint32_t struct_size; /**< sizeof(aire_ideator_supplied_options) */
    int32_t every;        /**< the plans whose number this divides are answered with supplied ideas;
                               0: the first plans are, until there are no more */
    aire_ideas *ideas;    /**< reference taken; NULL: those in `path` */
    const char *path;     /**< JSON lines file, as of aire_ideator_replay_new; NULL: those in `ideas` */
} aire_ideator_supplied_options;

/** Default options. */
#define AIRE_IDEATOR_SUPPLIED_OPTIONS_INIT                                                         \
    { sizeof(aire_ideator_supplied_options), 0, NULL, NULL }

/** Set @p options of @p size bytes to the defaults; AIRE_ABI if @p size is unknown. @since 0.1 */
AIRE_API aire_status aire_ideator_supplied_options_init(aire_ideator_supplied_options *options,
                                                        size_t size);

/**
 * Make an ideator that mixes ideas which people supplied into the proposals of another one.
 *
 * Which plan has which of them follows from the number of the plan and what it wants, as with
 * aire_ideator_replay_new. Where they do not fill a plan, the other ideator is asked for the rest,
 * with the supplied ones to avoid.
 *
 * @param other   nullable: a plan without supplied ideas is AIRE_EMPTY; reference taken
 * @param options required: ideas or path
 * @param[out] out owned by caller, release with aire_ideator_unref; NULL on failure
 * @return AIRE_OK, AIRE_INVALID, AIRE_NOT_FOUND, AIRE_FORMAT (with the line), AIRE_LIMIT (the file
 *         is too long), AIRE_IO, AIRE_NOMEM, AIRE_ABI
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_ideator_supplied_new(
    aire_ctx *ctx, aire_ideator *other, const aire_ideator_supplied_options *options,
    aire_ideator **out);

/**
 * Make an ideator that proposes recorded ideas, in order: a JSON lines file of objects as
 * aire_idea_to_json writes them (only "text" is required).
 *
 * The place of an idea follows from the plan: the k-th idea of plan n is line
 * (sum of the counts of plans 1..n-1) + k when all plans want the same number.
 *
 * @param[out] out owned by caller, release with aire_ideator_unref; NULL on failure
 * @return AIRE_OK, AIRE_NOT_FOUND, AIRE_FORMAT (with the line), AIRE_LIMIT (the file is too long),
 *         AIRE_IO, AIRE_NOMEM
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_ideator_replay_new(aire_ctx *ctx, const char *path,
                                                        aire_ideator **out);

/** How an idea is like an earlier one: X(NAME, value, word). */
#define AIRE_LIKENESS_MAP(X)                                                                       \
    X(TEXT, 1, "same text")       /* but for case, white space and punctuation */                  \
    X(PATCH, 2, "same patch")     /* the same lines of the same files are changed alike */         \
    X(WORDS, 3, "same words")     /* by the share of words in common */                            \
    X(MEANING, 4, "same meaning") /* by the host's similarity */                                   \
    X(READDED, 5, "adds back what its parent removed") /* told only: the idea is kept */

#define AIRE_LIKENESS_ENUM_(name, value, word) AIRE_LIKENESS_##name = value,
enum { AIRE_LIKENESS_MAP(AIRE_LIKENESS_ENUM_) };
#undef AIRE_LIKENESS_ENUM_

/** Word for a likeness; "?" if unknown. Static storage. @since 0.1 */
AIRE_API const char *aire_likeness_name(int32_t likeness);

/**
 * How alike two texts are, such as the cosine of their embeddings: from 0 to 1. Called on the thread
 * that calls aire_ideator_propose; a failure fails the proposal. @p a and @p b are borrowed.
 */
typedef aire_status (*aire_similarity_fn)(const char *a, const char *b, double *out,
                                          void *user_data);

/**
 * Told of an idea that is like @p earlier, AIRE_LIKENESS_*. Both are borrowed. Called on the thread
 * that calls aire_ideator_propose.
 */
typedef void (*aire_alike_fn)(aire_idea *idea, aire_idea *earlier, int32_t likeness,
                              void *user_data);

/** Options of aire_ideator_novelty_new. */
typedef struct aire_ideator_novelty_options {
    uint32_t struct_size; /**< sizeof(aire_ideator_novelty_options) */
    uint32_t reserved;    /**< must be 0 */
    /** Share of words in common (Jaccard index) from which two ideas are the same; not asked where
     *  both have patches, which tell; above 0 and up to 1; 0 takes the default, 0.85 */
    double words;
    double meaning;       /**< similarity from which two ideas are the same; 0 takes the default, 0.95 */
    aire_similarity_fn similarity; /**< asked last, as it may cost something; nullable */
    aire_alike_fn alike;  /**< nullable: the log alone is told */
    void *user_data;      /**< of both functions; borrowed */
} aire_ideator_novelty_options;

/** Default options. */
#define AIRE_IDEATOR_NOVELTY_OPTIONS_INIT                                                          \
    { sizeof(aire_ideator_novelty_options), 0, 0.0, 0.0, NULL, NULL, NULL }

/** Set @p options of @p size bytes to the defaults; AIRE_ABI if @p size is unknown. @since 0.1 */
AIRE_API aire_status aire_ideator_novelty_options_init(aire_ideator_novelty_options *options,
                                                       size_t size);

/**
 * Make an ideator that drops what is not new from the proposals of another one, before anything is
 * paid for running it.
 *
 * An idea is compared with the plan's ideas to avoid, its parents (unless the plan is to mend them),
 * those before it in the same proposal, and those that were added; nothing else is remembered, so that a resumed search
 * decides as an uninterrupted one would. An idea whose patch adds back lines that the patch of one of
 * its parents removed is told, and kept. If nothing is left, a proposal is AIRE_EMPTY.
 *
 * @param inner   reference taken
 * @param options nullable: the defaults
 * @param[out] out owned by caller, release with aire_ideator_unref; NULL on failure
 * @return AIRE_OK, AIRE_INVALID, AIRE_NOMEM, AIRE_ABI
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_ideator_novelty_new(
    aire_ctx *ctx, aire_ideator *inner, const aire_ideator_novelty_options *options,
    aire_ideator **out);

/**
 * Add an idea that later ones are compared with; a host adds those of its store.
 *
 * @param ideator made by aire_ideator_novelty_new
 * @param idea    reference taken
 * @return AIRE_OK, AIRE_INVALID (another kind of ideator), AIRE_NOMEM
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_ideator_novelty_add(aire_ideator *ideator, aire_idea *idea);

/** An ideator of the host's own. Called on the thread that calls aire_ideator_propose. */
typedef struct aire_ideator_ops {
    uint32_t struct_size; /**< sizeof(aire_ideator_ops) */
    uint32_t reserved;    /**< must be 0 */
    /** As aire_ideator_propose. Required. @p cancel is nullable. */
    aire_status (*propose)(aire_plan *plan, aire_cancel *cancel, aire_ideas **out, void *user_data);
    /** Free @p user_data; optional. */
    void (*destroy)(void *user_data);
} aire_ideator_ops;

/**
 * Make an ideator from functions of the host. @p user_data is owned by the ideator on success.
 *
 * @param[out] out owned by caller, release with aire_ideator_unref; NULL on failure
 * @return AIRE_OK, AIRE_INVALID (a required function is missing), AIRE_NOMEM, AIRE_ABI
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_ideator_new_from_ops(aire_ctx *ctx,
                                                          const aire_ideator_ops *ops,
                                                          void *user_data, aire_ideator **out);

/** Take a reference; returns @p ideator. @since 0.1 */
AIRE_API aire_ideator *aire_ideator_ref(aire_ideator *ideator);
/** Drop a reference; NULL is allowed. @since 0.1 */
AIRE_API void aire_ideator_unref(aire_ideator *ideator);

/**
 * Turn a plan into at most aire_plan_count ideas, numbered by ordinal.
 *
 * @param cancel nullable: a token that gives up waiting
 * @param[out] out owned by caller, release with aire_ideas_unref; NULL on failure
 * @return AIRE_OK; AIRE_EMPTY if no idea could be had (nothing left to propose, or nothing usable
 *         in the answer); AIRE_CANCELLED; AIRE_LIMIT (the manifest's texts leave no room in a request);
 *         what the model failed with; AIRE_NOMEM
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_ideator_propose(aire_ideator *ideator, aire_plan *plan,
                                                     aire_cancel *cancel, aire_ideas **out);

AIRE_END_DECLS

#endif
