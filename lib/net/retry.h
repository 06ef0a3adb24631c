/* When a request is worth another try, and how long to wait: exponential, with full jitter. Pure. */
#ifndef AIRE_NET_RETRY_H
#define AIRE_NET_RETRY_H

#include <stdbool.h>
#include <stdint.h>

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

#endif
