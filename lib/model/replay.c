/*
 * Recorded answers, given in the order in which they are asked for.
 *
 * The place in the file is the model's own and starts at the first line: a search that is resumed
 * with such a model reads the file from the start.
 */
#include <stdatomic.h>

#include "base/fail.h"
#include "base/json.h"
#include "base/str.h"
#include "model/client.h"
#include "model/lines.h"

typedef struct replay_client {
    aire_ctx *ctx; /* borrowed from the model */
    aire_answer **answers;
    size_t count, capacity;
    atomic_size_t next;
} replay_client;

static aire_status read_answer(aire_ctx *ctx, const json_t *object, aire_answer **out)
{
    aire_answer_options fields = AIRE_ANSWER_OPTIONS_INIT;
    if (!json_is_object(object))
        return aire__fail(AIRE_FORMAT, "expected an object with an \"answer\"");
    aire_status status = aire__json_get_string(object, "answer", "answer", &fields.text);
    if (status == AIRE_OK)
        status = aire__json_get_string(object, "answer", "thinking", &fields.thinking);
    if (status == AIRE_OK)
        status = aire__json_get_string(object, "answer", "finish", &fields.finish);
    if (status == AIRE_OK)
        status = aire__json_get_int(object, "answer", "input_tokens", &fields.input_tokens);
    if (status == AIRE_OK)
        status = aire__json_get_int(object, "answer", "output_tokens", &fields.output_tokens);
    if (status != AIRE_OK)
        return status;
    if (!fields.text)
        return aire__fail(AIRE_FORMAT, "\"answer\" is missing");
    if (fields.input_tokens < 0 || fields.output_tokens < 0)
        return aire__fail(AIRE_FORMAT, "a count of tokens is negative");
    return aire_answer_new(ctx, &fields, out);
}

static aire_status add_line(const char *line, size_t length, void *data)
{
    replay_client *replay = data;
    json_t *object = NULL;
    aire_status status = aire__json_load(line, length, "answer", &object);
    if (status != AIRE_OK)
        return status;
    if (!aire__grow(replay->ctx, &replay->answers, &replay->capacity, replay->count + 1,
                    sizeof *replay->answers))
        status = aire__fail_nomem();
    else
        status = read_answer(replay->ctx, object, &replay->answers[replay->count]);
    replay->count += status == AIRE_OK;
    json_decref(object);
    return status;
}

static aire_status replay_complete(void *self, const aire_request *request, aire_cancel *cancel,
                                   aire_call_trace *trace, aire_answer **out)
{
    replay_client *replay = self;
    size_t place = atomic_load(&replay->next);
    do {
        if (place >= replay->count)
            return aire__fail(AIRE_DONE, "all %zu recorded answers have been given", replay->count);
    } while (!atomic_compare_exchange_weak(&replay->next, &place, place + 1));
    *out = aire_answer_ref(replay->answers[place]);
    return AIRE_OK;
}

static void replay_destroy(void *self)
{
    replay_client *replay = self;
    for (size_t i = 0; i < replay->count; i++)
        aire_answer_unref(replay->answers[i]);
    aire_free(replay->ctx, replay->answers);
    aire_free(replay->ctx, replay);
}

aire_status aire__replay_client_new(aire_ctx *ctx, const char *path, aire_client *client,
                                    void **self)
{
    replay_client *replay = aire__calloc(ctx, 1, sizeof *replay);
    if (!replay)
        return aire__fail_nomem();
    replay->ctx = ctx;
    atomic_init(&replay->next, 0);
    aire_status status = aire__lines_read(ctx, path, add_line, replay);
    if (status != AIRE_OK) {
        replay_destroy(replay);
        return status;
    }
    *client = (aire_client){replay_complete, replay_destroy, NULL, true};
    *self = replay;
    return AIRE_OK;
}
