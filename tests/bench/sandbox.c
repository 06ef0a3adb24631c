/*
 * What a sandbox costs: from start to exit of a program that does nothing, against bare bubblewrap
 * and a bare process, in turns; and what a thousand in a row leave behind.
 *
 * usage: bench_sandbox      AIRE_WORKER names the program aire-worker
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "aire/aire.h"
#include "bench.h"
#include "peer.h"

enum { ROUNDS = 200, ROUNDS_APART = 60, APART_MS = 50, IN_A_ROW = 1000, ATTEMPTS = 3 };

static aire_sandbox *sandbox;
static char worker[PATH_MAX];
static char mark[32]; /* a word in the command line of all that runs in our sandboxes */

static double time_program(const char *const *argv)
{
    double began = now_ms();
    run_program(argv);
    return now_ms() - began;
}

static double time_sandbox(void)
{
    const char *argv[] = {"/bin/true", mark, NULL};
    aire_command command = AIRE_COMMAND_INIT;
    aire_exit ended = AIRE_EXIT_INIT;
    double began = now_ms();
    command.argv = argv;
    need(aire_sandbox_run(sandbox, &command, NULL, &ended));
    if (ended.code != 0) {
        fprintf(stderr, "/bin/true ends with code %d in a sandbox\n", ended.code);
        exit(1);
    }
    return now_ms() - began;
}

/* ---- from start to exit ---- */

typedef struct medians {
    double ours, peer, bare;
} medians;

static medians compare(int rounds, int apart_ms)
{
    static const char *const bare[] = {"/bin/true", NULL};
    double a[ROUNDS], b[ROUNDS], c[ROUNDS];
    const useconds_t pause = (useconds_t)apart_ms * 1000;
    for (int i = 0; i < rounds; i++) {
        usleep(pause);
        a[i] = time_sandbox();
        usleep(pause);
        b[i] = time_program(peer_bwrap);
        c[i] = time_program(bare);
    }
    return (medians){median(a, rounds), median(b, rounds), median(c, rounds)};
}

static void print_ratio(const char *name, const medians *m)
{
    double ratio = m->ours / m->peer;
    printf("# %s: sandbox %.2f ms, bubblewrap %.2f ms, bare %.2f ms\n", name, m->ours, m->peer,
           m->bare);
    printf("BENCH sandbox.%s value=%.2f goal=1.3 unit=ratio peer=bwrap pass=%s\n", name, ratio,
           ratio <= 1.3 ? "yes" : "no");
}

/* ---- what is left ---- */

enum { DESCRIPTORS, PROCESSES, GROUPS, FILES, KINDS };

static const char *const kind_names[KINDS] = {"descriptors", "processes", "control groups",
                                              "entries of /tmp"};

static int count_entries(const char *directory, bool (*wanted)(const char *name))
{
    int count = 0;
    DIR *dir = opendir(directory);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        count += !wanted || wanted(entry->d_name);
    if (dir)
        closedir(dir);
    return count;
}

/* A child of ours, waited for or not; or one of a sandbox: its words tell, or its program. */
static bool is_ours(const char *pid)
{
    char path[300], text[8192], program[PATH_MAX] = "";
    int parent = 0;
    if (atoi(pid) <= 0)
        return false;
    snprintf(path, sizeof path, "/proc/%s/exe", pid);
    if (readlink(path, program, sizeof program - 1) > 0 && !strcmp(program, worker))
        return true;
    snprintf(path, sizeof path, "/proc/%s/stat", pid);
    FILE *file = fopen(path, "re");
    if (file && fgets(text, sizeof text, file) && strrchr(text, ')'))
        sscanf(strrchr(text, ')') + 1, " %*c %d", &parent);
    if (file)
        fclose(file);
    snprintf(path, sizeof path, "/proc/%s/cmdline", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, text, sizeof text) : 0;
    if (fd >= 0)
        close(fd);
    return parent == getpid() || (length > 0 && memmem(text, (size_t)length, mark, strlen(mark)));
}

static int groups;

/* Groups of workers that are gone. */
static int count_group(const char *path, const struct stat *info, int type, struct FTW *at)
{
    int pid = 0;
    if (type == FTW_D && sscanf(path + at->base, "aire-%d", &pid) == 1)
        groups += kill(pid, 0) != 0 && errno == ESRCH;
    return 0;
}

static void count(int *counts)
{
    groups = 0;
    nftw("/sys/fs/cgroup", count_group, 16, FTW_PHYS);
    counts[DESCRIPTORS] = count_entries("/proc/self/fd", NULL);
    counts[PROCESSES] = count_entries("/proc", is_ours);
    counts[GROUPS] = groups;
    counts[FILES] = count_entries("/tmp", NULL);
}

/* How much more there is after many runs. */
static int count_left(void)
{
    int before[KINDS], after[KINDS], left = 0;
    count(before);
    for (int i = 0; i < IN_A_ROW; i++)
        time_sandbox();
    count(after);
    for (int i = 0; i < KINDS; i++) {
        printf("# %d runs: %d %s before, %d after\n", IN_A_ROW, before[i], kind_names[i], after[i]);
        left += after[i] > before[i] ? after[i] - before[i] : 0;
    }
    return left;
}

/* Other programs use /tmp and control groups as well, so what is found is looked for again: what
 * sandboxes leave is left each time. */
static int least_left(void)
{
    int least = count_left();
    for (int i = 1; i < ATTEMPTS && least > 0; i++) {
        int left = count_left();
        least = left < least ? left : least;
    }
    return least;
}

int main(void)
{
    aire_sandbox_options options = AIRE_SANDBOX_OPTIONS_INIT;
    aire_ctx *ctx = NULL;
    options.worker_path = getenv("AIRE_WORKER");
    if (!options.worker_path || !realpath(options.worker_path, worker)) {
        fprintf(stderr, "bench_sandbox: AIRE_WORKER must name the program aire-worker\n");
        return 2;
    }
    snprintf(mark, sizeof mark, "aire-bench-%d", (int)getpid());
    need(aire_ctx_new(NULL, &ctx));
    need(aire_sandbox_new(ctx, &options, &sandbox));
    medians row = compare(ROUNDS, 0), apart = compare(ROUNDS_APART, APART_MS);
    print_ratio("start_ratio", &row);
    print_ratio("start_ratio_apart", &apart); /* with pauses: caches are cold */
    printf("BENCH sandbox.overhead value=%.2f unit=ms peer=fork+exec peer_value=%.2f\n",
           row.ours - row.bare, row.bare);
    int left = least_left();
    printf("BENCH sandbox.leaks value=%d goal=0 unit=things pass=%s\n", left, left ? "no" : "yes");
    aire_sandbox_unref(sandbox);
    aire_ctx_unref(ctx);
    return 0;
}
