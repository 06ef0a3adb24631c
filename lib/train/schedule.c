/* Learning-rate schedules. */
#include <math.h>

#include "aire/optim.h"

/* How far the fall has come, from 0 at step `begin` to 1 at the last step. */
static double fall(int64_t step, int64_t begin, int64_t steps)
{
    if (step <= begin)
        return 0;
    if (step >= steps - 1)
        return 1;
    return (double)(step - begin) / (double)(steps - 1 - begin);
}

static double rise(int64_t step, int64_t warmup)
{
    return (double)(step + 1) / (double)warmup;
}

double aire_schedule_linear(int64_t step, int64_t steps, int64_t warmup, double final)
{
    if (step < warmup)
        return rise(step, warmup);
    return 1 - (1 - final) * fall(step, warmup, steps);
}

double aire_schedule_cosine(int64_t step, int64_t steps, int64_t warmup, double final)
{
    if (step < warmup)
        return rise(step, warmup);
    return final + (1 - final) * 0.5 * (1 + cos(M_PI * fall(step, warmup, steps)));
}

double aire_schedule_trapezoid(int64_t step, int64_t steps, int64_t warmup, int64_t cooldown,
                               double final)
{
    int64_t begin = steps - cooldown > warmup ? steps - cooldown : warmup;
    if (step < warmup)
        return rise(step, warmup);
    return 1 - (1 - final) * fall(step, begin, steps);
}
