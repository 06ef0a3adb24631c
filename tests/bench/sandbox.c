/*
 * What a sandbox costs: from start to exit of a program that does nothing, against bare bubblewrap
 * and a bare process, in turns; and what a thousand in a row leave behind.
 *
 * usage: bench_sandbox      AIRE_WORKER names the program aire-worker
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "aire/aire.h"
#include "peer.h"

enum { ROUNDS = 200, IN_A_ROW = 1000 };

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof *values, by_size);
    return values[ROUNDS / 2];
}

static double time_program(const char *const *argv)
{
    double began = now_ms();
    run_program(argv);
    return now_ms() - began;
}

static double time_sandbox(aire_sandbox *sandbox)
{
    static const char *const argv[] = {"/bin/true", NULL};
    aire_command command = AIRE_COMMAND_INIT;
    aire_exit ended = AIRE_EXIT_INIT;
    double began = now_ms();
    command.argv = argv;
    if (aire_sandbox_run(sandbox, &command, NULL, &ended) != AIRE_OK || ended.code != 0) {
        fprintf(stderr, "%s\n", aire_error_message(aire_last_error()));
        exit(1);
    }
    return now_ms() - began;
}

/* Entries of a directory whose names begin with a word ("": all). */
static int count_entries(const char *directory, const char *word)
{
    int count = 0;
    DIR *dir = opendir(directory);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        count += !strncmp(entry->d_name, word, strlen(word));
    if (dir)
        closedir(dir);
    return count;
}

/* Processes of our worker; those that only wait to be reaped have no program any more. */
static int count_workers(void)
{
    int count = 0;
    DIR *dir = opendir("/proc");
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char link[300], program[300] = "";
        snprintf(link, sizeof link, "/proc/%s/exe", entry->d_name);
        if (readlink(link, program, sizeof program - 1) > 0)
            count += strstr(program, "aire-worker") != NULL;
    }
    if (dir)
        closedir(dir);
    return count;
}

static int things_open(void)
{
    return count_entries("/proc/self/fd", "") + count_workers() +
           count_entries("/sys/fs/cgroup/pids", "aire-");
}

int main(void)
{
    static const char *const bare[] = {"/bin/true", NULL};
    static double ours[ROUNDS], peer[ROUNDS], none[ROUNDS];
    aire_sandbox_options options = AIRE_SANDBOX_OPTIONS_INIT;
    aire_ctx *ctx = NULL;
    aire_sandbox *sandbox = NULL;
    options.worker_path = getenv("AIRE_WORKER");
    if (aire_ctx_new(NULL, &ctx) != AIRE_OK ||
        aire_sandbox_new(ctx, &options, &sandbox) != AIRE_OK) {
        fprintf(stderr, "%s\n", aire_error_message(aire_last_error()));
        return 1;
    }
    for (int i = 0; i < ROUNDS; i++) {
        ours[i] = time_sandbox(sandbox);
        peer[i] = time_program(peer_bwrap);
        none[i] = time_program(bare);
    }
    double a = median(ours), b = median(peer), c = median(none);
    printf("a program that does nothing, median of %d: sandbox %.2f ms, bubblewrap %.2f ms, bare "
           "%.2f ms\n",
           ROUNDS, a, b, c);
    printf("BENCH sandbox.start_ratio value=%.2f goal=1.3 unit=ratio peer=bwrap peer_value=1 "
           "pass=%s\n",
           a / b, a / b <= 1.3 ? "yes" : "no");
    printf("BENCH sandbox.overhead value=%.2f unit=ms peer=fork+exec peer_value=%.2f\n", a - c, c);
    int before = things_open();
    for (int i = 0; i < IN_A_ROW; i++)
        time_sandbox(sandbox);
    int left = things_open() - before;
    printf("BENCH sandbox.left_by_1000 value=%d goal=0 unit=things pass=%s\n", left,
           left == 0 ? "yes" : "no");
    aire_sandbox_unref(sandbox);
    aire_ctx_unref(ctx);
    return 0;
}
