/*
 * One HTTP request, waited for: JSON out, bytes back. The only room that knows libcurl.
 *
 * The process is left alone: no signals, no global cleanup, proxies as the environment says (never
 * for loopback addresses), certificates always verified, redirects never followed.
 */
#ifndef AIRE_NET_HTTP_H
#define AIRE_NET_HTTP_H

#include <stdbool.h>

#include "aire/cancel.h"

typedef struct aire_http_request {
    const char *url; /* http or https; shown in messages, so without secrets */
    const char *body;
    size_t body_length;
    const char *api_key; /* sent as bearer token and shown nowhere; NULL for none */
    aire_cancel *cancel; /* nullable */
    int64_t deadline_ns; /* of aire__monotonic_ns; negative: none */
    size_t max_response; /* bytes */
} aire_http_request;

typedef struct aire_http_reply {
    int32_t status; /* HTTP status */
    char *body;     /* ends in NUL; the API key, should the server echo it, is starred out */
    size_t length;
    int64_t retry_after_ms; /* what the server asks to wait; 0 if it does not */
} aire_http_reply;

/*
 * POST a JSON body. Any complete answer is AIRE_OK, whatever its HTTP status; *transient tells of a
 * failure whether another try may fare better. AIRE_NET, AIRE_TIMEOUT, AIRE_CANCELLED,
 * AIRE_PROTOCOL (not HTTP, or a longer answer than allowed), AIRE_INVALID (no such URL),
 * AIRE_NOMEM.
 */
aire_status aire__http_post(aire_ctx *ctx, const aire_http_request *request, bool *transient,
                            aire_http_reply *out);

void aire__http_reply_free(aire_ctx *ctx, aire_http_reply *reply);

/* Whether a URL's host is this machine by name or number. */
bool aire__http_is_loopback(const char *url);

#endif
