/*
 * The oracle: every operator in double precision, written for being right and nothing else.
 *
 * It shares no code with the other backends. Gradients are checked against finite differences of
 * the forward operators here, and then the other backends against these.
 */
#include "kernels/ref/ref.h"

#include <math.h>
#include <string.h>

typedef struct ref_stream {
    aire_kernel_host host;
} ref_stream;

static aire_status ref_open(const aire_kernel_host *host, int32_t threads, void **stream)
{
    ref_stream *ref = host->alloc(sizeof *ref, host->user_data);
    if (!ref)
        return host->fail(AIRE_NOMEM, "out of memory");
    ref->host = *host;
    *stream = ref;
    return AIRE_OK;
}

static void ref_close(void *stream)
{
    ref_stream *ref = stream;
    if (ref)
        ref->host.release(ref, ref->host.user_data);
}

static void *ref_alloc(void *stream, size_t bytes)
{
    ref_stream *ref = stream;
    return ref->host.alloc(bytes, ref->host.user_data);
}

static void ref_release(void *stream, void *memory)
{
    ref_stream *ref = stream;
    ref->host.release(memory, ref->host.user_data);
}

static void *ref_mapped(void *stream, void *memory)
{
    return memory;
}

static aire_status ref_move(void *stream, void *to, const void *from, size_t bytes)
{
    memcpy(to, from, bytes);
    return AIRE_OK;
}

static aire_status ref_synchronize(void *stream)
{
    return AIRE_OK;
}

static void ref_clear(void *stream, void *x, size_t bytes)
{
    memset(x, 0, bytes);
}

static void ref_fill(void *stream, void *x, int64_t count, double value)
{
    for (int64_t i = 0; i < count; i++)
        ((double *)x)[i] = value;
}

static void ref_find_not_finite(void *stream, const void *x, int64_t count, int64_t *first)
{
    *first = -1;
    for (int64_t i = count - 1; i >= 0; i--)
        if (!isfinite(((const double *)x)[i]))
            *first = i;
}

static const double root_2_over_pi = 0.79788456080286535588;

static double normal(double x)
{
    return 0.5 * erfc(-x / sqrt(2));
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double unary(int32_t kind, double c, double x)
{
    switch (kind) {
    case AIRE_UNARY_SCALE:
        return x * c;
    case AIRE_UNARY_OFFSET:
        return x + c;
    case AIRE_UNARY_RELU:
        return x < 0 ? 0 : x;
    case AIRE_UNARY_RELU_SQUARED:
        return x < 0 ? 0 : x * x;
    case AIRE_UNARY_GELU:
        return x * normal(x);
    case AIRE_UNARY_GELU_TANH:
        return 0.5 * x * (1 + tanh(root_2_over_pi * (x + 0.044715 * x * x * x)));
    case AIRE_UNARY_SILU:
        return x * sigmoid(x);
    case AIRE_UNARY_SIGMOID:
        return sigmoid(x);
    case AIRE_UNARY_TANH:
        return tanh(x);
    case AIRE_UNARY_EXP:
        return exp(x);
    case AIRE_UNARY_LN:
        return log(x);
    case AIRE_UNARY_SQRT:
        return sqrt(x);
    case AIRE_UNARY_SQUARE:
        return x * x;
    case AIRE_UNARY_SOFTCAP:
        return c * tanh(x / c);
    }
    return NAN;
}

static double unary_slope(int32_t kind, double c, double x)
{
    double t;
    switch (kind) {
    case AIRE_UNARY_SCALE:
        return c;
    case AIRE_UNARY_OFFSET:
        return 1;
    case AIRE_UNARY_RELU:
        return x > 0;
    case AIRE_UNARY_RELU_SQUARED:
        return x > 0 ? 2 * x : 0;
    case AIRE_UNARY_GELU:
        return normal(x) + x * exp(-x * x / 2) / sqrt(2 * M_PI);
    case AIRE_UNARY_GELU_TANH:
        t = tanh(root_2_over_pi * (x + 0.044715 * x * x * x));
        return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * root_2_over_pi * (1 + 3 * 0.044715 * x * x);
    case AIRE_UNARY_SILU:
        return sigmoid(x) * (1 + x * (1 - sigmoid(x)));
    case AIRE_UNARY_SIGMOID:
        return sigmoid(x) * (1 - sigmoid(x));
    case AIRE_UNARY_TANH:
        return 1 - tanh(x) * tanh(x);
    case AIRE_UNARY_EXP:
        return exp(x);
    case AIRE_UNARY_LN:
        return 1 / x;
    case AIRE_UNARY_SQRT:
        return 0.5 / sqrt(x);
    case AIRE_UNARY_SQUARE:
        return 2 * x;
    case AIRE_UNARY_SOFTCAP:
        return 1 - tanh(x / c) * tanh(x / c);
    }
    return NAN;
}

static void ref_unary(void *stream, int32_t kind, double c, const void *x, void *y, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        ((double *)y)[i] = unary(kind, c, ((const double *)x)[i]);
}

/* Where x is not needed by a kind that only knows y, a backend may not read it; here y tells x. */
static double unary_slope_from_y(int32_t kind, double c, double y)
{
    switch (kind) {
    case AIRE_UNARY_SIGMOID:
        return y * (1 - y);
    case AIRE_UNARY_TANH:
        return 1 - y * y;
    case AIRE_UNARY_EXP:
        return y;
    case AIRE_UNARY_SQRT:
        return 0.5 / y;
    default:
        return 1 - y / c * (y / c); /* softcap */
    }
}

static void ref_unary_backward(void *stream, int32_t kind, double c, const void *x, const void *y,
                               const void *dy, void *dx, int64_t count, uint32_t add)
{
    bool from_y = kind == AIRE_UNARY_SIGMOID || kind == AIRE_UNARY_TANH || kind == AIRE_UNARY_EXP ||
                  kind == AIRE_UNARY_SQRT || kind == AIRE_UNARY_SOFTCAP;
    for (int64_t i = 0; i < count; i++) {
        double slope = from_y ? unary_slope_from_y(kind, c, ((const double *)y)[i])
                              : unary_slope(kind, c, ((const double *)x)[i]);
        ref_put(dx, i, ((const double *)dy)[i] * slope, add);
    }
}

/* Call `visit` for each element of a walk, with its places in a, b and the dense output. */
typedef struct ref_binary_job {
    int32_t kind;
    bool second;
    const double *a, *b, *dy;
    double *out;
} ref_binary_job;

typedef void (*ref_visit)(const ref_binary_job *job, int64_t a, int64_t b, int64_t y);

static void walk_all(const aire_kernel_walk *walk, ref_visit visit, const ref_binary_job *job)
{
    int64_t y = 0, i[AIRE_KERNEL_AXES];
    for (i[0] = 0; i[0] < walk->dims[0]; i[0]++)
        for (i[1] = 0; i[1] < walk->dims[1]; i[1]++)
            for (i[2] = 0; i[2] < walk->dims[2]; i[2]++)
                for (i[3] = 0; i[3] < walk->dims[3]; i[3]++, y++) {
                    int64_t a = 0, b = 0;
                    for (int axis = 0; axis < AIRE_KERNEL_AXES; axis++) {
                        a += i[axis] * walk->a[axis];
                        b += i[axis] * walk->b[axis];
                    }
                    visit(job, a, b, y);
                }
}

static void binary_visit(const ref_binary_job *job, int64_t a, int64_t b, int64_t y)
{
    const double u = job->a[a], v = job->b[b];
    switch (job->kind) {
    case AIRE_BINARY_ADD:
        job->out[y] = u + v;
        break;
    case AIRE_BINARY_SUB:
        job->out[y] = u - v;
        break;
    case AIRE_BINARY_MUL:
        job->out[y] = u * v;
        break;
    case AIRE_BINARY_DIV:
        job->out[y] = u / v;
        break;
    }
}

static void ref_binary(void *stream, int32_t kind, const aire_kernel_walk *walk, const void *a,
                       const void *b, void *y)
{
    walk_all(walk, binary_visit, &(ref_binary_job){kind, false, a, b, NULL, y});
}

static void binary_gradient_visit(const ref_binary_job *job, int64_t a, int64_t b, int64_t y)
{
    const double dy = job->dy[y];
    double *to = &job->out[job->second ? b : a];
    switch (job->kind) {
    case AIRE_BINARY_ADD:
        *to += dy;
        break;
    case AIRE_BINARY_SUB:
        *to += job->second ? -dy : dy;
        break;
    case AIRE_BINARY_MUL:
        *to += dy * (job->second ? job->a[a] : job->b[b]);
        break;
    case AIRE_BINARY_DIV:
        *to += dy * (job->second ? -job->a[a] / (job->b[b] * job->b[b]) : 1 / job->b[b]);
        break;
    }
}

static void clear_strided(const aire_kernel_walk *walk, const int64_t *strides, double *out)
{
    int64_t count = 1;
    for (int axis = 0; axis < AIRE_KERNEL_AXES; axis++)
        count *= strides[axis] ? walk->dims[axis] : 1;
    memset(out, 0, (size_t)count * sizeof *out);
}

static void ref_binary_backward(void *stream, int32_t kind, const aire_kernel_walk *walk,
                                const void *a, const void *b, const void *dy, void *da, void *db,
                                uint32_t add)
{
    if (da && !(add & AIRE_ADD_A))
        clear_strided(walk, walk->a, da);
    if (da)
        walk_all(walk, binary_gradient_visit, &(ref_binary_job){kind, false, a, b, dy, da});
    if (db && !(add & AIRE_ADD_B))
        clear_strided(walk, walk->b, db);
    if (db)
        walk_all(walk, binary_gradient_visit, &(ref_binary_job){kind, true, a, b, dy, db});
}

static void copy_visit(const ref_binary_job *job, int64_t a, int64_t b, int64_t y)
{
    job->out[b] = job->a[a] + (job->second ? job->out[b] : 0);
}

static void ref_copy(void *stream, const aire_kernel_walk *walk, const void *a, void *b,
                     uint32_t add)
{
    walk_all(walk, copy_visit, &(ref_binary_job){0, add, a, NULL, NULL, b});
}

static void ref_sum(void *stream, int64_t outer, int64_t n, int64_t inner, double factor,
                    const void *x, void *y, uint32_t add)
{
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++) {
            double total = 0;
            for (int64_t j = 0; j < n; j++)
                total += ((const double *)x)[(o * n + j) * inner + i];
            ref_put(y, o * inner + i, factor * total, add);
        }
}

static void ref_repeat(void *stream, int64_t outer, int64_t n, int64_t inner, double factor,
                       const void *dy, void *dx, uint32_t add)
{
    for (int64_t o = 0; o < outer; o++)
        for (int64_t j = 0; j < n; j++)
            for (int64_t i = 0; i < inner; i++)
                ref_put(dx, (o * n + j) * inner + i, factor * ((const double *)dy)[o * inner + i],
                        add);
}

static void ref_matmul(void *stream, const aire_kernel_matmul *s, const void *a, const void *b,
                       const void *bias, void *c, uint32_t add)
{
    for (int64_t index = 0; index < s->batch; index++) {
        const double *am = (const double *)a + index * s->m * s->k;
        const double *bm = (const double *)b + index * s->k * s->n;
        for (int64_t i = 0; i < s->m; i++)
            for (int64_t j = 0; j < s->n; j++) {
                double total = bias ? ((const double *)bias)[j] : 0;
                for (int64_t p = 0; p < s->k; p++)
                    total += (s->a_transposed ? am[p * s->m + i] : am[i * s->k + p]) *
                             (s->b_transposed ? bm[j * s->k + p] : bm[p * s->n + j]);
                ref_put(c, (index * s->m + i) * s->n + j, total, add);
            }
    }
}

static void ref_gather(void *stream, int64_t rows, int64_t width, int64_t count, const void *table,
                       const int32_t *ids, void *y, int64_t *fault)
{
    for (int64_t r = rows - 1; r >= 0; r--) {
        bool good = ids[r] >= 0 && ids[r] < count;
        if (!good && (*fault == 0 || r + 1 < *fault))
            *fault = r + 1;
        memcpy((double *)y + r * width, (const double *)table + (good ? ids[r] : 0) * width,
               (size_t)width * sizeof(double));
    }
}

static void ref_gather_backward(void *stream, int64_t rows, int64_t width, int64_t count,
                                const int32_t *ids, const void *dy, void *dtable, uint32_t add)
{
    if (!add)
        memset(dtable, 0, (size_t)(count * width) * sizeof(double));
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < width && ids[r] >= 0 && ids[r] < count; i++)
            ((double *)dtable)[ids[r] * width + i] += ((const double *)dy)[r * width + i];
}

static void ref_rope(void *stream, int64_t batch, int64_t tokens, int64_t heads, int64_t size,
                     double theta, int32_t per_batch, int32_t inverse, const int32_t *positions,
                     const void *x, void *y, uint32_t add)
{
    for (int64_t row = 0; row < batch * tokens * heads; row++) {
        int64_t token = row / heads, t = token % tokens;
        double position = positions ? positions[per_batch ? token : t] : (double)t;
        const double *in = (const double *)x + row * size;
        for (int64_t i = 0; i < size / 2; i++) {
            double angle = position * pow(theta, -2.0 * (double)i / (double)size);
            double c = cos(angle), s = inverse ? -sin(angle) : sin(angle);
            double a = in[i], b = in[i + size / 2];
            ref_put(y, row * size + i, a * c - b * s, add);
            ref_put(y, row * size + i + size / 2, b * c + a * s, add);
        }
    }
}

static const aire_kernels table = {.struct_size = sizeof(aire_kernels),
                                   .element_bytes = sizeof(double),
                                   .name = "ref",
                                   .open = ref_open,
                                   .close = ref_close,
                                   .alloc = ref_alloc,
                                   .release = ref_release,
                                   .mapped = ref_mapped,
                                   .upload = ref_move,
                                   .download = ref_move,
                                   .synchronize = ref_synchronize,
                                   .clear = ref_clear,
                                   .fill = ref_fill,
                                   .find_not_finite = ref_find_not_finite,
                                   .unary = ref_unary,
                                   .unary_backward = ref_unary_backward,
                                   .binary = ref_binary,
                                   .binary_backward = ref_binary_backward,
                                   .copy = ref_copy,
                                   .sum = ref_sum,
                                   .repeat = ref_repeat,
                                   .matmul = ref_matmul,
                                   .gather = ref_gather,
                                   .gather_backward = ref_gather_backward,
                                   .rmsnorm = aire__ref_rmsnorm,
                                   .rmsnorm_backward = aire__ref_rmsnorm_backward,
                                   .layernorm = aire__ref_layernorm,
                                   .layernorm_backward = aire__ref_layernorm_backward,
                                   .softmax = aire__ref_softmax,
                                   .softmax_backward = aire__ref_softmax_backward,
                                   .logsumexp = aire__ref_logsumexp,
                                   .logsumexp_backward = aire__ref_logsumexp_backward,
                                   .rope = ref_rope,
                                   .attention = aire__ref_attention,
                                   .attention_backward = aire__ref_attention_backward,
                                   .attention_scratch = aire__ref_attention_scratch,
                                   .cross_entropy = aire__ref_cross_entropy,
                                   .cross_entropy_backward = aire__ref_cross_entropy_backward};

const aire_kernels *aire__kernels_ref(void)
{
    return &table;
}
