/* Operators that walk over two buffers with strides: a op b with repeated axes, and copies. */
#include "kernels/cpu/ops.h"
#include "kernels/cpu/vec.h"

#define INNER (AIRE_KERNEL_AXES - 1)

/* A stretch of the innermost axis: where it begins in a, b and the dense output. */
typedef struct stretch {
    int64_t a, b, y, n;
} stretch;

typedef struct walk_job walk_job;
struct walk_job {
    const aire_kernel_walk *walk;
    void (*visit)(const walk_job *job, const stretch *at);
    int32_t kind;
    bool second; /* the gradient of b, not of a */
    bool add;
    const float *a, *b, *dy;
    float *out;
};

static int64_t outer_count(const aire_kernel_walk *walk)
{
    int64_t count = 1;
    for (int axis = 0; axis < INNER; axis++)
        count *= walk->dims[axis];
    return count;
}

static void visit_rows(void *arg, int64_t begin, int64_t end, int32_t thread)
{
    const walk_job *job = arg;
    const aire_kernel_walk *walk = job->walk;

    for (int64_t row = begin; row < end; row++) {
        stretch at = {0, 0, row * walk->dims[INNER], walk->dims[INNER]};
        int64_t rest = row;
        for (int axis = INNER - 1; axis >= 0; axis--) {
            int64_t index = rest % walk->dims[axis];
            rest /= walk->dims[axis];
            at.a += index * walk->a[axis];
            at.b += index * walk->b[axis];
        }
        job->visit(job, &at);
    }
}

static void visit_stretch(void *arg, int64_t begin, int64_t end, int32_t thread)
{
    const walk_job *job = arg;
    stretch at = {begin * job->walk->a[INNER], begin * job->walk->b[INNER], begin, end - begin};
    job->visit(job, &at);
}

static void walk_all(aire_cpu *cpu, walk_job *job)
{
    int64_t outer = outer_count(job->walk);
    if (outer == 1)
        aire__cpu_for(cpu, job->walk->dims[INNER], 1, visit_stretch, job);
    else
        aire__cpu_for(cpu, outer, job->walk->dims[INNER], visit_rows, job);
}

/* The common strides get loops of their own, which become vector code. */
#define EACH(result)                                                                               \
    if (sa == 1 && sb == 1)                                                                        \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const float u = a[i], v = b[i];                                                        \
            y[i] = (result);                                                                       \
        }                                                                                          \
    else if (sa == 1 && sb == 0)                                                                   \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const float u = a[i], v = b0;                                                          \
            y[i] = (result);                                                                       \
        }                                                                                          \
    else                                                                                           \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const float u = a[i * sa], v = b[i * sb];                                              \
            y[i] = (result);                                                                       \
        }                                                                                          \
    break

static void binary_stretch(const walk_job *job, const stretch *at)
{
    const float *restrict a = job->a + at->a, *restrict b = job->b + at->b;
    float *restrict y = job->out + at->y;
    const int64_t sa = job->walk->a[INNER], sb = job->walk->b[INNER], n = at->n;
    const float b0 = *b;

    switch (job->kind) {
    case AIRE_BINARY_ADD:
        EACH(u + v);
    case AIRE_BINARY_SUB:
        EACH(u - v);
    case AIRE_BINARY_MUL:
        EACH(u * v);
    case AIRE_BINARY_DIV:
        EACH(u / v);
    }
}
#undef EACH

void ISA(binary)(void *stream, int32_t kind, const aire_kernel_walk *walk, const void *a,
                 const void *b, void *y)
{
    walk_job job = {.walk = walk, .visit = binary_stretch, .kind = kind, .a = a, .b = b, .out = y};
    walk_all(stream, &job);
}

/* The gradient's stride is that of its operand: 0 where that is repeated, and then it adds up. */
#define EACH(slope)                                                                                \
    if (stride == 1 && job->add)                                                                   \
        for (int64_t i = 0; i < n; i++)                                                            \
            out[i] += dy[i] * (slope);                                                             \
    else if (stride == 1)                                                                          \
        for (int64_t i = 0; i < n; i++)                                                            \
            out[i] = dy[i] * (slope);                                                              \
    else {                                                                                         \
        float total = 0;                                                                           \
        for (int64_t i = 0; i < n; i++)                                                            \
            total += dy[i] * (slope);                                                              \
        *out = job->add ? *out + total : total;                                                    \
    }                                                                                              \
    break

static void binary_backward_stretch(const walk_job *job, const stretch *at)
{
    const float *a = job->a + at->a, *b = job->b + at->b, *dy = job->dy + at->y;
    const int64_t sa = job->walk->a[INNER], sb = job->walk->b[INNER], n = at->n;
    const int64_t stride = job->second ? sb : sa;
    float *restrict out = job->out + (job->second ? at->b : at->a);

    switch (job->kind * 2 + job->second) {
    case AIRE_BINARY_ADD * 2:
    case AIRE_BINARY_ADD * 2 + 1:
    case AIRE_BINARY_SUB * 2:
        EACH(1.0f);
    case AIRE_BINARY_SUB * 2 + 1:
        EACH(-1.0f);
    case AIRE_BINARY_MUL * 2:
        EACH(b[i * sb]);
    case AIRE_BINARY_MUL * 2 + 1:
        EACH(a[i * sa]);
    case AIRE_BINARY_DIV * 2:
        EACH(1.0f / b[i * sb]);
    case AIRE_BINARY_DIV * 2 + 1:
        EACH(-a[i * sa] / (b[i * sb] * b[i * sb]));
    }
}
#undef EACH

/* One gradient. Where its operand is repeated over outer axes, rows add to one place: in order. */
static void binary_gradient(aire_cpu *cpu, walk_job *job)
{
    const int64_t *strides = job->second ? job->walk->b : job->walk->a;
    int64_t count = 1;
    bool repeated = false;
    for (int axis = 0; axis < AIRE_KERNEL_AXES; axis++) {
        if (strides[axis] == 0)
            repeated |= job->walk->dims[axis] > 1;
        else
            count *= job->walk->dims[axis];
    }
    if (!repeated) {
        walk_all(cpu, job);
        return;
    }
    if (!job->add)
        memset(job->out, 0, (size_t)count * sizeof(float));
    job->add = true;
    visit_rows(job, 0, outer_count(job->walk), 0);
}

void ISA(binary_backward)(void *stream, int32_t kind, const aire_kernel_walk *walk, const void *a,
                          const void *b, const void *dy, void *da, void *db, uint32_t add)
{
    walk_job job = {
        .walk = walk, .visit = binary_backward_stretch, .kind = kind, .a = a, .b = b, .dy = dy};
    if (da) {
        job.out = da;
        job.add = add & AIRE_ADD_A;
        binary_gradient(stream, &job);
    }
    if (db) {
        job.second = true;
        job.out = db;
        job.add = add & AIRE_ADD_B;
        binary_gradient(stream, &job);
    }
}

static void copy_stretch(const walk_job *job, const stretch *at)
{
    const float *restrict a = job->a + at->a;
    float *restrict b = job->out + at->b;
    const int64_t sa = job->walk->a[INNER], sb = job->walk->b[INNER], n = at->n;

    if (!job->add && sa == 1 && sb == 1) {
        memcpy(b, a, (size_t)n * sizeof(float));
    } else if (!job->add) {
        for (int64_t i = 0; i < n; i++)
            b[i * sb] = a[i * sa];
    } else if (sa == 1 && sb == 1) {
        for (int64_t i = 0; i < n; i++)
            b[i] += a[i];
    } else {
        for (int64_t i = 0; i < n; i++)
            b[i * sb] += a[i * sa];
    }
}

void ISA(copy)(void *stream, const aire_kernel_walk *walk, const void *a, void *b, uint32_t add)
{
    walk_job job = {.walk = walk, .visit = copy_stretch, .add = add, .a = a, .out = b};
    walk_all(stream, &job);
}

/* Sums over the middle axis of [outer, n, inner], and the way back. */
typedef struct sum_job {
    int64_t n, inner;
    float factor;
    bool add;
    const float *x;
    float *y;
} sum_job;

static void sum_rows(void *arg, int64_t begin, int64_t end, int32_t thread)
{
    const sum_job *job = arg;
    for (int64_t o = begin; o < end; o++) {
        float total = job->factor * row_sum(job->x + o * job->n, job->n);
        job->y[o] = job->add ? job->y[o] + total : total;
    }
}

/* Some columns of one [n, inner]. */
static void sum_columns(void *arg, int64_t begin, int64_t end, int32_t thread)
{
    const sum_job *job = arg;
    float *restrict y = job->y;
    if (!job->add)
        memset(y + begin, 0, (size_t)(end - begin) * sizeof(float));
    for (int64_t i = 0; i < job->n; i++) {
        const float *restrict x = job->x + i * job->inner;
        for (int64_t j = begin; j < end; j++)
            y[j] += job->factor * x[j];
    }
}

void ISA(sum)(void *stream, int64_t outer, int64_t n, int64_t inner, double factor, const void *x,
              void *y, uint32_t add)
{
    sum_job job = {n, inner, (float)factor, add, x, y};
    if (inner == 1) {
        aire__cpu_for(stream, outer, n, sum_rows, &job);
        return;
    }
    for (int64_t o = 0; o < outer; o++) {
        aire__cpu_for(stream, inner, n, sum_columns, &job);
        job.x += n * inner;
        job.y += inner;
    }
}

static void repeat_part(void *arg, int64_t begin, int64_t end, int32_t thread)
{
    const sum_job *job = arg;
    for (int64_t row = begin; row < end; row++) { /* of [outer, n] */
        const float *restrict dy = job->x + row / job->n * job->inner;
        float *restrict dx = job->y + row * job->inner;
        for (int64_t j = 0; j < job->inner; j++)
            dx[j] = job->add ? dx[j] + job->factor * dy[j] : job->factor * dy[j];
    }
}

void ISA(repeat)(void *stream, int64_t outer, int64_t n, int64_t inner, double factor,
                 const void *dy, void *dx, uint32_t add)
{
    sum_job job = {n, inner, (float)factor, add, dy, dx};
    aire__cpu_for(stream, outer * n, inner, repeat_part, &job);
}
