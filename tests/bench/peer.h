/* What benchmarks compare with: bare bubblewrap, and a bare process. */
#ifndef TESTS_BENCH_PEER_H
#define TESTS_BENCH_PEER_H

#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* All namespaces, the host's files to read, its own /proc, /dev and /tmp: as its manual has it. */
static const char *const peer_bwrap[] = {
    "/usr/bin/bwrap", "--unshare-all", "--ro-bind", "/",    "/",         "--proc", "/proc",
    "--dev",          "/dev",          "--tmpfs",   "/tmp", "/bin/true", NULL};

/* Run a program to its end; it must succeed. */
static inline void run_program(const char *const *argv)
{
    pid_t child;
    int status = 1;
    if (posix_spawn(&child, argv[0], NULL, NULL, (char *const *)(uintptr_t)argv, environ) == 0)
        waitpid(child, &status, 0);
    if (status != 0) {
        fprintf(stderr, "%s does not run\n", argv[0]);
        exit(1);
    }
}

#endif
