/* The patch engine as hosts use it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "aire/error.h"
#include "support/patch.h"

static const aire_patch_file given[] = {
    {"b.c", "b\n", 2, 1}, {"a.c", "a\n", 2, 1}, {"c.c", "c\n", 2, 0}};

static aire_patch *new_patch(const char *text)
{
    aire_patch *patch = NULL;
    assert_int_equal(aire_patch_new(ctx, AIRE_PATCH_ANSWER, text, strlen(text), &patch), AIRE_OK);
    return patch;
}

#define ANSWER                                                                                     \
    "a.c\n<<<<<<< SEARCH\na\n=======\nA\n>>>>>>> REPLACE\nb.c\n<<<<<<< SEARCH\nb\n=======\n"       \
    "B\nB\n>>>>>>> REPLACE\nnew.c\n```c\nx\n```\n"

static void test_api__applies_to_files_in_any_order(void **state)
{
    aire_patch *patch = new_patch(ANSWER);
    aire_patch_apply_options options = AIRE_PATCH_APPLY_OPTIONS_INIT;
    aire_patch_applied *applied;
    options.creatable = "x/**\n*.c";
    assert_int_equal(aire_patch_apply(ctx, patch, given, 3, &options, &applied), AIRE_OK);
    assert_int_equal(aire_patch_applied_outcome(applied), AIRE_OUTCOME_OK);
    assert_int_equal(aire_patch_applied_cause(applied), AIRE_CAUSE_NONE);
    assert_string_equal(aire_patch_applied_message(applied), "");
    assert_int_equal(aire_patch_applied_file_count(applied), 3);
    aire_patch_applied_file file = {.struct_size = sizeof file};
    assert_int_equal(aire_patch_applied_get_file(applied, 1, &file), AIRE_OK);
    assert_string_equal(file.path, "b.c");
    assert_string_equal(file.data, "B\nB\n");
    assert_int_equal(file.length, 4);
    assert_false(file.created);
    assert_int_equal(aire_patch_applied_get_file(applied, 2, &file), AIRE_OK);
    assert_true(file.created);
    assert_int_equal(aire_patch_applied_get_file(applied, 3, &file), AIRE_INVALID);
    aire_patch_applied_hunk hunk = {.struct_size = sizeof hunk};
    assert_int_equal(aire_patch_applied_hunk_count(applied), 3);
    assert_int_equal(aire_patch_applied_get_hunk(applied, 1, &hunk), AIRE_OK);
    assert_string_equal(hunk.path, "b.c");
    assert_int_equal(hunk.patch_line, 8);
    assert_int_equal(hunk.line, 1);
    assert_int_equal(hunk.how, AIRE_PLACED_EXACT);
    assert_int_equal(aire_patch_applied_get_hunk(applied, 3, &hunk), AIRE_INVALID);
    aire_patch_statistics sums = {.struct_size = sizeof sums};
    assert_int_equal(aire_patch_applied_statistics(applied, &sums), AIRE_OK);
    assert_int_equal(sums.files, 3);
    assert_int_equal(sums.hunks, 3);
    assert_int_equal(sums.added, 4);
    assert_int_equal(sums.removed, 2);
    assert_true(sums.confidence > 0.9 && sums.confidence <= 1);
    aire_patch_applied_unref(aire_patch_applied_ref(applied));
    aire_patch_applied_unref(applied);
    aire_patch_applied_unref(NULL);
    aire_patch_unref(patch);
}

static void test_api__a_refusal_gives_nothing_else(void **state)
{
    aire_patch *patch = new_patch(ANSWER); /* without options no file may be made */
    aire_patch_applied *applied;
    assert_int_equal(aire_patch_apply(ctx, patch, given, 3, NULL, &applied), AIRE_OK);
    assert_int_equal(aire_patch_applied_outcome(applied), AIRE_OUTCOME_VIOLATION);
    assert_int_equal(aire_patch_applied_cause(applied), AIRE_CAUSE_PATCH_ROLE);
    assert_non_null(strstr(aire_patch_applied_message(applied), "new.c"));
    assert_string_equal(aire_patch_applied_diff(applied), "");
    assert_int_equal(aire_patch_applied_file_count(applied), 0);
    assert_int_equal(aire_patch_applied_hunk_count(applied), 0);
    aire_patch_applied_unref(applied);
    aire_patch_unref(patch);
}

static void test_api__refuses_wrong_arguments(void **state)
{
    aire_patch *patch = new_patch(ANSWER);
    aire_patch_applied *applied = NULL;
    const aire_patch_file twice[] = {{"a.c", "", 0, 1}, {"a.c", "", 0, 1}},
                          out = {"../a", "", 0, 1}, none = {"a.c", NULL, 0, 1};
    aire_patch_apply_options options = {.struct_size = 1};
    assert_int_equal(aire_patch_apply(ctx, patch, given, 3, NULL, NULL), AIRE_INVALID);
    assert_int_equal(aire_patch_apply(NULL, patch, given, 3, NULL, &applied), AIRE_INVALID);
    assert_int_equal(aire_patch_apply(ctx, NULL, given, 3, NULL, &applied), AIRE_INVALID);
    assert_int_equal(aire_patch_apply(ctx, patch, NULL, 3, NULL, &applied), AIRE_INVALID);
    assert_int_equal(aire_patch_apply(ctx, patch, twice, 2, NULL, &applied), AIRE_INVALID);
    assert_non_null(strstr(aire_error_message(aire_last_error()), "given twice"));
    assert_int_equal(aire_patch_apply(ctx, patch, &out, 1, NULL, &applied), AIRE_INVALID);
    assert_int_equal(aire_patch_apply(ctx, patch, &none, 1, NULL, &applied), AIRE_INVALID);
    assert_int_equal(aire_patch_apply(ctx, patch, given, 3, &options, &applied), AIRE_ABI);
    assert_null(applied);
    assert_int_equal(aire_patch_apply(ctx, patch, NULL, 0, NULL, &applied), AIRE_OK);
    assert_int_equal(aire_patch_applied_outcome(applied), AIRE_OUTCOME_PATCH_FAILED);
    aire_patch_applied_unref(applied);
    aire_patch_unref(patch);
}

static void test_api__fails_cleanly_without_memory(void **state)
{
    aire_patch *patch = new_patch(ANSWER);
    aire_patch_apply_options options = AIRE_PATCH_APPLY_OPTIONS_INIT;
    aire_patch_applied *applied;
    options.creatable = "*.c\nx/*";
    OOM_LOOP(&memory, aire_patch_apply(ctx, patch, given, 3, &options, &applied),
             aire_patch_applied_unref(applied));
    aire_patch_unref(patch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api__applies_to_files_in_any_order),
        cmocka_unit_test(test_api__a_refusal_gives_nothing_else),
        cmocka_unit_test(test_api__refuses_wrong_arguments),
        cmocka_unit_test(test_api__fails_cleanly_without_memory),
    };
    return cmocka_run_group_tests(tests, patch_setup, patch_teardown);
}
