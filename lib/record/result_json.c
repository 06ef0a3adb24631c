/* Results as JSON. */
#include "aire/result.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/fail.h"
#include "base/str.h"
#include "record/json.h"
#include "record/record.h"

/* JSON's integers end at 2^63 - 1 here: a larger seed is its decimal digits in a string. */
static json_t *seed_to_json(uint64_t seed)
{
    if (seed <= INT64_MAX)
        return json_integer((json_int_t)seed);
    return json_sprintf("%llu", (unsigned long long)seed);
}

/* Append a value and let go of it; false when there is no memory. */
static bool append(json_t *array, json_t *value)
{
    return value && json_array_append_new(array, value) == 0;
}

static json_t *metrics_to_json(const aire_result *result)
{
    json_t *array = json_array();

    for (size_t i = 0; i < aire_result_metric_count(result); i++) {
        const aire_metric *metric = aire_result_metric(result, i);
        if (!append(array, json_pack("{s:s, s:f}", "name", metric->name, "value", metric->value))) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* The numbers of a usage, by name. */
static const struct {
    const char *key;
    size_t offset;
} usage_rows[] = {
    {"wall_ms", offsetof(aire_usage, wall_ms)},
    {"user_ms", offsetof(aire_usage, user_ms)},
    {"system_ms", offsetof(aire_usage, system_ms)},
    {"max_rss_bytes", offsetof(aire_usage, max_rss_bytes)},
    {"io_read_bytes", offsetof(aire_usage, io_read_bytes)},
    {"io_write_bytes", offsetof(aire_usage, io_write_bytes)},
    {"gpu_memory_bytes", offsetof(aire_usage, gpu_memory_bytes)},
    {"gpu_ms", offsetof(aire_usage, gpu_ms)},
};
enum { USAGE_ROWS = sizeof usage_rows / sizeof *usage_rows };

static json_t *one_usage_to_json(const aire_usage *usage)
{
    json_t *object = json_pack("{s:s}", "stage", aire_stage_name(usage->stage));
    for (size_t i = 0; object && i < USAGE_ROWS; i++) {
        int64_t value = *(const int64_t *)((const char *)usage + usage_rows[i].offset);
        if (json_object_set_new(object, usage_rows[i].key, json_integer(value)) != 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static json_t *usage_to_json(const aire_result *result)
{
    json_t *array = json_array();

    for (size_t i = 0; i < aire_result_usage_count(result); i++) {
        if (!append(array, one_usage_to_json(aire_result_usage(result, i)))) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *to_object(const aire_result *result, aire_ctx *ctx)
{
    const aire_idea *idea = aire_result_idea(result);
    int32_t trust = aire_result_trust(result);
    double reward = 0;
    bool has_reward = aire_result_reward(result, &reward) == AIRE_OK;

    return json_pack(
        "{s:I, s:s, s:o, s:o, s:s, s:s, s:s, s:i, s:s, s:o, s:i, s:o, s:o, s:o, s:o, s:s, s:s}",
        "run", (json_int_t)aire_result_run_id(result), "kind",
        aire_run_kind_name(aire_result_kind(result)), "seed",
        seed_to_json(aire_result_seed(result)), "idea",
        idea ? json_integer(aire_idea_id(idea)) : json_null(), "outcome",
        aire_outcome_name(aire_result_outcome(result)), "stage",
        aire_stage_name(aire_result_stage(result)), "cause",
        aire_cause_name(aire_result_cause(result)), "code", (int)aire_result_code(result), "detail",
        aire_result_detail(result), "trust",
        trust ? json_string(aire_trust_name(trust)) : json_null(), "attempts",
        (int)aire_result_attempts(result), "reward", has_reward ? json_real(reward) : json_null(),
        "metrics", metrics_to_json(result), "usage", usage_to_json(result), "patch",
        aire__patch_to_json(ctx, aire_result_patch(result)), "variant", aire_result_variant(result),
        "log_tail", aire_result_log_tail(result));
}

aire_status aire_result_to_json(const aire_result *result, char **out)
{
    if (!out)
        return aire__fail(AIRE_INVALID, "result: out is NULL");
    *out = NULL;
    if (!result)
        return aire__fail(AIRE_INVALID, "result: result is NULL");
    aire_ctx *ctx = ((const aire_record *)result)->ctx;
    return aire__record_json_give(ctx, to_object(result, ctx), out);
}

/* ---- reading ---- */

static aire_status seed_from_json(const json_t *object, uint64_t *seed)
{
    const json_t *member = json_object_get(object, "seed");
    const char *digits = json_string_value(member);

    if (!member)
        return AIRE_OK;
    if (json_is_integer(member)) {
        *seed = (uint64_t)json_integer_value(member);
        return AIRE_OK;
    }
    if (!digits || digits[0] == '\0' || strlen(digits) > 20 ||
        strspn(digits, "0123456789") != json_string_length(member))
        return aire__fail(AIRE_FORMAT, "result: \"seed\" is not a number");
    *seed = 0;
    for (; *digits != '\0'; digits++) {
        if (__builtin_mul_overflow(*seed, 10u, seed) ||
            __builtin_add_overflow(*seed, (unsigned)(*digits - '0'), seed))
            return aire__fail(AIRE_FORMAT, "result: \"seed\" is above 2^64 - 1");
    }
    return AIRE_OK;
}

static aire_status reward_from_json(const json_t *object, aire_result_options *options)
{
    const json_t *member = json_object_get(object, "reward");
    bool given = member && !json_is_null(member);

    if (given != (options->outcome == AIRE_OUTCOME_OK))
        return aire__fail(AIRE_FORMAT, "result: \"reward\" is %s, but the outcome is \"%s\"",
                          given ? "given" : "missing", aire_outcome_name(options->outcome));
    if (!given)
        return AIRE_OK;
    return aire__json_get_number(object, "result", "reward", &options->reward);
}

/* An array member, NULL if it is missing, and room for its elements from aire_alloc. */
static aire_status array_from_json(aire_ctx *ctx, const json_t *object, const char *key,
                                   size_t size, const json_t **array, void **room)
{
    *array = json_object_get(object, key);
    if (!*array)
        return AIRE_OK;
    if (!json_is_array(*array))
        return aire__fail(AIRE_FORMAT, "result: \"%s\" is not an array", key);
    *room = aire__calloc(ctx, json_array_size(*array), size);
    return *room ? AIRE_OK : aire__fail_nomem();
}

static aire_status metric_from_json(const json_t *item, aire_metric *metric)
{
    metric->value = NAN;
    aire_status status = aire__json_get_string(item, "metric", "name", &metric->name);
    if (status == AIRE_OK)
        status = aire__json_get_number(item, "metric", "value", &metric->value);
    return status;
}

static aire_status usage_from_json(const json_t *item, aire_usage *usage)
{
    *usage = (aire_usage){.struct_size = sizeof(*usage)};
    aire_status status =
        aire__record_get_word(item, "usage", "stage", aire_stage_name, &usage->stage);
    for (size_t i = 0; i < USAGE_ROWS && status == AIRE_OK; i++)
        status = aire__json_get_int(item, "usage", usage_rows[i].key,
                                    (int64_t *)((char *)usage + usage_rows[i].offset));
    return status;
}

static aire_status lists_from_json(aire_ctx *ctx, const json_t *object, void **metrics,
                                   void **usage, aire_result_options *options)
{
    const json_t *array;

    aire_status status =
        array_from_json(ctx, object, "metrics", sizeof(aire_metric), &array, metrics);
    options->metric_count = json_array_size(array);
    for (size_t i = 0; status == AIRE_OK && i < options->metric_count; i++)
        status = metric_from_json(json_array_get(array, i), (aire_metric *)*metrics + i);
    if (status == AIRE_OK)
        status = array_from_json(ctx, object, "usage", sizeof(aire_usage), &array, usage);
    options->usage_count = status == AIRE_OK ? json_array_size(array) : 0;
    for (size_t i = 0; status == AIRE_OK && i < options->usage_count; i++)
        status = usage_from_json(json_array_get(array, i), (aire_usage *)*usage + i);
    options->metrics = *metrics;
    options->usage = *usage;
    return status;
}

static aire_status words_from_json(const json_t *object, aire_result_options *options)
{
    const struct {
        const char *key;
        aire_word_fn word_of;
        int32_t *out;
    } members[] = {{"kind", aire_run_kind_name, &options->kind},
                   {"outcome", aire_outcome_name, &options->outcome},
                   {"stage", aire_stage_name, &options->stage},
                   {"cause", aire_cause_name, &options->cause},
                   {"trust", aire_trust_name, &options->trust}};

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        const json_t *member = json_object_get(object, members[i].key);
        if (!member && i < 2)
            return aire__fail(AIRE_FORMAT, "result: \"%s\" is missing", members[i].key);
        if (json_is_null(member))
            continue;
        aire_status status = aire__record_get_word(object, "result", members[i].key,
                                                   members[i].word_of, members[i].out);
        if (status != AIRE_OK)
            return status;
    }
    return AIRE_OK;
}

static aire_status plain_from_json(const json_t *object, aire_result_options *options)
{
    aire_status status = aire__json_get_int(object, "result", "run", &options->run_id);
    if (status == AIRE_OK)
        status = aire__record_get_int32(object, "result", "code", &options->code);
    if (status == AIRE_OK)
        status = aire__record_get_int32(object, "result", "attempts", &options->attempts);
    if (status == AIRE_OK)
        status = aire__json_get_string(object, "result", "detail", &options->detail);
    if (status == AIRE_OK)
        status = aire__json_get_string(object, "result", "variant", &options->variant);
    if (status == AIRE_OK)
        status = aire__json_get_string(object, "result", "log_tail", &options->log_tail);
    if (status == AIRE_OK)
        status = seed_from_json(object, &options->seed);
    return status;
}

static aire_status from_object(aire_ctx *ctx, const json_t *object, aire_idea *idea,
                               aire_result **out)
{
    aire_result_options options = AIRE_RESULT_OPTIONS_INIT;
    void *metrics = NULL;
    void *usage = NULL;
    aire_patch *patch = NULL;

    aire_status status = words_from_json(object, &options);
    if (status == AIRE_OK)
        status = reward_from_json(object, &options);
    if (status == AIRE_OK)
        status = plain_from_json(object, &options);
    if (status == AIRE_OK)
        status = lists_from_json(ctx, object, &metrics, &usage, &options);
    if (status == AIRE_OK)
        status = aire__patch_from_json(ctx, object, "result", &patch);
    if (status == AIRE_OK) {
        options.idea = idea;
        options.patch = patch;
        status = aire__record_refused(aire_result_new(ctx, &options, out), "result");
    }
    aire_patch_unref(patch);
    aire_free(ctx, metrics);
    aire_free(ctx, usage);
    return status;
}

aire_status aire_result_from_json(aire_ctx *ctx, const char *json, size_t length, aire_idea *idea,
                                  aire_result **out)
{
    json_t *object = NULL;

    if (!out)
        return aire__fail(AIRE_INVALID, "result: out is NULL");
    *out = NULL;
    if (!ctx || !json)
        return aire__fail(AIRE_INVALID, "result: %s is NULL", !ctx ? "ctx" : "json");
    aire_status status = aire__json_load(json, length, "result", &object);
    if (status != AIRE_OK)
        return status;
    if (json_is_object(object))
        status = from_object(ctx, object, idea, out);
    else
        status = aire__fail(AIRE_FORMAT, "result: not a JSON object");
    json_decref(object);
    return status;
}
