/* The searcher room: the paper's schedule, what is sampled, and that neither order nor restarts
 * change a decision. */
#include "support/store.h"

#include <math.h>

#include "aire/searcher.h"
#include "base/rng.h"

/* A search without ideator and executor: ideas and results are made here, the reward from the
 * idea's number. */
typedef struct world {
    aire_store *store;
    aire_searcher *searcher;
    aire_searcher_evolution_options options;
    bool reopen;    /* drop everything and open it again after every ask, submit, finish and tell */
    bool backwards; /* tell results in reverse */
    bool early;     /* tell them after each plan, not when the searcher waits for them */
    char trace[1 << 16];
} world;

static void open_world(world *w)
{
    w->store = open_store(0);
    if (aire_searcher_evolution_new(ctx, w->store, &w->options, &w->searcher) != AIRE_OK)
        fail_msg("%s", aire_error_message(aire_last_error()));
}

static void close_world(world *w)
{
    aire_searcher_unref(w->searcher);
    aire_store_unref(w->store);
}

static void step(world *w)
{
    if (w->reopen) {
        close_world(w);
        open_world(w);
    }
}

static void write_plan(const aire_plan *plan, FILE *to)
{
    fprintf(to, "%s e%d n%d parents", aire_plan_kind_name(aire_plan_kind(plan)),
            aire_plan_epoch(plan), aire_plan_count(plan));
    for (size_t i = 0; i < aire_plan_parent_count(plan); i++)
        fprintf(to, " %lld", (long long)aire_idea_id(aire_result_idea(aire_plan_parent(plan, i))));
    fprintf(to, " avoid");
    for (size_t i = 0; i < aire_plan_avoid_count(plan); i++)
        fprintf(to, " %lld", (long long)aire_idea_id(aire_plan_avoid(plan, i)));
    fprintf(to, "\n");
}

static void note_plan(world *w, const aire_plan *plan)
{
    size_t length = strlen(w->trace);
    FILE *to = fmemopen(w->trace + length, sizeof w->trace - length, "w");
    assert_non_null(to);
    write_plan(plan, to);
    fclose(to);
}

/* The same plan, by number and content. */
static void assert_same_plan(const aire_plan *a, const aire_plan *b)
{
    char *json[2];
    assert_int_equal(aire_plan_to_json(a, &json[0]), AIRE_OK);
    assert_int_equal(aire_plan_to_json(b, &json[1]), AIRE_OK);
    assert_string_equal(json[0], json[1]);
    aire_free(ctx, json[0]);
    aire_free(ctx, json[1]);
}

/* A step after which not all ideas of the plan are submitted: it is asked for again. */
static void step_within(world *w, aire_plan *plan)
{
    aire_plan *again = NULL;
    if (!w->reopen)
        return;
    step(w);
    assert_int_equal(aire_searcher_ask(w->searcher, &again), AIRE_OK);
    assert_same_plan(again, plan);
    aire_plan_unref(again);
}

/* Idea i: every fourth fails, the others are worth (7 i) mod 13 - 4; the baseline is worth 0. */
static void finish_run(world *w, const aire_run *run)
{
    int64_t id = aire_idea_id(run->idea);
    finish(w->store, run, id % 4 ? AIRE_OUTCOME_OK : AIRE_OUTCOME_CRASHED,
           (double)(7 * id % 13) - 4);
}

static void tell_results(world *w, const int64_t *runs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        aire_store_query query = AIRE_STORE_QUERY_INIT;
        aire_results *results;
        query.run_id = runs[w->backwards ? count - 1 - i : i];
        assert_int_equal(aire_store_results(w->store, &query, &results), AIRE_OK);
        assert_int_equal(aire_results_count(results), 1);
        assert_int_equal(aire_searcher_tell(w->searcher, aire_results_get(results, 0)), AIRE_OK);
        assert_int_equal(aire_searcher_tell(w->searcher, aire_results_get(results, 0)), AIRE_OK);
        aire_results_unref(results);
        step(w);
    }
}

static void tell_baseline(world *w, double reward)
{
    aire_run run;
    bool is_new;
    int64_t id;
    assert_int_equal(aire__store_submit(w->store, NULL, AIRE_RUN_BASELINE, 1, 0, &run, &is_new),
                     AIRE_OK);
    finish(w->store, &run, AIRE_OUTCOME_OK, reward);
    id = run.id;
    aire__run_clear(&run);
    tell_results(w, &id, 1);
}

/* Answer a plan with all its ideas; their runs are finished and added to `runs`. */
static void answer(world *w, aire_plan *plan, int64_t *runs, size_t *count)
{
    step_within(w, plan);
    for (int32_t i = 0; i < aire_plan_count(plan); i++) {
        bool last = i + 1 == aire_plan_count(plan);
        aire_run run = submit(w->store, plan, i);
        last ? step(w) : step_within(w, plan);
        finish_run(w, &run);
        last ? step(w) : step_within(w, plan);
        runs[(*count)++] = run.id;
        aire__run_clear(&run);
    }
}

/* The whole search. */
static void run_world(world *w)
{
    int64_t runs[512];
    size_t count = 0;
    open_world(w);
    tell_baseline(w, 0);
    for (;;) {
        aire_plan *plan = NULL;
        aire_status status = aire_searcher_ask(w->searcher, &plan);
        if (status == AIRE_EMPTY) {
            assert_true(count > 0);
            tell_results(w, runs, count);
            count = 0;
            continue;
        }
        if (status == AIRE_DONE)
            break;
        assert_int_equal(status, AIRE_OK);
        note_plan(w, plan);
        answer(w, plan, runs, &count);
        aire_plan_unref(plan);
        if (w->early) {
            tell_results(w, runs, count);
            count = 0;
        }
    }
    close_world(w);
}

static world small_world(void)
{
    world w = {.options = AIRE_SEARCHER_EVOLUTION_OPTIONS_INIT};
    w.options.epochs = 4;
    w.options.epoch_size = 12;
    w.options.batch = 3;
    w.options.exploit_sample = 4;
    w.options.explore_sample = 5;
    return w;
}

static int count_lines(const char *text, const char *prefix, const char *part)
{
    int count = 0;
    for (; *text; text += strcspn(text, "\n") + 1) {
        char line[1024];
        size_t length = strcspn(text, "\n") + 1;
        snprintf(line, length < sizeof line ? length : sizeof line, "%s", text);
        count += strncmp(line, prefix, strlen(prefix)) == 0 && strstr(line, part) != NULL;
    }
    return count;
}

static void test_evolution__follows_the_papers_schedule(void **state)
{
    static const int exploit[] = {0, 4, 4, 4, 5, 5, 6, 6, 6, 6}; /* batches of 10 of 80 * r */
    world w = {.options = AIRE_SEARCHER_EVOLUTION_OPTIONS_INIT};
    w.options.epochs = 10;
    run_world(&w);
    for (int epoch = 0; epoch < 10; epoch++) {
        char part[16];
        snprintf(part, sizeof part, " e%d n10 ", epoch);
        assert_int_equal(count_lines(w.trace, "fresh", part), epoch == 0 ? 8 : 0);
        assert_int_equal(count_lines(w.trace, "exploit", part), exploit[epoch]);
        assert_int_equal(count_lines(w.trace, "explore", part),
                         epoch == 0 ? 0 : 8 - exploit[epoch]);
    }
}

static void test_evolution__batches_are_whole(void **state)
{
    static const struct {
        int32_t size, batch;
        int epoch, exploit, explore; /* batches expected in that epoch */
    } cases[] = {
        {13, 4, 1, 1, 2}, /* 6 to exploit: 4 are; 9 are left: 8 are */
        {13, 4, 2, 1, 2}, /* 7 */
        {10, 3, 6, 2, 1}, /* 8: 6; 4: 3 */
        {4, 4, 1, 0, 1},  /* 2: less than a batch */
        {5, 9, 1, 0, 1},  /* the batch is the epoch */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        world w = {.options = AIRE_SEARCHER_EVOLUTION_OPTIONS_INIT};
        char part[32];
        w.options.epochs = cases[i].epoch + 1;
        w.options.epoch_size = cases[i].size;
        w.options.batch = cases[i].batch;
        run_world(&w);
        snprintf(part, sizeof part, " e%d n%d ", cases[i].epoch,
                 cases[i].batch < cases[i].size ? cases[i].batch : cases[i].size);
        assert_int_equal(count_lines(w.trace, "exploit", part), cases[i].exploit);
        assert_int_equal(count_lines(w.trace, "explore", part), cases[i].explore);
        remove_store();
    }
}

static void test_evolution__samples_what_it_should(void **state)
{
    world w = small_world();
    run_world(&w);
    for (const char *line = w.trace; *line; line += strcspn(line, "\n") + 1) {
        bool exploits = !strncmp(line, "exploit", 7);
        int epoch = atoi(strstr(line, " e") + 2), count = 0;
        long long seen[16];
        const char *at = strstr(line, "parents") + 7;
        for (char *end; *at == ' ' && at[1] != 'a'; at = end) {
            long long id = strtoll(at, &end, 10);
            assert_true(id <= 12 * epoch); /* of past epochs alone */
            if (exploits)
                assert_true(id % 4 != 0 &&
                            7 * id % 13 > 4); /* better than the baseline, and no failure */
            for (int i = 0; i < count; i++)
                assert_true(seen[i] != id);
            seen[count++] = id;
        }
        assert_true(count <= (exploits ? 4 : 5));
        assert_true(epoch == 0 ? count == 0 : count > 0);
    }
    /* Later batches of an epoch avoid the ideas before them. */
    assert_non_null(
        strstr(w.trace, "fresh e0 n3 parents avoid\nfresh e0 n3 parents avoid 1 2 3\n"));
}

static void compare_worlds(world *other)
{
    world plain = small_world();
    run_world(&plain);
    remove_store();
    run_world(other);
    assert_string_equal(plain.trace, other->trace);
}

static void test_evolution__order_of_results_changes_nothing(void **state)
{
    world w = small_world();
    w.backwards = true;
    compare_worlds(&w);
}

static void test_evolution__time_of_results_changes_nothing(void **state)
{
    world w = small_world();
    w.early = true;
    compare_worlds(&w);
}

static void test_evolution__each_plan_has_a_sample_of_its_own(void **state)
{
    world w = small_world();
    run_world(&w);
    char *first = strstr(w.trace, "explore e3"), *second = strstr(first + 1, "explore e3");
    assert_non_null(second);
    size_t length = (size_t)(strstr(first, " avoid") - first);
    assert_memory_not_equal(first, second, length);
}

static void test_evolution__restarts_change_nothing(void **state)
{
    world w = small_world();
    w.reopen = true;
    compare_worlds(&w);
}

/* Restarts, with the results in reverse or as early as they can be. */
static void test_evolution__restarts_and_order_together_change_nothing(void **state)
{
    world backwards = small_world(), early = small_world();
    backwards.reopen = backwards.backwards = true;
    compare_worlds(&backwards);
    remove_store();
    early.reopen = early.early = true;
    compare_worlds(&early);
}

static void test_evolution__takes_the_seed_of_the_context(void **state)
{
    world w = small_world();
    w.options.seed = 7; /* as the fixture's context has it */
    compare_worlds(&w);
}

static void test_evolution__seed_decides(void **state)
{
    world a = small_world(), b = small_world();
    a.options.seed = 1;
    b.options.seed = 2;
    run_world(&a);
    remove_store();
    run_world(&b);
    assert_string_not_equal(a.trace, b.trace);
}

static void test_evolution__nothing_to_exploit_is_explored(void **state)
{
    world w = small_world();
    int64_t runs[64];
    size_t count = 0;
    aire_plan *plan;
    open_world(&w);
    tell_baseline(&w, 1000);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(aire_searcher_ask(w.searcher, &plan), AIRE_OK);
        answer(&w, plan, runs, &count);
        aire_plan_unref(plan);
    }
    assert_int_equal(aire_searcher_ask(w.searcher, &plan), AIRE_EMPTY);
    assert_null(plan);
    tell_results(&w, runs, count);
    assert_int_equal(aire_searcher_ask(w.searcher, &plan), AIRE_OK);
    assert_int_equal(aire_plan_kind(plan), AIRE_PLAN_EXPLORE);
    aire_plan_unref(plan);
    close_world(&w);
}

/* With no idea at all there is nothing to show: every epoch asks for fresh ones, and ends. */
static void test_evolution__nothing_to_explore_is_fresh(void **state)
{
    world w = small_world();
    aire_plan *plan;
    open_world(&w);
    tell_baseline(&w, 0);
    for (int i = 0; i < 16; i++) {
        assert_int_equal(aire_searcher_ask(w.searcher, &plan), AIRE_OK);
        assert_int_equal(aire_plan_kind(plan), AIRE_PLAN_FRESH);
        assert_int_equal(aire_plan_epoch(plan), i / 4);
        assert_int_equal(aire_plan_parent_count(plan), 0);
        assert_int_equal(aire_searcher_abandon(w.searcher, plan), AIRE_OK);
        aire_plan_unref(plan);
    }
    assert_int_equal(aire_searcher_ask(w.searcher, &plan), AIRE_DONE);
    assert_null(plan);
    close_world(&w);
}

/* ---- results made by hand: an epoch of six ideas, and what the first plans of the next show ----
 */

static aire_plan *ask_for(world *w, int32_t kind)
{
    aire_plan *plan = NULL;
    assert_int_equal(aire_searcher_ask(w->searcher, &plan), AIRE_OK);
    assert_int_equal(aire_plan_kind(plan), kind);
    return plan;
}

static void assert_waits(world *w)
{
    aire_plan *plan = NULL;
    assert_int_equal(aire_searcher_ask(w->searcher, &plan), AIRE_EMPTY);
    assert_null(plan);
}

/* Begins a search whose first epoch ends with these rewards; NAN stands for a failure. */
static void open_with_rewards(world *w, const double *rewards)
{
    int64_t runs[6];
    *w = small_world();
    w->options.epoch_size = 6;
    w->options.exploit_sample = w->options.explore_sample = 100;
    open_world(w);
    for (int plans = 0; plans < 2; plans++) {
        aire_plan *plan = ask_for(w, AIRE_PLAN_FRESH);
        for (int32_t i = 0; i < 3; i++) {
            double reward = rewards[3 * plans + i];
            aire_run run = submit(w->store, plan, i);
            finish(w->store, &run, isnan(reward) ? AIRE_OUTCOME_TIMEOUT : AIRE_OUTCOME_OK, reward);
            runs[3 * plans + i] = run.id;
            aire__run_clear(&run);
        }
        aire_plan_unref(plan);
    }
    tell_results(w, runs, 6);
}

/* A run beside those of the search; finished with a reward, unless that is NAN. */
static int64_t add_run(world *w, aire_idea *idea, int32_t kind, uint64_t seed, double reward)
{
    aire_run run;
    bool is_new;
    assert_int_equal(aire__store_submit(w->store, idea, kind, seed, 0, &run, &is_new), AIRE_OK);
    if (!isnan(reward))
        finish(w->store, &run, AIRE_OUTCOME_OK, reward);
    int64_t id = run.id;
    aire__run_clear(&run);
    return id;
}

static aire_result *read_result(world *w, int64_t run)
{
    aire_store_query query = AIRE_STORE_QUERY_INIT;
    aire_results *results;
    query.run_id = run;
    assert_int_equal(aire_store_results(w->store, &query, &results), AIRE_OK);
    aire_result *result = aire_result_ref(aire_results_get(results, 0));
    aire_results_unref(results);
    return result;
}

/* The ideas that the next plan shows, each by its number in its place. */
static void assert_parents(world *w, int32_t kind, const char *expected)
{
    char seen[] = "......";
    aire_plan *plan = ask_for(w, kind);
    for (size_t i = 0; i < aire_plan_parent_count(plan); i++) {
        int64_t id = aire_idea_id(aire_result_idea(aire_plan_parent(plan, i)));
        assert_in_range(id, 1, 6);
        seen[id - 1] = (char)('0' + id);
    }
    aire_plan_unref(plan);
    assert_string_equal(seen, expected);
}

static void test_evolution__exploits_what_is_strictly_better(void **state)
{
    /* A sum of three times 0.1 is not 0.3: what equals the baseline must not pass for better. */
    static const double rewards[] = {0.1, 0.05, NAN, 0.1000001, 7, -3};
    world w;
    open_with_rewards(&w, rewards);
    for (uint64_t seed = 1; seed <= 3; seed++) {
        int64_t id = add_run(&w, NULL, AIRE_RUN_BASELINE, seed, 0.1);
        tell_results(&w, &id, 1);
    }
    assert_parents(&w, AIRE_PLAN_EXPLOIT, "...45.");
    assert_parents(&w, AIRE_PLAN_EXPLORE, "123456");
    close_world(&w);
}

static void test_evolution__beats_the_mean_baseline(void **state)
{
    static const double rewards[] = {1, 2, 3, 4, 5, 6};
    static const double baseline[] = {1, 6}; /* mean 3.5 */
    world w;
    open_with_rewards(&w, rewards);
    for (uint64_t seed = 1; seed <= 2; seed++) {
        int64_t id = add_run(&w, NULL, AIRE_RUN_BASELINE, seed, baseline[seed - 1]);
        tell_results(&w, &id, 1);
    }
    assert_parents(&w, AIRE_PLAN_EXPLOIT, "...456");
    close_world(&w);
}

static void test_evolution__without_a_baseline_any_reward_will_do(void **state)
{
    static const double rewards[] = {-1e300, NAN, 0, NAN, 5, -1};
    world w;
    open_with_rewards(&w, rewards);
    assert_parents(&w, AIRE_PLAN_EXPLOIT, "1.3.56");
    close_world(&w);
}

static void test_evolution__an_epoch_waits_for_baselines_and_ideas_of_the_host(void **state)
{
    static const double rewards[] = {1, 2, 3, 4, 5, 6};
    world w;
    open_with_rewards(&w, rewards);
    int64_t running = add_run(&w, NULL, AIRE_RUN_BASELINE, 1, NAN);
    assert_waits(&w);
    aire_run run = {.id = running, .kind = AIRE_RUN_BASELINE, .seed = 1};
    finish(w.store, &run, AIRE_OUTCOME_OK, 5);
    assert_waits(&w); /* finished is not told */
    tell_results(&w, &running, 1);
    aire_idea *own = new_idea(NULL, 0);
    int64_t own_run = add_run(&w, own, AIRE_RUN_IDEA, 1, 9);
    aire_idea_unref(own);
    assert_waits(&w);
    tell_results(&w, &own_run, 1);
    aire_plan *plan = ask_for(&w, AIRE_PLAN_EXPLOIT);
    assert_int_equal(aire_plan_parent_count(plan), 2); /* 6, and 9 of the host's */
    /* Its own ideas an epoch does not wait for. */
    aire_run unfinished = submit(w.store, plan, 0);
    aire__run_clear(&unfinished);
    aire_plan_unref(plan);
    aire_plan_unref(ask_for(&w, AIRE_PLAN_EXPLORE));
    close_world(&w);
}

static void make_searcher_anew(world *w)
{
    aire_searcher_unref(w->searcher);
    assert_int_equal(aire_searcher_evolution_new(ctx, w->store, &w->options, &w->searcher),
                     AIRE_OK);
}

/*
 * A search that is disturbed: ideas of the host and baselines come in the midst of an epoch, whose
 * own results are told when it pleases. With one searcher, or with a new one for each plan.
 */
static void run_disturbed(world *w, uint64_t seed, bool anew)
{
    int64_t runs[512], own;
    size_t count = 0;
    uint64_t baselines = 0;
    aire_rng rng;
    aire_plan *plan;
    aire_status status;
    aire__rng_init(&rng, seed, "disturbed", 0);
    w->options.seed = seed + 1;
    open_world(w);
    for (;;) {
        if (anew)
            make_searcher_anew(w);
        status = aire_searcher_ask(w->searcher, &plan);
        if (status == AIRE_DONE)
            break;
        if (status == AIRE_OK) {
            note_plan(w, plan);
            answer(w, plan, runs, &count);
            aire_plan_unref(plan);
        }
        if (aire__rng_below(&rng, 3) == 0) {
            aire_idea *idea = new_idea(NULL, 0);
            own = add_run(w, idea, AIRE_RUN_IDEA, 1, (double)aire__rng_below(&rng, 10));
            aire_idea_unref(idea);
            tell_results(w, &own, 1);
        }
        if (aire__rng_below(&rng, 8) == 0) {
            own =
                add_run(w, NULL, AIRE_RUN_BASELINE, ++baselines, (double)aire__rng_below(&rng, 5));
            tell_results(w, &own, 1);
        }
        if (status == AIRE_EMPTY || aire__rng_below(&rng, 4) == 0) {
            tell_results(w, runs, count);
            count = 0;
        }
    }
    close_world(w);
}

/* What a searcher keeps between its decisions is what another one finds in the store. */
static void test_evolution__what_is_told_within_an_epoch_counts_as_after_a_restart(void **state)
{
    for (uint64_t seed = 0; seed < 12; seed++) {
        world kept = small_world();
        kept.backwards = seed % 2;
        kept.options.exploit_sample = kept.options.explore_sample = 30;
        world anew = kept;
        run_disturbed(&kept, seed, false);
        remove_store();
        run_disturbed(&anew, seed, true);
        remove_store();
        assert_string_equal(kept.trace, anew.trace);
    }
}

/* A plan without a number is not in the store, so its epoch is no fact: before a restart as after.
 */
static void test_evolution__an_idea_of_an_unnumbered_plan_belongs_to_the_past(void **state)
{
    static const double rewards[] = {1, 2, 3, 4, 5, 6};
    world w;
    aire_plan_options options = AIRE_PLAN_OPTIONS_INIT;
    aire_plan *plan;
    aire_result *result;
    aire_run run;
    bool is_new;
    open_with_rewards(&w, rewards);
    options.kind = AIRE_PLAN_FRESH;
    options.count = 1;
    options.epoch = 7;
    assert_int_equal(aire_plan_new(ctx, &options, &plan), AIRE_OK);
    aire_idea *idea = new_idea(plan, 0);
    assert_int_equal(aire__store_submit(w.store, idea, AIRE_RUN_IDEA, 1, 0, &run, &is_new),
                     AIRE_OK);
    finish(w.store, &run, AIRE_OUTCOME_OK, 9);
    aire_result_options told = options_for(&run, AIRE_OUTCOME_OK, 9);
    assert_int_equal(aire_result_new(ctx, &told, &result), AIRE_OK); /* as an executor gives it */
    assert_int_equal(aire_searcher_tell(w.searcher, result), AIRE_OK);
    aire_result_unref(result);
    aire_idea_unref(idea);
    aire_plan_unref(plan);
    aire__run_clear(&run);
    plan = ask_for(&w, AIRE_PLAN_EXPLOIT);
    assert_int_equal(aire_plan_parent_count(plan), 7);
    aire_plan_unref(plan);
    make_searcher_anew(&w);
    aire_plan_unref(ask_for(&w, AIRE_PLAN_EXPLOIT)); /* the same, which no idea answered */
    plan = ask_for(&w, AIRE_PLAN_EXPLORE);
    assert_int_equal(aire_plan_parent_count(plan), 7);
    aire_plan_unref(plan);
    close_world(&w);
}

/* Parents that were told to an earlier searcher are read when they are shown. */
static void test_evolution__parents_from_before_a_restart_are_whole(void **state)
{
    static const double rewards[] = {1, 2, NAN, 4, 5, 6};
    world w;
    open_with_rewards(&w, rewards);
    close_world(&w);
    open_world(&w);
    aire_plan_unref(ask_for(&w, AIRE_PLAN_EXPLOIT));
    aire_plan *plan = ask_for(&w, AIRE_PLAN_EXPLORE);
    assert_int_equal(aire_plan_parent_count(plan), 6);
    for (size_t i = 0; i < 6; i++) {
        char *json[2];
        aire_result *parent = aire_plan_parent(plan, i);
        aire_result *stored = read_result(&w, aire_result_run_id(parent));
        assert_int_equal(aire_result_to_json(parent, &json[0]), AIRE_OK);
        assert_int_equal(aire_result_to_json(stored, &json[1]), AIRE_OK);
        assert_string_equal(json[0], json[1]);
        aire_free(ctx, json[0]);
        aire_free(ctx, json[1]);
        aire_result_unref(stored);
    }
    aire_plan_unref(plan);
    close_world(&w);
}

static void test_evolution__confirming_runs_change_nothing(void **state)
{
    static const double rewards[] = {1, 2, 3, NAN, 5, 6};
    world w;
    aire_ideas *ideas;
    open_with_rewards(&w, rewards);
    int64_t baseline = add_run(&w, NULL, AIRE_RUN_BASELINE, 1, 4);
    tell_results(&w, &baseline, 1);
    assert_int_equal(aire_store_ideas(w.store, 0, &ideas), AIRE_OK);
    int64_t told[] = {add_run(&w, aire_ideas_get(ideas, 0), AIRE_RUN_CONFIRM, 7, 100),
                      add_run(&w, aire_ideas_get(ideas, 4), AIRE_RUN_CONFIRM, 7, -100)};
    add_run(&w, aire_ideas_get(ideas, 1), AIRE_RUN_CONFIRM, 7, NAN); /* not waited for */
    aire_ideas_unref(ideas);
    tell_results(&w, told, 2);
    aire_plan *plan = ask_for(&w, AIRE_PLAN_EXPLOIT);
    assert_int_equal(aire_plan_parent_count(plan), 2);
    for (size_t i = 0; i < 2; i++) {
        double reward;
        aire_result *parent = aire_plan_parent(plan, i);
        assert_int_equal(aire_result_kind(parent), AIRE_RUN_IDEA);
        assert_int_equal(aire_result_reward(parent, &reward), AIRE_OK);
        assert_true(reward == (aire_idea_id(aire_result_idea(parent)) == 5 ? 5 : 6));
    }
    aire_plan_unref(plan);
    close_world(&w);
}

static void test_searcher__gives_an_unanswered_plan_again(void **state)
{
    world w = small_world();
    aire_plan *plan, *again;
    open_world(&w);
    assert_int_equal(aire_searcher_ask(w.searcher, &plan), AIRE_OK);
    aire_run run = submit(w.store, plan, 0); /* one of three */
    aire__run_clear(&run);
    close_world(&w);
    open_world(&w);
    assert_int_equal(aire_searcher_ask(w.searcher, &again), AIRE_OK);
    assert_int_equal(aire_plan_id(again), aire_plan_id(plan));
    aire_plan_unref(again);
    assert_int_equal(aire_searcher_ask(w.searcher, &again), AIRE_OK);
    assert_int_equal(aire_plan_id(again), aire_plan_id(plan) + 1);
    assert_int_equal(aire_searcher_abandon(w.searcher, again), AIRE_OK);
    aire_plan_unref(again);
    close_world(&w);
    open_world(&w);
    assert_int_equal(aire_searcher_ask(w.searcher, &again), AIRE_OK);
    assert_int_equal(aire_plan_id(again), aire_plan_id(plan) + 2); /* given up is given up */
    aire_plan_unref(again);
    aire_plan_unref(plan);
    close_world(&w);
}

static void test_searcher__a_search_that_ended_stays_ended(void **state)
{
    aire_searcher_best_of_n_options options = AIRE_SEARCHER_BEST_OF_N_OPTIONS_INIT;
    options.count = options.batch = 3;
    for (int round = 0; round < 2; round++) {
        aire_store *store = open_store(0);
        aire_searcher *searcher;
        aire_plan *plan;
        assert_int_equal(aire_searcher_best_of_n_new(ctx, store, &options, &searcher), AIRE_OK);
        if (round == 0) {
            assert_int_equal(aire_searcher_ask(searcher, &plan), AIRE_OK);
            aire_run run = submit(store, plan, 0); /* the ideator had no more */
            aire__run_clear(&run);
            aire_plan_unref(plan);
        }
        assert_int_equal(aire_searcher_ask(searcher, &plan), AIRE_DONE);
        assert_null(plan);
        aire_searcher_unref(searcher);
        aire_store_unref(store);
    }
}

static void test_searcher__a_plan_that_was_left_behind_is_not_given_again(void **state)
{
    static const double rewards[] = {1, 2, 3, 4, 5, 6};
    world w;
    open_with_rewards(&w, rewards);
    aire_plan_unref(ask_for(&w, AIRE_PLAN_EXPLOIT));
    aire_plan *plan = ask_for(&w, AIRE_PLAN_EXPLORE);
    aire_run run = submit(w.store, plan, 0); /* one of three, and no more came */
    aire_plan_unref(plan);
    assert_waits(&w);
    close_world(&w);
    open_world(&w);
    assert_waits(&w);
    finish(w.store, &run, AIRE_OUTCOME_OK, 1);
    tell_results(&w, &run.id, 1);
    aire__run_clear(&run);
    plan = ask_for(&w, AIRE_PLAN_EXPLOIT);
    assert_int_equal(aire_plan_epoch(plan), 2);
    aire_plan_unref(plan);
    close_world(&w);
}

static void test_searcher__a_store_holds_one_search(void **state)
{
    world w = small_world();
    open_world(&w);
    close_world(&w);
    aire_store *store = open_store(0);
    aire_searcher *other = NULL;
    assert_int_equal(aire_searcher_best_of_n_new(ctx, store, NULL, &other), AIRE_STATE);
    assert_null(other);
    w.options.epochs = 5;
    assert_int_equal(aire_searcher_evolution_new(ctx, store, &w.options, &other), AIRE_STATE);
    w.options.epochs = -1;
    assert_int_equal(aire_searcher_evolution_new(ctx, store, &w.options, &other), AIRE_INVALID);
    assert_int_equal(aire_searcher_evolution_new(NULL, store, NULL, &other), AIRE_INVALID);
    aire_store_unref(store);
}

static void test_best_of_n__ends_with_a_short_batch(void **state)
{
    aire_store *store = open_store(0);
    aire_searcher_best_of_n_options options = AIRE_SEARCHER_BEST_OF_N_OPTIONS_INIT;
    aire_searcher *searcher;
    aire_plan *plan;
    options.count = 7;
    options.batch = 3;
    assert_int_equal(aire_searcher_best_of_n_new(ctx, store, &options, &searcher), AIRE_OK);
    static const int32_t counts[] = {3, 3, 1};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(aire_searcher_ask(searcher, &plan), AIRE_OK);
        assert_int_equal(aire_plan_count(plan), counts[i]);
        assert_int_equal(aire_plan_avoid_count(plan), i);
        aire_run run = submit(store, plan, 0);
        aire__run_clear(&run);
        aire_plan_unref(plan);
    }
    assert_int_equal(aire_searcher_ask(searcher, &plan), AIRE_DONE);
    aire_searcher_unref(searcher);
    aire_store_unref(store);
}

static void assert_avoids(aire_searcher *searcher, const int64_t *ideas, size_t count)
{
    aire_plan *plan;
    assert_int_equal(aire_searcher_ask(searcher, &plan), AIRE_OK);
    assert_int_equal(aire_plan_avoid_count(plan), count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(aire_idea_id(aire_plan_avoid(plan, i)), ideas[i]);
    aire_plan_unref(plan);
}

/* By plan, also where an idea came late; ideas of the host's own are none of a plan. */
static void test_best_of_n__avoids_the_ideas_of_all_plans(void **state)
{
    static const int64_t first[] = {1, 3}, later[] = {1, 4, 3};
    aire_store *store = open_store(0);
    aire_searcher *searcher;
    aire_plan *plans[2];
    assert_int_equal(aire_searcher_best_of_n_new(ctx, store, NULL, &searcher), AIRE_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(aire_searcher_ask(searcher, &plans[i]), AIRE_OK);
        aire_run runs[2] = {submit(store, plans[i], 0)};
        if (i == 0)
            runs[1] = submit(store, NULL, 0);
        aire__run_clear(&runs[0]);
        aire__run_clear(&runs[1]);
    }
    assert_avoids(searcher, first, 2);
    aire_run late = submit(store, plans[0], 1);
    aire__run_clear(&late);
    assert_avoids(searcher, later, 3);
    aire_searcher_unref(searcher);
    assert_int_equal(aire__store_close_plan(store, 4), AIRE_OK);
    assert_int_equal(aire_searcher_best_of_n_new(ctx, store, NULL, &searcher), AIRE_OK);
    assert_avoids(searcher, later, 3);
    aire_plan_unref(plans[0]);
    aire_plan_unref(plans[1]);
    aire_searcher_unref(searcher);
    aire_store_unref(store);
}

/* ---- a searcher of the host's own: asks for as many plans as it was told results, and one more
 * ---- */

typedef struct counter {
    int told, asked;
} counter;

static aire_status counter_ask(aire_plan **out, void *data)
{
    counter *c = data;
    aire_plan_options options = AIRE_PLAN_OPTIONS_INIT;
    if (c->asked > c->told)
        return AIRE_EMPTY;
    c->asked++;
    options.kind = AIRE_PLAN_FRESH;
    options.count = 1;
    return aire_plan_new(ctx, &options, out);
}

static aire_status counter_tell(aire_result *result, void *data)
{
    ((counter *)data)->told++;
    return AIRE_OK;
}

static aire_status counter_save(char **out, void *data)
{
    *out = aire_alloc(ctx, 16);
    if (!*out)
        return aire_error_set(AIRE_NOMEM, 0, NULL);
    snprintf(*out, 16, "%d", ((counter *)data)->told);
    return AIRE_OK;
}

static aire_status counter_load(const char *saved, void *data)
{
    ((counter *)data)->told = ((counter *)data)->asked = atoi(saved);
    return AIRE_OK;
}

static void test_host_searcher__keeps_its_state(void **state)
{
    aire_searcher_ops ops = {sizeof ops,   0,   counter_ask, counter_tell, NULL, counter_save,
                             counter_load, NULL};
    counter first = {0, 0}, second = {0, 0};
    aire_store *store = open_store(0);
    aire_searcher *searcher;
    aire_plan *plan;
    assert_int_equal(aire_searcher_new_from_ops(ctx, store, "counter", &ops, &first, &searcher),
                     AIRE_OK);
    assert_int_equal(aire_searcher_ask(searcher, &plan), AIRE_OK);
    assert_int_equal(aire_plan_id(plan), 1);
    world w = {.store = store, .searcher = searcher};
    int64_t runs[4];
    size_t count = 0;
    answer(&w, plan, runs, &count);
    tell_results(&w, runs, count);
    aire_plan_unref(plan);
    aire_searcher_unref(searcher);
    assert_int_equal(first.told, 1); /* though it was told twice */
    assert_int_equal(aire_searcher_new_from_ops(ctx, store, "counter", &ops, &second, &searcher),
                     AIRE_OK);
    assert_int_equal(second.told, 1);
    aire_searcher_unref(searcher);
    ops.load = NULL;
    assert_int_equal(aire_searcher_new_from_ops(ctx, store, "counter", &ops, &second, &searcher),
                     AIRE_INVALID);
    aire_store_unref(store);
}

/* A host's searcher over the store, and a finished run that answers its first plan. */
static int64_t open_counter(world *w, const aire_searcher_ops *ops, counter *c)
{
    int64_t runs[4];
    size_t count = 0;
    *w = (world){.store = open_store(0)};
    assert_int_equal(aire_searcher_new_from_ops(ctx, w->store, "counter", ops, c, &w->searcher),
                     AIRE_OK);
    aire_plan *plan = ask_for(w, AIRE_PLAN_FRESH);
    answer(w, plan, runs, &count);
    aire_plan_unref(plan);
    return runs[0];
}

static void test_host_searcher__hears_a_result_once_however_often_telling_fails(void **state)
{
    static const aire_searcher_ops ops = {
        sizeof ops, 0, counter_ask, counter_tell, NULL, counter_save, counter_load, NULL};
    counter c = {0, 0};
    world w;
    int64_t run = open_counter(&w, &ops, &c);
    aire_result *result = read_result(&w, run);
    aire_status status = AIRE_NOMEM;
    for (long long k = 0; status == AIRE_NOMEM; k++) {
        atomic_store(&memory.countdown, k);
        status = aire_searcher_tell(w.searcher, result);
        atomic_store(&memory.countdown, -1);
        assert_true(k > 0 || status == AIRE_NOMEM);
    }
    assert_int_equal(status, AIRE_OK);
    assert_int_equal(c.told, 1);
    assert_int_equal(scalar(w.store, "SELECT count(told) FROM runs"), 1);
    aire_result_unref(result);
    close_world(&w);
}

static void test_host_searcher__a_run_of_another_store_is_refused(void **state)
{
    static const aire_searcher_ops ops = {sizeof ops, 0,    counter_ask, counter_tell,
                                          NULL,       NULL, NULL,        NULL};
    counter c = {0, 0};
    world w;
    int64_t run = open_counter(&w, &ops, &c);
    aire_result_options options = AIRE_RESULT_OPTIONS_INIT;
    aire_result *result;
    options.kind = AIRE_RUN_BASELINE;
    options.run_id = run + 1000000;
    options.outcome = AIRE_OUTCOME_CRASHED;
    assert_int_equal(aire_result_new(ctx, &options, &result), AIRE_OK);
    assert_int_equal(aire_searcher_tell(w.searcher, result), AIRE_NOT_FOUND);
    assert_message("no finished run 1000001");
    assert_int_equal(c.told, 0);
    aire_result_unref(result);
    close_world(&w);
}

/* Also where it is one that the store will have later: only its own result counts then. */
static void test_searcher__a_result_before_its_run_has_finished_is_refused(void **state)
{
    static const double rewards[] = {1, 2, 3, 4, 5, 6};
    world w;
    open_with_rewards(&w, rewards);
    int64_t id = add_run(&w, NULL, AIRE_RUN_BASELINE, 1, NAN);
    aire_run run = {.id = id, .kind = AIRE_RUN_BASELINE, .seed = 1};
    aire_result_options options = options_for(&run, AIRE_OUTCOME_OK, 1000);
    aire_result *result;
    assert_int_equal(aire_result_new(ctx, &options, &result), AIRE_OK);
    assert_int_equal(aire_searcher_tell(w.searcher, result), AIRE_NOT_FOUND);
    aire_result_unref(result);
    assert_waits(&w);
    finish(w.store, &run, AIRE_OUTCOME_OK, 4);
    tell_results(&w, &id, 1);
    assert_parents(&w, AIRE_PLAN_EXPLOIT, "....56");
    close_world(&w);
}

static void test_host_searcher__keeps_its_state_in_the_file(void **state)
{
    static const aire_searcher_ops ops = {
        sizeof ops, 0, counter_ask, counter_tell, NULL, counter_save, counter_load, NULL};
    counter first = {0, 0}, second = {0, 0};
    world w;
    int64_t run = open_counter(&w, &ops, &first);
    tell_results(&w, &run, 1);
    close_world(&w);
    w.store = open_store(0);
    assert_int_equal(
        aire_searcher_new_from_ops(ctx, w.store, "counter", &ops, &second, &w.searcher), AIRE_OK);
    assert_int_equal(second.told, 1);
    aire_plan *plan = ask_for(&w, AIRE_PLAN_FRESH);
    assert_int_equal(aire_plan_id(plan), 2);
    aire_plan_unref(plan);
    close_world(&w);
}

/* Without a saved state, a host's searcher is told anew what was told. */
static void test_host_searcher__without_a_state_is_told_again(void **state)
{
    static const aire_searcher_ops ops = {sizeof ops, 0,    counter_ask, counter_tell,
                                          NULL,       NULL, NULL,        NULL};
    counter first = {0, 0}, second = {0, 0};
    world w;
    int64_t run = open_counter(&w, &ops, &first);
    tell_results(&w, &run, 1);
    aire_searcher_unref(w.searcher);
    assert_int_equal(
        aire_searcher_new_from_ops(ctx, w.store, "counter", &ops, &second, &w.searcher), AIRE_OK);
    assert_int_equal(second.told, 1);
    tell_results(&w, &run, 1);
    assert_int_equal(second.told, 1);
    close_world(&w);
}

/* ---- a host's searcher that fails ---- */

typedef struct failure {
    aire_status ask, tell, abandon, load;
    int abandoned, destroyed;
} failure;

static aire_status failure_ask(aire_plan **out, void *data)
{
    failure *f = data;
    return f->ask == AIRE_OK ? AIRE_OK : aire_error_set(f->ask, 0, "ask failed");
}

static aire_status failure_tell(aire_result *result, void *data)
{
    return aire_error_set(((failure *)data)->tell, 0, "tell failed");
}

static aire_status failure_abandon(aire_plan *plan, void *data)
{
    failure *f = data;
    f->abandoned++;
    return f->abandon;
}

static aire_status failure_save(char **out, void *data)
{
    return AIRE_OK;
}

static aire_status failure_load(const char *saved, void *data)
{
    return ((failure *)data)->load;
}

static void failure_destroy(void *data)
{
    ((failure *)data)->destroyed++;
}

static const aire_searcher_ops failure_ops = {
    sizeof failure_ops, 0, failure_ask, failure_tell, failure_abandon, failure_save, failure_load,
    failure_destroy};

static void test_host_searcher__failures_come_back_unchanged(void **state)
{
    failure f = {.ask = AIRE_NET, .tell = AIRE_PROTOCOL, .abandon = AIRE_LIMIT};
    aire_plan *plan;
    world w = {.store = open_store(0)};
    assert_int_equal(
        aire_searcher_new_from_ops(ctx, w.store, "failing", &failure_ops, &f, &w.searcher),
        AIRE_OK);
    assert_int_equal(aire_searcher_ask(w.searcher, &plan), AIRE_NET);
    assert_message("ask failed");
    assert_null(plan);
    f.ask = AIRE_OK; /* and still no plan */
    assert_int_equal(aire_searcher_ask(w.searcher, &plan), AIRE_CALLBACK);
    int64_t run = add_run(&w, NULL, AIRE_RUN_BASELINE, 1, 1);
    aire_result *result = read_result(&w, run);
    assert_int_equal(aire_searcher_tell(w.searcher, result), AIRE_PROTOCOL);
    assert_int_equal(scalar(w.store, "SELECT count(told) FROM runs"), 0);
    aire_result_unref(result);
    plan = add_plan(w.store, 0);
    assert_int_equal(aire_searcher_abandon(w.searcher, plan), AIRE_LIMIT);
    assert_int_equal(scalar(w.store, "SELECT closed FROM plans"), 0);
    f.abandon = AIRE_OK;
    assert_int_equal(aire_searcher_abandon(w.searcher, plan), AIRE_OK);
    assert_int_equal(scalar(w.store, "SELECT closed FROM plans"), 1);
    assert_int_equal(f.abandoned, 2);
    aire_plan_unref(plan);
    close_world(&w);
    assert_int_equal(f.destroyed, 1);
}

static void test_host_searcher__a_state_that_does_not_load_is_a_failure(void **state)
{
    static const aire_searcher_ops ops = {
        sizeof ops, 0, counter_ask, counter_tell, NULL, counter_save, counter_load, NULL};
    counter c = {0, 0};
    failure f = {.load = AIRE_FORMAT};
    world w;
    int64_t run = open_counter(&w, &ops, &c);
    tell_results(&w, &run, 1);
    aire_searcher_unref(w.searcher);
    assert_int_equal(
        aire_searcher_new_from_ops(ctx, w.store, "counter", &failure_ops, &f, &w.searcher),
        AIRE_FORMAT);
    assert_null(w.searcher);
    assert_int_equal(f.destroyed, 0); /* it was not taken over */
    aire_store_unref(w.store);
}

/* ---- misuse, and no memory ---- */

static void test_searcher__misuse_is_told(void **state)
{
    aire_store *store = open_store(0);
    aire_searcher *searcher = NULL;
    aire_plan *plan = NULL;
    aire_searcher_best_of_n_options few = AIRE_SEARCHER_BEST_OF_N_OPTIONS_INIT;
    aire_searcher_evolution_options old = AIRE_SEARCHER_EVOLUTION_OPTIONS_INIT;
    few.count = -1;
    old.struct_size = 3;
    assert_int_equal(aire_searcher_best_of_n_new(ctx, store, &few, &searcher), AIRE_INVALID);
    assert_int_equal(aire_searcher_best_of_n_new(ctx, NULL, NULL, &searcher), AIRE_INVALID);
    assert_int_equal(aire_searcher_best_of_n_new(ctx, store, NULL, NULL), AIRE_INVALID);
    assert_int_equal(aire_searcher_evolution_new(ctx, store, &old, &searcher), AIRE_ABI);
    assert_int_equal(aire_searcher_new_from_ops(ctx, store, "", &failure_ops, NULL, &searcher),
                     AIRE_INVALID);
    assert_int_equal(aire_searcher_new_from_ops(ctx, store, "x", NULL, NULL, &searcher),
                     AIRE_INVALID);
    assert_null(searcher);
    assert_int_equal(aire_searcher_ask(NULL, &plan), AIRE_INVALID);
    assert_int_equal(aire_searcher_tell(NULL, NULL), AIRE_INVALID);
    assert_int_equal(aire_searcher_abandon(NULL, NULL), AIRE_INVALID);
    assert_null(aire_searcher_ref(NULL));
    aire_searcher_unref(NULL);
    assert_int_equal(aire_searcher_best_of_n_new(ctx, store, NULL, &searcher), AIRE_OK);
    assert_int_equal(aire_searcher_ask(searcher, NULL), AIRE_INVALID);
    assert_int_equal(aire_searcher_tell(searcher, NULL), AIRE_INVALID);
    assert_int_equal(aire_searcher_abandon(searcher, NULL), AIRE_INVALID);
    aire_searcher_unref(aire_searcher_ref(searcher));
    aire_searcher_unref(searcher);
    aire_store_unref(store);
}

static void test_searcher__a_store_to_read_cannot_be_searched(void **state)
{
    aire_store_unref(open_store(0));
    aire_store *store = open_store(AIRE_STORE_READ_ONLY);
    aire_searcher *searcher = NULL;
    assert_true(aire_searcher_evolution_new(ctx, store, NULL, &searcher) < 0);
    assert_null(searcher);
    aire_store_unref(store);
}

/* With everything that a searcher reads when it is made: results, and a plan to be given again. */
static aire_status make_and_ask(aire_store *store, const aire_searcher_evolution_options *options)
{
    aire_searcher *searcher;
    aire_plan *plan = NULL;
    aire_status status = aire_searcher_evolution_new(ctx, store, options, &searcher);
    if (status != AIRE_OK)
        return status;
    status = aire_searcher_ask(searcher, &plan);
    aire_plan_unref(plan);
    aire_searcher_unref(searcher);
    return status;
}

static aire_status make_best_of_n(aire_store *store)
{
    aire_searcher *searcher;
    aire_plan *plan = NULL;
    aire_status status = aire_searcher_best_of_n_new(ctx, store, NULL, &searcher);
    if (status != AIRE_OK)
        return status;
    status = aire_searcher_ask(searcher, &plan);
    aire_plan_unref(plan);
    aire_searcher_unref(searcher);
    return status;
}

static void test_searcher__fails_cleanly_without_memory(void **state)
{
    static const double rewards[] = {1, 2, 3, 4, 5, 6};
    world w;
    open_with_rewards(&w, rewards);
    int64_t baseline = add_run(&w, NULL, AIRE_RUN_BASELINE, 1, 2.5);
    tell_results(&w, &baseline, 1);
    add_run(&w, NULL, AIRE_RUN_BASELINE, 2, NAN); /* so that it looks at what runs */
    aire_searcher_unref(w.searcher);
    assert_int_equal(make_and_ask(w.store, &w.options), AIRE_EMPTY);
    aire_run run = {.id = 8, .kind = AIRE_RUN_BASELINE, .seed = 2};
    finish(w.store, &run, AIRE_OUTCOME_CRASHED, 0);
    tell(w.store, 8, true);
    aire_idea *own = new_idea(NULL, 0);
    add_run(&w, own, AIRE_RUN_CONFIRM, 3, NAN); /* the same, and it does not wait */
    aire_idea_unref(own);
    OOM_LOOP(&memory, make_and_ask(w.store, &w.options), (void)0);
    OOM_LOOP(&memory, make_and_ask(w.store, &w.options), (void)0); /* the plan again */
    aire_store_unref(w.store);
}

static void test_best_of_n__fails_cleanly_without_memory(void **state)
{
    aire_store *store = open_store(0);
    aire_searcher *searcher;
    aire_plan *plan;
    assert_int_equal(aire_searcher_best_of_n_new(ctx, store, NULL, &searcher), AIRE_OK);
    assert_int_equal(aire_searcher_ask(searcher, &plan), AIRE_OK);
    aire_run run = submit(store, plan, 0);
    aire__run_clear(&run);
    assert_int_equal(aire_searcher_abandon(searcher, plan), AIRE_OK);
    aire_plan_unref(plan);
    aire_searcher_unref(searcher);
    OOM_LOOP(&memory, make_best_of_n(store), (void)0); /* one idea to avoid */
    aire_store_unref(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_evolution__follows_the_papers_schedule),
        STORE_TEST(test_evolution__batches_are_whole),
        STORE_TEST(test_evolution__samples_what_it_should),
        STORE_TEST(test_evolution__order_of_results_changes_nothing),
        STORE_TEST(test_evolution__time_of_results_changes_nothing),
        STORE_TEST(test_evolution__each_plan_has_a_sample_of_its_own),
        STORE_TEST(test_evolution__restarts_change_nothing),
        STORE_TEST(test_evolution__restarts_and_order_together_change_nothing),
        STORE_TEST(test_evolution__takes_the_seed_of_the_context),
        STORE_TEST(test_evolution__seed_decides),
        STORE_TEST(test_evolution__nothing_to_exploit_is_explored),
        STORE_TEST(test_evolution__nothing_to_explore_is_fresh),
        STORE_TEST(test_evolution__exploits_what_is_strictly_better),
        STORE_TEST(test_evolution__beats_the_mean_baseline),
        STORE_TEST(test_evolution__without_a_baseline_any_reward_will_do),
        STORE_TEST(test_evolution__an_epoch_waits_for_baselines_and_ideas_of_the_host),
        STORE_TEST(test_evolution__what_is_told_within_an_epoch_counts_as_after_a_restart),
        STORE_TEST(test_evolution__an_idea_of_an_unnumbered_plan_belongs_to_the_past),
        STORE_TEST(test_evolution__parents_from_before_a_restart_are_whole),
        STORE_TEST(test_evolution__confirming_runs_change_nothing),
        STORE_TEST(test_searcher__gives_an_unanswered_plan_again),
        STORE_TEST(test_searcher__a_search_that_ended_stays_ended),
        STORE_TEST(test_searcher__a_plan_that_was_left_behind_is_not_given_again),
        STORE_TEST(test_searcher__a_store_holds_one_search),
        STORE_TEST(test_best_of_n__ends_with_a_short_batch),
        STORE_TEST(test_best_of_n__avoids_the_ideas_of_all_plans),
        STORE_TEST(test_host_searcher__keeps_its_state),
        STORE_TEST(test_host_searcher__keeps_its_state_in_the_file),
        STORE_TEST(test_host_searcher__hears_a_result_once_however_often_telling_fails),
        STORE_TEST(test_host_searcher__a_run_of_another_store_is_refused),
        STORE_TEST(test_searcher__a_result_before_its_run_has_finished_is_refused),
        STORE_TEST(test_host_searcher__without_a_state_is_told_again),
        STORE_TEST(test_host_searcher__failures_come_back_unchanged),
        STORE_TEST(test_host_searcher__a_state_that_does_not_load_is_a_failure),
        STORE_TEST(test_searcher__misuse_is_told),
        STORE_TEST(test_searcher__a_store_to_read_cannot_be_searched),
        STORE_TEST(test_searcher__fails_cleanly_without_memory),
        STORE_TEST(test_best_of_n__fails_cleanly_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
