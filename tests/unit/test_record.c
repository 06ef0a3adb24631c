/* The record room: plans, ideas, patches, results and model calls as values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "aire/error.h"
#include "aire/idea.h"
#include "aire/model_call.h"
#include "aire/patch.h"
#include "aire/plan.h"
#include "base/str.h"
#include "record/results.h"
#include "support/failing.h"

static failing memory;
static aire_ctx *ctx;

static int setup(void **state)
{
    ctx = failing_ctx(&memory, 7);
    return 0;
}

static int teardown(void **state)
{
    assert_int_equal(atomic_load(&memory.live), 1); /* the context itself */
    aire_ctx_unref(ctx);
    return atomic_load(&memory.live) == 0 ? 0 : -1;
}

static void assert_message(const char *part)
{
    const char *message = aire_error_message(aire_last_error());
    if (!strstr(message, part))
        fail_msg("\"%s\" is not in \"%s\"", part, message);
}

/* ---- makers ---- */

static aire_patch *new_patch(const char *text)
{
    aire_patch *patch = NULL;
    assert_int_equal(aire_patch_new(ctx, AIRE_PATCH_UNIFIED, text, strlen(text), &patch), AIRE_OK);
    return patch;
}

static aire_plan *new_plan(aire_result *parent, aire_idea *avoid)
{
    aire_plan_options options = AIRE_PLAN_OPTIONS_INIT;
    aire_plan *plan = NULL;
    options.kind = AIRE_PLAN_EXPLOIT;
    options.id = 3;
    options.epoch = 2;
    options.count = 10;
    options.parents = &parent;
    options.parent_count = parent ? 1 : 0;
    options.avoid = &avoid;
    options.avoid_count = avoid ? 1 : 0;
    assert_int_equal(aire_plan_new(ctx, &options, &plan), AIRE_OK);
    return plan;
}

static aire_status make_idea(aire_plan *plan, aire_patch *patch, aire_idea **out)
{
    static const int64_t parents[] = {4, INT64_MAX};
    aire_idea_options options = AIRE_IDEA_OPTIONS_INIT;
    options.ordinal = 5;
    options.id = 12;
    options.plan = plan;
    options.title = "Wärme\nfirst";
    options.text = "Warm up longer.\n\"Quoted\" \\ \t and \xf0\x9f\x94\xa5";
    options.changes = "warmup = 200";
    options.reasoning = "Because.";
    options.origin = "knobs";
    options.parents = parents;
    options.parent_count = 2;
    options.patch = patch;
    return aire_idea_new(ctx, &options, out);
}

static aire_idea *new_idea(aire_plan *plan, aire_patch *patch)
{
    aire_idea *idea = NULL;
    assert_int_equal(make_idea(plan, patch, &idea), AIRE_OK);
    return idea;
}

static const aire_metric two_metrics[] = {{"val_loss", 3.2500000000000004}, {"ε", -1e-300}};
static const aire_usage one_usage[] = {{sizeof(aire_usage), AIRE_STAGE_RUN, 3100, 2900, 40,
                                        INT64_C(5000000000), INT64_C(6000000000), 7,
                                        INT64_C(80000000000), 9}};

static aire_result_options ok_options(aire_idea *idea, aire_patch *patch)
{
    aire_result_options options = AIRE_RESULT_OPTIONS_INIT;
    options.kind = AIRE_RUN_IDEA;
    options.run_id = 9;
    options.seed = UINT64_MAX - 1;
    options.idea = idea;
    options.outcome = AIRE_OUTCOME_OK;
    options.stage = AIRE_STAGE_EVALUATE;
    options.cause = AIRE_CAUSE_NONE;
    options.trust = AIRE_TRUST_EVALUATED;
    options.attempts = 2;
    options.reward = 0.1;
    options.metrics = two_metrics;
    options.metric_count = 2;
    options.usage = one_usage;
    options.usage_count = 1;
    options.patch = patch;
    options.variant = "00ff";
    options.log_tail = "step 1\nbroken \xff\xfe bytes\n";
    return options;
}

static aire_result *new_result(aire_idea *idea, aire_patch *patch)
{
    aire_result_options options = ok_options(idea, patch);
    aire_result *result = NULL;
    assert_int_equal(aire_result_new(ctx, &options, &result), AIRE_OK);
    return result;
}

/* ---- patches ---- */

static void test_patch__keeps_bytes_as_they_are(void **state)
{
    static const char bytes[] = "a\0b\xff";
    aire_patch *patch = NULL;
    assert_int_equal(aire_patch_new(ctx, AIRE_PATCH_UNIFIED, bytes, sizeof(bytes) - 1, &patch),
                     AIRE_OK);
    assert_int_equal(aire_patch_format(patch), AIRE_PATCH_UNIFIED);
    assert_int_equal(aire_patch_length(patch), 4);
    assert_memory_equal(aire_patch_text(patch), bytes, 5);
    assert_ptr_equal(aire_patch_ref(patch), patch);
    aire_patch_unref(patch);
    aire_patch_unref(patch);
    aire_patch_unref(NULL);
}

static void test_patch__refuses_what_it_cannot_hold(void **state)
{
    aire_patch *patch = (aire_patch *)1;
    assert_int_equal(aire_patch_new(ctx, 77, "x", 1, &patch), AIRE_INVALID);
    assert_null(patch);
    assert_message("77");
    assert_int_equal(
        aire_patch_new(ctx, AIRE_PATCH_UNIFIED, "x", (size_t)AIRE_PATCH_TEXT_MAX + 1, &patch),
        AIRE_LIMIT);
    assert_int_equal(aire_patch_new(ctx, AIRE_PATCH_UNIFIED, NULL, 1, &patch), AIRE_INVALID);
    assert_int_equal(aire_patch_new(NULL, AIRE_PATCH_UNIFIED, "x", 1, &patch), AIRE_INVALID);
    assert_int_equal(aire_patch_new(ctx, AIRE_PATCH_UNIFIED, "x", 1, NULL), AIRE_INVALID);
    assert_int_equal(aire_patch_new(ctx, AIRE_PATCH_UNIFIED, NULL, 0, &patch), AIRE_OK);
    assert_string_equal(aire_patch_text(patch), "");
    aire_patch_unref(patch);
}

/* ---- plans ---- */

static void test_plan__gives_back_what_it_was_made_of(void **state)
{
    aire_result *parent = new_result(NULL, NULL);
    aire_idea *avoid = new_idea(NULL, NULL);
    aire_plan *plan = new_plan(parent, avoid);
    assert_int_equal(aire_plan_kind(plan), AIRE_PLAN_EXPLOIT);
    assert_int_equal(aire_plan_id(plan), 3);
    assert_int_equal(aire_plan_epoch(plan), 2);
    assert_int_equal(aire_plan_count(plan), 10);
    assert_int_equal(aire_plan_parent_count(plan), 1);
    assert_ptr_equal(aire_plan_parent(plan, 0), parent);
    assert_null(aire_plan_parent(plan, 1));
    assert_int_equal(aire_plan_avoid_count(plan), 1);
    assert_ptr_equal(aire_plan_avoid(plan, 0), avoid);
    assert_null(aire_plan_avoid(plan, 1));

    char *json = NULL;
    assert_int_equal(aire_plan_to_json(plan, &json), AIRE_OK);
    assert_string_equal(json, "{\"id\":3,\"kind\":\"exploit\",\"epoch\":2,\"count\":10,"
                              "\"parents\":[9],\"avoid\":[12]}");
    aire_free(ctx, json);
    aire_result_unref(parent);
    aire_idea_unref(avoid);
    aire_plan_unref(plan);
    aire_plan_unref(NULL);
}

static void test_plan__refuses_what_makes_no_sense(void **state)
{
    aire_plan_options options = AIRE_PLAN_OPTIONS_INIT;
    aire_plan *plan = (aire_plan *)1;
    aire_result *none = NULL;
    options.count = 1;
    assert_int_equal(aire_plan_new(ctx, &options, &plan), AIRE_INVALID);
    assert_null(plan);
    options.kind = AIRE_PLAN_FRESH;
    options.count = 0;
    assert_int_equal(aire_plan_new(ctx, &options, &plan), AIRE_INVALID);
    options.count = 1;
    options.epoch = -1;
    assert_int_equal(aire_plan_new(ctx, &options, &plan), AIRE_INVALID);
    options.epoch = 0;
    options.parent_count = 1;
    assert_int_equal(aire_plan_new(ctx, &options, &plan), AIRE_INVALID);
    options.parents = &none;
    assert_int_equal(aire_plan_new(ctx, &options, &plan), AIRE_INVALID);
    options.parent_count = 0;
    options.struct_size = 4;
    assert_int_equal(aire_plan_new(ctx, &options, &plan), AIRE_ABI);
    assert_int_equal(aire_plan_new(ctx, NULL, &plan), AIRE_INVALID);
    assert_int_equal(aire_plan_new(ctx, &options, NULL), AIRE_INVALID);
    assert_int_equal(aire_plan_to_json(NULL, NULL), AIRE_INVALID);
}

/* ---- ideas ---- */

static void assert_same_idea(const aire_idea *a, const aire_idea *b)
{
    assert_int_equal(aire_idea_id(a), aire_idea_id(b));
    assert_int_equal(aire_idea_ordinal(a), aire_idea_ordinal(b));
    assert_string_equal(aire_idea_title(a), aire_idea_title(b));
    assert_string_equal(aire_idea_text(a), aire_idea_text(b));
    assert_string_equal(aire_idea_changes(a), aire_idea_changes(b));
    assert_string_equal(aire_idea_reasoning(a), aire_idea_reasoning(b));
    assert_string_equal(aire_idea_origin(a), aire_idea_origin(b));
    assert_int_equal(aire_idea_parent_count(a), aire_idea_parent_count(b));
    for (size_t i = 0; i < aire_idea_parent_count(a); i++)
        assert_int_equal(aire_idea_parent(a, i), aire_idea_parent(b, i));
    assert_string_equal(aire_patch_text(aire_idea_patch(a)), aire_patch_text(aire_idea_patch(b)));
}

static void test_idea__comes_back_from_json(void **state)
{
    aire_plan *plan = new_plan(NULL, NULL);
    aire_patch *patch = new_patch("--- a/x\n+++ b/x\n");
    aire_idea *idea = new_idea(plan, patch);
    aire_idea *again = NULL;
    char *json = NULL;
    assert_string_equal(aire_idea_title(idea), "Wärme first");
    assert_ptr_equal(aire_idea_plan(idea), plan);
    assert_ptr_equal(aire_idea_patch(idea), patch);
    assert_int_equal(aire_idea_parent(idea, 1), INT64_MAX);
    assert_int_equal(aire_idea_parent(idea, 2), 0);

    assert_int_equal(aire_idea_to_json(idea, &json), AIRE_OK);
    assert_non_null(strstr(json, "\"plan\":3"));
    assert_int_equal(aire_idea_from_json(ctx, json, strlen(json), &again), AIRE_OK);
    assert_same_idea(idea, again);
    assert_null(aire_idea_plan(again));
    aire_free(ctx, json);
    aire_idea_unref(again);
    aire_idea_unref(idea);
    aire_patch_unref(patch);
    aire_plan_unref(plan);
}

static void test_idea__fills_in_what_is_not_given(void **state)
{
    aire_idea_options options = AIRE_IDEA_OPTIONS_INIT;
    aire_idea *idea = NULL;
    char *json = NULL;
    options.text = "\n\n  First line\nsecond";
    assert_int_equal(aire_idea_new(ctx, &options, &idea), AIRE_OK);
    assert_string_equal(aire_idea_title(idea), "First line");
    assert_string_equal(aire_idea_origin(idea), "host");
    assert_string_equal(aire_idea_changes(idea), "");
    assert_string_equal(aire_idea_reasoning(idea), "");
    assert_null(aire_idea_patch(idea));
    assert_int_equal(aire_idea_to_json(idea, &json), AIRE_OK);
    aire_idea_unref(idea);
    assert_int_equal(aire_idea_from_json(ctx, json, strlen(json), &idea), AIRE_OK);
    assert_null(aire_idea_patch(idea));
    aire_free(ctx, json);
    aire_idea_unref(idea);

    /* a title is cut at a character: 99 bytes and an "é" of two */
    char text[256] = "";
    memset(text, 'x', 99);
    strcat(text, "\xc3\xa9 and more");
    options.text = text;
    assert_int_equal(aire_idea_new(ctx, &options, &idea), AIRE_OK);
    assert_int_equal(strlen(aire_idea_title(idea)), 99);
    aire_idea_unref(idea);
}

static void test_idea__refuses_what_it_cannot_hold(void **state)
{
    aire_idea_options options = AIRE_IDEA_OPTIONS_INIT;
    aire_idea *idea = (aire_idea *)1;
    assert_int_equal(aire_idea_new(ctx, &options, &idea), AIRE_INVALID);
    assert_null(idea);
    options.text = "";
    assert_int_equal(aire_idea_new(ctx, &options, &idea), AIRE_INVALID);
    options.text = "good";
    options.changes = "bad \xc3";
    assert_int_equal(aire_idea_new(ctx, &options, &idea), AIRE_INVALID);
    assert_message("changes");
    options.changes = NULL;
    options.ordinal = -1;
    assert_int_equal(aire_idea_new(ctx, &options, &idea), AIRE_INVALID);
    options.ordinal = 0;
    options.parent_count = 1;
    assert_int_equal(aire_idea_new(ctx, &options, &idea), AIRE_INVALID);
    options.parent_count = 0;

    char *large = malloc((1 << 20) + 2);
    memset(large, 'x', (1 << 20) + 1);
    large[(1 << 20) + 1] = '\0';
    options.reasoning = large;
    assert_int_equal(aire_idea_new(ctx, &options, &idea), AIRE_LIMIT);
    large[1 << 20] = '\0';
    assert_int_equal(aire_idea_new(ctx, &options, &idea), AIRE_OK);
    aire_idea_unref(idea);
    free(large);
}

static void test_idea__says_what_is_wrong_in_json(void **state)
{
    static const struct {
        const char *json, *message;
    } cases[] = {
        {"{\"text\": ", "line 1"},
        {"[1]", "object"},
        {"{\"title\": \"x\"}", "\"text\" is missing"},
        {"{\"text\": 1}", "\"text\""},
        {"{\"text\": \"\"}", "no text"},
        {"{\"text\": \"x\", \"ordinal\": 4294967296}", "\"ordinal\""},
        {"{\"text\": \"x\", \"ordinal\": -1}", "ordinal"},
        {"{\"text\": \"x\", \"parents\": 1}", "\"parents\""},
        {"{\"text\": \"x\", \"parents\": [1, \"2\"]}", "item 1"},
        {"{\"text\": \"x\", \"patch\": \"diff\"}", "\"patch\""},
        {"{\"text\": \"x\", \"patch\": {\"text\": \"d\"}}", "\"format\""},
        {"{\"text\": \"x\", \"patch\": {\"format\": \"ed\", \"text\": \"d\"}}", "\"ed\""},
        {"{\"text\": \"x\", \"patch\": {\"format\": \"unified\"}}", "\"text\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        aire_idea *idea = (aire_idea *)1;
        assert_int_equal(aire_idea_from_json(ctx, cases[i].json, strlen(cases[i].json), &idea),
                         AIRE_FORMAT);
        assert_null(idea);
        assert_message(cases[i].message);
    }
    aire_idea *idea = NULL;
    static const char unknown[] = "{\"text\": \"x\", \"mood\": {}} trailing";
    assert_int_equal(
        aire_idea_from_json(ctx, unknown, strlen("{\"text\": \"x\", \"mood\": {}}"), &idea),
        AIRE_OK);
    aire_idea_unref(idea);
    assert_int_equal(aire_idea_from_json(ctx, NULL, 0, &idea), AIRE_INVALID);
}

/* ---- results ---- */

static void test_result__comes_back_from_json(void **state)
{
    aire_patch *patch = new_patch("--- a/x\n+++ b/x\n");
    aire_idea *idea = new_idea(NULL, NULL);
    aire_result *result = new_result(idea, patch);
    aire_result *again = NULL;
    char *json = NULL;
    double reward = 0;
    assert_string_equal(aire_result_log_tail(result),
                        "step 1\nbroken \xef\xbf\xbd\xef\xbf\xbd bytes\n");

    assert_int_equal(aire_result_to_json(result, &json), AIRE_OK);
    assert_int_equal(aire_result_from_json(ctx, json, strlen(json), idea, &again), AIRE_OK);
    aire_free(ctx, json);
    aire_result_unref(result);
    aire_patch_unref(patch);

    assert_int_equal(aire_result_kind(again), AIRE_RUN_IDEA);
    assert_int_equal(aire_result_run_id(again), 9);
    assert_true(aire_result_seed(again) == UINT64_MAX - 1);
    assert_ptr_equal(aire_result_idea(again), idea);
    assert_null(aire_result_plan(again));
    assert_int_equal(aire_result_outcome(again), AIRE_OUTCOME_OK);
    assert_int_equal(aire_result_stage(again), AIRE_STAGE_EVALUATE);
    assert_int_equal(aire_result_trust(again), AIRE_TRUST_EVALUATED);
    assert_int_equal(aire_result_attempts(again), 2);
    assert_int_equal(aire_result_reward(again, &reward), AIRE_OK);
    assert_true(reward == 0.1);
    assert_int_equal(aire_result_metric_count(again), 2);
    assert_string_equal(aire_result_metric(again, 1)->name, "ε");
    assert_true(aire_result_metric(again, 0)->value == 3.2500000000000004);
    assert_true(aire_result_metric(again, 1)->value == -1e-300);
    assert_null(aire_result_metric(again, 2));
    assert_int_equal(aire_result_usage_count(again), 1);
    assert_memory_equal(aire_result_usage(again, 0), one_usage, sizeof(aire_usage));
    assert_null(aire_result_usage(again, 1));
    assert_string_equal(aire_patch_text(aire_result_patch(again)), "--- a/x\n+++ b/x\n");
    assert_string_equal(aire_result_variant(again), "00ff");
    assert_string_equal(aire_result_detail(again), "");
    assert_string_equal(aire_result_log_tail(again),
                        "step 1\nbroken \xef\xbf\xbd\xef\xbf\xbd bytes\n");
    aire_result_unref(again);
    aire_idea_unref(idea);
}

/* As an older version wrote it. */
static void test_result__numbers_that_are_not_there_are_0(void **state)
{
    static const char json[] =
        "{\"run\": 9, \"kind\": \"baseline\", \"seed\": \"1\", \"outcome\": \"crashed\","
        " \"usage\": [{\"stage\": \"run\", \"wall_ms\": 3, \"max_rss_bytes\": 4}]}";
    const aire_usage expected = {sizeof(aire_usage), AIRE_STAGE_RUN, 3, 0, 0, 4, 0, 0, 0, 0};
    aire_result *result = NULL;
    if (aire_result_from_json(ctx, json, strlen(json), NULL, &result) != AIRE_OK)
        fail_msg("%s", aire_error_message(aire_last_error()));
    assert_int_equal(aire_result_usage_count(result), 1);
    assert_memory_equal(aire_result_usage(result, 0), &expected, sizeof expected);
    aire_result_unref(result);
}

static void test_result__failure_has_no_reward(void **state)
{
    aire_result_options options = AIRE_RESULT_OPTIONS_INIT;
    aire_result *result = NULL;
    aire_result *again = NULL;
    char *json = NULL;
    double reward = 5;
    options.kind = AIRE_RUN_BASELINE;
    options.outcome = AIRE_OUTCOME_CRASHED;
    options.stage = AIRE_STAGE_RUN;
    options.cause = AIRE_CAUSE_SIGNAL;
    options.code = 11;
    options.reward = 99;
    assert_int_equal(aire_result_new(ctx, &options, &result), AIRE_OK);
    assert_int_equal(aire_result_reward(result, &reward), AIRE_EMPTY);
    assert_true(reward == 5);
    assert_int_equal(aire_result_attempts(result), 1);
    assert_int_equal(aire_result_to_json(result, &json), AIRE_OK);
    assert_non_null(strstr(json, "\"idea\":null"));
    assert_non_null(strstr(json, "\"reward\":null"));
    assert_int_equal(aire_result_from_json(ctx, json, strlen(json), NULL, &again), AIRE_OK);
    assert_int_equal(aire_result_code(again), 11);
    assert_int_equal(aire_result_trust(again), 0);
    aire_free(ctx, json);
    aire_result_unref(again);
    aire_result_unref(result);
}

static void test_result__refuses_what_makes_no_sense(void **state)
{
    aire_result *result = (aire_result *)1;
    aire_metric metric = {"loss", NAN};
    aire_usage usage = {sizeof(usage), 99, 0, 0, 0, 0};
    const aire_result_options good = ok_options(NULL, NULL);
#define REFUSED(change, status)                                                                    \
    do {                                                                                           \
        aire_result_options options = good;                                                        \
        change;                                                                                    \
        assert_int_equal(aire_result_new(ctx, &options, &result), status);                         \
        assert_null(result);                                                                       \
    } while (0)
    REFUSED(options.kind = 0, AIRE_INVALID);
    REFUSED(options.outcome = 15, AIRE_INVALID);
    REFUSED(options.outcome = -1, AIRE_INVALID);
    REFUSED(options.stage = 9, AIRE_INVALID);
    REFUSED(options.cause = 250, AIRE_INVALID);
    REFUSED(options.trust = 0, AIRE_INVALID);
    REFUSED(options.trust = 3, AIRE_INVALID);
    REFUSED(options.reward = INFINITY, AIRE_INVALID);
    REFUSED(options.attempts = -1, AIRE_INVALID);
    REFUSED(options.run_id = -1, AIRE_INVALID);
    REFUSED(options.metrics = NULL, AIRE_INVALID);
    REFUSED((options.metrics = &metric, options.metric_count = 1), AIRE_INVALID);
    metric = (aire_metric){"", 1};
    REFUSED((options.metrics = &metric, options.metric_count = 1), AIRE_INVALID);
    REFUSED((options.usage = &usage), AIRE_INVALID);
    usage.struct_size = 0;
    REFUSED((options.usage = &usage), AIRE_ABI);
    REFUSED(options.struct_size = 1, AIRE_ABI);
#undef REFUSED
    assert_int_equal(aire_result_new(NULL, &good, &result), AIRE_INVALID);
    assert_int_equal(aire_result_new(ctx, &good, NULL), AIRE_INVALID);
}

static void test_result__says_what_is_wrong_in_json(void **state)
{
    static const struct {
        const char *json, *message;
    } cases[] = {
        {"{", "line 1"},
        {"3", "object"},
        {"{\"outcome\": \"crashed\"}", "\"kind\" is missing"},
        {"{\"kind\": \"idea\"}", "\"outcome\" is missing"},
        {"{\"kind\": \"idea\", \"outcome\": \"great\"}", "\"great\""},
        {"{\"kind\": \"idea\", \"outcome\": \"ok\"}", "\"reward\" is missing"},
        {"{\"kind\": \"idea\", \"outcome\": \"timeout\", \"reward\": 1}", "\"reward\" is given"},
        {"{\"kind\": \"idea\", \"outcome\": \"ok\", \"reward\": 1}", "trust"},
        {"{\"kind\": \"idea\", \"outcome\": \"timeout\", \"seed\": \"1x\"}", "\"seed\""},
        {"{\"kind\": \"idea\", \"outcome\": \"timeout\", \"seed\": \"18446744073709551616\"}",
         "2^64"},
        {"{\"kind\": \"idea\", \"outcome\": \"timeout\", \"metrics\": {}}", "\"metrics\""},
        {"{\"kind\": \"idea\", \"outcome\": \"timeout\", \"metrics\": [{\"name\": \"x\"}]}",
         "\"x\""},
        {"{\"kind\": \"idea\", \"outcome\": \"timeout\", \"metrics\": [7]}", "metric 0"},
        {"{\"kind\": \"idea\", \"outcome\": \"timeout\", \"usage\": [{\"stage\": \"lunch\"}]}",
         "\"lunch\""},
        {"{\"kind\": \"idea\", \"outcome\": \"timeout\", \"code\": 1e3}", "\"code\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        aire_result *result = (aire_result *)1;
        assert_int_equal(
            aire_result_from_json(ctx, cases[i].json, strlen(cases[i].json), NULL, &result),
            AIRE_FORMAT);
        assert_null(result);
        assert_message(cases[i].message);
    }
}

static void test_names__every_number_has_its_word(void **state)
{
    assert_string_equal(aire_outcome_name(AIRE_OUTCOME_BUILD_FAILED), "build failed");
    assert_string_equal(aire_outcome_name(15), "?");
    assert_string_equal(aire_stage_name(AIRE_STAGE_EVALUATE), "evaluate");
    assert_string_equal(aire_stage_name(-1), "?");
    assert_string_equal(aire_cause_name(AIRE_CAUSE_MODEL_ANSWER), "model answer");
    assert_string_equal(aire_cause_name(250), "?");
    assert_string_equal(aire_run_kind_name(AIRE_RUN_CONFIRM), "confirm");
    assert_string_equal(aire_run_kind_name(0), "?");
    assert_string_equal(aire_trust_name(AIRE_TRUST_SELF_REPORTED), "self_reported");
    assert_string_equal(aire_trust_name(0), "?");
    assert_string_equal(aire_plan_kind_name(AIRE_PLAN_REPAIR), "repair");
    assert_string_equal(aire_plan_kind_name(0), "?");
}

/* ---- model calls ---- */

static void test_model_call__gives_back_what_it_was_made_of(void **state)
{
    aire_model_call_options options = AIRE_MODEL_CALL_OPTIONS_INIT;
    aire_model_call *call = (aire_model_call *)1;
    assert_int_equal(aire_model_call_new(ctx, &options, &call), AIRE_INVALID);
    assert_null(call);
    char model[] = "openai:gpt";
    options.model = model;
    options.output_tokens = -1;
    assert_int_equal(aire_model_call_new(ctx, &options, &call), AIRE_INVALID);
    assert_message("output_tokens");
    options.output_tokens = 7;
    options.status = AIRE_RATE_LIMITED;
    options.answer = "half a char: \xe2\x82";
    assert_int_equal(aire_model_call_new(ctx, &options, &call), AIRE_OK);
    model[0] = 'X';
    const aire_model_call_options *fields = aire_model_call_get(call);
    assert_string_equal(fields->model, "openai:gpt");
    assert_string_equal(fields->purpose, "");
    assert_string_equal(fields->request, "");
    assert_string_equal(fields->detail, "");
    assert_true(aire__utf8_valid(fields->answer, strlen(fields->answer)));
    assert_int_equal(fields->status, AIRE_RATE_LIMITED);
    assert_int_equal(fields->output_tokens, 7);
    assert_int_equal(fields->attempts, 1);
    assert_ptr_equal(aire_model_call_ref(call), call);
    aire_model_call_unref(call);
    aire_model_call_unref(call);
    aire_model_call_unref(NULL);
}

/* ---- lists ---- */

static void test_lists__hold_what_they_were_given(void **state)
{
    aire_idea *ideas[2] = {new_idea(NULL, NULL), new_idea(NULL, NULL)};
    aire_result *result = new_result(ideas[0], NULL);
    aire_ideas *list = NULL;
    aire_results *results = NULL;
    assert_int_equal(aire_ideas_new(ctx, ideas, 2, &list), AIRE_OK);
    assert_int_equal(aire__results_new(ctx, &result, 1, &results), AIRE_OK);
    aire_idea_unref(ideas[0]);
    aire_idea_unref(ideas[1]);
    aire_result_unref(result);
    assert_int_equal(aire_ideas_count(list), 2);
    assert_ptr_equal(aire_ideas_get(list, 1), ideas[1]);
    assert_null(aire_ideas_get(list, 2));
    assert_int_equal(aire_results_count(results), 1);
    assert_ptr_equal(aire_results_get(results, 0), result);
    assert_null(aire_results_get(results, 1));
    assert_ptr_equal(aire_ideas_ref(list), list);
    aire_ideas_unref(list);
    aire_ideas_unref(list);
    aire_ideas_unref(NULL);
    aire_results_unref(results);
    aire_results_unref(NULL);

    ideas[0] = NULL;
    assert_int_equal(aire_ideas_new(ctx, ideas, 1, &list), AIRE_INVALID);
    assert_null(list);
    assert_int_equal(aire_ideas_new(ctx, NULL, 0, &list), AIRE_OK);
    assert_int_equal(aire_ideas_count(list), 0);
    aire_ideas_unref(list);
}

/* ---- chains ---- */

/* idea -> plan -> parent result -> idea -> ...: released on a thread with a small stack. */
static void *release_chain(void *idea)
{
    aire_idea_unref(idea);
    return NULL;
}

static void test_chain__of_100000_generations_is_released_on_a_small_stack(void **state)
{
    aire_idea *idea = new_idea(NULL, NULL);
    for (int generation = 0; generation < 100000; generation++) {
        aire_result_options options = AIRE_RESULT_OPTIONS_INIT;
        aire_result *result = NULL;
        options.kind = AIRE_RUN_IDEA;
        options.outcome = AIRE_OUTCOME_TIMEOUT;
        options.idea = idea;
        assert_int_equal(aire_result_new(ctx, &options, &result), AIRE_OK);
        aire_plan *plan = new_plan(result, idea);
        aire_idea_unref(idea);
        aire_result_unref(result);
        aire_idea_options next = AIRE_IDEA_OPTIONS_INIT;
        next.text = "next";
        next.plan = plan;
        assert_int_equal(aire_idea_new(ctx, &next, &idea), AIRE_OK);
        aire_plan_unref(plan);
    }

    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    assert_int_equal(pthread_attr_setstacksize(&attributes, 128 << 10), 0);
    assert_int_equal(pthread_create(&thread, &attributes, release_chain, idea), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
}

/* ---- out of memory ---- */

static void test_record__survives_every_failed_allocation(void **state)
{
    aire_plan *plan = new_plan(NULL, NULL);
    aire_patch *patch = new_patch("diff");
    aire_idea *idea = new_idea(plan, patch);
    aire_result *result = new_result(idea, patch);
    aire_plan_options plan_options = AIRE_PLAN_OPTIONS_INIT;
    aire_result_options result_options = ok_options(idea, patch);
    aire_model_call_options call_options = AIRE_MODEL_CALL_OPTIONS_INIT;
    plan_options.kind = AIRE_PLAN_CROSSOVER;
    plan_options.count = 1;
    plan_options.parents = &result;
    plan_options.parent_count = 1;
    plan_options.avoid = &idea;
    plan_options.avoid_count = 1;
    call_options.model = "m";
    call_options.answer = "\xff";

    aire_patch *new_one = NULL;
    OOM_LOOP(&memory, aire_patch_new(ctx, AIRE_PATCH_UNIFIED, "x", 1, &new_one),
             aire_patch_unref(new_one));
    aire_plan *plan_out = NULL;
    OOM_LOOP(&memory, aire_plan_new(ctx, &plan_options, &plan_out), aire_plan_unref(plan_out));
    aire_idea *idea_out = NULL;
    OOM_LOOP(&memory, make_idea(plan, patch, &idea_out), aire_idea_unref(idea_out));
    aire_result *result_out = NULL;
    OOM_LOOP(&memory, aire_result_new(ctx, &result_options, &result_out),
             aire_result_unref(result_out));
    aire_model_call *call = NULL;
    OOM_LOOP(&memory, aire_model_call_new(ctx, &call_options, &call), aire_model_call_unref(call));
    aire_ideas *ideas = NULL;
    OOM_LOOP(&memory, aire_ideas_new(ctx, &idea, 1, &ideas), aire_ideas_unref(ideas));
    aire_results *results = NULL;
    OOM_LOOP(&memory, aire__results_new(ctx, &result, 1, &results), aire_results_unref(results));
    char *json = NULL;
    OOM_LOOP(&memory, aire_plan_to_json(plan, &json), aire_free(ctx, json));
    OOM_LOOP(&memory, aire_idea_to_json(idea, &json), aire_free(ctx, json));
    char *text = NULL;
    assert_int_equal(aire_idea_to_json(idea, &text), AIRE_OK);
    OOM_LOOP(&memory, aire_idea_from_json(ctx, text, strlen(text), &idea_out),
             aire_idea_unref(idea_out));
    aire_free(ctx, text);
    OOM_LOOP(&memory, aire_result_to_json(result, &json), aire_free(ctx, json));
    assert_int_equal(aire_result_to_json(result, &text), AIRE_OK);
    OOM_LOOP(&memory, aire_result_from_json(ctx, text, strlen(text), idea, &result_out),
             aire_result_unref(result_out));
    aire_free(ctx, text);

    aire_result_unref(result);
    aire_idea_unref(idea);
    aire_patch_unref(patch);
    aire_plan_unref(plan);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_patch__keeps_bytes_as_they_are),
        TEST(test_patch__refuses_what_it_cannot_hold),
        TEST(test_plan__gives_back_what_it_was_made_of),
        TEST(test_plan__refuses_what_makes_no_sense),
        TEST(test_idea__comes_back_from_json),
        TEST(test_idea__fills_in_what_is_not_given),
        TEST(test_idea__refuses_what_it_cannot_hold),
        TEST(test_idea__says_what_is_wrong_in_json),
        TEST(test_result__comes_back_from_json),
        TEST(test_result__numbers_that_are_not_there_are_0),
        TEST(test_result__failure_has_no_reward),
        TEST(test_result__refuses_what_makes_no_sense),
        TEST(test_result__says_what_is_wrong_in_json),
        TEST(test_names__every_number_has_its_word),
        TEST(test_model_call__gives_back_what_it_was_made_of),
        TEST(test_lists__hold_what_they_were_given),
        TEST(test_chain__of_100000_generations_is_released_on_a_small_stack),
        TEST(test_record__survives_every_failed_allocation),
    };
    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
