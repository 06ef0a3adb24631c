/*
 * A yes or no in a model's answer.
 *
 * What was asked for is a line "VERDICT: no". What comes may be bold, lower case, in a fence, JSON,
 * or just "No, because ...": the last line that names a verdict counts, else the first word.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/fail.h"
#include "base/str.h"
#include "prompt/implement.h"

#define MARKS " \t\r\n.,;:*`\"}-"

enum { AWAY_MAX = 24 }; /* bytes between "verdict" and its word */

/* 1: yes, 0: no, -1: neither, of the word that begins at `at`. */
static int word_at(const char *at)
{
    static const struct {
        const char *word;
        int value;
    } words[] = {{"yes", 1}, {"no", 0}, {"true", 1}, {"false", 0}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t length = strlen(words[i].word);
        if (strncasecmp(at, words[i].word, length) == 0 && !isalnum((unsigned char)at[length]))
            return words[i].value;
    }
    return -1;
}

/* Behind whatever is no letter. */
static const char *next_word(const char *at, size_t *skipped)
{
    for (*skipped = 0; *at && *at != '\n' && !isalpha((unsigned char)*at); at++)
        ++*skipped;
    return at;
}

/* The verdict of the last line that names one; *reason is what stands behind it. */
static int named_verdict(const char *answer, const char **reason)
{
    int found = -1;
    for (const char *at = answer; *at; at++) {
        size_t skipped;
        if (strncasecmp(at, "verdict", 7) != 0)
            continue;
        const char *word = next_word(at + 7, &skipped);
        int value = skipped <= AWAY_MAX ? word_at(word) : -1;
        if (value < 0)
            continue;
        found = value;
        *reason = word + strcspn(word, " \n.,;*`\"");
    }
    return found;
}

/* The words without the marks around them. */
static aire_status take_reason(aire_ctx *ctx, const char *from, char **out)
{
    enum { REASON_MAX = 1000 };
    from += strspn(from, MARKS);
    if (strncasecmp(from, "reason", 6) == 0) /* a label, or a member of JSON */
        from += 6 + strspn(from + 6, MARKS);
    size_t length = strlen(from);
    if (length >= 2 && strcmp(from + length - 2, "\"}") == 0)
        length -= 2;
    length = aire__utf8_cut(from, length, REASON_MAX);
    while (length && strchr(" \t\r\n`", from[length - 1]))
        length--;
    *out = aire__strndup(ctx, from, length);
    return *out ? AIRE_OK : aire__fail_nomem();
}

aire_status aire__prompt_parse_verdict(aire_ctx *ctx, const char *answer, bool *yes, char **reason)
{
    const char *behind = answer;
    size_t skipped;
    int value = named_verdict(answer, &behind);
    if (value < 0) {
        const char *word = answer + strspn(answer, " \t\r\n");
        word = next_word(word, &skipped);
        value = word_at(word);
        behind = value < 0 ? answer : word + strcspn(word, " \n.,;*`\"");
    }
    if (value < 0)
        return AIRE_EMPTY;
    *yes = value == 1;
    return take_reason(ctx, behind, reason);
}
