#include "executor/keeper.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/fs.h"
#include "base/str.h"
#include "executor/retention.h"

struct aire_keeper {
    const aire_workshop *shop; /* of the executor, which outlives this; so does the store */
    aire_store *store;
    char *directory; /* kept */

    pthread_mutex_t lock; /* guards all below, and the names run-ID in the directory */
    aire_kept *runs;      /* that are in the directory */
    size_t count, capacity;
};

static void warn(const aire_keeper *k, int64_t run_id)
{
    aire__logf(k->shop->ctx, AIRE_LOG_WARNING, "executor", "files of run %lld: %s",
               (long long)run_id, aire_error_message(aire_last_error()));
}

static char *path_of(const aire_keeper *k, const char *word, int64_t run_id)
{
    return aire__asprintf(k->shop->ctx, "%s/%s-%lld", k->directory, word, (long long)run_id);
}

/* ---- names in the directory ---- */

/* Rename inside the directory; AIRE_OK, AIRE_IO, AIRE_NOMEM. */
static aire_status rename_run(const aire_keeper *k, int64_t run_id, const char *from,
                              const char *to)
{
    char *old = path_of(k, from, run_id), *new = path_of(k, to, run_id);
    aire_status status = old && new ? aire__fs_remove_tree(k->shop->ctx, new) : aire__fail_nomem();
    if (status == AIRE_OK && rename(old, new) != 0)
        status = aire__fail_errno(AIRE_IO, errno, "cannot rename '%s' to '%s'", old, new);
    aire_free(k->shop->ctx, old);
    aire_free(k->shop->ctx, new);
    return status;
}

static bool is_there(const aire_keeper *k, int64_t run_id)
{
    char *path = path_of(k, "run", run_id);
    struct stat info;
    bool there = path && lstat(path, &info) == 0 && S_ISDIR(info.st_mode);
    aire_free(k->shop->ctx, path);
    return there;
}

static void remove_named(const aire_keeper *k, const char *name)
{
    char *path = aire__path_join(k->shop->ctx, k->directory, name);
    aire_status status = path ? aire__fs_remove_tree(k->shop->ctx, path) : aire__fail_nomem();
    if (status != AIRE_OK)
        aire_log(k->shop->ctx, AIRE_LOG_WARNING, "executor", aire_error_message(aire_last_error()));
    aire_free(k->shop->ctx, path);
}

/* Remove what has that prefix; without the lock, as it may take long. */
static void remove_all(const aire_keeper *k, const char *prefix)
{
    DIR *dir = opendir(k->directory);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (aire__starts_with(entry->d_name, prefix))
            remove_named(k, entry->d_name);
    if (dir)
        closedir(dir);
}

/* ---- the table: with the lock held ---- */

static aire_status add_run(aire_keeper *k, const aire_kept *run)
{
    if (!aire__grow(k->shop->ctx, &k->runs, &k->capacity, k->count + 1, sizeof *k->runs))
        return aire__fail_nomem();
    k->runs[k->count++] = *run;
    return AIRE_OK;
}

static aire_kept *find_run(const aire_keeper *k, int64_t run_id)
{
    for (size_t i = 0; i < k->count; i++)
        if (k->runs[i].run_id == run_id)
            return &k->runs[i];
    return NULL;
}

static void drop_run(aire_keeper *k, int64_t run_id)
{
    aire_kept *run = find_run(k, run_id);
    if (run)
        *run = k->runs[--k->count];
}

static aire_kept kept_of(const aire_standing *standing, int64_t bytes)
{
    bool known = standing->finished;
    return (aire_kept){.run_id = standing->run_id,
                       .bytes = bytes,
                       .reward = standing->reward,
                       .class = known ? aire__retention_class(standing->kind, standing->outcome)
                                      : AIRE_KEPT_OTHER,
                       .pinned = known && standing->pinned};
}

/* Bring pins up to date, and forget what somebody has taken away by hand. */
static aire_status refresh(aire_keeper *k)
{
    for (size_t i = k->count; i-- > 0;)
        if (!is_there(k, k->runs[i].run_id))
            k->runs[i] = k->runs[--k->count];
    aire_standing *standings = aire__calloc(k->shop->ctx, k->count + 1, sizeof *standings);
    if (!standings)
        return aire__fail_nomem();
    for (size_t i = 0; i < k->count; i++)
        standings[i].run_id = k->runs[i].run_id;
    aire_status status = aire__store_standings(k->store, standings, k->count);
    for (size_t i = 0; status == AIRE_OK && i < k->count; i++)
        k->runs[i] = kept_of(&standings[i], k->runs[i].bytes);
    aire_free(k->shop->ctx, standings);
    return status;
}

/* Take the names of what goes; true if there is something to remove now. */
static bool sweep(aire_keeper *k)
{
    bool swept = false;
    for (size_t i = k->count; i-- > 0;) {
        int64_t run_id = k->runs[i].run_id;
        if (!k->runs[i].goes)
            continue;
        if (rename_run(k, run_id, "run", "gone") != AIRE_OK) {
            warn(k, run_id); /* tried again when the next run ends */
            continue;
        }
        k->runs[i] = k->runs[--k->count];
        swept = true;
    }
    return swept;
}

/* Decide with one more run; whether that one stays. It is in the table then. */
static aire_status admit(aire_keeper *k, const aire_kept *run, bool *stays)
{
    *stays = false;
    aire_status status = refresh(k);
    if (status == AIRE_OK)
        status = add_run(k, run);
    if (status != AIRE_OK)
        return status;
    aire__retention_decide(&k->shop->env->retention, k->runs, k->count);
    *stays = !find_run(k, run->run_id)->goes;
    if (!*stays)
        drop_run(k, run->run_id);
    return AIRE_OK;
}

/* ---- keeping ---- */

/* Whether there is a place for a run, be it ever so small. */
static bool has_place(aire_keeper *k, const aire_kept *run)
{
    bool stays, swept = false;
    pthread_mutex_lock(&k->lock);
    aire_status status = admit(k, run, &stays);
    if (stays)
        drop_run(k, run->run_id);
    else if (status == AIRE_OK)
        swept = sweep(k); /* a pin may have been taken off */
    pthread_mutex_unlock(&k->lock);
    if (swept)
        remove_all(k, "gone-");
    if (status != AIRE_OK)
        warn(k, run->run_id);
    return stays;
}

/* Let a run in, with its files at `from`, and others go for it. *other_device, and nothing done, if
 * they have to be copied. */
static aire_status let_in(aire_keeper *k, const aire_kept *run, const char *from,
                          bool *other_device)
{
    char *to = path_of(k, "run", run->run_id);
    bool stays, swept = false;
    *other_device = false;
    if (!to)
        return aire__fail_nomem();
    pthread_mutex_lock(&k->lock);
    aire_status status = admit(k, run, &stays);
    if (status == AIRE_OK && stays && rename(from, to) != 0) {
        *other_device = errno == EXDEV;
        status = aire__fail_errno(AIRE_IO, errno, "cannot rename '%s' to '%s'", from, to);
        drop_run(k, run->run_id);
    } else if (status == AIRE_OK) {
        swept = sweep(k);
    }
    pthread_mutex_unlock(&k->lock);
    aire_free(k->shop->ctx, to);
    if (swept)
        remove_all(k, "gone-");
    return status;
}

/* ---- copying, where kept is on another file system ---- */

typedef struct copy {
    aire_ctx *ctx;
    const char *from, *to;
} copy;

static aire_status copy_one(const char *relative, mode_t mode, off_t size, void *data)
{
    const copy *c = data;
    if (S_ISDIR(mode))
        return AIRE_OK;
    char *from = aire__path_join(c->ctx, c->from, relative);
    char *to = aire__path_join(c->ctx, c->to, relative);
    aire_status status = from && to ? AIRE_OK : aire__fail_nomem();
    if (status == AIRE_OK) {
        char *slash = strrchr(to, '/');
        *slash = '\0';
        status = aire__fs_mkdirs(c->ctx, to, 0755);
        *slash = '/';
    }
    if (status == AIRE_OK) /* gathered files are plain ones */
        status = aire__fs_copy_file(c->ctx, from, to, mode & 0755);
    aire_free(c->ctx, from);
    aire_free(c->ctx, to);
    return status;
}

static aire_status let_copy_in(aire_keeper *k, const aire_kept *run, const char *from)
{
    bool other_device;
    aire_ctx *ctx = k->shop->ctx;
    char *to = path_of(k, "new", run->run_id);
    copy c = {ctx, from, to};
    if (!to)
        return aire__fail_nomem();
    aire_status status = aire__fs_walk(ctx, from, copy_one, &c);
    if (status == AIRE_OK)
        status = let_in(k, run, to, &other_device);
    aire__fs_remove_tree(ctx, to); /* where it was not let in */
    aire_free(ctx, to);
    return status;
}

static aire_status keep(aire_keeper *k, aire_try *t, aire_kept *run)
{
    aire_ctx *ctx = k->shop->ctx;
    bool other_device = false;
    aire_status status = aire__keep_gather(t, &run->bytes);
    if (status != AIRE_OK || run->bytes == 0)
        return status;
    char *from = aire__try_path(t, "keep");
    status = from ? aire__fs_mkdirs(ctx, k->directory, 0755) : aire__fail_nomem();
    if (status == AIRE_OK)
        status = let_in(k, run, from, &other_device);
    if (other_device)
        status = let_copy_in(k, run, from);
    aire_free(ctx, from);
    return status;
}

void aire__keeper_keep(aire_keeper *k, aire_try *t)
{
    aire_standing standing = {.run_id = t->run->id};
    if (!t->directory)
        return;
    if (aire__store_standings(k->store, &standing, 1) != AIRE_OK) {
        warn(k, t->run->id);
        return;
    }
    aire_kept run = kept_of(&standing, 0);
    if (has_place(k, &run) && keep(k, t, &run) != AIRE_OK)
        warn(k, run.run_id);
}

/* ---- what an earlier process left ---- */

/* Have the files that the run's result is of. */
static aire_status recall(aire_keeper *k, aire_try *t)
{
    aire_store_query query = AIRE_STORE_QUERY_INIT;
    aire_results *results = NULL;
    query.run_id = t->run->id;
    aire_status status = aire_store_results(k->store, &query, &results);
    aire_result *result = status == AIRE_OK ? aire_results_get(results, 0) : NULL;
    aire_patch *patch = result ? aire_result_patch(result) : NULL;
    if (patch)
        status = aire__apply_to_env(k->shop, patch, &t->patched);
    if (status == AIRE_OK && patch && t->patched.outcome != AIRE_OUTCOME_OK)
        status = aire__fail(AIRE_INTERNAL, "its patch does not apply: %s", t->patched.message);
    aire_results_unref(results);
    return status;
}

void aire__keeper_rescue(aire_keeper *k, int64_t run_id, int32_t attempt)
{
    aire_ctx *ctx = k->shop->ctx;
    aire_standing standing = {.run_id = run_id};
    aire_run run = {.id = run_id};
    aire_try t = {.shop = k->shop, .run = &run, .attempt = attempt};
    aire_status status = aire__store_standings(k->store, &standing, 1);
    if (status == AIRE_OK &&
        (!standing.finished || standing.attempts != attempt || is_there(k, run_id)))
        return;
    if (status == AIRE_OK)
        status = recall(k, &t);
    t.directory =
        aire__asprintf(ctx, "%s/run-%lld-%d", k->shop->work_dir, (long long)run_id, (int)attempt);
    if (status == AIRE_OK && !t.directory)
        status = aire__fail_nomem();
    if (status == AIRE_OK)
        aire__keeper_keep(k, &t);
    else
        warn(k, run_id);
    if (t.patched.ctx)
        aire__patched_free(&t.patched);
    aire_free(ctx, t.directory);
}

/* The number in a name as "run-7"; 0 if it is no such name. */
static int64_t number_of(const char *name)
{
    const char *digits = name + strlen("run-");
    if (!aire__starts_with(name, "run-") || !*digits || *digits == '0' || strlen(digits) > 18 ||
        strspn(digits, "0123456789") != strlen(digits))
        return 0;
    return strtoll(digits, NULL, 10);
}

static aire_status find_kept(aire_keeper *k)
{
    DIR *dir = opendir(k->directory); /* not there: nothing is kept yet */
    aire_status status = AIRE_OK;
    for (struct dirent *entry; dir && status == AIRE_OK && (entry = readdir(dir));) {
        aire_kept run = {.run_id = number_of(entry->d_name), .class = AIRE_KEPT_OTHER};
        char *path = run.run_id ? path_of(k, "run", run.run_id) : NULL;
        if (run.run_id && !path)
            status = aire__fail_nomem();
        else if (path && aire__keep_size(k->shop->ctx, path, &run.bytes) != AIRE_OK)
            warn(k, run.run_id); /* counted as far as could be seen */
        if (path && status == AIRE_OK)
            status = add_run(k, &run);
        aire_free(k->shop->ctx, path);
    }
    if (dir)
        closedir(dir);
    return status;
}

static aire_status take_up(aire_keeper *k)
{
    remove_all(k, "gone-");
    remove_all(k, "new-");
    aire_status status = find_kept(k);
    if (status == AIRE_OK)
        status = refresh(k);
    if (status != AIRE_OK)
        return status;
    aire__retention_decide(&k->shop->env->retention, k->runs, k->count);
    if (sweep(k))
        remove_all(k, "gone-");
    return AIRE_OK;
}

aire_status aire__keeper_new(const aire_workshop *shop, aire_store *store, aire_keeper **out)
{
    aire_keeper *k = aire__calloc(shop->ctx, 1, sizeof *k);
    if (!k)
        return aire__fail_nomem();
    k->shop = shop;
    k->store = store;
    pthread_mutex_init(&k->lock, NULL);
    k->directory = aire__path_join(shop->ctx, shop->work_dir, "kept");
    aire_status status = k->directory ? take_up(k) : aire__fail_nomem();
    if (status == AIRE_NOMEM) {
        aire__keeper_free(k);
        return status;
    }
    if (status != AIRE_OK)
        aire_log(shop->ctx, AIRE_LOG_WARNING, "executor", aire_error_message(aire_last_error()));
    *out = k;
    return AIRE_OK;
}

void aire__keeper_free(aire_keeper *k)
{
    if (!k)
        return;
    aire_ctx *ctx = k->shop->ctx;
    if (k->directory)
        rmdir(k->directory); /* if nothing is kept */
    pthread_mutex_destroy(&k->lock);
    aire_free(ctx, k->directory);
    aire_free(ctx, k->runs);
    aire_free(ctx, k);
}
