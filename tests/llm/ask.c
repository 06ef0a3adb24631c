/*
 * Ask a model, and print what came of it as JSON lines.
 *
 * usage: llm_ask SPEC PROMPT [NAME=VALUE ...]
 *
 * NAME: max_tokens, seed, temperature, schema, stop (up to 4 times), timeout_ms, attempts; stream=1; count=N, asked at
 * once, with seeds that go up; cancel=N: give up after N pieces of a stream. {"event": "first"} is printed when the
 * first piece of a stream has come, then one line an answer.
 */
#include <aire/aire.h>
#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT_MAX = 64, TEXT_MAX = 1 << 16, STOPS_MAX = 4 };

typedef struct settings {
    aire_request request;
    aire_model_options model;
    const char *stops[STOPS_MAX + 1];
    int stop_count, count, cancel;
    int streams;
} settings;

typedef struct call {
    char text[TEXT_MAX]; /* of the pieces since the last restart */
    size_t length;
    int pieces, restarts;
    int is_over;
    aire_status status;
    aire_answer *answer;
    char error[512];
    int64_t ended_ns;
} call;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static aire_ctx *ctx;
static call calls[COUNT_MAX];

static void print(json_t *line)
{
    json_dumpf(line, stdout, JSON_ENSURE_ASCII);
    putchar('\n');
    fflush(stdout);
    json_decref(line);
}

static void on_delta(int32_t kind, const char *text, size_t length, void *user_data)
{
    call *c = user_data;
    pthread_mutex_lock(&mutex);
    if (kind == 0) {
        c->length = 0;
        c->restarts++;
    } else if (kind == AIRE_DELTA_TEXT && c->length + length < TEXT_MAX) {
        memcpy(c->text + c->length, text, length);
        c->length += length;
    }
    if (kind != 0 && c->pieces++ == 0 && c == calls)
        print(json_pack("{s:s}", "event", "first"));
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
}

static void on_answer(aire_status status, aire_answer *answer, void *user_data)
{
    call *c = user_data;
    pthread_mutex_lock(&mutex);
    c->status = status;
    c->answer = aire_answer_ref(answer);
    if (status != AIRE_OK)
        snprintf(c->error, sizeof c->error, "%s", aire_error_message(aire_last_error()));
    c->ended_ns = aire_ctx_monotonic_ns(ctx);
    c->is_over = 1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
}

static int is_named(const char *word, const char *name)
{
    size_t length = strlen(name);
    return strncmp(word, name, length) == 0 && word[length] == '=';
}

static int take(settings *s, const char *word)
{
    const char *value = strchr(word, '=') + 1;
    if (is_named(word, "max_tokens"))
        s->request.max_tokens = atoi(value);
    else if (is_named(word, "seed"))
        s->request.seed = strtoull(value, NULL, 10);
    else if (is_named(word, "temperature"))
        s->request.temperature = atof(value);
    else if (is_named(word, "schema"))
        s->request.schema = value;
    else if (is_named(word, "stop") && s->stop_count < STOPS_MAX)
        s->stops[s->stop_count++] = value;
    else if (is_named(word, "timeout_ms"))
        s->model.timeout_ms = atoi(value);
    else if (is_named(word, "attempts"))
        s->model.max_attempts = atoi(value);
    else if (is_named(word, "stream"))
        s->streams = atoi(value);
    else if (is_named(word, "count"))
        s->count = atoi(value);
    else if (is_named(word, "cancel"))
        s->cancel = atoi(value);
    else
        return 0;
    return 1;
}

static void show(const call *c, int64_t began_ns, int64_t fired_ns)
{
    json_t *line =
        json_pack("{s:s, s:s, s:s%, s:i, s:i, s:f}", "status", aire_status_name(c->status), "error",
                  c->error, "streamed", c->text, c->length, "pieces", c->pieces, "restarts",
                  c->restarts, "ms", (double)(c->ended_ns - began_ns) / 1e6);
    if (fired_ns)
        json_object_set_new(line, "late_ms", json_real((double)(c->ended_ns - fired_ns) / 1e6));
    if (c->answer) {
        const aire_answer_options *a = aire_answer_get(c->answer);
        json_t *rest =
            json_pack("{s:s, s:s, s:i, s:I, s:I, s:I}", "text", a->text, "finish", a->finish,
                      "attempts", a->attempts, "input_tokens", (json_int_t)a->input_tokens,
                      "output_tokens", (json_int_t)a->output_tokens, "first_ms",
                      (json_int_t)a->first_ms);
        json_object_update(line, rest);
        json_decref(rest);
    }
    print(line);
}

static int run(settings *s, aire_model *model, aire_cancel *cancel)
{
    int64_t began_ns = aire_ctx_monotonic_ns(ctx), fired_ns = 0;
    for (int i = 0; i < s->count; i++) {
        aire_request request = s->request;
        request.seed += (uint64_t)i;
        request.delta = s->streams ? on_delta : NULL;
        request.delta_user_data = &calls[i];
        if (aire_model_start(model, &request, cancel, on_answer, &calls[i]) != AIRE_OK)
            return 1;
    }
    pthread_mutex_lock(&mutex);
    for (int i = 0; i < s->count; i++)
        while (!calls[i].is_over) {
            if (s->cancel && !fired_ns && calls[0].pieces >= s->cancel) {
                fired_ns = aire_ctx_monotonic_ns(ctx);
                aire_cancel_fire(cancel);
            }
            pthread_cond_wait(&changed, &mutex);
        }
    pthread_mutex_unlock(&mutex);
    for (int i = 0; i < s->count; i++) {
        show(&calls[i], began_ns, fired_ns);
        aire_answer_unref(calls[i].answer);
    }
    return 0;
}

int main(int argc, char **argv)
{
    settings s = {.model = AIRE_MODEL_OPTIONS_INIT, .count = 1};
    aire_message message = {"user", argc > 2 ? argv[2] : ""};
    aire_model *model = NULL;
    aire_cancel *cancel = NULL;
    s.request.struct_size = sizeof s.request;
    s.request.messages = &message;
    s.request.message_count = 1;
    s.request.temperature = NAN;
    s.request.purpose = "test";
    s.request.stop = s.stops;
    for (int i = 3; i < argc; i++)
        if (!strchr(argv[i], '=') || !take(&s, argv[i]))
            return 2;
    if (argc < 3 || s.count < 1 || s.count > COUNT_MAX)
        return 2;
    int code = 1;
    if (aire_ctx_new(NULL, &ctx) == AIRE_OK && aire_cancel_new(ctx, &cancel) == AIRE_OK &&
        aire_model_new(ctx, argv[1], &s.model, &model) == AIRE_OK)
        code = run(&s, model, cancel);
    if (code)
        fprintf(stderr, "%s\n", aire_error_message(aire_last_error()));
    aire_model_unref(model);
    aire_cancel_unref(cancel);
    aire_ctx_unref(ctx);
    return code;
}
