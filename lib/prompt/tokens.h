/* How many tokens a text has: an estimate by the family of the model, until tokenizers are read. */
#ifndef AIRE_PROMPT_TOKENS_H
#define AIRE_PROMPT_TOKENS_H

#include <stddef.h>
#include <stdint.h>

/* Bytes that a token of a model has on average, in a mix of English and code; on the cautious side.
 * `model` is a specification or a name, such as "anthropic:claude-x". */
double aire__bytes_per_token(const char *model);

size_t aire__bytes_of(const char *model, int64_t tokens); /* rounded down */

#endif
