/* Which earlier ideas a text says that it builds on. */
#ifndef AIRE_IDEATOR_MENTIONS_H
#define AIRE_IDEATOR_MENTIONS_H

#include "aire/result.h"

/*
 * The ids of those of the plan's parents that a text names: "builds on idea 7", "ideas 3, 5 and 9".
 * At most `max`, each once, in the order of the plan; returns how many.
 */
size_t aire__mentions(const aire_plan *plan, const char *text, int64_t *ids, size_t max);

#endif
