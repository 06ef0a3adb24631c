/* Reading the specification. It comes from the library, but is checked like anything that is read.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/spec.h"
#include "worker/worker.h"

/* An array of texts, ends in NULL; NULL if it is none. */
static char **texts(const json_t *array)
{
    size_t count = json_array_size(array);
    char **out = json_is_array(array) ? calloc(count + 1, sizeof *out) : NULL;
    for (size_t i = 0; out && i < count; i++) {
        const char *text = json_string_value(json_array_get(array, i));
        out[i] = text ? strdup(text) : NULL;
        if (!out[i])
            return NULL;
    }
    return out;
}

static bool read_numbers(spec *s, const json_t *json)
{
    const struct {
        const char *key;
        int64_t *out;
    } rows[] = {{"wall_ms", &s->wall_ms},           {"cpu_ms", &s->cpu_ms},
                {"memory_bytes", &s->memory_bytes}, {"disk_bytes", &s->disk_bytes},
                {"log_bytes", &s->log_bytes},       {"output_bytes", &s->output_bytes},
                {"processes", &s->processes},       {"open_files", &s->open_files}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const json_t *number = json_object_get(json, rows[i].key);
        if (!json_is_integer(number))
            return false;
        *rows[i].out = json_integer_value(number);
    }
    return true;
}

bool spec_read(spec *s, const char **why)
{
    int report, live;
    const char *cwd, *cgroup, *stream;
    json_error_t error;
    json_t *json = json_loadfd(AIRE_WORKER_SPEC, 0, &error);
    close(AIRE_WORKER_SPEC);
    if (!json || !read_numbers(s, json) ||
        json_unpack(json, "{s:s, s:s, s:s, s:b, s:b}", "cwd", &cwd, "cgroup", &cgroup, "stream",
                    &stream, "report", &report, "live", &live) != 0) {
        *why = "the specification is damaged";
        return false;
    }
    s->argv = texts(json_object_get(json, "argv"));
    s->env = texts(json_object_get(json, "env"));
    s->writable = texts(json_object_get(json, "writable"));
    s->gpus = texts(json_object_get(json, "gpus"));
    s->cwd = strdup(cwd);
    s->cgroup = strdup(cgroup);
    s->stream = strdup(stream);
    s->report = report;
    s->live = live;
    json_decref(json);
    if (!s->argv || !s->argv[0] || !s->env || !s->writable || !s->gpus || !s->cwd || !s->cgroup ||
        !s->stream) {
        *why = "the specification lacks a list";
        return false;
    }
    return true;
}
