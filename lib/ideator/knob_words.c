/* A setting in words. */
#include "ideator/knob_words.h"

#include <ctype.h>
#include <string.h>

/* "peak_lr" as "peak lr". */
static void put_name(aire_buf *buf, const char *name)
{
    for (; *name; name++)
        aire__buf_append(buf, *name == '_' ? " " : name, 1);
}

static void put_number(aire_buf *buf, const aire_env_knob *knob, const aire_turn *turn,
                       const char *verb_case)
{
    char number[AIRE_NUMBER_MAX];
    bool raise = turn->value > knob->value;
    aire__buf_append(buf, &verb_case[raise ? 0 : 1], 1);
    aire__buf_puts(buf, raise ? "aise " : "ower ");
    put_name(buf, knob->name);
    aire__buf_printf(buf, " from %s to %s", knob->baseline, aire__turn_text(knob, turn, number));
}

void aire__setting_title(aire_buf *buf, const aire_env *env, const aire_turn *turns)
{
    bool first = true;
    for (size_t i = 0; i < env->knob_count; i++) {
        const aire_env_knob *knob = &env->knobs[i];
        if (!turns[i].turned)
            continue;
        if (!first)
            aire__buf_puts(buf, "; ");
        if (knob->is_number)
            put_number(buf, knob, &turns[i], first ? "RL" : "rl");
        else {
            put_name(buf, knob->name);
            aire__buf_printf(buf, ": %s", knob->choices[turns[i].choice].name);
        }
        first = false;
    }
}

/* A sentence, with a full stop if it has none. */
static void put_sentence(aire_buf *buf, const char *text)
{
    size_t length = strlen(text);
    while (length && isspace((unsigned char)text[length - 1]))
        length--;
    aire__buf_append(buf, text, length);
    if (length && !strchr(".!?", text[length - 1]))
        aire__buf_puts(buf, ".");
}

void aire__setting_words(aire_buf *buf, const aire_env *env, const aire_turn *turns)
{
    for (size_t i = 0; i < env->knob_count; i++) {
        const aire_env_knob *knob = &env->knobs[i];
        if (!turns[i].turned)
            continue;
        if (knob->is_number) {
            put_number(buf, knob, &turns[i], "RL");
            aire__buf_puts(buf, ". ");
            put_sentence(buf, knob->about);
        } else {
            const aire_env_choice *choice = &knob->choices[turns[i].choice];
            put_sentence(buf, choice->idea);
            aire__buf_puts(buf, " (");
            put_name(buf, knob->name);
            aire__buf_printf(buf, ": %s.)", choice->name);
        }
        aire__buf_puts(buf, "\n");
    }
}
