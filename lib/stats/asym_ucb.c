/* AsymmetricUCB. */
#include "stats/asym_ucb.h"

#include <math.h>

void aire__ucb_init(aire_ucb *ucb, aire_ucb_arm *arms, size_t count)
{
    *ucb = (aire_ucb){.exploration = 1,
                      .epsilon = 0.2,
                      .decay = 0.95,
                      .cost_weight = 0.5,
                      .power = 1,
                      .log_max = -INFINITY,
                      .arms = arms,
                      .count = count};
    for (size_t i = 0; i < count; i++)
        arms[i] = (aire_ucb_arm){.log_sum = -INFINITY};
}

void aire__ucb_begin(aire_ucb *ucb, size_t arm)
{
    ucb->arms[arm].begun++;
}

void aire__ucb_cancel(aire_ucb *ucb, size_t arm)
{
    if (ucb->arms[arm].begun > 0)
        ucb->arms[arm].begun--;
}

void aire__ucb_cost(aire_ucb *ucb, size_t arm, double cost)
{
    if (!(cost >= 0) || isinf(cost))
        return;
    ucb->arms[arm].costs++;
    ucb->arms[arm].cost_sum += cost;
}

/* log(expm1(r)) */
static double log_expm1(double r)
{
    return r > 30 ? r + log1p(-exp(-r)) : log(expm1(r));
}

/* log(exp(a) + exp(b)) */
static double log_add(double a, double b)
{
    double large = fmax(a, b), small = fmin(a, b);
    return isinf(small) ? large : large + log1p(exp(small - large));
}

void aire__ucb_reward(aire_ucb *ucb, size_t arm, double value, double baseline)
{
    double r = isfinite(value) ? fmax(value - (isfinite(baseline) ? baseline : 0), 0) : 0;
    if (!isfinite(r))
        r = 0;
    for (size_t i = 0; i < ucb->count; i++) {
        ucb->arms[i].log_sum += log(ucb->decay);
        ucb->arms[i].weight *= ucb->decay;
    }
    aire_ucb_arm *a = &ucb->arms[arm];
    a->ended++;
    a->weight += 1;
    if (r > 0) {
        a->log_sum = log_add(a->log_sum, log_expm1(r));
        ucb->log_max = fmax(ucb->log_max, log_expm1(r));
    }
}

static double pulls(const aire_ucb_arm *arm)
{
    return (double)(arm->begun > arm->ended ? arm->begun : arm->ended);
}

static double mean_of(const aire_ucb *ucb, const aire_ucb_arm *arm)
{
    if (isinf(ucb->log_max) || isinf(arm->log_sum) || !(arm->weight > 0))
        return 0;
    return exp(arm->log_sum - log(arm->weight) - ucb->log_max);
}

static double cost_of(const aire_ucb_arm *arm)
{
    return arm->costs ? arm->cost_sum / (double)arm->costs : -1;
}

/* The median, smallest and largest of the arms' known mean costs; false while none is above 0. */
typedef struct cost_view {
    double median, min, max;
} cost_view;

static int known_costs(const aire_ucb *ucb, cost_view *view)
{
    size_t known = 0;
    *view = (cost_view){.min = INFINITY, .max = -INFINITY};
    for (size_t i = 0; i < ucb->count; i++) {
        double cost = cost_of(&ucb->arms[i]);
        if (cost < 0)
            continue;
        known++;
        view->min = fmin(view->min, cost);
        view->max = fmax(view->max, cost);
    }
    if (!known || view->max <= 0)
        return 0;
    /* The arms are few: each one's rank is counted. */
    double low = view->max, high = view->min;
    for (size_t i = 0; i < ucb->count; i++) {
        double cost = cost_of(&ucb->arms[i]);
        size_t below = 0, same = 0;
        if (cost < 0)
            continue;
        for (size_t j = 0; j < ucb->count; j++) {
            double other = cost_of(&ucb->arms[j]);
            below += other >= 0 && other < cost;
            same += other == cost;
        }
        if (below <= (known - 1) / 2 && (known - 1) / 2 < below + same)
            low = cost;
        if (below <= known / 2 && known / 2 < below + same)
            high = cost;
    }
    view->median = (low + high) / 2;
    return 1;
}

static double bonus(double total, double n)
{
    return sqrt(2 * log(fmax(total, 2)) / n);
}

static double cheapness(const cost_view *view, const aire_ucb_arm *arm, double total)
{
    double cost = cost_of(arm);
    if (cost < 0)
        return 1;
    double least = 0.01 * (view->median > 0 ? view->median : view->max);
    double divisor = cost - 0.1 * (view->max - view->min) * bonus(total, pulls(arm));
    return (view->median > 0 ? view->median : view->max) / fmax(divisor, least);
}

void aire__ucb_scores(const aire_ucb *ucb, double *scores)
{
    double total = 0, cheapest = 0;
    cost_view view;
    for (size_t i = 0; i < ucb->count; i++)
        total += pulls(&ucb->arms[i]);
    int blend = known_costs(ucb, &view) && ucb->cost_weight > 0;
    for (size_t i = 0; blend && i < ucb->count; i++)
        if (pulls(&ucb->arms[i]) > 0)
            cheapest = fmax(cheapest, cheapness(&view, &ucb->arms[i], total));
    for (size_t i = 0; i < ucb->count; i++) {
        const aire_ucb_arm *arm = &ucb->arms[i];
        if (pulls(arm) <= 0) {
            scores[i] = INFINITY;
            continue;
        }
        scores[i] = mean_of(ucb, arm) + ucb->exploration * bonus(total, pulls(arm));
        if (blend)
            scores[i] = (1 - ucb->cost_weight) * scores[i] +
                        ucb->cost_weight * pow(cheapness(&view, arm, total) / cheapest, ucb->power);
    }
}

void aire__ucb_odds(const aire_ucb *ucb, const double *scores, double *odds)
{
    double best = -INFINITY;
    size_t winners = 0;
    for (size_t i = 0; i < ucb->count; i++)
        best = fmax(best, scores[i]);
    for (size_t i = 0; i < ucb->count; i++)
        winners += scores[i] == best;
    int unseen = isinf(best), given = 0;
    double others = (double)(ucb->count - winners);
    for (size_t i = 0; i < ucb->count; i++) {
        if (unseen) {
            odds[i] = !given && scores[i] == best;
            given |= scores[i] == best;
        } else if (winners == ucb->count) {
            odds[i] = 1 / (double)winners;
        } else {
            odds[i] =
                scores[i] == best ? (1 - ucb->epsilon) / (double)winners : ucb->epsilon / others;
        }
    }
}

size_t aire__ucb_pick(const double *odds, size_t count, double unit)
{
    size_t last = 0;
    for (size_t i = 0; i < count; i++) {
        if (odds[i] <= 0)
            continue;
        last = i;
        if (unit < odds[i])
            return i;
        unit -= odds[i];
    }
    return last;
}
