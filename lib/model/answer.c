/* Answers: immutable values. */
#include "aire/model.h"

#include "base/fail.h"
#include "base/options.h"
#include "base/ref.h"
#include "record/record.h"

struct aire_answer {
    aire_refcount refs;
    aire_ctx *ctx;
    aire_answer_options fields;
    char *text, *thinking, *finish, *request_id, *model; /* what the fields point to */
};

aire_status aire_answer_options_init(aire_answer_options *options, size_t size)
{
    aire_status status = aire__options_init(options, size, sizeof *options, sizeof *options,
                                            "aire_answer_options");
    if (status == AIRE_OK)
        options->cost = -1;
    return status;
}

static void destroy(aire_answer *answer)
{
    aire_ctx *ctx = answer->ctx;
    aire_free(ctx, answer->text);
    aire_free(ctx, answer->thinking);
    aire_free(ctx, answer->finish);
    aire_free(ctx, answer->request_id);
    aire_free(ctx, answer->model);
    aire_free(ctx, answer);
    aire_ctx_unref(ctx);
}

static aire_status check_fields(const aire_answer_options *fields)
{
    if (!fields->text)
        return aire__fail(AIRE_INVALID, "aire_answer_new: text must not be NULL");
    if (fields->input_tokens < 0 || fields->output_tokens < 0 || fields->cached_tokens < 0 ||
        fields->thinking_tokens < 0)
        return aire__fail(AIRE_INVALID, "aire_answer_new: a count of tokens is negative");
    if (fields->attempts < 0 || fields->latency_ms < 0 || fields->first_ms < 0)
        return aire__fail(AIRE_INVALID, "aire_answer_new: attempts, latency_ms and first_ms must "
                                        "not be negative");
    return AIRE_OK;
}

aire_status aire_answer_new(aire_ctx *ctx, const aire_answer_options *options, aire_answer **out)
{
    if (!ctx || !options || !out)
        return aire__fail(AIRE_INVALID, "aire_answer_new: ctx, options and out must not be NULL");
    *out = NULL;
    aire_answer_options fields;
    aire_status status =
        aire__options_take(options, &fields, sizeof fields, sizeof fields, "aire_answer_options");
    if (status == AIRE_OK)
        status = check_fields(&fields);
    if (status != AIRE_OK)
        return status;

    aire_answer *answer = aire_alloc(ctx, sizeof *answer);
    if (!answer)
        return aire__fail_nomem();
    *answer = (aire_answer){.ctx = aire_ctx_ref(ctx), .fields = fields};
    aire__ref_init(&answer->refs);
    answer->fields.text = answer->text = aire__record_text(ctx, fields.text);
    answer->fields.thinking = answer->thinking = aire__record_text(ctx, fields.thinking);
    answer->fields.finish = answer->finish = aire__record_text(ctx, fields.finish);
    answer->fields.request_id = answer->request_id = aire__record_text(ctx, fields.request_id);
    answer->fields.model = answer->model = aire__record_text(ctx, fields.model);
    if (!answer->text || !answer->thinking || !answer->finish || !answer->request_id ||
        !answer->model) {
        destroy(answer);
        return aire__fail_nomem();
    }
    *out = answer;
    return AIRE_OK;
}

aire_answer *aire_answer_ref(aire_answer *answer)
{
    if (answer)
        aire__ref_take(&answer->refs);
    return answer;
}

void aire_answer_unref(aire_answer *answer)
{
    if (answer && aire__ref_drop(&answer->refs))
        destroy(answer);
}

const aire_answer_options *aire_answer_get(const aire_answer *answer)
{
    return &answer->fields;
}
