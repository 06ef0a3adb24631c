/* Tokens and positions: rows of a table, and rotations. */
#include "kernels/cpu/ops.h"
#include "kernels/cpu/vec.h"

typedef struct gather_job {
    int64_t rows, width, count;
    const int32_t *ids;
    const float *from;
    float *to;
} gather_job;

static bool in_table(const gather_job *job, int64_t row)
{
    return job->ids[row] >= 0 && job->ids[row] < job->count;
}

static void gather_part(void *arg, int64_t begin, int64_t end, int32_t thread)
{
    const gather_job *job = arg;
    for (int64_t r = begin; r < end; r++) {
        int64_t id = in_table(job, r) ? job->ids[r] : 0;
        memcpy(job->to + r * job->width, job->from + id * job->width,
               (size_t)job->width * sizeof(float));
    }
}

void ISA(gather)(void *stream, int64_t rows, int64_t width, int64_t count, const void *table,
                 const int32_t *ids, void *y, int64_t *fault)
{
    gather_job job = {rows, width, count, ids, table, y};
    aire__cpu_for(stream, rows, width, gather_part, &job);
    for (int64_t r = 0; r < rows; r++) {
        if (!in_table(&job, r)) {
            *fault = *fault == 0 || r + 1 < *fault ? r + 1 : *fault;
            return;
        }
    }
}

/* Some columns of all rows, so that the rows of one token add up in order. */
static void gather_backward_part(void *arg, int64_t begin, int64_t end, int32_t thread)
{
    const gather_job *job = arg;
    for (int64_t r = 0; r < job->rows; r++) {
        if (!in_table(job, r))
            continue;
        const float *restrict from = job->from + r * job->width;
        float *restrict to = job->to + job->ids[r] * job->width;
        for (int64_t i = begin; i < end; i++)
            to[i] += from[i];
    }
}

void ISA(gather_backward)(void *stream, int64_t rows, int64_t width, int64_t count,
                          const int32_t *ids, const void *dy, void *dtable, uint32_t add)
{
    gather_job job = {rows, width, count, ids, dy, dtable};
    if (!add)
        memset(dtable, 0, (size_t)(count * width) * sizeof(float));
    aire__cpu_for(stream, width, rows, gather_backward_part, &job);
}

typedef struct rope_job {
    int64_t batch, tokens, heads, size;
    double theta;
    bool per_batch, inverse, add;
    const int32_t *positions;
    const float *x;
    float *y;
} rope_job;

#define ANGLES 64

/* Cosines and sines of `count` angles of a position, from the pair `first` on. */
static void rope_angles(const rope_job *job, int64_t position, int64_t first, int64_t count,
                        float *cosines, float *sines)
{
    for (int64_t i = 0; i < count; i++) {
        double exponent = -2.0 * (double)(first + i) / (double)job->size;
        double angle = (double)position * pow(job->theta, exponent);
        cosines[i] = (float)cos(angle);
        sines[i] = (float)(job->inverse ? -sin(angle) : sin(angle));
    }
}

/* Rotate `count` pairs of all heads of one token. */
static void rope_token(const rope_job *job, int64_t token, int64_t first, int64_t count,
                       const float *restrict cosines, const float *restrict sines)
{
    const int64_t half = job->size / 2;
    for (int64_t h = 0; h < job->heads; h++) {
        int64_t at = (token * job->heads + h) * job->size + first;
        const float *restrict a = job->x + at, *restrict b = a + half;
        float *restrict y = job->y + at, *restrict z = y + half;
        for (int64_t i = 0; i < count; i++) {
            float u = a[i] * cosines[i] - b[i] * sines[i];
            float v = b[i] * cosines[i] + a[i] * sines[i];
            y[i] = job->add ? y[i] + u : u;
            z[i] = job->add ? z[i] + v : v;
        }
    }
}

/* A token of every batch entry; they share their angles unless each has positions of its own. */
static void rope_part(void *arg, int64_t begin, int64_t end, int32_t thread)
{
    const rope_job *job = arg;
    float cosines[ANGLES], sines[ANGLES];

    for (int64_t t = begin; t < end; t++) {
        for (int64_t i = 0; i < job->size / 2; i += ANGLES) {
            int64_t count = job->size / 2 - i < ANGLES ? job->size / 2 - i : ANGLES;
            for (int64_t b = 0; b < job->batch; b++) {
                int64_t token = b * job->tokens + t;
                if (b == 0 || job->per_batch) {
                    int64_t own = job->per_batch ? token : t;
                    rope_angles(job, job->positions ? job->positions[own] : t, i, count, cosines,
                                sines);
                }
                rope_token(job, token, i, count, cosines, sines);
            }
        }
    }
}

void ISA(rope)(void *stream, int64_t batch, int64_t tokens, int64_t heads, int64_t size,
               double theta, int32_t per_batch, int32_t inverse, const int32_t *positions,
               const void *x, void *y, uint32_t add)
{
    rope_job job = {batch, tokens, heads, size, theta, per_batch, inverse, add, positions, x, y};
    aire__cpu_for(stream, tokens, size * (batch * heads + 60), rope_part, &job);
}
