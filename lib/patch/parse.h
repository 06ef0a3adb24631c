/* A unified diff as hunks. */
#ifndef AIRE_PATCH_PARSE_H
#define AIRE_PATCH_PARSE_H

#include "patch/lines.h"

typedef struct aire_hunk_line {
    char op; /* ' ' kept, '-' removed, '+' added */
    aire_line line;
    bool no_newline; /* "\ No newline at end of file" follows it */
} aire_hunk_line;

typedef struct aire_hunk {
    size_t old_start, old_count, new_start, new_count; /* as the header says, starts from 1 */
    size_t first, count;                               /* its lines among those of the diff */
    size_t patch_line;                                 /* of its header, from 1 */
} aire_hunk;

typedef struct aire_file_diff {
    char *path;
    bool creates, deletes;
    bool crlf; /* its header ends in "\r\n": so do all lines, and that says nothing of the file's */
    size_t first_hunk, hunk_count;
} aire_file_diff;

typedef struct aire_diff {
    aire_ctx *ctx;
    aire_lines text;
    aire_hunk_line *lines;
    size_t line_count, line_capacity;
    aire_hunk *hunks;
    size_t hunk_count, hunk_capacity;
    aire_file_diff *files;
    size_t file_count, file_capacity;
} aire_diff;

/*
 * Parse; the lines of the diff point into `text`. A text that is no strict unified diff is
 * described in *complaint (from aire_alloc, else NULL) with AIRE_FORMAT. AIRE_OK, AIRE_FORMAT,
 * AIRE_NOMEM.
 */
aire_status aire__diff_parse(aire_ctx *ctx, const char *text, size_t length, aire_diff *out,
                             char **complaint);
void aire__diff_free(aire_diff *diff);

#endif
