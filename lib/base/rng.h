/*
 * Random numbers as a function of (seed, stream, index).
 *
 * A generator is made afresh for each decision from the seed, the name of the room that decides,
 * and the number of the decision. Nothing has to be saved, and a resumed search draws what an
 * uninterrupted one would have drawn. (SplitMix64 seeds xoshiro256**, Blackman and Vigna 2021.)
 */
#ifndef AIRE_BASE_RNG_H
#define AIRE_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

typedef struct aire_rng {
    uint64_t state[4];
} aire_rng;

void aire__rng_init(aire_rng *rng, uint64_t seed, const char *stream, uint64_t index);
uint64_t aire__rng_next(aire_rng *rng);
uint64_t aire__rng_below(aire_rng *rng, uint64_t bound); /* uniform in [0, bound), bound > 0 */
double aire__rng_unit(aire_rng *rng);                    /* uniform in [0, 1) */
double aire__rng_normal(aire_rng *rng);                  /* standard normal */

/* The first k places of `items` become a uniform sample without replacement of its n indices. */
void aire__rng_sample(aire_rng *rng, size_t *items, size_t n, size_t k);

#endif
