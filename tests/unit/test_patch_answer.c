/* What models write instead of a right diff: all forms, and what happens to them on the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/patch.h"

static const char code[] = "import os\n"
                           "\n"
                           "\n"
                           "def rate(step):\n"
                           "    if step < 10:\n"
                           "        return 0.1\n"
                           "    return 0.01\n"
                           "\n"
                           "\n"
                           "def main():\n"
                           "    for step in range(100):\n"
                           "        print(rate(step), 'a - b', \"c\")\n"
                           "\n"
                           "\n"
                           "main()\n";

static const char tabbed[] =
    "int f(int a)\n{\n\tif (a) {\n\t\treturn a - 1;\n\t}\n\treturn 0;\n}\n";

/* The files of a small project, of which two have the same last part of their name. */
static aire_patch_source project[] = {
    {"lib/tabs.c", tabbed, sizeof tabbed - 1, true},
    {"src/train.py", code, sizeof code - 1, true},
    {"tests/check.py", "ok = 1\n", 7, false},
};

static bool may_make(const char *path, void *unused)
{
    return strncmp(path, "src/", 4) == 0;
}

static const aire_patch_base base = {project, 3, may_make, NULL};

static aire_status apply(const char *answer, aire_patched *out)
{
    return apply_as(AIRE_PATCH_ANSWER, answer, &base, out);
}

/* `code` with one text in the place of another. */
static const char *with(const char *from, const char *to)
{
    static char out[2048];
    const char *at = strstr(code, from);
    assert_non_null(at);
    snprintf(out, sizeof out, "%.*s%s%s", (int)(at - code), code, to, at + strlen(from));
    return out;
}

static void expect(const char *answer, const char *path, const char *content)
{
    aire_patched out;
    assert_int_equal(apply(answer, &out), AIRE_OK);
    expect_content(answer, &out, path, content);
    aire__patched_free(&out);
}

static void expect_refusal(const char *answer, int32_t outcome, const char *says)
{
    aire_patched out;
    assert_int_equal(apply(answer, &out), AIRE_OK);
    if (out.outcome != outcome || !strstr(out.message, says))
        fail_msg("%s\noutcome %d: %s", answer, out.outcome, out.message);
    assert_int_equal(out.edit_count + out.hunk_count + out.name_count, 0);
    aire__patched_free(&out);
}

/* The change that most answers here make. */
#define CHANGED with("return 0.01", "return 0.02")
#define BODY "         return 0.1\n-    return 0.01\n+    return 0.02\n \n"
#define HUNK "@@ -6,3 +6,3 @@\n" BODY
#define NAMES "--- a/src/train.py\n+++ b/src/train.py\n"

static void expect_change(const char *const *answers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        expect(answers[i], "src/train.py", CHANGED);
}

#define EXPECT_CHANGE(answers) expect_change(answers, sizeof(answers) / sizeof *(answers))

static void test_answer__diffs_with_damaged_headers(void **state)
{
    static const char *const answers[] = {
        NAMES HUNK,
        "Here it is:\n```diff\n" NAMES HUNK "```\nIt is slower.\n",
        "~~~~patch\n" NAMES HUNK "~~~~\n",
        "```diff\n" NAMES NAMES HUNK "```\n",                               /* twice */
        "```diff\n--- a/src/train.py\n" HUNK "```\n",                       /* one lost */
        "```diff\n+++ b/src/train.py\n" HUNK "```\n",                       /* the other lost */
        "```diff\ndiff --git a/src/train.py b/src/train.py\n" HUNK "```\n", /* both lost */
        "```diff src/train.py\n" HUNK "```\n",
        "Change `src/train.py` so:\n```diff\n" HUNK "```\n",
        "```diff\n" HUNK "```\n", /* no name at all: only one file has such lines */
        "```diff\n--- src/train.py\n+++ src/train.py\n" HUNK "```\n",
        "```diff\n--- a/a/src/train.py\n+++ b/b/src/train.py\n" HUNK "```\n",
        "```diff\n--- a/project/src/train.py\n+++ b/project/src/train.py\n" HUNK "```\n",
        "```diff\n--- train.py\n+++ train.py\n" HUNK "```\n",
        "```diff\n--- a/code/train.py\n+++ b/code/train.py\n" HUNK "```\n",
        "```diff\n--- src/train.py.orig\t2024-01-01\n+++ src/train.py\t2024-01-02\n" HUNK "```\n",
        "```diff\n--- original\n+++ modified\n" HUNK "```\n",
        "```diff\n--- a/path/to/file.py\n+++ b/path/to/file.py\n" HUNK "```\n",
        "```diff\n" NAMES "@@ -1,99 +5,2 @@\n" BODY "```\n", /* counts and numbers */
        "```diff\n" NAMES "@@ @@\n" BODY "```\n",
        "```diff\n" NAMES "@@ ... @@\n" BODY "```\n",
        "```diff\n" NAMES "@@\n" BODY "```\n",
        "```diff\n" NAMES "@@ def rate(step):\n" BODY "```\n",
        "```diff\n" NAMES BODY "```\n",
        "1. The change:\n\n   ```diff\n   --- a/src/train.py\n   +++ b/src/train.py\n   @@ -6,3 "
        "+6,3 @@\n"
        "            return 0.1\n   -    return 0.01\n   +    return 0.02\n    \n   ```\n",
        "From 1234 Mon Sep 17\nSubject: [PATCH]\n\n" NAMES HUNK "-- \n2.39.2\n",
    };
    EXPECT_CHANGE(answers);
}

static void test_answer__diffs_with_damaged_lines(void **state)
{
    static const char *const answers[] = {
        NAMES "@@ -6,3 +6,3 @@\n        return 0.1\n-    return 0.01\n+    return 0.02\n\n",
        NAMES "@@ -7 +7 @@\n-return 0.01\n+return 0.02\n",
        NAMES "@@ -7 +7 @@\n-\treturn 0.01\n+\treturn 0.02\n",
        NAMES "@@ -7 +7 @@\n-    return 0.01  \n+    return 0.02\n",
        "--- a/src/train.py\r\n+++ b/src/train.py\r\n@@ -7 +7 @@\r\n-    return 0.01\r\n+    "
        "return 0.02\r\n",
        NAMES "@@ -6,2 +6,2 @@\n      6|         return 0.1\n-     7|     return 0.01\n+     7|    "
              " return 0.02\n",
        NAMES "@@ -6,3 +6,3 @@\n "
              "\xc2\xa0\xc2\xa0\xc2\xa0\xc2\xa0\xc2\xa0\xc2\xa0\xc2\xa0\xc2\xa0return 0.1\n"
              "-\xc2\xa0\xc2\xa0\xc2\xa0\xc2\xa0return "
              "0.01\n+\xc2\xa0\xc2\xa0\xc2\xa0\xc2\xa0return 0.02\n \n",
        /* context that the file has not, or otherwise */
        NAMES "@@ -5,4 +5,4 @@\n     if step &lt; 10:\n         return 0.1\n-    return 0.01\n+    "
              "return 0.02\n \n",
        NAMES "@@ -4,5 +4,5 @@\n def rate(steps):\n     if step < 10:\n         return 0.1\n-    "
              "return 0.01\n"
              "+    return 0.02\n \n",
        NAMES "@@ -4,4 +4,4 @@\n def rate(step):\n         return 0.1\n-    return 0.01\n+    "
              "return 0.02\n \n",
        NAMES "@@ -4,5 +4,5 @@\n def rate(step):\n ...\n-    return 0.01\n+    return 0.02\n \n",
        NAMES "@@ -7 +7 @@\n-    return 0.01\n+    return 0.02", /* no final newline */
        NAMES HUNK HUNK,                                         /* twice */
    };
    EXPECT_CHANGE(answers);
}

static void test_answer__blocks_in_all_spellings(void **state)
{
    static const char *const answers[] = {
        "src/train.py\n```python\n<<<<<<< SEARCH\n    return 0.01\n=======\n    return "
        "0.02\n>>>>>>> REPLACE\n```\n",
        "```python src/train.py\n<<<<<<< SEARCH\n    return 0.01\n=======\n    return "
        "0.02\n>>>>>>> REPLACE\n```\n",
        "```python\nsrc/train.py\n<<<<<<< SEARCH\n    return 0.01\n=======\n    return "
        "0.02\n>>>>>>> REPLACE\n```\n",
        "<<<<<<< SEARCH src/train.py\n    return 0.01\n=======\n    return 0.02\n>>>>>>> REPLACE\n",
        "<NAME>slower</NAME>\n<DIFF>\n<<<<<<< SEARCH\n    return 0.01\n=======\n    return "
        "0.02\n>>>>>>> REPLACE\n</DIFF>\n",
        "```diff\n<<<<<<< SEARCH\n    return 0.01\n=======\n    return 0.02\n>>>>>>> "
        "REPLACE\n```\n",
        "<<<<<<< ORIGINAL\n    return 0.01\n=======\n    return 0.02\n>>>>>>> UPDATED\n",
        "<<<< SEARCH\n    return 0.01\n=====\n    return 0.02\n>>>>> REPLACE\n",
        "------- SEARCH\n    return 0.01\n=======\n    return 0.02\n+++++++ REPLACE\n",
        "&lt;&lt;&lt;&lt;&lt;&lt;&lt; SEARCH\n    return 0.01\n=======\n    return "
        "0.02\n&gt;&gt;&gt;&gt;&gt;&gt;&gt; REPLACE\n",
        "<<<<<<< SEARCH\n```python\n    return 0.01\n```\n=======\n```python\n    return "
        "0.02\n```\n>>>>>>> REPLACE\n",
        "```\n<<<<<<< SEARCH\n    return 0.01\n=======\n    return 0.02\n```\n", /* no end, but the
                                                                                    fence's */
        "<<<<<<< SEARCH\n    return 0.01\n\n=======\n    return 0.02\n\n=======  REPLACE\n",
        "<<<<<<< SEARCH\n\n    return 0.01\n=======\n\n    return 0.02\n>>>>>>> REPLACE\n", /* a
                                                                                               blank
                                                                                               too
                                                                                               many
                                                                                             */
        "<<<<<<< SEARCH\nreturn 0.01\n=======\nreturn 0.02\n>>>>>>> REPLACE\n",
        "<<<<<<< SEARCH\n-    return 0.01\n=======\n+    return 0.02\n>>>>>>> REPLACE\n",
        "<<<<<<< SEARCH\n     7|     return 0.01\n=======\n     7|     return 0.02\n>>>>>>> "
        "REPLACE\n",
        "<<<<<<< SEARCH\r\n    return 0.01\r\n=======\r\n    return 0.02\r\n>>>>>>> REPLACE\r\n",
        "src/train.py\n<<<<<<< SEARCH\n0.01\n=======\n0.02\n>>>>>>> REPLACE\n", /* a piece of a line
                                                                                 */
        "src/train.py\n<<<<<<< SEARCH\ndef rate(step):\n    # ... existing code ...\n    return "
        "0.01\n=======\n"
        "def rate(step):\n    # ... existing code ...\n    return 0.02\n>>>>>>> REPLACE\n",
        /* the second goes on from the first */
        "src/train.py\n<<<<<<< SEARCH\n    return 0.01\n=======\n    return middle()\n>>>>>>> "
        "REPLACE\n\n"
        "<<<<<<< SEARCH\n    return middle()\n=======\n    return 0.02\n>>>>>>> REPLACE\n",
        "*** Begin Patch\n*** Update File: src/train.py\n@@ def rate(step):\n" BODY
        "*** End Patch\n",
        "```\n*** Begin Patch\n*** Update File: src/train.py\n-    return 0.01\n+    return "
        "0.02\n*** End Patch\n```\n",
    };
    EXPECT_CHANGE(answers);
}

static void test_answer__whole_files(void **state)
{
    char answer[4096];
    static const struct {
        const char *before, *after;
    } forms[] = {
        {"src/train.py\n```python\n", "```\n"},
        {"```python src/train.py\n", "```\n"},
        {"```python\n# src/train.py\n", "```\n"},
        {"### File: `src/train.py`\n\n```\n\n", "\n\n```\n"},
        {"The new `src/train.py` has a slower rate at the end:\n```python\n", "```\n"},
        {"```python\n", "```\n"},
        {"src/train.py\n```python\n", ""}, /* not closed, but it ends as the file does */
    };
    char changed[2048];
    snprintf(changed, sizeof changed, "%s", CHANGED);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        snprintf(answer, sizeof answer, "%s%s%s", forms[i].before, changed, forms[i].after);
        expect(answer, "src/train.py", changed);
    }
    expect("src/new.py\n```python\nx = 1\n```\n", "src/new.py", "x = 1\n");
    expect("*** Begin Patch\n*** Add File: src/new.py\n+x = 1\n*** End Patch\n", "src/new.py",
           "x = 1\n");
    expect("*** Begin Patch\n*** Delete File: src/train.py\n*** End Patch\n", "src/train.py", NULL);
    expect("diff --git a/src/train.py b/src/train.py\ndeleted file mode 100644\n", "src/train.py",
           NULL);
    /* Examples are none. */
    expect("Run it:\n```sh\npython src/train.py\n```\n" NAMES HUNK, "src/train.py", CHANGED);
    snprintf(answer, sizeof answer,
             "It was\n```python\n%s```\nand becomes\n```diff\n" NAMES HUNK "```\n", code);
    expect(answer, "src/train.py", CHANGED);
    /* Nor is what is only shown, before or after. */
    expect("src/train.py\n```python\n    if step < 10:\n        return 0.1\n    return "
           "0.01\n```\nbecomes\n```diff\n" NAMES HUNK "```\n",
           "src/train.py", CHANGED);
    expect("```diff\n" NAMES HUNK "```\nso that src/train.py has\n\nsrc/train.py\n```python\n    "
                                  "return 0.02\n\n\ndef main():\n```\n",
           "src/train.py", CHANGED);
    expect("lib/tabs.c\n```c\nint f(int a)\n{\n```\nstays, and\n```diff\n" NAMES HUNK "```\n",
           "src/train.py", CHANGED);
    expect_refusal("```diff\n" NAMES HUNK
                   "```\nand\n\nsrc/train.py\n```python\ndef rate(step):\n    return 1\n```\n",
                   AIRE_OUTCOME_PATCH_FAILED, "do not agree");
}

static void test_answer__added_lines_stand_as_the_file_has_it(void **state)
{
    static const struct {
        const char *answer, *content;
    } rows[] = {
        /* blanks for tabs */
        {"lib/tabs.c\n<<<<<<< SEARCH\n    if (a) {\n        return a - 1;\n=======\n    if (a) {\n"
         "        if (a > 1)\n            a = 1;\n        return a - 1;\n>>>>>>> REPLACE\n",
         "int f(int a)\n{\n\tif (a) {\n\t\tif (a > 1)\n\t\t\ta = 1;\n\t\treturn a - "
         "1;\n\t}\n\treturn 0;\n}\n"},
        /* nothing in front */
        {"lib/tabs.c\n<<<<<<< SEARCH\nreturn a - 1;\n=======\nif (a > 1)\n    a = 1;\nreturn a - "
         "1;\n>>>>>>> REPLACE\n",
         "int f(int a)\n{\n\tif (a) {\n\t\tif (a > 1)\n\t\t\ta = 1;\n\t\treturn a - "
         "1;\n\t}\n\treturn 0;\n}\n"},
        /* a dash and entities */
        {"--- a/lib/tabs.c\n+++ b/lib/tabs.c\n@@ -4 +4 @@\n-\t\treturn a \xe2\x80\x93 1;\n"
         "+\t\treturn a \xe2\x80\x93 2;\n",
         "int f(int a)\n{\n\tif (a) {\n\t\treturn a - 2;\n\t}\n\treturn 0;\n}\n"},
        {"--- a/lib/tabs.c\n+++ b/lib/tabs.c\n@@ -3 +3 @@\n-\tif (a) {\n+\tif (a &gt; 1 &amp;&amp; "
         "a &lt; 9) {\n",
         "int f(int a)\n{\n\tif (a > 1 && a < 9) {\n\t\treturn a - 1;\n\t}\n\treturn 0;\n}\n"},
        /* kept lines are the file's */
        {"--- a/lib/tabs.c\n+++ b/lib/tabs.c\n@@ -3,4 +3,5 @@\n if(a){\n return a-1;\n "
         "}\n+\ta++;\n return 0;\n",
         "int f(int a)\n{\n\tif (a) {\n\t\treturn a - 1;\n\t}\n\ta++;\n\treturn 0;\n}\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect(rows[i].answer, "lib/tabs.c", rows[i].content);
    expect(NAMES "@@ -12 +12 @@\n-        print(rate(step), \xe2\x80\x98"
                 "a - b\xe2\x80\x99, \xe2\x80\x9c"
                 "c\xe2\x80\x9d)\n"
                 "+        print(rate(step), \xe2\x80\x9c"
                 "d\xe2\x80\x9d)\n",
           "src/train.py", with("'a - b', \"c\"", "\"d\""));
}

static void test_answer__several_files_in_several_forms(void **state)
{
    aire_patched out;
    assert_int_equal(apply("First:\n```diff\n" NAMES HUNK
                           "```\nThen lib/tabs.c:\n```c\n<<<<<<< SEARCH\n\treturn 0;\n"
                           "=======\n\treturn 1;\n>>>>>>> REPLACE\n```\nAnd a new "
                           "file:\n\n**src/new.py**\n```python\n"
                           "x = 1\n```\n",
                           &out),
                     AIRE_OK);
    if (out.outcome != AIRE_OUTCOME_OK)
        fail_msg("%s", out.message);
    assert_int_equal(out.edit_count, 3);
    assert_string_equal(out.edits[0].path, "lib/tabs.c");
    assert_string_equal(out.edits[1].path, "src/new.py");
    assert_true(out.edits[1].created);
    assert_string_equal(out.edits[2].data, CHANGED);
    assert_int_equal(out.hunk_count, 3);
    assert_int_equal(out.added, 3);
    assert_int_equal(out.removed, 2);
    aire__patched_free(&out);
}

static void test_answer__what_was_cut_is_refused(void **state)
{
    static const char *const answers[] = {
        "```diff\n" NAMES "@@ -6,3 +6,4 @@\n         return 0.1\n-    return 0.01\n+    return 0.",
        "```diff\n" NAMES "@@ -6,3 +6,4 @@\n         return 0.1\n-    return 0.01\n",
        "```diff\n" NAMES HUNK "--- a/lib/tabs.c\n+++ b/lib/ta",
        "```diff\n" NAMES HUNK "--- a/lib/tabs.c\n+++ b/lib/tabs.c\n@@ -1,3 +1",
        NAMES "@@ -5,4 +5,4 @@\n     if step < 10:\n         return 0.1\n-    return 0.01\n",
        "<<<<<<< SEARCH\n    return 0.01\n=======\n    return 0.",
        "```\n<<<<<<< SEARCH\n    return 0.01\n=======\n    return 0.02\n",
        "<<<<<<< SEARCH\n    return 0.01\n",
        "*** Begin Patch\n*** Update File: src/train.py\n-    return 0.01\n+    return 0.02\n",
        "src/train.py\n```python\nimport os\n\n\ndef rate(step):\n    if step < 10:\n        "
        "return 0.1\n",
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        expect_refusal(answers[i], AIRE_OUTCOME_PATCH_FAILED, "");
}

static void test_answer__what_stands_for_other_lines_is_refused(void **state)
{
    expect_refusal(
        "src/train.py\n```python\nimport os\n\n# ... rest of the code ...\n\nmain()\n```\n",
        AIRE_OUTCOME_PATCH_FAILED, "line 5 of the patch only stands for lines");
    expect_refusal(
        "<<<<<<< SEARCH\n    if step < 10:\n        return 0.1\n    return 0.01\n=======\n"
        "    # ... existing code ...\n    return 0.02\n>>>>>>> REPLACE\n",
        AIRE_OUTCOME_PATCH_FAILED, "stands for others");
    expect_refusal("src/train.py\n```python\ndef rate(step):\n    return 0.5\n```\n",
                   AIRE_OUTCOME_PATCH_FAILED, "keeps 11 % of the lines");
    expect_refusal(
        "src/train.py\n```python\n\ndef rate(step):\n    if step < 10:\n        return 0.1\n"
        "    return 0.02\n\n\ndef main():\n    for step in range(100):\n```\n",
        AIRE_OUTCOME_PATCH_FAILED, "without its beginning or its end");
}

static void test_answer__names_are_checked_whatever_the_form(void **state)
{
    static const struct {
        const char *answer, *says;
    } rows[] = {
        {"tests/check.py\n<<<<<<< SEARCH\nok = 1\n=======\nok = 2\n>>>>>>> REPLACE\n",
         "may not be changed"},
        {"check.py\n<<<<<<< SEARCH\nok = 1\n=======\nok = 2\n>>>>>>> REPLACE\n", "tests/check.py"},
        {"*** Begin Patch\n*** Delete File: tests/check.py\n*** End Patch\n", "may not be changed"},
        {"*** Begin Patch\n*** Update File: src/train.py\n*** Move to: ../x.py\n-import os\n*** "
         "End Patch\n",
         "../x.py"},
        {"*** Begin Patch\n*** Add File: /etc/x.py\n+x = 1\n*** End Patch\n", "/etc/x.py"},
        {"../src/train.py\n```python\nx = 1\n```\n", "../src/train.py"},
        {"conftest.py\n```python\nx = 1\n```\n", "may not be made"},
        {"diff --git a/src/train.py b/tests/t.py\nrename from src/train.py\nrename to tests/t.py\n",
         "may not be made"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_refusal(rows[i].answer, AIRE_OUTCOME_VIOLATION, rows[i].says);
}

static void test_answer__what_is_there_already_is_no_change(void **state)
{
    static const char *const answers[] = {
        NAMES "@@ -7 +7 @@\n-    return 0.01\n+    return 0.01\n",
        NAMES "@@ -6,3 +6,3 @@\n         return 0.1\n-    return 0.5\n+    return 0.01\n \n",
        NAMES "@@ -6,1 +6,2 @@\n         return 0.1\n+    return 0.01\n",
        "<<<<<<< SEARCH\n    return 0.5\n\n\ndef main():\n=======\n    return 0.01\n\n\ndef "
        "main():\n>>>>>>> REPLACE\n",
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        expect_refusal(answers[i], AIRE_OUTCOME_NO_CHANGE, "changes nothing");
}

static void test_answer__what_is_not_clear_is_refused(void **state)
{
    static const struct {
        const char *answer, *says;
    } rows[] = {
        {"```python\nx = 1\n```\n", "which file"},
        {"Nothing.", "no patch in it"},
        {"<<<<<<< SEARCH\n    return 0.01\n>>>>>>> REPLACE\n", "middle line"},
        {"<<<<<<< SEARCH\na\n=======\nb\n=======\nc\n>>>>>>> REPLACE\n", "more than one line"},
        {"src/train.py\n<<<<<<< SEARCH\n\n\ndef\n=======\n\n\nclass\n>>>>>>> REPLACE\n",
         "src/train.py, block 1 of 1"},
        {"src/train.py\n<<<<<<< SEARCH\n=======\nx = 1\n>>>>>>> REPLACE\n", "only adds lines"},
        {NAMES "@@ -7 +7 @@\n-    return 0.01\n+    return 1\n@@ -7 +7 @@\n-    return 0.01\n+    "
               "return 2\n",
         "changes the same place"},
        {NAMES "@@ -7 +7 @@\n-    return 0.07\n+    return 1\n", "does not fit"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_refusal(rows[i].answer, AIRE_OUTCOME_PATCH_FAILED, rows[i].says);
}

static void test_answer__fails_cleanly_without_memory(void **state)
{
    aire_patched out;
    static const char *const answers[] = {
        "First:\n```diff\n" NAMES HUNK
        "```\nThen lib/tabs.c:\n```c\n<<<<<<< SEARCH\n    return 0;\n=======\n    return 1;\n"
        ">>>>>>> REPLACE\n```\n",
        "src/train.py\n<<<<<<< SEARCH\n    return 0.01\n=======\n    return middle()\n>>>>>>> "
        "REPLACE\n\n"
        "<<<<<<< SEARCH\n    return middle()\n=======\n    return 0.02\n>>>>>>> REPLACE\n",
        NAMES "@@ -4,5 +4,5 @@\n def rate(steps):\n ...\n         return 0.1\n-    return 0.01\n+  "
              "  return\xc2\xa0"
              "0.02\n \n",
        "src/new.py\n```python\nx = 1\n```\n*** Begin Patch\n*** Delete File: lib/tabs.c\n*** End "
        "Patch\n",
        "src/train.py\n<<<<<<< SEARCH\n0.01\n=======\n0.02\n>>>>>>> REPLACE\n",
        "diff --git a/src/train.py b/src/t.py\nrename from src/train.py\nrename to src/t.py\n",
        "src/train.py\n```python\ndef rate(step):\n    return 0.5\n```\n",
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        OOM_LOOP(&memory, apply(answers[i], &out), aire__patched_free(&out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer__diffs_with_damaged_headers),
        cmocka_unit_test(test_answer__diffs_with_damaged_lines),
        cmocka_unit_test(test_answer__blocks_in_all_spellings),
        cmocka_unit_test(test_answer__whole_files),
        cmocka_unit_test(test_answer__added_lines_stand_as_the_file_has_it),
        cmocka_unit_test(test_answer__several_files_in_several_forms),
        cmocka_unit_test(test_answer__what_was_cut_is_refused),
        cmocka_unit_test(test_answer__what_stands_for_other_lines_is_refused),
        cmocka_unit_test(test_answer__names_are_checked_whatever_the_form),
        cmocka_unit_test(test_answer__what_is_there_already_is_no_change),
        cmocka_unit_test(test_answer__what_is_not_clear_is_refused),
        cmocka_unit_test(test_answer__fails_cleanly_without_memory),
    };
    return cmocka_run_group_tests(tests, patch_setup, patch_teardown);
}
