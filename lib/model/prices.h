/*
 * Prices: what tokens cost, from a data file that says of each price when and where it was read.
 *
 * The file is one object: {"currency": "USD", "unit": 1000000, "prices": [...]}, and each price
 *
 *   {"provider": "anthropic", "model": "claude-opus-5", "input": 5, "cached": 0.5, "output": 25,
 *    "date": "2026-10-24", "source": "https://..."}
 *
 * in dollars for so many tokens. Optional: "host" (a chat endpoint that is this provider's),
 * "thinking" (else thinking costs what output does), "long": {"above", "input", "cached", "output"}
 * (for requests of more input tokens than that), "note".
 *
 * A model's name fits if it is the pattern, or the pattern and a version: "-" or "@", and 20250929,
 * 2025-08-07 or "latest". A pattern that ends in "*" fits whatever begins so. The longest pattern
 * decides. So a price is never taken for a newer model whose name merely begins like an older
 * one's: what is not known is not guessed. Writing to a provider's cache is not modelled.
 */
#ifndef AIRE_MODEL_PRICES_H
#define AIRE_MODEL_PRICES_H

#include "aire/context.h"

/* Of one million tokens, in dollars. */
typedef struct aire_rates {
    double input, cached, output, thinking;
} aire_rates;

typedef struct aire_price {
    aire_rates rates;
    int64_t long_above; /* input tokens beyond which long_rates hold; 0: always `rates` */
    aire_rates long_rates;
} aire_price;

/* What a call used; as in aire_answer_options: cached is part of input, thinking of output. */
typedef struct aire_token_usage {
    int64_t input, output, cached, thinking;
} aire_token_usage;

typedef struct aire_prices aire_prices;

/* Read a file of prices; NULL is the installed one. *out is owned by caller, free with
 * aire__prices_free. AIRE_OK, AIRE_NOT_FOUND, AIRE_FORMAT (says which price and what is wrong with
 * it), AIRE_LIMIT, AIRE_IO, AIRE_NOMEM. */
aire_status aire__prices_load(aire_ctx *ctx, const char *path, aire_prices **out);
aire_status aire__prices_parse(aire_ctx *ctx, const char *text, size_t length, const char *what,
                               aire_prices **out);
void aire__prices_free(aire_prices *prices);

/* The price of a model; `provider` as in spellings, `host` of its endpoint (nullable). NULL if it
 * is not known. Borrowed from the prices. */
const aire_price *aire__prices_find(const aire_prices *prices, const char *provider,
                                    const char *host, const char *model);

/* Dollars; negative if unknown: there is no price, or the usage is not known (no tokens at all). */
double aire__price_cost(const aire_price *price, const aire_token_usage *usage);

#endif
