/* A transfer is one block of memory, with all strings and the list of headers behind it; and the
 * body, which is the larger part and is needed for a shorter time. */
#include <string.h>

#include "base/str.h"
#include "net/transfer.h"

/* What every request says; an empty Expect keeps curl from waiting for permission to send a long
 * body. Shared by all, never changed; curl's type knows no const. */
static char expect[] = "Expect:";
static char type[] = "Content-Type: application/json";
static char takes_json[] = "Accept: application/json";
static char takes_stream[] = "Accept: text/event-stream, application/json";
static struct curl_slist say_expect = {expect, NULL};
static struct curl_slist say_type = {type, &say_expect};
static struct curl_slist say_json = {takes_json, &say_type};
static struct curl_slist say_stream = {takes_stream, &say_type};

static size_t length_of(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

static size_t count_headers(const aire_exchange *exchange)
{
    size_t count = 0;
    while (exchange->headers && exchange->headers[count])
        count++;
    return count;
}

static size_t size_of_text(const aire_exchange *exchange, size_t headers)
{
    size_t size = (headers + 1) * sizeof(struct curl_slist);
    for (size_t i = 0; i < headers; i++)
        size += length_of(exchange->headers[i]);
    return size + length_of(exchange->url) + length_of(exchange->secret_header) +
           length_of(exchange->request_id_header) + length_of(exchange->ca_file) +
           length_of(exchange->proxy);
}

static char *put_string(char **end, const char *text)
{
    char *copy = *end;
    if (!text)
        return NULL;
    memcpy(copy, text, length_of(text));
    *end += length_of(text);
    return copy;
}

/* Put a header in front of the list; NULL is none. */
static void put_header(aire_transfer *t, char **end, struct curl_slist **node, const char *line)
{
    if (!line)
        return;
    (*node)->data = put_string(end, line);
    (*node)->next = t->headers;
    t->headers = (*node)++;
}

static void copy_strings(aire_transfer *t, const aire_exchange *from, size_t headers)
{
    struct curl_slist *node = (struct curl_slist *)(void *)t->text;
    char *end = (char *)(node + headers + 1);
    t->headers = from->wants_stream ? &say_stream : &say_json;
    for (size_t i = headers; i-- > 0;)
        put_header(t, &end, &node, from->headers[i]);
    put_header(t, &end, &node, from->secret_header);
    t->asked.secret_header = from->secret_header ? t->headers->data : NULL;
    t->asked.headers = NULL;
    t->asked.url = put_string(&end, from->url);
    t->asked.request_id_header = put_string(&end, from->request_id_header);
    t->asked.ca_file = put_string(&end, from->ca_file);
    t->asked.proxy = put_string(&end, from->proxy);
}

aire_transfer *aire__transfer_new(aire_ctx *ctx, const aire_exchange *exchange)
{
    size_t headers = count_headers(exchange);
    size_t size = sizeof(aire_transfer) + size_of_text(exchange, headers);
    aire_transfer *t = aire_alloc(ctx, size);
    char *body = aire_alloc(ctx, exchange->body_length);
    if (!t || !body) {
        aire_free(ctx, t);
        aire_free(ctx, body);
        return NULL;
    }
    if (exchange->body_length)
        memcpy(body, exchange->body, exchange->body_length);
    *t = (aire_transfer){.task.kind = &aire__transfer_kind, .asked = *exchange, .body = body};
    copy_strings(t, exchange, headers);
    t->secret_length = exchange->secret_header ? strlen(exchange->secret_header) : 0;
    t->task.waiter.token = aire_cancel_ref(exchange->cancel);
    aire__buf_init(&t->answer, ctx, exchange->max_response);
    return t;
}

void aire__transfer_free(aire_ctx *ctx, aire_transfer *t)
{
    if (t->secret_length)
        explicit_bzero(t->headers->data, t->secret_length);
    aire__buf_free(&t->answer);
    aire_free(ctx, t->body);
    aire_free(ctx, t->reply.body);
    aire_free(ctx, t->stopped_message);
    aire_free(ctx, t);
}
