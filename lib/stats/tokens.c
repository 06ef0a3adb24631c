/* Likeness of texts by their words. */
#include "stats/tokens.h"

enum { WORD_MAX = 64 }; /* what is longer is two words */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(const char *text, const char *at)
{
    unsigned char c = (unsigned char)*at;
    if (c == '.')
        return at > text && is_digit(at[-1]) && is_digit(at[1]);
    return c >= 0x80 || c == '_' || is_digit(*at) || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z');
}

bool aire__each_word(const char *text, bool (*word)(const char *word, size_t length, void *data),
                     void *data)
{
    for (const char *at = text; *at;) {
        char lower[WORD_MAX];
        size_t length = 0;
        for (; *at && length < sizeof lower && is_word(text, at); at++)
            lower[length++] = (char)(*at >= 'A' && *at <= 'Z' ? *at - 'A' + 'a' : *at);
        if (length && !word(lower, length, data))
            return false;
        at += length == 0;
    }
    return true;
}

static bool add(const char *word, size_t length, void *data)
{
    return aire__hash_set_add(data, word, length);
}

bool aire__token_set_add(aire_hash_set *set, const char *text)
{
    return aire__each_word(text, add, set);
}

double aire__token_jaccard(const aire_hash_set *a, const aire_hash_set *b)
{
    size_t common = aire__hash_set_common(a, b), all = a->count + b->count - common;
    return all ? (double)common / (double)all : 1;
}
