#include "executor/conversation.h"

#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "base/rng.h"
#include "base/str.h"

/* ---- what is said ---- */

aire_status aire__talk_begin(aire_ctx *ctx, aire_talk *talk, const char *text)
{
    *talk = (aire_talk){.count = 0};
    talk->texts[0] = aire__strdup(ctx, text);
    talk->count = talk->texts[0] != NULL;
    return talk->count ? AIRE_OK : aire__fail_nomem();
}

/* Providers refuse a conversation in which somebody says nothing, as a model does that was cut off
 * while it thought. */
static const char *spoken(const char *answer)
{
    return answer[strspn(answer, " \t\r\n")] ? answer : "(no answer)";
}

aire_status aire__talk_go_on(const aire_workshop *shop, aire_talk *talk, const char *answer,
                             const char *refusal)
{
    char *said = aire__strdup(shop->ctx, spoken(answer)), *next = NULL;
    if (!said)
        return aire__fail_nomem();
    aire_status status = aire__prompt_revise(shop->ctx, shop->templates, refusal, &next);
    if (status != AIRE_OK) {
        aire_free(shop->ctx, said);
        return status;
    }
    talk->texts[talk->count++] = said;
    talk->texts[talk->count++] = next;
    return AIRE_OK;
}

void aire__talk_free(aire_ctx *ctx, aire_talk *talk)
{
    for (size_t i = 0; i < talk->count; i++)
        aire_free(ctx, talk->texts[i]);
    talk->count = 0;
}

/* ---- what is asked ---- */

/* Positive, and not above 2^31 - 1: every provider that has a seed takes such a one. */
static uint64_t seed_of(const aire_try *t, int32_t candidate, int32_t round)
{
    aire_rng rng;
    uint64_t place =
        (uint64_t)t->repairs << 32 | (uint64_t)candidate << 16 | (uint64_t)(uint32_t)round;
    aire__rng_init(&rng, t->run->seed, "implement", place);
    return 1 + aire__rng_below(&rng, INT32_MAX);
}

aire_request aire__talk_request(const aire_try *t, const aire_talk *talk, aire_message *messages,
                                int32_t candidate, int32_t round)
{
    const aire_idea *idea = t->run->idea;
    for (size_t i = 0; i < talk->count; i++)
        messages[i] = (aire_message){i % 2 ? "assistant" : "user", talk->texts[i]};
    return (aire_request){.struct_size = sizeof(aire_request),
                          .messages = messages,
                          .message_count = talk->count,
                          .temperature = NAN,
                          .seed = seed_of(t, candidate, round),
                          .purpose = round        ? "revise"
                                     : t->repairs ? "repair"
                                                  : "patch",
                          .idea_id = aire_idea_id(idea),
                          .plan_id = aire_idea_plan(idea) ? aire_plan_id(aire_idea_plan(idea)) : 0};
}

bool aire__talk_is_over(aire_status status, aire_cancel *cancel)
{
    return status == AIRE_NOMEM || (status == AIRE_CANCELLED && aire_cancel_fired(cancel));
}

aire_prompt_task aire__talk_task(const aire_try *t)
{
    return (aire_prompt_task){t->shop->env, t->shop->templates, t->run->idea, t->shop->how.forms};
}

/* ---- what is answered ---- */

static aire_status refuse(aire_ctx *ctx, const char *why, aire_trial *out)
{
    out->refusal = aire__strdup(ctx, why);
    return out->refusal ? AIRE_OK : aire__fail_nomem();
}

/* The patch of an answer, applied; it is taken over. */
static aire_status apply(const aire_workshop *shop, aire_patch *patch, aire_trial *out)
{
    aire_status status = aire__apply_to_env(shop, patch, &out->patched);
    aire_patch_unref(patch);
    if (status == AIRE_LIMIT) {
        out->patched = (aire_patched){.ctx = shop->ctx,
                                      .outcome = AIRE_OUTCOME_PATCH_FAILED,
                                      .cause = AIRE_CAUSE_PATCH_SYNTAX};
        return refuse(shop->ctx, "the patched files are too large", out);
    }
    if (status == AIRE_OK && out->patched.outcome != AIRE_OUTCOME_OK)
        return refuse(shop->ctx, out->patched.message, out);
    return status;
}

aire_status aire__trial_make(const aire_workshop *shop, const char *answer, aire_trial *out)
{
    aire_patch *patch = NULL;
    *out = (aire_trial){.refusal = NULL};
    aire_status status = aire__prompt_parse_patch(shop->ctx, answer, &patch);
    if (status == AIRE_OK)
        return apply(shop, patch, out);
    if (status != AIRE_EMPTY && status != AIRE_LIMIT)
        return status;
    out->patched = (aire_patched){
        .ctx = shop->ctx, .outcome = AIRE_OUTCOME_MODEL_FAILED, .cause = AIRE_CAUSE_MODEL_ANSWER};
    return refuse(shop->ctx, aire_error_message(aire_last_error()), out);
}

aire_status aire__trial_recall(const aire_workshop *shop, const aire_draft *draft, aire_trial *out)
{
    aire_patch *patch = NULL;
    *out = (aire_trial){.refusal = NULL};
    if (!*draft->patch) {
        out->patched =
            (aire_patched){.ctx = shop->ctx, .outcome = draft->outcome, .cause = draft->cause};
        return refuse(shop->ctx, draft->message, out);
    }
    aire_status status =
        aire_patch_new(shop->ctx, AIRE_PATCH_UNIFIED, draft->patch, strlen(draft->patch), &patch);
    return status == AIRE_OK ? apply(shop, patch, out) : status;
}

void aire__trial_free(aire_ctx *ctx, aire_trial *trial)
{
    aire_free(ctx, trial->refusal);
    trial->refusal = NULL;
    if (trial->patched.ctx)
        aire__patched_free(&trial->patched);
    trial->patched = (aire_patched){.ctx = NULL};
}
