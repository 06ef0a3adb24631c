/* What the operators share: finding them, saying what is wrong, and where gradients go. */
#define AIRE_NO_OPERATOR_MACROS
#include "tensor/op.h"

#include <stdio.h>
#include <string.h>

const aire_op *aire__op_find(const char *name)
{
    static const aire_op *const groups[] = {aire__elementwise_ops, aire__matrix_ops, aire__row_ops,
                                            aire__shape_ops};
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++)
        for (const aire_op *op = groups[g]; op->name; op++)
            if (strcmp(op->name, name) == 0)
                return op;
    return NULL;
}

aire_status aire__op_fail(const aire_tensor *node, const char *format, ...)
{
    char problem[AIRE_ERROR_MESSAGE_MAX / 2], shapes[AIRE_INPUTS_MAX * (AIRE_SHAPE_TEXT + 8)] = "";
    char text[AIRE_SHAPE_TEXT];
    int length = 0;
    va_list args;

    va_start(args, format);
    vsnprintf(problem, sizeof problem, format, args);
    va_end(args);
    for (int i = 0; i < node->op->inputs; i++) {
        const aire_tensor *input = node->inputs[i];
        if (input)
            length +=
                snprintf(shapes + length, sizeof shapes - (size_t)length, "%s%s",
                         length ? " and " : "", aire__shape_text(input->rank, input->dims, text));
    }
    aire__tape_fail(node->tape, AIRE_INVALID, node->where, node->op->name, "%s (given %s)", problem,
                    shapes);
    return AIRE_INVALID;
}

void aire__op_shape_like(aire_tensor *node, const aire_tensor *like)
{
    node->rank = like->rank;
    memcpy(node->dims, like->dims, sizeof node->dims);
}

aire_status aire__op_axis(aire_tensor *node, int32_t which, int32_t rank)
{
    int64_t axis = node->attributes.ints[which];
    if (axis < -rank || axis >= rank)
        return aire__op_fail(node, "%s %lld is not one of the %d axes", node->op->ints[which],
                             (long long)axis, rank);
    node->attributes.ints[which] = axis < 0 ? axis + rank : axis;
    return AIRE_OK;
}

void *aire__grad_of(const aire_tensor *node, int32_t slot, uint32_t *add)
{
    aire_tensor *input = node->inputs[slot];
    if (!input || !input->on_path || !input->root->grad)
        return NULL;
    /* A parameter's gradient adds up over backward passes; any other is fresh in each. */
    if (input->root->leaf == LEAF_PARAM || input->root->grad_begun)
        *add |= 1u << slot;
    input->root->grad_begun = true;
    return input->root->grad;
}
