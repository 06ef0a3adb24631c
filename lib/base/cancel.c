/* Cancel tokens: an eventfd that is written once, so that a signal handler may fire it. */
#include "aire/cancel.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "aire/error.h"
#include "base/ref.h"

struct aire_cancel {
    aire_refcount refs;
    aire_ctx *ctx;
    atomic_bool fired;
    int fd;
};

aire_status aire_cancel_new(aire_ctx *ctx, aire_cancel **out)
{
    if (!ctx || !out)
        return aire_error_set(AIRE_INVALID, 0, "aire_cancel_new: ctx and out must not be NULL");
    *out = NULL;
    aire_cancel *cancel = aire_alloc(ctx, sizeof *cancel);
    if (!cancel)
        return aire_error_set(AIRE_NOMEM, 0, NULL);
    cancel->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (cancel->fd < 0) {
        aire_free(ctx, cancel);
        return aire_error_set(AIRE_IO, errno, "aire_cancel_new: no descriptor left for a token");
    }
    aire__ref_init(&cancel->refs);
    atomic_init(&cancel->fired, false);
    cancel->ctx = aire_ctx_ref(ctx);
    *out = cancel;
    return AIRE_OK;
}

aire_cancel *aire_cancel_ref(aire_cancel *cancel)
{
    if (cancel)
        aire__ref_take(&cancel->refs);
    return cancel;
}

void aire_cancel_unref(aire_cancel *cancel)
{
    if (!cancel || !aire__ref_drop(&cancel->refs))
        return;
    aire_ctx *ctx = cancel->ctx;
    close(cancel->fd);
    aire_free(ctx, cancel);
    aire_ctx_unref(ctx);
}

void aire_cancel_fire(aire_cancel *cancel)
{
    if (!cancel || atomic_exchange(&cancel->fired, true))
        return;
    int saved = errno; /* a signal handler must leave errno as it was */
    uint64_t one = 1;
    ssize_t written =
        write(cancel->fd, &one, sizeof one); /* the first write of 8 bytes cannot fail */
    (void)written;
    errno = saved;
}

int32_t aire_cancel_fired(const aire_cancel *cancel)
{
    return cancel && atomic_load(&cancel->fired);
}

int32_t aire_cancel_fd(const aire_cancel *cancel)
{
    return cancel ? cancel->fd : -1;
}
