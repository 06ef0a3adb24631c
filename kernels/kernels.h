/*
 * The table of operators that a backend fills.
 *
 * A backend computes on buffers of its own memory, in the order in which it is called; nothing but
 * `download` and `synchronize` waits, so that a step can be queued (or captured) as a whole.
 * Tensors are dense and row-major. Floating-point elements ("float" below) have the backend's
 * element type; ids and positions are int32_t. What changes from step to step comes in buffers,
 * never as an argument.
 *
 * Forward operators write all of their output. A backward operator takes the gradient of the output
 * and writes the gradients of the inputs; a gradient that is NULL is not wanted. One whose bit
 * AIRE_ADD_x is set in `add` is added to what is there, otherwise what is there is overwritten.
 * Gradients are written one after the other, in the order of the arguments, so that two of them may
 * be one buffer, unless the operator says "together". No output overlaps an input.
 *
 * Every sum has a fixed order, which depends on nothing but the shape: neither on the number of
 * threads nor, within a row, on the other rows.
 */
#ifndef AIRE_KERNELS_H
#define AIRE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "aire/status.h"

/* What a backend needs from the library; a backend in an object of its own links nothing of it. */
typedef struct aire_kernel_host {
    uint32_t struct_size;
    uint32_t reserved;
    void *(*alloc)(size_t size, void *user_data); /* NULL when there is no memory */
    void (*release)(void *ptr, void *user_data);  /* NULL is allowed */
    /* Set the detail of a failure; returns `status`. */
    aire_status (*fail)(aire_status status, const char *message);
    void *user_data;
} aire_kernel_host;

/* y = f(x, c), element by element: X(NAME, word). */
#define AIRE_UNARY_MAP(X)                                                                          \
    X(SCALE, "scale")   /* x * c */                                                                \
    X(OFFSET, "offset") /* x + c */                                                                \
    X(RELU, "relu")     /* max(x, 0); NaN stays NaN */                                             \
    X(RELU_SQUARED, "relu_squared")                                                                \
    X(GELU, "gelu") /* with erf */                                                                 \
    X(GELU_TANH, "gelu_tanh")                                                                      \
    X(SILU, "silu")                                                                                \
    X(SIGMOID, "sigmoid")                                                                          \
    X(TANH, "tanh")                                                                                \
    X(EXP, "exp")                                                                                  \
    X(LN, "ln")                                                                                    \
    X(SQRT, "sqrt")                                                                                \
    X(SQUARE, "square")                                                                            \
    X(SOFTCAP, "softcap") /* c * tanh(x / c) */

#define AIRE_UNARY_ENUM_(name, word) AIRE_UNARY_##name,
enum { AIRE_UNARY_MAP(AIRE_UNARY_ENUM_) AIRE_UNARY_COUNT };
#undef AIRE_UNARY_ENUM_

/* a (op) b, element by element: X(NAME, word). */
#define AIRE_BINARY_MAP(X)                                                                         \
    X(ADD, "add")                                                                                  \
    X(SUB, "sub")                                                                                  \
    X(MUL, "mul")                                                                                  \
    X(DIV, "div")

#define AIRE_BINARY_ENUM_(name, word) AIRE_BINARY_##name,
enum { AIRE_BINARY_MAP(AIRE_BINARY_ENUM_) AIRE_BINARY_COUNT };
#undef AIRE_BINARY_ENUM_

/* Bits of `add`: the first, second and third gradient of a backward operator. */
enum { AIRE_ADD_A = 1, AIRE_ADD_B = 2, AIRE_ADD_C = 4 };

#define AIRE_KERNEL_AXES 4

/* A walk over up to four axes, the last one innermost, in two buffers at once. Strides count
 * elements; 0 repeats. Unused axes come first, with dims 1. */
typedef struct aire_kernel_walk {
    int64_t dims[AIRE_KERNEL_AXES];
    int64_t a[AIRE_KERNEL_AXES];
    int64_t b[AIRE_KERNEL_AXES];
} aire_kernel_walk;

/* C[m, n] = A[m, k] B[k, n], `batch` times. A transposed matrix is stored as [k, m] or [n, k]. */
typedef struct aire_kernel_matmul {
    int64_t batch, m, n, k;
    int32_t a_transposed, b_transposed;
} aire_kernel_matmul;

/* Which keys a query may see: j <= i and, for a window > 0, i - j < window. */
typedef struct aire_kernel_attention {
    int64_t batch, tokens, heads, kv_heads, head_size;
    int64_t q_stride, k_stride, v_stride; /* elements from one token to the next */
    int64_t window;
    double scale;
    double softcap; /* 0: none */
} aire_kernel_attention;

typedef struct aire_kernels {
    uint32_t struct_size;
    uint32_t element_bytes; /* of a float: 4 or 8 */
    const char *name;

    /* A stream: one queue of work, with its threads and working space. */
    aire_status (*open)(const aire_kernel_host *host, int32_t threads, void **stream);
    void (*close)(void *stream); /* NULL is allowed */

    /* Memory of the backend, aligned to 64 bytes; NULL when there is none. `mapped` is where the
     * host sees it, NULL where it does not. */
    void *(*alloc)(void *stream, size_t bytes);
    void (*release)(void *stream, void *memory); /* NULL is allowed */
    void *(*mapped)(void *stream, void *memory);
    aire_status (*upload)(void *stream, void *to, const void *from, size_t bytes);
    aire_status (*download)(void *stream, void *to, const void *from, size_t bytes);
    aire_status (*synchronize)(void *stream);

    void (*clear)(void *stream, void *x, size_t bytes);
    void (*fill)(void *stream, void *x, int64_t count, double value);
    /* *first = index of the first element that is not finite, -1 if all are. */
    void (*find_not_finite)(void *stream, const void *x, int64_t count, int64_t *first);

    void (*unary)(void *stream, int32_t kind, double c, const void *x, void *y, int64_t count);
    /* Of sigmoid, tanh, exp, sqrt and softcap only y is read, of the others only x (or neither). */
    void (*unary_backward)(void *stream, int32_t kind, double c, const void *x, const void *y,
                           const void *dy, void *dx, int64_t count, uint32_t add);

    /* `walk` gives the output's axes and the strides of a and b in them. */
    void (*binary)(void *stream, int32_t kind, const aire_kernel_walk *walk, const void *a,
                   const void *b, void *y);
    void (*binary_backward)(void *stream, int32_t kind, const aire_kernel_walk *walk, const void *a,
                            const void *b, const void *dy, void *da, void *db, uint32_t add);

    /* b = a, or b += a with AIRE_ADD_A, along a walk. */
    void (*copy)(void *stream, const aire_kernel_walk *walk, const void *a, void *b, uint32_t add);

    /* y[o, i] = factor * sum over n of x[o, n, i]; and back: dx[o, n, i] = factor * dy[o, i]. */
    void (*sum)(void *stream, int64_t outer, int64_t n, int64_t inner, double factor, const void *x,
                void *y, uint32_t add);
    void (*repeat)(void *stream, int64_t outer, int64_t n, int64_t inner, double factor,
                   const void *dy, void *dx, uint32_t add);

    /* bias: nullable, [n]. */
    void (*matmul)(void *stream, const aire_kernel_matmul *shape, const void *a, const void *b,
                   const void *bias, void *c, uint32_t add);

    /* y[i, :] = table[ids[i], :]. An id out of range reads row 0 and, if *fault is 0 or larger,
     * sets *fault to its index + 1. The backward operator leaves such ids out. */
    void (*gather)(void *stream, int64_t rows, int64_t width, int64_t count, const void *table,
                   const int32_t *ids, void *y, int64_t *fault);
    void (*gather_backward)(void *stream, int64_t rows, int64_t width, int64_t count,
                            const int32_t *ids, const void *dy, void *dtable, uint32_t add);

    /* gain and bias: nullable, [width]. rstd: [rows]; stats: [rows, 2], mean and rstd. */
    void (*rmsnorm)(void *stream, int64_t rows, int64_t width, double eps, const void *x,
                    const void *gain, void *y, void *rstd);
    void (*rmsnorm_backward)(void *stream, int64_t rows, int64_t width, const void *x,
                             const void *gain, const void *rstd, const void *dy, void *dx,
                             void *dgain, uint32_t add);
    void (*layernorm)(void *stream, int64_t rows, int64_t width, double eps, const void *x,
                      const void *gain, const void *bias, void *y, void *stats);
    void (*layernorm_backward)(void *stream, int64_t rows, int64_t width, const void *x,
                               const void *gain, const void *stats, const void *dy, void *dx,
                               void *dgain, void *dbias, uint32_t add);

    /* queries > 0: row r belongs to query r % queries, which sees only its keys; see
     * aire_kernel_attention. */
    void (*softmax)(void *stream, int64_t rows, int64_t width, int64_t queries, int64_t window,
                    const void *x, void *y);
    void (*softmax_backward)(void *stream, int64_t rows, int64_t width, int64_t queries,
                             int64_t window, const void *y, const void *dy, void *dx, uint32_t add);
    void (*logsumexp)(void *stream, int64_t rows, int64_t width, const void *x, void *y);
    void (*logsumexp_backward)(void *stream, int64_t rows, int64_t width, const void *x,
                               const void *y, const void *dy, void *dx, uint32_t add);

    /* x, y: [batch, tokens, heads, size]; positions: nullable, [tokens] or, per_batch, [batch,
     * tokens]. inverse: rotate back, which is the backward operator. */
    void (*rope)(void *stream, int64_t batch, int64_t tokens, int64_t heads, int64_t size,
                 double theta, int32_t per_batch, int32_t inverse, const int32_t *positions,
                 const void *x, void *y, uint32_t add);

    /* y: [batch, tokens, heads * head_size]; lse: [batch, heads, tokens]. The gradients have the
     * strides of q, k and v, and are written together. */
    void (*attention)(void *stream, const aire_kernel_attention *shape, const void *q,
                      const void *k, const void *v, void *y, void *lse, void *scratch);
    void (*attention_backward)(void *stream, const aire_kernel_attention *shape, const void *q,
                               const void *k, const void *v, const void *y, const void *lse,
                               const void *dy, void *dq, void *dk, void *dv, void *scratch,
                               uint32_t add);
    size_t (*attention_scratch)(void *stream, const aire_kernel_attention *shape);

    /* losses: [rows], 0 where a target is ignored; state: [rows + 1], for the backward operator.
     * mean: nullable, one element. A target out of range counts as ignored, and is told as
     * gather's. */
    void (*cross_entropy)(void *stream, int64_t rows, int64_t width, int64_t ignore,
                          const void *logits, const int32_t *targets, void *losses, void *mean,
                          void *state, int64_t *fault);
    /* dlosses: [rows], or one element if `mean`. */
    void (*cross_entropy_backward)(void *stream, int64_t rows, int64_t width, int64_t ignore,
                                   int32_t mean, const void *logits, const int32_t *targets,
                                   const void *state, const void *dlosses, void *dlogits,
                                   uint32_t add);
} aire_kernels;

/* The backend for the processor that this runs on: the best instruction set that it has. */
const aire_kernels *aire__kernels_cpu(void);

/* The backend for one instruction set ("v4", "v3", "base"); NULL if this processor cannot run it.
 */
const aire_kernels *aire__kernels_cpu_for(const char *instruction_set);

/* The oracle: scalar, in double precision, one thread; linked by tests only. */
const aire_kernels *aire__kernels_ref(void);

#endif
