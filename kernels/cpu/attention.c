/*
 * Causal attention. A thread takes one key head of one batch entry at a time, packs its keys and
 * values once, and treats the queries in blocks: scores, softmax and their gradients live in a
 * block's rows, and nothing of size tokens x tokens is stored.
 */
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/ops.h"

/* Queries of a block, whole tiles. Smaller wastes less work above the diagonal. */
#define BLOCK (8 * TILE_ROWS)

typedef struct attention_job {
    const aire_kernel_attention *shape;
    const float *q, *k, *v, *y_in, *lse_in, *dy;
    float *y, *lse, *dq, *dk, *dv;
    float *scratch;
    uint32_t add;
} attention_job;

/* A thread's part of the scratch space. */
typedef struct attention_space {
    gemm_panels keys_t; /* [size, tokens] */
    gemm_panels values; /* forward: [tokens, size]; backward, transposed: [size, tokens] */
    gemm_panels keys;   /* backward: [tokens, size] */
    gemm_panels block;  /* backward: rows of q or dy, [BLOCK, size] */
    float *p, *d;       /* [BLOCK, tokens] */
} attention_space;

/* One head of queries. */
typedef struct attention_head {
    const attention_job *job;
    const attention_space *space;
    const float *q, *y_in, *lse_in, *dy;
    float *y, *lse, *dq, *dk, *dv;
} attention_head;

/* Floats for one packed matrix of keys or values, in either orientation. */
static int64_t packed_floats(const aire_kernel_attention *s)
{
    int64_t across = gemm_packed_size(s->head_size, s->tokens);
    int64_t along = gemm_packed_size(s->tokens, s->head_size);
    return across > along ? across : along;
}

static int64_t thread_floats(const aire_kernel_attention *s)
{
    return 3 * packed_floats(s) + gemm_packed_size(BLOCK, s->head_size) + 2 * BLOCK * s->tokens;
}

static attention_space carve(const attention_job *job, int32_t thread)
{
    const aire_kernel_attention *s = job->shape;
    const int64_t packed = packed_floats(s);
    float *floats = job->scratch + thread * thread_floats(s);
    float *block = floats + 3 * packed, *p = block + gemm_packed_size(BLOCK, s->head_size);

    return (attention_space){.keys_t = {floats, s->head_size, s->tokens},
                             .values = {floats + packed, s->tokens, s->head_size},
                             .keys = {floats + 2 * packed, s->tokens, s->head_size},
                             .block = {block, BLOCK, s->head_size},
                             .p = p,
                             .d = p + BLOCK * s->tokens};
}

size_t ISA(attention_scratch)(void *stream, const aire_kernel_attention *shape)
{
    const aire_cpu *cpu = stream;
    return (size_t)cpu->threads * (size_t)thread_floats(shape) * sizeof(float);
}

/* First key that query i sees. */
static int64_t first_key(const aire_kernel_attention *s, int64_t i)
{
    return s->window > 0 && i >= s->window ? i - s->window + 1 : 0;
}

/* Scores of `rows` queries from i0 on, with the keys from `from` to the last one that they see. */
static void block_scores(const attention_head *head, int64_t i0, int64_t rows, int64_t from)
{
    const aire_kernel_attention *s = head->job->shape;
    const int64_t keys = i0 + rows - from;
    ISA(gemm_rows)
    (head->q + i0 * s->q_stride, s->q_stride, false, rows, &head->space->keys_t, 0, s->head_size,
     from, keys, head->space->p, keys, false);
}

/* The part of a score's row that its query sees: scaled and capped in place. */
static void scale_scores(const aire_kernel_attention *s, float *row, int64_t n)
{
    const float scale = (float)s->scale, cap = (float)s->softcap;
    if (cap > 0)
        for (int64_t j = 0; j < n; j++)
            row[j] = cap * tanh_f(row[j] * scale / cap);
    else
        for (int64_t j = 0; j < n; j++)
            row[j] *= scale;
}

static void clear_outside(float *row, int64_t begin, int64_t end, int64_t n)
{
    memset(row, 0, (size_t)begin * sizeof(float));
    memset(row + end, 0, (size_t)(n - end) * sizeof(float));
}

static void forward_block(const attention_head *head, int64_t i0, int64_t rows)
{
    const aire_kernel_attention *s = head->job->shape;
    const int64_t size = s->head_size, y_stride = s->heads * size;
    const int64_t from = first_key(s, i0) / PANEL * PANEL, keys = i0 + rows - from;
    float *y = head->y + i0 * y_stride, inverse[BLOCK];

    block_scores(head, i0, rows, from);
    for (int64_t r = 0; r < rows; r++) {
        float *row = head->space->p + r * keys;
        int64_t begin = first_key(s, i0 + r) - from, end = i0 + r + 1 - from;
        scale_scores(s, row + begin, end - begin);
        float shift = row_max(row + begin, end - begin);
        for (int64_t j = begin; j < end; j++)
            row[j] = exp_f(row[j] - shift);
        float total = row_sum(row + begin, end - begin);
        clear_outside(row, begin, end, keys);
        inverse[r] = 1.0f / total;
        head->lse[i0 + r] = shift + logf(total);
    }
    ISA(gemm_rows)
    (head->space->p, keys, false, rows, &head->space->values, from, keys, 0, size, y, y_stride,
     false);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t e = 0; e < size; e++)
            y[r * y_stride + e] *= inverse[r];
}

static void forward_part(void *arg, int64_t begin, int64_t end, int32_t thread)
{
    const attention_job *job = arg;
    const aire_kernel_attention *s = job->shape;
    const int64_t size = s->head_size, group = s->heads / s->kv_heads;
    attention_space space = carve(job, thread);

    for (int64_t item = begin; item < end; item++) {
        int64_t b = item / s->kv_heads, kv = item % s->kv_heads, token = b * s->tokens;
        ISA(gemm_pack)(&space.keys_t, job->k + token * s->k_stride + kv * size, s->k_stride, true);
        ISA(gemm_pack)(&space.values, job->v + token * s->v_stride + kv * size, s->v_stride, false);
        for (int64_t h = kv * group; h < (kv + 1) * group; h++) {
            attention_head head = {.job = job, .space = &space};
            head.q = job->q + token * s->q_stride + h * size;
            head.y = job->y + (token * s->heads + h) * size;
            head.lse = job->lse + (b * s->heads + h) * s->tokens;
            for (int64_t i = 0; i < s->tokens; i += BLOCK)
                forward_block(&head, i, s->tokens - i < BLOCK ? s->tokens - i : BLOCK);
        }
    }
}

void ISA(attention)(void *stream, const aire_kernel_attention *shape, const void *q, const void *k,
                    const void *v, void *y, void *lse, void *scratch)
{
    attention_job job = {
        .shape = shape, .q = q, .k = k, .v = v, .y = y, .lse = lse, .scratch = scratch};
    int64_t cost = shape->heads / shape->kv_heads * shape->tokens * shape->tokens;
    aire__cpu_for(stream, shape->batch * shape->kv_heads, cost * shape->head_size / 16,
                  forward_part, &job);
}

/*
 * Turn a row of scores into probabilities p, and a row of their gradients d into gradients of the
 * unscaled scores: d = p * (d - delta) * scale, with delta = sum of p * d, which is dy . y.
 */
static void backward_row(const aire_kernel_attention *s, float *restrict p, float *restrict d,
                         int64_t n, float lse, float delta)
{
    const float scale = (float)s->scale, cap = (float)s->softcap;
    scale_scores(s, p, n);
    if (cap > 0) {
        for (int64_t j = 0; j < n; j++) {
            float t = p[j] / cap;
            p[j] = exp_f(p[j] - lse);
            d[j] = p[j] * (d[j] - delta) * scale * (1.0f - t * t);
        }
        return;
    }
    for (int64_t j = 0; j < n; j++) {
        p[j] = exp_f(p[j] - lse);
        d[j] = p[j] * (d[j] - delta) * scale;
    }
}

/* to[keys, :] += x^T of, where x is [rows, keys] and `of` is [rows, size]. */
static void add_to_keys(const attention_space *space, const float *x, int64_t keys, int64_t rows,
                        const float *of, int64_t of_stride, float *to, int64_t to_stride)
{
    gemm_panels block = space->block;
    block.k = rows;
    ISA(gemm_pack)(&block, of, of_stride, false);
    ISA(gemm_rows)(x, keys, true, keys, &block, 0, rows, 0, block.n, to, to_stride, true);
}

static void backward_block(const attention_head *head, int64_t i0, int64_t rows)
{
    const attention_space *space = head->space;
    const aire_kernel_attention *s = head->job->shape;
    const int64_t size = s->head_size, y_stride = s->heads * size;
    const int64_t from = first_key(s, i0) / PANEL * PANEL, keys = i0 + rows - from;
    const float *y = head->y_in + i0 * y_stride, *dy = head->dy + i0 * y_stride;

    block_scores(head, i0, rows, from);
    ISA(gemm_rows)
    (dy, y_stride, false, rows, &space->values, 0, size, from, keys, space->d, keys, false);
    for (int64_t r = 0; r < rows; r++) {
        float *p = space->p + r * keys, *d = space->d + r * keys;
        int64_t begin = first_key(s, i0 + r) - from, end = i0 + r + 1 - from;
        float delta = row_dot(dy + r * y_stride, y + r * y_stride, size);
        backward_row(s, p + begin, d + begin, end - begin, head->lse_in[i0 + r], delta);
        clear_outside(p, begin, end, keys);
        clear_outside(d, begin, end, keys);
    }
    if (head->dq)
        ISA(gemm_rows)
    (space->d, keys, false, rows, &space->keys, from, keys, 0, size, head->dq + i0 * s->q_stride,
     s->q_stride, head->job->add & AIRE_ADD_A);
    if (head->dk)
        add_to_keys(space, space->d, keys, rows, head->q + i0 * s->q_stride, s->q_stride,
                    head->dk + from * s->k_stride, s->k_stride);
    if (head->dv)
        add_to_keys(space, space->p, keys, rows, dy, y_stride, head->dv + from * s->v_stride,
                    s->v_stride);
}

static void clear_tokens(float *x, int64_t tokens, int64_t stride, int64_t size)
{
    for (int64_t t = 0; t < tokens; t++)
        memset(x + t * stride, 0, (size_t)size * sizeof(float));
}

/* Gradients of one key head: its queries' heads one after the other, so that they add up in order.
 */
static void backward_item(const attention_job *job, const attention_space *space, int64_t b,
                          int64_t kv)
{
    const aire_kernel_attention *s = job->shape;
    const int64_t size = s->head_size, group = s->heads / s->kv_heads, token = b * s->tokens;
    const int64_t k_at = token * s->k_stride + kv * size, v_at = token * s->v_stride + kv * size;
    attention_head head = {.job = job, .space = space};

    ISA(gemm_pack)(&space->keys_t, job->k + k_at, s->k_stride, true);
    ISA(gemm_pack)(&space->keys, job->k + k_at, s->k_stride, false);
    ISA(gemm_pack)(&space->values, job->v + v_at, s->v_stride, true);
    head.dk = job->dk ? job->dk + k_at : NULL;
    head.dv = job->dv ? job->dv + v_at : NULL;
    if (head.dk && !(job->add & AIRE_ADD_B))
        clear_tokens(head.dk, s->tokens, s->k_stride, size);
    if (head.dv && !(job->add & AIRE_ADD_C))
        clear_tokens(head.dv, s->tokens, s->v_stride, size);

    for (int64_t h = kv * group; h < (kv + 1) * group; h++) {
        int64_t q_at = token * s->q_stride + h * size, y_at = (token * s->heads + h) * size;
        head.q = job->q + q_at;
        head.dq = job->dq ? job->dq + q_at : NULL;
        head.y_in = job->y_in + y_at;
        head.dy = job->dy + y_at;
        head.lse_in = job->lse_in + (b * s->heads + h) * s->tokens;
        for (int64_t i = 0; i < s->tokens; i += BLOCK)
            backward_block(&head, i, s->tokens - i < BLOCK ? s->tokens - i : BLOCK);
    }
}

static void backward_part(void *arg, int64_t begin, int64_t end, int32_t thread)
{
    const attention_job *job = arg;
    const aire_kernel_attention *s = job->shape;
    attention_space space = carve(job, thread);

    space.values.k = s->head_size;
    space.values.n = s->tokens;
    for (int64_t item = begin; item < end; item++)
        backward_item(job, &space, item / s->kv_heads, item % s->kv_heads);
}

void ISA(attention_backward)(void *stream, const aire_kernel_attention *shape, const void *q,
                             const void *k, const void *v, const void *y, const void *lse,
                             const void *dy, void *dq, void *dk, void *dv, void *scratch,
                             uint32_t add)
{
    attention_job job = {.shape = shape,
                         .q = q,
                         .k = k,
                         .v = v,
                         .y_in = y,
                         .lse_in = lse,
                         .dy = dy,
                         .dq = dq,
                         .dk = dk,
                         .dv = dv,
                         .scratch = scratch,
                         .add = add};
    int64_t cost = shape->heads / shape->kv_heads * shape->tokens * shape->tokens;
    aire__cpu_for(stream, shape->batch * shape->kv_heads, cost * shape->head_size / 8,
                  backward_part, &job);
}
