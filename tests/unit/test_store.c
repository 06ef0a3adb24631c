/* The store: what goes in comes back, and what cannot be is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <string.h>

#include "base/thread.h"
#include "support/store.h"

#include <math.h>

/* ---- round trips ---- */

static aire_idea *rich_idea(aire_plan *plan, aire_patch *patch)
{
    static const int64_t parents[] = {7, 3};
    aire_idea_options options = AIRE_IDEA_OPTIONS_INIT;
    aire_idea *idea = NULL;
    options.ordinal = 4;
    options.plan = plan;
    options.title = "Größer";
    options.text = "text\nwith 'quotes' and \xf0\x9f\x94\xa5";
    options.changes = "changes";
    options.reasoning = "reasoning";
    options.origin = "knobs";
    options.parents = parents;
    options.parent_count = 2;
    options.patch = patch;
    assert_int_equal(aire_idea_new(ctx, &options, &idea), AIRE_OK);
    return idea;
}

static void assert_rich_idea(const aire_idea *idea, int64_t id, int64_t plan_id)
{
    assert_int_equal(aire_idea_id(idea), id);
    assert_int_equal(aire_idea_ordinal(idea), 4);
    assert_int_equal(aire_plan_id(aire_idea_plan(idea)), plan_id);
    assert_int_equal(aire_plan_epoch(aire_idea_plan(idea)), 6);
    assert_int_equal(aire_plan_kind(aire_idea_plan(idea)), AIRE_PLAN_FRESH);
    assert_string_equal(aire_idea_title(idea), "Größer");
    assert_string_equal(aire_idea_text(idea), "text\nwith 'quotes' and \xf0\x9f\x94\xa5");
    assert_string_equal(aire_idea_changes(idea), "changes");
    assert_string_equal(aire_idea_reasoning(idea), "reasoning");
    assert_string_equal(aire_idea_origin(idea), "knobs");
    assert_int_equal(aire_idea_parent_count(idea), 2);
    assert_int_equal(aire_idea_parent(idea, 0), 7);
    assert_int_equal(aire_idea_parent(idea, 1), 3);
    assert_int_equal(aire_patch_length(aire_idea_patch(idea)), 4);
    assert_memory_equal(aire_patch_text(aire_idea_patch(idea)), "a\0b\xff", 4);
}

static void test_store__gives_back_what_was_put_in(void **state)
{
    static const aire_usage usage[] = {{sizeof(aire_usage), AIRE_STAGE_BUILD, 1, 2, 3, 4},
                                       {sizeof(aire_usage), AIRE_STAGE_RUN, INT64_C(5000000000), 6,
                                        7, INT64_C(9000000000), INT64_C(10000000000),
                                        INT64_C(11000000000), INT64_C(85000000000), 13}};
    static const aire_metric metrics[] = {{"val_loss", 3.2500000000000004}, {"ε", -1e-300}};
    aire_store *store = open_store(0);
    aire_plan *plan = add_plan(store, 6);
    aire_patch *patch = NULL;
    assert_int_equal(aire_patch_new(ctx, AIRE_PATCH_UNIFIED, "a\0b\xff", 4, &patch), AIRE_OK);
    aire_idea *idea = rich_idea(plan, patch);
    aire_run run;
    bool is_new;
    assert_int_equal(
        aire__store_submit(store, idea, AIRE_RUN_IDEA, UINT64_MAX - 1, -3, &run, &is_new), AIRE_OK);
    assert_int_equal(run.kind, AIRE_RUN_IDEA);
    assert_int_equal(run.priority, -3);
    assert_int_equal(run.attempts, 0);
    assert_true(run.seed == UINT64_MAX - 1);
    assert_rich_idea(run.idea, 1, aire_plan_id(plan));
    assert_int_equal(aire__store_run_begins(store, run.id, 2), AIRE_OK);

    aire_result_options options = options_for(&run, AIRE_OUTCOME_OK, 0.1);
    options.stage = AIRE_STAGE_EVALUATE;
    options.attempts = 2;
    options.metrics = metrics;
    options.metric_count = 2;
    options.usage = usage;
    options.usage_count = 2;
    options.patch = patch;
    options.variant = "00ff";
    options.detail = "fine";
    options.log_tail = "bytes \xff\xfe";
    assert_int_equal(try_finish(store, &options), AIRE_OK);
    aire__run_clear(&run);
    aire_idea_unref(idea);
    aire_patch_unref(patch);
    aire_plan_unref(plan);
    aire_store_unref(store);

    store = open_store(AIRE_STORE_READ_ONLY);
    aire_results *results = NULL;
    aire_ideas *ideas = NULL;
    double reward = 0;
    assert_int_equal(aire_store_results(store, NULL, &results), AIRE_OK);
    assert_int_equal(aire_store_ideas(store, 0, &ideas), AIRE_OK);
    aire_store_unref(store);
    assert_int_equal(aire_ideas_count(ideas), 1);
    assert_rich_idea(aire_ideas_get(ideas, 0), 1, 1);
    aire_ideas_unref(ideas);
    assert_int_equal(aire_results_count(results), 1);
    const aire_result *result = aire_results_get(results, 0);
    assert_rich_idea(aire_result_idea(result), 1, 1);
    assert_int_equal(aire_result_run_id(result), 1);
    assert_int_equal(aire_result_kind(result), AIRE_RUN_IDEA);
    assert_true(aire_result_seed(result) == UINT64_MAX - 1);
    assert_int_equal(aire_result_outcome(result), AIRE_OUTCOME_OK);
    assert_int_equal(aire_result_stage(result), AIRE_STAGE_EVALUATE);
    assert_int_equal(aire_result_trust(result), AIRE_TRUST_EVALUATED);
    assert_int_equal(aire_result_attempts(result), 2);
    assert_int_equal(aire_result_reward(result, &reward), AIRE_OK);
    assert_true(reward == 0.1);
    assert_int_equal(aire_result_metric_count(result), 2);
    assert_true(aire_result_metric(result, 0)->value == 3.2500000000000004);
    assert_string_equal(aire_result_metric(result, 1)->name, "ε");
    assert_true(aire_result_metric(result, 1)->value == -1e-300);
    assert_int_equal(aire_result_usage_count(result), 2);
    assert_memory_equal(aire_result_usage(result, 1), &usage[1], sizeof(aire_usage));
    assert_memory_equal(aire_patch_text(aire_result_patch(result)), "a\0b\xff", 4);
    assert_string_equal(aire_result_variant(result), "00ff");
    assert_string_equal(aire_result_detail(result), "fine");
    assert_string_equal(aire_result_log_tail(result), "bytes \xef\xbf\xbd\xef\xbf\xbd");
    aire_results_unref(results);
}

static void test_store__keeps_how_a_failure_ended(void **state)
{
    aire_store *store = open_store(0);
    aire_run run;
    bool is_new;
    aire_results *results = NULL;
    double reward = 1;
    assert_int_equal(aire__store_submit(store, NULL, AIRE_RUN_BASELINE, 1, 0, &run, &is_new),
                     AIRE_OK);
    aire_result_options options = options_for(&run, AIRE_OUTCOME_CRASHED, 4);
    options.stage = AIRE_STAGE_RUN;
    options.cause = AIRE_CAUSE_SIGNAL;
    options.code = 11;
    options.trust = 0;
    options.metric_count = 0;
    assert_int_equal(try_finish(store, &options), AIRE_OK);
    assert_int_equal(aire_store_results(store, NULL, &results), AIRE_OK);
    const aire_result *result = aire_results_get(results, 0);
    assert_int_equal(aire_result_outcome(result), AIRE_OUTCOME_CRASHED);
    assert_int_equal(aire_result_cause(result), AIRE_CAUSE_SIGNAL);
    assert_int_equal(aire_result_code(result), 11);
    assert_int_equal(aire_result_trust(result), 0);
    assert_int_equal(aire_result_reward(result, &reward), AIRE_EMPTY);
    assert_null(aire_result_idea(result));
    aire_results_unref(results);
    aire__run_clear(&run);
    aire_store_unref(store);
}

/* ---- plans ---- */

static void test_plan__last_one_comes_back_with_its_lists(void **state)
{
    aire_store *store = open_store(0);
    aire_plan *plan = (aire_plan *)1;
    size_t submitted = 9;
    bool closed = true;
    assert_int_equal(aire__store_last_plan(store, &plan, &submitted, &closed), AIRE_EMPTY);
    assert_null(plan);

    aire_plan *first = add_plan(store, 0);
    assert_int_equal(aire_plan_id(first), 1);
    aire_run runs[2] = {submit(store, first, 0), submit(store, first, 1)};
    finish(store, &runs[0], AIRE_OUTCOME_OK, 1);
    finish(store, &runs[1], AIRE_OUTCOME_OK, 2);
    aire_results *results = NULL;
    assert_int_equal(aire_store_results(store, NULL, &results), AIRE_OK);

    aire_plan_options options = AIRE_PLAN_OPTIONS_INIT;
    aire_result *parents[2] = {aire_results_get(results, 1), aire_results_get(results, 0)};
    options.kind = AIRE_PLAN_CROSSOVER;
    options.epoch = 1;
    options.count = 3;
    options.parents = parents;
    options.parent_count = 2;
    options.avoid = &runs[0].idea;
    options.avoid_count = 1;
    aire_plan *second = NULL;
    assert_int_equal(aire__store_add_plan(store, &options, &second), AIRE_OK);
    assert_int_equal(aire_plan_id(second), 2);
    assert_int_equal(aire_plan_parent_count(second), 2);
    aire_run run = submit(store, second, 2);
    aire__run_clear(&run);
    aire_plan_unref(second);
    aire_results_unref(results);
    aire__run_clear(&runs[0]);
    aire__run_clear(&runs[1]);
    aire_plan_unref(first);
    aire_store_unref(store);

    store = open_store(0);
    assert_int_equal(scalar(store, "SELECT closed FROM plans WHERE id = 1"), 1);
    assert_int_equal(aire__store_last_plan(store, &plan, &submitted, &closed), AIRE_OK);
    assert_int_equal(aire_plan_id(plan), 2);
    assert_int_equal(aire_plan_kind(plan), AIRE_PLAN_CROSSOVER);
    assert_int_equal(aire_plan_epoch(plan), 1);
    assert_int_equal(aire_plan_count(plan), 3);
    assert_int_equal(aire_plan_parent_count(plan), 2);
    assert_int_equal(aire_result_run_id(aire_plan_parent(plan, 0)), 2);
    assert_int_equal(aire_result_run_id(aire_plan_parent(plan, 1)), 1);
    assert_int_equal(aire_plan_avoid_count(plan), 1);
    assert_int_equal(aire_idea_id(aire_plan_avoid(plan, 0)), 1);
    assert_int_equal(submitted, 1);
    assert_false(closed);
    aire_plan_unref(plan);
    assert_int_equal(aire__store_close_plan(store, 2), AIRE_OK);
    assert_int_equal(aire__store_close_plan(store, 2), AIRE_OK);
    assert_int_equal(aire__store_close_plan(store, 3), AIRE_NOT_FOUND);
    assert_int_equal(aire__store_last_plan(store, &plan, &submitted, &closed), AIRE_OK);
    assert_true(closed);
    aire_plan_unref(plan);
    aire_store_unref(store);
}

/* In the order in which they were given; those that follow one another are one row. */
static void test_plan__many_to_avoid_are_few_rows(void **state)
{
    enum { MANY = 9 };
    static const int order[] = {1, 2, 3, 7, 5, 6, 4, 9, 8};
    aire_store *store = open_store(0);
    aire_plan *first = add_plan(store, 0), *second = NULL;
    aire_idea *avoid[MANY];
    aire_run runs[MANY];
    size_t submitted;
    bool closed;
    for (int i = 0; i < MANY; i++)
        runs[i] = submit(store, first, i);
    for (int i = 0; i < MANY; i++)
        avoid[i] = runs[order[i] - 1].idea;
    aire_plan_options options = AIRE_PLAN_OPTIONS_INIT;
    options.kind = AIRE_PLAN_FRESH;
    options.count = 1;
    options.avoid = avoid;
    options.avoid_count = MANY;
    assert_int_equal(aire__store_add_plan(store, &options, &second), AIRE_OK);
    aire_plan_unref(second);
    for (int i = 0; i < MANY; i++)
        aire__run_clear(&runs[i]);
    aire_plan_unref(first);
    aire_store_unref(store);
    store = open_store(0);
    assert_int_equal(scalar(store, "SELECT count(*) FROM plan_avoid"), 6);
    assert_int_equal(aire__store_last_plan(store, &second, &submitted, &closed), AIRE_OK);
    assert_int_equal(aire_plan_avoid_count(second), MANY);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(aire_idea_id(aire_plan_avoid(second, (size_t)i)), order[i]);
    aire_plan_unref(second);
    aire_store_unref(store);
}

static void test_plan__refuses_what_is_not_in_the_store(void **state)
{
    aire_store *store = open_store(0);
    aire_plan_options options = AIRE_PLAN_OPTIONS_INIT;
    aire_plan *plan = (aire_plan *)1;
    aire_idea *stranger = new_idea(NULL, 0);
    options.kind = AIRE_PLAN_EXPLORE;
    options.count = 1;
    options.avoid = &stranger;
    options.avoid_count = 1;
    assert_int_equal(aire__store_add_plan(store, &options, &plan), AIRE_INVALID);
    assert_null(plan);
    options.avoid_count = 0;
    options.count = 0;
    assert_int_equal(aire__store_add_plan(store, &options, &plan), AIRE_INVALID);
    assert_int_equal(scalar(store, "SELECT count(*) FROM plans"), 0);
    aire_idea_unref(stranger);
    aire_store_unref(store);
}

static void assert_epoch(aire_store *store, int32_t epoch, int64_t ideas, int64_t untold)
{
    int64_t seen_ideas = -1, seen_untold = -1;
    assert_int_equal(aire__store_epoch(store, epoch, &seen_ideas, &seen_untold), AIRE_OK);
    assert_int_equal(seen_ideas, ideas);
    assert_int_equal(seen_untold, untold);
}

static void test_epoch__counts_ideas_and_what_is_not_told(void **state)
{
    aire_store *store = open_store(0);
    aire_plan *a = add_plan(store, 0);
    aire_plan *b = add_plan(store, 0);
    aire_plan *c = add_plan(store, 1);
    assert_epoch(store, 0, 0, 0);
    aire_run runs[4] = {submit(store, a, 0), submit(store, a, 1), submit(store, b, 0),
                        submit(store, c, 0)};
    assert_epoch(store, 0, 3, 3);
    assert_epoch(store, 1, 1, 1);
    finish(store, &runs[0], AIRE_OUTCOME_TIMEOUT, 0);
    assert_epoch(store, 0, 3, 3);
    tell(store, runs[0].id, true);
    assert_epoch(store, 0, 3, 2);
    /* a confirmation is no idea of the epoch */
    aire_run confirm;
    bool is_new;
    assert_int_equal(
        aire__store_submit(store, runs[0].idea, AIRE_RUN_CONFIRM, 8, 0, &confirm, &is_new),
        AIRE_OK);
    assert_epoch(store, 0, 3, 2);
    aire__run_clear(&confirm);
    for (size_t i = 0; i < 4; i++)
        aire__run_clear(&runs[i]);
    aire_plan_unref(a);
    aire_plan_unref(b);
    aire_plan_unref(c);
    aire_store_unref(store);
}

/* ---- runs ---- */

static int64_t resubmit(aire_store *store, aire_idea *idea, int32_t kind, uint64_t seed,
                        bool is_new)
{
    aire_run run;
    bool was_new = !is_new;
    assert_int_equal(aire__store_submit(store, idea, kind, seed, 0, &run, &was_new), AIRE_OK);
    assert_int_equal(was_new, is_new);
    int64_t id = run.id;
    aire__run_clear(&run);
    return id;
}

static void test_submit__adds_the_same_run_once(void **state)
{
    aire_store *store = open_store(0);
    aire_plan *plan = add_plan(store, 0);
    aire_idea *idea = new_idea(plan, 0);
    int64_t id = resubmit(store, idea, AIRE_RUN_IDEA, 5, true);
    assert_int_equal(resubmit(store, idea, AIRE_RUN_IDEA, 5, false), id);
    assert_int_equal(resubmit(store, idea, AIRE_RUN_IDEA, 6, false), id); /* whatever the seed */

    /* the same place in the same plan, proposed anew in other words: the first one stands */
    aire_idea_options options = AIRE_IDEA_OPTIONS_INIT;
    aire_idea *other = NULL;
    aire_run run;
    bool is_new = true;
    options.plan = plan;
    options.text = "Something else";
    assert_int_equal(aire_idea_new(ctx, &options, &other), AIRE_OK);
    assert_int_equal(aire__store_submit(store, other, AIRE_RUN_IDEA, 5, 0, &run, &is_new), AIRE_OK);
    assert_false(is_new);
    assert_int_equal(run.id, id);
    assert_string_equal(aire_idea_text(run.idea), "Warm up longer");

    int64_t confirm = resubmit(store, run.idea, AIRE_RUN_CONFIRM, 1, true);
    assert_int_equal(resubmit(store, idea, AIRE_RUN_CONFIRM, 1, false), confirm);
    resubmit(store, run.idea, AIRE_RUN_CONFIRM, 2, true);
    int64_t baseline = resubmit(store, NULL, AIRE_RUN_BASELINE, UINT64_MAX, true);
    assert_int_equal(resubmit(store, NULL, AIRE_RUN_BASELINE, UINT64_MAX, false), baseline);
    resubmit(store, NULL, AIRE_RUN_BASELINE, 0, true);

    /* a host's own idea is new each time, until it has its number */
    aire_idea *own = new_idea(NULL, 0);
    aire_run own_run;
    resubmit(store, own, AIRE_RUN_IDEA, 5, true);
    assert_int_equal(aire__store_submit(store, own, AIRE_RUN_IDEA, 5, 0, &own_run, &is_new),
                     AIRE_OK);
    assert_true(is_new);
    assert_int_equal(resubmit(store, own_run.idea, AIRE_RUN_IDEA, 5, false), own_run.id);
    assert_int_equal(scalar(store, "SELECT count(*) FROM ideas"), 3);
    aire__run_clear(&own_run);
    aire__run_clear(&run);
    aire_idea_unref(own);
    aire_idea_unref(other);
    aire_idea_unref(idea);
    aire_plan_unref(plan);
    aire_store_unref(store);
}

static void test_submit__keeps_a_hosts_plan_without_a_number(void **state)
{
    aire_store *store = open_store(0);
    aire_plan_options options = AIRE_PLAN_OPTIONS_INIT;
    aire_plan *plan = NULL;
    options.kind = AIRE_PLAN_FRESH;
    options.count = 1;
    assert_int_equal(aire_plan_new(ctx, &options, &plan), AIRE_OK);
    aire_run run = submit(store, plan, 3);
    assert_ptr_equal(aire_idea_plan(run.idea), plan);
    assert_int_equal(aire_idea_id(run.idea), 1);
    aire__run_clear(&run);
    aire_plan_unref(plan);
    aire_store_unref(store);
}

static void test_submit__refuses_what_makes_no_sense(void **state)
{
    aire_store *store = open_store(0);
    aire_idea *idea = new_idea(NULL, 0);
    aire_run run;
    bool is_new;
    assert_int_equal(aire__store_submit(store, NULL, AIRE_RUN_IDEA, 0, 0, &run, &is_new),
                     AIRE_INVALID);
    assert_int_equal(aire__store_submit(store, idea, AIRE_RUN_BASELINE, 0, 0, &run, &is_new),
                     AIRE_INVALID);
    aire_idea_unref(idea);

    aire_idea_options options = AIRE_IDEA_OPTIONS_INIT;
    options.text = "from another store";
    options.id = 77;
    assert_int_equal(aire_idea_new(ctx, &options, &idea), AIRE_OK);
    assert_int_equal(aire__store_submit(store, idea, AIRE_RUN_IDEA, 0, 0, &run, &is_new),
                     AIRE_INVALID);
    assert_message("77");
    aire_idea_unref(idea);

    aire_plan_options plan_options = AIRE_PLAN_OPTIONS_INIT;
    aire_plan *plan = NULL;
    plan_options.kind = AIRE_PLAN_FRESH;
    plan_options.count = 1;
    plan_options.id = 55;
    assert_int_equal(aire_plan_new(ctx, &plan_options, &plan), AIRE_OK);
    idea = new_idea(plan, 0);
    assert_int_equal(aire__store_submit(store, idea, AIRE_RUN_IDEA, 0, 0, &run, &is_new),
                     AIRE_INVALID);
    assert_message("plan 55");
    assert_int_equal(scalar(store, "SELECT count(*) FROM ideas"), 0);
    assert_int_equal(scalar(store, "SELECT count(*) FROM runs"), 0);
    aire_idea_unref(idea);
    aire_plan_unref(plan);
    aire_store_unref(store);
}

static void test_run__goes_from_queued_to_told(void **state)
{
    aire_store *store = open_store(0);
    aire_plan *plan = add_plan(store, 0);
    aire_run run = submit(store, plan, 0);
    bool first = false;
    assert_int_equal(aire__store_run_begins(store, run.id, 1), AIRE_OK);
    assert_int_equal(aire__store_run_begins(store, run.id, 2), AIRE_OK);
    assert_int_equal(aire__store_run_begins(store, 99, 1), AIRE_NOT_FOUND);
    assert_int_equal(aire__store_tell(store, run.id, NULL, &first), AIRE_STATE);

    aire_result_options options = options_for(&run, AIRE_OUTCOME_OK, 1);
    options.kind = AIRE_RUN_CONFIRM;
    assert_int_equal(try_finish(store, &options), AIRE_INVALID);
    options.kind = AIRE_RUN_IDEA;
    options.idea = NULL;
    assert_int_equal(try_finish(store, &options), AIRE_INVALID);
    options.idea = run.idea;
    options.run_id = 99;
    assert_int_equal(try_finish(store, &options), AIRE_NOT_FOUND);
    options.run_id = run.id;
    assert_int_equal(try_finish(store, &options), AIRE_OK);
    options.reward = 2;
    assert_int_equal(try_finish(store, &options), AIRE_EXISTS);
    assert_int_equal(aire__store_run_begins(store, run.id, 3), AIRE_EXISTS);

    aire_results *results = NULL;
    double reward = 0;
    assert_int_equal(aire__store_untold(store, &results), AIRE_OK);
    assert_int_equal(aire_results_count(results), 1);
    assert_int_equal(aire_result_reward(aire_results_get(results, 0), &reward), AIRE_OK);
    assert_true(reward == 1); /* the first result stands */
    aire_results_unref(results);
    tell(store, run.id, true);
    tell(store, run.id, false);
    assert_int_equal(aire__store_tell(store, 99, NULL, &first), AIRE_NOT_FOUND);
    assert_int_equal(aire__store_untold(store, &results), AIRE_OK);
    assert_int_equal(aire_results_count(results), 0);
    aire_results_unref(results);
    aire__run_clear(&run);
    aire_plan_unref(plan);
    aire_store_unref(store);
}

static void test_run__under_way_is_queued_again(void **state)
{
    aire_store *store = open_store(0);
    aire_plan *plan = add_plan(store, 0);
    aire_run runs[3] = {submit(store, plan, 0), submit(store, plan, 1), submit(store, plan, 2)};
    assert_int_equal(aire__store_run_begins(store, runs[2].id, 2), AIRE_OK);
    finish(store, &runs[1], AIRE_OUTCOME_OK, 1);
    for (size_t i = 0; i < 3; i++)
        aire__run_clear(&runs[i]);
    aire_plan_unref(plan);
    aire_store_unref(store);

    store = open_store(0);
    aire_run *unfinished = NULL;
    size_t count = 0;
    assert_int_equal(aire__store_unfinished(store, &unfinished, &count), AIRE_OK);
    assert_int_equal(count, 2);
    assert_int_equal(unfinished[0].id, 1);
    assert_int_equal(unfinished[0].attempts, 0);
    assert_int_equal(unfinished[1].id, 3);
    assert_int_equal(unfinished[1].attempts, 2);
    assert_int_equal(aire_idea_ordinal(unfinished[1].idea), 2);
    assert_int_equal(scalar(store, "SELECT count(*) FROM runs WHERE state = 0"), 2);
    for (size_t i = 0; i < count; i++)
        aire__run_clear(&unfinished[i]);
    aire_free(ctx, unfinished);
    aire_store_unref(store);
}

/* Of a told idea of epoch 3, a told failure of the host's own, a told baseline, and others. */
static void test_tell__its_facts_are_there_without_the_rest(void **state)
{
    aire_store *store = open_store(0);
    aire_plan *plan = add_plan(store, 3);
    aire_run runs[4] = {submit(store, plan, 0), submit(store, NULL, 0)};
    aire_told *facts = NULL;
    size_t count = 9;
    bool is_new, finished;
    assert_int_equal(aire__store_told_facts(store, &facts, &count), AIRE_OK);
    assert_int_equal(count, 0);
    aire_free(ctx, facts);
    assert_int_equal(aire__store_submit(store, NULL, AIRE_RUN_BASELINE, 1, 0, &runs[2], &is_new),
                     AIRE_OK);
    assert_int_equal(aire__store_has_finished(store, runs[2].id, &finished), AIRE_OK);
    assert_false(finished);
    finish(store, &runs[0], AIRE_OUTCOME_OK, 2.5);
    finish(store, &runs[1], AIRE_OUTCOME_CRASHED, 0);
    finish(store, &runs[2], AIRE_OUTCOME_OK, -1);
    assert_int_equal(aire__store_has_finished(store, runs[2].id, &finished), AIRE_OK);
    assert_true(finished);
    assert_int_equal(aire__store_has_finished(store, 99, &finished), AIRE_OK);
    assert_false(finished);
    runs[3] = submit(store, plan, 1);
    finish(store, &runs[3], AIRE_OUTCOME_OK, 7); /* not told */
    tell(store, runs[2].id, true);
    tell(store, runs[0].id, true);
    tell(store, runs[1].id, true);

    assert_int_equal(aire__store_told_facts(store, &facts, &count), AIRE_OK);
    assert_int_equal(count, 3);
    assert_int_equal(facts[0].run_id, runs[2].id);
    assert_int_equal(facts[0].kind, AIRE_RUN_BASELINE);
    assert_int_equal(facts[0].idea_id, 0);
    assert_int_equal(facts[0].epoch, -1);
    assert_true(facts[0].reward == -1);
    assert_int_equal(facts[1].run_id, runs[0].id);
    assert_int_equal(facts[1].kind, AIRE_RUN_IDEA);
    assert_int_equal(facts[1].idea_id, aire_idea_id(runs[0].idea));
    assert_int_equal(facts[1].epoch, 3);
    assert_true(facts[1].reward == 2.5);
    assert_int_equal(facts[2].epoch, -1);
    assert_true(isnan(facts[2].reward));
    aire_free(ctx, facts);
    for (int i = 0; i < 4; i++)
        aire__run_clear(&runs[i]);
    aire_plan_unref(plan);
    aire_store_unref(store);
}

static void test_result__one_is_read_alone(void **state)
{
    aire_store *store = open_store(0);
    aire_plan *plan = add_plan(store, 3);
    aire_run run = submit(store, plan, 4);
    aire_result *result = (aire_result *)1;
    assert_int_equal(aire__store_result(store, run.id, &result), AIRE_CORRUPT);
    assert_null(result);
    finish(store, &run, AIRE_OUTCOME_OK, 2.5);
    assert_int_equal(aire__store_result(store, run.id, &result), AIRE_OK);
    assert_int_equal(aire_result_run_id(result), run.id);
    assert_int_equal(aire_result_metric_count(result), 1);
    assert_int_equal(aire_idea_ordinal(aire_result_idea(result)), 4);
    assert_int_equal(aire_plan_epoch(aire_result_plan(result)), 3);
    aire_result_unref(result);
    aire__run_clear(&run);
    aire_plan_unref(plan);
    aire_store_unref(store);
}

static void test_ideas__those_after_one_are_read_alone(void **state)
{
    aire_store *store = open_store(0);
    aire_plan *plan = add_plan(store, 3);
    aire_run runs[3] = {submit(store, plan, 1), submit(store, NULL, 0), submit(store, plan, 0)};
    aire_ideas *ideas = NULL;
    assert_int_equal(aire__store_ideas_after(store, 1, &ideas), AIRE_OK);
    assert_int_equal(aire_ideas_count(ideas), 2);
    assert_int_equal(aire_idea_id(aire_ideas_get(ideas, 0)), 2);
    assert_null(aire_idea_plan(aire_ideas_get(ideas, 0)));
    assert_int_equal(aire_idea_id(aire_ideas_get(ideas, 1)), 3);
    assert_int_equal(aire_plan_id(aire_idea_plan(aire_ideas_get(ideas, 1))), aire_plan_id(plan));
    aire_ideas_unref(ideas);
    assert_int_equal(aire__store_ideas_after(store, 3, &ideas), AIRE_OK);
    assert_int_equal(aire_ideas_count(ideas), 0);
    aire_ideas_unref(ideas);
    for (int i = 0; i < 3; i++)
        aire__run_clear(&runs[i]);
    aire_plan_unref(plan);
    aire_store_unref(store);
}

static void test_plan__is_open_until_its_ideas_came_or_it_is_closed(void **state)
{
    aire_store *store = open_store(0);
    aire_plan_options options = AIRE_PLAN_OPTIONS_INIT;
    aire_plan *plan;
    bool is_open = true;
    assert_int_equal(aire__store_has_open_plan(store, &is_open), AIRE_OK);
    assert_false(is_open);
    options.kind = AIRE_PLAN_FRESH;
    options.count = 1;
    for (int closes = 0; closes < 2; closes++) {
        assert_int_equal(aire__store_add_plan(store, &options, &plan), AIRE_OK);
        assert_int_equal(aire__store_has_open_plan(store, &is_open), AIRE_OK);
        assert_true(is_open);
        if (closes)
            assert_int_equal(aire__store_close_plan(store, aire_plan_id(plan)), AIRE_OK);
        else {
            aire_run run = submit(store, plan, 0);
            aire__run_clear(&run);
        }
        assert_int_equal(aire__store_has_open_plan(store, &is_open), AIRE_OK);
        assert_false(is_open);
        aire_plan_unref(plan);
    }
    aire_store_unref(store);
}

static void test_tell__keeps_order_and_state(void **state)
{
    static const int64_t order[] = {2, 3, 1};
    aire_store *store = open_store(0);
    aire_plan *plan = add_plan(store, 0);
    char *text = (char *)1;
    bool first;
    assert_int_equal(aire__store_search_state(store, &text), AIRE_EMPTY);
    assert_null(text);
    for (int32_t i = 0; i < 3; i++) {
        aire_run run = submit(store, plan, i);
        finish(store, &run, AIRE_OUTCOME_OK, i);
        aire__run_clear(&run);
    }
    for (size_t i = 0; i < 3; i++) {
        char word[16];
        snprintf(word, sizeof(word), "after %zu", i);
        assert_int_equal(aire__store_tell(store, order[i], word, &first), AIRE_OK);
    }
    assert_int_equal(aire__store_tell(store, 2, "never", &first), AIRE_OK);
    assert_false(first);
    aire_plan_unref(plan);
    aire_store_unref(store);

    store = open_store(0);
    aire_results *results = NULL;
    assert_int_equal(aire__store_told(store, &results), AIRE_OK);
    assert_int_equal(aire_results_count(results), 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(aire_result_run_id(aire_results_get(results, i)), order[i]);
    assert_int_equal(aire_plan_parent_count(aire_result_plan(aire_results_get(results, 0))), 0);
    aire_results_unref(results);
    assert_int_equal(aire__store_search_state(store, &text), AIRE_OK);
    assert_string_equal(text, "after 2");
    aire_free(ctx, text);

    /* a tell without a state leaves none */
    aire_run run;
    bool is_new;
    assert_int_equal(aire__store_submit(store, NULL, AIRE_RUN_BASELINE, 1, 0, &run, &is_new),
                     AIRE_OK);
    finish(store, &run, AIRE_OUTCOME_OK, 1);
    assert_int_equal(aire__store_tell(store, run.id, NULL, &first), AIRE_OK);
    assert_int_equal(aire__store_search_state(store, &text), AIRE_EMPTY);
    aire__run_clear(&run);
    aire_store_unref(store);
}

static void test_variant__is_found_only_where_it_was_run(void **state)
{
    static const int32_t outcomes[] = {AIRE_OUTCOME_INFRA_FAILED, AIRE_OUTCOME_CANCELLED,
                                       AIRE_OUTCOME_NO_CHANGE, AIRE_OUTCOME_CRASHED,
                                       AIRE_OUTCOME_OK};
    aire_store *store = open_store(0);
    aire_plan *plan = add_plan(store, 0);
    int64_t found = -1;
    for (int32_t i = 0; i < 5; i++) {
        aire_run run = submit(store, plan, i);
        aire_result_options options = options_for(&run, outcomes[i], 1);
        options.variant = "abc";
        assert_int_equal(aire__store_find_variant(store, "abc", &found), AIRE_OK);
        assert_int_equal(found, i < 4 ? 0 : 4);
        assert_int_equal(try_finish(store, &options), AIRE_OK);
        aire__run_clear(&run);
    }
    assert_int_equal(aire__store_find_variant(store, "", &found), AIRE_OK);
    assert_int_equal(found, 0);
    aire_plan_unref(plan);
    aire_store_unref(store);
}

/* ---- queries ---- */

static void test_results__are_chosen_and_ordered(void **state)
{
    static const double rewards[] = {1, 3, 2, 3};
    aire_store *store = open_store(0);
    aire_plan *plans[2] = {add_plan(store, 0), add_plan(store, 1)};
    aire_store_query query = AIRE_STORE_QUERY_INIT;
    aire_run run;
    bool is_new;
    for (int32_t i = 0; i < 4; i++) {
        run = submit(store, plans[i % 2], i);
        finish(store, &run, AIRE_OUTCOME_OK, rewards[i]);
        if (i == 1) {
            aire_run confirm;
            assert_int_equal(
                aire__store_submit(store, run.idea, AIRE_RUN_CONFIRM, 9, 0, &confirm, &is_new),
                AIRE_OK);
            finish(store, &confirm, AIRE_OUTCOME_OK, 10);
            aire__run_clear(&confirm);
        }
        aire__run_clear(&run);
    } /* runs 1, 2, 3 (confirms idea 2), 4, 5 */
    run = submit(store, plans[0], 8);
    finish(store, &run, AIRE_OUTCOME_TIMEOUT, 0);
    aire__run_clear(&run);
    run = submit(store, plans[0], 9); /* run 7 has not finished */
    aire__run_clear(&run);

    assert_query(store, NULL, "1 2 3 4 5 6");
    query.order = AIRE_ORDER_REWARD;
    assert_query(store, &query, "3 2 5 4 1");
    query.kind = AIRE_RUN_IDEA;
    assert_query(store, &query, "2 5 4 1");
    query.limit = 2;
    query.offset = 1;
    assert_query(store, &query, "5 4");
    query = (aire_store_query)AIRE_STORE_QUERY_INIT;
    query.idea_id = 2;
    assert_query(store, &query, "2 3");
    query.kind = AIRE_RUN_CONFIRM;
    assert_query(store, &query, "3");
    query = (aire_store_query)AIRE_STORE_QUERY_INIT;
    query.plan_id = 1;
    assert_query(store, &query, "1 4 6");
    query = (aire_store_query)AIRE_STORE_QUERY_INIT;
    query.run_id = 4;
    assert_query(store, &query, "4");
    query.run_id = 7;
    assert_query(store, &query, "");
    query = (aire_store_query)AIRE_STORE_QUERY_INIT;
    query.offset = 4;
    assert_query(store, &query, "5 6");

    aire_results *results = (aire_results *)1;
    query.limit = -1;
    assert_int_equal(aire_store_results(store, &query, &results), AIRE_INVALID);
    assert_null(results);
    query.limit = 0;
    query.order = 2;
    assert_int_equal(aire_store_results(store, &query, &results), AIRE_INVALID);
    query.struct_size = 3;
    assert_int_equal(aire_store_results(store, &query, &results), AIRE_ABI);
    assert_int_equal(aire_store_results(NULL, NULL, &results), AIRE_INVALID);
    assert_int_equal(aire_store_results(store, NULL, NULL), AIRE_INVALID);

    aire_ideas *ideas = NULL;
    assert_int_equal(aire_store_ideas(store, 1, &ideas), AIRE_OK);
    assert_int_equal(aire_ideas_count(ideas), 4);
    assert_int_equal(aire_plan_id(aire_idea_plan(aire_ideas_get(ideas, 3))), 1);
    aire_ideas_unref(ideas);
    assert_int_equal(aire_store_ideas(store, -1, &ideas), AIRE_INVALID);
    assert_int_equal(aire_store_ideas(store, 9, &ideas), AIRE_OK);
    assert_int_equal(aire_ideas_count(ideas), 0);
    aire_ideas_unref(ideas);
    aire_plan_unref(plans[0]);
    aire_plan_unref(plans[1]);
    aire_store_unref(store);
}

/* Every fixed statement finds what it wants by an index. */
static void test_sql__does_not_search_through_tables(void **state)
{
    aire_store *store = open_store(0);
    for (int sql = 0; sql < AIRE_SQL_COUNT; sql++) {
        char text[4096];
        sqlite3_stmt *stmt = NULL;
        if (sql == AIRE_SQL_COUNTS || sql == AIRE_SQL_IDEAS || sql == AIRE_SQL_LEASE ||
            sql == AIRE_SQL_COMPLETION)
            continue; /* these want all that there is */
        if (strncmp(aire__sql_text((aire_sql)sql), "INSERT", 6) == 0)
            continue; /* these only seem to search, where a foreign key had been broken before */
        snprintf(text, sizeof(text), "EXPLAIN QUERY PLAN %s", aire__sql_text((aire_sql)sql));
        assert_int_equal(sqlite3_prepare_v2(store->db, text, -1, &stmt, NULL), SQLITE_OK);
        while (sqlite3_step(stmt) == SQLITE_ROW) {
            const char *detail = (const char *)sqlite3_column_text(stmt, 3);
            bool scans = strncmp(detail, "SCAN", 4) == 0 && !strstr(detail, "INDEX");
            if (scans && sql != AIRE_SQL_LAST_PLAN) /* which stops at its first row */
                fail_msg("%s\n%s", text, detail);
        }
        sqlite3_finalize(stmt);
    }
    aire_store_unref(store);
}

/* ---- what it is tied to, notes, counts, calls, events ---- */

static void test_bind__holds_to_one_environment_and_search(void **state)
{
    aire_store *store = open_store(0);
    assert_int_equal(aire__store_bind_env(store, "nanogpt", "aaaa"), AIRE_OK);
    assert_int_equal(aire__store_bind_search(store, "evolution", "{\"epochs\":10}"), AIRE_OK);
    aire_store_unref(store);
    store = open_store(0);
    assert_int_equal(aire__store_bind_env(store, "renamed", "aaaa"), AIRE_OK);
    assert_int_equal(aire__store_bind_env(store, "nanogpt", "bbbb"), AIRE_STATE);
    assert_message("bbbb");
    assert_message("aaaa");
    assert_int_equal(aire__store_bind_search(store, "evolution", "{\"epochs\":10}"), AIRE_OK);
    assert_int_equal(aire__store_bind_search(store, "evolution", "{\"epochs\":11}"), AIRE_STATE);
    assert_message("11");
    assert_int_equal(aire__store_bind_search(store, "best_of_n", "{\"epochs\":10}"), AIRE_STATE);
    assert_message("best_of_n");
    aire_store_unref(store);
}

static void test_note__is_kept_and_replaced(void **state)
{
    aire_store *store = open_store(0);
    char *text = (char *)1;
    assert_int_equal(aire_store_get_note(store, "args", &text), AIRE_NOT_FOUND);
    assert_null(text);
    assert_int_equal(aire_store_set_note(store, "args", "--epochs 3"), AIRE_OK);
    assert_int_equal(aire_store_set_note(store, "args", ""), AIRE_OK);
    assert_int_equal(aire_store_set_note(store, "other", "ü"), AIRE_OK);
    assert_int_equal(aire_store_set_note(store, "bad", "\xff"), AIRE_INVALID);
    assert_int_equal(aire_store_set_note(store, NULL, "x"), AIRE_INVALID);
    assert_int_equal(aire_store_get_note(store, "args", &text), AIRE_OK);
    assert_string_equal(text, "");
    aire_free(ctx, text);
    assert_int_equal(aire_store_get_note(store, "other", &text), AIRE_OK);
    assert_string_equal(text, "ü");
    aire_free(ctx, text);
    assert_int_equal(aire_store_get_note(store, NULL, &text), AIRE_INVALID);
    aire_store_unref(store);
}

static void test_pin__is_put_on_and_taken_off(void **state)
{
    aire_store *store = open_store(0);
    aire_plan *plan = add_plan(store, 0);
    aire_run first = submit(store, plan, 0), second = submit(store, plan, 1);
    int32_t pinned = 7;
    assert_int_equal(aire_store_pin(store, 3, 1), AIRE_NOT_FOUND);
    assert_message("run 3");
    assert_int_equal(aire_store_pinned(store, 3, &pinned), AIRE_NOT_FOUND);
    assert_int_equal(pinned, 7);
    assert_int_equal(aire_store_pin(NULL, 1, 1), AIRE_INVALID);
    assert_int_equal(aire_store_pinned(store, 1, NULL), AIRE_INVALID);
    assert_int_equal(aire_store_pinned(store, second.id, &pinned), AIRE_OK);
    assert_int_equal(pinned, 0);
    assert_int_equal(aire_store_pin(store, second.id, 0), AIRE_OK);
    for (int twice = 0; twice < 2; twice++)
        assert_int_equal(aire_store_pin(store, second.id, 5), AIRE_OK);
    aire_store_unref(store);

    store = open_store(AIRE_STORE_READ_ONLY);
    assert_int_equal(aire_store_pinned(store, second.id, &pinned), AIRE_OK);
    assert_int_equal(pinned, 1);
    assert_int_equal(aire_store_pinned(store, first.id, &pinned), AIRE_OK);
    assert_int_equal(pinned, 0);
    assert_int_equal(aire_store_pin(store, first.id, 1), AIRE_STATE);
    aire_store_unref(store);

    store = open_store(0);
    assert_int_equal(aire_store_pin(store, second.id, 0), AIRE_OK);
    assert_int_equal(aire_store_pinned(store, second.id, &pinned), AIRE_OK);
    assert_int_equal(pinned, 0);
    assert_int_equal(scalar(store, "SELECT count(*) FROM pins"), 0);
    aire__run_clear(&first);
    aire__run_clear(&second);
    aire_plan_unref(plan);
    aire_store_unref(store);
}

static void test_count__counts_each_thing(void **state)
{
    aire_store *store = open_store(0);
    aire_plan *plan = add_plan(store, 0);
    aire_run runs[3] = {submit(store, plan, 0), submit(store, plan, 1), submit(store, plan, 2)};
    aire_model_call *call = new_call(100);
    aire_store_counts counts = {.struct_size = sizeof(counts)};
    finish(store, &runs[0], AIRE_OUTCOME_OK, 1);
    finish(store, &runs[2], AIRE_OUTCOME_OK, 1);
    tell(store, runs[0].id, true);
    aire_ctx_tell_call(ctx, call);
    aire_ctx_tell_call(ctx, call);
    aire__store_event(store, "retry", runs[0].id, "the worker was lost");
    aire__store_event(store, "restart", 0, "x");
    assert_int_equal(aire_store_count(store, &counts), AIRE_OK);
    assert_int_equal(counts.plans, 1);
    assert_int_equal(counts.ideas, 3);
    assert_int_equal(counts.runs_waiting, 1);
    assert_int_equal(counts.runs_finished, 2);
    assert_int_equal(counts.runs_told, 1);
    assert_int_equal(counts.model_calls, 2);
    assert_int_equal(counts.input_tokens, 200);
    assert_int_equal(counts.output_tokens, 400);
    assert_int_equal(scalar(store, "SELECT count(*) FROM events WHERE run_id = 1 AND type = "
                                   "'retry' AND text = 'the worker was lost'"),
                     1);
    aire_model_call *huge = new_call(INT64_MAX / 2);
    for (int i = 0; i < 3; i++) /* nothing that was paid for is refused */
        aire_ctx_tell_call(ctx, huge);
    aire_model_call_unref(huge);
    assert_int_equal(aire_store_count(store, &counts), AIRE_OK);
    assert_int_equal(counts.model_calls, 5);
    assert_true(counts.input_tokens == INT64_MAX && counts.output_tokens == INT64_MAX);
    assert_int_equal(aire_store_check(store), AIRE_OK);
    assert_int_equal(aire_store_count(store, NULL), AIRE_INVALID);
    counts.struct_size = 2;
    assert_int_equal(aire_store_count(store, &counts), AIRE_ABI);
    for (size_t i = 0; i < 3; i++)
        aire__run_clear(&runs[i]);
    aire_plan_unref(plan);
    aire_store_unref(store);
    aire_ctx_tell_call(ctx, call); /* nobody listens any more */
    aire_model_call_unref(call);
}

static void note_point(const char *point, void *seen)
{
    strcat(seen, point);
    strcat(seen, " ");
}

static void test_fault__passes_the_points_of_a_write(void **state)
{
    aire_store *store = open_store(0);
    char seen[128] = "";
    aire__store_set_fault(store, note_point, seen);
    assert_int_equal(aire_store_set_note(store, "a", "b"), AIRE_OK);
    assert_string_equal(seen, "note.before note.commit note.after ");
    seen[0] = '\0';
    assert_int_equal(aire__store_close_plan(store, 1), AIRE_NOT_FOUND);
    assert_string_equal(seen, "close.before ");
    aire__store_set_fault(store, NULL, NULL);
    assert_int_equal(aire_store_set_note(store, "a", "c"), AIRE_OK);
    assert_string_equal(seen, "close.before ");
    aire_store_unref(store);
}

/* ---- readers ---- */

static void test_reader__sees_what_is_written_beside_it_and_changes_nothing(void **state)
{
    aire_store *writer = open_store(0);
    aire_store *reader = open_store(AIRE_STORE_READ_ONLY);
    aire_plan *plan = add_plan(writer, 0);
    aire_plan *other = (aire_plan *)1;
    aire_plan_options options = AIRE_PLAN_OPTIONS_INIT;
    aire_run run = submit(writer, plan, 0);
    aire_run refused;
    bool flag;
    assert_query(reader, NULL, "");
    finish(writer, &run, AIRE_OUTCOME_OK, 1);
    assert_query(reader, NULL, "1");

    options.kind = AIRE_PLAN_FRESH;
    options.count = 1;
    assert_true(aire__store_is_read_only(reader));
    assert_int_equal(aire__store_add_plan(reader, &options, &other), AIRE_STATE);
    assert_null(other);
    assert_message("read-only");
    assert_int_equal(aire__store_submit(reader, run.idea, AIRE_RUN_CONFIRM, 1, 0, &refused, &flag),
                     AIRE_STATE);
    assert_int_equal(aire_store_set_note(reader, "a", "b"), AIRE_STATE);
    assert_int_equal(aire__store_tell(reader, run.id, NULL, &flag), AIRE_STATE);
    aire__store_event(reader, "x", 0, "refused, and only logged");
    aire__run_clear(&run);
    aire_plan_unref(plan);
    aire_store_unref(writer);
    assert_query(reader, NULL, "1");
    aire_store_unref(reader);
}

#define HAMMER_RUNS 150

typedef struct hammer {
    aire_store *store;
    aire_plan *plan;
    int32_t from;
} hammer;

static void *hammer_runs(void *data)
{
    hammer *work = data;
    for (int32_t i = work->from; i < work->from + HAMMER_RUNS; i++) {
        aire_run run = submit(work->store, work->plan, i);
        assert_int_equal(aire__store_run_begins(work->store, run.id, 1), AIRE_OK);
        finish(work->store, &run, AIRE_OUTCOME_OK, i);
        tell(work->store, run.id, true);
        aire__run_clear(&run);
    }
    return NULL;
}

static void test_threads__write_while_others_read(void **state)
{
    aire_store *store = open_store(0);
    aire_store *reader = open_store(AIRE_STORE_READ_ONLY);
    aire_plan *plan = add_plan(store, 0);
    hammer work[2] = {{store, plan, 0}, {store, plan, HAMMER_RUNS}};
    pthread_t threads[2];
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(aire__thread_start(&threads[i], "hammer", hammer_runs, &work[i]), AIRE_OK);
    size_t seen = 0;
    while (seen < 2 * HAMMER_RUNS) {
        aire_results *results = NULL;
        assert_int_equal(aire_store_results(seen % 2 ? store : reader, NULL, &results), AIRE_OK);
        assert_true(aire_results_count(results) >= seen);
        seen = aire_results_count(results);
        for (size_t i = 0; i < seen; i++)
            assert_int_equal(aire_result_metric_count(aire_results_get(results, i)), 1);
        aire_results_unref(results);
    }
    for (size_t i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_epoch(store, 0, 2 * HAMMER_RUNS, 0);
    assert_int_equal(scalar(store, "SELECT max(told) FROM runs"), 2 * HAMMER_RUNS);
    aire_plan_unref(plan);
    aire_store_unref(reader);
    aire_store_unref(store);
}

/* ---- out of memory ---- */

static aire_status oom_submit(aire_store *store)
{
    aire_idea *idea = NULL;
    aire_run run;
    bool is_new;
    aire_status status = make_idea(NULL, 0, &idea);
    if (status == AIRE_OK)
        status = aire__store_submit(store, idea, AIRE_RUN_IDEA, 1, 0, &run, &is_new);
    aire_idea_unref(idea);
    if (status == AIRE_OK)
        aire__run_clear(&run);
    return status;
}

static aire_status oom_unfinished(aire_store *store)
{
    aire_run *runs = NULL;
    size_t count = 0;
    aire_status status = aire__store_unfinished(store, &runs, &count);
    for (size_t i = 0; i < count; i++)
        aire__run_clear(&runs[i]);
    aire_free(ctx, runs);
    return status;
}

static aire_status oom_finish(aire_store *store, const aire_result_options *options)
{
    aire_status status = try_finish(store, options);
    return status == AIRE_EXISTS ? AIRE_OK : status;
}

static void test_memory__every_failed_allocation_is_survived(void **state)
{
    aire_store *store = NULL;
    OOM_LOOP(&memory, try_open(0, &store), aire_store_unref(store));
    OOM_LOOP(&memory, try_open(AIRE_STORE_READ_ONLY, &store), aire_store_unref(store));
    store = open_store(0);
    OOM_LOOP(&memory, oom_submit(store), (void)0);
    assert_int_equal(scalar(store, "SELECT count(*) FROM ideas"), 1);
    assert_int_equal(scalar(store, "SELECT count(*) FROM runs"), 1);
    OOM_LOOP(&memory, oom_unfinished(store), (void)0);

    aire_plan *plan = add_plan(store, 0);
    aire_run run = submit(store, plan, 0);
    aire_result_options options = options_for(&run, AIRE_OUTCOME_OK, 1);
    bool first;
    OOM_LOOP(&memory, oom_finish(store, &options), (void)0);
    OOM_LOOP(&memory, aire__store_tell(store, run.id, "state", &first), (void)0);
    OOM_LOOP(&memory, aire__store_bind_env(store, "a", "b"), (void)0);
    OOM_LOOP(&memory, aire__store_bind_search(store, "a", "b"), (void)0);
    aire_results *results = NULL;
    OOM_LOOP(&memory, aire_store_results(store, NULL, &results), aire_results_unref(results));
    OOM_LOOP(&memory, aire__store_told(store, &results), aire_results_unref(results));
    aire_told *facts = NULL;
    size_t count;
    OOM_LOOP(&memory, aire__store_told_facts(store, &facts, &count), aire_free(ctx, facts));
    aire_result *result = NULL;
    OOM_LOOP(&memory, aire__store_result(store, run.id, &result), aire_result_unref(result));
    aire_ideas *ideas = NULL;
    OOM_LOOP(&memory, aire_store_ideas(store, 0, &ideas), aire_ideas_unref(ideas));
    OOM_LOOP(&memory, aire__store_ideas_after(store, 0, &ideas), aire_ideas_unref(ideas));
    assert_int_equal(aire_store_set_note(store, "a", "b"), AIRE_OK);
    char *text = NULL;
    OOM_LOOP(&memory, aire_store_get_note(store, "a", &text), aire_free(ctx, text));
    OOM_LOOP(&memory, aire__store_search_state(store, &text), aire_free(ctx, text));
    int32_t pinned = 0;
    OOM_LOOP(&memory, aire_store_pin(store, run.id, 1), (void)0);
    OOM_LOOP(&memory, aire_store_pinned(store, run.id, &pinned), (void)0);
    assert_int_equal(pinned, 1);

    aire_plan_options plan_options = AIRE_PLAN_OPTIONS_INIT;
    aire_plan *added = NULL;
    aire_result *parent = NULL;
    assert_int_equal(aire_result_new(ctx, &options, &parent), AIRE_OK);
    plan_options.kind = AIRE_PLAN_EXPLOIT;
    plan_options.count = 1;
    plan_options.parents = &parent;
    plan_options.parent_count = 1;
    plan_options.avoid = &run.idea;
    plan_options.avoid_count = 1;
    OOM_LOOP(&memory, aire__store_add_plan(store, &plan_options, &added), aire_plan_unref(added));
    assert_int_equal(scalar(store, "SELECT count(*) FROM plans"), 2);
    size_t submitted;
    bool closed;
    OOM_LOOP(&memory, aire__store_last_plan(store, &added, &submitted, &closed),
             aire_plan_unref(added));
    aire_result_unref(parent);
    aire__run_clear(&run);
    aire_plan_unref(plan);
    aire_store_unref(store);
}

/* ---- size ---- */

static double ms_since(int64_t start_ns)
{
    return (double)(aire__monotonic_ns() - start_ns) / 1e6;
}

static void test_size__of_20000_runs_costs_little(void **state)
{
    enum { PLANS = 200, IDEAS = 100 };
    aire_store *store = open_store(0);
    int64_t start = aire__monotonic_ns();
    /* the disk's own time is not what is measured */
    assert_int_equal(sqlite3_exec(store->db, "PRAGMA synchronous = OFF", NULL, NULL, NULL),
                     SQLITE_OK);
    for (int32_t p = 0; p < PLANS; p++) {
        aire_plan *plan = add_plan(store, 3);
        for (int32_t i = 0; i < IDEAS; i++) {
            aire_run run = submit(store, plan, i);
            finish(store, &run, i % 10 ? AIRE_OUTCOME_OK : AIRE_OUTCOME_CRASHED,
                   (p * 7919 + i * 104729) % 10007);
            aire__run_clear(&run);
        }
        aire_plan_unref(plan);
    }
    print_message("# %d runs submitted and finished: %.0f ms\n", PLANS * IDEAS, ms_since(start));

    aire_store_query query = AIRE_STORE_QUERY_INIT;
    aire_store_counts counts = {.struct_size = sizeof(counts)};
    aire_results *results = NULL;
    int64_t found;
    query.order = AIRE_ORDER_REWARD;
    query.kind = AIRE_RUN_IDEA;
    query.limit = 10;
    start = aire__monotonic_ns();
    assert_int_equal(aire_store_results(store, &query, &results), AIRE_OK);
    print_message("# best 10: %.3f ms\n", ms_since(start));
    assert_int_equal(aire_results_count(results), 10);
    aire_results_unref(results);
    start = aire__monotonic_ns();
    assert_epoch(store, 3, PLANS * IDEAS, PLANS * IDEAS);
    print_message("# epoch: %.3f ms\n", ms_since(start));
    start = aire__monotonic_ns();
    assert_int_equal(aire__store_find_variant(store, "nowhere", &found), AIRE_OK);
    print_message("# find variant: %.3f ms\n", ms_since(start));
    start = aire__monotonic_ns();
    assert_int_equal(aire_store_count(store, &counts), AIRE_OK);
    print_message("# counts: %.3f ms\n", ms_since(start));
    start = aire__monotonic_ns();
    assert_int_equal(aire__store_untold(store, &results), AIRE_OK);
    print_message("# all %zu results: %.0f ms\n", aire_results_count(results), ms_since(start));
    aire_results_unref(results);
    start = aire__monotonic_ns();
    for (int64_t id = 1; id <= 100; id++)
        tell(store, id, true);
    print_message("# tell: %.3f ms\n", ms_since(start) / 100);
    aire_store_unref(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_store__gives_back_what_was_put_in),
        STORE_TEST(test_store__keeps_how_a_failure_ended),
        STORE_TEST(test_plan__last_one_comes_back_with_its_lists),
        STORE_TEST(test_plan__many_to_avoid_are_few_rows),
        STORE_TEST(test_plan__refuses_what_is_not_in_the_store),
        STORE_TEST(test_epoch__counts_ideas_and_what_is_not_told),
        STORE_TEST(test_submit__adds_the_same_run_once),
        STORE_TEST(test_submit__keeps_a_hosts_plan_without_a_number),
        STORE_TEST(test_submit__refuses_what_makes_no_sense),
        STORE_TEST(test_run__goes_from_queued_to_told),
        STORE_TEST(test_run__under_way_is_queued_again),
        STORE_TEST(test_tell__its_facts_are_there_without_the_rest),
        STORE_TEST(test_result__one_is_read_alone),
        STORE_TEST(test_ideas__those_after_one_are_read_alone),
        STORE_TEST(test_plan__is_open_until_its_ideas_came_or_it_is_closed),
        STORE_TEST(test_tell__keeps_order_and_state),
        STORE_TEST(test_variant__is_found_only_where_it_was_run),
        STORE_TEST(test_results__are_chosen_and_ordered),
        STORE_TEST(test_sql__does_not_search_through_tables),
        STORE_TEST(test_bind__holds_to_one_environment_and_search),
        STORE_TEST(test_note__is_kept_and_replaced),
        STORE_TEST(test_pin__is_put_on_and_taken_off),
        STORE_TEST(test_count__counts_each_thing),
        STORE_TEST(test_fault__passes_the_points_of_a_write),
        STORE_TEST(test_reader__sees_what_is_written_beside_it_and_changes_nothing),
        STORE_TEST(test_threads__write_while_others_read),
        STORE_TEST(test_memory__every_failed_allocation_is_survived),
        STORE_TEST(test_size__of_20000_runs_costs_little),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
