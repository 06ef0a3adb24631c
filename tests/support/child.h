/* Another process that uses the store, for the tests that kill it, or that give it other rights. */
#ifndef TESTS_SUPPORT_CHILD_H
#define TESTS_SUPPORT_CHILD_H

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "support/store.h"

typedef int (*child_fn)(int from_parent, int to_parent);

typedef struct child {
    pid_t pid;
    int to;
    int from;
} child;

/* A forked process; the parent must have no store open that the child opens. */
static inline child start_child(child_fn fn)
{
    int down[2], up[2];
    assert_int_equal(pipe2(down, O_CLOEXEC), 0);
    assert_int_equal(pipe2(up, O_CLOEXEC), 0);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(down[1]);
        close(up[0]);
        _exit(fn(down[0], up[1]));
    }
    close(down[0]);
    close(up[1]);
    return (child){pid, down[1], up[0]};
}

static inline void await(int fd)
{
    char byte;
    assert_int_equal(read(fd, &byte, 1), 1);
}

static inline void notify(int fd)
{
    assert_int_equal(write(fd, "x", 1), 1);
}

/* Wait for the child's end; its wait status. */
static inline int end_child(child *process)
{
    int status;
    close(process->to);
    assert_int_equal(waitpid(process->pid, &status, 0), process->pid);
    close(process->from);
    return status;
}

#endif
