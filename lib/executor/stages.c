/*
 * Build, smoke run, run and evaluate, each in a sandbox of its own.
 *
 * Where the manifest has `predict`, the evaluation has two phases with the same command: it poses
 * passes, the variant's model answers each in a sandbox of its own (passes.c), and it judges the
 * answers. Between the two it keeps what it wants in its workspace, which nobody else sees.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/fs.h"
#include "base/str.h"
#include "executor/job.h"
#include "sandbox/engine.h"

#define REPORT_MAX ((size_t)1 << 20)
#define STREAM_MAX ((size_t)16 << 20)
#define LOG_MAX ((size_t)64 << 20)

enum { MOUNTS_MAX = 70, VARS_MAX = 600, TAIL_BYTES = 4096, GPU_LIST_MAX = 64 * 80 };

/* A command in the making: everything that it points to is freed together. */
typedef struct stage {
    aire_try *t;
    int32_t number; /* AIRE_STAGE_* */
    const aire_env_step *step;
    const char *phase; /* of an evaluation with passes: "pose" or "judge"; NULL for none */
    size_t pass;       /* of predict */
    aire_mount mounts[MOUNTS_MAX];
    size_t mount_count;
    char *vars[VARS_MAX + 1];
    size_t var_count;
    char *paths[4]; /* on the host: workspace, output directory, and two of the passes */
    char *log, *report, *stream;
} stage;

static aire_status add_var(stage *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

static aire_status add_var(stage *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = s->var_count < VARS_MAX ? aire__vasprintf(s->t->shop->ctx, format, args) : NULL;
    va_end(args);
    if (!text)
        return aire__fail_nomem();
    s->vars[s->var_count++] = text;
    return AIRE_OK;
}

/* The devices by identity, which is the same whatever else is visible; where the driver tells none,
 * by their places among those that are. A stage without GPUs is told so. */
static aire_status add_devices(stage *s)
{
    char list[GPU_LIST_MAX] = "", identity[64];
    size_t length = 0;
    for (int32_t i = 0; i < s->step->gpus && length < sizeof list - 80; i++) {
        aire__gpu_identity("/proc/driver/nvidia", s->t->gpus[i], identity);
        if (!*identity)
            snprintf(identity, sizeof identity, "%d", (int)i);
        length +=
            (size_t)snprintf(list + length, sizeof list - length, "%s%s", i ? "," : "", identity);
    }
    return add_var(s, "CUDA_VISIBLE_DEVICES=%s", list);
}

static aire_status add_pass_vars(stage *s)
{
    aire_status status = AIRE_OK;
    if (s->phase)
        status = add_var(s, "AIRE_PHASE=%s", s->phase);
    if (s->phase && status == AIRE_OK)
        status = add_var(s, "AIRE_PASSES=" AIRE_ENV_PASSES);
    if (s->phase && status == AIRE_OK)
        status = add_var(s, "AIRE_ANSWERS=" AIRE_ENV_ANSWERS);
    if (s->number == AIRE_STAGE_PREDICT)
        status = add_var(s, "AIRE_INPUT=" AIRE_ENV_INPUT);
    if (s->number == AIRE_STAGE_PREDICT && status == AIRE_OK)
        status = add_var(s, "AIRE_ANSWER=" AIRE_ENV_ANSWER);
    return status;
}

static aire_status add_vars(stage *s)
{
    const aire_env *env = s->t->shop->env;
    unsigned long long seed = s->t->run->seed;
    bool has_seed =
        s->number != AIRE_STAGE_PREDICT; /* a model that is judged has nothing to draw */
    aire_status status = add_var(s, "PATH=/usr/local/bin:/usr/bin:/bin");
    if (status == AIRE_OK)
        status = add_var(s, "HOME=" AIRE_ENV_WORKSPACE);
    if (status == AIRE_OK)
        status = add_var(s, "TMPDIR=/tmp");
    if (status == AIRE_OK)
        status = add_var(s, "LANG=C.UTF-8");
    if (status == AIRE_OK && has_seed)
        status = add_var(s, "AIRE_SEED=%llu", seed);
    if (status == AIRE_OK && has_seed && env->seed_var)
        status = add_var(s, "%s=%llu", env->seed_var, seed);
    if (status == AIRE_OK && s->step->data)
        status = add_var(s, "AIRE_DATA=" AIRE_ENV_DATA);
    if (status == AIRE_OK && s->number != AIRE_STAGE_BUILD)
        status = add_var(s, "AIRE_OUT=" AIRE_ENV_OUT);
    if (status == AIRE_OK && (s->number == AIRE_STAGE_RUN || s->number == AIRE_STAGE_SMOKE))
        status = add_var(s, "AIRE_STREAM=" AIRE_ENV_STREAM);
    if (status == AIRE_OK && s->number == AIRE_STAGE_SMOKE)
        status = add_var(s, "AIRE_SMOKE=1");
    if (status == AIRE_OK)
        status = add_pass_vars(s);
    if (status == AIRE_OK)
        status = add_devices(s);
    char **budget = s->number == AIRE_STAGE_SMOKE && env->smoke_budget_vars ? env->smoke_budget_vars
                                                                            : env->budget_vars;
    for (size_t i = 0; status == AIRE_OK && budget[i]; i++)
        status = add_var(s, "%s", budget[i]);
    for (size_t i = 0; status == AIRE_OK && s->step->vars[i]; i++)
        status = add_var(s, "%s", s->step->vars[i]);
    return status;
}

static void add_mount(stage *s, const char *source, const char *target, uint32_t flags)
{
    s->mounts[s->mount_count++] = (aire_mount){sizeof(aire_mount), flags, source, target};
}

/* An evaluator writes its passes first, and reads the answers then. */
static aire_status add_phase_mounts(stage *s)
{
    bool poses = !strcmp(s->phase, "pose");
    s->paths[2] = aire__try_path(s->t, "passes");
    s->paths[3] = aire__try_path(s->t, "answers");
    if (!s->paths[2] || !s->paths[3])
        return aire__fail_nomem();
    add_mount(s, s->paths[2], AIRE_ENV_PASSES, poses ? AIRE_MOUNT_WRITABLE : 0);
    add_mount(s, s->paths[3], AIRE_ENV_ANSWERS, 0);
    return AIRE_OK;
}

/* A model sees one pass, and can leave nothing but its answer. */
static aire_status add_served_mounts(stage *s)
{
    s->paths[2] = aire__passes_path(s->t, s->pass, "input");
    s->paths[3] = aire__passes_path(s->t, s->pass, "answer");
    if (!s->paths[2] || !s->paths[3])
        return aire__fail_nomem();
    add_mount(s, s->paths[2], AIRE_ENV_INPUT, 0);
    add_mount(s, s->paths[3], "/answer", AIRE_MOUNT_WRITABLE);
    return AIRE_OK;
}

/* Evaluation sees original files and copies of the outputs, and can write to neither what ran nor
 * what it handed over. */
static aire_status add_mounts(stage *s)
{
    const aire_env *env = s->t->shop->env;
    bool evaluates = s->number == AIRE_STAGE_EVALUATE, predicts = s->number == AIRE_STAGE_PREDICT;
    bool smokes = s->number == AIRE_STAGE_SMOKE;
    s->paths[0] = aire__try_path(s->t, evaluates ? "judge" : smokes ? "smoke" : "workspace");
    s->paths[1] = aire__try_path(s->t, evaluates || predicts ? "handed"
                                       : smokes              ? "smoke-out"
                                                             : "out");
    if (!s->paths[0] || !s->paths[1])
        return aire__fail_nomem();
    for (size_t i = 0; i < env->mount_count; i++)
        if (env->mounts[i].stages[s->number])
            add_mount(s, env->mounts[i].source, env->mounts[i].target, 0);
    add_mount(s, s->paths[0], AIRE_ENV_WORKSPACE, predicts ? 0 : AIRE_MOUNT_WRITABLE);
    if (s->step->data)
        add_mount(s, s->step->data, AIRE_ENV_DATA, 0);
    if (s->number != AIRE_STAGE_BUILD)
        add_mount(s, s->paths[1], AIRE_ENV_OUT, evaluates || predicts ? 0 : AIRE_MOUNT_WRITABLE);
    if (predicts)
        return add_served_mounts(s);
    return s->phase ? add_phase_mounts(s) : AIRE_OK;
}

static void stage_free(stage *s)
{
    aire_ctx *ctx = s->t->shop->ctx;
    for (size_t i = 0; i < s->var_count; i++)
        aire_free(ctx, s->vars[i]);
    for (size_t i = 0; i < sizeof s->paths / sizeof *s->paths; i++)
        aire_free(ctx, s->paths[i]);
    aire_free(ctx, s->log);
    aire_free(ctx, s->report);
    aire_free(ctx, s->stream);
}

/* ---- what is kept of a stage ---- */

static aire_usage *usage_of_stage(aire_try *t)
{
    aire_ending *ending = &t->ending;
    for (size_t i = 0; i < ending->usage_count; i++)
        if (ending->usage[i].stage == ending->stage)
            return &ending->usage[i];
    ending->usage[ending->usage_count] =
        (aire_usage){.struct_size = sizeof(aire_usage), .stage = ending->stage};
    return &ending->usage[ending->usage_count++];
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Of a stage with several commands: what they used together, and the most that one held. */
static void keep_usage(aire_try *t, const aire_exit *ended)
{
    aire_usage *usage = usage_of_stage(t);
    usage->wall_ms += ended->wall_ms;
    usage->user_ms += ended->user_ms;
    usage->system_ms += ended->system_ms;
    usage->max_rss_bytes = larger(usage->max_rss_bytes, ended->max_rss_bytes);
    usage->io_read_bytes += ended->io_read_bytes;
    usage->io_write_bytes += ended->io_write_bytes;
    usage->gpu_memory_bytes = larger(usage->gpu_memory_bytes, ended->gpu_memory_bytes);
    usage->gpu_ms += ended->gpu_ms;
}

static aire_status keep_log_tail(stage *s)
{
    aire_ctx *ctx = s->t->shop->ctx;
    char *text;
    size_t length;
    aire_status status = aire__fs_read(ctx, s->log, LOG_MAX, &text, &length);
    if (status != AIRE_OK)
        return status == AIRE_NOMEM
                   ? status
                   : AIRE_OK; /* a log that cannot be read is no reason to lose the run */
    size_t begin = length > TAIL_BYTES ? length - TAIL_BYTES : 0;
    while (begin < length && begin > 0 && ((unsigned char)text[begin] & 0xc0) == 0x80)
        begin++;
    aire_free(ctx, s->t->ending.log_tail);
    s->t->ending.log_tail = aire__strndup(ctx, text + begin, length - begin);
    aire_free(ctx, text);
    return s->t->ending.log_tail ? AIRE_OK : aire__fail_nomem();
}

/* ---- one stage ---- */

static aire_status prepare(stage *s)
{
    aire_try *t = s->t;
    char name[32];
    snprintf(name, sizeof name, "%s.log", aire_stage_name(s->number));
    s->log = aire__try_path(t, name);
    s->report = aire__try_path(t, "report.json");
    s->stream = aire__try_path(t, AIRE_ENV_STREAM + 1);
    if (!s->log || !s->report || !s->stream)
        return aire__fail_nomem();
    aire_status status = add_mounts(s);
    return status == AIRE_OK ? add_vars(s) : status;
}

/* ---- the stream ---- */

static bool take_line(aire_try *t, const char *line, size_t length)
{
    double step, value;
    if (!aire__env_stream_line(t->shop->env, line, length, &step, &value))
        return false;
    t->last_step = step;
    t->last_value = value;
    t->has_streamed = true;
    return t->reported && t->reported(t, step, value, t->data);
}

static int32_t observe(int32_t kind, const char *data, size_t length, void *user_data)
{
    aire_try *t = user_data;
    bool stop = false;
    if (kind == AIRE_OBSERVE_OUTPUT && t->wrote)
        t->wrote(t, data, length, t->data);
    while (kind == AIRE_OBSERVE_STREAM && length > 0 && !stop) {
        const char *newline = memchr(data, '\n', length);
        size_t line = newline ? (size_t)(newline - data) : length;
        stop = take_line(t, data, line);
        size_t used = newline ? line + 1 : line;
        data += used;
        length -= used;
    }
    return stop;
}

static bool has_stream(const stage *s)
{
    return s->number == AIRE_STAGE_RUN && s->t->shop->env->stream.metric;
}

static aire_status keep_metric(aire_try *t, const char *name, double value)
{
    aire_env_verdict *verdict = &t->ending.verdict;
    char *copy = isfinite(value) ? aire__strdup(t->shop->ctx, name) : NULL;
    if (isfinite(value) && !copy)
        return aire__fail_nomem();
    if (copy)
        verdict->metrics[verdict->metric_count++] = (aire_metric){copy, value};
    return AIRE_OK;
}

/* What a run that was stopped early had come to: its metrics so far, and no reward. */
static aire_status keep_partial(aire_try *t)
{
    enum { METRICS = 2 };
    const aire_env_stream_rule *rule = &t->shop->env->stream;
    if (t->ending.outcome != AIRE_OUTCOME_STOPPED_EARLY || !t->has_streamed ||
        t->ending.verdict.metrics)
        return AIRE_OK;
    t->ending.verdict.metrics =
        aire__calloc(t->shop->ctx, METRICS, sizeof *t->ending.verdict.metrics);
    if (!t->ending.verdict.metrics)
        return aire__fail_nomem();
    t->ending.trust = AIRE_TRUST_SELF_REPORTED;
    aire_status status = keep_metric(t, rule->metric, t->last_value);
    return status == AIRE_OK ? keep_metric(t, rule->step, t->last_step) : status;
}

static aire_status run_command(stage *s)
{
    aire_command command = AIRE_COMMAND_INIT;
    aire_exit ended = AIRE_EXIT_INIT;
    aire_try *t = s->t;
    aire_limits limits = s->step->limits;
    if (s->number == AIRE_STAGE_RUN && t->cpu_ms > 0 &&
        (limits.cpu_ms == 0 || t->cpu_ms < limits.cpu_ms))
        limits.cpu_ms = t->cpu_ms;
    command.argv = (const char *const *)s->step->argv;
    command.env = (const char *const *)s->vars;
    command.cwd = AIRE_ENV_WORKSPACE;
    command.mounts = s->mounts;
    command.mount_count = s->mount_count;
    command.limits = &limits;
    command.flags = s->step->network ? AIRE_COMMAND_NETWORK : 0;
    command.gpus = t->gpus;
    command.gpu_count = (size_t)s->step->gpus;
    command.log_path = s->log;
    command.report_path = s->number == AIRE_STAGE_EVALUATE ? s->report : NULL;
    command.stream_path = has_stream(s) ? s->stream : NULL;
    command.observe = has_stream(s) || t->wrote ? observe : NULL;
    command.observe_user_data = t;
    aire_status status = aire_sandbox_run(t->shop->sandbox, &command, t->cancel, &ended);
    if (status == AIRE_OK)
        keep_usage(t, &ended);
    if (status == AIRE_OK)
        status = keep_log_tail(s);
    if (status == AIRE_OK)
        status = aire__settle_exit(t, &ended);
    return status == AIRE_OK ? keep_partial(t) : status;
}

static aire_status take_verdict(aire_try *t, aire_status status, aire_env_verdict *verdict,
                                int32_t trust)
{
    if (status != AIRE_OK)
        return status;
    t->ending.verdict = *verdict;
    t->ending.trust = verdict->metric_count ? trust : 0;
    return aire__settle(t, verdict->outcome, verdict->cause, "%s", verdict->detail);
}

/* The evaluator has reported: what it says counts. */
static aire_status judge_report(stage *s)
{
    aire_ctx *ctx = s->t->shop->ctx;
    aire_env_verdict verdict = {0};
    char *text = NULL;
    size_t length = 0;
    aire_status status = aire__fs_read(ctx, s->report, REPORT_MAX, &text, &length);
    if (status == AIRE_LIMIT)
        return aire__settle(s->t, AIRE_OUTCOME_NO_METRIC, AIRE_CAUSE_METRIC_MISSING,
                            "the evaluation's report is larger than 1 MiB");
    if (status == AIRE_OK)
        status = aire__env_judge_report(s->t->shop->env, text, length, &verdict);
    aire_free(ctx, text);
    /* Not EVALUATED where the variant's files were beside the evaluator, and its code may have run.
     */
    return take_verdict(s->t, status, &verdict, s->t->shop->env->metric.trust);
}

/* The run has reported of itself: from its log or its stream. */
static aire_status judge_self(stage *s)
{
    aire_ctx *ctx = s->t->shop->ctx;
    aire_env_verdict verdict = {0};
    char *log = NULL, *stream = NULL;
    size_t log_length = 0, stream_length = 0;
    aire_status status = aire__fs_read(ctx, s->log, LOG_MAX, &log, &log_length);
    if (status == AIRE_OK)
        status = aire__workspace_read(s->t, strrchr(AIRE_ENV_STREAM, '/') + 1, STREAM_MAX, &stream,
                                      &stream_length);
    if (status == AIRE_OK)
        status =
            aire__env_judge_log(s->t->shop->env, log, log_length, stream, stream_length, &verdict);
    aire_free(ctx, log);
    aire_free(ctx, stream);
    return take_verdict(s->t, status, &verdict, AIRE_TRUST_SELF_REPORTED);
}

static bool is_good(const aire_try *t)
{
    return t->ending.outcome == AIRE_OUTCOME_OK;
}

/* An evaluator that has something to report before it poses is done. */
static aire_status judge_posing(stage *s)
{
    struct stat info;
    bool reported = stat(s->report, &info) == 0 && info.st_size > 0;
    s->t->posed = !reported;
    return reported ? judge_report(s) : AIRE_OK;
}

static aire_status judge(stage *s)
{
    if (s->phase && !strcmp(s->phase, "pose"))
        return judge_posing(s);
    if (s->number == AIRE_STAGE_EVALUATE)
        return judge_report(s);
    if (s->number == AIRE_STAGE_RUN && s->t->shop->env->metric.trust == AIRE_TRUST_SELF_REPORTED)
        return judge_self(s);
    return AIRE_OK;
}

static aire_status run_prepared(stage *s)
{
    aire_try *t = s->t;
    aire_status status = prepare(s);
    if (status == AIRE_OK)
        status = run_command(s);
    /* A protected file that was changed is a violation, however the run ended. */
    if (status == AIRE_OK && s->number != AIRE_STAGE_EVALUATE && s->number != AIRE_STAGE_SMOKE)
        status = aire__workspace_check(t);
    if (status == AIRE_OK && is_good(t))
        status = judge(s);
    stage_free(s);
    return status;
}

static void enter(aire_try *t, int32_t number)
{
    bool again = t->ending.stage == number;
    t->ending.stage = number;
    if (t->entered && !again)
        t->entered(t, number, t->data);
}

static aire_status run_stage(aire_try *t, int32_t number, const char *phase)
{
    stage s = {.t = t, .number = number, .step = &t->shop->env->steps[number], .phase = phase};
    if (!s.step->present)
        return AIRE_OK;
    enter(t, number);
    return run_prepared(&s);
}

/* A few steps on a copy, before a whole run is spent: only whether it works counts. */
static aire_status run_smoke(aire_try *t)
{
    if (!t->shop->env->steps[AIRE_STAGE_SMOKE].present || t->shop->how.skips_smoke)
        return AIRE_OK;
    aire_status status = aire__smoke_make(t);
    if (status == AIRE_OK)
        status = run_stage(t, AIRE_STAGE_SMOKE, NULL);
    return status == AIRE_OK && !t->shop->keep_workspaces ? aire__smoke_remove(t) : status;
}

/* ---- evaluation ---- */

static aire_status predict(aire_try *t, const aire_passes *passes)
{
    aire_status status = AIRE_OK;
    enter(t, AIRE_STAGE_PREDICT);
    for (size_t i = 0; i < passes->count && status == AIRE_OK && is_good(t); i++) {
        stage s = {.t = t,
                   .number = AIRE_STAGE_PREDICT,
                   .step = &t->shop->env->steps[AIRE_STAGE_PREDICT],
                   .pass = i};
        status = aire__passes_serve(t, passes, i);
        if (status == AIRE_OK && is_good(t))
            status = run_prepared(&s);
        if (status == AIRE_OK && is_good(t))
            status = aire__passes_collect(t, passes, i);
    }
    return status;
}

static aire_status evaluate_by_passes(aire_try *t)
{
    aire_passes passes = {0};
    aire_status status = aire__workspace_make_directory(t, "passes");
    if (status == AIRE_OK)
        status = aire__workspace_make_directory(t, "answers");
    if (status == AIRE_OK)
        status = run_stage(t, AIRE_STAGE_EVALUATE, "pose");
    if (status != AIRE_OK || !is_good(t) || !t->posed)
        return status;
    status = aire__passes_read(t, &passes);
    if (status == AIRE_OK && is_good(t))
        status = predict(t, &passes);
    if (status == AIRE_OK && is_good(t))
        status = run_stage(t, AIRE_STAGE_EVALUATE, "judge");
    aire__passes_free(t, &passes);
    return status;
}

static aire_status evaluate(aire_try *t)
{
    const aire_env *env = t->shop->env;
    if (!env->steps[AIRE_STAGE_EVALUATE].present)
        return AIRE_OK;
    aire_status status = aire__workspace_make_evaluation(t);
    if (status != AIRE_OK || !is_good(t))
        return status;
    return env->steps[AIRE_STAGE_PREDICT].present ? evaluate_by_passes(t)
                                                  : run_stage(t, AIRE_STAGE_EVALUATE, NULL);
}

aire_status aire__stages_run(aire_try *t)
{
    aire_status status = aire__workspace_make(t);
    if (status == AIRE_OK)
        status = run_stage(t, AIRE_STAGE_BUILD, NULL);
    if (status == AIRE_OK && is_good(t))
        status = run_smoke(t);
    if (status == AIRE_OK && is_good(t))
        status = run_stage(t, AIRE_STAGE_RUN, NULL);
    return status == AIRE_OK && is_good(t) ? evaluate(t) : status;
}
