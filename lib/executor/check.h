/* An independent look at a patch: another model says whether it does what the idea says. */
#ifndef AIRE_EXECUTOR_CHECK_H
#define AIRE_EXECUTOR_CHECK_H

#include "executor/candidates.h"

/*
 * Ask the workshop's checker about a patch that applies. What it refuses goes back to the
 * implementer once; if that does not help, writing->trial is the refusal. A checker that fails, or
 * says neither yes nor no, stops nothing. Statuses as of aire__candidates_ask.
 */
aire_status aire__check(aire_try *t, const aire_drafts *known, aire_writing *writing);

#endif
