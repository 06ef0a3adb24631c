/* Asking a client: waiting for one that tells later, and being told by one that waits. */
#ifndef AIRE_MODEL_ASK_H
#define AIRE_MODEL_ASK_H

#include "model/client.h"

/* Ask and wait, whichever way the client works. */
aire_status aire__client_complete(aire_ctx *ctx, const aire_client *client, void *self,
                                  const aire_request *request, aire_cancel *cancel,
                                  aire_call_trace *trace, aire_answer **out);

/* Ask, and be told. The client and its data must outlive the call. */
aire_status aire__client_start(aire_ctx *ctx, const aire_client *client, void *self,
                               const aire_request *request, aire_cancel *cancel,
                               aire_client_done done, void *user_data);

#endif
