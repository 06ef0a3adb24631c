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

#endif
