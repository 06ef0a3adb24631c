/* Operators that treat each element by itself: f(x), and a op b with repeated axes. */
#include "tensor/op.h"

#include <string.h>

static aire_status unary_infer(aire_tensor *node)
{
    if (node->op->variant == AIRE_UNARY_SOFTCAP && node->attributes.reals[0] <= 0)
        return aire__op_fail(node, "cap is %g, expected more than 0", node->attributes.reals[0]);
    aire__op_shape_like(node, node->inputs[0]);
    return AIRE_OK;
}

static void unary_forward(aire_tape *tape, const aire_tensor *node)
{
    tape->kernels->unary(tape->stream, node->op->variant, node->attributes.reals[0],
                         aire__value(node->inputs[0]), node->value, node->count);
}

static void unary_backward(aire_tape *tape, const aire_tensor *node)
{
    uint32_t add = 0;
    void *dx = aire__grad_of(node, 0, &add);
    if (dx)
        tape->kernels->unary_backward(tape->stream, node->op->variant, node->attributes.reals[0],
                                      aire__value(node->inputs[0]), node->value, aire__grad(node),
                                      dx, node->count, add);
}

/* Size of an axis, counted from the last one; 1 where there is none. */
static int64_t dim_from_end(const aire_tensor *tensor, int32_t back)
{
    return back < tensor->rank ? tensor->dims[tensor->rank - 1 - back] : 1;
}

static aire_status binary_infer(aire_tensor *node)
{
    const aire_tensor *a = node->inputs[0], *b = node->inputs[1];
    node->rank = a->rank > b->rank ? a->rank : b->rank;
    for (int32_t back = 0; back < node->rank; back++) {
        int64_t x = dim_from_end(a, back), y = dim_from_end(b, back);
        if (x != y && x != 1 && y != 1)
            return aire__op_fail(node, "axes of %lld and %lld elements do not match", (long long)x,
                                 (long long)y);
        node->dims[node->rank - 1 - back] = x > y ? x : y;
    }
    return AIRE_OK;
}

/*
 * The walk over a and b that gives the node's elements in order. Axes that lie together in both
 * become one, so that the innermost is as long as can be.
 */
static void binary_walk(const aire_tensor *node, aire_kernel_walk *walk)
{
    int64_t a_step = 1, b_step = 1;
    int32_t at = AIRE_KERNEL_AXES - 1;

    for (int axis = 0; axis < AIRE_KERNEL_AXES; axis++) {
        walk->dims[axis] = 1;
        walk->a[axis] = walk->b[axis] = 0;
    }
    for (int32_t back = 0; back < node->rank; back++) {
        int64_t n = dim_from_end(node, back);
        int64_t x = dim_from_end(node->inputs[0], back), y = dim_from_end(node->inputs[1], back);
        int64_t a = x == 1 ? 0 : a_step, b = y == 1 ? 0 : b_step;
        a_step *= x;
        b_step *= y;
        if (n == 1)
            continue;
        bool joins = walk->dims[at] > 1 && a == walk->a[at] * walk->dims[at] &&
                     b == walk->b[at] * walk->dims[at];
        if (walk->dims[at] > 1 && !joins)
            at--;
        if (!joins) {
            walk->a[at] = a;
            walk->b[at] = b;
        }
        walk->dims[at] *= n;
    }
}

static void binary_forward(aire_tape *tape, const aire_tensor *node)
{
    aire_kernel_walk walk;
    binary_walk(node, &walk);
    tape->kernels->binary(tape->stream, node->op->variant, &walk, aire__value(node->inputs[0]),
                          aire__value(node->inputs[1]), node->value);
}

static void binary_backward(aire_tape *tape, const aire_tensor *node)
{
    aire_kernel_walk walk;
    uint32_t add = 0;
    void *da = aire__grad_of(node, 0, &add), *db = aire__grad_of(node, 1, &add);
    binary_walk(node, &walk);
    tape->kernels->binary_backward(tape->stream, node->op->variant, &walk,
                                   aire__value(node->inputs[0]), aire__value(node->inputs[1]),
                                   aire__grad(node), da, db, add);
}

#define UNARY(kind, word, reads, real)                                                             \
    {                                                                                              \
        .name = word, .inputs = 1, .needs = reads, .variant = AIRE_UNARY_##kind, .reals = {real},  \
        .infer = unary_infer, .forward = unary_forward, .backward = unary_backward                 \
    }

#define BINARY(kind, word, reads)                                                                  \
    {                                                                                              \
        .name = word, .inputs = 2, .needs = reads, .variant = AIRE_BINARY_##kind,                  \
        .infer = binary_infer, .forward = binary_forward, .backward = binary_backward              \
    }

const aire_op aire__elementwise_ops[] = {
    UNARY(SCALE, "scale", 0, "factor"),
    UNARY(OFFSET, "offset", 0, "constant"),
    UNARY(RELU, "relu", NEEDS_A, NULL),
    UNARY(RELU_SQUARED, "relu_squared", NEEDS_A, NULL),
    UNARY(GELU, "gelu", NEEDS_A, NULL),
    UNARY(GELU_TANH, "gelu_tanh", NEEDS_A, NULL),
    UNARY(SILU, "silu", NEEDS_A, NULL),
    UNARY(SIGMOID, "sigmoid", NEEDS_OUTPUT, NULL),
    UNARY(TANH, "tanh", NEEDS_OUTPUT, NULL),
    UNARY(EXP, "exp", NEEDS_OUTPUT, NULL),
    UNARY(LN, "ln", NEEDS_A, NULL),
    UNARY(SQRT, "sqrt", NEEDS_OUTPUT, NULL),
    UNARY(SQUARE, "square", NEEDS_A, NULL),
    UNARY(SOFTCAP, "softcap", NEEDS_OUTPUT, "cap"),
    BINARY(ADD, "add", 0),
    BINARY(SUB, "sub", 0),
    BINARY(MUL, "mul", NEEDS_A | NEEDS_B),
    BINARY(DIV, "div", NEEDS_A | NEEDS_B),
    {.name = NULL},
};
