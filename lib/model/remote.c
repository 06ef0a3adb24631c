#include "model/remote.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/rng.h"
#include "base/str.h"
#include "base/thread.h"
#include "model/budget.h"
#include "model/gate.h"
#include "net/net.h"
#include "net/redact.h"
#include "net/retry.h"
#include "net/sse.h"

enum {
    BACKOFF_BASE_MS = 500,
    BACKOFF_CAP_MS = 60000,
    BYTES_A_TOKEN = 3,   /* of a request, so that an estimate is rather too high */
    ANSWER_TOKENS = 8192 /* of an answer that has no limit */
};
#define ANSWER_MAX ((size_t)16 << 20)
#define EVENT_MAX ((size_t)4 << 20)

typedef struct remote {
    aire_ctx *ctx; /* borrowed from the model */
    const aire_provider *provider;
    aire_net *net;
    char *model, *url, *stream_url;
    char *where;   /* "POST URL", for messages */
    char *api_key; /* NULL for none */
    aire_key_fn key;
    void *key_user_data;
    char *ca_file, *proxy; /* NULL for the system's */
    int64_t stall_ms;
    int32_t timeout_ms;
    aire_retry retry;
    aire_gate *gate;
    aire_budget *budget; /* NULL for none */
    aire_price price;
    bool has_price;
} remote;

/* One request, from its start to its end. */
typedef struct call {
    aire_visitor visit; /* first */
    const remote *r;
    uint64_t caller;
    aire_reservation reserved;
    char *api_key, *key_line; /* NULL for none */
    char *body;
    bool streams;
    aire_reading reading;
    aire_sse sse;
    aire_status read_status; /* of what came in the stream */
    aire_cancel *cancel;
    aire_rng rng;
    int64_t started_ns, tried_ns, deadline_ns;
    int32_t attempts;
    aire_client_done done;
    void *user_data;
} call;

/* ---- the end ---- */

static aire_usage usage_of(const aire_reading *r)
{
    return (aire_usage){r->input_tokens, r->output_tokens, r->cached_tokens, r->thinking_tokens};
}

static double cost_of(const call *c)
{
    aire_usage usage = usage_of(&c->reading);
    return aire__price_cost(c->r->has_price ? &c->r->price : NULL, &usage);
}

static aire_status make_answer(call *c, aire_exchange_reply *reply, aire_answer **out)
{
    aire_answer_options fields = AIRE_ANSWER_OPTIONS_INIT;
    aire_reading *r = &c->reading;
    aire_status status = aire__reading_status(r);
    if (status != AIRE_OK)
        return status;
    aire__redact(r->text.data, r->text.length, c->api_key);
    aire__redact(r->thinking.data, r->thinking.length, c->api_key);
    aire__redact(r->finish, strlen(r->finish), c->api_key);
    char *id = *reply->request_id ? reply->request_id : r->id;
    if (c->api_key)
        aire__redact_parts(id, c->api_key);
    aire__reading_answer(r, &fields);
    fields.request_id = id;
    fields.cost = cost_of(c);
    fields.attempts = c->attempts;
    fields.latency_ms = (reply->end_ns - c->started_ns) / 1000000;
    fields.first_ms = (reply->first_ns - c->tried_ns) / 1000000;
    return aire_answer_new(c->r->ctx, &fields, out);
}

static void free_secret(aire_ctx *ctx, char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    aire_free(ctx, secret);
}

static void call_free(aire_ctx *ctx, call *c)
{
    free_secret(ctx, c->api_key);
    free_secret(ctx, c->key_line);
    aire__reading_free(&c->reading);
    aire__sse_free(&c->sse);
    aire_cancel_unref(c->cancel);
    aire_free(ctx, c->body);
    aire_free(ctx, c);
}

/* What a failed request cost is not known: providers bill what they answered. */
static void settle(const call *c, aire_status status)
{
    aire_usage usage = usage_of(&c->reading);
    if (!c->r->budget)
        return;
    if (status == AIRE_OK || usage.output > 0)
        aire__budget_settle(c->r->budget, &c->reserved, &usage, cost_of(c));
    else
        aire__budget_release(c->r->budget, &c->reserved);
}

static void finish(call *c, aire_status status, aire_answer *answer)
{
    aire_call_trace trace = {.request = c->body, .attempts = c->attempts};
    aire_ctx *ctx = aire_ctx_ref(c->r->ctx); /* who is told may let go of the model */
    if (status != AIRE_OK && c->attempts > 1)
        aire__fail_prefix(status, "gave up after %d attempts", (int)c->attempts);
    settle(c, status);
    c->done(status, answer, &trace, c->user_data);
    aire_answer_unref(answer);
    call_free(ctx, c);
    aire_ctx_unref(ctx);
}

/* ---- one try ---- */

static int64_t estimate_of(const call *c)
{
    return c->reserved.input + c->reserved.output;
}

/* On the net's thread, at first and again: by the gate. */
static void enter(bool cancelled, void *user_data)
{
    call *c = user_data;
    if (cancelled)
        finish(c, aire__fail(AIRE_CANCELLED, "cancelled while it waited to be sent"), NULL);
    else
        aire__gate_enter(c->r->gate, &c->visit, c->caller, estimate_of(c));
}

/* Wait and try again, if there is a try left and time for it; otherwise this was the end. */
static void retry_or_finish(call *c, aire_status status, bool transient, int64_t retry_after_ms)
{
    const remote *r = c->r;
    int64_t wait_ms =
        aire__retry_wait_ms(&r->retry, c->attempts, retry_after_ms, aire__rng_unit(&c->rng));
    int64_t at_ns = aire__monotonic_ns() + wait_ms * 1000000;
    if (!transient || c->attempts >= r->retry.max_attempts || at_ns >= c->deadline_ns) {
        finish(c, status, NULL);
        return;
    }
    aire__logf(r->ctx, AIRE_LOG_WARNING, "model", "%s; attempt %d of %d in %lld ms",
               aire_error_message(aire_last_error()), (int)c->attempts + 1,
               (int)r->retry.max_attempts, (long long)wait_ms);
    status = aire__net_at(r->net, at_ns, c->cancel, enter, c);
    if (status != AIRE_OK)
        finish(c, status, NULL);
}

static aire_status status_of_http(int32_t http_status)
{
    if (http_status == 401 || http_status == 403)
        return AIRE_AUTH;
    if (http_status == 429)
        return AIRE_RATE_LIMITED;
    if (http_status == 408 || http_status == 504)
        return AIRE_TIMEOUT;
    if (http_status >= 500)
        return AIRE_NET;
    return AIRE_PROTOCOL;
}

/* A complete answer that is an HTTP error: what the provider says about it, without the key. */
static aire_status refused(const call *c, const aire_exchange_reply *reply)
{
    char *said, wait[64] = "";
    aire_status status =
        aire__provider_error_text(c->r->ctx, reply->body, reply->length, c->api_key, &said);
    if (status != AIRE_OK)
        return status;
    if (reply->retry_after_ms > 0)
        snprintf(wait, sizeof wait, " (asks to wait %lld s)",
                 (long long)(reply->retry_after_ms / 1000));
    status =
        aire__fail_code(status_of_http(reply->status), reply->status, "%s: HTTP status %d%s%s%s",
                        c->reading.where, (int)reply->status, wait, said[0] ? ": " : "", said);
    aire_free(c->r->ctx, said);
    return status;
}

/* What an exchange came to that had an answer with status 2xx. */
static aire_status read_reply(call *c, const aire_exchange_reply *reply)
{
    if (!reply->is_stream)
        return aire__provider_read(c->r->provider, &c->reading, reply->body, reply->length);
    if (c->reading.whole) {
        aire__reading_end(&c->reading); /* for what came after it said so */
        return aire__reading_status(&c->reading);
    }
    c->reading.transient = true;
    return aire__fail(AIRE_NET, "%s: the answer's stream ended before the answer did",
                      c->reading.where);
}

/* What the end of a try says of its endpoint. */
static void leave(call *c, aire_status status, bool transient, const aire_exchange_reply *reply)
{
    aire_verdict verdict = status == AIRE_CANCELLED ? AIRE_VERDICT_NONE
                           : status == AIRE_OK || !transient || reply->status == 429
                               ? AIRE_VERDICT_ALIVE
                               : AIRE_VERDICT_FAILED;
    int64_t used = status == AIRE_OK ? c->reading.input_tokens + c->reading.output_tokens : -1;
    int64_t peace_ns = reply->status == 429 && reply->retry_after_ms > 0
                           ? aire__monotonic_ns() + reply->retry_after_ms * 1000000
                           : 0;
    aire__gate_leave(c->r->gate, &c->visit, verdict, used > 0 ? used : -1, peace_ns);
}

static void end_try(aire_status status, bool transient, aire_exchange_reply *reply, void *user_data)
{
    call *c = user_data;
    aire_answer *answer = NULL;
    bool good = status == AIRE_OK && reply->status >= 200 && reply->status < 300;
    if (c->read_status != AIRE_OK) { /* the stream itself told of a failure; the detail is its */
        status = c->read_status;
        transient = c->reading.transient;
    } else if (good) {
        status = read_reply(c, reply);
        transient = c->reading.transient;
        if (status == AIRE_OK)
            status = make_answer(c, reply, &answer);
    } else if (status == AIRE_OK) {
        transient = aire__retry_http_status(reply->status);
        status = refused(c, reply);
    }
    leave(c, status, transient, reply);
    if (status == AIRE_OK)
        finish(c, AIRE_OK, answer);
    else
        retry_or_finish(c, status, transient, reply->retry_after_ms);
}

/* What comes after the end of the answer is of no interest. */
static bool take_event(const char *type, const char *data, size_t length, void *user_data)
{
    call *c = user_data;
    if (c->reading.complete)
        return true;
    c->read_status = aire__provider_read_event(c->r->provider, &c->reading, type, data, length);
    return c->read_status == AIRE_OK;
}

static bool take_bytes(const char *bytes, size_t length, void *user_data)
{
    call *c = user_data;
    aire_status status = aire__sse_read(&c->sse, bytes, length);
    if (status != AIRE_OK && c->read_status == AIRE_OK)
        c->read_status = status;
    return status == AIRE_OK;
}

static aire_status try_once(call *c)
{
    const remote *r = c->r;
    if (c->attempts++ > 0)
        aire__reading_restart(&c->reading);
    aire__sse_free(&c->sse);
    aire__sse_init(&c->sse, r->ctx, EVENT_MAX, take_event, c);
    c->read_status = AIRE_OK;
    c->reading.transient = false;
    c->tried_ns = aire__monotonic_ns();
    aire_exchange exchange = {.url = c->streams ? r->stream_url : r->url,
                              .headers = r->provider->headers,
                              .secret_header = c->key_line,
                              .request_id_header = r->provider->request_id_header,
                              .ca_file = r->ca_file,
                              .proxy = r->proxy,
                              .body = c->body,
                              .body_length = strlen(c->body),
                              .wants_stream = c->streams,
                              .deadline_ns = c->deadline_ns,
                              .stall_ms = r->stall_ms,
                              .max_response = ANSWER_MAX,
                              .cancel = c->cancel,
                              .data = c->streams ? take_bytes : NULL,
                              .done = end_try,
                              .user_data = c};
    return aire__net_start(r->net, &exchange);
}

/* The gate has told. */
static void told(aire_visitor *visitor, aire_status status)
{
    call *c = (call *)visitor;
    bool goes = status == AIRE_OK;
    if (goes)
        status = try_once(c);
    if (status == AIRE_OK)
        return;
    if (goes)
        aire__gate_leave(c->r->gate, &c->visit, AIRE_VERDICT_NONE, -1, 0);
    finish(c, status, NULL);
}

/* How much a request may cost, before it is sent. */
static aire_status reserve(call *c, const aire_request *request)
{
    const remote *r = c->r;
    c->reserved.input = (int64_t)strlen(c->body) / BYTES_A_TOKEN + 1;
    c->reserved.output = request->max_tokens > 0 ? request->max_tokens : ANSWER_TOKENS;
    aire_usage most = {.input = c->reserved.input, .output = c->reserved.output};
    double dollars = r->has_price ? aire__price_cost(&r->price, &most) : 0;
    c->reserved.dollars = dollars > 0 ? dollars : 0;
    return r->budget ? aire__budget_reserve(r->budget, &c->reserved, NULL) : AIRE_OK;
}

/* Purposes take turns: an Implementer's many requests do not hold up the next ideas. */
static uint64_t caller_of(const aire_request *request)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (const char *at = request->purpose ? request->purpose : ""; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 1099511628211u;
    return hash;
}

/* The key as the host has it now. */
static aire_status take_key(call *c)
{
    enum { KEY_MAX = 8192 };
    const remote *r = c->r;
    char key[KEY_MAX + 2] = "";
    aire_status status = r->key ? r->key(key, sizeof key, r->key_user_data) : AIRE_OK;
    key[sizeof key - 1] = '\0';
    if (status == AIRE_OK && r->key)
        status = aire__key_check(key);
    const char *used = r->key ? key : r->api_key;
    if (status == AIRE_OK && used) {
        c->api_key = aire__strdup(r->ctx, used);
        status = c->api_key ? aire__provider_key_line(r->ctx, r->provider, used, &c->key_line)
                            : aire__fail_nomem();
    }
    explicit_bzero(key, sizeof key);
    return status;
}

static aire_status remote_start(void *self, const aire_request *request, aire_cancel *cancel,
                                aire_client_done done, void *user_data)
{
    remote *r = self;
    call *c = aire__calloc(r->ctx, 1, sizeof *c);
    if (!c)
        return aire__fail_nomem();
    c->r = r;
    c->streams = r->provider->streams;
    c->started_ns = aire__monotonic_ns();
    c->deadline_ns = c->started_ns + (int64_t)r->timeout_ms * 1000000;
    c->cancel = aire_cancel_ref(cancel);
    c->done = done;
    c->user_data = user_data;
    c->caller = caller_of(request);
    c->visit.cancel = cancel;
    c->visit.deadline_ns = c->deadline_ns;
    c->visit.told = told;
    aire__rng_init(&c->rng, (uint64_t)c->started_ns, "model.retry", aire_ctx_seed(r->ctx));
    aire__sse_init(&c->sse, r->ctx, EVENT_MAX, take_event, c);
    aire__reading_init(&c->reading, r->ctx, r->where, request);
    aire_status status = take_key(c);
    c->reading.secret = c->api_key;
    if (status == AIRE_OK)
        status = r->provider->write(r->ctx, request, r->model, c->streams, &c->body);
    if (status == AIRE_OK)
        status = reserve(c, request);
    if (status != AIRE_OK) {
        call_free(r->ctx, c);
        return status;
    }
    status = aire__net_at(r->net, 0, cancel, enter, c);
    if (status != AIRE_OK) {
        settle(c, status);
        call_free(r->ctx, c);
    }
    return status;
}

/* ---- the client ---- */

static void remote_destroy(void *self)
{
    remote *r = self;
    if (r->net)
        aire__net_release(r->net);
    aire__gate_free(r->gate);
    aire_budget_unref(r->budget);
    free_secret(r->ctx, r->api_key);
    aire_free(r->ctx, r->model);
    aire_free(r->ctx, r->url);
    aire_free(r->ctx, r->stream_url);
    aire_free(r->ctx, r->where);
    aire_free(r->ctx, r->ca_file);
    aire_free(r->ctx, r->proxy);
    aire_free(r->ctx, r);
}

static void warn_of_plain_http(const remote *r)
{
    if ((r->api_key || r->key) && aire__starts_with(r->url, "http://") &&
        !aire__net_is_loopback(r->url))
        aire__logf(r->ctx, AIRE_LOG_WARNING, "model",
                   "%s: the API key goes over the network unencrypted; use https", r->url);
}

static aire_status copy_optional(aire_ctx *ctx, const char *text, char **out)
{
    *out = text ? aire__strdup(ctx, text) : NULL;
    return *out || !text ? AIRE_OK : aire__fail_nomem();
}

/* The price is copied: the file is read once, when the model is made. */
static aire_status take_money(remote *r, const aire_place *place,
                              const aire_client_options *options)
{
    aire_prices *prices = NULL;
    aire_status status = aire__prices_load(r->ctx, options->prices_path, &prices);
    if (status == AIRE_NOT_FOUND && !options->prices_path)
        status = AIRE_OK; /* not installed: nothing is known */
    const aire_price *price =
        prices ? aire__prices_find(prices, place->provider->name, place->base, place->model) : NULL;
    r->has_price = price != NULL;
    if (price)
        r->price = *price;
    if (status == AIRE_OK)
        status = aire__budget_check_price(options->budget, price, place->model);
    aire__prices_free(prices);
    r->budget = aire_budget_ref(options->budget);
    return status;
}

static aire_status fill(remote *r, const aire_place *place, const aire_client_options *options)
{
    aire_status status = copy_optional(r->ctx, place->model, &r->model);
    if (status == AIRE_OK)
        status = copy_optional(r->ctx, options->ca_file, &r->ca_file);
    if (status == AIRE_OK)
        status = copy_optional(r->ctx, options->proxy, &r->proxy);
    if (status == AIRE_OK)
        status = copy_optional(r->ctx, options->api_key, &r->api_key);
    if (status == AIRE_OK)
        status = take_money(r, place, options);
    if (status == AIRE_OK)
        status = r->provider->url(r->ctx, place->base, place->model, false, &r->url);
    if (status == AIRE_OK)
        status = r->provider->url(r->ctx, place->base, place->model, true, &r->stream_url);
    if (status == AIRE_OK) {
        r->where = aire__asprintf(r->ctx, "POST %s", r->url);
        status = r->where ? aire__net_acquire(r->ctx, &r->net) : aire__fail_nomem();
    }
    if (status == AIRE_OK)
        status = aire__gate_new(r->ctx, r->net, &options->limits, &r->gate);
    return status;
}

aire_status aire__remote_client_new(aire_ctx *ctx, const aire_place *place,
                                    const aire_client_options *options, aire_client *client,
                                    void **self)
{
    remote *r = aire__calloc(ctx, 1, sizeof *r);
    if (!r)
        return aire__fail_nomem();
    r->ctx = ctx;
    r->provider = place->provider;
    r->timeout_ms = options->timeout_ms;
    r->stall_ms = options->stall_ms;
    r->key = options->key;
    r->key_user_data = options->key_user_data;
    r->retry = (aire_retry){options->max_attempts, BACKOFF_BASE_MS, BACKOFF_CAP_MS};
    aire_status status = fill(r, place, options);
    if (status != AIRE_OK) {
        remote_destroy(r);
        return status;
    }
    warn_of_plain_http(r);
    *client = (aire_client){NULL, remote_destroy, remote_start, false};
    *self = r;
    return AIRE_OK;
}
