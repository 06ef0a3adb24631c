/* A file that a patch meets. */
#include "patch/text.h"

#include "base/fail.h"
#include "base/str.h"

enum { AHEAD = 12 };

struct aire_text_slot {
    uint32_t first, count; /* first: from 1; its key is the slot's */
};

aire_status aire__text_open(aire_ctx *ctx, const char *data, size_t length, aire_text *out)
{
    *out = (aire_text){.ctx = ctx};
    aire_status status = aire__lines_split(ctx, data, length, &out->lines);
    if (status == AIRE_OK && out->lines.count >= UINT32_MAX) {
        aire__lines_free(ctx, &out->lines);
        status = aire__fail(AIRE_LIMIT, "patch: a file has %zu lines", out->lines.count);
    }
    return status;
}

static size_t slot_of(const aire_text *text, uint64_t key)
{
    return (size_t)(key ^ key >> 32) & text->mask;
}

static struct aire_text_slot *find_slot(const aire_text *text, uint64_t key)
{
    size_t at = slot_of(text, key);
    while (text->slots[at].count && text->keys[text->slots[at].first - 1] != key)
        at = (at + 1) & text->mask;
    return &text->slots[at];
}

aire_status aire__text_index(aire_text *text)
{
    size_t count = text->lines.count, size = 16;
    if (text->keys)
        return AIRE_OK;
    while (size < 2 * count)
        size *= 2;
    uint64_t *keys = aire__calloc(text->ctx, count + 1, sizeof *keys);
    text->next = aire__calloc(text->ctx, count + 1, sizeof *text->next);
    text->slots = aire__calloc(text->ctx, size, sizeof *text->slots);
    text->mask = size - 1;
    if (!keys || !text->next || !text->slots) {
        aire_free(text->ctx, keys);
        aire_free(text->ctx, text->next);
        aire_free(text->ctx, text->slots);
        text->next = NULL;
        text->slots = NULL;
        return aire__fail_nomem();
    }
    text->keys = keys;
    for (size_t i = 0; i < count; i++)
        keys[i] = aire__fold_key(&text->lines.items[i]);
    for (size_t i = count; i-- > 0;) { /* backwards, so that each list is in order */
        if (i >= AHEAD)                /* of a large file the table is in no cache */
            __builtin_prefetch(&text->slots[slot_of(text, keys[i - AHEAD])], 1);
        struct aire_text_slot *slot = find_slot(text, keys[i]);
        text->next[i] = slot->first;
        *slot = (struct aire_text_slot){(uint32_t)i + 1, slot->count + 1};
    }
    return AIRE_OK;
}

size_t aire__text_find(const aire_text *text, uint64_t key, size_t *first)
{
    const struct aire_text_slot *slot = find_slot(text, key);
    *first = slot->count ? slot->first - 1 : SIZE_MAX;
    return slot->count;
}

size_t aire__text_next(const aire_text *text, size_t line)
{
    return text->next[line] ? text->next[line] - 1 : SIZE_MAX;
}

bool aire__text_spend(aire_text *text, size_t effort)
{
    text->effort += effort;
    return text->effort <= AIRE_TEXT_EFFORT_MAX;
}

void aire__text_free(aire_text *text)
{
    aire__lines_free(text->ctx, &text->lines);
    aire_free(text->ctx, text->keys);
    aire_free(text->ctx, text->next);
    aire_free(text->ctx, text->slots);
    *text = (aire_text){.ctx = text->ctx};
}
