/* The prompt room: what requests say and leave unsaid, and what is read from answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aire/error.h"
#include "aire/result.h"
#include "base/str.h"
#include "env/env.h"
#include "prompt/context.h"
#include "prompt/ideas.h"
#include "prompt/idea_kind.h"
#include "prompt/implement.h"
#include "prompt/patch_form.h"
#include "prompt/number.h"
#include "prompt/tokens.h"
#include "support/failing.h"

static failing memory;
static aire_ctx *ctx;

#define FILE_OF(path, role, text)                                                                  \
    {                                                                                              \
        (char *)(uintptr_t)path, role, 0644, (char *)(uintptr_t)text, sizeof(text) - 1, true       \
    }
#define TEXT(text) ((char *)(uintptr_t)(text))

static aire_env_file files[] = {
    FILE_OF("aire.json", AIRE_FILE_PROTECTED, "{\"files\": {\"hidden\": [\"heldout.txt\"]}}\n"),
    FILE_OF("bench.bin", AIRE_FILE_PROTECTED, "\x01\x02"),
    FILE_OF("common.h", AIRE_FILE_PROTECTED, "int seen_and_protected;"),
    FILE_OF("evaluate.c", AIRE_FILE_RESERVED, "int reserved_content;\n"),
    FILE_OF("heldout.txt", AIRE_FILE_HIDDEN, "hidden_content\n"),
    FILE_OF("model.c", AIRE_FILE_EDITABLE, "int width = 4;\n\nint depth = 2; /* %d%s */\n"),
};

/* As aire_env_open would make it; these tests need no manifest. */
static aire_env env = {
    .name = TEXT("toy"),
    .goal = TEXT("Make the model better."),
    .rules = TEXT("Do not change the data."),
    .hints = TEXT(""),
    .budget_text = TEXT("1000 tokens"),
    .files = files,
    .file_count = sizeof files / sizeof *files,
    .metric = {.name = TEXT("val_loss"), .minimize = true, .transform = AIRE_REWARD_INVERSE},
};

static int setup(void **state)
{
    ctx = failing_ctx(&memory, 1);
    env.ctx = ctx;
    files[1].is_text = false;
    return 0;
}

static int teardown(void **state)
{
    assert_int_equal(atomic_load(&memory.live), 1);
    aire_ctx_unref(ctx);
    return 0;
}

static aire_idea *make_idea(int64_t id, const char *title, const char *text, const char *changes)
{
    aire_idea *idea;
    aire_idea_options options = AIRE_IDEA_OPTIONS_INIT;
    options.id = id;
    options.title = title;
    options.text = text;
    options.changes = changes;
    assert_int_equal(aire_idea_new(ctx, &options, &idea), AIRE_OK);
    return idea;
}

/* A result of an idea, which it takes over; a failure where the reward is NaN. */
static aire_result *make_result(aire_idea *idea, double reward)
{
    aire_result *result;
    aire_metric metrics[] = {{"steps", 10}, {"val_loss", 1 / reward}};
    aire_result_options options = AIRE_RESULT_OPTIONS_INIT;
    options.kind = AIRE_RUN_IDEA;
    options.idea = idea;
    if (isnan(reward)) {
        options.outcome = AIRE_OUTCOME_BUILD_FAILED;
        options.stage = AIRE_STAGE_BUILD;
        options.cause = AIRE_CAUSE_EXIT_CODE;
        options.detail = "cc: no such thing";
    } else {
        options.trust = AIRE_TRUST_EVALUATED;
        options.reward = reward;
        options.metrics = metrics;
        options.metric_count = 2;
    }
    assert_int_equal(aire_result_new(ctx, &options, &result), AIRE_OK);
    aire_idea_unref(idea);
    return result;
}

static char *request(int32_t kind, int32_t count, bool lists, size_t max)
{
    aire_result *parents[] = {
        make_result(make_idea(7, "Wider", "A wider model.", "width = 8"), 0.25),
        make_result(make_idea(8, "Deeper", "A deeper model.", NULL), NAN),
    };
    aire_idea *avoid[] = {make_idea(9, "Taken", "Somebody has this.", NULL)};
    aire_plan_options options = AIRE_PLAN_OPTIONS_INIT;
    aire_plan *plan;
    char *text = NULL;
    options.kind = kind;
    options.count = count;
    if (lists) {
        options.parents = parents;
        options.parent_count = 2;
        options.avoid = avoid;
        options.avoid_count = 1;
    }
    assert_int_equal(aire_plan_new(ctx, &options, &plan), AIRE_OK);
    const aire_prompt_request wanted = {.env = &env, .plan = plan, .max = max};
    if (aire__prompt_ideas(ctx, &wanted, &text) != AIRE_OK)
        text = NULL;
    aire_plan_unref(plan);
    aire_result_unref(parents[0]);
    aire_result_unref(parents[1]);
    aire_idea_unref(avoid[0]);
    return text;
}

static void has(const char *text, const char *part)
{
    if (!text || !strstr(text, part))
        fail_msg("missing: %s\nin: %s", part, text ? text : "no text at all");
}

static void lacks(const char *text, const char *part)
{
    if (!text || strstr(text, part))
        fail_msg("should not be there: %s\nin: %s", part, text ? text : "no text at all");
}

static void test_request__shows_the_code_and_the_problem(void **state)
{
    char *text = request(AIRE_PLAN_FRESH, 10, false, AIRE_PROMPT_MAX);
    has(text, "## Goal\nMake the model better.\n");
    has(text, "## Rules\nDo not change the data.\n");
    has(text, "`val_loss`; lower is better");
    has(text, "1 divided by the metric");
    has(text, "budget: 1000 tokens.");
    has(text, "### model.c (editable)\n    1| int width = 4;\n    2| \n"
              "    3| int depth = 2; /* %d%s */\n\n");
    has(text, "### common.h (protected)\n    1| int seen_and_protected;\n\n");
    has(text, "### bench.bin (protected): 2 bytes that are not text");
    has(text, "### evaluate.c (reserved)");
    has(text, "Propose exactly 10 ideas. Start from the code");
    has(text, "[Experiment]\n" AIRE_PROMPT_TITLE_SLOT);
    lacks(text, "reserved_content");
    lacks(text, "heldout");
    lacks(text, "hidden");
    lacks(text, "aire.json");
    lacks(text, "## Hints");
    lacks(text, "## Ideas");
    assert_true(strstr(text, "model.c (editable)") < strstr(text, "common.h (protected)"));
    aire_free(ctx, text);
}

static void test_request__lists_parents_and_ideas_to_avoid(void **state)
{
    char *text = request(AIRE_PLAN_EXPLOIT, 1, true, AIRE_PROMPT_MAX);
    has(text, "### Idea 7: Wider\nA wider model.\nChanges: width = 8\n"
              "Result: reward 0.25 (val_loss 4)\n\n");
    has(text, "### Idea 8: Deeper\nA deeper model.\n"
              "Result: failed to execute: build failed, exit code\ncc: no such thing\n");
    has(text, "do not propose them again\n### Idea 9: Taken\nSomebody has this.\n");
    has(text, "Propose exactly 1 idea. Build on the ideas");
    aire_free(ctx, text);
    text = request(AIRE_PLAN_EXPLORE, 2, true, AIRE_PROMPT_MAX);
    has(text, "Look where nobody has looked yet.");
    aire_free(ctx, text);
}

static void test_request__stays_in_its_bound_and_says_what_is_left_out(void **state)
{
    static char big[20000];
    aire_env_file small = files[2];
    memset(big, 'x', sizeof big - 1);
    files[2].data = big;
    files[2].length = sizeof big - 1;
    char *text = request(AIRE_PLAN_FRESH, 1, true, 8000);
    assert_non_null(text);
    assert_true(strlen(text) <= 8000);
    has(text, "### model.c (editable)\n    1| int width");
    has(text, "### common.h (protected): 19999 bytes, left out");
    aire_free(ctx, text);
    files[2] = small;

    text = request(AIRE_PLAN_FRESH, 1, true, AIRE_PROMPT_MAX);
    assert_non_null(text);
    size_t less = strlen(text) - 1;
    aire_free(ctx, text);
    text = request(AIRE_PLAN_FRESH, 1, true, less);
    assert_non_null(text);
    assert_true(strlen(text) <= less);
    has(text, "more are left out");
    has(text, "[End]");
    aire_free(ctx, text);
    assert_null(request(AIRE_PLAN_FRESH, 1, false, 500));
    assert_int_equal(aire_error_status(aire_last_error()), AIRE_LIMIT);
}

/* A request to mend a parent that failed at a stage, with a log, in at most `max` bytes, with many
 * ideas to avoid. */
static char *mending(int32_t stage, size_t max)
{
    static char log[3000];
    aire_idea *avoid[20];
    aire_result *parent;
    aire_result_options fields = AIRE_RESULT_OPTIONS_INIT;
    aire_plan_options options = AIRE_PLAN_OPTIONS_INIT;
    aire_plan *plan;
    char *text = NULL;
    memset(log, 'l', sizeof log - 1);
    fields.kind = AIRE_RUN_IDEA;
    fields.idea = make_idea(7, "Wider", "A wider model.", "width = 8");
    fields.outcome = AIRE_OUTCOME_CRASHED;
    fields.stage = stage;
    fields.log_tail = log;
    assert_int_equal(aire_result_new(ctx, &fields, &parent), AIRE_OK);
    for (size_t i = 0; i < 20; i++)
        avoid[i] = make_idea((int64_t)i + 20, "Taken", "Somebody has had this idea before.", NULL);
    options.kind = AIRE_PLAN_REPAIR;
    options.count = 1;
    options.parents = &parent;
    options.parent_count = 1;
    options.avoid = avoid;
    options.avoid_count = 20;
    assert_int_equal(aire_plan_new(ctx, &options, &plan), AIRE_OK);
    const aire_prompt_request wanted = {.env = &env, .plan = plan, .max = max};
    if (aire__prompt_ideas(ctx, &wanted, &text) != AIRE_OK)
        text = NULL;
    aire_plan_unref(plan);
    aire_result_unref(parent);
    aire_idea_unref(fields.idea);
    for (size_t i = 0; i < 20; i++)
        aire_idea_unref(avoid[i]);
    return text;
}

static char *trimmed(size_t max)
{
    return mending(AIRE_STAGE_RUN, max);
}

/* An evaluator may print what it has hidden: its log is for people. */
static void test_request__keeps_the_log_of_an_evaluation_secret(void **state)
{
    const int32_t trust = env.metric.trust;
    env.metric.trust = AIRE_TRUST_EVALUATED;
    char *text = mending(AIRE_STAGE_EVALUATE, AIRE_PROMPT_MAX);
    lacks(text, "The end of its log");
    lacks(text, "lll");
    aire_free(ctx, text);
    text = mending(AIRE_STAGE_PREDICT, AIRE_PROMPT_MAX);
    lacks(text, "lll");
    aire_free(ctx, text);
    text = mending(AIRE_STAGE_RUN, AIRE_PROMPT_MAX);
    has(text, "The end of its log:\nlll");
    aire_free(ctx, text);
    env.metric.trust = AIRE_TRUST_SELF_REPORTED; /* it has nothing to hide */
    text = mending(AIRE_STAGE_EVALUATE, AIRE_PROMPT_MAX);
    has(text, "The end of its log:\nlll");
    aire_free(ctx, text);
    env.metric.trust = trust;
}

static void test_request__is_trimmed_in_the_declared_order(void **state)
{
    char *whole = trimmed(AIRE_PROMPT_MAX), *text;
    size_t length = strlen(whole);
    has(whole, "The end of its log:\nlll");
    has(whole, "### Idea 39");
    lacks(whole, "left out");

    text = trimmed(length);
    assert_string_equal(text, whole);
    aire_free(ctx, text);

    text = trimmed(length - 1); /* logs go first */
    has(text, "(Its log is left out because this request has no room for it.)");
    has(text, "### Idea 39");
    lacks(text, "more are left out");
    aire_free(ctx, text);

    text = trimmed(length - 3300); /* then the last ideas to avoid */
    has(text, "### Idea 20");
    lacks(text, "### Idea 39");
    has(text, "more are left out because");
    has(text, "1| int seen_and_protected;");
    aire_free(ctx, text);

    /* In whatever room, it says what is left out; and the last to go is the code that may change.
     */
    size_t smallest = 0;
    for (size_t max = length - 1; max > 500; max--) {
        text = trimmed(max);
        if (!text)
            break;
        assert_true(strlen(text) <= max);
        has(text, "left out");
        has(text, "[End]");
        if (strstr(text, "seen_and_protected;"))
            has(text, "int width = 4;");
        smallest = max;
        aire_free(ctx, text);
    }
    assert_in_range(smallest, 1500, length - 3300);
    assert_int_equal(aire_error_status(aire_last_error()), AIRE_LIMIT);
    aire_free(ctx, whole);
}

static void test_request__keeps_what_the_manifest_names_first(void **state)
{
    char *globs[] = {TEXT("z*.c"), TEXT("*.c"), NULL};
    char first[] = "int alpha_is_here;\n", last[] = "int omega_is_here;\n";
    aire_env_file two[] = {{TEXT("a.c"), AIRE_FILE_EDITABLE, 0644, first, sizeof first - 1, true},
                           {TEXT("z.c"), AIRE_FILE_EDITABLE, 0644, last, sizeof last - 1, true}};
    aire_env small = env;
    aire_buf buf;
    small.files = two;
    small.file_count = 2;
    small.globs[AIRE_FILE_EDITABLE] = globs;
    memset(first + 4, 'x', 5);
    aire__buf_init(&buf, ctx, 4096);
    assert_int_equal(aire__prompt_code(&buf, &small, 4096), 0);
    has(buf.data, "xxxxx_is_here");
    has(buf.data, "omega_is_here");
    two[0].data = two[1].data = memset(malloc(1000), 'y', 1000);
    two[0].length = two[1].length = 1000;
    aire__buf_clear(&buf);
    assert_int_equal(aire__prompt_code(&buf, &small, 1600), 1);
    has(buf.data, "### a.c (editable): 1000 bytes, left out");
    has(buf.data, "### z.c (editable)\n    1| yyy");
    free(two[0].data);
    aire__buf_free(&buf);
}

static void test_tokens__are_estimated_by_family(void **state)
{
    assert_true(aire__bytes_per_token("anthropic:claude-x") == 3.0);
    assert_true(aire__bytes_per_token("chat:Qwen3-8B@http://127.0.0.1") == 3.2);
    assert_true(aire__bytes_per_token("unheard-of") == 2.8);
    assert_int_equal(aire__bytes_of("claude", 100), 300);
    assert_int_equal(aire__bytes_of("claude", -1), 0);
}

static void test_request__for_notes(void **state)
{
    aire_result *parent = make_result(make_idea(7, "Wider", "A wider model.", "width = 8"), 0.25);
    aire_plan_options options = AIRE_PLAN_OPTIONS_INIT;
    aire_plan *plan;
    char *text;
    options.kind = AIRE_PLAN_EXPLOIT;
    options.count = 1;
    options.parents = &parent;
    options.parent_count = 1;
    assert_int_equal(aire_plan_new(ctx, &options, &plan), AIRE_OK);
    const aire_prompt_request wanted = {
        .env = &env, .plan = plan, .notes = "Wider is better.", .max = 20000};
    assert_int_equal(aire__prompt_notes(ctx, &wanted, &text), AIRE_OK);
    has(text, "### Idea 7: Wider\nA wider model.\n");
    has(text, "## Notes on what was learnt so far\nWider is better.\n\n## Task\n");
    lacks(text, "int width");
    aire_free(ctx, text);
    assert_int_equal(aire__prompt_ideas(ctx, &wanted, &text), AIRE_OK);
    has(text, "## Notes on what was learnt so far\nWider is better.\n\n## Task\nPropose");
    aire_free(ctx, text);
    aire_plan_unref(plan);
    aire_result_unref(parent);
}

static void test_request__for_a_patch(void **state)
{
    aire_idea *idea = make_idea(7, "Wider", "A wider model.", "width = 8");
    char *text;
    aire_prompt_task task = {&env, NULL, idea, 0};
    assert_int_equal(aire__prompt_implement(ctx, &task, &text), AIRE_OK);
    has(text, "    1| int width = 4;\n");
    has(text, "## Idea: Wider\nA wider model.\n\nChanges to the code:\nwidth = 8\n");
    has(text, "unified diff");
    lacks(text, "reserved_content");
    lacks(text, "hidden_content");
    aire_free(ctx, text);
    assert_int_equal(aire__prompt_revise(ctx, NULL, "model.c: line 3 reads otherwise", &text),
                     AIRE_OK);
    has(text, "model.c: line 3 reads otherwise\n");
    aire_free(ctx, text);

    task.forms = AIRE_FORM_BLOCKS | AIRE_FORM_FILES;
    assert_int_equal(aire__prompt_implement(ctx, &task, &text), AIRE_OK);
    has(text, "Either search/replace blocks:");
    has(text, "Either whole files:");
    lacks(text, "unified diff");
    aire_free(ctx, text);
    task.forms = AIRE_FORM_FILES;
    assert_int_equal(aire__prompt_implement(ctx, &task, &text), AIRE_OK);
    has(text, "Answer with whole files:");
    aire_free(ctx, text);
    aire_idea_unref(idea);
}

/* What is asked after a patch applied: whether it is the idea, and why it failed. */
static void test_request__about_a_patch(void **state)
{
    aire_idea *idea = make_idea(7, "Wider", "A wider model.", "");
    aire_prompt_task task = {&env, NULL, idea, 0};
    char path[] = "model.c", data[] = "int width = 8;\n", gone[] = "old.c",
         diff[] = "--- a/model.c\n+++ b/model.c\n@@ -1 +1 @@\n-int width = 4;\n+int width = 8;\n";
    aire_patch_edit edits[] = {{path, data, strlen(data), false}, {gone, NULL, 0, false}};
    aire_patched patched = {.edits = edits, .edit_count = 2, .diff = diff};
    char *text;
    assert_int_equal(aire__prompt_debug(ctx, &task, &patched, "It crashed: why?", &text), AIRE_OK);
    has(text, "    1| int width = 4;\n"); /* the code base, */
    has(text, "+int width = 8;\n```\n");  /* the patch, */
    has(text, "### model.c\n    1| int width = 8;\n\n### old.c: deleted\n");
    has(text, "## What happened\nIt crashed: why?\n");
    has(text, "unified diff");
    lacks(text, "hidden_content");
    aire_free(ctx, text);
    assert_int_equal(aire__prompt_verify(ctx, &task, &patched, &text), AIRE_OK);
    has(text, "+int width = 8;\n");
    has(text, "A wider model.");
    has(text, "VERDICT: yes");
    lacks(text, "## Code base");
    lacks(text, "## Files");
    aire_free(ctx, text);
    OOM_LOOP(&memory, aire__prompt_debug(ctx, &task, &patched, "no", &text), aire_free(ctx, text));
    OOM_LOOP(&memory, aire__prompt_verify(ctx, &task, &patched, &text), aire_free(ctx, text));
    aire_idea_unref(idea);
}

static void test_verdict__is_read_as_it_comes(void **state)
{
    static const struct {
        const char *answer;
        int yes; /* -1: neither */
        const char *reason;
    } rows[] = {
        {"VERDICT: yes\nIt does.", 1, "It does."},
        {"verdict: NO - the width stays.\n", 0, "the width stays."},
        {"Let me see.\n\n**Verdict:** no\n\nThe width stays.", 0, "The width stays."},
        {"{\"verdict\": \"no\", \"reason\": \"it stays\"}", 0, "it stays"},
        {"{\"verdict\": true}", 1, ""},
        {"No, because it stays.", 0, "because it stays."},
        {"> Yes.", 1, ""},
        {"VERDICT: yes? Let me think.\nVERDICT: no\nIt stays.", 0, "It stays."},
        {"The verdict is hard to give, not yes and not no.", -1, ""},
        {"Nothing to say.", -1, ""},
        {"Note that it is fine.", -1, ""},
        {"", -1, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool yes = false;
        char *reason = NULL;
        aire_status status = aire__prompt_parse_verdict(ctx, rows[i].answer, &yes, &reason);
        if (status != (rows[i].yes < 0 ? AIRE_EMPTY : AIRE_OK) ||
            (status == AIRE_OK && yes != rows[i].yes))
            fail_msg("%s: %d %d", rows[i].answer, (int)status, yes);
        if (status == AIRE_OK)
            assert_string_equal(reason, rows[i].reason);
        aire_free(ctx, reason);
    }
}

static void test_idea__says_its_kind(void **state)
{
    static const struct {
        const char *text;
        int32_t kind;
        const char *left;
    } rows[] = {
        {"Wider\nMore.\nKind: hyper-parameter\n", AIRE_IDEA_HYPERPARAMETER, "Wider\nMore."},
        {"Wider\n- **Kind:** Hyperparameter tuning\nMore.", AIRE_IDEA_HYPERPARAMETER,
         "Wider\nMore."},
        {"Wider\n*kind*: `algorithmic`", AIRE_IDEA_ALGORITHMIC, "Wider"},
        {"A kind: of\nkindness: algorithmic\nKind: new", 0,
         "A kind: of\nkindness: algorithmic\nKind: new"},
        {"", 0, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[200];
        snprintf(text, sizeof text, "%s", rows[i].text);
        assert_int_equal(aire__take_idea_kind(text), rows[i].kind);
        assert_string_equal(text, rows[i].left);
    }
    aire_parsed_ideas ideas;
    static const char answer[] = "[Experiment]\nWider\nMore of it.\nKind: algorithmic\n"
                                 "[Code Changes]\nwidth\n[End]\n";
    assert_int_equal(aire__prompt_parse_ideas(ctx, answer, 9, false, &ideas), AIRE_OK);
    assert_int_equal(ideas.count, 1);
    assert_int_equal(ideas.ideas[0].kind, AIRE_IDEA_ALGORITHMIC);
    assert_string_equal(ideas.ideas[0].text, "Wider\nMore of it.");
    aire__parsed_ideas_free(&ideas);
}

/* Ideas as "title|text|changes;"; line ends as '/'. */
static const char *parse(const char *answer, size_t max, bool truncated)
{
    static char out[4096];
    aire_parsed_ideas ideas;
    size_t length = 0;
    out[0] = '\0';
    assert_int_equal(aire__prompt_parse_ideas(ctx, answer, max, truncated, &ideas), AIRE_OK);
    for (size_t i = 0; i < ideas.count; i++)
        length +=
            (size_t)snprintf(out + length, sizeof out - length, "%s|%s|%s;", ideas.ideas[i].title,
                             ideas.ideas[i].text, ideas.ideas[i].changes);
    aire__parsed_ideas_free(&ideas);
    for (char *at = out; *at; at++)
        if (*at == '\n')
            *at = '/';
    return out;
}

static void test_ideas__are_found_however_they_are_decorated(void **state)
{
    static const struct {
        const char *answer, *ideas;
    } cases[] = {
        /* as asked */
        {"[Experiment]\nWarm up\nSlowly.\n[Code Changes]\nIn train.c.\n[End]\n\n[Experiment]\nCool "
         "down\n[Code Changes]\nThere.\n[End]\n",
         "Warm up|Warm up/Slowly.|In train.c.;Cool down|Cool down|There.;"},
        /* prose around, on one line */
        {"Sure! [Experiment] Warm up [Code Changes] In a.c [End] Hope it helps.",
         "Warm up|Warm up|In a.c;"},
        /* missing end tags */
        {"[Experiment] Warm up\n[Code Changes] In a.c\n[Experiment] Cool down\n[Code Changes] b.c",
         "Warm up|Warm up|In a.c;Cool down|Cool down|b.c;"},
        /* no changes at all */
        {"[Experiment] Warm up\n[End]", "Warm up|Warm up|;"},
        /* everything under the second tag */
        {"[Experiment]\n[Code Changes]\nWarm up in a.c\n[End]", "Warm up in a.c|Warm up in a.c|;"},
        /* bold, headings, numbers, closing tags, case */
        {"**[Experiment]** Warm up\n**[Code Changes]**\n- a.c\n**[End]**",
         "Warm up|Warm up|- a.c;"},
        {"### 1. [Experiment 1: Warm up]\nSlowly.\n#### [code changes]\na.c\n[END]\n",
         "Warm up|Warm up/Slowly.|a.c;"},
        {"1. [Experiment]: **Warm up**\n   [Code Changes]: a.c\n2. [Experiment]: Cool down\n",
         "Warm up|**Warm up**|a.c;Cool down|Cool down|;"},
        {"[Experiment]\nWarm up\n[/Experiment]\n[Code Changes]\na.c\n[/Code Changes]\n[End]",
         "Warm up|Warm up|a.c;"},
        {"[Experiment]\nWarm up\n[End of Experiment]\ntalk\n", "Warm up|Warm up|;"},
        /* headings instead of tags */
        {"## Experiment 1: Warm up\nSlowly.\n**Code Changes:**\na.c\n**End**\n## Idea 2\nCool "
         "down\n",
         "Warm up|Warm up/Slowly.|a.c;Cool down|Cool down|;"},
        {"Experiment: Warm up\nCode Changes: a.c\n", "Warm up|Warm up|a.c;"},
        /* a fence around it all; fences inside */
        {"```text\n[Experiment]\nWarm up\n[Code Changes]\na.c\n```\n", "Warm up|Warm up|a.c;"},
        {"[Experiment]\nWarm up\n[Code Changes]\n```c\n# Experiment: no heading\nint "
         "a = b[end], c = {[End] = 1};\n```\n[End]",
         "Warm up|Warm up|```c/# Experiment: no heading/int a = b[end], c = {[End] = 1};/```;"},
        {"[Experiment] Set a[end] [Code Changes] f()[end]", "Set a[end]|Set a[end]|f()[end];"},
        /* talk about tags, earlier ideas, and the form itself */
        {"I shall use [Experiment], [Code Changes] and [End].\n[Experiment]\nWarm up\n[End]",
         "Warm up|Warm up|;"},
        {"[Experiment]\nWarm up\n- [Idea 12] had it\nIdea 12: was better\n[End]",
         "Warm up|Warm up/- [Idea 12] had it/Idea 12: was better|;"},
        {"[Experiment]\n" AIRE_PROMPT_TITLE_SLOT "\n<what>\n[End]\n[Experiment]\nWarm up\n[End]",
         "Warm up|Warm up|;"},
        {"Experiments end when code changes.\nThe end.\n", ""},
        {"", ""},
        {"[Experiment]\r\nW\xc3\xa4rme\r\n[End]\r\n", "W\xc3\xa4rme|W\xc3\xa4rme|;"},
        {"[Experiment\n[Experi[Code Changes] x [End", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *got = parse(cases[i].answer, 10, false);
        if (strcmp(got, cases[i].ideas) != 0)
            fail_msg("case %zu:\n%s\ngot  %s\nnot  %s", i, cases[i].answer, got, cases[i].ideas);
    }
}

static void test_ideas__stop_at_the_count_and_at_a_truncation(void **state)
{
    static const char three[] = "[Experiment] Idea one [End] [Experiment] Idea two [End]"
                                "[Experiment] Idea thr";
    assert_string_equal(parse(three, 1, false), "Idea one|Idea one|;");
    assert_string_equal(parse(three, 5, true), "Idea one|Idea one|;Idea two|Idea two|;");
    assert_string_equal(parse("[Experiment] Idea one [Code Changes] a", 5, true),
                        "Idea one|Idea one|a;");
}

static void test_ideas__titles_are_one_short_line(void **state)
{
    char answer[2000] = "[Experiment]\n## 3. **", *at = answer + strlen(answer);
    memset(at, 'a', 1000);
    strcpy(at + 1000, "**\nmore\n[End]");
    aire_parsed_ideas ideas;
    assert_int_equal(aire__prompt_parse_ideas(ctx, answer, 9, false, &ideas), AIRE_OK);
    assert_int_equal(ideas.count, 1);
    assert_int_equal(strlen(ideas.ideas[0].title), 160);
    assert_int_equal(ideas.ideas[0].title[0], 'a');
    aire__parsed_ideas_free(&ideas);
}

static const char *patch_in(const char *answer)
{
    static char out[4096];
    aire_patch *patch;
    aire_status status = aire__prompt_parse_patch(ctx, answer, &patch);
    if (status == AIRE_EMPTY) {
        assert_null(patch);
        return "none";
    }
    assert_int_equal(status, AIRE_OK);
    snprintf(out, sizeof out, "%s", aire_patch_text(patch));
    aire_patch_unref(patch);
    return out;
}

#define DIFF_A "--- a/x.c\n+++ b/x.c\n@@ -1,2 +1,2 @@\n-int a;\n+int b;\n \n"
#define DIFF_B "--- a/y.c\n+++ b/y.c\n@@ -1 +1 @@\n-```\n+~~~\n"

/* Whether there is one is all that is asked here: the patch room reads the answer as it is. */
static void test_patch__is_found_in_fences_and_prose(void **state)
{
    static const struct {
        const char *answer, *patch;
    } cases[] = {
        {"```diff\n" DIFF_A "```\n", "```diff\n" DIFF_A "```\n"},
        {"<think>\n" DIFF_B "</think>\nHere:\n" DIFF_A,
         "<think>\n" DIFF_B "</think>\nHere:\n" DIFF_A},
        {"<think>\n" DIFF_B "</think>\nI cannot.\n", "none"}, /* what was thought is not said */
        {"x.c\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n",
         "x.c\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n"},
        {"x.c\n```c\nint main;\n```\n", "x.c\n```c\nint main;\n```\n"},
        {"--- \nnothing here\n", "none"},
        {"Use `b`.\n", "none"},
        {"", "none"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *got = patch_in(cases[i].answer);
        if (strcmp(got, cases[i].patch) != 0)
            fail_msg("case %zu:\n%s\ngot:\n%s", i, cases[i].answer, got);
    }
}

static void test_number__is_short_and_exact(void **state)
{
    static const struct {
        double value;
        int digits;
        const char *text;
    } cases[] = {
        {0.0015, 17, "0.0015"},
        {3e-5, 17, "3e-5"},
        {20000, 17, "20000"},
        {0.1, 17, "0.1"},
        {1.0 / 3, 6, "0.333333"},
        {-2.5, 17, "-2.5"},
        {0, 17, "0"},
        {655360, 17, "655360"},
        {1e100, 17, "1e100"},
        {0.999, 2, "1"},
        {1.25e-7, 3, "1.25e-7"},
        {100, 1, "100"},
        {0.3, 17, "0.3"},
        {1e14, 17, "100000000000000"},
        {1e15, 17, "1e15"},
    };
    char text[AIRE_NUMBER_MAX];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        aire__number_text(cases[i].value, cases[i].digits, text);
        assert_string_equal(text, cases[i].text);
    }
    double value = 0;
    for (int i = -300; i < 300; i++) {
        aire__number_text(ldexp(1.2345, i), 17, text);
        assert_true(aire__number_parse(text, strlen(text), &value));
        assert_true(value == ldexp(1.2345, i));
    }
}

static void test_number__reads_numbers_only(void **state)
{
    static const char *const bad[] = {"",     " 1",  "1 ",  "x",     "1x",
                                      "0x10", "inf", "nan", "1e999", "--1"};
    double value = 7;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(aire__number_parse(bad[i], strlen(bad[i]), &value));
    assert_true(value == 7);
    assert_true(aire__number_parse("1.5e-3 x", 6, &value));
    assert_true(value == 0.0015);
}

static aire_status make_request(char **out)
{
    aire_plan_options options = AIRE_PLAN_OPTIONS_INIT;
    aire_plan *plan;
    options.kind = AIRE_PLAN_FRESH;
    options.count = 1;
    aire_status status = aire_plan_new(ctx, &options, &plan);
    const aire_prompt_request wanted = {.env = &env, .plan = plan, .max = AIRE_PROMPT_MAX};
    if (status == AIRE_OK)
        status = aire__prompt_ideas(ctx, &wanted, out);
    aire_plan_unref(plan);
    return status;
}

static void test_prompt__survives_want_of_memory(void **state)
{
    aire_parsed_ideas ideas;
    aire_patch *patch;
    aire_idea *idea = make_idea(7, "Wider", "A wider model.", "width = 8");
    char *text;
    OOM_LOOP(&memory, make_request(&text), aire_free(ctx, text));
    aire_prompt_task task = {&env, NULL, idea, 0};
    OOM_LOOP(&memory, aire__prompt_implement(ctx, &task, &text), aire_free(ctx, text));
    OOM_LOOP(&memory, aire__prompt_revise(ctx, NULL, "no", &text), aire_free(ctx, text));
    OOM_LOOP(&memory,
             aire__prompt_parse_ideas(ctx,
                                      "[Experiment 1: Warm up] x [Code Changes] y [Experiment]"
                                      "Cool down",
                                      9, false, &ideas),
             aire__parsed_ideas_free(&ideas));
    OOM_LOOP(&memory, aire__prompt_parse_patch(ctx, DIFF_A, &patch), aire_patch_unref(patch));
    aire_idea_unref(idea);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request__shows_the_code_and_the_problem),
        cmocka_unit_test(test_request__lists_parents_and_ideas_to_avoid),
        cmocka_unit_test(test_request__stays_in_its_bound_and_says_what_is_left_out),
        cmocka_unit_test(test_request__keeps_the_log_of_an_evaluation_secret),
        cmocka_unit_test(test_request__is_trimmed_in_the_declared_order),
        cmocka_unit_test(test_request__keeps_what_the_manifest_names_first),
        cmocka_unit_test(test_tokens__are_estimated_by_family),
        cmocka_unit_test(test_request__for_notes),
        cmocka_unit_test(test_request__for_a_patch),
        cmocka_unit_test(test_request__about_a_patch),
        cmocka_unit_test(test_verdict__is_read_as_it_comes),
        cmocka_unit_test(test_idea__says_its_kind),
        cmocka_unit_test(test_ideas__are_found_however_they_are_decorated),
        cmocka_unit_test(test_ideas__stop_at_the_count_and_at_a_truncation),
        cmocka_unit_test(test_ideas__titles_are_one_short_line),
        cmocka_unit_test(test_patch__is_found_in_fences_and_prose),
        cmocka_unit_test(test_number__is_short_and_exact),
        cmocka_unit_test(test_number__reads_numbers_only),
        cmocka_unit_test(test_prompt__survives_want_of_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
