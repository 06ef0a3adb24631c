/*
 * Exchanges: all HTTP requests of a context, on one thread and one curl multi handle.
 *
 * An exchange is one POST and its answer; nothing in here knows what it is about, and nothing is
 * tried again here (except by curl, where a kept connection was dead before anything was answered).
 * Whoever starts one is told of its end once, on the net's thread; that thread also calls timers,
 * so that what has to be done later needs no other. Neither may block.
 *
 * Connections are kept and shared: HTTP/2 where the server speaks it over TLS, many requests on
 * one. More exchanges than the process may have descriptors for wait their turn, and it is said
 * once in the log. The process is left alone: no signals, no global cleanup, proxies as the
 * environment says (never for loopback addresses), certificates always verified, redirects never
 * followed.
 */
#ifndef AIRE_NET_NET_H
#define AIRE_NET_NET_H

#include <stdbool.h>

#include "aire/cancel.h"

typedef struct aire_net aire_net;

/* The context's net, with its thread; one for all who ask. It holds no reference to the context,
 * which must outlive it. A forked child may use the nets of its parent: it gets a thread and
 * connections of its own, and what was under way in the parent is never told there.
 * AIRE_OK, AIRE_NET, AIRE_NOMEM. */
aire_status aire__net_acquire(aire_ctx *ctx, aire_net **out);

/* The last one stops the thread; nothing may be under way any more. On the net's own thread, too: that
 * then ends by itself. */
void aire__net_release(aire_net *net);

typedef struct aire_exchange_reply {
    int32_t status; /* HTTP status; 0 if there was no answer */
    bool began;     /* its turn came: what happened may be the server's doing */
    char *body;     /* ends in NUL; "" where `data` took it */
    size_t length;
    int64_t retry_after_ms;   /* what the server asks to wait, in either form; 0 if it does not */
    char request_id[128];     /* of the header that was asked for; "" if it did not come */
    bool is_stream;           /* its content type is text/event-stream */
    int64_t first_ns, end_ns; /* of aire__monotonic_ns: first byte of the body, and the end */
} aire_exchange_reply;

/*
 * How it ended. AIRE_OK: a complete answer, whatever its HTTP status. Otherwise the thread's error
 * detail says more, and *transient tells whether another try may fare better: AIRE_NET (not
 * reached, reset, cut off), AIRE_TIMEOUT (the deadline, or nothing came for stall_ms: transient
 * both, whether there is time for another try the caller knows), AIRE_CANCELLED, AIRE_PROTOCOL (no
 * HTTP, or a longer answer than allowed), AIRE_INVALID (no such URL), AIRE_NOMEM. The reply is the
 * net's: what is to be kept is copied, or, of a complete answer, the body taken out with NULL left
 * in its place (free with aire_free). After a failure its body is "", its status what had come.
 */
typedef void (*aire_exchange_done)(aire_status status, bool transient, aire_exchange_reply *reply,
                                   void *user_data);

/* A piece of the body of a stream (text/event-stream) with a status of 2xx, as it comes; other bodies
 * are collected. False ends the exchange with
 * AIRE_PROTOCOL (AIRE_NOMEM if that was the failure), and the error detail that was set. */
typedef bool (*aire_exchange_data)(const char *bytes, size_t length, void *user_data);

typedef struct aire_exchange {
    const char *url;               /* http or https; shown in messages, so without secrets */
    const char *const *headers;    /* "Name: value", ends in NULL; nullable */
    const char *secret_header;     /* one more, wiped and shown nowhere; nullable */
    const char *request_id_header; /* name of the answer's header to keep; nullable */
    const char *ca_file;           /* certificates to trust instead of the system's; nullable */
    const char *proxy;             /* instead of what the environment says; "" for none; nullable */
    const char *body;              /* JSON; said to be application/json */
    size_t body_length;
    bool wants_stream;       /* says that it takes text/event-stream */
    int64_t deadline_ns;     /* of aire__monotonic_ns, waiting in line counts; negative: none */
    int64_t stall_ms;        /* longest silence, also before the answer; 0: none */
    size_t max_response;     /* bytes of a body, also of one that `data` takes */
    aire_cancel *cancel;     /* nullable; reference taken */
    aire_exchange_data data; /* nullable: the body is collected */
    aire_exchange_done done;
    void *user_data;
} aire_exchange;

/* Start one, from any thread; everything is copied. AIRE_OK: `done` will be called. AIRE_NOMEM,
 * AIRE_NET. */
aire_status aire__net_start(aire_net *net, const aire_exchange *exchange);

/* Call a function on the net's thread at a time of aire__monotonic_ns (0: soon); or before, with
 * `fired`, if the token fires (nullable; reference taken). AIRE_OK, AIRE_NOMEM, AIRE_NET. */
typedef void (*aire_net_fn)(bool fired, void *user_data);
aire_status aire__net_at(aire_net *net, int64_t when_ns, aire_cancel *cancel, aire_net_fn fn,
                         void *user_data);

/* Whether a URL's host is this machine by name or number. */
bool aire__net_is_loopback(const char *url);

#endif
