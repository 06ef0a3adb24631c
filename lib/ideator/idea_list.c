/* Ideas that are there before anybody asks. */
#include "ideator/idea_list.h"

#include "base/fail.h"
#include "base/str.h"
#include "model/lines.h"

static bool grow(aire_idea_list *list)
{
    return aire__grow(list->ctx, &list->ideas, &list->capacity, list->count + 1,
                      sizeof *list->ideas);
}

static aire_status add_line(const char *line, size_t length, void *data)
{
    aire_idea_list *list = data;
    if (!grow(list))
        return aire__fail_nomem();
    aire_status status = aire_idea_from_json(list->ctx, line, length, &list->ideas[list->count]);
    list->count += status == AIRE_OK;
    return status;
}

aire_status aire__idea_list_read(aire_idea_list *list, const char *path)
{
    return aire__lines_read(list->ctx, path, add_line, list);
}

aire_status aire__idea_list_take(aire_idea_list *list, const aire_ideas *ideas)
{
    for (size_t i = 0; i < aire_ideas_count(ideas); i++) {
        if (!grow(list))
            return aire__fail_nomem();
        list->ideas[list->count++] = aire_idea_ref(aire_ideas_get(ideas, i));
    }
    return AIRE_OK;
}

void aire__idea_list_free(aire_idea_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        aire_idea_unref(list->ideas[i]);
    aire_free(list->ctx, list->ideas);
    *list = (aire_idea_list){.ctx = list->ctx};
}
