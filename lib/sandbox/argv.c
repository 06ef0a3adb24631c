/*
 * The command line of bubblewrap: what the command sees of the host.
 *
 * Each line of the result is here because the command needs it; what is not here is not there. The
 * first process inside is the worker's inner half.
 */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/fs.h"
#include "sandbox/engine.h"
#include "sandbox/spec.h"

/* Append words to the command line; ends in NULL. */
static void push(aire_buf *spec, const char *word, ...)
{
    va_list args;
    va_start(args, word);
    for (; word; word = va_arg(args, const char *))
        aire__spec_text(spec, "argv", word);
    va_end(args);
}

static void push_number(aire_buf *spec, int64_t number)
{
    aire__spec_number(spec, "argv", number);
}

/* A system directory as the host has it: many are links into /usr. */
static void push_system(aire_buf *spec, const char *path)
{
    char target[PATH_MAX];
    struct stat info;
    if (lstat(path, &info) != 0)
        return;
    if (!S_ISLNK(info.st_mode)) {
        push(spec, "--ro-bind", path, path, NULL);
        return;
    }
    ssize_t length = readlink(path, target, sizeof target - 1);
    if (length <= 0)
        return;
    target[length] = '\0';
    push(spec, "--symlink", target, path, NULL);
}

static void push_system_places(aire_buf *spec, bool network)
{
    static const char *const directories[] = {"/usr",   "/bin",   "/sbin",  "/lib",
                                              "/lib32", "/lib64", "/libx32"};
    /* Of /etc only what programs need to start: no host name, no accounts, no keys. */
    static const char *const etc[] = {"/etc/ld.so.cache", "/etc/alternatives"};
    static const char *const net[] = {"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf",
                                      "/etc/ssl", "/etc/ca-certificates"};
    for (size_t i = 0; i < sizeof directories / sizeof *directories; i++)
        push_system(spec, directories[i]);
    for (size_t i = 0; i < sizeof etc / sizeof *etc; i++)
        push(spec, "--ro-bind-try", etc[i], etc[i], NULL);
    for (size_t i = 0; network && i < sizeof net / sizeof *net; i++)
        push(spec, "--ro-bind-try", net[i], net[i], NULL);
}

static void push_isolation(aire_buf *spec, bool network)
{
    push(spec, "--unshare-user", "--unshare-all", "--die-with-parent", "--new-session",
         "--as-pid-1", "--clearenv", "--uid", "1000", "--gid", "1000", "--hostname", "sandbox",
         "--cap-drop", "ALL", NULL);
    if (network)
        push(spec, "--share-net", NULL);
    push(spec, "--seccomp", NULL);
    push_number(spec, AIRE_WORKER_SECCOMP);
}

/* Private places; what is written to /tmp and /dev/shm is memory, so it is limited as such. */
static void push_private_places(aire_buf *spec, const aire_limits *limits)
{
    int64_t size = limits->memory_bytes / 2 < limits->disk_bytes ? limits->memory_bytes / 2
                                                                 : limits->disk_bytes;
    push(spec, "--proc", "/proc", "--dev", "/dev", "--size", NULL);
    push_number(spec, size);
    push(spec, "--tmpfs", "/dev/shm", "--size", NULL);
    push_number(spec, size);
    push(spec, "--tmpfs", "/tmp", "--file", NULL);
    push_number(spec, AIRE_WORKER_PASSWD);
    push(spec, "/etc/passwd", "--file", NULL);
    push_number(spec, AIRE_WORKER_GROUP);
    push(spec, "/etc/group", NULL);
}

static aire_status push_mounts(aire_buf *spec, const aire_command *command)
{
    for (size_t i = 0; i < command->mount_count; i++) {
        const aire_mount *mount = &command->mounts[i];
        bool exists = aire__fs_exists(mount->source);
        if (!exists && (mount->flags & AIRE_MOUNT_OPTIONAL))
            continue;
        if (!exists)
            return aire__fail(AIRE_NOT_FOUND, "mount %zu: there is no '%s'", i, mount->source);
        push(spec,
             mount->flags & AIRE_MOUNT_DEVICE     ? "--dev-bind"
             : mount->flags & AIRE_MOUNT_WRITABLE ? "--bind"
                                                  : "--ro-bind",
             mount->source, mount->target, NULL);
    }
    return AIRE_OK;
}

/* The devices of its GPUs; without any, none of the driver's. */
static void push_gpus(aire_buf *spec, const aire_command *command)
{
    char node[32];
    for (size_t i = 0; command->gpu_count > 0 && aire__gpu_nodes[i]; i++)
        push(spec, "--dev-bind-try", aire__gpu_nodes[i], aire__gpu_nodes[i], NULL);
    for (size_t i = 0; i < command->gpu_count; i++) {
        snprintf(node, sizeof node, "/dev/nvidia%d", (int)command->gpus[i]);
        push(spec, "--dev-bind-try", node, node, NULL);
    }
}

static void push_environment(aire_buf *spec, const aire_command *command)
{
    for (size_t i = 0; command->env && command->env[i]; i++) {
        const char *equals = strchr(command->env[i], '=');
        push(spec, "--setenv", NULL);
        aire__spec_bytes(spec, "argv", command->env[i], (size_t)(equals - command->env[i]));
        push(spec, equals + 1, NULL);
    }
    if (command->report_path) {
        push(spec, "--setenv", "AIRE_REPORT_FD", NULL);
        push_number(spec, AIRE_WORKER_REPORT_FILE);
    }
}

/* Where the command may write: its mounts, and the private places. */
static void push_writable(aire_buf *spec, const aire_engine *engine, const aire_command *command)
{
    if (engine->kind == AIRE_SANDBOX_NONE)
        return;
    push(spec, "/tmp", "/dev", "/proc", NULL);
    for (size_t i = 0; i < command->mount_count; i++)
        if (command->mounts[i].flags & AIRE_MOUNT_WRITABLE)
            push(spec, command->mounts[i].target, NULL);
}

static void push_inner(aire_buf *spec, const aire_engine *engine, const char *worker,
                       const aire_command *command, const aire_limits *limits)
{
    push(spec, worker, AIRE_WORKER_INNER_FLAG, NULL);
    push_number(spec, limits->cpu_ms ? (limits->cpu_ms + 999) / 1000 : 0);
    push_number(spec, limits->file_bytes);
    push_number(spec, limits->open_files);
    push_number(spec, limits->processes);
    push_writable(spec, engine, command);
    push(spec, "--", NULL);
    for (size_t i = 0; command->argv[i]; i++)
        push(spec, command->argv[i], NULL);
}

static aire_status push_bwrap(aire_buf *spec, const aire_engine *engine,
                              const aire_command *command, const aire_limits *limits)
{
    bool network = command->flags & AIRE_COMMAND_NETWORK;
    push(spec, engine->bwrap, NULL);
    push_isolation(spec, network);
    push_system_places(spec, network);
    push_private_places(spec, limits);
    aire_status status = push_mounts(spec, command);
    if (status != AIRE_OK)
        return status;
    /* Last, so that no mount can stand in its place; then the root itself is closed. */
    push(spec, "--ro-bind", engine->worker, AIRE_WORKER_INSIDE, "--remount-ro", "/", "--chdir",
         command->cwd ? command->cwd : "/", NULL);
    push_gpus(spec, command);
    push_environment(spec, command);
    push(spec, "--", NULL);
    push_inner(spec, engine, AIRE_WORKER_INSIDE, command, limits);
    return AIRE_OK;
}

static aire_status push_bare(aire_buf *spec, const aire_engine *engine, const aire_command *command,
                             const aire_limits *limits)
{
    for (size_t i = 0; i < command->mount_count; i++)
        if (strcmp(command->mounts[i].source, command->mounts[i].target))
            return aire__fail(AIRE_UNSUPPORTED, "without isolation '%s' cannot be shown as '%s'",
                              command->mounts[i].source, command->mounts[i].target);
    push_inner(spec, engine, engine->worker, command, limits);
    return AIRE_OK;
}

aire_status aire__spec_argv(aire_buf *spec, const aire_engine *engine, const aire_command *command,
                            const aire_limits *limits)
{
    return engine->kind == AIRE_SANDBOX_NONE ? push_bare(spec, engine, command, limits)
                                             : push_bwrap(spec, engine, command, limits);
}
