/*
 * Evaluations that do nothing: how many a second with two workers, against what bare bubblewrap
 * allows at the same number of sandboxes; and what the controlling process itself spends on one,
 * as the records in the store grow.
 *
 * usage: bench_executor [RECORDS]      AIRE_WORKER names the program aire-worker; RECORDS: measure
 * the controller up to so many only, and not the throughput
 */
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "aire/aire.h"
#include "bench.h"
#include "peer.h"

enum {
    WORKERS = 2,
    SANDBOXES = 2, /* of a run: run and evaluate */
    ROUNDS = 7,
    IN_A_ROUND = 40,
    EPOCH = 80,
    WINDOW = 2 * EPOCH, /* evaluations that a figure of the controller is taken over */
    RECORDS_MAX = 10000
};

static const char manifest[] =
    "{\"aire\": 1, \"name\": \"nothing\", \"goal\": \"none\", \"files\": {\"editable\": "
    "[\"file\"]},"
    " \"run\": {\"command\": [\"true\"]},"
    " \"evaluate\": {\"command\": \"echo '{\\\"metrics\\\": {\\\"m\\\": 1}}' >&$AIRE_REPORT_FD\"},"
    " \"metric\": {\"name\": \"m\", \"direction\": \"maximize\", \"stage\": \"evaluate\", "
    "\"trust\": "
    "\"evaluated\"}}";

static char directory[] = "/tmp/aire-bench-XXXXXX";

/* Workspaces in memory, where that can be, say what the executor costs; on a disk its file system
 * counts as well: for each new file ext4 looks at all that were removed in the last minutes. */
static char scratch[] = "/dev/shm/aire-bench-XXXXXX";
static bool has_scratch;
static aire_ctx *ctx;
static aire_env *env;
static aire_sandbox *real;

static void write_text(const char *name, const char *text)
{
    char path[300];
    snprintf(path, sizeof path, "%s/env/%s", directory, name);
    FILE *file = fopen(path, "we");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0)
        exit(1);
}

static aire_store *open_store(const char *name)
{
    char path[300];
    aire_store *store;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    need(aire_store_open(ctx, path, NULL, &store));
    return store;
}

/* ---- throughput ---- */

static void *run_bwrap(void *unused)
{
    for (int i = 0; i < IN_A_ROUND * SANDBOXES / WORKERS; i++)
        run_program(peer_bwrap);
    return unused;
}

static double time_bwrap(void)
{
    pthread_t threads[WORKERS];
    double began = now_ms();
    for (int i = 0; i < WORKERS; i++)
        pthread_create(&threads[i], NULL, run_bwrap, NULL);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(threads[i], NULL);
    return now_ms() - began;
}

static double time_evaluations(aire_executor *executor, int round)
{
    double began = now_ms();
    for (int i = 0; i < IN_A_ROUND; i++) {
        aire_submit_options options = AIRE_SUBMIT_OPTIONS_INIT;
        options.seed = (uint64_t)(round * IN_A_ROUND + i) + 1;
        need(aire_executor_submit(executor, NULL, &options, NULL));
    }
    for (int i = 0; i < IN_A_ROUND; i++) {
        aire_result *result;
        double reward;
        need(aire_executor_next(executor, -1, &result));
        need(aire_result_reward(result, &reward));
        aire_result_unref(result);
    }
    return now_ms() - began;
}

static void bench_throughput(const char *name, const char *work_dir)
{
    aire_executor_options options = AIRE_EXECUTOR_OPTIONS_INIT;
    aire_store *store = open_store(name);
    aire_executor *executor;
    double ours[ROUNDS], peer[ROUNDS];
    options.workers = WORKERS;
    options.work_dir = work_dir;
    need(aire_executor_new(ctx, env, real, store, &options, &executor));
    for (int i = 0; i < ROUNDS; i++) {
        ours[i] = time_evaluations(executor, i);
        peer[i] = time_bwrap();
    }
    double a = median(ours, ROUNDS), b = median(peer, ROUNDS);
    printf("# %s: evaluations of %d sandboxes, %d workers: %.1f a second; bare bubblewrap allows "
           "%.1f\n",
           name, SANDBOXES, WORKERS, IN_A_ROUND / a * 1e3, IN_A_ROUND / b * 1e3);
    printf("BENCH executor.%s value=%.2f goal=0.7 unit=ratio peer=bwrap pass=%s\n", name, b / a,
           b / a >= 0.7 ? "yes" : "no");
    aire_executor_unref(executor);
    aire_store_unref(store);
}

/* ---- the controller ---- */

static atomic_bool sandboxed;     /* whether the searches' sandbox is a real one */
static atomic_uint_fast32_t turn; /* for rewards that differ */

static void put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        exit(1);
    close(fd);
}

/* A sandbox that runs nothing, so that all time spent is the controller's. */
static aire_status run_nothing(const aire_command *command, aire_cancel *cancel, aire_exit *ended,
                               void *unused)
{
    char report[64];
    if (atomic_load(&sandboxed))
        return aire_sandbox_run(real, command, cancel, ended);
    put(command->log_path, "");
    snprintf(report, sizeof report, "{\"metrics\": {\"m\": %u}}",
             (unsigned)(atomic_fetch_add(&turn, 1) * 2654435761u % 1000));
    if (command->report_path)
        put(command->report_path, report);
    return AIRE_OK;
}

typedef struct search {
    aire_store *store;
    aire_sandbox *sandbox;
    aire_executor *executor;
    aire_searcher *searcher;
    int told;
} search;

static void open_search(search *s, const char *name)
{
    static const aire_sandbox_ops ops = {sizeof ops, 0, run_nothing, NULL};
    aire_executor_options executor = AIRE_EXECUTOR_OPTIONS_INIT;
    aire_searcher_evolution_options evolution = AIRE_SEARCHER_EVOLUTION_OPTIONS_INIT;
    char work[80];
    snprintf(work, sizeof work, "%s/%s", scratch, name);
    executor.workers = WORKERS;
    executor.work_dir = has_scratch ? work : NULL;
    evolution.epoch_size = EPOCH;
    evolution.epochs = 1000;
    *s = (search){.store = open_store(name)};
    need(aire_sandbox_new_from_ops(ctx, &ops, NULL, &s->sandbox));
    need(aire_executor_new(ctx, env, s->sandbox, s->store, &executor, &s->executor));
    need(aire_searcher_evolution_new(ctx, s->store, &evolution, &s->searcher));
    need(aire_executor_submit(s->executor, NULL, NULL, NULL)); /* the baseline */
}

static void close_search(search *s)
{
    aire_searcher_unref(s->searcher);
    aire_executor_unref(s->executor);
    aire_sandbox_unref(s->sandbox);
    aire_store_unref(s->store);
}

/* An idea whose patch makes a file that no other idea made. */
static void submit(search *s, aire_plan *plan, int32_t ordinal)
{
    char text[100];
    aire_idea_options options = AIRE_IDEA_OPTIONS_INIT;
    aire_idea *idea;
    snprintf(text, sizeof text, "--- file\n+++ file\n@@ -1 +1 @@\n-0\n+plan %lld idea %d\n",
             (long long)aire_plan_id(plan), ordinal);
    options.plan = plan;
    options.ordinal = ordinal;
    options.text = "An idea of a host.";
    need(aire_patch_new(ctx, AIRE_PATCH_UNIFIED, text, strlen(text), &options.patch));
    need(aire_idea_new(ctx, &options, &idea));
    need(aire_executor_submit(s->executor, idea, NULL, NULL));
    aire_idea_unref(idea);
    aire_patch_unref(options.patch);
}

static void drain(search *s)
{
    aire_result *result;
    aire_status status;
    while ((status = aire_executor_next(s->executor, -1, &result)) == AIRE_OK) {
        if (aire_result_outcome(result) != AIRE_OUTCOME_OK) {
            fprintf(stderr, "run %lld: %s: %s\n", (long long)aire_result_run_id(result),
                    aire_outcome_name(aire_result_outcome(result)), aire_result_detail(result));
            exit(1);
        }
        need(aire_searcher_tell(s->searcher, result));
        aire_result_unref(result);
        s->told++;
    }
    need(status == AIRE_EMPTY ? AIRE_OK : status);
}

/* Go on until so many results were told. */
static void go_on(search *s, int until)
{
    while (s->told < until) {
        aire_plan *plan;
        drain(s);
        need(aire_searcher_ask(s->searcher, &plan));
        for (int32_t i = 0; i < aire_plan_count(plan); i++)
            submit(s, plan, i);
        aire_plan_unref(plan);
    }
    drain(s);
}

/* Processor time of the controller on an evaluation, when the store holds so many. */
static double measure(search *s, int records, const char *name)
{
    go_on(s, records);
    int first = s->told;
    double cpu = own_cpu_ms(), began = now_ms();
    go_on(s, first + WINDOW);
    int evaluations = s->told - first;
    double each = (own_cpu_ms() - cpu) / evaluations;
    printf("BENCH executor.%s_%d value=%.3f unit=ms_per_evaluation elapsed=%.3f\n", name, records,
           each, (now_ms() - began) / evaluations);
    fflush(stdout);
    return each;
}

static void bench_controller(int most)
{
    search s;
    double first = 0, last = 0;
    open_search(&s, "controller");
    for (int records = 100; records <= most; records *= 10) {
        last = measure(&s, records, "controller");
        first = first > 0 ? first : last;
        atomic_store(&sandboxed, true);
        if (records == 1000) /* the same with its part of real sandboxes: starting, watching */
            measure(&s, records, "controller_sandboxed");
        atomic_store(&sandboxed, false);
    }
    printf("BENCH executor.controller_growth value=%.2f unit=ratio from=100 to=%d\n", last / first,
           most);
    close_search(&s);
}

int main(int argc, char **argv)
{
    aire_sandbox_options options = AIRE_SANDBOX_OPTIONS_INIT;
    char path[300], remove[160];
    int most = argc > 1 ? atoi(argv[1]) : RECORDS_MAX;
    if (most < 100 || !mkdtemp(directory))
        return 2;
    snprintf(path, sizeof path, "%s/env", directory);
    if (mkdir(path, 0755) != 0)
        return 1;
    write_text("aire.json", manifest);
    write_text("file", "0\n");
    options.worker_path = getenv("AIRE_WORKER");
    need(aire_ctx_new(NULL, &ctx));
    need(aire_env_open(ctx, path, NULL, &env));
    need(aire_sandbox_new(ctx, &options, &real));
    struct statfs info;
    has_scratch = statfs("/dev/shm", &info) == 0 && info.f_type == TMPFS_MAGIC && mkdtemp(scratch);
    printf("# workspaces %s\n", has_scratch ? "in memory" : "on disk");
    if (argc == 1) {
        bench_throughput("share_of_bwrap", has_scratch ? scratch : NULL);
        bench_throughput("share_of_bwrap_on_disk", NULL);
    }
    bench_controller(most);
    aire_sandbox_unref(real);
    aire_env_unref(env);
    aire_ctx_unref(ctx);
    snprintf(remove, sizeof remove, "rm -rf %s %s", directory, has_scratch ? scratch : "");
    return system(remove) == 0 ? 0 : 1;
}
