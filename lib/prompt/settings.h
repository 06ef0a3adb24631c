/* Requests for settings of knobs: what there is to choose from, and the JSON schema of an answer.
 */
#ifndef AIRE_PROMPT_SETTINGS_H
#define AIRE_PROMPT_SETTINGS_H

#include "prompt/ideas.h"

/* What stands for a choice that is left as it is in the code. */
#define AIRE_PROMPT_UNCHANGED "unchanged"

/* The request, as aire__prompt_ideas. */
aire_status aire__prompt_settings(aire_ctx *ctx, const aire_prompt_request *request, char **out);

/*
 * The schema: {"ideas": [{"why": text, KNOB: value, ...}, ...]} with `count` ideas, each with all
 * knobs. *out is owned by caller, free with aire_free. AIRE_OK, AIRE_NOMEM.
 */
aire_status aire__prompt_settings_schema(aire_ctx *ctx, const aire_env *env, int32_t count,
                                         char **out);

#endif
