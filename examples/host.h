/* What all programs share: variables and keys that they are given, environments, sandboxes, logs.
 */
#ifndef EXAMPLES_HOST_H
#define EXAMPLES_HOST_H

#include <aire/aire.h>
#include <stdbool.h>
#include <stddef.h>

enum { HOST_VARIABLES = 32 };

/* "NAME=value" for the manifest and for adapters; AIRE_PREFIX is the first of them. */
typedef struct host_variables {
    const char *list[HOST_VARIABLES + 2]; /* ends in NULL */
    int count;                            /* beside the first */
} host_variables;

void host_variables_init(host_variables *v);

/* One more. NULL, or what is wrong with it. */
const char *host_variables_add(host_variables *v, const char *value);

/* Under which a store has the name of the manifest's metric, for whoever has no manifest. */
#define METRIC_NOTE "metric"

/* A number from 0 that an int holds. */
bool host_is_number(const char *text);

/* The directory by the adapter, which may be "auto". */
aire_status host_open_env(aire_ctx *ctx, const char *path, const char *adapter,
                          const host_variables *v, aire_env **out);

/* The key for a model, from the environment's variable that is usual for it, else from
 * AIRE_API_KEY: the library never looks into the environment. NULL if there is none. */
const char *host_key(const char *model);

/* `worker`, else AIRE_WORKER, names its program where the library is not installed; nullable. */
aire_status host_make_sandbox(aire_ctx *ctx, const char *worker, aire_sandbox **out);

/* A metric of a result: the named one, else the first. False if there is none. */
bool host_metric(const aire_result *result, const char *name, double *value);

/* How long its stages took. */
double host_seconds(const aire_result *result);

/* An aire_log_fn: to stderr. */
void host_log(int32_t level, const char *component, const char *message, void *unused);

/*
 * Text that others wrote, such as the evaluated code or a model, to stdout: what would steer a
 * terminal is shown as '?'. Each begins with `before`, if that is not NULL; the last line is ended.
 */
void host_print(const char *text, size_t length, const char *before);

/* The title of an idea as a line of a table has it, cut between characters to what `out` holds;
 * "baseline" for NULL. Returns `out`. */
const char *host_title(const aire_idea *idea, char *out, size_t size);

#endif
