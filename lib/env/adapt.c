/* Which adapter a directory is for. */
#include "env/adapt.h"

#include <string.h>

#include "base/fail.h"
#include "base/str.h"

static const struct {
    const char *word;
    bool (*fits)(const aire_adapting *a);
    aire_status (*adapt)(const aire_adapting *a);
    const char *needs;
} adapters[] = {
    {"openevolve", aire__is_openevolve, aire__adapt_openevolve,
     "initial_program.py (or another ending, or a directory) and evaluator.py"},
    {"autoresearch", aire__is_autoresearch, aire__adapt_autoresearch,
     "train.py, prepare.py and program.md"},
    {"paper", aire__is_paper, aire__adapt_paper, "run_job.sh, and train.py or grpo.py"},
};

enum { ADAPTERS = sizeof adapters / sizeof *adapters };

void aire__adapted_clear(aire_adapted *adapted)
{
    json_decref(adapted->manifest);
    *adapted = (aire_adapted){0};
}

static aire_status not_of_any_kind(const aire_adapting *a)
{
    aire_buf text;
    char *message = NULL;
    aire__buf_init(&text, a->ctx, 2048);
    for (size_t i = 0; i < ADAPTERS; i++)
        aire__buf_printf(&text, "%s %s: %s", i ? ";" : "", adapters[i].word, adapters[i].needs);
    aire_status status = aire__buf_take(&text, &message, NULL);
    if (status == AIRE_OK)
        status = aire__fail(AIRE_NOT_FOUND,
                            "'%s' has no aire.json, and is no directory that there is an adapter "
                            "for:%s",
                            a->directory, message);
    aire_free(a->ctx, message);
    return status;
}

static size_t find_adapter(const aire_adapting *a, const char *word)
{
    size_t i = 0;
    while (i < ADAPTERS &&
           (strcmp(word, "auto") ? strcmp(word, adapters[i].word) != 0 : !adapters[i].fits(a)))
        i++;
    return i;
}

/* Manifests are UTF-8, and what these say gets into one. */
static aire_status check_texts(const aire_adapting *a)
{
    if (!aire__utf8_valid(a->directory, strlen(a->directory)))
        return aire__fail(AIRE_INVALID, "the path of the directory is not UTF-8");
    for (size_t i = 0; a->variables && a->variables[i]; i++)
        if (!aire__utf8_valid(a->variables[i], strlen(a->variables[i])))
            return aire__fail(AIRE_INVALID, "the variable %.*s is not UTF-8",
                              (int)strcspn(a->variables[i], "="), a->variables[i]);
    return AIRE_OK;
}

aire_status aire__adapt(aire_ctx *ctx, const char *directory, const char *word,
                        const char *const *variables, const char **kind, aire_adapted *out)
{
    aire_adapting a = {ctx, word, directory, variables, out};
    size_t i = find_adapter(&a, word);
    if (i == ADAPTERS && !strcmp(word, "auto"))
        return not_of_any_kind(&a);
    if (i == ADAPTERS)
        return aire__fail(AIRE_INVALID,
                          "there is no adapter '%s'; known are openevolve, autoresearch, paper and "
                          "auto",
                          word);
    a.kind = adapters[i].word;
    if (!adapters[i].fits(&a))
        return aire__fail(AIRE_NOT_FOUND, "'%s' is no directory for the adapter %s, which needs %s",
                          directory, a.kind, adapters[i].needs);
    *out = (aire_adapted){0};
    aire_status status = check_texts(&a);
    if (status == AIRE_OK)
        status = adapters[i].adapt(&a);
    if (status == AIRE_OK && !out->manifest)
        status = aire__fail_nomem();
    if (status == AIRE_OK)
        *kind = a.kind;
    else
        aire__adapted_clear(out);
    return status;
}
