/* From what a step wrote to a verdict: outcome, cause, metrics and reward. */
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "base/str.h"
#include "env/env.h"

enum { METRICS_MAX = 256 };

aire_status aire_env_reward(const aire_env *env, double value, double *reward)
{
    if (!env || !reward)
        return aire__fail(AIRE_INVALID, "aire_env_reward: env and reward must not be NULL");
    const aire_env_metric_rule *rule = &env->metric;
    if (!isfinite(value))
        return aire__fail(AIRE_INVALID, "%s is not a finite number", rule->name);
    if (value < rule->valid_min || value > rule->valid_max)
        return aire__fail(AIRE_LIMIT, "%s = %g is outside its valid range, %g to %g", rule->name,
                          value, rule->valid_min, rule->valid_max);
    double result = rule->transform == AIRE_REWARD_IDENTITY ? value
                    : rule->transform == AIRE_REWARD_NEGATE ? -value
                                                            : 1 / value;
    if (!isfinite(result))
        return aire__fail(AIRE_INVALID, "%s = %g has no finite reward", rule->name, value);
    *reward = result;
    return AIRE_OK;
}

/* Settle the verdict with a text that says why. */
static aire_status settle(const aire_env *env, aire_env_verdict *v, int32_t outcome, int32_t cause,
                          const char *detail)
{
    v->outcome = outcome;
    v->cause = cause;
    v->detail = aire__strdup(env->ctx, detail);
    return v->detail ? AIRE_OK : aire__fail_nomem();
}

/* What the manifest's metric is worth. */
static aire_status settle_value(const aire_env *env, aire_env_verdict *v, double value)
{
    aire_status status = aire_env_reward(env, value, &v->reward);
    const char *message = aire_error_message(aire_last_error());
    if (status == AIRE_LIMIT)
        return settle(env, v, AIRE_OUTCOME_SUSPECT, AIRE_CAUSE_METRIC_RANGE, message);
    if (status != AIRE_OK)
        return settle(env, v, AIRE_OUTCOME_NO_METRIC, AIRE_CAUSE_METRIC_INVALID, message);
    return settle(env, v, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, "");
}

/* ---- reports ---- */

/* "future_leak" or "future leak"; the evaluator's own word otherwise stands in the detail. */
static int32_t cause_by_word(const char *word)
{
    for (int32_t cause = 0; strcmp(aire_cause_name(cause), "?"); cause++) {
        const char *name = aire_cause_name(cause);
        size_t i = 0;
        while (name[i] && (name[i] == word[i] || (name[i] == ' ' && word[i] == '_')))
            i++;
        if (!name[i] && !word[i])
            return cause;
    }
    return AIRE_CAUSE_EVALUATOR;
}

static aire_status judge_refusal(const aire_env *env, const json_t *refusal, int32_t outcome,
                                 aire_env_verdict *v)
{
    const char *word = json_string_value(json_object_get(refusal, "cause"));
    const char *detail = json_string_value(json_object_get(refusal, "detail"));
    return settle(env, v, outcome, cause_by_word(word ? word : ""),
                  detail ? detail : "the evaluator gave no detail");
}

static aire_status copy_metrics(const aire_env *env, const json_t *metrics, aire_env_verdict *v)
{
    const char *name;
    json_t *value;
    v->metrics = aire__calloc(env->ctx, METRICS_MAX, sizeof *v->metrics);
    if (!v->metrics)
        return aire__fail_nomem();
    json_object_foreach((json_t *)(uintptr_t)metrics, name, value)
    {
        if (!json_is_number(value) || !*name || v->metric_count == METRICS_MAX)
            continue;
        char *copy = aire__strdup(env->ctx, name);
        if (!copy)
            return aire__fail_nomem();
        v->metrics[v->metric_count++] = (aire_metric){copy, json_number_value(value)};
    }
    return AIRE_OK;
}

static aire_status judge_metrics(const aire_env *env, const json_t *metrics, aire_env_verdict *v)
{
    const json_t *value = json_object_get(metrics, env->metric.name);
    aire_status status = copy_metrics(env, metrics, v);
    if (status != AIRE_OK)
        return status;
    if (!value)
        return settle(env, v, AIRE_OUTCOME_NO_METRIC, AIRE_CAUSE_METRIC_MISSING,
                      "the report's metrics lack the one of the manifest");
    if (!json_is_number(value))
        return settle(env, v, AIRE_OUTCOME_NO_METRIC, AIRE_CAUSE_METRIC_INVALID,
                      "the report's metric is not a number");
    return settle_value(env, v, json_number_value(value));
}

static aire_status judge_parsed(const aire_env *env, const json_t *report, aire_env_verdict *v)
{
    const json_t *violation = json_object_get(report, "violation");
    const json_t *refused = json_object_get(report, "refused");
    const json_t *metrics = json_object_get(report, "metrics");
    if (json_is_object(violation))
        return judge_refusal(env, violation, AIRE_OUTCOME_VIOLATION, v);
    if (json_is_object(refused))
        return judge_refusal(env, refused, AIRE_OUTCOME_NO_METRIC, v);
    if (json_is_object(metrics))
        return judge_metrics(env, metrics, v);
    return settle(env, v, AIRE_OUTCOME_NO_METRIC, AIRE_CAUSE_METRIC_MISSING,
                  "the report is no object with \"metrics\", \"violation\" or \"refused\"");
}

aire_status aire__env_judge_report(const aire_env *env, const char *report, size_t length,
                                   aire_env_verdict *out)
{
    json_t *parsed = NULL;
    *out = (aire_env_verdict){0};
    aire_status status = aire__json_load(report, length, "report", &parsed);
    if (status == AIRE_FORMAT)
        status = settle(env, out, AIRE_OUTCOME_NO_METRIC, AIRE_CAUSE_METRIC_MISSING,
                        length ? aire_error_message(aire_last_error())
                               : "the evaluation reported nothing");
    else if (status == AIRE_OK)
        status = judge_parsed(env, parsed, out);
    json_decref(parsed);
    if (status != AIRE_OK)
        aire__env_verdict_free(env, out);
    return status;
}

/* ---- logs and streams ---- */

typedef struct reduction {
    aire_env_reduce how;
    bool found;
    double value;
} reduction;

static void reduce(reduction *r, double value)
{
    /* A NaN anywhere counts: a run that diverged has not reached its best value. */
    bool takes = !r->found || r->how == AIRE_REDUCE_LAST || !isfinite(value) ||
                 (r->how == AIRE_REDUCE_MIN ? value < r->value : value > r->value);
    if (takes && (!r->found || r->how == AIRE_REDUCE_LAST || isfinite(r->value)))
        r->value = value;
    r->found = true;
}

/* A number at the beginning of a text, whatever the host's locale is; words such as nan are no
 * finite one. */
static bool leading_number(const char *text, size_t length, double *out)
{
    char digits[64] = "";
    size_t i = 0, n = 0;
    while (i < length && (text[i] == ' ' || text[i] == '\t' || text[i] == '=' || text[i] == ':'))
        i++;
    bool negative = i < length && text[i] == '-';
    if (i < length && (text[i] == '-' || text[i] == '+'))
        i++;
    if (i + 3 <= length && (!strncasecmp(text + i, "nan", 3) || !strncasecmp(text + i, "inf", 3))) {
        *out = NAN;
        return true;
    }
    if (i < length && text[i] == '.')
        digits[n++] = '0';
    while (i < length && n < sizeof digits - 1 && strchr("0123456789.eE+-", text[i]))
        digits[n++] = text[i++];
    while (n > 0 &&
           strchr(".eE+-", digits[n - 1])) /* the end of a sentence is no part of the number */
        n--;
    json_t *value = n ? json_loadb(digits, n, JSON_DECODE_ANY, NULL) : NULL;
    bool good = json_is_number(value);
    if (good)
        *out = negative ? -json_number_value(value) : json_number_value(value);
    json_decref(value);
    return good;
}

static void scan_log(const char *log, size_t length, const char *pattern, reduction *r)
{
    size_t wanted = strlen(pattern);
    const char *end = log + length, *at = log;
    while ((at = memmem(at, (size_t)(end - at), pattern, wanted))) {
        double value;
        at += wanted;
        if (leading_number(at, (size_t)(end - at), &value))
            reduce(r, value);
    }
}

static void scan_stream(const char *stream, size_t length, const char *name, reduction *r)
{
    while (length > 0) {
        const char *newline = memchr(stream, '\n', length);
        size_t line = newline ? (size_t)(newline - stream) : length;
        json_t *parsed = json_loadb(stream, line, 0, NULL);
        const json_t *value = json_object_get(parsed, name);
        if (json_is_number(value))
            reduce(r, json_number_value(value));
        json_decref(parsed);
        size_t used = newline ? line + 1 : line;
        stream += used;
        length -= used;
    }
}

static aire_status keep_one(const aire_env *env, double value, aire_env_verdict *v)
{
    v->metrics = aire__calloc(env->ctx, 1, sizeof *v->metrics);
    char *name = aire__strdup(env->ctx, env->metric.name);
    if (!v->metrics || !name) {
        aire_free(env->ctx, name);
        return aire__fail_nomem();
    }
    v->metrics[v->metric_count++] = (aire_metric){name, value};
    return AIRE_OK;
}

aire_status aire__env_judge_log(const aire_env *env, const char *log, size_t log_length,
                                const char *stream, size_t stream_length, aire_env_verdict *out)
{
    reduction r = {.how = env->metric.reduce};
    aire_status status = AIRE_OK;
    *out = (aire_env_verdict){0};
    if (env->metric.pattern)
        scan_log(log, log_length, env->metric.pattern, &r);
    else
        scan_stream(stream, stream_length, env->metric.name, &r);
    if (r.found && isfinite(r.value))
        status = keep_one(env, r.value, out);
    if (status == AIRE_OK && r.found)
        status = settle_value(env, out, r.value);
    else if (status == AIRE_OK)
        status = settle(env, out, AIRE_OUTCOME_NO_METRIC, AIRE_CAUSE_METRIC_MISSING,
                        env->metric.pattern ? "the log holds no number after the manifest's pattern"
                                            : "the stream holds no value of the metric");
    if (status != AIRE_OK)
        aire__env_verdict_free(env, out);
    return status;
}

void aire__env_verdict_free(const aire_env *env, aire_env_verdict *verdict)
{
    for (size_t i = 0; i < verdict->metric_count; i++)
        aire_free(env->ctx, (void *)(uintptr_t)verdict->metrics[i].name);
    aire_free(env->ctx, verdict->metrics);
    aire_free(env->ctx, verdict->detail);
    *verdict = (aire_env_verdict){0};
}
