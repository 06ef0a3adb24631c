/* Replaying a tape. */
#define AIRE_NO_OPERATOR_MACROS
#include <math.h>
#include <stdio.h>

#include "base/fail.h"
#include "base/str.h"
#include "tensor/op.h"

static aire_status check_finished(const aire_tape *tape, const char *what)
{
    if (!tape)
        return aire__fail(AIRE_INVALID, "%s: tape is NULL", what);
    if (tape->state == TAPE_RECORDING)
        return aire__fail(AIRE_STATE, "%s: the tape is not finished", what);
    return AIRE_OK;
}

static bool runs(const aire_tensor *node)
{
    return node->live && node->op && node->op->forward;
}

/* "model.c:12: embedding" */
static void name_node(const aire_tensor *node, char *text, size_t size)
{
    snprintf(text, size, "%s%s%s", node->where ? node->where : "", node->where ? ": " : "",
             node->op->name);
}

/* An id that an operator found out of range; `place` is its index in the operator's second input.
 */
static aire_status fail_fault(aire_tape *tape, const aire_tensor *node, int64_t place)
{
    const aire_tensor *ids = node->inputs[1];
    bool loss = node->op->infer != aire__op_find("embedding")->infer;
    int64_t limit = loss ? aire__last_dim(node->inputs[0]) : node->inputs[0]->dims[0];
    int32_t id = 0;
    char name[256];

    aire_status status = tape->kernels->download(
        tape->stream, &id, (const int32_t *)aire__value(ids) + place, sizeof id);
    if (status != AIRE_OK)
        return status;
    name_node(node, name, sizeof name);
    return aire__fail(AIRE_INVALID, "%s: %s %d at index %lld of '%s' is not in 0 to %lld", name,
                      loss ? "target" : "id", id, (long long)place, ids->root->name,
                      (long long)(limit - 1));
}

static aire_status check_faults(aire_tape *tape)
{
    for (size_t i = 0; i < tape->node_count; i++) {
        const aire_tensor *node = tape->nodes[i];
        int64_t fault;
        if (!node->fault)
            continue;
        aire_status status =
            tape->kernels->download(tape->stream, &fault, node->fault, sizeof fault);
        if (status == AIRE_OK && fault != 0)
            status = fail_fault(tape, node, fault - 1);
        if (status != AIRE_OK)
            return status;
    }
    return AIRE_OK;
}

typedef aire_status (*after_node)(aire_tape *tape, const aire_tensor *node);

/* Run the forward pass; `after` (nullable) looks at each node before its memory is used again. */
static aire_status forward(aire_tape *tape, after_node after)
{
    tape->state = TAPE_FINISHED;
    tape->kernels->clear(tape->stream, tape->fault_memory, tape->fault_count * sizeof(int64_t));
    for (size_t i = 0; i < tape->node_count; i++) {
        const aire_tensor *node = tape->nodes[i];
        if (!runs(node))
            continue;
        node->op->forward(tape, node);
        aire_status status = after ? after(tape, node) : AIRE_OK;
        if (status != AIRE_OK)
            return status;
    }
    aire_status status = tape->kernels->synchronize(tape->stream);
    if (status == AIRE_OK)
        status = check_faults(tape);
    if (status == AIRE_OK)
        tape->state = TAPE_FORWARD_DONE;
    return status;
}

aire_status aire_tape_forward(aire_tape *tape)
{
    aire_status status = check_finished(tape, "aire_tape_forward");
    return status == AIRE_OK ? forward(tape, NULL) : status;
}

aire_status aire_tape_backward(aire_tape *tape)
{
    aire_status status = check_finished(tape, "aire_tape_backward");
    if (status != AIRE_OK)
        return status;
    if (!tape->backward)
        return aire__fail(AIRE_STATE, "aire_tape_backward: the tape only goes forward");
    if (tape->state != TAPE_FORWARD_DONE)
        return aire__fail(AIRE_STATE, "aire_tape_backward: no forward pass before it");
    tape->state = TAPE_FINISHED;
    for (size_t i = 0; i < tape->node_count; i++)
        tape->nodes[i]->grad_begun = false;
    if (!tape->loss->on_path)
        return AIRE_OK; /* no parameter moves the loss */

    aire_tensor *loss = tape->loss->root;
    tape->kernels->fill(tape->stream, loss->grad, 1, 1.0);
    loss->grad_begun = true;
    for (size_t i = tape->node_count; i-- > 0;) {
        const aire_tensor *node = tape->nodes[i];
        if (node->on_path && runs(node))
            node->op->backward(tape, node);
    }
    return tape->kernels->synchronize(tape->stream);
}

aire_status aire_tape_zero_grad(aire_tape *tape)
{
    aire_status status = check_finished(tape, "aire_tape_zero_grad");
    if (status != AIRE_OK)
        return status;
    for (size_t i = 0; i < tape->param_count; i++)
        if (tape->params[i]->grad)
            tape->kernels->clear(tape->stream, tape->params[i]->grad,
                                 aire_tensor_bytes(tape->params[i]));
    return AIRE_OK;
}

static aire_status check_values(aire_tape *tape, const void *values, int64_t count,
                                const char *what, const char *name)
{
    int64_t first = -1;
    tape->kernels->find_not_finite(tape->stream, values, count, &first);
    if (first < 0)
        return AIRE_OK;
    return aire__fail(AIRE_INVALID, "%s '%s' is not finite at index %lld of %lld", what, name,
                      (long long)first, (long long)count);
}

static aire_status check_node(aire_tape *tape, const aire_tensor *node)
{
    char name[256];
    name_node(node, name, sizeof name);
    return check_values(tape, node->value, node->count, "the result of", name);
}

aire_status aire_tape_check_finite(aire_tape *tape)
{
    aire_status status = check_finished(tape, "aire_tape_check_finite");
    if (status != AIRE_OK)
        return status;
    for (size_t i = 0; i < tape->node_count && status == AIRE_OK; i++) {
        const aire_tensor *leaf = tape->nodes[i];
        if (leaf->leaf != LEAF_NONE && !leaf->integer)
            status = check_values(tape, leaf->value, leaf->count,
                                  leaf->leaf == LEAF_PARAM ? "param" : "input", leaf->name);
    }
    if (status == AIRE_OK)
        status = forward(tape, check_node);
    for (size_t i = 0; i < tape->param_count && status == AIRE_OK; i++)
        if (tape->params[i]->grad)
            status = check_values(tape, tape->params[i]->grad, tape->params[i]->count,
                                  "the gradient of", tape->params[i]->name);
    return status;
}

void aire__tape_poison(aire_tape *tape)
{
    const size_t each = tape->kernels->element_bytes;
    tape->kernels->fill(tape->stream, tape->arena, (int64_t)(tape->sizes.activation_bytes / each),
                        NAN);
    tape->kernels->fill(tape->stream, tape->scratch, (int64_t)(tape->sizes.scratch_bytes / each),
                        NAN);
}

const char *aire_tensor_name(const aire_tensor *tensor)
{
    return tensor && tensor->name ? tensor->name : "";
}

int32_t aire_tensor_dtype(const aire_tensor *tensor)
{
    if (!tensor)
        return 0;
    if (tensor->integer)
        return AIRE_DTYPE_I32;
    return aire__element_bytes(tensor) == sizeof(double) ? AIRE_DTYPE_F64 : AIRE_DTYPE_F32;
}

int32_t aire_tensor_rank(const aire_tensor *tensor)
{
    return tensor ? tensor->rank : 0;
}

int64_t aire_tensor_dim(const aire_tensor *tensor, int32_t axis)
{
    if (!tensor)
        return 1;
    int64_t from_start = axis < 0 ? (int64_t)axis + tensor->rank : axis;
    return from_start >= 0 && from_start < tensor->rank ? tensor->dims[from_start] : 1;
}

int64_t aire_tensor_count(const aire_tensor *tensor)
{
    return tensor ? tensor->count : 0;
}

size_t aire_tensor_bytes(const aire_tensor *tensor)
{
    return tensor ? (size_t)tensor->count * aire__element_bytes(tensor) : 0;
}

/* Whether a tensor's value outlasts the pass; then it has memory, too. */
static bool lasts(const aire_tensor *tensor)
{
    return tensor && tensor->tape->state != TAPE_RECORDING &&
           (tensor->kept || tensor->leaf != LEAF_NONE);
}

void *aire_tensor_data(aire_tensor *tensor)
{
    if (!lasts(tensor))
        return NULL;
    return tensor->tape->kernels->mapped(tensor->tape->stream, aire__value(tensor));
}

void *aire_tensor_grad(aire_tensor *tensor)
{
    if (!tensor || tensor->leaf != LEAF_PARAM || !tensor->grad)
        return NULL;
    return tensor->tape->kernels->mapped(tensor->tape->stream, tensor->grad);
}

double aire_tensor_item(aire_tensor *tensor)
{
    union {
        float f32;
        double f64;
        int32_t i32;
    } item = {.f64 = 0};
    if (!lasts(tensor) || tensor->count != 1 ||
        tensor->tape->kernels->download(tensor->tape->stream, &item, aire__value(tensor),
                                        aire__element_bytes(tensor)) != AIRE_OK)
        return NAN;
    if (tensor->integer)
        return item.i32;
    return aire__element_bytes(tensor) == sizeof(double) ? item.f64 : (double)item.f32;
}

aire_status aire_tensor_write(aire_tensor *tensor, const void *values, size_t bytes)
{
    if (!tensor || !values)
        return aire__fail(AIRE_INVALID, "aire_tensor_write: an argument is NULL");
    if (tensor->leaf == LEAF_NONE)
        return aire__fail(AIRE_INVALID, "aire_tensor_write: not a parameter or input");
    if (tensor->tape->state == TAPE_RECORDING)
        return aire__fail(AIRE_STATE, "aire_tensor_write: the tape is not finished");
    if (bytes != aire_tensor_bytes(tensor))
        return aire__fail(AIRE_INVALID, "aire_tensor_write: '%s' has %zu bytes, given %zu",
                          tensor->name, aire_tensor_bytes(tensor), bytes);
    return tensor->tape->kernels->upload(tensor->tape->stream, tensor->value, values, bytes);
}
