/* Ideas and results as JSON: what can be read is written as it was read. */
#include <string.h>

#include "aire/error.h"
#include "aire/result.h"
#include "fuzz/fuzz.h"

static bool may_fail(aire_status status, bool starved)
{
    FUZZ_NEED(status == AIRE_OK || *aire_error_message(aire_last_error()));
    return status == AIRE_FORMAT || (starved && status == AIRE_NOMEM);
}

static void read_idea(const char *text, size_t length, bool starved)
{
    aire_idea *idea, *again = NULL;
    char *json = NULL, *second = NULL;
    aire_status status = aire_idea_from_json(fuzz_ctx, text, length, &idea);
    if (status != AIRE_OK) {
        FUZZ_NEED(!idea && may_fail(status, starved));
        return;
    }
    FUZZ_NEED(*aire_idea_text(idea) && !strpbrk(aire_idea_title(idea), "\r\n"));
    status = aire_idea_to_json(idea, &json);
    if (status == AIRE_OK)
        status = aire_idea_from_json(fuzz_ctx, json, strlen(json), &again);
    if (status == AIRE_OK)
        status = aire_idea_to_json(again, &second);
    FUZZ_NEED(status == AIRE_OK ? strcmp(json, second) == 0 : starved && status == AIRE_NOMEM);
    aire_free(fuzz_ctx, second);
    aire_free(fuzz_ctx, json);
    aire_idea_unref(again);
    aire_idea_unref(idea);
}

static void read_result(const char *text, size_t length, bool starved)
{
    aire_result *result, *again = NULL;
    char *json = NULL, *second = NULL;
    aire_status status = aire_result_from_json(fuzz_ctx, text, length, NULL, &result);
    if (status != AIRE_OK) {
        FUZZ_NEED(!result && may_fail(status, starved));
        return;
    }
    FUZZ_NEED(aire_outcome_name(aire_result_outcome(result))[0] != '?');
    status = aire_result_to_json(result, &json);
    if (status == AIRE_OK)
        status = aire_result_from_json(fuzz_ctx, json, strlen(json), NULL, &again);
    if (status == AIRE_OK)
        status = aire_result_to_json(again, &second);
    FUZZ_NEED(status == AIRE_OK ? strcmp(json, second) == 0 : starved && status == AIRE_NOMEM);
    aire_free(fuzz_ctx, second);
    aire_free(fuzz_ctx, json);
    aire_result_unref(again);
    aire_result_unref(result);
}

static void read_both(const uint8_t *data, size_t size, bool starved)
{
    read_idea((const char *)data, size, starved);
    read_result((const char *)data, size, starved);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_begins();
    fuzz_twice(data, size, read_both);
    return 0;
}
