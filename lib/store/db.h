/*
 * SQLite for this room: transactions under the store's lock, cached statements, and statuses with
 * details.
 *
 * A query remembers its first failure, so that a caller begins, binds, runs and checks once:
 *
 *     aire__query_begin(&query, store, AIRE_SQL_X);
 *     aire__query_put_int(&query, id);
 *     while (aire__query_next(&query))
 *         ... aire__query_int(&query, 0) ...
 *     status = aire__query_end(&query);
 */
#ifndef AIRE_STORE_DB_H
#define AIRE_STORE_DB_H

#include "store/internal.h"

/* ---- transactions ---- */

/*
 * Lock the store and begin a write; whatever it returns, aire__write_end must follow with the
 * status of what was done since. AIRE_STATE (read-only, or in a forked child), AIRE_BUSY (the lease
 * is not ours any more), AIRE_IO.
 */
aire_status aire__write_begin(aire_store *store, aire_store_write write);

/* Commit if `status` is AIRE_OK, else undo; unlock. Returns the status, or that of a failed commit.
 */
aire_status aire__write_end(aire_store *store, aire_status status);

/* The same for reads: several statements see one state. */
aire_status aire__read_begin(aire_store *store);
aire_status aire__read_end(aire_store *store, aire_status status);

/* What a store that was not closed in order is asked before it is written, in a read of its own:
 * all of aire_store_check but what takes long. AIRE_CORRUPT says what is wrong. */
aire_status aire__store_check_quickly(aire_store *store);

/* Run fixed statements without results. */
aire_status aire__db_exec(aire_store *store, const char *sql);

/* The connection's last failure as a status, with a detail: "store 'x': cannot <what>: ...". */
aire_status aire__db_fail(aire_store *store, const char *what);

/* ---- queries ---- */

typedef struct aire_query {
    aire_store *store;
    sqlite3_stmt *stmt;
    bool owned; /* finalised at the end instead of kept */
    int bound;
    aire_status status;
} aire_query;

void aire__query_begin(aire_query *query, aire_store *store, aire_sql sql);
void aire__query_begin_text(aire_query *query, aire_store *store, const char *sql);

/* Bind the next parameter. Texts and blobs are borrowed until the end. */
void aire__query_put_int(aire_query *query, int64_t value);
void aire__query_put_id(aire_query *query, int64_t value); /* 0 is NULL */
void aire__query_put_real(aire_query *query, double value);
void aire__query_put_null(aire_query *query);
void aire__query_put_text(aire_query *query, const char *text);
void aire__query_put_blob(aire_query *query, const void *data, size_t length);

/* Whether there is a row (more). */
bool aire__query_next(aire_query *query);

/* Columns of the row; texts are borrowed until the next row, and NULL where the column is. */
int64_t aire__query_int(aire_query *query, int column);
int32_t aire__query_int32(aire_query *query, int column);
double aire__query_real(aire_query *query, int column);
bool aire__query_is_null(aire_query *query, int column);
const char *aire__query_text(aire_query *query, int column);
const void *aire__query_blob(aire_query *query, int column, size_t *length);

/* Let go of the statement; the first failure. */
aire_status aire__query_end(aire_query *query);

/* Run to the end. */
aire_status aire__query_run(aire_query *query);

/* The first column of the first row; AIRE_EMPTY if there is no row. */
aire_status aire__query_get_int(aire_query *query, int64_t *out);

#endif
