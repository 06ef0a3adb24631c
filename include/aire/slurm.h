/**
 * @file slurm.h
 * Runs as jobs of a Slurm cluster.
 *
 * Set aire_executor_options.slurm, and each run becomes one job, which builds, runs and evaluates
 * inside the sandbox on the node that Slurm gives it. Variants and results travel by a directory
 * that all nodes see; so must the environment, its data and the installed library. Runs that become
 * ready while another is being submitted are submitted together, as an array of jobs. The program
 * that runs the executor needs no sandbox of its own.
 */
#ifndef AIRE_SLURM_H
#define AIRE_SLURM_H

#include "aire/status.h"

AIRE_BEGIN_DECLS

/** How to reach the cluster. Strings are copied. */
typedef struct aire_slurm_options {
    uint32_t struct_size;         /**< sizeof(aire_slurm_options) */
    int32_t poll_ms;              /**< between questions to the controller, for all jobs together; default 2000 */
    const char *directory;        /**< absolute, seen by all nodes; required */
    const char *partition;        /**< nullable: Slurm's default; so are the next two */
    const char *account;
    const char *qos;
    const char *const *arguments; /**< more arguments of sbatch, ends in NULL; nullable */
    const char *bin_dir;          /**< where sbatch, squeue, scontrol, scancel and, where there is accounting, sacct are; NULL: /usr/bin */
    const char *conf_path;        /**< slurm.conf, absolute; NULL: where Slurm looks for it. SLURM_CONF of the host is not read */
    const char *job_path;         /**< the program aire-job; NULL: where the library was installed */
    const char *worker_path;      /**< the program aire-worker on the nodes; NULL: the same */
} aire_slurm_options;

/** Default options. */
#define AIRE_SLURM_OPTIONS_INIT                                                                    \
    { sizeof(aire_slurm_options), 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL }

/** Set @p options of @p size bytes to the defaults; AIRE_ABI if @p size is unknown. @since 0.1 */
AIRE_API aire_status aire_slurm_options_init(aire_slurm_options *options, size_t size);

AIRE_END_DECLS

#endif
