/*
 * From an idea to files: the Implementer of arXiv 2601.14525, section 3.
 *
 * An idea may bring its patch. Otherwise a model is asked for one, and is given back the reason
 * when it does not apply, at most twice, as in the paper.
 */
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "base/hash.h"
#include "base/str.h"
#include "env/blocks.h"
#include "executor/job.h"
#include "prompt/implement.h"

enum { REVISIONS_MAX = 2, MESSAGES_MAX = 2 * REVISIONS_MAX + 1 };

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

/* ---- asking the model ---- */

typedef struct conversation {
    char *texts[MESSAGES_MAX]; /* user and assistant in turn */
    size_t count;
} conversation;

static void conversation_free(aire_ctx *ctx, conversation *c)
{
    for (size_t i = 0; i < c->count; i++)
        aire_free(ctx, c->texts[i]);
}

static aire_status ask(aire_try *t, const conversation *c, int round, aire_answer **answer)
{
    aire_message messages[MESSAGES_MAX];
    aire_request request = {.struct_size = sizeof request,
                            .messages = messages,
                            .message_count = c->count,
                            .temperature = NAN,
                            .purpose = round ? "revise" : "patch"};
    for (size_t i = 0; i < c->count; i++)
        messages[i] = (aire_message){i % 2 ? "assistant" : "user", c->texts[i]};
    request.seed = t->run->seed + (uint64_t)round;
    request.idea_id = aire_idea_id(t->run->idea);
    request.plan_id = aire_idea_plan(t->run->idea) ? aire_plan_id(aire_idea_plan(t->run->idea)) : 0;
    return aire_model_complete(t->shop->implementer, &request, t->cancel, answer);
}

/* The patch in an answer, applied; *refusal (from aire_alloc) says what the model should know, NULL
 * if it applied. */
static aire_status try_answer(aire_try *t, const aire_answer *answer, char **refusal)
{
    aire_ctx *ctx = t->shop->ctx;
    aire_patch *patch = NULL;
    aire_status status = aire__prompt_parse_patch(ctx, aire_answer_get(answer)->text, &patch);
    *refusal = NULL;
    if (status == AIRE_EMPTY || status == AIRE_LIMIT) {
        t->patched = (aire_patched){
            .ctx = ctx, .outcome = AIRE_OUTCOME_MODEL_FAILED, .cause = AIRE_CAUSE_MODEL_ANSWER};
        *refusal = aire__strdup(ctx, aire_error_message(aire_last_error()));
        return *refusal ? AIRE_OK : aire__fail_nomem();
    }
    if (status == AIRE_OK)
        status = aire__apply_to_env(t->shop, patch, &t->patched);
    aire_patch_unref(patch);
    if (status == AIRE_OK && t->patched.outcome != AIRE_OUTCOME_OK) {
        *refusal = aire__strdup(ctx, t->patched.message);
        return *refusal ? AIRE_OK : aire__fail_nomem();
    }
    return status;
}

static aire_status converse(aire_try *t, conversation *c)
{
    aire_ctx *ctx = t->shop->ctx;
    aire_status status =
        aire__prompt_implement(ctx, t->shop->env, t->shop->templates, t->run->idea, &c->texts[0]);
    c->count = status == AIRE_OK;
    for (int round = 0; status == AIRE_OK; round++) {
        aire_answer *answer = NULL;
        char *refusal = NULL;
        status = ask(t, c, round, &answer);
        if (status == AIRE_CANCELLED || status == AIRE_NOMEM)
            return status;
        if (status != AIRE_OK)
            return aire__settle(t, AIRE_OUTCOME_MODEL_FAILED, AIRE_CAUSE_MODEL, "%s",
                                aire_error_message(aire_last_error()));
        status = try_answer(t, answer, &refusal);
        bool again = status == AIRE_OK && refusal && round < REVISIONS_MAX;
        if (again) {
            c->texts[c->count] = aire__strdup(ctx, aire_answer_get(answer)->text);
            c->count += c->texts[c->count] != NULL;
            status = aire__prompt_revise(ctx, t->shop->templates, refusal, &c->texts[c->count]);
            c->count += status == AIRE_OK;
            aire__patched_free(&t->patched);
        } else if (status == AIRE_OK && refusal) {
            status = aire__settle(t, t->patched.outcome, t->patched.cause, "%s", refusal);
        }
        aire_answer_unref(answer);
        aire_free(ctx, refusal);
        if (!again)
            break;
    }
    return status;
}

/* ---- the whole ---- */

aire_status aire__implement(aire_try *t)
{
    aire_patch *patch = aire_idea_patch(t->run->idea);
    aire_status status;
    t->ending.stage = AIRE_STAGE_IMPLEMENT;
    if (patch) {
        status = aire__apply_to_env(t->shop, patch, &t->patched);
        if (status == AIRE_LIMIT)
            status = aire__settle(t, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_SYNTAX,
                                  "the patched files are too large");
        else if (status == AIRE_OK && t->patched.outcome != AIRE_OUTCOME_OK)
            status =
                aire__settle(t, t->patched.outcome, t->patched.cause, "%s", t->patched.message);
    } else if (t->shop->implementer) {
        conversation c = {.count = 0};
        status = converse(t, &c);
        conversation_free(t->shop->ctx, &c);
    } else {
        status = aire__settle(
            t, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_NO_PATCH,
            "the idea brings no patch, and the executor has no implementer to write one");
    }
    if (status == AIRE_OK && t->ending.outcome == AIRE_OUTCOME_OK)
        aire__variant_hash(t->shop->env, &t->patched, t->variant);
    return status;
}
