/* aire-evolve: the tables at the end of a search, all read from the store. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "evolve.h"

enum { BEST_SHOWN = 5, NAME_WIDTH = 46 };

int complain(const char *doing)
{
    fprintf(stderr, "aire-evolve: %s: %s\n", doing, aire_error_message(aire_last_error()));
    return EXIT_FAILED;
}

/* A growing sample of rewards and metrics. */
typedef struct sample {
    double *rewards, *metrics;
    size_t count, capacity;
} sample;

static void sample_add(sample *s, const aire_result *result, const char *metric)
{
    double reward, value = NAN;
    if (aire_result_reward(result, &reward) != AIRE_OK)
        return;
    if (s->count == s->capacity) {
        size_t capacity = s->capacity ? 2 * s->capacity : 16;
        double *rewards = realloc(s->rewards, capacity * sizeof *rewards);
        s->rewards = rewards ? rewards : s->rewards;
        double *metrics = realloc(s->metrics, capacity * sizeof *metrics);
        s->metrics = metrics ? metrics : s->metrics;
        if (!rewards || !metrics)
            return;
        s->capacity = capacity;
    }
    host_metric(result, metric, &value);
    s->rewards[s->count] = reward;
    s->metrics[s->count++] = value;
}

static void sample_free(sample *s)
{
    free(s->rewards);
    free(s->metrics);
}

typedef enum seeds { SEEDS_SEARCH, SEEDS_CONFIRM } seeds;

/* Results of one kind (and idea), of the search's seeds or of the confirming ones. */
static int read_sample(aire_store *store, int32_t kind, int64_t idea, seeds which,
                       const char *metric, sample *out)
{
    aire_store_query query = AIRE_STORE_QUERY_INIT;
    aire_results *results = NULL;
    query.kind = kind;
    query.idea_id = idea;
    if (aire_store_results(store, &query, &results) != AIRE_OK)
        return complain("reading results");
    for (size_t i = 0; i < aire_results_count(results); i++) {
        aire_result *result = aire_results_get(results, i);
        bool confirms = aire_result_seed(result) >= CONFIRM_SEED;
        if (confirms == (which == SEEDS_CONFIRM))
            sample_add(out, result, metric);
    }
    aire_results_unref(results);
    return EXIT_OK;
}

static aire_summary summarise(const double *values, size_t count)
{
    aire_summary summary = {.struct_size = sizeof summary, .mean = NAN, .deviation = NAN};
    if (aire_stats_summary(values, count, &summary) != AIRE_OK)
        summary.count = 0;
    return summary;
}

static void print_sample(const char *name, const sample *s, const char *metric)
{
    aire_summary reward = summarise(s->rewards, s->count), value = summarise(s->metrics, s->count);
    printf("%-10s n = %zu   %s %.4f +- %.4f   reward %.5f +- %.5f\n", name, s->count, metric,
           value.mean, value.deviation, reward.mean, reward.deviation);
}

int best_ideas(aire_store *store, aire_result **best, int max)
{
    aire_store_query query = AIRE_STORE_QUERY_INIT;
    aire_results *results = NULL;
    int count = 0;
    query.kind = AIRE_RUN_IDEA;
    query.order = AIRE_ORDER_REWARD;
    query.limit = max;
    if (aire_store_results(store, &query, &results) != AIRE_OK)
        return -1;
    for (; count < max && (size_t)count < aire_results_count(results); count++)
        best[count] = aire_result_ref(aire_results_get(results, (size_t)count));
    aire_results_unref(results);
    return count;
}

bool kept_files(aire_store *store, const settings *s, int64_t run, char *path, size_t size)
{
    const char *work = settings_text(s, OPT_WORK_DIR);
    struct stat info;
    int length = snprintf(path, size, "%s%s/kept/run-%lld", work ? work : aire_store_path(store),
                          work ? "" : ".work", (long long)run);
    return length < (int)size && stat(path, &info) == 0;
}

static void print_files(aire_store *store, const settings *s, const aire_result *result)
{
    char path[4096];
    int64_t run = aire_result_run_id(result);
    if (kept_files(store, s, run, path, sizeof path))
        printf("files of run %lld: %s\n", (long long)run, path);
}

static void print_best(aire_store *store, const settings *s, const char *metric, double baseline)
{
    aire_result *best[BEST_SHOWN];
    int count = best_ideas(store, best, BEST_SHOWN);
    printf("\n%-5s %-*s %10s %10s %9s\n", "run", NAME_WIDTH, "best ideas", metric, "reward",
           "gain");
    for (int i = 0; i < count; i++) {
        double reward = 0, value = NAN;
        char title[NAME_WIDTH + 1];
        if (aire_result_reward(best[i], &reward) == AIRE_OK) {
            host_metric(best[i], metric, &value);
            printf("%-5lld %-*s %10.4f %10.5f %+8.2f%%\n", (long long)aire_result_run_id(best[i]),
                   NAME_WIDTH, host_title(aire_result_idea(best[i]), title, sizeof title), value,
                   reward, 100 * (reward - baseline) / fabs(baseline));
        }
    }
    if (count > 0)
        print_files(store, s, best[0]);
    for (int i = 0; i < count; i++)
        aire_result_unref(best[i]);
    if (count <= 0)
        puts("(none finished with a reward)");
}

static int print_outcomes(aire_store *store)
{
    aire_store_query query = AIRE_STORE_QUERY_INIT;
    aire_results *results = NULL;
    size_t outcomes[32] = {0}, total;
    query.kind = AIRE_RUN_IDEA;
    if (aire_store_results(store, &query, &results) != AIRE_OK)
        return complain("reading results");
    total = aire_results_count(results);
    for (size_t i = 0; i < total; i++)
        outcomes[aire_result_outcome(aire_results_get(results, i)) & 31]++;
    aire_results_unref(results);
    printf("\noutcomes of %zu ideas:", total);
    for (int i = 0; i < 32; i++)
        if (outcomes[i])
            printf("  %s %zu (%.0f%%)", aire_outcome_name(i), outcomes[i],
                   100.0 * (double)outcomes[i] / (double)total);
    putchar('\n');
    return EXIT_OK;
}

/* What the evaluated code says of itself is not to be taken for more. */
static void print_trust(aire_store *store)
{
    aire_store_query query = AIRE_STORE_QUERY_INIT;
    aire_results *results = NULL;
    query.kind = AIRE_RUN_BASELINE;
    query.limit = 1;
    if (aire_store_results(store, &query, &results) == AIRE_OK && aire_results_count(results) &&
        aire_result_trust(aire_results_get(results, 0)) == AIRE_TRUST_SELF_REPORTED)
        puts("           self-reported: read from what the evaluated code wrote, and not guarded");
    aire_results_unref(results);
}

int report_search(aire_store *store, const settings *s, const char *metric, int64_t elapsed_ms)
{
    sample baseline = {0};
    aire_store_counts counts = {.struct_size = sizeof counts};
    int code = read_sample(store, AIRE_RUN_BASELINE, 0, SEEDS_SEARCH, metric, &baseline);
    if (code == EXIT_OK) {
        putchar('\n');
        print_sample("baseline", &baseline, metric);
        print_trust(store);
        print_best(store, s, metric, summarise(baseline.rewards, baseline.count).mean);
        code = print_outcomes(store);
    }
    if (code == EXIT_OK)
        code = report_completion(store, false);
    if (code == EXIT_OK && aire_store_count(store, &counts) != AIRE_OK)
        code = complain("counting");
    if (code == EXIT_OK) {
        if (counts.model_calls)
            printf("model calls: %lld, tokens in %lld, out %lld\n", (long long)counts.model_calls,
                   (long long)counts.input_tokens, (long long)counts.output_tokens);
        printf("time: %.0f s\n", (double)elapsed_ms / 1000);
        if (counts.runs_waiting)
            printf("%lld runs wait for a patch, as the budget is used: --resume takes them up\n",
                   (long long)counts.runs_waiting);
        putchar('\n');
        printf("look at a patch:   aire-evolve show %s RUN\n", aire_store_path(store));
        printf("all as files:      aire-evolve export %s DIRECTORY\n", aire_store_path(store));
        printf("is it real?        the same command with --resume --confirm 3\n");
    }
    sample_free(&baseline);
    return code;
}

static int confirm_one(aire_store *store, const aire_result *best, const char *metric)
{
    aire_idea *idea = aire_result_idea(best);
    aire_confirmation c = {.struct_size = sizeof c};
    sample again = {0};
    char name[32], title[NAME_WIDTH + 1];
    int code =
        read_sample(store, AIRE_RUN_CONFIRM, aire_idea_id(idea), SEEDS_CONFIRM, metric, &again);
    if (code == EXIT_OK) {
        snprintf(name, sizeof name, "run %lld", (long long)aire_result_run_id(best));
        print_sample(name, &again, metric);
        printf("           %s\n", host_title(idea, title, sizeof title));
        if (aire_store_confirmation(store, aire_idea_id(idea), &c) == AIRE_OK && c.baseline.count)
            printf(
                "           gain %+.2f%%, %.1f times the baseline's spread; rank test p = %.3f\n",
                100 * c.gain / fabs(c.baseline.mean), c.gain / c.baseline.deviation, c.p);
    }
    sample_free(&again);
    return code;
}

int report_confirmation(aire_store *store, const char *metric, int64_t top)
{
    enum { MAX = 64 };
    aire_result *best[MAX];
    sample baseline = {0};
    int count = best_ideas(store, best, top < MAX ? (int)top : MAX);
    int code = count < 0
                   ? complain("reading results")
                   : read_sample(store, AIRE_RUN_BASELINE, 0, SEEDS_CONFIRM, metric, &baseline);
    if (code == EXIT_OK) {
        puts("\nconfirmation on fresh seeds (mean +- standard deviation):");
        print_sample("baseline", &baseline, metric);
    }
    for (int i = 0; i < count; i++) {
        if (code == EXIT_OK)
            code = confirm_one(store, best[i], metric);
        aire_result_unref(best[i]);
    }
    sample_free(&baseline);
    return code;
}
