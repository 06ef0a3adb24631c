/* Matrix products, embeddings and attention. */
#include "tensor/op.h"

#include <math.h>
#include <string.h>

/* linear: y = x W^T + bias. */

static aire_status linear_infer(aire_tensor *node)
{
    const aire_tensor *x = node->inputs[0], *weight = node->inputs[1], *bias = node->inputs[2];
    if (x->rank < 1 || weight->rank != 2)
        return aire__op_fail(node, "expected x [..., in] and weight [out, in]");
    if (aire__last_dim(x) != weight->dims[1])
        return aire__op_fail(node, "x has %lld elements in its last axis, weight takes %lld",
                             (long long)aire__last_dim(x), (long long)weight->dims[1]);
    if (bias && (bias->rank != 1 || bias->dims[0] != weight->dims[0]))
        return aire__op_fail(node, "expected bias [%lld]", (long long)weight->dims[0]);
    aire__op_shape_like(node, x);
    node->dims[node->rank - 1] = weight->dims[0];
    return AIRE_OK;
}

static void linear_forward(aire_tape *tape, const aire_tensor *node)
{
    const aire_tensor *weight = node->inputs[1];
    aire_kernel_matmul shape = {.batch = 1,
                                .m = node->count / weight->dims[0],
                                .n = weight->dims[0],
                                .k = weight->dims[1],
                                .b_transposed = 1};
    tape->kernels->matmul(tape->stream, &shape, aire__value(node->inputs[0]), aire__value(weight),
                          aire__value(node->inputs[2]), node->value, 0);
}

static void linear_backward(aire_tape *tape, const aire_tensor *node)
{
    const aire_kernels *kernels = tape->kernels;
    const aire_tensor *weight = node->inputs[1];
    const int64_t out = weight->dims[0], in = weight->dims[1], rows = node->count / out;
    uint32_t add = 0;
    void *dx = aire__grad_of(node, 0, &add), *dw = aire__grad_of(node, 1, &add);
    void *dbias = aire__grad_of(node, 2, &add);

    if (dx) {
        aire_kernel_matmul shape = {.batch = 1, .m = rows, .n = in, .k = out};
        kernels->matmul(tape->stream, &shape, aire__grad(node), aire__value(weight), NULL, dx,
                        add & AIRE_ADD_A);
    }
    if (dw) {
        aire_kernel_matmul shape = {.batch = 1, .m = out, .n = in, .k = rows, .a_transposed = 1};
        kernels->matmul(tape->stream, &shape, aire__grad(node), aire__value(node->inputs[0]), NULL,
                        dw, add & AIRE_ADD_B);
    }
    if (dbias)
        kernels->sum(tape->stream, 1, rows, out, 1.0, aire__grad(node), dbias, add & AIRE_ADD_C);
}

/* matmul: c = a b, in a batch or with one b for all. */

static aire_status matmul_infer(aire_tensor *node)
{
    const aire_tensor *a = node->inputs[0], *b = node->inputs[1];
    if (a->rank < 2 || b->rank < 2 || (b->rank != 2 && b->rank != a->rank))
        return aire__op_fail(node, "expected a [..., M, K], and b [..., K, N] or [K, N]");
    if (aire__last_dim(a) != b->dims[b->rank - 2])
        return aire__op_fail(node, "a has %lld columns, b has %lld rows",
                             (long long)aire__last_dim(a), (long long)b->dims[b->rank - 2]);
    for (int32_t axis = 0; axis < b->rank - 2; axis++)
        if (a->dims[axis] != b->dims[axis])
            return aire__op_fail(node, "the axes before the matrices differ");
    aire__op_shape_like(node, a);
    node->dims[node->rank - 1] = aire__last_dim(b);
    return AIRE_OK;
}

/* With one b for all, the rows of all matrices a are those of one tall matrix. */
static aire_kernel_matmul matmul_shape(const aire_tensor *node)
{
    const aire_tensor *a = node->inputs[0], *b = node->inputs[1];
    aire_kernel_matmul shape = {.k = aire__last_dim(a), .n = aire__last_dim(b)};
    shape.batch = b->rank == 2 ? 1 : aire__product(b, 0, b->rank - 2);
    shape.m = a->count / shape.k / shape.batch;
    return shape;
}

static void matmul_forward(aire_tape *tape, const aire_tensor *node)
{
    aire_kernel_matmul shape = matmul_shape(node);
    tape->kernels->matmul(tape->stream, &shape, aire__value(node->inputs[0]),
                          aire__value(node->inputs[1]), NULL, node->value, 0);
}

static void matmul_backward(aire_tape *tape, const aire_tensor *node)
{
    const aire_kernel_matmul s = matmul_shape(node);
    uint32_t add = 0;
    void *da = aire__grad_of(node, 0, &add), *db = aire__grad_of(node, 1, &add);

    if (da) {
        aire_kernel_matmul shape = {
            .batch = s.batch, .m = s.m, .n = s.k, .k = s.n, .b_transposed = 1};
        tape->kernels->matmul(tape->stream, &shape, aire__grad(node), aire__value(node->inputs[1]),
                              NULL, da, add & AIRE_ADD_A);
    }
    if (db) {
        aire_kernel_matmul shape = {
            .batch = s.batch, .m = s.k, .n = s.n, .k = s.m, .a_transposed = 1};
        tape->kernels->matmul(tape->stream, &shape, aire__value(node->inputs[0]), aire__grad(node),
                              NULL, db, add & AIRE_ADD_B);
    }
}

/* embedding: rows of a table. */

static aire_status embedding_infer(aire_tensor *node)
{
    const aire_tensor *table = node->inputs[0], *ids = node->inputs[1];
    if (table->rank != 2)
        return aire__op_fail(node, "expected a table [V, C]");
    if (ids->rank >= AIRE_RANK_MAX)
        return aire__op_fail(node, "expected ids with at most 3 axes");
    aire__op_shape_like(node, ids);
    node->dims[node->rank++] = table->dims[1];
    return AIRE_OK;
}

static void embedding_forward(aire_tape *tape, const aire_tensor *node)
{
    const aire_tensor *table = node->inputs[0], *ids = node->inputs[1];
    tape->kernels->gather(tape->stream, ids->count, table->dims[1], table->dims[0],
                          aire__value(table), aire__value(ids), node->value, node->fault);
}

static void embedding_backward(aire_tape *tape, const aire_tensor *node)
{
    const aire_tensor *table = node->inputs[0], *ids = node->inputs[1];
    uint32_t add = 0;
    void *dtable = aire__grad_of(node, 0, &add);
    if (dtable)
        tape->kernels->gather_backward(tape->stream, ids->count, table->dims[1], table->dims[0],
                                       aire__value(ids), aire__grad(node), dtable, add);
}

/* Attention, from q, k and v apart or side by side. */

enum { HEADS, WINDOW };
enum { SCALE, SOFTCAP };

/* Make the attributes definite, once the size of a head is known. */
static aire_status attention_attributes(aire_tensor *node, int64_t head_size)
{
    aire_attributes *given = &node->attributes;
    if (given->ints[WINDOW] < 0)
        return aire__op_fail(node, "window is %lld, expected 0 or more",
                             (long long)given->ints[WINDOW]);
    if (given->reals[SOFTCAP] < 0)
        return aire__op_fail(node, "softcap is %g, expected 0 or more", given->reals[SOFTCAP]);
    if (given->reals[SCALE] == 0)
        given->reals[SCALE] = 1.0 / sqrt((double)head_size);
    return AIRE_OK;
}

static aire_status attention_infer(aire_tensor *node)
{
    const aire_tensor *q = node->inputs[0], *k = node->inputs[1], *v = node->inputs[2];
    int64_t *heads = &node->attributes.ints[HEADS];

    if ((q->rank != 3 && q->rank != 4) || k->rank != q->rank || v->rank != q->rank)
        return aire__op_fail(node, "expected q, k and v [B, T, heads * D] or [B, T, heads, D]");
    if (q->rank == 4 && *heads == 0)
        *heads = q->dims[2];
    if (*heads < 1 || (q->rank == 4 ? q->dims[2] != *heads : q->dims[2] % *heads != 0))
        return aire__op_fail(node, "q does not have %lld heads", (long long)*heads);
    for (int32_t axis = 0; axis < q->rank; axis++)
        if (k->dims[axis] != v->dims[axis])
            return aire__op_fail(node, "k and v differ");
    int64_t size = q->rank == 4 ? q->dims[3] : q->dims[2] / *heads;
    int64_t k_width = aire__product(k, 2, k->rank);
    if (k->dims[0] != q->dims[0] || k->dims[1] != q->dims[1] || k_width % size != 0 ||
        (k->rank == 4 && k->dims[3] != size))
        return aire__op_fail(node, "k does not have q's batch, tokens and head size");
    if (*heads % (k_width / size) != 0)
        return aire__op_fail(node, "%lld heads of q cannot share %lld heads of k",
                             (long long)*heads, (long long)(k_width / size));
    aire__op_shape_like(node, q);
    return attention_attributes(node, size);
}

static aire_status packed_infer(aire_tensor *node)
{
    const aire_tensor *qkv = node->inputs[0];
    const int64_t heads = node->attributes.ints[HEADS];
    if (qkv->rank != 3 || heads < 1 || qkv->dims[2] % 3 != 0 || qkv->dims[2] / 3 % heads != 0)
        return aire__op_fail(node, "expected qkv [B, T, 3 * heads * D] with %lld heads",
                             (long long)heads);
    aire__op_shape_like(node, qkv);
    node->dims[2] /= 3;
    return attention_attributes(node, node->dims[2] / heads);
}

static aire_kernel_attention attention_shape(const aire_tensor *node)
{
    const aire_tensor *q = node->inputs[0], *k = node->inputs[1];
    aire_kernel_attention shape = {.batch = node->dims[0],
                                   .tokens = node->dims[1],
                                   .heads = node->attributes.ints[HEADS],
                                   .window = node->attributes.ints[WINDOW],
                                   .scale = node->attributes.reals[SCALE],
                                   .softcap = node->attributes.reals[SOFTCAP]};
    shape.head_size = aire__product(node, 2, node->rank) / shape.heads;
    shape.q_stride = aire__product(q, 2, q->rank);
    shape.k_stride = shape.v_stride = k ? aire__product(k, 2, k->rank) : shape.q_stride;
    shape.kv_heads = k ? shape.k_stride / shape.head_size : shape.heads;
    return shape;
}

static int64_t attention_state(const aire_tensor *node)
{
    return node->dims[0] * node->dims[1] * node->attributes.ints[HEADS];
}

static size_t attention_scratch(const aire_tape *tape, const aire_tensor *node)
{
    aire_kernel_attention shape = attention_shape(node);
    return tape->kernels->attention_scratch(tape->stream, &shape);
}

static void attention_forward(aire_tape *tape, const aire_tensor *node)
{
    aire_kernel_attention shape = attention_shape(node);
    tape->kernels->attention(tape->stream, &shape, aire__value(node->inputs[0]),
                             aire__value(node->inputs[1]), aire__value(node->inputs[2]),
                             node->value, node->state, tape->scratch);
}

static void attention_backward(aire_tape *tape, const aire_tensor *node)
{
    aire_kernel_attention shape = attention_shape(node);
    uint32_t add = 0;
    void *dq = aire__grad_of(node, 0, &add), *dk = aire__grad_of(node, 1, &add);
    void *dv = aire__grad_of(node, 2, &add);
    tape->kernels->attention_backward(tape->stream, &shape, aire__value(node->inputs[0]),
                                      aire__value(node->inputs[1]), aire__value(node->inputs[2]),
                                      node->value, node->state, aire__grad(node), dq, dk, dv,
                                      tape->scratch, add);
}

/* Element `third` * width of a packed row; NULL stays NULL. */
static void *packed_part(const aire_tape *tape, void *qkv, const aire_tensor *node, int third)
{
    size_t offset = (size_t)(node->dims[2] * third) * tape->kernels->element_bytes;
    return qkv ? (char *)qkv + offset : NULL;
}

static void packed_forward(aire_tape *tape, const aire_tensor *node)
{
    aire_kernel_attention shape = attention_shape(node);
    void *qkv = aire__value(node->inputs[0]);
    tape->kernels->attention(tape->stream, &shape, packed_part(tape, qkv, node, 0),
                             packed_part(tape, qkv, node, 1), packed_part(tape, qkv, node, 2),
                             node->value, node->state, tape->scratch);
}

static void packed_backward(aire_tape *tape, const aire_tensor *node)
{
    aire_kernel_attention shape = attention_shape(node);
    uint32_t add = 0;
    void *qkv = aire__value(node->inputs[0]), *dqkv = aire__grad_of(node, 0, &add);
    tape->kernels->attention_backward(
        tape->stream, &shape, packed_part(tape, qkv, node, 0), packed_part(tape, qkv, node, 1),
        packed_part(tape, qkv, node, 2), node->value, node->state, aire__grad(node),
        packed_part(tape, dqkv, node, 0), packed_part(tape, dqkv, node, 1),
        packed_part(tape, dqkv, node, 2), tape->scratch,
        add ? AIRE_ADD_A | AIRE_ADD_B | AIRE_ADD_C : 0);
}

const aire_op aire__matrix_ops[] = {
    {.name = "linear",
     .inputs = 3,
     .optional = NEEDS_C,
     .needs = NEEDS_A | NEEDS_B,
     .infer = linear_infer,
     .forward = linear_forward,
     .backward = linear_backward},
    {.name = "matmul",
     .inputs = 2,
     .needs = NEEDS_A | NEEDS_B,
     .infer = matmul_infer,
     .forward = matmul_forward,
     .backward = matmul_backward},
    {.name = "embedding",
     .inputs = 2,
     .integer = NEEDS_B,
     .needs = NEEDS_B,
     .can_fault = true,
     .infer = embedding_infer,
     .forward = embedding_forward,
     .backward = embedding_backward},
    {.name = "attention",
     .inputs = 3,
     .needs = NEEDS_A | NEEDS_B | NEEDS_C | NEEDS_OUTPUT,
     .distinct = true,
     .ints = {"heads", "window"},
     .reals = {"scale", "softcap"},
     .infer = attention_infer,
     .state = attention_state,
     .scratch = attention_scratch,
     .forward = attention_forward,
     .backward = attention_backward},
    {.name = "attention_qkv",
     .inputs = 1,
     .needs = NEEDS_A | NEEDS_OUTPUT,
     .ints = {"heads", "window"},
     .reals = {"scale", "softcap"},
     .infer = packed_infer,
     .state = attention_state,
     .scratch = attention_scratch,
     .forward = packed_forward,
     .backward = packed_backward},
    {.name = NULL},
};
