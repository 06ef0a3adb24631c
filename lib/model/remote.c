#include "model/remote.h"

#include <string.h>

#include "base/fail.h"
#include "base/str.h"
#include "model/budget.h"
#include "model/post.h"
#include "model/spelling.h"
#include "net/redact.h"
#include "net/sse.h"

enum {
    BYTES_A_TOKEN = 3,   /* of a request, so that an estimate is rather too high */
    ANSWER_TOKENS = 8192 /* of an answer that has no limit */
};
#define EVENT_MAX ((size_t)4 << 20)

typedef struct remote {
    aire_ctx *ctx; /* borrowed from the model */
    const aire_provider *provider;
    aire_endpoint endpoint;
    char *model, *url, *stream_url;
    aire_budget *budget; /* NULL for none */
    aire_price price;
    bool has_price;
} remote;

/* One request, from its start to its end. */
typedef struct call {
    aire_post post; /* first */
    const remote *r;
    aire_reservation reserved;
    aire_reading reading;
    aire_sse sse;
    aire_answer *answer;
    aire_client_done done;
    void *user_data;
} call;

/* ---- what it costs ---- */

static aire_token_usage usage_of(const aire_reading *r)
{
    return (aire_token_usage){r->input_tokens, r->output_tokens, r->cached_tokens,
                              r->thinking_tokens};
}

static double cost_of(const call *c, const aire_token_usage *usage)
{
    return aire__price_cost(c->r->has_price ? &c->r->price : NULL, usage);
}

/* How much a request may cost, before it is sent. */
static aire_status reserve(call *c, const aire_request *request)
{
    const remote *r = c->r;
    c->reserved.input = (int64_t)strlen(c->post.body) / BYTES_A_TOKEN + 1;
    c->reserved.output = request->max_tokens > 0 ? request->max_tokens : ANSWER_TOKENS;
    c->post.tokens = c->reserved.input + c->reserved.output;
    aire_token_usage most = {.input = c->reserved.input, .output = c->reserved.output};
    double dollars = r->has_price ? aire__price_cost(&r->price, &most) : 0;
    c->reserved.dollars = dollars > 0 ? dollars : 0;
    return r->budget ? aire__budget_reserve(r->budget, &c->reserved) : AIRE_OK;
}

/* A request that was cancelled on its way is billed all the same, and nobody says how much: its
 * input as estimated, and of the answer what had come. */
static aire_token_usage usage_of_cancelled(const call *c)
{
    size_t bytes = c->reading.text.length + c->reading.thinking.length;
    return (aire_token_usage){.input = c->reserved.input,
                              .output = (int64_t)(bytes / BYTES_A_TOKEN) + 1};
}

/* What a failed request cost is not known: providers bill what they answered. */
static void settle(const call *c, aire_status status)
{
    aire_token_usage usage = usage_of(&c->reading);
    if (!c->r->budget)
        return;
    if (status == AIRE_CANCELLED && c->post.attempts > 0 && usage.output == 0)
        usage = usage_of_cancelled(c);
    if (status == AIRE_OK || usage.output > 0)
        aire__budget_settle(c->r->budget, &c->reserved, &usage, cost_of(c, &usage));
    else
        aire__budget_release(c->r->budget, &c->reserved);
}

/* The try before said what it had used when it broke off; the reading forgets that. */
static void add_vain_try(const call *c)
{
    aire_token_usage usage = usage_of(&c->reading);
    if (c->r->budget && usage.output > 0)
        aire__budget_add(c->r->budget, &usage, cost_of(c, &usage));
}

/* ---- tries ---- */

/* What comes after the end of the answer is of no interest. */
static bool take_event(const char *type, const char *data, size_t length, void *user_data)
{
    call *c = user_data;
    if (c->reading.complete)
        return true;
    c->post.read_status =
        aire__provider_read_event(c->r->provider, &c->reading, type, data, length);
    return c->post.read_status == AIRE_OK;
}

static void begin_try(aire_post *post, bool again)
{
    call *c = (call *)post;
    if (again) {
        add_vain_try(c);
        aire__reading_restart(&c->reading);
    }
    aire__sse_free(&c->sse);
    aire__sse_init(&c->sse, c->r->ctx, EVENT_MAX, take_event, c);
    c->reading.transient = false;
}

static bool take_bytes(const char *bytes, size_t length, void *user_data)
{
    call *c = user_data;
    aire_status status = aire__sse_read(&c->sse, bytes, length);
    if (status != AIRE_OK && c->post.read_status == AIRE_OK)
        c->post.read_status = status;
    return status == AIRE_OK;
}

static aire_status read_reply(call *c, const aire_exchange_reply *reply)
{
    if (c->post.read_status != AIRE_OK)
        return c->post.read_status;
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

static aire_status make_answer(call *c, aire_exchange_reply *reply)
{
    aire_answer_options fields = AIRE_ANSWER_OPTIONS_INIT;
    aire_reading *r = &c->reading;
    const aire_post *p = &c->post;
    const aire_token_usage usage = usage_of(r);
    aire_status status = aire__reading_status(r);
    if (status != AIRE_OK)
        return status;
    aire__redact(r->text.data, r->text.length, p->key);
    aire__redact(r->thinking.data, r->thinking.length, p->key);
    aire__redact(r->finish, strlen(r->finish), p->key);
    char *id = *reply->request_id ? reply->request_id : r->id;
    if (p->key)
        aire__redact_parts(id, p->key);
    aire__reading_answer(r, &fields);
    fields.request_id = id;
    fields.cost = cost_of(c, &usage);
    fields.attempts = p->attempts;
    fields.latency_ms = (reply->end_ns - p->started_ns) / 1000000;
    fields.first_ms = (reply->first_ns - p->tried_ns) / 1000000;
    return aire_answer_new(c->r->ctx, &fields, &c->answer);
}

static aire_status read_answer(aire_post *post, aire_exchange_reply *reply, bool *transient,
                               int64_t *used)
{
    call *c = (call *)post;
    aire_status status = read_reply(c, reply);
    *transient = c->reading.transient;
    if (status != AIRE_OK)
        return status;
    int64_t tokens = c->reading.input_tokens + c->reading.output_tokens;
    *used = tokens > 0 ? tokens : -1;
    return make_answer(c, reply);
}

static void call_free(aire_ctx *ctx, call *c)
{
    aire__post_clear(ctx, &c->post);
    aire__reading_free(&c->reading);
    aire__sse_free(&c->sse);
    aire_answer_unref(c->answer);
    aire_free(ctx, c);
}

static void end_call(aire_post *post, aire_status status)
{
    call *c = (call *)post;
    aire_call_trace trace = {.request = post->body, .attempts = post->attempts};
    aire_ctx *ctx = aire_ctx_ref(c->r->ctx); /* who is told may let go of the model */
    settle(c, status);
    c->done(status, status == AIRE_OK ? c->answer : NULL, &trace, c->user_data);
    call_free(ctx, c);
    aire_ctx_unref(ctx);
}

/* ---- starting ---- */

/* Purposes take turns: an Implementer's many requests do not hold up the next ideas. */
static uint64_t caller_of(const aire_request *request)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (const char *at = request->purpose ? request->purpose : ""; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 1099511628211u;
    return hash;
}

/* Fill what is to be posted. */
static aire_status prepare(call *c, const aire_request *request)
{
    const remote *r = c->r;
    aire_post *p = &c->post;
    p->streams = r->provider->streams;
    p->url = p->streams ? r->stream_url : r->url;
    p->caller = caller_of(request);
    c->reading.secret = p->key;
    aire_status status = r->provider->write(r->ctx, request, r->model, p->streams, &p->body);
    return status == AIRE_OK ? reserve(c, request) : status;
}

static aire_status remote_start(void *self, const aire_request *request, aire_cancel *cancel,
                                aire_client_done done, void *user_data)
{
    static const aire_post_kind kind = {begin_try, take_bytes, read_answer, end_call};
    remote *r = self;
    call *c = aire__calloc(r->ctx, 1, sizeof *c);
    if (!c)
        return aire__fail_nomem();
    c->r = r;
    c->done = done;
    c->user_data = user_data;
    aire__reading_init(&c->reading, r->ctx, r->endpoint.where, request);
    aire__sse_init(&c->sse, r->ctx, EVENT_MAX, take_event, c);
    aire_status status = aire__post_init(&c->post, &kind, &r->endpoint, cancel);
    if (status == AIRE_OK)
        status = prepare(c, request);
    if (status != AIRE_OK) {
        call_free(r->ctx, c);
        return status;
    }
    status = aire__post_start(&c->post);
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
    aire__endpoint_clear(&r->endpoint);
    aire_budget_unref(r->budget);
    aire_free(r->ctx, r->model);
    aire_free(r->ctx, r->url);
    aire_free(r->ctx, r->stream_url);
    aire_free(r->ctx, r);
}

/* The price is copied: the file is read once, when the model is made. */
static aire_status take_money(remote *r, const aire_place *place,
                              const aire_client_options *options)
{
    char host[256];
    aire_prices *prices = NULL;
    aire_status status = aire__prices_load(r->ctx, options->prices_path, &prices);
    if (status == AIRE_NOT_FOUND && !options->prices_path)
        status = AIRE_OK; /* not installed: nothing is known */
    aire__url_host(place->base, host, sizeof host);
    const aire_price *price =
        prices ? aire__prices_find(prices, place->provider->name, host, place->model) : NULL;
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
    r->model = aire__strdup(r->ctx, place->model);
    aire_status status = r->model ? take_money(r, place, options) : aire__fail_nomem();
    if (status == AIRE_OK)
        status = r->provider->url(r->ctx, place->base, place->model, false, &r->url);
    if (status == AIRE_OK)
        status = r->provider->url(r->ctx, place->base, place->model, true, &r->stream_url);
    if (status == AIRE_OK)
        status = aire__endpoint_init(&r->endpoint, r->ctx, r->provider, r->url, options);
    return status;
}

aire_status aire__remote_client_new(aire_ctx *ctx, const aire_place *place,
                                    const aire_client_options *options, aire_client *client,
                                    void **self)
{
    remote *r = aire__calloc(ctx, 1, sizeof *r);
    if (!r)
        return aire__fail_nomem();
    r->ctx = r->endpoint.ctx = ctx;
    r->provider = place->provider;
    aire_status status = fill(r, place, options);
    if (status != AIRE_OK) {
        remote_destroy(r);
        return status;
    }
    *client = (aire_client){.destroy = remote_destroy, .start = remote_start};
    *self = r;
    return AIRE_OK;
}
