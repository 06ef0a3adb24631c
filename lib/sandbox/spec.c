/* Writing the specification of a command for its supervisor; see spec.h for its form. */
#include "sandbox/spec.h"

#include <stdio.h>
#include <string.h>

#include "sandbox/engine.h"

void aire__spec_bytes(aire_buf *spec, const char *key, const char *value, size_t length)
{
    aire__buf_append(spec, key, strlen(key) + 1);
    aire__buf_append(spec, value, length);
    aire__buf_append(spec, "", 1);
}

void aire__spec_text(aire_buf *spec, const char *key, const char *value)
{
    aire__spec_bytes(spec, key, value, strlen(value));
}

void aire__spec_number(aire_buf *spec, const char *key, int64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)value);
    aire__spec_text(spec, key, text);
}

static void add_writable(aire_buf *spec, const aire_command *command)
{
    for (size_t i = 0; i < command->mount_count; i++)
        if (command->mounts[i].flags & AIRE_MOUNT_WRITABLE)
            aire__spec_text(spec, "writable", command->mounts[i].source);
}

/* Bubblewrap is started with nothing of the host's environment; a bare command gets its own. */
static void add_environment(aire_buf *spec, const aire_engine *engine, const aire_command *command)
{
    char report[32];
    if (engine->kind != AIRE_SANDBOX_NONE)
        return;
    for (size_t i = 0; command->env && command->env[i]; i++)
        aire__spec_text(spec, "env", command->env[i]);
    snprintf(report, sizeof report, "AIRE_REPORT_FD=%d", AIRE_WORKER_REPORT_FILE);
    if (command->report_path)
        aire__spec_text(spec, "env", report);
}

static void add_limits(aire_buf *spec, const aire_limits *limits)
{
    const struct {
        const char *key;
        int64_t value;
    } rows[] = {{"wall_ms", limits->wall_ms},           {"cpu_ms", limits->cpu_ms},
                {"memory_bytes", limits->memory_bytes}, {"disk_bytes", limits->disk_bytes},
                {"log_bytes", limits->log_bytes},       {"output_bytes", limits->output_bytes},
                {"processes", limits->processes},       {"open_files", limits->open_files}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        aire__spec_number(spec, rows[i].key, rows[i].value);
}

aire_status aire__spec_make(aire_buf *spec, const aire_engine *engine, const aire_command *command)
{
    aire_limits limits = aire__limits_filled(command->limits);
    add_limits(spec, &limits);
    add_writable(spec, command);
    add_environment(spec, engine, command);
    aire__spec_text(spec, "cwd", command->cwd ? command->cwd : "/");
    aire__spec_text(spec, "stream", command->stream_path ? command->stream_path : "");
    aire__spec_number(spec, "report", command->report_path != NULL);
    aire__spec_number(spec, "live", command->observe != NULL);
    aire_status status = aire__spec_argv(spec, engine, command, &limits);
    return status == AIRE_OK ? aire__buf_status(spec) : status;
}
