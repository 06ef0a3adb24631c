#include "record/record.h"

#include <string.h>

#include "base/json.h"
#include "base/str.h"

void *aire__record_new(aire_ctx *ctx, size_t size,
                       void (*clear)(aire_record *record, aire_record **dead))
{
    aire_record *record = aire__calloc(ctx, 1, size);
    if (!record)
        return NULL;
    aire__ref_init(&record->refs);
    record->ctx = aire_ctx_ref(ctx);
    record->clear = clear;
    return record;
}

void *aire__record_ref(aire_record *record)
{
    if (record)
        aire__ref_take(&record->refs);
    return record;
}

void aire__record_drop(aire_record *record, aire_record **dead)
{
    if (!record || !aire__ref_drop(&record->refs))
        return;
    record->next = *dead;
    *dead = record;
}

void aire__record_unref(aire_record *record)
{
    aire_record *dead = NULL;

    aire__record_drop(record, &dead);
    while (dead) {
        record = dead;
        dead = record->next;
        record->clear(record, &dead);
        aire_ctx *ctx = record->ctx;
        aire_free(ctx, record);
        aire_ctx_unref(ctx);
    }
}

char *aire__record_text(aire_ctx *ctx, const char *text)
{
    if (!text || aire__utf8_valid(text, strlen(text)))
        return aire__strdup(ctx, text);

    json_t *repaired = aire__json_text(ctx, text);
    if (!repaired)
        return NULL;
    char *copy = aire__strdup(ctx, json_string_value(repaired));
    json_decref(repaired);
    return copy;
}
