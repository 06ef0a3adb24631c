/* Requests as hosts may look at them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aire/error.h"
#include "aire/prompt.h"
#include "support/failing.h"

static failing memory;
static aire_ctx *ctx;
static aire_env *env;
static aire_plan *plan;
static aire_idea *idea;

static int setup(void **state)
{
    char path[512];
    aire_env_options options = AIRE_ENV_OPTIONS_INIT;
    aire_plan_options wanted = AIRE_PLAN_OPTIONS_INIT;
    aire_idea_options given = AIRE_IDEA_OPTIONS_INIT;
    ctx = failing_ctx(&memory, 0);
    options.adapter = "auto";
    wanted.kind = AIRE_PLAN_FRESH;
    wanted.count = 7;
    given.text = "Take smaller steps.";
    snprintf(path, sizeof path, "%s/data/openevolve/minimise", getenv("AIRE_TESTS"));
    return aire_env_open(ctx, path, &options, &env) == AIRE_OK &&
                   aire_plan_new(ctx, &wanted, &plan) == AIRE_OK &&
                   aire_idea_new(ctx, &given, &idea) == AIRE_OK
               ? 0
               : -1;
}

static int teardown(void **state)
{
    aire_idea_unref(idea);
    aire_plan_unref(plan);
    aire_env_unref(env);
    aire_ctx_unref(ctx);
    return atomic_load(&memory.live) == 0 ? 0 : -1;
}

static void test_show__has_what_a_model_gets(void **state)
{
    char *text;
    assert_int_equal(aire_prompt_ideas(ctx, env, plan, NULL, &text), AIRE_OK);
    assert_non_null(strstr(text, "7 ideas"));
    assert_non_null(strstr(text, "def search(steps=40):"));
    assert_non_null(strstr(text, "EVOLVE-BLOCK-START"));
    assert_null(strstr(text, "def evaluate_stage1"));
    assert_null(strstr(text, "aire_openevolve"));
    aire_free(ctx, text);
    assert_int_equal(aire_prompt_patch(ctx, env, idea, NULL, 0, &text), AIRE_OK);
    assert_non_null(strstr(text, "Take smaller steps."));
    aire_free(ctx, text);
}

static void test_show__refuses_what_is_missing(void **state)
{
    char *text;
    assert_int_equal(aire_prompt_ideas(ctx, env, NULL, NULL, &text), AIRE_INVALID);
    assert_int_equal(aire_prompt_ideas(ctx, env, plan, NULL, NULL), AIRE_INVALID);
    assert_int_equal(aire_prompt_patch(ctx, NULL, idea, NULL, 0, &text), AIRE_INVALID);
    assert_int_equal(aire_prompt_ideas(ctx, env, plan, "/no/such", &text), AIRE_NOT_FOUND);
    assert_int_equal(aire_prompt_patch(ctx, env, idea, "/no/such", 0, &text), AIRE_NOT_FOUND);
}

static void test_show__runs_out_of_memory(void **state)
{
    char *text;
    OOM_LOOP(&memory, aire_prompt_ideas(ctx, env, plan, NULL, &text), aire_free(ctx, text));
    OOM_LOOP(&memory, aire_prompt_patch(ctx, env, idea, NULL, 0, &text), aire_free(ctx, text));
}

static void test_show__estimates_tokens(void **state)
{
    assert_int_equal(aire_prompt_tokens("anthropic:claude-x", "123456"), 2);
    assert_int_equal(aire_prompt_tokens("anthropic:claude-x", "1234567"), 3);
    assert_int_equal(aire_prompt_tokens("", ""), 0);
}

static void test_files__are_shown(void **state)
{
    bool seen = false;
    for (size_t i = 0; i < aire_env_file_count(env); i++) {
        size_t length;
        int32_t is_program = -1;
        char *regions;
        const char *data = aire_env_file_data(env, i, &length, &is_program);
        assert_int_equal(strlen(data), length);
        assert_int_equal(is_program, 0);
        assert_int_equal(aire_env_file_regions(env, i, &regions), AIRE_OK);
        bool is_editable = aire_env_file_role(env, i) == AIRE_FILE_EDITABLE;
        assert_string_equal(regions, is_editable ? "13 to 20" : "");
        seen = seen || is_editable;
        aire_free(ctx, regions);
        OOM_LOOP(&memory, aire_env_file_regions(env, i, &regions), aire_free(ctx, regions));
    }
    assert_true(seen);
    char *regions;
    assert_null(aire_env_file_data(env, 99, NULL, NULL));
    assert_int_equal(aire_env_file_regions(env, 99, &regions), AIRE_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_show__has_what_a_model_gets),
        cmocka_unit_test(test_show__refuses_what_is_missing),
        cmocka_unit_test(test_show__runs_out_of_memory),
        cmocka_unit_test(test_show__estimates_tokens),
        cmocka_unit_test(test_files__are_shown),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
