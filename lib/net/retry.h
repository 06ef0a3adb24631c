/* Trying a request again, where that may help: exponential waits with full jitter. */
#ifndef AIRE_NET_RETRY_H
#define AIRE_NET_RETRY_H

#include "net/http.h"

typedef struct aire_retry {
    int32_t max_attempts; /* from 1 */
    int32_t base_ms;      /* longest wait after the first failure; doubles with each */
    int32_t cap_ms;       /* no wait is longer, unless the server asks for it */
} aire_retry;

/* Whether an answer with this HTTP status is worth another try: 408, 409, 429 and 5xx. */
bool aire__retry_http_status(int32_t status);

/* How long to wait after failed attempt number `attempt` (from 1); `unit` is random in [0, 1). */
int64_t aire__retry_wait_ms(const aire_retry *retry, int32_t attempt, int64_t retry_after_ms,
                            double unit);

/*
 * aire__http_post, again while the failure is transient, attempts are left and the wait ends before
 * the deadline. Returns what the last attempt returned; *attempts is set in any case.
 */
aire_status aire__http_post_retrying(aire_ctx *ctx, const aire_http_request *request,
                                     const aire_retry *retry, int32_t *attempts,
                                     aire_http_reply *out);

#endif
