/*
 * AsymmetricUCB: which of several arms to pull, where only success counts and arms cost money.
 * (ShinkaEvolve's bandit over language models; Lange et al. 2025.)
 *
 * A reward is r = max(value - what had to be beaten, 0); a failure is r = 0. Arms gather
 * expm1(r), so that one large success outweighs many small ones, as a logarithm, so that it cannot
 * overflow; each update makes what was gathered before worth `decay` of what it was. With n = the
 * larger of an arm's begun and ended pulls (those in flight count) and t their sum:
 *
 *   mean      = gathered / weight gathered, divided by the largest expm1(r) seen so far
 *   score     = mean + c * sqrt(2 ln max(t, 2) / n)
 *   cheapness = median cost / (mean cost - 0.1 * range * sqrt(2 ln max(t, 2) / n))
 *   blend     = (1 - k) * score + k * (cheapness / largest cheapness)^power
 *
 * where costs are the arms' mean costs, their range is largest less smallest, the divisor is at
 * least a hundredth of the median (of the largest, if the median is 0), and an arm whose cost is
 * not known counts as one at the median. While no arm has a cost above 0, the blend is the score.
 *
 * Arms that were never pulled go first, in order. Then the best arm is pulled with probability
 * 1 - epsilon, and another one with epsilon; equally good ones share.
 *
 * Pure arithmetic: no clock, no lock, no memory of its own.
 */
#ifndef AIRE_STATS_ASYM_UCB_H
#define AIRE_STATS_ASYM_UCB_H

#include <stddef.h>
#include <stdint.h>

typedef struct aire_ucb_arm {
    int64_t begun, ended; /* pulls */
    double log_sum;       /* log of the decayed sum of expm1(r); -inf while that is 0 */
    double weight;        /* decayed number of rewards */
    int64_t costs;        /* known costs */
    double cost_sum;
} aire_ucb_arm;

typedef struct aire_ucb {
    double exploration; /* c */
    double epsilon;
    double decay;
    double cost_weight; /* k, from 0 to 1 */
    double power;
    double log_max; /* log of the largest expm1(r) seen; -inf while there is none */
    aire_ucb_arm *arms;
    size_t count;
} aire_ucb;

/* The defaults (c 1, epsilon 0.2, decay 0.95, k 0.5, power 1) on the caller's arms, which are set
 * to nothing. */
void aire__ucb_init(aire_ucb *ucb, aire_ucb_arm *arms, size_t count);

/* A pull has begun. */
void aire__ucb_begin(aire_ucb *ucb, size_t arm);

/* It was not a pull after all (it was cancelled). */
void aire__ucb_cancel(aire_ucb *ucb, size_t arm);

/* What it cost; negative or not finite: not known. */
void aire__ucb_cost(aire_ucb *ucb, size_t arm, double cost);

/* Its reward, against what had to be beaten. A value that is not finite is a failure; a baseline
 * that is not finite is 0. */
void aire__ucb_reward(aire_ucb *ucb, size_t arm, double value, double baseline);

/* The blend of each arm, into `scores` of count; infinite for one that was never pulled. */
void aire__ucb_scores(const aire_ucb *ucb, double *scores);

/* How likely each arm is to be pulled next, from their scores. */
void aire__ucb_odds(const aire_ucb *ucb, const double *scores, double *odds);

/* The arm at a point in [0, 1) of the odds. */
size_t aire__ucb_pick(const double *odds, size_t count, double unit);

#endif
