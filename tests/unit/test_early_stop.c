/* Early stopping, by cases that are worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "stats/early_stop.h"
#include "support/failing.h"

static failing memory;
static aire_ctx *ctx;
static aire_stopper *stopper;

static void make(aire_stop_options options)
{
    assert_int_equal(aire__stopper_new(ctx, &options, &stopper), AIRE_OK);
}

static bool report(int64_t run, double step, double value)
{
    bool stop = true;
    assert_int_equal(aire__stopper_report(stopper, run, step, value, &stop), AIRE_OK);
    return stop;
}

/* A run that says the same at steps 1 to 10, and completes. */
static void complete(int64_t run, double value)
{
    for (int step = 1; step <= 10; step++)
        report(run, step, value);
    aire__stopper_finish(stopper, run, true);
}

static void test_median__worse_than_the_median_average_is_stopped(void **state)
{
    make((aire_stop_options){AIRE_STOP_MEDIAN, true, 2, 3, 0});
    complete(1, 1);
    complete(2, 2);
    assert_false(report(9, 2, 100)); /* two are too few to compare with */
    complete(3, 3);
    assert_false(report(10, 1, 100)); /* too early */
    assert_false(report(10, 2, 2));   /* as good as the median */
    assert_false(report(10, 3, 50));  /* its best counts, and that was good */
    assert_true(report(11, 2, 2.001));
    aire__stopper_free(stopper);
}

/* Averages of what was reported up to that step: 10, 9, 8, ... is 9 on average at step 3. */
static void test_median__compares_with_averages_so_far(void **state)
{
    make((aire_stop_options){AIRE_STOP_MEDIAN, true, 1, 1, 0});
    for (int step = 1; step <= 10; step++)
        report(1, step, 11 - step);
    aire__stopper_finish(stopper, 1, true);
    assert_false(report(2, 3, 9));
    assert_true(report(3, 3, 9.001));
    assert_false(report(4, 10, 5.5));
    assert_true(report(5, 10, 5.501));
    aire__stopper_free(stopper);
}

static void test_median__only_complete_runs_count(void **state)
{
    make((aire_stop_options){AIRE_STOP_MEDIAN, false, 1, 1, 0});
    report(1, 1, 5);
    assert_false(report(2, 1, 1));
    aire__stopper_finish(stopper, 1, false);
    assert_false(report(2, 2, 1));
    complete(3, 5); /* maximised: 1 is worse */
    assert_true(report(2, 3, 1));
    assert_false(report(4, 3, 6));
    aire__stopper_free(stopper);
}

static void test_asha__the_best_third_goes_on(void **state)
{
    make((aire_stop_options){AIRE_STOP_ASHA, true, 10, 3, 3});
    assert_false(report(1, 10, 5)); /* too few are there */
    assert_false(report(2, 10, 6));
    assert_true(report(3, 10, 7));    /* third of three */
    assert_false(report(4, 10, 4));   /* first of four */
    assert_true(report(5, 10, 4.5));  /* second of five: one goes on */
    assert_false(report(6, 10, 4.2)); /* second of six: two go on */
    assert_false(report(4, 29, 9));   /* between rungs nothing is decided */
    assert_false(report(4, 30, 9));   /* the first one at the next rung */
    aire__stopper_free(stopper);
}

static void test_asha__a_long_step_passes_every_rung_on_its_way(void **state)
{
    make((aire_stop_options){AIRE_STOP_ASHA, false, 1, 1, 2});
    assert_false(report(1, 1, 1));
    assert_false(report(1, 2, 1));
    assert_false(report(2, 4, 3));
    assert_true(report(3, 1, 2)); /* second of three at the first rung: one goes on */
    aire__stopper_free(stopper);
}

static void test_early_stop__a_diverged_run_is_the_worst(void **state)
{
    for (int rule = AIRE_STOP_MEDIAN; rule <= AIRE_STOP_ASHA; rule++) {
        make((aire_stop_options){(aire_stop_rule)rule, true, 1, 2, 2});
        complete(1, 1);
        complete(2, 1e30);
        complete(3, 1e30);
        assert_true(report(4, 10, NAN));
        aire__stopper_free(stopper);
    }
}

static void test_early_stop__never_and_out_of_order(void **state)
{
    make((aire_stop_options){AIRE_STOP_NEVER, true, 1, 1, 2});
    complete(1, 1);
    assert_false(report(2, 5, 100));
    aire__stopper_free(stopper);
    make((aire_stop_options){AIRE_STOP_MEDIAN, true, 1, 1, 2});
    complete(1, 1);
    assert_true(report(2, 5, 100));
    assert_false(report(2, 5, 100)); /* said already */
    assert_false(report(2, NAN, 100));
    aire__stopper_free(stopper);
}

/* A long curve is thinned; its averages stay right. */
static void test_early_stop__long_curves(void **state)
{
    make((aire_stop_options){AIRE_STOP_MEDIAN, true, 1, 1, 0});
    for (int step = 1; step <= 100000; step++)
        report(1, step, step);
    aire__stopper_finish(stopper, 1, true);
    assert_true(report(2, 50000, 25001 + 200));
    assert_false(report(3, 50000, 25000 - 400));
    aire__stopper_free(stopper);
}

static void test_early_stop__refuses_impossible_options(void **state)
{
    static const aire_stop_options bad[] = {{AIRE_STOP_ASHA, true, 0, 1, 2},
                                            {AIRE_STOP_ASHA, true, NAN, 1, 2},
                                            {AIRE_STOP_ASHA, true, 1, -1, 2},
                                            {AIRE_STOP_ASHA, true, 1, 1, 1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(aire__stopper_new(ctx, &bad[i], &stopper), AIRE_INVALID);
}

static aire_status use(void)
{
    static const aire_stop_options options = {AIRE_STOP_ASHA, true, 1, 2, 2};
    aire_stopper *s;
    bool stop;
    aire_status status = aire__stopper_new(ctx, &options, &s);
    if (status != AIRE_OK)
        return status;
    for (int64_t run = 1; run < 20 && status == AIRE_OK; run++)
        status = aire__stopper_report(s, run, 4, (double)run, &stop);
    aire__stopper_free(s);
    return status;
}

static void test_early_stop__fails_cleanly_without_memory(void **state)
{
    OOM_LOOP(&memory, use(), (void)0);
}

static int setup(void **state)
{
    ctx = failing_ctx(&memory, 0);
    return ctx ? 0 : -1;
}

static int teardown(void **state)
{
    aire_ctx_unref(ctx);
    return atomic_load(&memory.live) == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_median__worse_than_the_median_average_is_stopped),
        cmocka_unit_test(test_median__compares_with_averages_so_far),
        cmocka_unit_test(test_median__only_complete_runs_count),
        cmocka_unit_test(test_asha__the_best_third_goes_on),
        cmocka_unit_test(test_asha__a_long_step_passes_every_rung_on_its_way),
        cmocka_unit_test(test_early_stop__a_diverged_run_is_the_worst),
        cmocka_unit_test(test_early_stop__never_and_out_of_order),
        cmocka_unit_test(test_early_stop__long_curves),
        cmocka_unit_test(test_early_stop__refuses_impossible_options),
        cmocka_unit_test(test_early_stop__fails_cleanly_without_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
