/*
 * One exchange, as the engine's task: a copy of what was asked for, then a curl handle, its answer,
 * and how it ended.
 */
#ifndef AIRE_NET_TRANSFER_H
#define AIRE_NET_TRANSFER_H

#include "base/buf.h"
#include "net/engine.h"
#include "net/net.h"

typedef struct aire_transfer {
    aire_task task; /* first */
    aire_place place;
    CURL *easy;                 /* NULL while it waits for its turn */
    char *body;                 /* until it has been sent and answered */
    aire_exchange asked;        /* its strings point into `text` */
    struct curl_slist *headers; /* in `text`, too; not to be freed by curl */
    int64_t last_ns;            /* when something came, or when it began */
    size_t received;            /* bytes of the body */
    aire_buf answer;
    aire_exchange_reply reply;
    aire_status stopped; /* by its data function, which said: */
    int32_t stopped_code;
    char *stopped_message;
    char error[CURL_ERROR_SIZE];
    size_t secret_length;
    _Alignas(void *) char text[];
} aire_transfer;

extern const aire_task_kind aire__transfer_kind;

/* A copy; NULL when there is no memory. */
aire_transfer *aire__transfer_new(aire_ctx *ctx, const aire_exchange *exchange);

/* Wipes the secret. The task has ended, or never began. */
void aire__transfer_free(aire_ctx *ctx, aire_transfer *t);

/* On the net's thread: begin those whose turn it is. */
void aire__transfers_admit(aire_engine *engine);

/* On the net's thread: curl is through with this handle. */
void aire__transfer_over(CURL *easy, CURLcode code);

#endif
