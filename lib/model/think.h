/*
 * Thinking that a server leaves in the text: "<think>...</think>answer", or, where the opening tag
 * was part of the prompt, "...</think>answer".
 */
#ifndef AIRE_MODEL_THINK_H
#define AIRE_MODEL_THINK_H

#include "model/provider.h"

/* Add a piece of the text; a tag may be cut between pieces. Nothing is looked for in the text of an
 * answer that has thinking of its own. */
void aire__think_add(aire_reading *r, const char *bytes, size_t length);

/* The text has ended: add what was held back. */
void aire__think_end(aire_reading *r);

#endif
