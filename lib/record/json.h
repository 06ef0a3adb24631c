/* Records as JSON: what plan, idea and result share. */
#ifndef AIRE_RECORD_JSON_H
#define AIRE_RECORD_JSON_H

#include "aire/patch.h"
#include "base/json.h"
#include "record/words.h"

/* Serialise a value and let go of it; NULL is AIRE_NOMEM. */
aire_status aire__record_json_give(aire_ctx *ctx, json_t *value, char **out);

/* {format, text}, or null for no patch; NULL when there is no memory. */
json_t *aire__patch_to_json(aire_ctx *ctx, aire_patch *patch);

/* The patch in member "patch" of an object; NULL if that is missing or null. */
aire_status aire__patch_from_json(aire_ctx *ctx, const json_t *object, const char *what,
                                  aire_patch **out);

/* As aire__json_get_int, for a number that must fit. */
aire_status aire__record_get_int32(const json_t *object, const char *what, const char *key,
                                   int32_t *out);

/* A member that is a word, as its number. */
aire_status aire__record_get_word(const json_t *object, const char *what, const char *key,
                                  aire_word_fn word_of, int32_t *out);

/* A constructor's refusal of what a document says is the document's fault: AIRE_FORMAT. */
aire_status aire__record_refused(aire_status status, const char *what);

#endif
