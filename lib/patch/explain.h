/* Why a hunk was refused, in words that its author can act on. */
#ifndef AIRE_PATCH_EXPLAIN_H
#define AIRE_PATCH_EXPLAIN_H

#include "base/buf.h"
#include "patch/splice.h"

/* Describe the place of hunk `i`, which is not found; its file is named first. */
void aire__explain_place(const aire_placing *placing, size_t i, const char *path,
                         aire_buf *message);

void aire__explain_conflict(const aire_placing *placing, const aire_conflict *conflict,
                            const char *path, aire_buf *message);

#endif
