/* A text as lines: what patches are about. */
#ifndef AIRE_PATCH_LINES_H
#define AIRE_PATCH_LINES_H

#include <stdbool.h>

#include "aire/context.h"

typedef struct aire_line {
    const char *text;
    size_t length; /* without the line's end */
    size_t full;   /* with it: "\n", "\r\n"; at the end of the text "\r" or nothing */
} aire_line;

typedef struct aire_lines {
    aire_line *items;
    size_t count;
} aire_lines;

/* Split a text; the lines point into it. AIRE_OK, AIRE_NOMEM. */
aire_status aire__lines_split(aire_ctx *ctx, const char *text, size_t length, aire_lines *out);
void aire__lines_free(aire_ctx *ctx, aire_lines *lines);

/* Same text, whatever the line's end. */
bool aire__line_equal(const aire_line *a, const aire_line *b);

/* For tables of lines: depends on the text without the line's end. */
uint64_t aire__line_hash(const aire_line *line);

/*
 * Which lines the shortest edit takes out of one text and puts into the other; white space at the
 * ends of lines does not count. Both arrays are owned by caller. AIRE_OK, AIRE_NOMEM.
 */
aire_status aire__lines_compare(aire_ctx *ctx, const aire_lines *before, const aire_lines *after,
                                bool **removed, bool **added);

#endif
