/*
 * Runs as jobs of a Slurm cluster: what the executor asks of this backend, and what it shares with
 * the program aire-job.
 *
 * The directory of a run is DIRECTORY/IDENTITY/run-ID:
 *
 *     job.json      what is to be done; written before the job is submitted
 *     variant.diff  the patch, as it was applied
 *     job.id        Slurm's number of the job
 *     slurm.out     what aire-job itself printed
 *     result.json   what came of it; written whole or not at all, by aire-job
 *
 * Whoever finds a result takes it; whoever finds none and a job of that name that lives waits for
 * it. So a controller that was killed goes on where it was, and no run is run twice. Two things
 * guard that:
 *
 *   - DIRECTORY/IDENTITY/submit.lock is held by each sbatch for as long as it lives. One that a
 *     killed controller left behind may still submit; the next controller waits for it.
 *   - The directory stays until its result is kept elsewhere: see aire__slurm_kept.
 */
#ifndef AIRE_EXECUTOR_SLURM_H
#define AIRE_EXECUTOR_SLURM_H

#include "aire/slurm.h"
#include "executor/job.h"

#define AIRE_JOB_SPEC "job.json"
#define AIRE_JOB_PATCH "variant.diff"
#define AIRE_JOB_ID "job.id"
#define AIRE_JOB_RESULT "result.json"
enum { AIRE_JOB_FILE_MAX = 64 << 20, AIRE_SLURM_WHY = 320, AIRE_SLURM_GPU_MAX = 1023 };

typedef struct aire_slurm aire_slurm;

/* `identity` tells the runs of this store from those of others: letters, digits and "-". */
aire_status aire__slurm_new(const aire_workshop *shop, const aire_slurm_options *options,
                            const char *identity, aire_slurm **out);
void aire__slurm_free(aire_slurm *slurm);

/*
 * As aire__stages_run, on the cluster. AIRE_NOT_FOUND: the job ended without a result (its node was
 * lost, or it was cancelled from outside); other failures are of the infrastructure, too. Any
 * number of threads.
 */
aire_status aire__slurm_run(aire_try *t, aire_slurm *slurm);

/* The result of a run is kept elsewhere now: its directory may go. Until then whoever comes takes
 * the result from there again. */
void aire__slurm_kept(aire_slurm *slurm, int64_t run_id);

/* ---- slurm_queue.c: the cluster's commands ---- */

typedef enum aire_slurm_state {
    AIRE_SLURM_UNKNOWN, /* the controller does not answer */
    AIRE_SLURM_GONE,    /* it knows no such job */
    AIRE_SLURM_WAITING,
    AIRE_SLURM_RUNNING,
    AIRE_SLURM_OVER
} aire_slurm_state;

typedef struct aire_slurm_queue aire_slurm_queue;

aire_status aire__slurm_queue_new(aire_ctx *ctx, const aire_slurm_options *options,
                                  aire_slurm_queue **out);
void aire__slurm_queue_free(aire_slurm_queue *queue);

/* Submit a job that runs `argv` (ends in NULL) with `arguments` of sbatch (ends in NULL). *id is
 * its number. sbatch keeps the descriptor `held` (-1: none) open. AIRE_SANDBOX with what sbatch
 * said. */
aire_status aire__slurm_submit(aire_slurm_queue *queue, const char *const *arguments,
                               const char *const *argv, int held, int64_t *id);

/* False, and a line in the log, if the cluster did not hear of it. */
bool aire__slurm_cancel(aire_slurm_queue *queue, int64_t id);

/* What has become of a job, not older than the poll's interval; `word` (24 bytes) is Slurm's. */
aire_slurm_state aire__slurm_state(aire_slurm_queue *queue, int64_t id, int64_t since_ns,
                                   char word[24]);

/* The number of the job of a name that is not over, as seen after `since_ns`; 0 if there is none,
 * -1 if nobody knows. */
int64_t aire__slurm_find(aire_slurm_queue *queue, const char *name, int64_t since_ns);

/* Ask about one job: its state, and in words what is known of its end ("" for nothing). */
aire_slurm_state aire__slurm_explain(aire_slurm_queue *queue, int64_t id, char out[AIRE_SLURM_WHY]);

/* The state that a line of squeue ("ID|STATE|NAME") tells; false: it is no such line. */
bool aire__slurm_parse_line(const char *line, size_t length, int64_t *id, aire_slurm_state *state,
                            char word[24], const char **name, size_t *name_length);

/* The value of KEY=VALUE in what scontrol prints; false if it is not there. */
bool aire__slurm_field(const char *text, const char *key, char *out, size_t size);

/* The device numbers of a list as Slurm writes it ("0,2-3"), at most `max`; their count, -1 if it
 * is no such list. */
int32_t aire__slurm_parse_gpus(const char *list, int32_t *out, int32_t max);

#endif
