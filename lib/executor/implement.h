/* What implementing and repairing share. */
#ifndef AIRE_EXECUTOR_IMPLEMENT_H
#define AIRE_EXECUTOR_IMPLEMENT_H

#include "executor/candidates.h"

/* Have a patch from the models: candidates, and the check of the one that goes on. `text` and
 * `sent` as of aire__candidates_ask; free with aire__writing_free. */
aire_status aire__have_patch(aire_try *t, const char *text, const char *sent, aire_writing *out);

/* The patch that goes on is the try's. */
aire_status aire__take_patch(aire_try *t, aire_writing *writing);

#endif
