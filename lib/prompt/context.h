/* The parts that requests to models share: the problem, and the code base. */
#ifndef AIRE_PROMPT_CONTEXT_H
#define AIRE_PROMPT_CONTEXT_H

#include "base/buf.h"
#include "env/env.h"

/* Bytes of a whole request, unless the caller wants fewer. */
#define AIRE_PROMPT_MAX ((size_t)256 << 10)

/* What is to be achieved, how it is measured, the budget, the rules and the hints. */
void aire__prompt_problem(aire_buf *buf, const aire_env *env);

/*
 * The code base in at most about `max` bytes: editable files first, then protected ones, with
 * numbered lines; reserved ones by name only; hidden ones not at all. Where room is short, editable
 * files are kept before protected ones, and in each role those that an earlier glob of the manifest
 * names. What does not fit is named instead of shown, and told to the log; returns how many files.
 */
size_t aire__prompt_code(aire_buf *buf, const aire_env *env, size_t max);

/* Content of a file with numbered lines. */
void aire__prompt_lines(aire_buf *buf, const char *data, size_t length);

/* Text of at most `max` bytes, on lines of its own; what is cut off is said. */
void aire__prompt_text(aire_buf *buf, const char *text, size_t max);

#endif
