/*
 * Bundles: a few named files as one archive (tar, compressed by zstd).
 *
 * What is read comes from anywhere, and is hostile until it is proven otherwise: only plain files
 * with clean relative names, each once, a limited number of limited size, whatever they were
 * compressed to. Nothing is ever written to a path that an archive names.
 */
#ifndef AIRE_BUNDLE_BUNDLE_H
#define AIRE_BUNDLE_BUNDLE_H

#include "aire/context.h"

enum { AIRE_BUNDLE_FILES_MAX = 256, AIRE_BUNDLE_BYTES_MAX = 256 << 20 /* of all files together */ };

typedef struct aire_bundle_file {
    char *name;
    char *data; /* NUL-terminated beyond its length */
    size_t length;
} aire_bundle_file;

typedef struct aire_bundle {
    aire_ctx *ctx; /* borrowed */
    aire_bundle_file *files;
    size_t count;
} aire_bundle;

/* Write files as an archive, whole or not at all; the same files give the same bytes. AIRE_IO,
 * AIRE_NOMEM. */
aire_status aire__bundle_write(aire_ctx *ctx, const char *path, const aire_bundle_file *files,
                               size_t count);

/* Read an archive; free with aire__bundle_free, whatever is returned. AIRE_NOT_FOUND, AIRE_FORMAT
 * (no archive, or a damaged one), AIRE_REFUSED (something that is no plain file with a clean name),
 * AIRE_LIMIT, AIRE_IO, AIRE_NOMEM. */
aire_status aire__bundle_read(aire_ctx *ctx, const char *path, aire_bundle *out);
void aire__bundle_free(aire_bundle *bundle);

/* NULL if it is not there. */
const aire_bundle_file *aire__bundle_find(const aire_bundle *bundle, const char *name);

#endif
