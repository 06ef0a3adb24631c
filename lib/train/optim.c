/* Optimizers, each a plain loop over arrays. */
#include "aire/optim.h"

#include <math.h>

void aire_adamw_step(float *values, const float *grad, float *m, float *v, size_t count,
                     const aire_adamw *settings, int64_t step)
{
    const float beta1 = (float)settings->beta1, beta2 = (float)settings->beta2;
    const float keep = (float)(1 - settings->lr * settings->weight_decay);
    const float rate = (float)(settings->lr / (1 - pow(settings->beta1, (double)step)));
    const float root = (float)sqrt(1 - pow(settings->beta2, (double)step));
    const float eps = (float)settings->eps;
    for (size_t i = 0; i < count; i++) {
        m[i] = beta1 * m[i] + (1 - beta1) * grad[i];
        v[i] = beta2 * v[i] + (1 - beta2) * grad[i] * grad[i];
        values[i] = keep * values[i] - rate * m[i] / (sqrtf(v[i]) / root + eps);
    }
}

void aire_sgd_step(float *values, const float *grad, float *buffer, size_t count, double lr,
                   double momentum, double weight_decay)
{
    const float rate = (float)lr, inertia = (float)momentum, decay = (float)weight_decay;
    for (size_t i = 0; i < count; i++) {
        float direction = grad[i] + decay * values[i];
        if (buffer)
            direction = buffer[i] = inertia * buffer[i] + direction;
        values[i] -= rate * direction;
    }
}

/* In double, and in order: the same bits for any number of threads. */
double aire_grad_norm(aire_tape *tape)
{
    double sum = 0;
    for (size_t p = 0; p < aire_tape_param_count(tape); p++) {
        aire_tensor *param = aire_tape_param(tape, p);
        const float *grad = aire_tensor_grad(param);
        int64_t count = grad ? aire_tensor_count(param) : 0;
        for (int64_t i = 0; i < count; i++)
            sum += (double)grad[i] * grad[i];
    }
    return sqrt(sum);
}

double aire_clip_grad_norm(aire_tape *tape, double max_norm)
{
    double norm = aire_grad_norm(tape);
    if (!(norm > max_norm))
        return norm;
    const float factor = (float)(max_norm / norm);
    for (size_t p = 0; p < aire_tape_param_count(tape); p++) {
        aire_tensor *param = aire_tape_param(tape, p);
        float *grad = aire_tensor_grad(param);
        int64_t count = grad ? aire_tensor_count(param) : 0;
        for (int64_t i = 0; i < count; i++)
            grad[i] *= factor;
    }
    return norm;
}
