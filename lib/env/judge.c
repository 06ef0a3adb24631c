/* From what a step wrote to a verdict: outcome, cause, metrics and reward. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "base/str.h"
#include "env/env.h"

enum { METRICS_MAX = 256, REPORT_MAX = 1 << 20, DETAIL_MAX = 4096 };

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
        return settle(env, v, AIRE_OUTCOME_VIOLATION, AIRE_CAUSE_METRIC_RANGE, message);
    if (status != AIRE_OK)
        return settle(env, v, AIRE_OUTCOME_NO_METRIC, AIRE_CAUSE_METRIC_INVALID, message);
    return settle(env, v, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE, "");
}

/* ---- reports ---- */

static char folded(char c)
{
    return c == '_' ? ' ' : c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same_word(const char *a, const char *b)
{
    while (*a && folded(*a) == folded(*b)) {
        a++;
        b++;
    }
    return !*a && !*b;
}

/* "future_leak", "FUTURE_LEAK" or "future leak"; AIRE_CAUSE_NONE for a word that is no cause. */
static int32_t cause_by_word(const char *word)
{
    static const struct {
        const char *name, *word;
        int32_t cause;
    } rows[] = {
#define ROW(name, value, word) {#name, word, value},
        AIRE_CAUSE_MAP(ROW)
#undef ROW
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (same_word(rows[i].name, word) || same_word(rows[i].word, word))
            return rows[i].cause;
    return AIRE_CAUSE_NONE;
}

/* A word of the evaluator's own goes into the detail, and the cause is that it refused. */
static aire_status judge_refusal(const aire_env *env, const json_t *refusal, int32_t outcome,
                                 aire_env_verdict *v)
{
    const char *word = json_string_value(json_object_get(refusal, "cause"));
    const char *detail = json_string_value(json_object_get(refusal, "detail"));
    int32_t cause = word ? cause_by_word(word) : AIRE_CAUSE_NONE;
    bool own = cause == AIRE_CAUSE_NONE && word && *word;
    if (!detail || !*detail)
        detail = "the evaluator gave no detail";
    char *text = aire__asprintf(env->ctx, "%.100s%s%.*s", own ? word : "", own ? ": " : "",
                                (int)aire__utf8_cut(detail, strlen(detail), DETAIL_MAX), detail);
    if (!text)
        return aire__fail_nomem();
    aire_status status =
        settle(env, v, outcome, cause == AIRE_CAUSE_NONE ? AIRE_CAUSE_EVALUATOR : cause, text);
    aire_free(env->ctx, text);
    return status;
}

static aire_status copy_metrics(const aire_env *env, const json_t *metrics, aire_env_verdict *v)
{
    const char *name;
    json_t *value;
    size_t count = json_object_size(metrics);
    v->metrics =
        aire__calloc(env->ctx, count < METRICS_MAX ? count + 1 : METRICS_MAX, sizeof *v->metrics);
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
    if (length == 0)
        return settle(env, out, AIRE_OUTCOME_NO_METRIC, AIRE_CAUSE_METRIC_MISSING,
                      "the evaluation reported nothing");
    if (length > REPORT_MAX)
        return settle(env, out, AIRE_OUTCOME_NO_METRIC, AIRE_CAUSE_METRIC_INVALID,
                      "the report is larger than 1 MiB");
    aire_status status = aire__json_load(report, length, "report", &parsed);
    if (status == AIRE_FORMAT)
        status = settle(env, out, AIRE_OUTCOME_NO_METRIC, AIRE_CAUSE_METRIC_INVALID,
                        aire_error_message(aire_last_error()));
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

/* Digits as JSON has them, whatever the host's locale is. */
static bool parse_digits(const char *digits, size_t length, double *out)
{
    json_t *value = json_loadb(digits, length, JSON_DECODE_ANY, NULL);
    bool good = json_is_number(value);
    if (good)
        *out = json_number_value(value);
    json_decref(value);
    return good;
}

/* A number at the beginning of a text; words such as nan are no finite one. */
static bool leading_number(const char *text, size_t length, double *out)
{
    enum { DIGITS_MAX = 64 };
    char digits[DIGITS_MAX + 4] = "";
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
    if (i == length || !strchr(".0123456789", text[i]))
        return false;
    if (text[i] == '.')
        digits[n++] = '0';
    while (i < length && n < DIGITS_MAX && strchr("0123456789.eE+-", text[i]))
        digits[n++] = text[i++];
    while (n > 0 && strchr(".eE+-", digits[n - 1])) /* as at the end of a sentence */
        n--;
    if (strspn(digits, "0123456789") >= n) { /* no integer of JSON: it may be too large for one */
        memcpy(digits + n, ".0", 2);
        n += 2;
    }
    double value;
    if (!parse_digits(digits, n, &value))
        return false;
    *out = negative ? -value : value;
    return true;
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Whether a pattern may begin here: "loss:" is not in "val_loss:", and "^loss:" only begins a line.
 */
static bool begins_here(const char *log, const char *at, bool line_start)
{
    if (at == log || at[-1] == '\n')
        return true;
    return !line_start && !(is_word(at[-1]) && is_word(at[0]));
}

static void scan_log(const char *log, size_t length, const char *pattern, reduction *r)
{
    bool line_start = *pattern == '^';
    pattern += line_start;
    size_t wanted = strlen(pattern);
    const char *end = log + length, *at = log;
    while (wanted > 0 && (at = memmem(at, (size_t)(end - at), pattern, wanted))) {
        const char *start = at;
        double value;
        at += wanted;
        if (begins_here(log, start, line_start) && leading_number(at, (size_t)(end - at), &value))
            reduce(r, value);
    }
}

/* The number of a member in a line that is no JSON. */
static bool number_after(const char *line, size_t length, const char *name, double *value)
{
    char quoted[160];
    int size = snprintf(quoted, sizeof quoted, "\"%s\"", name);
    if (size < 0 || (size_t)size >= sizeof quoted)
        return false;
    const char *at = memmem(line, length, quoted, (size_t)size);
    return at && leading_number(at + size, length - (size_t)(at + size - line), value);
}

/* A line that is no JSON because the metric in it is NaN or Infinity, as some programs write it. */
static bool diverged(const char *line, size_t length, const char *name)
{
    double value;
    return number_after(line, length, name, &value) && isnan(value);
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
        else if (!parsed && diverged(stream, line, name))
            reduce(r, NAN);
        json_decref(parsed);
        size_t used = newline ? line + 1 : line;
        stream += used;
        length -= used;
    }
}

bool aire__env_stream_line(const aire_env *env, const char *line, size_t length, double *step,
                           double *value)
{
    const aire_env_stream_rule *rule = &env->stream;
    if (!rule->metric)
        return false;
    json_t *parsed = json_loadb(line, length, 0, NULL);
    const json_t *metric = json_object_get(parsed, rule->metric);
    const json_t *at = json_object_get(parsed, rule->step);
    bool found = json_is_number(metric) && json_is_number(at);
    if (found) {
        *value = json_number_value(metric);
        *step = json_number_value(at);
    } else if (!parsed && diverged(line, length, rule->metric)) {
        *value = NAN;
        found = number_after(line, length, rule->step, step) && isfinite(*step);
    }
    json_decref(parsed);
    return found;
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
