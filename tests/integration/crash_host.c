/*
 * A host program that may be killed at any moment and simply run again: a whole small search on the
 * environment examples/envs/shell, with the real sandbox.
 *
 * usage: crash_host ENVIRONMENT STORE [POINT NTH]     with POINT it kills itself at the NTH passing
 * of that write point crash_host --points                          the names of all write points
 *
 * With CRASH_SLURM, a directory, in the environment the runs are jobs of a Slurm cluster; its
 * configuration is CRASH_SLURM_CONF, and the program aire-job AIRE_JOB.
 *
 * When the search is done it prints a line for each finished run: kind, plan, ordinal, outcome,
 * reward, variant; and exits with 0.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aire/aire.h"
#include "store/fault.h"

typedef struct host {
    aire_ctx *ctx;
    aire_env *env;
    aire_store *store;
    aire_sandbox *sandbox;
    aire_ideator *ideator;
    aire_executor *executor;
    aire_searcher *searcher;
    const char *point;
    int left; /* passings until it dies */
} host;

static void die_at(const char *point, void *data)
{
    host *h = data;
    if (h->point && !strcmp(point, h->point) && --h->left == 0)
        raise(SIGKILL);
}

static aire_status open_all(host *h, const char *env, const char *store)
{
    aire_sandbox_options sandbox = AIRE_SANDBOX_OPTIONS_INIT;
    aire_executor_options executor = AIRE_EXECUTOR_OPTIONS_INIT;
    aire_slurm_options slurm = AIRE_SLURM_OPTIONS_INIT;
    aire_searcher_evolution_options search = AIRE_SEARCHER_EVOLUTION_OPTIONS_INIT;
    sandbox.worker_path = getenv("AIRE_WORKER");
    executor.workers = 2;
    if (getenv("CRASH_SLURM")) {
        slurm.directory = getenv("CRASH_SLURM");
        slurm.conf_path = getenv("CRASH_SLURM_CONF");
        slurm.job_path = getenv("AIRE_JOB");
        slurm.worker_path = getenv("AIRE_WORKER");
        slurm.poll_ms = 100;
        executor.workers = 4;
        executor.slurm = &slurm;
    }
    search.epochs = 2;
    search.epoch_size = 6;
    search.batch = 3;
    aire_status status = aire_ctx_new(NULL, &h->ctx);
    if (status == AIRE_OK)
        status = aire_env_open(h->ctx, env, NULL, &h->env);
    if (status == AIRE_OK)
        status = aire__store_open(h->ctx, store, NULL, die_at, h, &h->store);
    if (status == AIRE_OK)
        status = aire_sandbox_new(h->ctx, &sandbox, &h->sandbox);
    if (status == AIRE_UNSUPPORTED && executor.slurm)
        status = AIRE_OK; /* each node has its own */
    if (status == AIRE_OK)
        status = aire_ideator_knobs_new(h->ctx, h->env, NULL, &h->ideator);
    if (status == AIRE_OK)
        status = aire_executor_new(h->ctx, h->env, h->sandbox, h->store, &executor, &h->executor);
    if (status == AIRE_OK)
        status = aire_searcher_evolution_new(h->ctx, h->store, &search, &h->searcher);
    return status;
}

static aire_status drain(host *h)
{
    aire_result *result = NULL;
    aire_status status;
    while ((status = aire_executor_next(h->executor, -1, &result)) == AIRE_OK) {
        status = aire_searcher_tell(h->searcher, result);
        aire_result_unref(result);
        if (status != AIRE_OK)
            return status;
    }
    return status == AIRE_EMPTY ? AIRE_OK : status;
}

static aire_status submit(host *h, aire_plan *plan)
{
    aire_ideas *ideas = NULL;
    aire_status status = aire_ideator_propose(h->ideator, plan, NULL, &ideas);
    if (status == AIRE_EMPTY)
        return aire_searcher_abandon(h->searcher, plan);
    for (size_t i = 0; status == AIRE_OK && i < aire_ideas_count(ideas); i++)
        status = aire_executor_submit(h->executor, aire_ideas_get(ideas, i), NULL, NULL);
    aire_ideas_unref(ideas);
    return status;
}

static aire_status search(host *h)
{
    aire_status status = aire_executor_submit(h->executor, NULL, NULL, NULL);
    while (status == AIRE_OK) {
        aire_plan *plan = NULL;
        status = drain(h);
        if (status == AIRE_OK)
            status = aire_searcher_ask(h->searcher, &plan);
        if (status == AIRE_OK)
            status = submit(h, plan);
        aire_plan_unref(plan);
    }
    return status;
}

static aire_status print_results(host *h)
{
    aire_results *results = NULL;
    aire_status status = aire_store_results(h->store, NULL, &results);
    for (size_t i = 0; i < aire_results_count(results); i++) {
        aire_result *result = aire_results_get(results, i);
        aire_plan *plan = aire_result_plan(result);
        double reward = 0;
        bool rewarded = aire_result_reward(result, &reward) == AIRE_OK;
        printf("%s plan %lld ordinal %d: %s %s%g %.12s\n",
               aire_run_kind_name(aire_result_kind(result)),
               plan ? (long long)aire_plan_id(plan) : 0LL,
               plan ? aire_idea_ordinal(aire_result_idea(result)) : 0,
               aire_outcome_name(aire_result_outcome(result)), rewarded ? "" : "none ", reward,
               aire_result_variant(result));
    }
    aire_results_unref(results);
    return status;
}

int main(int argc, char **argv)
{
    host h = {0};
    if (argc == 2 && !strcmp(argv[1], "--points")) {
        for (size_t i = 0; aire__store_fault_point(i); i++)
            puts(aire__store_fault_point(i));
        return 0;
    }
    if (argc != 3 && argc != 5)
        return 2;
    h.point = argc == 5 ? argv[3] : NULL;
    h.left = argc == 5 ? atoi(argv[4]) : 0;
    aire_status status = open_all(&h, argv[1], argv[2]);
    if (status == AIRE_OK)
        status = search(&h);
    if (status == AIRE_DONE)
        status = print_results(&h);
    if (status != AIRE_OK)
        fprintf(stderr, "crash_host: %s: %s\n", aire_status_name(status),
                aire_error_message(aire_last_error()));
    aire_executor_unref(h.executor);
    aire_searcher_unref(h.searcher);
    aire_ideator_unref(h.ideator);
    aire_sandbox_unref(h.sandbox);
    aire_store_unref(h.store);
    aire_env_unref(h.env);
    aire_ctx_unref(h.ctx);
    return status == AIRE_OK ? 0 : status == AIRE_UNSUPPORTED ? 77 : 1;
}
