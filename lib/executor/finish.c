/*
 * How a run is finished.
 *
 * To make a result durable and to clear up takes a while; so when a run is over the next one begins
 * at once, on another thread, on what this one had. Results become durable, and are passed on, in
 * the order in which runs ended.
 */
#include "base/fail.h"
#include "executor/local.h"

int64_t aire__finish_begin(aire_local *l, aire_job *job)
{
    pthread_mutex_lock(&l->lock);
    aire__schedule_end(&l->schedule, &job->task);
    int64_t place = l->ended++;
    pthread_cond_signal(&l->work); /* all need the same, so one may begin */
    pthread_mutex_unlock(&l->lock);
    return place;
}

/* With the lock held: wait until all before have had their turn. */
static void await_turn(aire_local *l, const int64_t *served, int64_t place)
{
    while (*served != place)
        pthread_cond_wait(&l->turn, &l->lock);
}

static void end_turn(aire_local *l, int64_t *served)
{
    ++*served;
    pthread_cond_broadcast(&l->turn);
}

/* Make the result of a try durable; *out stays NULL if the run had finished before: the first
 * result stands. */
static aire_status make_durable(aire_local *l, const aire_try *t, aire_result **out)
{
    aire_result *result = NULL;
    aire_status status = aire__try_result(t, &result);
    if (status == AIRE_OK)
        status = aire__store_finish(l->store, result);
    if (status == AIRE_OK) {
        *out = result;
        return AIRE_OK;
    }
    aire_result_unref(result);
    return status == AIRE_EXISTS ? AIRE_OK : status;
}

aire_status aire__finish_durably(aire_local *l, const aire_try *t, int64_t place, aire_result **out)
{
    pthread_mutex_lock(&l->lock);
    await_turn(l, &l->durable, place);
    pthread_mutex_unlock(&l->lock);
    aire_status status = make_durable(l, t, out);
    pthread_mutex_lock(&l->lock);
    end_turn(l, &l->durable);
    pthread_mutex_unlock(&l->lock);
    return status;
}

void aire__finish_end(aire_local *l, aire_job *job, int64_t place, aire_result *result)
{
    pthread_mutex_lock(&l->lock);
    if (place >= 0)
        await_turn(l, &l->passed, place);
    if (job)
        aire__queue_finish(l, job, result);
    if (place >= 0)
        end_turn(l, &l->passed);
    pthread_mutex_unlock(&l->lock);
}

aire_status aire__finish_cancelled(aire_local *l, const aire_run *run, aire_result **out)
{
    aire_try t = {.shop = &l->shop, .run = run, .attempt = run->attempts > 0 ? run->attempts : 1};
    aire_status status =
        aire__settle(&t, AIRE_OUTCOME_CANCELLED, AIRE_CAUSE_USER, "cancelled by the host");
    if (status == AIRE_OK)
        status = make_durable(l, &t, out);
    aire__try_clear(&t);
    return status;
}
