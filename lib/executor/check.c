#include "executor/check.h"

#include "base/fail.h"
#include "base/str.h"

/* What the checker said; free reason. */
typedef struct verdict {
    bool yes;
    char *reason; /* from aire_alloc; NULL: nothing */
} verdict;

/* ---- asking the checker ---- */

static aire_status ask_checker(aire_try *t, const aire_writing *w, aire_answer **answer)
{
    const aire_workshop *shop = t->shop;
    const aire_prompt_task task = aire__talk_task(t);
    aire_talk talk = {.count = 0};
    aire_message messages[AIRE_TALK_MAX];
    aire_status status = aire__prompt_verify(shop->ctx, &task, &w->trial.patched, &talk.texts[0]);
    if (status != AIRE_OK)
        return status;
    talk.count = 1;
    aire_request request = aire__talk_request(t, &talk, messages, w->candidate, w->round);
    request.purpose = "check";
    status = aire_model_complete(shop->checker, &request, t->cancel, answer);
    aire__talk_free(shop->ctx, &talk);
    return status;
}

static aire_status keep_verdict(aire_try *t, const aire_writing *w, const verdict *v,
                                const aire_answer *answer)
{
    int32_t number;
    aire_draft draft = {.kind = AIRE_DRAFT_CHECK,
                        .candidate = w->candidate,
                        .round = w->round,
                        .outcome = v->yes ? AIRE_OUTCOME_OK : AIRE_OUTCOME_PATCH_FAILED,
                        .cause = v->yes ? AIRE_CAUSE_NONE : AIRE_CAUSE_NOT_THE_IDEA,
                        .sent = "",
                        .patch = "",
                        .message = v->reason && !v->yes ? v->reason : ""};
    return aire__draft_keep(t, draft, t->shop->checker, answer, &number);
}

/* The checker could not be asked, or did not say: the patch passes. */
static aire_status pass(const aire_try *t, const char *why, verdict *out)
{
    aire__logf(t->shop->ctx, AIRE_LOG_WARNING, "executor", "run %lld: a patch is not checked: %s",
               (long long)t->run->id, why);
    *out = (verdict){.yes = true};
    return AIRE_OK;
}

static aire_status judge(aire_try *t, const aire_writing *w, verdict *out)
{
    aire_answer *answer = NULL;
    aire_status status = ask_checker(t, w, &answer);
    if (aire__talk_is_over(status, t->cancel))
        return status;
    if (status != AIRE_OK)
        return pass(t, aire_error_message(aire_last_error()), out);
    status = aire__prompt_parse_verdict(t->shop->ctx, aire_answer_get(answer)->text, &out->yes,
                                        &out->reason);
    if (status == AIRE_EMPTY)
        status = pass(t, "its checker said neither yes nor no", out);
    if (status == AIRE_OK)
        status = keep_verdict(t, w, out, answer);
    aire_answer_unref(answer);
    return status;
}

static aire_status verdict_of(aire_try *t, const aire_drafts *known, const aire_writing *w,
                              verdict *out)
{
    const aire_draft *draft = aire__draft_find(t, known, true, w->candidate, w->round);
    *out = (verdict){.reason = NULL};
    if (!draft)
        return judge(t, w, out);
    out->yes = draft->outcome == AIRE_OUTCOME_OK;
    out->reason = aire__strdup(t->shop->ctx, draft->message);
    return out->reason ? AIRE_OK : aire__fail_nomem();
}

/* ---- giving it back to the implementer ---- */

static aire_status refuse(aire_try *t, aire_writing *w, int32_t outcome, int32_t cause,
                          const char *why)
{
    aire_ctx *ctx = t->shop->ctx;
    aire__trial_free(ctx, &w->trial);
    w->trial.patched = (aire_patched){.ctx = ctx, .outcome = outcome, .cause = cause};
    w->trial.refusal = aire__strdup(ctx, why);
    return w->trial.refusal ? AIRE_OK : aire__fail_nomem();
}

static aire_status keep_revision(aire_try *t, aire_writing *w, const char *sent,
                                 const aire_answer *answer)
{
    const aire_trial *r = &w->trial;
    aire_draft draft = {.kind = AIRE_DRAFT_REVISION,
                        .candidate = w->candidate,
                        .round = w->round,
                        .outcome = r->patched.outcome,
                        .cause = r->patched.cause,
                        .sent = sent,
                        .patch = !r->refusal && r->patched.diff ? r->patched.diff : "",
                        .message = r->refusal ? r->refusal : ""};
    return aire__draft_keep(t, draft, t->shop->implementer, answer, &w->draft);
}

static aire_status ask_implementer(aire_try *t, aire_writing *w, const char *sent)
{
    aire_message messages[AIRE_TALK_MAX];
    aire_answer *answer = NULL;
    aire_request request = aire__talk_request(t, &w->talk, messages, w->candidate, w->round);
    aire_status status = aire_model_complete(t->shop->implementer, &request, t->cancel, &answer);
    if (aire__talk_is_over(status, t->cancel) || status == AIRE_LIMIT)
        return status;
    if (status != AIRE_OK)
        status = refuse(t, w, AIRE_OUTCOME_MODEL_FAILED, AIRE_CAUSE_MODEL,
                        aire_error_message(aire_last_error()));
    else
        status = aire__trial_make(t->shop, aire_answer_get(answer)->text, &w->trial);
    if (status == AIRE_OK)
        status = keep_revision(t, w, sent, answer);
    aire_answer_unref(answer);
    return status;
}

/* The patch once more, with what the checker said. */
static aire_status revise(aire_try *t, const aire_drafts *known, aire_writing *w,
                          const char *reason)
{
    aire_ctx *ctx = t->shop->ctx;
    char *sent = aire__asprintf(ctx,
                                "A reviewer says that the patch does not do what the idea "
                                "says: %s",
                                reason);
    aire_status status =
        sent ? aire__talk_go_on(t->shop, &w->talk, w->answer, sent) : aire__fail_nomem();
    aire__trial_free(ctx, &w->trial);
    w->round++;
    const aire_draft *draft = aire__draft_find(t, known, false, w->candidate, w->round);
    if (status == AIRE_OK && draft) {
        w->draft = draft->number;
        status = aire__trial_recall(t->shop, draft, &w->trial);
    } else if (status == AIRE_OK) {
        status = ask_implementer(t, w, sent);
    }
    aire_free(ctx, sent);
    return status;
}

aire_status aire__check(aire_try *t, const aire_drafts *known, aire_writing *writing)
{
    verdict v;
    aire_status status = verdict_of(t, known, writing, &v);
    for (bool again = true; status == AIRE_OK && !v.yes && !writing->trial.refusal; again = false) {
        const char *reason = v.reason && *v.reason ? v.reason : "it does not say why";
        if (!again) {
            status = refuse(t, writing, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_NOT_THE_IDEA, reason);
            break;
        }
        status = revise(t, known, writing, reason);
        aire_free(t->shop->ctx, v.reason);
        v.reason = NULL;
        if (status == AIRE_OK && !writing->trial.refusal)
            status = verdict_of(t, known, writing, &v);
    }
    aire_free(t->shop->ctx, v.reason);
    return status;
}
