/* What of a log goes back to the model that wrote the code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "executor/log_lines.h"
#include "support/failing.h"

static failing memory;
static aire_ctx *ctx;

static int setup(void **state)
{
    ctx = failing_ctx(&memory, 0);
    return 0;
}

static int teardown(void **state)
{
    aire_ctx_unref(ctx);
    return atomic_load(&memory.live) == 0 ? 0 : -1;
}

static char *lines_of(const char *log, size_t max)
{
    char *out;
    assert_int_equal(aire__log_lines(ctx, log, strlen(log), max, &out), AIRE_OK);
    assert_true(strlen(out) <= max);
    return out;
}

static void expect(const char *log, size_t max, const char *expected)
{
    char *out = lines_of(log, max);
    assert_string_equal(out, expected);
    aire_free(ctx, out);
}

static void has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in \"%s\"", part, text);
}

static void lacks(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("\"%s\" is in \"%s\"", part, text);
}

/* So many lines that say nothing. */
static char *noise(const char *before, int count, const char *after)
{
    size_t size = strlen(before) + strlen(after) + (size_t)count * 32 + 1;
    char *text = malloc(size);
    size_t length = (size_t)snprintf(text, size, "%s", before);
    for (int i = 0; i < count; i++)
        length += (size_t)snprintf(text + length, size - length, "compiling unit %d\n", i);
    snprintf(text + length, size - length, "%s", after);
    return text;
}

static void test_log__a_short_one_is_whole(void **state)
{
    expect("", 1000, "");
    expect("one\ntwo", 1000, "one\ntwo\n");
    expect("one\r\n\r\ntwo\r\n", 1000, "one\n\ntwo\n");
}

static void test_log__shows_errors_with_what_stands_around_them(void **state)
{
    char *log = noise("cc -c model.c\n", 50,
                      "model.c: In function 'main':\n"
                      "model.c:12:5: error: 'x' undeclared\n"
                      "   12 |     x = 1;\n"
                      "      |     ^\n"
                      "note: each is reported once\n"
                      "errors_total 0\n");
    char *with_end = noise(log, 40, "make: *** [all] Error 1\n");
    char *out = lines_of(with_end, 2000);
    has(out, "[...]\nmodel.c: In function 'main':\nmodel.c:12:5: error: 'x' undeclared\n"
             "   12 |     x = 1;\n      |     ^\nnote: each");
    has(out, "compiling unit 39\nmake: *** [all] Error 1\n");
    lacks(out, "compiling unit 20");
    lacks(out, "errors_total");
    aire_free(ctx, out);
    free(with_end);
    free(log);
}

static void test_log__knows_complaints_of_many_tools(void **state)
{
    static const char *const complaints[] = {"/usr/bin/ld: a.o: undefined reference to `f'",
                                             "error[E0308]: mismatched types",
                                             "a.cu(3): error: identifier \"x\" is undefined",
                                             "Segmentation fault (core dumped)",
                                             "a.out: a.c:3: main: Assertion `x' failed.",
                                             "thread 'main' panicked at src/main.rs:2:5",
                                             "==1==ERROR: AddressSanitizer: heap-use-after-free",
                                             "sh: 1: foo: command not found",
                                             "ModuleNotFoundError: no such file",
                                             "RuntimeError: CUDA out of memory"};
    for (size_t i = 0; i < sizeof complaints / sizeof *complaints; i++) {
        char *before = noise("", 30, complaints[i]), *log = noise(before, 30, "\nend\n");
        char *out = lines_of(log, 1500);
        has(out, complaints[i]);
        aire_free(ctx, out);
        free(before);
        free(log);
    }
    char *calm = noise("", 20, "errors: 0\nmean error 0.5\nterror: none\n");
    char *log = noise(calm, 30, "end\n");
    char *out = lines_of(log, 400);
    lacks(out, "terror");
    lacks(out, "mean error");
    aire_free(ctx, out);
    free(log);
    free(calm);
}

static void test_log__shows_the_inside_of_the_last_traceback(void **state)
{
    char frames[8000] = "", *out;
    for (int i = 0; i < 40; i++)
        snprintf(frames + strlen(frames), sizeof frames - strlen(frames),
                 "  File \"train.py\", line %d, in f%d\n    step()\n", i, i);
    char *first = noise("Traceback (most recent call last):\n  File \"old.py\", line 1\n"
                        "KeyError: 'old'\n",
                        30, "Traceback (most recent call last):\n");
    char *second = noise("", 0, first), *all;
    assert_true(asprintf(&all, "%s%sValueError: shapes do not match\nexiting\n", second, frames) >
                0);
    out = lines_of(all, 1200);
    has(out, "Traceback (most recent call last):\n[...]\n");
    has(out, "in f39\n    step()\nValueError: shapes do not match\nexiting\n");
    lacks(out, "in f20");
    has(out, "KeyError: 'old'"); /* of the one before, what it was */
    assert_true(strstr(out, "KeyError") < strstr(out, "Traceback"));
    aire_free(ctx, out);
    free(all);
    free(second);
    free(first);
}

static void test_log__is_bounded_and_text(void **state)
{
    char *many = malloc(200000);
    size_t length = 0;
    for (int i = 0; i < 3000; i++)
        length += (size_t)sprintf(many + length, "a.c:%d:1: error: bad thing number %d\n", i, i);
    for (size_t max = 0; max < 3000; max += 97) {
        char *out = lines_of(many, max);
        if (max > 1000) { /* the first ones, and the end */
            has(out, "a.c:0:1: error");
            has(out, "number 2999\n");
        }
        aire_free(ctx, out);
    }
    free(many);
    char wide[5000];
    memset(wide, 'x', sizeof wide);
    memcpy(wide + 4000, "\xe2\x82", 2);
    wide[sizeof wide - 1] = '\0';
    char *out = lines_of(wide, 1000);
    assert_int_equal(strlen(out), 300 + 6);
    aire_free(ctx, out);
    expect("a\x01\x1b[1m\xff b\n", 100, "a??[1m? b\n");
    expect("\xe2\x82\xac 5\n", 100, "\xe2\x82\xac 5\n");
    assert_int_equal(aire__log_lines(ctx, "a\0b\n", 4, 100, &out), AIRE_OK);
    assert_string_equal(out, "a?b\n");
    aire_free(ctx, out);
}

static void test_log__a_huge_one_is_read_from_its_end(void **state)
{
    size_t size = (size_t)12 << 20;
    char *log = malloc(size + 1), *out;
    for (size_t i = 0; i < size; i++)
        log[i] = i % 50 ? 'y' : '\n';
    memcpy(log + size - 30, "\nerror: it does not work     \n", 30);
    log[size] = '\0';
    out = lines_of(log, 2000);
    has(out, "error: it does not work");
    aire_free(ctx, out);
    free(log);
}

static void test_log__fails_cleanly_without_memory(void **state)
{
    char *out = NULL;
    OOM_LOOP(&memory, aire__log_lines(ctx, "a\nerror: b\nc\n", 13, 100, &out), aire_free(ctx, out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log__a_short_one_is_whole),
        cmocka_unit_test(test_log__shows_errors_with_what_stands_around_them),
        cmocka_unit_test(test_log__knows_complaints_of_many_tools),
        cmocka_unit_test(test_log__shows_the_inside_of_the_last_traceback),
        cmocka_unit_test(test_log__is_bounded_and_text),
        cmocka_unit_test(test_log__a_huge_one_is_read_from_its_end),
        cmocka_unit_test(test_log__fails_cleanly_without_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
