/* Ideas: proposals in words. */
#include "aire/idea.h"

#include <inttypes.h>
#include <string.h>

#include "base/fail.h"
#include "base/options.h"
#include "base/str.h"
#include "record/json.h"
#include "record/record.h"
#include "record/words.h"

/* Longest string of an idea, and of a title that is taken from the text. */
#define TEXT_MAX ((size_t)1 << 20)
#define TITLE_MAX 100

struct aire_idea {
    aire_record record;
    int32_t ordinal;
    int64_t id;
    aire_plan *plan;
    char *title;
    char *text;
    char *changes;
    char *reasoning;
    char *origin;
    int64_t *parents;
    size_t parent_count;
    aire_patch *patch;
    int32_t kind; /* 0: not said */
};

aire_status aire_idea_options_init(aire_idea_options *options, size_t size)
{
    return aire__options_init(options, size, sizeof(*options), sizeof(*options),
                              "aire_idea_options");
}

static void idea_clear(aire_record *record, aire_record **dead)
{
    aire_idea *idea = (aire_idea *)record;

    aire__record_drop((aire_record *)idea->plan, dead);
    aire__record_drop((aire_record *)idea->patch, dead);
    aire_free(record->ctx, idea->title);
    aire_free(record->ctx, idea->text);
    aire_free(record->ctx, idea->changes);
    aire_free(record->ctx, idea->reasoning);
    aire_free(record->ctx, idea->origin);
    aire_free(record->ctx, idea->parents);
}

static aire_status check_text(const char *name, const char *text)
{
    if (!text)
        return AIRE_OK;
    size_t length = strlen(text);
    if (length > TEXT_MAX)
        return aire__fail(AIRE_LIMIT, "idea: %s has %zu bytes; at most %zu are allowed", name,
                          length, TEXT_MAX);
    if (!aire__utf8_valid(text, length))
        return aire__fail(AIRE_INVALID, "idea: %s is not UTF-8", name);
    return AIRE_OK;
}

static aire_status check(const aire_idea_options *options)
{
    const struct {
        const char *name, *text;
    } texts[] = {{"title", options->title},
                 {"text", options->text},
                 {"changes", options->changes},
                 {"reasoning", options->reasoning},
                 {"origin", options->origin}};

    if (options->ordinal < 0 || options->id < 0)
        return aire__fail(AIRE_INVALID, "idea: %s is negative",
                          options->ordinal < 0 ? "ordinal" : "id");
    if (!options->text || options->text[0] == '\0')
        return aire__fail(AIRE_INVALID, "idea: there is no text");
    if (options->reserved != 0 ||
        (options->kind && !aire__has_word(aire_idea_kind_name, options->kind)))
        return aire__fail(AIRE_INVALID, "idea: kind %d is unknown, or reserved is not 0",
                          (int)options->kind);
    if (!options->parents && options->parent_count > 0)
        return aire__fail(AIRE_INVALID, "idea: parents is NULL");
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        aire_status status = check_text(texts[i].name, texts[i].text);
        if (status != AIRE_OK)
            return status;
    }
    return AIRE_OK;
}

static bool is_break(char c)
{
    return (unsigned char)c < ' ' || c == 0x7f;
}

/* One line: what was given with its line breaks as spaces, else the first line of the text that
 * says something. */
static char *make_title(aire_ctx *ctx, const char *title, const char *text)
{
    if (title && title[0] != '\0') {
        char *copy = aire__strdup(ctx, title);
        for (char *c = copy; c && *c != '\0'; c++)
            *c = is_break(*c) ? ' ' : *c;
        return copy;
    }
    while (*text != '\0' && (is_break(*text) || *text == ' '))
        text++;
    size_t length = 0;
    while (!is_break(text[length])) /* the final NUL is a break too */
        length++;
    return aire__strndup(ctx, text, aire__utf8_cut(text, length, TITLE_MAX));
}

static aire_status fill(aire_ctx *ctx, const aire_idea_options *options, aire_idea *idea)
{
    const char *origin = options->origin && options->origin[0] ? options->origin : "host";

    idea->ordinal = options->ordinal;
    idea->id = options->id;
    idea->kind = options->kind;
    idea->plan = aire_plan_ref(options->plan);
    idea->patch = aire_patch_ref(options->patch);
    idea->title = make_title(ctx, options->title, options->text);
    idea->text = aire__strdup(ctx, options->text);
    idea->changes = aire__strdup(ctx, options->changes);
    idea->reasoning = aire__strdup(ctx, options->reasoning);
    idea->origin = aire__strdup(ctx, origin);
    if (!idea->title || !idea->text || !idea->changes || !idea->reasoning || !idea->origin)
        return aire__fail_nomem();
    if (options->parent_count > 0) {
        idea->parents = aire__calloc(ctx, options->parent_count, sizeof(int64_t));
        if (!idea->parents)
            return aire__fail_nomem();
        memcpy(idea->parents, options->parents, options->parent_count * sizeof(int64_t));
        idea->parent_count = options->parent_count;
    }
    return AIRE_OK;
}

aire_status aire_idea_new(aire_ctx *ctx, const aire_idea_options *options, aire_idea **out)
{
    aire_idea_options given;

    if (!out)
        return aire__fail(AIRE_INVALID, "idea: out is NULL");
    *out = NULL;
    if (!ctx)
        return aire__fail(AIRE_INVALID, "idea: ctx is NULL");
    aire_status status =
        aire__options_take(options, &given, sizeof(given), sizeof(given), "aire_idea_options");
    if (status == AIRE_OK)
        status = check(&given);
    if (status != AIRE_OK)
        return status;

    aire_idea *idea = aire__record_new(ctx, sizeof(*idea), idea_clear);
    if (!idea)
        return aire__fail_nomem();
    status = fill(ctx, &given, idea);
    if (status != AIRE_OK) {
        aire_idea_unref(idea);
        return status;
    }
    *out = idea;
    return AIRE_OK;
}

aire_idea *aire_idea_ref(aire_idea *idea)
{
    return aire__record_ref((aire_record *)idea);
}

void aire_idea_unref(aire_idea *idea)
{
    aire__record_unref((aire_record *)idea);
}

int64_t aire_idea_id(const aire_idea *idea)
{
    return idea->id;
}

int32_t aire_idea_ordinal(const aire_idea *idea)
{
    return idea->ordinal;
}

aire_plan *aire_idea_plan(const aire_idea *idea)
{
    return idea->plan;
}

const char *aire_idea_title(const aire_idea *idea)
{
    return idea->title;
}

const char *aire_idea_text(const aire_idea *idea)
{
    return idea->text;
}

const char *aire_idea_changes(const aire_idea *idea)
{
    return idea->changes;
}

const char *aire_idea_reasoning(const aire_idea *idea)
{
    return idea->reasoning;
}

const char *aire_idea_origin(const aire_idea *idea)
{
    return idea->origin;
}

size_t aire_idea_parent_count(const aire_idea *idea)
{
    return idea->parent_count;
}

int64_t aire_idea_parent(const aire_idea *idea, size_t index)
{
    return index < idea->parent_count ? idea->parents[index] : 0;
}

aire_patch *aire_idea_patch(const aire_idea *idea)
{
    return idea->patch;
}

int32_t aire_idea_kind(const aire_idea *idea)
{
    return idea->kind;
}

const char *aire_idea_kind_name(int32_t kind)
{
    switch (kind) {
        AIRE_IDEA_KIND_MAP(AIRE_WORD_CASE_)
    default:
        return "?";
    }
}

static json_t *parents_to_json(const aire_idea *idea)
{
    json_t *parents = json_array();

    for (size_t i = 0; i < idea->parent_count; i++) {
        if (json_array_append_new(parents, json_integer(idea->parents[i]))) {
            json_decref(parents);
            return NULL;
        }
    }
    return parents;
}

aire_status aire_idea_to_json(const aire_idea *idea, char **out)
{
    if (!out)
        return aire__fail(AIRE_INVALID, "idea: out is NULL");
    *out = NULL;
    if (!idea)
        return aire__fail(AIRE_INVALID, "idea: idea is NULL");

    aire_ctx *ctx = idea->record.ctx;
    json_t *object = json_pack(
        "{s:I, s:i, s:I, s:s, s:s, s:s, s:s, s:s, s:s?, s:o, s:o}", "id", (json_int_t)idea->id,
        "ordinal", (int)idea->ordinal, "plan",
        (json_int_t)(idea->plan ? aire_plan_id(idea->plan) : 0), "title", idea->title, "text",
        idea->text, "changes", idea->changes, "reasoning", idea->reasoning, "origin", idea->origin,
        "kind", idea->kind ? aire_idea_kind_name(idea->kind) : NULL, "parents",
        parents_to_json(idea), "patch", aire__patch_to_json(ctx, idea->patch));
    return aire__record_json_give(ctx, object, out);
}

/* *parents is from aire_alloc. */
static aire_status parents_from_json(aire_ctx *ctx, const json_t *object, int64_t **parents,
                                     size_t *count)
{
    const json_t *array = json_object_get(object, "parents");

    if (!array)
        return AIRE_OK;
    if (!json_is_array(array))
        return aire__fail(AIRE_FORMAT, "idea: \"parents\" is not an array");
    *count = json_array_size(array);
    *parents = aire__calloc(ctx, *count, sizeof(int64_t));
    if (!*parents)
        return aire__fail_nomem();
    for (size_t i = 0; i < *count; i++) {
        const json_t *item = json_array_get(array, i);
        if (!json_is_integer(item))
            return aire__fail(AIRE_FORMAT, "idea: \"parents\": item %zu is not an integer", i);
        (*parents)[i] = json_integer_value(item);
    }
    return AIRE_OK;
}

static aire_status texts_from_json(const json_t *object, aire_idea_options *options)
{
    const struct {
        const char *key;
        const char **out;
    } members[] = {{"title", &options->title},
                   {"text", &options->text},
                   {"changes", &options->changes},
                   {"reasoning", &options->reasoning},
                   {"origin", &options->origin}};

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        aire_status status = aire__json_get_string(object, "idea", members[i].key, members[i].out);
        if (status != AIRE_OK)
            return status;
    }
    if (!options->text)
        return aire__fail(AIRE_FORMAT, "idea: \"text\" is missing");
    return AIRE_OK;
}

/* A word that is not known, as of a newer version, says nothing. */
static int32_t kind_from_json(const json_t *object)
{
    const char *word = json_string_value(json_object_get(object, "kind"));
    for (int32_t kind = 1; word && kind <= AIRE_WORD_VALUE_MAX; kind++)
        if (strcmp(aire_idea_kind_name(kind), word) == 0)
            return kind;
    return 0;
}

static aire_status from_object(aire_ctx *ctx, const json_t *object, aire_idea **out)
{
    aire_idea_options options = AIRE_IDEA_OPTIONS_INIT;
    int64_t *parents = NULL;
    aire_patch *patch = NULL;

    aire_status status = texts_from_json(object, &options);
    if (status == AIRE_OK)
        status = aire__json_get_int(object, "idea", "id", &options.id);
    if (status == AIRE_OK)
        status = aire__record_get_int32(object, "idea", "ordinal", &options.ordinal);
    if (status == AIRE_OK)
        status = parents_from_json(ctx, object, &parents, &options.parent_count);
    if (status == AIRE_OK)
        status = aire__patch_from_json(ctx, object, "idea", &patch);
    if (status == AIRE_OK) {
        options.parents = parents;
        options.patch = patch;
        options.kind = kind_from_json(object);
        status = aire__record_refused(aire_idea_new(ctx, &options, out), "idea");
    }
    aire_patch_unref(patch);
    aire_free(ctx, parents);
    return status;
}

aire_status aire_idea_from_json(aire_ctx *ctx, const char *json, size_t length, aire_idea **out)
{
    json_t *object = NULL;

    if (!out)
        return aire__fail(AIRE_INVALID, "idea: out is NULL");
    *out = NULL;
    if (!ctx || !json)
        return aire__fail(AIRE_INVALID, "idea: %s is NULL", !ctx ? "ctx" : "json");
    aire_status status = aire__json_load(json, length, "idea", &object);
    if (status != AIRE_OK)
        return status;
    if (json_is_object(object))
        status = from_object(ctx, object, out);
    else
        status = aire__fail(AIRE_FORMAT, "idea: not a JSON object");
    json_decref(object);
    return status;
}
