/* What there is to lease on this machine, and what each run of an environment needs of it. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fail.h"
#include "executor/local.h"

/* ---- what there is ---- */

static int by_number(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* The devices /dev/nvidiaN. */
static int32_t find_gpus(int32_t numbers[AIRE_GPUS_MAX])
{
    int32_t count = 0;
    DIR *dir = opendir("/dev");
    for (struct dirent *entry; dir && count < AIRE_GPUS_MAX && (entry = readdir(dir));) {
        int number, end = 0;
        if (sscanf(entry->d_name, "nvidia%d%n", &number, &end) == 1 && !entry->d_name[end])
            numbers[count++] = number;
    }
    if (dir)
        closedir(dir);
    qsort(numbers, (size_t)count, sizeof *numbers, by_number);
    return count;
}

static aire_status take_gpus(const aire_executor_options *o, int32_t numbers[AIRE_GPUS_MAX],
                             int32_t *count)
{
    if (!o->gpus) {
        *count = find_gpus(numbers);
        return AIRE_OK;
    }
    if (o->gpu_count > AIRE_GPUS_MAX)
        return aire__fail(AIRE_INVALID, "aire_executor_options: gpu_count is %zu, at most %d",
                          o->gpu_count, AIRE_GPUS_MAX);
    for (size_t i = 0; i < o->gpu_count; i++) {
        for (size_t j = 0; j < i; j++)
            if (numbers[j] == o->gpus[i])
                return aire__fail(AIRE_INVALID, "aire_executor_options: GPU %d is there twice",
                                  (int)o->gpus[i]);
        if (o->gpus[i] < 0)
            return aire__fail(AIRE_INVALID, "aire_executor_options: there is no GPU %d",
                              (int)o->gpus[i]);
        numbers[i] = o->gpus[i];
    }
    *count = (int32_t)o->gpu_count;
    return AIRE_OK;
}

static int64_t memory_of_machine(void)
{
    return (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
}

static int64_t free_disk(const char *directory)
{
    struct statvfs info;
    return statvfs(directory, &info) == 0 ? (int64_t)(info.f_bavail * info.f_frsize) : INT64_MAX;
}

/* ---- what a run needs ---- */

aire_resources aire__needs_of(const aire_env *env)
{
    aire_resources need = {.cpus = 1};
    for (int stage = AIRE_STAGE_BUILD; stage < AIRE_ENV_STAGES; stage++) {
        const aire_env_step *step = &env->steps[stage];
        if (!step->present)
            continue;
        if (step->cpus > need.cpus)
            need.cpus = step->cpus;
        if (step->gpus > need.gpus)
            need.gpus = step->gpus;
        if (step->limits.memory_bytes > need.memory_bytes)
            need.memory_bytes = step->limits.memory_bytes;
        if (step->limits.disk_bytes > need.disk_bytes)
            need.disk_bytes = step->limits.disk_bytes;
    }
    return need;
}

aire_status aire__resources_settle(aire_local *l, const aire_executor_options *o)
{
    int32_t gpus[AIRE_GPUS_MAX];
    aire_resources capacity = {
        .cpus = l->slots,
        .memory_bytes = o->memory_bytes ? o->memory_bytes : memory_of_machine(),
        .disk_bytes = o->disk_bytes ? o->disk_bytes : free_disk(l->shop.work_dir)};
    aire_status status = take_gpus(o, gpus, &capacity.gpus);
    if (status != AIRE_OK)
        return status;
    /* A cluster leases its own; here a run costs a thread that waits. */
    l->need = o->slurm ? (aire_resources){.cpus = 1} : aire__needs_of(l->shop.env);
    if (l->need.cpus > l->slots) /* slower, but the same result */
        l->need.cpus = l->slots;
    aire__schedule_init(&l->schedule, &capacity, gpus);
    status = aire__schedule_check(&l->schedule, &l->need);
    if (status != AIRE_OK)
        aire__fail_prefix(status, "environment '%s'", l->shop.env->name);
    return status;
}
