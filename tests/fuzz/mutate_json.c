/* Changes to JSON texts that leave them JSON, so that they get past the parser. */
#include <jansson.h>
#include <string.h>

#include "fuzz/mutate.h"

/* The first JSON text that begins with a bracket; *start and *end are where it stands. */
static json_t *first_json(const fuzz_input *input, size_t *start, size_t *end)
{
    json_error_t error;
    for (size_t at = 0; at < input->size; at++) {
        if (input->data[at] != '{' && input->data[at] != '[')
            continue;
        json_t *value = json_loadb((const char *)input->data + at, input->size - at,
                                   JSON_DISABLE_EOF_CHECK, &error);
        *start = at;
        *end = at + (size_t)error.position;
        return value; /* or NULL: what is broken here is broken further on */
    }
    return NULL;
}

static size_t count_values(const json_t *value)
{
    size_t count = 1;
    const char *key;
    json_t *member;
    for (size_t i = 0; i < json_array_size(value); i++)
        count += count_values(json_array_get(value, i));
    json_object_foreach((json_t *)(uintptr_t)value, key, member) count += count_values(member);
    return count;
}

/* A place in a tree: a value and what it is in. */
typedef struct place {
    json_t *value, *parent; /* borrowed; the root has no parent */
    const char *key;
    size_t index;
} place;

/* The place of a number in order of depth; counts down, true once it is found. */
static bool find_place(place at, size_t *number, place *out)
{
    const char *key;
    json_t *member;
    if ((*number)-- == 0) {
        *out = at;
        return true;
    }
    for (size_t i = 0; i < json_array_size(at.value); i++)
        if (find_place((place){json_array_get(at.value, i), at.value, NULL, i}, number, out))
            return true;
    json_object_foreach(at.value, key, member)
    {
        if (find_place((place){member, at.value, key, 0}, number, out))
            return true;
    }
    return false;
}

static place some_place(aire_rng *rng, json_t *root)
{
    place found = {root, NULL, NULL, 0};
    size_t number = (size_t)aire__rng_below(rng, count_values(root));
    find_place((place){root, NULL, NULL, 0}, &number, &found);
    return found;
}

static json_t *nested(aire_rng *rng)
{
    json_t *value = json_array();
    for (uint64_t depth = aire__rng_below(rng, 200); depth > 0; depth--)
        value = json_pack("[o]", value);
    return value;
}

static json_t *long_text(aire_rng *rng)
{
    static const char *const parts[] = {"x", "../", "a/", "\n", "\xc3\xa9", "${X}", "{}", "*", " "};
    const char *part = parts[aire__rng_below(rng, sizeof parts / sizeof *parts)];
    char text[4096];
    size_t length = 0, wanted = 1 + (size_t)aire__rng_below(rng, sizeof text - 8);
    while (length < wanted)
        length += (size_t)snprintf(text + length, sizeof text - length, "%s", part);
    return json_stringn(text, length);
}

static json_t *new_value(aire_rng *rng)
{
    static const json_int_t integers[] = {
        0, 1, -1, 2, 100, INT32_MAX, 1LL + INT32_MAX, INT64_MAX, INT64_MIN, 1 << 20};
    static const double reals[] = {0.0, -0.0, 0.5, 1e-320, 1e308, -1e308, 9007199254740993.0};
    static const char *const texts[] = {"",           ".",         "..",   "/",       "a",
                                        "/workspace", "aire.json", "*",    "model.c", "{}",
                                        "${NONE}",    "0",         "../x", "loss"};
#define ONE_OF(rows) rows[aire__rng_below(rng, sizeof rows / sizeof *rows)]
    switch (aire__rng_below(rng, 10)) {
    case 0:
        return json_null();
    case 1:
        return json_boolean((int)aire__rng_below(rng, 2));
    case 2:
        return json_array();
    case 3:
        return json_object();
    case 4:
        return nested(rng);
    case 5:
        return long_text(rng);
    case 6:
        return json_real(ONE_OF(reals));
    case 7:
        return json_integer(ONE_OF(integers));
    default:
        return json_string(ONE_OF(texts));
    }
#undef ONE_OF
}

/* Put `value` (taken over) where a place is, or beside it in an array. */
static void put(aire_rng *rng, place at, json_t *value)
{
    if (json_is_object(at.parent))
        json_object_set_new(at.parent, at.key, value);
    else if (json_is_array(at.parent) && aire__rng_below(rng, 2))
        json_array_insert_new(at.parent, at.index, value);
    else if (json_is_array(at.parent))
        json_array_set_new(at.parent, at.index, value);
    else
        json_decref(value);
}

static void take_out(place at)
{
    if (json_is_object(at.parent))
        json_object_del(at.parent, at.key);
    else if (json_is_array(at.parent))
        json_array_remove(at.parent, at.index);
}

static void fill_array(aire_rng *rng, place at)
{
    json_t *array = json_is_array(at.value) ? at.value : at.parent;
    size_t size = json_array_size(array);
    for (uint64_t i = size ? aire__rng_below(rng, 300) : 0; i > 0; i--)
        json_array_append(array, json_array_get(array, (size_t)aire__rng_below(rng, size)));
}

static void change(aire_rng *rng, json_t *root, json_t *foreign)
{
    place at = some_place(rng, root);
    switch (aire__rng_below(rng, 8)) {
    case 0:
        take_out(at);
        break;
    case 1:
        put(rng, at, json_deep_copy(some_place(rng, root).value));
        break;
    case 2:
    case 3:
        put(rng, at, foreign ? json_deep_copy(some_place(rng, foreign).value) : new_value(rng));
        break;
    case 4:
        if (aire__rng_below(rng, 4) == 0)
            fill_array(rng, at);
        else if (json_is_object(at.value))
            json_object_set_new(at.value, aire__rng_below(rng, 2) ? "" : "name", new_value(rng));
        break;
    default:
        put(rng, at, new_value(rng));
    }
}

bool fuzz_mutate_json(aire_rng *rng, fuzz_input *input, const fuzz_input *other)
{
    size_t start, end, ignored;
    json_t *root = first_json(input, &start, &end);
    if (!root)
        return false;
    json_t *foreign = first_json(other, &ignored, &ignored);
    change(rng, root, foreign);
    char text[FUZZ_MAX];
    size_t size = json_dumpb(root, text, sizeof text, JSON_COMPACT);
    size_t tail = input->size - end;
    bool fits = size > 0 && size <= sizeof text && start + size + tail <= FUZZ_MAX;
    if (fits) {
        memmove(input->data + start + size, input->data + end, tail);
        memcpy(input->data + start, text, size);
        input->size = start + size + tail;
    }
    json_decref(foreign);
    json_decref(root);
    return fits;
}
