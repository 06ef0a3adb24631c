/* Patches as values: text with a format. What the text means is the patch room's business. */
#include "aire/patch.h"

#include <string.h>

#include "base/fail.h"
#include "base/str.h"
#include "record/json.h"
#include "record/record.h"

struct aire_patch {
    aire_record record;
    int32_t format;
    char *text;
    size_t length;
};

static const char *format_name(int32_t format)
{
    switch (format) {
        AIRE_PATCH_FORMAT_MAP(AIRE_WORD_CASE_)
    }
    return "?";
}

static void patch_clear(aire_record *record, aire_record **dead)
{
    aire_free(record->ctx, ((aire_patch *)record)->text);
}

aire_status aire_patch_new(aire_ctx *ctx, int32_t format, const char *text, size_t length,
                           aire_patch **out)
{
    if (!out)
        return aire__fail(AIRE_INVALID, "patch: out is NULL");
    *out = NULL;
    if (!ctx || (!text && length > 0))
        return aire__fail(AIRE_INVALID, "patch: %s is NULL", !ctx ? "ctx" : "text");
    if (!aire__has_word(format_name, format))
        return aire__fail(AIRE_INVALID, "patch: unknown format %d", (int)format);
    if (length > AIRE_PATCH_TEXT_MAX) {
        return aire__fail(AIRE_LIMIT, "patch: %zu bytes of text; at most %u are allowed", length,
                          AIRE_PATCH_TEXT_MAX);
    }

    aire_patch *patch = aire__record_new(ctx, sizeof(*patch), patch_clear);
    if (!patch)
        return aire__fail_nomem();
    patch->format = format;
    patch->length = length;
    patch->text = aire__strndup(ctx, length > 0 ? text : "", length);
    if (!patch->text) {
        aire_patch_unref(patch);
        return aire__fail_nomem();
    }
    *out = patch;
    return AIRE_OK;
}

aire_patch *aire_patch_ref(aire_patch *patch)
{
    return aire__record_ref((aire_record *)patch);
}

void aire_patch_unref(aire_patch *patch)
{
    aire__record_unref((aire_record *)patch);
}

int32_t aire_patch_format(const aire_patch *patch)
{
    return patch->format;
}

const char *aire_patch_text(const aire_patch *patch)
{
    return patch->text;
}

size_t aire_patch_length(const aire_patch *patch)
{
    return patch->length;
}

json_t *aire__patch_to_json(aire_ctx *ctx, aire_patch *patch)
{
    if (!patch)
        return json_null();
    return json_pack("{s:s, s:o}", "format", format_name(patch->format), "text",
                     aire__json_text(ctx, patch->text));
}

aire_status aire__patch_from_json(aire_ctx *ctx, const json_t *object, const char *what,
                                  aire_patch **out)
{
    const json_t *member = json_object_get(object, "patch");
    int32_t format = 0;
    const char *text = NULL;

    *out = NULL;
    if (!member || json_is_null(member))
        return AIRE_OK;
    if (!json_is_object(member))
        return aire__fail(AIRE_FORMAT, "%s: \"patch\" is neither an object nor null", what);

    aire_status status = aire__record_get_word(member, "patch", "format", format_name, &format);
    if (status == AIRE_OK)
        status = aire__json_get_string(member, "patch", "text", &text);
    if (status != AIRE_OK)
        return status;
    if (format == 0 || !text)
        return aire__fail(AIRE_FORMAT, "%s: \"patch\" has no \"%s\"", what,
                          format == 0 ? "format" : "text");
    return aire__record_refused(aire_patch_new(ctx, format, text, strlen(text), out), what);
}
