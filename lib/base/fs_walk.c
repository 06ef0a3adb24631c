/*
 * Walking and removing trees that may be hostile: by descriptors, never through a link, and without
 * recursion on the stack of the caller beyond a limit of depth.
 */
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/str.h"

enum { WALK_DEPTH_MAX = 64, WALK_ENTRIES_MAX = 1 << 20 };

static bool is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static DIR *open_dir_at(int parent, const char *name)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    DIR *dir = fdopendir(fd);
    if (!dir)
        close(fd);
    return dir;
}

/* ---- removing ---- */

/* Deeper than any path can be: move what lies too deep up to the top, instead of recursing. */
static int remove_at(int parent, const char *name, int top, int depth);

static int remove_entries(DIR *dir, int top, int depth)
{
    struct dirent *entry;
    int errnum = 0;
    while (!errnum && (errno = 0, entry = readdir(dir))) {
        if (is_dot(entry->d_name))
            continue;
        if (unlinkat(dirfd(dir), entry->d_name, 0) == 0)
            continue;
        if (errno == EISDIR || errno == EPERM || errno == EACCES)
            errnum = remove_at(dirfd(dir), entry->d_name, top, depth + 1);
        else if (errno != ENOENT)
            errnum = errno;
    }
    return errnum ? errnum : errno;
}

/* Under a name that is drawn: one that could be foretold, the tree might hold already. */
static int move_to_top(int parent, const char *name, int top)
{
    char temp[64];
    uint64_t drawn;
    for (int attempt = 0; attempt < 1000; attempt++) {
        if (getrandom(&drawn, sizeof drawn, 0) != sizeof drawn)
            return EIO;
        snprintf(temp, sizeof temp, ".deep-%016llx", (unsigned long long)drawn);
        if (renameat2(parent, name, top, temp, RENAME_NOREPLACE) == 0)
            return 0;
        if (errno != EEXIST)
            return errno;
    }
    return EEXIST;
}

static int remove_at(int parent, const char *name, int top, int depth)
{
    if (depth > WALK_DEPTH_MAX)
        return move_to_top(parent, name, top);
    fchmodat(parent, name, 0700, 0); /* the run may have taken away its own rights */
    DIR *dir = open_dir_at(parent, name);
    if (!dir)
        return errno == ENOENT ? 0 : errno;
    int errnum = remove_entries(dir, top < 0 ? dirfd(dir) : top, depth);
    if (!errnum && depth == 0) {
        /* What was moved up meanwhile is removed in further rounds, each with a shallower rest. */
        rewinddir(dir);
        errnum = remove_entries(dir, dirfd(dir), 0);
    }
    closedir(dir);
    if (!errnum && unlinkat(parent, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
        errnum = errno;
    return errnum;
}

aire_status aire__fs_remove_tree(aire_ctx *ctx, const char *path)
{
    struct stat info;
    if (lstat(path, &info) != 0)
        return errno == ENOENT ? AIRE_OK
                               : aire__fail_errno(AIRE_IO, errno, "cannot look at '%s'", path);
    int errnum = 0;
    if (!S_ISDIR(info.st_mode))
        errnum = unlink(path) == 0 ? 0 : errno;
    else
        for (int round = 0; round < 1000; round++) {
            errnum = remove_at(AT_FDCWD, path, -1, 0);
            if (errnum != ENOTEMPTY)
                break;
        }
    return errnum ? aire__fail_errno(AIRE_IO, errnum, "cannot remove '%s'", path) : AIRE_OK;
}

/* ---- walking ---- */

typedef struct walk {
    aire_ctx *ctx;
    const char *root;
    aire_fs_visit visit;
    void *data;
    size_t entries;
} walk;

typedef struct names {
    char **items;
    size_t count, capacity;
} names;

static void names_free(aire_ctx *ctx, names *list)
{
    for (size_t i = 0; i < list->count; i++)
        aire_free(ctx, list->items[i]);
    aire_free(ctx, list->items);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static aire_status read_names(walk *w, DIR *dir, names *list)
{
    struct dirent *entry;
    while ((entry = readdir(dir))) {
        if (is_dot(entry->d_name))
            continue;
        if (++w->entries > WALK_ENTRIES_MAX)
            return aire__fail(AIRE_LIMIT, "'%s' holds more than %d files", w->root,
                              WALK_ENTRIES_MAX);
        if (!aire__grow(w->ctx, &list->items, &list->capacity, list->count + 1,
                        sizeof *list->items))
            return aire__fail_nomem();
        char *name = aire__strdup(w->ctx, entry->d_name);
        if (!name)
            return aire__fail_nomem();
        list->items[list->count++] = name;
    }
    if (list->count > 1)
        qsort(list->items, list->count, sizeof *list->items, compare_names);
    return AIRE_OK;
}

static aire_status walk_dir(walk *w, int parent, const char *name, const char *relative, int depth);

static aire_status walk_entry(walk *w, int dir, const char *name, const char *relative, int depth)
{
    struct stat info;
    if (fstatat(dir, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return aire__fail_errno(AIRE_IO, errno, "cannot look at '%s/%s'", w->root, relative);
    if (S_ISDIR(info.st_mode))
        return walk_dir(w, dir, name, relative, depth + 1);
    return w->visit(relative, info.st_mode, info.st_size, w->data);
}

static aire_status walk_dir(walk *w, int parent, const char *name, const char *relative, int depth)
{
    if (depth > WALK_DEPTH_MAX)
        return aire__fail(AIRE_LIMIT, "'%s' has directories more than %d deep", w->root,
                          WALK_DEPTH_MAX);
    DIR *dir = open_dir_at(parent, name);
    if (!dir)
        return aire__fail_errno(errno == ENOENT ? AIRE_NOT_FOUND : AIRE_IO, errno,
                                "cannot open directory '%s/%s'", w->root, relative);
    names list = {0};
    aire_status status = read_names(w, dir, &list);
    if (status == AIRE_OK && list.count == 0 && *relative)
        status = w->visit(relative, S_IFDIR | 0755, 0, w->data);
    for (size_t i = 0; status == AIRE_OK && i < list.count; i++) {
        char *path = aire__path_join(w->ctx, relative, list.items[i]);
        status = path ? walk_entry(w, dirfd(dir), list.items[i], path, depth) : aire__fail_nomem();
        aire_free(w->ctx, path);
    }
    names_free(w->ctx, &list);
    closedir(dir);
    return status;
}

aire_status aire__fs_walk(aire_ctx *ctx, const char *root, aire_fs_visit visit, void *data)
{
    walk w = {.ctx = ctx, .root = root, .visit = visit, .data = data};
    /* The root itself may be reached through a link: it is the host's word. */
    char *real;
    aire_status status = aire__fs_real_path(ctx, root, &real);
    if (status == AIRE_OK) {
        status = walk_dir(&w, AT_FDCWD, real, "", 0);
        aire_free(ctx, real);
    }
    return status;
}
