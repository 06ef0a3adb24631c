/* Pins: runs whose files nobody may tidy away. */
#include "base/fail.h"
#include "store/db.h"

static aire_status no_run(aire_store *store, int64_t run_id)
{
    return aire__fail(AIRE_NOT_FOUND, "store '%s': there is no run %lld", store->path,
                      (long long)run_id);
}

/* Whether a run is pinned; AIRE_NOT_FOUND if it is not there. */
static aire_status read_pin(aire_store *store, int64_t run_id, int64_t *pinned)
{
    aire_query query;

    aire__query_begin(&query, store, AIRE_SQL_PINNED);
    aire__query_put_int(&query, run_id);
    aire_status status = aire__query_get_int(&query, pinned);
    return status == AIRE_EMPTY ? no_run(store, run_id) : status;
}

static aire_status set_pin(aire_store *store, int64_t run_id, bool pin)
{
    aire_query query;
    int64_t pinned = 0;

    aire_status status = read_pin(store, run_id, &pinned);
    if (status != AIRE_OK || (pinned != 0) == pin)
        return status;
    aire__query_begin(&query, store, pin ? AIRE_SQL_PIN : AIRE_SQL_UNPIN);
    aire__query_put_int(&query, run_id);
    return aire__query_run(&query);
}

aire_status aire_store_pin(aire_store *store, int64_t run_id, int32_t pinned)
{
    if (!store)
        return aire__fail(AIRE_INVALID, "aire_store_pin: store must not be NULL");
    aire_status status = aire__write_begin(store, AIRE_WRITE_PIN);
    if (status == AIRE_OK)
        status = set_pin(store, run_id, pinned != 0);
    return aire__write_end(store, status);
}

aire_status aire_store_pinned(aire_store *store, int64_t run_id, int32_t *pinned)
{
    int64_t found = 0;

    if (!store || !pinned)
        return aire__fail(AIRE_INVALID, "aire_store_pinned: store and pinned must not be NULL");
    aire_status status = aire__read_begin(store);
    if (status == AIRE_OK)
        status = read_pin(store, run_id, &found);
    status = aire__read_end(store, status);
    if (status == AIRE_OK)
        *pinned = found != 0;
    return status;
}
