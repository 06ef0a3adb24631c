/*
 * Vectors and elementary functions.
 *
 * The functions are branchless on scalars, so that the compiler turns a loop over them into vector
 * code. Multiply-adds are fused where fma_f says so and nowhere else: an element must come out the
 * same from the vectors of a loop and from its scalar rest. The polynomials are near-minimax fits
 * of our own; errors are a few units in the last place.
 */
#ifndef AIRE_KERNELS_CPU_VEC_H
#define AIRE_KERNELS_CPU_VEC_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__)
#define VEC 16
#elif defined(__AVX2__)
#define VEC 8
#else
#define VEC 4
#endif

typedef float vec __attribute__((vector_size(VEC * 4)));
typedef float vec_unaligned __attribute__((vector_size(VEC * 4), aligned(4), may_alias));

static inline vec vec_load(const float *x)
{
    return *(const vec_unaligned *)x;
}

static inline void vec_store(float *x, vec v)
{
    *(vec_unaligned *)x = v;
}

static inline float vec_total(vec v)
{
    float lanes[VEC];
    memcpy(lanes, &v, sizeof lanes);
    for (int width = VEC / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++)
            lanes[i] += lanes[i + width];
    return lanes[0];
}

/* Sums over a row; four accumulators hide the latency of the addition. */
static inline float row_sum(const float *x, int64_t n)
{
    vec s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
    float rest = 0;
    int64_t i = 0;
    for (; i + 4 * VEC <= n; i += 4 * VEC) {
        s0 += vec_load(x + i);
        s1 += vec_load(x + i + VEC);
        s2 += vec_load(x + i + 2 * VEC);
        s3 += vec_load(x + i + 3 * VEC);
    }
    for (; i + VEC <= n; i += VEC)
        s0 += vec_load(x + i);
    for (; i < n; i++)
        rest += x[i];
    return vec_total((s0 + s1) + (s2 + s3)) + rest;
}

static inline float row_dot(const float *x, const float *y, int64_t n)
{
    vec s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
    float rest = 0;
    int64_t i = 0;
    for (; i + 4 * VEC <= n; i += 4 * VEC) {
        s0 += vec_load(x + i) * vec_load(y + i);
        s1 += vec_load(x + i + VEC) * vec_load(y + i + VEC);
        s2 += vec_load(x + i + 2 * VEC) * vec_load(y + i + 2 * VEC);
        s3 += vec_load(x + i + 3 * VEC) * vec_load(y + i + 3 * VEC);
    }
    for (; i + VEC <= n; i += VEC)
        s0 += vec_load(x + i) * vec_load(y + i);
    for (; i < n; i++)
        rest += x[i] * y[i];
    return vec_total((s0 + s1) + (s2 + s3)) + rest;
}

/* Largest element; NaN may be passed over. */
static inline float row_max(const float *x, int64_t n)
{
    float lanes[VEC * 2];
    int64_t i = 0;
    for (int l = 0; l < VEC * 2; l++)
        lanes[l] = -INFINITY;
    for (; i + VEC * 2 <= n; i += VEC * 2)
        for (int l = 0; l < VEC * 2; l++)
            lanes[l] = x[i + l] > lanes[l] ? x[i + l] : lanes[l];
    for (; i < n; i++)
        lanes[0] = x[i] > lanes[0] ? x[i] : lanes[0];
    for (int l = 1; l < VEC * 2; l++)
        lanes[0] = lanes[l] > lanes[0] ? lanes[l] : lanes[0];
    return lanes[0];
}

/* a * b + c, in one rounding where the processor can. */
static inline float fma_f(float a, float b, float c)
{
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
    return __builtin_fmaf(a, b, c);
#else
    return a * b + c;
#endif
}

static inline float bits_float(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t float_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* e^x: 0 below -87.3, infinity above 88.37; NaN stays NaN. */
static inline float exp_f(float x)
{
    const float magic = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */
    float c = x < -87.3f ? -87.3f : x;
    c = c > 88.37f ? 88.37f : c;
    float shifted = fma_f(c, 1.44269504f, magic);
    float n = shifted - magic;
    float r = fma_f(n, -1.42860677e-6f, fma_f(n, -0.693145752f, c));
    float q = 1.3926926614e-3f;
    q = fma_f(q, r, 8.36377387441e-3f);
    q = fma_f(q, r, 4.16665501103e-2f);
    q = fma_f(q, r, 0.166665733819f);
    q = fma_f(q, r, 0.5f);
    float p = 1.0f + fma_f(r * r, q, r);
    float y = p * bits_float((float_bits(shifted) + (127u - 0x4b400000u)) << 23);
    y = x < -87.3f ? 0.0f : y;
    return x > 88.37f ? INFINITY : y;
}

static inline float sigmoid_f(float x)
{
    return 1.0f / (1.0f + exp_f(-x));
}

static inline float tanh_f(float x)
{
    float u = x * x;
    float q = -6.04516509652e-3f;
    q = fma_f(q, u, 2.09613291086e-2f);
    q = fma_f(q, u, -5.38432631753e-2f);
    q = fma_f(q, u, 0.133327188456f);
    q = fma_f(q, u, -0.333333284333f);
    float near = fma_f(x * u, q, x);
    float a = x < 0 ? -x : x;
    float far = 1.0f - 2.0f / (exp_f(2.0f * a) + 1.0f);
    far = x < 0 ? -far : far;
    return u < 0.4f ? near : far;
}

/* Phi(x), the normal distribution function, and phi(x), its density. */
static inline float normal_f(float x, float *density)
{
    float a = x < 0 ? -x : x;
    float t = 1.0f / fma_f(0.3f, a, 1.0f);
    float q = -0.0154983158676f;
    q = fma_f(q, t, 0.0863831183718f);
    q = fma_f(q, t, -0.171689427655f);
    q = fma_f(q, t, 0.123472543903f);
    q = fma_f(q, t, -0.0290803397973f);
    q = fma_f(q, t, 0.0728746121001f);
    q = fma_f(q, t, 0.0850898565858f);
    q = fma_f(q, t, 0.109087890143f);
    q = fma_f(q, t, 0.11967735774f);
    q = fma_f(q, t, 0.119682710725f);
    float e = exp_f(-0.5f * x * x);
    float tail = e * t * q;
    *density = e * 0.39894228f;
    return x < 0 ? tail : 1.0f - tail;
}

/* y = exp(x - shift); returns the sum of y. */
static inline float row_exp(const float *x, float shift, float *restrict y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = exp_f(x[i] - shift);
    return row_sum(y, n);
}

#endif
