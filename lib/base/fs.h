/* Files and directories. Every descriptor is close-on-exec; every message names the path. */
#ifndef AIRE_BASE_FS_H
#define AIRE_BASE_FS_H

#include <stdbool.h>
#include <sys/types.h>

#include "aire/context.h"
#include "base/io.h"

/* Read a whole regular file; AIRE_LIMIT beyond `max` bytes, AIRE_NOT_FOUND. *out ends in NUL. */
aire_status aire__fs_read(aire_ctx *ctx, const char *path, size_t max, char **out, size_t *length);

/* Replace a file at once: temporary file, fsync, rename. */
aire_status aire__fs_write(aire_ctx *ctx, const char *path, const void *data, size_t length,
                           mode_t mode);

aire_status aire__fs_mkdirs(aire_ctx *ctx, const char *path, mode_t mode);

/* Remove a tree without following links; missing is fine. Makes directories writable as it goes. */
aire_status aire__fs_remove_tree(aire_ctx *ctx, const char *path);

/* Copy a regular file, open from here on or by its path: reflink where the file system can, else
 * copy_file_range, else read/write. */
aire_status aire__fs_copy_open(int from, const char *to, mode_t mode);
aire_status aire__fs_copy_file(aire_ctx *ctx, const char *from, const char *to, mode_t mode);

bool aire__fs_exists(const char *path);
bool aire__fs_is_dir(const char *path);

/* Absolute path without links; AIRE_NOT_FOUND. */
aire_status aire__fs_real_path(aire_ctx *ctx, const char *path, char **out);

/* Make a fresh directory from a prefix, such as "/x/run-" -> "/x/run-a1b2c3". */
aire_status aire__fs_make_temp_dir(aire_ctx *ctx, const char *prefix, char **out);

/* Visit the files below a directory in a fixed order: directory by directory, names in byte order.
 * Links, special files and empty directories are passed to `visit` too, with their mode. A status
 * other than AIRE_OK stops the walk. */
typedef aire_status (*aire_fs_visit)(const char *relative, mode_t mode, off_t size, void *data);
aire_status aire__fs_walk(aire_ctx *ctx, const char *root, aire_fs_visit visit, void *data);

#endif
