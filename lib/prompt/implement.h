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
#include "prompt/template.h"

/*
 * The request for a unified diff that implements an idea: the problem and its rules, the code base
 * with numbered lines, the idea. `templates` is nullable: the built-in ones. *out is owned by
 * caller, free with aire_free. AIRE_OK, AIRE_NOMEM, AIRE_LIMIT (the idea alone is too long for a
 * request).
 */
aire_status aire__prompt_implement(aire_ctx *ctx, const aire_env *env,
                                   const aire_templates *templates, const aire_idea *idea,
                                   char **out);

/*
 * The follow-up in the same conversation after a patch was refused: `refusal` is the message of
 * aire_patched, or any other reason in words; it is cut where it is very long.
 */
aire_status aire__prompt_revise(aire_ctx *ctx, const aire_templates *templates, const char *refusal,
                                char **out);

/*
 * The patch in a model's answer, as AIRE_PATCH_ANSWER: all of what it says after thinking. AIRE_OK;
 * AIRE_EMPTY if it holds nothing that is meant as a patch (its detail says so in words that
 * aire__prompt_revise can pass on); AIRE_LIMIT; AIRE_NOMEM.
 */
aire_status aire__prompt_parse_patch(aire_ctx *ctx, const char *answer, aire_patch **out);

#endif
