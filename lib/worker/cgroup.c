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

static bool make_below(const char *parent, char *out)
{
    sweep(parent);
    return snprintf(out, PATH_LENGTH, "%s/aire-%d", parent, (int)getpid()) < PATH_LENGTH &&
           mkdir(out, 0755) == 0;
}

/* Of version 1, or of version 2 where both controllers are in one group. */
static void make_group(const char *parent, char *group)
{
    if (!*parent || !make_below(parent, group))
        *group = '\0';
}

void cgroup_make(control_group *g, bool unified, const char *memory, const char *pids)
{
    *g = (control_group){.unified = unified};
    make_group(memory, g->memory);
    if (unified && *g->memory && !strcmp(memory, pids))
        memcpy(g->pids, g->memory, sizeof g->pids);
    else
        make_group(pids, g->pids);
}

/* ---- a process in it ---- */

/* A child that begins in a group of version 2; -1 where the kernel cannot do that. */
static pid_t fork_into(const char *group)
{
    int fd = open(group, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct clone_args args = {
        .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)fd};
    pid_t child = fd >= 0 ? (pid_t)syscall(SYS_clone3, &args, sizeof args) : -1;
    if (fd >= 0)
        close(fd);
    return child;
}

/* To put another process into a group the kernel stops every fork of the machine until it is quiet
 * (milliseconds); a single thread that goes by itself it lets through. */
static void join(const char *group, bool unified)
{
    if (*group)
        write_text(group, unified ? "cgroup.procs" : "tasks", "0");
}

pid_t cgroup_fork(const control_group *g)
{
    pid_t child = -1;
    if (g->unified && (*g->memory || *g->pids))
        child = fork_into(*g->memory ? g->memory : g->pids);
    if (child >= 0)
        return child;
    child = fork();
    if (child == 0) {
        join(g->memory, g->unified);
        join(g->pids, g->unified);
    }
    return child;
}

/* ---- its limits ---- */

static bool limit_memory(const control_group *g, int64_t bytes)
{
    if (!g->unified) {
        bool good = write_number(g->memory, "memory.limit_in_bytes", bytes);
        write_number(g->memory, "memory.memsw.limit_in_bytes", bytes); /* where swap is counted */
        return good;
    }
    write_text(g->memory, "memory.swap.max", "0");
    write_text(g->memory, "memory.oom.group", "1");
    return write_number(g->memory, "memory.max", bytes);
}

void cgroup_limit(control_group *g, int64_t memory_bytes, int64_t processes)
{
    g->limits_memory = *g->memory && limit_memory(g, memory_bytes);
    g->limits_processes = *g->pids && write_number(g->pids, "pids.max", processes);
}

/* ---- what happened in it ---- */

bool cgroup_out_of_memory(const control_group *g)
{
    return g->limits_memory &&
           read_count(g->memory, g->unified ? "memory.events" : "memory.oom_control", "oom_kill") >
               0;
}

bool cgroup_out_of_processes(const control_group *g)
{
    return g->limits_processes && read_count(g->pids, "pids.events", "max") > 0;
}

/* ---- the end ---- */

void cgroup_kill(const control_group *g)
{
    if (g->unified)
        write_text(*g->memory ? g->memory : g->pids, "cgroup.kill", "1");
}

static void remove_group(char *group)
{
    /* The last process leaves it a moment after it was waited for. */
    for (int round = 0; *group && rmdir(group) != 0 && errno == EBUSY && round < ROUNDS_MAX;
         round++)
        usleep(1000);
    *group = '\0';
}

void cgroup_remove(control_group *g)
{
    remove_group(g->memory);
    if (*g->pids && access(g->pids, F_OK) == 0)
        remove_group(g->pids);
}
