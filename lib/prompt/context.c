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

void aire__prompt_lines(aire_buf *buf, const char *data, size_t length)
{
    const char *at = data, *end = data + length;
    for (size_t number = 1; at < end; number++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *line_end = newline ? newline : end;
        aire__buf_printf(buf, "%5zu| ", number);
        aire__buf_append(buf, at, (size_t)(line_end - at));
        aire__buf_puts(buf, "\n");
        at = newline ? newline + 1 : end;
    }
}

/* Whether a model is told of a file. The manifest is told in words; what else it holds, such as the
 * names of hidden files and the places of the host's, is none of its business. */
static bool is_told(const aire_env_file *file)
{
    return file->role != AIRE_FILE_HIDDEN && strcmp(file->path, "aire.json") != 0;
}

/* Bytes that a file takes with its line numbers, heading included. */
static size_t shown_size(const aire_env_file *file)
{
    size_t lines = 1;
    for (size_t i = 0; i < file->length; i++)
        lines += file->data[i] == '\n';
    return file->length + lines * 8 + strlen(file->path) + 64;
}

/* Bytes that its name takes where it is not shown. */
static size_t named_size(const aire_env_file *file)
{
    return strlen(file->path) + 160;
}

static void show_file(aire_buf *buf, const aire_env_file *file, bool fits)
{
    const char *role = file->role == AIRE_FILE_EDITABLE ? "editable" : "protected";
    if (!file->is_text)
        aire__buf_printf(buf, "### %s (%s): %zu bytes that are not text\n\n", file->path, role,
                         file->length);
    else if (!fits)
        aire__buf_printf(buf,
                         "### %s (%s): %zu bytes, left out because this request has no room for "
                         "it; do not change it\n\n",
                         file->path, role, file->length);
    else {
        aire__buf_printf(buf, "### %s (%s)\n", file->path, role);
        aire__prompt_lines(buf, file->data, file->length);
        aire__buf_puts(buf, "\n");
    }
}

static void show_role(aire_buf *buf, const aire_env *env, int32_t role, const bool *fits)
{
    for (size_t i = 0; i < env->file_count; i++)
        if (env->files[i].role == role && is_told(&env->files[i]))
            show_file(buf, &env->files[i], fits[i]);
}

/* Where a file stands among the manifest's globs for its role: what is named first is kept first.
 */
static size_t glob_of(const aire_env *env, const aire_env_file *file)
{
    char **globs = env->globs[file->role];
    size_t i = 0;
    for (; globs && globs[i]; i++)
        if (aire__glob_match(globs[i], file->path))
            break;
    return i;
}

static size_t glob_count(const aire_env *env, int32_t role)
{
    size_t count = 0;
    for (char **globs = env->globs[role]; globs && globs[count]; count++) {
    }
    return count;
}

/* Take what fits into `room` from the files of a role that a glob named; returns the room left. */
static size_t fit_files(const aire_env *env, int32_t role, size_t glob, size_t room, bool *fits)
{
    for (size_t i = 0; i < env->file_count; i++) {
        const aire_env_file *file = &env->files[i];
        if (file->role != role || !file->is_text || !is_told(file) || glob_of(env, file) != glob)
            continue;
        size_t more = shown_size(file), named = named_size(file);
        more = more > named ? more - named : 0;
        fits[i] = more <= room;
        room -= fits[i] ? more : 0;
    }
    return room;
}

/* Decide which files are shown: editable ones first, in the order that the manifest names them. */
static void fit_all(const aire_env *env, size_t room, bool *fits)
{
    static const int32_t roles[] = {AIRE_FILE_EDITABLE, AIRE_FILE_PROTECTED};
    for (size_t i = 0; i < env->file_count; i++) {
        size_t named = is_told(&env->files[i]) ? named_size(&env->files[i]) : 0;
        room -= named < room ? named : room;
    }
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        for (size_t glob = 0; glob <= glob_count(env, roles[i]); glob++)
            room = fit_files(env, roles[i], glob, room, fits);
}

static size_t count_left_out(const aire_env *env, const bool *fits)
{
    size_t count = 0;
    for (size_t i = 0; i < env->file_count; i++) {
        int32_t role = env->files[i].role;
        bool shown = role == AIRE_FILE_EDITABLE || role == AIRE_FILE_PROTECTED;
        count += shown && is_told(&env->files[i]) && env->files[i].is_text && !fits[i];
    }
    return count;
}

size_t aire__prompt_code(aire_buf *buf, const aire_env *env, size_t max)
{
    static const char head[] =
        "## Code base\nEditable files may be changed; protected ones are shown to be understood. "
        "The number and the bar in front of each line are not part of the file.\n\n";
    bool *fits = aire__calloc(buf->ctx, env->file_count + 1, sizeof *fits);
    if (!fits) {
        if (buf->status == AIRE_OK)
            buf->status = AIRE_NOMEM;
        return 0;
    }
    fit_all(env, max > strlen(head) ? max - strlen(head) : 0, fits);
    aire__buf_puts(buf, head);
    show_role(buf, env, AIRE_FILE_EDITABLE, fits);
    show_role(buf, env, AIRE_FILE_PROTECTED, fits);
    for (size_t i = 0; i < env->file_count; i++)
        if (env->files[i].role == AIRE_FILE_RESERVED)
            aire__buf_printf(
                buf,
                "### %s (reserved): exists, but is not shown, and cannot be changed or "
                "replaced\n\n",
                env->files[i].path);
    size_t left_out = count_left_out(env, fits);
    aire_free(buf->ctx, fits);
    if (left_out)
        aire__logf(buf->ctx, AIRE_LOG_WARNING, "prompt",
                   "%zu files of environment '%s' did not fit into a request and were only named",
                   left_out, env->name);
    return left_out;
}
