/* What an idea is compared by. */
#include "ideator/fingerprint.h"

#include "base/fail.h"
#include "patch/likeness.h"
#include "stats/tokens.h"

static bool hash_word(const char *word, size_t length, void *data)
{
    aire__sha256_field(data, word, length);
    return true;
}

aire_status aire__fingerprint_take(aire_ctx *ctx, aire_idea *idea, aire_fingerprint *out)
{
    aire_sha256 hash;
    *out = (aire_fingerprint){.idea = aire_idea_ref(idea), .tokens.ctx = ctx};
    aire__sha256_init(&hash);
    aire__each_word(aire_idea_text(idea), hash_word, &hash);
    aire__each_word(aire_idea_changes(idea), hash_word, &hash);
    aire__sha256_hex(&hash, out->text);
    if (aire_idea_patch(idea))
        aire__patch_change_hash(aire_idea_patch(idea), out->patch);
    if (!aire__token_set_add(&out->tokens, aire_idea_text(idea)) ||
        !aire__token_set_add(&out->tokens, aire_idea_changes(idea))) {
        aire__fingerprint_free(out);
        return aire__fail_nomem();
    }
    aire__hash_set_seal(&out->tokens);
    return AIRE_OK;
}

void aire__fingerprint_free(aire_fingerprint *print)
{
    aire_idea_unref(print->idea);
    aire__hash_set_free(&print->tokens);
    print->idea = NULL;
}
