/* Reading a patch, whatever it was written as. */
#ifndef AIRE_PATCH_READ_H
#define AIRE_PATCH_READ_H

#include "patch/edits.h"
#include "patch/marks.h"

/*
 * Read a text leniently. `answer`: it may hold prose, fences, blocks and whole files, too; else it
 * is a unified diff and nothing else. What cannot be read is described in out->complaint, with
 * AIRE_OK. The lines of the edits point into `text`. AIRE_OK, AIRE_NOMEM.
 */
aire_status aire__edits_read(aire_ctx *ctx, const char *text, size_t length, bool answer,
                             aire_edits *out);

/* ---- for the readers of each form ---- */

typedef struct aire_reader {
    aire_edits *edits;
    const aire_lines *lines; /* of edits->text */
    size_t at;               /* the next line */
    size_t end;              /* of what may be read: of the fence, or of the text */
    bool fenced;             /* inside a fence */
    bool in_code;            /* which is no diff's, and begins otherwise */
    bool closed;             /* and that fence has an end */
    bool answer;
    size_t dedent; /* blanks in front of every line of this form */
    char *hint;    /* name of a file in the lines before; NULL: none */
    bool hint_strong;
    bool hint_used;    /* an edit has taken it: the next may take it, too */
    size_t hint_line;  /* that named it */
    bool hint_unclear; /* lines that say more name other files, too */
} aire_reader;

/* A line without the blanks that are in front of all; lines beyond the end are empty. */
aire_line aire__reader_line(const aire_reader *r, size_t at);
bool aire__reader_more(const aire_reader *r);
aire_status aire__reader_complain(aire_reader *r, size_t at, const char *what);

/* Whether the lines from `at` on are a header of a unified diff, or a hunk. */
bool aire__diff_begins(const aire_reader *r, size_t at);

/* Read what begins at r->at, up to where it ends. */
aire_status aire__read_diff(aire_reader *r);
aire_status aire__read_block(aire_reader *r);
aire_status aire__read_tags(aire_reader *r);
aire_status aire__read_envelope(aire_reader *r);

/* Whether an element <search> and an element <replace> begin at a line: a block in tags. */
bool aire__tags_begin(const aire_reader *r, size_t at);

/* The two texts of a block: lines of the patch. */
typedef struct aire_block {
    size_t search;           /* the line that begins it */
    size_t old_from, old_to; /* the text that is there */
    size_t new_from, new_to; /* and the one in its place */
} aire_block;

/* Add a block as a hunk of the file that was named before. */
aire_status aire__block_add(aire_reader *r, const aire_block *block);

/* Lines with a mark in front, up to where they end: a hunk that is open. */
aire_status aire__read_hunk_body(aire_reader *r, const aire_hunk *hunk);
/* Take numbers that were copied from a listing off the lines of the last hunk. */
void aire__hunk_strip_numbers(aire_edits *edits);
/* The same for a content, if its lines count up by one behind bars. */
void aire__whole_strip_numbers(aire_edits *edits, const aire_hunk *hunk);
/* A line "@@ ..." as a hunk; true if it is one. */
bool aire__read_hunk_header(const aire_line *line, aire_hunk *hunk);

#endif
