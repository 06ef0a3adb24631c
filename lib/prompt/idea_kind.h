/* The line of an idea that says what kind it is. */
#ifndef AIRE_PROMPT_IDEA_KIND_H
#define AIRE_PROMPT_IDEA_KIND_H

#include <stdint.h>

/* AIRE_IDEA_* of a line such as "**Kind:** algorithmic", which is cut out of the text; 0: there is
 * none. */
int32_t aire__take_idea_kind(char *text);

#endif
