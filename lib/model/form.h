/*
 * Forms: what the providers' requests have in common.
 *
 * A form remembers its first failure: what is set after it is dropped, and aire__form_dump tells it
 * at the end, so that providers check once. Values are taken over; a NULL one is want of memory.
 */
#ifndef AIRE_MODEL_FORM_H
#define AIRE_MODEL_FORM_H

#include "model/provider.h"

typedef struct aire_form {
    aire_ctx *ctx;        /* borrowed */
    const char *provider; /* for messages */
    const aire_request *request;
    json_t *root;
    aire_status status;
} aire_form;

void aire__form_init(aire_form *f, aire_ctx *ctx, const char *provider,
                     const aire_request *request);

/* Set a member. NULL as `object` is one that could not be made. */
void aire__form_set(aire_form *f, json_t *object, const char *key, json_t *value);
void aire__form_text(aire_form *f, json_t *object, const char *key, const char *text);

/* A new member that is filled afterwards; borrowed. NULL on failure. */
json_t *aire__form_object(aire_form *f, json_t *object, const char *key);
json_t *aire__form_array(aire_form *f, json_t *object, const char *key);

/* Append to an array. */
void aire__form_append(aire_form *f, json_t *array, json_t *value);

/* A new object at the end of an array; borrowed. NULL on failure. */
json_t *aire__form_item(aire_form *f, json_t *array);

/* The texts of all system messages, with empty lines between; NULL if there are none, or on
 * failure. */
json_t *aire__form_system(aire_form *f);

/* The messages that are no system's, as items of an array: `fill` sets an item's content. The role
 * of the assistant is called `assistant`. AIRE_UNSUPPORTED if there are none. */
void aire__form_turns(aire_form *f, json_t *array, const char *assistant,
                      void (*fill)(aire_form *f, json_t *item, const char *text));
/* For `fill`: the text as the member "content". */
void aire__form_content(aire_form *f, json_t *item, const char *text);

/* Members that are absent where the request leaves them to the provider. */
void aire__form_temperature(aire_form *f, json_t *object, const char *key);
void aire__form_top_p(aire_form *f, json_t *object, const char *key);
void aire__form_stop(aire_form *f, json_t *object, const char *key);
void aire__form_seed(aire_form *f, json_t *object,
                     const char *key); /* 31 bits, for all take them */
void aire__form_max_tokens(aire_form *f, json_t *object, const char *key);

/* The request's schema, parsed; NULL on failure. */
json_t *aire__form_schema(aire_form *f);

/* AIRE_UNSUPPORTED: "<provider>: ...". */
void aire__form_refuse(aire_form *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The rules of Claude models for thinking (`budget` tokens, 0: as much as it likes): neither
 * temperature nor a low top_p, and room for an answer after it. */
void aire__form_check_thinking(aire_form *f, int32_t budget);

/* The tokens of an answer of Claude: as asked for, else a default, the budget added. */
int32_t aire__form_claude_tokens(const aire_request *request);

/* Serialise, and free the form. */
aire_status aire__form_dump(aire_form *f, char **out);

/* A copy of text in which all but letters, digits and "-._~" is percent-encoded; NULL when there is
 * no memory. */
char *aire__form_escape(aire_ctx *ctx, const char *text);

/* "BASE/PATH", with one slash between. AIRE_NOMEM. */
aire_status aire__form_url(aire_ctx *ctx, const char *base, const char *path, char **out);

#endif
