/* Keeping drafts in the store, and finding there what was paid for already. */
#ifndef AIRE_EXECUTOR_DRAFTS_H
#define AIRE_EXECUTOR_DRAFTS_H

#include "executor/job.h"

/* The drafts of a try's run so far; NULL where none are kept. */
aire_status aire__drafts_known(const aire_try *t, aire_drafts **out);

/* The answer at a place of the try's present repair: of the implementer, or about it (a check).
 * NULL if none was had. */
const aire_draft *aire__draft_find(const aire_try *t, const aire_drafts *known, bool check,
                                   int32_t candidate, int32_t round);

/*
 * Keep a draft of a try, whose run and repair are filled in, as are the model and what it used, of
 * its answer (nullable) or of `model`. *number is 0 where it could not be kept: what was paid for
 * is used all the same, unless the store is not ours any more (AIRE_BUSY, AIRE_CORRUPT).
 */
aire_status aire__draft_keep(const aire_try *t, aire_draft draft, aire_model *model,
                             const aire_answer *answer, int32_t *number);

/* Of all drafts of the try's present repair this one goes on. */
aire_status aire__draft_choose(aire_try *t, int32_t number);

/* How the run of the try's draft ended, before it is repaired. */
aire_status aire__draft_end(const aire_try *t);

#endif
