#include "store/db.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"

/* ---- failures ---- */

static aire_status status_of(int code)
{
    if (code == SQLITE_IOERR_NOMEM)
        return AIRE_NOMEM;
    if (code == SQLITE_CONSTRAINT_FOREIGNKEY)
        return AIRE_INVALID;
    switch (code & 0xff) {
    case SQLITE_NOMEM:
        return AIRE_NOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return AIRE_BUSY;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_PROTOCOL:
    case SQLITE_NOLFS:
        return AIRE_IO;
    case SQLITE_NOTADB:
        return AIRE_FORMAT;
    case SQLITE_TOOBIG:
        return AIRE_LIMIT;
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
        return AIRE_INTERNAL;
    default:
        /* our statements are fixed, and checked before they write: what they meet is not what we
         * stored */
        return AIRE_CORRUPT;
    }
}

aire_status aire__db_fail(aire_store *store, const char *what)
{
    int code = sqlite3_extended_errcode(store->db);
    aire_status status = status_of(code);
    /* SQLite keeps the errno of these two kinds only */
    bool has_errno = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;
    int errnum = has_errno ? sqlite3_system_errno(store->db) : 0;

    if (status == AIRE_NOMEM)
        return aire__fail_nomem();
    if (status == AIRE_INVALID)
        return aire__fail(status, "store '%s': cannot %s: it refers to what is not in the store",
                          store->path, what);
    if (status == AIRE_BUSY)
        return aire__fail(status, "store '%s': cannot %s: another program keeps it locked",
                          store->path, what);
    if (status == AIRE_FORMAT)
        return aire__fail(status, "'%s' is not a store: %s", store->path,
                          sqlite3_errmsg(store->db));
    if (errnum != 0)
        return aire__fail_errno(status, errnum, "store '%s': cannot %s: %s", store->path, what,
                                sqlite3_errmsg(store->db));
    return aire__fail(status, "store '%s': cannot %s: %s", store->path, what,
                      sqlite3_errmsg(store->db));
}

/* ---- transactions ---- */

static aire_status check_process(const aire_store *store)
{
    if (getpid() == store->pid)
        return AIRE_OK;
    return aire__fail(AIRE_STATE,
                      "store '%s': it was opened by process %d; a forked child must open it anew",
                      store->path, (int)store->pid);
}

aire_status aire__db_exec(aire_store *store, const char *sql)
{
    if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return aire__db_fail(store, "be used");
    return AIRE_OK;
}

static aire_status run_plain(aire_store *store, aire_sql sql)
{
    aire_query query;
    aire__query_begin(&query, store, sql);
    return aire__query_run(&query);
}

static aire_status set_synced(aire_store *store, bool synced)
{
    if (store->synced == synced)
        return AIRE_OK;
    aire_status status =
        aire__db_exec(store, synced ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
    if (status == AIRE_OK)
        store->synced = synced;
    return status;
}

/* Whoever opened the store after us has raised the number: then we have lost it, whatever we
 * believe. */
static aire_status check_fence(aire_store *store)
{
    aire_query query;
    aire_status status = AIRE_OK;

    if (store->fence == 0) /* the store is being opened */
        return AIRE_OK;
    aire__query_begin(&query, store, AIRE_SQL_LEASE);
    if (!aire__query_next(&query) && query.status == AIRE_OK) {
        status = aire__fail(AIRE_CORRUPT, "store '%s': it has no lease", store->path);
    } else if (query.status == AIRE_OK && aire__query_int(&query, 0) != store->fence) {
        const char *host = aire__query_text(&query, 2);
        status = aire__fail(AIRE_BUSY, "store '%s': taken over by process %" PRId64 " on %s",
                            store->path, aire__query_int(&query, 1), host ? host : "?");
    }
    aire_status ended = aire__query_end(&query);
    return ended != AIRE_OK ? ended : status;
}

/* A file without a name takes writes as before, and they are lost when it is closed. */
static aire_status check_file(aire_store *store)
{
    int moved = 0;

    sqlite3_file_control(store->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    if (!moved)
        return AIRE_OK;
    return aire__fail(
        AIRE_IO,
        "store '%s': its file was removed or replaced while it was open; what is "
        "written now would be lost: close it and put the file back, or open a new one",
        store->path);
}

aire_status aire__write_begin(aire_store *store, aire_store_write write)
{
    /* before the lock: in a forked child it may be held by a thread that is not here */
    aire_status status = check_process(store);
    if (status != AIRE_OK)
        return status;
    pthread_mutex_lock(&store->lock);
    store->write = write;
    if (store->read_only)
        return aire__fail(AIRE_STATE, "store '%s': it was opened read-only", store->path);
    aire__store_fault(store, write, AIRE_MOMENT_BEFORE);
    status = check_file(store);
    if (status == AIRE_OK)
        status = set_synced(store, aire__store_write_is_synced(write));
    if (status == AIRE_OK)
        status = run_plain(store, AIRE_SQL_BEGIN);
    if (status == AIRE_OK)
        status = check_fence(store);
    return status;
}

static void rollback(aire_store *store)
{
    /* after some failures SQLite has rolled back by itself */
    if (!sqlite3_get_autocommit(store->db))
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
}

aire_status aire__write_end(aire_store *store, aire_status status)
{
    if (getpid() != store->pid)
        return status;
    if (status == AIRE_OK) {
        aire__store_fault(store, store->write, AIRE_MOMENT_COMMIT);
        status = run_plain(store, AIRE_SQL_COMMIT);
    }
    rollback(store);
    if (status == AIRE_OK)
        aire__store_fault(store, store->write, AIRE_MOMENT_AFTER);
    pthread_mutex_unlock(&store->lock);
    return status;
}

aire_status aire__read_begin(aire_store *store)
{
    aire_status status = check_process(store);
    if (status != AIRE_OK)
        return status;
    pthread_mutex_lock(&store->lock);
    return run_plain(store, AIRE_SQL_BEGIN_READ);
}

aire_status aire__read_end(aire_store *store, aire_status status)
{
    if (getpid() != store->pid)
        return status;
    rollback(store);
    pthread_mutex_unlock(&store->lock);
    return status;
}

/* ---- queries ---- */

void aire__query_begin(aire_query *query, aire_store *store, aire_sql sql)
{
    sqlite3_stmt **kept = &store->statements[sql];

    *query = (aire_query){.store = store};
    if (!*kept && sqlite3_prepare_v3(store->db, aire__sql_text(sql), -1, SQLITE_PREPARE_PERSISTENT,
                                     kept, NULL) != SQLITE_OK) {
        query->status = aire__db_fail(store, "be read");
        return;
    }
    assert(!sqlite3_stmt_busy(*kept));
    query->stmt = *kept;
}

void aire__query_begin_text(aire_query *query, aire_store *store, const char *sql)
{
    *query = (aire_query){.store = store, .owned = true};
    if (sqlite3_prepare_v3(store->db, sql, -1, 0, &query->stmt, NULL) != SQLITE_OK)
        query->status = aire__db_fail(store, "be read");
}

static void note_bind(aire_query *query, int code)
{
    if (code != SQLITE_OK && query->status == AIRE_OK)
        query->status = aire__db_fail(query->store, "be written");
}

void aire__query_put_int(aire_query *query, int64_t value)
{
    if (query->status == AIRE_OK)
        note_bind(query, sqlite3_bind_int64(query->stmt, ++query->bound, value));
}

void aire__query_put_null(aire_query *query)
{
    if (query->status == AIRE_OK)
        note_bind(query, sqlite3_bind_null(query->stmt, ++query->bound));
}

void aire__query_put_id(aire_query *query, int64_t value)
{
    if (value == 0)
        aire__query_put_null(query);
    else
        aire__query_put_int(query, value);
}

void aire__query_put_real(aire_query *query, double value)
{
    if (query->status == AIRE_OK)
        note_bind(query, sqlite3_bind_double(query->stmt, ++query->bound, value));
}

void aire__query_put_text(aire_query *query, const char *text)
{
    if (query->status == AIRE_OK)
        note_bind(query, sqlite3_bind_text64(query->stmt, ++query->bound, text, strlen(text),
                                             SQLITE_STATIC, SQLITE_UTF8));
}

void aire__query_put_blob(aire_query *query, const void *data, size_t length)
{
    if (query->status == AIRE_OK)
        note_bind(query,
                  sqlite3_bind_blob64(query->stmt, ++query->bound, data, length, SQLITE_STATIC));
}

bool aire__query_next(aire_query *query)
{
    if (query->status != AIRE_OK)
        return false;
    int code = sqlite3_step(query->stmt);
    if (code == SQLITE_ROW)
        return true;
    if (code != SQLITE_DONE)
        query->status = aire__db_fail(
            query->store, sqlite3_stmt_readonly(query->stmt) ? "be read" : "be written");
    return false;
}

int64_t aire__query_int(aire_query *query, int column)
{
    return sqlite3_column_int64(query->stmt, column);
}

/* A number that does not fit is damage; the record's own checks refuse -1 where it matters. */
int32_t aire__query_int32(aire_query *query, int column)
{
    int64_t value = aire__query_int(query, column);
    return value >= INT32_MIN && value <= INT32_MAX ? (int32_t)value : -1;
}

double aire__query_real(aire_query *query, int column)
{
    return sqlite3_column_double(query->stmt, column);
}

bool aire__query_is_null(aire_query *query, int column)
{
    return sqlite3_column_type(query->stmt, column) == SQLITE_NULL;
}

const char *aire__query_text(aire_query *query, int column)
{
    bool is_null = aire__query_is_null(query, column);
    const char *text = (const char *)sqlite3_column_text(query->stmt, column);

    if (!text && !is_null && query->status == AIRE_OK)
        query->status = aire__fail_nomem();
    return text;
}

const void *aire__query_blob(aire_query *query, int column, size_t *length)
{
    const void *data = sqlite3_column_blob(query->stmt, column);
    *length = data ? (size_t)sqlite3_column_bytes(query->stmt, column) : 0;
    return data;
}

aire_status aire__query_end(aire_query *query)
{
    if (query->owned) {
        sqlite3_finalize(query->stmt);
    } else if (query->stmt) {
        sqlite3_reset(query->stmt);
        sqlite3_clear_bindings(query->stmt);
    }
    query->stmt = NULL;
    return query->status;
}

aire_status aire__query_run(aire_query *query)
{
    while (aire__query_next(query))
        continue;
    return aire__query_end(query);
}

aire_status aire__query_get_int(aire_query *query, int64_t *out)
{
    bool found = aire__query_next(query);
    int64_t value = found ? aire__query_int(query, 0) : 0;
    aire_status status = aire__query_run(query); /* foreign keys are checked at the end */

    if (status != AIRE_OK)
        return status;
    if (!found)
        return AIRE_EMPTY;
    *out = value;
    return AIRE_OK;
}
