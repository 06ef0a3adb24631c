/* The idea that a setting is. */
#include "ideator/knob_idea.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "ideator/knob_words.h"

#define TEXT_MAX ((size_t)1 << 20)

static void describe(const aire_env *env, const aire_knob_idea *given, aire_buf *title,
                     aire_buf *text, aire_buf *changes)
{
    long long first = given->parents[0], second = given->parents[1];
    aire__setting_title(title, env, given->turns);
    aire__setting_words(text, env, given->turns);
    if (given->why && given->why[0])
        aire__buf_printf(text, "%s\n", given->why);
    if (first && second)
        aire__buf_printf(text, "Joins ideas %lld and %lld.\n", first, second);
    else if (first)
        aire__buf_printf(text, "Builds on idea %lld.\n", first);
    aire__setting_print(changes, env, given->turns);
}

static aire_status make(aire_ctx *ctx, const aire_env *env, const aire_knob_idea *given,
                        aire_patch *patch, aire_idea **out)
{
    aire_buf bufs[3]; /* title, text, changes */
    aire_status status = AIRE_OK;
    for (size_t i = 0; i < 3; i++)
        aire__buf_init(&bufs[i], ctx, TEXT_MAX);
    describe(env, given, &bufs[0], &bufs[1], &bufs[2]);
    for (size_t i = 0; status == AIRE_OK && i < 3; i++)
        status = aire__buf_status(&bufs[i]);
    if (status == AIRE_OK) {
        int64_t parents[2];
        aire_idea_options fields = AIRE_IDEA_OPTIONS_INIT;
        fields.ordinal = given->ordinal;
        fields.plan = given->plan;
        fields.title = bufs[0].data;
        fields.text = bufs[1].data;
        fields.changes = bufs[2].data;
        fields.reasoning = given->how;
        fields.origin = given->origin;
        fields.parents = parents;
        for (size_t i = 0; i < 2; i++)
            if (given->parents[i])
                parents[fields.parent_count++] = given->parents[i];
        fields.patch = patch;
        status = aire_idea_new(ctx, &fields, out);
    }
    for (size_t i = 0; i < 3; i++)
        aire__buf_free(&bufs[i]);
    return status;
}

aire_status aire__knob_idea_new(aire_ctx *ctx, const aire_env *env, const aire_knob_idea *given,
                                aire_knob_edits *edits, aire_idea **out)
{
    char *diff = NULL;
    aire_patch *patch = NULL;
    aire_status status = aire__knob_diff(edits, env, &diff);
    if (status == AIRE_OK)
        status = aire_patch_new(ctx, AIRE_PATCH_UNIFIED, diff, strlen(diff), &patch);
    if (status == AIRE_OK)
        status = make(ctx, env, given, patch, out);
    aire_patch_unref(patch);
    aire_free(ctx, diff);
    return status;
}
