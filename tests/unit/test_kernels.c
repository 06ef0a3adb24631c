/*
 * The CPU's operators against the double-precision oracle, for each instruction set that this
 * processor has. Outputs are poisoned with NaN first, sizes are odd, and every operator is tried
 * both overwriting and adding.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aire/error.h"
#include "base/rng.h"
#include "kernels/kernels.h"

#define FORWARD 1e-5
#define GRADIENT 1e-4

static void *host_alloc(size_t size, void *user_data)
{
    return malloc(size);
}

static void host_release(void *ptr, void *user_data)
{
    free(ptr);
}

static aire_status host_fail(aire_status status, const char *message)
{
    return aire_error_set(status, 0, message);
}

static const aire_kernel_host host = {sizeof host, 0, host_alloc, host_release, host_fail, NULL};
static const aire_kernels *ref, *cpu;
static void *ref_stream, *cpu_stream;
static aire_rng rng;

/* A buffer of both backends, with the same values. */
typedef struct pair {
    int64_t count;
    float *f;
    double *d;
} pair;

#define PAIRS_MAX 64
static pair pairs[PAIRS_MAX];
static size_t pair_count;

static pair make(int64_t count)
{
    pair p = {count, malloc((size_t)count * sizeof(float)), malloc((size_t)count * sizeof(double))};
    assert_non_null(p.f);
    assert_non_null(p.d);
    assert_true(pair_count < PAIRS_MAX);
    pairs[pair_count++] = p;
    return p;
}

static pair constant(int64_t count, double value)
{
    pair p = make(count);
    for (int64_t i = 0; i < count; i++)
        p.d[i] = p.f[i] = (float)value;
    return p;
}

static pair poisoned(int64_t count)
{
    return constant(count, NAN);
}

/* Normal with a standard deviation, exact in both precisions. */
static pair random_pair(int64_t count, double deviation)
{
    pair p = make(count);
    for (int64_t i = 0; i < count; i++)
        p.d[i] = p.f[i] = (float)(deviation * aire__rng_normal(&rng));
    return p;
}

/* What a gradient is added to, or poison where it is overwritten. */
static pair target(int64_t count, bool add)
{
    return add ? random_pair(count, 1) : poisoned(count);
}

static int32_t *random_ids(int64_t count, int64_t limit)
{
    pair p = make(count); /* its float buffer is as large as the ids */
    int32_t *ids = (int32_t *)(void *)p.f;
    for (int64_t i = 0; i < count; i++)
        ids[i] = (int32_t)aire__rng_below(&rng, (uint64_t)limit);
    return ids;
}

static void free_pairs(void)
{
    for (size_t i = 0; i < pair_count; i++) {
        free(pairs[i].f);
        free(pairs[i].d);
    }
    pair_count = 0;
}

static void close_to(const char *what, pair p, double tolerance)
{
    double difference = 0, norm = 0;
    for (int64_t i = 0; i < p.count; i++) {
        difference += (p.f[i] - p.d[i]) * (p.f[i] - p.d[i]);
        norm += p.d[i] * p.d[i];
    }
    double error = sqrt(difference / (norm > 0 ? norm : 1));
    if (!(error <= tolerance))
        fail_msg("%s: %s: relative error %.3g, allowed %.3g", cpu->name, what, error, tolerance);
}

/* Run a body for each instruction set and both ways to write a gradient. */
#define BOTH_BEGIN(isa_threads)                                                                    \
    static const char *const isas[] = {"base", "v3", "v4"};                                        \
    for (int isa = 0; isa < 3; isa++)                                                              \
        for (uint32_t add = 0; add < 2; add++) {                                                   \
            cpu = aire__kernels_cpu_for(isas[isa]);                                                \
            if (!cpu)                                                                              \
                continue;                                                                          \
            aire__rng_init(&rng, 1, "kernels", (uint64_t)(isa * 2) + add);                         \
            assert_int_equal(cpu->open(&host, isa_threads, &cpu_stream), AIRE_OK);                 \
            assert_int_equal(ref->open(&host, 1, &ref_stream), AIRE_OK);

#define BOTH_END                                                                                   \
    free_pairs();                                                                                  \
    cpu->close(cpu_stream);                                                                        \
    ref->close(ref_stream);                                                                        \
    }

static const uint32_t ADD_ALL[] = {0, AIRE_ADD_A | AIRE_ADD_B | AIRE_ADD_C};

static const struct {
    int32_t kind;
    const char *name;
} unaries[] = {
#define ROW(name, word) {AIRE_UNARY_##name, word},
    AIRE_UNARY_MAP(ROW)
#undef ROW
};

static void check_unary(int32_t kind, const char *name, int64_t n, bool add)
{
    pair x = random_pair(n, 2), y = poisoned(n), dy = random_pair(n, 1), dx = target(n, add);
    for (int64_t i = 0; i < n && (kind == AIRE_UNARY_LN || kind == AIRE_UNARY_SQRT); i++)
        x.d[i] = x.f[i] = fabsf(x.f[i]) + 0.1f;
    cpu->unary(cpu_stream, kind, 1.5, x.f, y.f, n);
    ref->unary(ref_stream, kind, 1.5, x.d, y.d, n);
    close_to(name, y, FORWARD);
    bool from_y = kind == AIRE_UNARY_SIGMOID || kind == AIRE_UNARY_TANH || kind == AIRE_UNARY_EXP ||
                  kind == AIRE_UNARY_SQRT || kind == AIRE_UNARY_SOFTCAP;
    cpu->unary_backward(cpu_stream, kind, 1.5, from_y ? NULL : x.f, from_y ? y.f : NULL, dy.f, dx.f,
                        n, add);
    ref->unary_backward(ref_stream, kind, 1.5, from_y ? NULL : x.d, from_y ? y.d : NULL, dy.d, dx.d,
                        n, add);
    close_to(name, dx, GRADIENT);
}

static void test_kernels__unary_agrees(void **state)
{
    static const int64_t sizes[] = {1, 7, 64, 1003};
    BOTH_BEGIN(1)
    for (size_t i = 0; i < AIRE_UNARY_COUNT; i++)
        for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++) {
            check_unary(unaries[i].kind, unaries[i].name, sizes[j], add);
            free_pairs();
        }
    BOTH_END
}

static void test_kernels__unary_is_accurate_in_the_tails(void **state)
{
    BOTH_BEGIN(1)
    for (size_t i = 0; i < AIRE_UNARY_COUNT; i++) {
        pair x = make(401), y = poisoned(401);
        for (int64_t j = 0; j < 401; j++)
            x.d[j] = x.f[j] = (float)(j - 200) * 0.05f;
        cpu->unary(cpu_stream, unaries[i].kind, 3.0, x.f, y.f, 401);
        ref->unary(ref_stream, unaries[i].kind, 3.0, x.d, y.d, 401);
        for (int64_t j = 0; j < 401; j++) {
            double error = fabs(y.f[j] - y.d[j]);
            bool undefined = isnan(y.d[j]) && isnan(y.f[j]);
            if (!undefined && y.f[j] != y.d[j] && !(error <= 1e-5 * fabs(y.d[j]) + 1e-9))
                fail_msg("%s: %s(%g) is %g, not %g", cpu->name, unaries[i].name, x.d[j], y.f[j],
                         y.d[j]);
        }
        free_pairs();
    }
    BOTH_END
}

/* Whether it comes from a vector or from the scalar rest of a loop, an element is the same. */
static void test_kernels__element_does_not_depend_on_its_place(void **state)
{
    enum { N = 77 };
    BOTH_BEGIN(1)
    for (int32_t kind = 0; kind < AIRE_UNARY_COUNT; kind++) {
        pair x = random_pair(N, 2), y = poisoned(N), dy = random_pair(N, 1), dx = target(N, add);
        pair y1 = poisoned(N), dx1 = make(N);
        memcpy(dx1.f, dx.f, N * sizeof(float));
        for (int64_t i = 0; i < N && (kind == AIRE_UNARY_LN || kind == AIRE_UNARY_SQRT); i++)
            x.f[i] = fabsf(x.f[i]) + 0.1f;
        cpu->unary(cpu_stream, kind, 1.5, x.f, y.f, N);
        cpu->unary_backward(cpu_stream, kind, 1.5, x.f, y.f, dy.f, dx.f, N, add);
        for (int64_t i = 0; i < N; i++) {
            cpu->unary(cpu_stream, kind, 1.5, x.f + i, y1.f + i, 1);
            cpu->unary_backward(cpu_stream, kind, 1.5, x.f + i, y.f + i, dy.f + i, dx1.f + i, 1,
                                add);
        }
        assert_memory_equal(y.f, y1.f, N * sizeof(float));
        assert_memory_equal(dx.f, dx1.f, N * sizeof(float));
        free_pairs();
    }
    for (int32_t kind = 0; kind < AIRE_BINARY_COUNT; kind++) {
        pair a = random_pair(N, 1), b = random_pair(N, 1), dy = random_pair(N, 1);
        pair y = poisoned(N), da = target(N, add), db = target(N, add), one = make(3 * N);
        aire_kernel_walk all = {{1, 1, 1, N}, {0, 0, 0, 1}, {0, 0, 0, 1}};
        aire_kernel_walk each = {{1, 1, 1, 1}, {0, 0, 0, 0}, {0, 0, 0, 0}};
        memcpy(one.f + N, da.f, N * sizeof(float));
        memcpy(one.f + 2 * N, db.f, N * sizeof(float));
        cpu->binary(cpu_stream, kind, &all, a.f, b.f, y.f);
        cpu->binary_backward(cpu_stream, kind, &all, a.f, b.f, dy.f, da.f, db.f, ADD_ALL[add]);
        for (int64_t i = 0; i < N; i++) {
            cpu->binary(cpu_stream, kind, &each, a.f + i, b.f + i, one.f + i);
            cpu->binary_backward(cpu_stream, kind, &each, a.f + i, b.f + i, dy.f + i, one.f + N + i,
                                 one.f + 2 * N + i, ADD_ALL[add]);
        }
        assert_memory_equal(y.f, one.f, N * sizeof(float));
        assert_memory_equal(da.f, one.f + N, N * sizeof(float));
        assert_memory_equal(db.f, one.f + 2 * N, N * sizeof(float));
        free_pairs();
    }
    BOTH_END
}

static void test_kernels__not_a_number_is_never_lost(void **state)
{
    BOTH_BEGIN(1)
    for (size_t i = 0; i < AIRE_UNARY_COUNT; i++) {
        pair x = random_pair(40, 1), y = random_pair(40, 1);
        x.f[17] = NAN;
        cpu->unary(cpu_stream, unaries[i].kind, 2.0, x.f, y.f, 40);
        if (!isnan(y.f[17]))
            fail_msg("%s: %s(NaN) is %g", cpu->name, unaries[i].name, y.f[17]);
    }
    pair x = random_pair(40, 1), y = random_pair(40, 1);
    int64_t first = 0;
    x.f[17] = NAN;
    cpu->softmax(cpu_stream, 2, 20, 0, 0, x.f, y.f);
    assert_true(isnan(y.f[0]) && isnan(y.f[19]) && !isnan(y.f[20]));
    cpu->find_not_finite(cpu_stream, x.f, 40, &first);
    assert_int_equal(first, 17);
    x.f[17] = 1;
    cpu->find_not_finite(cpu_stream, x.f, 40, &first);
    assert_int_equal(first, -1);
    BOTH_END
}

static const aire_kernel_walk walks[] = {
    {{1, 1, 1, 77}, {0, 0, 0, 1}, {0, 0, 0, 1}},  /* same shape */
    {{1, 1, 9, 35}, {0, 0, 35, 1}, {0, 0, 0, 1}}, /* b a row for all */
    {{1, 1, 9, 35}, {0, 0, 35, 1}, {0, 0, 1, 0}}, /* b a column for all */
    {{1, 1, 9, 35}, {0, 0, 35, 1}, {0, 0, 0, 0}}, /* b a scalar */
    {{1, 1, 9, 35}, {0, 0, 0, 0}, {0, 0, 35, 1}}, /* a a scalar */
    {{2, 3, 4, 5}, {20, 0, 5, 1}, {0, 5, 0, 1}},  /* both repeated */
    {{3, 2, 4, 1}, {8, 4, 1, 0}, {0, 1, 0, 0}},
};

static int64_t elements(const aire_kernel_walk *walk, const int64_t *strides)
{
    int64_t last = 0;
    for (int axis = 0; axis < AIRE_KERNEL_AXES; axis++)
        last += (walk->dims[axis] - 1) * strides[axis];
    return last + 1;
}

static void check_binary(int32_t kind, const aire_kernel_walk *walk, bool add)
{
    int64_t n = walk->dims[0] * walk->dims[1] * walk->dims[2] * walk->dims[3];
    int64_t a_count = elements(walk, walk->a), b_count = elements(walk, walk->b);
    pair a = random_pair(a_count, 1), b = random_pair(b_count, 1), y = poisoned(n);
    pair dy = random_pair(n, 1), da = target(a_count, add), db = target(b_count, add);
    for (int64_t i = 0; i < b_count; i++) /* away from 0, for the division */
        b.d[i] = b.f[i] = b.f[i] < 0 ? b.f[i] - 1 : b.f[i] + 1;
    cpu->binary(cpu_stream, kind, walk, a.f, b.f, y.f);
    ref->binary(ref_stream, kind, walk, a.d, b.d, y.d);
    close_to("binary", y, FORWARD);
    cpu->binary_backward(cpu_stream, kind, walk, a.f, b.f, dy.f, da.f, db.f, ADD_ALL[add]);
    ref->binary_backward(ref_stream, kind, walk, a.d, b.d, dy.d, da.d, db.d, ADD_ALL[add]);
    close_to("binary da", da, GRADIENT);
    close_to("binary db", db, GRADIENT);
    cpu->binary_backward(cpu_stream, kind, walk, a.f, b.f, dy.f, NULL, NULL, 0);
}

static void test_kernels__binary_agrees(void **state)
{
    BOTH_BEGIN(1)
    for (int32_t kind = 0; kind < AIRE_BINARY_COUNT; kind++)
        for (size_t i = 0; i < sizeof walks / sizeof *walks; i++) {
            check_binary(kind, &walks[i], add);
            free_pairs();
        }
    BOTH_END
}

static void test_kernels__one_buffer_may_take_both_gradients(void **state)
{
    BOTH_BEGIN(1)
    pair x = random_pair(33, 1), dy = random_pair(33, 1), dx = target(33, add);
    aire_kernel_walk walk = {{1, 1, 1, 33}, {0, 0, 0, 1}, {0, 0, 0, 1}};
    uint32_t bits = AIRE_ADD_B | (add ? AIRE_ADD_A : 0u);
    cpu->binary_backward(cpu_stream, AIRE_BINARY_MUL, &walk, x.f, x.f, dy.f, dx.f, dx.f, bits);
    ref->binary_backward(ref_stream, AIRE_BINARY_MUL, &walk, x.d, x.d, dy.d, dx.d, dx.d, bits);
    close_to("x * x", dx, GRADIENT);
    BOTH_END
}

static void test_kernels__copy_sum_and_repeat_agree(void **state)
{
    BOTH_BEGIN(1)
    aire_kernel_walk transpose = {{1, 3, 17, 5}, {0, 85, 1, 17}, {0, 85, 5, 1}};
    pair x = random_pair(255, 1), y = target(255, add);
    cpu->copy(cpu_stream, &transpose, x.f, y.f, add);
    ref->copy(ref_stream, &transpose, x.d, y.d, add);
    close_to("copy", y, FORWARD);
    static const int64_t shapes[][3] = {{1, 255, 1}, {3, 85, 1}, {3, 5, 17}, {1, 15, 17}};
    for (int i = 0; i < 4; i++) {
        const int64_t *s = shapes[i];
        pair total = target(s[0] * s[2], add), back = target(255, add);
        cpu->sum(cpu_stream, s[0], s[1], s[2], 0.5, x.f, total.f, add);
        ref->sum(ref_stream, s[0], s[1], s[2], 0.5, x.d, total.d, add);
        close_to("sum", total, FORWARD);
        cpu->repeat(cpu_stream, s[0], s[1], s[2], 0.5, total.f, back.f, add);
        ref->repeat(ref_stream, s[0], s[1], s[2], 0.5, total.d, back.d, add);
        close_to("repeat", back, FORWARD);
    }
    pair filled = poisoned(19);
    cpu->fill(cpu_stream, filled.f, 19, 2.5);
    ref->fill(ref_stream, filled.d, 19, 2.5);
    close_to("fill", filled, 0);
    BOTH_END
}

static void check_matmul(aire_kernel_matmul s, bool with_bias, bool add)
{
    pair a = random_pair(s.batch * s.m * s.k, 1), b = random_pair(s.batch * s.k * s.n, 1);
    pair bias = random_pair(s.n, 1), c = target(s.batch * s.m * s.n, add);
    cpu->matmul(cpu_stream, &s, a.f, b.f, with_bias ? bias.f : NULL, c.f, add);
    ref->matmul(ref_stream, &s, a.d, b.d, with_bias ? bias.d : NULL, c.d, add);
    close_to("matmul", c, FORWARD);
    free_pairs();
}

static void test_kernels__matmul_agrees(void **state)
{
    static const int64_t sizes[][4] = {{1, 1, 1, 1},     {1, 7, 5, 3},    {1, 1, 130, 131},
                                       {1, 13, 67, 129}, {3, 6, 64, 128}, {2, 61, 33, 257},
                                       {1, 250, 3, 9},   {1, 5, 517, 40}};
    BOTH_BEGIN(1)
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int t = 0; t < 4; t++) {
            const int64_t *s = sizes[i];
            aire_kernel_matmul shape = {s[0], s[1], s[2], s[3], t & 1, t >> 1};
            check_matmul(shape, false, add);
            if (!add)
                check_matmul(shape, true, false);
        }
    BOTH_END
}

static void test_kernels__row_of_a_product_does_not_depend_on_the_others(void **state)
{
    BOTH_BEGIN(1)
    aire_kernel_matmul all = {1, 29, 77, 300, 0, 1}, one = all;
    pair a = random_pair(29 * 300, 1), b = random_pair(77 * 300, 1);
    pair c = poisoned(29 * 77), row = poisoned(77);
    one.m = 1;
    cpu->matmul(cpu_stream, &all, a.f, b.f, NULL, c.f, 0);
    for (int64_t i = 0; i < 29; i++) {
        cpu->matmul(cpu_stream, &one, a.f + i * 300, b.f, NULL, row.f, 0);
        assert_memory_equal(row.f, c.f + i * 77, 77 * sizeof(float));
    }
    BOTH_END
}

static void test_kernels__gather_agrees_and_tells_bad_ids(void **state)
{
    BOTH_BEGIN(1)
    pair table = random_pair(11 * 21, 1), y = poisoned(33 * 21), dy = random_pair(33 * 21, 1);
    pair dtable = target(11 * 21, add);
    int32_t *ids = random_ids(33, 11);
    int64_t fault = 0, ref_fault = 0;
    cpu->gather(cpu_stream, 33, 21, 11, table.f, ids, y.f, &fault);
    ref->gather(ref_stream, 33, 21, 11, table.d, ids, y.d, &ref_fault);
    close_to("gather", y, 0);
    assert_int_equal(fault, 0);
    ids[20] = -1;
    ids[30] = 11;
    ids[7] = INT32_MAX;
    cpu->gather(cpu_stream, 33, 21, 11, table.f, ids, y.f, &fault);
    ref->gather(ref_stream, 33, 21, 11, table.d, ids, y.d, &ref_fault);
    close_to("gather", y, 0);
    assert_int_equal(fault, 8);
    assert_int_equal(ref_fault, 8);
    cpu->gather_backward(cpu_stream, 33, 21, 11, ids, dy.f, dtable.f, add);
    ref->gather_backward(ref_stream, 33, 21, 11, ids, dy.d, dtable.d, add);
    close_to("gather backward", dtable, GRADIENT);
    BOTH_END
}

static void check_norms(int64_t rows, int64_t width, bool with_gain, bool add)
{
    pair x = random_pair(rows * width, 2), gain = random_pair(width, 1);
    pair bias = random_pair(width, 1), y = poisoned(rows * width), stats = poisoned(2 * rows);
    pair dy = random_pair(rows * width, 1), dx = target(rows * width, add);
    pair dgain = target(width, add), dbias = target(width, add);
    const float *gain_f = with_gain ? gain.f : NULL, *bias_f = with_gain ? bias.f : NULL;
    const double *gain_d = with_gain ? gain.d : NULL, *bias_d = with_gain ? bias.d : NULL;

    cpu->layernorm(cpu_stream, rows, width, 1e-5, x.f, gain_f, bias_f, y.f, stats.f);
    ref->layernorm(ref_stream, rows, width, 1e-5, x.d, gain_d, bias_d, y.d, stats.d);
    close_to("layernorm", y, FORWARD);
    cpu->layernorm_backward(cpu_stream, rows, width, x.f, gain_f, stats.f, dy.f, dx.f, dgain.f,
                            dbias.f, ADD_ALL[add]);
    ref->layernorm_backward(ref_stream, rows, width, x.d, gain_d, stats.d, dy.d, dx.d, dgain.d,
                            dbias.d, ADD_ALL[add]);
    close_to("layernorm dx", dx, GRADIENT);
    close_to("layernorm dgain", dgain, GRADIENT);
    close_to("layernorm dbias", dbias, GRADIENT);

    cpu->rmsnorm(cpu_stream, rows, width, 1e-6, x.f, gain_f, y.f, stats.f);
    ref->rmsnorm(ref_stream, rows, width, 1e-6, x.d, gain_d, y.d, stats.d);
    close_to("rmsnorm", y, FORWARD);
    cpu->rmsnorm_backward(cpu_stream, rows, width, x.f, gain_f, stats.f, dy.f, dx.f, dgain.f,
                          ADD_ALL[add]);
    ref->rmsnorm_backward(ref_stream, rows, width, x.d, gain_d, stats.d, dy.d, dx.d, dgain.d,
                          ADD_ALL[add]);
    close_to("rmsnorm dx", dx, GRADIENT);
    close_to("rmsnorm dgain", dgain, GRADIENT);
    free_pairs();
}

static void test_kernels__norms_agree(void **state)
{
    BOTH_BEGIN(1)
    check_norms(5, 3, true, add);
    check_norms(7, 129, true, add);
    check_norms(7, 129, false, add);
    check_norms(33, 64, true, add);
    BOTH_END
}

static void check_softmax(int64_t rows, int64_t width, int64_t queries, int64_t window, bool add)
{
    pair x = random_pair(rows * width, 3), y = poisoned(rows * width);
    pair dy = random_pair(rows * width, 1), dx = target(rows * width, add);
    cpu->softmax(cpu_stream, rows, width, queries, window, x.f, y.f);
    ref->softmax(ref_stream, rows, width, queries, window, x.d, y.d);
    close_to("softmax", y, FORWARD);
    cpu->softmax_backward(cpu_stream, rows, width, queries, window, y.f, dy.f, dx.f, add);
    ref->softmax_backward(ref_stream, rows, width, queries, window, y.d, dy.d, dx.d, add);
    close_to("softmax backward", dx, GRADIENT);
}

static void test_kernels__softmax_and_logsumexp_agree(void **state)
{
    BOTH_BEGIN(1)
    check_softmax(5, 1, 0, 0, add);
    check_softmax(9, 67, 0, 0, add);
    check_softmax(3 * 19, 19, 19, 0, add);
    check_softmax(3 * 19, 19, 19, 4, add);
    free_pairs();
    static const int64_t widths[] = {1, 67, 600};
    for (int i = 0; i < 3; i++) {
        int64_t width = widths[i];
        pair x = random_pair(9 * width, 3), y = poisoned(9), dy = random_pair(9, 1);
        pair dx = target(9 * width, add);
        cpu->logsumexp(cpu_stream, 9, width, x.f, y.f);
        ref->logsumexp(ref_stream, 9, width, x.d, y.d);
        close_to("logsumexp", y, FORWARD);
        cpu->logsumexp_backward(cpu_stream, 9, width, x.f, y.f, dy.f, dx.f, add);
        ref->logsumexp_backward(ref_stream, 9, width, x.d, y.d, dy.d, dx.d, add);
        close_to("logsumexp backward", dx, GRADIENT);
    }
    BOTH_END
}

static void test_kernels__rope_agrees_and_turns_back(void **state)
{
    BOTH_BEGIN(1)
    const int64_t count = 2 * 7 * 3 * 10;
    pair x = random_pair(count, 1);
    int32_t *positions = random_ids(14, 1000);
    for (int mode = 0; mode < 3; mode++) { /* none, for all, for each */
        const int32_t *given = mode ? positions : NULL;
        pair y = target(count, add), back = poisoned(count);
        cpu->rope(cpu_stream, 2, 7, 3, 10, 10000, mode == 2, 0, given, x.f, y.f, add);
        ref->rope(ref_stream, 2, 7, 3, 10, 10000, mode == 2, 0, given, x.d, y.d, add);
        close_to("rope", y, FORWARD);
        if (add)
            continue;
        cpu->rope(cpu_stream, 2, 7, 3, 10, 10000, mode == 2, 1, given, y.f, back.f, 0);
        memcpy(back.d, x.d, (size_t)count * sizeof(double));
        close_to("rope and back", back, FORWARD);
    }
    BOTH_END
}

/* q, k and v apart, or side by side in rows of q_stride. */
static void check_attention(aire_kernel_attention s, bool packed, bool add)
{
    int64_t q_width = s.heads * s.head_size, kv_width = s.kv_heads * s.head_size;
    int64_t rows = s.batch * s.tokens, width = q_width + 2 * kv_width;
    pair all = random_pair(rows * width, 1), dall = target(rows * width, add);
    pair y = poisoned(rows * q_width), lse = poisoned(s.batch * s.heads * s.tokens);
    pair dy = random_pair(rows * q_width, 1);
    int64_t k_at = packed ? q_width : rows * q_width;
    int64_t v_at = packed ? q_width + kv_width : rows * (q_width + kv_width);
    s.q_stride = packed ? width : q_width;
    s.k_stride = s.v_stride = packed ? width : kv_width;
    pair scratch =
        constant((int64_t)(cpu->attention_scratch(cpu_stream, &s) / sizeof(float)) + 1, NAN);

    cpu->attention(cpu_stream, &s, all.f, all.f + k_at, all.f + v_at, y.f, lse.f, scratch.f);
    ref->attention(ref_stream, &s, all.d, all.d + k_at, all.d + v_at, y.d, lse.d, NULL);
    close_to("attention", y, FORWARD);
    close_to("attention lse", lse, FORWARD);
    cpu->attention_backward(cpu_stream, &s, all.f, all.f + k_at, all.f + v_at, y.f, lse.f, dy.f,
                            dall.f, dall.f + k_at, dall.f + v_at, scratch.f, ADD_ALL[add]);
    ref->attention_backward(ref_stream, &s, all.d, all.d + k_at, all.d + v_at, y.d, lse.d, dy.d,
                            dall.d, dall.d + k_at, dall.d + v_at, NULL, ADD_ALL[add]);
    close_to("attention backward", dall, GRADIENT);

    pair dk = target(rows * width, add); /* one gradient alone */
    cpu->attention_backward(cpu_stream, &s, all.f, all.f + k_at, all.f + v_at, y.f, lse.f, dy.f,
                            NULL, dk.f, NULL, scratch.f, ADD_ALL[add]);
    ref->attention_backward(ref_stream, &s, all.d, all.d + k_at, all.d + v_at, y.d, lse.d, dy.d,
                            NULL, dk.d, NULL, NULL, ADD_ALL[add]);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < width; i++) /* what lies between its rows is not touched */
            if ((packed && i >= kv_width) || (!packed && r * width + i >= rows * kv_width))
                dk.f[r * width + i] = 0, dk.d[r * width + i] = 0;
    close_to("attention dk", dk, GRADIENT);
    free_pairs();
}

static void test_kernels__attention_agrees(void **state)
{
    static const struct {
        int64_t batch, tokens, heads, kv_heads, size, window;
        double softcap;
    } cases[] = {{1, 1, 1, 1, 1, 0, 0},   {2, 7, 2, 2, 8, 0, 0},    {2, 7, 4, 2, 5, 3, 0},
                 {1, 61, 3, 1, 16, 0, 2}, {1, 130, 2, 2, 33, 0, 0}, {1, 150, 2, 1, 70, 20, 0},
                 {1, 97, 1, 1, 4, 1, 5},  {1, 200, 1, 1, 16, 64, 0}};
    BOTH_BEGIN(1)
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        aire_kernel_attention shape = {.batch = cases[i].batch,
                                       .tokens = cases[i].tokens,
                                       .heads = cases[i].heads,
                                       .kv_heads = cases[i].kv_heads,
                                       .head_size = cases[i].size,
                                       .window = cases[i].window,
                                       .scale = 0.7 / sqrt((double)cases[i].size),
                                       .softcap = cases[i].softcap};
        check_attention(shape, false, add);
        check_attention(shape, true, add);
    }
    BOTH_END
}

static void check_cross_entropy(int64_t rows, int64_t width, int64_t ignore, bool add)
{
    pair logits = random_pair(rows * width, 3), losses = poisoned(rows), mean = poisoned(1);
    pair state = poisoned(rows + 1), dlosses = random_pair(rows, 1);
    pair dlogits = target(rows * width, add);
    int32_t *targets = random_ids(rows, width);
    int64_t fault = 0, ref_fault = 0;
    if (ignore >= 0 && rows > 3)
        targets[3] = (int32_t)ignore;

    cpu->cross_entropy(cpu_stream, rows, width, ignore, logits.f, targets, losses.f, mean.f,
                       state.f, &fault);
    ref->cross_entropy(ref_stream, rows, width, ignore, logits.d, targets, losses.d, mean.d,
                       state.d, &ref_fault);
    close_to("losses", losses, FORWARD);
    close_to("mean loss", mean, FORWARD);
    assert_int_equal(fault, 0);
    for (int32_t is_mean = 0; is_mean < 2; is_mean++) {
        cpu->cross_entropy_backward(cpu_stream, rows, width, ignore, is_mean, logits.f, targets,
                                    state.f, dlosses.f, dlogits.f, add);
        ref->cross_entropy_backward(ref_stream, rows, width, ignore, is_mean, logits.d, targets,
                                    state.d, dlosses.d, dlogits.d, add);
        close_to("dlogits", dlogits, GRADIENT);
    }
    targets[rows - 1] = (int32_t)width;
    cpu->cross_entropy(cpu_stream, rows, width, ignore, logits.f, targets, losses.f, NULL, state.f,
                       &fault);
    assert_int_equal(fault, rows);
    free_pairs();
}

static void test_kernels__cross_entropy_agrees_and_tells_bad_targets(void **state)
{
    BOTH_BEGIN(1)
    check_cross_entropy(1, 5, -1, add);
    check_cross_entropy(13, 37, -1, add);
    check_cross_entropy(13, 37, 5, add);
    check_cross_entropy(6, 1000, 999, add);
    pair logits = random_pair(10, 1), losses = poisoned(2), mean = poisoned(1);
    pair kept = poisoned(3), dmean = constant(1, 1), dlogits = target(10, add);
    int32_t none[2] = {-7, -7};
    int64_t fault = 0;
    cpu->cross_entropy(cpu_stream, 2, 5, -7, logits.f, none, losses.f, mean.f, kept.f, &fault);
    assert_true(mean.f[0] == 0 && fault == 0); /* nothing counts: no loss, no gradient */
    cpu->cross_entropy_backward(cpu_stream, 2, 5, -7, 1, logits.f, none, kept.f, dmean.f, dlogits.f,
                                add);
    for (int i = 0; i < 10; i++)
        assert_true(dlogits.f[i] == (add ? (float)dlogits.d[i] : 0));
    BOTH_END
}

/* Everything that is split among threads, into one long buffer. */
static void run_all(float *out, const float *in, const int32_t *ids)
{
    const int64_t rows = 300, width = 200;
    float *at = out;
    aire_kernel_matmul product = {1, 300, 200, 200, 0, 1}, weights = {1, 300, 200, 300, 1, 0};
    aire_kernel_attention shape = {.batch = 3,
                                   .tokens = 100,
                                   .heads = 5,
                                   .kv_heads = 5,
                                   .head_size = 40,
                                   .q_stride = 200,
                                   .k_stride = 200,
                                   .v_stride = 200,
                                   .scale = 0.2};
    void *scratch = malloc(cpu->attention_scratch(cpu_stream, &shape));
    float stats[600], lse[1500], gain[200] = {0};
    assert_non_null(scratch);

    cpu->matmul(cpu_stream, &product, in, in + 60000, NULL, at, 0);
    cpu->matmul(cpu_stream, &weights, in, in + 60000, NULL, at += 60000, 0);
    cpu->unary(cpu_stream, AIRE_UNARY_GELU, 0, in, at += 60000, rows * width);
    cpu->rmsnorm(cpu_stream, rows, width, 1e-6, in, NULL, at += 60000, stats);
    cpu->rmsnorm_backward(cpu_stream, rows, width, in, NULL, stats, in + 60000, at += 60000, gain,
                          0);
    memcpy(at += 60000, gain, sizeof gain);
    cpu->softmax(cpu_stream, rows, width, 0, 0, in, at += 200);
    cpu->sum(cpu_stream, 1, rows, width, 1, in, at += 60000, 0);
    cpu->gather_backward(cpu_stream, rows, width, 50, ids, in, at += 200, 0);
    cpu->attention(cpu_stream, &shape, in, in + 60000, in + 120000, at += 10000, lse, scratch);
    cpu->attention_backward(cpu_stream, &shape, in, in + 60000, in + 120000, at, lse, in,
                            at + 60000, at + 120000, at + 180000, scratch, 0);
    free(scratch);
}

static void test_kernels__threads_do_not_change_a_bit(void **state)
{
    const int64_t total = 610400;
    BOTH_BEGIN(1)
    pair in = random_pair(180000, 1), one = poisoned(total), many = poisoned(total);
    int32_t *ids = random_ids(300, 50);
    run_all(one.f, in.f, ids);
    for (int32_t threads = 2; threads < 5; threads++) {
        cpu->close(cpu_stream);
        assert_int_equal(cpu->open(&host, threads, &cpu_stream), AIRE_OK);
        run_all(many.f, in.f, ids);
        assert_memory_equal(one.f, many.f, (size_t)total * sizeof(float));
    }
    for (int64_t i = 0; i < total; i++)
        assert_true(isfinite(one.f[i])); /* so that the comparison means something */
    BOTH_END
}

static void test_kernels__memory_is_aligned_and_refused_politely(void **state)
{
    void *stream;
    cpu = aire__kernels_cpu();
    assert_int_equal(cpu->open(&host, 1, &stream), AIRE_OK);
    for (size_t bytes = 1; bytes < 200; bytes += 13) {
        void *memory = cpu->alloc(stream, bytes);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % 64, 0);
        cpu->release(stream, memory);
    }
    assert_null(cpu->alloc(stream, SIZE_MAX - 8));
    cpu->close(stream);
    cpu->close(NULL);
    assert_int_equal(cpu->open(&host, 0, &stream), AIRE_INVALID);
    assert_int_equal(cpu->open(&host, 65, &stream), AIRE_INVALID);
    assert_null(aire__kernels_cpu_for("v9"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels__unary_agrees),
        cmocka_unit_test(test_kernels__unary_is_accurate_in_the_tails),
        cmocka_unit_test(test_kernels__element_does_not_depend_on_its_place),
        cmocka_unit_test(test_kernels__not_a_number_is_never_lost),
        cmocka_unit_test(test_kernels__binary_agrees),
        cmocka_unit_test(test_kernels__one_buffer_may_take_both_gradients),
        cmocka_unit_test(test_kernels__copy_sum_and_repeat_agree),
        cmocka_unit_test(test_kernels__matmul_agrees),
        cmocka_unit_test(test_kernels__row_of_a_product_does_not_depend_on_the_others),
        cmocka_unit_test(test_kernels__gather_agrees_and_tells_bad_ids),
        cmocka_unit_test(test_kernels__norms_agree),
        cmocka_unit_test(test_kernels__softmax_and_logsumexp_agree),
        cmocka_unit_test(test_kernels__rope_agrees_and_turns_back),
        cmocka_unit_test(test_kernels__attention_agrees),
        cmocka_unit_test(test_kernels__cross_entropy_agrees_and_tells_bad_targets),
        cmocka_unit_test(test_kernels__threads_do_not_change_a_bit),
        cmocka_unit_test(test_kernels__memory_is_aligned_and_refused_politely),
    };
    ref = aire__kernels_ref();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
