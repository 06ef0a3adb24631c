/*
 * A control group of the command's own, so that the kernel limits memory and processes. The library
 * has found where it can be made; what cannot be had is left to the samples of tree.c.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worker/worker.h"

enum { PATH_LENGTH = 512, ROUNDS_MAX = 100 };

/* ---- files ---- */

static bool write_text(const char *directory, const char *name, const char *text)
{
    char path[PATH_LENGTH + 64];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    return good;
}

static bool write_number(const char *directory, const char *name, int64_t number)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)number);
    return write_text(directory, name, text);
}

/* The number after a word at the beginning of a line; 0 if there is none. */
static long long read_count(const char *directory, const char *name, const char *word)
{
    char path[PATH_LENGTH + 64], line[256];
    long long count = 0;
    size_t length = strlen(word);
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, word, length) && line[length] == ' ')
            count = atoll(line + length + 1);
    if (file)
        fclose(file);
    return count;
}

/* ---- making a group ---- */

/* What workers that were killed left behind: empty groups that are named after a process that is
 * gone. */
static void sweep(const char *parent)
{
    char path[PATH_LENGTH + 300];
    DIR *dir = opendir(parent);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        int pid = 0;
        if (sscanf(entry->d_name, "aire-%d", &pid) != 1 || pid <= 0 || kill(pid, 0) == 0 ||
            errno != ESRCH)
            continue;
        snprintf(path, sizeof path, "%s/%s", parent, entry->d_name);
        rmdir(path);
    }
    if (dir)
        closedir(dir);
}

/* "1:PATH" or "2:PATH": the version, and the directory to make it in. */
static void make_group(const char *place, group *g)
{
    *g = (group){.unified = place[0] == '2'};
    if (!*place)
        return;
    sweep(place + 2);
    int length = snprintf(g->path, sizeof g->path, "%s/aire-%d", place + 2, (int)getpid());
    if (length >= (int)sizeof g->path || (mkdir(g->path, 0755) != 0 && errno != EEXIST))
        g->path[0] = '\0';
}

/* Of version 2 both are the same group. */
void cgroup_make(control_group *g, const char *memory, const char *pids, const char *cpu)
{
    make_group(memory, &g->memory);
    make_group(pids, &g->pids);
    make_group(cpu, &g->cpu);
}

/* ---- a process in it ---- */

/* A child that begins in a group of version 2; -1 where the kernel cannot do that. */
static pid_t fork_into(const char *path)
{
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct clone_args args = {
        .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)fd};
    pid_t child = fd >= 0 ? (pid_t)syscall(SYS_clone3, &args, sizeof args) : -1;
    if (fd >= 0)
        close(fd);
    return child;
}

/* To put another process into a group the kernel stops every fork of the machine until it is quiet
 * (milliseconds); a single thread that goes by itself it lets through. */
static void join(group *g)
{
    if (*g->path && !g->joined)
        g->joined = write_text(g->path, g->unified ? "cgroup.procs" : "tasks", "0");
}

pid_t cgroup_fork(control_group *g)
{
    group *unified = g->memory.unified && *g->memory.path ? &g->memory
                     : g->pids.unified && *g->pids.path   ? &g->pids
                                                          : NULL;
    pid_t child = unified ? fork_into(unified->path) : -1;
    if (child == 0) {
        g->memory.joined = g->memory.unified && *g->memory.path;
        g->pids.joined = g->pids.unified && *g->pids.path;
    }
    if (child < 0)
        child = fork();
    if (child == 0) {
        join(&g->memory);
        join(&g->pids);
        join(&g->cpu);
    }
    return child;
}

char cgroup_joined(const control_group *g)
{
    return (char)(g->memory.joined | g->pids.joined << 1 | g->cpu.joined << 2);
}

/* ---- its limits ---- */

static bool limit_memory(const group *g, int64_t bytes)
{
    if (!g->unified) {
        bool good = write_number(g->path, "memory.limit_in_bytes", bytes);
        write_number(g->path, "memory.memsw.limit_in_bytes", bytes); /* where swap is counted */
        return good;
    }
    write_text(g->path, "memory.swap.max", "0");
    write_text(g->path, "memory.oom.group", "1");
    return write_number(g->path, "memory.max", bytes);
}

void cgroup_limit(control_group *g, char joined, int64_t memory_bytes, int64_t processes)
{
    g->memory.joined = joined & 1;
    g->pids.joined = joined >> 1 & 1;
    g->cpu.joined = joined >> 2 & 1;
    g->memory.limits = g->memory.joined && limit_memory(&g->memory, memory_bytes);
    g->pids.limits = g->pids.joined && write_number(g->pids.path, "pids.max", processes);
}

/* ---- what happened in it ---- */

bool cgroup_out_of_memory(const control_group *g)
{
    const group *memory = &g->memory;
    return memory->limits &&
           read_count(memory->path, memory->unified ? "memory.events" : "memory.oom_control",
                      "oom_kill") > 0;
}

bool cgroup_out_of_processes(const control_group *g)
{
    return g->pids.limits && read_count(g->pids.path, "pids.events", "max") > 0;
}

/* A file that holds one number; -1 if it cannot be read. */
static long long read_number(const char *directory, const char *name)
{
    char path[PATH_LENGTH + 64];
    long long number = -1;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "re");
    if (file && fscanf(file, "%lld", &number) != 1)
        number = -1;
    if (file)
        fclose(file);
    return number;
}

bool cgroup_cpu(const control_group *g, int64_t *user_ms, int64_t *system_ms)
{
    enum { US = 1000, NS = 1000000 }; /* in a millisecond */
    const group *unified = g->memory.unified && g->memory.joined ? &g->memory
                           : g->pids.unified && g->pids.joined   ? &g->pids
                                                                 : NULL;
    if (unified) {
        *user_ms = read_count(unified->path, "cpu.stat", "user_usec") / US;
        *system_ms = read_count(unified->path, "cpu.stat", "system_usec") / US;
        return true;
    }
    long long user = g->cpu.joined ? read_number(g->cpu.path, "cpuacct.usage_user") : -1;
    long long system = user >= 0 ? read_number(g->cpu.path, "cpuacct.usage_sys") : -1;
    if (system < 0)
        return false;
    *user_ms = user / NS;
    *system_ms = system / NS;
    return true;
}

/* ---- the end ---- */

static void kill_group(const group *g)
{
    if (g->unified && *g->path)
        write_text(g->path, "cgroup.kill", "1");
}

void cgroup_kill(const control_group *g)
{
    kill_group(&g->memory);
    kill_group(&g->pids);
}

static void remove_group(group *g)
{
    /* The last process leaves it a moment after it was waited for. */
    for (int round = 0; *g->path && rmdir(g->path) != 0 && errno == EBUSY && round < ROUNDS_MAX;
         round++)
        usleep(1000);
    g->path[0] = '\0';
}

void cgroup_remove(control_group *g)
{
    remove_group(&g->memory);
    remove_group(&g->pids);
    remove_group(&g->cpu);
}
