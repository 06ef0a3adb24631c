/* How long a request may be. */
#include "ideator/context_room.h"

#include "base/fail.h"
#include "prompt/context.h"
#include "prompt/tokens.h"

aire_status aire__context_room(aire_ctx *ctx, const aire_model *model, const char *what,
                               int64_t context_tokens, int32_t answer_tokens, size_t *out)
{
    const char *name = aire_model_name(model);
    *out = AIRE_PROMPT_MAX;
    if (context_tokens == 0)
        return AIRE_OK;
    if (context_tokens <= answer_tokens)
        return aire__fail(AIRE_INVALID,
                          "%s: context_tokens is %lld, but an answer alone may have %d; raise it, "
                          "or lower max_tokens",
                          what, (long long)context_tokens, (int)answer_tokens);
    *out = aire__bytes_of(name, context_tokens - answer_tokens);
    aire__logf(ctx, AIRE_LOG_DEBUG, "ideator",
               "%s: requests of up to %zu bytes, at an estimated %.1f bytes a token", name, *out,
               aire__bytes_per_token(name));
    return AIRE_OK;
}
