/* Models of the host's own. */
#include "aire/model.h"

#include "base/fail.h"
#include "base/options.h"
#include "base/str.h"
#include "model/client.h"

typedef struct host_client {
    aire_ctx *ctx; /* borrowed from the model */
    aire_model_ops ops;
    void *user_data;
} host_client;

static aire_status host_complete(void *self, const aire_request *request, aire_cancel *cancel,
                                 aire_call_trace *trace, aire_answer **out)
{
    host_client *host = self;
    aire_answer *answer = NULL;
    aire_error_set(AIRE_OK, 0, NULL);
    aire_status status = host->ops.complete(request, cancel, &answer, host->user_data);
    if (status == AIRE_OK && answer) {
        *out = answer;
        return AIRE_OK;
    }
    if (status == AIRE_OK)
        return aire__fail(AIRE_CALLBACK, "the host's model returned AIRE_OK without an answer");
    aire_answer_unref(answer);
    if (aire_error_status(aire_last_error()) != status)
        aire__fail(status, "the host's model failed: %s", aire_status_message(status));
    return status;
}

static void host_destroy(void *self)
{
    host_client *host = self;
    if (host->ops.destroy)
        host->ops.destroy(host->user_data);
    aire_free(host->ctx, host);
}

aire_status aire_model_new_from_ops(aire_ctx *ctx, const char *name, const aire_model_ops *ops,
                                    void *user_data, aire_model **out)
{
    static const aire_client client = {host_complete, host_destroy};
    if (!ctx || !name || !ops || !out)
        return aire__fail(AIRE_INVALID,
                          "aire_model_new_from_ops: ctx, name, ops and out must not be NULL");
    *out = NULL;
    aire_model_ops ours;
    aire_status status = aire__options_take(ops, &ours, sizeof ours, sizeof ours, "aire_model_ops");
    if (status != AIRE_OK)
        return status;
    if (!ours.complete || ours.reserved)
        return aire__fail(AIRE_INVALID,
                          "aire_model_ops: complete is required, and reserved must be 0");
    host_client *host = aire_alloc(ctx, sizeof *host);
    if (!host)
        return aire__fail_nomem();
    *host = (host_client){ctx, ours, user_data};
    status = aire__model_new(ctx, name, &client, host, out);
    if (status != AIRE_OK)
        aire_free(ctx, host);
    return status;
}
