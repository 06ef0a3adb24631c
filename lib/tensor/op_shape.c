/* Operators that move elements: views, slices, and their like. */
#include "tensor/op.h"

#include <string.h>

static aire_status reshape_infer(aire_tensor *node)
{
    const aire_attributes *given = &node->attributes;
    char shape[AIRE_SHAPE_TEXT];
    int64_t rest = node->inputs[0]->count;

    if (given->rank < 0 || given->rank > AIRE_RANK_MAX)
        return aire__op_fail(node, "expected 0 to 4 axes");
    for (int32_t axis = 0; axis < given->rank; axis++) {
        if (given->dims[axis] < 1 || rest % given->dims[axis] != 0)
            return aire__op_fail(node, "expected as many elements as %s has",
                                 aire__shape_text(given->rank, given->dims, shape));
        rest /= given->dims[axis];
    }
    if (rest != 1)
        return aire__op_fail(node, "expected as many elements as %s has",
                             aire__shape_text(given->rank, given->dims, shape));
    node->rank = given->rank;
    memcpy(node->dims, given->dims, sizeof node->dims);
    return AIRE_OK;
}

static aire_status detach_infer(aire_tensor *node)
{
    aire__op_shape_like(node, node->inputs[0]);
    return AIRE_OK;
}

/* Strides of a dense tensor. */
static void dense_strides(const aire_tensor *tensor, int64_t strides[AIRE_RANK_MAX])
{
    int64_t step = 1;
    for (int32_t axis = tensor->rank - 1; axis >= 0; axis--) {
        strides[axis] = step;
        step *= tensor->dims[axis];
    }
}

/* A walk over the axes of `shape`, right-aligned, with the strides given for them. */
static aire_kernel_walk walk_of(const aire_tensor *shape, const int64_t *a, const int64_t *b)
{
    aire_kernel_walk walk;
    for (int axis = 0; axis < AIRE_KERNEL_AXES; axis++) {
        int32_t from = axis - (AIRE_KERNEL_AXES - shape->rank);
        walk.dims[axis] = from >= 0 ? shape->dims[from] : 1;
        walk.a[axis] = from >= 0 ? a[from] : 0;
        walk.b[axis] = from >= 0 ? b[from] : 0;
    }
    return walk;
}

static void *offset_by(const aire_tape *tape, const void *base, int64_t elements)
{
    /* The callers know which buffer is written. */
    return (char *)(uintptr_t)base + elements * (int64_t)tape->kernels->element_bytes;
}

static aire_status transpose_infer(aire_tensor *node)
{
    const aire_tensor *x = node->inputs[0];
    for (int32_t i = 0; i < 2; i++) {
        aire_status status = aire__op_axis(node, i, x->rank);
        if (status != AIRE_OK)
            return status;
    }
    const int64_t *axes = node->attributes.ints;
    aire__op_shape_like(node, x);
    node->dims[axes[0]] = x->dims[axes[1]];
    node->dims[axes[1]] = x->dims[axes[0]];
    return AIRE_OK;
}

/* The walk over the result's axes, with x's strides exchanged. */
static void transpose_strides(const aire_tensor *node, int64_t x[AIRE_RANK_MAX],
                              int64_t y[AIRE_RANK_MAX])
{
    const int64_t *axes = node->attributes.ints;
    dense_strides(node->inputs[0], x);
    dense_strides(node, y);
    int64_t first = x[axes[0]];
    x[axes[0]] = x[axes[1]];
    x[axes[1]] = first;
}

static void transpose_forward(aire_tape *tape, const aire_tensor *node)
{
    int64_t x[AIRE_RANK_MAX], y[AIRE_RANK_MAX];
    transpose_strides(node, x, y);
    aire_kernel_walk walk = walk_of(node, x, y);
    tape->kernels->copy(tape->stream, &walk, aire__value(node->inputs[0]), node->value, 0);
}

static void transpose_backward(aire_tape *tape, const aire_tensor *node)
{
    int64_t x[AIRE_RANK_MAX], y[AIRE_RANK_MAX];
    uint32_t add = 0;
    void *dx = aire__grad_of(node, 0, &add);
    transpose_strides(node, x, y);
    aire_kernel_walk walk = walk_of(node, y, x);
    if (dx)
        tape->kernels->copy(tape->stream, &walk, aire__grad(node), dx, add);
}

/*
 * Copy `length` elements of an axis between two tensors that are alike in all other axes: from
 * `from_start` in `from` to `to_start` in `to`. Elements of the axes after it lie together.
 */
typedef struct axis_copy {
    const aire_tensor *from, *to;
    int32_t axis;
    int64_t from_start, to_start, length;
} axis_copy;

static void copy_along(aire_tape *tape, const axis_copy *copy, const void *from, void *to,
                       uint32_t add)
{
    int64_t inner = aire__product(copy->from, copy->axis + 1, copy->from->rank);
    int64_t outer = aire__product(copy->from, 0, copy->axis);
    aire_kernel_walk walk = {
        .dims = {1, 1, outer, copy->length * inner},
        .a = {0, 0, copy->from->dims[copy->axis] * inner, 1},
        .b = {0, 0, copy->to->dims[copy->axis] * inner, 1},
    };
    tape->kernels->copy(tape->stream, &walk, offset_by(tape, from, copy->from_start * inner),
                        offset_by(tape, to, copy->to_start * inner), add);
}

/* The same copy the other way round. */
static axis_copy reversed(axis_copy copy)
{
    return (axis_copy){copy.to, copy.from, copy.axis, copy.to_start, copy.from_start, copy.length};
}

static void clear_unless(aire_tape *tape, const aire_tensor *tensor, void *memory, uint32_t add)
{
    if (!add)
        tape->kernels->clear(tape->stream, memory,
                             (size_t)tensor->count * tape->kernels->element_bytes);
}

enum { AXIS, START, LENGTH };

static aire_status slice_infer(aire_tensor *node)
{
    const aire_tensor *x = node->inputs[0];
    aire_status status = aire__op_axis(node, AXIS, x->rank);
    if (status != AIRE_OK)
        return status;
    const int64_t *ints = node->attributes.ints, size = x->dims[ints[AXIS]];
    if (ints[START] < 0 || ints[START] >= size || ints[LENGTH] < 1 ||
        ints[LENGTH] > size - ints[START])
        return aire__op_fail(node, "%lld elements from %lld on are not within an axis of %lld",
                             (long long)ints[LENGTH], (long long)ints[START], (long long)size);
    aire__op_shape_like(node, x);
    node->dims[ints[AXIS]] = ints[LENGTH];
    return AIRE_OK;
}

static axis_copy slice_copy(const aire_tensor *node)
{
    const int64_t *ints = node->attributes.ints;
    return (axis_copy){node->inputs[0], node, (int32_t)ints[AXIS], ints[START], 0, ints[LENGTH]};
}

static void slice_forward(aire_tape *tape, const aire_tensor *node)
{
    axis_copy copy = slice_copy(node);
    copy_along(tape, &copy, aire__value(node->inputs[0]), node->value, 0);
}

static void slice_backward(aire_tape *tape, const aire_tensor *node)
{
    axis_copy back = reversed(slice_copy(node));
    uint32_t add = 0;
    void *dx = aire__grad_of(node, 0, &add);
    if (!dx)
        return;
    clear_unless(tape, node->inputs[0], dx, add);
    copy_along(tape, &back, aire__grad(node), dx, AIRE_ADD_A);
}

static aire_status concat_infer(aire_tensor *node)
{
    const aire_tensor *a = node->inputs[0], *b = node->inputs[1];
    aire_status status = aire__op_axis(node, AXIS, a->rank);
    if (status != AIRE_OK)
        return status;
    bool fits = a->rank == b->rank;
    for (int32_t axis = 0; fits && axis < a->rank; axis++)
        fits = axis == node->attributes.ints[AXIS] || a->dims[axis] == b->dims[axis];
    if (!fits)
        return aire__op_fail(node, "axes other than axis %lld differ",
                             (long long)node->attributes.ints[AXIS]);
    aire__op_shape_like(node, a);
    node->dims[node->attributes.ints[AXIS]] += b->dims[node->attributes.ints[AXIS]];
    return AIRE_OK;
}

static axis_copy concat_copy(const aire_tensor *node, int32_t which)
{
    const int32_t axis = (int32_t)node->attributes.ints[AXIS];
    const aire_tensor *part = node->inputs[which];
    int64_t start = which ? node->inputs[0]->dims[axis] : 0;
    return (axis_copy){part, node, axis, 0, start, part->dims[axis]};
}

static void concat_forward(aire_tape *tape, const aire_tensor *node)
{
    for (int32_t i = 0; i < 2; i++) {
        axis_copy copy = concat_copy(node, i);
        copy_along(tape, &copy, aire__value(node->inputs[i]), node->value, 0);
    }
}

static void concat_backward(aire_tape *tape, const aire_tensor *node)
{
    for (int32_t i = 0; i < 2; i++) {
        axis_copy back = reversed(concat_copy(node, i));
        uint32_t add = 0;
        void *dx = aire__grad_of(node, i, &add);
        if (dx)
            copy_along(tape, &back, aire__grad(node), dx, add);
    }
}

enum { COUNT = 1 };

static aire_status shift_infer(aire_tensor *node)
{
    aire_status status = aire__op_axis(node, AXIS, node->inputs[0]->rank);
    if (status == AIRE_OK)
        aire__op_shape_like(node, node->inputs[0]);
    return status;
}

/* The elements that stay within the axis; length 0 if none does. */
static axis_copy shift_copy(const aire_tensor *node)
{
    const int64_t *ints = node->attributes.ints, size = node->dims[ints[AXIS]];
    axis_copy copy = {node->inputs[0], node, (int32_t)ints[AXIS], 0, 0, 0};
    if (ints[COUNT] >= 0 && ints[COUNT] < size) {
        copy.to_start = ints[COUNT];
        copy.length = size - ints[COUNT];
    } else if (ints[COUNT] < 0 && ints[COUNT] > -size) {
        copy.from_start = -ints[COUNT];
        copy.length = size + ints[COUNT];
    }
    return copy;
}

static void shift_forward(aire_tape *tape, const aire_tensor *node)
{
    axis_copy copy = shift_copy(node);
    clear_unless(tape, node, node->value, 0);
    if (copy.length > 0)
        copy_along(tape, &copy, aire__value(node->inputs[0]), node->value, 0);
}

static void shift_backward(aire_tape *tape, const aire_tensor *node)
{
    axis_copy back = reversed(shift_copy(node));
    uint32_t add = 0;
    void *dx = aire__grad_of(node, 0, &add);
    if (!dx)
        return;
    clear_unless(tape, node, dx, add);
    if (back.length > 0)
        copy_along(tape, &back, aire__grad(node), dx, AIRE_ADD_A);
}

const aire_op aire__shape_ops[] = {
    {.name = "reshape", .inputs = 1, .alias = ALIAS_SHARED, .shape = true, .infer = reshape_infer},
    {.name = "detach", .inputs = 1, .alias = ALIAS_DETACHED, .infer = detach_infer},
    {.name = "transpose",
     .inputs = 1,
     .ints = {"axis", "other"},
     .infer = transpose_infer,
     .forward = transpose_forward,
     .backward = transpose_backward},
    {.name = "slice",
     .inputs = 1,
     .ints = {"axis", "start", "length"},
     .infer = slice_infer,
     .forward = slice_forward,
     .backward = slice_backward},
    {.name = "concat",
     .inputs = 2,
     .ints = {"axis"},
     .infer = concat_infer,
     .forward = concat_forward,
     .backward = concat_backward},
    {.name = "shift",
     .inputs = 1,
     .ints = {"axis", "count"},
     .infer = shift_infer,
     .forward = shift_forward,
     .backward = shift_backward},
    {.name = NULL},
};
