#include "executor/schedule.h"

#include <string.h>

#include "base/fail.h"

void aire__schedule_init(aire_schedule *s, const aire_resources *capacity, const int32_t *gpus)
{
    *s = (aire_schedule){.capacity = *capacity, .free = *capacity};
    if (capacity->gpus > 0)
        memcpy(s->gpu_numbers, gpus, (size_t)capacity->gpus * sizeof *gpus);
    s->patience = capacity->cpus > capacity->gpus ? capacity->cpus : capacity->gpus;
}

/* ---- resources ---- */

static bool fits(const aire_resources *need, const aire_resources *room)
{
    return need->cpus <= room->cpus && need->gpus <= room->gpus &&
           need->memory_bytes <= room->memory_bytes && need->disk_bytes <= room->disk_bytes;
}

static void add(aire_resources *to, const aire_resources *what, int sign)
{
    to->cpus += sign * what->cpus;
    to->gpus += sign * what->gpus;
    to->memory_bytes += sign * what->memory_bytes;
    to->disk_bytes += sign * what->disk_bytes;
}

aire_status aire__schedule_check(const aire_schedule *s, const aire_resources *need)
{
    if (need->gpus > s->capacity.gpus)
        return aire__fail(AIRE_LIMIT,
                          "a run asks for %d GPUs, and %d are there (gpus in the manifest; of an "
                          "adapter the variable GPUS)",
                          (int)need->gpus, (int)s->capacity.gpus);
    if (need->cpus > s->capacity.cpus)
        return aire__fail(AIRE_LIMIT, "a run asks for %d cpus, and %d are there", (int)need->cpus,
                          (int)s->capacity.cpus);
    if (need->memory_bytes > s->capacity.memory_bytes)
        return aire__fail(AIRE_LIMIT, "a run asks for %lld MiB of memory, and %lld are there",
                          (long long)(need->memory_bytes >> 20),
                          (long long)(s->capacity.memory_bytes >> 20));
    if (need->disk_bytes > s->capacity.disk_bytes)
        return aire__fail(AIRE_LIMIT, "a run asks for %lld MiB of disk space, and %lld are there",
                          (long long)(need->disk_bytes >> 20),
                          (long long)(s->capacity.disk_bytes >> 20));
    return AIRE_OK;
}

/* ---- leases ---- */

static void lease(aire_schedule *s, aire_task *task)
{
    int32_t held = 0;
    add(&s->free, &task->need, -1);
    for (int32_t i = 0; i < s->capacity.gpus && held < task->need.gpus; i++)
        if (s->gpu_holders[i] == 0) {
            s->gpu_holders[i] = task->id;
            task->gpus[held++] = s->gpu_numbers[i];
        }
    task->leased = true;
}

static void give_back(aire_schedule *s, const aire_task *task, const aire_resources *what)
{
    add(&s->free, what, 1);
    for (int32_t i = 0; i < s->capacity.gpus; i++)
        if (s->gpu_holders[i] == task->id)
            s->gpu_holders[i] = 0;
}

static void end_lease(aire_schedule *s, aire_task *task)
{
    if (task->leased)
        give_back(s, task, &task->need);
    task->leased = false;
}

/* ---- the queue ---- */

static bool comes_before(const aire_task *a, const aire_task *b)
{
    return a->priority != b->priority ? a->priority > b->priority : a->id < b->id;
}

void aire__schedule_add(aire_schedule *s, aire_task *task)
{
    aire_task *after = s->last; /* most come last */
    while (after && comes_before(task, after))
        after = after->previous;
    task->previous = after;
    task->next = after ? after->next : s->first;
    *(task->next ? &task->next->previous : &s->last) = task;
    *(after ? &after->next : &s->first) = task;
    s->count++;
}

/* A task begins before all that stand above it and wait for room. */
static void note_overtaking(aire_schedule *s, const aire_task *begins, int64_t now_ns)
{
    for (aire_task *above = s->first; above != begins; above = above->next)
        if (!above->leased && !above->held && above->not_before_ns <= now_ns)
            above->overtaken++;
}

aire_task *aire__schedule_take(aire_schedule *s, int64_t now_ns, int64_t *wake_ns)
{
    *wake_ns = -1;
    for (aire_task *task = s->first; task; task = task->next) {
        if (task->leased || task->held)
            continue;
        if (task->not_before_ns > now_ns) { /* it waits for the infrastructure; others go on */
            if (*wake_ns < 0 || task->not_before_ns < *wake_ns)
                *wake_ns = task->not_before_ns;
            continue;
        }
        if (fits(&task->need, &s->free)) {
            note_overtaking(s, task, now_ns);
            lease(s, task);
            return task;
        }
        if (task->overtaken >= s->patience)
            return NULL;
    }
    return NULL;
}

void aire__schedule_give_back(aire_schedule *s, aire_task *task, int64_t not_before_ns)
{
    end_lease(s, task);
    task->not_before_ns = not_before_ns;
}

void aire__schedule_end(aire_schedule *s, aire_task *task)
{
    aire_resources used = task->need;
    used.disk_bytes = 0; /* its files are still there */
    give_back(s, task, &used);
    task->need = (aire_resources){.disk_bytes = task->need.disk_bytes};
}

void aire__schedule_remove(aire_schedule *s, aire_task *task)
{
    end_lease(s, task);
    *(task->previous ? &task->previous->next : &s->first) = task->next;
    *(task->next ? &task->next->previous : &s->last) = task->previous;
    task->next = task->previous = NULL;
    s->count--;
}
