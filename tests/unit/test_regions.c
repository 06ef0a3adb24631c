/* Editable regions, as the executor heeds them: what fits may still be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aire/error.h"
#include "base/fs.h"
#include "executor/job.h"
#include "support/failing.h"

static failing memory;
static aire_workshop shop;

static int setup(void **state)
{
    char path[512];
    aire_env_options options = AIRE_ENV_OPTIONS_INIT;
    options.adapter = "openevolve";
    shop.ctx = failing_ctx(&memory, 0);
    snprintf(path, sizeof path, "%s/data/openevolve/minimise", getenv("AIRE_TESTS"));
    return aire_env_open(shop.ctx, path, &options, &shop.env) == AIRE_OK &&
                   aire__workshop_sources(&shop) == AIRE_OK
               ? 0
               : -1;
}

static int teardown(void **state)
{
    aire_free(shop.ctx, shop.sources);
    aire_env_unref(shop.env);
    aire_ctx_unref(shop.ctx);
    return atomic_load(&memory.live) == 0 ? 0 : -1;
}

static aire_status apply(const char *text, aire_patched *out)
{
    aire_patch *patch = NULL;
    aire_status status = aire_patch_new(shop.ctx, AIRE_PATCH_UNIFIED, text, strlen(text), &patch);
    if (status == AIRE_OK)
        status = aire__apply_to_env(&shop, patch, out);
    aire_patch_unref(patch);
    return status;
}

static const char inside[] =
    "--- a/initial_program.py\n+++ b/initial_program.py\n@@ -13,1 +13,1 @@\n"
    "-def search(steps=40):\n+def search(steps=41):\n";
static const char outside[] =
    "--- a/initial_program.py\n+++ b/initial_program.py\n@@ -5,1 +5,1 @@\n"
    "-LOW, HIGH = -4.0, 4.0\n+LOW, HIGH = -1.0, 1.0\n";
static const char removed[] = "--- a/initial_program.py\n+++ /dev/null\n";

static void test_regions__are_heeded_by_the_executor(void **state)
{
    static const struct {
        const char *patch;
        int32_t outcome, cause;
    } rows[] = {{inside, AIRE_OUTCOME_OK, AIRE_CAUSE_NONE},
                {outside, AIRE_OUTCOME_VIOLATION, AIRE_CAUSE_PATCH_ROLE},
                {removed, AIRE_OUTCOME_VIOLATION, AIRE_CAUSE_PATCH_ROLE}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        aire_patched patched;
        assert_int_equal(apply(rows[i].patch, &patched), AIRE_OK);
        if (patched.outcome != rows[i].outcome || patched.cause != rows[i].cause)
            fail_msg("row %zu: outcome %d cause %d: %s", i, patched.outcome, patched.cause,
                     patched.message);
        if (patched.outcome != AIRE_OUTCOME_OK) {
            assert_int_equal(patched.edit_count, 0);
            assert_non_null(strstr(patched.message, "13 to 20"));
        }
        aire__patched_free(&patched);
    }
}

static void test_regions__run_out_of_memory(void **state)
{
    aire_patched patched;
    OOM_LOOP(&memory, apply(outside, &patched), aire__patched_free(&patched));
    OOM_LOOP(&memory, apply(inside, &patched), aire__patched_free(&patched));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_regions__are_heeded_by_the_executor),
        cmocka_unit_test(test_regions__run_out_of_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
