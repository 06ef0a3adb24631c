/* The sandbox room, with the real bubblewrap: isolation, limits, and that nothing outlives a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "aire/error.h"
#include "aire/sandbox.h"
#include "base/fs.h"
#include "base/process.h"
#include "base/thread.h"
#include "sandbox/engine.h"
#include "support/failing.h"
#include "support/sandbox.h"

static failing memory;
static aire_ctx *ctx;
static aire_sandbox *sandbox;
static char root[64], workspace[128], log_path[128], report_path[128];

static int setup(void **state)
{
    aire_sandbox_options options = AIRE_SANDBOX_OPTIONS_INIT;
    ctx = failing_ctx(&memory, 0);
    snprintf(root, sizeof root, "/tmp/aire-sandbox-XXXXXX");
    if (!mkdtemp(root))
        return -1;
    snprintf(workspace, sizeof workspace, "%s/workspace", root);
    snprintf(log_path, sizeof log_path, "%s/log", root);
    snprintf(report_path, sizeof report_path, "%s/report", root);
    assert_int_equal(aire__fs_mkdirs(ctx, workspace, 0777), AIRE_OK);
    options.worker_path = getenv("AIRE_WORKER");
    aire_status status = aire_sandbox_new(ctx, &options, &sandbox);
    return status == AIRE_OK ? 0 : -1;
}

static int teardown(void **state)
{
    aire_sandbox_unref(sandbox);
    aire__fs_remove_tree(ctx, root);
    aire_ctx_unref(ctx);
    return atomic_load(&memory.live) == 0 ? 0 : -1;
}

/* One more. */
static aire_sandbox *new_sandbox(void)
{
    aire_sandbox_options options = AIRE_SANDBOX_OPTIONS_INIT;
    aire_sandbox *made = NULL;
    options.worker_path = getenv("AIRE_WORKER");
    assert_int_equal(aire_sandbox_new(ctx, &options, &made), AIRE_OK);
    return made;
}

/* Run a shell script; its log is read into `log`. */
static aire_exit run_script(const char *script, aire_limits *limits, char *log, size_t size)
{
    const char *argv[] = {"/bin/sh", "-c", script, NULL};
    const char *env[] = {"PATH=/usr/bin:/bin", "ONLY=this", NULL};
    aire_mount mount = {sizeof mount, AIRE_MOUNT_WRITABLE, workspace, "/workspace"};
    aire_command command = AIRE_COMMAND_INIT;
    aire_exit ended = AIRE_EXIT_INIT;
    command.argv = argv;
    command.env = env;
    command.cwd = "/workspace";
    command.mounts = &mount;
    command.mount_count = 1;
    command.limits = limits;
    command.log_path = log_path;
    command.report_path = report_path;
    aire_status status = aire_sandbox_run(sandbox, &command, NULL, &ended);
    if (status != AIRE_OK)
        fail_msg("%s: %s", aire_status_name(status), aire_error_message(aire_last_error()));
    char *text;
    size_t length;
    assert_int_equal(aire__fs_read(ctx, log_path, 1 << 24, &text, &length), AIRE_OK);
    snprintf(log, size, "%s", text);
    aire_free(ctx, text);
    return ended;
}

static char log_text[1 << 16];

static aire_exit run(const char *script)
{
    return run_script(script, NULL, log_text, sizeof log_text);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Number of processes of the machine whose command line holds a text. */
static int count_processes(const char *text)
{
    int count = 0;
    DIR *dir = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(dir));) {
        char path[300], line[4096];
        snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
        int fd = open(path, O_RDONLY);
        ssize_t length = fd >= 0 && entry->d_name[0] <= '9' ? read(fd, line, sizeof line - 1) : 0;
        if (fd >= 0)
            close(fd);
        for (ssize_t i = 0; i < length; i++)
            if (!line[i])
                line[i] = ' ';
        if (length > 0) {
            line[length] = '\0';
            count += strstr(line, text) != NULL;
        }
    }
    closedir(dir);
    return count;
}

/* ---- how commands end ---- */

static void test_sandbox__tells_code_and_signal(void **state)
{
    assert_int_equal(run("echo out; echo err >&2; exit 3").code, 3);
    assert_string_equal(log_text, "out\nerr\n");
    aire_exit ended = run("kill -SEGV $$");
    assert_int_equal(ended.code, -1);
    assert_int_equal(ended.signal, SIGSEGV);
    assert_int_equal(ended.limit, 0);
}

static void test_sandbox__says_what_cannot_be_started(void **state)
{
    const char *argv[] = {"no-such-program", NULL};
    aire_command command = AIRE_COMMAND_INIT;
    aire_exit ended = AIRE_EXIT_INIT;
    command.argv = argv;
    assert_int_equal(aire_sandbox_run(sandbox, &command, NULL, &ended), AIRE_OK);
    assert_int_equal(ended.code, 127);

    aire_mount mount = {sizeof mount, 0, "/no/such/place", "/opt/x"};
    command.mounts = &mount;
    command.mount_count = 1;
    assert_int_equal(aire_sandbox_run(sandbox, &command, NULL, &ended), AIRE_NOT_FOUND);
    mount.flags = AIRE_MOUNT_OPTIONAL;
    assert_int_equal(aire_sandbox_run(sandbox, &command, NULL, &ended), AIRE_OK);
    mount.target = "../x";
    assert_int_equal(aire_sandbox_run(sandbox, &command, NULL, &ended), AIRE_INVALID);
    command.argv = NULL;
    assert_int_equal(aire_sandbox_run(sandbox, &command, NULL, &ended), AIRE_INVALID);
}

static void test_sandbox__passes_the_report(void **state)
{
    char *text;
    assert_int_equal(run("echo '{\"x\": 1}' >&$AIRE_REPORT_FD").code, 0);
    assert_int_equal(aire__fs_read(ctx, report_path, 100, &text, NULL), AIRE_OK);
    assert_string_equal(text, "{\"x\": 1}\n");
    aire_free(ctx, text);
}

/* ---- isolation ---- */

static void test_sandbox__environment_is_the_allowlist(void **state)
{
    setenv("AIRE_TEST_SECRET", "hush", 1);
    run("env; cat /proc/*/environ | tr '\\0' '\\n'");
    assert_non_null(strstr(log_text, "ONLY=this"));
    assert_null(strstr(log_text, "hush"));
    unsetenv("AIRE_TEST_SECRET");
}

static void test_sandbox__host_files_are_absent(void **state)
{
    char secret[160], script[600];
    snprintf(secret, sizeof secret, "%s/secret", root);
    assert_int_equal(aire__fs_write(ctx, secret, "hush", 4, 0644), AIRE_OK);
    snprintf(script, sizeof script, "cat %s; ls /root /home /etc/shadow %s; ls /; id -u", secret,
             root);
    run(script);
    assert_null(strstr(log_text, "hush"));
    assert_non_null(strstr(log_text, "workspace"));
    assert_non_null(strstr(log_text, "1000"));
    assert_null(strstr(log_text, "boot"));
}

static void test_sandbox__only_its_mounts_are_writable(void **state)
{
    assert_int_equal(
        run("echo x >/usr/x || echo y >/x || echo z >/bin/z || echo w >/etc/w").code != 0, 1);
    assert_int_equal(run("echo kept >file && echo t >/tmp/t && echo s >/dev/shm/s").code, 0);
    char path[160], *text;
    snprintf(path, sizeof path, "%s/file", workspace);
    assert_int_equal(aire__fs_read(ctx, path, 100, &text, NULL), AIRE_OK);
    assert_string_equal(text, "kept\n");
    aire_free(ctx, text);
    assert_int_equal(run("test -e /tmp/t || test -e /dev/shm/s").code, 1);
}

static void test_sandbox__other_processes_are_unseen(void **state)
{
    run("ls /proc | grep -c '^[0-9]'; kill -9 1; echo alive");
    assert_true(atoi(log_text) < 8);
    assert_non_null(strstr(log_text, "alive"));
}

static void test_sandbox__there_is_no_network(void **state)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    assert_int_equal(bind(listener, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(listener, 5), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    char script[200];
    snprintf(script, sizeof script,
             "python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", %d), 2)'",
             ntohs(address.sin_port));
    assert_int_not_equal(run(script).code, 0);
    assert_non_null(strstr(log_text, "refused"));
    close(listener);
}

static void test_sandbox__descriptors_of_the_host_are_closed(void **state)
{
    int fd = open("/etc/passwd", O_RDONLY); /* not close-on-exec, as a careless host has it */
    run("ls /proc/self/fd");
    assert_string_equal(log_text,
                        "0\n1\n2\n3\n4\n"); /* 3: the report, 4: the directory that ls reads */
    close(fd);
}

static void test_sandbox__forbidden_calls_fail(void **state)
{
    run("unshare -U true; unshare -m true; mount -t tmpfs none /tmp; cat /proc/1/maps /proc/1/mem; "
        "ls /proc/1/fd");
    assert_non_null(strstr(log_text, "unshare"));
    assert_null(strstr(log_text, "r-xp"));
    assert_int_not_equal(run("unshare -U true").code, 0);
    assert_int_not_equal(run("mount -t tmpfs none /tmp").code, 0);
    assert_int_not_equal(run("strace true").code, 0);
}

/* ---- limits ---- */

static aire_exit run_limited(const char *script, aire_limits limits)
{
    limits.struct_size = sizeof limits;
    return run_script(script, &limits, log_text, sizeof log_text);
}

/* ---- what the machine has ---- */

/* Skips what this machine's kernel cannot do; the rest of the program does not depend on it. */
static bool supports(uint32_t feature, const char *what)
{
    bool has = aire_sandbox_supports(sandbox) & feature;
    if (!has) {
        print_message("# this machine has no %s\n", what);
        skip();
    }
    return has;
}

static void test_sandbox__tells_what_it_supports(void **state)
{
    assert_true(aire_sandbox_supports(sandbox) & AIRE_SUPPORTS_NAMESPACES);
    assert_int_equal(aire_sandbox_supports(NULL), 0);
    /* As the kernel says itself. */
    bool landlock = syscall(SYS_landlock_create_ruleset, NULL, 0, 1) >= 1;
    assert_int_equal(!!(aire_sandbox_supports(sandbox) & AIRE_SUPPORTS_LANDLOCK), landlock);
}

/* A file that the mounts would let it write to, but that is none of its places. */
static void test_sandbox__landlock_guards_what_mounts_leave_open(void **state)
{
    char file[300];
    const char *argv[] = {"/bin/sh", "-c", "cat /mnt/file && echo more >>/mnt/file", NULL};
    aire_command command = AIRE_COMMAND_INIT;
    aire_exit ended = AIRE_EXIT_INIT;
    if (!supports(AIRE_SUPPORTS_LANDLOCK, "Landlock"))
        return;
    snprintf(file, sizeof file, "%s/plain", root);
    FILE *out = fopen(file, "w");
    fputs("plain\n", out);
    fclose(out);
    const aire_mount mounts[] = {
        {sizeof *mounts, AIRE_MOUNT_DEVICE, file, "/mnt/file"},
        {sizeof *mounts, AIRE_MOUNT_WRITABLE | AIRE_MOUNT_OPTIONAL, "/no/such/place", "/none"}};
    command.argv = argv;
    command.mounts = mounts;
    command.mount_count = 2;
    assert_int_equal(aire_sandbox_run(sandbox, &command, NULL, &ended), AIRE_OK);
    assert_true(ended.code > 0);
    struct stat info;
    assert_int_equal(stat(file, &info), 0);
    assert_int_equal(info.st_size, 6);
}

/* Files in memory belong to no process: only a control group counts them. */
static void test_sandbox__memory_of_files_is_limited(void **state)
{
    if (!supports(AIRE_SUPPORTS_MEMORY_GROUP, "memory control group"))
        return;
    aire_exit ended = run_limited("head -c 45000000 /dev/zero >/dev/shm/a && "
                                  "head -c 45000000 /dev/zero >/tmp/b && "
                                  "head -c 45000000 /dev/zero | tail -c 44000000 >/dev/null",
                                  (aire_limits){.memory_bytes = 100 << 20, .wall_ms = 20000});
    assert_int_equal(ended.limit, AIRE_EXIT_LIMIT_MEMORY);
}

/* ---- limits ---- */

static void test_sandbox__wall_limit_ends_everything(void **state)
{
    static const char *const scripts[] = {
        "sleep 1234.5",
        "trap '' TERM INT HUP; while :; do :; done",
        "(setsid sleep 1234.5 &) ; sleep 1234.5",
        "setsid sh -c 'setsid sleep 1234.5 & sleep 1234.5' & wait",
    };
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        int64_t started = now_ms();
        aire_exit ended = run_limited(scripts[i], (aire_limits){.wall_ms = 300});
        assert_int_equal(ended.limit, AIRE_EXIT_LIMIT_WALL);
        assert_in_range(now_ms() - started, 250, 1300);
        assert_int_equal(count_processes("sleep 1234.5"), 0);
    }
}

static void test_sandbox__daemons_do_not_outlive_the_command(void **state)
{
    aire_exit ended =
        run("(setsid sleep 1234.5 >/dev/null 2>&1 &) ; (setsid sleep 1234.5 &) ; exit 4");
    assert_int_equal(ended.code, 4);
    assert_int_equal(count_processes("sleep 1234.5"), 0);
}

static void test_sandbox__memory_is_limited(void **state)
{
    aire_exit ended =
        run_limited("python3 -c 'x = bytearray(400 << 20)\nimport time; time.sleep(20)'",
                    (aire_limits){.memory_bytes = 100 << 20, .wall_ms = 20000});
    assert_int_equal(ended.limit, AIRE_EXIT_LIMIT_MEMORY);
    assert_true(ended.max_rss_bytes >= 100 << 20);
}

static void test_sandbox__processes_are_limited(void **state)
{
    aire_exit ended =
        run_limited("i=0; while [ $i -lt 60 ]; do sleep 1234.5 & i=$((i + 1)); done; wait",
                    (aire_limits){.processes = 20, .wall_ms = 20000});
    /* An ordinary user's processes are refused by the kernel, root's are counted. */
    assert_true(ended.limit == AIRE_EXIT_LIMIT_PROCESSES || ended.code != 0);
    assert_int_equal(count_processes("sleep 1234.5"), 0);
}

static void test_sandbox__fork_bomb_is_contained(void **state)
{
    aire_exit ended = run_limited("f() { f | f & }; f; sleep 1234.5",
                                  (aire_limits){.processes = 50, .wall_ms = 5000});
    assert_true(ended.limit != 0 || ended.code != 0);
    assert_int_equal(count_processes("sleep 1234.5"), 0);
}

static void test_sandbox__disk_and_files_are_limited(void **state)
{
    aire_exit ended = run_limited("dd if=/dev/zero of=big bs=1M count=20; sleep 30",
                                  (aire_limits){.disk_bytes = 5 << 20, .wall_ms = 20000});
    assert_int_equal(ended.limit, AIRE_EXIT_LIMIT_DISK);
    ended = run_limited("rm -f big; exec dd if=/dev/zero of=large bs=1M count=20",
                        (aire_limits){.file_bytes = 5 << 20});
    assert_int_equal(ended.limit, AIRE_EXIT_LIMIT_FILE_SIZE);
    run("rm -f big large");
}

static void test_sandbox__processor_time_is_limited(void **state)
{
    aire_exit ended =
        run_limited("while :; do :; done", (aire_limits){.cpu_ms = 1000, .wall_ms = 20000});
    assert_int_equal(ended.limit, AIRE_EXIT_LIMIT_CPU);
    assert_true(ended.user_ms + ended.system_ms >= 500);
}

/* No single process of it uses much. */
static void test_sandbox__processor_time_of_all_is_limited(void **state)
{
    aire_exit ended = run_limited("while :; do head -c 20000000 /dev/zero | cksum >/dev/null; done",
                                  (aire_limits){.cpu_ms = 1000, .wall_ms = 20000});
    assert_int_equal(ended.limit, AIRE_EXIT_LIMIT_CPU);
    assert_true(ended.user_ms + ended.system_ms >= 900);
}

static void test_sandbox__open_files_are_limited(void **state)
{
    /* Opens all it may, stays a moment, and ends with its argument. */
    static const char script[] =
        "perl -e 'while (open(my $file, \"/dev/null\")) { push(@all, $file) }"
        " select(undef, undef, undef, 0.3); exit(shift)' ";
    char command[sizeof script + 2];
    for (int code = 0; code < 2; code++) {
        snprintf(command, sizeof command, "%s%d", script, code);
        aire_exit ended = run_limited(command, (aire_limits){.open_files = 40, .wall_ms = 20000});
        assert_int_equal(ended.code, code);
        assert_int_equal(ended.limit, code ? AIRE_EXIT_LIMIT_OPEN_FILES : AIRE_EXIT_LIMIT_NONE);
    }
}

static void test_sandbox__output_is_limited(void **state)
{
    aire_exit ended = run_limited("yes", (aire_limits){.output_bytes = 3 << 20, .wall_ms = 20000});
    assert_int_equal(ended.limit, AIRE_EXIT_LIMIT_OUTPUT);
    assert_true(ended.log_bytes > 3 << 20);
}

/* From the verdict to the last process's end. */
static void test_sandbox__the_end_comes_at_once(void **state)
{
    static const char *const scripts[] = {
        "trap '' TERM INT HUP; while :; do :; done",
        "for i in 1 2 3 4 5 6 7 8 9 10; do setsid sh -c 'while :; do :; done' & done; sleep 1000",
        "(setsid sleep 1000 &) ; sleep 1000"};
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        aire_exit ended = run_limited(scripts[i], (aire_limits){.wall_ms = 200});
        assert_int_equal(ended.limit, AIRE_EXIT_LIMIT_WALL);
        assert_true(ended.end_ms <= 50);
        assert_true(ended.wall_ms < 1200);
    }
}

/* ---- watching ---- */

typedef struct watched {
    char output[4096], stream[4096];
    int64_t first_ns; /* when the first line came */
    int lines, stop_after;
} watched;

static int32_t watch(int32_t kind, const char *data, size_t length, void *user_data)
{
    watched *w = user_data;
    char *to = kind == AIRE_OBSERVE_OUTPUT ? w->output : w->stream;
    size_t held = strlen(to), room = sizeof w->output - 1 - held;
    memcpy(to + held, data, length < room ? length : room);
    if (kind != AIRE_OBSERVE_STREAM)
        return 0;
    if (!w->first_ns)
        w->first_ns = aire__monotonic_ns();
    for (size_t i = 0; i < length; i++)
        w->lines += data[i] == '\n';
    return w->stop_after && w->lines >= w->stop_after;
}

static aire_exit run_watched(const char *script, watched *w)
{
    char stream[300];
    const char *argv[] = {"/bin/sh", "-c", script, NULL};
    aire_mount mount = {sizeof mount, AIRE_MOUNT_WRITABLE, workspace, "/work"};
    aire_command command = AIRE_COMMAND_INIT;
    aire_exit ended = AIRE_EXIT_INIT;
    snprintf(stream, sizeof stream, "%s/stream", workspace);
    unlink(stream);
    command.argv = argv;
    command.mounts = &mount;
    command.mount_count = 1;
    command.cwd = "/work";
    command.stream_path = stream;
    command.observe = watch;
    command.observe_user_data = w;
    assert_int_equal(aire_sandbox_run(sandbox, &command, NULL, &ended), AIRE_OK);
    return ended;
}

static void test_sandbox__tells_what_is_written_while_it_is(void **state)
{
    watched w = {.output = ""};
    aire_exit ended =
        run_watched("echo out; echo one >>stream; sleep 0.5; echo err >&2;"
                    " printf 'two\nthr' >>stream; echo ee >>stream; printf un >>stream",
                    &w);
    assert_int_equal(ended.code, 0);
    assert_string_equal(w.output, "out\nerr\n");
    assert_string_equal(w.stream, "one\ntwo\nthree\n");
    assert_true(aire__monotonic_ns() - w.first_ns > 300000000);
}

/* More lines at once than the pipe holds, and one that is too long: all others come, in order. */
static void test_sandbox__tells_every_line_of_the_stream(void **state)
{
    watched w = {.output = ""};
    aire_exit ended = run_watched("seq 50000 >>stream; head -c 20000 /dev/zero | tr '\\0' x"
                                  " >>stream; echo >>stream; seq 50000 >>stream",
                                  &w);
    assert_int_equal(ended.code, 0);
    assert_int_equal(w.lines, 100000);
}

static void test_sandbox__an_observer_can_stop_it(void **state)
{
    watched w = {.stop_after = 2};
    aire_exit ended =
        run_watched("while :; do echo line >>stream; sleep 0.02; done; sleep 1234.5", &w);
    assert_int_equal(ended.limit, AIRE_EXIT_LIMIT_STOPPED);
    assert_true(ended.wall_ms < 5000);
}

/* What stands where the stream should be is never followed, nor waited for. */
static void test_sandbox__a_stream_is_a_plain_file(void **state)
{
    watched w = {.output = ""};
    aire_exit ended = run_watched("ln -s /etc/passwd stream; sleep 0.2; rm stream; mkfifo stream;"
                                  " sleep 0.2",
                                  &w);
    assert_int_equal(ended.code, 0);
    assert_string_equal(w.stream, "");
}

static void test_gpu__identity_is_the_drivers(void **state)
{
    char path[400], identity[64];
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "mkdir -p %s/driver/gpus/0000:0%d:00.0", root, i);
        assert_int_equal(system(path), 0);
        snprintf(path, sizeof path, "%s/driver/gpus/0000:0%d:00.0/information", root, i);
        FILE *file = fopen(path, "w");
        fprintf(file, "Model: \t\t NVIDIA X\nGPU UUID:\t\t GPU-00%d\nDevice Minor: \t %d\n", i,
                1 - i);
        fclose(file);
    }
    snprintf(path, sizeof path, "%s/driver", root);
    aire__gpu_identity(path, 0, identity);
    assert_string_equal(identity, "GPU-001");
    aire__gpu_identity(path, 1, identity);
    assert_string_equal(identity, "GPU-000");
    aire__gpu_identity(path, 2, identity);
    assert_string_equal(identity, "");
}

static void test_sandbox__log_keeps_head_and_tail(void **state)
{
    aire_exit ended = run_limited("echo first; yes | head -c 3000000; echo last",
                                  (aire_limits){.log_bytes = 10000});
    size_t length = strlen(log_text);
    assert_int_equal(ended.code, 0);
    assert_int_equal(ended.log_bytes, 3000011);
    assert_true(length < 10200);
    assert_memory_equal(log_text, "first\n", 6);
    assert_non_null(strstr(log_text, "bytes left out"));
    assert_string_equal(log_text + length - 5, "last\n");
}

/* ---- cancelling and dying ---- */

static void *fire_soon(void *cancel)
{
    usleep(200000);
    aire_cancel_fire(cancel);
    return NULL;
}

static void test_sandbox__cancelling_ends_it(void **state)
{
    const char *argv[] = {"/bin/sleep", "1234.5", NULL};
    aire_command command = AIRE_COMMAND_INIT;
    aire_exit ended = AIRE_EXIT_INIT;
    aire_cancel *cancel;
    pthread_t thread;
    command.argv = argv;
    assert_int_equal(aire_cancel_new(ctx, &cancel), AIRE_OK);
    pthread_create(&thread, NULL, fire_soon, cancel);
    int64_t started = now_ms();
    assert_int_equal(aire_sandbox_run(sandbox, &command, cancel, &ended), AIRE_CANCELLED);
    assert_in_range(now_ms() - started, 150, 1200);
    assert_int_equal(count_processes("sleep 1234.5"), 0);
    assert_int_equal(aire_sandbox_run(sandbox, &command, cancel, &ended), AIRE_CANCELLED);
    pthread_join(thread, NULL);
    aire_cancel_unref(cancel);
}

/* Wait until a number of processes hold a text. */
static bool await_processes(const char *text, int wanted, int64_t timeout_ms)
{
    for (int64_t deadline = now_ms() + timeout_ms; now_ms() < deadline; usleep(5000))
        if (wanted ? count_processes(text) >= wanted : count_processes(text) == 0)
            return true;
    return false;
}

static pid_t host_that_runs(const char *script)
{
    pid_t host = fork();
    if (host == 0) {
        run_script(script, NULL, log_text, sizeof log_text);
        _exit(0);
    }
    return host;
}

static void test_sandbox__nothing_survives_the_host(void **state)
{
    pid_t host =
        host_that_runs("(setsid sleep 1234.6 &) ; trap '' TERM; sleep 1234.6; sleep 1234.6");
    assert_true(await_processes("sleep 1234.6", 2, 5000));
    kill(host, SIGKILL);
    waitpid(host, NULL, 0);
    assert_true(await_processes("sleep 1234.6", 0, 2000));
}

/* Whether a process runs the worker of this test. */
static bool is_worker(int pid)
{
    char link[64], program[512] = "", *ours = realpath(getenv("AIRE_WORKER"), NULL);
    snprintf(link, sizeof link, "/proc/%d/exe", pid);
    bool is = ours && readlink(link, program, sizeof program - 1) > 0 && !strcmp(program, ours);
    free(ours);
    return is;
}

static int parent_of(int pid)
{
    char path[64];
    int parent = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (file && fscanf(file, "%*d (%*[^)]) %*c %d", &parent) != 1)
        parent = 0;
    if (file)
        fclose(file);
    return parent;
}

/* Workers, without what they have started; they are killed if that is wished. */
static int find_workers(bool kills)
{
    int count = 0;
    DIR *dir = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(dir));) {
        int pid = atoi(entry->d_name);
        if (pid <= 0 || !is_worker(pid) || (kills && is_worker(parent_of(pid))))
            continue;
        count++;
        if (kills)
            kill(pid, SIGKILL);
    }
    closedir(dir);
    return count;
}

static bool await_no_worker(void)
{
    for (int64_t deadline = now_ms() + 2000; now_ms() < deadline; usleep(5000))
        if (find_workers(false) == 0)
            return true;
    return false;
}

static void test_sandbox__nothing_survives_the_worker(void **state)
{
    const char *argv[] = {"/bin/sh", "-c", "(setsid sleep 1234.7 &) ; sleep 1234.7; sleep 1", NULL};
    aire_command command = AIRE_COMMAND_INIT;
    aire_exit ended = AIRE_EXIT_INIT;
    command.argv = argv;
    pid_t killer = fork();
    if (killer == 0) {
        await_processes("sleep 1234.7", 2, 5000);
        find_workers(true);
        _exit(0);
    }
    assert_int_equal(aire_sandbox_run(sandbox, &command, NULL, &ended), AIRE_SANDBOX);
    assert_true(await_processes("sleep 1234.7", 0, 2000));
    waitpid(killer, NULL, 0);
}

/* A process that kills all workers, from a moment on, until it is ended. */
static pid_t start_killer(useconds_t moment)
{
    pid_t killer = fork();
    if (killer == 0)
        for (usleep(moment);; usleep(1000))
            find_workers(true);
    return killer;
}

/* At every moment of its start, too. */
static void test_sandbox__nothing_survives_a_worker_that_was_just_started(void **state)
{
    const char *argv[] = {"/bin/sleep", "1234.7", NULL};
    aire_command command = AIRE_COMMAND_INIT;
    aire_exit ended = AIRE_EXIT_INIT;
    command.argv = argv;
    for (int moment = 0; moment < 40; moment++) {
        pid_t killer = start_killer((useconds_t)moment * 200);
        assert_int_equal(aire_sandbox_run(sandbox, &command, NULL, &ended), AIRE_SANDBOX);
        kill(killer, SIGKILL);
        waitpid(killer, NULL, 0);
        assert_true(await_processes("sleep 1234.7", 0, 2000));
    }
}

/* ---- workers that wait for a command ---- */

/* The code that a script ends with, in a sandbox without files. */
static int code_of(aire_sandbox *in, const char *script)
{
    const char *argv[] = {"/bin/sh", "-c", script, NULL};
    aire_command command = AIRE_COMMAND_INIT;
    aire_exit ended = AIRE_EXIT_INIT;
    command.argv = argv;
    return aire_sandbox_run(in, &command, NULL, &ended) == AIRE_OK ? ended.code : -1;
}

static void test_sandbox__a_waiting_worker_that_was_killed_is_replaced(void **state)
{
    assert_int_equal(code_of(sandbox, "true"), 0);
    assert_true(find_workers(true) > 0);
    assert_true(await_no_worker());
    assert_int_equal(code_of(sandbox, "true"), 0);
}

static void test_sandbox__no_worker_waits_for_a_sandbox_that_is_gone(void **state)
{
    find_workers(true); /* those of the other sandbox */
    assert_true(await_no_worker());
    aire_sandbox *own = new_sandbox();
    assert_int_equal(code_of(own, "true"), 0);
    assert_true(find_workers(false) > 0);
    aire_sandbox_unref(own);
    assert_int_equal(find_workers(false), 0);
}

/* Both have the handle, and the one that waits; it is the parent's. */
static void test_sandbox__a_forked_child_has_workers_of_its_own(void **state)
{
    assert_int_equal(code_of(sandbox, "true"), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(code_of(sandbox, "exit 7"));
    int status;
    assert_int_equal(code_of(sandbox, "exit 5"), 5);
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
}

/* A command has the processors of the thread that runs it, whoever started its worker. */
static void test_sandbox__a_command_has_the_processors_of_its_thread(void **state)
{
    cpu_set_t all, one;
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    assert_int_equal(code_of(sandbox, "true"), 0);
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++)
        if (CPU_ISSET(cpu, &all))
            CPU_SET(cpu, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(code_of(sandbox, "exit $(nproc)"), 1);
    assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
    assert_int_equal(code_of(sandbox, "exit $(nproc)"), CPU_COUNT(&all));
}

static volatile sig_atomic_t child_signals;

static void count_signal(int number)
{
    child_signals++;
}

static void *reap_everything(void *stop)
{
    while (!*(volatile int *)stop)
        if (waitpid(-1, NULL, WNOHANG) < 0)
            usleep(200);
    return NULL;
}

static void test_sandbox__hosts_children_are_their_own_business(void **state)
{
    pthread_t thread;
    int stop = 0;
    signal(SIGCHLD, SIG_IGN);
    pthread_create(&thread, NULL, reap_everything, &stop);
    for (int i = 0; i < 5; i++)
        assert_int_equal(run("exit 5").code, 5);
    signal(SIGCHLD, count_signal);
    child_signals = 0;
    assert_int_equal(run("exit 6").code, 6);
    assert_int_equal(child_signals, 0);
    signal(SIGCHLD, SIG_DFL);
    stop = 1;
    pthread_join(thread, NULL);
}

static int count_descriptors(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

typedef struct runner {
    aire_sandbox *sandbox;
    bool failed;
} runner;

static void *run_some(void *data)
{
    runner *r = data;
    const char *argv[] = {"/bin/sleep", "0.00191", NULL};
    aire_command command = AIRE_COMMAND_INIT;
    aire_exit ended = AIRE_EXIT_INIT;
    command.argv = argv;
    for (int i = 0; i < 25; i++)
        if (aire_sandbox_run(r->sandbox, &command, NULL, &ended) != AIRE_OK || ended.code != 0)
            r->failed = true;
    return NULL;
}

static void test_sandbox__many_at_once_leak_nothing(void **state)
{
    pthread_t threads[4];
    runner runners[4] = {{NULL, false}};
    int before = count_descriptors();
    aire_sandbox *own = new_sandbox();
    for (int i = 0; i < 4; i++) {
        runners[i].sandbox = own;
        pthread_create(&threads[i], NULL, run_some, &runners[i]);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_false(runners[i].failed);
    }
    aire_sandbox_unref(own);
    assert_int_equal(count_descriptors(), before);
    assert_true(await_processes("sleep 0.00191", 0, 2000));
}

static void test_sandbox__ordinary_users_can_use_it(void **state)
{
    if (geteuid() != 0)
        skip(); /* an ordinary user it is already */
    pid_t host = fork();
    if (host == 0) {
        if (chmod(root, 0777) != 0 || chmod(workspace, 0777) != 0 || setgid(65534) != 0 ||
            setuid(65534) != 0)
            _exit(99);
        unlink(log_path);
        unlink(report_path);
        aire_exit ended = run("echo mine >theirs && exit 7");
        _exit(ended.code);
    }
    int status;
    waitpid(host, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
}

/* ---- engines ---- */

static void test_sandbox__says_what_the_machine_lacks(void **state)
{
    aire_sandbox_options options = AIRE_SANDBOX_OPTIONS_INIT;
    aire_sandbox *other = sandbox;
    options.worker_path = "/no/aire-worker";
    assert_int_equal(aire_sandbox_new(ctx, &options, &other), AIRE_UNSUPPORTED);
    assert_null(other);
    assert_non_null(strstr(aire_error_message(aire_last_error()), "/no/aire-worker"));
    options.worker_path = getenv("AIRE_WORKER");
    options.bwrap_path = "/no/bwrap";
    assert_int_equal(aire_sandbox_new(ctx, &options, &other), AIRE_UNSUPPORTED);
    assert_non_null(strstr(aire_error_message(aire_last_error()), "apt-get install bubblewrap"));
    options.bwrap_path = "/bin/false";
    assert_int_equal(aire_sandbox_new(ctx, &options, &other), AIRE_UNSUPPORTED);
}

static void test_sandbox__without_isolation_still_supervises(void **state)
{
    aire_sandbox_options options = AIRE_SANDBOX_OPTIONS_INIT;
    aire_sandbox *bare;
    options.worker_path = getenv("AIRE_WORKER");
    options.engine = AIRE_SANDBOX_NONE;
    assert_int_equal(aire_sandbox_new(ctx, &options, &bare), AIRE_OK);
    const char *argv[] = {"/bin/sh", "-c", "(setsid sleep 1234.8 &) ; sleep 1234.8", NULL};
    const char *env[] = {"PATH=/usr/bin:/bin", NULL};
    aire_limits limits = {.struct_size = sizeof limits, .wall_ms = 300};
    aire_command command = AIRE_COMMAND_INIT;
    aire_exit ended = AIRE_EXIT_INIT;
    command.argv = argv;
    command.env = env;
    command.limits = &limits;
    assert_int_equal(aire_sandbox_run(bare, &command, NULL, &ended), AIRE_OK);
    assert_int_equal(ended.limit, AIRE_EXIT_LIMIT_WALL);
    assert_int_equal(count_processes("sleep 1234.8"), 0);
    aire_mount mount = {sizeof mount, 0, "/usr", "/opt/usr"};
    command.mounts = &mount;
    command.mount_count = 1;
    assert_int_equal(aire_sandbox_run(bare, &command, NULL, &ended), AIRE_UNSUPPORTED);
    aire_sandbox_unref(bare);
}

static void test_process__reports_what_cannot_start(void **state)
{
    const char *argv[] = {"x", NULL}, *env[] = {NULL};
    aire_process process = AIRE_PROCESS_NONE;
    assert_int_equal(aire__process_start("/no/program", argv, env, NULL, 0, &process),
                     AIRE_NOT_FOUND);
    assert_int_equal(process.pidfd, -1);
    const char *sleep_argv[] = {"sleep", "30", NULL};
    assert_int_equal(aire__process_start("/bin/sleep", sleep_argv, env, NULL, 0, &process),
                     AIRE_OK);
    assert_int_equal(waitpid(-1, NULL, WNOHANG | __WALL), -1); /* no child of ours */
    assert_int_equal(aire__process_wait(&process, 20), AIRE_TIMEOUT);
    aire__process_signal(&process, SIGKILL);
    assert_int_equal(aire__process_wait(&process, 2000), AIRE_OK);
}

int main(void)
{
    if (!have_sandbox())
        return 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sandbox__tells_code_and_signal),
        cmocka_unit_test(test_sandbox__says_what_cannot_be_started),
        cmocka_unit_test(test_sandbox__passes_the_report),
        cmocka_unit_test(test_sandbox__environment_is_the_allowlist),
        cmocka_unit_test(test_sandbox__host_files_are_absent),
        cmocka_unit_test(test_sandbox__only_its_mounts_are_writable),
        cmocka_unit_test(test_sandbox__other_processes_are_unseen),
        cmocka_unit_test(test_sandbox__there_is_no_network),
        cmocka_unit_test(test_sandbox__descriptors_of_the_host_are_closed),
        cmocka_unit_test(test_sandbox__forbidden_calls_fail),
        cmocka_unit_test(test_sandbox__wall_limit_ends_everything),
        cmocka_unit_test(test_sandbox__daemons_do_not_outlive_the_command),
        cmocka_unit_test(test_sandbox__memory_is_limited),
        cmocka_unit_test(test_sandbox__tells_what_it_supports),
        cmocka_unit_test(test_sandbox__landlock_guards_what_mounts_leave_open),
        cmocka_unit_test(test_sandbox__memory_of_files_is_limited),
        cmocka_unit_test(test_sandbox__processor_time_of_all_is_limited),
        cmocka_unit_test(test_sandbox__open_files_are_limited),
        cmocka_unit_test(test_sandbox__output_is_limited),
        cmocka_unit_test(test_sandbox__the_end_comes_at_once),
        cmocka_unit_test(test_sandbox__tells_what_is_written_while_it_is),
        cmocka_unit_test(test_sandbox__tells_every_line_of_the_stream),
        cmocka_unit_test(test_sandbox__an_observer_can_stop_it),
        cmocka_unit_test(test_sandbox__a_stream_is_a_plain_file),
        cmocka_unit_test(test_gpu__identity_is_the_drivers),
        cmocka_unit_test(test_sandbox__processes_are_limited),
        cmocka_unit_test(test_sandbox__fork_bomb_is_contained),
        cmocka_unit_test(test_sandbox__disk_and_files_are_limited),
        cmocka_unit_test(test_sandbox__processor_time_is_limited),
        cmocka_unit_test(test_sandbox__log_keeps_head_and_tail),
        cmocka_unit_test(test_sandbox__cancelling_ends_it),
        cmocka_unit_test(test_sandbox__nothing_survives_the_host),
        cmocka_unit_test(test_sandbox__nothing_survives_the_worker),
        cmocka_unit_test(test_sandbox__nothing_survives_a_worker_that_was_just_started),
        cmocka_unit_test(test_sandbox__a_waiting_worker_that_was_killed_is_replaced),
        cmocka_unit_test(test_sandbox__no_worker_waits_for_a_sandbox_that_is_gone),
        cmocka_unit_test(test_sandbox__a_forked_child_has_workers_of_its_own),
        cmocka_unit_test(test_sandbox__a_command_has_the_processors_of_its_thread),
        cmocka_unit_test(test_sandbox__hosts_children_are_their_own_business),
        cmocka_unit_test(test_sandbox__many_at_once_leak_nothing),
        cmocka_unit_test(test_sandbox__ordinary_users_can_use_it),
        cmocka_unit_test(test_sandbox__says_what_the_machine_lacks),
        cmocka_unit_test(test_sandbox__without_isolation_still_supervises),
        cmocka_unit_test(test_process__reports_what_cannot_start),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
