/* The idea that a setting is: in words, as lines that can be read back, and as a patch. */
#ifndef AIRE_IDEATOR_KNOB_IDEA_H
#define AIRE_IDEATOR_KNOB_IDEA_H

#include "aire/idea.h"
#include "ideator/knob_edit.h"

typedef struct aire_knob_idea {
    aire_plan *plan;
    int32_t ordinal;
    const aire_turn *turns;
    const char *origin;
    const char *how;    /* becomes the reasoning */
    const char *why;    /* the author's own words; NULL for none */
    int64_t parents[2]; /* idea ids; 0 for none */
} aire_knob_idea;

/* AIRE_OK, AIRE_NOMEM, AIRE_LIMIT. */
aire_status aire__knob_idea_new(aire_ctx *ctx, const aire_env *env, const aire_knob_idea *given,
                                aire_knob_edits *edits, aire_idea **out);

#endif
