/*
 * Server-sent events: read at once and in pieces they are the same. The input's first byte is the
 * size of the pieces.
 */
#include <string.h>

#include "base/hash.h"
#include "fuzz/fuzz.h"
#include "net/sse.h"

enum { EVENT_MAX = 200 };

typedef struct heard {
    aire_sha256 hash;
    size_t events;
} heard;

static bool hear(const char *type, const char *data, size_t length, void *user_data)
{
    heard *h = user_data;
    FUZZ_NEED(*type && strlen(type) < 64);
    FUZZ_NEED(length <= EVENT_MAX && data[length] == '\0');
    aire__sha256_field(&h->hash, type, strlen(type));
    aire__sha256_field(&h->hash, data, length);
    h->events++;
    return strcmp(data, "[DONE]") != 0;
}

static aire_status read_pieces(const uint8_t *data, size_t size, size_t piece, char *hex)
{
    heard h = {.events = 0};
    aire_sse sse;
    aire_status status = AIRE_OK;
    aire__sha256_init(&h.hash);
    aire__sse_init(&sse, fuzz_ctx, EVENT_MAX, hear, &h);
    for (size_t at = 0; at < size && status == AIRE_OK; at += piece) {
        size_t length = size - at < piece ? size - at : piece;
        status = aire__sse_read(&sse, (const char *)data + at, length);
    }
    aire__sse_free(&sse);
    aire__sha256_hex(&h.hash, hex);
    return status;
}

static void read_twice(const uint8_t *data, size_t size, bool starved)
{
    char whole[AIRE_SHA256_HEX], pieces[AIRE_SHA256_HEX];
    size_t piece = 1 + data[0] % 32;
    aire_status first = read_pieces(data + 1, size - 1, size, whole);
    aire_status second = read_pieces(data + 1, size - 1, piece, pieces);
    if (starved)
        return;
    FUZZ_NEED(first == AIRE_OK || first == AIRE_DONE || first == AIRE_PROTOCOL);
    FUZZ_NEED(first == second);
    FUZZ_NEED(strcmp(whole, pieces) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_begins();
    if (size > 0)
        fuzz_twice(data, size, read_twice);
    return 0;
}
