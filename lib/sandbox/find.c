/* Where the programs are: aire-worker beside the library, bwrap in the system's directories. */
#include <dlfcn.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/fs.h"
#include "base/str.h"
#include "sandbox/engine.h"

aire_limits aire__limits_filled(const aire_limits *given)
{
    const int64_t GIB = (int64_t)1 << 30;
    aire_limits limits = {.struct_size = sizeof limits};
    if (given)
        limits = *given;
    if (limits.wall_ms <= 0)
        limits.wall_ms = 600000;
    if (limits.processes <= 0)
        limits.processes = 512;
    if (limits.memory_bytes <= 0)
        limits.memory_bytes = 4 * GIB;
    if (limits.file_bytes <= 0)
        limits.file_bytes = 4 * GIB;
    if (limits.disk_bytes <= 0)
        limits.disk_bytes = 8 * GIB;
    if (limits.log_bytes <= 0)
        limits.log_bytes = 1 << 20;
    if (limits.open_files <= 0)
        limits.open_files = 1024;
    if (limits.output_bytes <= 0)
        limits.output_bytes = GIB;
    return limits;
}

/* ".../lib/libaire.so" -> ".../libexec/aire/NAME", so that an installed tree may be moved. */
static char *beside_library(aire_ctx *ctx, const char *name)
{
    Dl_info info;
    if (!dladdr((const void *)(uintptr_t)aire_sandbox_new, &info) || !info.dli_fname)
        return NULL;
    const char *slash = strrchr(info.dli_fname, '/');
    if (!slash)
        return NULL;
    return aire__asprintf(ctx, "%.*s/../libexec/aire/%s", (int)(slash - info.dli_fname),
                          info.dli_fname, name);
}

aire_status aire__program_find(aire_ctx *ctx, const char *given, const char *name,
                               const char *option, char **out)
{
    char *candidates[] = {given ? aire__strdup(ctx, given) : beside_library(ctx, name),
                          given ? NULL : aire__asprintf(ctx, "%s/%s", AIRE_LIBEXECDIR, name)};
    aire_status status = AIRE_UNSUPPORTED;
    for (size_t i = 0; i < 2; i++) {
        if (status == AIRE_UNSUPPORTED && candidates[i] && access(candidates[i], X_OK) == 0)
            status = aire__fs_real_path(ctx, candidates[i], out);
        aire_free(ctx, candidates[i]);
    }
    if (status == AIRE_UNSUPPORTED)
        return aire__fail(AIRE_UNSUPPORTED,
                          "the program %s is not at '%s%s%s': install libaire, or name it by %s",
                          name, given ? given : AIRE_LIBEXECDIR, given ? "" : "/",
                          given ? "" : name, option);
    return status;
}

static aire_status find_bwrap(aire_engine *engine, const char *given)
{
    static const char *const places[] = {"/usr/bin/bwrap", "/bin/bwrap", "/usr/local/bin/bwrap"};
    for (size_t i = 0; !given && i < sizeof places / sizeof *places; i++)
        if (access(places[i], X_OK) == 0)
            given = places[i];
    if (!given || access(given, X_OK) != 0)
        return aire__fail(AIRE_UNSUPPORTED,
                          "bubblewrap is not there (%s): on Debian, apt-get install bubblewrap",
                          given ? given : "no bwrap in /usr/bin, /bin, /usr/local/bin");
    engine->bwrap = aire__strdup(engine->ctx, given);
    return engine->bwrap ? AIRE_OK : aire__fail_nomem();
}

aire_status aire__engine_find(aire_engine *engine, const aire_sandbox_options *options)
{
    aire_status status = aire__program_find(
        engine->ctx, options->worker_path, "aire-worker",
        "aire_sandbox_options.worker_path (aire-evolve: --worker)", &engine->worker);
    if (status == AIRE_OK && engine->kind == AIRE_SANDBOX_BWRAP)
        status = find_bwrap(engine, options->bwrap_path);
    if (status == AIRE_OK)
        aire__groups_find(&engine->groups, options->cgroup_path);
    return status;
}
