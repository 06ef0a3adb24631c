/* Logs of programs: the lines that go back to a model. */
#include <string.h>

#include "base/str.h"
#include "executor/log_lines.h"
#include "fuzz/fuzz.h"

static void read_log(const uint8_t *data, size_t size, bool starved)
{
    const size_t max = size % 7 * 300;
    char *out = NULL;
    aire_status status = aire__log_lines(fuzz_ctx, (const char *)data, size, max, &out);
    FUZZ_NEED(status == AIRE_OK || (starved && status == AIRE_NOMEM));
    if (status == AIRE_OK) {
        FUZZ_NEED(strlen(out) <= max && aire__utf8_valid(out, strlen(out)));
        FUZZ_NEED(!*out || out[strlen(out) - 1] == '\n');
    }
    aire_free(fuzz_ctx, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_begins();
    fuzz_twice(data, size, read_log);
    return 0;
}
