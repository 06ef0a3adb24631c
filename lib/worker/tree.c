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
#include <sys/stat.h>
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

/* Threads and processor time. The time of children that were waited for is counted in; they are
 * waited for by their parent or by the inner half, so nothing is lost. */
static void read_stat(pid_t pid, tree_sample *sample)
{
    char path[64], line[1024] = "";
    unsigned long long user = 0, system = 0;
    long long user_below = 0, system_below = 0, count = 1;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    const char *rest = file && fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    if (file)
        fclose(file);
    /* fields 3 to 20 of proc(5); the name before them may hold anything */
    if (!rest || sscanf(rest + 1,
                        " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %lld %lld %*d %*d"
                        " %lld",
                        &user, &system, &user_below, &system_below, &count) != 5)
        return;
    const int64_t ticks = sysconf(_SC_CLK_TCK);
    sample->processes += (int)count;
    sample->user_ms += ((int64_t)user + user_below) * 1000 / ticks;
    sample->system_ms += ((int64_t)system + system_below) * 1000 / ticks;
}

/* Since Linux 6.2 the size of the directory is the number of open descriptors. */
static int64_t read_files(pid_t pid)
{
    char path[64];
    struct stat info;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    return stat(path, &info) == 0 ? (int64_t)info.st_size : 0;
}

static void add_sample(pid_t pid, int depth, void *data)
{
    tree_sample *sample = data;
    int64_t files = read_files(pid);
    read_stat(pid, sample);
    sample->resident += read_resident(pid);
    if (files > sample->files)
        sample->files = files;
}

tree_sample tree_look(int most)
{
    tree_sample sample = {0};
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

/* Reap what has ended, and wait a little for what is about to; whether nothing is left. */
static bool reap(int rounds)
{
    pid_t pid;
    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0 || (pid == 0 && rounds-- > 0))
        if (pid == 0)
            usleep(1000);
    return pid < 0 && errno == ECHILD;
}

void tree_kill(void)
{
    enum { ROUNDS = 5 };
    /* What a dying parent leaves behind becomes our child, and is killed in the next round. */
    for (bool left = !reap(0); left; left = !reap(ROUNDS)) {
        int budget = TREE_MAX;
        each_child(getpid(), 0, kill_one, NULL, &budget);
    }
}
