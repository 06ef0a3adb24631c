/* What ideators are given beside the plan: notes on what was learnt, and ideas that people have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aire/error.h"
#include "aire/ideator.h"
#include "base/fs.h"
#include "env/env.h"
#include "support/failing.h"

#define TEXT(text) ((char *)(uintptr_t)(text))

static failing memory;
static aire_ctx *ctx;
static char root[64];

static aire_env env = {
    .name = TEXT("toy"),
    .goal = TEXT("Make it better."),
    .rules = TEXT(""),
    .hints = TEXT(""),
    .budget_text = TEXT(""),
    .metric = {.name = TEXT("val_loss")},
};

static int setup(void **state)
{
    ctx = failing_ctx(&memory, 11);
    env.ctx = ctx;
    aire__ref_init(&env.refs); /* never dropped: the environment is static */
    snprintf(root, sizeof root, "/tmp/aire-notes-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
    assert_int_equal(aire__fs_remove_tree(ctx, root), AIRE_OK);
    assert_int_equal(atomic_load(&memory.live), 1);
    aire_ctx_unref(ctx);
    return 0;
}

static const char *write_file(const char *text)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/lines.jsonl", root);
    assert_int_equal(aire__fs_write(ctx, path, text, strlen(text), 0600), AIRE_OK);
    return path;
}

static aire_idea *make_idea(int64_t id, const char *text)
{
    aire_idea *idea;
    aire_idea_options options = AIRE_IDEA_OPTIONS_INIT;
    options.id = id;
    options.text = text;
    assert_int_equal(aire_idea_new(ctx, &options, &idea), AIRE_OK);
    return idea;
}

static aire_result *make_result(int64_t id, const char *text, double reward)
{
    aire_result *result;
    aire_result_options options = AIRE_RESULT_OPTIONS_INIT;
    options.kind = AIRE_RUN_IDEA;
    options.run_id = id;
    options.idea = make_idea(id, text);
    options.trust = AIRE_TRUST_EVALUATED;
    options.reward = reward;
    assert_int_equal(aire_result_new(ctx, &options, &result), AIRE_OK);
    aire_idea_unref(options.idea);
    return result;
}

static aire_plan *make_plan(int64_t id, int32_t count)
{
    aire_plan *plan;
    aire_plan_options options = AIRE_PLAN_OPTIONS_INIT;
    options.kind = AIRE_PLAN_FRESH;
    options.id = id;
    options.count = count;
    assert_int_equal(aire_plan_new(ctx, &options, &plan), AIRE_OK);
    return plan;
}

/* ---- notes ---- */

static char asked[8192];

static aire_status keep_request(const aire_model_call *call, void *user_data)
{
    const aire_model_call_options *c = aire_model_call_get(call);
    snprintf(asked, sizeof asked, "%s %s", c->purpose, c->request);
    return AIRE_OK;
}

static aire_ideator *make_chat(const char *answers, int32_t notes_every)
{
    char spec[160];
    aire_model *model;
    aire_ideator *ideator;
    aire_ideator_chat_options options = AIRE_IDEATOR_CHAT_OPTIONS_INIT;
    options.notes_every = notes_every;
    snprintf(spec, sizeof spec, "replay:%s", write_file(answers));
    assert_int_equal(aire_model_new(ctx, spec, NULL, &model), AIRE_OK);
    assert_int_equal(aire_ideator_chat_new(ctx, &env, model, &options, &ideator), AIRE_OK);
    aire_model_unref(model);
    return ideator;
}

static void test_notes__are_written_and_shown(void **state)
{
    aire_ideator *ideator =
        make_chat("{\"answer\": \"<think>hm</think>\\nWider is better.\"}\n"
                  "{\"answer\": \"[Experiment] Warm up [End]\"}\n{\"answer\": \" \"}\n"
                  "{\"answer\": \"Wider still.\"}\n",
                  2);
    aire_result *first = make_result(1, "Widen it", 0.5),
                *second = make_result(2, "Deepen it", 0.2);
    aire_plan *plan = make_plan(1, 1);
    aire_ideas *ideas;
    char *notes = TEXT("?");
    aire_ctx_set_call_sink(ctx, keep_request, NULL);
    asked[0] = '\0';
    assert_int_equal(aire_ideator_chat_tell(ideator, first, NULL, &notes), AIRE_OK);
    assert_null(notes);
    assert_string_equal(asked, "");
    assert_int_equal(aire_ideator_chat_tell(ideator, second, NULL, &notes), AIRE_OK);
    assert_string_equal(notes, "Wider is better.");
    aire_free(ctx, notes);
    assert_non_null(strstr(asked, "notes {"));
    assert_non_null(strstr(asked, "### Idea 1: Widen it"));
    assert_non_null(strstr(asked, "### Idea 2: Deepen it"));
    assert_non_null(strstr(asked, "reward 0.2"));
    assert_null(strstr(asked, "Notes on what was learnt"));

    assert_int_equal(aire_ideator_propose(ideator, plan, NULL, &ideas), AIRE_OK);
    aire_ideas_unref(ideas);
    assert_non_null(strstr(asked, "## Notes on what was learnt so far\\nWider is better.\\n"));

    /* What was told is not lost when the model fails. */
    assert_int_equal(aire_ideator_chat_tell(ideator, first, NULL, &notes), AIRE_OK);
    assert_int_equal(aire_ideator_chat_tell(ideator, second, NULL, &notes), AIRE_EMPTY);
    assert_null(notes);
    assert_int_equal(aire_ideator_chat_tell(ideator, second, NULL, &notes), AIRE_OK);
    assert_string_equal(notes, "Wider still.");
    assert_non_null(strstr(asked, "### Idea 1: Widen it"));
    assert_non_null(strstr(asked, "Wider is better.")); /* the earlier notes */
    aire_free(ctx, notes);
    aire_ctx_set_call_sink(ctx, NULL, NULL);
    aire_ideator_unref(ideator);
    aire_plan_unref(plan);
    aire_result_unref(first);
    aire_result_unref(second);
}

static void test_notes__are_given_back_after_a_restart(void **state)
{
    aire_ideator *ideator = make_chat("{\"answer\": \"[Experiment] Warm up [End]\"}\n", 0);
    aire_result *result = make_result(1, "Widen it", 0.5);
    aire_plan *plan = make_plan(1, 1);
    aire_ideas *ideas;
    char *notes;
    assert_int_equal(aire_ideator_chat_set_notes(ideator, "Known."), AIRE_OK);
    aire_ctx_set_call_sink(ctx, keep_request, NULL);
    assert_int_equal(aire_ideator_propose(ideator, plan, NULL, &ideas), AIRE_OK);
    aire_ctx_set_call_sink(ctx, NULL, NULL);
    assert_non_null(strstr(asked, "so far\\nKnown.\\n"));
    aire_ideas_unref(ideas);
    for (int i = 0; i < 5; i++) /* none are asked for */
        assert_int_equal(aire_ideator_chat_tell(ideator, result, NULL, &notes), AIRE_OK);
    assert_null(notes);
    assert_int_equal(aire_ideator_chat_set_notes(ideator, NULL), AIRE_INVALID);
    aire_plan_unref(plan);
    aire_result_unref(result);
    aire_ideator_unref(ideator);
}

static aire_status notes_whole(aire_result *result)
{
    char spec[160], *notes = NULL;
    aire_model *model = NULL;
    aire_ideator *ideator = NULL;
    aire_ideator_chat_options options = AIRE_IDEATOR_CHAT_OPTIONS_INIT;
    options.notes_every = 1;
    snprintf(spec, sizeof spec, "replay:%s/lines.jsonl", root);
    aire_status status = aire_model_new(ctx, spec, NULL, &model);
    if (status == AIRE_OK)
        status = aire_ideator_chat_new(ctx, &env, model, &options, &ideator);
    if (status == AIRE_OK)
        status = aire_ideator_chat_tell(ideator, result, NULL, &notes);
    aire_free(ctx, notes);
    aire_ideator_unref(ideator);
    aire_model_unref(model);
    return status;
}

/* ---- ideas that people supply ---- */

/* An ideator whose ideas say what they were asked for. */
static aire_status propose_other(aire_plan *plan, aire_cancel *cancel, aire_ideas **out,
                                 void *user_data)
{
    aire_idea *ideas[8];
    char text[64];
    size_t count = (size_t)aire_plan_count(plan);
    if (*(int *)user_data)
        return aire_error_set(AIRE_EMPTY, 0, "nothing");
    snprintf(text, sizeof text, "other of %d, %d to avoid", (int)count,
             (int)aire_plan_avoid_count(plan));
    for (size_t i = 0; i < count; i++)
        ideas[i] = make_idea(0, text);
    aire_status status = aire_ideas_new(ctx, ideas, count, out);
    for (size_t i = 0; i < count; i++)
        aire_idea_unref(ideas[i]);
    return status;
}

static int other_is_empty;

static aire_ideator *make_supplied(int32_t every, bool with_other)
{
    static const aire_ideator_ops ops = {sizeof ops, 0, propose_other, NULL};
    aire_ideator *other = NULL, *ideator;
    aire_ideator_supplied_options options = AIRE_IDEATOR_SUPPLIED_OPTIONS_INIT;
    options.every = every;
    options.path = write_file("{\"text\": \"one\"}\n{\"text\": \"two\"}\n{\"text\": \"three\"}\n");
    if (with_other)
        assert_int_equal(aire_ideator_new_from_ops(ctx, &ops, &other_is_empty, &other), AIRE_OK);
    assert_int_equal(aire_ideator_supplied_new(ctx, other, &options, &ideator), AIRE_OK);
    aire_ideator_unref(other);
    return ideator;
}

/* What a plan of a number is answered with. */
static const char *answer(aire_ideator *ideator, int64_t id, int32_t count)
{
    static char out[256];
    aire_plan *plan = make_plan(id, count);
    aire_ideas *ideas = NULL;
    aire_status status = aire_ideator_propose(ideator, plan, NULL, &ideas);
    snprintf(out, sizeof out, "%s", status == AIRE_OK ? "" : aire_status_name(status));
    for (size_t i = 0; ideas && i < aire_ideas_count(ideas); i++) {
        const aire_idea *idea = aire_ideas_get(ideas, i);
        assert_int_equal(aire_idea_ordinal(idea), i);
        assert_ptr_equal(aire_idea_plan(idea), plan);
        snprintf(out + strlen(out), sizeof out - strlen(out), "%s;", aire_idea_text(idea));
    }
    aire_ideas_unref(ideas);
    aire_plan_unref(plan);
    return out;
}

static void test_supplied__come_first(void **state)
{
    aire_ideator *ideator = make_supplied(0, true);
    assert_string_equal(answer(ideator, 3, 2), "other of 2, 0 to avoid;other of 2, 0 to avoid;");
    assert_string_equal(answer(ideator, 1, 2), "one;two;");
    assert_string_equal(answer(ideator, 2, 2), "three;other of 1, 1 to avoid;");
    assert_string_equal(answer(ideator, 1, 2), "one;two;"); /* the number decides */
    other_is_empty = 1;
    assert_string_equal(answer(ideator, 2, 2), "three;");
    assert_string_equal(answer(ideator, 3, 2), "AIRE_EMPTY");
    other_is_empty = 0;
    aire_ideator_unref(ideator);

    ideator = make_supplied(0, false);
    assert_string_equal(answer(ideator, 0, 2), "one;two;"); /* without numbers, one after another */
    assert_string_equal(answer(ideator, 0, 2), "three;");
    assert_string_equal(answer(ideator, 0, 2), "AIRE_EMPTY");
    aire_ideator_unref(ideator);
}

static void test_supplied__come_every_so_often(void **state)
{
    aire_ideator *ideator = make_supplied(3, true);
    assert_string_equal(answer(ideator, 1, 1), "other of 1, 0 to avoid;");
    assert_string_equal(answer(ideator, 2, 1), "other of 1, 0 to avoid;");
    assert_string_equal(answer(ideator, 3, 1), "one;");
    assert_string_equal(answer(ideator, 6, 1), "two;");
    assert_string_equal(answer(ideator, 9, 1), "three;");
    assert_string_equal(answer(ideator, 12, 1), "other of 1, 0 to avoid;");
    aire_ideator_unref(ideator);
}

static aire_status supplied_whole(aire_ideas *ideas, aire_plan *plan, aire_ideator *other)
{
    aire_ideator *ideator = NULL;
    aire_ideas *out = NULL;
    aire_ideator_supplied_options options = AIRE_IDEATOR_SUPPLIED_OPTIONS_INIT;
    options.ideas = ideas;
    aire_status status = aire_ideator_supplied_new(ctx, other, &options, &ideator);
    if (status == AIRE_OK)
        status = aire_ideator_propose(ideator, plan, NULL, &out);
    aire_ideas_unref(out);
    aire_ideator_unref(ideator);
    return status;
}

static void test_notes__survive_want_of_memory(void **state)
{
    aire_result *result = make_result(1, "Widen it", 0.5);
    aire_idea *idea = make_idea(0, "mine");
    aire_ideas *ideas;
    aire_plan *plan = make_plan(1, 2);
    aire_ideator_supplied_options options = AIRE_IDEATOR_SUPPLIED_OPTIONS_INIT;
    aire_ideator *ideator;
    write_file("{\"answer\": \"Wider.\"}\n");
    OOM_LOOP(&memory, notes_whole(result), (void)0);
    assert_int_equal(aire_ideas_new(ctx, &idea, 1, &ideas), AIRE_OK);
    OOM_LOOP(&memory, supplied_whole(ideas, plan, NULL), (void)0);
    assert_int_equal(aire_ideator_supplied_new(ctx, NULL, &options, &ideator), AIRE_INVALID);
    assert_null(ideator);
    options.ideas = ideas;
    options.path = "both";
    assert_int_equal(aire_ideator_supplied_new(ctx, NULL, &options, &ideator), AIRE_INVALID);
    aire_ideas_unref(ideas);
    aire_idea_unref(idea);
    aire_plan_unref(plan);
    aire_result_unref(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_notes__are_written_and_shown),
        cmocka_unit_test(test_notes__are_given_back_after_a_restart),
        cmocka_unit_test(test_supplied__come_first),
        cmocka_unit_test(test_supplied__come_every_so_often),
        cmocka_unit_test(test_notes__survive_want_of_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
