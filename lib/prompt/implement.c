/* Requests that turn an idea into a patch. */
#include "prompt/implement.h"

#include "base/fail.h"
#include "prompt/context.h"

enum {
    IDEA_ROOM = 32 << 10, /* bytes kept for the idea and the form of the answer */
    REFUSAL_MAX = 8000
};

static const char form[] =
    "## Task\n"
    "Write the patch that implements this idea, whole and nothing beyond it. The patched code must "
    "build and run as the original does.\n\n"
    "Answer with one unified diff in a ```diff fence:\n"
    "- file names as `--- a/PATH` and `+++ b/PATH`, relative to the code base; `--- /dev/null` for "
    "a new file;\n"
    "- hunks headed `@@ -START,COUNT +START,COUNT @@`, with three unchanged lines before and after "
    "each change;\n"
    "- unchanged and removed lines copied to the letter, white space included, but without the "
    "line "
    "numbers and bars that are shown above;\n"
    "- editable files only.\n";

aire_status aire__prompt_implement(aire_ctx *ctx, const aire_env *env, const aire_idea *idea,
                                   char **out)
{
    aire_buf buf;
    aire__buf_init(&buf, ctx, AIRE_PROMPT_MAX);
    aire__buf_puts(&buf, "You are an engineer who turns research ideas into working patches.\n\n");
    aire__prompt_problem(&buf, env);
    size_t limit = AIRE_PROMPT_MAX - IDEA_ROOM;
    aire__prompt_code(&buf, env, buf.length < limit ? limit - buf.length : 0);
    aire__buf_printf(&buf, "## Idea: %s\n", aire_idea_title(idea));
    aire__prompt_text(&buf, aire_idea_text(idea), IDEA_ROOM / 3);
    if (aire_idea_changes(idea)[0]) {
        aire__buf_puts(&buf, "\nChanges to the code:\n");
        aire__prompt_text(&buf, aire_idea_changes(idea), IDEA_ROOM / 2);
    }
    aire__buf_puts(&buf, "\n");
    aire__buf_puts(&buf, form);
    aire_status status = aire__buf_take(&buf, out, NULL);
    return status == AIRE_LIMIT ? aire__fail_prefix(status, "the request for a patch") : status;
}

aire_status aire__prompt_revise(aire_ctx *ctx, const char *refusal, char **out)
{
    aire_buf buf;
    aire__buf_init(&buf, ctx, AIRE_PROMPT_MAX);
    aire__buf_puts(&buf, "The patch was refused, and nothing was changed. The reason:\n\n");
    aire__prompt_text(&buf, refusal, REFUSAL_MAX);
    aire__buf_puts(&buf,
                   "\nCompare it with the code base above, and answer with the whole patch "
                   "once more, corrected, against the unchanged code and in the same form.\n");
    return aire__buf_take(&buf, out, NULL);
}
