/*
 * Conversations with a model that writes a patch: what was said, what is asked next, and what an
 * answer comes to.
 */
#ifndef AIRE_EXECUTOR_CONVERSATION_H
#define AIRE_EXECUTOR_CONVERSATION_H

#include "executor/job.h"
#include "prompt/implement.h"

/* The last revision is for a patch that a second model refuses. */
enum { AIRE_REVISIONS_MAX = 8, AIRE_TALK_MAX = 2 * (AIRE_REVISIONS_MAX + 1) + 1 };

/* Texts of the user and of the assistant, in turn; the last is the user's. */
typedef struct aire_talk {
    char *texts[AIRE_TALK_MAX];
    size_t count;
} aire_talk;

/* What an answer comes to. Free with aire__trial_free. */
typedef struct aire_trial {
    aire_patched patched; /* if it applies; else only its outcome and cause count */
    char *refusal;        /* from aire_alloc: what the model should know; NULL: it applies */
} aire_trial;

/* Begin with a text, which is copied. */
aire_status aire__talk_begin(aire_ctx *ctx, aire_talk *talk, const char *text);

/* Go on: the answer, and what is sent back. */
aire_status aire__talk_go_on(const aire_workshop *shop, aire_talk *talk, const char *answer,
                             const char *refusal);

void aire__talk_free(aire_ctx *ctx, aire_talk *talk);

/* The request of a talk for a run; `messages` has room for AIRE_TALK_MAX, and is borrowed. The seed
 * is a function of the run's and of the place: repair, candidate, round. */
aire_request aire__talk_request(const aire_try *t, const aire_talk *talk, aire_message *messages,
                                int32_t candidate, int32_t round);

/* Whether a request that failed ends more than itself: it was cancelled by who waits for it (a
 * model may say so by itself, and has failed then), or there is no memory. */
bool aire__talk_is_over(aire_status status, aire_cancel *cancel);

/* What a task of the run's idea is made of. */
aire_prompt_task aire__talk_task(const aire_try *t);

/* Read an answer as a patch, and apply it. A refusal is no failure. AIRE_OK, AIRE_NOMEM. */
aire_status aire__trial_make(const aire_workshop *shop, const char *answer, aire_trial *out);

/* The same of what was kept of it. */
aire_status aire__trial_recall(const aire_workshop *shop, const aire_draft *draft, aire_trial *out);

void aire__trial_free(aire_ctx *ctx, aire_trial *trial);

#endif
