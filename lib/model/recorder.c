/* Recording: a model that asks another one and appends each call to a cassette. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aire/error.h"
#include "base/fail.h"
#include "base/fs.h"
#include "base/str.h"
#include "model/cassette.h"
#include "model/client.h"
#include "model/lines.h"

typedef struct recorder {
    aire_ctx *ctx; /* borrowed from the model */
    aire_model *inner;
    char *path;
    int fd;
    pthread_mutex_t mutex; /* of the file: lines are whole */
} recorder;

/* One line, or nothing of it. 0 or errno. */
static int append(recorder *r, const char *line)
{
    pthread_mutex_lock(&r->mutex);
    off_t before = lseek(r->fd, 0, SEEK_END);
    int error = before < 0 ? errno : aire__write_all(r->fd, line, strlen(line));
    if (error && before >= 0 && ftruncate(r->fd, before) != 0)
        error = errno;
    pthread_mutex_unlock(&r->mutex);
    return error;
}

/* What was not the model's doing would be wrong to play again. */
static bool is_worth_keeping(aire_status status)
{
    return status <= AIRE_OK && status != AIRE_CANCELLED && status != AIRE_NOMEM &&
           status != AIRE_LIMIT; /* a budget's word */
}

/* The call has ended: write its line. The thread's error detail stays what it is. */
static void record(recorder *r, json_t *line, aire_status ended, const aire_answer *answer)
{
    char *text = NULL, detail[AIRE_ERROR_MESSAGE_MAX] = "";
    int32_t code = aire_error_code(aire_last_error());
    if (ended != AIRE_OK)
        snprintf(detail, sizeof detail, "%s", aire_error_message(aire_last_error()));
    if (is_worth_keeping(ended)) {
        int error = ENOMEM;
        if (aire__cassette_end(r->ctx, line, ended, answer, code, detail, &text) == AIRE_OK)
            error = append(r, text);
        if (error)
            aire__logf(r->ctx, AIRE_LOG_ERROR, "model", "%s: the cassette lacks a call: %s",
                       r->path, strerror(error));
    }
    aire_free(r->ctx, text);
    json_decref(line);
    if (ended != AIRE_OK)
        aire_error_set(ended, code, detail);
}

static aire_status recorder_complete(void *self, const aire_request *request, aire_cancel *cancel,
                                     aire_call_trace *trace, aire_answer **out)
{
    recorder *r = self;
    json_t *line = NULL;
    aire_status status = aire__cassette_begin(r->ctx, request, &line);
    if (status != AIRE_OK)
        return status;
    status = aire__model_ask(r->inner, request, cancel, trace, out);
    record(r, line, status, status == AIRE_OK ? *out : NULL);
    return status;
}

/* A call that nobody waits for. */
typedef struct flight {
    recorder *recorder;
    json_t *line;
    aire_client_done done;
    void *user_data;
} flight;

static void flight_done(aire_status status, aire_answer *answer, const aire_call_trace *trace,
                        void *user_data)
{
    flight f = *(flight *)user_data;
    aire_free(f.recorder->ctx, user_data);
    record(f.recorder, f.line, status, answer);
    f.done(status, answer, trace, f.user_data);
}

static aire_status recorder_start(void *self, const aire_request *request, aire_cancel *cancel,
                                  aire_client_done done, void *user_data)
{
    recorder *r = self;
    flight *f = aire_alloc(r->ctx, sizeof *f);
    if (!f)
        return aire__fail_nomem();
    *f = (flight){r, NULL, done, user_data};
    aire_status status = aire__cassette_begin(r->ctx, request, &f->line);
    if (status == AIRE_OK)
        status = aire__model_begin(r->inner, request, cancel, flight_done, f);
    if (status != AIRE_OK) {
        json_decref(f->line);
        aire_free(r->ctx, f);
    }
    return status;
}

static aire_status recorder_feedback(void *self, const char *member, double reward, double baseline)
{
    recorder *r = self;
    /* A plain model is its own only member. */
    aire_status status = aire__model_learn(r->inner, member, reward, baseline);
    if (status == AIRE_NOT_FOUND && strcmp(member, aire_model_name(r->inner)) == 0)
        return AIRE_OK;
    return status;
}

static void recorder_destroy(void *self)
{
    recorder *r = self;
    if (r->fd >= 0)
        close(r->fd);
    pthread_mutex_destroy(&r->mutex);
    aire_model_unref(r->inner);
    aire_free(r->ctx, r->path);
    aire_free(r->ctx, r);
}

/* A cassette ends in a whole line: what a crash left of the last one goes, what a person wrote
 * without a newline stays. */
static aire_status mend(recorder *r)
{
    char last = '\n', *text;
    size_t length;
    struct stat st;
    if (fstat(r->fd, &st) != 0 || (st.st_size > 0 && pread(r->fd, &last, 1, st.st_size - 1) != 1))
        return aire__fail_errno(AIRE_IO, errno, "%s", r->path);
    if (last == '\n')
        return AIRE_OK;
    aire_status status = aire__fs_read(r->ctx, r->path, AIRE_LINES_MAX, &text, &length);
    if (status != AIRE_OK)
        return status;
    const char *newline = memrchr(text, '\n', length);
    size_t whole = newline ? (size_t)(newline - text) + 1 : 0;
    json_t *tail = NULL;
    int error = 0;
    status = aire__json_load(text + whole, length - whole, "line", &tail);
    if (status == AIRE_OK)
        error = aire__write_all(r->fd, "\n", 1);
    else if (status == AIRE_FORMAT && ftruncate(r->fd, (off_t)whole) != 0)
        error = errno;
    if (status == AIRE_FORMAT) {
        aire__logf(r->ctx, AIRE_LOG_WARNING, "model", "%s: its last line was cut off: removed",
                   r->path);
        status = AIRE_OK;
    }
    json_decref(tail);
    aire_free(r->ctx, text);
    return error ? aire__fail_errno(AIRE_IO, error, "%s", r->path) : status;
}

static aire_status open_cassette(recorder *r)
{
    r->fd = open(r->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (r->fd < 0)
        return aire__fail_errno(AIRE_IO, errno, "cannot open %s", r->path);
    return mend(r);
}

aire_status aire_model_new_recorder(aire_ctx *ctx, aire_model *model, const char *path,
                                    aire_model **out)
{
    static const aire_client client = {.complete = recorder_complete,
                                       .destroy = recorder_destroy,
                                       .start = recorder_start,
                                       .feedback = recorder_feedback};
    if (!ctx || !model || !path || !out)
        return aire__fail(AIRE_INVALID,
                          "aire_model_new_recorder: ctx, model, path and out must not be NULL");
    *out = NULL;
    recorder *r = aire__calloc(ctx, 1, sizeof *r);
    if (!r)
        return aire__fail_nomem();
    *r = (recorder){.ctx = ctx, .fd = -1, .inner = aire_model_ref(model)};
    pthread_mutex_init(&r->mutex, NULL);
    r->path = aire__strdup(ctx, path);
    aire_status status = r->path ? open_cassette(r) : aire__fail_nomem();
    if (status == AIRE_OK)
        status = aire__model_new(ctx, aire_model_name(model), &client, r, out);
    if (status != AIRE_OK)
        recorder_destroy(r);
    return status;
}
