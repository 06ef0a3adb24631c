/* Tapes: their making, recording, and what can be asked of them. */
#define AIRE_NO_OPERATOR_MACROS
#include "tensor/tape.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/options.h"
#include "base/str.h"
#include "tensor/op.h"

#define THREADS_MAX 64
#define BYTES_DEFAULT ((uint64_t)8 << 30)

aire_status aire_tape_options_init(aire_tape_options *options, size_t size)
{
    return aire__options_init(options, size, sizeof(aire_tape_options), sizeof(aire_tape_options),
                              "aire_tape_options");
}

static void *host_alloc(size_t size, void *user_data)
{
    return aire_alloc(user_data, size);
}

static void host_release(void *ptr, void *user_data)
{
    aire_free(user_data, ptr);
}

static aire_status host_fail(aire_status status, const char *message)
{
    return aire_error_set(status, 0, message);
}

static aire_status take_options(aire_ctx *ctx, const aire_tape_options *given,
                                aire_tape_options *options)
{
    aire_status status =
        aire__options_take(given, options, sizeof *options, sizeof *options, "aire_tape_options");
    if (status != AIRE_OK)
        return status;
    if (options->flags & ~(uint32_t)AIRE_TAPE_FORWARD_ONLY)
        return aire__fail(AIRE_INVALID, "aire_tape_options: unknown flags 0x%x", options->flags);
    if (options->threads < 0 || options->threads > THREADS_MAX)
        return aire__fail(AIRE_INVALID, "aire_tape_options: threads is %d, expected 0 to %d",
                          options->threads, THREADS_MAX);
    if (options->reserved != 0)
        return aire__fail(AIRE_INVALID, "aire_tape_options: reserved must be 0");
    if (options->share && options->share->state == TAPE_RECORDING)
        return aire__fail(AIRE_STATE, "aire_tape_options: share is not finished");
    if (options->threads == 0)
        options->threads = 1;
    if (options->seed == 0)
        options->seed = aire_ctx_seed(ctx);
    if (options->max_bytes == 0)
        options->max_bytes = BYTES_DEFAULT;
    return AIRE_OK;
}

aire_status aire__tape_new(aire_ctx *ctx, const aire_kernels *kernels,
                           const aire_tape_options *options, aire_tape **out)
{
    if (!out)
        return aire__fail(AIRE_INVALID, "aire_tape_new: out is NULL");
    *out = NULL;
    if (!ctx)
        return aire__fail(AIRE_INVALID, "aire_tape_new: ctx is NULL");
    aire_tape_options taken;
    aire_status status = take_options(ctx, options, &taken);
    if (status != AIRE_OK)
        return status;
    if (taken.share && taken.share->kernels != kernels)
        return aire__fail(AIRE_INVALID, "aire_tape_options: share runs on another backend");

    aire_tape *tape = aire__calloc(ctx, 1, sizeof *tape);
    if (!tape)
        return aire__fail_nomem();
    aire__ref_init(&tape->refs);
    tape->ctx = aire_ctx_ref(ctx);
    tape->options = taken;
    tape->options.share = aire_tape_ref(taken.share);
    tape->kernels = kernels;
    tape->host = (aire_kernel_host){sizeof tape->host, 0, host_alloc, host_release, host_fail, ctx};
    status = kernels->open(&tape->host, taken.threads, &tape->stream);
    if (status != AIRE_OK) {
        aire_tape_unref(tape);
        return status;
    }
    *out = tape;
    return AIRE_OK;
}

aire_status aire_tape_new(aire_ctx *ctx, const aire_tape_options *options, aire_tape **out)
{
    return aire__tape_new(ctx, aire__kernels_cpu(), options, out);
}

aire_tape *aire_tape_ref(aire_tape *tape)
{
    if (tape)
        aire__ref_take(&tape->refs);
    return tape;
}

static void free_node(aire_ctx *ctx, aire_tensor *node)
{
    if (node->leaf != LEAF_NONE)
        aire_free(ctx, node->name);
    aire_free(ctx, node->where);
    aire_free(ctx, node);
}

void aire_tape_unref(aire_tape *tape)
{
    if (!tape || !aire__ref_drop(&tape->refs))
        return;
    aire_ctx *ctx = tape->ctx;
    aire__tape_release_memory(tape);
    tape->kernels->close(tape->stream);
    for (size_t i = 0; i < tape->node_count; i++)
        free_node(ctx, tape->nodes[i]);
    for (size_t i = 0; i < tape->output_count; i++)
        aire_free(ctx, tape->outputs[i].name);
    aire_free(ctx, tape->nodes);
    aire_free(ctx, tape->params);
    aire_free(ctx, tape->inputs);
    aire_free(ctx, tape->outputs);
    aire_tape_unref(tape->options.share);
    aire_free(ctx, tape);
    aire_ctx_unref(ctx);
}

aire_tensor *aire__tape_fail(aire_tape *tape, aire_status status, const char *where,
                             const char *what, const char *format, ...)
{
    char message[AIRE_ERROR_MESSAGE_MAX];
    va_list args;

    if (tape->status != AIRE_OK)
        return NULL;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    aire__fail(status, "%s%s%s: %s", where ? where : "", where ? ": " : "", what, message);
    if (tape->state == TAPE_RECORDING) {
        tape->status = status;
        snprintf(tape->message, sizeof tape->message, "%s", aire_error_message(aire_last_error()));
    }
    return NULL;
}

aire_status aire_tape_status(const aire_tape *tape)
{
    if (!tape)
        return aire__fail(AIRE_INVALID, "aire_tape_status: tape is NULL");
    return tape->status == AIRE_OK ? AIRE_OK : aire__fail(tape->status, "%s", tape->message);
}

const char *aire__shape_text(int32_t rank, const int64_t *dims, char text[AIRE_SHAPE_TEXT])
{
    int length = snprintf(text, AIRE_SHAPE_TEXT, "[");
    for (int32_t axis = 0; axis < rank; axis++)
        length += snprintf(text + length, (size_t)(AIRE_SHAPE_TEXT - length), "%s%lld",
                           axis ? ", " : "", (long long)dims[axis]);
    snprintf(text + length, (size_t)(AIRE_SHAPE_TEXT - length), "]");
    return text;
}

static aire_tensor *fail_nomem(aire_tape *tape, const char *where, const char *what)
{
    return aire__tape_fail(tape, AIRE_NOMEM, where, what, "out of memory");
}

/* A node that is not yet in the tape's list. */
static aire_tensor *new_node(aire_tape *tape, const char *where, const char *what)
{
    if (tape->status != AIRE_OK)
        return NULL;
    if (tape->state != TAPE_RECORDING)
        return aire__tape_fail(tape, AIRE_STATE, where, what, "the tape is finished");
    if (tape->node_count >= AIRE_NODES_MAX)
        return aire__tape_fail(tape, AIRE_LIMIT, where, what, "the tape has %d nodes already",
                               AIRE_NODES_MAX);
    aire_tensor *node = aire__calloc(tape->ctx, 1, sizeof *node);
    if (!node)
        return fail_nomem(tape, where, what);
    node->tape = tape;
    node->root = node;
    if (where) {
        node->where = aire__strdup(tape->ctx, where);
        if (!node->where) {
            aire_free(tape->ctx, node);
            return fail_nomem(tape, where, what);
        }
    }
    return node;
}

/* Count the elements; AIRE_LIMIT beyond what a tensor may have. */
static aire_status set_count(aire_tensor *node)
{
    node->count = 1;
    for (int32_t axis = 0; axis < node->rank; axis++) {
        if (node->dims[axis] > AIRE_COUNT_MAX / node->count)
            return AIRE_LIMIT;
        node->count *= node->dims[axis];
    }
    return AIRE_OK;
}

/* Put a node in the list, which owns it from then on; on failure it is freed. */
static aire_tensor *add_node(aire_tape *tape, aire_tensor *node, const char *what)
{
    char shape[AIRE_SHAPE_TEXT];
    const char *where = node->where;

    if (set_count(node) != AIRE_OK)
        aire__tape_fail(tape, AIRE_LIMIT, where, what, "%s has more than 2^40 elements",
                        aire__shape_text(node->rank, node->dims, shape));
    else if (!aire__grow(tape->ctx, &tape->nodes, &tape->node_capacity, tape->node_count + 1,
                         sizeof(aire_tensor *)))
        fail_nomem(tape, where, what);
    if (tape->status != AIRE_OK) {
        free_node(tape->ctx, node);
        return NULL;
    }
    node->index = (int64_t)tape->node_count;
    tape->nodes[tape->node_count++] = node;
    return node;
}

/* What is wrong with a leaf's shape or name; NULL if nothing is. */
static const char *bad_shape(int32_t rank, const int64_t *dims)
{
    if (rank < 0 || rank > AIRE_RANK_MAX)
        return "expected 0 to 4 axes";
    if (rank > 0 && !dims)
        return "dims is NULL";
    for (int32_t axis = 0; axis < rank; axis++)
        if (dims[axis] < 1)
            return "every axis must have at least 1 element";
    return NULL;
}

static const char *bad_name(const aire_tape *tape, const char *name)
{
    if (!name || !*name)
        return "the name is empty";
    if (strlen(name) > AIRE_NAME_MAX)
        return "the name has more than 255 bytes";
    if (!aire__utf8_valid(name, strlen(name)))
        return "the name is not UTF-8";
    if (aire_tape_find(tape, name))
        return "there is a parameter, input or output of that name already";
    return NULL;
}

static aire_tensor *add_leaf(aire_tape *tape, aire_leaf leaf, const char *name, int32_t rank,
                             const int64_t *dims, const char *where)
{
    const char *what = leaf == LEAF_PARAM ? "param" : "input";
    aire_tensor ***list = leaf == LEAF_PARAM ? &tape->params : &tape->inputs;
    size_t *count = leaf == LEAF_PARAM ? &tape->param_count : &tape->input_count;
    size_t *capacity = leaf == LEAF_PARAM ? &tape->param_capacity : &tape->input_capacity;

    const char *problem = bad_name(tape, name);
    if (!problem)
        problem = bad_shape(rank, dims);
    if (problem)
        return aire__tape_fail(tape, AIRE_INVALID, where, what, "'%.300s': %s", name ? name : "",
                               problem);
    aire_tensor *node = new_node(tape, where, what);
    if (!node)
        return NULL;
    node->leaf = leaf;
    node->rank = rank;
    for (int32_t axis = 0; axis < rank; axis++)
        node->dims[axis] = dims[axis];
    node->name = aire__strdup(tape->ctx, name);
    if (!node->name || !aire__grow(tape->ctx, list, capacity, *count + 1, sizeof(aire_tensor *))) {
        free_node(tape->ctx, node);
        return fail_nomem(tape, where, what);
    }
    node = add_node(tape, node, what);
    if (node)
        (*list)[(*count)++] = node;
    return node;
}

aire_tensor *aire_param(aire_tape *tape, const char *name, int32_t init, double value, int32_t rank,
                        const int64_t *dims, const char *where)
{
    if (!tape)
        return NULL;
    if (init < AIRE_INIT_CONSTANT || init > AIRE_INIT_UNIFORM || !isfinite(value))
        return aire__tape_fail(tape, AIRE_INVALID, where, "param",
                               "'%.300s': expected AIRE_INIT_* and a finite value",
                               name ? name : "");
    aire_tensor *node = add_leaf(tape, LEAF_PARAM, name, rank, dims, where);
    if (node) {
        node->init = init;
        node->init_value = value;
    }
    return node;
}

aire_tensor *aire_input(aire_tape *tape, const char *name, int32_t dtype, int32_t rank,
                        const int64_t *dims, const char *where)
{
    if (!tape)
        return NULL;
    if (dtype != AIRE_DTYPE_F32 && dtype != AIRE_DTYPE_I32)
        return aire__tape_fail(tape, AIRE_INVALID, where, "input",
                               "'%.300s': expected AIRE_DTYPE_F32 or AIRE_DTYPE_I32",
                               name ? name : "");
    aire_tensor *node = add_leaf(tape, LEAF_INPUT, name, rank, dims, where);
    if (node)
        node->integer = dtype == AIRE_DTYPE_I32;
    return node;
}

aire_tensor *aire_output(aire_tape *tape, const char *name, aire_tensor *tensor, const char *where)
{
    if (!tape)
        return NULL;
    if (tape->status != AIRE_OK)
        return NULL;
    const char *problem = bad_name(tape, name);
    if (tape->state != TAPE_RECORDING)
        return aire__tape_fail(tape, AIRE_STATE, where, "output", "the tape is finished");
    if (!problem && !tensor)
        problem = "the tensor is NULL";
    if (!problem && tensor->tape != tape)
        problem = "the tensor is of another tape";
    if (!problem && tape->output_count >= AIRE_NODES_MAX)
        problem = "too many outputs";
    if (problem)
        return aire__tape_fail(tape, AIRE_INVALID, where, "output", "'%.300s': %s",
                               name ? name : "", problem);
    char *copy = aire__strdup(tape->ctx, name);
    if (!copy || !aire__grow(tape->ctx, &tape->outputs, &tape->output_capacity,
                             tape->output_count + 1, sizeof *tape->outputs)) {
        aire_free(tape->ctx, copy);
        return fail_nomem(tape, where, "output");
    }
    tape->outputs[tape->output_count++] = (aire_named){copy, tensor};
    if (!tensor->name)
        tensor->name = copy;
    return tensor;
}

/* The inputs of an operator: there where they must be, of this tape, of the right kind. */
static bool check_inputs(aire_tape *tape, const aire_op *op,
                         aire_tensor *const inputs[AIRE_INPUTS_MAX], const char *where)
{
    static const char *const ordinals[] = {"first", "second", "third"};
    for (int32_t i = 0; i < op->inputs; i++) {
        const char *problem = NULL;
        if (!inputs[i] && !(op->optional >> i & 1))
            problem = "is NULL";
        else if (inputs[i] && inputs[i]->tape != tape)
            problem = "is of another tape";
        else if (inputs[i] && inputs[i]->integer && !(op->integer >> i & 1))
            problem = "holds integers, expected floating-point numbers";
        else if (inputs[i] && !inputs[i]->integer && (op->integer >> i & 1))
            problem = "holds floating-point numbers, expected integers (I32)";
        if (problem) {
            aire__tape_fail(tape, AIRE_INVALID, where, op->name, "the %s operand %s", ordinals[i],
                            problem);
            return false;
        }
    }
    return true;
}

aire_tensor *aire__tape_copy(aire_tape *tape, aire_tensor *tensor, const char *where)
{
    aire_tensor *inputs[AIRE_INPUTS_MAX] = {tensor};
    aire_attributes attributes = {.reals = {1.0}};
    return aire__tape_record(tape, aire__op_find("scale"), inputs, &attributes, where);
}

aire_tensor *aire__tape_record(aire_tape *tape, const aire_op *op,
                               aire_tensor *const inputs[AIRE_INPUTS_MAX],
                               const aire_attributes *attributes, const char *where)
{
    if (tape->status != AIRE_OK || !check_inputs(tape, op, inputs, where))
        return NULL;
    aire_tensor *taken[AIRE_INPUTS_MAX] = {NULL};
    for (int32_t i = 0; i < op->inputs; i++) {
        taken[i] = inputs[i];
        for (int32_t j = 0; j < i && op->distinct && taken[i]; j++)
            if (taken[j] && taken[i]->root == taken[j]->root)
                taken[i] = aire__tape_copy(tape, inputs[i], where);
        if (inputs[i] && !taken[i])
            return NULL;
    }
    aire_tensor *node = new_node(tape, where, op->name);
    if (!node)
        return NULL;
    node->op = op;
    node->attributes = *attributes;
    memcpy(node->inputs, taken, sizeof taken);
    if (op->alias != ALIAS_NONE)
        node->root = taken[0]->root;
    for (int i = 0; i < 2; i++)
        if (op->reals[i] && !isfinite(attributes->reals[i]))
            aire__op_fail(node, "%s is not a finite number", op->reals[i]);
    if (tape->status != AIRE_OK || op->infer(node) != AIRE_OK) {
        free_node(tape->ctx, node);
        return NULL;
    }
    return add_node(tape, node, op->name);
}

aire_tensor *aire_tape_find(const aire_tape *tape, const char *name)
{
    if (!tape || !name)
        return NULL;
    for (size_t i = 0; i < tape->param_count; i++)
        if (strcmp(tape->params[i]->name, name) == 0)
            return tape->params[i];
    for (size_t i = 0; i < tape->input_count; i++)
        if (strcmp(tape->inputs[i]->name, name) == 0)
            return tape->inputs[i];
    for (size_t i = 0; i < tape->output_count; i++)
        if (strcmp(tape->outputs[i].name, name) == 0)
            return tape->outputs[i].tensor;
    return NULL;
}

aire_tensor *aire_tape_loss(const aire_tape *tape)
{
    return tape ? tape->loss : NULL;
}

size_t aire_tape_param_count(const aire_tape *tape)
{
    return tape ? tape->param_count : 0;
}

aire_tensor *aire_tape_param(const aire_tape *tape, size_t index)
{
    return index < aire_tape_param_count(tape) ? tape->params[index] : NULL;
}

size_t aire_tape_input_count(const aire_tape *tape)
{
    return tape ? tape->input_count : 0;
}

aire_tensor *aire_tape_input(const aire_tape *tape, size_t index)
{
    return index < aire_tape_input_count(tape) ? tape->inputs[index] : NULL;
}

size_t aire_tape_output_count(const aire_tape *tape)
{
    return tape ? tape->output_count : 0;
}

aire_tensor *aire_tape_output(const aire_tape *tape, size_t index)
{
    return index < aire_tape_output_count(tape) ? tape->outputs[index].tensor : NULL;
}

const char *aire_tape_output_name(const aire_tape *tape, size_t index)
{
    return index < aire_tape_output_count(tape) ? tape->outputs[index].name : NULL;
}
