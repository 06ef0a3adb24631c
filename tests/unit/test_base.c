/* The base room: contexts, errors, tokens, buffers, strings, files, JSON, hashes and random
 * numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aire/cancel.h"
#include "aire/error.h"
#include "base/buf.h"
#include "base/fail.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/options.h"
#include "base/rng.h"
#include "base/str.h"
#include "base/thread.h"
#include "support/failing.h"

static failing memory;
static aire_ctx *ctx;
static char root[64];

static int setup(void **state)
{
    ctx = failing_ctx(&memory, 7);
    snprintf(root, sizeof root, "/tmp/aire-base-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
    assert_int_equal(aire__fs_remove_tree(ctx, root), AIRE_OK);
    assert_int_equal(atomic_load(&memory.live), 1); /* the context itself */
    aire_ctx_unref(ctx);
    return atomic_load(&memory.live) == 0 ? 0 : -1;
}

static const char *at(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static void test_status__names_every_code_once(void **state)
{
    assert_string_equal(aire_status_name(AIRE_OK), "AIRE_OK");
    assert_string_equal(aire_status_name(AIRE_NOMEM), "AIRE_NOMEM");
    assert_string_equal(aire_status_name(-9999), "AIRE_?");
    assert_string_equal(aire_status_message(AIRE_TIMEOUT), "timed out");
}

static void test_error__keeps_message_code_and_status(void **state)
{
    assert_int_equal(aire__fail_errno(AIRE_IO, ENOENT, "cannot open '%s'", "x"), AIRE_IO);
    const aire_error *error = aire_last_error();
    assert_int_equal(aire_error_status(error), AIRE_IO);
    assert_int_equal(aire_error_code(error), ENOENT);
    assert_string_equal(aire_error_message(error), "cannot open 'x': No such file or directory");
    aire__fail_prefix(AIRE_IO, "store");
    assert_string_equal(aire_error_message(error),
                        "store: cannot open 'x': No such file or directory");
}

static void test_error__cuts_at_a_character(void **state)
{
    char text[AIRE_ERROR_MESSAGE_MAX + 8];
    memset(text, 'a', sizeof text);
    memcpy(text + AIRE_ERROR_MESSAGE_MAX - 2, "\xc3\xa9", 3); /* would be cut in two */
    aire_error_set(AIRE_INVALID, 0, text);
    size_t length = strlen(aire_error_message(aire_last_error()));
    assert_int_equal(length, AIRE_ERROR_MESSAGE_MAX - 2);
}

static void *read_error(void *seen)
{
    *(const char **)seen = aire_error_message(aire_last_error());
    return NULL;
}

static void test_error__belongs_to_its_thread(void **state)
{
    pthread_t thread;
    const char *seen = NULL;
    aire__fail(AIRE_INVALID, "mine");
    assert_int_equal(aire__thread_start(&thread, "reader", read_error, &seen), AIRE_OK);
    pthread_join(thread, NULL);
    assert_string_equal(aire_error_message(aire_last_error()), "mine");
    assert_ptr_not_equal(seen, aire_error_message(aire_last_error()));
}

typedef struct old_options {
    uint32_t struct_size;
    int32_t first;
} old_options;
typedef struct new_options {
    uint32_t struct_size;
    int32_t first, second, third;
} new_options;

static void test_options__takes_older_and_newer_callers(void **state)
{
    new_options ours;
    old_options old = {sizeof old, 5};
    assert_int_equal(aire__options_take(&old, &ours, sizeof ours, sizeof old, "x"), AIRE_OK);
    assert_int_equal(ours.first, 5);
    assert_int_equal(ours.third, 0);
    assert_int_equal(ours.struct_size, sizeof ours);

    new_options newer = {sizeof newer, 5, 0, 0};
    old_options older;
    assert_int_equal(aire__options_take(&newer, &older, sizeof older, sizeof older, "x"), AIRE_OK);
    newer.third = 1; /* a wish that the older library cannot grant */
    assert_int_equal(aire__options_take(&newer, &older, sizeof older, sizeof older, "x"), AIRE_ABI);

    old.struct_size = 0;
    assert_int_equal(aire__options_take(&old, &ours, sizeof ours, sizeof old, "x"), AIRE_ABI);
    old.struct_size = 100000;
    assert_int_equal(aire__options_take(&old, &ours, sizeof ours, sizeof old, "x"), AIRE_ABI);
}

static void test_options__gives_no_more_than_asked_for(void **state)
{
    new_options ours = {sizeof ours, 1, 2, 3};
    struct {
        old_options asked;
        int32_t guard;
    } given = {{sizeof(old_options), 0}, 99};
    assert_int_equal(aire__options_give(&ours, &given.asked, sizeof ours, sizeof(old_options), "x"),
                     AIRE_OK);
    assert_int_equal(given.asked.first, 1);
    assert_int_equal(given.asked.struct_size, sizeof(old_options));
    assert_int_equal(given.guard, 99);
}

static void test_ctx__refuses_an_incomplete_allocator(void **state)
{
    aire_allocator allocator = {.struct_size = sizeof allocator, .alloc = failing_alloc};
    aire_ctx_options options = AIRE_CTX_OPTIONS_INIT;
    aire_ctx *other = ctx;
    options.allocator = &allocator;
    assert_int_equal(aire_ctx_new(&options, &other), AIRE_INVALID);
    assert_null(other);
    assert_int_equal(aire_ctx_new(NULL, NULL), AIRE_INVALID);
}

static void test_ctx__fails_cleanly_without_memory(void **state)
{
    failing none;
    aire_ctx *first = failing_ctx(&none, 0), *second = first;
    aire_allocator allocator = {sizeof allocator, 0,    failing_alloc, failing_resize,
                                failing_release,  &none};
    aire_ctx_options options = AIRE_CTX_OPTIONS_INIT;
    options.allocator = &allocator;
    OOM_LOOP(&none, aire_ctx_new(&options, &second), aire_ctx_unref(second));
    aire_cancel *cancel;
    OOM_LOOP(&none, aire_cancel_new(first, &cancel), aire_cancel_unref(cancel));
    aire_ctx_unref(first);
    assert_int_equal(atomic_load(&none.live), 0);
}

static void count_line(int32_t level, const char *component, const char *message, void *user_data)
{
    assert_string_equal(component, "test");
    assert_string_equal(message, "line 3");
    ++*(int *)user_data;
}

static void test_log__passes_only_wanted_levels(void **state)
{
    int lines = 0;
    aire_ctx_options options = AIRE_CTX_OPTIONS_INIT;
    aire_ctx *other;
    options.log = count_line;
    options.log_user_data = &lines;
    options.log_level = AIRE_LOG_WARNING;
    assert_int_equal(aire_ctx_new(&options, &other), AIRE_OK);
    aire__logf(other, AIRE_LOG_WARNING, "test", "line %d", 3);
    aire__logf(other, AIRE_LOG_INFO, "test", "line %d", 4);
    aire_ctx_unref(other);
    assert_int_equal(lines, 1);
}

static void test_cancel__wakes_those_who_poll(void **state)
{
    aire_cancel *cancel;
    assert_int_equal(aire_cancel_new(ctx, &cancel), AIRE_OK);
    struct pollfd fd = {aire_cancel_fd(cancel), POLLIN, 0};
    assert_int_equal(poll(&fd, 1, 0), 0);
    assert_false(aire_cancel_fired(cancel));
    aire_cancel_fire(cancel);
    aire_cancel_fire(cancel);
    assert_true(aire_cancel_fired(cancel));
    assert_int_equal(poll(&fd, 1, 0), 1);
    assert_false(aire_cancel_fired(NULL));
    aire_cancel_unref(cancel);
    aire_cancel_unref(NULL);
}

static void test_buf__stops_at_its_limit(void **state)
{
    aire_buf buf;
    aire__buf_init(&buf, ctx, 8);
    aire__buf_puts(&buf, "12345678");
    assert_int_equal(aire__buf_status(&buf), AIRE_OK);
    aire__buf_puts(&buf, "9");
    aire__buf_puts(&buf, "");
    assert_int_equal(aire__buf_status(&buf), AIRE_LIMIT);
    assert_string_equal(buf.data, "12345678");
    aire__buf_free(&buf);
}

static aire_status build_text(char **out)
{
    aire_buf buf;
    aire__buf_init(&buf, ctx, 4096);
    for (int i = 0; i < 100; i++)
        aire__buf_printf(&buf, "%d,", i);
    return aire__buf_take(&buf, out, NULL);
}

static void test_buf__survives_lack_of_memory(void **state)
{
    char *text;
    OOM_LOOP(&memory, build_text(&text), aire_free(ctx, text));
}

static void test_str__knows_utf8(void **state)
{
    assert_true(aire__utf8_valid("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 10));
    assert_false(aire__utf8_valid("\xc0\x80", 2));         /* overlong */
    assert_false(aire__utf8_valid("\xed\xa0\x80", 3));     /* surrogate */
    assert_false(aire__utf8_valid("\xf4\x90\x80\x80", 4)); /* beyond Unicode */
    assert_false(aire__utf8_valid("\xe2\x82", 2));         /* cut */
    assert_int_equal(aire__utf8_cut("a\xe2\x82\xac", 4, 3), 1);
    assert_int_equal(aire__utf8_cut("abc", 3, 10), 3);
}

static void test_str__tells_clean_paths(void **state)
{
    const char *clean[] = {"a", "a/b.c", ".hidden", "a..b/c"};
    const char *unclean[] = {"", "/a", "a/", "a//b", "..", "../a", "a/../b", "./a", "a/."};
    for (size_t i = 0; i < sizeof clean / sizeof *clean; i++)
        assert_true(aire__path_is_clean(clean[i]));
    for (size_t i = 0; i < sizeof unclean / sizeof *unclean; i++)
        assert_false(aire__path_is_clean(unclean[i]));
}

static void test_str__matches_globs(void **state)
{
    static const struct {
        const char *pattern, *path;
        bool matches;
    } rows[] = {
        {"*.c", "a.c", true},
        {"*.c", "d/a.c", false},
        {"**/*.c", "d/e/a.c", true},
        {"**/*.c", "a.c", true},
        {"**/x.c", "foox.c", false},
        {"a/**/b", "a/xb", false},
        {"a/**/b", "a/x/b", true},
        {"a/**/b", "a/b", true},
        {"**/x.c", "d/x.c", true},
        {"a**c", "ab/c", true},
        {"src/**", "src/a/b", true},
        {"src/**", "srcs/a", false},
        {"a?c", "abc", true},
        {"a?c", "a/c", false},
        {"**", "any/thing", true},
        {"*", "", true},
        {"a*b*c", "aXbXbc", true},
        {"a*b*c", "aXbX", false},
        {"**/x/*.h", "a/x/b/x/y.h", true},
        {"d/*/f", "d/e/f", true},
        {"d/*/f", "d/e/g/f", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (aire__glob_match(rows[i].pattern, rows[i].path) != rows[i].matches)
            fail_msg("glob '%s' on '%s'", rows[i].pattern, rows[i].path);
}

static void test_fs__writes_reads_and_limits(void **state)
{
    char *text;
    size_t length;
    assert_int_equal(aire__fs_mkdirs(ctx, at("d/e/f"), 0755), AIRE_OK);
    assert_int_equal(aire__fs_mkdirs(ctx, at("d/e/f"), 0755), AIRE_OK);
    assert_int_equal(aire__fs_write(ctx, at("d/e/f/x"), "hello", 5, 0640), AIRE_OK);
    assert_int_equal(aire__fs_read(ctx, at("d/e/f/x"), 5, &text, &length), AIRE_OK);
    assert_int_equal(length, 5);
    assert_string_equal(text, "hello");
    aire_free(ctx, text);
    assert_int_equal(aire__fs_read(ctx, at("d/e/f/x"), 4, &text, &length), AIRE_LIMIT);
    assert_int_equal(aire__fs_read(ctx, at("none"), 4, &text, &length), AIRE_NOT_FOUND);
    assert_int_equal(aire__fs_read(ctx, at("d"), 4, &text, &length), AIRE_IO);
    assert_int_equal(mkfifo(at("fifo"), 0600), 0);
    assert_int_equal(aire__fs_read(ctx, at("fifo"), 4, &text, &length), AIRE_IO);
}

static void test_fs__copies_content_and_mode(void **state)
{
    char big[200000], *text, from[512];
    size_t length;
    memset(big, 'x', sizeof big);
    assert_int_equal(aire__fs_write(ctx, at("from"), big, sizeof big, 0644), AIRE_OK);
    snprintf(from, sizeof from, "%s", at("from"));
    assert_int_equal(aire__fs_copy_file(ctx, from, at("to"), 0755), AIRE_OK);
    assert_int_equal(aire__fs_read(ctx, at("to"), sizeof big, &text, &length), AIRE_OK);
    assert_int_equal(length, sizeof big);
    assert_memory_equal(text, big, sizeof big);
    aire_free(ctx, text);
    struct stat info;
    assert_int_equal(stat(at("to"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0755);
}

static aire_status note_path(const char *relative, mode_t mode, off_t size, void *data)
{
    strcat(data, relative);
    strcat(data, S_ISLNK(mode) ? "@ " : S_ISDIR(mode) ? "/ " : " ");
    return AIRE_OK;
}

static void test_fs__walks_in_order_and_never_through_links(void **state)
{
    char seen[256] = "";
    assert_int_equal(aire__fs_mkdirs(ctx, at("w/b"), 0755), AIRE_OK);
    assert_int_equal(aire__fs_write(ctx, at("w/c"), "", 0, 0644), AIRE_OK);
    assert_int_equal(aire__fs_write(ctx, at("w/b/z"), "", 0, 0644), AIRE_OK);
    assert_int_equal(aire__fs_write(ctx, at("w/a"), "", 0, 0644), AIRE_OK);
    assert_int_equal(symlink("/etc", at("w/link")), 0);
    assert_int_equal(aire__fs_mkdirs(ctx, at("w/empty"), 0755), AIRE_OK);
    assert_int_equal(aire__fs_walk(ctx, at("w"), note_path, seen), AIRE_OK);
    assert_string_equal(seen, "a b/z c empty/ link@ ");
}

/* A directory inside another, opened; the other one is closed. */
static int step_down(int fd, const char *name)
{
    assert_int_equal(mkdirat(fd, name, 0755), 0);
    int next = openat(fd, name, O_DIRECTORY | O_RDONLY);
    close(fd);
    return next;
}

/* Each is too deep to be removed where it is. */
static void test_fs__removes_many_deep_directories(void **state)
{
    assert_int_equal(aire__fs_mkdirs(ctx, at("m"), 0755), AIRE_OK);
    int fd = open(at("m"), O_DIRECTORY | O_RDONLY);
    for (int depth = 0; depth < 64; depth++)
        fd = step_down(fd, "deep");
    for (int i = 0; i < 1100; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        assert_int_equal(mkdirat(fd, name, 0755), 0);
    }
    close(fd);
    assert_int_equal(aire__fs_remove_tree(ctx, at("m")), AIRE_OK);
    assert_false(aire__fs_exists(at("m")));
}

static void test_fs__removes_hostile_trees(void **state)
{
    char outside[512];
    snprintf(outside, sizeof outside, "%s", at("outside"));
    assert_int_equal(aire__fs_write(ctx, outside, "keep", 4, 0644), AIRE_OK);
    assert_int_equal(aire__fs_mkdirs(ctx, at("h/locked/in"), 0755), AIRE_OK);
    assert_int_equal(symlink(outside, at("h/locked/link")), 0);
    assert_int_equal(symlink(root, at("h/up")), 0);
    assert_int_equal(chmod(at("h/locked"), 0), 0);

    /* Far deeper than a path may be long. */
    int fd = open(at("h"), O_DIRECTORY | O_RDONLY);
    for (int i = 0; i < 3000; i++)
        fd = step_down(fd, "deep");
    close(fd);
    assert_int_equal(aire__fs_remove_tree(ctx, at("h")), AIRE_OK);
    assert_false(aire__fs_exists(at("h")));
    assert_true(aire__fs_exists(outside));
    assert_int_equal(aire__fs_remove_tree(ctx, at("h")), AIRE_OK);
}

static void test_json__says_where_it_is_wrong(void **state)
{
    json_t *value;
    const char *text = "{\n \"a\": 1,\n \"a\": 2}";
    assert_int_equal(aire__json_load(text, strlen(text), "file.json", &value), AIRE_FORMAT);
    assert_non_null(strstr(aire_error_message(aire_last_error()), "file.json: line 3"));

    text = "{\"n\": 1.5, \"s\": \"x\"}";
    int64_t number = 4;
    const char *string = NULL;
    assert_int_equal(aire__json_load(text, strlen(text), "f", &value), AIRE_OK);
    assert_int_equal(aire__json_get_int(value, "f", "n", &number), AIRE_FORMAT);
    assert_int_equal(number, 4);
    assert_int_equal(aire__json_get_int(value, "f", "missing", &number), AIRE_OK);
    assert_int_equal(aire__json_get_string(value, "f", "s", &string), AIRE_OK);
    assert_string_equal(string, "x");
    json_decref(value);
}

static void test_json__replaces_what_is_not_utf8(void **state)
{
    json_t *value = aire__json_text(ctx, "a\xff\xc3\xa9\xe2\x82");
    assert_string_equal(json_string_value(value), "a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd");
    char *text;
    OOM_LOOP(&memory, aire__json_dump(ctx, value, &text), aire_free(ctx, text));
    json_decref(value);
}

static void test_hash__is_sha256(void **state)
{
    static const struct {
        const char *text, *digest;
    } rows[] = {
        /* FIPS 180-4 examples, and lengths around the padding's edge by sha256sum */
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        aire_sha256 hash;
        char hex[AIRE_SHA256_HEX];
        aire__sha256_init(&hash);
        for (const char *c = rows[i].text; *c; c++)
            aire__sha256_update(&hash, c, 1);
        aire__sha256_hex(&hash, hex);
        assert_string_equal(hex, rows[i].digest);
    }
}

static void test_rng__depends_on_seed_stream_and_index(void **state)
{
    aire_rng a, b;
    aire__rng_init(&a, 1, "x", 2);
    aire__rng_init(&b, 1, "x", 2);
    assert_int_equal(aire__rng_next(&a), aire__rng_next(&b));
    uint64_t first = aire__rng_next(&a);
    aire__rng_init(&b, 1, "x", 3);
    assert_int_not_equal(aire__rng_next(&b), first);
    aire__rng_init(&b, 1, "y", 2);
    assert_int_not_equal(aire__rng_next(&b), first);
}

static void test_rng__is_uniform(void **state)
{
    enum { BINS = 7, DRAWS = 70000 };
    int counts[BINS] = {0};
    aire_rng rng;
    double mean = 0, square = 0;
    aire__rng_init(&rng, 3, "uniform", 0);
    for (int i = 0; i < DRAWS; i++)
        counts[aire__rng_below(&rng, BINS)]++;
    double chi = 0, expected = (double)DRAWS / BINS;
    for (int i = 0; i < BINS; i++)
        chi += (counts[i] - expected) * (counts[i] - expected) / expected;
    assert_true(chi < 22.5); /* 6 degrees of freedom, p = 0.001 */
    for (int i = 0; i < DRAWS; i++) {
        double x = aire__rng_normal(&rng);
        mean += x / DRAWS;
        square += x * x / DRAWS;
    }
    assert_true(mean > -0.02 && mean < 0.02);
    assert_true(square > 0.97 && square < 1.03);
}

static void test_rng__samples_without_replacement(void **state)
{
    size_t items[10];
    bool seen[10] = {0};
    aire_rng rng;
    aire__rng_init(&rng, 5, "sample", 0);
    aire__rng_sample(&rng, items, 10, 10);
    for (int i = 0; i < 10; i++) {
        assert_false(seen[items[i]]);
        seen[items[i]] = true;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status__names_every_code_once),
        cmocka_unit_test(test_error__keeps_message_code_and_status),
        cmocka_unit_test(test_error__cuts_at_a_character),
        cmocka_unit_test(test_error__belongs_to_its_thread),
        cmocka_unit_test(test_options__takes_older_and_newer_callers),
        cmocka_unit_test(test_options__gives_no_more_than_asked_for),
        cmocka_unit_test(test_ctx__refuses_an_incomplete_allocator),
        cmocka_unit_test(test_ctx__fails_cleanly_without_memory),
        cmocka_unit_test(test_log__passes_only_wanted_levels),
        cmocka_unit_test(test_cancel__wakes_those_who_poll),
        cmocka_unit_test(test_buf__stops_at_its_limit),
        cmocka_unit_test(test_buf__survives_lack_of_memory),
        cmocka_unit_test(test_str__knows_utf8),
        cmocka_unit_test(test_str__tells_clean_paths),
        cmocka_unit_test(test_str__matches_globs),
        cmocka_unit_test(test_fs__writes_reads_and_limits),
        cmocka_unit_test(test_fs__copies_content_and_mode),
        cmocka_unit_test(test_fs__walks_in_order_and_never_through_links),
        cmocka_unit_test(test_fs__removes_hostile_trees),
        cmocka_unit_test(test_fs__removes_many_deep_directories),
        cmocka_unit_test(test_json__says_where_it_is_wrong),
        cmocka_unit_test(test_json__replaces_what_is_not_utf8),
        cmocka_unit_test(test_hash__is_sha256),
        cmocka_unit_test(test_rng__depends_on_seed_stream_and_index),
        cmocka_unit_test(test_rng__is_uniform),
        cmocka_unit_test(test_rng__samples_without_replacement),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
