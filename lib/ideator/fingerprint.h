/* What an idea is compared by. */
#ifndef AIRE_IDEATOR_FINGERPRINT_H
#define AIRE_IDEATOR_FINGERPRINT_H

#include "aire/idea.h"
#include "base/hash.h"
#include "base/hash_set.h"

typedef struct aire_fingerprint {
    aire_idea *idea;             /* a reference */
    char text[AIRE_SHA256_HEX];  /* of the words of text and changes, in order */
    char patch[AIRE_SHA256_HEX]; /* "" without a patch */
    aire_hash_set tokens;
} aire_fingerprint;

/* Free with aire__fingerprint_free. AIRE_OK, AIRE_NOMEM. */
aire_status aire__fingerprint_take(aire_ctx *ctx, aire_idea *idea, aire_fingerprint *out);
void aire__fingerprint_free(aire_fingerprint *print);

#endif
