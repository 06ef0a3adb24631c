/* Operators on rows, the last axis: norms, softmax, losses, rotary positions, and sums. */
#include "tensor/op.h"

#include <string.h>

static int64_t rows_of(const aire_tensor *tensor)
{
    return tensor->count / aire__last_dim(tensor);
}

static aire_status norm_infer(aire_tensor *node)
{
    const aire_tensor *x = node->inputs[0];
    if (x->rank < 1)
        return aire__op_fail(node, "expected at least one axis");
    for (int i = 1; i < node->op->inputs; i++) {
        const aire_tensor *input = node->inputs[i];
        if (input && (input->rank != 1 || input->dims[0] != aire__last_dim(x)))
            return aire__op_fail(node, "expected gain and bias [%lld]",
                                 (long long)aire__last_dim(x));
    }
    if (node->attributes.reals[0] < 0)
        return aire__op_fail(node, "eps is %g, expected 0 or more", node->attributes.reals[0]);
    aire__op_shape_like(node, x);
    return AIRE_OK;
}

static int64_t rmsnorm_state(const aire_tensor *node)
{
    return rows_of(node);
}

static void rmsnorm_forward(aire_tape *tape, const aire_tensor *node)
{
    tape->kernels->rmsnorm(tape->stream, rows_of(node), aire__last_dim(node),
                           node->attributes.reals[0], aire__value(node->inputs[0]),
                           aire__value(node->inputs[1]), node->value, node->state);
}

static void rmsnorm_backward(aire_tape *tape, const aire_tensor *node)
{
    uint32_t add = 0;
    void *dx = aire__grad_of(node, 0, &add), *dgain = aire__grad_of(node, 1, &add);
    tape->kernels->rmsnorm_backward(tape->stream, rows_of(node), aire__last_dim(node),
                                    aire__value(node->inputs[0]), aire__value(node->inputs[1]),
                                    node->state, aire__grad(node), dx, dgain, add);
}

static int64_t layernorm_state(const aire_tensor *node)
{
    return 2 * rows_of(node);
}

static void layernorm_forward(aire_tape *tape, const aire_tensor *node)
{
    tape->kernels->layernorm(tape->stream, rows_of(node), aire__last_dim(node),
                             node->attributes.reals[0], aire__value(node->inputs[0]),
                             aire__value(node->inputs[1]), aire__value(node->inputs[2]),
                             node->value, node->state);
}

static void layernorm_backward(aire_tape *tape, const aire_tensor *node)
{
    uint32_t add = 0;
    void *dx = aire__grad_of(node, 0, &add), *dgain = aire__grad_of(node, 1, &add);
    void *dbias = aire__grad_of(node, 2, &add);
    tape->kernels->layernorm_backward(tape->stream, rows_of(node), aire__last_dim(node),
                                      aire__value(node->inputs[0]), aire__value(node->inputs[1]),
                                      node->state, aire__grad(node), dx, dgain, dbias, add);
}

static aire_status softmax_infer(aire_tensor *node)
{
    const aire_tensor *x = node->inputs[0];
    if (x->rank < 1)
        return aire__op_fail(node, "expected at least one axis");
    aire__op_shape_like(node, x);
    return AIRE_OK;
}

static aire_status causal_softmax_infer(aire_tensor *node)
{
    const aire_tensor *x = node->inputs[0];
    if (x->rank < 2 || x->dims[x->rank - 2] != aire__last_dim(x))
        return aire__op_fail(node, "expected scores [..., T, T]");
    if (node->attributes.ints[0] < 0)
        return aire__op_fail(node, "window is %lld, expected 0 or more",
                             (long long)node->attributes.ints[0]);
    aire__op_shape_like(node, x);
    return AIRE_OK;
}

/* variant: 1 for the causal one. */
static int64_t queries_of(const aire_tensor *node)
{
    return node->op->variant ? aire__last_dim(node) : 0;
}

static void softmax_forward(aire_tape *tape, const aire_tensor *node)
{
    tape->kernels->softmax(tape->stream, rows_of(node), aire__last_dim(node), queries_of(node),
                           node->attributes.ints[0], aire__value(node->inputs[0]), node->value);
}

static void softmax_backward(aire_tape *tape, const aire_tensor *node)
{
    uint32_t add = 0;
    void *dx = aire__grad_of(node, 0, &add);
    if (dx)
        tape->kernels->softmax_backward(tape->stream, rows_of(node), aire__last_dim(node),
                                        queries_of(node), node->attributes.ints[0], node->value,
                                        aire__grad(node), dx, add);
}

static aire_status logsumexp_infer(aire_tensor *node)
{
    aire_status status = softmax_infer(node);
    if (status == AIRE_OK)
        node->dims[node->rank - 1] = 1;
    return status;
}

static void logsumexp_forward(aire_tape *tape, const aire_tensor *node)
{
    const aire_tensor *x = node->inputs[0];
    tape->kernels->logsumexp(tape->stream, rows_of(x), aire__last_dim(x), aire__value(x),
                             node->value);
}

static void logsumexp_backward(aire_tape *tape, const aire_tensor *node)
{
    const aire_tensor *x = node->inputs[0];
    uint32_t add = 0;
    void *dx = aire__grad_of(node, 0, &add);
    if (dx)
        tape->kernels->logsumexp_backward(tape->stream, rows_of(x), aire__last_dim(x),
                                          aire__value(x), node->value, aire__grad(node), dx, add);
}

/* Sums and means; variant: 1 over one axis, 0 over all. `factor`: 1 for means. */

static aire_status sum_infer(aire_tensor *node)
{
    const aire_tensor *x = node->inputs[0];
    if (!node->op->variant)
        return AIRE_OK; /* a scalar */
    aire_status status = aire__op_axis(node, 0, x->rank);
    if (status != AIRE_OK)
        return status;
    aire__op_shape_like(node, x);
    node->dims[node->attributes.ints[0]] = 1;
    return AIRE_OK;
}

typedef struct sum_shape {
    int64_t outer, n, inner;
    double factor;
} sum_shape;

static sum_shape sum_shape_of(const aire_tensor *node)
{
    const aire_tensor *x = node->inputs[0];
    sum_shape shape = {1, x->count, 1, 1.0};
    if (node->op->variant) {
        int32_t axis = (int32_t)node->attributes.ints[0];
        shape.outer = aire__product(x, 0, axis);
        shape.n = x->dims[axis];
        shape.inner = aire__product(x, axis + 1, x->rank);
    }
    if (node->op->factor != 0)
        shape.factor = 1.0 / (double)shape.n;
    return shape;
}

static void sum_forward(aire_tape *tape, const aire_tensor *node)
{
    sum_shape shape = sum_shape_of(node);
    tape->kernels->sum(tape->stream, shape.outer, shape.n, shape.inner, shape.factor,
                       aire__value(node->inputs[0]), node->value, 0);
}

static void sum_backward(aire_tape *tape, const aire_tensor *node)
{
    sum_shape shape = sum_shape_of(node);
    uint32_t add = 0;
    void *dx = aire__grad_of(node, 0, &add);
    if (dx)
        tape->kernels->repeat(tape->stream, shape.outer, shape.n, shape.inner, shape.factor,
                              aire__grad(node), dx, add);
}

static aire_status rope_infer(aire_tensor *node)
{
    const aire_tensor *x = node->inputs[0], *positions = node->inputs[1];
    if (x->rank != 4 || x->dims[3] % 2 != 0)
        return aire__op_fail(node, "expected x [B, T, heads, D] with an even D");
    if (node->attributes.reals[0] <= 0)
        return aire__op_fail(node, "theta is %g, expected more than 0", node->attributes.reals[0]);
    bool per_token = positions && positions->rank == 1 && positions->dims[0] == x->dims[1];
    bool per_batch = positions && positions->rank == 2 && positions->dims[0] == x->dims[0] &&
                     positions->dims[1] == x->dims[1];
    if (positions && !per_token && !per_batch)
        return aire__op_fail(node, "expected positions [T] or [B, T]");
    aire__op_shape_like(node, x);
    return AIRE_OK;
}

static void rope_run(aire_tape *tape, const aire_tensor *node, int32_t inverse, const void *from,
                     void *to, uint32_t add)
{
    const aire_tensor *positions = node->inputs[1];
    tape->kernels->rope(tape->stream, node->dims[0], node->dims[1], node->dims[2], node->dims[3],
                        node->attributes.reals[0], positions && positions->rank == 2, inverse,
                        aire__value(positions), from, to, add);
}

static void rope_forward(aire_tape *tape, const aire_tensor *node)
{
    rope_run(tape, node, 0, aire__value(node->inputs[0]), node->value, 0);
}

static void rope_backward(aire_tape *tape, const aire_tensor *node)
{
    uint32_t add = 0;
    void *dx = aire__grad_of(node, 0, &add);
    if (dx)
        rope_run(tape, node, 1, aire__grad(node), dx, add);
}

/* Losses; variant: 1 for the mean over all targets. The mean keeps the losses in its state too. */

static aire_status loss_infer(aire_tensor *node)
{
    const aire_tensor *logits = node->inputs[0], *targets = node->inputs[1];
    bool fits = logits->rank == targets->rank + 1;
    for (int32_t axis = 0; fits && axis < targets->rank; axis++)
        fits = logits->dims[axis] == targets->dims[axis];
    if (!fits)
        return aire__op_fail(node, "expected logits [..., V] and targets [...]");
    if (!node->op->variant)
        aire__op_shape_like(node, targets);
    return AIRE_OK;
}

static int64_t loss_state(const aire_tensor *node)
{
    int64_t rows = node->inputs[1]->count;
    return rows + 1 + (node->op->variant ? rows : 0);
}

static void loss_forward(aire_tape *tape, const aire_tensor *node)
{
    const aire_tensor *logits = node->inputs[0], *targets = node->inputs[1];
    const int64_t rows = targets->count;
    char *after_state = (char *)node->state + (size_t)(rows + 1) * tape->kernels->element_bytes;
    void *losses = node->op->variant ? after_state : node->value;
    tape->kernels->cross_entropy(tape->stream, rows, aire__last_dim(logits),
                                 node->attributes.ints[0], aire__value(logits),
                                 aire__value(targets), losses,
                                 node->op->variant ? node->value : NULL, node->state, node->fault);
}

static void loss_backward(aire_tape *tape, const aire_tensor *node)
{
    const aire_tensor *logits = node->inputs[0], *targets = node->inputs[1];
    uint32_t add = 0;
    void *dlogits = aire__grad_of(node, 0, &add);
    if (dlogits)
        tape->kernels->cross_entropy_backward(tape->stream, targets->count, aire__last_dim(logits),
                                              node->attributes.ints[0], node->op->variant,
                                              aire__value(logits), aire__value(targets),
                                              node->state, aire__grad(node), dlogits, add);
}

#define SUM(word, one_axis, is_mean)                                                               \
    {                                                                                              \
        .name = word, .inputs = 1, .variant = one_axis, .factor = is_mean,                         \
        .ints = {one_axis ? "axis" : NULL}, .infer = sum_infer, .forward = sum_forward,            \
        .backward = sum_backward                                                                   \
    }

#define LOSS(word, is_mean)                                                                        \
    {                                                                                              \
        .name = word, .inputs = 2, .integer = NEEDS_B, .needs = NEEDS_A | NEEDS_B,                 \
        .can_fault = true, .variant = is_mean, .ints = {"ignore_index"}, .infer = loss_infer,      \
        .state = loss_state, .forward = loss_forward, .backward = loss_backward                    \
    }

const aire_op aire__row_ops[] = {
    {.name = "rmsnorm",
     .inputs = 2,
     .optional = NEEDS_B,
     .needs = NEEDS_A | NEEDS_B,
     .distinct = true,
     .reals = {"eps"},
     .infer = norm_infer,
     .state = rmsnorm_state,
     .forward = rmsnorm_forward,
     .backward = rmsnorm_backward},
    {.name = "layernorm",
     .inputs = 3,
     .optional = NEEDS_B | NEEDS_C,
     .needs = NEEDS_A | NEEDS_B,
     .distinct = true,
     .reals = {"eps"},
     .infer = norm_infer,
     .state = layernorm_state,
     .forward = layernorm_forward,
     .backward = layernorm_backward},
    {.name = "softmax",
     .inputs = 1,
     .needs = NEEDS_OUTPUT,
     .infer = softmax_infer,
     .forward = softmax_forward,
     .backward = softmax_backward},
    {.name = "causal_softmax",
     .inputs = 1,
     .needs = NEEDS_OUTPUT,
     .variant = 1,
     .ints = {"window"},
     .infer = causal_softmax_infer,
     .forward = softmax_forward,
     .backward = softmax_backward},
    {.name = "logsumexp",
     .inputs = 1,
     .needs = NEEDS_A | NEEDS_OUTPUT,
     .infer = logsumexp_infer,
     .forward = logsumexp_forward,
     .backward = logsumexp_backward},
    SUM("sum", 0, 0),
    SUM("mean", 0, 1),
    SUM("sum_axis", 1, 0),
    SUM("mean_axis", 1, 1),
    {.name = "rope",
     .inputs = 2,
     .optional = NEEDS_B,
     .integer = NEEDS_B,
     .needs = NEEDS_B,
     .reals = {"theta"},
     .infer = rope_infer,
     .forward = rope_forward,
     .backward = rope_backward},
    LOSS("cross_entropy", 1),
    LOSS("token_losses", 0),
    {.name = NULL},
};
