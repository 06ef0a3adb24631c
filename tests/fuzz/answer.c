/* Answers of language models: the ideas in them, and the patch in them. */
#include <string.h>

#include "aire/error.h"
#include "fuzz/fuzz.h"
#include "patch/change_kind.h"
#include "prompt/ideas.h"
#include "prompt/implement.h"

enum { IDEAS_MAX = 5 };

static void check_ideas(const aire_parsed_ideas *parsed)
{
    FUZZ_NEED(parsed->count <= IDEAS_MAX);
    for (size_t i = 0; i < parsed->count; i++) {
        const aire_parsed_idea *idea = &parsed->ideas[i];
        FUZZ_NEED(idea->title && !strchr(idea->title, '\n') && *idea->text && idea->changes);
    }
}

static void read_answer(const uint8_t *data, size_t size, bool starved)
{
    char *answer = malloc(size + 1); /* an answer ends in NUL, and so ends at the first one */
    FUZZ_NEED(answer);
    memcpy(answer, data, size);
    answer[size] = '\0';
    aire_parsed_ideas ideas;
    aire_status status =
        aire__prompt_parse_ideas(fuzz_ctx, answer, IDEAS_MAX, size % 2 == 0, &ideas);
    FUZZ_NEED(status == AIRE_OK || (starved && status == AIRE_NOMEM));
    if (status == AIRE_OK) {
        check_ideas(&ideas);
        aire__parsed_ideas_free(&ideas);
    }
    aire_patch *patch = NULL;
    status = aire__prompt_parse_patch(fuzz_ctx, answer, &patch);
    FUZZ_NEED(status == AIRE_OK ? patch && aire_patch_length(patch) > 0 : !patch);
    FUZZ_NEED(status == AIRE_OK || status == AIRE_EMPTY || (starved && status == AIRE_NOMEM));
    aire_patch_unref(patch);
    bool yes;
    char *reason = NULL;
    status = aire__prompt_parse_verdict(fuzz_ctx, answer, &yes, &reason);
    FUZZ_NEED(status == AIRE_OK ? reason != NULL : !reason);
    FUZZ_NEED(status == AIRE_OK || status == AIRE_EMPTY || (starved && status == AIRE_NOMEM));
    aire_free(fuzz_ctx, reason);
    int32_t kind = aire__patch_change_kind((const char *)data, size);
    FUZZ_NEED(kind >= 0 && kind <= AIRE_IDEA_ALGORITHMIC);
    free(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_begins();
    fuzz_twice(data, size, read_answer);
    return 0;
}
