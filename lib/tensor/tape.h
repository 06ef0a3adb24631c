/*
 * What a tape is made of, inside the room.
 *
 * A tape is a list of nodes, and a node is a tensor: a parameter, an input, or the result of an
 * operator on earlier nodes. So there can be no cycle, and the order of recording is an order of
 * execution. A finished tape is never changed, only replayed.
 */
#ifndef AIRE_TENSOR_TAPE_H
#define AIRE_TENSOR_TAPE_H

#include <stdarg.h>
#include <stdbool.h>

#include "aire/error.h"
#include "aire/tensor.h"
#include "base/ref.h"
#include "kernels/kernels.h"

#define AIRE_NODES_MAX 16384
#define AIRE_COUNT_MAX ((int64_t)1 << 40) /* elements of a tensor */
#define AIRE_NAME_MAX 255                 /* bytes of a name */
#define AIRE_INPUTS_MAX 3

typedef struct aire_op aire_op;

/* What an operator needs besides tensors; which fields have a meaning, its aire_op says. */
typedef struct aire_attributes {
    int64_t ints[4];
    double reals[2];
    int32_t rank; /* of dims, for a shape */
    int64_t dims[AIRE_RANK_MAX];
} aire_attributes;

typedef enum aire_leaf { LEAF_NONE, LEAF_PARAM, LEAF_INPUT } aire_leaf;

struct aire_tensor {
    aire_tape *tape; /* borrowed: it owns this node */
    int64_t index;
    aire_leaf leaf;
    const aire_op *op; /* NULL for a leaf */
    bool integer;      /* int32_t elements; else the backend's floats */
    int32_t rank;
    int64_t dims[AIRE_RANK_MAX];
    int64_t count;
    aire_tensor *inputs[AIRE_INPUTS_MAX]; /* NULL where an optional one is absent */
    aire_attributes attributes;
    int32_t init;      /* of a parameter */
    double init_value; /* of a parameter */
    char *name;        /* of a leaf; of an output its first name, which the output owns */
    char *where;       /* place in the program; NULL if unknown */

    aire_tensor *root; /* whose value this is: another node's for a reshaped or detached one */

    /* Set by aire_tape_finish. */
    bool live;       /* an output or the loss depends on it */
    bool trained;    /* a parameter moves it, through operators that have gradients */
    bool kept;       /* an output or the loss: its value lasts */
    bool on_path;    /* its gradient is computed */
    bool shared;     /* a parameter whose memory is another tape's */
    void *value;     /* of a root */
    void *grad;      /* of a root; NULL where none is wanted */
    void *state;     /* what the operator keeps from forward to backward */
    int64_t *fault;  /* where the operator tells a bad id; see kernels.h */
    bool grad_begun; /* something was written to it in this backward pass */
};

typedef struct aire_named {
    char *name;
    aire_tensor *tensor;
} aire_named;

typedef enum aire_tape_state {
    TAPE_RECORDING,
    TAPE_FINISHED,
    TAPE_FORWARD_DONE /* finished, and ready for a backward pass */
} aire_tape_state;

struct aire_tape {
    aire_refcount refs;
    aire_ctx *ctx;
    aire_tape_options options; /* with the defaults filled in */
    const aire_kernels *kernels;
    aire_kernel_host host;
    void *stream;

    aire_tape_state state;
    aire_status status; /* the first failure of recording */
    char message[AIRE_ERROR_MESSAGE_MAX];

    aire_tensor **nodes;
    size_t node_count, node_capacity;
    aire_tensor **params;
    size_t param_count, param_capacity;
    aire_tensor **inputs;
    size_t input_count, input_capacity;
    aire_named *outputs;
    size_t output_count, output_capacity;
    aire_tensor *loss;
    bool backward; /* there is a backward pass */

    aire_plan_sizes sizes;
    void *param_memory, *grad_memory, *input_memory, *fault_memory, *arena, *scratch;
    size_t grad_bytes;
    size_t fault_count;
};

/* aire_tape_new on any backend. */
aire_status aire__tape_new(aire_ctx *ctx, const aire_kernels *kernels,
                           const aire_tape_options *options, aire_tape **out);

/* aire_tape_from_json on any backend. */
aire_status aire__tape_from_json(aire_ctx *ctx, const aire_kernels *kernels, const char *text,
                                 size_t length, const aire_tape_options *options, aire_tape **out);

/* Keep the first failure of recording: "where: what: message". Returns NULL, so that recording
 * functions can return it. */
aire_tensor *aire__tape_fail(aire_tape *tape, aire_status status, const char *where,
                             const char *what, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Add a node of an operator: check its inputs, infer its shape. NULL on failure, which is kept. */
aire_tensor *aire__tape_record(aire_tape *tape, const aire_op *op,
                               aire_tensor *const inputs[AIRE_INPUTS_MAX],
                               const aire_attributes *attributes, const char *where);

/* Add a copy of a tensor that has a value and a gradient of its own. */
aire_tensor *aire__tape_copy(aire_tape *tape, aire_tensor *tensor, const char *where);

/* Decide what is live and trained, lay out all memory, and allocate it. */
aire_status aire__tape_plan(aire_tape *tape);
void aire__tape_release_memory(aire_tape *tape);

/* For tests: overwrite all values in between with NaN. */
void aire__tape_poison(aire_tape *tape);

static inline size_t aire__element_bytes(const aire_tensor *tensor)
{
    return tensor->integer ? sizeof(int32_t) : tensor->tape->kernels->element_bytes;
}

/* "[16, 128, 64]" */
#define AIRE_SHAPE_TEXT 96
const char *aire__shape_text(int32_t rank, const int64_t *dims, char text[AIRE_SHAPE_TEXT]);

#endif
