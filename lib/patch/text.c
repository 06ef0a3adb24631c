/* A file that a patch meets. */
#include "patch/text.h"

#include "base/fail.h"
#include "base/str.h"

struct aire_text_slot {
    uint64_t key;
    uint32_t first, last, count; /* from 1 */
    bool used, fresh;            /* fresh: its lines are not yet in the index */
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

static struct aire_text_slot *find_slot(const aire_text *text, uint64_t key)
{
    size_t at = (size_t)(key ^ key >> 32) & text->mask;
    while (text->slots[at].used && text->slots[at].key != key)
        at = (at + 1) & text->mask;
    return &text->slots[at];
}

/* Room for some more keys. */
static bool reserve(aire_text *text, size_t count)
{
    size_t size = 16, old_size = text->slots ? text->mask + 1 : 0;
    struct aire_text_slot *old = text->slots;
    while (size < 2 * (text->used + count))
        size *= 2;
    if (size <= old_size)
        return true;
    struct aire_text_slot *slots = aire__calloc(text->ctx, size, sizeof *slots);
    if (!slots)
        return false;
    text->slots = slots;
    text->mask = size - 1;
    for (size_t i = 0; i < old_size; i++)
        if (old[i].used)
            *find_slot(text, old[i].key) = old[i];
    aire_free(text->ctx, old);
    return true;
}

static bool make_keys(aire_text *text)
{
    size_t count = text->lines.count;
    uint64_t *keys = aire__calloc(text->ctx, count + 1, sizeof *keys);
    uint32_t *next = aire__calloc(text->ctx, count + 1, sizeof *next);
    if (!keys || !next) {
        aire_free(text->ctx, keys);
        aire_free(text->ctx, next);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        keys[i] = aire__fold_key(&text->lines.items[i]);
    text->keys = keys;
    text->next = next;
    return true;
}

static void add_lines(aire_text *text)
{
    for (size_t i = 0; i < text->lines.count; i++) {
        struct aire_text_slot *slot = find_slot(text, text->keys[i]);
        if (!slot->fresh)
            continue;
        if (slot->count++)
            text->next[slot->last - 1] = (uint32_t)i + 1;
        else
            slot->first = (uint32_t)i + 1;
        slot->last = (uint32_t)i + 1;
    }
    for (size_t i = 0; i <= text->mask; i++)
        text->slots[i].fresh = false;
}

aire_status aire__text_index(aire_text *text, const uint64_t *keys, size_t count)
{
    size_t before = text->used;
    if ((!text->keys && !make_keys(text)) || !reserve(text, count))
        return aire__fail_nomem();
    for (size_t i = 0; i < count; i++) {
        struct aire_text_slot *slot = find_slot(text, keys[i]);
        if (slot->used)
            continue;
        *slot = (struct aire_text_slot){.key = keys[i], .used = true, .fresh = true};
        text->used++;
    }
    if (text->used > before)
        add_lines(text);
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
