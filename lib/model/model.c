/* Models: the handle around a client, and the record of each call. */
#include "aire/model.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/options.h"
#include "base/ref.h"
#include "base/str.h"
#include "model/client.h"
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

static aire_status make_record(aire_model *model, const aire_request *request,
                               const aire_call_trace *trace, aire_model_call_options *fields,
                               aire_model_call **out)
{
    char *neutral = NULL;
    if (!trace->request) {
        aire_status status = aire__request_to_json(model->ctx, request, NULL, &neutral);
        if (status != AIRE_OK)
            return status;
    }
    fields->model = trace->model ? trace->model : model->name;
    fields->purpose = request->purpose;
    fields->plan_id = request->plan_id;
    fields->idea_id = request->idea_id;
    fields->request = trace->request ? trace->request : neutral;
    fields->attempts = trace->attempts;
    aire_status status = aire_model_call_new(model->ctx, fields, out);
    aire_free(model->ctx, neutral);
    return status;
}

/* Tell the sink of a call that has ended; the thread's error detail stays that of the call. */
static void tell_call(aire_model *model, const aire_request *request, const aire_call_trace *trace,
                      int64_t started_ns, aire_status status, const aire_answer *answer)
{
    aire_model_call_options fields = AIRE_MODEL_CALL_OPTIONS_INIT;
    char detail[AIRE_ERROR_MESSAGE_MAX] = "";
    int32_t code = aire_error_code(aire_last_error());
    fields.status = status;
    fields.latency_ms = (aire_ctx_monotonic_ns(model->ctx) - started_ns) / 1000000;
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
    if (make_record(model, request, trace, &fields, &call) == AIRE_OK)
        aire_ctx_tell_call(model->ctx, call);
    else
        aire__logf(model->ctx, AIRE_LOG_WARNING, "model", "%s: a call could not be recorded: %s",
                   model->name, aire_error_message(aire_last_error()));
    aire_model_call_unref(call);
    if (status != AIRE_OK)
        aire_error_set(status, code, detail);
}

aire_status aire_model_complete(aire_model *model, const aire_request *request, aire_cancel *cancel,
                                aire_answer **out)
{
    if (!model || !out)
        return aire__fail(AIRE_INVALID, "aire_model_complete: model and out must not be NULL");
    *out = NULL;
    aire_request ours;
    aire_status status = aire__request_take(request, &ours);
    if (status != AIRE_OK)
        return status;
    if (aire_cancel_fired(cancel))
        return aire__fail(AIRE_CANCELLED, "%s: cancelled before it was asked", model->name);

    aire_call_trace trace = {.attempts = 1};
    aire_answer *answer = NULL;
    int64_t started_ns = aire_ctx_monotonic_ns(model->ctx);
    status = model->client.complete(model->self, &ours, cancel, &trace, &answer);
    tell_call(model, &ours, &trace, started_ns, status, answer);
    aire_free(model->ctx, trace.request);
    aire_free(model->ctx, trace.model);
    if (status == AIRE_OK)
        *out = answer;
    return status;
}

aire_status aire__model_ask(aire_model *model, const aire_request *request, aire_cancel *cancel,
                            aire_call_trace *trace, aire_answer **out)
{
    return model->client.complete(model->self, request, cancel, trace, out);
}

aire_status aire__model_begin(aire_model *model, const aire_request *request, aire_cancel *cancel,
                              aire_client_done done, void *user_data)
{
    if (!model->client.start)
        return aire__fail(AIRE_UNSUPPORTED, "%s has to be waited for", model->name);
    return model->client.start(model->self, request, cancel, done, user_data);
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
