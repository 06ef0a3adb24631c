/*
 * How fast the training engine is on this machine: matrix products, and the training step of a
 * small byte-level GPT. One line a figure; the peak that the figures are a share of is measured
 * first, in the same run.
 *
 * usage: bench_engine [THREADS]
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aire/error.h"
#include "aire/tensor.h"
#include "kernels/kernels.h"

/* With one thread its CPU time counts, so that other work on the machine disturbs less. */
static clockid_t clock_used = CLOCK_THREAD_CPUTIME_ID;

static double now(void)
{
    struct timespec t;
    clock_gettime(clock_used, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void need(aire_status status)
{
    if (status != AIRE_OK) {
        fprintf(stderr, "bench_engine: %s\n", aire_error_message(aire_last_error()));
        exit(1);
    }
}

static void *lend(size_t size, void *user_data)
{
    return malloc(size);
}

static void give_back(void *ptr, void *user_data)
{
    free(ptr);
}

static aire_status fail(aire_status status, const char *message)
{
    return aire_error_set(status, 0, message);
}

/* Independent chains of fused multiply-adds in registers: what one thread can do at most. */
#define CHAINS 12
#define PEAK(isa, lanes)                                                                           \
    static __attribute__((target("arch=" isa), noinline)) double peak_##lanes(void)                \
    {                                                                                              \
        typedef float vec __attribute__((vector_size(4 * lanes)));                                 \
        vec sums[CHAINS], x = {0}, y = {0};                                                        \
        const int64_t rounds = 4000000;                                                            \
        x += 0.99f;                                                                                \
        y += 1e-5f;                                                                                \
        for (int i = 0; i < CHAINS; i++)                                                           \
            sums[i] = x * (float)i;                                                                \
        double start = now();                                                                      \
        for (int64_t k = 0; k < rounds; k++) {                                                     \
            _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++) sums[i] = sums[i] * x + y;   \
            __asm__ volatile("" ::"v"(sums[0]), "v"(sums[1]), "v"(sums[2]), "v"(sums[3]),          \
                             "v"(sums[4]), "v"(sums[5]), "v"(sums[6]), "v"(sums[7]), "v"(sums[8]), \
                             "v"(sums[9]), "v"(sums[10]), "v"(sums[11]));                          \
        }                                                                                          \
        double seconds = now() - start;                                                            \
        return (double)rounds * CHAINS * 2 * lanes / seconds / 1e9;                                \
    }

#if defined(__x86_64__)
PEAK("x86-64-v4", 16)
PEAK("x86-64-v3", 8)

static double peak(void)
{
    double best = 0;
    for (int i = 0; i < 5; i++) {
        double rate = __builtin_cpu_supports("x86-64-v4")   ? peak_16()
                      : __builtin_cpu_supports("x86-64-v3") ? peak_8()
                                                            : 0;
        best = rate > best ? rate : best;
    }
    return best;
}
#else
static double peak(void)
{
    return 0; /* not measured here */
}
#endif

static void bench_matmul(const aire_kernels *kernels, void *stream, const char *name,
                         aire_kernel_matmul shape, double peak_gflops)
{
    size_t a_count = (size_t)(shape.m * shape.k), b_count = (size_t)(shape.k * shape.n);
    float *a = kernels->alloc(stream, a_count * sizeof *a);
    float *b = kernels->alloc(stream, b_count * sizeof *b);
    float *c = kernels->alloc(stream, (size_t)(shape.m * shape.n) * sizeof *c);
    double best = 1e9;

    if (!a || !b || !c)
        exit(1);
    for (size_t i = 0; i < a_count; i++)
        a[i] = (float)(i % 17) - 8;
    for (size_t i = 0; i < b_count; i++)
        b[i] = (float)(i % 13) - 6;
    for (int i = 0; i < 20; i++) {
        double start = now();
        kernels->matmul(stream, &shape, a, b, NULL, c, 0);
        double seconds = now() - start;
        best = seconds < best ? seconds : best;
    }
    double rate = 2.0 * (double)(shape.m * shape.n * shape.k) / best / 1e9;
    printf("BENCH engine.matmul.%s_%lldx%lldx%lld value=%.1f unit=GFLOP/s", name,
           (long long)shape.m, (long long)shape.n, (long long)shape.k, rate);
    if (peak_gflops > 0)
        printf(" share_of_peak=%.2f", rate / peak_gflops);
    printf("\n");
    kernels->release(stream, a);
    kernels->release(stream, b);
    kernels->release(stream, c);
}

static void bench_matmuls(int32_t threads, double peak_gflops)
{
    const aire_kernels *kernels = aire__kernels_cpu();
    aire_kernel_host host = {sizeof host, 0, lend, give_back, fail, NULL};
    void *stream = NULL;
    need(kernels->open(&host, threads, &stream));
    printf("# kernels: %s, %d threads\n", kernels->name, threads);
    bench_matmul(kernels, stream, "nt", (aire_kernel_matmul){1, 512, 512, 128, 0, 1}, peak_gflops);
    bench_matmul(kernels, stream, "nt", (aire_kernel_matmul){1, 2048, 512, 128, 0, 1}, peak_gflops);
    bench_matmul(kernels, stream, "nt", (aire_kernel_matmul){1, 2048, 128, 512, 0, 1}, peak_gflops);
    bench_matmul(kernels, stream, "nn", (aire_kernel_matmul){1, 2048, 128, 512, 0, 0}, peak_gflops);
    bench_matmul(kernels, stream, "tn", (aire_kernel_matmul){1, 512, 128, 2048, 1, 0}, peak_gflops);
    bench_matmul(kernels, stream, "nt", (aire_kernel_matmul){1, 1024, 3072, 768, 0, 1},
                 peak_gflops);
    kernels->close(stream);
}

enum { LAYERS = 4, WIDTH = 128, HEADS = 4, VOCAB = 256, BATCH = 16, TOKENS = 128 };

static aire_tensor *weight(aire_tape *tape, int layer, const char *part, int64_t out, int64_t in)
{
    char name[64];
    snprintf(name, sizeof name, "h.%d.%s.weight", layer, part);
    return aire_param(tape, name, AIRE_INIT_NORMAL, 0.02, AIRE_DIMS(out, in));
}

static aire_tensor *block(aire_tape *tape, int layer, aire_tensor *x)
{
    aire_tensor *y = aire_rmsnorm(x, NULL, 1e-6);
    y = aire_linear(y, weight(tape, layer, "attn.c_attn", 3 * WIDTH, WIDTH), NULL);
    y = aire_attention_qkv(y, HEADS, NULL);
    y = aire_linear(y, weight(tape, layer, "attn.c_proj", WIDTH, WIDTH), NULL);
    x = aire_add(x, y);
    y = aire_rmsnorm(x, NULL, 1e-6);
    y = aire_gelu(aire_linear(y, weight(tape, layer, "mlp.c_fc", 4 * WIDTH, WIDTH), NULL));
    return aire_add(x, aire_linear(y, weight(tape, layer, "mlp.c_proj", WIDTH, 4 * WIDTH), NULL));
}

static aire_tensor *gpt(aire_tape *tape)
{
    aire_tensor *tokens = aire_input(tape, "tokens", AIRE_DTYPE_I32, AIRE_DIMS(BATCH, TOKENS));
    aire_tensor *targets = aire_input(tape, "targets", AIRE_DTYPE_I32, AIRE_DIMS(BATCH, TOKENS));
    aire_tensor *wte = aire_param(tape, "wte", AIRE_INIT_NORMAL, 0.02, AIRE_DIMS(VOCAB, WIDTH));
    aire_tensor *wpe = aire_param(tape, "wpe", AIRE_INIT_NORMAL, 0.02, AIRE_DIMS(TOKENS, WIDTH));
    aire_tensor *x = aire_add(aire_embedding(wte, tokens), wpe);
    for (int layer = 0; layer < LAYERS; layer++)
        x = block(tape, layer, x);
    aire_tensor *logits = aire_linear(aire_rmsnorm(x, NULL, 1e-6), wte, NULL);
    return aire_cross_entropy(logits, targets, -1);
}

static void fill_tokens(aire_tape *tape, int step)
{
    int32_t *tokens = aire_tensor_data(aire_tape_find(tape, "tokens"));
    int32_t *targets = aire_tensor_data(aire_tape_find(tape, "targets"));
    for (int i = 0; i < BATCH * TOKENS; i++) {
        tokens[i] = (i * 7 + step * 31 + i / 5) % VOCAB;
        targets[i] = ((i + 1) * 7 + step * 31 + (i + 1) / 5) % VOCAB;
    }
}

static void bench_gpt(aire_ctx *ctx, int32_t threads)
{
    aire_tape_options options = AIRE_TAPE_OPTIONS_INIT;
    aire_tape *tape = NULL;
    aire_plan_sizes sizes = {.struct_size = sizeof sizes};
    double forward = 1e9, backward = 1e9;

    options.threads = threads;
    need(aire_tape_new(ctx, &options, &tape));
    need(aire_tape_finish(tape, gpt(tape)));
    need(aire_tape_plan(tape, &sizes));
    for (int step = 0; step < 20; step++) {
        fill_tokens(tape, step);
        need(aire_tape_zero_grad(tape));
        double start = now();
        need(aire_tape_forward(tape));
        double middle = now();
        need(aire_tape_backward(tape));
        double end = now();
        forward = middle - start < forward ? middle - start : forward;
        backward = end - middle < backward ? end - middle : backward;
    }
    printf("BENCH engine.gpt.parameters value=%llu unit=1\n", (unsigned long long)sizes.parameters);
    printf("BENCH engine.gpt.activations value=%.1f unsharing=%.1f unit=MB\n",
           (double)sizes.activation_bytes / 1e6, (double)sizes.unshared_bytes / 1e6);
    printf("BENCH engine.gpt.forward value=%.2f unit=ms\n", forward * 1e3);
    printf("BENCH engine.gpt.backward value=%.2f unit=ms\n", backward * 1e3);
    printf("BENCH engine.gpt.train_step value=%.0f unit=tokens/s threads=%d\n",
           BATCH * TOKENS / (forward + backward), threads);
    aire_tape_unref(tape);
}

int main(int argc, char **argv)
{
    int32_t threads = argc > 1 ? (int32_t)strtol(argv[1], NULL, 10) : 1;
    aire_ctx *ctx = NULL;
    need(aire_ctx_new(NULL, &ctx));
    double peak_gflops = peak() * threads;
    if (threads > 1)
        clock_used = CLOCK_MONOTONIC;
    if (peak_gflops > 0)
        printf("BENCH engine.peak_fma value=%.1f unit=GFLOP/s threads=%d\n", peak_gflops, threads);
    bench_matmuls(threads, peak_gflops);
    bench_gpt(ctx, threads);
    aire_ctx_unref(ctx);
    return 0;
}
