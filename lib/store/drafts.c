/* Drafts: what models answered when they were to write a patch. */
#include "aire/draft.h"

#include "base/fail.h"
#include "base/str.h"
#include "record/words.h"
#include "store/db.h"

struct aire_drafts {
    aire_refcount refs;
    aire_ctx *ctx;
    aire_draft *items;
    size_t count, capacity;
};

const char *aire_draft_kind_name(int32_t kind)
{
    switch (kind) {
        AIRE_DRAFT_MAP(AIRE_WORD_CASE_)
    default:
        return "?";
    }
}

/* ---- writing ---- */

static aire_status add_draft(aire_store *store, const aire_draft *draft, int64_t *number)
{
    aire_query query;

    aire__query_begin(&query, store, AIRE_SQL_ADD_DRAFT);
    aire__query_put_int(&query, draft->run_id);
    aire__query_put_int(&query, aire_ctx_unix_ms(store->ctx));
    aire__query_put_int(&query, draft->kind);
    aire__query_put_int(&query, draft->repair);
    aire__query_put_int(&query, draft->candidate);
    aire__query_put_int(&query, draft->round);
    aire__query_put_int(&query, draft->outcome);
    aire__query_put_int(&query, draft->cause);
    aire__query_put_text(&query, draft->model);
    aire__query_put_text(&query, draft->sent);
    aire__query_put_text(&query, draft->answer);
    aire__query_put_text(&query, draft->patch);
    aire__query_put_text(&query, draft->message);
    aire__query_put_int(&query, draft->input_tokens);
    aire__query_put_int(&query, draft->output_tokens);
    aire__query_put_int(&query, draft->latency_ms);
    if (draft->cost >= 0)
        aire__query_put_real(&query, draft->cost);
    else
        aire__query_put_null(&query);
    return aire__query_get_int(&query, number);
}

aire_status aire__store_add_draft(aire_store *store, const aire_draft *draft, int32_t *number)
{
    int64_t given = 0;

    aire_status status = aire__write_begin(store, AIRE_WRITE_DRAFT);
    if (status == AIRE_OK)
        status = add_draft(store, draft, &given);
    status = aire__write_end(store, status);
    if (status == AIRE_OK)
        *number = (int32_t)given;
    return status;
}

static aire_status choose_draft(aire_store *store, int64_t run_id, int32_t repair, int32_t number)
{
    aire_query query;

    aire__query_begin(&query, store, AIRE_SQL_CHOOSE_DRAFT);
    aire__query_put_int(&query, run_id);
    aire__query_put_int(&query, repair);
    aire__query_put_int(&query, number);
    return aire__query_run(&query);
}

aire_status aire__store_choose_draft(aire_store *store, int64_t run_id, int32_t repair,
                                     int32_t number)
{
    aire_status status = aire__write_begin(store, AIRE_WRITE_DRAFT);
    if (status == AIRE_OK)
        status = choose_draft(store, run_id, repair, number);
    return aire__write_end(store, status);
}

static aire_status end_draft(aire_store *store, int64_t run_id, int32_t number, int32_t outcome,
                             int32_t cause, const char *message)
{
    aire_query query;

    aire__query_begin(&query, store, AIRE_SQL_END_DRAFT);
    aire__query_put_int(&query, run_id);
    aire__query_put_int(&query, number);
    aire__query_put_int(&query, outcome);
    aire__query_put_int(&query, cause);
    aire__query_put_text(&query, message);
    return aire__query_run(&query);
}

aire_status aire__store_end_draft(aire_store *store, int64_t run_id, int32_t number,
                                  int32_t outcome, int32_t cause, const char *message)
{
    aire_status status = aire__write_begin(store, AIRE_WRITE_DRAFT);
    if (status == AIRE_OK)
        status = end_draft(store, run_id, number, outcome, cause, message);
    return aire__write_end(store, status);
}

/* ---- reading ---- */

static void free_text(aire_ctx *ctx, const char *text)
{
    aire_free(ctx, (void *)(uintptr_t)text);
}

static void free_draft(aire_ctx *ctx, const aire_draft *draft)
{
    free_text(ctx, draft->model);
    free_text(ctx, draft->sent);
    free_text(ctx, draft->answer);
    free_text(ctx, draft->patch);
    free_text(ctx, draft->message);
}

/* The order of AIRE_SQL_DRAFTS. */
enum draft_column {
    COLUMN_NUMBER,
    COLUMN_KIND,
    COLUMN_REPAIR,
    COLUMN_CANDIDATE,
    COLUMN_ROUND,
    COLUMN_CHOSEN,
    COLUMN_OUTCOME,
    COLUMN_CAUSE,
    COLUMN_MODEL,
    COLUMN_SENT,
    COLUMN_ANSWER,
    COLUMN_PATCH,
    COLUMN_MESSAGE,
    COLUMN_INPUT,
    COLUMN_OUTPUT,
    COLUMN_LATENCY,
    COLUMN_COST
};

static aire_draft draft_of_row(aire_query *query, int64_t run_id)
{
    bool has_cost = !aire__query_is_null(query, COLUMN_COST);
    return (aire_draft){.struct_size = sizeof(aire_draft),
                        .kind = aire__query_int32(query, COLUMN_KIND),
                        .run_id = run_id,
                        .number = aire__query_int32(query, COLUMN_NUMBER),
                        .repair = aire__query_int32(query, COLUMN_REPAIR),
                        .candidate = aire__query_int32(query, COLUMN_CANDIDATE),
                        .round = aire__query_int32(query, COLUMN_ROUND),
                        .chosen = aire__query_int32(query, COLUMN_CHOSEN),
                        .outcome = aire__query_int32(query, COLUMN_OUTCOME),
                        .cause = aire__query_int32(query, COLUMN_CAUSE),
                        .input_tokens = aire__query_int(query, COLUMN_INPUT),
                        .output_tokens = aire__query_int(query, COLUMN_OUTPUT),
                        .latency_ms = aire__query_int(query, COLUMN_LATENCY),
                        .cost = has_cost ? aire__query_real(query, COLUMN_COST) : -1};
}

/* The draft of the row with its texts; on failure nothing is left of it. */
static aire_status read_draft(aire_query *query, int64_t run_id, aire_draft *out)
{
    aire_ctx *ctx = query->store->ctx;
    aire_draft draft = draft_of_row(query, run_id);
    const char **texts[] = {&draft.model, &draft.sent, &draft.answer, &draft.patch, &draft.message};
    bool whole = true;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        *texts[i] = aire__strdup(ctx, aire__query_text(query, COLUMN_MODEL + (int)i));
        whole = whole && *texts[i];
    }
    if (query->status == AIRE_OK && whole) {
        *out = draft;
        return AIRE_OK;
    }
    free_draft(ctx, &draft);
    return query->status != AIRE_OK ? query->status : aire__fail_nomem();
}

static aire_status read_drafts(aire_store *store, int64_t run_id, aire_drafts *list)
{
    aire_query query;
    aire_status status = AIRE_OK;

    aire__query_begin(&query, store, AIRE_SQL_DRAFTS);
    aire__query_put_int(&query, run_id);
    while (status == AIRE_OK && aire__query_next(&query)) {
        if (!aire__grow(store->ctx, &list->items, &list->capacity, list->count + 1,
                        sizeof *list->items))
            status = aire__fail_nomem();
        else
            status = read_draft(&query, run_id, &list->items[list->count]);
        list->count += status == AIRE_OK;
    }
    aire_status ended = aire__query_end(&query);
    return status != AIRE_OK ? status : ended;
}

aire_status aire_store_drafts(aire_store *store, int64_t run_id, aire_drafts **out)
{
    if (!store || !out || run_id <= 0)
        return aire__fail(AIRE_INVALID, "aire_store_drafts: store, run_id and out must be given");
    *out = NULL;
    aire_drafts *list = aire__calloc(store->ctx, 1, sizeof *list);
    if (!list)
        return aire__fail_nomem();
    aire__ref_init(&list->refs);
    list->ctx = aire_ctx_ref(store->ctx);
    aire_status status = aire__read_begin(store);
    if (status == AIRE_OK)
        status = read_drafts(store, run_id, list);
    status = aire__read_end(store, status);
    if (status != AIRE_OK)
        aire_drafts_unref(list);
    else
        *out = list;
    return status;
}

aire_drafts *aire_drafts_ref(aire_drafts *drafts)
{
    if (drafts)
        aire__ref_take(&drafts->refs);
    return drafts;
}

void aire_drafts_unref(aire_drafts *drafts)
{
    if (!drafts || !aire__ref_drop(&drafts->refs))
        return;
    aire_ctx *ctx = drafts->ctx;
    for (size_t i = 0; i < drafts->count; i++)
        free_draft(ctx, &drafts->items[i]);
    aire_free(ctx, drafts->items);
    aire_free(ctx, drafts);
    aire_ctx_unref(ctx);
}

size_t aire_drafts_count(const aire_drafts *drafts)
{
    return drafts ? drafts->count : 0;
}

const aire_draft *aire_drafts_get(const aire_drafts *drafts, size_t index)
{
    return drafts && index < drafts->count ? &drafts->items[index] : NULL;
}
