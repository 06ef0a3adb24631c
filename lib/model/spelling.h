/* Spellings of models: what "anthropic:MODEL" and the like name. Pure: no I/O. */
#ifndef AIRE_MODEL_SPELLING_H
#define AIRE_MODEL_SPELLING_H

#include "model/provider.h"

typedef struct aire_spelling {
    aire_ctx *ctx;                 /* borrowed */
    const aire_provider *provider; /* NULL for a replay */
    char *model;                   /* of a replay: the file */
    char *base; /* URL that requests begin with, without a slash at the end; NULL for a replay */
} aire_spelling;

/* AIRE_OK, AIRE_INVALID (says which spellings there are), AIRE_NOMEM. Release with
 * aire__spelling_free. */
aire_status aire__spelling_parse(aire_ctx *ctx, const char *spec, aire_spelling *out);
void aire__spelling_free(aire_spelling *spelling);

/* The host's name in a URL, cut to `size` bytes with its NUL. */
void aire__url_host(const char *url, char *host, size_t size);

#endif
