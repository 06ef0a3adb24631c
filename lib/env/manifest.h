/* The parts of a manifest, each read into the environment by a file of its own. */
#ifndef AIRE_ENV_MANIFEST_H
#define AIRE_ENV_MANIFEST_H

#include "env/adapt.h"
#include "env/reader.h"

/* Read the whole manifest; the files are read after it, and the knobs, which need them, last. */
aire_status aire__manifest_read(aire_env *env, const aire_node *top);

aire_status aire__manifest_read_steps(aire_env *env, const aire_node *top);
aire_status aire__manifest_read_metric(aire_env *env, const aire_node *top);
aire_status aire__manifest_read_retention(aire_env *env, const aire_node *top);
aire_status aire__manifest_read_plausible(aire_env *env, const aire_node *top);
aire_status aire__manifest_read_knobs(aire_env *env, const aire_node *top);

/* Read the files of the directory, with their roles by the globs that were read before; with those
 * of an adapter, NULL for none. */
aire_status aire__env_read_files(aire_env *env, const aire_node *top, const aire_adapted *adapted);

/* Whether the sandbox has something of its own at a path, so that nothing can be mounted there. */
bool aire__mount_is_taken(const char *target);

void aire__env_steps_free(aire_env *env);
void aire__env_knobs_free(aire_env *env);
void aire__env_files_free(aire_env *env);

#endif
