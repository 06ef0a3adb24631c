/*
 * The training loop: the budget of tokens, batch after batch; then the model is handed over as
 * data: the tape of an evaluation graph and the weights.
 */
#include <stdio.h>
#include <stdlib.h>

#include "nanogpt.h"

#define BATCH 8
#define REPORT_EVERY 50

static int fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, aire_error_message(aire_last_error()));
    return 1;
}

static const char *variable(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value ? value : otherwise;
}

/* A tape from tokens to loss. */
static aire_status record_training(aire_ctx *ctx, uint64_t seed, aire_tape **tape)
{
    aire_tape_options options = AIRE_TAPE_OPTIONS_INIT;
    options.seed = seed;
    aire_status status = aire_tape_new(ctx, &options, tape);
    if (status != AIRE_OK)
        return status;
    aire_tensor *tokens = aire_input(*tape, "tokens", AIRE_DTYPE_I32, AIRE_DIMS(BATCH, SEQUENCE));
    aire_tensor *targets = aire_input(*tape, "targets", AIRE_DTYPE_I32, AIRE_DIMS(BATCH, SEQUENCE));
    aire_tensor *logits = record_model(*tape, tokens, BATCH);
    return aire_tape_finish(*tape, aire_cross_entropy(logits, targets, -1));
}

/* A tape from tokens to logits, on the trained parameters, saved with them. */
static aire_status hand_over(aire_ctx *ctx, aire_tape *trained, const char *directory)
{
    char path[4096];
    aire_tape *tape = NULL;
    aire_tape_options options = AIRE_TAPE_OPTIONS_INIT;
    options.flags = AIRE_TAPE_FORWARD_ONLY;
    options.share = trained;
    aire_status status = aire_tape_new(ctx, &options, &tape);
    if (status != AIRE_OK)
        return status;
    aire_tensor *tokens =
        aire_input(tape, "tokens", AIRE_DTYPE_I32, AIRE_DIMS(EVAL_BATCH, SEQUENCE));
    aire_output(tape, "logits", record_model(tape, tokens, EVAL_BATCH));
    status = aire_tape_finish(tape, NULL);
    snprintf(path, sizeof path, "%s/tape.json", directory);
    if (status == AIRE_OK)
        status = aire_tape_save(tape, path);
    snprintf(path, sizeof path, "%s/weights.safetensors", directory);
    if (status == AIRE_OK)
        status = aire_safetensors_save(tape, path);
    aire_tape_unref(tape);
    return status;
}

static aire_status train_step(aire_tape *tape, aire_loader *loader)
{
    aire_status status = aire_loader_next(loader, aire_tensor_data(aire_tape_find(tape, "tokens")),
                                          aire_tensor_data(aire_tape_find(tape, "targets")));
    if (status == AIRE_OK)
        status = aire_tape_zero_grad(tape);
    if (status == AIRE_OK)
        status = aire_tape_forward(tape);
    if (status == AIRE_OK)
        status = aire_tape_backward(tape);
    return status;
}

static int train(aire_tape *tape, aire_loader *loader, int64_t steps)
{
    FILE *stream = fopen(variable("AIRE_STREAM", "/dev/null"), "w");
    for (int64_t step = 0; step < steps; step++) {
        if (train_step(tape, loader) != AIRE_OK)
            return fail("training");
        if (step % REPORT_EVERY == 0 || step == steps - 1) {
            double loss = aire_tensor_item(aire_tape_loss(tape));
            printf("step %lld of %lld: loss %.4f\n", (long long)step, (long long)steps, loss);
            if (stream)
                fprintf(stream, "{\"step\": %lld, \"train_loss\": %.6f}\n", (long long)step, loss);
        }
        if (!update_parameters(tape, step, steps))
            return fail("optimizer");
    }
    if (stream)
        fclose(stream);
    return 0;
}

int main(void)
{
    char pattern[4096];
    aire_ctx *ctx = NULL;
    aire_tape *tape = NULL;
    aire_loader *loader = NULL;
    aire_loader_options options = AIRE_LOADER_OPTIONS_INIT;
    int64_t steps = atoll(variable("AIRE_BUDGET_TOKENS", "200000")) / (BATCH * SEQUENCE);
    options.batch = BATCH;
    options.length = SEQUENCE;
    options.vocabulary = VOCABULARY;
    snprintf(pattern, sizeof pattern, "%s/train_*.bin", variable("AIRE_DATA", "."));

    int failed = 1;
    if (aire_ctx_new(NULL, &ctx) != AIRE_OK ||
        record_training(ctx, strtoull(variable("AIRE_SEED", "1"), NULL, 10), &tape) != AIRE_OK)
        fail("model");
    else if (aire_loader_new(ctx, pattern, &options, &loader) != AIRE_OK)
        fail("data");
    else
        failed = train(tape, loader, steps);
    if (!failed && hand_over(ctx, tape, variable("AIRE_OUT", ".")) != AIRE_OK)
        failed = fail("handing over");
    aire_loader_free(loader);
    aire_tape_unref(tape);
    aire_ctx_unref(ctx);
    return failed;
}
