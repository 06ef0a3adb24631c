/* Embeddings: texts as vectors. */
#include "model/embeddings.h"

#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "base/str.h"
#include "model/form.h"

enum { DIMENSION_MAX = 65536 };

aire_status aire__embeddings_url(aire_ctx *ctx, const char *base, char **out)
{
    return aire__form_url(ctx, base, "embeddings", out);
}

aire_status aire__embeddings_write(aire_ctx *ctx, const char *model, const char *const *texts,
                                   size_t count, char **out)
{
    aire_form f;
    aire__form_init(&f, ctx, "embeddings", NULL);
    aire__form_text(&f, f.root, "model", model);
    json_t *input = aire__form_array(&f, f.root, "input");
    for (size_t i = 0; i < count; i++)
        aire__form_append(&f, input, aire__json_text(ctx, texts[i]));
    aire__form_text(&f, f.root, "encoding_format", "float");
    return aire__form_dump(&f, out);
}

/* Vectors while they are read: which have come. */
typedef struct reader {
    aire_embeddings *to;
    const char *where;
    bool *seen;
} reader;

static aire_status missing(const reader *r, const char *what)
{
    return aire__fail(AIRE_PROTOCOL, "%s: the answer has no \"%s\"", r->where, what);
}

/* The first vector says how long all are. */
static aire_status set_dimension(reader *r, size_t dimension)
{
    aire_embeddings *to = r->to;
    if (dimension > DIMENSION_MAX)
        return aire__fail(AIRE_LIMIT, "%s: a vector has %zu numbers, at most %d are read", r->where,
                          dimension, (int)DIMENSION_MAX);
    if (dimension == 0 || (to->values && dimension != to->dimension))
        return aire__fail(AIRE_PROTOCOL, "%s: a vector has %zu numbers, the first one has %zu",
                          r->where, dimension, to->dimension);
    if (to->values)
        return AIRE_OK;
    to->dimension = dimension;
    to->values = aire__calloc(to->ctx, to->count, dimension * sizeof *to->values);
    return to->values ? AIRE_OK : aire__fail_nomem();
}

static aire_status read_vector(reader *r, const json_t *item)
{
    const json_t *numbers = json_object_get(item, "embedding"), *number;
    const json_t *index = json_object_get(item, "index");
    size_t i;
    if (!json_is_integer(index))
        return missing(r, "data[].index");
    if (!json_is_array(numbers))
        return missing(r, "data[].embedding");
    json_int_t at = json_integer_value(index);
    if (at < 0 || (uint64_t)at >= r->to->count || r->seen[at])
        return aire__fail(AIRE_PROTOCOL, "%s: index %lld, expected each of 0 to %zu once", r->where,
                          (long long)at, r->to->count - 1);
    aire_status status = set_dimension(r, json_array_size(numbers));
    if (status != AIRE_OK)
        return status;
    float *vector = r->to->values + (size_t)at * r->to->dimension;
    json_array_foreach(numbers, i, number)
    {
        vector[i] = (float)json_number_value(number);
        if (!json_is_number(number) || !isfinite(vector[i]))
            return aire__fail(AIRE_PROTOCOL, "%s: vector %lld: [%zu] is no finite number", r->where,
                              (long long)at, i);
    }
    r->seen[at] = true;
    return AIRE_OK;
}

static aire_status read_data(reader *r, const json_t *data)
{
    size_t i;
    const json_t *item;
    aire_status status = AIRE_OK;
    if (!json_is_array(data))
        return missing(r, "data");
    if (json_array_size(data) != r->to->count)
        return aire__fail(AIRE_PROTOCOL, "%s: the answer has %zu vectors, expected %zu", r->where,
                          json_array_size(data), r->to->count);
    json_array_foreach(data, i, item)
    {
        status = read_vector(r, item);
        if (status != AIRE_OK)
            return status;
    }
    return AIRE_OK;
}

aire_status aire__embeddings_read(aire_ctx *ctx, const char *where, const json_t *root,
                                  size_t count, aire_embeddings *out)
{
    aire_embeddings read = {.ctx = ctx, .count = count};
    reader r = {&read, where, aire__calloc(ctx, count, sizeof *r.seen)};
    if (!r.seen)
        return aire__fail_nomem();
    read.input_tokens = aire__reading_count(json_object_get(root, "usage"), "prompt_tokens");
    aire_status status = read_data(&r, json_object_get(root, "data"));
    aire_free(ctx, r.seen);
    if (status == AIRE_OK)
        *out = read;
    else
        aire__embeddings_free(&read);
    return status;
}

void aire__embeddings_free(aire_embeddings *embeddings)
{
    aire_free(embeddings->ctx, embeddings->values);
    *embeddings = (aire_embeddings){0};
}
