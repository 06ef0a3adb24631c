/* One exchange: its curl handle, its answer as it comes, and how it ends. */
#include "net/transfer.h"

#include <limits.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/str.h"
#include "base/thread.h"

enum {
    CONNECT_TIMEOUT_MS = 30000,
    STREAM_BYTES = 1024,    /* a handle's buffer, all the while: tokens come in small pieces */
    WHOLE_BYTES = 4 * 1024, /* and an answer that comes as a whole comes in larger ones */
    SEND_BYTES = 16 * 1024  /* the least that curl allows */
};

/* Descriptors are counted, and never inherited by what the host starts. */
static curl_socket_t open_socket(void *user_data, curlsocktype purpose,
                                 struct curl_sockaddr *address)
{
    aire_crowd *crowd = user_data;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    crowd->sockets += fd >= 0;
    return fd >= 0 ? fd : CURL_SOCKET_BAD;
}

static int close_socket(void *user_data, curl_socket_t socket)
{
    aire_crowd *crowd = user_data;
    crowd->sockets--;
    return close(socket);
}

/* The connection is there, new or used again, and the request goes out. */
static int note_connected(void *user_data, char *to, char *from, int to_port, int from_port)
{
    aire_transfer *t = user_data;
    aire__crowd_connected(&t->task.engine->crowd, &t->place);
    return CURL_PREREQFUNC_OK;
}

static bool is_header(const char *line, size_t length, const char *name)
{
    size_t name_length = strlen(name);
    return length > name_length && line[name_length] == ':' &&
           strncasecmp(line, name, name_length) == 0;
}

/* A header's value, without the space around it. */
static size_t value_of(const char *line, size_t length, const char **value)
{
    const char *colon = memchr(line, ':', length), *end = line + length;
    const char *from = colon ? colon + 1 : end;
    while (from < end && (*from == ' ' || *from == '\t'))
        from++;
    while (end > from && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' '))
        end--;
    *value = from;
    return (size_t)(end - from);
}

static void keep_request_id(aire_transfer *t, const char *value, size_t length)
{
    size_t most = sizeof t->reply.request_id - 1;
    length = aire__utf8_cut(value, length, most);
    memcpy(t->reply.request_id, value, length);
    t->reply.request_id[length] = '\0';
}

/* A long prompt is not kept all the while that its answer is streamed. Once something of the answer
 * has come, curl does not send a request again; should it ever, it is without a body. */
static void drop_body(aire_transfer *t)
{
    curl_off_t sent = 0;
    if (!t->body)
        return;
    curl_easy_getinfo(t->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
    if ((size_t)sent < t->asked.body_length)
        return;
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, "");
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)0);
    aire_free(t->task.engine->ctx, t->body);
    t->body = NULL;
}

static size_t read_header(char *line, size_t size, size_t count, void *user_data)
{
    static const char stream[] = "text/event-stream";
    aire_transfer *t = user_data;
    size_t length = size * count;
    const char *value;
    t->last_ns = t->task.engine->now;
    if (length > 5 && memcmp(line, "HTTP/", 5) == 0) { /* of the final answer, or of one before */
        t->task.engine->crowd.multiplexes |= line[5] == '2';
        t->reply.is_stream = false;
    } else if (is_header(line, length, "Content-Type")) {
        size_t value_length = value_of(line, length, &value);
        t->reply.is_stream =
            value_length >= sizeof stream - 1 && strncasecmp(value, stream, sizeof stream - 1) == 0;
    } else if (t->asked.request_id_header && is_header(line, length, t->asked.request_id_header)) {
        size_t value_length = value_of(line, length, &value);
        keep_request_id(t, value, value_length);
    }
    return length;
}

/* The data function has had enough: what it said is kept until curl has come to the end. */
static void keep_objection(aire_transfer *t)
{
    const aire_error *error = aire_last_error();
    aire_status status = aire_error_status(error);
    t->stopped = status == AIRE_NOMEM ? AIRE_NOMEM : AIRE_PROTOCOL;
    t->stopped_code = aire_error_code(error);
    t->stopped_message = aire__strdup(t->task.engine->ctx, aire_error_message(error));
}

static size_t read_body(char *bytes, size_t size, size_t count, void *user_data)
{
    aire_transfer *t = user_data;
    size_t length = size * count;
    long http_status = 0;
    drop_body(t);
    t->last_ns = t->task.engine->now;
    if (t->reply.first_ns == 0)
        t->reply.first_ns = aire__monotonic_ns();
    t->received += length;
    if (t->received > t->asked.max_response)
        return 0;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &http_status);
    if (!t->asked.data || !t->reply.is_stream || http_status < 200 || http_status > 299) {
        aire__buf_append(&t->answer, bytes, length);
        return t->answer.status == AIRE_OK ? length : 0;
    }
    if (t->asked.data(bytes, length, t->asked.user_data))
        return length;
    keep_objection(t);
    return 0;
}

static bool is_http(const char *url)
{
    return strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0;
}

static bool set_connection(aire_transfer *t)
{
    const aire_exchange *asked = &t->asked;
    aire_crowd *crowd = &t->task.engine->crowd;
    CURL *easy = t->easy;
    bool tls = strncasecmp(asked->url, "https", 5) == 0;
    const char *proxy = asked->proxy;
    if (!proxy && aire__net_is_loopback(asked->url))
        proxy = "";
    bool ok = curl_easy_setopt(easy, CURLOPT_URL, asked->url) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, crowd) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, crowd) == CURLE_OK;
    /* Over TLS one connection may serve many: wait and see whether the first one does. A curl that
     * knows no HTTP/2 stays with what it knows. */
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                     tls ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1);
    ok &= curl_easy_setopt(easy, CURLOPT_PIPEWAIT, (long)tls) == CURLE_OK;
    if (proxy)
        ok &= curl_easy_setopt(easy, CURLOPT_PROXY, proxy) == CURLE_OK;
    if (asked->ca_file) {
        ok &= curl_easy_setopt(easy, CURLOPT_CAINFO, asked->ca_file) == CURLE_OK;
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* not every TLS library has one */
    }
#if LIBCURL_VERSION_NUM >= 0x075700
    /* A cancelled request must not wait for the name server. */
    ok &= curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK;
#endif
    return ok;
}

static bool set_request(aire_transfer *t)
{
    CURL *easy = t->easy;
    bool ok = curl_easy_setopt(easy, CURLOPT_PRIVATE, t) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->error) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_BUFFERSIZE,
                           (long)(t->asked.wants_stream ? STREAM_BYTES : WHOLE_BYTES)) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)SEND_BYTES) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_USERAGENT, "libaire") == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t->headers) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, t->body) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->asked.body_length) ==
          CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, note_connected) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_PREREQDATA, t) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, read_header) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_HEADERDATA, t) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, read_body) == CURLE_OK;
    ok &= curl_easy_setopt(easy, CURLOPT_WRITEDATA, t) == CURLE_OK;
    return ok;
}

static void read_reply(aire_transfer *t)
{
    aire_exchange_reply *reply = &t->reply;
    long http_status = 0;
    curl_off_t retry_after = 0; /* seconds; curl reads both forms of the header */
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &http_status);
    curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &retry_after);
    reply->status = (int32_t)http_status;
    if (retry_after > 0)
        reply->retry_after_ms = retry_after < INT_MAX ? (int64_t)retry_after * 1000 : INT_MAX;
}

static void close_easy(aire_transfer *t)
{
    if (!t->easy)
        return;
    read_reply(t);
    curl_multi_remove_handle(t->task.engine->multi, t->easy);
    curl_easy_cleanup(t->easy);
    t->easy = NULL;
}

/* Tell of the end; the error detail is set. Never inside a function that curl calls. */
static void end(aire_transfer *t, aire_status status, bool transient)
{
    aire_engine *engine = t->task.engine;
    char nothing[1] = "";
    t->reply.end_ns = aire__monotonic_ns();
    close_easy(t);
    if (status == AIRE_OK)
        status = aire__buf_take(&t->answer, &t->reply.body, &t->reply.length);
    aire__crowd_leave(&engine->crowd, &t->place);
    aire__task_end(&t->task);
    bool bodiless = !t->reply.body;
    if (bodiless)
        t->reply.body = nothing;
    t->asked.done(status, transient, &t->reply, t->asked.user_data);
    if (bodiless)
        t->reply.body = NULL;
    aire__transfer_free(engine->ctx, t);
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

static aire_status too_long(const aire_transfer *t)
{
    return aire__fail(AIRE_PROTOCOL, "POST %s: the answer is longer than %zu bytes", t->asked.url,
                      t->asked.max_response);
}

static aire_status objected(const aire_transfer *t)
{
    if (t->stopped == AIRE_NOMEM)
        return aire__fail_nomem();
    return aire_error_set(t->stopped, t->stopped_code, t->stopped_message);
}

static aire_status not_connected(const aire_transfer *t, const char *reason)
{
    long errnum = 0;
    curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &errnum);
    if (errnum)
        return aire__fail_errno(AIRE_NET, (int)errnum, "POST %s: %s", t->asked.url, reason);
    return aire__fail(AIRE_NET, "POST %s: %s", t->asked.url, reason);
}

static aire_status failed(const aire_transfer *t, CURLcode code)
{
    const char *url = t->asked.url;
    const char *reason = t->error[0] ? t->error : curl_easy_strerror(code);
    if (code == CURLE_OUT_OF_MEMORY || t->answer.status == AIRE_NOMEM)
        return aire__fail_nomem();
    if (t->stopped)
        return objected(t);
    if (t->received > t->asked.max_response || t->answer.status == AIRE_LIMIT)
        return too_long(t);
    if (code == CURLE_URL_MALFORMAT)
        return aire__fail(AIRE_INVALID, "POST %s: %s", url, reason);
    if (code == CURLE_COULDNT_CONNECT)
        return not_connected(t, reason);
    if (code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_UNSUPPORTED_PROTOCOL) /* HTTP/0.9 */
        return aire__fail(AIRE_PROTOCOL, "POST %s: %s", url, reason);
    return aire__fail(AIRE_NET, "POST %s: %s", url, reason);
}

void aire__transfer_over(CURL *easy, CURLcode code)
{
    aire_transfer *t = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &t);
    aire_status status = code == CURLE_OK ? AIRE_OK : failed(t, code);
    end(t, status, status == AIRE_NET && is_transient(code));
}

/* When something may have to be done about it. */
static int64_t next_time(const aire_transfer *t)
{
    int64_t when = t->asked.deadline_ns < 0 ? INT64_MAX : t->asked.deadline_ns;
    if (!t->easy || t->asked.stall_ms <= 0 || t->asked.stall_ms > INT64_MAX / 2000000)
        return when;
    int64_t stalled = t->last_ns + t->asked.stall_ms * 1000000;
    return stalled < when ? stalled : when;
}

static void begin(aire_task *task)
{
    aire_transfer *t = (aire_transfer *)task;
    if (!is_http(t->asked.url)) {
        end(t, aire__fail(AIRE_INVALID, "POST %s: not an http or https URL", t->asked.url), false);
        return;
    }
    aire_status status = aire__crowd_join(&task->engine->crowd, &t->place, t->asked.url);
    if (status != AIRE_OK)
        end(t, status, false);
    else
        aire__task_set_timer(task, next_time(t));
}

static aire_status open_easy(aire_transfer *t)
{
    t->easy = curl_easy_init();
    if (!t->easy || !set_connection(t) || !set_request(t))
        return aire__fail_nomem();
    CURLMcode code = curl_multi_add_handle(t->task.engine->multi, t->easy);
    if (code == CURLM_OUT_OF_MEMORY)
        return aire__fail_nomem();
    if (code != CURLM_OK)
        return aire__fail(AIRE_NET, "POST %s: %s", t->asked.url, curl_multi_strerror(code));
    t->reply.began = true;
    return AIRE_OK;
}

void aire__transfers_admit(aire_engine *engine)
{
    aire_place *place;
    while ((place = aire__crowd_next(&engine->crowd, engine->now))) {
        aire_transfer *t =
            (aire_transfer *)(void *)((char *)place - offsetof(aire_transfer, place));
        t->last_ns = engine->now;
        aire_status status = open_easy(t);
        if (status != AIRE_OK)
            end(t, status, false);
        else
            aire__task_set_timer(&t->task, next_time(t));
    }
}

/* Something may have come since the timer was set, so look again. */
static void due(aire_task *task)
{
    aire_transfer *t = (aire_transfer *)task;
    int64_t now = task->engine->now;
    if (next_time(t) > now) {
        aire__task_set_timer(task, next_time(t));
        return;
    }
    if (t->asked.deadline_ns >= 0 && now >= t->asked.deadline_ns)
        aire__fail(AIRE_TIMEOUT, "POST %s: no answer within the time limit%s", t->asked.url,
                   t->easy ? "" : ", which passed while it waited for its turn");
    else
        aire__fail(AIRE_TIMEOUT, "POST %s: nothing came for %lld ms", t->asked.url,
                   (long long)t->asked.stall_ms);
    end(t, AIRE_TIMEOUT, true);
}

static void fired(aire_task *task)
{
    aire_transfer *t = (aire_transfer *)task;
    end(t, aire__fail(AIRE_CANCELLED, "POST %s: cancelled", t->asked.url), false);
}

const aire_task_kind aire__transfer_kind = {begin, due, fired};
