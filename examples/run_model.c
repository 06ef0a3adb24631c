/* aire-run: a model that shows the conversation with another one. */
#include <stdlib.h>
#include <string.h>

#include "run.h"

typedef struct shown {
    aire_model *model;
    pthread_mutex_t lock; /* several may be asked at once */
    int requests;
} shown;

static void show_request(int number, const aire_request *request)
{
    tool_heading("request %d to the model: %s, %zu messages", number,
                 request->purpose ? request->purpose : "?", request->message_count);
    /* What came before was shown with the requests before. */
    size_t first = request->message_count > 2 ? request->message_count - 1 : 0;
    if (first)
        printf("(as before, and)\n");
    for (size_t i = first; i < request->message_count; i++) {
        printf("-- %s:\n", request->messages[i].role);
        tool_print(request->messages[i].text);
    }
}

static void show_answer(int number, aire_status status, const aire_answer *answer)
{
    if (status != AIRE_OK) {
        tool_heading("request %d has no answer: %s", number, aire_error_message(aire_last_error()));
        return;
    }
    const aire_answer_options *a = aire_answer_get(answer);
    tool_heading("answer %d: %lld tokens in, %lld out, %.1f s", number, (long long)a->input_tokens,
                 (long long)a->output_tokens, (double)a->latency_ms / 1000);
    if (*a->thinking) {
        puts("-- thinking:");
        tool_print(a->thinking);
        puts("-- text:");
    }
    tool_print(a->text);
    if (a->cost > 0)
        printf("-- cost: %.4f dollars\n", a->cost);
}

static aire_status complete(const aire_request *request, aire_cancel *cancel, aire_answer **out,
                            void *user_data)
{
    shown *s = user_data;
    pthread_mutex_lock(&s->lock);
    int number = ++s->requests;
    show_request(number, request);
    fflush(stdout);
    pthread_mutex_unlock(&s->lock);
    aire_status status = aire_model_complete(s->model, request, cancel, out);
    pthread_mutex_lock(&s->lock);
    show_answer(number, status, status == AIRE_OK ? *out : NULL);
    fflush(stdout);
    pthread_mutex_unlock(&s->lock);
    return status;
}

static void destroy(void *user_data)
{
    shown *s = user_data;
    aire_model_unref(s->model);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

aire_status run_model_new(aire_ctx *ctx, aire_model *model, aire_model **out)
{
    const aire_model_ops ops = {sizeof ops, 0, complete, destroy};
    shown *s = calloc(1, sizeof *s);
    if (!s)
        return aire_error_set(AIRE_NOMEM, 0, NULL);
    s->model = aire_model_ref(model);
    pthread_mutex_init(&s->lock, NULL);
    aire_status status = aire_model_new_from_ops(ctx, aire_model_name(model), &ops, s, out);
    if (status != AIRE_OK)
        destroy(s);
    return status;
}
