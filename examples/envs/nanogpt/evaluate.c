/*
 * The trusted evaluator. It runs none of the variant's code: it loads the graph and the weights
 * that were handed over, replays them on text that the variant has never seen, and computes the
 * loss itself.
 *
 * That no position sees the tokens that it is to predict is proved on this graph and these weights:
 * tokens after a position are replaced, as are the other sequences of the batch, and the logits up
 * to that position must not change by a bit. A tape is a pure graph of known operators without a
 * state, so what holds in one replay holds in all.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nanogpt.h"

enum {
    BATCHES = 24, /* of hidden text */
    LOGITS = SEQUENCE * VOCABULARY,
    MAX_BYTES = 1 << 29 /* that a handed-over tape may plan */
};

typedef struct judge {
    aire_ctx *ctx;
    aire_tape *tape;
    aire_loader *loader;
    aire_tensor *tokens, *logits;
} judge;

/* ---- reports ---- */

static FILE *report_file(void)
{
    const char *fd = getenv("AIRE_REPORT_FD");
    FILE *file = fd ? fdopen(atoi(fd), "w") : stdout;
    if (!file)
        exit(3);
    return file;
}

/* A text as a JSON string. */
static void write_text(FILE *to, const char *text)
{
    fputc('"', to);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', to);
        if ((unsigned char)*text >= ' ')
            fputc(*text, to);
    }
    fputc('"', to);
}

static int report(const char *kind, const char *cause, const char *detail)
{
    FILE *to = report_file();
    fprintf(to, "{\"%s\": {\"cause\": ", kind);
    write_text(to, cause);
    fputs(", \"detail\": ", to);
    write_text(to, detail);
    fputs("}}\n", to);
    return fclose(to) == 0 ? 0 : 3;
}

static int refuse(const char *detail)
{
    return report("refused", "evaluator", detail);
}

static int report_loss(double loss)
{
    FILE *to = report_file();
    fprintf(to, "{\"metrics\": {\"val_loss\": %.9g, \"bits_per_byte\": %.9g}}\n", loss,
            loss / log(2));
    return fclose(to) == 0 ? 0 : 3;
}

/* ---- what was handed over ---- */

static bool has_shape(const aire_tensor *tensor, int32_t dtype, int32_t rank, const int64_t *dims)
{
    if (!tensor || aire_tensor_dtype(tensor) != dtype || aire_tensor_rank(tensor) != rank)
        return false;
    for (int32_t i = 0; i < rank; i++)
        if (aire_tensor_dim(tensor, i) != dims[i])
            return false;
    return true;
}

static aire_status load(judge *j)
{
    char path[4096];
    aire_tape_options options = AIRE_TAPE_OPTIONS_INIT;
    options.max_bytes = MAX_BYTES;
    options.flags = AIRE_TAPE_FORWARD_ONLY;
    snprintf(path, sizeof path, "%s/tape.json", getenv("AIRE_OUT"));
    aire_status status = aire_tape_load(j->ctx, path, &options, &j->tape);
    snprintf(path, sizeof path, "%s/weights.safetensors", getenv("AIRE_OUT"));
    if (status == AIRE_OK)
        status = aire_safetensors_load(j->tape, path);
    return status;
}

static const char *check_graph(judge *j)
{
    const int64_t in[] = {EVAL_BATCH, SEQUENCE}, out[] = {EVAL_BATCH, SEQUENCE, VOCABULARY};
    j->tokens = aire_tape_find(j->tape, "tokens");
    j->logits = aire_tape_find(j->tape, "logits");
    if (aire_tape_input_count(j->tape) != 1 || !has_shape(j->tokens, AIRE_DTYPE_I32, 2, in))
        return "the tape's only input must be \"tokens\", 32-bit integers, [EVAL_BATCH, SEQUENCE]";
    if (!has_shape(j->logits, AIRE_DTYPE_F32, 3, out))
        return "the tape must have the output \"logits\", [EVAL_BATCH, SEQUENCE, VOCABULARY]";
    return NULL;
}

static aire_status open_data(judge *j)
{
    char pattern[4096];
    aire_loader_options options = AIRE_LOADER_OPTIONS_INIT;
    options.batch = EVAL_BATCH;
    options.length = SEQUENCE;
    options.vocabulary = VOCABULARY;
    snprintf(pattern, sizeof pattern, "%s/hidden_*.bin", getenv("AIRE_DATA"));
    return aire_loader_new(j->ctx, pattern, &options, &j->loader);
}

/* ---- causality ---- */

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u; /* enough to pick other tokens */
    return *state >> 8;
}

/* Replace all that position `t` of sequence `row` must not see; another token each time. */
static void disturb(int32_t *tokens, int64_t row, int64_t t, uint32_t *random)
{
    for (int64_t b = 0; b < EVAL_BATCH; b++)
        for (int64_t i = 0; i < SEQUENCE; i++)
            if (b != row || i > t) {
                int32_t *token = &tokens[b * SEQUENCE + i];
                *token = (int32_t)((uint32_t)*token + 1 + next_random(random) % (VOCABULARY - 1)) %
                         VOCABULARY;
            }
}

/* Which logits of a row differ, up to position t; -1 for none. */
static int64_t first_change(const float *a, const float *b, int64_t row, int64_t t)
{
    for (int64_t i = 0; i <= t; i++)
        if (memcmp(a + row * LOGITS + i * VOCABULARY, b + row * LOGITS + i * VOCABULARY,
                   VOCABULARY * sizeof(float)))
            return i;
    return -1;
}

/* AIRE_OK, AIRE_REFUSED with a description if the future shows, or what failed. */
static aire_status prove_causality(judge *j, char *detail, size_t size)
{
    static const int64_t positions[] = {0,           1, 2, 3, 7, 15, 16, 31, 40, 55, SEQUENCE - 2,
                                        SEQUENCE - 1};
    size_t tokens = aire_tensor_bytes(j->tokens), logits = aire_tensor_bytes(j->logits);
    int32_t *original = malloc(tokens), *targets = malloc(tokens);
    float *expected = malloc(logits);
    uint32_t random = 20240520;
    aire_status status = original && targets && expected
                             ? aire_loader_next(j->loader, original, targets)
                             : AIRE_NOMEM;
    for (size_t i = 0; i <= sizeof positions / sizeof *positions && status == AIRE_OK; i++) {
        int32_t *now = aire_tensor_data(j->tokens);
        memcpy(now, original, tokens);
        if (i == 0) {
            status = aire_tape_forward(j->tape);
            memcpy(expected, aire_tensor_data(j->logits), logits);
            continue;
        }
        int64_t row = (int64_t)i % EVAL_BATCH, t = positions[i - 1];
        disturb(now, row, t, &random);
        status = aire_tape_forward(j->tape);
        int64_t changed =
            status == AIRE_OK ? first_change(expected, aire_tensor_data(j->logits), row, t) : -1;
        if (changed >= 0) {
            snprintf(
                detail, size,
                "the logits at position %lld change when only tokens after position %lld or other "
                "sequences do",
                (long long)changed, (long long)t);
            status = AIRE_REFUSED;
        }
    }
    free(original);
    free(targets);
    free(expected);
    return status;
}

/* ---- the loss ---- */

/* -log softmax(logits)[target], in double. */
static double token_loss(const float *logits, int32_t target)
{
    double largest = -INFINITY, sum = 0;
    for (int i = 0; i < VOCABULARY; i++)
        largest = fmax(largest, logits[i]);
    for (int i = 0; i < VOCABULARY; i++)
        sum += exp(logits[i] - largest);
    return largest + log(sum) - logits[target];
}

static aire_status measure(judge *j, double *loss)
{
    int32_t targets[EVAL_BATCH * SEQUENCE];
    double sum = 0;
    for (int batch = 0; batch < BATCHES; batch++) {
        aire_status status = aire_loader_next(j->loader, aire_tensor_data(j->tokens), targets);
        if (status == AIRE_OK)
            status = aire_tape_forward(j->tape);
        if (status != AIRE_OK)
            return status;
        const float *logits = aire_tensor_data(j->logits);
        for (int i = 0; i < EVAL_BATCH * SEQUENCE; i++)
            sum += token_loss(logits + (size_t)i * VOCABULARY, targets[i]);
    }
    *loss = sum / (BATCHES * EVAL_BATCH * SEQUENCE);
    return AIRE_OK;
}

static int judge_handed_over(judge *j)
{
    char detail[256];
    double loss;
    if (load(j) != AIRE_OK)
        return refuse(aire_error_message(aire_last_error()));
    const char *wrong = check_graph(j);
    if (wrong)
        return refuse(wrong);
    aire_status status = prove_causality(j, detail, sizeof detail);
    if (status == AIRE_REFUSED)
        return report("violation", "future_leak", detail);
    if (status != AIRE_OK || aire_loader_seek(j->loader, 0, 0) != AIRE_OK ||
        measure(j, &loss) != AIRE_OK)
        return refuse(aire_error_message(aire_last_error()));
    if (!isfinite(loss))
        return refuse("the loss is not finite");
    return report_loss(loss);
}

int main(void)
{
    judge j = {0};
    if (!getenv("AIRE_OUT") || !getenv("AIRE_DATA") || aire_ctx_new(NULL, &j.ctx) != AIRE_OK ||
        open_data(&j) != AIRE_OK) {
        fprintf(stderr, "evaluate: %s\n", aire_error_message(aire_last_error()));
        return 1; /* not the variant's fault */
    }
    int failed = judge_handed_over(&j);
    aire_loader_free(j.loader);
    aire_tape_unref(j.tape);
    aire_ctx_unref(j.ctx);
    return failed;
}
