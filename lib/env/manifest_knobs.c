/* The manifest's knobs: parameters and alternatives, checked against the files that they turn. */
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "base/str.h"
#include "env/manifest.h"

enum { KNOBS_MAX = 256, CHOICES_MAX = 64, EDITS_MAX = 32, VALUES_MAX = 256 };

static size_t count_occurrences(const char *text, const char *find)
{
    size_t count = 0;
    for (const char *at = strstr(text, find); at; at = strstr(at + 1, find))
        count++;
    return count;
}

/* `find` has to stand exactly once in an editable file. */
static aire_status check_place(const aire_env *env, const aire_node *node, const char *key,
                               const char *path, const char *find)
{
    const aire_env_file *file = aire__env_file(env, path);
    if (!file)
        return aire__node_complain(node, "file", "there is no file '%s'", path);
    if (file->role != AIRE_FILE_EDITABLE || !file->is_text)
        return aire__node_complain(node, "file", "'%s' is not an editable text file", path);
    size_t count = count_occurrences(file->data, find);
    if (count != 1)
        return aire__node_complain(node, key,
                                   "\"%.80s\" stands %zu times in '%s', expected exactly once",
                                   find, count, path);
    return AIRE_OK;
}

/* ---- number knobs ---- */

/* Numbers that the knob may take: integers if it says so, above 0 on a logarithmic scale. */
static aire_status check_numbers(const aire_node *node, const char *key, const json_t *numbers,
                                 const aire_env_knob *knob)
{
    if (json_array_size(numbers) < 2)
        return aire__node_complain(node, key, "expected two numbers at least");
    for (size_t i = 0; i < json_array_size(numbers); i++) {
        const json_t *item = json_array_get(numbers, i);
        int64_t integer;
        if (!json_is_number(item))
            return aire__node_fail(node, key, item, "numbers");
        if (knob->integer && !aire__is_int(item, INT64_MIN, INT64_MAX, &integer))
            return aire__node_fail(node, key, item, "integers, as the knob's \"integer\" is true");
        if (knob->log_scale && !(json_number_value(item) > 0))
            return aire__node_fail(node, key, item, "numbers above 0 for the scale \"log\"");
    }
    return AIRE_OK;
}

static aire_status read_values(aire_env *env, const json_t *values, aire_env_knob *knob)
{
    size_t count = json_array_size(values);
    knob->values = aire__calloc(env->ctx, count, sizeof *knob->values);
    if (!knob->values)
        return aire__fail_nomem();
    knob->min = INFINITY;
    knob->max = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        double value = json_number_value(json_array_get(values, i));
        knob->values[knob->value_count++] = value;
        knob->min = fmin(knob->min, value);
        knob->max = fmax(knob->max, value);
    }
    return AIRE_OK;
}

static aire_status read_numbers(aire_env *env, const aire_node *node, aire_env_knob *knob)
{
    const json_t *range, *values;
    aire_status status = aire__node_array(node, "range", false, 2, &range);
    if (status == AIRE_OK)
        status = aire__node_array(node, "values", false, VALUES_MAX, &values);
    if (status != AIRE_OK)
        return status;
    if (!range == !values)
        return aire__node_complain(node, "range",
                                   "expected either \"range\": [min, max] or \"values\": [...]");
    status = check_numbers(node, range ? "range" : "values", range ? range : values, knob);
    if (status != AIRE_OK)
        return status;
    if (values)
        return read_values(env, values, knob);
    knob->min = json_number_value(json_array_get(range, 0));
    knob->max = json_number_value(json_array_get(range, 1));
    if (!(knob->min < knob->max))
        return aire__node_complain(node, "range",
                                   "found [%g, %g], expected the smaller number first", knob->min,
                                   knob->max);
    if (knob->value < knob->min || knob->value > knob->max)
        return aire__node_complain(node, "baseline",
                                   "found %s, expected a number in the range, %g to %g",
                                   knob->baseline, knob->min, knob->max);
    return AIRE_OK;
}

/* The text that stands in the file: "{}" replaced by the baseline. */
static char *baseline_text(aire_ctx *ctx, const aire_env_knob *knob)
{
    const char *slot = strstr(knob->text, "{}");
    return aire__asprintf(ctx, "%.*s%s%s", (int)(slot - knob->text), knob->text, knob->baseline,
                          slot + 2);
}

/* The baseline stands in the file as it is given here, and has to be a number of JSON, too. */
static aire_status read_baseline(const aire_node *node, aire_env_knob *knob)
{
    aire_status status = aire__node_text(node, "baseline", true, &knob->baseline);
    if (status != AIRE_OK)
        return status;
    int64_t integer;
    json_t *value = json_loads(knob->baseline, JSON_DECODE_ANY, NULL);
    bool number = json_is_number(value);
    bool good = number && (!knob->integer || aire__is_int(value, INT64_MIN, INT64_MAX, &integer));
    knob->value = number ? json_number_value(value) : 0;
    json_decref(value);
    if (!good)
        return aire__node_fail(node, "baseline", json_object_get(node->json, "baseline"),
                               "%s in quotes, as it is written in the file",
                               knob->integer ? "an integer" : "a number");
    return AIRE_OK;
}

static aire_status read_number(aire_env *env, const aire_node *node, aire_env_knob *knob)
{
    static const aire_word scales[] = {{"linear", false}, {"log", true}, {NULL, 0}};
    int log_scale = false;
    aire_status status = aire__node_text(node, "file", true, &knob->file);
    knob->is_number = true;
    if (status == AIRE_OK)
        status = aire__node_text(node, "text", true, &knob->text);
    if (status == AIRE_OK && count_occurrences(knob->text, "{}") != 1)
        return aire__node_fail(node, "text", json_object_get(node->json, "text"),
                               "text with one {} in the place of the number");
    if (status == AIRE_OK)
        status = aire__node_word(node, "scale", false, scales, &log_scale);
    knob->log_scale = log_scale;
    if (status == AIRE_OK)
        status = aire__node_bool(node, "integer", &knob->integer);
    if (status == AIRE_OK)
        status = read_baseline(node, knob);
    if (status == AIRE_OK)
        status = read_numbers(env, node, knob);
    if (status != AIRE_OK)
        return status;
    char *text = baseline_text(env->ctx, knob);
    if (!text)
        return aire__fail_nomem();
    status = check_place(env, node, "text", knob->file, text);
    aire_free(env->ctx, text);
    return status;
}

/* ---- choice knobs ---- */

static aire_status read_edit(aire_env *env, const aire_node *node, aire_env_edit *edit)
{
    static const char *const known[] = {"file", "find", "replace", NULL};
    aire_status status = aire__node_known(node, known);
    if (status == AIRE_OK)
        status = aire__node_text(node, "file", true, &edit->file);
    if (status == AIRE_OK)
        status = aire__node_text(node, "find", true, &edit->find);
    const json_t *replace = json_object_get(node->json, "replace");
    if (status == AIRE_OK && !json_is_string(replace))
        return aire__node_fail(node, "replace", replace, "text, which may be empty");
    if (status == AIRE_OK) {
        edit->replace = aire__strdup(env->ctx, json_string_value(replace));
        status = edit->replace ? check_place(env, node, "find", edit->file, edit->find)
                               : aire__fail_nomem();
    }
    if (status == AIRE_OK && !strcmp(edit->find, edit->replace))
        return aire__node_complain(node, "replace", "the same as \"find\": it changes nothing");
    return status;
}

/* Edits of one choice are made together, so they must not touch the same text. */
static aire_status check_overlap(const aire_env *env, const aire_node *node,
                                 const aire_env_edit *first, const aire_env_edit *edit)
{
    for (const aire_env_edit *other = first; other < edit; other++) {
        if (strcmp(other->file, edit->file))
            continue;
        const char *text = aire__env_file(env, edit->file)->data;
        const char *a = strstr(text, other->find), *b = strstr(text, edit->find);
        if (a < b + strlen(edit->find) && b < a + strlen(other->find))
            return aire__node_complain(node, "find", "overlaps the text of edits[%td]",
                                       other - first);
    }
    return AIRE_OK;
}

static aire_status read_choice(aire_env *env, const aire_node *node, aire_env_choice *choice)
{
    static const char *const known[] = {"name", "idea", "edits", NULL};
    const json_t *edits;
    aire_status status = aire__node_known(node, known);
    if (status == AIRE_OK)
        status = aire__node_text(node, "name", true, &choice->name);
    if (status == AIRE_OK && strpbrk(choice->name, "\n\t"))
        return aire__node_fail(node, "name", json_object_get(node->json, "name"),
                               "a name without tabs and line breaks");
    if (status == AIRE_OK)
        status = aire__node_text(node, "idea", true, &choice->idea);
    if (status == AIRE_OK)
        status = aire__node_array(node, "edits", true, EDITS_MAX, &edits);
    if (status != AIRE_OK)
        return status;
    size_t count = json_array_size(edits);
    if (count == 0)
        return aire__node_complain(node, "edits", "expected one edit at least");
    choice->edits = aire__calloc(env->ctx, count, sizeof *choice->edits);
    if (!choice->edits)
        return aire__fail_nomem();
    for (size_t i = 0; i < count && status == AIRE_OK; i++) {
        aire_node item;
        status = aire__node_item(node, "edits", edits, i, &item);
        choice->edit_count = i + 1;
        if (status == AIRE_OK)
            status = read_edit(env, &item, &choice->edits[i]);
        if (status == AIRE_OK)
            status = check_overlap(env, &item, choice->edits, &choice->edits[i]);
    }
    return status;
}

static aire_status read_choices(aire_env *env, const aire_node *node, aire_env_knob *knob)
{
    const json_t *choices;
    aire_status status = aire__node_array(node, "choices", true, CHOICES_MAX, &choices);
    size_t count = json_array_size(choices);
    if (status == AIRE_OK && count == 0)
        status = aire__node_complain(node, "choices",
                                     "expected one choice at least, beside the baseline");
    if (status != AIRE_OK)
        return status;
    knob->choices = aire__calloc(env->ctx, count, sizeof *knob->choices);
    if (!knob->choices)
        return aire__fail_nomem();
    for (size_t i = 0; i < count && status == AIRE_OK; i++) {
        aire_node item;
        status = aire__node_item(node, "choices", choices, i, &item);
        knob->choice_count = i + 1;
        if (status == AIRE_OK)
            status = read_choice(env, &item, &knob->choices[i]);
        for (size_t k = 0; k < i && status == AIRE_OK; k++)
            if (!strcmp(knob->choices[k].name, knob->choices[i].name))
                status = aire__node_complain(&item, "name", "choices[%zu] has this name, too", k);
    }
    return status;
}

/* ---- all knobs ---- */

/* Names stand in lines "name = value" of an idea's changes. */
static aire_status check_name(const aire_env *env, const aire_node *node, const aire_env_knob *knob)
{
    if (strpbrk(knob->name, " =\n\t"))
        return aire__node_fail(node, "name", json_object_get(node->json, "name"),
                               "a name without blanks and '='");
    for (const aire_env_knob *other = env->knobs; other < knob; other++)
        if (!strcmp(other->name, knob->name))
            return aire__node_complain(node, "name", "\"%s\" is the name of another knob, too",
                                       knob->name);
    return AIRE_OK;
}

static aire_status read_knob(aire_env *env, const aire_node *node, aire_env_knob *knob)
{
    static const char *const of_number[] = {"name",  "about", "file",    "text",   "baseline",
                                            "range", "scale", "integer", "values", NULL};
    static const char *const of_choice[] = {"name", "about", "choices", NULL};
    bool chooses = json_object_get(node->json, "choices") != NULL;
    aire_status status = aire__node_known(node, chooses ? of_choice : of_number);
    if (status == AIRE_OK)
        status = aire__node_text(node, "name", true, &knob->name);
    if (status == AIRE_OK)
        status = check_name(env, node, knob);
    if (status == AIRE_OK)
        status = aire__node_text(node, "about", true, &knob->about);
    if (status != AIRE_OK)
        return status;
    return chooses ? read_choices(env, node, knob) : read_number(env, node, knob);
}

aire_status aire__manifest_read_knobs(aire_env *env, const aire_node *top)
{
    const json_t *array;
    aire_status status = aire__node_array(top, "knobs", false, KNOBS_MAX, &array);
    size_t count = json_array_size(array);
    if (status != AIRE_OK || count == 0)
        return status;
    env->knobs = aire__calloc(env->ctx, count, sizeof *env->knobs);
    if (!env->knobs)
        return aire__fail_nomem();
    for (size_t i = 0; i < count && status == AIRE_OK; i++) {
        aire_node node;
        status = aire__node_item(top, "knobs", array, i, &node);
        env->knob_count = i + 1;
        if (status == AIRE_OK)
            status = read_knob(env, &node, &env->knobs[i]);
    }
    return status;
}

static void free_choice(aire_ctx *ctx, aire_env_choice *choice)
{
    for (size_t i = 0; i < choice->edit_count; i++) {
        aire_free(ctx, choice->edits[i].file);
        aire_free(ctx, choice->edits[i].find);
        aire_free(ctx, choice->edits[i].replace);
    }
    aire_free(ctx, choice->edits);
    aire_free(ctx, choice->name);
    aire_free(ctx, choice->idea);
}

void aire__env_knobs_free(aire_env *env)
{
    for (size_t i = 0; i < env->knob_count; i++) {
        aire_env_knob *knob = &env->knobs[i];
        char *texts[] = {knob->name, knob->about, knob->file, knob->text, knob->baseline};
        for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
            aire_free(env->ctx, texts[k]);
        for (size_t k = 0; k < knob->choice_count; k++)
            free_choice(env->ctx, &knob->choices[k]);
        aire_free(env->ctx, knob->choices);
        aire_free(env->ctx, knob->values);
    }
    aire_free(env->ctx, env->knobs);
}
