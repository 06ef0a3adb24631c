/* aire-evolve stats: how many ideas became code that ran, and what the others failed of. */
#include <string.h>

#include "evolve.h"

enum { MODEL_WIDTH = 34 };

/* Ideas of one model and one kind. */
typedef struct share {
    const char *model; /* borrowed */
    int32_t kind;
    int64_t completed, ideas, drafts;
    double cost;
} share;

static const char *kind_word(int32_t kind)
{
    return kind ? aire_idea_kind_name(kind) : "unknown";
}

static void add(share *s, const aire_completion *row)
{
    int32_t completes = aire_completion_completes(row);
    s->drafts += row->drafts;
    s->cost += row->cost;
    if (completes < 0)
        return;
    s->ideas += row->runs;
    s->completed += completes ? row->runs : 0;
}

static void print_share(const share *s)
{
    char cost[32] = "-";
    if (s->cost > 0)
        snprintf(cost, sizeof cost, "%.4f", s->cost);
    printf("%-*.*s %-16s %5lld of %-5lld %5.1f%% %7lld %9s\n", MODEL_WIDTH, MODEL_WIDTH, s->model,
           kind_word(s->kind), (long long)s->completed, (long long)s->ideas,
           s->ideas ? 100.0 * (double)s->completed / (double)s->ideas : 0, (long long)s->drafts,
           cost);
}

/* Rows come by model and kind: each pair is summed up where it ends. */
static void print_shares(const aire_completions *rows)
{
    size_t count = aire_completions_count(rows);
    printf("\n%-*s %-16s %14s %6s %7s %9s\n", MODEL_WIDTH, "model that wrote the patch",
           "kind of idea", "completed", "", "drafts", "dollars");
    for (size_t i = 0; i < count;) {
        const aire_completion *first = aire_completions_get(rows, i), *row = first;
        share s = {.model = first->model, .kind = first->kind};
        for (; row && !strcmp(row->model, s.model) && row->kind == s.kind;
             row = aire_completions_get(rows, ++i))
            add(&s, row);
        print_share(&s);
    }
}

static void print_causes(const aire_completions *rows)
{
    printf("\n%-*s %-16s %-15s %-10s %-28s %6s\n", MODEL_WIDTH, "model", "kind", "outcome", "stage",
           "cause", "ideas");
    for (size_t i = 0; i < aire_completions_count(rows); i++) {
        const aire_completion *row = aire_completions_get(rows, i);
        printf("%-*.*s %-16s %-15s %-10s %-28s %6lld\n", MODEL_WIDTH, MODEL_WIDTH, row->model,
               kind_word(row->kind), aire_outcome_name(row->outcome), aire_stage_name(row->stage),
               aire_cause_name(row->cause), (long long)row->runs);
    }
}

int report_completion(aire_store *store, bool with_causes)
{
    aire_completions *rows = NULL;
    if (aire_store_completion(store, &rows) != AIRE_OK)
        return complain("counting what became of the ideas");
    bool empty = aire_completions_count(rows) == 0;
    if (!empty)
        print_shares(rows);
    if (!empty && with_causes)
        print_causes(rows);
    aire_completions_unref(rows);
    return empty && with_causes ? EXIT_NOTHING : EXIT_OK;
}

static const char *what_of(const aire_draft *d)
{
    if (d->cause == AIRE_CAUSE_OVERTAKEN)
        return "another candidate was first";
    return d->outcome == AIRE_OUTCOME_OK ? d->chosen ? "goes on" : "" : aire_cause_name(d->cause);
}

int report_drafts(aire_store *store, int64_t run)
{
    aire_drafts *drafts = NULL;
    if (aire_store_drafts(store, run, &drafts) != AIRE_OK)
        return complain("reading drafts");
    if (aire_drafts_count(drafts) > 0)
        puts("\n## Drafts\nrepair candidate round what      model");
    for (size_t i = 0; i < aire_drafts_count(drafts); i++) {
        const aire_draft *d = aire_drafts_get(drafts, i);
        printf("%6d %9d %5d %-9s %s: %s %s\n", (int)d->repair, (int)d->candidate, (int)d->round,
               aire_draft_kind_name(d->kind), d->model, aire_outcome_name(d->outcome), what_of(d));
        if (*d->message)
            printf("    %.*s\n", (int)strcspn(d->message, "\n"), d->message);
    }
    aire_drafts_unref(drafts);
    return EXIT_OK;
}
