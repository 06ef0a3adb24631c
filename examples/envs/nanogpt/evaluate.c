/*
 * The trusted evaluator. It runs none of the variant's code: it loads the graph and the weights
 * that were handed over, replays them on text that the variant has never seen, and computes the
 * loss itself.
 *
 * That no position sees the tokens that it is to predict is proved on this graph, these weights and
 * the very logits that are measured: each batch is replayed with tokens replaced, and what depends
 * only on the rest must not change by a bit. Over all batches every position of every sequence is
 * the last one before what was replaced once, in an order that is drawn anew each time, and every
 * sequence is once separated from every other one. A tape is a pure graph of known operators
 * without a state: there is nothing else that it could look at.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "nanogpt.h"

#ifndef BATCHES
#define BATCHES 24 /* of hidden text that are measured */
#endif

enum {
    TOKENS = EVAL_BATCH * SEQUENCE,
    LOGITS = SEQUENCE * VOCABULARY, /* of a sequence */
    CUT_PROBES =
        (SEQUENCE + BATCHES - 1) / BATCHES, /* of each batch, so that all positions are cut */
    ROW_BITS = 4,                           /* tell EVAL_BATCH sequences apart */
    ROW_PROBES = (2 * ROW_BITS + BATCHES - 1) / BATCHES,
    MAX_BYTES = 1 << 29 /* that a handed-over tape may plan */
};

_Static_assert(EVAL_BATCH <= 1 << ROW_BITS, "more sequences than the bits can tell apart");

typedef struct judge {
    aire_ctx *ctx;
    aire_tape *tape;
    aire_loader *loader;
    aire_tensor *tokens, *logits;
    uint64_t random;
    unsigned char cuts[EVAL_BATCH]
                      [SEQUENCE]; /* positions of each sequence, in the order of probes */
    int32_t original[TOKENS], targets[TOKENS];
    float measured[EVAL_BATCH * LOGITS]; /* the logits that the loss is of */
    char leak[256];                      /* what was found */
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

static uint32_t next_random(judge *j)
{
    j->random = j->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(j->random >> 33);
}

/* In which order each sequence's positions are tried: nobody can prepare for it. */
static int draw_order(judge *j)
{
    if (getrandom(&j->random, sizeof j->random, 0) != sizeof j->random)
        return 0;
    for (int row = 0; row < EVAL_BATCH; row++)
        for (int i = 0; i < SEQUENCE; i++) { /* inside out */
            int k = (int)(next_random(j) % (uint32_t)(i + 1));
            j->cuts[row][i] = j->cuts[row][k];
            j->cuts[row][k] = (unsigned char)i;
        }
    return 1;
}

/* Another token in the place of each from `first` on. */
static void replace(judge *j, int32_t *tokens, int row, int first)
{
    for (int i = first; i < SEQUENCE; i++) {
        int32_t *token = &tokens[row * SEQUENCE + i];
        *token = (int32_t)(((uint32_t)*token + 1 + next_random(j) % (VOCABULARY - 1)) % VOCABULARY);
    }
}

/* Whether the logits of a sequence's first `count` positions are as they were measured. */
static bool is_same(judge *j, int row, int count)
{
    const float *now = aire_tensor_data(j->logits);
    for (int i = 0; i < count; i++) {
        size_t at = (size_t)row * LOGITS + (size_t)i * VOCABULARY;
        if (memcmp(now + at, j->measured + at, VOCABULARY * sizeof(float))) {
            snprintf(j->leak, sizeof j->leak,
                     "the logits at position %d of sequence %d change when only %s do", i, row,
                     count < SEQUENCE ? "later tokens" : "other sequences");
            return false;
        }
    }
    return true;
}

/* Replay the batch with everything but the first keep[row] tokens of each sequence replaced.
 * AIRE_REFUSED if what was kept has other logits. */
static aire_status probe(judge *j, const int keep[EVAL_BATCH])
{
    int32_t *tokens = aire_tensor_data(j->tokens);
    memcpy(tokens, j->original, sizeof j->original);
    for (int row = 0; row < EVAL_BATCH; row++)
        replace(j, tokens, row, keep[row]);
    aire_status status = aire_tape_forward(j->tape);
    for (int row = 0; row < EVAL_BATCH && status == AIRE_OK; row++)
        if (!is_same(j, row, keep[row]))
            status = AIRE_REFUSED;
    return status;
}

/* Each sequence is cut at a position of its own. */
static aire_status probe_cuts(judge *j, int number)
{
    int keep[EVAL_BATCH];
    for (int row = 0; row < EVAL_BATCH; row++)
        keep[row] = j->cuts[row][number % SEQUENCE] + 1;
    return probe(j, keep);
}

/* Half of the sequences stay whole, those with a bit of their number set or not. */
static aire_status probe_rows(judge *j, int number)
{
    int keep[EVAL_BATCH];
    for (int row = 0; row < EVAL_BATCH; row++)
        keep[row] = (row >> number / 2 % ROW_BITS & 1) == number % 2 ? SEQUENCE : 0;
    return probe(j, keep);
}

/* This batch's share of the proof. */
static aire_status prove_causality(judge *j, int batch)
{
    aire_status status = AIRE_OK;
    for (int i = 0; i < CUT_PROBES && status == AIRE_OK; i++)
        status = probe_cuts(j, batch * CUT_PROBES + i);
    for (int i = 0; i < ROW_PROBES && status == AIRE_OK; i++)
        status = probe_rows(j, batch * ROW_PROBES + i);
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

/* What is no number has many bit patterns, and would pass for a leak. */
static aire_status check_finite(const judge *j)
{
    for (size_t i = 0; i < sizeof j->measured / sizeof *j->measured; i++)
        if (!isfinite(j->measured[i]))
            return aire_error_set(AIRE_FORMAT, 0, "the logits are not finite");
    return AIRE_OK;
}

static aire_status replay(judge *j)
{
    aire_status status = aire_loader_next(j->loader, j->original, j->targets);
    if (status == AIRE_OK)
        memcpy(aire_tensor_data(j->tokens), j->original, sizeof j->original);
    if (status == AIRE_OK)
        status = aire_tape_forward(j->tape);
    if (status == AIRE_OK)
        memcpy(j->measured, aire_tensor_data(j->logits), sizeof j->measured);
    return status == AIRE_OK ? check_finite(j) : status;
}

/* AIRE_OK, AIRE_REFUSED if the future shows (j->leak says where), or what failed. */
static aire_status measure(judge *j, double *loss)
{
    double sum = 0;
    for (int batch = 0; batch < BATCHES; batch++) {
        aire_status status = replay(j);
        if (status == AIRE_OK)
            status = prove_causality(j, batch);
        if (status != AIRE_OK)
            return status;
        for (int i = 0; i < TOKENS; i++)
            sum += token_loss(j->measured + (size_t)i * VOCABULARY, j->targets[i]);
    }
    *loss = sum / (BATCHES * TOKENS);
    return AIRE_OK;
}

static int judge_handed_over(judge *j)
{
    double loss;
    if (load(j) != AIRE_OK)
        return refuse(aire_error_message(aire_last_error()));
    const char *wrong = check_graph(j);
    if (wrong)
        return refuse(wrong);
    aire_status status = measure(j, &loss);
    if (status == AIRE_REFUSED)
        return report("violation", "future_leak", j->leak);
    if (status != AIRE_OK)
        return refuse(aire_error_message(aire_last_error()));
    if (!isfinite(loss))
        return refuse("the loss is not finite");
    return report_loss(loss);
}

int main(void)
{
    static judge j; /* too large for a stack */
    if (!getenv("AIRE_OUT") || !getenv("AIRE_DATA") || aire_ctx_new(NULL, &j.ctx) != AIRE_OK ||
        !draw_order(&j) || open_data(&j) != AIRE_OK) {
        fprintf(stderr, "evaluate: %s\n", aire_error_message(aire_last_error()));
        return 1; /* not the variant's fault */
    }
    int failed = judge_handed_over(&j);
    aire_loader_free(j.loader);
    aire_tape_unref(j.tape);
    aire_ctx_unref(j.ctx);
    return failed;
}
