/* Normalisation of rows. */
#include "kernels/cpu/ops.h"
#include "kernels/cpu/vec.h"

typedef struct norm_job {
    int64_t rows, width;
    float eps;
    bool add;    /* to dx */
    bool center; /* layernorm: stats hold mean and rstd; else rstd alone */
    const float *x, *gain, *bias, *dy;
    float *out, *stats;
    float *dgain, *dbias;
} norm_job;

static inline float row_mean(const norm_job *job, int64_t r)
{
    return job->center ? job->stats[2 * r] : 0;
}

static inline float row_rstd(const norm_job *job, int64_t r)
{
    return job->center ? job->stats[2 * r + 1] : job->stats[r];
}

/* Sum of (x - mean)^2. */
static float row_spread(const float *x, float mean, int64_t n)
{
    float part[64], total = 0;
    for (int64_t i = 0; i < n; i += 64) {
        int64_t length = n - i < 64 ? n - i : 64;
        for (int64_t j = 0; j < length; j++)
            part[j] = x[i + j] - mean;
        total += row_dot(part, part, length);
    }
    return total;
}

static void write_row(const norm_job *job, int64_t r, float mean, float rstd)
{
    const float *restrict x = job->x + r * job->width;
    const float *restrict gain = job->gain, *restrict bias = job->bias;
    float *restrict y = job->out + r * job->width;

    if (!gain && !bias)
        for (int64_t i = 0; i < job->width; i++)
            y[i] = (x[i] - mean) * rstd;
    else
        for (int64_t i = 0; i < job->width; i++)
            y[i] = (x[i] - mean) * rstd * (gain ? gain[i] : 1.0f) + (bias ? bias[i] : 0.0f);
}

static void norm_part(void *arg, int64_t begin, int64_t end, int32_t thread)
{
    const norm_job *job = arg;
    for (int64_t r = begin; r < end; r++) {
        const float *x = job->x + r * job->width;
        float mean = 0, square;
        if (job->center) {
            mean = row_sum(x, job->width) / (float)job->width;
            square = row_spread(x, mean, job->width);
            job->stats[2 * r] = mean;
        } else {
            square = row_dot(x, x, job->width);
        }
        float rstd = 1.0f / sqrtf(square / (float)job->width + job->eps);
        job->stats[job->center ? 2 * r + 1 : r] = rstd;
        write_row(job, r, mean, rstd);
    }
}

/*
 * With n = (x - mean) * rstd and g = dy * gain: dx = rstd * (g - n * mean(g n) - mean(g)), where
 * the last term is there only for layernorm.
 */
static void gradient_row(const norm_job *job, int64_t r)
{
    const float *restrict x = job->x + r * job->width, *restrict gain = job->gain;
    const float *restrict dy = job->dy + r * job->width;
    float *restrict dx = job->out + r * job->width;
    float mean = row_mean(job, r), rstd = row_rstd(job, r), dot = 0, total = 0, part[64], g[64];
    const int64_t width = job->width;

    for (int64_t i = 0; i < width; i += 64) {
        int64_t length = width - i < 64 ? width - i : 64;
        for (int64_t j = 0; j < length; j++) {
            part[j] = (x[i + j] - mean) * rstd;
            g[j] = gain ? dy[i + j] * gain[i + j] : dy[i + j];
        }
        dot += row_dot(part, g, length);
        if (job->center)
            total += row_sum(g, length);
    }
    float slope = dot / (float)width, shift = total / (float)width;
    for (int64_t i = 0; i < width; i++) {
        float n = (x[i] - mean) * rstd;
        float value = rstd * ((gain ? dy[i] * gain[i] : dy[i]) - n * slope - shift);
        dx[i] = job->add ? dx[i] + value : value;
    }
}

static void gradient_part(void *arg, int64_t begin, int64_t end, int32_t thread)
{
    for (int64_t r = begin; r < end; r++)
        gradient_row(arg, r);
}

/* Columns of the sums over all rows. */
static void gain_part(void *arg, int64_t begin, int64_t end, int32_t thread)
{
    const norm_job *job = arg;
    float *restrict dgain = job->dgain;
    for (int64_t r = 0; r < job->rows; r++) {
        const float *restrict x = job->x + r * job->width, *restrict dy = job->dy + r * job->width;
        float mean = row_mean(job, r), rstd = row_rstd(job, r);
        for (int64_t i = begin; i < end; i++)
            dgain[i] += dy[i] * (x[i] - mean) * rstd;
    }
}

static void bias_part(void *arg, int64_t begin, int64_t end, int32_t thread)
{
    const norm_job *job = arg;
    float *restrict dbias = job->dbias;
    for (int64_t r = 0; r < job->rows; r++)
        for (int64_t i = begin; i < end; i++)
            dbias[i] += job->dy[r * job->width + i];
}

static void backward(aire_cpu *cpu, norm_job *job, uint32_t add)
{
    const size_t bytes = (size_t)job->width * sizeof(float);

    job->add = add & AIRE_ADD_A;
    if (job->out)
        aire__cpu_for(cpu, job->rows, job->width * 4, gradient_part, job);
    if (job->dgain && !(add & AIRE_ADD_B))
        memset(job->dgain, 0, bytes);
    if (job->dgain)
        aire__cpu_for(cpu, job->width, job->rows, gain_part, job);
    if (job->dbias && !(add & AIRE_ADD_C))
        memset(job->dbias, 0, bytes);
    if (job->dbias)
        aire__cpu_for(cpu, job->width, job->rows, bias_part, job);
}

void ISA(rmsnorm)(void *stream, int64_t rows, int64_t width, double eps, const void *x,
                  const void *gain, void *y, void *rstd)
{
    norm_job job = {rows, width, (float)eps, .x = x, .gain = gain, .out = y, .stats = rstd};
    aire__cpu_for(stream, rows, width * 2, norm_part, &job);
}

void ISA(rmsnorm_backward)(void *stream, int64_t rows, int64_t width, const void *x,
                           const void *gain, const void *rstd, const void *dy, void *dx,
                           void *dgain, uint32_t add)
{
    norm_job job = {.rows = rows,
                    .width = width,
                    .x = x,
                    .gain = gain,
                    .dy = dy,
                    .out = dx,
                    .stats = (float *)(uintptr_t)rstd, /* only read */
                    .dgain = dgain};
    backward(stream, &job, add);
}

void ISA(layernorm)(void *stream, int64_t rows, int64_t width, double eps, const void *x,
                    const void *gain, const void *bias, void *y, void *stats)
{
    norm_job job = {rows,         width,        (float)eps, .center = true, .x = x,
                    .gain = gain, .bias = bias, .out = y,   .stats = stats};
    aire__cpu_for(stream, rows, width * 3, norm_part, &job);
}

void ISA(layernorm_backward)(void *stream, int64_t rows, int64_t width, const void *x,
                             const void *gain, const void *stats, const void *dy, void *dx,
                             void *dgain, void *dbias, uint32_t add)
{
    norm_job job = {.rows = rows,
                    .width = width,
                    .center = true,
                    .x = x,
                    .gain = gain,
                    .dy = dy,
                    .out = dx,
                    .stats = (float *)(uintptr_t)stats, /* only read */
                    .dgain = dgain,
                    .dbias = dbias};
    backward(stream, &job, add);
}
