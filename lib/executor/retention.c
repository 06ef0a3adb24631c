#include "executor/retention.h"

#include <stdlib.h>

aire_kept_class aire__retention_class(int32_t kind, int32_t outcome)
{
    if (outcome == AIRE_OUTCOME_OK)
        return kind == AIRE_RUN_CONFIRM || kind == AIRE_RUN_RECHECK ? AIRE_KEPT_OTHER
                                                                    : AIRE_KEPT_RANKED;
    return outcome == AIRE_OUTCOME_CANCELLED ? AIRE_KEPT_OTHER : AIRE_KEPT_FAILED;
}

/* Negative if `a` stays longer: the pinned, then the better, then the younger failure. */
static int by_worth(const void *x, const void *y)
{
    const aire_kept *a = x, *b = y;
    if (a->pinned != b->pinned)
        return a->pinned ? -1 : 1;
    if (a->class != b->class)
        return a->class < b->class ? -1 : 1;
    if (a->class == AIRE_KEPT_RANKED && a->reward != b->reward)
        return a->reward > b->reward ? -1 : 1;
    int earlier = (a->run_id > b->run_id) - (a->run_id < b->run_id);
    return a->class == AIRE_KEPT_RANKED ? earlier : -earlier;
}

static bool may_stay(const aire_kept *run, const int32_t left[AIRE_KEPT_OTHER], int64_t room)
{
    return run->class != AIRE_KEPT_OTHER && left[run->class] > 0 && run->bytes <= room;
}

void aire__retention_decide(const aire_env_retention *rule, aire_kept *runs, size_t count)
{
    int32_t left[AIRE_KEPT_OTHER] = {
        [AIRE_KEPT_RANKED] = rule->best, [AIRE_KEPT_FAILED] = rule->failed};
    int64_t room = rule->max_bytes; /* below 0 where the pinned ones have more than there is */
    if (count > 1)
        qsort(runs, count, sizeof *runs, by_worth);
    for (size_t i = 0; i < count; i++) { /* the pinned ones come first */
        aire_kept *run = &runs[i];
        run->goes = !run->pinned && !may_stay(run, left, room);
        if (run->goes)
            continue;
        room = room < INT64_MIN + run->bytes ? INT64_MIN : room - run->bytes;
        if (!run->pinned)
            left[run->class]--;
    }
}
