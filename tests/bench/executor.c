/*
 * Evaluations that do nothing: how many a second with two workers, against what bare bubblewrap
 * allows at the same number of sandboxes; and what the controlling process itself spends on one.
 *
 * usage: bench_executor [RUNS]      AIRE_WORKER names the program aire-worker
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "aire/aire.h"
#include "peer.h"

enum { WORKERS = 2, SANDBOXES = 2 /* of a run: run and evaluate */ };

static const char manifest[] =
    "{\"aire\": 1, \"name\": \"nothing\", \"goal\": \"none\", \"files\": {\"editable\": "
    "[\"file\"]},"
    " \"run\": {\"command\": [\"true\"]},"
    " \"evaluate\": {\"command\": \"echo '{\\\"metrics\\\": {\\\"m\\\": 1}}' >&$AIRE_REPORT_FD\"},"
    " \"metric\": {\"name\": \"m\", \"direction\": \"maximize\", \"stage\": \"evaluate\", "
    "\"trust\": "
    "\"evaluated\"}}";

static int runs = 200;

static void need(aire_status status)
{
    if (status < 0) {
        fprintf(stderr, "%s\n", aire_error_message(aire_last_error()));
        exit(1);
    }
}

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double own_cpu_s(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

/* ---- the peer ---- */

static void *run_bwrap(void *unused)
{
    for (int i = 0; i < runs * SANDBOXES / WORKERS; i++)
        run_program(peer_bwrap);
    return unused;
}

static double time_bwrap(void)
{
    pthread_t threads[WORKERS];
    double began = now_s();
    for (int i = 0; i < WORKERS; i++)
        pthread_create(&threads[i], NULL, run_bwrap, NULL);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(threads[i], NULL);
    return now_s() - began;
}

/* ---- the executor ---- */

static void write_text(const char *directory, const char *name, const char *text)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
}

static void evaluate(aire_executor *executor)
{
    for (int i = 0; i < runs; i++) {
        aire_submit_options options = AIRE_SUBMIT_OPTIONS_INIT;
        options.seed = (uint64_t)i + 1;
        need(aire_executor_submit(executor, NULL, &options, NULL));
    }
    for (int i = 0; i < runs; i++) {
        aire_result *result;
        double reward;
        need(aire_executor_next(executor, -1, &result));
        need(aire_result_reward(result, &reward));
        aire_result_unref(result);
    }
}

int main(int argc, char **argv)
{
    char directory[] = "/tmp/aire-bench-XXXXXX", store_path[64], remove[80];
    aire_ctx *ctx;
    aire_env *env;
    aire_store *store;
    aire_sandbox *sandbox;
    aire_executor *executor;
    aire_sandbox_options sandbox_options = AIRE_SANDBOX_OPTIONS_INIT;
    aire_executor_options options = AIRE_EXECUTOR_OPTIONS_INIT;
    if (argc > 1)
        runs = atoi(argv[1]);
    if (runs < WORKERS || !mkdtemp(directory))
        return 2;
    write_text(directory, "aire.json", manifest);
    write_text(directory, "file", "\n");
    snprintf(store_path, sizeof store_path, "%s.store", directory);
    sandbox_options.worker_path = getenv("AIRE_WORKER");
    options.workers = WORKERS;
    need(aire_ctx_new(NULL, &ctx));
    need(aire_env_open(ctx, directory, NULL, &env));
    need(aire_store_open(ctx, store_path, NULL, &store));
    need(aire_sandbox_new(ctx, &sandbox_options, &sandbox));
    need(aire_executor_new(ctx, env, sandbox, store, &options, &executor));

    double bwrap_s = time_bwrap(), began = now_s(), cpu = own_cpu_s();
    evaluate(executor);
    double ours_s = now_s() - began;
    cpu = own_cpu_s() - cpu;
    bwrap_s =
        (bwrap_s + time_bwrap()) / 2; /* before and after: the machine is not always the same */
    printf(
        "%d evaluations of %d sandboxes, %d workers: %.1f a second; bare bubblewrap allows %.1f\n",
        runs, SANDBOXES, WORKERS, runs / ours_s, runs / bwrap_s);
    printf("BENCH executor.share_of_bwrap value=%.2f goal=0.7 unit=ratio peer=bwrap peer_value=1 "
           "pass=%s\n",
           bwrap_s / ours_s, bwrap_s / ours_s >= 0.7 ? "yes" : "no");
    printf("BENCH executor.controller value=%.3f unit=ms_per_evaluation\n", cpu / runs * 1e3);

    aire_executor_unref(executor);
    aire_sandbox_unref(sandbox);
    aire_store_unref(store);
    aire_env_unref(env);
    aire_ctx_unref(ctx);
    snprintf(remove, sizeof remove, "rm -rf %s %s*", directory, store_path);
    return system(remove) == 0 ? 0 : 1;
}
