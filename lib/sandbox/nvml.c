/*
 * What the command's GPUs are doing, by NVML, which comes with the driver and is opened here if it
 * is there. The devices are leased to one command at a time, so what they do is its doing.
 */
#include <dlfcn.h>

#include "base/str.h"
#include "base/thread.h"
#include "sandbox/engine.h"

enum { GPUS_MAX = 64 };

/* As NVML's interface has them. */
typedef struct memory_info {
    unsigned long long total, free, used;
} memory_info;

typedef struct utilization {
    unsigned gpu, memory; /* percent of the last sampling period */
} utilization;

struct aire_gpu_watch {
    aire_ctx *ctx; /* borrowed */
    void *library;
    int (*shut_down)(void);
    int (*get_memory)(void *device, memory_info *info);
    int (*get_utilization)(void *device, utilization *use);
    void *devices[GPUS_MAX];
    int count;
    int64_t last_ms, busy_percent_ms, memory;
};

static bool find_functions(aire_gpu_watch *g, void *library, int (**init)(void),
                           int (**by_identity)(const char *, void **))
{
    *(void **)init = dlsym(library, "nvmlInit_v2");
    *(void **)by_identity = dlsym(library, "nvmlDeviceGetHandleByUUID");
    *(void **)&g->shut_down = dlsym(library, "nvmlShutdown");
    *(void **)&g->get_memory = dlsym(library, "nvmlDeviceGetMemoryInfo");
    *(void **)&g->get_utilization = dlsym(library, "nvmlDeviceGetUtilizationRates");
    return *init && *by_identity && g->shut_down && g->get_memory && g->get_utilization;
}

aire_gpu_watch *aire__gpu_watch_open(aire_ctx *ctx, const int32_t *gpus, size_t count)
{
    int (*init)(void), (*by_identity)(const char *, void **);
    void *library = count > 0 ? dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL) : NULL;
    aire_gpu_watch *g = library ? aire__calloc(ctx, 1, sizeof *g) : NULL;
    if (!g || !find_functions(g, library, &init, &by_identity) || init() != 0) {
        if (library)
            dlclose(library);
        aire_free(ctx, g);
        return NULL;
    }
    g->ctx = ctx;
    g->library = library;
    for (size_t i = 0; i < count && g->count < GPUS_MAX; i++) {
        char identity[64];
        aire__gpu_identity("/proc/driver/nvidia", gpus[i], identity);
        g->count += by_identity(identity, &g->devices[g->count]) == 0;
    }
    return g;
}

void aire__gpu_watch_look(aire_gpu_watch *g)
{
    int64_t now_ms = aire__monotonic_ns() / 1000000;
    int64_t memory = 0, percent = 0;
    if (!g)
        return;
    for (int i = 0; i < g->count; i++) {
        memory_info info;
        utilization use;
        if (g->get_memory(g->devices[i], &info) == 0)
            memory += (int64_t)info.used;
        if (g->get_utilization(g->devices[i], &use) == 0)
            percent += use.gpu;
    }
    if (memory > g->memory)
        g->memory = memory;
    if (g->last_ms)
        g->busy_percent_ms += percent * (now_ms - g->last_ms);
    g->last_ms = now_ms;
}

void aire__gpu_watch_close(aire_gpu_watch *g, aire_exit *exit)
{
    if (!g)
        return;
    exit->gpu_memory_bytes = g->memory;
    exit->gpu_ms = g->busy_percent_ms / 100;
    g->shut_down();
    dlclose(g->library);
    aire_free(g->ctx, g);
}
