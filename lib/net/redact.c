/* Keeping a secret out of text that somebody else wrote. */
#include "net/redact.h"

#include <stdbool.h>
#include <string.h>

enum { REAL_SECRET_MIN = 16, SECRET_MIN = 4, PART_MIN = 8 };

void aire__redact(char *text, size_t length, const char *secret)
{
    size_t secret_length = secret ? strlen(secret) : 0;
    if (secret_length < REAL_SECRET_MIN || length < secret_length)
        return;
    char *end = text + length, *at = text;
    while ((at = memmem(at, (size_t)(end - at), secret, secret_length))) {
        memset(at, '*', secret_length);
        at += secret_length;
    }
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
