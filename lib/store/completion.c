/* What became of ideas, counted. */
#include "aire/completion.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/str.h"
#include "patch/change_kind.h"
#include "store/read.h"

struct aire_completions {
    aire_refcount refs;
    aire_ctx *ctx;
    aire_completion *rows;
    size_t count, capacity;
};

int32_t aire_outcome_completes(int32_t outcome)
{
    switch (outcome) {
    case AIRE_OUTCOME_OK:
    case AIRE_OUTCOME_STOPPED_EARLY:
        return 1;
    case AIRE_OUTCOME_CANCELLED:
    case AIRE_OUTCOME_INFRA_FAILED:
        return -1;
    default:
        return 0;
    }
}

int32_t aire_completion_completes(const aire_completion *row)
{
    return row->cause == AIRE_CAUSE_MODEL ? -1 : aire_outcome_completes(row->outcome);
}

/* ---- reading one run ---- */

/* The order of AIRE_SQL_COMPLETION. */
enum completion_column {
    COLUMN_KIND,
    COLUMN_OUTCOME,
    COLUMN_STAGE,
    COLUMN_CAUSE,
    COLUMN_PATCH, /* as it was applied */
    COLUMN_IDEAS_PATCH,
    COLUMN_MODEL,
    COLUMN_DRAFTS,
    COLUMN_INPUT,
    COLUMN_OUTPUT,
    COLUMN_COST
};

/* What was said of the idea, else what its patch shows. */
static int32_t kind_of_row(aire_query *query)
{
    static const int patches[] = {COLUMN_PATCH, COLUMN_IDEAS_PATCH};
    int32_t kind = aire__query_int32(query, COLUMN_KIND);
    for (size_t i = 0; kind == 0 && i < sizeof patches / sizeof *patches; i++) {
        size_t length = 0;
        const char *diff = aire__query_blob(query, patches[i], &length);
        kind = diff ? aire__patch_change_kind(diff, length) : 0;
    }
    return kind;
}

static aire_completion row_of(aire_query *query)
{
    const char *model = aire__query_text(query, COLUMN_MODEL);
    return (aire_completion){.struct_size = sizeof(aire_completion),
                             .kind = kind_of_row(query),
                             .outcome = aire__query_int32(query, COLUMN_OUTCOME),
                             .stage = aire__query_int32(query, COLUMN_STAGE),
                             .cause = aire__query_int32(query, COLUMN_CAUSE),
                             .model = model ? model : "",
                             .runs = 1,
                             .drafts = aire__query_int(query, COLUMN_DRAFTS),
                             .input_tokens = aire__query_int(query, COLUMN_INPUT),
                             .output_tokens = aire__query_int(query, COLUMN_OUTPUT),
                             .cost = aire__query_real(query, COLUMN_COST)};
}

/* ---- counting ---- */

static int by_end(const void *a, const void *b)
{
    const aire_completion *x = a, *y = b;
    int order = strcmp(x->model, y->model);
    const int32_t left[] = {x->kind, x->outcome, x->stage, x->cause};
    const int32_t right[] = {y->kind, y->outcome, y->stage, y->cause};
    for (size_t i = 0; order == 0 && i < sizeof left / sizeof *left; i++)
        order = (left[i] > right[i]) - (left[i] < right[i]);
    return order;
}

static void add_up(aire_completion *sum, const aire_completion *row)
{
    sum->runs += row->runs;
    sum->drafts += row->drafts;
    sum->input_tokens += row->input_tokens;
    sum->output_tokens += row->output_tokens;
    sum->cost += row->cost;
}

/* There are few different ends, however many runs there are. */
static aire_status count_row(aire_completions *list, const aire_completion *row)
{
    for (size_t i = 0; i < list->count; i++)
        if (by_end(&list->rows[i], row) == 0) {
            add_up(&list->rows[i], row);
            return AIRE_OK;
        }
    char *model = aire__strdup(list->ctx, row->model);
    if (!model ||
        !aire__grow(list->ctx, &list->rows, &list->capacity, list->count + 1, sizeof *list->rows)) {
        aire_free(list->ctx, model);
        return aire__fail_nomem();
    }
    list->rows[list->count] = *row;
    list->rows[list->count++].model = model;
    return AIRE_OK;
}

static aire_status count_rows(aire_store *store, aire_completions *list)
{
    aire_query query;
    aire_status status = AIRE_OK;

    aire__query_begin(&query, store, AIRE_SQL_COMPLETION);
    while (status == AIRE_OK && aire__query_next(&query)) {
        aire_completion row = row_of(&query);
        status = query.status == AIRE_OK ? count_row(list, &row) : query.status;
    }
    aire_status ended = aire__query_end(&query);
    if (status == AIRE_OK && list->count > 0)
        qsort(list->rows, list->count, sizeof *list->rows, by_end);
    return status != AIRE_OK ? status : ended;
}

aire_status aire_store_completion(aire_store *store, aire_completions **out)
{
    if (!store || !out)
        return aire__fail(AIRE_INVALID, "aire_store_completion: store and out must be given");
    *out = NULL;
    aire_completions *list = aire__calloc(store->ctx, 1, sizeof *list);
    if (!list)
        return aire__fail_nomem();
    aire__ref_init(&list->refs);
    list->ctx = aire_ctx_ref(store->ctx);
    aire_status status = aire__read_begin(store);
    if (status == AIRE_OK)
        status = count_rows(store, list);
    status = aire__read_end(store, status);
    if (status != AIRE_OK)
        aire_completions_unref(list);
    else
        *out = list;
    return status;
}

/* ---- the list ---- */

aire_completions *aire_completions_ref(aire_completions *completions)
{
    if (completions)
        aire__ref_take(&completions->refs);
    return completions;
}

void aire_completions_unref(aire_completions *completions)
{
    if (!completions || !aire__ref_drop(&completions->refs))
        return;
    aire_ctx *ctx = completions->ctx;
    for (size_t i = 0; i < completions->count; i++)
        aire_free(ctx, (void *)(uintptr_t)completions->rows[i].model);
    aire_free(ctx, completions->rows);
    aire_free(ctx, completions);
    aire_ctx_unref(ctx);
}

size_t aire_completions_count(const aire_completions *completions)
{
    return completions ? completions->count : 0;
}

const aire_completion *aire_completions_get(const aire_completions *completions, size_t index)
{
    return completions && index < completions->count ? &completions->rows[index] : NULL;
}
