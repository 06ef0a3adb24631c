/* The bounded log: the head goes to the file at once, the tail is kept in a ring until the end. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "worker/worker.h"

enum { HALF_MAX = 64 << 20 };

bool log_open(log_pump *log, int in, int out, int64_t max, live_feed *feed)
{
    *log = (log_pump){.in = in, .out = out, .live = feed, .half = max / 2};
    if (log->half > HALF_MAX)
        log->half = HALF_MAX;
    if (log->half < 1)
        log->half = 1;
    log->tail = malloc((size_t)log->half);
    return log->tail && fcntl(in, F_SETFL, O_NONBLOCK) == 0;
}

static void keep_tail(log_pump *log, const char *data, int64_t length)
{
    for (int64_t done = 0; done < length;) {
        int64_t at = (log->written - log->half + done) % log->half;
        int64_t count = log->half - at < length - done ? log->half - at : length - done;
        memcpy(log->tail + at, data + done, (size_t)count);
        done += count;
    }
}

static void take(log_pump *log, const char *data, int64_t length)
{
    size_t room = sizeof log->head - 1 - log->head_length;
    size_t begin = (size_t)length < room ? (size_t)length : room;
    memcpy(log->head + log->head_length, data, begin);
    log->head_length += begin;
    live_output(log->live, data, (size_t)length);

    int64_t head = log->half - log->written;
    if (head > length)
        head = length;
    if (head > 0) {
        aire__write_all(log->out, data,
                        (size_t)head); /* a full disk of the host must not stop the command */
        log->written += head;
        data += head;
        length -= head;
    }
    if (length > 0) {
        keep_tail(log, data, length);
        log->written += length;
    }
}

bool log_take(log_pump *log)
{
    char chunk[65536];
    for (int round = 0; round < 64; round++) { /* so that a flood does not keep us from the clock */
        ssize_t count = read(log->in, chunk, sizeof chunk);
        if (count > 0)
            take(log, chunk, count);
        else if (count == 0 || (errno != EAGAIN && errno != EINTR))
            return false;
        else if (errno == EAGAIN)
            return true;
    }
    return true;
}

void log_close(log_pump *log)
{
    int64_t rest = log->written - log->half;
    if (rest > log->half) {
        char note[80];
        int length = snprintf(note, sizeof note, "\n[... %lld bytes left out ...]\n",
                              (long long)(rest - log->half));
        aire__write_all(log->out, note, (size_t)length);
        int64_t begin = rest % log->half;
        aire__write_all(log->out, log->tail + begin, (size_t)(log->half - begin));
        aire__write_all(log->out, log->tail, (size_t)begin);
    } else if (rest > 0) {
        aire__write_all(log->out, log->tail, (size_t)rest);
    }
    free(log->tail);
}
