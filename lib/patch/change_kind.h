/* What kind of change a patch is: constants turned, or something else. Pure: bytes in. */
#ifndef AIRE_PATCH_CHANGE_KIND_H
#define AIRE_PATCH_CHANGE_KIND_H

#include <stddef.h>
#include <stdint.h>

/*
 * The kind of idea that a unified diff is (AIRE_IDEA_*): AIRE_IDEA_HYPERPARAMETER if lines differ
 * only in literals (numbers, quoted texts, true and false), white space and comments;
 * AIRE_IDEA_ALGORITHMIC if anything else changes; 0 if nothing does. It knows no language, but how
 * most write literals and comments.
 */
int32_t aire__patch_change_kind(const char *diff, size_t length);

#endif
