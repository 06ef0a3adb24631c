/* How many tokens a text has. */
#include "prompt/tokens.h"

#include <string.h>

/*
 * By a word in the model's name, the first that matches. Vendors speak of 3.3 to 4 bytes a token in
 * English; code has fewer, and small vocabularies fewer still, so that each is set about a tenth
 * lower: a request that is estimated to fit has to.
 */
static const struct {
    const char *word;
    double bytes;
} families[] = {{"claude", 3.0},   {"gpt", 3.5},   {"openai", 3.5}, {"gemini", 3.5},
                {"deepseek", 3.0}, {"qwen", 3.2},  {"llama", 3.3},  {"mistral", 3.0},
                {"gemma", 3.3},    {"smollm", 2.8}};
static const double other_bytes = 2.8;

double aire__bytes_per_token(const char *model)
{
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (strcasestr(model, families[i].word))
            return families[i].bytes;
    return other_bytes;
}

size_t aire__bytes_of(const char *model, int64_t tokens)
{
    return tokens > 0 ? (size_t)((double)tokens * aire__bytes_per_token(model)) : 0;
}
