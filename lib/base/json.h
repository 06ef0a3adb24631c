/* JSON on jansson: text in and out of the context's allocator, with messages that say where. */
#ifndef AIRE_BASE_JSON_H
#define AIRE_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "aire/context.h"

/* Serialise, compact and with members in order of insertion. *out is owned by caller, from
 * aire_alloc. */
aire_status aire__json_dump(aire_ctx *ctx, const json_t *value, char **out);

/* The same for people: indented. */
aire_status aire__json_dump_lines(aire_ctx *ctx, const json_t *value, char **out);

/* Parse; a mistake is AIRE_FORMAT "<what>: line L, column C: ...". Depth and duplicates are
 * checked. */
aire_status aire__json_load(const char *text, size_t length, const char *what, json_t **out);

/* Set a member, taking `value` over; a NULL value or a failure is AIRE_NOMEM. */
aire_status aire__json_set(json_t *object, const char *key, json_t *value);

/* A string member that may hold bytes that are not UTF-8: those become U+FFFD. NULL when no memory.
 */
json_t *aire__json_text(aire_ctx *ctx, const char *text);

/* Read members of an object: a missing one leaves *out as it is; a wrong type is AIRE_FORMAT and
 * names `what` and the key. Strings are borrowed from the object. */
aire_status aire__json_get_string(const json_t *object, const char *what, const char *key,
                                  const char **out);
aire_status aire__json_get_int(const json_t *object, const char *what, const char *key,
                               int64_t *out);
aire_status aire__json_get_number(const json_t *object, const char *what, const char *key,
                                  double *out);

#endif
