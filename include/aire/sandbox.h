/**
 * @file sandbox.h
 * Sandboxes: how one command is run, isolated and limited.
 *
 * The built-in sandbox starts the program aire-worker, which sets up bubblewrap and supervises it:
 * the command sees read-only system directories, the mounts that it was given, a private /tmp and
 * /proc, no network and no other process, and everything that it started is gone when it ends, when
 * a limit is reached, and when the host program dies. Where the kernel has Landlock, it guards the
 * mounts once more; where a control group may be made, it limits memory and processes.
 */
#ifndef AIRE_SANDBOX_H
#define AIRE_SANDBOX_H

#include "aire/cancel.h"

AIRE_BEGIN_DECLS

/** A sandbox. Reference counted; thread-safe: many commands may run in it at once. */
typedef struct aire_sandbox aire_sandbox;

/** Flags of a mount. */
enum {
    AIRE_MOUNT_WRITABLE = 1, /**< the command may write to it; otherwise read-only */
    AIRE_MOUNT_OPTIONAL = 2, /**< leave it out if the source does not exist */
    AIRE_MOUNT_DEVICE = 4    /**< a device node, which the command may use as one */
};

/** A directory or file of the host that the command sees. */
typedef struct aire_mount {
    uint32_t struct_size; /**< sizeof(aire_mount) */
    uint32_t flags;       /**< AIRE_MOUNT_*, or'ed */
    const char *source;   /**< absolute path on the host */
    const char *target;   /**< absolute path that the command sees */
} aire_mount;

/** Limits of a command; 0 in a field means the default. */
typedef struct aire_limits {
    uint32_t struct_size; /**< sizeof(aire_limits) */
    int32_t processes;    /**< processes and threads at once; default 512 */
    int64_t wall_ms;      /**< elapsed time, milliseconds; default 600,000 */
    int64_t cpu_ms;       /**< processor time of all processes together, milliseconds; default none */
    int64_t memory_bytes; /**< resident memory of all processes together; default 4 GiB */
    int64_t file_bytes;   /**< size of one file; default 4 GiB */
    int64_t disk_bytes;   /**< growth of the writable mounts together; default 8 GiB */
    int64_t log_bytes;    /**< what is kept of the output, head and tail; default 1 MiB */
    int32_t open_files;   /**< open descriptors of one process; default 1024 */
    int32_t reserved;     /**< must be 0 */
    int64_t output_bytes; /**< output written, kept or not; default 1 GiB */
} aire_limits;

/** Flags of a command. */
enum {
    AIRE_COMMAND_NETWORK = 1 /**< share the host's network; otherwise there is none */
};

/** What a command's observer is told of. */
enum {
    AIRE_OBSERVE_OUTPUT = 1, /**< bytes that the command wrote to stdout or stderr */
    AIRE_OBSERVE_STREAM = 2  /**< whole lines that the command appended to its stream file */
};

/**
 * Told, inside aire_sandbox_run and on its thread, of what a command writes, while it writes.
 * Output that comes faster than the observer takes it is left out here (the log has it); lines of
 * the stream are all told, in order, but for those of more than 4,000 bytes.
 *
 * @return 0 to go on; anything else ends the command, with AIRE_EXIT_LIMIT_STOPPED
 */
typedef int32_t (*aire_observe_fn)(int32_t kind, const char *data, size_t length, void *user_data);

/** A command to run. Everything is borrowed for the call. */
typedef struct aire_command {
    uint32_t struct_size;      /**< sizeof(aire_command) */
    uint32_t flags;            /**< AIRE_COMMAND_*, or'ed */
    const char *const *argv;   /**< program and arguments, ends in NULL; program found by PATH */
    const char *const *env;    /**< the whole environment, "NAME=value", ends in NULL; nullable */
    const char *cwd;           /**< directory inside the sandbox to start in; NULL: "/" */
    const aire_mount *mounts;  /**< beside the system directories; in order, later over earlier */
    size_t mount_count;
    const aire_limits *limits; /**< NULL: the defaults */
    const char *log_path;      /**< file of the host for stdout and stderr together; replaced; NULL: dropped */
    /** File of the host for the command's report, replaced; the command writes it through the
     *  descriptor that its variable AIRE_REPORT_FD names. NULL: no such descriptor. */
    const char *report_path;
    const int32_t *gpus; /**< numbers N of the devices /dev/nvidiaN that it may use, and no others */
    size_t gpu_count;
    /** File of the host, below a writable mount, that the command appends lines to; NULL: none. */
    const char *stream_path;
    aire_observe_fn observe; /**< nullable */
    void *observe_user_data; /**< borrowed */
} aire_command;

/** Default command. */
#define AIRE_COMMAND_INIT                                                                          \
    { sizeof(aire_command), 0, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL, 0, NULL, NULL,   \
      NULL }

/** What ended a command besides itself. */
enum {
    AIRE_EXIT_LIMIT_NONE = 0,
    AIRE_EXIT_LIMIT_WALL = 1,
    AIRE_EXIT_LIMIT_CPU = 2,
    AIRE_EXIT_LIMIT_MEMORY = 3,
    AIRE_EXIT_LIMIT_PROCESSES = 4,
    AIRE_EXIT_LIMIT_FILE_SIZE = 5,
    AIRE_EXIT_LIMIT_DISK = 6,
    /** It failed, and one of its processes had been seen with every descriptor that it may open. */
    AIRE_EXIT_LIMIT_OPEN_FILES = 7,
    AIRE_EXIT_LIMIT_OUTPUT = 8,
    AIRE_EXIT_LIMIT_STOPPED = 9 /**< by its observer */
};

/** How a command ended. */
typedef struct aire_exit {
    uint32_t struct_size;  /**< sizeof(aire_exit), set by the caller */
    int32_t code;          /**< exit code, 0..255; -1 if it ended by a signal or a limit */
    int32_t signal;        /**< signal that ended it; 0 for none */
    int32_t limit;         /**< AIRE_EXIT_LIMIT_* that ended it */
    int64_t wall_ms;       /**< elapsed, milliseconds */
    int64_t user_ms;       /**< processor time in user mode, all processes, milliseconds */
    int64_t system_ms;     /**< processor time in the kernel, all processes, milliseconds */
    int64_t max_rss_bytes; /**< largest resident memory seen, or the limit that it met; 0 if unknown */
    int64_t log_bytes;     /**< output written, kept or not */
    int64_t end_ms;        /**< from the verdict until none of its processes was left, milliseconds */
    int64_t io_read_bytes; /**< read from devices, all processes; 0 if unknown */
    int64_t io_write_bytes;   /**< written to devices, all processes; 0 if unknown */
    int64_t gpu_memory_bytes; /**< largest memory in use on its GPUs together; 0 if unknown */
    int64_t gpu_ms;           /**< GPU time: milliseconds times utilisation; 0 if unknown */
} aire_exit;

/** Initial value for an exit. */
#define AIRE_EXIT_INIT                                                                             \
    { sizeof(aire_exit), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/** Engines of the built-in sandbox. */
enum {
    AIRE_SANDBOX_BWRAP = 0, /**< bubblewrap; the default */
    /** No isolation at all, only limits and supervision: for machines without user namespaces and
     *  code that is trusted. Mounts and network flags are refused, except the mount whose source
     *  equals its target. */
    AIRE_SANDBOX_NONE = 1
};

/** Options of aire_sandbox_new. */
typedef struct aire_sandbox_options {
    uint32_t struct_size;    /**< sizeof(aire_sandbox_options) */
    int32_t engine;          /**< AIRE_SANDBOX_*; default bubblewrap */
    const char *worker_path; /**< the program aire-worker; NULL: where the library was installed */
    const char *bwrap_path;  /**< the program bwrap; NULL: found in /usr/bin, /bin, /usr/local/bin */
    /** Directory of a control group (v2) in which groups with memory and process limits may be made;
     *  NULL: the first such above this process's own. */
    const char *cgroup_path;
} aire_sandbox_options;

/** Default options. */
#define AIRE_SANDBOX_OPTIONS_INIT                                                                  \
    { sizeof(aire_sandbox_options), 0, NULL, NULL, NULL }

/** Set @p options of @p size bytes to the defaults; AIRE_ABI if @p size is unknown. @since 0.1 */
AIRE_API aire_status aire_sandbox_options_init(aire_sandbox_options *options, size_t size);

/**
 * Make the built-in sandbox, and run a trivial command in it to see that the machine can.
 *
 * While it is there, processes of the program aire-worker wait for the next commands, as many as ran
 * at once, at most 8. They are no children of this process, and end with it or with the sandbox.
 *
 * @param options nullable: the defaults
 * @param[out] out owned by caller, release with aire_sandbox_unref; NULL on failure
 * @return AIRE_OK; AIRE_UNSUPPORTED with a detail that names what the machine lacks (the worker,
 *         bubblewrap, user namespaces) and how to get it; AIRE_NOMEM, AIRE_IO, AIRE_ABI
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_sandbox_new(aire_ctx *ctx, const aire_sandbox_options *options,
                                                 aire_sandbox **out);

/** A sandbox of the host's own. Called on library threads, several at once, no lock held. */
typedef struct aire_sandbox_ops {
    uint32_t struct_size; /**< sizeof(aire_sandbox_ops) */
    uint32_t reserved;    /**< must be 0 */
    /** As aire_sandbox_run. Required. @p cancel is nullable. */
    aire_status (*run)(const aire_command *command, aire_cancel *cancel, aire_exit *exit,
                       void *user_data);
    /** Free @p user_data; optional. */
    void (*destroy)(void *user_data);
} aire_sandbox_ops;

/**
 * Make a sandbox from functions of the host. @p user_data is owned by the sandbox on success.
 *
 * @param[out] out owned by caller, release with aire_sandbox_unref; NULL on failure
 * @return AIRE_OK, AIRE_INVALID (a required function is missing), AIRE_NOMEM, AIRE_ABI
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_sandbox_new_from_ops(aire_ctx *ctx,
                                                          const aire_sandbox_ops *ops,
                                                          void *user_data, aire_sandbox **out);

/** What a sandbox has at its disposal on this machine; or'ed in aire_sandbox_supports. */
enum {
    AIRE_SUPPORTS_NAMESPACES = 1,   /**< the command is isolated */
    AIRE_SUPPORTS_LANDLOCK = 2,     /**< and its mounts are guarded once more */
    /** Memory is limited by the kernel. Without, it is sampled: short peaks go unseen, and memory
     *  that no process maps (files in /dev/shm) is not counted. */
    AIRE_SUPPORTS_MEMORY_GROUP = 4,
    /** The number of processes is limited by the kernel. Without, it is sampled. */
    AIRE_SUPPORTS_PROCESS_GROUP = 8
};

/** AIRE_SUPPORTS_*, or'ed; 0 for a sandbox of the host's own. @since 0.1 */
AIRE_API uint32_t aire_sandbox_supports(const aire_sandbox *sandbox);

/** Take a reference; returns @p sandbox. @since 0.1 */
AIRE_API aire_sandbox *aire_sandbox_ref(aire_sandbox *sandbox);
/** Drop a reference; NULL is allowed. @since 0.1 */
AIRE_API void aire_sandbox_unref(aire_sandbox *sandbox);

/**
 * Run a command, and wait until it and everything that it started is gone.
 *
 * @param cancel nullable: a token that ends the command
 * @param[out] exit how it ended; written only if the status is AIRE_OK
 * @return AIRE_OK however the command itself ended; AIRE_CANCELLED; AIRE_INVALID; AIRE_NOT_FOUND
 *         (a mount's source); AIRE_SANDBOX (could not be set up: not the command's fault);
 *         AIRE_IO, AIRE_NOMEM, AIRE_ABI
 * @since 0.1
 */
AIRE_API AIRE_CHECK aire_status aire_sandbox_run(aire_sandbox *sandbox, const aire_command *command,
                                                 aire_cancel *cancel, aire_exit *exit);

AIRE_END_DECLS

#endif
