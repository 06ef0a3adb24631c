#include "executor/candidates.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/str.h"

typedef struct pool pool;

typedef enum state {
    READY,   /* to be asked */
    ASKED,   /* its answer is to come */
    APPLIED, /* its patch may go on */
    OVER     /* it came to nothing: its trial says why */
} state;

typedef struct candidate {
    pool *pool;
    int32_t number, round;
    state state;
    aire_talk talk;
    char *sent; /* what the request that is to be answered sent back */
    aire_trial trial;
    char *answer;  /* that the trial is of */
    int32_t draft; /* of the trial */

    /* What came, under the pool's lock until it is taken. */
    bool arrived;
    aire_status status;
    int32_t code;
    char detail[AIRE_ERROR_MESSAGE_MAX];
    aire_answer *said;
} candidate;

struct pool {
    aire_try *t;
    const aire_drafts *known;
    candidate *all;
    int32_t count;
    aire_cancel *cancel; /* of all requests: fired when one was first, and when the try is over */
    bool won;
    aire_status status; /* the first failure that is not a candidate's, and its detail */
    int32_t code;
    char detail[AIRE_ERROR_MESSAGE_MAX];

    pthread_mutex_t lock;
    int32_t in_flight; /* under the lock */
    int fd;            /* an event that is written when an answer comes */
};

/* ---- answers, on any thread ---- */

static void answered(aire_status status, aire_answer *answer, void *user_data)
{
    candidate *c = user_data;
    pool *p = c->pool;
    uint64_t one = 1;
    pthread_mutex_lock(&p->lock);
    c->status = status;
    c->said = aire_answer_ref(answer);
    if (status != AIRE_OK) {
        c->code = aire_error_code(aire_last_error());
        snprintf(c->detail, sizeof c->detail, "%s", aire_error_message(aire_last_error()));
    }
    c->arrived = true;
    p->in_flight--;
    /* within the lock: behind it the pool may be gone */
    ssize_t written = write(p->fd, &one, sizeof one);
    pthread_mutex_unlock(&p->lock);
    (void)written; /* an event fails only where it says already what is to be said */
}

static void ask(candidate *c)
{
    pool *p = c->pool;
    aire_message messages[AIRE_TALK_MAX];
    aire_request request = aire__talk_request(p->t, &c->talk, messages, c->number, c->round);
    pthread_mutex_lock(&p->lock);
    p->in_flight++;
    pthread_mutex_unlock(&p->lock);
    c->state = ASKED;
    aire_status status =
        aire_model_start(p->t->shop->implementer, &request, p->cancel, answered, c);
    if (status != AIRE_OK)
        answered(status, NULL, c);
}

/* Whether an answer has come; then it is the caller's. */
static bool take_answer(candidate *c)
{
    pool *p = c->pool;
    pthread_mutex_lock(&p->lock);
    bool arrived = c->arrived;
    c->arrived = false;
    pthread_mutex_unlock(&p->lock);
    return arrived;
}

static bool is_waiting(pool *p)
{
    pthread_mutex_lock(&p->lock);
    bool waiting = p->in_flight > 0;
    pthread_mutex_unlock(&p->lock);
    return waiting;
}

/* Until an answer comes; when the try is cancelled, so is every request. */
static void wait_for_answer(pool *p)
{
    uint64_t count;
    bool told = aire_cancel_fired(p->cancel);
    struct pollfd fds[2] = {{p->fd, POLLIN, 0},
                            {told ? -1 : aire_cancel_fd(p->t->cancel), POLLIN, 0}};
    while (poll(fds, 2, -1) < 0 && errno == EINTR) {
    }
    if (fds[1].revents)
        aire_cancel_fire(p->cancel);
    if (fds[0].revents & POLLIN)
        while (read(p->fd, &count, sizeof count) < 0 && errno == EINTR) {
        }
}

/* ---- what they come to ---- */

static void fail_pool(pool *p, aire_status status)
{
    if (p->status != AIRE_OK || status == AIRE_OK)
        return;
    p->status = status;
    p->code = aire_error_code(aire_last_error());
    snprintf(p->detail, sizeof p->detail, "%s", aire_error_message(aire_last_error()));
    aire_cancel_fire(p->cancel);
}

/* A candidate's failure: what is told of it if no other is better. */
static aire_status end_with(candidate *c, int32_t outcome, int32_t cause, const char *why)
{
    aire_ctx *ctx = c->pool->t->shop->ctx;
    aire__trial_free(ctx, &c->trial);
    c->state = OVER;
    c->trial.patched = (aire_patched){.ctx = ctx, .outcome = outcome, .cause = cause};
    c->trial.refusal = aire__strdup(ctx, why);
    return c->trial.refusal ? AIRE_OK : aire__fail_nomem();
}

static aire_status keep(candidate *c, const aire_answer *answer)
{
    const aire_try *t = c->pool->t;
    const aire_trial *r = &c->trial;
    aire_draft draft = {.kind = c->round     ? AIRE_DRAFT_REVISION
                                : t->repairs ? AIRE_DRAFT_REPAIR
                                             : AIRE_DRAFT_PATCH,
                        .candidate = c->number,
                        .round = c->round,
                        .outcome = r->patched.outcome,
                        .cause = r->patched.cause,
                        .sent = c->sent ? c->sent : "",
                        .patch = !r->refusal && r->patched.diff ? r->patched.diff : "",
                        .message = r->refusal ? r->refusal : ""};
    return aire__draft_keep(t, draft, t->shop->implementer, answer, &c->draft);
}

/* A request came to nothing. */
static aire_status take_failure(candidate *c)
{
    pool *p = c->pool;
    aire_status status;
    if (c->status == AIRE_CANCELLED && p->won)
        status = end_with(c, AIRE_OUTCOME_CANCELLED, AIRE_CAUSE_OVERTAKEN, "");
    else if (aire__talk_is_over(c->status, p->cancel))
        return aire_error_set(c->status, c->code, c->detail);
    else
        status = end_with(c, AIRE_OUTCOME_MODEL_FAILED, AIRE_CAUSE_MODEL, c->detail);
    /* where there is no budget nobody was asked, and there is nothing to keep */
    return status == AIRE_OK && c->status != AIRE_LIMIT ? keep(c, NULL) : status;
}

static aire_status take_said(candidate *c)
{
    const aire_workshop *shop = c->pool->t->shop;
    c->answer = aire__strdup(shop->ctx, aire_answer_get(c->said)->text);
    if (!c->answer)
        return aire__fail_nomem();
    aire_status status = aire__trial_make(shop, c->answer, &c->trial);
    c->state = c->trial.refusal ? OVER : APPLIED;
    return status == AIRE_OK ? keep(c, c->said) : status;
}

static void take(candidate *c)
{
    c->state = OVER;
    fail_pool(c->pool, c->status == AIRE_OK ? take_said(c) : take_failure(c));
    aire_answer_unref(c->said);
    c->said = NULL;
}

/* Whether the reason goes back to the model. */
static bool may_revise(const candidate *c)
{
    return c->state == OVER && c->answer && c->round < c->pool->t->shop->how.revisions;
}

static aire_status revise(candidate *c)
{
    const aire_workshop *shop = c->pool->t->shop;
    aire_status status = aire__talk_go_on(shop, &c->talk, c->answer, c->trial.refusal);
    if (status != AIRE_OK)
        return status;
    aire_free(shop->ctx, c->sent);
    aire_free(shop->ctx, c->answer);
    c->sent = c->trial.refusal;
    c->answer = c->trial.refusal = NULL;
    aire__trial_free(shop->ctx, &c->trial);
    c->round++;
    c->state = READY;
    return AIRE_OK;
}

/* ---- all together ---- */

/* Follow a candidate as far as the store knows it. */
static aire_status recall(candidate *c)
{
    const aire_try *t = c->pool->t;
    const aire_draft *draft;
    aire_status status = AIRE_OK;
    while (status == AIRE_OK && c->state == READY &&
           (draft = aire__draft_find(t, c->pool->known, false, c->number, c->round))) {
        c->answer = aire__strdup(t->shop->ctx, draft->answer);
        status = c->answer ? aire__trial_recall(t->shop, draft, &c->trial) : aire__fail_nomem();
        c->draft = draft->number;
        c->state = c->trial.refusal ? OVER : APPLIED;
        if (status == AIRE_OK && may_revise(c))
            status = revise(c);
    }
    return status;
}

static void note_winner(pool *p)
{
    for (int32_t i = 0; i < p->count; i++)
        p->won = p->won || p->all[i].state == APPLIED;
    if (p->won)
        aire_cancel_fire(p->cancel);
}

/* All that have come by now, in the order of the candidates. */
static void take_answers(pool *p)
{
    for (int32_t i = 0; i < p->count; i++)
        if (take_answer(&p->all[i]))
            take(&p->all[i]);
}

/* Give back what was refused, and ask as many as may be asked at once; whether an answer is to
 * come. */
static bool go_on(pool *p)
{
    int32_t asked = 0;
    for (int32_t i = 0; i < p->count && p->status == AIRE_OK; i++) {
        if (may_revise(&p->all[i]))
            fail_pool(p, revise(&p->all[i]));
        asked += p->all[i].state == ASKED;
    }
    for (int32_t i = 0; i < p->count && asked < p->t->shop->how.at_once; i++) {
        if (p->status != AIRE_OK || p->all[i].state != READY)
            continue;
        ask(&p->all[i]);
        asked++;
    }
    return asked > 0 && p->status == AIRE_OK;
}

static void run(pool *p)
{
    for (int32_t i = 0; i < p->count; i++)
        fail_pool(p, recall(&p->all[i]));
    note_winner(p);
    while (p->status == AIRE_OK && !p->won && go_on(p)) {
        wait_for_answer(p);
        take_answers(p);
        note_winner(p);
    }
    while (is_waiting(p)) /* no request outlives its try */
        wait_for_answer(p);
    take_answers(p);
}

static const candidate *winner_of(const pool *p)
{
    const candidate *best = NULL;
    for (int32_t i = 0; i < p->count; i++)
        if (p->all[i].state == APPLIED && (!best || p->all[i].round < best->round))
            best = &p->all[i];
    return best;
}

/* What is told if no candidate goes on: what was wrong with a patch rather than with a request. */
static const candidate *failure_of(const pool *p)
{
    for (int32_t i = 0; i < p->count; i++)
        if (p->all[i].trial.patched.cause != AIRE_CAUSE_MODEL)
            return &p->all[i];
    return &p->all[0];
}

/* If no candidate goes on: one that might have, had there been the budget to ask. */
static const candidate *unpaid_of(const pool *p)
{
    const candidate *unpaid = NULL;
    for (int32_t i = p->count; i-- > 0;)
        if (p->all[i].state == OVER && p->all[i].status == AIRE_LIMIT)
            unpaid = &p->all[i];
    return winner_of(p) ? NULL : unpaid;
}

/* How asking ended. */
static aire_status status_of(const pool *p)
{
    const candidate *unpaid = unpaid_of(p);
    if (p->status != AIRE_OK)
        return aire_error_set(p->status, p->code, p->detail);
    return unpaid ? aire_error_set(AIRE_LIMIT, unpaid->code, unpaid->detail) : AIRE_OK;
}

static aire_status make(pool *p, const char *text, const char *sent)
{
    aire_ctx *ctx = p->t->shop->ctx;
    aire_status status = AIRE_OK;
    p->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (p->fd < 0)
        return aire__fail_errno(AIRE_IO, errno, "no descriptor left to wait for models");
    status = aire_cancel_new(ctx, &p->cancel);
    if (status != AIRE_OK)
        return status;
    p->all = aire__calloc(ctx, (size_t)p->t->shop->how.candidates, sizeof *p->all);
    if (!p->all)
        return aire__fail_nomem();
    p->count = p->t->shop->how.candidates;
    for (int32_t i = 0; i < p->count && status == AIRE_OK; i++) {
        candidate *c = &p->all[i];
        c->pool = p;
        c->number = i;
        c->sent = aire__strdup(ctx, sent);
        status = c->sent ? aire__talk_begin(ctx, &c->talk, text) : aire__fail_nomem();
    }
    return status;
}

static void clear(pool *p)
{
    aire_ctx *ctx = p->t->shop->ctx;
    for (int32_t i = 0; i < p->count; i++) {
        candidate *c = &p->all[i];
        aire__talk_free(ctx, &c->talk);
        aire__trial_free(ctx, &c->trial);
        aire_free(ctx, c->sent);
        aire_free(ctx, c->answer);
    }
    aire_free(ctx, p->all);
    aire_cancel_unref(p->cancel);
    if (p->fd >= 0)
        close(p->fd);
    pthread_mutex_destroy(&p->lock);
}

/* Move what came of it out of the pool. */
static void give(pool *p, aire_writing *out)
{
    const candidate *winner = winner_of(p);
    candidate *c = &p->all[(winner ? winner : failure_of(p))->number];
    *out = (aire_writing){c->trial, {.count = 0}, NULL, c->number, c->round, c->draft};
    c->trial = (aire_trial){.refusal = NULL};
    if (winner) {
        out->talk = c->talk;
        out->answer = c->answer;
        c->talk.count = 0;
        c->answer = NULL;
    }
}

aire_status aire__candidates_ask(aire_try *t, const aire_drafts *known, const char *text,
                                 const char *sent, aire_writing *out)
{
    pool p = {.t = t, .known = known, .fd = -1, .status = AIRE_OK};
    *out = (aire_writing){.answer = NULL};
    pthread_mutex_init(&p.lock, NULL);
    aire_status status = make(&p, text, sent);
    if (status == AIRE_OK) {
        run(&p);
        status = status_of(&p);
    }
    if (status == AIRE_OK)
        give(&p, out);
    clear(&p);
    return status;
}

void aire__writing_free(aire_ctx *ctx, aire_writing *writing)
{
    aire__trial_free(ctx, &writing->trial);
    aire__talk_free(ctx, &writing->talk);
    aire_free(ctx, writing->answer);
    writing->answer = NULL;
}
