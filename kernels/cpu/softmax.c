/* Softmax, its logarithm's sum, and the loss on top of it. */
#include "kernels/cpu/ops.h"
#include "kernels/cpu/vec.h"

typedef struct softmax_job {
    int64_t width, queries, window;
    bool add;
    const float *x, *y, *dy;
    float *out;
} softmax_job;

/* The keys that row r sees. */
static void visible(const softmax_job *job, int64_t r, int64_t *begin, int64_t *end)
{
    *begin = 0;
    *end = job->width;
    if (job->queries > 0) {
        int64_t query = r % job->queries;
        *end = query + 1;
        if (job->window > 0 && job->window < *end)
            *begin = *end - job->window;
    }
}

static void softmax_part(void *arg, int64_t first, int64_t last, int32_t thread)
{
    const softmax_job *job = arg;
    for (int64_t r = first; r < last; r++) {
        const float *x = job->x + r * job->width;
        float *restrict y = job->out + r * job->width;
        int64_t begin, end;
        visible(job, r, &begin, &end);
        float total = row_exp(x + begin, row_max(x + begin, end - begin), y + begin, end - begin);
        float factor = 1.0f / total;
        for (int64_t i = 0; i < begin; i++)
            y[i] = 0;
        for (int64_t i = begin; i < end; i++)
            y[i] *= factor;
        for (int64_t i = end; i < job->width; i++)
            y[i] = 0;
    }
}

void ISA(softmax)(void *stream, int64_t rows, int64_t width, int64_t queries, int64_t window,
                  const void *x, void *y)
{
    softmax_job job = {width, queries, window, .x = x, .out = y};
    aire__cpu_for(stream, rows, width * 8, softmax_part, &job);
}

static void softmax_backward_part(void *arg, int64_t first, int64_t last, int32_t thread)
{
    const softmax_job *job = arg;
    for (int64_t r = first; r < last; r++) {
        const float *restrict y = job->y + r * job->width, *restrict dy = job->dy + r * job->width;
        float *restrict dx = job->out + r * job->width;
        int64_t begin, end;
        visible(job, r, &begin, &end);
        float dot = row_dot(y + begin, dy + begin, end - begin);
        if (!job->add)
            memset(dx, 0, (size_t)job->width * sizeof(float));
        for (int64_t i = begin; i < end; i++)
            dx[i] += y[i] * (dy[i] - dot);
    }
}

void ISA(softmax_backward)(void *stream, int64_t rows, int64_t width, int64_t queries,
                           int64_t window, const void *y, const void *dy, void *dx, uint32_t add)
{
    softmax_job job = {width, queries, window, .add = add, .y = y, .dy = dy, .out = dx};
    aire__cpu_for(stream, rows, width * 2, softmax_backward_part, &job);
}

/* log(sum(exp(x))), with the exponentials of a part at a time. */
static float row_logsumexp(const float *x, int64_t n)
{
    float shift = row_max(x, n), part[256], total = 0;
    for (int64_t i = 0; i < n; i += 256)
        total += row_exp(x + i, shift, part, n - i < 256 ? n - i : 256);
    return shift + logf(total);
}

static void logsumexp_part(void *arg, int64_t first, int64_t last, int32_t thread)
{
    const softmax_job *job = arg;
    for (int64_t r = first; r < last; r++)
        job->out[r] = row_logsumexp(job->x + r * job->width, job->width);
}

void ISA(logsumexp)(void *stream, int64_t rows, int64_t width, const void *x, void *y)
{
    softmax_job job = {width, .x = x, .out = y};
    aire__cpu_for(stream, rows, width * 8, logsumexp_part, &job);
}

static void logsumexp_backward_part(void *arg, int64_t first, int64_t last, int32_t thread)
{
    const softmax_job *job = arg;
    for (int64_t r = first; r < last; r++) {
        const float *restrict x = job->x + r * job->width;
        float *restrict dx = job->out + r * job->width;
        float y = job->y[r], dy = job->dy[r];
        if (job->add)
            for (int64_t i = 0; i < job->width; i++)
                dx[i] += dy * exp_f(x[i] - y);
        else
            for (int64_t i = 0; i < job->width; i++)
                dx[i] = dy * exp_f(x[i] - y);
    }
}

void ISA(logsumexp_backward)(void *stream, int64_t rows, int64_t width, const void *x,
                             const void *y, const void *dy, void *dx, uint32_t add)
{
    softmax_job job = {width, .add = add, .x = x, .y = y, .dy = dy, .out = dx};
    aire__cpu_for(stream, rows, width * 8, logsumexp_backward_part, &job);
}

typedef struct loss_job {
    int64_t width, ignore;
    bool mean, add;
    const float *logits, *state, *dlosses;
    const int32_t *targets;
    int64_t rows;
    float *losses, *lse, *dlogits;
} loss_job;

static bool counts(const loss_job *job, int64_t r)
{
    int64_t target = job->targets[r];
    return target != job->ignore && target >= 0 && target < job->width;
}

static void loss_part(void *arg, int64_t first, int64_t last, int32_t thread)
{
    const loss_job *job = arg;
    for (int64_t r = first; r < last; r++) {
        const float *x = job->logits + r * job->width;
        job->lse[r] = row_logsumexp(x, job->width);
        job->losses[r] = counts(job, r) ? job->lse[r] - x[job->targets[r]] : 0;
    }
}

void ISA(cross_entropy)(void *stream, int64_t rows, int64_t width, int64_t ignore,
                        const void *logits, const int32_t *targets, void *losses, void *mean,
                        void *state, int64_t *fault)
{
    loss_job job = {width,       ignore, .logits = logits, .targets = targets, .losses = losses,
                    .lse = state};
    aire__cpu_for(stream, rows, width * 8, loss_part, &job);

    int64_t counted = 0;
    for (int64_t r = rows - 1; r >= 0; r--) {
        if (counts(&job, r))
            counted++;
        else if (targets[r] != ignore && (*fault == 0 || r + 1 < *fault))
            *fault = r + 1;
    }
    job.lse[rows] = (float)counted;
    if (mean)
        *(float *)mean = counted ? row_sum(losses, rows) / (float)counted : 0;
}

static void loss_backward_part(void *arg, int64_t first, int64_t last, int32_t thread)
{
    const loss_job *job = arg;
    for (int64_t r = first; r < last; r++) {
        const float *restrict x = job->logits + r * job->width;
        float *restrict dx = job->dlogits + r * job->width;
        if (!job->add)
            memset(dx, 0, (size_t)job->width * sizeof(float));
        if (!counts(job, r))
            continue;
        float d = job->mean ? *job->dlosses / job->state[job->rows] : job->dlosses[r];
        float lse = job->state[r];
        for (int64_t i = 0; i < job->width; i++)
            dx[i] += d * exp_f(x[i] - lse);
        dx[job->targets[r]] -= d;
    }
}

void ISA(cross_entropy_backward)(void *stream, int64_t rows, int64_t width, int64_t ignore,
                                 int32_t mean, const void *logits, const int32_t *targets,
                                 const void *state, const void *dlosses, void *dlogits,
                                 uint32_t add)
{
    loss_job job = {width, ignore,  mean,    add,  logits,
                    state, dlosses, targets, rows, .dlogits = dlogits};
    aire__cpu_for(stream, rows, width * 8, loss_backward_part, &job);
}
