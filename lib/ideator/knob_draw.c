/* Drawing the value of one knob. */
#include "ideator/knob_draw.h"

#include <math.h>
#include <string.h>

enum { TRIES = 24, LOG_DIGITS = 2, EXACT_DIGITS = 12 };

/* Standard deviations: of the logarithm, of a place in the range. */
static const double log_spread[] = {[AIRE_REACH_STEP] = 0.3, [AIRE_REACH_STRIDE] = 0.7};
static const double linear_spread[] = {[AIRE_REACH_STEP] = 0.07, [AIRE_REACH_STRIDE] = 0.2};

static bool is_log(const aire_env_knob *knob)
{
    return knob->log_scale && knob->min > 0;
}

double aire__knob_place(const aire_env_knob *knob, double value)
{
    double place = is_log(knob) ? log(value / knob->min) / log(knob->max / knob->min)
                                : (value - knob->min) / (knob->max - knob->min);
    return place >= 0 && place <= 1 ? place : place > 1;
}

static double at_place(const aire_env_knob *knob, double place)
{
    return is_log(knob) ? knob->min * exp(place * log(knob->max / knob->min))
                        : knob->min + place * (knob->max - knob->min);
}

/* What the text of a number with so many digits reads back as. */
static double rounded(double value, int digits)
{
    char text[AIRE_NUMBER_MAX];
    aire__number_text(value, digits, text);
    aire__number_parse(text, strlen(text), &value);
    return value;
}

/* The allowed number that is short and close to `value`. */
static double allowed(const aire_env_knob *knob, double value)
{
    if (is_log(knob))
        value = rounded(value, LOG_DIGITS);
    else if (!knob->integer) {
        double step = pow(10, floor(log10((knob->max - knob->min) / 200)));
        value = rounded(round(value / step) * step, EXACT_DIGITS);
    }
    if (knob->integer)
        value = round(value);
    return value < knob->min ? knob->min : value > knob->max ? knob->max : value;
}

/* One of the listed values: at random, or one or two places beside the present one. */
static double draw_listed(const aire_env_knob *knob, aire_rng *rng, double from, aire_reach reach)
{
    size_t nearest = 0;
    if (reach != AIRE_REACH_STEP)
        return knob->values[aire__rng_below(rng, knob->value_count)];
    for (size_t i = 1; i < knob->value_count; i++)
        if (fabs(knob->values[i] - from) < fabs(knob->values[nearest] - from))
            nearest = i;
    int64_t place = (int64_t)nearest + (int64_t)aire__rng_below(rng, 5) - 2;
    place = place < 0 ? 0 : place;
    return knob
        ->values[place < (int64_t)knob->value_count ? place : (int64_t)knob->value_count - 1];
}

static double draw_number(const aire_env_knob *knob, aire_rng *rng, double from, aire_reach reach)
{
    if (knob->value_count)
        return draw_listed(knob, rng, from, reach);
    if (reach == AIRE_REACH_ANYWHERE || (is_log(knob) && from <= 0))
        return allowed(knob, at_place(knob, aire__rng_unit(rng)));
    double normal = aire__rng_normal(rng);
    if (is_log(knob))
        return allowed(knob, from * exp(log_spread[reach] * normal));
    return allowed(knob, from + linear_spread[reach] * normal * (knob->max - knob->min));
}

static bool draw_choice(const aire_env_knob *knob, aire_rng *rng, const aire_turn *from,
                        aire_turn *out)
{
    size_t others = knob->choice_count - (from->turned ? 1 : 0);
    if (others == 0)
        return false;
    size_t choice = (size_t)aire__rng_below(rng, others);
    if (from->turned && choice >= from->choice)
        choice++;
    *out = (aire_turn){.turned = true, .choice = choice};
    return true;
}

bool aire__knob_draw(const aire_env_knob *knob, aire_rng *rng, const aire_turn *from,
                     aire_reach reach, aire_turn *out)
{
    if (!knob->is_number)
        return draw_choice(knob, rng, from, out);
    if (!knob->value_count && !(knob->max > knob->min))
        return false;
    double here = from->turned ? from->value : knob->value;
    for (int i = 0; i < TRIES; i++) {
        double value = draw_number(knob, rng, here, reach);
        if (value != here && value != knob->value) {
            *out = (aire_turn){.turned = true, .value = value};
            return true;
        }
    }
    return false;
}
