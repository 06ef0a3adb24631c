/* Reading a worker's report; see spec.h for its form. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "sandbox/engine.h"

/* Where a number goes; NULL: it is unknown, and of no interest. */
static int64_t *place_of(const char *key, aire_exit *exit, int64_t numbers[4])
{
    const struct {
        const char *key;
        int64_t *out;
    } rows[] = {{"code", &numbers[0]},
                {"signal", &numbers[1]},
                {"limit", &numbers[2]},
                {"supports", &numbers[3]},
                {"wall_ms", &exit->wall_ms},
                {"user_ms", &exit->user_ms},
                {"system_ms", &exit->system_ms},
                {"max_rss_bytes", &exit->max_rss_bytes},
                {"log_bytes", &exit->log_bytes},
                {"end_ms", &exit->end_ms},
                {"io_read_bytes", &exit->io_read_bytes},
                {"io_write_bytes", &exit->io_write_bytes}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!strcmp(rows[i].key, key))
            return rows[i].out;
    return NULL;
}

/* The text at *at, which is moved behind its NUL; NULL if none ends before `end`. */
static const char *take_text(const char **at, const char *end)
{
    const char *text = *at;
    const char *nul = memchr(text, '\0', (size_t)(end - text));
    if (!nul)
        return NULL;
    *at = nul + 1;
    return text;
}

aire_status aire__report_parse(const char *text, size_t length, aire_exit *exit, uint32_t *supports)
{
    int64_t numbers[4] = {0};
    if (length == 0)
        return aire__fail(AIRE_SANDBOX, "the worker ended without a report; an aire-worker of "
                                        "another version of libaire does that");
    for (const char *at = text, *end = text + length; at < end;) {
        const char *key = take_text(&at, end), *value = key ? take_text(&at, end) : NULL;
        if (!value)
            return aire__fail(AIRE_SANDBOX, "the worker's report is cut off");
        if (!strcmp(key, "setup"))
            return aire__fail(AIRE_SANDBOX, "the sandbox could not be set up: %s", value);
        int64_t *number = place_of(key, exit, numbers);
        if (number)
            *number = strtoll(value, NULL, 10);
    }
    exit->code = (int32_t)numbers[0];
    exit->signal = (int32_t)numbers[1];
    exit->limit = (int32_t)numbers[2];
    if (supports)
        *supports = (uint32_t)numbers[3];
    return AIRE_OK;
}
