/*
 * Settings: which knobs are turned, and to what.
 *
 * An idea of the knob ideator carries its setting in `changes`, one line "NAME = VALUE" for each
 * knob that is turned, so that later plans can build on it.
 */
#ifndef AIRE_IDEATOR_SETTINGS_H
#define AIRE_IDEATOR_SETTINGS_H

#include "base/buf.h"
#include "env/env.h"
#include "prompt/number.h"

/* One knob. A knob that stands at its baseline is not turned. */
typedef struct aire_turn {
    bool turned;
    size_t choice; /* of a choice knob; else 0 */
    double value;  /* of a number knob; else 0; exactly what its text reads back as */
} aire_turn;

/* A setting is an array of env->knob_count turns. */

/* A number as it stands in code: like the baseline, a real number keeps its point or exponent. */
void aire__knob_number(const aire_env_knob *knob, double value, char out[AIRE_NUMBER_MAX]);

/* The value as text: a number, or the name of the choice. `number` is scratch. */
const char *aire__turn_text(const aire_env_knob *knob, const aire_turn *turn,
                            char number[AIRE_NUMBER_MAX]);

void aire__setting_print(aire_buf *buf, const aire_env *env, const aire_turn *turns);

/* Read such lines; false, with `turns` undefined, if any says nothing about this environment's
 * knobs, or there is none. */
bool aire__setting_parse(const aire_env *env, const char *text, aire_turn *turns);

bool aire__setting_equal(const aire_env *env, const aire_turn *a, const aire_turn *b);
size_t aire__setting_count(const aire_env *env, const aire_turn *turns); /* knobs that are turned */

#endif
