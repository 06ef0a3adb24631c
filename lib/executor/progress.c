/*
 * Progress: what happens to runs, kept until aire_executor_next tells it. A ring: of stages the
 * oldest are lost when nobody asks for long, and of a run's metric only the newest value waits.
 */
#include "executor/local.h"

static aire_progress about(const aire_try *t, int32_t stage)
{
    return (aire_progress){.struct_size = sizeof(aire_progress),
                           .stage = stage,
                           .run_id = t->run->id,
                           .idea_id = t->run->idea ? aire_idea_id(t->run->idea) : 0,
                           .kind = t->run->kind,
                           .attempt = t->attempt};
}

static aire_progress *event_at(aire_local *l, size_t i)
{
    return &l->events[(l->event_first + i) % AIRE_PROGRESS_KEPT];
}

static void add(aire_local *l, const aire_progress *event)
{
    if (l->event_count == AIRE_PROGRESS_KEPT)
        l->event_first = (l->event_first + 1) % AIRE_PROGRESS_KEPT;
    else
        l->event_count++;
    *event_at(l, l->event_count - 1) = *event;
    pthread_cond_broadcast(&l->done);
    aire__signal_update(l);
}

void aire__progress_stage(aire_local *l, const aire_try *t, int32_t stage)
{
    aire_progress event = about(t, stage);
    if (!l->progress)
        return;
    pthread_mutex_lock(&l->lock);
    add(l, &event);
    pthread_mutex_unlock(&l->lock);
}

/* The metric of a run that nobody has been told of yet. */
static aire_progress *waiting_metric(aire_local *l, int64_t run_id)
{
    for (size_t i = l->event_count; i-- > 0;) {
        aire_progress *event = event_at(l, i);
        if (event->run_id == run_id)
            return event->event == AIRE_PROGRESS_METRIC ? event : NULL;
    }
    return NULL;
}

void aire__progress_metric(aire_local *l, const aire_try *t, double step, double value)
{
    aire_progress event = about(t, AIRE_STAGE_RUN);
    event.event = AIRE_PROGRESS_METRIC;
    event.step = step;
    event.value = value;
    if (!l->progress)
        return;
    pthread_mutex_lock(&l->lock);
    aire_progress *waiting = waiting_metric(l, t->run->id);
    if (waiting)
        *waiting = event;
    else
        add(l, &event);
    pthread_mutex_unlock(&l->lock);
}

/* Without the lock, as the host may do anything in its function. */
void aire__progress_deliver(aire_local *l)
{
    while (l->event_count > 0) {
        aire_progress event = *event_at(l, 0);
        l->event_first = (l->event_first + 1) % AIRE_PROGRESS_KEPT;
        l->event_count--;
        aire__signal_update(l);
        pthread_mutex_unlock(&l->lock);
        l->progress(&event, l->progress_user_data);
        pthread_mutex_lock(&l->lock);
    }
}
