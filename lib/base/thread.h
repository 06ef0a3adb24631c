/* Threads, mutexes and conditions, with the house's rules: all signals blocked, a name, always
 * joined. */
#ifndef AIRE_BASE_THREAD_H
#define AIRE_BASE_THREAD_H

#include <pthread.h>

#include "aire/context.h"

typedef void *(*aire_thread_fn)(void *arg);

/* Start a thread with all signals blocked. `name`: at most 15 bytes. */
aire_status aire__thread_start(pthread_t *thread, const char *name, aire_thread_fn fn, void *arg);

/* A condition whose timed wait uses the monotonic clock. 0 or errno. */
int aire__cond_init(pthread_cond_t *cond);

/* Wait at most until `deadline_ns` of CLOCK_MONOTONIC (negative: without limit). 0 or ETIMEDOUT. */
int aire__cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline_ns);

/* CLOCK_MONOTONIC in nanoseconds: for waits, which a host's fake clock must not stretch. */
int64_t aire__monotonic_ns(void);

/* The deadline for a timeout in milliseconds; negative stays negative. */
int64_t aire__deadline_ns(int64_t timeout_ms);

#endif
