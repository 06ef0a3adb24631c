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
    size_t whole;  /* hunk that is the whole content; AIRE_NO_SOURCE: none */
    size_t *hunks; /* among those of the edits */
    size_t hunk_count, hunk_capacity;
    size_t patch_line;
} aire_target;

typedef struct aire_targets {
    aire_ctx *ctx;
    aire_target *items;
    size_t count, capacity;
    size_t *of_edit; /* the target of each file edit, from 1; 0: none */
    char *complaint; /* why the files are not clear; NULL if they are */
} aire_targets;

/* AIRE_OK (see out->complaint), AIRE_NOMEM, AIRE_LIMIT. */
aire_status aire__targets_make(aire_ctx *ctx, const aire_edits *edits, const aire_patch_base *base,
                               aire_targets *out);
void aire__targets_free(aire_targets *targets);

aire_status aire__target_add_hunk(aire_ctx *ctx, aire_target *target, size_t hunk);

/* Take out of hunks what copying has put in: no-break spaces and HTML entities, where the text has
 * none of its own. AIRE_OK, AIRE_NOMEM. */
aire_status aire__target_clean(aire_ctx *ctx, aire_edits *edits, const aire_text *text,
                               const aire_target *target);

/* Part hunks of which the context says "..." for lines that it leaves out. AIRE_OK, AIRE_NOMEM. */
aire_status aire__target_split(aire_ctx *ctx, aire_edits *edits, const aire_text *text,
                               aire_target *target);

/* Put hunks that have no place, by the target's placing, in another form where that has one: parts
 * that stand apart, or the whole lines of which a block has a piece. The target's list of
 * hunks is another one then. AIRE_OK, AIRE_NOMEM. */
aire_status aire__target_recast(aire_ctx *ctx, aire_edits *edits, aire_text *text,
                                const aire_placing *placing, aire_target *target);

#endif
