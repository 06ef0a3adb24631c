/* Sandboxes as handles: the built-in one and the host's own behind one table. */
#include "aire/sandbox.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/options.h"
#include "base/ref.h"
#include "base/str.h"
#include "sandbox/engine.h"

struct aire_sandbox {
    aire_refcount refs;
    aire_ctx *ctx;
    aire_sandbox_ops ops;
    void *user_data;
    uint32_t supports; /* AIRE_SUPPORTS_* */
};

aire_status aire_sandbox_options_init(aire_sandbox_options *options, size_t size)
{
    return aire__options_init(options, size, sizeof *options, sizeof *options,
                              "aire_sandbox_options");
}

/* ---- handles ---- */

static aire_status sandbox_make(aire_ctx *ctx, const aire_sandbox_ops *ops, void *user_data,
                                aire_sandbox **out)
{
    aire_sandbox *sandbox = aire__calloc(ctx, 1, sizeof *sandbox);
    if (!sandbox)
        return aire__fail_nomem();
    aire__ref_init(&sandbox->refs);
    sandbox->ctx = aire_ctx_ref(ctx);
    sandbox->ops = *ops;
    sandbox->user_data = user_data;
    *out = sandbox;
    return AIRE_OK;
}

aire_status aire_sandbox_new_from_ops(aire_ctx *ctx, const aire_sandbox_ops *ops, void *user_data,
                                      aire_sandbox **out)
{
    aire_sandbox_ops given;
    if (!ctx || !ops || !out)
        return aire__fail(AIRE_INVALID,
                          "aire_sandbox_new_from_ops: ctx, ops and out must not be NULL");
    *out = NULL;
    aire_status status =
        aire__options_take(ops, &given, sizeof given, sizeof given, "aire_sandbox_ops");
    if (status != AIRE_OK)
        return status;
    if (!given.run)
        return aire__fail(AIRE_INVALID, "aire_sandbox_ops: run must be set");
    return sandbox_make(ctx, &given, user_data, out);
}

uint32_t aire_sandbox_supports(const aire_sandbox *sandbox)
{
    return sandbox ? sandbox->supports : 0;
}

aire_sandbox *aire_sandbox_ref(aire_sandbox *sandbox)
{
    if (sandbox)
        aire__ref_take(&sandbox->refs);
    return sandbox;
}

void aire_sandbox_unref(aire_sandbox *sandbox)
{
    if (!sandbox || !aire__ref_drop(&sandbox->refs))
        return;
    aire_ctx *ctx = sandbox->ctx;
    if (sandbox->ops.destroy)
        sandbox->ops.destroy(sandbox->user_data);
    aire_free(ctx, sandbox);
    aire_ctx_unref(ctx);
}

/* ---- commands ---- */

static bool is_absolute(const char *path)
{
    return path && path[0] == '/' && (path[1] == '\0' || aire__path_is_clean(path + 1));
}

static aire_status check_mounts(const aire_command *command)
{
    for (size_t i = 0; i < command->mount_count; i++) {
        const aire_mount *mount = &command->mounts[i];
        if (mount->struct_size != sizeof *mount)
            return aire__fail(AIRE_ABI, "mount %zu: struct_size is %u, expected %zu", i,
                              (unsigned)mount->struct_size, sizeof *mount);
        if (!is_absolute(mount->source) || !is_absolute(mount->target) || !mount->target[1])
            return aire__fail(
                AIRE_INVALID,
                "mount %zu: source and target must be absolute paths without '.' and '..'", i);
    }
    return AIRE_OK;
}

static aire_status check_command(const aire_command *command)
{
    if (!command->argv || !command->argv[0] || !command->argv[0][0])
        return aire__fail(AIRE_INVALID, "command: argv names no program");
    if (!command->mounts && command->mount_count > 0)
        return aire__fail(AIRE_INVALID, "command: mounts is NULL");
    if (!command->gpus && command->gpu_count > 0)
        return aire__fail(AIRE_INVALID, "command: gpus is NULL");
    if (command->stream_path && !is_absolute(command->stream_path))
        return aire__fail(AIRE_INVALID, "command: stream_path must be an absolute path");
    if (command->cwd && !is_absolute(command->cwd))
        return aire__fail(AIRE_INVALID, "command: cwd must be an absolute path");
    for (size_t i = 0; command->env && command->env[i]; i++)
        if (!strchr(command->env[i], '=') || command->env[i][0] == '=')
            return aire__fail(AIRE_INVALID, "command: the variable '%s' is not NAME=value",
                              command->env[i]);
    return check_mounts(command);
}

aire_status aire_sandbox_run(aire_sandbox *sandbox, const aire_command *command,
                             aire_cancel *cancel, aire_exit *exit)
{
    aire_command given;
    aire_exit ended = AIRE_EXIT_INIT;
    if (!sandbox || !command || !exit)
        return aire__fail(AIRE_INVALID,
                          "aire_sandbox_run: sandbox, command and exit must not be NULL");
    aire_status status =
        aire__options_take(command, &given, sizeof given, sizeof given, "aire_command");
    if (status == AIRE_OK)
        status = check_command(&given);
    if (status != AIRE_OK)
        return status;
    if (aire_cancel_fired(cancel))
        return aire__fail(AIRE_CANCELLED, "cancelled before it began");
    status = sandbox->ops.run(&given, cancel, &ended, sandbox->user_data);
    if (status != AIRE_OK)
        return status;
    return aire__options_give(&ended, exit, sizeof ended, sizeof ended, "aire_exit");
}

/* ---- the built-in one ---- */

static void engine_destroy(void *user_data)
{
    aire_engine *engine = user_data;
    aire_ctx *ctx = engine->ctx;
    aire__supervisors_free(&engine->supervisors);
    aire_free(ctx, engine->worker);
    aire_free(ctx, engine->bwrap);
    aire_free(ctx, engine->filter);
    aire_free(ctx, engine);
}

static aire_status engine_run(const aire_command *command, aire_cancel *cancel, aire_exit *exit,
                              void *user_data)
{
    return aire__engine_run(user_data, command, cancel, exit, NULL);
}

/* What usually stands in the way of namespaces, by the switches that the kernel shows. */
static const char *namespace_hint(void)
{
    static const struct {
        const char *path, *forbidden, *hint;
    } rows[] = {
        {"/proc/sys/kernel/unprivileged_userns_clone", "0",
         " (user namespaces are off: sysctl -w kernel.unprivileged_userns_clone=1)"},
        {"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1",
         " (AppArmor forbids user namespaces: sysctl -w "
         "kernel.apparmor_restrict_unprivileged_userns=0, or a profile)"},
        {"/proc/sys/user/max_user_namespaces", "0",
         " (user namespaces are off: sysctl -w user.max_user_namespaces=10000)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[16] = "";
        FILE *file = fopen(rows[i].path, "re");
        bool forbidden = file && fgets(text, sizeof text, file) &&
                         !strncmp(text, rows[i].forbidden, 1) && text[1] == '\n';
        if (file)
            fclose(file);
        if (forbidden)
            return rows[i].hint;
    }
    return "";
}

static aire_status probe(aire_engine *engine, uint32_t *supports)
{
    const char *argv[] = {"/bin/true", NULL};
    aire_command command = AIRE_COMMAND_INIT;
    aire_exit ended = AIRE_EXIT_INIT;
    command.argv = argv;
    aire_status status = aire__engine_run(engine, &command, NULL, &ended, supports);
    if (status == AIRE_SANDBOX) {
        aire__fail_prefix(AIRE_UNSUPPORTED, "this machine cannot run the sandbox%s",
                          namespace_hint());
        return AIRE_UNSUPPORTED;
    }
    if (status == AIRE_OK && ended.code != 0)
        return aire__fail(AIRE_UNSUPPORTED, "a trivial command in the sandbox ended with code %d",
                          ended.code);
    return status;
}

aire_status aire_sandbox_new(aire_ctx *ctx, const aire_sandbox_options *options, aire_sandbox **out)
{
    static const aire_sandbox_ops ops = {sizeof ops, 0, engine_run, engine_destroy};
    aire_sandbox_options given;
    if (!ctx || !out)
        return aire__fail(AIRE_INVALID, "aire_sandbox_new: ctx and out must not be NULL");
    *out = NULL;
    aire_status status =
        aire__options_take(options, &given, sizeof given, sizeof given, "aire_sandbox_options");
    if (status != AIRE_OK)
        return status;
    if (given.engine != AIRE_SANDBOX_BWRAP && given.engine != AIRE_SANDBOX_NONE)
        return aire__fail(AIRE_INVALID, "aire_sandbox_new: unknown engine %d", given.engine);
    aire_engine *engine = aire__calloc(ctx, 1, sizeof *engine);
    if (!engine)
        return aire__fail_nomem();
    uint32_t supports = 0;
    engine->ctx = ctx;
    engine->kind = given.engine;
    aire__supervisors_init(&engine->supervisors);
    status = aire__engine_find(engine, &given);
    if (status == AIRE_OK && engine->kind == AIRE_SANDBOX_BWRAP)
        status = aire__seccomp_program(ctx, &engine->filter, &engine->filter_length);
    if (status == AIRE_OK)
        status = probe(engine, &supports);
    if (status == AIRE_OK)
        status = sandbox_make(ctx, &ops, engine, out);
    if (status != AIRE_OK)
        engine_destroy(engine);
    else
        (*out)->supports =
            supports | (given.engine == AIRE_SANDBOX_BWRAP ? AIRE_SUPPORTS_NAMESPACES : 0);
    return status;
}
