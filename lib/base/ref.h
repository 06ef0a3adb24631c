/* Reference counts. */
#ifndef AIRE_BASE_REF_H
#define AIRE_BASE_REF_H

#include <stdatomic.h>
#include <stdbool.h>

typedef atomic_int aire_refcount;

static inline void aire__ref_init(aire_refcount *count)
{
    atomic_init(count, 1);
}

static inline void aire__ref_take(aire_refcount *count)
{
    atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
}

/* True for the one who dropped the last reference. */
static inline bool aire__ref_drop(aire_refcount *count)
{
    return atomic_fetch_sub_explicit(count, 1, memory_order_acq_rel) == 1;
}

#endif
