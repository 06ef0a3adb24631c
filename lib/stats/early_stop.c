/*
 * Early stopping by the median of complete curves, or by rungs.
 *
 * Inside, smaller is better: values to be maximized are negated, and those that are not finite are
 * infinite. A curve keeps averages, not values, so that thinning it changes none of them.
 */
#include "stats/early_stop.h"

#include <math.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/str.h"

enum { POINTS_MAX = 256, CURVES_MAX = 1024, RUNGS_MAX = 64, MIN_RUNS = 5, NO_RUNG = -1 };
#define ETA 3.0

typedef struct point {
    double step;
    double average; /* of all values up to here */
} point;

typedef struct curve curve;
struct curve {
    curve *next;
    int64_t run;
    int64_t reports;
    int64_t stride; /* reports 0, stride, 2 stride, ... are kept, and the latest one */
    double last_step, best, average;
    int32_t rung; /* the highest one that it has passed */
    bool stopped;
    size_t count;
    point points[POINTS_MAX];
};

typedef struct mark {
    int64_t run;
    double value;
} mark;

typedef struct rung {
    mark *marks;
    size_t count, capacity;
} rung;

struct aire_stopper {
    aire_ctx *ctx;
    aire_stop_options options;
    curve *live;
    curve *complete; /* latest first */
    size_t complete_count;
    rung rungs[RUNGS_MAX];
    size_t complete_max;
    double *averages; /* [complete_max], room for a decision */
};

aire_status aire__stopper_new(aire_ctx *ctx, const aire_stop_options *options, aire_stopper **out)
{
    aire_stop_options o = *options;
    *out = NULL;
    if (o.rule < AIRE_STOP_NEVER || o.rule > AIRE_STOP_ASHA)
        return aire__fail(AIRE_INVALID, "early stopping: %d is no rule", (int)o.rule);
    if (!isfinite(o.min_step) || o.min_step < 0)
        return aire__fail(AIRE_INVALID, "early stopping: min_step is %g, expected 0 or more",
                          o.min_step);
    if (o.min_runs < 0)
        return aire__fail(AIRE_INVALID, "early stopping: min_runs is %d, expected 0 or more",
                          o.min_runs);
    if (!isfinite(o.eta) || (o.eta != 0 && o.eta <= 1))
        return aire__fail(AIRE_INVALID, "early stopping: eta is %g, expected more than 1", o.eta);
    aire_stopper *s = aire__calloc(ctx, 1, sizeof *s);
    if (!s)
        return aire__fail_nomem();
    o.min_runs = o.min_runs ? o.min_runs : MIN_RUNS;
    o.eta = o.eta != 0 ? o.eta : ETA;
    if (o.rule == AIRE_STOP_ASHA && o.min_step == 0)
        o.min_step = 1;
    s->ctx = aire_ctx_ref(ctx);
    s->options = o;
    s->complete_max = o.min_runs > CURVES_MAX ? (size_t)o.min_runs : CURVES_MAX;
    s->averages = aire__calloc(ctx, s->complete_max, sizeof *s->averages);
    if (!s->averages) {
        aire__stopper_free(s);
        return aire__fail_nomem();
    }
    *out = s;
    return AIRE_OK;
}

static void curves_free(aire_ctx *ctx, curve *list)
{
    while (list) {
        curve *next = list->next;
        aire_free(ctx, list);
        list = next;
    }
}

void aire__stopper_free(aire_stopper *s)
{
    if (!s)
        return;
    aire_ctx *ctx = s->ctx;
    curves_free(ctx, s->live);
    curves_free(ctx, s->complete);
    for (size_t i = 0; i < RUNGS_MAX; i++)
        aire_free(ctx, s->rungs[i].marks);
    aire_free(ctx, s->averages);
    aire_free(ctx, s);
    aire_ctx_unref(ctx);
}

/* ---- curves ---- */

/* The place of a live run's curve in the list, or the list's end. */
static curve **find_live(aire_stopper *s, int64_t run)
{
    curve **at = &s->live;
    while (*at && (*at)->run != run)
        at = &(*at)->next;
    return at;
}

static curve *live_curve(aire_stopper *s, int64_t run)
{
    curve **at = find_live(s, run);
    if (*at)
        return *at;
    curve *c = aire__calloc(s->ctx, 1, sizeof *c);
    if (!c)
        return NULL;
    c->run = run;
    c->stride = 1;
    c->last_step = -INFINITY;
    c->best = INFINITY;
    c->rung = NO_RUNG;
    return *at = c;
}

/* Keep every other point. The latest one goes too if it is not among them: another follows. */
static void thin(curve *c)
{
    for (size_t i = 0; 2 * i < c->count; i++)
        c->points[i] = c->points[2 * i];
    c->count = (c->count + 1) / 2;
    c->stride *= 2;
}

static void keep_point(curve *c, point p)
{
    bool replaces = c->count > 0 && (c->reports - 1) % c->stride != 0; /* the one before is extra */
    if (replaces)
        c->count--;
    if (c->count == POINTS_MAX)
        thin(c);
    c->points[c->count++] = p;
}

/* An average that has been infinite stays so. Divided before they are added, values do not
 * overflow. */
static double next_average(double average, double value, double n)
{
    return isinf(average) || isinf(value) ? INFINITY : average + (value / n - average / n);
}

static void add_value(curve *c, double step, double value)
{
    c->last_step = step;
    c->best = fmin(c->best, value);
    c->average = next_average(c->average, value, (double)(c->reports + 1));
    keep_point(c, (point){step, c->average});
    c->reports++;
}

/* The average of a curve's values up to a step; false if it begins later. */
static bool average_at(const curve *c, double step, double *average)
{
    size_t low = 0, high = c->count; /* points before `low` are not after the step */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (c->points[middle].step <= step)
            low = middle + 1;
        else
            high = middle;
    }
    if (low > 0)
        *average = c->points[low - 1].average;
    return low > 0;
}

/* ---- the median rule ---- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, by_value);
    double low = values[(count - 1) / 2], high = values[count / 2];
    return low == high ? low : low / 2 + high / 2;
}

static bool below_median(aire_stopper *s, const curve *c)
{
    size_t count = 0;
    for (const curve *other = s->complete; other; other = other->next)
        count += average_at(other, c->last_step, &s->averages[count]);
    if (count < (size_t)s->options.min_runs)
        return false;
    return c->best > median(s->averages, count);
}

/* ---- rungs ---- */

/* The highest rung at or below a step. */
static int32_t rung_of(const aire_stop_options *o, double step)
{
    int32_t highest = NO_RUNG;
    for (double at = o->min_step; at <= step && highest + 1 < RUNGS_MAX; at *= o->eta)
        highest++;
    return highest;
}

/* Room for one more value, so that recording it cannot fail. */
static bool reserve(aire_stopper *s, int32_t number)
{
    rung *r = &s->rungs[number];
    return aire__grow(s->ctx, &r->marks, &r->capacity, r->count + 1, sizeof *r->marks);
}

/* A run that is tried again takes the place of its first attempt. */
static void record(rung *r, int64_t run, double value)
{
    size_t i = 0;
    while (i < r->count && r->marks[i].run != run)
        i++;
    r->count += i == r->count;
    r->marks[i] = (mark){run, value};
}

static bool outside_top(const rung *r, const aire_stop_options *o, double value)
{
    size_t better = 0;
    if (r->count < (size_t)o->min_runs || (double)r->count < o->eta)
        return false;
    for (size_t i = 0; i < r->count; i++)
        better += r->marks[i].value < value;
    return (double)better >= floor((double)r->count / o->eta);
}

/* ---- reports ---- */

static bool decide(aire_stopper *s, curve *c, int32_t reached, double value)
{
    if (s->options.rule == AIRE_STOP_MEDIAN)
        return c->last_step >= s->options.min_step && below_median(s, c);
    if (reached == c->rung)
        return false;
    rung *r = &s->rungs[reached];
    c->rung = reached;
    record(r, c->run, value);
    return outside_top(r, &s->options, value);
}

aire_status aire__stopper_report(aire_stopper *s, int64_t run, double step, double value,
                                 bool *stop)
{
    int32_t reached = NO_RUNG;
    if (s->options.rule == AIRE_STOP_NEVER) {
        *stop = false;
        return AIRE_OK;
    }
    curve *c = live_curve(s, run);
    if (!c)
        return aire__fail_nomem();
    if (isfinite(step) && step > c->last_step) {
        double inner = !isfinite(value) ? INFINITY : s->options.minimize ? value : -value;
        if (s->options.rule == AIRE_STOP_ASHA)
            reached = rung_of(&s->options, step);
        if (reached > c->rung && !reserve(s, reached))
            return aire__fail_nomem();
        add_value(c, step, inner);
        c->stopped = decide(s, c, reached, inner) || c->stopped;
    }
    *stop = c->stopped;
    return AIRE_OK;
}

static void forget_oldest(aire_stopper *s)
{
    curve **at = &s->complete;
    while ((*at)->next)
        at = &(*at)->next;
    aire_free(s->ctx, *at);
    *at = NULL;
    s->complete_count--;
}

void aire__stopper_finish(aire_stopper *s, int64_t run, bool complete)
{
    curve **at = find_live(s, run), *c = *at;
    if (!c)
        return;
    *at = c->next;
    if (!complete || c->count == 0 || s->options.rule != AIRE_STOP_MEDIAN) {
        aire_free(s->ctx, c);
        return;
    }
    if (s->complete_count == s->complete_max)
        forget_oldest(s);
    c->next = s->complete;
    s->complete = c;
    s->complete_count++;
}
