/* Models: the handle around a client, and the record of each call. */
#include "aire/model.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/options.h"
#include "base/ref.h"
#include "base/str.h"
#include "model/ask.h"
#include "model/request.h"

struct aire_model {
    aire_refcount refs;
    aire_ctx *ctx;
    char *name;
    aire_client client;
    void *self;
};

aire_status aire__model_new(aire_ctx *ctx, const char *name, const aire_client *client, void *self,
                            aire_model **out)
{
    aire_model *model = aire_alloc(ctx, sizeof *model);
    char *copy = aire__strdup(ctx, name);
    if (!model || !copy) {
        aire_free(ctx, model);
        aire_free(ctx, copy);
        return aire__fail_nomem();
    }
    *model = (aire_model){.ctx = aire_ctx_ref(ctx), .name = copy, .client = *client, .self = self};
    aire__ref_init(&model->refs);
    *out = model;
    return AIRE_OK;
}

aire_model *aire_model_ref(aire_model *model)
{
    if (model)
        aire__ref_take(&model->refs);
    return model;
}

void aire_model_unref(aire_model *model)
{
    if (!model || !aire__ref_drop(&model->refs))
        return;
    aire_ctx *ctx = model->ctx;
    model->client.destroy(model->self);
    aire_free(ctx, model->name);
    aire_free(ctx, model);
    aire_ctx_unref(ctx);
}

const char *aire_model_name(const aire_model *model)
{
    return model->name;
}

/* ---- the record of a call ---- */

/* What is told of a call, beside how it ended. */
typedef struct asking {
    aire_model *model; /* a reference, where it outlives the call that made it */
    const char *purpose;
    int64_t plan_id, idea_id;
    const aire_request *request; /* for its neutral form, where the client tells none; NULL where
                                    it always does */
    int64_t started_ns;
    aire_answered_fn done;
    void *user_data;
} asking;

static aire_status make_record(const asking *a, const aire_call_trace *trace,
                               aire_model_call_options *fields, aire_model_call **out)
{
    aire_ctx *ctx = a->model->ctx;
    char *neutral = NULL;
    if (!trace->request && a->request) {
        aire_status status = aire__request_to_json(ctx, a->request, NULL, &neutral);
        if (status != AIRE_OK)
            return status;
    }
    fields->model = trace->model ? trace->model : a->model->name;
    fields->purpose = a->purpose;
    fields->plan_id = a->plan_id;
    fields->idea_id = a->idea_id;
    fields->request = trace->request ? trace->request : neutral;
    fields->attempts = trace->attempts;
    aire_status status = aire_model_call_new(ctx, fields, out);
    aire_free(ctx, neutral);
    return status;
}

/* Tell the sink of a call that has ended; the thread's error detail stays that of the call. */
static void tell_call(const asking *a, const aire_call_trace *trace, aire_status status,
                      const aire_answer *answer)
{
    aire_ctx *ctx = a->model->ctx;
    aire_model_call_options fields = AIRE_MODEL_CALL_OPTIONS_INIT;
    char detail[AIRE_ERROR_MESSAGE_MAX] = "";
    int32_t code = aire_error_code(aire_last_error());
    fields.status = status;
    fields.latency_ms = (aire_ctx_monotonic_ns(ctx) - a->started_ns) / 1000000;
    if (status == AIRE_OK) {
        const aire_answer_options *said = aire_answer_get(answer);
        fields.answer = said->text;
        fields.input_tokens = said->input_tokens;
        fields.output_tokens = said->output_tokens;
    } else {
        snprintf(detail, sizeof detail, "%s", aire_error_message(aire_last_error()));
        fields.detail = detail;
    }
    aire_model_call *call = NULL;
    if (make_record(a, trace, &fields, &call) == AIRE_OK)
        aire_ctx_tell_call(ctx, call);
    else
        aire__logf(ctx, AIRE_LOG_WARNING, "model", "%s: a call could not be recorded: %s",
                   a->model->name, aire_error_message(aire_last_error()));
    aire_model_call_unref(call);
    if (status != AIRE_OK)
        aire_error_set(status, code, detail);
}

/* ---- asking ---- */

static aire_status check_asking(aire_model *model, const aire_request *request, aire_cancel *cancel,
                                aire_request *ours)
{
    aire_status status = aire__request_take(request, ours);
    if (status == AIRE_OK && aire_cancel_fired(cancel))
        status = aire__fail(AIRE_CANCELLED, "%s: cancelled before it was asked", model->name);
    return status;
}

static asking begin_asking(aire_model *model, const aire_request *request)
{
    return (asking){.model = model,
                    .purpose = request->purpose,
                    .plan_id = request->plan_id,
                    .idea_id = request->idea_id,
                    .request = request,
                    .started_ns = aire_ctx_monotonic_ns(model->ctx)};
}

aire_status aire_model_complete(aire_model *model, const aire_request *request, aire_cancel *cancel,
                                aire_answer **out)
{
    if (!model || !out)
        return aire__fail(AIRE_INVALID, "aire_model_complete: model and out must not be NULL");
    *out = NULL;
    aire_request ours;
    aire_status status = check_asking(model, request, cancel, &ours);
    if (status != AIRE_OK)
        return status;
    asking a = begin_asking(model, &ours);
    aire_call_trace trace = {.attempts = 1};
    aire_answer *answer = NULL;
    status = aire__client_complete(model->ctx, &model->client, model->self, &ours, cancel, &trace,
                                   &answer);
    tell_call(&a, &trace, status, answer);
    aire_free(model->ctx, trace.request);
    aire_free(model->ctx, trace.model);
    if (status == AIRE_OK)
        *out = answer;
    return status;
}

static void free_asking(asking *a)
{
    aire_model *model = a->model;
    aire_free(model->ctx, (void *)(uintptr_t)a->purpose);
    aire_free(model->ctx, a);
    aire_model_unref(model);
}

static void end_asking(aire_status status, aire_answer *answer, const aire_call_trace *trace,
                       void *user_data)
{
    asking *a = user_data;
    tell_call(a, trace, status, answer);
    a->done(status, answer, a->user_data);
    free_asking(a);
}

/* One that lives until the end is told. */
static aire_status keep_asking(aire_model *model, const aire_request *request, asking **out)
{
    aire_status status = AIRE_OK;
    asking *a = aire_alloc(model->ctx, sizeof *a);
    if (!a)
        return aire__fail_nomem();
    *a = begin_asking(aire_model_ref(model), request);
    a->request = NULL;
    a->purpose = request->purpose ? aire__strdup(model->ctx, request->purpose) : NULL;
    if (request->purpose && !a->purpose)
        status = aire__fail_nomem();
    if (status != AIRE_OK)
        free_asking(a);
    else
        *out = a;
    return status;
}

aire_status aire_model_start(aire_model *model, const aire_request *request, aire_cancel *cancel,
                             aire_answered_fn done, void *user_data)
{
    aire_request ours;
    asking *a = NULL;
    if (!model || !done)
        return aire__fail(AIRE_INVALID, "aire_model_start: model and done must not be NULL");
    aire_status status = check_asking(model, request, cancel, &ours);
    if (status == AIRE_OK)
        status = keep_asking(model, &ours, &a);
    if (status != AIRE_OK)
        return status;
    a->done = done;
    a->user_data = user_data;
    status =
        aire__client_start(model->ctx, &model->client, model->self, &ours, cancel, end_asking, a);
    if (status != AIRE_OK)
        free_asking(a);
    return status;
}

/* ---- models that wrap others ---- */

aire_status aire__model_ask(aire_model *model, const aire_request *request, aire_cancel *cancel,
                            aire_call_trace *trace, aire_answer **out)
{
    return aire__client_complete(model->ctx, &model->client, model->self, request, cancel, trace,
                                 out);
}

aire_status aire__model_begin(aire_model *model, const aire_request *request, aire_cancel *cancel,
                              aire_client_done done, void *user_data)
{
    return aire__client_start(model->ctx, &model->client, model->self, request, cancel, done,
                              user_data);
}

aire_status aire__model_learn(aire_model *model, const char *member, double reward, double baseline)
{
    if (!model->client.feedback)
        return AIRE_NOT_FOUND;
    return model->client.feedback(model->self, member, reward, baseline);
}

aire_status aire_model_feedback(aire_model *model, const char *member, double reward,
                                double baseline)
{
    if (!model || !member)
        return aire__fail(AIRE_INVALID, "aire_model_feedback: model and member must not be NULL");
    if (!model->client.feedback)
        return AIRE_OK;
    aire_status status = aire__model_learn(model, member, reward, baseline);
    if (status == AIRE_NOT_FOUND)
        return aire__fail(status, "%s has no member \"%s\"", model->name, member);
    return status;
}
