/*
 * Editable regions: where an editable file has lines that hold the manifest's two marks
 * (files.blocks), only what stands between a first and a second one may change. A file without such
 * lines may change everywhere.
 */
#ifndef AIRE_ENV_BLOCKS_H
#define AIRE_ENV_BLOCKS_H

#include "env/env.h"

/* Whether the marks in the environment's editable files are in pairs; if not, *message (from
 * aire_alloc) says where. AIRE_OK, AIRE_NOMEM. */
aire_status aire__blocks_check_files(const aire_env *env, char **message);

/* The regions of a file, by lines: "4 to 9, 20 to 31"; "" without marks. *out from aire_alloc. */
aire_status aire__blocks_list(const aire_env *env, const aire_env_file *file, char **out);

/*
 * Whether a changed file keeps what stands outside of the regions; data NULL: it is deleted.
 * *message, from aire_alloc, is NULL if so, and else says for the patch's writer where it may
 * change and what it did. AIRE_OK, AIRE_NOMEM.
 */
aire_status aire__blocks_check(const aire_env *env, const char *path, const char *data,
                               size_t length, char **message);

#endif
