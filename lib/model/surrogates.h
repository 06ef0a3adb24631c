/*
 * Halves of surrogate pairs in JSON: "\ud83d" alone. Servers that cut a stream between tokens send
 * them, and a strict reader would throw away an answer that was paid for.
 */
#ifndef AIRE_MODEL_SURROGATES_H
#define AIRE_MODEL_SURROGATES_H

#include <stdbool.h>
#include <stddef.h>

/* Put U+FFFD for each escaped half without its other half, in place: the length stays. Whether
 * there was one. */
bool aire__mend_surrogates(char *json, size_t length);

#endif
