/*
 * Candidates: several patches for one idea, asked for at once (arXiv 2601.14525, section 3).
 *
 * Each candidate is a conversation: its patch is given back with the reason when it does not apply.
 * When the first one applies, the requests of the others are cancelled. Where fewer may be asked at
 * once, the next one begins when one before it has come to nothing, revisions included. Which one
 * goes on: of those whose answer had come by then, that with the fewest revisions, and among these
 * the lowest number; so where answers are replayed, and come at once, the same one goes on whatever
 * the clock says.
 *
 * Every answer is a draft in the store before it is used, and is not asked for again: a run that is
 * taken up begins with what is there. All requests are under way on the thread of the network; one
 * thread waits for all.
 */
#ifndef AIRE_EXECUTOR_CANDIDATES_H
#define AIRE_EXECUTOR_CANDIDATES_H

#include "executor/conversation.h"
#include "executor/drafts.h"

/* What came of asking. Free with aire__writing_free. */
typedef struct aire_writing {
    aire_trial trial;         /* of the one that goes on; refusal: why none does */
    aire_talk talk;           /* with it, without its answer */
    char *answer;             /* its answer; NULL if none does */
    int32_t candidate, round; /* its place */
    int32_t draft;            /* its number; 0: it is not kept */
} aire_writing;

/*
 * Ask for patches with a text, the first of every conversation; `sent` is what of it is sent back.
 * AIRE_OK, AIRE_CANCELLED, AIRE_NOMEM, AIRE_LIMIT (none applies, and the budget does not allow for
 * another answer); other statuses are the store's failures.
 */
aire_status aire__candidates_ask(aire_try *t, const aire_drafts *known, const char *text,
                                 const char *sent, aire_writing *out);

void aire__writing_free(aire_ctx *ctx, aire_writing *writing);

#endif
