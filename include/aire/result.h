/**
 * @file result.h
 * Results: how a run ended, as outcome x stage x cause, with its metrics.
 *
 * A result has a reward if and only if its outcome is AIRE_OUTCOME_OK: a failure has none.
 */
#ifndef AIRE_RESULT_H
#define AIRE_RESULT_H

#include "aire/idea.h"

AIRE_BEGIN_DECLS

/** How a run ended: X(NAME, value, word). Values are stored, and never reused. */
#define AIRE_OUTCOME_MAP(X)                                                                        \
    X(OK, 0, "ok")                                                                                 \
    X(NO_CHANGE, 1, "no change")            /* the patch changes nothing; nothing was run */       \
    X(MODEL_FAILED, 2, "model failed")      /* no patch could be had from the model */             \
    X(PATCH_FAILED, 3, "patch failed")      /* the patch cannot be applied */                      \
    X(BUILD_FAILED, 4, "build failed")                                                             \
    X(CRASHED, 5, "crashed")                /* exit code or signal */                              \
    X(TIMEOUT, 6, "timeout")                /* wall limit of a stage */                            \
    X(OUT_OF_MEMORY, 7, "out of memory")                                                           \
    X(LIMIT, 8, "limit")                    /* another limit of the sandbox */                     \
    X(NO_METRIC, 9, "no metric")            /* finished without a usable metric */                 \
    X(SUSPECT, 10, "suspect")               /* implausible, and not cleared by a re-run */         \
    X(VIOLATION, 11, "violation")           /* a rule of the environment was broken */             \
    X(STOPPED_EARLY, 12, "stopped early")   /* hopeless, by its intermediate metrics */            \
    X(CANCELLED, 13, "cancelled")           /* by the host */                                      \
    X(INFRA_FAILED, 14, "infrastructure")   /* not the idea's fault */

#define AIRE_OUTCOME_ENUM_(name, value, word) AIRE_OUTCOME_##name = value,
enum { AIRE_OUTCOME_MAP(AIRE_OUTCOME_ENUM_) };
#undef AIRE_OUTCOME_ENUM_

/** The stage at which a run ended: X(NAME, value, word). */
#define AIRE_STAGE_MAP(X)                                                                          \
    X(NONE, 0, "none")                                                                             \
    X(IMPLEMENT, 1, "implement")                                                                   \
    X(BUILD, 2, "build")                                                                           \
    X(RUN, 3, "run")                                                                               \
    X(EVALUATE, 4, "evaluate")                                                                     \
    X(SMOKE, 5, "smoke")     /* between build and run: a small run that tells whether it works */    \
    X(PREDICT, 6, "predict") /* the variant's model answers, between the evaluation's two phases */

#define AIRE_STAGE_ENUM_(name, value, word) AIRE_STAGE_##name = value,
enum { AIRE_STAGE_MAP(AIRE_STAGE_ENUM_) };
#undef AIRE_STAGE_ENUM_

/** What exactly ended it: X(NAME, value, word). Values are stored, and never reused. */
#define AIRE_CAUSE_MAP(X)                                                                          \
    X(NONE, 0, "none")                                                                             \
    X(EXIT_CODE, 1, "exit code")                                                                   \
    X(SIGNAL, 2, "signal")                                                                         \
    X(WALL_LIMIT, 3, "wall limit")                                                                 \
    X(CPU_LIMIT, 4, "cpu limit")                                                                   \
    X(MEMORY_LIMIT, 5, "memory limit")                                                             \
    X(PROCESS_LIMIT, 6, "process limit")                                                           \
    X(FILE_SIZE_LIMIT, 7, "file size limit")                                                       \
    X(DISK_LIMIT, 8, "disk limit")                                                                 \
    X(LOG_LIMIT, 9, "log limit")                    /* wrote more output than is allowed */        \
    X(NO_PATCH, 10, "no patch")                     /* and no Implementer to write one */          \
    X(PATCH_SYNTAX, 11, "patch syntax")             /* not a patch */                              \
    X(PATCH_CONTEXT, 12, "patch context")           /* does not fit the files */                   \
    X(PATCH_PATH, 13, "patch path")                 /* a path that leaves the environment */       \
    X(PATCH_ROLE, 14, "patch role")                 /* a file that is not editable */              \
    X(SAME_AS_BASELINE, 15, "same as baseline")                                                    \
    X(SAME_AS_EARLIER, 16, "same as an earlier variant")                                           \
    X(METRIC_MISSING, 17, "metric missing")                                                        \
    X(METRIC_INVALID, 18, "metric invalid")         /* not a finite number */                      \
    X(METRIC_RANGE, 19, "metric out of range")                                                     \
    X(OUTPUT_MISSING, 20, "output missing")                                                        \
    X(OUTPUT_LIMIT, 21, "output limit")                                                            \
    X(OUTPUT_KIND, 22, "output not a plain file")                                                  \
    X(PROTECTED_CHANGED, 23, "protected file changed")                                             \
    X(FUTURE_LEAK, 24, "future leak")               /* the model sees tokens to come */            \
    X(EVALUATOR, 25, "evaluator refused")           /* its report says why */                      \
    X(USER, 26, "by the host")                                                                     \
    X(EARLY_STOP, 27, "early stop")                                                                \
    X(SANDBOX, 28, "sandbox")                       /* could not be set up */                      \
    X(DISK_FULL, 29, "disk full")                                                                  \
    X(SPAWN, 30, "process could not start")                                                        \
    X(LOST, 31, "worker lost")                                                                     \
    X(MODEL, 32, "model")                           /* the request to the model failed */          \
    X(MODEL_ANSWER, 33, "model answer")             /* nothing usable in its answer */             \
    X(OPEN_FILES_LIMIT, 34, "open files limit")                                                    \
    X(OVERTAKEN, 35, "overtaken")                   /* another candidate was first */              \
    X(NOT_THE_IDEA, 36, "not the idea")             /* as a second model says of the patch */      \
    X(TOO_FAST, 40, "impossibly fast")              /* less processor time than training takes */  \
    X(TOO_GOOD, 41, "implausibly good")             /* so much better than the baseline */         \
    X(SAME_ON_SEEDS, 42, "same on other seeds")     /* the metric does not depend on the seed */   \
    X(NOT_REPEATABLE, 43, "not repeatable")         /* the same input gave another answer */       \
    X(VARIANT_SIZE, 44, "variant too large")        /* more text than an idea may bring */

#define AIRE_CAUSE_ENUM_(name, value, word) AIRE_CAUSE_##name = value,
enum { AIRE_CAUSE_MAP(AIRE_CAUSE_ENUM_) };
#undef AIRE_CAUSE_ENUM_

/** Why a run was made: X(NAME, value, word). */
#define AIRE_RUN_KIND_MAP(X)                                                                       \
    X(IDEA, 1, "idea")                                                                             \
    X(BASELINE, 2, "baseline") /* the unpatched environment */                                     \
    X(CONFIRM, 3, "confirm")   /* an idea once more, on another seed */                            \
    X(RECHECK, 4, "recheck")   /* the executor's own re-run of a suspect run; never told */

#define AIRE_RUN_KIND_ENUM_(name, value, word) AIRE_RUN_##name = value,
enum { AIRE_RUN_KIND_MAP(AIRE_RUN_KIND_ENUM_) };
#undef AIRE_RUN_KIND_ENUM_

/** Who measured the metric: X(NAME, value, word). */
#define AIRE_TRUST_MAP(X)                                                                          \
    X(SELF_REPORTED, 1, "self_reported") /* read from what the evaluated code wrote */             \
    X(EVALUATED, 2, "evaluated")         /* reported by the separate evaluate step */

#define AIRE_TRUST_ENUM_(name, value, word) AIRE_TRUST_##name = value,
enum { AIRE_TRUST_MAP(AIRE_TRUST_ENUM_) };
#undef AIRE_TRUST_ENUM_

/** A named number. */
typedef struct aire_metric {
    const char *name; /**< UTF-8, not empty */
    double value;     /**< finite */
} aire_metric;

/** What one stage used. */
typedef struct aire_usage {
    uint32_t struct_size;    /**< sizeof(aire_usage) */
    int32_t stage;           /**< AIRE_STAGE_* */
    int64_t wall_ms;         /**< elapsed, milliseconds */
    int64_t user_ms;         /**< processor time in user mode, milliseconds */
    int64_t system_ms;       /**< processor time in the kernel, milliseconds */
    int64_t max_rss_bytes;   /**< largest resident memory seen, bytes; 0 if unknown */
    int64_t io_read_bytes;   /**< read from devices, bytes; 0 if unknown */
    int64_t io_write_bytes;  /**< written to devices, bytes; 0 if unknown */
    int64_t gpu_memory_bytes; /**< largest memory in use on its GPUs together, bytes; 0 if unknown */
    int64_t gpu_ms;           /**< GPU time: milliseconds times utilisation; 0 if unknown */
} aire_usage;

/** What a result is made of. Strings are UTF-8, borrowed for the call and copied. */
typedef struct aire_result_options {
    uint32_t struct_size;       /**< sizeof(aire_result_options) */
    int32_t kind;               /**< AIRE_RUN_*; required */
    int64_t run_id;             /**< number in the store, from 1; 0 for none */
    uint64_t seed;              /**< seed that the run was given */
    aire_idea *idea;            /**< reference taken; NULL for a baseline */
    int32_t outcome;            /**< AIRE_OUTCOME_* */
    int32_t stage;              /**< AIRE_STAGE_*: the last one entered */
    int32_t cause;              /**< AIRE_CAUSE_* */
    int32_t code;               /**< exit code or signal number where the cause is one */
    const char *detail;         /**< what happened, for people; NULL for nothing to say */
    int32_t trust;              /**< AIRE_TRUST_*; required if the outcome is OK */
    int32_t attempts;           /**< tries spent, infrastructure failures included; 0 counts as 1 */
    double reward;              /**< number to maximise; read only if the outcome is OK */
    const aire_metric *metrics; /**< copied */
    size_t metric_count;
    const aire_usage *usage;    /**< copied, in order of stages */
    size_t usage_count;
    aire_patch *patch;          /**< as applied, in canonical form; reference taken; NULL for none */
    const char *variant;        /**< content hash of the patched environment; NULL for none */
    const char *log_tail;       /**< end of the log of the last stage; NULL for none */
} aire_result_options;

/** Default options. */
#define AIRE_RESULT_OPTIONS_INIT                                                                   \
    { sizeof(aire_result_options), 0, 0, 0, NULL, 0, 0, 0, 0, NULL, 0, 0, 0.0, NULL, 0, NULL, 0,   \
      NULL, NULL, NULL }

/** Set @p options of @p size bytes to the defaults; AIRE_ABI if @p size is unknown. @since 0.1 */
AIRE_API aire_status aire_result_options_init(aire_result_options *options, size_t size);

/**
 * Make a result; executors do so.
 *
 * @param[out] out owned by caller, release with aire_result_unref; NULL on failure
 * @return AIRE_OK, AIRE_INVALID (unknown number, OK without trust or with a reward that is not
 *         finite, a metric that is not finite), AIRE_NOMEM, AIRE_ABI
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_result_new(aire_ctx *ctx, const aire_result_options *options,
                                                aire_result **out);

/** Take a reference; returns @p result. A result is immutable (share freely). @since 0.1 */
AIRE_API aire_result *aire_result_ref(aire_result *result);
/** Drop a reference; NULL is allowed. @since 0.1 */
AIRE_API void aire_result_unref(aire_result *result);

/** Number of the run in its store, from 1; 0 for none. @since 0.1 */
AIRE_API int64_t aire_result_run_id(const aire_result *result);
/** AIRE_RUN_*. @since 0.1 */
AIRE_API int32_t aire_result_kind(const aire_result *result);
/** The seed that the run was given. @since 0.1 */
AIRE_API uint64_t aire_result_seed(const aire_result *result);
/** The idea that was run, borrowed; NULL for a baseline. @since 0.1 */
AIRE_API aire_idea *aire_result_idea(const aire_result *result);
/** The plan of that idea, borrowed; NULL for none. @since 0.1 */
AIRE_API aire_plan *aire_result_plan(const aire_result *result);
/** AIRE_OUTCOME_*. @since 0.1 */
AIRE_API int32_t aire_result_outcome(const aire_result *result);
/** AIRE_STAGE_*: the last stage entered. @since 0.1 */
AIRE_API int32_t aire_result_stage(const aire_result *result);
/** AIRE_CAUSE_*. @since 0.1 */
AIRE_API int32_t aire_result_cause(const aire_result *result);
/** Exit code or signal number where the cause is one; else 0. @since 0.1 */
AIRE_API int32_t aire_result_code(const aire_result *result);
/** What happened, for people; "" for nothing to say. Borrowed, until the result is released. @since 0.1 */
AIRE_API const char *aire_result_detail(const aire_result *result);
/** AIRE_TRUST_*; 0 where there is no metric. @since 0.1 */
AIRE_API int32_t aire_result_trust(const aire_result *result);
/** Tries spent, from 1. @since 0.1 */
AIRE_API int32_t aire_result_attempts(const aire_result *result);

/**
 * The number to maximise.
 *
 * @param[out] reward written only if there is one
 * @return AIRE_OK, or AIRE_EMPTY if the outcome is not AIRE_OUTCOME_OK
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_result_reward(const aire_result *result, double *reward);

/** Number of metrics. @since 0.1 */
AIRE_API size_t aire_result_metric_count(const aire_result *result);
/** Metric @p index, borrowed, until the result is released; NULL out of range. @since 0.1 */
AIRE_API const aire_metric *aire_result_metric(const aire_result *result, size_t index);
/** Number of stages with a record of what they used. @since 0.1 */
AIRE_API size_t aire_result_usage_count(const aire_result *result);
/** Use of stage @p index, borrowed, until the result is released; NULL out of range. @since 0.1 */
AIRE_API const aire_usage *aire_result_usage(const aire_result *result, size_t index);
/** The patch as it was applied, borrowed; NULL for none. @since 0.1 */
AIRE_API aire_patch *aire_result_patch(const aire_result *result);
/** Content hash of the patched environment, hexadecimal; "" for none. Borrowed. @since 0.1 */
AIRE_API const char *aire_result_variant(const aire_result *result);
/** End of the log of the last stage; "" for none. Borrowed. @since 0.1 */
AIRE_API const char *aire_result_log_tail(const aire_result *result);

/** Word for an outcome, such as "build failed"; "?" if unknown. Static storage. @since 0.1 */
AIRE_API const char *aire_outcome_name(int32_t outcome);
/** Word for a stage; "?" if unknown. Static storage. @since 0.1 */
AIRE_API const char *aire_stage_name(int32_t stage);
/** Word for a cause; "?" if unknown. Static storage. @since 0.1 */
AIRE_API const char *aire_cause_name(int32_t cause);
/** Word for a kind of run; "?" if unknown. Static storage. @since 0.1 */
AIRE_API const char *aire_run_kind_name(int32_t kind);
/** Word for who measured the metric; "?" if unknown. Static storage. @since 0.1 */
AIRE_API const char *aire_trust_name(int32_t trust);

/**
 * The result as a JSON object: run, kind, seed (above 2^63 - 1: its digits as a string), idea (id or
 * null), outcome, stage, cause (words), code, detail, trust, attempts, reward (number or null),
 * metrics, usage, patch, variant, log_tail.
 *
 * @param[out] out owned by caller, free with aire_free
 * @return AIRE_OK, AIRE_NOMEM
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_result_to_json(const aire_result *result, char **out);

/**
 * Make a result from such an object.
 *
 * @param json   need not end in NUL
 * @param length of @p json in bytes
 * @param idea   the idea it belongs to; reference taken; NULL for a baseline
 * @param[out] out owned by caller, release with aire_result_unref; NULL on failure
 * @return AIRE_OK, AIRE_FORMAT (with line and column, or the member that is wrong), AIRE_NOMEM
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_result_from_json(aire_ctx *ctx, const char *json,
                                                      size_t length, aire_idea *idea,
                                                      aire_result **out);

/** An immutable list of results. Reference counted; share freely. */
typedef struct aire_results aire_results;

/** Take a reference; returns @p results. @since 0.1 */
AIRE_API aire_results *aire_results_ref(aire_results *results);
/** Drop a reference; NULL is allowed. @since 0.1 */
AIRE_API void aire_results_unref(aire_results *results);
/** Number of results in the list. @since 0.1 */
AIRE_API size_t aire_results_count(const aire_results *results);
/** Result @p index, borrowed; NULL out of range. @since 0.1 */
AIRE_API aire_result *aire_results_get(const aire_results *results, size_t index);

AIRE_END_DECLS

#endif
