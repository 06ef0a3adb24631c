/**
 * @file optim.h
 * Optimizers and schedules as plain functions over arrays, for training programs to call or
 * replace.
 *
 * A program loops over the parameters of its tape (aire_tape_param) and gives each one's values,
 * gradient and state. All functions are thread-safe on different arrays, and give the same bits
 * each time.
 */
#ifndef AIRE_OPTIM_H
#define AIRE_OPTIM_H

#include "aire/tensor.h"

AIRE_BEGIN_DECLS

/** Settings of aire_adamw_step. */
typedef struct aire_adamw {
    double lr;           /**< learning rate of this step, 0 or more */
    double beta1;        /**< decay of the first moment, in [0, 1) */
    double beta2;        /**< decay of the second moment, in [0, 1) */
    double eps;          /**< added to the root of the second moment, > 0 */
    double weight_decay; /**< decoupled: values shrink by lr * weight_decay first */
} aire_adamw;

/**
 * One step of AdamW (Loshchilov and Hutter 2019, algorithm 2, with bias correction), in the order
 * of operations that torch.optim.AdamW has.
 *
 * @param values [count], changed
 * @param grad   [count]
 * @param m      [count], first moment: zero at first, changed
 * @param v      [count], second moment: zero at first, changed
 * @param step   number of this step, from 1
 * @since 0.1
 */
AIRE_API void aire_adamw_step(float *values, const float *grad, float *m, float *v, size_t count,
                              const aire_adamw *settings, int64_t step);

/**
 * One step of gradient descent with momentum: buffer = momentum * buffer + grad + weight_decay *
 * value; value -= lr * buffer.
 *
 * @param buffer [count], zero at first, changed; NULL where momentum is 0
 * @since 0.1
 */
AIRE_API void aire_sgd_step(float *values, const float *grad, float *buffer, size_t count,
                            double lr, double momentum, double weight_decay);

/** Euclidean norm of all gradients of a tape's parameters together; 0 without gradients. @since 0.1
 */
AIRE_API double aire_grad_norm(aire_tape *tape);

/**
 * Scale all gradients of a tape by one factor, so that their norm is at most @p max_norm (> 0).
 * @return the norm before
 * @since 0.1
 */
AIRE_API double aire_clip_grad_norm(aire_tape *tape, double max_norm);

/**
 * Learning-rate factors in [0, 1] for step @p step (from 0) of @p steps: they rise linearly over
 * the first @p warmup steps, as (step + 1) / warmup, and then linear: fall linearly to @p final,
 * reached at the last step.
 * @since 0.1
 */
AIRE_API double aire_schedule_linear(int64_t step, int64_t steps, int64_t warmup, double final);

/** As aire_schedule_linear, but falls by half a cosine. @since 0.1 */
AIRE_API double aire_schedule_cosine(int64_t step, int64_t steps, int64_t warmup, double final);

/** As aire_schedule_linear, but stays at 1 until the last @p cooldown steps, and falls over those.
 * @since 0.1 */
AIRE_API double aire_schedule_trapezoid(int64_t step, int64_t steps, int64_t warmup,
                                        int64_t cooldown, double final);

AIRE_END_DECLS

#endif
