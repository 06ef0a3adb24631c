/*
 * What little of YAML the configuration of another system needs: texts and lists of texts, at the
 * top level or one level below it. Anchors, tags, flow mappings and several documents are not read:
 * a value that uses them is a mistake that names the line; other values do not matter.
 */
#ifndef AIRE_ENV_YAML_H
#define AIRE_ENV_YAML_H

#include "aire/context.h"

typedef struct aire_yaml {
    aire_ctx *ctx;
    const char *what; /* path of the file, for messages */
    const char *text; /* ends in NUL */
} aire_yaml;

/* The text at `section`.`key` (section NULL: the top level): plain, quoted or a block. *out is from
 * aire_alloc; NULL if the key is missing or null. AIRE_OK, AIRE_FORMAT, AIRE_NOMEM. */
aire_status aire__yaml_text(const aire_yaml *yaml, const char *section, const char *key,
                            char **out);

/* The texts of a list, in brackets or by dashes; ends in NULL, free with aire__texts_free. *out is
 * NULL if the key is missing or null. */
aire_status aire__yaml_list(const aire_yaml *yaml, const char *section, const char *key,
                            char ***out);

#endif
