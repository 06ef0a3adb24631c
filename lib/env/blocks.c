/* Editable regions between marks: the lines outside of them are compared one by one. */
#include "env/blocks.h"

#include <string.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/str.h"

#define MESSAGE_MAX ((size_t)4096)
enum { LISTED_MAX = 8, SHOWN_MAX = 100 };

typedef enum mark { MARK_NONE, MARK_START, MARK_END } mark;

/* A walk over the lines of a text. */
typedef struct walk {
    const aire_env *env;
    const char *at, *end;  /* what is left */
    const char *line;      /* the current one */
    size_t length, number; /* without the newline; from 1 */
    bool inside;           /* the current line stands between marks */
} walk;

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

/* Marks are comments: nothing but signs stands in front of them, or "# " directly. */
static bool holds(const char *line, size_t length, const char *word)
{
    size_t size = strlen(word);
    const char *at = memmem(line, length, word, size);
    if (!at || (at + size < line + length && is_word(at[size])))
        return false;
    if (at - line >= 2 && at[-1] == ' ' && at[-2] == '#')
        return true;
    for (const char *c = line; c < at; c++)
        if (is_word(*c))
            return false;
    return true;
}

static mark mark_of(const walk *w)
{
    if (holds(w->line, w->length, w->env->block_marks[0]))
        return MARK_START;
    return holds(w->line, w->length, w->env->block_marks[1]) ? MARK_END : MARK_NONE;
}

static walk begin(const aire_env *env, const char *data, size_t length)
{
    return (walk){.env = env, .at = data, .end = data + length};
}

static bool step(walk *w)
{
    if (w->at == w->end)
        return false;
    const char *newline = memchr(w->at, '\n', (size_t)(w->end - w->at));
    w->line = w->at;
    w->length = (size_t)((newline ? newline : w->end) - w->at);
    w->at = newline ? newline + 1 : w->end;
    w->number++;
    return true;
}

/* The next line that may not change, marks included. */
static bool step_outside(walk *w)
{
    while (step(w)) {
        mark m = mark_of(w);
        bool was_inside = w->inside;
        w->inside = m == MARK_START || (was_inside && m != MARK_END);
        if (!was_inside || m == MARK_END)
            return true;
    }
    return false;
}

static bool has_blocks(const aire_env *env, const aire_env_file *file)
{
    if (!env->block_marks || file->role != AIRE_FILE_EDITABLE)
        return false;
    walk w = begin(env, file->data, file->length);
    while (step(&w))
        if (mark_of(&w) != MARK_NONE)
            return true;
    return false;
}

static aire_status check_pairs(const aire_env *env, const aire_env_file *file, char **message)
{
    walk w = begin(env, file->data, file->length);
    size_t open = 0;
    while (step(&w)) {
        mark m = mark_of(&w);
        if (m == (open ? MARK_START : MARK_END)) {
            *message = aire__asprintf(env->ctx, "'%s', line %zu: %s without %s before it",
                                      file->path, w.number, env->block_marks[m == MARK_END],
                                      env->block_marks[m == MARK_START]);
            return *message ? AIRE_OK : aire__fail_nomem();
        }
        if (m != MARK_NONE)
            open = m == MARK_START ? w.number : 0;
    }
    if (!open)
        return AIRE_OK;
    *message = aire__asprintf(env->ctx, "'%s', line %zu: %s without %s after it", file->path, open,
                              env->block_marks[0], env->block_marks[1]);
    return *message ? AIRE_OK : aire__fail_nomem();
}

aire_status aire__blocks_check_files(const aire_env *env, char **message)
{
    aire_status status = AIRE_OK;
    *message = NULL;
    for (size_t i = 0; i < env->file_count && status == AIRE_OK && !*message; i++)
        if (has_blocks(env, &env->files[i]))
            status = check_pairs(env, &env->files[i], message);
    return status;
}

/* "lines 4 to 9 and 20 to 31" of the original. */
static void list_regions(aire_buf *out, const aire_env *env, const aire_env_file *file)
{
    walk w = begin(env, file->data, file->length);
    size_t start = 0, listed = 0;
    while (step(&w)) {
        mark m = mark_of(&w);
        if (m == MARK_START)
            start = w.number;
        if (m != MARK_END || listed++ >= LISTED_MAX)
            continue;
        aire__buf_puts(out, listed > 1 ? ", " : "");
        if (start + 1 < w.number)
            aire__buf_printf(out, "%zu to %zu", start + 1, w.number - 1);
        else
            aire__buf_printf(out, "after %zu", start); /* where nothing stands yet */
    }
    aire__buf_puts(out, listed > LISTED_MAX ? ", ..." : "");
}

aire_status aire__blocks_list(const aire_env *env, const aire_env_file *file, char **out)
{
    aire_buf text;
    aire__buf_init(&text, env->ctx, MESSAGE_MAX);
    if (has_blocks(env, file))
        list_regions(&text, env, file);
    return aire__buf_take(&text, out, NULL);
}

static void quote(aire_buf *out, const walk *w)
{
    size_t shown = aire__utf8_cut(w->line, w->length, SHOWN_MAX);
    aire__buf_puts(out, "`");
    aire__buf_append(out, w->line, shown);
    aire__buf_puts(out, shown < w->length ? "...`" : "`");
}

static aire_status explain(const aire_env *env, const aire_env_file *file, const walk *before,
                           const walk *after, char **message)
{
    aire_buf out;
    aire__buf_init(&out, env->ctx, MESSAGE_MAX);
    aire__buf_printf(&out, "'%s' may change only between its %s and %s lines, that is in lines ",
                     file->path, env->block_marks[0], env->block_marks[1]);
    list_regions(&out, env, file);
    aire__buf_puts(&out, ". ");
    if (before) {
        aire__buf_printf(&out, "Outside of that, line %zu is ", before->number);
        quote(&out, before);
        aire__buf_puts(&out, after ? ", and the patch has there " : ", and the patch removes it");
    } else if (after) {
        aire__buf_puts(&out, "The patch adds outside of that ");
    } else {
        aire__buf_puts(&out, "The patch deletes it");
    }
    if (after)
        quote(&out, after);
    aire__buf_puts(&out, ". Leave the lines outside, and the marks, as they are.");
    return aire__buf_take(&out, message, NULL);
}

aire_status aire__blocks_check(const aire_env *env, const char *path, const char *data,
                               size_t length, char **message)
{
    const aire_env_file *file = aire__env_file(env, path);
    *message = NULL;
    if (!file || !has_blocks(env, file))
        return AIRE_OK;
    if (!data)
        return explain(env, file, NULL, NULL, message);
    walk before = begin(env, file->data, file->length), after = begin(env, data, length);
    for (;;) {
        bool has_before = step_outside(&before), has_after = step_outside(&after);
        if (!has_before && !has_after)
            return AIRE_OK;
        if (!has_before || !has_after || before.length != after.length ||
            memcmp(before.line, after.line, before.length) != 0)
            return explain(env, file, has_before ? &before : NULL, has_after ? &after : NULL,
                           message);
    }
}
