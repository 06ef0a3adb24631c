/* Operators that treat each element by itself. */
#include "kernels/cpu/ops.h"
#include "kernels/cpu/vec.h"

typedef struct fill_job {
    float *x;
    float value;
} fill_job;

static void fill_part(void *arg, int64_t begin, int64_t end, int32_t thread)
{
    const fill_job *job = arg;
    for (int64_t i = begin; i < end; i++)
        job->x[i] = job->value;
}

void ISA(fill)(void *stream, void *x, int64_t count, double value)
{
    fill_job job = {x, (float)value};
    aire__cpu_for(stream, count, 1, fill_part, &job);
}

void ISA(find_not_finite)(void *stream, const void *x, int64_t count, int64_t *first)
{
    const float *values = x;
    *first = -1;
    for (int64_t i = 0; i < count; i++) {
        if ((float_bits(values[i]) & 0x7f800000u) == 0x7f800000u) {
            *first = i;
            return;
        }
    }
}

typedef struct unary_job {
    int32_t kind;
    float c;
    const float *x, *dy; /* going back, x may be y */
    float *out;          /* y, or dx */
    bool add;
} unary_job;

static inline float relu_f(float x)
{
    return x < 0 ? 0 : x; /* in this form NaN stays NaN */
}

/* (1 + tanh(u)) / 2 = sigmoid(2 u), which keeps its precision where tanh is near -1. */
static inline float gelu_tanh_gate(float x)
{
    return sigmoid_f(1.595769122f * (x + 0.044715f * x * x * x));
}

#define EACH(expression)                                                                           \
    for (int64_t i = 0; i < n; i++) {                                                              \
        const float v = x[i];                                                                      \
        y[i] = (expression);                                                                       \
    }                                                                                              \
    break

static void unary_row(int32_t kind, float c, const float *restrict x, float *restrict y, int64_t n)
{
    float density;
    switch (kind) {
    case AIRE_UNARY_SCALE:
        EACH(v * c);
    case AIRE_UNARY_OFFSET:
        EACH(v + c);
    case AIRE_UNARY_RELU:
        EACH(relu_f(v));
    case AIRE_UNARY_RELU_SQUARED:
        EACH(relu_f(v) * relu_f(v));
    case AIRE_UNARY_GELU:
        EACH(v * normal_f(v, &density));
    case AIRE_UNARY_GELU_TANH:
        EACH(v * gelu_tanh_gate(v));
    case AIRE_UNARY_SILU:
        EACH(v * sigmoid_f(v));
    case AIRE_UNARY_SIGMOID:
        EACH(sigmoid_f(v));
    case AIRE_UNARY_TANH:
        EACH(tanh_f(v));
    case AIRE_UNARY_EXP:
        EACH(exp_f(v));
    case AIRE_UNARY_LN:
        EACH(logf(v));
    case AIRE_UNARY_SQRT:
        EACH(sqrtf(v));
    case AIRE_UNARY_SQUARE:
        EACH(v * v);
    case AIRE_UNARY_SOFTCAP:
        EACH(c * tanh_f(v / c));
    }
}
#undef EACH

static inline float gelu_slope(float x)
{
    float density, phi = normal_f(x, &density);
    return phi + x * density;
}

static inline float gelu_tanh_slope(float x)
{
    float s = gelu_tanh_gate(x);
    return s + x * s * (1.0f - s) * 1.595769122f * (1.0f + 3.0f * 0.044715f * x * x);
}

static inline float silu_slope(float x)
{
    float s = sigmoid_f(x);
    return s * (1.0f + x * (1.0f - s));
}

static inline float softcap_slope(float y, float c)
{
    float t = y / c;
    return 1.0f - t * t;
}

/* Whether the slope follows from y; otherwise it follows from x. Only that one may be read. */
static bool slope_from_y(int32_t kind)
{
    return kind == AIRE_UNARY_SIGMOID || kind == AIRE_UNARY_TANH || kind == AIRE_UNARY_EXP ||
           kind == AIRE_UNARY_SQRT || kind == AIRE_UNARY_SOFTCAP;
}

/* The slope is an expression of v, an element of x or y. */
#define EACH(slope)                                                                                \
    if (add)                                                                                       \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const float v = from[i];                                                               \
            (void)v;                                                                               \
            dx[i] += dy[i] * (slope);                                                              \
        }                                                                                          \
    else                                                                                           \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const float v = from[i];                                                               \
            (void)v;                                                                               \
            dx[i] = dy[i] * (slope);                                                               \
        }                                                                                          \
    break

static void unary_backward_row(int32_t kind, float c, bool add, const float *from,
                               const float *restrict dy, float *restrict dx, int64_t n)
{
    switch (kind) {
    case AIRE_UNARY_SCALE:
        EACH(c);
    case AIRE_UNARY_OFFSET:
        EACH(1.0f);
    case AIRE_UNARY_RELU:
        EACH(v > 0 ? 1.0f : 0.0f);
    case AIRE_UNARY_RELU_SQUARED:
        EACH(2.0f * relu_f(v));
    case AIRE_UNARY_GELU:
        EACH(gelu_slope(v));
    case AIRE_UNARY_GELU_TANH:
        EACH(gelu_tanh_slope(v));
    case AIRE_UNARY_SILU:
        EACH(silu_slope(v));
    case AIRE_UNARY_SIGMOID:
        EACH(v * (1.0f - v));
    case AIRE_UNARY_TANH:
        EACH(1.0f - v * v);
    case AIRE_UNARY_EXP:
        EACH(v);
    case AIRE_UNARY_LN:
        EACH(1.0f / v);
    case AIRE_UNARY_SQRT:
        EACH(0.5f / v);
    case AIRE_UNARY_SQUARE:
        EACH(2.0f * v);
    case AIRE_UNARY_SOFTCAP:
        EACH(softcap_slope(v, c));
    }
}
#undef EACH

static void unary_part(void *arg, int64_t begin, int64_t end, int32_t thread)
{
    const unary_job *job = arg;
    unary_row(job->kind, job->c, job->x + begin, job->out + begin, end - begin);
}

void ISA(unary)(void *stream, int32_t kind, double c, const void *x, void *y, int64_t count)
{
    unary_job job = {.kind = kind, .c = (float)c, .x = x, .out = y};
    aire__cpu_for(stream, count, 4, unary_part, &job);
}

static void unary_backward_part(void *arg, int64_t begin, int64_t end, int32_t thread)
{
    const unary_job *job = arg;
    unary_backward_row(job->kind, job->c, job->add, job->x + begin, job->dy + begin,
                       job->out + begin, end - begin);
}

void ISA(unary_backward)(void *stream, int32_t kind, double c, const void *x, const void *y,
                         const void *dy, void *dx, int64_t count, uint32_t add)
{
    unary_job job = {.kind = kind,
                     .c = (float)c,
                     .x = slope_from_y(kind) ? y : x,
                     .dy = dy,
                     .out = dx,
                     .add = add};
    aire__cpu_for(stream, count, 4, unary_backward_part, &job);
}
