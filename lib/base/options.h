/*
 * The rule for structs that carry their own size, in one place.
 *
 * The caller's struct may be smaller than ours (an older header: the missing fields are zero), or
 * larger (a newer header: what we do not know must be zero, or we would ignore a wish silently).
 */
#ifndef AIRE_BASE_OPTIONS_H
#define AIRE_BASE_OPTIONS_H

#include "aire/status.h"

/*
 * Copy a caller's struct into ours. `given` may be NULL: ours is zeroed, with its size set.
 * `oldest` is the size of the first released version of the struct. AIRE_ABI if the sizes or the
 * tail are impossible; `name` is for the message.
 */
aire_status aire__options_take(const void *given, void *ours, size_t size, size_t oldest,
                               const char *name);

/* The body of every aire_x_options_init. */
aire_status aire__options_init(void *options, size_t given_size, size_t size, size_t oldest,
                               const char *name);

/* Write a struct for a caller: at most the size that it says it has. */
aire_status aire__options_give(const void *ours, void *given, size_t size, size_t oldest,
                               const char *name);

#endif
