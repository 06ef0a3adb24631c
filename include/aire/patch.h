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
    X(UNIFIED, 1, "unified") /* unified diff, paths relative to the environment */                 \
    X(ANSWER, 2, "answer")   /* as a model writes it: prose, fences, unified diffs, search/replace \
                                blocks, whole files, "*** Begin Patch"; several in one */

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

/** How a change was placed in its file: X(NAME, value, word). */
#define AIRE_PLACED_MAP(X)                                                                         \
    X(EXACT, 1, "exact")           /* to the letter, where the patch says or where only it fits */ \
    X(MOVED, 2, "moved")           /* to the letter, at another line than the patch says */        \
    X(WHITESPACE, 3, "whitespace") /* white space, quotes or dashes differ */                      \
    X(FUZZY, 4, "fuzzy")           /* some lines around it differ */                               \
    X(PRESENT, 5, "present")       /* the file had it already: nothing was done */                 \
    X(WHOLE, 6, "whole")           /* the whole file is given, made, removed or renamed */

#define AIRE_PLACED_ENUM_(name, value, word) AIRE_PLACED_##name = value,
enum { AIRE_PLACED_MAP(AIRE_PLACED_ENUM_) };
#undef AIRE_PLACED_ENUM_

/** A file that a patch may meet. */
typedef struct aire_patch_file {
    const char *path; /**< relative, without "." and ".." */
    const char *data; /**< not NULL; need not end in NUL */
    size_t length;    /**< of @p data in bytes */
    int32_t editable; /**< not 0: the patch may change it */
} aire_patch_file;

/** How a patch is applied. */
typedef struct aire_patch_apply_options {
    uint32_t struct_size; /**< sizeof(aire_patch_apply_options) */
    uint32_t reserved;    /**< must be 0 */
    /** Globs of names that new files may have, separated by newlines; NULL: a patch makes no files.
     * `*` stops at '/', `**` crosses it. */
    const char *creatable;
} aire_patch_apply_options;

/** Default options. */
#define AIRE_PATCH_APPLY_OPTIONS_INIT                                                              \
    {                                                                                              \
        sizeof(aire_patch_apply_options), 0, NULL                                                  \
    }

/** Set @p options of @p size bytes to the defaults; AIRE_ABI if @p size is unknown. @since 0.1 */
AIRE_API aire_status aire_patch_apply_options_init(aire_patch_apply_options *options, size_t size);

/** What became of a patch. Reference counted; immutable. */
typedef struct aire_patch_applied aire_patch_applied;

/** A file after the patch; its pointers live as long as the aire_patch_applied. */
typedef struct aire_patch_applied_file {
    uint32_t struct_size; /**< sizeof(aire_patch_applied_file) */
    int32_t created;      /**< not 0: it was not there before */
    const char *path;
    const char *data; /**< NULL: the patch removes it; else ends in a NUL that is not counted */
    size_t length;
} aire_patch_applied_file;

/** One hunk, block or whole file of a patch. */
typedef struct aire_patch_applied_hunk {
    uint32_t struct_size; /**< sizeof(aire_patch_applied_hunk) */
    int32_t how;          /**< AIRE_PLACED_* */
    const char *path;
    size_t patch_line; /**< where it begins in the patch, from 1 */
    size_t line;       /**< where it begins in the file as it was, from 1 */
    double confidence; /**< 0 to 1: that this is the place that is meant */
} aire_patch_applied_hunk;

/** Sums over a patch. */
typedef struct aire_patch_statistics {
    uint32_t struct_size;  /**< sizeof(aire_patch_statistics) */
    uint32_t reserved;     /**< 0 */
    size_t files;          /**< that differ */
    size_t hunks;          /**< that were placed, present ones among them */
    size_t added, removed; /**< lines of the canonical diff */
    double confidence;     /**< the lowest of the hunks */
} aire_patch_statistics;

/**
 * Apply a patch to files in memory: whole or not at all. Each change is found by what its lines
 * are; numbers of lines and the order of changes only decide among equal places. What is not clear
 * is refused, which is no failure of the call: aire_patch_applied_message then says which change,
 * what the file has there, and what to send instead. No I/O; from any thread.
 *
 * @param files   borrowed during the call; their names differ
 * @param options nullable
 * @param[out] out owned by caller, release with aire_patch_applied_unref; NULL on failure
 * @return AIRE_OK, AIRE_INVALID, AIRE_ABI, AIRE_LIMIT (a result of more than 64 MiB), AIRE_NOMEM
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_patch_apply(aire_ctx *ctx, const aire_patch *patch,
                                                 const aire_patch_file *files, size_t file_count,
                                                 const aire_patch_apply_options *options,
                                                 aire_patch_applied **out);

/** Take a reference; returns @p applied. @since 0.1 */
AIRE_API aire_patch_applied *aire_patch_applied_ref(aire_patch_applied *applied);
/** Drop a reference; NULL is allowed. @since 0.1 */
AIRE_API void aire_patch_applied_unref(aire_patch_applied *applied);

/** AIRE_OUTCOME_OK, NO_CHANGE, PATCH_FAILED or VIOLATION. @since 0.1 */
AIRE_API int32_t aire_patch_applied_outcome(const aire_patch_applied *applied);
/** AIRE_CAUSE_*. @since 0.1 */
AIRE_API int32_t aire_patch_applied_cause(const aire_patch_applied *applied);
/** Why it was refused, for whoever wrote it; "" if it was not. Borrowed. @since 0.1 */
AIRE_API const char *aire_patch_applied_message(const aire_patch_applied *applied);
/** The change as a canonical minimal unified diff; "" unless OK. Borrowed. @since 0.1 */
AIRE_API const char *aire_patch_applied_diff(const aire_patch_applied *applied);

/** Files that differ; 0 unless OK. @since 0.1 */
AIRE_API size_t aire_patch_applied_file_count(const aire_patch_applied *applied);
/**
 * One of them, in byte order of path.
 * @param out written up to its struct_size
 * @return AIRE_OK, AIRE_INVALID (no such file), AIRE_ABI
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_patch_applied_get_file(const aire_patch_applied *applied,
                                                            size_t index,
                                                            aire_patch_applied_file *out);

/** Hunks, blocks and whole files of the patch; 0 if it was refused. @since 0.1 */
AIRE_API size_t aire_patch_applied_hunk_count(const aire_patch_applied *applied);
/**
 * One of them, by file, and in the order of the patch.
 * @param out written up to its struct_size
 * @return AIRE_OK, AIRE_INVALID (no such hunk), AIRE_ABI
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_patch_applied_get_hunk(const aire_patch_applied *applied,
                                                            size_t index,
                                                            aire_patch_applied_hunk *out);
/**
 * @param out written up to its struct_size
 * @return AIRE_OK, AIRE_ABI
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_patch_applied_statistics(const aire_patch_applied *applied,
                                                              aire_patch_statistics *out);

AIRE_END_DECLS

#endif
