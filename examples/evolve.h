/* aire-evolve: what its files share. */
#ifndef EXAMPLES_EVOLVE_H
#define EXAMPLES_EVOLVE_H

#include <stdio.h>

#include "host.h"

/* Exit codes. */
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_NOTHING = 3, EXIT_INTERRUPTED = 130 };

/* ---- options: evolve_options.c ---- */

typedef enum option_id {
    OPT_STORE,
    OPT_ADAPTER,
    OPT_IDEATOR,
    OPT_TEMPLATES,
    OPT_NOVELTY,
    OPT_NOTES,
    OPT_MODEL,
    OPT_IMPLEMENTER,
    OPT_CANDIDATES,
    OPT_AT_ONCE,
    OPT_REVISIONS,
    OPT_REPAIRS,
    OPT_REPAIR_SECONDS,
    OPT_FORMS,
    OPT_CHECKER,
    OPT_SMOKE,
    OPT_BUDGET,
    OPT_RPM,
    OPT_RECORD,
    OPT_SEARCHER,
    OPT_EPOCHS,
    OPT_EPOCH_SIZE,
    OPT_BATCH,
    OPT_SEED,
    OPT_BASELINE,
    OPT_CONFIRM,
    OPT_TOP,
    OPT_WORKERS,
    OPT_GPUS,
    OPT_SLURM,
    OPT_PARTITION,
    OPT_WORK_DIR,
    OPT_WORKER,
    OPT_LOG,
    OPT_COUNT
} option_id;

typedef struct settings {
    char *words[4]; /* what stands beside the options: the environment, or a command and its
                       arguments */
    int word_count;
    const char *value[OPT_COUNT]; /* as given, else NULL */
    host_variables variables;
    bool resume;
} settings;

/* EXIT_OK, or EXIT_USAGE after saying what is wrong; `done` for --help and --version. */
int settings_parse(settings *s, int argc, char **argv, bool *done);

/* The value of an option: as given, else its default; NULL if it has none. */
const char *settings_text(const settings *s, option_id id);
long settings_number(const settings *s, option_id id);

/* The bits of --forms, AIRE_FORM_*; 0: one of its words is unknown. */
uint32_t settings_forms(const settings *s);

/* The numbers of --gpus, at most `max`; their count, -1 if none were given. */
int settings_gpus(const settings *s, int32_t *numbers, int max);

/* How the search was started, as lines "name=value", for the store; free(). */
char *settings_note(const settings *s);

/* Take up such lines: they become the values where none is given; a different one that is given is
 * refused. */
int settings_take_note(settings *s, char *note);

/* ---- the terminal: evolve_progress.c ---- */

typedef struct progress {
    bool live; /* redraw one line; else plain lines only */
    int64_t started_ns;
    size_t finished, waiting;
    char best[96];
    char stage[64]; /* what a run began last */
} progress;

void progress_begin(progress *p, aire_ctx *ctx);
void progress_stage(const aire_progress *stage, void *progress); /* an aire_progress_fn */
void progress_line(progress *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
void progress_draw(progress *p, aire_ctx *ctx);
void progress_end(progress *p);

/* ---- notes: evolve_notes.c ---- */

typedef struct notes {
    aire_ctx *ctx;
    aire_store *store;
    aire_ideator *ideator; /* that writes them; NULL for none. The one reference among these */
    progress *progress;
    int64_t told; /* results of ideas, since the search began */
} notes;

/* Take up the notes of a search that goes on, and tell what has come since they were written. */
aire_status notes_recall(notes *n, aire_cancel *cancel);

/* Tell a result. A model that fails at its notes is shown, and ends no search. */
void notes_tell(notes *n, aire_result *result, aire_cancel *cancel);

/* The notes of a store, NULL if there are none; free(). */
aire_status notes_read(aire_ctx *ctx, aire_store *store, char **text);

/* ---- reports: evolve_report.c, evolve_records.c ---- */

/* Baseline, best ideas, outcomes, calls, and what to do next. */
int report_search(aire_store *store, const settings *s, const char *metric, int64_t elapsed_ms);

/* How many ideas became code that ran, by model and kind; with_causes: and what the others failed
 * of. evolve_completion.c */
int report_completion(aire_store *store, bool with_causes);

/* What models answered when they were to write the patch of a run. */
int report_drafts(aire_store *store, int64_t run);

/* Where the files of a run are, if the manifest's retention has kept them. */
bool kept_files(aire_store *store, const settings *s, int64_t run, char *path, size_t size);

/* The best ideas against the baseline, on the fresh seeds of --confirm. */
int report_confirmation(aire_store *store, const char *metric, int64_t top);

/* The best ideas, by one result each, best first; the count, or -1. Each result is a reference. */
int best_ideas(aire_store *store, aire_result **best, int max);

int command_list(aire_ctx *ctx, const settings *s);
int command_show(aire_ctx *ctx, const settings *s);
int command_stats(aire_ctx *ctx, const settings *s);
int command_export(aire_ctx *ctx, const settings *s);
int command_pin(aire_ctx *ctx, const settings *s);
int command_bundle(aire_ctx *ctx, const settings *s);
int command_import(aire_ctx *ctx, const settings *s);

/* Say what failed, and give EXIT_FAILED. */
int complain(const char *doing);

/* Seeds of confirming runs begin here, away from those of baselines. */
#define CONFIRM_SEED 1001

#endif
