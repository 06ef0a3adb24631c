/*
 * Ensembles: who is asked is decided under a mutex, who answers is asked without it.
 *
 * A call is `choose`, the member's own call, and `ended`.
 */
#include "aire/ensemble.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/fail.h"
#include "base/options.h"
#include "base/rng.h"
#include "base/str.h"
#include "model/client.h"
#include "stats/asym_ucb.h"

enum { MEMBERS_MAX = 1000 };

typedef struct ensemble {
    aire_ctx *ctx; /* borrowed from the model */
    aire_model **members;
    size_t count;
    int32_t rule;
    uint64_t seed;
    pthread_mutex_t mutex; /* of all below */
    uint64_t calls;
    double *odds; /* weighted: the weights, as parts of 1 */
    double *scores;
    aire_ucb_arm *arms;
    aire_ucb ucb;
} ensemble;

aire_status aire_ensemble_options_init(aire_ensemble_options *options, size_t size)
{
    return aire__options_init(options, size, sizeof *options, sizeof *options,
                              "aire_ensemble_options");
}

static size_t choose(ensemble *e)
{
    aire_rng rng;
    pthread_mutex_lock(&e->mutex);
    aire__rng_init(&rng, e->seed, "ensemble", e->calls++);
    if (e->rule == AIRE_ENSEMBLE_BANDIT) {
        aire__ucb_scores(&e->ucb, e->scores);
        aire__ucb_odds(&e->ucb, e->scores, e->odds);
    }
    size_t member = aire__ucb_pick(e->odds, e->count, aire__rng_unit(&rng));
    aire__ucb_begin(&e->ucb, member);
    pthread_mutex_unlock(&e->mutex);
    return member;
}

/* Failures that say nothing about the member: it was not asked to the end, or could not have been.
 */
static bool is_no_pull(aire_status status)
{
    return status == AIRE_CANCELLED || status == AIRE_NOMEM || status == AIRE_LIMIT ||
           status == AIRE_INVALID || status > 0;
}

static void ended(ensemble *e, size_t member, aire_status status, const aire_answer *answer)
{
    pthread_mutex_lock(&e->mutex);
    if (status == AIRE_OK)
        aire__ucb_cost(&e->ucb, member, aire_answer_get(answer)->cost);
    else if (is_no_pull(status))
        aire__ucb_cancel(&e->ucb, member);
    else
        aire__ucb_reward(&e->ucb, member, NAN, 0);
    pthread_mutex_unlock(&e->mutex);
}

/* The answer, with the name of who gave it. Without memory it goes without: it was paid for. */
static aire_answer *sign(ensemble *e, size_t member, aire_answer *answer)
{
    aire_answer_options fields = *aire_answer_get(answer);
    aire_answer *copy = NULL;
    if (*fields.model) /* by an ensemble inside */
        return answer;
    fields.model = aire_model_name(e->members[member]);
    if (aire_answer_new(e->ctx, &fields, &copy) != AIRE_OK) {
        aire__logf(e->ctx, AIRE_LOG_WARNING, "model", "an answer of %s is without its name: %s",
                   fields.model, aire_status_message(AIRE_NOMEM));
        return answer;
    }
    aire_answer_unref(answer);
    return copy;
}

static aire_status ensemble_complete(void *self, const aire_request *request, aire_cancel *cancel,
                                     aire_call_trace *trace, aire_answer **out)
{
    ensemble *e = self;
    size_t member = choose(e);
    aire_answer *answer = NULL;
    aire_status status = aire__model_ask(e->members[member], request, cancel, trace, &answer);
    ended(e, member, status, answer);
    if (!trace->model)
        trace->model = aire__strdup(e->ctx, aire_model_name(e->members[member]));
    if (status == AIRE_OK)
        *out = sign(e, member, answer);
    return status;
}

/* A call that nobody waits for. */
typedef struct flight {
    ensemble *ensemble;
    size_t member;
    aire_client_done done;
    void *user_data;
} flight;

static void flight_done(aire_status status, aire_answer *answer, const aire_call_trace *trace,
                        void *user_data)
{
    flight f = *(flight *)user_data;
    ensemble *e = f.ensemble;
    aire_call_trace ours = *trace;
    aire_ctx *ctx = aire_ctx_ref(e->ctx); /* who is told may let go of the ensemble */
    aire_free(ctx, user_data);
    ended(e, f.member, status, answer);
    if (!trace->model)
        ours.model = aire__strdup(e->ctx, aire_model_name(e->members[f.member]));
    answer = status == AIRE_OK ? sign(e, f.member, aire_answer_ref(answer)) : NULL;
    f.done(status, answer, &ours, f.user_data);
    aire_answer_unref(answer);
    if (!trace->model)
        aire_free(ctx, ours.model);
    aire_ctx_unref(ctx);
}

static aire_status ensemble_start(void *self, const aire_request *request, aire_cancel *cancel,
                                  aire_client_done done, void *user_data)
{
    ensemble *e = self;
    flight *f = aire_alloc(e->ctx, sizeof *f);
    if (!f)
        return aire__fail_nomem();
    size_t member = choose(e);
    *f = (flight){e, member, done, user_data};
    aire_status status = aire__model_begin(e->members[member], request, cancel, flight_done, f);
    if (status != AIRE_OK) {
        ended(e, member, status, NULL);
        aire_free(e->ctx, f);
    }
    return status;
}

/* Who bears the name, or has somebody inside who does. */
static aire_status ensemble_feedback(void *self, const char *name, double reward, double baseline)
{
    ensemble *e = self;
    size_t member = 0;
    while (member < e->count && strcmp(aire_model_name(e->members[member]), name) != 0)
        member++;
    for (size_t i = 0; member == e->count && i < e->count; i++)
        if (aire__model_learn(e->members[i], name, reward, baseline) == AIRE_OK) {
            member = i;
            break;
        }
    if (member == e->count)
        return AIRE_NOT_FOUND;
    pthread_mutex_lock(&e->mutex);
    aire__ucb_reward(&e->ucb, member, reward, baseline);
    pthread_mutex_unlock(&e->mutex);
    return AIRE_OK;
}

static void ensemble_destroy(void *self)
{
    ensemble *e = self;
    for (size_t i = 0; e->members && i < e->count; i++)
        aire_model_unref(e->members[i]);
    pthread_mutex_destroy(&e->mutex);
    aire_free(e->ctx, e->members);
    aire_free(e->ctx, e->odds);
    aire_free(e->ctx, e->scores);
    aire_free(e->ctx, e->arms);
    aire_free(e->ctx, e);
}

static aire_status check_members(const aire_ensemble_options *o)
{
    if (!o->models || o->model_count == 0 || o->model_count > MEMBERS_MAX)
        return aire__fail(AIRE_INVALID, "aire_ensemble_options: expected 1 to %d models",
                          (int)MEMBERS_MAX);
    for (size_t i = 0; i < o->model_count; i++) {
        if (!o->models[i])
            return aire__fail(AIRE_INVALID, "aire_ensemble_options: models[%zu] is NULL", i);
        for (size_t j = 0; j < i; j++)
            if (strcmp(aire_model_name(o->models[i]), aire_model_name(o->models[j])) == 0)
                return aire__fail(AIRE_INVALID,
                                  "aire_ensemble_options: two models are called \"%s\", and "
                                  "feedback finds them by name",
                                  aire_model_name(o->models[i]));
    }
    return AIRE_OK;
}

static aire_status check_options(const aire_ensemble_options *o)
{
    double total = 0;
    if (o->rule != AIRE_ENSEMBLE_WEIGHTED && o->rule != AIRE_ENSEMBLE_BANDIT)
        return aire__fail(AIRE_INVALID, "aire_ensemble_options: there is no rule %d", (int)o->rule);
    if (!(o->cost_weight <= 1) || !(o->exploration >= 0) || isinf(o->exploration))
        return aire__fail(AIRE_INVALID, "aire_ensemble_options: cost_weight must be at most 1, "
                                        "exploration 0 or more");
    if (o->weights && o->rule != AIRE_ENSEMBLE_WEIGHTED)
        return aire__fail(AIRE_INVALID, "aire_ensemble_options: weights need the weighted rule");
    aire_status status = check_members(o);
    for (size_t i = 0; status == AIRE_OK && o->weights && i < o->model_count; i++) {
        if (!(o->weights[i] >= 0) || isinf(o->weights[i]))
            return aire__fail(AIRE_INVALID, "aire_ensemble_options: weights[%zu] must be 0 or more",
                              i);
        total += o->weights[i];
    }
    if (status == AIRE_OK && o->weights && (!(total > 0) || isinf(total)))
        return aire__fail(AIRE_INVALID, "aire_ensemble_options: the weights' sum must be above 0, "
                                        "and finite");
    return status;
}

static void set_odds(ensemble *e, const aire_ensemble_options *o)
{
    double total = 0;
    for (size_t i = 0; i < e->count; i++)
        total += o->weights ? o->weights[i] : 1;
    for (size_t i = 0; i < e->count; i++)
        e->odds[i] = (o->weights ? o->weights[i] : 1) / total;
}

static aire_status make(aire_ctx *ctx, const aire_ensemble_options *o, ensemble **out)
{
    ensemble *e = aire__calloc(ctx, 1, sizeof *e);
    if (!e)
        return aire__fail_nomem();
    *e = (ensemble){.ctx = ctx,
                    .count = o->model_count,
                    .rule = o->rule,
                    .seed = o->seed ? o->seed : aire_ctx_seed(ctx)};
    pthread_mutex_init(&e->mutex, NULL);
    e->members = aire__calloc(ctx, e->count, sizeof *e->members);
    e->odds = aire__calloc(ctx, e->count, sizeof *e->odds);
    e->scores = aire__calloc(ctx, e->count, sizeof *e->scores);
    e->arms = aire__calloc(ctx, e->count, sizeof *e->arms);
    if (!e->members || !e->odds || !e->scores || !e->arms) {
        ensemble_destroy(e);
        return aire__fail_nomem();
    }
    for (size_t i = 0; i < e->count; i++)
        e->members[i] = aire_model_ref(o->models[i]);
    aire__ucb_init(&e->ucb, e->arms, e->count);
    if (o->cost_weight != 0)
        e->ucb.cost_weight = fmax(o->cost_weight, 0);
    if (o->exploration > 0)
        e->ucb.exploration = o->exploration;
    set_odds(e, o);
    *out = e;
    return AIRE_OK;
}

aire_status aire_ensemble_new(aire_ctx *ctx, const aire_ensemble_options *options, aire_model **out)
{
    static const aire_client client = {.complete = ensemble_complete,
                                       .destroy = ensemble_destroy,
                                       .start = ensemble_start,
                                       .feedback = ensemble_feedback};
    if (!ctx || !options || !out)
        return aire__fail(AIRE_INVALID, "aire_ensemble_new: ctx, options and out must not be NULL");
    *out = NULL;
    aire_ensemble_options ours;
    ensemble *e = NULL;
    aire_status status =
        aire__options_take(options, &ours, sizeof ours, sizeof ours, "aire_ensemble_options");
    if (status == AIRE_OK)
        status = check_options(&ours);
    if (status == AIRE_OK)
        status = make(ctx, &ours, &e);
    if (status != AIRE_OK)
        return status;
    status = aire__model_new(ctx, ours.name ? ours.name : "ensemble", &client, e, out);
    if (status != AIRE_OK)
        ensemble_destroy(e);
    return status;
}
