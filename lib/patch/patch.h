/*
 * Patches, from the inside: applying them to files in memory, and writing them. No I/O: bytes in,
 * bytes out.
 */
#ifndef AIRE_PATCH_PATCH_H
#define AIRE_PATCH_PATCH_H

#include <stdbool.h>

#include "aire/patch.h"
#include "aire/result.h"

/* A file that a patch may meet. */
typedef struct aire_patch_source {
    const char *path; /* relative, clean */
    const char *data;
    size_t length;
    bool editable;
} aire_patch_source;

/* What a patch is applied to. */
typedef struct aire_patch_base {
    const aire_patch_source *sources; /* in byte order of path */
    size_t source_count;
    /* Whether a patch may make a file of this name. */
    bool (*may_create)(const char *path, void *user_data);
    void *user_data;
} aire_patch_base;

/* One file after the patch. */
typedef struct aire_patch_edit {
    char *path;
    char *data; /* NULL: the patch deletes it */
    size_t length;
    bool created;
} aire_patch_edit;

/* How a hunk, a block or a whole file of the patch was placed. */
typedef struct aire_patch_hunk {
    size_t file;       /* its name among the names */
    size_t patch_line; /* from 1 */
    size_t line;       /* of the file before, from 1 */
    int32_t how;       /* AIRE_PLACED_* */
    double confidence; /* 0 to 1 */
} aire_patch_hunk;

/* The outcome of applying. Free with aire__patched_free. */
typedef struct aire_patched {
    aire_ctx *ctx;
    int32_t outcome; /* AIRE_OUTCOME_OK, NO_CHANGE, PATCH_FAILED or VIOLATION */
    int32_t cause;   /* AIRE_CAUSE_* */
    char *message;   /* refusal: which file and hunk, what the file has there, what to send instead;
                        else "" */
    aire_patch_edit *edits; /* files whose content changes, in byte order of path; none unless OK */
    size_t edit_count;
    char *diff; /* canonical minimal unified diff of the edits; "" unless OK */
    char *
        *names; /* of the files that the patch speaks of, those that stay as they are among them */
    size_t name_count;
    aire_patch_hunk *hunks; /* unless it was refused; by file, and in the order of the patch */
    size_t hunk_count;
    size_t added, removed; /* lines of the diff */
} aire_patched;

/*
 * Apply a patch: leniently read, surely placed, and whole or not at all. A patch that does not fit
 * is not a failure of the call: it is described in *out. AIRE_OK, AIRE_NOMEM, AIRE_LIMIT (result
 * too large).
 */
aire_status aire__patch_apply(aire_ctx *ctx, const aire_patch *patch, const aire_patch_base *base,
                              aire_patched *out);
void aire__patched_free(aire_patched *patched);

/* Whether a model's answer holds anything that is meant as a patch, readable or not. AIRE_OK,
 * AIRE_EMPTY (the detail says so in words for the model), AIRE_NOMEM. */
aire_status aire__patch_look(aire_ctx *ctx, const char *text, size_t length);

/*
 * Write the minimal unified diff (Myers 1986) between two versions of a file, with 3 lines of
 * context; NULL data means that the file is not there before or after. *out is "" if they are
 * equal; from aire_alloc, owned by caller.
 */
aire_status aire__patch_diff(aire_ctx *ctx, const char *path, const char *before,
                             size_t before_length, const char *after, size_t after_length,
                             char **out);

#endif
