/* Laying buffers of known lifetimes out in one arena: a sweep over the steps, with a list of gaps.
 */
#include "tensor/arena.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/str.h"

typedef struct arena_gap {
    uint64_t offset, bytes;
} arena_gap;

typedef struct arena_sweep {
    arena_gap *gaps; /* by offset; room for one more than there are spans */
    size_t gap_count;
    uint64_t end; /* of the arena so far */
} arena_sweep;

static int64_t order(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int by_first(const void *a, const void *b)
{
    const aire_span *x = *(aire_span *const *)a, *y = *(aire_span *const *)b;
    if (x->first != y->first)
        return (int)order(x->first, y->first);
    return (int)order((int64_t)y->bytes, (int64_t)x->bytes); /* large ones first */
}

static int by_last(const void *a, const void *b)
{
    const aire_span *x = *(aire_span *const *)a, *y = *(aire_span *const *)b;
    if (x->last != y->last)
        return (int)order(x->last, y->last);
    return (int)order((int64_t)x->offset, (int64_t)y->offset);
}

static void remove_gap(arena_sweep *sweep, size_t index)
{
    sweep->gap_count--;
    memmove(sweep->gaps + index, sweep->gaps + index + 1,
            (sweep->gap_count - index) * sizeof *sweep->gaps);
}

static void take(arena_sweep *sweep, aire_span *span)
{
    size_t best = sweep->gap_count;
    for (size_t i = 0; i < sweep->gap_count; i++)
        if (sweep->gaps[i].bytes >= span->bytes &&
            (best == sweep->gap_count || sweep->gaps[i].bytes < sweep->gaps[best].bytes))
            best = i;
    if (best < sweep->gap_count) {
        arena_gap *gap = &sweep->gaps[best];
        span->offset = gap->offset;
        gap->offset += span->bytes;
        gap->bytes -= span->bytes;
        if (gap->bytes == 0)
            remove_gap(sweep, best);
        return;
    }
    span->offset = sweep->end;
    if (sweep->gap_count > 0) { /* a gap at the very end can grow */
        const arena_gap *last = &sweep->gaps[sweep->gap_count - 1];
        if (last->offset + last->bytes == sweep->end) {
            span->offset = last->offset;
            sweep->gap_count--;
        }
    }
    sweep->end = span->offset + span->bytes;
}

static void give(arena_sweep *sweep, const aire_span *span)
{
    size_t at = 0, high = sweep->gap_count;
    while (at < high) { /* the first gap behind the span */
        size_t middle = at + (high - at) / 2;
        if (sweep->gaps[middle].offset < span->offset)
            at = middle + 1;
        else
            high = middle;
    }
    memmove(sweep->gaps + at + 1, sweep->gaps + at, (sweep->gap_count - at) * sizeof *sweep->gaps);
    sweep->gaps[at] = (arena_gap){span->offset, span->bytes};
    sweep->gap_count++;
    if (at + 1 < sweep->gap_count &&
        sweep->gaps[at].offset + sweep->gaps[at].bytes == sweep->gaps[at + 1].offset) {
        sweep->gaps[at].bytes += sweep->gaps[at + 1].bytes;
        remove_gap(sweep, at + 1);
    }
    if (at > 0 &&
        sweep->gaps[at - 1].offset + sweep->gaps[at - 1].bytes == sweep->gaps[at].offset) {
        sweep->gaps[at - 1].bytes += sweep->gaps[at].bytes;
        remove_gap(sweep, at);
    }
}

aire_status aire__arena_lay_out(aire_ctx *ctx, aire_span *const *spans, size_t count,
                                uint64_t *bytes)
{
    aire_status status = AIRE_OK;
    arena_sweep sweep = {.gaps = aire__calloc(ctx, count + 1, sizeof(arena_gap))};
    aire_span **starts = aire__calloc(ctx, count + 1, sizeof *starts);
    aire_span **ends = aire__calloc(ctx, count + 1, sizeof *ends);
    if (!sweep.gaps || !starts || !ends) {
        status = aire__fail_nomem();
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        spans[i]->bytes =
            (spans[i]->bytes + AIRE_ARENA_ALIGNMENT - 1) & ~(AIRE_ARENA_ALIGNMENT - 1);
        starts[i] = ends[i] = spans[i];
    }
    qsort(starts, count, sizeof *starts, by_first);
    qsort(ends, count, sizeof *ends, by_last);
    size_t ended = 0;
    for (size_t i = 0; i < count; i++) {
        while (ended < count && ends[ended]->last < starts[i]->first)
            give(&sweep, ends[ended++]);
        take(&sweep, starts[i]);
    }
    *bytes = sweep.end;

done:
    aire_free(ctx, ends);
    aire_free(ctx, starts);
    aire_free(ctx, sweep.gaps);
    return status;
}
