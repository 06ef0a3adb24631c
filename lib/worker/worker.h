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
    const char *cwd, *stream;
    int64_t wall_ms, cpu_ms, memory_bytes, disk_bytes, log_bytes, output_bytes, processes,
        open_files;
    bool report, live;
} spec;

/* Read the specification; false if it is damaged. Strings live as long as the program. */
bool spec_read(spec *s, int fd);

/* ---- cgroup.c: a control group of the command's own ---- */

typedef struct group {
    char path[512]; /* "" where there is none */
    bool unified;   /* of version 2 */
    bool joined;    /* the command is in it */
    bool limits;    /* it is limited */
} group;

typedef struct control_group {
    group memory, pids; /* perhaps the same directory */
    group cpu;          /* of version 1, to count processor time; one of version 2 counts it, too */
} control_group;

/* Make groups at these places, as sandbox/spec.h has them; what cannot be had is not there. */
void cgroup_make(control_group *g, const char *memory, const char *pids, const char *cpu);

/* fork(2), with the child in the groups as far as it can be. */
pid_t cgroup_fork(control_group *g);

/* In the child: which it is in. */
char cgroup_joined(const control_group *g);

/* Limit what is in them, by what the child says. */
void cgroup_limit(control_group *g, char joined, int64_t memory_bytes, int64_t processes);

bool cgroup_out_of_memory(const control_group *g);
bool cgroup_out_of_processes(const control_group *g);

/* The processor time of all that ever was in it, also of what nobody waited for; false where there
 * is none. */
bool cgroup_cpu(const control_group *g, int64_t *user_ms, int64_t *system_ms);

/* Kill what is in it, where the kernel can do that at once. */
void cgroup_kill(const control_group *g);

/* When its processes are gone. */
void cgroup_remove(control_group *g);

/* ---- launch.c: the child that becomes the command ---- */

typedef struct launcher {
    int log;                /* to read what the command writes */
    int inner;              /* tells that the command began, and how it ended */
    int order;              /* to tell the child its command */
    int log_end, inner_end; /* the child's */
    pid_t child;
} launcher;

/* Start it in its groups; it waits. */
bool launcher_make(launcher *l, control_group *g);

/* Wait until it is in its groups: what cgroup_joined said, -1 if it has ended. */
int launcher_joined(const launcher *l);

/* Let it become the command: descriptors of the specification and, if there is one, the report
 * file. */
bool launcher_go(launcher *l, const int *fds, size_t count);

/* ---- log.c: the head and the tail of what the command writes ---- */

typedef struct log_pump {
    int in, out;
    struct live_feed *live; /* told of what comes */
    int64_t half;           /* bytes kept of the head, and of the tail */
    int64_t written;        /* bytes that came */
    char *tail;             /* ring of `half` bytes */
    char head[512];         /* beginning, for the reason why a set-up failed */
    size_t head_length;
} log_pump;

bool log_open(log_pump *log, int in, int out, int64_t max, struct live_feed *feed);

/* Take what is there without blocking; false at the end of the pipe. */
bool log_take(log_pump *log);

/* Write what was left out, and the tail. */
void log_close(log_pump *log);

/* ---- live.c: what the command writes, passed on while it writes ---- */

typedef struct live_feed {
    int fd;           /* -1: nobody listens */
    const char *path; /* of the stream; "" for none */
    int stream;       /* once it is there; else -1 */
    int64_t at;       /* how far it was passed on */
    bool skipping;    /* inside a line that is too long for a frame */
} live_feed;

void live_open(live_feed *l, int fd, const char *stream_path);

/* Output is passed on if there is room. */
void live_output(live_feed *l, const char *data, size_t length);

/* New lines of the stream are passed on; false: there was no room for all. */
bool live_stream(live_feed *l);

/* The rest of the stream, for as long as the library goes on reading. */
void live_close(live_feed *l);

/* ---- landlock.c ---- */

/* From now on this process can write only below the places, `count` of them; those that are not
 * there are left out. False: the kernel cannot do that. */
bool landlock_guard(char *const *places, size_t count);

/* ---- tree.c: the processes below the worker ---- */

typedef struct tree_sample {
    int processes;    /* threads of all descendants */
    int64_t resident; /* resident memory of all, bytes */
    int64_t user_ms;  /* processor time of all, those that ended included */
    int64_t system_ms;
    int64_t files; /* most descriptors that one has open; 0 if the kernel does not tell */
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

/* ---- main.c: one command from its start to the verdict ---- */

typedef struct supervision {
    spec spec;
    launcher launcher;
    log_pump log;
    live_feed live;
    control_group group;
    tree_sample used; /* when it was last looked at */
    int inner;        /* the launcher's, until it is closed */
    bool began, ended;
    bool files_full;   /* a process was seen with every descriptor that it may have */
    int status;        /* of the command, once ended */
    int code, signal;  /* the same, taken apart */
    int limit;         /* AIRE_EXIT_LIMIT_* that ended it */
    bool abandoned;    /* cancelled, or the host is gone */
    unsigned supports; /* AIRE_SUPPORTS_*: what guards the command */
    int64_t start_ms, wall_ms, end_ms, max_resident, disk_before;
} supervision;

/* ---- report.c ---- */

/* Tell why the command could not be started. */
void report_failure(const char *why, size_t length);

/* Tell how it ended. */
void report_end(const supervision *s);

/* ---- inner.c: the first process inside the sandbox ---- */

int inner_main(int argc, char **argv);

#endif
