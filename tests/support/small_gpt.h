/*
 * A small GPT of odd sizes that uses many operators at once: grouped queries, QK-norm, rotary and
 * learned positions, a window, softcaps, gains, a learned residual scale, a tied head.
 */
#ifndef TESTS_SUPPORT_SMALL_GPT_H
#define TESTS_SUPPORT_SMALL_GPT_H

#include <stdio.h>
#include <string.h>

#include "aire/tensor.h"

enum {
    GPT_LAYERS = 2,
    GPT_WIDTH = 16,
    GPT_HEADS = 4,
    GPT_KV_HEADS = 2,
    GPT_SIZE = GPT_WIDTH / GPT_HEADS,
    GPT_VOCAB = 37,
    GPT_TOKENS = 7
};

static inline aire_tensor *gpt_param(aire_tape *tape, int layer, const char *part, int init,
                                     double value, int32_t rank, int64_t out, int64_t in)
{
    char name[64];
    const int64_t dims[] = {out, in};
    snprintf(name, sizeof name, "h.%d.%s", layer, part);
    return aire_param(tape, name, init, value, rank, dims);
}

static inline aire_tensor *gpt_weight(aire_tape *tape, int layer, const char *part, int64_t out,
                                      int64_t in)
{
    return gpt_param(tape, layer, part, AIRE_INIT_NORMAL, 0.3, 2, out, in);
}

static inline aire_tensor *gpt_heads(aire_tape *tape, aire_tensor *qkv, int64_t batch, int64_t from,
                                     int64_t heads)
{
    aire_tensor *x = aire_slice(qkv, -1, from * GPT_SIZE, heads * GPT_SIZE);
    return aire_reshape(x, AIRE_DIMS(batch, GPT_TOKENS, heads, GPT_SIZE));
}

static inline aire_tensor *gpt_attention(aire_tape *tape, int layer, aire_tensor *x, int64_t batch)
{
    aire_attention_options options = AIRE_ATTENTION_OPTIONS_INIT;
    aire_tensor *weight = gpt_weight(tape, layer, "attn.c_attn.weight",
                                     (GPT_HEADS + 2 * GPT_KV_HEADS) * GPT_SIZE, GPT_WIDTH);
    aire_tensor *bias = gpt_param(tape, layer, "attn.c_attn.bias", AIRE_INIT_UNIFORM, 0.1, 1,
                                  (GPT_HEADS + 2 * GPT_KV_HEADS) * GPT_SIZE, 0);
    aire_tensor *qkv = aire_linear(x, weight, bias);
    aire_tensor *q = gpt_heads(tape, qkv, batch, 0, GPT_HEADS);
    aire_tensor *k = gpt_heads(tape, qkv, batch, GPT_HEADS, GPT_KV_HEADS);
    aire_tensor *v = gpt_heads(tape, qkv, batch, GPT_HEADS + GPT_KV_HEADS, GPT_KV_HEADS);
    aire_tensor *gain = gpt_param(tape, layer, "q_norm.weight", AIRE_INIT_CONSTANT, 1.2, 1,
                                  GPT_SIZE, 0);
    q = aire_rope(aire_rmsnorm(q, gain, 1e-6), NULL, 100);
    k = aire_rope(aire_rmsnorm(k, NULL, 1e-6), NULL, 100);
    options.window = layer == 0 ? 4 : 0;
    options.softcap = layer == 0 ? 0 : 3;
    x = aire_attention(q, k, v, 0, &options);
    return aire_linear(aire_reshape(x, AIRE_DIMS(batch, GPT_TOKENS, GPT_WIDTH)),
                       gpt_weight(tape, layer, "attn.c_proj.weight", GPT_WIDTH, GPT_WIDTH), NULL);
}

static inline aire_tensor *gpt_mlp(aire_tape *tape, int layer, aire_tensor *x)
{
    x = aire_linear(x, gpt_weight(tape, layer, "mlp.c_fc.weight", 4 * GPT_WIDTH, GPT_WIDTH), NULL);
    x = layer == 0 ? aire_gelu(x) : aire_silu(x);
    return aire_linear(x, gpt_weight(tape, layer, "mlp.c_proj.weight", GPT_WIDTH, 4 * GPT_WIDTH),
                       NULL);
}

/* Record the model: inputs "tokens" and "targets", output "logits"; returns the loss. */
static inline aire_tensor *gpt_record(aire_tape *tape, int64_t batch)
{
    aire_tensor *tokens =
        aire_input(tape, "tokens", AIRE_DTYPE_I32, AIRE_DIMS(batch, GPT_TOKENS));
    aire_tensor *targets =
        aire_input(tape, "targets", AIRE_DTYPE_I32, AIRE_DIMS(batch, GPT_TOKENS));
    aire_tensor *wte =
        aire_param(tape, "wte.weight", AIRE_INIT_NORMAL, 0.5, AIRE_DIMS(GPT_VOCAB, GPT_WIDTH));
    aire_tensor *wpe = aire_param(tape, "wpe.weight", AIRE_INIT_NORMAL, 0.5,
                                  AIRE_DIMS(GPT_TOKENS + 2, GPT_WIDTH));
    aire_tensor *x = aire_add(aire_embedding(wte, tokens), aire_slice(wpe, 0, 0, GPT_TOKENS));
    for (int layer = 0; layer < GPT_LAYERS; layer++) {
        aire_tensor *scale =
            gpt_param(tape, layer, "residual", AIRE_INIT_CONSTANT, 0.7, 1, 1, 0);
        aire_tensor *gain =
            gpt_param(tape, layer, "ln.weight", AIRE_INIT_CONSTANT, 1.1, 1, GPT_WIDTH, 0);
        aire_tensor *bias =
            gpt_param(tape, layer, "ln.bias", AIRE_INIT_NORMAL, 0.1, 1, GPT_WIDTH, 0);
        x = aire_add(x, aire_mul(gpt_attention(tape, layer, aire_rmsnorm(x, NULL, 1e-6), batch),
                                 scale));
        x = aire_add(x, gpt_mlp(tape, layer, aire_layernorm(x, gain, bias, 1e-5)));
    }
    aire_tensor *logits = aire_softcap(aire_linear(aire_rmsnorm(x, NULL, 1e-6), wte, NULL), 15);
    aire_output(tape, "logits", logits);
    return aire_cross_entropy(logits, targets, -1);
}

/* Tokens and targets that depend on `step` alone. */
static inline void gpt_fill(aire_tape *tape, int step)
{
    aire_tensor *tokens = aire_tape_find(tape, "tokens"), *targets = aire_tape_find(tape, "targets");
    int32_t *in = aire_tensor_data(tokens), *out = aire_tensor_data(targets);
    for (int64_t i = 0; i < aire_tensor_count(tokens); i++) {
        in[i] = (int32_t)((i * 11 + i / GPT_TOKENS * 5 + step * 17) % GPT_VOCAB);
        out[i] = (int32_t)((i * 5 + 3 + i / GPT_TOKENS * 7 + step * 13) % GPT_VOCAB);
    }
}

#endif
