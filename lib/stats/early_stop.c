#include "stats/early_stop.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/str.h"

enum { POINTS_MAX = 256, RUNGS_MAX = 64 };

/* Averages as they were at some of the reports. When there is no room, every second one goes. */
typedef struct curve {
    int64_t run;
    bool complete;
    double best, sum, last_step;
    int64_t count;  /* of values */
    int64_t stride; /* reports for each point that is kept */
    int next_rung;
    int point_count;
    struct {
        double step, average;
    } points[POINTS_MAX];
} curve;

/* Values in order, best first. */
typedef struct rung {
    double *values;
    size_t count, capacity;
} rung;

struct aire_stopper {
    aire_ctx *ctx;
    aire_stop_options options;
    curve **curves;
    size_t curve_count, curve_capacity;
    rung rungs[RUNGS_MAX];
};

/* ---- making it ---- */

aire_status aire__stopper_new(aire_ctx *ctx, const aire_stop_options *options, aire_stopper **out)
{
    aire_stop_options given = *options;
    if (given.min_runs == 0)
        given.min_runs = 5;
    if (given.eta == 0)
        given.eta = 3;
    if (!(given.min_step > 0) || !(given.eta > 1) || given.min_runs < 1)
        return aire__fail(AIRE_INVALID, "early stopping: min_step must be above 0, eta above 1, "
                                        "min_runs at least 1");
    aire_stopper *s = aire__calloc(ctx, 1, sizeof *s);
    if (!s)
        return aire__fail_nomem();
    s->ctx = ctx;
    s->options = given;
    *out = s;
    return AIRE_OK;
}

void aire__stopper_free(aire_stopper *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->curve_count; i++)
        aire_free(s->ctx, s->curves[i]);
    for (int i = 0; i < RUNGS_MAX; i++)
        aire_free(s->ctx, s->rungs[i].values);
    aire_free(s->ctx, s->curves);
    aire_free(s->ctx, s);
}

/* ---- curves ---- */

static curve *find_curve(const aire_stopper *s, int64_t run)
{
    for (size_t i = s->curve_count; i > 0; i--)
        if (s->curves[i - 1]->run == run)
            return s->curves[i - 1];
    return NULL;
}

static curve *add_curve(aire_stopper *s, int64_t run)
{
    if (!aire__grow(s->ctx, &s->curves, &s->curve_capacity, s->curve_count + 1, sizeof(curve *)))
        return NULL;
    curve *c = aire__calloc(s->ctx, 1, sizeof *c);
    if (!c)
        return NULL;
    c->run = run;
    c->best = INFINITY;
    c->last_step = -INFINITY;
    c->stride = 1;
    s->curves[s->curve_count++] = c;
    return c;
}

static void thin(curve *c)
{
    for (int i = 0; i < POINTS_MAX / 2; i++)
        c->points[i] = c->points[2 * i + 1];
    c->point_count = POINTS_MAX / 2;
    c->stride *= 2;
}

static void extend(curve *c, double step, double value)
{
    c->sum += value;
    c->count++;
    c->last_step = step;
    c->best = fmin(c->best, value);
    if (c->count % c->stride != 0)
        return;
    if (c->point_count == POINTS_MAX)
        thin(c);
    if (c->count % c->stride == 0) {
        c->points[c->point_count].step = step;
        c->points[c->point_count++].average = c->sum / (double)c->count;
    }
}

/* ---- the median rule ---- */

/* The average up to a step; NaN if the curve begins later. */
static double average_at(const curve *c, double step)
{
    int low = 0, high = c->point_count;
    while (low < high) {
        int middle = (low + high) / 2;
        if (c->points[middle].step <= step)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? c->points[low - 1].average : NAN;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, ascending);
    double low = values[(count - 1) / 2], high = values[count / 2];
    return low == high ? low : low + (high - low) / 2;
}

static aire_status apply_median(const aire_stopper *s, const curve *c, bool *stop)
{
    size_t count = 0;
    double *averages = aire__calloc(s->ctx, s->curve_count, sizeof *averages);
    if (!averages)
        return aire__fail_nomem();
    for (size_t i = 0; i < s->curve_count; i++) {
        double average =
            s->curves[i]->complete ? average_at(s->curves[i], c->last_step) : (double)NAN;
        if (!isnan(average))
            averages[count++] = average;
    }
    *stop = count >= (size_t)s->options.min_runs && c->best > median(averages, count);
    aire_free(s->ctx, averages);
    return AIRE_OK;
}

/* ---- ASHA ---- */

/* How many values are strictly better. */
static size_t rank_of(const rung *r, double value)
{
    size_t low = 0, high = r->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (r->values[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static aire_status climb(aire_stopper *s, rung *r, double value, bool *stop)
{
    if (!aire__grow(s->ctx, &r->values, &r->capacity, r->count + 1, sizeof *r->values))
        return aire__fail_nomem();
    size_t rank = rank_of(r, value);
    memmove(r->values + rank + 1, r->values + rank, (r->count - rank) * sizeof *r->values);
    r->values[rank] = value;
    r->count++;
    bool enough = r->count >= (size_t)s->options.min_runs && (double)r->count >= s->options.eta;
    *stop = enough && rank >= (size_t)((double)r->count / s->options.eta);
    return AIRE_OK;
}

static aire_status apply_asha(aire_stopper *s, curve *c, double value, bool *stop)
{
    aire_status status = AIRE_OK;
    while (status == AIRE_OK && !*stop && c->next_rung < RUNGS_MAX &&
           c->last_step >= s->options.min_step * pow(s->options.eta, c->next_rung)) {
        status = climb(s, &s->rungs[c->next_rung], value, stop);
        if (status == AIRE_OK)
            c->next_rung++;
    }
    return status;
}

/* ---- reports ---- */

aire_status aire__stopper_report(aire_stopper *s, int64_t run, double step, double value,
                                 bool *stop)
{
    *stop = false;
    curve *c = find_curve(s, run);
    if (!c && !(c = add_curve(s, run)))
        return aire__fail_nomem();
    if (!isfinite(step) || step <= c->last_step)
        return AIRE_OK;
    value = !isfinite(value) ? (double)INFINITY : s->options.minimize ? value : -value;
    extend(c, step, value);
    if (step < s->options.min_step)
        return AIRE_OK;
    if (s->options.rule == AIRE_STOP_MEDIAN)
        return apply_median(s, c, stop);
    return s->options.rule == AIRE_STOP_ASHA ? apply_asha(s, c, value, stop) : AIRE_OK;
}

static void drop_curve(aire_stopper *s, const curve *c)
{
    size_t at = 0;
    while (s->curves[at] != c)
        at++;
    aire_free(s->ctx, s->curves[at]);
    memmove(s->curves + at, s->curves + at + 1, (--s->curve_count - at) * sizeof *s->curves);
}

void aire__stopper_finish(aire_stopper *s, int64_t run, bool complete)
{
    curve *c = find_curve(s, run);
    if (c && complete && s->options.rule == AIRE_STOP_MEDIAN)
        c->complete = true;
    else if (c)
        drop_curve(s, c);
}
