/* Ideas that are there before anybody asks. */
#ifndef AIRE_IDEATOR_IDEA_LIST_H
#define AIRE_IDEATOR_IDEA_LIST_H

#include "aire/idea.h"

/* Starts as {.ctx = ctx}. */
typedef struct aire_idea_list {
    aire_ctx *ctx;     /* borrowed */
    aire_idea **ideas; /* references */
    size_t count, capacity;
} aire_idea_list;

/* Append those of a JSON lines file. AIRE_OK, AIRE_NOT_FOUND, AIRE_FORMAT (with the line), AIRE_LIMIT,
 * AIRE_IO, AIRE_NOMEM. */
aire_status aire__idea_list_read(aire_idea_list *list, const char *path);

/* Append references on those of another list. AIRE_OK, AIRE_NOMEM. */
aire_status aire__idea_list_take(aire_idea_list *list, const aire_ideas *ideas);

void aire__idea_list_free(aire_idea_list *list);

#endif
