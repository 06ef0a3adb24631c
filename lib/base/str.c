/* Strings: copies, UTF-8, paths and globs. */
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

char *aire__strndup(aire_ctx *ctx, const char *text, size_t length)
{
    if (length == SIZE_MAX)
        return NULL;
    char *copy = aire_alloc(ctx, length + 1);
    if (!copy)
        return NULL;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *aire__strdup(aire_ctx *ctx, const char *text)
{
    if (!text)
        text = "";
    return aire__strndup(ctx, text, strlen(text));
}

char *aire__vasprintf(aire_ctx *ctx, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    char *text = length < 0 ? NULL : aire_alloc(ctx, (size_t)length + 1);
    if (text)
        vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

char *aire__asprintf(aire_ctx *ctx, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = aire__vasprintf(ctx, format, args);
    va_end(args);
    return text;
}

void *aire__calloc(aire_ctx *ctx, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    void *data = aire_alloc(ctx, bytes);
    if (data)
        memset(data, 0, bytes);
    return data;
}

void *aire__memdup(aire_ctx *ctx, const void *data, size_t size)
{
    void *copy = aire_alloc(ctx, size);
    if (copy && size)
        memcpy(copy, data, size);
    return copy;
}

bool aire__grow(aire_ctx *ctx, void *array_ptr, size_t *capacity, size_t needed, size_t size)
{
    if (needed <= *capacity)
        return true;
    size_t wanted = *capacity < 8 ? 8 : *capacity * 2;
    if (wanted < needed)
        wanted = needed;
    size_t bytes;
    if (__builtin_mul_overflow(wanted, size, &bytes))
        return false;
    void *array;
    memcpy(&array, array_ptr, sizeof array); /* any pointer type has this representation here */
    array = aire_realloc(ctx, array, bytes);
    if (!array)
        return false;
    memcpy(array_ptr, &array, sizeof array);
    *capacity = wanted;
    return true;
}

bool aire__starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool aire__ends_with(const char *text, const char *suffix)
{
    size_t length = strlen(text), wanted = strlen(suffix);
    return length >= wanted && strcmp(text + length - wanted, suffix) == 0;
}

/* Length of the well-formed UTF-8 sequence at `text` (Unicode 15, table 3-7); 0 if it is none. */
static size_t utf8_sequence(const unsigned char *text, size_t length)
{
    unsigned char first = text[0], low = 0x80, high = 0xbf;
    size_t count = first < 0x80   ? 1
                   : first < 0xc2 ? 0
                   : first < 0xe0 ? 2
                   : first < 0xf0 ? 3
                   : first < 0xf5 ? 4
                                  : 0;
    if (count == 0 || count > length)
        return 0;
    if (first == 0xe0)
        low = 0xa0; /* shorter forms exist */
    else if (first == 0xed)
        high = 0x9f; /* surrogates */
    else if (first == 0xf0)
        low = 0x90;
    else if (first == 0xf4)
        high = 0x8f; /* beyond U+10FFFF */
    for (size_t i = 1; i < count; i++) {
        if (text[i] < low || text[i] > high)
            return 0;
        low = 0x80;
        high = 0xbf;
    }
    return count;
}

bool aire__utf8_valid(const char *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        size_t count = utf8_sequence((const unsigned char *)text + i, length - i);
        if (count == 0)
            return false;
        i += count;
    }
    return true;
}

size_t aire__utf8_cut(const char *text, size_t length, size_t max)
{
    if (length <= max)
        return length;
    while (max > 0 && ((unsigned char)text[max] & 0xc0) == 0x80)
        max--;
    return max;
}

char *aire__path_join(aire_ctx *ctx, const char *directory, const char *name)
{
    const char *separator = *directory == '\0' || aire__ends_with(directory, "/") ? "" : "/";
    return aire__asprintf(ctx, "%s%s%s", directory, separator, name);
}

static bool clean_component(const char *start, size_t length)
{
    return length > 0 && !(length == 1 && start[0] == '.') &&
           !(length == 2 && start[0] == '.' && start[1] == '.');
}

bool aire__path_is_clean(const char *path)
{
    for (;;) {
        size_t length = strcspn(path, "/");
        if (!clean_component(path, length))
            return false;
        if (path[length] == '\0')
            return true;
        path += length + 1;
    }
}

/* Where a "**" may try again: further on by a byte, or, if a slash follows it, at the next
 * component. */
static const char *retry_deep(const char *path, bool whole)
{
    if (!whole)
        return *path ? path + 1 : NULL;
    const char *slash = strchr(path, '/');
    return slash ? slash + 1 : NULL;
}

bool aire__glob_match(const char *pattern, const char *path)
{
    /* A star that fails later is retried further on; the newest star is enough, and an older "**"
     * is kept because only it may cross what the newest single star may not. */
    const char *star = NULL, *star_path = NULL, *deep = NULL, *deep_path = NULL;
    bool whole = false;
    while (*path || *pattern) {
        if (pattern[0] == '*' && pattern[1] == '*') {
            pattern += 2;
            whole = *pattern == '/'; /* "**" and a slash also stand for nothing */
            pattern += whole;
            deep = pattern;
            deep_path = path;
            star = NULL;
        } else if (*pattern == '*') {
            star = ++pattern;
            star_path = path;
        } else if (*path && (*pattern == *path || (*pattern == '?' && *path != '/'))) {
            pattern++;
            path++;
        } else if (star && *star_path && *star_path != '/') {
            pattern = star;
            path = ++star_path;
        } else if (deep && (deep_path = retry_deep(deep_path, whole))) {
            pattern = deep;
            path = deep_path;
            star = NULL;
        } else {
            return false;
        }
    }
    return true;
}
