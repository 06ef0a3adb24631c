/* Settings of knobs in a model's answer. */
#include "ideator/setting_json.h"

#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "base/json.h"
#include "base/str.h"
#include "prompt/json_spans.h"
#include "prompt/number.h"
#include "prompt/settings.h"
#include "prompt/thinking.h"

enum { SHOWN_MAX = 60 };

/* The settings in one piece of JSON: a list, an object with a list, or one setting. */
static void take(json_t *value, json_t *out)
{
    json_t *list = json_is_object(value) ? json_object_get(value, "ideas") : value;
    json_t *item;
    size_t i;
    if (!list)
        json_array_append(out, value);
    else
        json_array_foreach(list, i, item) if (json_is_object(item)) json_array_append(out, item);
}

static aire_status take_span(aire_ctx *ctx, const aire_json_span *span, json_t *out, size_t *unread)
{
    aire_buf mended;
    json_error_t error;
    aire__buf_init(&mended, ctx, SIZE_MAX / 4);
    aire__json_mend(&mended, span);
    aire_status status = aire__buf_status(&mended);
    json_t *value = status == AIRE_OK ? json_loadb(mended.data, mended.length, 0, &error) : NULL;
    if (value)
        take(value, out);
    else if (status == AIRE_OK)
        ++*unread;
    json_decref(value);
    aire__buf_free(&mended);
    return status;
}

aire_status aire__settings_find(aire_ctx *ctx, const char *answer, json_t **out, size_t *unread)
{
    aire_json_spans found;
    *unread = 0;
    char *text = aire__strdup(ctx, answer);
    json_t *list = json_array();
    if (!text || !list) {
        aire_free(ctx, text);
        json_decref(list);
        return aire__fail_nomem();
    }
    aire_status status = aire__json_spans_find(ctx, aire__after_thinking(text), &found);
    for (size_t i = 0; status == AIRE_OK && i < found.count; i++)
        status = take_span(ctx, &found.spans[i], list, unread);
    if (status == AIRE_OK)
        *unread += found.open != NULL;
    aire__json_spans_free(&found);
    aire_free(ctx, text);
    if (status == AIRE_OK)
        *out = list;
    else
        json_decref(list);
    return status;
}

/* Whether a number knob may have this value. */
static bool allows(const aire_env_knob *knob, double value)
{
    if (value == knob->value)
        return true;
    if (!isfinite(value) || value < knob->min || value > knob->max ||
        (knob->integer && value != floor(value)))
        return false;
    for (size_t i = 0; i < knob->value_count; i++)
        if (knob->values[i] == value)
            return true;
    return !knob->values;
}

static bool read_number(const aire_env_knob *knob, const json_t *value, aire_turn *turn)
{
    char text[AIRE_NUMBER_MAX];
    double number = json_number_value(value);
    const char *words = json_string_value(value);
    if (words && !aire__number_parse(words, strlen(words), &number))
        return false;
    if ((!words && !json_is_number(value)) || !allows(knob, number))
        return false;
    aire__knob_number(knob, number, text);
    if (!aire__number_parse(text, strlen(text), &number))
        return false;
    *turn = number != knob->value ? (aire_turn){.turned = true, .value = number} : (aire_turn){0};
    return true;
}

static bool read_choice(const aire_env_knob *knob, const json_t *value, aire_turn *turn)
{
    const char *name = json_string_value(value);
    for (size_t i = 0; name && i < knob->choice_count; i++)
        if (strcmp(knob->choices[i].name, name) == 0) {
            *turn = (aire_turn){.turned = true, .choice = i};
            return true;
        }
    return name && strcmp(name, AIRE_PROMPT_UNCHANGED) == 0;
}

/* The value as it was written, nearly: jansson gives 0.1 back with all 17 digits. */
static aire_status text_of(aire_ctx *ctx, const json_t *value, char **out)
{
    char number[AIRE_NUMBER_MAX];
    if (!json_is_real(value))
        return aire__json_dump(ctx, value, out);
    aire__number_text(json_real_value(value), 17, number);
    *out = aire__strdup(ctx, number);
    return *out ? AIRE_OK : AIRE_NOMEM;
}

static void say_wrong(aire_buf *wrong, const aire_env_knob *knob, const json_t *value)
{
    char *text = NULL;
    if (text_of(wrong->ctx, value, &text) != AIRE_OK) {
        wrong->status = wrong->status == AIRE_OK ? AIRE_NOMEM : wrong->status;
        return;
    }
    aire__buf_printf(wrong, "%s: %.*s is not allowed; left as it is\n", knob->name,
                     (int)aire__utf8_cut(text, strlen(text), SHOWN_MAX), text);
    aire_free(wrong->ctx, text);
}

void aire__setting_from_json(const aire_env *env, const json_t *object, aire_turn *turns,
                             aire_buf *wrong)
{
    for (size_t i = 0; i < env->knob_count; i++) {
        const aire_env_knob *knob = &env->knobs[i];
        const json_t *value = json_object_get(object, knob->name);
        turns[i] = (aire_turn){0};
        if (!value || json_is_null(value) ||
            (knob->is_number ? read_number : read_choice)(knob, value, &turns[i]))
            continue;
        say_wrong(wrong, knob, value);
    }
}
