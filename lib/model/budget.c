/* Budgets: three sums behind a mutex. */
#include "model/budget.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>

#include "base/fail.h"
#include "base/options.h"
#include "base/ref.h"

struct aire_budget {
    aire_refcount refs;
    aire_ctx *ctx;
    aire_budget_options limits;
    pthread_mutex_t mutex;
    aire_spending spent; /* under the mutex */
};

aire_status aire_budget_options_init(aire_budget_options *options, size_t size)
{
    return aire__options_init(options, size, sizeof *options, sizeof *options,
                              "aire_budget_options");
}

aire_status aire_budget_new(aire_ctx *ctx, const aire_budget_options *options, aire_budget **out)
{
    if (!ctx || !out)
        return aire__fail(AIRE_INVALID, "aire_budget_new: ctx and out must not be NULL");
    *out = NULL;
    aire_budget_options ours;
    aire_status status =
        aire__options_take(options, &ours, sizeof ours, sizeof ours, "aire_budget_options");
    if (status != AIRE_OK)
        return status;
    if (!(ours.dollars >= 0) || isinf(ours.dollars) || ours.tokens < 0 || ours.calls < 0 ||
        ours.reserved)
        return aire__fail(AIRE_INVALID, "aire_budget_options: dollars, tokens and calls must be "
                                        "finite and not negative, reserved must be 0");
    aire_budget *budget = aire_alloc(ctx, sizeof *budget);
    if (!budget)
        return aire__fail_nomem();
    *budget = (aire_budget){
        .ctx = aire_ctx_ref(ctx), .limits = ours, .spent = {.struct_size = sizeof budget->spent}};
    aire__ref_init(&budget->refs);
    pthread_mutex_init(&budget->mutex, NULL);
    *out = budget;
    return AIRE_OK;
}

aire_budget *aire_budget_ref(aire_budget *budget)
{
    if (budget)
        aire__ref_take(&budget->refs);
    return budget;
}

void aire_budget_unref(aire_budget *budget)
{
    if (!budget || !aire__ref_drop(&budget->refs))
        return;
    aire_ctx *ctx = budget->ctx;
    pthread_mutex_destroy(&budget->mutex);
    aire_free(ctx, budget);
    aire_ctx_unref(ctx);
}

aire_status aire_budget_spending(aire_budget *budget, aire_spending *spending)
{
    if (!budget || !spending)
        return aire__fail(AIRE_INVALID, "aire_budget_spending: budget and spending must not be "
                                        "NULL");
    pthread_mutex_lock(&budget->mutex);
    aire_spending now = budget->spent;
    pthread_mutex_unlock(&budget->mutex);
    return aire__options_give(&now, spending, sizeof now, sizeof now, "aire_spending");
}

/* Sums that cannot overflow, whatever a provider counts. */
static int64_t sum(int64_t a, int64_t b)
{
    int64_t result;
    if (b < 0)
        b = 0;
    return __builtin_add_overflow(a, b, &result) ? INT64_MAX : result;
}

static int64_t tokens_of(const aire_reservation *r)
{
    return sum(r->input, r->output);
}

static double dollars_of(const aire_reservation *r)
{
    return r->dollars > 0 ? r->dollars : 0;
}

typedef enum limit { NONE, DOLLARS, TOKENS, CALLS } limit;

/* The first limit that is passed once `more` calls with these estimates are added to what is spent.
 */
static limit passed(const aire_budget *budget, int64_t calls, int64_t tokens, double dollars)
{
    const aire_budget_options *limits = &budget->limits;
    const aire_spending *spent = &budget->spent;
    if (limits->calls && sum(spent->calls, calls) > limits->calls)
        return CALLS;
    if (limits->tokens &&
        sum(sum(spent->input_tokens, spent->output_tokens), tokens) > limits->tokens)
        return TOKENS;
    if (limits->dollars > 0 && spent->dollars + dollars > limits->dollars)
        return DOLLARS;
    return NONE;
}

static aire_status refuse(const aire_budget *budget, const aire_reservation *r, limit which)
{
    const aire_spending *s = &budget->spent;
    if (which == CALLS)
        return aire__fail(AIRE_LIMIT,
                          "the budget of %" PRId64 " calls is used: %" PRId64 " were made, %" PRId64
                          " are in flight",
                          budget->limits.calls, s->calls, s->flying_calls);
    if (which == TOKENS)
        return aire__fail(
            AIRE_LIMIT,
            "the budget of %" PRId64 " tokens does not allow for %" PRId64 " more: %" PRId64
            " are spent, %" PRId64 " are in flight in %" PRId64 " calls",
            budget->limits.tokens, tokens_of(r), sum(s->input_tokens, s->output_tokens),
            s->flying_tokens, s->flying_calls);
    return aire__fail(AIRE_LIMIT,
                      "the budget of %.6g dollars does not allow for %.6g more: %.6g are spent, "
                      "%.6g are in flight in %" PRId64 " calls",
                      budget->limits.dollars, dollars_of(r), s->dollars, s->flying_dollars,
                      s->flying_calls);
}

aire_status aire__budget_reserve(aire_budget *budget, const aire_reservation *r)
{
    aire_status status = AIRE_OK;
    pthread_mutex_lock(&budget->mutex);
    aire_spending *s = &budget->spent;
    limit which = passed(budget, sum(s->flying_calls, 1), sum(s->flying_tokens, tokens_of(r)),
                         s->flying_dollars + dollars_of(r));
    if (which == NONE) {
        s->flying_calls++;
        s->flying_tokens = sum(s->flying_tokens, tokens_of(r));
        s->flying_dollars += dollars_of(r);
    } else {
        status = refuse(budget, r, which);
    }
    pthread_mutex_unlock(&budget->mutex);
    return status;
}

/* With the mutex. */
static void land(aire_spending *s, const aire_reservation *r)
{
    s->flying_calls--;
    s->flying_tokens -= tokens_of(r);
    s->flying_dollars -= dollars_of(r);
    /* Rounding must not leave anything in the air. */
    if (s->flying_calls == 0 || s->flying_dollars < 0)
        s->flying_dollars = 0;
    if (s->flying_calls == 0 || s->flying_tokens < 0)
        s->flying_tokens = 0;
}

void aire__budget_settle(aire_budget *budget, const aire_reservation *r, const aire_token_usage *usage,
                         double dollars)
{
    bool counted = usage->input > 0 || usage->output > 0;
    pthread_mutex_lock(&budget->mutex);
    aire_spending *s = &budget->spent;
    land(s, r);
    s->calls = sum(s->calls, 1);
    s->input_tokens = sum(s->input_tokens, counted ? usage->input : r->input);
    s->output_tokens = sum(s->output_tokens, counted ? usage->output : r->output);
    s->dollars += dollars >= 0 ? dollars : dollars_of(r);
    pthread_mutex_unlock(&budget->mutex);
}

void aire__budget_add(aire_budget *budget, const aire_token_usage *usage, double dollars)
{
    pthread_mutex_lock(&budget->mutex);
    aire_spending *s = &budget->spent;
    s->input_tokens = sum(s->input_tokens, usage->input);
    s->output_tokens = sum(s->output_tokens, usage->output);
    s->dollars += dollars > 0 ? dollars : 0;
    pthread_mutex_unlock(&budget->mutex);
}

void aire__budget_release(aire_budget *budget, const aire_reservation *r)
{
    pthread_mutex_lock(&budget->mutex);
    land(&budget->spent, r);
    pthread_mutex_unlock(&budget->mutex);
}

aire_status aire__budget_check_price(const aire_budget *budget, const aire_price *price,
                                     const char *model)
{
    if (!budget || price || budget->limits.dollars <= 0)
        return AIRE_OK;
    return aire__fail(AIRE_INVALID,
                      "model \"%s\": its price is not known, so its budget cannot be in dollars; "
                      "name it in a file of prices, or limit tokens",
                      model);
}
