/* Numbers and their words, made from the X-macros of the public headers. */
#ifndef AIRE_RECORD_WORDS_H
#define AIRE_RECORD_WORDS_H

#include <stdbool.h>
#include <stdint.h>

/* The cases of a switch that gives a number's word: AIRE_X_MAP(AIRE_WORD_CASE_). */
#define AIRE_WORD_CASE_(name, value, word)                                                         \
    case value:                                                                                    \
        return word;

/* A function such as aire_outcome_name: "?" for a number that has no word. */
typedef const char *(*aire_word_fn)(int32_t value);

/* No number of any map is larger. */
#define AIRE_WORD_VALUE_MAX 255

static inline bool aire__has_word(aire_word_fn word_of, int32_t value)
{
    return word_of(value)[0] != '?';
}

#endif
