/*
 * The processes below the worker. It is their subreaper, so whatever they do (double fork, setsid,
 * exit of a parent) they stay below it; and inside a PID namespace they end with its first process.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/worker.h"

enum { TREE_MAX = 1 << 16, DEPTH_MAX = 200 };

typedef void (*visit)(pid_t pid, int depth, void *data);

/* Children belong to the thread that made them; runtimes fork from any thread. */
static void each_child(pid_t pid, int depth, visit fn, void *data, int *budget);

static void visit_children_file(const char *path, int depth, visit fn, void *data, int *budget)
{
    FILE *file = fopen(path, "re");
    int child;
    if (!file)
        return;
    while (*budget > 0 && fscanf(file, "%d", &child) == 1) {
        --*budget;
        each_child(child, depth + 1, fn, data,
                   budget); /* first: a killed parent's children would move */
        fn(child, depth, data);
    }
    fclose(file);
}

static void each_child(pid_t pid, int depth, visit fn, void *data, int *budget)
{
    char path[300];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *threads = depth < DEPTH_MAX ? opendir(path) : NULL;
    for (struct dirent *thread; threads && (thread = readdir(threads));) {
        if (!isdigit((unsigned char)thread->d_name[0]))
            continue;
        snprintf(path, sizeof path, "/proc/%d/task/%s/children", (int)pid, thread->d_name);
        visit_children_file(path, depth, fn, data, budget);
    }
    if (threads)
        closedir(threads);
}

/* ---- samples ---- */

static int64_t read_resident(pid_t pid)
{
    char path[64];
    long long size = 0, resident = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    if (fscanf(file, "%lld %lld", &size, &resident) != 2)
        resident = 0;
    fclose(file);
    return resident * sysconf(_SC_PAGESIZE);
}

static int read_threads(pid_t pid)
{
    char path[64], line[256];
    int threads = 1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "Threads: %d", &threads) == 1)
            break;
    if (file)
        fclose(file);
    return threads;
}

static void add_sample(pid_t pid, int depth, void *data)
{
    tree_sample *sample = data;
    sample->processes += read_threads(pid);
    sample->resident += read_resident(pid);
}

tree_sample tree_look(int most)
{
    tree_sample sample = {0, 0};
    int budget = most + 1; /* a bomb of processes must not keep us from seeing that it is one */
    each_child(getpid(), 0, add_sample, &sample, &budget);
    return sample;
}

static void add_proportional(pid_t pid, int depth, void *data)
{
    char path[64], line[256];
    long long kilobytes = -1;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "Pss: %lld kB", &kilobytes) == 1)
            break;
    if (file)
        fclose(file);
    *(int64_t *)data += kilobytes >= 0 ? kilobytes << 10 : read_resident(pid);
}

int64_t tree_proportional(void)
{
    int64_t bytes = 0;
    int budget = TREE_MAX;
    each_child(getpid(), 0, add_proportional, &bytes, &budget);
    return bytes;
}

/* ---- the end ---- */

static void kill_one(pid_t pid, int depth, void *data)
{
    kill(pid, SIGKILL);
}

void tree_kill(void)
{
    for (;;) {
        int budget = TREE_MAX;
        each_child(getpid(), 0, kill_one, NULL, &budget);
        /* What a dying parent leaves behind becomes our child, and is killed in the next round. */
        pid_t pid;
        int round = 0;
        while ((pid = waitpid(-1, NULL, WNOHANG)) > 0 || (pid == 0 && round++ < 5))
            if (pid == 0)
                usleep(1000);
        if (pid < 0 && errno == ECHILD)
            return;
    }
}
