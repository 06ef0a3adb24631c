/* Circuit breakers. */
#include "model/breaker.h"

#include <stddef.h>

#define NS_PER_MS 1000000

enum { THRESHOLD = 5, FIRST_PAUSE_MS = 1000, MAX_PAUSE_MS = 60000 };

void aire__breaker_init(aire_breaker *breaker, int32_t threshold, int64_t first_pause_ms,
                        int64_t max_pause_ms)
{
    int64_t first = (first_pause_ms > 0 ? first_pause_ms : FIRST_PAUSE_MS) * NS_PER_MS;
    int64_t max = (max_pause_ms > 0 ? max_pause_ms : MAX_PAUSE_MS) * NS_PER_MS;
    *breaker = (aire_breaker){
        .state = AIRE_CLOSED,
        .threshold = threshold > 0 ? threshold : THRESHOLD,
        .first_pause_ns = first,
        .max_pause_ns = max > first ? max : first,
        .pause_ns = first,
        .pass = 1,
    };
}

static void change(aire_breaker *breaker, aire_breaker_state state)
{
    breaker->state = state;
    breaker->failures = 0;
    breaker->probing = false;
    if (++breaker->pass == 0)
        breaker->pass = 1;
}

static void open_breaker(aire_breaker *breaker, int64_t now_ns)
{
    change(breaker, AIRE_OPEN);
    breaker->until_ns = now_ns + breaker->pause_ns;
    breaker->pause_ns = breaker->pause_ns > breaker->max_pause_ns / 2 ? breaker->max_pause_ns
                                                                      : breaker->pause_ns * 2;
}

uint32_t aire__breaker_enter(aire_breaker *breaker, int64_t now_ns, int64_t *again_ns)
{
    *again_ns = now_ns;
    if (breaker->state == AIRE_OPEN && now_ns >= breaker->until_ns)
        change(breaker, AIRE_HALF_OPEN);
    if (breaker->state == AIRE_OPEN) {
        *again_ns = breaker->until_ns;
        return 0;
    }
    if (breaker->state == AIRE_HALF_OPEN) {
        if (breaker->probing) {
            *again_ns = now_ns + breaker->first_pause_ns;
            return 0;
        }
        breaker->probing = true;
    }
    return breaker->pass;
}

void aire__breaker_leave(aire_breaker *breaker, uint32_t pass, aire_verdict verdict, int64_t now_ns)
{
    if (pass != breaker->pass)
        return;
    if (verdict == AIRE_VERDICT_NONE) {
        breaker->probing = false;
    } else if (breaker->state == AIRE_HALF_OPEN) {
        if (verdict == AIRE_VERDICT_FAILED) {
            open_breaker(breaker, now_ns);
        } else {
            change(breaker, AIRE_CLOSED);
            breaker->pause_ns = breaker->first_pause_ns;
        }
    } else if (verdict == AIRE_VERDICT_ALIVE) {
        breaker->failures = 0;
    } else if (++breaker->failures >= breaker->threshold) {
        open_breaker(breaker, now_ns);
    }
}
