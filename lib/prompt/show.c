/* Requests as hosts may look at them. */
#include "aire/prompt.h"

#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "prompt/context.h"
#include "prompt/ideas.h"
#include "prompt/implement.h"
#include "prompt/tokens.h"

aire_status aire_prompt_ideas(aire_ctx *ctx, const aire_env *env, const aire_plan *plan,
                              const char *template_dir, char **out)
{
    aire_templates *templates = NULL;
    if (!ctx || !env || !plan || !out)
        return aire__fail(AIRE_INVALID,
                          "aire_prompt_ideas: ctx, env, plan and out must not be NULL");
    aire_status status = aire__templates_load(ctx, template_dir, &templates);
    if (status != AIRE_OK)
        return status;
    const aire_prompt_request request = {
        .env = env, .plan = plan, .templates = templates, .max = AIRE_PROMPT_MAX};
    status = aire__prompt_ideas(ctx, &request, out);
    aire__templates_free(templates);
    return status;
}

aire_status aire_prompt_patch(aire_ctx *ctx, const aire_env *env, const aire_idea *idea,
                              const char *template_dir, uint32_t forms, char **out)
{
    aire_templates *templates = NULL;
    if (!ctx || !env || !idea || !out)
        return aire__fail(AIRE_INVALID,
                          "aire_prompt_patch: ctx, env, idea and out must not be NULL");
    aire_status status = aire__templates_load(ctx, template_dir, &templates);
    if (status != AIRE_OK)
        return status;
    const aire_prompt_task task = {env, templates, idea, forms};
    status = aire__prompt_implement(ctx, &task, out);
    aire__templates_free(templates);
    return status;
}

int64_t aire_prompt_tokens(const char *model, const char *text)
{
    return (int64_t)ceil((double)strlen(text) / aire__bytes_per_token(model));
}
