/* The optimizer: AdamW on all parameters, the norm of the gradients clipped, warm-up and then a
 * linear decay. */
#include <stdlib.h>

#include "nanogpt.h"

#define LEARNING_RATE 1.5e-3
#define BETA1 0.9
#define BETA2 0.95
#define EPS 1e-8
#define WEIGHT_DECAY 0.1
#define CLIP_NORM 1.0
#define WARMUP_FRACTION 0.1
#define FINAL_FRACTION 0.1

/* First and second moments of a parameter. */
typedef struct moments {
    float *m, *v;
} moments;

static double learning_rate(int64_t step, int64_t steps)
{
    int64_t warmup = (int64_t)(WARMUP_FRACTION * (double)steps);
    return LEARNING_RATE * aire_schedule_linear(step, steps, warmup, FINAL_FRACTION);
}

static moments *all_moments(aire_tape *tape)
{
    static moments *all;
    size_t count = aire_tape_param_count(tape);
    if (all)
        return all;
    all = calloc(count, sizeof *all);
    for (size_t i = 0; all && i < count; i++) {
        size_t size = (size_t)aire_tensor_count(aire_tape_param(tape, i));
        all[i] = (moments){calloc(size, sizeof(float)), calloc(size, sizeof(float))};
        if (!all[i].m || !all[i].v)
            return NULL;
    }
    return all;
}

int update_parameters(aire_tape *tape, int64_t step, int64_t steps)
{
    moments *state = all_moments(tape);
    aire_adamw settings = {learning_rate(step, steps), BETA1, BETA2, EPS, WEIGHT_DECAY};
    if (!state)
        return 0;
    aire_clip_grad_norm(tape, CLIP_NORM);
    for (size_t i = 0; i < aire_tape_param_count(tape); i++) {
        aire_tensor *param = aire_tape_param(tape, i);
        aire_adamw_step(aire_tensor_data(param), aire_tensor_grad(param), state[i].m, state[i].v,
                        (size_t)aire_tensor_count(param), &settings, step + 1);
    }
    return 1;
}
