/*
 * Many streaming requests at once to a chat endpoint on loopback: what one costs the client, in
 * processor time and memory.
 *
 * usage: bench_models URL REQUESTS      prints one line of figures
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "aire/aire.h"
#include "bench.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int over, failed;
static size_t bytes;
static atomic_long pieces;

static void count_piece(int32_t kind, const char *text, size_t length, void *unused)
{
    pieces++;
}

static void take_answer(aire_status status, aire_answer *answer, void *unused)
{
    pthread_mutex_lock(&lock);
    over++;
    if (status != AIRE_OK) {
        if (failed++ == 0)
            fprintf(stderr, "%s\n", aire_error_message(aire_last_error()));
    } else {
        bytes += strlen(aire_answer_get(answer)->text);
    }
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

int main(int argc, char **argv)
{
    aire_ctx *ctx = NULL;
    aire_model *model = NULL;
    char spec[256];
    if (argc != 3)
        return 2;
    int count = atoi(argv[2]);
    snprintf(spec, sizeof spec, "chat:m@%s", argv[1]);
    need(aire_ctx_new(NULL, &ctx));
    need(aire_model_new(ctx, spec, NULL, &model));
    aire_message message = {"user", "Propose an experiment on the learning rate schedule."};
    aire_request request = {.struct_size = sizeof request,
                            .messages = &message,
                            .message_count = 1,
                            .temperature = 1,
                            .delta = count_piece};
    double began = now_ms();
    for (int i = 0; i < count; i++)
        need(aire_model_start(model, &request, NULL, take_answer, NULL));
    pthread_mutex_lock(&lock);
    while (over < count)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    double elapsed = now_ms() - began;
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e3 +
                 (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e3;
    printf("requests %d failed %d cpu_ms %.3f peak_mb %.1f elapsed_ms %.0f pieces %ld bytes %zu\n",
           count, failed, cpu / count, (double)used.ru_maxrss / 1024, elapsed, atomic_load(&pieces),
           bytes);
    aire_model_unref(model);
    aire_ctx_unref(ctx);
    return failed ? 1 : 0;
}
