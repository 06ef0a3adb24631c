/* Lines of cassettes and files of prices: what can be read is written as it was read. */
#include <string.h>

#include "aire/error.h"
#include "fuzz/fuzz.h"
#include "model/cassette.h"
#include "model/prices.h"

static bool may_fail(aire_status status, bool starved)
{
    FUZZ_NEED(status == AIRE_OK || *aire_error_message(aire_last_error()));
    return status == AIRE_FORMAT || (starved && status == AIRE_NOMEM);
}

static aire_status write_take(const aire_take *take, char **out)
{
    json_t *line = json_object();
    aire_status status = line ? AIRE_OK : AIRE_NOMEM;
    if (line && *take->hash)
        json_object_set_new(line, "hash", json_string(take->hash));
    if (status == AIRE_OK)
        status = aire__cassette_end(fuzz_ctx, line, take->answer ? AIRE_OK : take->status,
                                    take->answer, take->code, take->detail, out);
    json_decref(line);
    return status;
}

static void read_line(const char *text, size_t length, bool starved)
{
    aire_take take, again;
    char *first = NULL, *second = NULL;
    aire_status status = aire__cassette_read(fuzz_ctx, text, length, &take);
    if (status != AIRE_OK) {
        FUZZ_NEED(may_fail(status, starved));
        return;
    }
    status = write_take(&take, &first);
    if (status == AIRE_OK)
        status = aire__cassette_read(fuzz_ctx, first, strlen(first), &again);
    if (status == AIRE_OK) {
        status = write_take(&again, &second);
        aire__cassette_free_take(fuzz_ctx, &again);
    }
    FUZZ_NEED(status == AIRE_OK ? strcmp(first, second) == 0 : starved && status == AIRE_NOMEM);
    aire_free(fuzz_ctx, first);
    aire_free(fuzz_ctx, second);
    aire__cassette_free_take(fuzz_ctx, &take);
}

static void read_prices(const char *text, size_t length, bool starved)
{
    aire_prices *prices;
    aire_status status = aire__prices_parse(fuzz_ctx, text, length, "prices", &prices);
    if (status != AIRE_OK) {
        FUZZ_NEED(may_fail(status, starved));
        return;
    }
    const aire_price *price = aire__prices_find(prices, "anthropic", "h", "m-20250101");
    FUZZ_NEED(!price || aire__price_cost(price, &(aire_token_usage){9, 9, 3, 3}) >= 0);
    aire__prices_free(prices);
}

static void read_both(const uint8_t *data, size_t size, bool starved)
{
    read_line((const char *)data, size, starved);
    read_prices((const char *)data, size, starved);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_begins();
    fuzz_twice(data, size, read_both);
    return 0;
}
