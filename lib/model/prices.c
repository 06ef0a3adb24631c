/* Prices: the data file, and arithmetic. */
#include "model/prices.h"

#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"

#define FILE_MAX ((size_t)16 << 20)
#define MILLION 1000000.0

typedef struct entry {
    char *provider, *host, *model; /* host is NULL if there is none */
    aire_price price;
} entry;

struct aire_prices {
    aire_ctx *ctx;
    entry *entries;
    size_t count, capacity;
};

static aire_status bad(const char *model, const char *key, const char *expected)
{
    return aire__fail(AIRE_FORMAT, "price of \"%s\": \"%s\": expected %s", model, key, expected);
}

/* A rate must be there unless it has a default (not negative). */
static aire_status read_rate(const json_t *object, const char *model, const char *key,
                             double fallback, double *out)
{
    double value = fallback;
    aire_status status = aire__json_get_number(object, model, key, &value);
    if (status != AIRE_OK)
        return status;
    if (!(value >= 0) || isinf(value))
        return bad(model, key, "dollars for a million tokens, 0 or more");
    *out = value;
    return AIRE_OK;
}

static aire_status read_rates(const json_t *object, const char *model, aire_rates *rates)
{
    aire_status status = read_rate(object, model, "input", -1, &rates->input);
    if (status == AIRE_OK)
        status = read_rate(object, model, "cached", rates->input, &rates->cached);
    if (status == AIRE_OK)
        status = read_rate(object, model, "output", -1, &rates->output);
    if (status == AIRE_OK)
        status = read_rate(object, model, "thinking", rates->output, &rates->thinking);
    return status;
}

static aire_status read_long(const json_t *object, const char *model, aire_price *price)
{
    const json_t *value = json_object_get(object, "long");
    if (!value)
        return AIRE_OK;
    if (!json_is_object(value))
        return bad(model, "long", "an object");
    aire_status status = aire__json_get_int(value, model, "above", &price->long_above);
    if (status != AIRE_OK)
        return status;
    if (price->long_above <= 0)
        return bad(model, "above", "a number of input tokens, 1 or more");
    return read_rates(value, model, &price->long_rates);
}

static aire_status read_text(const json_t *object, const char *model, const char *key,
                             const char **out)
{
    *out = NULL;
    aire_status status = aire__json_get_string(object, model, key, out);
    if (status == AIRE_OK && (!*out || !**out))
        status = bad(model, key, "text that is not empty");
    return status;
}

/* "2026-11-28" */
static bool is_date(const char *text)
{
    static const char form[] = "dddd-dd-dd";
    size_t i = 0;
    for (; form[i]; i++)
        if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
            return false;
    return text[i] == '\0';
}

static void free_entry(aire_ctx *ctx, entry *e)
{
    aire_free(ctx, e->provider);
    aire_free(ctx, e->host);
    aire_free(ctx, e->model);
}

static aire_status read_entry(aire_ctx *ctx, const json_t *object, entry *e)
{
    const char *provider, *model = "?", *date, *source, *host = NULL;
    if (!json_is_object(object))
        return aire__fail(AIRE_FORMAT, "\"prices\": expected objects");
    aire_status status = read_text(object, model, "model", &model);
    if (status == AIRE_OK)
        status = read_text(object, model, "provider", &provider);
    if (status == AIRE_OK)
        status = aire__json_get_string(object, model, "host", &host);
    if (status == AIRE_OK)
        status = read_rates(object, model, &e->price.rates);
    if (status == AIRE_OK)
        status = read_long(object, model, &e->price);
    if (status == AIRE_OK)
        status = read_text(object, model, "date", &date);
    if (status == AIRE_OK && !is_date(date))
        status = bad(model, "date", "when it was read, such as 2026-11-28");
    if (status == AIRE_OK)
        status = read_text(object, model, "source", &source);
    if (status != AIRE_OK)
        return status;
    e->provider = aire__strdup(ctx, provider);
    e->model = aire__strdup(ctx, model);
    e->host = host ? aire__strdup(ctx, host) : NULL;
    return e->provider && e->model && (e->host || !host) ? AIRE_OK : aire__fail_nomem();
}

static aire_status check_twins(const aire_prices *prices)
{
    const entry *last = &prices->entries[prices->count - 1];
    for (const entry *e = prices->entries; e < last; e++)
        if (strcmp(e->provider, last->provider) == 0 && strcmp(e->model, last->model) == 0)
            return aire__fail(AIRE_FORMAT, "price of \"%s\": it is there twice", e->model);
    return AIRE_OK;
}

static aire_status read_all(aire_prices *prices, const json_t *root)
{
    const char *currency = NULL;
    int64_t unit = 0;
    const json_t *list = json_object_get(root, "prices"), *object;
    size_t i;
    if (!json_is_object(root) || !json_is_array(list))
        return aire__fail(AIRE_FORMAT, "expected an object with an array \"prices\"");
    aire_status status = aire__json_get_string(root, "prices", "currency", &currency);
    if (status == AIRE_OK)
        status = aire__json_get_int(root, "prices", "unit", &unit);
    if (status == AIRE_OK && (!currency || strcmp(currency, "USD") != 0 || unit != 1000000))
        status = aire__fail(AIRE_FORMAT, "expected \"currency\": \"USD\" and \"unit\": 1000000");
    json_array_foreach(list, i, object)
    {
        if (status != AIRE_OK)
            break;
        if (!aire__grow(prices->ctx, &prices->entries, &prices->capacity, prices->count + 1,
                        sizeof *prices->entries))
            return aire__fail_nomem();
        entry *e = &prices->entries[prices->count++];
        *e = (entry){0};
        status = read_entry(prices->ctx, object, e);
        if (status == AIRE_OK)
            status = check_twins(prices);
    }
    return status;
}

aire_status aire__prices_parse(aire_ctx *ctx, const char *text, size_t length, const char *what,
                               aire_prices **out)
{
    json_t *root = NULL;
    aire_status status = aire__json_load(text, length, what, &root);
    if (status != AIRE_OK)
        return status;
    aire_prices *prices = aire__calloc(ctx, 1, sizeof *prices);
    if (!prices) {
        json_decref(root);
        return aire__fail_nomem();
    }
    prices->ctx = aire_ctx_ref(ctx);
    status = read_all(prices, root);
    json_decref(root);
    if (status == AIRE_FORMAT)
        aire__fail_prefix(status, "%s", what);
    if (status != AIRE_OK) {
        aire__prices_free(prices);
        return status;
    }
    *out = prices;
    return AIRE_OK;
}

aire_status aire__prices_load(aire_ctx *ctx, const char *path, aire_prices **out)
{
    char *text;
    size_t length;
    if (!path)
        path = AIRE_DATADIR "/prices.json";
    aire_status status = aire__fs_read(ctx, path, FILE_MAX, &text, &length);
    if (status != AIRE_OK)
        return status;
    status = aire__prices_parse(ctx, text, length, path, out);
    aire_free(ctx, text);
    return status;
}

void aire__prices_free(aire_prices *prices)
{
    if (!prices)
        return;
    aire_ctx *ctx = prices->ctx;
    for (size_t i = 0; i < prices->count; i++)
        free_entry(ctx, &prices->entries[i]);
    aire_free(ctx, prices->entries);
    aire_free(ctx, prices);
    aire_ctx_unref(ctx);
}

/* What may follow a model's name: nothing, or a version. */
static bool is_version(const char *rest)
{
    if (!*rest)
        return true;
    if (*rest != '-' && *rest != '@')
        return false;
    rest++;
    return strcmp(rest, "latest") == 0 || is_date(rest) ||
           (strlen(rest) == 8 && strspn(rest, "0123456789") == 8);
}

/* How long a part of the name the pattern explains, plus 1; 0 if it does not fit. */
static size_t fit(const char *pattern, const char *model)
{
    size_t length = strlen(pattern);
    if (pattern[length - 1] == '*')
        return strncmp(pattern, model, length - 1) == 0 ? length : 0;
    return strncmp(pattern, model, length) == 0 && is_version(model + length) ? length + 1 : 0;
}

const aire_price *aire__prices_find(const aire_prices *prices, const char *provider,
                                    const char *host, const char *model)
{
    const aire_price *found = NULL;
    size_t longest = 0;
    for (size_t i = 0; i < prices->count; i++) {
        const entry *e = &prices->entries[i];
        if (strcmp(e->provider, provider) != 0 && !(host && e->host && !strcmp(e->host, host)))
            continue;
        size_t length = fit(e->model, model);
        if (length > longest) {
            longest = length;
            found = &e->price;
        }
    }
    return found;
}

static double part_of(int64_t part, int64_t whole)
{
    return (double)(part < 0 ? 0 : part > whole ? whole : part);
}

double aire__price_cost(const aire_price *price, const aire_token_usage *usage)
{
    if (!price || usage->input < 0 || usage->output < 0 || (!usage->input && !usage->output))
        return -1;
    const aire_rates *rates =
        price->long_above && usage->input > price->long_above ? &price->long_rates : &price->rates;
    double cached = part_of(usage->cached, usage->input);
    double thinking = part_of(usage->thinking, usage->output);
    return (((double)usage->input - cached) * rates->input + cached * rates->cached +
            ((double)usage->output - thinking) * rates->output + thinking * rates->thinking) /
           MILLION;
}
