/* The executor with local workers: a queue, threads, and results that wait to be taken. */
#ifndef AIRE_EXECUTOR_LOCAL_H
#define AIRE_EXECUTOR_LOCAL_H

#include <pthread.h>
#include <stdbool.h>

#include "executor/job.h"
#include "executor/keeper.h"
#include "executor/schedule.h"
#include "executor/slurm.h"
#include "stats/early_stop.h"

enum { AIRE_PROGRESS_KEPT = 256 };

/* A run that is queued or running. */
typedef struct aire_job {
    aire_task task; /* first, so that a task of the schedule is its job */
    aire_run run;
    aire_cancel *cancel;
    bool running;     /* somebody works on it */
    int32_t waits;    /* for the budget, in a row */
    char variant[65]; /* "" while unknown */
} aire_job;

typedef struct aire_local {
    aire_workshop shop;
    aire_store *store;
    int32_t slots, max_attempts;
    aire_slurm *slurm;   /* NULL: runs are made on this machine */
    aire_keeper *keeper; /* NULL: nothing is kept */
    aire_resources need; /* of each run */
    aire_progress_fn progress;
    void *progress_user_data;
    aire_output_fn output;
    void *output_user_data;

    pthread_mutex_t submitting; /* so that runs are queued in the order of their numbers */
    pthread_mutex_t lock;       /* guards all below; taken after the other */
    pthread_cond_t work;        /* a job came, slots were freed, or the executor stops */
    pthread_cond_t done;        /* a result or progress came, or nothing is left */
    pthread_cond_t turn;        /* one of the next three changed */
    int64_t ended;              /* runs that are over */
    int64_t durable;            /* of those, how many results are durable */
    int64_t passed;             /* of those, how many were passed on */
    pthread_t *threads;
    int32_t thread_count;
    int32_t implementing;   /* runs for which patches are asked */
    aire_schedule schedule; /* of jobs */
    aire_stopper *stopper;  /* NULL where runs are never stopped early */
    aire_result **results;  /* finished, oldest first */
    size_t result_count, result_capacity;
    aire_progress events[AIRE_PROGRESS_KEPT]; /* a ring; the oldest are overwritten */
    size_t event_first, event_count;
    int fd;      /* readable while there is something to take */
    int idle_fd; /* readable while nothing is queued or running */
    bool stopping;
    char *failure; /* why the store could not be written; NULL while it can */
} aire_local;

/* ---- progress.c ---- */

/* Without the lock: for aire_executor_next to tell. */
void aire__progress_stage(aire_local *l, const aire_try *t, int32_t stage);
void aire__progress_metric(aire_local *l, const aire_try *t, double step, double value);

/* With the lock held, which is let go meanwhile: tell what waits. */
void aire__progress_deliver(aire_local *l);

/* ---- queue.c: all with the lock held ---- */

/* Take a run over into the queue. AIRE_OK, AIRE_NOMEM, AIRE_IO. */
aire_status aire__queue_add(aire_local *l, aire_run *run);

/* The job that begins now, with its lease; NULL if there is none, *wake_ns then says when to look
 * again (-1: on a signal). */
aire_job *aire__queue_take(aire_local *l, int64_t *wake_ns);

/* All jobs, in the order of the queue. */
aire_job *aire__queue_first(const aire_local *l);
aire_job *aire__queue_after(const aire_job *job);

aire_job *aire__queue_find(aire_local *l, int64_t run_id);
void aire__queue_remove(aire_local *l, aire_job *job);

/* A run is over: its result (nullable; the reference is taken over) waits to be taken, and the job
 * is gone, at once. */
void aire__queue_finish(aire_local *l, aire_job *job, aire_result *result);

/* A finished result for aire_executor_next; the reference is taken over. False: no memory. */
bool aire__results_push(aire_local *l, aire_result *result);

/* Make the two descriptors say what they mean. */
void aire__signal_update(aire_local *l);

/* ---- resources.c ---- */

/* What there is to lease, and what a run needs of it. AIRE_LIMIT if that can never be. */
aire_status aire__resources_settle(aire_local *l, const aire_executor_options *options);

/* ---- worker.c ---- */

/* What a worker thread does until the executor stops. */
void *aire__worker_main(void *local);

/* ---- recheck.c ---- */

/*
 * A try came to a metric: if it is not plausible, run it once more on a fresh seed, on the same
 * lease, and settle the try by what both came to. The re-run is a run of its own in the store, of
 * kind RECHECK, which is never queued or told. Statuses as of aire__stages_run.
 */
aire_status aire__recheck(aire_local *l, aire_try *t);

/* ---- finish.c: all without the lock ---- */

/* A run is over: others may begin. Its place among those that are. */
int64_t aire__finish_begin(aire_local *l, aire_job *job);

/* In its turn, make the result of its try durable; *out stays NULL if the run had finished before:
 * the first result stands. */
aire_status aire__finish_durably(aire_local *l, const aire_try *t, int64_t place,
                                 aire_result **out);

/* In its turn (-1: it has none), pass on what a job came to, which leaves the queue; NULL if it
 * stays. */
void aire__finish_end(aire_local *l, aire_job *job, int64_t place, aire_result *result);

/* Make the result of a run that was cancelled while it was queued durable. */
aire_status aire__finish_cancelled(aire_local *l, const aire_run *run, aire_result **out);

/* ---- local.c ---- */

aire_status aire__local_new(aire_ctx *ctx, aire_env *env, aire_sandbox *sandbox, aire_store *store,
                            const aire_executor_options *options, aire_local **out);
void aire__local_free(void *local);
aire_status aire__local_submit(aire_idea *idea, const aire_submit_options *options, int64_t *run_id,
                               void *local);
aire_status aire__local_next(int32_t timeout_ms, aire_result **out, void *local);
int32_t aire__local_fd(void *local);
size_t aire__local_pending(void *local);
aire_status aire__local_wait(int32_t timeout_ms, aire_cancel *cancel, void *local);
aire_status aire__local_cancel(int64_t run_id, void *local);

#endif
