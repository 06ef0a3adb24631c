/* Keeping a secret out of text that somebody else wrote. */
#include "net/redact.h"

#include <stdbool.h>
#include <string.h>

enum { REAL_SECRET_MIN = 16, SECRET_MIN = 4, PART_MIN = 8 };

typedef struct span {
    char *start;
    size_t length;
} span;

/* What stands around `at`, whose PART_MIN bytes are those of the secret at `there`, as in the secret. */
static span widen(char *text, char *end, char *at, const char *secret, const char *there)
{
    char *from = at, *to = at + PART_MIN;
    const char *before = there, *after = there + PART_MIN;
    while (from > text && before > secret && from[-1] == before[-1])
        from--, before--;
    while (to < end && *after && *to == *after)
        to++, after++;
    return (span){from, (size_t)(to - from)};
}

/* The longest run of the secret that covers the PART_MIN bytes at `at`; empty if none does. */
static span widest(char *text, char *end, char *at, const char *secret, size_t secret_length)
{
    span best = {at, 0};
    const char *there = secret, *stop = secret + secret_length;
    for (; (there = memmem(there, (size_t)(stop - there), at, PART_MIN)); there++) {
        span found = widen(text, end, at, secret, there);
        if (found.length > best.length)
            best = found;
    }
    return best;
}

/* A run of 16 bytes covers 8 that begin at a multiple of 8: only those are looked up. */
void aire__redact(char *text, size_t length, const char *secret)
{
    size_t secret_length = secret ? strlen(secret) : 0;
    char *end = text + length;
    if (secret_length < REAL_SECRET_MIN || length < REAL_SECRET_MIN)
        return;
    for (char *at = text; end - at >= PART_MIN; at += PART_MIN) {
        span found = widest(text, end, at, secret, secret_length);
        if (found.length >= REAL_SECRET_MIN)
            memset(found.start, '*', found.length);
    }
}

/* Length of the longest part that the text ends with, and after which the secret goes on. */
static size_t begun_part(const char *text, size_t length, const char *secret, size_t secret_length)
{
    const char *there = secret, *stop = secret + secret_length - 1;
    size_t longest = 0;
    if (length < PART_MIN)
        return 0;
    const char *at = text + length - PART_MIN;
    for (; (there = memmem(there, (size_t)(stop - there), at, PART_MIN)); there++) {
        const char *from = at, *before = there;
        while (from > text && before > secret && from[-1] == before[-1])
            from--, before--;
        size_t run = (size_t)(text + length - from);
        if (run > longest)
            longest = run;
    }
    return longest;
}

size_t aire__redact_begun(const char *text, size_t length, const char *secret)
{
    size_t secret_length = secret ? strlen(secret) : 0;
    if (secret_length < REAL_SECRET_MIN)
        return 0;
    size_t count = length < secret_length - 1 ? length : secret_length - 1;
    while (count > 0 && memcmp(text + length - count, secret, count) != 0)
        count--;
    size_t part = begun_part(text, length, secret, secret_length);
    return part > count ? part : count;
}

/* Length of the longest run at `text` that stands anywhere in the secret. */
static size_t longest_part(const char *text, const char *secret)
{
    size_t longest = 0;
    for (; *secret; secret++) {
        size_t run = 0;
        while (text[run] && text[run] == secret[run])
            run++;
        if (run > longest)
            longest = run;
    }
    return longest;
}

void aire__redact_parts(char *text, const char *secret)
{
    size_t secret_length = secret ? strlen(secret) : 0;
    if (secret_length < SECRET_MIN)
        return;
    size_t least = secret_length < PART_MIN ? secret_length : PART_MIN;
    bool after_star = false;
    for (char *at = text; *at;) {
        size_t run = longest_part(at, secret);
        bool beside_star = after_star || (run && at[run] == '*');
        if (*at != '*' && (run >= least || (beside_star && run >= SECRET_MIN))) {
            memset(at, '*', run);
            at += run;
            after_star = true;
        } else {
            after_star = *at == '*';
            at++;
        }
    }
}
