/*
 * The keeper of files: it moves what is to be kept of ended runs to WORK_DIR/kept/run-ID, and takes
 * away again what the manifest's retention lets go. Thread-safe.
 *
 * A run's files are kept after its result is durable. They are put together inside the try's
 * directory and come here by one rename, so that a crash leaves either a whole try, which the next
 * executor keeps or removes, or a whole kept directory. What goes is renamed before it is removed,
 * for the same reason:
 *
 *     kept/run-ID     the files of a run
 *     kept/gone-ID    being removed
 *     kept/new-ID     being copied, where kept is on another file system
 *
 * Nothing that fails here is a reason to lose a result or to stop: it is a warning in the log.
 */
#ifndef AIRE_EXECUTOR_KEEPER_H
#define AIRE_EXECUTOR_KEEPER_H

#include "executor/job.h"

typedef struct aire_keeper aire_keeper;

/* Take up what is kept already, by the policy and the store as they are now. What belongs to no
 * finished run of the store goes. AIRE_OK, AIRE_NOMEM. */
aire_status aire__keeper_new(const aire_workshop *shop, aire_store *store, aire_keeper **out);
void aire__keeper_free(aire_keeper *keeper);

/* Keep of an ended try what is to be kept, before its directory is removed. Its result is durable.
 */
void aire__keeper_keep(aire_keeper *keeper, aire_try *t);

/* The same for a try that an earlier process left, if it is the one that the run's result is of. */
void aire__keeper_rescue(aire_keeper *keeper, int64_t run_id, int32_t attempt);

#endif
