/* Budgets, for those who make calls: reserve before, then settle or release exactly once. */
#ifndef AIRE_MODEL_BUDGET_H
#define AIRE_MODEL_BUDGET_H

#include <stdbool.h>

#include "aire/budget.h"
#include "model/prices.h"

/* What a call is expected to use; kept by the caller until it has ended. The tighter the estimate's
 * upper bound, the closer to its limits a budget is used. */
typedef struct aire_reservation {
    int64_t input, output; /* tokens */
    double dollars;        /* 0 where the price is not known */
} aire_reservation;

/*
 * AIRE_OK, or AIRE_LIMIT with a detail that says which limit, what is spent and what is in flight.
 */
aire_status aire__budget_reserve(aire_budget *budget, const aire_reservation *r);

/* The call was paid for. Dollars that are negative, or usage without tokens, are not known: the
 * estimate is what is spent. */
void aire__budget_settle(aire_budget *budget, const aire_reservation *r, const aire_token_usage *usage,
                         double dollars);

/* A try of a call that goes on was paid for in vain: spent, beside what the call itself comes to. */
void aire__budget_add(aire_budget *budget, const aire_token_usage *usage, double dollars);

/* The call was not made, or failed without cost. */
void aire__budget_release(aire_budget *budget, const aire_reservation *r);

/* Whether a model can have this budget: AIRE_INVALID if there is a limit in dollars and no price
 * (NULL). Both `budget` and `price` are nullable; `model` is for the message. */
aire_status aire__budget_check_price(const aire_budget *budget, const aire_price *price,
                                     const char *model);

#endif
