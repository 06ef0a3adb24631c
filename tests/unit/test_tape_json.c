/* Tapes as data: what is saved replays to the same bits, and a stranger's file is refused politely.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "aire/error.h"
#include "base/fs.h"
#include "base/rng.h"
#include "support/failing.h"
#include "support/small_gpt.h"

static failing memory;
static aire_ctx *ctx;
static char root[64];

static int setup(void **state)
{
    const char *base = getenv("TMPDIR");
    ctx = failing_ctx(&memory, 3);
    snprintf(root, sizeof root, "%.40s/aire-tape-XXXXXX", base ? base : "/tmp");
    return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
    if (aire__fs_remove_tree(ctx, root) != AIRE_OK)
        return -1;
    aire_ctx_unref(ctx);
    return atomic_load(&memory.live) == 0 ? 0 : -1;
}

static void ok(aire_status status)
{
    if (status != AIRE_OK)
        fail_msg("%s: %s", aire_status_name(status), aire_error_message(aire_last_error()));
}

static aire_tape *new_gpt(int64_t batch)
{
    aire_tape *tape = NULL;
    ok(aire_tape_new(ctx, NULL, &tape));
    ok(aire_tape_finish(tape, gpt_record(tape, batch)));
    return tape;
}

static void run(aire_tape *tape)
{
    gpt_fill(tape, 2);
    ok(aire_tape_zero_grad(tape));
    ok(aire_tape_forward(tape));
    ok(aire_tape_backward(tape));
}

static void assert_same(aire_tensor *a, aire_tensor *b)
{
    assert_non_null(a);
    assert_non_null(b);
    assert_int_equal(aire_tensor_bytes(a), aire_tensor_bytes(b));
    assert_memory_equal(aire_tensor_data(a), aire_tensor_data(b), aire_tensor_bytes(a));
}

static void test_tape_json__replays_to_the_same_bits(void **state)
{
    char path[96], *first = NULL, *second = NULL;
    aire_tape *saved = new_gpt(2), *loaded = NULL;
    snprintf(path, sizeof path, "%s/model.tape.json", root);
    ok(aire_tape_save(saved, path));
    ok(aire_tape_load(ctx, path, NULL, &loaded));
    ok(aire_tape_to_json(saved, &first));
    ok(aire_tape_to_json(loaded, &second));
    assert_string_equal(first, second);
    run(saved);
    run(loaded); /* the seed of the context gives both the same parameters */
    assert_same(aire_tape_find(saved, "logits"), aire_tape_find(loaded, "logits"));
    assert_true(aire_tensor_item(aire_tape_loss(saved)) ==
                aire_tensor_item(aire_tape_loss(loaded)));
    assert_int_equal(aire_tape_param_count(saved), aire_tape_param_count(loaded));
    for (size_t i = 0; i < aire_tape_param_count(saved); i++) {
        aire_tensor *a = aire_tape_param(saved, i), *b = aire_tape_param(loaded, i);
        assert_string_equal(aire_tensor_name(a), aire_tensor_name(b));
        assert_memory_equal(aire_tensor_grad(a), aire_tensor_grad(b), aire_tensor_bytes(a));
    }
    aire_free(ctx, first);
    aire_free(ctx, second);
    aire_tape_unref(saved);
    aire_tape_unref(loaded);
}

/* Every operator, so that each one's attributes are written and read. */
static void record_all(aire_tape *t)
{
    const int64_t three = 3;
    aire_attention_options options = AIRE_ATTENTION_OPTIONS_INIT;
    aire_tensor *x = aire_param(t, "x", AIRE_INIT_UNIFORM, 0.5, AIRE_DIMS(2, 3, 4));
    aire_tensor *gain = aire_param(t, "gain", AIRE_INIT_CONSTANT, 0.1, AIRE_DIMS(4));
    aire_tensor *ids = aire_input(t, "ids", AIRE_DTYPE_I32, AIRE_DIMS(2, 3));
    aire_tensor *given = aire_input(t, "given", AIRE_DTYPE_F32, 1, &three);
    aire_tensor *y = aire_embedding(aire_reshape(x, AIRE_DIMS(6, 4)), ids);
    y = aire_relu(aire_relu_squared(aire_offset(aire_scale(aire_add(x, y), 0.1), 1.0 / 3)));
    y = aire_gelu(aire_gelu_tanh(aire_silu(aire_sigmoid(aire_tanh(aire_softcap(y, 5))))));
    y = aire_sqrt(aire_offset(aire_square(aire_sub(aire_exp(y), aire_mul(y, gain))), 1));
    y = aire_div(aire_ln(y), aire_offset(gain, 1));
    y = aire_layernorm(aire_rmsnorm(y, gain, 1e-6), gain, NULL, 1e-5);
    options.window = 2;
    options.softcap = 3.5;
    y = aire_attention(y, x, x, 2, &options);
    aire_tensor *heads = aire_rope(aire_reshape(y, AIRE_DIMS(2, 3, 2, 2)), ids, 50);
    y = aire_add(y, aire_reshape(heads, AIRE_DIMS(2, 3, 4)));
    y = aire_concat(aire_slice(y, -1, 1, 2), aire_shift(aire_slice(y, 2, 0, 4), 1, 1), -1);
    y = aire_add(y, aire_attention_qkv(aire_concat(aire_concat(y, y, -1), y, -1), 1, NULL));
    y = aire_linear(y, aire_transpose(aire_param(t, "w", 0, 0.2, AIRE_DIMS(6, 4)), 0, 1), gain);
    aire_tensor *scores = aire_matmul(y, aire_transpose(aire_detach(y), 1, 2));
    y = aire_matmul(aire_causal_softmax(scores, 2), aire_softmax(y));
    aire_output(t, "sums", aire_add(aire_sum_axis(y, 1), aire_mean_axis(aire_logsumexp(y), 1)));
    aire_output(t, "losses", aire_token_losses(y, ids, 2));
    aire_output(t, "same", given);
    ok(aire_tape_finish(
        t, aire_add(aire_cross_entropy(y, ids, 2), aire_mul(aire_mean(y), aire_sum(given)))));
}

static void test_tape_json__knows_every_operator(void **state)
{
    char *text = NULL;
    aire_tape *saved = NULL, *loaded = NULL;
    ok(aire_tape_new(ctx, NULL, &saved));
    record_all(saved);
    ok(aire_tape_to_json(saved, &text));
    ok(aire_tape_from_json(ctx, text, strlen(text), NULL, &loaded));
    aire_tape *both[] = {saved, loaded};
    for (int i = 0; i < 2; i++) {
        int32_t *ids = aire_tensor_data(aire_tape_find(both[i], "ids"));
        for (int j = 0; j < 6; j++)
            ids[j] = j % 4;
        ok(aire_tape_check_finite(both[i]));
    }
    for (size_t i = 0; i < aire_tape_output_count(saved); i++)
        assert_same(aire_tape_output(saved, i), aire_tape_output(loaded, i));
    assert_true(aire_tensor_item(aire_tape_loss(saved)) ==
                aire_tensor_item(aire_tape_loss(loaded)));
    aire_free(ctx, text);
    aire_tape_unref(saved);
    aire_tape_unref(loaded);
}

#define HEAD "{\"format\":\"aire-tape\",\"version\":1,\"nodes\":["
#define X "{\"param\":\"x\",\"shape\":[2,3],\"init\":\"normal\",\"value\":1}"
#define IDS "{\"input\":\"i\",\"dtype\":\"i32\",\"shape\":[2]}"
#define OP(rest)                                                                                   \
    HEAD X "," IDS ",{" rest "}],\"outputs\":[{\"name\":\"y\",\"node\":2}],\"loss\":null}"
#define TAIL "],\"outputs\":[{\"name\":\"y\",\"node\":0}],\"loss\":null}"

static const struct {
    const char *text;
    aire_status status;
    const char *message;
} hostile[] = {
    {"", AIRE_FORMAT, "tape: line 1"},
    {"nonsense", AIRE_FORMAT, "tape: line 1"},
    {"[]", AIRE_FORMAT, "expected an object"},
    {"{}", AIRE_FORMAT, "\"format\": expected a string"},
    {"{\"format\":\"gguf\",\"version\":1}", AIRE_FORMAT, "\"format\": expected \"aire-tape\""},
    {"{\"format\":\"aire-tape\",\"version\":2}", AIRE_UNSUPPORTED, "version 2 is newer"},
    {"{\"format\":\"aire-tape\",\"version\":0}", AIRE_FORMAT, "\"version\": expected 1"},
    {"{\"format\":\"aire-tape\",\"version\":\"1\"}", AIRE_FORMAT, "\"version\": expected an int"},
    {"{\"format\":\"aire-tape\",\"version\":1,\"more\":1}", AIRE_FORMAT, "unknown key \"more\""},
    {"{\"format\":\"aire-tape\",\"format\":1}", AIRE_FORMAT, "duplicate"},
    {"{\"format\":\"aire-tape\",\"version\":1,\"nodes\":{}}", AIRE_FORMAT, "\"nodes\": expected"},
    {"{\"format\":\"aire-tape\",\"version\":1,\"nodes\":[],\"outputs\":3}", AIRE_FORMAT,
     "\"outputs\": expected an array"},
    {HEAD "],\"outputs\":[],\"loss\":null}", AIRE_FORMAT, "neither a loss nor an output"},
    {HEAD "],\"outputs\":[],\"loss\":0}", AIRE_FORMAT, "\"loss\": expected the index"},
    {HEAD "],\"outputs\":[]}", AIRE_FORMAT, "\"loss\": expected the index"},
    {HEAD "7" TAIL, AIRE_FORMAT, "nodes[0]: expected an object"},
    {HEAD "{}" TAIL, AIRE_FORMAT, "nodes[0]: \"op\": expected a string"},
    {HEAD X "," X TAIL, AIRE_FORMAT, "nodes[1]: param: 'x': there is a parameter"},
    {HEAD X TAIL "x", AIRE_FORMAT, "line 1"},
    {HEAD "{\"param\":\"x\",\"shape\":[2,3],\"init\":\"normal\"}" TAIL, AIRE_FORMAT,
     "\"value\": expected a number"},
    {HEAD "{\"param\":\"x\",\"shape\":[2,3],\"init\":\"magic\",\"value\":1}" TAIL, AIRE_FORMAT,
     "unknown word \"magic\""},
    {HEAD "{\"param\":\"x\",\"shape\":[0],\"init\":\"normal\",\"value\":1}" TAIL, AIRE_FORMAT,
     "\"shape\": expected integers of at least 1"},
    {HEAD "{\"param\":\"x\",\"shape\":[1,1,1,1,1],\"init\":\"normal\",\"value\":1}" TAIL,
     AIRE_FORMAT, "at most 4"},
    {HEAD "{\"param\":\"x\",\"shape\":[9223372036854775807,9223372036854775807],"
          "\"init\":\"normal\",\"value\":1}" TAIL,
     AIRE_LIMIT, "more than 2^40"},
    {HEAD "{\"param\":\"x\",\"shape\":[1048576,1048576],\"init\":\"normal\",\"value\":1}" TAIL,
     AIRE_LIMIT, "max_bytes"},
    {HEAD "{\"param\":\"x\\u0000y\",\"shape\":[1],\"init\":\"normal\",\"value\":1}" TAIL,
     AIRE_FORMAT, "line 1"},
    {HEAD "{\"input\":\"x\",\"dtype\":\"f64\",\"shape\":[1]}" TAIL, AIRE_FORMAT, "AIRE_DTYPE_F32"},
    {HEAD "{\"input\":\"x\",\"dtype\":\"f32\",\"shape\":[1],\"value\":3}" TAIL, AIRE_FORMAT,
     "unknown key \"value\""},
    {OP("\"op\":\"launch\",\"inputs\":[0],\"shape\":[2,3]"), AIRE_FORMAT,
     "nodes[2]: unknown operator \"launch\""},
    {OP("\"op\":\"tanh\",\"inputs\":[2],\"shape\":[2,3]"), AIRE_FORMAT,
     "\"inputs\": expected the index of an earlier node"},
    {OP("\"op\":\"tanh\",\"inputs\":[3],\"shape\":[2,3]"), AIRE_FORMAT, "earlier node"},
    {OP("\"op\":\"tanh\",\"inputs\":[-1],\"shape\":[2,3]"), AIRE_FORMAT, "earlier node"},
    {OP("\"op\":\"tanh\",\"inputs\":[\"x\"],\"shape\":[2,3]"), AIRE_FORMAT, "earlier node"},
    {OP("\"op\":\"tanh\",\"inputs\":[null],\"shape\":[2,3]"), AIRE_FORMAT, "first operand is NULL"},
    {OP("\"op\":\"tanh\",\"inputs\":[0,0],\"shape\":[2,3]"), AIRE_FORMAT, "an array of 1"},
    {OP("\"op\":\"tanh\",\"inputs\":[1],\"shape\":[2]"), AIRE_FORMAT, "holds integers"},
    {OP("\"op\":\"tanh\",\"inputs\":[0],\"shape\":[3,2]"), AIRE_FORMAT,
     "\"shape\": the operator gives [2, 3]"},
    {OP("\"op\":\"tanh\",\"inputs\":[0],\"shape\":[2,3],\"cap\":1"), AIRE_FORMAT, "unknown key"},
    {OP("\"op\":\"softcap\",\"inputs\":[0],\"shape\":[2,3]"), AIRE_FORMAT,
     "\"cap\": expected a number"},
    {OP("\"op\":\"softcap\",\"inputs\":[0],\"shape\":[2,3],\"cap\":-1"), AIRE_FORMAT, "cap is -1"},
    {OP("\"op\":\"scale\",\"inputs\":[0],\"shape\":[2,3],\"factor\":1e999"), AIRE_FORMAT, "line 1"},
    {OP("\"op\":\"embedding\",\"inputs\":[1,1],\"shape\":[2,3]"), AIRE_FORMAT, "holds integers"},
    {OP("\"op\":\"slice\",\"inputs\":[0],\"shape\":[2,3],\"axis\":1,\"start\":-5,\"length\":2"),
     AIRE_FORMAT, "not within an axis of 3"},
    {OP("\"op\":\"slice\",\"inputs\":[0],\"shape\":[2,3],\"axis\":99,\"start\":0,\"length\":2"),
     AIRE_FORMAT, "axis 99"},
    {OP("\"op\":\"shift\",\"inputs\":[0],\"shape\":[2,3],\"axis\":1,\"count\":1.5"), AIRE_FORMAT,
     "\"count\": expected an integer"},
    {OP("\"op\":\"reshape\",\"inputs\":[0],\"shape\":[7]"), AIRE_FORMAT, "as many elements as [7]"},
    {OP("\"op\":\"linear\",\"inputs\":[0,0,1],\"shape\":[2,2]"), AIRE_FORMAT, "holds integers"},
    {HEAD X "],\"outputs\":[{\"name\":\"x\",\"node\":0}],\"loss\":null}", AIRE_FORMAT,
     "outputs[0]: output: 'x': there is"},
    {HEAD X "],\"outputs\":[{\"name\":\"y\",\"node\":1}],\"loss\":null}", AIRE_FORMAT,
     "outputs[0]: \"node\": expected"},
    {HEAD X "],\"outputs\":[{\"name\":7,\"node\":0}],\"loss\":null}", AIRE_FORMAT,
     "\"name\": expected a string"},
    {HEAD X "],\"outputs\":[],\"loss\":0}", AIRE_FORMAT, "the loss is [2, 3]"},
    {HEAD "{\"param\":\"q\",\"shape\":[1,2,2],\"init\":\"normal\",\"value\":1},"
          "{\"op\":\"attention\",\"inputs\":[0,0,0],\"shape\":[1,2,2],\"heads\":1,\"window\":0,"
          "\"scale\":1,\"softcap\":0},"
          "{\"op\":\"tanh\",\"inputs\":[1],\"shape\":[1,2,2]}" TAIL,
     AIRE_FORMAT, "nodes[1]: an operator was given one input twice"},
};

static void test_tape_json__refuses_a_hostile_file(void **state)
{
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        aire_tape *tape = NULL;
        aire_status status =
            aire_tape_from_json(ctx, hostile[i].text, strlen(hostile[i].text), NULL, &tape);
        const char *message = aire_error_message(aire_last_error());
        assert_null(tape);
        if (status != hostile[i].status || !strstr(message, hostile[i].message))
            fail_msg("%s\n gives %s \"%s\", not \"%s\"", hostile[i].text, aire_status_name(status),
                     message, hostile[i].message);
    }
}

static void test_tape_json__refuses_too_much(void **state)
{
    const size_t length = ((size_t)8 << 20) + 1;
    char *text = malloc(length), node[64];
    aire_tape *tape = NULL;
    assert_non_null(text);
    memset(text, ' ', length);
    assert_int_equal(aire_tape_from_json(ctx, text, length, NULL, &tape), AIRE_LIMIT);
    size_t at = (size_t)snprintf(text, length, "%s%s", HEAD, X);
    for (int i = 0; i < 16384; i++) {
        size_t size = (size_t)snprintf(node, sizeof node,
                                       ",{\"op\":\"tanh\",\"inputs\":[%d],\"shape\":[2,3]}", i);
        memcpy(text + at, node, size);
        at += size;
    }
    snprintf(text + at, length - at, "%s", TAIL);
    assert_int_equal(aire_tape_from_json(ctx, text, strlen(text), NULL, &tape), AIRE_LIMIT);
    memset(text, '[', length - 1);
    assert_int_equal(aire_tape_from_json(ctx, text, length - 1, NULL, &tape), AIRE_FORMAT);
    assert_null(tape);
    free(text);
}

static void test_tape_json__missing_file_is_told(void **state)
{
    aire_tape *tape = NULL;
    char path[96];
    snprintf(path, sizeof path, "%s/missing", root);
    assert_int_equal(aire_tape_load(ctx, path, NULL, &tape), AIRE_NOT_FOUND);
    snprintf(path, sizeof path, "%s/wrong", root);
    ok(aire__fs_write(ctx, path, "{}", 2, 0600));
    assert_int_equal(aire_tape_load(ctx, path, NULL, &tape), AIRE_FORMAT);
    assert_non_null(strstr(aire_error_message(aire_last_error()), path));
    aire_tape *good = new_gpt(1);
    snprintf(path, sizeof path, "%s/no/such/directory", root);
    assert_int_not_equal(aire_tape_save(good, path), AIRE_OK);
    aire_tape_unref(good);
}

/* Damage a good file in every way that chance finds: it loads and runs, or it is refused. */
static void test_tape_json__survives_random_damage(void **state)
{
    static const char *const pieces[] = {"0",
                                         "-1",
                                         "1e9",
                                         "null",
                                         "[]",
                                         "{}",
                                         "\"\"",
                                         "2",
                                         "99",
                                         ",",
                                         "}",
                                         "]",
                                         "9223372036854775807"};
    aire_tape *good = new_gpt(1);
    aire_tape_options options = AIRE_TAPE_OPTIONS_INIT;
    char *text = NULL;
    aire_rng rng;
    int loaded = 0;
    ok(aire_tape_to_json(good, &text));
    aire_tape_unref(good);
    options.max_bytes = 16 << 20;
    size_t length = strlen(text);
    char *damaged = malloc(length + 32);
    assert_non_null(damaged);
    aire__rng_init(&rng, 1, "damage", 0);
    for (int round = 0; round < 3000; round++) {
        aire_tape *tape = NULL;
        size_t at = (size_t)aire__rng_below(&rng, length);
        size_t cut = (size_t)aire__rng_below(&rng, 4);
        const char *piece = pieces[aire__rng_below(&rng, sizeof pieces / sizeof *pieces)];
        cut = at + cut > length ? length - at : cut;
        int size =
            snprintf(damaged, length + 32, "%.*s%s%s", (int)at, text, piece, text + at + cut);
        if (round % 10 == 0)
            size = (int)at; /* cut off */
        if (aire_tape_from_json(ctx, damaged, (size_t)size, &options, &tape) != AIRE_OK)
            continue;
        loaded++;
        (void)!aire_tape_forward(tape);
        (void)!aire_tape_backward(tape);
        aire_tape_unref(tape);
    }
    assert_true(loaded < 2000);
    free(damaged);
    aire_free(ctx, text);
}

static void test_tape_json__running_out_of_memory_is_told(void **state)
{
    aire_tape *tape = new_gpt(1), *loaded = NULL;
    char *text = NULL;
    OOM_LOOP(&memory, aire_tape_to_json(tape, &text), aire_free(ctx, text));
    ok(aire_tape_to_json(tape, &text));
    OOM_LOOP(&memory, aire_tape_from_json(ctx, text, strlen(text), NULL, &loaded),
             aire_tape_unref(loaded));
    aire_free(ctx, text);
    aire_tape_unref(tape);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tape_json__replays_to_the_same_bits),
        cmocka_unit_test(test_tape_json__knows_every_operator),
        cmocka_unit_test(test_tape_json__refuses_a_hostile_file),
        cmocka_unit_test(test_tape_json__refuses_too_much),
        cmocka_unit_test(test_tape_json__missing_file_is_told),
        cmocka_unit_test(test_tape_json__survives_random_damage),
        cmocka_unit_test(test_tape_json__running_out_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
