/*
 * What a worker thread does: take a job, try it, make its result durable, pass it on.
 *
 * A failure of the infrastructure is tried again after a pause and never blamed on the idea; a
 * store that cannot be written stops the executor, and the run is still unfinished in the store.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/str.h"
#include "base/thread.h"
#include "executor/local.h"
#include "executor/measures.h"

enum { PAUSE_MS = 200, PAUSE_MAX_MS = 30000, WAIT_MS = 1000, WAITS_MAX = 300 };

/* ---- for those who watch ---- */

static void note_stage(aire_try *t, int32_t stage, void *data)
{
    aire__progress_stage(data, t, stage);
}

static void note_output(aire_try *t, const char *bytes, size_t length, void *data)
{
    aire_local *l = data;
    l->output(t->run->id, t->ending.stage, bytes, length, l->output_user_data);
}

/* ---- metrics of the stream ---- */

/* Only ideas compete: a baseline and a confirmation run to their end. */
static bool note_metric(aire_try *t, double step, double value, void *data)
{
    aire_local *l = data;
    bool stop = false;
    aire__progress_metric(l, t, step, value);
    pthread_mutex_lock(&l->lock);
    if (l->stopper && aire__stopper_report(l->stopper, t->run->id, step, value, &stop) != AIRE_OK)
        stop = false; /* without memory for its curve a run goes on */
    pthread_mutex_unlock(&l->lock);
    return stop && t->run->kind == AIRE_RUN_IDEA;
}

static void end_curve(aire_local *l, const aire_try *t, bool complete)
{
    pthread_mutex_lock(&l->lock);
    if (l->stopper)
        aire__stopper_finish(l->stopper, t->run->id, complete);
    pthread_mutex_unlock(&l->lock);
}

static void note_end(aire_local *l, const aire_try *t)
{
    end_curve(l, t, t->ending.outcome == AIRE_OUTCOME_OK);
}

/* ---- duplicates ---- */

/*
 * Of runs with the same files the one with the smallest number is run. Its number, or 0 if it is
 * this one. Variants of ideas that bring their patch are known from the submission on, so that
 * timing changes nothing.
 */
static aire_status find_earlier(aire_local *l, aire_job *job, const char *variant, int64_t *earlier)
{
    *earlier = 0;
    pthread_mutex_lock(&l->lock);
    memcpy(job->variant, variant, sizeof job->variant);
    for (const aire_job *other = aire__queue_first(l); other; other = aire__queue_after(other))
        if (other->run.kind == AIRE_RUN_IDEA && other->run.id < job->run.id &&
            !strcmp(other->variant, variant) && (*earlier == 0 || other->run.id < *earlier))
            *earlier = other->run.id;
    pthread_mutex_unlock(&l->lock);
    if (*earlier)
        return AIRE_OK;
    int64_t finished;
    aire_status status = aire__store_find_variant(l->store, variant, &finished);
    if (status == AIRE_OK && finished > 0 && finished < job->run.id)
        *earlier = finished;
    return status;
}

static aire_status check_duplicate(aire_local *l, aire_job *job, aire_try *t)
{
    int64_t earlier;
    aire_status status = find_earlier(l, job, t->variant, &earlier);
    if (status == AIRE_OK && earlier)
        status = aire__settle(t, AIRE_OUTCOME_NO_CHANGE, AIRE_CAUSE_SAME_AS_EARLIER,
                              "run %lld has the same files", (long long)earlier);
    return status;
}

/* ---- one try ---- */

/* Run what is implemented; *again: it failed, and another patch is there to be run. */
static aire_status run_variant(aire_local *l, aire_job *job, aire_try *t, bool *again)
{
    aire_status status = AIRE_OK;
    *again = false;
    if (t->ending.outcome == AIRE_OUTCOME_OK)
        status = aire__workspace_check_size(t);
    if (status == AIRE_OK && t->ending.outcome == AIRE_OUTCOME_OK && job->run.kind == AIRE_RUN_IDEA)
        status = check_duplicate(l, job, t);
    if (status == AIRE_OK && job->run.idea)
        status = aire__grant_cpu(l, t);
    if (status != AIRE_OK || t->ending.outcome != AIRE_OUTCOME_OK)
        return status;
    status = l->slurm ? aire__slurm_run(t, l->slurm) : aire__stages_run(t);
    if (status == AIRE_OK && !l->slurm)
        status = aire__repair(t, again);
    if (*again)
        end_curve(l, t, false);
    return status;
}

static aire_status implement(aire_local *l, aire_try *t)
{
    note_stage(t, AIRE_STAGE_IMPLEMENT, l);
    pthread_mutex_lock(&l->lock);
    l->implementing++;
    pthread_mutex_unlock(&l->lock);
    aire_status status = aire__implement(t);
    pthread_mutex_lock(&l->lock);
    l->implementing--;
    pthread_mutex_unlock(&l->lock);
    return status;
}

static aire_status perform(aire_local *l, aire_job *job, aire_try *t)
{
    aire_status status = aire__store_run_begins(l->store, job->run.id, t->attempt);
    if (status != AIRE_OK)
        return status;
    if (job->run.idea)
        status = implement(l, t);
    else
        aire__variant_hash(l->shop.env, &t->patched, t->variant);
    for (bool again = true; status == AIRE_OK && again;)
        status = run_variant(l, job, t, &again);
    return status == AIRE_OK ? aire__recheck(l, t) : status;
}

static bool is_stopping(aire_local *l)
{
    pthread_mutex_lock(&l->lock);
    bool stopping = l->stopping;
    pthread_mutex_unlock(&l->lock);
    return stopping;
}

/* The infrastructure failed: try again later, unless it has failed too often. True if the job is
 * queued again. */
static bool retry(aire_local *l, aire_job *job, aire_try *t)
{
    const char *reason = aire_error_message(aire_last_error());
    aire__store_event(l->store, "infrastructure", job->run.id, reason);
    aire__logf(l->shop.ctx, AIRE_LOG_WARNING, "executor", "run %lld, try %d: %s",
               (long long)job->run.id, t->attempt, reason);
    if (t->attempt >= l->max_attempts)
        return false;
    int64_t pause = PAUSE_MS;
    for (int32_t i = 1; i < t->attempt && pause < PAUSE_MAX_MS; i++)
        pause *= 2;
    pthread_mutex_lock(&l->lock);
    job->run.attempts = t->attempt;
    job->running = false;
    aire__schedule_give_back(&l->schedule, &job->task,
                             aire__deadline_ns(pause < PAUSE_MAX_MS ? pause : PAUSE_MAX_MS));
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->lock);
    return true;
}

/* What in the infrastructure failed, as far as the error tells. */
static int32_t infrastructure_cause(aire_status status)
{
    int32_t code = aire_error_code(aire_last_error());
    if (code == ENOSPC || code == EDQUOT)
        return AIRE_CAUSE_DISK_FULL;
    if (status == AIRE_NOT_FOUND)
        return AIRE_CAUSE_LOST;
    return status == AIRE_SANDBOX ? AIRE_CAUSE_SANDBOX : AIRE_CAUSE_SPAWN;
}

/* ---- one job ---- */

/* The store cannot be written: stop, and let next say why. */
static void stop_for_failure(aire_local *l)
{
    pthread_mutex_lock(&l->lock);
    if (!l->failure)
        l->failure = aire__strdup(l->shop.ctx, aire_error_message(aire_last_error()));
    l->stopping = true;
    for (aire_job *job = aire__queue_first(l); job; job = aire__queue_after(job))
        aire_cancel_fire(job->cancel);
    pthread_cond_broadcast(&l->work);
    pthread_cond_broadcast(&l->done);
    aire__signal_update(l);
    pthread_mutex_unlock(&l->lock);
}

/* What others' requests are estimated to cost may be more than they will have cost: the run is
 * queued again while there are some. */
static bool wait_for_others(aire_local *l, aire_job *job)
{
    pthread_mutex_lock(&l->lock);
    bool waits = l->implementing > 0 && job->waits < WAITS_MAX;
    if (waits) {
        job->waits++;
        job->running = false;
        aire__schedule_give_back(&l->schedule, &job->task, aire__deadline_ns(WAIT_MS));
        pthread_cond_broadcast(&l->work);
    }
    pthread_mutex_unlock(&l->lock);
    return waits;
}

/* The budget is used before there is a patch: that is no end of the run, which the next executor on
 * the store takes up. */
static void put_off(aire_local *l, aire_job *job, aire_try *t)
{
    const char *reason = aire_error_message(aire_last_error());
    t->is_unpaid = !wait_for_others(l, job);
    if (!t->is_unpaid)
        return;
    aire__store_event(l->store, "budget", t->run->id, reason);
    aire__logf(l->shop.ctx, AIRE_LOG_WARNING, "executor", "run %lld waits for another budget: %s",
               (long long)t->run->id, reason);
}

/* A try that came to no end of its own is given one. False: there is nothing to finish (stopped,
 * put off, or tried again). */
static bool settle_failure(aire_local *l, aire_job *job, aire_try *t, aire_status *status)
{
    if (is_stopping(l))
        return false;
    if (*status == AIRE_CANCELLED || (t->is_unpaid && aire_cancel_fired(t->cancel))) {
        *status = aire__settle(t, AIRE_OUTCOME_CANCELLED, AIRE_CAUSE_USER, "cancelled by the host");
        return true;
    }
    if (t->is_unpaid) {
        put_off(l, job, t);
        return false;
    }
    char reason[AIRE_ERROR_MESSAGE_MAX];
    int32_t cause = infrastructure_cause(*status);
    snprintf(reason, sizeof reason, "%s", aire_error_message(aire_last_error()));
    if (retry(l, job, t))
        return false;
    *status = aire__settle(t, AIRE_OUTCOME_INFRA_FAILED, cause, "%s", reason);
    return true;
}

/* Try a job, and see to what it came to. */
static void work_on(aire_local *l, aire_job *job)
{
    aire_result *result = NULL;
    int64_t place = -1;
    aire_try t = {.shop = &l->shop,
                  .run = &job->run,
                  .attempt = job->run.attempts + 1,
                  .cancel = job->cancel,
                  .gpus = job->task.gpus,
                  .gpu_count = job->task.need.gpus,
                  .entered = note_stage,
                  .reported = note_metric,
                  .wrote = l->output ? note_output : NULL,
                  .data = l};
    bool over = true;
    aire_status status = perform(l, job, &t);
    note_end(l, &t);
    if (status == AIRE_BUSY || status == AIRE_CORRUPT) {
        stop_for_failure(l); /* the lease is lost: nothing more may be written */
        over = false;
    } else if (status != AIRE_OK) {
        over = settle_failure(l, job, &t, &status);
    }
    if (over && status == AIRE_OK) {
        place = aire__finish_begin(l, job);
        status = aire__finish_durably(l, &t, place, &result);
    }
    if (result && l->keeper)
        aire__keeper_keep(l->keeper, &t);
    /* What the cluster says of its own failures stays to be read. */
    if (over && status == AIRE_OK && l->slurm && t.ending.outcome == AIRE_OUTCOME_INFRA_FAILED)
        aire__slurm_failed(l->slurm, job->run.id);
    else if (over && status == AIRE_OK && l->slurm)
        aire__slurm_kept(l->slurm, job->run.id);
    if (over && status != AIRE_OK) {
        stop_for_failure(l);
        over = false;
    }
    aire__try_clear(&t);
    aire__finish_end(l, over || t.is_unpaid ? job : NULL, place, result);
}

void *aire__worker_main(void *local)
{
    aire_local *l = local;
    pthread_mutex_lock(&l->lock);
    while (!l->stopping) {
        int64_t wake;
        aire_job *job = aire__queue_take(l, &wake);
        if (!job) {
            aire__cond_wait_until(&l->work, &l->lock, wake);
            continue;
        }
        job->running = true;
        pthread_mutex_unlock(&l->lock);
        work_on(l, job);
        pthread_mutex_lock(&l->lock);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}
