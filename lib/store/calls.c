/* Model calls and events: what the store is told beside the loop. */
#include "store/calls.h"

#include "base/fail.h"
#include "store/db.h"

static aire_status add_call(aire_store *store, const aire_model_call_options *call)
{
    aire_query query;

    aire__query_begin(&query, store, AIRE_SQL_ADD_CALL);
    aire__query_put_int(&query, aire_ctx_unix_ms(store->ctx));
    aire__query_put_id(&query, call->plan_id);
    aire__query_put_id(&query, call->idea_id);
    aire__query_put_int(&query, call->status);
    aire__query_put_text(&query, call->purpose);
    aire__query_put_text(&query, call->model);
    aire__query_put_int(&query, call->input_tokens);
    aire__query_put_int(&query, call->output_tokens);
    aire__query_put_int(&query, call->latency_ms);
    aire__query_put_int(&query, call->attempts);
    aire__query_put_text(&query, call->request);
    aire__query_put_text(&query, call->answer);
    aire__query_put_text(&query, call->detail);
    aire_status status = aire__query_run(&query);
    if (status != AIRE_OK)
        return status;
    aire__query_begin(&query, store, AIRE_SQL_ADD_TOTALS);
    aire__query_put_int(&query, call->input_tokens);
    aire__query_put_int(&query, call->output_tokens);
    return aire__query_run(&query);
}

aire_status aire__store_take_call(const aire_model_call *call, void *user_data)
{
    aire_store *store = user_data;

    aire_status status = aire__write_begin(store, AIRE_WRITE_CALL);
    if (status == AIRE_OK)
        status = add_call(store, aire_model_call_get(call));
    return aire__write_end(store, status);
}

static aire_status add_event(aire_store *store, const char *type, int64_t run_id, const char *text)
{
    aire_query query;

    aire__query_begin(&query, store, AIRE_SQL_ADD_EVENT);
    aire__query_put_int(&query, aire_ctx_unix_ms(store->ctx));
    aire__query_put_text(&query, type);
    aire__query_put_id(&query, run_id);
    aire__query_put_text(&query, text ? text : "");
    return aire__query_run(&query);
}

void aire__store_event(aire_store *store, const char *type, int64_t run_id, const char *text)
{
    aire_status status = aire__write_begin(store, AIRE_WRITE_EVENT);
    if (status == AIRE_OK)
        status = add_event(store, type, run_id, text);
    status = aire__write_end(store, status);
    if (status != AIRE_OK)
        aire__logf(store->ctx, AIRE_LOG_WARNING, "store", "event '%s' (%s) is not kept: %s", type,
                   text ? text : "", aire_error_message(aire_last_error()));
}
