/* aire-evolve: the notes that the model writes on what was tried, kept in the store. */
#include <stdlib.h>
#include <string.h>

#include "evolve.h"

/* "COUNT\nTEXT": what they say, and how many results of ideas it was written on. */
#define NAME "aire-evolve notes"

static aire_status keep(const notes *n, const char *text)
{
    char *both = NULL;
    size_t length = 0;
    FILE *to = open_memstream(&both, &length);
    if (!to)
        return AIRE_NOMEM;
    fprintf(to, "%lld\n%s", (long long)n->told, text);
    aire_status status = fclose(to) == 0 ? aire_store_set_note(n->store, NAME, both) : AIRE_NOMEM;
    free(both);
    return status;
}

/* The text in what was kept; `count`: the results that it was written on. */
static const char *split(const char *both, int64_t *count)
{
    char *text = NULL;
    *count = strtoll(both, &text, 10);
    return *text == '\n' ? text + 1 : text;
}

void notes_tell(notes *n, aire_result *result, aire_cancel *cancel)
{
    char *text = NULL;
    if (!n->ideator || aire_result_kind(result) != AIRE_RUN_IDEA)
        return;
    n->told++;
    aire_status status = aire_ideator_chat_tell(n->ideator, result, cancel, &text);
    if (status == AIRE_OK && text)
        status = keep(n, text);
    if (status == AIRE_OK && text)
        progress_line(n->progress, "notes on %lld results", (long long)n->told);
    if (status != AIRE_OK && status != AIRE_CANCELLED)
        progress_line(n->progress, "no new notes: %s", aire_error_message(aire_last_error()));
    aire_free(n->ctx, text);
}

/* Results come as they finish, and are told again in the order of their runs: at the seam a result
 * may be told twice, another not. Notes can bear that. */
static aire_status tell_rest(notes *n, aire_cancel *cancel)
{
    aire_store_query query = AIRE_STORE_QUERY_INIT;
    aire_results *results = NULL;
    query.kind = AIRE_RUN_IDEA;
    query.offset = n->told;
    aire_status status = aire_store_results(n->store, &query, &results);
    for (size_t i = 0; i < aire_results_count(results); i++)
        notes_tell(n, aire_results_get(results, i), cancel);
    aire_results_unref(results);
    return status;
}

aire_status notes_recall(notes *n, aire_cancel *cancel)
{
    char *both = NULL;
    if (!n->ideator)
        return AIRE_OK;
    aire_status status = aire_store_get_note(n->store, NAME, &both);
    if (status == AIRE_OK)
        status = aire_ideator_chat_set_notes(n->ideator, split(both, &n->told));
    else if (status == AIRE_NOT_FOUND)
        status = AIRE_OK;
    aire_free(n->ctx, both);
    return status == AIRE_OK ? tell_rest(n, cancel) : status;
}

aire_status notes_read(aire_ctx *ctx, aire_store *store, char **text)
{
    int64_t count;
    char *both = NULL;
    *text = NULL;
    aire_status status = aire_store_get_note(store, NAME, &both);
    if (status == AIRE_NOT_FOUND)
        return AIRE_OK;
    if (status == AIRE_OK) {
        *text = strdup(split(both, &count));
        status = *text ? AIRE_OK : AIRE_NOMEM;
    }
    aire_free(ctx, both);
    return status;
}
