/**
 * @file model.h
 * Models: clients of language models, behind one chat contract.
 */
#ifndef AIRE_MODEL_H
#define AIRE_MODEL_H

#include "aire/budget.h"
#include "aire/cancel.h"
#include "aire/model_call.h"

AIRE_BEGIN_DECLS

/** A model. Reference counted; thread-safe: many requests may be under way at once. */
typedef struct aire_model aire_model;

/** An answer. Reference counted; immutable (share freely). */
typedef struct aire_answer aire_answer;

/** One message of a conversation. */
typedef struct aire_message {
    const char *role; /**< "system", "user" or "assistant" */
    const char *text; /**< UTF-8 */
} aire_message;

/** What a piece of an answer belongs to. */
enum {
    AIRE_DELTA_TEXT = 1,
    AIRE_DELTA_THINKING = 2
};

/**
 * Told of an answer while it comes, piece by piece, on a thread of the library that serves all
 * requests: it must return at once. UTF-8, cut between characters. When a request is tried again it
 * begins anew, which is told by one call with kind 0 and no text. A key that the server repeats is
 * starred out, as in the answer; what may be the beginning of one comes with the next piece.
 */
typedef void (*aire_delta_fn)(int32_t kind, const char *text, size_t length, void *user_data);

/** A request. Everything is borrowed for the call. */
typedef struct aire_request {
    uint32_t struct_size;         /**< sizeof(aire_request) */
    int32_t max_tokens;           /**< tokens the answer may have, thinking included; 0: the provider's default */
    const aire_message *messages; /**< in order; required */
    size_t message_count;
    double temperature;           /**< 0 or more; NaN: the provider's default */
    uint64_t seed;                /**< sampling seed where the provider takes one; 0: none */
    const char *purpose;          /**< for the call record, such as "ideas"; nullable */
    int64_t plan_id;              /**< for the call record; 0: none */
    int64_t idea_id;              /**< for the call record; 0: none */
    double top_p;                 /**< above 0 and up to 1; 0: the provider's default */
    int32_t thinking_tokens;      /**< budget for thinking where the provider takes one; 0: its default; -1: no thinking */
    int32_t reserved;             /**< must be 0 */
    const char *effort;           /**< of reasoning: "minimal", "low", "medium" or "high"; NULL: the provider's default */
    const char *schema;           /**< JSON schema (an object) that the answer's text has to be of; NULL: free text */
    const char *const *stop;      /**< texts that end the answer, at most 4, ends in NULL; nullable */
    aire_delta_fn delta;          /**< nullable */
    void *delta_user_data;        /**< borrowed until the request has ended */
} aire_request;

/** What an answer is made of. */
typedef struct aire_answer_options {
    uint32_t struct_size;    /**< sizeof(aire_answer_options) */
    int32_t attempts;        /**< tries spent, from 1; 0 if unknown */
    const char *text;        /**< copied; required */
    const char *thinking;    /**< copied; NULL: "" */
    /** Why it ended: "stop" (of itself or at a stop text), "length", "refusal" (the model or a
     *  filter), or the provider's own word; copied; NULL: "" */
    const char *finish;
    int64_t input_tokens;    /**< cached ones included; 0 if unknown; so are the next three */
    int64_t output_tokens;   /**< thinking included */
    int64_t cached_tokens;   /**< of the input, read from the provider's cache */
    int64_t thinking_tokens; /**< of the output */
    const char *request_id;  /**< the provider's, for asking it; copied; NULL: "" */
    int64_t latency_ms;      /**< from the first try to the last byte; 0 if unknown */
    int64_t first_ms;        /**< of the last try, until its first piece came; 0 if unknown */
    double cost;             /**< in US dollars; negative if unknown */
    /** The model that answered, by its name, where another one chose it (ensemble.h); copied;
     *  NULL: "" */
    const char *model;
} aire_answer_options;

/** Default options. */
#define AIRE_ANSWER_OPTIONS_INIT                                                                   \
    { sizeof(aire_answer_options), 0, NULL, NULL, NULL, 0, 0, 0, 0, NULL, 0, 0, -1, NULL }

/** Set @p options of @p size bytes to the defaults; AIRE_ABI if @p size is unknown. @since 0.1 */
AIRE_API aire_status aire_answer_options_init(aire_answer_options *options, size_t size);

/** Make an answer, for models of the host's own. AIRE_OK, AIRE_INVALID, AIRE_NOMEM, AIRE_ABI. @since 0.1 */
AIRE_API AIRE_CHECK aire_status aire_answer_new(aire_ctx *ctx, const aire_answer_options *options,
                                                aire_answer **out);
/** Take a reference; returns @p answer. @since 0.1 */
AIRE_API aire_answer *aire_answer_ref(aire_answer *answer);
/** Drop a reference; NULL is allowed. @since 0.1 */
AIRE_API void aire_answer_unref(aire_answer *answer);
/** All fields; strings are never NULL. Borrowed, until the answer is released. @since 0.1 */
AIRE_API const aire_answer_options *aire_answer_get(const aire_answer *answer);

/**
 * Give the key for one request, such as a token that is renewed: write it to @p key, of @p size bytes,
 * with a NUL. Called on the thread that asks, for each request; the copy is wiped when it has ended.
 *
 * @return AIRE_OK, or a failure that the request then ends with
 */
typedef aire_status (*aire_key_fn)(char *key, size_t size, void *user_data);

/** Options of aire_model_new. */
typedef struct aire_model_options {
    uint32_t struct_size;  /**< sizeof(aire_model_options) */
    int32_t timeout_ms;    /**< of a whole request, all attempts; default 600,000 */
    const char *api_key;   /**< copied, never stored, logged or shown; NULL: none */
    int32_t max_attempts;  /**< tries at one request, from 1; default 5 */
    int32_t stall_ms;      /**< longest silence of a try before it is given up; default 300,000 */
    aire_key_fn key;       /**< instead of api_key; nullable */
    void *key_user_data;   /**< borrowed; must outlive the model */
    const char *ca_file;   /**< file of certificates (PEM) to trust instead of the system's; copied; nullable */
    const char *proxy;     /**< URL of a proxy instead of what the environment says, "" for none; copied; nullable */
    int32_t requests_per_minute; /**< sent at most; 0: no limit. Purposes take turns */
    int32_t reserved;      /**< must be 0 */
    int64_t tokens_per_minute;   /**< of input and output together, at most; 0: no limit */
    aire_budget *budget;   /**< what calls may cost; reference taken; nullable */
    const char *prices_path; /**< file of prices, as the installed prices.json; NULL: that one */
} aire_model_options;

/** Default options. */
#define AIRE_MODEL_OPTIONS_INIT                                                                    \
    { sizeof(aire_model_options), 0, NULL, 0, 0, NULL, NULL, NULL, NULL, 0, 0, 0, NULL, NULL }

/** Set @p options of @p size bytes to the defaults; AIRE_ABI if @p size is unknown. @since 0.1 */
AIRE_API aire_status aire_model_options_init(aire_model_options *options, size_t size);

/**
 * Make a client.
 *
 * @param spec which model:
 *             "anthropic:MODEL", "openai:MODEL", "gemini:MODEL" (each may name another base: "@URL"),
 *             "bedrock:REGION/MODEL",
 *             "chat:MODEL@URL" for an OpenAI-compatible chat endpoint, such as
 *             chat:qwen3-8b@http://127.0.0.1:8080/v1,
 *             "replay:FILE" for recorded answers, a JSON lines file: what aire_model_new_recorder wrote
 *             is found by the request, several answers to the same one in order; {"answer": text,
 *             "thinking": text} objects are given in order to requests that are not found.
 *             "replay:FILE?lenient" answers a request that was not recorded with the next answer that
 *             was not given yet, instead of AIRE_NOT_FOUND. Options are checked, and not used
 * @param options nullable: the defaults
 * @param[out] out owned by caller, release with aire_model_unref; NULL on failure
 * @return AIRE_OK, AIRE_INVALID (says which spellings there are; a budget in dollars, and no price
 *         of the model), AIRE_NOT_FOUND, AIRE_FORMAT, AIRE_IO, AIRE_LIMIT (a file is too long),
 *         AIRE_NET (libcurl could not start), AIRE_NOMEM, AIRE_ABI
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_model_new(aire_ctx *ctx, const char *spec,
                                               const aire_model_options *options, aire_model **out);

/**
 * Name of the environment variable in which users of a specification's provider keep their key, such
 * as "ANTHROPIC_API_KEY"; NULL if there is none. For programs: the library itself reads no
 * environment. Static storage. @since 0.1
 */
AIRE_API const char *aire_model_key_variable(const char *spec);

/**
 * What a call with so many tokens would cost, by the table of prices; no cache, no thinking.
 *
 * @param spec        as in aire_model_new
 * @param prices_path as in aire_model_options; nullable
 * @param[out] dollars US dollars; written only on success
 * @return AIRE_OK; AIRE_NOT_FOUND (the price is not known, or there is no table); AIRE_INVALID,
 *         AIRE_FORMAT, AIRE_LIMIT, AIRE_IO, AIRE_NOMEM
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_model_cost(aire_ctx *ctx, const char *spec,
                                                const char *prices_path, int64_t input_tokens,
                                                int64_t output_tokens, double *dollars);

/**
 * Make a model that asks another one and writes each call to a cassette, a JSON lines file that
 * "replay:FILE" plays: {"hash", "purpose", "request", "answer"}, or "status", "code" and "detail" of a
 * failure. A line is written (to the operating system, not to the disk) before the answer is told,
 * and appended to what is there; a last line that a crash cut off is removed first. It holds no key,
 * no header, no plan's and no idea's number.
 *
 * The hash is of everything in the request that can change its answer: messages, sampling, schema,
 * thinking, stop texts and seed; not of the purpose, and not of the model that is asked. Calls that
 * were cancelled are not written. An answer whose line cannot be written is given all the same, for
 * it was paid for, and that the cassette lacks it is logged as an error.
 *
 * @param model reference taken
 * @param path of the cassette, made if missing; one recorder at a time
 * @param[out] out named as @p model; owned by caller, release with aire_model_unref; NULL on failure
 * @return AIRE_OK, AIRE_INVALID, AIRE_IO, AIRE_LIMIT, AIRE_NOMEM
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_model_new_recorder(aire_ctx *ctx, aire_model *model,
                                                        const char *path, aire_model **out);

/** A model of the host's own. Called on library threads, several at once, no lock held. */
typedef struct aire_model_ops {
    uint32_t struct_size; /**< sizeof(aire_model_ops) */
    uint32_t reserved;    /**< must be 0 */
    /** As aire_model_complete. Required. @p cancel is nullable. */
    aire_status (*complete)(const aire_request *request, aire_cancel *cancel, aire_answer **out,
                            void *user_data);
    /** Free @p user_data; optional. */
    void (*destroy)(void *user_data);
} aire_model_ops;

/**
 * Make a model from functions of the host. @p user_data is owned by the model on success.
 *
 * @param name copied; for the call records
 * @param[out] out owned by caller, release with aire_model_unref; NULL on failure
 * @return AIRE_OK, AIRE_INVALID, AIRE_NOMEM, AIRE_ABI
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_model_new_from_ops(aire_ctx *ctx, const char *name,
                                                        const aire_model_ops *ops, void *user_data,
                                                        aire_model **out);

/** Take a reference; returns @p model. @since 0.1 */
AIRE_API aire_model *aire_model_ref(aire_model *model);
/** Drop a reference; NULL is allowed. @since 0.1 */
AIRE_API void aire_model_unref(aire_model *model);

/**
 * Tell a model what came of one of its answers, so that an ensemble learns whom to ask; a model that
 * does not learn ignores it. Nothing is kept beyond the model's life: a host that resumes tells again
 * what its store knows. May be told for several ideas of one answer. Thread-safe.
 *
 * @param member the model that answered, as aire_answer_options or the call's record name it
 * @param reward of the idea, where more is better; NaN: it failed
 * @param baseline what it had to beat: the larger of its parent's and the baseline's reward; only
 *                 what exceeds it counts
 * @return AIRE_OK, AIRE_INVALID, AIRE_NOT_FOUND (an ensemble has no such member)
 * @since 0.1
 */
AIRE_API aire_status aire_model_feedback(aire_model *model, const char *member, double reward,
                                         double baseline);

/** The specification or name that it was made with. Borrowed, until it is released. @since 0.1 */
AIRE_API const char *aire_model_name(const aire_model *model);

/**
 * Ask the model, and wait for its answer. The call is told to the context's call sink.
 *
 * @param cancel nullable: a token that gives up waiting
 * @param[out] out owned by caller, release with aire_answer_unref; NULL on failure
 * @return AIRE_OK, AIRE_NET, AIRE_TIMEOUT, AIRE_AUTH, AIRE_RATE_LIMITED, AIRE_PROTOCOL,
 *         AIRE_CANCELLED, AIRE_DONE (a replay has no more answers), AIRE_NOT_FOUND (a replay does not
 *         know the request), AIRE_LIMIT (the budget is used), AIRE_UNSUPPORTED (the provider has no such
 *         field), AIRE_INVALID, AIRE_NOMEM, what the function for the key failed with
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_model_complete(aire_model *model, const aire_request *request,
                                                    aire_cancel *cancel, aire_answer **out);

/**
 * Told once how a request ended, on a thread of the library that serves all requests: it must return
 * soon. On failure aire_last_error has the detail, inside this call.
 *
 * @param answer borrowed for the call; NULL unless @p status is AIRE_OK
 */
typedef void (*aire_answered_fn)(aire_status status, aire_answer *answer, void *user_data);

/**
 * Ask the model, and do not wait. Thousands may be under way at once, without a thread of their own.
 * The request is copied. A model of the host's own is asked on a thread of the library.
 *
 * @param cancel reference taken; nullable: a token that gives up; the end is told then, too
 * @return AIRE_OK: @p done is called exactly once, perhaps before this returns; otherwise it is not
 *         called, and nor is the call sink told: AIRE_INVALID, AIRE_CANCELLED, AIRE_UNSUPPORTED,
 *         AIRE_LIMIT, AIRE_NOMEM, what the function for the key failed with
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_model_start(aire_model *model, const aire_request *request,
                                                 aire_cancel *cancel, aire_answered_fn done,
                                                 void *user_data);

AIRE_END_DECLS

#endif
