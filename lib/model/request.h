/* Requests, checked where they come in. */
#ifndef AIRE_MODEL_REQUEST_H
#define AIRE_MODEL_REQUEST_H

#include "aire/model.h"

/* Copy a caller's request (its strings stay borrowed) if it can be asked: AIRE_INVALID, AIRE_ABI.
 */
aire_status aire__request_take(const aire_request *given, aire_request *ours);

/* A copy that owns all that it points to, and has no delta; free with aire__request_free_copy, also
 * on failure. */
aire_status aire__request_copy(aire_ctx *ctx, const aire_request *request, aire_request *out);
void aire__request_free_copy(aire_ctx *ctx, aire_request *copy);

#endif
