#include "net/retry.h"

bool aire__retry_http_status(int32_t status)
{
    return status == 408 || status == 409 || status == 429 || (status >= 500 && status <= 599);
}

int64_t aire__retry_wait_ms(const aire_retry *retry, int32_t attempt, int64_t retry_after_ms,
                            double unit)
{
    int64_t longest = retry->base_ms;
    for (int32_t i = 1; i < attempt && longest < retry->cap_ms; i++)
        longest *= 2;
    if (longest > retry->cap_ms)
        longest = retry->cap_ms;
    int64_t wait = (int64_t)((double)longest * unit);
    /* The server's wish is the least; the jitter then only spreads those that were told the same.
     */
    return retry_after_ms > 0 ? retry_after_ms + wait / 4 : wait;
}
