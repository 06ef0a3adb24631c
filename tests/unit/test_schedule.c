/* The Scheduler on devices that are not there: random schedules in simulated time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aire/error.h"
#include "base/rng.h"
#include "executor/schedule.h"

enum { TASKS_MAX = 4000 };

typedef struct sim_task {
    aire_task task;
    int64_t arrives, runs_for, ends;
    int failures; /* of the infrastructure, still to come */
    bool arrived, over;
} sim_task;

typedef struct sim {
    aire_schedule schedule;
    aire_resources in_use;
    int64_t holder[AIRE_GPUS_MAX]; /* by device number */
    sim_task tasks[TASKS_MAX];
    int count, over;
    int64_t now;
} sim;

static const int32_t numbers[] = {0, 1, 2, 3, 4, 5, 6, 7};

/* ---- what must hold at every moment ---- */

static void begins(sim *s, sim_task *t)
{
    const aire_resources *need = &t->task.need, *capacity = &s->schedule.capacity;
    assert_true(t->arrived && !t->over && t->ends == 0);
    assert_true(t->task.overtaken <= s->schedule.patience);
    assert_true((s->in_use.cpus += need->cpus) <= capacity->cpus);
    assert_true((s->in_use.gpus += need->gpus) <= capacity->gpus);
    assert_true((s->in_use.memory_bytes += need->memory_bytes) <= capacity->memory_bytes);
    assert_true((s->in_use.disk_bytes += need->disk_bytes) <= capacity->disk_bytes);
    for (int i = 0; i < need->gpus; i++) {
        assert_int_equal(s->holder[t->task.gpus[i]], 0); /* no device is leased twice */
        s->holder[t->task.gpus[i]] = t->task.id;
    }
    t->ends = s->now + t->runs_for;
}

static void ends(sim *s, sim_task *t)
{
    const aire_resources *need = &t->task.need;
    s->in_use.cpus -= need->cpus;
    s->in_use.gpus -= need->gpus;
    s->in_use.memory_bytes -= need->memory_bytes;
    s->in_use.disk_bytes -= need->disk_bytes;
    for (int i = 0; i < need->gpus; i++)
        s->holder[t->task.gpus[i]] = 0;
    t->ends = 0;
    if (t->failures-- > 0) {
        aire__schedule_give_back(&s->schedule, &t->task, s->now + 5);
        return;
    }
    t->over = true;
    s->over++;
    if (t->task.id % 2) /* what it used is free before it is away */
        aire__schedule_end(&s->schedule, &t->task);
    aire__schedule_remove(&s->schedule, &t->task);
}

/* ---- time ---- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* Run until all tasks are over; returns the time. */
static int64_t simulate(sim *s)
{
    while (s->over < s->count) {
        int64_t next = -1, wake;
        for (int i = 0; i < s->count; i++) {
            sim_task *t = &s->tasks[i];
            if (t->ends && t->ends <= s->now)
                ends(s, t);
            if (!t->arrived && t->arrives <= s->now) {
                t->arrived = true;
                aire__schedule_add(&s->schedule, &t->task);
            }
        }
        for (aire_task *task; (task = aire__schedule_take(&s->schedule, s->now, &wake));)
            begins(s, (sim_task *)task);
        next = wake;
        for (int i = 0; i < s->count; i++) {
            const sim_task *t = &s->tasks[i];
            next = t->ends       ? earlier(next, t->ends)
                   : !t->arrived ? earlier(next, t->arrives)
                                 : next;
        }
        if (s->over == s->count)
            break;
        assert_true(next > s->now); /* something goes on: nobody starves */
        s->now = next;
    }
    assert_int_equal(s->schedule.count, 0);
    assert_memory_equal(&s->schedule.free, &s->schedule.capacity, sizeof s->schedule.free);
    return s->now;
}

static void start(sim *s, aire_resources capacity, int count)
{
    memset(s, 0, sizeof *s);
    aire__schedule_init(&s->schedule, &capacity, numbers);
    s->count = count;
}

static int32_t below(aire_rng *rng, int64_t bound)
{
    return (int32_t)aire__rng_below(rng, (uint64_t)bound);
}

/* ---- the tests ---- */

static sim world;

static void test_schedule__ten_thousand_random_ones_hold(void **state)
{
    for (uint64_t round = 0; round < 10000; round++) {
        aire_rng rng;
        aire__rng_init(&rng, 11, "schedule", round);
        aire_resources capacity = {1 + below(&rng, 16), below(&rng, 9), 1 + below(&rng, 1000),
                                   1 + below(&rng, 1000)};
        start(&world, capacity, 1 + below(&rng, 30));
        for (int i = 0; i < world.count; i++) {
            sim_task *t = &world.tasks[i];
            t->task = (aire_task){.id = i + 1, .priority = below(&rng, 3)};
            t->task.need = (aire_resources){
                1 + below(&rng, capacity.cpus), below(&rng, capacity.gpus + 1),
                below(&rng, capacity.memory_bytes + 1), below(&rng, capacity.disk_bytes + 1)};
            if (capacity.gpus == 8 && below(&rng, 4) == 0)
                t->task.need.gpus = 8; /* a gang */
            t->arrives = below(&rng, 50);
            t->runs_for = 1 + below(&rng, 40);
            t->failures = below(&rng, 8) == 0;
            assert_int_equal(aire__schedule_check(&world.schedule, &t->task.need), AIRE_OK);
        }
        simulate(&world);
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Makespan over its lower bound: the work divided by the devices, or the longest task. */
static double ratio_to_bound(uint64_t round, int gang_every)
{
    enum { SLOTS = 8, EACH = 200 };
    double work = 0, longest = 0;
    aire_rng rng;
    aire__rng_init(&rng, 12, "makespan", round);
    start(&world, (aire_resources){SLOTS, SLOTS, 1, 1}, SLOTS * EACH);
    for (int i = 0; i < world.count; i++) {
        sim_task *t = &world.tasks[i];
        int32_t size = gang_every && i % gang_every == gang_every - 1 ? SLOTS : 1;
        t->task = (aire_task){.id = i + 1, .need = {size, size, 0, 0}};
        t->runs_for = 1 + (int64_t)(1000 * exp(aire__rng_normal(&rng)));
        work += (double)size * (double)t->runs_for;
        longest = fmax(longest, (double)t->runs_for);
    }
    return (double)simulate(&world) / fmax(work / SLOTS, longest);
}

static void measure(const char *what, int gang_every, double most)
{
    enum { ROUNDS = 20 };
    double ratios[ROUNDS], mean = 0;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        ratios[i] = ratio_to_bound(i, gang_every);
        mean += ratios[i] / ROUNDS;
    }
    qsort(ratios, ROUNDS, sizeof *ratios, compare);
    print_message("# makespan over its lower bound, %s: mean %.3f, p95 %.3f\n", what, mean,
                  ratios[ROUNDS * 95 / 100 - 1]);
    assert_true(ratios[0] >= 1 && mean <= most);
}

static void test_schedule__makespan_is_near_its_bound(void **state)
{
    measure("single devices", 0, 1.10);
    /* Each gang has to wait until all devices are free. */
    measure("and a gang of 8 for each 200", 200, 1.25);
}

static void test_schedule__a_gang_is_overtaken_only_so_often(void **state)
{
    int64_t wake;
    start(&world, (aire_resources){2, 2, 1, 1}, 0);
    aire_task small[6], gang = {.id = 2, .need = {2, 2, 0, 0}};
    for (int i = 0; i < 6; i++)
        small[i] = (aire_task){.id = i ? i + 2 : 1, .need = {1, 1, 0, 0}};
    aire__schedule_add(&world.schedule, &small[0]);
    assert_ptr_equal(aire__schedule_take(&world.schedule, 0, &wake), &small[0]);
    aire__schedule_add(&world.schedule, &gang);
    for (int i = 1; i < 6; i++)
        aire__schedule_add(&world.schedule, &small[i]);
    for (int i = 1; i <= 2; i++) { /* one device is in use all the time */
        assert_ptr_equal(aire__schedule_take(&world.schedule, 0, &wake), &small[i]);
        aire__schedule_remove(&world.schedule, &small[i]);
    }
    assert_null(aire__schedule_take(&world.schedule, 0, &wake));
    aire__schedule_remove(&world.schedule, &small[0]);
    assert_ptr_equal(aire__schedule_take(&world.schedule, 0, &wake), &gang);
    assert_int_equal(gang.gpus[0], 0);
    assert_int_equal(gang.gpus[1], 1);
}

static void test_schedule__priority_then_age(void **state)
{
    int64_t wake;
    start(&world, (aire_resources){1, 0, 1, 1}, 0);
    aire_task a = {.id = 1, .need = {1}}, b = {.id = 2, .need = {1}, .priority = 1},
              c = {.id = 3, .need = {1}, .priority = 1};
    aire__schedule_add(&world.schedule, &a);
    aire__schedule_add(&world.schedule, &c);
    aire__schedule_add(&world.schedule, &b);
    aire_task *const order[] = {&b, &c, &a};
    for (int i = 0; i < 3; i++) {
        assert_ptr_equal(aire__schedule_take(&world.schedule, 0, &wake), order[i]);
        aire__schedule_remove(&world.schedule, order[i]);
    }
}

static void test_schedule__a_pause_lets_others_go_on(void **state)
{
    int64_t wake;
    start(&world, (aire_resources){1, 0, 1, 1}, 0);
    aire_task a = {.id = 1, .need = {1}}, b = {.id = 2, .need = {1}};
    aire__schedule_add(&world.schedule, &a);
    aire__schedule_add(&world.schedule, &b);
    assert_ptr_equal(aire__schedule_take(&world.schedule, 0, &wake), &a);
    aire__schedule_give_back(&world.schedule, &a, 100);
    assert_ptr_equal(aire__schedule_take(&world.schedule, 0, &wake), &b);
    aire__schedule_remove(&world.schedule, &b);
    assert_null(aire__schedule_take(&world.schedule, 99, &wake));
    assert_int_equal(wake, 100);
    assert_ptr_equal(aire__schedule_take(&world.schedule, 100, &wake), &a);
}

static void test_schedule__what_is_held_does_not_begin(void **state)
{
    int64_t wake;
    start(&world, (aire_resources){1, 0, 1, 1}, 0);
    aire_task a = {.id = 1, .need = {1}, .held = true}, b = {.id = 2, .need = {1}};
    aire__schedule_add(&world.schedule, &a);
    aire__schedule_add(&world.schedule, &b);
    assert_ptr_equal(aire__schedule_take(&world.schedule, 0, &wake), &b);
    assert_int_equal(a.overtaken, 0);
    aire__schedule_remove(&world.schedule, &b);
    assert_null(aire__schedule_take(&world.schedule, 0, &wake));
}

/* Its files are still there; all else is free for others. */
static void test_schedule__what_has_ended_holds_its_disk_space(void **state)
{
    int64_t wake;
    start(&world, (aire_resources){1, 1, 1, 10}, 0);
    aire_task a = {.id = 1, .need = {1, 1, 1, 6}}, b = {.id = 2, .need = {1, 1, 1, 6}},
              c = {.id = 3, .need = {1, 1, 1, 4}};
    aire__schedule_add(&world.schedule, &a);
    assert_ptr_equal(aire__schedule_take(&world.schedule, 0, &wake), &a);
    aire__schedule_add(&world.schedule, &b);
    aire__schedule_add(&world.schedule, &c);
    assert_null(aire__schedule_take(&world.schedule, 0, &wake));
    aire__schedule_end(&world.schedule, &a);
    assert_ptr_equal(aire__schedule_take(&world.schedule, 0, &wake), &c);
    aire__schedule_remove(&world.schedule, &c);
    assert_null(aire__schedule_take(&world.schedule, 0, &wake)); /* nor does the first one again */
    aire__schedule_remove(&world.schedule, &a);
    assert_ptr_equal(aire__schedule_take(&world.schedule, 0, &wake), &b);
    aire__schedule_remove(&world.schedule, &b);
    assert_int_equal(world.schedule.free.disk_bytes, 10);
    assert_int_equal(world.schedule.free.cpus, 1);
}

static void test_schedule__what_can_never_fit_is_said(void **state)
{
    start(&world, (aire_resources){4, 1, 1 << 30, 1 << 30}, 0);
    const aire_resources needs[] = {
        {5, 0, 0, 0}, {1, 2, 0, 0}, {1, 0, (int64_t)2 << 30, 0}, {1, 0, 0, (int64_t)2 << 30}};
    static const char *const words[] = {"5 cpus", "2 GPUs", "2048 MiB of memory",
                                        "2048 MiB of disk"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(aire__schedule_check(&world.schedule, &needs[i]), AIRE_LIMIT);
        assert_non_null(strstr(aire_error_message(aire_last_error()), words[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schedule__priority_then_age),
        cmocka_unit_test(test_schedule__a_pause_lets_others_go_on),
        cmocka_unit_test(test_schedule__a_gang_is_overtaken_only_so_often),
        cmocka_unit_test(test_schedule__what_is_held_does_not_begin),
        cmocka_unit_test(test_schedule__what_has_ended_holds_its_disk_space),
        cmocka_unit_test(test_schedule__what_can_never_fit_is_said),
        cmocka_unit_test(test_schedule__ten_thousand_random_ones_hold),
        cmocka_unit_test(test_schedule__makespan_is_near_its_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
