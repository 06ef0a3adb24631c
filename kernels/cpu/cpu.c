/* Memory of the CPU backend, and the choice of the instruction set. */
#include "kernels/cpu/cpu.h"

#include <string.h>

#include "kernels/cpu/pool.h"

#define ALIGNMENT ((size_t)64)

/* The block that the host gave stands right before the aligned one. */
static void *alloc_aligned(const aire_kernel_host *host, size_t bytes)
{
    if (bytes > SIZE_MAX - ALIGNMENT - sizeof(void *))
        return NULL;
    char *block = host->alloc(bytes + ALIGNMENT + sizeof(void *), host->user_data);
    if (!block)
        return NULL;
    uintptr_t start = (uintptr_t)block + sizeof(void *);
    char *aligned = block + sizeof(void *) + (-start & (ALIGNMENT - 1));
    memcpy(aligned - sizeof(void *), &block, sizeof block);
    return aligned;
}

static void release_aligned(const aire_kernel_host *host, void *memory)
{
    void *block;

    if (!memory)
        return;
    memcpy(&block, (char *)memory - sizeof(void *), sizeof block);
    host->release(block, host->user_data);
}

aire_status aire__cpu_open(const aire_kernel_host *host, int32_t threads, void **stream)
{
    if (threads < 1 || threads > AIRE_CPU_THREADS_MAX)
        return host->fail(AIRE_INVALID, "threads: expected 1 to 64");
    aire_cpu *cpu = host->alloc(sizeof *cpu, host->user_data);
    if (!cpu)
        return host->fail(AIRE_NOMEM, "out of memory");
    memset(cpu, 0, sizeof *cpu);
    cpu->host = *host;
    cpu->threads = threads;

    aire_status status = AIRE_OK;
    for (int32_t i = 0; i < threads && status == AIRE_OK; i++) {
        cpu->workspace[i] = alloc_aligned(host, (size_t)AIRE_CPU_WORKSPACE * sizeof(float));
        if (!cpu->workspace[i])
            status = host->fail(AIRE_NOMEM, "out of memory");
    }
    if (status == AIRE_OK && threads > 1)
        status = aire__cpu_pool_new(host, threads, &cpu->pool);
    if (status != AIRE_OK) {
        aire__cpu_close(cpu);
        return status;
    }
    *stream = cpu;
    return AIRE_OK;
}

void aire__cpu_close(void *stream)
{
    aire_cpu *cpu = stream;

    if (!cpu)
        return;
    aire_kernel_host host = cpu->host;
    aire__cpu_pool_free(cpu->pool);
    for (int32_t i = 0; i < cpu->threads; i++)
        release_aligned(&host, cpu->workspace[i]);
    host.release(cpu, host.user_data);
}

void *aire__cpu_alloc(void *stream, size_t bytes)
{
    aire_cpu *cpu = stream;
    return alloc_aligned(&cpu->host, bytes);
}

void aire__cpu_release(void *stream, void *memory)
{
    aire_cpu *cpu = stream;
    release_aligned(&cpu->host, memory);
}

void *aire__cpu_mapped(void *stream, void *memory)
{
    return memory;
}

aire_status aire__cpu_copy(void *stream, void *to, const void *from, size_t bytes)
{
    memcpy(to, from, bytes);
    return AIRE_OK;
}

aire_status aire__cpu_synchronize(void *stream)
{
    return AIRE_OK;
}

void aire__cpu_clear(void *stream, void *x, size_t bytes)
{
    memset(x, 0, bytes);
}

/* Below this many elementary steps a second thread costs more than it saves. */
#define PARALLEL_COST ((int64_t)64 << 10)

void aire__cpu_for(aire_cpu *cpu, int64_t count, int64_t cost, aire_cpu_task task, void *arg)
{
    if (!cpu->pool || count < 2 || count < PARALLEL_COST / (cost > 0 ? cost : 1))
        task(arg, 0, count, 0);
    else
        aire__cpu_pool_run(cpu->pool, count, task, arg);
}

const aire_kernels *aire__kernels_cpu_for(const char *instruction_set)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (strcmp(instruction_set, "v4") == 0 && __builtin_cpu_supports("x86-64-v4"))
        return &aire__cpu_v4_kernels;
    if (strcmp(instruction_set, "v3") == 0 && __builtin_cpu_supports("x86-64-v3"))
        return &aire__cpu_v3_kernels;
#endif
    return strcmp(instruction_set, "base") == 0 ? &aire__cpu_base_kernels : NULL;
}

const aire_kernels *aire__kernels_cpu(void)
{
    const aire_kernels *kernels = aire__kernels_cpu_for("v4");
    if (!kernels)
        kernels = aire__kernels_cpu_for("v3");
    return kernels ? kernels : aire__kernels_cpu_for("base");
}
