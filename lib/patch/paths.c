/* Names of files as patches write them. */
#include "patch/paths.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/str.h"

static int compare_source(const void *key, const void *item)
{
    return strcmp(key, ((const aire_patch_source *)item)->path);
}

size_t aire__path_source(const aire_patch_base *base, const char *path)
{
    if (base->source_count == 0)
        return AIRE_NO_SOURCE;
    const aire_patch_source *found =
        bsearch(path, base->sources, base->source_count, sizeof *base->sources, compare_source);
    return found ? (size_t)(found - base->sources) : AIRE_NO_SOURCE;
}

static const char *without_dots(const char *path)
{
    while (aire__starts_with(path, "./"))
        path += 2;
    return path;
}

static const char *without_prefix(const char *path)
{
    return (*path == 'a' || *path == 'b') && path[1] == '/' && path[2] ? without_dots(path + 2)
                                                                       : path;
}

/* Whether `path` ends in "/" and `end`. */
static bool ends_in(const char *path, const char *end)
{
    size_t n = strlen(path), m = strlen(end);
    return n > m && path[n - m - 1] == '/' && strcmp(path + n - m, end) == 0;
}

/* The only source of a likeness to a name; of several, the only one that is editable. */
static size_t find_only(const aire_patch_base *base, const char *name,
                        bool (*alike)(const char *path, const char *name))
{
    size_t all = 0, editable = 0, any = AIRE_NO_SOURCE, free = AIRE_NO_SOURCE;
    for (size_t i = 0; i < base->source_count; i++) {
        if (!alike(base->sources[i].path, name))
            continue;
        all++;
        any = i;
        editable += base->sources[i].editable;
        free = base->sources[i].editable ? i : free;
    }
    return all == 1 ? any : editable == 1 ? free : AIRE_NO_SOURCE;
}

/* The source with the longest name that the written one ends in. */
static size_t find_shorter(const aire_patch_base *base, const char *written)
{
    for (const char *slash = strchr(written, '/'); slash; slash = strchr(slash + 1, '/')) {
        size_t found = aire__path_source(base, slash + 1);
        if (found != AIRE_NO_SOURCE)
            return found;
    }
    return AIRE_NO_SOURCE;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool is_namesake(const char *path, const char *other)
{
    return strcmp(base_name(path), base_name(other)) == 0;
}

static size_t find_source(const aire_patch_base *base, const char *const *variants, size_t count)
{
    size_t found = AIRE_NO_SOURCE;
    for (size_t i = 0; i < count && found == AIRE_NO_SOURCE; i++)
        found = aire__path_source(base, variants[i]);
    return found;
}

aire_status aire__path_resolve(aire_ctx *ctx, const aire_patch_base *base, const char *written,
                               bool prefixed, bool creates, char **out, size_t *source)
{
    const char *plain = without_dots(written), *bare = without_prefix(plain);
    const char *variants[] = {prefixed ? bare : plain, prefixed ? plain : bare,
                              without_prefix(bare)};
    const char *name = prefixed || (bare != plain && !creates) ? bare : plain;
    size_t found = AIRE_NO_SOURCE;
    if (aire__path_is_clean(plain)) {
        bool makes = creates && base->may_create && base->may_create(name, base->user_data);
        found = find_source(base, variants, sizeof variants / sizeof *variants);
        if (found == AIRE_NO_SOURCE && !makes)
            found = find_only(base, bare, ends_in);
        if (found == AIRE_NO_SOURCE && !makes)
            found = find_shorter(base, bare);
        if (found == AIRE_NO_SOURCE && !creates)
            found = find_only(base, bare, is_namesake);
    }
    *source = found;
    *out = aire__strdup(ctx, found == AIRE_NO_SOURCE ? name : base->sources[found].path);
    return *out ? AIRE_OK : aire__fail_nomem();
}

bool aire__path_is_placeholder(const char *path)
{
    static const char *const words[] = {"file",   "filename", "original", "modified", "old", "new",
                                        "before", "after",    "updated",  "source",   "code"};
    if (strstr(path, "path/to/"))
        return true;
    path = without_prefix(path);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t length = strlen(words[i]);
        if (strncmp(path, words[i], length) == 0 && strchr("_.", path[length]) &&
            !strchr(path, '/'))
            return true;
    }
    return false;
}

bool aire__path_is_version(const char *a, const char *b)
{
    static const char *const marks[] = {".orig",     ".old",     ".new",   ".bak",
                                        "_old",      "_new",     "_orig",  "_original",
                                        "_modified", "_updated", "_fixed", "_patched"};
    const char *x = base_name(a), *y = base_name(b);
    if (strcmp(x, y) == 0)
        return true;
    size_t same = 0;
    while (x[same] && x[same] == y[same])
        same++;
    while (same > 0 && strchr("._", x[same - 1]))
        same--; /* the mark begins with its dot */
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        size_t length = strlen(marks[i]);
        if ((!strncmp(x + same, marks[i], length) && !strcmp(x + same + length, y + same)) ||
            (!strncmp(y + same, marks[i], length) && !strcmp(y + same + length, x + same)))
            return true;
    }
    return false;
}
