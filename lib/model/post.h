/*
 * Posts: one POST to an endpoint of a provider, tried again where that may help.
 *
 * All of it runs on the net's thread, so that thousands may be under way: the wait at the gate, the
 * tries, the waits between them, the end. What the answer is about is the business of who posts.
 */
#ifndef AIRE_MODEL_POST_H
#define AIRE_MODEL_POST_H

#include "base/rng.h"
#include "model/client.h"
#include "model/gate.h"
#include "model/provider.h"
#include "net/retry.h"

/* Where posts go, and how. Immutable but for the gate; thread-safe. */
typedef struct aire_endpoint {
    aire_ctx *ctx; /* borrowed */
    const aire_provider *provider;
    aire_net *net;
    aire_gate *gate;
    char *where;   /* "POST URL", for messages */
    char *api_key; /* NULL for none */
    aire_key_fn key;
    void *key_user_data;
    char *ca_file, *proxy; /* NULL for the system's */
    int64_t stall_ms;
    int32_t timeout_ms;
    aire_retry retry;
} aire_endpoint;

/* `url` is for messages. Free with aire__endpoint_clear, also on failure. */
aire_status aire__endpoint_init(aire_endpoint *e, aire_ctx *ctx, const aire_provider *provider,
                                const char *url, const aire_client_options *options);
void aire__endpoint_clear(aire_endpoint *e);

typedef struct aire_post aire_post;

/* What the one who posts does; on the net's thread. */
typedef struct aire_post_kind {
    /* A try begins; `again`: it is not the first. */
    void (*begin)(aire_post *post, bool again);
    aire_exchange_data data; /* of a stream; its user data is the post; nullable */
    /* Read an answer with a status of 2xx, or what `data` has read of it (post->read_status).
     * *transient: another try may fare better. *used: tokens; negative: unknown. */
    aire_status (*read)(aire_post *post, aire_exchange_reply *reply, bool *transient,
                        int64_t *used);
    /* The end, once; on failure with the error detail. It frees the post. */
    void (*end)(aire_post *post, aire_status status);
} aire_post_kind;

/* Part of the record of who posts, who sets url, body, streams, caller and tokens; the rest is the
 * post's. */
struct aire_post {
    aire_visitor visit; /* first */
    const aire_post_kind *kind;
    const aire_endpoint *endpoint;
    const char *url;
    char *body; /* JSON, from aire_alloc; owned */
    bool streams;
    uint64_t caller; /* who takes turns with others at the gate */
    int64_t tokens;  /* that it may use */

    aire_status read_status; /* of what came in the stream: set by `data` */
    char *key, *key_line;    /* NULL for none */
    aire_cancel *cancel;
    aire_rng rng;
    int64_t started_ns, tried_ns, deadline_ns;
    int32_t attempts;
};

/* Before anything else: its time runs from here, and the key is asked for. AIRE_OK, or what the
 * host's function gave. Free with aire__post_clear, also on failure. */
aire_status aire__post_init(aire_post *post, const aire_post_kind *kind,
                            const aire_endpoint *endpoint, aire_cancel *cancel);
void aire__post_clear(aire_ctx *ctx, aire_post *post);

/* AIRE_OK: `end` will be called. */
aire_status aire__post_start(aire_post *post);

#endif
