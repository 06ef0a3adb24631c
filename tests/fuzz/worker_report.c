/* The report of the worker, as the library takes it. */
#include "aire/error.h"
#include "fuzz/fuzz.h"
#include "sandbox/engine.h"

static void read_report_text(const uint8_t *data, size_t size, bool starved)
{
    aire_exit report = {.struct_size = sizeof report};
    uint32_t supports = 0;
    aire_status status = aire__report_parse((const char *)data, size, &report, &supports);
    FUZZ_NEED(status == AIRE_OK || *aire_error_message(aire_last_error()));
    FUZZ_NEED(status == AIRE_OK || status == AIRE_SANDBOX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_begins();
    fuzz_twice(data, size, read_report_text);
    return 0;
}
