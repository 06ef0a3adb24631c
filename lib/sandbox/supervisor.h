/*
 * Supervisors: processes of the program aire-worker, each for one command.
 *
 * What a supervisor does before it knows its command takes as long as the start of the command (its
 * control group waits for the kernel), so one is started ahead: whoever has given his supervisor
 * its command starts the next one. At most as many wait as commands ran at once.
 */
#ifndef AIRE_SANDBOX_SUPERVISOR_H
#define AIRE_SANDBOX_SUPERVISOR_H

#include <sched.h>
#include <stdbool.h>

#include "base/process.h"
#include "base/thread.h"

struct aire_engine;

enum { AIRE_SUPERVISORS_AHEAD = 8 };

/* What a process has from whom it was started by; a command must not run with another's. */
typedef struct aire_origin {
    pid_t host;
    uid_t user;
    gid_t group;
    cpu_set_t cpus;
} aire_origin;

typedef struct aire_supervisor {
    aire_process worker;
    aire_origin origin;
    int control; /* our end of the control socket */
    int report;  /* our end of the report pipe */
} aire_supervisor;

#define AIRE_SUPERVISOR_NONE                                                                       \
    {                                                                                              \
        .worker = AIRE_PROCESS_NONE, .control = -1, .report = -1                                   \
    }

/* Those of an engine. */
typedef struct aire_supervisors {
    pthread_mutex_t lock;
    aire_supervisor ahead[AIRE_SUPERVISORS_AHEAD];
    size_t count;    /* that wait */
    size_t starting; /* that will */
    size_t running;  /* commands */
} aire_supervisors;

void aire__supervisors_init(aire_supervisors *all);

/* End those that wait, and wait until they are gone. */
void aire__supervisors_free(aire_supervisors *all);

/* Give a command to a supervisor: one of those that wait, or a new one. `sent`: descriptors as
 * spec.h has them, which stay the caller's. Release with aire__supervisor_close. AIRE_SANDBOX. */
aire_status aire__supervisor_begin(struct aire_engine *engine, const int *sent, size_t sent_count,
                                   aire_supervisor *out);

/* Start one for the next command, if too few wait. */
void aire__supervisor_ahead(struct aire_engine *engine);

/* Stop listening to it, and let go of it; if its command has not ended, it ends as cancelled. */
void aire__supervisor_close(struct aire_engine *engine, aire_supervisor *supervisor);

#endif
