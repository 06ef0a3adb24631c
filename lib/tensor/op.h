/* Operators, as tapes know them: how a result's shape follows, and how to call the kernels. */
#ifndef AIRE_TENSOR_OP_H
#define AIRE_TENSOR_OP_H

#include "tensor/tape.h"

/* Values that the backward operator reads. */
enum { NEEDS_A = 1, NEEDS_B = 2, NEEDS_C = 4, NEEDS_OUTPUT = 8 };

/* How the result relates to the first input's memory and gradient. */
typedef enum aire_alias {
    ALIAS_NONE,
    ALIAS_SHARED,  /* same value and same gradient */
    ALIAS_DETACHED /* same value, no gradient */
} aire_alias;

struct aire_op {
    const char *name;
    int32_t inputs;    /* places for inputs */
    uint32_t optional; /* bit i: input i may be absent */
    uint32_t integer;  /* bit i: input i holds int32_t */
    uint32_t needs;    /* NEEDS_* */
    aire_alias alias;
    bool distinct;        /* the gradients of the inputs are written together: no input twice */
    bool can_fault;       /* reports ids that are out of range */
    int32_t variant;      /* for operators that share their functions */
    double factor;        /* as above */
    const char *ints[4];  /* names of integer attributes */
    const char *reals[2]; /* names of real attributes */
    bool shape;           /* has a shape as attribute */

    /* Set the node's rank and dims from its inputs and attributes; may make attributes definite. */
    aire_status (*infer)(aire_tensor *node);
    /* Floats kept from forward to backward; NULL for none. */
    int64_t (*state)(const aire_tensor *node);
    /* Bytes of working space; NULL for none. */
    size_t (*scratch)(const aire_tape *tape, const aire_tensor *node);
    /* NULL for aliases. */
    void (*forward)(aire_tape *tape, const aire_tensor *node);
    void (*backward)(aire_tape *tape, const aire_tensor *node);
};

/* NULL if there is no operator of that name. */
const aire_op *aire__op_find(const char *name);

/* Groups of operators; each array ends in a name of NULL. */
extern const aire_op aire__elementwise_ops[];
extern const aire_op aire__matrix_ops[];
extern const aire_op aire__row_ops[];
extern const aire_op aire__shape_ops[];

/* In `infer`: what is wrong with the inputs; their shapes are appended. Returns AIRE_INVALID. */
aire_status aire__op_fail(const aire_tensor *node, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* In `infer`: the node has the shape of `like`. */
void aire__op_shape_like(aire_tensor *node, const aire_tensor *like);

/* In `infer`: turn an axis that may count from the end into one from 0. */
aire_status aire__op_axis(aire_tensor *node, int32_t which, int32_t rank);

/* In `forward` and `backward`. */
static inline void *aire__value(const aire_tensor *tensor)
{
    return tensor ? tensor->root->value : NULL;
}

/* The gradient that has come to a node. */
static inline const void *aire__grad(const aire_tensor *tensor)
{
    return tensor->root->grad;
}

/* Where the gradient of input `slot` goes, NULL if none is wanted; sets its bit in *add if it adds
 * to what is there. To be called once for each slot, in order. */
void *aire__grad_of(const aire_tensor *node, int32_t slot, uint32_t *add);

/* Product of the axes from `first` to `last` - 1. */
static inline int64_t aire__product(const aire_tensor *tensor, int32_t first, int32_t last)
{
    int64_t product = 1;
    for (int32_t axis = first; axis < last; axis++)
        product *= tensor->dims[axis];
    return product;
}

static inline int64_t aire__last_dim(const aire_tensor *tensor)
{
    return tensor->rank > 0 ? tensor->dims[tensor->rank - 1] : 1;
}

#endif
