/* The executor with local workers: making it, submitting, taking results, cancelling, stopping. */
#include "executor/local.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/str.h"
#include "base/thread.h"
#include "executor/conversation.h"

enum {
    WORKERS_MAX = 1024,
    CANDIDATES_MAX = 64,
    REVISIONS = 2, /* as in the paper */
    REPAIRS = 1,
    REPAIRS_MAX = 8,
    REPAIR_S = 10
};

/* ---- making it ---- */

/* 0 is the default, and -1 never. */
static int32_t or_default(int32_t given, int32_t fallback)
{
    return given < 0 ? 0 : given ? given : fallback;
}

static aire_status take_implementing(aire_implementing *how, const aire_executor_options *o)
{
    enum { FORMS = AIRE_FORM_UNIFIED | AIRE_FORM_BLOCKS | AIRE_FORM_FILES };
    const int32_t candidates = o->candidates ? o->candidates : 1, at_once = o->candidates_at_once;
    if (o->candidates < 0 || o->candidates > CANDIDATES_MAX || at_once < 0 || o->revisions < -1 ||
        o->revisions > AIRE_REVISIONS_MAX || o->repairs < -1 || o->repairs > REPAIRS_MAX ||
        o->repair_seconds < -1 || o->skip_smoke < 0 || o->skip_smoke > 1 || o->reserved)
        return aire__fail(
            AIRE_INVALID,
            "aire_executor_options: candidates must be from 0 to %d, candidates_at_once not "
            "negative, revisions from -1 to %d, repairs from -1 to %d, repair_seconds -1 or more, "
            "skip_smoke 0 or 1, reserved 0",
            CANDIDATES_MAX, AIRE_REVISIONS_MAX, REPAIRS_MAX);
    if (o->forms & ~(uint32_t)FORMS)
        return aire__fail(AIRE_INVALID, "aire_executor_options: forms has unknown bits");
    *how = (aire_implementing){
        .candidates = candidates,
        .at_once = at_once && at_once < candidates ? at_once : candidates,
        .revisions = or_default(o->revisions, REVISIONS),
        .repairs = o->slurm ? 0 : or_default(o->repairs, REPAIRS),
        .repair_ms =
            o->repair_seconds < 0 ? -1 : 1000 * (int64_t)or_default(o->repair_seconds, REPAIR_S),
        .forms = o->forms ? o->forms : AIRE_FORM_UNIFIED,
        .skips_smoke = o->skip_smoke};
    return AIRE_OK;
}

static aire_status take_options(aire_local *l, const aire_executor_options *o)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    if (o->workers < 0 || o->workers > WORKERS_MAX || o->max_attempts < 0)
        return aire__fail(
            AIRE_INVALID,
            "aire_executor_options: workers must be from 0 to %d, max_attempts not negative",
            WORKERS_MAX);
    l->slots = o->workers ? o->workers : cpus > 0 ? (int32_t)cpus : 1;
    l->max_attempts = o->max_attempts ? o->max_attempts : 3;
    l->progress = o->progress;
    l->progress_user_data = o->progress_user_data;
    l->output = o->output;
    l->output_user_data = o->output_user_data;
    l->shop.implementer = aire_model_ref(o->implementer);
    l->shop.checker = aire_model_ref(o->checker);
    aire_status status = take_implementing(&l->shop.how, o);
    if (status != AIRE_OK)
        return status;
    if (o->slurm && o->repairs > 0)
        aire_log(l->shop.ctx, AIRE_LOG_WARNING, "executor",
                 "repairs: runs on a cluster are not repaired");
    if (o->template_dir)
        status = aire__templates_load(l->shop.ctx, o->template_dir, &l->shop.templates);
    return status == AIRE_OK ? aire__resources_settle(l, o) : status;
}

/* Whether a name is one that we give to the directory of a try; `gone` to one that is on its way
 * out. */
static bool is_try_directory(const char *name, bool gone)
{
    const char *prefix = gone ? "gone-" : "run-", *rest = name + strlen(prefix);
    return aire__starts_with(name, prefix) && strspn(rest, "0123456789-") == strlen(rest);
}

/* A try whose result is durable, but whose files were not kept any more. */
static void rescue(aire_local *l, const char *name)
{
    long long run;
    int attempt, end = 0;
    if (l->keeper && sscanf(name, "run-%18lld-%9d%n", &run, &attempt, &end) == 2 && !name[end])
        aire__keeper_rescue(l->keeper, run, attempt);
}

/* What a process that was killed left behind. */
static aire_status clean_up(aire_local *l)
{
    const aire_workshop *shop = &l->shop;
    DIR *dir = opendir(shop->work_dir);
    aire_status status =
        dir ? AIRE_OK : aire__fail_errno(AIRE_IO, errno, "cannot open '%s'", shop->work_dir);
    for (struct dirent *entry; status == AIRE_OK && (entry = readdir(dir));) {
        bool gone = is_try_directory(entry->d_name, true);
        if (!gone && !is_try_directory(entry->d_name, false))
            continue;
        if (!gone)
            rescue(l, entry->d_name);
        char *path = aire__path_join(shop->ctx, shop->work_dir, entry->d_name);
        status = path ? aire__workspace_discard(shop, path) : aire__fail_nomem();
        aire_free(shop->ctx, path);
    }
    if (dir)
        closedir(dir);
    return status;
}

static aire_status make_work_dir(aire_local *l, const aire_executor_options *o)
{
    aire_ctx *ctx = l->shop.ctx;
    char *path = o->work_dir ? aire__strdup(ctx, o->work_dir)
                             : aire__asprintf(ctx, "%s.work", aire_store_path(l->store));
    aire_status status = path ? aire__fs_mkdirs(ctx, path, 0755) : aire__fail_nomem();
    if (status == AIRE_OK)
        status = aire__fs_real_path(ctx, path, &l->shop.work_dir);
    aire_free(ctx, path);
    l->shop.keep_workspaces = o->keep_workspaces;
    return status;
}

/* Tidy the work directory by the manifest's retention. */
static aire_status tidy(aire_local *l, const aire_executor_options *o)
{
    aire_status status = AIRE_OK;
    if (l->shop.keep_workspaces)
        return AIRE_OK;
    if (l->shop.env->retention.present)
        status = aire__keeper_new(&l->shop, l->store, &l->keeper);
    if (l->keeper && o->slurm)
        aire_log(l->shop.ctx, AIRE_LOG_WARNING, "executor",
                 "retention: nothing is kept of the files of runs on a cluster");
    return status == AIRE_OK ? clean_up(l) : status;
}

/* What an earlier executor left: unfinished runs are queued again, untold results are given again.
 */
static aire_status take_up(aire_local *l)
{
    aire_run *runs = NULL;
    aire_results *untold = NULL;
    size_t count = 0;
    aire_status status = aire__store_untold(l->store, &untold);
    for (size_t i = 0; status == AIRE_OK && i < aire_results_count(untold); i++) {
        aire_result *result = aire_result_ref(aire_results_get(untold, i));
        if (!aire__results_push(l, result)) {
            aire_result_unref(result);
            status = aire__fail_nomem();
        }
    }
    aire_results_unref(untold);
    if (status == AIRE_OK)
        status = aire__store_unfinished(l->store, &runs, &count);
    if (status == AIRE_OK && l->slurm)
        aire__slurm_sweep(l->slurm, runs, count);
    for (size_t i = 0; i < count; i++) {
        runs[i].attempts = 0; /* that the host died is not held against a run */
        if (status == AIRE_OK)
            status = aire__queue_add(l, &runs[i]);
        aire__run_clear(&runs[i]);
    }
    aire_free(l->shop.ctx, runs);
    return status;
}

/* Runs at once, and some more that are over and only have to be finished. */
static int32_t threads_wanted(const aire_local *l)
{
    enum { FINISHING_MAX = 4 };
    int32_t running = l->slots / l->need.cpus;
    return running + (running < FINISHING_MAX ? running : FINISHING_MAX);
}

/* Threads are started when there is something to do. With the lock held. */
static aire_status start_threads(aire_local *l)
{
    const int32_t wanted = threads_wanted(l);
    while (l->thread_count < wanted && (size_t)l->thread_count < l->schedule.count) {
        aire_status status =
            aire__thread_start(&l->threads[l->thread_count], "aire-executor", aire__worker_main, l);
        if (status != AIRE_OK)
            return l->thread_count > 0 ? AIRE_OK : status; /* fewer threads do, too */
        l->thread_count++;
    }
    return AIRE_OK;
}

static aire_status make_stopper(aire_local *l)
{
    const aire_env_stream_rule *rule = &l->shop.env->stream;
    const aire_stop_options options = {.rule = rule->stop == AIRE_ENV_STOP_MEDIAN ? AIRE_STOP_MEDIAN
                                                                                  : AIRE_STOP_ASHA,
                                       .minimize = rule->minimize,
                                       .min_step = rule->min_step,
                                       .min_runs = rule->min_runs,
                                       .eta = rule->eta};
    if (rule->stop == AIRE_ENV_STOP_NEVER)
        return AIRE_OK;
    return aire__stopper_new(l->shop.ctx, &options, &l->stopper);
}

/* Runs of a store are known to the cluster by where the store is. */
static aire_status make_slurm(aire_local *l, const aire_slurm_options *options)
{
    aire_sha256 hash;
    char identity[65], *store;
    aire_status status = aire__fs_real_path(l->shop.ctx, aire_store_path(l->store), &store);
    if (status != AIRE_OK)
        return status;
    aire__sha256_init(&hash);
    aire__sha256_field(&hash, store, strlen(store));
    aire__sha256_hex(&hash, identity);
    identity[12] = '\0';
    aire_free(l->shop.ctx, store);
    return aire__slurm_new(&l->shop, options, identity, &l->slurm);
}

static aire_status set_up(aire_local *l, const aire_executor_options *options)
{
    aire_status status = aire__store_bind_env(l->store, l->shop.env->name, l->shop.env->hash);
    if (status == AIRE_OK)
        status = aire__workshop_sources(&l->shop);
    if (status == AIRE_OK)
        status = make_work_dir(l, options);
    if (status == AIRE_OK)
        status = tidy(l, options);
    if (status == AIRE_OK)
        status = take_options(l, options);
    if (status == AIRE_OK)
        status = make_stopper(l);
    if (status == AIRE_OK && options->slurm)
        status = make_slurm(l, options->slurm);
    if (status != AIRE_OK)
        return status;
    l->threads = aire__calloc(l->shop.ctx, (size_t)threads_wanted(l), sizeof *l->threads);
    if (!l->threads)
        return aire__fail_nomem();
    pthread_mutex_lock(&l->lock);
    status = take_up(l);
    if (status == AIRE_OK)
        status = start_threads(l);
    pthread_mutex_unlock(&l->lock);
    return status;
}

aire_status aire__local_new(aire_ctx *ctx, aire_env *env, aire_sandbox *sandbox, aire_store *store,
                            const aire_executor_options *options, aire_local **out)
{
    if (aire__store_is_read_only(store))
        return aire__fail(AIRE_STATE, "aire_executor_new: '%s' is open for reading only",
                          aire_store_path(store));
    aire_local *l = aire__calloc(ctx, 1, sizeof *l);
    if (!l)
        return aire__fail_nomem();
    l->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    l->idle_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->fd < 0 || l->idle_fd < 0) {
        int errnum = errno;
        if (l->fd >= 0)
            close(l->fd);
        aire_free(ctx, l);
        return aire__fail_errno(AIRE_IO, errnum, "aire_executor_new: no descriptor left");
    }
    l->shop = (aire_workshop){
        .ctx = aire_ctx_ref(ctx), .env = aire_env_ref(env), .sandbox = aire_sandbox_ref(sandbox)};
    l->store = l->shop.store = aire_store_ref(store);
    pthread_mutex_init(&l->submitting, NULL);
    pthread_mutex_init(&l->lock, NULL);
    aire__cond_init(&l->work);
    aire__cond_init(&l->done);
    aire__cond_init(&l->turn);
    aire__signal_update(l);
    aire_status status = set_up(l, options);
    if (status != AIRE_OK)
        aire__local_free(l);
    else
        *out = l;
    return status;
}

/* ---- stopping ---- */

static void stop(aire_local *l)
{
    pthread_mutex_lock(&l->lock);
    l->stopping = true;
    for (aire_job *job = aire__queue_first(l); job; job = aire__queue_after(job))
        aire_cancel_fire(job->cancel);
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->lock);
    for (int32_t i = 0; i < l->thread_count; i++)
        pthread_join(l->threads[i], NULL);
}

void aire__local_free(void *local)
{
    aire_local *l = local;
    aire_ctx *ctx = l->shop.ctx;
    stop(l);
    while (aire__queue_first(l))
        aire__queue_remove(l, aire__queue_first(l));
    for (size_t i = 0; i < l->result_count; i++)
        aire_result_unref(l->results[i]);
    close(l->fd);
    close(l->idle_fd);
    pthread_mutex_destroy(&l->submitting);
    pthread_mutex_destroy(&l->lock);
    pthread_cond_destroy(&l->work);
    pthread_cond_destroy(&l->done);
    pthread_cond_destroy(&l->turn);
    aire__stopper_free(l->stopper);
    aire__slurm_free(l->slurm);
    aire__keeper_free(l->keeper);
    aire_free(ctx, l->results);
    aire_free(ctx, l->threads);
    aire_free(ctx, l->failure);
    aire_free(ctx, l->shop.sources);
    aire__templates_free(l->shop.templates);
    if (l->shop.work_dir && !l->shop.keep_workspaces)
        rmdir(l->shop.work_dir); /* if nothing is left in it */
    aire_free(ctx, l->shop.work_dir);
    aire_model_unref(l->shop.implementer);
    aire_model_unref(l->shop.checker);
    aire_sandbox_unref(l->shop.sandbox);
    aire_store_unref(l->store);
    aire_env_unref(l->shop.env);
    aire_free(ctx, l);
    aire_ctx_unref(ctx);
}

/* ---- submitting ---- */

static aire_status check_going(aire_local *l)
{
    pthread_mutex_lock(&l->lock);
    aire_status status =
        l->stopping ? aire__fail(AIRE_STATE, "aire_executor_submit: the executor has stopped%s%s",
                                 l->failure ? ": " : "", l->failure ? l->failure : "")
                    : AIRE_OK;
    pthread_mutex_unlock(&l->lock);
    return status;
}

static aire_status enqueue(aire_local *l, aire_run *run)
{
    pthread_mutex_lock(&l->lock);
    aire_status status = aire__queue_add(l, run);
    if (status == AIRE_OK)
        status = start_threads(l);
    pthread_mutex_unlock(&l->lock);
    return status;
}

aire_status aire__local_submit(aire_idea *idea, const aire_submit_options *options, int64_t *run_id,
                               void *local)
{
    aire_local *l = local;
    aire_run run = {0};
    bool is_new = false;
    int32_t kind = !idea ? AIRE_RUN_BASELINE : options->kind ? options->kind : AIRE_RUN_IDEA;
    if (idea && kind != AIRE_RUN_IDEA && kind != AIRE_RUN_CONFIRM)
        return aire__fail(
            AIRE_INVALID,
            "aire_executor_submit: with an idea the kind is AIRE_RUN_IDEA or AIRE_RUN_CONFIRM");
    if (!idea && options->kind && options->kind != AIRE_RUN_BASELINE)
        return aire__fail(AIRE_INVALID,
                          "aire_executor_submit: without an idea the kind is AIRE_RUN_BASELINE");
    uint64_t seed = options->seed ? options->seed : l->shop.env->seed;

    pthread_mutex_lock(&l->submitting);
    aire_status status = check_going(l);
    if (status == AIRE_OK)
        status = aire__store_submit(l->store, idea, kind, seed,
                                    options->priority + l->shop.env->priority, &run, &is_new);
    if (status == AIRE_OK && run_id)
        *run_id = run.id;
    if (status == AIRE_OK && is_new)
        status = enqueue(l, &run);
    pthread_mutex_unlock(&l->submitting);
    aire__run_clear(&run);
    return status;
}

/* ---- taking results ---- */

static aire_result *pop_result(aire_local *l)
{
    aire_result *result = l->results[0];
    memmove(l->results, l->results + 1, --l->result_count * sizeof *l->results);
    aire__signal_update(l);
    return result;
}

aire_status aire__local_next(int32_t timeout_ms, aire_result **out, void *local)
{
    aire_local *l = local;
    int64_t deadline = aire__deadline_ns(timeout_ms);
    aire_status status = AIRE_TIMEOUT;
    pthread_mutex_lock(&l->lock);
    for (bool waited = false;; waited = true) {
        aire__progress_deliver(l);
        if (l->result_count > 0) {
            *out = pop_result(l);
            status = AIRE_OK;
            break;
        }
        if (l->failure) {
            status = aire__fail(AIRE_IO, "the executor has stopped: %s", l->failure);
            break;
        }
        if (l->schedule.count == 0) {
            status = AIRE_EMPTY;
            break;
        }
        if ((waited || timeout_ms == 0) && deadline >= 0 && aire__monotonic_ns() >= deadline)
            break;
        aire__cond_wait_until(&l->done, &l->lock, deadline);
    }
    pthread_mutex_unlock(&l->lock);
    return status;
}

int32_t aire__local_fd(void *local)
{
    return ((aire_local *)local)->fd;
}

size_t aire__local_pending(void *local)
{
    aire_local *l = local;
    pthread_mutex_lock(&l->lock);
    size_t count = l->schedule.count;
    pthread_mutex_unlock(&l->lock);
    return count;
}

aire_status aire__local_wait(int32_t timeout_ms, aire_cancel *cancel, void *local)
{
    aire_local *l = local;
    int64_t deadline = aire__deadline_ns(timeout_ms);
    for (;;) {
        struct pollfd fds[2] = {{l->idle_fd, POLLIN, 0}, {aire_cancel_fd(cancel), POLLIN, 0}};
        int64_t left = deadline < 0 ? -1 : (deadline - aire__monotonic_ns() + 999999) / 1000000;
        int ready = poll(fds, 2, deadline < 0 ? -1 : left > 0 ? (int)left : 0);
        if (ready == 0)
            return AIRE_TIMEOUT;
        if (fds[0].revents & POLLIN)
            return AIRE_OK;
        if (ready > 0 && fds[1].revents)
            return aire__fail(AIRE_CANCELLED, "gave up waiting for the executor");
    }
}

/* ---- cancelling ---- */

/* A job that has not begun is finished here; a running one is told. With the lock held. */
static aire_status cancel_job(aire_local *l, aire_job *job)
{
    aire_cancel_fire(job->cancel);
    if (job->running)
        return AIRE_OK;
    job->running = true;
    job->task.held = true; /* no worker takes it meanwhile */
    pthread_mutex_unlock(&l->lock);
    aire_result *result = NULL;
    aire_status status = aire__finish_cancelled(l, &job->run, &result);
    pthread_mutex_lock(&l->lock);
    aire__queue_finish(l, job, result);
    return status;
}

static aire_job *first_uncancelled(aire_local *l)
{
    aire_job *job = aire__queue_first(l);
    while (job && aire_cancel_fired(job->cancel))
        job = aire__queue_after(job);
    return job;
}

aire_status aire__local_cancel(int64_t run_id, void *local)
{
    aire_local *l = local;
    aire_status status = AIRE_OK;
    pthread_mutex_lock(&l->lock);
    if (run_id) {
        aire_job *job = aire__queue_find(l, run_id);
        status = job ? cancel_job(l, job)
                     : aire__fail(AIRE_NOT_FOUND, "run %lld is neither queued nor running",
                                  (long long)run_id);
    }
    /* From the beginning each time: the list may change while a job is finished. */
    for (aire_job *job; !run_id && status == AIRE_OK && (job = first_uncancelled(l));)
        status = cancel_job(l, job);
    pthread_mutex_unlock(&l->lock);
    return status;
}
