/* What of an answer is meant: not thinking, drafts, alternatives, examples and stubs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/patch.h"

#define UPPER "steps = 10\nwidth = 4\n"
#define LOWER "\n\ndef run(x):\n    y = x + width\n    z = y * steps\n    return z\n"

static const char a_text[] = UPPER LOWER, b_text[] = UPPER, tags_text[] = "<think>\nhm\n</think>\n",
                  list_text[] = "Items:\n\n- one\n- two\n", twin_text[] = "q = 1\n";

static aire_patch_source files[] = {
    {"a/util.py", twin_text, sizeof twin_text - 1, true},
    {"b/util.py", twin_text, sizeof twin_text - 1, true},
    {"empty.py", "", 0, true},
    {"list.md", list_text, sizeof list_text - 1, true},
    {"one.py", a_text, sizeof a_text - 1, true},
    {"tags.txt", tags_text, sizeof tags_text - 1, true},
    {"two.py", b_text, sizeof b_text - 1, true},
};

static const aire_patch_base base = {files, sizeof files / sizeof *files, NULL, NULL};

static aire_status apply(const char *answer, aire_patched *out)
{
    return apply_as(AIRE_PATCH_ANSWER, answer, &base, out);
}

static void expect(const char *answer, const char *path, const char *content)
{
    aire_patched out;
    assert_int_equal(apply(answer, &out), AIRE_OK);
    expect_content(answer, &out, path, content);
    aire__patched_free(&out);
}

static void expect_refusal(const char *answer, const char *says)
{
    aire_patched out;
    assert_int_equal(apply(answer, &out), AIRE_OK);
    if (out.outcome != AIRE_OUTCOME_PATCH_FAILED || !strstr(out.message, says))
        fail_msg("%s\noutcome %d: %s", answer, out.outcome, out.message);
    aire__patched_free(&out);
}

#define NAMES "--- a/one.py\n+++ b/one.py\n"
#define STEPS "```diff\n" NAMES "@@ -1,2 +1,2 @@\n-steps = 10\n+steps = 20\n width = 4\n```\n"
#define WIDTH "```diff\n" NAMES "@@ -1,2 +1,2 @@\n steps = 10\n-width = 4\n+width = 8\n```\n"
#define TWO "```diff\n--- a/two.py\n+++ b/two.py\n@@ -2 +2 @@\n-width = 4\n+width = 8\n```\n"
#define ONLY_STEPS "steps = 20\nwidth = 4\n" LOWER
#define BOTH "steps = 20\nwidth = 8\n" LOWER
#define BLOCK "<<<<<<< SEARCH\nsteps = 10\n=======\nsteps = 20\n>>>>>>> REPLACE\n"

static void test_meant__thinking_is_not(void **state)
{
    static const char *const answers[] = {
        "<think>\n" WIDTH "No.\n</think>\n\n" STEPS,
        "<think>" WIDTH "No.</think>" STEPS,
        "<THINKING>\n" WIDTH "</THINKING>Here it is:\n" STEPS,
        "First I thought of\n" WIDTH "and then not.\n</think>\n" STEPS, /* its beginning is lost */
        "Sure.\n<reasoning>\n" WIDTH "</reasoning>\n<answer>\n" STEPS "</answer>\n",
        "Maybe\n" WIDTH "<answer>\n" STEPS "</answer>\n",
        "<scratchpad>\n" WIDTH "</scratchpad>\n" STEPS,
        "<plan>\n" WIDTH "</plan>\n<analysis>\n" WIDTH "</analysis>\n" STEPS,
        "[THINK]maybe\n" WIDTH "[/THINK]" STEPS,
        "\xe2\x97\x81think\xe2\x96\xb7maybe\n" WIDTH "\xe2\x97\x81/think\xe2\x96\xb7" STEPS,
        "<|channel|>analysis<|message|>maybe\n" WIDTH
        "<|end|><|start|>assistant<|channel|>final<|message|>" STEPS,
        "<think>\n```diff\n" NAMES
        "@@ -1 +1 @@\n-steps\n</think>\n" STEPS, /* a fence was left open */
        "<think></think>\n" STEPS,
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        expect(answers[i], "one.py", ONLY_STEPS);
    expect_refusal("<think>\n" STEPS "Hmm\n", "only thinking");
    expect_refusal("<analysis>\n" STEPS, "only thinking");
    expect_refusal("<|channel|>analysis<|message|>\n" STEPS, "only thinking");
    expect_refusal("<think>\n" STEPS "</think>\nDone.\n", "no patch in it");
}

static void test_meant__tags_may_be_what_a_file_holds(void **state)
{
    static const char *const answers[] = {
        "tags.txt\n<<<<<<< SEARCH\n<think>\nhm\n</think>\n=======\n<think>\nho\n</think>\n>>>>>>> "
        "REPLACE\n",
        "tags.txt\n```text\n<think>\nho\n</think>\n```\n",
        "--- a/tags.txt\n+++ b/tags.txt\n@@ -1,3 +1,3 @@\n <think>\n-hm\n+ho\n </think>\n",
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        expect(answers[i], "tags.txt", "<think>\nho\n</think>\n");
}

static void expect_rows(const char *const (*rows)[2], size_t count, bool meant)
{
    char answer[2048];
    for (size_t i = 0; i < count; i++) {
        snprintf(answer, sizeof answer, "%s\n\n" STEPS "\n%s\n\n" WIDTH, rows[i][0], rows[i][1]);
        if (meant)
            expect(answer, "one.py", BOTH);
        else
            expect_refusal(answer, "not all of them are meant");
    }
}

static void test_meant__alternatives_and_drafts_are_not(void **state)
{
    static const char *const rows[][2] = {
        {"**Option 1**", "**Option 2** - or else"},
        {"You can either take more steps:", "Or make it wider:"},
        {"More steps:", "or"},
        {"More steps:", "Alternatively, use more width:"},
        {"More steps:", "A simpler alternative:"},
        {"More steps:", "Correction: the width has to change instead:"},
        {"More steps:", "Scratch that. Final answer:"},
        {"More steps:", "Oops, I made a mistake. The correct patch:"},
        {"More steps:", "Wait, better:"},
        {"## Draft", "## Final patch"},
        {"~~First draft~~", "The change:"},
        {"<details><summary>First idea (discarded)</summary>", "</details>\n\nSo:"},
        {"Do not do this:", "Do this:"},
        {"> Don\xe2\x80\x99t do this:", "So:"},
        {"A naive approach would be", "This is it:"},
        {"For reference, the previous patch that failed was:", "The new one:"},
        {"Previously I suggested:", "Now:"},
        {"(For comparison only, don't apply:)", "The patch:"},
        {"\xe2\x9d\x8c Bad:", "\xe2\x9c\x85 Good:"},
        {"**Don't:**", "**Do:**"},
        {"More steps:", "Optional (only if it is too slow):"},
    };
    expect_rows(rows, sizeof rows / sizeof *rows, false);
    expect_refusal("Option A\n\n" STEPS "\nOption B\n\n" TWO, "Option B");
    expect_refusal("one.py\n" BLOCK "\nor\n\n<<<<<<< SEARCH\nwidth = 4\n=======\nwidth = "
                   "8\n>>>>>>> REPLACE\n",
                   "line 8, `or`");
    expect("## Draft\n\n" STEPS "\n## Final patch\n\n" STEPS, "one.py", ONLY_STEPS); /* the same */
    expect(STEPS "\nAlternatively, one could make it wider, but I do not.\n", "one.py", ONLY_STEPS);
}

static void test_meant__several_steps_are(void **state)
{
    static const char *const rows[][2] = {
        {"First the steps:", "Then also the width:"},
        {"### 1. Steps", "### 2. Width"},
        {"I change the steps instead of the rate:", "Additionally, make it wider:"},
        {"Instead of a fixed rate, take more steps:", "Finally, the width:"},
        {"I looked at option A and option B, and take both:", "Next:"},
        {"Do not stop so early:", "No other value but this one changes:"},
        {"Previously it stopped early.", "The previous version was too narrow as well."},
        {"**Plan**\n\n- steps\n- width", "**Step 2**"},
        {"Option parsing:", "Better width:"},
        {"This is optional in the paper.", "Correct widths are even:"},
    };
    expect_rows(rows, sizeof rows / sizeof *rows, true);
}

static void test_meant__a_name_of_its_own_is(void **state)
{
    static const char *const answers[] = {
        "### one.py\n\nThis is as in `two.py` today.\n\n" BLOCK,
        "As `two.py` has it.\n\n### one.py\n\n" BLOCK,
        "Change one.py as follows:\n\n" BLOCK,
        "one.py stops early. So one.py gets more steps:\n\n" BLOCK,
        "### list.md\n\nNothing.\n\nIn `one.py`, take more:\n\n"
        "<<<<<<< SEARCH\nsteps = 10\nwidth = 4\n\n\ndef run(x):\n=======\nsteps = 20\nwidth = 4\n\n"
        "\ndef run(x):\n>>>>>>> REPLACE\n", /* the other has no such lines */
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        expect(answers[i], "one.py", ONLY_STEPS);
    expect_refusal("The steps of two.py are fine, I only change those of one.py.\n\n" BLOCK,
                   "names several files, and it fits 2 of them");
    expect_refusal("I looked at two.py.\n\nThe change is to one.py then:\n\n" BLOCK,
                   "names several files");
    expect_refusal("Files:\n- one.py\n- two.py\n\n" BLOCK, "fits 2 of them");
    expect_refusal("--- a/util.py\n+++ b/util.py\n@@ -1 +1 @@\n-q = 1\n+q = 2\n",
                   "'a/util.py' and 'b/util.py' are two files");
    expect("--- b/util.py\n+++ b/util.py\n@@ -1 +1 @@\n-q = 1\n+q = 2\n", "b/util.py", "q = 2\n");
    expect_refusal("--- a/lib/util.py\n+++ b/lib/util.py\n@@ -1 +1 @@\n-q = 1\n+q = 2\n",
                   "did you mean 'a/util.py' or 'b/util.py'");
}

static void test_meant__stubs_are_not(void **state)
{
    static const char *const stubs[] = {
        "# remaining code is unchanged",  "# (same as original)",   "# [previous code]",
        "\"\"\"the rest as before\"\"\"", "# body omitted for now", "# ... (the sum) ...",
    };
    char answer[1024];
    for (size_t i = 0; i < sizeof stubs / sizeof *stubs; i++) {
        snprintf(answer, sizeof answer,
                 "one.py\n<<<<<<< SEARCH\n    y = x + width\n    z = y * steps\n=======\n    "
                 "%s\n>>>>>>> REPLACE\n",
                 stubs[i]);
        expect_refusal(answer, "only stands for others");
        snprintf(answer, sizeof answer,
                 "one.py\n```python\nsteps = 10\nwidth = 4\n\n\ndef run(x):\n    %s\n    return "
                 "z\n```\n",
                 stubs[i]);
        expect_refusal(answer, "only stands for lines");
    }
    expect("```diff\n" NAMES
           "@@ -1 +1,2 @@\n+# other layers are as in the original\n steps = 10\n```\n",
           "one.py",
           "# other layers are as in the original\n" UPPER LOWER); /* nothing is taken away */
    expect(
        "one.py\n<<<<<<< SEARCH\n    z = y * steps\n    return z\n=======\n    # no steps\n>>>>>>> "
        "REPLACE\n",
        "one.py", UPPER "\n\ndef run(x):\n    y = x + width\n    # no steps\n");
}

static void test_meant__forms_of_all_kinds_are(void **state)
{
    static const char *const answers[] = {
        "<edit path=\"one.py\">\n<search>\nsteps = 10\nwidth = 4\n\n\ndef run(x):\n</search>\n"
        "<replace>\nsteps = 20\nwidth = 4\n\n\ndef run(x):\n</replace>\n</edit>\n",
        "one.py\n```xml\n<old>\nsteps = 10\n</old>\n\n<new>\nsteps = 20\n</new>\n```\n",
        "### one.py\n```\n 1 | steps = 10\n 2 | width = 4\n 3 | \n 4 | \n 5 | def run(x):\n 6 |  "
        "   y = x + width\n 7 |     z = y * steps\n 8 |     return z\n```\n" STEPS, /* a listing */
        "```\n" NAMES "@@ -1,2 +1,2 @@\n-steps = 10\n+steps = 20\n width = 4\n-- \n2.39.2\n```\n",
        "*** Begin Patch\n*** Update File: one.py\n```diff\n@@\n-steps = 10\n+steps = 20\n```\n*** "
        "End Patch\n",
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        expect(answers[i], "one.py", ONLY_STEPS);
    expect("empty.py\n<<<<<<< SEARCH\n=======\nx = 1\n>>>>>>> REPLACE\n", "empty.py", "x = 1\n");
    expect("*** Begin Patch\n*** Update File: one.py\n@@ def run(x):\n@@     y = x + width\n+    y "
           "+= 1\n*** End Patch\n",
           "one.py",
           UPPER
           "\n\ndef run(x):\n    y = x + width\n    y += 1\n    z = y * steps\n    return z\n");
}

static void test_meant__what_is_misread_is_said(void **state)
{
    static const struct {
        const char *answer, *says;
    } rows[] = {
        {"```diff\n" NAMES "@@ -1,2 +1,2 @@\n1  -steps = 10\n1  +steps = 20\n2   width = 4\n```\n",
         "with no number before"},
        {"```diff\n" NAMES "@@ -1,2 +1,2 @@\n steps = [-10-]{+20+}\n width = 4\n```\n",
         "no marks inside"},
        {"```diff\n--- a/list.md\n+++ b/list.md\n@@ -1,4 +1,5 @@\nItems:\n\n- one\n- two\n+- "
         "three\n```\n",
         "no line is removed"},
        {"Update `one.py`:\n```python\n    y = x\n```\n", "holds only a part of 'one.py'"},
        {"one.py\n<search>\nsteps = 10\n</search>\n<replace>\nsteps", "was cut off"},
        {"one.py\n```python\nsteps = 10\n\"\"\"\n--- x\n+++ y\n@@ -1 +1 @@\n-q\n+r\n\"\"\"\n```\n",
         "a line of a file that is sent whole"},
        {"one.py\n<<<<<<< HEAD\nsteps = 10\n>>>>>>> new\n", "send a unified diff instead"},
        {"empty.py\n<<<<<<< SEARCH\ny = 1\n=======\nx = 1\n>>>>>>> REPLACE\n",
         "the text to search for must be empty"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_refusal(rows[i].answer, rows[i].says);
}

static void test_meant__fails_cleanly_without_memory(void **state)
{
    aire_patched out;
    static const char *const answers[] = {
        "<think>\n" WIDTH "</think>\n" STEPS,
        "Option 1\n\n" STEPS "\nOption 2\n\n" WIDTH,
        "The steps of two.py are fine, those of one.py not.\n\n" BLOCK,
        "--- a/lib/util.py\n+++ b/lib/util.py\n@@ -1 +1 @@\n-q = 1\n+q = 2\n",
        "--- a/util.py\n+++ b/util.py\n@@ -1 +1 @@\n-q = 1\n+q = 2\n",
        "Update `one.py`:\n```python\n    y = x\n```\n",
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        OOM_LOOP(&memory, apply(answers[i], &out), aire__patched_free(&out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_meant__thinking_is_not),
        cmocka_unit_test(test_meant__tags_may_be_what_a_file_holds),
        cmocka_unit_test(test_meant__alternatives_and_drafts_are_not),
        cmocka_unit_test(test_meant__several_steps_are),
        cmocka_unit_test(test_meant__a_name_of_its_own_is),
        cmocka_unit_test(test_meant__stubs_are_not),
        cmocka_unit_test(test_meant__forms_of_all_kinds_are),
        cmocka_unit_test(test_meant__what_is_misread_is_said),
        cmocka_unit_test(test_meant__fails_cleanly_without_memory),
    };
    return cmocka_run_group_tests(tests, patch_setup, patch_teardown);
}
