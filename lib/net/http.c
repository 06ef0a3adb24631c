/* One HTTP request on curl's multi interface, so that a cancel token can end any wait. */
#include "net/http.h"

#include <curl/curl.h>
#include <limits.h>
#include <string.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/thread.h"
#include "net/engine.h"
#include "net/net.h"
#include "net/redact.h"

enum { CONNECT_TIMEOUT_MS = 30000 };

typedef struct transfer {
    aire_ctx *ctx;
    const aire_http_request *request;
    CURL *easy;
    CURLM *multi;
    struct curl_slist *headers;
    aire_buf body;
    char error[CURL_ERROR_SIZE];
} transfer;

static size_t keep_body(char *data, size_t size, size_t count, void *user_data)
{
    transfer *t = user_data;
    aire__buf_append(&t->body, data, size * count);
    return t->body.status == AIRE_OK ? size * count : 0;
}

bool aire__http_is_loopback(const char *url)
{
    return aire__net_is_loopback(url);
}

static bool add_header(transfer *t, const char *line)
{
    struct curl_slist *grown = curl_slist_append(t->headers, line);
    if (grown)
        t->headers = grown;
    return grown != NULL;
}

static aire_status add_headers(transfer *t)
{
    /* An empty Expect keeps curl from waiting for permission to send a long body. */
    if (!add_header(t, "Content-Type: application/json") ||
        !add_header(t, "Accept: application/json") || !add_header(t, "Expect:"))
        return aire__fail_nomem();
    if (!t->request->api_key)
        return AIRE_OK;
    aire_buf line;
    aire__buf_init(&line, t->ctx, 1 << 16);
    aire__buf_printf(&line, "Authorization: Bearer %s", t->request->api_key);
    aire_status status = aire__buf_status(&line);
    if (status == AIRE_OK && !add_header(t, line.data))
        status = aire__fail_nomem();
    if (line.data)
        explicit_bzero(line.data, line.capacity);
    aire__buf_free(&line);
    return status;
}

static bool set_options(transfer *t)
{
    const aire_http_request *request = t->request;
    CURL *easy = t->easy;
    bool ok = curl_easy_setopt(easy, CURLOPT_URL, request->url) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->error) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_USERAGENT, "libaire") == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t->headers) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length) ==
          CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep_body) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_WRITEDATA, t) == CURLE_OK;
    if (aire__http_is_loopback(request->url))
        ok &= curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK;
#if LIBCURL_VERSION_NUM >= 0x075700
    /* A cancelled request must not wait for the name server. */
    ok &= curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK;
#endif
    return ok;
}

static aire_status open_transfer(transfer *t)
{
    aire_status started = aire__curl_start();
    if (started != AIRE_OK)
        return started;
    t->easy = curl_easy_init();
    t->multi = curl_multi_init();
    if (!t->easy || !t->multi)
        return aire__fail_nomem();
    aire_status status = add_headers(t);
    if (status != AIRE_OK)
        return status;
    if (!set_options(t) || curl_multi_add_handle(t->multi, t->easy) != CURLM_OK)
        return aire__fail_nomem();
    return AIRE_OK;
}

static void close_transfer(transfer *t)
{
    if (t->multi && t->easy)
        curl_multi_remove_handle(t->multi, t->easy);
    curl_easy_cleanup(t->easy);
    curl_multi_cleanup(t->multi);
    curl_slist_free_all(t->headers);
    aire__buf_free(&t->body);
}

/* Milliseconds until the deadline, rounded up; 0 when it has passed. */
static int time_left_ms(int64_t deadline_ns)
{
    if (deadline_ns < 0)
        return INT_MAX;
    int64_t left = deadline_ns - aire__monotonic_ns();
    if (left <= 0)
        return 0;
    left = (left + 999999) / 1000000;
    return left < INT_MAX ? (int)left : INT_MAX;
}

static aire_status multi_failed(const transfer *t, CURLMcode code)
{
    if (code == CURLM_OUT_OF_MEMORY)
        return aire__fail_nomem();
    return aire__fail(AIRE_NET, "POST %s: %s", t->request->url, curl_multi_strerror(code));
}

/* Run until curl is through with the request, well or badly. */
static aire_status drive(transfer *t)
{
    struct curl_waitfd token = {.fd = aire_cancel_fd(t->request->cancel),
                                .events = CURL_WAIT_POLLIN};
    for (;;) {
        int running = 0;
        CURLMcode code = curl_multi_perform(t->multi, &running);
        if (code != CURLM_OK)
            return multi_failed(t, code);
        if (!running)
            return AIRE_OK;
        if (aire_cancel_fired(t->request->cancel))
            return aire__fail(AIRE_CANCELLED, "POST %s: cancelled", t->request->url);
        int left = time_left_ms(t->request->deadline_ns);
        if (left == 0)
            return aire__fail(AIRE_TIMEOUT, "POST %s: no answer within the time limit",
                              t->request->url);
        code = curl_multi_poll(t->multi, &token, token.fd >= 0 ? 1 : 0, left, NULL);
        if (code != CURLM_OK)
            return multi_failed(t, code);
    }
}

static bool is_transient(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT: /* of connecting: the whole has its own deadline */
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return true;
    default:
        return false;
    }
}

static aire_status transfer_failed(const transfer *t, CURLcode code)
{
    const char *url = t->request->url;
    const char *reason = t->error[0] ? t->error : curl_easy_strerror(code);
    if (code == CURLE_OUT_OF_MEMORY || t->body.status == AIRE_NOMEM)
        return aire__fail_nomem();
    if (t->body.status == AIRE_LIMIT)
        return aire__fail(AIRE_PROTOCOL, "POST %s: the answer is longer than %zu bytes", url,
                          t->request->max_response);
    if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
        return aire__fail(AIRE_INVALID, "POST %s: %s", url, reason);
    if (code == CURLE_WEIRD_SERVER_REPLY)
        return aire__fail(AIRE_PROTOCOL, "POST %s: %s", url, reason);
    return aire__fail(AIRE_NET, "POST %s: %s", url, reason);
}

static CURLcode result_of(transfer *t)
{
    int left;
    const CURLMsg *message;
    while ((message = curl_multi_info_read(t->multi, &left)))
        if (message->msg == CURLMSG_DONE && message->easy_handle == t->easy)
            return message->data.result;
    return CURLE_FAILED_INIT;
}

static aire_status take_reply(transfer *t, aire_http_reply *out)
{
    aire_http_reply reply = {0};
    long http_status = 0;
    curl_off_t retry_after = 0; /* seconds; curl reads both forms of the header */
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &http_status);
    curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &retry_after);
    reply.status = (int32_t)http_status;
    if (retry_after > 0)
        reply.retry_after_ms = retry_after < INT_MAX ? (int64_t)retry_after * 1000 : INT_MAX;
    aire_status status = aire__buf_take(&t->body, &reply.body, &reply.length);
    if (status != AIRE_OK)
        return status;
    aire__redact(reply.body, reply.length, t->request->api_key);
    *out = reply;
    return AIRE_OK;
}

aire_status aire__http_post(aire_ctx *ctx, const aire_http_request *request, bool *transient,
                            aire_http_reply *out)
{
    transfer t = {.ctx = ctx, .request = request};
    aire__buf_init(&t.body, ctx, request->max_response);
    *transient = false;
    aire_status status = open_transfer(&t);
    if (status == AIRE_OK)
        status = drive(&t);
    if (status == AIRE_OK) {
        CURLcode code = result_of(&t);
        *transient = is_transient(code);
        status = code == CURLE_OK ? take_reply(&t, out) : transfer_failed(&t, code);
    }
    close_transfer(&t);
    return status;
}

void aire__http_reply_free(aire_ctx *ctx, aire_http_reply *reply)
{
    aire_free(ctx, reply->body);
    *reply = (aire_http_reply){0};
}
