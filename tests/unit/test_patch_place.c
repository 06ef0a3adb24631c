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

/* What an answer makes of a file f.c; NULL: it is refused. */
typedef struct made_row {
    const char *file, *answer, *made;
} made_row;

static void expect_rows(const made_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        aire_patch_source one[] = {{"f.c", rows[i].file, strlen(rows[i].file), true}};
        const aire_patch_base on = {one, 1, NULL, NULL};
        aire_patched out;
        assert_int_equal(apply_as(AIRE_PATCH_ANSWER, rows[i].answer, &on, &out), AIRE_OK);
        if (rows[i].made)
            expect_content(rows[i].answer, &out, "f.c", rows[i].made);
        else if (out.outcome == AIRE_OUTCOME_OK)
            fail_msg("%s\nwas applied:\n%s", rows[i].answer, out.diff);
        aire__patched_free(&out);
    }
}

#define BLOCK(search, replace)                                                                     \
    "f.c\n<<<<<<< SEARCH\n" search "=======\n" replace ">>>>>>> REPLACE\n"
#define EXPECT_ROWS(rows) expect_rows(rows, sizeof rows / sizeof *rows)

static void test_place__a_piece_of_a_line_ends_between_words(void **state)
{
    static const char file[] = "lr = 1\nmax_steps = 100\nrate = 2.5  # slow\nf(x, p=0.1, n=3)\n";
    static const made_row rows[] = {
        {file, BLOCK("steps = 100\n", "steps = 200\n"), NULL},
        {file, BLOCK("max_steps = 10\n", "max_steps = 20\n"), NULL},
        {file, BLOCK("lr = 1\nmax_steps = 10\n", "lr = 2\nmax_steps = 10\n"), NULL},
        {file, BLOCK("rate = 2\n", "rate = 3\n"), NULL},
        {file, BLOCK("rate = 2.5\n", ""), NULL},
        {file, BLOCK("f(x, p=0\n", "f(x, p=1\n"), NULL},
        {"n = a + b\n", BLOCK("n = a\n", "n = c\n"), NULL},
        {"# n = 1 is enough\n", BLOCK("n = 1\n", "n = 2\n"), NULL},
        {"x == 10\n", BLOCK("= 10\n", "= 20\n"), NULL},
        {"max-steps: 100\n", BLOCK("steps: 100\n", "steps: 200\n"), NULL},
        {file, BLOCK("rate = 2.5\n", "rate = 3.5\n"),
         "lr = 1\nmax_steps = 100\nrate = 3.5  # slow\nf(x, p=0.1, n=3)\n"},
        {file, BLOCK("p=0.1\n", "p=0.2\n"),
         "lr = 1\nmax_steps = 100\nrate = 2.5  # slow\nf(x, p=0.2, n=3)\n"},
        {file, BLOCK("f(x,\n", "g(x,\n"),
         "lr = 1\nmax_steps = 100\nrate = 2.5  # slow\ng(x, p=0.1, n=3)\n"},
        {"const int n = 1;\n", BLOCK("int n = 1\n", "int n = 2\n"), "const int n = 2;\n"},
    };
    EXPECT_ROWS(rows);
}

static void test_place__indentation_is_known_or_refused(void **state)
{
    static const char file[] = "def f(x):\n    if x:\n        a(x)\n    else:\n        b(x)\n"
                               "    return x\n";
    static const made_row rows[] = {
        /* only the first line has lost it */
        {file, BLOCK("a(x)\n    else:\n        b(x)\n", "c(x)\n    else:\n        d(x)\n"),
         "def f(x):\n    if x:\n        c(x)\n    else:\n        d(x)\n    return x\n"},
        /* one text has lost it, the other has not */
        {file, BLOCK("a(x)\n", "        a(x)\n        c(x)\n"),
         "def f(x):\n    if x:\n        a(x)\n        c(x)\n    else:\n        b(x)\n    return "
         "x\n"},
        {file, BLOCK("        a(x)\n", "a(x)\nc(x)\n"),
         "def f(x):\n    if x:\n        a(x)\n        c(x)\n    else:\n        b(x)\n    return "
         "x\n"},
        {file, BLOCK("        a(x)\n", "if y:\n    a(x)\n"),
         "def f(x):\n    if x:\n        if y:\n            a(x)\n    else:\n        b(x)\n    "
         "return "
         "x\n"},
        /* what stands outside is meant so */
        {file, BLOCK("    return x\n", "    return x\n\n\nf(1)\n"),
         "def f(x):\n    if x:\n        a(x)\n    else:\n        b(x)\n    return x\n\n\nf(1)\n"},
        {"for x in y:\n    a(x)\n    b(x)\nc()\n", BLOCK("    b(x)\n", "b(x)\n"),
         "for x in y:\n    a(x)\nb(x)\nc()\n"},
        /* all is flat: what takes the place of a line stands where it did */
        {file, BLOCK("if x:\na(x)\nelse:\nb(x)\n", "if x:\nc(x)\nelse:\nd(x)\n"),
         "def f(x):\n    if x:\n        c(x)\n    else:\n        d(x)\n    return x\n"},
        {file, BLOCK("if x:\na(x)\nelse:\n", "if x:\na(x)\nc(x)\nelse:\n"),
         "def f(x):\n    if x:\n        a(x)\n        c(x)\n    else:\n        b(x)\n    return "
         "x\n"},
        {file, BLOCK("b(x)\nreturn x\n", "b(x)\nc(x)\nreturn x\n"), NULL},
        {file, BLOCK("return x\n", "if y:\nreturn y\nreturn x\n"), NULL},
        /* a blank behind each sign */
        {file,
         NAMES "@@ -4,3 +4,4 @@\n      else:\n          b(x)\n+         c(x)\n      return x\n",
         "def f(x):\n    if x:\n        a(x)\n    else:\n        b(x)\n        c(x)\n    return "
         "x\n"},
        /* the sign took the place of a blank */
        {file,
         NAMES
         "@@ -2,3 +2,4 @@\n     if x:\n-        a(x)\n+       a(x)\n+       c(x)\n     else:\n",
         "def f(x):\n    if x:\n        a(x)\n        c(x)\n    else:\n        b(x)\n    return "
         "x\n"},
        {"/*\n * one\n * two\n */\n", NAMES "@@ -2,2 +2,2 @@\n  * one\n- * two\n+* three\n",
         "/*\n * one\n * three\n */\n"},
        {file,
         NAMES
         "@@ -5,2 +5,2 @@\n         b(x)\n-    return x\n+    return f(x,\n+             y)\n",
         "def f(x):\n    if x:\n        a(x)\n    else:\n        b(x)\n    return f(x,\n           "
         "  y)\n"},
    };
    EXPECT_ROWS(rows);
}

static void test_place__what_is_not_changed_stays(void **state)
{
    static const made_row rows[] = {
        /* the ends of lines */
        {"a\r\nb\nc\r\nd\n", NAMES "@@ -2,3 +2,3 @@\n b\n-c\n+C\n d\n", "a\r\nb\nC\r\nd\n"},
        {"a\r\nb\nc\r\n", NAMES "@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n", "a\r\nB\nc\r\n"},
        {"a\nb\nlast", BLOCK("b\nlast\n", "b\n"), "a\nb"},
        /* a byte order mark */
        {"\xEF\xBB\xBFx = 1\ny = 2\n", NAMES "@@ -1,2 +1,2 @@\n-x = 1\n+x = 5\n y = 2\n",
         "\xEF\xBB\xBFx = 5\ny = 2\n"},
        {"\xEF\xBB\xBFx = 1\n", BLOCK("x = 1\n", "\xEF\xBB\xBFz = 0\nx = 1\n"),
         "\xEF\xBB\xBFz = 0\nx = 1\n"},
        {"\xEF\xBB\xBFx = 1\ny = 2\n", BLOCK("x = 1\n", ""), "\xEF\xBB\xBFy = 2\n"},
        /* signs and white space beside what is changed */
        {"He said “yes” – often.\n",
         BLOCK("He said \"yes\" - often.\n", "He said \"no\" - often.\n"),
         "He said “no” – often.\n"},
        {"#define N\t\t1\n#define M\t2\n", BLOCK("#define N 1\n", "#define N_MAX 1\n"),
         "#define N_MAX\t\t1\n#define M\t2\n"},
    };
    EXPECT_ROWS(rows);
}

/* Of ten functions that differ in a name, one is meant: by a name that none of them has. */
static void test_place__many_places_alike_are_told_apart(void **state)
{
    static const char *const names[] = {"beta", "kappa", "delta", "sigma", "zeta",
                                        "eta",  "gamma", "iota",  "omega", "theta"};
    char file[2048] = "";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        snprintf(file + strlen(file), sizeof file - strlen(file),
                 "int %s(int n)\n{\n    n = load(n);\n    return next(n);\n}\n\n", names[i]);
    const made_row rows[] = {
        {file, NAMES "@@\n int thet(int n)\n {\n-    n = load(n);\n     return next(n);\n }\n",
         NULL},
        {file,
         NAMES "@@\n int iota(int n)\n {\n     n = load(n);\n     return next(n);\n }\n"
               " int omega(int n)\n {\n-    n = load(n);\n     return next(n);\n",
         NULL}, /* a line of what lies between is missing */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        aire_patch_source one[] = {{"f.c", file, strlen(file), true}};
        const aire_patch_base on = {one, 1, NULL, NULL};
        aire_patched out;
        assert_int_equal(apply_as(AIRE_PATCH_ANSWER, rows[i].answer, &on, &out), AIRE_OK);
        const char *meant = strstr(file, i ? "int omega" : "int theta");
        if (out.outcome == AIRE_OUTCOME_OK)
            assert_memory_equal(out.edits[0].data, file, (size_t)(meant - file));
        aire__patched_free(&out);
    }
}

static void test_place__context_on_one_side_alone_is_not_believed(void **state)
{
    static const char file[] = "    .x = x,\n    .gain = gain,\n    .out = dx,\n"
                               "    .stats = stats,\n    .bias = bias,\n    .job = job};\n";
    static const made_row rows[] = {
        {file,
         NAMES
         "@@ -9,6 +9,6 @@\n     .x = x,\n     .gain = gain,\n-    .out = dx,\n+    .out = dy,\n"
         "     .stats = rstd,\n     .gain = dgain};\n     backward(job);\n",
         NULL},
        /* the answer breaks off in a line: more may have followed */
        {file,
         "```diff\n" NAMES "@@ -1,4 +1,4 @@\n     .x = x,\n     .gain = gain,\n"
         "-    .out = dx,\n+    .out = dy,\n     .stats = st",
         NULL},
    };
    EXPECT_ROWS(rows);
}

static void test_place__fails_cleanly_without_memory(void **state)
{
    aire_patched out;
    OOM_LOOP(&memory, apply(NAMES "@@\n" LINES "@@\n" LINES "@@\n" LINES, &out),
             aire__patched_free(&out));
    OOM_LOOP(&memory, apply(NAMES "@@\n" LINES, &out), aire__patched_free(&out));
    OOM_LOOP(&memory, apply(BLOCK("int second(int\n", "long second(int\n"), &out),
             aire__patched_free(&out));
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
        cmocka_unit_test(test_place__a_piece_of_a_line_ends_between_words),
        cmocka_unit_test(test_place__indentation_is_known_or_refused),
        cmocka_unit_test(test_place__what_is_not_changed_stays),
        cmocka_unit_test(test_place__many_places_alike_are_told_apart),
        cmocka_unit_test(test_place__context_on_one_side_alone_is_not_believed),
        cmocka_unit_test(test_place__fails_cleanly_without_memory),
    };
    return cmocka_run_group_tests(tests, patch_setup, patch_teardown);
}
