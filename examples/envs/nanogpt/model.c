/*
 * The model: GPT-2 as in the paper's environment (arXiv 2601.14525, section 3), scaled down.
 * Pre-norm without gains, tied embeddings, no biases, exact GELU, residual branches scaled by 1 /
 * sqrt(2 * layers).
 */
#include <math.h>
#include <stdio.h>

#include "nanogpt.h"

#define LAYERS 3
#define WIDTH 64
#define HEADS 4
#define MLP_RATIO 4
#define NORM_EPS 1e-6
#define EMBEDDING_STD 0.02

static aire_tensor *weight(aire_tape *tape, int layer, const char *name, int64_t out, int64_t in)
{
    char full[64];
    snprintf(full, sizeof full, "h.%d.%s.weight", layer, name);
    return aire_param(tape, full, AIRE_INIT_UNIFORM, 1 / sqrt((double)in), AIRE_DIMS(out, in));
}

static aire_tensor *norm(aire_tensor *x)
{
    return aire_rmsnorm(x, NULL, NORM_EPS);
}

static aire_tensor *activation(aire_tensor *x)
{
    return aire_gelu(x);
}

static aire_tensor *attention(aire_tape *tape, int layer, aire_tensor *x)
{
    aire_tensor *qkv = aire_linear(x, weight(tape, layer, "attn.c_attn", 3 * WIDTH, WIDTH), NULL);
    aire_tensor *y = aire_attention_qkv(qkv, HEADS, NULL);
    return aire_linear(y, weight(tape, layer, "attn.c_proj", WIDTH, WIDTH), NULL);
}

static aire_tensor *mlp(aire_tape *tape, int layer, aire_tensor *x)
{
    x = aire_linear(x, weight(tape, layer, "mlp.c_fc", MLP_RATIO * WIDTH, WIDTH), NULL);
    return aire_linear(activation(x), weight(tape, layer, "mlp.c_proj", WIDTH, MLP_RATIO * WIDTH),
                       NULL);
}

static aire_tensor *block(aire_tape *tape, int layer, aire_tensor *x)
{
    const double branch = 1 / sqrt(2.0 * LAYERS);
    x = aire_add(x, aire_scale(attention(tape, layer, norm(x)), branch));
    return aire_add(x, aire_scale(mlp(tape, layer, norm(x)), branch));
}

aire_tensor *record_model(aire_tape *tape, aire_tensor *tokens, int64_t batch)
{
    aire_tensor *wte = aire_param(tape, "wte.weight", AIRE_INIT_NORMAL, EMBEDDING_STD,
                                  AIRE_DIMS(VOCABULARY, WIDTH));
    aire_tensor *wpe =
        aire_param(tape, "wpe.weight", AIRE_INIT_NORMAL, EMBEDDING_STD, AIRE_DIMS(SEQUENCE, WIDTH));
    aire_tensor *x = aire_add(aire_embedding(wte, tokens), wpe);
    for (int layer = 0; layer < LAYERS; layer++)
        x = block(tape, layer, x);
    aire_tensor *logits = aire_linear(norm(x), wte, NULL);
    return logits;
}
