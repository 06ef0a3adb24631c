/* Changes to bytes, digits and lines. */
#include "fuzz/mutate.h"

#include <string.h>

static size_t below(aire_rng *rng, size_t bound)
{
    return (size_t)aire__rng_below(rng, bound);
}

/* Put `length` bytes in the place of `removed` ones, as far as there is room. */
static void splice(fuzz_input *input, size_t at, size_t removed, const uint8_t *bytes,
                   size_t length)
{
    uint8_t copy[FUZZ_MAX];
    size_t tail = input->size - at - removed;
    if (length > FUZZ_MAX - at - tail)
        length = FUZZ_MAX - at - tail;
    if (length > 0)
        memcpy(copy, bytes, length); /* they may be the input's own */
    memmove(input->data + at + length, input->data + at + removed, tail);
    memcpy(input->data + at, copy, length);
    input->size = at + length + tail;
}

/* A range, mostly short. */
static size_t some_range(aire_rng *rng, size_t size, size_t *start)
{
    size_t longest = below(rng, 4) == 0 ? size : size < 16 ? size : 16;
    size_t length = below(rng, longest + 1);
    *start = below(rng, size - length + 1);
    return length;
}

static void change_byte(aire_rng *rng, fuzz_input *input)
{
    static const char telling[] = "\0\n\r\t \"'{}[],:;-+@\\/.eE09aZ~\x7f\x80\xc3\xe2\xf4\xff";
    size_t at = below(rng, input->size);
    switch (below(rng, 3)) {
    case 0:
        input->data[at] ^= (uint8_t)(1u << below(rng, 8));
        break;
    case 1:
        input->data[at] = (uint8_t)telling[below(rng, sizeof telling - 1)];
        break;
    default:
        input->data[at] = (uint8_t)below(rng, 256);
    }
}

static void insert_token(aire_rng *rng, fuzz_input *input)
{
    static const char *const tokens[] = {"\xef\xbb\xbf",
                                         "\r\n",
                                         "\n\n",
                                         "\"\\u0000\"",
                                         "\\ud800",
                                         "NaN",
                                         "Infinity",
                                         "1e999",
                                         "-0",
                                         "../",
                                         "/",
                                         "./",
                                         "/dev/null",
                                         "--- a/",
                                         "+++ b/",
                                         "@@ -1 +1 @@\n",
                                         "@@ -0,0 +1,9 @@",
                                         "\\ No newline at end of file\n",
                                         "${AIRE_ENV}",
                                         "${",
                                         "{}",
                                         "**",
                                         "null",
                                         "[",
                                         "{\"",
                                         "```",
                                         "```diff\n",
                                         "</",
                                         "<",
                                         "%s%n",
                                         "\xf0\x9f\x98\x80",
                                         "\xc0\x80"};
    const char *token = tokens[below(rng, sizeof tokens / sizeof *tokens)];
    splice(input, below(rng, input->size + 1), 0, (const uint8_t *)token, strlen(token));
}

static void repeat(aire_rng *rng, fuzz_input *input)
{
    size_t start, length = some_range(rng, input->size, &start);
    size_t times = below(rng, 10) == 0 ? below(rng, 2000) : 1 + below(rng, 4);
    for (size_t i = 0; i < times && length > 0 && input->size < FUZZ_MAX; i++)
        splice(input, start, 0, input->data + start, length);
}

static void change_number(aire_rng *rng, fuzz_input *input)
{
    static const char *const numbers[] = {"0",
                                          "1",
                                          "-1",
                                          "2",
                                          "255",
                                          "256",
                                          "65536",
                                          "2147483647",
                                          "2147483648",
                                          "4294967296",
                                          "9223372036854775807",
                                          "9223372036854775808",
                                          "18446744073709551615",
                                          "-9223372036854775808",
                                          "99999999999999999999999",
                                          "1e308",
                                          "1e-320",
                                          "0.5",
                                          "1e400",
                                          "00"};
    size_t at = below(rng, input->size), end;
    while (at < input->size && !strchr("123456789", input->data[at] ? input->data[at] : 'x'))
        at++;
    for (end = at; end < input->size && input->data[end] >= '0' && input->data[end] <= '9';)
        end++;
    const char *number = numbers[below(rng, sizeof numbers / sizeof *numbers)];
    if (end > at)
        splice(input, at, end - at, (const uint8_t *)number, strlen(number));
}

/* The line that a byte is in, its newline included. */
static size_t line_at(const fuzz_input *input, size_t at, size_t *start)
{
    const uint8_t *end = memchr(input->data + at, '\n', input->size - at);
    *start = at;
    while (*start > 0 && input->data[*start - 1] != '\n')
        --*start;
    return (end ? (size_t)(end - input->data) + 1 : input->size) - *start;
}

static void change_line(aire_rng *rng, fuzz_input *input, const fuzz_input *other)
{
    size_t start, from, length = line_at(input, below(rng, input->size), &start);
    switch (below(rng, 4)) {
    case 0:
        splice(input, start, length, NULL, 0);
        break;
    case 1:
        splice(input, start, 0, input->data + start, length);
        break;
    case 2:
        length = line_at(input, below(rng, input->size), &from);
        splice(input, start, 0, input->data + from, length);
        break;
    default:
        if (other->size > 0) {
            length = line_at(other, below(rng, other->size), &from);
            splice(input, start, 0, other->data + from, length);
        }
    }
}

static void change_bytes(aire_rng *rng, fuzz_input *input, const fuzz_input *other)
{
    size_t start, from, length = some_range(rng, input->size, &start);
    switch (below(rng, 8)) {
    case 0:
        splice(input, start, length, NULL, 0);
        break;
    case 1:
        splice(input, below(rng, input->size + 1), 0, input->data + start, length);
        break;
    case 2:
        from = 0;
        length = other->size ? some_range(rng, other->size, &from) : 0;
        splice(input, below(rng, input->size + 1), 0, other->data + from, length);
        break;
    case 3:
        repeat(rng, input);
        break;
    case 4:
        change_number(rng, input);
        break;
    case 5:
        change_line(rng, input, other);
        break;
    default:
        change_byte(rng, input);
    }
}

void fuzz_mutate(aire_rng *rng, fuzz_input *input, const fuzz_input *other)
{
    bool json = below(rng, 2) == 0;
    for (size_t changes = 1 + below(rng, 8); changes > 0; changes--) {
        if (json && below(rng, 8) != 0 && fuzz_mutate_json(rng, input, other))
            continue;
        if (input->size == 0 || below(rng, 8) == 0)
            insert_token(rng, input);
        else if (below(rng, 40) == 0)
            input->size = below(rng, input->size);
        else
            change_bytes(rng, input, other);
    }
}
