/* Settings: which knobs are turned, and to what. */
#include "ideator/settings.h"

#include <stdio.h>
#include <string.h>

void aire__knob_number(const aire_env_knob *knob, double value, char out[AIRE_NUMBER_MAX])
{
    aire__number_text(value, 17, out);
    size_t length = strlen(out);
    if (!knob->integer && strpbrk(knob->baseline, ".eE") && !strpbrk(out, ".eE"))
        snprintf(out + length, AIRE_NUMBER_MAX - length, ".0");
}

const char *aire__turn_text(const aire_env_knob *knob, const aire_turn *turn,
                            char number[AIRE_NUMBER_MAX])
{
    if (!knob->is_number)
        return knob->choices[turn->choice].name;
    aire__knob_number(knob, turn->value, number);
    return number;
}

void aire__setting_print(aire_buf *buf, const aire_env *env, const aire_turn *turns)
{
    char number[AIRE_NUMBER_MAX];
    for (size_t i = 0; i < env->knob_count; i++)
        if (turns[i].turned)
            aire__buf_printf(buf, "%s = %s\n", env->knobs[i].name,
                             aire__turn_text(&env->knobs[i], &turns[i], number));
}

static bool equals(const char *text, size_t length, const char *name)
{
    return strlen(name) == length && memcmp(text, name, length) == 0;
}

static bool parse_value(const aire_env_knob *knob, const char *text, size_t length, aire_turn *turn)
{
    if (knob->is_number) {
        turn->turned = aire__number_parse(text, length, &turn->value) && turn->value != knob->value;
        return turn->turned;
    }
    for (size_t i = 0; i < knob->choice_count; i++)
        if (equals(text, length, knob->choices[i].name)) {
            *turn = (aire_turn){.turned = true, .choice = i};
            return true;
        }
    return false;
}

static bool parse_line(const aire_env *env, const char *line, size_t length, aire_turn *turns)
{
    static const char separator[] = " = ";
    const char *middle = memmem(line, length, separator, strlen(separator));
    if (!middle)
        return false;
    const char *value = middle + strlen(separator);
    for (size_t i = 0; i < env->knob_count; i++)
        if (equals(line, (size_t)(middle - line), env->knobs[i].name))
            return !turns[i].turned &&
                   parse_value(&env->knobs[i], value, length - (size_t)(value - line), &turns[i]);
    return false;
}

bool aire__setting_parse(const aire_env *env, const char *text, aire_turn *turns)
{
    bool any = false;
    for (size_t i = 0; i < env->knob_count; i++)
        turns[i] = (aire_turn){0};
    while (*text) {
        size_t length = strcspn(text, "\n");
        if (length && !parse_line(env, text, length, turns))
            return false;
        any |= length > 0;
        text += length + (text[length] == '\n');
    }
    return any;
}

bool aire__setting_equal(const aire_env *env, const aire_turn *a, const aire_turn *b)
{
    for (size_t i = 0; i < env->knob_count; i++)
        if (a[i].turned != b[i].turned ||
            (a[i].turned && (a[i].choice != b[i].choice || a[i].value != b[i].value)))
            return false;
    return true;
}

size_t aire__setting_count(const aire_env *env, const aire_turn *turns)
{
    size_t count = 0;
    for (size_t i = 0; i < env->knob_count; i++)
        count += turns[i].turned;
    return count;
}
