/* AsymmetricUCB, against values computed by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdbool.h>

#include "base/rng.h"
#include "stats/asym_ucb.h"

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-12;
}

static void test_ucb__unseen_arms_go_first(void **state)
{
    aire_ucb_arm arms[3];
    aire_ucb ucb;
    double scores[3], odds[3];
    aire__ucb_init(&ucb, arms, 3);
    for (size_t i = 0; i < 3; i++) {
        aire__ucb_scores(&ucb, scores);
        aire__ucb_odds(&ucb, scores, odds);
        for (size_t j = 0; j < 3; j++)
            assert_true(odds[j] == (i == j));
        assert_int_equal(aire__ucb_pick(odds, 3, 0.999), i);
        aire__ucb_begin(&ucb, i); /* and in flight it is seen */
    }
}

/* Two arms. Arm 0: r = ln 2, then 0; arm 1: r = ln 3. With decay 0.95, expm1 gives 1, 0 and 2:
 * arm 0 gathers 1, weight 1; then 0.95, weight 1.95; then both times 0.95, which is no change of
 * the mean 0.95 / 1.95. Arm 1 gathers 2, weight 1: mean 2, the largest seen. */
static void test_ucb__scores_are_right(void **state)
{
    aire_ucb_arm arms[2];
    aire_ucb ucb;
    double scores[2], odds[2];
    aire__ucb_init(&ucb, arms, 2);
    aire__ucb_begin(&ucb, 0);
    aire__ucb_reward(&ucb, 0, 5 + log(2), 5);
    aire__ucb_begin(&ucb, 0);
    aire__ucb_reward(&ucb, 0, 4, 5); /* worse is as good as nothing */
    aire__ucb_begin(&ucb, 1);
    aire__ucb_reward(&ucb, 1, log(3), 0);
    aire__ucb_scores(&ucb, scores);
    /* t = 3 */
    assert_true(near(scores[0], 0.95 / 1.95 / 2 + sqrt(2 * log(3) / 2)));
    assert_true(near(scores[1], 1 + sqrt(2 * log(3) / 1)));
    aire__ucb_odds(&ucb, scores, odds);
    assert_true(near(odds[0], 0.2) && near(odds[1], 0.8));
    assert_int_equal(aire__ucb_pick(odds, 2, 0.19), 0);
    assert_int_equal(aire__ucb_pick(odds, 2, 0.21), 1);
    /* Five more in flight at arm 1 make it less worth trying: n = 6, t = 8. */
    for (int i = 0; i < 5; i++)
        aire__ucb_begin(&ucb, 1);
    aire__ucb_scores(&ucb, scores);
    assert_true(near(scores[0], 0.95 / 1.95 / 2 + sqrt(2 * log(8) / 2)));
    assert_true(near(scores[1], 1 + sqrt(2 * log(8) / 6)));
    /* Cancelled ones do not count. */
    for (int i = 0; i < 5; i++)
        aire__ucb_cancel(&ucb, 1);
    aire__ucb_scores(&ucb, scores);
    assert_true(near(scores[1], 1 + sqrt(2 * log(3) / 1)));
}

/* Costs 1, 2 and 4 a call: median 2, range 3; t = 3, n = 1 each, so the bonus is b = sqrt(2 ln 3).
 */
static void test_ucb__cost_is_blended_in(void **state)
{
    aire_ucb_arm arms[3];
    aire_ucb ucb;
    double scores[3];
    const double costs[3] = {1, 2, 4};
    aire__ucb_init(&ucb, arms, 3);
    for (size_t i = 0; i < 3; i++) {
        aire__ucb_begin(&ucb, i);
        aire__ucb_cost(&ucb, i, costs[i]);
        aire__ucb_reward(&ucb, i, 0, 0);
    }
    aire__ucb_scores(&ucb, scores);
    double b = sqrt(2 * log(3)), cheap[3];
    for (size_t i = 0; i < 3; i++)
        cheap[i] = 2 / (costs[i] - 0.1 * 3 * b);
    for (size_t i = 0; i < 3; i++)
        assert_true(near(scores[i], 0.5 * b + 0.5 * cheap[i] / cheap[0]));
    ucb.cost_weight = 0;
    aire__ucb_scores(&ucb, scores);
    assert_true(near(scores[0], b) && near(scores[2], b));
    ucb.cost_weight = 1;
    ucb.power = 2;
    aire__ucb_scores(&ucb, scores);
    assert_true(near(scores[1], pow(cheap[1] / cheap[0], 2)));
}

static void test_ucb__costs_that_are_odd(void **state)
{
    aire_ucb_arm arms[3];
    aire_ucb ucb;
    double scores[3], b = sqrt(2 * log(3));
    aire__ucb_init(&ucb, arms, 3);
    for (size_t i = 0; i < 3; i++)
        aire__ucb_begin(&ucb, i);
    aire__ucb_cost(&ucb, 0, -1);
    aire__ucb_cost(&ucb, 0, NAN);
    aire__ucb_cost(&ucb, 0, INFINITY);
    aire__ucb_cost(&ucb, 1, 0);
    aire__ucb_scores(&ucb, scores); /* none above 0: rewards alone */
    assert_true(near(scores[0], b) && near(scores[1], b) && near(scores[2], b));
    aire__ucb_cost(&ucb, 2, 3); /* a free one, a dear one, and one at the median of 1.5 */
    aire__ucb_scores(&ucb, scores);
    assert_true(near(scores[1], 0.5 * b + 0.5)); /* 1.5 / 0.015 is the most there is */
    assert_true(near(scores[0], 0.5 * b + 0.5 * 1 / 100));
    assert_true(near(scores[2], 0.5 * b + 0.5 * (1.5 / (3 - 0.3 * b)) / 100));
}

static void test_ucb__odd_rewards_are_failures(void **state)
{
    aire_ucb_arm arms[2];
    aire_ucb ucb;
    double scores[2];
    aire__ucb_init(&ucb, arms, 2);
    const double odd[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 3; i++)
        aire__ucb_reward(&ucb, 0, odd[i], 0);
    aire__ucb_reward(&ucb, 1, 1, NAN);
    aire__ucb_reward(&ucb, 1, 1e308, -1e308);
    assert_int_equal(arms[0].ended, 3);
    aire__ucb_scores(&ucb, scores);
    assert_true(near(scores[0], sqrt(2 * log(5) / 3)));
    assert_true(near(scores[1], 0.95 / 1.95 + sqrt(2 * log(5) / 2)));
    /* Large rewards overflow nothing. */
    aire__ucb_reward(&ucb, 0, 5000, 0);
    aire__ucb_reward(&ucb, 0, 4000, 0);
    aire__ucb_scores(&ucb, scores);
    assert_true(isfinite(scores[0]) && isfinite(scores[1]) && scores[0] > scores[1] - 1);
}

static void test_ucb__equal_arms_share(void **state)
{
    aire_ucb_arm arms[4];
    aire_ucb ucb;
    const double scores[4] = {1, 3, 3, 2}, same[4] = {1, 1, 1, 1};
    double odds[4];
    aire__ucb_init(&ucb, arms, 4);
    aire__ucb_odds(&ucb, scores, odds);
    assert_true(near(odds[0], 0.1) && near(odds[1], 0.4) && near(odds[2], 0.4));
    aire__ucb_odds(&ucb, same, odds);
    for (int i = 0; i < 4; i++)
        assert_true(near(odds[i], 0.25));
    ucb.count = 1;
    aire__ucb_odds(&ucb, same, odds);
    assert_true(odds[0] == 1);
    const double none[3] = {0, 1, 0};
    assert_int_equal(aire__ucb_pick(none, 3, 0), 1);
    assert_int_equal(aire__ucb_pick(none, 3, 1 - 1e-16), 1);
}

/* Of three models of different worth and the same cost, the best is asked most; of two of the same
 * worth, the cheaper one. */
static size_t most_asked(const double *worth, const double *costs, size_t count)
{
    aire_ucb_arm arms[4];
    aire_ucb ucb;
    double scores[4], odds[4];
    size_t best = 0;
    aire__ucb_init(&ucb, arms, count);
    for (uint64_t i = 0; i < 400; i++) {
        aire_rng rng;
        aire__rng_init(&rng, 9, "ucb", i);
        aire__ucb_scores(&ucb, scores);
        aire__ucb_odds(&ucb, scores, odds);
        size_t arm = aire__ucb_pick(odds, count, aire__rng_unit(&rng));
        aire__ucb_begin(&ucb, arm);
        aire__ucb_cost(&ucb, arm, costs[arm]);
        aire__ucb_reward(&ucb, arm, aire__rng_unit(&rng) < worth[arm] ? 0.1 : 0, 0);
    }
    for (size_t i = 0; i < count; i++)
        if (arms[i].begun > arms[best].begun)
            best = i;
    return best;
}

static void test_ucb__finds_the_better_and_the_cheaper(void **state)
{
    const double worth[3] = {0.05, 0.1, 0.9}, equal[3] = {0.3, 0.3, 0.3};
    const double same[3] = {1, 1, 1}, costs[3] = {3, 1, 2};
    assert_int_equal(most_asked(worth, same, 3), 2);
    assert_int_equal(most_asked(equal, costs, 3), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ucb__unseen_arms_go_first),
        cmocka_unit_test(test_ucb__scores_are_right),
        cmocka_unit_test(test_ucb__cost_is_blended_in),
        cmocka_unit_test(test_ucb__costs_that_are_odd),
        cmocka_unit_test(test_ucb__odd_rewards_are_failures),
        cmocka_unit_test(test_ucb__equal_arms_share),
        cmocka_unit_test(test_ucb__finds_the_better_and_the_cheaper),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
