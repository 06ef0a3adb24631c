/**
 * @file prompt.h
 * Prompts: what a model is shown of an environment, to be looked at before anything is asked.
 */
#ifndef AIRE_PROMPT_H
#define AIRE_PROMPT_H

#include "aire/env.h"
#include "aire/idea.h"
#include "aire/plan.h"

AIRE_BEGIN_DECLS

/** Forms of a patch that the implementer is asked for; any is read, whichever was asked for. */
enum {
    AIRE_FORM_UNIFIED = 1, /**< unified diffs */
    AIRE_FORM_BLOCKS = 2,  /**< search/replace blocks */
    AIRE_FORM_FILES = 4    /**< whole files */
};

/**
 * The request for ideas that aire_ideator_chat_new makes of a plan, without notes and in 256 KiB.
 *
 * @param template_dir as in aire_ideator_chat_options; nullable
 * @param[out] out     owned by caller, free with aire_free
 * @return AIRE_OK, AIRE_INVALID, AIRE_LIMIT (the manifest's texts leave no room), AIRE_NOT_FOUND,
 *         AIRE_FORMAT (templates), AIRE_IO, AIRE_NOMEM
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_prompt_ideas(aire_ctx *ctx, const aire_env *env,
                                                  const aire_plan *plan, const char *template_dir,
                                                  char **out);

/**
 * The first request for a patch that an executor's implementer is asked of an idea.
 *
 * @param template_dir as in aire_executor_options; nullable
 * @param forms        AIRE_FORM_*, or'ed; 0: AIRE_FORM_UNIFIED
 * @param[out] out     owned by caller, free with aire_free
 * @return as aire_prompt_ideas
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_prompt_patch(aire_ctx *ctx, const aire_env *env,
                                                  const aire_idea *idea, const char *template_dir,
                                                  uint32_t forms, char **out);

/**
 * How many tokens a text has for a model: an estimate from its bytes by the model's family, rather
 * too many than too few.
 *
 * @param model a specification, as of aire_model_new, or a name
 * @since 0.1
 */
AIRE_API int64_t aire_prompt_tokens(const char *model, const char *text);

AIRE_END_DECLS

#endif
