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
#include "prompt/template.h"

/* What a request is made of; everything is borrowed. */
typedef struct aire_prompt_request {
    const aire_env *env;
    const aire_plan *plan;
    const aire_templates *templates; /* nullable: the built-in ones */
    const char *notes;               /* what was learnt so far; nullable */
    size_t max;                      /* bytes */
} aire_prompt_request;

/*
 * The request that a plan is, in at most `max` bytes. Where that is too little, the first of these
 * is left out that is enough: logs of parents; ideas to avoid, the last ones first; parents beyond
 * a third of the request; protected files; editable files; parents. What is left out is said in the
 * request, and told to the log. *out is owned by caller, free with aire_free. AIRE_OK, AIRE_NOMEM,
 * AIRE_LIMIT (the manifest's own texts leave no room).
 */
aire_status aire__prompt_ideas(aire_ctx *ctx, const aire_prompt_request *request, char **out);

/*
 * The request for notes on results, of which `plan` has them as parents; as above, without code.
 */
aire_status aire__prompt_notes(aire_ctx *ctx, const aire_prompt_request *request, char **out);

/* What stands in the place of a title where the request shows the form of an answer. */
#define AIRE_PROMPT_TITLE_SLOT "<title in one line>"

typedef struct aire_parsed_idea {
    char *title;   /* one line */
    char *text;    /* never empty */
    char *changes; /* may be "" */
    int32_t kind;  /* AIRE_IDEA_*; 0: not said */
} aire_parsed_idea;

/* What became of a last idea that the end of an answer cut through. */
typedef enum aire_cut { AIRE_CUT_NONE, AIRE_CUT_KEPT, AIRE_CUT_DROPPED } aire_cut;

typedef struct aire_parsed_ideas {
    aire_ctx *ctx; /* borrowed */
    aire_parsed_idea *ideas;
    size_t count, capacity;
    size_t unread; /* pieces that were meant to be ideas and could not be read, cut ones included */
    size_t surplus;   /* ideas beyond `max`, which were not taken */
    size_t shortened; /* texts that were longer than an idea may be, and lost their ends */
    aire_cut cut;
} aire_parsed_ideas;

/*
 * The first `max` ideas of an answer, however its author decorated the tags, or as JSON, or as a
 * numbered list; thinking that was left in front is passed over. None is no failure. Nothing that
 * was meant to be an idea is lost without being counted.
 *
 * `truncated`: the answer was cut short. A last idea that has not ended then is kept if its changes
 * have begun, and dropped if not; JSON is dropped if its object is not closed. Time is linear in
 * the length of the answer. AIRE_OK, AIRE_NOMEM.
 */
aire_status aire__prompt_parse_ideas(aire_ctx *ctx, const char *answer, size_t max, bool truncated,
                                     aire_parsed_ideas *out);
void aire__parsed_ideas_free(aire_parsed_ideas *ideas);

#endif
