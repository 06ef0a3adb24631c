/*
 * A small GPT on bytes: what model, training loop, optimizer and evaluator agree on. Protected:
 * what is evaluated depends on it.
 */
#ifndef NANOGPT_H
#define NANOGPT_H

#include <aire/train.h>

enum {
    VOCABULARY = 256, /* bytes */
    SEQUENCE = 64,    /* tokens that the model sees at once, T */
    EVAL_BATCH = 16   /* sequences of a batch of the evaluation tape */
};

/* Record the model: tokens [B, SEQUENCE] to logits [B, SEQUENCE, VOCABULARY]. */
aire_tensor *record_model(aire_tape *tape, aire_tensor *tokens, int64_t batch);

/* One update of all parameters; `step` from 0 of `steps`. False when memory ends. */
int update_parameters(aire_tape *tape, int64_t step, int64_t steps);

#endif
