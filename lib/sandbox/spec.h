/*
 * What the library and the program aire-worker agree on.
 *
 * The worker is started with these descriptors, reads its specification (one JSON object) to the
 * end, supervises the command, and writes its report (one JSON object) when everything that it
 * started is gone. It kills everything when the host process ends, or when it can read a byte or
 * the end of the control pipe.
 *
 * Specification: argv (the program to start, bubblewrap or the command itself, with all arguments),
 * env (its environment), wall_ms, memory_bytes, processes, disk_bytes, log_bytes (limits that the
 * worker watches), writable (directories whose growth counts as disk), pass (descriptors that the
 * program inherits under the same number).
 *
 * Report: setup (text: why the command could not be started; else absent), code, signal, limit,
 * wall_ms, user_ms, system_ms, max_rss_bytes, log_bytes.
 */
#ifndef AIRE_SANDBOX_SPEC_H
#define AIRE_SANDBOX_SPEC_H

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
    AIRE_WORKER_INNER = 12 /* made by the worker: the inner process tells how the command ended */
};

/* Where the sandbox shows the worker to itself: its inner half is the first process inside. */
#define AIRE_WORKER_INSIDE "/run/aire-worker"

/*
 * The inner half: "aire-worker --inner CPU_S FILE_BYTES OPEN_FILES PROCESSES -- PROGRAM
 * ARGUMENT...". It limits and starts the command, is the init of its namespace, and tells the
 * worker on AIRE_WORKER_INNER: one byte when it is there, then the status as waitpid gives it, as a
 * native int.
 */
#define AIRE_WORKER_INNER_FLAG "--inner"

#endif
