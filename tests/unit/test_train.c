/* The train room: optimizers against plain formulas, schedules, shards and their loader, weights in
 * files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aire/train.h"
#include "base/fs.h"
#include "support/failing.h"

static failing memory;
static aire_ctx *ctx;
static char root[64];

static int setup(void **state)
{
    ctx = failing_ctx(&memory, 3);
    snprintf(root, sizeof root, "/tmp/aire-train-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
    aire__fs_remove_tree(ctx, root);
    aire_ctx_unref(ctx);
    return atomic_load(&memory.live) == 0 ? 0 : -1;
}

static const char *at(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static void write_bytes(const char *name, const void *data, size_t length)
{
    assert_int_equal(aire__fs_write(ctx, at(name), data, length, 0644), AIRE_OK);
}

/* ---- optimizers ---- */

static void test_adamw__is_the_formula(void **state)
{
    enum { COUNT = 7, STEPS = 20 };
    const aire_adamw settings = {0.01, 0.9, 0.95, 1e-8, 0.1};
    float values[COUNT], grad[COUNT], m[COUNT] = {0}, v[COUNT] = {0};
    double x[COUNT], dm[COUNT] = {0}, dv[COUNT] = {0};
    for (int i = 0; i < COUNT; i++)
        x[i] = values[i] = (float)(0.3 * i - 1);
    for (int step = 1; step <= STEPS; step++) {
        for (int i = 0; i < COUNT; i++)
            grad[i] = (float)sin(step * (i + 1));
        aire_adamw_step(values, grad, m, v, COUNT, &settings, step);
        for (int i = 0; i < COUNT; i++) {
            dm[i] = 0.9 * dm[i] + 0.1 * grad[i];
            dv[i] = 0.95 * dv[i] + 0.05 * grad[i] * grad[i];
            double hat = dm[i] / (1 - pow(0.9, step)),
                   root_hat = sqrt(dv[i] / (1 - pow(0.95, step)));
            x[i] = x[i] * (1 - 0.01 * 0.1) - 0.01 * hat / (root_hat + 1e-8);
        }
    }
    for (int i = 0; i < COUNT; i++)
        assert_true(fabs(values[i] - x[i]) < 1e-5);
}

static void test_sgd__is_the_formula(void **state)
{
    float value = 1, buffer = 0;
    const float grad = 0.5f;
    aire_sgd_step(&value, &grad, &buffer, 1, 0.1, 0.9, 0.01);
    assert_true(fabs(buffer - 0.51) < 1e-6);
    assert_true(fabs(value - (1 - 0.051)) < 1e-6);
    aire_sgd_step(&value, &grad, NULL, 1, 0.1, 0, 0);
    assert_true(fabs(value - (1 - 0.051 - 0.05)) < 1e-6);
}

static void test_schedules__rise_and_fall(void **state)
{
    assert_true(fabs(aire_schedule_linear(0, 100, 10, 0.1) - 0.1) < 1e-12);
    assert_true(fabs(aire_schedule_linear(9, 100, 10, 0.1) - 1) < 1e-12);
    assert_true(fabs(aire_schedule_linear(99, 100, 10, 0.1) - 0.1) < 1e-12);
    assert_true(fabs(aire_schedule_cosine(10, 100, 10, 0.1) - 1) < 1e-12);
    assert_true(fabs(aire_schedule_cosine(99, 100, 10, 0.1) - 0.1) < 1e-12);
    assert_true(aire_schedule_trapezoid(59, 100, 10, 40, 0) == 1);
    assert_true(fabs(aire_schedule_trapezoid(99, 100, 10, 40, 0)) < 1e-12);
    assert_true(aire_schedule_linear(0, 1, 0, 0.1) == 1);
    for (int step = 0; step < 100; step++) {
        double last = step >= 11 ? aire_schedule_cosine(step - 1, 100, 10, 0.1) : 2;
        assert_true(aire_schedule_cosine(step, 100, 10, 0.1) <= last);
    }
}

/* ---- a small tape ---- */

static aire_tape *make_tape(int64_t width)
{
    aire_tape *tape;
    assert_int_equal(aire_tape_new(ctx, NULL, &tape), AIRE_OK);
    aire_tensor *x = aire_input(tape, "x", AIRE_DTYPE_F32, AIRE_DIMS(2, 3));
    aire_tensor *w = aire_param(tape, "w", AIRE_INIT_NORMAL, 1, AIRE_DIMS(width, 3));
    aire_tensor *b = aire_param(tape, "b", AIRE_INIT_CONSTANT, 0.5, AIRE_DIMS(width));
    assert_int_equal(aire_tape_finish(tape, aire_mean(aire_square(aire_linear(x, w, b)))), AIRE_OK);
    return tape;
}

static void test_clip__bounds_the_norm(void **state)
{
    aire_tape *tape = make_tape(4);
    const float x[6] = {1, 2, 3, 4, 5, 6};
    assert_int_equal(aire_tensor_write(aire_tape_find(tape, "x"), x, sizeof x), AIRE_OK);
    assert_int_equal(aire_tape_zero_grad(tape), AIRE_OK);
    assert_int_equal(aire_tape_forward(tape), AIRE_OK);
    assert_int_equal(aire_tape_backward(tape), AIRE_OK);
    double norm = aire_grad_norm(tape);
    assert_true(norm > 0.1);
    assert_true(aire_clip_grad_norm(tape, 10 * norm) == norm && aire_grad_norm(tape) == norm);
    assert_true(aire_clip_grad_norm(tape, norm / 2) == norm);
    assert_true(fabs(aire_grad_norm(tape) - norm / 2) < 1e-5 * norm);
    aire_tape_unref(tape);
}

/* ---- weights in files ---- */

static void test_safetensors__come_back_to_the_bit(void **state)
{
    aire_tape *tape = make_tape(4), *other = make_tape(4), *wider = make_tape(5);
    aire_tensor *w = aire_tape_find(tape, "w"), *again = aire_tape_find(other, "w");
    ((float *)aire_tensor_data(w))[5] = 1.25f;
    assert_int_equal(aire_safetensors_save(tape, at("w.safetensors")), AIRE_OK);
    assert_int_equal(aire_safetensors_load(other, at("w.safetensors")), AIRE_OK);
    assert_memory_equal(aire_tensor_data(w), aire_tensor_data(again), aire_tensor_bytes(w));
    assert_int_equal(aire_safetensors_load(wider, at("w.safetensors")), AIRE_FORMAT);
    assert_non_null(strstr(aire_error_message(aire_last_error()), "shape"));
    assert_int_equal(aire_safetensors_load(tape, at("none")), AIRE_NOT_FOUND);
    aire_tape_unref(tape);
    aire_tape_unref(other);
    aire_tape_unref(wider);
}

/* A file with the given header, for the tape with w [4, 3] (48 bytes) and b [4] (16 bytes). */
static void write_weights(const char *header, size_t claimed, size_t data)
{
    char file[2048] = {0};
    for (int i = 0; i < 8; i++)
        file[i] = (char)(claimed >> (8 * i));
    memcpy(file + 8, header, strlen(header));
    write_bytes("hostile", file, 8 + strlen(header) + data);
}

static void test_safetensors__hostile_files_are_refused(void **state)
{
#define W "\"w\":{\"dtype\":\"F32\",\"shape\":[4,3],\"data_offsets\":[0,48]}"
#define B "\"b\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[48,64]}"
    static const struct {
        const char *header;
        size_t data;
    } rows[] = {
        {"{" W "}", 48},
        {"{" W "," B "}", 63},
        {"{" W "," B "}", 80},
        {"{" W "," B ",\"c\":{}}", 64},
        {"{" W "," W "}", 64},
        {"{" W ",\"b\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[32,48]}}", 64},
        {"{" W ",\"b\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[-16,0]}}", 64},
        {"{" W ",\"b\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[4611686018427387904,"
               "4611686018427387920]}}",
         64},
        {"{" W ",\"b\":{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[48,64]}}", 64},
        {"{" W ",\"b\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[48,64]}}", 64},
        {"{" W ",\"b\":[]}", 64},
        {"[]", 64},
        {"{" W, 64},
    };
    aire_tape *tape = make_tape(4);
    write_weights("{" W "," B "}", strlen("{" W "," B "}"), 64);
    assert_int_equal(aire_safetensors_load(tape, at("hostile")), AIRE_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_weights(rows[i].header, strlen(rows[i].header), rows[i].data);
        if (aire_safetensors_load(tape, at("hostile")) != AIRE_FORMAT)
            fail_msg("row %zu was taken", i);
    }
    write_weights("{" W "," B "}", SIZE_MAX, 64);
    assert_int_equal(aire_safetensors_load(tape, at("hostile")), AIRE_FORMAT);
    write_bytes("hostile", "abc", 3);
    assert_int_equal(aire_safetensors_load(tape, at("hostile")), AIRE_FORMAT);
    aire_tape_unref(tape);
}

/* ---- shards ---- */

static void write_shard(const char *name, int first, int count)
{
    aire_shard_writer *writer;
    assert_int_equal(aire_shard_writer_new(ctx, at(name), &writer), AIRE_OK);
    for (int i = 0; i < count; i++) {
        uint16_t token = (uint16_t)(first + i);
        assert_int_equal(aire_shard_writer_append(writer, &token, 1), AIRE_OK);
    }
    assert_int_equal(aire_shard_writer_finish(writer), AIRE_OK);
}

static aire_status open_loader(const char *pattern, int32_t rank, int32_t world,
                               aire_loader **loader)
{
    aire_loader_options options = AIRE_LOADER_OPTIONS_INIT;
    options.batch = 2;
    options.length = 3;
    options.rank = rank;
    options.world = world;
    options.vocabulary = 1000;
    return aire_loader_new(ctx, at(pattern), &options, loader);
}

static void expect_batch(aire_loader *loader, int first)
{
    int32_t inputs[6], targets[6];
    assert_int_equal(aire_loader_next(loader, inputs, targets), AIRE_OK);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(inputs[i], first + i);
        assert_int_equal(targets[i], first + i + 1);
    }
}

static void test_loader__reads_as_the_distributed_one(void **state)
{
    aire_loader *loader;
    int64_t shard, token;
    write_shard("a_1.bin", 0, 20); /* three batches of 6 fit: 6 + 6 + 6 + 1 <= 20 */
    write_shard("a_2.bin", 100, 13);
    assert_int_equal(open_loader("a_*.bin", 0, 1, &loader), AIRE_OK);
    assert_int_equal(aire_loader_tokens(loader), 33);
    expect_batch(loader, 0);
    expect_batch(loader, 6);
    aire_loader_tell(loader, &shard, &token);
    expect_batch(loader, 12);
    expect_batch(loader, 100);
    expect_batch(loader, 106);
    expect_batch(loader, 0);
    assert_int_equal(aire_loader_seek(loader, shard, token), AIRE_OK);
    expect_batch(loader, 12);
    assert_int_equal(aire_loader_seek(loader, 2, 0), AIRE_INVALID);
    assert_int_equal(aire_loader_seek(loader, 0, 15), AIRE_INVALID);
    aire_loader_free(loader);

    assert_int_equal(open_loader("a_*.bin", 1, 2, &loader), AIRE_OK);
    expect_batch(loader, 6);
    expect_batch(loader, 106); /* 12 + 12 + 1 > 20: both processes go on to the next shard */
    expect_batch(loader, 6);
    aire_loader_free(loader);
}

static void test_loader__malformed_shards_are_refused(void **state)
{
    char file[1024 + 40] = {0};
    const uint32_t header[3] = {20240520, 1, 20};
    aire_loader *loader;
    memcpy(file, header, sizeof header);
    write_bytes("m.bin", file, sizeof file);
    assert_int_equal(open_loader("m.bin", 0, 1, &loader), AIRE_OK);
    aire_loader_free(loader);
    const size_t lengths[] = {0, 100, 1024, 1024 + 39, 1024 + 38};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        write_bytes("m.bin", file, lengths[i]);
        assert_int_equal(open_loader("m.bin", 0, 1, &loader), AIRE_FORMAT);
        assert_null(loader);
    }
    for (int i = 0; i < 3; i++) {
        char changed[sizeof file];
        memcpy(changed, file, sizeof file);
        changed[4 * i] ^= 2;
        write_bytes("m.bin", changed, sizeof changed);
        assert_int_equal(open_loader("m.bin", 0, 1, &loader), AIRE_FORMAT);
    }
    write_shard("m.bin", 0, 6); /* a batch needs 7 */
    assert_int_equal(open_loader("m.bin", 0, 1, &loader), AIRE_FORMAT);
    assert_int_equal(open_loader("none_*.bin", 0, 1, &loader), AIRE_NOT_FOUND);
    assert_int_equal(open_loader("m.bin", 1, 1, &loader), AIRE_INVALID);
    int32_t inputs[6], targets[6];
    write_shard("m.bin", 997, 7); /* 1000 is outside the vocabulary */
    assert_int_equal(open_loader("m.bin", 0, 1, &loader), AIRE_OK);
    assert_int_equal(aire_loader_next(loader, inputs, targets), AIRE_FORMAT);
    aire_loader_free(loader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adamw__is_the_formula),
        cmocka_unit_test(test_sgd__is_the_formula),
        cmocka_unit_test(test_schedules__rise_and_fall),
        cmocka_unit_test(test_clip__bounds_the_norm),
        cmocka_unit_test(test_safetensors__come_back_to_the_bit),
        cmocka_unit_test(test_safetensors__hostile_files_are_refused),
        cmocka_unit_test(test_loader__reads_as_the_distributed_one),
        cmocka_unit_test(test_loader__malformed_shards_are_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
