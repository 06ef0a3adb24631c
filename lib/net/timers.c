/* Timers in a pairing heap made of the timers themselves. */
#include "net/timers.h"

#include <stddef.h>

static bool is_earlier(const aire_timer *a, const aire_timer *b)
{
    return a->when != b->when ? a->when < b->when : a->turn < b->turn;
}

/* One heap of two; either may be NULL. */
static aire_timer *meld(aire_timer *a, aire_timer *b)
{
    if (!a || !b)
        return a ? a : b;
    if (is_earlier(b, a)) {
        aire_timer *later = a;
        a = b;
        b = later;
    }
    b->before = a;
    b->sibling = a->child;
    if (a->child)
        a->child->before = b;
    a->child = b;
    return a;
}

static aire_timer *detach(aire_timer *timer)
{
    timer->sibling = timer->before = NULL;
    return timer;
}

/* One heap of a list of siblings: two by two from the left, then all from the right. */
static aire_timer *meld_siblings(aire_timer *first)
{
    aire_timer *pairs = NULL, *heap = NULL;
    while (first) {
        aire_timer *a = first, *b = a->sibling;
        first = b ? b->sibling : NULL;
        a = meld(detach(a), b ? detach(b) : NULL);
        a->sibling = pairs;
        pairs = a;
    }
    while (pairs) {
        aire_timer *pair = pairs;
        pairs = pair->sibling;
        heap = meld(detach(pair), heap);
    }
    return heap;
}

void aire__timer_unset(aire_timers *timers, aire_timer *timer)
{
    if (!timer->set)
        return;
    aire_timer *below = meld_siblings(timer->child);
    if (timer == timers->first) {
        timers->first = below;
    } else {
        if (timer->before->child == timer)
            timer->before->child = timer->sibling;
        else
            timer->before->sibling = timer->sibling;
        if (timer->sibling)
            timer->sibling->before = timer->before;
        timers->first = meld(timers->first, below);
    }
    timer->child = NULL;
    detach(timer);
    timer->set = false;
}

void aire__timer_set(aire_timers *timers, aire_timer *timer, int64_t when)
{
    aire__timer_unset(timers, timer);
    timer->when = when;
    timer->turn = timers->turns++;
    timer->set = true;
    timers->first = meld(timers->first, timer);
}
