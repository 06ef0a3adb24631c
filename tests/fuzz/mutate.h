/* Inputs made from inputs. What is made depends on the generator and the seeds alone. */
#ifndef TESTS_FUZZ_MUTATE_H
#define TESTS_FUZZ_MUTATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"

enum { FUZZ_MAX = 1 << 16 };

typedef struct fuzz_input {
    size_t size;
    uint8_t data[FUZZ_MAX];
} fuzz_input;

/* Change `input` in one to eight places; `other` is a seed that parts may be taken from. */
void fuzz_mutate(aire_rng *rng, fuzz_input *input, const fuzz_input *other);

/* Change a value of the first JSON text in it; false if there is none. */
bool fuzz_mutate_json(aire_rng *rng, fuzz_input *input, const fuzz_input *other);

#endif
