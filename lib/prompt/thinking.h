/* Thinking that a server left in an answer. */
#ifndef AIRE_PROMPT_THINKING_H
#define AIRE_PROMPT_THINKING_H

#include <stdbool.h>

/* Past it, as aire__thinking_end says; `text` itself if there is none. */
char *aire__after_thinking(char *text);

bool aire__begins_thinking(const char *text);

#endif
