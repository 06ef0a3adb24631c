/* xoshiro256** seeded by SplitMix64 from (seed, stream, index). */
#include "base/rng.h"

#include <math.h>

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void aire__rng_init(aire_rng *rng, uint64_t seed, const char *stream, uint64_t index)
{
    uint64_t name = 0xcbf29ce484222325u; /* FNV-1a */
    for (; *stream; stream++)
        name = (name ^ (unsigned char)*stream) * 0x100000001b3u;

    /* Each part goes through the mixer by itself, so that neighbouring seeds and indices share
     * nothing. */
    uint64_t state = seed;
    state = splitmix(&state) ^ name;
    state = splitmix(&state) ^ index;
    for (int i = 0; i < 4; i++)
        rng->state[i] = splitmix(&state);
}

static uint64_t rotate(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

uint64_t aire__rng_next(aire_rng *rng)
{
    uint64_t *s = rng->state;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

uint64_t aire__rng_below(aire_rng *rng, uint64_t bound)
{
    uint64_t threshold = -bound % bound; /* values below it would favour small results */
    for (;;) {
        uint64_t value = aire__rng_next(rng);
        if (value >= threshold)
            return value % bound;
    }
}

double aire__rng_unit(aire_rng *rng)
{
    return (double)(aire__rng_next(rng) >> 11) * 0x1.0p-53;
}

double aire__rng_normal(aire_rng *rng)
{
    /* Box-Muller; 1 - u is in (0, 1], so the logarithm is finite. */
    double radius = sqrt(-2.0 * log(1.0 - aire__rng_unit(rng)));
    return radius * cos(6.283185307179586 * aire__rng_unit(rng));
}

void aire__rng_sample(aire_rng *rng, size_t *items, size_t n, size_t k)
{
    for (size_t i = 0; i < n; i++)
        items[i] = i;
    for (size_t i = 0; i < k && i < n; i++) {
        size_t j = i + (size_t)aire__rng_below(rng, n - i);
        size_t item = items[i];
        items[i] = items[j];
        items[j] = item;
    }
}
