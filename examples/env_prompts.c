/* aire-env: what a model would be asked, and what that costs. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "env.h"

/* What an answer is taken to have: an idea with its changes, a patch. */
enum { IDEA_TOKENS = 300, PATCH_TOKENS = 800 };

static aire_status make_ideas_prompt(const tool *t, aire_ctx *ctx, const aire_env *env, char **out)
{
    aire_plan_options options = AIRE_PLAN_OPTIONS_INIT;
    aire_plan *plan = NULL;
    options.kind = AIRE_PLAN_FRESH;
    options.count = (int32_t)tool_number(t, "batch");
    aire_status status = aire_plan_new(ctx, &options, &plan);
    if (status == AIRE_OK)
        status = aire_prompt_ideas(ctx, env, plan, tool_text(t, "templates"), out);
    aire_plan_unref(plan);
    return status;
}

static aire_status make_patch_prompt(const tool *t, aire_ctx *ctx, const aire_env *env, char **out)
{
    aire_idea_options options = AIRE_IDEA_OPTIONS_INIT;
    const char *text = tool_text(t, "idea");
    aire_idea *idea = NULL;
    options.text = text ? text : "(the text of an idea stands here)";
    aire_status status = aire_idea_new(ctx, &options, &idea);
    if (status == AIRE_OK)
        status = aire_prompt_patch(ctx, env, idea, tool_text(t, "templates"), 0, out);
    aire_idea_unref(idea);
    return status;
}

aire_status prompts_make(const tool *t, aire_ctx *ctx, const aire_env *env, prompts *out)
{
    *out = (prompts){NULL, NULL};
    aire_status status = make_ideas_prompt(t, ctx, env, &out->ideas);
    return status == AIRE_OK ? make_patch_prompt(t, ctx, env, &out->patch) : status;
}

void prompts_free(aire_ctx *ctx, prompts *p)
{
    aire_free(ctx, p->ideas);
    aire_free(ctx, p->patch);
}

static void print_time(double seconds)
{
    if (seconds < 120)
        printf("%.1f s", seconds);
    else if (seconds < 7200)
        printf("%.1f min", seconds / 60);
    else
        printf("%.1f h", seconds / 3600);
}

static void estimate_runs(const tool *t, const baseline *b, long ideas)
{
    long workers = tool_number(t, "workers");
    if (workers == 0)
        workers = sysconf(_SC_NPROCESSORS_ONLN);
    if (b->count == 0)
        return;
    printf("%ld runs of ", ideas);
    print_time(b->wall_s);
    printf(" on %ld at once: ", workers);
    print_time(b->wall_s * (double)((ideas + workers - 1) / workers));
    putchar('\n');
}

void estimate_epoch(const tool *t, aire_ctx *ctx, const prompts *p, const baseline *b)
{
    const char *spec = tool_text(t, "model");
    const char *family = spec ? spec : "";
    long ideas = tool_number(t, "epoch-size"), batch = tool_number(t, "batch");
    long requests = (ideas + batch - 1) / batch;
    int64_t ask = aire_prompt_tokens(family, p->ideas),
            patch = aire_prompt_tokens(family, p->patch);
    int64_t input = requests * ask + ideas * patch;
    int64_t output = ideas * (IDEA_TOKENS + PATCH_TOKENS);
    double dollars;
    estimate_runs(t, b, ideas);
    printf("%ld requests for %ld ideas of about %lld tokens, %ld for patches of about %lld\n",
           requests, batch, (long long)ask, ideas, (long long)patch);
    printf("about %lld tokens in, and %lld out (at %d an idea and %d a patch)\n", (long long)input,
           (long long)output, IDEA_TOKENS, PATCH_TOKENS);
    if (!spec)
        puts("price: name a --model to see it");
    else if (aire_model_cost(ctx, spec, NULL, input, output, &dollars) == AIRE_OK)
        printf("price: about %.2f dollars (parents, refused patches and thinking come on top)\n",
               dollars);
    else
        printf("price: %s\n", aire_error_message(aire_last_error()));
}
