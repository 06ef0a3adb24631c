/*
 * aire-env: look at an environment before a search is spent on it.
 *
 * `check` opens it, runs the unpatched code on a few seeds, shows what a model would be asked and
 * what it could touch, how far the metric moves by the seed alone, and what an epoch would cost.
 * Only the public headers are used.
 */
#include <math.h>
#include <string.h>

#include "env.h"

static tool_option options[] = {
    {"seeds", "N", "runs of the baseline, on seeds 1 to N", "3", true},
    {"model", "SPEC", "whose tokens and prices count, such as anthropic:claude-sonnet-4-5", NULL,
     false},
    {"epoch-size", "N", "ideas of an epoch", "80", true},
    {"batch", "N", "ideas a request", "10", true},
    {"workers", "N", "runs at once; 0: one a cpu", "0", true},
    {"brief", NULL, "leave the text of the prompt out", NULL, false},
    {"idea", "TEXT", "prompt: the request for this idea's patch, instead of the one for ideas",
     NULL, false},
    {"templates", "DIR", "prompts that replace the built-in ones", NULL, false},
    {"worker", "PATH", "the program aire-worker, where libaire is not installed", NULL, false},
    {"log", "LEVEL", "0 nothing, 1 errors, 2 warnings, 3 information, 4 everything", "2", true},
    {NULL, NULL, NULL, NULL, false},
};

static const char usage[] =
    "aire-env: look at an environment before a search is spent on it.\n"
    "\n"
    "usage: aire-env check DIR [options]      what a model sees and may touch; the baseline, its "
    "noise; an epoch's cost\n"
    "       aire-env prompt DIR [options]     the request that a model gets, and nothing else\n"
    "       aire-env manifest DIR [options]   the manifest as JSON, also the one that an adapter "
    "makes\n"
    "       aire-env init DIR NEW [options]   the same with all files as a directory NEW, to be "
    "changed by hand\n";

static const char notes[] =
    "\n"
    "exit codes: 0 good, 1 the baseline fails or something else went wrong, 2 wrong usage,\n"
    "            3 no environment, or a mistake in its manifest; 130 interrupted\n";

/* ---- what there is ---- */

static const char *trust_of(const aire_env *env)
{
    return aire_env_trust(env) == AIRE_TRUST_SELF_REPORTED
               ? "self_reported: the evaluated code could make it up"
               : "evaluated: measured by the environment's own evaluator";
}

static void print_environment(const aire_env *env)
{
    tool_heading("environment %s", aire_env_name(env));
    printf("directory  %s\n", aire_env_path(env));
    if (*aire_env_adapter(env))
        printf("read by    the adapter %s (aire-env manifest shows what it makes of it)\n",
               aire_env_adapter(env));
    printf("metric     %s (%s)\n", aire_env_metric(env), trust_of(env));
    printf("hash       %s\n", aire_env_hash(env));
}

static void print_file(aire_ctx *ctx, const aire_env *env, size_t index)
{
    size_t length = 0;
    char *regions = NULL;
    aire_env_file_data(env, index, &length, NULL);
    printf("%-10s %8zu bytes  %s", aire_file_role_name(aire_env_file_role(env, index)), length,
           aire_env_file_path(env, index));
    if (aire_env_file_regions(env, index, &regions) == AIRE_OK && *regions)
        printf(", only lines %s", regions);
    aire_free(ctx, regions);
    putchar('\n');
}

static void print_files(aire_ctx *ctx, const aire_env *env)
{
    static const int32_t roles[] = {AIRE_FILE_EDITABLE, AIRE_FILE_PROTECTED, AIRE_FILE_RESERVED,
                                    AIRE_FILE_HIDDEN};
    tool_heading("files: editable may change; protected are shown; reserved are named; hidden are "
                 "kept from models and runs");
    for (size_t r = 0; r < sizeof roles / sizeof *roles; r++)
        for (size_t i = 0; i < aire_env_file_count(env); i++)
            if (aire_env_file_role(env, i) == roles[r])
                print_file(ctx, env, i);
}

/* ---- noise ---- */

static void print_noise(const aire_env *env, const baseline *b)
{
    aire_summary s = {.struct_size = sizeof s};
    tool_heading("noise of the seed");
    if (aire_stats_summary(b->metrics, b->count, &s) != AIRE_OK) {
        puts("not known: no run of the baseline has a metric");
        return;
    }
    printf("%s: n = %zu, mean %.6g, standard deviation %.3g", aire_env_metric(env), s.count, s.mean,
           s.deviation);
    if (s.mean != 0)
        printf(" (%.2f %% of the mean)", 100 * s.deviation / fabs(s.mean));
    printf(", %.6g to %.6g\n", s.min, s.max);
    if (s.count < 2)
        puts("one run says nothing of noise: give --seeds 3 or more");
    else if (s.deviation == 0)
        puts("the seed changes nothing: it is not used, or nothing is random; one run is enough");
    else
        printf("a single run that differs by less than about %.3g may be luck; confirm on fresh "
               "seeds (aire-evolve --confirm)\n",
               2 * s.deviation);
}

/* ---- the commands ---- */

static int print_rest(const tool *t, aire_ctx *ctx, const aire_env *env, const prompts *p,
                      const baseline *b)
{
    print_noise(env, b);
    tool_heading("an epoch of %ld ideas", tool_number(t, "epoch-size"));
    estimate_epoch(t, ctx, p, b);
    if (b->failures) {
        tool_heading("the baseline fails %zu of %ld times: no search can begin with it",
                     b->failures, tool_number(t, "seeds"));
        return TOOL_FAILED;
    }
    return TOOL_OK;
}

static int check(const tool *t, aire_ctx *ctx, aire_env *env)
{
    prompts p;
    baseline b;
    if (prompts_make(t, ctx, env, &p) != AIRE_OK) {
        prompts_free(ctx, &p);
        return tool_complain(t, "prompt");
    }
    print_environment(env);
    print_files(ctx, env);
    tool_heading("what a model is asked for ideas: %zu bytes", strlen(p.ideas));
    if (tool_text(t, "brief"))
        puts("(left out)");
    else
        tool_print(p.ideas);
    tool_heading("the baseline");
    fflush(stdout);
    int code = baseline_run(t, ctx, env, &b);
    if (code == TOOL_OK)
        code = print_rest(t, ctx, env, &p, &b);
    baseline_free(&b);
    prompts_free(ctx, &p);
    return code;
}

static int print_prompt(const tool *t, aire_ctx *ctx, const aire_env *env)
{
    prompts p;
    aire_status status = prompts_make(t, ctx, env, &p);
    if (status == AIRE_OK)
        tool_print(tool_text(t, "idea") ? p.patch : p.ideas);
    prompts_free(ctx, &p);
    return status == AIRE_OK ? TOOL_OK : tool_complain(t, "prompt");
}

static int run(const tool *t, aire_ctx *ctx, aire_env *env)
{
    const char *command = t->words[0];
    if (!strcmp(command, "check"))
        return check(t, ctx, env);
    if (!strcmp(command, "prompt"))
        return print_prompt(t, ctx, env);
    if (!strcmp(command, "init"))
        return environment_write(t, env, t->words[2]);
    tool_print(aire_env_manifest(env));
    return TOOL_OK;
}

static int check_words(const tool *t)
{
    static const char *const commands[] = {"check", "prompt", "manifest", "init"};
    size_t i = 0;
    while (i < 4 && (t->word_count == 0 || strcmp(t->words[0], commands[i])))
        i++;
    if (i == 4)
        return tool_wrong(t, "a command is needed: check, prompt, manifest or init",
                          t->word_count ? t->words[0] : "nothing");
    if (t->word_count != (i == 3 ? 3 : 2))
        return tool_wrong(
            t, i == 3 ? "init needs a directory and a new one" : "one directory is needed",
            t->words[0]);
    if (tool_number(t, "epoch-size") < 1 || tool_number(t, "batch") < 1 ||
        tool_number(t, "seeds") < 1)
        return tool_wrong(t, "a number from 1 is needed", "--seeds, --epoch-size, --batch");
    return TOOL_OK;
}

int main(int argc, char **argv)
{
    tool t = {.name = "aire-env", .usage = usage, .notes = notes, .options = options};
    aire_ctx *ctx = NULL;
    aire_env *env = NULL;
    bool done;
    int code = tool_parse(&t, argc, argv, &done);
    if (code == TOOL_OK && !done)
        code = check_words(&t);
    if (code != TOOL_OK || done)
        return code;
    if (tool_start(&t, &ctx) != AIRE_OK)
        return tool_complain(&t, "start");
    tool_catch_interrupts();
    if (tool_open_env(&t, ctx, t.words[1], &env) != AIRE_OK) {
        tool_complain(&t, "environment");
        code = TOOL_NO_ENVIRONMENT;
    } else {
        code = run(&t, ctx, env);
    }
    aire_env_unref(env);
    aire_ctx_unref(ctx);
    return code;
}
