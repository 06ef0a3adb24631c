/* The queue of runs, and the results that wait to be taken. */
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/str.h"
#include "base/thread.h"
#include "executor/local.h"

/* Where the same files come from, as far as it is known when the run is submitted. */
static aire_status find_variant(aire_local *l, aire_job *job)
{
    aire_patch *patch = job->run.idea ? aire_idea_patch(job->run.idea) : NULL;
    aire_patched patched;
    if (!patch || job->run.kind != AIRE_RUN_IDEA)
        return AIRE_OK;
    aire_status status = aire__apply_to_env(&l->shop, patch, &patched);
    if (status == AIRE_LIMIT)
        return AIRE_OK; /* said again, with its reason, when it is run */
    if (status != AIRE_OK)
        return status;
    if (patched.outcome == AIRE_OUTCOME_OK)
        aire__variant_hash(l->shop.env, &patched, job->variant);
    aire__patched_free(&patched);
    return AIRE_OK;
}

aire_status aire__queue_add(aire_local *l, aire_run *run)
{
    aire_job *job = aire__calloc(l->shop.ctx, 1, sizeof *job);
    if (!job)
        return aire__fail_nomem();
    job->run = *run;
    aire_status status = find_variant(l, job);
    if (status == AIRE_OK)
        status = aire_cancel_new(l->shop.ctx, &job->cancel);
    if (status != AIRE_OK) {
        aire_free(l->shop.ctx, job);
        return status;
    }
    job->task.id = run->id;
    job->task.priority = run->priority;
    job->task.need = l->need;
    aire__schedule_add(&l->schedule, &job->task);
    *run = (aire_run){0};
    pthread_cond_signal(&l->work);
    aire__signal_update(l);
    return AIRE_OK;
}

aire_job *aire__queue_take(aire_local *l, int64_t *wake_ns)
{
    return (aire_job *)aire__schedule_take(&l->schedule, aire__monotonic_ns(), wake_ns);
}

aire_job *aire__queue_first(const aire_local *l)
{
    return (aire_job *)l->schedule.first;
}

aire_job *aire__queue_after(const aire_job *job)
{
    return (aire_job *)job->task.next;
}

aire_job *aire__queue_find(aire_local *l, int64_t run_id)
{
    aire_job *job = aire__queue_first(l);
    while (job && job->run.id != run_id)
        job = aire__queue_after(job);
    return job;
}

void aire__queue_remove(aire_local *l, aire_job *job)
{
    aire__schedule_remove(&l->schedule, &job->task);
    aire__run_clear(&job->run);
    aire_cancel_unref(job->cancel);
    aire_free(l->shop.ctx, job);
    pthread_cond_signal(&l->work);
    pthread_cond_broadcast(&l->done);
    aire__signal_update(l);
}

bool aire__results_push(aire_local *l, aire_result *result)
{
    if (!aire__grow(l->shop.ctx, &l->results, &l->result_capacity, l->result_count + 1,
                    sizeof(aire_result *)))
        return false;
    l->results[l->result_count++] = result;
    pthread_cond_broadcast(&l->done);
    aire__signal_update(l);
    return true;
}

void aire__queue_finish(aire_local *l, aire_job *job, aire_result *result)
{
    if (result && !aire__results_push(l, result)) {
        /* It is in the store, and is given after a restart; here nothing more can be promised. */
        aire_result_unref(result);
        if (!l->failure)
            l->failure = aire__strdup(l->shop.ctx, "out of memory");
        l->stopping = true;
    }
    aire__queue_remove(l, job);
}

static void set_readable(int fd, bool readable)
{
    uint64_t value = 1;
    ssize_t done = read(fd, &value, sizeof value); /* not blocking: empties it */
    value = 1;
    if (readable)
        done = write(fd, &value, sizeof value);
    (void)done;
}

void aire__signal_update(aire_local *l)
{
    set_readable(l->fd, l->result_count > 0 || l->event_count > 0 || l->failure);
    set_readable(l->idle_fd, l->schedule.count == 0 || l->failure);
}
