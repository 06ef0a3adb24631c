/*
 * A control group of the command's own, so that the kernel limits memory and processes.
 *
 * Where one may be made: version 2, in a directory that was named, or in the nearest one above our
 * own group that passes the controllers on and that we may write to (a delegated session or
 * container); else version 1, below our own group of each controller. What cannot be had is left to
 * the samples of tree.c.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

/* Whether a list of words, between commas or blanks, holds one. */
static bool holds(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list; (at = strstr(at, word)); at += length)
        if ((at == list || strchr(", ", at[-1])) && strchr(", \n", at[length]))
            return true;
    return false;
}

/* ---- where our own group is ---- */

/* The path of our group in a hierarchy: "" is version 2, else a controller of version 1. */
static bool own_path(const char *controller, char *out, size_t size)
{
    char line[1024];
    bool found = false;
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file && !found && fgets(line, sizeof line, file)) {
        char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;
        if (!path)
            continue;
        *path++ = '\0';
        path[strcspn(path, "\n")] = '\0';
        found = *controller ? holds(names + 1, controller) : names[1] == '\0';
        if (found)
            snprintf(out, size, "%s", path);
    }
    if (file)
        fclose(file);
    return found;
}

/* One line of mountinfo(5): the mount of that hierarchy, and which part of it is shown. */
static bool parse_mount(char *line, const char *controller, char **root, char **point)
{
    char *dash = strstr(line, " - "), *save;
    if (!dash)
        return false;
    *dash = '\0';
    char *type = strtok_r(dash + 3, " ", &save);
    strtok_r(NULL, " ", &save);
    const char *options = strtok_r(NULL, "\n", &save);
    if (!type || strcmp(type, *controller ? "cgroup" : "cgroup2") ||
        (*controller && (!options || !holds(options, controller))))
        return false;
    char *fields[5] = {strtok_r(line, " ", &save)};
    for (int i = 1; i < 5; i++)
        fields[i] = strtok_r(NULL, " ", &save);
    *root = fields[3];
    *point = fields[4];
    return *point != NULL;
}

/* The directory of our group in a hierarchy, and where the hierarchy is mounted. */
static bool own_directory(const char *controller, char *directory, char *top)
{
    char path[256], line[2048], *root, *point;
    bool found = false;
    FILE *file =
        own_path(controller, path, sizeof path) ? fopen("/proc/self/mountinfo", "re") : NULL;
    while (file && !found && fgets(line, sizeof line, file)) {
        if (!parse_mount(line, controller, &root, &point))
            continue;
        const char *below = path;
        if (strcmp(root, "/") && !strncmp(path, root, strlen(root)))
            below += strlen(root);
        snprintf(top, PATH_LENGTH, "%s", point);
        snprintf(directory, PATH_LENGTH, "%s%s", point, strcmp(below, "/") ? below : "");
        found = true;
    }
    if (file)
        fclose(file);
    return found;
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

static void give_up(char *group)
{
    rmdir(group);
    *group = '\0';
}

/* Whether groups below a directory would have a controller. */
static bool passes_on(const char *directory, const char *controller)
{
    char path[PATH_LENGTH + 64], line[256] = "";
    snprintf(path, sizeof path, "%s/cgroup.subtree_control", directory);
    FILE *file = fopen(path, "re");
    bool good = file && fgets(line, sizeof line, file) && holds(line, controller);
    if (file)
        fclose(file);
    return good;
}

/* Version 2, in this very directory. */
static bool make_unified(control_group *g, const char *parent, int64_t memory, int64_t processes)
{
    bool has_memory = passes_on(parent, "memory"), has_pids = passes_on(parent, "pids");
    g->unified = true;
    if ((!has_memory && !has_pids) || !make_below(parent, g->memory)) {
        g->memory[0] = '\0';
        return false;
    }
    memcpy(g->pids, g->memory, sizeof g->pids);
    if (!has_memory || !limit_memory(g, memory))
        g->memory[0] = '\0';
    if (!has_pids || !write_number(g->pids, "pids.max", processes))
        g->pids[0] = '\0';
    return true;
}

static bool make_above(control_group *g, int64_t memory, int64_t processes)
{
    char directory[PATH_LENGTH], top[PATH_LENGTH];
    if (!own_directory("", directory, top))
        return false;
    while (strlen(directory) >= strlen(top)) {
        if (make_unified(g, directory, memory, processes))
            return true;
        char *slash = strrchr(directory, '/');
        if (!slash)
            return false;
        *slash = '\0';
    }
    return false;
}

static void make_first_version(control_group *g, int64_t memory, int64_t processes)
{
    char directory[PATH_LENGTH], top[PATH_LENGTH];
    g->unified = false;
    if (own_directory("memory", directory, top) && make_below(directory, g->memory)) {
        if (!limit_memory(g, memory))
            give_up(g->memory);
    } else {
        g->memory[0] = '\0';
    }
    if (own_directory("pids", directory, top) && make_below(directory, g->pids)) {
        if (!write_number(g->pids, "pids.max", processes))
            give_up(g->pids);
    } else {
        g->pids[0] = '\0';
    }
}

void cgroup_make(control_group *g, const char *parent, int64_t memory_bytes, int64_t processes)
{
    *g = (control_group){.memory = ""};
    bool made = *parent ? make_unified(g, parent, memory_bytes, processes)
                        : make_above(g, memory_bytes, processes);
    if (!made && !*parent)
        make_first_version(g, memory_bytes, processes);
}

void cgroup_enter(control_group *g, pid_t pid)
{
    if (*g->memory && !write_number(g->memory, "cgroup.procs", pid))
        give_up(g->memory);
    if (*g->pids && !write_number(g->pids, "cgroup.procs", pid))
        give_up(g->pids);
}

/* ---- what happened in it ---- */

bool cgroup_out_of_memory(const control_group *g)
{
    return *g->memory && read_count(g->memory, g->unified ? "memory.events" : "memory.oom_control",
                                    "oom_kill") > 0;
}

bool cgroup_out_of_processes(const control_group *g)
{
    return *g->pids && read_count(g->pids, "pids.events", "max") > 0;
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
