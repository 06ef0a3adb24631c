/* aire-run: where each change of a patch was placed, and how surely. */
#include <stdlib.h>
#include <string.h>

#include "run.h"

static const char *how_it_was_placed(int32_t how)
{
    switch (how) {
#define WORD(name, value, word)                                                                    \
    case value:                                                                                    \
        return word;
        AIRE_PLACED_MAP(WORD)
#undef WORD
    default:
        return "?";
    }
}

static aire_patch_file *files_of(const aire_env *env)
{
    size_t count = aire_env_file_count(env);
    aire_patch_file *files = calloc(count + 1, sizeof *files);
    for (size_t i = 0; files && i < count; i++) {
        files[i].path = aire_env_file_path(env, i);
        files[i].data = aire_env_file_data(env, i, &files[i].length, NULL);
        files[i].editable = aire_env_file_role(env, i) == AIRE_FILE_EDITABLE;
    }
    return files;
}

static void print_hunks(const aire_patch_applied *applied)
{
    for (size_t i = 0; i < aire_patch_applied_hunk_count(applied); i++) {
        aire_patch_applied_hunk hunk = {.struct_size = sizeof hunk};
        if (aire_patch_applied_get_hunk(applied, i, &hunk) == AIRE_OK)
            printf("line %zu of the patch: %s, line %zu (%s, confidence %.2f)\n", hunk.patch_line,
                   hunk.path, hunk.line, how_it_was_placed(hunk.how), hunk.confidence);
    }
}

static void place(aire_ctx *ctx, const aire_env *env, const aire_patch *patch)
{
    aire_patch_applied *applied = NULL;
    aire_patch_apply_options options = AIRE_PATCH_APPLY_OPTIONS_INIT;
    aire_patch_file *files = files_of(env);
    options.creatable = "**"; /* the executor has decided already */
    if (files && aire_patch_apply(ctx, patch, files, aire_env_file_count(env), &options,
                                  &applied) == AIRE_OK)
        print_hunks(applied);
    aire_patch_applied_unref(applied);
    free(files);
}

/* The answer of the model that went on, as a patch; NULL if there is none. */
static aire_patch *chosen_answer(aire_ctx *ctx, aire_store *store, int64_t run_id)
{
    aire_drafts *drafts = NULL;
    aire_patch *patch = NULL;
    if (aire_store_drafts(store, run_id, &drafts) != AIRE_OK)
        return NULL;
    for (size_t i = aire_drafts_count(drafts); i-- > 0 && !patch;) {
        const aire_draft *draft = aire_drafts_get(drafts, i);
        if (draft->chosen && draft->kind != AIRE_DRAFT_CHECK && *draft->answer &&
            aire_patch_new(ctx, AIRE_PATCH_ANSWER, draft->answer, strlen(draft->answer), &patch) !=
                AIRE_OK)
            break;
    }
    aire_drafts_unref(drafts);
    return patch;
}

void print_placement(aire_ctx *ctx, const aire_env *env, aire_store *store,
                     const aire_result *result)
{
    aire_idea *idea = aire_result_idea(result);
    aire_patch *given = idea ? aire_idea_patch(idea) : NULL;
    aire_patch *patch =
        given ? aire_patch_ref(given) : chosen_answer(ctx, store, aire_result_run_id(result));
    if (patch)
        place(ctx, env, patch);
    aire_patch_unref(patch);
}
