#include "sandbox/observe.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/spec.h"

/* Tell whole frames and keep the rest; false if they are no frames. */
static bool tell(aire_observer *o)
{
    size_t at = 0;
    aire_live_frame frame;
    while (o->held - at >= sizeof frame) {
        memcpy(&frame, o->data + at, sizeof frame);
        if (frame.length > PIPE_BUF)
            return false;
        if (o->held - at < sizeof frame + frame.length)
            break;
        if (!o->stopped)
            o->stopped = o->fn((int32_t)frame.kind, o->data + at + sizeof frame, frame.length,
                               o->user_data) != 0;
        at += sizeof frame + frame.length;
    }
    memmove(o->data, o->data + at, o->held - at);
    o->held -= at;
    return true;
}

bool aire__observer_take(aire_observer *o)
{
    for (;;) {
        ssize_t count = read(o->fd, o->data + o->held, sizeof o->data - o->held);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno == EAGAIN)
            return true;
        if (count <= 0)
            return false;
        o->held += (size_t)count;
        if (!tell(o))
            return false;
    }
}
