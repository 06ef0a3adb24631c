/* Files in memory that patches are applied to, and what is expected of them. Needs <cmocka.h>. */
#ifndef TESTS_SUPPORT_PATCH_H
#define TESTS_SUPPORT_PATCH_H

#include <string.h>

#include "patch/patch.h"
#include "support/failing.h"

static failing memory;
static aire_ctx *ctx;

static inline int patch_setup(void **state)
{
    ctx = failing_ctx(&memory, 0);
    return 0;
}

static inline int patch_teardown(void **state)
{
    aire_ctx_unref(ctx);
    return atomic_load(&memory.live) == 0 ? 0 : -1;
}

static inline aire_status apply_as(int32_t format, const char *text, const aire_patch_base *base,
                                   aire_patched *out)
{
    aire_patch *patch;
    aire_status status = aire_patch_new(ctx, format, text, strlen(text), &patch);
    if (status != AIRE_OK)
        return status;
    status = aire__patch_apply(ctx, patch, base, out);
    aire_patch_unref(patch);
    return status;
}

/* The only edit of an answer is of this file, and to this content (NULL: it is removed). */
static inline void expect_content(const char *what, const aire_patched *out, const char *path,
                                  const char *content)
{
    if (out->outcome != AIRE_OUTCOME_OK)
        fail_msg("%s\nrefused: %s", what, out->message);
    if (out->edit_count != 1 || strcmp(out->edits[0].path, path) != 0)
        fail_msg("%s\n%zu edits, the first of %s", what, out->edit_count, out->edits[0].path);
    const char *got = out->edits[0].data;
    if (!got != !content || (got && strcmp(got, content) != 0))
        fail_msg("%s\ngave:\n%s", what, got ? got : "(nothing)");
}

#endif
