/*
 * What a searcher itself spends on an evaluation (its part of an ask, and a tell) and on being
 * made, as the records in the store grow. Processor time, with writes that do not wait for the
 * disk.
 *
 * usage: bench_searcher [RECORDS]      up to so many; default 10000
 */
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "aire/searcher.h"
#include "bench.h"
#include "store/fault.h"
#include "store/internal.h"

/* Fewer parents than an epoch has ideas: a plan is as large in the first epochs as in the last. */
enum {
    PARENTS = 40,
    EPOCH = 80,
    WINDOW = 4 * EPOCH,
    LOG_TAIL = 1000,
    RECORDS_MAX = 10000,
    RECORDS_ALL = 1 << 24
};

static aire_ctx *ctx;
static char directory[] = "/tmp/aire-bench-XXXXXX";

typedef struct search {
    aire_store *store;
    aire_searcher *searcher;
    bool evolves; /* else it is best of N */
    int told;
    double asking, telling; /* ms */
} search;

/* Called before each write, when all is set that it goes by: it believes to be as it should be. */
static void leave_unsynced(const char *point, void *data)
{
    aire_store *store = data;
    store->synced = aire__store_write_is_synced(store->write);
}

static void open_store(search *s, const char *name)
{
    char path[100];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    need(aire_store_open(ctx, path, NULL, &s->store));
    sqlite3_exec(s->store->db, "PRAGMA synchronous = OFF", NULL, NULL, NULL);
    aire__store_set_fault(s->store, leave_unsynced, s->store);
}

static aire_searcher *open_searcher(search *s)
{
    aire_searcher *searcher;
    aire_searcher_evolution_options evolution = AIRE_SEARCHER_EVOLUTION_OPTIONS_INIT;
    aire_searcher_best_of_n_options best_of_n = AIRE_SEARCHER_BEST_OF_N_OPTIONS_INIT;
    evolution.epoch_size = EPOCH;
    evolution.exploit_sample = evolution.explore_sample = PARENTS;
    evolution.epochs = RECORDS_ALL / EPOCH;
    best_of_n.count = RECORDS_ALL;
    if (s->evolves)
        need(aire_searcher_evolution_new(ctx, s->store, &evolution, &searcher));
    else
        need(aire_searcher_best_of_n_new(ctx, s->store, &best_of_n, &searcher));
    return searcher;
}

/* ---- one evaluation, without an executor ---- */

static aire_result *finish(search *s, const aire_run *run)
{
    char tail[LOG_TAIL + 1];
    aire_result_options options = AIRE_RESULT_OPTIONS_INIT;
    aire_result *result;
    memset(tail, '.', LOG_TAIL);
    tail[LOG_TAIL] = '\0';
    options.run_id = run->id;
    options.kind = run->kind;
    options.idea = run->idea;
    options.seed = run->seed;
    options.stage = AIRE_STAGE_EVALUATE;
    options.trust = AIRE_TRUST_EVALUATED;
    options.reward = run->idea ? (double)((uint32_t)run->id * 2654435761u % 1000) : -1;
    options.log_tail = tail;
    need(aire_result_new(ctx, &options, &result));
    need(aire__store_finish(s->store, result));
    return result;
}

/* A run of an idea, or of the baseline, to its end. */
static aire_result *run_once(search *s, aire_idea *idea)
{
    aire_run run;
    bool is_new;
    int32_t kind = idea ? AIRE_RUN_IDEA : AIRE_RUN_BASELINE;
    need(aire__store_submit(s->store, idea, kind, 1, 0, &run, &is_new));
    need(aire__store_run_begins(s->store, run.id, 1));
    aire_result *result = finish(s, &run);
    aire__run_clear(&run);
    return result;
}

static void tell(search *s, aire_result *result)
{
    double cpu = own_cpu_ms();
    need(aire_searcher_tell(s->searcher, result));
    s->telling += own_cpu_ms() - cpu;
    aire_result_unref(result);
}

static void answer(search *s, aire_plan *plan)
{
    aire_result *results[EPOCH];
    for (int32_t i = 0; i < aire_plan_count(plan); i++) {
        aire_idea_options options = AIRE_IDEA_OPTIONS_INIT;
        aire_idea *idea;
        options.plan = plan;
        options.ordinal = i;
        options.text = "An idea of a host, in a sentence that says what changes, and why that "
                       "should be worth the time it takes to try.";
        need(aire_idea_new(ctx, &options, &idea));
        results[i] = run_once(s, idea);
        aire_idea_unref(idea);
    }
    for (int32_t i = 0; i < aire_plan_count(plan); i++, s->told++)
        tell(s, results[i]);
}

static void go_on(search *s, int until)
{
    while (s->told < until) {
        aire_plan *plan;
        double cpu = own_cpu_ms();
        need(aire_searcher_ask(s->searcher, &plan));
        s->asking += own_cpu_ms() - cpu;
        answer(s, plan);
        aire_plan_unref(plan);
    }
}

/* ---- figures ---- */

/* Another one, so that the first goes on with what it has. */
static void measure_opening(search *s, const char *name)
{
    double cpu = own_cpu_ms();
    aire_searcher_unref(open_searcher(s));
    printf("BENCH searcher.%s_open_%d value=%.3f unit=ms\n", name, s->told, own_cpu_ms() - cpu);
}

static double measure(search *s, const char *name, int records)
{
    go_on(s, records);
    s->asking = s->telling = 0;
    int first = s->told;
    go_on(s, first + WINDOW);
    double ask = s->asking * 1e3 / (s->told - first), tell = s->telling * 1e3 / (s->told - first);
    printf("BENCH searcher.%s_%d value=%.1f unit=us_per_evaluation ask=%.1f tell=%.1f\n", name,
           records, ask + tell, ask, tell);
    fflush(stdout);
    return ask + tell;
}

static void bench(const char *name, bool evolves, int most)
{
    search s = {.evolves = evolves};
    double first = 0, last = 0;
    open_store(&s, name);
    s.searcher = open_searcher(&s);
    tell(&s, run_once(&s, NULL));
    for (int records = 100; records <= most; records *= 10) {
        last = measure(&s, name, records);
        first = first > 0 ? first : last;
        measure_opening(&s, name);
    }
    printf("BENCH searcher.%s_growth value=%.2f unit=ratio from=100 to=%d\n", name, last / first,
           most);
    aire_searcher_unref(s.searcher);
    aire_store_unref(s.store);
}

int main(int argc, char **argv)
{
    char remove[80];
    int most = argc > 1 ? atoi(argv[1]) : RECORDS_MAX;
    if (most < 100 || !mkdtemp(directory))
        return 2;
    need(aire_ctx_new(NULL, &ctx));
    bench("evolution", true, most);
    if (most <= RECORDS_MAX)
        bench("best_of_n", false, most);
    aire_ctx_unref(ctx);
    snprintf(remove, sizeof remove, "rm -rf %s", directory);
    return system(remove) == 0 ? 0 : 1;
}
