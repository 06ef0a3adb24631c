/* A text as lines. */
#include "patch/lines.h"

#include <string.h>

#include "base/fail.h"
#include "base/str.h"

static size_t count_lines(const char *text, size_t length)
{
    size_t count = 0;
    for (const char *end = text + length; text < end; count++) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        text = newline ? newline + 1 : end;
    }
    return count;
}

aire_status aire__lines_split(aire_ctx *ctx, const char *text, size_t length, aire_lines *out)
{
    aire_lines lines = {.count = count_lines(text, length)};
    lines.items = aire__calloc(ctx, lines.count ? lines.count : 1, sizeof *lines.items);
    if (!lines.items)
        return aire__fail_nomem();
    for (size_t i = 0; i < lines.count; i++) {
        const char *newline = memchr(text, '\n', length);
        size_t full = newline ? (size_t)(newline - text) + 1 : length;
        size_t bare = newline ? full - 1 : full;
        if (bare > 0 && text[bare - 1] == '\r')
            bare--;
        lines.items[i] = (aire_line){text, bare, full};
        text += full;
        length -= full;
    }
    *out = lines;
    return AIRE_OK;
}

void aire__lines_free(aire_ctx *ctx, aire_lines *lines)
{
    aire_free(ctx, lines->items);
    *lines = (aire_lines){0};
}

bool aire__line_equal(const aire_line *a, const aire_line *b)
{
    return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}

uint64_t aire__line_hash(const aire_line *line)
{
    const uint64_t odd = 0x9e3779b97f4a7c15u;
    uint64_t hash = line->length * odd, word;
    const char *at = line->text;
    size_t left = line->length;
    for (; left >= sizeof word; at += sizeof word, left -= sizeof word) {
        memcpy(&word, at, sizeof word);
        hash = (hash ^ word) * odd;
        hash ^= hash >> 29;
    }
    word = 0;
    if (left)
        memcpy(&word, at, left);
    hash = (hash ^ word) * odd;
    return hash ^ hash >> 32;
}
