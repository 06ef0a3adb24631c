/* Reading the specification. It comes from the library, but is checked like anything that is read.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
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

/* At once: jansson itself would read a byte at a time. */
static json_t *load(void)
{
    struct stat info;
    char *text = fstat(AIRE_WORKER_SPEC, &info) == 0 ? malloc((size_t)info.st_size + 1) : NULL;
    ssize_t length = text ? aire__read_full(AIRE_WORKER_SPEC, text, (size_t)info.st_size) : -1;
    json_t *json = length >= 0 ? json_loadb(text, (size_t)length, 0, NULL) : NULL;
    free(text);
    close(AIRE_WORKER_SPEC);
    return json;
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
    json_t *json = load();
    if (json && json_integer_value(json_object_get(json, "protocol")) != AIRE_WORKER_PROTOCOL) {
        *why = "this aire-worker belongs to another version of libaire than the library";
        return false;
    }
    if (!json || !read_numbers(s, json) ||
        json_unpack(json, "{s:s, s:s, s:s, s:b, s:b}", "cwd", &cwd, "cgroup", &cgroup, "stream",
                    &stream, "report", &report, "live", &live) != 0) {
        *why = "the specification is damaged";
        return false;
    }
    s->argv = texts(json_object_get(json, "argv"));
    s->env = texts(json_object_get(json, "env"));
    s->writable = texts(json_object_get(json, "writable"));
    s->cwd = strdup(cwd);
    s->cgroup = strdup(cgroup);
    s->stream = strdup(stream);
    s->report = report;
    s->live = live;
    json_decref(json);
    if (!s->argv || !s->argv[0] || !s->env || !s->writable || !s->cwd || !s->cgroup || !s->stream) {
        *why = "the specification lacks a list";
        return false;
    }
    return true;
}
