/*
 * The one-sided Mann-Whitney test.
 *
 * Ranks are doubled, so that the mid-ranks of ties are integers. For small samples every way of
 * choosing which of the values are the first sample's is counted, by the sum of its ranks; for
 * larger ones the sum is about normal.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "aire/stats.h"
#include "base/fail.h"

enum { EXACT_MAX = 20, SUM_MAX = EXACT_MAX * (EXACT_MAX + 1) };

/* Twice the mid-rank of a value among both samples, and the number of values that equal it. */
static size_t doubled_rank(double value, const double *a, size_t n, const double *b, size_t m,
                           size_t *ties)
{
    size_t below = 0, equal = 0;
    for (size_t i = 0; i < n + m; i++) {
        double other = i < n ? a[i] : b[i - n];
        below += other < value;
        equal += other == value;
    }
    *ties = equal;
    return 2 * below + equal + 1;
}

static double exact(const size_t *ranks, size_t n, size_t total, size_t observed)
{
    /* ways[k][s]: ways to choose k of the values seen so far with doubled rank sum s */
    double ways[EXACT_MAX + 1][SUM_MAX + 1], all = 0, extreme = 0;
    memset(ways, 0, sizeof ways);
    ways[0][0] = 1;
    for (size_t i = 0; i < total; i++)
        for (size_t k = i + 1 < n ? i + 1 : n; k >= 1; k--)
            for (size_t s = SUM_MAX; s >= ranks[i]; s--)
                ways[k][s] += ways[k - 1][s - ranks[i]];
    for (size_t s = 0; s <= SUM_MAX; s++) {
        all += ways[n][s];
        extreme += s >= observed ? ways[n][s] : 0;
    }
    return extreme / all;
}

static double approximate(double n, double m, double sum, double tie_term)
{
    double total = n + m, mean = n * (total + 1) / 2;
    double variance = n * m / 12 * (total + 1 - tie_term / (total * (total - 1)));
    if (variance <= 0)
        return 1;                                               /* all values are equal */
    return 0.5 * erfc((sum - mean - 0.5) / sqrt(2 * variance)); /* corrected for continuity */
}

aire_status aire_stats_rank_test(const double *a, size_t a_count, const double *b, size_t b_count,
                                 double *p)
{
    size_t ranks[EXACT_MAX], observed = 0, total = a_count + b_count, ties;
    double tie_term = 0;
    if (!p || (!a && a_count > 0) || (!b && b_count > 0))
        return aire__fail(AIRE_INVALID, "aire_stats_rank_test: a, b and p must not be NULL");
    if (a_count == 0 || b_count == 0)
        return AIRE_EMPTY;
    for (size_t i = 0; i < total; i++) {
        double value = i < a_count ? a[i] : b[i - a_count];
        if (!isfinite(value))
            return aire__fail(AIRE_INVALID, "aire_stats_rank_test: value %zu of %s is not finite",
                              i < a_count ? i : i - a_count, i < a_count ? "a" : "b");
        size_t rank = doubled_rank(value, a, a_count, b, b_count, &ties);
        tie_term +=
            (double)ties * (double)ties - 1; /* summed over the values this is the sum of t^3 - t */
        observed += i < a_count ? rank : 0;
        if (total <= EXACT_MAX)
            ranks[i] = rank;
    }
    *p = total <= EXACT_MAX
             ? exact(ranks, a_count, total, observed)
             : approximate((double)a_count, (double)b_count, (double)observed / 2, tie_term);
    return AIRE_OK;
}
