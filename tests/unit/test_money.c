/* Prices and budgets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aire/error.h"
#include "aire/model.h"
#include "base/fs.h"
#include "base/rng.h"
#include "model/budget.h"
#include "model/prices.h"
#include "support/failing.h"

static failing memory;
static aire_ctx *ctx;

static const char *message(void)
{
    return aire_error_message(aire_last_error());
}

static bool near(double a, double b)
{
    return fabs(a - b) <= 1e-12 * fmax(fabs(b), 1);
}

#define FILE_OF(prices) "{\"currency\": \"USD\", \"unit\": 1000000, \"prices\": [" prices "]}"
#define WHEN ", \"date\": \"2026-01-02\", \"source\": \"https://x\"}"

static aire_status parse(const char *text, aire_prices **out)
{
    return aire__prices_parse(ctx, text, strlen(text), "p.json", out);
}

static aire_prices *sample(void)
{
    aire_prices *prices;
    assert_int_equal(
        parse(
            FILE_OF("{\"provider\": \"a\", \"model\": \"big\", \"input\": 4, \"cached\": 1, "
                    "\"output\": 10, \"thinking\": 20" WHEN
                    ",{\"provider\": \"a\", \"model\": \"big-mini\", \"input\": 1, \"output\": 2, "
                    "\"long\": {\"above\": 100, \"input\": 2, \"output\": 4}" WHEN
                    ",{\"provider\": \"a\", \"model\": \"old*\", \"input\": 3, \"output\": 3" WHEN
                    ",{\"provider\": \"d\", \"host\": \"api.d.com\", \"model\": \"chat\", "
                    "\"input\": 0, \"output\": 0" WHEN),
            &prices),
        AIRE_OK);
    return prices;
}

static double input_price(const aire_prices *prices, const char *provider, const char *host,
                          const char *model)
{
    const aire_price *price = aire__prices_find(prices, provider, host, model);
    return price ? price->rates.input : -1;
}

static void test_prices__are_found_by_name_and_version(void **state)
{
    aire_prices *prices = sample();
    assert_true(input_price(prices, "a", NULL, "big") == 4);
    assert_true(input_price(prices, "a", NULL, "big-20250929") == 4);
    assert_true(input_price(prices, "a", NULL, "big@20250929") == 4);
    assert_true(input_price(prices, "a", NULL, "big-2025-08-07") == 4);
    assert_true(input_price(prices, "a", NULL, "big-latest") == 4);
    assert_true(input_price(prices, "a", NULL, "big-mini") == 1);
    assert_true(input_price(prices, "a", NULL, "big-mini-20250929") == 1);
    assert_true(input_price(prices, "a", NULL, "older-than-that") == 3);
    assert_true(input_price(prices, "chat", "api.d.com", "chat") == 0);
    aire__prices_free(prices);
}

static void test_prices__are_never_guessed(void **state)
{
    static const char *const names[] = {"big-2",       "bigger",        "big-5",         "big-nano",
                                        "big-2025092", "big-2025-08-7", "big-202509290", "",
                                        "BIG",         "big-mini-2"};
    aire_prices *prices = sample();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_true(input_price(prices, "a", NULL, names[i]) == -1);
    assert_true(input_price(prices, "b", NULL, "big") == -1);
    assert_true(input_price(prices, "chat", NULL, "chat") == -1);
    assert_true(input_price(prices, "chat", "api.d.com.evil", "chat") == -1);
    const aire_token_usage usage = {1000, 1000, 0, 0};
    assert_true(aire__price_cost(NULL, &usage) < 0);
    aire__prices_free(prices);
}

static void test_prices__cost_is_right(void **state)
{
    aire_prices *prices = sample();
    const aire_price *big = aire__prices_find(prices, "a", NULL, "big");
    const aire_price *mini = aire__prices_find(prices, "a", NULL, "big-mini");
    /* 600 fresh at 4, 400 cached at 1, 150 said at 10, 50 thought at 20, of a million. */
    assert_true(near(aire__price_cost(big, &(aire_token_usage){1000, 200, 400, 50}),
                     (600 * 4 + 400 * 1 + 150 * 10 + 50 * 20) / 1e6));
    /* More cached or thought than there was: no negative amounts. */
    assert_true(near(aire__price_cost(big, &(aire_token_usage){10, 10, 99, 99}), (10 + 200) / 1e6));
    /* Up to the threshold, and beyond it. */
    assert_true(near(aire__price_cost(mini, &(aire_token_usage){100, 10, 0, 0}), 120 / 1e6));
    assert_true(near(aire__price_cost(mini, &(aire_token_usage){101, 10, 0, 0}), 242 / 1e6));
    /* Cached and thinking tokens cost what others do unless it is said. */
    assert_true(near(aire__price_cost(mini, &(aire_token_usage){100, 10, 100, 10}), 120 / 1e6));
    assert_true(aire__price_cost(big, &(aire_token_usage){0, 0, 0, 0}) < 0);
    assert_true(aire__price_cost(big, &(aire_token_usage){-1, 5, 0, 0}) < 0);
    aire__prices_free(prices);
}

static void test_prices__mistakes_are_named(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"[]", "p.json: expected an object with an array"},
        {"{\"prices\": []}", "\"currency\": \"USD\""},
        {"{\"currency\": \"EUR\", \"unit\": 1000000, \"prices\": []}", "USD"},
        {"{\"currency\": \"USD\", \"unit\": 1000, \"prices\": []}", "1000000"},
        {FILE_OF("1"), "expected objects"},
        {FILE_OF("{\"provider\": \"a\", \"input\": 1}"), "\"model\""},
        {FILE_OF("{\"model\": \"m\", \"input\": 1, \"output\": 1" WHEN), "\"provider\""},
        {FILE_OF("{\"provider\": \"a\", \"model\": \"m\", \"output\": 1" WHEN), "\"input\""},
        {FILE_OF("{\"provider\": \"a\", \"model\": \"m\", \"input\": -1, \"output\": 1" WHEN),
         "price of \"m\": \"input\""},
        {FILE_OF("{\"provider\": \"a\", \"model\": \"m\", \"input\": \"1\", \"output\": 1" WHEN),
         "a number"},
        {FILE_OF("{\"provider\": \"a\", \"model\": \"m\", \"input\": 1, \"output\": 1}"),
         "\"date\""},
        {FILE_OF("{\"provider\": \"a\", \"model\": \"m\", \"input\": 1, \"output\": 1, "
                 "\"date\": \"May 2026\", \"source\": \"x\"}"),
         "such as 2026-11-28"},
        {FILE_OF("{\"provider\": \"a\", \"model\": \"m\", \"input\": 1, \"output\": 1, "
                 "\"date\": \"2026-01-02\"}"),
         "\"source\""},
        {FILE_OF("{\"provider\": \"a\", \"model\": \"m\", \"input\": 1, \"output\": 1, "
                 "\"long\": {\"input\": 1, \"output\": 1}" WHEN),
         "\"above\""},
        {FILE_OF("{\"provider\": \"a\", \"model\": \"m\", \"input\": 1, \"output\": 1" WHEN
                 ",{\"provider\": \"a\", \"model\": \"m\", \"input\": 1, \"output\": 1" WHEN),
         "twice"},
    };
    aire_prices *prices = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(parse(cases[i].text, &prices), AIRE_FORMAT);
        assert_null(prices);
        if (!strstr(message(), cases[i].words))
            fail_msg("case %zu: %s", i, message());
    }
    assert_int_equal(aire__prices_load(ctx, "/no/such/prices.json", &prices), AIRE_NOT_FOUND);
}

/* What is shipped can be read, and knows the models that people use. */
static void test_prices__that_are_shipped_are_valid(void **state)
{
    static const struct {
        const char *provider, *host, *model;
    } known[] = {
        {"anthropic", NULL, "claude-opus-4-5-20251101"}, {"anthropic", NULL, "claude-sonnet-5-5"},
        {"openai", NULL, "gpt-5-mini-2025-08-07"},       {"gemini", NULL, "gemini-2.5-flash"},
        {"chat", "api.deepseek.com", "deepseek-flash"},
    };
    char path[4096];
    const char *tests = getenv("AIRE_TESTS");
    aire_prices *prices;
    snprintf(path, sizeof path, "%s/../lib/model/prices.json", tests ? tests : "tests");
    assert_int_equal(aire__prices_load(ctx, path, &prices), AIRE_OK);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const aire_price *p =
            aire__prices_find(prices, known[i].provider, known[i].host, known[i].model);
        assert_non_null(p);
        assert_true(p->rates.cached <= p->rates.input && p->rates.input <= p->rates.output);
        assert_true(!p->long_above || p->long_rates.input >= p->rates.input);
    }
    assert_null(aire__prices_find(prices, "anthropic", NULL, "claude-opus-9"));
    assert_null(aire__prices_find(prices, "gemini", NULL, "gemini-2.5-flash-lite"));
    aire__prices_free(prices);
}

static aire_status parse_sample(aire_prices **out)
{
    return parse(
        FILE_OF("{\"provider\": \"a\", \"host\": \"h\", \"model\": \"m\", \"input\": 1, "
                "\"output\": 1" WHEN
                ",{\"provider\": \"a\", \"model\": \"n\", \"input\": 1, \"output\": 1" WHEN),
        out);
}

static void test_prices__survive_any_failed_allocation(void **state)
{
    aire_prices *prices;
    OOM_LOOP(&memory, parse_sample(&prices), aire__prices_free(prices));
}

static aire_budget *make_budget(double dollars, int64_t tokens, int64_t calls)
{
    aire_budget_options options = AIRE_BUDGET_OPTIONS_INIT;
    aire_budget *budget;
    options.dollars = dollars;
    options.tokens = tokens;
    options.calls = calls;
    assert_int_equal(aire_budget_new(ctx, &options, &budget), AIRE_OK);
    return budget;
}

static aire_spending spending(aire_budget *budget)
{
    aire_spending s = {.struct_size = sizeof s};
    assert_int_equal(aire_budget_spending(budget, &s), AIRE_OK);
    return s;
}

/* By a table in a file, without a client. */
static void test_cost__is_that_of_the_table(void **state)
{
    char path[] = "/tmp/aire-prices-XXXXXX";
    const char *text = FILE_OF("{\"provider\": \"anthropic\", \"model\": \"big\", \"input\": 4, "
                               "\"output\": 10" WHEN
                               ",{\"provider\": \"chat\", \"host\": \"api.d.com\", \"model\": "
                               "\"c\", \"input\": 1, \"output\": 2" WHEN);
    int fd = mkstemp(path);
    double dollars = -7;
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    assert_int_equal(aire_model_cost(ctx, "anthropic:big", path, 1000000, 500000, &dollars),
                     AIRE_OK);
    assert_true(near(dollars, 9));
    assert_int_equal(aire_model_cost(ctx, "anthropic:big", path, 0, 0, &dollars), AIRE_OK);
    assert_true(dollars == 0);
    assert_int_equal(
        aire_model_cost(ctx, "chat:c@https://api.d.com/v1", path, 1000000, 0, &dollars), AIRE_OK);
    assert_true(near(dollars, 1));
    dollars = -7;
    assert_int_equal(aire_model_cost(ctx, "anthropic:small", path, 1, 1, &dollars), AIRE_NOT_FOUND);
    assert_non_null(strstr(message(), "small"));
    assert_int_equal(aire_model_cost(ctx, "replay:/x", path, 1, 1, &dollars), AIRE_NOT_FOUND);
    assert_int_equal(aire_model_cost(ctx, "anthropic:big", "/no/such", 1, 1, &dollars),
                     AIRE_NOT_FOUND);
    assert_int_equal(aire_model_cost(ctx, "who:big", path, 1, 1, &dollars), AIRE_INVALID);
    assert_int_equal(aire_model_cost(ctx, "anthropic:big", path, -1, 1, &dollars), AIRE_INVALID);
    assert_true(dollars == -7);
    OOM_LOOP(&memory, aire_model_cost(ctx, "anthropic:big", path, 1, 1, &dollars), (void)0);
    unlink(path);
}

static void test_budget__counts_what_is_spent_and_in_flight(void **state)
{
    aire_budget *budget = make_budget(0, 0, 0);
    const aire_reservation a = {100, 50, 0.5}, b = {10, 5, 0.25};
    assert_int_equal(aire__budget_reserve(budget, &a), AIRE_OK);
    assert_int_equal(aire__budget_reserve(budget, &b), AIRE_OK);
    aire_spending s = spending(budget);
    assert_true(s.flying_calls == 2 && s.flying_tokens == 165 && s.flying_dollars == 0.75);
    assert_true(s.calls == 0 && s.dollars == 0);
    aire__budget_settle(budget, &a, &(aire_token_usage){90, 70, 0, 0}, 0.625);
    aire__budget_release(budget, &b);
    s = spending(budget);
    assert_true(s.calls == 1 && s.input_tokens == 90 && s.output_tokens == 70 &&
                s.dollars == 0.625);
    assert_true(s.flying_calls == 0 && s.flying_tokens == 0 && s.flying_dollars == 0);
    aire_budget_unref(budget);
}

static void test_budget__what_is_not_known_is_spent_as_estimated(void **state)
{
    aire_budget *budget = make_budget(0, 0, 0);
    const aire_reservation r = {100, 50, 0.5};
    assert_int_equal(aire__budget_reserve(budget, &r), AIRE_OK);
    aire__budget_settle(budget, &r, &(aire_token_usage){0, 0, 0, 0}, -1);
    aire_spending s = spending(budget);
    assert_true(s.input_tokens == 100 && s.output_tokens == 50 && s.dollars == 0.5);
    aire_budget_unref(budget);
}

static void test_budget__says_which_limit(void **state)
{
    const aire_reservation r = {60, 40, 1};
    const aire_token_usage used = {60, 40, 0, 0};
    static const char *const words[] = {
        "the budget of 2.5 dollars does not allow for 1 more: 1 are spent, 1 are in flight in 1 "
        "calls",
        "the budget of 250 tokens does not allow for 100 more: 100 are spent, 100 are in flight in "
        "1 calls",
        "the budget of 2 calls is used: 1 were made, 1 are in flight"};
    for (int i = 0; i < 3; i++) {
        aire_budget *budget = make_budget(i == 0 ? 2.5 : 0, i == 1 ? 250 : 0, i == 2 ? 2 : 0);
        assert_int_equal(aire__budget_reserve(budget, &r), AIRE_OK);
        aire__budget_settle(budget, &r, &used, 1);
        assert_int_equal(aire__budget_reserve(budget, &r), AIRE_OK);
        assert_int_equal(aire__budget_reserve(budget, &r), AIRE_LIMIT);
        assert_string_equal(message(), words[i]);
        aire__budget_settle(budget, &r, &used, 1);
        assert_int_equal(aire__budget_reserve(budget, &r), AIRE_LIMIT);
        aire_budget_unref(budget);
    }
}

static void test_budget__dollars_need_a_price(void **state)
{
    aire_budget *dollars = make_budget(1, 0, 0), *tokens = make_budget(0, 9, 0);
    const aire_price price = {.rates = {1, 1, 1, 1}};
    assert_int_equal(aire__budget_check_price(dollars, NULL, "chat:m@http://h"), AIRE_INVALID);
    assert_non_null(strstr(message(), "chat:m@http://h"));
    assert_int_equal(aire__budget_check_price(dollars, &price, "m"), AIRE_OK);
    assert_int_equal(aire__budget_check_price(tokens, NULL, "m"), AIRE_OK);
    assert_int_equal(aire__budget_check_price(NULL, NULL, "m"), AIRE_OK);
    aire_budget_unref(dollars);
    aire_budget_unref(tokens);
}

static void test_budget__sums_do_not_overflow(void **state)
{
    aire_budget *budget = make_budget(0, INT64_MAX - 1, 0);
    const aire_reservation r = {INT64_MAX, INT64_MAX, 0}, small = {1, 0, 0};
    assert_int_equal(aire__budget_reserve(budget, &r), AIRE_LIMIT);
    assert_int_equal(aire__budget_reserve(budget, &small), AIRE_OK);
    aire__budget_settle(budget, &small, &(aire_token_usage){INT64_MAX, INT64_MAX, 0, 0}, 0);
    assert_int_equal(aire__budget_reserve(budget, &small), AIRE_LIMIT);
    aire_budget_unref(budget);
}

/* Many threads, random calls: estimates are bounds in the first round, and too low in the second.
 */

enum { THREADS = 8, ROUNDS = 4000, EXCESS = 30 };

typedef struct spender {
    aire_budget *budget;
    uint64_t number;
    int64_t excess;
    int64_t tokens, calls; /* what it used */
    int64_t worst;         /* the most it saw spent and in flight */
} spender;

static void *spend(void *arg)
{
    spender *me = arg;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        aire_rng rng;
        aire__rng_init(&rng, me->number, "spend", i);
        const aire_reservation r = {(int64_t)aire__rng_below(&rng, 50),
                                    1 + (int64_t)aire__rng_below(&rng, 50), 0};
        if (aire__budget_reserve(me->budget, &r) != AIRE_OK)
            continue;
        aire_spending s = {.struct_size = sizeof s};
        if (aire_budget_spending(me->budget, &s) == AIRE_OK) {
            int64_t seen = s.input_tokens + s.output_tokens + s.flying_tokens;
            me->worst = seen > me->worst ? seen : me->worst;
        }
        if (aire__rng_below(&rng, 4) == 0) {
            aire__budget_release(me->budget, &r);
            continue;
        }
        aire_token_usage used = {r.input, 1 + (int64_t)aire__rng_below(&rng, (uint64_t)r.output), 0,
                                 0};
        used.output += me->excess;
        aire__budget_settle(me->budget, &r, &used, -1);
        me->tokens += used.input + used.output;
        me->calls++;
    }
    return NULL;
}

static void spend_all(int64_t limit, int64_t excess)
{
    aire_budget *budget = make_budget(0, limit, 0);
    spender spenders[THREADS];
    pthread_t threads[THREADS];
    int64_t tokens = 0, calls = 0;
    for (uint64_t i = 0; i < THREADS; i++) {
        spenders[i] = (spender){.budget = budget, .number = i + (uint64_t)limit, .excess = excess};
        assert_int_equal(pthread_create(&threads[i], NULL, spend, &spenders[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        tokens += spenders[i].tokens;
        calls += spenders[i].calls;
        /* What is in flight when the last one is let through may exceed its estimates, no more. */
        assert_true(spenders[i].worst <= limit + THREADS * excess);
    }
    aire_spending s = spending(budget);
    assert_true(s.input_tokens + s.output_tokens == tokens && s.calls == calls);
    assert_true(s.flying_calls == 0 && s.flying_tokens == 0);
    assert_true(tokens <= limit + THREADS * excess);
    assert_true(tokens > limit - 100); /* and it is used */
    aire_budget_unref(budget);
}

static void test_budget__is_exceeded_only_by_what_was_in_flight(void **state)
{
    for (int64_t limit = 1000; limit <= 200000; limit = limit * 5 + 7) {
        spend_all(limit, 0);
        spend_all(limit, EXCESS);
    }
}

static aire_status new_budget(aire_budget **out)
{
    return aire_budget_new(ctx, NULL, out);
}

static void test_budget__arguments_and_memory(void **state)
{
    aire_budget_options options = AIRE_BUDGET_OPTIONS_INIT;
    aire_budget *budget = NULL;
    aire_spending s = {.struct_size = 3};
    OOM_LOOP(&memory, new_budget(&budget), aire_budget_unref(budget));
    options.dollars = -1;
    assert_int_equal(aire_budget_new(ctx, &options, &budget), AIRE_INVALID);
    options.dollars = NAN;
    assert_int_equal(aire_budget_new(ctx, &options, &budget), AIRE_INVALID);
    options.dollars = INFINITY;
    assert_int_equal(aire_budget_new(ctx, &options, &budget), AIRE_INVALID);
    options = (aire_budget_options)AIRE_BUDGET_OPTIONS_INIT;
    options.tokens = -1;
    assert_int_equal(aire_budget_new(ctx, &options, &budget), AIRE_INVALID);
    assert_null(budget);
    assert_int_equal(aire_budget_new(NULL, NULL, &budget), AIRE_INVALID);
    assert_int_equal(aire_budget_new(ctx, NULL, NULL), AIRE_INVALID);
    options.struct_size = 3;
    assert_int_equal(aire_budget_new(ctx, &options, &budget), AIRE_ABI);
    budget = make_budget(0, 0, 1);
    assert_int_equal(aire_budget_spending(budget, &s), AIRE_ABI);
    assert_int_equal(aire_budget_spending(budget, NULL), AIRE_INVALID);
    aire_budget_unref(aire_budget_ref(budget));
    aire_budget_unref(budget);
    aire_budget_unref(NULL);
    assert_null(aire_budget_ref(NULL));
}

static int set_up(void **state)
{
    ctx = failing_ctx(&memory, 1);
    return 0;
}

static int tear_down(void **state)
{
    aire_ctx_unref(ctx);
    return atomic_load(&memory.live) == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prices__are_found_by_name_and_version),
        cmocka_unit_test(test_prices__are_never_guessed),
        cmocka_unit_test(test_prices__cost_is_right),
        cmocka_unit_test(test_prices__mistakes_are_named),
        cmocka_unit_test(test_prices__that_are_shipped_are_valid),
        cmocka_unit_test(test_prices__survive_any_failed_allocation),
        cmocka_unit_test(test_cost__is_that_of_the_table),
        cmocka_unit_test(test_budget__counts_what_is_spent_and_in_flight),
        cmocka_unit_test(test_budget__what_is_not_known_is_spent_as_estimated),
        cmocka_unit_test(test_budget__says_which_limit),
        cmocka_unit_test(test_budget__dollars_need_a_price),
        cmocka_unit_test(test_budget__sums_do_not_overflow),
        cmocka_unit_test(test_budget__is_exceeded_only_by_what_was_in_flight),
        cmocka_unit_test(test_budget__arguments_and_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
