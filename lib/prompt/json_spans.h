/* JSON as models write it: where it stands in prose, and what has to be mended. */
#ifndef AIRE_PROMPT_JSON_SPANS_H
#define AIRE_PROMPT_JSON_SPANS_H

#include "base/buf.h"

/* A piece of a text between a bracket at the beginning of a line and the one that closes it. */
typedef struct aire_json_span {
    const char *start, *end;
} aire_json_span;

typedef struct aire_json_spans {
    aire_ctx *ctx; /* borrowed */
    aire_json_span *spans;
    size_t count, capacity;
    const char *open; /* start of the innermost object that the text ends in; NULL for none */
} aire_json_spans;

/* The largest balanced pieces of a text, in order; those inside one that is never closed as well.
 * AIRE_OK, AIRE_NOMEM. */
aire_status aire__json_spans_find(aire_ctx *ctx, const char *text, aire_json_spans *out);
void aire__json_spans_free(aire_json_spans *spans);

/* A span with what models get wrong put right: line ends and unknown escapes in strings, commas
 * before a closing bracket. */
void aire__json_mend(aire_buf *out, const aire_json_span *span);

#endif
