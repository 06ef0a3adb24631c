/* What the worker sends while a command runs, taken apart for the observer. */
#ifndef AIRE_SANDBOX_OBSERVE_H
#define AIRE_SANDBOX_OBSERVE_H

#include <limits.h>
#include <stdbool.h>

#include "aire/sandbox.h"

typedef struct aire_observer {
    aire_observe_fn fn;
    void *user_data;
    int fd;       /* our end of the live pipe; -1 for none; not blocking */
    bool stopped; /* the observer has had enough */
    size_t held;
    char data[4 * PIPE_BUF]; /* frames, the last one perhaps not whole */
} aire_observer;

/* Tell the observer what is there; false at the end of the pipe. */
bool aire__observer_take(aire_observer *o);

#endif
