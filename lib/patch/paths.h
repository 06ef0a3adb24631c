/* Names of files as patches write them, and the files that are meant. */
#ifndef AIRE_PATCH_PATHS_H
#define AIRE_PATCH_PATHS_H

#include "patch/edits.h"
#include "patch/patch.h"

#define AIRE_NO_SOURCE SIZE_MAX

/* The source of exactly this name, or AIRE_NO_SOURCE. */
size_t aire__path_source(const aire_patch_base *base, const char *path);

/*
 * The file that a written name means: itself, or without "a/" or "b/" in front, or the only one
 * that it is the end of, or that is its end, or, if it
 * is none to be made, the only one in another directory. *source is AIRE_NO_SOURCE for a new file.
 * *out is from aire_alloc. A name that leaves the environment stays as it is. AIRE_OK, AIRE_NOMEM.
 */
aire_status aire__path_resolve(aire_ctx *ctx, const aire_patch_base *base, const char *written,
                               bool prefixed, bool creates, char **out, size_t *source);

/* Whether a name only stands for one: "path/to/file.py". */
bool aire__path_is_placeholder(const char *path);
/* Whether two names are those of one file before and after: "x.py.orig" and "x.py". */
bool aire__path_is_version(const char *a, const char *b);

#endif
