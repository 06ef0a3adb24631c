/*
 * What the command writes, passed on while it writes: its output as far as there is room (the log
 * has all that is kept), and the lines of its stream file, all of them.
 *
 * The stream file is the command's: it is opened never through a link, only if it is a plain file,
 * and read only forward.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/spec.h"
#include "worker/worker.h"

enum { PAYLOAD_MAX = PIPE_BUF - (int)sizeof(aire_live_frame), PATIENCE_MS = 2000 };

void live_open(live_feed *l, int fd, const char *stream_path)
{
    *l = (live_feed){.fd = fd, .path = stream_path, .stream = -1};
}

/* One frame, whole or not at all. */
static bool send_frame(live_feed *l, uint32_t kind, const char *data, size_t length)
{
    char frame[PIPE_BUF];
    aire_live_frame head = {kind, (uint32_t)length};
    memcpy(frame, &head, sizeof head);
    memcpy(frame + sizeof head, data, length);
    ssize_t done;
    do
        done = write(l->fd, frame, sizeof head + length);
    while (done < 0 && errno == EINTR);
    if (done < 0 && errno != EAGAIN) { /* nobody reads any more */
        close(l->fd);
        l->fd = -1;
    }
    return done > 0;
}

void live_output(live_feed *l, const char *data, size_t length)
{
    while (l->fd >= 0 && length > 0) {
        size_t count = length < PAYLOAD_MAX ? length : PAYLOAD_MAX;
        if (!send_frame(l, AIRE_OBSERVE_OUTPUT, data, count))
            return;
        data += count;
        length -= count;
    }
}

static void find_stream(live_feed *l)
{
    struct stat info;
    int fd = open(l->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0 && (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))) {
        close(fd);
        fd = -1;
    }
    l->stream = fd;
}

/* The lines in a chunk that begins where we are. False: no room, or nothing whole is there. */
static bool pass_lines(live_feed *l, const char *chunk, size_t length)
{
    const char *begin = chunk, *first = memchr(chunk, '\n', length);
    if (l->skipping && first)
        begin = first + 1;
    const char *end = memrchr(begin, '\n', length - (size_t)(begin - chunk));
    if (end && !send_frame(l, AIRE_OBSERVE_STREAM, begin, (size_t)(end + 1 - begin)))
        return false;
    bool too_long = !first && length == PAYLOAD_MAX;
    if (!end && !first && !too_long)
        return false;
    l->skipping = too_long || (l->skipping && !first);
    l->at += end ? end + 1 - chunk : first ? begin - chunk : (int64_t)length;
    return true;
}

bool live_stream(live_feed *l)
{
    char chunk[PAYLOAD_MAX];
    if (l->fd < 0 || !*l->path)
        return true;
    if (l->stream < 0)
        find_stream(l);
    for (int round = 0; round < 64 && l->stream >= 0; round++) {
        ssize_t count = pread(l->stream, chunk, sizeof chunk, l->at);
        if (count <= 0)
            return true;
        if (!pass_lines(l, chunk, (size_t)count))
            return !memchr(chunk, '\n', (size_t)count);
    }
    return l->stream < 0;
}

void live_close(live_feed *l)
{
    for (int waits = 0; !live_stream(l) && l->fd >= 0 && waits < PATIENCE_MS / 10; waits++)
        poll(&(struct pollfd){l->fd, POLLOUT, 0}, 1, 10);
    if (l->stream >= 0)
        close(l->stream);
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
}
