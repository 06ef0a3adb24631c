/* The oracle's operators on rows: norms, softmax, loss, attention. */
#include "kernels/ref/ref.h"

#include <math.h>
#include <string.h>

static void norm(int64_t rows, int64_t width, double eps, bool center, const double *x,
                 const double *gain, const double *bias, double *y, double *stats)
{
    for (int64_t r = 0; r < rows; r++, x += width, y += width) {
        double mean = 0, square = 0;
        for (int64_t i = 0; i < width && center; i++)
            mean += x[i] / (double)width;
        for (int64_t i = 0; i < width; i++)
            square += (x[i] - mean) * (x[i] - mean) / (double)width;
        double rstd = 1 / sqrt(square + eps);
        for (int64_t i = 0; i < width; i++)
            y[i] = (x[i] - mean) * rstd * (gain ? gain[i] : 1) + (bias ? bias[i] : 0);
        if (center)
            *stats++ = mean;
        *stats++ = rstd;
    }
}

static void clear_unless(double *x, int64_t count, uint32_t add)
{
    if (x && !add)
        memset(x, 0, (size_t)count * sizeof *x);
}

static void norm_backward(int64_t rows, int64_t width, bool center, const double *x,
                          const double *gain, const double *stats, const double *dy, double *dx,
                          double *dgain, double *dbias, uint32_t add)
{
    clear_unless(dgain, width, add & AIRE_ADD_B);
    clear_unless(dbias, width, add & AIRE_ADD_C);
    for (int64_t r = 0; r < rows; r++, x += width, dy += width) {
        double mean = center ? *stats++ : 0, rstd = *stats++, dot = 0, total = 0;
        for (int64_t i = 0; i < width; i++) {
            double n = (x[i] - mean) * rstd, g = dy[i] * (gain ? gain[i] : 1);
            dot += n * g / (double)width;
            total += center ? g / (double)width : 0;
            if (dgain)
                dgain[i] += dy[i] * n;
            if (dbias)
                dbias[i] += dy[i];
        }
        for (int64_t i = 0; i < width && dx; i++) {
            double n = (x[i] - mean) * rstd, g = dy[i] * (gain ? gain[i] : 1);
            ref_put(dx, r * width + i, rstd * (g - n * dot - total), add & AIRE_ADD_A);
        }
    }
}

void aire__ref_rmsnorm(void *stream, int64_t rows, int64_t width, double eps, const void *x,
                       const void *gain, void *y, void *rstd)
{
    norm(rows, width, eps, false, x, gain, NULL, y, rstd);
}

void aire__ref_rmsnorm_backward(void *stream, int64_t rows, int64_t width, const void *x,
                                const void *gain, const void *rstd, const void *dy, void *dx,
                                void *dgain, uint32_t add)
{
    norm_backward(rows, width, false, x, gain, rstd, dy, dx, dgain, NULL, add);
}

void aire__ref_layernorm(void *stream, int64_t rows, int64_t width, double eps, const void *x,
                         const void *gain, const void *bias, void *y, void *stats)
{
    norm(rows, width, eps, true, x, gain, bias, y, stats);
}

void aire__ref_layernorm_backward(void *stream, int64_t rows, int64_t width, const void *x,
                                  const void *gain, const void *stats, const void *dy, void *dx,
                                  void *dgain, void *dbias, uint32_t add)
{
    norm_backward(rows, width, true, x, gain, stats, dy, dx, dgain, dbias, add);
}

static bool sees(int64_t queries, int64_t window, int64_t query, int64_t key)
{
    if (queries == 0)
        return true;
    return key <= query && (window == 0 || query - key < window);
}

void aire__ref_softmax(void *stream, int64_t rows, int64_t width, int64_t queries, int64_t window,
                       const void *x, void *y)
{
    for (int64_t r = 0; r < rows; r++) {
        const double *in = (const double *)x + r * width;
        double *out = (double *)y + r * width, shift = -INFINITY, total = 0;
        int64_t query = queries ? r % queries : 0;
        for (int64_t i = 0; i < width; i++)
            if (sees(queries, window, query, i))
                shift = fmax(shift, in[i]);
        for (int64_t i = 0; i < width; i++)
            total += out[i] = sees(queries, window, query, i) ? exp(in[i] - shift) : 0;
        for (int64_t i = 0; i < width; i++)
            out[i] /= total;
    }
}

void aire__ref_softmax_backward(void *stream, int64_t rows, int64_t width, int64_t queries,
                                int64_t window, const void *y, const void *dy, void *dx,
                                uint32_t add)
{
    for (int64_t r = 0; r < rows; r++) {
        const double *p = (const double *)y + r * width, *d = (const double *)dy + r * width;
        double dot = 0;
        for (int64_t i = 0; i < width; i++)
            dot += p[i] * d[i];
        for (int64_t i = 0; i < width; i++)
            ref_put(dx, r * width + i, p[i] * (d[i] - dot), add);
    }
}

static double logsumexp(const double *x, int64_t n)
{
    double shift = -INFINITY, total = 0;
    for (int64_t i = 0; i < n; i++)
        shift = fmax(shift, x[i]);
    for (int64_t i = 0; i < n; i++)
        total += exp(x[i] - shift);
    return shift + log(total);
}

void aire__ref_logsumexp(void *stream, int64_t rows, int64_t width, const void *x, void *y)
{
    for (int64_t r = 0; r < rows; r++)
        ((double *)y)[r] = logsumexp((const double *)x + r * width, width);
}

void aire__ref_logsumexp_backward(void *stream, int64_t rows, int64_t width, const void *x,
                                  const void *y, const void *dy, void *dx, uint32_t add)
{
    for (int64_t i = 0; i < rows * width; i++)
        ref_put(dx, i,
                ((const double *)dy)[i / width] *
                    exp(((const double *)x)[i] - ((const double *)y)[i / width]),
                add);
}

/* Score of a key for a query, and its slope in the unscaled product. */
static double score(const aire_kernel_attention *s, const double *q, const double *k, double *slope)
{
    double dot = 0;
    for (int64_t e = 0; e < s->head_size; e++)
        dot += q[e] * k[e];
    if (s->softcap == 0) {
        *slope = s->scale;
        return dot * s->scale;
    }
    double t = tanh(dot * s->scale / s->softcap);
    *slope = s->scale * (1 - t * t);
    return s->softcap * t;
}

static void attention_row(const aire_kernel_attention *s, int64_t i, const double *q,
                          const double *k, const double *v, double *y, double *lse)
{
    double shift = -INFINITY, total = 0, slope;
    for (int64_t j = 0; j <= i; j++)
        if (sees(s->tokens, s->window, i, j))
            shift = fmax(shift, score(s, q, k + j * s->k_stride, &slope));
    memset(y, 0, (size_t)s->head_size * sizeof *y);
    for (int64_t j = 0; j <= i; j++) {
        if (!sees(s->tokens, s->window, i, j))
            continue;
        double p = exp(score(s, q, k + j * s->k_stride, &slope) - shift);
        total += p;
        for (int64_t e = 0; e < s->head_size; e++)
            y[e] += p * v[j * s->v_stride + e];
    }
    for (int64_t e = 0; e < s->head_size; e++)
        y[e] /= total;
    *lse = shift + log(total);
}

void aire__ref_attention(void *stream, const aire_kernel_attention *s, const void *q, const void *k,
                         const void *v, void *y, void *lse, void *scratch)
{
    for (int64_t b = 0; b < s->batch; b++)
        for (int64_t h = 0; h < s->heads; h++)
            for (int64_t i = 0; i < s->tokens; i++) {
                int64_t kv = h / (s->heads / s->kv_heads), t = b * s->tokens;
                attention_row(s, i, (const double *)q + (t + i) * s->q_stride + h * s->head_size,
                              (const double *)k + t * s->k_stride + kv * s->head_size,
                              (const double *)v + t * s->v_stride + kv * s->head_size,
                              (double *)y + ((t + i) * s->heads + h) * s->head_size,
                              (double *)lse + (b * s->heads + h) * s->tokens + i);
            }
}

/* One query's share of all gradients. */
static void attention_row_backward(const aire_kernel_attention *s, int64_t i, const double *q,
                                   const double *k, const double *v, const double *y, double lse,
                                   const double *dy, double *dq, double *dk, double *dv)
{
    double delta = 0;
    for (int64_t e = 0; e < s->head_size; e++)
        delta += y[e] * dy[e];
    for (int64_t j = 0; j <= i; j++) {
        if (!sees(s->tokens, s->window, i, j))
            continue;
        double slope, p = exp(score(s, q, k + j * s->k_stride, &slope) - lse), d = 0;
        for (int64_t e = 0; e < s->head_size; e++)
            d += dy[e] * v[j * s->v_stride + e];
        d = p * (d - delta) * slope;
        for (int64_t e = 0; e < s->head_size; e++) {
            if (dq)
                dq[e] += d * k[j * s->k_stride + e];
            if (dk)
                dk[j * s->k_stride + e] += d * q[e];
            if (dv)
                dv[j * s->v_stride + e] += p * dy[e];
        }
    }
}

static void clear_heads(const aire_kernel_attention *s, double *x, int64_t stride, int64_t heads,
                        uint32_t add)
{
    for (int64_t t = 0; t < s->batch * s->tokens; t++)
        clear_unless(x ? x + t * stride : NULL, heads * s->head_size, add);
}

void aire__ref_attention_backward(void *stream, const aire_kernel_attention *s, const void *q,
                                  const void *k, const void *v, const void *y, const void *lse,
                                  const void *dy, void *dq, void *dk, void *dv, void *scratch,
                                  uint32_t add)
{
    clear_heads(s, dq, s->q_stride, s->heads, add & AIRE_ADD_A);
    clear_heads(s, dk, s->k_stride, s->kv_heads, add & AIRE_ADD_B);
    clear_heads(s, dv, s->v_stride, s->kv_heads, add & AIRE_ADD_C);
    for (int64_t b = 0; b < s->batch; b++)
        for (int64_t h = 0; h < s->heads; h++)
            for (int64_t i = 0; i < s->tokens; i++) {
                int64_t kv = h / (s->heads / s->kv_heads), t = b * s->tokens;
                int64_t q_at = (t + i) * s->q_stride + h * s->head_size;
                int64_t k_at = t * s->k_stride + kv * s->head_size;
                int64_t v_at = t * s->v_stride + kv * s->head_size;
                int64_t y_at = ((t + i) * s->heads + h) * s->head_size;
                attention_row_backward(s, i, (const double *)q + q_at, (const double *)k + k_at,
                                       (const double *)v + v_at, (const double *)y + y_at,
                                       ((const double *)lse)[(b * s->heads + h) * s->tokens + i],
                                       (const double *)dy + y_at, dq ? (double *)dq + q_at : NULL,
                                       dk ? (double *)dk + k_at : NULL,
                                       dv ? (double *)dv + v_at : NULL);
            }
}

size_t aire__ref_attention_scratch(void *stream, const aire_kernel_attention *shape)
{
    return 0;
}

static bool counts(int64_t target, int64_t width, int64_t ignore)
{
    return target != ignore && target >= 0 && target < width;
}

void aire__ref_cross_entropy(void *stream, int64_t rows, int64_t width, int64_t ignore,
                             const void *logits, const int32_t *targets, void *losses, void *mean,
                             void *state, int64_t *fault)
{
    double *loss = losses, *lse = state, total = 0;
    int64_t counted = 0;
    for (int64_t r = 0; r < rows; r++) {
        const double *x = (const double *)logits + r * width;
        lse[r] = logsumexp(x, width);
        loss[r] = 0;
        if (counts(targets[r], width, ignore)) {
            counted++;
            total += loss[r] = lse[r] - x[targets[r]];
        } else if (targets[r] != ignore && (*fault == 0 || r + 1 < *fault)) {
            *fault = r + 1;
        }
    }
    lse[rows] = (double)counted;
    if (mean)
        *(double *)mean = counted ? total / (double)counted : 0;
}

void aire__ref_cross_entropy_backward(void *stream, int64_t rows, int64_t width, int64_t ignore,
                                      int32_t mean, const void *logits, const int32_t *targets,
                                      const void *state, const void *dlosses, void *dlogits,
                                      uint32_t add)
{
    const double *x = logits, *lse = state, *dloss = dlosses;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < width; i++) {
            double d = mean ? dloss[0] / lse[rows] : dloss[r];
            double p = exp(x[r * width + i] - lse[r]) - (i == targets[r]);
            bool counted = counts(targets[r], width, ignore);
            ref_put(dlogits, r * width + i, counted ? d * p : 0, add);
        }
}
