/*
 * What the library and the program aire-worker agree on.
 *
 * A worker, "aire-worker PROTOCOL MEMORY PIDS CPU" (where to make a control group for each
 * controller: "1:DIRECTORY" or "2:DIRECTORY" by the version of control groups, "" for none),
 * supervises one command. It is started with the descriptors below, prepares a control group with a
 * process in it, and waits: so it can be started before its command is known. Then it gets one
 * message on its control socket: a byte, and with it descriptors of the specification, the log and,
 * where the specification says so, the command's report and the live pipe, in this order. It runs
 * the command, and writes its report when everything that it started is gone. It kills everything
 * when the host process ends, or when it can read a byte or the end of the control socket.
 *
 * Specification and report are pairs of texts, key and value, each ended by a NUL; a key that comes
 * again adds to a list.
 *
 * Specification: argv (the program to start, bubblewrap or the command itself, with all arguments),
 * env (its environment), the limits that the worker watches, writable (directories whose growth
 * counts as disk), cwd, stream (file to watch; "" for none), report and live (1 or 0).
 *
 * Report: setup (text: why the command could not be started; else absent), the fields of aire_exit
 * but for the GPUs', and supports (AIRE_SUPPORTS_*, or'ed: what guarded this command).
 *
 * Control: AIRE_WORKER_STOP ends the command with AIRE_EXIT_LIMIT_STOPPED, anything else and the
 * end of the socket as cancelled.
 */
#ifndef AIRE_SANDBOX_SPEC_H
#define AIRE_SANDBOX_SPEC_H

#include <stdint.h>

/* Raised whenever anything below changes: a worker that was left from another installation says so
 * instead of misunderstanding. */
#define AIRE_WORKER_PROTOCOL "5"

enum {
    AIRE_WORKER_REPORT_FILE =
        3, /* of the command; the descriptor that AIRE_REPORT_FD names; optional */
    AIRE_WORKER_CONTROL = 5,
    AIRE_WORKER_REPORT = 6,
    AIRE_WORKER_HOST = 8,    /* pidfd of the host process */
    AIRE_WORKER_SECCOMP = 9, /* filter program, for bubblewrap */
    AIRE_WORKER_PASSWD = 10, /* contents of /etc/passwd, for bubblewrap */
    AIRE_WORKER_GROUP = 11,
    AIRE_WORKER_INNER = 12, /* made by the worker: the inner process tells how the command ended */
    AIRE_WORKER_FIRST_FREE = 20 /* above all that are agreed on */
};

#define AIRE_WORKER_BEGIN 'B'
#define AIRE_WORKER_STOP 'S'

/* A frame on the live pipe: this, then `length` bytes. Never more than PIPE_BUF in all, so that
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
