/* SHA-256 (FIPS 180-4), for content addresses. */
#ifndef AIRE_BASE_HASH_H
#define AIRE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

typedef struct aire_sha256 {
    uint32_t state[8];
    uint64_t length;
    uint8_t block[64];
} aire_sha256;

#define AIRE_SHA256_HEX 65 /* 64 digits and a NUL */

void aire__sha256_init(aire_sha256 *hash);
void aire__sha256_update(aire_sha256 *hash, const void *data, size_t length);
void aire__sha256_hex(aire_sha256 *hash, char out[AIRE_SHA256_HEX]);

/* A length-prefixed field: so that ("ab", "c") and ("a", "bc") differ. */
void aire__sha256_field(aire_sha256 *hash, const void *data, size_t length);

#endif
