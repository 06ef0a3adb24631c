/* Requests that turn an idea into a patch. */
#include "prompt/implement.h"

#include "base/fail.h"
#include "prompt/context.h"

enum {
    IDEA_ROOM = 32 << 10, /* bytes kept for the idea and the form of the answer */
    REFUSAL_MAX = 8000
};

static void write_idea(aire_buf *buf, const aire_idea *idea)
{
    aire__buf_printf(buf, "## Idea: %s\n", aire_idea_title(idea));
    aire__prompt_text(buf, aire_idea_text(idea), IDEA_ROOM / 3);
    if (aire_idea_changes(idea)[0]) {
        aire__buf_puts(buf, "\nChanges to the code:\n");
        aire__prompt_text(buf, aire_idea_changes(idea), IDEA_ROOM / 2);
    }
    aire__buf_puts(buf, "\n");
}

aire_status aire__prompt_implement(aire_ctx *ctx, const aire_env *env,
                                   const aire_templates *templates, const aire_idea *idea,
                                   char **out)
{
    aire_buf buf, problem, code, text;
    aire_buf *parts[] = {&buf, &problem, &code, &text};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        aire__buf_init(parts[i], ctx, AIRE_PROMPT_MAX);
    aire__prompt_problem(&problem, env);
    size_t limit = AIRE_PROMPT_MAX - IDEA_ROOM;
    aire__prompt_code(&code, env, problem.length < limit ? limit - problem.length : 0);
    write_idea(&text, idea);
    const char *const fields[AIRE_FIELD_COUNT] = {[AIRE_FIELD_PROBLEM] = problem.data,
                                                  [AIRE_FIELD_CODE] = code.data,
                                                  [AIRE_FIELD_IDEA] = text.data};
    aire_status status = AIRE_OK;
    for (size_t i = 1; status == AIRE_OK && i < sizeof parts / sizeof *parts; i++)
        status = aire__buf_status(parts[i]);
    if (status == AIRE_OK) {
        aire__template_fill(&buf, aire__template_text(templates, AIRE_TEMPLATE_IMPLEMENT), fields);
        status = aire__buf_take(&buf, out, NULL);
    }
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        aire__buf_free(parts[i]);
    return status == AIRE_LIMIT ? aire__fail_prefix(status, "the request for a patch") : status;
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
