/* What kind of change a patch is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aire/idea.h"
#include "base/rng.h"
#include "patch/change_kind.h"

#define HEAD "--- a/t.py\n+++ b/t.py\n@@ -1,3 +1,3 @@\n"

static void expect(const char *diff, int32_t kind)
{
    int32_t found = aire__patch_change_kind(diff, strlen(diff));
    if (found != kind)
        fail_msg("%d and not %d: %s", (int)found, (int)kind, diff);
}

static void test_kind__constants_are_turned(void **state)
{
    static const char *const diffs[] = {
        HEAD " x\n-lr = 1e-3\n+lr = 3.5e-4  # was lower\n y\n",
        HEAD "-#define LR 1.5e-3f\n+#define LR 2e-3f\n",
        HEAD "-x = -5\n+x = 17\n",
        HEAD "-f(a, 1, 2)\n+f(a, -1, 0x1F)\n",
        HEAD "-act = \"gelu\"\n-on = false\n+act = 'relu'\n+on = true\n",
        HEAD "-  int n=4; /* heads */\n+\tint n = 8;\n",
        HEAD "-a = .5\n+# a comment\n+\n+a = 1.\n",
        HEAD "-5\n+7\n",
        HEAD "-5\n\\ No newline at end of file\n+7\n\\ No newline at end of file\n",
        HEAD "-n=10\n+n=20\n@@ -9 +9 @@\n-m=1\n+m=2\n--- a/u.c\n+++ b/u.c\n@@ -1 +1 @@\n-x=1;\n"
             "+x=2;\n",
        "diff --git a/t b/t\nindex 1..2 100644\n--- a/t\n+++ b/t\n@@ -1 +1 @@\n-a 1\n+a 2\n",
        HEAD "-s = 'it\\'s 1'\n+s = 'it is'\n",
    };
    for (size_t i = 0; i < sizeof diffs / sizeof *diffs; i++)
        expect(diffs[i], AIRE_IDEA_HYPERPARAMETER);
}

static void test_kind__all_else_is_algorithmic(void **state)
{
    static const char *const diffs[] = {
        HEAD "-x = gelu(x)\n+x = relu(x)\n",
        HEAD "+x = 1\n",
        HEAD "-x = 1\n",
        HEAD "-x = a - 1\n+x = a + 1\n",
        HEAD "-x = f(a) - 1\n+x = f(a)\n",
        HEAD "-x = 3 * 4\n+x = 12\n",
        HEAD "-x = 1\n+x = 2\n+y = 3\n",
        HEAD "-#include <a.h>\n+#include <b.h>\n",
        HEAD "-x = 1\n+x = 2\n@@ -9 +9 @@\n-y = a\n+y = b\n",
        "--- /dev/null\n+++ b/n.c\n@@ -0,0 +1 @@\n+1\n",
        "--- a/n.c\n+++ /dev/null\n@@ -1 +0,0 @@\n-1\n",
        "diff --git a/x b/y\nsimilarity index 100%\nrename from x\nrename to y\n",
    };
    for (size_t i = 0; i < sizeof diffs / sizeof *diffs; i++)
        expect(diffs[i], AIRE_IDEA_ALGORITHMIC);
}

static void test_kind__nothing_is_nothing(void **state)
{
    expect("", 0);
    expect("no patch at all\n- a list\n+ b\n", 0);
    expect(HEAD " x\n y\n", 0);
    expect(HEAD "-# one comment\n+# another one\n", 0);
    expect(HEAD "-  // x = 1\n", 0);
}

/* Any bytes, in time proportional to their number. */
static void test_kind__takes_anything(void **state)
{
    static const char signs[] = "-+@ \n#/*'\"\\.0e1ax_\xc3()=";
    enum { SIZE = 200000 };
    char *text = malloc(SIZE);
    aire_rng rng;
    aire__rng_init(&rng, 1, "test", 0);
    for (int round = 0; round < 20; round++) {
        size_t head = (size_t)snprintf(text, SIZE, HEAD);
        for (size_t i = head; i < SIZE; i++)
            text[i] = signs[aire__rng_below(&rng, sizeof signs - 1)];
        (void)aire__patch_change_kind(text, SIZE - (size_t)round);
    }
    size_t length = (size_t)snprintf(text, SIZE, HEAD);
    while (length + 16 < SIZE / 2) /* a run of many lines */
        length += (size_t)sprintf(text + length, "-x = 1\n");
    while (length + 16 < SIZE)
        length += (size_t)sprintf(text + length, "+x = 2\n");
    (void)aire__patch_change_kind(text, length);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kind__constants_are_turned),
        cmocka_unit_test(test_kind__all_else_is_algorithmic),
        cmocka_unit_test(test_kind__nothing_is_nothing),
        cmocka_unit_test(test_kind__takes_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
