/* The threads of a stream: one job at a time, split evenly. */
#include "kernels/cpu/pool.h"

#include <string.h>

#include "base/thread.h"

typedef struct worker {
    aire_cpu_pool *pool;
    pthread_t thread;
    int32_t index;
} worker;

struct aire_cpu_pool {
    aire_kernel_host host;
    pthread_mutex_t lock;
    pthread_cond_t work; /* a job was given, or the pool stops */
    pthread_cond_t done; /* the last worker is through */
    int32_t threads;     /* with the caller */
    int32_t started;
    int32_t busy;
    uint64_t job; /* its number */
    bool stop;
    aire_cpu_task task;
    void *arg;
    int64_t count;
    worker workers[AIRE_CPU_THREADS_MAX];
};

static void run_part(const aire_cpu_pool *pool, int32_t index)
{
    int64_t begin = pool->count * index / pool->threads;
    int64_t end = pool->count * (index + 1) / pool->threads;
    if (begin < end)
        pool->task(pool->arg, begin, end, index);
}

static void *worker_main(void *arg)
{
    worker *self = arg;
    aire_cpu_pool *pool = self->pool;
    uint64_t seen = 0;

    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (!pool->stop && pool->job == seen)
            pthread_cond_wait(&pool->work, &pool->lock);
        if (pool->stop)
            break;
        seen = pool->job;
        pthread_mutex_unlock(&pool->lock);
        run_part(pool, self->index);
        pthread_mutex_lock(&pool->lock);
        if (--pool->busy == 0)
            pthread_cond_signal(&pool->done);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

aire_status aire__cpu_pool_new(const aire_kernel_host *host, int32_t threads, aire_cpu_pool **out)
{
    aire_cpu_pool *pool = host->alloc(sizeof *pool, host->user_data);
    if (!pool)
        return host->fail(AIRE_NOMEM, "out of memory");
    memset(pool, 0, sizeof *pool);
    pool->host = *host;
    pool->threads = threads;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->done, NULL);

    for (int32_t i = 1; i < threads; i++) {
        worker *self = &pool->workers[i];
        self->pool = pool;
        self->index = i;
        aire_status status = aire__thread_start(&self->thread, "aire-cpu", worker_main, self);
        if (status != AIRE_OK) {
            aire__cpu_pool_free(pool);
            return status;
        }
        pool->started = i;
    }
    *out = pool;
    return AIRE_OK;
}

void aire__cpu_pool_free(aire_cpu_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stop = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (int32_t i = 1; i <= pool->started; i++)
        pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->done);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    aire_kernel_host host = pool->host;
    host.release(pool, host.user_data);
}

void aire__cpu_pool_run(aire_cpu_pool *pool, int64_t count, aire_cpu_task task, void *arg)
{
    pthread_mutex_lock(&pool->lock);
    pool->task = task;
    pool->arg = arg;
    pool->count = count;
    pool->busy = pool->threads - 1;
    pool->job++;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);

    run_part(pool, 0);

    pthread_mutex_lock(&pool->lock);
    while (pool->busy > 0)
        pthread_cond_wait(&pool->done, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}
