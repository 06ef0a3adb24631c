/*
 * aire-ideas: ask a language model for ideas on an environment, and print them. Nothing is run.
 *
 * usage: aire-ideas ENV MODEL [COUNT [NAME=VALUE ...]]
 *
 * MODEL as in aire_model_new, such as anthropic:claude-sonnet-4-5 or
 * chat:qwen3-8b@http://127.0.0.1:8080/v1; its key is read from the variable that is usual for it
 * (ANTHROPIC_API_KEY, OPENAI_API_KEY, ...), else from AIRE_API_KEY. NAME=VALUE: the manifest's
 * variables. ENV may be a directory that there is an adapter for (aire/env.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

static int complain(const char *doing)
{
    fprintf(stderr, "aire-ideas: %s: %s\n", doing, aire_error_message(aire_last_error()));
    return 1;
}

static void print_text(const char *heading, const char *text)
{
    if (*text)
        printf("\n%s", heading);
    host_print(text, strlen(text), NULL);
}

static void print_idea(const aire_idea *idea)
{
    char title[201];
    printf("# %s\n", host_title(idea, title, sizeof title));
    print_text("", aire_idea_text(idea));
    print_text("## Changes\n\n", aire_idea_changes(idea));
    putchar('\n');
}

static int print_ideas(aire_ctx *ctx, aire_ideator *ideator, int count)
{
    aire_plan_options options = AIRE_PLAN_OPTIONS_INIT;
    aire_plan *plan = NULL;
    aire_ideas *ideas = NULL;
    options.kind = AIRE_PLAN_FRESH;
    options.count = count;
    if (aire_plan_new(ctx, &options, &plan) != AIRE_OK)
        return complain("plan");
    aire_status status = aire_ideator_propose(ideator, plan, NULL, &ideas);
    aire_plan_unref(plan);
    if (status == AIRE_EMPTY)
        return complain("there is no idea in the answer");
    if (status != AIRE_OK)
        return complain("asking");
    for (size_t i = 0; i < aire_ideas_count(ideas); i++)
        print_idea(aire_ideas_get(ideas, i));
    aire_ideas_unref(ideas);
    return 0;
}

static int ask(aire_ctx *ctx, aire_env *env, const char *spec, int count)
{
    aire_model_options options = AIRE_MODEL_OPTIONS_INIT;
    aire_model *model = NULL;
    aire_ideator *ideator = NULL;
    options.api_key = host_key(spec);
    if (aire_model_new(ctx, spec, &options, &model) != AIRE_OK)
        return complain("model");
    int code = aire_ideator_chat_new(ctx, env, model, NULL, &ideator) == AIRE_OK
                   ? print_ideas(ctx, ideator, count)
                   : complain("ideator");
    aire_ideator_unref(ideator);
    aire_model_unref(model);
    return code;
}

int main(int argc, char **argv)
{
    aire_ctx *ctx = NULL;
    aire_env *env = NULL;
    host_variables variables;
    const char *wrong = NULL;
    int count = argc > 3 ? atoi(argv[3]) : 3;
    if (argc < 3 || count < 1) {
        fputs("usage: aire-ideas ENV MODEL [COUNT [NAME=VALUE ...]]\n", stderr);
        return 2;
    }
    host_variables_init(&variables);
    for (int i = 4; i < argc && !wrong; i++)
        if ((wrong = host_variables_add(&variables, argv[i])))
            fprintf(stderr, "aire-ideas: %s: %s\n", wrong, argv[i]);
    if (wrong)
        return 2;
    int code = 1;
    if (aire_ctx_new(NULL, &ctx) != AIRE_OK)
        complain("context");
    else if (host_open_env(ctx, argv[1], "auto", &variables, &env) != AIRE_OK)
        complain("environment");
    else
        code = ask(ctx, env, argv[2], count);
    aire_env_unref(env);
    aire_ctx_unref(ctx);
    return code;
}
