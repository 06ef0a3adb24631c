/* Threads, mutexes and conditions, with the house's rules. */
#include "base/thread.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "base/fail.h"

aire_status aire__thread_start(pthread_t *thread, const char *name, aire_thread_fn fn, void *arg)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* inherited by the new thread */
    int error = pthread_create(thread, NULL, fn, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error)
        return aire__fail_errno(AIRE_IO, error, "cannot start thread '%s'", name);
    pthread_setname_np(*thread, name);
    return AIRE_OK;
}

int aire__cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    int error = pthread_condattr_init(&attributes);
    if (error)
        return error;
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    error = pthread_cond_init(cond, &attributes);
    pthread_condattr_destroy(&attributes);
    return error;
}

int aire__cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline_ns)
{
    if (deadline_ns < 0)
        return pthread_cond_wait(cond, mutex);
    struct timespec deadline = {.tv_sec = deadline_ns / 1000000000,
                                .tv_nsec = deadline_ns % 1000000000};
    return pthread_cond_timedwait(cond, mutex, &deadline);
}

int64_t aire__monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t aire__deadline_ns(int64_t timeout_ms)
{
    int64_t now = aire__monotonic_ns();
    if (timeout_ms < 0)
        return -1;
    if (timeout_ms > (INT64_MAX - now) / 1000000)
        return INT64_MAX;
    return now + timeout_ms * 1000000;
}
