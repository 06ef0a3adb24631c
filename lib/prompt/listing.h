/* A list of ideas in a request, of which as many are shown as there is room for. */
#ifndef AIRE_PROMPT_LISTING_H
#define AIRE_PROMPT_LISTING_H

#include "base/buf.h"

typedef struct aire_listing {
    const char *heading;
    aire_buf items;
    size_t *ends; /* of each item in `items` */
    size_t count, capacity;
    size_t shown; /* the first so many */
} aire_listing;

void aire__listing_init(aire_listing *list, aire_ctx *ctx, const char *heading);
void aire__listing_free(aire_listing *list);

/* What was appended to `items` since the last one is an item; it is shown. AIRE_OK, AIRE_NOMEM. */
aire_status aire__listing_close_item(aire_listing *list);

/* Bytes that aire__listing_print appends. */
size_t aire__listing_size(const aire_listing *list);

/* Show fewer of the last ones, until it takes at most `room` bytes, or only says what is left out.
 */
void aire__listing_trim(aire_listing *list, size_t room);

/* The heading, what is shown, and how many are left out. Nothing for an empty list. */
void aire__listing_print(const aire_listing *list, aire_buf *out);

#endif
