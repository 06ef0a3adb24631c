/* The stats room: summaries, and the rank test against counting by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "aire/stats.h"
#include "base/rng.h"

static void test_summary__is_right(void **state)
{
    const double values[] = {2, 4, 4, 4, 5, 5, 7, 9};
    aire_summary s = {.struct_size = sizeof s};
    assert_int_equal(aire_stats_summary(values, 8, &s), AIRE_OK);
    assert_int_equal(s.count, 8);
    assert_true(fabs(s.mean - 5) < 1e-12);
    assert_true(fabs(s.deviation - sqrt(32.0 / 7)) < 1e-12);
    assert_true(s.min == 2 && s.max == 9);
    assert_int_equal(aire_stats_summary(values, 1, &s), AIRE_OK);
    assert_true(s.deviation == 0);
    assert_int_equal(aire_stats_summary(values, 0, &s), AIRE_EMPTY);
    const double bad[] = {1, NAN};
    assert_int_equal(aire_stats_summary(bad, 2, &s), AIRE_INVALID);
    assert_int_equal(aire_stats_summary(NULL, 2, &s), AIRE_INVALID);
    const double apart[] = {-1e308, 1e308};
    assert_int_equal(aire_stats_summary(apart, 2, &s), AIRE_INVALID);
    s.struct_size = 1;
    assert_int_equal(aire_stats_summary(values, 8, &s), AIRE_ABI);
}

static void test_summary__of_equal_values_has_no_spread(void **state)
{
    const double values[] = {0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1};
    aire_summary s = {.struct_size = sizeof s};
    for (size_t n = 1; n <= 7; n++) {
        assert_int_equal(aire_stats_summary(values, n, &s), AIRE_OK);
        assert_true(s.mean == 0.1 && s.deviation == 0);
    }
    const double far[] = {1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16}; /* squares of these lose it all */
    assert_int_equal(aire_stats_summary(far, 4, &s), AIRE_OK);
    assert_true(s.mean == 1e9 + 10 && fabs(s.deviation - sqrt(30)) < 1e-9);
}

/* Doubled rank sum of the values whose bit is set. */
static int rank_sum(const double *all, int total, unsigned chosen)
{
    int sum = 0;
    for (int i = 0; i < total; i++)
        for (int j = 0; j < total && chosen >> i & 1; j++)
            sum += all[j] < all[i] ? 2 : all[j] == all[i] ? 1 : 0;
    for (int i = 0; i < total; i++)
        sum += chosen >> i & 1;
    return sum;
}

/* Every way to choose the first sample, counted. */
static double by_hand(const double *all, int n, int total)
{
    int observed = rank_sum(all, total, (1u << n) - 1), ways = 0, extreme = 0;
    for (unsigned chosen = 0; chosen < 1u << total; chosen++)
        if (__builtin_popcount(chosen) == n) {
            ways++;
            extreme += rank_sum(all, total, chosen) >= observed;
        }
    return (double)extreme / ways;
}

static void test_rank_test__counts_every_way(void **state)
{
    aire_rng rng;
    aire__rng_init(&rng, 1, "rank", 0);
    for (int round = 0; round < 300; round++) {
        double all[10], p;
        int n = 1 + (int)aire__rng_below(&rng, 5), m = 1 + (int)aire__rng_below(&rng, 5);
        uint64_t values = 2 + aire__rng_below(&rng, 20); /* few values: many ties */
        for (int i = 0; i < n + m; i++)
            all[i] = (double)aire__rng_below(&rng, values);
        assert_int_equal(aire_stats_rank_test(all, (size_t)n, all + n, (size_t)m, &p), AIRE_OK);
        assert_true(fabs(p - by_hand(all, n, n + m)) < 1e-12);
    }
}

static void test_rank_test__knows_simple_cases(void **state)
{
    const double high[] = {4, 5, 6}, low[] = {1, 2, 3}, same[] = {1, 1, 1};
    double p;
    assert_int_equal(aire_stats_rank_test(high, 3, low, 3, &p), AIRE_OK);
    assert_true(fabs(p - 1.0 / 20) < 1e-12);
    assert_int_equal(aire_stats_rank_test(low, 3, high, 3, &p), AIRE_OK);
    assert_true(p == 1);
    assert_int_equal(aire_stats_rank_test(same, 3, same, 3, &p), AIRE_OK);
    assert_true(p == 1);
    assert_int_equal(aire_stats_rank_test(same, 0, same, 3, &p), AIRE_EMPTY);
    const double bad[] = {INFINITY};
    assert_int_equal(aire_stats_rank_test(bad, 1, same, 3, &p), AIRE_INVALID);
    assert_int_equal(aire_stats_rank_test(same, 3, same, 3, NULL), AIRE_INVALID);
}

/* As scipy 1.17.1 has them: mannwhitneyu(a, b, alternative="greater", method=...). */
static void test_rank_test__agrees_with_scipy(void **state)
{
    static const struct {
        double a[15], b[12];
        size_t a_count, b_count;
        double p;
    } cases[] = {
        /* "exact" */
        {{3.1, 2.7, 4.4, 3.9}, {2.5, 2.9, 1.8}, 4, 3, 0.05714285714285714},
        {{0.91, 0.95, 0.97, 0.99, 1.02},
         {0.90, 0.92, 0.93, 0.94, 0.96, 0.98},
         5,
         6,
         0.12337662337662336},
        /* PermutationMethod(n_resamples=inf): ties */
        {{2, 4, 4, 5}, {1, 2, 2, 4, 3}, 4, 5, 1.0 / 9},
        {{1.5, 1.5, 2, 3, 3, 3}, {1.5, 1, 1, 2, 3}, 6, 5, 0.13852813852813853},
        /* "asymptotic" */
        {{5, 7, 7, 8, 9, 9, 10, 12, 12, 14, 15},
         {4, 5, 6, 7, 7, 8, 8, 9, 11, 12},
         11,
         10,
         0.05927447504994777},
        {{0, 1, 4, 9, 16, 2, 13, 3, 18, 12, 8, 6, 6, 8, 12},
         {0, 1, 8, 8, 7, 11, 7, 1, 18, 7, 12, 1},
         15,
         12,
         0.2781553144047634},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double p;
        assert_int_equal(
            aire_stats_rank_test(cases[i].a, cases[i].a_count, cases[i].b, cases[i].b_count, &p),
            AIRE_OK);
        assert_true(fabs(p - cases[i].p) < 1e-12);
    }
}

static void test_rank_test__approximation_joins_the_exact_one(void **state)
{
    aire_rng rng;
    aire__rng_init(&rng, 2, "rank", 0);
    for (int round = 0; round < 4; round++) {
        double all[22], p;
        for (int i = 0; i < 22; i++)
            all[i] = round % 2 ? (double)aire__rng_below(&rng, 8) + (i < 11)
                               : aire__rng_normal(&rng) + 0.5 * (i < 11);
        assert_int_equal(aire_stats_rank_test(all, 11, all + 11, 11, &p), AIRE_OK);
        assert_true(fabs(p - by_hand(all, 11, 22)) < 0.01);
    }
    double many[30], few[30], p;
    for (int i = 0; i < 30; i++) {
        many[i] = 100 + i;
        few[i] = i;
    }
    assert_int_equal(aire_stats_rank_test(many, 30, few, 30, &p), AIRE_OK);
    assert_true(p < 1e-9);
    assert_int_equal(aire_stats_rank_test(few, 30, few, 30, &p), AIRE_OK);
    assert_true(fabs(p - 0.5) < 0.01);
}

/* The last size that is counted and the first that is not, with ties and without. */
static void test_rank_test__changes_method_after_twenty(void **state)
{
    aire_rng rng;
    aire__rng_init(&rng, 3, "rank", 0);
    for (int round = 0; round < 4; round++) {
        double all[21], p;
        for (int i = 0; i < 21; i++)
            all[i] = round % 2 ? (double)aire__rng_below(&rng, 8) + (i < 10)
                               : aire__rng_normal(&rng) + 0.5 * (i < 10);
        assert_int_equal(aire_stats_rank_test(all, 10, all + 10, 10, &p), AIRE_OK);
        assert_true(fabs(p - by_hand(all, 10, 20)) < 1e-12);
        assert_int_equal(aire_stats_rank_test(all, 10, all + 10, 11, &p), AIRE_OK);
        assert_true(fabs(p - by_hand(all, 10, 21)) < 0.01);
    }
    const double best[20] = {1};
    double p;
    assert_int_equal(aire_stats_rank_test(best, 1, best + 1, 19, &p), AIRE_OK);
    assert_true(fabs(p - 1.0 / 20) < 1e-12);
    const double rest[20] = {[19] = -1};
    assert_int_equal(aire_stats_rank_test(rest, 19, rest + 19, 1, &p), AIRE_OK);
    assert_true(fabs(p - 1.0 / 20) < 1e-12);
}

static void test_rank_test__of_many_equal_values_is_one(void **state)
{
    const double same[30] = {0};
    double p = 0;
    assert_int_equal(aire_stats_rank_test(same, 15, same + 15, 15, &p), AIRE_OK);
    assert_true(p == 1);
}

static void test_stats__failures_write_nothing(void **state)
{
    const double values[] = {1, -INFINITY};
    aire_summary s = {.struct_size = sizeof s, .count = 77, .mean = 5};
    double p = 5;
    assert_int_equal(aire_stats_summary(values, 2, &s), AIRE_INVALID);
    assert_int_equal(aire_stats_summary(values, 0, &s), AIRE_EMPTY);
    assert_true(s.count == 77 && s.mean == 5);
    assert_int_equal(aire_stats_summary(values, 1, NULL), AIRE_INVALID);
    assert_int_equal(aire_stats_rank_test(values, 1, values, 2, &p), AIRE_INVALID);
    assert_int_equal(aire_stats_rank_test(values, 1, values, 0, &p), AIRE_EMPTY);
    assert_int_equal(aire_stats_rank_test(NULL, 1, values, 1, &p), AIRE_INVALID);
    assert_int_equal(aire_stats_rank_test(values, 1, NULL, 1, &p), AIRE_INVALID);
    assert_true(p == 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_summary__is_right),
        cmocka_unit_test(test_summary__of_equal_values_has_no_spread),
        cmocka_unit_test(test_rank_test__counts_every_way),
        cmocka_unit_test(test_rank_test__knows_simple_cases),
        cmocka_unit_test(test_rank_test__agrees_with_scipy),
        cmocka_unit_test(test_rank_test__approximation_joins_the_exact_one),
        cmocka_unit_test(test_rank_test__changes_method_after_twenty),
        cmocka_unit_test(test_rank_test__of_many_equal_values_is_one),
        cmocka_unit_test(test_stats__failures_write_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
