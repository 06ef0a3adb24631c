/* Limits on the client's side. */
#include "model/limiter.h"

#include <math.h>
#include <stddef.h>

#define NS_PER_MINUTE 60e9
/* Of a token or a request: what rounding may take from a level that is full in truth. */
#define ROUNDING 1e-6

static aire_bucket make_bucket(int64_t per_minute, int64_t burst)
{
    if (per_minute <= 0)
        return (aire_bucket){0};
    double rate = (double)per_minute;
    double size = burst > 0 ? (double)burst : fmax(rate / 6, 1);
    return (aire_bucket){.per_minute = rate, .burst = size, .level = size};
}

void aire__limiter_init(aire_limiter *limiter, const aire_rates_per_minute *limits, int64_t now_ns)
{
    *limiter = (aire_limiter){
        .requests = make_bucket(limits->requests_per_minute, limits->request_burst),
        .tokens = make_bucket(limits->tokens_per_minute, limits->token_burst),
        .now_ns = now_ns,
        .held_ns = now_ns,
    };
}

static void pour(aire_bucket *bucket, double amount)
{
    bucket->level = fmin(bucket->level + amount, bucket->burst);
}

static void advance(aire_limiter *limiter, int64_t now_ns)
{
    if (now_ns <= limiter->now_ns)
        return;
    double minutes = (double)(now_ns - limiter->now_ns) / NS_PER_MINUTE;
    pour(&limiter->requests, minutes * limiter->requests.per_minute);
    pour(&limiter->tokens, minutes * limiter->tokens.per_minute);
    limiter->now_ns = now_ns;
}

/* Nanoseconds until a bucket lets so much through; 0 for now. */
static int64_t wait_for(const aire_bucket *bucket, double amount)
{
    if (bucket->per_minute == 0)
        return 0;
    double missing = fmin(amount, bucket->burst) - bucket->level;
    if (missing <= ROUNDING)
        return 0;
    return (int64_t)fmin(ceil(missing / bucket->per_minute * NS_PER_MINUTE), 1e18);
}

/* The ring of callers, by their first tickets. */

static void join_ring(aire_limiter *limiter, aire_ticket *first)
{
    aire_ticket *turn = limiter->turn;
    if (!turn) {
        first->turn_next = first->turn_prev = first;
        limiter->turn = first;
        return;
    }
    first->turn_next = turn; /* before the one whose turn it is: the end of the round */
    first->turn_prev = turn->turn_prev;
    turn->turn_prev->turn_next = first;
    turn->turn_prev = first;
}

static void leave_ring(aire_limiter *limiter, aire_ticket *first)
{
    if (first->turn_next == first) {
        limiter->turn = NULL;
    } else {
        first->turn_prev->turn_next = first->turn_next;
        first->turn_next->turn_prev = first->turn_prev;
        if (limiter->turn == first)
            limiter->turn = first->turn_next;
    }
    first->turn_next = first->turn_prev = NULL;
}

/* The caller's second ticket takes the place of its first. */
static void succeed(aire_limiter *limiter, aire_ticket *first, aire_ticket *second)
{
    second->last = first->last;
    second->turn_next = first->turn_next == first ? second : first->turn_next;
    second->turn_prev = first->turn_prev == first ? second : first->turn_prev;
    second->turn_prev->turn_next = second;
    second->turn_next->turn_prev = second;
    if (limiter->turn == first)
        limiter->turn = second;
    first->turn_next = first->turn_prev = NULL;
}

static void remove_first(aire_limiter *limiter, aire_ticket *first)
{
    if (first->next)
        succeed(limiter, first, first->next);
    else
        leave_ring(limiter, first);
    first->next = NULL;
    first->waits = false;
    limiter->waiting--;
}

static aire_ticket *first_of(const aire_limiter *limiter, uint64_t caller)
{
    aire_ticket *at = limiter->turn;
    if (!at)
        return NULL;
    do {
        if (at->caller == caller)
            return at;
        at = at->turn_next;
    } while (at != limiter->turn);
    return NULL;
}

void aire__limiter_submit(aire_limiter *limiter, aire_ticket *ticket, uint64_t caller,
                          int64_t tokens)
{
    *ticket = (aire_ticket){.caller = caller, .tokens = tokens > 0 ? tokens : 0, .waits = true};
    aire_ticket *first = first_of(limiter, caller);
    if (first) {
        first->last->next = ticket;
        first->last = ticket;
    } else {
        ticket->last = ticket;
        join_ring(limiter, ticket);
    }
    limiter->waiting++;
}

aire_ticket *aire__limiter_take(aire_limiter *limiter, int64_t now_ns, int64_t *wake_ns)
{
    aire_ticket *ticket = limiter->turn;
    advance(limiter, now_ns);
    *wake_ns = INT64_MAX;
    if (!ticket)
        return NULL;
    int64_t wait = wait_for(&limiter->requests, 1);
    int64_t other = wait_for(&limiter->tokens, (double)ticket->tokens);
    if (other > wait)
        wait = other;
    if (wait > 0 || limiter->now_ns < limiter->held_ns) {
        int64_t when = wait > INT64_MAX - limiter->now_ns ? INT64_MAX : limiter->now_ns + wait;
        *wake_ns = when > limiter->held_ns ? when : limiter->held_ns;
        return NULL;
    }
    limiter->requests.level -= 1;
    limiter->tokens.level -= (double)ticket->tokens;
    limiter->turn = ticket->turn_next;
    remove_first(limiter, ticket);
    return ticket;
}

void aire__limiter_settle(aire_limiter *limiter, const aire_ticket *ticket, int64_t used,
                          int64_t now_ns)
{
    advance(limiter, now_ns);
    pour(&limiter->tokens, (double)ticket->tokens - (double)(used > 0 ? used : 0));
}

void aire__limiter_withdraw(aire_limiter *limiter, aire_ticket *ticket)
{
    if (!ticket->waits)
        return;
    aire_ticket *first = first_of(limiter, ticket->caller);
    if (first == ticket) {
        remove_first(limiter, ticket);
        return;
    }
    aire_ticket *before = first;
    while (before->next != ticket)
        before = before->next;
    before->next = ticket->next;
    if (first->last == ticket)
        first->last = before;
    ticket->next = NULL;
    ticket->waits = false;
    limiter->waiting--;
}

void aire__limiter_forget(aire_limiter *limiter)
{
    limiter->turn = NULL;
    limiter->waiting = 0;
}

void aire__limiter_hold(aire_limiter *limiter, int64_t until_ns)
{
    if (until_ns > limiter->held_ns)
        limiter->held_ns = until_ns;
}
