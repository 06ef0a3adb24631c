/* The patch in a model's answer: reading it is the business of the patch room. */
#include <string.h>

#include "base/fail.h"
#include "patch/patch.h"
#include "prompt/implement.h"

aire_status aire__prompt_parse_patch(aire_ctx *ctx, const char *answer, aire_patch **out)
{
    *out = NULL;
    if (strlen(answer) > AIRE_PATCH_TEXT_MAX)
        return aire__fail(AIRE_LIMIT, "the answer is longer than a patch may be: %u bytes",
                          AIRE_PATCH_TEXT_MAX);
    size_t length = strlen(answer);
    aire_status status = aire__patch_look(ctx, answer, length);
    if (status == AIRE_OK)
        status = aire_patch_new(ctx, AIRE_PATCH_ANSWER, answer, length, out);
    return status;
}
