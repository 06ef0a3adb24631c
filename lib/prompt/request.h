/* Requests of all kinds that are made from a plan: what they share. */
#ifndef AIRE_PROMPT_REQUEST_H
#define AIRE_PROMPT_REQUEST_H

#include "prompt/ideas.h"

/* What is particular to a kind of request; everything is borrowed. */
typedef struct aire_prompt_texts {
    const char *what;  /* is asked for: "idea" */
    const char *knobs; /* nullable */
    const char *form;  /* nullable: that with the tags */
    bool shows_code, lists_avoid;
} aire_prompt_texts;

/* Fill a template in, and leave out what does not fit, as aire__prompt_ideas says. */
aire_status aire__prompt_make(aire_ctx *ctx, const aire_prompt_request *request, int32_t which,
                              const aire_prompt_texts *texts, char **out);

#endif
