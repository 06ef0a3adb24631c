/*
 * What early stopping saves, and what it costs: loss curves of a small GPT that is trained with
 * many learning rates and batch sizes, replayed through both rules as if four workers ran them.
 *
 * saved: steps that were not run, of all. regret: final loss of the best run that was not stopped,
 * less that of the best run of all. Means over many orders of the same runs.
 *
 * usage: bench_early_stop [RUNS [STEPS]]
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aire/error.h"
#include "aire/optim.h"
#include "base/rng.h"
#include "stats/early_stop.h"
#include "support/small_gpt.h"

enum { RUNS_MAX = 1000, POINTS_MAX = 1000, EVERY = 10, WORKERS = 4, ORDERS = 200 };

typedef struct run {
    double loss[POINTS_MAX]; /* mean of the last EVERY steps, at steps EVERY, 2 EVERY, ... */
} run;

static run runs[RUNS_MAX];
static size_t run_count = 60, point_count = 30;

static void need(aire_status status)
{
    if (status != AIRE_OK) {
        fprintf(stderr, "bench_early_stop: %s\n", aire_error_message(aire_last_error()));
        exit(1);
    }
}

static void *zeroed(size_t size)
{
    void *block = calloc(1, size);
    if (!block) {
        fprintf(stderr, "bench_early_stop: no memory\n");
        exit(1);
    }
    return block;
}

/* ---- training ---- */

typedef struct moments {
    float *m, *v;
} moments;

static void update(aire_tape *tape, const moments *of, const aire_adamw *settings, int64_t step)
{
    for (size_t i = 0; i < aire_tape_param_count(tape); i++) {
        aire_tensor *param = aire_tape_param(tape, i);
        aire_adamw_step(aire_tensor_data(param), aire_tensor_grad(param), of[i].m, of[i].v,
                        (size_t)aire_tensor_count(param), settings, step);
    }
}

/* Random walks: each token has two successors, one of them rare, so the loss cannot reach 0. */
static void fill(aire_tape *tape, aire_rng *rng)
{
    aire_tensor *tokens = aire_tape_find(tape, "tokens");
    int32_t *in = aire_tensor_data(tokens),
            *out = aire_tensor_data(aire_tape_find(tape, "targets"));
    for (int64_t i = 0; i < aire_tensor_count(tokens); i++) {
        bool begins = i % GPT_TOKENS == 0;
        in[i] = begins ? (int32_t)aire__rng_below(rng, GPT_VOCAB) : out[i - 1];
        uint64_t branch = aire__rng_below(rng, 4) == 0;
        out[i] = (int32_t)(((uint64_t)in[i] * 11 + 5 + branch * 17) % GPT_VOCAB);
    }
}

static void train(aire_ctx *ctx, size_t number, run *out)
{
    aire_rng rng;
    aire__rng_init(&rng, aire_ctx_seed(ctx), "bench_early_stop", number);
    aire_adamw settings = {.beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .weight_decay = 0.01};
    double peak = pow(10, -4.5 + 4 * aire__rng_unit(&rng));
    int64_t batch = (int64_t)1 << aire__rng_below(&rng, 5);
    aire_tape_options options = AIRE_TAPE_OPTIONS_INIT;
    aire_tape *tape;
    options.seed = number + 1;
    need(aire_tape_new(ctx, &options, &tape));
    need(aire_tape_finish(tape, gpt_record(tape, batch)));
    size_t params = aire_tape_param_count(tape);
    moments *of = zeroed(params * sizeof *of);
    for (size_t i = 0; i < params; i++) {
        size_t bytes = (size_t)aire_tensor_count(aire_tape_param(tape, i)) * sizeof(float);
        of[i] = (moments){zeroed(bytes), zeroed(bytes)};
    }
    int64_t steps = (int64_t)point_count * EVERY;
    for (int64_t step = 0; step < steps; step++) {
        fill(tape, &rng);
        need(aire_tape_zero_grad(tape));
        need(aire_tape_forward(tape));
        need(aire_tape_backward(tape));
        out->loss[step / EVERY] += aire_tensor_item(aire_tape_loss(tape)) / EVERY;
        settings.lr = peak * aire_schedule_cosine(step, steps, steps / 20, 0.1);
        update(tape, of, &settings, step + 1);
    }
    for (size_t i = 0; i < params; i++) {
        free(of[i].m);
        free(of[i].v);
    }
    free(of);
    aire_tape_unref(tape);
}

/* ---- replaying ---- */

static double final_loss(size_t number)
{
    double loss = runs[number].loss[point_count - 1];
    return isfinite(loss) ? loss : INFINITY;
}

typedef struct outcome {
    double saved, regret;
    size_t stopped;
} outcome;

/* Each worker in turn reports the next point of its run, or takes the next run. */
static outcome replay(aire_ctx *ctx, const aire_stop_options *options, const size_t *order)
{
    struct {
        size_t number, point;
        bool busy;
    } workers[WORKERS] = {0};
    size_t next = 0, busy = 0, points = 0, stopped = 0;
    double best = INFINITY, survivor = INFINITY;
    aire_stopper *stopper;
    need(aire__stopper_new(ctx, options, &stopper));
    for (size_t i = 0; i < run_count; i++)
        best = fmin(best, final_loss(i));
    for (size_t turn = 0; busy > 0 || next < run_count; turn = (turn + 1) % WORKERS) {
        if (!workers[turn].busy && next == run_count)
            continue;
        if (!workers[turn].busy) {
            workers[turn].busy = true;
            workers[turn].number = order[next++];
            workers[turn].point = 0;
            busy++;
        }
        size_t number = workers[turn].number, point = workers[turn].point++;
        bool stop, last = point + 1 == point_count;
        need(aire__stopper_report(stopper, (int64_t)number, (double)(point + 1) * EVERY,
                                  runs[number].loss[point], &stop));
        points++;
        if (!stop && !last)
            continue;
        stopped += stop && !last; /* at its end nothing is left to be stopped */
        if (last)
            survivor = fmin(survivor, final_loss(number));
        aire__stopper_finish(stopper, (int64_t)number, last);
        workers[turn].busy = false;
        busy--;
    }
    aire__stopper_free(stopper);
    return (outcome){1 - (double)points / (double)(run_count * point_count), survivor - best,
                     stopped};
}

static void bench_rule(aire_ctx *ctx, const char *name, aire_stop_options options)
{
    static size_t order[RUNS_MAX];
    double saved = 0, regret = 0, worst = 0, stopped = 0, exact = 0;
    for (uint64_t i = 0; i < ORDERS; i++) {
        aire_rng rng;
        aire__rng_init(&rng, aire_ctx_seed(ctx), "bench_order", i);
        for (size_t k = 0; k < run_count; k++)
            order[k] = k;
        aire__rng_sample(&rng, order, run_count, run_count);
        outcome o = replay(ctx, &options, order);
        saved += o.saved / ORDERS;
        regret += o.regret / ORDERS;
        stopped += (double)o.stopped / ORDERS;
        exact += o.regret == 0 ? 1.0 / ORDERS : 0;
        worst = fmax(worst, o.regret);
    }
    printf("BENCH early_stop.%s_saved value=%.3f unit=ratio stopped=%.1f runs=%zu\n", name, saved,
           stopped, run_count);
    printf("BENCH early_stop.%s_regret value=%.4f unit=loss worst=%.4f best_kept=%.2f\n", name,
           regret, worst, exact);
}

static int by_loss(const void *a, const void *b)
{
    double x = final_loss(*(const size_t *)a), y = final_loss(*(const size_t *)b);
    return (x > y) - (x < y);
}

/* How far apart the runs end: a regret is small or large beside this. */
static void print_spread(void)
{
    static size_t order[RUNS_MAX];
    for (size_t i = 0; i < run_count; i++)
        order[i] = i;
    qsort(order, run_count, sizeof *order, by_loss);
    printf(
        "# final loss of %zu runs of %zu steps: best %.4f, tenth %.4f, median %.4f, worst %.4f\n",
        run_count, point_count * EVERY, final_loss(order[0]), final_loss(order[run_count / 10]),
        final_loss(order[run_count / 2]), final_loss(order[run_count - 1]));
}

int main(int argc, char **argv)
{
    aire_ctx *ctx = NULL;
    if (argc > 1)
        run_count = (size_t)strtoul(argv[1], NULL, 10);
    if (argc > 2)
        point_count = (size_t)strtoul(argv[2], NULL, 10) / EVERY;
    if (run_count < 1 || run_count > RUNS_MAX || point_count < 1 || point_count > POINTS_MAX) {
        fprintf(stderr, "usage: bench_early_stop [RUNS (1 to %d) [STEPS (%d to %d)]]\n", RUNS_MAX,
                EVERY, EVERY * POINTS_MAX);
        return 2;
    }
    need(aire_ctx_new(NULL, &ctx));
    for (size_t i = 0; i < run_count; i++)
        train(ctx, i, &runs[i]);
    print_spread();
    double min_step = (double)point_count * EVERY / 9; /* rungs at a ninth and a third */
    bench_rule(ctx, "median", (aire_stop_options){AIRE_STOP_MEDIAN, true, min_step, 0, 0});
    bench_rule(ctx, "asha", (aire_stop_options){AIRE_STOP_ASHA, true, min_step, 0, 0});
    aire_ctx_unref(ctx);
    return 0;
}
