/* Thinking that was left in an answer: what stands before the answer itself, drafts among it. */
#ifndef AIRE_PATCH_THINKING_H
#define AIRE_PATCH_THINKING_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Where the answer itself begins: past what stands between tags such as <think>, <reasoning> and
 * [THINK], whose first may be missing, and before a last channel; 0 if there is no thinking. *open:
 * the thinking that begins the text, or that a tag of a model begins, never ends.
 */
size_t aire__thinking_end(const char *text, size_t length, bool *open);

#endif
