/* Records of calls to language models. */
#include "aire/model_call.h"

#include "base/fail.h"
#include "base/options.h"
#include "record/record.h"

struct aire_model_call {
    aire_record record;
    aire_model_call_options fields; /* its strings are ours */
    char *texts[5];
};

aire_status aire_model_call_options_init(aire_model_call_options *options, size_t size)
{
    return aire__options_init(options, size, sizeof(*options), sizeof(*options),
                              "aire_model_call_options");
}

static void call_clear(aire_record *record, aire_record **dead)
{
    aire_model_call *call = (aire_model_call *)record;

    for (size_t i = 0; i < sizeof(call->texts) / sizeof(call->texts[0]); i++)
        aire_free(record->ctx, call->texts[i]);
}

static aire_status check(const aire_model_call_options *options)
{
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {
        {"input_tokens", options->input_tokens}, {"output_tokens", options->output_tokens},
        {"latency_ms", options->latency_ms},     {"plan_id", options->plan_id},
        {"idea_id", options->idea_id},           {"attempts", options->attempts}};

    if (!options->model || options->model[0] == '\0')
        return aire__fail(AIRE_INVALID, "model call: model is missing");
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (numbers[i].value < 0)
            return aire__fail(AIRE_INVALID, "model call: %s is negative", numbers[i].name);
    }
    if (options->reserved != 0)
        return aire__fail(AIRE_INVALID, "model call: reserved is not 0");
    return AIRE_OK;
}

static aire_status own_texts(aire_ctx *ctx, aire_model_call *call)
{
    aire_model_call_options *fields = &call->fields;
    const char **members[] = {&fields->purpose, &fields->model, &fields->request, &fields->answer,
                              &fields->detail};

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        call->texts[i] = aire__record_text(ctx, *members[i]);
        if (!call->texts[i])
            return aire__fail_nomem();
        *members[i] = call->texts[i];
    }
    return AIRE_OK;
}

aire_status aire_model_call_new(aire_ctx *ctx, const aire_model_call_options *options,
                                aire_model_call **out)
{
    aire_model_call_options given;

    if (!out)
        return aire__fail(AIRE_INVALID, "model call: out is NULL");
    *out = NULL;
    if (!ctx)
        return aire__fail(AIRE_INVALID, "model call: ctx is NULL");
    aire_status status = aire__options_take(options, &given, sizeof(given), sizeof(given),
                                            "aire_model_call_options");
    if (status == AIRE_OK)
        status = check(&given);
    if (status != AIRE_OK)
        return status;

    aire_model_call *call = aire__record_new(ctx, sizeof(*call), call_clear);
    if (!call)
        return aire__fail_nomem();
    call->fields = given;
    if (call->fields.attempts == 0)
        call->fields.attempts = 1;
    status = own_texts(ctx, call);
    if (status != AIRE_OK) {
        aire_model_call_unref(call);
        return status;
    }
    *out = call;
    return AIRE_OK;
}

aire_model_call *aire_model_call_ref(aire_model_call *call)
{
    return aire__record_ref((aire_record *)call);
}

void aire_model_call_unref(aire_model_call *call)
{
    aire__record_unref((aire_record *)call);
}

const aire_model_call_options *aire_model_call_get(const aire_model_call *call)
{
    return &call->fields;
}
