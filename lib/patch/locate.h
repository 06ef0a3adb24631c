/* Where a hunk belongs in a file. */
#ifndef AIRE_PATCH_LOCATE_H
#define AIRE_PATCH_LOCATE_H

#include "base/buf.h"
#include "patch/parse.h"

/* A file's lines, and an index of them that is made when it is first needed. */
typedef struct aire_located_file {
    aire_ctx *ctx;
    aire_lines lines;
    struct aire_line_entry *index; /* by hash */
    size_t effort;                 /* lines compared in search of displaced hunks */
} aire_located_file;

typedef enum aire_place {
    AIRE_PLACE_FOUND,
    AIRE_PLACE_NONE,
    AIRE_PLACE_AMBIGUOUS, /* in several places, and not where its header says */
    AIRE_PLACE_OVERLAP    /* where its header says, but that is before line `from` */
} aire_place;

/*
 * Find the lines that a hunk removes and keeps: where its header says (shifted by `drift`), else at
 * the only other place from line `from` (from 0) on. *at is the place, or on AMBIGUOUS the first of
 * several. The effort for a file is bounded, whatever a patch holds.
 */
aire_status aire__locate(aire_located_file *file, const aire_diff *diff, const aire_hunk *hunk,
                         size_t from, long drift, aire_place *place, size_t *at);

/* Describe why there is no place: the nearest text with its line numbers, and what differs. */
void aire__locate_explain(aire_located_file *file, const aire_diff *diff, const aire_hunk *hunk,
                          aire_buf *message);

void aire__located_file_free(aire_located_file *file);

#endif
