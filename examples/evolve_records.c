/* aire-evolve list, show, export and bundle: reading a store, also while a search writes to it; pin
 * and import. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "evolve.h"

static int open_to_read(aire_ctx *ctx, const char *path, aire_store **store)
{
    aire_store_options options = AIRE_STORE_OPTIONS_INIT;
    options.flags = AIRE_STORE_READ_ONLY | AIRE_STORE_MUST_EXIST;
    aire_status status = aire_store_open(ctx, path, &options, store);
    if (status == AIRE_NOT_FOUND) {
        complain("opening the store");
        return EXIT_NOTHING;
    }
    return status == AIRE_OK ? EXIT_OK : complain("opening the store");
}

static int needs(const settings *s, int words, const char *usage)
{
    if (s->word_count == words)
        return EXIT_OK;
    fprintf(stderr, "usage: aire-evolve %s\n", usage);
    return EXIT_USAGE;
}

/* What a list shows: of the metric that counts, if its name is known. */
typedef struct table {
    char *metric; /* NULL: the first one of each result */
    int width;    /* of its column */
    size_t rows;
} table;

static void print_row(const table *t, const aire_result *result)
{
    double reward, metric = NAN;
    char title[61];
    printf("%-5lld %-9s %-15s", (long long)aire_result_run_id(result),
           aire_run_kind_name(aire_result_kind(result)),
           aire_outcome_name(aire_result_outcome(result)));
    if (aire_result_reward(result, &reward) == AIRE_OK) {
        host_metric(result, t->metric, &metric);
        printf(" %*.4f %10.5f", t->width, metric, reward);
    } else {
        printf(" %*s %10s", t->width, "-", "-");
    }
    printf(" %7.1f  %s\n", host_seconds(result),
           host_title(aire_result_idea(result), title, sizeof title));
}

/* Print the rows of a query; those with (or without) a reward only. */
static int print_rows(aire_store *store, int32_t order, bool failures, table *t)
{
    aire_store_query query = AIRE_STORE_QUERY_INIT;
    aire_results *results = NULL;
    query.order = order;
    if (aire_store_results(store, &query, &results) != AIRE_OK)
        return complain("reading results");
    for (size_t i = 0; i < aire_results_count(results); i++) {
        aire_result *result = aire_results_get(results, i);
        if (failures == (aire_result_outcome(result) != AIRE_OUTCOME_OK)) {
            print_row(t, result);
            t->rows++;
        }
    }
    aire_results_unref(results);
    return EXIT_OK;
}

static int print_table(aire_ctx *ctx, aire_store *store, table *t)
{
    aire_status status = aire_store_get_note(store, METRIC_NOTE, &t->metric);
    if (status != AIRE_OK && status != AIRE_NOT_FOUND)
        return complain("reading the metric's name");
    const char *heading = t->metric ? t->metric : "metric";
    size_t length = strlen(heading);
    t->width = length < 10 ? 10 : length < 24 ? (int)length : 24;
    printf("%-5s %-9s %-15s %*.*s %10s %7s  %s\n", "run", "kind", "outcome", t->width, t->width,
           heading, "reward", "seconds", "idea");
    int code = print_rows(store, AIRE_ORDER_REWARD, false, t);
    if (code == EXIT_OK)
        code = print_rows(store, AIRE_ORDER_RUN, true, t);
    aire_free(ctx, t->metric);
    return code;
}

int command_list(aire_ctx *ctx, const settings *s)
{
    aire_store *store = NULL;
    table t = {0};
    int code = needs(s, 2, "list FILE");
    if (code == EXIT_OK)
        code = open_to_read(ctx, s->words[1], &store);
    if (code == EXIT_OK)
        code = print_table(ctx, store, &t);
    aire_store_unref(store);
    return code == EXIT_OK && t.rows == 0 ? EXIT_NOTHING : code;
}

static void print_text(const char *heading, const char *text)
{
    if (*text)
        printf("\n%s\n", heading);
    host_print(text, strlen(text), NULL);
}

static void print_result(const aire_result *result)
{
    aire_idea *idea = aire_result_idea(result);
    aire_patch *patch = aire_result_patch(result);
    double reward;
    printf("run %lld (%s, seed %llu): %s", (long long)aire_result_run_id(result),
           aire_run_kind_name(aire_result_kind(result)),
           (unsigned long long)aire_result_seed(result),
           aire_outcome_name(aire_result_outcome(result)));
    if (aire_result_outcome(result) != AIRE_OUTCOME_OK)
        printf(" at %s: %s", aire_stage_name(aire_result_stage(result)),
               aire_cause_name(aire_result_cause(result)));
    putchar('\n');
    host_print(aire_result_detail(result), strlen(aire_result_detail(result)), NULL);
    for (size_t i = 0; i < aire_result_metric_count(result); i++)
        printf("%s = %.6g\n", aire_result_metric(result, i)->name,
               aire_result_metric(result, i)->value);
    if (aire_result_reward(result, &reward) == AIRE_OK)
        printf("reward = %.6g (%s)\n", reward, aire_trust_name(aire_result_trust(result)));
    for (size_t i = 0; i < aire_result_usage_count(result); i++) {
        const aire_usage *usage = aire_result_usage(result, i);
        printf("%s: %.2f s\n", aire_stage_name(usage->stage), (double)usage->wall_ms / 1000);
    }
    if (idea) {
        char title[201];
        printf("\n# %s\n", host_title(idea, title, sizeof title));
        print_text("## Idea", aire_idea_text(idea));
        print_text("## Changes", aire_idea_changes(idea));
    }
    if (!patch && idea)
        patch = aire_idea_patch(idea);
    print_text("## Patch", patch ? aire_patch_text(patch) : "");
    print_text("## End of the log", aire_result_log_tail(result));
}

/* The result of a run, as a list of one. */
static int find_run(aire_store *store, const char *number, aire_results **results)
{
    aire_store_query query = AIRE_STORE_QUERY_INIT;
    char *end;
    query.run_id = strtoll(number, &end, 10);
    if (*end || query.run_id <= 0) {
        fprintf(stderr, "aire-evolve: a run's number is needed, not '%s'; see aire-evolve list\n",
                number);
        return EXIT_USAGE;
    }
    if (aire_store_results(store, &query, results) != AIRE_OK)
        return complain("reading results");
    if (aire_results_count(*results) == 0) {
        fprintf(stderr, "aire-evolve: there is no finished run %s; see aire-evolve list\n", number);
        return EXIT_NOTHING;
    }
    return EXIT_OK;
}

static void print_files(aire_store *store, const settings *s, int64_t run)
{
    char path[4096];
    int32_t pinned = 0;
    bool kept = kept_files(store, s, run, path, sizeof path);
    if (aire_store_pinned(store, run, &pinned) != AIRE_OK)
        pinned = 0;
    if (kept)
        printf("\nfiles: %s\n", path);
    if (pinned)
        printf("%spinned\n", kept ? "" : "\n");
}

int command_show(aire_ctx *ctx, const settings *s)
{
    aire_store *store = NULL;
    aire_results *results = NULL;
    int code = needs(s, 3, "show FILE RUN");
    if (code == EXIT_OK)
        code = open_to_read(ctx, s->words[1], &store);
    if (code == EXIT_OK)
        code = find_run(store, s->words[2], &results);
    if (code == EXIT_OK)
        print_result(aire_results_get(results, 0));
    if (code == EXIT_OK)
        code = report_drafts(store, aire_result_run_id(aire_results_get(results, 0)));
    if (code == EXIT_OK)
        print_files(store, s, aire_result_run_id(aire_results_get(results, 0)));
    aire_results_unref(results);
    aire_store_unref(store);
    return code;
}

int command_stats(aire_ctx *ctx, const settings *s)
{
    aire_store *store = NULL;
    int code = needs(s, 2, "stats FILE");
    if (code == EXIT_OK)
        code = open_to_read(ctx, s->words[1], &store);
    if (code == EXIT_OK)
        code = report_completion(store, true);
    aire_store_unref(store);
    return code;
}

/* For pin, unpin and import: a store that no search may hold meanwhile. */
static int open_to_write(aire_ctx *ctx, const char *path, aire_store **store)
{
    aire_store_options options = AIRE_STORE_OPTIONS_INIT;
    options.flags = AIRE_STORE_MUST_EXIST;
    return aire_store_open(ctx, path, &options, store) == AIRE_OK ? EXIT_OK
                                                                  : complain("opening the store");
}

int command_pin(aire_ctx *ctx, const settings *s)
{
    aire_store *store = NULL;
    aire_results *results = NULL;
    char path[4096];
    bool pins = !strcmp(s->words[0], "pin");
    int code = needs(s, 3, pins ? "pin FILE RUN" : "unpin FILE RUN");
    if (code == EXIT_OK)
        code = open_to_write(ctx, s->words[1], &store);
    if (code == EXIT_OK)
        code = find_run(store, s->words[2], &results);
    if (code == EXIT_OK) {
        int64_t run = aire_result_run_id(aire_results_get(results, 0));
        if (aire_store_pin(store, run, pins) != AIRE_OK)
            code = complain("pinning");
        else if (pins && !kept_files(store, s, run, path, sizeof path))
            printf("run %lld is pinned; its files were not kept\n", (long long)run);
    }
    aire_results_unref(results);
    aire_store_unref(store);
    return code;
}

int command_bundle(aire_ctx *ctx, const settings *s)
{
    aire_store *store = NULL;
    aire_results *results = NULL;
    int code = needs(s, 4, "bundle FILE RUN ARCHIVE");
    if (code == EXIT_OK)
        code = open_to_read(ctx, s->words[1], &store);
    if (code == EXIT_OK)
        code = find_run(store, s->words[2], &results);
    if (code == EXIT_OK &&
        aire_store_export(store, aire_result_run_id(aire_results_get(results, 0)), s->words[3]) !=
            AIRE_OK)
        code = complain("writing the bundle");
    aire_results_unref(results);
    aire_store_unref(store);
    return code;
}

int command_import(aire_ctx *ctx, const settings *s)
{
    aire_store *store = NULL;
    int64_t run;
    int code = needs(s, 3, "import FILE ARCHIVE");
    if (code == EXIT_OK)
        code = open_to_write(ctx, s->words[1], &store);
    if (code == EXIT_OK && aire_store_import(store, s->words[2], &run) != AIRE_OK)
        code = complain("reading the bundle");
    else if (code == EXIT_OK)
        printf("run %lld\n", (long long)run);
    aire_store_unref(store);
    return code;
}

static int write_file(const char *directory, const char *name, const char *text)
{
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = length < (int)sizeof path ? fopen(path, "we") : NULL;
    if (!file || fputs(text, file) < 0 || fclose(file) != 0) {
        fprintf(stderr, "aire-evolve: cannot write %s: %s\n", path, strerror(errno));
        return EXIT_FAILED;
    }
    return EXIT_OK;
}

static int write_of_run(const char *directory, int64_t run, const char *ending, const char *text)
{
    char name[64];
    snprintf(name, sizeof name, "%04lld.%s", (long long)run, ending);
    return write_file(directory, name, text);
}

static int export_json(aire_ctx *ctx, const aire_result *result, const char *directory)
{
    char *run = NULL, *idea = NULL, *both = NULL;
    size_t length = 0;
    int code = EXIT_FAILED;
    if (aire_result_to_json(result, &run) != AIRE_OK ||
        (aire_result_idea(result) &&
         aire_idea_to_json(aire_result_idea(result), &idea) != AIRE_OK)) {
        code = complain("writing JSON");
    } else {
        FILE *to = open_memstream(&both, &length);
        if (to) {
            fprintf(to, "{\"result\": %s, \"idea\": %s}\n", run, idea ? idea : "null");
            fclose(to);
            code = write_of_run(directory, aire_result_run_id(result), "json", both);
        }
    }
    free(both);
    aire_free(ctx, idea);
    aire_free(ctx, run);
    return code;
}

static int export_one(aire_ctx *ctx, const aire_result *result, const char *directory)
{
    int64_t run = aire_result_run_id(result);
    aire_patch *patch = aire_result_patch(result);
    int code = export_json(ctx, result, directory);
    if (code == EXIT_OK && patch)
        code = write_of_run(directory, run, "patch", aire_patch_text(patch));
    if (code == EXIT_OK && *aire_result_log_tail(result))
        code = write_of_run(directory, run, "log", aire_result_log_tail(result));
    return code;
}

static int export_notes(aire_ctx *ctx, aire_store *store, const char *directory)
{
    char *text = NULL;
    if (notes_read(ctx, store, &text) != AIRE_OK)
        return complain("reading the notes");
    int code = text ? write_file(directory, "notes.txt", text) : EXIT_OK;
    free(text);
    return code;
}

int command_export(aire_ctx *ctx, const settings *s)
{
    aire_store *store = NULL;
    aire_results *results = NULL;
    int code = needs(s, 3, "export FILE DIRECTORY");
    if (code == EXIT_OK)
        code = open_to_read(ctx, s->words[1], &store);
    if (code == EXIT_OK && mkdir(s->words[2], 0777) != 0 && errno != EEXIST) {
        fprintf(stderr, "aire-evolve: cannot make %s: %s\n", s->words[2], strerror(errno));
        code = EXIT_FAILED;
    }
    if (code == EXIT_OK && aire_store_results(store, NULL, &results) != AIRE_OK)
        code = complain("reading results");
    size_t count = aire_results_count(results);
    for (size_t i = 0; i < count && code == EXIT_OK; i++)
        code = export_one(ctx, aire_results_get(results, i), s->words[2]);
    if (code == EXIT_OK)
        code = export_notes(ctx, store, s->words[2]);
    if (code == EXIT_OK)
        printf("%zu results in %s\n", count, s->words[2]);
    aire_results_unref(results);
    aire_store_unref(store);
    return code;
}
