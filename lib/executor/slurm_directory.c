/* The directories of runs and of arrays of jobs: see slurm.h for what is in them. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/fs.h"
#include "base/str.h"
#include "executor/slurm.h"

/* ---- arrays ---- */

static const char array_prefix[] = "array-";

/* A link to a run's directory beside the array's, so that all may move together. */
static aire_status link_run(aire_ctx *ctx, const char *path, size_t task, const char *run)
{
    const char *slash = strrchr(run, '/');
    char *link = aire__asprintf(ctx, "%s/%zu", path, task);
    char *target = aire__asprintf(ctx, "..%s", slash);
    char *file = aire__path_join(ctx, run, AIRE_JOB_ARRAY);
    char *text = aire__asprintf(ctx, "%s %zu\n", strrchr(path, '/') + 1, task);
    aire_status status = link && target && file && text ? AIRE_OK : aire__fail_nomem();
    if (status == AIRE_OK && symlink(target, link) != 0)
        status = aire__fail_errno(AIRE_IO, errno, "cannot make the link '%s'", link);
    if (status == AIRE_OK)
        status = aire__fs_write(ctx, file, text, strlen(text), 0600);
    aire_free(ctx, link);
    aire_free(ctx, target);
    aire_free(ctx, file);
    aire_free(ctx, text);
    return status;
}

aire_status aire__slurm_array_make(aire_ctx *ctx, const char *directory, const char *const *runs,
                                   size_t count, char array[32])
{
    char *prefix = aire__path_join(ctx, directory, array_prefix), *path = NULL;
    aire_status status = prefix ? aire__fs_make_temp_dir(ctx, prefix, &path) : aire__fail_nomem();
    aire_free(ctx, prefix);
    if (status != AIRE_OK)
        return status;
    snprintf(array, 32, "%s", strrchr(path, '/') + 1);
    for (size_t i = 0; i < count && status == AIRE_OK; i++)
        status = link_run(ctx, path, i, runs[i]);
    if (status != AIRE_OK)
        aire__fs_remove_tree(ctx, path);
    aire_free(ctx, path);
    return status;
}

static bool is_array_name(const char *name)
{
    return aire__starts_with(name, array_prefix) && name[sizeof array_prefix - 1] &&
           !strchr(name, '/');
}

void aire__slurm_place_read(aire_ctx *ctx, const char *run, aire_slurm_place *out)
{
    aire_slurm_place found;
    char *path = aire__path_join(ctx, run, AIRE_JOB_ARRAY), *text = NULL;
    size_t length;
    *out = (aire_slurm_place){"", AIRE_SLURM_ALONE};
    if (path && aire__fs_read(ctx, path, 256, &text, &length) == AIRE_OK) {
        if (sscanf(text, "%31s %d", found.array, &found.task) == 2 && is_array_name(found.array) &&
            found.task >= 0)
            *out = found;
        aire_free(ctx, text);
    }
    aire_free(ctx, path);
}

void aire__slurm_place_leave(aire_ctx *ctx, const char *directory, const char *run)
{
    aire_slurm_place place;
    aire__slurm_place_read(ctx, run, &place);
    if (place.task == AIRE_SLURM_ALONE)
        return;
    char *link = aire__asprintf(ctx, "%s/%s/%d", directory, place.array, (int)place.task);
    if (link) {
        unlink(link);
        *strrchr(link, '/') = '\0';
        rmdir(link); /* if that was the last */
    }
    aire_free(ctx, link);
}

/* ---- sweeping ---- */

aire_status aire__slurm_directory_remove(aire_ctx *ctx, const char *directory, const char *run)
{
    aire__slurm_place_leave(ctx, directory, run);
    return aire__fs_remove_tree(ctx, run);
}

/* A directory of a run that failed. */
typedef struct failed {
    int64_t id;
    struct timespec when;
} failed;

typedef struct sweep {
    aire_ctx *ctx;
    const char *directory;
    const aire_run *runs; /* that are not over; NULL: unknown */
    size_t run_count;
    failed *failed;
    size_t count, capacity;
} sweep;

static bool is_unfinished(const sweep *s, int64_t id)
{
    for (size_t i = 0; i < s->run_count; i++)
        if (s->runs[i].id == id)
            return true;
    return false;
}

static void note_failed(sweep *s, int64_t id, struct timespec when)
{
    if (aire__grow(s->ctx, &s->failed, &s->capacity, s->count + 1, sizeof *s->failed))
        s->failed[s->count++] = (failed){id, when};
}

static void look_at_run(sweep *s, const char *run, int64_t id)
{
    struct stat info;
    char *mark = aire__path_join(s->ctx, run, AIRE_JOB_FAILED);
    char *result = aire__path_join(s->ctx, run, AIRE_JOB_RESULT);
    if (mark && result) {
        if (stat(mark, &info) == 0)
            note_failed(s, id, info.st_mtim);
        else if (s->runs && !is_unfinished(s, id) && aire__fs_exists(result))
            aire__slurm_directory_remove(s->ctx, s->directory, run);
    }
    aire_free(s->ctx, mark);
    aire_free(s->ctx, result);
}

/* Whether a link leads to the run that says that it is this task. */
static bool is_led(aire_ctx *ctx, const char *link, const char *array, const char *task)
{
    aire_slurm_place place;
    char number[16];
    aire__slurm_place_read(ctx, link, &place);
    snprintf(number, sizeof number, "%d", (int)place.task);
    return !strcmp(place.array, array) && !strcmp(number, task);
}

static void look_at_array(const sweep *s, const char *path, const char *array)
{
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char *link = entry->d_name[0] == '.' ? NULL : aire__path_join(s->ctx, path, entry->d_name);
        if (link && !is_led(s->ctx, link, array, entry->d_name))
            unlink(link);
        aire_free(s->ctx, link);
    }
    if (dir)
        closedir(dir);
    rmdir(path); /* if nothing is left in it */
}

static int compare_failed(const void *left, const void *right)
{
    const failed *a = left, *b = right;
    if (a->when.tv_sec != b->when.tv_sec)
        return a->when.tv_sec < b->when.tv_sec ? 1 : -1;
    if (a->when.tv_nsec != b->when.tv_nsec)
        return a->when.tv_nsec < b->when.tv_nsec ? 1 : -1;
    return a->id < b->id ? 1 : -1;
}

static void remove_oldest(const sweep *s)
{
    if (s->count > AIRE_SLURM_KEPT)
        qsort(s->failed, s->count, sizeof *s->failed, compare_failed);
    for (size_t i = AIRE_SLURM_KEPT; i < s->count; i++) {
        char *run = aire__asprintf(s->ctx, "%s/run-%lld", s->directory, (long long)s->failed[i].id);
        if (run)
            aire__slurm_directory_remove(s->ctx, s->directory, run);
        aire_free(s->ctx, run);
    }
}

/* What cannot be removed is in nobody's way. */
void aire__slurm_directories_sweep(aire_ctx *ctx, const char *directory, const aire_run *runs,
                                   size_t count)
{
    sweep s = {ctx, directory, runs, count, NULL, 0, 0};
    DIR *dir = opendir(directory);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        long long id;
        int length = 0;
        char *path = aire__path_join(ctx, directory, entry->d_name);
        if (path && sscanf(entry->d_name, "run-%lld%n", &id, &length) == 1 &&
            !entry->d_name[length])
            look_at_run(&s, path, id);
        else if (path && runs && is_array_name(entry->d_name))
            look_at_array(&s, path, entry->d_name);
        aire_free(ctx, path);
    }
    if (dir)
        closedir(dir);
    remove_oldest(&s);
    aire_free(ctx, s.failed);
}
