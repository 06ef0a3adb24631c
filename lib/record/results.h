/* Lists of results, which only the library makes; lists of ideas are public. */
#ifndef AIRE_RECORD_RESULTS_H
#define AIRE_RECORD_RESULTS_H

#include "aire/result.h"

/* Make a list; references taken. AIRE_OK, AIRE_NOMEM. */
aire_status aire__results_new(aire_ctx *ctx, aire_result *const *results, size_t count,
                              aire_results **out);

#endif
