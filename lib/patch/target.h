/* The files that a patch is about: all that it says of one, wherever it says it. */
#ifndef AIRE_PATCH_TARGET_H
#define AIRE_PATCH_TARGET_H

#include "base/buf.h"
#include "base/str.h"
#include "patch/paths.h"
#include "patch/place.h"

typedef struct aire_target {
    char *path;
    char *new_path; /* renamed to; else NULL */
    size_t source;  /* of the base; AIRE_NO_SOURCE for a new file */
    bool creates, deletes;
    size_t whole; /* hunk that is the whole content; AIRE_NO_SOURCE: none */
    bool labelled;
    size_t *hunks; /* among those of the edits */
    size_t hunk_count, hunk_capacity;
    size_t patch_line;
} aire_target;

typedef struct aire_targets {
    aire_ctx *ctx;
    aire_target *items;
    size_t count, capacity;
    char *complaint; /* why the files are not clear; NULL if they are */
} aire_targets;

/* AIRE_OK (see out->complaint), AIRE_NOMEM, AIRE_LIMIT. */
aire_status aire__targets_make(aire_ctx *ctx, const aire_edits *edits, const aire_patch_base *base,
                               aire_targets *out);
void aire__targets_free(aire_targets *targets);

aire_status aire__target_add_hunk(aire_ctx *ctx, aire_target *target, size_t hunk);

/* Part hunks of which the context leaves out lines. AIRE_OK, AIRE_NOMEM. */
aire_status aire__target_split(aire_ctx *ctx, aire_edits *edits, const aire_text *text,
                               aire_target *target);

/* How a whole content looks beside the file that is there. */
typedef struct aire_whole_look {
    double kept;    /* part of the file's lines that it keeps */
    bool same_ends; /* it begins and ends as the file does */
    bool is_part;   /* it is the file without its beginning or its end */
    size_t elision; /* line of the content that only stands for others, from 1; 0: none */
} aire_whole_look;

aire_status aire__whole_look(aire_ctx *ctx, const aire_patch_source *source,
                             const aire_edits *edits, const aire_hunk *hunk, aire_whole_look *out);
/* Whether it is the file's new content, surely: not an example, nor a part. */
bool aire__whole_is_sure(const aire_whole_look *look);

#endif
