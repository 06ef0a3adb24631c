/* Weights in files. What is read may come from anyone, so everything is checked before anything is
 * used. */
#include "aire/safetensors.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"

#define HEADER_MAX ((size_t)1 << 20)

static aire_status check_finished(aire_tape *tape)
{
    aire_tensor *first = aire_tape_param(tape, 0);
    if (aire_tape_param_count(tape) > 0 && !aire_tensor_data(first))
        return aire__fail(AIRE_STATE, "the tape is not finished");
    return AIRE_OK;
}

/* ---- writing ---- */

static json_t *shape_of(const aire_tensor *tensor)
{
    json_t *shape = json_array();
    for (int32_t axis = 0; axis < aire_tensor_rank(tensor) && shape; axis++)
        if (json_array_append_new(shape, json_integer(aire_tensor_dim(tensor, axis))) != 0) {
            json_decref(shape);
            return NULL;
        }
    return shape;
}

static aire_status make_header(aire_ctx *ctx, aire_tape *tape, char **out)
{
    json_t *header = json_object();
    json_int_t offset = 0;
    aire_status status = header ? AIRE_OK : aire__fail_nomem();
    for (size_t p = 0; status == AIRE_OK && p < aire_tape_param_count(tape); p++) {
        aire_tensor *param = aire_tape_param(tape, p);
        json_int_t end = offset + (json_int_t)aire_tensor_bytes(param);
        status = aire__json_set(header, aire_tensor_name(param),
                                json_pack("{s:s, s:o, s:[I, I]}", "dtype", "F32", "shape",
                                          shape_of(param), "data_offsets", offset, end));
        offset = end;
    }
    if (status == AIRE_OK)
        status = aire__json_dump(ctx, header, out);
    json_decref(header);
    return status;
}

static void append_length(aire_buf *file, uint64_t length)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(length >> (8 * i));
    aire__buf_append(file, bytes, sizeof bytes);
}

static aire_status write_file(aire_ctx *ctx, aire_tape *tape, const char *header, const char *path)
{
    aire_buf file;
    size_t length = strlen(header),
           padding = (8 - length % 8) % 8; /* data begins at a multiple of 8 */
    aire__buf_init(&file, ctx, SIZE_MAX / 2);
    append_length(&file, length + padding);
    aire__buf_puts(&file, header);
    aire__buf_append(&file, "        ", padding);
    for (size_t p = 0; p < aire_tape_param_count(tape); p++) {
        aire_tensor *param = aire_tape_param(tape, p);
        aire__buf_append(&file, aire_tensor_data(param), aire_tensor_bytes(param));
    }
    aire_status status = aire__buf_status(&file);
    if (status == AIRE_OK)
        status = aire__fs_write(ctx, path, file.data, file.length, 0644);
    aire__buf_free(&file);
    return status;
}

/* A tape knows its context, but does not give it: the C library's memory serves as well for one
 * call. */
static aire_status own_context(aire_ctx **ctx)
{
    return aire_ctx_new(NULL, ctx);
}

aire_status aire_safetensors_save(aire_tape *tape, const char *path)
{
    aire_ctx *ctx;
    char *header = NULL;
    if (!tape || !path)
        return aire__fail(AIRE_INVALID, "aire_safetensors_save: tape and path must not be NULL");
    aire_status status = check_finished(tape);
    if (status == AIRE_OK)
        status = own_context(&ctx);
    if (status != AIRE_OK)
        return status;
    status = make_header(ctx, tape, &header);
    if (status == AIRE_OK)
        status = write_file(ctx, tape, header, path);
    aire_free(ctx, header);
    aire_ctx_unref(ctx);
    return status;
}

/* ---- reading ---- */

static uint64_t read_length(const char *file)
{
    uint64_t length = 0;
    for (int i = 7; i >= 0; i--)
        length = length << 8 | (uint8_t)file[i];
    return length;
}

static bool same_shape(const json_t *shape, const aire_tensor *tensor)
{
    if (!json_is_array(shape) || json_array_size(shape) != (size_t)aire_tensor_rank(tensor))
        return false;
    for (int32_t axis = 0; axis < aire_tensor_rank(tensor); axis++) {
        const json_t *size = json_array_get(shape, (size_t)axis);
        if (!json_is_integer(size) || json_integer_value(size) != aire_tensor_dim(tensor, axis))
            return false;
    }
    return true;
}

/* Where a parameter's values stand in the data. */
static aire_status find_values(const json_t *header, const aire_tensor *param, const char *path,
                               size_t data_length, size_t *begin)
{
    const char *name = aire_tensor_name(param);
    const json_t *entry = json_object_get(header, name);
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    const json_t *offsets = json_object_get(entry, "data_offsets");
    if (!json_is_object(entry))
        return aire__fail(AIRE_FORMAT, "'%s' lacks the tensor '%s'", path, name);
    if (!dtype || strcmp(dtype, "F32"))
        return aire__fail(AIRE_FORMAT, "'%s': '%s' is not of type F32", path, name);
    if (!same_shape(json_object_get(entry, "shape"), param))
        return aire__fail(AIRE_FORMAT, "'%s': '%s' has another shape than the tape's parameter",
                          path, name);
    const json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(last) ||
        json_integer_value(first) < 0 || json_integer_value(last) < json_integer_value(first) ||
        (uint64_t)json_integer_value(last) > data_length ||
        (uint64_t)(json_integer_value(last) - json_integer_value(first)) !=
            aire_tensor_bytes(param))
        return aire__fail(
            AIRE_FORMAT, "'%s': the offsets of '%s' do not fit its shape and the file", path, name);
    *begin = (size_t)json_integer_value(first);
    return AIRE_OK;
}

/* All values together fill the data exactly, and none lies over another. */
static aire_status check_layout(const json_t *header, aire_tape *tape, const char *path,
                                size_t data_length, bool *seen)
{
    size_t count = aire_tape_param_count(tape), total = 0,
           others = json_object_get(header, "__metadata__") != NULL;
    for (size_t p = 0; p < count; p++) {
        aire_tensor *param = aire_tape_param(tape, p);
        size_t begin;
        aire_status status = find_values(header, param, path, data_length, &begin);
        if (status != AIRE_OK)
            return status;
        size_t bytes = aire_tensor_bytes(param);
        if (begin % 4 || begin / 4 + bytes / 4 > data_length / 4)
            return aire__fail(AIRE_FORMAT, "'%s': '%s' is not aligned", path,
                              aire_tensor_name(param));
        for (size_t i = begin / 4; i < (begin + bytes) / 4; i++) {
            if (seen[i])
                return aire__fail(AIRE_FORMAT, "'%s': '%s' lies over another tensor", path,
                                  aire_tensor_name(param));
            seen[i] = true;
        }
        total += bytes;
    }
    if (json_object_size(header) != count + others)
        return aire__fail(AIRE_FORMAT, "'%s' holds %zu tensors, the tape has %zu parameters", path,
                          json_object_size(header) - others, count);
    if (total != data_length)
        return aire__fail(AIRE_FORMAT, "'%s' holds %zu bytes of data, its tensors fill %zu", path,
                          data_length, total);
    return AIRE_OK;
}

static aire_status take_values(aire_ctx *ctx, aire_tape *tape, const char *path,
                               const json_t *header, const char *data, size_t length)
{
    bool *seen = aire__calloc(ctx, length / 4 + 1, sizeof *seen);
    aire_status status = seen ? check_layout(header, tape, path, length, seen) : aire__fail_nomem();
    aire_free(ctx, seen);
    for (size_t p = 0; status == AIRE_OK && p < aire_tape_param_count(tape); p++) {
        aire_tensor *param = aire_tape_param(tape, p);
        size_t begin = 0;
        status = find_values(header, param, path, length, &begin);
        if (status == AIRE_OK)
            memcpy(aire_tensor_data(param), data + begin, aire_tensor_bytes(param));
    }
    return status;
}

static aire_status parse(aire_ctx *ctx, aire_tape *tape, const char *path, const char *file,
                         size_t length)
{
    json_t *header = NULL;
    if (length < 8 || read_length(file) > HEADER_MAX || read_length(file) > length - 8)
        return aire__fail(AIRE_FORMAT, "'%s' is no safetensors file: its header does not fit",
                          path);
    size_t header_length = (size_t)read_length(file);
    aire_status status = aire__json_load(file + 8, header_length, path, &header);
    if (status == AIRE_OK && !json_is_object(header))
        status = aire__fail(AIRE_FORMAT, "'%s': the header is not an object", path);
    if (status == AIRE_OK)
        status = take_values(ctx, tape, path, header, file + 8 + header_length,
                             length - 8 - header_length);
    json_decref(header);
    return status;
}

aire_status aire_safetensors_load(aire_tape *tape, const char *path)
{
    aire_ctx *ctx;
    char *file = NULL;
    size_t length, max = 8 + HEADER_MAX;
    if (!tape || !path)
        return aire__fail(AIRE_INVALID, "aire_safetensors_load: tape and path must not be NULL");
    aire_status status = check_finished(tape);
    if (status == AIRE_OK)
        status = own_context(&ctx);
    if (status != AIRE_OK)
        return status;
    for (size_t p = 0; p < aire_tape_param_count(tape); p++)
        max += aire_tensor_bytes(aire_tape_param(tape, p));
    status = aire__fs_read(ctx, path, max, &file, &length);
    if (status == AIRE_OK)
        status = parse(ctx, tape, path, file, length);
    aire_free(ctx, file);
    aire_ctx_unref(ctx);
    return status;
}
