/*
 * The first process inside the sandbox: it starts the command with its limits, reaps as an init
 * does, and tells the worker how the command ended. When it ends, the kernel ends whatever is left
 * in its PID namespace.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "sandbox/spec.h"
#include "worker/worker.h"

static void limit(int resource, const char *text, rlim_t spare)
{
    rlim_t value = (rlim_t)strtoull(text, NULL, 10) + spare;
    struct rlimit both = {value, value}, present;
    if (getrlimit(resource, &present) == 0 && present.rlim_max != RLIM_INFINITY &&
        present.rlim_max < value)
        both = (struct rlimit){present.rlim_max, present.rlim_max};
    setrlimit(resource, &both);
}

/* The soft limit gives the signal, the hard one kills a second later. */
static void limit_cpu(const char *text)
{
    rlim_t seconds = (rlim_t)strtoull(text, NULL, 10);
    struct rlimit both = {seconds, seconds + 1};
    if (seconds > 0)
        setrlimit(RLIMIT_CPU, &both);
}

/* Become the command: argv is CPU_S FILE_BYTES OPEN_FILES PROCESSES, `command` its words. */
static void become(char **argv, char **command)
{
    enum { SPARE = 64 }; /* so that too many can be seen where no control group counts them */
    struct rlimit none = {0, 0};
    sigset_t empty;
    sigemptyset(&empty);
    sigprocmask(SIG_SETMASK, &empty, NULL);
    limit_cpu(argv[0]);
    limit(RLIMIT_FSIZE, argv[1], 0);
    limit(RLIMIT_NOFILE, argv[2], 0);
    limit(RLIMIT_NPROC, argv[3], SPARE);
    setrlimit(RLIMIT_CORE, &none);
    setsid();
    /* Of our descriptors the command has 0, 1, 2 and, if there is one, that of its report. */
    syscall(SYS_close_range, AIRE_WORKER_REPORT_FILE + 1, ~0u, 0);
    execvp(command[0], command);
    fprintf(stderr, "%s: %s\n", command[0], strerror(errno));
    _exit(errno == ENOENT ? 127 : 126); /* as a shell says it */
}

/* Where the command's words begin, after "--"; NULL if they do not. */
static char **find_command(int argc, char **argv)
{
    for (int i = 4; i + 1 < argc; i++)
        if (!strcmp(argv[i], "--"))
            return argv + i + 1;
    return NULL;
}

int inner_main(int argc, char **argv)
{
    int status = 0;
    char **command = find_command(argc, argv);
    if (!command)
        return 2;
    /* The command is of the same user: it must not reach into this process. */
    prctl(PR_SET_DUMPABLE, 0);
    prctl(PR_SET_NAME, "aire-inner");
    size_t places = (size_t)(command - argv) - 5;
    char note =
        places > 0 && landlock_guard(argv + 4, places) ? AIRE_INNER_LANDLOCK : AIRE_INNER_PLAIN;
    pid_t child = fork();
    if (child == 0)
        become(argv, command);
    if (child < 0 || aire__write_all(AIRE_WORKER_INNER, &note, 1) != 0)
        return 2;
    for (pid_t ended; (ended = waitpid(-1, &status, 0)) != child;)
        if (ended < 0 && errno != EINTR)
            return 2;
    aire__write_all(AIRE_WORKER_INNER, &status, sizeof status);
    _exit(0); /* at once: nothing of ours may come into the command's log */
}
