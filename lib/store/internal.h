/* What the files of this room share: the store itself. */
#ifndef AIRE_STORE_INTERNAL_H
#define AIRE_STORE_INTERNAL_H

#include <pthread.h>
#include <sqlite3.h>
#include <sys/types.h>

#include "base/ref.h"
#include "store/fault.h"
#include "store/lease.h"
#include "store/sql.h"
#include "store/store.h"

struct aire_store {
    aire_refcount refs;
    aire_ctx *ctx; /* reference */
    char *path;    /* as it was given */
    char *file;    /* absolute, without links */
    bool read_only;
    pid_t pid; /* that opened it: a forked child may not use its connection */
    aire_lease lease;
    int64_t fence; /* number of our lease */

    pthread_mutex_t lock; /* around every use of what follows */
    sqlite3 *db;
    sqlite3_stmt *statements[AIRE_SQL_COUNT]; /* prepared when first used */
    bool synced;                              /* whether a commit is flushed to the disk now */
    aire_store_write write;                   /* the one under way */
    aire_store_fault_fn fault;
    void *fault_user_data;
};

#endif
