/* How long a request may be, so that it fits with its answer into a model's context. */
#ifndef AIRE_IDEATOR_CONTEXT_ROOM_H
#define AIRE_IDEATOR_CONTEXT_ROOM_H

#include "aire/model.h"

/* Bytes, estimated, and said to the log; `context_tokens` 0: the default. AIRE_OK; AIRE_INVALID if
 * the answer alone needs as much as there is (`what` is the struct, for the message). */
aire_status aire__context_room(aire_ctx *ctx, const aire_model *model, const char *what,
                               int64_t context_tokens, int32_t answer_tokens, size_t *out);

#endif
