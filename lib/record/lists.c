/* Immutable lists of ideas and of results. */
#include "record/results.h"

#include <string.h>

#include "base/fail.h"
#include "base/str.h"
#include "record/record.h"

/* Both kinds of list are this. */
typedef struct aire_list {
    aire_record record;
    size_t count;
    aire_record *items[];
} aire_list;

static const aire_list *list_of(const void *handle)
{
    return handle;
}

static void list_clear(aire_record *record, aire_record **dead)
{
    aire_list *list = (aire_list *)record;

    for (size_t i = 0; i < list->count; i++)
        aire__record_drop(list->items[i], dead);
}

/* `items`: an array of `count` pointers to records of one kind; every pointer has the same
 * representation here. */
static aire_status list_new(aire_ctx *ctx, const char *name, const void *items, size_t count,
                            aire_list **out)
{
    size_t bytes;

    if (!ctx || (!items && count > 0))
        return aire__fail(AIRE_INVALID, "list: %s is NULL", !ctx ? "ctx" : name);
    if (__builtin_mul_overflow(count, sizeof(aire_record *), &bytes) ||
        __builtin_add_overflow(bytes, sizeof(aire_list), &bytes))
        return aire__fail_nomem();

    aire_list *list = aire__record_new(ctx, bytes, list_clear);
    if (!list)
        return aire__fail_nomem();
    for (size_t i = 0; i < count; i++) {
        aire_record *item;
        memcpy(&item, (const char *)items + i * sizeof(item), sizeof(item));
        if (!item) {
            aire__record_unref(&list->record);
            return aire__fail(AIRE_INVALID, "list: item %zu of %s is NULL", i, name);
        }
        list->items[list->count++] = aire__record_ref(item);
    }
    *out = list;
    return AIRE_OK;
}

aire_status aire_ideas_new(aire_ctx *ctx, aire_idea *const *ideas, size_t count, aire_ideas **out)
{
    aire_list *list = NULL;

    if (!out)
        return aire__fail(AIRE_INVALID, "list: out is NULL");
    aire_status status = list_new(ctx, "ideas", ideas, count, &list);
    *out = (aire_ideas *)list;
    return status;
}

aire_ideas *aire_ideas_ref(aire_ideas *ideas)
{
    return aire__record_ref((aire_record *)ideas);
}

void aire_ideas_unref(aire_ideas *ideas)
{
    aire__record_unref((aire_record *)ideas);
}

size_t aire_ideas_count(const aire_ideas *ideas)
{
    return list_of(ideas)->count;
}

aire_idea *aire_ideas_get(const aire_ideas *ideas, size_t index)
{
    const aire_list *list = list_of(ideas);
    return index < list->count ? (aire_idea *)list->items[index] : NULL;
}

aire_status aire__results_new(aire_ctx *ctx, aire_result *const *results, size_t count,
                              aire_results **out)
{
    aire_list *list = NULL;
    aire_status status = list_new(ctx, "results", results, count, &list);
    *out = (aire_results *)list;
    return status;
}

aire_results *aire_results_ref(aire_results *results)
{
    return aire__record_ref((aire_record *)results);
}

void aire_results_unref(aire_results *results)
{
    aire__record_unref((aire_record *)results);
}

size_t aire_results_count(const aire_results *results)
{
    return list_of(results)->count;
}

aire_result *aire_results_get(const aire_results *results, size_t index)
{
    const aire_list *list = list_of(results);
    return index < list->count ? (aire_result *)list->items[index] : NULL;
}
