/*
 * One run as the executor's parts see it: what is to be done, where, and what came of it.
 */
#ifndef AIRE_EXECUTOR_JOB_H
#define AIRE_EXECUTOR_JOB_H

#include "aire/executor.h"
#include "env/env.h"
#include "executor/schedule.h"
#include "patch/patch.h"
#include "prompt/template.h"
#include "store/store.h"

/* How patches are had from models: aire_executor_options with the defaults filled in. */
typedef struct aire_implementing {
    int32_t candidates; /* from 1 */
    int32_t at_once;    /* of them, from 1 */
    int32_t revisions;  /* of each, from 0 */
    int32_t repairs;    /* from 0 */
    int64_t repair_ms;  /* of the run stage, in which a crash is repaired; -1: never */
    uint32_t forms;     /* AIRE_FORM_* */
    bool skips_smoke;
} aire_implementing;

/* What every run of an executor shares; immutable. */
typedef struct aire_workshop {
    aire_ctx *ctx; /* all are references of the executor */
    aire_env *env;
    aire_sandbox *sandbox;   /* NULL where all runs are on a cluster */
    aire_store *store;       /* keeps drafts; borrowed; NULL: they are not kept */
    aire_model *implementer; /* nullable */
    aire_model *checker;     /* of what the implementer wrote; nullable */
    aire_implementing how;
    aire_templates *templates;  /* of its requests; NULL: the built-in ones */
    aire_patch_source *sources; /* the environment's files, for patches */
    char *work_dir;
    bool keep_workspaces;
} aire_workshop;

/* How a run ended. Texts are from aire_alloc and may be NULL. */
typedef struct aire_ending {
    int32_t outcome, stage, cause, code, trust;
    char *detail;
    char *log_tail;
    aire_env_verdict verdict;          /* metrics and reward */
    aire_usage usage[AIRE_ENV_STAGES]; /* one a stage */
    size_t usage_count;
} aire_ending;

/* One try at a run. */
typedef struct aire_try {
    const aire_workshop *shop;
    const aire_run *run;
    int32_t attempt;
    aire_cancel *cancel;
    const int32_t *gpus; /* numbers of the devices that it has leased */
    int32_t gpu_count;
    int64_t cpu_ms;  /* that its run may use, if that is less than the manifest says; 0: that */
    bool is_written; /* its patch is the implementer's */
    bool is_unpaid;  /* it has none, as the models' budget is used: the run waits for another one */
    int32_t repairs; /* of that patch, so far */
    int32_t draft;   /* number of the draft that it is; 0: it is not kept */
    aire_patched patched; /* files that differ from the baseline; none for a baseline */
    char variant[65];     /* content hash */
    char *directory;      /* of this try, below the work directory */
    aire_ending ending;
    void (*entered)(struct aire_try *t, int32_t stage,
                    void *data); /* told of each stage; nullable */
    /* Told of the stream's metric as it comes; true: the run is hopeless. Nullable. */
    bool (*reported)(struct aire_try *t, double step, double value, void *data);
    /* Told of what a stage writes. Nullable. */
    void (*wrote)(struct aire_try *t, const char *bytes, size_t length, void *data);
    void *data;
    double last_step, last_value; /* of the stream */
    bool has_streamed;
    bool posed; /* the evaluator wants passes predicted */
} aire_try;

/* ---- implement.c ---- */

/* Fill shop->sources; freed by the workshop's owner. */
aire_status aire__workshop_sources(aire_workshop *shop);

/* The content hash of the environment with edits. */
void aire__variant_hash(const aire_env *env, const aire_patched *patched, char out[65]);

/* Apply a patch to the environment's files; refusals are described in *out. */
aire_status aire__apply_to_env(const aire_workshop *shop, const aire_patch *patch,
                               aire_patched *out);

/*
 * Have the run's files: from the idea's patch, or from one that the Implementer writes. Either they
 * are in t->patched and t->variant, and the outcome is OK, or t->ending says why not. AIRE_OK,
 * AIRE_CANCELLED, AIRE_NOMEM, AIRE_LIMIT with t->is_unpaid; other statuses are failures of the
 * store.
 */
aire_status aire__implement(aire_try *t);

/* ---- repair.c ---- */

/*
 * The patched code failed, as t->ending says: if that is something to repair, have another patch
 * from the model. *again: t is then as aire__implement leaves it, to be run once more; otherwise it
 * stays as it is. Statuses as of aire__implement.
 */
aire_status aire__repair(aire_try *t, bool *again);

/* ---- workspace.c ---- */

/* Make the try's directory with its workspace and output directory. */
aire_status aire__workspace_make(aire_try *t);

/* Whether the variant's editable files are as large as they may be at most; otherwise t->ending
 * says so. */
aire_status aire__workspace_check_size(aire_try *t);

/* Make a directory of the try. */
aire_status aire__workspace_make_directory(const aire_try *t, const char *name);

/* The path of a file below a directory of the try, whose own directory is made; from aire_alloc. */
aire_status aire__workspace_place(const aire_try *t, const char *directory, const char *path,
                                  char **out);

/* A file that changes hands: from one directory of the try to another one, as a copy. */
typedef struct aire_handing {
    const char *from, *path;
    const char *to, *name;
    const char *place; /* what the variant knows `from` as */
    int64_t max_bytes;
    bool required;
} aire_handing;

/* Copy a plain file that untrusted code wrote; what is wrong with it is said in t->ending, and the
 * outcome is then not OK. */
aire_status aire__workspace_hand_over(aire_try *t, const aire_handing *h);

/* Make the evaluation's own workspace (original files) and its copy of the declared outputs; what
 * is wrong with an output is said in t->ending, and the outcome is then not OK. */
aire_status aire__workspace_make_evaluation(aire_try *t);

/* Whether the protected files are still what they were; otherwise t->ending says which is not. */
aire_status aire__workspace_check(aire_try *t);

/* Read a file that the run wrote below its output directory, never through a link; at most `max`
 * bytes of it. *out "" if it is no plain file. */
aire_status aire__workspace_read(aire_try *t, const char *path, size_t max, char **out,
                                 size_t *length);

/* Write files of the environment with the edits into a directory of the try: editable ones if
 * `variant`, hidden ones if `hidden`, and all others. */
aire_status aire__workspace_fill(const aire_try *t, const char *directory, bool variant,
                                 bool hidden);

/* Open what lies below a directory of the try, never through a link. -1 with errno: ENOENT, ELOOP
 * or EXDEV (links), ... */
int aire__workspace_open(const aire_try *t, const char *directory, const char *path, int flags);

void aire__workspace_remove(aire_try *t);

/* Remove the directory of a try, also one that was being removed already. */
aire_status aire__workspace_discard(const aire_workshop *shop, const char *path);

/* ---- smoke.c ---- */

/* Make a copy of the workspace as it was built, and an output directory, for the smoke run; and
 * remove them. */
aire_status aire__smoke_make(aire_try *t);
aire_status aire__smoke_remove(aire_try *t);

/* ---- keep.c ---- */

/*
 * Put together in the try's directory, below `keep`, what is kept of it by the manifest: links,
 * devices and what cannot be read are left out, set-user-ID bits are dropped. Moves files: the try
 * is of no use for anything else afterwards. Doing it again goes on where it was. *bytes is what
 * it takes on the disk; 0: there is nothing to keep.
 */
aire_status aire__keep_gather(aire_try *t, int64_t *bytes);

/* What a kept directory takes on the disk; 0 if it is not there. */
aire_status aire__keep_size(aire_ctx *ctx, const char *directory, int64_t *bytes);

/* "<directory>/<name>"; NULL when there is no memory. */
char *aire__try_path(const aire_try *t, const char *name);

/* ---- passes.c ---- */

/*
 * The passes that an evaluator has posed: plain files in the try's directory `passes`. They come in
 * an order that nobody knows before, and the variant is told neither their names nor their order.
 */
typedef struct aire_passes {
    char **names; /* in the order in which they are run */
    size_t count;
} aire_passes;

/* Read and shuffle them. What is wrong with them is the evaluator's fault, and said in t->ending.
 */
aire_status aire__passes_read(aire_try *t, aire_passes *out);

/* Lay pass `index` out in a directory of its own: its input, and a place for the answer. */
aire_status aire__passes_serve(aire_try *t, const aire_passes *passes, size_t index);

/* Take its answer for the evaluator, and the place away. What is wrong is said in t->ending. */
aire_status aire__passes_collect(aire_try *t, const aire_passes *passes, size_t index);

/* "served/<index>/<name>" on the host; from aire_alloc, NULL when there is no memory. */
char *aire__passes_path(const aire_try *t, size_t index, const char *name);

void aire__passes_free(const aire_try *t, aire_passes *passes);

/* ---- resources.c ---- */

/* What a run needs: the most that a stage of the manifest asks for. What it does not say is 0, but
 * for one cpu. */
aire_resources aire__needs_of(const aire_env *env);

/* ---- stages.c ---- */

/*
 * Build, smoke run, run and evaluate; t->ending says how it ended. AIRE_OK; AIRE_CANCELLED; any
 * other status is a failure of the infrastructure, and not of the idea.
 */
aire_status aire__stages_run(aire_try *t);

/* ---- outcome.c ---- */

/* Settle how the try ended; the detail is formatted. AIRE_OK, AIRE_NOMEM. */
aire_status aire__settle(aire_try *t, int32_t outcome, int32_t cause, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Settle by how a command ended; leaves the outcome OK for exit code 0. */
aire_status aire__settle_exit(aire_try *t, const aire_exit *ended);

/* Give a try the metrics and the reward of a result, in the place of what it has. */
aire_status aire__take_metrics(aire_try *t, const aire_result *result);

/* The result that a try came to. */
aire_status aire__try_result(const aire_try *t, aire_result **out);
void aire__try_clear(aire_try *t);

/* Forget how a try ended. */
void aire__ending_clear(aire_try *t);

#endif
