/* Drawing the value of one knob. */
#ifndef AIRE_IDEATOR_KNOB_DRAW_H
#define AIRE_IDEATOR_KNOB_DRAW_H

#include "base/rng.h"
#include "ideator/settings.h"

typedef enum aire_reach {
    AIRE_REACH_STEP,     /* a small step from where the knob stands */
    AIRE_REACH_STRIDE,   /* a larger one: the range that a good default allows for */
    AIRE_REACH_ANYWHERE, /* the whole range */
} aire_reach;

/*
 * A value that is allowed, neither where the knob stands (`from`) nor the baseline; false if none
 * was found, with *out as it was. Numbers are short: two significant digits on a logarithmic scale,
 * about 1/200 of the range on a linear one.
 */
bool aire__knob_draw(const aire_env_knob *knob, aire_rng *rng, const aire_turn *from,
                     aire_reach reach, aire_turn *out);

/* Where a value lies in the knob's range, from 0 to 1, on the knob's scale. */
double aire__knob_place(const aire_env_knob *knob, double value);

#endif
