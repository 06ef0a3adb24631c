#include "executor/drafts.h"

#include "base/fail.h"

aire_status aire__drafts_known(const aire_try *t, aire_drafts **out)
{
    *out = NULL;
    return t->shop->store ? aire_store_drafts(t->shop->store, t->run->id, out) : AIRE_OK;
}

/* A request that failed or was cancelled has no answer to go on with. */
static bool is_answered(const aire_draft *draft)
{
    return draft->cause != AIRE_CAUSE_MODEL && draft->cause != AIRE_CAUSE_OVERTAKEN;
}

const aire_draft *aire__draft_find(const aire_try *t, const aire_drafts *known, bool check,
                                   int32_t candidate, int32_t round)
{
    for (size_t i = 0; i < aire_drafts_count(known); i++) {
        const aire_draft *draft = aire_drafts_get(known, i);
        if (draft->repair == t->repairs && (draft->kind == AIRE_DRAFT_CHECK) == check &&
            draft->candidate == candidate && draft->round == round && is_answered(draft))
            return draft;
    }
    return NULL;
}

/* Whether the store may be used on; what it could not keep is told to the log. */
static aire_status bear(const aire_try *t, aire_status status)
{
    if (status == AIRE_OK || status == AIRE_BUSY || status == AIRE_CORRUPT || status == AIRE_NOMEM)
        return status;
    aire__logf(t->shop->ctx, AIRE_LOG_WARNING, "executor", "run %lld: a draft is not kept: %s",
               (long long)t->run->id, aire_error_message(aire_last_error()));
    return AIRE_OK;
}

aire_status aire__draft_keep(const aire_try *t, aire_draft draft, aire_model *model,
                             const aire_answer *answer, int32_t *number)
{
    *number = 0;
    if (!t->shop->store)
        return AIRE_OK;
    draft.run_id = t->run->id;
    draft.repair = t->repairs;
    draft.model = aire_model_name(model);
    draft.answer = "";
    draft.cost = -1;
    if (answer) {
        const aire_answer_options *said = aire_answer_get(answer);
        draft.model = *said->model ? said->model : draft.model;
        draft.answer = said->text;
        draft.input_tokens = said->input_tokens;
        draft.output_tokens = said->output_tokens;
        draft.latency_ms = said->latency_ms;
        draft.cost = said->cost;
    }
    return bear(t, aire__store_add_draft(t->shop->store, &draft, number));
}

aire_status aire__draft_choose(aire_try *t, int32_t number)
{
    t->draft = number;
    if (!t->shop->store || !number)
        return AIRE_OK;
    return bear(t, aire__store_choose_draft(t->shop->store, t->run->id, t->repairs, number));
}

aire_status aire__draft_end(const aire_try *t)
{
    if (!t->shop->store || !t->draft)
        return AIRE_OK;
    return bear(t,
                aire__store_end_draft(t->shop->store, t->run->id, t->draft, t->ending.outcome,
                                      t->ending.cause, t->ending.detail ? t->ending.detail : ""));
}
