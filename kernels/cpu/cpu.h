/*
 * What the files of the CPU backend share.
 *
 * The operators are compiled once for each instruction set, with AIRE_CPU_ISA as its name; all that
 * they export is called ISA(name). Memory, threads and the choice are compiled once.
 */
#ifndef AIRE_KERNELS_CPU_H
#define AIRE_KERNELS_CPU_H

#include <stdbool.h>

#include "kernels/kernels.h"

#define AIRE_CPU_PASTE_(isa, name) aire__cpu_##isa##_##name
#define AIRE_CPU_PASTE(isa, name) AIRE_CPU_PASTE_(isa, name)
#define ISA(name) AIRE_CPU_PASTE(AIRE_CPU_ISA, name)

#define AIRE_CPU_THREADS_MAX 64

/* Working space of a thread, for packed matrices: floats. */
#define AIRE_CPU_WORKSPACE ((int64_t)192 << 10)

typedef struct aire_cpu_pool aire_cpu_pool;

typedef struct aire_cpu {
    aire_kernel_host host;
    int32_t threads;
    aire_cpu_pool *pool; /* NULL for one thread */
    float *workspace[AIRE_CPU_THREADS_MAX];
} aire_cpu;

/* Work on items begin to end - 1; `thread` counts from 0 and owns its workspace. */
typedef void (*aire_cpu_task)(void *arg, int64_t begin, int64_t end, int32_t thread);

/*
 * Do `count` items of about `cost` elementary steps each, on as many threads as that is worth.
 * Which thread does which item is left open, so the result of an item must not depend on it.
 */
void aire__cpu_for(aire_cpu *cpu, int64_t count, int64_t cost, aire_cpu_task task, void *arg);

/* Memory and threads, the same for all instruction sets. */
aire_status aire__cpu_open(const aire_kernel_host *host, int32_t threads, void **stream);
void aire__cpu_close(void *stream);
void *aire__cpu_alloc(void *stream, size_t bytes);
void aire__cpu_release(void *stream, void *memory);
void *aire__cpu_mapped(void *stream, void *memory);
aire_status aire__cpu_copy(void *stream, void *to, const void *from, size_t bytes);
aire_status aire__cpu_synchronize(void *stream);
void aire__cpu_clear(void *stream, void *x, size_t bytes);

/* The tables, one for each instruction set that this build has. */
extern const aire_kernels aire__cpu_base_kernels;
#if defined(__x86_64__)
extern const aire_kernels aire__cpu_v3_kernels;
extern const aire_kernels aire__cpu_v4_kernels;
#endif

#endif
