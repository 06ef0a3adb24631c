/*
 * Requests that turn an idea into a patch, and what comes back.
 *
 * A conversation is: user aire__prompt_implement, assistant answer, user aire__prompt_revise,
 * assistant answer, ... The first message holds all that is needed; there is no system message.
 */
#ifndef AIRE_PROMPT_IMPLEMENT_H
#define AIRE_PROMPT_IMPLEMENT_H

#include "aire/env.h"
#include "aire/idea.h"
#include "patch/patch.h"
#include "prompt/template.h"

/* What requests for the patch of one idea share; all is borrowed. */
typedef struct aire_prompt_task {
    const aire_env *env;
    const aire_templates *templates; /* NULL: the built-in ones */
    const aire_idea *idea;
    uint32_t forms; /* AIRE_FORM_*, or'ed; 0 is unified diffs */
} aire_prompt_task;

/*
 * The request for a patch that implements an idea: the problem and its rules, the code base with
 * numbered lines, the idea, the forms of the answer. *out is owned by caller, free with aire_free.
 * AIRE_OK, AIRE_NOMEM, AIRE_LIMIT (the idea alone is too long for a request).
 */
aire_status aire__prompt_implement(aire_ctx *ctx, const aire_prompt_task *task, char **out);

/*
 * The same after the patched code failed: with the patch, the files as it left them, and what is
 * known of the failure in words. It begins a conversation of its own.
 */
aire_status aire__prompt_debug(aire_ctx *ctx, const aire_prompt_task *task,
                               const aire_patched *patched, const char *failure, char **out);

/* The question whether a patch does what its idea says, for another model. */
aire_status aire__prompt_verify(aire_ctx *ctx, const aire_prompt_task *task,
                                const aire_patched *patched, char **out);

/* The answer to that: *reason, from aire_alloc, is what was said beside yes or no. AIRE_EMPTY
 * (without a detail): neither was said. */
aire_status aire__prompt_parse_verdict(aire_ctx *ctx, const char *answer, bool *yes, char **reason);

/*
 * The follow-up in the same conversation after a patch was refused: `refusal` is the message of
 * aire_patched, or any other reason in words; it is cut where it is very long.
 */
aire_status aire__prompt_revise(aire_ctx *ctx, const aire_templates *templates, const char *refusal,
                                char **out);

/*
 * The patch in a model's answer, as AIRE_PATCH_ANSWER: the whole answer. AIRE_OK;
 * AIRE_EMPTY if it holds nothing that is meant as a patch (its detail says so in words that
 * aire__prompt_revise can pass on); AIRE_LIMIT; AIRE_NOMEM.
 */
aire_status aire__prompt_parse_patch(aire_ctx *ctx, const char *answer, aire_patch **out);

#endif
