/*
 * From an idea to files: the Implementer of arXiv 2601.14525, section 3.
 *
 * An idea may bring its patch. Otherwise a model is asked for candidates (candidates.h), and
 * another one, if the host wants it, whether what goes on is the idea (check.h). What fails to run
 * is repaired (repair.c).
 */
#include "executor/implement.h"

#include <string.h>

#include "base/fail.h"
#include "base/hash.h"
#include "base/str.h"
#include "env/blocks.h"
#include "executor/check.h"

aire_status aire__workshop_sources(aire_workshop *shop)
{
    const aire_env *env = shop->env;
    shop->sources =
        aire__calloc(shop->ctx, env->file_count ? env->file_count : 1, sizeof *shop->sources);
    if (!shop->sources)
        return aire__fail_nomem();
    for (size_t i = 0; i < env->file_count; i++)
        shop->sources[i] =
            (aire_patch_source){env->files[i].path, env->files[i].data, env->files[i].length,
                                env->files[i].role == AIRE_FILE_EDITABLE};
    return AIRE_OK;
}

void aire__variant_hash(const aire_env *env, const aire_patched *patched, char out[65])
{
    aire_sha256 hash;
    aire__sha256_init(&hash);
    aire__sha256_field(&hash, env->hash, strlen(env->hash));
    for (size_t i = 0; i < patched->edit_count; i++) {
        const aire_patch_edit *edit = &patched->edits[i];
        uint8_t there = edit->data != NULL;
        aire__sha256_field(&hash, edit->path, strlen(edit->path));
        aire__sha256_field(&hash, &there, 1);
        aire__sha256_field(&hash, edit->data ? edit->data : "", edit->length);
    }
    aire__sha256_hex(&hash, out);
}

static bool may_create(const char *path, void *env)
{
    return aire__env_role(env, path) == AIRE_FILE_EDITABLE;
}

/* A patch that fits may still change what stands outside of the manifest's editable regions. */
static aire_status check_regions(const aire_workshop *shop, aire_patched *patched)
{
    char *message = NULL;
    aire_status status = AIRE_OK;
    for (size_t i = 0; i < patched->edit_count && status == AIRE_OK && !message; i++)
        status = aire__blocks_check(shop->env, patched->edits[i].path, patched->edits[i].data,
                                    patched->edits[i].length, &message);
    if (status != AIRE_OK || message)
        aire__patched_free(patched);
    if (status == AIRE_OK && message)
        *patched = (aire_patched){.ctx = shop->ctx,
                                  .outcome = AIRE_OUTCOME_VIOLATION,
                                  .cause = AIRE_CAUSE_PATCH_ROLE,
                                  .message = message};
    return status;
}

aire_status aire__apply_to_env(const aire_workshop *shop, const aire_patch *patch,
                               aire_patched *out)
{
    aire_patch_base base = {shop->sources, shop->env->file_count, may_create, shop->env};
    aire_status status = aire__patch_apply(shop->ctx, patch, &base, out);
    return status == AIRE_OK && out->outcome == AIRE_OUTCOME_OK ? check_regions(shop, out) : status;
}

/* ---- from the models ---- */

aire_status aire__have_patch(aire_try *t, const char *text, const char *sent, aire_writing *out)
{
    aire_drafts *known = NULL;
    *out = (aire_writing){.answer = NULL};
    aire_status status = aire__drafts_known(t, &known);
    if (status == AIRE_OK)
        status = aire__candidates_ask(t, known, text, sent, out);
    if (status == AIRE_OK && !out->trial.refusal && t->shop->checker)
        status = aire__check(t, known, out);
    aire_drafts_unref(known);
    if (status != AIRE_OK)
        aire__writing_free(t->shop->ctx, out);
    return status;
}

aire_status aire__take_patch(aire_try *t, aire_writing *writing)
{
    if (t->patched.ctx)
        aire__patched_free(&t->patched);
    t->patched = writing->trial.patched;
    writing->trial.patched = (aire_patched){.ctx = NULL};
    t->is_written = true;
    return aire__draft_choose(t, writing->draft);
}

static aire_status write_patch(aire_try *t)
{
    aire_ctx *ctx = t->shop->ctx;
    const aire_prompt_task task = aire__talk_task(t);
    aire_writing w = {.answer = NULL};
    char *text = NULL;
    aire_status status = aire__prompt_implement(ctx, &task, &text);
    if (status == AIRE_OK)
        status = aire__have_patch(t, text, "", &w);
    t->is_unpaid = text && status == AIRE_LIMIT;
    aire_free(ctx, text);
    if (status != AIRE_OK)
        return status;
    if (w.trial.refusal)
        status =
            aire__settle(t, w.trial.patched.outcome, w.trial.patched.cause, "%s", w.trial.refusal);
    else
        status = aire__take_patch(t, &w);
    aire__writing_free(ctx, &w);
    return status;
}

/* ---- a patch that is there ---- */

static aire_status use_patch(aire_try *t, const aire_patch *patch)
{
    aire_status status = aire__apply_to_env(t->shop, patch, &t->patched);
    if (status == AIRE_LIMIT)
        return aire__settle(t, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_SYNTAX,
                            "the patched files are too large");
    if (status == AIRE_OK && t->patched.outcome != AIRE_OUTCOME_OK)
        return aire__settle(t, t->patched.outcome, t->patched.cause, "%s", t->patched.message);
    return status;
}

/* The patch that an idea's run came to: what confirms it runs the same. NULL if there is none. */
static aire_status confirmed_patch(const aire_try *t, aire_patch **out)
{
    aire_store_query query = AIRE_STORE_QUERY_INIT;
    aire_results *runs = NULL;
    *out = NULL;
    if (t->run->kind != AIRE_RUN_CONFIRM || !t->shop->store)
        return AIRE_OK;
    query.kind = AIRE_RUN_IDEA;
    query.idea_id = aire_idea_id(t->run->idea);
    aire_status status = aire_store_results(t->shop->store, &query, &runs);
    if (status == AIRE_OK && aire_results_count(runs) > 0)
        *out = aire_patch_ref(aire_result_patch(aire_results_get(runs, 0)));
    aire_results_unref(runs);
    return status;
}

/* ---- the whole ---- */

aire_status aire__implement(aire_try *t)
{
    aire_patch *patch = aire_patch_ref(aire_idea_patch(t->run->idea));
    aire_status status = AIRE_OK;
    t->ending.stage = AIRE_STAGE_IMPLEMENT;
    if (!patch)
        status = confirmed_patch(t, &patch);
    if (status == AIRE_OK && patch)
        status = use_patch(t, patch);
    else if (status == AIRE_OK && t->shop->implementer)
        status = write_patch(t);
    else if (status == AIRE_OK)
        status = aire__settle(
            t, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_NO_PATCH,
            "the idea brings no patch, and the executor has no implementer to write one");
    aire_patch_unref(patch);
    if (status == AIRE_OK && t->ending.outcome == AIRE_OUTCOME_OK)
        aire__variant_hash(t->shop->env, &t->patched, t->variant);
    return status;
}
