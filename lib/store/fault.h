/*
 * The named points of every write, at which a test can stop the process.
 *
 * A store that is killed at any of them opens again, with the write either whole or not there.
 */
#ifndef AIRE_STORE_FAULT_H
#define AIRE_STORE_FAULT_H

#include <stdbool.h>

#include "aire/store.h"

/*
 * The writes: X(NAME, word, synced). Each is one transaction with three points: "word.before"
 * (nothing is written), "word.commit" (all is written, nothing is committed) and "word.after"
 * (committed, the caller does not know yet).
 *
 * A synced write survives a power failure: SQLite's synchronous=FULL flushes the log at each
 * commit, where NORMAL would keep it from a killed process but not from a lost machine. What is not
 * synced can be lost without harm: a run that had begun is queued again in any case. A call's
 * record is written on the thread that serves all requests, which must not wait for a disk; the
 * next synced write, that of the ideas that came of it, takes it along.
 */
#define AIRE_STORE_WRITE_MAP(X)                                                                    \
    X(OPEN, "open", true)                                                                          \
    X(BIND, "bind", true)                                                                          \
    X(PLAN, "plan", true)                                                                          \
    X(CLOSE, "close", true)                                                                        \
    X(SUBMIT, "submit", true)                                                                      \
    X(BEGIN, "begin", false)                                                                       \
    X(DRAFT, "draft", true)                                                                        \
    X(FINISH, "finish", true)                                                                      \
    X(TELL, "tell", true)                                                                          \
    X(NOTE, "note", true)                                                                          \
    X(PIN, "pin", true)                                                                            \
    X(IMPORT, "import", true)                                                                      \
    X(CALL, "call", false)                                                                         \
    X(EVENT, "event", false)

#define AIRE_STORE_WRITE_ENUM_(name, word, synced) AIRE_WRITE_##name,
typedef enum aire_store_write { AIRE_STORE_WRITE_MAP(AIRE_STORE_WRITE_ENUM_) } aire_store_write;
#undef AIRE_STORE_WRITE_ENUM_

typedef enum aire_store_moment {
    AIRE_MOMENT_BEFORE,
    AIRE_MOMENT_COMMIT,
    AIRE_MOMENT_AFTER,
    AIRE_MOMENT_COUNT
} aire_store_moment;

/* Called at each point with its name, with the store locked: it may stop the process, or just
 * count. */
typedef void (*aire_store_fault_fn)(const char *point, void *user_data);

/* As aire_store_open, with a hook from the first write on; NULL for none. */
aire_status aire__store_open(aire_ctx *ctx, const char *path, const aire_store_options *options,
                             aire_store_fault_fn fault, void *user_data, aire_store **out);

void aire__store_set_fault(aire_store *store, aire_store_fault_fn fault, void *user_data);

/* Name of point `index`, such as "finish.commit"; NULL beyond the last one. */
const char *aire__store_fault_point(size_t index);

bool aire__store_write_is_synced(aire_store_write write);

/* Pass a point. */
void aire__store_fault(aire_store *store, aire_store_write write, aire_store_moment moment);

#endif
