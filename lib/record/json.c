#include "record/json.h"

#include <inttypes.h>
#include <string.h>

#include "base/fail.h"

aire_status aire__record_json_give(aire_ctx *ctx, json_t *value, char **out)
{
    if (!value)
        return aire__fail_nomem();
    aire_status status = aire__json_dump(ctx, value, out);
    json_decref(value);
    return status;
}

aire_status aire__record_get_int32(const json_t *object, const char *what, const char *key,
                                   int32_t *out)
{
    int64_t value = *out;
    aire_status status = aire__json_get_int(object, what, key, &value);
    if (status != AIRE_OK)
        return status;
    if (value < INT32_MIN || value > INT32_MAX)
        return aire__fail(AIRE_FORMAT, "%s: \"%s\" is out of range: %" PRId64, what, key, value);
    *out = (int32_t)value;
    return AIRE_OK;
}

aire_status aire__record_get_word(const json_t *object, const char *what, const char *key,
                                  aire_word_fn word_of, int32_t *out)
{
    const char *text = NULL;
    aire_status status = aire__json_get_string(object, what, key, &text);
    if (status != AIRE_OK || !text)
        return status;
    for (int32_t value = 0; value <= AIRE_WORD_VALUE_MAX; value++) {
        if (aire__has_word(word_of, value) && strcmp(word_of(value), text) == 0) {
            *out = value;
            return AIRE_OK;
        }
    }
    return aire__fail(AIRE_FORMAT, "%s: \"%s\" has an unknown value: \"%.64s\"", what, key, text);
}

aire_status aire__record_refused(aire_status status, const char *what)
{
    if (status == AIRE_INVALID || status == AIRE_LIMIT)
        return aire__fail_prefix(AIRE_FORMAT, "%s", what);
    return status;
}
