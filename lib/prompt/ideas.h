/*
 * Requests for ideas, and the ideas in an answer.
 *
 * The requests are those of the paper (arXiv 2601.14525, section 4): fresh, exploit, explore. An
 * answer holds blocks of the form [Experiment] ... [Code Changes] ... [End].
 */
#ifndef AIRE_PROMPT_IDEAS_H
#define AIRE_PROMPT_IDEAS_H

#include <stdbool.h>

#include "aire/env.h"
#include "aire/result.h"

/*
 * The request that a plan is, in at most `max` bytes; files and ideas that do not fit are counted
 * in it instead of shown. *out is owned by caller, free with aire_free. AIRE_OK, AIRE_NOMEM,
 * AIRE_LIMIT (the manifest's own texts leave no room).
 */
aire_status aire__prompt_ideas(aire_ctx *ctx, const aire_env *env, const aire_plan *plan,
                               size_t max, char **out);

/* What stands in the place of a title where the request shows the form of an answer. */
#define AIRE_PROMPT_TITLE_SLOT "<title in one line>"

typedef struct aire_parsed_idea {
    char *title;   /* one line */
    char *text;    /* never empty */
    char *changes; /* may be "" */
} aire_parsed_idea;

typedef struct aire_parsed_ideas {
    aire_ctx *ctx; /* borrowed */
    aire_parsed_idea *ideas;
    size_t count, capacity;
} aire_parsed_ideas;

/*
 * The first `max` ideas of an answer, however its author decorated the tags; none is no failure.
 * `truncated`: the answer was cut short, so that a last idea that has neither changes nor an end is
 * not taken. AIRE_OK, AIRE_NOMEM.
 */
aire_status aire__prompt_parse_ideas(aire_ctx *ctx, const char *answer, size_t max, bool truncated,
                                     aire_parsed_ideas *out);
void aire__parsed_ideas_free(aire_parsed_ideas *ideas);

#endif
