/* Likeness of patches. */
#include "patch/likeness.h"

#include <string.h>

#include "base/fail.h"
#include "base/hash_set.h"
#include "base/str.h"

enum { SUBSTANCE_MIN = 8 }; /* characters: a brace or an "else" says nothing */

/* What is visited: the line before a change tells places apart that are changed alike. */
typedef enum change { CHANGE_FILE, CHANGE_AFTER, CHANGE_REMOVED, CHANGE_ADDED } change;

typedef bool (*change_fn)(change kind, const char *text, size_t length, void *data);

static size_t trimmed_length(const char *text, size_t length)
{
    while (length && strchr(" \t\r", text[length - 1]))
        length--;
    return length;
}

/* Whether a line is one of the two that name a file. */
static bool names_file(const char *line, const char *next)
{
    return aire__starts_with(line, "--- ") && aire__starts_with(next, "+++ ");
}

/* Visit what a unified diff changes, in order; false if a visit returned false. */
static bool each_change(const char *diff, change_fn visit, void *data)
{
    const char *before = NULL;
    for (const char *line = diff; *line;) {
        size_t length = strcspn(line, "\n");
        const char *next = line + length + (line[length] == '\n');
        if (names_file(line, next)) {
            size_t name = strcspn(next, "\t\n");
            if (!visit(CHANGE_FILE, next, trimmed_length(next, name), data))
                return false;
            next += strcspn(next, "\n");
            next += *next == '\n';
        } else if (*line == '-' || *line == '+') {
            change kind = *line == '-' ? CHANGE_REMOVED : CHANGE_ADDED;
            if (before &&
                !visit(CHANGE_AFTER, before, trimmed_length(before, strcspn(before, "\n")), data))
                return false;
            before = NULL;
            if (!visit(kind, line + 1, trimmed_length(line + 1, length - 1), data))
                return false;
        } else
            before = *line == ' ' ? line + 1 : NULL;
        line = next;
    }
    return true;
}

static bool hash_change(change kind, const char *text, size_t length, void *data)
{
    const char mark = (char)kind;
    aire__sha256_update(data, &mark, 1);
    aire__sha256_field(data, text, length);
    return true;
}

void aire__patch_change_hash(const aire_patch *patch, char out[AIRE_SHA256_HEX])
{
    aire_sha256 hash;
    aire__sha256_init(&hash);
    each_change(aire_patch_text(patch), hash_change, &hash);
    aire__sha256_hex(&hash, out);
}

typedef struct gathering {
    aire_hash_set removed, added;
    size_t readded;
} gathering;

/* A line without its indentation; false if it says nothing. */
static bool substance(const char **text, size_t *length)
{
    while (*length && strchr(" \t", **text)) {
        ++*text;
        --*length;
    }
    return *length >= SUBSTANCE_MIN;
}

static bool gather(change kind, const char *text, size_t length, void *data)
{
    gathering *g = data;
    if (kind < CHANGE_REMOVED || !substance(&text, &length))
        return true;
    return aire__hash_set_add(kind == CHANGE_REMOVED ? &g->removed : &g->added, text, length);
}

static bool count(change kind, const char *text, size_t length, void *data)
{
    gathering *g = data;
    if (kind == CHANGE_ADDED && substance(&text, &length))
        g->readded += aire__hash_set_has(&g->removed, text, length) &&
                      !aire__hash_set_has(&g->added, text, length);
    return true;
}

aire_status aire__patch_readded(aire_ctx *ctx, const aire_patch *patch, const aire_patch *earlier,
                                size_t *out)
{
    gathering g = {.removed.ctx = ctx, .added.ctx = ctx};
    bool done = each_change(aire_patch_text(earlier), gather, &g);
    aire__hash_set_seal(&g.removed);
    aire__hash_set_seal(&g.added);
    if (done)
        each_change(aire_patch_text(patch), count, &g);
    aire__hash_set_free(&g.removed);
    aire__hash_set_free(&g.added);
    *out = g.readded;
    return done ? AIRE_OK : aire__fail_nomem();
}
