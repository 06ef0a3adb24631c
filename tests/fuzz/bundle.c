/* Archives of runs, as they come from anywhere. */
#include "fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "aire/error.h"
#include "bundle/bundle.h"

static int file;
static char path[64];

static void read_bundle(const uint8_t *data, size_t size, bool starved)
{
    aire_bundle bundle;
    FUZZ_NEED(ftruncate(file, 0) == 0);
    FUZZ_NEED(pwrite(file, data, size, 0) == (ssize_t)size);
    aire_status status = aire__bundle_read(fuzz_ctx, path, &bundle);
    FUZZ_NEED(status == AIRE_OK || *aire_error_message(aire_last_error()));
    FUZZ_NEED(status == AIRE_OK || status == AIRE_FORMAT || status == AIRE_REFUSED ||
              status == AIRE_LIMIT || (starved && status == AIRE_NOMEM));
    for (size_t i = 0; status == AIRE_OK && i < bundle.count; i++)
        FUZZ_NEED(aire__bundle_find(&bundle, bundle.files[i].name) == &bundle.files[i]);
    aire__bundle_free(&bundle);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (fuzz_begins()) {
        file = memfd_create("bundle", MFD_CLOEXEC);
        snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    }
    fuzz_twice(data, size, read_bundle);
    return 0;
}
