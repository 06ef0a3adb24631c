#include "store/fault.h"

#include "store/internal.h"

#define POINTS_(name, word, synced) word ".before", word ".commit", word ".after",
static const char *const points[] = {AIRE_STORE_WRITE_MAP(POINTS_)};
#undef POINTS_

const char *aire__store_fault_point(size_t index)
{
    return index < sizeof(points) / sizeof(points[0]) ? points[index] : NULL;
}

bool aire__store_write_is_synced(aire_store_write write)
{
#define SYNCED_(name, word, synced) synced,
    static const bool is_synced[] = {AIRE_STORE_WRITE_MAP(SYNCED_)};
#undef SYNCED_
    return is_synced[write];
}

void aire__store_fault(aire_store *store, aire_store_write write, aire_store_moment moment)
{
    if (store->fault)
        store->fault(points[(size_t)write * AIRE_MOMENT_COUNT + moment], store->fault_user_data);
}

void aire__store_set_fault(aire_store *store, aire_store_fault_fn fault, void *user_data)
{
    pthread_mutex_lock(&store->lock);
    store->fault = fault;
    store->fault_user_data = user_data;
    pthread_mutex_unlock(&store->lock);
}
