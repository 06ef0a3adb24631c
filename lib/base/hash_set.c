/* Sets of byte strings. */
#include "base/hash_set.h"

#include <stdlib.h>

#include "base/str.h"

static uint64_t hash_of(const void *data, size_t length)
{
    const unsigned char *bytes = data;
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3u;
    return hash;
}

bool aire__hash_set_add(aire_hash_set *set, const void *data, size_t length)
{
    if (!aire__grow(set->ctx, &set->values, &set->capacity, set->count + 1, sizeof *set->values))
        return false;
    set->values[set->count++] = hash_of(data, length);
    return true;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

void aire__hash_set_seal(aire_hash_set *set)
{
    size_t kept = 0;
    if (set->count)
        qsort(set->values, set->count, sizeof *set->values, compare);
    for (size_t i = 0; i < set->count; i++)
        if (kept == 0 || set->values[kept - 1] != set->values[i])
            set->values[kept++] = set->values[i];
    set->count = kept;
}

bool aire__hash_set_has(const aire_hash_set *set, const void *data, size_t length)
{
    uint64_t hash = hash_of(data, length);
    return set->count && bsearch(&hash, set->values, set->count, sizeof hash, compare);
}

size_t aire__hash_set_common(const aire_hash_set *a, const aire_hash_set *b)
{
    size_t common = 0;
    for (size_t i = 0, j = 0; i < a->count && j < b->count;) {
        common += a->values[i] == b->values[j];
        bool step = a->values[i] <= b->values[j];
        j += a->values[i] >= b->values[j];
        i += step;
    }
    return common;
}

void aire__hash_set_free(aire_hash_set *set)
{
    aire_free(set->ctx, set->values);
    *set = (aire_hash_set){.ctx = set->ctx};
}
