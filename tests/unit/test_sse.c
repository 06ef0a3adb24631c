/* Server-sent events, cut wherever a network may cut them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "aire/error.h"
#include "net/sse.h"
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
    assert_int_equal(atomic_load(&memory.live), 1); /* the context itself */
    aire_ctx_unref(ctx);
    return 0;
}

/* What was read, as "type=data|type=data|". */
typedef struct heard {
    char text[4096];
    size_t length;
    int events, until; /* no more than `until` are wanted; 0: all */
} heard;

static bool hear(const char *type, const char *data, size_t length, void *user_data)
{
    heard *h = user_data;
    assert_int_equal(data[length], '\0');
    h->length += (size_t)snprintf(h->text + h->length, sizeof h->text - h->length, "%s=", type);
    memcpy(h->text + h->length, data, length);
    h->length += length;
    h->text[h->length++] = '|';
    return ++h->events != h->until;
}

/* Read a stream in pieces that end before `first` and `second`. */
static aire_status read_cut(const char *stream, size_t length, size_t first, size_t second,
                            size_t max, heard *h)
{
    aire_sse sse;
    size_t cuts[] = {0, first, second, length};
    aire_status status = AIRE_OK;
    aire__sse_init(&sse, ctx, max, hear, h);
    for (int i = 0; i < 3 && status == AIRE_OK; i++) {
        char piece[4096]; /* so that sanitizers see what is read beyond it */
        size_t size = cuts[i + 1] - cuts[i];
        memcpy(piece, stream + cuts[i], size);
        status = aire__sse_read(&sse, piece, size);
    }
    aire__sse_free(&sse);
    return status;
}

static void check_stream(const char *stream, size_t length, const char *expected,
                         size_t expected_length)
{
    for (size_t first = 0; first <= length; first++)
        for (size_t second = first; second <= length; second++) {
            heard h = {0};
            assert_int_equal(read_cut(stream, length, first, second, 1000, &h), AIRE_OK);
            assert_int_equal(h.length, expected_length);
            assert_memory_equal(h.text, expected, expected_length);
        }
}

#define STREAM(stream, expected)                                                                   \
    check_stream(stream, sizeof(stream) - 1, expected, sizeof(expected) - 1)

static void test_sse__events(void **state)
{
    STREAM("", "");
    STREAM("data: one\n\n", "message=one|");
    STREAM("data:one\n\ndata:  two\n\n", "message=one|message= two|");
    STREAM("event: delta\ndata: {\"a\":1}\n\nevent:x\n\ndata: y\n\n", "delta={\"a\":1}|message=y|");
    STREAM("data: a\ndata\ndata: c\n\n", "message=a\n\nc|");
    STREAM("data:\n\n", "message=|");
    STREAM("data: x: y\n\n", "message=x: y|");
}

static void test_sse__ends_of_lines(void **state)
{
    STREAM("data: a\r\n\r\ndata: b\r\n\r\n", "message=a|message=b|");
    STREAM("data: a\r\rdata: b\r\r", "message=a|message=b|");
    STREAM("data: a\rdata: b\n\r\ndata: c\r\n\n", "message=a\nb|message=c|");
    STREAM("\r\n\n\rdata: a\n\n", "message=a|");
}

static void test_sse__what_is_ignored(void **state)
{
    STREAM(": hello\n:\n\ndata: a\n: between\nid: 3\nretry: 10\nfoo\nbar: baz\n dat: x\n\n",
           "message=a|");
    STREAM("data: a\n\ndata: never ended", "message=a|");
    STREAM("data: a\n\ndata: never ended\n", "message=a|");
    STREAM("dat: a\ndataa: b\nDATA: c\n\n", "");
}

static void test_sse__byte_order_mark(void **state)
{
    STREAM("\xef\xbb\xbf"
           "data: a\n\n",
           "message=a|");
    STREAM("\xef\xbb\xbf\n\ndata: a\n\n", "message=a|");
    STREAM("\n\xef\xbb\xbf"
           "data: a\n\n",
           "");
    STREAM("\xef\xbb\xbf\xef\xbb\xbf"
           "data: a\n\n",
           "");
}

static void test_sse__any_bytes(void **state)
{
    STREAM("data: \xff\xfe\xc3\n\n", "message=\xff\xfe\xc3|");
    STREAM("data: a\0b\ndata: \xf0\x9f\x98\n\n", "message=a\0b\n\xf0\x9f\x98|");
    STREAM("data: h\xc3\xa9llo \xf0\x9f\x98\x80\n\n", "message=h\xc3\xa9llo \xf0\x9f\x98\x80|");
}

static void test_sse__cuts_long_types(void **state)
{
    char stream[200], expected[200];
    snprintf(stream, sizeof stream, "event: %0100d\ndata: a\n\n", 0);
    snprintf(expected, sizeof expected, "%063d=a|", 0);
    check_stream(stream, strlen(stream), expected, strlen(expected));
}

static void test_sse__refuses_long_events(void **state)
{
    static const struct {
        const char *stream;
        aire_status status;
    } cases[] = {
        {"data: 12345678901234567890\n\n", AIRE_OK}, /* as long as may be */
        {"data: 123456789012345678901\n\n", AIRE_PROTOCOL},
        {"data: 1234567890\ndata: 123456789\n\n", AIRE_OK},
        {"data: 1234567890\ndata: 1234567890\n\n", AIRE_PROTOCOL},
        {": a comment that is longer than any field", AIRE_PROTOCOL},
        {"\ndata: 1234567890\n\ndata: 1234567890\n\ndata: 1234567890\n\n", AIRE_OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t length = strlen(cases[i].stream);
        for (size_t first = 0; first <= length; first++)
            for (size_t second = first; second <= length; second++) {
                heard h = {0};
                assert_int_equal(read_cut(cases[i].stream, length, first, second, 20, &h),
                                 cases[i].status);
            }
        if (cases[i].status != AIRE_OK)
            assert_non_null(strstr(aire_error_message(aire_last_error()), "20 bytes"));
    }
}

static void test_sse__stops_when_told(void **state)
{
    const char stream[] = "data: a\n\ndata: [DONE]\n\ndata: c\n\n";
    for (size_t cut = 0; cut < sizeof stream; cut++) {
        heard h = {.until = 2};
        assert_int_equal(read_cut(stream, sizeof stream - 1, cut, cut, 100, &h), AIRE_DONE);
        assert_int_equal(h.events, 2);
    }
}

static aire_status read_all(void)
{
    heard h = {0};
    const char stream[] = "event: x\ndata: a longer line, so that the buffer has to grow at least "
                          "once more\ndata: b\r\n\r\n";
    return read_cut(stream, sizeof stream - 1, 10, 60, 1000, &h);
}

static void test_sse__out_of_memory(void **state)
{
    OOM_LOOP(&memory, read_all(), (void)0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sse__events),
        cmocka_unit_test(test_sse__ends_of_lines),
        cmocka_unit_test(test_sse__what_is_ignored),
        cmocka_unit_test(test_sse__byte_order_mark),
        cmocka_unit_test(test_sse__any_bytes),
        cmocka_unit_test(test_sse__cuts_long_types),
        cmocka_unit_test(test_sse__refuses_long_events),
        cmocka_unit_test(test_sse__stops_when_told),
        cmocka_unit_test(test_sse__out_of_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
