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

bool spec_read(spec *s, const char **why)
{
    json_int_t wall, memory, disk, log;
    int report;
    const char *cwd;
    json_error_t error;
    json_t *json = json_loadfd(AIRE_WORKER_SPEC, 0, &error);
    close(AIRE_WORKER_SPEC);
    if (!json || json_unpack(json, "{s:s, s:I, s:I, s:i, s:I, s:I, s:b}", "cwd", &cwd, "wall_ms",
                             &wall, "memory_bytes", &memory, "processes", &s->processes,
                             "disk_bytes", &disk, "log_bytes", &log, "report", &report) != 0) {
        *why = "the specification is damaged";
        return false;
    }
    s->argv = texts(json_object_get(json, "argv"));
    s->env = texts(json_object_get(json, "env"));
    s->writable = texts(json_object_get(json, "writable"));
    s->cwd = strdup(cwd);
    s->wall_ms = wall;
    s->memory_bytes = memory;
    s->disk_bytes = disk;
    s->log_bytes = log;
    s->report = report;
    json_decref(json);
    if (!s->argv || !s->argv[0] || !s->env || !s->writable || !s->cwd) {
        *why = "the specification lacks a list";
        return false;
    }
    return true;
}
