/*
 * What the library and the program aire-worker agree on.
 *
 * The worker is started with these descriptors, reads its specification (one JSON object) to the
 * end, supervises the command, and writes its report (one JSON object) when everything that it
 * started is gone. It kills everything when the host process ends, or when it can read a byte or
 * the end of the control pipe.
 *
 * Specification: protocol (AIRE_WORKER_PROTOCOL), argv (the program to start, bubblewrap or the
 * command itself, with all arguments), env (its environment), the limits that the worker watches,
 * writable (directories whose growth counts as disk), cgroup (directory of a control group to make
 * one in; "" to look for one), stream (file to watch; "" for none), report and live (whether there
 * are those descriptors).
 *
 * Report: setup (text: why the command could not be started; else absent), the fields of aire_exit
 * but for the GPUs', and supports (AIRE_SUPPORTS_*, or'ed: what guarded this command).
 *
 * Control: AIRE_WORKER_STOP ends the command with AIRE_EXIT_LIMIT_STOPPED, anything else and the
 * end of the pipe as cancelled.
 */
#ifndef AIRE_SANDBOX_SPEC_H
#define AIRE_SANDBOX_SPEC_H

#include <stdint.h>

/* Raised whenever anything below changes: a worker that was left from another installation says so
 * instead of misunderstanding. */
#define AIRE_WORKER_PROTOCOL 2

enum {
    AIRE_WORKER_REPORT_FILE =
        3, /* of the command; the descriptor that AIRE_REPORT_FD names; optional */
    AIRE_WORKER_SPEC = 4,
    AIRE_WORKER_CONTROL = 5,
    AIRE_WORKER_REPORT = 6,
    AIRE_WORKER_LOG = 7,
    AIRE_WORKER_HOST = 8,    /* pidfd of the host process */
    AIRE_WORKER_SECCOMP = 9, /* filter program, for bubblewrap */
    AIRE_WORKER_PASSWD = 10, /* contents of /etc/passwd, for bubblewrap */
    AIRE_WORKER_GROUP = 11,
    AIRE_WORKER_INNER = 12, /* made by the worker: the inner process tells how the command ended */
    AIRE_WORKER_LIVE = 13   /* what the command writes, as it comes: frames; optional */
};

#define AIRE_WORKER_STOP 'S'

/* A frame on AIRE_WORKER_LIVE: this, then `length` bytes. Never more than PIPE_BUF in all, so that
 * each is written whole or not at all. */
typedef struct aire_live_frame {
    uint32_t kind; /* AIRE_OBSERVE_* */
    uint32_t length;
} aire_live_frame;

/* Where the sandbox shows the worker to itself: its inner half is the first process inside. */
#define AIRE_WORKER_INSIDE "/run/aire-worker"

/*
 * The inner half: "aire-worker --inner CPU_S FILE_BYTES OPEN_FILES PROCESSES WRITABLE... --
 * PROGRAM ARGUMENT...". It limits and starts the command, is the init of its namespace, and tells
 * the worker on AIRE_WORKER_INNER: one byte when it is there (AIRE_INNER_*), then the status as
 * waitpid gives it, as a native int. With WRITABLE places the command gets a Landlock domain in
 * which only those can be written to.
 */
#define AIRE_INNER_PLAIN '+'
#define AIRE_INNER_LANDLOCK 'L'
#define AIRE_WORKER_INNER_FLAG "--inner"

#endif
