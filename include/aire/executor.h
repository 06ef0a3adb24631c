/**
 * @file executor.h
 * Executors: idea -> patch -> build -> run -> evaluate -> result.
 *
 * An executor has a queue and workers. What is submitted is written to the store first; a result is
 * durable before aire_executor_next gives it; and an executor made on a store takes up what an
 * earlier one left: runs that had not finished go back in the queue, and results that had finished
 * but were not told to a searcher are given once more.
 *
 * A run of an idea whose result breaks a rule of the manifest's `plausible` is run once more on a
 * fresh seed before there is a result: a run of kind AIRE_RUN_RECHECK, which the store keeps as
 * evidence and aire_executor_next never gives. The result is AIRE_OUTCOME_OK with the worse of both
 * values if that clears it, else AIRE_OUTCOME_SUSPECT, or what the re-run was found to be.
 *
 * Each try at a run has a directory of its own in the work directory, which is removed when the try
 * has ended. Where the manifest has `retention`, the files of some runs are kept (after their result
 * is durable, and before it is given), until better or newer ones need their place:
 *
 *     WORK_DIR/kept/run-ID/variant/...   the files that the build found, as they were patched
 *     WORK_DIR/kept/run-ID/outputs/...   declared outputs, such as checkpoints: what was evaluated,
 *                                        or what a failed run left
 *     WORK_DIR/kept/run-ID/logs/...      build.log, run.log, evaluate.log, stream.jsonl, report.json
 *
 * These are plain files and directories, whatever the run left behind, and a host may copy or remove
 * them; the files of a pinned run (aire_store_pin) stay. An executor tidies them when it is made and
 * when a run ends. A failure to keep files is a warning in the log, and changes no result. Nothing
 * is kept of the files of runs on a cluster.
 */
#ifndef AIRE_EXECUTOR_H
#define AIRE_EXECUTOR_H

#include "aire/env.h"
#include "aire/model.h"
#include "aire/prompt.h"
#include "aire/result.h"
#include "aire/sandbox.h"
#include "aire/slurm.h"
#include "aire/store.h"

AIRE_BEGIN_DECLS

/** An executor. Reference counted; thread-safe. */
typedef struct aire_executor aire_executor;

/** What a progress tells. */
enum {
    AIRE_PROGRESS_STAGE = 0, /**< a stage begins */
    AIRE_PROGRESS_METRIC = 1 /**< the manifest's stream metric has a new value */
};

/** What is happening to a run, for those who watch. */
typedef struct aire_progress {
    uint32_t struct_size; /**< sizeof(aire_progress) */
    int32_t stage;        /**< AIRE_STAGE_*: the stage that begins, or that the run is at */
    int64_t run_id;
    int64_t idea_id;      /**< 0 for a baseline */
    int32_t kind;         /**< AIRE_RUN_* */
    int32_t attempt;      /**< from 1 */
    int32_t event;        /**< AIRE_PROGRESS_* */
    int32_t reserved;     /**< 0 */
    double step;          /**< of a metric, as the run reported it; else 0; so is the next */
    double value;
} aire_progress;

/**
 * Told, inside aire_executor_next, of each stage that began and of the newest value of each run's
 * stream metric (values that came meanwhile are passed over; runs on a cluster tell none).
 */
typedef void (*aire_progress_fn)(const aire_progress *progress, void *user_data);

/**
 * Told, on the thread that works on the run, of what a stage writes to stdout and stderr, while it
 * writes. Several threads may call at once. What comes faster than it is taken is left out (the log
 * has it); so it should return soon. Runs on a cluster tell nothing.
 */
typedef void (*aire_output_fn)(int64_t run_id, int32_t stage, const char *data, size_t length,
                               void *user_data);

/** Options of aire_executor_new. */
typedef struct aire_executor_options {
    uint32_t struct_size;        /**< sizeof(aire_executor_options) */
    int32_t workers;             /**< runs at once, each on the cpus that its stage asks for; default: as many as there are cpus */
    const char *work_dir;        /**< directory for workspaces, of this store alone; NULL: the store's path + ".work" */
    /** Writes patches for ideas without one; reference taken; nullable. A run that has none when the
     *  model's budget is used (AIRE_LIMIT), and nobody else's patch is being asked for, is put off: it is
     *  not queued any more, has no result, stays unfinished in the store, and is taken up by the next
     *  executor */
    aire_model *implementer;
    aire_progress_fn progress;   /**< nullable */
    void *progress_user_data;    /**< borrowed; must outlive the executor */
    int32_t max_attempts;        /**< tries at a run that infrastructure fails; default 3 */
    int32_t keep_workspaces;     /**< 0: remove each workspace when its run ends; 1: keep them all, whole, and without retention */
    int64_t memory_bytes;        /**< memory to lease; 0: the machine's */
    int64_t disk_bytes;          /**< disk space to lease; 0: what is free where the workspaces are */
    const int32_t *gpus;         /**< devices /dev/nvidiaN to lease, each at most once; NULL: all there are */
    size_t gpu_count;            /**< at most 64 */
    const aire_slurm_options *slurm; /**< run on a cluster; workers is then how many jobs at once; nullable */
    aire_output_fn output;           /**< nullable */
    void *output_user_data;          /**< borrowed; must outlive the executor */
    /** Directory of templates for the implementer's requests, implement.txt and revise.txt, as of
     *  aire_ideator_chat_options; copied; nullable: the built-in ones */
    const char *template_dir;
    /** Patches that are asked for at once for an idea without one, at most 64; the first that applies
     *  goes on, and the others are cancelled; 0: 1. The implementer may be asked candidates times
     *  (1 + revisions) times for one idea, and as often for each repair; draft.h has what it answered.
     *  No request outlives its run: a model of the host's own that does not heed its token is waited for */
    int32_t candidates;
    int32_t revisions;       /**< how often each is given back with the reason when it does not apply, at most 8; 0: 2; -1: never */
    int32_t repairs;         /**< how often the implementer's patch is given back when the build fails, the smoke run fails, or the run crashes soon, at most 8; 0: 1; -1: never. Not on a cluster */
    int32_t repair_seconds;  /**< a crash of the run within so many seconds is given back; 0: 10; -1: none is */
    int32_t skip_smoke;      /**< 1: the manifest's smoke run is left out */
    uint32_t forms;          /**< AIRE_FORM_*, or'ed: what the implementer is asked for; 0: AIRE_FORM_UNIFIED */
    /** Asked whether a patch of the implementer does what its idea says; what it refuses is given back
     *  to the implementer once, and ends the run if it is refused again. Reference taken; nullable: no
     *  check */
    aire_model *checker;
    /** Of the candidates, how many are under way at once: with 1 the next one is asked for only when
     *  the one before has come to nothing, revisions included, which takes longer and pays for no
     *  answer that is not used; 0: all */
    int32_t candidates_at_once;
    int32_t reserved;        /**< must be 0 */
} aire_executor_options;

/** Default options. */
#define AIRE_EXECUTOR_OPTIONS_INIT                                                                 \
    { sizeof(aire_executor_options), 0, NULL, NULL, NULL, NULL, 0, 0, 0, 0, NULL, 0, NULL, NULL, NULL, NULL, \
      0, 0, 0, 0, 0, 0, NULL, 0, 0 }

/** Set @p options of @p size bytes to the defaults; AIRE_ABI if @p size is unknown. @since 0.1 */
AIRE_API aire_status aire_executor_options_init(aire_executor_options *options, size_t size);

/**
 * Make an executor with local workers, and take up what the store has unfinished.
 *
 * A run leases what the manifest's largest stage asks for (cpus, gpus, memory_mb, disk_mb), for as
 * long as it lasts, and begins when that is free; what the manifest does not say is not counted. A
 * stage that asks for GPUs sees those of its run and no others.
 *
 * @param sandbox reference taken; may be NULL with options.slurm alone, where nothing runs here and
 *                each node has its own
 * @param store   opened for writing, and of the same environment (by hash) as before
 * @param options nullable: the defaults
 * @param[out] out owned by caller, release with aire_executor_unref; NULL on failure
 * @return AIRE_OK, AIRE_INVALID, AIRE_STATE (the store is of another environment, or read-only),
 *         AIRE_LIMIT (a run asks for more than there is), AIRE_NOT_FOUND or AIRE_FORMAT
 *         (template_dir), AIRE_IO, AIRE_NOMEM, AIRE_ABI
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_executor_new(aire_ctx *ctx, aire_env *env,
                                                  aire_sandbox *sandbox, aire_store *store,
                                                  const aire_executor_options *options,
                                                  aire_executor **out);

/** Take a reference; returns @p executor. @since 0.1 */
AIRE_API aire_executor *aire_executor_ref(aire_executor *executor);

/**
 * Drop a reference; NULL is allowed. The last one stops the workers: runs under way end at once,
 * and stay in the store as unfinished. @since 0.1
 */
AIRE_API void aire_executor_unref(aire_executor *executor);

/** Options of aire_executor_submit. */
typedef struct aire_submit_options {
    uint32_t struct_size; /**< sizeof(aire_submit_options) */
    int32_t kind;         /**< AIRE_RUN_IDEA (default) or AIRE_RUN_CONFIRM; without an idea AIRE_RUN_BASELINE */
    uint64_t seed;        /**< seed for the run; 0: the manifest's */
    int32_t priority;     /**< higher runs first; default 0 */
    int32_t reserved;     /**< must be 0 */
} aire_submit_options;

/** Default options. */
#define AIRE_SUBMIT_OPTIONS_INIT                                                                   \
    { sizeof(aire_submit_options), 0, 0, 0, 0 }

/** Set @p options of @p size bytes to the defaults; AIRE_ABI if @p size is unknown. @since 0.1 */
AIRE_API aire_status aire_submit_options_init(aire_submit_options *options, size_t size);

/**
 * Put a run in the queue. Submitting what the store has already (the same place in the same plan,
 * or the same idea or baseline with the same kind and seed) adds nothing and names the run that is
 * there, so that a loop which was killed can simply be run again.
 *
 * @param idea    reference taken; NULL for a run of the baseline
 * @param options nullable: the defaults
 * @param[out] run_id nullable: number of the run
 * @return AIRE_OK, AIRE_INVALID, AIRE_STATE (stopped), AIRE_IO, AIRE_BUSY (lease lost), AIRE_NOMEM
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_executor_submit(aire_executor *executor, aire_idea *idea,
                                                     const aire_submit_options *options,
                                                     int64_t *run_id);

/**
 * The next finished result, in order of finishing. Progress is reported inside this call.
 *
 * @param timeout_ms how long to wait, milliseconds; 0: do not wait; negative: without limit
 * @param[out] out owned by caller, release with aire_result_unref; NULL unless AIRE_OK
 * @return AIRE_OK; AIRE_EMPTY if nothing is queued, running or finished; AIRE_TIMEOUT;
 *         AIRE_IO if a result could not be made durable (the executor is then stopped, and the run
 *         is still unfinished in the store)
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_executor_next(aire_executor *executor, int32_t timeout_ms,
                                                   aire_result **out);

/** A descriptor that polls readable while aire_executor_next has something. Borrowed. @since 0.1 */
AIRE_API int32_t aire_executor_fd(aire_executor *executor);

/** Number of runs that are queued or running. @since 0.1 */
AIRE_API size_t aire_executor_pending(aire_executor *executor);

/**
 * Wait until nothing is queued or running; results wait for aire_executor_next.
 * @return AIRE_OK, AIRE_TIMEOUT, AIRE_CANCELLED
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_executor_wait(aire_executor *executor, int32_t timeout_ms,
                                                   aire_cancel *cancel);

/**
 * Cancel a run: it ends with AIRE_OUTCOME_CANCELLED, unless it had finished already.
 *
 * @param run_id the run; 0 for all
 * @return AIRE_OK, AIRE_NOT_FOUND (not queued or running)
 * @since 0.1
 */
AIRE_API aire_status aire_executor_cancel(aire_executor *executor, int64_t run_id);

/** An executor of the host's own; slots as the functions of the same name. */
typedef struct aire_executor_ops {
    uint32_t struct_size; /**< sizeof(aire_executor_ops) */
    uint32_t reserved;    /**< must be 0 */
    aire_status (*submit)(aire_idea *idea, const aire_submit_options *options, int64_t *run_id,
                          void *user_data); /**< required */
    aire_status (*next)(int32_t timeout_ms, aire_result **out, void *user_data); /**< required */
    int32_t (*fd)(void *user_data);                                  /**< optional: -1 */
    size_t (*pending)(void *user_data);                              /**< required */
    aire_status (*wait)(int32_t timeout_ms, aire_cancel *cancel, void *user_data); /**< required */
    aire_status (*cancel)(int64_t run_id, void *user_data);          /**< optional: AIRE_UNSUPPORTED */
    void (*destroy)(void *user_data);                                /**< optional */
} aire_executor_ops;

/**
 * Make an executor from functions of the host. @p user_data is owned by the executor on success.
 *
 * @param[out] out owned by caller, release with aire_executor_unref; NULL on failure
 * @return AIRE_OK, AIRE_INVALID (a required function is missing), AIRE_NOMEM, AIRE_ABI
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_executor_new_from_ops(aire_ctx *ctx,
                                                           const aire_executor_ops *ops,
                                                           void *user_data, aire_executor **out);

AIRE_END_DECLS

#endif
