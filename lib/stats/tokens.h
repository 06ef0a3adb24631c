/* Likeness of texts by their words. */
#ifndef AIRE_STATS_TOKENS_H
#define AIRE_STATS_TOKENS_H

#include "base/hash_set.h"

/*
 * The words of a text, without case and punctuation; numbers whole ("0.95"). Calls `word` for each,
 * in order, until it returns false; returns whether it never did.
 */
bool aire__each_word(const char *text, bool (*word)(const char *word, size_t length, void *data),
                     void *data);

/* Add the words of a text to a set; false when there is no memory. */
bool aire__token_set_add(aire_hash_set *set, const char *text);

/* Jaccard index of two sets that are sealed: common over all; 1 for two empty ones. */
double aire__token_jaccard(const aire_hash_set *a, const aire_hash_set *b);

#endif
