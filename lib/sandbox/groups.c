/*
 * Where a control group for a command may be made.
 *
 * Version 2: in a directory that was named, or in the nearest one above our own group that passes
 * the controllers on and that we may write to (a delegated session or container); else version 1,
 * below our own group of each controller.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/engine.h"

enum { PLACE_LENGTH = sizeof((aire_groups *)NULL)->memory, PATH_LENGTH = PLACE_LENGTH - 2 };

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

/* ---- places ---- */

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

/* Whether we may make groups in a directory: nothing tells that as surely as making one. */
static bool may_make(const char *directory)
{
    char path[PATH_LENGTH + 64];
    snprintf(path, sizeof path, "%s/aire-%d", directory, (int)getpid());
    return mkdir(path, 0755) == 0 && rmdir(path) == 0;
}

/* Whether groups of a version may be made in a directory; the place is then set, unless there is a
 * nearer one. */
static void take_place(char *place, int version, const char *directory)
{
    if (!*place && may_make(directory))
        snprintf(place, PLACE_LENGTH, "%d:%s", version, directory);
}

/* Version 2, in this very directory: a process can be in one group only. */
static bool find_unified(aire_groups *g, const char *directory)
{
    if (strlen(directory) >= PATH_LENGTH)
        return false;
    if (passes_on(directory, "memory"))
        take_place(g->memory, 2, directory);
    if (passes_on(directory, "pids"))
        take_place(g->pids, 2, directory);
    return *g->memory || *g->pids;
}

static void find_above(aire_groups *g)
{
    char directory[PATH_LENGTH], top[PATH_LENGTH];
    bool found = !own_directory("", directory, top);
    while (!found && strlen(directory) >= strlen(top)) {
        found = find_unified(g, directory);
        char *slash = strrchr(directory, '/');
        if (!slash)
            return;
        *slash = '\0';
    }
}

static void find_first_version(const char *controller, char *place)
{
    char directory[PATH_LENGTH], top[PATH_LENGTH];
    if (!*place && own_directory(controller, directory, top))
        take_place(place, 1, directory);
}

/* Machines may have some controllers in version 2 and others in version 1. */
void aire__groups_find(aire_groups *g, const char *named)
{
    *g = (aire_groups){.memory = ""};
    if (named) {
        find_unified(g, named);
        return;
    }
    find_above(g);
    find_first_version("memory", g->memory);
    find_first_version("pids", g->pids);
    if (g->memory[0] != '2' &&
        g->pids[0] != '2') /* one of version 2 counts processor time as well */
        find_first_version("cpuacct", g->cpu);
}
