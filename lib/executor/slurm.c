#include "executor/slurm.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
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
    NEVER_POLLS = 15,
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
    pthread_mutex_t sweeping;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t submitted;
    struct trip *first, **last; /* runs that wait to be submitted */
    bool submitting;            /* somebody does so now, without the lock */
    size_t array_max;           /* that this cluster is known to refuse no array for its size */
    bool told_limit;            /* that a limit holds up jobs */
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
    for (int stage = AIRE_STAGE_BUILD; stage < AIRE_ENV_STAGES; stage++)
        if (s->shop->env->steps[stage].present)
            wall_ms += s->shop->env->steps[stage].limits.wall_ms;
    const aire_env_step *predict = &s->shop->env->steps[AIRE_STAGE_PREDICT];
    if (predict->present) /* each pass, and the second phase of evaluate */
        wall_ms += (predict->passes - 1) * predict->limits.wall_ms +
                   s->shop->env->steps[AIRE_STAGE_EVALUATE].limits.wall_ms;
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
    s->last = &s->first;
    s->array_max = AIRE_SLURM_ARRAY_MAX;
    pthread_mutex_init(&s->sweeping, NULL);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->submitted, NULL);
    s->poll_ms = o.poll_ms > 0 ? o.poll_ms : AIRE_SLURM_POLL_MS;
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
    pthread_cond_destroy(&s->submitted);
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->sweeping);
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
    char name[160]; /* of the job, where it is no array's task */
    aire_slurm_id id;
    int64_t since_ns;
    struct trip *next; /* that waits to be submitted */
    bool tried;        /* to submit it; what came of it: */
    aire_status status;
    int32_t code;
    char message[AIRE_ERROR_MESSAGE_MAX];
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
    json_t *spec =
        json_pack("{s:i, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "aire_job", 1, "run",
                  (json_int_t)t->run->id, "seed", seed, "variant", t->variant, "environment",
                  env->path, "hash", env->hash, "worker", p->s->worker_path, "adapter",
                  env->adapter ? env->adapter : "", "variables", variables_of(env));
    if (!spec ||
        (t->shop->how.skips_smoke && json_object_set_new(spec, "skip_smoke", json_true()) != 0)) {
        json_decref(spec);
        return aire__fail_nomem();
    }
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
    aire_status status =
        aire__slurm_directory_remove(p->s->shop->ctx, p->s->directory, p->directory);
    if (status == AIRE_OK)
        status = aire__fs_mkdirs(p->s->shop->ctx, p->directory, 0700);
    if (status == AIRE_OK)
        status = write_file(p, AIRE_JOB_PATCH, diff, strlen(diff));
    return status == AIRE_OK ? write_file(p, AIRE_JOB_SPEC, spec, strlen(spec)) : status;
}

/* Wait for a poll's interval, or until all of them are cancelled; true for that. */
static bool cancelled_meanwhile(trip *const *trips, size_t count)
{
    int64_t deadline = aire__deadline_ns(trips[0]->s->poll_ms);
    for (size_t i = 0; i < count; i++) {
        const aire_cancel *cancel = trips[i]->t->cancel;
        struct pollfd fd = {cancel ? aire_cancel_fd(cancel) : -1, POLLIN, 0};
        int64_t left = (deadline - aire__monotonic_ns() + 999999) / 1000000;
        if (poll(&fd, 1, left > 0 ? (int)left : 0) <= 0)
            return false;
    }
    return true;
}

/* Looking into the directory makes a network file system ask its server, and not its memory. */
static bool has_result(const trip *p)
{
    int fd = open(p->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return aire__fs_exists(p->result);
}

/* ---- looking for jobs ---- */

/* The job of a name (see aire__slurm_find), as the cluster says after `since_ns`. A cluster that
 * does not answer is waited for on behalf of all of `trips`, which *waited tells. */
static aire_status find(trip *const *trips, size_t count, const char *name, int32_t task,
                        int64_t since_ns, aire_slurm_id *id, bool *waited)
{
    *waited = false;
    for (int i = 0; !aire__slurm_find(trips[0]->s->queue, name, task, since_ns, id); i++) {
        *waited = i > 0; /* at first it may only have been too early to ask again */
        if (cancelled_meanwhile(trips, count))
            return aire__fail(AIRE_CANCELLED, "the run was cancelled");
    }
    return AIRE_OK;
}

static void name_array(const aire_slurm *s, const char *array, char out[160])
{
    snprintf(out, 160, "aire-%.100s-%s", s->identity, array);
}

/* The job of this run that is not over, if there is one. What was seen before this process ended
 * an earlier try does not count. */
static aire_status find_live(trip *p, aire_slurm_id *id)
{
    char name[160];
    aire_slurm_place place;
    bool waited;
    aire__slurm_place_read(p->s->shop->ctx, p->directory, &place);
    if (place.task == AIRE_SLURM_ALONE)
        snprintf(name, sizeof name, "%s", p->name);
    else
        name_array(p->s, place.array, name);
    int64_t since_ns = p->t->attempt > 1 ? aire__monotonic_ns() : 0;
    return find(&p, 1, name, place.task, since_ns, id, &waited);
}

/* ---- submitting ---- */

/* What one sbatch submits: a run, or an array of runs. */
typedef struct load {
    aire_slurm *s;
    trip *trips[AIRE_SLURM_ARRAY_MAX];
    size_t count;
    char array[32]; /* "" for a run alone */
    char name[160]; /* of the job */
    aire_slurm_id id;
} load;

static aire_status submit_once(load *l)
{
    aire_slurm *s = l->s;
    aire_ctx *ctx = s->shop->ctx;
    const char *arguments[ARGUMENTS_MAX + 3] = {NULL};
    size_t count = 0, tasks = *l->array ? l->count : 0;
    char *directory = tasks ? aire__asprintf(ctx, "%s/%s/", s->directory, l->array)
                            : aire__strdup(ctx, l->trips[0]->directory);
    char *name = aire__asprintf(ctx, "--job-name=%s", l->name);
    char *output = aire__asprintf(ctx, "--output=%s%s/slurm.out", directory ? directory : "",
                                  tasks ? "%a" : "");
    const char *argv[] = {s->job_path, directory, NULL};
    aire_status status = directory && name && output ? AIRE_OK : aire__fail_nomem();
    for (; count < s->argument_count; count++)
        arguments[count] = s->arguments[count];
    arguments[count++] = name;
    arguments[count++] = output;
    int held = open_lock(s, LOCK_SH);
    if (status == AIRE_OK)
        status = aire__slurm_submit(s->queue, arguments, argv, tasks, held, &l->id.number);
    if (held >= 0)
        close(held);
    aire_free(ctx, directory);
    aire_free(ctx, name);
    aire_free(ctx, output);
    return status;
}

/*
 * Submit it. What sbatch calls a failure may have been taken nevertheless, where the answer was
 * lost on its way; and a cluster that was away refused nothing.
 */
static aire_status submit(load *l)
{
    char reason[AIRE_ERROR_MESSAGE_MAX];
    int32_t task = *l->array ? AIRE_SLURM_ANY : AIRE_SLURM_ALONE;
    aire_status status = AIRE_OK;
    bool away = true;
    for (int i = 0; i < TRIES && away; i++) {
        away = false;
        status = submit_once(l);
        if (status != AIRE_SANDBOX && status != AIRE_TIMEOUT)
            break;
        snprintf(reason, sizeof reason, "%s", aire_error_message(aire_last_error()));
        aire_status looked =
            find(l->trips, l->count, l->name, task, aire__monotonic_ns(), &l->id, &away);
        if (looked != AIRE_OK)
            return looked;
        if (l->id.number > 0)
            status = AIRE_OK;
        away = away && status != AIRE_OK;
        if (status != AIRE_OK)
            aire__fail(status, "%s", reason);
    }
    return status;
}

/* Whether a run was submitted, for the thread that waits for it. */
static void settle_trip(trip *p, aire_status status, aire_slurm_id id)
{
    p->status = status;
    p->since_ns = aire__monotonic_ns();
    if (status == AIRE_OK) {
        p->id = id;
        return;
    }
    p->code = aire_error_code(aire_last_error());
    snprintf(p->message, sizeof p->message, "%s", aire_error_message(aire_last_error()));
}

static void submit_alone(trip *p)
{
    load l = {.s = p->s, .trips = {p}, .count = 1};
    snprintf(l.name, sizeof l.name, "%s", p->name);
    aire_status status = submit(&l);
    settle_trip(p, status, (aire_slurm_id){l.id.number, AIRE_SLURM_ALONE});
}

/* Without its link a task that was taken after all does nothing, and without job.array nobody looks
 * for it. */
static void leave_array(const trip *p)
{
    aire_ctx *ctx = p->s->shop->ctx;
    char *path = aire__path_join(ctx, p->directory, AIRE_JOB_ARRAY);
    aire__slurm_place_leave(ctx, p->s->directory, p->directory);
    if (path)
        unlink(path);
    aire_free(ctx, path);
}

/* An array that is too large for a cluster is not tried again. */
static void note_refusal(load *l)
{
    const char *reason = aire_error_message(aire_last_error());
    bool too_large = strstr(reason, "job array"); /* "Invalid job array specification" */
    aire__logf(l->s->shop->ctx, AIRE_LOG_INFO, "slurm",
               "%zu runs were not taken as one array, and are submitted one by one: %s", l->count,
               reason);
    pthread_mutex_lock(&l->s->lock);
    if (too_large && l->count / 2 < l->s->array_max)
        l->s->array_max = l->count / 2;
    pthread_mutex_unlock(&l->s->lock);
}

/* What is refused as an array may be taken singly: a limit may leave room for some of it. False:
 * nothing was submitted, nor ever will be. */
static bool submit_array(load *l)
{
    const char *runs[AIRE_SLURM_ARRAY_MAX];
    for (size_t i = 0; i < l->count; i++)
        runs[i] = l->trips[i]->directory;
    aire_status status =
        aire__slurm_array_make(l->s->shop->ctx, l->s->directory, runs, l->count, l->array);
    if (status != AIRE_OK)
        return false;
    name_array(l->s, l->array, l->name);
    status = submit(l);
    if (status == AIRE_SANDBOX) {
        note_refusal(l);
        return false;
    }
    for (size_t i = 0; i < l->count; i++)
        settle_trip(l->trips[i], status, (aire_slurm_id){l->id.number, (int32_t)i});
    return true;
}

static void submit_load(load *l)
{
    if (l->count > 1 && submit_array(l))
        return;
    for (size_t i = 0; i < l->count; i++) {
        if (l->count > 1)
            leave_array(l->trips[i]);
        submit_alone(l->trips[i]);
    }
}

/* With the lock held: take the next ones that wait; those that were cancelled need no job. */
static void take_load(aire_slurm *s, load *l)
{
    while (s->first && l->count < s->array_max) {
        trip *p = s->first;
        s->first = p->next;
        if (!s->first)
            s->last = &s->first;
        p->tried = aire_cancel_fired(p->t->cancel);
        if (p->tried)
            settle_trip(p, aire__fail(AIRE_CANCELLED, "the run was cancelled"), p->id);
        else
            l->trips[l->count++] = p;
    }
}

/* The first that comes submits for all that have come before it is their turn. */
static void submit_with_others(trip *p)
{
    aire_slurm *s = p->s;
    pthread_mutex_lock(&s->lock);
    *s->last = p;
    s->last = &p->next;
    while (!p->tried) {
        if (s->submitting) {
            pthread_cond_wait(&s->submitted, &s->lock);
            continue;
        }
        load l = {.s = s};
        take_load(s, &l);
        s->submitting = true;
        pthread_mutex_unlock(&s->lock);
        if (l.count > 0)
            submit_load(&l);
        pthread_mutex_lock(&s->lock);
        for (size_t i = 0; i < l.count; i++)
            l.trips[i]->tried = true;
        s->submitting = false;
        pthread_cond_broadcast(&s->submitted);
    }
    pthread_mutex_unlock(&s->lock);
}

static aire_status submit_trip(trip *p)
{
    char number[AIRE_SLURM_ID_TEXT];
    pthread_mutex_lock(&p->s->lock);
    bool alone = p->s->array_max < 2;
    pthread_mutex_unlock(&p->s->lock);
    if (alone)
        submit_alone(p);
    else
        submit_with_others(p);
    if (p->status != AIRE_OK)
        return aire__fail_code(p->status, p->code, "%s", p->message);
    aire__slurm_id_format(p->id, number);
    return write_file(p, AIRE_JOB_ID, number, strlen(number));
}

/* ---- jobs that are there already ---- */

/* The job that an earlier controller submitted, if it is still to come to something: by its number,
 * or by name where that controller was killed before it could write the number down. */
static aire_status find_left(trip *p)
{
    char *number = read_file(p, AIRE_JOB_ID);
    aire_slurm_id id = {.task = AIRE_SLURM_ALONE}, live;
    if (number && !aire__slurm_id_parse(number, strlen(number), &id))
        id.number = 0;
    aire_free(p->s->shop->ctx, number);
    if (has_result(p)) {
        p->id = id;
        return AIRE_OK;
    }
    aire_status status = find_live(p, &live);
    /* it may have ended while it was looked for */
    if (status == AIRE_OK && live.number > 0)
        p->id = live;
    else if (has_result(p))
        p->id = id;
    return status;
}

/* What another version of this run left here must not write into the new one. */
static aire_status end_stranger(trip *p)
{
    aire_slurm_id live;
    if (!aire__fs_exists(p->directory))
        return AIRE_OK;
    aire_status status = find_live(p, &live);
    if (status == AIRE_OK && live.number > 0 && !aire__slurm_cancel(p->s->queue, live))
        status = aire__fail(AIRE_SANDBOX,
                            "job %lld, of another version of this run, cannot be cancelled",
                            (long long)live.number);
    return status;
}

static aire_status give_up(const trip *p)
{
    /* a directory of a job that may still run has to stay: it is how that job is found again */
    if (aire__slurm_cancel(p->s->queue, p->id))
        aire__slurm_directory_remove(p->s->shop->ctx, p->s->directory, p->directory);
    return aire__fail(AIRE_CANCELLED, "the job was cancelled");
}

/* ---- waiting ---- */

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

/* How a job can end that has written no result. */
static const char *cause_of(const char *word)
{
    static const struct {
        const char *word, *cause;
    } rows[] = {
        {"NODE_FAIL", "its node was lost"},
        {"BOOT_FAIL", "its node did not start"},
        {"TIMEOUT", "Slurm's time limit ended it before those of aire.json did"},
        {"DEADLINE", "its deadline passed"},
        {"OUT_OF_MEMORY", "the whole job needed more memory than aire.json says"},
        {"CANCELLED", "it was cancelled from outside"},
        {"PREEMPTED", "another job took its place"},
        {"FAILED", "aire-job itself failed there"},
        {"COMPLETED", "the directory is not seen by both that node and this machine"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!strcmp(word, rows[i].word))
            return rows[i].cause;
    return "its node was lost, or it was ended from outside";
}

/* The job has been over for too long: what the cluster says of it, `word` included. AIRE_OK if it
 * is not, or ended well so that its result may still come. */
static aire_status judge_lost(const trip *p, char word[24], int64_t over_ns)
{
    char why[AIRE_SLURM_WHY], told[24], number[AIRE_SLURM_ID_TEXT];
    aire_slurm_state state = aire__slurm_explain(p->s->queue, p->id, told, why);
    aire__slurm_id_format(p->id, number);
    if (state == AIRE_SLURM_WAITING || state == AIRE_SLURM_RUNNING || state == AIRE_SLURM_UNKNOWN) {
        *word = '\0';
        return AIRE_OK;
    }
    if (*told)
        snprintf(word, 24, "%s", told);
    if (aire__monotonic_ns() - over_ns <= late_ns(p, word))
        return AIRE_OK;
    return aire__fail(AIRE_NOT_FOUND,
                      "Slurm's job %s ended without a result (%s): %s; see %s/slurm.out", number,
                      *why    ? why
                      : *word ? word
                              : "no longer known",
                      cause_of(word), p->directory);
}

/* What the wait for a job's turn has come to. */
typedef struct patience {
    char reason[64];  /* that was told last */
    int64_t since_ns; /* it has been one that never passes; 0: it is not */
} patience;

/* The same limit holds up many; once is enough for all. */
static bool is_news(aire_slurm *s, patience *so_far, aire_slurm_wait wait, const char *reason)
{
    bool news = strcmp(so_far->reason, reason) != 0;
    snprintf(so_far->reason, sizeof so_far->reason, "%s", reason);
    pthread_mutex_lock(&s->lock);
    news = news && !(wait == AIRE_SLURM_LIMITED && s->told_limit);
    s->told_limit |= wait == AIRE_SLURM_LIMITED;
    pthread_mutex_unlock(&s->lock);
    return news;
}

/* A job that waits: why, and whether that can pass. One that can never begin is ended, so that it
 * does not begin when nobody waits for it. */
static aire_status judge_waiting(trip *p, patience *so_far, const char *reason)
{
    const char *advice;
    char number[AIRE_SLURM_ID_TEXT];
    aire_slurm_wait wait = aire__slurm_wait_of(reason, &advice);
    aire__slurm_id_format(p->id, number);
    if (wait != AIRE_SLURM_NEVER)
        so_far->since_ns = 0;
    if (wait == AIRE_SLURM_PASSES)
        return AIRE_OK;
    if (is_news(p->s, so_far, wait, reason))
        aire__logf(p->s->shop->ctx, AIRE_LOG_WARNING, "slurm", "run %lld, job %s waits: %s; %s",
                   (long long)p->t->run->id, number, reason, advice);
    if (wait != AIRE_SLURM_NEVER)
        return AIRE_OK;
    if (!so_far->since_ns)
        so_far->since_ns = aire__monotonic_ns();
    /* right after its start a controller may not know its nodes yet */
    if (aire__monotonic_ns() - so_far->since_ns < (int64_t)p->s->poll_ms * NEVER_POLLS * 1000000)
        return AIRE_OK;
    aire__slurm_cancel(p->s->queue, p->id);
    return aire__fail(AIRE_SANDBOX, "Slurm's job %s can never begin: %s; %s", number, reason,
                      advice);
}

/* Wait for the result. */
static aire_status await(trip *p)
{
    aire_slurm_seen seen;
    patience so_far = {.reason = ""};
    char word[24] = ""; /* of its end */
    bool running = false;
    for (int64_t over_ns = 0; !has_result(p);) {
        aire_slurm_state state = aire__slurm_state(p->s->queue, p->id, p->since_ns, &seen);
        aire_status status = AIRE_OK;
        if (state == AIRE_SLURM_RUNNING && !running) {
            running = true;
            note_running(p);
        }
        if (state == AIRE_SLURM_OVER)
            snprintf(word, sizeof word, "%s", seen.word);
        if (state != AIRE_SLURM_OVER && state != AIRE_SLURM_GONE)
            over_ns = 0;
        else if (!over_ns)
            over_ns = aire__monotonic_ns();
        else if (aire__monotonic_ns() - over_ns > late_ns(p, word)) {
            status = judge_lost(p, word, over_ns);
            over_ns = *word ? over_ns : 0;
        }
        if (state == AIRE_SLURM_WAITING)
            status = judge_waiting(p, &so_far, strcmp(seen.word, "PENDING") ? "" : seen.reason);
        if (status != AIRE_OK)
            return status;
        if (cancelled_meanwhile(&p, 1))
            return give_up(p);
    }
    return AIRE_OK;
}

/* ---- the result ---- */

static aire_status take_result(aire_try *t, const aire_result *result)
{
    aire_ending *e = &t->ending;
    aire_status status = aire__settle(t, aire_result_outcome(result), aire_result_cause(result),
                                      "%s", aire_result_detail(result));
    e->stage = aire_result_stage(result);
    e->code = aire_result_code(result);
    e->trust = aire_result_trust(result);
    e->usage_count = 0;
    for (size_t i = 0;
         i < aire_result_usage_count(result) && i < sizeof e->usage / sizeof *e->usage; i++)
        e->usage[e->usage_count++] = *aire_result_usage(result, i);
    if (status == AIRE_OK &&
        !(e->log_tail = aire__strdup(t->shop->ctx, aire_result_log_tail(result))))
        status = aire__fail_nomem();
    return status == AIRE_OK ? aire__take_metrics(t, result) : status;
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
    if (status == AIRE_OK && p->id.number == 0 && !(ours && has_result(p))) {
        status = prepare(p, spec);
        if (status == AIRE_OK)
            status = submit_trip(p);
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
    trip p = {.t = t, .s = s, .id.task = AIRE_SLURM_ALONE};
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
        aire__slurm_directory_remove(s->shop->ctx, s->directory, directory);
    aire_free(s->shop->ctx, directory);
}

void aire__slurm_failed(aire_slurm *s, int64_t run_id)
{
    aire_ctx *ctx = s->shop->ctx;
    char *directory = directory_of(s, run_id);
    char *mark = directory ? aire__path_join(ctx, directory, AIRE_JOB_FAILED) : NULL;
    /* one that could not even be made is not there to be read */
    if (mark && aire__fs_is_dir(directory) && aire__fs_write(ctx, mark, "", 0, 0600) == AIRE_OK) {
        aire__slurm_place_leave(ctx, s->directory, directory);
        pthread_mutex_lock(&s->sweeping);
        aire__slurm_directories_sweep(ctx, s->directory, NULL, 0);
        pthread_mutex_unlock(&s->sweeping);
    }
    aire_free(ctx, mark);
    aire_free(ctx, directory);
}

void aire__slurm_sweep(aire_slurm *s, const aire_run *runs, size_t count)
{
    const aire_run none = {0};
    pthread_mutex_lock(&s->sweeping);
    aire__slurm_directories_sweep(s->shop->ctx, s->directory, runs ? runs : &none, count);
    pthread_mutex_unlock(&s->sweeping);
}
