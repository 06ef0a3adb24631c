/* Requests that turn an idea into a patch. */
#include "prompt/implement.h"

#include "base/fail.h"
#include "prompt/context.h"
#include "prompt/patch_form.h"

enum {
    IDEA_MAX = 32 << 10,
    IDEA_ROOM = 40 << 10, /* bytes kept for the idea, the form of the answer and a failure */
    PATCH_ROOM = 24 << 10,
    FILES_ROOM = 48 << 10,
    REFUSAL_MAX = 8000
};

static void write_idea(aire_buf *buf, const aire_idea *idea)
{
    aire__buf_printf(buf, "## Idea: %s\n", aire_idea_title(idea));
    aire__prompt_text(buf, aire_idea_text(idea), IDEA_MAX / 3);
    if (aire_idea_changes(idea)[0]) {
        aire__buf_puts(buf, "\nChanges to the code:\n");
        aire__prompt_text(buf, aire_idea_changes(idea), IDEA_MAX / 2);
    }
    aire__buf_puts(buf, "\n");
}

/* The files that a patch changed, as it left them; those that do not fit are named. */
static void write_files(aire_buf *buf, const aire_patched *patched, size_t max)
{
    for (size_t i = 0; i < patched->edit_count; i++) {
        const aire_patch_edit *edit = &patched->edits[i];
        if (!edit->data) {
            aire__buf_printf(buf, "### %s: deleted\n\n", edit->path);
        } else if (buf->length + edit->length > max) {
            aire__buf_printf(buf, "### %s: %zu bytes, left out\n\n", edit->path, edit->length);
        } else {
            aire__buf_printf(buf, "### %s\n", edit->path);
            aire__prompt_lines(buf, edit->data, edit->length);
            aire__buf_puts(buf, "\n");
        }
    }
}

static void write_patch(aire_buf *buf, const aire_patched *patched, bool with_files)
{
    aire__buf_puts(buf, "## Patch\n```diff\n");
    aire__prompt_text(buf, patched->diff, PATCH_ROOM);
    aire__buf_puts(buf, "```\n\n");
    if (with_files) {
        aire__buf_puts(buf, "## Files as the patch left them\n");
        write_files(buf, patched, buf->length + FILES_ROOM);
    }
}

/* What goes into a request beside its task; NULL and false where it does not. */
typedef struct parts {
    int32_t template;
    bool code;
    const aire_patched *patched;
    const char *failure;
} parts;

static aire_status make(aire_ctx *ctx, const aire_prompt_task *task, const parts *p, char **out)
{
    aire_buf buf, fields[AIRE_FIELD_COUNT];
    const char *texts[AIRE_FIELD_COUNT] = {NULL};
    aire_status status = AIRE_OK;
    aire__buf_init(&buf, ctx, AIRE_PROMPT_MAX);
    for (size_t i = 0; i < AIRE_FIELD_COUNT; i++)
        aire__buf_init(&fields[i], ctx, AIRE_PROMPT_MAX);
    aire__prompt_problem(&fields[AIRE_FIELD_PROBLEM], task->env);
    write_idea(&fields[AIRE_FIELD_IDEA], task->idea);
    aire__prompt_patch_form(&fields[AIRE_FIELD_FORM], task->forms);
    if (p->patched)
        write_patch(&fields[AIRE_FIELD_PATCH], p->patched, p->failure != NULL);
    if (p->failure)
        aire__prompt_text(&fields[AIRE_FIELD_REASON], p->failure, REFUSAL_MAX);
    size_t used = IDEA_ROOM + fields[AIRE_FIELD_PROBLEM].length + fields[AIRE_FIELD_PATCH].length;
    if (p->code)
        aire__prompt_code(&fields[AIRE_FIELD_CODE], task->env,
                          used < AIRE_PROMPT_MAX ? AIRE_PROMPT_MAX - used : 0);
    for (size_t i = 0; status == AIRE_OK && i < AIRE_FIELD_COUNT; i++) {
        status = aire__buf_status(&fields[i]);
        texts[i] = fields[i].data;
    }
    if (status == AIRE_OK) {
        aire__template_fill(&buf, aire__template_text(task->templates, p->template), texts);
        status = aire__buf_take(&buf, out, NULL);
    }
    for (size_t i = 0; i < AIRE_FIELD_COUNT; i++)
        aire__buf_free(&fields[i]);
    aire__buf_free(&buf);
    return status;
}

aire_status aire__prompt_implement(aire_ctx *ctx, const aire_prompt_task *task, char **out)
{
    const parts p = {.template = AIRE_TEMPLATE_IMPLEMENT, .code = true};
    aire_status status = make(ctx, task, &p, out);
    return status == AIRE_LIMIT ? aire__fail_prefix(status, "the request for a patch") : status;
}

aire_status aire__prompt_debug(aire_ctx *ctx, const aire_prompt_task *task,
                               const aire_patched *patched, const char *failure, char **out)
{
    const parts p = {AIRE_TEMPLATE_DEBUG, true, patched, failure};
    aire_status status = make(ctx, task, &p, out);
    return status == AIRE_LIMIT ? aire__fail_prefix(status, "the request for a repair") : status;
}

aire_status aire__prompt_verify(aire_ctx *ctx, const aire_prompt_task *task,
                                const aire_patched *patched, char **out)
{
    const parts p = {.template = AIRE_TEMPLATE_VERIFY, .patched = patched};
    aire_status status = make(ctx, task, &p, out);
    return status == AIRE_LIMIT ? aire__fail_prefix(status, "the request for a check") : status;
}

aire_status aire__prompt_revise(aire_ctx *ctx, const aire_templates *templates, const char *refusal,
                                char **out)
{
    aire_buf buf, reason;
    aire__buf_init(&buf, ctx, AIRE_PROMPT_MAX);
    aire__buf_init(&reason, ctx, AIRE_PROMPT_MAX);
    aire__prompt_text(&reason, refusal, REFUSAL_MAX);
    const char *const fields[AIRE_FIELD_COUNT] = {[AIRE_FIELD_REASON] = reason.data};
    aire_status status = aire__buf_status(&reason);
    if (status == AIRE_OK) {
        aire__template_fill(&buf, aire__template_text(templates, AIRE_TEMPLATE_REVISE), fields);
        status = aire__buf_take(&buf, out, NULL);
    }
    aire__buf_free(&reason);
    return status;
}
