/*
 * Retention: of which ended runs the files stay. A decision on values; there is no file and no
 * store in here (those are in keeper.h).
 *
 * Pinned runs stay, whatever the rule says. They take no place among the best or the failed, so
 * that pinning one run never costs another its place, but their bytes count, so that the disk's
 * bound holds for as long as the pins themselves fit. Of the others stay
 *
 *   - of those with a reward the best so many; of equal ones the earlier run, as in the store;
 *   - of the failed the newest so many;
 *   - of all these what fits in the size, asked from the best to the worst and then from the newest
 *     failed one to the oldest. What does not fit beside those that come before it goes, and costs
 *     none that comes after it its place.
 *
 * What may stay may stay when it is asked again, and a run that goes makes no difference to the
 * others; so files that were let go are never missed later.
 */
#ifndef AIRE_EXECUTOR_RETENTION_H
#define AIRE_EXECUTOR_RETENTION_H

#include "env/env.h"

typedef enum aire_kept_class {
    AIRE_KEPT_RANKED, /* with a reward, by which it is ranked */
    AIRE_KEPT_FAILED,
    AIRE_KEPT_OTHER /* stays only while it is pinned */
} aire_kept_class;

typedef struct aire_kept {
    int64_t run_id;
    int64_t bytes;
    double reward; /* of a ranked one */
    aire_kept_class class;
    bool pinned;
    bool goes; /* what was decided */
} aire_kept;

/*
 * What a run with that end is. Confirmations repeat what is known on other seeds, and the luckiest
 * of them is not the best; a run that the host cancelled is nothing to learn from: both are other.
 */
aire_kept_class aire__retention_class(int32_t kind, int32_t outcome);

/* Decide which go; changes the order of the runs. */
void aire__retention_decide(const aire_env_retention *rule, aire_kept *runs, size_t count);

#endif
