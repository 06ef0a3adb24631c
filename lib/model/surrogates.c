#include "model/surrogates.h"

#include <stdint.h>
#include <string.h>

enum { ESCAPE = 6, PAIR = 2 * ESCAPE }; /* "\uXXXX" */

/* The number of an escape "\uXXXX" at `at`; -1 if there is none. */
static int32_t read_escape(const char *at, const char *end)
{
    int32_t value = 0;
    if (end - at < ESCAPE || at[0] != '\\' || at[1] != 'u')
        return -1;
    for (int i = 2; i < ESCAPE; i++) {
        char c = at[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

static bool is_high(int32_t unit)
{
    return unit >= 0xd800 && unit < 0xdc00;
}

static bool is_low(int32_t unit)
{
    return unit >= 0xdc00 && unit < 0xe000;
}

bool aire__mend_surrogates(char *json, size_t length)
{
    char *at = json, *end = json + length;
    bool mended = false;
    while ((at = memchr(at, '\\', (size_t)(end - at)))) {
        int32_t unit = read_escape(at, end);
        if (is_high(unit) && is_low(read_escape(at + ESCAPE, end))) {
            at += PAIR;
        } else if (is_high(unit) || is_low(unit)) {
            memcpy(at, "\\ufffd", ESCAPE);
            mended = true;
            at += ESCAPE;
        } else {
            at += end - at < 2 ? end - at : 2; /* another escape, "\\" among them */
        }
    }
    return mended;
}
