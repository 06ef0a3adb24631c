/* The text that hunks make of a file, once they have their places. */
#ifndef AIRE_PATCH_SPLICE_H
#define AIRE_PATCH_SPLICE_H

#include "base/buf.h"
#include "patch/place.h"

typedef enum aire_conflict_kind {
    AIRE_CONFLICT_NONE,
    AIRE_CONFLICT_OVERLAP, /* with another hunk */
    AIRE_CONFLICT_UNCLEAR, /* between which lines it adds something */
    AIRE_CONFLICT_INDENT,  /* how far added lines are to be indented */
    AIRE_CONFLICT_ELIDED   /* it adds a line that only stands for others */
} aire_conflict_kind;

typedef struct aire_conflict {
    aire_conflict_kind kind;
    size_t hunk; /* of the placing */
    size_t line; /* of the file */
} aire_conflict;

/*
 * Append the new text to `to`: kept lines as the file has them, added ones indented and ended as
 * the lines around them. On a conflict nothing is appended. AIRE_OK (see *conflict), AIRE_NOMEM;
 * the buffer has its own status.
 */
aire_status aire__splice(const aire_placing *placing, aire_buf *to, aire_conflict *conflict);

/* What lines end in around line `at`: "\n" or "\r\n". */
const char *aire__line_end(const aire_lines *lines, size_t at);

#endif
