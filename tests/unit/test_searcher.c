/* The searcher room: the paper's schedule, what is sampled, and that neither order nor restarts
 * change a decision. */
#include "support/store.h"

#include "aire/searcher.h"

/* A search without ideator and executor: ideas and results are made here, the reward from the
 * idea's number. */
typedef struct world {
    aire_store *store;
    aire_searcher *searcher;
    aire_searcher_evolution_options options;
    bool reopen;    /* drop everything and open it again at every step */
    bool backwards; /* tell results in reverse */
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

static void note(world *w, const char *format, ...)
{
    va_list args;
    size_t length = strlen(w->trace);
    va_start(args, format);
    vsnprintf(w->trace + length, sizeof w->trace - length, format, args);
    va_end(args);
}

static void note_plan(world *w, const aire_plan *plan)
{
    note(w, "%s e%d n%d parents", aire_plan_kind_name(aire_plan_kind(plan)), aire_plan_epoch(plan),
         aire_plan_count(plan));
    for (size_t i = 0; i < aire_plan_parent_count(plan); i++)
        note(w, " %lld", (long long)aire_idea_id(aire_result_idea(aire_plan_parent(plan, i))));
    note(w, " avoid");
    for (size_t i = 0; i < aire_plan_avoid_count(plan); i++)
        note(w, " %lld", (long long)aire_idea_id(aire_plan_avoid(plan, i)));
    note(w, "\n");
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
    for (int32_t i = 0; i < aire_plan_count(plan); i++) {
        aire_run run = submit(w->store, plan, i);
        finish_run(w, &run);
        runs[(*count)++] = run.id;
        aire__run_clear(&run);
    }
}

/* The whole search, told when the searcher waits for it. */
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
        step(w);
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
        snprintf(line, sizeof line, "%.*s", (int)strcspn(text, "\n"), text);
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
    assert_int_equal(aire__fs_remove_tree(ctx, path), AIRE_OK);
    assert_int_equal(aire__fs_remove_tree(ctx, at("s.db-wal")), AIRE_OK);
    assert_int_equal(aire__fs_remove_tree(ctx, at("s.db-shm")), AIRE_OK);
    run_world(other);
    assert_string_equal(plain.trace, other->trace);
}

static void test_evolution__order_of_results_changes_nothing(void **state)
{
    world w = small_world();
    w.backwards = true;
    compare_worlds(&w);
}

static void test_evolution__restarts_change_nothing(void **state)
{
    world w = small_world();
    w.reopen = true;
    compare_worlds(&w);
}

static void test_evolution__seed_decides(void **state)
{
    world a = small_world(), b = small_world();
    a.options.seed = 1;
    b.options.seed = 2;
    run_world(&a);
    aire__fs_remove_tree(ctx, path);
    aire__fs_remove_tree(ctx, at("s.db-wal"));
    aire__fs_remove_tree(ctx, at("s.db-shm"));
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
    const int32_t counts[] = {3, 3, 1};
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

static aire_status make_and_ask(aire_store *store)
{
    aire_searcher *searcher;
    aire_plan *plan = NULL;
    aire_status status = aire_searcher_evolution_new(ctx, store, NULL, &searcher);
    if (status != AIRE_OK)
        return status;
    status = aire_searcher_ask(searcher, &plan);
    aire_plan_unref(plan);
    aire_searcher_unref(searcher);
    return status;
}

static void test_searcher__fails_cleanly_without_memory(void **state)
{
    world w = small_world();
    memset(&w.options, 0, sizeof w.options);
    w.options.struct_size = sizeof w.options;
    open_world(&w);
    tell_baseline(&w, 0);
    aire_searcher_unref(w.searcher);
    OOM_LOOP(&memory, make_and_ask(w.store), (void)0);
    aire_store_unref(w.store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_evolution__follows_the_papers_schedule),
        STORE_TEST(test_evolution__samples_what_it_should),
        STORE_TEST(test_evolution__order_of_results_changes_nothing),
        STORE_TEST(test_evolution__restarts_change_nothing),
        STORE_TEST(test_evolution__seed_decides),
        STORE_TEST(test_evolution__nothing_to_exploit_is_explored),
        STORE_TEST(test_searcher__gives_an_unanswered_plan_again),
        STORE_TEST(test_searcher__a_store_holds_one_search),
        STORE_TEST(test_best_of_n__ends_with_a_short_batch),
        STORE_TEST(test_host_searcher__keeps_its_state),
        STORE_TEST(test_searcher__fails_cleanly_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
