/* Files of JSON lines. */
#ifndef AIRE_MODEL_LINES_H
#define AIRE_MODEL_LINES_H

#include "aire/context.h"

#define AIRE_LINES_MAX ((size_t)256 << 20) /* bytes of a file that is read */

/*
 * Read a file of JSON lines and hand each line that is not blank to `visit`; a failure of `visit`
 * ends the reading, and its message is given the file's name and the line's number. A file of more
 * than AIRE_LINES_MAX is AIRE_LIMIT.
 */
typedef aire_status (*aire_line_visit)(const char *line, size_t length, void *data);
aire_status aire__lines_read(aire_ctx *ctx, const char *path, aire_line_visit visit, void *data);

#endif
