/* Opening a store and letting go of it. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/fs.h"
#include "base/options.h"
#include "base/str.h"
#include "store/calls.h"
#include "store/db.h"
#include "store/schema.h"

/* How long a statement waits for another program (a shell on the file, a reader that recovers the
 * log). */
#define BUSY_TIMEOUT_MS 10000

/* ---- the path ---- */

static aire_status parent_of(aire_ctx *ctx, const char *path, char **out)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        *out = aire__strdup(ctx, ".");
    else
        *out = aire__strndup(ctx, path, slash == path ? 1 : (size_t)(slash - path));
    return *out ? AIRE_OK : aire__fail_nomem();
}

/* Where a new file will be, without links. */
static aire_status place_new(aire_ctx *ctx, const char *path, char **file)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    char *parent = NULL;
    char *real = NULL;

    aire_status status = parent_of(ctx, path, &parent);
    if (status == AIRE_OK && (name[0] == '\0' || !aire__fs_is_dir(parent)))
        status = aire__fail(AIRE_NOT_FOUND, "store '%s': there is no directory '%s'; make it first",
                            path, parent);
    if (status == AIRE_OK)
        status = aire__fs_real_path(ctx, parent, &real);
    if (status == AIRE_OK) {
        *file = aire__path_join(ctx, real, name);
        status = *file ? AIRE_OK : aire__fail_nomem();
    }
    aire_free(ctx, parent);
    aire_free(ctx, real);
    return status;
}

/* Find the file, and refuse early what cannot be a store. */
static aire_status find_file(aire_ctx *ctx, const char *path, uint32_t flags, char **file)
{
    bool must_exist = (flags & (AIRE_STORE_READ_ONLY | AIRE_STORE_MUST_EXIST)) != 0;
    struct stat info;

    bool is_new = stat(path, &info) != 0;
    if (is_new && errno != ENOENT && errno != ENOTDIR)
        return aire__fail_errno(AIRE_IO, errno, "store '%s'", path);
    if (is_new && must_exist)
        return aire__fail(AIRE_NOT_FOUND, "store '%s': there is no such file", path);
    if (is_new)
        return place_new(ctx, path, file);
    if (S_ISDIR(info.st_mode))
        return aire__fail(AIRE_FORMAT, "'%s' is not a store: it is a directory; name a file in it",
                          path);
    if (!S_ISREG(info.st_mode))
        return aire__fail(AIRE_FORMAT, "'%s' is not a store: it is not a regular file", path);
    if (info.st_size == 0 && must_exist)
        return aire__fail(AIRE_FORMAT, "'%s' is not a store: it is empty", path);
    return aire__fs_real_path(ctx, path, file);
}

/* ---- the connection ---- */

static aire_status connect_file(aire_store *store, const char *name, int flags)
{
    int code = sqlite3_open_v2(name, &store->db,
                               flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);
    if (!store->db)
        return aire__fail_nomem();
    if (code != SQLITE_OK)
        return aire__db_fail(store, "be opened");
    sqlite3_extended_result_codes(store->db, 1);
    sqlite3_busy_timeout(store->db, BUSY_TIMEOUT_MS);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return aire__db_exec(store, "PRAGMA foreign_keys = ON; PRAGMA cell_size_check = ON");
}

static void disconnect(aire_store *store)
{
    for (int i = 0; i < AIRE_SQL_COUNT; i++) {
        sqlite3_finalize(store->statements[i]);
        store->statements[i] = NULL;
    }
    sqlite3_close(store->db);
    store->db = NULL;
}

/* "file:" and the path with what has a meaning in a URI escaped. */
static aire_status immutable_name(aire_store *store, char **out)
{
    aire_buf buf;

    aire__buf_init(&buf, store->ctx, 64 << 10);
    aire__buf_puts(&buf, "file:");
    for (const char *c = store->file; *c != '\0'; c++) {
        if (*c == '%' || *c == '?' || *c == '#')
            aire__buf_printf(&buf, "%%%02x", (unsigned)(unsigned char)*c);
        else
            aire__buf_append(&buf, c, 1);
    }
    aire__buf_puts(&buf, "?immutable=1");
    return aire__buf_take(&buf, out, NULL);
}

/*
 * Whether the file cannot change while we look: its log is gone, and a writer could not make one
 * here. Then it may be read without the shared memory that SQLite would have to make beside it.
 */
static bool is_at_rest(aire_store *store)
{
    char *parent = NULL;
    char *log = aire__asprintf(store->ctx, "%s-wal", store->file);
    bool at_rest = log && parent_of(store->ctx, store->file, &parent) == AIRE_OK &&
                   !aire__fs_exists(log) && access(parent, W_OK) != 0;

    aire_free(store->ctx, log);
    aire_free(store->ctx, parent);
    return at_rest;
}

static aire_status open_for_reading(aire_store *store)
{
    int64_t version;
    char *name = NULL;

    aire_status status = connect_file(store, store->file, SQLITE_OPEN_READONLY);
    if (status == AIRE_OK)
        status = aire__schema_check(store, &version);
    if (status != AIRE_IO || !is_at_rest(store))
        return status;
    disconnect(store);
    status = immutable_name(store, &name);
    if (status == AIRE_OK)
        status = connect_file(store, name, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
    if (status == AIRE_OK)
        status = aire__schema_check(store, &version);
    aire_free(store->ctx, name);
    return status;
}

static aire_status use_log(aire_store *store)
{
    aire_query query;
    bool is_wal = false;

    if (sqlite3_db_readonly(store->db, "main") == 1)
        return aire__fail(
            AIRE_IO, "store '%s': the file may not be written; open it read-only to look at it",
            store->path);
    aire__query_begin_text(&query, store, "PRAGMA journal_mode = WAL");
    if (aire__query_next(&query)) {
        const char *mode = aire__query_text(&query, 0);
        is_wal = mode && strcmp(mode, "wal") == 0;
    }
    aire_status status = aire__query_end(&query);
    if (status == AIRE_OK && !is_wal)
        status = aire__fail(AIRE_IO,
                            "store '%s': its file system cannot share memory between programs; "
                            "keep the store on a local disk",
                            store->path);
    return status;
}

/* One transaction: the tables are up to date, the lease is numbered, and what was running is queued
 * again. */
static aire_status begin_reign(aire_store *store, int64_t version)
{
    char host[AIRE_LEASE_HOST_MAX + 1];
    aire_query query;
    int64_t fence = 0;

    aire__lease_host(host, sizeof(host));
    aire_status status = aire__write_begin(store, AIRE_WRITE_OPEN);
    if (status == AIRE_OK)
        status = aire__schema_migrate(store, version);
    if (status == AIRE_OK) {
        aire__query_begin(&query, store, AIRE_SQL_TAKE_LEASE);
        aire__query_put_int(&query, store->pid);
        aire__query_put_text(&query, host);
        aire__query_put_int(&query, aire_ctx_unix_ms(store->ctx));
        status = aire__query_get_int(&query, &fence);
    }
    if (status == AIRE_OK) {
        aire__query_begin(&query, store, AIRE_SQL_QUEUE_AGAIN);
        status = aire__query_run(&query);
    }
    status = aire__write_end(store, status);
    if (status == AIRE_OK)
        store->fence = fence;
    return status;
}

/* Remove what a failed start has left of a new store. */
static void remove_files(aire_store *store)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};

    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        char *path = aire__asprintf(store->ctx, "%s%s", store->file, suffixes[i]);
        if (path)
            unlink(path);
        aire_free(store->ctx, path);
    }
}

/* Closing a store in order removes its log and its lock file: one that is there was left over. */
static bool is_left(aire_store *store, const char *suffix)
{
    char *path = aire__asprintf(store->ctx, "%s%s", store->file, suffix);
    bool left = path && aire__fs_exists(path);
    aire_free(store->ctx, path);
    return left;
}

static aire_status open_for_writing(aire_store *store)
{
    int64_t version = 0;
    bool was_killed = is_left(store, "-wal") || is_left(store, "-lock");

    aire_status status = aire__lease_take(store->ctx, store->file, &store->lease);
    if (status != AIRE_OK)
        return status;
    bool is_new = !aire__fs_exists(store->file); /* nobody else makes or uses it from here on */
    status = connect_file(store, store->file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    if (status == AIRE_OK)
        status = aire__schema_check(store, &version); /* before anything is changed in it */
    if (status == AIRE_OK)
        status = use_log(store);
    if (status == AIRE_OK && was_killed && version > 0)
        status = aire__store_check_quickly(store);
    if (status == AIRE_OK)
        status = begin_reign(store, version);
    if (status != AIRE_OK && is_new) {
        disconnect(store);
        remove_files(store);
    }
    return status;
}

/* ---- the handle ---- */

static void store_free(aire_store *store)
{
    aire_ctx *ctx = store->ctx;

    if (getpid() == store->pid) {
        disconnect(store);
        aire__lease_release(ctx, &store->lease);
    } else {
        /* SQLite forbids a forked child to touch its parent's connection, even to close it */
        aire__lease_forget(ctx, &store->lease);
    }
    pthread_mutex_destroy(&store->lock);
    aire_free(ctx, store->path);
    aire_free(ctx, store->file);
    aire_free(ctx, store);
    aire_ctx_unref(ctx);
}

void aire_store_unref(aire_store *store)
{
    if (!store || !aire__ref_drop(&store->refs))
        return;
    if (!store->read_only)
        aire_ctx_set_call_sink(store->ctx, NULL, NULL);
    store_free(store);
}

static aire_store *store_new(aire_ctx *ctx, const char *path, uint32_t flags)
{
    aire_store *store = aire__calloc(ctx, 1, sizeof(*store));

    if (!store)
        return NULL;
    aire__ref_init(&store->refs);
    pthread_mutex_init(&store->lock, NULL);
    store->ctx = aire_ctx_ref(ctx);
    store->read_only = (flags & AIRE_STORE_READ_ONLY) != 0;
    store->pid = getpid();
    store->lease = (aire_lease)AIRE_LEASE_NONE;
    store->path = aire__strdup(ctx, path);
    if (!store->path) {
        store_free(store);
        return NULL;
    }
    return store;
}

static aire_status check_open(aire_ctx *ctx, const char *path, const aire_store_options *given,
                              aire_store_options *options)
{
    if (!ctx || !path)
        return aire__fail(AIRE_INVALID, "store: %s is NULL", !ctx ? "ctx" : "path");
    aire_status status = aire__options_take(given, options, sizeof(*options), sizeof(*options),
                                            "aire_store_options");
    if (status != AIRE_OK)
        return status;
    if (options->flags & ~(uint32_t)(AIRE_STORE_READ_ONLY | AIRE_STORE_MUST_EXIST))
        return aire__fail(AIRE_INVALID, "store: unknown flags 0x%x", (unsigned)options->flags);
    if (path[0] == '\0')
        return aire__fail(AIRE_INVALID, "store: the path is empty");
    if (sqlite3_threadsafe() == 0)
        return aire__fail(AIRE_UNSUPPORTED, "store: this SQLite was built without threads");
    return AIRE_OK;
}

aire_status aire__store_open(aire_ctx *ctx, const char *path, const aire_store_options *options,
                             aire_store_fault_fn fault, void *user_data, aire_store **out)
{
    aire_store_options given;

    if (!out)
        return aire__fail(AIRE_INVALID, "store: out is NULL");
    *out = NULL;
    aire_status status = check_open(ctx, path, options, &given);
    if (status != AIRE_OK)
        return status;
    aire_store *store = store_new(ctx, path, given.flags);
    if (!store)
        return aire__fail_nomem();
    store->fault = fault;
    store->fault_user_data = user_data;

    status = find_file(ctx, path, given.flags, &store->file);
    if (status == AIRE_OK)
        status = store->read_only ? open_for_reading(store) : open_for_writing(store);
    if (status != AIRE_OK) {
        store_free(store);
        return status;
    }
    if (!store->read_only)
        aire_ctx_set_call_sink(ctx, aire__store_take_call, store);
    *out = store;
    return AIRE_OK;
}

aire_status aire_store_open(aire_ctx *ctx, const char *path, const aire_store_options *options,
                            aire_store **out)
{
    return aire__store_open(ctx, path, options, NULL, NULL, out);
}
