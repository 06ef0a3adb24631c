/*
 * Reading a manifest: every mistake names the file, the key, what was found and what was expected.
 *
 * A node is a JSON object with the key that leads to it. Members that are missing leave their
 * output as it was, so defaults are set before.
 */
#ifndef AIRE_ENV_READER_H
#define AIRE_ENV_READER_H

#include <stdbool.h>

#include "base/json.h"

#define AIRE_WHERE_MAX 256

typedef struct aire_reader {
    aire_ctx *ctx;
    const char *file;             /* path of the manifest, for messages */
    const char *directory;        /* of the environment, absolute */
    const char *const *variables; /* "NAME=value", ends in NULL */
} aire_reader;

typedef struct aire_node {
    const aire_reader *reader;
    const json_t *json;
    char where[AIRE_WHERE_MAX]; /* "" at the top, "run", "knobs[2].choices[0]" */
} aire_node;

/* AIRE_FORMAT: "FILE: KEY: found X, expected Y". `key` is a member of the node, or NULL for itself.
 */
aire_status aire__node_fail(const aire_node *node, const char *key, const json_t *found,
                            const char *expected, ...) __attribute__((format(printf, 4, 5)));

/* AIRE_FORMAT: "FILE: KEY: <message>". */
aire_status aire__node_complain(const aire_node *node, const char *key, const char *message, ...)
    __attribute__((format(printf, 3, 4)));

/* Refuse members that are not among `known` (ends in NULL), with the nearest known one. */
aire_status aire__node_known(const aire_node *node, const char *const *known);

/* An object that is a member; *present false, and AIRE_OK, if it is missing and not required. */
aire_status aire__node_object(const aire_node *node, const char *key, bool required, aire_node *out,
                              bool *present);

/* An array that is a member, of at most `max` items; *out NULL if it is missing and not required.
 */
aire_status aire__node_array(const aire_node *node, const char *key, bool required, size_t max,
                             const json_t **out);

/* Item `index` of that array, which must be an object. */
aire_status aire__node_item(const aire_node *node, const char *key, const json_t *array,
                            size_t index, aire_node *out);

/* Text, not empty, copied. */
aire_status aire__node_text(const aire_node *node, const char *key, bool required, char **out);

/* Text, or an array of lines that is joined; copied; "" if it is missing. */
aire_status aire__node_lines(const aire_node *node, const char *key, bool required, char **out);

/* An array of texts, copied; ends in NULL, and is never NULL itself. */
aire_status aire__node_texts(const aire_node *node, const char *key, bool required, char ***out);

/* Whether a number is an integer in [min, max]; 60.0 is one. */
bool aire__is_int(const json_t *value, int64_t min, int64_t max, int64_t *out);

/* Numbers in [min, max]. */
aire_status aire__node_int(const aire_node *node, const char *key, int64_t min, int64_t max,
                           int64_t *out);
aire_status aire__node_number(const aire_node *node, const char *key, double *out);
aire_status aire__node_bool(const aire_node *node, const char *key, bool *out);

/* One of the words of a table; *out is its value. */
typedef struct aire_word {
    const char *word;
    int value;
} aire_word;
aire_status aire__node_word(const aire_node *node, const char *key, bool required,
                            const aire_word *words, int *out);

/*
 * Replace ${NAME} in a text of the manifest; *out is from aire_alloc. A name without a value is
 * AIRE_FORMAT, or stays as it is if `shell`: then it is the shell's.
 */
aire_status aire__node_expand(const aire_node *node, const char *key, const char *text, bool shell,
                              char **out);

/* Whether a text can be the name of an environment variable. */
bool aire__is_variable_name(const char *text);

/* Free an array of texts. */
void aire__texts_free(aire_ctx *ctx, char **texts);

#endif
