/**
 * @file patch.h
 * Patches: the code edits that implement an idea, as text in one of a few formats.
 */
#ifndef AIRE_PATCH_H
#define AIRE_PATCH_H

#include "aire/context.h"

AIRE_BEGIN_DECLS

/** A patch. Reference counted; immutable (share freely). */
typedef struct aire_patch aire_patch;

/** Formats of a patch's text: X(NAME, value, word). */
#define AIRE_PATCH_FORMAT_MAP(X)                                                                   \
    X(UNIFIED, 1, "unified") /* unified diff, paths relative to the environment */

#define AIRE_PATCH_FORMAT_ENUM_(name, value, word) AIRE_PATCH_##name = value,
enum { AIRE_PATCH_FORMAT_MAP(AIRE_PATCH_FORMAT_ENUM_) };
#undef AIRE_PATCH_FORMAT_ENUM_

/** Largest patch text, in bytes. */
#define AIRE_PATCH_TEXT_MAX (16u << 20)

/**
 * Make a patch from text. The text is kept as it is; it is parsed when it is applied.
 *
 * @param format AIRE_PATCH_*
 * @param text   copied; need not end in NUL
 * @param length of @p text in bytes, at most AIRE_PATCH_TEXT_MAX
 * @param[out] out owned by caller, release with aire_patch_unref; NULL on failure
 * @return AIRE_OK, AIRE_INVALID (unknown format), AIRE_LIMIT (too long), AIRE_NOMEM
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_patch_new(aire_ctx *ctx, int32_t format, const char *text,
                                               size_t length, aire_patch **out);

/** Take a reference; returns @p patch. @since 0.1 */
AIRE_API aire_patch *aire_patch_ref(aire_patch *patch);
/** Drop a reference; NULL is allowed. @since 0.1 */
AIRE_API void aire_patch_unref(aire_patch *patch);

/** AIRE_PATCH_*. @since 0.1 */
AIRE_API int32_t aire_patch_format(const aire_patch *patch);
/** Text, ending in NUL; borrowed, until the patch is released. @since 0.1 */
AIRE_API const char *aire_patch_text(const aire_patch *patch);
/** Length of the text in bytes, without the final NUL. @since 0.1 */
AIRE_API size_t aire_patch_length(const aire_patch *patch);

AIRE_END_DECLS

#endif
