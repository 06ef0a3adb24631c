/* Templates of requests: what they say, how they are replaced, and what is wrong with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aire/error.h"
#include "aire/plan.h"
#include "base/fs.h"
#include "prompt/template.h"
#include "support/failing.h"

static failing memory;
static aire_ctx *ctx;
static char root[64];

static int setup(void **state)
{
    ctx = failing_ctx(&memory, 1);
    snprintf(root, sizeof root, "/tmp/aire-template-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
    assert_int_equal(aire__fs_remove_tree(ctx, root), AIRE_OK);
    assert_int_equal(atomic_load(&memory.live), 1);
    aire_ctx_unref(ctx);
    return 0;
}

static void write_file(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", root, name);
    assert_int_equal(aire__fs_write(ctx, path, text, strlen(text), 0644), AIRE_OK);
}

static void remove_file(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", root, name);
    assert_int_equal(remove(path), 0);
}

/* A template filled with problem "P", code "C\n" and no ideas to avoid. */
static const char *filled(const char *text)
{
    static char out[1024];
    const char *const fields[AIRE_FIELD_COUNT] = {
        [AIRE_FIELD_PROBLEM] = "P", [AIRE_FIELD_CODE] = "C\n"};
    aire_buf buf;
    aire__buf_init(&buf, ctx, sizeof out - 1);
    aire__template_fill(&buf, text, fields);
    assert_int_equal(aire__buf_status(&buf), AIRE_OK);
    snprintf(out, sizeof out, "%s", buf.data ? buf.data : "");
    aire__buf_free(&buf);
    return out;
}

static void test_template__fields_are_filled_in(void **state)
{
    static const struct {
        const char *text, *filled;
    } cases[] = {
        {"a {{problem}} b", "a P b"},
        {"a\n{{code}}\nb\n", "a\nC\nb\n"}, /* its own line end is enough */
        {"a\n  {{ code }} \nb\n", "a\n  C\nb\n"},
        {"a\n{{problem}}\nb\n", "a\nP\nb\n"},
        {"a\n{{avoid}}\nb\n", "a\nb\n"}, /* an empty one takes its line along */
        {"a {{avoid}} b\n", "a  b\n"},
        {"{{! what\nthis is }}\na{{! here }}b\n", "ab\n"},
        {"{{open}}x{{close}} { } {\n", "{{x}} { } {\n"},
        {"{{problem}}{{code}}", "PC\n"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(filled(cases[i].text), cases[i].filled);
}

static void test_template__built_in_ones_are_right(void **state)
{
    for (int32_t i = 1; i < AIRE_TEMPLATE_END; i++) {
        const char *text = aire__template_text(NULL, i);
        if (aire__template_check(i, text, aire__template_name(i)) != AIRE_OK)
            fail_msg("%s", aire_error_message(aire_last_error()));
        if (i <= AIRE_PLAN_REPAIR)
            assert_string_equal(aire__template_name(i), aire_plan_kind_name(i));
    }
    assert_null(aire__template_name(0));
    assert_null(aire__template_name(AIRE_TEMPLATE_END));
}

#define FORM "{{problem}}{{code}}{{avoid}}{{ideas}}{{form}}"

static void test_template__mistakes_are_told_with_their_line(void **state)
{
    static const struct {
        int32_t which;
        const char *text, *words;
    } cases[] = {
        {AIRE_PLAN_FRESH, FORM "\n{{cod}}",
         "x.txt, line 2: the template 'fresh' has no field {{cod}}"},
        {AIRE_PLAN_FRESH, FORM "{{reason}}", "no field {{reason}}; use {{problem}}, {{code}}"},
        {AIRE_PLAN_FRESH, FORM "{{}}", "no field {{}}"},
        {AIRE_PLAN_FRESH, FORM "{{Code}}", "no field {{Code}}"},
        {AIRE_PLAN_FRESH, "\n{{problem}}{{code}}{{avoid}}\n{{ideas}}",
         "line 3: the text ends without {{form}}"},
        {AIRE_PLAN_EXPLOIT, FORM, "without {{parents}}, which the template 'exploit' needs"},
        {AIRE_TEMPLATE_REVISE, "no", "without {{reason}}"},
        {AIRE_PLAN_FRESH, FORM "\n\n{{code", "line 3: '{{' is not closed"},
        {AIRE_PLAN_FRESH, FORM "{{code\n}}", "line 1: '{{' is not closed"},
        {AIRE_PLAN_FRESH, "{{code {{problem}}", "line 1: '{{' is not closed"},
        {AIRE_PLAN_FRESH, "\na}} " FORM, "line 2: '}}' closes nothing"},
        {AIRE_PLAN_FRESH, FORM "\n}}", "line 2: '}}' closes nothing"},
        {AIRE_PLAN_FRESH, FORM "\xff", "not UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(aire__template_check(cases[i].which, cases[i].text, "x.txt"), AIRE_FORMAT);
        const char *said = aire_error_message(aire_last_error());
        if (!strstr(said, cases[i].words))
            fail_msg("case %zu: %s\nlacks %s", i, said, cases[i].words);
    }
    assert_int_equal(aire__template_check(AIRE_PLAN_FRESH, FORM, "x.txt"), AIRE_OK);
}

static aire_status load(aire_templates **out)
{
    return aire__templates_load(ctx, root, out);
}

static void test_template__files_replace_the_built_in_ones(void **state)
{
    aire_templates *templates;
    assert_int_equal(load(&templates), AIRE_NOT_FOUND);
    assert_non_null(strstr(aire_error_message(aire_last_error()), "holds no template"));
    assert_int_equal(aire__templates_load(ctx, "/no/such/place", &templates), AIRE_NOT_FOUND);
    assert_null(templates);

    write_file("README.md", "{{anything}}");
    write_file("fresh.txt", "Mine: " FORM);
    OOM_LOOP(&memory, load(&templates), aire__templates_free(templates));
    assert_int_equal(load(&templates), AIRE_OK);
    assert_string_equal(aire__template_text(templates, AIRE_PLAN_FRESH), "Mine: " FORM);
    assert_ptr_equal(aire__template_text(templates, AIRE_PLAN_EXPLOIT),
                     aire__template_text(NULL, AIRE_PLAN_EXPLOIT));
    aire__templates_free(templates);

    write_file("exploitt.txt", FORM);
    assert_int_equal(load(&templates), AIRE_FORMAT);
    assert_non_null(
        strstr(aire_error_message(aire_last_error()), "exploitt.txt: there is no such"));
    remove_file("exploitt.txt");
    write_file("exploit.txt", FORM);
    assert_int_equal(load(&templates), AIRE_FORMAT);
    assert_non_null(strstr(aire_error_message(aire_last_error()), "exploit.txt, line 1: "));
    aire__templates_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_template__fields_are_filled_in),
        cmocka_unit_test(test_template__built_in_ones_are_right),
        cmocka_unit_test(test_template__mistakes_are_told_with_their_line),
        cmocka_unit_test(test_template__files_replace_the_built_in_ones),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
