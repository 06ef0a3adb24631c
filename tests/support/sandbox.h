/* Whether this machine can run the sandbox; otherwise the whole program is reported as skipped,
 * with the reason. */
#ifndef TESTS_SUPPORT_SANDBOX_H
#define TESTS_SUPPORT_SANDBOX_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "aire/error.h"
#include "aire/sandbox.h"

static inline bool have_sandbox(void)
{
    aire_sandbox_options options = AIRE_SANDBOX_OPTIONS_INIT;
    aire_sandbox *sandbox = NULL;
    aire_ctx *ctx = NULL;
    options.worker_path = getenv("AIRE_WORKER");
    if (aire_ctx_new(NULL, &ctx) != AIRE_OK)
        return false;
    aire_status status = aire_sandbox_new(ctx, &options, &sandbox);
    if (status == AIRE_UNSUPPORTED)
        printf("1..0 # SKIP %s\n", aire_error_message(aire_last_error()));
    aire_sandbox_unref(sandbox);
    aire_ctx_unref(ctx);
    return status != AIRE_UNSUPPORTED;
}

#endif
