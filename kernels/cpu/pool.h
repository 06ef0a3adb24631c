/* The threads of a stream. They sleep between operators; the caller works as the first of them. */
#ifndef AIRE_KERNELS_CPU_POOL_H
#define AIRE_KERNELS_CPU_POOL_H

#include "kernels/cpu/cpu.h"

aire_status aire__cpu_pool_new(const aire_kernel_host *host, int32_t threads, aire_cpu_pool **out);
void aire__cpu_pool_free(aire_cpu_pool *pool); /* NULL is allowed */

/* Split `count` items evenly, and return when all are done. */
void aire__cpu_pool_run(aire_cpu_pool *pool, int64_t count, aire_cpu_task task, void *arg);

#endif
