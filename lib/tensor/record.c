/* The operators of the public interface: each adds a node to the tape of its operands. */
#define AIRE_NO_OPERATOR_MACROS
#include <string.h>

#include "base/fail.h"
#include "base/options.h"
#include "tensor/op.h"

/* Record an operator on up to three operands. The tape is that of the first one that there is. */
static aire_tensor *record(const char *name, aire_tensor *a, aire_tensor *b, aire_tensor *c,
                           const aire_attributes *attributes, const char *where)
{
    static const aire_attributes none;
    aire_tensor *inputs[AIRE_INPUTS_MAX] = {a, b, c};
    const aire_tensor *any = a ? a : b ? b : c;

    if (!any) {
        aire__fail(AIRE_INVALID, "%s%s%s: the operands are NULL", where ? where : "",
                   where ? ": " : "", name);
        return NULL;
    }
    return aire__tape_record(any->tape, aire__op_find(name), inputs,
                             attributes ? attributes : &none, where);
}

static aire_tensor *unary(const char *name, aire_tensor *x, const char *where)
{
    return record(name, x, NULL, NULL, NULL, where);
}

static aire_tensor *with_real(const char *name, aire_tensor *a, aire_tensor *b, aire_tensor *c,
                              double value, const char *where)
{
    aire_attributes attributes = {.reals = {value}};
    return record(name, a, b, c, &attributes, where);
}

static aire_tensor *with_ints(const char *name, aire_tensor *a, aire_tensor *b, int64_t first,
                              int64_t second, int64_t third, const char *where)
{
    aire_attributes attributes = {.ints = {first, second, third}};
    return record(name, a, b, NULL, &attributes, where);
}

aire_tensor *aire_add(aire_tensor *a, aire_tensor *b, const char *where)
{
    return record("add", a, b, NULL, NULL, where);
}

aire_tensor *aire_sub(aire_tensor *a, aire_tensor *b, const char *where)
{
    return record("sub", a, b, NULL, NULL, where);
}

aire_tensor *aire_mul(aire_tensor *a, aire_tensor *b, const char *where)
{
    return record("mul", a, b, NULL, NULL, where);
}

aire_tensor *aire_div(aire_tensor *a, aire_tensor *b, const char *where)
{
    return record("div", a, b, NULL, NULL, where);
}

aire_tensor *aire_scale(aire_tensor *x, double factor, const char *where)
{
    return with_real("scale", x, NULL, NULL, factor, where);
}

aire_tensor *aire_offset(aire_tensor *x, double constant, const char *where)
{
    return with_real("offset", x, NULL, NULL, constant, where);
}

aire_tensor *aire_relu(aire_tensor *x, const char *where)
{
    return unary("relu", x, where);
}

aire_tensor *aire_relu_squared(aire_tensor *x, const char *where)
{
    return unary("relu_squared", x, where);
}

aire_tensor *aire_gelu(aire_tensor *x, const char *where)
{
    return unary("gelu", x, where);
}

aire_tensor *aire_gelu_tanh(aire_tensor *x, const char *where)
{
    return unary("gelu_tanh", x, where);
}

aire_tensor *aire_silu(aire_tensor *x, const char *where)
{
    return unary("silu", x, where);
}

aire_tensor *aire_sigmoid(aire_tensor *x, const char *where)
{
    return unary("sigmoid", x, where);
}

aire_tensor *aire_tanh(aire_tensor *x, const char *where)
{
    return unary("tanh", x, where);
}

aire_tensor *aire_exp(aire_tensor *x, const char *where)
{
    return unary("exp", x, where);
}

aire_tensor *aire_ln(aire_tensor *x, const char *where)
{
    return unary("ln", x, where);
}

aire_tensor *aire_sqrt(aire_tensor *x, const char *where)
{
    return unary("sqrt", x, where);
}

aire_tensor *aire_square(aire_tensor *x, const char *where)
{
    return unary("square", x, where);
}

aire_tensor *aire_softcap(aire_tensor *x, double cap, const char *where)
{
    return with_real("softcap", x, NULL, NULL, cap, where);
}

aire_tensor *aire_rmsnorm(aire_tensor *x, aire_tensor *gain, double eps, const char *where)
{
    return with_real("rmsnorm", x, gain, NULL, eps, where);
}

aire_tensor *aire_layernorm(aire_tensor *x, aire_tensor *gain, aire_tensor *bias, double eps,
                            const char *where)
{
    return with_real("layernorm", x, gain, bias, eps, where);
}

aire_tensor *aire_softmax(aire_tensor *x, const char *where)
{
    return unary("softmax", x, where);
}

aire_tensor *aire_causal_softmax(aire_tensor *scores, int64_t window, const char *where)
{
    return with_ints("causal_softmax", scores, NULL, window, 0, 0, where);
}

aire_tensor *aire_logsumexp(aire_tensor *x, const char *where)
{
    return unary("logsumexp", x, where);
}

aire_tensor *aire_linear(aire_tensor *x, aire_tensor *weight, aire_tensor *bias, const char *where)
{
    return record("linear", x, weight, bias, NULL, where);
}

aire_tensor *aire_matmul(aire_tensor *a, aire_tensor *b, const char *where)
{
    return record("matmul", a, b, NULL, NULL, where);
}

aire_tensor *aire_embedding(aire_tensor *table, aire_tensor *ids, const char *where)
{
    return record("embedding", table, ids, NULL, NULL, where);
}

aire_status aire_attention_options_init(aire_attention_options *options, size_t size)
{
    return aire__options_init(options, size, sizeof(aire_attention_options),
                              sizeof(aire_attention_options), "aire_attention_options");
}

static aire_tensor *attention(const char *name, aire_tensor *q, aire_tensor *k, aire_tensor *v,
                              int64_t heads, const aire_attention_options *given, const char *where)
{
    const aire_tensor *any = q ? q : k ? k : v;
    aire_attention_options options;
    aire_status status = aire__options_take(given, &options, sizeof options, sizeof options,
                                            "aire_attention_options");
    if (status == AIRE_OK && options.reserved != 0)
        status = aire__fail(AIRE_INVALID, "aire_attention_options: reserved must be 0");
    if (status != AIRE_OK && any)
        return aire__tape_fail(any->tape, status, where, name, "%s",
                               aire_error_message(aire_last_error()));
    if (status != AIRE_OK)
        return NULL;
    aire_attributes attributes = {.ints = {heads, options.window},
                                  .reals = {options.scale, options.softcap}};
    return record(name, q, k, v, &attributes, where);
}

aire_tensor *aire_attention(aire_tensor *q, aire_tensor *k, aire_tensor *v, int64_t heads,
                            const aire_attention_options *options, const char *where)
{
    return attention("attention", q, k, v, heads, options, where);
}

aire_tensor *aire_attention_qkv(aire_tensor *qkv, int64_t heads,
                                const aire_attention_options *options, const char *where)
{
    return attention("attention_qkv", qkv, NULL, NULL, heads, options, where);
}

aire_tensor *aire_rope(aire_tensor *x, aire_tensor *positions, double theta, const char *where)
{
    return with_real("rope", x, positions, NULL, theta, where);
}

aire_tensor *aire_reshape(aire_tensor *x, int32_t rank, const int64_t *dims, const char *where)
{
    aire_attributes attributes = {.rank = rank};
    if (rank >= 0 && rank <= AIRE_RANK_MAX && dims)
        memcpy(attributes.dims, dims, (size_t)rank * sizeof *dims);
    return record("reshape", x, NULL, NULL, &attributes, where);
}

aire_tensor *aire_transpose(aire_tensor *x, int32_t axis, int32_t other, const char *where)
{
    return with_ints("transpose", x, NULL, axis, other, 0, where);
}

aire_tensor *aire_slice(aire_tensor *x, int32_t axis, int64_t start, int64_t length,
                        const char *where)
{
    return with_ints("slice", x, NULL, axis, start, length, where);
}

aire_tensor *aire_concat(aire_tensor *a, aire_tensor *b, int32_t axis, const char *where)
{
    return with_ints("concat", a, b, axis, 0, 0, where);
}

aire_tensor *aire_shift(aire_tensor *x, int32_t axis, int64_t count, const char *where)
{
    return with_ints("shift", x, NULL, axis, count, 0, where);
}

aire_tensor *aire_detach(aire_tensor *x, const char *where)
{
    return unary("detach", x, where);
}

aire_tensor *aire_sum(aire_tensor *x, const char *where)
{
    return unary("sum", x, where);
}

aire_tensor *aire_mean(aire_tensor *x, const char *where)
{
    return unary("mean", x, where);
}

aire_tensor *aire_sum_axis(aire_tensor *x, int32_t axis, const char *where)
{
    return with_ints("sum_axis", x, NULL, axis, 0, 0, where);
}

aire_tensor *aire_mean_axis(aire_tensor *x, int32_t axis, const char *where)
{
    return with_ints("mean_axis", x, NULL, axis, 0, 0, where);
}

aire_tensor *aire_cross_entropy(aire_tensor *logits, aire_tensor *targets, int64_t ignore_index,
                                const char *where)
{
    return with_ints("cross_entropy", logits, targets, ignore_index, 0, 0, where);
}

aire_tensor *aire_token_losses(aire_tensor *logits, aire_tensor *targets, int64_t ignore_index,
                               const char *where)
{
    return with_ints("token_losses", logits, targets, ignore_index, 0, 0, where);
}
