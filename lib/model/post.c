#include "model/post.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/str.h"
#include "base/thread.h"

enum { BACKOFF_BASE_MS = 500, BACKOFF_CAP_MS = 60000 };
#define ANSWER_MAX ((size_t)16 << 20)

static void free_secret(aire_ctx *ctx, char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    aire_free(ctx, secret);
}

/* ---- endpoints ---- */

static aire_status copy_optional(aire_ctx *ctx, const char *text, char **out)
{
    *out = text ? aire__strdup(ctx, text) : NULL;
    return *out || !text ? AIRE_OK : aire__fail_nomem();
}

static void warn_of_plain_http(const aire_endpoint *e, const char *url)
{
    if ((e->api_key || e->key) && aire__starts_with(url, "http://") && !aire__net_is_loopback(url))
        aire__logf(e->ctx, AIRE_LOG_WARNING, "model",
                   "%s: the API key goes over the network unencrypted; use https", url);
}

aire_status aire__endpoint_init(aire_endpoint *e, aire_ctx *ctx, const aire_provider *provider,
                                const char *url, const aire_client_options *options)
{
    *e = (aire_endpoint){.ctx = ctx,
                         .provider = provider,
                         .key = options->key,
                         .key_user_data = options->key_user_data,
                         .timeout_ms = options->timeout_ms,
                         .stall_ms = options->stall_ms,
                         .retry = {options->max_attempts, BACKOFF_BASE_MS, BACKOFF_CAP_MS}};
    aire_status status = copy_optional(ctx, options->ca_file, &e->ca_file);
    if (status == AIRE_OK)
        status = copy_optional(ctx, options->proxy, &e->proxy);
    if (status == AIRE_OK)
        status = copy_optional(ctx, options->api_key, &e->api_key);
    if (status == AIRE_OK) {
        e->where = aire__asprintf(ctx, "POST %s", url);
        status = e->where ? aire__net_acquire(ctx, &e->net) : aire__fail_nomem();
    }
    if (status == AIRE_OK)
        status = aire__gate_new(ctx, e->net, &options->limits, &e->gate);
    if (status == AIRE_OK)
        warn_of_plain_http(e, url);
    return status;
}

void aire__endpoint_clear(aire_endpoint *e)
{
    if (e->net)
        aire__net_release(e->net);
    aire__gate_free(e->gate);
    free_secret(e->ctx, e->api_key);
    aire_free(e->ctx, e->where);
    aire_free(e->ctx, e->ca_file);
    aire_free(e->ctx, e->proxy);
}

/* ---- the end ---- */

static void finish(aire_post *p, aire_status status)
{
    if (status != AIRE_OK && p->attempts > 1)
        aire__fail_prefix(status, "gave up after %d attempts", (int)p->attempts);
    p->kind->end(p, status);
}

/* ---- tries ---- */

/* On the net's thread, at first and again: by the gate. */
static void enter(bool cancelled, void *user_data)
{
    aire_post *p = user_data;
    if (cancelled)
        finish(p, aire__fail(AIRE_CANCELLED, "cancelled while it waited to be sent"));
    else
        aire__gate_enter(p->endpoint->gate, &p->visit, p->caller, p->tokens);
}

/* Wait and try again, if there is a try left and time for it; otherwise this was the end. */
static void retry_or_finish(aire_post *p, aire_status status, bool transient,
                            int64_t retry_after_ms)
{
    const aire_endpoint *e = p->endpoint;
    int64_t wait_ms =
        aire__retry_wait_ms(&e->retry, p->attempts, retry_after_ms, aire__rng_unit(&p->rng));
    int64_t at_ns = aire__monotonic_ns() + wait_ms * 1000000;
    if (!transient || p->attempts >= e->retry.max_attempts || at_ns >= p->deadline_ns) {
        finish(p, status);
        return;
    }
    aire__logf(e->ctx, AIRE_LOG_WARNING, "model", "%s; attempt %d of %d in %lld ms",
               aire_error_message(aire_last_error()), (int)p->attempts + 1,
               (int)e->retry.max_attempts, (long long)wait_ms);
    status = aire__net_at(e->net, at_ns, p->cancel, enter, p);
    if (status != AIRE_OK)
        finish(p, status);
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
static aire_status refused(const aire_post *p, const aire_exchange_reply *reply)
{
    aire_ctx *ctx = p->endpoint->ctx;
    char *said, wait[64] = "";
    aire_status status = aire__provider_error_text(ctx, reply->body, reply->length, p->key, &said);
    if (status != AIRE_OK)
        return status;
    if (reply->retry_after_ms > 0)
        snprintf(wait, sizeof wait, " (asks to wait %lld s)",
                 (long long)(reply->retry_after_ms / 1000));
    status =
        aire__fail_code(status_of_http(reply->status), reply->status, "%s: HTTP status %d%s%s%s",
                        p->endpoint->where, (int)reply->status, wait, said[0] ? ": " : "", said);
    aire_free(ctx, said);
    return status;
}

/* What the end of a try says of its endpoint. Others may be told of their own end meanwhile; the
 * thread's error detail stays that of this try. */
static void leave(aire_post *p, aire_status status, bool transient, int64_t used,
                  const aire_exchange_reply *reply)
{
    aire_verdict verdict = status == AIRE_CANCELLED || !reply->began ? AIRE_VERDICT_NONE
                           : status == AIRE_OK || !transient || reply->status == 429
                               ? AIRE_VERDICT_ALIVE
                               : AIRE_VERDICT_FAILED;
    int64_t peace_ns = reply->status == 429 && reply->retry_after_ms > 0
                           ? aire__monotonic_ns() + reply->retry_after_ms * 1000000
                           : 0;
    char detail[AIRE_ERROR_MESSAGE_MAX];
    int32_t code = aire_error_code(aire_last_error());
    snprintf(detail, sizeof detail, "%s", aire_error_message(aire_last_error()));
    aire__gate_leave(p->endpoint->gate, &p->visit, verdict, used, peace_ns);
    if (status != AIRE_OK)
        aire_error_set(status, code, detail);
}

static void end_try(aire_status status, bool transient, aire_exchange_reply *reply, void *user_data)
{
    aire_post *p = user_data;
    int64_t used = -1;
    /* The stream itself told of a failure, and the detail is its; unless its end was another. */
    bool stream_failed = p->read_status != AIRE_OK && status != AIRE_CANCELLED;
    if (stream_failed || (status == AIRE_OK && reply->status >= 200 && reply->status < 300)) {
        status = p->kind->read(p, reply, &transient, &used);
    } else if (status == AIRE_OK) {
        transient = aire__retry_http_status(reply->status);
        status = refused(p, reply);
    }
    leave(p, status, transient, used, reply);
    if (status == AIRE_OK)
        finish(p, AIRE_OK);
    else
        retry_or_finish(p, status, transient, reply->retry_after_ms);
}

static aire_status try_once(aire_post *p)
{
    const aire_endpoint *e = p->endpoint;
    p->read_status = AIRE_OK;
    p->kind->begin(p, p->attempts++ > 0);
    p->tried_ns = aire__monotonic_ns();
    aire_exchange exchange = {.url = p->url,
                              .headers = e->provider->headers,
                              .secret_header = p->key_line,
                              .request_id_header = e->provider->request_id_header,
                              .ca_file = e->ca_file,
                              .proxy = e->proxy,
                              .body = p->body,
                              .body_length = strlen(p->body),
                              .wants_stream = p->streams,
                              .deadline_ns = p->deadline_ns,
                              .stall_ms = e->stall_ms,
                              .max_response = ANSWER_MAX,
                              .cancel = p->cancel,
                              .data = p->streams ? p->kind->data : NULL,
                              .done = end_try,
                              .user_data = p};
    return aire__net_start(e->net, &exchange);
}

/* The gate has told. */
static void told(aire_visitor *visitor, aire_status status)
{
    aire_post *p = (aire_post *)visitor;
    bool goes = status == AIRE_OK;
    if (goes)
        status = try_once(p);
    if (status == AIRE_OK)
        return;
    if (goes)
        aire__gate_leave(p->endpoint->gate, &p->visit, AIRE_VERDICT_NONE, -1, 0);
    finish(p, status);
}

/* ---- beginning ---- */

/* The key as the host has it now. */
static aire_status take_key(aire_post *p)
{
    const aire_endpoint *e = p->endpoint;
    char key[AIRE_KEY_MAX + 2] = "";
    aire_status status = e->key ? e->key(key, sizeof key, e->key_user_data) : AIRE_OK;
    key[sizeof key - 1] = '\0';
    if (status == AIRE_OK && e->key)
        status = aire__key_check(key);
    const char *used = e->key ? key : e->api_key;
    if (status == AIRE_OK && used) {
        p->key = aire__strdup(e->ctx, used);
        status = p->key ? aire__provider_key_line(e->ctx, e->provider, used, &p->key_line)
                        : aire__fail_nomem();
    }
    explicit_bzero(key, sizeof key);
    return status;
}

aire_status aire__post_init(aire_post *p, const aire_post_kind *kind, const aire_endpoint *endpoint,
                            aire_cancel *cancel)
{
    *p = (aire_post){.kind = kind,
                     .endpoint = endpoint,
                     .cancel = aire_cancel_ref(cancel),
                     .started_ns = aire__monotonic_ns()};
    p->deadline_ns = p->started_ns + (int64_t)endpoint->timeout_ms * 1000000;
    p->visit = (aire_visitor){.cancel = cancel, .deadline_ns = p->deadline_ns, .told = told};
    aire__rng_init(&p->rng, (uint64_t)p->started_ns, "model.retry", aire_ctx_seed(endpoint->ctx));
    return take_key(p);
}

/* The endpoint may be gone by now. */
void aire__post_clear(aire_ctx *ctx, aire_post *p)
{
    free_secret(ctx, p->key);
    free_secret(ctx, p->key_line);
    aire_cancel_unref(p->cancel);
    aire_free(ctx, p->body);
}

aire_status aire__post_start(aire_post *p)
{
    return aire__net_at(p->endpoint->net, 0, p->cancel, enter, p);
}
