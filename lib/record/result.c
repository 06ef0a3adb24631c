/* Results: how a run ended. */
#include "aire/result.h"

#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "base/options.h"
#include "base/str.h"
#include "record/record.h"
#include "record/words.h"

struct aire_result {
    aire_record record;
    aire_result_options fields; /* its strings, arrays and handles are our own, held by: */
    aire_metric *metrics;
    char *metric_names; /* one after the other */
    aire_usage *usage;
    char *detail;
    char *variant;
    char *log_tail;
};

aire_status aire_result_options_init(aire_result_options *options, size_t size)
{
    return aire__options_init(options, size, sizeof(*options), sizeof(*options),
                              "aire_result_options");
}

static void result_clear(aire_record *record, aire_record **dead)
{
    aire_result *result = (aire_result *)record;

    aire__record_drop((aire_record *)result->fields.idea, dead);
    aire__record_drop((aire_record *)result->fields.patch, dead);
    aire_free(record->ctx, result->metrics);
    aire_free(record->ctx, result->metric_names);
    aire_free(record->ctx, result->usage);
    aire_free(record->ctx, result->detail);
    aire_free(record->ctx, result->variant);
    aire_free(record->ctx, result->log_tail);
}

static aire_status check_numbers(const aire_result_options *options)
{
    const struct {
        const char *what;
        aire_word_fn word_of;
        int32_t value;
        bool may_be_absent;
    } numbers[] = {{"kind", aire_run_kind_name, options->kind, false},
                   {"outcome", aire_outcome_name, options->outcome, false},
                   {"stage", aire_stage_name, options->stage, false},
                   {"cause", aire_cause_name, options->cause, false},
                   {"trust", aire_trust_name, options->trust, true}};

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        bool absent = numbers[i].may_be_absent && numbers[i].value == 0;
        if (!absent && !aire__has_word(numbers[i].word_of, numbers[i].value))
            return aire__fail(AIRE_INVALID, "result: unknown %s %d", numbers[i].what,
                              (int)numbers[i].value);
    }
    if (options->run_id < 0 || options->attempts < 0)
        return aire__fail(AIRE_INVALID, "result: %s is negative",
                          options->run_id < 0 ? "run_id" : "attempts");
    if (options->outcome == AIRE_OUTCOME_OK && options->trust == 0)
        return aire__fail(AIRE_INVALID, "result: the outcome is ok, but trust is not given");
    if (options->outcome == AIRE_OUTCOME_OK && !isfinite(options->reward))
        return aire__fail(AIRE_INVALID, "result: the outcome is ok, but reward is not finite");
    return AIRE_OK;
}

static aire_status check_lists(const aire_result_options *options)
{
    if (!options->metrics && options->metric_count > 0)
        return aire__fail(AIRE_INVALID, "result: metrics is NULL");
    if (!options->usage && options->usage_count > 0)
        return aire__fail(AIRE_INVALID, "result: usage is NULL");
    for (size_t i = 0; i < options->metric_count; i++) {
        const aire_metric *metric = &options->metrics[i];
        if (!metric->name || metric->name[0] == '\0' ||
            !aire__utf8_valid(metric->name, strlen(metric->name)))
            return aire__fail(AIRE_INVALID, "result: metric %zu has no name in UTF-8", i);
        if (!isfinite(metric->value))
            return aire__fail(AIRE_INVALID, "result: metric \"%.64s\" is not finite", metric->name);
    }
    return AIRE_OK;
}

static aire_status own_metrics(aire_ctx *ctx, aire_result *result)
{
    aire_result_options *fields = &result->fields;
    size_t bytes = 0;

    if (fields->metric_count == 0)
        return AIRE_OK;
    for (size_t i = 0; i < fields->metric_count; i++)
        bytes += strlen(fields->metrics[i].name) + 1;
    result->metrics = aire__calloc(ctx, fields->metric_count, sizeof(aire_metric));
    result->metric_names = aire_alloc(ctx, bytes);
    if (!result->metrics || !result->metric_names)
        return aire__fail_nomem();

    char *name = result->metric_names;
    for (size_t i = 0; i < fields->metric_count; i++) {
        size_t size = strlen(fields->metrics[i].name) + 1;
        memcpy(name, fields->metrics[i].name, size);
        result->metrics[i] = (aire_metric){name, fields->metrics[i].value};
        name += size;
    }
    fields->metrics = result->metrics;
    return AIRE_OK;
}

static aire_status own_usage(aire_ctx *ctx, aire_result *result)
{
    aire_result_options *fields = &result->fields;

    if (fields->usage_count == 0)
        return AIRE_OK;
    result->usage = aire__calloc(ctx, fields->usage_count, sizeof(aire_usage));
    if (!result->usage)
        return aire__fail_nomem();
    for (size_t i = 0; i < fields->usage_count; i++) {
        aire_status status =
            aire__options_take(&fields->usage[i], &result->usage[i], sizeof(aire_usage),
                               sizeof(aire_usage), "aire_usage");
        if (status != AIRE_OK)
            return status;
        if (!aire__has_word(aire_stage_name, result->usage[i].stage))
            return aire__fail(AIRE_INVALID, "result: usage %zu has unknown stage %d", i,
                              (int)result->usage[i].stage);
    }
    fields->usage = result->usage;
    return AIRE_OK;
}

/* What a run wrote may be any bytes: it is kept as UTF-8. */
static aire_status own_texts(aire_ctx *ctx, aire_result *result)
{
    aire_result_options *fields = &result->fields;

    result->detail = aire__record_text(ctx, fields->detail);
    result->variant = aire__record_text(ctx, fields->variant);
    result->log_tail = aire__record_text(ctx, fields->log_tail);
    if (!result->detail || !result->variant || !result->log_tail)
        return aire__fail_nomem();
    fields->detail = result->detail;
    fields->variant = result->variant;
    fields->log_tail = result->log_tail;
    return AIRE_OK;
}

aire_status aire_result_new(aire_ctx *ctx, const aire_result_options *options, aire_result **out)
{
    aire_result_options given;

    if (!out)
        return aire__fail(AIRE_INVALID, "result: out is NULL");
    *out = NULL;
    if (!ctx)
        return aire__fail(AIRE_INVALID, "result: ctx is NULL");
    aire_status status =
        aire__options_take(options, &given, sizeof(given), sizeof(given), "aire_result_options");
    if (status == AIRE_OK)
        status = check_numbers(&given);
    if (status == AIRE_OK)
        status = check_lists(&given);
    if (status != AIRE_OK)
        return status;

    aire_result *result = aire__record_new(ctx, sizeof(*result), result_clear);
    if (!result)
        return aire__fail_nomem();
    result->fields = given;
    result->fields.idea = aire_idea_ref(given.idea);
    result->fields.patch = aire_patch_ref(given.patch);
    if (given.attempts == 0)
        result->fields.attempts = 1;
    if (given.outcome != AIRE_OUTCOME_OK)
        result->fields.reward = 0;
    status = own_metrics(ctx, result);
    if (status == AIRE_OK)
        status = own_usage(ctx, result);
    if (status == AIRE_OK)
        status = own_texts(ctx, result);
    if (status != AIRE_OK) {
        aire_result_unref(result);
        return status;
    }
    *out = result;
    return AIRE_OK;
}

aire_result *aire_result_ref(aire_result *result)
{
    return aire__record_ref((aire_record *)result);
}

void aire_result_unref(aire_result *result)
{
    aire__record_unref((aire_record *)result);
}

int64_t aire_result_run_id(const aire_result *result)
{
    return result->fields.run_id;
}

int32_t aire_result_kind(const aire_result *result)
{
    return result->fields.kind;
}

uint64_t aire_result_seed(const aire_result *result)
{
    return result->fields.seed;
}

aire_idea *aire_result_idea(const aire_result *result)
{
    return result->fields.idea;
}

aire_plan *aire_result_plan(const aire_result *result)
{
    return result->fields.idea ? aire_idea_plan(result->fields.idea) : NULL;
}

int32_t aire_result_outcome(const aire_result *result)
{
    return result->fields.outcome;
}

int32_t aire_result_stage(const aire_result *result)
{
    return result->fields.stage;
}

int32_t aire_result_cause(const aire_result *result)
{
    return result->fields.cause;
}

int32_t aire_result_code(const aire_result *result)
{
    return result->fields.code;
}

const char *aire_result_detail(const aire_result *result)
{
    return result->detail;
}

int32_t aire_result_trust(const aire_result *result)
{
    return result->fields.trust;
}

int32_t aire_result_attempts(const aire_result *result)
{
    return result->fields.attempts;
}

aire_status aire_result_reward(const aire_result *result, double *reward)
{
    if (!result || !reward)
        return aire__fail(AIRE_INVALID, "result: %s is NULL", !result ? "result" : "reward");
    if (result->fields.outcome != AIRE_OUTCOME_OK)
        return AIRE_EMPTY;
    *reward = result->fields.reward;
    return AIRE_OK;
}

size_t aire_result_metric_count(const aire_result *result)
{
    return result->fields.metric_count;
}

const aire_metric *aire_result_metric(const aire_result *result, size_t index)
{
    return index < result->fields.metric_count ? &result->metrics[index] : NULL;
}

size_t aire_result_usage_count(const aire_result *result)
{
    return result->fields.usage_count;
}

const aire_usage *aire_result_usage(const aire_result *result, size_t index)
{
    return index < result->fields.usage_count ? &result->usage[index] : NULL;
}

aire_patch *aire_result_patch(const aire_result *result)
{
    return result->fields.patch;
}

const char *aire_result_variant(const aire_result *result)
{
    return result->variant;
}

const char *aire_result_log_tail(const aire_result *result)
{
    return result->log_tail;
}

const char *aire_outcome_name(int32_t outcome)
{
    switch (outcome) {
        AIRE_OUTCOME_MAP(AIRE_WORD_CASE_)
    }
    return "?";
}

const char *aire_stage_name(int32_t stage)
{
    switch (stage) {
        AIRE_STAGE_MAP(AIRE_WORD_CASE_)
    }
    return "?";
}

const char *aire_cause_name(int32_t cause)
{
    switch (cause) {
        AIRE_CAUSE_MAP(AIRE_WORD_CASE_)
    }
    return "?";
}

const char *aire_run_kind_name(int32_t kind)
{
    switch (kind) {
        AIRE_RUN_KIND_MAP(AIRE_WORD_CASE_)
    }
    return "?";
}

const char *aire_trust_name(int32_t trust)
{
    switch (trust) {
        AIRE_TRUST_MAP(AIRE_WORD_CASE_)
    }
    return "?";
}
