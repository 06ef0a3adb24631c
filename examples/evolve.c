/*
 * aire-evolve: search for better programs by running them.
 *
 * This file is the loop that the library is made for, in readable form: ask the searcher for a
 * plan, have the ideator turn it into ideas, submit them, and tell the searcher what each was
 * worth. It uses the public headers alone; the command line, the progress and the tables are in the
 * files beside it.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "evolve.h"

/* Everything that a search is made of. */
typedef struct search {
    aire_ctx *ctx;
    aire_cancel *cancel;
    aire_env *env;
    aire_store *store;
    aire_sandbox *sandbox;
    aire_budget *budget;
    aire_model *model;
    aire_model *implementer;
    aire_model *checker; /* NULL for none */
    aire_ideator *ideator;
    aire_executor *executor;
    aire_searcher *searcher;
    const settings *settings;
    progress progress;
    notes notes;
    double best;
    bool has_best;
    char *note;
} search;

static aire_cancel *interrupt; /* for the signal handler alone */

static void on_interrupt(int number)
{
    aire_cancel_fire(interrupt);
}

/* ---- the loop ---- */

static void show_best(search *s, const aire_result *result, double value)
{
    snprintf(s->progress.best, sizeof s->progress.best, "%s %.4f (run %lld)",
             aire_env_metric(s->env), value, (long long)aire_result_run_id(result));
}

static void show_result(search *s, aire_result *result)
{
    char title[71];
    const char *metric = aire_env_metric(s->env);
    double reward, value = 0;
    s->progress.finished++;
    host_title(aire_result_idea(result), title, sizeof title);
    if (aire_result_reward(result, &reward) != AIRE_OK) {
        progress_line(&s->progress, "run %-4lld %s at %s (%s)  %s",
                      (long long)aire_result_run_id(result),
                      aire_outcome_name(aire_result_outcome(result)),
                      aire_stage_name(aire_result_stage(result)),
                      aire_cause_name(aire_result_cause(result)), title);
        return;
    }
    host_metric(result, metric, &value);
    bool better = aire_result_kind(result) == AIRE_RUN_IDEA && (!s->has_best || reward > s->best);
    if (better) {
        s->best = reward;
        s->has_best = true;
        show_best(s, result, value);
    }
    progress_line(&s->progress, "run %-4lld %s %.4f  reward %.5f%s  %s",
                  (long long)aire_result_run_id(result), metric, value, reward,
                  better ? " *" : "  ", title);
}

/* Take one finished result, show and tell it. AIRE_OK, AIRE_EMPTY when none is left, AIRE_TIMEOUT.
 */
static aire_status take_result(search *s)
{
    aire_result *result = NULL;
    s->progress.waiting = aire_executor_pending(s->executor);
    progress_draw(&s->progress, s->ctx);
    aire_status status = aire_executor_next(s->executor, 250, &result);
    if (status == AIRE_OK) {
        show_result(s, result);
        status = aire_searcher_tell(s->searcher, result);
        notes_tell(&s->notes, result, s->cancel);
        aire_result_unref(result);
    }
    return status;
}

/* Take results until none is left. AIRE_OK, AIRE_CANCELLED, or what failed. */
static aire_status drain(search *s)
{
    for (;;) {
        if (aire_cancel_fired(s->cancel))
            return AIRE_CANCELLED;
        aire_status status = take_result(s);
        if (status == AIRE_EMPTY)
            return AIRE_OK;
        if (status != AIRE_OK && status != AIRE_TIMEOUT)
            return status;
    }
}

static aire_status submit_ideas(search *s, aire_plan *plan)
{
    aire_ideas *ideas = NULL;
    aire_status status = aire_ideator_propose(s->ideator, plan, s->cancel, &ideas);
    if (status == AIRE_EMPTY)
        return aire_searcher_abandon(s->searcher, plan);
    if (status == AIRE_LIMIT && settings_text(s->settings, OPT_BUDGET)) {
        /* The plan stays open, for --resume; what is there is run and told. */
        progress_line(&s->progress, "no more ideas: %s", aire_error_message(aire_last_error()));
        return AIRE_DONE;
    }
    for (size_t i = 0; status == AIRE_OK && i < aire_ideas_count(ideas); i++)
        status = aire_executor_submit(s->executor, aire_ideas_get(ideas, i), NULL, NULL);
    aire_ideas_unref(ideas);
    return status;
}

/* Ask for plans until the executor has enough to do. AIRE_OK, AIRE_EMPTY (results are awaited),
 * AIRE_DONE. */
static aire_status fill(search *s, size_t enough)
{
    while (aire_executor_pending(s->executor) < enough && !aire_cancel_fired(s->cancel)) {
        aire_plan *plan = NULL;
        aire_status status = aire_searcher_ask(s->searcher, &plan);
        if (status != AIRE_OK)
            return status;
        status = submit_ideas(s, plan);
        aire_plan_unref(plan);
        if (status != AIRE_OK)
            return status;
    }
    return AIRE_OK;
}

/* Runs without a patch are put off when the budget is used; otherwise something is wrong. */
static aire_status wait_for_budget(const search *s)
{
    return settings_text(s->settings, OPT_BUDGET) ? AIRE_OK : AIRE_STATE;
}

static aire_status run_search(search *s)
{
    long workers = settings_number(s->settings, OPT_WORKERS);
    size_t enough = 2 * (size_t)(workers > 0 ? workers : sysconf(_SC_NPROCESSORS_ONLN));
    for (;;) {
        if (aire_cancel_fired(s->cancel))
            return AIRE_CANCELLED;
        aire_status filled = fill(s, enough);
        if (filled < 0)
            return filled;
        if (filled == AIRE_DONE)
            return drain(s);
        aire_status status = take_result(s);
        if (status == AIRE_EMPTY && filled == AIRE_EMPTY)
            return wait_for_budget(s); /* the searcher waits for results, and none will come */
        if (status < 0 && status != AIRE_TIMEOUT)
            return status;
    }
}

static aire_status run_baseline(search *s)
{
    aire_submit_options options = AIRE_SUBMIT_OPTIONS_INIT;
    long count = settings_number(s->settings, OPT_BASELINE);
    for (long seed = 1; seed <= count; seed++) {
        options.seed = (uint64_t)seed;
        aire_status status = aire_executor_submit(s->executor, NULL, &options, NULL);
        if (status != AIRE_OK)
            return status;
    }
    return drain(s);
}

/* The best ideas and the baseline, seed by seed, so that what changes on the machine meets both
 * alike. */
static aire_status run_confirmation(search *s, long seeds, long top)
{
    enum { MAX = 64 };
    aire_result *best[MAX];
    aire_status status = AIRE_OK;
    int count = best_ideas(s->store, best, top < MAX ? (int)top : MAX);
    for (long k = 0; k < seeds; k++) {
        const uint64_t seed = CONFIRM_SEED + (uint64_t)k;
        for (int i = 0; i < count && status == AIRE_OK; i++)
            status = aire_executor_confirm(s->executor, aire_result_idea(best[i]), &seed, 1);
    }
    for (int i = 0; i < count; i++)
        aire_result_unref(best[i]);
    return status == AIRE_OK ? drain(s) : status;
}

/* ---- making what it needs ---- */

static aire_status open_env(search *s)
{
    const char *path = s->settings->words[s->settings->word_count - 1];
    return host_open_env(s->ctx, path, settings_text(s->settings, OPT_ADAPTER),
                         &s->settings->variables, &s->env);
}

/* A store in which nothing was begun is as good as none: a command that was wrong leaves one. */
static aire_status check_unused(search *s, const char *path)
{
    char message[5000];
    aire_store_options options = AIRE_STORE_OPTIONS_INIT;
    aire_store_counts counts = {.struct_size = sizeof counts};
    aire_store *store = NULL;
    options.flags = AIRE_STORE_READ_ONLY | AIRE_STORE_MUST_EXIST;
    aire_status status = aire_store_open(s->ctx, path, &options, &store);
    if (status == AIRE_OK)
        status = aire_store_count(store, &counts);
    aire_store_unref(store);
    if (status != AIRE_OK || counts.plans + counts.runs_waiting + counts.runs_finished == 0)
        return status;
    snprintf(message, sizeof message,
             "'%s' holds a search already: go on with --resume, or name another --store", path);
    return aire_error_set(AIRE_EXISTS, 0, message);
}

static aire_status open_store(search *s, settings *given)
{
    char path[4096];
    const char *name = settings_text(given, OPT_STORE);
    aire_store_options options = AIRE_STORE_OPTIONS_INIT;
    aire_status status = AIRE_OK;
    snprintf(path, sizeof path, "%s%s", name ? name : aire_env_name(s->env), name ? "" : ".aire");
    if (!given->resume && access(path, F_OK) == 0)
        status = check_unused(s, path);
    options.flags = given->resume ? AIRE_STORE_MUST_EXIST : 0;
    return status == AIRE_OK ? aire_store_open(s->ctx, path, &options, &s->store) : status;
}

static aire_status make_budget(search *s)
{
    aire_budget_options options = AIRE_BUDGET_OPTIONS_INIT;
    const char *dollars = settings_text(s->settings, OPT_BUDGET);
    options.dollars = dollars ? strtod(dollars, NULL) : 0;
    return aire_budget_new(s->ctx, &options, &s->budget);
}

/* Keep its answers in the file of --record with that ending: a file has one recorder. */
static aire_status record(search *s, const char *ending, aire_model **model)
{
    char path[4096];
    const char *file = settings_text(s->settings, OPT_RECORD);
    aire_model *plain = *model;
    if (!file)
        return AIRE_OK;
    snprintf(path, sizeof path, "%s%s", file, ending);
    aire_status status = aire_model_new_recorder(s->ctx, plain, path, model);
    aire_model_unref(plain);
    return status;
}

static aire_status make_model(search *s, const char *spec, const char *ending, aire_model **out)
{
    aire_model_options options = AIRE_MODEL_OPTIONS_INIT;
    options.api_key = host_key(spec);
    options.budget = s->budget;
    options.requests_per_minute = (int32_t)settings_number(s->settings, OPT_RPM);
    options.max_attempts = 12; /* a search waits minutes for a server that is started again */
    aire_status status = aire_model_new(s->ctx, spec, &options, out);
    return status == AIRE_OK ? record(s, ending, out) : status;
}

static aire_status make_models(search *s)
{
    const char *model = settings_text(s->settings, OPT_MODEL);
    const char *implementer = settings_text(s->settings, OPT_IMPLEMENTER);
    const char *checker = settings_text(s->settings, OPT_CHECKER);
    aire_status status = make_budget(s);
    if (status == AIRE_OK && checker)
        status = make_model(s, checker, ".checker", &s->checker);
    if (status == AIRE_OK && model)
        status = make_model(s, model, "", &s->model);
    if (status == AIRE_OK && implementer)
        return make_model(s, implementer, ".implementer", &s->implementer);
    s->implementer = aire_model_ref(s->model);
    return status;
}

/* Given to each part by itself: on --resume it is known only after the context was made. */
static uint64_t seed_of(const search *s)
{
    return (uint64_t)settings_number(s->settings, OPT_SEED);
}

/* What a model proposes again, of this search or of what --resume found, is not run again. */
static aire_status drop_old_ideas(search *s)
{
    aire_ideator *plain = s->ideator;
    aire_ideas *ideas = NULL;
    if (!settings_number(s->settings, OPT_NOVELTY))
        return AIRE_OK;
    aire_status status = aire_ideator_novelty_new(s->ctx, plain, NULL, &s->ideator);
    aire_ideator_unref(plain);
    if (status == AIRE_OK)
        status = aire_store_ideas(s->store, 0, &ideas);
    for (size_t i = 0; status == AIRE_OK && i < aire_ideas_count(ideas); i++)
        status = aire_ideator_novelty_add(s->ideator, aire_ideas_get(ideas, i));
    aire_ideas_unref(ideas);
    return status;
}

/* Words of a model: whole ideas, or choices among the manifest's knobs. */
static aire_status make_model_ideator(search *s, bool chooses)
{
    aire_ideator_chat_options chat = AIRE_IDEATOR_CHAT_OPTIONS_INIT;
    aire_ideator_schema_options schema = AIRE_IDEATOR_SCHEMA_OPTIONS_INIT;
    chat.seed = schema.seed = seed_of(s);
    chat.notes_every = (int32_t)settings_number(s->settings, OPT_NOTES);
    chat.template_dir = schema.template_dir = settings_text(s->settings, OPT_TEMPLATES);
    if (!s->model)
        return aire_error_set(AIRE_INVALID, 0,
                              "--ideator chat and schema need --model, such as chat:MODEL@URL");
    aire_status status =
        chooses ? aire_ideator_schema_new(s->ctx, s->env, s->model, &schema, &s->ideator)
                : aire_ideator_chat_new(s->ctx, s->env, s->model, &chat, &s->ideator);
    if (status == AIRE_OK && !chooses)
        s->notes = (notes){.ctx = s->ctx,
                           .store = s->store,
                           .ideator = aire_ideator_ref(s->ideator),
                           .progress = &s->progress};
    return status == AIRE_OK ? drop_old_ideas(s) : status;
}

static aire_status make_ideator(search *s)
{
    const char *kind = settings_text(s->settings, OPT_IDEATOR);
    aire_ideator_knobs_options knobs = AIRE_IDEATOR_KNOBS_OPTIONS_INIT;
    knobs.seed = seed_of(s);
    if (!strcmp(kind, "knobs"))
        return aire_ideator_knobs_new(s->ctx, s->env, &knobs, &s->ideator);
    if (!strcmp(kind, "chat") || !strcmp(kind, "schema"))
        return make_model_ideator(s, !strcmp(kind, "schema"));
    if (!strncmp(kind, "replay:", 7))
        return aire_ideator_replay_new(s->ctx, kind + 7, &s->ideator);
    return aire_error_set(AIRE_INVALID, 0, "--ideator is knobs, chat, schema, or replay:FILE");
}

static aire_status make_searcher(search *s)
{
    const char *kind = settings_text(s->settings, OPT_SEARCHER);
    int32_t batch = (int32_t)settings_number(s->settings, OPT_BATCH);
    int32_t epochs = (int32_t)settings_number(s->settings, OPT_EPOCHS);
    int32_t size = (int32_t)settings_number(s->settings, OPT_EPOCH_SIZE);
    if (!strcmp(kind, "evolution")) {
        aire_searcher_evolution_options options = AIRE_SEARCHER_EVOLUTION_OPTIONS_INIT;
        options.epochs = epochs;
        options.epoch_size = size;
        options.batch = batch;
        options.seed = seed_of(s);
        return aire_searcher_evolution_new(s->ctx, s->store, &options, &s->searcher);
    }
    if (!strcmp(kind, "best-of-n")) {
        aire_searcher_best_of_n_options options = AIRE_SEARCHER_BEST_OF_N_OPTIONS_INIT;
        options.count = (int32_t)((int64_t)epochs * size);
        options.batch = batch;
        return aire_searcher_best_of_n_new(s->ctx, s->store, &options, &s->searcher);
    }
    return aire_error_set(AIRE_INVALID, 0, "--searcher is evolution or best-of-n");
}

static aire_status make_sandbox(search *s)
{
    aire_status status =
        host_make_sandbox(s->ctx, settings_text(s->settings, OPT_WORKER), &s->sandbox);
    if (status != AIRE_UNSUPPORTED || !settings_text(s->settings, OPT_SLURM))
        return status;
    aire_log(s->ctx, AIRE_LOG_INFO, "sandbox",
             "this machine has none, and needs none: all runs are on the cluster's nodes");
    return AIRE_OK;
}

/* 0 on the command line is never, which the library calls -1. */
static int32_t times(const search *s, option_id id)
{
    int32_t count = (int32_t)settings_number(s->settings, id);
    return count ? count : -1;
}

static void set_implementer(const search *s, aire_executor_options *options)
{
    options->implementer = s->implementer;
    options->checker = s->checker;
    options->candidates = (int32_t)settings_number(s->settings, OPT_CANDIDATES);
    options->candidates_at_once = (int32_t)settings_number(s->settings, OPT_AT_ONCE);
    options->revisions = times(s, OPT_REVISIONS);
    options->repairs = times(s, OPT_REPAIRS);
    options->repair_seconds = times(s, OPT_REPAIR_SECONDS);
    options->forms = settings_forms(s->settings);
    options->skip_smoke = settings_number(s->settings, OPT_SMOKE) == 0;
    options->template_dir = settings_text(s->settings, OPT_TEMPLATES);
}

static aire_status make_executor(search *s)
{
    aire_executor_options options = AIRE_EXECUTOR_OPTIONS_INIT;
    aire_slurm_options slurm = AIRE_SLURM_OPTIONS_INIT;
    int32_t gpus[64];
    int gpu_count = settings_gpus(s->settings, gpus, 64);
    slurm.directory = settings_text(s->settings, OPT_SLURM);
    slurm.conf_path = getenv("SLURM_CONF"); /* as Slurm's own commands do */
    slurm.partition = settings_text(s->settings, OPT_PARTITION);
    slurm.worker_path = settings_text(s->settings, OPT_WORKER);
    options.slurm = slurm.directory ? &slurm : NULL;
    options.workers = (int32_t)settings_number(s->settings, OPT_WORKERS);
    options.gpus = gpu_count >= 0 ? gpus : NULL;
    options.gpu_count = gpu_count > 0 ? (size_t)gpu_count : 0;
    options.work_dir = settings_text(s->settings, OPT_WORK_DIR);
    set_implementer(s, &options);
    options.progress = progress_stage;
    options.progress_user_data = &s->progress;
    return aire_executor_new(s->ctx, s->env, s->sandbox, s->store, &options, &s->executor);
}

/* How the search was started is kept in the store, so that --resume alone is enough. */
static int agree_on_settings(search *s, settings *given)
{
    aire_status status = AIRE_NOT_FOUND;
    if (given->resume)
        status = aire_store_get_note(s->store, "aire-evolve", &s->note);
    if (status == AIRE_OK)
        return settings_take_note(given, s->note);
    if (status != AIRE_NOT_FOUND)
        return complain("reading how the search was started");
    char *note = settings_note(given);
    status = note ? aire_store_set_note(s->store, "aire-evolve", note) : AIRE_NOMEM;
    free(note);
    if (status == AIRE_OK)
        status = aire_store_set_note(s->store, METRIC_NOTE, aire_env_metric(s->env));
    return status == AIRE_OK ? EXIT_OK : complain("keeping how the search was started");
}

static int open_search(search *s, settings *given)
{
    if (open_env(s) != AIRE_OK)
        return complain("environment");
    if (open_store(s, given) != AIRE_OK)
        return complain("store");
    int code = agree_on_settings(s, given);
    if (code != EXIT_OK)
        return code;
    if (make_models(s) != AIRE_OK)
        return complain("model");
    if (make_ideator(s) != AIRE_OK)
        return complain("ideator");
    if (make_sandbox(s) != AIRE_OK)
        return complain("sandbox");
    if (make_searcher(s) != AIRE_OK)
        return complain("searcher");
    return make_executor(s) == AIRE_OK ? EXIT_OK : complain("executor");
}

/* After --resume the best idea so far is known. */
static void recall_best(search *s)
{
    aire_result *best = NULL;
    double value = 0;
    if (best_ideas(s->store, &best, 1) != 1)
        return;
    s->has_best = aire_result_reward(best, &s->best) == AIRE_OK;
    host_metric(best, aire_env_metric(s->env), &value);
    show_best(s, best, value);
    aire_result_unref(best);
}

static void close_search(search *s)
{
    aire_executor_unref(s->executor); /* first: it ends what runs */
    aire_searcher_unref(s->searcher);
    aire_ideator_unref(s->notes.ideator);
    aire_ideator_unref(s->ideator);
    aire_model_unref(s->implementer);
    aire_model_unref(s->checker);
    aire_model_unref(s->model);
    aire_budget_unref(s->budget);
    aire_sandbox_unref(s->sandbox);
    aire_store_unref(s->store);
    aire_env_unref(s->env);
    aire_free(s->ctx, s->note);
}

/* ---- the command ---- */

static int finish(search *s, aire_status status)
{
    const char *metric = aire_env_metric(s->env);
    long confirm = settings_number(s->settings, OPT_CONFIRM);
    progress_end(&s->progress);
    if (status == AIRE_CANCELLED || aire_cancel_fired(s->cancel)) {
        puts("\nInterrupted; nothing is lost. Go on with the same command and --resume.");
        return EXIT_INTERRUPTED;
    }
    if (status < 0)
        return complain("search");
    int code = report_search(s->store, s->settings, metric,
                             (aire_ctx_monotonic_ns(s->ctx) - s->progress.started_ns) / 1000000);
    if (code == EXIT_OK && confirm > 0)
        code = report_confirmation(s->store, metric, settings_number(s->settings, OPT_TOP));
    return code;
}

static int command_run(aire_ctx *ctx, settings *given)
{
    search s = {.ctx = ctx, .settings = given};
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESETHAND};
    if (aire_cancel_new(ctx, &s.cancel) != AIRE_OK)
        return complain("start");
    interrupt = s.cancel;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);

    progress_begin(&s.progress, ctx);
    int code = open_search(&s, given);
    if (code == EXIT_OK) {
        long confirm = settings_number(given, OPT_CONFIRM);
        recall_best(&s);
        aire_status status = notes_recall(&s.notes, s.cancel);
        if (status == AIRE_OK)
            status = run_baseline(&s);
        if (status == AIRE_OK)
            status = run_search(&s);
        if (status >= 0 && confirm > 0)
            status = run_confirmation(&s, confirm, settings_number(given, OPT_TOP));
        code = finish(&s, status);
    }
    close_search(&s);
    aire_cancel_unref(s.cancel);
    return code;
}

static int dispatch(aire_ctx *ctx, settings *s)
{
    const char *command = s->words[0];
    if (!strcmp(command, "list"))
        return command_list(ctx, s);
    if (!strcmp(command, "show"))
        return command_show(ctx, s);
    if (!strcmp(command, "stats"))
        return command_stats(ctx, s);
    if (!strcmp(command, "export"))
        return command_export(ctx, s);
    if (!strcmp(command, "pin") || !strcmp(command, "unpin"))
        return command_pin(ctx, s);
    if (!strcmp(command, "bundle"))
        return command_bundle(ctx, s);
    if (!strcmp(command, "import"))
        return command_import(ctx, s);
    bool named = !strcmp(command, "run");
    if (s->word_count != (named ? 2 : 1)) {
        fprintf(stderr, "usage: aire-evolve run ENV [options] (see aire-evolve --help)\n");
        return EXIT_USAGE;
    }
    return command_run(ctx, s);
}

int main(int argc, char **argv)
{
    settings given;
    bool done;
    int code = settings_parse(&given, argc, argv, &done);
    if (code != EXIT_OK || done)
        return code;

    aire_ctx_options options = AIRE_CTX_OPTIONS_INIT;
    aire_ctx *ctx = NULL;
    options.seed = (uint64_t)settings_number(&given, OPT_SEED);
    options.log = host_log;
    options.log_level = (int32_t)settings_number(&given, OPT_LOG);
    if (aire_ctx_new(&options, &ctx) != AIRE_OK)
        return complain("start");
    code = dispatch(ctx, &given);
    aire_ctx_unref(ctx);
    return code;
}
