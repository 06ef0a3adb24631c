/*
 * The gradients of every operator, and of a small GPT, against central finite differences in double
 * precision; then the CPU's single precision against that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "aire/error.h"
#include "base/rng.h"
#include "support/failing.h"
#include "support/small_gpt.h"
#include "tensor/tape.h"

static failing memory;
static aire_ctx *ctx;

static int setup(void **state)
{
    ctx = failing_ctx(&memory, 3);
    return 0;
}

static int teardown(void **state)
{
    aire_ctx_unref(ctx);
    return atomic_load(&memory.live) == 0 ? 0 : -1;
}

static void ok(aire_status status)
{
    if (status != AIRE_OK)
        fail_msg("%s: %s", aire_status_name(status), aire_error_message(aire_last_error()));
}

/* Shorthand for what the operators are tried on. */
#define P(name, ...) aire_param(t, name, AIRE_INIT_NORMAL, 1.0, AIRE_DIMS(__VA_ARGS__))
#define IDS(name, ...) aire_input(t, name, AIRE_DTYPE_I32, AIRE_DIMS(__VA_ARGS__))
#define POSITIVE(x) aire_offset(aire_square(x), 0.5)

/* A result becomes a loss by its product with fixed random numbers. */
static aire_tensor *project(aire_tape *t, aire_tensor *y)
{
    int64_t dims[AIRE_RANK_MAX];
    for (int32_t axis = 0; axis < aire_tensor_rank(y); axis++)
        dims[axis] = aire_tensor_dim(y, axis);
    return aire_sum(
        aire_mul(y, aire_input(t, "project", AIRE_DTYPE_F32, aire_tensor_rank(y), dims)));
}

typedef aire_tensor *(*build)(aire_tape *t);

#define CASE(name, expression)                                                                     \
    static aire_tensor *case_##name(aire_tape *t)                                                  \
    {                                                                                              \
        return expression;                                                                         \
    }

CASE(add, aire_add(P("a", 3, 4), P("b", 3, 4)))
CASE(add_row, aire_add(P("a", 2, 3, 4), P("b", 4)))
CASE(add_rows, aire_add(P("a", 2, 3, 4), P("b", 3, 4)))
CASE(add_both_repeated, aire_add(P("a", 2, 1, 4), P("b", 3, 1)))
CASE(sub, aire_sub(P("a", 4), P("b", 3, 4)))
CASE(mul, aire_mul(P("a", 3, 4), P("b", 3, 4)))
CASE(mul_scalar, aire_mul(P("a", 3, 4), P("b", 1)))
CASE(mul_column, aire_mul(P("a", 2, 3, 4), P("b", 2, 3, 1)))
CASE(div, aire_div(P("a", 2, 3, 4), POSITIVE(P("b", 3, 1))))
CASE(scale, aire_scale(P("a", 5), -1.5))
CASE(offset, aire_offset(P("a", 5), 2))
CASE(relu, aire_relu(P("a", 31)))
CASE(relu_squared, aire_relu_squared(P("a", 31)))
CASE(gelu, aire_gelu(P("a", 31)))
CASE(gelu_tanh, aire_gelu_tanh(P("a", 31)))
CASE(silu, aire_silu(P("a", 31)))
CASE(sigmoid, aire_sigmoid(P("a", 31)))
CASE(tanh, aire_tanh(P("a", 31)))
CASE(exp, aire_exp(P("a", 31)))
CASE(ln, aire_ln(POSITIVE(P("a", 31))))
CASE(sqrt, aire_sqrt(POSITIVE(P("a", 31))))
CASE(square, aire_square(P("a", 31)))
CASE(softcap, aire_softcap(P("a", 31), 1.5))
CASE(rmsnorm, aire_rmsnorm(P("a", 3, 7), NULL, 1e-6))
CASE(rmsnorm_gain, aire_rmsnorm(P("a", 3, 7), P("g", 7), 1e-6))
CASE(layernorm, aire_layernorm(P("a", 3, 7), NULL, NULL, 1e-5))
CASE(layernorm_affine, aire_layernorm(P("a", 2, 3, 7), P("g", 7), P("b", 7), 1e-5))
CASE(layernorm_bias, aire_layernorm(P("a", 3, 7), NULL, P("b", 7), 1e-5))
CASE(softmax, aire_softmax(P("a", 3, 7)))
CASE(causal_softmax, aire_causal_softmax(P("a", 2, 5, 5), 0))
CASE(causal_softmax_window, aire_causal_softmax(P("a", 2, 5, 5), 2))
CASE(logsumexp, aire_logsumexp(P("a", 3, 7)))
CASE(linear, aire_linear(P("a", 2, 3, 5), P("w", 4, 5), NULL))
CASE(linear_bias, aire_linear(P("a", 5), P("w", 4, 5), P("b", 4)))
CASE(matmul, aire_matmul(P("a", 2, 3, 5), P("b", 2, 5, 4)))
CASE(matmul_one_for_all, aire_matmul(P("a", 2, 3, 5), P("b", 5, 4)))
CASE(embedding, aire_embedding(P("a", 5, 3), IDS("i", 2, 4)))
CASE(rope, aire_rope(P("a", 2, 3, 2, 6), NULL, 50))
CASE(rope_positions, aire_rope(P("a", 2, 3, 2, 6), IDS("i", 2, 3), 50))
CASE(reshape, aire_reshape(P("a", 2, 6), AIRE_DIMS(3, 4)))
CASE(transpose, aire_transpose(P("a", 2, 3, 4), 0, -1))
CASE(slice, aire_slice(P("a", 2, 5, 3), 1, 1, 3))
CASE(slice_last, aire_slice(P("a", 2, 5), -1, 2, 3))
CASE(concat, aire_concat(P("a", 2, 3), P("b", 2, 4), -1))
CASE(concat_first, aire_concat(P("a", 2, 3), P("b", 1, 3), 0))
CASE(shift, aire_shift(P("a", 2, 5, 3), 1, 2))
CASE(shift_back, aire_shift(P("a", 2, 5, 3), 1, -1))
CASE(shift_all, aire_add(aire_shift(P("a", 2, 5), 1, 9), P("b", 2, 5)))
CASE(sum, aire_sum(aire_square(P("a", 2, 5))))
CASE(mean, aire_mean(aire_square(P("a", 2, 5))))
CASE(sum_axis, aire_sum_axis(P("a", 2, 5, 3), 1))
CASE(mean_axis, aire_mean_axis(P("a", 2, 5, 3), 0))
CASE(cross_entropy, aire_cross_entropy(P("a", 2, 3, 5), IDS("i", 2, 3), -1))
CASE(cross_entropy_ignore, aire_cross_entropy(P("a", 6, 5), IDS("i", 6), 2))
CASE(token_losses, aire_token_losses(P("a", 6, 5), IDS("i", 6), 2))

/* One tensor in several places: its gradients add up. */
static aire_tensor *case_same_twice(aire_tape *t)
{
    aire_tensor *x = P("a", 3, 3);
    return aire_add(aire_mul(x, x), aire_add(x, aire_matmul(x, x)));
}

static aire_tensor *case_view_and_original(aire_tape *t)
{
    aire_tensor *x = aire_square(P("a", 2, 6)), *view = aire_reshape(x, AIRE_DIMS(3, 4));
    view = aire_reshape(aire_tanh(view), AIRE_DIMS(2, 6));
    return aire_add(aire_mul(x, view), aire_reshape(view, AIRE_DIMS(1, 2, 6)));
}

static aire_tensor *case_norm_by_itself(aire_tape *t)
{
    aire_tensor *x = P("a", 6);
    return aire_layernorm(x, x, x, 1e-5);
}

static aire_tensor *attend(aire_tape *t, aire_tensor *q, aire_tensor *k, aire_tensor *v,
                           int64_t heads, int64_t window, double softcap)
{
    aire_attention_options options = AIRE_ATTENTION_OPTIONS_INIT;
    options.window = window;
    options.softcap = softcap;
    return aire_attention(q, k, v, heads, &options);
}

CASE(attention, attend(t, P("q", 2, 5, 6), P("k", 2, 5, 6), P("v", 2, 5, 6), 2, 0, 0))
CASE(attention_grouped,
     attend(t, P("q", 1, 5, 4, 3), P("k", 1, 5, 2, 3), P("v", 1, 5, 2, 3), 0, 2, 1.5))
CASE(attention_one_key, attend(t, P("q", 1, 5, 6), P("k", 1, 5, 2), P("v", 1, 5, 2), 3, 0, 0))
CASE(attention_packed, aire_attention_qkv(P("a", 2, 5, 12), 2, NULL))

static aire_tensor *case_attention_of_itself(aire_tape *t)
{
    aire_tensor *x = P("a", 1, 5, 6);
    return aire_attention(x, x, aire_reshape(x, AIRE_DIMS(1, 5, 6)), 2, NULL);
}

/* Attention from its parts is attention. */
static aire_tensor *case_attention_by_hand(aire_tape *t)
{
    aire_tensor *q = aire_transpose(P("q", 1, 5, 2, 3), 1, 2);
    aire_tensor *k = aire_transpose(P("k", 1, 5, 2, 3), 1, 2);
    aire_tensor *v = aire_transpose(P("v", 1, 5, 2, 3), 1, 2);
    aire_tensor *scores = aire_scale(aire_matmul(q, aire_transpose(k, -1, -2)), 1 / sqrt(3.0));
    return aire_transpose(aire_matmul(aire_causal_softmax(scores, 0), v), 1, 2);
}

#define ROW(name) {#name, case_##name}
static const struct {
    const char *name;
    build build;
} cases[] = {
    ROW(add), ROW(add_row), ROW(add_rows), ROW(add_both_repeated), ROW(sub), ROW(mul),
    ROW(mul_scalar), ROW(mul_column), ROW(div), ROW(scale), ROW(offset), ROW(relu),
    ROW(relu_squared), ROW(gelu), ROW(gelu_tanh), ROW(silu), ROW(sigmoid), ROW(tanh), ROW(exp),
    ROW(ln), ROW(sqrt), ROW(square), ROW(softcap), ROW(rmsnorm), ROW(rmsnorm_gain),
    ROW(layernorm), ROW(layernorm_affine), ROW(layernorm_bias), ROW(softmax), ROW(causal_softmax),
    ROW(causal_softmax_window), ROW(logsumexp), ROW(linear), ROW(linear_bias), ROW(matmul),
    ROW(matmul_one_for_all), ROW(embedding), ROW(rope), ROW(rope_positions), ROW(reshape),
    ROW(transpose), ROW(slice), ROW(slice_last), ROW(concat), ROW(concat_first), ROW(shift),
    ROW(shift_back), ROW(shift_all), ROW(sum), ROW(mean), ROW(sum_axis), ROW(mean_axis),
    ROW(cross_entropy), ROW(cross_entropy_ignore), ROW(token_losses), ROW(same_twice),
    ROW(view_and_original), ROW(norm_by_itself), ROW(attention), ROW(attention_grouped),
    ROW(attention_one_key), ROW(attention_packed), ROW(attention_of_itself),
    ROW(attention_by_hand),
};
#undef ROW

static aire_tape *new_tape(const aire_kernels *kernels)
{
    aire_tape *tape = NULL;
    ok(aire__tape_new(ctx, kernels, NULL, &tape));
    return tape;
}

/* The same random numbers and ids in the inputs of any backend. */
static void fill_inputs(aire_tape *tape)
{
    aire_rng rng;
    aire__rng_init(&rng, 5, "inputs", 0);
    for (size_t i = 0; i < aire_tape_input_count(tape); i++) {
        aire_tensor *input = aire_tape_input(tape, i);
        void *data = aire_tensor_data(input);
        for (int64_t j = 0; j < aire_tensor_count(input); j++) {
            if (aire_tensor_dtype(input) == AIRE_DTYPE_I32)
                ((int32_t *)data)[j] = (int32_t)(j * 3 % 5);
            else if (aire_tensor_dtype(input) == AIRE_DTYPE_F64)
                ((double *)data)[j] = (float)aire__rng_normal(&rng);
            else
                ((float *)data)[j] = (float)aire__rng_normal(&rng);
        }
    }
}

static double loss_of(aire_tape *tape)
{
    ok(aire_tape_forward(tape));
    return aire_tensor_item(aire_tape_loss(tape));
}

/* Compare one parameter's gradient with finite differences, element by element. */
static void check_param(const char *name, aire_tape *tape, aire_tensor *param)
{
    const double h = 1e-4;
    double *values = aire_tensor_data(param), *gradient = aire_tensor_grad(param);
    double difference = 0, norm = 0;
    for (int64_t i = 0; i < aire_tensor_count(param); i++) {
        double before = values[i];
        values[i] = before + h;
        double above = loss_of(tape);
        values[i] = before - h;
        double slope = (above - loss_of(tape)) / (2 * h);
        values[i] = before;
        difference += (slope - gradient[i]) * (slope - gradient[i]);
        norm += gradient[i] * gradient[i];
    }
    double error = sqrt(difference / (norm > 0 ? norm : 1));
    if (!(error < 1e-6))
        fail_msg("%s: gradient of '%s': relative error %.3g", name, aire_tensor_name(param), error);
}

static void check_gradients(const char *name, aire_tape *tape)
{
    aire__tape_poison(tape);
    ok(aire_tape_forward(tape));
    ok(aire_tape_backward(tape));
    for (size_t i = 0; i < aire_tape_param_count(tape); i++)
        check_param(name, tape, aire_tape_param(tape, i));
}

static void test_gradients__operators_match_finite_differences(void **state)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        aire_tape *tape = new_tape(aire__kernels_ref());
        ok(aire_tape_finish(tape, project(tape, cases[i].build(tape))));
        fill_inputs(tape);
        check_gradients(cases[i].name, tape);
        aire_tape_unref(tape);
    }
}

static void test_gradients__small_gpt_matches_finite_differences(void **state)
{
    aire_tape *tape = new_tape(aire__kernels_ref());
    ok(aire_tape_finish(tape, gpt_record(tape, 1)));
    gpt_fill(tape, 0);
    check_gradients("gpt", tape);
    aire_tape_unref(tape);
}

static void close_to(const char *name, const char *what, const float *single, const double *exact,
                     int64_t count, double tolerance)
{
    double difference = 0, norm = 0;
    for (int64_t i = 0; i < count; i++) {
        difference += (single[i] - exact[i]) * (single[i] - exact[i]);
        norm += exact[i] * exact[i];
    }
    double error = sqrt(difference / (norm > 0 ? norm : 1));
    if (!(error <= tolerance))
        fail_msg("%s: '%s': relative error %.3g, allowed %.3g", name, what, error, tolerance);
}

/* Give both tapes the same parameters, run both, and compare. */
static void compare_tapes(const char *name, aire_tape *single, aire_tape *exact)
{
    for (size_t i = 0; i < aire_tape_param_count(single); i++) {
        aire_tensor *a = aire_tape_param(single, i), *b = aire_tape_param(exact, i);
        for (int64_t j = 0; j < aire_tensor_count(a); j++)
            ((double *)aire_tensor_data(b))[j] = ((float *)aire_tensor_data(a))[j];
    }
    aire__tape_poison(single);
    ok(aire_tape_forward(single));
    ok(aire_tape_backward(single));
    ok(aire_tape_forward(exact));
    ok(aire_tape_backward(exact));
    for (size_t i = 0; i < aire_tape_output_count(single); i++)
        close_to(name, aire_tape_output_name(single, i),
                 aire_tensor_data(aire_tape_output(single, i)),
                 aire_tensor_data(aire_tape_output(exact, i)),
                 aire_tensor_count(aire_tape_output(single, i)), 1e-5);
    for (size_t i = 0; i < aire_tape_param_count(single); i++) {
        aire_tensor *a = aire_tape_param(single, i);
        close_to(name, aire_tensor_name(a), aire_tensor_grad(a),
                 aire_tensor_grad(aire_tape_param(exact, i)), aire_tensor_count(a), 1e-4);
    }
}

static void test_gradients__cpu_agrees_with_the_oracle(void **state)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        aire_tape *tapes[2];
        for (int j = 0; j < 2; j++) {
            tapes[j] = new_tape(j ? aire__kernels_ref() : aire__kernels_cpu());
            aire_tensor *y = cases[i].build(tapes[j]);
            aire_output(tapes[j], "y", y);
            ok(aire_tape_finish(tapes[j], project(tapes[j], y)));
            fill_inputs(tapes[j]);
        }
        compare_tapes(cases[i].name, tapes[0], tapes[1]);
        aire_tape_unref(tapes[0]);
        aire_tape_unref(tapes[1]);
    }
}

static void test_gradients__cpu_gpt_agrees_with_the_oracle(void **state)
{
    aire_tape *tapes[2];
    for (int j = 0; j < 2; j++) {
        tapes[j] = new_tape(j ? aire__kernels_ref() : aire__kernels_cpu());
        ok(aire_tape_finish(tapes[j], gpt_record(tapes[j], 3)));
        gpt_fill(tapes[j], 1);
    }
    compare_tapes("gpt", tapes[0], tapes[1]);
    aire_tape_unref(tapes[0]);
    aire_tape_unref(tapes[1]);
}

static void test_gradients__attention_by_hand_is_attention(void **state)
{
    aire_tape *tape = new_tape(aire__kernels_ref());
    aire_tensor *by_hand = case_attention_by_hand(tape);
    aire_tensor *fused = aire_attention(aire_tape_find(tape, "q"), aire_tape_find(tape, "k"),
                                        aire_tape_find(tape, "v"), 0, NULL);
    aire_output(tape, "difference", aire_sum(aire_square(aire_sub(by_hand, fused))));
    ok(aire_tape_finish(tape, NULL));
    ok(aire_tape_forward(tape));
    assert_true(aire_tensor_item(aire_tape_find(tape, "difference")) < 1e-28);
    aire_tape_unref(tape);
}

static void test_gradients__detach_stops_them(void **state)
{
    aire_tape *t = new_tape(aire__kernels_ref());
    aire_tensor *a = P("a", 5), *b = P("b", 5);
    ok(aire_tape_finish(t, aire_sum(aire_mul(aire_detach(aire_square(a)), aire_add(a, b)))));
    ok(aire_tape_forward(t));
    ok(aire_tape_backward(t));
    const double *x = aire_tensor_data(a), *da = aire_tensor_grad(a), *db = aire_tensor_grad(b);
    for (int i = 0; i < 5; i++) {
        assert_true(fabs(da[i] - x[i] * x[i]) < 1e-15); /* not 3 a^2 + 2 a b */
        assert_true(fabs(db[i] - x[i] * x[i]) < 1e-15);
    }
    aire_tape_unref(t);
}

static void test_gradients__add_up_until_set_to_zero(void **state)
{
    aire_tape *t = new_tape(aire__kernels_cpu());
    aire_tensor *a = P("a", 4), *unused = P("unused", 4);
    ok(aire_tape_finish(t, aire_sum(aire_scale(a, 3))));
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 3; i++) {
            ok(aire_tape_forward(t));
            ok(aire_tape_backward(t));
        }
        assert_true(((float *)aire_tensor_grad(a))[3] == 9);
        assert_true(((float *)aire_tensor_grad(unused))[3] == 0);
        ok(aire_tape_zero_grad(t));
        assert_true(((float *)aire_tensor_grad(a))[3] == 0);
    }
    aire_tape_unref(t);
}

static void test_gradients__a_parameter_may_be_the_loss(void **state)
{
    aire_tape *t = new_tape(aire__kernels_cpu());
    aire_tensor *a = P("a", 1);
    ok(aire_tape_finish(t, aire_reshape(a, AIRE_DIMS(1, 1))));
    for (int i = 0; i < 2; i++) {
        ok(aire_tape_forward(t));
        ok(aire_tape_backward(t));
    }
    assert_true(((float *)aire_tensor_grad(a))[0] == 2);
    assert_true(aire_tensor_item(aire_tape_loss(t)) == aire_tensor_item(a));
    aire_tape_unref(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients__operators_match_finite_differences),
        cmocka_unit_test(test_gradients__small_gpt_matches_finite_differences),
        cmocka_unit_test(test_gradients__cpu_agrees_with_the_oracle),
        cmocka_unit_test(test_gradients__cpu_gpt_agrees_with_the_oracle),
        cmocka_unit_test(test_gradients__attention_by_hand_is_attention),
        cmocka_unit_test(test_gradients__detach_stops_them),
        cmocka_unit_test(test_gradients__add_up_until_set_to_zero),
        cmocka_unit_test(test_gradients__a_parameter_may_be_the_loss),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
