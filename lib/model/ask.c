/* Asking a client, whichever way it works. */
#include "model/ask.h"

#include <stdio.h>

#include "base/fail.h"
#include "base/str.h"
#include "base/thread.h"
#include "model/request.h"

/* ---- waiting for a client that tells ---- */

typedef struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t told;
    bool is_over;
    aire_status status;
    aire_answer *answer;
    aire_ctx *ctx;
    aire_call_trace trace; /* copies */
    int32_t code;          /* the detail, which is of the telling thread */
    char message[AIRE_ERROR_MESSAGE_MAX];
} waiter;

static char *copy_of(aire_ctx *ctx, const char *text)
{
    return text ? aire__strdup(ctx, text) : NULL;
}

static void wake(aire_status status, aire_answer *answer, const aire_call_trace *trace,
                 void *user_data)
{
    waiter *w = user_data;
    pthread_mutex_lock(&w->lock);
    w->status = status;
    w->answer = aire_answer_ref(answer);
    w->trace = (aire_call_trace){copy_of(w->ctx, trace->request), trace->attempts,
                                 copy_of(w->ctx, trace->model)};
    if (status != AIRE_OK) {
        w->code = aire_error_code(aire_last_error());
        snprintf(w->message, sizeof w->message, "%s", aire_error_message(aire_last_error()));
    }
    w->is_over = true;
    pthread_cond_signal(&w->told);
    pthread_mutex_unlock(&w->lock);
}

static aire_status start_and_wait(aire_ctx *ctx, const aire_client *client, void *self,
                                  const aire_request *request, aire_cancel *cancel,
                                  aire_call_trace *trace, aire_answer **out)
{
    waiter w = {.ctx = ctx};
    pthread_mutex_init(&w.lock, NULL);
    aire__cond_init(&w.told);
    aire_status status = client->start(self, request, cancel, wake, &w);
    if (status == AIRE_OK) {
        pthread_mutex_lock(&w.lock);
        while (!w.is_over)
            pthread_cond_wait(&w.told, &w.lock);
        pthread_mutex_unlock(&w.lock);
        *trace = w.trace;
        *out = w.answer;
        status = w.status;
        if (status != AIRE_OK)
            aire_error_set(status, w.code, w.message);
    }
    pthread_mutex_destroy(&w.lock);
    pthread_cond_destroy(&w.told);
    return status;
}

aire_status aire__client_complete(aire_ctx *ctx, const aire_client *client, void *self,
                                  const aire_request *request, aire_cancel *cancel,
                                  aire_call_trace *trace, aire_answer **out)
{
    return client->complete ? client->complete(self, request, cancel, trace, out)
                            : start_and_wait(ctx, client, self, request, cancel, trace, out);
}

/* ---- being told by a client that waits ---- */

typedef struct task {
    aire_ctx *ctx;
    const aire_client *client;
    void *self;
    aire_request request; /* a copy */
    aire_cancel *cancel;
    aire_client_done done;
    void *user_data;
} task;

static void task_free(task *t)
{
    aire__request_free_copy(t->ctx, &t->request);
    aire_cancel_unref(t->cancel);
    aire_free(t->ctx, t);
}

static void add_neutral(const task *t, aire_status ended, aire_call_trace *trace)
{
    char detail[AIRE_ERROR_MESSAGE_MAX];
    int32_t code = aire_error_code(aire_last_error());
    snprintf(detail, sizeof detail, "%s", aire_error_message(aire_last_error()));
    if (aire__request_to_json(t->ctx, &t->request, NULL, &trace->request) != AIRE_OK)
        trace->request = NULL;
    if (ended != AIRE_OK)
        aire_error_set(ended, code, detail);
}

static void *perform(void *data)
{
    task *t = data;
    aire_call_trace trace = {.attempts = 1};
    aire_answer *answer = NULL;
    aire_status status = t->client->complete(t->self, &t->request, t->cancel, &trace, &answer);
    aire_ctx *ctx = aire_ctx_ref(t->ctx); /* who is told may let go of all else */
    if (!trace.request) /* without memory the record lacks it; the detail stays that of the call */
        add_neutral(t, status, &trace);
    t->done(status, answer, &trace, t->user_data);
    aire_answer_unref(answer);
    aire_free(ctx, trace.request);
    aire_free(ctx, trace.model);
    task_free(t);
    aire_ctx_unref(ctx);
    return NULL;
}

/* Detached: it may be the one that lets go of the model, and of the context, last. */
static aire_status perform_on_thread(task *t)
{
    pthread_t thread;
    aire_status status = aire__thread_start(&thread, "aire-model", perform, t);
    if (status == AIRE_OK)
        pthread_detach(thread);
    return status;
}

aire_status aire__client_start(aire_ctx *ctx, const aire_client *client, void *self,
                               const aire_request *request, aire_cancel *cancel,
                               aire_client_done done, void *user_data)
{
    if (client->start)
        return client->start(self, request, cancel, done, user_data);
    task *t = aire__calloc(ctx, 1, sizeof *t);
    if (!t)
        return aire__fail_nomem();
    *t = (task){.ctx = ctx,
                .client = client,
                .self = self,
                .cancel = aire_cancel_ref(cancel),
                .done = done,
                .user_data = user_data};
    aire_status status = aire__request_copy(ctx, request, &t->request);
    if (status == AIRE_OK && client->is_instant)
        perform(t);
    else if (status == AIRE_OK)
        status = perform_on_thread(t);
    if (status != AIRE_OK)
        task_free(t);
    return status;
}
