/*
 * What a decision asks of a store, what it writes, and what opening and checking cost, as the
 * records grow. Times are medians. Writes are timed twice: as they are, each flushed to the disk,
 * and without the disk.
 *
 * usage: bench_store [DIRECTORY]
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "aire/error.h"
#include "store/internal.h"

enum { ROUNDS = 50, BEST = 10, EPOCH = 80, PARENTS = 100, RUNS = 200 };

/* Runs of ideas, an epoch of EPOCH ideas each, all finished and told. Parameter: how many. */
static const char *const fill_sql[] = {
    "INSERT INTO meta VALUES ('env.name', 'bench'), ('env.hash', 'bench')",
    "INSERT INTO plans (id, kind, epoch, count, submitted, closed, made_ms)"
    " WITH n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ?1 / 10)"
    " SELECT i, 1, i / 8, 10, 10, 1, 0 FROM n",
    "INSERT INTO ideas (id, plan_id, ordinal, title, text, changes, reasoning, origin, made_ms)"
    " WITH n (i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1)"
    " SELECT i + 1, i / 10 + 1, i % 10, 'title', hex(randomblob(200)), '', '', 'bench', 0 FROM n",
    "INSERT INTO runs (id, kind, idea_id, epoch, seed, priority, state, attempts, told, "
    "submitted_ms)"
    " SELECT id, 1, id, (plan_id) / 8, 1, 0, 2, 1, id, 0 FROM ideas WHERE ?1",
    "INSERT INTO results (run_id, kind, outcome, stage, cause, code, trust, attempts, reward,"
    " variant, detail, log_tail)"
    " SELECT id, 1, 0, 4, 0, 0, 2, 1, random() / 1e19, hex(randomblob(32)), '', "
    "hex(randomblob(500))"
    " FROM runs WHERE ?1",
    "INSERT INTO metrics SELECT run_id, 0, 'm', reward FROM results WHERE ?1",
    "INSERT INTO usage (run_id, ordinal, stage, wall_ms, user_ms, system_ms, max_rss_bytes)"
    " SELECT run_id, n.i, 3 + n.i, 1000, 900, 10, 1000000"
    " FROM results, (SELECT 0 AS i UNION ALL SELECT 1) n WHERE ?1",
    "INSERT INTO idea_parents SELECT id, 0, id - 20 FROM ideas WHERE id > 20 AND ?1",
    "INSERT INTO model_calls (at_ms, plan_id, idea_id, status, purpose, model, input_tokens,"
    " output_tokens, latency_ms, attempts, request, answer, detail)"
    " SELECT 0, plan_id, id, 0, 'implement', 'm', 3000 + id % 7, 500 + id % 5, 9000, 1,"
    " hex(randomblob(1000)), hex(randomblob(300)), '' FROM ideas WHERE ?1",
    "UPDATE model_totals SET (input_tokens, output_tokens) ="
    " (SELECT sum(input_tokens), sum(output_tokens) FROM model_calls)",
};

static void need(int status, const char *what)
{
    if (status < 0) {
        fprintf(stderr, "%s: %s\n", what, aire_error_message(aire_last_error()));
        exit(1);
    }
}

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void fill(const char *path, int64_t records)
{
    sqlite3 *db;
    if (sqlite3_open(path, &db) != SQLITE_OK || sqlite3_exec(db, "BEGIN", NULL, NULL, NULL))
        exit(1);
    for (size_t i = 0; i < sizeof fill_sql / sizeof *fill_sql; i++) {
        sqlite3_stmt *stmt = NULL;
        sqlite3_prepare_v2(db, fill_sql[i], -1, &stmt, NULL);
        if (sqlite3_bind_parameter_count(stmt) > 0)
            sqlite3_bind_int64(stmt, 1, records);
        if (sqlite3_step(stmt) != SQLITE_DONE) {
            fprintf(stderr, "%s: %s\n", fill_sql[i], sqlite3_errmsg(db));
            exit(1);
        }
        sqlite3_finalize(stmt);
    }
    sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    sqlite3_close(db);
}

/* ---- figures ---- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct subject {
    aire_ctx *ctx;
    aire_store *store;
    int64_t records;
    aire_results *best; /* PARENTS of them */
} subject;

typedef void (*measured)(subject *s);

/* The median time of a call. */
static double time_of(subject *s, measured fn, int rounds)
{
    double times[ROUNDS];
    for (int i = 0; i < rounds; i++) {
        double began = now_ms();
        fn(s);
        times[i] = now_ms() - began;
    }
    qsort(times, (size_t)rounds, sizeof *times, by_size);
    return times[rounds / 2];
}

static void print(const char *name, int64_t records, double ms, double goal)
{
    printf("BENCH store.%s_%lld value=%.3f", name, (long long)records, ms);
    if (goal > 0)
        printf(" goal=%.1f", goal);
    printf(" unit=ms");
    if (goal > 0)
        printf(" pass=%s", ms <= goal ? "yes" : "no");
    printf("\n");
    fflush(stdout);
}

/* ---- what a decision asks ---- */

static void ask_count(subject *s)
{
    aire_store_counts counts = {.struct_size = sizeof counts};
    need(aire_store_count(s->store, &counts), "count");
}

static void ask_epoch(subject *s)
{
    int64_t ideas, untold;
    need(aire__store_epoch(s->store, (int32_t)(s->records / EPOCH / 2), &ideas, &untold), "epoch");
}

static aire_results *best(subject *s, int64_t limit)
{
    aire_store_query query = AIRE_STORE_QUERY_INIT;
    aire_results *results;
    query.kind = AIRE_RUN_IDEA;
    query.order = AIRE_ORDER_REWARD;
    query.limit = limit;
    need(aire_store_results(s->store, &query, &results), "results");
    return results;
}

static void ask_best(subject *s)
{
    aire_results_unref(best(s, BEST));
}

static void ask_variant(subject *s)
{
    int64_t run;
    need(aire__store_find_variant(s->store, "no such variant", &run), "variant");
}

static void ask_waiting(subject *s)
{
    aire_run *runs;
    aire_results *untold;
    size_t count;
    need(aire__store_unfinished(s->store, &runs, &count), "unfinished");
    need(aire__store_untold(s->store, &untold), "untold");
    aire_free(s->ctx, runs);
    aire_results_unref(untold);
}

static void ask_all(subject *s)
{
    ask_count(s);
    ask_epoch(s);
    ask_best(s);
    ask_variant(s);
    ask_waiting(s);
}

static void measure_questions(subject *s)
{
    print("ask_count", s->records, time_of(s, ask_count, ROUNDS), 0.2);
    print("ask_epoch", s->records, time_of(s, ask_epoch, ROUNDS), 0.2);
    print("ask_best_10", s->records, time_of(s, ask_best, ROUNDS), 0.2);
    print("ask_variant", s->records, time_of(s, ask_variant, ROUNDS), 0.2);
    print("ask_waiting", s->records, time_of(s, ask_waiting, ROUNDS), 0.2);
    print("decision", s->records, time_of(s, ask_all, ROUNDS), 0.2);
}

/* ---- what it writes ---- */

static void add_plan(subject *s)
{
    aire_plan_options options = AIRE_PLAN_OPTIONS_INIT;
    aire_result *parents[PARENTS];
    aire_plan *plan;
    options.kind = AIRE_PLAN_EXPLOIT;
    options.epoch = (int32_t)(s->records / EPOCH) + 1;
    options.count = 10;
    options.parents = parents;
    options.parent_count = aire_results_count(s->best);
    for (size_t i = 0; i < options.parent_count; i++)
        parents[i] = aire_results_get(s->best, i);
    need(aire__store_add_plan(s->store, &options, &plan), "plan");
    aire_plan_unref(plan);
}

/* A run from its idea to the searcher: four transactions. */
static void run_once(subject *s)
{
    aire_idea_options idea_options = AIRE_IDEA_OPTIONS_INIT;
    aire_result_options options = AIRE_RESULT_OPTIONS_INIT;
    aire_idea *idea;
    aire_result *result;
    aire_run run;
    bool flag;
    idea_options.text = "Warm up longer";
    need(aire_idea_new(s->ctx, &idea_options, &idea), "idea");
    need(aire__store_submit(s->store, idea, AIRE_RUN_IDEA, 1, 0, &run, &flag), "submit");
    need(aire__store_run_begins(s->store, run.id, 1), "begin");
    options.run_id = run.id;
    options.kind = AIRE_RUN_IDEA;
    options.idea = run.idea;
    options.seed = 1;
    options.stage = AIRE_STAGE_EVALUATE;
    options.trust = AIRE_TRUST_EVALUATED;
    need(aire_result_new(s->ctx, &options, &result), "result");
    need(aire__store_finish(s->store, result), "finish");
    need(aire__store_tell(s->store, run.id, "state", &flag), "tell");
    aire_result_unref(result);
    aire__run_clear(&run);
    aire_idea_unref(idea);
}

static void measure_rate(subject *s, const char *name)
{
    double began = now_ms();
    for (int i = 0; i < RUNS; i++)
        run_once(s);
    printf("BENCH store.%s_%lld value=%.0f unit=runs/s\n", name, (long long)s->records,
           RUNS / (now_ms() - began) * 1e3);
    fflush(stdout);
}

/* Called before each write, when all is set that it goes by: it believes to be as it should be. */
static void leave_unsynced(const char *point, void *data)
{
    aire_store *store = data;
    store->synced = aire__store_write_is_synced(store->write);
}

static void measure_writes(subject *s)
{
    s->best = best(s, PARENTS);
    print("add_plan_synced", s->records, time_of(s, add_plan, 20), 0);
    measure_rate(s, "insert_synced");
    sqlite3_exec(s->store->db, "PRAGMA synchronous = OFF", NULL, NULL, NULL);
    aire__store_set_fault(s->store, leave_unsynced, s->store);
    print("add_plan", s->records, time_of(s, add_plan, 20), 0);
    measure_rate(s, "insert");
    aire__store_set_fault(s->store, NULL, NULL);
    aire_results_unref(s->best);
}

/* ---- opening and checking ---- */

static double open_once(subject *s, const char *path)
{
    double began = now_ms();
    need(aire_store_open(s->ctx, path, NULL, &s->store), path);
    return now_ms() - began;
}

static void measure_opening(subject *s, const char *path)
{
    char left[160];
    print("open", s->records, open_once(s, path), 50);
    aire_store_unref(s->store);
    snprintf(left, sizeof left, "%s-lock", path);
    fclose(fopen(left, "we")); /* as a killed process leaves it */
    print("open_after_kill", s->records, open_once(s, path), 0);
    double began = now_ms();
    need(aire_store_check(s->store), "check");
    print("check", s->records, now_ms() - began, 0);
}

/* What a host's searcher without a state is told again when it is made. */
static void measure_told(subject *s)
{
    aire_results *told;
    double began = now_ms();
    need(aire__store_told(s->store, &told), "told");
    print("read_all", s->records, now_ms() - began, 0);
    aire_results_unref(told);
}

static void measure(aire_ctx *ctx, const char *directory, int64_t records)
{
    char path[128];
    subject s = {.ctx = ctx, .records = records};
    snprintf(path, sizeof path, "%s/store%lld", directory, (long long)records);
    need(aire_store_open(ctx, path, NULL, &s.store), path);
    aire_store_unref(s.store);
    fill(path, records);
    measure_opening(&s, path);
    measure_questions(&s);
    measure_told(&s);
    measure_writes(&s);
    aire_store_unref(s.store);
}

int main(int argc, char **argv)
{
    static const int64_t sizes[] = {1000, 10000, 100000};
    char directory[100], remove[120];
    aire_ctx *ctx;
    snprintf(directory, sizeof directory, "%.70s/aire-bench-XXXXXX", argc > 1 ? argv[1] : "/tmp");
    if (!mkdtemp(directory))
        return 1;
    need(aire_ctx_new(NULL, &ctx), "context");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        measure(ctx, directory, sizes[i]);
    aire_ctx_unref(ctx);
    snprintf(remove, sizeof remove, "rm -rf '%s'", directory);
    return system(remove) == 0 ? 0 : 1;
}
