/* A list of ideas in a request. */
#include "prompt/listing.h"

#include <string.h>

#include "base/fail.h"
#include "base/str.h"

enum { HEADING_EXTRA = 4, NOTE_MAX = 96 };

void aire__listing_init(aire_listing *list, aire_ctx *ctx, const char *heading)
{
    *list = (aire_listing){.heading = heading};
    aire__buf_init(&list->items, ctx, SIZE_MAX / 4);
}

void aire__listing_free(aire_listing *list)
{
    aire_free(list->items.ctx, list->ends);
    aire__buf_free(&list->items);
}

aire_status aire__listing_close_item(aire_listing *list)
{
    aire_status status = aire__buf_status(&list->items);
    if (status != AIRE_OK)
        return status;
    if (!aire__grow(list->items.ctx, &list->ends, &list->capacity, list->count + 1,
                    sizeof *list->ends))
        return aire__fail_nomem();
    list->ends[list->count++] = list->items.length;
    list->shown = list->count;
    return AIRE_OK;
}

static size_t shown_length(const aire_listing *list)
{
    return list->shown ? list->ends[list->shown - 1] : 0;
}

size_t aire__listing_size(const aire_listing *list)
{
    if (list->count == 0)
        return 0;
    return strlen(list->heading) + HEADING_EXTRA + shown_length(list) +
           (list->shown < list->count ? NOTE_MAX : 0);
}

void aire__listing_trim(aire_listing *list, size_t room)
{
    while (list->shown && aire__listing_size(list) > room)
        list->shown--;
}

void aire__listing_print(const aire_listing *list, aire_buf *out)
{
    if (list->count == 0)
        return;
    aire__buf_printf(out, "## %s\n", list->heading);
    aire__buf_append(out, list->items.data, shown_length(list));
    if (list->shown < list->count)
        aire__buf_printf(out,
                         "(%zu more are left out because this request has no room for them)\n\n",
                         list->count - list->shown);
}
