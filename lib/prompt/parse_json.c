/* Ideas as JSON: objects with an experiment and its changes, however they are nested. */
#include <ctype.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "base/str.h"
#include "prompt/idea_reader.h"
#include "prompt/json_spans.h"

enum { DEPTH_MAX = 6, KEY_MAX = 32 };

static const char *const text_keys[] = {"experiment", "idea",       "description", "proposal",
                                        "text",       "hypothesis", "rationale",   NULL};
static const char *const change_keys[] = {"codechanges", "codechange",     "changes",
                                          "code",        "implementation", NULL};
static const char *const title_keys[] = {"title", "name", "experimenttitle", NULL};
static const char *const list_keys[] = {"ideas", "experiments", "proposals", NULL};

/* Whether a key is one of some names, whatever its case and what joins its words. */
static bool is_key(const char *key, const char *const *names)
{
    char plain[KEY_MAX];
    size_t length = 0;
    for (; *key && length + 1 < sizeof plain; key++)
        if (isalpha((unsigned char)*key))
            plain[length++] = (char)tolower((unsigned char)*key);
    plain[length] = '\0';
    for (; *names; names++)
        if (strcmp(plain, *names) == 0)
            return true;
    return false;
}

static json_t *member(json_t *object, const char *const *names)
{
    for (; *names; names++) {
        const char *const one[] = {*names, NULL};
        const char *key;
        json_t *value;
        json_object_foreach(object, key,
                            value) if (is_key(key, one) && !json_is_null(value)) return value;
    }
    return NULL;
}

static aire_status add_text(aire_idea_reader *r, const char *text)
{
    return aire__idea_reader_add(r, text, text + strlen(text));
}

/* A value as text: a string, the lines of a list, the "name: value" lines of an object. */
static aire_status add_value(aire_idea_reader *r, json_t *value, int depth)
{
    aire_status status = AIRE_OK;
    const char *key;
    json_t *item;
    size_t i;
    if (json_is_string(value)) {
        status = add_text(r, json_string_value(value));
        return status == AIRE_OK ? add_text(r, "\n") : status;
    }
    if (depth == DEPTH_MAX)
        return AIRE_OK;
    json_array_foreach(value, i, item) if (status == AIRE_OK) status =
        add_value(r, item, depth + 1);
    json_object_foreach(value, key, item)
    {
        if (status == AIRE_OK)
            status = add_text(r, key);
        if (status == AIRE_OK)
            status = add_text(r, ": ");
        if (status == AIRE_OK)
            status = add_value(r, item, depth + 1);
    }
    return status;
}

/* An idea of some of its members; what is not there is NULL. */
static aire_status add_idea(aire_idea_reader *r, json_t *title, json_t *text, json_t *changes)
{
    aire_status status = AIRE_OK;
    const char *first = json_string_value(text), *name = json_string_value(title);
    r->section = &r->text;
    if (name && !(first && aire__starts_with(first, name)))
        status = add_value(r, title, 0);
    if (status == AIRE_OK && text)
        status = add_value(r, text, 0);
    r->section = &r->changes;
    if (status == AIRE_OK && changes)
        status = add_value(r, changes, 0);
    r->section = &r->text;
    return status == AIRE_OK ? aire__idea_reader_finish(r, true) : status;
}

static bool is_words(json_t *value)
{
    return json_is_string(value) || json_is_string(json_array_get(value, 0));
}

static aire_status walk(aire_idea_reader *r, json_t *value, bool list, int depth);

static aire_status walk_object(aire_idea_reader *r, json_t *object, int depth)
{
    json_t *text = member(object, text_keys), *title = member(object, title_keys);
    json_t *changes = member(object, change_keys);
    aire_status status = AIRE_OK;
    const char *key;
    json_t *value;
    if (is_words(text) || (json_is_string(title) && changes))
        return add_idea(r, title, is_words(text) ? text : NULL, changes);
    json_object_foreach(object, key, value) if (status == AIRE_OK) status =
        walk(r, value, is_key(key, list_keys), depth + 1);
    return status;
}

/* Look for ideas in a value. `list`: it is said to be a list of ideas, so that words are ideas. */
static aire_status walk(aire_idea_reader *r, json_t *value, bool list, int depth)
{
    aire_status status = AIRE_OK;
    json_t *item;
    size_t i;
    if (depth > DEPTH_MAX)
        return AIRE_OK;
    if (json_is_object(value))
        return walk_object(r, value, depth);
    json_array_foreach(value, i, item)
    {
        size_t before = r->out->count + r->out->surplus;
        if (status == AIRE_OK && list && json_is_string(item))
            status = add_idea(r, NULL, item, NULL);
        else if (status == AIRE_OK)
            status = walk(r, item, list, depth + 1);
        if (list && json_is_object(item) && before == r->out->count + r->out->surplus)
            r->out->unread++;
    }
    return status;
}

/* Whether a piece of text has the name of a member that only an idea has. */
static bool names_idea(const char *start, const char *end)
{
    static const char *const marks[] = {"experiment\"", "code_changes\"", "codeChanges\"",
                                        "Experiment\"", "Code Changes\"", "changes\""};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (memmem(start, (size_t)(end - start), marks[i], strlen(marks[i])))
            return true;
    return false;
}

static aire_status read_span(aire_idea_reader *r, const aire_json_span *span)
{
    aire_buf mended;
    json_t *value = NULL;
    json_error_t error;
    aire__buf_init(&mended, r->out->ctx, SIZE_MAX / 4);
    aire__json_mend(&mended, span);
    aire_status status = aire__buf_status(&mended);
    if (status == AIRE_OK && mended.length)
        value = json_loadb(mended.data, mended.length, 0, &error);
    if (value)
        status = walk(r, value, json_is_array(value), 0);
    else if (status == AIRE_OK)
        r->out->unread += names_idea(span->start, span->end);
    json_decref(value);
    aire__buf_free(&mended);
    return status;
}

aire_status aire__read_json_ideas(aire_idea_reader *r, const char *text)
{
    aire_json_spans found;
    aire_status status = aire__json_spans_find(r->out->ctx, text, &found);
    for (size_t i = 0; status == AIRE_OK && i < found.count; i++)
        status = read_span(r, &found.spans[i]);
    if (status == AIRE_OK && found.open &&
        names_idea(found.open, found.open + strlen(found.open))) {
        r->out->unread++;
        r->out->cut = AIRE_CUT_DROPPED;
    }
    aire__json_spans_free(&found);
    return status;
}
