/*
 * Clients: what stands behind a model.
 *
 * model.c checks requests, keeps the time and tells the call sink; a client only asks. Another
 * provider is another aire_provider in the list of provider.c, and is asked by remote.c.
 */
#ifndef AIRE_MODEL_CLIENT_H
#define AIRE_MODEL_CLIENT_H

#include <stdbool.h>

#include "aire/model.h"
#include "model/limiter.h"

/* What a client says about a call, whether it succeeds or not. */
typedef struct aire_call_trace {
    char *request; /* body sent, as JSON without secrets, from aire_alloc; NULL: the neutral form */
    int32_t attempts; /* tries spent; 1 unless the client says otherwise */
    char *model; /* name of the model that was asked in the end, from aire_alloc; NULL: this one */
} aire_call_trace;

/* Told once how a call ended; everything is borrowed, `answer` is NULL unless AIRE_OK. On failure
 * the thread's error detail is set. */
typedef void (*aire_client_done)(aire_status status, aire_answer *answer,
                                 const aire_call_trace *trace, void *user_data);

/* All are called with the client's own data, on several threads at once. */
typedef struct aire_client {
    /* Ask and wait; NULL if there is only `start`. */
    aire_status (*complete)(void *self, const aire_request *request, aire_cancel *cancel,
                            aire_call_trace *trace, aire_answer **out);
    void (*destroy)(void *self);
    /* Ask, and be told on some thread, perhaps before it returns; only on AIRE_OK. The request is
     * borrowed for the call; the client may be gone when `done` returns. NULL: `complete` is
     * called on a thread of its own, or at once if it is instant. */
    aire_status (*start)(void *self, const aire_request *request, aire_cancel *cancel,
                         aire_client_done done, void *user_data);
    bool is_instant; /* complete never waits */
    /* As aire_model_feedback; AIRE_NOT_FOUND needs no detail. Optional: it does not learn. */
    aire_status (*feedback)(void *self, const char *member, double reward, double baseline);
} aire_client;

/* Make a model of a client, whose data it owns on success. `name` is copied. */
aire_status aire__model_new(aire_ctx *ctx, const char *name, const aire_client *client, void *self,
                            aire_model **out);

/* Ask the client of a model on behalf of one that wraps it: checks nothing, tells no sink. */
aire_status aire__model_ask(aire_model *model, const aire_request *request, aire_cancel *cancel,
                            aire_call_trace *trace, aire_answer **out);

/* The same without waiting: AIRE_OK, and `done` will be called, or has been. Otherwise as `start`. */
aire_status aire__model_begin(aire_model *model, const aire_request *request, aire_cancel *cancel,
                              aire_client_done done, void *user_data);

/* Pass feedback on to a model that is wrapped: AIRE_NOT_FOUND if it does not learn, or has no such
 * member. */
aire_status aire__model_learn(aire_model *model, const char *member, double reward,
                              double baseline);

enum { AIRE_KEY_MAX = 8192 }; /* bytes of a key */

/* Options of aire_model_new with their defaults filled in; strings are borrowed. */
typedef struct aire_client_options {
    int32_t timeout_ms, stall_ms, max_attempts;
    const char *api_key; /* NULL for none */
    aire_key_fn key;     /* NULL for none */
    void *key_user_data;
    const char *ca_file, *proxy; /* NULL for the system's */
    aire_rates_per_minute limits;
    aire_budget *budget;     /* NULL for none */
    const char *prices_path; /* NULL for the installed file */
} aire_client_options;

/* Fill them in; AIRE_INVALID, AIRE_ABI. */
aire_status aire__client_options_take(const aire_model_options *given, aire_client_options *out);

/* Whether a key can stand in a header line; the message never shows it. NULL is none. */
aire_status aire__key_check(const char *key);

/* Recorded answers, of "FILE" or "FILE?lenient". */
aire_status aire__replay_client_new(aire_ctx *ctx, const char *spec, aire_client *client,
                                    void **self);

/*
 * A request as JSON in its neutral form, for call records: that of chat completions, with
 * "thinking_tokens" beside. What the request leaves to the provider is absent, and so is a NULL
 * model.
 */
aire_status aire__request_to_json(aire_ctx *ctx, const aire_request *request, const char *model,
                                  char **out);

#endif
