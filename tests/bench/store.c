/*
 * What a decision asks of a store, and what opening it costs, as the records grow.
 *
 * usage: bench_store
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "aire/error.h"
#include "store/store.h"

enum { ROUNDS = 50, BEST = 10, EPOCH = 80 };

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

/* What evolution and the executor ask for one decision, without the write itself. */
static void decide(aire_store *store, int64_t records)
{
    aire_store_query query = AIRE_STORE_QUERY_INIT;
    aire_results *best;
    int64_t ideas, untold, run;
    need(aire__store_epoch(store, (int32_t)(records / EPOCH), &ideas, &untold), "epoch");
    query.kind = AIRE_RUN_IDEA;
    query.order = AIRE_ORDER_REWARD;
    query.limit = BEST;
    need(aire_store_results(store, &query, &best), "results");
    aire_results_unref(best);
    need(aire__store_find_variant(store, "no such variant", &run), "variant");
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(aire_ctx *ctx, const char *directory, int64_t records)
{
    char path[128];
    aire_store *store;
    double times[ROUNDS];
    snprintf(path, sizeof path, "%s/store%lld", directory, (long long)records);
    need(aire_store_open(ctx, path, NULL, &store), path);
    aire_store_unref(store);
    fill(path, records);
    double began = now_ms();
    need(aire_store_open(ctx, path, NULL, &store), path);
    double opening = now_ms() - began;
    for (int i = 0; i < ROUNDS; i++) {
        began = now_ms();
        decide(store, records);
        times[i] = now_ms() - began;
    }
    qsort(times, ROUNDS, sizeof *times, by_size);
    double decision = times[ROUNDS / 2];
    printf("BENCH store.decision_%lld value=%.3f goal=0.2 unit=ms pass=%s\n", (long long)records,
           decision, decision <= 0.2 ? "yes" : "no");
    printf("BENCH store.open_%lld value=%.1f goal=50 unit=ms pass=%s\n", (long long)records,
           opening, opening <= 50 ? "yes" : "no");
    aire_results *told;
    began = now_ms();
    need(aire__store_told(store, &told), "told");
    printf("BENCH store.read_all_%lld value=%.0f unit=ms\n", (long long)records, now_ms() - began);
    aire_results_unref(told);
    aire_store_unref(store);
}

int main(void)
{
    static const int64_t sizes[] = {1000, 10000, 100000};
    char directory[] = "/tmp/aire-bench-XXXXXX", remove[64];
    aire_ctx *ctx;
    if (!mkdtemp(directory))
        return 1;
    need(aire_ctx_new(NULL, &ctx), "context");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        measure(ctx, directory, sizes[i]);
    aire_ctx_unref(ctx);
    snprintf(remove, sizeof remove, "rm -rf %s", directory);
    return system(remove) == 0 ? 0 : 1;
}
