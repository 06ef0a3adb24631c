/* An OpenAI-compatible chat endpoint: POST URL/chat/completions, answered in one piece. */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/str.h"
#include "base/thread.h"
#include "model/client.h"
#include "model/provider.h"
#include "net/redact.h"
#include "net/retry.h"

enum { BACKOFF_BASE_MS = 500, BACKOFF_CAP_MS = 60000 };
#define ANSWER_MAX ((size_t)16 << 20)

typedef struct chat_client {
    aire_ctx *ctx; /* borrowed from the model */
    char *model;
    char *url;
    char *api_key; /* NULL for none */
    int32_t timeout_ms;
    aire_retry retry;
} chat_client;

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

/* A complete answer that is an HTTP error: what the server says about it, without the key. */
static aire_status refused(const chat_client *chat, const aire_http_reply *reply, int32_t attempts)
{
    char *said;
    aire_status status =
        aire__provider_error_text(chat->ctx, reply->body, reply->length, chat->api_key, &said);
    if (status != AIRE_OK)
        return status;
    char tries[64] = "", wait[64] = "";
    if (attempts > 1)
        snprintf(tries, sizeof tries, " after %d attempts", (int)attempts);
    if (reply->retry_after_ms > 0)
        snprintf(wait, sizeof wait, " (asks to wait %lld s)",
                 (long long)(reply->retry_after_ms / 1000));
    status = aire__fail_code(status_of_http(reply->status), reply->status,
                             "POST %s: HTTP status %d%s%s%s%s", chat->url, (int)reply->status,
                             tries, wait, said[0] ? ": " : "", said);
    aire_free(chat->ctx, said);
    return status;
}

static aire_status answered(const chat_client *chat, const aire_http_reply *reply,
                            aire_answer **out)
{
    char *where = aire__asprintf(chat->ctx, "POST %s", chat->url);
    if (!where)
        return aire__fail_nomem();
    aire_reading r;
    aire__reading_init(&r, chat->ctx, where, NULL);
    r.secret = chat->api_key;
    aire_status status = aire__provider_read(&aire__chat, &r, reply->body, reply->length);
    if (status == AIRE_OK) {
        aire_answer_options fields = AIRE_ANSWER_OPTIONS_INIT;
        aire__redact(r.text.data, r.text.length, chat->api_key);
        aire__redact(r.thinking.data, r.thinking.length, chat->api_key);
        aire__reading_answer(&r, &fields);
        status = aire_answer_new(chat->ctx, &fields, out);
    }
    aire__reading_free(&r);
    aire_free(chat->ctx, where);
    return status;
}

static aire_status chat_complete(void *self, const aire_request *request, aire_cancel *cancel,
                                 aire_call_trace *trace, aire_answer **out)
{
    const chat_client *chat = self;
    aire_status status = aire__chat.write(chat->ctx, request, chat->model, false, &trace->request);
    if (status != AIRE_OK)
        return status;
    aire_http_request http = {
        .url = chat->url,
        .body = trace->request,
        .body_length = strlen(trace->request),
        .api_key = chat->api_key,
        .cancel = cancel,
        .deadline_ns = aire__deadline_ns(chat->timeout_ms),
        .max_response = ANSWER_MAX,
    };
    aire_http_reply reply;
    status = aire__http_post_retrying(chat->ctx, &http, &chat->retry, &trace->attempts, &reply);
    if (status != AIRE_OK)
        return status;
    if (reply.status >= 200 && reply.status < 300)
        status = answered(chat, &reply, out);
    else
        status = refused(chat, &reply, trace->attempts);
    aire__http_reply_free(chat->ctx, &reply);
    return status;
}

static void chat_destroy(void *self)
{
    chat_client *chat = self;
    if (chat->api_key)
        explicit_bzero(chat->api_key, strlen(chat->api_key));
    aire_free(chat->ctx, chat->api_key);
    aire_free(chat->ctx, chat->model);
    aire_free(chat->ctx, chat->url);
    aire_free(chat->ctx, chat);
}

static void warn_of_plain_http(const chat_client *chat)
{
    if (chat->api_key && aire__starts_with(chat->url, "http://") &&
        !aire__http_is_loopback(chat->url))
        aire__logf(chat->ctx, AIRE_LOG_WARNING, "model",
                   "%s: the API key goes over the network unencrypted; use https", chat->url);
}

aire_status aire__chat_client_new(aire_ctx *ctx, const char *model, const char *url,
                                  const aire_client_options *options, aire_client *client,
                                  void **self)
{
    chat_client *chat = aire__calloc(ctx, 1, sizeof *chat);
    if (!chat)
        return aire__fail_nomem();
    *chat = (chat_client){
        .ctx = ctx,
        .model = aire__strdup(ctx, model),
        .api_key = options->api_key ? aire__strdup(ctx, options->api_key) : NULL,
        .timeout_ms = options->timeout_ms,
        .retry = {options->max_attempts, BACKOFF_BASE_MS, BACKOFF_CAP_MS},
    };
    aire_status status = aire__chat.url(ctx, url, model, false, &chat->url);
    if (status != AIRE_OK || !chat->model || (options->api_key && !chat->api_key)) {
        chat_destroy(chat);
        return aire__fail_nomem();
    }
    warn_of_plain_http(chat);
    *client = (aire_client){chat_complete, chat_destroy};
    *self = chat;
    return AIRE_OK;
}
