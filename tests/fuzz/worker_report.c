/* The report of the worker, as its reader in lib/sandbox/run.c takes it. */
#include "sandbox/run.c" /* the reader is that file's own */

#include "fuzz/fuzz.h"

static void read_report_text(const uint8_t *data, size_t size, bool starved)
{
    aire_exit report = {.struct_size = sizeof report};
    uint32_t supports = 0;
    aire_status status = parse_report((const char *)data, size, &report, &supports);
    FUZZ_NEED(status == AIRE_OK || *aire_error_message(aire_last_error()));
    FUZZ_NEED(status == AIRE_OK || status == AIRE_FORMAT || status == AIRE_SANDBOX ||
              (starved && status == AIRE_NOMEM));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_begins();
    fuzz_twice(data, size, read_report_text);
    return 0;
}
