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

/* Append words to an array; ends in NULL. The first failure stays: json_array_append_new gives -1
 * for NULL. */
static int push(json_t *argv, const char *word, ...)
{
    va_list args;
    int failed = 0;
    va_start(args, word);
    for (; word && !failed; word = va_arg(args, const char *))
        failed = json_array_append_new(argv, json_string(word));
    va_end(args);
    return failed;
}

static int push_number(json_t *argv, long long number)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", number);
    return push(argv, text, NULL);
}

/* A system directory as the host has it: many are links into /usr. */
static int push_system(json_t *argv, const char *path)
{
    char target[PATH_MAX];
    struct stat info;
    if (lstat(path, &info) != 0)
        return 0;
    if (!S_ISLNK(info.st_mode))
        return push(argv, "--ro-bind", path, path, NULL);
    ssize_t length = readlink(path, target, sizeof target - 1);
    if (length <= 0)
        return 0;
    target[length] = '\0';
    return push(argv, "--symlink", target, path, NULL);
}

static int push_system_places(json_t *argv, bool network)
{
    static const char *const directories[] = {"/usr",   "/bin",   "/sbin",  "/lib",
                                              "/lib32", "/lib64", "/libx32"};
    /* Of /etc only what programs need to start: no host name, no accounts, no keys. */
    static const char *const etc[] = {"/etc/ld.so.cache", "/etc/alternatives"};
    static const char *const net[] = {"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf",
                                      "/etc/ssl", "/etc/ca-certificates"};
    int failed = 0;
    for (size_t i = 0; i < sizeof directories / sizeof *directories; i++)
        failed |= push_system(argv, directories[i]);
    for (size_t i = 0; i < sizeof etc / sizeof *etc; i++)
        failed |= push(argv, "--ro-bind-try", etc[i], etc[i], NULL);
    for (size_t i = 0; network && i < sizeof net / sizeof *net; i++)
        failed |= push(argv, "--ro-bind-try", net[i], net[i], NULL);
    return failed;
}

static int push_isolation(json_t *argv, bool network)
{
    int failed = push(argv, "--unshare-user", "--unshare-all", "--die-with-parent", "--new-session",
                      "--as-pid-1", "--clearenv", "--uid", "1000", "--gid", "1000", "--hostname",
                      "sandbox", "--cap-drop", "ALL", NULL);
    if (network)
        failed |= push(argv, "--share-net", NULL);
    failed |= push(argv, "--seccomp", NULL);
    return failed | push_number(argv, AIRE_WORKER_SECCOMP);
}

/* Private places; what is written to /tmp and /dev/shm is memory, so it is limited as such. */
static int push_private_places(json_t *argv, const aire_limits *limits)
{
    int64_t size = limits->memory_bytes / 2 < limits->disk_bytes ? limits->memory_bytes / 2
                                                                 : limits->disk_bytes;
    int failed = push(argv, "--proc", "/proc", "--dev", "/dev", "--size", NULL);
    failed |= push_number(argv, size);
    failed |= push(argv, "--tmpfs", "/dev/shm", "--size", NULL);
    failed |= push_number(argv, size);
    failed |= push(argv, "--tmpfs", "/tmp", "--file", NULL);
    failed |= push_number(argv, AIRE_WORKER_PASSWD);
    failed |= push(argv, "/etc/passwd", "--file", NULL);
    failed |= push_number(argv, AIRE_WORKER_GROUP);
    return failed | push(argv, "/etc/group", NULL);
}

static aire_status push_mounts(json_t *argv, const aire_command *command)
{
    int failed = 0;
    for (size_t i = 0; i < command->mount_count && !failed; i++) {
        const aire_mount *mount = &command->mounts[i];
        bool exists = aire__fs_exists(mount->source);
        if (!exists && (mount->flags & AIRE_MOUNT_OPTIONAL))
            continue;
        if (!exists)
            return aire__fail(AIRE_NOT_FOUND, "mount %zu: there is no '%s'", i, mount->source);
        failed = push(argv,
                      mount->flags & AIRE_MOUNT_DEVICE     ? "--dev-bind"
                      : mount->flags & AIRE_MOUNT_WRITABLE ? "--bind"
                                                           : "--ro-bind",
                      mount->source, mount->target, NULL);
    }
    return failed ? aire__fail_nomem() : AIRE_OK;
}

/* The devices of its GPUs; without any, none of the driver's. */
static int push_gpus(json_t *argv, const aire_command *command)
{
    char node[32];
    int failed = 0;
    for (size_t i = 0; command->gpu_count > 0 && aire__gpu_nodes[i] && !failed; i++)
        failed = push(argv, "--dev-bind-try", aire__gpu_nodes[i], aire__gpu_nodes[i], NULL);
    for (size_t i = 0; i < command->gpu_count && !failed; i++) {
        snprintf(node, sizeof node, "/dev/nvidia%d", (int)command->gpus[i]);
        failed = push(argv, "--dev-bind-try", node, node, NULL);
    }
    return failed;
}

static int push_environment(json_t *argv, const aire_command *command)
{
    int failed = 0;
    for (size_t i = 0; command->env && command->env[i] && !failed; i++) {
        const char *equals = strchr(command->env[i], '=');
        failed = push(argv, "--setenv", NULL) |
                 json_array_append_new(
                     argv, json_stringn(command->env[i], (size_t)(equals - command->env[i]))) |
                 push(argv, equals + 1, NULL);
    }
    if (command->report_path && !failed) {
        failed = push(argv, "--setenv", "AIRE_REPORT_FD", NULL);
        failed |= push_number(argv, AIRE_WORKER_REPORT_FILE);
    }
    return failed;
}

/* Where the command may write: its mounts, and the private places. */
static int push_writable(json_t *argv, const aire_engine *engine, const aire_command *command)
{
    if (engine->kind == AIRE_SANDBOX_NONE)
        return 0;
    int failed = push(argv, "/tmp", "/dev", "/proc", NULL);
    for (size_t i = 0; i < command->mount_count && !failed; i++)
        if (command->mounts[i].flags & AIRE_MOUNT_WRITABLE)
            failed = push(argv, command->mounts[i].target, NULL);
    return failed;
}

static int push_inner(json_t *argv, const aire_engine *engine, const char *worker,
                      const aire_command *command, const aire_limits *limits)
{
    int failed = push(argv, worker, AIRE_WORKER_INNER_FLAG, NULL);
    failed |= push_number(argv, limits->cpu_ms ? (limits->cpu_ms + 999) / 1000 : 0);
    failed |= push_number(argv, limits->file_bytes);
    failed |= push_number(argv, limits->open_files);
    failed |= push_number(argv, limits->processes);
    failed |= push_writable(argv, engine, command);
    failed |= push(argv, "--", NULL);
    for (size_t i = 0; command->argv[i] && !failed; i++)
        failed = push(argv, command->argv[i], NULL);
    return failed;
}

static aire_status fill_bwrap(json_t *argv, const aire_engine *engine, const aire_command *command,
                              const aire_limits *limits)
{
    bool network = command->flags & AIRE_COMMAND_NETWORK;
    if (push(argv, engine->bwrap, NULL) | push_isolation(argv, network) |
        push_system_places(argv, network) | push_private_places(argv, limits))
        return aire__fail_nomem();
    aire_status status = push_mounts(argv, command);
    if (status != AIRE_OK)
        return status;
    /* Last, so that no mount can stand in its place; then the root itself is closed. */
    if (push(argv, "--ro-bind", engine->worker, AIRE_WORKER_INSIDE, "--remount-ro", "/", "--chdir",
             command->cwd ? command->cwd : "/", NULL) |
        push_gpus(argv, command) | push_environment(argv, command) | push(argv, "--", NULL) |
        push_inner(argv, engine, AIRE_WORKER_INSIDE, command, limits))
        return aire__fail_nomem();
    return AIRE_OK;
}

static aire_status fill_bare(json_t *argv, const aire_engine *engine, const aire_command *command,
                             const aire_limits *limits)
{
    for (size_t i = 0; i < command->mount_count; i++)
        if (strcmp(command->mounts[i].source, command->mounts[i].target))
            return aire__fail(AIRE_UNSUPPORTED, "without isolation '%s' cannot be shown as '%s'",
                              command->mounts[i].source, command->mounts[i].target);
    return push_inner(argv, engine, engine->worker, command, limits) ? aire__fail_nomem() : AIRE_OK;
}

aire_status aire__engine_argv(const aire_engine *engine, const aire_command *command,
                              const aire_limits *limits, json_t **out)
{
    json_t *argv = json_array();
    if (!argv)
        return aire__fail_nomem();
    aire_status status = engine->kind == AIRE_SANDBOX_NONE
                             ? fill_bare(argv, engine, command, limits)
                             : fill_bwrap(argv, engine, command, limits);
    if (status != AIRE_OK)
        json_decref(argv);
    else
        *out = argv;
    return status;
}
