/* Embedders: requests for vectors, waited for. */
#include "aire/embedding.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/ref.h"
#include "base/str.h"
#include "base/thread.h"
#include "model/embeddings.h"
#include "model/post.h"
#include "model/spelling.h"

enum { BYTES_A_TOKEN = 3 };

struct aire_embedder {
    aire_refcount refs;
    aire_ctx *ctx;
    aire_endpoint endpoint;
    char *model, *url;
};

static void destroy(aire_embedder *e)
{
    aire_ctx *ctx = e->ctx;
    aire__endpoint_clear(&e->endpoint);
    aire_free(ctx, e->model);
    aire_free(ctx, e->url);
    aire_free(ctx, e);
    aire_ctx_unref(ctx);
}

static aire_status fill(aire_embedder *e, const aire_spelling *spelling,
                        const aire_client_options *options)
{
    if (spelling->provider != &aire__chat && spelling->provider != &aire__openai)
        return aire__fail(AIRE_UNSUPPORTED, "embeddings are had from chat:MODEL@URL or "
                                            "openai:MODEL only");
    e->model = aire__strdup(e->ctx, spelling->model);
    aire_status status =
        e->model ? aire__embeddings_url(e->ctx, spelling->base, &e->url) : aire__fail_nomem();
    if (status == AIRE_OK)
        status = aire__endpoint_init(&e->endpoint, e->ctx, spelling->provider, e->url, options);
    return status;
}

aire_status aire_embedder_new(aire_ctx *ctx, const char *spec, const aire_model_options *options,
                              aire_embedder **out)
{
    if (!ctx || !spec || !out)
        return aire__fail(AIRE_INVALID, "aire_embedder_new: ctx, spec and out must not be NULL");
    *out = NULL;
    aire_spelling spelling;
    aire_client_options ours;
    aire_status status = aire__client_options_take(options, &ours);
    if (status == AIRE_OK)
        status = aire__spelling_parse(ctx, spec, &spelling);
    if (status != AIRE_OK)
        return status;
    aire_embedder *e = aire__calloc(ctx, 1, sizeof *e);
    if (e) {
        aire__ref_init(&e->refs);
        e->ctx = e->endpoint.ctx = aire_ctx_ref(ctx);
        status = fill(e, &spelling, &ours);
    } else {
        status = aire__fail_nomem();
    }
    aire__spelling_free(&spelling);
    if (status == AIRE_OK)
        *out = e;
    else if (e)
        destroy(e);
    return status;
}

aire_embedder *aire_embedder_ref(aire_embedder *embedder)
{
    if (embedder)
        aire__ref_take(&embedder->refs);
    return embedder;
}

void aire_embedder_unref(aire_embedder *embedder)
{
    if (embedder && aire__ref_drop(&embedder->refs))
        destroy(embedder);
}

/* ---- one request ---- */

/* Whoever waits; on its stack. */
typedef struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t told;
    bool is_over;
    aire_status status;
    aire_embeddings vectors;
    int32_t code; /* the detail, which is of the telling thread */
    char message[AIRE_ERROR_MESSAGE_MAX];
} waiter;

typedef struct asking {
    aire_post post; /* first */
    size_t count;
    aire_embeddings vectors;
    waiter *waiter;
} asking;

static void begin_try(aire_post *post, bool again) {}

static aire_status read_vectors(aire_post *post, aire_exchange_reply *reply, bool *transient,
                                int64_t *used)
{
    asking *a = (asking *)post;
    aire_ctx *ctx = post->endpoint->ctx;
    json_t *root;
    const char *where = post->endpoint->where;
    aire_status status =
        aire__provider_load(ctx, where, "the answer", reply->body, reply->length, &root);
    if (status != AIRE_OK)
        return status;
    status = aire__embeddings_read(ctx, where, root, a->count, &a->vectors);
    json_decref(root);
    if (status == AIRE_OK && a->vectors.input_tokens > 0)
        *used = a->vectors.input_tokens;
    return status;
}

/* Nothing of ours is touched after the one who waits was told. */
static void end_asking(aire_post *post, aire_status status)
{
    asking *a = (asking *)post;
    waiter *w = a->waiter;
    aire_ctx *ctx = aire_ctx_ref(post->endpoint->ctx);
    pthread_mutex_lock(&w->lock);
    w->status = status;
    w->vectors = a->vectors;
    if (status != AIRE_OK) {
        w->code = aire_error_code(aire_last_error());
        snprintf(w->message, sizeof w->message, "%s", aire_error_message(aire_last_error()));
    }
    aire__post_clear(ctx, post);
    aire_free(ctx, a);
    w->is_over = true;
    pthread_cond_signal(&w->told);
    pthread_mutex_unlock(&w->lock);
    aire_ctx_unref(ctx);
}

static aire_status start(aire_embedder *e, const char *const *texts, size_t count,
                         aire_cancel *cancel, waiter *w)
{
    static const aire_post_kind kind = {begin_try, NULL, read_vectors, end_asking};
    asking *a = aire__calloc(e->ctx, 1, sizeof *a);
    if (!a)
        return aire__fail_nomem();
    a->count = count;
    a->waiter = w;
    aire_status status = aire__post_init(&a->post, &kind, &e->endpoint, cancel);
    a->post.url = e->url;
    if (status == AIRE_OK)
        status = aire__embeddings_write(e->ctx, e->model, texts, count, &a->post.body);
    if (status == AIRE_OK) {
        a->post.tokens = (int64_t)strlen(a->post.body) / BYTES_A_TOKEN + 1;
        status = aire__post_start(&a->post);
    }
    if (status != AIRE_OK) {
        aire__post_clear(e->ctx, &a->post);
        aire_free(e->ctx, a);
    }
    return status;
}

static aire_status await(waiter *w)
{
    pthread_mutex_lock(&w->lock);
    while (!w->is_over)
        pthread_cond_wait(&w->told, &w->lock);
    pthread_mutex_unlock(&w->lock);
    return w->status == AIRE_OK ? AIRE_OK : aire_error_set(w->status, w->code, w->message);
}

static aire_status check_texts(const char *const *texts, size_t count)
{
    if (!texts || count == 0)
        return aire__fail(AIRE_INVALID, "aire_embedder_embed: there is no text");
    for (size_t i = 0; i < count; i++)
        if (!texts[i])
            return aire__fail(AIRE_INVALID, "aire_embedder_embed: texts[%zu] is NULL", i);
    return AIRE_OK;
}

aire_status aire_embedder_embed(aire_embedder *embedder, const char *const *texts, size_t count,
                                aire_cancel *cancel, float **values, size_t *dimension)
{
    if (!embedder || !values || !dimension)
        return aire__fail(AIRE_INVALID, "aire_embedder_embed: embedder, values and dimension must "
                                        "not be NULL");
    *values = NULL;
    aire_status status = check_texts(texts, count);
    if (status != AIRE_OK)
        return status;
    waiter w = {.is_over = false};
    pthread_mutex_init(&w.lock, NULL);
    aire__cond_init(&w.told);
    status = start(embedder, texts, count, cancel, &w);
    if (status == AIRE_OK)
        status = await(&w);
    if (status == AIRE_OK) {
        *values = w.vectors.values;
        *dimension = w.vectors.dimension;
    }
    pthread_mutex_destroy(&w.lock);
    pthread_cond_destroy(&w.told);
    return status;
}

double aire_embedding_cosine(const float *a, const float *b, size_t dimension)
{
    double dot = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < dimension; i++) {
        dot += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    double cosine = aa > 0 && bb > 0 ? dot / sqrt(aa) / sqrt(bb) : 0;
    return cosine > 1 ? 1 : cosine < -1 ? -1 : cosine;
}
