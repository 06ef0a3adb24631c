#include "executor/slurm.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/options.h"
#include "base/str.h"
#include "base/thread.h"
#include "sandbox/engine.h"

enum { ARGUMENTS_MAX = 48, MARGIN_S = 300, MARGIN_MB = 512, DEFAULT_MB = 4096 };
enum {
    LATE_POLLS = 3,
    LATE_MAX_MS = 60000,
    LOCK_MAX_MS = 120000,
    LOCK_PAUSE_US = 20000,
    TRIES = 3
};

struct aire_slurm {
    const aire_workshop *shop; /* of the executor, which outlives this */
    aire_slurm_queue *queue;
    char *directory; /* of all runs of this store */
    char *identity;
    char *job_path, *worker_path;
    char **arguments; /* of sbatch, the same for each run; ends in NULL */
    size_t argument_count;
    int32_t poll_ms;
};

aire_status aire_slurm_options_init(aire_slurm_options *options, size_t size)
{
    return aire__options_init(options, size, sizeof *options, sizeof *options,
                              "aire_slurm_options");
}

/* ---- making it ---- */

static aire_status add_argument(aire_slurm *s, char *argument)
{
    if (!argument)
        return aire__fail_nomem();
    if (s->argument_count == ARGUMENTS_MAX) {
        aire_free(s->shop->ctx, argument);
        return aire__fail(AIRE_LIMIT, "aire_slurm_options: too many arguments");
    }
    s->arguments[s->argument_count++] = argument;
    return AIRE_OK;
}

/* What each job asks for, by the manifest: the most that a stage wants, for as long as all of them
 * may take. */
static aire_status add_needs(aire_slurm *s)
{
    aire_ctx *ctx = s->shop->ctx;
    aire_resources need = aire__needs_of(s->shop->env);
    int64_t wall_ms = 0;
    for (int stage = AIRE_STAGE_BUILD; stage <= AIRE_STAGE_EVALUATE; stage++)
        if (s->shop->env->steps[stage].present)
            wall_ms += s->shop->env->steps[stage].limits.wall_ms;
    long long minutes = (wall_ms / 1000 + MARGIN_S + 59) / 60;
    long long megabytes = (need.memory_bytes ? need.memory_bytes >> 20 : DEFAULT_MB) + MARGIN_MB;
    aire_status status = add_argument(s, aire__asprintf(ctx, "--time=%lld", minutes));
    if (status == AIRE_OK)
        status = add_argument(s, aire__asprintf(ctx, "--mem=%lldM", megabytes));
    if (status == AIRE_OK)
        status = add_argument(s, aire__asprintf(ctx, "--cpus-per-task=%d", (int)need.cpus));
    if (status == AIRE_OK && need.gpus > 0)
        status = add_argument(s, aire__asprintf(ctx, "--gres=gpu:%d", (int)need.gpus));
    return status;
}

static aire_status add_wishes(aire_slurm *s, const aire_slurm_options *o)
{
    aire_ctx *ctx = s->shop->ctx;
    const struct {
        const char *name, *value;
    } rows[] = {{"partition", o->partition}, {"account", o->account}, {"qos", o->qos}};
    aire_status status = add_argument(s, aire__strdup(ctx, "--no-requeue"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows && status == AIRE_OK; i++)
        if (rows[i].value)
            status = add_argument(s, aire__asprintf(ctx, "--%s=%s", rows[i].name, rows[i].value));
    for (size_t i = 0; o->arguments && o->arguments[i] && status == AIRE_OK; i++)
        status = add_argument(s, aire__strdup(ctx, o->arguments[i]));
    return status;
}

/* ---- submissions of a killed controller ---- */

/* The lock that each sbatch holds, shared. -1 where the file system has no locks: then there is
 * nothing to wait for, and nothing to be held. */
static int open_lock(const aire_slurm *s, int operation)
{
    char *path = aire__path_join(s->shop->ctx, s->directory, "submit.lock");
    int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
    aire_free(s->shop->ctx, path);
    if (fd >= 0 && flock(fd, operation) != 0) {
        int errnum = errno;
        close(fd);
        errno = errnum;
        return -1;
    }
    return fd;
}

/* Wait for them: what they submit would not be seen yet, and be submitted twice. */
static aire_status await_submissions(const aire_slurm *s)
{
    int64_t deadline = aire__deadline_ns(LOCK_MAX_MS);
    int fd;
    while ((fd = open_lock(s, LOCK_EX | LOCK_NB)) < 0 && errno == EWOULDBLOCK) {
        if (aire__monotonic_ns() > deadline)
            return aire__fail(AIRE_BUSY,
                              "'%s/submit.lock' is held: an sbatch of an earlier controller hangs. "
                              "End it, and start again",
                              s->directory);
        usleep(LOCK_PAUSE_US);
    }
    if (fd >= 0)
        close(fd);
    return AIRE_OK;
}

aire_status aire__slurm_new(const aire_workshop *shop, const aire_slurm_options *options,
                            const char *identity, aire_slurm **out)
{
    aire_ctx *ctx = shop->ctx;
    aire_slurm_options o;
    aire_status status = aire__options_take(options, &o, sizeof o, sizeof o, "aire_slurm_options");
    if (status != AIRE_OK)
        return status;
    if (!o.directory || o.directory[0] != '/' || strpbrk(o.directory, "'%\\\n"))
        return aire__fail(AIRE_INVALID, "aire_slurm_options: directory must be an absolute path "
                                        "that all nodes see, without ' %% \\ or a line's end");
    aire_slurm *s = aire__calloc(ctx, 1, sizeof *s);
    if (!s)
        return aire__fail_nomem();
    s->shop = shop;
    s->poll_ms = o.poll_ms > 0 ? o.poll_ms : 2000;
    s->arguments = aire__calloc(ctx, ARGUMENTS_MAX + 1, sizeof *s->arguments);
    s->identity = aire__strdup(ctx, identity);
    s->directory = aire__asprintf(ctx, "%s/%s", o.directory, identity);
    if (!s->arguments || !s->identity || !s->directory)
        status = aire__fail_nomem();
    if (status == AIRE_OK)
        status = aire__fs_mkdirs(ctx, s->directory, 0700);
    if (status == AIRE_OK)
        status = await_submissions(s);
    if (status == AIRE_OK)
        status = aire__program_find(ctx, o.job_path, "aire-job", "aire_slurm_options.job_path",
                                    &s->job_path);
    if (status == AIRE_OK)
        status = aire__program_find(ctx, o.worker_path, "aire-worker",
                                    "aire_slurm_options.worker_path", &s->worker_path);
    if (status == AIRE_OK)
        status = aire__slurm_queue_new(ctx, &o, &s->queue);
    if (status == AIRE_OK)
        status = add_needs(s);
    if (status == AIRE_OK)
        status = add_wishes(s, &o);
    if (status != AIRE_OK)
        aire__slurm_free(s);
    else
        *out = s;
    return status;
}

void aire__slurm_free(aire_slurm *s)
{
    if (!s)
        return;
    aire_ctx *ctx = s->shop->ctx;
    for (size_t i = 0; i < s->argument_count; i++)
        aire_free(ctx, s->arguments[i]);
    aire__slurm_queue_free(s->queue);
    aire_free(ctx, s->arguments);
    aire_free(ctx, s->directory);
    aire_free(ctx, s->identity);
    aire_free(ctx, s->job_path);
    aire_free(ctx, s->worker_path);
    aire_free(ctx, s);
}

/* ---- one run's directory ---- */

/* A run on its way through the cluster. */
typedef struct trip {
    aire_try *t;
    aire_slurm *s;
    char *directory, *result;
    char name[160]; /* of the job */
    int64_t id;     /* 0: none was submitted */
    int64_t since_ns;
} trip;

static aire_status write_file(const trip *p, const char *name, const char *text, size_t length)
{
    aire_ctx *ctx = p->s->shop->ctx;
    char *path = aire__path_join(ctx, p->directory, name);
    aire_status status = path ? aire__fs_write(ctx, path, text, length, 0600) : aire__fail_nomem();
    aire_free(ctx, path);
    return status;
}

/* Text of a file of the run's; NULL if there is none. */
static char *read_file(const trip *p, const char *name)
{
    aire_ctx *ctx = p->s->shop->ctx;
    char *path = aire__path_join(ctx, p->directory, name), *text = NULL;
    size_t length;
    if (path && aire__fs_read(ctx, path, AIRE_JOB_FILE_MAX, &text, &length) != AIRE_OK)
        text = NULL;
    aire_free(ctx, path);
    return text;
}

static json_t *variables_of(const aire_env *env)
{
    json_t *list = json_array();
    for (size_t i = 0; list && env->variables && env->variables[i]; i++)
        if (json_array_append_new(list, json_string(env->variables[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

/* What is to be done; the same for the same run, so that it tells whether a directory is ours. */
static aire_status make_spec(const trip *p, char **out)
{
    const aire_try *t = p->t;
    const aire_env *env = t->shop->env;
    char seed[32];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)t->run->seed);
    json_t *spec = json_pack("{s:i, s:I, s:s, s:s, s:s, s:s, s:s, s:o}", "aire_job", 1, "run",
                             (json_int_t)t->run->id, "seed", seed, "variant", t->variant,
                             "environment", env->path, "hash", env->hash, "worker",
                             p->s->worker_path, "variables", variables_of(env));
    if (!spec)
        return aire__fail_nomem();
    aire_status status = aire__json_dump(t->shop->ctx, spec, out);
    json_decref(spec);
    return status;
}

/* Whether an earlier controller has left this very run here. */
static bool is_left(const trip *p, const char *spec)
{
    char *found = read_file(p, AIRE_JOB_SPEC);
    bool same = found && !strcmp(found, spec);
    aire_free(p->s->shop->ctx, found);
    return same;
}

static aire_status prepare(const trip *p, const char *spec)
{
    const char *diff = p->t->patched.diff ? p->t->patched.diff : "";
    aire_status status = aire__fs_remove_tree(p->s->shop->ctx, p->directory);
    if (status == AIRE_OK)
        status = aire__fs_mkdirs(p->s->shop->ctx, p->directory, 0700);
    if (status == AIRE_OK)
        status = write_file(p, AIRE_JOB_PATCH, diff, strlen(diff));
    return status == AIRE_OK ? write_file(p, AIRE_JOB_SPEC, spec, strlen(spec)) : status;
}

/* Wait for a poll's interval, or a cancellation; true for that. */
static bool cancelled_meanwhile(const trip *p)
{
    struct pollfd fd = {p->t->cancel ? aire_cancel_fd(p->t->cancel) : -1, POLLIN, 0};
    return poll(&fd, 1, p->s->poll_ms) > 0;
}

/* Looking into the directory makes a network file system ask its server, and not its memory. */
static bool has_result(const trip *p)
{
    int fd = open(p->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return aire__fs_exists(p->result);
}

/* ---- jobs ---- */

/* The job of this run's name that is not over (0: none), as the cluster says after `since_ns`. A
 * cluster that does not answer is waited for, which *waited tells. */
static aire_status find_live(const trip *p, int64_t since_ns, int64_t *id, bool *waited)
{
    *waited = false;
    for (int i = 0; (*id = aire__slurm_find(p->s->queue, p->name, since_ns)) < 0; i++) {
        *waited = i > 0; /* at first it may only have been too early to ask again */
        if (cancelled_meanwhile(p))
            return aire__fail(AIRE_CANCELLED, "the run was cancelled");
    }
    return AIRE_OK;
}

static aire_status submit_once(trip *p)
{
    aire_ctx *ctx = p->s->shop->ctx;
    const char *arguments[ARGUMENTS_MAX + 3] = {NULL};
    const char *argv[] = {p->s->job_path, p->directory, NULL};
    size_t count = 0;
    char *name = aire__asprintf(ctx, "--job-name=%s", p->name);
    char *output = aire__asprintf(ctx, "--output=%s/slurm.out", p->directory);
    aire_status status = name && output ? AIRE_OK : aire__fail_nomem();
    for (; count < p->s->argument_count; count++)
        arguments[count] = p->s->arguments[count];
    arguments[count++] = name;
    arguments[count++] = output;
    int held = open_lock(p->s, LOCK_SH);
    if (status == AIRE_OK)
        status = aire__slurm_submit(p->s->queue, arguments, argv, held, &p->id);
    if (held >= 0)
        close(held);
    aire_free(ctx, name);
    aire_free(ctx, output);
    return status;
}

/*
 * Submit the job. What sbatch calls a failure may have been taken nevertheless, where the answer
 * was lost on its way; and a cluster that was away refused nothing.
 */
static aire_status submit(trip *p)
{
    char reason[AIRE_ERROR_MESSAGE_MAX], number[32];
    aire_status status = AIRE_OK;
    bool away = true;
    for (int i = 0; i < TRIES && away; i++) {
        away = false;
        status = submit_once(p);
        if (status != AIRE_SANDBOX && status != AIRE_TIMEOUT)
            break;
        snprintf(reason, sizeof reason, "%s", aire_error_message(aire_last_error()));
        aire_status looked = find_live(p, aire__monotonic_ns(), &p->id, &away);
        if (looked != AIRE_OK)
            return looked;
        if (p->id > 0)
            status = AIRE_OK;
        away = away && status != AIRE_OK;
        if (status != AIRE_OK)
            aire__fail(status, "%s", reason);
    }
    if (status != AIRE_OK)
        return status;
    p->since_ns = aire__monotonic_ns();
    snprintf(number, sizeof number, "%lld", (long long)p->id);
    return write_file(p, AIRE_JOB_ID, number, strlen(number));
}

/* The job that an earlier controller submitted, if it is still to come to something: by its number,
 * or by name where that controller was killed before it could write the number down. */
static aire_status find_left(trip *p)
{
    char *number = read_file(p, AIRE_JOB_ID);
    int64_t id = number ? strtoll(number, NULL, 10) : 0, live;
    bool waited;
    aire_free(p->s->shop->ctx, number);
    if (has_result(p)) {
        p->id = id;
        return AIRE_OK;
    }
    aire_status status = find_live(p, 0, &live, &waited);
    /* it may have ended while it was looked for */
    p->id = live > 0 ? live : has_result(p) ? id : 0;
    return status;
}

/* What another version of this run left here must not write into the new one. */
static aire_status end_stranger(trip *p)
{
    int64_t live = 0;
    bool waited;
    if (!aire__fs_exists(p->directory))
        return AIRE_OK;
    aire_status status = find_live(p, 0, &live, &waited);
    if (status == AIRE_OK && live > 0 && !aire__slurm_cancel(p->s->queue, live))
        status = aire__fail(AIRE_SANDBOX,
                            "job %lld, of another version of this run, cannot be cancelled",
                            (long long)live);
    return status;
}

static aire_status give_up(const trip *p)
{
    /* a directory of a job that may still run has to stay: it is how that job is found again */
    if (aire__slurm_cancel(p->s->queue, p->id))
        aire__fs_remove_tree(p->s->shop->ctx, p->directory);
    return aire__fail(AIRE_CANCELLED, "the job was cancelled");
}

static void note_running(const trip *p)
{
    p->t->ending.stage = AIRE_STAGE_RUN;
    if (p->t->entered)
        p->t->entered(p->t, AIRE_STAGE_RUN, p->t->data);
}

/* How long a result may come after its job's end, over a shared file system. A job that ended well
 * has written one. */
static int64_t late_ns(const trip *p, const char *word)
{
    int64_t polls = (int64_t)p->s->poll_ms * LATE_POLLS;
    return (!strcmp(word, "COMPLETED") && polls < LATE_MAX_MS ? LATE_MAX_MS : polls) * 1000000;
}

/* The job has been over for too long: what the cluster says of it. AIRE_OK if it is not. */
static aire_status judge_lost(const trip *p, const char *word)
{
    char why[AIRE_SLURM_WHY];
    aire_slurm_state state = aire__slurm_explain(p->s->queue, p->id, why);
    if (state == AIRE_SLURM_WAITING || state == AIRE_SLURM_RUNNING || state == AIRE_SLURM_UNKNOWN)
        return AIRE_OK;
    return aire__fail(AIRE_NOT_FOUND,
                      "Slurm's job %lld ended without a result (%s): its node was lost, or it was "
                      "ended from outside; see %s/slurm.out",
                      (long long)p->id,
                      *why    ? why
                      : *word ? word
                              : "no longer known",
                      p->directory);
}

/* Wait for the result. */
static aire_status await(trip *p)
{
    char word[24];
    bool running = false;
    for (int64_t over_ns = 0; !has_result(p);) {
        aire_slurm_state state = aire__slurm_state(p->s->queue, p->id, p->since_ns, word);
        if (state == AIRE_SLURM_RUNNING && !running) {
            running = true;
            note_running(p);
        }
        if (state != AIRE_SLURM_OVER && state != AIRE_SLURM_GONE)
            over_ns = 0;
        else if (!over_ns)
            over_ns = aire__monotonic_ns();
        else if (aire__monotonic_ns() - over_ns > late_ns(p, word)) {
            aire_status status = judge_lost(p, word);
            if (status != AIRE_OK)
                return status;
            over_ns = 0;
        }
        if (cancelled_meanwhile(p))
            return give_up(p);
    }
    return AIRE_OK;
}

/* ---- the result ---- */

static aire_status copy_metrics(aire_try *t, const aire_result *result)
{
    aire_ctx *ctx = t->shop->ctx;
    size_t count = aire_result_metric_count(result);
    t->ending.verdict.metrics = aire__calloc(ctx, count + 1, sizeof *t->ending.verdict.metrics);
    if (!t->ending.verdict.metrics)
        return aire__fail_nomem();
    for (size_t i = 0; i < count; i++) {
        const aire_metric *metric = aire_result_metric(result, i);
        char *name = aire__strdup(ctx, metric->name);
        if (!name)
            return aire__fail_nomem();
        t->ending.verdict.metrics[t->ending.verdict.metric_count++] =
            (aire_metric){name, metric->value};
    }
    return AIRE_OK;
}

static aire_status take_result(aire_try *t, const aire_result *result)
{
    aire_ending *e = &t->ending;
    aire_status status = aire__settle(t, aire_result_outcome(result), aire_result_cause(result),
                                      "%s", aire_result_detail(result));
    e->stage = aire_result_stage(result);
    e->code = aire_result_code(result);
    e->trust = aire_result_trust(result);
    e->usage_count = 0;
    for (size_t i = 0; i < aire_result_usage_count(result) && i < 3; i++)
        e->usage[e->usage_count++] = *aire_result_usage(result, i);
    if (e->outcome == AIRE_OUTCOME_OK && status == AIRE_OK)
        status = aire_result_reward(result, &e->verdict.reward);
    if (status == AIRE_OK &&
        !(e->log_tail = aire__strdup(t->shop->ctx, aire_result_log_tail(result))))
        status = aire__fail_nomem();
    return status == AIRE_OK ? copy_metrics(t, result) : status;
}

static aire_status collect(trip *p)
{
    aire_ctx *ctx = p->s->shop->ctx;
    aire_result *result = NULL;
    json_t *json = NULL;
    const char *failure;
    char *text = read_file(p, AIRE_JOB_RESULT);
    if (!text)
        return aire__fail(AIRE_SANDBOX, "'%s' cannot be read", p->result);
    aire_status status = aire__json_load(text, strlen(text), p->result, &json);
    failure = json_string_value(json_object_get(json, "infrastructure"));
    if (failure)
        status = aire__fail(AIRE_SANDBOX, "on the node: %s", failure);
    if (status == AIRE_OK)
        status = aire_result_from_json(ctx, text, strlen(text), NULL, &result);
    if (status == AIRE_FORMAT)
        status = AIRE_SANDBOX;
    if (status == AIRE_OK)
        status = take_result(p->t, result);
    aire_result_unref(result);
    json_decref(json);
    aire_free(ctx, text);
    if (status != AIRE_OK && status != AIRE_NOMEM) /* of no use for another try */
        unlink(p->result);
    return status;
}

static aire_status travel(trip *p)
{
    char *spec = NULL;
    aire_status status = make_spec(p, &spec);
    bool ours = status == AIRE_OK && is_left(p, spec);
    if (ours)
        status = find_left(p);
    else if (status == AIRE_OK)
        status = end_stranger(p);
    if (status == AIRE_OK && p->id == 0 && !(ours && has_result(p))) {
        status = prepare(p, spec);
        if (status == AIRE_OK)
            status = submit(p);
    }
    aire_free(p->s->shop->ctx, spec);
    if (status == AIRE_OK)
        status = await(p);
    return status == AIRE_OK ? collect(p) : status;
}

static char *directory_of(const aire_slurm *s, int64_t run_id)
{
    return aire__asprintf(s->shop->ctx, "%s/run-%lld", s->directory, (long long)run_id);
}

aire_status aire__slurm_run(aire_try *t, aire_slurm *s)
{
    aire_ctx *ctx = s->shop->ctx;
    trip p = {.t = t, .s = s};
    snprintf(p.name, sizeof p.name, "aire-%.100s-%lld", s->identity, (long long)t->run->id);
    p.directory = directory_of(s, t->run->id);
    p.result = p.directory ? aire__path_join(ctx, p.directory, AIRE_JOB_RESULT) : NULL;
    aire_status status = p.result ? travel(&p) : aire__fail_nomem();
    aire_free(ctx, p.directory);
    aire_free(ctx, p.result);
    return status;
}

void aire__slurm_kept(aire_slurm *s, int64_t run_id)
{
    char *directory = directory_of(s, run_id);
    if (directory) /* what cannot be removed is only in the way of nobody */
        aire__fs_remove_tree(s->shop->ctx, directory);
    aire_free(s->shop->ctx, directory);
}
