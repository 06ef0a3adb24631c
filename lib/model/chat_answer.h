/* What a chat endpoint sends back. */
#ifndef AIRE_MODEL_CHAT_ANSWER_H
#define AIRE_MODEL_CHAT_ANSWER_H

#include "aire/model.h"

/*
 * Read the JSON of a successful chat completion. Members that are not known are ignored, a required
 * one that is missing is AIRE_PROTOCOL and named; `url` is for messages. The key is starred out of
 * messages, and out of the answer if it is long enough to be no ordinary word.
 */
aire_status aire__chat_answer_parse(aire_ctx *ctx, const char *body, size_t length, const char *url,
                                    const char *api_key, aire_answer **out);

/* What an error's body says: one line of a few hundred bytes, "" for nothing; without the key. */
aire_status aire__chat_error_text(aire_ctx *ctx, const char *body, size_t length,
                                  const char *api_key, char **out);

#endif
