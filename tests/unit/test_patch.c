/* The patch room: diffs are minimal, applying one gives the other text, and what does not fit is
 * refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fs.h"
#include "base/rng.h"
#include "support/patch.h"

static const char model[] = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n";

static aire_patch_source sources[] = {
    {"aire.json", "{}\n", 3, false},
    {"binary", "a\0b\n", 4, true},
    {"crlf.c", "a\r\nb\r\nc\r\n", 9, true},
    {"empty.c", "", 0, true},
    {"eval.c", "x\n", 2, false},
    {"model.c", model, sizeof model - 1, true},
    {"new/d", "x\n", 2, true},
    {"tail.c", "a\nb", 3, true},
    {"twice.c", "x\ny\nz\nx\ny\nz\n", 12, true},
};

static bool may_create(const char *path, void *unused)
{
    return strncmp(path, "new/", 4) == 0;
}

static aire_status apply(const char *text, aire_patched *out)
{
    aire_patch_base base = {sources, sizeof sources / sizeof *sources, may_create, NULL};
    return apply_as(AIRE_PATCH_UNIFIED, text, &base, out);
}

static void expect_edit(const char *patch, const char *path, const char *content)
{
    aire_patched out;
    assert_int_equal(apply(patch, &out), AIRE_OK);
    expect_content(patch, &out, path, content);
    aire__patched_free(&out);
}

static void expect_refusal(const char *patch, int32_t outcome, int32_t cause, const char *says)
{
    aire_patched out;
    assert_int_equal(apply(patch, &out), AIRE_OK);
    if (out.outcome != outcome || out.cause != cause || !strstr(out.message, says))
        fail_msg("outcome %d cause %d: %s", out.outcome, out.cause, out.message);
    assert_int_equal(out.edit_count, 0);
    aire__patched_free(&out);
}

#define HEAD "--- a/model.c\n+++ b/model.c\n"

static void test_patch__applies_where_it_says(void **state)
{
    expect_edit(HEAD "@@ -2,3 +2,3 @@\n two\n-three\n+3\n four\n", "model.c",
                "one\ntwo\n3\nfour\nfive\nsix\nseven\neight\nnine\nten\n");
    expect_edit("diff --git a/model.c b/model.c\nindex 1..2 100644\n" HEAD
                "@@ -1 +1 @@\n-one\n+1\n",
                "model.c", "1\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n");
    expect_edit("--- model.c\n+++ model.c\t2020-01-01\n@@ -9,2 +9,3 @@\n nine\n ten\n+11\n",
                "model.c", "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n11\n");
}

static void test_patch__finds_displaced_hunks(void **state)
{
    expect_edit(HEAD "@@ -7,3 +7,3 @@\n two\n-three\n+3\n four\n@@ -13,1 +13,1 @@\n-nine\n+9\n",
                "model.c", "one\ntwo\n3\nfour\nfive\nsix\nseven\neight\n9\nten\n");
    expect_refusal("--- twice.c\n+++ twice.c\n@@ -2,1 +2,1 @@\n-x\n+X\n", AIRE_OUTCOME_PATCH_FAILED,
                   AIRE_CAUSE_PATCH_CONTEXT, "several places");
    expect_edit("--- twice.c\n+++ twice.c\n@@ -4,1 +4,1 @@\n-x\n+X\n", "twice.c",
                "x\ny\nz\nX\ny\nz\n");
}

static void test_patch__takes_hunks_in_any_order(void **state)
{
    expect_edit(HEAD "@@ -5 +5 @@\n-five\n+5\n@@ -2 +2 @@\n-two\n+2\n", "model.c",
                "one\n2\nthree\nfour\n5\nsix\nseven\neight\nnine\nten\n");
    expect_edit(HEAD "@@ -1 +1 @@\n-one\n+1\n" HEAD "@@ -2 +2 @@\n-two\n+2\n", "model.c",
                "1\n2\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n");
    expect_edit(HEAD "@@ -2 +2 @@\n-  two\n+  2\n", "model.c",
                "one\n2\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n");
}

static void test_patch__makes_and_deletes_files(void **state)
{
    aire_patched out;
    assert_int_equal(apply("diff --git a/model.c b/new/m.c\nsimilarity index 90%\nrename from "
                           "model.c\nrename to new/m.c\n--- a/model.c\n+++ b/new/m.c\n"
                           "@@ -1,2 +1,2 @@\n-one\n+1\n two\n",
                           &out),
                     AIRE_OK);
    assert_int_equal(out.outcome, AIRE_OUTCOME_OK);
    assert_int_equal(out.edit_count, 2);
    assert_string_equal(out.edits[0].path, "model.c");
    assert_null(out.edits[0].data);
    assert_string_equal(out.edits[1].path, "new/m.c");
    assert_string_equal(out.edits[1].data,
                        "1\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n");
    aire__patched_free(&out);

    expect_edit("--- /dev/null\n+++ b/new/f.c\n@@ -0,0 +1,2 @@\n+a\n+b\n", "new/f.c", "a\nb\n");
    expect_edit(
        "--- a/tail.c\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a\n-b\n\\ No newline at end of file\n",
        "tail.c", NULL);
    expect_edit("--- a/empty.c\n+++ b/empty.c\n@@ -0,0 +1 @@\n+a\n", "empty.c", "a\n");
    expect_refusal("--- a/tail.c\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n", AIRE_OUTCOME_PATCH_FAILED,
                   AIRE_CAUSE_PATCH_CONTEXT, "leave some");
}

static void test_patch__minds_the_ends_of_lines(void **state)
{
    expect_edit("--- crlf.c\n+++ crlf.c\n@@ -1,2 +1,3 @@\n a\n+n\n b\n", "crlf.c",
                "a\r\nn\r\nb\r\nc\r\n");
    /* A patch that says itself which lines end how, and one that went through a mail. */
    expect_edit("--- crlf.c\n+++ crlf.c\n@@ -1,2 +1,3 @@\n a\r\n+n\n b\r\n", "crlf.c",
                "a\r\nn\nb\r\nc\r\n");
    expect_edit("--- model.c\r\n+++ model.c\r\n@@ -9,2 +9,2 @@\r\n nine\r\n-ten\r\n+10\r\n",
                "model.c", "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n10\n");
    /* Where nothing is said of it, a file without a final newline stays so. */
    expect_edit("--- tail.c\n+++ tail.c\n@@ -2 +2,2 @@\n b\n+c\n", "tail.c", "a\nb\nc");
    expect_edit("--- tail.c\n+++ tail.c\n@@ -2 +2,2 @@\n-b\n\\ No newline at end of file\n+b\n+c\n",
                "tail.c", "a\nb\nc\n");
    /* A last line cannot be where lines follow. */
    expect_edit(HEAD "@@ -2 +2 @@\n-two\n+2\n\\ No newline at end of file\n", "model.c",
                "one\n2\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n");
    expect_edit("--- tail.c\n+++ tail.c\n@@ -2 +2 @@\n-b\n\\ No newline at end of file\n+c\n\\ No "
                "newline at end "
                "of file\n",
                "tail.c", "a\nc");
}

static void test_patch__refuses_what_is_no_patch(void **state)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"", "no unified diff"},
        {"Here is the change:\nuse 3", "no unified diff"},
        {HEAD, "no hunk follows"},
        {HEAD "@@ -1,2 +1,2 @@\n one\n",
         "line 4 of the patch, ` one`: the patch ends inside a hunk"},
        {"diff --git a/x b/x\nBinary files a/x and b/x differ\n", "binary patches"},
        {"diff --git a/x b/x\ncopy from x\ncopy to y\n", "copying"},
        {"diff --git a/model.c b/model.c\nold mode 100644\nnew mode 100755\n", "no hunk follows"},
        {"--- /dev/null\n+++ /dev/null\n@@ -1 +1 @@\n", "both files"},
        {HEAD "@@ -1,9999999999999 +1 @@\n", "ends inside a hunk"},
        {HEAD "@@ -1 +1 @@\n-one\n+1\n--- a/tail.c\n+++ b/tail.c\n", "ends after the header"},
        {"--- a/model.c\n+++ b/other.c\n@@ -1 +1 @@\n-one\n+1\n", "for renaming"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_refusal(rows[i].text, AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_SYNTAX,
                       rows[i].says);
}

static void test_patch__refuses_forbidden_files(void **state)
{
    expect_refusal("--- a/eval.c\n+++ b/eval.c\n@@ -1 +1 @@\n-x\n+y\n", AIRE_OUTCOME_VIOLATION,
                   AIRE_CAUSE_PATCH_ROLE, "eval.c");
    expect_refusal("--- /dev/null\n+++ b/other.c\n@@ -0,0 +1 @@\n+y\n", AIRE_OUTCOME_VIOLATION,
                   AIRE_CAUSE_PATCH_ROLE, "may not be made");
    expect_refusal("--- /dev/null\n+++ b/../x\n@@ -0,0 +1 @@\n+y\n", AIRE_OUTCOME_VIOLATION,
                   AIRE_CAUSE_PATCH_PATH, "../x");
    expect_refusal("diff --git a/model.c b/other.c\nrename from model.c\nrename to other.c\n",
                   AIRE_OUTCOME_VIOLATION, AIRE_CAUSE_PATCH_ROLE, "other.c");
    expect_refusal("diff --git a/eval.c b/new/e.c\nrename from eval.c\nrename to new/e.c\n",
                   AIRE_OUTCOME_VIOLATION, AIRE_CAUSE_PATCH_ROLE, "eval.c");
    expect_refusal("diff --git a/model.c b/../m.c\nrename from model.c\nrename to ../m.c\n",
                   AIRE_OUTCOME_VIOLATION, AIRE_CAUSE_PATCH_PATH, "../m.c");
    /* A name that is wrong in its directory alone is still that of the protected file. */
    expect_refusal("--- a/src/eval.c\n+++ b/src/eval.c\n@@ -1 +1 @@\n-x\n+y\n",
                   AIRE_OUTCOME_VIOLATION, AIRE_CAUSE_PATCH_ROLE, "eval.c");
    expect_refusal("--- /etc/passwd\n+++ /etc/passwd\n@@ -1 +1 @@\n-x\n+y\n",
                   AIRE_OUTCOME_VIOLATION, AIRE_CAUSE_PATCH_PATH, "/etc/passwd");
    /* One forbidden file spoils the whole patch. */
    expect_refusal(HEAD "@@ -1 +1 @@\n-one\n+1\n--- eval.c\n+++ eval.c\n@@ -1 +1 @@\n-x\n+y\n",
                   AIRE_OUTCOME_VIOLATION, AIRE_CAUSE_PATCH_ROLE, "eval.c");
}

static void test_patch__refuses_what_cannot_be(void **state)
{
    static const struct {
        const char *text;
        int32_t outcome, cause;
        const char *says;
    } rows[] = {
        {"--- aire.json\n+++ aire.json\n@@ -1 +1 @@\n-{}\n+[]\n", AIRE_OUTCOME_VIOLATION,
         AIRE_CAUSE_PATCH_PATH, "rules of the environment"},
        {"--- /dev/null\n+++ b/new/\x01\n@@ -0,0 +1 @@\n+y\n", AIRE_OUTCOME_VIOLATION,
         AIRE_CAUSE_PATCH_PATH, "control characters"},
        {"--- /dev/null\n+++ b/model.c\n@@ -0,0 +1 @@\n+y\n", AIRE_OUTCOME_PATCH_FAILED,
         AIRE_CAUSE_PATCH_CONTEXT, "there already"},
        {"--- none.c\n+++ none.c\n@@ -1 +1 @@\n-x\n+y\n", AIRE_OUTCOME_PATCH_FAILED,
         AIRE_CAUSE_PATCH_CONTEXT, "The editable files are: binary, crlf.c, empty.c, model.c"},
        {"--- /dev/null\n+++ b/new/d/x\n@@ -0,0 +1 @@\n+y\n", AIRE_OUTCOME_PATCH_FAILED,
         AIRE_CAUSE_PATCH_CONTEXT, "file and a directory"},
        {"--- /dev/null\n+++ b/new/e\n@@ -0,0 +1 @@\n+y\n"
         "--- /dev/null\n+++ b/new/e/f\n@@ -0,0 +1 @@\n+y\n",
         AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_CONTEXT, "file and a directory"},
        {"--- binary\n+++ binary\n@@ -1 +1 @@\n-a\n+y\n", AIRE_OUTCOME_PATCH_FAILED,
         AIRE_CAUSE_PATCH_CONTEXT, "not a text"},
        {HEAD "@@ -1 +1 @@\n-one\n+1\n--- tail.c\n+++ tail.c\n@@ -1 +1 @@\n-z\n+Z\n",
         AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_CONTEXT, "tail.c, hunk 1 of 1"},
        {HEAD "@@ -3,0 +4 @@\n+y\n", AIRE_OUTCOME_PATCH_FAILED, AIRE_CAUSE_PATCH_CONTEXT,
         "as context"},
        {HEAD "@@ -10,2 +10,2 @@\n ten\n-11\n+12\n", AIRE_OUTCOME_PATCH_FAILED,
         AIRE_CAUSE_PATCH_CONTEXT, "where the file has ended"},
        {"diff --git a/x b/y\nrename from x\nrename to y\n", AIRE_OUTCOME_PATCH_FAILED,
         AIRE_CAUSE_PATCH_CONTEXT, "is not there"},
        {"--- empty.c\n+++ empty.c\n@@ -1 +1 @@\n-x\n+y\n", AIRE_OUTCOME_PATCH_FAILED,
         AIRE_CAUSE_PATCH_CONTEXT, "empty or new"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect_refusal(rows[i].text, rows[i].outcome, rows[i].cause, rows[i].says);
}

static void test_patch__gives_edits_in_order_with_their_diff(void **state)
{
    aire_patched out;
    assert_int_equal(apply("--- a/tail.c\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a\n-b\n"
                           "\\ No newline at end of file\n"
                           "--- /dev/null\n+++ b/new/f.c\n@@ -0,0 +1 @@\n+a\n"
                           "--- crlf.c\n+++ crlf.c\n@@ -3 +3 @@\n-c\n+d\n",
                           &out),
                     AIRE_OK);
    assert_int_equal(out.outcome, AIRE_OUTCOME_OK);
    assert_int_equal(out.edit_count, 3);
    assert_string_equal(out.edits[0].path, "crlf.c");
    assert_string_equal(out.edits[1].path, "new/f.c");
    assert_string_equal(out.edits[2].path, "tail.c");
    assert_true(out.edits[1].created && !out.edits[0].created && !out.edits[2].data);
    assert_string_equal(out.diff, "--- a/crlf.c\n+++ b/crlf.c\n@@ -1,3 +1,3 @@\n a\r\n b\r\n-c\r\n"
                                  "+d\r\n--- /dev/null\n+++ b/new/f.c\n@@ -0,0 +1 @@\n+a\n"
                                  "--- a/tail.c\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a\n-b\n"
                                  "\\ No newline at end of file\n");
    aire__patched_free(&out);
}

static void test_patch__refuses_bytes_of_zero(void **state)
{
    static const char text[] = HEAD "@@ -1 +1 @@\n-one\n+\0\n";
    aire_patch_base base = {sources, sizeof sources / sizeof *sources, may_create, NULL};
    aire_patch *patch;
    aire_patched out;
    assert_int_equal(aire_patch_new(ctx, AIRE_PATCH_UNIFIED, text, sizeof text - 1, &patch),
                     AIRE_OK);
    assert_int_equal(aire__patch_apply(ctx, patch, &base, &out), AIRE_OK);
    assert_int_equal(out.cause, AIRE_CAUSE_PATCH_SYNTAX);
    assert_non_null(strstr(out.message, "line 5 of the patch"));
    aire__patched_free(&out);
    aire_patch_unref(patch);
}

static void test_patch__explains_what_the_file_has(void **state)
{
    aire_patched out;
    assert_int_equal(apply(HEAD "@@ -4,4 +4,4 @@\n four\n five\n-sixty\n+6\n seven\n", &out),
                     AIRE_OK);
    assert_int_equal(out.cause, AIRE_CAUSE_PATCH_CONTEXT);
    assert_non_null(strstr(out.message, "model.c, hunk 1 of 1"));
    assert_non_null(strstr(out.message, "     4| four\n     5| five\n     6| six\n"));
    assert_non_null(strstr(out.message, "expects `sixty` where the file has `six` (line 6)"));
    aire__patched_free(&out);
}

static void test_patch__knows_a_change_of_nothing(void **state)
{
    expect_refusal(HEAD "@@ -1 +1 @@\n-one\n+one\n", AIRE_OUTCOME_NO_CHANGE,
                   AIRE_CAUSE_SAME_AS_BASELINE, "changes nothing");
}

/* ---- properties on random texts ---- */

static const char *ends[] = {"\n", "\r\n", "\r\n"}; /* a text's lines have the first n of them */

static size_t random_line(aire_rng *rng, char *text, int words, uint64_t kinds)
{
    int word = (int)aire__rng_below(rng, (uint64_t)words);
    const char *end = ends[aire__rng_below(rng, kinds)];
    if (aire__rng_below(rng, 4) == 0)
        return (size_t)sprintf(text, "%s%s", word & 1 ? "}" : "", end);
    return (size_t)sprintf(text, "w%d%s", word, end);
}

static size_t random_text(aire_rng *rng, char *text, int lines, int words, uint64_t kinds)
{
    size_t length = 0;
    for (int i = 0; i < lines; i++)
        length += random_line(rng, text + length, words, kinds);
    if (length && aire__rng_below(rng, 4) == 0)
        text[--length] = '\0';
    return length;
}

static size_t edit_text(aire_rng *rng, const char *from, size_t from_length, char *to, int words,
                        uint64_t kinds)
{
    size_t length = 0;
    for (size_t i = 0; i < from_length;) {
        size_t line = strcspn(from + i, "\n") + 1;
        if (line > from_length - i)
            line = from_length - i;
        if (aire__rng_below(rng, 6) == 0)
            length += random_line(rng, to + length, words, kinds);
        if (aire__rng_below(rng, 6) != 0) {
            memcpy(to + length, from + i, line);
            length += line;
        }
        i += line;
    }
    to[length] = '\0';
    return length;
}

static void test_diff__applied_gives_the_other_text(void **state)
{
    char before[2048], after[4096];
    aire_rng rng;
    aire__rng_init(&rng, 1, "round trip", 0);
    for (int round = 0; round < 3000; round++) {
        int words = 1 + (int)aire__rng_below(&rng, 12);
        uint64_t kinds = 1 + aire__rng_below(&rng, 3);
        size_t a = random_text(&rng, before, (int)aire__rng_below(&rng, 40), words, kinds);
        size_t b = edit_text(&rng, before, a, after, words, kinds);
        char *diff;
        assert_int_equal(aire__patch_diff(ctx, "f", before, a, after, b, &diff), AIRE_OK);
        aire_patch_source source = {"f", before, a, true};
        aire_patch_base base = {&source, 1, NULL, NULL};
        aire_patch *patch;
        aire_patched out;
        assert_int_equal(aire_patch_new(ctx, AIRE_PATCH_UNIFIED, diff, strlen(diff), &patch),
                         AIRE_OK);
        assert_int_equal(aire__patch_apply(ctx, patch, &base, &out), AIRE_OK);
        if (*diff) {
            if (out.outcome != AIRE_OUTCOME_OK)
                fail_msg("round %d: %s\n%s", round, out.message, diff);
            assert_int_equal(out.edits[0].length, b);
            assert_memory_equal(out.edits[0].data, after, b);
            assert_string_equal(out.diff, diff);
        } else {
            assert_int_equal(a, b);
        }
        aire__patched_free(&out);
        aire_patch_unref(patch);
        aire_free(ctx, diff);
    }
}

/* Length of the longest common subsequence of lines, the slow way. */
static int common_lines(const char **a, int n, const char **b, int m)
{
    static int table[64][64];
    for (int i = n; i >= 0; i--)
        for (int j = m; j >= 0; j--)
            table[i][j] = i == n || j == m                    ? 0
                          : !strcmp(a[i], b[j])               ? 1 + table[i + 1][j + 1]
                          : table[i + 1][j] > table[i][j + 1] ? table[i + 1][j]
                                                              : table[i][j + 1];
    return table[0][0];
}

/* ---- as git writes them ---- */

/* What is between "@@ " and " @@" of hunk headers, and all other lines from the first hunk on. */
static void keep_hunks(char *diff)
{
    char *to = diff, *from = strstr(diff, "\n@@ ");
    for (from = from ? from + 1 : diff + strlen(diff); *from;) {
        size_t line = strcspn(from, "\n");
        size_t kept = line;
        if (!strncmp(from, "@@ ", 3))
            kept = (size_t)(strstr(from + 3, " @@") + 3 - from);
        memmove(to, from, kept);
        to += kept;
        *to++ = '\n';
        from += line + (from[line] == '\n');
    }
    *to = '\0';
}

static char *git_diff(const char *directory)
{
    char command[256];
    static char out[1 << 16];
    snprintf(command, sizeof command,
             "cd %s && HOME=%s GIT_CONFIG_NOSYSTEM=1 git diff --no-index --no-color --minimal "
             "--no-indent-heuristic a b",
             directory, directory);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    out[fread(out, 1, sizeof out - 1, pipe)] = '\0';
    pclose(pipe);
    return out;
}

/* As people edit: here and there some lines are taken out, and some others put in. */
static size_t edit_places(aire_rng *rng, const char *from, size_t from_length, char *to)
{
    size_t length = 0;
    int skipped = 0;
    for (size_t i = 0; i < from_length;) {
        size_t line = strcspn(from + i, "\n") + 1;
        if (line > from_length - i)
            line = from_length - i;
        if (aire__rng_below(rng, 20) == 0) {
            skipped = (int)aire__rng_below(rng, 4);
            for (uint64_t k = aire__rng_below(rng, 5); k > 0; k--)
                length += random_line(rng, to + length, 100000, 1);
        }
        if (skipped-- <= 0) {
            memcpy(to + length, from + i, line);
            length += line;
        }
        i += line;
    }
    to[length] = '\0';
    return length;
}

static int count_changes(const char *hunks)
{
    int count = 0;
    for (const char *line = hunks; *line; line += strcspn(line, "\n") + 1)
        count += *line == '-' || *line == '+';
    return count;
}

static void test_diff__looks_as_from_git(void **state)
{
    char directory[] = "/tmp/aire-diff-XXXXXX", path[64], before[4096], after[8192];
    if (system("git --version > /dev/null 2>&1")) {
        print_message("# no git on this machine: not compared with it\n");
        return;
    }
    assert_non_null(mkdtemp(directory));
    aire_rng rng;
    aire__rng_init(&rng, 5, "git", 0);
    int same = 0; /* where several edits are shortest, git may take another one */
    for (int round = 0; round < 100; round++) {
        size_t a = random_text(&rng, before, 100, 100000, 1);
        size_t b = edit_places(&rng, before, a, after);
        snprintf(path, sizeof path, "%s/a", directory);
        assert_int_equal(aire__fs_write(ctx, path, before, a, 0644), AIRE_OK);
        snprintf(path, sizeof path, "%s/b", directory);
        assert_int_equal(aire__fs_write(ctx, path, after, b, 0644), AIRE_OK);
        char *diff, *git = git_diff(directory);
        assert_int_equal(aire__patch_diff(ctx, "f", before, a, after, b, &diff), AIRE_OK);
        keep_hunks(diff);
        keep_hunks(git);
        assert_int_equal(count_changes(diff), count_changes(git));
        same += !strcmp(diff, git);
        aire_free(ctx, diff);
    }
    aire__fs_remove_tree(ctx, directory);
    if (same < 90)
        fail_msg("only %d of 100 are as git has them", same);
}

static void test_diff__is_minimal(void **state)
{
    static const char *const words[] = {"a", "b", "c", "d"};
    aire_rng rng;
    aire__rng_init(&rng, 2, "minimal", 0);
    for (int round = 0; round < 2000; round++) {
        const char *a[40], *b[40];
        char before[200] = "", after[200] = "";
        int n = (int)aire__rng_below(&rng, 30), m = (int)aire__rng_below(&rng, 30), changes = 0;
        for (int i = 0; i < n; i++)
            sprintf(before + 2 * i, "%s\n", a[i] = words[aire__rng_below(&rng, 4)]);
        for (int i = 0; i < m; i++)
            sprintf(after + 2 * i, "%s\n", b[i] = words[aire__rng_below(&rng, 4)]);
        char *diff;
        assert_int_equal(
            aire__patch_diff(ctx, "f", before, strlen(before), after, strlen(after), &diff),
            AIRE_OK);
        for (const char *line = diff; *line; line += strcspn(line, "\n") + 1)
            changes += (*line == '-' || *line == '+') && strncmp(line, "---", 3) &&
                       strncmp(line, "+++", 3);
        assert_int_equal(changes, n + m - 2 * common_lines(a, n, b, m));
        aire_free(ctx, diff);
    }
}

static void test_patch__survives_noise(void **state)
{
    static const char good[] =
        HEAD "@@ -2,3 +2,3 @@\n two\n-three\n+3\n four\n@@ -9,2 +9,2 @@\n nine\n-ten\n+10\n"
             "--- /dev/null\n+++ b/new/f.c\n@@ -0,0 +1,2 @@\n+a\n+b\n";
    aire_rng rng;
    aire__rng_init(&rng, 3, "noise", 0);
    for (int round = 0; round < 5000; round++) {
        char text[sizeof good];
        memcpy(text, good, sizeof good);
        for (uint64_t i = aire__rng_below(&rng, 6); i > 0; i--)
            text[aire__rng_below(&rng, sizeof good - 1)] = "@-+ \n\r0a\\"[aire__rng_below(&rng, 9)];
        aire_patched out;
        assert_int_equal(apply(text, &out), AIRE_OK);
        assert_int_equal(out.outcome == AIRE_OUTCOME_OK, out.edit_count > 0);
        aire__patched_free(&out);
    }
}

static void apply_to(const char *text, size_t length, const char *file, size_t file_length,
                     aire_patched *out)
{
    aire_patch_source source = {"f", file, file_length, true};
    aire_patch_base base = {&source, 1, NULL, NULL};
    aire_patch *patch;
    assert_int_equal(aire_patch_new(ctx, AIRE_PATCH_UNIFIED, text, length, &patch), AIRE_OK);
    assert_int_equal(aire__patch_apply(ctx, patch, &base, out), AIRE_OK);
    aire_patch_unref(patch);
}

/* A patch made for a file that has got other lines in front since. */
static void test_patch__displaced_is_right_or_refused(void **state)
{
    char before[4096], after[8192], moved[8192], wanted[16384];
    aire_rng rng;
    aire__rng_init(&rng, 6, "displaced", 0);
    int right = 0;
    for (int round = 0; round < 500; round++) {
        size_t a = random_text(&rng, before, 60, 100000, 1);
        size_t b = edit_places(&rng, before, a, after);
        size_t shift = 0;
        for (uint64_t i = 1 + aire__rng_below(&rng, 30); i > 0; i--)
            shift += random_line(&rng, moved + shift, 100000, 1);
        memcpy(wanted, moved, shift);
        memcpy(moved + shift, before, a);
        memcpy(wanted + shift, after, b);
        char *diff;
        aire_patched out;
        assert_int_equal(aire__patch_diff(ctx, "f", before, a, after, b, &diff), AIRE_OK);
        if (*diff) {
            apply_to(diff, strlen(diff), moved, shift + a, &out);
            if (out.outcome == AIRE_OUTCOME_OK) {
                assert_int_equal(out.edits[0].length, shift + b);
                assert_memory_equal(out.edits[0].data, wanted, shift + b);
                right++;
            } else {
                assert_int_equal(out.cause, AIRE_CAUSE_PATCH_CONTEXT);
            }
            aire__patched_free(&out);
        }
        aire_free(ctx, diff);
    }
    assert_true(right > 400);
}

/* Seconds of processor time: not the machine's other work. */
static double seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static void test_patch__large_files_take_linear_time(void **state)
{
    enum { LINES = 600000, STEP = 6 };
    char *file = malloc(LINES * 20), *patch = malloc(LINES / STEP * 80);
    size_t length = 0, patch_length = (size_t)sprintf(patch, "--- f\n+++ f\n");
    double start = seconds();
    for (int i = 0; i < LINES; i++)
        length += (size_t)sprintf(file + length, "line number %d\n", i);
    /* No header is right, so that all 100,000 have to be searched for. */
    for (int i = STEP; i < LINES; i += STEP)
        patch_length += (size_t)sprintf(patch + patch_length,
                                        "@@ -1,2 +1,2 @@\n line number %d\n-line number %d\n+%d\n",
                                        i, i + 1, i);
    aire_patched out;
    apply_to(patch, patch_length, file, length, &out);
    if (out.outcome != AIRE_OUTCOME_OK)
        fail_msg("%s", out.message);
    assert_int_equal(out.edit_count, 1);
    aire__patched_free(&out);
    free(file);
    free(patch);
    assert_true(seconds() - start < 20);
}

/* Texts of few different lines are the worst case for finding places and for comparing. */
static void test_patch__hostile_texts_take_bounded_time(void **state)
{
    enum { LINES = 200000, HUNKS = 2000, HUNK_LINES = 50 };
    char *file = malloc(LINES * 2 + 1), *patch = malloc(HUNKS * (HUNK_LINES * 3 + 40));
    size_t patch_length = (size_t)sprintf(patch, "--- f\n+++ f\n");
    double start = seconds();
    aire_rng rng;
    aire__rng_init(&rng, 7, "hostile", 0);
    for (int i = 0; i < LINES; i++)
        sprintf(file + 2 * i, "%c\n", "ab"[aire__rng_below(&rng, 2)]);
    for (int hunk = 0; hunk < HUNKS; hunk++) {
        patch_length += (size_t)sprintf(patch + patch_length, "@@ -1,%d +1,%d @@\n", HUNK_LINES,
                                        HUNK_LINES - 1);
        for (int i = 0; i < HUNK_LINES; i++)
            patch_length += (size_t)sprintf(patch + patch_length, "%c%c\n", i ? ' ' : '-',
                                            file[2 * (hunk * 100 + i)]);
    }
    aire_patched out;
    apply_to(patch, patch_length, file, 2 * LINES, &out);
    aire__patched_free(&out);

    char *other = malloc(LINES * 2 + 1), *diff;
    for (int i = 0; i < LINES; i++)
        sprintf(other + 2 * i, "%c\n", "ab"[aire__rng_below(&rng, 16) == 0]);
    assert_int_equal(aire__patch_diff(ctx, "f", file, 2 * LINES, other, 2 * LINES, &diff), AIRE_OK);
    aire_free(ctx, diff);
    memset(file, 'a', 2 * LINES);
    for (int i = 0; i < LINES; i++)
        file[2 * i + 1] = '\n';
    assert_int_equal(aire__patch_diff(ctx, "f", file, 2 * LINES, other, 2 * LINES, &diff), AIRE_OK);
    aire_free(ctx, diff);
    free(file);
    free(patch);
    free(other);
    assert_true(seconds() - start < 30);
}

static void test_patch__fails_cleanly_without_memory(void **state)
{
    aire_patched out;
    OOM_LOOP(&memory, apply(HEAD "@@ -7,3 +7,3 @@\n two\n-three\n+3\n four\n", &out),
             aire__patched_free(&out));
    OOM_LOOP(&memory, apply(HEAD "@@ -7,3 +7,3 @@\n two\n-thre\n+3\n four\n", &out),
             aire__patched_free(&out));
    OOM_LOOP(&memory, apply("no patch", &out), aire__patched_free(&out));
    OOM_LOOP(&memory, apply("--- none.c\n+++ none.c\n@@ -1 +1 @@\n-a\n+b\n", &out),
             aire__patched_free(&out));
    OOM_LOOP(&memory,
             apply("--- /dev/null\n+++ b/new/f.c\n@@ -0,0 +1 @@\n+a\n" HEAD
                   "@@ -2 +2 @@\n-two\n+2\n",
                   &out),
             aire__patched_free(&out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patch__applies_where_it_says),
        cmocka_unit_test(test_patch__finds_displaced_hunks),
        cmocka_unit_test(test_patch__takes_hunks_in_any_order),
        cmocka_unit_test(test_patch__makes_and_deletes_files),
        cmocka_unit_test(test_patch__minds_the_ends_of_lines),
        cmocka_unit_test(test_patch__refuses_what_is_no_patch),
        cmocka_unit_test(test_patch__refuses_forbidden_files),
        cmocka_unit_test(test_patch__refuses_what_cannot_be),
        cmocka_unit_test(test_patch__refuses_bytes_of_zero),
        cmocka_unit_test(test_patch__gives_edits_in_order_with_their_diff),
        cmocka_unit_test(test_patch__explains_what_the_file_has),
        cmocka_unit_test(test_patch__knows_a_change_of_nothing),
        cmocka_unit_test(test_diff__applied_gives_the_other_text),
        cmocka_unit_test(test_diff__looks_as_from_git),
        cmocka_unit_test(test_diff__is_minimal),
        cmocka_unit_test(test_patch__survives_noise),
        cmocka_unit_test(test_patch__displaced_is_right_or_refused),
        cmocka_unit_test(test_patch__hostile_texts_take_bounded_time),
        cmocka_unit_test(test_patch__large_files_take_linear_time),
        cmocka_unit_test(test_patch__fails_cleanly_without_memory),
    };
    return cmocka_run_group_tests(tests, patch_setup, patch_teardown);
}
