/*
 * Runs as jobs of a Slurm cluster: what the executor asks of this backend, and what it shares with
 * the program aire-job.
 *
 * The directory of a run is DIRECTORY/IDENTITY/run-ID:
 *
 *     job.json      what is to be done; written before the job is submitted
 *     variant.diff  the patch, as it was applied
 *     job.array     "ARRAY TASK" of a run that was submitted together with others
 *     job.id        Slurm's number of the job
 *     slurm.out     what aire-job itself printed
 *     result.json   what came of it; written whole or not at all, by aire-job
 *     failed        the run is over, and came to nothing; the rest is there to be read
 *
 * Runs that become ready while an sbatch is under way go together with the next one, as an array of
 * jobs: a run that is alone waits for nobody, and a thousand need no thousand calls. The directory
 * of an array is DIRECTORY/IDENTITY/ARRAY, which is also the end of its jobs' name; in it the link
 * TASK leads to the directory of the run that is this task, until the run is submitted anew or
 * over. Tasks are numbered from 0, as far as any cluster's MaxArraySize goes. Links and job.array
 * are written before the array is submitted. A task that comes too late finds no link, and does
 * nothing.
 *
 * Whoever finds a result takes it; whoever finds none and a job of that name that lives waits for
 * it. So a controller that was killed goes on where it was, and no run is run twice. Two things
 * guard that:
 *
 *   - DIRECTORY/IDENTITY/submit.lock is held by each sbatch for as long as it lives. One that a
 *     killed controller left behind may still submit; the next controller waits for it.
 *   - The directory stays until its result is kept elsewhere: see aire__slurm_kept.
 *
 * Directories of runs that the infrastructure failed stay to be read, the newest AIRE_SLURM_KEPT.
 */
#ifndef AIRE_EXECUTOR_SLURM_H
#define AIRE_EXECUTOR_SLURM_H

#include "aire/slurm.h"
#include "executor/job.h"

#define AIRE_JOB_SPEC "job.json"
#define AIRE_JOB_PATCH "variant.diff"
#define AIRE_JOB_ID "job.id"
#define AIRE_JOB_RESULT "result.json"
#define AIRE_JOB_ARRAY "job.array"
#define AIRE_JOB_FAILED "failed"
enum {
    AIRE_JOB_FILE_MAX = 64 << 20,
    AIRE_SLURM_WHY = 320,
    AIRE_SLURM_GPU_MAX = 1023,
    AIRE_SLURM_ID_TEXT = 40,
    AIRE_SLURM_ARRAY_MAX = 64,
    AIRE_SLURM_POLL_MS = 2000, /* between looks at the queue, unless the host wants others */
    AIRE_SLURM_KEPT = 20,
    AIRE_SLURM_ALONE = -1, /* in place of a task's number: a job that is no array */
    AIRE_SLURM_ANY = -2    /* any task of an array */
};

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

/* The run is over, and the infrastructure's failure: its directory stays for a while. */
void aire__slurm_failed(aire_slurm *slurm, int64_t run_id);

/* Remove what an earlier controller left of runs that are over; those of `runs` are not. */
void aire__slurm_sweep(aire_slurm *slurm, const aire_run *runs, size_t count);

/* ---- slurm_directory.c: the directories of runs and of arrays ---- */

/* Which task of which array a run is; "" and AIRE_SLURM_ALONE: it is a job of its own. */
typedef struct aire_slurm_place {
    char array[32];
    int32_t task;
} aire_slurm_place;

/* Make an array's directory with its links, and write each run's job.array. `array` is its name. */
aire_status aire__slurm_array_make(aire_ctx *ctx, const char *directory, const char *const *runs,
                                   size_t count, char array[32]);

/* What job.array says. */
void aire__slurm_place_read(aire_ctx *ctx, const char *run, aire_slurm_place *out);

/* Take the link that leads to a run away, so that its task begins no more, and its array's
 * directory after the last. The run's job.array stays. */
void aire__slurm_place_leave(aire_ctx *ctx, const char *directory, const char *run);

/* Remove the directory of a run, and its link. */
aire_status aire__slurm_directory_remove(aire_ctx *ctx, const char *directory, const char *run);

/* Of the directories that are marked as failed, keep the newest; with `runs` also remove those that
 * have a result and are none of them, and links that lead nowhere. */
void aire__slurm_directories_sweep(aire_ctx *ctx, const char *directory, const aire_run *runs,
                                   size_t count);

/* ---- slurm_queue.c: the cluster's commands ---- */

typedef enum aire_slurm_state {
    AIRE_SLURM_UNKNOWN, /* the controller does not answer */
    AIRE_SLURM_GONE,    /* it knows no such job */
    AIRE_SLURM_WAITING,
    AIRE_SLURM_RUNNING,
    AIRE_SLURM_OVER
} aire_slurm_state;

/* A job, or a task of an array of jobs, as Slurm numbers it: "12", "12_3". */
typedef struct aire_slurm_id {
    int64_t number; /* 0: there is none */
    int32_t task;   /* or AIRE_SLURM_ALONE */
} aire_slurm_id;

/* What the cluster says of a job: its own words, "" where it has none. */
typedef struct aire_slurm_seen {
    char word[24];
    char reason[64]; /* why it waits; nothing behind a comma */
} aire_slurm_seen;

/* A line of squeue; the name is borrowed from it. */
typedef struct aire_slurm_line {
    aire_slurm_id id;
    aire_slurm_state state;
    aire_slurm_seen seen;
    const char *name;
    size_t name_length;
} aire_slurm_line;

/* What a job that waits waits for. */
typedef enum aire_slurm_wait {
    AIRE_SLURM_PASSES,  /* its turn; a limit that its neighbours' end lifts */
    AIRE_SLURM_LIMITED, /* a limit that may be lifted by their end, or never */
    AIRE_SLURM_HELD,    /* somebody has to do something */
    AIRE_SLURM_NEVER    /* nothing: as it was submitted it cannot begin */
} aire_slurm_wait;

typedef struct aire_slurm_queue aire_slurm_queue;

aire_status aire__slurm_queue_new(aire_ctx *ctx, const aire_slurm_options *options,
                                  aire_slurm_queue **out);
void aire__slurm_queue_free(aire_slurm_queue *queue);

/*
 * Submit a job that runs `argv` (ends in NULL) with `arguments` of sbatch (ends in NULL); with
 * tasks > 0 an array of so many, from 0, each of which has its number behind argv's last word.
 * *number is Slurm's. sbatch keeps the descriptor `held` (-1: none) open. AIRE_SANDBOX with what
 * sbatch said.
 */
aire_status aire__slurm_submit(aire_slurm_queue *queue, const char *const *arguments,
                               const char *const *argv, size_t tasks, int held, int64_t *number);

/* False, and a line in the log, if the cluster did not hear of it. */
bool aire__slurm_cancel(aire_slurm_queue *queue, aire_slurm_id id);

/* What has become of a job, not older than the poll's interval. */
aire_slurm_state aire__slurm_state(aire_slurm_queue *queue, aire_slurm_id id, int64_t since_ns,
                                   aire_slurm_seen *seen);

/*
 * The job of a name, as seen after `since_ns`: one that is no array and not over, or that task of
 * an array unless it is over, or for AIRE_SLURM_ANY one of its tasks, over or not. id->number is 0
 * if there is none; false: nobody knows.
 */
bool aire__slurm_find(aire_slurm_queue *queue, const char *name, int32_t task, int64_t since_ns,
                      aire_slurm_id *id);

/* Ask about one job: its state with Slurm's word, and in words what is known of its end ("" for
 * nothing). A job that the controller has forgotten is looked up in the accounting, if there is
 * one. */
aire_slurm_state aire__slurm_explain(aire_slurm_queue *queue, aire_slurm_id id, char word[24],
                                     char out[AIRE_SLURM_WHY]);

/* False: it is no such number. */
bool aire__slurm_id_parse(const char *text, size_t length, aire_slurm_id *out);
void aire__slurm_id_format(aire_slurm_id id, char out[AIRE_SLURM_ID_TEXT]);

/* Read a line of squeue, "ID|STATE|NAME|REASON"; false: it is no such line. */
bool aire__slurm_parse_line(const char *line, size_t length, aire_slurm_line *out);

/* The line of a job in what sacct prints, "ID|STATE|CODE"; false if it is not there. */
bool aire__slurm_parse_account(const char *text, aire_slurm_id id, char word[24], char code[24]);

/* What a reason of a job that waits means, and what to do about it (NULL: nothing). */
aire_slurm_wait aire__slurm_wait_of(const char *reason, const char **advice);

/* The value of KEY=VALUE in what scontrol prints; false if it is not there. */
bool aire__slurm_field(const char *text, const char *key, char *out, size_t size);

/* The device numbers of a list as Slurm writes it ("0,2-3"), at most `max`; their count, -1 if it
 * is no such list. */
int32_t aire__slurm_parse_gpus(const char *list, int32_t *out, int32_t max);

#endif
