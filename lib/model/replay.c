/*
 * Recorded answers: those of a cassette by the request's hash, those without a hash in order.
 *
 * What was given is the model's own memory and starts at the first line: a search that is resumed
 * with such a model reads the file from the start. Each line is given once.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/str.h"
#include "model/cassette.h"
#include "model/client.h"
#include "model/lines.h"

/* One line. Lines with the same hash, in order, lie side by side in `sorted`. */
typedef struct part {
    aire_take take;
    bool given;  /* under the mutex */
    size_t next; /* of the first of its hash: how many of them were given in order; likewise */
} part;

typedef struct replay_client {
    aire_ctx *ctx; /* borrowed from the model */
    part *parts;
    size_t count, capacity;
    part **sorted;
    bool lenient, hashed; /* some line has a hash */
    pthread_mutex_t mutex;
    size_t plain; /* the next line without a hash; under the mutex */
    size_t any;   /* every line before it was given; likewise */
} replay_client;

static aire_status add_line(const char *line, size_t length, void *data)
{
    replay_client *replay = data;
    if (!aire__grow(replay->ctx, &replay->parts, &replay->capacity, replay->count + 1,
                    sizeof *replay->parts))
        return aire__fail_nomem();
    part *p = &replay->parts[replay->count];
    *p = (part){0};
    aire_status status = aire__cassette_read(replay->ctx, line, length, &p->take);
    if (status == AIRE_OK) {
        replay->count++;
        replay->hashed |= *p->take.hash != '\0';
    }
    return status;
}

static int by_hash(const void *a, const void *b)
{
    const part *left = *(part *const *)a, *right = *(part *const *)b;
    int order = strcmp(left->take.hash, right->take.hash);
    return order ? order : (left > right) - (left < right);
}

static aire_status sort_parts(replay_client *replay)
{
    if (replay->count == 0)
        return AIRE_OK;
    replay->sorted = aire__calloc(replay->ctx, replay->count, sizeof(part *));
    if (!replay->sorted)
        return aire__fail_nomem();
    for (size_t i = 0; i < replay->count; i++)
        replay->sorted[i] = &replay->parts[i];
    qsort(replay->sorted, replay->count, sizeof(part *), by_hash);
    return AIRE_OK;
}

/* The first place in `sorted` whose hash is not below. */
static size_t lower_bound(const replay_client *replay, const char *hash)
{
    size_t low = 0, high = replay->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(replay->sorted[middle]->take.hash, hash) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* With the mutex: the next line of this hash, or NULL; *known is whether there is any. */
static part *next_of_hash(replay_client *replay, const char *hash, bool *known)
{
    size_t at = lower_bound(replay, hash);
    *known = at < replay->count && strcmp(replay->sorted[at]->take.hash, hash) == 0;
    if (!*known)
        return NULL;
    part *first = replay->sorted[at];
    for (; at + first->next < replay->count; first->next++) {
        part *p = replay->sorted[at + first->next];
        if (strcmp(p->take.hash, hash) != 0)
            break;
        if (!p->given)
            return p;
    }
    return NULL;
}

/* With the mutex: the next line without a hash, or NULL. */
static part *next_plain(replay_client *replay)
{
    for (; replay->plain < replay->count; replay->plain++) {
        part *p = &replay->parts[replay->plain];
        if (!*p->take.hash && !p->given)
            return p;
    }
    return NULL;
}

/* With the mutex: the next answer of any line, or NULL; failures belong to their requests. */
static part *next_any(replay_client *replay)
{
    for (; replay->any < replay->count; replay->any++) {
        part *p = &replay->parts[replay->any];
        if (p->take.answer && !p->given)
            return p;
    }
    return NULL;
}

static aire_status give(const part *p, aire_answer **out)
{
    if (!p->take.answer)
        return aire__fail_code(p->take.status, p->take.code, "%s", p->take.detail);
    *out = aire_answer_ref(p->take.answer);
    return AIRE_OK;
}

static aire_status has_none(const replay_client *replay, const aire_request *request,
                            const char *hash, bool known)
{
    if (!replay->hashed || replay->lenient)
        return aire__fail(AIRE_DONE, "all %zu recorded answers have been given", replay->count);
    if (known)
        return aire__fail(AIRE_DONE, "all recorded answers to request %s have been given", hash);
    return aire__fail(AIRE_NOT_FOUND, "no answer to request %s (purpose \"%s\") was recorded", hash,
                      request->purpose ? request->purpose : "");
}

static aire_status replay_complete(void *self, const aire_request *request, aire_cancel *cancel,
                                   aire_call_trace *trace, aire_answer **out)
{
    replay_client *replay = self;
    char hash[AIRE_SHA256_HEX] = "";
    bool known = false;
    if (replay->hashed) {
        json_t *neutral = NULL;
        aire_status status = aire__cassette_neutral(replay->ctx, request, &neutral, hash);
        if (status != AIRE_OK)
            return status;
        json_decref(neutral);
    }
    pthread_mutex_lock(&replay->mutex);
    part *p = replay->hashed ? next_of_hash(replay, hash, &known) : NULL;
    if (!p)
        p = next_plain(replay);
    if (!p && replay->lenient)
        p = next_any(replay);
    if (p)
        p->given = true;
    pthread_mutex_unlock(&replay->mutex);
    return p ? give(p, out) : has_none(replay, request, hash, known);
}

static void replay_destroy(void *self)
{
    replay_client *replay = self;
    for (size_t i = 0; i < replay->count; i++)
        aire__cassette_free_take(replay->ctx, &replay->parts[i].take);
    pthread_mutex_destroy(&replay->mutex);
    aire_free(replay->ctx, replay->parts);
    aire_free(replay->ctx, replay->sorted);
    aire_free(replay->ctx, replay);
}

aire_status aire__replay_client_new(aire_ctx *ctx, const char *spec, aire_client *client,
                                    void **self)
{
    static const char lenient[] = "?lenient";
    replay_client *replay = aire__calloc(ctx, 1, sizeof *replay);
    if (!replay)
        return aire__fail_nomem();
    replay->ctx = ctx;
    replay->lenient = aire__ends_with(spec, lenient);
    pthread_mutex_init(&replay->mutex, NULL);
    size_t length = strlen(spec) - (replay->lenient ? strlen(lenient) : 0);
    char *path = aire__strndup(ctx, spec, length);
    aire_status status = path ? aire__lines_read(ctx, path, add_line, replay) : aire__fail_nomem();
    aire_free(ctx, path);
    if (status == AIRE_OK)
        status = sort_parts(replay);
    if (status != AIRE_OK) {
        replay_destroy(replay);
        return status;
    }
    *client =
        (aire_client){.complete = replay_complete, .destroy = replay_destroy, .is_instant = true};
    *self = replay;
    return AIRE_OK;
}
