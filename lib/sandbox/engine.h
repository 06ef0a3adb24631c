/* The built-in sandbox, in its parts. */
#ifndef AIRE_SANDBOX_ENGINE_H
#define AIRE_SANDBOX_ENGINE_H

#include "aire/sandbox.h"
#include "base/buf.h"
#include "sandbox/supervisor.h"

/* Where control groups may be made, for each controller, as spec.h has it: "1:DIRECTORY" or
 * "2:DIRECTORY" by the version; "" for nowhere. */
typedef struct aire_groups {
    char memory[448], pids[448], cpu[448];
} aire_groups;

typedef struct aire_engine {
    aire_ctx *ctx; /* borrowed from the sandbox */
    int32_t kind;  /* AIRE_SANDBOX_* */
    char *worker;  /* path of aire-worker */
    char *bwrap;   /* path of bwrap; NULL for AIRE_SANDBOX_NONE */
    char *filter;  /* of system calls, as a program of the kernel's */
    size_t filter_length;
    aire_groups groups;
    aire_supervisors supervisors;
} aire_engine;

/* Limits with the defaults filled in. */
aire_limits aire__limits_filled(const aire_limits *given);

/* Where one of our own programs is: `given`, or beside the library, or where it was to be
 * installed. *out is from aire_alloc. AIRE_UNSUPPORTED says how to get it, or by which `option` to
 * name it. */
aire_status aire__program_find(aire_ctx *ctx, const char *given, const char *name,
                               const char *option, char **out);

/* Find the programs; AIRE_UNSUPPORTED says which is missing and how to get it. */
aire_status aire__engine_find(aire_engine *engine, const aire_sandbox_options *options);

/* Run one command by way of the worker. *supports (nullable): what guarded it, AIRE_SUPPORTS_*. */
aire_status aire__engine_run(aire_engine *engine, const aire_command *command, aire_cancel *cancel,
                             aire_exit *exit, uint32_t *supports);

/* Find where groups can be made; `named`: the only place to look at, nullable. */
void aire__groups_find(aire_groups *groups, const char *named);

/* ---- spec.c, argv.c ---- */

/* Write the specification of a command: pairs, see spec.h. */
aire_status aire__spec_make(aire_buf *spec, const aire_engine *engine, const aire_command *command);

/* One pair of it. */
void aire__spec_bytes(aire_buf *spec, const char *key, const char *value, size_t length);
void aire__spec_text(aire_buf *spec, const char *key, const char *value);
void aire__spec_number(aire_buf *spec, const char *key, int64_t value);

/* The program to start and its arguments: bubblewrap around the command, or the command. */
aire_status aire__spec_argv(aire_buf *spec, const aire_engine *engine, const aire_command *command,
                            const aire_limits *limits);

/* ---- report.c ---- */

/* What a worker reported. */
aire_status aire__report_parse(const char *text, size_t length, aire_exit *exit,
                               uint32_t *supports);

/* ---- gpu.c ---- */

/* The nodes that every CUDA program needs beside its devices' own; ends in NULL. */
extern const char *const aire__gpu_nodes[];

/*
 * The identity ("GPU-...") of device number `gpu`, as the driver tells it below `proc`
 * ("/proc/driver/nvidia"); "" if it does not. Identities name a device whatever else is visible,
 * which numbers do not.
 */
void aire__gpu_identity(const char *proc, int32_t gpu, char out[64]);

/* ---- nvml.c ---- */

/* What GPUs are doing while a command has them; NULL where there is no NVML, or no GPU. */
typedef struct aire_gpu_watch aire_gpu_watch;

aire_gpu_watch *aire__gpu_watch_open(aire_ctx *ctx, const int32_t *gpus, size_t count);
void aire__gpu_watch_look(aire_gpu_watch *watch);

/* Write what was seen. */
void aire__gpu_watch_close(aire_gpu_watch *watch, aire_exit *exit);

/* ---- seccomp.c ---- */

/* The filter's program, for bubblewrap's --seccomp; from aire_alloc. */
aire_status aire__seccomp_program(aire_ctx *ctx, char **out, size_t *length);

#endif
