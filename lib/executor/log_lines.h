/* What of a log says why a program failed. Pure: bytes in, text out. */
#ifndef AIRE_EXECUTOR_LOG_LINES_H
#define AIRE_EXECUTOR_LOG_LINES_H

#include <stddef.h>

#include "aire/context.h"

/*
 * The lines of a log that matter, in their order, in at most `max` bytes: the last traceback with
 * its innermost frames, the first errors of compilers and linkers with what stands around them, and
 * the end of the log. "[...]" stands for what is left out; long lines are cut, and bytes that are
 * not UTF-8 become "?". *out is from aire_alloc, "" for an empty log. AIRE_OK, AIRE_NOMEM.
 */
aire_status aire__log_lines(aire_ctx *ctx, const char *log, size_t length, size_t max, char **out);

#endif
