/*
 * Server-sent events, read as their bytes come (WHATWG HTML, section 9.2.6). Pure: no I/O.
 *
 * Lines end in LF, CR or CRLF, also where a piece is cut between the two; a byte order mark at the
 * beginning is skipped; comments and unknown fields are ignored; several data lines are one text
 * with line feeds between.
 */
#ifndef AIRE_NET_SSE_H
#define AIRE_NET_SSE_H

#include <stdbool.h>

#include "base/buf.h"

/* An event: its type ("message" if it has none) and data, both ended by NUL. False: stop reading.
 */
typedef bool (*aire_sse_event)(const char *type, const char *data, size_t length, void *user_data);

typedef struct aire_sse {
    aire_buf line, data;
    char type[64]; /* longer ones are cut */
    bool skip_lf, begun, has_data;
    aire_sse_event event;
    void *user_data;
} aire_sse;

/* `max`: bytes of one event. */
void aire__sse_init(aire_sse *sse, aire_ctx *ctx, size_t max, aire_sse_event event,
                    void *user_data);
void aire__sse_free(aire_sse *sse);

/* Read a piece. AIRE_OK; AIRE_DONE (the event function wants no more); AIRE_PROTOCOL (an event
 * is longer than allowed), AIRE_NOMEM. An event that was not ended by an empty line never was. */
aire_status aire__sse_read(aire_sse *sse, const char *bytes, size_t length);

#endif
