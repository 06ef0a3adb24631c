/*
 * Finishing a tape: what is live, where gradients flow, how long each buffer lasts, and where it
 * lies.
 *
 * With n nodes, node i is computed in step i, the loss's gradient is set in step n, and the
 * backward operator of node i runs in step 2n - i. A buffer is in use from the step that first
 * writes it to the last that reads it.
 */
#define AIRE_NO_OPERATOR_MACROS
#include <string.h>

#include "base/fail.h"
#include "base/options.h"
#include "base/rng.h"
#include "base/str.h"
#include "tensor/arena.h"
#include "tensor/op.h"

/* The lifetimes of what belongs to a node; `last` is -1 where there is no such buffer. */
typedef struct lifetimes {
    aire_span value, grad, state;
} lifetimes;

typedef struct tape_planner {
    aire_tape *tape;
    lifetimes *nodes; /* by index */
    aire_span **spans;
    size_t span_count;
} tape_planner;

/* Which nodes a parameter moves: forwards. */
static void mark_forwards(aire_tape *tape)
{
    for (size_t i = 0; i < tape->node_count; i++) {
        aire_tensor *node = tape->nodes[i];
        node->trained = node->leaf == LEAF_PARAM;
        for (int j = 0; j < AIRE_INPUTS_MAX; j++)
            if (node->inputs[j] && node->inputs[j]->trained)
                node->trained = true;
        if (node->op && node->op->alias == ALIAS_DETACHED)
            node->trained = false;
    }
}

/* What outputs and loss depend on, and where the loss's gradient goes: backwards. */
static void mark_backwards(aire_tape *tape)
{
    for (size_t i = 0; i < tape->output_count; i++)
        tape->outputs[i].tensor->live = tape->outputs[i].tensor->kept = true;
    if (tape->loss)
        tape->loss->live = tape->loss->kept = true;
    if (tape->backward && tape->loss->trained)
        tape->loss->on_path = true;
    for (size_t i = tape->node_count; i-- > 0;) {
        aire_tensor *node = tape->nodes[i];
        for (int j = 0; j < AIRE_INPUTS_MAX; j++) {
            aire_tensor *input = node->inputs[j];
            if (!input)
                continue;
            if (node->live)
                input->live = true;
            if (node->on_path && input->trained)
                input->on_path = true;
        }
    }
}

static void use(aire_span *span, int64_t step)
{
    if (span->last < 0)
        span->first = span->last = step;
    if (step < span->first)
        span->first = step;
    if (step > span->last)
        span->last = step;
}

static aire_span *value_span(const tape_planner *planner, const aire_tensor *tensor)
{
    return &planner->nodes[tensor->root->index].value;
}

/* The steps in which one live operator reads and writes. */
static void use_of_node(tape_planner *planner, const aire_tensor *node)
{
    const int64_t count = (int64_t)planner->tape->node_count;
    const int64_t forward = node->index, backward = 2 * count - node->index;
    lifetimes *own = &planner->nodes[node->index];

    use(value_span(planner, node), forward);
    if (node->kept)
        use(value_span(planner, node), 2 * count + 1);
    for (int j = 0; j < AIRE_INPUTS_MAX; j++) {
        const aire_tensor *input = node->inputs[j];
        if (!input)
            continue;
        use(value_span(planner, input), forward);
        if (node->on_path && (node->op->needs >> j & 1))
            use(value_span(planner, input), backward);
        if (node->on_path && input->on_path)
            use(&planner->nodes[input->root->index].grad, backward);
    }
    if (node->on_path) {
        use(&planner->nodes[node->root->index].grad, backward);
        if (node->op->needs & NEEDS_OUTPUT)
            use(value_span(planner, node), backward);
    }
    if (node->op->state) {
        own->state.bytes = (uint64_t)node->op->state(node) * planner->tape->kernels->element_bytes;
        use(&own->state, forward);
        if (node->on_path)
            use(&own->state, backward);
    }
}

static void add_span(tape_planner *planner, aire_span *span, uint64_t bytes)
{
    if (span->last < 0)
        return;
    span->bytes = bytes;
    planner->spans[planner->span_count++] = span;
    planner->tape->sizes.unshared_bytes += bytes;
}

static void find_lifetimes(tape_planner *planner)
{
    aire_tape *tape = planner->tape;
    for (size_t i = 0; i < tape->node_count; i++) {
        lifetimes *own = &planner->nodes[i];
        own->value.last = own->grad.last = own->state.last = -1;
    }
    if (tape->loss && tape->loss->on_path)
        use(&planner->nodes[tape->loss->root->index].grad, (int64_t)tape->node_count);
    for (size_t i = 0; i < tape->node_count; i++)
        if (tape->nodes[i]->op && tape->nodes[i]->live)
            use_of_node(planner, tape->nodes[i]);
    for (size_t i = 0; i < tape->node_count; i++) {
        const aire_tensor *node = tape->nodes[i];
        uint64_t bytes = (uint64_t)node->count * aire__element_bytes(node);
        if (node->leaf != LEAF_NONE)
            continue; /* has memory of its own */
        add_span(planner, &planner->nodes[i].value, bytes);
        add_span(planner, &planner->nodes[i].grad, bytes);
        add_span(planner, &planner->nodes[i].state, planner->nodes[i].state.bytes);
    }
}

static uint64_t aligned_bytes(const aire_tensor *tensor)
{
    uint64_t bytes = (uint64_t)tensor->count * aire__element_bytes(tensor);
    return (bytes + AIRE_ARENA_ALIGNMENT - 1) & ~(AIRE_ARENA_ALIGNMENT - 1);
}

/* Parameters that another tape lends; AIRE_INVALID where the shapes differ. */
static aire_status find_shared(aire_tape *tape)
{
    const aire_tape *share = tape->options.share;
    for (size_t i = 0; share && i < tape->param_count; i++) {
        aire_tensor *param = tape->params[i], *other = aire_tape_find(share, param->name);
        char here[AIRE_SHAPE_TEXT], there[AIRE_SHAPE_TEXT];
        if (!other || other->leaf != LEAF_PARAM)
            continue;
        if (other->rank != param->rank || memcmp(other->dims, param->dims, sizeof param->dims) != 0)
            return aire__fail(AIRE_INVALID, "param '%s' is %s here and %s in the shared tape",
                              param->name, aire__shape_text(param->rank, param->dims, here),
                              aire__shape_text(other->rank, other->dims, there));
        param->shared = true;
        param->value = other->value;
        param->grad = tape->backward ? other->grad : NULL;
    }
    return AIRE_OK;
}

static void count_sizes(aire_tape *tape)
{
    aire_plan_sizes *sizes = &tape->sizes;
    for (size_t i = 0; i < tape->param_count; i++) {
        const aire_tensor *param = tape->params[i];
        sizes->parameters += (uint64_t)param->count;
        sizes->parameter_bytes += param->shared ? 0 : aligned_bytes(param);
        sizes->gradient_bytes += tape->backward && !param->grad ? aligned_bytes(param) : 0;
    }
    for (size_t i = 0; i < tape->input_count; i++)
        sizes->input_bytes += aligned_bytes(tape->inputs[i]);
    for (size_t i = 0; i < tape->node_count; i++) {
        const aire_tensor *node = tape->nodes[i];
        if (!node->op || !node->live)
            continue;
        sizes->operators++;
        tape->fault_count += node->op->can_fault;
        uint64_t scratch = node->op->scratch ? node->op->scratch(tape, node) : 0;
        if (scratch > sizes->scratch_bytes)
            sizes->scratch_bytes = scratch;
    }
    sizes->total_bytes = sizes->parameter_bytes + sizes->gradient_bytes + sizes->input_bytes +
                         sizes->activation_bytes + sizes->scratch_bytes;
}

/* Memory that may be empty; at least one element, so that NULL always means failure. */
static bool get_memory(aire_tape *tape, void **memory, uint64_t bytes, bool clear)
{
    *memory = tape->kernels->alloc(tape->stream, bytes ? bytes : AIRE_ARENA_ALIGNMENT);
    if (*memory && clear)
        tape->kernels->clear(tape->stream, *memory, bytes);
    return *memory != NULL;
}

static aire_status allocate(aire_tape *tape)
{
    const aire_plan_sizes *sizes = &tape->sizes;
    if (!get_memory(tape, &tape->param_memory, sizes->parameter_bytes, true) ||
        !get_memory(tape, &tape->grad_memory, sizes->gradient_bytes, true) ||
        !get_memory(tape, &tape->input_memory, sizes->input_bytes, true) ||
        !get_memory(tape, &tape->fault_memory, tape->fault_count * sizeof(int64_t), true) ||
        !get_memory(tape, &tape->arena, sizes->activation_bytes, false) ||
        !get_memory(tape, &tape->scratch, sizes->scratch_bytes, false))
        return aire__fail_nomem();
    tape->grad_bytes = sizes->gradient_bytes;
    return AIRE_OK;
}

void aire__tape_release_memory(aire_tape *tape)
{
    void *all[] = {tape->param_memory, tape->grad_memory, tape->input_memory,
                   tape->fault_memory, tape->arena,       tape->scratch};
    for (size_t i = 0; i < sizeof all / sizeof *all && tape->stream; i++)
        tape->kernels->release(tape->stream, all[i]);
}

static void place_leaves(aire_tape *tape)
{
    char *value = tape->param_memory, *grad = tape->grad_memory, *input = tape->input_memory;
    for (size_t i = 0; i < tape->param_count; i++) {
        aire_tensor *param = tape->params[i];
        if (!param->shared) {
            param->value = value;
            value += aligned_bytes(param);
        }
        if (tape->backward && !param->grad) {
            param->grad = grad;
            grad += aligned_bytes(param);
        }
    }
    for (size_t i = 0; i < tape->input_count; i++) {
        tape->inputs[i]->value = input;
        input += aligned_bytes(tape->inputs[i]);
    }
}

static void *span_memory(const aire_tape *tape, const aire_span *span)
{
    return span->last < 0 ? NULL : (char *)tape->arena + span->offset;
}

static void place_nodes(tape_planner *planner)
{
    aire_tape *tape = planner->tape;
    int64_t *fault = tape->fault_memory;
    for (size_t i = 0; i < tape->node_count; i++) {
        aire_tensor *node = tape->nodes[i];
        if (!node->op)
            continue;
        node->value = span_memory(tape, &planner->nodes[i].value);
        node->grad = span_memory(tape, &planner->nodes[i].grad);
        node->state = span_memory(tape, &planner->nodes[i].state);
        if (node->live && node->op->can_fault)
            node->fault = fault++;
    }
}

aire_status aire__tape_plan(aire_tape *tape)
{
    aire_status status;
    tape_planner planner = {.tape = tape};
    memset(&tape->sizes, 0, sizeof tape->sizes);
    tape->sizes.struct_size = sizeof tape->sizes;

    mark_forwards(tape);
    mark_backwards(tape);
    status = find_shared(tape);
    if (status != AIRE_OK)
        return status;
    planner.nodes = aire__calloc(tape->ctx, tape->node_count + 1, sizeof *planner.nodes);
    planner.spans = aire__calloc(tape->ctx, tape->node_count * 3 + 1, sizeof *planner.spans);
    if (!planner.nodes || !planner.spans) {
        status = aire__fail_nomem();
        goto done;
    }
    find_lifetimes(&planner);
    status = aire__arena_lay_out(tape->ctx, planner.spans, planner.span_count,
                                 &tape->sizes.activation_bytes);
    if (status != AIRE_OK)
        goto done;
    count_sizes(tape);
    if (tape->sizes.total_bytes > tape->options.max_bytes) {
        status = aire__fail(AIRE_LIMIT, "the tape needs %llu bytes, allowed are %llu (max_bytes)",
                            (unsigned long long)tape->sizes.total_bytes,
                            (unsigned long long)tape->options.max_bytes);
        goto done;
    }
    status = allocate(tape);
    if (status != AIRE_OK)
        goto done;
    place_leaves(tape);
    place_nodes(&planner);

done:
    aire_free(tape->ctx, planner.spans);
    aire_free(tape->ctx, planner.nodes);
    return status;
}

/* First values. Each parameter draws from a stream of its own name, so that adding or removing one
 * leaves the others as they are. */

#define CHUNK 256

static void draw(aire_rng *rng, const aire_tensor *param, double *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        if (param->init == AIRE_INIT_NORMAL)
            values[i] = param->init_value * aire__rng_normal(rng);
        else if (param->init == AIRE_INIT_UNIFORM)
            values[i] = param->init_value * (2.0 * aire__rng_unit(rng) - 1.0);
        else
            values[i] = param->init_value;
    }
}

static aire_status init_param(aire_tape *tape, aire_tensor *param)
{
    char stream[AIRE_NAME_MAX + 8] = "param:";
    double values[CHUNK];
    float singles[CHUNK];
    const size_t each = tape->kernels->element_bytes;
    aire_rng rng;

    strncat(stream, param->name, AIRE_NAME_MAX);
    aire__rng_init(&rng, tape->options.seed, stream, 0);
    for (int64_t i = 0; i < param->count; i += CHUNK) {
        int64_t count = param->count - i < CHUNK ? param->count - i : CHUNK;
        draw(&rng, param, values, count);
        for (int64_t j = 0; j < count; j++)
            singles[j] = (float)values[j];
        const void *from = each == sizeof(float) ? (const void *)singles : values;
        aire_status status = tape->kernels->upload(
            tape->stream, (char *)param->value + (size_t)i * each, from, (size_t)count * each);
        if (status != AIRE_OK)
            return status;
    }
    return AIRE_OK;
}

static aire_status check_loss(const aire_tape *tape, const aire_tensor *loss)
{
    if (!loss && tape->output_count == 0)
        return aire__fail(AIRE_INVALID, "aire_tape_finish: there is neither a loss nor an output");
    if (loss && loss->tape != tape)
        return aire__fail(AIRE_INVALID, "aire_tape_finish: the loss is of another tape");
    if (loss && (loss->count != 1 || loss->integer)) {
        char shape[AIRE_SHAPE_TEXT];
        return aire__fail(AIRE_INVALID,
                          "aire_tape_finish: the loss is %s, expected one floating-point number",
                          aire__shape_text(loss->rank, loss->dims, shape));
    }
    return AIRE_OK;
}

aire_status aire_tape_finish(aire_tape *tape, aire_tensor *loss)
{
    if (!tape)
        return aire__fail(AIRE_INVALID, "aire_tape_finish: tape is NULL");
    if (tape->state != TAPE_RECORDING)
        return aire__fail(AIRE_STATE, "aire_tape_finish: the tape is finished");
    aire_status status = aire_tape_status(tape);
    if (status == AIRE_OK)
        status = check_loss(tape, loss);
    if (status != AIRE_OK)
        return status;
    /* A loss's gradient is set, a parameter's adds up: one buffer cannot be both. */
    if (loss && loss->root->leaf == LEAF_PARAM) {
        loss = aire__tape_copy(tape, loss, NULL);
        if (!loss)
            return tape->status;
    }
    tape->loss = loss;
    tape->backward = loss && !(tape->options.flags & AIRE_TAPE_FORWARD_ONLY);
    status = aire__tape_plan(tape);
    for (size_t i = 0; i < tape->param_count && status == AIRE_OK; i++)
        if (!tape->params[i]->shared)
            status = init_param(tape, tape->params[i]);
    if (status != AIRE_OK) { /* the tape cannot be used, and says why again */
        aire__tape_fail(tape, status, NULL, "aire_tape_finish", "%s",
                        aire_error_message(aire_last_error()));
        return status;
    }
    tape->state = TAPE_FINISHED;
    return AIRE_OK;
}

aire_status aire_tape_plan(const aire_tape *tape, aire_plan_sizes *sizes)
{
    if (!tape || !sizes)
        return aire__fail(AIRE_INVALID, "aire_tape_plan: an argument is NULL");
    if (tape->state == TAPE_RECORDING)
        return aire__fail(AIRE_STATE, "aire_tape_plan: the tape is not finished");
    return aire__options_give(&tape->sizes, sizes, sizeof *sizes, sizeof *sizes, "aire_plan_sizes");
}
