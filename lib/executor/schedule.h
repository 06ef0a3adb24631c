/*
 * The Scheduler: which run begins next, and what it may use meanwhile.
 *
 * Tasks wait in order of priority, then of age. The first that fits begins; so a small task may
 * overtake a large one, but only so often: a task that was overtaken as many times as there are
 * slots gets what comes free, and nothing below it begins before it has. So gangs are placed, and
 * nothing starves among those of one priority.
 *
 * The leases in this table are the one truth about what is in use. There is no clock and no thread
 * in here: the caller holds a lock, and asks again when something was added or given back.
 */
#ifndef AIRE_EXECUTOR_SCHEDULE_H
#define AIRE_EXECUTOR_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aire/status.h"

enum { AIRE_GPUS_MAX = 64 };

typedef struct aire_resources {
    int32_t cpus;
    int32_t gpus;
    int64_t memory_bytes;
    int64_t disk_bytes;
} aire_resources;

/* A run that waits or has its lease; part of the caller's own record of it. */
typedef struct aire_task {
    int64_t id; /* younger is larger */
    int32_t priority;
    aire_resources need;
    int64_t not_before_ns; /* 0: at once */
    int32_t overtaken;     /* tasks below it that began while it could have but for room */
    bool leased;
    bool held; /* set by the caller: it does not begin any more, and waits to be removed */
    int32_t gpus[AIRE_GPUS_MAX]; /* numbers of the devices of its lease, need.gpus of them */
    struct aire_task *next, *previous;
} aire_task;

typedef struct aire_schedule {
    aire_resources capacity, free;
    int32_t gpu_numbers[AIRE_GPUS_MAX]; /* of devices, by place */
    int64_t gpu_holders[AIRE_GPUS_MAX]; /* tasks' ids; 0: free */
    int32_t patience;                   /* how often a task may be overtaken */
    aire_task *first, *last;            /* all tasks, in order */
    size_t count;
} aire_schedule;

/* `gpus` are the devices' numbers, capacity.gpus of them (at most AIRE_GPUS_MAX). */
void aire__schedule_init(aire_schedule *s, const aire_resources *capacity, const int32_t *gpus);

/* AIRE_LIMIT, with a detail, if a need could never be met. */
aire_status aire__schedule_check(const aire_schedule *s, const aire_resources *need);

/* Let a task wait. Its id, priority and need are set; it stays where it is until it is removed. */
void aire__schedule_add(aire_schedule *s, aire_task *task);

/* The task that begins now, with its lease; NULL if none can. *wake_ns then says when to ask again
 * though nothing happened (-1: need not). */
aire_task *aire__schedule_take(aire_schedule *s, int64_t now_ns, int64_t *wake_ns);

/* Give a lease back; the task waits again, from `not_before_ns` on, until it is removed. */
void aire__schedule_give_back(aire_schedule *s, aire_task *task, int64_t not_before_ns);

/* A leased task has done its work, and never begins again: all but its disk space is given back. */
void aire__schedule_end(aire_schedule *s, aire_task *task);

/* A task is over; a lease that it has is given back. */
void aire__schedule_remove(aire_schedule *s, aire_task *task);

#endif
