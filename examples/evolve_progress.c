/* aire-evolve: what a person sees while it runs. One line is redrawn on a terminal; elsewhere there
 * are plain lines only. */
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "evolve.h"

void progress_begin(progress *p, aire_ctx *ctx)
{
    memset(p, 0, sizeof *p);
    p->live = isatty(STDOUT_FILENO);
    p->started_ns = aire_ctx_monotonic_ns(ctx);
    snprintf(p->best, sizeof p->best, "none yet");
}

void progress_stage(const aire_progress *stage, void *data)
{
    progress *p = data;
    int length = snprintf(p->stage, sizeof p->stage, "run %lld: %s", (long long)stage->run_id,
                          aire_stage_name(stage->stage));
    if (stage->event == AIRE_PROGRESS_METRIC)
        snprintf(p->stage + length, sizeof p->stage - (size_t)length, " %g at %g", stage->value,
                 stage->step);
}

static void clear(const progress *p)
{
    if (p->live)
        fputs("\r\033[K", stdout);
}

void progress_line(progress *p, const char *format, ...)
{
    va_list args;
    clear(p);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

void progress_draw(progress *p, aire_ctx *ctx)
{
    if (!p->live)
        return;
    long long seconds = (aire_ctx_monotonic_ns(ctx) - p->started_ns) / 1000000000;
    clear(p);
    printf("%02lld:%02lld  %zu done, %zu waiting  best: %s  %s", seconds / 60, seconds % 60,
           p->finished, p->waiting, p->best, p->stage);
    fflush(stdout);
}

void progress_end(progress *p)
{
    clear(p);
    fflush(stdout);
}
