/* Where hunks go when a file has several places like it, and what is told of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/patch.h"

/* Three functions that differ in their names alone. */
static const char alike[] = "int first(int n)\n{\n    int sum = 0;\n    return sum;\n}\n\n"
                            "int second(int n)\n{\n    int sum = 0;\n    return sum;\n}\n\n"
                            "int third(int n)\n{\n    int sum = 0;\n    return sum;\n}\n";

static aire_patch_source files[] = {{"f.c", alike, sizeof alike - 1, true}};
static const aire_patch_base base = {files, 1, NULL, NULL};

static aire_status apply(const char *answer, aire_patched *out)
{
    return apply_as(AIRE_PATCH_ANSWER, answer, &base, out);
}

/* Which of the three functions got "sum = 1": a bit each. */
static int changed(const aire_patched *out)
{
    int bits = 0;
    const char *at = out->edits[0].data;
    for (int i = 0; i < 3; i++) {
        at = strstr(at, "int sum = ");
        assert_non_null(at);
        bits |= (at[10] == '1') << i;
        at++;
    }
    return bits;
}

#define NAMES "--- a/f.c\n+++ b/f.c\n"
#define LINES "-    int sum = 0;\n+    int sum = 1;\n"

static void test_place__ties_are_broken_by_what_the_patch_says(void **state)
{
    static const struct {
        const char *answer;
        int functions; /* 0: refused */
    } rows[] = {
        {NAMES "@@\n" LINES, 0},
        {NAMES "@@ -9 +9 @@\n" LINES, 2},
        {NAMES "@@ -7 +7 @@\n" LINES, 0}, /* between two of them */
        {NAMES "@@ int second(int n) @@\n" LINES, 2},
        {NAMES "@@ -1,1 +1,1 @@ int third(int n)\n" LINES, 4},
        {"f.c\n<<<<<<< SEARCH\n    int sum = 0;\n=======\n    int sum = 1;\n>>>>>>> REPLACE\n", 0},
        /* in order, and one for each */
        {NAMES "@@\n" LINES "@@\n" LINES "@@\n" LINES, 7},
        /* numbers that are off by as much as those of a hunk that is found */
        {NAMES "@@ -5,2 +5,2 @@\n-int first(int n)\n+int first(long n)\n {\n@@ -13 +13 @@\n" LINES,
         2},
        /* between two hunks that are found, by order and numbers */
        {NAMES
         "@@ -100,2 +100,2 @@\n-int second(int n)\n+int second(long n)\n {\n@@ -101 +101 @@\n" LINES
         "@@ -102,2 +102,2 @@\n-int third(int n)\n+int third(long n)\n {\n",
         2},
        /* lines around it tell, though one is wrong */
        {NAMES "@@ -1,5 +1,5 @@\n int second(int m)\n {\n" LINES "     return sum;\n }\n", 2},
        {"f.c\n<<<<<<< SEARCH\nint third(int n)\n\n{\n    int sum = 0;\n=======\nint third(int "
         "n)\n\n{\n    int sum = 1;\n"
         ">>>>>>> REPLACE\n",
         4},
        /* the right hunk again, and a place of its own for each */
        {NAMES "@@ -3 +3 @@\n" LINES "@@ -3 +3 @@\n" LINES, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        aire_patched out;
        assert_int_equal(apply(rows[i].answer, &out), AIRE_OK);
        int got = out.outcome == AIRE_OUTCOME_OK ? changed(&out) : 0;
        if (got != rows[i].functions)
            fail_msg("row %zu: %d instead of %d: %s", i, got, rows[i].functions, out.message);
        aire__patched_free(&out);
    }
}

static void test_place__a_refusal_shows_the_places(void **state)
{
    aire_patched out;
    assert_int_equal(apply(NAMES "@@\n" LINES, &out), AIRE_OK);
    assert_int_equal(out.cause, AIRE_CAUSE_PATCH_CONTEXT);
    assert_non_null(strstr(out.message, "f.c, hunk 1 of 1"));
    assert_non_null(strstr(out.message, "     3|     int sum = 0;\n"));
    assert_non_null(strstr(out.message, "     9|     int sum = 0;\n"));
    assert_non_null(strstr(out.message, "more of the lines around it"));
    aire__patched_free(&out);
}

static void test_place__how_sure_it_is_is_told(void **state)
{
    static const struct {
        const char *answer;
        int32_t how;
        size_t line;
        double least, most;
    } rows[] = {
        {NAMES "@@ -3 +3 @@\n" LINES, AIRE_PLACED_EXACT, 3, 1, 1},
        {NAMES "@@ -2,3 +2,3 @@\n int second(int n)\n {\n" LINES, AIRE_PLACED_MOVED, 7, 0.9, 0.999},
        {NAMES "@@ -7,3 +7,3 @@\n int second( int n )\n {\n" LINES, AIRE_PLACED_WHITESPACE, 7, 0.8,
         0.98},
        {NAMES "@@ -7,5 +7,5 @@\n int second(int m)\n {\n" LINES "     return sum;\n }\n",
         AIRE_PLACED_FUZZY, 7, 0.5, 0.9},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        aire_patched out;
        assert_int_equal(apply(rows[i].answer, &out), AIRE_OK);
        if (out.outcome != AIRE_OUTCOME_OK)
            fail_msg("row %zu: %s", i, out.message);
        assert_int_equal(out.hunk_count, 1);
        assert_int_equal(out.hunks[0].how, rows[i].how);
        assert_int_equal(out.hunks[0].line, rows[i].line);
        assert_string_equal(out.names[out.hunks[0].file], "f.c");
        assert_true(out.hunks[0].confidence >= rows[i].least &&
                    out.hunks[0].confidence <= rows[i].most);
        aire__patched_free(&out);
    }
}

static void test_place__removed_lines_are_never_guessed(void **state)
{
    static const char *const answers[] = {
        NAMES "@@ -7,5 +7,5 @@\n int second(int n)\n {\n-    int sum = 10;\n+    int sum = 1;\n    "
              " return sum;\n }\n",
        NAMES "@@ -7,5 +7,5 @@\n int second(int n)\n {\n-    int total;\n+    int sum = 1;\n     "
              "return sum;\n }\n",
        "f.c\n<<<<<<< SEARCH\n    int sum = 0;\n    n++;\n=======\n    int sum = 1;\n>>>>>>> "
        "REPLACE\n",
        /* beside a line that the file has not: was it to be added? */
        NAMES "@@ -7,5 +7,6 @@\n int second(int n)\n {\n     check(n);\n+    audit(n);\n     int "
              "sum = 0;\n     return sum;\n",
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        aire_patched out;
        assert_int_equal(apply(answers[i], &out), AIRE_OK);
        if (out.outcome != AIRE_OUTCOME_PATCH_FAILED)
            fail_msg("%s\nwas applied:\n%s", answers[i], out.diff);
        aire__patched_free(&out);
    }
}

/* What is left of the context stands in the first function, the header means the second. */
static void test_place__a_short_hunk_is_not_moved_from_where_it_begins(void **state)
{
    static const char text[] = "void a(void)\n{\n    init(buf);\n}\n\n"
                               "void b(void)\n{\n    init(buf);\n    return done;\n}\n";
    aire_patch_source two[] = {{"f.c", text, sizeof text - 1, true}};
    const aire_patch_base on = {two, 1, NULL, NULL};
    aire_patched out;
    assert_int_equal(apply_as(AIRE_PATCH_ANSWER,
                              NAMES "@@ -8,2 +8,3 @@\n     init(buf);\n }\n+/* end */\n", &on,
                              &out),
                     AIRE_OK);
    assert_int_equal(out.outcome, AIRE_OUTCOME_PATCH_FAILED);
    assert_non_null(strstr(out.message, "several places"));
    aire__patched_free(&out);
}

static void test_place__fails_cleanly_without_memory(void **state)
{
    aire_patched out;
    OOM_LOOP(&memory, apply(NAMES "@@\n" LINES "@@\n" LINES "@@\n" LINES, &out),
             aire__patched_free(&out));
    OOM_LOOP(&memory, apply(NAMES "@@\n" LINES, &out), aire__patched_free(&out));
    OOM_LOOP(&memory,
             apply(NAMES "@@ -1,5 +1,5 @@\n int second(int m)\n {\n" LINES "     return sum;\n }\n",
                   &out),
             aire__patched_free(&out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_place__ties_are_broken_by_what_the_patch_says),
        cmocka_unit_test(test_place__a_refusal_shows_the_places),
        cmocka_unit_test(test_place__how_sure_it_is_is_told),
        cmocka_unit_test(test_place__removed_lines_are_never_guessed),
        cmocka_unit_test(test_place__a_short_hunk_is_not_moved_from_where_it_begins),
        cmocka_unit_test(test_place__fails_cleanly_without_memory),
    };
    return cmocka_run_group_tests(tests, patch_setup, patch_teardown);
}
