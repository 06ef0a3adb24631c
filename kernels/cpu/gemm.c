/* Matrix products. */
#include "kernels/cpu/gemm.h"

#include "kernels/cpu/ops.h"

/* Blocks: GEMM_K x PANEL of B stays in the first cache, the rest in the second. */
#define GEMM_K 128
#define GEMM_N 512
#define GEMM_M (40 * TILE_ROWS)

_Static_assert(GEMM_K *(GEMM_N + VEC) + GEMM_K * GEMM_M <= AIRE_CPU_WORKSPACE, "workspace");

typedef float vec4 __attribute__((vector_size(16)));
typedef float vec4_unaligned __attribute__((vector_size(16), aligned(4), may_alias));

static inline void transpose_4x4(const float *from, int64_t ld_from, float *to, int64_t ld_to)
{
    vec4 a = *(const vec4_unaligned *)from, b = *(const vec4_unaligned *)(from + ld_from);
    vec4 c = *(const vec4_unaligned *)(from + 2 * ld_from);
    vec4 d = *(const vec4_unaligned *)(from + 3 * ld_from);
    vec4 ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    vec4 ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    vec4 cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    vec4 cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    *(vec4_unaligned *)to = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
    *(vec4_unaligned *)(to + ld_to) = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
    *(vec4_unaligned *)(to + 2 * ld_to) = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
    *(vec4_unaligned *)(to + 3 * ld_to) = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

/* One panel of `width` columns, `columns` of them real, from b[columns, k]. */
static void pack_transposed(float *to, const float *b, int64_t ldb, int64_t k, int64_t columns,
                            int64_t width)
{
    int64_t whole_columns = columns & ~(int64_t)3, whole_k = k & ~(int64_t)3;
    for (int64_t j = 0; j < whole_columns; j += 4) {
        for (int64_t p = 0; p < whole_k; p += 4)
            transpose_4x4(b + j * ldb + p, ldb, to + p * width + j, width);
        for (int64_t p = whole_k; p < k; p++)
            for (int64_t l = j; l < j + 4; l++)
                to[p * width + l] = b[l * ldb + p];
    }
    for (int64_t p = 0; p < k; p++) {
        for (int64_t l = whole_columns; l < columns; l++)
            to[p * width + l] = b[l * ldb + p];
        for (int64_t l = columns; l < width; l++)
            to[p * width + l] = 0;
    }
}

static void pack_plain(float *to, const float *b, int64_t ldb, int64_t k, int64_t columns,
                       int64_t width)
{
    for (int64_t p = 0; p < k; p++) {
        memcpy(to + p * width, b + p * ldb, (size_t)columns * sizeof(float));
        for (int64_t l = columns; l < width; l++)
            to[p * width + l] = 0;
    }
}

/* Columns of the panel that begins at column j, with its padding. */
static int64_t panel_width(const gemm_panels *panels, int64_t j)
{
    int64_t columns = panels->n - j < PANEL ? panels->n - j : PANEL;
    return (columns + VEC - 1) / VEC * VEC;
}

void ISA(gemm_pack)(const gemm_panels *to, const float *b, int64_t ldb, bool transposed)
{
    float *panel = to->data;
    for (int64_t j = 0; j < to->n; j += PANEL) {
        int64_t columns = to->n - j < PANEL ? to->n - j : PANEL, width = panel_width(to, j);
        if (transposed)
            pack_transposed(panel, b + j * ldb, ldb, to->k, columns, width);
        else
            pack_plain(panel, b + j, ldb, to->k, columns, width);
        panel += to->k * width;
    }
}

/* Always inlined with constant rows, vecs and transposed, so that `sum` lives in registers. */
static inline __attribute__((always_inline)) void tile(int rows, int vecs, bool transposed,
                                                       const float *a, int64_t lda, const float *b,
                                                       int64_t ldb, int64_t k, float *c,
                                                       int64_t ldc, int64_t columns, bool add)
{
    vec sum[TILE_ROWS][TILE_VECS];
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < vecs; j++)
            sum[i][j] = (vec){0};

    for (int64_t p = 0; p < k; p++) {
        vec bp[TILE_VECS];
#pragma GCC unroll 4
        for (int j = 0; j < vecs; j++)
            bp[j] = vec_load(b + p * ldb + j * VEC);
#pragma GCC unroll 6
        for (int i = 0; i < rows; i++) {
            float x = transposed ? a[p * lda + i] : a[i * lda + p];
#pragma GCC unroll 4
            for (int j = 0; j < vecs; j++)
                sum[i][j] += x * bp[j];
        }
    }

    int64_t last = columns - (vecs - 1) * VEC;
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++) {
#pragma GCC unroll 4
        for (int j = 0; j < vecs; j++) {
            float *to = c + i * ldc + j * VEC;
            if (j < vecs - 1 || last == VEC) {
                vec_store(to, add ? vec_load(to) + sum[i][j] : sum[i][j]);
            } else {
                float lanes[VEC];
                memcpy(lanes, &sum[i][j], sizeof lanes);
                for (int64_t l = 0; l < last; l++)
                    to[l] = add ? to[l] + lanes[l] : lanes[l];
            }
        }
    }
}

#define TILE_CASE(rows, vecs)                                                                      \
    case (rows)*8 + (vecs):                                                                        \
        if (transposed)                                                                            \
            tile(rows, vecs, true, a, lda, b, ldb, k, c, ldc, columns, add);                       \
        else                                                                                       \
            tile(rows, vecs, false, a, lda, b, ldb, k, c, ldc, columns, add);                      \
        break;
#if TILE_VECS == 4
#define TILE_CASES(rows) TILE_CASE(rows, 1) TILE_CASE(rows, 2) TILE_CASE(rows, 3) TILE_CASE(rows, 4)
#else
#define TILE_CASES(rows) TILE_CASE(rows, 1) TILE_CASE(rows, 2)
#endif

static void run_tile(int rows, int vecs, bool transposed, const float *a, int64_t lda,
                     const float *b, int64_t ldb, int64_t k, float *c, int64_t ldc, int64_t columns,
                     bool add)
{
    switch (rows * 8 + vecs) {
        TILE_CASES(1)
        TILE_CASES(2)
        TILE_CASES(3)
        TILE_CASES(4)
        TILE_CASES(5)
        TILE_CASES(6)
    }
}

void ISA(gemm_rows)(const float *a, int64_t lda, bool transposed, int64_t m,
                    const gemm_panels *packed, int64_t k0, int64_t k, int64_t n0, int64_t n,
                    float *c, int64_t ldc, bool add)
{
    const float *panel = packed->data + n0 * packed->k; /* all panels before are whole */
    for (int64_t j = 0; j < n; j += PANEL) {
        int64_t columns = n - j < PANEL ? n - j : PANEL, width = panel_width(packed, n0 + j);
        int vecs = (int)((columns + VEC - 1) / VEC);
        for (int64_t i = 0; i < m; i += TILE_ROWS) {
            int rows = m - i < TILE_ROWS ? (int)(m - i) : TILE_ROWS;
            run_tile(rows, vecs, transposed, transposed ? a + i : a + i * lda, lda,
                     panel + k0 * width, width, k, c + i * ldc + j, ldc, columns, add);
        }
        panel += packed->k * width;
    }
}

/* One matrix product, and what part of it a thread does: some rows or some columns. */
typedef struct gemm_job {
    aire_cpu *cpu;
    const aire_kernel_matmul *shape;
    const float *a, *b, *bias;
    float *c;
    bool by_columns;
    bool add;
} gemm_job;

/* A block of A times a packed block; strips of a transposed A are copied, for their lines are far
 * apart. */
static void multiply_block(const float *a, int64_t lda, bool transposed, int64_t m,
                           const gemm_panels *packed, float *c, int64_t ldc, bool add, float *strip)
{
    if (transposed) {
        for (int64_t p = 0; p < packed->k; p++)
            memcpy(strip + p * GEMM_M, a + p * lda, (size_t)m * sizeof(float));
        a = strip;
        lda = GEMM_M;
    }
    ISA(gemm_rows)(a, lda, transposed, m, packed, 0, packed->k, 0, packed->n, c, ldc, add);
}

static int64_t at_most(int64_t value, int64_t limit)
{
    return value < limit ? value : limit;
}

/* Rows m0 to m1 - 1 and columns n0 to n1 - 1 of product `index` of the batch. */
static void multiply(const gemm_job *job, int64_t index, int64_t m0, int64_t m1, int64_t n0,
                     int64_t n1, int32_t thread)
{
    const aire_kernel_matmul *s = job->shape;
    const float *a = job->a + index * s->m * s->k, *b = job->b + index * s->k * s->n;
    float *c = job->c + index * s->m * s->n;
    int64_t lda = s->a_transposed ? s->m : s->k, ldb = s->b_transposed ? s->k : s->n;
    gemm_panels packed = {.data = job->cpu->workspace[thread]};
    float *strip = packed.data + GEMM_K * (GEMM_N + VEC);

    for (int64_t j = n0; j < n1; j += GEMM_N) {
        packed.n = at_most(n1 - j, GEMM_N);
        for (int64_t p = 0; p < s->k; p += GEMM_K) {
            packed.k = at_most(s->k - p, GEMM_K);
            ISA(gemm_pack)
            (&packed, s->b_transposed ? b + j * ldb + p : b + p * ldb + j, ldb, s->b_transposed);
            for (int64_t i = m0; i < m1; i += GEMM_M)
                multiply_block(s->a_transposed ? a + p * lda + i : a + i * lda + p, lda,
                               s->a_transposed, at_most(m1 - i, GEMM_M), &packed, c + i * s->n + j,
                               s->n, job->add || p > 0, strip);
        }
    }
}

static void multiply_part(void *arg, int64_t begin, int64_t end, int32_t thread)
{
    const gemm_job *job = arg;
    const aire_kernel_matmul *s = job->shape;

    if (s->batch > 1) {
        for (int64_t index = begin; index < end; index++)
            multiply(job, index, 0, s->m, 0, s->n, thread);
    } else if (job->by_columns) {
        multiply(job, 0, 0, s->m, begin, end, thread);
    } else {
        multiply(job, 0, begin, end, 0, s->n, thread);
    }
}

void ISA(matmul)(void *stream, const aire_kernel_matmul *shape, const void *a, const void *b,
                 const void *bias, void *c, uint32_t add)
{
    gemm_job job = {.cpu = stream,
                    .shape = shape,
                    .a = a,
                    .b = b,
                    .c = c,
                    .by_columns = shape->n > shape->m,
                    .add = add || bias};
    if (bias)
        for (int64_t i = 0; i < shape->batch * shape->m; i++)
            memcpy(job.c + i * shape->n, bias, (size_t)shape->n * sizeof(float));

    int64_t count = shape->batch > 1 ? shape->batch : job.by_columns ? shape->n : shape->m;
    int64_t each = shape->batch * shape->m * shape->n / count * shape->k / 16;
    aire__cpu_for(stream, count, each, multiply_part, &job);
}
