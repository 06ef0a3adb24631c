/* Tapes: recording and its errors, the plan, replay, determinism, causality, learning. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "aire/error.h"
#include "support/failing.h"
#include "support/small_gpt.h"
#include "tensor/arena.h"
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

/* A failure of the given status whose message has a text in it. */
static void fails(aire_status status, aire_status expected, const char *text)
{
    assert_int_equal(status, expected);
    const char *message = aire_error_message(aire_last_error());
    if (!strstr(message, text))
        fail_msg("\"%s\" is not in \"%s\"", text, message);
}

static aire_tape *new_tape(const aire_tape_options *options)
{
    aire_tape *tape = NULL;
    ok(aire_tape_new(ctx, options, &tape));
    return tape;
}

static aire_tape *new_gpt(int64_t batch, uint64_t seed, int32_t threads)
{
    aire_tape_options options = AIRE_TAPE_OPTIONS_INIT;
    options.seed = seed;
    options.threads = threads;
    aire_tape *tape = new_tape(&options);
    ok(aire_tape_finish(tape, gpt_record(tape, batch)));
    gpt_fill(tape, 0);
    return tape;
}

static void assert_same(aire_tensor *a, aire_tensor *b)
{
    assert_int_equal(aire_tensor_bytes(a), aire_tensor_bytes(b));
    assert_memory_equal(aire_tensor_data(a), aire_tensor_data(b), aire_tensor_bytes(a));
}

static aire_tensor *matrix(aire_tape *t, const char *name, int64_t rows, int64_t columns)
{
    return aire_param(t, name, AIRE_INIT_NORMAL, 1, AIRE_DIMS(rows, columns));
}

/* Recording. */

static void test_tape__first_mistake_is_told_with_place_and_shapes(void **state)
{
    aire_tape *t = new_tape(NULL);
    aire_tensor *x = matrix(t, "x", 3, 4);
    aire_tensor *bad = aire_linear(x, matrix(t, "w", 5, 6), NULL);
    int line = __LINE__ - 1;
    char place[64];
    assert_null(bad);
    assert_null(aire_add(x, bad)); /* quietly */
    assert_null(aire_linear(x, x, x));
    assert_null(aire_param(t, "w", AIRE_INIT_NORMAL, 1, AIRE_DIMS(2, 2)));
    assert_null(aire_output(t, "y", bad));
    snprintf(place, sizeof place, "test_tensor.c:%d: linear: ", line);
    for (int i = 0; i < 2; i++) {
        fails(aire_tape_finish(t, bad), AIRE_INVALID, place);
        fails(aire_tape_status(t), AIRE_INVALID,
              "x has 4 elements in its last axis, weight takes 6");
        fails(aire_tape_status(t), AIRE_INVALID, "given [3, 4] and [5, 6]");
    }
    fails(aire_tape_forward(t), AIRE_STATE, "not finished");
    aire_tape_unref(t);
}

/* Each records something that must be refused with a text. */
static aire_tensor *mistake(aire_tape *t, int which, const char **text)
{
    aire_tensor *x = matrix(t, "x", 3, 4), *y = matrix(t, "y", 4, 4);
    aire_tensor *ids = aire_input(t, "ids", AIRE_DTYPE_I32, AIRE_DIMS(3));
    aire_tensor *q = aire_param(t, "q", AIRE_INIT_NORMAL, 1, AIRE_DIMS(1, 3, 4));
    aire_attention_options newer = AIRE_ATTENTION_OPTIONS_INIT;
    const int64_t zero[] = {2, 0};
#define MISTAKE(number, expression, message)                                                       \
    case number:                                                                                   \
        *text = message;                                                                           \
        return expression;
    switch (which) {
        MISTAKE(0, aire_add(x, y), "axes of 3 and 4 elements do not match")
        MISTAKE(1, aire_add(x, NULL), "second operand is NULL")
        MISTAKE(2, aire_add(x, ids), "second operand holds integers")
        MISTAKE(3, aire_embedding(y, x), "expected integers (I32)")
        MISTAKE(4, aire_softcap(x, 0), "cap is 0")
        MISTAKE(5, aire_scale(x, NAN), "factor is not a finite number")
        MISTAKE(6, aire_rmsnorm(x, y, 1e-6), "expected gain and bias [4]")
        MISTAKE(7, aire_rmsnorm(x, NULL, -1), "eps is -1")
        MISTAKE(8, aire_matmul(x, x), "a has 4 columns, b has 3 rows")
        MISTAKE(9, aire_reshape(x, AIRE_DIMS(5, 2)), "as many elements as [5, 2]")
        MISTAKE(10, aire_reshape(x, 2, zero), "as many elements as [2, 0]")
        MISTAKE(11, aire_reshape(x, 5, zero), "0 to 4 axes")
        MISTAKE(12, aire_transpose(x, 0, 2), "other 2 is not one of the 2 axes")
        MISTAKE(13, aire_slice(x, -1, 3, 2), "2 elements from 3 on are not within an axis of 4")
        MISTAKE(14, aire_slice(x, 0, INT64_MAX, INT64_MAX), "not within")
        MISTAKE(15, aire_concat(x, y, 1), "axes other than axis 1 differ")
        MISTAKE(16, aire_sum_axis(x, -3), "axis -3 is not one of the 2 axes")
        MISTAKE(17, aire_cross_entropy(x, x, -1), "expected integers")
        MISTAKE(18, aire_cross_entropy(y, ids, -1), "expected logits [..., V] and targets [...]")
        MISTAKE(19, aire_causal_softmax(x, 0), "expected scores [..., T, T]")
        MISTAKE(20, aire_attention(q, q, x, 2, NULL), "expected q, k and v")
        MISTAKE(21, aire_attention(q, q, q, 3, NULL), "q does not have 3 heads")
        MISTAKE(22, aire_attention_qkv(q, 1, NULL), "expected qkv [B, T, 3 * heads * D]")
        MISTAKE(23, (newer.window = -1, aire_attention(q, q, q, 2, &newer)), "window is -1")
        MISTAKE(24, (newer.struct_size = 3, aire_attention(q, q, q, 2, &newer)),
                "aire_attention_options")
        MISTAKE(25, aire_rope(q, NULL, 100), "expected x [B, T, heads, D]")
        MISTAKE(26, matrix(t, "x", 1, 1), "'x': there is a parameter, input or output of that name")
        MISTAKE(27, matrix(t, "", 1, 1), "the name is empty")
        MISTAKE(28, matrix(t, "\xff", 1, 1), "not UTF-8")
        MISTAKE(29, matrix(t, "z", 0, 1), "every axis must have at least 1 element")
        MISTAKE(30, matrix(t, "z", INT64_MAX, INT64_MAX), "more than 2^40 elements")
        MISTAKE(31, aire_param(t, "z", 9, 1, AIRE_DIMS(1)), "expected AIRE_INIT_*")
        MISTAKE(32, aire_param(t, "z", AIRE_INIT_NORMAL, INFINITY, AIRE_DIMS(1)), "finite")
        MISTAKE(33, aire_input(t, "z", AIRE_DTYPE_F64, AIRE_DIMS(1)), "AIRE_DTYPE_I32")
        MISTAKE(34, aire_output(t, "x", y), "of that name")
        MISTAKE(35, aire_output(t, "z", NULL), "the tensor is NULL")
        MISTAKE(36, aire_input(t, "z", AIRE_DTYPE_F32, -1, zero), "0 to 4 axes")
        MISTAKE(37, aire_input(t, "z", AIRE_DTYPE_F32, 2, NULL), "dims is NULL")
        MISTAKE(38, aire_embedding(q, ids), "expected a table [V, C]")
        MISTAKE(39, aire_logsumexp(aire_sum(x)), "at least one axis")
        MISTAKE(40, aire_linear(x, y, y), "expected bias [4]")
    }
#undef MISTAKE
    return NULL;
}

static void test_tape__refuses_what_makes_no_sense(void **state)
{
    const int count = 41;
    for (int i = 0; i < count; i++) {
        aire_tape *t = new_tape(NULL);
        const char *text = NULL;
        assert_null(mistake(t, i, &text));
        assert_non_null(text);
        fails(aire_tape_finish(t, NULL),
              i == 30   ? AIRE_LIMIT
              : i == 24 ? AIRE_ABI
                        : AIRE_INVALID,
              text);
        aire_tape_unref(t);
    }
}

static void test_tape__tensors_of_two_tapes_do_not_mix(void **state)
{
    aire_tape *a = new_tape(NULL), *b = new_tape(NULL);
    aire_tensor *x = matrix(a, "x", 2, 2), *y = matrix(b, "x", 2, 2);
    assert_null(aire_add(x, y));
    fails(aire_tape_finish(a, NULL), AIRE_INVALID, "second operand is of another tape");
    fails(aire_tape_finish(b, aire_sum(y)), AIRE_OK, "");
    aire_tape_unref(a);
    a = new_tape(NULL);
    assert_non_null(matrix(a, "x", 2, 2));
    fails(aire_tape_finish(a, aire_tape_loss(b)), AIRE_INVALID, "another tape");
    aire_tape_unref(a);
    aire_tape_unref(b);
}

static void test_tape__states_are_kept(void **state)
{
    aire_plan_sizes sizes = {.struct_size = sizeof sizes};
    char *text;
    aire_tape *t = new_tape(NULL);
    fails(aire_tape_forward(t), AIRE_STATE, "not finished");
    fails(aire_tape_backward(t), AIRE_STATE, "not finished");
    fails(aire_tape_zero_grad(t), AIRE_STATE, "not finished");
    fails(aire_tape_check_finite(t), AIRE_STATE, "not finished");
    fails(aire_tape_plan(t, &sizes), AIRE_STATE, "not finished");
    fails(aire_tape_to_json(t, &text), AIRE_STATE, "not finished");
    fails(aire_tape_finish(t, NULL), AIRE_INVALID, "neither a loss nor an output");
    aire_tensor *x = matrix(t, "x", 2, 3);
    assert_null(aire_tensor_data(x));
    assert_null(aire_tensor_grad(x));
    fails(aire_tensor_write(x, "", 0), AIRE_STATE, "not finished");
    fails(aire_tape_finish(t, x), AIRE_INVALID, "the loss is [2, 3], expected one");
    aire_tensor *y = aire_square(x), *loss = aire_sum(y);
    ok(aire_tape_finish(t, loss));
    assert_null(aire_add(x, x));
    fails(AIRE_STATE, AIRE_STATE, "the tape is finished");
    assert_null(aire_output(t, "late", y));
    fails(aire_tape_finish(t, loss), AIRE_STATE, "the tape is finished");
    fails(aire_tape_backward(t), AIRE_STATE, "no forward pass before");
    ok(aire_tape_forward(t));
    ok(aire_tape_backward(t));
    fails(aire_tape_backward(t), AIRE_STATE, "no forward pass before");
    assert_null(aire_tensor_data(y)); /* its memory is used again */
    assert_true(isnan(aire_tensor_item(y)));
    assert_null(aire_tensor_grad(y));
    fails(aire_tensor_write(loss, &sizes, 4), AIRE_INVALID, "not a parameter or input");
    fails(aire_tensor_write(x, &sizes, 4), AIRE_INVALID, "'x' has 24 bytes, given 4");
    aire_tape_unref(t);
}

static void test_tape__null_is_refused_everywhere(void **state)
{
    aire_tape *t = NULL;
    aire_tape_options options = AIRE_TAPE_OPTIONS_INIT;
    fails(aire_tape_new(NULL, NULL, &t), AIRE_INVALID, "ctx");
    fails(aire_tape_new(ctx, NULL, NULL), AIRE_INVALID, "out");
    options.threads = 65;
    fails(aire_tape_new(ctx, &options, &t), AIRE_INVALID, "threads is 65");
    options.threads = 0;
    options.flags = 8;
    fails(aire_tape_new(ctx, &options, &t), AIRE_INVALID, "unknown flags 0x8");
    options.flags = 0;
    options.struct_size = 4;
    assert_int_equal(aire_tape_new(ctx, &options, &t), AIRE_ABI);
    assert_null(t);
    assert_int_equal(aire_tape_finish(NULL, NULL), AIRE_INVALID);
    assert_int_equal(aire_tape_status(NULL), AIRE_INVALID);
    assert_int_equal(aire_tape_forward(NULL), AIRE_INVALID);
    assert_int_equal(aire_tape_backward(NULL), AIRE_INVALID);
    assert_int_equal(aire_tape_zero_grad(NULL), AIRE_INVALID);
    assert_int_equal(aire_tape_check_finite(NULL), AIRE_INVALID);
    assert_int_equal(aire_tape_plan(NULL, NULL), AIRE_INVALID);
    assert_int_equal(aire_tape_to_json(NULL, NULL), AIRE_INVALID);
    assert_int_equal(aire_tape_save(NULL, "x"), AIRE_INVALID);
    assert_int_equal(aire_tape_load(ctx, NULL, NULL, &t), AIRE_INVALID);
    assert_int_equal(aire_tape_from_json(ctx, NULL, 0, NULL, &t), AIRE_INVALID);
    assert_int_equal(aire_tensor_write(NULL, NULL, 0), AIRE_INVALID);
    assert_null(aire_param(NULL, "x", 0, 0, AIRE_DIMS(1)));
    assert_null(aire_input(NULL, "x", 1, AIRE_DIMS(1)));
    assert_null(aire_output(NULL, "x", NULL));
    assert_null(aire_add(NULL, NULL));
    assert_null(aire_attention(NULL, NULL, NULL, 1, NULL));
    assert_null(aire_tape_find(NULL, "x"));
    assert_null(aire_tape_loss(NULL));
    assert_null(aire_tape_param(NULL, 0));
    assert_null(aire_tensor_data(NULL));
    assert_null(aire_tensor_grad(NULL));
    assert_string_equal(aire_tensor_name(NULL), "");
    assert_int_equal(aire_tensor_dim(NULL, 0), 1);
    assert_int_equal(aire_tensor_dtype(NULL), 0);
    aire_tape_unref(NULL);
    assert_null(aire_tape_ref(NULL));
}

static void test_tape__tells_what_it_holds(void **state)
{
    aire_tape *t = new_gpt(2, 1, 1);
    aire_tensor *wte = aire_tape_find(t, "wte.weight"), *logits = aire_tape_find(t, "logits");
    assert_int_equal(aire_tape_param_count(t), 2 + 9 * GPT_LAYERS);
    assert_ptr_equal(aire_tape_param(t, 0), wte);
    assert_null(aire_tape_param(t, 99));
    assert_int_equal(aire_tape_input_count(t), 2);
    assert_string_equal(aire_tensor_name(aire_tape_input(t, 1)), "targets");
    assert_int_equal(aire_tensor_dtype(aire_tape_input(t, 1)), AIRE_DTYPE_I32);
    assert_int_equal(aire_tape_output_count(t), 1);
    assert_ptr_equal(aire_tape_output(t, 0), logits);
    assert_string_equal(aire_tape_output_name(t, 0), "logits");
    assert_string_equal(aire_tensor_name(logits), "logits");
    assert_string_equal(aire_tensor_name(aire_tape_loss(t)), "");
    assert_int_equal(aire_tensor_rank(logits), 3);
    assert_int_equal(aire_tensor_dim(logits, -1), GPT_VOCAB);
    assert_int_equal(aire_tensor_dim(logits, 1), GPT_TOKENS);
    assert_int_equal(aire_tensor_dim(logits, 3), 1);
    assert_int_equal(aire_tensor_dim(logits, -4), 1);
    assert_int_equal(aire_tensor_count(wte), GPT_VOCAB * GPT_WIDTH);
    assert_int_equal(aire_tensor_bytes(wte), GPT_VOCAB * GPT_WIDTH * 4);
    assert_null(aire_tape_find(t, "nothing"));
    aire_tape_unref(aire_tape_ref(t));
    aire_tape_unref(t);
}

static void test_tape__parameters_begin_as_told_and_by_name(void **state)
{
    aire_tape_options options = AIRE_TAPE_OPTIONS_INIT;
    options.seed = 9;
    aire_tape *a = new_tape(&options), *b = new_tape(&options);
    aire_param(b, "one more", AIRE_INIT_NORMAL, 1, AIRE_DIMS(5)); /* moves no other */
    for (int i = 0; i < 2; i++) {
        aire_tape *t = i ? b : a;
        aire_param(t, "n", AIRE_INIT_NORMAL, 0.5, AIRE_DIMS(10000));
        aire_param(t, "u", AIRE_INIT_UNIFORM, 0.25, AIRE_DIMS(10000));
        aire_output(t, "c", aire_param(t, "k", AIRE_INIT_CONSTANT, -2, AIRE_DIMS(3)));
        ok(aire_tape_finish(t, NULL));
    }
    const float *n = aire_tensor_data(aire_tape_find(a, "n"));
    const float *u = aire_tensor_data(aire_tape_find(a, "u"));
    double square = 0, mean = 0, low = 1, high = -1;
    for (int i = 0; i < 10000; i++) {
        square += (double)n[i] * n[i] / 10000;
        mean += n[i] / 10000;
        low = u[i] < low ? u[i] : low;
        high = u[i] > high ? u[i] : high;
    }
    assert_true(fabs(sqrt(square) - 0.5) < 0.02 && fabs(mean) < 0.02);
    assert_true(low >= -0.25 && low < -0.249 && high < 0.25 && high > 0.249);
    assert_true(((float *)aire_tensor_data(aire_tape_find(a, "c")))[2] == -2);
    assert_same(aire_tape_find(a, "n"), aire_tape_find(b, "n"));
    assert_same(aire_tape_find(a, "u"), aire_tape_find(b, "u"));
    aire_tape_unref(a);
    aire_tape_unref(b);
}

/* The plan. */

static void test_arena__spans_in_use_together_never_overlap(void **state)
{
    enum { COUNT = 300 };
    static aire_span spans[COUNT];
    aire_span *all[COUNT];
    uint64_t bytes = 0, sum = 0, random = 12345;
    for (int i = 0; i < COUNT; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        int64_t first = (int64_t)(random >> 33) % 200, length = (int64_t)(random >> 45) % 30;
        spans[i] = (aire_span){first, first + length, 1 + (random >> 50) % 5000, 0};
        all[i] = &spans[i];
        sum += spans[i].bytes;
    }
    ok(aire__arena_lay_out(ctx, all, COUNT, &bytes));
    assert_true(bytes < sum / 4);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(spans[i].offset % AIRE_ARENA_ALIGNMENT, 0);
        assert_true(spans[i].offset + spans[i].bytes <= bytes);
        for (int j = 0; j < i; j++) {
            bool together = spans[i].first <= spans[j].last && spans[j].first <= spans[i].last;
            bool overlap = spans[i].offset < spans[j].offset + spans[j].bytes &&
                           spans[j].offset < spans[i].offset + spans[i].bytes;
            assert_false(together && overlap);
        }
    }
}

static void test_plan__sizes_are_told_and_limited(void **state)
{
    aire_plan_sizes sizes = {.struct_size = sizeof sizes};
    aire_tape *t = new_gpt(2, 1, 1);
    ok(aire_tape_plan(t, &sizes));
    uint64_t count = 0;
    for (size_t i = 0; i < aire_tape_param_count(t); i++)
        count += (uint64_t)aire_tensor_count(aire_tape_param(t, i));
    assert_int_equal(sizes.parameters, count);
    assert_true(sizes.parameter_bytes >= count * 4 && sizes.parameter_bytes < count * 4 + 64 * 99);
    assert_int_equal(sizes.gradient_bytes, sizes.parameter_bytes);
    assert_true(sizes.activation_bytes < sizes.unshared_bytes * 3 / 4);
    assert_true(sizes.operators > 40 && sizes.scratch_bytes > 0);
    aire_tape_unref(t);

    aire_tape_options options = AIRE_TAPE_OPTIONS_INIT;
    options.max_bytes = sizes.total_bytes - 1;
    t = new_tape(&options);
    fails(aire_tape_finish(t, gpt_record(t, 2)), AIRE_LIMIT, "max_bytes");
    fails(aire_tape_status(t), AIRE_LIMIT, "max_bytes");
    aire_tape_unref(t);
    options.max_bytes = sizes.total_bytes;
    options.flags = AIRE_TAPE_FORWARD_ONLY;
    t = new_tape(&options);
    ok(aire_tape_finish(t, gpt_record(t, 2)));
    uint64_t with_backward = sizes.activation_bytes;
    ok(aire_tape_plan(t, &sizes));
    assert_true(sizes.gradient_bytes == 0 && sizes.activation_bytes < with_backward / 3);
    assert_null(aire_tensor_grad(aire_tape_param(t, 0)));
    gpt_fill(t, 0);
    ok(aire_tape_forward(t));
    assert_true(aire_tensor_item(aire_tape_loss(t)) > 0);
    fails(aire_tape_backward(t), AIRE_STATE, "only goes forward");
    aire_tape_unref(t);
}

static void test_plan__what_nothing_depends_on_is_not_run(void **state)
{
    aire_plan_sizes sizes = {.struct_size = sizeof sizes};
    aire_tape *t = new_tape(NULL);
    aire_tensor *x = matrix(t, "x", 2, 2);
    aire_exp(aire_tanh(x));
    ok(aire_tape_finish(t, aire_sum(aire_square(x))));
    ok(aire_tape_plan(t, &sizes));
    assert_int_equal(sizes.operators, 2);
    aire_tape_unref(t);
}

static void test_plan__a_tape_may_share_parameters(void **state)
{
    aire_tape *train = new_gpt(2, 1, 1), *other = NULL;
    aire_tape_options options = AIRE_TAPE_OPTIONS_INIT;
    options.flags = AIRE_TAPE_FORWARD_ONLY;
    options.share = train;
    other = new_tape(&options);
    ok(aire_tape_finish(other, gpt_record(other, 3)));
    aire_tensor *wte = aire_tape_find(train, "wte.weight");
    assert_ptr_equal(aire_tensor_data(wte), aire_tensor_data(aire_tape_find(other, "wte.weight")));
    gpt_fill(other, 0);
    ok(aire_tape_forward(other));
    double before = aire_tensor_item(aire_tape_loss(other));
    ((float *)aire_tensor_data(wte))[20] += 1;
    ok(aire_tape_forward(other));
    assert_true(aire_tensor_item(aire_tape_loss(other)) != before);
    aire_tape_unref(train); /* the other keeps what it uses */
    ok(aire_tape_forward(other));
    aire_tape_unref(other);

    train = new_tape(NULL);
    options.share = train;
    fails(aire_tape_new(ctx, &options, &other), AIRE_STATE, "share is not finished");
    ok(aire_tape_finish(train, aire_sum(matrix(train, "wte.weight", 2, 2))));
    ok(aire_tape_new(ctx, &options, &other));
    fails(aire_tape_finish(other, gpt_record(other, 1)), AIRE_INVALID,
          "param 'wte.weight' is [37, 16] here and [2, 2] in the shared tape");
    aire_tape_unref(other);
    aire_tape_unref(train);
}

/* Replay. */

static void step(aire_tape *tape)
{
    ok(aire_tape_zero_grad(tape));
    ok(aire_tape_forward(tape));
    ok(aire_tape_backward(tape));
}

static void sgd(aire_tape *tape, float rate)
{
    for (size_t i = 0; i < aire_tape_param_count(tape); i++) {
        float *values = aire_tensor_data(aire_tape_param(tape, i));
        const float *gradient = aire_tensor_grad(aire_tape_param(tape, i));
        for (int64_t j = 0; j < aire_tensor_count(aire_tape_param(tape, i)); j++)
            values[j] -= rate * gradient[j];
    }
}

static void train(aire_tape *tape, int steps)
{
    for (int i = 0; i < steps; i++) {
        gpt_fill(tape, i);
        step(tape);
        sgd(tape, 0.05f);
    }
}

static void assert_same_params(aire_tape *a, aire_tape *b)
{
    for (size_t i = 0; i < aire_tape_param_count(a); i++)
        assert_same(aire_tape_param(a, i), aire_tape_param(b, i));
}

static void test_replay__same_seed_same_bits_for_any_threads(void **state)
{
    const int64_t batch = 256; /* enough work to be split */
    aire_tape *one = new_gpt(batch, 7, 1), *again = new_gpt(batch, 7, 1);
    aire_tape *two = new_gpt(batch, 7, 2), *three = new_gpt(batch, 7, 3);
    aire_tape *other = new_gpt(batch, 8, 1);
    aire_tape *all[] = {one, again, two, three, other};
    for (int i = 0; i < 5; i++)
        train(all[i], 5);
    assert_same_params(one, again);
    assert_same_params(one, two);
    assert_same_params(one, three);
    assert_memory_not_equal(aire_tensor_data(aire_tape_find(one, "wpe.weight")),
                            aire_tensor_data(aire_tape_find(other, "wpe.weight")), 64);
    for (int i = 0; i < 5; i++)
        aire_tape_unref(all[i]);
}

static void test_replay__reads_nothing_that_it_did_not_write(void **state)
{
    aire_tape *clean = new_gpt(3, 1, 1), *dirty = new_gpt(3, 1, 1);
    for (int i = 0; i < 3; i++) {
        train(clean, 1);
        aire__tape_poison(dirty);
        train(dirty, 1);
        assert_same_params(clean, dirty);
    }
    aire_tape_unref(clean);
    aire_tape_unref(dirty);
}

static void test_replay__the_future_does_not_reach_the_past(void **state)
{
    aire_tape *t = new_gpt(2, 1, 1);
    aire_tensor *logits = aire_tape_find(t, "logits");
    int32_t *tokens = aire_tensor_data(aire_tape_find(t, "tokens"));
    float before[2 * GPT_TOKENS * GPT_VOCAB];
    const size_t row = GPT_VOCAB * sizeof(float);
    ok(aire_tape_forward(t));
    memcpy(before, aire_tensor_data(logits), sizeof before);
    for (int at = 0; at < GPT_TOKENS; at++) {
        int32_t kept = tokens[at];
        tokens[at] = (kept + 1) % GPT_VOCAB;
        ok(aire_tape_forward(t));
        const float *after = aire_tensor_data(logits);
        assert_memory_equal(before, after, (size_t)at * row);
        assert_memory_not_equal(before + at * GPT_VOCAB, after + at * GPT_VOCAB, row);
        /* nor does one row of the batch reach the other */
        assert_memory_equal(before + GPT_TOKENS * GPT_VOCAB, after + GPT_TOKENS * GPT_VOCAB,
                            GPT_TOKENS * row);
        tokens[at] = kept;
    }
    aire_tape_unref(t);
}

static void test_replay__rows_of_a_batch_may_change_places(void **state)
{
    aire_tape *t = new_gpt(3, 1, 1);
    aire_tensor *logits = aire_tape_find(t, "logits");
    int32_t *tokens = aire_tensor_data(aire_tape_find(t, "tokens"));
    float before[3][GPT_TOKENS * GPT_VOCAB];
    int32_t rows[3][GPT_TOKENS];
    ok(aire_tape_forward(t));
    memcpy(before, aire_tensor_data(logits), sizeof before);
    memcpy(rows, tokens, sizeof rows);
    for (int i = 0; i < 3; i++)
        memcpy(tokens + i * GPT_TOKENS, rows[(i + 1) % 3], sizeof rows[0]);
    ok(aire_tape_forward(t));
    const float *after = aire_tensor_data(logits);
    for (int i = 0; i < 3; i++)
        assert_memory_equal(after + i * GPT_TOKENS * GPT_VOCAB, before[(i + 1) % 3],
                            sizeof before[0]);
    aire_tape_unref(t);

    aire_tape *one = new_gpt(1, 1, 1); /* and a batch of one gives the same */
    memcpy(aire_tensor_data(aire_tape_find(one, "tokens")), rows[2], sizeof rows[2]);
    ok(aire_tape_forward(one));
    assert_memory_equal(aire_tensor_data(aire_tape_find(one, "logits")), before[2],
                        sizeof before[2]);
    aire_tape_unref(one);
}

static void test_replay__bad_tokens_and_targets_are_told(void **state)
{
    aire_tape *t = new_gpt(2, 1, 1);
    int32_t *tokens = aire_tensor_data(aire_tape_find(t, "tokens"));
    int32_t *targets = aire_tensor_data(aire_tape_find(t, "targets"));
    tokens[9] = GPT_VOCAB;
    tokens[11] = INT32_MIN;
    fails(aire_tape_forward(t), AIRE_INVALID,
          "embedding: id 37 at index 9 of 'tokens' is not in 0 to 36");
    fails(aire_tape_backward(t), AIRE_STATE, "no forward pass");
    tokens[9] = 0;
    fails(aire_tape_forward(t), AIRE_INVALID, "id -2147483648 at index 11");
    tokens[11] = 0;
    targets[3] = -1; /* ignored */
    ok(aire_tape_forward(t));
    targets[3] = -2;
    fails(aire_tape_forward(t), AIRE_INVALID, "cross_entropy: target -2 at index 3 of 'targets'");
    targets[3] = 0;
    ok(aire_tape_forward(t));
    ok(aire_tape_backward(t));
    aire_tape_unref(t);
}

static void test_replay__what_is_not_finite_is_named(void **state)
{
    aire_tape *t = new_tape(NULL);
    aire_tensor *x = aire_param(t, "x", AIRE_INIT_CONSTANT, -1, AIRE_DIMS(3));
    aire_tensor *in = aire_input(t, "in", AIRE_DTYPE_F32, AIRE_DIMS(3));
    aire_tensor *y = aire_ln(aire_add(x, in));
    char place[64];
    snprintf(place, sizeof place, "test_tensor.c:%d: ln' is not finite at index 1 of 3",
             __LINE__ - 3);
    ok(aire_tape_finish(t, aire_sum(aire_detach(y))));
    float *values = aire_tensor_data(in);
    values[0] = values[1] = values[2] = 2;
    ok(aire_tape_check_finite(t));
    values[1] = 0;
    fails(aire_tape_check_finite(t), AIRE_INVALID, place);
    values[1] = INFINITY;
    fails(aire_tape_check_finite(t), AIRE_INVALID, "input 'in' is not finite at index 1");
    values[1] = 2;
    ((float *)aire_tensor_grad(x))[2] = NAN;
    fails(aire_tape_check_finite(t), AIRE_INVALID, "the gradient of 'x' is not finite at index 2");
    ((float *)aire_tensor_data(x))[0] = NAN;
    fails(aire_tape_check_finite(t), AIRE_INVALID, "param 'x' is not finite at index 0");
    aire_tape_unref(t);
}

static void test_replay__overfits_one_batch(void **state)
{
    aire_tape *t = new_gpt(2, 5, 1);
    step(t);
    double first = aire_tensor_item(aire_tape_loss(t));
    for (int i = 0; i < 300; i++) {
        sgd(t, 0.1f);
        step(t);
    }
    double last = aire_tensor_item(aire_tape_loss(t));
    assert_true(first > 3);
    if (!(last < 0.05))
        fail_msg("loss %g after 300 steps, from %g", last, first);
    aire_tape_unref(t);
}

/* Memory. */

static aire_status make_gpt(int32_t threads, aire_tape **out)
{
    aire_tape_options options = AIRE_TAPE_OPTIONS_INIT;
    options.threads = threads;
    aire_status status = aire_tape_new(ctx, &options, out);
    if (status != AIRE_OK) {
        assert_null(*out);
        return status;
    }
    status = aire_tape_finish(*out, gpt_record(*out, 1));
    if (status == AIRE_OK)
        return AIRE_OK;
    aire_tape_unref(*out);
    *out = NULL;
    return status;
}

static void test_memory__running_out_is_told_and_leaks_nothing(void **state)
{
    aire_tape *tape = NULL;
    OOM_LOOP(&memory, make_gpt(1, &tape), aire_tape_unref(tape));
    OOM_LOOP(&memory, make_gpt(2, &tape), aire_tape_unref(tape));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tape__first_mistake_is_told_with_place_and_shapes),
        cmocka_unit_test(test_tape__refuses_what_makes_no_sense),
        cmocka_unit_test(test_tape__tensors_of_two_tapes_do_not_mix),
        cmocka_unit_test(test_tape__states_are_kept),
        cmocka_unit_test(test_tape__null_is_refused_everywhere),
        cmocka_unit_test(test_tape__tells_what_it_holds),
        cmocka_unit_test(test_tape__parameters_begin_as_told_and_by_name),
        cmocka_unit_test(test_arena__spans_in_use_together_never_overlap),
        cmocka_unit_test(test_plan__sizes_are_told_and_limited),
        cmocka_unit_test(test_plan__what_nothing_depends_on_is_not_run),
        cmocka_unit_test(test_plan__a_tape_may_share_parameters),
        cmocka_unit_test(test_replay__same_seed_same_bits_for_any_threads),
        cmocka_unit_test(test_replay__reads_nothing_that_it_did_not_write),
        cmocka_unit_test(test_replay__the_future_does_not_reach_the_past),
        cmocka_unit_test(test_replay__rows_of_a_batch_may_change_places),
        cmocka_unit_test(test_replay__bad_tokens_and_targets_are_told),
        cmocka_unit_test(test_replay__what_is_not_finite_is_named),
        cmocka_unit_test(test_replay__overfits_one_batch),
        cmocka_unit_test(test_memory__running_out_is_told_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
