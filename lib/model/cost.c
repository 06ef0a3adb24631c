/* What tokens cost, without a client. */
#include "aire/model.h"
#include "base/fail.h"
#include "model/prices.h"
#include "model/spelling.h"

static aire_status unknown(const char *spec)
{
    return aire__fail(AIRE_NOT_FOUND, "the price of the model '%.100s' is not known", spec);
}

aire_status aire_model_cost(aire_ctx *ctx, const char *spec, const char *prices_path,
                            int64_t input_tokens, int64_t output_tokens, double *dollars)
{
    char host[256];
    aire_spelling spelling;
    aire_prices *prices = NULL;
    const aire_price *price = NULL;
    if (!ctx || !spec || !dollars || input_tokens < 0 || output_tokens < 0)
        return aire__fail(AIRE_INVALID, "aire_model_cost: ctx, spec and dollars must not be NULL, "
                                        "and tokens not negative");
    aire_status status = aire__spelling_parse(ctx, spec, &spelling);
    if (status != AIRE_OK)
        return status;
    if (spelling.provider)
        status = aire__prices_load(ctx, prices_path, &prices);
    if (status == AIRE_OK && prices) {
        aire__url_host(spelling.base, host, sizeof host);
        price = aire__prices_find(prices, spelling.provider->name, host, spelling.model);
    }
    aire_token_usage usage = {.input = input_tokens, .output = output_tokens};
    if (status == AIRE_OK && !price)
        status = unknown(spelling.provider ? spelling.model : spec);
    else if (status == AIRE_OK)
        *dollars = input_tokens + output_tokens ? aire__price_cost(price, &usage) : 0;
    aire__prices_free(prices);
    aire__spelling_free(&spelling);
    return status;
}
