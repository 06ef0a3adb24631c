/* The report to the library: pairs of texts, see sandbox/spec.h. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "base/io.h"
#include "sandbox/spec.h"
#include "worker/worker.h"

enum { REPORT_MAX = 2048 };

typedef struct report {
    char text[REPORT_MAX];
    size_t length;
} report;

/* Too long a value is cut. */
static void add(report *r, const char *key, const char *value, size_t length)
{
    size_t room = sizeof r->text - r->length;
    size_t head = strlen(key) + 1;
    if (head + 1 > room)
        return;
    if (length > room - head - 1)
        length = room - head - 1;
    memcpy(r->text + r->length, key, head);
    memcpy(r->text + r->length + head, value, length);
    r->text[r->length + head + length] = '\0';
    r->length += head + length + 1;
}

static void send_report(const report *r)
{
    aire__write_all(AIRE_WORKER_REPORT, r->text, r->length);
}

void report_failure(const char *why, size_t length)
{
    report r = {.length = 0};
    while (length > 0 && strchr(" \n", why[length - 1]))
        length--;
    size_t text = strnlen(why, length); /* what a program wrote may hold a NUL */
    add(&r, "setup", why, text);
    send_report(&r);
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t milliseconds(struct timeval time)
{
    return (int64_t)time.tv_sec * 1000 + time.tv_usec / 1000;
}

void report_end(const supervision *s)
{
    enum { BLOCK = 512 }; /* the unit of getrusage(2) */
    struct rusage used;
    report r = {.length = 0};
    /* What the end of its namespace killed was waited for by nobody: of that, the last look tells.
     */
    getrusage(RUSAGE_CHILDREN, &used);
    const struct {
        const char *key;
        int64_t value;
    } rows[] = {
        {"code", s->code},
        {"signal", s->signal},
        {"limit", s->limit},
        {"wall_ms", s->wall_ms},
        {"end_ms", s->end_ms},
        {"user_ms", larger(milliseconds(used.ru_utime), s->used.user_ms)},
        {"system_ms", larger(milliseconds(used.ru_stime), s->used.system_ms)},
        {"max_rss_bytes", larger((int64_t)used.ru_maxrss << 10, s->max_resident)},
        {"log_bytes", s->log.written},
        {"io_read_bytes", (int64_t)used.ru_inblock * BLOCK},
        {"io_write_bytes", (int64_t)used.ru_oublock * BLOCK},
        {"supports", s->supports},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char number[32];
        int length = snprintf(number, sizeof number, "%lld", (long long)rows[i].value);
        add(&r, rows[i].key, number, (size_t)length);
    }
    send_report(&r);
}
