/* The patch in a model's answer: reading it is the business of the patch room. */
#include <string.h>

#include "base/fail.h"
#include "base/str.h"
#include "patch/patch.h"
#include "prompt/implement.h"
#include "prompt/thinking.h"

aire_status aire__prompt_parse_patch(aire_ctx *ctx, const char *answer, aire_patch **out)
{
    *out = NULL;
    if (strlen(answer) > AIRE_PATCH_TEXT_MAX)
        return aire__fail(AIRE_LIMIT, "the answer is longer than a patch may be: %u bytes",
                          AIRE_PATCH_TEXT_MAX);
    char *text = aire__strdup(ctx, answer);
    if (!text)
        return aire__fail_nomem();
    const char *said = aire__after_thinking(text);
    aire_status status = aire__patch_look(ctx, said, strlen(said));
    if (status == AIRE_OK)
        status = aire_patch_new(ctx, AIRE_PATCH_ANSWER, said, strlen(said), out);
    aire_free(ctx, text);
    return status;
}
