/*
 * Remote models: a provider says what goes over the wire (provider.h), a post brings it there
 * (post.h); here answers are read, streamed or whole, and paid for.
 */
#ifndef AIRE_MODEL_REMOTE_H
#define AIRE_MODEL_REMOTE_H

#include "model/client.h"
#include "model/provider.h"

/* Where a model is. Strings are borrowed. */
typedef struct aire_place {
    const aire_provider *provider;
    const char *model; /* as the provider calls it */
    const char *base;  /* URL that requests begin with */
} aire_place;

/* *self is for the client. AIRE_INVALID, AIRE_NET, AIRE_NOMEM. */
aire_status aire__remote_client_new(aire_ctx *ctx, const aire_place *place,
                                    const aire_client_options *options, aire_client *client,
                                    void **self);

#endif
