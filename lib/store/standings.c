/* How runs stand: what decides whether their files are kept. */
#include "base/fail.h"
#include "store/db.h"

/* A run that is not there has not finished. */
static aire_status read_standing(aire_store *store, aire_standing *run)
{
    aire_query query;

    aire__query_begin(&query, store, AIRE_SQL_STANDING);
    aire__query_put_int(&query, run->run_id);
    *run = (aire_standing){.run_id = run->run_id};
    if (aire__query_next(&query)) {
        run->kind = aire__query_int32(&query, 0);
        run->outcome = aire__query_int32(&query, 1);
        run->attempts = aire__query_int32(&query, 2);
        run->reward = aire__query_is_null(&query, 3) ? 0 : aire__query_real(&query, 3);
        run->pinned = aire__query_int(&query, 4) != 0;
        run->finished = true;
    }
    return aire__query_end(&query);
}

aire_status aire__store_standings(aire_store *store, aire_standing *runs, size_t count)
{
    aire_status status = aire__read_begin(store);
    for (size_t i = 0; status == AIRE_OK && i < count; i++)
        status = read_standing(store, &runs[i]);
    return aire__read_end(store, status);
}
