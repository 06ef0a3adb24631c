/* Early stopping: both rules against cases worked out by hand, and their edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "aire/error.h"
#include "base/rng.h"
#include "stats/early_stop.h"
#include "support/failing.h"

static failing memory;
static aire_ctx *ctx;

static int setup(void **state)
{
    ctx = failing_ctx(&memory, 0);
    return 0;
}

static int teardown(void **state)
{
    aire_ctx_unref(ctx);
    return atomic_load(&memory.live) == 0 ? 0 : -1;
}

static aire_stopper *stopper(aire_stop_options options)
{
    aire_stopper *s;
    assert_int_equal(aire__stopper_new(ctx, &options, &s), AIRE_OK);
    return s;
}

static bool report(aire_stopper *s, int64_t run, double step, double value)
{
    bool stop;
    assert_int_equal(aire__stopper_report(s, run, step, value, &stop), AIRE_OK);
    return stop;
}

/* A complete run with these values at steps 1, 2, ... */
static void complete(aire_stopper *s, int64_t run, size_t count, const double *values)
{
    for (size_t i = 0; i < count; i++)
        assert_false(report(s, run, (double)i + 1, values[i]));
    aire__stopper_finish(s, run, true);
}

/*
 * Averages of the complete curves up to steps 1, 2, 3:
 *   A: 10  8  6     B: 6  6  6     C: 8  5  4     medians: 8  6  6
 */
static const double A[] = {10, 6, 2}, B[] = {6, 6, 6}, C[] = {8, 2, 2};

static aire_stopper *median_of_three(bool minimize, double min_step)
{
    aire_stopper *s = stopper((aire_stop_options){AIRE_STOP_MEDIAN, minimize, min_step, 3, 0});
    double sign = minimize ? 1 : -1;
    const double *const curves[] = {A, B, C};
    for (int64_t run = 0; run < 3; run++) {
        double values[3];
        for (size_t i = 0; i < 3; i++)
            values[i] = sign * curves[run][i];
        complete(s, run, 3, values);
    }
    return s;
}

static void test_median__is_of_running_averages(void **state)
{
    for (int minimize = 0; minimize < 2; minimize++) {
        double sign = minimize ? 1 : -1;
        aire_stopper *s = median_of_three(minimize, 0);
        assert_false(report(s, 10, 1, sign * 8)); /* equal to the median is not worse */
        assert_false(report(s, 10, 2, sign * 6));
        assert_false(report(s, 10, 3, sign * 9)); /* the best so far counts, not the latest */
        assert_true(report(s, 11, 1, sign * 8.01));
        assert_false(report(s, 12, 1, sign * 7));
        assert_true(report(s, 12, 2, sign * 6.01));
        assert_false(report(s, 13, 0.5, sign * 99)); /* no curve has begun by then */
        assert_true(report(s, 13, 99, sign * 6.5)); /* after the curves' ends: their last average */
        aire__stopper_free(s);
    }
}

static void test_median__of_an_even_number_is_between(void **state)
{
    aire_stopper *s = stopper((aire_stop_options){AIRE_STOP_MEDIAN, true, 0, 4, 0});
    const double values[] = {1, 2, 4, 9};
    for (int64_t run = 0; run < 4; run++)
        complete(s, run, 1, values + run);
    assert_false(report(s, 10, 1, 3)); /* (2 + 4) / 2 */
    assert_true(report(s, 11, 1, 3.01));
    aire__stopper_free(s);
}

static void test_median__knows_complete_curves_only(void **state)
{
    aire_stopper *s = stopper((aire_stop_options){AIRE_STOP_MEDIAN, true, 0, 0, 0});
    const double good[] = {1};
    for (int64_t run = 0; run < 4; run++)
        complete(s, run, 1, good);
    assert_false(report(s, 4, 1, 1));
    assert_false(report(s, 5, 1, 9)); /* four complete curves, and the default is five */
    aire__stopper_finish(s, 4, false);
    assert_false(report(s, 6, 1, 9));
    assert_false(report(s, 7, 1, 1));
    aire__stopper_finish(s, 7, true);
    aire__stopper_finish(s, 7, true); /* known no more: not counted twice */
    assert_true(report(s, 8, 1, 9));
    assert_false(report(s, 9, 0.5, 9)); /* the curves say nothing of earlier steps */
    aire__stopper_finish(s, 12345, true);
    aire__stopper_free(s);
}

static void test_median__counts_a_second_attempt_afresh(void **state)
{
    aire_stopper *s = median_of_three(true, 0);
    assert_true(report(s, 10, 1, 9));
    aire__stopper_finish(s, 10, false);
    assert_false(report(s, 10, 1, 7));
    aire__stopper_free(s);
}

static void test_stop__is_said_again(void **state)
{
    aire_stopper *s = median_of_three(true, 0);
    assert_true(report(s, 10, 1, 9));
    assert_true(report(s, 10, 2, 0));
    assert_true(report(s, 10, 2, 0)); /* ignored, but the run is hopeless as before */
    aire__stopper_free(s);
}

static void test_min_step__comes_first(void **state)
{
    aire_stopper *s = median_of_three(true, 2);
    assert_false(report(s, 10, 1, 99));
    assert_false(report(s, 10, 1.99, 99));
    assert_true(report(s, 10, 2, 99));
    aire__stopper_free(s);

    s = stopper((aire_stop_options){AIRE_STOP_ASHA, true, 10, 1, 2});
    for (int64_t run = 0; run < 8; run++)
        assert_false(report(s, run, 9.99, (double)run));
    aire__stopper_free(s);
}

static void test_values__that_are_not_finite_are_the_worst(void **state)
{
    const double bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 3; i++)
        for (int minimize = 0; minimize < 2; minimize++) {
            aire_stopper *s = median_of_three(minimize, 0);
            assert_true(report(s, 10, 1, bad[i]));
            complete(s, 20, 1, (const double[]){minimize ? -100 : 100});
            complete(s, 21, 1, (const double[]){minimize ? -100 : 100});
            assert_false(report(s, 11, 1, minimize ? 6 : -6)); /* -100 -100 6 8 10 */
            aire__stopper_free(s);
        }
}

/* Two diverged curves of five are above the median, whatever follows; three of five are it. */
static void test_values__that_are_not_finite_stay_in_averages(void **state)
{
    aire_stopper *s = stopper((aire_stop_options){AIRE_STOP_MEDIAN, true, 0, 5, 0});
    complete(s, 0, 3, (const double[]){1, NAN, -50});
    complete(s, 1, 3, (const double[]){INFINITY, 1, 1});
    complete(s, 2, 3, (const double[]){1, 1, 1});
    complete(s, 3, 3, (const double[]){2, 2, 2});
    complete(s, 4, 3, (const double[]){3, 3, 3});
    assert_false(report(s, 10, 3, 3));
    assert_true(report(s, 11, 3, 3.5));
    for (int64_t run = 5; run < 7; run++) {
        assert_true(report(s, run, 1, NAN)); /* such as a baseline, which completes all the same */
        aire__stopper_finish(s, run, true);
    }
    assert_false(report(s, 12, 3, 1e9)); /* 1 2 3 and four infinite ones */
    assert_false(report(s, 13, 3, NAN)); /* not strictly worse */
    aire__stopper_free(s);

    s = stopper((aire_stop_options){AIRE_STOP_MEDIAN, true, 0, 3, 0});
    complete(s, 0, 2, (const double[]){1, 1});
    complete(s, 1, 2, (const double[]){2, 2});
    complete(s, 2, 2, (const double[]){NAN, 0});
    assert_false(report(s, 10, 2, 1.9)); /* the median is 2 */
    assert_true(report(s, 11, 2, 2.1));
    aire__stopper_free(s);
}

static void test_values__at_the_ends_of_the_range_do_not_overflow(void **state)
{
    aire_stopper *s = stopper((aire_stop_options){AIRE_STOP_MEDIAN, true, 0, 2, 0});
    complete(s, 0, 2, (const double[]){1.7e308, -1.7e308}); /* 0 */
    complete(s, 1, 2, (const double[]){1.6e308, 1.6e308});
    assert_false(report(s, 10, 2, 0.79e308));
    assert_true(report(s, 11, 2, 0.81e308));
    aire__stopper_free(s);
}

static void test_steps__out_of_order_are_ignored(void **state)
{
    aire_stopper *s = median_of_three(true, 0);
    const double wrong[] = {2, 1, -1, NAN, INFINITY, -INFINITY};
    assert_false(report(s, 10, 2, 5));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(report(s, 10, wrong[i], 1000));
    aire__stopper_finish(s, 10, true);
    /* Complete: A B C and 5; at step 3 the averages are 6 6 4 5. */
    assert_false(report(s, 11, 3, 5.5));
    assert_true(report(s, 12, 3, 5.51));
    aire__stopper_free(s);
}

/*
 * eta 3, first rung at 1: at each rung a run is stopped as soon as floor(n / 3) values are better.
 */
static void test_asha__keeps_the_top_of_a_rung(void **state)
{
    for (int minimize = 0; minimize < 2; minimize++) {
        double sign = minimize ? 1 : -1;
        aire_stopper *s = stopper((aire_stop_options){AIRE_STOP_ASHA, minimize, 1, 1, 3});
        const struct {
            double step, value;
            bool stop;
        } rows[] = {
            {1, 5, false},  /* one value, two values: fewer than eta */
            {1, 9, false},  /**/
            {1, 6, true},   /* of 3 only the best goes on */
            {1, 4, false},  /* of 4 */
            {1, 4, false},  /* of 5; a tie is not better */
            {1, 5, true},   /* of 6 the best two: 4 4 | 5 5 6 9 */
            {1, 3, false},  /* of 7: 3 4 | 4 5 5 6 9 */
            {1, 4, false},  /* of 8: one is better */
            {1, 4.5, true}, /* of 9 the best three: 3 4 4 | 4 4.5 ... */
        };
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            if (report(s, (int64_t)i, rows[i].step, sign * rows[i].value) != rows[i].stop)
                fail_msg("row %zu", i);
        aire__stopper_free(s);
    }
}

static void test_asha__decides_once_a_rung(void **state)
{
    aire_stopper *s = stopper((aire_stop_options){AIRE_STOP_ASHA, true, 10, 1, 3});
    for (int64_t run = 0; run < 3; run++)
        assert_false(report(s, run, 10, (double)(3 - run))); /* 3 2 1 */
    for (double step = 11; step < 30; step++)
        assert_false(report(s, 0, step, 1000)); /* between the rungs nothing is asked */
    assert_false(report(s, 0, 31, 8));          /* the first value after the rung at 30 */
    assert_false(report(s, 1, 30, 9));
    assert_true(report(s, 2, 35, 8.5));  /* the rung at 30 has 8 9 8.5 */
    assert_false(report(s, 3, 95, 1e9)); /* passed 10, 30 and 90: only the last has its value */
    assert_false(report(s, 4, 30, 7));
    assert_true(report(s, 5, 30, 7.5)); /* of 7 7.5 8 8.5 9 the best one */
    aire__stopper_free(s);
}

static void test_asha__waits_for_min_runs(void **state)
{
    aire_stopper *s = stopper((aire_stop_options){AIRE_STOP_ASHA, true, 0, 0, 0});
    for (int64_t run = 0; run < 4; run++)
        assert_false(report(s, run, 1, (double)run));
    assert_true(report(s, 4, 1, 4)); /* the fifth value, by the default */
    aire__stopper_free(s);
    s = stopper((aire_stop_options){AIRE_STOP_ASHA, true, 0, 2, 4.5});
    for (int64_t run = 0; run < 4; run++)
        assert_false(report(s, run, 1, (double)run));
    assert_true(report(s, 4, 1, 4)); /* the first number that is not below eta */
    aire__stopper_free(s);
}

static void test_asha__nan_is_outside_the_top(void **state)
{
    aire_stopper *s = stopper((aire_stop_options){AIRE_STOP_ASHA, false, 1, 3, 3});
    assert_false(report(s, 0, 1, -1e300));
    assert_false(report(s, 1, 1, NAN));
    assert_true(report(s, 2, 1, NAN));
    assert_true(report(s, 3, 1, INFINITY));
    assert_false(report(s, 4, 1, -1e299));
    aire__stopper_free(s);
}

static void test_asha__a_second_attempt_takes_the_firsts_place(void **state)
{
    aire_stopper *s = stopper((aire_stop_options){AIRE_STOP_ASHA, true, 1, 1, 3});
    assert_false(report(s, 0, 1, 1));
    for (int i = 0; i < 10; i++) {
        aire__stopper_finish(s, 1, false);
        assert_false(report(s, 1, 1, 50)); /* two values, however often */
    }
    assert_true(report(s, 2, 1, 2));
    aire__stopper_free(s);
}

static void test_asha__has_an_end_of_rungs(void **state)
{
    aire_stopper *s = stopper((aire_stop_options){AIRE_STOP_ASHA, true, 5e-324, 1, 1.0000001});
    assert_false(report(s, 0, 1e308, 1));
    assert_false(report(s, 0, 1.1e308, 1));
    aire__stopper_free(s);
}

/* Thinning loses steps, but no average: each kept point has that of all values before it. */
static void test_curves__are_thinned(void **state)
{
    enum { LONG = 100000 };
    aire_stopper *s = stopper((aire_stop_options){AIRE_STOP_MEDIAN, true, 0, 1, 0});
    long long before = atomic_load(&memory.live);
    for (int i = 1; i <= LONG; i++)
        assert_false(report(s, 0, i, 2.0 * i)); /* the average up to step i is i + 1 */
    assert_int_equal(atomic_load(&memory.live), before + 1);
    aire__stopper_finish(s, 0, true);
    for (int step = 1; step <= LONG; step += 37) {
        double margin = LONG / 128.0 + 1; /* a kept step at most so far before */
        assert_true(report(s, 2 * step, step, step + 1.5));
        assert_false(report(s, 2 * step + 1, step, step - margin));
    }
    assert_false(report(s, -1, LONG, LONG + 1 - 1e-6)); /* the last average is exact */
    assert_true(report(s, -2, LONG, LONG + 1 + 1e-6));
    aire__stopper_free(s);
}

static void test_curves__of_long_ago_are_forgotten(void **state)
{
    aire_stopper *s = stopper((aire_stop_options){AIRE_STOP_MEDIAN, true, 0, 1, 0});
    long long before = atomic_load(&memory.live);
    for (int64_t run = 0; run < 3000; run++) {
        aire__stopper_finish(s, run, true); /* not known yet */
        report(s, run, 1, run < 1976 ? 0 : 1);
        aire__stopper_finish(s, run, true);
    }
    assert_int_equal(atomic_load(&memory.live), before + 1024);
    assert_false(report(s, 5000, 1, 1));
    assert_true(report(s, 5001, 1, 1.1));
    aire__stopper_free(s);
}

static void test_never__stops_nothing_and_keeps_nothing(void **state)
{
    aire_stopper *s = stopper((aire_stop_options){.rule = AIRE_STOP_NEVER});
    long long before = atomic_load(&memory.live);
    for (int64_t run = 0; run < 50; run++) {
        assert_false(report(s, run, 1, run == 0 ? 0 : NAN));
        aire__stopper_finish(s, run, true);
    }
    assert_int_equal(atomic_load(&memory.live), before);
    aire__stopper_free(s);
    aire__stopper_free(NULL);
}

static void test_options__that_make_no_sense_are_refused(void **state)
{
    const struct {
        aire_stop_options options;
        const char *says;
    } rows[] = {
        {{.rule = (aire_stop_rule)3}, "3 is no rule"},
        {{.rule = AIRE_STOP_MEDIAN, .min_step = -1}, "min_step is -1"},
        {{.rule = AIRE_STOP_MEDIAN, .min_step = NAN}, "min_step"},
        {{.rule = AIRE_STOP_MEDIAN, .min_runs = -1}, "min_runs is -1"},
        {{.rule = AIRE_STOP_ASHA, .eta = 1}, "eta is 1"},
        {{.rule = AIRE_STOP_ASHA, .eta = INFINITY}, "eta is inf"},
        {{.rule = AIRE_STOP_ASHA, .eta = NAN}, "eta"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        aire_stopper *s = (aire_stopper *)&s;
        assert_int_equal(aire__stopper_new(ctx, &rows[i].options, &s), AIRE_INVALID);
        assert_null(s);
        assert_non_null(strstr(aire_error_message(aire_last_error()), rows[i].says));
    }
}

/* What is said to random reports, as bits. */
static void replay(aire_stop_options options, uint64_t seed, bool *said, size_t count)
{
    aire_stopper *s = stopper(options);
    double steps[20] = {0};
    aire_rng rng;
    aire__rng_init(&rng, seed, "early", 0);
    for (size_t i = 0; i < count; i++) {
        int64_t run = (int64_t)aire__rng_below(&rng, 20);
        steps[run] += aire__rng_unit(&rng) * 3;
        said[i] = report(s, run, steps[run], aire__rng_normal(&rng) + (double)run / 10);
        if (aire__rng_below(&rng, 15) == 0) {
            aire__stopper_finish(s, run, aire__rng_below(&rng, 2));
            steps[run] = 0;
        }
    }
    aire__stopper_free(s);
}

static void test_decisions__follow_from_the_reports(void **state)
{
    enum { COUNT = 2000 };
    for (int rule = AIRE_STOP_MEDIAN; rule <= AIRE_STOP_ASHA; rule++) {
        aire_stop_options options = {(aire_stop_rule)rule, true, 1, 3, 2};
        bool first[COUNT], second[COUNT], other[COUNT];
        size_t stops = 0;
        replay(options, 1, first, COUNT);
        replay(options, 1, second, COUNT);
        replay(options, 2, other, COUNT);
        assert_memory_equal(first, second, sizeof first);
        assert_memory_not_equal(first, other, sizeof first);
        for (size_t i = 0; i < COUNT; i++)
            stops += first[i];
        assert_in_range(stops, 1, COUNT - 1);
    }
}

/* Reports that found no memory are made again: in the end it is as if all had gone well. */
static aire_status whole_life(aire_stop_rule rule)
{
    aire_stop_options options = {rule, true, 1, 2, 2};
    aire_stopper *s;
    aire_status status = aire__stopper_new(ctx, &options, &s);
    bool stop = false;
    for (int64_t run = 0; run < 40 && status == AIRE_OK; run++) {
        for (int step = 1; step <= 8 && status == AIRE_OK; step++)
            status = aire__stopper_report(s, run, step, (double)run, &stop);
        aire__stopper_finish(s, run, true);
    }
    assert_true(status != AIRE_OK || stop);
    aire__stopper_free(s);
    return status;
}

static void test_memory__may_end_anywhere(void **state)
{
    OOM_LOOP(&memory, whole_life(AIRE_STOP_MEDIAN), (void)0);
    OOM_LOOP(&memory, whole_life(AIRE_STOP_ASHA), (void)0);
}

static void test_memory__a_failed_report_can_be_made_again(void **state)
{
    aire_stopper *s = stopper((aire_stop_options){AIRE_STOP_ASHA, true, 1, 1, 3});
    for (int64_t run = 0; run < 40; run++) {
        bool stop = true, expected = run > 0 && run % 3 == 2;
        aire_status status = AIRE_NOMEM;
        for (long long k = 0; status == AIRE_NOMEM; k++) {
            atomic_store(&memory.countdown, k);
            status = aire__stopper_report(s, run, 1, run < 3 ? (double)run : -(double)run, &stop);
            atomic_store(&memory.countdown, -1);
            assert_true(status == AIRE_OK || stop); /* written only on success */
        }
        assert_int_equal(status, AIRE_OK);
        if (run < 3)
            assert_true(stop == expected);
        else
            assert_false(stop); /* each is the best so far */
    }
    aire__stopper_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_median__is_of_running_averages),
        cmocka_unit_test(test_median__of_an_even_number_is_between),
        cmocka_unit_test(test_median__knows_complete_curves_only),
        cmocka_unit_test(test_median__counts_a_second_attempt_afresh),
        cmocka_unit_test(test_stop__is_said_again),
        cmocka_unit_test(test_min_step__comes_first),
        cmocka_unit_test(test_values__that_are_not_finite_are_the_worst),
        cmocka_unit_test(test_values__that_are_not_finite_stay_in_averages),
        cmocka_unit_test(test_values__at_the_ends_of_the_range_do_not_overflow),
        cmocka_unit_test(test_steps__out_of_order_are_ignored),
        cmocka_unit_test(test_asha__keeps_the_top_of_a_rung),
        cmocka_unit_test(test_asha__decides_once_a_rung),
        cmocka_unit_test(test_asha__waits_for_min_runs),
        cmocka_unit_test(test_asha__nan_is_outside_the_top),
        cmocka_unit_test(test_asha__a_second_attempt_takes_the_firsts_place),
        cmocka_unit_test(test_asha__has_an_end_of_rungs),
        cmocka_unit_test(test_curves__are_thinned),
        cmocka_unit_test(test_curves__of_long_ago_are_forgotten),
        cmocka_unit_test(test_never__stops_nothing_and_keeps_nothing),
        cmocka_unit_test(test_options__that_make_no_sense_are_refused),
        cmocka_unit_test(test_decisions__follow_from_the_reports),
        cmocka_unit_test(test_memory__may_end_anywhere),
        cmocka_unit_test(test_memory__a_failed_report_can_be_made_again),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
