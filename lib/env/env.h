/*
 * Environments, from the inside: the manifest as parsed and checked, and the files with their
 * roles.
 *
 * Everything here is immutable once aire_env_open has returned. The manifest's keys are documented
 * in lib/env/aire.schema.json; this is what they become.
 */
#ifndef AIRE_ENV_ENV_H
#define AIRE_ENV_ENV_H

#include <stdbool.h>

#include "aire/env.h"
#include "aire/result.h"
#include "aire/sandbox.h"
#include "base/ref.h"

/* Where the stages find things inside the sandbox. */
#define AIRE_ENV_WORKSPACE "/workspace"     /* writable; the current directory of every stage */
#define AIRE_ENV_DATA "/data"               /* read-only; AIRE_DATA */
#define AIRE_ENV_OUT "/out"                 /* writable in run, read-only in evaluate; AIRE_OUT */
#define AIRE_ENV_STREAM "/out/stream.jsonl" /* intermediate metrics; AIRE_STREAM */
#define AIRE_ENV_PASSES "/passes"           /* evaluate: what is to be predicted; AIRE_PASSES */
#define AIRE_ENV_ANSWERS "/answers"         /* evaluate: what was; AIRE_ANSWERS */
#define AIRE_ENV_INPUT "/pass"              /* predict: one pass, read-only; AIRE_INPUT */
#define AIRE_ENV_ANSWER "/answer/answer"    /* predict: its answer; AIRE_ANSWER */

/* Stages are numbered below the first. */
enum { AIRE_ENV_STAGES = AIRE_STAGE_PREDICT + 1, AIRE_ENV_PASSES_MAX = 256 };

typedef struct aire_env_file {
    char *path; /* relative, clean */
    int32_t role;
    uint32_t mode; /* permission bits */
    char *data;    /* whole content, NUL-terminated */
    size_t length;
    bool is_text; /* valid UTF-8 without NUL */
} aire_env_file;

/* "build", "smoke", "run", "evaluate" or "predict" of the manifest. */
typedef struct aire_env_step {
    bool present;
    char **argv; /* ends in NULL; a shell command is {"/bin/sh", "-c", command, NULL} */
    char **vars; /* "NAME=value" of `env`, ends in NULL */
    aire_limits limits;
    int32_t cpus; /* cpu slots, from 1 */
    int32_t gpus;
    bool network;
    char *data;           /* absolute host directory mounted at AIRE_ENV_DATA; NULL for none */
    bool with_variant;    /* evaluate only: its workspace also has the editable files, as patched */
    int32_t passes;       /* predict only: at most so many */
    int64_t answer_bytes; /* predict only: of each answer, at most */
} aire_env_step;

typedef struct aire_env_mount {
    char *source; /* absolute, variables replaced */
    char *target;
    bool stages[AIRE_ENV_STAGES]; /* by AIRE_STAGE_* */
} aire_env_mount;

/* What a run hands to evaluation: a plain file below AIRE_ENV_OUT. */
typedef struct aire_env_output {
    char *path;
    int64_t max_bytes;
    bool required;
} aire_env_output;

typedef enum aire_env_reduce { AIRE_REDUCE_LAST, AIRE_REDUCE_MIN, AIRE_REDUCE_MAX } aire_env_reduce;

typedef enum aire_env_transform {
    AIRE_REWARD_IDENTITY, /* value */
    AIRE_REWARD_NEGATE,   /* -value */
    AIRE_REWARD_INVERSE   /* 1 / value */
} aire_env_transform;

/* When a run is hopeless, by its intermediate metric. */
typedef enum aire_env_stop {
    AIRE_ENV_STOP_NEVER,
    AIRE_ENV_STOP_MEDIAN,
    AIRE_ENV_STOP_ASHA
} aire_env_stop;

typedef struct aire_env_stream_rule {
    char *metric; /* member of the stream's lines to watch; NULL for none */
    char *step;   /* member that says how far the run is */
    bool minimize;
    aire_env_stop stop;
    double min_step, eta;
    int32_t min_runs;
} aire_env_stream_rule;

typedef struct aire_env_metric_rule {
    char *name;
    bool minimize;
    int32_t trust;          /* AIRE_TRUST_* */
    aire_env_reduce reduce; /* over the values of a self-reported metric */
    aire_env_transform transform;
    double valid_min, valid_max; /* inclusive; infinite where the manifest has no `valid` */
    bool has_target;
    double target;
    char *pattern; /* self-reported: text in the log before the number, no part of a longer word,
                      "^": only at the beginning of a line; NULL: the stream */
} aire_env_metric_rule;

/* What a result must not be without being looked at again; 0, and false: no such rule. */
typedef struct aire_env_plausible {
    double min_cpu_s;     /* processor time of run */
    double min_cpu_share; /* the same, as a share of the baseline's median */
    double max_gain;      /* of the metric over the baseline's mean, in its own unit */
    bool seeds_differ;    /* another seed gives another metric */
} aire_env_plausible;

/* What can be kept of a run. */
enum { AIRE_KEEP_VARIANT = 1, AIRE_KEEP_LOGS = 2, AIRE_KEEP_OUTPUTS = 4 };

/* Of which runs the files are kept. */
typedef struct aire_env_retention {
    bool present;         /* false: nothing is kept */
    int32_t best, failed; /* so many runs */
    uint32_t keep;        /* AIRE_KEEP_* */
    int64_t max_bytes;    /* of all that is kept */
} aire_env_retention;

/* One replacement: `find` stands exactly once in the baseline file. */
typedef struct aire_env_edit {
    char *file;
    char *find;
    char *replace;
} aire_env_edit;

/* One way to turn a "choice" knob. */
typedef struct aire_env_choice {
    char *name;
    char *idea; /* what it is and why it might help, one sentence */
    aire_env_edit *edits;
    size_t edit_count;
} aire_env_choice;

typedef struct aire_env_knob {
    char *name;
    char *about; /* one sentence */
    bool is_number;

    /* number: `text` with "{}" replaced by `baseline` stands exactly once in `file` */
    char *file;
    char *text;
    char *baseline; /* as written in the file */
    double value;   /* baseline as a number */
    double min, max;
    bool log_scale;
    bool integer;
    double *values; /* allowed values; NULL: anything in [min, max] */
    size_t value_count;

    /* choice */
    aire_env_choice *choices;
    size_t choice_count;
} aire_env_knob;

struct aire_env {
    aire_refcount refs;
    aire_ctx *ctx;
    char *path;       /* absolute directory */
    char **variables; /* that it was opened with, "NAME=value"; ends in NULL */
    char *name;
    char *goal;
    char *rules; /* lines; "" for none */
    char *hints; /* lines; "" for none */
    char hash[65];

    const char *adapter; /* word of the adapter that made the manifest; NULL: it has an aire.json */
    char *manifest;      /* JSON, as it was read or made */

    char **globs[5];      /* by AIRE_FILE_*, 0 for ignored files; each ends in NULL */
    char **block_marks;   /* the two of `files.blocks`; NULL for none */
    aire_env_file *files; /* in byte order of path; ignored files are absent */
    size_t file_count;
    aire_env_step steps[AIRE_ENV_STAGES]; /* by AIRE_STAGE_*: from BUILD on */
    aire_env_mount *mounts;
    size_t mount_count;
    aire_env_output *outputs;
    size_t output_count;
    aire_env_metric_rule metric;
    char **budget_vars;       /* "AIRE_BUDGET_TOKENS=...": what a run may use; ends in NULL */
    char **smoke_budget_vars; /* the same for a smoke run; NULL: as of a run */
    char *budget_text;        /* for prompts: "655360 tokens, 30 s"; "" for none */
    double cpu_ratio;         /* processor time of run, over the baseline's median; 0: no limit */
    int64_t max_bytes;        /* of the editable files of a variant, together; 0: no limit */
    uint64_t seed;            /* of an ordinary run */
    uint64_t *baseline_seeds;
    size_t baseline_seed_count;
    char *seed_var; /* variable beside AIRE_SEED that carries the seed; NULL for none */
    aire_env_stream_rule stream;
    int32_t priority;
    aire_env_retention retention;
    aire_env_plausible plausible;
    aire_env_knob *knobs;
    size_t knob_count;
};

/* File by path; NULL if there is none. */
const aire_env_file *aire__env_file(const aire_env *env, const char *path);

/* Role that a path has, or would have if a patch made it; 0 if it is ignored. */
int32_t aire__env_role(const aire_env *env, const char *path);

/*
 * The metric in what a step wrote. `report` is the evaluate step's JSON:
 * {"metrics": {NAME: number, ...}} or {"violation": {"cause": WORD, "detail": TEXT}} or
 * {"refused": {"cause": WORD, "detail": TEXT}}. The outcome is OK, NO_METRIC or VIOLATION;
 * free with aire__env_verdict_free.
 */
typedef struct aire_env_verdict {
    int32_t outcome;
    int32_t cause;
    char *detail; /* never NULL on AIRE_OK */
    aire_metric *metrics;
    size_t metric_count;
    double reward;
} aire_env_verdict;

aire_status aire__env_judge_report(const aire_env *env, const char *report, size_t length,
                                   aire_env_verdict *out);

/* The same from a self-reported metric: the run's log and its stream of JSON lines. */
aire_status aire__env_judge_log(const aire_env *env, const char *log, size_t log_length,
                                const char *stream, size_t stream_length, aire_env_verdict *out);

/* A line of the stream: whether it holds the watched metric and a step. A metric that is no finite
 * number is NaN. */
bool aire__env_stream_line(const aire_env *env, const char *line, size_t length, double *step,
                           double *value);

void aire__env_verdict_free(const aire_env *env, aire_env_verdict *verdict);

#endif
