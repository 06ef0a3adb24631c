/* aire-worker: supervises one sandboxed command. What its files share. */
#ifndef AIRE_WORKER_WORKER_H
#define AIRE_WORKER_WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "aire/sandbox.h"

/* What the library asked for; see sandbox/spec.h. */
typedef struct spec {
    char **argv; /* end in NULL */
    char **env;
    char **writable;
    const char *cwd;
    int64_t wall_ms, memory_bytes, disk_bytes, log_bytes;
    int processes;
    bool report;
} spec;

/* Read the specification from its descriptor; false with a reason. Strings live as long as the
 * program. */
bool spec_read(spec *s, const char **why);

/* ---- log.c: the head and the tail of what the command writes ---- */

typedef struct log_pump {
    int in, out;
    int64_t half;    /* bytes kept of the head, and of the tail */
    int64_t written; /* bytes that came */
    char *tail;      /* ring of `half` bytes */
    char head[512];  /* beginning, for the reason why a set-up failed */
    size_t head_length;
} log_pump;

bool log_open(log_pump *log, int in, int out, int64_t max);

/* Take what is there without blocking; false at the end of the pipe. */
bool log_take(log_pump *log);

/* Write what was left out, and the tail. */
void log_close(log_pump *log);

/* ---- tree.c: the processes below the worker ---- */

typedef struct tree_sample {
    int processes;    /* of the command: those below the inner half */
    int64_t resident; /* resident memory of all, bytes */
} tree_sample;

/* Look at the descendants; at `most` and one more. */
tree_sample tree_look(int most);

/* Memory of all descendants with shared pages divided among them; the resident sum where that
 * cannot be read. */
int64_t tree_proportional(void);

/* Kill all descendants, and reap until none is left. */
void tree_kill(void);

/* ---- disk.c ---- */

/* Blocks used below the directories, in bytes; links are not followed, and other file systems not
 * entered. */
int64_t disk_used(char *const *directories);

/* ---- inner.c: the first process inside the sandbox ---- */

int inner_main(int argc, char **argv);

#endif
