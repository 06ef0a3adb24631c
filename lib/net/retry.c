/* Trying a request again, where that may help. */
#include "net/retry.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>

#include "base/fail.h"
#include "base/rng.h"
#include "base/thread.h"

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

/* Sleep, unless the token is fired. */
static aire_status wait_cancellable(aire_cancel *cancel, int64_t wait_ms)
{
    int64_t deadline = aire__deadline_ns(wait_ms);
    for (;;) {
        if (aire_cancel_fired(cancel))
            return aire__fail(AIRE_CANCELLED, "cancelled while waiting to try a request again");
        int64_t left = deadline - aire__monotonic_ns();
        if (left <= 0)
            return AIRE_OK;
        left = (left + 999999) / 1000000;
        struct pollfd token = {.fd = aire_cancel_fd(cancel), .events = POLLIN}; /* -1 is ignored */
        if (poll(&token, 1, left < INT_MAX ? (int)left : INT_MAX) < 0 && errno != EINTR)
            return aire__fail_errno(AIRE_IO, errno, "poll");
    }
}

static void log_retry(aire_ctx *ctx, const aire_http_request *request, const aire_retry *retry,
                      aire_status status, int32_t http_status, int32_t attempt, int64_t wait_ms)
{
    if (status == AIRE_OK)
        aire__logf(ctx, AIRE_LOG_WARNING, "net",
                   "POST %s: HTTP status %d; attempt %d of %d in %lld ms", request->url,
                   (int)http_status, (int)attempt + 1, (int)retry->max_attempts,
                   (long long)wait_ms);
    else
        aire__logf(ctx, AIRE_LOG_WARNING, "net", "%s; attempt %d of %d in %lld ms",
                   aire_error_message(aire_last_error()), (int)attempt + 1,
                   (int)retry->max_attempts, (long long)wait_ms);
}

aire_status aire__http_post_retrying(aire_ctx *ctx, const aire_http_request *request,
                                     const aire_retry *retry, int32_t *attempts,
                                     aire_http_reply *out)
{
    aire_rng rng;
    aire__rng_init(&rng, (uint64_t)aire__monotonic_ns(), "net.retry", aire_ctx_seed(ctx));
    for (int32_t attempt = 1;; attempt++) {
        aire_http_reply reply = {0};
        bool transient = false;
        *attempts = attempt;
        aire_status status = aire__http_post(ctx, request, &transient, &reply);
        bool again = status == AIRE_OK ? aire__retry_http_status(reply.status) : transient;
        int64_t wait_ms =
            aire__retry_wait_ms(retry, attempt, reply.retry_after_ms, aire__rng_unit(&rng));
        bool in_time = request->deadline_ns < 0 ||
                       aire__monotonic_ns() + wait_ms * 1000000 < request->deadline_ns;
        if (!again || attempt >= retry->max_attempts || !in_time) {
            if (status == AIRE_OK)
                *out = reply;
            else if (again && attempt > 1)
                aire__fail_prefix(status, "gave up after %d attempts", (int)attempt);
            return status;
        }
        log_retry(ctx, request, retry, status, reply.status, attempt, wait_ms);
        aire__http_reply_free(ctx, &reply);
        status = wait_cancellable(request->cancel, wait_ms);
        if (status != AIRE_OK)
            return status;
    }
}
