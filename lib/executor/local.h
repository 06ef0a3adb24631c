/* The executor with local workers: a queue, threads, and results that wait to be taken. */
#ifndef AIRE_EXECUTOR_LOCAL_H
#define AIRE_EXECUTOR_LOCAL_H

#include <pthread.h>
#include <stdbool.h>

#include "executor/job.h"

enum { AIRE_PROGRESS_KEPT = 256 };

/* A run that is queued or running. */
typedef struct aire_job {
    aire_run run;
    aire_cancel *cancel;
    bool running;
    int64_t not_before_ns; /* after a failure of the infrastructure; 0: at once */
    char variant[65];      /* "" while unknown */
    struct aire_job *next;
} aire_job;

typedef struct aire_local {
    aire_workshop shop;
    aire_store *store;
    int32_t slots, max_attempts, run_cpus;
    aire_progress_fn progress;
    void *progress_user_data;

    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t work;  /* a job came, slots were freed, or the executor stops */
    pthread_cond_t done;  /* a result or progress came, or nothing is left */
    pthread_t *threads;
    int32_t thread_count, free_slots;
    aire_job *jobs; /* by priority, then by number */
    size_t job_count;
    aire_result **results; /* finished, oldest first */
    size_t result_count, result_capacity;
    aire_progress events[AIRE_PROGRESS_KEPT]; /* a ring; the oldest are overwritten */
    size_t event_first, event_count;
    int fd;
    bool stopping;
    char *failure; /* why the store could not be written; NULL while it can */
} aire_local;

/* ---- queue.c: all with the lock held ---- */

/* Take a run over into the queue. AIRE_OK, AIRE_NOMEM, AIRE_IO. */
aire_status aire__queue_add(aire_local *l, aire_run *run);

/* The next job that may begin now; NULL if there is none, *wake_ns then says when to look again
 * (-1: on a signal). */
aire_job *aire__queue_next(aire_local *l, int64_t *wake_ns);

aire_job *aire__queue_find(aire_local *l, int64_t run_id);
void aire__queue_remove(aire_local *l, aire_job *job);

/* A run is over: its result (nullable; the reference is taken over) waits to be taken, and the job
 * is gone, at once. */
void aire__queue_finish(aire_local *l, aire_job *job, aire_result *result);

/* A finished result for aire_executor_next; the reference is taken over. False: no memory. */
bool aire__results_push(aire_local *l, aire_result *result);

/* The descriptor is readable exactly while a call of next would not wait. */
void aire__signal_update(aire_local *l);

/* ---- worker.c ---- */

/* What a worker thread does until the executor stops. */
void *aire__worker_main(void *local);

/* Make the result of a run that was cancelled while it was queued durable. Called without the lock.
 */
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
