/* What all programs share. */
#include "host.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef AIRE_INSTALLED_PREFIX
#define AIRE_INSTALLED_PREFIX "/usr/local"
#endif

void host_variables_init(host_variables *v)
{
    *v = (host_variables){.list = {"AIRE_PREFIX=" AIRE_INSTALLED_PREFIX}};
}

const char *host_variables_add(host_variables *v, const char *value)
{
    if (!strchr(value, '=') || *value == '=')
        return "a variable is NAME=VALUE, not";
    if (!strncmp(value, "AIRE_PREFIX=", 12)) {
        v->list[0] = value;
        return NULL;
    }
    if (v->count == HOST_VARIABLES)
        return "too many variables";
    v->list[1 + v->count++] = value;
    return NULL;
}

bool host_is_number(const char *text)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    return *text && !*end && !errno && value >= 0 && value <= INT_MAX;
}

aire_status host_open_env(aire_ctx *ctx, const char *path, const char *adapter,
                          const host_variables *v, aire_env **out)
{
    aire_env_options options = AIRE_ENV_OPTIONS_INIT;
    options.variables = v->list;
    options.adapter = adapter;
    return aire_env_open(ctx, path, &options, out);
}

const char *host_key(const char *model)
{
    const char *variable = aire_model_key_variable(model);
    const char *key = variable ? getenv(variable) : NULL;
    return key ? key : getenv("AIRE_API_KEY");
}

aire_status host_make_sandbox(aire_ctx *ctx, const char *worker, aire_sandbox **out)
{
    aire_sandbox_options options = AIRE_SANDBOX_OPTIONS_INIT;
    options.worker_path = worker ? worker : getenv("AIRE_WORKER");
    return aire_sandbox_new(ctx, &options, out);
}

bool host_metric(const aire_result *result, const char *name, double *value)
{
    size_t count = aire_result_metric_count(result);
    for (size_t i = 0; i < count; i++) {
        const aire_metric *metric = aire_result_metric(result, i);
        if (!name || !*name || !strcmp(metric->name, name)) {
            *value = metric->value;
            return true;
        }
    }
    return false;
}

double host_seconds(const aire_result *result)
{
    int64_t ms = 0;
    for (size_t i = 0; i < aire_result_usage_count(result); i++)
        ms += aire_result_usage(result, i)->wall_ms;
    return (double)ms / 1000;
}

void host_log(int32_t level, const char *component, const char *message, void *unused)
{
    fprintf(stderr, "%s: %s\n", component, message);
}

/* The first byte of a control character, of ASCII or (in UTF-8) of those from 128 on. */
static bool steers(const char *text, size_t left)
{
    unsigned char c = (unsigned char)*text;
    if (c == 0xc2 && left > 1)
        return (unsigned char)text[1] >= 0x80 && (unsigned char)text[1] < 0xa0;
    return (c < ' ' && c != '\n' && c != '\t') || c == 0x7f;
}

void host_print(const char *text, size_t length, const char *before)
{
    bool begins = true;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\r' && i + 1 < length && text[i + 1] == '\n')
            continue;
        if (begins && before)
            fputs(before, stdout);
        begins = text[i] == '\n' || text[i] == '\r'; /* a line that was drawn over */
        bool hidden = steers(text + i, length - i);
        putchar(begins ? '\n' : hidden ? '?' : text[i]);
        i += hidden && text[i] == '\xc2';
    }
    if (!begins)
        putchar('\n');
}

const char *host_title(const aire_idea *idea, char *out, size_t size)
{
    const char *title = idea ? aire_idea_title(idea) : "baseline";
    size_t left = strlen(title), length = 0;
    while (left > 0 && length < size - 1) {
        bool hidden = steers(title, left);
        size_t taken = hidden && *title == '\xc2' ? 2 : 1;
        out[length++] = *title == '\n' ? ' ' : hidden ? '?' : *title;
        title += taken;
        left -= taken;
    }
    if (left > 0 && ((unsigned char)*title & 0xc0) == 0x80) /* in the middle of a character */
        while (length > 0 && ((unsigned char)out[--length] & 0xc0) == 0x80)
            ;
    out[length] = '\0';
    return out;
}
