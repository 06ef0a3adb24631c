/*
 * Records out of the store. All of this runs inside aire__read_begin or aire__write_begin; what was
 * stored and is refused by a record's constructor is AIRE_CORRUPT.
 */
#ifndef AIRE_STORE_READ_H
#define AIRE_STORE_READ_H

#include "store/db.h"

/* A constructor's refusal of stored data is damage. */
aire_status aire__read_refused(aire_store *store, aire_status status, const char *what, int64_t id);

/* The bare plan of a number: no parents, no avoid list. NULL for 0. AIRE_CORRUPT if it is not
 * there. */
aire_status aire__read_plan(aire_store *store, int64_t id, aire_plan **out);

/* An idea with its bare plan. AIRE_CORRUPT if it is not there. */
aire_status aire__read_idea(aire_store *store, int64_t id, aire_idea **out);

/* The same idea with another number and plan. */
aire_status aire__copy_idea(aire_ctx *ctx, aire_idea *idea, int64_t id, aire_plan *plan,
                            aire_idea **out);

/* A finished run's result, with its idea. AIRE_CORRUPT if it is not there. */
aire_status aire__read_result(aire_store *store, int64_t run_id, aire_result **out);

/* The results of a query whose columns are AIRE_SQL_RESULTS_; runs and ends it. */
aire_status aire__read_results(aire_store *store, aire_query *query, aire_results **out);

/* The patch in two columns, its format and its text; NULL for none. */
aire_status aire__read_patch(aire_query *query, int column, aire_patch **out);

/* A named text (AIRE_SQL_META or AIRE_SQL_NOTE), in a read of its own; from aire_alloc. AIRE_EMPTY
 * if there is none. */
aire_status aire__store_read_text(aire_store *store, aire_sql sql, const char *name, char **out);

/* Bind the two columns of a patch; NULL for none. */
void aire__put_patch(aire_query *query, aire_patch *patch);

#endif
