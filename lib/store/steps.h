/* Parts of a write, for writes that are made of several; between aire__write_begin and _end. */
#ifndef AIRE_STORE_STEPS_H
#define AIRE_STORE_STEPS_H

#include "store/db.h"

/* As aire__store_submit and aire__store_finish. */
aire_status aire__step_submit(aire_store *store, aire_idea *idea, int32_t kind, uint64_t seed,
                              int32_t priority, aire_run *run, bool *is_new);
aire_status aire__step_finish(aire_store *store, aire_result *result);

/* A named text of the table meta: *out (from aire_alloc), AIRE_EMPTY if there is none. */
aire_status aire__step_get_meta(aire_store *store, const char *name, char **out);
aire_status aire__step_set_meta(aire_store *store, const char *name, const char *value);

#endif
