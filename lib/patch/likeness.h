/* Likeness of patches by the lines that they remove and add, wherever those stand. */
#ifndef AIRE_PATCH_LIKENESS_H
#define AIRE_PATCH_LIKENESS_H

#include "aire/patch.h"
#include "base/hash.h"

/* A hash of the files and the changed lines of a unified diff, each run of them with the line that
 * stands before it, without white space at their ends: the same change has the same hash, however
 * much more context its author wrote around it, and however the hunks are headed. */
void aire__patch_change_hash(const aire_patch *patch, char out[AIRE_SHA256_HEX]);

/*
 * How many lines of substance `patch` adds that `earlier` removed and did not add elsewhere: what
 * had been taken out comes back. AIRE_OK, AIRE_NOMEM.
 */
aire_status aire__patch_readded(aire_ctx *ctx, const aire_patch *patch, const aire_patch *earlier,
                                size_t *out);

#endif
