/*
 * Tapes as data: the graph in JSON, without values.
 *
 *     {"format": "aire-tape", "version": 1,
 *      "nodes": [{"param": NAME, "shape": [...], "init": WORD, "value": X},
 *                {"input": NAME, "dtype": WORD, "shape": [...]},
 *                {"op": NAME, "inputs": [INDEX or null, ...], "shape": [...], ATTRIBUTE: ...},
 * ...], "outputs": [{"name": NAME, "node": INDEX}, ...], "loss": INDEX or null}
 *
 * A node refers to earlier ones only. Reading records the nodes anew, so that a file from a
 * stranger passes every check that a program's own recording passes.
 */
#define AIRE_NO_OPERATOR_MACROS
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/fail.h"
#include "base/fs.h"
#include "base/json.h"
#include "tensor/op.h"

#define FORMAT "aire-tape"
#define VERSION 1
#define TEXT_MAX ((size_t)8 << 20)
#define KEYS_MAX 10

#define WORD(name, value, word) [value] = word,
#define DTYPE(name, value, word, bytes) [value] = word,
static const char *const init_words[] = {AIRE_INIT_MAP(WORD)};
static const char *const dtype_words[] = {AIRE_DTYPE_MAP(DTYPE)};
#undef WORD
#undef DTYPE

/* Writing. A member that cannot be made for want of memory makes all of it fail. */

static json_t *shape_json(int32_t rank, const int64_t *dims)
{
    json_t *array = json_array();
    for (int32_t axis = 0; axis < rank; axis++)
        if (json_array_append_new(array, json_integer(dims[axis])) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static json_t *inputs_json(const aire_tensor *node)
{
    json_t *array = json_array();
    for (int32_t i = 0; i < node->op->inputs; i++) {
        const aire_tensor *input = node->inputs[i];
        if (json_array_append_new(array, input ? json_integer(input->index) : json_null()) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static aire_status leaf_json(const aire_tensor *node, json_t *object)
{
    bool param = node->leaf == LEAF_PARAM;
    aire_status status = aire__json_set(object, param ? "param" : "input", json_string(node->name));
    if (status == AIRE_OK && !param)
        status = aire__json_set(
            object, "dtype",
            json_string(dtype_words[node->integer ? AIRE_DTYPE_I32 : AIRE_DTYPE_F32]));
    if (status == AIRE_OK)
        status = aire__json_set(object, "shape", shape_json(node->rank, node->dims));
    if (status == AIRE_OK && param)
        status = aire__json_set(object, "init", json_string(init_words[node->init]));
    if (status == AIRE_OK && param)
        status = aire__json_set(object, "value", json_real(node->init_value));
    return status;
}

static aire_status op_json(const aire_tensor *node, json_t *object)
{
    const aire_op *op = node->op;
    aire_status status = aire__json_set(object, "op", json_string(op->name));
    if (status == AIRE_OK)
        status = aire__json_set(object, "inputs", inputs_json(node));
    if (status == AIRE_OK)
        status = aire__json_set(object, "shape", shape_json(node->rank, node->dims));
    for (int i = 0; i < 4 && status == AIRE_OK && op->ints[i]; i++)
        status = aire__json_set(object, op->ints[i], json_integer(node->attributes.ints[i]));
    for (int i = 0; i < 2 && status == AIRE_OK && op->reals[i]; i++)
        status = aire__json_set(object, op->reals[i], json_real(node->attributes.reals[i]));
    return status;
}

/* One node on a line of its own, so that graphs can be compared line by line. */
static aire_status put_node(aire_buf *buf, const aire_tensor *node)
{
    char *text = NULL;
    json_t *object = json_object();
    aire_status status = !object            ? aire__fail_nomem()
                         : node->op != NULL ? op_json(node, object)
                                            : leaf_json(node, object);
    if (status == AIRE_OK)
        status = aire__json_dump(buf->ctx, object, &text);
    json_decref(object);
    if (status == AIRE_OK)
        aire__buf_printf(buf, "%s\n  %s", node->index ? "," : "", text);
    aire_free(buf->ctx, text);
    return status;
}

static aire_status put_output(aire_buf *buf, const aire_named *output, bool first)
{
    char *text = NULL;
    json_t *name = json_string(output->name);
    aire_status status = name ? aire__json_dump(buf->ctx, name, &text) : aire__fail_nomem();
    json_decref(name);
    if (status == AIRE_OK)
        aire__buf_printf(buf, "%s\n  {\"name\":%s,\"node\":%lld}", first ? "" : ",", text,
                         (long long)output->tensor->index);
    aire_free(buf->ctx, text);
    return status;
}

aire_status aire_tape_to_json(const aire_tape *tape, char **out)
{
    if (!tape || !out)
        return aire__fail(AIRE_INVALID, "aire_tape_to_json: an argument is NULL");
    if (tape->state == TAPE_RECORDING)
        return aire__fail(AIRE_STATE, "aire_tape_to_json: the tape is not finished");
    aire_buf buf;
    aire_status status = AIRE_OK;
    aire__buf_init(&buf, tape->ctx, TEXT_MAX);
    aire__buf_printf(&buf, "{\"format\":\"%s\",\"version\":%d,\n \"nodes\":[", FORMAT, VERSION);
    for (size_t i = 0; i < tape->node_count && status == AIRE_OK; i++)
        status = put_node(&buf, tape->nodes[i]);
    aire__buf_puts(&buf, "],\n \"outputs\":[");
    for (size_t i = 0; i < tape->output_count && status == AIRE_OK; i++)
        status = put_output(&buf, &tape->outputs[i], i == 0);
    aire__buf_puts(&buf, "],\n \"loss\":");
    if (tape->loss)
        aire__buf_printf(&buf, "%lld}\n", (long long)tape->loss->index);
    else
        aire__buf_puts(&buf, "null}\n");
    if (status == AIRE_OK)
        return aire__buf_take(&buf, out, NULL);
    aire__buf_free(&buf);
    return status;
}

aire_status aire_tape_save(const aire_tape *tape, const char *path)
{
    char *text = NULL;
    if (!tape || !path)
        return aire__fail(AIRE_INVALID, "aire_tape_save: an argument is NULL");
    aire_status status = aire_tape_to_json(tape, &text);
    if (status == AIRE_OK)
        status = aire__fs_write(tape->ctx, path, text, strlen(text), 0666);
    aire_free(tape->ctx, text);
    return status;
}

/* Reading. Every message begins with the place, such as "tape: nodes[3]". */

static aire_status misfit(const char *place, const char *key, const char *expected)
{
    return aire__fail(AIRE_FORMAT, "%s: \"%s\": expected %s", place, key, expected);
}

/* All keys of an object are among `known`, which ends in NULL. */
static aire_status check_keys(const json_t *object, const char *place, const char *const *known)
{
    const char *key;
    json_t *value;
    if (!json_is_object(object))
        return aire__fail(AIRE_FORMAT, "%s: expected an object", place);
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        size_t i = 0;
        while (known[i] && strcmp(known[i], key) != 0)
            i++;
        if (!known[i])
            return aire__fail(AIRE_FORMAT, "%s: unknown key \"%.64s\"", place, key);
    }
    return AIRE_OK;
}

static aire_status need_string(const json_t *object, const char *place, const char *key,
                               const char **out)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_string(value))
        return misfit(place, key, "a string");
    *out = json_string_value(value);
    return AIRE_OK;
}

static aire_status need_number(const json_t *object, const char *place, const char *key,
                               double *out)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_number(value))
        return misfit(place, key, "a number");
    *out = json_number_value(value);
    return AIRE_OK;
}

static aire_status need_int(const json_t *object, const char *place, const char *key, int64_t *out)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value))
        return misfit(place, key, "an integer");
    *out = json_integer_value(value);
    return AIRE_OK;
}

static aire_status need_shape(const json_t *object, const char *place, int32_t *rank,
                              int64_t dims[AIRE_RANK_MAX])
{
    const json_t *value = json_object_get(object, "shape");
    if (!json_is_array(value) || json_array_size(value) > AIRE_RANK_MAX)
        return misfit(place, "shape", "an array of at most 4 integers");
    *rank = (int32_t)json_array_size(value);
    for (int32_t axis = 0; axis < *rank; axis++) {
        const json_t *dim = json_array_get(value, (size_t)axis);
        if (!json_is_integer(dim) || json_integer_value(dim) < 1)
            return misfit(place, "shape", "integers of at least 1");
        dims[axis] = json_integer_value(dim);
    }
    return AIRE_OK;
}

/* Which of `words` a member is; words may have gaps. */
static aire_status need_word(const json_t *object, const char *place, const char *key,
                             const char *const *words, size_t count, int32_t *out)
{
    const char *text = NULL;
    aire_status status = need_string(object, place, key, &text);
    if (status != AIRE_OK)
        return status;
    for (size_t i = 0; i < count; i++)
        if (words[i] && strcmp(words[i], text) == 0) {
            *out = (int32_t)i;
            return AIRE_OK;
        }
    return aire__fail(AIRE_FORMAT, "%s: \"%s\": unknown word \"%.64s\"", place, key, text);
}

/* An earlier node. */
static aire_status need_node(const aire_tape *tape, const json_t *value, const char *place,
                             const char *key, aire_tensor **out)
{
    json_int_t index = json_is_integer(value) ? json_integer_value(value) : -1;
    if (index < 0 || (uint64_t)index >= tape->node_count)
        return misfit(place, key, "the index of an earlier node");
    *out = tape->nodes[index];
    return AIRE_OK;
}

static aire_status read_param(aire_tape *tape, const json_t *object, const char *place)
{
    static const char *const keys[] = {"param", "shape", "init", "value", NULL};
    const char *name = NULL;
    int32_t rank = 0, init = 0;
    int64_t dims[AIRE_RANK_MAX];
    double value = 0;
    aire_status status = check_keys(object, place, keys);
    if (status == AIRE_OK)
        status = need_string(object, place, "param", &name);
    if (status == AIRE_OK)
        status = need_shape(object, place, &rank, dims);
    if (status == AIRE_OK)
        status = need_word(object, place, "init", init_words,
                           sizeof init_words / sizeof *init_words, &init);
    if (status == AIRE_OK)
        status = need_number(object, place, "value", &value);
    if (status != AIRE_OK)
        return status;
    return aire_param(tape, name, init, value, rank, dims, place) ? AIRE_OK
                                                                  : aire_tape_status(tape);
}

static aire_status read_input(aire_tape *tape, const json_t *object, const char *place)
{
    static const char *const keys[] = {"input", "dtype", "shape", NULL};
    const char *name = NULL;
    int32_t rank = 0, dtype = 0;
    int64_t dims[AIRE_RANK_MAX];
    aire_status status = check_keys(object, place, keys);
    if (status == AIRE_OK)
        status = need_string(object, place, "input", &name);
    if (status == AIRE_OK)
        status = need_word(object, place, "dtype", dtype_words,
                           sizeof dtype_words / sizeof *dtype_words, &dtype);
    if (status == AIRE_OK)
        status = need_shape(object, place, &rank, dims);
    if (status != AIRE_OK)
        return status;
    return aire_input(tape, name, dtype, rank, dims, place) ? AIRE_OK : aire_tape_status(tape);
}

static aire_status read_operands(aire_tape *tape, const aire_op *op, const json_t *object,
                                 const char *place, aire_tensor *inputs[AIRE_INPUTS_MAX])
{
    const json_t *array = json_object_get(object, "inputs");
    if (!json_is_array(array) || json_array_size(array) != (size_t)op->inputs)
        return aire__fail(AIRE_FORMAT, "%s: \"inputs\": expected an array of %d", place,
                          op->inputs);
    for (int32_t i = 0; i < op->inputs; i++) {
        const json_t *item = json_array_get(array, (size_t)i);
        if (json_is_null(item)) /* recording knows whether it may be absent */
            continue;
        aire_status status = need_node(tape, item, place, "inputs", &inputs[i]);
        if (status != AIRE_OK)
            return status;
    }
    return AIRE_OK;
}

static aire_status read_attributes(const aire_op *op, const json_t *object, const char *place,
                                   aire_attributes *attributes)
{
    const char *keys[KEYS_MAX] = {"op", "inputs", "shape"};
    size_t count = 3;
    for (int i = 0; i < 4 && op->ints[i]; i++)
        keys[count++] = op->ints[i];
    for (int i = 0; i < 2 && op->reals[i]; i++)
        keys[count++] = op->reals[i];
    aire_status status = check_keys(object, place, keys);
    for (int i = 0; i < 4 && status == AIRE_OK && op->ints[i]; i++)
        status = need_int(object, place, op->ints[i], &attributes->ints[i]);
    for (int i = 0; i < 2 && status == AIRE_OK && op->reals[i]; i++)
        status = need_number(object, place, op->reals[i], &attributes->reals[i]);
    return status;
}

static aire_status read_op(aire_tape *tape, const json_t *object, const char *place)
{
    const char *name = NULL;
    aire_tensor *inputs[AIRE_INPUTS_MAX] = {NULL};
    aire_attributes attributes = {0};
    int32_t rank = 0;
    int64_t dims[AIRE_RANK_MAX] = {0};
    aire_status status = need_string(object, place, "op", &name);
    if (status != AIRE_OK)
        return status;
    const aire_op *op = aire__op_find(name);
    if (!op)
        return aire__fail(AIRE_FORMAT, "%s: unknown operator \"%.64s\"", place, name);
    status = read_attributes(op, object, place, &attributes);
    if (status == AIRE_OK)
        status = read_operands(tape, op, object, place, inputs);
    if (status == AIRE_OK)
        status = need_shape(object, place, &rank, dims);
    if (status != AIRE_OK)
        return status;
    if (op->shape) {
        attributes.rank = rank;
        memcpy(attributes.dims, dims, (size_t)rank * sizeof *dims);
    }
    const aire_tensor *node = aire__tape_record(tape, op, inputs, &attributes, place);
    if (!node)
        return aire_tape_status(tape);
    char text[AIRE_SHAPE_TEXT];
    if (node->rank != rank || memcmp(node->dims, dims, (size_t)rank * sizeof *dims) != 0)
        return aire__fail(AIRE_FORMAT, "%s: \"shape\": the operator gives %s", place,
                          aire__shape_text(node->rank, node->dims, text));
    return AIRE_OK;
}

static aire_status read_node(aire_tape *tape, const json_t *object, size_t index)
{
    char place[48];
    snprintf(place, sizeof place, "tape: nodes[%zu]", index);
    /* An operator that needs a copy of an input would move the indices; a saved tape has it. */
    if (tape->node_count != index)
        return aire__fail(AIRE_FORMAT, "tape: nodes[%zu]: an operator was given one input twice",
                          index - 1);
    if (!json_is_object(object))
        return aire__fail(AIRE_FORMAT, "%s: expected an object", place);
    if (json_object_get(object, "param"))
        return read_param(tape, object, place);
    if (json_object_get(object, "input"))
        return read_input(tape, object, place);
    return read_op(tape, object, place);
}

static aire_status read_output(aire_tape *tape, const json_t *object, size_t index)
{
    static const char *const keys[] = {"name", "node", NULL};
    char place[48];
    const char *name = NULL;
    aire_tensor *tensor = NULL;
    snprintf(place, sizeof place, "tape: outputs[%zu]", index);
    aire_status status = check_keys(object, place, keys);
    if (status == AIRE_OK)
        status = need_string(object, place, "name", &name);
    if (status == AIRE_OK)
        status = need_node(tape, json_object_get(object, "node"), place, "node", &tensor);
    if (status != AIRE_OK)
        return status;
    return aire_output(tape, name, tensor, place) ? AIRE_OK : aire_tape_status(tape);
}

static aire_status check_header(const json_t *root)
{
    static const char *const keys[] = {"format", "version", "nodes", "outputs", "loss", NULL};
    const char *format = NULL;
    int64_t version = 0;
    if (!json_is_object(root))
        return aire__fail(AIRE_FORMAT, "tape: expected an object");
    aire_status status = need_string(root, "tape", "format", &format);
    if (status == AIRE_OK && strcmp(format, FORMAT) != 0)
        return misfit("tape", "format", "\"" FORMAT "\"");
    if (status == AIRE_OK)
        status = need_int(root, "tape", "version", &version);
    if (status != AIRE_OK)
        return status;
    if (version > VERSION)
        return aire__fail(AIRE_UNSUPPORTED, "tape: version %lld is newer than %d, which is known",
                          (long long)version, VERSION);
    if (version != VERSION)
        return misfit("tape", "version", "1");
    return check_keys(root, "tape", keys);
}

static aire_status read_graph(aire_tape *tape, const json_t *root)
{
    const json_t *nodes = json_object_get(root, "nodes");
    const json_t *outputs = json_object_get(root, "outputs");
    const json_t *loss_index = json_object_get(root, "loss");
    aire_tensor *loss = NULL;
    aire_status status = AIRE_OK;

    if (!json_is_array(nodes))
        return misfit("tape", "nodes", "an array");
    if (!json_is_array(outputs))
        return misfit("tape", "outputs", "an array");
    for (size_t i = 0; i < json_array_size(nodes) && status == AIRE_OK; i++)
        status = read_node(tape, json_array_get(nodes, i), i);
    for (size_t i = 0; i < json_array_size(outputs) && status == AIRE_OK; i++)
        status = read_output(tape, json_array_get(outputs, i), i);
    if (status == AIRE_OK && !json_is_null(loss_index))
        status = need_node(tape, loss_index, "tape", "loss", &loss);
    return status == AIRE_OK ? aire_tape_finish(tape, loss) : status;
}

aire_status aire__tape_from_json(aire_ctx *ctx, const aire_kernels *kernels, const char *text,
                                 size_t length, const aire_tape_options *options, aire_tape **out)
{
    json_t *root = NULL;
    aire_tape *tape = NULL;

    if (out)
        *out = NULL;
    if (!ctx || !text || !out)
        return aire__fail(AIRE_INVALID, "aire_tape_from_json: an argument is NULL");
    if (length > TEXT_MAX)
        return aire__fail(AIRE_LIMIT, "tape: %zu bytes, allowed are %zu", length, TEXT_MAX);
    aire_status status = aire__tape_new(ctx, kernels, options, &tape);
    if (status == AIRE_OK)
        status = aire__json_load(text, length, "tape", &root);
    if (status == AIRE_OK)
        status = check_header(root);
    if (status == AIRE_OK)
        status = read_graph(tape, root);
    json_decref(root);
    if (status == AIRE_OK) {
        *out = tape;
        return AIRE_OK;
    }
    if (status == AIRE_INVALID) /* what a program does wrong is wrong in a file, too */
        status = aire__fail(AIRE_FORMAT, "%s", aire_error_message(aire_last_error()));
    aire_tape_unref(tape);
    return status;
}

aire_status aire_tape_from_json(aire_ctx *ctx, const char *text, size_t length,
                                const aire_tape_options *options, aire_tape **out)
{
    return aire__tape_from_json(ctx, aire__kernels_cpu(), text, length, options, out);
}

aire_status aire_tape_load(aire_ctx *ctx, const char *path, const aire_tape_options *options,
                           aire_tape **out)
{
    char *text = NULL;
    size_t length = 0;

    if (out)
        *out = NULL;
    if (!ctx || !path || !out)
        return aire__fail(AIRE_INVALID, "aire_tape_load: an argument is NULL");
    aire_status status = aire__fs_read(ctx, path, TEXT_MAX, &text, &length);
    if (status == AIRE_OK)
        status = aire_tape_from_json(ctx, text, length, options, out);
    if (status == AIRE_FORMAT)
        status = aire__fail_prefix(status, "'%s'", path);
    aire_free(ctx, text);
    return status;
}
