/* The parts that requests to models share. */
#include "prompt/context.h"

#include <string.h>

#include "base/fail.h"
#include "base/str.h"

static void section(aire_buf *buf, const char *heading, const char *text)
{
    if (!text[0])
        return;
    aire__buf_printf(buf, "## %s\n", heading);
    aire__prompt_text(buf, text, strlen(text));
    aire__buf_puts(buf, "\n");
}

void aire__prompt_text(aire_buf *buf, const char *text, size_t max)
{
    size_t length = strlen(text), shown = aire__utf8_cut(text, length, max);
    aire__buf_append(buf, text, shown);
    if (shown < length)
        aire__buf_printf(buf, " [... %zu more bytes]", length - shown);
    if (shown < length || (length && text[length - 1] != '\n'))
        aire__buf_puts(buf, "\n");
}

static void metric(aire_buf *buf, const aire_env *env)
{
    static const char *const transforms[] = {"the metric itself", "the metric times -1",
                                             "1 divided by the metric"};
    const aire_env_metric_rule *rule = &env->metric;
    aire__buf_printf(buf,
                     "## Measurement\nEach idea is implemented, run and measured. The metric is "
                     "`%s`; %s is better. The reward, to be maximised, is %s.\n",
                     rule->name, rule->minimize ? "lower" : "higher", transforms[rule->transform]);
    if (env->budget_text[0])
        aire__buf_printf(buf, "A run has a fixed budget: %s.\n", env->budget_text);
    aire__buf_puts(buf, "\n");
}

void aire__prompt_problem(aire_buf *buf, const aire_env *env)
{
    section(buf, "Goal", env->goal);
    metric(buf, env);
    section(buf, "Rules", env->rules);
    section(buf, "Hints", env->hints);
}

static void numbered_lines(aire_buf *buf, const aire_env_file *file)
{
    const char *at = file->data, *end = file->data + file->length;
    for (size_t number = 1; at < end; number++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *line_end = newline ? newline : end;
        aire__buf_printf(buf, "%5zu| ", number);
        aire__buf_append(buf, at, (size_t)(line_end - at));
        aire__buf_puts(buf, "\n");
        at = newline ? newline + 1 : end;
    }
}

/* Bytes that a file takes with its line numbers, heading included. */
static size_t shown_size(const aire_env_file *file)
{
    size_t lines = 1;
    for (size_t i = 0; i < file->length; i++)
        lines += file->data[i] == '\n';
    return file->length + lines * 8 + strlen(file->path) + 64;
}

/* Show a file if there is room for it; its name in any case. Returns false if it was left out. */
static bool show_file(aire_buf *buf, const aire_env_file *file, size_t room)
{
    const char *role = file->role == AIRE_FILE_EDITABLE ? "editable" : "protected";
    if (!file->is_text) {
        aire__buf_printf(buf, "### %s (%s): %zu bytes that are not text\n\n", file->path, role,
                         file->length);
        return true;
    }
    if (shown_size(file) > room) {
        aire__buf_printf(buf,
                         "### %s (%s): %zu bytes, left out because this request has no room for "
                         "it; do not change it\n\n",
                         file->path, role, file->length);
        return false;
    }
    aire__buf_printf(buf, "### %s (%s)\n", file->path, role);
    numbered_lines(buf, file);
    aire__buf_puts(buf, "\n");
    return true;
}

static size_t show_role(aire_buf *buf, const aire_env *env, int32_t role, size_t limit)
{
    size_t left_out = 0;
    for (size_t i = 0; i < env->file_count; i++) {
        size_t room = buf->length < limit ? limit - buf->length : 0;
        if (env->files[i].role == role && !show_file(buf, &env->files[i], room))
            left_out++;
    }
    return left_out;
}

void aire__prompt_code(aire_buf *buf, const aire_env *env, size_t max)
{
    size_t limit = buf->length + max;
    aire__buf_puts(buf, "## Code base\nEditable files may be changed; protected ones are shown to "
                        "be understood. The number and the bar in front of each line are not part "
                        "of the file.\n\n");
    size_t left_out = show_role(buf, env, AIRE_FILE_EDITABLE, limit);
    left_out += show_role(buf, env, AIRE_FILE_PROTECTED, limit);
    for (size_t i = 0; i < env->file_count; i++)
        if (env->files[i].role == AIRE_FILE_RESERVED)
            aire__buf_printf(
                buf,
                "### %s (reserved): exists, but is not shown, and cannot be changed or "
                "replaced\n\n",
                env->files[i].path);
    if (left_out)
        aire__logf(buf->ctx, AIRE_LOG_WARNING, "prompt",
                   "%zu files of environment '%s' did not fit into a request and were only named",
                   left_out, env->name);
}
