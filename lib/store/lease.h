/*
 * One controller a store: the lock on "FILE-lock".
 *
 * The lock belongs to an open file description, so the kernel lets go of it when the process ends,
 * however it ends, and a second try in the same process finds it taken. The file says who holds it,
 * for the message that the second one gets. A child that was forked without exec shares the lock
 * and may outlive the holder: the file then names a process that is gone, and is replaced.
 *
 * The lock is a courtesy that fails early and clearly. What protects the data is the fence, a
 * number in the store that every write checks (see aire__write_begin).
 */
#ifndef AIRE_STORE_LEASE_H
#define AIRE_STORE_LEASE_H

#include "aire/context.h"

typedef struct aire_lease {
    int fd; /* -1 when it is not held */
    char *path;
} aire_lease;

#define AIRE_LEASE_NONE                                                                            \
    {                                                                                              \
        -1, NULL                                                                                   \
    }

/* Longest host name that is kept. */
#define AIRE_LEASE_HOST_MAX 64

/* Take the lease on a store's file. AIRE_BUSY names the holder; AIRE_IO, AIRE_NOMEM. */
aire_status aire__lease_take(aire_ctx *ctx, const char *file, aire_lease *lease);

/* Give it back; nothing happens if it is not held. */
void aire__lease_release(aire_ctx *ctx, aire_lease *lease);

/* Close this process's descriptor of a lease that belongs to the process it was forked from. */
void aire__lease_forget(aire_ctx *ctx, aire_lease *lease);

/* This machine's name, or as much of it as there is room for. */
void aire__lease_host(char *host, size_t size);

#endif
