/* Strings: copies from the context's allocator, UTF-8, paths and globs. */
#ifndef AIRE_BASE_STR_H
#define AIRE_BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>

#include "aire/context.h"

/* NULL when there is no memory. `aire__strdup(ctx, NULL)` copies "". */
char *aire__strdup(aire_ctx *ctx, const char *text);
char *aire__strndup(aire_ctx *ctx, const char *text, size_t length);
char *aire__asprintf(aire_ctx *ctx, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *aire__vasprintf(aire_ctx *ctx, const char *format, va_list args);
void *aire__calloc(aire_ctx *ctx, size_t count, size_t size); /* zeroed; checks the product */
void *aire__memdup(aire_ctx *ctx, const void *data, size_t size);

/* Grow an array to hold `needed` elements of `size` bytes, doubling; false when there is no memory.
 */
bool aire__grow(aire_ctx *ctx, void *array_ptr, size_t *capacity, size_t needed, size_t size);

bool aire__starts_with(const char *text, const char *prefix);
bool aire__ends_with(const char *text, const char *suffix);
bool aire__utf8_valid(const char *text, size_t length);

/* Length of the longest prefix of at most `max` bytes that ends at a character's boundary. */
size_t aire__utf8_cut(const char *text, size_t length, size_t max);

/* "a/b" from "a" and "b"; NULL when there is no memory. */
char *aire__path_join(aire_ctx *ctx, const char *directory, const char *name);

/* Whether a relative path stays inside: not empty, not absolute, no ".." or "." component, no "//".
 */
bool aire__path_is_clean(const char *path);

/* Shell-like glob on relative paths: ? and * stop at '/', ** crosses it. */
bool aire__glob_match(const char *pattern, const char *path);

#endif
