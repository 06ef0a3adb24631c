/*
 * What the command's GPUs are doing, by NVML, which comes with the driver and is opened here if it
 * is there. The devices are leased to one command at a time, so what they do is its doing.
 */
#include <dlfcn.h>
#include <stdlib.h>

#include "worker/worker.h"

enum { GPUS_MAX = 64 };

/* As NVML's interface has them. */
typedef struct memory_info {
    unsigned long long total, free, used;
} memory_info;

typedef struct utilization {
    unsigned gpu, memory; /* percent of the last sampling period */
} utilization;

struct gpu_watch {
    int (*get_memory)(void *device, memory_info *info);
    int (*get_utilization)(void *device, utilization *use);
    void *devices[GPUS_MAX];
    int count;
    int64_t last_ms, busy_percent_ms, memory;
};

static bool find_functions(gpu_watch *g, void *library, int (**init)(void),
                           int (**by_identity)(const char *, void **))
{
    *(void **)init = dlsym(library, "nvmlInit_v2");
    *(void **)by_identity = dlsym(library, "nvmlDeviceGetHandleByUUID");
    *(void **)&g->get_memory = dlsym(library, "nvmlDeviceGetMemoryInfo");
    *(void **)&g->get_utilization = dlsym(library, "nvmlDeviceGetUtilizationRates");
    return *init && *by_identity && g->get_memory && g->get_utilization;
}

gpu_watch *gpu_open(char *const *identities)
{
    int (*init)(void), (*by_identity)(const char *, void **);
    void *library = *identities ? dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL) : NULL;
    gpu_watch *g = library ? calloc(1, sizeof *g) : NULL;
    if (!g || !find_functions(g, library, &init, &by_identity) || init() != 0) {
        free(g);
        return NULL;
    }
    for (size_t i = 0; identities[i] && g->count < GPUS_MAX; i++)
        g->count += by_identity(identities[i], &g->devices[g->count]) == 0;
    return g;
}

void gpu_look(gpu_watch *g, int64_t now_ms)
{
    int64_t memory = 0, percent = 0;
    for (int i = 0; g && i < g->count; i++) {
        memory_info info;
        utilization use;
        if (g->get_memory(g->devices[i], &info) == 0)
            memory += (int64_t)info.used;
        if (g->get_utilization(g->devices[i], &use) == 0)
            percent += use.gpu;
    }
    if (!g)
        return;
    if (memory > g->memory)
        g->memory = memory;
    if (g->last_ms)
        g->busy_percent_ms += percent * (now_ms - g->last_ms);
    g->last_ms = now_ms;
}

int64_t gpu_memory_bytes(const gpu_watch *g)
{
    return g ? g->memory : 0;
}

int64_t gpu_busy_ms(const gpu_watch *g)
{
    return g ? g->busy_percent_ms / 100 : 0;
}
