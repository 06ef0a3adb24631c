/* Files whose content is sent whole. */
#ifndef AIRE_PATCH_WHOLE_H
#define AIRE_PATCH_WHOLE_H

#include "base/buf.h"
#include "patch/edits.h"
#include "patch/patch.h"

/* How a whole content looks beside the file that is there. */
typedef struct aire_whole_look {
    double kept;    /* part of the file's lines that it keeps */
    double shared;  /* the same, in whatever order, where a long file has no common one soon */
    bool same_ends; /* it begins and ends as the file does */
    bool is_part;   /* it is the file without its beginning or its end */
    bool is_cut;    /* nothing marks its end, nor does it end as the file does */
    size_t elision; /* line of the content that only stands for others, from 1; 0: none */
} aire_whole_look;

/* `source` is NULL for a new file. AIRE_OK, AIRE_NOMEM. */
aire_status aire__whole_look(aire_ctx *ctx, const aire_patch_source *source,
                             const aire_edits *edits, const aire_hunk *hunk, aire_whole_look *out);

/* Whether it is the file's new content, surely: not an example, nor a part. */
bool aire__whole_is_sure(const aire_whole_look *look);

/* Append the new content: lines that stay are the file's own, and so are the ends of lines, the
 * final newline and blank lines at both ends. AIRE_OK, AIRE_NOMEM; the buffer has its own status.
 */
aire_status aire__whole_write(aire_ctx *ctx, const aire_patch_source *source,
                              const aire_edits *edits, const aire_hunk *hunk, aire_buf *to);

#endif
