/* Executors as handles: the local one and the host's own behind one table. */
#include "aire/executor.h"

#include "base/fail.h"
#include "base/options.h"
#include "base/ref.h"
#include "base/str.h"
#include "executor/local.h"

struct aire_executor {
    aire_refcount refs;
    aire_ctx *ctx;
    aire_executor_ops ops;
    void *user_data;
};

aire_status aire_executor_options_init(aire_executor_options *options, size_t size)
{
    return aire__options_init(options, size, sizeof *options, sizeof *options,
                              "aire_executor_options");
}

aire_status aire_submit_options_init(aire_submit_options *options, size_t size)
{
    return aire__options_init(options, size, sizeof *options, sizeof *options,
                              "aire_submit_options");
}

static aire_status make(aire_ctx *ctx, const aire_executor_ops *ops, void *user_data,
                        aire_executor **out)
{
    aire_executor *executor = aire__calloc(ctx, 1, sizeof *executor);
    if (!executor)
        return aire__fail_nomem();
    aire__ref_init(&executor->refs);
    executor->ctx = aire_ctx_ref(ctx);
    executor->ops = *ops;
    executor->user_data = user_data;
    *out = executor;
    return AIRE_OK;
}

aire_status aire_executor_new(aire_ctx *ctx, aire_env *env, aire_sandbox *sandbox,
                              aire_store *store, const aire_executor_options *options,
                              aire_executor **out)
{
    static const aire_executor_ops ops = {sizeof ops,         0,
                                          aire__local_submit, aire__local_next,
                                          aire__local_fd,     aire__local_pending,
                                          aire__local_wait,   aire__local_cancel,
                                          aire__local_free};
    aire_executor_options given;
    aire_local *local = NULL;
    if (!ctx || !env || !store || !out)
        return aire__fail(AIRE_INVALID,
                          "aire_executor_new: ctx, env, store and out must not be NULL");
    *out = NULL;
    aire_status status =
        aire__options_take(options, &given, sizeof given, sizeof given, "aire_executor_options");
    if (status == AIRE_OK && !sandbox && !given.slurm)
        status = aire__fail(AIRE_INVALID, "aire_executor_new: sandbox must not be NULL without "
                                          "aire_executor_options.slurm");
    if (status == AIRE_OK)
        status = aire__local_new(ctx, env, sandbox, store, &given, &local);
    if (status == AIRE_OK)
        status = make(ctx, &ops, local, out);
    if (status != AIRE_OK && local)
        aire__local_free(local);
    return status;
}

aire_status aire_executor_new_from_ops(aire_ctx *ctx, const aire_executor_ops *ops, void *user_data,
                                       aire_executor **out)
{
    aire_executor_ops given;
    if (!ctx || !ops || !out)
        return aire__fail(AIRE_INVALID,
                          "aire_executor_new_from_ops: ctx, ops and out must not be NULL");
    *out = NULL;
    aire_status status =
        aire__options_take(ops, &given, sizeof given, sizeof given, "aire_executor_ops");
    if (status != AIRE_OK)
        return status;
    if (!given.submit || !given.next || !given.pending || !given.wait)
        return aire__fail(AIRE_INVALID,
                          "aire_executor_ops: submit, next, pending and wait must be set");
    return make(ctx, &given, user_data, out);
}

aire_executor *aire_executor_ref(aire_executor *executor)
{
    if (executor)
        aire__ref_take(&executor->refs);
    return executor;
}

void aire_executor_unref(aire_executor *executor)
{
    if (!executor || !aire__ref_drop(&executor->refs))
        return;
    aire_ctx *ctx = executor->ctx;
    if (executor->ops.destroy)
        executor->ops.destroy(executor->user_data);
    aire_free(ctx, executor);
    aire_ctx_unref(ctx);
}

aire_status aire_executor_submit(aire_executor *executor, aire_idea *idea,
                                 const aire_submit_options *options, int64_t *run_id)
{
    aire_submit_options given;
    if (!executor)
        return aire__fail(AIRE_INVALID, "aire_executor_submit: executor must not be NULL");
    aire_status status =
        aire__options_take(options, &given, sizeof given, sizeof given, "aire_submit_options");
    return status == AIRE_OK ? executor->ops.submit(idea, &given, run_id, executor->user_data)
                             : status;
}

aire_status aire_executor_next(aire_executor *executor, int32_t timeout_ms, aire_result **out)
{
    if (!executor || !out)
        return aire__fail(AIRE_INVALID, "aire_executor_next: executor and out must not be NULL");
    *out = NULL;
    return executor->ops.next(timeout_ms, out, executor->user_data);
}

int32_t aire_executor_fd(aire_executor *executor)
{
    return executor && executor->ops.fd ? executor->ops.fd(executor->user_data) : -1;
}

size_t aire_executor_pending(aire_executor *executor)
{
    return executor ? executor->ops.pending(executor->user_data) : 0;
}

aire_status aire_executor_wait(aire_executor *executor, int32_t timeout_ms, aire_cancel *cancel)
{
    if (!executor)
        return aire__fail(AIRE_INVALID, "aire_executor_wait: executor must not be NULL");
    return executor->ops.wait(timeout_ms, cancel, executor->user_data);
}

aire_status aire_executor_cancel(aire_executor *executor, int64_t run_id)
{
    if (!executor || run_id < 0)
        return aire__fail(AIRE_INVALID,
                          "aire_executor_cancel: executor must not be NULL, run_id not negative");
    if (!executor->ops.cancel)
        return aire__fail(AIRE_UNSUPPORTED, "this executor cannot cancel");
    return executor->ops.cancel(run_id, executor->user_data);
}
