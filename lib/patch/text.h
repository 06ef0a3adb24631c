/* A file that a patch meets: its lines, and an index of those that fold as lines of the patch do. A
 * file may be large and a patch is small: what the patch does not ask for is not in the index. */
#ifndef AIRE_PATCH_TEXT_H
#define AIRE_PATCH_TEXT_H

#include "patch/fold.h"

typedef struct aire_text {
    aire_ctx *ctx;
    aire_lines lines;
    uint64_t *keys; /* of the lines; NULL until aire__text_index */
    uint32_t *next; /* line with the same key, from 1; 0: none, or not in the index */
    struct aire_text_slot *slots;
    size_t mask, used;
    size_t effort; /* lines compared so far: it is bounded for a file, whatever a patch holds */
} aire_text;

#define AIRE_TEXT_EFFORT_MAX ((size_t)1 << 26)

/* The lines point into `data`. AIRE_OK, AIRE_NOMEM, AIRE_LIMIT (more than 2^32 lines). */
aire_status aire__text_open(aire_ctx *ctx, const char *data, size_t length, aire_text *out);
void aire__text_free(aire_text *text);

/* Make the keys of all lines, once, and put the lines of some keys in the index, if they are not
 * there yet. AIRE_OK, AIRE_NOMEM. */
aire_status aire__text_index(aire_text *text, const uint64_t *keys, size_t count);

/* Lines of a key that is in the index: how many, and the first of them in *first; the others by
 * aire__text_next, in order; SIZE_MAX ends. */
size_t aire__text_find(const aire_text *text, uint64_t key, size_t *first);
size_t aire__text_next(const aire_text *text, size_t line);

/* Spend effort; false when there is none left. */
bool aire__text_spend(aire_text *text, size_t effort);

#endif
